//! `World`: several ministries that believe each other, each with a running gateway and a desk.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use crate::entropy::Entropy;
use crate::keys::Passphrase;
use crate::message::terms::Level;
use crate::rehearsal::RehearsalFault;
use crate::rehearsal::founding::{Homes, Plan};
use crate::rehearsal::house::House;
use crate::time::Clock;
use crate::trust::bundle::SignedBundle;
use crate::trust::name::Ministry;
use crate::trust::policy::{ChannelId, ChannelRule};

/// Ministries by code.
#[derive(Debug, Default)]
pub struct World {
    houses: BTreeMap<Ministry, House>,
    bundles: BTreeMap<Ministry, SignedBundle>,
}

impl World {
    /// Founds every ministry below `directory`, under its code in lower case, starts the gateways and
    /// accredits every ministry at every other.
    pub async fn found(
        directory: &Path,
        plans: Vec<Plan>,
        passphrase: &Passphrase,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, RehearsalFault> {
        let mut houses = Vec::with_capacity(plans.len());
        for plan in plans {
            let place = directory.join(plan.founding.ministry.lower());
            let homes = Homes::found(&place, &plan, passphrase, clock.now(), entropy.as_ref())?;
            houses.push(House::open(homes, plan, passphrase.clone(), clock.clone(), entropy.clone())?);
        }
        let mut world = Self::assemble(houses)?;
        world.join_all(Level::Confidential).await?;
        Ok(world)
    }

    /// Brings houses together that were founded before: each issues its bundle. No gateway runs yet, and
    /// nobody believes anybody.
    pub fn assemble(houses: Vec<House>) -> Result<Self, RehearsalFault> {
        let mut world = Self::default();
        for house in houses {
            world.bundles.insert(house.ministry().clone(), house.issue_bundle()?);
            world.houses.insert(house.ministry().clone(), house);
        }
        Ok(world)
    }

    /// Starts every gateway and accredits every ministry at every other, on channels up to `ceiling`.
    pub async fn join_all(&mut self, ceiling: Level) -> Result<(), RehearsalFault> {
        for house in self.houses.values_mut() {
            house.start().await?;
        }
        for at in self.houses.keys() {
            for peer in self.houses.keys().filter(|peer| *peer != at) {
                self.accredit(at, peer, ceiling).await?;
            }
        }
        Ok(())
    }

    /// Accredits `peer` at the desk and the running gateway of `at`, by the fingerprint of its root.
    pub async fn accredit(
        &self,
        at: &Ministry,
        peer: &Ministry,
        ceiling: Level,
    ) -> Result<ChannelId, RehearsalFault> {
        let (house, bundle) = (self.house(at)?, self.bundle(peer)?);
        let fingerprint = *bundle.bundle().fingerprint().digest();
        Ok(house.desk()?.accredit(house.keys(), bundle.clone(), &fingerprint, ceiling).await?)
    }

    /// One ministry.
    pub fn house(&self, ministry: &Ministry) -> Result<&House, RehearsalFault> {
        self.houses.get(ministry).ok_or_else(|| RehearsalFault::Stranger(ministry.clone()))
    }

    /// One ministry, to start or stop its gateway.
    pub fn house_mut(&mut self, ministry: &Ministry) -> Result<&mut House, RehearsalFault> {
        self.houses.get_mut(ministry).ok_or_else(|| RehearsalFault::Stranger(ministry.clone()))
    }

    /// All ministries, by code.
    pub fn houses(&self) -> impl Iterator<Item = &House> {
        self.houses.values()
    }

    /// The bundle by which a ministry is accredited at the others.
    pub fn bundle(&self, ministry: &Ministry) -> Result<&SignedBundle, RehearsalFault> {
        self.bundles.get(ministry).ok_or_else(|| RehearsalFault::Stranger(ministry.clone()))
    }

    /// The default channel between these ministries.
    pub fn channel(&self, parties: &[Ministry]) -> Result<ChannelId, RehearsalFault> {
        let roots = parties.iter().map(|one| Ok(*self.bundle(one)?.bundle().fingerprint().digest()));
        Ok(ChannelId::between(&roots.collect::<Result<Vec<_>, RehearsalFault>>()?))
    }

    /// Puts one channel among several ministries in force at each of them, or changes its rule.
    pub async fn charter(
        &self,
        parties: &[Ministry],
        ceiling: Level,
        suspended: bool,
    ) -> Result<ChannelId, RehearsalFault> {
        let channel = self.channel(parties)?;
        for party in parties {
            let rule = ChannelRule {
                parties: parties.iter().cloned().collect::<BTreeSet<_>>(),
                ceiling: u32::try_from(ceiling.number()).map_err(RehearsalFault::unfit)?,
                suspended,
            };
            let house = self.house(party)?;
            house.desk()?.charter(house.keys(), channel.clone(), rule).await?;
        }
        Ok(channel)
    }
}
