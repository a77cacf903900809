//! Lays out the three homes of one ministry as its people would: the offline root, the gateway's home and the
//! desk's home, every key made where it is used and certified by request.
//!
//! ```text
//! DIRECTORY/root      MinistryHome
//! DIRECTORY/gateway   gateway.toml keys/ trust/ data/ run/
//! DIRECTORY/desk      desk.toml keys/ trust/ register.db
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::entropy::Entropy;
use crate::keys::authority::{DESK_VALIDITY, certificate_pem};
use crate::keys::branch::Branch;
use crate::keys::home::desk::{self, DeskHome, DeskPlan};
use crate::keys::home::gateway::{self, GatewayHome, GatewayPlan};
use crate::keys::ministry::{Application, DeskEnrolment, Founding, MinistryHome};
use crate::keys::request::certificate_request;
use crate::keys::{Passphrase, PrivateKey, file, generate, save_reading_key, secret_file};
use crate::rehearsal::RehearsalFault;
use crate::time::Timestamp;
use crate::trust::name::{Authority, Label, Name};

/// What is to be founded, and where it is to listen.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Who the ministry is.
    pub founding: Founding,
    /// Address of the relay listener, `host:port`; its bundle announces it.
    pub relay: String,
    /// Address of the mailbox listener.
    pub mailbox: String,
    /// Label of the desk.
    pub desk: Label,
    /// The offices of the desk and what each may do.
    pub offices: Vec<(Label, BTreeSet<Authority>)>,
    /// How long the certificates are valid.
    pub valid_for: Duration,
}

impl Plan {
    /// A plan with one desk, `main`, and the offices that every form of message needs: `releasing-01`
    /// initials, `seal` seals, `head` concludes.
    pub fn new(founding: Founding, relay: &str, mailbox: &str) -> Result<Self, RehearsalFault> {
        let label = |text: &str| Label::parse(text).map_err(RehearsalFault::unfit);
        let office = |text: &str, authority| Ok((label(text)?, BTreeSet::from([authority])));
        Ok(Self {
            founding,
            relay: relay.to_owned(),
            mailbox: mailbox.to_owned(),
            desk: label("main")?,
            offices: [
                ("releasing-01", Authority::Release),
                ("seal", Authority::Seal),
                ("head", Authority::Conclude),
            ]
            .into_iter()
            .map(|(text, authority)| office(text, authority))
            .collect::<Result<_, RehearsalFault>>()?,
            valid_for: DESK_VALIDITY,
        })
    }
}

/// The homes of one ministry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Homes {
    /// The offline root.
    pub root: PathBuf,
    /// The gateway.
    pub gateway: PathBuf,
    /// The desk.
    pub desk: PathBuf,
}

impl Homes {
    /// The homes below a directory.
    pub fn below(directory: &Path) -> Self {
        Self {
            root: directory.join("root"),
            gateway: directory.join("gateway"),
            desk: directory.join("desk"),
        }
    }

    /// Founds a ministry: makes all keys and certifies them. Configurations and bundles come later.
    pub fn found(
        directory: &Path,
        plan: &Plan,
        passphrase: &Passphrase,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<Self, RehearsalFault> {
        let homes = Self::below(directory);
        let home = MinistryHome::found(&homes.root, plan.founding.clone(), passphrase, now, entropy)?;
        let founder = Founder { home: &home, plan, passphrase, now, entropy };
        founder.lay_out_gateway(&homes.gateway)?;
        founder.lay_out_desk(&homes.desk)?;
        homes.configure(plan)?;
        Ok(homes)
    }

    /// Writes the configurations, replacing those that are there.
    pub fn configure(&self, plan: &Plan) -> Result<(), RehearsalFault> {
        let Founding { ministry, domain, .. } = plan.founding.clone();
        let gateway = GatewayPlan {
            ministry: ministry.clone(),
            domain: domain.clone(),
            relay_listen: plan.relay.clone(),
            mailbox_listen: plan.mailbox.clone(),
            endpoints: Vec::new(),
        };
        let desk = DeskPlan {
            ministry,
            domain,
            label: plan.desk.clone(),
            gateway: plan.mailbox.clone(),
            offices: BTreeMap::new(),
        };
        let (gateway_home, desk_home) = (GatewayHome::at(&self.gateway), DeskHome::at(&self.desk));
        secret_file::replace(&gateway_home.config(), gateway::config_text(&gateway).as_bytes())?;
        secret_file::replace(&desk_home.config(), desk::config_text(&desk).as_bytes())?;
        Ok(())
    }
}

/// One ministry while it is being founded.
struct Founder<'a> {
    home: &'a MinistryHome,
    plan: &'a Plan,
    passphrase: &'a Passphrase,
    now: Timestamp,
    entropy: &'a dyn Entropy,
}

