//! A copy of the store on the wire, piece by piece, for the operator's backup.

use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_stream::{Stream, StreamExt as _};
use tonic::{Code, Status};

use crate::gateway::Gateway;
use crate::gateway::backup::{Copied, CopyEnd, Uncopied};
use crate::gateway::serve::failed;
use crate::gateway::store::record::LogHead;
use crate::keys::home::backup::Piece;
use crate::limits;
use crate::proto::gateway::v1 as wire;
use crate::transport::status;

/// Pieces of a copy that is taken as they are asked for.
pub(super) type Pieces = Pin<Box<dyn Stream<Item = Result<wire::CopyStoreResponse, Status>> + Send>>;

/// Begins a copy.
pub(super) fn pieces(gateway: Arc<Gateway>, operator: u32) -> Pieces {
    let (sink, pieces) = mpsc::channel(limits::RELAY_FRAMES_WAITING_MAX);
    tokio::spawn(async move { gateway.copy_out(&sink, operator).await });
    Box::pin(ReceiverStream::new(pieces).map(|piece| piece.map(copied).map_err(uncopied)))
}

fn copied(copied: Copied) -> wire::CopyStoreResponse {
    use wire::copy_store_response::Piece as Wire;
    let piece = match copied {
        Copied::Piece(Piece::File { path, size }) => Wire::File(wire::CopiedFile { path, size }),
        Copied::Piece(Piece::Bytes(bytes)) => Wire::Data(bytes),
        Copied::End(CopyEnd { version, logs, left_out }) => {
            Wire::End(wire::CopyEnd { version, logs: logs.into_iter().map(log).collect(), left_out })
        }
    };
    wire::CopyStoreResponse { piece: Some(piece) }
}

fn log(head: LogHead) -> wire::CopiedLog {
    let root = head.root.as_bytes().to_vec();
    wire::CopiedLog { origin: head.origin, mirror: head.mirror, size: head.size, root }
}

fn uncopied(cause: Uncopied) -> Status {
    match cause {
        Uncopied::Failed(fault) => failed(&fault),
        moved => status::refusal(Code::Unavailable, "BACKUP_MOVED", moved.to_string()),
    }
}
