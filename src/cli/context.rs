//! `Context`: what every command is given besides its own arguments.
//!
//! The global options and the environment enter; where the home is, how to speak, whom to ask and how long to
//! wait leaves. Commands take the time and random bytes from here, so that tests can hand them others.

use std::future::Future;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use super::environment::Environment;
use super::error::{CliError, Kind};
use super::output::{Color, Output, Streams, Wishes};
use super::passphrase::PassphraseSource;
use super::{passphrase, shell_word};
use crate::entropy::{Entropy, SystemEntropy};
use crate::time::{Clock, SystemClock};

/// How long a command waits for a gateway unless `--timeout` says otherwise.
const TIMEOUT_DEFAULT: Duration = Duration::from_secs(30);

/// Where a gateway keeps its home unless told otherwise.
const GATEWAY_HOME: &str = "/var/lib/chancery";

/// Commands that open the keys of a desk, as they begin. `backup` is none of them: there a passphrase says what the file is
/// sealed under.
const OPENING: [&str; 27] = [
    "casebook",
    "channel",
    "check",
    "clear-to-depart",
    "consultation",
    "countersign",
    "desk serve",
    "doctor",
    "draft",
    "export",
    "inbox",
    "key install",
    "key new",
    "key rotate",
    "new",
    "outbox",
    "peer add",
    "peer adopt",
    "peer remove",
    "peer update",
    "person",
    "read",
    "receipt",
    "send",
    "status",
    "trust install",
    "withdraw",
];

/// Whether the words of a command begin one that opens keys, and neither ask for its help nor say a passphrase already.
fn opens_keys(words: &str) -> bool {
    let begins =
        |verb: &str| words.strip_prefix(verb).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '));
    let says_so = words.contains("--passphrase-f") || words.ends_with("--help");
    !says_so && OPENING.into_iter().any(begins)
}

/// Options that every command takes. A repeated one counts as given last, so that hints may add one.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Global options")]
pub struct GlobalOptions {
    /// Home of the desk or gateway [env: CHANCERY_HOME]
    #[arg(long, global = true, value_name = "DIR", overrides_with = "home")]
    pub home: Option<PathBuf>,

    /// Print JSON with a versioned schema
    #[arg(long, global = true)]
    pub json: bool,

    /// When to use colour
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t)]
    pub color: Color,

    /// Print only what was asked for, warnings and errors
    #[arg(short, long, global = true)]
    pub quiet: bool,

    /// Say more
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,

    /// Never ask; fail with the option to give instead
    #[arg(long, global = true)]
    pub no_input: bool,

    /// How long to wait for the own gateway, such as 30s or 2m; after `send --wait` for the receipt too
    #[arg(long, global = true, value_name = "DURATION", value_parser = parse_duration, overrides_with = "timeout")]
    pub timeout: Option<Duration>,

    /// File with the passphrase of our keys, mode 0600
    #[arg(long, global = true, value_name = "FILE", overrides_with = "passphrase_file")]
    pub passphrase_file: Option<PathBuf>,

    /// File with the passphrase of one office that has its own, mode 0600; may be given for several
    #[arg(long, global = true, value_name = "OFFICE=FILE", value_parser = passphrase::of_one)]
    pub passphrase_for: Vec<(String, PathBuf)>,
}

/// What a command runs in.
pub struct Context {
    /// How to speak.
    pub output: Output,
    /// The variables and the terminal the command was started with.
    pub environment: Environment,
    /// Where passphrases come from.
    pub passphrase: PassphraseSource,
    /// How long to wait for a gateway.
    pub timeout: Duration,
    /// The same where `--timeout` said it.
    pub timeout_asked: Option<Duration>,
    /// Whether a person may be asked.
    pub may_ask: bool,
    /// The command as it was typed, for hints that repeat it with one more option.
    pub typed: String,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Gives random bytes.
    pub entropy: Arc<dyn Entropy>,
    home: Option<PathBuf>,
    /// What `--home` named, for hints.
    typed_home: Option<PathBuf>,
}

impl Context {
    /// The context of a command typed as `typed` with these options.
    pub fn new(options: GlobalOptions, environment: Environment, streams: Streams, typed: String) -> Self {
        let wishes = Wishes {
            json: options.json,
            quiet: options.quiet,
            color: options.color,
            verbosity: options.verbose,
        };
        let may_ask = environment.input_is_terminal() && !options.no_input;
        let passphrase = PassphraseSource {
            file: options.passphrase_file,
            own: options.passphrase_for.into_iter().collect(),
            credentials: environment.path("CREDENTIALS_DIRECTORY"),
            may_ask,
            typed: typed.clone(),
        };
        Self {
            output: Output::new(wishes, &environment, streams),
            passphrase,
            timeout_asked: options.timeout,
            timeout: options.timeout.unwrap_or(TIMEOUT_DEFAULT),
            may_ask,
            typed,
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
            typed_home: options.home.clone(),
            home: options.home.or_else(|| environment.path("CHANCERY_HOME")),
            environment,
        }
    }

