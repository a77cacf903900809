//! Restitution: a gateway that was restored from an older copy gets from its own desk what nobody else may know.
//!
//! The gateway asks for it, and exchanges nothing with any peer before it has it. The register leaves here as far as it
//! concerns the gateway's own logs: the greatest checkpoint of each that a receipt bears, so that the gateway knows how
//! much it signed; which messages are not to be delivered any more; and the receipts of the leaves that it lacks, which
//! go back to the places where they stood. It is read whole for that, which no other command does, and of each receipt
//! its place alone is remembered: a gateway may have lost years. Nothing is changed here, and a gateway that lies gets
//! nothing but its own signatures.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::desk::Desk;
use crate::desk::accreditation::Trust;
use crate::desk::error::DeskError;
use crate::desk::mailbox::{GivenBack, HeldLeaf, Mailbox};
use crate::desk::register::SentState;
use crate::limits;
use crate::message::id::MessageId;
use crate::message::receipt::Receipt;
use crate::time::Timestamp;
use crate::tlog::checkpoint::Checkpoint;
use crate::trust::policy::ChannelPolicy;

/// Which of the receipts of a message says where a leaf stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kept {
    /// Of one that was sent: what became of it.
    Delivery,
    /// Of one that was received.
    Received,
    /// Of one that was sent: that it was taken into custody.
    Submission,
}

/// What the register knows of the logs of its own gateway.
#[derive(Debug, Default)]
struct Memory {
    /// How the names of the gateway's own logs begin.
    begins: String,
    /// How far the gateway holds each of them.
    held: BTreeMap<String, u64>,
    /// The greatest checkpoint of each, with its size.
    heads: BTreeMap<String, (u64, String)>,
    /// Messages that are not to be delivered any more.
    withdrawn: Vec<MessageId>,
    /// Leaves that the gateway lacks, by log and index: where the receipt of each is.
    lacking: BTreeMap<String, BTreeMap<u64, (MessageId, Kept)>>,
}

impl Memory {
    /// Takes note of a receipt, if it is of one of the gateway's own logs.
    fn learn(&mut self, receipt: &[u8], message: &MessageId, kept: Kept) {
        let Ok(parsed) = Receipt::parse(receipt) else { return };
        let note = &parsed.proof().checkpoint;
        let Ok(checkpoint) = Checkpoint::parse(note.text()) else { return };
        let origin = checkpoint.origin.to_string();
        if !origin.starts_with(&self.begins) {
            return;
        }
        if self.heads.get(&origin).is_none_or(|(size, _)| *size < checkpoint.size) {
            self.heads.insert(origin.clone(), (checkpoint.size, note.to_string()));
        }
        let index = parsed.proof().index;
        if index >= self.held.get(&origin).copied().unwrap_or(0) {
            self.lacking.entry(origin).or_default().insert(index, (*message, kept));
        }
    }
}

/// When this process has given everything back last.
#[derive(Debug, Default)]
pub(super) struct Given(Mutex<Option<Timestamp>>);

impl Given {
    fn is_recent(&self, now: Timestamp) -> bool {
        let last = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.is_some_and(|last| last <= now && now < last.after(limits::RESTITUTION_PAUSE))
    }

    fn note(&self, now: Timestamp) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
    }
}

