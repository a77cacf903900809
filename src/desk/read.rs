//! Reading: verifies again, opens, judges and only then shows.
//!
//! A registered message enters; its act, its signatures and the findings of the rules leave. Nothing of the
//! content leaves before the header's signature, the seal, the binding to the address and every office's
//! signature have held. What was sent is read the same way, with the own archive key.

use std::collections::BTreeSet;
use std::fmt;
use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::consultation::act::Act;
use crate::consultation::codec;
use crate::consultation::rules::judgement::{EarlierMessage, FormalNumbers, Judgement};
use crate::consultation::rules::names::NameIndex;
use crate::consultation::rules::{self, Finding};
use crate::desk::Desk;
use crate::desk::accreditation::Trust;
use crate::desk::compose::channel_facts;
use crate::desk::error::DeskError;
use crate::desk::keys::{Keys, authority_for};
use crate::desk::mailbox::Mailbox;
use crate::desk::reference::Entry;
use crate::digest::{Digest, Hasher};
use crate::limits;
use crate::message::dispatch::{Document, ExpectedAuthentication, SignedDispatch};
use crate::message::envelope::Envelope;
use crate::message::refusal::{Reason, Refusal};
use crate::message::seal::{self, FileKey, Opener, Unlock};
use crate::time::Timestamp;
use crate::trust::signature::{self, Signature};

/// A message whose signatures and seal have held.
pub struct Opened {
    /// The registered message.
    pub entry: Entry,
    /// Its envelope.
    pub envelope: Envelope,
    /// The dispatch with its exact bytes.
    pub dispatch: SignedDispatch,
    /// The act; none where this release does not know its kind.
    pub act: Option<Act>,
    /// Who signed, in the order of the dispatch.
    pub signatures: Vec<Signature>,
    /// What the rules found.
    pub findings: Vec<Finding>,
}

impl Desk {
    /// Opens a registered message.
    pub fn unseal(&self, trust: &Trust, keys: &Keys, entry: &Entry) -> Result<Opened, DeskError> {
        self.unseal_with(trust, &keys.reading()?, entry)
    }

    /// Opens a registered message with a reading key that is open already.
    pub fn unseal_with(&self, trust: &Trust, key: &dyn Opener, entry: &Entry) -> Result<Opened, DeskError> {
        let envelope = Envelope::parse(entry.envelope())?;
        let at = entry.judged_at();
        let sender = envelope.header().address().sender.clone();
        let anchors = trust.signing_anchors(&sender)?;
        envelope.verify(anchors, at.after(limits::CLOCK_SKEW_MAX))?;
        let sealed = envelope.parts().first().map(Vec::as_slice).unwrap_or_default();
        let plain = seal::open(sealed, &[key])
            .map_err(|cause| Refusal::new(Reason::SealBroken, format!("{}: {cause}", cause.reason())))?;
        let dispatch = SignedDispatch::parse(&plain)?;
        if dispatch.dispatch().address_digest != envelope.header().address_digest() {
            let detail = "the dispatch was signed for another address: it was re-sealed";
            return Err(Refusal::new(Reason::OtherAddress, detail).into());
        }
        if dispatch.dispatch().documents.len().saturating_add(1) != envelope.header().parts().len() {
            let detail = "the header does not hold one sealed part for each document";
            return Err(Refusal::new(Reason::PartMismatch, detail).into());
        }
        let signatures = authenticate(&dispatch, anchors, at.after(limits::CLOCK_SKEW_MAX))?;
        let declared = dispatch.dispatch();
        let act = match codec::decode(&declared.kind, &declared.act) {
            Ok(act) => Some(act),
            Err(cause) if cause.reason() == "ACT_KIND_UNKNOWN" => None,
            Err(cause) => return Err(Refusal::new(Reason::Malformed, cause.to_string()).into()),
        };
        let mut opened =
            Opened { entry: entry.clone(), envelope, dispatch, act, signatures, findings: Vec::new() };
        opened.findings = self.judge(trust, key, &opened)?;
        Ok(opened)
    }

