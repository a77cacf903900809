//! Sealed parts that travel beside their envelopes: a stream of pieces in, one durable file out.

use tonic::{Code, Status, Streaming};

use crate::digest::Digest;
use crate::gateway::Gateway;
use crate::gateway::error::Fault;
use crate::gateway::serve::{failed, malformed};
use crate::gateway::store::record::Announced;
use crate::limits;
use crate::proto::gateway::v1::{PutPartRequest, PutPartResponse};
use crate::transport::status;
use crate::trust::name::Ministry;

/// Takes one sealed part of `source`, within its quota. A part that is held already is not read again.
pub(super) async fn put(
    gateway: &Gateway,
    source: &Ministry,
    mut pieces: Streaming<PutPartRequest>,
) -> Result<PutPartResponse, Status> {
    let first = pieces.message().await?.ok_or_else(|| malformed("the first piece"))?;
    let digest = Digest::from_slice(&first.digest).map_err(|_| malformed("the digest"))?;
    let size = first.size;
    if size == 0 || size > limits::SEALED_PART_BYTES_MAX {
        return Err(status::refusal(
            Code::InvalidArgument,
            "TOO_LARGE",
            "the part is empty or over its bound",
        ));
    }
    if gateway.store.has_part(digest).await.map_err(|cause| failed(&Fault::Store(cause)))? {
        return Ok(PutPartResponse { size });
    }
    let fault = |cause| failed(&Fault::Store(cause));
    let announced = gateway.store.announce_part(source.clone(), digest, size, gateway.clock.now());
    match announced.await.map_err(fault)? {
        Announced::Welcome => {}
        Announced::Held => return Ok(PutPartResponse { size }),
        Announced::NoSpace => return Err(later("NO_SPACE", "the disk has no room for the part")),
        Announced::QuotaReached => return Err(later("QUOTA", "too many parts wait for their messages")),
    }
    let mut upload = gateway.store.put_part(digest, size).await.map_err(fault)?;
    let mut next = Some(first);
    while let Some(piece) = next {
        if piece.content.len() > limits::PIECE_BYTES_MAX {
            return Err(malformed("a piece"));
        }
        upload.write(piece.content).await.map_err(part_fault)?;
        next = pieces.message().await?;
    }
    upload.finish().await.map_err(part_fault)?;
    Ok(PutPartResponse { size })
}

/// The same part may be taken when there is more room.
fn later(reason: &str, detail: &str) -> Status {
    status::refusal(status::Group::of(reason).code(), reason, detail)
}

fn part_fault(cause: crate::gateway::store::StoreFault) -> Status {
    if cause.reason() == "PART_MISMATCH" {
        status::refusal(Code::InvalidArgument, "PART_MISMATCH", "bytes, size and digest of the part disagree")
    } else {
        failed(&Fault::Store(cause))
    }
}
