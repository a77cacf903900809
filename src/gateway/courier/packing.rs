//! Packing: everything that a peer does not have yet, as far as its cosignatures and receipts tell.
//!
//! A pack repeats what earlier ones held until an answer comes back, by whichever road: a lost stick costs a journey
//! and nothing else. Nothing changes by it but what people are shown.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::{CourierRefusal, Item};
use crate::digest::Digest;
use crate::gateway::Gateway;
use crate::gateway::error::Fault;
use crate::gateway::frame::{CosignatureLine, Delivery, Frame};
use crate::gateway::relay::envelope_bytes;
use crate::gateway::standing::Standing;
use crate::gateway::store::record::{Decision, Direction, LogHead, OutboxItem};
use crate::limits;
use crate::message::administration::{Actor, AdministrativeAct, AdministrativeVerb};
use crate::message::courier::Opening;
use crate::tlog::signed_note::Note;
use crate::trust::name::Ministry;

/// What is to be packed.
#[derive(Debug, Clone)]
pub(in crate::gateway) struct Packing {
    /// For whom.
    pub(in crate::gateway) peer: Ministry,
    /// Whether messages that were packed before are left out.
    pub(in crate::gateway) only_new: bool,
    /// Number of the operator's user.
    pub(in crate::gateway) operator: u32,
}

/// What was packed.
#[derive(Debug, Clone, Default)]
pub(in crate::gateway) struct PackEnd {
    pub(in crate::gateway) number: u64,
    pub(in crate::gateway) messages: u64,
    pub(in crate::gateway) parts: u64,
    pub(in crate::gateway) leaves: u64,
    pub(in crate::gateway) cosignatures: u64,
    /// Messages that an operator holds.
    pub(in crate::gateway) held: u64,
    /// Further messages that stay behind: behind a held one, or for what was lost of our log.
    pub(in crate::gateway) behind: u64,
}

type Sink = mpsc::Sender<Result<Item, CourierRefusal>>;

/// Later than any pause between attempts ends: a stick takes what waits, whatever the wire was refused.
const ALL_PAUSES: Duration = Duration::from_secs(100 * 366 * 24 * 60 * 60);

impl Gateway {
    /// Gives what a stick for a peer holds to `sink`. What was packed is noted when whoever asked says that it is
    /// written.
    pub(in crate::gateway) async fn pack(
        self: &Arc<Self>,
        packing: Packing,
        sink: &Sink,
    ) -> Result<PackEnd, CourierRefusal> {
        let peer = packing.peer.clone();
        if !self.accreditation()?.is_peer(&peer) {
            return Err(CourierRefusal::NotAccredited(peer));
        }
        if self.pause_of(&peer).is_some() {
            return Err(Fault::Paused(peer).into());
        }
        let leave = self.exchange(&peer)?;
        let now = self.clock.now();
        let hello = self.hello(&peer, &leave).await?;
        // Before anything leaves: whoever has taken a part of it may go and never say so.
        let act = AdministrativeAct::new(AdministrativeVerb::PackWritten, Actor::User(packing.operator));
        self.record_act(act.about(&peer)).await?;
        let number = self.store.next_pack(peer.clone(), now).await?;
        let mut end = PackEnd { number, ..PackEnd::default() };
        let from = self.config.ministry.clone();
        give(sink, Item::Opening(Opening { from, to: peer.clone(), number, time: now })).await?;
        give(sink, Item::Frame(Frame::Hello(hello))).await?;
        let bundle = self.accreditation()?.own().to_bytes();
        give(sink, Item::Frame(Frame::Announcement(bundle))).await?;
        for log in self.store.list_logs().await?.into_iter().filter(|log| log.peer == peer && log.size > 0) {
            if log.mirror {
                if let Some(line) = self.own_line(&log)? {
                    end.cosignatures += 1;
                    give(sink, Item::Frame(Frame::Cosignature(line))).await?;
                }
            } else {
                end.leaves += self.pack_log(&log, sink).await?;
            }
        }
        let queues = self.store.queues().await?;
        // What was lost of our log may say that something in the queue was withdrawn.
        let (packed, earlier) = match self.standing(&peer) {
            Standing::CatchingUp => (Vec::new(), 0),
            _ => self.pack_messages(&packing, &mut end, sink).await?,
        };
        if let Some(queue) = queues.iter().find(|queue| queue.peer == peer) {
            // One that came in between was packed as well.
            let left = queue.queued.saturating_sub(end.messages.saturating_add(earlier));
            end.held = queue.held.min(left);
            end.behind = left.saturating_sub(end.held);
        }
        self.link_of(&peer).stick_given(number, packed);
        Ok(end)
    }