    /// Opens a received message for an officer: besides opening, refuses a re-wrapped dispatch and marks the
    /// message as read.
    pub fn read(&self, trust: &Trust, keys: &Keys, entry: &Entry) -> Result<Opened, DeskError> {
        let opened = self.unseal(trust, keys, entry)?;
        if let Entry::Received(received) = entry {
            let refusal = opened.findings.iter().find(|finding| finding.severity == rules::Severity::Error);
            let refusal = refusal.map(Finding::reason).unwrap_or_default();
            let digest = opened.dispatch.digest();
            let other = self.register.note_read(&received.id, &digest, self.clock.now(), refusal)?;
            if let Some(other) = other {
                let detail = format!("message {other} carries this very dispatch already");
                return Err(Refusal::new(Reason::Rewrapped, detail).into());
            }
        }
        Ok(opened)
    }

    fn judge(&self, trust: &Trust, key: &dyn Opener, opened: &Opened) -> Result<Vec<Finding>, DeskError> {
        let Some(act) = &opened.act else { return Ok(Vec::new()) };
        let header = opened.envelope.header();
        let dispatch = opened.dispatch.dispatch();
        let channel = &header.address().channel;
        let rule = trust.policy.as_ref().and_then(|policy| policy.channel(channel));
        let facts = rule.map(|rule| channel_facts(channel, rule));
        let mut earlier = Vec::new();
        if let Some(id) = dispatch.in_reply_to {
            // What is answered may not have been fetched yet; rules then judge without it.
            if let Ok(entry) = self.find(&id.to_string()) {
                earlier.push(self.unseal_with(trust, key, &entry)?.earlier());
            }
        }
        let own = header.address().sender == self.config.ministry;
        let verified: &[ExpectedAuthentication] = &dispatch.authentications;
        let judgement = Judgement {
            at: opened.entry.judged_at(),
            address: header.address(),
            position: Some(header.position()),
            dispatch,
            act,
            verified: Some(verified),
            channel: facts.as_ref(),
            formal_numbers: FormalNumbers { last: None, complete: false },
            earlier: &earlier,
            documents: None,
            names: &NameIndex::new([]),
            persons_elsewhere: &BTreeSet::new(),
        };
        // Own messages were judged before their release; what they say is not judged by hindsight.
        Ok(if own { Vec::new() } else { rules::judge(&judgement) })
    }

    /// Opens every document of a message into a folder, under names made here. A document appears only when
    /// it was verified whole. Sealed parts that are not here are fetched from the gateway.
    pub async fn save_documents(
        &self,
        keys: &Keys,
        opened: &Opened,
        mailbox: &mut Option<Mailbox>,
        folder: &Path,
    ) -> Result<Vec<PathBuf>, DeskError> {
        fs::create_dir_all(folder).map_err(DeskError::file(folder))?;
        let key = keys.reading()?;
        let mut saved = Vec::new();
        for (index, document) in opened.dispatch.dispatch().documents.iter().enumerate() {
            let sealed = self.sealed_part(keys, opened, index.saturating_add(1), mailbox).await?;
            let path = folder.join(file_name(document));
            let file = tempfile::NamedTempFile::new_in(folder).map_err(DeskError::file(folder))?;
            let mut sink = BufWriter::with_capacity(limits::PIECE_BYTES_MAX, file.as_file());
            let openers: [&dyn Opener; 1] = [&key];
            let plain = seal::open_stream(sealed.reader()?, Unlock::Openers(&openers), &mut sink)
                .map_err(|cause| Refusal::new(Reason::SealBroken, cause.to_string()))?;
            sink.flush().map_err(DeskError::file(&path))?;
            drop(sink);
            if plain.plain_digest != document.digest || plain.plain_size != document.size {
                let detail = "a document is not the one the dispatch names";
                return Err(Refusal::new(Reason::PartMismatch, detail).into());
            }
            file.persist_noclobber(&path).map_err(|cause| DeskError::file(&path)(cause.error))?;
            saved.push(path);
        }
        Ok(saved)
    }

    /// The sealed bytes of a part: from the envelope, from the parts folder, or fetched.
    pub async fn sealed_part(
        &self,
        keys: &Keys,
        opened: &Opened,
        index: usize,
        mailbox: &mut Option<Mailbox>,
    ) -> Result<SealedSource, DeskError> {
        let missing = || DeskError::Draft("there is no such part".to_owned());
        let content = opened.envelope.parts().get(index).ok_or_else(missing)?;
        if !content.is_empty() {
            return Ok(SealedSource::Inline(content.clone()));
        }
        let part = opened.envelope.header().parts().get(index).ok_or_else(missing)?;
        let path = self.part_path(&part.digest);
        if !path.exists() {
            if mailbox.is_none() {
                *mailbox = Some(self.mailbox(keys).await?);
            }
            if let Some(mailbox) = mailbox {
                self.fetch_part(mailbox, &part.digest, &path).await?;
            }
        }
        Ok(SealedSource::File(path))
    }

