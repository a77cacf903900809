//! `backup restore`: a backup becomes a home, where none is.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::locks::{Keys, open, unopened};
use super::{lines, report};
use crate::cli::context::Context;
use crate::cli::desk_session;
use crate::cli::error::CliError;
use crate::cli::report::{Done, require_vacant};
use crate::cli::shell_word;
use crate::desk::administration::Record;
use crate::keys::home::backup::restore;
use crate::keys::home::enrolment::HomeKind;
use crate::trust::name::Ministry;

/// Restore a backup as the home that --home names, which must be missing or empty
///
/// It appears whole and durable, or not at all. What came after the backup is not in it: a restored gateway signs
/// nothing for a peer before that peer has told how far its log had come, takes lost log entries and messages back from
/// it, and the rest from its desk; a restored desk finds its place at its gateway with the next fetch. Never run both the
/// old home and a restored one.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    chancery --home /var/lib/chancery backup restore xa-gateway.backup --identity recovery.key --ministry XA\n  \
    chancery --home xa/desk backup restore xa-desk.backup")]
pub(super) struct Restore {
    /// The backup
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// File with the key of a recipient; otherwise a passphrase opens it
    #[arg(long, value_name = "FILE")]
    identity: Option<PathBuf>,

    /// Refuse a backup of any other ministry
    #[arg(long, value_name = "CODE", value_parser = Ministry::parse)]
    ministry: Option<Ministry>,
}

impl Restore {
    pub(super) async fn run(self, context: &Context) -> Result<(), CliError> {
        let Some(home) = context.named_home() else {
            let message = "say where it is to be restored: a folder that is missing or empty";
            return Err(CliError::usage("no-home", message).hint(format!("{} --home EMPTY", context.typed)));
        };
        require_vacant(&home)?;
        let source = open(&self.file)?;
        let keys = Keys::of(context, self.identity.as_deref(), None)?;
        let expected = self.ministry.as_ref().map(Ministry::as_str);
        let restored = restore(source, &keys.openers(), &home, expected);
        let manifest = restored.map_err(|error| self.unrestored(context, error.into()))?;
        if manifest.about.kind == HomeKind::Desk {
            // The note that restoring has left says it too, where this is cut short.
            let noticed = Record::of(&home).notice(context.clock.now());
            noticed.map_err(|error| desk_session::failure(context, error))?;
        }
        let mut told = report(&manifest);
        if let Some(told) = told.as_object_mut() {
            told.insert("schema".to_owned(), json!("chancery.backup-restored/1"));
            told.insert("home".to_owned(), json!(home));
        }
        let mut done = Done::new(told);
        for line in lines(&manifest, context.clock.now()) {
            done = done.says(line);
        }
        let shown = shell_word(&home.to_string_lossy());
        let chancery = format!("chancery --home {shown}");
        done = match manifest.about.kind {
            HomeKind::Gateway => done
                .says("nothing is signed for a peer before it has told how far our log had come: see `status`")
                .says("what no peer has the desk hands over again: chancery --home DESK outbox")
                .next(format!("chancery-gateway fsck --home {shown}"))
                .next(format!("chancery-gateway run --home {shown}"))
                .next(format!("{chancery} status")),
            HomeKind::Desk => done
                .says("what was received since then comes again from the gateway; what was released since then, nobody gives \
                       back: towards such a peer this desk numbers nothing more (REGISTER_BEHIND)")
                .next(format!("{chancery} doctor"))
                .next(format!("{chancery} inbox"))
                .next(format!("{chancery} status")),
        };
        done.wrote(&home).tell(context)
    }

    /// What comes next where nothing was restored: there is no home yet that could be asked.
    fn unrestored(&self, context: &Context, error: CliError) -> CliError {
        if error.code() != "other-ministry" {
            return unopened(context, &self.file, self.identity.as_deref(), error);
        }
        let folder = self.file.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = shell_word(&folder.unwrap_or(Path::new(".")).to_string_lossy());
        let key = match &self.identity {
            Some(identity) => format!("--identity {}", shell_word(&identity.to_string_lossy())),
            None => "--open".to_owned(),
        };
        // Which of them is of the ministry that was named.
        error.hint(context.command(&format!("backup list {folder} {key}")))
    }
}
