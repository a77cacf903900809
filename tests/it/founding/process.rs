//! The real executables in a directory of their own: commands that end, and gateways that run beside them.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// Nothing that is waited for takes longer on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// A directory with a short path, because sockets lie below it, and a passphrase for everything.
pub struct Place(tempfile::TempDir);

/// How a command ended.
pub struct Ended {
    pub code: i32,
    pub data: String,
    pub talk: String,
}

impl Ended {
    /// The word in `error[word]`.
    pub fn error_code(&self) -> Option<String> {
        let (_, rest) = self.talk.split_once("error[")?;
        rest.split_once(']').map(|(code, _)| code.to_owned())
    }
}

impl Place {
    pub fn new() -> Self {
        let place = Self(tempfile::Builder::new().prefix("chy").tempdir_in("/tmp").unwrap());
        let words = place.path("words");
        fs::write(&words, "correct horse battery\n").unwrap();
        fs::set_permissions(&words, fs::Permissions::from_mode(0o600)).unwrap();
        place
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Runs `chancery` with the passphrase at hand, where there can be one, and nobody to ask.
    pub fn run(&self, args: &[&str]) -> Ended {
        let mut command = self.command(env!("CARGO_BIN_EXE_chancery"));
        let founds_a_gateway = args.windows(2).any(|words| words == ["init", "gateway"]);
        if !founds_a_gateway {
            command.args(["--passphrase-file", "words"]);
        }
        finish(command.args(args))
    }

    pub fn succeed(&self, args: &[&str]) -> Ended {
        let ended = self.run(args);
        assert_eq!(ended.code, 0, "chancery {}\n{}", args.join(" "), ended.talk);
        ended
    }

    /// The one report of a command that succeeds.
    pub fn json(&self, args: &[&str]) -> Value {
        let ended = self.succeed(&[&["--json"], args].concat());
        assert_eq!(ended.talk, "");
        let report: Value = serde_json::from_str(&ended.data).unwrap();
        assert!(report["schema"].as_str().is_some_and(|schema| schema.starts_with("chancery.")), "{report}");
        report
    }

    /// Repeats a command until its report is as wanted.
    pub fn until(&self, args: &[&str], wanted: impl Fn(&Value) -> bool) {
        let begin = Instant::now();
        loop {
            let report = self.json(args);
            if wanted(&report) {
                return;
            }
            assert!(begin.elapsed() < PATIENCE, "chancery {}: {report}", args.join(" "));
        }
    }

    /// Runs `chancery-gateway` to its end.
    pub fn daemon(&self, args: &[&str]) -> Ended {
        finish(self.command(env!("CARGO_BIN_EXE_chancery-gateway")).args(args))
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.0.path()).stdin(Stdio::null()).env_clear();
        command
    }
}

fn finish(command: &mut Command) -> Ended {
    let output = command.output().unwrap();
    Ended {
        code: output.status.code().unwrap(),
        data: String::from_utf8(output.stdout).unwrap(),
        talk: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A running gateway; it is killed if the test ends without stopping it.
pub struct Gateway {
    child: Child,
    lines: Receiver<String>,
    said: Vec<String>,
}

impl Gateway {
    /// By the daemon's own executable.
    pub fn daemon(place: &Place, home: &str) -> Self {
        Self::start(place.command(env!("CARGO_BIN_EXE_chancery-gateway")).args(["run", "--home", home]))
    }

    /// By the executable of the command line, as rehearsals start it.
    pub fn rehearsed(place: &Place, home: &str) -> Self {
        Self::start(place.command(env!("CARGO_BIN_EXE_chancery")).args(["gateway-run", "--home", home]))
    }

    /// By the daemon's own executable, under a service manager that listens at `socket`.
    pub fn managed(place: &Place, home: &str, socket: &Path) -> Self {
        let mut command = place.command(env!("CARGO_BIN_EXE_chancery-gateway"));
        Self::start(command.args(["run", "--home", home]).env("NOTIFY_SOCKET", socket))
    }

    /// The service of a desk, at a local socket alone.
    pub fn of_desk(place: &Place, home: &str) -> Self {
        let mut command = place.command(env!("CARGO_BIN_EXE_chancery"));
        command.args(["--passphrase-file", "words", "--home", home]);
        Self::start(command.args(["desk", "serve", "--socket", "run/service.sock"]))
    }

    fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let talk = BufReader::new(child.stderr.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || talk.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Self { child, lines, said: Vec::new() }
    }

    /// The next line of its log that holds `text`.
    pub fn wait_for(&mut self, text: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.recv_timeout(left) else {
                panic!("the gateway never said {text:?}, but:\n{}", self.said.join("\n"));
            };
            self.said.push(line.clone());
            if line.contains(text) {
                return line;
            }
        }
    }

    pub fn hang_up(&self) {
        self.signal(Signal::HUP);
    }

    /// Asks it to stop; its exit code.
    pub fn stop(&mut self) -> Option<i32> {
        self.signal(Signal::TERM);
        self.wait_for("the gateway stopped");
        self.child.wait().unwrap().code()
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // One that has ended already is only collected.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Every file below a directory with its bytes.
pub fn tree(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(tree(&path));
        } else {
            let bytes = fs::read(&path).unwrap();
            found.insert(path, bytes);
        }
    }
    found
}
