//! Courier sticks, as the gateway packs and takes them.

use crate::proto::gateway::v1 as wire;

/// A piece of a stick on its way here.
#[derive(Debug)]
pub(in crate::cli) enum PackPiece {
    Bytes(Vec<u8>),
    End(PackedStick),
}

/// What was packed.
#[derive(Debug)]
pub(in crate::cli) struct PackedStick {
    pub(in crate::cli) number: u64,
    pub(in crate::cli) messages: u64,
    pub(in crate::cli) parts: u64,
    pub(in crate::cli) leaves: u64,
    pub(in crate::cli) cosignatures: u64,
    pub(in crate::cli) held: u64,
    pub(in crate::cli) behind: u64,
}

/// What became of a stick.
#[derive(Debug)]
pub(in crate::cli) struct Unpacked {
    pub(in crate::cli) ministry: String,
    pub(in crate::cli) number: u64,
    pub(in crate::cli) already_taken: bool,
    pub(in crate::cli) taken: u64,
    pub(in crate::cli) held: u64,
    pub(in crate::cli) rejected: u64,
    pub(in crate::cli) leaves: u64,
    pub(in crate::cli) settled: u64,
    pub(in crate::cli) refusals: u64,
    /// What was not taken, with reason and words.
    pub(in crate::cli) refused: Vec<(String, String, String)>,
    pub(in crate::cli) missing: Vec<u64>,
    pub(in crate::cli) absent: u64,
}

/// A piece as the gateway gave it.
pub(super) fn piece(piece: wire::pack_queue_response::Piece) -> PackPiece {
    use wire::pack_queue_response::Piece;
    match piece {
        Piece::Data(bytes) => PackPiece::Bytes(bytes),
        Piece::End(wire::PackedStick { number, messages, parts, leaves, cosignatures, held, behind }) => {
            PackPiece::End(PackedStick { number, messages, parts, leaves, cosignatures, held, behind })
        }
    }
}

/// The first piece of a stick bears its digest.
pub(super) fn request(data: Vec<u8>, digest: Option<&[u8]>) -> wire::UnpackQueueRequest {
    wire::UnpackQueueRequest { digest: digest.map(<[u8]>::to_vec).unwrap_or_default(), data }
}

/// What the gateway said.
pub(super) fn unpacked(said: wire::UnpackQueueResponse) -> Unpacked {
    let refused = said.refused.into_iter().map(|one| (one.what, one.reason, one.detail));
    Unpacked {
        ministry: said.ministry,
        number: said.number,
        already_taken: said.already_taken,
        taken: said.taken,
        held: said.held,
        rejected: said.rejected,
        leaves: said.leaves,
        settled: said.settled,
        refusals: said.refusals,
        refused: refused.collect(),
        missing: said.missing,
        absent: said.absent,
    }
}
