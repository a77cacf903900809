//! The daemon of the exposed host. All it does is in the library, `chancery::gateway::process`.

use std::process::ExitCode;

use chancery::gateway::process::{self, RunOptions};
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
}

fn main() -> ExitCode {
    umask(Mode::from_raw_mode(0o077));
    match CommandLine::parse().command {
        Command::Run(options) => process::run(&options),
        Command::Check(options) => process::check(&options),
    }
}
