//! No statement of the store slows down with what is kept: every one of them is read out of the sources, planned by
//! SQLite and looked at. A statement that scans a table or sorts in a table of its own is refused unless it stands
//! here with a reason, so that none is added without a look.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use crate::gateway::store::schema;

/// Statements that may read more than they answer: the beginning of each, and why that is well.
const COLD: &[(&str, &str)] = &[
    ("SELECT count(*) FROM sqlite_schema", "when the store is opened"),
    ("SELECT type, name, ifnull(sql, '') FROM sqlite_schema", "for a store that is examined at rest"),
    (
        "SELECT message.key, message.id, message.envelope_digest, log.origin",
        "when a connection begins, a page each",
    ),
    ("SELECT peer, origin, size FROM log WHERE mirror = 0", "a few logs for each peer"),
    ("SELECT count(*), ifnull(sum(size), 0) FROM log WHERE mirror = 1", "a few logs for each peer"),
    ("SELECT peer, own, key, proof FROM fork", "proofs of wrong, few"),
    ("SELECT peer, time, operator, reason, force FROM pause", "one row for each paused peer"),
    ("SELECT origin FROM log ORDER BY origin", "a few logs for each peer"),
    ("SELECT digest FROM upload WHERE time", "once an hour, and bounded by quotas"),
    ("SELECT key FROM pair WHERE direction = ?1 AND queued > 0", "a few sequences for each peer"),
    (
        "SELECT code, ministry, first_detail, detail, first_time, time, count, acknowledged_time, acknowledged_by, \
         cleared_time FROM alarm WHERE ?1",
        "one alarm for each code and ministry",
    ),
    ("UPDATE alarm SET acknowledged_time = ?3", "one alarm for each code and ministry"),
    (
        "SELECT pair.direction, pair.channel, pair.peer, message.sequence, message.header",
        "proofs of wrong, few",
    ),
    ("SELECT kind, ministry, sequence, bytes FROM record ORDER BY", "records, few"),
    (
        "SELECT pair.channel, pair.peer, pair.sequence FROM pair WHERE pair.sequence",
        "the scrub reads everything",
    ),
    (
        "SELECT pair.channel, pair.peer, pair.sequence FROM pair WHERE pair.queued",
        "the scrub reads everything",
    ),
    ("SELECT message.id FROM message LEFT JOIN outgoing", "the scrub reads everything"),
    ("SELECT message.id FROM message JOIN message_part", "the scrub reads everything"),
    ("SELECT origin FROM log WHERE EXISTS", "the scrub reads everything"),
    ("SELECT DISTINCT part.digest", "the scrub reads everything"),
    ("SELECT message.id, leaf_about.leaf_index", "the scrub reads everything"),
    ("SELECT digest, size FROM part WHERE beside", "a backup copies everything"),
];

/// What stands in statements that are put together from pieces, beside constants: every value it may have.
const PIECES: &[(&str, &[&str])] = &[(
    "{condition}",
    &[
        "outgoing.unanswered = 1",
        "outgoing.unanswered = 1 AND outgoing.state = 1 AND outgoing.held = 0",
        "outgoing.held = 1",
        "outgoing.unanswered = 1 AND outgoing.state >= 4 AND outgoing.state = ?3",
    ],
)];

/// Every string in the sources of the store that is a statement.
fn statements() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for path in sources() {
        let text = fs::read_to_string(&path).unwrap();
        let text = text.split("\n#[cfg(test)]\nmod tests {").next().unwrap();
        for (place, _) in text.match_indices('"') {
            let Some(words) = quoted(&text[place..]) else { continue };
            let first = words.split(' ').next().unwrap_or_default();
            let verb = ["SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "REPLACE"].contains(&first);
            if verb && words.split(' ').count() > 2 {
                found.extend(whole(&words, text).into_iter().filter(|one| !one.contains('{')));
                let left: Vec<String> =
                    whole(&words, text).into_iter().filter(|one| one.contains('{')).collect();
                assert!(left.is_empty(), "{}: say in PIECES what may stand there: {left:?}", path.display());
            }
        }
    }
    found
}

