//! `KeyError`: why a key, a passphrase or a certificate in a file could not be used or written.

use std::io;
use std::path::{Path, PathBuf};

use crate::entropy::NoEntropy;

/// A key file could not be used or written. Where a person can mend it, the message says how.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Something stands where a new file was to be written; it was left as it is.
    #[error("{} exists already and was left as it is", .0.display())]
    AlreadyExists(PathBuf),
    /// The certificate was issued for another key.
    #[error("the certificate in {} is not for the key in {}", certificate.display(), key.display())]
    CertificateMismatch {
        /// File of the key.
        key: PathBuf,
        /// File of the certificate.
        certificate: PathBuf,
    },
    /// No random bytes.
    #[error(transparent)]
    Entropy(#[from] NoEntropy),
    /// The operating system refused to read or write.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// Readable, but not what belongs there.
    #[error("{} is not {expected}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What was expected there.
        expected: &'static str,
    },
    /// Nothing there.
    #[error("{} does not exist", .0.display())]
    NotFound(PathBuf),
    /// A key without a passphrase where only protected keys are used.
    #[error("{} is not protected by a passphrase", .0.display())]
    NotProtected(PathBuf),
    /// Others than the owner may read or write a secret.
    #[error("{} is open to others than its owner; close it with: {command}", path.display())]
    OpenToOthers {
        /// The file.
        path: PathBuf,
        /// The exact command that mends it.
        command: String,
    },
    /// A protected key where a program must read it unattended.
    #[error("{} is protected by a passphrase, but is to be opened without one", .0.display())]
    Protected(PathBuf),
    /// The passphrase does not open the file.
    #[error("the passphrase does not open {}", .0.display())]
    WrongPassphrase(PathBuf),
}

impl KeyError {
    /// The stable code of this refusal.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::AlreadyExists(_) => "KEY_ALREADY_EXISTS",
            Self::CertificateMismatch { .. } => "KEY_CERTIFICATE_MISMATCH",
            Self::Entropy(_) => "KEY_NO_ENTROPY",
            Self::Io { .. } => "KEY_FILE_UNAVAILABLE",
            Self::Malformed { .. } => "KEY_FILE_MALFORMED",
            Self::NotFound(_) => "KEY_NOT_FOUND",
            Self::NotProtected(_) => "KEY_NOT_PROTECTED",
            Self::OpenToOthers { .. } => "KEY_OPEN_TO_OTHERS",
            Self::Protected(_) => "KEY_PROTECTED",
            Self::WrongPassphrase(_) => "KEY_WRONG_PASSPHRASE",
        }
    }

    /// Sorts what the operating system said about `path`.
    pub(super) fn io(path: &Path, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::NotFound => Self::NotFound(path.to_owned()),
            io::ErrorKind::AlreadyExists => Self::AlreadyExists(path.to_owned()),
            _ => Self::Io { path: path.to_owned(), source },
        }
    }

    pub(super) fn malformed(path: &Path, expected: &'static str) -> Self {
        Self::Malformed { path: path.to_owned(), expected }
    }
}
