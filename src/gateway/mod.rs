//! The exposed host.

pub mod store;
