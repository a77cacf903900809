//! The keeper: keeps the desk up with its own gateway while the service runs, as an officer's commands do otherwise.
//!
//! It fetches what came, asks what became of what was sent, takes both up into the casebook, answers what the registry
//! owes, and tells watchers. The gateway says at once when something came or is settled; in between nothing is asked.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;

use super::Service;
use crate::desk::accreditation::Trust;
use crate::desk::error::DeskError;
use crate::desk::mailbox::{Mailbox, Settlements};
use crate::desk::refill::{Asked, Lacking};
use crate::keys::expiry::{Lifetime, Telling};
use crate::limits;

impl Service {
    /// Keeps up until the service is stopped.
    pub(super) async fn keep_up(self: Arc<Self>) {
        let (mut tidied, mut telling) = (self.desk.clock.now(), Telling::default());
        self.tidy();
        self.warn_of_ends(&mut telling);
        let mut link: Option<(Mailbox, Settlements)> = None;
        let mut was_away = false;
        loop {
            let round = self.round(&mut link).await;
            let pause = match round {
                Ok(()) => {
                    if was_away {
                        tracing::info!("the desk keeps up with its gateway again");
                    }
                    was_away = false;
                    self.tallies.kept_up(self.desk.clock.now());
                    // What the gateway did not take yet is offered again before long.
                    match self.desk.register.waiting(None, 1) {
                        Ok(waiting) if waiting.is_empty() => limits::SERVICE_FETCH_PAUSE,
                        _ => limits::SERVICE_AWAY_PAUSE,
                    }
                }
                Err(cause) => {
                    link = None;
                    self.tallies.round_failed();
                    if !was_away {
                        tracing::warn!(%cause, "the desk does not keep up with its gateway");
                    }
                    was_away = true;
                    limits::SERVICE_AWAY_PAUSE
                }
            };
            self.tell();
            if tidied < self.desk.clock.now().before(limits::SERVICE_TIDY_PAUSE) {
                tidied = self.desk.clock.now();
                self.tidy();
                self.warn_of_ends(&mut telling);
            }
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = self.wake.notified() => {}
                () = settled(&mut link, pause) => {}
            }
        }
    }

    /// One look at the gateway.
    async fn round(self: &Arc<Self>, link: &mut Option<(Mailbox, Settlements)>) -> Result<(), DeskError> {
        let trust = self.trust()?;
        if link.is_none() {
            let mut mailbox = self.desk.mailbox(&self.keys).await?;
            // A register is restored while nobody works with it: it is compared with the gateway when this begins.
            let refilled = self.desk.catch_up(&trust, &self.keys, &mut mailbox).await?;
            for Lacking { recipient, count, why, .. } in &refilled.lacking {
                tracing::error!(%recipient, count, why, "the register lacks messages that this desk had sent");
            }
            let settlements = mailbox.settlements().await?;
            *link = Some((mailbox, settlements));
        }
        let Some((mailbox, _)) = link else { return Ok(()) };
        let trust = match self.follow(mailbox).await {
            true => self.trust()?,
            false => trust,
        };
        match self.desk.tell_acts(&trust, mailbox).await {
            Ok(_) => {}
            // A gateway of an earlier release refuses the call, with every look.
            Err(cause) if cause.is_passing() || matches!(cause, DeskError::GatewayRefused { .. }) => {
                tracing::debug!(%cause, "the gateway was not told of every administrative act yet");
            }
            Err(cause) => tracing::warn!(%cause, "the administrative record of this desk"),
        }
        let fetched = self.desk.fetch(&trust, mailbox).await.map(|_| ());
        self.tell();
        if fetched.as_ref().is_err_and(ends_the_look) {
            return fetched;
        }
        let refreshed = self.desk.refresh_sent(&trust, mailbox).await;
        self.tell();
        if refreshed.as_ref().is_err_and(ends_the_look) {
            return refreshed;
        }
        self.attend(trust, fetched.is_ok()).await?;
        fetched.and(refreshed)
    }

    /// Pays what is owed. Where everything that came is here, it answers too what the registry owes; without that it would
    /// say of a Power that it is silent whose answer waits at the gateway.
    async fn attend(self: &Arc<Self>, trust: Arc<Trust>, has_all: bool) -> Result<(), DeskError> {
        let (service, runtime) = (self.clone(), Handle::current());
        let attended = tokio::task::spawn_blocking(move || {
            let (desk, keys) = (&service.desk, &service.keys);
            if !has_all {
                return runtime.block_on(desk.pay_owed(&trust, keys));
            }
            desk.grow_casebook(&trust, keys)?;
            runtime.block_on(desk.attend(&trust, keys))
        });
        match attended.await.map_err(|cause| DeskError::Draft(cause.to_string()))? {
            Ok(_) => Ok(()),
            // The gateway is there; what could not be answered is owed on, and tried again with the next look.
            Err(cause @ (DeskError::Owed(_) | DeskError::Forbidden(_))) => {
                tracing::warn!(%cause, "the registry owes answers that it could not give");
                Ok(())
            }
            Err(cause) => Err(cause),
        }
    }

    /// Follows what peers announced; answers whether anything else is believed now. What could not be followed is tried
    /// again with the next look, and keeps nobody from reading.
    async fn follow(&self, mailbox: &mut Mailbox) -> bool {
        match self.desk.follow(&self.keys, mailbox).await {
            Ok(looked) => {
                // What waits for somebody stands on the gateway's screen; here it would be said with every look.
                if looked.changed() {
                    looked.lines().iter().for_each(|line| tracing::info!("{line}"));
                }
                looked.changed()
            }
            Err(cause) => {
                tracing::warn!(%cause, "what peers announced could not be followed");
                false
            }
        }
    }

    /// Asks the gateway now for everything that is new, and for what the register lacks; nothing where it was not there.
    pub(super) async fn ask_now(&self) -> Option<Asked> {
        let trust = self.trust().ok()?;
        let asking = async {
            let mut mailbox = self.desk.mailbox(&self.keys).await?;
            self.desk.ask(&trust, &self.keys, &mut mailbox).await
        };
        let asked = asking.await;
        self.tell();
        if let Err(cause) = &asked {
            tracing::warn!(%cause, "the gateway could not be asked for what is new");
        }
        asked.ok()
    }

    /// Forgets what nobody comes back for, shows a certificate that holds, and cuts connections whose own has ended.
    fn tidy(&self) {
        let now = self.desk.clock.now();
        if let Err(fault) = self.desk.register.forget_errands(now.before(limits::REQUESTS_REMEMBERED)) {
            tracing::warn!(%fault, "requests that were done long ago could not be forgotten");
        }
        self.uploads.sweep();
        self.renew();
    }

    /// Logs which certificates and bundles are near their end: at the start, at each stage, and once a day. What kind of
    /// certificate it is stands there, not whose office or which client's.
    fn warn_of_ends(&self, telling: &mut Telling) {
        let Ok(trust) = self.trust() else {
            tracing::warn!("it could not be seen what ends soon");
            return;
        };
        let endings = self.desk.endings(&trust).into_iter();
        let lifetimes: Vec<Lifetime> = endings.map(|one| one.lifetime).collect();
        telling.tell_daily(&lifetimes, self.desk.clock.now());
    }
}