    /// The home if `--home` or `CHANCERY_HOME` names one; for commands that can do without.
    pub fn named_home(&self) -> Option<PathBuf> {
        self.home.clone()
    }

    /// A command that works in the same home, as it is to be typed. One that opens the keys of a desk keeps the passphrases
    /// that were given by file.
    pub fn command(&self, words: &str) -> String {
        if opens_keys(words) { self.command_with_keys(words) } else { self.here(words) }
    }

    /// The same with the passphrases whatever it is: for what comes next at night, as it stands, and in a script.
    pub fn command_with_keys(&self, words: &str) -> String {
        let file = self.passphrase.file.iter().map(|file| ("--passphrase-file", file.display().to_string()));
        let own = self.passphrase.own.iter();
        let own = own.map(|(office, file)| ("--passphrase-for", format!("{office}={}", file.display())));
        let given = file.chain(own).map(|(option, value)| format!("{option} {} ", shell_word(&value)));
        self.here(&format!("{}{words}", given.collect::<String>()))
    }

    fn here(&self, words: &str) -> String {
        match &self.typed_home {
            Some(home) => format!("chancery --home {} {words}", shell_word(&home.to_string_lossy())),
            None => format!("chancery {words}"),
        }
    }

    /// The home of a desk: the one that was named, else `$XDG_DATA_HOME/chancery`.
    pub fn desk_home(&self) -> Result<PathBuf, CliError> {
        let data = || self.environment.path("XDG_DATA_HOME").filter(|path| path.is_absolute());
        let share = || self.environment.path("HOME").map(|home| home.join(".local/share"));
        let default = || data().or_else(share).map(|path| path.join("chancery"));
        self.home.clone().or_else(default).ok_or_else(|| {
            let error = CliError::usage("no-home", "neither --home nor CHANCERY_HOME nor HOME names a place");
            error.hint(format!("{} --home DIR", self.typed))
        })
    }

    /// The home of a gateway: the one that was named, else `/var/lib/chancery`.
    pub fn gateway_home(&self) -> PathBuf {
        self.home.clone().unwrap_or_else(|| PathBuf::from(GATEWAY_HOME))
    }

    /// What `work` comes to within `--timeout`; `what` names it if the time runs out.
    pub async fn within<T>(
        &self,
        what: &str,
        work: impl Future<Output = Result<T, CliError>>,
    ) -> Result<T, CliError> {
        self.watched(self.timeout, what, || 0, work).await
    }

    /// The same for work that reads all there is: `time`, unless `--timeout` says otherwise.
    pub async fn within_time<T>(
        &self,
        time: Duration,
        what: &str,
        work: impl Future<Output = Result<T, CliError>>,
    ) -> Result<T, CliError> {
        self.watched(self.timeout_asked.unwrap_or(time), what, || 0, work).await
    }

    /// The same for work that takes its time as long as it moves: `steps` tells how often it did.
    pub async fn within_while<T>(
        &self,
        what: &str,
        steps: impl Fn() -> u64,
        work: impl Future<Output = Result<T, CliError>>,
    ) -> Result<T, CliError> {
        self.watched(self.timeout, what, steps, work).await
    }

    async fn watched<T>(
        &self,
        time: Duration,
        what: &str,
        steps: impl Fn() -> u64,
        work: impl Future<Output = Result<T, CliError>>,
    ) -> Result<T, CliError> {
        let mut work = pin!(work);
        let mut before = steps();
        let result = loop {
            match tokio::time::timeout(time, &mut work).await {
                Ok(result) => break Some(result),
                Err(_) if steps() == before => break None,
                Err(_) => before = steps(),
            }
        };
        match result {
            Some(result) => result,
            None => {
                let message = format!("{what} took longer than {} s", time.as_secs_f32());
                let error = CliError::new(Kind::TryLater, "timeout", message);
                Err(error.hint(format!("{} --timeout {}s", self.typed, time.as_secs().max(1) * 4)))
            }
        }
    }
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context").field("typed", &self.typed).finish_non_exhaustive()
    }
}

/// A duration such as `500ms`, `30s` or `2m`, longer than nothing.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is not a duration such as 500ms, 30s or 2m");
    let duration: jiff::SignedDuration = text.parse().map_err(|_| wrong())?;
    let duration = Duration::try_from(duration).map_err(|_| wrong())?;
    if duration.is_zero() { Err(wrong()) } else { Ok(duration) }
}

