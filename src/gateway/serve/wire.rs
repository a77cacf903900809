//! Frames of the relay, to the wire and back.

use crate::digest::Digest;
use crate::gateway::error::Fault;
use crate::gateway::frame::{
    Answer, Copied, CopyEntry, CopyRequest, CosignatureLine, Delivery, Frame, Hello, LogUpdate, Outcome,
    Window,
};
use crate::gateway::store::record::UNANSWERED;
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
            time: hello.time.seconds(),
            logs: hello.logs,
            mirrors: hello.mirrors,
            window_envelopes: hello.window.envelopes,
            window_bytes: hello.window.bytes,
            frames: hello.frames,
        }),
        Frame::Announcement(bundle) => WireFrame::Announcement(wire::Announcement { bundle }),
        Frame::Deliveries(deliveries) => WireFrame::Deliveries(wire::Deliveries {
            deliveries: deliveries
                .into_iter()
                .map(|Delivery { envelope, withdrawn }| wire::Delivery { envelope, withdrawn })
                .collect(),
        }),
        Frame::Outcomes(outcomes) => WireFrame::Outcomes(wire::Outcomes {
            outcomes: outcomes.into_iter().map(encode_outcome).collect(),
        }),
        Frame::LogUpdate(LogUpdate { first_index, leaves, checkpoint }) => {
            WireFrame::LogUpdate(wire::LogUpdate { first_index, leaves, checkpoint })
        }
        Frame::Cosignature(CosignatureLine { origin, size, line }) => {
            WireFrame::Cosignature(wire::Cosignature { origin, size, line })
        }
        Frame::Window(Window { envelopes, bytes }) => WireFrame::Window(wire::Window { envelopes, bytes }),
        Frame::CopyRequest(CopyRequest { origin, first_index }) => {
            WireFrame::CopyRequest(wire::CopyRequest { origin, first_index })
        }
        Frame::Copy(copied) => WireFrame::Copy(encode_copied(copied)),
    };
    wire::RelayFrame { frame: Some(frame) }
}

/// From the wire.
pub(super) fn decode(frame: wire::RelayFrame) -> Result<Frame, Fault> {
    match frame.frame.ok_or_else(malformed)? {
        WireFrame::Hello(hello) => decode_hello(hello).map(Frame::Hello),
        WireFrame::Deliveries(deliveries) => Ok(Frame::Deliveries(
            deliveries
                .deliveries
                .into_iter()
                .map(|wire::Delivery { envelope, withdrawn }| Delivery { envelope, withdrawn })
                .collect(),
        )),
        WireFrame::Outcomes(outcomes) => {
            let outcomes = outcomes.outcomes.into_iter().map(decode_outcome);
            Ok(Frame::Outcomes(outcomes.collect::<Result<_, _>>()?))
        }
        WireFrame::LogUpdate(wire::LogUpdate { first_index, leaves, checkpoint }) => {
            Ok(Frame::LogUpdate(LogUpdate { first_index, leaves, checkpoint }))
        }
        WireFrame::Cosignature(wire::Cosignature { origin, size, line }) => {
            Ok(Frame::Cosignature(CosignatureLine { origin, size, line }))
        }
        WireFrame::Window(wire::Window { envelopes, bytes }) => {
            Ok(Frame::Window(Window { envelopes, bytes }))
        }
        WireFrame::CopyRequest(wire::CopyRequest { origin, first_index }) => {
            Ok(Frame::CopyRequest(CopyRequest { origin, first_index }))
        }
        WireFrame::Copy(copied) => Ok(Frame::Copy(decode_copied(copied)?)),
        WireFrame::Announcement(wire::Announcement { bundle }) => decode_announcement(bundle),
    }
}

fn decode_hello(hello: wire::Hello) -> Result<Hello, Fault> {
    if hello.logs.len().max(hello.mirrors.len()) > limits::HELLO_CHECKPOINTS_MAX {
        return Err(malformed());
    }
    Ok(Hello {
        ministry: Ministry::parse(&hello.ministry).map_err(|_| malformed())?,
        time: Timestamp::from_seconds(hello.time),
        logs: hello.logs,
        mirrors: hello.mirrors,
        window: Window { envelopes: hello.window_envelopes, bytes: hello.window_bytes },
        frames: hello.frames,
    })
}

fn decode_announcement(bundle: Vec<u8>) -> Result<Frame, Fault> {
    if bundle.len() <= limits::SIGNED_FILE_BYTES_MAX {
        return Ok(Frame::Announcement(bundle));
    }
    let detail = "the announced bundle is longer than any may be".to_owned();
    Err(Fault::Misshapen { reason: "TOO_LARGE".to_owned(), detail })
}

