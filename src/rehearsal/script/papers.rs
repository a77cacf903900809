//! Texts and documents that a step writes out: `[[step.text]]` and `[[step.document]]`.

use super::Paper;
use crate::consultation::acts::values::{EntryId, LanguageCode};
use crate::desk::form::documents::MEDIA_TYPES;
use crate::desk::form::reader::{Fields, Report, Wrong, string, term};
use crate::message::terms::{DocumentClass, DocumentStanding};

/// Reads them, texts first.
pub(super) fn read(fields: &mut Fields<'_>, report: &mut Report<'_>) -> Vec<Paper> {
    let mut papers = Vec::new();
    for mut table in fields.tables(report, "text") {
        papers.extend(text(&mut table, report));
        table.finish(report);
    }
    for (number, mut table) in (1..).zip(fields.tables(report, "document")) {
        papers.extend(document(&mut table, number, report));
        table.finish(report);
    }
    for (index, paper) in papers.iter().enumerate() {
        if papers.iter().take(index).any(|other| other.id == paper.id) {
            let message = format!("two papers have the id {}", paper.id);
            report.add(
                fields.span(),
                &fields.path("document"),
                Wrong::new(super::SCRIPT_REPEATED, message, ""),
            );
        }
    }
    papers
}

fn text(fields: &mut Fields<'_>, report: &mut Report<'_>) -> Option<Paper> {
    let tongue = fields.required(report, "language", |item| language(string(item)?));
    let standing = fields.optional(report, "standing", standing).unwrap_or(DocumentStanding::Official);
    let words = fields.required(report, "words", |item| Ok(string(item)?.to_owned()));
    let id = fields.optional(report, "id", id);
    let class = fields.optional(report, "class", class).unwrap_or(DocumentClass::DiplomaticText);
    let translation_of = fields.optional(report, "translation_of", id_text).unwrap_or_default();
    let tongue = tongue?;
    Some(Paper {
        id: id.unwrap_or_else(|| tongue.clone()),
        title: "Text".to_owned(),
        class,
        standing,
        language: tongue,
        media_type: "text/plain".to_owned(),
        translation_of,
        words: words?,
    })
}

fn document(fields: &mut Fields<'_>, number: usize, report: &mut Report<'_>) -> Option<Paper> {
    let id = fields.optional(report, "id", id);
    let class = fields.required(report, "class", class);
    let standing = fields.optional(report, "standing", standing).unwrap_or(DocumentStanding::Annex);
    let tongue = fields.optional(report, "language", |item| language(string(item)?));
    let media_type = fields.optional(report, "media_type", |item| {
        let text = string(item)?;
        let known = MEDIA_TYPES.iter().map(|(known, _)| *known);
        known.clone().find(|known| *known == text).ok_or_else(|| {
            let hint = format!("one of: {}", known.collect::<Vec<_>>().join(", "));
            Wrong::new(super::SCRIPT_VALUE, "not a media type that is exchanged", hint)
        })
    });
    let title = fields.optional(report, "title", |item| Ok(string(item)?.to_owned()));
    let words = fields.optional(report, "words", |item| Ok(string(item)?.to_owned()));
    let class = class?;
    Some(Paper {
        id: id.unwrap_or_else(|| format!("document-{number}")),
        title: title.unwrap_or_else(|| "Document".to_owned()),
        class,
        standing,
        language: tongue.unwrap_or_else(|| "en".to_owned()),
        media_type: media_type.unwrap_or("text/plain").to_owned(),
        translation_of: String::new(),
        words: words.unwrap_or_else(|| format!("A document of the class {class}.")),
    })
}

pub(super) fn language(text: &str) -> Result<String, Wrong> {
    Ok(LanguageCode::parse(text)?.as_str().to_owned())
}

fn standing(item: &toml_edit::Item) -> Result<DocumentStanding, Wrong> {
    term(string(item)?, DocumentStanding::ALL, DocumentStanding::word)
}

fn class(item: &toml_edit::Item) -> Result<DocumentClass, Wrong> {
    term(string(item)?, DocumentClass::ALL, DocumentClass::word)
}

fn id(item: &toml_edit::Item) -> Result<String, Wrong> {
    Ok(EntryId::parse(string(item)?)?.as_str().to_owned())
}

fn id_text(item: &toml_edit::Item) -> Result<String, Wrong> {
    id(item)
}