impl Founder<'_> {
    fn lay_out_gateway(&self, home: &Path) -> Result<(), RehearsalFault> {
        let (keys, trust) = (make(home, "keys")?, make(home, "trust")?);
        let name = Name::Gateway { ministry: self.plan.founding.ministry.clone() };
        let transport = generate::signing_key()?;
        let application = self.application(&transport, name, BTreeSet::new())?;
        let chain = self.home.certify(&application, self.now, self.entropy)?;
        file::save_plain(&keys.join("transport.key"), &transport)?;
        secret_file::create(&keys.join("transport.pem"), chain.as_bytes())?;
        for name in ["log.key", "cosigner.key"] {
            file::save_plain(&keys.join(name), &generate::log_key(self.entropy)?)?;
        }
        self.install(Branch::Root, &trust.join("root.pem"))?;
        self.install(Branch::DeskAccess, &trust.join("desk-access.pem"))
    }

    fn lay_out_desk(&self, home: &Path) -> Result<(), RehearsalFault> {
        let (keys, trust) = (make(home, "keys")?, make(home, "trust")?);
        let offices = make(&keys, "offices")?;
        make(&trust, "peers")?;
        let ministry = self.plan.founding.ministry.clone();
        let registry = (
            keys.join("registry"),
            Name::Registry { ministry: ministry.clone() },
            BTreeSet::from([Authority::Register, Authority::Receipt]),
        );
        let mut signers = vec![registry];
        for (label, authorities) in &self.plan.offices {
            let name = Name::Office { ministry: ministry.clone(), label: label.clone() };
            signers.push((offices.join(label.as_str()), name, authorities.clone()));
        }
        let mut applications = Vec::with_capacity(signers.len());
        for (path, name, authorities) in &signers {
            let key = generate::signing_key()?;
            applications.push(self.application(&key, name.clone(), authorities.clone())?);
            file::save_protected(&path.with_extension("key"), &key, self.passphrase, self.entropy)?;
        }
        let access = generate::signing_key()?;
        file::save_protected(&keys.join("access.key"), &access, self.passphrase, self.entropy)?;
        let name = Name::Desk { ministry, label: self.plan.desk.clone() };
        let enrolment = DeskEnrolment {
            label: self.plan.desk.clone(),
            access_request: certificate_request(&access, &name)?,
            signers: applications,
            valid_for: self.plan.valid_for,
        };
        let certificates = self.home.enrol_desk(&enrolment, self.now, self.entropy)?;
        secret_file::create(&keys.join("access.pem"), certificates.access.as_bytes())?;
        for ((path, ..), chain) in signers.iter().zip(&certificates.signers) {
            secret_file::create(&path.with_extension("pem"), chain.as_bytes())?;
        }
        let reading = generate::reading_key(self.entropy).map_err(RehearsalFault::unfit)?;
        save_reading_key(&keys.join("reading.age"), &reading, self.passphrase, self.entropy)?;
        let recipient = format!("{}\n", reading.recipient());
        secret_file::create(&keys.join("reading.recipient"), recipient.as_bytes())?;
        self.install(Branch::Root, &trust.join("root.pem"))
    }

    fn application(
        &self,
        key: &PrivateKey,
        name: Name,
        authorities: BTreeSet<Authority>,
    ) -> Result<Application, RehearsalFault> {
        let request = certificate_request(key, &name)?;
        Ok(Application { request, name, authorities, valid_for: self.plan.valid_for })
    }

    fn install(&self, branch: Branch, path: &Path) -> Result<(), RehearsalFault> {
        let certificate = certificate_pem(&self.home.certificate(branch)?);
        Ok(secret_file::create(path, certificate.as_bytes())?)
    }
}

fn make(parent: &Path, name: &str) -> Result<PathBuf, RehearsalFault> {
    let path = parent.join(name);
    fs::create_dir_all(&path).map_err(RehearsalFault::file(&path))?;
    Ok(path)
}
