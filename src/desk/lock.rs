//! Locks between the processes of one desk: who does what nobody may do twice at once, told to those who wait.
//!
//! A lock is one that the operating system holds on an open file, so it ends with the process, however that ends: a
//! killed command leaves its name in the file and no lock. The file says who holds it, for people.
//!
//! Protective acts have precedence. Whoever brings one holds the lock `urgent.lock` while it waits for the lock of
//! releases and while it releases; nobody else begins a release meanwhile, and whoever is in the middle of a long one
//! makes way: a run between two batches, a document between two pieces. Only what a processor does by itself is not cut
//! short: one document that is being sealed, or one batch. The lock is not split into one for numbers and one for
//! handing over, because two processes that hand over one sequence could have the gateway see a gap, and give up what
//! was good.
//!
//! What must never happen: that a command waits without bound or word, or that a protective act waits for a document.

use std::fmt;
use std::fs::{File, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;

use crate::desk::Desk;
use crate::desk::error::DeskError;
use crate::limits;
use crate::time::Timestamp;

/// Held by a protective act that is to be released.
const URGENT_LOCK: &str = "urgent.lock";

/// Attempts after which whoever waits is told for whom.
const ATTEMPTS_UNTOLD: u32 = 10;

/// The longest name that a process is given in a lock, characters.
const NAME_CHARACTERS_MAX: usize = 160;

/// Told once of whoever is waited for.
pub type Waits = Arc<dyn Fn(&Holder) + Send + Sync>;

/// Nobody is told.
pub fn silently() -> Waits {
    Arc::new(|_| {})
}

/// Who holds a lock, as the holder wrote it down.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Holder {
    /// Its process id; 0 where it did not come as far as to write it down.
    pub process: u32,
    /// Since when; none where it was not written down.
    pub since: Option<Timestamp>,
    /// The command as it was typed; may be empty.
    pub command: String,
}

impl Holder {
    fn of(file: &mut File) -> Self {
        let mut text = String::new();
        let read = file.seek(SeekFrom::Start(0)).and_then(|_| file.take(1024).read_to_string(&mut text));
        let mut lines = text.lines();
        match read {
            Ok(_) => Self {
                process: lines.next().and_then(|line| line.parse().ok()).unwrap_or_default(),
                since: lines.next().and_then(|line| line.parse().ok()).map(Timestamp::from_seconds),
                command: lines.next().unwrap_or_default().to_owned(),
            },
            Err(_) => Self::default(),
        }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {}", self.process)?;
        if !self.command.is_empty() {
            write!(f, ", `{}`", self.command)?;
        }
        self.since.map_or(Ok(()), |since| write!(f, ", since {since}"))
    }
}

/// Locks that end when this is dropped.
#[derive(Debug)]
pub(super) struct Held {
    _files: Vec<File>,
}

impl Desk {
    /// Waits, for so long as there is patience, until no other process of this desk holds the lock of this name and no
    /// protective act is to be released.
    pub(super) async fn hold(&self, name: &str) -> Result<Held, DeskError> {
        let file = self.locked(name, || self.urgent()).await?;
        Ok(Held { _files: vec![file] })
    }

    /// The same for a protective act, which is before everybody but other ones.
    pub(super) async fn hold_urgently(&self, name: &str) -> Result<Held, DeskError> {
        let first = self.locked(URGENT_LOCK, || None).await?;
        let file = self.locked(name, || None).await?;
        Ok(Held { _files: vec![file, first] })
    }

    /// The lock of this name, unless another process of this desk holds it.
    pub(super) fn try_hold(&self, name: &str) -> Result<Option<Held>, DeskError> {
        let path = self.config.home.join(name);
        match self.is_urgent() {
            true => Ok(None),
            false => Ok(self.tried(&path)?.ok().map(|file| Held { _files: vec![file] })),
        }
    }

    /// Whether a protective act is being released, or waits for that.
    pub(super) fn is_urgent(&self) -> bool {
        self.urgent().is_some()
    }

    fn urgent(&self) -> Option<Holder> {
        // Before the first one there is no such file.
        let mut file = File::open(self.config.home.join(URGENT_LOCK)).ok()?;
        match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => Some(Holder::of(&mut file)),
            _ => None,
        }
    }

    /// Ends when a protective act is to be released.
    pub(super) async fn urgency(&self) {
        while !self.is_urgent() {
            tokio::time::sleep(limits::URGENT_PAUSE).await;
        }
    }

    async fn locked(&self, name: &str, goes_first: impl Fn() -> Option<Holder>) -> Result<File, DeskError> {
        let path = self.config.home.join(name);
        let (mut attempts, mut holder) = (0_u32, Holder::default());
        let waiting = async {
            loop {
                let held_by = match goes_first() {
                    Some(first) => Err(first),
                    None => self.tried(&path)?,
                };
                match held_by {
                    Ok(file) => return Ok(file),
                    Err(other) => holder = other,
                }
                // One that is let go of at once is not worth a word.
                attempts = attempts.saturating_add(1);
                if attempts == ATTEMPTS_UNTOLD {
                    (self.waits)(&holder);
                }
                tokio::time::sleep(limits::DESK_LOCK_PAUSE).await;
            }
        };
        let waited = tokio::time::timeout(limits::DESK_LOCK_PATIENCE, waiting).await;
        waited.unwrap_or(Err(DeskError::Busy(holder)))
    }

    /// The lock on this file, or who holds it.
    fn tried(&self, path: &Path) -> Result<Result<File, Holder>, DeskError> {
        let open = File::options().read(true).write(true).create(true).truncate(false).open(path);
        let mut file = open.map_err(DeskError::file(path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(Err(Holder::of(&mut file))),
            Err(TryLockError::Error(cause)) => return Err(DeskError::file(path)(cause)),
        }
        let name: String =
            self.calls_itself.chars().filter(|c| !c.is_control()).take(NAME_CHARACTERS_MAX).collect();
        let text = format!("{}\n{}\n{name}\n", std::process::id(), self.clock.now().seconds());
        // Only people read it: where it cannot be written, it is held all the same.
        let _unnamed = file.set_len(0).and_then(|()| file.write_all(text.as_bytes()));
        Ok(Ok(file))
    }
}
