//! The documents of an opened message: its sealed parts found or fetched, opened and verified.
//!
//! An opened message enters; plain documents leave, each only after it was verified whole against the dispatch.
//! Plain text is written nowhere but where the officer said.

use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use zeroize::Zeroizing;

use crate::consultation::withholding::Withheld;
use crate::desk::Desk;
use crate::desk::documents::is_read_by_rules;
use crate::desk::error::DeskError;
use crate::desk::keys::Keys;
use crate::desk::mailbox::Mailbox;
use crate::desk::progress::{Meter, Metered, Stage};
use crate::desk::read::Opened;
use crate::digest::{Digest, Hasher};
use crate::limits;
use crate::message::dispatch::Document;
use crate::message::envelope::Envelope;
use crate::message::header::Part;
use crate::message::refusal::{Reason, Refusal};
use crate::message::seal::{self, Opener, Unlock};
use crate::message::terms::DocumentClass;

/// A text of a message, opened and verified.
pub struct OpenedText<'a> {
    /// What the dispatch says of it.
    pub document: &'a Document,
    /// Its exact bytes.
    pub bytes: Vec<u8>,
}

crate::consultation::opaque!(OpenedText<'_>);

impl Desk {
    /// Opens every document of a message that is not withheld into a folder, under names made here. A document appears
    /// only when it was verified whole; one that is there already stays, unless `overwrite` was asked for. Sealed parts
    /// that are not here are fetched from the gateway.
    pub async fn save_documents(
        &self,
        keys: &Keys,
        opened: &Opened,
        mailbox: &mut Option<Mailbox>,
        (folder, withheld): (&Path, &Withheld),
        overwrite: bool,
    ) -> Result<Vec<PathBuf>, DeskError> {
        fs::create_dir_all(folder).map_err(DeskError::file(folder))?;
        let documents = (1_usize..).zip(&opened.dispatch.dispatch().documents);
        let documents: Vec<(usize, &Document)> =
            documents.filter(|(number, _)| !withheld.document(number.saturating_sub(1))).collect();
        let paths: Vec<PathBuf> = documents.iter().map(|(_, one)| folder.join(file_name(one))).collect();
        // All names are looked at before the first file is written, so that a folder holds all or none.
        for path in &paths {
            if !overwrite && path.symlink_metadata().is_ok() {
                return Err(DeskError::file(path)(std::io::ErrorKind::AlreadyExists.into()));
            }
        }
        for ((number, document), path) in documents.into_iter().zip(&paths) {
            let sealed = self.sealed_part(keys, &opened.envelope, number, mailbox).await?;
            let file = tempfile::NamedTempFile::new_in(folder).map_err(DeskError::file(folder))?;
            let mut sink = BufWriter::with_capacity(limits::PIECE_BYTES_MAX, file.as_file());
            let size = opened.envelope.header().parts().get(number).map_or(0, |part| part.size);
            let meter = Meter::new(&self.progress, Stage::Opening, size);
            open_document(&keys.reading()?, Metered::new(sealed.reader()?, meter), document, &mut sink)?;
            sink.flush().map_err(DeskError::file(path))?;
            drop(sink);
            let kept = if overwrite { file.persist(path) } else { file.persist_noclobber(path) };
            kept.map_err(|cause| DeskError::file(path)(cause.error))?;
        }
        Ok(paths)
    }

    /// Opens the diplomatic texts of a message that are of moderate size; other documents are for files.
    pub async fn open_texts<'a>(
        &self,
        keys: &Keys,
        opened: &'a Opened,
        mailbox: &mut Option<Mailbox>,
    ) -> Result<Vec<OpenedText<'a>>, DeskError> {
        let mut texts = Vec::new();
        for (number, document) in (1..).zip(&opened.dispatch.dispatch().documents) {
            if document.class != DocumentClass::DiplomaticText || !is_read_by_rules(document) {
                continue;
            }
            let sealed = self.sealed_part(keys, &opened.envelope, number, mailbox).await?;
            let mut bytes = Vec::new();
            open_document(&keys.reading()?, sealed.reader()?, document, &mut bytes)?;
            texts.push(OpenedText { document, bytes });
        }
        Ok(texts)
    }

    /// The sealed bytes of part `number`: from the envelope, from the parts folder, or fetched.
    pub async fn sealed_part(
        &self,
        keys: &Keys,
        envelope: &Envelope,
        number: usize,
        mailbox: &mut Option<Mailbox>,
    ) -> Result<SealedSource, DeskError> {
        let missing = || DeskError::Draft("there is no such part".to_owned());
        let content = envelope.parts().get(number).ok_or_else(missing)?;
        if !content.is_empty() {
            return Ok(SealedSource::Inline(content.clone()));
        }
        let part = envelope.header().parts().get(number).ok_or_else(missing)?;
        let path = self.part_path(&part.digest);
        // One of another length was cut off by a crash of this host.
        if path.metadata().ok().map(|metadata| metadata.len()) != Some(part.size) {
            if mailbox.is_none() {
                *mailbox = Some(self.mailbox(keys).await?);
            }
            if let Some(mailbox) = mailbox {
                self.fetch_part(mailbox, part, &path).await?;
            }
        }
        Ok(SealedSource::File(path))
    }

    /// Fetches a sealed part into the parts folder. What came before a cut stays in a file of its own, and the
    /// next attempt goes on after it.
    async fn fetch_part(&self, mailbox: &mut Mailbox, part: &Part, path: &Path) -> Result<(), DeskError> {
        let folder = self.config.parts();
        fs::create_dir_all(&folder).map_err(DeskError::file(&folder))?;
        let unfinished = path.with_extension("age.part");
        let file = alone(&unfinished).await.map_err(DeskError::file(&unfinished))?;
        if path.metadata().is_ok_and(|metadata| metadata.len() == part.size) {
            // Another command of this desk has fetched it meanwhile.
            return Ok(());
        }
        let (mut furthest, mut patience) = (0, limits::PART_ATTEMPTS_MAX);
        let found = loop {
            let (offset, hasher) = hashed(&file, part.size).await.map_err(DeskError::file(&unfinished))?;
            if offset > furthest {
                (furthest, patience) = (offset, limits::PART_ATTEMPTS_MAX);
            }
            match self.continue_part(mailbox, part, &file, offset, hasher).await {
                // What was here before may be what is wrong.
                Ok(found) if found != part.digest && offset > 0 => {
                    file.set_len(0).map_err(DeskError::file(&unfinished))?;
                }
                Err(DeskError::GatewayAway(_))
                    if patience > 0 && file.metadata().is_ok_and(|metadata| metadata.len() > 0) =>
                {
                    patience = patience.saturating_sub(1);
                    tokio::time::sleep(limits::PART_ATTEMPT_PAUSE).await;
                }
                ended => break ended?,
            }
        };
        if found != part.digest {
            fs::remove_file(&unfinished).map_err(DeskError::file(&unfinished))?;
            return Err(Refusal::new(Reason::PartMismatch, "the gateway handed over other bytes").into());
        }
        file.sync_all().map_err(DeskError::file(path))?;
        fs::rename(&unfinished, path).map_err(DeskError::file(path))?;
        File::open(&folder).and_then(|folder| folder.sync_all()).map_err(DeskError::file(&folder))
    }

    /// Fetches the rest of a part to the end of its file; the digest is of all that is there then.
    async fn continue_part(
        &self,
        mailbox: &mut Mailbox,
        part: &Part,
        file: &File,
        offset: u64,
        hasher: Hasher,
    ) -> Result<Digest, DeskError> {
        let unusable = |cause: std::io::Error| DeskError::Draft(format!("the sealed part: {cause}"));
        let mut file = file.try_clone().map_err(unusable)?;
        let mut meter = Meter::new(&self.progress, Stage::Fetching, part.size);
        meter.reach(offset);
        let hashing = Arc::new(Mutex::new(hasher));
        let (hashed, mut done) = (hashing.clone(), offset);
        if offset < part.size {
            let keep = move |piece: &[u8]| {
                file.write_all(piece)?;
                hashed.lock().unwrap_or_else(PoisonError::into_inner).update(piece);
                done = done.saturating_add(piece.len() as u64);
                meter.reach(done);
                Ok(())
            };
            mailbox.get_part(&part.digest, offset, part.size.saturating_sub(offset), keep).await?;
        }
        let hasher = hashing.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Ok(hasher.finish())
    }
}

