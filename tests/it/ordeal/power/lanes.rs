//! What is written to a gateway's store until its power goes, and what is there afterwards: sequences both ways, in
//! batches by the verbs that the gateway uses, on the logs of a peer that grow with them; and what stands `beside` them.

mod beside;

use std::path::Path;
use std::sync::Arc;

use chancery::digest::Digest;
use chancery::gateway::store::record::{
    Answered, Consignment, Custody, Direction, Footing, Ground, LeafPlace, LogLeaf, MirrorUpdate, Part,
    Settlement,
};
use chancery::gateway::store::{Bounds, Purpose, Store};
use chancery::time::{Clock, SystemClock, Timestamp};
use chancery::tlog::merkle::{Tree, leaf_hash};
use tokio::runtime::Runtime;

use super::What;
use super::child::say;
use crate::support::ministry;

/// Sequences written at once, so that commits are shared.
const CHANNELS: u64 = 6;

/// Messages that are taken together, at most: batches of one, two and so on follow each other.
const BATCH_MESSAGES: u64 = 4;

/// One message in so many has a part in a file of its own.
const PARTS_ONE_IN: u64 = 5;

/// Larger than what travels in envelopes.
const PART_BYTES: usize = 300 * 1024;

/// Fills the store in `place` until it fails.
pub fn write(place: &Path, what: What) {
    let (data, now) = (place.join("gateway/data"), SystemClock.now());
    let store = match what {
        What::UnsafeStore => Store::open_unsafely(&data, reserves(), now),
        _ => Store::open(&data, reserves(), now),
    };
    let store = Arc::new(store.unwrap());
    Runtime::new().unwrap().block_on(async {
        let mut lanes = tokio::task::JoinSet::new();
        for number in 0..CHANNELS {
            let direction = if number % 2 == 0 { Direction::Out } else { Direction::In };
            lanes.spawn(write_lane(store.clone(), direction, format!("ch-{number:016x}")));
        }
        lanes.spawn(beside::write_acts(store.clone()));
        lanes.spawn(beside::write_packed(store.clone()));
        lanes.join_all().await;
    });
}

/// Fills one sequence until the store fails.
async fn write_lane(store: Arc<Store>, direction: Direction, channel: String) {
    let mut mirror = Mirror::of(&store, &channel).await;
    let mut last = store.position(direction, channel.clone(), ministry("XB")).await.unwrap();
    if direction == Direction::Out {
        // The power went before the answers of the last batch came.
        let answers = (1..=last.sequence).map(|sequence| answer(Digest::of(&header(&channel, sequence))));
        let settled = store.settle_all(answers.collect(), Vec::new(), SystemClock.now());
        if settled.await.is_err() {
            return;
        }
    }
    for size in (1..=BATCH_MESSAGES).cycle() {
        let (first, mut batch) = (last.sequence + 1, Vec::new());
        for sequence in first..first + size {
            let header = header(&channel, sequence);
            let Some(parts) = parts(&store, &header, sequence).await else { return };
            let leaf = leaf(&channel, sequence, first + size - 1 - sequence);
            let message = consignment(&channel, sequence, last.message_id, leaf, header, parts);
            last.message_id = Some(message.message_id);
            batch.push(message);
        }
        last.sequence += size;
        let going = match direction {
            Direction::Out => send(&store, &mut mirror, &channel, batch).await,
            Direction::In => receive(&store, &mut mirror, batch).await,
        };
        if going.is_none() {
            return;
        }
    }
}

/// Sends a batch, and has it answered as peers do: with the leaf of the peer's log on which the answers stand.
async fn send(store: &Store, mirror: &mut Mirror, channel: &str, batch: Vec<Consignment>) -> Option<()> {
    let (last, footing) = (batch.last()?.sequence, Footing::default());
    let answers = batch.iter().map(|message| answer(message.message_id)).collect();
    admit(store, Purpose::Send, batch, footing.clone()).await?;
    let update = mirror.grow(last, footing);
    let ground = Ground {
        origin: update.origin.clone(),
        size: mirror.tree.size(),
        root: update.root,
        cosigned: update.cosigned.clone()?,
    };
    let mirrored = store.extend_mirror(update);
    let settled = store.settle_all(answers, vec![ground], SystemClock.now());
    let (mirrored, settled) = tokio::join!(mirrored, settled);
    mirrored.ok()?;
    assert!(settled.ok()?.is_some(), "its ground is kept");
    say(&mirror.origin, mirror.tree.size());
    say(&answered(channel), last);
    Some(())
}

/// Takes a batch of the peer behind the leaf of the peer's log that came with it.
async fn receive(store: &Store, mirror: &mut Mirror, batch: Vec<Consignment>) -> Option<()> {
    let footing = Footing::default();
    let mirrored = store.extend_mirror(mirror.grow(batch.last()?.sequence, footing.clone()));
    let (mirrored, placed) = tokio::join!(mirrored, admit(store, Purpose::Deliver, batch, footing));
    mirrored.ok()?;
    say(&mirror.origin, mirror.tree.size());
    placed
}

/// Has a batch taken, and says so at once.
async fn admit(store: &Store, purpose: Purpose, batch: Vec<Consignment>, footing: Footing) -> Option<()> {
    let names: Vec<_> = batch.iter().map(|message| (message.channel.clone(), message.sequence)).collect();
    let messages = batch.into_iter().map(|message| (purpose.clone(), message)).collect();
    let admitted = store.admit_all(store.prepare(messages).unwrap(), footing).await.ok()?;
    assert_eq!(admitted.custodies.len(), names.len());
    for ((channel, sequence), custody) in names.into_iter().zip(admitted.custodies) {
        let Custody::Taken(place) = custody else { panic!("{custody:?}") };
        say(&channel, sequence);
        say(&place.origin, place.index + 1);
    }
    Some(())
}

