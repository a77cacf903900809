//! The layering of `src/`, kept true: which room may use which, what no pure room may touch, where generated
//! types and tonic may appear, who prints, and how long a file may be.
//!
//! The check reads text, not types: a macro could fool it, and review does the rest. A further test breaks every
//! rule once in a made-up tree and demands that the break is seen (`broken.rs`).

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

mod alarms;
mod bounds;
mod broken;
mod logging;
mod spans;

/// The rooms by layer, lowest first: a room may use the rooms of lower layers, none of its own layer or above.
const LAYERS: &[&[&str]] = &[
    &["limits", "proto"],
    &["canonical", "digest", "entropy", "telemetry", "time", "vocabulary"],
    &["tlog", "trust"],
    &["message"],
    &["consultation"],
    &["keys", "transport"],
    // Neither sees the other.
    &["gateway", "desk"],
    &["rehearsal"],
    &["cli"],
];

/// What a room may not use although it lies lower, and why.
const EXCEPT: &[(&str, &str)] = &[
    // The exposed host cannot name what ministries say to each other.
    ("gateway", "consultation"),
    ("transport", "consultation"),
    ("keys", "consultation"),
    // The command line never opens the gateway's store: it asks the gateway.
    ("cli", "gateway"),
];

/// The binaries, and the rooms they may not name: the daemon of the exposed host links nothing of the inside.
const BINARIES: &[(&str, &[&str])] =
    &[("bin/chancery.rs", &[]), ("bin/chancery-gateway.rs", &["consultation", "desk", "rehearsal", "cli"])];

/// Rooms of functions over values: time, randomness and I/O are arguments.
const PURE: &[&str] = &["digest", "limits", "tlog", "trust", "message", "consultation"];
const IMPURE_STD: &[&str] = &["env", "fs", "net", "process", "thread"];
const IMPURE_WORDS: &[&str] =
    &["SystemTime", "Instant::now", "SystemClock", "SystemEntropy", "SystemRandom", "tokio::", "tonic::"];

/// The only files and folders that touch generated types; each turns them into domain types and back.
const WIRE: &[&str] = &[
    "trust/bundle/wire.rs",
    "trust/policy/wire.rs",
    "trust/record.rs",
    "message/header.rs",
    "message/envelope.rs",
    "message/dispatch.rs",
    "message/administration.rs",
    "message/leaf.rs",
    "message/receipt.rs",
    "consultation/codec/",
    "gateway/serve/",
    "desk/mailbox.rs",
    "desk/mailbox/",
    "desk/serve/",
    "cli/operator.rs",
    "cli/operator/",
];

/// The only files and folders that name tonic: the day it is replaced, only these change.
const TONIC: &[&str] = &[
    "proto.rs",
    "transport/",
    "gateway/serve/",
    "desk/mailbox.rs",
    "desk/mailbox/",
    "desk/serve/",
    "cli/operator.rs",
];

/// The only files that write to the terminal.
const PRINTS: &[&str] = &["cli/output.rs", "bin/"];
const PRINT_WORDS: &[&str] = &["print!", "println!", "eprint!", "eprintln!", "stdout()", "stderr()", "dbg!"];

/// A file that only some rooms may name, and why it exists at all: a rehearsal makes a desk hostile, an officer never does.
const KEPT_APART: &[(&str, &[&str])] = &[("desk::rehearsed", &["desk", "rehearsal"])];

const LINES_MAX: usize = 500;

/// A file below `src/`: its path there, its text, and whether only tests are built from it.
struct Source {
    path: String,
    text: String,
    is_test: bool,
}

#[test]
fn the_rooms_keep_to_their_layers() {
    let complaints = complaints(&sources());
    assert!(complaints.is_empty(), "{complaints:#?}");
}

/// A place that needs its leave no more is struck off, so that nothing new begins there unseen.
#[test]
fn every_place_that_may_what_others_may_not_makes_use_of_it() {
    let sources = sources();
    let makes_use = |places: &[&str], uses: fn(&Source) -> bool| {
        for place in places {
            let is_used = sources.iter().any(|source| within(&source.path, &[*place]) && uses(source));
            assert!(is_used, "{place} makes no use of its leave");
        }
    };
    makes_use(WIRE, uses_generated_types);
    makes_use(TONIC, names_tonic);
    makes_use(PRINTS, prints);
}

#[test]
fn the_rooms_are_declared_lowest_first() {
    let lib = fs::read_to_string(root().join("lib.rs")).unwrap();
    let declared: Vec<&str> =
        lib.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    let layers: Vec<Option<usize>> = declared.iter().map(|room| layer_of(room)).collect();
    assert!(layers.iter().all(Option::is_some) && layers.is_sorted(), "src/lib.rs: {declared:?}");
    assert_eq!(
        declared.len(),
        LAYERS.iter().map(|rooms| rooms.len()).sum::<usize>(),
        "a listed room is gone"
    );
}

fn layer_of(room: &str) -> Option<usize> {
    LAYERS.iter().position(|rooms| rooms.contains(&room))
}

