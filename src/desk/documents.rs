//! The plain documents of a draft: where they are, how large they are, what the rules read of them.
//!
//! Paths and texts of a form enter; what the dispatch says of each document leaves. Files are only read.

use std::fs::File;
use std::io::{Cursor, ErrorKind, Read};
use std::path::{Path, PathBuf};

use crate::consultation::acts::values::EntryId;
use crate::consultation::rules::judgement::OpenedDocument;
use crate::consultation::text::ShortText;
use crate::desk::deposit::Deposit;
use crate::desk::draft::DraftRefusal;
use crate::desk::error::DeskError;
use crate::desk::form::documents::media_type_of;
use crate::desk::form::draft::{Draft, DraftDocument, TextSource};
use crate::digest::Hasher;
use crate::limits;
use crate::message::dispatch::Document;
use crate::message::terms::{DocumentClass, DocumentStanding};

/// Where a plain document is.
#[derive(Clone)]
pub enum Source {
    /// A file.
    File(PathBuf),
    /// A text that stands in the form.
    Inline(String),
    /// Bytes that a draft in clearance carries.
    Carried(Vec<u8>),
    /// A document that a client uploaded.
    Deposit(Deposit),
}

impl Source {
    /// Opens it for reading.
    pub fn open(&self) -> Result<Box<dyn Read + '_>, DeskError> {
        match self {
            Self::File(path) => Ok(Box::new(File::open(path).map_err(DeskError::file(path))?)),
            Self::Inline(text) => Ok(Box::new(Cursor::new(text.as_bytes()))),
            Self::Carried(bytes) => Ok(Box::new(Cursor::new(bytes.as_slice()))),
            Self::Deposit(deposit) => Ok(Box::new(deposit.reader().map_err(|cause| self.unreadable(cause))?)),
        }
    }

    pub(super) fn unreadable(&self, cause: std::io::Error) -> DeskError {
        match self {
            Self::File(path) => DeskError::file(path)(cause),
            Self::Deposit(_) if cause.kind() == ErrorKind::NotFound => DraftRefusal::DocumentGone.into(),
            Self::Deposit(_) if cause.kind() == ErrorKind::InvalidData => {
                DraftRefusal::Altered(cause.to_string()).into()
            }
            Self::Deposit(deposit) => DeskError::file(deposit.path())(cause),
            Self::Inline(_) | Self::Carried(_) => DeskError::Draft(cause.to_string()),
        }
    }
}

impl Draft {
    /// Adds a file as an annex. Its title is neutral, because a file name may hold the name of a person.
    pub fn attach(&mut self, path: &Path) -> Result<(), DeskError> {
        let unusable = |detail: &str| DeskError::Draft(format!("{}: {detail}", path.display()));
        let path_text = path.to_str().ok_or_else(|| unusable("the name is not UTF-8"))?.to_owned();
        if self.texts.len().saturating_add(self.documents.len()) >= limits::DOCUMENTS_MAX {
            let most = limits::DOCUMENTS_MAX;
            return Err(unusable(&format!("a message bears at most {most} texts and documents")));
        }
        let is_taken = |id: &EntryId| {
            let ids = self.texts.iter().map(|text| &text.document_id);
            ids.chain(self.documents.iter().map(|document| &document.document_id)).any(|one| one == id)
        };
        let numbered = (1..=limits::DOCUMENTS_MAX.saturating_mul(2)).find_map(|number| {
            let id = EntryId::parse(&format!("annex-{number}")).ok()?;
            (!is_taken(&id)).then_some((number, id))
        });
        let (number, document_id) = numbered.ok_or_else(|| unusable("no number is free for it"))?;
        let title = ShortText::new(format!("Annex {number}")).map_err(|_| unusable("it has no title"))?;
        self.documents.push(DraftDocument {
            document_id,
            title,
            class: DocumentClass::Evidence,
            standing: DocumentStanding::Annex,
            language: "und".to_owned(),
            media_type: media_type_of(&path_text).to_owned(),
            path: path_text,
            translation_of: None,
            deposit: None,
        });
        Ok(())
    }
}

