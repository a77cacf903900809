//! Counting HTTP/2 frames below HTTP/2: what a peer may send per second before anybody answers it.
//!
//! Bytes of a connection enter as they come, in pieces of any length; a verdict leaves. Only the nine bytes
//! before every frame are read and nothing is kept of the rest. h2 bounds most abuses itself, but answers PING
//! and SETTINGS without limit. An honest peer never comes near a bound: what its downloads oblige it to send
//! (WINDOW_UPDATE) is earned by what we write.

use std::time::Duration;

use tokio::time::Instant;

use super::bucket::Bucket;
use crate::limits;

/// What one connection may send; see `limits` for the reasons.
#[derive(Debug, Clone, Copy)]
pub struct FrameBounds {
    /// Frames that carry nothing: at once, and from then on per second.
    pub control_burst: u64,
    /// The same per second.
    pub control_per_second: u64,
    /// Bytes written that earn the peer one more frame that carries nothing.
    pub bytes_per_control: u64,
    /// Frames of every kind at once.
    pub frames_burst: u64,
    /// The same per second.
    pub frames_per_second: u64,
    /// Bytes at once; a peer that sends more is not cut, but read more slowly.
    pub bytes_burst: u64,
    /// The same per second.
    pub bytes_per_second: u64,
    /// Time for the first frame after the handshake.
    pub first_frame_deadline: Duration,
}

impl Default for FrameBounds {
    fn default() -> Self {
        Self {
            control_burst: limits::CONTROL_FRAMES_BURST,
            control_per_second: limits::CONTROL_FRAMES_PER_SECOND,
            bytes_per_control: limits::BYTES_PER_CONTROL_FRAME,
            frames_burst: limits::FRAMES_BURST,
            frames_per_second: limits::FRAMES_PER_SECOND,
            bytes_burst: limits::CONNECTION_BYTES_BURST,
            bytes_per_second: limits::CONNECTION_BYTES_PER_SECOND,
            first_frame_deadline: limits::HANDSHAKE_DEADLINE,
        }
    }
}

/// Too many frames of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many {0} frames")]
pub(super) struct Flood(pub(super) &'static str);

/// Counts the frames of one connection.
#[derive(Debug)]
pub(super) struct FrameMeter {
    bounds: FrameBounds,
    place: Place,
    begun: bool,
    written: u64,
    control: Bucket,
    frames: Bucket,
    bytes: Bucket,
}

/// Where in the stream of frames the next byte stands.
#[derive(Debug)]
enum Place {
    /// Within the bytes every client begins with.
    Preface { left: usize },
    /// Within the nine bytes before a frame.
    Head { bytes: [u8; HEAD_BYTES], filled: usize },
    /// Within what a frame carries.
    Payload { left: usize },
}

const PREFACE_BYTES: usize = 24;
const HEAD_BYTES: usize = 9;
const NEXT_HEAD: Place = Place::Head { bytes: [0; HEAD_BYTES], filled: 0 };

/// Which side of a connection sends what is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// It dialled us, and begins with its preface.
    Caller,
    /// We dialled it.
    Callee,
}

impl FrameMeter {
    pub(super) fn new(side: Side, bounds: FrameBounds, now: Instant) -> Self {
        let place = match side {
            Side::Caller => Place::Preface { left: PREFACE_BYTES },
            Side::Callee => NEXT_HEAD,
        };
        Self {
            bounds,
            place,
            begun: false,
            written: 0,
            control: Bucket::full(bounds.control_burst, bounds.control_per_second, now),
            frames: Bucket::full(bounds.frames_burst, bounds.frames_per_second, now),
            bytes: Bucket::full(bounds.bytes_burst, bounds.bytes_per_second, now),
        }
    }

    /// Whether a first frame has begun.
    pub(super) fn begun(&self) -> bool {
        self.begun
    }

    /// Counts what was read; the time for which nothing more should be read.
    pub(super) fn read(&mut self, mut bytes: &[u8], now: Instant) -> Result<Duration, Flood> {
        let length = bytes.len() as u64;
        while !bytes.is_empty() {
            let taken = match &mut self.place {
                Place::Preface { left } | Place::Payload { left } => {
                    let taken = bytes.len().min(*left);
                    *left = left.saturating_sub(taken);
                    taken
                }
                Place::Head { bytes: head, filled } => {
                    let room = head.get_mut(*filled..).unwrap_or_default();
                    let taken = room.len().min(bytes.len());
                    room.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
                    *filled = filled.saturating_add(taken);
                    taken
                }
            };
            bytes = bytes.get(taken..).unwrap_or_default();
            match self.place {
                Place::Preface { left: 0 } | Place::Payload { left: 0 } => self.place = NEXT_HEAD,
                Place::Head { bytes: head, filled: HEAD_BYTES } => {
                    self.count(Head::of(head), now)?;
                }
                _ => {}
            }
        }
        Ok(self.bytes.owe(length, now))
    }

    /// Counts what was written: it obliges an honest peer to answer with frames of its own.
    pub(super) fn wrote(&mut self, bytes: usize) {
        self.written = self.written.saturating_add(bytes as u64);
        let earned = self.written.checked_div(self.bounds.bytes_per_control).unwrap_or(0);
        self.written = self.written.saturating_sub(earned.saturating_mul(self.bounds.bytes_per_control));
        self.control.earn(earned);
    }

    fn count(&mut self, head: Head, now: Instant) -> Result<(), Flood> {
        self.begun = true;
        self.place = match head.length {
            0 => NEXT_HEAD,
            left => Place::Payload { left },
        };
        if !self.frames.take(now) {
            return Err(Flood("small"));
        }
        match head.empty() {
            Some(kind) if !self.control.take(now) => Err(Flood(kind)),
            _ => Ok(()),
        }
    }
}

/// The nine bytes before a frame, as far as they matter here.
#[derive(Debug, Clone, Copy)]
struct Head {
    length: usize,
    kind: u8,
    flags: u8,
}

impl Head {
    const END_STREAM: u8 = 0x1;
    const PADDED: u8 = 0x8;

    fn of([high, middle, low, kind, flags, ..]: [u8; HEAD_BYTES]) -> Self {
        let length = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
        Self { length, kind, flags }
    }

    /// The name of a kind of frame that carries nothing of a call; nothing for DATA and HEADERS.
    fn empty(self) -> Option<&'static str> {
        match self.kind {
            // An empty frame that ends its stream is how calls end. Nobody of ours pads.
            0 if self.flags & Self::END_STREAM != 0 => None,
            0 if self.flags & Self::PADDED != 0 => Some("padded DATA"),
            0 if self.length == 0 => Some("empty DATA"),
            0 | 1 => None,
            2 => Some("PRIORITY"),
            3 => Some("RST_STREAM"),
            4 => Some("SETTINGS"),
            5 => Some("PUSH_PROMISE"),
            6 => Some("PING"),
            7 => Some("GOAWAY"),
            8 => Some("WINDOW_UPDATE"),
            9 => Some("CONTINUATION"),
            _ => Some("unknown"),
        }
    }
}

#[cfg(test)]
mod tests;
