//! The administrative record of a desk: what was done to it, and by whom as a number.
//!
//! Acts enter and are durable before they take effect; entries leave, with the proofs by which the administrative log
//! of the own gateway vouches for them. The record is a file of the home, one entry a line, that only grows. The
//! gateway is told of each entry with the root of the record up to there, as soon as it can be asked: from then on
//! nobody at the desk alone can take an entry out or change one unseen. What must never happen: an act without an entry
//! before it, and a person in an entry.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use data_encoding::BASE64;

use crate::desk::Desk;
use crate::desk::accreditation::Trust;
use crate::desk::config::Config;
use crate::desk::error::DeskError;
use crate::desk::mailbox::Mailbox;
use crate::desk::receipts::require_known;
use crate::digest::Digest;
use crate::keys::home::backup::RESTORED_NOTE;
use crate::message::administration::{Actor, AdministrativeAct, AdministrativeLeaf, AdministrativeVerb};
use crate::message::refusal::{Reason, Refusal};
use crate::time::Timestamp;
use crate::tlog::checkpoint::Checkpoint;
use crate::tlog::merkle::{Tree, leaf_hash};
use crate::tlog::tlog_proof::TlogProof;

/// The record, and what the gateway said to each of its entries.
const RECORD: &str = "administration.log";
const PROOFS: &str = "administration.proofs";

/// What the settings of a desk are read from.
const SETTINGS: [&str; 2] = [Config::FILE, "service.toml"];

/// One entry of the record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Exact bytes, as they are hashed.
    pub bytes: Vec<u8>,
    /// What they say.
    pub leaf: AdministrativeLeaf,
    /// Root of the record up to and with this entry.
    pub root: Digest,
}

/// What the gateway said to an entry, not verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vouched {
    /// The gateway's own leaf about it.
    pub leaf: Vec<u8>,
    /// That the gateway's administrative log holds the leaf.
    pub proof: TlogProof,
}

impl Vouched {
    /// The gateway's log, as the proof names it.
    pub fn origin(&self) -> &str {
        self.proof.checkpoint.text().lines().next().unwrap_or_default()
    }

    fn parse(line: &str) -> Option<Self> {
        let (leaf, proof) = line.split_once(' ')?;
        let leaf = BASE64.decode(leaf.as_bytes()).ok()?;
        let proof = String::from_utf8(BASE64.decode(proof.as_bytes()).ok()?).ok()?;
        Some(Self { leaf, proof: TlogProof::parse(&proof).ok()? })
    }

    fn line(&self) -> String {
        format!("{} {}\n", BASE64.encode(&self.leaf), BASE64.encode(self.proof.to_string().as_bytes()))
    }
}

/// The user who runs this process, by number.
pub fn user() -> Actor {
    Actor::User(rustix::process::getuid().as_raw())
}

/// An act of whoever runs this process.
pub fn act(verb: AdministrativeVerb) -> AdministrativeAct {
    AdministrativeAct::new(verb, user())
}

/// What stands for a key, an office or a client in an entry: the digest of its place in the home, such as
/// `keys/offices/legal-01` or `clients/casework`. Whoever knows the place finds it again.
pub fn place(stem: &str) -> Digest {
    Digest::of(stem.as_bytes())
}

/// The record of the desk in one home.
#[derive(Debug, Clone)]
pub struct Record {
    home: PathBuf,
}

impl Record {
    /// That of the desk in this home.
    pub fn of(home: &Path) -> Self {
        Self { home: home.to_owned() }
    }

    /// Where it is.
    pub fn path(&self) -> PathBuf {
        self.home.join(RECORD)
    }

    /// Writes an act that is about to be done, durable on return.
    pub fn write(&self, act: AdministrativeAct, now: Timestamp) -> Result<(), DeskError> {
        self.append(Some(act), now)
    }

    /// Writes what happened and nobody said: that the record begins, that the home came out of a backup, that the
    /// settings are other ones than the last entry about them knows.
    pub fn notice(&self, now: Timestamp) -> Result<(), DeskError> {
        self.append(None, now)
    }

