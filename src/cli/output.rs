//! Output: the only place that writes to the terminal.
//!
//! What was asked for goes to stdout, everything else to stderr, so that a script reads one and a person both.
//! Whatever comes in may hold foreign text: both renderings leave here spelled out (`untrusted.rs`), and colour
//! is added after that. Exact bytes leave only through `raw`, which refuses a terminal.

use std::fmt;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::Value;

use super::environment::Environment;
use super::error::{CliError, Kind};
use super::table::Table;
use super::untrusted;

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Color {
    /// On a terminal that has not declined it.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How a step came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// It holds.
    Ok,
    /// It holds, but someone should look.
    Warning,
    /// It does not hold.
    Bad,
}

/// What the person asked of the output.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wishes {
    /// JSON instead of text.
    pub json: bool,
    /// Only what was asked for, and errors.
    pub quiet: bool,
    /// Colour.
    pub color: Color,
    /// How many times `-v` was given.
    pub verbosity: u8,
}

/// Where the two streams go.
pub struct Streams {
    /// What was asked for.
    pub data: Box<dyn Write + Send>,
    /// Everything else.
    pub talk: Box<dyn Write + Send>,
}

impl Streams {
    /// Those of this process.
    pub fn of_process() -> Self {
        Self { data: Box::new(io::stdout()), talk: Box::new(io::stderr()) }
    }
}

crate::consultation::opaque!(Streams);

/// Which of stdin, stdout and stderr of this process are terminals.
pub(super) fn terminals_of_process() -> [bool; 3] {
    [io::stdin().is_terminal(), io::stdout().is_terminal(), io::stderr().is_terminal()]
}

/// Writes what commands say.
pub struct Output {
    wishes: Wishes,
    data_is_terminal: bool,
    talk_is_terminal: bool,
    talk_in_color: bool,
    data: Mutex<Box<dyn Write + Send>>,
    talk: Mutex<Box<dyn Write + Send>>,
}

impl Output {
    /// An output as the person wishes it, on these streams.
    pub fn new(wishes: Wishes, environment: &Environment, streams: Streams) -> Self {
        Self {
            wishes,
            data_is_terminal: environment.output_is_terminal(),
            talk_is_terminal: environment.talk_is_terminal(),
            talk_in_color: in_color(wishes.color, environment, environment.talk_is_terminal()),
            data: Mutex::new(streams.data),
            talk: Mutex::new(streams.talk),
        }
    }

    /// Whether scripts read this.
    pub fn is_json(&self) -> bool {
        self.wishes.json
    }

    /// What was asked for: `report`, whose `schema` is `chancery.<thing>/<version>`, or its text.
    pub fn data(&self, report: &Value, text: impl FnOnce() -> String) -> Result<(), CliError> {
        if self.wishes.json {
            return self.write_data(json_line(report)?.as_bytes());
        }
        self.write_data(ending_in_newline(untrusted::lines(&text()).into_owned()).as_bytes())
    }

    /// What was asked for as one object, whether or not `--json` was given.
    pub fn object(&self, report: &Value) -> Result<(), CliError> {
        self.write_data(json_line(report)?.as_bytes())
    }

    /// A list: one JSON object a line, or a table, or for an empty table the sentence `nothing` on stderr.
    pub fn list(&self, reports: &[Value], table: &Table, nothing: &str) -> Result<(), CliError> {
        if self.wishes.json {
            return reports.iter().try_for_each(|report| self.write_data(json_line(report)?.as_bytes()));
        }
        if table.is_empty() {
            self.note(nothing);
            return Ok(());
        }
        self.write_data(untrusted::lines(&table.render()).as_bytes())
    }

    /// Exact bytes, for `-o -`; a terminal is refused.
    pub fn raw(&self, bytes: &[u8]) -> Result<(), CliError> {
        if self.data_is_terminal {
            let message = "exact bytes are not written to a terminal: name a file with -o, or a pipe";
            return Err(CliError::usage("terminal", message));
        }
        self.write_data(bytes)
    }

    /// Our own text that holds nothing foreign, such as help and completions, as it is.
    pub fn own_text(&self, text: &str) -> Result<(), CliError> {
        self.write_data(text.as_bytes())
    }

