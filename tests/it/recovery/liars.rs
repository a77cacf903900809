//! Peers that lie about what they hold of a log: nothing of it is restored, an alarm tells, and there is an end.

use std::path::PathBuf;

use chancery::desk::register::SentState;
use chancery::gateway::standing::Standing;
use chancery::message::leaf::Leaf;
use chancery::proto::gateway::v1 as wire;
use chancery::proto::gateway::v1::relay_frame::Frame;
use chancery::tlog::merkle::{self, Tree};
use chancery::tlog::proof;

use super::{alarms_named, keep, own_log, put_back};
use crate::support::bot::{Bot, Play, Playing};
use crate::support::{Stage, eventually, forms, ministry};

/// A peer that mirrors XA's log and gives it back as `lie` wants.
struct Holder {
    leaves: Vec<Vec<u8>>,
    checkpoint: String,
    envelopes: Vec<Vec<u8>>,
    lie: fn(&mut wire::Copy),
}

impl Holder {
    fn new(lie: fn(&mut wire::Copy)) -> Self {
        Self { leaves: Vec::new(), checkpoint: String::new(), envelopes: Vec::new(), lie }
    }

    fn envelope_of(&self, leaf: &[u8]) -> Vec<u8> {
        let about = Leaf::parse(leaf).unwrap().message;
        let mine = self.envelopes.iter().find(|envelope| {
            let envelope = chancery::message::envelope::Envelope::parse(envelope).unwrap();
            Some(envelope.id()) == about.map(|about| about.id)
        });
        mine.cloned().unwrap_or_default()
    }
}

impl Play for Holder {
    fn hello(&mut self, bot: &mut Bot, theirs: wire::Hello) -> Vec<Frame> {
        bot.told = bot.mirrored(&theirs);
        let mirrors: Vec<String> =
            Some(self.checkpoint.clone()).into_iter().filter(|it| !it.is_empty()).collect();
        [vec![Frame::Hello(bot.hello(&mirrors))], bot.news()].concat()
    }

    fn log_update(&mut self, bot: &mut Bot, update: wire::LogUpdate) -> Vec<Frame> {
        self.leaves.truncate(usize::try_from(update.first_index).unwrap());
        self.leaves.extend(update.leaves.clone());
        self.checkpoint = update.checkpoint.clone();
        vec![bot.cosign(&update)]
    }

    fn deliveries(&mut self, bot: &mut Bot, envelopes: Vec<Vec<u8>>) -> Vec<Frame> {
        self.envelopes.extend(envelopes.clone());
        crate::support::bot::Honest.deliveries(bot, envelopes)
    }

    fn copy_request(&mut self, _: &mut Bot, request: wire::CopyRequest) -> Vec<Frame> {
        let first = usize::try_from(request.first_index).unwrap();
        let mut tree = Tree::new();
        self.leaves.iter().for_each(|leaf| tree.push(merkle::leaf_hash(leaf)));
        // One leaf at a time: the shortest pieces there are.
        let entries = self.leaves[first..]
            .iter()
            .take(1)
            .map(|leaf| wire::CopyEntry { leaf: leaf.clone(), envelope: self.envelope_of(leaf) });
        let entries: Vec<wire::CopyEntry> = entries.collect();
        let end = (first + entries.len()) as u64;
        let path = proof::prove_consistency(end, self.leaves.len() as u64, &tree).unwrap();
        let mut copy = wire::Copy {
            origin: request.origin,
            first_index: request.first_index,
            entries,
            checkpoint: self.checkpoint.clone(),
            path: path.iter().map(|hash| hash.as_bytes().to_vec()).collect(),
        };
        (self.lie)(&mut copy);
        vec![Frame::Copy(copy)]
    }
}

