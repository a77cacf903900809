//! The ministries of a rehearsal: founded side by side, started, accredited to each other, on one channel of all.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;

use super::clock::RunningClock;
use crate::entropy::SystemEntropy;
use crate::gateway::standing::Standing;
use crate::keys::Passphrase;
use crate::keys::home::enrolment::Enrolment;
use crate::keys::ministry::{Founding, MinistryHome};
use crate::message::terms::Level;
use crate::rehearsal::RehearsalFault;
use crate::rehearsal::founding::{Homes, Plan};
use crate::rehearsal::house::House;
use crate::rehearsal::play::dispatch::channel;
use crate::rehearsal::script::{Party, Script};
use crate::rehearsal::world::World;
use crate::time::Timestamp;
use crate::trust::name::{Domain, Ministry};
use crate::trust::policy::{ChannelId, ChannelRule};

/// The passphrase of all keys of a rehearsal: they end with it.
const PASSPHRASE: &str = "a rehearsal and nothing else";
/// How long before the script begins its ministries are founded.
const FOUNDED_BEFORE: Duration = Duration::from_secs(24 * 3600);
/// How long after they were certified the gateways are certified again, which is good for thirty days.
const RENEWED_AFTER: Duration = Duration::from_secs(20 * 24 * 3600);
/// How long gateways may take to hear from each other, in real time.
const HEARING: Duration = Duration::from_secs(30);
const LOOKING_PAUSE: Duration = Duration::from_millis(10);

/// Founded ministries with running gateways.
pub(super) struct Ministries {
    pub(super) world: World,
    pub(super) folder: PathBuf,
    pub(super) runtime: Handle,
    pub(super) channel: ChannelId,
    clock: Arc<RunningClock>,
    passphrase: Passphrase,
    /// When the gateways were certified.
    certified: Timestamp,
}

impl Ministries {
    /// Founds a ministry for each party in `folder`, under its code in lower case.
    pub(super) fn found(script: &Script, folder: &Path, runtime: Handle) -> Result<Self, RehearsalFault> {
        let channel = channel().ok_or_else(|| RehearsalFault::unfit("there is no channel"))?;
        let passphrase = Passphrase::new(PASSPHRASE).map_err(RehearsalFault::unfit)?;
        let founded = script.start.before(FOUNDED_BEFORE);
        let clock = Arc::new(RunningClock::at(founded));
        let plans = plans(script)?;
        let mut houses = Vec::new();
        for home in found_all(folder, &plans, &passphrase, founded)? {
            let (homes, plan) = home?;
            let (clock, entropy) = (clock.clone(), Arc::new(SystemEntropy));
            houses.push(House::open(homes, plan, passphrase.clone(), clock, entropy)?);
        }
        let mut world = World::assemble(houses)?;
        runtime.block_on(join(&mut world, &channel, script.charter.ceiling.unwrap_or(Level::Restricted)))?;
        Ok(Self { world, folder: folder.to_owned(), runtime, channel, clock, passphrase, certified: founded })
    }

    /// Sets the clock of the gateways, and certifies them anew before their certificates end.
    pub(super) fn moves_to(&mut self, now: Timestamp) -> Result<(), RehearsalFault> {
        self.clock.set(now);
        if now < self.certified.after(RENEWED_AFTER) {
            return Ok(());
        }
        for house in self.world.houses() {
            let root = MinistryHome::open(&house.homes().root, &self.passphrase)?;
            let home = house.homes().gateway.directory();
            Enrolment::read(home)?.enrol(home, &root, true, now, &SystemEntropy)?;
            house.gateway()?.reload()?;
        }
        self.certified = now;
        Ok(())
    }

    /// Stops all gateways.
    pub(super) fn stop(mut self) -> Result<(), RehearsalFault> {
        let ministries: Vec<Ministry> = self.world.houses().map(|house| house.ministry().clone()).collect();
        for ministry in ministries {
            self.runtime.block_on(self.world.house_mut(&ministry)?.stop())?;
        }
        Ok(())
    }
}

/// What became of one ministry that was to be founded.
type Founded = Result<(Homes, Plan), RehearsalFault>;

/// Deriving keys from passphrases takes most of the time, so the ministries are founded at once.
fn found_all(
    folder: &Path,
    plans: &[Plan],
    passphrase: &Passphrase,
    founded: Timestamp,
) -> Result<Vec<Founded>, RehearsalFault> {
    std::thread::scope(|scope| {
        let found = |plan: &Plan| {
            let place = folder.join(plan.founding.ministry.lower());
            let homes = Homes::found(&place, plan, passphrase, founded, &SystemEntropy)?;
            Ok((homes, plan.clone()))
        };
        let threads: Vec<_> = plans.iter().map(|plan| scope.spawn(move || found(plan))).collect();
        let cut_short = |_| RehearsalFault::unfit("founding was cut short");
        threads.into_iter().map(|thread| thread.join().map_err(cut_short)).collect()
    })
}

fn plans(script: &Script) -> Result<Vec<Plan>, RehearsalFault> {
    let mut held = Vec::new();
    let mut plans = Vec::new();
    for party in &script.parties {
        // Held until all have one, so that none is given twice.
        let (relay, mailbox) = (port(&mut held)?, port(&mut held)?);
        plans.push(plan(party, &relay, &mailbox)?);
    }
    Ok(plans)
}

fn port(held: &mut Vec<TcpListener>) -> Result<String, RehearsalFault> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(RehearsalFault::unfit)?;
    let address = listener.local_addr().map_err(RehearsalFault::unfit)?.to_string();
    held.push(listener);
    Ok(address)
}

/// The ministry of a party: its offices are those of the script.
fn plan(party: &Party, relay: &str, mailbox: &str) -> Result<Plan, RehearsalFault> {
    let ministry = party.ministry.clone();
    let domain = format!("mfa.{}.example", ministry.lower());
    let founding = Founding {
        display_name: format!("The party {ministry} of a rehearsal"),
        domain: Domain::parse(&domain).map_err(RehearsalFault::unfit)?,
        ministry,
    };
    let mut plan = Plan::new(founding, relay, mailbox)?;
    let offices = party.offices.iter();
    plan.offices = offices.map(|(label, may)| (label.clone(), may.iter().copied().collect())).collect();
    Ok(plan)
}

/// Starts every gateway, accredits everybody everywhere, and puts the channel of all in force.
async fn join(world: &mut World, channel: &ChannelId, highest: Level) -> Result<(), RehearsalFault> {
    // Pairs carry what the whole channel may carry; what exceeds that is refused by the rules.
    world.join_all(highest).await?;
    let parties: BTreeSet<Ministry> = world.houses().map(|house| house.ministry().clone()).collect();
    let ceiling = u32::try_from(highest.number()).map_err(RehearsalFault::unfit)?;
    for house in world.houses() {
        let rule = ChannelRule { parties: parties.clone(), ceiling, suspended: false };
        house.desk()?.charter(house.keys(), channel.clone(), rule).await?;
    }
    let heard = async {
        for house in world.houses() {
            for peer in parties.iter().filter(|peer| *peer != house.ministry()) {
                while house.gateway()?.standing(peer) != Standing::Sound {
                    tokio::time::sleep(LOOKING_PAUSE).await;
                }
            }
        }
        Ok(())
    };
    match tokio::time::timeout(HEARING, heard).await {
        Ok(heard) => heard,
        Err(_) => Err(RehearsalFault::unfit("the gateways did not hear from each other in time")),
    }
}

crate::rehearsal::opaque!(Ministries);
