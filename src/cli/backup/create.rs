//! `backup create`: a gateway or a desk, while it runs, into one sealed file.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;

use super::{lines, locks::Sealed, report};
use crate::cli::context::Context;
use crate::cli::desk_record;
use crate::cli::error::{CliError, Kind};
use crate::cli::operator::Operator;
use crate::cli::operator::copy::{Copied, CopyEnd};
use crate::cli::output::Mark;
use crate::cli::passphrase::Origin;
use crate::cli::report::{Done, require_no_file};
use crate::cli::shell_word;
use crate::desk::administration::act;
use crate::desk::config::Config as DeskConfig;
use crate::keys::home::backup::{About, BESIDE_GATEWAY, Database, GATEWAY_DATABASE, NewFile, Tree, Writing};
use crate::keys::home::enrolment::HomeKind;
use crate::message::administration::AdministrativeVerb;
use crate::time::Timestamp;

/// Back up a gateway or a desk, while it runs, into one sealed file
///
/// Of a running gateway its store is copied at one moment, with the sealed documents it refers to, and beside it
/// configuration, keys and trust; of a desk the register, the casebook, deposits, keys and trust. Nobody waits meanwhile.
/// The file is there when it is whole and on the disk; a file of that name is never overwritten. Without --to it is sealed
/// under a passphrase: that of --passphrase-file, of $CREDENTIALS_DIRECTORY, which is that of the home, or one that is typed;
/// which one is said. Of a gateway that does not run: chancery-gateway backup.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    chancery --home /var/lib/chancery backup create -o xa-gateway.backup --to recovery.recipient\n  \
    chancery --home xa/desk backup create -o xa-desk.backup            # asks for a passphrase twice\n  \
    age-keygen -pq -o recovery.key            # age 1.3 or later: offline, once; keep it in a safe")]
pub(super) struct Create {
    /// The new file
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,

    /// Recipient of age (age1pq1...), or a file with one; may be given several times
    #[arg(long, value_name = "RECIPIENT")]
    to: Vec<String>,
}

/// What is said where nobody chose how a backup is sealed.
const OF_THE_HOME: &str = "no --to was given, and the backup is sealed under the passphrase of this home from \
    $CREDENTIALS_DIRECTORY: whoever has that opens it, and where it is lost with the host nobody does";

/// What belongs to one run of the host alone.
const RUN: &str = "run";

/// How long a gateway may take until its database is copied, unless `--timeout` says otherwise.
const COPY_TIME: Duration = Duration::from_secs(60 * 60);

impl Create {
    pub(super) async fn run(self, context: &Context) -> Result<(), CliError> {
        require_no_file(&self.output)?;
        let named = context.named_home().filter(|home| home.join(DeskConfig::FILE).is_file());
        let now = context.clock.now();
        let home = named.clone().unwrap_or_else(|| context.gateway_home());
        // Whoever answers must be there before anybody is asked for a passphrase.
        let operator = match named {
            Some(_) => None,
            None => Some(
                context
                    .within("the gateway's answer", Operator::connect(&home))
                    .await
                    .map_err(away(&home))?,
            ),
        };
        let sealed = Sealed::of(context, &self.to, &home)?;
        let (sealed_with, sealing) = sealed.told(context.passphrase.origin());
        if self.to.is_empty() && context.passphrase.origin() == Origin::Credentials {
            context.output.step(Mark::Warning, OF_THE_HOME);
        }
        let file = NewFile::beside(&self.output)?;
        let mut writing = Writing::begin(file, sealed.lock(), now, context.entropy.as_ref())?;
        let about = match operator {
            None => desk(context, &home, &mut writing, now)?,
            Some(operator) => gateway(context, operator, &home, &mut writing, now).await?,
        };
        let (file, manifest, digest) = writing.finish(about)?;
        file.keep(&self.output)?;
        let mut told = report(&manifest);
        if let Some(told) = told.as_object_mut() {
            told.insert("schema".to_owned(), json!("chancery.backup-created/1"));
            told.insert("sha256".to_owned(), json!(digest.hex()));
            told.insert("sealed_with".to_owned(), json!(sealed_with));
        }
        let mut done = Done::new(told);
        for line in lines(&manifest, now) {
            done = done.says(line);
        }
        let shown = shell_word(&self.output.to_string_lossy());
        // Only the recipient is known here: whoever has its key names the file with it.
        let identity = if self.to.is_empty() { "" } else { " --identity FILE" };
        done.says(sealing)
            .says(format!("sha256 {}", digest.hex()))
            .wrote(&self.output)
            .next(format!("chancery backup verify {shown}{identity}"))
            .tell(context)
    }
}

fn desk(
    context: &Context,
    home: &Path,
    writing: &mut Writing<NewFile>,
    now: Timestamp,
) -> Result<About, CliError> {
    let config = DeskConfig::load(home).map_err(|error| CliError::usage("config", error.to_string()))?;
    desk_record::note(context, home, act(AdministrativeVerb::BackupMade))?;
    let mut tree = Tree::list(home, &[RUN])?;
    let databases = tree.give(&mut |piece| writing.take(piece))?;
    let told = about(HomeKind::Desk, config.ministry.to_string(), now, databases, tree.left_out);
    Ok(About { folders: tree.folders, ..told })
}

async fn gateway(
    context: &Context,
    mut operator: Operator,
    home: &Path,
    writing: &mut Writing<NewFile>,
    now: Timestamp,
) -> Result<About, CliError> {
    let ministry = context.within("the gateway's answer", operator.status()).await?.ministry;
    let mut copy = context.within("the gateway's answer", operator.copy_store()).await?;
    let mut next = context.within_time(COPY_TIME, "the copy of the store", copy.next()).await?;
    // A large store takes its time; from here on only silence is bounded.
    let CopyEnd { version, logs, left_out } = loop {
        match next {
            Some(Copied::Piece(piece)) => writing.take(piece)?,
            Some(Copied::End(end)) => break end,
            None => {
                return Err(CliError::new(Kind::TryLater, "gateway-away", "the gateway broke off its copy"));
            }
        }
        next = context.within("the next piece of the store", copy.next()).await?;
    };
    // After the store: a key that is rotated meanwhile must not be older than what stands under its successor.
    let mut tree = Tree::list(home, &BESIDE_GATEWAY)?;
    tree.give(&mut |piece| writing.take(piece))?;
    let databases = vec![Database { path: GATEWAY_DATABASE.to_owned(), version }];
    let left_out = tree.left_out.into_iter().chain(left_out).collect();
    let folders = tree.folders;
    Ok(About { logs, folders, ..about(HomeKind::Gateway, ministry, now, databases, left_out) })
}

fn about(
    kind: HomeKind,
    ministry: String,
    now: Timestamp,
    databases: Vec<Database>,
    left_out: Vec<String>,
) -> About {
    let version = env!("CARGO_PKG_VERSION").to_owned();
    About {
        kind,
        ministry,
        version,
        time: now.to_string(),
        logs: Vec::new(),
        databases,
        folders: Vec::new(),
        left_out,
    }
}

/// One that does not run is backed up by its own program.
fn away(home: &Path) -> impl Fn(CliError) -> CliError {
    let home = shell_word(&home.to_string_lossy());
    move |error| match error.code() {
        "gateway-away" => error.hint(format!("chancery-gateway backup --home {home} -o FILE --to RECIPIENT")),
        _ => error,
    }
}