/// What the dispatch is to say of the texts and documents of a draft, and where each is, in order.
pub(super) fn of_draft(draft: &Draft, folder: &Path) -> Result<(Vec<Document>, Vec<Source>), DeskError> {
    let mut documents = Vec::new();
    let mut sources = Vec::new();
    let id_or_none = |id: &Option<EntryId>| id.as_ref().map(|id| id.as_str().to_owned()).unwrap_or_default();
    for text in &draft.texts {
        let (source, media_type) = match &text.source {
            TextSource::Inline(words) => (Source::Inline(words.clone()), "text/plain"),
            TextSource::File(path) => (Source::File(folder.join(path)), text_type_of(path)),
            TextSource::Deposit(deposit) => (Source::Deposit(deposit.clone()), "text/plain"),
        };
        documents.push(Document {
            document_id: text.document_id.as_str().to_owned(),
            title: text.title.as_str().to_owned(),
            standing: text.standing,
            class: DocumentClass::DiplomaticText,
            language: text.language.clone(),
            media_type: media_type.to_owned(),
            translation_of: id_or_none(&text.translation_of),
            ..measured(&source)?
        });
        sources.push(source);
        check_sum(&documents)?;
    }
    for document in &draft.documents {
        let source = match &document.deposit {
            Some(deposit) => Source::Deposit(deposit.clone()),
            None => Source::File(folder.join(&document.path)),
        };
        documents.push(Document {
            document_id: document.document_id.as_str().to_owned(),
            title: document.title.as_str().to_owned(),
            standing: document.standing,
            class: document.class,
            language: document.language.clone(),
            media_type: document.media_type.clone(),
            translation_of: id_or_none(&document.translation_of),
            ..measured(&source)?
        });
        sources.push(source);
        check_sum(&documents)?;
    }
    Ok((documents, sources))
}

/// Texts count as well: each may be a file.
fn check_sum(documents: &[Document]) -> Result<(), DeskError> {
    let whole = documents.iter().map(|document| document.size).fold(0, u64::saturating_add);
    if whole <= limits::DOCUMENTS_BYTES_MAX {
        return Ok(());
    }
    Err(DeskError::Draft("the documents of a message are larger than 16 GiB in sum".to_owned()))
}

/// The words of each document that is a text of moderate size; the rules read no others.
pub(super) fn words(documents: &[Document], sources: &[Source]) -> Result<Vec<Option<String>>, DeskError> {
    let each = documents.iter().zip(sources).map(|(document, source)| {
        if !is_read_by_rules(document) {
            return Ok(None);
        }
        let mut bytes = Vec::new();
        let limit = limits::JUDGED_TEXT_BYTES_MAX;
        source.open()?.take(limit).read_to_end(&mut bytes).map_err(|cause| source.unreadable(cause))?;
        Ok(String::from_utf8(bytes).ok())
    });
    each.collect()
}

/// Whether rules look at the words of a document.
pub(super) fn is_read_by_rules(document: &Document) -> bool {
    document.media_type.starts_with("text/") && document.size <= limits::JUDGED_TEXT_BYTES_MAX
}

/// Documents as the rules see them.
pub(super) fn opened<'a>(documents: &'a [Document], words: &'a [Option<String>]) -> Vec<OpenedDocument<'a>> {
    let each = documents.iter().zip(words).map(|(document, words)| OpenedDocument {
        document_id: &document.document_id,
        digest: document.digest,
        size: document.size,
        text: words.as_deref(),
    });
    each.collect()
}

/// Why a file cannot be sent, in words without its path; none where it can.
pub fn fault_of(path: &Path) -> Option<String> {
    let told = |cause: &std::io::Error| match cause.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
        std::io::ErrorKind::PermissionDenied => "this file may not be read".to_owned(),
        _ => format!("this file cannot be read: {cause}"),
    };
    let metadata = match File::open(path).and_then(|file| file.metadata()) {
        Ok(metadata) => metadata,
        Err(cause) => return Some(told(&cause)),
    };
    if metadata.is_dir() {
        return Some("this is a folder, not a file".to_owned());
    }
    (metadata.len() > limits::DOCUMENT_BYTES_MAX).then(|| "this file is larger than 4 GiB".to_owned())
}