fn encode_copied(copied: Copied) -> wire::Copy {
    let entry =
        |CopyEntry { leaf, envelope }| wire::CopyEntry { leaf, envelope: envelope.unwrap_or_default() };
    wire::Copy {
        origin: copied.origin,
        first_index: copied.first_index,
        entries: copied.entries.into_iter().map(entry).collect(),
        path: copied.path.iter().map(|hash| hash.as_bytes().to_vec()).collect(),
        checkpoint: copied.checkpoint,
    }
}

fn decode_copied(copied: wire::Copy) -> Result<Copied, Fault> {
    let entry = |wire::CopyEntry { leaf, envelope }| CopyEntry {
        leaf,
        envelope: (!envelope.is_empty()).then_some(envelope),
    };
    let path = copied.path.iter().map(|hash| Digest::from_slice(hash).map_err(|_| malformed()));
    Ok(Copied {
        origin: copied.origin,
        first_index: copied.first_index,
        entries: copied.entries.into_iter().map(entry).collect(),
        path: path.collect::<Result<_, _>>()?,
        checkpoint: copied.checkpoint,
    })
}

fn malformed() -> Fault {
    Fault::Link("the peer sent a malformed frame".to_owned())
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
        Answer::Unsigned { reason: reason_word(outcome.reason)?, detail: plain_words(&outcome.detail) }
    } else {
        Answer::Receipt(outcome.receipt)
    };
    Ok(Outcome { message_id, answer })
}

/// The reason code of an unsigned refusal. It is kept, shown and compared with our own, so it must be a code, and not
/// the one under which we note that nothing was answered.
fn reason_word(reason: String) -> Result<String, Fault> {
    let is_code = |symbol: u8| symbol.is_ascii_uppercase() || symbol.is_ascii_digit() || symbol == b'_';
    let fits = (1..=limits::REASON_WORD_MAX).contains(&reason.len()) && reason.bytes().all(is_code);
    if fits && reason != UNANSWERED {
        return Ok(reason);
    }
    let detail = "the reason of an unsigned refusal is no reason code".to_owned();
    Err(Fault::Misshapen { reason: "MALFORMED".to_owned(), detail })
}

/// The reason code that a peer gives for a refused call; a word of ours where it is none.
pub(super) fn code_words(reason: String) -> String {
    reason_word(reason).unwrap_or_else(|_| "UNKNOWN_REASON".to_owned())
}

/// What a peer says, fit to be kept and logged: one short line that moves nothing on a terminal.
pub(super) fn plain_words(words: &str) -> String {
    let plain = |symbol: char| if symbol.is_ascii_graphic() || symbol == ' ' { symbol } else { '?' };
    words.chars().take(limits::PEER_WORDS_MAX).map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::refusal::Reason;

    #[test]
    fn what_a_peer_says_is_kept_as_one_short_line_without_control_characters() {
        let said = format!("CHN_04\n\u{1b}[2Jforged\u{202e}{}", "x".repeat(1_000_000));
        let outcome = wire::Outcome { reason: "CHN_04".to_owned(), detail: said, ..wire::Outcome::default() };
        let Answer::Unsigned { reason, detail } = decode_outcome(outcome).unwrap().answer else {
            panic!("a receipt");
        };
        assert_eq!(reason, "CHN_04");
        assert!(detail.starts_with("CHN_04??[2Jforged?xxx"), "{detail}");
        assert_eq!(detail.len(), limits::PEER_WORDS_MAX);
    }

    #[test]
    fn an_unsigned_refusal_names_a_reason_code_and_nothing_else() {
        let decoded = |reason: &str| {
            decode_outcome(wire::Outcome { reason: reason.to_owned(), ..wire::Outcome::default() })
        };
        for known in Reason::ALL {
            assert!(decoded(known.word()).is_ok(), "{known}");
        }
        assert!(decoded(&"X".repeat(limits::REASON_WORD_MAX)).is_ok(), "one of a later release");
        let long = "X".repeat(limits::REASON_WORD_MAX + 1);
        for wrong in ["", "no code", "chn_04", "CHN-04", "CHN_04\n", "\u{202e}", UNANSWERED, &long] {
            let refused = decoded(wrong);
            let told = matches!(&refused, Err(Fault::Misshapen { reason, .. }) if reason == "MALFORMED");
            assert!(told, "{wrong:?}: {refused:?}");
        }
    }
}
