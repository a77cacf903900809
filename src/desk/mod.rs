//! Inside the ministry.
