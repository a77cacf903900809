//! `RotationRefusal`: why a key was not rotated. What was in use stays in use.

use crate::keys::error::KeyError;
use crate::keys::ministry::HomeError;
use crate::keys::private_key::PrivateKeyRefusal;
use crate::trust::chain::ChainRefusal;
use crate::trust::name::Name;

/// Why a key was not rotated.
#[derive(Debug, thiserror::Error)]
pub enum RotationRefusal {
    /// The next key is there already.
    #[error("the next key of {0} is made already")]
    AlreadyBegun(String),
    /// No believed authority vouches for the certificate now.
    #[error("the certificate is not believed: {0}")]
    Chain(#[from] ChainRefusal),
    /// A home or its files could not be used.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// The key in use has no certificate yet, so there is nothing to be continued.
    #[error("{0} was never certified: enrol it first")]
    NeverCertified(String),
    /// A certificate must come first.
    #[error("the next key of {0} waits for its certificate")]
    NeedsCertificate(String),
    /// Nobody certifies such a key.
    #[error("{0} carries no certificate")]
    NeedsNoCertificate(String),
    /// There is no next key.
    #[error("no rotation of {0} is under way")]
    NotBegun(String),
    /// What was given is no chain of certificates.
    #[error("the file holds no chain of certificates (PEM), leaf first")]
    NoChain,
    /// The certificate gives other authorities than the one in use: a rotation changes the key and nothing else.
    #[error("the certificate gives {found}, and the one in use gives {expected}")]
    OtherAuthorities {
        /// What it gives.
        found: String,
        /// What the one in use gives.
        expected: String,
    },
    /// Another authority has issued it than the one in use: peers may not know it.
    #[error("another authority has issued the certificate than the one in use")]
    OtherIssuer,
    /// The certificate is for another key.
    #[error("the certificate is not for the next key of {0}")]
    OtherKey(String),
    /// The certificate names somebody else.
    #[error("the certificate names {found}, and the key is that of {expected}")]
    OtherName {
        /// Whom it names.
        found: Name,
        /// Whose key it is.
        expected: Name,
    },
    /// A passphrase is needed and was not given.
    #[error("the key opens with a passphrase only")]
    PassphraseNeeded,
    /// The switch has begun and cannot be undone.
    #[error("switching over to the next key of {0} was cut short")]
    Switching(String),
    /// No such key.
    #[error("there is no key {0:?} here")]
    Unknown(String),
}

impl RotationRefusal {
    /// The stable code of this refusal.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::AlreadyBegun(_) => "ROTATION_BEGUN",
            Self::Chain(refusal) => refusal.reason(),
            Self::Home(refusal) => refusal.reason(),
            Self::NeverCertified(_) => "ROTATION_NEVER_CERTIFIED",
            Self::NeedsCertificate(_) => "ROTATION_NEEDS_CERTIFICATE",
            Self::NeedsNoCertificate(_) => "ROTATION_NEEDS_NO_CERTIFICATE",
            Self::NotBegun(_) => "ROTATION_NOT_BEGUN",
            Self::NoChain => "CERTIFICATE_UNREADABLE",
            Self::OtherAuthorities { .. } => "ROTATION_OTHER_AUTHORITIES",
            Self::OtherIssuer => "ROTATION_OTHER_ISSUER",
            Self::OtherKey(_) => "ROTATION_OTHER_KEY",
            Self::OtherName { .. } => "ROTATION_OTHER_NAME",
            Self::PassphraseNeeded => "KEY_PROTECTED",
            Self::Switching(_) => "ROTATION_SWITCHING",
            Self::Unknown(_) => "KEY_UNKNOWN",
        }
    }
}

impl From<KeyError> for RotationRefusal {
    fn from(error: KeyError) -> Self {
        Self::Home(HomeError::Key(error))
    }
}

impl From<PrivateKeyRefusal> for RotationRefusal {
    fn from(refusal: PrivateKeyRefusal) -> Self {
        Self::Home(HomeError::from(refusal))
    }
}
