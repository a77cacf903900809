//! `chancery-gateway backup`: the home of a gateway that does not run, into one sealed file.

use std::path::PathBuf;
use std::process::ExitCode;

use super::{FAILED, UNUSABLE, prepared, remedy, runtime};
use crate::entropy::SystemEntropy;
use crate::gateway::backup::{NoBackup, Order, back_up};
use crate::keys::Passphrase;
use crate::keys::home::backup::Manifest;
use crate::message::seal::Recipient;
use crate::telemetry::{self, LogFormat};
use crate::time::{Clock, SystemClock};

/// What is backed up, where to, and to whom it is sealed.
#[derive(Debug, Clone, clap::Args)]
pub struct BackupOptions {
    /// Home of a gateway that does not run
    #[arg(long, env = "CHANCERY_HOME", value_name = "DIR", default_value = "/var/lib/chancery")]
    pub home: PathBuf,

    /// The new file
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,

    /// Recipient of age (age1pq1...), or a file with one; may be given several times
    #[arg(long, value_name = "RECIPIENT")]
    pub to: Vec<String>,

    /// File with a passphrase, mode 0600, instead of recipients
    #[arg(long, value_name = "FILE", conflicts_with = "to")]
    pub passphrase_file: Option<PathBuf>,
}

/// Backs up; `say` gets what is printed on stdout and on stderr.
pub fn backup(options: &BackupOptions, say: impl FnOnce(&str, &str)) -> ExitCode {
    telemetry::start(LogFormat::default(), None).end();
    let order = match order(options) {
        Ok(order) => order,
        Err(wrong) => {
            say("", &format!("error[usage]: {wrong}\n"));
            return ExitCode::from(UNUSABLE);
        }
    };
    let Ok(runtime) = prepared(runtime()) else { return ExitCode::from(FAILED) };
    let made = runtime.block_on(back_up(order, SystemClock.now(), &SystemEntropy));
    runtime.shutdown_background();
    match made {
        Ok(manifest) => {
            say(&told(&manifest, options), "");
            ExitCode::SUCCESS
        }
        Err(cause) => {
            let hint = match &cause {
                NoBackup::Fault(fault) => remedy(&options.home, fault),
                NoBackup::Backup(_) | NoBackup::Unsealed => None,
            };
            let hint = hint.map(|hint| format!("hint: {hint}\n")).unwrap_or_default();
            say("", &format!("error[backup]: {cause}\n{hint}"));
            ExitCode::from(FAILED)
        }
    }
}

fn order(options: &BackupOptions) -> Result<Order, String> {
    let mut recipients = Vec::new();
    for text in &options.to {
        let held = match text.starts_with("age1") {
            true => text.clone(),
            false => std::fs::read_to_string(text).map_err(|error| format!("{text}: {error}"))?,
        };
        recipients.push(Recipient::parse(held.trim()).map_err(|error| error.to_string())?);
    }
    let passphrase = options.passphrase_file.as_deref().map(Passphrase::read).transpose();
    let passphrase = passphrase.map_err(|error| error.to_string())?;
    Ok(Order { home: options.home.clone(), output: options.output.clone(), recipients, passphrase })
}

fn told(manifest: &Manifest, options: &BackupOptions) -> String {
    let about = &manifest.about;
    let mut text = format!(
        "the gateway of {} as it is at {}: {} files\n",
        about.ministry,
        about.time,
        manifest.entries.len()
    );
    for path in &about.left_out {
        text.push_str(&format!("not in it: {path}\n"));
    }
    text.push_str(&format!("wrote {}\n", options.output.display()));
    text
}
