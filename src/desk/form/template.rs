//! Writes an empty form that teaches: every field with its meaning, its source, its words and an example.

use super::guide::{self, Entry, Need};
use crate::consultation::act::ActKind;
use crate::consultation::catalogue::Texts;
use crate::consultation::describe::{self, Kind};
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
    /// Fields of the act that what it answers decides, as TOML values.
    pub act: Vec<(&'static str, String)>,
}

/// A written form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// The TOML text.
    pub text: String,
    /// Fields left to fill in, as `check` misses them; of the words of a text and its file, one.
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
    let answered = answered_message(kind);
    let known = |entry: &Entry| {
        let taken_over =
            prefill.act.iter().find(|(name, _)| *name == entry.name).map(|(_, value)| value.clone());
        let reference = prefill.in_reply_to.as_deref().filter(|_| Some(entry.name) == answered);
        taken_over.or_else(|| reference.map(quoted))
    };
    pen.table("act", &guide::act(kind), &known);
    match kind.specification().texts {
        Texts::None => {
            pen.line("");
            pen.line("# This act says all it has to say above; a text may stand beside it.");
            pen.line("#[[text]]");
            guide::text().iter().for_each(|entry| pen.proposal(entry));
        }
        Texts::Official => texts(&mut pen, &prefill.languages),
        Texts::Authentic => {
            agreed_texts(&mut pen, &prefill.languages);
            pen.line("");
            pen.line(
                "# The note needs no text of its own; one beside those of the agreement binds like them.",
            );
            pen.line("#[[text]]");
            guide::text().iter().for_each(|entry| pen.proposal(entry));
        }
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

/// The field that names the message which an act of this kind answers.
fn answered_message(kind: ActKind) -> Option<&'static str> {
    let specification = kind.specification();
    let names_one = specification.answers.is_some()
        || specification.group == "Registry"
        || kind == ActKind::Countersignature;
    let fields = kind.fields();
    let mut references = fields.iter().filter(|field| matches!(field.kind, Kind::Act | Kind::Message));
    references.find(|field| names_one && field.need == describe::Need::Mandatory).map(|field| field.name)
}

/// The texts of an agreement, which bind alike: a document for each language.
fn agreed_texts(pen: &mut Pen, languages: &[String]) {
    let entries = guide::document();
    let count = languages.len().max(1);
    for index in 0..count {
        pen.line("");
        if index == 0 {
            pen.line(
                "# The texts of the agreement, one document for each language. All bind alike (LNG_01).",
            );
        }
        pen.line("[[document]]");
        for entry in &entries {
            let known = match entry.name {
                "class" => Some("\"AGREEMENT_TEXT\"".to_owned()),
                "standing" => Some("\"AUTHENTIC\"".to_owned()),
                "language" => languages.get(index).map(|language| quoted(language)),
                _ => None,
            };
            pen.entry(entry, known.as_deref());
        }
    }
}

fn texts(pen: &mut Pen, languages: &[String]) {
    let entries = guide::text();
    if languages.is_empty() {
        pen.line("");
        pen.line("[[text]]");
        for entry in entries {
            // A text has words or a file; the example shows words, and is no translation.
            let shown = pen.with_examples && entry.name == "words";
            pen.entry(&entry, shown.then_some(entry.example.as_ref()));
        }
        pen.words_or_file();
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
        pen.words_or_file();
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
            pen.entry(&entry, Some(&entry.example));
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

    /// A table with its fields; fields that are large tables themselves become tables below it.
    fn table(&mut self, path: &str, entries: &[Entry], known: &dyn Fn(&Entry) -> Option<String>) {
        self.line("");
        self.line(&format!("[{path}]"));
        let (large, small): (Vec<&Entry>, Vec<&Entry>) = entries.iter().partition(|entry| is_large(entry));
        for entry in small {
            self.entry(entry, known(entry).as_deref());
        }
        for entry in large {
            self.explain(entry);
            self.table(&format!("{path}.{}", entry.name), &entry.inner, &|_| None);
        }
    }

    fn explain(&mut self, entry: &Entry) {
        self.line("");
        self.line(&format!("# {}", entry.meaning));
        self.need(entry);
        if !is_large(entry) {
            entry.inner.iter().for_each(|inner| self.explain_inner(inner, 1));
        }
    }

    /// A field of a table that stands in one line.
    fn explain_inner(&mut self, entry: &Entry, depth: usize) {
        let need = if entry.need == Need::Optional { "optional" } else { "mandatory" };
        let indent = "  ".repeat(depth);
        self.line(&format!("#{indent}{} ({need}): {}", entry.name, entry.meaning));
        if !entry.words.is_empty() {
            self.line(&format!("#{indent}  One of: {}", entry.words.join(", ")));
        }
        entry.inner.iter().for_each(|inner| self.explain_inner(inner, depth.saturating_add(1)));
    }

    fn need(&mut self, entry: &Entry) {
        let need = if entry.need == Need::Optional { "Optional" } else { "Mandatory" };
        self.line(&format!("# {need}. Source: {}.", entry.source));
        if !entry.words.is_empty() {
            self.line(&format!("# One of: {}", entry.words.join(", ")));
        }
    }

    /// Of the words of a text and its file, either may be left out and one must be there: `check` asks for it.
    fn words_or_file(&mut self) {
        if !self.with_examples {
            self.to_fill += 1;
            self.optional = self.optional.saturating_sub(2);
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
                self.line(&format!("{name} = {}", blank(&entry.example)));
            }
            (Need::Optional, None) => {
                self.optional += 1;
                let shown = self.with_examples && entry.supplied;
                self.line(&format!("{}{name} = {}", if shown { "" } else { "#" }, entry.example));
            }
        }
    }
}

/// Whether a field is a table with more fields than a line takes.
fn is_large(entry: &Entry) -> bool {
    entry.example.starts_with('{') && entry.inner.len() > 2 && entry.need != Need::Optional
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
