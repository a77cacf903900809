//! Texts and documents of a draft that a client asks for.
//!
//! Each enters as the client wrote it, or by the digest of its upload; a text or document of a draft leaves, or a fault
//! under its own path, and the others are read all the same. None is taken that was not uploaded whole, and no two
//! under one id.

use oxilangtag::LanguageTag;

use super::{Reader, short};
use crate::consultation::acts::values::EntryId;
use crate::consultation::fault::Reason;
use crate::consultation::text::ShortText;
use crate::desk::deposit::Deposit;
use crate::desk::form::documents::MEDIA_TYPES;
use crate::desk::form::draft::{DraftDocument, DraftText, TextSource};
use crate::digest::Digest;
use crate::message::terms::{DocumentClass, DocumentStanding};
use crate::proto::desk::v1 as wire;

impl Reader<'_> {
    /// The texts that can be read.
    pub(super) fn texts(&mut self, texts: Vec<wire::DraftText>) -> Vec<DraftText> {
        let mut all = Vec::with_capacity(texts.len());
        for (index, text) in texts.into_iter().enumerate() {
            all.extend(self.text(&format!("texts[{index}]"), text));
        }
        all
    }

    fn text(&mut self, field: &str, text: wire::DraftText) -> Option<DraftText> {
        let document_id = self.id(field, &text.document_id);
        let language = self.language(field, &text.language);
        let standing = DocumentStanding::from_number(text.standing);
        if standing.is_none() {
            self.add(
                &format!("{field}.standing"),
                Reason::FieldMissing.word(),
                "a text has a legal standing",
            );
        }
        let title = self.title(field, &text.title);
        let translation_of = self.translated(field, &text.translation_of);
        let source = match (text.words.is_empty(), text.upload_digest.is_empty()) {
            (false, true) => Some(TextSource::Inline(text.words)),
            (true, false) => self.upload(field, &text.upload_digest).map(TextSource::Deposit),
            _ => {
                self.add(
                    &format!("{field}.words"),
                    "FIELD_INVALID",
                    "a text has words or an upload, one of both",
                );
                None
            }
        };
        Some(DraftText {
            document_id: document_id?,
            language: language?,
            standing: standing?,
            title: title?,
            source: source?,
            translation_of,
        })
    }

    /// The documents that can be read, each as it was uploaded.
    pub(super) fn documents(&mut self, documents: Vec<wire::DraftDocument>) -> Vec<DraftDocument> {
        let mut all = Vec::with_capacity(documents.len());
        for (index, document) in documents.into_iter().enumerate() {
            all.extend(self.document(&format!("documents[{index}]"), document));
        }
        all
    }

    fn document(&mut self, field: &str, document: wire::DraftDocument) -> Option<DraftDocument> {
        let document_id = self.id(field, &document.document_id);
        let deposit = self.upload(field, &document.upload_digest);
        let title = self.title(field, &document.title);
        let class = DocumentClass::from_number(document.document_class);
        if class.is_none() {
            self.add(
                &format!("{field}.document_class"),
                Reason::FieldMissing.word(),
                "a document is of a class",
            );
        }
        let language = match document.language.as_str() {
            "" => Some("und".to_owned()),
            tag => self.language(field, tag),
        };
        let media_type = match document.media_type.as_str() {
            "" => "application/octet-stream".to_owned(),
            named => named.to_owned(),
        };
        if !MEDIA_TYPES.iter().any(|(known, _)| *known == media_type) {
            let known: Vec<&str> = MEDIA_TYPES.iter().map(|(known, _)| *known).collect();
            self.add(
                &format!("{field}.media_type"),
                "FIELD_INVALID",
                format!("{} are taken", known.join(", ")),
            );
        }
        let translation_of = self.translated(field, &document.translation_of);
        let standing = match document.standing {
            0 => Some(DocumentStanding::Annex),
            number => DocumentStanding::from_number(number),
        };
        Some(DraftDocument {
            document_id: document_id?,
            path: String::new(),
            title: title?,
            class: class?,
            standing: standing?,
            language: language?,
            media_type,
            translation_of,
            deposit: Some(deposit?),
        })
    }

    /// The id of a text or document, which no other has.
    fn id(&mut self, field: &str, text: &str) -> Option<EntryId> {
        let path = format!("{field}.document_id");
        if !self.ids.insert(text.to_owned()) {
            self.add(&path, "DOUBLED", "another text or document has this id");
        }
        EntryId::parse(text).map_err(|fault| self.add(&path, fault.reason().word(), fault.message())).ok()
    }

    /// A document that was uploaded whole.
    fn upload(&mut self, field: &str, digest: &[u8]) -> Option<Deposit> {
        let path = format!("{field}.upload_digest");
        let Ok(digest) = Digest::from_slice(digest) else {
            self.add(&path, "FIELD_INVALID", "the 32 bytes of a SHA-256 are expected");
            return None;
        };
        let found = self.uploads.whole(&digest);
        if found.is_none() {
            let message = "no document with this digest was uploaded whole: UploadDocument";
            self.add(&path, "UPLOAD_UNKNOWN", message);
        }
        found
    }

    fn language(&mut self, field: &str, tag: &str) -> Option<String> {
        if LanguageTag::parse(tag).is_ok() {
            return Some(tag.to_owned());
        }
        self.add(&format!("{field}.language"), "FIELD_INVALID", "a BCP 47 tag such as ko is expected");
        None
    }

    fn title(&mut self, field: &str, text: &str) -> Option<ShortText> {
        let wrong = |message| self.add(&format!("{field}.title"), "FIELD_INVALID", message);
        short(text).map_err(wrong).ok()
    }

    fn translated(&mut self, field: &str, id: &str) -> Option<EntryId> {
        self.optional(&format!("{field}.translation_of"), id, |id| {
            EntryId::parse(id).map_err(|fault| fault.message().to_owned())
        })
    }
}
