//! Freight over a link that does as it is told.

mod bounds;

use std::collections::VecDeque;
use std::time::Duration;

use async_trait::async_trait;
use tempfile::TempDir;
use tokio::sync::{Semaphore, mpsc};

use super::*;
use crate::entropy::SystemEntropy;
use crate::gateway::error::Fault;
use crate::gateway::frame::Relay;
use crate::gateway::store::Bounds;
use crate::gateway::store::record::{PART_DAMAGED_ALARM, PART_STUCK_ALARM, SignedHeader};
use crate::time::{FixedClock, Timestamp};

const NOW: Timestamp = Timestamp::from_seconds(1_795_000_000);

/// Tells which part it was asked for, and ends each call as the next of `ends` says, once it may: by a panic where
/// that is about credentials, which nothing else here is about.
struct Told {
    asked: mpsc::UnboundedSender<Digest>,
    may_end: Semaphore,
    /// Calls that have neither ended nor been dropped.
    under_way: AtomicU64,
    ends: Mutex<VecDeque<Result<(), Fault>>>,
}

/// Counts a call as long as it lives.
struct UnderWay<'a>(&'a AtomicU64);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[async_trait]
impl PeerLink for Told {
    async fn open(&self, _: &Ministry) -> Result<Relay, Fault> {
        Err(Fault::Link("no relay".to_owned()))
    }

    async fn put_part(&self, _: &Ministry, digest: &Digest, size: u64, _: &Carried) -> Result<(), Fault> {
        assert!(size > 0);
        self.under_way.fetch_add(1, Ordering::SeqCst);
        let _living = UnderWay(&self.under_way);
        self.asked.send(*digest).unwrap();
        self.may_end.acquire().await.unwrap().forget();
        let end = self.ends.lock().unwrap().pop_front();
        assert!(!matches!(end, Some(Err(Fault::Credentials(_)))), "a defect");
        end.unwrap_or(Ok(()))
    }

    async fn take_part(&self, _: &Ministry) -> Result<Giver, Fault> {
        Err(Fault::Link("no call".to_owned()))
    }
}

struct Scene {
    freight: Arc<Freight>,
    link: Arc<Told>,
    asked: mpsc::UnboundedReceiver<Digest>,
    clock: FixedClock,
    store: Store,
    wake: Arc<Notify>,
    peer: Ministry,
    _directory: TempDir,
}

impl Scene {
    fn new(ends: Vec<Result<(), Fault>>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store =
            Store::open(directory.path(), Bounds { floor: 0, ballast: 0, ..Bounds::default() }, NOW).unwrap();
        let (sender, asked) = mpsc::unbounded_channel();
        let (may_end, under_way) = (Semaphore::new(0), AtomicU64::new(0));
        let link = Arc::new(Told { asked: sender, may_end, under_way, ends: Mutex::new(ends.into()) });
        let clock = FixedClock::at(NOW);
        let freight =
            Freight::new(link.clone(), store.clone(), Arc::new(clock.clone()), Arc::new(SystemEntropy));
        let (wake, peer) = (Arc::new(Notify::new()), Ministry::parse("XB").unwrap());
        Self { freight, link, asked, clock, store, wake, peer, _directory: directory }
    }

    fn ready(&self, item: &OutboxItem) -> bool {
        self.freight.ready(&self.peer, item, item.urgency, &self.wake)
    }

    async fn next_asked(&mut self) -> Digest {
        tokio::time::timeout(Duration::from_secs(10), self.asked.recv()).await.unwrap().unwrap()
    }

