//! One upload under way: the file of an unfinished document, which one stream alone writes.
//!
//! Pieces enter; the document leaves under its name, or stays unfinished for the next stream. Its name is given last,
//! after its digest was compared and its bytes are on the disk; whoever opened the file before writes nothing into what
//! is whole.

use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use tonic::Code;

use super::{Uploads, unusable};
use crate::desk::deposit::{DepositWriter, held};
use crate::desk::serve::refusals::Refused;
use crate::digest::{Digest, Hasher};
use crate::limits;
use crate::proto::desk::v1 as wire;

/// One upload under way, alone in its file.
pub(super) struct Upload {
    uploads: Uploads,
    digest: Digest,
    size: u64,
    writer: DepositWriter,
    hasher: Hasher,
}

impl Upload {
    /// Goes on at `offset` of what is held, or begins; nobody else has the file until it ends.
    pub(super) fn open(uploads: Uploads, digest: Digest, size: u64, offset: u64) -> Result<Self, Refused> {
        DirBuilder::new().recursive(true).mode(0o700).create(&uploads.folder).map_err(unusable)?;
        let path = uploads.unfinished(&digest);
        if !path.exists() {
            uploads.require_room(size)?;
        }
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let file = alone(options.open(&path).map_err(unusable)?, &path)?;
        let there = held(&path).unwrap_or(0);
        if offset > there {
            let message = format!("{there} bytes are held: begin there");
            return Err(Refused::field("offset", "UPLOAD_GAP", message));
        }
        let (reading, entropy) = (uploads.reading.clone(), uploads.entropy.clone());
        let resumed = DepositWriter::resume(file, &path, offset.min(size), &reading, entropy);
        let (writer, hasher) = resumed.map_err(unusable)?;
        if writer.length() < offset {
            let message = format!("{} bytes are whole: begin there", writer.length());
            return Err(Refused::field("offset", "UPLOAD_GAP", message));
        }
        Ok(Self { uploads, digest, size, writer, hasher })
    }

    /// Writes a piece, where the document was said to be so long.
    pub(super) async fn put(&mut self, content: &[u8]) -> Result<(), Refused> {
        if content.len() > limits::PIECE_BYTES_MAX {
            let message = format!("a piece has at most {} bytes", limits::PIECE_BYTES_MAX);
            return Err(Refused::field("content", "TOO_LARGE", message));
        }
        if self.writer.length().saturating_add(content.len() as u64) > self.size {
            self.forget();
            let message = "more came than the document was said to have";
            return Err(Refused::field("content", "TOO_LARGE", message));
        }
        self.writer.put(content).map_err(unusable)?;
        self.hasher.update(content);
        // A file takes what it is given at once; other calls shall have their turn in between.
        tokio::task::yield_now().await;
        Ok(())
    }

    /// Gives the document its name where all of it is there and is what it was said to be.
    pub(super) fn end(self) -> Result<wire::Upload, Refused> {
        let (digest, so_far) = (self.digest.as_bytes().to_vec(), self.writer.length());
        if so_far < self.size {
            self.writer.into_file().sync_data().map_err(unusable)?;
            return Ok(wire::Upload { digest, held: so_far, complete: false });
        }
        if self.hasher.clone().finish() != self.digest {
            self.forget();
            let message = "the bytes are not those of this digest; what was uploaded is forgotten";
            return Err(Refused::field("digest", "DIGEST_MISMATCH", message));
        }
        let (passing, path) = (self.uploads.unfinished(&self.digest), self.uploads.path(&self.digest));
        // Held until it has its name: whoever opened it before that is not to write on in what is whole.
        let held = self.writer.into_file();
        held.sync_all().map_err(unusable)?;
        fs::rename(&passing, &path).map_err(unusable)?;
        File::open(&self.uploads.folder).and_then(|folder| folder.sync_all()).map_err(unusable)?;
        Ok(wire::Upload { digest, held: so_far, complete: true })
    }

    fn forget(&self) {
        // Nothing is lost where it stays: the next attempt begins at its own offset.
        let _gone = fs::remove_file(self.uploads.unfinished(&self.digest));
    }
}

/// The file of an unfinished upload, where no other stream has it, and none had it that ended since it was opened: then
/// it is whole, or forgotten, and has its name no more.
pub(super) fn alone(file: File, path: &Path) -> Result<File, Refused> {
    let is_it = || Ok::<_, std::io::Error>(file.metadata()?.ino() == fs::metadata(path)?.ino());
    if file.try_lock().is_ok() && is_it().unwrap_or(false) {
        return Ok(file);
    }
    let message = "another stream uploads this document";
    Err(Refused::new(Code::Aborted, "UPLOAD_UNDER_WAY", message).later())
}
