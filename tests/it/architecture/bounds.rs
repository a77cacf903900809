//! Every bound of `src/limits` is named by a test, so that what lies beyond it is tried; a constant that bounds
//! nothing from outside stands in a table with a word why.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::{Source, code, sources, split_at_tests};

/// Constants that no input can go beyond: paces of our own, sizes of our own batches and queues, defaults.
const BOUND_NOTHING: &[(&str, &str)] = &[
    ("ACCEPT_PAUSE", "our pause after the system refused"),
    ("ACTS_PAGE_MAX", "our own answer to our own command: the rest is on the next page"),
    ("ANNOUNCED_ORIGINS_PAUSE", "our pause between looks"),
    ("ANSWERS_VERIFIED_HERE_MAX", "where we do our own work"),
    ("BLOCKING_THREADS_MAX", "our own threads"),
    ("CASEBOOK_BATCH_MESSAGES_MAX", "our own work at once"),
    ("CASEBOOK_REMEMBERED_ACTS_MAX", "our own memory: what is over it is read again"),
    ("CASEBOOK_VOLUME_RECORDS_MAX", "our own volumes: what is over it begins another"),
    ("COMMIT_PATIENCE", "our own wait for a shared commit"),
    ("CONNECTIONS_WAITING_MAX", "our queue: who waits in it counts among handshakes"),
    ("COURIER_PAUSE", "our pause after a defect of ours"),
    ("COURIER_REFUSED_NAMED_MAX", "our own answer to our own command"),
    ("DESK_LOCK_PATIENCE", "our own wait for our own commands"),
    ("DESK_LOCK_PAUSE", "our pause between attempts"),
    ("DOWNLOADS_MAX", "our own threads: what one client has is bounded by its streams"),
    ("EVENTS_WAITING_MAX", "our queue: who does not read it is ended"),
    ("EXPIRY_LOOK_PAUSE", "our pause between looks"),
    ("EXPIRY_PAUSE", "our pause between looks"),
    ("LIFETIMES_MAX", "our own answer to our own command: as many as PEERS_MAX allows"),
    ("LOOKUPS_AT_ONCE_MAX", "our own questions at once"),
    ("NEWEST_LOGS_MAX", "our own answer to our own command: as many as PEERS_MAX allows"),
    ("PAGE_ROWS_MAX", "our own work at once: the rest is on the next page"),
    ("PART_ATTEMPTS_MAX", "our own attempts"),
    ("PART_ATTEMPT_PAUSE", "our pause between attempts"),
    ("PIECES_WAITING_MAX", "our queue: who does not read it is ended"),
    ("PROVING_CHECKPOINTS_MAX", "our own search: where none of them proves, the earliest is given"),
    ("RELAY_FRAMES_WAITING_MAX", "our queue: its reader is waited for"),
    ("REQUESTS_REMEMBERED", "our own memory"),
    ("SEND_BATCHES_UNDER_WAY_MAX", "our own batches under way"),
    ("SERVICE_ANSWER_BYTES_MAX", "our own answers"),
    ("SERVICE_AWAY_PAUSE", "our pause between looks"),
    ("SERVICE_DRAIN_DEADLINE", "our own end"),
    ("SERVICE_RENEWAL", "our own renewal"),
    ("SERVICE_RETRY_PAUSE", "what we advise"),
    ("SERVICE_TIDY_PAUSE", "our pause between looks"),
    ("SETTLED_WAITING_MAX", "our queue: a slow listener asks again"),
    ("SHOWN_TEXT_BYTES_MAX", "our own answers: what is longer is downloaded"),
    ("STOP_DEADLINE", "our own end"),
    ("STORE_READERS", "our connections to the store"),
    ("STORE_WATCH_PAUSE", "our pause between looks"),
    ("SUBMIT_BATCHES_JUDGED_MAX", "our own work at once"),
    ("SWEEP_PAUSE", "our pause between sweeps"),
    ("UNSETTLED_LOOKED_AT", "our own look"),
    ("URGENT_PAUSE", "our pause between looks"),
    ("URGENT_REFILL_PATIENCE", "our own wait for our own gateway"),
    ("WAIT_PAUSE", "our pause between questions"),
    ("WAIT_SILENCE", "our pause before a question"),
    ("WAL_BYTES_MAX", "our own log: tried with a smaller one"),
    ("WORK_FACTOR", "what our own files cost"),
];

