//! A whole exchange on one machine.
