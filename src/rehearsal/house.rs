//! One ministry of a rehearsal: issues its bundle, runs its gateway, works at its desk.
//!
//! The gateway runs on threads of its own, as on a host of its own: it can be stopped as an operator stops
//! it, or lost at any instant as a host is lost, and started again over what it kept.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::desk::Desk;
use crate::desk::config::Config as DeskConfig;
use crate::desk::form::draft::{IdsOnly, References};
use crate::desk::form::parse::parse;
use crate::desk::keys::Keys;
use crate::desk::read::Opened;
use crate::desk::reference::Entry;
use crate::desk::register::SentEntry;
use crate::entropy::Entropy;
use crate::gateway::Gateway;
use crate::gateway::config::Config as GatewayConfig;
use crate::gateway::error::Fault;
use crate::gateway::run;
use crate::keys::Passphrase;
use crate::keys::home::publication::Publication;
use crate::keys::ministry::MinistryHome;
use crate::rehearsal::RehearsalFault;
use crate::rehearsal::founding::{Homes, Plan};
use crate::time::Clock;
use crate::trust::bundle::SignedBundle;
use crate::trust::name::Ministry;

/// How long a stopped gateway may take to end what is under way.
const LAST_WORK: Duration = Duration::from_secs(10);

/// One ministry with its homes, and its gateway where that runs.
pub struct House {
    plan: Plan,
    homes: Homes,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    passphrase: Passphrase,
    keys: Keys,
    running: Option<Running>,
}

/// A gateway on threads of its own.
struct Running {
    gateway: Arc<Gateway>,
    stop: CancellationToken,
    served: JoinHandle<Result<(), Fault>>,
    runtime: Runtime,
}

