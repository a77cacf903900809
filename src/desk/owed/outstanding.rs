//! What of protective acts some Power has not been sent, and why.

use std::fmt;

use super::{
    BUNDLE_ENDED, COPY_EXPIRED, COPY_REJECTED, COPY_VOID, COPY_WITHDRAWN, DOCUMENT_GONE, GATEWAY_AWAY,
    NOT_ACCREDITED, REGISTER_BEHIND,
};
use crate::desk::Desk;
use crate::desk::accreditation::Trust;
use crate::desk::error::DeskError;
use crate::desk::keys::Keys;
use crate::desk::reference::{Entry, register_number};
use crate::desk::register::{OwedEntry, SentEntry, SentState};
use crate::digest::Digest;
use crate::limits;
use crate::message::envelope::Envelope;
use crate::message::id::MessageId;
use crate::message::terms::{ActClass, Precedence};
use crate::time::Timestamp;
use crate::trust::name::Ministry;

/// A copy that stands in front of another and was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Front {
    /// Its register number.
    pub reference: String,
    /// Why it was not taken; may be empty.
    pub reason: String,
}

/// A protective act that a Power has not been sent: nothing of it is in the custody of the own gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outstanding {
    /// Digest of the dispatch.
    pub dispatch: Digest,
    /// Who is to have it.
    pub recipient: Ministry,
    /// Its consultation.
    pub consultation: String,
    /// Its number in the consultation; 0 where it has none, or none yet.
    pub act_number: u64,
    /// When it was released.
    pub released: Timestamp,
    /// The copy for that Power and its register number; none where none could be made yet.
    pub copy: Option<(MessageId, String)>,
    /// Why it has not gone: a stable code; empty where it was only not tried again.
    pub reason: String,
    /// What stands in front of it.
    pub behind: Option<Front>,
}

impl Desk {
    /// The protective acts of this desk that some Power has not been sent, oldest first.
    pub fn outstanding(&self, trust: &Trust, keys: &Keys) -> Result<Vec<Outstanding>, DeskError> {
        self.owe_anew(trust, keys)?;
        let mut found: Vec<Outstanding> = self.register.owed()?.iter().map(unmade).collect();
        // Of what is left nobody knows what it held.
        for copy in self.register.ended(None, limits::PAGE_MAX)? {
            found.push(self.untaken(&copy)?);
        }
        let mut last = None;
        loop {
            let page = self.register.waiting(last.as_ref(), limits::PAGE_MAX)?;
            let Some(newest) = page.last() else { break };
            last = Some(newest.id);
            for copy in &page {
                if !is_told(&found, copy) && self.is_protective(trust, keys, copy)? {
                    found.push(self.untaken(copy)?);
                }
            }
        }
        found.sort_by(|one, other| (one.released, &one.recipient).cmp(&(other.released, &other.recipient)));
        Ok(found)
    }

    /// What can be seen of that without a key, and without changing anything: what no copy could be made of, and copies that
    /// were not taken and are urgent by their header, as a withdrawal is.
    pub fn outstanding_locked(&self) -> Result<Vec<Outstanding>, DeskError> {
        let mut found: Vec<Outstanding> = self.register.owed()?.iter().map(unmade).collect();
        let mut last = None;
        loop {
            let page = self.register.waiting(last.as_ref(), limits::PAGE_MAX)?;
            let Some(newest) = page.last() else { return Ok(found) };
            last = Some(newest.id);
            for copy in page.iter().filter(|copy| is_urgent(copy)) {
                if !is_told(&found, copy) {
                    found.push(self.untaken(copy)?);
                }
            }
        }
    }

    /// Whether a copy is of a protective act.
    pub(in crate::desk) fn is_protective(
        &self,
        trust: &Trust,
        keys: &Keys,
        copy: &SentEntry,
    ) -> Result<bool, DeskError> {
        let opened = self.unseal_unjudged(trust, &keys.reading()?, &Entry::Sent(copy.clone()));
        Ok(match opened {
            Ok(opened) => opened.dispatch.dispatch().act_class == ActClass::Protective,
            // What does not open here and is urgent may be one: it is told of rather than left out.
            Err(_) => is_urgent(copy),
        })
    }