/// The file of an unfinished part, once no other command of this desk writes it.
async fn alone(path: &Path) -> std::io::Result<File> {
    let file = File::options().read(true).write(true).create(true).truncate(false).open(path)?;
    let locked = tokio::task::spawn_blocking(move || file.lock().map(|()| file)).await;
    locked.map_err(std::io::Error::other)?
}

/// How long a file is, and the hash of what it holds; its position is at its end. One that is longer than the
/// part is emptied.
pub(super) async fn hashed(file: &File, size: u64) -> std::io::Result<(u64, Hasher)> {
    let mut file = file.try_clone()?;
    let hashing = tokio::task::spawn_blocking(move || {
        if file.metadata()?.len() > size {
            file.set_len(0)?;
        }
        let mut hasher = Hasher::new();
        let mut piece = vec![0; limits::PIECE_BYTES_MAX];
        let mut length = file.seek(SeekFrom::Start(0))?;
        loop {
            let count = file.read(&mut piece)?;
            if count == 0 {
                return Ok((length, hasher));
            }
            hasher.update(piece.get(..count).unwrap_or_default());
            length = length.saturating_add(count as u64);
        }
    });
    hashing.await.map_err(std::io::Error::other)?
}

/// Opens the sealed part of a document into `sink`. Only `Ok` says that it is the document the dispatch names.
pub(super) fn open_document(
    key: &dyn Opener,
    sealed: impl Read,
    document: &Document,
    sink: impl Write,
) -> Result<(), Refusal> {
    let plain = seal::open_stream(sealed, Unlock::Openers(&[key]), sink)
        .map_err(|cause| Refusal::new(Reason::SealBroken, cause.to_string()))?;
    require_named(document, plain.plain_digest, plain.plain_size)
}

