//! Peers that lie about what they hold of a log: nothing of it is restored, an alarm tells, and there is an end.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chancery::desk::register::SentState;
use chancery::gateway::standing::Standing;
use chancery::message::leaf::Leaf;
use chancery::proto::gateway::v1 as wire;
use chancery::proto::gateway::v1::relay_frame::Frame;
use chancery::tlog::merkle::{self, Tree};
use chancery::tlog::proof;

use super::{alarms_named, forget, keep, own_log, put_back};
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

/// A peer that holds all of XA's log and shows only as many leaves of it as it likes.
struct Hider {
    holder: Holder,
    checkpoints: BTreeMap<u64, String>,
    shown: Arc<AtomicU64>,
}

impl Play for Hider {
    fn hello(&mut self, bot: &mut Bot, theirs: wire::Hello) -> Vec<Frame> {
        let shown = self.checkpoints.range(..=self.shown.load(Ordering::SeqCst)).next_back();
        self.holder.checkpoint = shown.map(|(_, text)| text.clone()).unwrap_or_default();
        self.holder.hello(bot, theirs)
    }

    fn log_update(&mut self, bot: &mut Bot, update: wire::LogUpdate) -> Vec<Frame> {
        let size = update.first_index + update.leaves.len() as u64;
        if self.checkpoints.range(size + 1..).next().is_some() {
            // It keeps the longer one.
            return vec![bot.cosign(&update)];
        }
        self.checkpoints.insert(size, update.checkpoint.clone());
        self.holder.log_update(bot, update)
    }

    fn deliveries(&mut self, bot: &mut Bot, envelopes: Vec<Vec<u8>>) -> Vec<Frame> {
        self.holder.deliveries(bot, envelopes)
    }

    fn copy_request(&mut self, bot: &mut Bot, request: wire::CopyRequest) -> Vec<Frame> {
        self.holder.checkpoint = self.checkpoints.values().next_back().cloned().unwrap_or_default();
        self.holder.copy_request(bot, request)
    }
}

/// XA, restored to the time before its second and third message and not started, and a peer that holds them: what it
/// shows, and the sizes of XA's log after and before the restoration.
async fn before_a_hider(lie: fn(&mut wire::Copy)) -> (Stage, Playing, Arc<AtomicU64>, [u64; 2]) {
    let mut stage = Stage::apart(&["XA", "XB"], |_| {});
    let shown = Arc::new(AtomicU64::new(u64::MAX));
    let (holder, checkpoints) = (Holder::new(lie), BTreeMap::new());
    let play = Hider { holder, checkpoints, shown: shown.clone() };
    let playing = Playing::begin(&stage, "XB", "XA", play).await;
    stage.house_mut("XA").start().await.unwrap();
    stage.accredit("XA", "XB").await;
    stage.sound("XA", "XB").await;
    super::delivered(&stage, "XA", "XB", "One.").await;
    eventually("the peer has shown that it holds all of it", || async {
        let log = own_log(&stage, "XA").await;
        log.cosigned.is_some_and(|cosigned| cosigned.size == log.size)
    })
    .await;
    let kept = keep(&mut stage, "XA").await;
    let before = own_log(&stage, "XA").await.size;
    for words in ["Two.", "Three."] {
        super::delivered(&stage, "XA", "XB", words).await;
    }
    let size = own_log(&stage, "XA").await.size;
    put_back(&mut stage, "XA", &kept).await;
    (stage, playing, shown, [before, size])
}

/// Nothing is signed, and the alarm says what leads on.
async fn stands_still(stage: &Stage, size: u64) {
    eventually("the alarm names what leads on", || async {
        let alarms = stage.gateway("XA").status().await.unwrap().alarms;
        alarms.iter().any(|alarm| alarm.code == "LEAVES_LOST" && alarm.detail.contains("peer confirm XB"))
    })
    .await;
    assert_eq!(own_log(stage, "XA").await.size, size);
    assert_eq!(stage.gateway("XA").standing(&ministry("XB")), Standing::CatchingUp);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_hides_what_it_holds_of_our_log_does_not_make_us_sign_the_same_places_again() {
    let (mut stage, _playing, shown, [before, size]) = before_a_hider(|_| {}).await;
    shown.store(before, Ordering::SeqCst);
    stage.house_mut("XA").start().await.unwrap();
    stands_still(&stage, before).await;
    // When it tells the truth all goes on.
    stage.house_mut("XA").stop().await.unwrap();
    shown.store(u64::MAX, Ordering::SeqCst);
    stage.house_mut("XA").start().await.unwrap();
    stage.sound("XA", "XB").await;
    assert_eq!(own_log(&stage, "XA").await.size, size);
    assert_eq!(super::delivered(&stage, "XA", "XB", "Four.").await.sequence, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_peer_has_shown_once_of_our_log_it_cannot_take_back() {
    let (mut stage, _playing, shown, [before, _]) = before_a_hider(|copy| copy.entries.clear()).await;
    // Nothing but the peer's first hello tells how far the log went.
    forget(&stage, "XA");
    stage.house_mut("XA").start().await.unwrap();
    eventually("the alarm tells of a false copy", || async {
        alarms_named(stage.gateway("XA").status().await.unwrap().alarms, "FALSE_COPY") > 0
    })
    .await;
    shown.store(before, Ordering::SeqCst);
    stands_still(&stage, before).await;
    stage.house_mut("XA").stop().await.unwrap();
    stage.house_mut("XA").start().await.unwrap();
    assert_eq!(stage.gateway("XA").standing(&ministry("XB")), Standing::CatchingUp, "nor after a start");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_this_host_knows_to_be_lost_and_nobody_shows_is_given_up_by_the_operator_and_for_good() {
    let (mut stage, _playing, shown, [before, size]) = before_a_hider(|_| {}).await;
    shown.store(before, Ordering::SeqCst);
    stage.house_mut("XA").start().await.unwrap();
    stands_still(&stage, before).await;
    stage.gateway("XA").confirm(&ministry("XB"), 0).await.unwrap();
    assert_eq!(stage.gateway("XA").standing(&ministry("XB")), Standing::Sound);
    let alarms = stage.gateway("XA").status().await.unwrap().alarms;
    assert_eq!(alarms_named(alarms, "CONFIRMED_BY_OPERATOR"), 1);
    assert!(own_log(&stage, "XA").await.size < size);
    stage.house_mut("XA").stop().await.unwrap();
    stage.house_mut("XA").start().await.unwrap();
    assert_eq!(stage.gateway("XA").standing(&ministry("XB")), Standing::Sound, "asked once, not again");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_peer_hides_comes_back_from_the_desk_to_its_old_place() {
    let (mut stage, _playing, shown, [before, size]) = before_a_hider(|_| {}).await;
    shown.store(before, Ordering::SeqCst);
    stage.house_mut("XA").start().await.unwrap();
    stands_still(&stage, before).await;
    let next = super::delivered(&stage, "XA", "XB", "Four.").await;
    assert_eq!(next.sequence, 4);
    assert_eq!(own_log(&stage, "XA").await.size, size + 1);
    assert_eq!(alarms_named(stage.gateway("XA").status().await.unwrap().alarms, "OWN_LOG_FORK"), 0);
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