    /// What happened, for a person; silent under `--quiet` and `--json`.
    pub fn note(&self, text: &str) {
        if !self.wishes.quiet && !self.wishes.json {
            self.say(&untrusted::lines(text));
        }
    }

    /// What happened, for scripts, while the command goes on: one object on stderr; silent without `--json`.
    pub fn event(&self, report: &Value) -> Result<(), CliError> {
        if self.wishes.json {
            self.write_talk(&json_line(report)?);
        }
        Ok(())
    }

    /// What happened in detail, under `-v`.
    pub fn detail(&self, text: &str) {
        if self.wishes.verbosity > 0 {
            self.note(text);
        }
    }

    /// The command that comes next, as it is to be typed.
    pub fn next(&self, command: &str) {
        self.note(&format!("next: {command}"));
    }

    /// One checked step of a verdict. Verdicts never share a stream with the content they are about.
    pub fn step(&self, mark: Mark, text: &str) {
        if self.wishes.json || (self.wishes.quiet && mark == Mark::Ok) {
            return;
        }
        let (word, color) = match mark {
            Mark::Ok => ("ok  ", GREEN),
            Mark::Warning => ("warn", YELLOW),
            Mark::Bad => ("bad ", RED),
        };
        self.say(&format!("  {}  {}", self.painted(word, color), untrusted::line(text)));
    }

    /// A question that is answered on the same line.
    pub(super) fn question(&self, text: &str) {
        self.write_talk(&format!("{} ", untrusted::line(text)));
    }

    /// An error: `error[code]: message`, causes, hint; under `--json` one object. Never silent, unless the
    /// reader is gone or what was printed has told it.
    pub fn error(&self, error: &CliError) {
        if error.kind() == Kind::ReaderGone || error.is_told() {
            return;
        }
        if self.wishes.json {
            if let Ok(line) = json_line(&error.to_json()) {
                self.write_talk(&line);
            }
            return;
        }
        let label = self.painted(&format!("error[{}]", untrusted::line(error.code())), RED);
        let reason =
            error.reason_code().map_or_else(String::new, |reason| format!(" ({})", untrusted::line(reason)));
        self.say(&format!("{label}: {}{reason}", untrusted::lines(error.message())));
        for cause in error.causes() {
            self.say(&format!("  {}", untrusted::lines(cause).replace('\n', "\n  ")));
        }
        if let Some(hint) = error.hint_command() {
            self.say(&format!("{} {}", self.painted("hint:", YELLOW), untrusted::lines(hint)));
        }
    }

    /// The progress of `total` bytes, drawn on stderr if that is a terminal, else silent.
    pub fn progress(&self, label: &str, total: u64) -> Progress {
        if !self.talk_is_terminal || self.wishes.quiet || self.wishes.json {
            return Progress(ProgressBar::hidden());
        }
        Progress::drawn(label, total)
    }

    /// How many of `total` things are done, drawn like `progress`.
    pub fn counting(&self, label: &str, total: u64) -> Progress {
        if !self.talk_is_terminal || self.wishes.quiet || self.wishes.json {
            return Progress(ProgressBar::hidden());
        }
        Progress::of(label, total, "{msg}  [{bar:24}] {pos}/{len}")
    }

    /// Follows long work step by step: told a label, the bytes done and the bytes in all, it draws one bar after
    /// the other. Counts the steps, so that whoever waits can tell slow from stuck.
    pub fn follower(&self) -> Follower {
        let shown = self.talk_is_terminal && !self.wishes.quiet && !self.wishes.json;
        let tells = !self.wishes.quiet && !self.wishes.json;
        Follower(Arc::new(Following { shown, tells, steps: AtomicU64::new(0), bar: Mutex::new(None) }))
    }

    fn painted(&self, text: &str, color: &str) -> String {
        if self.talk_in_color { format!("{color}{text}{PLAIN}") } else { text.to_owned() }
    }

    fn say(&self, line: &str) {
        self.write_talk(&format!("{}\n", line.trim_end_matches('\n')));
    }

    /// A stderr that cannot be written to leaves nobody to tell.
    fn write_talk(&self, text: &str) {
        let mut talk = self.talk.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = talk.write_all(text.as_bytes()).and_then(|()| talk.flush());
    }

