//! The register of a ministry home: what was issued, what was revoked, and how far its bundles have come.
//!
//! One JSON file, replaced whole under a lock. A certificate is entered before it is handed out, so that
//! whatever exists can be revoked.

use std::fs::File;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::branch::{Branch, Serial};
use super::error::KeyError;
use super::revocation::{Revocation, RevocationReason};
use super::secret_file;
use crate::digest::Digest;
use crate::time::Timestamp;
use crate::trust::name::{Domain, Ministry, Name};

/// The register as it stands in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Register {
    pub(super) ministry: Ministry,
    pub(super) display_name: String,
    pub(super) domain: Domain,
    pub(super) bundles: Option<(u64, Digest)>,
    pub(super) revocation_lists: u64,
    pub(super) issued: Vec<IssuedRecord>,
}

/// A certificate that was issued, and whether it was revoked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuedRecord {
    /// Its serial number.
    pub serial: Serial,
    /// Whose key it certifies.
    pub name: Name,
    /// When it was issued.
    pub issued: Timestamp,
    /// Until when it is valid.
    pub not_after: Timestamp,
    /// Its revocation.
    pub revocation: Option<Revocation>,
}

impl IssuedRecord {
    /// The authority that issued it.
    pub fn branch(&self) -> Branch {
        Branch::of(&self.name)
    }
}

/// Where the next trust bundle stands in the chain of the ministry's bundles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BundlePosition {
    /// Its sequence number.
    pub sequence: u64,
    /// Digest of the bundle before it; the first has none.
    pub previous: Option<Digest>,
}

impl Register {
    /// Name of the file in a home.
    pub(super) const FILE: &'static str = "register.json";

    /// Where the next bundle stands.
    pub(super) fn next_bundle(&self) -> BundlePosition {
        match self.bundles {
            None => BundlePosition { sequence: 1, previous: None },
            Some((last, digest)) => {
                BundlePosition { sequence: last.saturating_add(1), previous: Some(digest) }
            }
        }
    }

    /// Reads the register in `directory`.
    pub(super) fn read(directory: &Path) -> Result<Self, KeyError> {
        let path = path_in(directory);
        let bytes = secret_file::read_public(&path, REGISTER_BYTES_MAX)?;
        let stored: Option<StoredRegister> = serde_json::from_slice(&bytes).ok();
        stored.and_then(StoredRegister::read).ok_or_else(|| KeyError::malformed(&path, REGISTER))
    }

    /// Writes the first register of a home.
    pub(super) fn create(&self, directory: &Path) -> Result<(), KeyError> {
        secret_file::create(&directory.join(LOCK_FILE), b"")?;
        secret_file::create(&path_in(directory), &self.to_json(directory)?)
    }

    /// Reads the register, lets `change` alter it and writes it, while nobody else does the same. Nothing
    /// is written if `change` fails.
    pub(super) fn update<T, E: From<KeyError>>(
        directory: &Path,
        change: impl FnOnce(&mut Self) -> Result<T, E>,
    ) -> Result<T, E> {
        let lock_path = directory.join(LOCK_FILE);
        let lock = File::open(&lock_path).map_err(|error| KeyError::io(&lock_path, error))?;
        lock.lock().map_err(|error| KeyError::io(&lock_path, error))?;
        let mut register = Self::read(directory)?;
        let outcome = change(&mut register)?;
        secret_file::replace(&path_in(directory), &register.to_json(directory)?)?;
        Ok(outcome)
    }

