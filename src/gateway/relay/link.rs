//! What is known of one peer beyond one session: which sessions live, whose turn it is to carry, and what was
//! handed over and never answered.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{Notify, Semaphore, watch};

use super::flight::is_shut;
use super::lock;
use crate::digest::Digest;
use crate::gateway::frame::Window;
use crate::gateway::store::record::{OutboxItem, Pause};
use crate::limits;
use crate::time::Timestamp;
use crate::transport::refusals::Refusals;

/// The link to one peer. Clones share everything but the two notes for people.
#[derive(Debug, Clone)]
pub(in crate::gateway) struct LinkState {
    /// Changes when there may be something to carry.
    pub(super) news: watch::Sender<()>,
    /// Sessions that have said hello and not ended.
    pub(super) live: watch::Sender<usize>,
    /// The session that holds it carries; the others only answer.
    pub(super) carrier: Arc<Semaphore>,
    failures: Arc<AtomicU32>,
    /// It is to be tried at once, whatever pause is under way.
    pub(super) retry: Arc<Notify>,
    handed: Arc<Mutex<BTreeSet<Digest>>>,
    /// It holds as much without an answer as it is trusted with, and is handed nothing new.
    owes_all: Arc<AtomicBool>,
    /// People were told that it does not answer.
    suspected: Arc<AtomicBool>,
    /// What waits of it for our desk has reached its quota: it is told to send nothing.
    pub(super) full: watch::Sender<bool>,
    /// Since when the peer says that it takes nothing.
    shut: Arc<Mutex<Option<Timestamp>>>,
    /// Digest of the bundle that it announced last and that was taken, or was known.
    heard: Arc<Mutex<Option<Digest>>>,
    /// The stick that was packed last for the peer, until somebody says that it is written.
    stick: Arc<Mutex<Option<Stick>>>,
    /// Why and since when an operator lets nothing be exchanged with it.
    paused: watch::Sender<Option<Pause>>,
    /// Log lines that the peer causes.
    pub(in crate::gateway) refusals: Arc<Refusals>,
    /// Why the last session ended, or did not begin.
    pub(in crate::gateway) last_failure: String,
    /// Whether it has told us, when we dialled it last, that its own operator has paused us.
    pub(in crate::gateway) paused_by_peer: bool,
    /// Difference of the peer's clock to ours in seconds.
    pub(in crate::gateway) clock_skew: i64,
}

/// What is on a stick.
#[derive(Debug)]
struct Stick {
    number: u64,
    messages: Vec<Digest>,
}

impl Default for LinkState {
    fn default() -> Self {
        Self {
            news: watch::Sender::default(),
            live: watch::Sender::default(),
            carrier: Arc::new(Semaphore::new(1)),
            failures: Arc::default(),
            retry: Arc::default(),
            handed: Arc::default(),
            owes_all: Arc::default(),
            suspected: Arc::default(),
            full: watch::Sender::default(),
            shut: Arc::default(),
            heard: Arc::default(),
            stick: Arc::default(),
            paused: watch::Sender::default(),
            refusals: Arc::default(),
            last_failure: String::new(),
            paused_by_peer: false,
            clock_skew: 0,
        }
    }
}

/// A session counts as live as long as it is held.
#[derive(Debug)]
pub(in crate::gateway) struct Live(watch::Sender<usize>);

impl Drop for Live {
    fn drop(&mut self) {
        self.0.send_modify(|live| *live = live.saturating_sub(1));
    }
}

impl LinkState {
    /// Whether a session with the peer lives.
    pub(in crate::gateway) fn is_live(&self) -> bool {
        *self.live.borrow() > 0
    }

    /// The pause that an operator has decided.
    pub(in crate::gateway) fn pause(&self) -> Option<Pause> {
        self.paused.borrow().clone()
    }

    /// Takes up a pause, or its end.
    pub(in crate::gateway) fn set_pause(&self, pause: Option<Pause>) {
        self.paused.send_replace(pause);
    }

    /// Waits until the peer is paused.
    pub(in crate::gateway) async fn until_paused(&self) {
        // The sender is in the link that is held here.
        let mut paused = self.paused.subscribe();
        let _paused = paused.wait_for(Option::is_some).await;
    }

