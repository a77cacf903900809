//! What the build may be made of, read from `Cargo.lock` and `Cargo.toml`: no second TLS, no foreign C beyond
//! SQLite and ring, nothing from git, no version below a known repair, and a reason for every dependency.
//!
//! `deny.toml` says the same to `cargo deny`, which needs an advisory feed that a closed network does not have.

use std::path::Path;

use toml::{Table, Value};

const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Crates that must not be built, and what stands in their place.
const BANNED: &[(&str, &str)] = &[
    ("aws-lc-rs", "ring"),
    ("aws-lc-sys", "ring"),
    ("native-tls", "rustls"),
    ("openssl", "rustls and ring"),
    ("openssl-sys", "rustls and ring"),
    ("protoc-bin-vendored", "protox"),
];

/// The lowest version of each crate that has the repairs we rely on.
const FLOORS: &[(&str, [u64; 3])] =
    &[("h2", [0, 4, 20]), ("ring", [0, 17, 14]), ("rustls", [0, 23, 46]), ("rustls-webpki", [0, 103, 13])];

#[test]
fn the_lock_holds_nothing_banned_and_nothing_from_elsewhere() {
    let mut wrong = Vec::new();
    for package in packages() {
        if let Some((name, instead)) = BANNED.iter().find(|(name, _)| *name == package.name) {
            wrong.push(format!("{name}: use {instead}"));
        }
        if package.name != "chancery" && package.source.as_deref() != Some(REGISTRY) {
            wrong.push(format!("{}: comes from {:?}", package.name, package.source));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn versions_are_not_below_their_floors() {
    let packages = packages();
    for (name, floor) in FLOORS {
        let found: Vec<&Package> = packages.iter().filter(|package| package.name == *name).collect();
        assert!(!found.is_empty(), "{name} is gone from Cargo.lock: drop its floor");
        for package in found {
            assert!(numbers(&package.version) >= *floor, "{name} {} is below {floor:?}", package.version);
        }
    }
}

#[test]
fn every_dependency_has_a_reason() {
    let manifest = text("Cargo.toml");
    let unexplained = without_reason(&manifest);
    assert!(unexplained.is_empty(), "{unexplained:#?}");
}

#[test]
fn a_dependency_without_a_reason_is_seen() {
    let manifest = "[package]\nname = \"x\"\n[dependencies]\n# group\nring = \"1\" # hashes\nbare = \"1\"\nhash = \"#1\"\n\
                    empty = \"1\" #\n[dev-dependencies]\nmore = \"1\"\n[profile.dev]\ndebug = true\n";
    assert_eq!(
        without_reason(manifest),
        ["bare = \"1\"", "hash = \"#1\"", "empty = \"1\" #", "more = \"1\""]
    );
}

#[test]
fn cargo_deny_is_told_the_same() {
    let deny: Table = text("deny.toml").parse().unwrap();
    let banned: Vec<&str> = deny["bans"]["deny"].as_array().unwrap().iter().filter_map(crate_name).collect();
    for (name, _) in BANNED {
        assert!(banned.contains(name), "deny.toml does not ban {name}");
    }
}

struct Package {
    name: String,
    version: String,
    source: Option<String>,
}

fn packages() -> Vec<Package> {
    let lock: Table = text("Cargo.lock").parse().unwrap();
    let field = |package: &Value, name: &str| package.get(name).and_then(Value::as_str).map(str::to_owned);
    let packages: Vec<Package> = lock["package"]
        .as_array()
        .unwrap()
        .iter()
        .map(|package| Package {
            name: field(package, "name").unwrap(),
            version: field(package, "version").unwrap(),
            source: field(package, "source"),
        })
        .collect();
    assert!(packages.len() > 50, "Cargo.lock lists next to nothing");
    packages
}

fn crate_name(entry: &Value) -> Option<&str> {
    entry.as_str().or_else(|| entry.get("crate")?.as_str())
}

/// The lines of the dependency tables that say no reason after a `#`.
fn without_reason(manifest: &str) -> Vec<&str> {
    let mut inside = false;
    let mut found = Vec::new();
    for line in manifest.lines().map(str::trim) {
        if line.starts_with('[') {
            inside = line.ends_with("dependencies]");
        } else if inside && !line.is_empty() && !line.starts_with('#') {
            // Every second piece between quotes is a value, where a `#` is no comment.
            let outside_quotes: String = line.split('"').step_by(2).collect();
            if outside_quotes.split_once('#').is_none_or(|(_, reason)| reason.trim().is_empty()) {
                found.push(line);
            }
        }
    }
    found
}

/// `0.103.16` as numbers; what follows a `-` or `+` is left out.
fn numbers(version: &str) -> [u64; 3] {
    let plain = version.split(['-', '+']).next().unwrap_or(version);
    let mut parts = plain.split('.').map(|part| part.parse().unwrap());
    [parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap()]
}

fn text(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}