    fn to_json(&self, directory: &Path) -> Result<Vec<u8>, KeyError> {
        let stored = StoredRegister::write(self);
        let mut json = serde_json::to_vec_pretty(&stored)
            .map_err(|_| KeyError::malformed(&path_in(directory), REGISTER))?;
        json.push(b'\n');
        Ok(json)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredRegister {
    schema: String,
    ministry: String,
    display_name: String,
    domain: String,
    bundle_sequence: u64,
    bundle_digest: Option<String>,
    revocation_lists: u64,
    issued: Vec<StoredRecord>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredRecord {
    serial: String,
    name: String,
    issued_time: i64,
    not_after_time: i64,
    revocation: Option<StoredRevocation>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredRevocation {
    revoked_time: i64,
    invalid_since_time: Option<i64>,
    reason: String,
}

impl StoredRegister {
    fn write(register: &Register) -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            ministry: register.ministry.to_string(),
            display_name: register.display_name.clone(),
            domain: register.domain.to_string(),
            bundle_sequence: register.bundles.map_or(0, |(sequence, _)| sequence),
            bundle_digest: register.bundles.map(|(_, digest)| digest.hex()),
            revocation_lists: register.revocation_lists,
            issued: register.issued.iter().map(StoredRecord::write).collect(),
        }
    }

    fn read(self) -> Option<Register> {
        let bundles = match (self.bundle_sequence, self.bundle_digest) {
            (0, None) => None,
            (1.., Some(digest)) => Some((self.bundle_sequence, Digest::parse(&digest).ok()?)),
            _ => return None,
        };
        let issued: Option<Vec<_>> = self.issued.into_iter().map(StoredRecord::read).collect();
        (self.schema == SCHEMA).then_some(())?;
        Some(Register {
            ministry: Ministry::parse(&self.ministry).ok()?,
            display_name: self.display_name,
            domain: Domain::parse(&self.domain).ok()?,
            bundles,
            revocation_lists: self.revocation_lists,
            issued: issued?,
        })
    }
}

impl StoredRecord {
    fn write(record: &IssuedRecord) -> Self {
        Self {
            serial: record.serial.to_string(),
            name: record.name.to_string(),
            issued_time: record.issued.seconds(),
            not_after_time: record.not_after.seconds(),
            revocation: record.revocation.map(|revocation| StoredRevocation {
                revoked_time: revocation.revoked.seconds(),
                invalid_since_time: revocation.invalid_since.map(Timestamp::seconds),
                reason: revocation.reason.word().to_owned(),
            }),
        }
    }

    fn read(self) -> Option<IssuedRecord> {
        let serial = Serial::parse(&self.serial)?;
        let revocation = match self.revocation {
            None => None,
            Some(stored) => Some(Revocation {
                serial,
                revoked: Timestamp::from_seconds(stored.revoked_time),
                invalid_since: stored.invalid_since_time.map(Timestamp::from_seconds),
                reason: RevocationReason::from_word(&stored.reason)?,
            }),
        };
        Some(IssuedRecord {
            serial,
            name: Name::parse(&self.name).ok()?,
            issued: Timestamp::from_seconds(self.issued_time),
            not_after: Timestamp::from_seconds(self.not_after_time),
            revocation,
        })
    }
}

fn path_in(directory: &Path) -> PathBuf {
    directory.join(Register::FILE)
}

const LOCK_FILE: &str = "register.lock";
const SCHEMA: &str = "chancery.ministry-register/1";
const REGISTER: &str = "the register of a ministry home";

/// Decades of certificates: a record takes about 300 bytes.
const REGISTER_BYTES_MAX: usize = 16 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn register() -> Register {
        let serial = Serial::parse("40000000000000000000000000000001").unwrap();
        Register {
            ministry: Ministry::parse("XA").unwrap(),
            display_name: "Міністерство закордонних справ".to_owned(),
            domain: Domain::parse("mfa.xa.example").unwrap(),
            bundles: Some((3, Digest::of(b"bundle"))),
            revocation_lists: 2,
            issued: vec![IssuedRecord {
                serial,
                name: Name::parse("chancery://XA/office/one").unwrap(),
                issued: Timestamp::from_seconds(10),
                not_after: Timestamp::from_seconds(20),
                revocation: Some(Revocation {
                    serial,
                    revoked: Timestamp::from_seconds(15),
                    invalid_since: Some(Timestamp::from_seconds(12)),
                    reason: RevocationReason::KeyCompromise,
                }),
            }],
        }
    }

    #[test]
    fn a_register_comes_back_as_it_was_written() {
        let directory = tempfile::tempdir().unwrap();
        register().create(directory.path()).unwrap();
        assert_eq!(Register::read(directory.path()).unwrap(), register());
        let next = register().next_bundle();
        assert_eq!(next, BundlePosition { sequence: 4, previous: Some(Digest::of(b"bundle")) });
    }

    #[test]
    fn a_change_that_fails_leaves_the_register_as_it_was() {
        let directory = tempfile::tempdir().unwrap();
        register().create(directory.path()).unwrap();
        let failed = Register::update(directory.path(), |register| {
            register.revocation_lists = 99;
            Err::<(), _>(KeyError::NotFound(PathBuf::new()))
        });
        assert!(failed.is_err());
        assert_eq!(Register::read(directory.path()).unwrap(), register());
    }

    #[test]
    fn changes_made_at_the_same_time_are_all_kept() {
        let directory = tempfile::tempdir().unwrap();
        register().create(directory.path()).unwrap();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    Register::update(directory.path(), |register| {
                        register.revocation_lists += 1;
                        Ok::<_, KeyError>(())
                    })
                    .unwrap();
                });
            }
        });
        assert_eq!(Register::read(directory.path()).unwrap().revocation_lists, 10);
    }

    #[test]
    fn unknown_fields_and_other_schemas_are_refused() {
        let directory = tempfile::tempdir().unwrap();
        register().create(directory.path()).unwrap();
        let path = path_in(directory.path());
        let good = std::fs::read_to_string(&path).unwrap();
        for bad in [
            good.replace("register/1", "register/2"),
            good.replace("\"domain\"", "\"more\": 1, \"domain\""),
            good.replace("\"bundle_sequence\": 3", "\"bundle_sequence\": 0"),
            String::new(),
        ] {
            assert_ne!(bad, good);
            secret_file::replace(&path, bad.as_bytes()).unwrap();
            assert_eq!(Register::read(directory.path()).unwrap_err().reason(), "KEY_FILE_MALFORMED");
        }
    }
}