/// XA, restored to the time before its second and third message, before a peer that holds them.
async fn rolled_back(lie: fn(&mut wire::Copy)) -> (Stage, Playing, PathBuf, u64) {
    let mut stage = Stage::apart(&["XA", "XB"], |_| {});
    let playing = Playing::begin(&stage, "XB", "XA", Holder::new(lie)).await;
    stage.house_mut("XA").start().await.unwrap();
    stage.accredit("XA", "XB").await;
    stage.sound("XA", "XB").await;
    super::delivered(&stage, "XA", "XB", "One.").await;
    let kept = keep(&mut stage, "XA").await;
    for words in ["Two.", "Three."] {
        super::delivered(&stage, "XA", "XB", words).await;
    }
    let size = own_log(&stage, "XA").await.size;
    put_back(&mut stage, "XA", &kept).await;
    stage.house_mut("XA").start().await.unwrap();
    (stage, playing, kept, size)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_tells_the_truth_piece_by_piece_is_believed() {
    let (stage, _playing, _, size) = rolled_back(|_| {}).await;
    stage.sound("XA", "XB").await;
    assert!(own_log(&stage, "XA").await.size >= size);
    let [sent] = stage.send("XA", &forms::memorandum("XB", "new", "Four.")).await.try_into().unwrap();
    let settled = stage.settled("XA", &sent).await;
    assert_eq!((settled.sequence, settled.state), (4, SentState::Delivered));
}

/// The lie is seen for what it is and changes nothing.
async fn seen_through(lie: fn(&mut wire::Copy)) {
    let (stage, _playing, _, size) = rolled_back(lie).await;
    eventually("the alarm tells of a false copy", || async {
        alarms_named(stage.gateway("XA").status().await.unwrap().alarms, "FALSE_COPY") > 0
    })
    .await;
    assert_eq!(stage.gateway("XA").standing(&ministry("XB")), Standing::CatchingUp);
    assert!(own_log(&stage, "XA").await.size < size);
    assert_eq!(stage.gateway("XA").verify().await.unwrap().damages, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_we_did_not_write_is_not_taken() {
    let lies: [fn(&mut wire::Copy); 7] = [
        // Another leaf, for instance with another time.
        |copy| {
            let mut leaf = Leaf::parse(&copy.entries[0].leaf).unwrap();
            leaf.time = leaf.time.after(std::time::Duration::from_secs(1));
            copy.entries[0].leaf = leaf.bytes();
        },
        // No leaf at all.
        |copy| copy.entries[0].leaf = b"noise".to_vec(),
        // Our signature is missing.
        |copy| {
            copy.checkpoint =
                copy.checkpoint.replace("mfa.xa.example/chancery/xb", "mfa.xb.example/chancery/xa")
        },
        // Nothing, again and again.
        |copy| copy.entries.clear(),
        // More than there is.
        |copy| copy.entries = vec![copy.entries[0].clone(); 3],
        // The proof is left out where one is needed, or one is given where none is.
        |copy| {
            copy.path = if copy.path.is_empty() { vec![vec![7; 32]] } else { Vec::new() };
        },
        // A message that is another than the leaf names.
        |copy| {
            if let Some(last) = copy.entries[0].envelope.last_mut() {
                *last ^= 1;
            }
        },
    ];
    for lie in lies {
        seen_through(lie).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_the_peer_keeps_to_itself_is_handed_over_by_the_desk_again() {
    let (stage, _playing, _, _) = rolled_back(|copy| copy.entries[0].envelope.clear()).await;
    stage.sound("XA", "XB").await;
    let [sent] = stage.send("XA", &forms::memorandum("XB", "new", "Four.")).await.try_into().unwrap();
    let settled = stage.settled("XA", &sent).await;
    assert_eq!((settled.sequence, settled.state), (4, SentState::Delivered));
    let sent = own_log(&stage, "XA").await.size;
    assert_eq!(sent, 5, "the bundle and four messages, none of them twice");
}

/// A peer that gives copies which nobody has asked for.
struct Pusher;

impl Play for Pusher {
    fn hello(&mut self, bot: &mut Bot, theirs: wire::Hello) -> Vec<Frame> {
        bot.told = bot.mirrored(&theirs);
        let copy =
            wire::Copy { origin: "mfa.xa.example/chancery/xb/2026".to_owned(), ..wire::Copy::default() };
        let mut frames = vec![Frame::Hello(bot.hello(&[]))];
        frames.extend(std::iter::repeat_n(Frame::Copy(copy), 50));
        frames
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn copies_that_nobody_asked_for_end_the_stream() {
    let mut stage = Stage::apart(&["XA", "XB"], |_| {});
    let _playing = Playing::begin(&stage, "XB", "XA", Pusher).await;
    stage.house_mut("XA").start().await.unwrap();
    stage.accredit("XA", "XB").await;
    eventually("XA says so", || async {
        let failure = stage.gateway("XA").status().await.unwrap().peers[0].last_failure.clone();
        failure.contains("nobody has asked for")
    })
    .await;
}