    /// The same of one dispatch, of which nothing needs to be opened for that.
    pub fn outstanding_of(&self, dispatch: &Digest) -> Result<Vec<Outstanding>, DeskError> {
        let owed = self.register.owed()?;
        let mut found: Vec<Outstanding> =
            owed.iter().filter(|owed| owed.dispatch == *dispatch).map(unmade).collect();
        let mut last = None;
        loop {
            let page = self.register.waiting(last.as_ref(), limits::PAGE_MAX)?;
            let Some(newest) = page.last() else { return Ok(found) };
            last = Some(newest.id);
            for copy in page.iter().filter(|copy| copy.dispatch_digest == *dispatch) {
                if !is_told(&found, copy) {
                    found.push(self.untaken(copy)?);
                }
            }
        }
    }

    /// A copy that was made and that the gateway has not taken.
    fn untaken(&self, copy: &SentEntry) -> Result<Outstanding, DeskError> {
        let own = &self.config.ministry;
        let front = self.register.first_waiting(&copy.channel, &copy.recipient)?;
        let behind = match front.filter(|front| front.id != copy.id) {
            Some(front) => self.register.sent_message(&front.id)?.map(|front| Front {
                reference: Entry::Sent(front.clone()).reference(own),
                reason: front.reason,
            }),
            None => None,
        };
        let reference = register_number(own, &copy.recipient, copy.release_time, copy.sequence);
        let reason = match (&behind, copy.state) {
            (Some(front), _) if copy.reason.is_empty() => front.reason.clone(),
            (_, SentState::Void) if copy.reason.is_empty() => "VOIDED".to_owned(),
            _ => copy.reason.clone(),
        };
        Ok(Outstanding {
            dispatch: copy.dispatch_digest,
            recipient: copy.recipient.clone(),
            consultation: copy.consultation.clone(),
            act_number: copy.act_number,
            released: copy.release_time,
            copy: Some((copy.id, reference)),
            reason,
            behind,
        })
    }
}

/// Whether the header of a copy says that it is urgent.
fn is_urgent(copy: &SentEntry) -> bool {
    Envelope::parse_held(&copy.envelope)
        .is_ok_and(|envelope| envelope.header().address().precedence >= Precedence::Immediate)
}

/// Whether it is told already that the recipient of a copy is owed the act: the copy was given up.
fn is_told(found: &[Outstanding], copy: &SentEntry) -> bool {
    let is_same =
        |one: &Outstanding| (one.dispatch, &one.recipient) == (copy.dispatch_digest, &copy.recipient);
    copy.state == SentState::Void && found.iter().any(is_same)
}

/// An act of which no copy could be made yet for a Power.
pub(super) fn unmade(owed: &OwedEntry) -> Outstanding {
    Outstanding {
        dispatch: owed.dispatch,
        recipient: owed.recipient.clone(),
        consultation: owed.consultation.clone(),
        act_number: owed.act_number,
        released: owed.release_time,
        copy: None,
        reason: owed.reason.clone(),
        behind: None,
    }
}

impl fmt::Display for Outstanding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { recipient, reason, behind, .. } = self;
        match (reason.as_str(), behind) {
            (BUNDLE_ENDED, _) => write!(f, "the trust bundle of {recipient} has ended"),
            (NOT_ACCREDITED, _) => write!(f, "no trust bundle of {recipient} is here"),
            (DOCUMENT_GONE, _) => f.write_str("a document of it is not in the keeping of this desk any more"),
            (GATEWAY_AWAY, _) => f.write_str("the own gateway is away"),
            (REGISTER_BEHIND, _) => f.write_str("the register of this desk lacks what the own gateway holds"),
            (COPY_REJECTED, _) => write!(f, "{recipient} refused its copy, and it goes anew"),
            (COPY_EXPIRED, _) => f.write_str("its copy was not delivered in time, and it goes anew"),
            (COPY_WITHDRAWN, _) => f.write_str("its copy was withdrawn at the own gateway, and it goes anew"),
            (COPY_VOID, _) => f.write_str("its copy was not taken by the own gateway, and it goes anew"),
            ("", Some(front)) => write!(f, "{} before it has not been taken yet", front.reference),
            (word, Some(front)) => write!(f, "{} before it has not been taken ({word})", front.reference),
            ("", None) => f.write_str("the own gateway has not taken it yet"),
            (word, None) => write!(f, "it could not go yet ({word})"),
        }
    }
}
