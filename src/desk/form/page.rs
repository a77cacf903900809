//! The reference of all acts as one page of Markdown, written from the catalogue and the proto files: `docs/acts.md`.

use std::fmt::Write as _;

use crate::consultation::act::ActKind;
use crate::consultation::catalogue::{RESERVED, Texts};
use crate::consultation::describe::{Description, Kind, Need};

/// The whole page.
pub fn page() -> String {
    let mut page = String::from(HEAD);
    let mut groups: Vec<&str> = ActKind::ALL.iter().map(|kind| kind.specification().group).collect();
    let mut seen = Vec::new();
    groups.retain(|group| {
        !seen.contains(group) && {
            seen.push(*group);
            true
        }
    });
    for group in groups {
        let _ = write!(page, "\n## {group}\n");
        for kind in ActKind::ALL.iter().filter(|kind| kind.specification().group == group) {
            act(*kind, &mut page);
        }
    }
    page.push_str("\n## Not in this release\n\nRefused by name: ");
    let reserved: Vec<String> =
        RESERVED.iter().map(|one| format!("`{}` ({})", one.word, one.title)).collect();
    let _ = writeln!(page, "{}.", reserved.join(", "));
    page
}

const HEAD: &str = "# Acts\n\n\
This page is written by `chancery acts --reference` from the comments of `proto/chancery/consultation/v1` and from the\n\
catalogue of acts; a test compares it. How acts are encoded and what a receiver does with one that it cannot read\n\
stands in [format.md](format.md), section 10. Fields marked * are mandatory. Words of a vocabulary are numbered from 1\n\
in the order in which they stand here.\n\n\
An act of precedence FLASH or IMMEDIATE is acknowledged when an officer of its addressee reads it: the registry signs a\n\
`registry-receipt` then. One of precedence PRIORITY is acknowledged by a `registry-receipt` that an office releases, or by\n\
any later act of the addressee in the same consultation.\n";

fn act(kind: ActKind, page: &mut String) {
    let specification = kind.specification();
    let _ = write!(page, "\n### `{}`: {}\n\n{}\n\n", kind.word(), kind.title(), kind.meaning());
    let words = |words: Vec<&str>| words.join(", ");
    let _ = writeln!(page, "- Class {}; {}.", specification.class, sender(kind));
    let _ = writeln!(
        page,
        "- Precedence {}; forms {}; {}.",
        words(specification.precedences.iter().map(|term| term.word()).collect()),
        words(specification.forms.iter().map(|term| term.word()).collect()),
        match specification.texts {
            Texts::None => "needs no text",
            Texts::Official => "one official text",
            Texts::Authentic => "every authentic text",
        }
    );
    let named = specification.documents.iter().map(|(field, class)| format!("`{field}` names a {class}"));
    let beside = specification.companions.iter().map(|class| format!("a {class} stands beside it"));
    let documents: Vec<String> = named.chain(beside).collect();
    if !documents.is_empty() {
        let _ = writeln!(page, "- Documents: {}.", documents.join("; "));
    }
    if let Some(answered) = kind.answers() {
        let _ = writeln!(page, "- Answers a `{}`.", answered.word());
    }
    page.push_str("\n| no | field | takes | meaning | source |\n|---|---|---|---|---|\n");
    rows(&kind.fields(), "", "", page);
}

fn sender(kind: ActKind) -> String {
    let specification = kind.specification();
    let roles: Vec<&str> = specification.senders.iter().map(|role| role.word()).collect();
    let mut said = if roles.is_empty() {
        "sent by every Power".to_owned()
    } else {
        format!("sent by {}", roles.join(" or "))
    };
    let further = [
        (specification.observers, ", by observers too"),
        (specification.concludes, "; needs the authority to conclude"),
        (specification.to_all_powers, "; goes to all Powers of the consultation"),
        (specification.needs_open, "; needs an open consultation"),
    ];
    further.iter().filter(|(applies, _)| *applies).for_each(|(_, words)| said.push_str(words));
    said
}

fn rows(fields: &[Description], numbers: &str, path: &str, page: &mut String) {
    for field in fields {
        let number = format!("{numbers}{}", field.number);
        let name = format!("{path}{}", field.name);
        let star = if field.need == Need::Mandatory { "*" } else { "" };
        let meaning = [field.meaning.as_str(), field.supplied].join(" ");
        let (takes, meaning) = (takes(&field.kind), meaning.trim().replace('|', "\\|"));
        let _ = writeln!(page, "| {number} | `{name}`{star} | {takes} | {meaning} | {} |", field.source);
        match &field.kind {
            Kind::Group(inner) => rows(inner, &format!("{number}."), &format!("{name}."), page),
            Kind::List(entry) => {
                if let Kind::Group(inner) = entry.as_ref() {
                    rows(inner, &format!("{number}."), &format!("{name}[]."), page);
                }
            }
            _ => {}
        }
    }
}

fn takes(kind: &Kind) -> String {
    match kind {
        Kind::Act => "an act: SHA-256 of its dispatch".to_owned(),
        Kind::Code(example) => format!("code such as `{}`", example.trim_matches('"')),
        Kind::Flag => "yes or no".to_owned(),
        Kind::Group(_) => "a record".to_owned(),
        Kind::Line => "one line".to_owned(),
        Kind::List(entry) => format!("list: {}", takes(entry)),
        Kind::Message => "a message: its id".to_owned(),
        Kind::Number => "a number".to_owned(),
        Kind::Person => "a person".to_owned(),
        Kind::Text => "text".to_owned(),
        Kind::Time => "Unix seconds".to_owned(),
        Kind::Word(words) => words.join(", "),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_page_of_acts_is_the_one_in_docs() {
        let (kept, page) = (include_str!("../../../docs/acts.md"), super::page());
        let anew = std::env::temp_dir().join("chancery-acts.md");
        if kept != page {
            std::fs::write(&anew, &page).unwrap();
        }
        assert!(kept == page, "docs/acts.md is of another time; {} is what it should be", anew.display());
    }
}
