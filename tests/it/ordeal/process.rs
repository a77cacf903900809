//! Gateways as processes of their own, as hosts run them, to be killed without a word.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// How long a process may take for anything.
const PATIENCE: Duration = Duration::from_secs(180);

/// A running gateway; killed when it is dropped.
pub struct Process {
    child: Child,
    /// Where it says what it has to say.
    talk: PathBuf,
}

impl Process {
    /// Starts the gateway of a home and waits until it has written where it listens.
    pub fn start(home: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chancery"));
        command.args(["gateway-run", "--home"]).arg(home).env_clear();
        Self::run(command, home, &home.join("gateway.log"))
    }

    /// The same where another program runs the gateway of a home, and talks into a file.
    pub fn run(mut command: Command, home: &Path, said: &Path) -> Self {
        let endpoint = home.join("run/endpoint");
        let _ = fs::remove_file(&endpoint);
        let talk = said.to_owned();
        let said = OpenOptions::new().append(true).create(true).open(&talk).unwrap();
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(said).spawn().unwrap();
        let mut process = Self { child, talk };
        eventually("the gateway listens", || {
            let ended = process.child.try_wait().unwrap();
            assert!(ended.is_none(), "the gateway ended: {ended:?}\n{}", process.last_words());
            endpoint.exists()
        });
        process
    }

    /// SIGKILL; returns when nothing of it is left.
    pub fn kill(mut self) {
        self.end();
    }

    /// Asks it to stop, and waits until it has, of its own accord.
    pub fn stop(mut self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        let mut code = None;
        eventually("the gateway stops", || {
            code = self.child.try_wait().unwrap();
            code.is_some()
        });
        assert!(code.is_some_and(|code| code.success()), "{code:?}\n{}", self.last_words());
    }

    /// Stops every thread of it where it is: from now on no answer leaves it.
    pub fn freeze(&self) {
        freeze(&self.child);
    }

    /// The end of what it has said.
    pub fn last_words(&self) -> String {
        let said = fs::read_to_string(&self.talk).unwrap_or_default();
        let lines: Vec<&str> = said.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }

    fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

/// Stops every thread of a process where it is, as a processor without power stops; what a thread waits for in the
/// kernel ends before this returns.
pub fn freeze(child: &Child) {
    let id = i32::try_from(child.id()).unwrap();
    kill_process(Pid::from_raw(id).unwrap(), Signal::STOP).unwrap();
    let tasks = PathBuf::from(format!("/proc/{id}/task"));
    eventually("every thread stands still", || {
        fs::read_dir(&tasks).unwrap().all(|task| {
            let stat = fs::read_to_string(task.unwrap().path().join("stat")).unwrap_or_default();
            // The name of a thread may hold anything; what follows its last parenthesis is the state.
            stat.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with('T'))
        })
    });
}

/// Waits until nothing is left of what other processes work off, however much it is: it must only become less.
pub fn dwindles(what: &str, mut left: impl FnMut() -> u64) {
    let (mut least, mut since) = (u64::MAX, Instant::now());
    loop {
        let now = left();
        if now == 0 {
            return;
        }
        if now < least {
            (least, since) = (now, Instant::now());
        }
        assert!(since.elapsed() < PATIENCE, "{what}: {now} are left and do not become less");
        pause(Duration::from_millis(50));
    }
}

/// Waits for what another process is about to do.
pub fn eventually(what: &str, mut happened: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !happened() {
        assert!(begin.elapsed() < PATIENCE, "it did not happen in time: {what}");
        pause(Duration::from_millis(10));
    }
}

/// Lets time pass on a thread of its own.
pub fn pause(time: Duration) {
    let (_never, silence) = mpsc::channel::<()>();
    let _ = silence.recv_timeout(time);
}

/// What `chancery` with these arguments printed as one JSON object; it must succeed.
pub fn operator(home: &Path, arguments: &[&str]) -> Value {
    operator_list(home, arguments).into_iter().next().unwrap_or_default()
}

/// The same for commands that print one object a line.
pub fn operator_list(home: &Path, arguments: &[&str]) -> Vec<Value> {
    let output = ask(home, arguments);
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    objects(&output)
}

/// The gateway on one screen, which is given even when something needs a person.
pub fn status(home: &Path) -> Value {
    let output = ask(home, &["status"]);
    objects(&output).into_iter().next().unwrap_or_else(|| panic!("{output:?}"))
}

/// What is damaged or missing of what the gateway in `home` keeps.
pub fn damages(home: &Path) -> Value {
    let output = ask(home, &["log", "verify"]);
    objects(&output).into_iter().next().map(|report| report["damages"].clone()).unwrap_or_default()
}

fn ask(home: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chancery"));
    command.arg("--home").arg(home).arg("--json").args(arguments).env_clear().stdin(Stdio::null());
    command.output().unwrap()
}

fn objects(output: &Output) -> Vec<Value> {
    let lines = String::from_utf8_lossy(&output.stdout);
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
