//! A whole gateway loses its power: XB's runs as a process of its own over a home whose file system is cut, while
//! desks on both sides send and fetch without a pause. XA's gateway keeps its power, and knows what it was told.
//!
//! The processor stops before the disk does: the process is frozen, then the file system is shut down. So every
//! answer that anybody ever got left the gateway before the cut, and there is no race to be forgiven. What lies
//! in `run/` goes with the power, as on a host that is started anew.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};
use serde_json::Value;
use tokio::runtime::Runtime;

use super::super::chance::Chance;
use super::super::hosts::{Hosts, Readers, SIDES, Senders, join, lanes};
use super::super::process::{Process, eventually, pause};
use super::super::traffic::Traffic;
use super::What;
use super::rig::{Cutter, Rig, must, runs};
use crate::support::Stage;

/// How it is told that a message is lost.
const NOT_THERE: &str = "is not there";

/// The gateway of XB on a disk that is cut.
struct Game {
    what: What,
    rig: Rig,
    hosts: Hosts,
    place: PathBuf,
    traffic: Arc<Traffic>,
    /// The messages of XB's desk that its gateway has acknowledged, and how far the history was read for that.
    acknowledged: BTreeSet<String>,
    heard: u64,
}

/// Cuts the power of a gateway again and again.
pub fn play(what: What, file_system: &str, cuts: u64, place: &Path) {
    let title = format!("power cuts of a {} on {file_system}", what.word());
    let mut chance = Chance::draw(&title);
    let stage = Stage::today(&SIDES);
    let home = stage.house("XB").homes().gateway.directory().to_owned();
    small_store(&home);
    let Some(rig) = moved(&home, file_system, place) else {
        println!("SKIPPED {title}: this host mounts no loop device");
        return;
    };
    let desks = Runtime::new().unwrap();
    let inside = desks.enter();
    let hosts = Hosts::down(&stage);
    let traffic = Traffic::new(stage, &place.join("history.jsonl"));
    let (place, acknowledged) = (place.to_owned(), BTreeSet::new());
    let mut game = Game { what, rig, hosts, place, traffic, acknowledged, heard: 0 };
    game.hosts.restart("XA");
    game.power_on();
    let channels = desks.block_on(join(&game.traffic.stage));
    let begin = Instant::now();
    let senders = Senders::begin(lanes(&channels, &mut chance), &game.traffic);
    let readers = Readers::begin(&game.traffic);
    let (mut losses, mut cut) = (Vec::new(), 0);
    while cut < cuts && losses.is_empty() {
        losses = game.round(Duration::from_millis(chance.between(20, 500)));
        cut += 1;
    }
    if what == What::Gateway && losses.is_empty() {
        desks.block_on(senders.end(&game.traffic));
        game.hosts.drain();
        desks.block_on(readers.end(&game.traffic));
        game.judge(cuts);
    }
    game.hosts.kill("XB");
    game.power_off();
    let (word, accepted) = (what.word(), game.accepted());
    println!(
        "of {cut} cuts: a {word} on {file_system}, {accepted} messages accepted, {} losses, {:.1?}",
        losses.len(),
        begin.elapsed(),
    );
    match what {
        What::UnsafeGateway => assert!(
            losses.iter().any(|loss| loss.ends_with(NOT_THERE)),
            "a gateway that does not sync lost nothing: the cuts are none. {losses:#?}"
        ),
        _ => assert!(losses.is_empty(), "{losses:#?}"),
    }
    drop(inside);
    desks.shutdown_background();
}

/// Moves the home of a gateway to a disk of its own, as if it had been founded there long ago.
fn moved(home: &Path, file_system: &str, place: &Path) -> Option<Rig> {
    let rig = Rig::below(file_system, place, home);
    if !rig.mounts() {
        return None;
    }
    let aside = place.join("home");
    must("cp", &["-a", &home.to_string_lossy(), &aside.to_string_lossy()]);
    rig.mount();
    must("cp", &["-a", &aside.join(".").to_string_lossy(), &home.to_string_lossy()]);
    rig.unmount();
    rig.mount();
    Some(rig)
}

/// The disk is small.
fn small_store(home: &Path) {
    let path = home.join("gateway.toml");
    let text = fs::read_to_string(&path).unwrap();
    let (rest, _) = text.rsplit_once("\n[store]\n").unwrap();
    fs::write(&path, format!("{rest}\n[store]\nballast_mib = 1\nfloor_mib = 8\n")).unwrap();
}

impl Game {
    fn home(&self) -> &Path {
        self.hosts.home("XB")
    }

    fn accepted(&self) -> u64 {
        self.traffic.accepted.load(Ordering::Relaxed)
    }

    /// Everything has arrived and was fetched; what both sides kept agrees with what their desks were told.
    fn judge(&self, cuts: u64) {
        let accepted = self.accepted();
        assert_eq!(self.traffic.fetched.load(Ordering::Relaxed), 2 * accepted);
        assert!(accepted > 10 * cuts, "next to nothing was sent");
        self.hosts.judge(&self.place, &self.place.join("history.jsonl"), accepted, &[]);
    }

