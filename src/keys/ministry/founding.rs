//! Founding a ministry: its keys, its authorities and its register, laid out once.

use std::collections::BTreeSet;
use std::path::Path;

use super::{HomeError, MinistryHome, TRUST};
use crate::entropy::Entropy;
use crate::keys::authority::{BRANCH_VALIDITY, CertificateAuthority, Grant, certificate_pem};
use crate::keys::branch::Branch;
use crate::keys::error::KeyError;
use crate::keys::passphrase::Passphrase;
use crate::keys::private_key::PrivateKey;
use crate::keys::register::{IssuedRecord, Register};
use crate::keys::{file, home, secret_file};
use crate::time::Timestamp;
use crate::trust::name::{Domain, Ministry, Name};

/// Who a ministry is; fixed when it is founded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Founding {
    /// Its code.
    pub ministry: Ministry,
    /// Its name for people.
    pub display_name: String,
    /// The domain that prefixes its log origins.
    pub domain: Domain,
}

impl MinistryHome {
    /// Founds a ministry in a directory that does not exist yet or is empty.
    pub fn found(
        directory: &Path,
        founding: Founding,
        passphrase: &Passphrase,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<Self, HomeError> {
        if !(1..=crate::limits::SHORT_TEXT_BYTES_MAX).contains(&founding.display_name.len()) {
            return Err(HomeError::DisplayName);
        }
        home::found(directory, Register::FILE, |passing| {
            lay_out(passing, &founding, passphrase, now, entropy)
        })?;
        Ok(Self { directory: directory.to_owned(), passphrase: passphrase.clone(), founding })
    }
}

/// Makes every key and certificate of a new ministry and writes them into an empty directory.
fn lay_out(
    directory: &Path,
    founding: &Founding,
    passphrase: &Passphrase,
    now: Timestamp,
    entropy: &dyn Entropy,
) -> Result<(), HomeError> {
    let root = CertificateAuthority::root(&founding.ministry, now, entropy)?;
    let save = |stem: &str, key: &PrivateKey, certificate: &[u8]| -> Result<(), KeyError> {
        file::save_protected(&directory.join(format!("{stem}.key")), key, passphrase, entropy)?;
        secret_file::create(&directory.join(format!("{stem}.pem")), certificate_pem(certificate).as_bytes())
    };
    for branch in [Branch::Transport, Branch::Desk, Branch::DeskAccess] {
        let authority = root.found(branch, now, entropy)?;
        save(branch.word(), authority.key(), authority.certificate())?;
    }
    let name = Name::Trust { ministry: founding.ministry.clone() };
    let trust = PrivateKey::new_signing()?;
    let grant = Grant {
        name: &name,
        authorities: &BTreeSet::new(),
        roles: &BTreeSet::new(),
        domain: &founding.domain,
        valid_for: BRANCH_VALIDITY,
    };
    let issued = root.certify(trust.public_key(), &grant, now, entropy)?;
    save(TRUST, &trust, &issued.der)?;
    save(Branch::Root.word(), root.key(), root.certificate())?;
    let record = IssuedRecord {
        serial: issued.serial,
        name,
        issued: now,
        not_after: issued.not_after,
        revocation: None,
    };
    let register = Register {
        ministry: founding.ministry.clone(),
        display_name: founding.display_name.clone(),
        domain: founding.domain.clone(),
        bundles: None,
        revocation_lists: 0,
        issued: vec![record],
    };
    Ok(register.create(directory)?)
}
