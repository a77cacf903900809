//! What a refusal or fault of the own gateway means to the desk: it stands, or time may mend it.

use tonic::{Code, Status};

use crate::desk::error::DeskError;
use crate::transport::status::reason_of;

/// Refusals that another attempt with the same bytes may mend, when a peer is accredited, a channel resumed, a
/// part handed over, space made or a clock set right; or that say nothing of those bytes: this desk slept over its
/// call, or others of it are under way.
const MENDED_BY_TIME: [&str; 14] = [
    "AWAITING_HELLO",
    "AWAITS_DESK",
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

/// What is said where the gateway ends the connection before it answers anything: so TLS 1.3 tells a client that its
/// certificate is not believed, and so looks a gateway that is going away.
pub const SHUT_OUT: &str = "the gateway closed the connection before it answered: it is going away, or it lets this desk \
    in no more, because the desk's certificate has ended or stands in the revocation list of desks, trust/desk-access.crl in \
    the home of the gateway";

/// A refusal stands; everything else may be mended by trying again.
pub(super) fn failed(status: Status) -> DeskError {
    let is_cut = matches!(status.code(), Code::Cancelled | Code::Unknown);
    if is_cut && std::error::Error::source(&status).is_some() {
        return DeskError::GatewayAway(SHUT_OUT.to_owned());
    }
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
    fn a_connection_that_ends_before_anything_is_answered_names_the_revocation_list() {
        let answered = Status::cancelled("operation was canceled");
        let said = |status: Status| failed(status).to_string();
        assert!(
            !said(answered.clone()).contains("desk-access.crl"),
            "so a gateway answers that cancels a call"
        );
        for mut shut in [answered, Status::unknown("transport error")] {
            shut.set_source(std::sync::Arc::new(std::io::Error::other("canceled")));
            assert!(failed(shut.clone()).is_passing(), "nothing is known of the message");
            let said = said(shut);
            assert!(said.contains("trust/desk-access.crl") && !said.contains("error"), "{said}");
        }
    }

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
