//! Reading a stick: records out of bytes that come piece by piece, in the one order that is allowed.
//!
//! Bytes enter; a record leaves as soon as all of it is here, and what is not in order is refused with its place. A
//! length is never believed beyond the bound of a record. Nothing is whole before its last record was compared: whoever
//! acts on records before that must be able to do so again.

use super::{END, END_BYTES, FRAME, HEAD_BYTES, MAGIC, OPENING, Opening, PART, PIECE, Record, Unfit};
use crate::digest::{Digest, Hasher};
use crate::limits::COURIER_RECORD_BYTES_MAX;

/// What all formats begin with.
const ANY_MAGIC: &[u8] = b"chancery-courier/";

/// Reads records out of bytes that come piece by piece.
#[derive(Debug, Default)]
pub struct Unpacking {
    waiting: Vec<u8>,
    /// How many of these are read. They go all at once with the next bytes, so that each is moved once, however short
    /// the records are.
    read: usize,
    /// Where the first byte that is not read stands in the stick.
    at: u64,
    hasher: Hasher,
    records: u64,
    begun: bool,
    ended: Option<Digest>,
    /// Bytes of the part that was begun last that have not come.
    missing: u64,
}

impl Unpacking {
    /// More bytes of the stick.
    pub fn add(&mut self, bytes: &[u8]) {
        self.waiting.drain(..self.read);
        self.read = 0;
        self.waiting.extend_from_slice(bytes);
    }

    /// The bytes that are not read.
    fn rest(&self) -> &[u8] {
        self.waiting.get(self.read..).unwrap_or_default()
    }

    /// So many of these are read.
    fn advance(&mut self, count: usize) {
        self.read = self.read.saturating_add(count);
        self.at = self.at.saturating_add(count as u64);
    }

    /// The next record, where all of it is here.
    pub fn next_record(&mut self) -> Result<Option<Record>, Unfit> {
        if !self.begun && !self.begin()? {
            return Ok(None);
        }
        let Some(head) = self.rest().first_chunk::<HEAD_BYTES>() else { return Ok(None) };
        if self.ended.is_some() {
            return Err(self.damaged("something follows its last record"));
        }
        let [kind, length @ ..] = *head;
        let length = u32::from_be_bytes(length) as usize;
        if length > COURIER_RECORD_BYTES_MAX {
            return Err(self.damaged("a record is longer than any"));
        }
        let whole = HEAD_BYTES.saturating_add(length);
        let Some(record) = self.rest().get(..whole).map(<[u8]>::to_vec) else { return Ok(None) };
        let payload = record.get(HEAD_BYTES..).unwrap_or_default();
        if kind == END {
            self.close(payload)?;
            self.advance(whole);
            return Ok(None);
        }
        let read = self.read(kind, payload)?;
        self.hasher.update(&record);
        self.advance(whole);
        self.records = self.records.saturating_add(1);
        Ok(Some(read))
    }

    /// The digest of a stick that has come to its end.
    pub fn finish(self) -> Result<Digest, Unfit> {
        let at = self.at.saturating_add(self.rest().len() as u64);
        match self.ended {
            Some(digest) if self.rest().is_empty() => Ok(digest),
            Some(_) => Err(self.damaged("something follows its last record")),
            None if !self.begun && !MAGIC.starts_with(self.rest()) => Err(Unfit::NoStick),
            None => Err(Unfit::Truncated { at }),
        }
    }

    fn begin(&mut self) -> Result<bool, Unfit> {
        let Some(first) = self.rest().get(..MAGIC.len()) else { return Ok(false) };
        if first != MAGIC {
            return Err(if first.starts_with(ANY_MAGIC) { Unfit::LaterRelease } else { Unfit::NoStick });
        }
        self.hasher.update(MAGIC);
        self.advance(MAGIC.len());
        self.begun = true;
        Ok(true)
    }

    fn read(&mut self, kind: u8, payload: &[u8]) -> Result<Record, Unfit> {
        if (self.records == 0) != (kind == OPENING) {
            return Err(self.damaged("its opening does not stand first, and once"));
        }
        if (self.missing > 0) != (kind == PIECE) {
            return Err(self.damaged("a part has other bytes than it announced"));
        }
        match kind {
            OPENING => Opening::parse(payload)
                .map(Record::Opening)
                .ok_or_else(|| self.damaged("its opening cannot be read")),
            FRAME => Ok(Record::Frame(payload.to_vec())),
            PART => {
                let (digest, size) = payload.split_at_checked(32).unwrap_or_default();
                let size = size.try_into().map(u64::from_be_bytes);
                let (Ok(digest), Ok(size)) = (Digest::from_slice(digest), size) else {
                    return Err(self.damaged("the beginning of a part cannot be read"));
                };
                self.missing = size;
                Ok(Record::Part { digest, size })
            }
            PIECE => {
                let left = self.missing.checked_sub(payload.len() as u64).filter(|_| !payload.is_empty());
                self.missing =
                    left.ok_or_else(|| self.damaged("a part has other bytes than it announced"))?;
                Ok(Record::Piece(payload.to_vec()))
            }
            _ => Err(self.damaged("there is no record of this kind")),
        }
    }

    fn close(&mut self, payload: &[u8]) -> Result<(), Unfit> {
        let digest = std::mem::take(&mut self.hasher).finish();
        let expected = [self.records.to_be_bytes().as_slice(), digest.as_bytes()].concat();
        if payload.len() != END_BYTES || payload != expected || self.missing > 0 || self.records == 0 {
            return Err(self.damaged("its digest is another"));
        }
        self.ended = Some(digest);
        Ok(())
    }

    fn damaged(&self, what: &'static str) -> Unfit {
        Unfit::Damaged { at: self.at, what }
    }
}
