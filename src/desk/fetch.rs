//! Fetching: brings what the gateway received into the register, verified and still sealed.

use crate::desk::Desk;
use crate::desk::accreditation::Trust;
use crate::desk::error::DeskError;
use crate::desk::mailbox::{Fetched, Mailbox};
use crate::desk::register::{Place, ReceivedEntry};
use crate::message::envelope::Envelope;
use crate::message::leaf::LeafKind;
use crate::message::refusal::{Reason, Refusal};

impl Desk {
    /// Fetches everything new. Each page is registered in one transaction, with the place up to which everything is
    /// registered then, and acknowledged only afterwards. Returns how many messages are new.
    #[tracing::instrument(name = "desk.fetch", skip_all)]
    pub async fn fetch(&self, trust: &Trust, mailbox: &mut Mailbox) -> Result<usize, DeskError> {
        let mut new = 0_usize;
        let mut listed = mailbox.list_received(&self.register.place()?).await?;
        loop {
            let (epoch, more) = (listed.epoch, listed.more);
            // Where the gateway was restored its cursors mean other messages, and it lists from its beginning;
            // what is registered already is not registered again.
            let (entries, failure) = self.take_page(trust, listed.messages);
            if let Some(last) = entries.last() {
                let place = Place { epoch, cursor: last.cursor, message: Some(last.id) };
                new = new.saturating_add(self.register.receive_page(&entries, &place)?);
            }
            let Some(last) = entries.last() else { return self.fetched(new, failure) };
            let mut acknowledging = mailbox.clone();
            if more && failure.is_none() {
                // The next page is on its way while this one is acknowledged.
                let place = Place { epoch, cursor: last.cursor, message: Some(last.id) };
                let listing = mailbox.list_received(&place);
                let acknowledged = acknowledging.acknowledge(epoch, last.cursor);
                let (next, acknowledged) = tokio::join!(listing, acknowledged);
                acknowledged?;
                listed = next?;
                continue;
            }
            acknowledging.acknowledge(epoch, last.cursor).await?;
            return self.fetched(new, failure);
        }
    }

    /// How many messages are new, or why the next one was not taken. One of a peer that this desk never knew waits,
    /// with all behind it, where the registry has accredited that peer since the backup out of which this desk came.
    fn fetched(&self, new: usize, failure: Option<DeskError>) -> Result<usize, DeskError> {
        match failure {
            None => Ok(new),
            Some(DeskError::NotAccredited(peer)) => Err(match self.policy_seen()? {
                Some((here, in_force)) => DeskError::PolicyBehind { here, in_force },
                None => DeskError::NotAccredited(peer),
            }),
            Some(other) => Err(other),
        }
    }

    /// Verifies a page of messages, up to the first that is not what the gateway must hand over.
    fn take_page(&self, trust: &Trust, messages: Vec<Fetched>) -> (Vec<ReceivedEntry>, Option<DeskError>) {
        let mut entries = Vec::with_capacity(messages.len());
        for message in messages {
            match self.take(trust, message) {
                Ok(entry) => entries.push(entry),
                Err(failure) => return (entries, Some(failure)),
            }
        }
        (entries, None)
    }

    /// Verifies one message against the peer's bundle and the own log, before it is registered. One whose
    /// signature does not hold is registered with the reason, so that it stays visible and blocks nothing.
    pub(super) fn take(&self, trust: &Trust, message: Fetched) -> Result<ReceivedEntry, DeskError> {
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
