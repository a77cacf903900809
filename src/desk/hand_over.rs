//! Handing over: brings released copies with their sealed parts into the custody of the own gateway, and gives
//! up those that cannot be.
//!
//! Registered copies enter; receipts are kept with them, or the reason why they were not taken. One copy that cannot
//! be handed over holds up its own recipient only. What must never happen: that the number of a copy that was signed is
//! given to another message. Whoever has seen its bytes may deliver them, whatever the own gateway says of it; so it is
//! used up by a withdrawal, which the gateway proves and the recipient is shown.

use std::fs::File;

use crate::desk::Desk;
use crate::desk::accreditation::Trust;
use crate::desk::convoy::Convoy;
use crate::desk::error::DeskError;
use crate::desk::keys::Keys;
use crate::desk::mailbox::Mailbox;
use crate::desk::parts::hashed;
use crate::desk::progress::{Meter, Metered, Stage};
use crate::desk::register::{SentEntry, SentState};
use crate::desk::send::RELEASE_LOCK;
use crate::limits;
use crate::message::envelope::Envelope;
use crate::message::header::Part;
use crate::message::id::MessageId;
use crate::message::leaf::LeafKind;
use crate::message::refusal::Reason;

impl Desk {
    /// Submits what waits, for the holder of the release lock: without it, what another process hands over right now
    /// could be given up here.
    #[tracing::instrument(name = "desk.hand_over", skip_all)]
    pub(super) async fn hand_over(&self, trust: &Trust, mailbox: &mut Mailbox) -> Result<(), DeskError> {
        let mut convoy = Convoy::new(self, trust, mailbox);
        let (mut last, mut wrong) = (None, None);
        loop {
            let page = self.register.waiting(last.as_ref(), limits::SEND_BATCH_DRAFTS_MAX)?;
            let is_end = page.is_empty();
            last = page.last().map(|copy| copy.id).or(last);
            let known = if is_end { convoy.end().await? } else { convoy.send(page).await? };
            for failure in known.into_iter().filter_map(|(_, failure)| failure) {
                match failure {
                    // Noted at the copy where there is something to note, for its officer to see; the others go on.
                    failure if failure.is_passing() => {}
                    DeskError::GatewayRefused { .. } | DeskError::PartUnreadable { .. } => {}
                    other => wrong = wrong.or(Some(other)),
                }
            }
            if is_end {
                return wrong.map_or(Ok(()), Err);
            }
        }
    }

    /// Hands one registered copy to the own gateway and checks its receipt. Why it was not taken is kept with it.
    /// One that the gateway refuses for good is void, and its number is used up at once where that is possible.
    pub(super) async fn submit(
        &self,
        trust: &Trust,
        mailbox: &mut Mailbox,
        mut entry: SentEntry,
    ) -> Result<SentEntry, DeskError> {
        if entry.state == SentState::Void {
            return self.give_up(trust, mailbox, entry).await;
        }
        let failure = match self.hand_over_copy(trust, mailbox, &mut entry).await {
            Ok(()) => return Ok(entry),
            Err(failure) => failure,
        };
        if let DeskError::GatewayRefused { reason, .. } = &failure {
            self.register.note_sent(&entry.id, SentState::Void, reason, &[], &[])?;
            (entry.state, entry.reason) = (SentState::Void, reason.clone());
            // Where it cannot be done now, the next command does it.
            if let Err(fault @ DeskError::Register(_)) = self.give_up(trust, mailbox, entry).await {
                return Err(fault);
            }
        } else if !failure.reason().is_empty() {
            self.register.note_sent(&entry.id, SentState::Released, failure.reason(), &[], &[])?;
        }
        Err(failure)
    }

    async fn hand_over_copy(
        &self,
        trust: &Trust,
        mailbox: &mut Mailbox,
        entry: &mut SentEntry,
    ) -> Result<(), DeskError> {
        let envelope = Envelope::parse_held(&entry.envelope)?;
        for (part, content) in envelope.header().parts().iter().zip(envelope.parts()) {
            if content.is_empty() {
                // Only what the gateway says of the message itself makes its copy void.
                self.hand_over_part(mailbox, part).await.map_err(DeskError::not_for_good)?;
            }
        }
        let receipt = match mailbox.submit(entry.envelope.clone()).await {
            Err(failure) if is_ahead(&failure) => {
                self.hand_back(trust, mailbox, &entry.recipient).await?;
                mailbox.submit(entry.envelope.clone()).await?
            }
            submitted => submitted?,
        };
        self.prove_as(trust, &envelope, &receipt, &[LeafKind::Sent])?;
        self.register.note_sent(&entry.id, SentState::Queued, "", &receipt, &[])?;
        (entry.state, entry.reason, entry.submission_receipt) = (SentState::Queued, String::new(), receipt);
        Ok(())
    }