    /// Looks at it until it is so.
    async fn until(&self, what: &str, mut so: impl FnMut(&Self) -> bool) {
        for _ in 0..10_000 {
            if so(self) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        panic!("{what}: {:?}", self.freight.transfers(&self.peer));
    }

    /// Alarms that stand, looked at until `wanted` of them do.
    async fn alarms(&self, wanted: usize) -> Vec<String> {
        for _ in 0..1000 {
            let alarms = self.store.alarms().await.unwrap();
            if alarms.len() == wanted {
                return alarms.into_iter().map(|alarm| alarm.code).collect();
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{:?}", self.store.alarms().await.unwrap());
    }
}

/// A message on a channel with parts of these contents beside it.
fn item(channel: &str, urgency: u8, contents: &[&str]) -> OutboxItem {
    let part = |content: &&str| Part {
        digest: Digest::of(content.as_bytes()),
        size: content.len() as u64,
        content: None,
    };
    OutboxItem {
        message_id: Digest::of_parts(&[channel.as_bytes(), contents.concat().as_bytes()]),
        channel: channel.to_owned(),
        sequence: 1,
        precedence: urgency,
        urgency,
        expired: false,
        withdrawn: false,
        attempts: 0,
        valid_until: NOW.after(Duration::from_secs(1000)),
        signed: SignedHeader { header: Vec::new(), signature: Vec::new() },
        parts: contents.iter().map(part).collect(),
    }
}

fn part(content: &str) -> Digest {
    Digest::of(content.as_bytes())
}

#[tokio::test]
async fn a_message_is_ready_when_the_peer_has_confirmed_all_of_its_parts() {
    let mut scene = Scene::new(Vec::new());
    let message = item("ch-1", 1, &["a", "b"]);
    assert!(scene.ready(&item("ch-1", 1, &[])), "nothing travels beside it");
    assert!(!scene.ready(&message) && !scene.ready(&message));
    assert_eq!([scene.next_asked().await, scene.next_asked().await], [part("a"), part("b")]);
    scene.link.may_end.add_permits(1);
    scene.wake.notified().await;
    assert!(!scene.ready(&message), "one is still on its way");
    scene.link.may_end.add_permits(1);
    scene.wake.notified().await;
    assert!(scene.ready(&message));
    assert!(scene.asked.try_recv().is_err(), "each was asked for once");
    // The peer says that it does not hold it after all.
    scene.freight.doubt(&scene.peer, &message);
    assert!(!scene.ready(&message));
    scene.next_asked().await;
    scene.freight.stop().await;
}

#[tokio::test]
async fn a_message_that_waits_holds_up_its_own_channel_only() {
    let scene = Scene::new(Vec::new());
    let due = vec![item("ch-1", 2, &["a"]), item("ch-1", 2, &[]), item("ch-2", 1, &[]), item("ch-1", 1, &[])];
    let (ready, held_up) = scene.freight.ready_of(&scene.peer, due, &scene.wake);
    assert_eq!(held_up, ["ch-1"]);
    assert_eq!(ready.iter().map(|item| item.channel.as_str()).collect::<Vec<_>>(), ["ch-2"]);
    scene.freight.stop().await;
}

#[tokio::test]
async fn a_few_move_at_once_the_urgent_takes_a_place_and_what_was_set_down_goes_on() {
    let mut scene = Scene::new(Vec::new());
    for content in ["a", "b", "c"] {
        assert!(!scene.ready(&item(content, 1, &[content])));
    }
    assert_eq!([scene.next_asked().await, scene.next_asked().await], [part("a"), part("b")]);
    assert!(!scene.ready(&item("urgent", 4, &["u"])));
    // The last one that was asked for makes room.
    assert_eq!(scene.next_asked().await, part("u"));
    let moving = |scene: &Scene| {
        let transfers = scene.freight.transfers(&scene.peer).into_iter();
        transfers.filter(|transfer| transfer.moving).map(|transfer| transfer.digest).collect::<Vec<_>>()
    };
    assert_eq!(moving(&scene), [part("u"), part("a")]);
    scene.link.may_end.add_permits(2);
    let mut rest = [scene.next_asked().await, scene.next_asked().await];
    rest.sort();
    let mut expected = [part("b"), part("c")];
    expected.sort();
    assert_eq!(rest, expected);
    scene.freight.stop().await;
}

#[tokio::test]
async fn a_transfer_that_fails_tells_somebody_after_a_while_and_no_longer_when_it_arrives() {
    let lost = || Err(Fault::Link("away".to_owned()));
    let mut scene = Scene::new(vec![lost(), lost(), Ok(())]);
    let message = item("ch-1", 1, &["a"]);
    assert!(!scene.ready(&message));
    scene.link.may_end.add_permits(1);
    scene.next_asked().await;
    scene.next_asked().await;
    let [transfer] = scene.freight.transfers(&scene.peer).try_into().unwrap();
    assert_eq!((transfer.failures, transfer.reason.as_str()), (1, "away"));
    assert_eq!(scene.alarms(0).await, Vec::<String>::new());
    scene.clock.set(NOW.after(limits::FREIGHT_ALARM_AFTER));
    scene.link.may_end.add_permits(1);
    assert_eq!(scene.alarms(1).await, [PART_STUCK_ALARM]);
    scene.next_asked().await;
    scene.link.may_end.add_permits(1);
    scene.wake.notified().await;
    assert!(scene.ready(&message));
    assert_eq!(scene.alarms(0).await, Vec::<String>::new());
    scene.freight.stop().await;
}

#[tokio::test]
async fn a_defect_that_a_transfer_meets_is_a_failure_like_others_and_takes_no_place_for_ever() {
    let defect = || Err(Fault::Credentials("a defect".to_owned()));
    let mut scene = Scene::new((0..limits::FREIGHT_HAULS_MAX).map(|_| defect()).collect());
    let messages: Vec<_> = ["a", "b", "c"].map(|content| item(content, 1, &[content])).into();
    assert!(messages.iter().all(|message| !scene.ready(message)));
    scene.link.may_end.add_permits(limits::FREIGHT_HAULS_MAX + messages.len());
    scene.until("all have arrived", |scene| messages.iter().all(|message| scene.ready(message))).await;
    let asked = std::iter::from_fn(|| scene.asked.try_recv().ok()).count();
    assert_eq!(asked, limits::FREIGHT_HAULS_MAX + messages.len());
    scene.freight.stop().await;
}

#[tokio::test]
async fn a_part_that_is_lost_here_is_told_at_once_and_begins_when_it_comes_again() {
    let mut scene = Scene::new(vec![Err(Fault::Damaged("sealed part".to_owned())), Ok(())]);
    let message = item("ch-1", 1, &["a"]);
    assert!(!scene.ready(&message));
    scene.link.may_end.add_permits(1);
    scene.next_asked().await;
    assert_eq!(scene.alarms(1).await, [PART_DAMAGED_ALARM]);
    let alarm = scene.store.alarms().await.unwrap().remove(0);
    assert!(alarm.detail.contains(&message.message_id.to_string()), "{}", alarm.detail);
    scene.freight.mended(&part("a"));
    scene.next_asked().await;
    scene.link.may_end.add_permits(1);
    scene.wake.notified().await;
    assert!(scene.ready(&message));
    scene.freight.stop().await;
}

#[tokio::test]
async fn what_was_withdrawn_or_settled_moves_no_longer() {
    let mut scene = Scene::new(Vec::new());
    let (one, other) = (item("ch-1", 1, &["a"]), item("ch-2", 1, &["b"]));
    assert!(!scene.ready(&one) && !scene.ready(&other));
    scene.next_asked().await;
    scene.next_asked().await;
    assert_eq!(scene.link.under_way.load(Ordering::SeqCst), 2);
    let withdrawn = OutboxItem { withdrawn: true, parts: Vec::new(), ..one };
    assert!(scene.ready(&withdrawn), "its number is to be used up without its parts");
    scene.until("the withdrawn one ends", |scene| scene.link.under_way.load(Ordering::SeqCst) == 1).await;
    scene.freight.release(&scene.peer, &other);
    assert_eq!(scene.freight.transfers(&scene.peer), Vec::new());
    scene.until("the settled one ends", |scene| scene.link.under_way.load(Ordering::SeqCst) == 0).await;
    scene.freight.stop().await;
    assert_eq!(scene.link.may_end.available_permits(), 0);
}

/// A call of the peer: its two ends.
fn call() -> (Taker, mpsc::Receiver<Handed>, mpsc::Sender<Result<Taken, Fault>>) {
    let (outgoing, handed) = mpsc::channel(8);
    let (taken, incoming) = mpsc::channel(8);
    (Taker { outgoing, incoming }, handed, taken)
}

async fn heard(handed: &mut mpsc::Receiver<Handed>) -> Handed {
    tokio::time::timeout(Duration::from_secs(10), handed.recv()).await.unwrap().unwrap()
}

fn offer(content: &str) -> Handed {
    Handed::Offer { digest: part(content), size: content.len() as u64 }
}

#[tokio::test]
async fn a_part_goes_on_the_call_that_the_peer_holds_open_and_nobody_is_dialled() {
    let mut scene = Scene::new(Vec::new());
    let (taker, mut handed, taken) = call();
    scene.freight.welcome(&scene.peer, taker);
    let message = item("ch-1", 1, &["a", "b"]);
    assert!(!scene.ready(&message));
    assert_eq!(heard(&mut handed).await, offer("a"));
    // All its calls are busy: the other part waits for the next one.
    taken.send(Ok(Taken::Held)).await.unwrap();
    scene.wake.notified().await;
    assert_eq!(handed.recv().await, None, "one part on each call");
    // Without any call it is dialled.
    assert_eq!(scene.next_asked().await, part("b"));
    scene.link.may_end.add_permits(1);
    scene.wake.notified().await;
    assert!(scene.ready(&message));
    scene.freight.stop().await;
}

#[tokio::test]
async fn a_peer_whose_calls_are_busy_is_not_dialled_beside_them() {
    let mut scene = Scene::new(Vec::new());
    let (taker, mut handed, taken) = call();
    scene.freight.welcome(&scene.peer, taker);
    assert!(!scene.ready(&item("ch-1", 1, &["a"])) && !scene.ready(&item("ch-2", 1, &["b"])));
    assert_eq!(heard(&mut handed).await, offer("a"));
    let (next, mut handed_next, _taken_next) = call();
    scene.freight.welcome(&scene.peer, next);
    assert_eq!(heard(&mut handed_next).await, offer("b"));
    assert!(scene.asked.try_recv().is_err());
    // What it refuses is noted with its reason, and tried again by another way.
    let (reason, detail) = ("QUOTA".to_owned(), "full".to_owned());
    taken.send(Ok(Taken::Refused { reason, detail })).await.unwrap();
    assert_eq!(handed.recv().await, None);
    scene.until("a refusal", |scene| scene.freight.transfers(&scene.peer)[0].reason == "QUOTA").await;
    let transfers = scene.freight.transfers(&scene.peer);
    assert_eq!((transfers[0].reason.as_str(), transfers[0].failures), ("QUOTA", 1), "{transfers:?}");
    scene.freight.stop().await;
}

#[tokio::test]
async fn a_peer_that_could_not_be_dialled_and_calls_is_handed_its_parts_at_once() {
    let away = || Err(Fault::Away("nobody there".to_owned()));
    let mut scene = Scene::new((0..20).map(|_| away()).collect());
    assert!(!scene.ready(&item("ch-1", 1, &["a"])));
    scene.link.may_end.add_permits(20);
    scene.next_asked().await;
    scene.until("it pauses", |scene| !scene.freight.transfers(&scene.peer)[0].moving).await;
    let (taker, mut handed, _taken) = call();
    scene.freight.welcome(&scene.peer, taker);
    // Nothing else has run in between: the call ended the pause, and not that it was over.
    assert!(scene.freight.transfers(&scene.peer)[0].moving);
    assert_eq!(heard(&mut handed).await, offer("a"));
    scene.freight.stop().await;
}

#[tokio::test]
async fn a_call_that_wants_a_part_from_beyond_its_end_or_speaks_out_of_turn_is_ended() {
    for word in [Taken::From(2), Taken::From(u64::MAX)] {
        let mut scene = Scene::new(Vec::new());
        let (taker, mut handed, taken) = call();
        scene.freight.welcome(&scene.peer, taker);
        assert!(!scene.ready(&item("ch-1", 1, &["a"])));
        assert_eq!(heard(&mut handed).await, offer("a"));
        taken.send(Ok(word)).await.unwrap();
        assert_eq!(handed.recv().await, None);
        assert_eq!(scene.next_asked().await, part("a"), "another way is tried");
        scene.link.may_end.add_permits(1);
        scene.wake.notified().await;
        scene.freight.stop().await;
    }
}