impl House {
    /// Takes up homes that were founded, under the configuration of `plan`.
    pub fn open(
        homes: Homes,
        plan: Plan,
        passphrase: Passphrase,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, RehearsalFault> {
        homes.configure(&plan)?;
        let config = DeskConfig::load(homes.desk.directory()).map_err(RehearsalFault::unfit)?;
        let keys = Keys::new(config, passphrase.clone());
        Ok(Self { plan, homes, clock, entropy, passphrase, keys, running: None })
    }

    /// Its code.
    pub fn ministry(&self) -> &Ministry {
        &self.plan.founding.ministry
    }

    /// What it was founded by.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Its homes.
    pub fn homes(&self) -> &Homes {
        &self.homes
    }

    /// The keys of its desk.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Its desk.
    pub fn desk(&self) -> Result<Desk, RehearsalFault> {
        Ok(Desk::open(self.homes.desk.directory(), self.clock.clone(), self.entropy.clone())?)
    }

    /// Issues the next bundle of the ministry and gives it to the desk.
    pub fn issue_bundle(&self) -> Result<SignedBundle, RehearsalFault> {
        let publication = Publication {
            gateway: self.homes.gateway.clone(),
            desks: vec![self.homes.desk.clone()],
            valid_for: self.plan.valid_for,
        };
        Ok(publication.sign(&self.root()?, self.clock.now())?)
    }

    /// Certifies all keys again from now on, for the years that follow.
    pub fn renew_certificates(&self) -> Result<(), RehearsalFault> {
        self.homes.certify(&self.root()?, true, self.clock.now(), self.entropy.as_ref())
    }

    fn root(&self) -> Result<MinistryHome, RehearsalFault> {
        Ok(MinistryHome::open(&self.homes.root, &self.passphrase)?)
    }

    /// Starts the gateway; returns when its listeners are open.
    pub async fn start(&mut self) -> Result<(), RehearsalFault> {
        if self.running.is_some() {
            return Ok(());
        }
        let config = GatewayConfig::load(self.homes.gateway.directory()).map_err(RehearsalFault::unfit)?;
        let (clock, entropy) = (self.clock.clone(), self.entropy.clone());
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name(format!("gateway-{}", self.ministry().lower()))
            .enable_all()
            .build()
            .map_err(RehearsalFault::unfit)?;
        let opening = runtime.spawn(run::Opened::open(config, clock, entropy));
        let opened = match opening.await {
            Ok(Ok(opened)) => opened,
            failed => {
                runtime.shutdown_background();
                return match failed {
                    Ok(Err(fault)) => Err(fault.into()),
                    _ => Err(RehearsalFault::unfit("opening the gateway was cut short")),
                };
            }
        };
        let (gateway, stop) = (opened.gateway().clone(), CancellationToken::new());
        let served = runtime.spawn(opened.serve(stop.clone()));
        self.running = Some(Running { gateway, stop, served, runtime });
        Ok(())
    }

    /// The running gateway.
    pub fn gateway(&self) -> Result<&Arc<Gateway>, RehearsalFault> {
        let running = self.running.as_ref();
        running.map(|running| &running.gateway).ok_or_else(|| self.not_running())
    }

    /// Stops the gateway as an operator does: what is under way is ended first.
    pub async fn stop(&mut self) -> Result<(), RehearsalFault> {
        let Running { gateway, stop, served, runtime } =
            self.running.take().ok_or_else(|| self.not_running())?;
        stop.cancel();
        let ended = tokio::time::timeout(LAST_WORK, served).await;
        drop(gateway);
        end(runtime).await;
        match ended {
            Ok(Ok(ended)) => Ok(ended?),
            Ok(Err(cause)) => Err(RehearsalFault::unfit(cause)),
            Err(_) => Err(RehearsalFault::unfit("the gateway did not stop in time")),
        }
    }

    /// Loses the gateway: nothing is ended, every task stops where it is and every connection breaks.
    pub async fn lose(&mut self) -> Result<(), RehearsalFault> {
        let Running { gateway, runtime, .. } = self.running.take().ok_or_else(|| self.not_running())?;
        drop(gateway);
        end(runtime).await;
        Ok(())
    }

    fn not_running(&self) -> RehearsalFault {
        RehearsalFault::NotRunning(self.ministry().clone())
    }

    /// Composes a form and sends it. Returns the registered copies, one for each addressee. Paths in the form
    /// begin in `folder`; references are whole message ids.
    pub async fn send(&self, form: &str, folder: &Path) -> Result<Vec<SentEntry>, RehearsalFault> {
        self.send_with(form, folder, &IdsOnly).await
    }

    /// The same with a way to look up references.
    pub async fn send_with(
        &self,
        form: &str,
        folder: &Path,
        references: &(dyn References + Sync),
    ) -> Result<Vec<SentEntry>, RehearsalFault> {
        let desk = self.desk()?;
        let draft = parse(form, references).map_err(RehearsalFault::Form)?;
        let trust = desk.trust()?;
        let composition = desk.compose(&trust, &self.keys, &draft, folder, None)?;
        Ok(desk.send(&trust, &self.keys, composition).await?)
    }

    /// Fetches everything new into the register. Returns how many messages are new.
    pub async fn fetch(&self) -> Result<usize, RehearsalFault> {
        let desk = self.desk()?;
        let trust = desk.trust()?;
        let mut mailbox = desk.mailbox(&self.keys).await?;
        Ok(desk.fetch(&trust, &mut mailbox).await?)
    }

    /// Reads a message of the register, by its reference.
    pub fn read(&self, reference: &str) -> Result<Opened, RehearsalFault> {
        let desk = self.desk()?;
        let entry: Entry = desk.find(reference)?;
        Ok(desk.read(&desk.trust()?, &self.keys, &entry)?)
    }

    /// Waits until a sent copy is delivered, rejected or expired; none if that takes longer than `patience`.
    pub async fn settled(
        &self,
        copy: &SentEntry,
        patience: Duration,
    ) -> Result<Option<SentEntry>, RehearsalFault> {
        let desk = self.desk()?;
        Ok(desk.wait(&desk.trust()?, &self.keys, &copy.id, patience).await?)
    }
}

/// Ends a runtime without blocking the one that asks.
async fn end(runtime: Runtime) {
    // A panic in there has been reported already; the runtime is gone either way.
    let _ended = tokio::task::spawn_blocking(move || runtime.shutdown_timeout(LAST_WORK)).await;
}

impl Drop for House {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            running.stop.cancel();
            running.runtime.shutdown_background();
        }
    }
}

impl fmt::Debug for House {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "House({})", self.ministry())
    }
}
