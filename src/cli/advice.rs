//! What to do next, for failures that do not know it where they arise: one table from stable words to commands.
//!
//! An error enters as it came up, with the command that was typed; it leaves with a hint wherever there is an exact
//! command. A hint that stands already is never replaced. What no command of anybody mends is listed, with the reason;
//! the tests walk every word that the command line fails with, and find each of them here or there.

use super::context::Context;
use super::error::{CliError, Kind};
use super::{placeholders, shell_word, typed_without};

/// Words of failures after which there is nothing to type, and why.
#[cfg(test)]
const NOTHING_TO_TYPE: [(&str, &str); 9] = [
    ("entropy", "the operating system gives no random bytes: nothing that is typed here changes that"),
    ("executable", "the program does not find its own file"),
    ("manual", "a page of the manual could not be rendered: a defect of this release"),
    ("output", "only the shell knows where the output goes"),
    ("reader-gone", "whoever read our output closed it, and reads nothing more"),
    ("runtime", "the process could not begin to work"),
    ("schema", "a report without a schema: a defect of this release"),
    ("signals", "the operating system lets nobody listen to signals"),
    ("told", "what was printed has told everything"),
];

/// The error with the command that comes next, and with what stands in it for a folder.
pub(super) fn advised(context: &Context, error: CliError) -> CliError {
    placeholders::explained(led_on(context, error))
}

fn led_on(context: &Context, error: CliError) -> CliError {
    if let Some(hint) = error.hint_command().map(str::to_owned) {
        // A hint that names no home would be about another one.
        let elsewhere = hint.strip_prefix("chancery ").filter(|words| !names_its_home(words));
        return placed(error, elsewhere.map_or(hint.clone(), |words| context.command(words)));
    }
    match next(context, &error) {
        Some(command) => placed(error, command),
        None => error,
    }
}

/// A command that somebody else types says where in a line of its own: a hint is typed as it stands.
fn placed(error: CliError, command: String) -> CliError {
    match command.rsplit_once(", at ").filter(|(_, place)| !place.contains('\'')) {
        Some((command, place)) => {
            error.cause(format!("the next command is to be typed at {place}")).hint(command)
        }
        None => error.hint(command),
    }
}

/// Whether the words of a command say which home they are about, or are about none.
fn names_its_home(words: &str) -> bool {
    const HOMELESS: [&str; 7] = ["acts", "demo", "help", "init", "rehearse", "verify", "version"];
    let mut words = words.split_whitespace();
    words.clone().any(|word| word == "--home" || word == "--ministry-home")
        || words.next().is_some_and(|verb| HOMELESS.contains(&verb))
}

fn next(context: &Context, error: &CliError) -> Option<String> {
    let code = error.code();
    let told = error.reason_code().and_then(|reason| for_a_reason(context, reason));
    let told = told.or_else(|| at_a_desk(context, code)).or_else(|| at_a_gateway(context, code));
    let told = told.or_else(|| of_files(context, code)).or_else(|| of_the_command(context, code));
    // What time may mend is tried again.
    told.or_else(|| (error.kind() == Kind::TryLater).then(|| context.typed.clone()))
}

/// A reason code says more than the word for the failure.
fn for_a_reason(context: &Context, reason: &str) -> Option<String> {
    let here = |words: &str| Some(context.command(words));
    match reason {
        "ANSWERED" | "NOT_HELD" | "NO_SUCH_MESSAGE" => here("queue list"),
        "PAUSED" => here("status"),
        "CHANNEL_FROZEN" => here("log fork"),
        "NO_SUCH_ENTRY" => here("log tail --administration"),
        "RELOAD_REFUSED" => here("doctor"),
        "DRAFT_ALTERED" | "DRAFT_MALFORMED" | "DRAFT_UNKNOWN" | "OTHER_MINISTRY" => here("draft list"),
        "ALREADY_RELEASED" => here("outbox"),
        "DRAFT_CANCELLED"
        | "DRAFT_SUPERSEDED"
        | "DRAFT_EXPIRED"
        | "NUMBER_OF_ANOTHER_YEAR"
        | "NUMBER_TAKEN"
        | "DOCUMENT_GONE" => here("draft compose FORM"),
        "PROTECTIVE_ACT" => here("send FORM"),
        "TRUST_INVALID" => Some(context.typed.clone()),
        "COURIER_GAP" | "COURIER_UNPROVEN" | "COURIER_MISSHAPEN" => Some(packed_anew()),
        "COURIER_OWN" => {
            Some("chancery --home GATEWAY queue unpack STICK, at the ministry that it is for".to_owned())
        }
        "HOME_OTHER_MINISTRY" | "HOME_OTHER_ROOT" => here("key list"),
        _ => None,
    }
}

/// A stick that is whole: whoever packed it packs another one.
pub(super) fn packed_anew() -> String {
    "chancery --home GATEWAY queue pack --peer CODE -o FILE, at the ministry that packed it".to_owned()
}

