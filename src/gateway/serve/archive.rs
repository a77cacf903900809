//! The archive on the wire, piece by piece.

use crate::gateway::export::Archived;
use crate::gateway::store::record::{Direction, RecordKind};
use crate::proto::gateway::v1 as wire;

/// A piece as the operator gets it.
pub(super) fn archived(piece: Archived) -> wire::ExportArchiveResponse {
    use wire::export_archive_response::Piece;
    let piece = match piece {
        Archived::Record(record) => Piece::Record(wire::ArchivedRecord {
            ministry: record.ministry.to_string(),
            sequence: record.sequence,
            policy: record.kind == RecordKind::Policy,
            record: record.bytes,
        }),
        Archived::Log(head, checkpoint) => Piece::Log(wire::ArchivedLog {
            origin: head.origin,
            mirror: head.mirror,
            size: checkpoint.size,
            checkpoint: checkpoint.text,
        }),
        Archived::Leaves(leaves) => Piece::Leaves(wire::ArchivedLeaves { leaves }),
        Archived::Cosigned(cosigned) => {
            Piece::Cosigned(wire::ArchivedCheckpoint { size: cosigned.size, checkpoint: cosigned.text })
        }
        Archived::Message(message) => Piece::Message(wire::ArchivedMessage {
            sent: message.direction == Direction::Out,
            origin: message.place.origin,
            index: message.place.index,
            header: message.signed.header,
            signature: message.signed.signature,
            receipt: message.receipt,
        }),
    };
    wire::ExportArchiveResponse { piece: Some(piece) }
}
