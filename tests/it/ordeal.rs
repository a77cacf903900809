//! The ordeal: gateways under load are killed, lose their power, and are cut off from each other for days;
//! afterwards a program that shares no code with us judges what their archives hold.
//!
//! `CHANCERY_LONG=1` runs the long forms, `CHANCERY_KILLS` says how many kills, `CHANCERY_SEED` repeats a run:
//! every test prints its seed. What a seed repeats is who is killed and when, not what the machine does meanwhile.

mod archive;
mod chance;
mod checker;
mod forgery;
mod hosts;
mod kills;
mod overtaking;
mod partition;
mod power;
pub mod process;
mod rollback;
mod traffic;
mod transfer;

/// A number that the person at this machine has set; nothing where it is not set.
fn wish(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")))
}

/// Whether the long forms are wanted.
fn long() -> bool {
    wish("CHANCERY_LONG").is_some_and(|wish| wish != 0)
}
