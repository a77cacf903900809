//! `acts`: what can be said, and with which fields.

use serde_json::{Value, json};

use super::context::Context;
use super::error::CliError;
use super::table::Table;
use crate::consultation::act::ActKind;
use crate::consultation::rules::required_authentications;
use crate::desk::form::guide::{self, Entry, Need};
use crate::desk::form::{page, template};
use crate::message::terms::Form;

/// List what can be said, or explain one act
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  chancery acts\n  chancery acts transfer-request\n  chancery acts --forms\n  \
    chancery acts --reference > acts.md"
)]
pub struct Acts {
    /// Kind of act, to show its fields with meaning, source and example
    #[arg(value_name = "ACT", value_parser = parse_kind)]
    act: Option<ActKind>,

    /// Show the filled-in example as a form instead
    #[arg(long, requires = "act")]
    example: bool,

    /// List the diplomatic forms and the signatures that each needs
    #[arg(long, conflicts_with = "act")]
    forms: bool,

    /// Write the reference of all acts as Markdown
    #[arg(long, conflicts_with_all = ["act", "forms"])]
    reference: bool,
}

impl Acts {
    /// Shows it.
    pub async fn run(self, context: &Context) -> Result<(), CliError> {
        match self.act {
            Some(kind) if self.example => {
                let text = template::example(kind);
                let report = json!({ "schema": "chancery.form/1", "kind": kind.word(), "form": text });
                context.output.data(&report, || text.clone())
            }
            Some(kind) => explain(context, kind),
            None if self.forms => list_forms(context),
            None if self.reference => {
                let page = page::page();
                let report = json!({ "schema": "chancery.acts-reference/1", "markdown": page });
                context.output.data(&report, || page.clone())
            }
            None => list(context),
        }
    }
}

/// The kind of act that a word names.
pub(super) fn parse_kind(word: &str) -> Result<ActKind, String> {
    if let Some(reserved) = ActKind::reserved(word) {
        return Err(format!("{word} ({}) is not in this release", reserved.title));
    }
    ActKind::from_word(word).ok_or_else(|| {
        let words: Vec<&str> = ActKind::ALL.iter().map(|kind| kind.word()).collect();
        format!("one of {} is expected", words.join(", "))
    })
}

fn list(context: &Context) -> Result<(), CliError> {
    let mut table = Table::new(["ACT", "MEANING", "CLASS", "ANSWERS"]);
    let mut reports = Vec::new();
    for kind in ActKind::ALL {
        let answers = kind.answers().map(ActKind::word);
        table.row([kind.word(), kind.title(), kind.class().word(), answers.unwrap_or("")]);
        reports.push(json!({
            "schema": "chancery.act/1",
            "kind": kind.word(),
            "title": kind.title(),
            "class": kind.class().word(),
            "answers": answers,
            "mandatory": names(*kind, Need::Mandatory),
            "proposed": names(*kind, Need::Proposed),
            "optional": names(*kind, Need::Optional),
        }));
    }
    context.output.list(&reports, &table, "no acts")?;
    context.output.next("chancery acts ACT, or  chancery new ACT --to XB -o note.toml");
    Ok(())
}

fn names(kind: ActKind, need: Need) -> Vec<&'static str> {
    guide::act(kind).iter().filter(|entry| entry.need == need).map(|entry| entry.name).collect()
}

fn list_forms(context: &Context) -> Result<(), CliError> {
    let mut table = Table::new(["FORM", "SIGNATURES"]);
    let mut reports = Vec::new();
    for form in Form::ALL {
        let signatures: Vec<&str> = required_authentications(*form).iter().map(|kind| kind.word()).collect();
        table.row([form.word(), &signatures.join(", ")]);
        let schema = "chancery.diplomatic-form/1";
        reports.push(json!({ "schema": schema, "form": form.word(), "signatures": signatures }));
    }
    context.output.list(&reports, &table, "no forms")
}

