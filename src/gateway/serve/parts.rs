//! Sealed parts that travel beside their envelopes: a stream of pieces in, one durable file out; and the same
//! out again.
//!
//! Memory is constant whatever the size: while some pieces are written, the next ones are read, and no more.

use std::pin::pin;
use std::time::Duration;

use futures_util::stream::unfold;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status, Streaming};

use crate::digest::Digest;
use crate::gateway::Gateway;
use crate::gateway::freight::keep;
use crate::gateway::serve::malformed;
use crate::gateway::store::{PartReader, StoreFault};
use crate::limits;
use crate::proto::gateway::v1::{
    FindPartRequest, FindPartResponse, GetPartRequest, GetPartResponse, PutPartRequest, PutPartResponse,
};
use crate::transport::status;
use crate::trust::name::Ministry;

/// Pieces that wait for a desk that reads.
const PIECES_WAITING: usize = 4;

/// Tells how much of a part `owner` need not send again.
pub(super) async fn find(
    gateway: &Gateway,
    owner: &Ministry,
    request: &FindPartRequest,
) -> Result<FindPartResponse, Status> {
    let (digest, size) = announced(&request.digest, request.size)?;
    let found = gateway.store.part_progress(owner, digest, size).await.map_err(|cause| part_fault(&cause))?;
    Ok(FindPartResponse { offset: found.offset, complete: found.complete })
}

/// Takes one sealed part from `owner`. A part that is held already is not read again.
pub(super) async fn put(
    gateway: &Gateway,
    owner: &Ministry,
    mut pieces: Streaming<PutPartRequest>,
) -> Result<PutPartResponse, Status> {
    let first = next(&mut pieces).await?.ok_or_else(|| malformed("the first piece"))?;
    let (digest, size) = announced(&first.digest, first.size)?;
    let held = gateway.store.part_progress(owner, digest, size).await.map_err(|cause| part_fault(&cause))?;
    if held.complete {
        return Ok(PutPartResponse { size });
    }
    let rest = unfold(pieces, |mut pieces| async move {
        let piece = next(&mut pieces).await.transpose()?;
        let content = piece.and_then(|piece| match piece.content.is_empty() {
            true => Err(malformed("a piece")),
            false => checked(piece.content),
        });
        Some((content, pieces))
    });
    let pieces = tokio_stream::once(checked(first.content)).chain(rest);
    keep(gateway, owner, (digest, size), first.offset, pin!(pieces), |cause| part_fault(&cause)).await?;
    Ok(PutPartResponse { size })
}

/// Streams one sealed part of a message in custody.
pub(super) async fn get(
    gateway: &Gateway,
    request: GetPartRequest,
) -> Result<ReceiverStream<Result<GetPartResponse, Status>>, Status> {
    let digest = Digest::from_slice(&request.digest).map_err(|_| malformed("the digest"))?;
    let opened = gateway.store.open_part(digest, request.offset).await.map_err(|cause| part_fault(&cause))?;
    let reader =
        opened.ok_or_else(|| status::refusal(Code::NotFound, "PART_MISSING", "the part is not held here"))?;
    let (sender, pieces) = mpsc::channel(PIECES_WAITING);
    tokio::spawn(send(reader, sender));
    Ok(ReceiverStream::new(pieces))
}

async fn send(mut reader: PartReader, sender: mpsc::Sender<Result<GetPartResponse, Status>>) {
    loop {
        let piece = match reader.next().await {
            Ok(content) if content.is_empty() => return,
            Ok(content) => Ok(GetPartResponse { content }),
            Err(cause) => Err(part_fault(&cause)),
        };
        let ends = piece.is_err();
        // The desk may be gone already.
        if sender.send(piece).await.is_err() || ends {
            return;
        }
    }
}

fn announced(digest: &[u8], size: u64) -> Result<(Digest, u64), Status> {
    let digest = Digest::from_slice(digest).map_err(|_| malformed("the digest"))?;
    if size == 0 || size > limits::SEALED_PART_BYTES_MAX {
        let detail = "the part is empty or over its bound";
        return Err(status::refusal(Code::InvalidArgument, "TOO_LARGE", detail));
    }
    Ok((digest, size))
}

/// The next piece, whole within `limits::PIECE_DEADLINE`: whoever sends nothing at all is ended by the guard before
/// that, and whoever sends it drop by drop here, in the same words. Both may go on later.
async fn next(pieces: &mut Streaming<PutPartRequest>) -> Result<Option<PutPartRequest>, Status> {
    within(limits::PIECE_DEADLINE, pieces.message()).await
}

async fn within<T>(deadline: Duration, piece: impl Future<Output = Result<T, Status>>) -> Result<T, Status> {
    let late = |_| status::refusal(Code::DeadlineExceeded, "STALLED", "a piece was not whole in time");
    timeout(deadline, piece).await.map_err(late)?
}

fn checked(content: Vec<u8>) -> Result<Vec<u8>, Status> {
    if content.len() > limits::PIECE_BYTES_MAX { Err(malformed("a piece")) } else { Ok(content) }
}

fn part_fault(cause: &StoreFault) -> Status {
    let code = match cause {
        StoreFault::PartMismatch => Code::InvalidArgument,
        StoreFault::PartOffset => Code::FailedPrecondition,
        StoreFault::Quota | StoreFault::NoSpace => Code::ResourceExhausted,
        StoreFault::PartBusy => Code::Unavailable,
        _ => {
            tracing::error!(%cause, "the store failed");
            return status::refusal(Code::Unavailable, cause.reason(), "the gateway cannot do this now");
        }
    };
    status::refusal(code, cause.reason(), cause.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::status::reason_of;

    #[tokio::test]
    async fn a_piece_that_is_never_whole_ends_its_transfer_as_silence_does() {
        let never = std::future::pending::<Result<(), Status>>();
        let ended = within(Duration::from_millis(1), never).await.unwrap_err();
        assert_eq!((ended.code(), reason_of(&ended).as_deref()), (Code::DeadlineExceeded, Some("STALLED")));
        assert_eq!(within(limits::PIECE_DEADLINE, async { Ok(7) }).await.ok(), Some(7));
        // Silence has its own, shorter end; else this deadline would be the only one.
        const { assert!(limits::CALL_SILENCE_MAX.as_secs() < limits::PIECE_DEADLINE.as_secs()) };
    }
}
