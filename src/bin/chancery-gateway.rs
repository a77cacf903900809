//! The daemon of the exposed host. All it does is in the library, `chancery::gateway::process`.

use std::io::Write;
use std::process::ExitCode;

use chancery::gateway::process::{self, BackupOptions, FillOptions, FsckOptions, RunOptions};
use clap::{Parser, Subcommand};
use rustix::fs::Mode;
use rustix::process::umask;

/// The gateway of a ministry: takes custody of sealed messages, carries and archives them
#[derive(Debug, Parser)]
#[command(name = "chancery-gateway", version, arg_required_else_help = true)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run in the foreground; SIGHUP reads certificates again, SIGTERM stops
    Run(RunOptions),
    /// Try configuration, keys and certificates without serving
    Check(RunOptions),
    /// Read everything that a stopped gateway keeps and name what is damaged
    ///
    /// Every leaf, hash, header, signature, sealed part, receipt and checkpoint is hashed again and compared with
    /// what vouches for it. Nothing is changed. Ends with 0 where all is well, 3 where something is damaged, 1 where
    /// it could not look (the gateway runs), 2 where the home cannot be used.
    ///
    /// Examples:
    ///   systemctl stop chancery-gateway && chancery-gateway fsck
    ///   chancery-gateway fsck --home /backup/chancery --json
    #[command(verbatim_doc_comment)]
    Fsck(FsckOptions),
    /// Back up a stopped gateway into one sealed file
    ///
    /// The same file as `chancery backup create` makes of one that runs. `chancery backup verify` reads it, and
    /// `chancery backup restore` makes a home of it again.
    ///
    /// Examples:
    ///   chancery-gateway backup --home /var/lib/chancery -o xa.backup --to recovery.recipient
    #[command(verbatim_doc_comment)]
    Backup(BackupOptions),
    /// Fill the stores of two stopped gateways with filler, for measurements
    #[command(hide = true)]
    Fill(FillOptions),
}

fn main() -> ExitCode {
    umask(Mode::from_raw_mode(0o077));
    match CommandLine::parse().command {
        Command::Run(options) => process::run(&options),
        Command::Check(options) => process::check(&options),
        Command::Backup(options) => process::backup(&options, print),
        Command::Fill(options) => process::fill(&options),
        Command::Fsck(options) => process::fsck(&options, print),
    }
}

/// Whoever reads may have gone; the exit code tells the rest.
fn print(data: &str, talk: &str) {
    let _ = std::io::stdout().lock().write_all(data.as_bytes());
    let _ = std::io::stderr().lock().write_all(talk.as_bytes());
}
