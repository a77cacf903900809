//! Desk to desk: a desk composes, signs, seals and submits; another fetches, opens and verifies.

use crate::Outcome;
use crate::options::Options;
use crate::report::Report;
use crate::stage::Stage;

/// First arguments of the processes that are desks.
pub const SENDER: &str = "desk-sender";
pub const READER: &str = "desk-reader";

pub async fn rows(_: &Stage, _: &Options, _: &mut Report) -> Outcome<()> {
    Ok(())
}

pub async fn send(_: Vec<String>) -> Outcome<()> {
    Ok(())
}

pub async fn read(_: Vec<String>) -> Outcome<()> {
    Ok(())
}
