//! The demonstration, as a newcomer runs it: it plays to its end, its evidence is checked with other tools, and
//! gateways killed in the middle of the exchange lose and double nothing.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::tools;

/// A folder with a short name: Unix socket paths are limited to 107 bytes.
fn folder() -> tempfile::TempDir {
    tempfile::Builder::new().prefix("ch").tempdir_in("/tmp").unwrap()
}

fn chancery(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chancery"));
    command.current_dir(folder).stdin(Stdio::null()).env_remove("CHANCERY_HOME").env("NO_COLOR", "1");
    command
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn play(folder: &Path, arguments: &[&str]) -> Output {
    chancery(folder).arg("demo").args(arguments).output().unwrap()
}

#[test]
fn the_demonstration_plays_to_its_end_and_does_not_overwrite_itself() {
    let place = folder();
    let output = play(place.path(), &[]);
    let said = text(&output);
    assert!(output.status.success(), "{said}");
    for shown in ["peer add", "send papers/position.toml", "evidence.zip", "(exit code 3)", "(exit code 4)"] {
        assert!(said.contains(shown), "{shown} is missing in:\n{said}");
    }
    let demo = place.path().join("demo");
    assert!(demo.join("evidence.zip").exists() && demo.join("trust/XA.bundle").exists());

    let again = play(place.path(), &[]);
    assert_eq!(again.status.code(), Some(7), "{}", text(&again));
    let stranger = place.path().join("other");
    fs::create_dir(&stranger).unwrap();
    fs::write(stranger.join("thesis.txt"), "mine").unwrap();
    let refused = play(place.path(), &["--fresh", "--dir", "other"]);
    assert_eq!(refused.status.code(), Some(7), "{}", text(&refused));
    assert!(stranger.join("thesis.txt").exists(), "what no demonstration made is left alone");

    without_chancery(&demo);
}

/// Runs the commands the demonstration printed, in a folder where node finds `age-encryption`.
fn without_chancery(demo: &Path) {
    let modules = tools::node_modules();
    if !modules.join("age-encryption").is_dir() {
        eprintln!("SKIPPED checking the demonstration's evidence without Chancery: npm package not found");
        return;
    }
    symlink(modules, demo.join("node_modules")).unwrap();
    let script = fs::read_to_string(demo.join("without-chancery.sh")).unwrap();
    for tool in ["openssl cms -verify", "python3 verify_proof.py", "node open_part.mjs"] {
        assert!(script.contains(tool), "{tool} is missing in:\n{script}");
    }
    let output = Command::new("sh").arg("without-chancery.sh").current_dir(demo).output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
}

/// Two ministries left running by the demonstration.
struct Running {
    demo: PathBuf,
    gateways: BTreeMap<&'static str, u32>,
    children: Vec<Child>,
    _place: tempfile::TempDir,
}

impl Running {
    fn new() -> Self {
        let place = folder();
        let output = play(place.path(), &["--keep"]);
        let said = text(&output);
        assert!(output.status.success(), "{said}");
        let pids = said.lines().find_map(|line| line.split("To end: kill ").nth(1)).expect("process ids");
        let pids: Vec<u32> = pids.split_whitespace().map(|pid| pid.parse().unwrap()).collect();
        let gateways = BTreeMap::from([("xa", pids[0]), ("xb", pids[1])]);
        Self { demo: place.path().join("demo"), gateways, children: Vec::new(), _place: place }
    }

    fn kill(&mut self, side: &'static str) {
        let pid = self.gateways.remove(side).expect("the gateway runs");
        let killed = Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap();
        assert!(killed.success());
        // Only when it is gone has it let go of its store.
        eventually("the killed gateway is gone", || {
            let state = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            state.rsplit(')').next().is_none_or(|rest| rest.is_empty() || rest.trim_start().starts_with('Z'))
        });
    }

    /// Starts a gateway again and waits until it has written where it listens.
    fn start(&mut self, side: &'static str) {
        let home = self.demo.join(side).join("gateway");
        let endpoint = home.join("run/endpoint");
        fs::remove_file(&endpoint).unwrap();
        let log = fs::OpenOptions::new().append(true).create(true).open(home.join("gateway.log")).unwrap();
        let mut command = chancery(&self.demo);
        command.args(["gateway-run", "--home"]).arg(&home).stdout(Stdio::null()).stderr(log);
        let child = command.spawn().unwrap();
        self.gateways.insert(side, child.id());
        self.children.push(child);
        eventually("the gateway listens", || endpoint.exists());
    }

    fn desk(&self, side: &str, arguments: &[&str]) -> Output {
        let mut command = chancery(&self.demo);
        command.env("CHANCERY_HOME", self.demo.join(side).join("desk"));
        command.env("CREDENTIALS_DIRECTORY", self.demo.join(side));
        command.args(arguments).output().unwrap()
    }

    /// The register numbers in a desk's list, in its order.
    fn references(&self, side: &str, list: &str) -> Vec<(String, String)> {
        let output = self.desk(side, &[list, "--json"]);
        assert!(output.status.success(), "{}", text(&output));
        let lines = String::from_utf8(output.stdout).unwrap();
        let field =
            |value: &serde_json::Value, name: &str| value[name].as_str().unwrap_or_default().to_owned();
        let rows = lines.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        rows.map(|row| (field(&row, "ref"), field(&row, "state"))).collect()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        for pid in self.gateways.values() {
            let _ = Command::new("kill").arg(pid.to_string()).status();
        }
        for child in &mut self.children {
            let _ = child.wait();
        }
    }
}

/// Waits for something that another process is about to do, looking again and again for a minute at most.
fn eventually(what: &str, mut happened: impl FnMut() -> bool) {
    let begin = Instant::now();
    let (_never, pause) = mpsc::channel::<()>();
    while !happened() {
        assert!(begin.elapsed() < Duration::from_secs(60), "it did not happen in time: {what}");
        let _ = pause.recv_timeout(Duration::from_millis(20));
    }
}

#[test]
fn killing_either_gateway_in_the_middle_of_the_exchange_loses_and_doubles_nothing() {
    let mut running = Running::new();
    let form = fs::read_to_string(running.demo.join("papers/position.toml")).unwrap();
    let send = |running: &Running| {
        let output = running.desk("xa", &["send", "papers/position.toml", "--yes"]);
        assert!(output.status.success(), "{}", text(&output));
    };
    assert!(form.contains("position-statement"));
    let before = running.references("xb", "inbox").len();

    running.kill("xb");
    send(&running);
    running.kill("xa");
    running.start("xa");
    send(&running);
    running.start("xb");
    send(&running);
    running.kill("xb");
    running.start("xb");
    running.kill("xa");
    running.start("xa");
    send(&running);

    let delivered = |running: &Running| {
        let sent = running.references("xa", "outbox");
        sent.iter().all(|(_, state)| state == "delivered").then_some(sent)
    };
    eventually("everything is delivered", || delivered(&running).is_some());
    let mut sent: Vec<String> = running.references("xa", "outbox").into_iter().map(|(one, _)| one).collect();
    let mut received: Vec<String> =
        running.references("xb", "inbox").into_iter().map(|(one, _)| one).collect();
    sent.sort();
    received.sort();
    assert_eq!(received, sent, "every message arrived once, and nothing else did");
    assert_eq!(received.len(), before + 4);
    for side in ["xa", "xb"] {
        let mut command = chancery(&running.demo);
        command.env("CHANCERY_HOME", running.demo.join(side).join("gateway"));
        let output = command.args(["log", "verify"]).output().unwrap();
        assert!(output.status.success(), "{}", text(&output));
    }
}

/// Processes of this machine that run a gateway below a folder.
fn gateways_below(folder: &Path) -> Vec<u32> {
    let below = folder.to_string_lossy().into_owned();
    let processes =
        fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let runs = |pid: &u32| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).into_owned();
        line.contains("gateway-run") && line.contains(&below)
    };
    processes.filter(runs).collect()
}

#[test]
fn a_demonstration_that_is_told_to_end_leaves_no_gateway_running() {
    let place = folder();
    let mut child =
        chancery(place.path()).arg("demo").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let demo = place.path().join("demo");
    let listening = |side: &str| demo.join(side).join("gateway/run/endpoint").exists();
    eventually("both gateways listen", || listening("xa") && listening("xb"));
    assert_eq!(gateways_below(place.path()).len(), 2, "the search finds what is there");
    let told = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(told.success());
    assert_eq!(child.wait().unwrap().code(), Some(1));
    eventually("no gateway is left", || gateways_below(place.path()).is_empty());
}
