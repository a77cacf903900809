//! `docs/operations.md` is read at night: what it names exists, and what exists and asks for a person is named there.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

fn text(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

fn page() -> String {
    text("docs/operations.md")
}

/// What stands in fences, line by line, and what is quoted in the lines outside them.
fn quoted(page: &str) -> Vec<&str> {
    let mut fenced = false;
    let mut pieces = Vec::new();
    for line in page.lines() {
        match line.starts_with("```") {
            true => fenced = !fenced,
            false if fenced => pieces.push(line),
            false => pieces.extend(line.split('`').skip(1).step_by(2)),
        }
    }
    assert!(!fenced, "a fence is not closed");
    pieces
}

/// Every command of ours that the page types or names, without what a shell makes of its line.
fn commands(page: &str) -> BTreeSet<String> {
    let prompts = ["gateway$ ", "desk$ ", "root$ "];
    let entered = quoted(page)
        .into_iter()
        .map(|line| prompts.iter().find_map(|prompt| line.strip_prefix(prompt)).unwrap_or(line));
    let parts = entered.flat_map(|line| {
        let without_remark = line.split("  #").next().unwrap_or_default();
        without_remark.split([';', '|']).flat_map(|part| part.split("&&")).map(str::trim).collect::<Vec<_>>()
    });
    let ours = parts.filter(|part| part.starts_with("chancery ") || part.starts_with("chancery-gateway "));
    ours.filter(|part| !part.ends_with("...")).map(str::to_owned).collect()
}

/// The words of a command; double quotes hold spaces.
fn words(command: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (number, piece) in command.split('"').enumerate() {
        if number % 2 == 1 {
            words.push(piece.to_owned());
        } else {
            words.extend(piece.split_whitespace().map(str::to_owned));
        }
    }
    words
}

#[test]
fn every_command_that_operators_are_told_to_type_exists_with_its_options() {
    let page = page();
    let told = commands(&page);
    assert!(told.len() > 40, "{told:?}");
    for command in told {
        let mut words = words(&command).into_iter();
        let program = match words.next().as_deref() {
            Some("chancery") => env!("CARGO_BIN_EXE_chancery"),
            Some("chancery-gateway") => env!("CARGO_BIN_EXE_chancery-gateway"),
            other => panic!("{other:?} is no program of ours: {command}"),
        };
        // Options are read before the help is shown, so a wrong one is an error all the same.
        let shown = Command::new(program).args(words).arg("--help").stdin(Stdio::null()).output().unwrap();
        assert!(shown.status.success(), "{command}\n{}", String::from_utf8_lossy(&shown.stderr));
    }
}

#[test]
fn every_alert_rule_has_a_row_and_no_row_is_about_a_rule_that_there_is_not() {
    let rules = text("etc/prometheus/alerts.yml");
    let there: BTreeSet<&str> =
        rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    let page = page();
    let quoted = page.split('`').filter(|word| word.starts_with("Chancery"));
    let named: BTreeSet<&str> = quoted.filter(|word| word.chars().all(char::is_alphanumeric)).collect();
    assert!(there.len() > 10, "{there:?}");
    assert_eq!(there.symmetric_difference(&named).collect::<Vec<_>>(), Vec::<&&str>::new());
}

/// The name under which a heading is linked to.
fn anchor(heading: &str) -> String {
    let letters = heading
        .to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric() || " -".contains(*c))
        .collect::<String>();
    letters.replace(' ', "-")
}

#[test]
fn every_link_of_the_page_leads_somewhere_and_every_section_is_in_its_list() {
    let page = page();
    let headings: BTreeSet<String> =
        page.lines().filter_map(|line| line.strip_prefix("## ")).map(anchor).collect();
    let links: Vec<&str> = page.split("](").skip(1).filter_map(|rest| rest.split(')').next()).collect();
    assert!(headings.len() > 10 && links.len() > 20, "{headings:?} {links:?}");
    for link in &links {
        let file = link.split('#').next().unwrap();
        match link.strip_prefix('#') {
            Some(section) => assert!(headings.contains(section), "there is no section {section}"),
            None => assert!(
                Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(file).exists(),
                "there is no file {file}"
            ),
        }
    }
    let listed = page.split("\n## ").next().unwrap();
    for heading in headings.iter().filter(|heading| *heading != "three-places-three-prompts") {
        assert!(listed.contains(&format!("(#{heading})")), "{heading} is not in the list at the top");
    }
}

#[test]
fn every_section_says_first_when_it_is_needed() {
    let page = page();
    for section in page.split("\n## ").skip(2) {
        let (heading, body) = section.split_once('\n').unwrap();
        assert!(body.trim_start().starts_with("*When: "), "{heading}");
    }
}

/// Words in capitals with underscores, as codes of alarms are written.
fn codes_of_rows(page: &str) -> BTreeSet<&str> {
    let table = page.split("\n## Alarms\n").nth(1).unwrap().split("\n## ").next().unwrap();
    table.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect()
}

#[test]
fn every_alarm_of_the_security_page_has_a_row_for_operators_and_there_is_no_other() {
    // That page is compared with the code in `architecture/alarms.rs`.
    let security = text("SECURITY.md");
    let table = security.split("\n### Alarms\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let there: BTreeSet<&str> =
        table.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    let page = page();
    let told = codes_of_rows(&page);
    assert!(there.len() > 20, "{there:?}");
    assert_eq!(there.symmetric_difference(&told).collect::<Vec<_>>(), Vec::<&&str>::new());
}
