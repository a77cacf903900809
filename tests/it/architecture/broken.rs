//! Every rule of the architecture, broken once in a made-up tree, is seen; and an orderly tree is left alone.

use super::{LINES_MAX, Source, climbs_out, code, complaints, items_of_a_group, names_after, test_modules};

/// An orderly file with everything that must not be mistaken for a break.
const ORDERLY: &str = r##"//! What enters, what leaves. Not a use: crate::gateway, std::fs.
use crate::trust::name::Ministry;
use crate::{digest::Digest, time::{self, Timestamp}};

/// Not a use either: `crate::desk`.
pub fn quiet(quote: char) -> &'static str {
    /* nor here: tokio::spawn */
    let _ = (quote == '"', '\'', r#"a "raw" crate::desk"#, b"println!()");
    "crate::consultation \" SystemTime stdout()"
}

#[cfg(test)]
mod tests {
    fn reads_a_vector() {
        println!("{:?} {:?}", std::fs::read("x"), crate::proto::message::v1::Header::default());
    }
}
"##;

fn source(path: &str, text: &str) -> Source {
    Source { path: path.to_owned(), text: text.to_owned(), is_test: false }
}

fn judge(path: &str, text: &str) -> Vec<String> {
    complaints(&[source(path, text)])
}

#[test]
fn an_orderly_file_is_left_alone() {
    assert_eq!(judge("message/envelope_rules.rs", ORDERLY), Vec::<String>::new());
}

#[test]
fn each_rule_broken_once_is_seen() {
    let breaks = [
        ("tlog/merkle.rs", "use crate::trust::name;", "tlog may not use trust"),
        ("tlog/merkle.rs", "use crate::{digest::Digest, trust::{name, chain}};", "tlog may not use trust"),
        ("message/header.rs", "fn act(_: &crate::consultation::Act) {}", "message may not use consultation"),
        ("keys/file.rs", "use crate::consultation::Act;", "keys may not use consultation"),
        ("transport/tls.rs", "use crate::desk;", "transport may not use desk"),
        ("gateway/mod.rs", "use crate::consultation::Act;", "gateway may not use consultation"),
        ("gateway/mod.rs", "use crate::desk::Desk;", "gateway may not use desk"),
        ("desk/send.rs", "use crate::gateway::Gateway;", "desk may not use gateway"),
        ("cli/status.rs", "use crate::gateway::store;", "cli may not use gateway"),
        ("rehearsal/world.rs", "use crate::cli::output;", "rehearsal may not use cli"),
        ("bin/chancery-gateway.rs", "use chancery::desk;", "may not use desk"),
        ("bin/chancery-gateway.rs", "use chancery::{consultation, gateway};", "may not use consultation"),
        ("helpers/mod.rs", "", "the room helpers is not listed"),
        ("trust/chain.rs", "use crate::*;", "takes the whole crate"),
        ("trust/chain.rs", "use crate as c;", "takes the whole crate"),
        ("trust/chain.rs", "use super::super::message;", "leaves its room by super"),
        ("trust/mod.rs", "use super::message;", "leaves its room by super"),
        ("trust/chain.rs", "use std::fs;", "a pure room mentions std::fs"),
        ("trust/chain.rs", "use std::{fmt, net::IpAddr};", "a pure room mentions std::net"),
        ("limits.rs", "fn f() { std::env::var(\"X\"); }", "a pure room mentions std::env"),
        ("trust/chain.rs", "use std::time::SystemTime;", "a pure room mentions SystemTime"),
        ("trust/chain.rs", "fn f() { Instant::now(); }", "a pure room mentions Instant::now"),
        ("consultation/act.rs", "use tokio::sync;", "a pure room mentions tokio::"),
        ("message/seal/mod.rs", "use crate::entropy::SystemEntropy;", "a pure room mentions SystemEntropy"),
        ("trust/chain.rs", "use crate::proto::trust::v1 as wire;", "uses generated types"),
        ("desk/send.rs", "use crate::{keys, proto::message::v1};", "uses generated types"),
        ("gateway/archive.rs", "fn f() -> tonic::Status {}", "names tonic"),
        ("desk/send.rs", "use tonic_types::ErrorDetails;", "names tonic"),
        ("desk/send.rs", "fn f() { println!(\"name\"); }", "writes to the terminal"),
        ("cli/send.rs", "fn f() { std::io::stdout().lock(); }", "writes to the terminal"),
        ("cli/send.rs", "use crate::desk::rehearsed::Directions;", "may not name desk::rehearsed"),
        ("cli/send.rs", "use crate::desk::{self, rehearsed as r};", "may not name desk::rehearsed"),
        ("cli/send.rs", "fn f() { desk.send_directed(trust, keys, one); }", "may not name desk::rehearsed"),
        ("trust/chain.rs", "#[cfg(test)]\nmod tests {\n}\n\nfn hidden() {}", "has code after its tests"),
    ];
    for (path, text, expected) in breaks {
        let found = judge(path, &format!("//! A room.\n{text}\n"));
        assert_eq!(found.len(), 1, "{path}: {text}: {found:?}");
        assert!(found[0].contains(expected), "{path}: {text}: {found:?}");
    }
}

