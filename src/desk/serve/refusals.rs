//! Refusals: what goes wrong at a desk as gRPC statuses that machines can act on.
//!
//! A failure of the desk enters; a status leaves with a stable reason (ErrorInfo), the fields that are wrong
//! (BadRequest) and when to try again (RetryInfo). Of a fault of our own nothing leaves but that there was one.

use std::io::ErrorKind;
use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use super::paths::Shape;
use crate::consultation::rules::{Finding, Severity};
use crate::desk::draft::DraftRefusal;
use crate::desk::error::{DeskError, OWN_BUNDLE_OLD};
use crate::desk::register::RegisterFault;
use crate::limits;
use crate::message::evidence::WriteError;
use crate::transport::status::{DOMAIN, Group};

/// One field of a request that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Violation {
    /// Path of the field.
    pub(super) field: String,
    /// Stable reason.
    pub(super) reason: String,
    /// Why, without the value.
    pub(super) message: String,
}

impl Violation {
    pub(super) fn new(field: impl Into<String>, reason: &str, message: impl Into<String>) -> Self {
        Self { field: field.into(), reason: reason.to_owned(), message: message.into() }
    }
}

/// A refusal with everything that is known of it.
#[derive(Debug, Clone)]
pub(super) struct Refused {
    code: Code,
    reason: String,
    message: String,
    violations: Vec<Violation>,
    retry: Option<Duration>,
}

impl Refused {
    pub(super) fn new(code: Code, reason: impl Into<String>, message: impl Into<String>) -> Self {
        let (reason, message) = (reason.into(), message.into());
        Self { code, reason, message, violations: Vec::new(), retry: None }
    }

    /// A request with fields that are wrong; the first of them gives the reason.
    pub(super) fn fields(violations: Vec<Violation>) -> Self {
        let first = violations.first();
        let reason = first.map_or("MALFORMED", |violation| violation.reason.as_str()).to_owned();
        let message = match violations.as_slice() {
            [one] => format!("{}: {}", one.field, one.message),
            several => format!("{} fields of the request are wrong", several.len()),
        };
        Self { violations, ..Self::new(Code::InvalidArgument, reason, message) }
    }

    /// One field that is wrong.
    pub(super) fn field(field: &str, reason: &str, message: impl Into<String>) -> Self {
        Self::fields(vec![Violation::new(field, reason, message)])
    }

    /// The same with the paths of the request where rules named fields of what was composed of it.
    pub(super) fn pointing(mut self, shape: &Shape) -> Self {
        self.violations.iter_mut().for_each(|one| one.field = shape.path(&one.field));
        self
    }

    /// The stable reason.
    pub(super) fn reason(&self) -> &str {
        &self.reason
    }

    /// The same, to be tried again after a while.
    pub(super) fn later(self) -> Self {
        Self { retry: Some(limits::SERVICE_RETRY_PAUSE), ..self }
    }
}

impl From<Refused> for Status {
    fn from(refused: Refused) -> Self {
        let mut details = ErrorDetails::new();
        details.set_error_info(refused.reason, DOMAIN, []);
        for violation in refused.violations.iter().take(limits::VIOLATIONS_TOLD_MAX) {
            let Violation { field, reason, message } = violation;
            details.add_bad_request_violation(field.as_str(), shortened(&format!("{reason}: {message}")));
        }
        if let Some(pause) = refused.retry {
            details.set_retry_info(Some(pause));
        }
        Status::with_error_details(refused.code, shortened(&refused.message), details)
    }
}

