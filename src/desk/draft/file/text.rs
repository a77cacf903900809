//! The file of a draft in clearance: a TOML text, read strictly, with the exact bytes in base64.
//!
//! A text enters and a draft leaves, or the other way round. Documents that are large stay where they are, by their
//! path; all are held to the digests that the dispatch states. A signature that the dispatch does not list is never
//! taken over.

use std::io::Read;
use std::path::{Path, PathBuf};

use data_encoding::BASE64;
use serde::{Deserialize, Serialize};

use super::{DraftFile, altered};
use crate::consultation::codec;
use crate::desk::deposit::Deposit;
use crate::desk::documents::{self, Source};
use crate::desk::draft::DraftRefusal;
use crate::desk::error::DeskError;
use crate::digest::Digest;
use crate::message::dispatch::Dispatch;
use crate::message::header::Address;
use crate::time::Timestamp;

/// Begins every file of this format.
const FORMAT: &str = "chancery-draft/1";

/// The same of every release.
const FORMATS: &str = "chancery-draft/";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    format: String,
    address: String,
    dispatch: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    valid_until: Option<i64>,
    #[serde(default, rename = "signature", skip_serializing_if = "Vec::is_empty")]
    signatures: Vec<StoredSignature>,
    #[serde(default, rename = "document", skip_serializing_if = "Vec::is_empty")]
    documents: Vec<StoredDocument>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredSignature {
    kind: String,
    office: String,
    p7s: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredDocument {
    id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    content: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    /// Opens what lies at the path, where a client uploaded it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<String>,
}

impl DraftFile {
    /// Whether a text says in its first line that it is a draft, of whatever release, so that none is taken for a form.
    pub fn begins(text: &str) -> bool {
        // A draft begins with words for whoever opens it.
        let mut lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let first = lines.next().unwrap_or_default();
        first.strip_prefix("format = \"").is_some_and(|format| format.starts_with(FORMATS))
    }

    /// Reads the text of a file that lies in `folder`.
    pub fn parse(text: &str, folder: &Path) -> Result<Self, DeskError> {
        Self::parse_measuring(text, folder, true)
    }

    /// The same of what this desk keeps for somebody. A document that is gone keeps nobody from knowing the act; that
    /// it is the one which was signed is compared when it is sealed.
    pub(in crate::desk) fn parse_kept(text: &str, folder: &Path) -> Result<Self, DeskError> {
        Self::parse_measuring(text, folder, false)
    }

    fn parse_measuring(text: &str, folder: &Path, measures: bool) -> Result<Self, DeskError> {
        let stored: Stored = toml::from_str(text).map_err(|cause| malformed(cause.message()))?;
        if stored.format != FORMAT {
            return Err(malformed("it is of another format").into());
        }
        let address_bytes = bytes(&stored.address)?;
        let dispatch_bytes = bytes(&stored.dispatch)?;
        let address = Address::parse(&address_bytes).map_err(|cause| malformed(cause.detail()))?;
        let dispatch = Dispatch::parse(&dispatch_bytes).map_err(|cause| malformed(cause.detail()))?;
        if dispatch.address_digest != Digest::of(&address_bytes) {
            return Err(altered("the dispatch was composed for another address").into());
        }
        let act = codec::decode(&dispatch.kind, &dispatch.act)
            .map_err(|faults| malformed(&format!("its act cannot be read: {faults}")))?;
        let signatures = signatures(&stored.signatures, &dispatch)?;
        let sources = sources(&stored.documents, &dispatch, (folder, measures))?;
        let valid_until = stored.valid_until.map(Timestamp::from_seconds);
        Ok(Self { address, bytes: dispatch_bytes, dispatch, act, valid_until, signatures, sources })
    }

    /// The text of its file.
    pub fn text(&self) -> Result<String, DeskError> {
        let signatures = self.dispatch.authentications.iter().zip(&self.signatures);
        let signatures = signatures.filter_map(|(expected, p7s)| {
            Some(StoredSignature {
                kind: expected.kind.word().to_owned(),
                office: expected.credential.to_string(),
                p7s: BASE64.encode(p7s.as_ref()?),
            })
        });
        let stored = Stored {
            format: FORMAT.to_owned(),
            address: BASE64.encode(&self.address.bytes()),
            dispatch: BASE64.encode(&self.bytes),
            valid_until: self.valid_until.map(Timestamp::seconds),
            signatures: signatures.collect(),
            documents: self.stored_documents()?,
        };
        let body = toml::to_string(&stored).map_err(|cause| DeskError::Draft(cause.to_string()))?;
        Ok(format!(
            "# A draft in clearance, composed and not released. It holds plain text: keep it within the ministry.\n\
             # `chancery draft show FILE` shows what it says, who has signed and who must next. Do not edit it:\n\
             # every signature is over exactly these bytes.\n\n{body}"
        ))
    }

    fn stored_documents(&self) -> Result<Vec<StoredDocument>, DeskError> {
        let mut stored = Vec::with_capacity(self.sources.len());
        let documents = self.dispatch.documents.iter().zip(&self.sources).zip(self.carried());
        for ((document, source), is_carried) in documents {
            let id = document.document_id.clone();
            match source {
                Source::File(path) if !is_carried => {
                    let path = stored_path(path)?;
                    stored.push(StoredDocument { id, content: None, path: Some(path), key: None });
                }
                Source::Deposit(deposit) if !is_carried => {
                    let (path, key) = (stored_path(deposit.path())?, deposit.key_text());
                    stored.push(StoredDocument { id, content: None, path: Some(path), key: Some(key) });
                }
                source => {
                    let mut content = Vec::new();
                    let most = document.size.saturating_add(1);
                    let read = source.open()?.take(most).read_to_end(&mut content);
                    read.map_err(|cause| source.unreadable(cause))?;
                    stored.push(StoredDocument {
                        id,
                        content: Some(BASE64.encode(&content)),
                        path: None,
                        key: None,
                    });
                }
            }
        }
        Ok(stored)
    }
}

fn signatures(stored: &[StoredSignature], dispatch: &Dispatch) -> Result<Vec<Option<Vec<u8>>>, DeskError> {
    let mut signatures = vec![None; dispatch.authentications.len()];
    for one in stored {
        let listed = dispatch.authentications.iter().zip(signatures.iter_mut()).find(|(expected, place)| {
            place.is_none()
                && expected.kind.word() == one.kind
                && expected.credential.to_string() == one.office
        });
        let Some((_, place)) = listed else {
            return Err(altered("it bears a signature that it does not list").into());
        };
        *place = Some(bytes(&one.p7s)?);
    }
    Ok(signatures)
}

fn sources(
    stored: &[StoredDocument],
    dispatch: &Dispatch,
    (folder, measures): (&Path, bool),
) -> Result<Vec<Source>, DeskError> {
    if stored.len() != dispatch.documents.len() {
        return Err(altered("its documents are not those it lists").into());
    }
    let mut sources = Vec::with_capacity(stored.len());
    for (one, document) in stored.iter().zip(&dispatch.documents) {
        let source = match (&one.content, &one.path, &one.key) {
            (Some(content), None, None) => Source::Carried(bytes(content)?),
            (None, Some(path), None) => Source::File(folder.join(PathBuf::from(path))),
            (None, Some(path), Some(key)) => Source::Deposit(deposit(path, key)?.of(document.digest)),
            _ => return Err(malformed("a document is carried, or has a path").into()),
        };
        // What was uploaded was measured then and cannot change unnoticed: whoever reads it fails, and its digest is
        // compared when it is sealed. It may be gone once the draft has left.
        let is_same = match &source {
            Source::Deposit(_) => true,
            Source::File(_) if !measures => true,
            plain => {
                let measured = documents::measured(plain)?;
                (measured.size, measured.digest) == (document.size, document.digest)
            }
        };
        if one.id != document.document_id || !is_same {
            return Err(altered(&format!("{} is not the document it lists", document.document_id)).into());
        }
        sources.push(source);
    }
    Ok(sources)
}

fn deposit(path: &str, key: &str) -> Result<Deposit, DraftRefusal> {
    Deposit::of_draft(PathBuf::from(path), key)
        .ok_or_else(|| malformed("the key of a document is not readable"))
}

/// The path of a document that stays a file.
fn stored_path(path: &Path) -> Result<String, DeskError> {
    let path = std::path::absolute(path).map_err(DeskError::file(path))?;
    let text = path.to_str().ok_or_else(|| malformed("the path of a document is not UTF-8"))?;
    Ok(text.to_owned())
}

fn bytes(text: &str) -> Result<Vec<u8>, DraftRefusal> {
    BASE64.decode(text.as_bytes()).map_err(|_| malformed("a value is not base64"))
}

fn malformed(detail: &str) -> DraftRefusal {
    DraftRefusal::Malformed(detail.to_owned())
}