    /// All entries, oldest first.
    pub fn entries(&self) -> Result<Vec<Entry>, DeskError> {
        let text = match fs::read_to_string(self.path()) {
            Err(cause) if cause.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            text => text.map_err(DeskError::file(&self.path()))?,
        };
        self.parse(whole_lines(&text))
    }

    /// What the gateway has said to the first entries, in their order.
    pub fn vouched(&self) -> Result<Vec<Vouched>, DeskError> {
        let path = self.home.join(PROOFS);
        let text = match fs::read_to_string(&path) {
            Err(cause) if cause.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            text => text.map_err(DeskError::file(&path))?,
        };
        let parse = |(number, line)| {
            Vouched::parse(line).ok_or(DeskError::RecordDamaged { file: PROOFS, line: number })
        };
        (1..).zip(whole_lines(&text).lines()).map(parse).collect()
    }

    fn append(&self, act: Option<AdministrativeAct>, now: Timestamp) -> Result<(), DeskError> {
        let (path, note) = (self.path(), self.home.join(RESTORED_NOTE));
        let failed = || DeskError::file(&path);
        let open =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
        let mut file = open.map_err(failed())?;
        file.lock().map_err(failed())?;
        let text = read_whole(&mut file).map_err(failed())?;
        let settings = self.settings()?;
        let was_restored = note.exists();
        let mut acts = Vec::new();
        let user = |verb| AdministrativeAct::new(verb, user());
        let entries = self.parse(&text)?;
        if entries.is_empty() && act.as_ref().is_none_or(|act| act.verb != AdministrativeVerb::Opened) {
            acts.push(user(AdministrativeVerb::Opened).concerning(settings));
        }
        if was_restored {
            acts.push(user(AdministrativeVerb::Restored));
        }
        let told = entries.iter().rev().map(|entry| &entry.leaf.act).find(|act| tells_settings(act));
        if told.is_some_and(|told| told.concerns != Some(settings)) {
            acts.push(user(AdministrativeVerb::SettingsChanged).concerning(settings));
        }
        acts.extend(act.map(|act| match act.verb {
            AdministrativeVerb::Opened => act.concerning(settings),
            _ => act,
        }));
        if acts.is_empty() {
            return Ok(());
        }
        let line = |act| format!("{}\n", BASE64.encode(&AdministrativeLeaf { act, time: now }.bytes()));
        let lines: String = acts.into_iter().map(line).collect();
        file.write_all(lines.as_bytes()).and_then(|()| file.sync_all()).map_err(failed())?;
        if entries.is_empty() {
            File::open(&self.home).and_then(|home| home.sync_all()).map_err(DeskError::file(&self.home))?;
        }
        if was_restored {
            fs::remove_file(&note).map_err(DeskError::file(&note))?;
        }
        Ok(())
    }

    fn parse(&self, text: &str) -> Result<Vec<Entry>, DeskError> {
        let mut tree = Tree::new();
        let mut entry = |(number, line): (usize, &str)| {
            let damaged = || DeskError::RecordDamaged { file: RECORD, line: number };
            let bytes = BASE64.decode(line.as_bytes()).map_err(|_| damaged())?;
            let leaf = AdministrativeLeaf::parse(&bytes).map_err(|_| damaged())?;
            tree.push(leaf_hash(&bytes));
            Ok(Entry { bytes, leaf, root: tree.root() })
        };
        (1..).zip(text.lines()).map(&mut entry).collect()
    }

    /// Digest of the digests of the files that hold the settings; one that is missing counts as empty.
    fn settings(&self) -> Result<Digest, DeskError> {
        let mut digests = Vec::new();
        for name in SETTINGS {
            let path = self.home.join(name);
            let bytes = match fs::read(&path) {
                Err(cause) if cause.kind() == ErrorKind::NotFound => Vec::new(),
                bytes => bytes.map_err(DeskError::file(&path))?,
            };
            digests.extend_from_slice(Digest::of(&bytes).as_bytes());
        }
        Ok(Digest::of(&digests))
    }
}

/// Whether an act names the settings as they were then.
fn tells_settings(act: &AdministrativeAct) -> bool {
    matches!(act.verb, AdministrativeVerb::Opened | AdministrativeVerb::SettingsChanged)
}

