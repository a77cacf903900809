//! Tamper-evident log formats, one file per public specification. Pure: bytes and hashes enter, proofs and
//! texts leave; storing leaves and reading clocks is the caller's business.
//!
//! `merkle` and `proof` are RFC 6962, `tile` is C2SP tlog-tiles, `verifier_key` and `signed_note` are C2SP
//! signed-note, `checkpoint`, `cosignature` and `tlog_proof` are the C2SP specifications of those names.
//! `fork` joins two checkpoints that cannot both be true into a proof of our own form.
//! `docs/verify_proof.py` reads the same texts without this code.
//!
//! What must never happen: a text is believed before its signature is verified; two spellings of the same
//! note, checkpoint or proof are both accepted; a log key signs anything but a checkpoint.

mod base64;
pub mod checkpoint;
pub mod cosignature;
pub mod fork;
pub mod merkle;
pub mod proof;
pub mod signed_note;
pub mod tile;
pub mod tlog_proof;
pub mod verifier_key;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod interop;
