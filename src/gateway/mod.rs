//! The exposed host.