fn complaints(sources: &[Source]) -> Vec<String> {
    let rules = [layering, purity, wire_edges, tonic_edges, printing, keeping_apart, tidiness];
    sources.iter().flat_map(|source| rules.iter().flat_map(|rule| rule(source))).collect()
}

fn layering(source: &Source) -> Vec<String> {
    let code = code(&source.text);
    let path = &source.path;
    if let Some((_, forbidden)) = BINARIES.iter().find(|(name, _)| name == path) {
        let used = names_after(&code, "chancery::");
        return forbidden
            .iter()
            .filter(|room| used.contains(**room))
            .map(|room| format!("{path}: may not use {room}"))
            .collect();
    }
    if path == "lib.rs" {
        return Vec::new();
    }
    let room = room_of(path);
    let Some(layer) = layer_of(room) else { return vec![format!("{path}: the room {room} is not listed")] };
    let used = names_after(&code, "crate::");
    let may_use = |name: &str| {
        let lower = layer_of(name).is_none_or(|other| other < layer);
        name == room || (lower && !EXCEPT.contains(&(room, name)))
    };
    let mut found: Vec<String> = used
        .iter()
        .filter(|name| !may_use(name))
        .map(|name| format!("{path}: {room} may not use {name}"))
        .collect();
    if used.contains("*") || code.contains("crate as ") {
        found.push(format!("{path}: takes the whole crate by one name"));
    }
    if climbs_out(path, without_tests(&code)) {
        found.push(format!("{path}: leaves its room by super"));
    }
    found
}

fn purity(source: &Source) -> Vec<String> {
    if !PURE.contains(&room_of(&source.path)) || source.is_test {
        return Vec::new();
    }
    let code = code(without_tests(&source.text));
    let used = names_after(&code, "std::");
    let modules = IMPURE_STD.iter().filter(|name| used.contains(**name)).map(|name| format!("std::{name}"));
    let words = IMPURE_WORDS.iter().filter(|word| code.contains(**word)).map(|word| (*word).to_owned());
    modules.chain(words).map(|what| format!("{}: a pure room mentions {what}", source.path)).collect()
}

fn wire_edges(source: &Source) -> Vec<String> {
    complain(uses_generated_types(source) && !within(&source.path, WIRE), source, "uses generated types")
}

fn uses_generated_types(source: &Source) -> bool {
    let code = code(without_tests(&source.text));
    let uses = ["crate::", "chancery::"].iter().any(|root| names_after(&code, root).contains("proto"));
    uses && !source.is_test
}

fn tonic_edges(source: &Source) -> Vec<String> {
    complain(names_tonic(source) && !within(&source.path, TONIC), source, "names tonic")
}

fn names_tonic(source: &Source) -> bool {
    let code = code(&source.text);
    ["tonic::", "tonic_types::", "tonic_health::", "tonic_prost::"].iter().any(|name| code.contains(name))
}

fn printing(source: &Source) -> Vec<String> {
    complain(prints(source) && !within(&source.path, PRINTS), source, "writes to the terminal")
}

fn prints(source: &Source) -> bool {
    let code = code(without_tests(&source.text));
    PRINT_WORDS.iter().any(|word| code.contains(word)) && !source.is_test
}

/// By the last name alone, so that no way of writing the path leads past it; its methods are those of one type, which
/// nobody else can make.
fn keeping_apart(source: &Source) -> Vec<String> {
    let (code, room) = (code(&source.text), room_of(&source.path));
    let words: BTreeSet<&str> = code.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
    let each = KEPT_APART.iter().filter(|(_, rooms)| !rooms.contains(&room)).flat_map(|(name, _)| {
        let last = name.rsplit("::").next().unwrap_or(name);
        let methods = ["send_directed", "fetch_arrived", "direct"];
        let named =
            words.contains(last) || methods.iter().any(|method| code.contains(&format!(".{method}(")));
        complain(named, source, &format!("may not name {name}"))
    });
    each.collect()
}

fn tidiness(source: &Source) -> Vec<String> {
    let lines = source.text.lines().count();
    let mut found = complain(lines > LINES_MAX, source, "is too long");
    found.extend(complain(!source.text.starts_with("//! "), source, "does not say what it is for"));
    found.extend(complain(!tests_are_last(&source.text), source, "has code after its tests"));
    found
}

fn complain(wrong: bool, source: &Source, what: &str) -> Vec<String> {
    if wrong { vec![format!("{}: {what}", source.path)] } else { Vec::new() }
}

/// `message/seal/mod.rs` is in `message`; `time.rs` is `time`.
fn room_of(path: &str) -> &str {
    path.split('/').next().unwrap_or(path).trim_end_matches(".rs")
}

fn within(path: &str, places: &[&str]) -> bool {
    places.iter().any(|place| path == *place || (place.ends_with('/') && path.starts_with(place)))
}