/// The same in memory, for what travels in the envelope.
pub(super) fn open_inline(
    key: &dyn Opener,
    sealed: &[u8],
    document: &Document,
) -> Result<Zeroizing<Vec<u8>>, Refusal> {
    let plain =
        seal::open(sealed, &[key]).map_err(|cause| Refusal::new(Reason::SealBroken, cause.to_string()))?;
    require_named(document, Digest::of(&plain), plain.len() as u64)?;
    Ok(plain)
}

fn require_named(document: &Document, digest: Digest, size: u64) -> Result<(), Refusal> {
    if digest == document.digest && size == document.size {
        return Ok(());
    }
    Err(Refusal::new(Reason::PartMismatch, "a document is not the one the dispatch names"))
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
    pub fn reader(&self) -> Result<Box<dyn Read + Send + '_>, DeskError> {
        match self {
            Self::File(path) => {
                Ok(Box::new(BufReader::new(File::open(path).map_err(DeskError::file(path))?)))
            }
            Self::Inline(bytes) => Ok(Box::new(bytes.as_slice())),
        }
    }
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
    let harmless = |c: char| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '_' };
    let stem: String = document.document_id.chars().map(harmless).collect();
    if stem.is_empty() { format!("document.{ending}") } else { format!("{stem}.{ending}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::terms::DocumentStanding;

    fn named(document_id: &str, media_type: &str) -> String {
        file_name(&Document {
            document_id: document_id.to_owned(),
            title: "../../title".to_owned(),
            standing: DocumentStanding::Annex,
            class: DocumentClass::Evidence,
            language: "und".to_owned(),
            media_type: media_type.to_owned(),
            size: 0,
            digest: Digest::of(b""),
            translation_of: String::new(),
        })
    }

    #[test]
    fn a_file_name_never_leads_out_of_its_folder() {
        assert_eq!(named("annex-1", "application/pdf"), "annex-1.pdf");
        assert_eq!(named("../../etc/passwd", "text/plain"), "______etc_passwd.txt");
        assert_eq!(named("", "x/y"), "document.bin");
        assert_eq!(named("김", "image/png"), "_.png");
    }
}