#[cfg(test)]
mod tests {
    use super::super::output::tests::kept_streams;
    use super::*;

    fn context(options: GlobalOptions, environment: Environment) -> Context {
        Context::new(options, environment, kept_streams().0, "chancery inbox".to_owned())
    }

    #[test]
    fn the_home_is_what_was_named_first() {
        let environment = [("CHANCERY_HOME", "/env"), ("XDG_DATA_HOME", "/xdg"), ("HOME", "/h")];
        let by_option = GlobalOptions { home: Some(PathBuf::from("/option")), ..GlobalOptions::default() };
        let home = |options, environment| context(options, environment).desk_home().unwrap();
        let none = GlobalOptions::default;
        assert_eq!(home(by_option, Environment::with_variables(environment)), PathBuf::from("/option"));
        assert_eq!(home(none(), Environment::with_variables(environment)), PathBuf::from("/env"));
        let [_, xdg, unix] = environment;
        assert_eq!(home(none(), Environment::with_variables([xdg, unix])), PathBuf::from("/xdg/chancery"));
        assert_eq!(
            home(none(), Environment::with_variables([unix])),
            PathBuf::from("/h/.local/share/chancery")
        );
        let relative = Environment::with_variables([("XDG_DATA_HOME", "xdg"), unix]);
        assert_eq!(home(none(), relative), PathBuf::from("/h/.local/share/chancery"));
        let nowhere = context(none(), Environment::default());
        assert_eq!(nowhere.desk_home().unwrap_err().hint_command(), Some("chancery inbox --home DIR"));
        assert_eq!(nowhere.gateway_home(), PathBuf::from("/var/lib/chancery"));
    }

    #[test]
    fn what_comes_next_keeps_the_passphrases_where_it_opens_keys() {
        let options = GlobalOptions {
            home: Some(PathBuf::from("xb/desk")),
            passphrase_file: Some(PathBuf::from("desk pass")),
            passphrase_for: vec![("duty-01".to_owned(), PathBuf::from("duty.pass"))],
            ..GlobalOptions::default()
        };
        let given = context(options, Environment::default());
        let keys = "--passphrase-file 'desk pass' --passphrase-for duty-01=duty.pass";
        for words in
            ["consultation show C-NZES-KW65-AN89", "inbox", "countersign XA-XB-2026-0003", "peer adopt"]
        {
            assert_eq!(given.command(words), format!("chancery --home xb/desk {keys} {words}"));
        }
        // Nothing to open; what is sealed under another passphrase; what says which.
        let bare = ["queue list", "key list", "backup create -o B", "newer", "inbox --passphrase-file FILE"];
        for words in bare.into_iter().chain(["status --help"]) {
            assert_eq!(given.command(words), format!("chancery --home xb/desk {words}"));
        }
        let none = context(GlobalOptions::default(), Environment::default());
        assert_eq!(none.command("inbox"), "chancery inbox");
        for verb in OPENING {
            let whole = super::super::command();
            let found = verb.split(' ').try_fold(&whole, |found, word| found.find_subcommand(word));
            assert!(found.is_some(), "{verb}");
        }
        assert!(OPENING.is_sorted());
    }

    #[test]
    fn durations_are_read_strictly() {
        assert_eq!(parse_duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(parse_duration("2m"), Ok(Duration::from_secs(120)));
        for wrong in ["", "0s", "-3s", "30", "soon", "5 parsecs"] {
            assert!(parse_duration(wrong).is_err(), "{wrong:?}");
        }
    }

    #[tokio::test]
    async fn what_takes_too_long_may_be_tried_later() {
        let mut context = context(GlobalOptions::default(), Environment::default());
        assert_eq!(context.within("x", async { Ok(7) }).await, Ok(7));
        context.timeout = Duration::from_millis(1);
        let error = context.within("the gateway's answer", std::future::pending::<Result<(), _>>()).await;
        let error = error.unwrap_err();
        assert_eq!(
            (error.kind(), error.hint_command()),
            (Kind::TryLater, Some("chancery inbox --timeout 4s"))
        );
        assert_eq!(context.within("x", async { Ok(7) }).await, Ok(7));
        // Its own time counts for long work, and what was asked for counts before that.
        let pause = || async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            Ok(7)
        };
        let long = Duration::from_secs(60);
        assert!(context.within("x", pause()).await.is_err());
        assert_eq!(context.within_time(long, "x", pause()).await, Ok(7));
        context.timeout_asked = Some(Duration::from_millis(1));
        assert!(context.within_time(long, "x", pause()).await.is_err());
    }
}