fn explain(context: &Context, kind: ActKind) -> Result<(), CliError> {
    let (heading, act, text, document) =
        (guide::heading(kind), guide::act(kind), guide::text(), guide::document());
    let report = json!({
        "schema": "chancery.act-fields/1",
        "kind": kind.word(),
        "title": kind.title(),
        "class": kind.class().word(),
        "answers": kind.answers().map(ActKind::word),
        "specification": specification(kind),
        "heading": fields(&heading),
        "act": fields(&act),
        "text": fields(&text),
        "document": fields(&document),
    });
    context.output.data(&report, || {
        let mut shown = format!("{} ({}), class {}\n", kind.title(), kind.word(), kind.class());
        shown.push_str(&format!("{}\n", kind.meaning()));
        shown.push_str(&sent(kind));
        if let Some(answered) = kind.answers() {
            shown.push_str(&format!("answers a {}: name it in in_reply_to\n", answered.word()));
        }
        let tables = [
            ("heading", &heading),
            ("[act]", &act),
            ("[[text]], each a language version", &text),
            ("[[document]], each a further document", &document),
        ];
        tables.into_iter().for_each(|(title, entries)| show(title, entries, &mut shown));
        shown
    })?;
    context.output.next(&format!("chancery new {} --to XB -o note.toml", kind.word()));
    Ok(())
}

/// Who sends it, and what belongs to it.
fn sent(kind: ActKind) -> String {
    let specification = kind.specification();
    let mut said = match specification.senders {
        [] => "sent by every Power".to_owned(),
        roles => format!("sent by {}", roles.iter().map(|role| role.word()).collect::<Vec<_>>().join(" or ")),
    };
    if specification.observers {
        said.push_str(", by observers too");
    }
    let named = specification.documents.iter().map(|(field, class)| format!("{field} names a {class}"));
    let beside = specification.companions.iter().map(|class| format!("a {class} stands beside it"));
    let documents: Vec<String> = named.chain(beside).collect();
    if !documents.is_empty() {
        said.push_str(&format!("; documents: {}", documents.join(", ")));
    }
    said.push('\n');
    said
}

fn specification(kind: ActKind) -> Value {
    let specification = kind.specification();
    json!({
        "group": specification.group,
        "senders": specification.senders.iter().map(|role| role.word()).collect::<Vec<_>>(),
        "observers": specification.observers,
        "precedences": specification.precedences.iter().map(|term| term.word()).collect::<Vec<_>>(),
        "forms": specification.forms.iter().map(|form| form.word()).collect::<Vec<_>>(),
        "concludes": specification.concludes,
        "to_all_powers": specification.to_all_powers,
    })
}

fn fields(entries: &[Entry]) -> Vec<Value> {
    let each = entries.iter().map(|entry| {
        json!({
            "name": entry.name,
            "need": word(entry.need),
            "meaning": entry.meaning,
            "source": entry.source,
            "words": entry.words,
            "example": entry.example,
            "fields": fields(&entry.inner),
        })
    });
    each.collect()
}

fn show(title: &str, entries: &[Entry], shown: &mut String) {
    shown.push_str(&format!("\n{title}\n"));
    for entry in entries {
        shown.push_str(&format!("  {}  ({}; {})\n", entry.name, word(entry.need), entry.source));
        shown.push_str(&format!("      {}\n", entry.meaning));
        if !entry.words.is_empty() {
            shown.push_str(&format!("      one of: {}\n", entry.words.join(", ")));
        }
        shown.push_str(&format!("      {} = {}\n", entry.name, entry.example));
        entry.inner.iter().for_each(|inner| show_inner(inner, "      ", shown));
    }
}

/// A field of a table inside a field.
fn show_inner(entry: &Entry, indent: &str, shown: &mut String) {
    shown.push_str(&format!("{indent}- {}  ({}): {}\n", entry.name, word(entry.need), entry.meaning));
    if !entry.words.is_empty() {
        shown.push_str(&format!("{indent}  one of: {}\n", entry.words.join(", ")));
    }
    let deeper = format!("{indent}  ");
    entry.inner.iter().for_each(|inner| show_inner(inner, &deeper, shown));
}

fn word(need: Need) -> &'static str {
    match need {
        Need::Mandatory => "mandatory",
        Need::Proposed => "mandatory, proposed by the form",
        Need::Optional => "optional",
    }
}
