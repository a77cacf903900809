//! Spans may leave the host: what they tell is a ministry, a method or a number, and nothing else.

use super::{Source, sources, split_at_tests};

/// Fields that a span may have, and what they hold.
const FIELDS: &[(&str, &str)] = &[
    ("count", "how many messages"),
    ("jobs", "how many changes of the store"),
    ("method", "name of a call, out of a table of ours"),
    ("otel.kind", "a word of ours"),
    ("otel.name", "the same as method"),
    ("peer", "code of a ministry"),
];

/// What stands between the parentheses of each span of a file beside its tests.
fn spans(source: &Source) -> Vec<&str> {
    let text = split_at_tests(&source.text).0;
    let starts = ["_span!(", "tracing::span!(", "#[tracing::instrument(", "#[instrument("];
    let begin =
        |start: &&str| text.match_indices(*start).map(|(at, found)| at + found.len()).collect::<Vec<_>>();
    starts.iter().flat_map(begin).map(|at| inside(&text[at..])).collect()
}

/// The text up to the parenthesis that closes it.
fn inside(text: &str) -> &str {
    let mut depth = 1_usize;
    let end = text.char_indices().find(|(_, letter)| {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        depth == 0
    });
    &text[..end.unwrap().0]
}

fn complaints(source: &Source) -> Vec<String> {
    let mut found = Vec::new();
    for span in spans(source) {
        let said = |what: &str| format!("{}: {what}: {span}", source.path);
        let is_attribute = span.trim_start().starts_with("name = ");
        if is_attribute && !span.contains("skip_all") {
            found.push(said("tells its arguments"));
        }
        if is_attribute && (span.contains("err") || span.contains("ret")) {
            found.push(said("tells what came of it"));
        }
        let fields = match (is_attribute, span.split_once("fields(")) {
            (true, Some((_, fields))) => inside(&format!("{fields})")).to_owned(),
            (true, None) => String::new(),
            (false, _) => span.split_once(',').map_or("", |(_, fields)| fields).to_owned(),
        };
        for field in fields.split(',').map(str::trim).filter(|field| !field.is_empty()) {
            let name = field.split('=').next().unwrap().trim().trim_start_matches(['%', '?']);
            if !FIELDS.iter().any(|(known, _)| *known == name) {
                found.push(said(&format!("has the field {name}")));
            }
        }
    }
    found
}

#[test]
fn spans_tell_of_ministries_methods_and_numbers_alone() {
    let sources = sources();
    let wrong: Vec<String> = sources.iter().flat_map(complaints).collect();
    assert_eq!(wrong, Vec::<String>::new());
    assert!(sources.iter().map(|source| spans(source).len()).sum::<usize>() >= 8, "no spans were found");
}

#[test]
fn a_span_that_tells_more_is_seen() {
    let judged = |code: &str| {
        let text = format!("//! X.\n{code}\n");
        complaints(&Source { path: "desk/x.rs".to_owned(), text, is_test: false }).len()
    };
    assert_eq!(judged("fn f() { tracing::info_span!(\"x\", %peer, count = items.len()); }"), 0);
    assert_eq!(judged("fn f() { tracing::info_span!(\"x\", %id); }"), 1);
    assert_eq!(judged("#[tracing::instrument(name = \"x\", skip_all)]"), 0);
    assert_eq!(judged("#[tracing::instrument(name = \"x\")]"), 1);
    assert_eq!(judged("#[tracing::instrument(name = \"x\", skip_all, fields(person = %p))]"), 1);
    assert_eq!(judged("#[tracing::instrument(name = \"x\", skip_all, err)]"), 1);
}
