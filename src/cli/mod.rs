//! What a person types: the command tree, and how a command begins and ends.
//!
//! Arguments and the environment enter, an exit code leaves; what is printed goes through `output.rs` alone.
//! Every noun or verb has its own file with a struct and `async fn run(self, &Context)`. Commands ask desks and
//! gateways; they never open a gateway's store, and never print foreign text as it came.

mod acknowledging;
pub mod acts;
mod administration;
mod advice;
pub mod alarm;
mod archive;
pub mod backup;
mod capitals;
mod case_report;
pub mod casebook;
pub mod channel;
pub mod check;
pub mod clear_to_depart;
mod comparison;
pub mod completions;
pub mod config;
pub mod confirm;
pub mod consultation;
pub mod context;
pub mod countersign;
mod courier;
mod deadlines;
pub mod demo;
pub mod desk;
mod desk_failure;
mod desk_record;
mod desk_session;
mod desk_status;
mod dismissal;
pub mod doctor;
pub mod draft;
mod draft_report;
mod drafting;
pub mod environment;
pub mod error;
mod evidence_report;
mod examining;
pub mod export;
mod failures;
pub mod files;
mod forgo;
mod fork;
pub mod help;
pub mod inbox;
pub mod init;
pub mod key;
mod key_list;
mod key_office;
mod key_revoke;
mod key_rotate;
pub mod log;
pub mod man;
mod message_report;
mod names;
pub mod new;
mod operator;
pub mod outbox;
pub mod output;
mod owed;
mod paid;
pub mod passphrase;
mod paths;
mod pause;
pub mod peer;
mod peer_adopt;
mod peer_confirm;
mod peer_update;
pub mod person;
mod placeholders;
mod proofs;
pub mod queue;
mod queue_report;
pub mod read;
pub mod receipt;
mod registers;
mod registry_sent;
pub mod rehearse;
mod report;
pub mod send;
mod sent_report;
pub mod status;
mod summary;
pub mod table;
mod timeline;
pub mod trust;
pub mod untrusted;
pub mod verify;
pub mod version;
mod warnings;
pub mod withdraw;

use std::ffi::OsString;
use std::pin::Pin;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand};

use context::{Context, GlobalOptions};
use environment::Environment;
use error::CliError;
use output::Streams;

const EXAMPLES: &str = "\
Examples:
  chancery demo                                two ministries on this machine
  chancery new correspondence --to XB -o note.toml
  chancery send note.toml --wait
  chancery verify --trust DIR evidence.zip";

/// Signed, sealed, proven consultations between foreign ministries about prisoners of war
#[derive(Debug, Parser)]
#[command(name = "chancery", version, disable_help_subcommand = true, arg_required_else_help = true)]
struct CommandLine {
    #[command(flatten)]
    options: GlobalOptions,

    #[command(subcommand)]
    command: Command,
}

/// Every command, in the order in which a newcomer meets them.
#[derive(Debug, Subcommand)]
enum Command {
    Init(init::Init),
    Key(key::Key),
    Desk(desk::Desk),
    Trust(trust::Trust),
    Peer(peer::Peer),
    Channel(channel::Channel),
    Acts(acts::Acts),
    New(new::New),
    Check(check::Check),
    Send(send::Send),
    Withdraw(withdraw::Withdraw),
    Countersign(countersign::Countersign),
    Draft(draft::Draft),
    Inbox(inbox::Inbox),
    Outbox(outbox::Outbox),
    Read(read::Read),
    Receipt(receipt::Receipt),
    Consultation(consultation::Consultation),
    ClearToDepart(clear_to_depart::ClearToDepart),
    Person(person::Person),
    Casebook(casebook::Casebook),
    Export(export::Export),
    Verify(verify::Verify),
    Status(status::Status),
    Doctor(doctor::Doctor),
    Alarm(alarm::Alarm),
    Queue(queue::Queue),
    Config(config::Config),
    Log(log::Log),
    Backup(backup::Backup),
    Rehearse(rehearse::Rehearse),
    Demo(demo::Demo),
    Completions(completions::Completions),
    #[command(name = "man")]
    Manual(man::Manual),
    Help(help::Help),
    Version(version::Version),
}