    /// Uses up the number of a void copy: the gateway takes its header and signature as withdrawn. Whoever has its
    /// bytes may deliver them all the same, so no other message ever gets that number.
    async fn give_up(
        &self,
        trust: &Trust,
        mailbox: &mut Mailbox,
        mut entry: SentEntry,
    ) -> Result<SentEntry, DeskError> {
        let envelope = Envelope::parse_held(&entry.envelope)?;
        let bare = Envelope::without_parts(envelope.header().clone(), envelope.signature().to_vec())?;
        let receipt = match mailbox.withdraw(bare.encode()).await {
            Err(failure) if is_ahead(&failure) => {
                self.hand_back(trust, mailbox, &entry.recipient).await?;
                mailbox.withdraw(bare.encode()).await?
            }
            withdrawn => withdrawn?,
        };
        let proven = self.prove_as(trust, &envelope, &receipt, &[LeafKind::Withdrawn, LeafKind::Sent])?;
        match proven.kind() {
            LeafKind::Withdrawn => {
                entry.state = SentState::Withdrawn;
                entry.delivery_receipt = receipt;
            }
            // The gateway had it in custody, and the peer has answered; what, is asked for with the others.
            _ => {
                entry.state = SentState::Queued;
                entry.submission_receipt = receipt;
            }
        }
        let SentEntry { id, state, reason, submission_receipt, delivery_receipt, .. } = &entry;
        self.register.note_sent(id, *state, reason, submission_receipt, delivery_receipt)?;
        Ok(entry)
    }

    /// The copy of this id, if it may be given up: it was released, and the gateway has not taken it.
    pub fn stuck(&self, id: &MessageId) -> Result<SentEntry, DeskError> {
        let entry =
            self.register.sent_message(id)?.ok_or_else(|| DeskError::NoSuchMessage(id.to_string()))?;
        match entry.state {
            SentState::Released | SentState::Void => Ok(entry),
            state => Err(DeskError::NotStuck { id: *id, state }),
        }
    }

    /// Gives up a copy that was released and is not in the gateway's custody: it becomes void, and its number is used
    /// up as soon as the gateway answers. Of a protective act its recipient is owed another copy: what stands in the
    /// way is given up, and not the act.
    pub async fn void(
        &self,
        trust: &Trust,
        mailbox: &mut Mailbox,
        id: &MessageId,
    ) -> Result<SentEntry, DeskError> {
        let _released_alone = self.hold(RELEASE_LOCK).await?;
        let entry = self.stuck(id)?;
        self.void_copy(trust, mailbox, entry).await
    }

    /// Withdraws a copy wherever it stands: one that the gateway has not taken is given up, one in its custody is
    /// withdrawn there, unless the recipient has answered for it meanwhile. What is settled stays what it is, and a
    /// protective act is not taken back.
    pub async fn withdraw_copy(
        &self,
        (trust, keys): (&Trust, &Keys),
        mailbox: &mut Mailbox,
        id: &MessageId,
    ) -> Result<SentEntry, DeskError> {
        let _released_alone = self.hold(RELEASE_LOCK).await?;
        let entry =
            self.register.sent_message(id)?.ok_or_else(|| DeskError::NoSuchMessage(id.to_string()))?;
        let is_open = matches!(entry.state, SentState::Released | SentState::Void | SentState::Queued);
        if is_open && self.is_protective(trust, keys, &entry)? {
            return Err(DeskError::Protective(*id));
        }
        match entry.state {
            SentState::Withdrawn => Ok(entry),
            SentState::Released | SentState::Void => self.void_copy(trust, mailbox, entry).await,
            SentState::Queued => {
                let entry = SentEntry { reason: "WITHDRAWN".to_owned(), ..entry };
                match self.give_up(trust, mailbox, entry).await? {
                    withdrawn if withdrawn.state == SentState::Withdrawn => Ok(withdrawn),
                    // The recipient was faster; what it answered is asked for with the others.
                    SentEntry { id, submission_receipt, .. } => {
                        self.register.note_sent(&id, SentState::Queued, "", &submission_receipt, &[])?;
                        Err(DeskError::NotStuck { id, state: SentState::Delivered })
                    }
                }
            }
            state => Err(DeskError::NotStuck { id: *id, state }),
        }
    }

