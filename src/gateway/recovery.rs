//! Recovery: gives a peer its own log and messages back, and takes ours back from a peer.
//!
//! Leaves enter with the messages they are about; nothing of it is believed for the peer's sake. Every piece must
//! lead, by a consistency proof, to a checkpoint that our own log key signed, so it is what we ourselves have
//! written; and a leaf names header, signature and parts of its message by their digests, so no other message
//! can come with it. Signatures were judged when the leaf was written and are not judged again: certificates may
//! have ended since. What must never happen: anything is restored that we have not signed; a message received is
//! left out; the peer decides how much is asked for.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use tokio::sync::Notify;

use crate::gateway::Gateway;
use crate::gateway::error::Fault;
use crate::gateway::frame::{Copied, CopyEntry, CopyRequest};
use crate::gateway::standing::{Gate, Standing, Wanted, hold};
use crate::gateway::store::record::{
    Answered, Checkpoint as KeptCheckpoint, Direction, LeafPlace, LostLeaf, LostMatter, LostPiece, Part,
    Restored, Settlement, Shown,
};
use crate::gateway::submission::consignment;
use crate::limits;
use crate::message::envelope::Envelope;
use crate::message::header::Header;
use crate::message::leaf::{Leaf, LeafKind, LeafMessage};
use crate::message::refusal::Refusal;
use crate::tlog::checkpoint::Checkpoint;
use crate::trust::name::Ministry;

impl Gateway {
    /// What this gateway holds of the peer's own log, from the leaf that it asks for on: one piece of bounded
    /// size, with the proof that joins its end to the newest checkpoint that the peer has signed.
    pub(super) async fn copy_for(&self, peer: &Ministry, request: CopyRequest) -> Result<Copied, Fault> {
        let CopyRequest { origin, first_index } = request;
        if !self.accreditation()?.is_log_of_pair(peer, &origin)? {
            return Err(Fault::Link("the peer asks for a log that is not its own".to_owned()));
        }
        let head = self.store.log_head(origin.clone()).await?;
        let newest = head.and_then(|head| {
            let signed = head.checkpoint?;
            let cosigned = head.cosigned.filter(|cosigned| cosigned.size >= signed.size);
            Some(cosigned.unwrap_or(signed))
        });
        let newest = newest
            .ok_or_else(|| Fault::Link("the peer asks for a log of which nothing is held".to_owned()))?;
        let room = newest.size.saturating_sub(first_index).min(limits::LOG_UPDATE_LEAVES_MAX as u64);
        let leaves =
            self.store.leaves(origin.clone(), first_index, usize::try_from(room).unwrap_or(0)).await?;
        let mut entries = Vec::new();
        let mut bytes = 0_usize;
        for leaf in leaves {
            let envelope = self.copied_message(peer, &leaf.bytes).await?;
            bytes = bytes.saturating_add(leaf.bytes.len() + envelope.as_ref().map_or(0, Vec::len));
            if bytes > limits::BATCH_BYTES_MAX && !entries.is_empty() {
                break;
            }
            entries.push(CopyEntry { leaf: leaf.bytes, envelope });
        }
        let end = first_index.saturating_add(entries.len() as u64);
        let path = self.store.consistency(origin.clone(), end, newest.size).await?.unwrap_or_default();
        // Whoever carries hands back what is large.
        self.wake(peer);
        Ok(Copied { origin, first_index, entries, path, checkpoint: newest.text })
    }

    /// The message that a leaf of the peer's log is about, as it is held here: what the peer sent us, or what we
    /// sent it. Its large parts are handed back afterwards.
    async fn copied_message(&self, peer: &Ministry, leaf: &[u8]) -> Result<Option<Vec<u8>>, Fault> {
        let damaged = |cause: Refusal| Fault::Damaged(cause.to_string());
        let leaf = Leaf::parse(leaf).map_err(damaged)?;
        let direction = match leaf.kind {
            LeafKind::Sent => Direction::In,
            LeafKind::Received | LeafKind::Rejected => Direction::Out,
            _ => return Ok(None),
        };
        let Some(about) = leaf.message else { return Ok(None) };
        let held = self.store.whole_message(direction, about.id.digest()).await?;
        let Some((signed, parts)) = held else { return Ok(None) };
        let header = Header::parse(&signed.header).map_err(damaged)?;
        let urgency = u8::try_from(header.address().precedence.number()).unwrap_or(0);
        let gate = self.gate(peer);
        for part in parts.iter().filter(|part| part.content.is_none()) {
            let wanted = Wanted { size: part.size, message: about.id.digest(), urgency };
            hold(&gate.parts).insert(part.digest, wanted);
        }
        let contents = parts.into_iter().map(|part| part.content.unwrap_or_default()).collect();
        let envelope = Envelope::compose(header, signed.signature, contents).map_err(damaged)?;
        // The peer may have held it under another signature of its registry; then this is not what its leaf names.
        Ok((LeafMessage::of(&envelope) == about).then(|| envelope.encode()))
    }

