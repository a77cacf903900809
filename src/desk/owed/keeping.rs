//! The large documents of an act that is owed, in the keeping of this desk: whoever moves or deletes the file that they
//! came from takes nothing from a Power that is still to have them.
//!
//! Documents enter that do not travel with the signed act; they rest sealed, as uploads do, and are durable before the
//! row that speaks of them is written. They leave with each copy that is made of them, and are removed with the last debt.
//! No sweep of old uploads reaches them. Plain text never reaches the disk here.

use std::fs::{self, DirBuilder, File};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use crate::desk::Desk;
use crate::desk::deposit::{Deposit, DepositWriter};
use crate::desk::documents::Source;
use crate::desk::draft::DraftFile;
use crate::desk::error::DeskError;
use crate::desk::keys::Keys;
use crate::digest::{Digest, Hasher};
use crate::limits;
use crate::message::dispatch::Document;

impl Desk {
    /// Takes the large documents of an act that somebody will be owed into keeping. To be called while the release lock
    /// is held, before the act is registered.
    pub(in crate::desk) fn keep_large(&self, keys: &Keys, draft: &mut DraftFile) -> Result<(), DeskError> {
        let dispatch = draft.digest();
        let mut is_any = false;
        draft.keep_large(|place, document, source| {
            is_any = true;
            self.keep_document(keys, &dispatch, (place, document), source)
        })?;
        let folder = self.config.owed();
        if is_any {
            for durable in [folder.as_path(), self.config.home.as_path()] {
                File::open(durable).and_then(|folder| folder.sync_all()).map_err(DeskError::file(durable))?;
            }
        }
        Ok(())
    }

    fn keep_document(
        &self,
        keys: &Keys,
        dispatch: &Digest,
        (place, document): (usize, &Document),
        source: &Source,
    ) -> Result<Source, DeskError> {
        let folder = self.config.owed();
        DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(DeskError::file(&folder))?;
        let path = folder.join(format!("{}-{place}", dispatch.hex()));
        // What an attempt before a crash has left was never spoken of.
        let mut options = File::options();
        let file = options.read(true).write(true).create(true).truncate(true).mode(0o600).open(&path);
        let file = file.map_err(DeskError::file(&path))?;
        let reading = keys.reading()?;
        let begun = DepositWriter::resume(file, &path, 0, &reading, self.entropy.clone());
        let (mut writer, mut hasher) = begun.map_err(DeskError::file(&path))?;
        let mut plain = source.open()?;
        let mut piece = zeroize::Zeroizing::new(vec![0; limits::PIECE_BYTES_MAX]);
        loop {
            let count = plain.read(&mut piece).map_err(|cause| source.unreadable(cause))?;
            let Some(read) = piece.get(..count).filter(|read| !read.is_empty()) else { break };
            hasher.update(read);
            writer.put(read).map_err(DeskError::file(&path))?;
        }
        let is_same = (writer.length(), Hasher::finish(hasher)) == (document.size, document.digest);
        writer.into_file().sync_all().map_err(DeskError::file(&path))?;
        if !is_same {
            return Err(DeskError::Draft("a document changed while it was being sent".to_owned()));
        }
        let kept = Deposit::open(&path, reading.as_ref()).map_err(DeskError::file(&path))?;
        Ok(Source::Deposit(kept.of(document.digest)))
    }

    /// Finds the large documents of an act where this home is now: it may have been moved, or restored elsewhere.
    pub(super) fn find_kept(&self, draft: &mut DraftFile) -> Result<(), DeskError> {
        let folder = self.config.owed();
        draft.keep_large(|_, _, source| {
            let Source::Deposit(kept) = source else { return Ok(source.clone()) };
            let here = kept.path().file_name().map(|name| folder.join(name)).filter(|path| path.exists());
            Ok(Source::Deposit(here.map_or_else(|| kept.clone(), |path| kept.clone().at(path))))
        })
    }

    /// Removes what no debt speaks of any more. To be called while the release lock is held: whoever releases has
    /// documents here before the row.
    pub(super) fn forget_paid(&self) -> Result<(), DeskError> {
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

/// Whether a file holds a document of this dispatch.
fn is_of(path: &Path, dispatch: &str) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.strip_prefix(dispatch).is_some_and(|rest| rest.starts_with('-'))
}