    /// Waits until the peer is not paused.
    pub(super) async fn until_resumed(&self) {
        let mut paused = self.paused.subscribe();
        let _resumed = paused.wait_for(Option::is_none).await;
    }

    /// Tells all sessions that there may be something to carry.
    pub(in crate::gateway) fn tell_news(&self) {
        self.news.send_replace(());
    }

    /// Ends the pause before the next attempt to dial.
    pub(in crate::gateway) fn retry_now(&self) {
        self.tell_news();
        self.retry.notify_one();
    }

    /// Waits for the end of a pause between attempts to dial, or until it makes no sense any more: somebody wants the
    /// peer tried now, or the peer has dialled us and so is there.
    pub(super) async fn rest(&self, pause: Duration) {
        let mut sessions = self.live.subscribe();
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = self.retry.notified() => {}
            _ = sessions.wait_for(|live| *live > 0) => {}
        }
    }

    /// Notes the window that the peer grants.
    pub(in crate::gateway) fn note_window(&self, window: Window, now: Timestamp) {
        let mut shut = lock(&self.shut);
        *shut = is_shut(window).then(|| shut.unwrap_or(now));
    }

    /// Since when a peer that is there takes nothing.
    pub(in crate::gateway) fn shut_since(&self) -> Option<Timestamp> {
        lock(&self.shut).filter(|_| self.is_live())
    }

    /// Whether the peer announced these bytes last, and they were in order.
    pub(in crate::gateway) fn heard_before(&self, announced: Digest) -> bool {
        *lock(&self.heard) == Some(announced)
    }

    /// Notes bytes that the peer announced and that were in order.
    pub(in crate::gateway) fn heard(&self, announced: Digest) {
        *lock(&self.heard) = Some(announced);
    }

    /// What is on the stick that was packed last for the peer.
    pub(in crate::gateway) fn stick_given(&self, number: u64, messages: Vec<Digest>) {
        *lock(&self.stick) = Some(Stick { number, messages });
    }

    /// The same, once, where it has this number.
    pub(in crate::gateway) fn stick_taken(&self, number: u64) -> Option<Vec<Digest>> {
        lock(&self.stick).take_if(|last| last.number == number).map(|last| last.messages)
    }

    /// Whatever the peer announces next is judged.
    pub(in crate::gateway) fn unheard(&self) {
        *lock(&self.heard) = None;
    }

    /// Counts one more live session.
    pub(in crate::gateway) fn enter(&self) -> Live {
        self.live.send_modify(|live| *live = live.saturating_add(1));
        Live(self.live.clone())
    }

    /// One more failure in a row.
    pub(super) fn failed(&self) -> u32 {
        self.failures.fetch_add(1, Ordering::SeqCst).saturating_add(1)
    }

    /// The peer did what it should.
    pub(super) fn is_well(&self) {
        self.failures.store(0, Ordering::SeqCst);
    }

    /// Notes messages as handed over.
    pub(super) fn hand_over(&self, items: &[OutboxItem]) {
        lock(&self.handed).extend(items.iter().map(|item| item.message_id));
    }

    /// Notes a message as answered, one way or the other.
    pub(super) fn answered(&self, message: &Digest) {
        lock(&self.handed).remove(message);
        self.owes_all.store(false, Ordering::SeqCst);
    }

    /// Notes that the peer is handed nothing new until it answers. True for the first time.
    pub(super) fn owes_all(&self) -> bool {
        !self.owes_all.swap(true, Ordering::SeqCst)
    }

    /// Whether the peer is handed nothing new until it answers.
    pub(in crate::gateway) fn is_held_to_answers(&self) -> bool {
        self.owes_all.load(Ordering::SeqCst)
    }

    /// Notes that people are told of a peer that does not answer.
    pub(in crate::gateway) fn suspect(&self) {
        self.suspected.store(true, Ordering::SeqCst);
    }

    /// Whether people were told of it, who should learn that it answers again. Forgets that.
    pub(super) fn is_cleared(&self) -> bool {
        self.suspected.swap(false, Ordering::SeqCst)
    }

    /// Whether nothing is taken from the peer, because its share of the mailbox is taken up.
    pub(in crate::gateway) fn takes_nothing(&self) -> bool {
        *self.full.borrow()
    }

    /// Notes whether the peer's share of the mailbox is taken up.
    pub(in crate::gateway) fn is_full(&self, full: bool) {
        self.full.send_if_modified(|before| std::mem::replace(before, full) != full);
    }

    /// Which of these messages may be handed over: those that the peer was handed before, and new ones as long
    /// as it owes answers for fewer than a window holds. What must wait holds back its channel. Tells too
    /// whether any must wait.
    pub(super) fn within_trust(&self, due: Vec<OutboxItem>) -> (Vec<OutboxItem>, bool) {
        let handed = lock(&self.handed);
        let mut room = (limits::WINDOW_ENVELOPES as usize).saturating_sub(handed.len());
        let mut held: BTreeSet<String> = BTreeSet::new();
        let mut may_go = Vec::with_capacity(due.len());
        for item in due {
            let is_new = !handed.contains(&item.message_id);
            if held.contains(&item.channel) || (is_new && room == 0) {
                held.insert(item.channel);
                continue;
            }
            room = room.saturating_sub(usize::from(is_new));
            may_go.push(item);
        }
        (may_go, !held.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::super::flight::tests::item;
    use super::*;

    #[test]
    fn a_peer_that_owes_a_window_of_answers_is_handed_the_same_again_and_nothing_new() {
        let link = LinkState::default();
        let most = u64::from(limits::WINDOW_ENVELOPES);
        let owed: Vec<_> = (1..=most).map(|number| item("a", number)).collect();
        let (may_go, held) = link.within_trust(owed.clone());
        assert!(may_go.len() == owed.len() && !held);
        link.hand_over(&may_go);
        let (may_go, held) = link.within_trust(vec![item("b", 1), item("a", 1), item("b", 2)]);
        assert_eq!(may_go, [item("a", 1)]);
        assert!(held);
        link.answered(&item("a", 1).message_id);
        let (may_go, held) = link.within_trust(vec![item("b", 1), item("b", 2)]);
        assert_eq!(may_go, [item("b", 1)]);
        assert!(held);
    }

    #[test]
    fn what_is_held_back_holds_back_its_channel() {
        let link = LinkState::default();
        link.hand_over(&(1..=u64::from(limits::WINDOW_ENVELOPES)).map(|n| item("a", n)).collect::<Vec<_>>());
        // The second was handed over once, the first never: order goes before.
        let (may_go, _) = link.within_trust(vec![item("b", 9), item("a", 5)]);
        assert_eq!(may_go, [item("a", 5)]);
    }

    #[tokio::test]
    async fn a_pause_ends_when_somebody_wants_the_peer_tried_and_when_the_peer_has_dialled_us() {
        let link = LinkState::default();
        let (hour, soon) = (Duration::from_secs(3600), Duration::from_secs(20));
        let resting = tokio::spawn({
            let link = link.clone();
            async move { link.rest(hour).await }
        });
        tokio::task::yield_now().await;
        link.tell_news();
        tokio::task::yield_now().await;
        assert!(!resting.is_finished(), "news alone end no pause: they come with every message");
        link.retry_now();
        tokio::time::timeout(soon, resting).await.unwrap().unwrap();
        let _live = link.enter();
        tokio::time::timeout(soon, link.rest(hour)).await.unwrap();
    }

    #[test]
    fn a_peer_that_owes_all_it_is_trusted_with_is_noted_once_until_it_answers() {
        let link = LinkState::default();
        assert!(link.owes_all() && !link.owes_all() && link.is_held_to_answers());
        link.answered(&item("a", 1).message_id);
        assert!(!link.is_held_to_answers() && link.owes_all());
        link.suspect();
        assert!(link.is_cleared() && !link.is_cleared());
    }

    #[test]
    fn sessions_live_as_long_as_they_are_held() {
        let link = LinkState::default();
        let (one, two) = (link.enter(), link.clone().enter());
        drop(one);
        assert!(link.is_live());
        drop(two);
        assert!(!link.is_live());
    }
}
