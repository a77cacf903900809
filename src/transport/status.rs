//! Refusals as gRPC statuses: a code for machines that know gRPC, a stable reason for those that know us.
//!
//! The reason travels in `google.rpc.ErrorInfo` under the domain `chancery`. The message is for people and
//! may change; it never carries anything from inside a seal.

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

/// The domain of our reasons in `google.rpc.ErrorInfo`.
pub const DOMAIN: &str = "chancery";

/// A status that carries a reason.
pub fn refusal(code: Code, reason: &str, message: impl Into<String>) -> Status {
    let mut details = ErrorDetails::new();
    details.set_error_info(reason, DOMAIN, []);
    Status::with_error_details(code, message, details)
}

/// The reason a status carries, if it is one of ours.
pub fn reason_of(status: &Status) -> Option<String> {
    let info = status.get_details_error_info()?;
    (info.domain == DOMAIN).then_some(info.reason)
}

/// What kind of fault a reason names; each kind has one gRPC code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// The same identifier with other bytes.
    Duplicate,
    /// Too late.
    Expiry,
    /// The bytes or fields are wrong and stay wrong.
    Form,
    /// The sender may not do this.
    Role,
    /// It rests on a past that has moved on.
    StaleBasis,
    /// Not in this state.
    State,
    /// Not yet: nothing is wrong with what was asked.
    Weather,
}

impl Group {
    /// The group of a reason code: numbered rules by their table, words (`SIGNATURE_INVALID`) as form.
    pub fn of(reason: &str) -> Self {
        match reason {
            "CHN_01" | "CHN_03" => return Self::Role,
            "CHN_04_EQUIVOCATION" | "CHN_05" => return Self::Duplicate,
            "CHN_06" | "EXC_07" => return Self::Expiry,
            "CON_02" | "CON_03" => return Self::Role,
            "CON_04" => return Self::StaleBasis,
            "AWAITING_HELLO" | "CATCHING_UP" | "NO_SPACE" | "QUOTA" => return Self::Weather,
            "AWAITS_DESK" | "CHANNEL_FROZEN" => return Self::State,
            _ => {}
        }
        let Some((family, number)) = reason.split_once('_') else { return Self::Form };
        if family.len() != 3 || number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return Self::Form;
        }
        match family {
            "FRM" | "LNG" | "PRV" => Self::Form,
            "CLS" | "OBS" | "ROL" => Self::Role,
            _ => Self::State,
        }
    }

    /// The gRPC code of the group.
    pub const fn code(self) -> Code {
        match self {
            Self::Duplicate => Code::AlreadyExists,
            Self::Expiry => Code::DeadlineExceeded,
            Self::Form => Code::InvalidArgument,
            Self::Role => Code::PermissionDenied,
            Self::StaleBasis => Code::Aborted,
            Self::State => Code::FailedPrecondition,
            Self::Weather => Code::Unavailable,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_comes_back_out_of_the_status() {
        let status = refusal(Code::FailedPrecondition, "CHN_04", "message 7 is expected");
        let carried = Status::from_header_map(&{
            let mut headers = http::HeaderMap::new();
            status.add_header(&mut headers).unwrap();
            headers
        });
        let carried = carried.unwrap();
        assert_eq!(carried.code(), Code::FailedPrecondition);
        assert_eq!(carried.message(), "message 7 is expected");
        assert_eq!(reason_of(&carried).as_deref(), Some("CHN_04"));
    }

    #[test]
    fn a_status_of_another_domain_has_no_reason_of_ours() {
        let mut details = ErrorDetails::new();
        details.set_error_info("CHN_04", "elsewhere", []);
        assert_eq!(reason_of(&Status::with_error_details(Code::Aborted, "", details)), None);
        assert_eq!(reason_of(&Status::unavailable("connection lost")), None);
    }

    #[test]
    fn reasons_map_to_the_codes_of_their_group() {
        for (reason, code) in [
            ("FRM_02", Code::InvalidArgument),
            ("SIGNATURE_INVALID", Code::InvalidArgument),
            ("TOO_LARGE", Code::InvalidArgument),
            ("ROL_03", Code::PermissionDenied),
            ("CHN_03", Code::PermissionDenied),
            ("CHN_04", Code::FailedPrecondition),
            ("CHN_05", Code::AlreadyExists),
            ("CHN_06", Code::DeadlineExceeded),
            ("CON_04", Code::Aborted),
            ("HLD_01", Code::FailedPrecondition),
            ("CHANNEL_FROZEN", Code::FailedPrecondition),
            ("AWAITING_HELLO", Code::Unavailable),
            ("CATCHING_UP", Code::Unavailable),
            ("NO_SPACE", Code::Unavailable),
            ("", Code::InvalidArgument),
        ] {
            assert_eq!(Group::of(reason).code(), code, "{reason}");
        }
    }
}
