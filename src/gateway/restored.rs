//! A home that came out of a backup: what must be known of the time since before anything is exchanged.
//!
//! The copy knows nothing of what was decided after it was made: messages that were withdrawn, peers that were paused,
//! a policy, desks that were revoked, and leaves that were signed and that no peer has seen. So the state RESTORED
//! begins with the first start and ends by itself, over restarts: the own desk comes first (`handing_back`) and shows
//! what it knows; then an operator lets in one peer after the other (`peer resume`), each of which is paused by force
//! until then. Who lets a stream, a stick or a ping begin needs an `Exchange`, and only a gateway that does not await
//! its desk hands one out. What must never happen: anything passes between a restored gateway and a peer, or is signed
//! for it, before the own desk has come.

use std::fs;

use crate::digest::Digest;
use crate::gateway::Gateway;
use crate::gateway::error::{Declined, Fault};
use crate::gateway::standing::hold;
use crate::gateway::store::record::{FromBackup, GATEWAY, Pause, RESTORED_ALARM};
use crate::keys::home::backup::{Desks, GATEWAY_RESTORED_NOTE, RestoredNote};
use crate::message::administration::{Actor, AdministrativeAct, AdministrativeVerb};
use crate::message::refusal::{Reason, Refusal};
use crate::trust::name::Ministry;

/// Why a peer is paused that nobody has let in again.
const RESTORED: &str = "RESTORED";

/// Leave to say or hear anything of a peer.
#[derive(Debug)]
pub(super) struct Exchange(());

impl Gateway {
    /// Leave to exchange with a peer: none while the own desk is awaited after a restore.
    pub(super) fn exchange(&self, peer: &Ministry) -> Result<Exchange, Fault> {
        match self.awaits_desk() {
            true => Err(Fault::Paused(peer.clone())),
            false => Ok(Exchange(())),
        }
    }

    /// Whether this gateway was restored from a backup and its own desk has not come since.
    pub(super) fn awaits_desk(&self) -> bool {
        hold(&self.from_backup).is_some_and(|state| state.awaits_desk)
    }

    /// Out of which backup this gateway came, until nothing is awaited any more.
    pub(super) fn restored_from(&self) -> Option<FromBackup> {
        *hold(&self.from_backup)
    }

    /// Refuses what only a gateway may do that knows what its desk knows.
    pub(super) fn require_desk(&self) -> Result<(), Refusal> {
        if !self.awaits_desk() {
            return Ok(());
        }
        let detail = "this gateway was restored from a backup, and its own desk has not come since: any command of it, \
                      such as `outbox`, hands over what it knows";
        Err(Refusal::new(Reason::AwaitsDesk, detail))
    }

    /// Takes up the state before anything else is decided. Answers what the restore has left, at the first start.
    pub(super) async fn resume_from_backup(&self) -> Result<Option<RestoredNote>, Fault> {
        let path = self.config.home.join(GATEWAY_RESTORED_NOTE);
        let note = match path.exists() {
            false => None,
            true => {
                let text = fs::read_to_string(&path).unwrap_or_default();
                Some(RestoredNote::parse(&text).ok_or_else(|| unsettled(&path))?)
            }
        };
        if let Some(note) = &note {
            self.store.begin_from_backup(note.made).await?;
        }
        *hold(&self.from_backup) = self.store.restored_from().await?;
        Ok(note)
    }

    /// Tells everybody, once, that this home came out of a backup, and closes it towards every peer. The list of desks
    /// was read by now.
    pub(super) async fn tell_restored(&self, note: Option<RestoredNote>) -> Result<(), Fault> {
        if let Some(note) = &note {
            self.require_desk_list(note)?;
            let made = note.made;
            let detail = format!(
                "this gateway came out of a backup of {made} and knows nothing of what was decided since: it exchanges \
                 nothing with any peer before its own desk has come and `peer resume` has let that peer in"
            );
            self.alarm_about(&self.config.ministry, RESTORED_ALARM, detail).await?;
            self.record_own_act(AdministrativeVerb::Restored).await;
            // Whoever was paused then may have been resumed and paused again for another reason.
            self.close_to_peers(|_| true).await?;
        }
        self.close_to_new_peers().await?;
        self.end_if_over().await?;
        if note.is_some()
            && let Err(cause) = fs::remove_file(self.config.home.join(GATEWAY_RESTORED_NOTE))
        {
            tracing::warn!(%cause, "the note that this home was restored could not be removed: it is told again");
        }
        Ok(())
    }

