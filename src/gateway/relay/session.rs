//! A session: one stream between us and a peer, from the hellos to its end. Both sides do the same.
//!
//! Six activities run side by side: reading, witnessing the peer's log, placing what came, settling answers,
//! carrying, and writing. Reading waits for our own store and for nothing else, so that two sides whose queues are
//! full still drain each other. Leaves of the peer are in our writer's queue before anything that comes behind them
//! is looked at, and what is placed or settled on them is queued behind them: one commit makes all of it durable.

use std::future::Future;
use std::sync::{Arc, Mutex};

use futures_util::stream::FuturesUnordered;
use futures_util::{StreamExt, TryStreamExt};
use tokio::sync::{Notify, OwnedSemaphorePermit, mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tracing::Instrument;

use super::announcing::Told;
use super::flight::{Batch, Flight};
use super::intake::{Intake, Received};
use super::judging::Judged;
use super::link::LinkState;
use super::lock;
use super::waiting::Waiting;
use crate::gateway::Gateway;
use crate::gateway::error::Fault;
use crate::gateway::frame::{CosignatureLine, Frame, Hello, Outcome, Relay, Road, Window};
use crate::gateway::restored::Exchange;
use crate::gateway::room::Allowance;
use crate::gateway::store::record::Footing;
use crate::gateway::witness::Mirroring;
use crate::limits;
use crate::trust::name::Ministry;

/// Who opened the stream; it speaks first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opener {
    Peer,
    Us,
}

/// One stream and what its activities share.
pub(super) struct Session<'a> {
    pub(super) gateway: &'a Arc<Gateway>,
    pub(super) peer: &'a Ministry,
    /// Without it there is no session.
    _exchange: Exchange,
    pub(super) link: LinkState,
    pub(super) waiting: Waiting,
    pub(super) intake: Intake,
    pub(super) flight: Flight,
    /// A sealed part has reached the peer: more may be due.
    pub(super) parts_arrived: Arc<Notify>,
    /// Lost where the peer's log contradicts itself: nothing that came behind is placed.
    pub(super) footing: Footing,
    /// Held while this session carries, until everything that was answered is settled.
    pub(super) carrier: Mutex<Option<OwnedSemaphorePermit>>,
}

/// Where reading leaves what it has read.
struct Desks {
    judging: mpsc::Sender<Judging>,
    answered: mpsc::Sender<Answered>,
    witnessed: mpsc::Sender<Witnessing>,
}

/// Which of a session's activities ended first, and how.
enum Ended {
    Settling(Result<(), Fault>),
    Witnessing(Result<(), Fault>),
    Working(Result<(), Fault>),
}

/// A batch that is being judged, and what it weighed.
pub(super) type Judging = (Received, JoinHandle<Result<Vec<Judged>, Fault>>);

/// What concerns logs, in the order in which it came.
pub(super) enum Witnessing {
    /// Leaves of the peer's log, on their way into its mirror.
    Leaves(Mirroring),
    /// The peer's cosignature on a checkpoint of ours.
    Cosignature(CosignatureLine),
}

/// A batch of ours and its answers.
pub(super) type Answered = (Arc<Batch>, Vec<Outcome>);

impl Gateway {
    /// Serves a relay stream that `peer`, the ministry that TLS has authenticated, has opened.
    pub async fn converse(self: &Arc<Self>, peer: &Ministry, relay: Relay) -> Result<(), Fault> {
        let ended = self.session(peer, relay, Opener::Peer).await;
        if let Err(fault) = &ended {
            self.note_link(peer, |link| link.last_failure = fault.to_string());
        }
        ended
    }

    /// Runs one session to its end.
    pub(super) async fn session(
        self: &Arc<Self>,
        peer: &Ministry,
        mut relay: Relay,
        opener: Opener,
    ) -> Result<(), Fault> {
        if self.pause_of(peer).is_some() {
            return Err(Fault::Paused(peer.clone()));
        }
        let exchange = self.exchange(peer)?;
        let (intake, full) = (self.intake.subscribe(), self.link_of(peer).full.subscribe());
        let accredited = self.accredited.subscribe();
        let (ours, theirs) = self.greet(peer, &mut relay, opener, &exchange).await?;
        self.compare(peer, &ours, &theirs).await?;
        self.note_link(peer, |link| {
            link.last_failure.clear();
            link.paused_by_peer = false;
        });
        let link = self.link_of(peer);
        link.note_window(theirs.window, self.clock.now());
        let _live = link.enter();
        let session = Session {
            gateway: self,
            peer,
            _exchange: exchange,
            link,
            waiting: Waiting::default(),
            intake: Intake::new(ours.window),
            flight: Flight::new(theirs.window, *lock(&self.patience)),
            parts_arrived: Arc::default(),
            footing: Footing::default(),
            carrier: Mutex::default(),
        };
        if let Some(request) = self.wanted_copy(peer).await? {
            session.waiting.request(request);
        }
        let telling = async {
            let windows = session.tell_windows(ours.window, intake, full);
            tokio::try_join!(windows, session.announce(accredited)).map(|_| ())
        };
        let running = session.run(relay, &theirs, telling);
        if opener == Opener::Peer {
            return running.await;
        }
        // Whom we dial may not be able to dial us, and may have parts for us.
        tokio::select! {
            ended = running => ended,
            never = self.take_parts(peer) => match never {},
        }
    }

