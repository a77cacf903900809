//! What is about to be signed, in six lines for a person and as one object for scripts; and what every account of an act
//! says alike: the lines of its heading, its list of documents.

use serde_json::{Value, json};

use crate::consultation::act::Act;
use crate::consultation::withholding::Withheld;
use crate::desk::accreditation::Trust;
use crate::desk::compose::Composition;
use crate::desk::form::draft::{ConsultationChoice, Draft};
use crate::desk::keys::Office;
use crate::message::dispatch::{Dispatch, Document};
use crate::message::terms::AddresseeKind;
use crate::trust::name::Ministry;

/// The six lines.
pub(super) fn lines(trust: &Trust, draft: &Draft, composition: &Composition) -> [String; 6] {
    let Composition { address, dispatch, act, .. } = composition;
    let number = match dispatch.formal_number.as_str() {
        "" => String::new(),
        number => format!(", number {number}"),
    };
    let addressees = address.addressees.iter().map(|addressee| {
        let name =
            trust.bundle(&addressee.ministry).map(|bundle| bundle.bundle().content().display_name.clone());
        let copy = if addressee.kind == AddresseeKind::Info { " (for information)" } else { "" };
        format!("{}, {}{copy}", addressee.ministry, name.unwrap_or_default())
    });
    let consultation = match draft.consultation {
        ConsultationChoice::New => format!("{} (new)", address.consultation),
        ConsultationChoice::Known(_) => address.consultation.clone(),
    };
    let documents: Vec<String> = dispatch.documents.iter().map(document).collect();
    let documents = if documents.is_empty() { "none".to_owned() } else { documents.join(" · ") };
    [
        line("act", &format!("{}{}", act.act_kind().title(), persons(act))),
        line("to", &addressees.collect::<Vec<_>>().join(" · ")),
        line("consultation", &consultation),
        line("form", &format!("{}{number}, {}, {}", dispatch.form, address.level, address.precedence)),
        line("signed by", &signatures(composition).join(" · ")),
        line("documents", &documents),
    ]
}

/// The same for scripts; nothing was signed.
pub(super) fn report(draft: &Draft, composition: &Composition, findings: Vec<Value>) -> Value {
    let Composition { address, dispatch, act, .. } = composition;
    let addressees = |kind: AddresseeKind| {
        let of_kind = address.addressees.iter().filter(move |addressee| addressee.kind == kind);
        of_kind.map(|addressee| addressee.ministry.as_str()).collect::<Vec<_>>()
    };
    let documents = dispatch.documents.iter().map(document_report);
    let is_new = matches!(draft.consultation, ConsultationChoice::New);
    json!({
        "schema": "chancery.dry-run/1",
        "kind": act.kind(),
        "to": addressees(AddresseeKind::Action),
        "info": addressees(AddresseeKind::Info),
        "consultation": (!is_new).then_some(address.consultation.as_str()),
        "form": dispatch.form.word(),
        "expected_formal_number": dispatch.formal_number,
        "level": address.level.word(),
        "precedence": address.precedence.word(),
        "signatures": signatures(composition),
        "documents": documents.collect::<Vec<_>>(),
        "valid_until": composition.valid_until.to_string(),
        "findings": findings,
    })
}

/// The word to type back: the codes of all addressees.
pub(super) fn codes(composition: &Composition) -> String {
    let codes = composition.address.addressees.iter().map(|addressee| addressee.ministry.to_string());
    codes.collect::<Vec<_>>().join(" ")
}

/// A document for scripts.
pub(super) fn document_report(document: &Document) -> Value {
    json!({
        "id": document.document_id,
        "title": document.title,
        "class": document.class.word(),
        "standing": document.standing.word(),
        "language": document.language,
        "media_type": document.media_type,
        "size": document.size,
        "sha256": document.digest.hex(),
        "translation_of": (!document.translation_of.is_empty()).then_some(&document.translation_of),
    })
}

/// All documents of a message, each with whether it is withheld.
pub(super) fn documents_report(documents: &[Document], withheld: &Withheld) -> Vec<Value> {
    let each = documents.iter().enumerate().map(|(place, document)| {
        let mut report = document_report(document);
        if let Some(report) = report.as_object_mut() {
            report.insert("withheld".to_owned(), json!(withheld.document(place)));
        }
        report
    });
    each.collect()
}

/// All documents of an act under a heading of their own, each with whether it is withheld; nothing where there is none.
pub(super) fn documents_text(documents: &[Document], withheld: &Withheld) -> String {
    let each = documents.iter().enumerate().map(|(place, document)| {
        let Document { document_id, title, class, standing, language, media_type, size: bytes, .. } =
            document;
        let size = size(*bytes);
        let withheld = if withheld.document(place) { ", withheld" } else { "" };
        format!("{document_id}  {title}  ({class}, {standing}, {language}, {media_type}, {size}{withheld})\n")
    });
    let lines: String = each.collect();
    if lines.is_empty() { lines } else { format!("\n--- documents\n{lines}") }
}

/// One line of the heading of an act; none where there is nothing to say.
pub(super) fn say(lines: &mut String, label: &str, value: &str) {
    if !value.is_empty() {
        lines.push_str(&format!("{label:<14} {}\n", value.replace('\n', " ")));
    }
}

/// What an act is by its form, what it answers and for whom.
pub(super) fn say_terms(lines: &mut String, dispatch: &Dispatch) {
    say(lines, "form", dispatch.form.word());
    say(lines, "formal number", &dispatch.formal_number);
    say(lines, "answers", &dispatch.in_reply_to.map(|id| id.to_string()).unwrap_or_default());
    say(lines, "answer due", &dispatch.reply_due.map(|due| due.to_string()).unwrap_or_default());
    say(lines, "on behalf of", dispatch.relayed_on_behalf_of.as_ref().map_or("", Ministry::as_str));
    say(lines, "drafted by", &dispatch.drafting_office);
}

/// A size as people say it.
fn size(bytes: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    match UNITS.iter().find(|(unit, _)| bytes >= *unit) {
        Some((unit, name)) => format!("{} {name}", bytes.div_ceil(*unit)),
        None => format!("{bytes} B"),
    }
}

fn line(label: &str, value: &str) -> String {
    format!("  {label:<13} {value}")
}

fn persons(act: &Act) -> String {
    match act.persons().len() {
        0 => String::new(),
        1 => " (1 person)".to_owned(),
        count => format!(" ({count} persons)"),
    }
}

fn document(document: &Document) -> String {
    let (id, size) = (&document.document_id, size(document.size));
    format!("{id} {} {size}", document.standing)
}

fn signatures(composition: &Composition) -> Vec<String> {
    let expected = composition.dispatch.authentications.iter();
    let each = expected.zip(&composition.offices).map(|(expected, office)| {
        let label = office.as_ref().map_or_else(|| "the registry".to_owned(), Office::label);
        format!("{label} ({})", expected.kind)
    });
    each.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_said_as_people_say_them() {
        let said: Vec<String> = [0, 1023, 1024, 217_000, 3 << 20, 5 << 30].into_iter().map(size).collect();
        assert_eq!(said, ["0 B", "1023 B", "1 KiB", "212 KiB", "3 MiB", "5 GiB"]);
    }
}
