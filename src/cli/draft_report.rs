//! A draft in clearance as an officer reads it before he signs, and as scripts do.

use serde_json::{Value, json};

use super::context::Context;
use super::error::CliError;
use super::output::Mark;
use super::table::Table;
use super::{names, summary};
use crate::consultation::withholding::Withheld;
use crate::desk::draft::{DraftFile, Standing, Step};
use crate::desk::keys::Keys;
use crate::desk::register::DraftEntry;
use crate::message::dispatch::Document;
use crate::message::terms::AddresseeKind;
use crate::trust::name::Name;

/// Everything the draft says: whoever signs has seen it. What tells who a person is may be withheld.
pub(super) fn text(draft: &DraftFile, withheld: &Withheld) -> Result<String, CliError> {
    let (address, dispatch) = (draft.address(), draft.dispatch());
    let mut lines = String::new();
    let mut say = |label: &str, value: &str| summary::say(&mut lines, label, value);
    say("to", &addressees(draft, AddresseeKind::Action).join(", "));
    say("copies to", &addressees(draft, AddresseeKind::Info).join(", "));
    say("consultation", &address.consultation);
    say("precedence", address.precedence.word());
    let mut marking = vec![address.level.word().to_owned(), dispatch.marking.national_label.clone()];
    marking.dedup();
    marking.extend(dispatch.marking.caveats.iter().map(|caveat| caveat.word().to_owned()));
    say("marking", marking.join(" · ").trim_end_matches(" · "));
    summary::say_terms(&mut lines, dispatch);
    lines.push('\n');
    lines.push_str(&names::text(draft.act(), withheld));
    let words = draft.words()?;
    for (place, (document, words)) in dispatch.documents.iter().zip(words).enumerate() {
        let Document { language, standing, title, .. } = document;
        if let Some(words) = words {
            let words = if withheld.document(place) { names::WITHHELD.into() } else { words };
            lines.push_str(&format!("\n--- {language} · {standing} · {title}\n{words}"));
            if !words.ends_with('\n') {
                lines.push('\n');
            }
        }
    }
    lines.push_str(&summary::documents_text(&dispatch.documents, withheld));
    Ok(lines)
}

/// Who has signed, who must next, who later; beside the content, never within it.
pub(super) fn tell_standing(context: &Context, standing: &Standing) {
    for step in &standing.steps {
        let (kind, label) = (step.expected.kind, label(&step.expected.credential));
        let (mark, words) = match (&step.signed, step.is_due) {
            (Some(signed), _) => (Mark::Ok, format!("{label} signed ({kind}), {}", signed.claimed_time())),
            (None, true) => (Mark::Warning, format!("{label} is to sign now ({kind})")),
            (None, false) => (Mark::Warning, format!("{label} signs later ({kind})")),
        };
        context.output.step(mark, &words);
    }
}

/// What comes next for whoever has the file.
pub(super) struct Next {
    /// The command.
    pub(super) command: String,
    /// The office whose turn it is, where its key does not lie here.
    pub(super) absent: Option<String>,
}

/// The command that comes next; an office signs where its key lies.
pub(super) fn next(context: &Context, keys: &Keys, standing: &Standing, file: &str) -> Next {
    let due: Vec<String> = standing.due().map(|step| label(&step.expected.credential)).collect();
    let here = due.iter().find(|office| keys.holds_key_of(office));
    let word = super::shell_word(file);
    match (here, due.first()) {
        (Some(office), _) => {
            Next { command: context.command(&format!("draft sign {word} --office {office}")), absent: None }
        }
        (None, Some(office)) => Next { command: extracting(context, file), absent: Some(office.clone()) },
        (None, None) => Next { command: context.command(&format!("draft release {word}")), absent: None },
    }
}

/// Gives an office whose key does not lie here the exact bytes that it signs.
pub(super) fn extracting(context: &Context, file: &str) -> String {
    context.command(&format!("draft show {} --extract DIR", super::shell_word(file)))
}

/// How such an office signs.
pub(super) fn absent_words(office: &str) -> String {
    format!(
        "the key of {office} does not lie at this desk: it signs where that lies, with `draft sign` at another desk of the \
         ministry, or by a module of its own over the exact bytes"
    )
}

/// The same for scripts.
pub(super) fn report(
    draft: &DraftFile,
    standing: &Standing,
    entry: Option<&DraftEntry>,
    file: &str,
    withheld: &Withheld,
) -> Value {
    let (address, dispatch) = (draft.address(), draft.dispatch());
    json!({
        "schema": "chancery.draft/1",
        "file": file,
        "state": entry.map(|entry| entry.state.word()),
        "kind": dispatch.kind,
        "to": addressees(draft, AddresseeKind::Action),
        "info": addressees(draft, AddresseeKind::Info),
        "consultation": address.consultation,
        "form": dispatch.form.word(),
        "formal_number": (!dispatch.formal_number.is_empty()).then_some(&dispatch.formal_number),
        "level": address.level.word(),
        "precedence": address.precedence.word(),
        "dispatch_sha256": draft.digest().hex(),
        "basis": dispatch.basis.iter().map(|basis| json!({
            "ministry": basis.ministry.as_str(), "act_number": basis.act_number,
        })).collect::<Vec<_>>(),
        "act": names::report(draft.act(), withheld),
        "documents": summary::documents_report(&dispatch.documents, withheld),
        "authentications": standing.steps.iter().map(step_report).collect::<Vec<_>>(),
        "complete": standing.is_complete(),
    })
}

fn step_report(step: &Step) -> Value {
    json!({
        "kind": step.expected.kind.word(),
        "office": step.expected.credential.to_string(),
        "signed": step.signed.is_some(),
        "claimed_time": step.signed.as_ref().map(|signed| signed.claimed_time().to_string()),
        "due": step.is_due,
    })
}

/// One line of a list of drafts. One that the desk service holds has no file.
pub(super) fn row(
    table: &mut Table,
    entry: &DraftEntry,
    draft: Option<&(DraftFile, Standing)>,
    is_held: bool,
) -> Value {
    let number = draft.map(|(draft, _)| draft.dispatch().formal_number.clone()).unwrap_or_default();
    let nowhere = if is_held { "held by the desk service" } else { "not there" };
    let act = draft.map_or(nowhere, |(draft, _)| draft.act().act_kind().title());
    let file = if is_held { "-" } else { entry.path.as_str() };
    let waits = draft.map(|(_, standing)| {
        let due: Vec<String> = standing.due().map(|step| label(&step.expected.credential)).collect();
        if due.is_empty() { "release".to_owned() } else { due.join(", ") }
    });
    let waits = waits.filter(|_| entry.state == crate::desk::register::DraftState::Open).unwrap_or_default();
    let (composed, state) = (entry.composed.to_string(), entry.state.word());
    table.row([&number, act, &composed, state, &waits, file]);
    json!({
        "schema": "chancery.draft-entry/1",
        "file": (!is_held).then_some(&entry.path),
        "held_by_service": is_held,
        "state": state,
        "composed": composed,
        "dispatch_sha256": entry.dispatch.hex(),
        "formal_number": (!number.is_empty()).then_some(number),
        "kind": draft.map(|(draft, _)| draft.act().kind()),
        "waits_for": waits,
        "is_there": draft.is_some(),
    })
}

fn addressees(draft: &DraftFile, kind: AddresseeKind) -> Vec<&str> {
    let addressees = draft.address().addressees.iter();
    addressees.filter(|one| one.kind == kind).map(|one| one.ministry.as_str()).collect()
}

fn label(name: &Name) -> String {
    name.to_string().rsplit('/').next().unwrap_or_default().to_owned()
}
