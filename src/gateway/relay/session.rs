//! A session: one stream between us and a peer, from the hellos to its end. Both sides do the same.
//!
//! Five activities run side by side: reading, placing what came, settling answers, carrying, and writing. Reading
//! waits for our own store and for nothing else, so that two sides whose queues are full still drain each other.

use std::sync::{Arc, Mutex};

use tokio::sync::{Notify, OwnedSemaphorePermit, mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::flight::{Batch, Flight};
use super::intake::{Intake, Received};
use super::link::LinkState;
use super::reception::Judged;
use super::waiting::Waiting;
use crate::gateway::Gateway;
use crate::gateway::error::Fault;
use crate::gateway::frame::{Frame, Hello, Outcome, Relay, Window};
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
    pub(super) link: LinkState,
    pub(super) waiting: Waiting,
    pub(super) intake: Intake,
    pub(super) flight: Flight,
    /// A sealed part has reached the peer: more may be due.
    pub(super) parts_arrived: Arc<Notify>,
    /// Held while this session carries, until everything that was answered is settled.
    pub(super) carrier: Mutex<Option<OwnedSemaphorePermit>>,
}

/// A batch that is being judged, and what it weighed.
pub(super) type Judging = (Received, JoinHandle<Result<Vec<Judged>, Fault>>);

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
        let windows = self.window.subscribe();
        let (ours, theirs) = self.greet(peer, &mut relay, opener).await?;
        self.compare(peer, &ours, &theirs).await?;
        self.note_link(peer, |link| link.last_failure.clear());
        let link = self.link_of(peer);
        let _live = link.enter();
        let session = Session {
            gateway: self,
            peer,
            link,
            waiting: Waiting::default(),
            intake: Intake::new(ours.window),
            flight: Flight::new(theirs.window),
            parts_arrived: Arc::default(),
            carrier: Mutex::default(),
        };
        if let Some(request) = self.wanted_copy(peer).await? {
            session.waiting.request(request);
        }
        let running = session.run(relay, &theirs, windows);
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
    ) -> Result<(Hello, Hello), Fault> {
        if opener == Opener::Us {
            let ours = self.hello(peer).await?;
            relay.send(Frame::Hello(ours.clone())).await?;
            return Ok((ours, self.their_hello(peer, relay).await?));
        }
        let theirs = self.their_hello(peer, relay).await?;
        let ours = self.hello(peer).await?;
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
    async fn run(&self, relay: Relay, theirs: &Hello, windows: watch::Receiver<Window>) -> Result<(), Fault> {
        let updates = self.begin_updates(theirs).await?;
        let Relay { outgoing, incoming } = relay;
        // Neither grows without end: the one holds what our window admits, the other what was handed over.
        let (judging, to_place) = mpsc::unbounded_channel();
        let (answered, to_settle) = mpsc::unbounded_channel();
        let settling = self.settle_all(to_settle);
        tokio::pin!(settling);
        let working = async {
            tokio::try_join!(
                self.read(incoming, judging, answered),
                self.place_all(to_place),
                self.carry(),
                self.write(outgoing, updates),
                self.announce(windows),
                self.gateway.until_frozen(self.peer),
            )
        };
        let fault = tokio::select! {
            settled = &mut settling => return settled,
            worked = working => match worked {
                Err(fault) => fault,
                Ok(_) => return Ok(()),
            },
        };
        // What was answered is settled before another session may send it once more.
        settling.await?;
        Err(fault)
    }

    /// Reads to the end of the stream, or to the first frame that is not in order.
    async fn read(
        &self,
        mut incoming: mpsc::Receiver<Result<Frame, Fault>>,
        judging: mpsc::UnboundedSender<Judging>,
        answered: mpsc::UnboundedSender<Answered>,
    ) -> Result<(), Fault> {
        let (gateway, peer) = (self.gateway, self.peer);
        loop {
            let next = incoming.recv().await;
            match next.unwrap_or_else(|| Err(Fault::Link("the peer ended the stream".to_owned())))? {
                Frame::Deliveries(deliveries) => {
                    let batch = self.intake.take(&deliveries)?;
                    let judged = tokio::spawn(gateway.clone().judge_all(peer.clone(), deliveries));
                    judging.send((batch, judged)).map_err(|_| over())?;
                }
                Frame::Outcomes(outcomes) => {
                    let batch = self.flight.answer(outcomes.len())?;
                    answered.send((batch, outcomes)).map_err(|_| over())?;
                }
                Frame::LogUpdate(update) => self.waiting.cosignature(gateway.mirror(peer, update).await?),
                Frame::Cosignature(cosignature) => gateway.keep_cosignature(peer, cosignature).await?,
                Frame::Window(window) => self.flight.grant(window),
                Frame::CopyRequest(request) => {
                    self.waiting.copy(Frame::Copy(gateway.copy_for(peer, request).await?))?;
                }
                Frame::Copy(copied) => {
                    if let Some(request) = gateway.take_copy(peer, copied).await? {
                        self.waiting.request(request);
                    }
                }
                Frame::Hello(_) => return Err(Fault::Link("the peer sent a frame out of turn".to_owned())),
            }
        }
    }

    /// Tells the peer whenever we take more or less than before.
    async fn announce(&self, mut windows: watch::Receiver<Window>) -> Result<(), Fault> {
        while windows.changed().await.is_ok() {
            let window = *windows.borrow_and_update();
            self.intake.grant(window);
            self.waiting.window(window);
        }
        Ok(())
    }
}

fn over() -> Fault {
    Fault::Link("the session is over".to_owned())
}
