//! Frames of the relay, to the wire and back.

use crate::gateway::error::Fault;
use crate::gateway::frame::{Answer, CosignatureLine, Frame, Hello, LogUpdate, Outcome};
use crate::limits;
use crate::message::id::MessageId;
use crate::proto::gateway::v1 as wire;
use crate::proto::gateway::v1::relay_frame::Frame as WireFrame;
use crate::time::Timestamp;
use crate::trust::name::Ministry;

/// To the wire.
pub(super) fn encode(frame: Frame) -> wire::RelayFrame {
    let frame = match frame {
        Frame::Hello(hello) => WireFrame::Hello(wire::Hello {
            ministry: hello.ministry.to_string(),
            origin: hello.origin,
            size: hello.size,
            mirrored_size: hello.mirrored_size,
            time: hello.time.seconds(),
        }),
        Frame::Deliveries(envelopes) => WireFrame::Deliveries(wire::Deliveries { envelopes }),
        Frame::Outcomes(outcomes) => WireFrame::Outcomes(wire::Outcomes {
            outcomes: outcomes.into_iter().map(encode_outcome).collect(),
        }),
        Frame::LogUpdate(update) => WireFrame::LogUpdate(wire::LogUpdate {
            first_index: update.first_index,
            leaves: update.leaves,
            checkpoint: update.checkpoint,
        }),
        Frame::Cosignature(cosignature) => WireFrame::Cosignature(wire::Cosignature {
            origin: cosignature.origin,
            size: cosignature.size,
            line: cosignature.line,
        }),
    };
    wire::RelayFrame { frame: Some(frame) }
}

/// From the wire.
pub(super) fn decode(frame: wire::RelayFrame) -> Result<Frame, Fault> {
    let malformed = || Fault::Link("the peer sent a malformed frame".to_owned());
    match frame.frame.ok_or_else(malformed)? {
        WireFrame::Hello(hello) => Ok(Frame::Hello(Hello {
            ministry: Ministry::parse(&hello.ministry).map_err(|_| malformed())?,
            origin: hello.origin,
            size: hello.size,
            mirrored_size: hello.mirrored_size,
            time: Timestamp::from_seconds(hello.time),
        })),
        WireFrame::Deliveries(deliveries) => Ok(Frame::Deliveries(deliveries.envelopes)),
        WireFrame::Outcomes(outcomes) => {
            let outcomes = outcomes.outcomes.into_iter().map(decode_outcome);
            Ok(Frame::Outcomes(outcomes.collect::<Result<_, _>>()?))
        }
        WireFrame::LogUpdate(update) => Ok(Frame::LogUpdate(LogUpdate {
            first_index: update.first_index,
            leaves: update.leaves,
            checkpoint: update.checkpoint,
        })),
        WireFrame::Cosignature(cosignature) => Ok(Frame::Cosignature(CosignatureLine {
            origin: cosignature.origin,
            size: cosignature.size,
            line: cosignature.line,
        })),
    }
}

fn encode_outcome(outcome: Outcome) -> wire::Outcome {
    let message_id = outcome.message_id.map(|id| id.as_bytes().to_vec()).unwrap_or_default();
    match outcome.answer {
        Answer::Receipt(receipt) => {
            wire::Outcome { message_id, receipt, reason: String::new(), detail: String::new() }
        }
        Answer::Unsigned { reason, detail } => {
            wire::Outcome { message_id, receipt: Vec::new(), reason, detail }
        }
    }
}

fn decode_outcome(outcome: wire::Outcome) -> Result<Outcome, Fault> {
    let malformed = |_| Fault::Link("the peer answered with a malformed message id".to_owned());
    let message_id = match outcome.message_id.as_slice() {
        [] => None,
        id => Some(MessageId::from_slice(id).map_err(malformed)?),
    };
    let answer = if outcome.receipt.is_empty() {
        Answer::Unsigned { reason: plain_words(&outcome.reason), detail: plain_words(&outcome.detail) }
    } else {
        Answer::Receipt(outcome.receipt)
    };
    Ok(Outcome { message_id, answer })
}

/// What a peer says, fit to be kept and logged: one short line that moves nothing on a terminal.
pub(super) fn plain_words(words: &str) -> String {
    let plain = |symbol: char| if symbol.is_ascii_graphic() || symbol == ' ' { symbol } else { '?' };
    words.chars().take(limits::PEER_WORDS_MAX).map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_peer_says_is_kept_as_one_short_line_without_control_characters() {
        let said = format!("CHN_04\n\u{1b}[2Jforged\u{202e}{}", "x".repeat(1_000_000));
        let outcome =
            wire::Outcome { message_id: Vec::new(), receipt: Vec::new(), reason: said.clone(), detail: said };
        let Answer::Unsigned { reason, detail } = decode_outcome(outcome).unwrap().answer else {
            panic!("a receipt");
        };
        assert_eq!(reason, detail);
        assert!(reason.starts_with("CHN_04??[2Jforged?xxx"), "{reason}");
        assert_eq!(reason.len(), limits::PEER_WORDS_MAX);
    }
}
