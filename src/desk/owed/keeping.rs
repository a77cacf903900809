//! The large documents of an act that is owed, in the keeping of this desk: whoever moves or deletes the file that they
//! came from takes nothing from a Power that is still to have them.
//!
//! Documents enter that do not travel with the signed act; they rest sealed, as uploads do. They leave with each copy that
//! is made of them, and are removed with the last debt. No sweep of old uploads reaches them. Plain text never reaches the
//! disk here.
//!
//! An act is signed, registered and sent to whomever it can go before its documents are kept: no document delays it, and
//! none keeps it back for want of room. Until then, and where there is no room, they are where the act was composed from.
//! One that is gone from here is given back by whoever has it (`supply`).

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use crate::desk::Desk;
use crate::desk::accreditation::Trust;
use crate::desk::deposit::{Deposit, DepositWriter, held};
use crate::desk::documents::{self, Source};
use crate::desk::draft::DraftFile;
use crate::desk::error::DeskError;
use crate::desk::keys::Keys;
use crate::desk::lock::Holder;
use crate::desk::parts::open_document;
use crate::desk::reading_keys::ReadingKeys;
use crate::desk::register::{OwedEntry, SentEntry};
use crate::digest::{Digest, Hasher};
use crate::limits;
use crate::message::dispatch::Document;
use crate::message::envelope::Envelope;

/// Held by whoever takes documents into keeping.
const KEEPING_LOCK: &str = "keeping.lock";

impl Desk {
    /// Takes the large documents of everything that is owed into keeping, as far as they are not. What cannot be kept stays
    /// where it is, and is tried again with the next command.
    pub(super) fn keep_documents(&self, trust: &Trust, keys: &Keys) -> Result<(), DeskError> {
        // Two would write one file. Whoever does it now does it for all.
        let Some(_keeping_alone) = self.try_hold(KEEPING_LOCK)? else { return Ok(()) };
        let mut seen = BTreeSet::new();
        for owed in self.register.owed()? {
            if !seen.insert(owed.dispatch) {
                continue;
            }
            if let Err(cause) = self.keep_documents_of(trust, keys, &owed) {
                if matches!(cause, DeskError::Register(_)) {
                    return Err(cause);
                }
                tracing::warn!(%cause, "a document that somebody is owed is not in keeping yet");
            }
        }
        Ok(())
    }

    fn keep_documents_of(&self, trust: &Trust, keys: &Keys, owed: &OwedEntry) -> Result<(), DeskError> {
        let mut draft = self.draft_owed(keys, owed)?;
        let (folder, mut is_any) = (self.config.owed(), false);
        draft.keep_large(|place, document, source| {
            let rests_here = match source {
                Source::Deposit(kept) => kept.path().starts_with(&folder),
                Source::File(path) => path.starts_with(&folder),
                _ => false,
            };
            if !rests_here {
                is_any = true;
                return self.keep_document(keys, &owed.dispatch, (place, document), source);
            }
            if !is_whole(&folder.join(kept_name(&owed.dispatch, place)), document) {
                self.keep_from_copies(keys, owed, (place, document))?;
            }
            Ok(source.clone())
        })?;
        if !is_any {
            return Ok(());
        }
        self.sync_kept()?;
        let sealed = self.seal_to_itself(trust, &draft)?;
        if !self.register.keep_owed(&owed.dispatch, &sealed)? {
            // It was paid meanwhile.
            self.forget_paid_alone()?;
        }
        Ok(())
    }

    /// Gives back a document that somebody is owed and that is not in keeping any more: the file that has its very bytes.
    /// Returns how many acts it belongs to.
    pub fn supply(&self, keys: &Keys, file: &Path) -> Result<usize, DeskError> {
        let keeping_alone = self.try_hold(KEEPING_LOCK)?;
        let _keeping_alone = keeping_alone.ok_or_else(|| DeskError::Busy(Holder::default()))?;
        let source = Source::File(file.to_owned());
        let measured = documents::measured(&source)?;
        let (mut seen, mut count) = (BTreeSet::new(), 0_usize);
        for owed in self.register.owed()? {
            if !seen.insert(owed.dispatch) {
                continue;
            }
            let draft = self.draft_owed(keys, &owed)?;
            let listed = draft.dispatch().documents.iter().zip(draft.sources()).enumerate();
            for (place, (document, lacking)) in listed {
                let is_it = (document.size, document.digest) == (measured.size, measured.digest);
                let is_here = match lacking {
                    Source::Deposit(kept) => is_whole(kept.path(), document),
                    other => other.open().is_ok(),
                };
                if is_it && !is_here {
                    self.keep_document(keys, &owed.dispatch, (place, document), &source)?;
                    count = count.saturating_add(1);
                }
            }
        }
        if count > 0 {
            self.sync_kept()?;
        }
        Ok(count)
    }