impl Desk {
    /// Gives the own gateway everything that it asks for after it was restored. Answers what is to be told of it; none
    /// where the same was done a moment ago: a gateway asks as long as it lacks what only a peer may have, with every
    /// look.
    pub(super) async fn give_back(
        &self,
        trust: &Trust,
        mailbox: &mut Mailbox,
    ) -> Result<Option<String>, DeskError> {
        if self.given_back.is_recent(self.clock.now()) {
            return Ok(None);
        }
        let held = mailbox.hand_back(GivenBack::default()).await?;
        let memory = self.remember_logs(trust, held)?;
        let heads: Vec<String> = memory.heads.into_values().map(|(_, text)| text).collect();
        for heads in heads.chunks(limits::BATCH_ENVELOPES_MAX) {
            mailbox.hand_back(GivenBack { heads: heads.to_vec(), ..GivenBack::default() }).await?;
        }
        for withdrawn in memory.withdrawn.chunks(limits::BATCH_ENVELOPES_MAX) {
            let withdrawn = withdrawn.to_vec();
            mailbox.hand_back(GivenBack { withdrawn, ..GivenBack::default() }).await?;
        }
        let leaves: usize = memory.lacking.values().map(BTreeMap::len).sum();
        self.give_leaves(mailbox, memory.lacking.into_values().flat_map(BTreeMap::into_values)).await?;
        let policy = trust.policy.as_ref().map_or(0, ChannelPolicy::sequence);
        mailbox.hand_back(GivenBack { policy, complete: true, ..GivenBack::default() }).await?;
        self.given_back.note(self.clock.now());
        Ok(Some(format!(
            "the gateway was restored from an older copy: this desk told it how far its logs went and what is withdrawn, \
             and handed over receipts of {leaves} entries that it lacked"
        )))
    }

    /// Reads what the register knows of the logs of which the gateway holds so much.
    fn remember_logs(&self, trust: &Trust, held: BTreeMap<String, u64>) -> Result<Memory, DeskError> {
        let begins = format!("{}/", trust.own.bundle().domain().log_name());
        let mut memory = Memory { begins, held, ..Memory::default() };
        let mut last = 0;
        loop {
            let page = self.register.sent_after(last, limits::PAGE_MAX)?;
            let Some((newest, _)) = page.last() else { break };
            last = *newest;
            for (_, entry) in page {
                if matches!(entry.state, SentState::Withdrawn | SentState::Void) {
                    memory.withdrawn.push(entry.id);
                }
                memory.learn(&entry.submission_receipt, &entry.id, Kept::Submission);
                memory.learn(&entry.delivery_receipt, &entry.id, Kept::Delivery);
            }
        }
        last = 0;
        loop {
            let page = self.register.received_after(last, limits::PAGE_MAX)?;
            let Some((newest, _)) = page.last() else { return Ok(memory) };
            last = *newest;
            page.iter().for_each(|(_, entry)| memory.learn(&entry.receipt, &entry.id, Kept::Received));
        }
    }

    /// Hands over leaves in the order of their logs, as many at a time as fit into one call.
    async fn give_leaves(
        &self,
        mailbox: &mut Mailbox,
        lacking: impl Iterator<Item = (MessageId, Kept)>,
    ) -> Result<(), DeskError> {
        let (mut leaves, mut bytes) = (Vec::new(), 0_usize);
        for (id, kept) in lacking {
            let Some(leaf) = self.held_leaf(&id, kept)? else { continue };
            let weight = leaf.receipt.len().saturating_add(leaf.envelope.len());
            let is_full = leaves.len() == limits::BATCH_ENVELOPES_MAX
                || bytes.saturating_add(weight) > limits::BATCH_BYTES_MAX;
            if is_full && !leaves.is_empty() {
                let full = GivenBack { leaves: std::mem::take(&mut leaves), ..GivenBack::default() };
                mailbox.hand_back(full).await?;
                bytes = 0;
            }
            bytes = bytes.saturating_add(weight);
            leaves.push(leaf);
        }
        if !leaves.is_empty() {
            mailbox.hand_back(GivenBack { leaves, ..GivenBack::default() }).await?;
        }
        Ok(())
    }

    /// A receipt out of the register, and the envelope of the message that was received by it.
    fn held_leaf(&self, id: &MessageId, kept: Kept) -> Result<Option<HeldLeaf>, DeskError> {
        let leaf = |receipt, envelope| HeldLeaf { receipt, envelope };
        if kept == Kept::Received {
            let received = self.register.received_message(id)?;
            return Ok(received.map(|entry| leaf(entry.receipt, entry.envelope)));
        }
        let sent = self.register.sent_message(id)?;
        Ok(sent.map(|entry| match kept {
            Kept::Submission => leaf(entry.submission_receipt, Vec::new()),
            _ => leaf(entry.delivery_receipt, Vec::new()),
        }))
    }
}