/// The words of a string literal that begins here, each apart by one space.
fn quoted(text: &str) -> Option<String> {
    let inside = text.strip_prefix('"')?;
    let end = inside.find('"')?;
    let words: Vec<&str> = inside[..end].split_whitespace().filter(|word| *word != "\\").collect();
    Some(words.join(" "))
}

/// A statement with constants of its file, and with each of the pieces, in place of what stands in braces.
fn whole(statement: &str, file: &str) -> Vec<String> {
    let mut statement = statement.to_owned();
    while let Some((name, value)) = constant(&statement, file) {
        statement = statement.replace(&format!("{{{name}}}"), &value);
    }
    match PIECES.iter().find(|(piece, _)| statement.contains(piece)) {
        Some((piece, values)) => values.iter().map(|value| statement.replace(piece, value)).collect(),
        None => vec![statement],
    }
}

/// The first constant in braces that the file declares, with its value.
fn constant(statement: &str, file: &str) -> Option<(String, String)> {
    statement.split('{').skip(1).find_map(|rest| {
        let name = rest.split('}').next()?;
        let (_, declared) = file.split_once(&format!("const {name}: &str ="))?;
        Some((name.to_owned(), quoted(declared.trim_start())?))
    })
}

/// The files of the store that are built into the gateway.
fn sources() -> Vec<PathBuf> {
    let mut pending = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src/gateway/store")];
    let mut found = Vec::new();
    while let Some(folder) = pending.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let tests = path.ends_with("tests") || path.ends_with("fixture.rs") || path.ends_with("tests.rs");
            match (path.is_dir(), tests) {
                (true, false) => pending.push(path),
                (false, false) => found.push(path),
                _ => {}
            }
        }
    }
    found
}

/// What is slow in the plan of a statement.
fn slow(connection: &Connection, statement: &str) -> Vec<String> {
    let mut planned =
        connection.prepare(&format!("EXPLAIN QUERY PLAN {statement}")).unwrap_or_else(|error| {
            panic!("{statement}: {error}");
        });
    let unbound = planned.parameter_count();
    (1..=unbound).for_each(|parameter| planned.raw_bind_parameter(parameter, 1).unwrap());
    let mut rows = planned.raw_query();
    let mut found = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        let step: String = row.get(3).unwrap();
        let scans = step.starts_with("SCAN") && step != "SCAN CONSTANT ROW";
        if scans || step.contains("TEMP B-TREE") || step.contains("AUTOMATIC") {
            found.push(step);
        }
    }
    found
}

#[test]
fn no_statement_scans_a_table_or_sorts_by_itself_unless_it_is_known_to_be_cold() {
    let directory = tempfile::tempdir().unwrap();
    let connection = schema::open_writer(&directory.path().join("gateway.db")).unwrap();
    let statements = statements();
    assert!(statements.len() > 60, "only {} statements were found", statements.len());
    let mut unknown = Vec::new();
    for statement in &statements {
        let slow = slow(&connection, statement);
        let cold = COLD.iter().any(|(beginning, _)| statement.starts_with(beginning));
        assert!(!(slow.is_empty() && cold), "it is not slow at all, and need not stand here: {statement}");
        if !slow.is_empty() && !cold {
            unknown.push((statement, slow));
        }
    }
    assert!(unknown.is_empty(), "{unknown:#?}");
    for (beginning, why) in COLD {
        assert!(
            statements.iter().any(|one| one.starts_with(beginning)),
            "no such statement: {beginning} ({why})"
        );
    }
}

#[test]
fn a_scan_and_a_sort_are_seen() {
    let directory = tempfile::tempdir().unwrap();
    let connection = schema::open_writer(&directory.path().join("gateway.db")).unwrap();
    assert_eq!(
        slow(&connection, "SELECT count(*) FROM outgoing WHERE unanswered = 1 AND attempts = ?1").len(),
        1
    );
    assert!(
        !slow(&connection, "SELECT id FROM message WHERE id_prefix = ?1 ORDER BY custody_time").is_empty()
    );
    assert!(slow(&connection, "SELECT id FROM message WHERE id_prefix = ?1").is_empty());
}