    /// Notes what is on the stick that was packed last for a peer, once it is written; answers how many messages.
    /// Nothing where that was another one: then they are packed again, which costs a journey and nothing else.
    pub(in crate::gateway) async fn note_packed(
        &self,
        peer: &Ministry,
        number: u64,
        operator: u32,
    ) -> Result<u64, Fault> {
        let Some(packed) = self.link_of(peer).stick_taken(number) else { return Ok(0) };
        let count = packed.len() as u64;
        let decision = Decision { time: self.clock.now(), operator, reason: String::new(), act: None };
        self.store.note_packed(packed, decision).await?;
        Ok(count)
    }

    /// Our cosignature on the newest checkpoint that we have cosigned.
    fn own_line(&self, log: &LogHead) -> Result<Option<CosignatureLine>, Fault> {
        let Some(cosigned) = &log.cosigned else { return Ok(None) };
        let note = Note::parse(&cosigned.text).map_err(|cause| Fault::Damaged(cause.to_string()))?;
        let own = self.own_cosigner(self.cosigner_key().as_ref())?;
        // A line by a former key would not verify any more where our newest bundle is in force. The peer repeats
        // the leaves that it has no line for, and then they are cosigned by the key in use.
        let line = note.line_of(&own).map(|line| line.to_string());
        Ok(line.map(|line| CosignatureLine { origin: log.origin.clone(), size: cosigned.size, line }))
    }

    /// The leaves of an own log that the peer has not cosigned; answers how many.
    async fn pack_log(&self, log: &LogHead, sink: &Sink) -> Result<u64, CourierRefusal> {
        let first = log.cosigned.as_ref().map_or(0, |cosigned| cosigned.size);
        let mut next = first;
        while let Some(update) = self.next_update(&log.origin, next).await? {
            next = update.first_index.saturating_add(update.leaves.len() as u64);
            give(sink, Item::Frame(Frame::LogUpdate(update))).await?;
        }
        Ok(next.saturating_sub(first))
    }

    /// What waits for the peer, in order, each batch behind its large parts; answers which messages, and how many were
    /// left to earlier sticks.
    async fn pack_messages(
        &self,
        packing: &Packing,
        end: &mut PackEnd,
        sink: &Sink,
    ) -> Result<(Vec<Digest>, u64), CourierRefusal> {
        let (mut packed, mut reached, mut parts) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
        let mut earlier = 0_u64;
        let late = self.clock.now().after(ALL_PAUSES);
        loop {
            let limit = limits::BATCH_ENVELOPES_MAX;
            let due = self.store.due(packing.peer.clone(), late, limit, reached.clone()).await?;
            if due.is_empty() {
                return Ok((packed, earlier));
            }
            for item in due {
                reached.insert(item.channel.clone(), item.sequence);
                if packing.only_new && self.was_packed(&item).await? {
                    earlier = earlier.saturating_add(1);
                    continue;
                }
                for part in item.parts.iter().filter(|part| part.content.is_none() && !item.withdrawn) {
                    if parts.insert(part.digest, part.size).is_none() {
                        end.parts += 1;
                        self.pack_part(part.digest, part.size, sink).await?;
                    }
                }
                let delivery =
                    Delivery { envelope: self.whole_envelope(&item).await?, withdrawn: item.withdrawn };
                give(sink, Item::Frame(Frame::Deliveries(vec![delivery]))).await?;
                end.messages += 1;
                packed.push(item.message_id);
            }
        }
    }

    async fn was_packed(&self, item: &OutboxItem) -> Result<bool, CourierRefusal> {
        let entry = self.store.queue_entry(item.message_id).await?;
        Ok(entry.is_some_and(|entry| entry.packed.is_some()))
    }

    /// The exact envelope; what a session keeps in memory is left to it.
    async fn whole_envelope(&self, item: &OutboxItem) -> Result<Vec<u8>, Fault> {
        if !item.lacks_contents() {
            return envelope_bytes(item);
        }
        let whole = self.store.whole_message(Direction::Out, item.message_id).await?;
        let (signed, parts) = whole.ok_or_else(|| Fault::Damaged(format!("message {}", item.message_id)))?;
        envelope_bytes(&OutboxItem { signed, parts, ..item.clone() })
    }

    async fn pack_part(&self, digest: Digest, size: u64, sink: &Sink) -> Result<(), CourierRefusal> {
        let missing = || Fault::Damaged(format!("part {digest} is missing or damaged"));
        let mut reader = self.store.open_part(digest, 0).await?.ok_or_else(missing)?;
        give(sink, Item::Part { digest, size }).await?;
        loop {
            let piece = reader.next().await?;
            if piece.is_empty() {
                break;
            }
            give(sink, Item::Piece(piece)).await?;
        }
        // The bytes were counted as they went; a damaged part is refused where it is unpacked, by its digest.
        if reader.offset() == size { Ok(()) } else { Err(missing().into()) }
    }
}

async fn give(sink: &Sink, item: Item) -> Result<(), CourierRefusal> {
    sink.send(Ok(item)).await.map_err(|_| CourierRefusal::Gone)
}