    /// What to ask the peer for next; nothing where nothing is missing.
    pub(super) async fn wanted_copy(&self, peer: &Ministry) -> Result<Option<CopyRequest>, Fault> {
        let gate = self.gate(peer);
        let first = hold(&gate.lost).keys().next().cloned();
        let Some(origin) = first else { return Ok(None) };
        let first_index = self.own_size(&origin).await?;
        gate.asked.fetch_add(1, Ordering::SeqCst);
        Ok(Some(CopyRequest { origin, first_index }))
    }

    /// Takes leaves of our own log back from the peer; what to ask for next, where anything is missing still.
    /// Anything that is not what we signed raises an alarm and ends the stream, and nothing is changed.
    pub(super) async fn take_copy(
        &self,
        peer: &Ministry,
        copied: Copied,
    ) -> Result<Option<CopyRequest>, Fault> {
        let gate = self.gate(peer);
        let less = |asked: u32| asked.checked_sub(1);
        if gate.asked.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less).is_err() {
            return Err(Fault::Link("the peer sent a copy that nobody has asked for".to_owned()));
        }
        let wanted = hold(&gate.lost).get(&copied.origin).copied();
        let Some(wanted) = wanted.filter(|_| gate.standing() == Standing::CatchingUp) else {
            // Another stream has brought it in the meantime.
            return self.wanted_copy(peer).await;
        };
        let origin = copied.origin.clone();
        let size = match self.put_back(peer, &gate, copied).await {
            Ok(size) => size,
            Err(Fault::Link(detail)) => {
                self.alarm_about(peer, "FALSE_COPY", detail.clone()).await?;
                return Err(Fault::Link(detail));
            }
            Err(other) => return Err(other),
        };
        if size >= wanted.size {
            hold(&gate.lost).remove(&origin);
        }
        let next = self.wanted_copy(peer).await?;
        if next.is_none() {
            gate.restored.store(true, Ordering::SeqCst);
            tracing::warn!(peer = %peer, "what the peer has shown of the lost logs is back");
            self.make_sound(peer).await?;
        }
        Ok(next)
    }

    /// Verifies one piece and makes it ours again; answers the size of the log.
    async fn put_back(&self, peer: &Ministry, gate: &Gate, copied: Copied) -> Result<u64, Fault> {
        let Copied { origin, first_index, entries, path, checkpoint: text } = copied;
        let false_copy = |what: &str| Fault::Link(format!("the peer's copy of {origin} {what}"));
        let (checkpoint, _) = self
            .own_checkpoint(peer, &text)
            .filter(|(checkpoint, _)| checkpoint.origin.as_str() == origin)
            .ok_or_else(|| false_copy("is under a checkpoint that we did not sign"))?;
        let end = first_index.saturating_add(entries.len() as u64);
        if entries.is_empty() || entries.len() > limits::LOG_UPDATE_LEAVES_MAX || end > checkpoint.size {
            return Err(false_copy("holds no leaves, or more than there are"));
        }
        let mut leaves = Vec::with_capacity(entries.len());
        for entry in entries {
            let about = self.matter(peer, &origin, &entry).map_err(|cause| false_copy(&cause.to_string()))?;
            leaves.push(LostLeaf { bytes: entry.leaf, about });
        }
        let cosigned = (end == checkpoint.size).then_some(KeptCheckpoint { size: end, text });
        let (shown, peer) = (Shown::Under { head: checkpoint.head(), path }, peer.clone());
        let piece = LostPiece { origin: origin.clone(), peer, first_index, leaves, shown, cosigned };
        let _alone = gate.lock.write().await;
        match self.store.restore(piece).await? {
            Restored::Done { size, unseen } => {
                gate.unseen.store(unseen > 0, Ordering::SeqCst);
                tracing::warn!(%origin, size, unseen, "leaves came back; the desk hands over what is unseen");
                Ok(size)
            }
            Restored::Gap(what) => Err(false_copy(&format!("leaves something out: {what}"))),
            // Another stream has brought these leaves in the meantime.
            Restored::Misplaced { have } if first_index < have => Ok(have),
            Restored::Misplaced { have } => Err(false_copy(&format!("does not begin at leaf {have}"))),
            Restored::RootMismatch => Err(false_copy("does not lead to the checkpoint that we signed")),
        }
    }

    /// What a leaf of ours is about, with the message that came with it.
    pub(super) fn matter(
        &self,
        peer: &Ministry,
        origin: &str,
        entry: &CopyEntry,
    ) -> Result<LostMatter, Fault> {
        let wrong = |what: &str| Fault::Link(what.to_owned());
        let leaf = Leaf::parse(&entry.leaf).map_err(|_| wrong("holds what is no leaf"))?;
        let Some(about) = leaf.message else { return Ok(LostMatter::Record) };
        let own = &self.config.ministry;
        let (sender, recipient) = if leaf.kind == LeafKind::Sent { (own, peer) } else { (peer, own) };
        let message = match &entry.envelope {
            None => None,
            Some(bytes) => {
                let envelope = Envelope::parse(bytes).map_err(|_| wrong("holds what is no envelope"))?;
                let header = envelope.header();
                let fits = LeafMessage::of(&envelope) == about
                    && header.address().sender == *sender
                    && header.position().recipient == *recipient;
                if !fits {
                    return Err(wrong("holds another message than its leaf names"));
                }
                Some(Box::new(consignment(origin, peer, &envelope, &leaf)))
            }
        };
        let message_id = about.id.digest();
        match (leaf.kind, message) {
            (LeafKind::Sent, Some(message)) => Ok(LostMatter::Sent(message)),
            (LeafKind::Sent, None) => {
                Ok(LostMatter::SentUnseen { message_id, envelope_digest: about.envelope, time: leaf.time })
            }
            (LeafKind::Received, Some(message)) => Ok(LostMatter::Received(message)),
            (LeafKind::Rejected, Some(message)) => Ok(LostMatter::Rejected(message, leaf.reason)),
            (LeafKind::Received | LeafKind::Rejected, None) => {
                Err(wrong("withholds a message that it sent us"))
            }
            (kind, _) => {
                let withdrawn = kind == LeafKind::Withdrawn;
                Ok(LostMatter::Ended { message_id, reason: leaf.reason, withdrawn })
            }
        }
    }

    /// Settles restored messages whose answer stands in the mirror of the peer's log already: the leaf there,
    /// under a checkpoint that the peer has signed, is the very receipt that was lost. Answers how many.
    pub(super) async fn settle_restored(&self, peer: &Ministry) -> Result<u64, Fault> {
        let gate = self.gate(peer);
        let Some(unfinished) = Unfinished::begin(&gate.restored) else { return Ok(0) };
        let (mut after, mut count) = (0, 0_u64);
        loop {
            let page = self.store.proven(peer.clone(), after, limits::BATCH_ENVELOPES_MAX).await?;
            let Some(last) = page.last() else {
                unfinished.end();
                return Ok(count);
            };
            after = last.key;
            let (mut answers, mut settled) = (Vec::new(), Vec::new());
            for proven in &page {
                let leaf = Leaf::parse(&proven.leaf).map_err(|cause| Fault::Damaged(cause.to_string()))?;
                let same = leaf.message.is_some_and(|about| about.envelope == proven.envelope_digest);
                let settlement = match leaf.kind {
                    LeafKind::Received if same => Settlement::Delivered,
                    LeafKind::Rejected if same => Settlement::Rejected(leaf.reason),
                    _ => continue,
                };
                if let Some(receipt) = self.mirrored_receipt(&proven.place).await? {
                    let message_id = proven.message_id;
                    answers.push(Answered { message_id, settlement, receipt });
                    settled.push(message_id);
                }
            }
            if answers.is_empty() {
                continue;
            }
            let states =
                self.store.settle_all(answers, Vec::new(), self.clock.now()).await?.unwrap_or_default();
            for (message, state) in settled.into_iter().zip(states) {
                count = count.saturating_add(u64::from(state.is_some()));
                state.into_iter().for_each(|state| self.tell_settled(peer, message, state));
            }
        }
    }

    /// The receipt of a leaf of a peer's log under the earliest checkpoint that we have cosigned.
    pub(super) async fn mirrored_receipt(&self, place: &LeafPlace) -> Result<Option<Vec<u8>>, Fault> {
        match self.store.earliest_cosigned(place.clone()).await? {
            Some(cosigned) => Ok(Some(self.receipt_under(place, &cosigned).await?.encode())),
            None => Ok(None),
        }
    }

    /// Puts large parts of messages on their way back to a peer that has lost them, beside the messages. Those
    /// that are not held are left out.
    pub(super) async fn hand_back_parts(&self, peer: &Ministry, wake: &Arc<Notify>) -> Result<(), Fault> {
        let gate = self.gate(peer);
        let handing = |digest, Wanted { size, message, urgency }| async move {
            if self.store.has_part(digest).await? {
                let part = Part { digest, size, content: None };
                self.freight.hand_back(peer, &part, message, urgency, wake);
            }
            Ok(())
        };
        work_off(&gate.parts, handing).await
    }

    async fn own_size(&self, origin: &str) -> Result<u64, Fault> {
        Ok(self.store.log_head(origin.to_owned()).await?.map_or(0, |head| head.size))
    }

    /// A cosignature by which the peer shows that it holds a log again as far as it goes.
    pub(super) async fn shown_again(&self, peer: &Ministry, checkpoint: &Checkpoint) -> Result<(), Fault> {
        let gate = self.gate(peer);
        let origin = checkpoint.origin.as_str();
        if gate.standing() == Standing::Sound || checkpoint.size < self.own_size(origin).await? {
            return Ok(());
        }
        let complete = {
            let mut lacking = hold(&gate.lacking);
            lacking.remove(origin) && lacking.is_empty()
        };
        let sound = complete && hold(&gate.lost).is_empty();
        if sound { self.make_sound(peer).await } else { Ok(()) }
    }
}

