//! Failures of the rooms below as a person and a script see them: the kind, a stable word, the cause and,
//! where there is one, the command that mends it.

use std::io;
use std::net::SocketAddr;
use std::path::Path;

use super::error::{CliError, Kind};
use super::paths;
use crate::consultation::rules::{Finding, Severity};
use crate::desk::config::ConfigError;
use crate::desk::draft::DraftRefusal;
use crate::desk::error::{DeskError, OWN_BUNDLE_OLD};
use crate::desk::mailbox::SHUT_OUT;
use crate::desk::owed::Outstanding;
use crate::desk::register::RegisterFault;
use crate::keys::KeyError;
use crate::keys::home::backup::BackupError;
use crate::keys::ministry::HomeError;
use crate::message::id::MessageId;
use crate::message::refusal::{Reason, Refusal};
use crate::message::seal::OpenError;
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
            KeyError::AlreadyExists(path) => match paths::in_the_way(&path).hint_command() {
                Some(aside) => said.hint(aside),
                None => said,
            },
            KeyError::NotFound(path) | KeyError::Malformed { path, .. } | KeyError::Io { path, .. } => {
                said.hint(paths::look_around(&path))
            }
            _ => said,
        }
    }
}

impl From<BackupError> for CliError {
    fn from(error: BackupError) -> Self {
        let reason = error.reason();
        let (kind, code) = match &error {
            BackupError::Damaged(_) | BackupError::Malformed(_) => (Kind::Verification, "backup-damaged"),
            BackupError::Database { .. } => (Kind::Verification, "backup-database"),
            BackupError::DeskList(_) => (Kind::Verification, "desk-list"),
            BackupError::DesksUnsaid => (Kind::Usage, "desks-unsaid"),
            BackupError::Open(OpenError::NotForUs) => (Kind::NotPermitted, "backup-locked"),
            BackupError::Open(OpenError::Io(_)) | BackupError::Io { .. } => (Kind::Failed, "backup-io"),
            BackupError::Open(_) => (Kind::Verification, "backup-damaged"),
            BackupError::LaterRelease(_) => (Kind::Usage, "later-release"),
            BackupError::Moved(_) => (Kind::TryLater, "backup-moved"),
            BackupError::NoHome(_) => (Kind::NotFound, "no-home"),
            BackupError::OtherMinistry { .. } => (Kind::NotPermitted, "other-ministry"),
            BackupError::Seal(_) => (Kind::Failed, "backup-seal"),
            BackupError::Home(_) => (Kind::Failed, "home"),
        };
        match error {
            BackupError::Home(error) => error.into(),
            BackupError::Open(OpenError::NotForUs) => {
                let message =
                    "what was given does not open this backup: another passphrase or --identity does";
                Self::new(kind, code, message).reason(reason)
            }
            other => Self::new(kind, code, other.to_string()).reason(reason),
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
        let said = Self::new(kind, code, error.to_string()).reason(reason);
        match error {
            HomeError::Key(error) => error.into(),
            HomeError::NotAHome(_) => said.hint("chancery init ministry --help"),
            HomeError::NothingToEnrol(_) => said.hint("chancery --home DIR init desk --help"),
            HomeError::AlreadyExists(path) => said.hint(paths::look_around(&path.join("any"))),
            _ => said,
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
        let said = |kind, code: &'static str| Self::new(kind, code, error.to_string());
        match &error {
            DeskError::Config(ConfigError::Unreadable { path, .. }) => no_desk(path),
            DeskError::Config(_) => said(Kind::Usage, "config"),
            DeskError::Register(fault) => of_register(fault),
            DeskError::Locked => said(Kind::NotPermitted, "passphrase-needed"),
            DeskError::File { path, cause } => of_file(path, cause),
            DeskError::GatewayRefused { reason, detail } => of_refusal(reason, detail),
            DeskError::GatewayAway(detail) => of_absence(detail),
            DeskError::GatewayBusy { reason, detail } => of_delay(reason, detail),
            DeskError::Busy(_) => said(Kind::TryLater, "desk-busy"),
            DeskError::PartUnreadable { .. } => said(Kind::Failed, "part-lost"),
            DeskError::Stuck { id, reason, .. } => stuck(error.to_string(), id, reason),
            DeskError::NotStuck { .. } => said(Kind::Refused, "not-stuck").hint("chancery outbox"),
            DeskError::Refused(refusal) => proven_bad(refusal),
            DeskError::NotAccredited(_) => {
                said(Kind::NotPermitted, "not-accredited").hint("chancery peer list")
            }
            DeskError::NoSuchMessage(_) => said(Kind::NotFound, "no-message").hint("chancery inbox"),
            DeskError::NotSentYet { owed, .. } => not_sent_yet(error.to_string(), owed),
            DeskError::Ambiguous { .. } => said(Kind::Usage, "ambiguous").hint("chancery inbox"),
            DeskError::NoOffice(_) => said(Kind::NotPermitted, "no-office"),
            DeskError::FourEyes => said(Kind::NotPermitted, "four-eyes").reason("ROL_01"),
            DeskError::NotAuthorised { .. } => said(Kind::NotPermitted, "not-authorised").reason("ROL_02"),
            DeskError::PersonUnknown => said(Kind::NotFound, "no-person"),
            DeskError::NoSuchAct(_) => said(Kind::NotFound, "no-act"),
            DeskError::GivenUp { .. } => said(Kind::Refused, "given-up").reason("GIVEN_UP").cause(
                "this desk was restored from a backup older than that key, and `outbox forgo` gave up what it lacked; \
                 the recipient has its copy, and nobody departs in its consultation",
            ),
            DeskError::NotGivenUp { .. } => said(Kind::Refused, "not-given-up").hint("chancery outbox"),
            DeskError::Protective(_) => said(Kind::Refused, "protective").reason("PROTECTIVE"),
            DeskError::SameConsultation => said(Kind::Refused, "same-consultation"),
            DeskError::NotForNames(_) => said(Kind::NotPermitted, "not-for-names"),
            DeskError::AnsweredBefore(_) => said(Kind::NotFound, "answered"),
            DeskError::DraftRefused(refusal) => of_draft(refusal),
            DeskError::NotYetProven { .. } => said(Kind::TryLater, "not-yet-proven"),
            DeskError::Evidence(cause) => said(Kind::Failed, "evidence").reason(cause.reason()),
            DeskError::GatewayRolledBack { .. } => said(Kind::Failed, "gateway-rolled-back"),
            DeskError::RegisterBehind { .. } => said(Kind::Failed, "register-behind")
                .cause("the home was restored from an older copy, and the gateway does not give back what it holds")
                .hint("chancery status"),
            DeskError::PolicyBehind { .. } => said(Kind::Refused, "policy-behind")
                .cause("this desk was restored from a backup, or another desk of the ministry signed it")
                .hint("chancery peer adopt"),
            DeskError::OwnBundleOld { .. } => said(Kind::NotPermitted, "own-bundle-old")
                .reason(OWN_BUNDLE_OLD)
                .cause("the bundle is the newest one that `trust sign` wrote for this ministry")
                .hint("chancery trust install FILE"),
            DeskError::RegisterRefilled(_) => said(Kind::TryLater, "register-refilled")
                .cause("look at what came back (`chancery outbox`), and compose anew what should rest on it"),
            DeskError::Forbidden(findings) => forbidden(findings, finding_line),
            DeskError::Owed(_) => said(Kind::TryLater, "owed"),
            DeskError::RecordDamaged { .. } | DeskError::RecordCut { .. } => record_damaged(error.to_string()),
            DeskError::Trust(_) => said(Kind::NotPermitted, "trust"),
            DeskError::Unbound { address, cause } => unbound(address, cause),
            DeskError::Draft(_) => said(Kind::Usage, "draft"),
            DeskError::Key(_) => match error {
                DeskError::Key(error) => error.into(),
                other => Self::failed("key", other.to_string()),
            },
        }
    }
}

/// Another process listens there, or it is no address of this host: what time may mend, so that systemd tries again.
fn unbound(address: &SocketAddr, cause: &io::Error) -> CliError {
    let said = CliError::new(Kind::Failed, "listen", format!("cannot listen at {address}")).because(cause);
    match cause.kind() {
        io::ErrorKind::AddrNotAvailable => said.hint("ip -brief address"),
        _ => said,
    }
}

/// Why the register could not be read or written.
fn of_register(fault: &RegisterFault) -> CliError {
    let said = |kind, code: &'static str| CliError::new(kind, code, fault.to_string());
    if fault.is_busy() {
        return said(Kind::TryLater, "register-busy");
    }
    if fault.is_of_the_disk() {
        let cause = "the disk may be full, or may not be written to; what was registered before stands";
        return said(Kind::Failed, "disk").cause(cause);
    }
    if let RegisterFault::TooNew { .. } = fault {
        let cause = "a later release wrote it: run that release, or restore the backup that was made before the upgrade";
        return said(Kind::Failed, "register-newer").cause(cause);
    }
    said(Kind::Failed, "register")
}

/// The own gateway is not there, or not for this desk.
fn of_absence(detail: &str) -> CliError {
    let message = "the own gateway did not answer";
    let said = CliError::new(Kind::TryLater, "gateway-away", message).cause(detail);
    if detail == SHUT_OUT { said.hint(REVOKED_DESKS) } else { said }
}

/// The own gateway does not take it yet.
fn of_delay(reason: &str, detail: &str) -> CliError {
    let message = "the own gateway does not take this yet";
    CliError::new(Kind::TryLater, "gateway-away", message).reason(reason.to_owned()).cause(detail)
}

/// The administrative record of this desk was altered: the gateway knows what stood there.
pub(super) fn record_damaged(message: impl Into<String>) -> CliError {
    CliError::new(Kind::Verification, "record-damaged", message)
        .reason("RECORD_DAMAGED")
        .hint("chancery --home GATEWAY log tail --administration -n 256")
}

/// A copy before this one has not been taken; one that never will be is given up.
fn stuck(message: String, id: &MessageId, reason: &str) -> CliError {
    if LOST.contains(&reason) {
        let said = CliError::new(Kind::Failed, "stuck", message).reason(reason.to_owned());
        return said.hint(format!("chancery outbox void {id}"));
    }
    let said = CliError::new(Kind::TryLater, "not-handed-over", message);
    if reason.is_empty() { said } else { said.reason(reason.to_owned()) }
}

/// What a message, a bundle or a receipt is found to be. A part that is missing may come.
fn proven_bad(refusal: &Refusal) -> CliError {
    let (kind, code) = match refusal.reason() {
        Reason::PartMissing => (Kind::TryLater, "part-missing"),
        _ => (Kind::Verification, "proven-bad"),
    };
    CliError::new(kind, code, refusal.detail()).reason(refusal.reason().word())
}

/// An act that was signed and that nobody has been sent: it goes by itself, and why it has not gone is told for each Power.
fn not_sent_yet(message: String, owed: &[Outstanding]) -> CliError {
    let error = CliError::new(Kind::TryLater, "owed", message);
    let error = owed.iter().fold(error, |error, one| error.cause(format!("{}: {one}", one.recipient)));
    error.cause("it counts here, and goes to them as soon as it can, with any command; do not send it again")
}

/// What the own gateway refuses. A desk that was restored numbers its policies behind its gateway.
fn of_refusal(reason: &str, detail: &str) -> CliError {
    let kind = if reason == "NOT_ACCREDITED" { Kind::NotPermitted } else { Kind::Refused };
    let message = format!("the own gateway refused: {detail}");
    let said = CliError::new(kind, "refused", message).reason(reason.to_owned());
    let Some(in_force) = detail.strip_suffix(" is in force already") else { return said };
    match in_force.strip_prefix("a newer bundle of ") {
        Some(ministry) => said.hint(format!("chancery peer update {ministry}")),
        None if in_force.starts_with("policy ") => {
            said.cause("each try takes the next number: type the command again until it passes")
        }
        None => said,
    }
}

/// Shows whom the gateway shuts out; on its host.
pub(super) const REVOKED_DESKS: &str = "openssl crl -noout -text -in GATEWAY/trust/desk-access.crl";

/// Why a draft does not go on: what is proven, what is missing, what is over.
fn of_draft(refusal: &DraftRefusal) -> CliError {
    use DraftRefusal as No;
    let (kind, code) = match refusal {
        No::Malformed(_) => (Kind::Usage, "draft"),
        No::Altered(_) | No::Signature { .. } => (Kind::Verification, "proven-bad"),
        No::OtherMinistry(_) | No::NotListed(_) => (Kind::NotPermitted, "not-listed"),
        No::NotYet(..) | No::Unsigned(_) => (Kind::NotPermitted, "not-cleared"),
        No::AlreadySigned(_) | No::AlreadyReleased => (Kind::NotFound, "exists"),
        No::Unknown => (Kind::NotFound, "no-draft"),
        No::StaleBasis(_) => (Kind::Refused, "stale-basis"),
        No::Cancelled | No::Superseded | No::YearOver(_) | No::NumberTaken(..) | No::Expired(_) => {
            (Kind::Refused, "draft-over")
        }
        No::DocumentGone => (Kind::NotFound, "document-gone"),
        No::Protective => (Kind::Usage, "protective"),
    };
    CliError::new(kind, code, refusal.to_string()).reason(refusal.reason())
}

/// Reasons for which a copy will never be taken as it is.
pub(super) const LOST: [&str; 2] = ["PART_LOST", "PART_DAMAGED"];

/// The rules forbid an act: each grave finding is a cause, in the words of `line`; the first rule is the reason.
pub(super) fn forbidden(findings: &[Finding], line: impl Fn(&Finding) -> String) -> CliError {
    let grave = || findings.iter().filter(|finding| finding.severity == Severity::Error);
    let message = match grave().count() {
        1 => "a rule forbids this act".to_owned(),
        count => format!("{count} findings of the rules stand against this act"),
    };
    let error = grave().fold(CliError::usage("rules", message), |error, one| error.cause(line(one)));
    match grave().next() {
        Some(first) => error.reason(first.reason()),
        None => error,
    }
}

/// A finding in one line, with its cure.
pub(super) fn finding_line(finding: &Finding) -> String {
    let Finding { field, message, hint, .. } = finding;
    let cure = if hint.is_empty() { String::new() } else { format!(" ({hint})") };
    format!("{} {field}: {message}{cure}", finding.reason())
}

fn no_desk(configuration: &Path) -> CliError {
    let message = format!("there is no desk here: {} cannot be read", configuration.display());
    CliError::new(Kind::NotFound, "no-home", message).hint("chancery --home DIR init desk --help")
}

fn of_file(path: &Path, cause: &io::Error) -> CliError {
    let said = |kind, code, what| CliError::new(kind, code, format!("{} {what}", path.display()));
    match cause.kind() {
        io::ErrorKind::NotFound => {
            said(Kind::NotFound, "unreadable", "is not there").hint(paths::look_around(path))
        }
        io::ErrorKind::AlreadyExists => paths::in_the_way(path),
        _ => said(Kind::Failed, "file", "cannot be used").because(cause).hint(paths::look_around(path)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_that_is_behind_the_one_in_force_is_signed_again_and_a_bundle_is_updated() {
        let refused = |detail: &str| {
            let (reason, detail) = ("TRUST_INVALID".to_owned(), detail.to_owned());
            CliError::from(DeskError::GatewayRefused { reason, detail })
        };
        let behind = refused("policy 17 is in force already");
        assert!(behind.causes().iter().any(|cause| cause.contains("the next number")), "{behind:?}");
        let older = refused("a newer bundle of XB is in force already");
        assert_eq!(older.hint_command(), Some("chancery peer update XB"));
    }

    #[test]
    fn a_disk_that_is_full_is_told_as_that() {
        let of = |code: i32| {
            let cause = rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None);
            CliError::from(DeskError::Register(RegisterFault::Database(cause))).code().to_owned()
        };
        let (full, io, read_only, busy, corrupt) = (13, 10, 8, 5, 11);
        assert_eq!([full, io, read_only].map(of), ["disk"; 3]);
        assert_eq!([busy, corrupt].map(of), ["register-busy", "register"]);
    }

    #[test]
    fn a_port_that_is_taken_is_no_question_of_trust_and_may_be_free_soon() {
        let of = |cause: io::ErrorKind| {
            let address = SocketAddr::from(([127, 0, 0, 1], 7110));
            CliError::from(DeskError::Unbound { address, cause: cause.into() })
        };
        let taken = of(io::ErrorKind::AddrInUse);
        assert_eq!((taken.code(), taken.kind() == Kind::Failed), ("listen", true));
        assert!(taken.message().contains("127.0.0.1:7110"), "{taken:?}");
        let elsewhere = of(io::ErrorKind::AddrNotAvailable);
        assert_eq!(elsewhere.hint_command(), Some("ip -brief address"));
    }

    #[test]
    fn a_register_of_a_later_release_is_not_called_damaged() {
        let said = CliError::from(DeskError::Register(RegisterFault::TooNew { found: 99, known: 9 }));
        assert_eq!(said.code(), "register-newer");
        assert!(said.causes().iter().any(|cause| cause.contains("a later release")), "{said:?}");
    }
}