    async fn fetch_part(&self, mailbox: &mut Mailbox, digest: &Digest, path: &Path) -> Result<(), DeskError> {
        let folder = self.config.parts();
        fs::create_dir_all(&folder).map_err(DeskError::file(&folder))?;
        let file = tempfile::NamedTempFile::new_in(&folder).map_err(DeskError::file(&folder))?;
        let found = {
            let mut sink = Hashing { file: BufWriter::new(file.as_file()), hasher: Hasher::new() };
            mailbox.get_part(digest, &mut sink).await?;
            sink.flush().map_err(DeskError::file(path))?;
            sink.hasher.clone().finish()
        };
        if found != *digest {
            return Err(Refusal::new(Reason::PartMismatch, "the gateway handed over other bytes").into());
        }
        file.as_file().sync_all().map_err(DeskError::file(path))?;
        file.persist(path).map_err(|cause| DeskError::file(path)(cause.error))?;
        Ok(())
    }
}

impl Opened {
    /// What rules look at when another message answers this one.
    pub fn earlier(&self) -> EarlierMessage {
        let address = self.envelope.header().address();
        let dispatch = self.dispatch.dispatch();
        EarlierMessage {
            message_id: self.envelope.id(),
            originator: address.sender.clone(),
            level: address.level,
            caveats: dispatch.marking.caveats.clone(),
            releasable_to: address.releasable_to.clone(),
            consented: Vec::new(),
            documents: dispatch.documents.iter().map(|document| document.digest).collect(),
        }
    }

    /// The key of a sealed part, for disclosure in an evidence file.
    pub fn file_key(&self, sealed: &[u8], key: &dyn Opener) -> Result<FileKey, DeskError> {
        let broken = |cause: seal::OpenError| Refusal::new(Reason::SealBroken, cause.to_string());
        Ok(seal::file_key(sealed, &[key]).map_err(broken)?)
    }
}

/// Where the sealed bytes of a part are.
#[derive(Debug)]
pub enum SealedSource {
    /// A file of the parts folder.
    File(PathBuf),
    /// The envelope itself.
    Inline(Vec<u8>),
}

impl SealedSource {
    /// Opens it for reading.
    pub fn reader(&self) -> Result<Box<dyn std::io::Read + '_>, DeskError> {
        match self {
            Self::File(path) => {
                Ok(Box::new(BufReader::new(File::open(path).map_err(DeskError::file(path))?)))
            }
            Self::Inline(bytes) => Ok(Box::new(bytes.as_slice())),
        }
    }
}

/// Verifies every signature a dispatch lists: by the office it names, with the authority its kind needs.
fn authenticate(
    dispatch: &SignedDispatch,
    anchors: &crate::trust::anchor::Anchors,
    at: Timestamp,
) -> Result<Vec<Signature>, Refusal> {
    let invalid = |detail: String| Refusal::new(Reason::AuthenticationInvalid, detail);
    let mut signatures = Vec::new();
    for (expected, p7s) in dispatch.dispatch().authentications.iter().zip(dispatch.authentications()) {
        let signed = signature::verify(dispatch.bytes(), p7s, anchors, at)
            .map_err(|cause| invalid(format!("{} by {}: {cause}", expected.kind, expected.credential)))?;
        signed.require_name(&expected.credential).map_err(|cause| invalid(cause.to_string()))?;
        signed.require_authority(authority_for(expected.kind)).map_err(|cause| invalid(cause.to_string()))?;
        signatures.push(signed);
    }
    Ok(signatures)
}

/// A name made from the document's id and media type, never from what the peer calls it.
fn file_name(document: &Document) -> String {
    let ending = match document.media_type.as_str() {
        "application/pdf" => "pdf",
        "text/plain" => "txt",
        "text/markdown" => "md",
        "image/jpeg" => "jpg",
        "image/png" => "png",
        _ => "bin",
    };
    format!("{}.{ending}", document.document_id)
}

/// Writes through and hashes.
struct Hashing<W> {
    file: W,
    hasher: Hasher,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let taken = self.file.write(bytes)?;
        self.hasher.update(bytes.get(..taken).unwrap_or_default());
        Ok(taken)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Opened({})", self.envelope.id())
    }
}
