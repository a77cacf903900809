//! Writes an empty form that teaches: every field with its meaning, its source, its words and an example.

use super::guide::{self, Entry, Need};
use crate::consultation::act::ActKind;
use crate::consultation::reference::ConsultationId;
use crate::trust::name::Ministry;

/// What is known before the officer begins.
#[derive(Debug, Clone, Default)]
pub struct Prefill {
    /// Action addressees.
    pub to: Vec<Ministry>,
    /// Info addressees.
    pub info: Vec<Ministry>,
    /// The consultation; none for a new one.
    pub consultation: Option<ConsultationId>,
    /// Languages of the texts; the first is official, the others are courtesy translations.
    pub languages: Vec<String>,
    /// The message it answers.
    pub in_reply_to: Option<String>,
}

/// A written form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// The TOML text.
    pub text: String,
    /// Mandatory fields left to fill in.
    pub to_fill: usize,
    /// Optional fields it explains.
    pub optional: usize,
}

/// An empty form for an act of this kind.
pub fn template(kind: ActKind, prefill: &Prefill) -> Template {
    write(kind, prefill, false)
}

/// The same form filled with its examples: it reads back as a good draft, and is shown by `acts`.
pub fn example(kind: ActKind) -> String {
    write(kind, &Prefill::default(), true).text
}

fn write(kind: ActKind, prefill: &Prefill, with_examples: bool) -> Template {
    let mut pen = Pen { text: String::new(), to_fill: 0, optional: 0, with_examples };
    pen.line(&format!(
        "# {}. Lines that begin with # are explanations; fields behind # are optional.",
        kind.title()
    ));
    pen.line("# The basis of the act (what it rests on) is stated by the registry at release.");
    pen.line("");
    pen.line(&format!("kind = {}", quoted(kind.word())));
    for entry in guide::heading(kind) {
        let known = known(prefill, entry.name);
        pen.entry(&entry, known.as_deref());
    }
    pen.line("");
    pen.line("[act]");
    for entry in guide::act(kind) {
        let known =
            prefill.in_reply_to.as_deref().filter(|_| is_answered_message(kind, entry.name)).map(quoted);
        pen.entry(&entry, known.as_deref());
    }
    if kind == ActKind::RegistryReceipt {
        pen.line("");
        pen.line("# A receipt says all it has to say above; a text may stand beside it.");
        pen.line("#[[text]]");
        guide::text().iter().for_each(|entry| pen.proposal(entry));
    } else {
        texts(&mut pen, &prefill.languages);
    }
    documents(&mut pen, kind);
    Template { text: pen.text, to_fill: pen.to_fill, optional: pen.optional }
}

fn known(prefill: &Prefill, name: &str) -> Option<String> {
    match name {
        "to" if !prefill.to.is_empty() => Some(codes(&prefill.to)),
        "info" if !prefill.info.is_empty() => Some(codes(&prefill.info)),
        "consultation" => prefill.consultation.map(|consultation| quoted(&consultation.text())),
        "in_reply_to" => prefill.in_reply_to.as_deref().map(quoted),
        _ => None,
    }
}

fn codes(ministries: &[Ministry]) -> String {
    let codes: Vec<String> = ministries.iter().map(|ministry| quoted(ministry.as_str())).collect();
    format!("[{}]", codes.join(", "))
}

fn is_answered_message(kind: ActKind, name: &str) -> bool {
    matches!((kind, name), (ActKind::TransferResponse, "request") | (ActKind::RegistryReceipt, "message_id"))
}

fn texts(pen: &mut Pen, languages: &[String]) {
    let entries = guide::text();
    if languages.is_empty() {
        pen.line("");
        pen.line("[[text]]");
        for entry in entries {
            // A text has words or a file; the example shows words, and is no translation.
            let shown = pen.with_examples && entry.name == "words";
            pen.entry(&entry, shown.then_some(entry.example));
        }
        return;
    }
    for (index, language) in languages.iter().enumerate() {
        pen.line("");
        pen.line("[[text]]");
        let standing = if index == 0 { "OFFICIAL" } else { "COURTESY_TRANSLATION" };
        for entry in &entries {
            let known = match entry.name {
                "language" => Some(quoted(language)),
                "standing" => Some(quoted(standing)),
                _ => None,
            };
            pen.entry(entry, known.as_deref());
        }
    }
}

fn documents(pen: &mut Pen, kind: ActKind) {
    pen.line("");
    pen.line("# Further documents, one table for each; `send --attach` adds them too.");
    let asked = pen.with_examples && kind == ActKind::TransferRequest;
    pen.line(if asked { "[[document]]" } else { "#[[document]]" });
    for entry in guide::document() {
        let known = asked && (entry.need != Need::Optional || entry.name == "id");
        if known {
            pen.entry(&entry, Some(entry.example));
        } else {
            pen.proposal(&entry);
        }
    }
}

struct Pen {
    text: String,
    to_fill: usize,
    optional: usize,
    with_examples: bool,
}

impl Pen {
    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn explain(&mut self, entry: &Entry) {
        self.line("");
        self.line(&format!("# {}", entry.meaning));
        let need = if entry.need == Need::Optional { "Optional" } else { "Mandatory" };
        self.line(&format!("# {need}. Source: {}.", entry.source));
        if !entry.words.is_empty() {
            self.line(&format!("# One of: {}", entry.words.join(", ")));
        }
    }

    /// A field of a table that is optional as a whole.
    fn proposal(&mut self, entry: &Entry) {
        self.explain(entry);
        self.line(&format!("#{} = {}", entry.name, entry.example));
        self.optional += 1;
    }

    fn entry(&mut self, entry: &Entry, known: Option<&str>) {
        self.explain(entry);
        let name = entry.name;
        match (entry.need, known) {
            (_, Some(known)) => self.line(&format!("{name} = {known}")),
            (Need::Proposed, None) => self.line(&format!("{name} = {}", entry.example)),
            (Need::Mandatory, None) if self.with_examples => {
                self.line(&format!("{name} = {}", entry.example))
            }
            (Need::Mandatory, None) => {
                self.to_fill += 1;
                self.line(&format!("# Example: {}", entry.example));
                self.line(&format!("{name} = {}", blank(entry.example)));
            }
            (Need::Optional, None) => {
                self.optional += 1;
                let shown = self.with_examples && matches!(name, "conditions" | "dispatch_digest");
                self.line(&format!("{}{name} = {}", if shown { "" } else { "#" }, entry.example));
            }
        }
    }
}

/// The empty value of the type that the example has.
fn blank(example: &str) -> &'static str {
    match example.chars().next() {
        Some('[') => "[]",
        Some('{') => "{}",
        _ => "\"\"",
    }
}

fn quoted(text: &str) -> String {
    toml_edit::Value::from(text).to_string()
}
