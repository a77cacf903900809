//! Pauses between this gateway and a peer, by its operator: nothing is carried to the peer or taken from it, and its
//! sessions end with a reason that it can show. The queue keeps what waits, and the own desk goes on.
//!
//! A pause is a convenience, and a protective act must not wait for one: a message of precedence FLASH, ours or the
//! peer's, ends a pause that is not by force, and the operator is told. What must never happen: a pause that a restart
//! forgets, or one that ends without an entry in the administrative log.

use crate::gateway::Gateway;
use crate::gateway::error::Fault;
use crate::gateway::queue::QueueRefusal;
use crate::gateway::store::record::{Ends, PAUSE_ENDED_ALARM, Pause, Pausing};
use crate::message::administration::{Actor, AdministrativeAct, AdministrativeVerb};
use crate::trust::name::Ministry;

/// What a gateway tells a peer that dials it while it is paused.
pub(super) const PAUSED: &str = "PAUSED";

/// Whose message of precedence FLASH ends a pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Urgent {
    /// One of the own desk.
    Ours,
    /// One that the peer says it has.
    Theirs,
}

impl Gateway {
    /// Exchanges nothing with a peer from now on. Answers how many messages wait for it.
    pub async fn pause_peer(
        &self,
        peer: &Ministry,
        force: bool,
        reason: String,
        operator: u32,
    ) -> Result<u64, QueueRefusal> {
        self.known(peer).await?;
        let permit = self.act_permit().await?;
        let act = AdministrativeAct::new(AdministrativeVerb::PeerPaused, Actor::User(operator));
        let act = permit.entry(act.about(peer).because(&reason));
        let pause = Pause { peer: peer.clone(), time: self.clock.now(), operator, reason, force };
        match self.store.pause(pause.clone(), act).await? {
            Pausing::Urgent => return Err(QueueRefusal::UrgentAwaits(peer.clone())),
            Pausing::Done => {}
        }
        self.take_up(pause);
        drop(permit);
        tracing::info!(%peer, force, operator, "an operator has paused a peer");
        self.store.clear_alarm(PAUSE_ENDED_ALARM, peer.clone(), self.clock.now()).await?;
        self.end_if_over().await?;
        self.queued_for(peer).await
    }

    /// Exchanges messages with a peer again. Answers how many wait for it.
    pub async fn resume_peer(&self, peer: &Ministry, operator: u32) -> Result<u64, QueueRefusal> {
        self.known(peer).await?;
        self.require_desk().map_err(QueueRefusal::NotNow)?;
        if !self.end_pause(peer, Actor::User(operator), "", Ends::Any).await? {
            return Err(QueueRefusal::NotPaused(peer.clone()));
        }
        tracing::info!(%peer, operator, "an operator has resumed a peer");
        self.end_if_over().await?;
        self.queued_for(peer).await
    }

    /// Takes up the pauses that were kept when the gateway stopped.
    pub(super) async fn resume_pauses(&self) -> Result<(), Fault> {
        for pause in self.store.pauses().await? {
            tracing::info!(peer = %pause.peer, since = %pause.time, "a peer is paused");
            self.take_up(pause);
        }
        Ok(())
    }

    /// The pause of a peer, if it is paused.
    pub fn pause_of(&self, peer: &Ministry) -> Option<Pause> {
        self.link_of(peer).pause()
    }

    /// Waits until a peer is paused, by whomever: what is exchanged with it ends with that.
    pub(super) async fn until_paused(&self, peer: &Ministry) -> Result<(), Fault> {
        self.link_of(peer).until_paused().await;
        Err(Fault::Paused(peer.clone()))
    }

    /// Ends the pauses that a message of precedence FLASH of ours waits behind.
    pub(super) async fn let_flash_pass(&self) -> Result<(), Fault> {
        let paused: Vec<Ministry> = self.links().keys().cloned().collect();
        for peer in paused {
            if self.pause_of(&peer).is_some_and(|pause| !pause.force)
                && self.store.flash_waits(peer.clone()).await?
            {
                self.give_way(&peer, Urgent::Ours).await?;
            }
        }
        Ok(())
    }

    /// Ends a pause that is not by force for a message of precedence FLASH. True where the peer is not paused now.
    pub(super) async fn give_way(&self, peer: &Ministry, urgent: Urgent) -> Result<bool, Fault> {
        match self.pause_of(peer) {
            None => return Ok(true),
            Some(pause) if pause.force || self.awaits_desk() => return Ok(false),
            Some(_) => {}
        }
        let (reason, whose) = match urgent {
            Urgent::Ours => ("FLASH", "of our desk"),
            Urgent::Theirs => ("FLASH_OF_PEER", "that the peer has for us"),
        };
        if !self.end_pause(peer, Actor::Gateway, reason, Ends::Gentle).await? {
            // An operator was quicker: it is over, or by force from now on.
            return Ok(self.pause_of(peer).is_none());
        }
        let detail = format!("a message of precedence FLASH {whose} ended the pause");
        tracing::warn!(%peer, "{detail}");
        self.alarm_about(peer, PAUSE_ENDED_ALARM, detail).await?;
        Ok(true)
    }

    /// Ends a pause, in the store and here, one change at a time; false, and nothing done, where there is none that may
    /// be ended so.
    async fn end_pause(&self, peer: &Ministry, who: Actor, reason: &str, ends: Ends) -> Result<bool, Fault> {
        let permit = self.act_permit().await?;
        let act = AdministrativeAct::new(AdministrativeVerb::PeerResumed, who).about(peer).because(reason);
        if !self.store.resume(peer.clone(), ends, permit.entry(act)).await? {
            return Ok(false);
        }
        self.link_of(peer).set_pause(None);
        drop(permit);
        self.freight.go_on(peer);
        self.retry(peer);
        Ok(true)
    }

    pub(super) fn take_up(&self, pause: Pause) {
        self.freight.halt(&pause.peer);
        let link = self.link_of(&pause.peer);
        link.set_pause(Some(pause));
    }

    async fn queued_for(&self, peer: &Ministry) -> Result<u64, QueueRefusal> {
        let queues = self.store.queues().await?;
        Ok(queues.into_iter().find(|queue| queue.peer == *peer).map_or(0, |queue| queue.queued))
    }
}
