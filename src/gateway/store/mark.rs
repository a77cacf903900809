//! The mark: what this host has seen the gateway sign, outside the data directory. A store that was restored
//! from an older copy cannot know it; this file, which lies in the run directory and is believed only until the
//! host starts again, does.
//!
//! For every own log of a pair that was confirmed it holds the size, written after each commit and before the
//! answers of that commit: one small write into the page cache, never synced, because a host that starts again
//! does not believe it any more. It is bound to the running system by its boot id and to itself by the time of
//! its creation, which a copy does not keep: a mark that came back from a backup is not believed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::UNIX_EPOCH;

use rusqlite::hooks::Action;
use rusqlite::{Connection, OptionalExtension};

use super::standing::own_logs;
use super::{StoreFault, columns};
use crate::digest::Digest;
use crate::trust::name::Ministry;

/// The head of the file and every record of it, bytes.
const RECORD: usize = 512;

/// What the file is, in its head.
const MAGIC: &[u8; 16] = b"chancery mark v1";

/// Begins the name of a log of which is known only that it had so many leaves, and perhaps more.
const AT_LEAST: char = '?';

/// Records of one mark that are read: more than there are peers and years.
const RECORDS_MAX: usize = 65_536;

/// An open mark.
#[derive(Debug)]
pub struct Mark {
    path: PathBuf,
    file: File,
    /// The sizes as the file has them, with the number of each record.
    records: BTreeMap<String, (u64, u64)>,
    confirmed: BTreeSet<Ministry>,
}

impl Mark {
    /// The sizes that the mark at `path` vouches for, by origin; none where there is no mark, or it is not of
    /// this run of the host, or it is not whole.
    pub fn read(path: &Path, boot: &str) -> Option<BTreeMap<String, u64>> {
        let file = File::open(path).ok()?;
        let bytes = fs::read(path).ok().filter(|bytes| bytes.len() <= RECORD * RECORDS_MAX)?;
        let mut records = bytes.chunks(RECORD);
        let head = head(boot, created(&file).ok()?);
        records.next().filter(|found| *found == head.as_slice())?;
        let records: BTreeMap<String, u64> = records.map(parse).collect::<Option<_>>()?;
        Some(records.into_iter().filter(|(origin, _)| !origin.starts_with(AT_LEAST)).collect())
    }

    /// The sizes that any whole record of a mark tells, of whatever run of the host: they vouch for nothing, but so
    /// many leaves were signed.
    pub fn remembered(path: &Path) -> BTreeMap<String, u64> {
        let bytes = fs::read(path).ok().filter(|bytes| bytes.len() <= RECORD * RECORDS_MAX);
        let bytes = bytes.filter(|bytes| bytes.starts_with(MAGIC)).unwrap_or_default();
        let mut known: BTreeMap<String, u64> = BTreeMap::new();
        for (origin, size) in bytes.chunks(RECORD).skip(1).filter_map(parse) {
            let noted = known.entry(origin.trim_start_matches(AT_LEAST).to_owned()).or_default();
            *noted = size.max(*noted);
        }
        known
    }

    /// Begins a mark at `path` in place of the one that is there: with the sizes that it vouches for, and with
    /// those of which is known only that so many leaves were signed.
    pub fn begin(
        path: &Path,
        boot: &str,
        sizes: &BTreeMap<String, u64>,
        at_least: &BTreeMap<String, u64>,
    ) -> io::Result<Self> {
        let fresh = path.with_extension("new");
        match fs::remove_file(&fresh) {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => return Err(cause),
            _ => {}
        }
        let file = File::options().write(true).create_new(true).mode(0o600).open(&fresh)?;
        file.write_all_at(&head(boot, created(&file)?), 0)?;
        let (records, confirmed) = (BTreeMap::new(), BTreeSet::new());
        let mut mark = Self { path: path.to_owned(), file, records, confirmed };
        for (origin, size) in sizes {
            mark.write(origin, *size)?;
        }
        for (origin, size) in at_least {
            mark.learn(origin, *size)?;
        }
        fs::rename(&fresh, path)?;
        Ok(mark)
    }