impl Command {
    async fn run(self, context: &Context) -> Result<(), CliError> {
        match self {
            Self::Init(command) => apart(move || command.run(context)).await,
            Self::Key(command) => apart(move || command.run(context)).await,
            Self::Desk(command) => apart(move || command.run(context)).await,
            Self::Trust(command) => apart(move || command.run(context)).await,
            Self::Peer(command) => apart(move || command.run(context)).await,
            Self::Channel(command) => apart(move || command.run(context)).await,
            Self::Acts(command) => apart(move || command.run(context)).await,
            Self::New(command) => apart(move || command.run(context)).await,
            Self::Check(command) => apart(move || command.run(context)).await,
            Self::Send(command) => apart(move || command.run(context)).await,
            Self::Withdraw(command) => apart(move || command.run(context)).await,
            Self::Countersign(command) => apart(move || command.run(context)).await,
            Self::Draft(command) => apart(move || command.run(context)).await,
            Self::Inbox(command) => apart(move || command.run(context)).await,
            Self::Outbox(command) => apart(move || command.run(context)).await,
            Self::Read(command) => apart(move || command.run(context)).await,
            Self::Receipt(command) => apart(move || command.run(context)).await,
            Self::Consultation(command) => apart(move || command.run(context)).await,
            Self::ClearToDepart(command) => apart(move || command.run(context)).await,
            Self::Person(command) => apart(move || command.run(context)).await,
            Self::Casebook(command) => apart(move || command.run(context)).await,
            Self::Export(command) => apart(move || command.run(context)).await,
            Self::Verify(command) => apart(move || command.run(context)).await,
            Self::Status(command) => apart(move || command.run(context)).await,
            Self::Doctor(command) => apart(move || command.run(context)).await,
            Self::Alarm(command) => apart(move || command.run(context)).await,
            Self::Queue(command) => apart(move || command.run(context)).await,
            Self::Backup(command) => apart(move || command.run(context)).await,
            Self::Config(command) => apart(move || command.run(context)).await,
            Self::Log(command) => apart(move || command.run(context)).await,
            Self::Rehearse(command) => apart(move || command.run(context)).await,
            Self::Demo(command) => apart(move || command.run(context)).await,
            Self::Completions(command) => apart(move || command.run(context)).await,
            Self::Manual(command) => apart(move || command.run(context)).await,
            Self::Help(command) => apart(move || command.run(context)).await,
            Self::Version(command) => apart(move || command.run(context)).await,
        }
    }
}

/// A command that begins in a place of its own, so that none takes room on the stack for all of them.
fn apart<'a, Work>(begin: impl FnOnce() -> Work) -> Pin<Box<dyn Future<Output = Result<(), CliError>> + 'a>>
where
    Work: Future<Output = Result<(), CliError>> + 'a,
{
    Box::pin(begin())
}

/// Runs the command that `args` (the program's name first) spell, and says how it ended.
pub async fn main_with(args: impl IntoIterator<Item = OsString>, environment: Environment) -> ExitCode {
    ExitCode::from(run(args.into_iter().collect(), environment, Streams::of_process()).await)
}

/// What surrounds this process.
pub fn surroundings() -> Environment {
    Environment::of_process(output::terminals_of_process())
}

/// Says that the process could not even start to work.
pub fn no_runtime(error: &std::io::Error) {
    let context =
        Context::new(GlobalOptions::default(), surroundings(), Streams::of_process(), String::new());
    context
        .output
        .error(&CliError::failed("runtime", "the asynchronous runtime did not start").because(error));
}

async fn run(args: Vec<OsString>, environment: Environment, streams: Streams) -> u8 {
    let typed = as_typed(&args);
    let parsed = command().try_get_matches_from(&args).and_then(|matches| {
        use clap::FromArgMatches;
        CommandLine::from_arg_matches(&matches)
    });
    let (context, result) = match parsed {
        Ok(CommandLine { options, command }) => {
            let context = Context::new(options, environment, streams, typed);
            let result = command.run(&context).await;
            (context, result)
        }
        Err(error) => {
            let options = GlobalOptions { json: asks_for_json(&args), ..GlobalOptions::default() };
            let context = Context::new(options, environment, streams, typed);
            let result = help_or_usage(&context, &error);
            (context, result)
        }
    };
    match result {
        Ok(()) => 0,
        Err(error) => {
            let error = advice::advised(&context, error);
            context.output.error(&error);
            error.exit_code()
        }
    }
}

/// The command tree, for help, completions and the manual.
pub(crate) fn command() -> clap::Command {
    CommandLine::command().after_help(format!("{EXAMPLES}\n\n{}", help::topics()))
}