impl From<DeskError> for Refused {
    fn from(cause: DeskError) -> Self {
        if let Some((code, reason)) = as_it_says(&cause) {
            let refused = Self::new(code, reason, cause.to_string());
            return if code == Code::Unavailable { refused.later() } else { refused };
        }
        match cause {
            DeskError::Forbidden(findings) => forbidden(&findings),
            DeskError::DraftRefused(refusal) => draft_refused(&refusal),
            DeskError::GatewayAway(_) => {
                Self::new(Code::Unavailable, "GATEWAY_AWAY", "the own gateway did not answer").later()
            }
            DeskError::GatewayBusy { reason, detail } => Self::new(Code::Unavailable, reason, detail).later(),
            DeskError::GatewayRefused { reason, detail } => {
                Self::new(Group::of(&reason).code(), reason, detail)
            }
            DeskError::Busy(_) => {
                let message = "another command of this desk is at work, and did not end in time";
                Self::new(Code::Unavailable, "DESK_BUSY", message).later()
            }
            DeskError::Refused(refusal) => {
                Self::new(Code::DataLoss, refusal.reason().word(), refusal.detail().to_owned())
            }
            // The keys of the desk itself were opened at the start.
            DeskError::Key(cause) => {
                tracing::warn!(%cause, "a request of a client needs the key of an office, which cannot be opened");
                let message = "the key of an office that is to sign is not at this desk, or has a passphrase of its own: \
                               let the office sign elsewhere, and AddSignature";
                Self::new(Code::FailedPrecondition, "OFFICE_KEY_NOT_HERE", message)
            }
            DeskError::PersonUnknown => {
                Self::new(Code::NotFound, "NO_SUCH_PERSON", "nobody here speaks of this person")
            }
            DeskError::Draft(detail) => Self::new(Code::InvalidArgument, "DRAFT_INVALID", detail),
            DeskError::Trust(detail) => Self::new(Code::FailedPrecondition, "NOT_TRUSTED", detail),
            DeskError::Register(fault) => fault.into(),
            DeskError::File { ref cause, .. } | DeskError::Evidence(WriteError::Io(ref cause))
                if is_full(cause) =>
            {
                disk_full(cause)
            }
            fault => ours(&fault),
        }
    }
}

/// Code and reason of a failure of which a client is told what it says itself; what is unavailable may be tried again.
fn as_it_says(cause: &DeskError) -> Option<(Code, &'static str)> {
    Some(match cause {
        DeskError::Ambiguous { .. } => (Code::InvalidArgument, "AMBIGUOUS"),
        DeskError::AnsweredBefore(_) => (Code::FailedPrecondition, "ANSWERED_BEFORE"),
        DeskError::GivenUp { .. } => (Code::FailedPrecondition, "GIVEN_UP"),
        DeskError::FourEyes => (Code::FailedPrecondition, "TOO_FEW_OFFICES"),
        DeskError::NoOffice(_) => (Code::FailedPrecondition, "NO_OFFICE"),
        DeskError::NoSuchMessage(_) => (Code::NotFound, "NO_SUCH_MESSAGE"),
        DeskError::NotAccredited(_) => (Code::FailedPrecondition, "NOT_ACCREDITED"),
        DeskError::NotAuthorised { .. } => (Code::PermissionDenied, "OFFICE_NOT_AUTHORISED"),
        DeskError::NotForNames(_) => (Code::PermissionDenied, "NOT_FOR_NAMES"),
        DeskError::NotSentYet { .. } => (Code::Unavailable, "OWED"),
        DeskError::NotStuck { .. } => (Code::FailedPrecondition, "NOT_STUCK"),
        DeskError::Protective(_) => (Code::FailedPrecondition, "PROTECTIVE"),
        DeskError::NotYetProven { .. } => (Code::Unavailable, "NOT_YET_PROVEN"),
        DeskError::OwnBundleOld { .. } => (Code::FailedPrecondition, OWN_BUNDLE_OLD),
        DeskError::RegisterBehind { .. } => (Code::FailedPrecondition, "REGISTER_BEHIND"),
        DeskError::RegisterRefilled(_) => (Code::Unavailable, "REGISTER_REFILLED"),
        DeskError::Stuck { .. } => (Code::Unavailable, "STUCK"),
        _ => return None,
    })
}

impl From<RegisterFault> for Refused {
    fn from(fault: RegisterFault) -> Self {
        match fault {
            RegisterFault::DoneBefore | RegisterFault::Overtaken => {
                let message = "somebody else changed this meanwhile: nothing was changed; look again";
                Self::new(Code::Aborted, "OVERTAKEN", message).later()
            }
            fault if fault.is_busy() => {
                Self::new(Code::Unavailable, "REGISTER_BUSY", "another command holds the register").later()
            }
            fault if fault.is_of_the_disk() => disk_full(&fault),
            fault => ours(&fault),
        }
    }
}