/// What the peer says to a message.
fn answer(message_id: Digest) -> Answered {
    Answered { message_id, settlement: Settlement::Delivered, receipt: b"receipt".to_vec() }
}

/// The leaf says how many come behind it in its batch.
fn leaf(channel: &str, sequence: u64, behind: u64) -> Vec<u8> {
    format!("leaf of {sequence} on {channel}, {behind} behind it").into_bytes()
}

/// Under which name it is said how far a sequence is answered.
fn answered(channel: &str) -> String {
    format!("answered-{channel}")
}

fn header(channel: &str, sequence: u64) -> Vec<u8> {
    format!("header {sequence} on {channel}").into_bytes()
}

fn own_origin(channel: &str) -> String {
    format!("mfa.xa.example/chancery/xb/{channel}")
}

/// The parts of a message, kept already; none where the store has failed.
async fn parts(store: &Store, header: &[u8], sequence: u64) -> Option<Vec<Part>> {
    if !sequence.is_multiple_of(PARTS_ONE_IN) {
        return Some(Vec::new());
    }
    let content: Vec<u8> = Digest::of(header).as_bytes().iter().copied().cycle().take(PART_BYTES).collect();
    let (digest, size) = (Digest::of(&content), content.len() as u64);
    let mut upload = store.put_part(&ministry("XB"), digest, size, 0).await.ok()?;
    upload.write(vec![content]).await.ok()?;
    upload.finish().await.ok()?;
    Some(vec![Part { digest, size, content: None }])
}

/// The peer's log beside a channel, which grows by one leaf with every batch.
struct Mirror {
    origin: String,
    tree: Tree,
}

impl Mirror {
    /// As far as the store has it.
    async fn of(store: &Store, channel: &str) -> Self {
        let origin = format!("mfa.xb.example/chancery/xa/{channel}");
        let leaves = store.leaves(origin.clone(), 0, usize::MAX >> 1).await.unwrap();
        let mut tree = Tree::new();
        leaves.iter().for_each(|leaf| tree.push(leaf_hash(&leaf.bytes)));
        Self { origin, tree }
    }

    /// The next leaf, with a cosigned checkpoint.
    fn grow(&mut self, sequence: u64, footing: Footing) -> MirrorUpdate {
        let (first_index, bytes) = (self.tree.size(), format!("leaf of the peer on {sequence}").into_bytes());
        self.tree.push(leaf_hash(&bytes));
        MirrorUpdate {
            origin: self.origin.clone(),
            peer: ministry("XB"),
            first_index,
            leaves: vec![LogLeaf { bytes, message_id: None }],
            root: self.tree.root(),
            checkpoint: format!("checkpoint {}", self.tree.size()),
            cosigned: Some(format!("cosigned {}", self.tree.size())),
            footing,
        }
    }
}

fn consignment(
    channel: &str,
    sequence: u64,
    previous: Option<Digest>,
    leaf: Vec<u8>,
    header: Vec<u8>,
    parts: Vec<Part>,
) -> Consignment {
    Consignment {
        message_id: Digest::of(&header),
        channel: channel.to_owned(),
        peer: ministry("XB"),
        sequence,
        previous,
        envelope_digest: Digest::of_parts(&[&header, b"envelope"]),
        leaf,
        header,
        signature: vec![7; 900],
        parts,
        precedence: 1,
        valid_until: Timestamp::from_seconds(i64::MAX / 4),
        // One log for each channel: the acknowledged indexes of a shared one would not come in their order.
        origin: own_origin(channel),
        now: SystemClock.now(),
    }
}

/// Says what the store in `place` holds, and judges it.
pub fn audit(place: &Path) {
    let store = Store::open(&place.join("gateway/data"), reserves(), SystemClock.now()).unwrap();
    Runtime::new().unwrap().block_on(async {
        let found = store.verify().await.unwrap();
        assert_eq!(found.damages, Vec::<String>::new());
        for number in 0..CHANNELS {
            let channel = format!("ch-{number:016x}");
            let direction = if number % 2 == 0 { Direction::Out } else { Direction::In };
            let last = store.position(direction, channel.clone(), ministry("XB")).await.unwrap().sequence;
            say(&channel, last);
            if last > 0 {
                let place = LeafPlace { origin: own_origin(&channel), index: last - 1 };
                let kept = store.leaf(place).await.unwrap().unwrap().bytes;
                assert_eq!(kept, leaf(&channel, last, 0), "a batch is kept whole or not at all");
            }
            if direction == Direction::Out {
                let ids = (1..=last).map(|sequence| Digest::of(&header(&channel, sequence))).collect();
                let sent = store.sent(ids).await.unwrap();
                let settled = sent.iter().take_while(|sent| sent.as_ref().unwrap().receipt.is_some());
                say(&answered(&channel), settled.count() as u64);
            }
        }
        for log in store.list_logs().await.unwrap() {
            say(&log.origin, log.size);
        }
        beside::audit(&store).await;
    });
}

/// The disk is small.
fn reserves() -> Bounds {
    Bounds { ballast: 1 << 20, floor: 8 << 20, ..Bounds::default() }
}
