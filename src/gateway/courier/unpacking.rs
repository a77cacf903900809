//! Unpacking: what came on a stick goes, element by element, to the code that judges it on the wire.
//!
//! Every element is taken for itself and is idempotent there; the order matters as far as numbers run. What is refused
//! is told, and what stands behind it in its channel is refused with it, as on the wire.

use std::collections::BTreeMap;
use std::ops::Range;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::stream::unfold;
use tokio::sync::mpsc;

use super::{CourierRefusal, Item};
use crate::digest::Digest;
use crate::gateway::Gateway;
use crate::gateway::error::Fault;
use crate::gateway::frame::{Answer, CosignatureLine, Delivery, Frame, Hello, LogUpdate, Outcome, Road};
use crate::gateway::freight::keep;
use crate::gateway::standing::Standing;
use crate::gateway::store::record::{Direction, Footing, LeafPlace};
use crate::limits;
use crate::message::administration::{Actor, AdministrativeAct, AdministrativeVerb};
use crate::message::courier::Opening;
use crate::message::envelope::Envelope;
use crate::message::leaf::{Leaf, LeafKind, LeafMessage};
use crate::trust::name::Ministry;

/// What a stick holds, on its way here.
pub(in crate::gateway) type Items = mpsc::Receiver<Result<Item, CourierRefusal>>;

/// Reason of an element that is not proven, where what follows it is taken.
const UNPROVEN: &str = "COURIER_UNPROVEN";

/// What became of a stick.
#[derive(Debug, Default)]
pub(in crate::gateway) struct Unpacked {
    pub(in crate::gateway) from: String,
    pub(in crate::gateway) number: u64,
    /// It was unpacked here before, all of it.
    pub(in crate::gateway) already_taken: bool,
    /// Messages that are new.
    pub(in crate::gateway) taken: u64,
    /// Messages that were here.
    pub(in crate::gateway) held: u64,
    /// New messages that were refused for good, by a signed leaf.
    pub(in crate::gateway) rejected: u64,
    /// Leaves that are new in the mirror.
    pub(in crate::gateway) leaves: u64,
    /// Messages of ours that are answered now.
    pub(in crate::gateway) settled: u64,
    /// Messages, parts and cosignatures that were not taken: the first ones with their reasons.
    pub(in crate::gateway) refused: Vec<Refused>,
    /// How many were not taken.
    pub(in crate::gateway) refusals: u64,
    /// Numbers of sticks of that ministry before this one that have not been here: the last ones.
    pub(in crate::gateway) missing: Vec<u64>,
    /// Messages that the log on the stick says were sent, and that are neither here nor on the stick.
    pub(in crate::gateway) absent: u64,
    /// Which leaves of each log are on the stick.
    mirrored: BTreeMap<String, Range<u64>>,
    /// Messages on the stick that were refused and are not answered.
    unanswered: u64,
}

/// A message, part or cosignature that was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::gateway) struct Refused {
    /// "message", "part", "cosignature" or "trust bundle", and which.
    pub(in crate::gateway) what: String,
    /// Reason code.
    pub(in crate::gateway) reason: String,
    /// For people.
    pub(in crate::gateway) detail: String,
}

impl Gateway {
    /// Takes a stick. What is taken is durable when it answers, and before that where it fails.
    pub(in crate::gateway) async fn unpack(
        self: &Arc<Self>,
        mut items: Items,
        digest: Option<Digest>,
        operator: u32,
    ) -> Result<Unpacked, CourierRefusal> {
        let Opening { from, to, number, .. } = match next(&mut items).await? {
            Item::Opening(opening) => opening,
            _ => return Err(CourierRefusal::Misshapen("it does not begin with its opening")),
        };
        let own = self.config.ministry.clone();
        if from == own {
            return Err(CourierRefusal::Own(to));
        }
        if to != own {
            return Err(CourierRefusal::OtherMinistry { to, own });
        }
        if !self.accreditation()?.is_peer(&from) {
            return Err(CourierRefusal::NotAccredited(from));
        }
        if self.pause_of(&from).is_some() {
            return Err(Fault::Paused(from).into());
        }
        let _leave = self.exchange(&from)?;
        let missing = self.store.missing_packs(from.clone(), number).await?;
        let mut unpacked = Unpacked { from: from.to_string(), number, missing, ..Unpacked::default() };
        if let Some(digest) = digest {
            unpacked.already_taken = self.store.is_taken(from.clone(), digest).await?;
            if unpacked.already_taken {
                return Ok(unpacked);
            }
        }
        // Before anything of it counts, by the digest that whoever reads it has found.
        let act = AdministrativeAct::new(AdministrativeVerb::PackRead, Actor::User(operator)).about(&from);
        self.record_act(match digest {
            Some(digest) => act.concerning(digest),
            None => act,
        })
        .await?;
        let before = self.store.list_logs().await?;
        let ended = self.unpack_all(&from, &mut items, &mut unpacked).await;
        // Whatever was mirrored counts, although the rest was not in order.
        self.gate(&from).restored.store(true, Ordering::SeqCst);
        unpacked.settled = self.settle_restored(&from).await?;
        let held = |logs: &[crate::gateway::store::record::LogHead]| -> u64 {
            logs.iter().filter(|log| log.mirror && log.peer == from).map(|log| log.size).sum()
        };
        unpacked.leaves = held(&self.store.list_logs().await?).saturating_sub(held(&before));
        self.link_of(&from).tell_news();
        let digest = ended?;
        unpacked.absent = self.absent(&from, &unpacked).await?;
        if unpacked.refusals == 0 && unpacked.absent == 0 {
            self.store.note_taken_pack(from, number, digest, self.clock.now()).await?;
        }
        Ok(unpacked)
    }