/// Whether there is no room for what was to be written.
fn is_full(cause: &std::io::Error) -> bool {
    matches!(cause.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
}

/// The disk takes nothing: told to the operator, and the client comes back with the same request.
fn disk_full(fault: &dyn std::fmt::Display) -> Refused {
    tracing::error!(%fault, "a request of a client found the disk full, or not to be written");
    let message =
        "the disk of the desk is full: its operator makes room, and the same request goes through then";
    Refused::new(Code::ResourceExhausted, "DISK_FULL", message).later()
}

/// A fault of our own: told to the operator, and to nobody else.
fn ours(fault: &dyn std::fmt::Display) -> Refused {
    tracing::error!(%fault, "a request of a client failed");
    Refused::new(Code::Internal, "DESK_FAULT", "the desk failed; its operator finds why in its log")
}

fn forbidden(findings: &[Finding]) -> Refused {
    let errors = findings.iter().filter(|finding| finding.severity == Severity::Error);
    let violations: Vec<Violation> = errors
        .map(|finding| Violation::new(finding.field.as_str(), finding.reason(), finding.message.as_str()))
        .collect();
    let reason = violations.first().map_or("FORBIDDEN", |first| first.reason.as_str()).to_owned();
    let code = Group::of(&reason).code();
    Refused { violations, ..Refused::new(code, reason, "the rules forbid this act") }
}

fn draft_refused(refusal: &DraftRefusal) -> Refused {
    let code = match refusal {
        DraftRefusal::Malformed(_) => Code::InvalidArgument,
        DraftRefusal::Unknown => Code::NotFound,
        DraftRefusal::StaleBasis(_) => Code::Aborted,
        DraftRefusal::NotListed(_) => Code::PermissionDenied,
        _ => Code::FailedPrecondition,
    };
    Refused::new(code, refusal.reason(), refusal.to_string())
}

fn shortened(text: &str) -> String {
    let mut end = text.len().min(limits::VIOLATION_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    text.get(..end).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{VIOLATION_BYTES_MAX, VIOLATIONS_TOLD_MAX};
    use crate::transport::status::reason_of;

    #[test]
    fn a_refusal_tells_its_reason_its_fields_and_when_to_try_again() {
        let violation =
            |number: usize| Violation::new(format!("content.texts[{number}]"), "FORM_TEXT", "외".repeat(400));
        let status = Status::from(Refused::fields((0..40).map(violation).collect()).later());
        assert_eq!(
            (status.code(), reason_of(&status).as_deref()),
            (Code::InvalidArgument, Some("FORM_TEXT"))
        );
        let details = status.get_error_details();
        let told = details.bad_request().unwrap();
        assert_eq!(told.field_violations.len(), VIOLATIONS_TOLD_MAX);
        assert!(told.field_violations.iter().all(|one| one.description.len() <= VIOLATION_BYTES_MAX));
        assert!(details.retry_info().is_some());
    }

    #[test]
    fn a_full_disk_is_a_reason_to_come_back() {
        let cause = DeskError::File { path: "/secret/place".into(), cause: ErrorKind::StorageFull.into() };
        let status = Status::from(Refused::from(cause));
        assert_eq!(reason_of(&status).as_deref(), Some("DISK_FULL"));
        assert!(status.get_error_details().retry_info().is_some());
        assert!(!status.message().contains("secret"), "{}", status.message());
    }

    #[test]
    fn a_register_without_room_is_a_reason_to_come_back_and_a_damaged_one_is_not() {
        let (full, failing, corrupt) = (13, 10, 11);
        let told = |code: i32| {
            let cause = rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None);
            let status = Status::from(Refused::from(DeskError::Register(RegisterFault::Database(cause))));
            let comes_back = status.get_error_details().retry_info().is_some();
            (status.code(), reason_of(&status).unwrap_or_default(), comes_back)
        };
        let no_room = (Code::ResourceExhausted, "DISK_FULL".to_owned(), true);
        assert_eq!([full, failing].map(told), [no_room.clone(), no_room]);
        assert_eq!(told(corrupt), (Code::Internal, "DESK_FAULT".to_owned(), false));
    }

    #[test]
    fn a_fault_of_ours_says_nothing_of_the_inside() {
        let cause =
            DeskError::File { path: "/secret/place".into(), cause: std::io::ErrorKind::NotFound.into() };
        let status = Status::from(Refused::from(cause));
        assert_eq!(reason_of(&status).as_deref(), Some("DESK_FAULT"));
        assert!(!status.message().contains("secret"), "{}", status.message());
    }
}