    fn keep_document(
        &self,
        keys: &Keys,
        dispatch: &Digest,
        (place, document): (usize, &Document),
        source: &Source,
    ) -> Result<Source, DeskError> {
        let mut plain = source.open()?;
        let reading = keys.reading()?;
        let path = self.config.owed().join(kept_name(dispatch, place));
        let unfinished = path.with_extension(UNFINISHED);
        let mut writer = self.begin_keeping(&reading, &unfinished)?;
        let mut hasher = Hasher::new();
        let mut piece = zeroize::Zeroizing::new(vec![0; limits::PIECE_BYTES_MAX]);
        loop {
            let count = plain.read(&mut piece).map_err(|cause| source.unreadable(cause))?;
            let Some(read) = piece.get(..count).filter(|read| !read.is_empty()) else { break };
            hasher.update(read);
            writer.put(read).map_err(DeskError::file(&unfinished))?;
        }
        let is_same = (writer.length(), Hasher::finish(hasher)) == (document.size, document.digest);
        writer.into_file().sync_all().map_err(DeskError::file(&unfinished))?;
        if !is_same {
            let _gone = fs::remove_file(&unfinished);
            return Err(DeskError::Draft("a document changed while it was being sent".to_owned()));
        }
        fs::rename(&unfinished, &path).map_err(DeskError::file(&path))?;
        let kept = Deposit::open(&path, reading.as_ref()).map_err(DeskError::file(&path))?;
        Ok(Source::Deposit(kept.of(document.digest)))
    }

    /// Takes the large documents of an act back into keeping whose sealed parts are here: its copy ended, and they go with
    /// the next one. What cannot be done now is done with those of everything that is owed (`keep_documents`); what is not
    /// here is given back by whoever has it (`supply`).
    pub(super) fn keep_again(&self, keys: &Keys, copy: &SentEntry) -> Result<(), DeskError> {
        let Some(_keeping_alone) = self.try_hold(KEEPING_LOCK)? else { return Ok(()) };
        let envelope = Envelope::parse_held(&copy.envelope)?;
        let signed = self.open_own(keys, &envelope)?;
        for (place, document) in signed.dispatch().documents.iter().enumerate() {
            self.keep_part(keys, (&envelope, &copy.dispatch_digest), (place, document))?;
        }
        Ok(())
    }