    /// Starts the gateway over what is mounted, as after a start of its host.
    fn power_on(&mut self) {
        let run = self.home().join("run");
        must("mount", &["-t", "tmpfs", "-o", "mode=700", "run", &run.to_string_lossy()]);
        let (home, talk) = (self.home().to_owned(), self.place.join("gateway.log"));
        let mut command = match self.what {
            What::UnsafeGateway => Command::new(std::env::current_exe().unwrap()),
            _ => Command::new(env!("CARGO_BIN_EXE_chancery")),
        };
        if self.what == What::UnsafeGateway {
            command.args(["--exact", "ordeal::power::on_the_file_system", "--nocapture"]);
            command.env("CHANCERY_POWER_PART", format!("{} serve", self.what.word()));
            command.env("CHANCERY_POWER_PLACE", &home).env_remove("CHANCERY_POWER_PLAY");
        } else {
            command.args(["gateway-run", "--home"]).arg(&home).env_clear();
        }
        let process = Process::run(command, &home, &talk);
        self.hosts.runs("XB", process);
    }

    /// Nothing of the gateway runs; takes the file systems away.
    fn power_off(&self) {
        let run = self.home().join("run").to_string_lossy().into_owned();
        eventually("the folder of the run can be unmounted", || runs("umount", &[&run]));
        self.rig.unmount();
    }

    /// Lets the gateway come to itself and work for a while, cuts its power and starts it again; what it has lost.
    fn round(&mut self, after: Duration) -> Vec<String> {
        eventually("the gateway has caught up", || self.hosts.standing("XB") == "sound");
        for side in SIDES {
            // Whoever lost nothing is not behind, and needs nobody.
            assert_eq!(self.hosts.alarms(side), Value::Array(Vec::new()), "{side}");
        }
        let mut cutter = Cutter::at(self.home());
        let before = self.listen();
        eventually("messages are accepted again", || self.listen() > before);
        pause(after);
        self.hosts.process("XB").freeze();
        cutter.cut();
        self.hosts.kill("XB");
        self.power_off();
        // The journal is played back when it is mounted; then the file system must be whole.
        self.rig.mount();
        self.rig.unmount();
        self.rig.examine();
        self.rig.mount();
        self.listen();
        let losses = self.audit();
        self.power_on();
        losses
    }

    /// Takes note of what XB's gateway has acknowledged to its desk; how many messages that are by now.
    fn listen(&mut self) -> usize {
        self.traffic.history.end();
        let mut history = fs::File::open(self.place.join("history.jsonl")).unwrap();
        history.seek(SeekFrom::Start(self.heard)).unwrap();
        let mut news = String::new();
        history.read_to_string(&mut news).unwrap();
        // Somebody may be in the middle of a line already.
        let whole = news.rfind('\n').map_or(0, |end| end + 1);
        self.heard += whole as u64;
        let events = news[..whole].lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let own = events.filter(|event| event["event"] == "accepted" && event["ministry"] == "XB");
        self.acknowledged.extend(own.map(|event| event["id"].as_str().unwrap().to_owned()));
        self.acknowledged.len()
    }

    /// Looks at what the disk holds before any gateway touches it, and tells what was answered for and is not
    /// there.
    fn audit(&self) -> Vec<String> {
        let mut losses = Vec::new();
        let mut fsck = Command::new(env!("CARGO_BIN_EXE_chancery-gateway"));
        let fsck = fsck.args(["fsck", "--json", "--home"]).arg(self.home()).output().unwrap();
        if !fsck.status.success() {
            losses.push(format!("fsck: {}", String::from_utf8_lossy(&fsck.stdout)));
        }
        // A copy: whoever opens a database after a crash mends it.
        let copy = self.place.join("copy");
        fs::create_dir_all(&copy).unwrap();
        for name in ["gateway.db", "gateway.db-wal"] {
            let _nothing_there = fs::remove_file(copy.join(name));
            let from = self.home().join("data").join(name);
            if from.exists() {
                fs::copy(from, copy.join(name)).unwrap();
            }
        }
        let held = Connection::open(copy.join("gateway.db")).unwrap();
        let peer = self.hosts.home("XA").join("data/gateway.db");
        let peer = Connection::open_with_flags(peer, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
        let messages = texts(&held, "SELECT lower(hex(id)) FROM message");
        for id in self.acknowledged.difference(&messages) {
            losses.push(format!("{id} was acknowledged to its desk and {NOT_THERE}"));
        }
        let receipted =
            "SELECT lower(hex(id)) FROM message JOIN outgoing ON message = key WHERE receipt IS NOT NULL";
        for id in texts(&peer, receipted).difference(&messages) {
            losses.push(format!("{id} was receipted to the peer and {NOT_THERE}"));
        }
        let logs = "SELECT origin || ' ' || size FROM log WHERE mirror = ";
        let own = texts(&held, &format!("{logs}0"));
        for mirrored in texts(&peer, &format!("{logs}1")) {
            let (origin, size) = mirrored.split_once(' ').unwrap();
            let there = own.iter().filter_map(|log| log.split_once(' ')).find(|(name, _)| *name == origin);
            let there = there.map_or(0, |(_, size)| size.parse::<u64>().unwrap());
            if there < size.parse().unwrap() {
                losses.push(format!("{origin} was shown with {size} leaves and has {there}"));
            }
        }
        losses
    }
}

fn texts(database: &Connection, sql: &str) -> BTreeSet<String> {
    let mut statement = database.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| row.get(0)).unwrap();
    rows.map(Result::unwrap).collect()
}
