//! Both ends of a TakePart call, to plain words and back.

use tokio::sync::mpsc;
use tonic::{Status, Streaming};

use crate::digest::Digest;
use crate::gateway::error::Fault;
use crate::gateway::freight::{Giver, Handed, Taken, Taker};
use crate::gateway::serve::wire::{code_words, plain_words};
use crate::limits;
use crate::proto::gateway::v1::{TakePartRequest, TakePartResponse};

/// The end of the side that was called and has parts, and what is to be said to the caller.
pub(super) fn taker(said: Streaming<TakePartRequest>) -> (Taker, mpsc::Receiver<Handed>) {
    let (outgoing, to_say) = mpsc::channel(limits::RELAY_FRAMES_WAITING_MAX);
    (Taker { outgoing, incoming: heard(said, decode_taken, ()) }, to_say)
}

/// The end of the side that called and takes a part; what is sent to `outgoing` is said to the other one.
/// `kept` is dropped with the call.
pub(super) fn giver(
    outgoing: mpsc::Sender<Taken>,
    said: Streaming<TakePartResponse>,
    kept: impl Send + 'static,
) -> Giver {
    Giver { outgoing, incoming: heard(said, decode_handed, kept) }
}

/// What the other side says, as far as anybody still listens.
fn heard<Word, Plain>(
    mut said: Streaming<Word>,
    decode: fn(Word) -> Result<Plain, Fault>,
    kept: impl Send + 'static,
) -> mpsc::Receiver<Result<Plain, Fault>>
where
    Word: Send + 'static,
    Plain: Send + 'static,
{
    let (received, incoming) = mpsc::channel(limits::RELAY_FRAMES_WAITING_MAX);
    tokio::spawn(async move {
        let _kept = kept;
        loop {
            let next = tokio::select! {
                next = said.message() => next,
                // The call is given up here: its end tells the other side.
                () = received.closed() => return,
            };
            let next = match next {
                Ok(Some(word)) => decode(word),
                Ok(None) => return,
                Err(status) => Err(broken(&status)),
            };
            let ends = next.is_err();
            if received.send(next).await.is_err() || ends {
                return;
            }
        }
    });
    incoming
}

fn broken(status: &Status) -> Fault {
    Fault::Link(format!("the call for a part broke: {}: {}", status.code(), plain_words(status.message())))
}

/// To the wire.
pub(super) fn encode_handed(handed: Handed) -> TakePartResponse {
    match handed {
        Handed::Offer { digest, size } => {
            TakePartResponse { digest: digest.as_bytes().to_vec(), size, content: Vec::new() }
        }
        Handed::Piece(content) => TakePartResponse { digest: Vec::new(), size: 0, content },
    }
}

fn decode_handed(said: TakePartResponse) -> Result<Handed, Fault> {
    let TakePartResponse { digest, size, content } = said;
    if digest.is_empty() {
        return Ok(Handed::Piece(content));
    }
    let malformed = |_| Fault::Link("the peer offered a part without a digest".to_owned());
    Ok(Handed::Offer { digest: Digest::from_slice(&digest).map_err(malformed)?, size })
}

/// To the wire.
pub(super) fn encode_taken(taken: Taken) -> TakePartRequest {
    match taken {
        Taken::From(offset) => TakePartRequest { offset, ..TakePartRequest::default() },
        Taken::Held => TakePartRequest { complete: true, ..TakePartRequest::default() },
        Taken::Refused { reason, detail } => TakePartRequest { reason, detail, ..TakePartRequest::default() },
    }
}

fn decode_taken(said: TakePartRequest) -> Result<Taken, Fault> {
    let TakePartRequest { offset, complete, reason, detail } = said;
    Ok(match (complete, reason.is_empty()) {
        (_, false) => Taken::Refused { reason: code_words(reason), detail: plain_words(&detail) },
        (true, true) => Taken::Held,
        (false, true) => Taken::From(offset),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_refused_for_a_reason_code_and_in_one_short_line() {
        let said = |reason: &str| {
            let (reason, detail) = (reason.to_owned(), "two\nlines".to_owned());
            decode_taken(TakePartRequest { reason, detail, ..TakePartRequest::default() }).unwrap()
        };
        let refused = |reason: &str| {
            let (reason, detail) = (reason.to_owned(), "two?lines".to_owned());
            Taken::Refused { reason, detail }
        };
        assert_eq!(said("NO_SPACE"), refused("NO_SPACE"));
        // It is shown in the queue as what the peer says, and compared with our own codes.
        for wrong in ["no space", "UNANSWERED", &"X".repeat(limits::REASON_WORD_MAX + 1)] {
            assert_eq!(said(wrong), refused("UNKNOWN_REASON"), "{wrong}");
        }
    }
}
