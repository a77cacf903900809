//! Two ministries by the clock of this machine: XB in this process, the gateway of XA as a process of its own over
//! a disk that can be small.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use chancery::desk::register::SentEntry;
use chancery::entropy::SystemEntropy;
use chancery::rehearsal::RehearsalFault;
use chancery::rehearsal::founding::Plan;
use chancery::rehearsal::world::World;
use chancery::time::SystemClock;
use rustix::process::{Pid, Signal, getuid, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Net, PATIENCE, all_sound, forms, ministry, mould, passphrase};

pub struct Site {
    world: World,
    daemon: Option<Daemon>,
    directory: TempDir,
}

struct Daemon {
    child: Child,
    lines: Receiver<String>,
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            for process in children(self.child.id()) {
                let _ended_already = kill_process(process, Signal::KILL);
            }
            let _ended_already = self.child.kill();
            let _collected = self.child.wait();
        }
    }
}

impl Site {
    /// Founded and joined; the gateway of XA has stopped in this process.
    pub async fn found() -> Self {
        let directory = tempfile::Builder::new().prefix("chy").tempdir_in("/tmp").unwrap();
        let net = Net::next();
        let plan = |(place, code): (usize, &str)| {
            let host = net.host(place);
            Plan::new(mould::founding(code), &format!("{host}:7101"), &format!("{host}:7102")).unwrap()
        };
        let plans = ["XA", "XB"].into_iter().enumerate().map(plan).collect();
        let (clock, entropy) = (Arc::new(SystemClock), Arc::new(SystemEntropy));
        let world = World::found(directory.path(), plans, &passphrase(), clock, entropy).await.unwrap();
        all_sound(&world).await;
        let mut site = Self { world, daemon: None, directory };
        site.stop("XA").await;
        site
    }

    pub fn folder(&self) -> &Path {
        self.directory.path()
    }

    pub fn home(&self) -> PathBuf {
        self.directory.path().join("xa/gateway")
    }

    pub fn data(&self, code: &str) -> PathBuf {
        self.directory.path().join(code.to_lowercase()).join("gateway/data")
    }

    /// Puts the data of XA on a disk of 24 MiB; none where that is not permitted here.
    pub fn small_disk(&self) -> Option<SmallDisk> {
        small_disk_at(&self.data("XA"), &self.folder().join("aside"))
    }

    /// Replaces what `gateway.toml` of XA says of the store.
    pub fn configure(&self, store: &str) {
        let path = self.home().join("gateway.toml");
        let text = fs::read_to_string(&path).unwrap();
        let (rest, _) = text.rsplit_once("\n[store]\n").unwrap();
        fs::write(&path, format!("{rest}\n[store]\n{store}")).unwrap();
    }

    pub async fn start(&mut self, code: &str) {
        self.world.house_mut(&ministry(code)).unwrap().start().await.unwrap();
    }

    pub async fn stop(&mut self, code: &str) {
        self.world.house_mut(&ministry(code)).unwrap().stop().await.unwrap();
    }

    pub fn start_daemon(&mut self, before: &[&str]) {
        assert!(self.try_daemon(before), "the gateway did not start");
    }

