//! `backup restore`: a backup becomes a home, where none is.

use std::io;
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
use crate::desk::serve::restored::{ShutOut, shut_out};
use crate::keys::home::backup::{BackupError, Desks, bring_desk_list, restore};
use crate::keys::home::enrolment::HomeKind;
use crate::keys::secret_file;
use crate::limits;
use crate::trust::name::{Label, Ministry};

/// Restore a backup as the home that --home names, which must be missing or empty
///
/// It appears whole and durable, or not at all. What came after the backup is not in it. A restored gateway exchanges
/// nothing with anybody before its own desk has come and `peer resume` has let that peer in, signs nothing for it before
/// its log is where it was left, and takes what it lacks back from peer and desk; which desks were revoked since must be
/// said here, by the newest list of the root or by --no-desk-revoked. A restored desk finds its place at its gateway with the next fetch. All clients of its
/// service are suspended until `desk suspend --lift`, because who was suspended since is not known. Never run both the old
/// home and a restored one.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    chancery --home /var/lib/chancery backup restore xa-gateway.backup --identity recovery.key --ministry XA \\\n    \
      --desk-list desk-access.crl\n  \
    chancery --home xa/gateway backup restore xa-gateway.backup --no-desk-revoked\n  \
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

    /// Of a gateway: the newest list of desks that are let in no more, desk-access.crl of the root
    #[arg(long, value_name = "FILE", conflicts_with = "no_desk_revoked")]
    desk_list: Option<PathBuf>,

    /// Of a gateway: no desk was revoked since the backup was made
    #[arg(long)]
    no_desk_revoked: bool,
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
        let mut shut = ShutOut::default();
        let listed = self.desk_list.as_deref().map(secret_list).transpose()?;
        let restored = restore(source, &keys.openers(), &home, expected, &mut |passing, manifest| {
            if manifest.about.kind == HomeKind::Desk {
                shut = settle(context, passing)?;
                return Ok(None);
            }
            Ok(match &listed {
                Some(list) => {
                    Some(bring_desk_list(passing, &manifest.about.ministry, list, context.clock.now())?)
                }
                None => self.no_desk_revoked.then_some(Desks::NoneRevoked),
            })
        });
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
            let suspended: Vec<&str> = shut.clients.iter().map(Label::as_str).collect();
            told.insert("suspended".to_owned(), json!(suspended));
        }
        let mut done = Done::new(told);
        for line in lines(&manifest, context.clock.now()) {
            done = done.says(line);
        }
        let shown = shell_word(&home.to_string_lossy());
        done = match manifest.about.kind {
            HomeKind::Gateway => of_gateway(done, &shown),
            HomeKind::Desk => of_desk(done, &shown, &shut),
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

/// The list of desks in a file.
fn secret_list(path: &Path) -> Result<Vec<u8>, CliError> {
    Ok(secret_file::read_public(path, limits::DESK_LIST_BYTES_MAX)?)
}

/// Shuts everybody out of the service of a desk, before anything can serve it.
fn settle(context: &Context, passing: &Path) -> Result<ShutOut, BackupError> {
    shut_out(passing, context.entropy.as_ref()).map_err(|cause| {
        let source = io::Error::other(cause.to_string());
        BackupError::Io { path: passing.to_owned(), source }
    })
}

fn of_gateway(done: Done, shown: &str) -> Done {
    done.says("nothing is exchanged with any peer before the own desk has come and that peer is let in (alarm RESTORED)")
        .says(
            "pauses, holds and withdrawals that operators decided since are not in it: decide them anew before a peer is \
             let in",
        )
        .next(format!("chancery-gateway fsck --home {shown}"))
        .next(format!("chancery-gateway run --home {shown}"))
        .next("chancery --home DESK outbox")
        .next(format!("chancery --home {shown} queue list"))
        .next(format!("chancery --home {shown} peer resume CODE"))
        .next(format!("chancery --home {shown} status"))
}

fn of_desk(done: Done, shown: &str, shut: &ShutOut) -> Done {
    let chancery = format!("chancery --home {shown}");
    let mut done = done
        .says(
            "what was received since then, and what was sent, comes back from the own gateway with the first command \
             that asks it: send nothing again before it has; only what never reached the gateway is lost",
        )
        .next(format!("{chancery} doctor"))
        .next(format!("{chancery} inbox"))
        .next(format!("{chancery} status"));
    if let Some(cause) = &shut.unknown {
        done = done.says(format!(
            "who may call its service could not be read ({cause}): suspend whoever was suspended before `desk serve`"
        ));
    }
    if shut.clients.is_empty() {
        return done;
    }
    done = done.says(
        "who was suspended since then is not known here: every client of its service is suspended now; lift it for \
         whoever was not",
    );
    let lift = |label: &Label| format!("{chancery} desk suspend --lift {label}");
    shut.clients.iter().map(lift).fold(done, Done::next)
}
