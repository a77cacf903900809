//! `MinistryHome`: the offline directory in which a ministry keeps its root, its authorities and the key
//! that signs its trust bundles, and the acts done there by hand.
//!
//! ```text
//! root.key transport.key desk.key desk-access.key trust.key     protected by the passphrase
//! root.pem transport.pem desk.pem desk-access.pem trust.pem     their certificates
//! register.json register.lock                                   what was issued and revoked
//! ```
//! Everything is closed to others. A home appears whole or not at all, and is never overwritten. Each act
//! opens only the key it needs, and a wrong passphrase changes nothing.

mod certification;
mod error;
mod founding;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use certification::{Application, DeskCertificates, DeskEnrolment};
pub use error::HomeError;
pub use founding::Founding;

use super::authority::CertificateAuthority;
use super::branch::{Branch, Serial};
use super::error::KeyError;
use super::file::{self, FileSigner};
use super::passphrase::Passphrase;
use super::register::{BundlePosition, IssuedRecord, Register};
use super::revocation::{Issue, Revocation, RevocationReason};
use crate::digest::Digest;
use crate::time::Timestamp;

/// An opened home of a ministry.
pub struct MinistryHome {
    directory: PathBuf,
    passphrase: Passphrase,
    founding: Founding,
}

impl MinistryHome {
    /// Opens a home. The passphrase is tried when an act needs a key.
    pub fn open(directory: &Path, passphrase: &Passphrase) -> Result<Self, HomeError> {
        let register = Register::read(directory).map_err(|error| match error {
            KeyError::NotFound(_) => HomeError::NotAHome(directory.to_owned()),
            other => HomeError::Key(other),
        })?;
        let founding = Founding {
            ministry: register.ministry,
            display_name: register.display_name,
            domain: register.domain,
        };
        Ok(Self { directory: directory.to_owned(), passphrase: passphrase.clone(), founding })
    }

    /// Who the ministry is.
    pub fn founding(&self) -> &Founding {
        &self.founding
    }

    /// Certificate of one of its authorities, DER.
    pub fn certificate(&self, branch: Branch) -> Result<Vec<u8>, HomeError> {
        let path = self.certificate_path(branch.word());
        match file::read_certificates(&path)?.as_slice() {
            [certificate] => Ok(certificate.to_vec()),
            _ => Err(KeyError::malformed(&path, "one certificate (PEM)").into()),
        }
    }

    /// The key that signs trust bundles.
    pub fn trust_signer(&self) -> Result<FileSigner, HomeError> {
        let key = self.key_path(TRUST);
        Ok(FileSigner::open(&key, &self.certificate_path(TRUST), &self.passphrase)?)
    }

    /// Where the next trust bundle stands.
    pub fn next_bundle(&self) -> Result<BundlePosition, HomeError> {
        Ok(Register::read(&self.directory)?.next_bundle())
    }

    /// Notes that the bundle at `sequence` was signed; to be called before it leaves the house, so that no
    /// two bundles with one number do.
    pub fn record_bundle(&self, sequence: u64, digest: Digest) -> Result<(), HomeError> {
        Register::update(&self.directory, |register| {
            let expected = register.next_bundle().sequence;
            if sequence != expected {
                return Err(HomeError::BundleOutOfOrder { offered: sequence, expected });
            }
            register.bundles = Some((sequence, digest));
            Ok(())
        })
    }

    /// Everything that was issued here, oldest first.
    pub fn issued(&self) -> Result<Vec<IssuedRecord>, HomeError> {
        Ok(Register::read(&self.directory)?.issued)
    }

    /// Notes that a certificate is revoked; the next revocation list of its authority says so.
    pub fn revoke(
        &self,
        serial: Serial,
        reason: RevocationReason,
        invalid_since: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<(), HomeError> {
        Register::update(&self.directory, |register| {
            let mut records = register.issued.iter_mut();
            let record = records.find(|record| record.serial == serial);
            let record = record.ok_or(HomeError::UnknownSerial(serial))?;
            if record.revocation.is_some() {
                return Err(HomeError::AlreadyRevoked(serial));
            }
            record.revocation = Some(Revocation { serial, revoked: now, invalid_since, reason });
            Ok(())
        })
    }

    /// Revokes certificates of one authority and signs its list, DER, which is due for replacement at `next_update`:
    /// both or neither.
    pub fn revoke_and_list(
        &self,
        branch: Branch,
        revocations: &[Revocation],
        now: Timestamp,
        next_update: Timestamp,
    ) -> Result<Vec<u8>, HomeError> {
        let authority = self.authority(branch)?;
        Register::update(&self.directory, |register| {
            for revocation in revocations {
                let mut records = register.issued.iter_mut();
                let found = records.find(|one| one.serial == revocation.serial && one.branch() == branch);
                let record = found.ok_or(HomeError::UnknownSerial(revocation.serial))?;
                if record.revocation.is_some() {
                    return Err(HomeError::AlreadyRevoked(revocation.serial));
                }
                record.revocation = Some(*revocation);
            }
            sign_list(&authority, register, now, next_update)
        })
    }

    /// Signs the current revocation list of an authority, DER; a newer one is due after `valid_for`.
    pub fn revocation_list(
        &self,
        branch: Branch,
        now: Timestamp,
        valid_for: Duration,
    ) -> Result<Vec<u8>, HomeError> {
        let authority = self.authority(branch)?;
        Register::update(&self.directory, |register| {
            sign_list(&authority, register, now, now.after(valid_for))
        })
    }

    fn authority(&self, branch: Branch) -> Result<CertificateAuthority, HomeError> {
        let certificate = self.certificate(branch)?;
        let key = file::open_protected(&self.key_path(branch.word()), &self.passphrase)?;
        Ok(CertificateAuthority::resume(branch, &self.founding.ministry, certificate, key)?)
    }

    fn key_path(&self, stem: &str) -> PathBuf {
        self.directory.join(format!("{stem}.key"))
    }

    fn certificate_path(&self, stem: &str) -> PathBuf {
        self.directory.join(format!("{stem}.pem"))
    }
}

/// Signs the next list of an authority over everything of its own that the register says is revoked.
fn sign_list(
    authority: &CertificateAuthority,
    register: &mut Register,
    now: Timestamp,
    next_update: Timestamp,
) -> Result<Vec<u8>, HomeError> {
    register.revocation_lists = register.revocation_lists.saturating_add(1);
    let issue = Issue { number: register.revocation_lists, now, next_update };
    let records = register.issued.iter().filter(|record| record.branch() == authority.branch());
    let revocations: Vec<_> = records.filter_map(|record| record.revocation).collect();
    Ok(authority.revocation_list(&revocations, issue)?)
}

impl fmt::Debug for MinistryHome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MinistryHome")
    }
}

/// Stem of the files of the key that signs trust bundles.
const TRUST: &str = "trust";