/// Failures of a desk, and of the ministry around it.
fn at_a_desk(context: &Context, code: &str) -> Option<String> {
    let here = |words: &str| Some(context.command(words));
    match code {
        "four-eyes" | "no-office" | "not-authorised" | "not-for-names" | "not-listed" | "office-unfit" => {
            here("key list")
        }
        "key" | "other-ministry" | "other-root" | "other-name" | "certificate" => here("key list"),
        "no-draft" | "draft" | "not-cleared" | "draft-over" | "document-gone" => here("draft list"),
        "no-person" | "person" | "rules" | "same-consultation" | "stale-basis" => here("consultation list"),
        "answered" | "owed" | "part-lost" | "refused" | "protective" => here("outbox"),
        "no-act" | "no-message" | "proven-bad" => here("inbox"),
        "evidence" | "register" => here("doctor"),
        "register-newer" => Some("chancery --version".to_owned()),
        "config" => here("config check"),
        "trust" | "parties" => here("peer list"),
        "own-bundle" => here("trust install FILE"),
        "policy-behind" => here("peer adopt"),
        "given-up" => here("log tail --administration -n 256"),
        "not-lacking" => here("status"),
        "same-key" => here("desk clients"),
        "gateway-rolled-back" => Some("chancery --home GATEWAY status".to_owned()),
        "bundle" | "not-in-force" => {
            Some("chancery --home DESK peer card -o PEER.bundle, at the ministry that it is of".to_owned())
        }
        "fingerprint" => here("peer inspect FILE"),
        "altered" | "undecided" => {
            Some("chancery --home DESK export REF -o evidence.zip, at the desk that it comes from".to_owned())
        }
        _ => None,
    }
}

/// Failures of a gateway, as its operator meets them.
fn at_a_gateway(context: &Context, code: &str) -> Option<String> {
    let here = |words: &str| Some(context.command(words));
    let home = || shell_word(&context.gateway_home().to_string_lossy());
    match code {
        "not-found" | "not-now" => here("status"),
        "gateway" => here("doctor"),
        "archive" | "leaf" | "proof" => here("log verify"),
        "damaged" => Some(format!("chancery-gateway fsck --home {}", home())),
        "no-single-proof" => here("log fork"),
        "not-proven" => Some("chancery --home GATEWAY log fork CODE -o FILE".to_owned()),
        "courier-refused" => here("status"),
        "stick-damaged" | "no-stick" | "courier-absent" => Some(packed_anew()),
        _ => None,
    }
}

/// Failures about files that were named.
fn of_files(context: &Context, code: &str) -> Option<String> {
    let here = |words: &str| Some(context.command(words));
    let with = |option: &str| Some(typed_with(context, option));
    match code {
        "unreadable" | "file" | "exists" | "too-large" => Some("ls -l".to_owned()),
        "unwritable" | "backup-io" | "folder" | "disk" => Some("df -h .".to_owned()),
        "terminal" | "secret" => {
            let without = typed_without(&typed_without(&context.typed, "-o"), "--output");
            Some(format!("{without} -o FILE"))
        }
        "no-bundle" | "too-many" => Some("cp PEER.bundle DIR/".to_owned()),
        "no-text" => with("--documents DIR"),
        "desks-unsaid" => with("--desk-list ROOT/desk-access.crl"),
        "desk-list" => {
            Some(format!("{} --desk-list ROOT/desk-access.crl", typed_without(&context.typed, "--desk-list")))
        }
        "recipient" | "backup-own-key" => Some(typed_without(&context.typed, "--to")),
        "backup-locked" => with("--identity FILE"),
        "backup-damaged" | "backup-database" => here("backup verify ANOTHER.backup"),
        "backup-seal" | "fsck" | "metrics" => Some(context.typed.clone()),
        "later-release" => Some("chancery version".to_owned()),
        "work" => with("--work DIR"),
        "request" => Some("chancery --home HOME key csr KEY -o REQUEST".to_owned()),
        "script" => Some("chancery rehearse --help".to_owned()),
        _ => None,
    }
}

/// Failures of what was typed.
fn of_the_command(context: &Context, code: &str) -> Option<String> {
    let with = |option: &str| Some(typed_with(context, option));
    match code {
        "no-consent" | "fingerprint-unread" | "passphrase" | "passphrase-short" | "rehearsal" | "form" => {
            Some(context.typed.clone())
        }
        "listen" => Some("ss -ltnp".to_owned()),
        "no-home" | "home-path" | "home" => with("--home DIR"),
        "wrong-passphrase" | "passphrase-needed" | "passphrase-file" => with("--passphrase-file FILE"),
        "input" => with("--yes"),
        "format" => Some(context.command("status --json")),
        "usage" | "name" | "office" | "future" | "trust-key" | "no-role" | "no-certificate" | "ministry" => {
            Some(help_of(&context.typed))
        }
        _ => None,
    }
}

/// The command that was typed with one more option; one that takes a value is given once.
fn typed_with(context: &Context, option: &str) -> String {
    let typed = match option.split_once(' ') {
        Some((name, _)) => typed_without(&context.typed, name),
        None => context.typed.clone(),
    };
    format!("{typed} {option}")
}

/// The command that shows the help of the one that was typed.
pub(super) fn help_of(typed: &str) -> String {
    let whole = super::command();
    let (mut found, mut words) = (&whole, vec!["chancery"]);
    for word in typed.split(' ').skip(1) {
        if let Some(inner) = found.find_subcommand(word) {
            found = inner;
            words.push(word);
        }
    }
    format!("{} --help", words.join(" "))
}

/// Whether the command that was typed takes an option of this name.
pub(super) fn takes(typed: &str, option: &str) -> bool {
    let whole = super::command();
    let mut found = &whole;
    for word in typed.split(' ').skip(1) {
        found = found.find_subcommand(word).unwrap_or(found);
    }
    found.get_arguments().any(|argument| argument.get_long() == Some(option))
}

#[cfg(test)]
mod tests;
