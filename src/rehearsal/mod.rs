//! A whole exchange on one machine: real ministries, gateways and desks, for demonstrations and tests.
//!
//! This is the only room that sees both sides of the wall between gateway and desk.

pub mod demo;
