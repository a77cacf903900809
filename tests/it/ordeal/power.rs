//! The power goes: a file system of its own on a loop device is shut down in the middle of writing, as a host
//! loses it, with everything that was not flushed. Nothing that was acknowledged before may be missing after.
//!
//! The game is played in a mount namespace of its own (`rig`), by a writer that acknowledges and an auditor that
//! counts (`child`, `lanes`), both processes of this binary, or by a whole gateway under load (`host`). Whatever
//! happens to them, nothing stays mounted: the namespace ends with its last process, and the loop devices with
//! their mounts.

mod child;
mod host;
mod lanes;
mod rig;

use std::process::Command;

use super::{archive, long};
use crate::tools;

/// What the writer writes, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    /// A desk's register: released copies, received messages, numbers.
    Register,
    /// A gateway's store: messages both ways, sealed parts in files, leaves.
    Store,
    /// A store that does not sync its commits: what it loses must be found.
    UnsafeStore,
    /// A whole gateway between its desk and a peer, both of which press it.
    Gateway,
    /// The same over a store that does not sync its commits.
    UnsafeGateway,
}

impl What {
    const WORDS: [(Self, &str); 5] = [
        (Self::Register, "register"),
        (Self::Store, "store"),
        (Self::UnsafeStore, "unsafe-store"),
        (Self::Gateway, "gateway"),
        (Self::UnsafeGateway, "unsafe-gateway"),
    ];

    fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(what, _)| *what == self).unwrap().1
    }

    fn parse(word: &str) -> Self {
        Self::WORDS.iter().find(|(_, known)| *known == word).unwrap().0
    }
}

#[test]
fn a_store_loses_nothing_that_it_acknowledged_before_the_power_went() {
    play(What::Store, "ext4", if long() { 50 } else { 10 });
}

#[test]
fn a_store_on_xfs_loses_nothing_that_it_acknowledged_before_the_power_went() {
    play(What::Store, "xfs", if long() { 50 } else { 4 });
}

#[test]
fn a_register_loses_nothing_that_it_released_before_the_power_went() {
    play(What::Register, "ext4", if long() { 50 } else { 6 });
}

#[test]
fn what_a_store_loses_that_does_not_sync_its_commits_is_found() {
    play(What::UnsafeStore, "ext4", 10);
}

#[test]
fn a_gateway_under_load_loses_nothing_that_it_answered_for_before_the_power_went() {
    play(What::Gateway, "ext4", if long() { 50 } else { 3 });
}

#[test]
fn what_a_gateway_loses_whose_store_does_not_sync_its_commits_is_found() {
    play(What::UnsafeGateway, "ext4", 10);
}

/// Plays in a mount namespace of its own, where this machine lets us.
fn play(what: What, file_system: &str, cuts: u64) {
    let title = format!("power cuts of a {} on {file_system}", what.word());
    if !rustix::process::geteuid().is_root() {
        eprintln!("SKIPPED {title}: only root may mount");
        return;
    }
    if let Some(missing) = rig::missing(file_system) {
        eprintln!("SKIPPED {title}: {missing}");
        return;
    }
    let place = tempfile::Builder::new().prefix("chpower").tempdir().unwrap();
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private", "--fork", "--kill-child=SIGKILL"]);
    command.arg(std::env::current_exe().unwrap()).args(["--exact", "ordeal::power::in_a_namespace"]);
    command.args(["--nocapture", "--test-threads", "1"]);
    command.env("CHANCERY_POWER_PLAY", format!("{} {file_system} {cuts}", what.word()));
    command.env("CHANCERY_POWER_PLACE", place.path());
    let Some(output) = tools::run(&mut command, &title) else { return };
    let said =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    let telling =
        |line: &&str| ["CHANCERY_SEED", "SKIPPED", "judged by"].iter().any(|word| line.contains(word));
    said.lines().filter(telling).for_each(|line| eprintln!("{line}"));
    assert!(output.status.success(), "{title}:\n{said}");
    let verdict = said.lines().find(|line| line.contains(" cuts: ") || line.contains("SKIPPED"));
    eprintln!("{}", verdict.unwrap_or_else(|| panic!("{title}: nothing was played\n{said}")));
}

/// The game itself; by itself, outside of a game, nothing.
#[test]
fn in_a_namespace() {
    let (Ok(play), Ok(place)) = (std::env::var("CHANCERY_POWER_PLAY"), std::env::var("CHANCERY_POWER_PLACE"))
    else {
        return;
    };
    let [what, file_system, cuts] = play.split(' ').collect::<Vec<_>>().try_into().unwrap();
    let (what, cuts) = (What::parse(what), cuts.parse().unwrap());
    match what {
        What::Register | What::Store | What::UnsafeStore => {
            rig::play(what, file_system, cuts, place.as_ref())
        }
        What::Gateway | What::UnsafeGateway => host::play(what, file_system, cuts, place.as_ref()),
    }
}

/// Writer and auditor; by themselves, outside of a game, nothing.
#[test]
fn on_the_file_system() {
    if let Ok(part) = std::env::var("CHANCERY_POWER_PART") {
        child::act(&part);
    }
}