    async fn unpack_all(
        self: &Arc<Self>,
        peer: &Ministry,
        items: &mut Items,
        unpacked: &mut Unpacked,
    ) -> Result<Digest, CourierRefusal> {
        match next(items).await? {
            Item::Frame(Frame::Hello(hello)) if hello.ministry == *peer => self.hear(peer, &hello).await?,
            _ => return Err(CourierRefusal::Misshapen("the hello of its ministry does not come next")),
        }
        loop {
            match next(items).await? {
                Item::Frame(Frame::Announcement(bundle)) => {
                    self.hear_announcement(peer, &bundle, unpacked).await?
                }
                Item::Frame(Frame::LogUpdate(update)) => self.extend(peer, update, unpacked).await?,
                Item::Frame(Frame::Cosignature(line)) => self.hear_cosignature(peer, line, unpacked).await?,
                Item::Frame(Frame::Deliveries(deliveries)) => {
                    self.deliver(peer, deliveries, unpacked).await?
                }
                Item::Part { digest, size } => self.take_part(peer, (digest, size), items, unpacked).await?,
                Item::End(digest) => return Ok(digest),
                _ => return Err(CourierRefusal::Misshapen("it holds what no stick carries")),
            }
        }
    }

    /// Mirrors leaves of the peer's log.
    async fn extend(
        &self,
        peer: &Ministry,
        update: LogUpdate,
        unpacked: &mut Unpacked,
    ) -> Result<(), CourierRefusal> {
        let (checkpoint, _) = self.open_checkpoint(peer, &update.checkpoint).map_err(unproven)?;
        let origin = checkpoint.origin.as_str().to_owned();
        let end = update.first_index.saturating_add(update.leaves.len() as u64);
        let mirrored = unpacked.mirrored.entry(origin.clone()).or_insert(update.first_index..end);
        mirrored.end = mirrored.end.max(end);
        let have = self.store.log_head(origin.clone()).await?.map_or(0, |head| head.size);
        if update.first_index > have {
            let first = update.first_index;
            let detail =
                format!("leaves {have} to {first} of {origin} are missing before those on the stick");
            return Err(CourierRefusal::Gap(detail));
        }
        let mirroring = self.mirror(peer, update, &Footing::default()).map_err(unproven)?;
        self.mirrored(peer, mirroring, Road::Stick).await.map(drop).map_err(unproven)
    }

    /// What the hello of a stick may do: show that a log forked, or that more of ours was signed than is held.
    async fn hear(&self, peer: &Ministry, hello: &Hello) -> Result<(), CourierRefusal> {
        self.learn_from_stick(peer, hello).await.map_err(unproven)?;
        match self.standing(peer) {
            Standing::Frozen => Err(Fault::Frozen(peer.clone()).into()),
            _ => Ok(()),
        }
    }

    /// Hears what the peer's ministry said of itself when the stick was packed. What is not believed accuses nobody:
    /// whoever carried the stick may have put it there.
    async fn hear_announcement(
        &self,
        peer: &Ministry,
        bundle: &[u8],
        unpacked: &mut Unpacked,
    ) -> Result<(), CourierRefusal> {
        if let Some(refusal) = self.take_announced(peer, bundle, Road::Stick).await? {
            let (what, reason) = ("trust bundle".to_owned(), refusal.reason().to_owned());
            unpacked.refuse(Refused { what, reason, detail: refusal.to_string() });
        }
        Ok(())
    }