    /// The list of desks that was brought with the backup must be the one that counts.
    fn require_desk_list(&self, note: &RestoredNote) -> Result<(), Fault> {
        let Desks::Listed(brought) = note.desks else { return Ok(()) };
        let counts = self.desk_list.load_full().map(|list| Digest::of(&list));
        if counts == Some(brought) {
            return Ok(());
        }
        Err(Fault::Unsettled(format!(
            "the list of desks that was brought to the restored backup does not count: another is newer, or {} was \
             changed since; bring the newest list of the root and restore again",
            self.config.desk_list().display()
        )))
    }

    /// Pauses, by force, every peer that is not paused, as long as the own desk is awaited: its policy may name peers
    /// that the copy does not know.
    pub(super) async fn close_to_new_peers(&self) -> Result<(), Fault> {
        if self.awaits_desk() {
            self.close_to_peers(|paused| paused.is_none()).await?;
        }
        Ok(())
    }

    async fn close_to_peers(&self, is_open: impl Fn(Option<Pause>) -> bool) -> Result<(), Fault> {
        let in_force = self.trust.load_full();
        let peers = in_force.iter().flat_map(|in_force| in_force.peers().keys());
        for peer in peers.filter(|peer| is_open(self.pause_of(peer))) {
            let (peer, time, reason) = (peer.clone(), self.clock.now(), RESTORED.to_owned());
            let pause = Pause { peer, time, operator: GATEWAY, reason, force: true };
            let permit = self.act_permit().await?;
            let act = AdministrativeAct::new(AdministrativeVerb::PeerPaused, Actor::Gateway);
            let entry = permit.entry(act.about(&pause.peer).because(RESTORED));
            self.store.pause(pause.clone(), entry).await?;
            self.take_up(pause);
        }
        Ok(())
    }

    /// The own desk has come and said all that it knows, by the policy that is in force here, or a later one.
    pub(super) async fn desk_has_come(&self, policy_known: u64) -> Result<(), Declined> {
        let in_force = self.trust.load_full().map_or(0, |in_force| in_force.policy().sequence());
        if policy_known > in_force {
            let detail =
                format!("policy {policy_known} of this desk is not in force here yet: {in_force} is");
            return Err(Refusal::new(Reason::AwaitsDesk, detail).into());
        }
        if !self.awaits_desk() {
            return Ok(());
        }
        let permit = self.act_permit().await?;
        let act = AdministrativeAct::new(AdministrativeVerb::Restored, Actor::Desk).because("HANDED_BACK");
        self.store.desk_has_come(permit.entry(act)).await?;
        drop(permit);
        if let Some(state) = hold(&self.from_backup).as_mut() {
            state.awaits_desk = false;
        }
        tracing::warn!("the own desk has come since the restore; an operator lets each peer in again");
        Ok(self.end_if_over().await?)
    }

    /// Ends the state when the own desk has come and no peer is paused for it any more.
    pub(super) async fn end_if_over(&self) -> Result<(), Fault> {
        if self.restored_from().is_none_or(|state| state.awaits_desk) {
            return Ok(());
        }
        let in_force = self.trust.load_full();
        let mut peers = in_force.iter().flat_map(|in_force| in_force.peers().keys());
        if peers.any(|peer| self.pause_of(peer).is_some_and(|pause| pause.reason == RESTORED)) {
            return Ok(());
        }
        self.store.end_from_backup().await?;
        *hold(&self.from_backup) = None;
        let own = self.config.ministry.clone();
        self.store.clear_alarm(RESTORED_ALARM, own, self.clock.now()).await?;
        tracing::warn!("every peer was let in again: what the restore was followed by is over");
        Ok(())
    }
}

fn unsettled(note: &std::path::Path) -> Fault {
    Fault::Unsettled(format!(
        "{} does not say of when the backup is and which desks are let in no more: restore the backup again",
        note.display()
    ))
}
