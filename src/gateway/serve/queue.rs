//! The queue and the alarms, to the wire and back.

use tonic::transport::server::UdsConnectInfo;
use tonic::{Code, Request, Status};

use crate::gateway::queue::{InspectedLeaf, Inspection, QueueRefusal};
use crate::gateway::reasons::Waits;
use crate::gateway::serve::{failed, malformed};
use crate::gateway::store::record::{
    Attempt, DecisionKind, KeptDecision, LeafPlace, QueueFilter, QueuePlace, QueueState, RaisedAlarm,
    SentState,
};
use crate::message::administration::is_reason;
use crate::message::leaf::LeafKind;
use crate::message::terms::Precedence;
use crate::proto::gateway::v1 as wire;
use crate::time::Timestamp;
use crate::transport::status;
use crate::trust::name::Ministry;

/// Number of the user at the other end of the socket, as the system says it.
pub(super) fn operator<T>(request: &Request<T>) -> Result<u32, Status> {
    let info = request.extensions().get::<UdsConnectInfo>();
    info.and_then(|info| info.peer_cred).map(|user| user.uid()).ok_or_else(|| {
        status::refusal(Code::PermissionDenied, "NO_OPERATOR", "the system does not tell who asks")
    })
}

/// What the operator sees of a request that the queue refused.
pub(super) fn refused(refusal: QueueRefusal) -> Status {
    let code = match &refusal {
        QueueRefusal::Failed(fault) => return failed(fault),
        QueueRefusal::NotNow(refusal) => status::Group::of(refusal.reason().word()).code(),
        QueueRefusal::Unknown | QueueRefusal::NotAccredited(_) => Code::NotFound,
        QueueRefusal::Ambiguous(_) | QueueRefusal::NotSent | QueueRefusal::TooShort => Code::InvalidArgument,
        _ => Code::FailedPrecondition,
    };
    status::refusal(code, refusal.word(), refusal.to_string())
}

/// Which entries are asked for.
pub(super) fn filter(ministry: &str, state: i32) -> Result<QueueFilter, Status> {
    let peer = match ministry {
        "" => None,
        code => Some(Ministry::parse(code).map_err(|_| malformed("the ministry"))?),
    };
    let state = match wire::QueueState::try_from(state).map_err(|_| malformed("the state"))? {
        wire::QueueState::Unspecified => None,
        wire::QueueState::Queued => Some(QueueState::Queued),
        wire::QueueState::Held => Some(QueueState::Held),
        wire::QueueState::Expired => Some(QueueState::Expired),
        wire::QueueState::Withdrawn => Some(QueueState::Withdrawn),
        wire::QueueState::Answered => return Err(malformed("the state")),
    };
    Ok(QueueFilter { peer, state })
}

/// Where the page before ended, which only this gateway can read.
pub(super) fn after(token: &str) -> Result<QueuePlace, Status> {
    if token.is_empty() {
        return Ok(QueuePlace::default());
    }
    let numbers = token.split_once('.').map(|(pair, message)| (pair.parse(), message.parse()));
    match numbers {
        Some((Ok(pair), Ok(message))) => Ok(QueuePlace { pair, message }),
        _ => Err(malformed("the page token")),
    }
}

/// The token of a place.
pub(super) fn token(place: QueuePlace) -> String {
    format!("{}.{}", place.pair, place.message)
}

/// A reason of an operator: a code, never a text in which somebody could be named.
pub(super) fn reason(reason: String) -> Result<String, Status> {
    if is_reason(&reason) { Ok(reason) } else { Err(malformed("the reason")) }
}

/// To the wire.
pub(super) fn entry(Waits { entry, reason, next }: Waits) -> wire::QueueEntry {
    let state = match entry.state {
        _ if !entry.unanswered => wire::QueueState::Answered,
        SentState::Delivered | SentState::Rejected => wire::QueueState::Answered,
        _ if entry.held => wire::QueueState::Held,
        SentState::Expired => wire::QueueState::Expired,
        SentState::Queued => wire::QueueState::Queued,
        SentState::Withdrawn => wire::QueueState::Withdrawn,
    };
    let precedence = Precedence::from_number(i32::from(entry.precedence));
    wire::QueueEntry {
        message_id: entry.message_id.as_bytes().to_vec(),
        ministry: entry.peer.to_string(),
        channel: entry.channel,
        sequence: entry.sequence,
        precedence: precedence.map(|precedence| precedence.word().to_owned()).unwrap_or_default(),
        state: state.into(),
        attempts: entry.attempts,
        unreceipted: entry.unreceipted,
        next_attempt_time: next.map_or(0, Timestamp::seconds),
        reason,
        custody_time: entry.custody_time.seconds(),
        valid_until: entry.valid_until.seconds(),
        packed_time: entry.packed.map_or(0, Timestamp::seconds),
    }
}