/// Help and version were asked for and are data; everything else is a mistake in the command.
fn help_or_usage(context: &Context, error: &clap::Error) -> Result<(), CliError> {
    let text = error.render().to_string();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => context.output.own_text(&text),
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            context.output.note(&text);
            Err(CliError::usage("usage", "a command is missing").hint(help_command(&text)))
        }
        _ => {
            let usage = usage_error(&text);
            // Of a value that is none clap says nothing of how the command is used.
            let usage = match text.contains("Usage:") {
                true => usage,
                false => usage.hint(advice::help_of(&context.typed)),
            };
            let wrong_value = error.kind() == ErrorKind::ValueValidation;
            let listed = wrong_value.then(|| lists_values(&context.typed)).flatten();
            Err(match wait_with_equals(&context.typed).or(listed) {
                Some(command) => usage.hint(command),
                None => usage,
            })
        }
    }
}

/// The command with `--wait=5s` where `--wait 5s` was typed: its duration belongs to the option by an equals sign.
fn wait_with_equals(typed: &str) -> Option<String> {
    let (before, after) = typed.split_once(" --wait ")?;
    let duration = after.split(' ').next()?;
    context::parse_duration(duration).is_ok().then(|| format!("{before} --wait={after}"))
}

/// The command that lists what may stand in the place of a value that is none, or takes the one that was typed.
fn lists_values(typed: &str) -> Option<String> {
    let of = |verb: &str| {
        let (before, after) = typed.split_once(verb)?;
        let value = after.split(' ').find(|word| !word.starts_with('-'))?;
        Some((before.to_owned(), value.to_owned()))
    };
    if let Some((before, _)) = of(" desk enrol ") {
        return Some(format!("{before} desk enrol --help"));
    }
    if let Some((before, _)) = of(" withdraw ") {
        return Some(format!("{before} withdraw --help"));
    }
    if let Some((before, value)) = of(" consultation show ") {
        return Some(match value.starts_with("P-") {
            true => format!("{before} person show {value}"),
            false => format!("{before} consultation list"),
        });
    }
    // `key new` names an office.
    let of_an_act = of(" new ").filter(|(before, _)| !before.ends_with(" key"));
    let kind = of_an_act.or_else(|| of(" acts ")).map(|(_, value)| value)?;
    acts::parse_kind(&kind).is_err().then(|| "chancery acts".to_owned())
}

/// clap's sentence as ours: its tips become causes, its usage line tells which help to read.
fn usage_error(text: &str) -> CliError {
    let mut lines = text.lines().take_while(|line| !line.starts_with("Usage:")).map(str::trim);
    let first = lines.next().unwrap_or_default();
    let message = first.strip_prefix("error: ").unwrap_or(first);
    let details = lines.filter(|line| !line.is_empty() && !line.starts_with("For more information"));
    details.fold(CliError::usage("usage", message), CliError::cause).hint(help_command(text))
}

/// The command whose help explains the usage line in `text`.
fn help_command(text: &str) -> String {
    let usage = text.lines().find_map(|line| line.trim().strip_prefix("Usage:")).unwrap_or("chancery");
    let names =
        usage.split_whitespace().take_while(|word| word.chars().all(|c| c.is_ascii_lowercase() || c == '-'));
    let names: Vec<&str> = names.take_while(|word| !word.starts_with('-')).collect();
    format!("{} --help", names.join(" "))
}

fn asks_for_json(args: &[OsString]) -> bool {
    args.iter().take_while(|arg| *arg != "--").any(|arg| arg == "--json")
}

/// The command as it was typed, quoted where a shell needs it; the program is named `chancery`.
fn as_typed(args: &[OsString]) -> String {
    let quoted = args.iter().skip(1).map(|arg| shell_word(&arg.to_string_lossy()));
    std::iter::once("chancery".to_owned()).chain(quoted).collect::<Vec<_>>().join(" ")
}

/// The command as typed, without an option and its value.
fn typed_without(typed: &str, option: &str) -> String {
    let (mut words, mut skips) = (Vec::new(), false);
    for word in typed.split(' ') {
        let named = word == option;
        let joined = word.strip_prefix(option).is_some_and(|rest| rest.starts_with('='));
        if !skips && !named && !joined {
            words.push(word);
        }
        skips = named;
    }
    words.join(" ")
}

/// The command as typed, with another word in the place of one; nothing where that one was not typed so.
fn typed_with(typed: &str, word: &str, other: &str) -> Option<String> {
    let word = shell_word(word);
    let (place, _) = typed.match_indices(&word).find(|(place, _)| {
        let after = typed.get(place.saturating_add(word.len())..).unwrap_or_default();
        typed.get(..*place).is_some_and(|before| before.ends_with(' '))
            && (after.is_empty() || after.starts_with(' '))
    })?;
    let (before, rest) = typed.split_at_checked(place)?;
    Some(format!("{before}{}{}", shell_word(other), rest.get(word.len()..)?))
}

/// One word of a shell command, quoted where a shell needs it.
pub(crate) fn shell_word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "@%+=:,./_-".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests;