/// Works off what is left, one after the other. Each stays until it is done: a session may end at any moment, and the
/// next one finds what it has left.
async fn work_off<Key: Ord + Copy, What: Copy, Done: Future<Output = Result<(), Fault>>>(
    left: &Mutex<BTreeMap<Key, What>>,
    work: impl Fn(Key, What) -> Done,
) -> Result<(), Fault> {
    loop {
        let first = hold(left).first_key_value().map(|(key, what)| (*key, *what));
        let Some((key, what)) = first else { return Ok(()) };
        work(key, what).await?;
        hold(left).remove(&key);
    }
}

/// Something that was taken up, and is to be taken up again unless it comes to its end.
struct Unfinished<'a>(Option<&'a AtomicBool>);

impl<'a> Unfinished<'a> {
    /// None where nothing is to be done.
    fn begin(is_due: &'a AtomicBool) -> Option<Self> {
        is_due.swap(false, Ordering::SeqCst).then_some(Self(Some(is_due)))
    }

    fn end(mut self) {
        self.0 = None;
    }
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        if let Some(is_due) = self.0 {
            is_due.store(true, Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn what_a_session_leaves_when_it_ends_in_the_middle_the_next_one_does() {
        let left = Mutex::new(BTreeMap::from([(1, ()), (2, ()), (3, ())]));
        let until = |last: u32| {
            work_off(&left, move |key, ()| async move {
                if key == last { std::future::pending().await } else { Ok(()) }
            })
        };
        // It is given up while it waits.
        assert!(until(2).now_or_never().is_none());
        assert_eq!(left.lock().unwrap().keys().copied().collect::<Vec<_>>(), [2, 3]);
        until(0).now_or_never().unwrap().unwrap();
        assert!(left.lock().unwrap().is_empty());
    }

    #[test]
    fn what_did_not_come_to_its_end_is_to_be_done_again() {
        let is_due = AtomicBool::new(true);
        drop(Unfinished::begin(&is_due).unwrap());
        Unfinished::begin(&is_due).unwrap().end();
        assert!(Unfinished::begin(&is_due).is_none());
    }
}
