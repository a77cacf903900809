//! What a refusal or fault of the own gateway means to the desk: it stands, or time may mend it.

use tonic::{Code, Status};

use crate::desk::error::DeskError;
use crate::transport::status::reason_of;

/// Refusals that another attempt with the same bytes may mend, when a peer is accredited, a channel resumed, a
/// part handed over, space made or a clock set right; or that say nothing of those bytes: this desk slept over its
/// call, or others of it are under way.
const MENDED_BY_TIME: [&str; 13] = [
    "AWAITING_HELLO",
    "CATCHING_UP",
    "CHANNEL_FROZEN",
    "CHN_02",
    "CHN_08",
    "NOT_ACCREDITED",
    "NO_SPACE",
    "PART_MISMATCH",
    "PART_MISSING",
    "PART_OFFSET",
    "QUOTA",
    "STALLED",
    "TOO_MANY_CALLS",
];

/// A refusal stands; everything else may be mended by trying again.
pub(super) fn failed(status: Status) -> DeskError {
    let detail = status.message().to_owned();
    match (reason_of(&status), status.code()) {
        (Some(reason), Code::Unavailable) => DeskError::GatewayBusy { reason, detail },
        (Some(reason), _) => refused(reason, detail),
        (None, code) => DeskError::GatewayAway(format!("{code}: {detail}")),
    }
}

/// A refusal for this reason.
pub(super) fn refused(reason: String, detail: String) -> DeskError {
    match MENDED_BY_TIME.contains(&reason.as_str()) {
        true => DeskError::GatewayBusy { reason, detail },
        false => DeskError::GatewayRefused { reason, detail },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::status::refusal;

    #[test]
    fn what_a_gateway_says_of_the_call_and_not_of_the_message_condemns_no_message() {
        for (code, reason) in [
            (Code::DeadlineExceeded, "STALLED"),
            (Code::ResourceExhausted, "TOO_MANY_CALLS"),
            (Code::ResourceExhausted, "QUOTA"),
            (Code::Unavailable, "TRY_LATER"),
        ] {
            assert!(failed(refusal(code, reason, "")).is_passing(), "{reason}");
        }
        assert!(!failed(refusal(Code::InvalidArgument, "NOT_CANONICAL", "")).is_passing());
    }
}
