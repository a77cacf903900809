//! `backup list`: which backups lie in a place, and with a key what each is of.
//!
//! Without a key only what anybody sees who has the file is told: its length, when it was written, to how many it is
//! sealed. With one, every backup is read to its end, because what it says of itself stands there and counts only when all
//! before it agrees.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde_json::{Value, json};

use super::locks::{Keys, open};
use super::{kind_word, report};
use crate::cli::context::Context;
use crate::cli::error::{CliError, Kind};
use crate::cli::output::Mark;
use crate::cli::passphrase::Origin;
use crate::cli::paths;
use crate::cli::shell_word;
use crate::cli::table::Table;
use crate::keys::home::backup::{BackupError, Manifest, read};
use crate::message::seal::{OpenError, SealedFor, sealed_for};
use crate::time::Timestamp;

/// List backups: a file, or every one in a folder
///
/// Without a key: length, when the file was written, and to how many recipients it is sealed, or that a passphrase
/// opens it. With --identity or --open each is read as a whole, and told with what it is of, when it was made and how far
/// its logs had come. It is not looked into: `backup verify` does that.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    chancery backup list /srv/backups\n  \
    chancery backup list /srv/backups --identity recovery.key --json\n  \
    chancery backup list xa-desk.backup --open --passphrase-file FILE")]
pub(super) struct List {
    /// A backup, or a folder with some
    #[arg(value_name = "FILE|DIR")]
    place: PathBuf,

    /// File with the key of a recipient, which opens them
    #[arg(long, value_name = "FILE", conflicts_with = "open")]
    identity: Option<PathBuf>,

    /// Open them with a passphrase, or in the home of a desk with its reading key
    #[arg(long)]
    open: bool,
}

/// What is known of one file.
struct Found {
    path: PathBuf,
    bytes: u64,
    written: Option<Timestamp>,
    sealed: SealedFor,
    /// What it says of itself, where a key was given.
    opened: Option<Result<Manifest, BackupError>>,
}

impl List {
    pub(super) async fn run(self, context: &Context) -> Result<(), CliError> {
        let mut found = self.found()?;
        if !self.open && self.identity.is_none() && context.passphrase.origin() == Origin::File {
            let unused =
                "no passphrase is read without --open: what follows is what anybody sees who has the files";
            context.output.step(Mark::Warning, unused);
        }
        if (self.open || self.identity.is_some()) && !found.is_empty() {
            let keys = Keys::of(context, self.identity.as_deref(), context.named_home())?;
            for one in &mut found {
                let source = open(&one.path)?;
                one.opened = Some(read(source, &keys.openers(), &mut |_, _, _| Ok(())));
            }
        }
        let mut table = Table::new(["FILE", "WRITTEN", "BYTES", "SEALED", "OF", "MADE", "LOGS"]);
        for one in &found {
            let [of, made, logs] = one.contents();
            let written = one.written.map_or_else(|| "-".to_owned(), |time| time.to_string());
            let name = one.path.file_name().map(|name| name.to_string_lossy().into_owned());
            table.row([
                &name.unwrap_or_default(),
                &written,
                &one.bytes.to_string(),
                &sealed(one.sealed),
                &of,
                &made,
                &logs,
            ]);
        }
        let reports: Vec<Value> = found.iter().map(Found::report).collect();
        context.output.list(&reports, &table, "there is no backup here: chancery backup create --help")?;
        let damaged = found.iter().filter(|one| one.is_damaged()).count();
        if damaged > 0 {
            let message = format!("{damaged} of these backups cannot be believed");
            let worst = found.iter().find(|one| one.is_damaged());
            let path = worst.map(|one| shell_word(&one.path.to_string_lossy())).unwrap_or_default();
            let error = CliError::new(Kind::Verification, "backup-damaged", message).reason("BACKUP_DAMAGED");
            return Err(error.hint(format!("chancery backup verify {path}")));
        }
        Ok(())
    }