/// A text in a file is plain text unless its ending says otherwise.
fn text_type_of(path: &str) -> &'static str {
    match media_type_of(path) {
        "application/octet-stream" => "text/plain",
        media_type => media_type,
    }
}

/// Size and digest of a plain document; the other fields are for the caller to fill.
pub(super) fn measured(source: &Source) -> Result<Document, DeskError> {
    measured_within(source, limits::DOCUMENT_BYTES_MAX)
}

fn measured_within(source: &Source, most: u64) -> Result<Document, DeskError> {
    let mut reader = source.open()?;
    let mut hasher = Hasher::new();
    let mut buffer = vec![0; limits::PIECE_BYTES_MAX];
    let mut size = 0_u64;
    loop {
        let taken = reader.read(&mut buffer).map_err(|cause| source.unreadable(cause))?;
        if taken == 0 {
            break;
        }
        hasher.update(buffer.get(..taken).unwrap_or_default());
        size = size.saturating_add(taken as u64);
        if size > most {
            return Err(DeskError::Draft("a document is larger than 4 GiB".to_owned()));
        }
    }
    Ok(Document {
        document_id: String::new(),
        title: String::new(),
        standing: DocumentStanding::Annex,
        class: DocumentClass::Evidence,
        language: String::new(),
        media_type: String::new(),
        size,
        digest: hasher.finish(),
        translation_of: String::new(),
    })
}

crate::consultation::opaque!(Source);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consultation::act::ActKind;
    use crate::desk::form::draft::IdsOnly;
    use crate::desk::form::parse::parse;
    use crate::desk::form::template::example;
    use crate::limits::{DOCUMENT_BYTES_MAX, DOCUMENTS_BYTES_MAX, DOCUMENTS_MAX, JUDGED_TEXT_BYTES_MAX};

    #[test]
    fn so_many_files_are_attached_to_a_draft() {
        let mut draft = parse(&example(ActKind::ALL[0]), &IdsOnly).unwrap();
        while draft.texts.len() + draft.documents.len() < DOCUMENTS_MAX {
            draft.attach(Path::new("scan.pdf")).unwrap();
        }
        let refused = draft.attach(Path::new("scan.pdf")).unwrap_err();
        assert!(refused.to_string().contains(&format!("at most {DOCUMENTS_MAX} texts")), "{refused}");
        assert_eq!(draft.texts.len() + draft.documents.len(), DOCUMENTS_MAX);
    }

    #[test]
    fn a_document_and_all_of_a_message_have_so_many_bytes() {
        let four = Source::Inline("four".to_owned());
        assert_eq!(measured_within(&four, 4).unwrap().size, 4);
        assert!(matches!(measured_within(&four, 3), Err(DeskError::Draft(_))));
        // Four of the longest, and not a byte more.
        let document = |size: u64| Document { size, ..measured(&four).unwrap() };
        let mut documents = vec![document(DOCUMENT_BYTES_MAX); 4];
        assert_eq!(documents.iter().map(|document| document.size).sum::<u64>(), DOCUMENTS_BYTES_MAX);
        assert!(check_sum(&documents).is_ok());
        documents.push(document(1));
        assert!(matches!(check_sum(&documents), Err(DeskError::Draft(_))));
    }

    #[test]
    fn the_words_of_a_text_are_read_up_to_their_bound() {
        let text = |size: u64| Document {
            size,
            media_type: "text/plain".to_owned(),
            ..measured(&Source::Inline(String::new())).unwrap()
        };
        assert!(is_read_by_rules(&text(JUDGED_TEXT_BYTES_MAX)));
        assert!(!is_read_by_rules(&text(JUDGED_TEXT_BYTES_MAX + 1)));
    }
}
