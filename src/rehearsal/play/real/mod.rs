//! The real ground: a founded ministry for each party, with its own root, keys, gateway and desk, joined over loopback.
//!
//! A script enters with a folder for the homes; the account of the play leaves, and what was really done: messages
//! signed, sealed, relayed and fetched, receipts proven, evidence checked. Time is the script's: desks judge by a clock
//! that stands where the script says, gateways by one that goes on from there. A copy that takes time is fetched later,
//! and not before. What must never happen: a short cut that the real thing does not take, other than those of
//! `desk::rehearsed`; or an outcome that differs from the simulated one and is not told.
//!
//! | file | does |
//! |---|---|
//! | `clock` | the clock of the gateways |
//! | `drafts` | what a step says, as a form would say it |
//! | `evidence` | each desk's evidence of the consultation, written and checked |
//! | `ground` | the moves, made by desks and gateways |
//! | `likeness` | how a real play differs from the simulated one |
//! | `ministries` | founds the parties and joins them |
//! | `names` | lets every desk know the names that the script says are known |
//! | `unreal` | what no real desk can do |

mod clock;
mod drafts;
mod evidence;
mod ground;
mod likeness;
mod ministries;
mod names;
mod unreal;

use std::path::Path;

use tokio::runtime::Builder;

use super::account::{Account, Told};
use super::simulated::Simulated;
use super::{Unfit, Wishes, stage};
use crate::rehearsal::script::Script;
use crate::trust::name::Ministry;
use ground::Real;
use ministries::Ministries;

/// What a real play was, beside its account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Deeds {
    /// Ministries that were founded.
    pub ministries: usize,
    /// Acts that were signed, sealed and released.
    pub acts: usize,
    /// Copies that gateways took into custody, relayed and handed to desks.
    pub copies: usize,
    /// Receipts of senders and recipients that were proven against the logs.
    pub receipts: usize,
    /// Messages of the evidence files that verified, over all desks.
    pub evidence: usize,
}

/// A real play.
#[derive(Debug, Clone, Default)]
pub struct Performance {
    /// What came of it, told as a simulated play is.
    pub account: Account,
    /// What was really done.
    pub deeds: Deeds,
}

/// How far a real play has come.
#[derive(Debug)]
pub enum Progress<'a> {
    /// The ministries are founded and their gateways started.
    Founding,
    /// This move was made.
    Made(&'a Told),
    /// The evidence of this desk is checked.
    Proving(&'a Ministry),
}

/// Plays a script over real gateways and desks, whose homes are founded in `folder`. Blocks until all is done.
pub fn play_real(
    script: &Script,
    wishes: &Wishes,
    folder: &Path,
    watch: &mut dyn FnMut(Progress<'_>),
) -> Result<Performance, Unfit> {
    unreal::refuse(script, wishes)?;
    // What it comes to in the simulation; where copies would overtake each other it is refused before anything is founded.
    let seed = wishes.seed_of(script);
    let (simulated, _) = stage::play(script, wishes, Simulated::of(script, seed).in_order(), &mut |_| {})?;
    let failed = |cause: String| Unfit::Failed { label: "founding".to_owned(), line: 0, cause };
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("rehearsal")
        .enable_all()
        .build()
        .map_err(|cause| failed(cause.to_string()))?;
    watch(Progress::Founding);
    let ministries = Ministries::found(script, folder, runtime.handle().clone());
    let ministries = ministries.map_err(|fault| failed(fault.to_string()))?;
    let mut real = Real::over(script, ministries).map_err(|fault| failed(fault.to_string()))?;
    names::make_known(&mut real, script).map_err(failed)?;
    let played = stage::play(script, wishes, real, &mut |told| watch(Progress::Made(told)));
    let (mut account, mut real) = played?;
    account.outstanding.extend(likeness::differences(&simulated, &account));
    let proven = evidence::prove(&mut real, script, &mut |ministry| watch(Progress::Proving(ministry)));
    let deeds = proven.map_err(|cause| Unfit::Failed { label: "evidence".to_owned(), line: 0, cause })?;
    let ended = real.end();
    ended.map_err(|fault| Unfit::Failed {
        label: "the end".to_owned(),
        line: 0,
        cause: fault.to_string(),
    })?;
    Ok(Performance { account, deeds })
}
