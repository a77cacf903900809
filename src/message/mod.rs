//! The signed, sealed unit that carries an act. Pure: acts' exact bytes, keys and instants enter; envelopes,
//! plaintexts and verdicts leave. Two layers of signature: offices sign the dispatch inside the seal, the
//! registry signs the header outside. No plaintext leaves before everything that covers it was verified, and
//! nothing signed is ever encoded a second time.

pub mod administration;
pub mod courier;
pub mod dispatch;
pub mod envelope;
pub mod evidence;
mod fields;
pub mod header;
pub mod id;
pub mod leaf;
pub mod receipt;
pub mod refusal;
pub mod seal;
pub mod terms;
