//! The `[[text]]` and `[[document]]` tables of a form.

use oxilangtag::LanguageTag;

use super::FORM_FILE;
use super::draft::{DraftDocument, DraftText, TextSource};
use super::reader::{Fields, Report, Wrong, short, string, term};
use crate::consultation::acts::values::EntryId;
use crate::consultation::fault::Reason;
use crate::limits;
use crate::message::terms::{DocumentClass, DocumentStanding};

/// Media types that a document may have, each with the endings of file names that mean it.
pub const MEDIA_TYPES: &[(&str, &[&str])] = &[
    ("application/pdf", &["pdf"]),
    ("text/plain", &["txt"]),
    ("text/markdown", &["md"]),
    ("image/jpeg", &["jpg", "jpeg"]),
    ("image/png", &["png"]),
    ("application/octet-stream", &[]),
];

/// Reads texts and documents; ids must differ, and translations find what they translate.
pub(super) fn read(fields: &mut Fields<'_>, report: &mut Report<'_>) -> (Vec<DraftText>, Vec<DraftDocument>) {
    let mut ids: Vec<EntryId> = Vec::new();
    let mut texts = Vec::new();
    for table in fields.tables(report, "text") {
        texts.extend(text(table, &mut ids, report));
    }
    let mut documents = Vec::new();
    for (index, table) in fields.tables(report, "document").into_iter().enumerate() {
        documents.extend(document(table, index, &mut ids, report));
    }
    if texts.len() + documents.len() > limits::DOCUMENTS_MAX {
        let message = format!("more than {} texts and documents", limits::DOCUMENTS_MAX);
        report.add(fields.span(), "document", Wrong::new(Reason::ListTooLong.word(), message, ""));
    }
    default_originals(&mut texts);
    (texts, documents)
}

fn text(mut fields: Fields<'_>, ids: &mut Vec<EntryId>, report: &mut Report<'_>) -> Option<DraftText> {
    let language = language(&mut fields, report);
    let standing = fields.required(report, "standing", standing_term);
    let title = fields.required(report, "title", short);
    let inline = fields.optional(report, "words", |item| Ok(string(item)?.to_owned()));
    let file = fields.optional(report, "file", |item| Ok(string(item)?.to_owned()));
    let source = match (inline, file) {
        (Some(words), None) => Some(TextSource::Inline(words)),
        (None, Some(path)) => Some(TextSource::File(path)),
        (None, None) => {
            let hint = "write the text in words = \"\"\"...\"\"\", or name its file";
            let wrong = Wrong::new(Reason::FieldMissing.word(), "a text has words or a file", hint);
            report.add(fields.span(), &fields.path("words"), wrong);
            None
        }
        (Some(_), Some(_)) => {
            let wrong = Wrong::new(Reason::FieldConflict.word(), "a text has words or a file, not both", "");
            report.add(fields.span_of("file"), &fields.path("file"), wrong);
            None
        }
    };
    let source = match source {
        Some(TextSource::File(path)) => Some(TextSource::File(readable(path, &fields, "file", report))),
        source => source,
    };
    let default = language.clone().unwrap_or_default();
    let document_id = id(&mut fields, &default, ids, report);
    let translation_of = fields.optional(report, "translation_of", |item| Ok(EntryId::parse(string(item)?)?));
    fields.finish(report);
    Some(DraftText {
        document_id: document_id?,
        language: language?,
        standing: standing?,
        title: title?,
        source: source?,
        translation_of,
    })
}

fn document(
    mut fields: Fields<'_>,
    index: usize,
    ids: &mut Vec<EntryId>,
    report: &mut Report<'_>,
) -> Option<DraftDocument> {
    let path = fields.required(report, "path", |item| Ok(string(item)?.to_owned()));
    let title = fields.required(report, "title", short);
    let class =
        fields.required(report, "class", |item| term(string(item)?, DocumentClass::ALL, DocumentClass::word));
    let standing = fields.optional(report, "standing", standing_term).unwrap_or(DocumentStanding::Annex);
    let language = language(&mut fields, report);
    let stated = fields.optional(report, "media_type", |item| media_type(string(item)?));
    let media_type = stated.unwrap_or_else(|| media_type_of(path.as_deref().unwrap_or_default()));
    let path = path.map(|path| readable(path, &fields, "path", report));
    let document_id = id(&mut fields, &format!("document-{}", index + 1), ids, report);
    let translation_of = fields.optional(report, "translation_of", |item| Ok(EntryId::parse(string(item)?)?));
    fields.finish(report);
    Some(DraftDocument {
        document_id: document_id?,
        path: path?,
        title: title?,
        class: class?,
        standing,
        language: language?,
        media_type: media_type.to_owned(),
        translation_of,
        deposit: None,
    })
}

