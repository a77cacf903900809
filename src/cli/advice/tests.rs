//! What comes next after every failure: the table, and a walk over every word that the command line fails with.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::super::context::GlobalOptions;
use super::super::environment::Environment;
use super::super::output::tests::kept_streams;
use super::*;

fn context(typed: &str) -> Context {
    let options = GlobalOptions { home: Some("xa/desk".into()), ..GlobalOptions::default() };
    Context::new(options, Environment::default(), kept_streams().0, typed.to_owned())
}

#[test]
fn an_error_ends_with_a_command_and_a_hint_of_its_own_stays() {
    let context = context("chancery --home xa/desk inbox");
    let hint = |error: CliError| advised(&context, error).hint_command().map(str::to_owned);
    let error = |code: &'static str| CliError::new(Kind::NotPermitted, code, "it does not go");
    for (code, command) in [
        ("four-eyes", "chancery --home xa/desk key list"),
        ("listen", "ss -ltnp"),
        ("no-consent", "chancery --home xa/desk inbox"),
        ("no-draft", "chancery --home xa/desk draft list"),
        ("no-home", "chancery inbox --home DIR"),
        ("no-person", "chancery --home xa/desk consultation list"),
        ("wrong-passphrase", "chancery --home xa/desk inbox --passphrase-file FILE"),
    ] {
        assert_eq!(hint(error(code)).as_deref(), Some(command), "{code}");
        assert_eq!(hint(error(code).hint("true")).as_deref(), Some("true"));
    }
    let twice = self::context("chancery --home xa/desk --passphrase-file wrong inbox");
    let once = advised(&twice, error("wrong-passphrase"));
    let expected = "chancery --home xa/desk inbox --passphrase-file FILE";
    assert_eq!(once.hint_command(), Some(expected), "an option that takes a value is given once");
    let hinted = |command: &str| hint(error("any").hint(command)).unwrap();
    assert_eq!(hinted("chancery desk clients"), "chancery --home xa/desk desk clients");
    for stays in [
        "chancery verify --trust DIR x.zip",
        "chancery --home xb/desk inbox",
        "chancery inbox --home DIR",
        "chancery trust sign --ministry-home ROOT --gateway GATEWAY --desk DESK -o NEXT.bundle",
    ] {
        assert_eq!(hinted(stays), stays);
    }
    for elsewhere in
        [error("stick-damaged"), error("bundle"), error("altered"), error("x").reason("COURIER_OWN")]
    {
        let told = advised(&context, elsewhere);
        assert!(!told.hint_command().unwrap().contains(", "), "it can be typed as it stands: {told:?}");
        assert!(told.causes()[0].starts_with("the next command is to be typed at the "), "{told:?}");
    }
    let unknown = error("not-found").reason("NO_SUCH_MESSAGE");
    assert_eq!(hint(unknown).as_deref(), Some("chancery --home xa/desk queue list"));
    assert_eq!(hint(error("anything-else")), None);
    let behind = error("refused").reason("TRUST_INVALID");
    assert_eq!(
        hint(behind).as_deref(),
        Some("chancery --home xa/desk inbox"),
        "each try takes the next number"
    );
}

/// One word that the sources fail with: whether time may mend it, and where it stands.
type Words = BTreeMap<String, (bool, String)>;

#[test]
fn every_failure_that_the_command_line_knows_names_the_command_that_comes_next() {
    let mut words = Words::new();
    walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cli"), &mut words);
    for seen in ["queue-none", "told", "draft-over", "stick-damaged", "future", "form", "no-single-proof"] {
        assert_eq!(words.contains_key(seen), seen != "queue-none", "the walk misses {seen}: {words:?}");
    }
    assert!(words.len() > 100, "the walk finds too little: {words:?}");
    let context = context("chancery --home xa/desk queue unpack a.stick");
    let bare: Vec<String> = words
        .iter()
        .filter(|(word, _)| !NOTHING_TO_TYPE.iter().any(|(silent, _)| silent == word))
        .filter(|(word, _)| !HINTED_WHERE_THEY_ARISE.contains(&word.as_str()))
        .filter(|(word, (later, _))| {
            let kind = if *later { Kind::TryLater } else { Kind::Failed };
            advised(&context, CliError::new(kind, (*word).clone(), "it does not go")).hint_command().is_none()
        })
        .map(|(word, (_, place))| format!("{place}: {word}"))
        .collect();
    assert!(bare.is_empty(), "failures without a next command: {bare:#?}");
    let listed = NOTHING_TO_TYPE.iter().map(|(word, _)| *word).chain(HINTED_WHERE_THEY_ARISE);
    let gone: Vec<&str> = listed.filter(|word| !words.contains_key(*word)).collect();
    assert!(gone.is_empty(), "nothing fails so any more: {gone:?}");
    assert!(NOTHING_TO_TYPE.iter().all(|(_, why)| why.len() > 10));
}

