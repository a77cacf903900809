//! Writing a stick: each record as its bytes, in the order in which they are to stand.
//!
//! Frames and parts enter; bytes leave, and last the digest over all of them. Whether their order is one that is read
//! again is for whoever packs.

use super::{END, FRAME, MAGIC, OPENING, Opening, PART, PIECE};
use crate::digest::{Digest, Hasher};

/// Writes records.
#[derive(Debug, Default)]
pub struct Packing {
    hasher: Hasher,
    records: u64,
}

impl Packing {
    /// The first bytes of a stick, and its opening.
    pub fn begin(opening: &Opening) -> (Self, Vec<u8>) {
        let mut packing = Self::default();
        packing.hasher.update(MAGIC);
        let first = packing.record(OPENING, &opening.bytes());
        (packing, [MAGIC, &first].concat())
    }

    /// A frame, as its exact bytes.
    pub fn frame(&mut self, frame: &[u8]) -> Vec<u8> {
        self.record(FRAME, frame)
    }

    /// The beginning of a part.
    pub fn part(&mut self, digest: &Digest, size: u64) -> Vec<u8> {
        self.record(PART, &[digest.as_bytes().as_slice(), &size.to_be_bytes()].concat())
    }

    /// Some of its bytes.
    pub fn piece(&mut self, piece: &[u8]) -> Vec<u8> {
        self.record(PIECE, piece)
    }

    /// The last record.
    pub fn end(self) -> Vec<u8> {
        let digest = self.hasher.finish();
        let payload = [self.records.to_be_bytes().as_slice(), digest.as_bytes()].concat();
        written(END, &payload)
    }

    /// A record of any kind.
    pub(super) fn record(&mut self, kind: u8, payload: &[u8]) -> Vec<u8> {
        let bytes = written(kind, payload);
        self.hasher.update(&bytes);
        self.records = self.records.saturating_add(1);
        bytes
    }
}

fn written(kind: u8, payload: &[u8]) -> Vec<u8> {
    // What is packed is bounded far below this.
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    [&[kind], length.to_be_bytes().as_slice(), payload].concat()
}