/// The files and folders of the modules that this file declares under `#[cfg(test)]`.
fn test_modules(source: &Source) -> Vec<String> {
    let stem = source.path.trim_end_matches(".rs").trim_end_matches("/mod");
    let declared = source.text.split("#[cfg(test)]\n").skip(1).filter_map(|rest| {
        let line = rest.lines().find(|line| !line.trim_start().starts_with("#["))?;
        line.strip_suffix(';')?.rsplit_once("mod ").map(|(_, name)| name)
    });
    declared.flat_map(|name| [format!("{stem}/{name}.rs"), format!("{stem}/{name}/")]).collect()
}

/// What stands before the test module at the foot of the file, and that module with what follows it.
fn split_at_tests(text: &str) -> (&str, &str) {
    let marks = text.match_indices("\n#[cfg(test)]\n");
    let tests = marks.map(|(at, _)| text.split_at(at)).find(|(_, rest)| {
        let item = rest.lines().find(|line| !line.is_empty() && !line.starts_with("#["));
        item.is_some_and(|line| line.ends_with("mod tests {"))
    });
    tests.unwrap_or((text, ""))
}

fn without_tests(text: &str) -> &str {
    split_at_tests(text).0
}

/// The first closing brace at the margin after the test module opens is the last line of the file.
fn tests_are_last(text: &str) -> bool {
    let (_, tests) = split_at_tests(text);
    tests.split_once("\n}\n").is_none_or(|(_, rest)| rest.trim().is_empty())
}

/// Whether a room is named through as many `super` as the module is deep: that path starts at the crate's root.
fn climbs_out(path: &str, code: &str) -> bool {
    let depth = path.trim_end_matches("/mod.rs").split('/').count();
    names_after(code, &"super::".repeat(depth)).iter().any(|name| layer_of(name).is_some())
}

/// The first names after every `root`, those in braces included: `use std::{fs::File, io}` gives `fs` and `io`.
fn names_after(code: &str, root: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (at, _) in code.match_indices(root) {
        let inside_a_name = code[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
        if inside_a_name {
            continue;
        }
        let rest = &code[at + root.len()..];
        let items = rest.strip_prefix('{').map_or_else(|| vec![rest], items_of_a_group);
        found.extend(items.into_iter().map(first_name));
    }
    found
}

fn first_name(item: &str) -> String {
    item.trim_start().chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_' || *c == '*').collect()
}

/// Splits `a, b::{c, d}, e}` at its own commas, stopping at its closing brace.
fn items_of_a_group(inner: &str) -> Vec<&str> {
    let (mut depth, mut start, mut items) = (0_usize, 0, Vec::new());
    for (at, c) in inner.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            '}' | ',' if depth == 0 => {
                items.push(&inner[start..at]);
                start = at + 1;
            }
            _ => {}
        }
        if c == '}' && start == at + 1 {
            break;
        }
    }
    items
}

/// The text without comments and without what stands in quotes.
fn code(text: &str) -> String {
    let bytes: Vec<char> = text.chars().collect();
    let (mut kept, mut at) = (String::with_capacity(text.len()), 0);
    while at < bytes.len() {
        let next = bytes.get(at + 1).copied();
        match bytes[at] {
            '/' if next == Some('/') => at = find(&bytes, at, "\n"),
            '/' if next == Some('*') => at = find(&bytes, at, "*/") + 2,
            'r' if matches!(next, Some('"' | '#'))
                && !kept.ends_with(|c: char| c.is_alphanumeric() || c == '_') =>
            {
                let hashes = bytes[at + 1..].iter().take_while(|c| **c == '#').count();
                if bytes.get(at + 1 + hashes) == Some(&'"') {
                    at = find(&bytes, at + 2 + hashes, &format!("\"{}", "#".repeat(hashes))) + 1 + hashes;
                } else {
                    kept.push('r');
                    at += 1;
                }
            }
            '"' => at = end_of_quote(&bytes, at),
            '\'' if next == Some('\\') => at = find(&bytes, at + 3, "'") + 1,
            '\'' if bytes.get(at + 2) == Some(&'\'') => at += 3,
            c => {
                kept.push(c);
                at += 1;
            }
        }
    }
    kept
}

fn find(text: &[char], from: usize, wanted: &str) -> usize {
    let wanted: Vec<char> = wanted.chars().collect();
    (from..text.len()).find(|at| text[*at..].starts_with(&wanted)).unwrap_or(text.len())
}

fn end_of_quote(text: &[char], open: usize) -> usize {
    let mut at = open + 1;
    while at < text.len() && text[at] != '"' {
        at += if text[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn sources() -> Vec<Source> {
    let (mut pending, mut found) = (vec![root()], Vec::new());
    while let Some(folder) = pending.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                pending.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                let path = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
                found.push(Source { path, text, is_test: false });
            }
        }
    }
    let tests: Vec<String> = found.iter().flat_map(test_modules).collect();
    let tests: Vec<&str> = tests.iter().map(String::as_str).collect();
    for source in &mut found {
        source.is_test = within(&source.path, &tests);
    }
    assert!(found.len() > 10, "the walk over src/ found next to nothing");
    found
}
