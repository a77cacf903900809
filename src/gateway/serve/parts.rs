//! Sealed parts that travel beside their envelopes: a stream of pieces in, one durable file out; and the same
//! out again.
//!
//! Memory is constant whatever the size: while some pieces are written, the next ones are read, and no more.

use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status, Streaming};

use crate::digest::Digest;
use crate::gateway::Gateway;
use crate::gateway::serve::malformed;
use crate::gateway::store::record::Announced;
use crate::gateway::store::{PartReader, StoreFault};
use crate::limits;
use crate::proto::gateway::v1::{
    FindPartRequest, FindPartResponse, GetPartRequest, GetPartResponse, PutPartRequest, PutPartResponse,
};
use crate::transport::status;
use crate::trust::name::Ministry;

/// Pieces that are written together.
const PIECES_AT_ONCE: usize = 4;

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
    match announce(gateway, owner, digest, size).await? {
        Announced::Welcome | Announced::Held => {}
        Announced::NoSpace => return Err(part_fault(&StoreFault::NoSpace)),
        Announced::QuotaReached => return Err(part_fault(&StoreFault::Quota)),
    }
    let upload = gateway.store.put_part(owner, digest, size, first.offset).await;
    let mut upload = upload.map_err(|cause| part_fault(&cause))?;
    let mut batch = vec![checked(first.content)?];
    while !batch.is_empty() {
        // What was written is durable when the part is finished, or at the next sync; until then it may go on.
        let (written, read) = tokio::join!(upload.write(batch), some(&mut pieces));
        written.map_err(|cause| part_fault(&cause))?;
        batch = read?;
    }
    upload.finish().await.map_err(|cause| part_fault(&cause))?;
    gateway.freight.mended(&digest);
    Ok(PutPartResponse { size })
}

/// What is about to come counts against the quota of its side until a message refers to it, or it is swept.
async fn announce(
    gateway: &Gateway,
    owner: &Ministry,
    digest: Digest,
    size: u64,
) -> Result<Announced, Status> {
    let announced = gateway.store.announce_part(owner.clone(), digest, size, gateway.clock.now());
    announced.await.map_err(|cause| part_fault(&cause))
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
    let (sender, pieces) = mpsc::channel(PIECES_AT_ONCE);
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

/// The next pieces: one, and those that are here already; none at the end.
async fn some(pieces: &mut Streaming<PutPartRequest>) -> Result<Vec<Vec<u8>>, Status> {
    let mut batch = Vec::new();
    while batch.len() < PIECES_AT_ONCE {
        let Some(piece) = next(pieces).await? else { break };
        if piece.content.is_empty() {
            return Err(malformed("a piece"));
        }
        batch.push(checked(piece.content)?);
    }
    Ok(batch)
}

/// The next piece. Whoever says nothing for long is cut off, and may go on later.
async fn next(pieces: &mut Streaming<PutPartRequest>) -> Result<Option<PutPartRequest>, Status> {
    let silent = |_| status::refusal(Code::Unavailable, "TRY_LATER", "nothing came for too long");
    timeout(limits::PIECE_DEADLINE, pieces.message()).await.map_err(silent)?
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