/// The path of a file that can be sent; of any other the fault is kept, and an empty file stands for it.
fn readable(path: String, fields: &Fields<'_>, name: &str, report: &mut Report<'_>) -> String {
    let Some(fault) = report.references.fault_of_file(&path) else { return path };
    let hint = "paths begin beside the form";
    report.add(fields.span_of(name), &fields.path(name), Wrong::new(FORM_FILE, fault, hint));
    NO_FILE.to_owned()
}

/// Leaves out what stands in files that cannot be sent.
pub(super) fn drop_unreadable(texts: &mut Vec<DraftText>, documents: &mut Vec<DraftDocument>) {
    texts.retain(|text| !matches!(&text.source, TextSource::File(path) if path == NO_FILE));
    documents.retain(|document| document.path != NO_FILE);
}

/// Stands for a file that is not there, in a form that is not sent.
const NO_FILE: &str = "/dev/null";

fn id(
    fields: &mut Fields<'_>,
    default: &str,
    ids: &mut Vec<EntryId>,
    report: &mut Report<'_>,
) -> Option<EntryId> {
    let stated = fields.optional(report, "id", |item| Ok(EntryId::parse(string(item)?)?));
    if stated.is_none() && fields.has("id") {
        return None;
    }
    let id = stated.or_else(|| EntryId::parse(default).ok())?;
    if ids.contains(&id) {
        let wrong =
            Wrong::new(Reason::EntryRepeated.word(), "another document has this id", "state another id");
        report.add(fields.span_of("id"), &fields.path("id"), wrong);
        return None;
    }
    ids.push(id.clone());
    Some(id)
}

fn language(fields: &mut Fields<'_>, report: &mut Report<'_>) -> Option<String> {
    fields.required(report, "language", |item| {
        let text = string(item)?;
        let hint = "write a BCP 47 tag: ko, uk, en, ko-KP";
        let invalid = |_| Wrong::new(Reason::ReferenceInvalid.word(), "not a language tag", hint);
        LanguageTag::parse(text).map_err(invalid)?;
        Ok(text.to_owned())
    })
}

fn standing_term(item: &toml_edit::Item) -> Result<DocumentStanding, Wrong> {
    term(string(item)?, DocumentStanding::ALL, DocumentStanding::word)
}

fn media_type(text: &str) -> Result<&'static str, Wrong> {
    let found = MEDIA_TYPES.iter().map(|(media_type, _)| *media_type).find(|known| *known == text);
    found.ok_or_else(|| {
        let known: Vec<&str> = MEDIA_TYPES.iter().map(|(media_type, _)| *media_type).collect();
        let hint = format!("one of: {}", known.join(", "));
        Wrong::new(Reason::ValueUnknown.word(), "not a media type that is exchanged", hint)
    })
}

/// The media type that the ending of a file name means.
pub fn media_type_of(path: &str) -> &'static str {
    let ending = path.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    let meant = |endings: &[&str]| endings.contains(&ending.as_str());
    let found = MEDIA_TYPES.iter().find(|(_, endings)| meant(endings));
    found.map_or("application/octet-stream", |(media_type, _)| media_type)
}

/// A translation that names nothing translates the one original there is.
fn default_originals(texts: &mut [DraftText]) {
    let is_translation = |text: &DraftText| {
        use DocumentStanding::{CertifiedTranslation, CourtesyTranslation};
        matches!(text.standing, CourtesyTranslation | CertifiedTranslation)
    };
    let originals: Vec<EntryId> =
        texts.iter().filter(|text| !is_translation(text)).map(|text| text.document_id.clone()).collect();
    if let [original] = originals.as_slice() {
        for text in texts.iter_mut().filter(|text| is_translation(text) && text.translation_of.is_none()) {
            text.translation_of = Some(original.clone());
        }
    }
}