    /// Keeps the peer's cosignature. One that does not hold takes nothing from what follows it on the stick: it may
    /// be by a key that was rotated since.
    async fn hear_cosignature(
        &self,
        peer: &Ministry,
        cosignature: CosignatureLine,
        unpacked: &mut Unpacked,
    ) -> Result<(), CourierRefusal> {
        let what = format!("cosignature on {} leaves of our log", cosignature.size);
        match self.keep_cosignature(peer, cosignature, Road::Stick).await.map_err(unproven) {
            Err(CourierRefusal::Unproven(detail)) => {
                unpacked.refuse(Refused { what, reason: UNPROVEN.to_owned(), detail });
                Ok(())
            }
            kept => kept,
        }
    }

    async fn deliver(
        self: &Arc<Self>,
        peer: &Ministry,
        deliveries: Vec<Delivery>,
        unpacked: &mut Unpacked,
    ) -> Result<(), CourierRefusal> {
        if deliveries.is_empty() || deliveries.len() > limits::BATCH_ENVELOPES_MAX {
            return Err(CourierRefusal::Misshapen("a batch is over its bound"));
        }
        let names = named(&deliveries);
        let deliveries = self.without_unproven_withdrawals(peer, deliveries, &names, unpacked).await?;
        let mut held = BTreeMap::new();
        for id in names.keys() {
            held.insert(*id, self.store.held_place(Direction::In, *id).await?.is_some());
        }
        for Outcome { message_id, answer } in self.receive(peer, deliveries).await? {
            let id = message_id.map(|id| id.digest());
            match answer {
                Answer::Receipt(_) if id.and_then(|id| held.get(&id)) == Some(&true) => unpacked.held += 1,
                Answer::Receipt(receipt) => {
                    let receipt = crate::message::receipt::Receipt::parse(&receipt);
                    let rejected = receipt.is_ok_and(|receipt| !receipt.leaf().reason.is_empty());
                    unpacked.taken += u64::from(!rejected);
                    unpacked.rejected += u64::from(rejected);
                }
                Answer::Unsigned { reason, detail } => {
                    let name = id.and_then(|id| names.get(&id).cloned());
                    let what = name.unwrap_or_else(|| "message that cannot be read".to_owned());
                    unpacked.unanswered += 1;
                    unpacked.refuse(Refused { what, reason, detail });
                }
            }
        }
        Ok(())
    }

    /// Refuses deliveries that are marked withdrawn where the peer's log does not say so. The mark stands under no
    /// signature: on the wire the connection vouches for it, and nobody vouches for a stick.
    async fn without_unproven_withdrawals(
        &self,
        peer: &Ministry,
        deliveries: Vec<Delivery>,
        names: &BTreeMap<Digest, String>,
        unpacked: &mut Unpacked,
    ) -> Result<Vec<Delivery>, CourierRefusal> {
        let mut proven = Vec::with_capacity(deliveries.len());
        for delivery in deliveries {
            // What cannot be read is refused where the others are judged.
            let withdrawn = match delivery.withdrawn {
                true => Envelope::parse_without_parts(&delivery.envelope).ok(),
                false => None,
            };
            let about = withdrawn.map(|envelope| LeafMessage::of(&envelope));
            if let Some(about) = about
                && !self.log_says(peer, about, &[LeafKind::Withdrawn]).await?
            {
                let name = names.get(&about.id.digest()).cloned();
                let what = name.unwrap_or_else(|| "message".to_owned());
                let detail = "it is marked as withdrawn, and the sender's log does not say so".to_owned();
                unpacked.unanswered += 1;
                unpacked.refuse(Refused { what, reason: UNPROVEN.to_owned(), detail });
                continue;
            }
            proven.push(delivery);
        }
        Ok(proven)
    }

