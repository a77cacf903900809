//! The one integration binary: a list of modules, each a concern whose tests are named as claims.
//!
//! One binary links once. A test that needs a tool which is missing prints `SKIPPED <what>: <tool> not found`
//! to stderr and returns; `tests/run` counts those lines. A test that takes minutes is `#[ignore]`d with the reason, and
//! runs where `CHANCERY_LONG` is set: none says that it passed what it did not try.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unwrap_used,
    missing_debug_implementations,
    missing_docs,
    unreachable_pub
)]

mod age_interop;
mod age_vectors;
mod architecture;
mod archive;
mod backup;
mod bounds;
mod casebook;
mod clearance;
mod cms_interop;
mod confidentiality;
mod courier;
mod custody;
mod day;
mod demo;
mod deskservice;
mod disk;
mod documents;
mod exchange;
mod founding;
mod fsck;
mod hostile;
mod impostor;
mod lists;
mod metrics;
mod officer;
mod operations_page;
mod ordeal;
mod protective;
mod queue;
mod recovery;
mod rehearsals;
mod relay;
mod rotation;
mod runs;
mod supply_chain;
mod support;
mod terminal;
mod tools;
mod vectors;
mod volume;
mod watch;