/// To the wire.
pub(super) fn inspection(seen: Inspection) -> wire::ShowQueuedResponse {
    let state = match seen.waits.entry.state {
        SentState::Delivered => wire::SentState::Delivered,
        SentState::Expired => wire::SentState::Expired,
        SentState::Queued => wire::SentState::Queued,
        SentState::Rejected => wire::SentState::Rejected,
        SentState::Withdrawn => wire::SentState::Withdrawn,
    };
    wire::ShowQueuedResponse {
        state: state.into(),
        release_time: seen.release_time.seconds(),
        level: seen.level.to_owned(),
        parts: seen.parts.0,
        part_bytes: seen.parts.1,
        leaves: seen.leaves.into_iter().map(leaf).collect(),
        attempts: seen.attempts.into_iter().map(attempt).collect(),
        decisions: seen.decisions.into_iter().map(decision).collect(),
        entry: Some(entry(seen.waits)),
    }
}

/// To the wire.
pub(super) fn place(place: LeafPlace) -> wire::LeafPlace {
    wire::LeafPlace { origin: place.origin, index: place.index }
}

/// To the wire.
pub(super) fn alarm(alarm: RaisedAlarm) -> wire::Alarm {
    wire::Alarm {
        code: alarm.code,
        time: alarm.time.seconds(),
        ministry: alarm.ministry.to_string(),
        detail: alarm.detail,
        first_time: alarm.first_time.seconds(),
        first_detail: alarm.first_detail,
        count: alarm.count,
        acknowledged_time: alarm.acknowledged.map_or(0, |seen| seen.time.seconds()),
        acknowledged_by: alarm.acknowledged.map_or(0, |seen| seen.operator),
        cleared_time: alarm.cleared.map_or(0, Timestamp::seconds),
    }
}

fn leaf(seen: InspectedLeaf) -> wire::QueuedLeaf {
    let kind: LeafKind = seen.leaf.kind;
    wire::QueuedLeaf {
        place: Some(place(seen.place)),
        mirror: seen.mirror,
        kind: kind.word().to_owned(),
        time: seen.leaf.time.seconds(),
        reason: seen.leaf.reason,
        cosigned: seen.cosigned,
    }
}

fn attempt(attempt: Attempt) -> wire::QueuedAttempt {
    wire::QueuedAttempt { number: attempt.number, time: attempt.time.seconds(), outcome: attempt.outcome }
}

fn decision(kept: KeptDecision) -> wire::QueuedDecision {
    let what = match kept.kind {
        DecisionKind::Held => "HELD",
        DecisionKind::Packed => "PACKED",
        DecisionKind::Released => "RELEASED",
        DecisionKind::Withdrawn => "WITHDRAWN",
    };
    wire::QueuedDecision {
        what: what.to_owned(),
        time: kept.decision.time.seconds(),
        operator: kept.decision.operator,
        reason: kept.decision.reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits;

    #[test]
    fn a_page_token_leads_back_to_its_place_and_nothing_else_does() {
        let place = QueuePlace { pair: 3, message: 9_000_000_000 };
        assert_eq!(after(&token(place)).unwrap(), place);
        assert_eq!(after("").unwrap(), QueuePlace::default());
        for wrong in ["3", "3.", ".9", "a.b", "3.9.1", "3.99999999999999999999"] {
            assert!(after(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_reason_is_a_code_and_never_a_text() {
        let most = "X".repeat(limits::OPERATOR_REASON_MAX);
        for good in ["", "TICKET-4711", "AWAITING_CLEARANCE", &most] {
            assert_eq!(reason(good.to_owned()).unwrap(), good);
        }
        for wrong in ["about Mr Doe", "ticket", "A\u{202e}B", &format!("{most}X")] {
            let refused = reason(wrong.to_owned()).unwrap_err();
            let said = status::reason_of(&refused);
            assert_eq!(
                (refused.code(), said.as_deref()),
                (Code::InvalidArgument, Some("MALFORMED")),
                "{wrong}"
            );
        }
    }
}