    /// Whether the mirror of a log of the peer holds a leaf of one of these kinds about exactly this message.
    async fn log_says(
        &self,
        peer: &Ministry,
        about: LeafMessage,
        kinds: &[LeafKind],
    ) -> Result<bool, CourierRefusal> {
        for found in self.store.find_leaf(about.id.digest()).await?.into_iter().filter(|found| found.mirror) {
            let log = self.store.log_head(found.place.origin.clone()).await?;
            if log.is_none_or(|log| !log.mirror || log.peer != *peer) {
                continue;
            }
            let Some(leaf) = self.store.leaf(found.place).await? else { continue };
            let leaf = Leaf::parse(&leaf.bytes).map_err(|cause| Fault::Damaged(cause.to_string()))?;
            if kinds.contains(&leaf.kind) && leaf.message == Some(about) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// How many messages the log on the stick says were sent here, that nobody has answered here and that were not on
    /// the stick. No signature says what a stick holds: whoever carries it can cut messages out of it.
    async fn absent(&self, peer: &Ministry, unpacked: &Unpacked) -> Result<u64, CourierRefusal> {
        let mut absent = 0_u64;
        for (origin, mirrored) in &unpacked.mirrored {
            let log =
                self.store.log_head(origin.clone()).await?.filter(|log| log.mirror && log.peer == *peer);
            for index in mirrored.start..mirrored.end.min(log.map_or(0, |log| log.size)) {
                let place = LeafPlace { origin: origin.clone(), index };
                let Some(leaf) = self.store.leaf(place).await? else { continue };
                let leaf = Leaf::parse(&leaf.bytes).map_err(|cause| Fault::Damaged(cause.to_string()))?;
                let Some(about) = leaf.message.filter(|_| leaf.kind == LeafKind::Sent) else { continue };
                absent = absent.saturating_add(u64::from(!self.is_over(peer, about).await?));
            }
        }
        Ok(absent.saturating_sub(unpacked.unanswered))
    }

    /// Whether a message of the peer is answered here, or its log says that it is not to be delivered any more.
    async fn is_over(&self, peer: &Ministry, about: LeafMessage) -> Result<bool, CourierRefusal> {
        let own = self.store.find_leaf(about.id.digest()).await?.iter().any(|found| !found.mirror);
        Ok(own || self.log_says(peer, about, &[LeafKind::Withdrawn, LeafKind::Expired]).await?)
    }

    /// Keeps a large part as if the peer had put it; what is here already is passed over.
    async fn take_part(
        &self,
        peer: &Ministry,
        (digest, size): (Digest, u64),
        items: &mut Items,
        unpacked: &mut Unpacked,
    ) -> Result<(), CourierRefusal> {
        if size == 0 || size > limits::SEALED_PART_BYTES_MAX {
            return Err(CourierRefusal::Misshapen("a part is over its bound"));
        }
        let begun = self.store.part_progress(peer, digest, size).await?;
        let came = AtomicU64::new(0);
        if !begun.complete {
            let kept = {
                let pieces = unfold((&mut *items, &came), |(items, came)| async move {
                    if came.load(Ordering::Relaxed) >= size {
                        return None;
                    }
                    let piece = piece(items, came).await.map(|(at, piece)| fresh(at, piece, begun.offset));
                    Some((piece, (items, came)))
                });
                keep(self, peer, (digest, size), begun.offset, pin!(pieces), CourierRefusal::from).await
            };
            match kept {
                Err(CourierRefusal::Failed(Fault::Store(cause))) if !self.store.is_stopped() => {
                    let (reason, detail) = (cause.reason().to_owned(), cause.to_string());
                    unpacked.refuse(Refused { what: format!("part {digest}"), reason, detail });
                }
                kept => kept?,
            }
        }
        while came.load(Ordering::Relaxed) < size {
            piece(items, &came).await?;
        }
        Ok(())
    }
}

impl Unpacked {
    fn refuse(&mut self, refused: Refused) {
        self.refusals += 1;
        if self.refused.len() < limits::COURIER_REFUSED_NAMED_MAX {
            self.refused.push(refused);
        }
    }
}

/// The next piece of a part, and where in the part it begins.
async fn piece(items: &mut Items, came: &AtomicU64) -> Result<(u64, Vec<u8>), CourierRefusal> {
    match next(items).await? {
        Item::Piece(piece) => Ok((came.fetch_add(piece.len() as u64, Ordering::Relaxed), piece)),
        _ => Err(CourierRefusal::Misshapen("a part has other bytes than it announced")),
    }
}

/// What of a piece is behind what an earlier transfer has brought.
fn fresh(at: u64, piece: Vec<u8>, from: u64) -> Vec<u8> {
    let known = usize::try_from(from.saturating_sub(at)).unwrap_or(usize::MAX).min(piece.len());
    piece.get(known..).map(<[u8]>::to_vec).unwrap_or_default()
}

async fn next(items: &mut Items) -> Result<Item, CourierRefusal> {
    items.recv().await.unwrap_or(Err(CourierRefusal::Misshapen("it was not read to its end")))
}

/// What messages are called in words, by their ids.
fn named(deliveries: &[Delivery]) -> BTreeMap<Digest, String> {
    let name = |delivery: &Delivery| {
        let parsed = match delivery.withdrawn {
            true => Envelope::parse_without_parts(&delivery.envelope),
            false => Envelope::parse(&delivery.envelope),
        };
        let envelope = parsed.ok()?;
        let (address, position) = (envelope.header().address(), envelope.header().position());
        let id = envelope.id().digest();
        Some((id, format!("message number {} on {}", position.sequence, address.channel)))
    };
    deliveries.iter().filter_map(name).collect()
}

/// An element that the wire would have ended its stream for.
fn unproven(fault: Fault) -> CourierRefusal {
    match fault {
        Fault::Link(detail) | Fault::Misshapen { detail, .. } => CourierRefusal::Unproven(detail),
        other => CourierRefusal::Failed(other),
    }
}