    /// Removes a mark in whose place none can be begun: it would vouch for less than is signed from now on.
    pub fn discard(path: &Path) -> Result<(), StoreFault> {
        match fs::remove_file(path) {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => Err(cause.into()),
            _ => Ok(()),
        }
    }

    /// Vouches from now on for the own logs of a pair.
    pub(super) fn confirm(&mut self, peer: &Ministry) {
        self.confirmed.insert(peer.clone());
    }

    /// Notes that an own log has grown; a log of a pair that is not confirmed is none of its business. A
    /// greater size that is noted already stays: it tells that the store was rolled back.
    pub(super) fn note(&mut self, peer: &Ministry, origin: &str, size: u64) -> io::Result<()> {
        let noted = self.records.get(origin).map_or(0, |(_, noted)| *noted);
        if self.confirmed.contains(peer) && size > noted { self.write(origin, size) } else { Ok(()) }
    }

    /// Notes that a log had so many leaves once, whether or not they are here. It may have had more, so that this
    /// vouches for nothing.
    fn learn(&mut self, origin: &str, size: u64) -> io::Result<()> {
        let bound = format!("{AT_LEAST}{origin}");
        let noted = |key: &str| self.records.get(key).map_or(0, |(_, noted)| *noted);
        if size <= noted(origin).max(noted(&bound)) {
            return Ok(());
        }
        self.write(&bound, size)?;
        // Nobody may tell it again: unlike what the store grows by, it must outlive the power.
        self.file.sync_all()?;
        match self.path.parent() {
            Some(folder) => File::open(folder)?.sync_all(),
            None => Ok(()),
        }
    }

    /// Removes the file: one that cannot be written must not be believed.
    pub(super) fn abandon(self) -> io::Result<()> {
        fs::remove_file(&self.path)
    }

    fn write(&mut self, origin: &str, size: u64) -> io::Result<()> {
        let next = self.records.len() as u64;
        let place = self.records.get(origin).map_or(next, |(place, _)| *place);
        let record = compose(origin, size).ok_or(io::ErrorKind::InvalidInput)?;
        self.file.write_all_at(&record, place.saturating_add(1).saturating_mul(RECORD as u64))?;
        self.records.insert(origin.to_owned(), (place, size));
        Ok(())
    }
}

/// The mark as the writer keeps it, with the logs that the present transaction has touched.
#[derive(Debug, Clone, Default)]
pub(super) struct Marks {
    mark: Arc<Mutex<Option<Mark>>>,
    touched: Arc<Mutex<BTreeSet<i64>>>,
    /// Pairs that are confirmed when the present transaction is committed.
    confirming: Arc<Mutex<BTreeSet<Ministry>>>,
}

impl Marks {
    /// Learns from the database itself which rows of logs change, so that no verb can forget to tell.
    pub(super) fn follow(&self, connection: &mut Connection) -> Result<(), StoreFault> {
        let touched = Arc::clone(&self.touched);
        connection.update_hook(Some(move |_: Action, _: &str, table: &str, row: i64| {
            if table == "log" {
                lock(&touched).insert(row);
            }
        }))?;
        Ok(())
    }

    pub(super) fn keep(&self, mark: Mark) {
        *lock(&self.mark) = Some(mark);
    }

    /// Vouches for the own logs of a pair from the end of the present transaction on, as they are then: what the
    /// transaction holds may still be lost with it.
    pub(super) fn confirm(&self, peer: &Ministry) {
        lock(&self.confirming).insert(peer.clone());
    }

    /// Notes that a log had so many leaves once.
    pub(super) fn learn(&self, origin: &str, size: u64) -> Result<(), StoreFault> {
        self.change(|mark| mark.learn(origin, size))
    }

