//! To whom a backup is sealed, and with what it is opened.

use std::fs;
use std::path::{Path, PathBuf};

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::passphrase::Origin;
use crate::cli::paths;
use crate::cli::typed_without;
use crate::keys::home::backup::Lock;
use crate::keys::home::desk::DeskHome;
use crate::keys::{self, open_identity, open_reading_key};
use crate::message::seal::{Opener, PassphraseKey, ReadingKey, Recipient, SealedFor, sealed_for};

/// What a new backup is sealed with.
#[derive(Debug)]
pub(super) enum Sealed {
    Passphrase(keys::Passphrase),
    Recipients(Vec<Recipient>),
}

impl Sealed {
    /// The recipients that were named, or a passphrase.
    pub(super) fn of(context: &Context, to: &[String], home: &Path) -> Result<Self, CliError> {
        if to.is_empty() {
            return Ok(Self::Passphrase(context.passphrase.new_one("this backup")?.for_keys()?));
        }
        let mut recipients = Vec::new();
        for text in to {
            recipients.push(recipient(text)?);
        }
        let own = fs::read_to_string(DeskHome::at(home).reading_recipient()).ok();
        let own = own.and_then(|text| Recipient::parse(text.trim()).ok());
        if own.is_some_and(|own| recipients.iter().all(|recipient| *recipient == own)) {
            let message =
                "the only key that opens this backup would be in it: name another recipient too, or none";
            let error = CliError::usage("backup-own-key", message).reason("BACKUP_OWN_KEY");
            return Err(error.cause(WITHOUT_TO));
        }
        Ok(Self::Recipients(recipients))
    }

    /// With what a backup is sealed, in a word and in a sentence.
    pub(super) fn told(&self, from: Origin) -> (&'static str, String) {
        match (self, from) {
            (Self::Recipients(recipients), _) => {
                let count = recipients.len();
                (
                    "recipients",
                    format!("sealed to {count} {}", if count == 1 { "recipient" } else { "recipients" }),
                )
            }
            (Self::Passphrase(_), Origin::File) => {
                ("passphrase-file", "sealed under the passphrase of --passphrase-file".to_owned())
            }
            (Self::Passphrase(_), Origin::Credentials) => {
                ("credentials", "sealed under the passphrase of $CREDENTIALS_DIRECTORY".to_owned())
            }
            (Self::Passphrase(_), Origin::Typed) => {
                ("typed", "sealed under the passphrase that was typed".to_owned())
            }
        }
    }

    /// The same as it is borrowed.
    pub(super) fn lock(&self) -> Lock<'_> {
        match self {
            Self::Passphrase(passphrase) => Lock::Passphrase(passphrase),
            Self::Recipients(recipients) => Lock::Recipients(recipients),
        }
    }
}

/// What is told of recipients that cannot be used.
const WITHOUT_TO: &str = "`age-keygen -pq -o recovery.key` of age 1.3 or later makes a recipient; without --to the \
    backup is sealed under a passphrase, and no other program is needed";

/// A recipient, or a file that holds one.
fn recipient(text: &str) -> Result<Recipient, CliError> {
    let held = match text.starts_with("age1") {
        true => text.to_owned(),
        false => fs::read_to_string(text).map_err(|error| {
            CliError::usage(
                "recipient",
                format!("{text} is neither a recipient (age1pq1...) nor a file with one"),
            )
            .because(&error)
            .cause(WITHOUT_TO)
        })?,
    };
    let parsed = Recipient::parse(held.trim()).map_err(|error| {
        CliError::usage("recipient", "this is no recipient of age").because(&error).cause(WITHOUT_TO)
    })?;
    if !parsed.is_post_quantum() {
        let message = "a backup is sealed to post-quantum recipients only (age1pq1...), as messages are";
        let error = CliError::usage("recipient", message).reason("SEAL_CLASSICAL_RECIPIENT");
        return Err(error.cause(WITHOUT_TO));
    }
    Ok(parsed)
}

/// What opens a backup.
#[derive(Debug)]
pub(super) struct Keys {
    passphrase: Option<PassphraseKey>,
    reading: Option<ReadingKey>,
}

impl Keys {
    /// The identity that was named; otherwise a passphrase, and with it the reading key of a desk.
    pub(super) fn of(
        context: &Context,
        identity: Option<&Path>,
        desk: Option<PathBuf>,
    ) -> Result<Self, CliError> {
        if let Some(path) = identity {
            let asked = || -> Result<keys::Passphrase, CliError> {
                context.passphrase.existing(&path.display().to_string())?.for_keys()
            };
            return Ok(Self { passphrase: None, reading: Some(open_identity(path, asked)?) });
        }
        let words = context.passphrase.existing("the backup")?;
        let reading = desk.map(|home| DeskHome::at(&home).reading_key()).filter(|path| path.is_file());
        let reading = match reading {
            Some(path) => open_reading_key(&path, &words.for_keys()?).ok(),
            None => None,
        };
        Ok(Self { passphrase: Some(PassphraseKey::new(words.expose())), reading })
    }

    pub(super) fn openers(&self) -> Vec<&dyn Opener> {
        let passphrase = self.passphrase.iter().map(|key| key as &dyn Opener);
        passphrase.chain(self.reading.iter().map(|key| key as &dyn Opener)).collect()
    }
}

/// What does not open a backup, and what would: the file itself tells to whom it is sealed.
pub(super) fn unopened(context: &Context, path: &Path, identity: Option<&Path>, error: CliError) -> CliError {
    if error.code() != "backup-locked" {
        return error;
    }
    let sealed = fs::File::open(path).ok().and_then(|file| sealed_for(file).ok());
    let (message, option) = match (sealed, identity) {
        (Some(SealedFor::Passphrase), None) => {
            ("the passphrase does not open this backup", "--passphrase-file")
        }
        (Some(SealedFor::Passphrase), Some(_)) => {
            ("this backup opens by a passphrase, by no key", "--passphrase-file")
        }
        (_, None) => ("this backup is sealed to recipients: the key of one of them opens it", "--identity"),
        (_, Some(_)) => ("this key does not open this backup: that of another recipient does", "--identity"),
    };
    let typed =
        [option, "--identity"].iter().fold(context.typed.clone(), |typed, one| typed_without(&typed, one));
    let said = CliError::new(error.kind(), "backup-locked", message).hint(format!("{typed} {option} FILE"));
    match error.reason_code() {
        Some(reason) => said.reason(reason.to_owned()),
        None => said,
    }
}

/// The file of a backup.
pub(super) fn open(path: &Path) -> Result<fs::File, CliError> {
    fs::File::open(path).map_err(|error| paths::unreadable(path, &error))
}
