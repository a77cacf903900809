//! What a peer or a stranger can cause again and again becomes a bounded number of log lines: each line of the rooms
//! that they reach counts those that were not written, or stands in a table with a word why it needs not.

use super::{Source, code, sources, split_at_tests};

/// Rooms in which something is done for whoever is on the other side.
const REACHED: &[&str] = &["gateway/relay/", "gateway/freight/", "gateway/serve/", "transport/"];

/// Lines without a count: by the file, and by what they say.
const BOUNDED_OTHERWISE: &[(&str, &str, &str)] = &[
    ("gateway/freight/moving.rs", "could not be cleared", "our store fails"),
    ("gateway/freight/moving.rs", "could not be kept", "our store fails"),
    ("gateway/relay/dialling.rs", "a defect of ours", "a pause follows each"),
    ("gateway/serve/mod.rs", "a request failed", "a fault of ours"),
    ("gateway/serve/mod.rs", "the store failed", "our store fails"),
    ("gateway/serve/parts.rs", "the store failed", "our store fails"),
    ("transport/channel.rs", "connection to a gateway cut", "we dial, and a pause follows each"),
    ("transport/listener.rs", "cannot accept a connection", "a pause follows each"),
    ("transport/listener.rs", "no longer believed", "once for each open connection"),
    ("transport/operator_socket.rs", "cannot accept", "a pause follows each"),
];

/// The lines that are logged by a file beside its tests, from the macro to its end.
fn lines(source: &Source) -> Vec<&str> {
    let text = split_at_tests(&source.text).0;
    let starts = ["info", "warn", "error"].map(|level| format!("tracing::{level}!("));
    let mut found: Vec<usize> =
        starts.iter().flat_map(|start| text.match_indices(start).map(|(at, _)| at)).collect();
    found.sort_unstable();
    found.into_iter().map(|at| text[at..].split_inclusive(");").next().unwrap()).collect()
}

fn is_excused(source: &Source, line: &str) -> bool {
    BOUNDED_OTHERWISE.iter().any(|(path, says, _)| *path == source.path && line.contains(says))
}

fn complaints(sources: &[Source]) -> Vec<String> {
    let reached = |source: &&Source| REACHED.iter().any(|room| source.path.starts_with(room));
    let unbounded = sources.iter().filter(reached).flat_map(|source| {
        let unbounded = |line: &&str| !code(line).contains("unsaid") && !is_excused(source, line);
        lines(source).into_iter().filter(unbounded).map(|line| format!("{}: {line}", source.path))
    });
    unbounded.collect()
}

#[test]
fn lines_that_others_can_cause_are_counted_where_they_are_not_written() {
    let sources = sources();
    assert_eq!(complaints(&sources), Vec::<String>::new());
    for (path, says, _) in BOUNDED_OTHERWISE {
        let is_said = |source: &Source| lines(source).iter().any(|line| line.contains(says));
        let stands = sources.iter().any(|source| source.path == *path && is_said(source));
        assert!(stands, "{path} does not say {says:?} any more");
    }
}

#[test]
fn a_line_without_a_count_is_seen_in_the_rooms_that_others_reach() {
    let bare = "//! X.\nfn f() { tracing::info!(peer = %peer, \"unsaid\"); }\n";
    let counted = "//! X.\nfn f() { tracing::info!(peer = %peer, unsaid, \"refused\"); }\n";
    let judged = |path: &str, text: &str| {
        complaints(&[Source { path: path.to_owned(), text: text.to_owned(), is_test: false }]).len()
    };
    assert_eq!(judged("gateway/relay/session.rs", bare), 1);
    assert_eq!(judged("gateway/relay/session.rs", counted), 0);
    assert_eq!(judged("gateway/scrub.rs", bare), 0, "what our own clock causes");
}

/// A name takes a thread of the system while it is looked up, so that there is one place that bounds them.
#[test]
fn names_are_looked_up_in_one_place_only() {
    for source in sources().iter().filter(|source| source.path != "transport/lookup.rs") {
        let code = code(split_at_tests(&source.text).0);
        assert!(!code.contains("lookup_host"), "{} looks names up", source.path);
        // Our own addresses, once when a gateway starts.
        let may = source.path == "gateway/run.rs";
        assert!(may || !code.contains("to_socket_addrs()"), "{} looks names up", source.path);
    }
}