    /// Forgets how far these logs went: an operator gives up what is lost of them.
    pub(super) fn renounce(&self, origins: &[String]) -> Result<(), StoreFault> {
        self.change(|mark| {
            let keys = origins.iter().flat_map(|origin| [origin.clone(), format!("{AT_LEAST}{origin}")]);
            let known: Vec<String> = keys.filter(|key| mark.records.contains_key(key)).collect();
            known.iter().try_for_each(|key| mark.write(key, 0))
        })
    }

    fn change(&self, change: impl FnOnce(&mut Mark) -> io::Result<()>) -> Result<(), StoreFault> {
        let mut kept = lock(&self.mark);
        let changed = kept.as_mut().map_or(Ok(()), change);
        changed.or_else(|cause| give_up(&mut kept, &cause))
    }

    /// Notes what the transaction that was just committed has appended to own logs.
    pub(super) fn note(&self, connection: &Connection) -> Result<(), StoreFault> {
        let touched = std::mem::take(&mut *lock(&self.touched));
        let confirming = std::mem::take(&mut *lock(&self.confirming));
        let mut kept = lock(&self.mark);
        let Some(mark) = kept.as_mut() else { return Ok(()) };
        for peer in confirming {
            mark.confirm(&peer);
            for log in own_logs(connection, Some(&peer))? {
                if let Err(cause) = mark.note(&peer, &log.origin, log.size) {
                    return give_up(&mut kept, &cause);
                }
            }
        }
        let sql = "SELECT peer, origin, size FROM log WHERE key = ?1 AND mirror = 0";
        let mut statement = connection.prepare_cached(sql)?;
        for key in touched {
            let found = statement.query_row([key], |row| {
                Ok((columns::ministry(row, 0)?, row.get::<_, String>(1)?, columns::count(row, 2)?))
            });
            if let Some((peer, origin, size)) = found.optional()?
                && let Err(cause) = mark.note(&peer, &origin, size)
            {
                return give_up(&mut kept, &cause);
            }
        }
        Ok(())
    }
}

/// A mark that cannot be written goes away; one that can neither be written nor removed stops the store.
fn give_up(kept: &mut Option<Mark>, cause: &io::Error) -> Result<(), StoreFault> {
    tracing::error!(%cause, "the mark cannot be written: after the next start, nothing is signed before a hello");
    kept.take().map_or(Ok(()), |mark| Ok(mark.abandon()?))
}

fn lock<T>(held: &Mutex<T>) -> MutexGuard<'_, T> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}

/// When the file was made, in nanoseconds: no copy of it has the same.
fn created(file: &File) -> io::Result<u128> {
    let age = file.metadata()?.created()?.duration_since(UNIX_EPOCH);
    age.map(|age| age.as_nanos()).map_err(io::Error::other)
}

fn head(boot: &str, created: u128) -> Vec<u8> {
    let seal = Digest::of_parts(&[MAGIC, boot.as_bytes(), &created.to_be_bytes()]);
    let mut head = [MAGIC.as_slice(), seal.as_bytes()].concat();
    head.resize(RECORD, 0);
    head
}

/// Size, length of the origin, origin, zeros, and a hash over all of them.
fn compose(origin: &str, size: u64) -> Option<Vec<u8>> {
    let length = u16::try_from(origin.len()).ok()?;
    let mut record = [size.to_be_bytes().as_slice(), &length.to_be_bytes(), origin.as_bytes()].concat();
    if record.len() > RECORD - 32 {
        return None;
    }
    record.resize(RECORD - 32, 0);
    let check = Digest::of(&record);
    record.extend_from_slice(check.as_bytes());
    Some(record)
}