/// The names of all constants, in their order.
fn constants(limits: &str) -> Vec<&str> {
    let named = limits.lines().filter_map(|line| line.strip_prefix("pub const ")?.split_once(':'));
    named.map(|(name, _)| name).collect()
}

/// Words of the code of tests: of the whole file where only tests are built from it, otherwise of its foot.
fn words_of_tests(source: &Source) -> BTreeSet<String> {
    let tests = if source.is_test { source.text.as_str() } else { split_at_tests(&source.text).1 };
    let code = code(tests);
    let words = code.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.contains('_')).map(str::to_owned).collect()
}

/// What is wrong with the constants in view of the tests and of the table.
fn complaints(limits: &str, tests: &[Source], table: &[(&str, &str)]) -> Vec<String> {
    let constants = constants(limits);
    let named: BTreeSet<String> = tests.iter().flat_map(words_of_tests).collect();
    let excused = |name: &str| table.iter().any(|(excused, _)| *excused == name);
    let mut found = Vec::new();
    for name in &constants {
        match (named.contains(*name), excused(name)) {
            (false, false) => found.push(format!("{name}: no test goes beyond it, and no word says why not")),
            (true, true) => found.push(format!("{name}: a test names it, so it needs no excuse")),
            _ => {}
        }
    }
    let gone = table.iter().filter(|(name, _)| !constants.contains(name));
    found.extend(gone.map(|(name, _)| format!("{name}: excused, and no constant")));
    found.extend(
        table.iter().filter(|(_, why)| why.is_empty()).map(|(name, _)| format!("{name}: no word why")),
    );
    found
}

/// The integration tests; each file is one as a whole.
fn integration_tests(folder: &Path, found: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            integration_tests(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            found.push(Source { path: path.display().to_string(), text, is_test: true });
        }
    }
}

#[test]
fn every_bound_is_named_by_a_test_or_bounds_nothing_from_outside() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut limits = String::new();
    for entry in fs::read_dir(root.join("src/limits")).unwrap() {
        limits.push_str(&fs::read_to_string(entry.unwrap().path()).unwrap());
    }
    assert!(constants(&limits).len() > 150, "the constants were not read");
    let mut tests = sources();
    integration_tests(&root.join("tests/it"), &mut tests);
    let found = complaints(&limits, &tests, BOUND_NOTHING);
    assert!(found.is_empty(), "src/limits: {found:#?}");
}

#[test]
fn a_bound_without_a_test_is_seen_and_so_is_an_excuse_that_is_not_needed() {
    let limits = "/// One.\npub const ONE_MAX: usize = 1;\npub const OTHER_PAUSE: Duration = ZERO;\n";
    let source = |text: &str| Source { path: "room.rs".to_owned(), text: text.to_owned(), is_test: false };
    let tested = source("//! A room.\nfn f() {}\n\n#[cfg(test)]\nmod tests {\n    use limits::ONE_MAX;\n}\n");
    let excuse: &[(&str, &str)] = &[("OTHER_PAUSE", "a pace")];
    assert_eq!(complaints(limits, std::slice::from_ref(&tested), excuse), Vec::<String>::new());
    // Named in code that is no test, in a comment, in quotes, or within a longer name: not tried.
    for text in [
        "//! A room.\nuse limits::ONE_MAX;\n",
        "//! A room.\n\n#[cfg(test)]\nmod tests {\n    // ONE_MAX\n}\n",
        "//! A room.\n\n#[cfg(test)]\nmod tests {\n    fn f() { g(\"ONE_MAX\") }\n}\n",
        "//! A room.\n\n#[cfg(test)]\nmod tests {\n    use limits::NOT_ONE_MAX;\n}\n",
    ] {
        assert_eq!(complaints(limits, &[source(text)], excuse).len(), 1, "{text}");
    }
    assert_eq!(complaints(limits, std::slice::from_ref(&tested), &[]).len(), 1);
    let wrong: &[(&str, &str)] = &[("ONE_MAX", "tested"), ("OTHER_PAUSE", ""), ("GONE_MAX", "gone")];
    assert_eq!(complaints(limits, &[tested], wrong).len(), 3);
}