    /// Exchanges hellos: ours and theirs.
    async fn greet(
        &self,
        peer: &Ministry,
        relay: &mut Relay,
        opener: Opener,
        exchange: &Exchange,
    ) -> Result<(Hello, Hello), Fault> {
        if opener == Opener::Us {
            let ours = self.hello(peer, exchange).await?;
            relay.send(Frame::Hello(ours.clone())).await?;
            return Ok((ours, self.their_hello(peer, relay).await?));
        }
        let theirs = self.their_hello(peer, relay).await?;
        let ours = self.hello(peer, exchange).await?;
        relay.send(Frame::Hello(ours.clone())).await?;
        Ok((ours, theirs))
    }

    async fn their_hello(&self, peer: &Ministry, relay: &mut Relay) -> Result<Hello, Fault> {
        let first = timeout(limits::HELLO_DEADLINE, relay.receive()).await;
        match first.map_err(|_| Fault::Link("the peer says nothing".to_owned()))?? {
            Frame::Hello(hello) if hello.ministry == *peer => Ok(hello),
            _ => Err(Fault::Link("a relay stream begins with the hello of its ministry".to_owned())),
        }
    }
}

impl Session<'_> {
    async fn run(
        &self,
        relay: Relay,
        theirs: &Hello,
        telling: impl Future<Output = Result<(), Fault>>,
    ) -> Result<(), Fault> {
        let updates = self.begin_updates(theirs).await?;
        let Relay { outgoing, incoming } = relay;
        // The one holds what our window admits, the other what was handed over: batches of one envelope each at most.
        let (judging, to_place) = mpsc::channel(limits::WINDOW_ENVELOPES as usize);
        let (answered, to_settle) = mpsc::channel(limits::WINDOW_ENVELOPES as usize);
        let (witnessed, to_witness) = mpsc::channel(limits::RELAY_FRAMES_WAITING_MAX);
        let (settling, witnessing) = (self.settle_all(to_settle), self.witness_all(to_witness));
        tokio::pin!(settling, witnessing);
        let working = async {
            tokio::try_join!(
                self.read(incoming, Desks { judging, answered, witnessed }),
                self.place_all(to_place),
                self.carry(),
                self.write(outgoing, updates, Told::nothing(theirs)),
                telling,
                self.gateway.until_frozen(self.peer),
                self.gateway.until_paused(self.peer),
            )
        };
        let first = tokio::select! {
            settled = &mut settling => Ended::Settling(settled),
            witnessed = &mut witnessing => Ended::Witnessing(witnessed),
            worked = working => Ended::Working(worked.map(|_| ())),
        };
        // What was answered is settled before another session may send it once more, and what was read of logs
        // before the end tells more than the end.
        let (settled, witnessed, worked) = match first {
            Ended::Settling(settled) => (settled, witnessing.await, Ok(())),
            Ended::Witnessing(witnessed) => (settling.await, witnessed, Ok(())),
            Ended::Working(worked) => {
                let (settled, witnessed) = tokio::join!(settling, witnessing);
                (settled, witnessed, worked)
            }
        };
        if settled.as_ref().is_err_and(proves_nothing) {
            // Such an answer is none: what it was about was handed over, and may be held.
            self.flight.distrust();
        }
        let ended = witnessed.and(settled).and(worked);
        match &ended {
            // That it was cut says nothing of the peer.
            Err(Fault::Paused(_)) => drop(self.flight.forsake()),
            Err(_) => self.note_cut().await?,
            Ok(()) => {}
        }
        ended
    }

    /// Reads to the end of the stream, or to the first frame that is not in order.
    async fn read(
        &self,
        mut incoming: mpsc::Receiver<Result<Frame, Fault>>,
        desks: Desks,
    ) -> Result<(), Fault> {
        let Desks { judging, answered, witnessed } = desks;
        let (gateway, peer) = (self.gateway, self.peer);
        loop {
            let next = incoming.recv().await;
            match next.unwrap_or_else(|| Err(Fault::Link("the peer ended the stream".to_owned())))? {
                Frame::Deliveries(deliveries) => {
                    let batch = self.intake.take(&deliveries)?;
                    let place = judging.reserve().await.map_err(|_| over())?;
                    let span = tracing::info_span!("relay.judge", %peer, count = deliveries.len());
                    let judged = gateway.clone().judge_all(peer.clone(), deliveries).instrument(span);
                    place.send((batch, tokio::spawn(judged)));
                }
                Frame::Outcomes(outcomes) => {
                    let batch = self.flight.answer(outcomes.len())?;
                    answered.send((batch, outcomes)).await.map_err(|_| over())?;
                }
                Frame::LogUpdate(update) => {
                    self.intake.show(&update)?;
                    let leaves = gateway.mirror(peer, update, &self.footing)?;
                    witnessed.send(Witnessing::Leaves(leaves)).await.map_err(|_| over())?;
                }
                Frame::Cosignature(cosignature) => {
                    self.intake.cosigned()?;
                    witnessed.send(Witnessing::Cosignature(cosignature)).await.map_err(|_| over())?;
                }
                Frame::Window(window) => {
                    sleep(self.intake.regranted()).await;
                    self.link.note_window(window, gateway.clock.now());
                    self.flight.grant(window);
                }
                Frame::CopyRequest(request) => {
                    self.waiting.copy(Frame::Copy(gateway.copy_for(peer, request).await?))?;
                }
                Frame::Copy(copied) => {
                    if let Some(request) = gateway.take_copy(peer, copied).await? {
                        self.waiting.request(request);
                    }
                }
                Frame::Announcement(bundle) => {
                    self.intake.announced()?;
                    gateway.take_announced(peer, &bundle, Road::Wire).await?;
                }
                Frame::Hello(_) => return Err(Fault::Link("the peer sent a frame out of turn".to_owned())),
            }
        }
    }

    /// Cosigns what is mirrored and keeps cosignatures on our logs, until no more comes.
    async fn witness_all(&self, mut witnessed: mpsc::Receiver<Witnessing>) -> Result<(), Fault> {
        // Nobody waits for a cosignature to be kept; so it may wait for a commit that others need.
        let mut keeping = FuturesUnordered::new();
        loop {
            let next = tokio::select! {
                next = witnessed.recv(), if keeping.len() < limits::RELAY_FRAMES_WAITING_MAX => next,
                Some(kept) = keeping.next(), if !keeping.is_empty() => {
                    kept?;
                    continue;
                }
            };
            match next {
                Some(Witnessing::Leaves(leaves)) => {
                    self.waiting.cosignature(self.gateway.mirrored(self.peer, leaves, Road::Wire).await?);
                }
                Some(Witnessing::Cosignature(line)) => {
                    keeping.push(self.gateway.keep_cosignature(self.peer, line, Road::Wire));
                }
                None => return keeping.try_collect().await,
            }
        }
    }

    /// Tells the peer whenever we take more or less than `granted`, or than it was told since.
    async fn tell_windows(
        &self,
        mut granted: Window,
        mut intake: watch::Receiver<Allowance>,
        mut full: watch::Receiver<bool>,
    ) -> Result<(), Fault> {
        loop {
            let window = self.gateway.window_for(&self.link);
            if window != granted {
                granted = window;
                self.intake.grant(window);
                self.waiting.window(window);
            }
            let changed = tokio::select! {
                changed = intake.changed() => changed,
                changed = full.changed() => changed,
            };
            changed.map_err(|_| over())?;
        }
    }

    /// Has the peer shown the bundle of our ministry, now and whenever it may be another one, whether or not anything
    /// is delivered.
    async fn announce(&self, mut accredited: watch::Receiver<u64>) -> Result<(), Fault> {
        loop {
            self.waiting.announcement();
            accredited.changed().await.map_err(|_| over())?;
        }
    }
}

/// Whether answers could not be settled because of what they say, and not because our store had no time or no room.
fn proves_nothing(fault: &Fault) -> bool {
    !matches!(fault, Fault::Store(_) | Fault::Credentials(_) | Fault::NotAccredited(_))
}

fn over() -> Fault {
    Fault::Link("the session is over".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::store::StoreFault;

    #[test]
    fn a_peer_does_not_answer_for_what_our_store_cannot_do() {
        for ours in [StoreFault::Busy, StoreFault::NoSpace, StoreFault::Stopped] {
            assert!(!proves_nothing(&Fault::Store(ours)));
        }
        assert!(!proves_nothing(&Fault::Credentials("a key file cannot be read".to_owned())));
        assert!(proves_nothing(&Fault::Link("the peer's receipt proves nothing".to_owned())));
        assert!(proves_nothing(&Fault::Damaged("a note that takes no further line".to_owned())));
    }
}
