//! What restoring leaves in the home of a gateway, for its first start: of when the backup is, and what its operator
//! has said of the desks that are let in no more. The copy knows none that was revoked since, so nothing is restored
//! before somebody has said it.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer};

use super::BackupError;
use crate::digest::Digest;
use crate::keys::home::gateway::GatewayHome;
use crate::keys::secret_file;
use crate::limits;
use crate::time::Timestamp;
use crate::trust::anchor::Anchors;
use crate::trust::name::Ministry;
use crate::trust::revocation::RevocationList;

/// What the operator has said of desks that were revoked since the backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Desks {
    /// The newest list of the root was brought: SHA-256 of its DER.
    Listed(Digest),
    /// None was revoked since.
    NoneRevoked,
}

impl fmt::Display for Desks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listed(digest) => write!(f, "desks-listed {}", digest.hex()),
            Self::NoneRevoked => f.write_str("no-desk-revoked"),
        }
    }
}

/// The note in the home of a gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RestoredNote {
    /// When the backup was made.
    pub made: Timestamp,
    /// Which desks are let in.
    pub desks: Desks,
}

impl RestoredNote {
    /// Reads a note; none where it does not say all that it must.
    pub fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let made = Timestamp::parse(lines.next()?.trim())?;
        let said = lines.next()?.trim();
        let desks = match said.strip_prefix("desks-listed ") {
            Some(hex) => {
                let bytes = data_encoding::HEXLOWER.decode(hex.as_bytes()).ok()?;
                Desks::Listed(Digest::from_slice(&bytes).ok()?)
            }
            None if said == Desks::NoneRevoked.to_string() => Desks::NoneRevoked,
            None => return None,
        };
        Some(Self { made, desks })
    }
}

/// Puts the list of desks that was brought (PEM) in the place of that of a gateway's home which is being restored. It
/// must be of its desk-access authority, no older than the one that came out of the backup, and name all whom that one
/// names.
pub fn bring_desk_list(
    home: &Path,
    ministry: &str,
    brought: &[u8],
    now: Timestamp,
) -> Result<Desks, BackupError> {
    let places = GatewayHome::at(home);
    let refused = |why: &str| BackupError::DeskList(why.to_owned());
    let anchors = anchors(&places, ministry)?;
    let read = |pem: &[u8]| {
        let list = CertificateRevocationListDer::from_pem_slice(pem).ok()?;
        anchors.newer_lists(&[list.to_vec()], now.after(limits::CLOCK_SKEW_MAX)).pop()
    };
    let list = read(brought).ok_or_else(|| {
        refused("the desk-access authority did not sign this list, or did so in the future")
    })?;
    let copied = secret_file::read_public(&places.desk_list(), limits::DESK_LIST_BYTES_MAX).ok();
    if let Some(copied) = copied.and_then(|pem| read(&pem)) {
        let named: BTreeSet<String> = list.serials().into_iter().collect();
        if copied.this_update() > list.this_update() {
            return Err(refused("the backup holds a newer one"));
        }
        if copied.serials().iter().any(|serial| !named.contains(serial)) {
            return Err(refused("it lacks a certificate that the list in the backup revokes"));
        }
    }
    secret_file::replace(&places.desk_list(), brought)?;
    Ok(Desks::Listed(digest(&list)))
}

fn digest(list: &RevocationList) -> Digest {
    Digest::of(list.der())
}

fn anchors(places: &GatewayHome, ministry: &str) -> Result<Anchors, BackupError> {
    let malformed = BackupError::Malformed("it does not hold the authorities of its gateway");
    let certificate = |path: &Path| CertificateDer::from_pem_file(path).map(|found| found.to_vec()).ok();
    let ministry = Ministry::parse(ministry).ok();
    match (ministry, certificate(&places.root()), certificate(&places.desk_access())) {
        (Some(ministry), Some(root), Some(desk_access)) => {
            Anchors::new(ministry, &root, &[desk_access], &[]).map_err(|_| malformed)
        }
        _ => Err(malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_that_does_not_say_which_desks_are_let_in_is_none() {
        let made = Timestamp::parse("2026-11-23T09:40:49Z").unwrap();
        for desks in [Desks::NoneRevoked, Desks::Listed(Digest::of(b"list"))] {
            let note = RestoredNote { made, desks };
            assert_eq!(RestoredNote::parse(&format!("{made}\n{desks}\n")), Some(note));
        }
        for text in ["", "2026-11-23T09:40:49Z", "2026-11-23T09:40:49Z\nyes\n", "then\nno-desk-revoked"] {
            assert_eq!(RestoredNote::parse(text), None, "{text}");
        }
        assert_eq!(RestoredNote::parse(&format!("{made}\ndesks-listed ff")), None);
    }
}