    /// The files that are sealed, by name. A file that was named must be one.
    fn found(&self) -> Result<Vec<Found>, CliError> {
        if !self.place.is_dir() {
            let one = Found::at(&self.place)?;
            let none = || {
                let message = format!("{} is no backup: it is not an age file", self.place.display());
                CliError::new(Kind::Verification, "backup-damaged", message).reason("BACKUP_DAMAGED")
            };
            return Ok(vec![one.ok_or_else(none)?]);
        }
        let unreadable = |error: &std::io::Error| paths::unreadable(&self.place, error);
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.place).map_err(|error| unreadable(&error))? {
            let path = entry.map_err(|error| unreadable(&error))?.path();
            // Whatever else lies there is none of ours.
            if path.is_file()
                && let Ok(Some(one)) = Found::at(&path)
            {
                found.push(one);
            }
        }
        found.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(found)
    }
}

impl Found {
    /// What anybody sees of a file; none where it is no age file.
    fn at(path: &Path) -> Result<Option<Self>, CliError> {
        let file: File = open(path)?;
        let about = file.metadata().ok();
        let written = about.as_ref().and_then(|about| about.modified().ok());
        let written = written.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let seconds = written.and_then(|since| i64::try_from(since.as_secs()).ok());
        let sealed = sealed_for(file).ok();
        Ok(sealed.map(|sealed| Self {
            path: path.to_owned(),
            bytes: about.map_or(0, |about| about.len()),
            written: seconds.map(Timestamp::from_seconds),
            sealed,
            opened: None,
        }))
    }

    /// Whether it was opened and is not what it says.
    fn is_damaged(&self) -> bool {
        let is_locked = |error: &BackupError| matches!(error, BackupError::Open(OpenError::NotForUs));
        matches!(&self.opened, Some(Err(error)) if !is_locked(error))
    }

    /// Of what it is, when it was made, and how far its own logs had come.
    fn contents(&self) -> [String; 3] {
        match &self.opened {
            None => ["-"; 3].map(str::to_owned),
            Some(Err(error)) => {
                let why = match (error, self.sealed) {
                    (BackupError::Open(OpenError::NotForUs), SealedFor::Passphrase) => {
                        "another passphrase opens it".to_owned()
                    }
                    (BackupError::Open(OpenError::NotForUs), SealedFor::Recipients(_)) => {
                        "another key opens it".to_owned()
                    }
                    (error, _) => error.to_string(),
                };
                [why, "-".to_owned(), "-".to_owned()]
            }
            Some(Ok(Manifest { about, .. })) => {
                let own = about.logs.iter().filter(|log| !log.mirror);
                let sizes: Vec<String> =
                    own.map(|log| format!("{} {}", short(&log.origin), log.size)).collect();
                let logs = if sizes.is_empty() { "-".to_owned() } else { sizes.join(", ") };
                [format!("{} of {}", kind_word(about.kind), about.ministry), about.time.clone(), logs]
            }
        }
    }

    fn report(&self) -> Value {
        let (kind, count) = match self.sealed {
            SealedFor::Passphrase => ("passphrase", None),
            SealedFor::Recipients(count) => ("recipients", Some(count)),
        };
        json!({
            "schema": "chancery.backup-listed/1",
            "file": self.path,
            "bytes": self.bytes,
            "written": self.written.map(|time| time.to_string()),
            "sealed": kind,
            "recipients": count,
            "backup": self.opened.as_ref().and_then(|opened| opened.as_ref().ok()).map(report),
            "refused": self.opened.as_ref().and_then(|opened| opened.as_ref().err()).map(|error| json!({
                "reason": error.reason(),
                "message": error.to_string(),
            })),
        })
    }
}

fn sealed(sealed: SealedFor) -> String {
    match sealed {
        SealedFor::Passphrase => "passphrase".to_owned(),
        SealedFor::Recipients(1) => "1 recipient".to_owned(),
        SealedFor::Recipients(count) => format!("{count} recipients"),
    }
}

/// The last two words of an origin, which tell the logs of one gateway apart.
fn short(origin: &str) -> String {
    let mut words: Vec<&str> = origin.rsplit('/').take(2).collect();
    words.reverse();
    words.join("/")
}
