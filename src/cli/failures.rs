//! Failures of the rooms below as a person and a script see them: the kind, a stable word, the cause and,
//! where there is one, the command that mends it.

use super::error::{CliError, Kind};
use crate::desk;
use crate::desk::error::DeskError;
use crate::keys::KeyError;
use crate::keys::ministry::HomeError;
use crate::trust::bundle::BundleRefusal;

impl From<KeyError> for CliError {
    fn from(error: KeyError) -> Self {
        let (kind, code) = match &error {
            KeyError::AlreadyExists(_) => (Kind::NotFound, "exists"),
            KeyError::NotFound(_) => (Kind::NotFound, "not-found"),
            KeyError::WrongPassphrase(_) => (Kind::NotPermitted, "wrong-passphrase"),
            KeyError::OpenToOthers { .. } => (Kind::Usage, "key-open-to-others"),
            _ => (Kind::Failed, "key"),
        };
        let said = Self::new(kind, code, error.to_string()).reason(error.reason());
        match error {
            KeyError::OpenToOthers { command, .. } => said.hint(command),
            _ => said,
        }
    }
}

impl From<HomeError> for CliError {
    fn from(error: HomeError) -> Self {
        let reason = error.reason();
        let (kind, code) = match &error {
            HomeError::Key(_) => (Kind::Failed, "key"),
            HomeError::AlreadyExists(_) => (Kind::NotFound, "exists"),
            HomeError::NotAHome(_) | HomeError::NothingToEnrol(_) => (Kind::NotFound, "no-home"),
            HomeError::OtherMinistry { .. } => (Kind::NotPermitted, "other-ministry"),
            HomeError::OtherRoot(_) => (Kind::NotPermitted, "other-root"),
            HomeError::OtherName { .. } => (Kind::NotPermitted, "other-name"),
            HomeError::Request(_) => (Kind::Verification, "request"),
            HomeError::DisplayName => (Kind::Usage, "name"),
            HomeError::Issue(_) => (Kind::Failed, "certificate"),
            _ => (Kind::Failed, "ministry"),
        };
        match error {
            HomeError::Key(error) => error.into(),
            other => Self::new(kind, code, other.to_string()).reason(reason),
        }
    }
}

impl From<BundleRefusal> for CliError {
    fn from(refusal: BundleRefusal) -> Self {
        let (kind, code) = match &refusal {
            BundleRefusal::Fingerprint { .. } => (Kind::NotPermitted, "fingerprint"),
            BundleRefusal::NotInForce { .. } => (Kind::NotPermitted, "not-in-force"),
            _ => (Kind::Verification, "bundle"),
        };
        Self::new(kind, code, refusal.to_string()).reason(refusal.reason())
    }
}

impl From<DeskError> for CliError {
    fn from(error: DeskError) -> Self {
        let (kind, code) = match &error {
            DeskError::Forbidden(_) => (Kind::Usage, "forbidden"),
            DeskError::Config(_) => (Kind::Usage, "config"),
            DeskError::GatewayRefused { .. } => (Kind::Refused, "refused"),
            DeskError::GatewayAway(_) => (Kind::TryLater, "gateway-away"),
            DeskError::Refused(_) => (Kind::Verification, "proven-bad"),
            DeskError::NotAccredited(_) => (Kind::NotPermitted, "not-accredited"),
            DeskError::Trust(_) => (Kind::NotPermitted, "trust"),
            DeskError::NoSuchMessage(_) => (Kind::NotFound, "no-message"),
            DeskError::Ambiguous { .. } => (Kind::Usage, "ambiguous"),
            DeskError::NoOffice(_) => (Kind::NotPermitted, "no-office"),
            DeskError::Draft(_) => (Kind::Usage, "draft"),
            _ => (Kind::Failed, "desk"),
        };
        let said = Self::new(kind, code, error.to_string());
        match error {
            DeskError::Key(error) => error.into(),
            DeskError::GatewayRefused { reason, .. } => said.reason(reason),
            DeskError::Refused(refusal) => said.reason(refusal.reason().word()),
            DeskError::Config(desk::config::ConfigError::Unreadable { path, cause })
                if cause.kind() == std::io::ErrorKind::NotFound =>
            {
                let message = format!("there is no desk here: {} does not exist", path.display());
                Self::new(Kind::NotFound, "no-home", message).hint("chancery --home DIR init desk --help")
            }
            _ => said,
        }
    }
}
