//! Giving up what a restored register lacks and no reading key of this home opens any more: the key was newer than the
//! backup, and is lost.
//!
//! A Power enters, and officers who have agreed; the copies to it stand in the register afterwards, sealed, in their
//! places and under their act numbers. What must never happen: that a copy is given up which opens; that a formal
//! number is given twice because nobody can read it; or that somebody departs in a consultation of which such a copy is
//! a part. Nobody knows whether it was a withdrawal, so that it stays there as a message that does not open.

use std::collections::BTreeSet;

use crate::desk::Desk;
use crate::desk::accreditation::Trust;
use crate::desk::administration::act;
use crate::desk::error::DeskError;
use crate::desk::keys::Keys;
use crate::desk::mailbox::Mailbox;
use crate::desk::reference::Entry;
use crate::desk::refill::{Refilled, Rest};
use crate::desk::send::RELEASE_LOCK;
use crate::digest::Digest;
use crate::message::administration::AdministrativeVerb as Verb;
use crate::message::envelope::Envelope;
use crate::message::refusal::Reason;
use crate::message::seal::OpenError;
use crate::trust::name::Ministry;

/// What was given up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Forgone {
    /// How many copies.
    pub copies: usize,
    /// Their consultations.
    pub consultations: BTreeSet<String>,
}

impl Desk {
    /// Takes back what this register lacks, and of what was sent to this Power also what opens no more.
    pub async fn forgo(
        &self,
        trust: &Trust,
        keys: &Keys,
        mailbox: &mut Mailbox,
        recipient: &Ministry,
    ) -> Result<(Forgone, Refilled), DeskError> {
        let _released_alone = self.hold(RELEASE_LOCK).await?;
        self.note_act(act(Verb::LossesGivenUp).about(recipient))?;
        let behind = self.lines_behind(mailbox).await?;
        self.note_behind(&behind)?;
        // Each may bear a formal number of this year that nobody can read: as many are left out, before any of it is
        // back.
        let mut lost = 0_u64;
        for line in &behind {
            lost = lost.saturating_add(self.register.lost_to(&line.channel, &line.recipient)?);
        }
        let count = u32::try_from(lost).unwrap_or(u32::MAX);
        self.register.reserve_formal_numbers(self.clock.now().year(), count)?;
        let mut rest = Rest::forgoing(recipient);
        let refilled = self.refill_into(trust, keys, mailbox, &mut rest).await?;
        Ok((rest.into_forgone(), refilled))
    }

    /// Why a message does not open: as it was found, or that it was given up, and when.
    pub(in crate::desk) fn given_up(&self, entry: &Entry, failure: DeskError) -> DeskError {
        let (Entry::Sent(copy), DeskError::Refused(refusal)) = (entry, &failure) else { return failure };
        // Of such a copy nobody could tell the dispatch: it stands for itself.
        let stands_for_itself = Envelope::parse_held(&copy.envelope).is_ok_and(|envelope| {
            let itself = Digest::of(envelope.header().bytes());
            copy.dispatch_digest == itself && !envelope.parts().is_empty()
        });
        if refusal.reason() != Reason::SealBroken || !stands_for_itself {
            return failure;
        }
        // The first decision about this Power since it was sent took back all that was lacking then.
        let entries = self.record().entries().unwrap_or_default();
        let decided = entries.iter().map(|entry| &entry.leaf).find(|leaf| {
            leaf.act.verb == Verb::LossesGivenUp
                && leaf.act.ministry.as_ref() == Some(&copy.recipient)
                && leaf.time >= copy.release_time
        });
        let at = decided.map(|leaf| leaf.time);
        DeskError::GivenUp { reference: entry.reference(&self.config.ministry), at }
    }
}

/// Whether a message failed to open because no key of this home is one that it was sealed to. One that is altered or
/// cut is another matter: the gateway may have the right one.
pub(super) fn is_sealed_to_others(failure: &DeskError) -> bool {
    let DeskError::Refused(refusal) = failure else { return false };
    refusal.reason() == Reason::SealBroken && refusal.detail() == OpenError::NotForUs.reason()
}
