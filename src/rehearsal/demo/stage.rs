//! The stage: runs commands and gateways as child processes and tells the audience what a person would see.

use std::fs::{self, File};
use std::io;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};

/// Time for a gateway to open its listeners.
const START_DEADLINE: Duration = Duration::from_secs(10);
/// Time for a gateway to end after it was asked to.
const STOP_DEADLINE: Duration = Duration::from_secs(5);
/// Pause between looks for something that is about to happen.
const LOOK_PAUSE: Duration = Duration::from_millis(20);
/// Lines of output shown of one command where nothing else is said; the rest is left out with a word.
pub(super) const SHOWN: usize = 24;

/// Who watches (port): the command line prints, tests collect.
pub trait Audience: Send + Sync {
    /// A new scene begins.
    fn scene(&self, title: &str);
    /// Something is told between commands.
    fn told(&self, text: &str);
    /// A command is typed at a prompt.
    fn typed(&self, prompt: &str, command: &str);
    /// What the command answered.
    fn answered(&self, text: &str);
}

/// Why the demonstration ended before its end.
#[derive(Debug, thiserror::Error)]
pub enum DemoFailure {
    /// The folder is there already.
    #[error("{0} exists already")]
    FolderExists(PathBuf),
    /// The folder is there, but no demonstration made it.
    #[error("{0} was not made by a demonstration and is left alone")]
    NotOurs(PathBuf),
    /// A signal told it to end.
    #[error("the demonstration was told to end, and its gateways with it")]
    Ended,
    /// A file or process could not be handled.
    #[error("{what}: {cause}")]
    System {
        /// What was being done.
        what: String,
        /// Why it failed.
        cause: io::Error,
    },
    /// A command did not end as it should.
    #[error("`{command}` ended with {found} where {expected} was expected:\n{output}")]
    Command {
        /// As typed.
        command: String,
        /// Exit code that was expected.
        expected: i32,
        /// How it ended.
        found: String,
        /// What it said.
        output: String,
    },
    /// A command did not say what the story needs.
    #[error("`{0}` did not tell {1}")]
    Silent(String, &'static str),
    /// A gateway did not start.
    #[error("the gateway of {0} did not start; see {1}")]
    NoGateway(&'static str, PathBuf),
}

impl DemoFailure {
    pub(super) fn system(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |cause| Self::System { what, cause }
    }
}

/// At whose prompt a command is typed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Prompt {
    /// What the prompt shows.
    pub(super) name: &'static str,
    /// Home of the commands typed there, within the folder; empty for none.
    pub(super) home: &'static str,
    /// Folder with the passphrase, within the folder.
    pub(super) credentials: &'static str,
}

/// A command with its expected end.
#[derive(Debug, Clone)]
pub(super) struct Line<'a> {
    pub(super) prompt: Prompt,
    pub(super) arguments: Vec<&'a str>,
    pub(super) code: i32,
    /// Lines of its output that are shown from the beginning.
    pub(super) shown: usize,
    /// Lines that are shown from the end where not all are.
    pub(super) last: usize,
}

/// What a command said.
#[derive(Debug, Clone)]
pub(super) struct Said {
    /// As typed.
    pub command: String,
    /// Its standard output.
    pub data: String,
    /// Its standard error.
    pub talk: String,
}

/// The folder, our executable and the audience.
pub(super) struct Stage<'a> {
    pub(super) folder: PathBuf,
    pub(super) executable: &'a Path,
    pub(super) audience: &'a dyn Audience,
}

/// A running gateway.
pub(super) struct RunningGateway {
    child: Child,
    pub(super) pid: u32,
    pub(super) ministry: &'static str,
}