/// The text without a last line that was cut: it never became durable, and its act never began.
fn whole_lines(text: &str) -> &str {
    text.rfind('\n').and_then(|end| text.get(..=end)).unwrap_or_default()
}

/// Reads the whole lines of a file, takes off the rest and stands at the end.
fn read_whole(file: &mut File) -> std::io::Result<String> {
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    let length = whole_lines(&text).len();
    if length < text.len() {
        text.truncate(length);
        file.set_len(length as u64)?;
    }
    file.seek(SeekFrom::End(0))?;
    Ok(text)
}

impl Desk {
    /// The administrative record of this desk.
    pub fn record(&self) -> Record {
        Record::of(&self.config.home)
    }

    /// Writes an act of whoever runs this process into the record: before it is done.
    pub(super) fn note_act(&self, act: AdministrativeAct) -> Result<(), DeskError> {
        self.record().write(act, self.clock.now())
    }

    /// Tells the own gateway of entries that it does not know yet, and keeps what it proves of each. Answers how many
    /// it was told. One that is told and whose answer is lost is told again, and stands in the gateway's log twice.
    pub async fn tell_acts(&self, trust: &Trust, mailbox: &mut Mailbox) -> Result<usize, DeskError> {
        let record = self.record();
        record.notice(self.clock.now())?;
        let path = self.config.home.join(PROOFS);
        let failed = || DeskError::file(&path);
        let open =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
        let mut file = open.map_err(failed())?;
        match file.try_lock() {
            Ok(()) => {}
            // Another process tells the same.
            Err(fs::TryLockError::WouldBlock) => return Ok(0),
            Err(fs::TryLockError::Error(cause)) => return Err(failed()(cause)),
        }
        let known = read_whole(&mut file).map_err(failed())?.lines().count();
        let entries = record.entries()?;
        if known > entries.len() {
            return Err(DeskError::RecordCut { held: entries.len(), known });
        }
        let mut told = 0_usize;
        for entry in entries.iter().skip(known) {
            let (leaf, proof) = mailbox.record_act(&entry.bytes, &entry.root).await?;
            let proof = TlogProof::parse(&proof).map_err(|cause| unproven(&cause.to_string()))?;
            let vouched = Vouched { leaf, proof };
            // Kept before it is judged: one that is not believed now, such as under a log key that the own bundle does
            // not name yet, must not be told again with every look. `log verify` judges it again.
            file.write_all(vouched.line().as_bytes()).and_then(|()| file.sync_all()).map_err(failed())?;
            self.believe_vouched(trust, entry, &vouched)?;
            told = told.saturating_add(1);
        }
        Ok(told)
    }

    /// Whether the gateway's leaf is about this entry and all before it, and its administrative log holds the leaf.
    pub fn believe_vouched(&self, trust: &Trust, entry: &Entry, vouched: &Vouched) -> Result<(), DeskError> {
        let leaf = AdministrativeLeaf::parse(&vouched.leaf)?;
        let expected =
            AdministrativeAct { who: Actor::Desk, concerns: Some(entry.root), ..entry.leaf.act.clone() };
        if leaf.act != expected {
            return Err(unproven("the gateway wrote another act than it was told"));
        }
        let claimed = Checkpoint::parse(vouched.proof.checkpoint.text())
            .map_err(|cause| unproven(&cause.to_string()))?;
        if self.config.domain.administration_year(claimed.origin.as_str()).is_none() {
            return Err(unproven("the proof is of another log than the gateway's administrative one"));
        }
        let keys = trust.log_keys(&self.config.ministry)?;
        require_known(trust, &vouched.proof.checkpoint, &claimed.origin, &keys)?;
        match keys.iter().any(|key| vouched.proof.verify(&vouched.leaf, &claimed.origin, key).is_ok()) {
            true => Ok(()),
            false => Err(unproven("no log key of the own gateway proves the entry")),
        }
    }
}