/// Words whose hint is given where they arise, in every place: what is exact there is not known here.
const HINTED_WHERE_THEY_ARISE: [&str; 48] = [
    "advertise",
    "ambiguous",
    "begun",
    "certificate-not-believed",
    "consent-needed",
    "cut-short",
    "cuts-off",
    "demo",
    "demo-exists",
    "demo-not-ours",
    "expired",
    "fingerprint-differs",
    "fingerprint-needed",
    "folder-exists",
    "id",
    "key-open-to-others",
    "log",
    "names",
    "no-alarm",
    "no-channel",
    "no-client",
    "no-consultation",
    "no-key",
    "no-person-field",
    "no-such-consultation",
    "no-topic",
    "not-accredited",
    "not-begun",
    "not-certified",
    "not-clear",
    "not-evidence",
    "not-given-up",
    "not-stuck",
    "not-trusted",
    "own-bundle-old",
    "passphrase-differs",
    "passphrase-file-mode",
    "record-damaged",
    "reference",
    "register-behind",
    "rehearsal-unreal",
    "rejected",
    "several",
    "stuck",
    "unacknowledged",
    "unwell",
    "void",
    "withdrawn",
];

fn walk(folder: &Path, words: &mut Words) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, words);
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let is_source = path.file_name().is_some_and(|name| name != "tests.rs");
        if is_source && path.extension().is_some_and(|extension| extension == "rs") {
            gather(text.split("#[cfg(test)]\nmod tests").next().unwrap(), &path, words);
        }
    }
}

/// Every first word of a failure in a source: the literal behind a kind, or behind a constructor that has one.
fn gather(source: &str, path: &Path, words: &mut Words) {
    const BEGINNINGS: [&str; 6] =
        ["CliError::usage(", "CliError::failed(", "Self::usage(", "Self::failed(", "new(kind,", "Kind::"];
    // Rustfmt breaks lines where it likes.
    let line = source.split_whitespace().collect::<Vec<_>>().join(" ");
    let line = line.replace("( ", "(").replace(", \"", ",\"");
    for beginning in BEGINNINGS {
        for (place, _) in line.match_indices(beginning) {
            let another_name = line[..place].ends_with(|c: char| c.is_ascii_alphabetic());
            let rest = &line[place + beginning.len()..];
            let (kind, rest) = match beginning {
                "Kind::" => rest.split_at(rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(0)),
                _ => ("", rest),
            };
            let rest = if beginning == "Kind::" { rest.strip_prefix(',') } else { Some(rest) };
            let word = rest.and_then(|rest| rest.strip_prefix('"')).and_then(|rest| rest.split('"').next());
            let is_word = |word: &&str| word.chars().all(|c| c.is_ascii_lowercase() || c == '-');
            let Some(word) = word.filter(is_word).filter(|_| !another_name) else { continue };
            let shown = path.file_name().unwrap().to_string_lossy().into_owned();
            let seen = words.entry(word.to_owned()).or_insert((kind == "TryLater", shown));
            seen.0 &= kind == "TryLater";
        }
    }
}

/// Reasons after which the table knows more than by the word for the failure.
const REASONS: [&str; 25] = [
    "ALREADY_RELEASED",
    "ANSWERED",
    "CHANNEL_FROZEN",
    "COURIER_GAP",
    "COURIER_MISSHAPEN",
    "COURIER_OWN",
    "COURIER_UNPROVEN",
    "DOCUMENT_GONE",
    "DRAFT_ALTERED",
    "DRAFT_CANCELLED",
    "DRAFT_EXPIRED",
    "DRAFT_MALFORMED",
    "DRAFT_SUPERSEDED",
    "DRAFT_UNKNOWN",
    "HOME_OTHER_MINISTRY",
    "HOME_OTHER_ROOT",
    "NOT_HELD",
    "NO_SUCH_ENTRY",
    "NO_SUCH_MESSAGE",
    "NUMBER_OF_ANOTHER_YEAR",
    "NUMBER_TAKEN",
    "OTHER_MINISTRY",
    "PAUSED",
    "PROTECTIVE_ACT",
    "RELOAD_REFUSED",
];

#[test]
fn every_command_that_comes_next_exists_with_its_options() {
    let context = context("chancery --home xa/desk status");
    let mut words = Words::new();
    walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cli"), &mut words);
    let by_word = words.keys().map(|word| CliError::new(Kind::Failed, word.clone(), "it does not go"));
    let by_reason = REASONS.iter().map(|reason| CliError::failed("any", "it does not go").reason(*reason));
    let mut count = 0;
    for error in by_word.chain(by_reason) {
        let Some(hint) = advised(&context, error).hint_command().map(str::to_owned) else { continue };
        // What repeats the command that was typed is as right as that was; where it is typed stands behind a comma.
        let ours = hint.strip_prefix("chancery ").filter(|_| !hint.starts_with(&context.typed));
        let Some(command) = ours.and_then(|command| command.split(", ").next()) else { continue };
        let typed = ["chancery"].into_iter().chain(command.split(' ')).chain(["--help"]);
        // Options are read before the help is shown. A word such as CODE may stand for what is to be put there.
        let read = super::super::command().try_get_matches_from(typed).unwrap_err().kind();
        let unknown = [clap::error::ErrorKind::UnknownArgument, clap::error::ErrorKind::InvalidSubcommand];
        assert!(!unknown.contains(&read), "{hint}: {read}");
        count += 1;
    }
    assert!(count > 60, "{count}");
}

#[test]
fn a_failure_of_what_was_typed_shows_the_help_of_that_command() {
    for (typed, help) in [
        ("chancery key revoke --ministry-home root registry", "chancery key revoke --help"),
        ("chancery --home xa/desk draft compose -", "chancery draft compose --help"),
        ("chancery", "chancery --help"),
    ] {
        assert_eq!(help_of(typed), help);
    }
    assert!(takes("chancery --home xa/desk export X -o a.zip", "overwrite"));
    assert!(!takes("chancery key csr keys/registry -o a.csr", "overwrite"));
}