fn parse(record: &[u8]) -> Option<(String, u64)> {
    let (size, rest) = record.split_first_chunk()?;
    let (length, rest) = rest.split_first_chunk()?;
    let origin = rest.get(..usize::from(u16::from_be_bytes(*length)))?;
    let origin = std::str::from_utf8(origin).ok()?.to_owned();
    let size = u64::from_be_bytes(*size);
    (compose(&origin, size)? == record).then_some((origin, size))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "mfa.xa.example/chancery/xb/2026";

    fn xb() -> Ministry {
        Ministry::parse("XB").unwrap()
    }

    fn sizes(known: &[(&str, u64)]) -> BTreeMap<String, u64> {
        known.iter().map(|(origin, size)| ((*origin).to_owned(), *size)).collect()
    }

    fn none() -> BTreeMap<String, u64> {
        BTreeMap::new()
    }

    #[test]
    fn what_is_only_a_lower_bound_is_remembered_and_vouches_for_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("mark");
        let mut mark = Mark::begin(&path, "boot", &none(), &sizes(&[(LOG, 5)])).unwrap();
        assert_eq!(Mark::read(&path, "boot"), Some(none()));
        assert_eq!(Mark::remembered(&path), sizes(&[(LOG, 5)]));
        mark.learn(LOG, 4).unwrap();
        mark.learn(LOG, 7).unwrap();
        assert_eq!(Mark::remembered(&path), sizes(&[(LOG, 7)]));
        mark.confirm(&xb());
        mark.note(&xb(), LOG, 6).unwrap();
        assert_eq!(
            Mark::read(&path, "boot"),
            Some(sizes(&[(LOG, 6)])),
            "what was signed since is vouched for"
        );
        assert_eq!(Mark::remembered(&path), sizes(&[(LOG, 7)]), "and more is known to have been signed");
        let marks = Marks::default();
        marks.keep(mark);
        marks.renounce(&[LOG.to_owned()]).unwrap();
        assert_eq!(Mark::remembered(&path), sizes(&[(LOG, 0)]));
    }

    #[test]
    fn a_mark_tells_the_greatest_size_of_every_log_of_a_confirmed_pair() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("mark");
        let mut mark =
            Mark::begin(&path, "boot", &sizes(&[("mfa.xa.example/chancery/xc/2026", 9)]), &none()).unwrap();
        mark.note(&xb(), LOG, 7).unwrap();
        assert_eq!(Mark::read(&path, "boot").unwrap().get(LOG), None, "nobody has confirmed it");
        mark.confirm(&xb());
        for size in [3, 5, 4] {
            mark.note(&xb(), LOG, size).unwrap();
        }
        let expected = sizes(&[(LOG, 5), ("mfa.xa.example/chancery/xc/2026", 9)]);
        assert_eq!(Mark::read(&path, "boot"), Some(expected.clone()));
        let again = Mark::begin(&path, "boot", &expected, &none()).unwrap();
        assert_eq!(Mark::read(&path, "boot"), Some(expected));
        again.abandon().unwrap();
        assert_eq!(Mark::read(&path, "boot"), None);
    }

    #[test]
    fn a_mark_of_another_run_of_the_host_and_a_copy_are_not_believed() {
        let directory = tempfile::tempdir().unwrap();
        let (path, copy) = (directory.path().join("mark"), directory.path().join("copy"));
        let _mark = Mark::begin(&path, "boot", &sizes(&[(LOG, 5)]), &none()).unwrap();
        assert_eq!(Mark::read(&path, "another"), None);
        fs::copy(&path, &copy).unwrap();
        assert_eq!(fs::read(&path).unwrap(), fs::read(&copy).unwrap());
        assert_eq!(Mark::read(&copy, "boot"), None);
        assert!(Mark::read(&path, "boot").is_some());
    }

    #[test]
    fn a_mark_that_is_damaged_anywhere_is_not_believed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("mark");
        let mark = Mark::begin(&path, "boot", &sizes(&[(LOG, 5)]), &none()).unwrap();
        let whole = fs::read(&path).unwrap();
        for at in (0..whole.len()).step_by(7) {
            mark.file.write_all_at(&[whole[at] ^ 1], at as u64).unwrap();
            assert_eq!(Mark::read(&path, "boot"), None, "byte {at}");
            mark.file.write_all_at(&[whole[at]], at as u64).unwrap();
        }
        mark.file.set_len(whole.len() as u64 - 1).unwrap();
        assert_eq!(Mark::read(&path, "boot"), None);
    }
}
