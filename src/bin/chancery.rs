//! Officer, operator, auditor: the command line. All it does is in the library, `chancery::cli`.
//!
//! With `gateway-run` as its first argument it is a gateway instead: a rehearsal starts gateways as child
//! processes of its own executable, because `cargo run` builds no second one. With `gateway-fsck` it examines the copy
//! of a gateway's home, for `backup verify`. Both are in no help page.

use std::io::Write;
use std::process::ExitCode;

use chancery::gateway::process::{self, FsckOptions, RunOptions};
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

/// The examination of a gateway's copy, for `backup verify`
#[derive(Debug, Parser)]
#[command(name = "chancery gateway-fsck")]
struct Examined {
    #[command(flatten)]
    options: FsckOptions,
}

fn main() -> ExitCode {
    // Whatever is written here may concern a prisoner: it is for its owner alone.
    umask(Mode::from_raw_mode(0o077));
    if std::env::args_os().nth(1).is_some_and(|first| first == "gateway-fsck") {
        let options = Examined::parse_from(std::env::args_os().skip(1)).options;
        return process::fsck(&options, print);
    }
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

/// Whoever reads may have gone; the exit code tells the rest.
fn print(data: &str, talk: &str) {
    let _ = std::io::stdout().lock().write_all(data.as_bytes());
    let _ = std::io::stderr().lock().write_all(talk.as_bytes());
}
