//! The file of a draft in clearance: a TOML text, read strictly, with the exact bytes in base64.
//!
//! A text enters; a draft leaves whose address, dispatch, act and documents fit together. Nothing is believed of its
//! signatures here (`standing`). Documents that are large stay where they are, by their path; all are held to the
//! digests that the dispatch states.

use std::io::Read;
use std::path::{Path, PathBuf};

use data_encoding::BASE64;
use serde::{Deserialize, Serialize};

use super::DraftRefusal;
use crate::consultation::act::Act;
use crate::consultation::codec;
use crate::desk::deposit::Deposit;
use crate::desk::documents::{self, Source};
use crate::desk::error::DeskError;
use crate::digest::Digest;
use crate::limits;
use crate::message::dispatch::{Dispatch, Document};
use crate::message::header::Address;
use crate::message::terms::AuthenticationKind;
use crate::time::Timestamp;
use crate::trust::name::Name;

/// Begins every file of this format.
const FORMAT: &str = "chancery-draft/1";

/// The same of every release.
const FORMATS: &str = "chancery-draft/";

/// A draft in clearance, whole.
#[derive(Clone)]
pub struct DraftFile {
    address: Address,
    bytes: Vec<u8>,
    dispatch: Dispatch,
    act: Act,
    valid_until: Option<Timestamp>,
    /// One place for each authentication that the dispatch lists, in its order.
    pub(super) signatures: Vec<Option<Vec<u8>>>,
    sources: Vec<Source>,
}

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

    /// A draft that nobody has signed.
    pub(super) fn unsigned(
        address: Address,
        dispatch: Dispatch,
        act: Act,
        valid_until: Option<Timestamp>,
        sources: Vec<Source>,
    ) -> Self {
        let signatures = vec![None; dispatch.authentications.len()];
        Self { address, bytes: dispatch.bytes(), dispatch, act, valid_until, signatures, sources }
    }

    /// A draft that every office has signed.
    pub(in crate::desk) fn signed(
        address: Address,
        dispatch: Dispatch,
        act: Act,
        valid_until: Timestamp,
        (sources, signatures): (Vec<Source>, Vec<Vec<u8>>),
    ) -> Self {
        let unsigned = Self::unsigned(address, dispatch, act, Some(valid_until), sources);
        Self { signatures: signatures.into_iter().map(Some).collect(), ..unsigned }
    }

    /// Reads the text of a file that lies in `folder`.
    pub fn parse(text: &str, folder: &Path) -> Result<Self, DeskError> {
        Self::parse_measuring(text, folder, true)
    }

    /// The same of what this desk keeps for somebody. A document that is gone keeps nobody from knowing the act; that it is
    /// the one which was signed is compared when it is sealed.
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

    /// For each document whether it travels with the draft. Small ones do, so that it can be carried to another office;
    /// large files stay where they are.
    fn carried(&self) -> Vec<bool> {
        let mut room = limits::DRAFT_CARRIED_BYTES_MAX;
        let each = self.dispatch.documents.iter().zip(&self.sources).map(|(document, source)| {
            let rests = matches!(source, Source::File(_) | Source::Deposit(_));
            // One that is gone stays a path, under which it may be given back.
            let is_gone = matches!(source, Source::File(path) if !path.exists());
            if is_gone || rests && document.size > room {
                return false;
            }
            room = room.saturating_sub(document.size);
            true
        });
        each.collect()
    }

    /// Lets `keep` say where each document is from now on that does not travel with the draft.
    pub(in crate::desk) fn keep_large(
        &mut self,
        mut keep: impl FnMut(usize, &Document, &Source) -> Result<Source, DeskError>,
    ) -> Result<(), DeskError> {
        let carried = self.carried();
        let documents = self.dispatch.documents.iter().zip(self.sources.iter_mut()).zip(carried);
        for (place, ((document, source), is_carried)) in documents.enumerate() {
            if !is_carried {
                *source = keep(place, document, source)?;
            }
        }
        Ok(())
    }

    /// The same of every document that lies somewhere, however small it is.
    pub(in crate::desk) fn find_resting(
        &mut self,
        mut find: impl FnMut(usize, &Document, &Source) -> Result<Source, DeskError>,
    ) -> Result<(), DeskError> {
        let documents = self.dispatch.documents.iter().zip(self.sources.iter_mut()).enumerate();
        for (place, (document, source)) in documents {
            if matches!(source, Source::File(_) | Source::Deposit(_)) {
                *source = find(place, document, source)?;
            }
        }
        Ok(())
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

    /// Whom it goes to.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// The exact bytes that are signed.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// SHA-256 of them, by which the register knows the draft.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.bytes)
    }

    /// What they say.
    pub fn dispatch(&self) -> &Dispatch {
        &self.dispatch
    }

    /// The act.
    pub fn act(&self) -> &Act {
        &self.act
    }

    /// The signatures given so far, one place for each that the dispatch lists.
    pub fn signatures(&self) -> &[Option<Vec<u8>>] {
        &self.signatures
    }

    /// Puts a signature that was given elsewhere into the first place that lacks one of this kind by whom `is_wanted`
    /// takes. Whether it holds is not asked here.
    pub(in crate::desk) fn put_signature(
        &mut self,
        kind: AuthenticationKind,
        p7s: &[u8],
        is_wanted: impl Fn(&Name) -> bool,
    ) {
        let listed = self.dispatch.authentications.iter().zip(self.signatures.iter_mut());
        let mut open = listed.filter(|(expected, given)| {
            given.is_none() && expected.kind == kind && is_wanted(&expected.credential)
        });
        if let Some((_, place)) = open.next() {
            *place = Some(p7s.to_vec());
        }
    }

    /// All signatures, where every office has signed.
    pub(in crate::desk) fn complete(&self) -> Result<Vec<Vec<u8>>, DraftRefusal> {
        let all: Option<Vec<Vec<u8>>> = self.signatures.iter().cloned().collect();
        all.ok_or_else(|| DraftRefusal::Unsigned("some offices".to_owned()))
    }

    /// Where the plain documents are, in the order of the dispatch.
    pub fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// Not delivered after this, where the form said so.
    pub fn valid_until(&self) -> Option<Timestamp> {
        self.valid_until
    }

    /// The words of the documents that are texts of moderate size.
    pub fn words(&self) -> Result<Vec<Option<String>>, DeskError> {
        documents::words(&self.dispatch.documents, &self.sources)
    }

    /// Takes over the signatures of another copy of the same draft, which went to other offices meanwhile.
    pub fn join(&mut self, other: &Self) -> Result<(), DraftRefusal> {
        if self.bytes != other.bytes {
            return Err(altered("the two files are not of one draft"));
        }
        for (ours, theirs) in self.signatures.iter_mut().zip(&other.signatures) {
            if ours.is_none() {
                ours.clone_from(theirs);
            }
        }
        Ok(())
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

fn altered(detail: &str) -> DraftRefusal {
    DraftRefusal::Altered(detail.to_owned())
}

crate::consultation::opaque!(DraftFile);
