//! What is about to be signed, in six lines for a person and as one object for scripts.

use serde_json::{Value, json};

use crate::consultation::act::Act;
use crate::consultation::withholding::Withheld;
use crate::desk::accreditation::Trust;
use crate::desk::compose::Composition;
use crate::desk::form::draft::{ConsultationChoice, Draft};
use crate::desk::keys::Office;
use crate::message::dispatch::Document;
use crate::message::terms::AddresseeKind;

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

/// A size as people say it.
pub(super) fn size(bytes: u64) -> String {
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
