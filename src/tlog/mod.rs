//! Tamper-evident log formats, one file per public specification. Pure: bytes and hashes enter, proofs and
//! texts leave; storing leaves and reading clocks is the caller's business.

pub mod signed_note;