fn unproven(detail: &str) -> DeskError {
    Refusal::new(Reason::ProofInvalid, detail).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_795_345_200);

    fn home() -> (tempfile::TempDir, Record) {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join("desk.toml"), "one").unwrap();
        let record = Record::of(home.path());
        (home, record)
    }

    fn verbs(record: &Record) -> Vec<&'static str> {
        record.entries().unwrap().iter().map(|entry| entry.leaf.act.verb.word()).collect()
    }

    #[test]
    fn a_record_begins_by_itself_and_keeps_what_was_done_with_who_and_when() {
        let (home, record) = home();
        assert_eq!(record.entries().unwrap(), []);
        let office = act(AdministrativeVerb::OfficeAdded).concerning(place("keys/offices/legal-02"));
        record.write(office, NOW).unwrap();
        assert_eq!(verbs(&record), ["OPENED", "OFFICE_ADDED"]);
        let entries = record.entries().unwrap();
        assert_eq!(entries[1].leaf.act.who, user());
        assert_eq!(entries[1].leaf.time, NOW);
        assert_eq!(entries[1].leaf.act.concerns, Some(place("keys/offices/legal-02")));
        assert_ne!(entries[0].root, entries[1].root);
        let text = fs::read_to_string(home.path().join(RECORD)).unwrap();
        assert!(!text.contains("legal"), "an entry names nobody");
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(record.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_founded_desk_begins_its_record_with_that_alone() {
        let (_home, record) = home();
        record.write(act(AdministrativeVerb::Opened).because("FOUNDED"), NOW).unwrap();
        record.notice(NOW).unwrap();
        assert_eq!(verbs(&record), ["OPENED"]);
    }

    #[test]
    fn settings_that_somebody_changed_by_hand_are_noticed_once() {
        let (home, record) = home();
        record.notice(NOW).unwrap();
        fs::write(home.path().join("desk.toml"), "two").unwrap();
        record.notice(NOW).unwrap();
        record.notice(NOW).unwrap();
        assert_eq!(verbs(&record), ["OPENED", "SETTINGS_CHANGED"]);
        fs::write(home.path().join("service.toml"), "listen").unwrap();
        record.write(act(AdministrativeVerb::Started), NOW).unwrap();
        assert_eq!(verbs(&record)[2..], ["SETTINGS_CHANGED", "STARTED"]);
    }

    #[test]
    fn a_restored_home_says_so_before_anything_else_and_once() {
        let (home, record) = home();
        record.notice(NOW).unwrap();
        fs::create_dir(home.path().join("run")).unwrap();
        fs::write(home.path().join(RESTORED_NOTE), "then").unwrap();
        record.write(act(AdministrativeVerb::BackupMade), NOW).unwrap();
        record.notice(NOW).unwrap();
        assert_eq!(verbs(&record), ["OPENED", "RESTORED", "BACKUP_MADE"]);
    }

    #[test]
    fn an_entry_that_was_cut_by_a_crash_is_no_entry_and_the_next_one_stands_in_its_place() {
        let (home, record) = home();
        record.notice(NOW).unwrap();
        let path = home.path().join(RECORD);
        let whole = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("{whole}{}", &whole[..whole.len() / 2])).unwrap();
        assert_eq!(verbs(&record), ["OPENED"]);
        record.write(act(AdministrativeVerb::KeyRevealed), NOW).unwrap();
        assert_eq!(verbs(&record), ["OPENED", "KEY_REVEALED"]);
    }

    #[test]
    fn an_entry_that_was_altered_is_told_by_its_line_and_another_root() {
        let (home, record) = home();
        record.write(act(AdministrativeVerb::KeyRevealed), NOW).unwrap();
        let root = record.entries().unwrap()[1].root;
        let path = home.path().join(RECORD);
        let lines: Vec<String> = fs::read_to_string(&path).unwrap().lines().map(str::to_owned).collect();
        // Taken out: what is left reads well, and nothing has the root that the gateway was told.
        fs::write(&path, format!("{}\n", lines[1])).unwrap();
        assert_ne!(record.entries().unwrap()[0].root, root);
        fs::write(&path, format!("{}\nA{}\n", lines[0], &lines[1][1..])).unwrap();
        assert!(matches!(record.entries(), Err(DeskError::RecordDamaged { line: 2, .. })));
    }
}
