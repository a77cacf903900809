//! Whoever reads an alarm finds in SECURITY.md what to do: every code that the gateway raises has a row there, and
//! there is no row of a code that it does not raise.

use std::collections::BTreeSet;

use super::{sources, split_at_tests};

/// Quoted words that are written as codes are.
fn codes(text: &str) -> BTreeSet<String> {
    let is_code = |word: &&str| {
        let written = |letter: char| letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == '_';
        word.len() > 6 && word.chars().all(written)
    };
    text.split('"').filter(is_code).map(str::to_owned).collect()
}

/// The codes in the statement that raises an alarm or names its code, and in the one before it.
fn raised(text: &str) -> BTreeSet<String> {
    let is_raised = |pair: &&[&str]| {
        ["_ALARM: &str = ", "alarm_about(", "Alarm {"].iter().any(|start| pair[1].contains(start))
    };
    let statements: Vec<&str> = text.split(';').collect();
    statements
        .windows(2)
        .filter(is_raised)
        .flat_map(|pair| pair.iter().flat_map(|text| codes(text)))
        .collect()
}

#[test]
fn security_tells_what_to_do_for_every_alarm_and_for_no_other() {
    let security = include_str!("../../../SECURITY.md");
    let table = security.split("\n### Alarms\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let rows = table.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let told: BTreeSet<String> = rows.map(str::to_owned).collect();
    assert!(told.len() > 20, "{told:?}");
    let sources = sources();
    let gateway = sources.iter().filter(|source| source.path.starts_with("gateway/") && !source.is_test);
    let texts: Vec<&str> = gateway.map(|source| split_at_tests(&source.text).0).collect();
    let raised: BTreeSet<String> = texts.iter().flat_map(|text| raised(text)).collect();
    assert!(raised.len() > 15, "{raised:?}");
    assert_eq!(raised.difference(&told).collect::<Vec<_>>(), Vec::<&String>::new(), "not told of");
    let named: BTreeSet<String> = texts.iter().flat_map(|text| codes(text)).collect();
    assert_eq!(told.difference(&named).collect::<Vec<_>>(), Vec::<&String>::new(), "never raised");
}