#[test]
fn a_file_without_prose_or_without_end_is_seen() {
    assert!(judge("trust/chain.rs", "use crate::time;\n")[0].contains("does not say what it is for"));
    let long = format!("//! Long.\n{}", "const A: u8 = 0;\n".repeat(LINES_MAX));
    assert!(judge("trust/chain.rs", &long)[0].contains("is too long"));
    let just = format!("//! Just.\n{}", "const A: u8 = 0;\n".repeat(LINES_MAX - 1));
    assert!(judge("trust/chain.rs", &just).is_empty());
}

#[test]
fn edges_are_where_the_lists_say() {
    let wire = "//! Wire.\nuse crate::proto::message::v1 as wire;\n";
    assert!(judge("message/envelope.rs", wire).is_empty());
    assert!(judge("gateway/serve/relay.rs", wire).is_empty());
    assert!(judge("transport/status.rs", "//! Status.\nuse tonic::Status;\n").is_empty());
    assert!(judge("cli/output.rs", "//! Prints.\nfn f() { std::io::stdout(); }\n").is_empty());
}

#[test]
fn text_in_quotes_and_comments_is_not_code() {
    assert_eq!(code("a // b\nc /* d\n */ e"), "a \nc  e");
    assert_eq!(code(r#"x("a\"b", '"', y, '\'', 'z')"#), "x(, , y, , )");
    assert_eq!(code("for r in r#\"a \"# { 'life: loop {} }"), "for r in  { 'life: loop {} }");
}

#[test]
fn names_are_found_in_groups_and_alone() {
    let names = names_after("use std::{fs::{self, File}, io}; std::net::x; my_std::env", "std::");
    assert_eq!(names.into_iter().collect::<Vec<_>>(), ["fs", "io", "net"]);
    assert_eq!(items_of_a_group("a, b::{c, d}}; e, f"), ["a", " b::{c, d}"]);
    assert!(climbs_out("time.rs", "super::limits"));
    assert!(!climbs_out("message/seal/payload.rs", "super::super::header"));
}

#[test]
fn modules_built_for_tests_alone_are_known() {
    let text =
        "//! T.\n#[cfg(test)]\n#[allow(dead_code)]\npub(crate) mod testing;\n#[cfg(test)]\nmod tests {\n}\n";
    assert_eq!(test_modules(&source("trust/mod.rs", text)), ["trust/testing.rs", "trust/testing/"]);
    let beside = test_modules(&source("trust/chain.rs", "//! C.\n#[cfg(test)]\nmod tests;\nmod other;\n"));
    assert_eq!(beside, ["trust/chain/tests.rs", "trust/chain/tests/"]);
}
