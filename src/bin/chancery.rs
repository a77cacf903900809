//! Officer, operator, auditor: the command line. All it does is in the library, `chancery::cli`.
//!
//! With `gateway-run` as its first argument it is a gateway instead: a rehearsal starts gateways as child
//! processes of its own executable, because `cargo run` builds no second one. It is in no help page.

use std::process::ExitCode;

use chancery::gateway::process::{self, RunOptions};
use clap::Parser;
use rustix::fs::Mode;
use rustix::process::umask;

/// A gateway of a rehearsal
#[derive(Debug, Parser)]
#[command(name = "chancery gateway-run")]
struct Rehearsed {
    #[command(flatten)]
    options: RunOptions,
}

fn main() -> ExitCode {
    // Whatever is written here may concern a prisoner: it is for its owner alone.
    umask(Mode::from_raw_mode(0o077));
    if std::env::args_os().nth(1).is_some_and(|first| first == "gateway-run") {
        return process::run(&Rehearsed::parse_from(std::env::args_os().skip(1)).options);
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            chancery::cli::no_runtime(&error);
            return ExitCode::FAILURE;
        }
    };
    let code = runtime.block_on(chancery::cli::main_with(std::env::args_os(), chancery::cli::surroundings()));
    // Work that is still blocked, such as a read from the terminal, does not hold the process back.
    runtime.shutdown_background();
    code
}
