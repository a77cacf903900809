//! Commands of one desk that are killed, stopped, or at work at the same time: real processes, real signals.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use chancery::desk::register::{SentEntry, SentState};

use super::{Ministries, text_of, wait};
use crate::support::{PATIENCE, forms, ministry};

const PERSON: &str = "P-7QK4-M2XD-9WTV";

/// Starts what an officer of XA types, and does not wait for it.
fn begins(all: &Ministries, args: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chancery"));
    command.arg("--home").arg(all.desk("XA")).arg("--passphrase-file").arg(all.directory.join("passphrase"));
    command.args(args).env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

fn form(all: &Ministries, consultation: &str, words: &str) -> String {
    let path = all.directory.join("form.toml");
    fs::write(&path, forms::memorandum("XB", consultation, words)).unwrap();
    path.to_str().unwrap().to_owned()
}

fn register_of(all: &Ministries, code: &str) -> Vec<SentEntry> {
    all.world.house(&ministry(code)).unwrap().desk().unwrap().register().sent().unwrap()
}

/// Has everything handed over, and waits until the other side has it.
pub(super) fn everything_arrives(all: &Ministries) -> Vec<SentEntry> {
    let until = Instant::now() + PATIENCE;
    loop {
        let said = all.types("XA", ["outbox", "--json"]);
        let sent = register_of(all, "XA");
        if sent.iter().all(|copy| copy.state == SentState::Delivered) {
            return sent;
        }
        assert!(Instant::now() < until, "{said:?}");
    }
}

/// Each message came once, under numbers without a gap, and no number was used twice.
pub(super) fn each_came_once(all: &Ministries, sent: &[SentEntry]) {
    let numbers: Vec<u64> = sent.iter().map(|copy| copy.sequence).collect();
    assert_eq!(numbers, (1..=sent.len() as u64).collect::<Vec<_>>());
    let acts: BTreeSet<(&str, u64)> =
        sent.iter().map(|copy| (copy.consultation.as_str(), copy.act_number)).collect();
    assert_eq!(acts.len(), sent.len(), "every act has a number of its own");
    let house = all.world.house(&ministry("XB")).unwrap();
    wait(house.fetch()).unwrap();
    let received = house.desk().unwrap().register().newest_received(None, false, 10_000).unwrap();
    let mut came: Vec<_> = received.iter().map(|entry| entry.id).collect();
    let mut went: Vec<_> = sent.iter().map(|copy| copy.id).collect();
    came.sort();
    went.sort();
    assert_eq!(came, went);
}

#[test]
fn a_desk_that_is_killed_at_any_moment_sends_what_it_registered_once_and_uses_no_number_twice() {
    let all = Ministries::found("killed");
    let first = all.delivers("XA", &forms::memorandum("XB", "new", "The first."), &[]);
    let consultation = text_of(&first, "consultation").to_owned();
    let path = form(&all, &consultation, "Whole.");
    let whole = Instant::now();
    assert_eq!(all.types("XA", ["send", &path, "--yes"]).code, 0);
    let mut whole = whole.elapsed();
    let kills = if std::env::var_os("CHANCERY_LONG").is_some() { 120 } else { 12 };
    let mut ended = 0;
    for number in 0..kills {
        let path = form(&all, &consultation, &format!("Number {number}."));
        let withdraw = ["withdraw", PERSON, "--consultation", &consultation, "--to", "XB", "--yes"];
        let args = match number % 4 {
            1 => &withdraw[..],
            3 => &["outbox"],
            _ => &["send", &path, "--yes"],
        };
        let mut child = begins(&all, args);
        dies_after(whole.mul_f64((f64::from(number) + 0.5) * 1.1 / f64::from(kills)));
        if child.try_wait().unwrap().is_some() {
            ended += 1;
            // This machine was busier when the whole was measured.
            whole /= 2;
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert!(ended < kills as usize / 2, "{ended} of {kills} had ended before they were killed");
    let sent = everything_arrives(&all);
    each_came_once(&all, &sent);
    // And the desk goes on.
    assert_eq!(all.types("XA", ["send", &path, "--yes", "--wait=30s"]).code, 0);
}

/// Lets a command live for so long: all over the time that a whole one takes, and a little beyond it.
#[allow(clippy::disallowed_methods, reason = "it is killed at a moment, not at an event")]
fn dies_after(life: Duration) {
    std::thread::sleep(life);
}

/// Waits until this process holds the lock of releases.
fn holds_the_lock(desk: &Path, child: &Child) {
    let (lock, until) = (desk.join("release.lock"), Instant::now() + PATIENCE);
    let own = child.id().to_string();
    while !fs::read_to_string(&lock).is_ok_and(|text| text.lines().next() == Some(&own)) {
        assert!(Instant::now() < until, "it never came as far");
        std::thread::yield_now();
    }
}

#[test]
fn whoever_waits_for_another_command_is_told_for_which_and_goes_on_when_that_is_killed() {
    let all = Ministries::found("waiting");
    let first = all.delivers("XA", &forms::memorandum("XB", "new", "The first."), &[]);
    let consultation = text_of(&first, "consultation").to_owned();
    let path = form(&all, &consultation, "Stopped.");
    let mut holder = begins(&all, &["send", &path, "--yes"]);
    holds_the_lock(&all.desk("XA"), &holder);
    let pid = holder.id().to_string();
    assert!(Command::new("kill").args(["-STOP", &pid]).status().unwrap().success());

    let mut waits = begins(&all, &["send", &path, "--yes"]);
    let mut talk = BufReader::new(waits.stderr.take().unwrap()).lines();
    let told = talk.find(|line| line.as_ref().unwrap().contains("waiting for another command")).unwrap();
    let told = told.unwrap();
    assert!(told.contains(&format!("process {pid}, `chancery")) && told.contains("since 20"), "{told}");
    assert!(waits.try_wait().unwrap().is_none(), "it waits");

    // The withdrawal was typed last, and neither of them keeps it once the one that hangs is gone.
    holder.kill().unwrap();
    holder.wait().unwrap();
    let withdrawn = all.types(
        "XA",
        ["withdraw", PERSON, "--consultation", &consultation, "--to", "XB", "--yes", "--wait=30s"],
    );
    assert_eq!(withdrawn.code, 0, "{withdrawn:?}");
    assert!(waits.wait().unwrap().success());
    let sent = everything_arrives(&all);
    each_came_once(&all, &sent);
}

#[test]
fn commands_that_attend_to_one_desk_at_once_lose_and_double_nothing() {
    let all = Ministries::found("attending");
    let first = all.delivers("XB", &forms::memorandum("XA", "new", "The first."), &[]);
    let consultation = text_of(&first, "consultation").to_owned();
    for _ in 0..3 {
        let withdraw =
            ["withdraw", PERSON, "--consultation", &consultation, "--to", "XA", "--yes", "--wait=30s"];
        let said = all.types("XB", withdraw);
        assert_eq!(said.code, 0, "{said:?}");
    }
    let house = all.world.house(&ministry("XA")).unwrap();
    wait(house.fetch()).unwrap();
    let received = house.desk().unwrap().register().newest_received(None, false, 10).unwrap();
    for entry in &received {
        house.read(&entry.id.to_string()).unwrap();
    }
    let mut commands: Vec<Child> = [&["inbox"][..], &["outbox"], &["inbox"], &["outbox"]]
        .iter()
        .map(|args| begins(&all, args))
        .collect();
    for command in &mut commands {
        assert!(command.wait().unwrap().success());
    }
    assert_eq!(all.types("XA", ["inbox"]).code, 0);
    let sent = everything_arrives(&all);
    assert_eq!(sent.len(), 3, "one receipt for each that is urgent");
    let numbers: Vec<u64> = sent.iter().map(|copy| copy.sequence).collect();
    assert_eq!(numbers, [1, 2, 3]);
    let dispatches: BTreeSet<_> = sent.iter().map(|copy| *copy.dispatch_digest.as_bytes()).collect();
    assert_eq!(dispatches.len(), 3);
}
