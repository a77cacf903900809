//! What waits to be written on one session, and the writing of it.
//!
//! Whoever has something to say leaves it here and goes on; only the writer waits for the peer. Everything that
//! can wait is bounded: answers by the window that we granted, deliveries by the window that the peer granted,
//! cosignatures by one for each log; copies and our requests for them by one each. Of our bundle nothing waits: the
//! writer reads the one in force.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;

use tokio::sync::{Notify, mpsc};
use tokio::time::timeout;

use super::announcing::Told;
use super::intake::Received;
use super::lock;
use super::session::Session;
use super::updates::Updates;
use crate::gateway::error::Fault;
use crate::gateway::frame::{CopyRequest, CosignatureLine, Delivery, Frame, Outcome, Window};
use crate::limits;

/// What waits.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    state: Mutex<State>,
    more: Notify,
}

#[derive(Debug, Default)]
struct State {
    window: Option<Window>,
    announcement: bool,
    cosignatures: BTreeMap<String, CosignatureLine>,
    answers: VecDeque<Answers>,
    deliveries: VecDeque<Vec<Delivery>>,
    request: Option<CopyRequest>,
    copy: Option<Frame>,
    updates: bool,
    /// Answers and deliveries take turns.
    deliveries_first: bool,
}

/// The answers to one batch, and what the batch weighed.
#[derive(Debug)]
pub(super) struct Answers {
    /// One for each delivery, in order.
    pub(super) outcomes: Vec<Outcome>,
    /// Given back to the peer's window when they are written.
    pub(super) batch: Received,
}

enum Next {
    Announcement,
    Answers(Answers),
    Deliveries(Vec<Delivery>),
    Frame(Frame),
    Updates,
}

impl Waiting {
    /// The newest window is the one that counts.
    pub(super) fn window(&self, window: Window) {
        self.change(|state| state.window = Some(window));
    }

    /// Another bundle of our ministry may be in force.
    pub(super) fn announcement(&self) {
        self.change(|state| state.announcement = true);
    }

    /// Of one log the cosignature on the largest checkpoint is enough: it covers the smaller ones.
    pub(super) fn cosignature(&self, line: CosignatureLine) {
        self.change(|state| {
            let smaller = state.cosignatures.get(&line.origin).is_none_or(|held| held.size <= line.size);
            if smaller {
                state.cosignatures.insert(line.origin.clone(), line);
            }
        });
    }

    pub(super) fn answers(&self, answers: Answers) {
        self.change(|state| state.answers.push_back(answers));
    }

    pub(super) fn deliveries(&self, deliveries: Vec<Delivery>) {
        self.change(|state| state.deliveries.push_back(deliveries));
    }

    /// The request for a copy. There is one at a time: the next is made when a copy has come.
    pub(super) fn request(&self, request: CopyRequest) {
        self.change(|state| state.request = Some(request));
    }

    /// A copy. The peer gets one at a time.
    pub(super) fn copy(&self, frame: Frame) -> Result<(), Fault> {
        let mut one = Some(frame);
        self.change(|state| {
            if state.copy.is_none() {
                state.copy = one.take();
            }
        });
        match one {
            None => Ok(()),
            Some(_) => Err(Fault::Link("the peer asks for copies faster than it reads them".to_owned())),
        }
    }

    /// Our logs may have grown.
    pub(super) fn updates(&self) {
        self.change(|state| state.updates = true);
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut lock(&self.state));
        self.more.notify_one();
    }

    fn take(&self) -> Option<Next> {
        let mut state = lock(&self.state);
        if let Some(window) = state.window.take() {
            return Some(Next::Frame(Frame::Window(window)));
        }
        if std::mem::take(&mut state.announcement) {
            return Some(Next::Announcement);
        }
        if let Some((_, line)) = state.cosignatures.pop_first() {
            return Some(Next::Frame(Frame::Cosignature(line)));
        }
        if let Some(request) = state.request.take() {
            return Some(Next::Frame(Frame::CopyRequest(request)));
        }
        if let Some(copy) = state.copy.take() {
            return Some(Next::Frame(copy));
        }
        state.deliveries_first = !state.deliveries_first;
        if state.deliveries_first
            && let Some(deliveries) = state.deliveries.pop_front()
        {
            return Some(Next::Deliveries(deliveries));
        }
        if let Some(answers) = state.answers.pop_front() {
            return Some(Next::Answers(answers));
        }
        if let Some(deliveries) = state.deliveries.pop_front() {
            return Some(Next::Deliveries(deliveries));
        }
        std::mem::take(&mut state.updates).then_some(Next::Updates)
    }

    async fn next(&self) -> Next {
        loop {
            if let Some(next) = self.take() {
                return next;
            }
            self.more.notified().await;
        }
    }
}

