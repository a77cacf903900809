//! Chancery: signed, sealed, proven consultations between foreign ministries about prisoners of war.
//!
//! The rooms are declared in layer order: a room uses only rooms above it in this list, and
//! `tests/it/architecture.rs` keeps that true. `gateway` never uses `consultation`: the exposed host
//! cannot even name what ministries say to each other. Begin with `ARCHITECTURE.md`.

pub mod limits;
pub mod proto;

pub mod canonical;
pub mod digest;
pub mod entropy;
pub mod telemetry;
pub mod time;
pub mod vocabulary;

pub mod tlog;
pub mod trust;

pub mod message;

pub mod consultation;

pub mod keys;
pub mod transport;

pub mod gateway;

pub mod desk;

pub mod rehearsal;

pub mod cli;
