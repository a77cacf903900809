//! Inside the ministry.

pub mod form;