    async fn void_copy(
        &self,
        trust: &Trust,
        mailbox: &mut Mailbox,
        mut entry: SentEntry,
    ) -> Result<SentEntry, DeskError> {
        if entry.reason.is_empty() {
            entry.reason = "VOIDED".to_owned();
        }
        entry.state = SentState::Void;
        self.register.note_sent(&entry.id, SentState::Void, &entry.reason, &[], &[])?;
        let given_up = self.give_up(trust, mailbox, entry).await?;
        // What it held up leaves now: behind it may stand what protects somebody.
        match self.hand_over(trust, mailbox).await {
            Err(fault @ DeskError::Register(_)) => Err(fault),
            _ => Ok(given_up),
        }
    }

    /// Hands one large sealed part to the own gateway, from where that holds it already.
    pub(super) async fn hand_over_part(&self, mailbox: &mut Mailbox, part: &Part) -> Result<(), DeskError> {
        let path = self.part_path(&part.digest);
        let lost = |cause| DeskError::PartUnreadable { digest: part.digest, cause };
        let opened = File::open(&path).and_then(|file| match file.metadata()?.len() == part.size {
            true => Ok(file),
            false => Err(std::io::ErrorKind::UnexpectedEof.into()),
        });
        let file = match opened {
            Ok(file) => file,
            // It may have been handed over before it was lost.
            Err(_) if mailbox.holds_part(&part.digest, part.size).await? => return Ok(()),
            Err(cause) => return Err(lost(cause)),
        };
        let meter = Meter::new(&self.progress, Stage::HandingOver, part.size);
        let put = tokio::select! {
            put = mailbox.put_part(part.digest, part.size, Metered::new(file, meter)) => put,
            // What the gateway has of it stays there, and it goes on from there afterwards.
            () = self.urgency() => return Err(gives_way()),
        };
        if matches!(&put, Err(DeskError::GatewayBusy { reason, .. }) if reason == Reason::PartMismatch.word())
        {
            // The gateway found other bytes, from the beginning on: are they these?
            let file = File::open(&path).map_err(lost)?;
            let (_, hasher) = hashed(&file, part.size).await.map_err(lost)?;
            if hasher.finish() != part.digest {
                return Err(lost(std::io::ErrorKind::InvalidData.into()));
            }
        }
        put
    }

    /// Hands over again what the gateway had in custody and does not hold any more, because it rotted there,
    /// where it still is here.
    pub(super) async fn mend(&self, mailbox: &mut Mailbox, entry: &SentEntry) -> Result<(), DeskError> {
        let envelope = Envelope::parse_held(&entry.envelope)?;
        for (part, content) in envelope.header().parts().iter().zip(envelope.parts()) {
            let is_here = content.is_empty() && self.part_path(&part.digest).exists();
            if is_here && !mailbox.holds_part(&part.digest, part.size).await? {
                match self.hand_over_part(mailbox, part).await {
                    // Its receipts are asked for all the same.
                    Err(failure) if failure.is_passing() => {}
                    Err(DeskError::PartUnreadable { .. } | DeskError::GatewayRefused { .. }) => {}
                    handed_over => handed_over?,
                }
            }
        }
        Ok(())
    }
}

/// The reason of a copy whose document made way for a protective act.
pub(super) const GIVES_WAY: &str = "GIVES_WAY";

fn gives_way() -> DeskError {
    let detail = "a protective act goes first".to_owned();
    DeskError::GatewayBusy { reason: GIVES_WAY.to_owned(), detail }
}

/// Whether the gateway lacks what came before: one that was restored from an older copy is given that back first.
fn is_ahead(failure: &DeskError) -> bool {
    matches!(failure, DeskError::GatewayRefused { reason, .. } if reason == Reason::OutOfSequence.word())
}