    fn write_data(&self, bytes: &[u8]) -> Result<(), CliError> {
        let mut data = self.data.lock().unwrap_or_else(PoisonError::into_inner);
        data.write_all(bytes).and_then(|()| data.flush()).map_err(|error| match error.kind() {
            ErrorKind::BrokenPipe => CliError::reader_gone(),
            _ => CliError::failed("output", "the output could not be written").because(&error),
        })
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output").field("wishes", &self.wishes).finish_non_exhaustive()
    }
}

/// A bar that follows a long transfer; it disappears when it is dropped.
#[derive(Debug)]
pub struct Progress(ProgressBar);

impl Progress {
    fn drawn(label: &str, total: u64) -> Self {
        Self::of(label, total, "{msg}  [{bar:24}] {bytes}/{total_bytes} {bytes_per_sec}")
    }

    fn of(label: &str, total: u64, template: &str) -> Self {
        let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
        bar.set_style(
            ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()),
        );
        bar.set_message(untrusted::line(label).into_owned());
        Self(bar)
    }

    /// Moves on by so many bytes or things.
    pub fn advance(&self, by: u64) {
        self.0.inc(by);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// A row of bars for one command. Clones draw the same.
#[derive(Debug, Clone)]
pub struct Follower(Arc<Following>);

#[derive(Debug)]
struct Following {
    shown: bool,
    tells: bool,
    steps: AtomicU64,
    bar: Mutex<Option<(String, u64, Progress)>>,
}

impl Follower {
    /// One step: what is done, how much of it, of how much in all.
    pub fn step(&self, label: &str, done: u64, whole: u64) {
        self.0.steps.fetch_add(1, Ordering::Relaxed);
        if !self.0.shown {
            return;
        }
        let mut bar = self.0.bar.lock().unwrap_or_else(PoisonError::into_inner);
        if !bar.as_ref().is_some_and(|(shown, total, _)| shown == label && *total == whole) {
            *bar = Some((label.to_owned(), whole, Progress::drawn(label, whole)));
        }
        if let Some((_, _, progress)) = bar.as_ref() {
            progress.0.set_position(done);
        }
        if done >= whole {
            *bar = None;
        }
    }

    /// What happened, for a person, from wherever the work is done; silent under `--quiet` and `--json`.
    pub fn tell(&self, text: &str) {
        if self.0.tells {
            // Nobody is left to tell where stderr cannot be written to.
            let _unheard = writeln!(std::io::stderr(), "{}", untrusted::line(text));
        }
    }

    /// How many steps there were.
    pub fn steps(&self) -> u64 {
        self.0.steps.load(Ordering::Relaxed)
    }
}

const RED: &str = "\u{1b}[1;31m";
const YELLOW: &str = "\u{1b}[33m";
const GREEN: &str = "\u{1b}[32m";
const PLAIN: &str = "\u{1b}[0m";

/// `--color` first, then `NO_COLOR`, then `CLICOLOR_FORCE`, then what the terminal is.
fn in_color(wish: Color, environment: &Environment, is_terminal: bool) -> bool {
    match wish {
        Color::Always => true,
        Color::Never => false,
        Color::Auto if environment.variable("NO_COLOR").is_some() => false,
        Color::Auto if environment.variable("CLICOLOR_FORCE").is_some_and(|value| value != "0") => true,
        Color::Auto => is_terminal && environment.variable("TERM").is_none_or(|term| term != "dumb"),
    }
}

/// One line; a report without a versioned schema is our own mistake, and scripts must not come to rely on it.
fn json_line(report: &Value) -> Result<String, CliError> {
    if !report.get("schema").and_then(Value::as_str).is_some_and(is_schema) {
        return Err(CliError::failed("schema", "a report without a versioned schema was not printed"));
    }
    Ok(ending_in_newline(untrusted::json(&report.to_string())))
}

/// `chancery.<thing>/<version>`.
fn is_schema(schema: &str) -> bool {
    let parts = schema.strip_prefix("chancery.").and_then(|rest| rest.split_once('/'));
    parts.is_some_and(|(thing, version)| {
        !thing.is_empty()
            && thing.chars().all(|c| c.is_ascii_lowercase() || c == '-')
            && version.parse::<u32>().is_ok_and(|version| version > 0)
    })
}

fn ending_in_newline(mut text: String) -> String {
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

#[cfg(test)]
pub(super) mod tests;
