//! The scrub: everything that is kept is hashed again and compared, piece by piece, each on its own
//! snapshot, so that the writer is never held up. SQLite's own integrity check does not see a flipped bit in
//! a payload; this does, and names it.
//!
//! Rows enter; damages leave, each naming the leaf, message or part it is in. What a header or a leaf says is
//! read by the caller: the store parses neither. Nothing is ever mended here.

mod logs;
mod messages;
mod parts;
mod references;

use rusqlite::Connection;

use super::record::{Damage, Examination, KeptMessage, Progress, Unwatched, Verification};
use super::{Store, StoreFault};

/// Rows that one snapshot looks at.
const ROWS_PER_SNAPSHOT: usize = 512;

/// What one snapshot found, and where the next begins; `None` at the end.
struct Piece {
    next: Option<u64>,
    checked: u64,
    damages: Vec<Damage>,
}

impl Store {
    /// Hashes everything again and names what does not agree, in words.
    pub async fn verify(&self) -> Result<Verification, StoreFault> {
        Ok(self.examine(&Unwatched).await?.into())
    }

    /// Hashes every leaf, node, header and sealed part again, compares all pieces that name each other and names
    /// what does not agree. That the roots are those of the signed checkpoints, and that headers and leaves say
    /// what is kept beside them, is for the caller to see.
    pub async fn examine(&self, progress: &dyn Progress) -> Result<Examination, StoreFault> {
        let mut found = Examination::default();
        for (origin, size) in self.read(logs::sizes).await? {
            let what = format!("leaves of {origin}");
            found.leaves +=
                self.scan(&mut found, progress, &what, logs::leaves(origin.clone(), size)).await?;
            let what = format!("nodes of {origin}");
            for level in (1..64_u8).take_while(|level| size >> level > 0) {
                let nodes = logs::nodes(origin.clone(), level, size >> level);
                self.scan(&mut found, progress, &what, nodes).await?;
            }
        }
        found.messages = self.scan(&mut found, progress, "messages", messages::headers).await?;
        self.scan(&mut found, progress, "places in the mailbox", references::mailbox).await?;
        for check in references::CHECKS {
            found.add(self.read(check).await?);
        }
        self.verify_parts(&mut found, progress).await?;
        Ok(found)
    }

    /// Lets SQLite check the database file and the references in it. It reads everything in one snapshot.
    pub async fn structure(&self) -> Result<Vec<Damage>, StoreFault> {
        self.read(references::structure).await
    }

    /// Messages after a number in the order of custody, with what they must agree with; none at the end.
    pub async fn kept_after(&self, after: u64) -> Result<Vec<KeptMessage>, StoreFault> {
        self.read(move |connection| messages::kept_after(connection, after)).await
    }

    /// Runs `check` from 0 until it is at the end; answers how much was checked.
    async fn scan<C>(
        &self,
        found: &mut Examination,
        progress: &dyn Progress,
        what: &str,
        check: C,
    ) -> Result<u64, StoreFault>
    where
        C: Fn(&Connection, u64) -> Result<Piece, StoreFault> + Clone + Send + 'static,
    {
        let mut checked = 0;
        let mut next = Some(0);
        while let Some(from) = next {
            let check = check.clone();
            let piece = self.read(move |connection| check(connection, from)).await?;
            found.add(piece.damages);
            checked += piece.checked;
            next = piece.next;
            progress.done(what, checked);
        }
        Ok(checked)
    }
}

impl From<Examination> for Verification {
    fn from(found: Examination) -> Self {
        let mut damages: Vec<String> = found.damages.iter().map(Damage::to_string).collect();
        if found.more > 0 {
            damages.push(format!("and {} more", found.more));
        }
        Self { leaves: found.leaves, parts: found.parts, messages: found.messages, damages }
    }
}
