//! Those who were to have an act that came back, and of whose copy the gateway has nothing: it was lost with the
//! register before it was handed over, or could not be made yet. They are owed it again, whatever its class: one Power
//! must not keep an act from another.

use std::collections::BTreeMap;

use crate::consultation::codec;
use crate::desk::Desk;
use crate::desk::accreditation::Trust;
use crate::desk::deposit::Deposit;
use crate::desk::documents::Source;
use crate::desk::draft::DraftFile;
use crate::desk::error::DeskError;
use crate::desk::keys::Keys;
use crate::desk::owed::{REGISTER_BEHIND, kept_name};
use crate::desk::parts;
use crate::desk::refill::forgone::{Forgone, is_sealed_to_others};
use crate::desk::register::OwedEntry;
use crate::digest::Digest;
use crate::message::dispatch::SignedDispatch;
use crate::message::envelope::Envelope;
use crate::message::id::MessageId;
use crate::time::Timestamp;
use crate::trust::name::Ministry;

/// Acts that came back, and what was given up of them.
#[derive(Debug, Default)]
pub(super) struct Rest {
    /// A copy of each that opened, by its dispatch.
    copies: BTreeMap<Digest, MessageId>,
    /// To whom copies are given up that open no more.
    forgoing: Option<Ministry>,
    forgone: Forgone,
}

impl Rest {
    /// The same, giving up what was sent to this Power and opens no more.
    pub(super) fn forgoing(recipient: &Ministry) -> Self {
        Self { forgoing: Some(recipient.clone()), ..Self::default() }
    }

    /// What was given up.
    pub(super) fn into_forgone(self) -> Forgone {
        self.forgone
    }

    /// Whether a copy that did not open is given up; it is counted then.
    pub(super) fn forgoes(&mut self, envelope: &Envelope, failure: &DeskError) -> bool {
        let header = envelope.header();
        let forgoes =
            self.forgoing.as_ref() == Some(&header.position().recipient) && is_sealed_to_others(failure);
        if forgoes {
            self.forgone.copies = self.forgone.copies.saturating_add(1);
            self.forgone.consultations.insert(header.address().consultation.clone());
        }
        forgoes
    }

    /// A copy of an act came back.
    pub(super) fn note(&mut self, envelope: &Envelope, signed: &SignedDispatch) {
        if envelope.header().address().addressees.len() > 1 {
            self.copies.insert(signed.digest(), envelope.id());
        }
    }
}

impl Desk {
    /// Notes who is owed what of the acts that came back on a channel, when everything else of it is back.
    pub(super) fn owe_the_rest(
        &self,
        trust: &Trust,
        keys: &Keys,
        channel: &str,
        rest: &Rest,
    ) -> Result<(), DeskError> {
        for (dispatch, copy) in &rest.copies {
            let Some(copy) = self.register.sent_message(copy)?.filter(|copy| copy.channel == channel) else {
                continue;
            };
            let envelope = Envelope::parse(&copy.envelope)?;
            let addressees = envelope.header().address().addressees.iter().map(|one| &one.ministry);
            let mut owed = Vec::new();
            for recipient in addressees {
                if !self.register.provides(&copy, recipient)? {
                    owed.push(recipient.clone());
                }
            }
            if owed.is_empty() {
                continue;
            }
            match self.owed_again(trust, keys, &envelope, *dispatch, owed) {
                Ok(owed) => self.register.owe_again(&owed)?,
                Err(failure @ (DeskError::Register(_) | DeskError::Key(_) | DeskError::Locked)) => {
                    return Err(failure);
                }
                Err(cause) => {
                    tracing::warn!(message = %copy.id, %cause, "an act that came back cannot be sent to all of its addressees");
                }
            }
        }
        Ok(())
    }

    /// The same signed bytes, kept for those who have no copy.
    pub(in crate::desk) fn owed_again(
        &self,
        trust: &Trust,
        keys: &Keys,
        envelope: &Envelope,
        digest: Digest,
        recipients: Vec<Ministry>,
    ) -> Result<Vec<OwedEntry>, DeskError> {
        let signed = self.open_own(keys, envelope)?;
        let dispatch = signed.dispatch().clone();
        let act = codec::decode(&dispatch.kind, &dispatch.act)
            .map_err(|faults| DeskError::Draft(format!("its act cannot be read: {faults}")))?;
        let reading = keys.reading()?;
        let mut sources = Vec::with_capacity(dispatch.documents.len());
        let listed = dispatch.documents.iter().zip(envelope.parts().iter().skip(1));
        for (place, (document, sealed)) in listed.enumerate() {
            sources.push(match sealed.is_empty() {
                true => {
                    let path = self.config.owed().join(kept_name(&digest, place));
                    match Deposit::open(&path, reading.as_ref()) {
                        // Another Power is owed it as well.
                        Ok(kept) => Source::Deposit(kept.of(document.digest)),
                        // It is not here; whoever has it gives it back (`supply`), and until then the act is owed all
                        // the same.
                        Err(_) => Source::File(path),
                    }
                }
                false => Source::Carried(parts::open_inline(&reading, sealed, document)?.to_vec()),
            });
        }
        let (address, position) = (envelope.header().address(), envelope.header().position());
        let kept = (sources, signed.authentications().to_vec());
        let draft = DraftFile::signed(address.clone(), dispatch, act, position.valid_until, kept);
        let sealed = self.seal_to_itself(trust, &draft)?;
        let entry = |recipient| OwedEntry {
            dispatch: digest,
            recipient,
            channel: address.channel.to_string(),
            consultation: address.consultation.clone(),
            act_number: position.act_number,
            awaits_number: false,
            release_time: position.release_time,
            reason: REGISTER_BEHIND.to_owned(),
            sealed: sealed.clone(),
            not_before: Timestamp::from_seconds(0),
        };
        Ok(recipients.into_iter().map(entry).collect())
    }
}
