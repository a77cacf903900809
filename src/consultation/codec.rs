//! `Act` <-> exact bytes: canonical and complete, or refused.
//!
//! An act is decoded, its record is encoded again and compared, every field is read into its type, and the act
//! itself is encoded once more: whatever spelling of the same act is not the one we would write is refused. Values
//! outside a vocabulary are refused, never carried along.

use crate::consultation::act::{Act, ActKind};
use crate::consultation::fault::{Fault, Faults, Reason};

pub mod containers;
pub mod content;
pub mod record;

mod scalars;

#[cfg(test)]
mod tests;

/// The exact bytes of an act's own record.
pub fn encode(act: &Act) -> Vec<u8> {
    act.encode()
}

/// Decodes the act of a dispatch from its kind and its exact bytes; every fault at once.
pub fn decode(kind: &str, bytes: &[u8]) -> Result<Act, Faults> {
    let mut faults = Faults::default();
    let act = match ActKind::from_word(kind) {
        Some(kind) => kind.decode(bytes, &mut faults),
        None => {
            faults.add_at("kind", unknown(kind));
            None
        }
    };
    match act {
        Some(act) if faults.is_empty() => Ok(act),
        _ => Err(faults),
    }
}

/// Why there is no act of this kind; a reserved name is a name of ours, so that it may be said again.
pub fn unknown(kind: &str) -> Fault {
    let message = match ActKind::reserved(kind) {
        Some(reserved) => format!("{} ({}) is not in this release", reserved.word, reserved.title),
        None => "this release knows no act of this kind".to_owned(),
    };
    Fault::new(Reason::KindUnknown, message)
}
