//! The signed, sealed unit that carries an act. Pure: acts' exact bytes, keys and instants enter; envelopes,
//! plaintexts and verdicts leave. No plaintext leaves before everything that covers it was verified.

pub mod seal;
