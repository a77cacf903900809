//! `backup create|list|verify|restore`: one sealed file with all that a gateway or a desk keeps, and the way back.

mod create;
mod list;
mod locks;
mod restore;
mod verify;

use serde_json::{Value, json};

use self::create::Create;
use self::list::List;
use self::restore::Restore;
use self::verify::Verify;
use super::context::Context;
use super::error::CliError;
use crate::keys::home::backup::Manifest;
use crate::keys::home::enrolment::HomeKind;
use crate::time::Timestamp;

/// Back up a gateway or a desk into one sealed file, look into it, and restore it
///
/// A backup holds keys: it is sealed, to recipients of age (post-quantum ones alone) or under a passphrase. Inside is a
/// tar archive, so that age and tar open it as well. Make one of each home every night, and one before every upgrade.
#[derive(Debug, clap::Args)]
pub struct Backup {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    Create(Create),
    List(List),
    Verify(Verify),
    Restore(Restore),
}

impl Backup {
    /// Does it.
    pub async fn run(self, context: &Context) -> Result<(), CliError> {
        match self.what {
            What::Create(command) => command.run(context).await,
            What::List(command) => command.run(context).await,
            What::Verify(command) => command.run(context).await,
            What::Restore(command) => command.run(context).await,
        }
    }
}

fn kind_word(kind: HomeKind) -> &'static str {
    match kind {
        HomeKind::Desk => "desk",
        HomeKind::Gateway => "gateway",
    }
}

/// What a backup is of, for people: the first line is the one that matters.
fn lines(manifest: &Manifest, now: Timestamp) -> Vec<String> {
    let about = &manifest.about;
    let bytes: u64 = manifest.entries.iter().map(|entry| entry.size).sum();
    let mut lines = vec![
        format!(
            "the {} of {}, as it was at {}{}",
            kind_word(about.kind),
            about.ministry,
            about.time,
            age(about, now)
        ),
        format!("{} files, {bytes} bytes, by release {}", manifest.entries.len(), about.version),
    ];
    for log in &about.logs {
        let whose = if log.mirror { "mirror" } else { "own log" };
        lines.push(format!("{whose} {}: {} leaves, root {}", log.origin, log.size, log.root));
    }
    lines.extend(about.left_out.iter().map(|path| format!("not in it: {path}")));
    lines
}

/// How old it is, in the unit that matters.
fn age(about: &crate::keys::home::backup::About, now: Timestamp) -> String {
    let Some(then) = Timestamp::parse(&about.time) else { return String::new() };
    let seconds = now.seconds().saturating_sub(then.seconds()).max(0);
    match seconds {
        0..=119 => String::new(),
        120..=7_199 => format!(", {} minutes ago", seconds / 60),
        7_200..=172_799 => format!(", {} hours ago", seconds / 3_600),
        _ => format!(", {} days ago", seconds / 86_400),
    }
}

fn report(manifest: &Manifest) -> Value {
    let about = &manifest.about;
    json!({
        "kind": kind_word(about.kind),
        "ministry": about.ministry,
        "time": about.time,
        "version": about.version,
        "files": manifest.entries.len(),
        "bytes": manifest.entries.iter().map(|entry| entry.size).sum::<u64>(),
        "logs": about.logs,
        "databases": about.databases,
        "left_out": about.left_out,
    })
}
