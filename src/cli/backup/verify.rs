//! `backup verify`: everything in a backup is read, hashed and looked into, and nothing of it stays.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::locks::{Keys, open, unopened};
use super::{lines, report};
use crate::cli::context::Context;
use crate::cli::error::{CliError, Kind};
use crate::cli::report::Done;
use crate::cli::shell_word;
use crate::keys::home::backup::{BackupError, examine_database, lay, read};
use crate::keys::home::enrolment::HomeKind;
use crate::keys::home::gateway::GatewayHome;
use crate::keys::home::passing::{self, Passing};

/// Read a whole backup: its seal, every digest, its databases, and of a gateway every signature and proof
///
/// Says what it is of and how old it is. It needs room for what is in it, in a closed folder below --work, which is
/// removed again (where this one is killed, by the next there); keys are hashed and never written. Ends with 3 where
/// anything is damaged.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    chancery backup verify xa-gateway.backup --identity recovery.key\n  \
    chancery backup verify xa-desk.backup --passphrase-file FILE\n  \
    chancery --home xa/desk backup verify xa-gateway.backup            # by the desk's reading key")]
pub(super) struct Verify {
    /// The backup
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// File with the key of a recipient, as age-keygen writes it or as a desk keeps it; otherwise a passphrase opens it
    #[arg(long, value_name = "FILE")]
    identity: Option<PathBuf>,

    /// Folder with room for what is in it [default: that of temporary files]
    #[arg(long, value_name = "DIR")]
    work: Option<PathBuf>,
}

impl Verify {
    pub(super) async fn run(self, context: &Context) -> Result<(), CliError> {
        let source = open(&self.file)?;
        let keys = Keys::of(context, self.identity.as_deref(), context.named_home())?;
        let work = self.work.clone().unwrap_or_else(std::env::temp_dir);
        for left in passing::sweep(&work, WORK) {
            let left = left.display();
            context.output.note(&format!("removed {left}: whoever verified a backup in it was killed"));
        }
        let folder = Passing::make(&work, WORK)
            .map_err(|error| CliError::failed("work", "no folder to work in").because(&error))?;
        let looked = read(source, &keys.openers(), &mut |path, _, bytes| look(folder.path(), path, bytes));
        let manifest =
            looked.map_err(|error| unopened(context, &self.file, self.identity.as_deref(), error.into()))?;
        for database in &manifest.about.databases {
            examine_database(folder.path(), &database.path)?;
        }
        let examined = match manifest.about.kind {
            HomeKind::Gateway => Some(examined(folder.path()).await?),
            HomeKind::Desk => None,
        };
        let mut told = report(&manifest);
        if let Some(told) = told.as_object_mut() {
            told.insert("schema".to_owned(), json!("chancery.backup-verified/1"));
            told.insert("examined".to_owned(), json!(examined));
        }
        let mut done = Done::new(told);
        for line in lines(&manifest, context.clock.now()) {
            done = done.says(line);
        }
        let shown = shell_word(&self.file.to_string_lossy());
        let desks = match manifest.about.kind {
            HomeKind::Gateway => " --desk-list ROOT/desk-access.crl",
            HomeKind::Desk => "",
        };
        let identity =
            self.identity.as_ref().map(|path| format!(" --identity {}", shell_word(&path.to_string_lossy())));
        let identity = identity.unwrap_or_default();
        done.says("seal, digests and databases are in order".to_owned())
            .next(format!("chancery --home EMPTY backup restore {shown}{identity}{desks}"))
            .tell(context)
    }
}

/// How the folder is called in which a backup is looked into.
const WORK: &str = ".chancery-verify-";

/// Writes what is looked into. Everything else is hashed only, so that no secret of whatever name lies anywhere.
fn look(root: &Path, path: &str, bytes: &mut dyn Read) -> Result<(), BackupError> {
    if is_looked_into(path) { lay(root, path, bytes) } else { Ok(()) }
}

/// Databases, and of a gateway what its examination reads.
fn is_looked_into(path: &str) -> bool {
    let of_gateway =
        path == GatewayHome::CONFIG || ["data/", "trust/"].iter().any(|folder| path.starts_with(folder));
    !path.ends_with(".key") && (path.ends_with(".db") || of_gateway)
}

/// Lets the daemon's examination read everything; the command line itself never opens a gateway's store.
async fn examined(home: &Path) -> Result<Value, CliError> {
    let failed =
        |error: &io::Error| CliError::failed("fsck", "the copy could not be examined").because(error);
    let executable = std::env::current_exe().map_err(|error| failed(&error))?;
    let mut command = tokio::process::Command::new(executable);
    command.args(["gateway-fsck", "--json", "--home"]).arg(home).kill_on_drop(true);
    let output = command.output().await.map_err(|error| failed(&error))?;
    let found: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    if found.get("clean").and_then(Value::as_bool) == Some(true) {
        return Ok(found);
    }
    let damages = found.get("damages").and_then(Value::as_array).into_iter().flatten();
    let mut error = CliError::new(Kind::Verification, "backup-damaged", "what the backup holds is damaged");
    for damage in damages.take(8) {
        error = error.cause(damage.get("detail").and_then(Value::as_str).unwrap_or_default());
    }
    if let Some(message) = found.get("message").and_then(Value::as_str) {
        error = error.cause(message);
    }
    Err(error.reason("BACKUP_DAMAGED"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_secret_is_written_while_a_backup_is_verified() {
        let folder = tempfile::tempdir().unwrap();
        let secret = [
            "keys/log.key",
            "keys/log.key.next",
            "keys/retired/reading-1.age",
            "keys/reading.age",
            "clients/authority.key",
            "service.key",
            "service.key.next",
            "desk.toml",
            "deposits/1",
            "trust/some.key",
        ];
        for path in secret {
            look(folder.path(), path, &mut b"secret".as_slice()).unwrap();
            assert!(!folder.path().join(path).exists(), "{path}");
        }
        for path in ["data/gateway.db", "data/parts/aa/aabb", "register.db", "gateway.toml", "trust/root.pem"]
        {
            look(folder.path(), path, &mut b"looked into".as_slice()).unwrap();
            assert!(folder.path().join(path).is_file(), "{path}");
        }
    }
}
