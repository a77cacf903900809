//! `HomeError`: why a home of a ministry could not be founded, opened or used.

use std::path::PathBuf;

use crate::entropy::NoEntropy;
use crate::keys::authority::IssueRefusal;
use crate::keys::branch::Serial;
use crate::keys::error::KeyError;
use crate::keys::private_key::PrivateKeyRefusal;
use crate::keys::request::RequestRefusal;
use crate::trust::bundle::BundleFault;
use crate::trust::name::{Ministry, Name};

/// Why a home could not be founded, opened or used.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// Something stands where the home was to be founded; it was left as it is.
    #[error("{} exists already and was left as it is", .0.display())]
    AlreadyExists(PathBuf),
    /// The certificate is revoked already.
    #[error("the certificate {0} is revoked already")]
    AlreadyRevoked(Serial),
    /// The trust bundle could not be issued.
    #[error(transparent)]
    Bundle(#[from] BundleFault),
    /// The bundle is not the next of the chain.
    #[error("bundle {offered} is not the next of the ministry, which is {expected}")]
    BundleOutOfOrder {
        /// The sequence number that was offered.
        offered: u64,
        /// The one that comes next.
        expected: u64,
    },
    /// The name for people is empty or too long.
    #[error("the name for people has 1 to {} bytes", crate::limits::SHORT_TEXT_BYTES_MAX)]
    DisplayName,
    /// A certificate was refused.
    #[error(transparent)]
    Issue(#[from] IssueRefusal),
    /// A key or a file could not be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The directory holds no ministry.
    #[error("{} is not the home of a ministry", .0.display())]
    NotAHome(PathBuf),
    /// The directory holds neither a desk nor a gateway that could be enrolled.
    #[error("{} is not the home of a desk or a gateway", .0.display())]
    NothingToEnrol(PathBuf),
    /// The home was founded for another ministry.
    #[error("the home belongs to {home}, or to another domain, and cannot be enrolled by {ministry}")]
    OtherMinistry {
        /// The ministry of the home.
        home: Ministry,
        /// The ministry that was to enrol it.
        ministry: Ministry,
    },
    /// The home trusts another root already.
    #[error("{} is another root than that of this ministry", .0.display())]
    OtherRoot(PathBuf),
    /// The request names another holder than the one that was asked for.
    #[error("the request is for {requested}, not for {asked}")]
    OtherName {
        /// The name in the request.
        requested: Name,
        /// The name that was asked for.
        asked: Name,
    },
    /// The request was refused.
    #[error(transparent)]
    Request(#[from] RequestRefusal),
    /// Nothing with this serial number was issued here.
    #[error("no certificate {0} was issued here")]
    UnknownSerial(Serial),
}

impl HomeError {
    /// The stable code of this refusal.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::AlreadyExists(_) => "HOME_ALREADY_EXISTS",
            Self::AlreadyRevoked(_) => "CERTIFICATE_ALREADY_REVOKED",
            Self::Bundle(BundleFault::Content(refusal)) => refusal.reason(),
            Self::Bundle(BundleFault::Signing(_)) => "SIGNING_FAILED",
            Self::BundleOutOfOrder { .. } => "BUNDLE_OUT_OF_ORDER",
            Self::DisplayName => "DISPLAY_NAME_INVALID",
            Self::Issue(_) => "CERTIFICATE_REFUSED",
            Self::Key(refusal) => refusal.reason(),
            Self::NotAHome(_) => "HOME_NOT_FOUND",
            Self::NothingToEnrol(_) => "HOME_NOT_FOUND",
            Self::OtherMinistry { .. } => "HOME_OTHER_MINISTRY",
            Self::OtherRoot(_) => "HOME_OTHER_ROOT",
            Self::OtherName { .. } => "REQUEST_OTHER_NAME",
            Self::Request(RequestRefusal::Possession) => "REQUEST_POSSESSION_UNPROVEN",
            Self::Request(_) => "REQUEST_INVALID",
            Self::UnknownSerial(_) => "CERTIFICATE_UNKNOWN",
        }
    }
}

impl From<PrivateKeyRefusal> for HomeError {
    fn from(refusal: PrivateKeyRefusal) -> Self {
        Self::Issue(IssueRefusal::Key(refusal))
    }
}

impl From<NoEntropy> for HomeError {
    fn from(missing: NoEntropy) -> Self {
        Self::Key(KeyError::Entropy(missing))
    }
}