    /// Starts the gateway of XA, below another command where one is named; false where it ends instead.
    pub fn try_daemon(&mut self, before: &[&str]) -> bool {
        let program = env!("CARGO_BIN_EXE_chancery-gateway");
        let words: Vec<&str> = before.iter().copied().chain([program, "run", "--home"]).collect();
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).arg(self.home()).stdin(Stdio::null()).stdout(Stdio::null());
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let talk = BufReader::new(child.stderr.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || talk.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        let daemon = self.daemon.insert(Daemon { child, lines });
        let deadline = Instant::now() + PATIENCE;
        loop {
            match daemon.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) if line.contains("the gateway listens") => return true,
                Ok(_) => {}
                Err(_) => return false,
            }
        }
    }

    /// The exit code, where the gateway has ended. One whose store stopped is given the time to end.
    pub fn ended(&mut self) -> Option<Option<i32>> {
        let daemon = self.daemon.as_mut()?;
        let stopped =
            daemon.lines.try_iter().any(|line| line.contains("store stopped") || line.contains("ended"));
        match daemon.child.try_wait().unwrap() {
            Some(status) => Some(status.code()),
            None if stopped => Some(self.wait_for_end()),
            None => None,
        }
    }

    pub fn wait_for_end(&mut self) -> Option<i32> {
        let mut daemon = self.daemon.take().unwrap();
        let deadline = Instant::now() + PATIENCE;
        while daemon.child.try_wait().unwrap().is_none() {
            assert!(Instant::now() < deadline, "a gateway whose store has failed goes on");
            std::thread::park_timeout(Duration::from_millis(20));
        }
        daemon.child.wait().unwrap().code()
    }

    pub fn stop_daemon(&mut self) -> Option<i32> {
        let id = self.daemon.as_ref().unwrap().child.id();
        let below = children(id);
        let own = Pid::from_raw(i32::try_from(id).unwrap());
        for process in if below.is_empty() { own.into_iter().collect() } else { below } {
            kill_process(process, Signal::TERM).unwrap();
        }
        self.wait_for_end()
    }

    /// Exit code and report of fsck over the home of XA; the report is empty where all is well.
    pub fn fsck(&self) -> (Option<i32>, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chancery-gateway"));
        let output = command.args(["fsck", "--home"]).arg(self.home()).output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap() + &String::from_utf8_lossy(&output.stderr);
        (output.status.code(), if output.status.success() { String::new() } else { said })
    }

    pub async fn send(&self, from: &str, words: &str) -> Result<SentEntry, RehearsalFault> {
        let to = if from == "XA" { "XB" } else { "XA" };
        let form = forms::memorandum(to, "new", words);
        let sent = self.world.house(&ministry(from)).unwrap().send(&form, self.folder()).await?;
        Ok(sent.into_iter().next().unwrap())
    }

    /// The same with a document that travels beside the message.
    pub async fn send_document(&self, from: &str, content: &[u8]) -> SentEntry {
        let to = if from == "XA" { "XB" } else { "XA" };
        fs::write(self.folder().join("scan.bin"), content).unwrap();
        let document = "\n[[document]]\nid = \"scan\"\npath = \"scan.bin\"\ntitle = \"Scan\"\n\
                        class = \"EVIDENCE\"\nlanguage = \"und\"\n";
        let form = forms::memorandum(to, "new", "With a scan.") + document;
        let sent = self.world.house(&ministry(from)).unwrap().send(&form, self.folder()).await.unwrap();
        sent.into_iter().next().unwrap()
    }

    /// Everything that the desk of a ministry has released.
    pub fn sent(&self, code: &str) -> Vec<SentEntry> {
        self.world.house(&ministry(code)).unwrap().desk().unwrap().register().sent().unwrap()
    }

    /// Hands over what the gateway has not taken yet.
    pub async fn resume(&self, code: &str) {
        let house = self.world.house(&ministry(code)).unwrap();
        let desk = house.desk().unwrap();
        let mut mailbox = desk.mailbox(house.keys()).await.unwrap();
        desk.resume(&desk.trust().unwrap(), &mut mailbox).await.unwrap();
    }

    pub async fn settled(&self, code: &str, copy: &SentEntry) -> SentEntry {
        let house = self.world.house(&ministry(code)).unwrap();
        let settled = house.settled(copy, PATIENCE).await.unwrap();
        settled.unwrap_or_else(|| panic!("{} was not settled in time", copy.id))
    }

    /// Waits until the gateway of XA says so of itself.
    pub fn until_status(&self, what: &str, holds: impl Fn(&Value) -> bool) {
        self.until(what, || {
            let mut command = Command::new(env!("CARGO_BIN_EXE_chancery"));
            let output = command.args(["--json", "--home"]).arg(self.home()).arg("status").output().unwrap();
            serde_json::from_slice(&output.stdout).is_ok_and(|status| holds(&status))
        });
    }

    pub fn until(&self, what: &str, holds: impl Fn() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !holds() {
            assert!(Instant::now() < deadline, "waited in vain: {what}");
            std::thread::park_timeout(Duration::from_millis(50));
        }
    }
}

/// Puts what is in a directory on a disk of 24 MiB; none where that is not permitted here.
pub fn small_disk_at(data: &Path, aside: &Path) -> Option<SmallDisk> {
    let mount = ["-t", "tmpfs", "-o", "size=24m,mode=700", "chancery-test"];
    if !getuid().is_root() {
        eprintln!("SKIPPED a full disk under a real gateway: only root mounts a small one");
        return None;
    }
    crate::archive::copy(data, aside);
    let mounted = Command::new("mount").args(mount).arg(data).output();
    if !mounted.is_ok_and(|output| output.status.success()) {
        eprintln!("SKIPPED a full disk under a real gateway: mount is refused");
        return None;
    }
    let disk = SmallDisk(data.to_owned());
    crate::archive::copy(aside, disk.path());
    Some(disk)
}

/// A small file system; it goes when this goes.
pub struct SmallDisk(PathBuf);

impl SmallDisk {
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a gateway that a failed test has left may still hold it.
        let _gone = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// Writes `filler` so large that so many bytes stay free.
pub fn leave_free(disk: &Path, filler: &Path, free: u64) {
    let _nothing_there = fs::remove_file(filler);
    let seen = rustix::fs::statvfs(disk).unwrap();
    let bytes = (seen.f_bavail * seen.f_frsize).saturating_sub(free);
    fs::write(filler, vec![7; usize::try_from(bytes).unwrap()]).unwrap();
}

fn children(process: u32) -> Vec<Pid> {
    let path = format!("/proc/{process}/task/{process}/children");
    let listed = fs::read_to_string(path).unwrap_or_default();
    listed.split_whitespace().filter_map(|id| Pid::from_raw(id.parse().ok()?)).collect()
}
