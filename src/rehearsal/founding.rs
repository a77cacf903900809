//! Founds one ministry as its people would: the offline root, the gateway's home and the desk's home, every
//! key made where it is used and certified by request.
//!
//! ```text
//! DIRECTORY/root      MinistryHome
//! DIRECTORY/gateway   GatewayHome
//! DIRECTORY/desk      DeskHome
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use crate::entropy::Entropy;
use crate::keys::Passphrase;
use crate::keys::authority::DESK_VALIDITY;
use crate::keys::home::desk::{self, DeskHome, DeskPlan};
use crate::keys::home::enrolment::Enrolment;
use crate::keys::home::gateway::{GatewayHome, GatewayPlan};
use crate::keys::ministry::{Founding, MinistryHome};
use crate::keys::secret_file;
use crate::rehearsal::RehearsalFault;
use crate::time::Timestamp;
use crate::trust::endpoint::Endpoint;
use crate::trust::name::{Authority, Label};

/// What is to be founded, and where it is to listen.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Who the ministry is.
    pub founding: Founding,
    /// Address of the relay listener, `host:port`; the bundle announces it.
    pub relay: String,
    /// Address of the mailbox listener, `host:port`.
    pub mailbox: String,
    /// Where the desk looks for the mailbox; the same, unless something stands between.
    pub mailbox_seen: String,
    /// Where peers are told to reach the relay; the same, unless something stands between.
    pub relay_seen: String,
    /// Label of the desk.
    pub desk: Label,
    /// The offices of the desk and what each may do.
    pub offices: BTreeMap<Label, BTreeSet<Authority>>,
    /// How long a trust bundle is in force.
    pub valid_for: Duration,
}

impl Plan {
    /// A plan with one desk, `main`, and the offices that every act needs: `drafting-01` drafts, `legal-01` clears,
    /// `releasing-01` initials, `seal` seals, `head` concludes, `duty-01` sends protective acts alone.
    pub fn new(founding: Founding, relay: &str, mailbox: &str) -> Result<Self, RehearsalFault> {
        let label = |text: &str| Label::parse(text).map_err(RehearsalFault::unfit);
        let mut offices = BTreeMap::new();
        for (text, authorities) in [
            ("drafting-01", &[Authority::Draft][..]),
            ("legal-01", &[Authority::Clear, Authority::ClearLegal]),
            ("releasing-01", &[Authority::Release]),
            ("seal", &[Authority::Seal]),
            ("head", &[Authority::Conclude]),
            ("duty-01", &[Authority::ReleaseProtective]),
        ] {
            offices.insert(label(text)?, authorities.iter().copied().collect());
        }
        Ok(Self {
            founding,
            relay: relay.to_owned(),
            mailbox: mailbox.to_owned(),
            mailbox_seen: mailbox.to_owned(),
            relay_seen: relay.to_owned(),
            desk: label("main")?,
            offices,
            valid_for: DESK_VALIDITY,
        })
    }

    fn gateway(&self) -> Result<GatewayPlan, RehearsalFault> {
        Ok(GatewayPlan {
            ministry: self.founding.ministry.clone(),
            domain: self.founding.domain.clone(),
            relay_listen: self.relay.clone(),
            mailbox_listen: self.mailbox.clone(),
            endpoints: vec![Endpoint::parse(&self.relay_seen).map_err(RehearsalFault::unfit)?],
        })
    }

    fn desk(&self) -> DeskPlan {
        DeskPlan {
            ministry: self.founding.ministry.clone(),
            domain: self.founding.domain.clone(),
            label: self.desk.clone(),
            gateway: self.mailbox_seen.clone(),
            offices: self.offices.clone(),
        }
    }
}

/// The homes of one ministry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Homes {
    /// The offline root.
    pub root: std::path::PathBuf,
    /// The gateway.
    pub gateway: GatewayHome,
    /// The desk.
    pub desk: DeskHome,
}

impl Homes {
    /// The homes below a directory.
    pub fn below(directory: &Path) -> Self {
        Self {
            root: directory.join("root"),
            gateway: GatewayHome::at(&directory.join("gateway")),
            desk: DeskHome::at(&directory.join("desk")),
        }
    }

    /// Founds a ministry below a directory: makes all keys and certifies them. Its bundle comes later.
    pub fn found(
        directory: &Path,
        plan: &Plan,
        passphrase: &Passphrase,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<Self, RehearsalFault> {
        let homes = Self::below(directory);
        let root = MinistryHome::found(&homes.root, plan.founding.clone(), passphrase, now, entropy)?;
        homes.gateway.found(&plan.gateway()?, entropy)?;
        homes.desk.found(&plan.desk(), passphrase, entropy)?;
        homes.certify(&root, false, now, entropy)?;
        Ok(homes)
    }

    /// Certifies all keys of gateway and desk; with `renew`, again.
    pub fn certify(
        &self,
        root: &MinistryHome,
        renew: bool,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<(), RehearsalFault> {
        for home in [self.gateway.directory(), self.desk.directory()] {
            Enrolment::read(home)?.enrol(home, root, renew, now, entropy)?;
        }
        Ok(())
    }

    /// Writes the configurations of homes that are to listen elsewhere.
    pub fn configure(&self, plan: &Plan) -> Result<(), RehearsalFault> {
        self.gateway.configure(&plan.gateway()?)?;
        // Several gateways share one disk, and none of them is to be kept: small reserves do.
        let path = self.gateway.config();
        let text = std::fs::read_to_string(&path).map_err(RehearsalFault::unfit)?;
        secret_file::replace(&path, format!("{text}\n{SMALL_RESERVES}").as_bytes())?;
        let text = desk::config_text(&plan.desk());
        Ok(secret_file::replace(&self.desk.config(), text.as_bytes())?)
    }
}

const SMALL_RESERVES: &str = "[store]\nballast_mib = 1\nfloor_mib = 16\n";