impl Session<'_> {
    /// Writes what waits until the session ends. Leaves go before whatever speaks of them: the peer's mirror
    /// must prove the custody of a message before it comes, and our answers before they come. The bundle in force goes
    /// before the deliveries that the peer judges by it.
    pub(super) async fn write(
        &self,
        outgoing: mpsc::Sender<Frame>,
        mut updates: Updates,
        mut told: Told,
    ) -> Result<(), Fault> {
        self.show_mirrored(&outgoing, &updates).await?;
        loop {
            match self.waiting.next().await {
                Next::Announcement => self.show_bundle(&outgoing, &mut told).await?,
                Next::Frame(frame) => hand_on(&outgoing, frame).await?,
                Next::Updates => self.send_updates(&outgoing, &mut updates).await?,
                Next::Deliveries(deliveries) => {
                    self.send_updates(&outgoing, &mut updates).await?;
                    self.hand_on_judged(&outgoing, &mut told, Frame::Deliveries(deliveries)).await?;
                }
                Next::Answers(Answers { outcomes, batch }) => {
                    self.send_updates(&outgoing, &mut updates).await?;
                    // Before the peer can know: it sends on when it has read them.
                    self.intake.give_back(batch);
                    hand_on(&outgoing, Frame::Outcomes(outcomes)).await?;
                }
            }
        }
    }
}

/// Hands one frame to the stream.
pub(super) async fn hand_on(outgoing: &mpsc::Sender<Frame>, frame: Frame) -> Result<(), Fault> {
    room(outgoing).await?.send(frame);
    Ok(())
}

/// Room for one frame on the stream; a peer that reads nothing for long is left.
pub(super) async fn room(outgoing: &mpsc::Sender<Frame>) -> Result<mpsc::Permit<'_, Frame>, Fault> {
    match timeout(limits::OUTCOME_DEADLINE, outgoing.reserve()).await {
        Ok(Ok(room)) => Ok(room),
        Ok(Err(_)) => Err(Fault::Link("the peer closed the stream".to_owned())),
        Err(_) => Err(Fault::Link("the peer does not read what it is sent".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(origin: &str, size: u64) -> CosignatureLine {
        CosignatureLine { origin: origin.to_owned(), size, line: String::new() }
    }

    #[test]
    fn of_each_log_the_cosignature_on_the_largest_checkpoint_waits() {
        let waiting = Waiting::default();
        for (origin, size) in [("a", 3), ("b", 1), ("a", 9), ("a", 4)] {
            waiting.cosignature(line(origin, size));
        }
        let mut sizes = Vec::new();
        while let Some(Next::Frame(Frame::Cosignature(line))) = waiting.take() {
            sizes.push((line.origin, line.size));
        }
        assert_eq!(sizes, [("a".to_owned(), 9), ("b".to_owned(), 1)]);
    }

    #[test]
    fn answers_and_deliveries_take_turns() {
        let waiting = Waiting::default();
        for _ in 0..3 {
            waiting.deliveries(Vec::new());
            let batch = Received { envelopes: 0, bytes: 0 };
            waiting.answers(Answers { outcomes: Vec::new(), batch });
        }
        let mut order = String::new();
        while let Some(next) = waiting.take() {
            order.push(if matches!(next, Next::Deliveries(_)) { 'd' } else { 'a' });
        }
        assert_eq!(order, "dadada");
    }

    #[test]
    fn a_peer_is_given_one_copy_at_a_time() {
        let waiting = Waiting::default();
        let window = Frame::Window(Window { envelopes: 0, bytes: 0 });
        waiting.copy(window.clone()).unwrap();
        assert!(waiting.copy(window).is_err());
    }
}
