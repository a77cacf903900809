//! A copy of the gateway's store, as it comes from the operator service.

use crate::keys::home::backup::{LogMark, Piece};
use crate::proto::gateway::v1 as wire;

/// A piece of the copy.
#[derive(Debug)]
pub(in crate::cli) enum Copied {
    Piece(Piece),
    End(CopyEnd),
}

/// What was copied.
#[derive(Debug)]
pub(in crate::cli) struct CopyEnd {
    pub(in crate::cli) version: i64,
    pub(in crate::cli) logs: Vec<LogMark>,
    pub(in crate::cli) left_out: Vec<String>,
}

/// A piece as the gateway gave it.
pub(super) fn copied(piece: wire::copy_store_response::Piece) -> Copied {
    use wire::copy_store_response::Piece as Wire;
    match piece {
        Wire::File(wire::CopiedFile { path, size }) => Copied::Piece(Piece::File { path, size }),
        Wire::Data(bytes) => Copied::Piece(Piece::Bytes(bytes)),
        Wire::End(wire::CopyEnd { version, logs, left_out }) => {
            Copied::End(CopyEnd { version, logs: logs.into_iter().map(log).collect(), left_out })
        }
    }
}

fn log(log: wire::CopiedLog) -> LogMark {
    let root = data_encoding::HEXLOWER.encode(&log.root);
    LogMark { origin: log.origin, mirror: log.mirror, size: log.size, root }
}
