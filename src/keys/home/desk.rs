//! `DeskHome`: how the home of a desk is founded. The places in it are those `desk::config` reads.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::enrolment::{Enrolment, HomeKind, Requested};
use super::{found, make_directory, quoted};
use crate::entropy::Entropy;
use crate::keys::file;
use crate::keys::generate;
use crate::keys::ministry::HomeError;
use crate::keys::passphrase::Passphrase;
use crate::keys::reading::save_reading_key;
use crate::keys::request::certificate_request;
use crate::keys::secret_file;
use crate::trust::name::{Authority, Domain, Label, Ministry, Name};

/// The places of a desk's home.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeskHome {
    directory: PathBuf,
}

/// What a new desk is to be.
#[derive(Debug, Clone)]
pub struct DeskPlan {
    /// The ministry it belongs to.
    pub ministry: Ministry,
    /// Domain of the ministry.
    pub domain: Domain,
    /// Which of its desks.
    pub label: Label,
    /// Mailbox listener of the own gateway, `host:port`.
    pub gateway: String,
    /// The offices that sign here, and what they may do.
    pub offices: BTreeMap<Label, BTreeSet<Authority>>,
}

impl DeskHome {
    /// Name of the configuration file.
    pub const CONFIG: &'static str = "desk.toml";

    /// The home in this directory, which need not exist.
    pub fn at(directory: &Path) -> Self {
        Self { directory: directory.to_owned() }
    }

    /// Founds a desk in a directory that does not exist yet or is empty: new keys under the passphrase,
    /// requests for their certificates, a reading key, and the configuration.
    pub fn found(
        &self,
        plan: &DeskPlan,
        passphrase: &Passphrase,
        entropy: &dyn Entropy,
    ) -> Result<(), HomeError> {
        found(&self.directory, Self::CONFIG, |directory| {
            Self::at(directory).lay_out(plan, passphrase, entropy)
        })
    }

    fn lay_out(
        &self,
        plan: &DeskPlan,
        passphrase: &Passphrase,
        entropy: &dyn Entropy,
    ) -> Result<(), HomeError> {
        for folder in ["keys/offices", "trust/peers"] {
            make_directory(&self.directory.join(folder))?;
        }
        let requests = requests(plan);
        for requested in &requests {
            let key = generate::signing_key()?;
            let request = certificate_request(&key, &requested.name)?;
            file::save_protected(&requested.place(&self.directory, "key"), &key, passphrase, entropy)?;
            secret_file::create(&requested.place(&self.directory, "csr"), request.as_bytes())?;
        }
        let reading = generate::reading_key(entropy)?;
        save_reading_key(&self.reading_key(), &reading, passphrase, entropy)?;
        let recipient = format!("{}\n", reading.recipient());
        secret_file::create(&self.reading_recipient(), recipient.as_bytes())?;
        let enrolment = Enrolment {
            kind: HomeKind::Desk,
            ministry: plan.ministry.clone(),
            domain: plan.domain.clone(),
            requests,
        };
        enrolment.create(&self.directory)?;
        secret_file::create(&self.config(), config_text(plan).as_bytes())?;
        Ok(())
    }

    /// Makes the key of one more office, under a passphrase of its own, with the request for its certificate.
    pub fn add_office(
        &self,
        label: &Label,
        authorities: &BTreeSet<Authority>,
        passphrase: &Passphrase,
        entropy: &dyn Entropy,
    ) -> Result<Requested, HomeError> {
        let mut enrolment = Enrolment::read(&self.directory)?;
        let name = Name::Office { ministry: enrolment.ministry.clone(), label: label.clone() };
        let requested =
            Requested { stem: format!("keys/offices/{label}"), name, authorities: authorities.clone() };
        let key = generate::signing_key()?;
        let request = certificate_request(&key, &requested.name)?;
        // Refused where the key is there already, before anything else is written.
        file::save_protected(&requested.place(&self.directory, "key"), &key, passphrase, entropy)?;
        secret_file::create(&requested.place(&self.directory, "csr"), request.as_bytes())?;
        enrolment.requests.push(requested.clone());
        enrolment.replace(&self.directory)?;
        Ok(requested)
    }

    /// Where this home is.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The configuration.
    pub fn config(&self) -> PathBuf {
        self.directory.join(Self::CONFIG)
    }

    /// The reading key (an age identity under the passphrase).
    pub fn reading_key(&self) -> PathBuf {
        self.directory.join("keys/reading.age")
    }

    /// The reading key's recipient, for the trust bundle.
    pub fn reading_recipient(&self) -> PathBuf {
        self.directory.join("keys/reading.recipient")
    }

    /// Folder of reading keys that were in use once: they open what was sealed to them then.
    pub fn retired_keys(&self) -> PathBuf {
        self.directory.join("keys/retired")
    }

    /// The own trust bundle.
    pub fn own_bundle(&self) -> PathBuf {
        self.directory.join("trust/own.bundle")
    }
}

/// The text of a commented `desk.toml`.
pub fn config_text(plan: &DeskPlan) -> String {
    format!(
        "# A desk of {ministry}: inside the ministry, with keys and plain text. Unknown keys are errors.\n\n\
         # Code of the ministry, as in its certificates.\n\
         ministry = \"{ministry}\"\n\n\
         # Domain of the ministry; its gateway must present \"gateway.\" and this.\n\
         domain = \"{domain}\"\n\n\
         # Name of this desk in its access certificate.\n\
         label = \"{label}\"\n\n\
         # Mailbox listener of the own gateway (host:port).\n\
         gateway = {gateway}\n\n\
         [accreditation]\n\
         # What is done with a bundle that an accredited peer announces later, under the same root:\n\
         # \"successors\" accredits it by itself, \"by-hand\" waits for `chancery peer update`.\n\
         follow = \"successors\"\n",
        ministry = plan.ministry,
        domain = plan.domain,
        label = plan.label,
        gateway = quoted(&plan.gateway),
    )
}

fn requests(plan: &DeskPlan) -> Vec<Requested> {
    let ministry = || plan.ministry.clone();
    let registry = Requested {
        stem: "keys/registry".to_owned(),
        name: Name::Registry { ministry: ministry() },
        authorities: [Authority::Register, Authority::Receipt].into(),
    };
    let access = Requested {
        stem: "keys/access".to_owned(),
        name: Name::Desk { ministry: ministry(), label: plan.label.clone() },
        authorities: BTreeSet::new(),
    };
    let offices = plan.offices.iter().map(|(label, authorities)| Requested {
        stem: format!("keys/offices/{label}"),
        name: Name::Office { ministry: ministry(), label: label.clone() },
        authorities: authorities.clone(),
    });
    [registry, access].into_iter().chain(offices).collect()
}
