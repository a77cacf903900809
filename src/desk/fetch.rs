//! Fetching: brings what the gateway received into the register, verified and still sealed.

use crate::desk::Desk;
use crate::desk::accreditation::Trust;
use crate::desk::error::DeskError;
use crate::desk::mailbox::{Fetched, Mailbox};
use crate::desk::register::ReceivedEntry;
use crate::message::envelope::Envelope;
use crate::message::leaf::LeafKind;
use crate::message::refusal::{Reason, Refusal};

impl Desk {
    /// Fetches everything new. Each page is acknowledged only when it is in the register. Returns how many
    /// messages are new.
    pub async fn fetch(&self, trust: &Trust, mailbox: &mut Mailbox) -> Result<usize, DeskError> {
        let mut new = 0_usize;
        loop {
            let place = self.register.place()?;
            let listed = mailbox.list_received(&place).await?;
            let Some(last) = listed.messages.last().map(|message| message.cursor) else { return Ok(new) };
            // Where the gateway was restored its cursors mean other messages, and it lists from its beginning;
            // what is registered already is not registered again.
            let mut newest = None;
            for message in listed.messages {
                let entry = self.take(trust, message)?;
                newest = Some(entry.id);
                new = new.saturating_add(usize::from(self.register.receive(&entry)?));
            }
            if let Some(newest) = newest {
                self.register.note_place(listed.epoch, last, &newest)?;
            }
            mailbox.acknowledge(listed.epoch, last).await?;
            if !listed.more {
                return Ok(new);
            }
        }
    }

    /// Verifies one message against the peer's bundle and the own log, before it is registered. One whose
    /// signature does not hold is registered with the reason, so that it stays visible and blocks nothing.
    fn take(&self, trust: &Trust, message: Fetched) -> Result<ReceivedEntry, DeskError> {
        let envelope = Envelope::parse(&message.envelope)?;
        let address = envelope.header().address();
        let position = envelope.header().position();
        if position.recipient != self.config.ministry {
            let detail = "the gateway handed over a copy for another ministry";
            return Err(Refusal::new(Reason::NotTheRecipient, detail).into());
        }
        let proven = self.prove_as(trust, &envelope, &message.receipt, &[LeafKind::Received])?;
        // The instant at which its signatures are judged, now and ever after, is the one the log states.
        if proven.time() != message.receive_time {
            let detail = "the gateway states another time of receipt than its log";
            return Err(Refusal::new(Reason::ProofInvalid, detail).into());
        }
        // A sender that is not accredited here any more must not keep what came after it from being fetched.
        let refusal = match trust.signing_anchors(&address.sender) {
            Ok(anchors) => envelope.verify(anchors, message.receive_time).err().map(|cause| cause.reason()),
            Err(_) => Some(Reason::NotTheSender),
        };
        Ok(ReceivedEntry {
            id: envelope.id(),
            cursor: message.cursor,
            sender: address.sender.clone(),
            channel: address.channel.to_string(),
            consultation: address.consultation.clone(),
            sequence: position.sequence,
            act_number: position.act_number,
            release_time: position.release_time,
            receive_time: message.receive_time,
            envelope: message.envelope,
            receipt: message.receipt,
            read_time: None,
            refusal: refusal.map(|reason| reason.word().to_owned()).unwrap_or_default(),
        })
    }
}