impl Stage<'_> {
    /// Runs one command, shows it and checks how it ended.
    pub(super) async fn run(&self, line: Line<'_>) -> Result<Said, DemoFailure> {
        let said = self.run_quietly(&line).await?;
        self.show(&line, &said);
        Ok(said)
    }

    /// Runs two commands at the same time, then shows them one after the other.
    pub(super) async fn run_both(&self, one: Line<'_>, other: Line<'_>) -> Result<(Said, Said), DemoFailure> {
        let (first, second) = tokio::try_join!(self.run_quietly(&one), self.run_quietly(&other))?;
        self.show(&one, &first);
        self.show(&other, &second);
        Ok((first, second))
    }

    /// Runs one command with `--json` behind it, unseen, for what the story itself must know.
    pub(super) async fn ask(
        &self,
        prompt: Prompt,
        arguments: &[&str],
    ) -> Result<serde_json::Value, DemoFailure> {
        let mut arguments = arguments.to_vec();
        arguments.push("--json");
        let said = self.run_quietly(&Line { prompt, arguments, code: 0, shown: 0, last: 0 }).await?;
        // Lists are one object a line; the story asks for single things.
        let first = said.data.lines().next().unwrap_or_default();
        serde_json::from_str(first).map_err(|_| DemoFailure::Silent(said.command, "JSON"))
    }

    async fn run_quietly(&self, line: &Line<'_>) -> Result<Said, DemoFailure> {
        let command = typed(&line.arguments);
        let mut child = Command::new(self.executable);
        child.args(&line.arguments).current_dir(&self.folder).stdin(Stdio::null()).kill_on_drop(true);
        child.env_remove("CHANCERY_HOME").env("NO_COLOR", "1");
        if !line.prompt.home.is_empty() {
            child.env("CHANCERY_HOME", self.folder.join(line.prompt.home));
        }
        child.env("CREDENTIALS_DIRECTORY", self.folder.join(line.prompt.credentials));
        let output = child.output().await.map_err(DemoFailure::system(command.clone()))?;
        let said = Said {
            command: command.clone(),
            data: String::from_utf8_lossy(&output.stdout).into_owned(),
            talk: String::from_utf8_lossy(&output.stderr).into_owned(),
        };
        if output.status.code() == Some(line.code) {
            return Ok(said);
        }
        let found = output.status.to_string();
        let all = format!("{}{}", said.data, said.talk);
        Err(DemoFailure::Command { command, expected: line.code, found, output: all })
    }

    fn show(&self, line: &Line<'_>, said: &Said) {
        self.audience.typed(line.prompt.name, &said.command);
        let lines: Vec<&str> = said.talk.lines().chain(said.data.lines()).collect();
        let left_out = lines.len().saturating_sub(line.shown.saturating_add(line.last));
        let omission = format!("... ({left_out} more lines)");
        let mut shown: Vec<&str> = lines.iter().take(line.shown).copied().collect();
        match left_out {
            0 => shown.clone_from(&lines),
            _ => {
                shown.push(&omission);
                shown.extend(lines.iter().skip(line.shown.saturating_add(left_out)));
            }
        }
        let shown = shown.join("\n");
        self.audience.answered(&shown);
        if line.code != 0 {
            self.audience.answered(&format!("(exit code {})", line.code));
        }
    }

    /// Starts a gateway as a process of our own executable and waits until it listens.
    pub(super) async fn start_gateway(
        &self,
        ministry: &'static str,
        home: &str,
    ) -> Result<RunningGateway, DemoFailure> {
        let home = self.folder.join(home);
        let log = home.join("gateway.log");
        let written = File::create(&log).map_err(DemoFailure::system(log.display().to_string()))?;
        let mut child = Command::new(self.executable)
            .arg("gateway-run")
            .arg("--home")
            .arg(&home)
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(written)
            // A demonstration that fails leaves nothing running.
            .kill_on_drop(true)
            .spawn()
            .map_err(DemoFailure::system("starting a gateway"))?;
        let pid = child.id().unwrap_or_default();
        let started = tokio::time::timeout(START_DEADLINE, async {
            while !home.join("run/endpoint").exists() {
                if child.try_wait().ok().flatten().is_some() {
                    return false;
                }
                tokio::time::sleep(LOOK_PAUSE).await;
            }
            true
        });
        match started.await {
            Ok(true) => Ok(RunningGateway { child, pid, ministry }),
            _ => Err(DemoFailure::NoGateway(ministry, log)),
        }
    }

    /// Writes a file within the folder.
    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), DemoFailure> {
        let path = self.folder.join(name);
        let parent = path.parent().unwrap_or(&self.folder);
        fs::create_dir_all(parent).map_err(DemoFailure::system(parent.display().to_string()))?;
        fs::write(&path, bytes).map_err(DemoFailure::system(path.display().to_string()))
    }
}

impl RunningGateway {
    /// Lets the gateway run on after the demonstration has ended.
    pub(super) fn leave(self) {
        // Dropping the handle would end the process.
        std::mem::forget(self.child);
    }

    /// Asks the gateway to end and waits until it has.
    pub(super) async fn stop(mut self) -> Result<(), DemoFailure> {
        let stopping = || format!("stopping the gateway of {}", self.ministry);
        let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw);
        if let Some(pid) = pid {
            kill_process(pid, Signal::TERM).map_err(|cause| DemoFailure::system(stopping())(cause.into()))?;
        }
        match tokio::time::timeout(STOP_DEADLINE, self.child.wait()).await {
            Ok(ended) => ended.map(|_| ()).map_err(DemoFailure::system(stopping())),
            Err(_) => self.child.kill().await.map_err(DemoFailure::system(stopping())),
        }
    }
}

/// Ports that nobody listens on now, all different.
pub(super) fn free_ports<const N: usize>() -> Result<[u16; N], DemoFailure> {
    let failed = || DemoFailure::system("looking for free ports");
    let mut held = Vec::with_capacity(N);
    let mut ports = [0; N];
    for port in &mut ports {
        let listener = TcpListener::bind("127.0.0.1:0").map_err(failed())?;
        *port = listener.local_addr().map_err(failed())?.port();
        held.push(listener);
    }
    Ok(ports)
}

/// A command as it would be typed.
fn typed(arguments: &[&str]) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@,".contains(c);
    let mut line = "chancery".to_owned();
    for argument in arguments {
        line.push(' ');
        if !argument.is_empty() && argument.chars().all(plain) {
            line.push_str(argument);
        } else {
            line.push_str(&format!("\"{argument}\""));
        }
    }
    line
}