/// Whether the gateway, or the register, can be asked nothing more now. One message that cannot be taken, or of which nothing
/// is proven, keeps neither the others nor what is owed.
fn ends_the_look(failure: &DeskError) -> bool {
    failure.is_passing() || matches!(failure, DeskError::Register(_))
}

/// Waits until the gateway says that something came or is settled, or for a pause. Where it says no more, as when it was
/// started anew, the link is let go: the next look opens another, and compares the register again.
async fn settled(link: &mut Option<(Mailbox, Settlements)>, pause: Duration) {
    let Some((_, settlements)) = link else { return tokio::time::sleep(pause).await };
    let told = tokio::time::timeout(pause, settlements.next()).await;
    if let Ok(Err(cause)) = told {
        tracing::debug!(%cause, "the gateway tells no more of what comes and is settled");
        *link = None;
        // A gateway that ends every stream at once is not asked without a pause.
        tokio::time::sleep(pause.min(limits::SERVICE_AWAY_PAUSE)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desk::register::RegisterFault;
    use crate::message::refusal::{Reason, Refusal};
    use crate::trust::name::Ministry;

    #[test]
    fn one_message_that_cannot_be_taken_does_not_end_the_look() {
        let of_one = [
            DeskError::PolicyBehind { here: 1, in_force: 2 },
            DeskError::NotAccredited(Ministry::parse("XB").unwrap()),
            DeskError::Refused(Refusal::new(Reason::ProofInvalid, "a receipt that proves nothing")),
        ];
        assert!(!of_one.iter().any(ends_the_look));
        assert!(ends_the_look(&DeskError::Register(RegisterFault::Damaged("a row"))));
    }
}