    /// The same of one document, of whichever copy of the act its sealed part is still here.
    fn keep_from_copies(
        &self,
        keys: &Keys,
        owed: &OwedEntry,
        (place, document): (usize, &Document),
    ) -> Result<(), DeskError> {
        for copy in self.register.sent_in(&owed.consultation)? {
            if copy.dispatch_digest == owed.dispatch && copy.has_parts_beside {
                let envelope = Envelope::parse_held(&copy.envelope)?;
                if self.keep_part(keys, (&envelope, &owed.dispatch), (place, document))? {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Takes one document of a copy into keeping, where its sealed part is here. True where it is kept.
    fn keep_part(
        &self,
        keys: &Keys,
        (envelope, dispatch): (&Envelope, &Digest),
        (place, document): (usize, &Document),
    ) -> Result<bool, DeskError> {
        // The first part is the dispatch.
        let number = place.saturating_add(1);
        let (Some(part), Some(content)) =
            (envelope.header().parts().get(number), envelope.parts().get(number))
        else {
            return Ok(false);
        };
        let sealed = self.part_path(&part.digest);
        if !content.is_empty() || !sealed.metadata().is_ok_and(|file| file.len() == part.size) {
            return Ok(false);
        }
        // Another Power may be owed it as well, and somebody may be reading it for that.
        if !is_whole(&self.config.owed().join(kept_name(dispatch, place)), document) {
            self.keep_sealed(keys, &sealed, (dispatch, place), document)?;
        }
        Ok(true)
    }

    fn keep_sealed(
        &self,
        keys: &Keys,
        sealed: &Path,
        (dispatch, place): (&Digest, usize),
        document: &Document,
    ) -> Result<(), DeskError> {
        let path = self.config.owed().join(kept_name(dispatch, place));
        let unfinished = path.with_extension(UNFINISHED);
        let reading = keys.reading()?;
        let mut kept = Kept(self.begin_keeping(&reading, &unfinished)?);
        let part = File::open(sealed).map_err(DeskError::file(sealed))?;
        if let Err(refusal) = open_document(&reading, part, document, &mut kept) {
            let _gone = fs::remove_file(&unfinished);
            return Err(refusal.into());
        }
        kept.0.into_file().sync_all().map_err(DeskError::file(&unfinished))?;
        fs::rename(&unfinished, &path).map_err(DeskError::file(&path))?;
        self.sync_kept()
    }

    /// Begins a document anew under this name: what an attempt before a crash has left is not whole.
    fn begin_keeping(&self, reading: &ReadingKeys, path: &Path) -> Result<DepositWriter, DeskError> {
        let folder = self.config.owed();
        DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(DeskError::file(&folder))?;
        let mut options = File::options();
        let file = options.read(true).write(true).create(true).truncate(true).mode(0o600).open(path);
        let file = file.map_err(DeskError::file(path))?;
        let begun = DepositWriter::resume(file, path, 0, reading, self.entropy.clone());
        let (writer, _) = begun.map_err(DeskError::file(path))?;
        Ok(writer)
    }

    /// Returns when the names of what is in keeping are on the disk.
    fn sync_kept(&self) -> Result<(), DeskError> {
        for durable in [self.config.owed().as_path(), self.config.home.as_path()] {
            File::open(durable).and_then(|folder| folder.sync_all()).map_err(DeskError::file(durable))?;
        }
        Ok(())
    }

    /// Finds the documents of an act that do not travel with it where this home is now: it may have been moved, or
    /// restored elsewhere; and those that were given back.
    pub(super) fn find_kept(&self, keys: &Keys, draft: &mut DraftFile) -> Result<(), DeskError> {
        let (folder, dispatch) = (self.config.owed(), draft.digest());
        draft.find_resting(|place, document, source| {
            let path = folder.join(kept_name(&dispatch, place));
            let is_elsewhere =
                |path: &Path| matches!(source, Source::File(file) if file.exists() && file != path);
            if !is_whole(&path, document) || is_elsewhere(&path) {
                return Ok(source.clone());
            }
            // Its key stands in it, sealed: one that was given back has another than the row knows.
            let reading = keys.reading()?;
            let kept = Deposit::open(&path, reading.as_ref());
            Ok(kept.map_or_else(|_| source.clone(), |kept| Source::Deposit(kept.of(document.digest))))
        })
    }

    /// Removes what no debt speaks of any more, unless somebody takes documents into keeping right now, as for an act that is
    /// owed anew: then the next command does it.
    pub(super) fn forget_paid(&self) -> Result<(), DeskError> {
        match self.try_hold(KEEPING_LOCK)? {
            Some(_keeping_alone) => self.forget_paid_alone(),
            None => Ok(()),
        }
    }

    /// The same for the holder of the lock. Nothing comes here before the debt is registered.
    fn forget_paid_alone(&self) -> Result<(), DeskError> {
        let folder = self.config.owed();
        let entries = match fs::read_dir(&folder) {
            Err(cause) if cause.kind() == ErrorKind::NotFound => return Ok(()),
            entries => entries.map_err(DeskError::file(&folder))?,
        };
        let owed: Vec<String> = self.register.owed()?.iter().map(|owed| owed.dispatch.hex()).collect();
        for path in entries.flatten().map(|entry| entry.path()) {
            if !owed.iter().any(|dispatch| is_of(&path, dispatch)) {
                // One that stays costs room and nothing else.
                if let Err(cause) = fs::remove_file(&path) {
                    tracing::warn!(%cause, "a document that is owed to nobody could not be removed");
                }
            }
        }
        // Nobody looks again while it is not there; one that is not empty stays.
        let _gone_or_needed = fs::remove_dir(&folder);
        Ok(())
    }
}

/// Takes what is opened into keeping, sealed anew.
struct Kept(DepositWriter);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.put(bytes).map(|()| bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// How a document ends that is not in keeping yet: nobody is to take it for the document before it is whole, nor after a
/// crash, by its length alone.
const UNFINISHED: &str = "unfinished";

/// The name under which a document is kept, by its place in the dispatch.
pub(in crate::desk) fn kept_name(dispatch: &Digest, place: usize) -> String {
    format!("{}-{place}", dispatch.hex())
}

/// Whether a file holds all of a document.
fn is_whole(path: &Path, document: &Document) -> bool {
    held(path).is_ok_and(|length| length == document.size)
}

/// Whether a file holds a document of this dispatch.
fn is_of(path: &Path, dispatch: &str) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.strip_prefix(dispatch).is_some_and(|rest| rest.starts_with('-'))
}
