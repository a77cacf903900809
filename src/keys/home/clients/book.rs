//! The book of clients: who was enrolled at a desk, for what, and who is suspended, in the order of enrolment.
//!
//! The folder of clients enters; records leave, or a new text of the book, which replaces the old one whole. Two
//! commands never write over each other: whoever changes it holds its lock. What cannot be read wholly is refused, so
//! that nobody who is suspended is forgotten.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::ClientRefusal;
use crate::digest::Digest;
use crate::keys::error::KeyError;
use crate::keys::secret_file;
use crate::time::Timestamp;
use crate::trust::name::Label;
use crate::trust::role::Role;

/// The book, in the folder of clients; there are clients where it is.
pub(super) const FILE: &str = "book.toml";

/// Held by whoever changes the book.
pub(super) const LOCK: &str = "book.lock";

/// A client takes some hundred bytes.
const BOOK_BYTES_MAX: usize = 4 * 1024 * 1024;

/// One certificate of a client, as it stands in the book.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// Which system of the ministry; its name in certificates, logs and registers.
    pub label: Label,
    /// SHA-256 of its certificate, DER.
    pub certificate: Digest,
    /// SHA-256 of its public key.
    pub key: Digest,
    /// What it may ask for, as its certificate says too.
    pub roles: BTreeSet<Role>,
    /// Labels of the offices as which it may have the desk sign; empty for every office that its roles fit.
    pub offices: BTreeSet<Label>,
    /// The certificate began then; unknown of one that an older release enrolled.
    pub valid_from: Option<Timestamp>,
    /// The certificate ends then.
    pub valid_until: Timestamp,
    /// Whether it may do nothing for now.
    pub suspended: bool,
}

/// Everybody in the book of this folder, in the order of enrolment.
pub(super) fn read(folder: &Path) -> Result<Vec<Client>, KeyError> {
    let path = folder.join(FILE);
    let bytes = secret_file::read_public(&path, BOOK_BYTES_MAX)?;
    let stored: Option<Book> = std::str::from_utf8(&bytes).ok().and_then(|text| toml::from_str(text).ok());
    let read = stored.and_then(|book| book.client.into_iter().map(Stored::read).collect());
    read.ok_or_else(|| KeyError::malformed(&path, "a book of clients (TOML)"))
}

/// Changes the book of this folder under its lock, or leaves it as it is where the change is refused.
pub(super) fn change<T>(
    folder: &Path,
    change: impl FnOnce(&mut Vec<Client>) -> Result<T, ClientRefusal>,
) -> Result<T, ClientRefusal> {
    let path = folder.join(LOCK);
    let lock = File::create(&path).map_err(|cause| KeyError::io(&path, cause))?;
    lock.lock().map_err(|cause| KeyError::io(&path, cause))?;
    let mut book = read(folder)?;
    let done = change(&mut book)?;
    secret_file::replace(&folder.join(FILE), text_of(&book).as_bytes())?;
    Ok(done)
}

/// The text of a book.
pub(super) fn text_of(clients: &[Client]) -> String {
    let book = Book { client: clients.iter().map(Stored::write).collect() };
    let body = toml::to_string(&book).unwrap_or_default();
    format!(
        "# Who may call the service of this desk. `chancery desk enrol` and `desk suspend` write it.\n\n{body}"
    )
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Book {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    client: Vec<Stored>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    label: String,
    certificate: String,
    key: String,
    roles: Vec<String>,
    offices: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    valid_from: Option<i64>,
    valid_until: i64,
    suspended: bool,
}

impl Stored {
    fn write(client: &Client) -> Self {
        Self {
            label: client.label.to_string(),
            certificate: client.certificate.hex(),
            key: client.key.hex(),
            roles: client.roles.iter().map(ToString::to_string).collect(),
            offices: client.offices.iter().map(ToString::to_string).collect(),
            valid_from: client.valid_from.map(Timestamp::seconds),
            valid_until: client.valid_until.seconds(),
            suspended: client.suspended,
        }
    }

    fn read(self) -> Option<Client> {
        let roles: Option<BTreeSet<Role>> = self.roles.iter().map(|word| Role::parse(word).ok()).collect();
        let offices: Option<BTreeSet<Label>> =
            self.offices.iter().map(|text| Label::parse(text).ok()).collect();
        Some(Client {
            label: Label::parse(&self.label).ok()?,
            certificate: Digest::parse(&self.certificate).ok()?,
            key: Digest::parse(&self.key).ok()?,
            roles: roles?,
            offices: offices?,
            valid_from: self.valid_from.map(Timestamp::from_seconds),
            valid_until: Timestamp::from_seconds(self.valid_until),
            suspended: self.suspended,
        })
    }
}
