//! Measures what custody costs: two gateways and the load as separate processes on loopback, over mutual TLS,
//! with real envelopes, beside two baselines that are taken in the same rounds: a bare tonic unary call with the
//! same bytes over the same TLS, and a bare append to a file with fdatasync.
//!
//! `cargo bench --bench load -- --help` tells what can be measured. Figures of a shared machine move: compare
//! ratios within one run, and CPU time per message before messages per second.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]
#![allow(missing_docs, unreachable_pub, missing_debug_implementations, reason = "nobody links it")]

mod bare;
mod client;
mod custody;
mod desks;
mod documents;
mod envelopes;
mod options;
mod process;
mod registers;
mod report;
mod rest;
mod service;
mod stage;
mod stored;

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;

use crate::options::{Options, Row};
use crate::report::Report;
use crate::stage::Stage;

pub type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    // The baseline's server and the desks are this same program, as processes of their own.
    let served = match arguments.get(1).map(String::as_str) {
        Some(bare::SERVER) => run(2, bare::serve(arguments)),
        Some(desks::DESK) => run(1, desks::serve(arguments)),
        _ => {
            let options = Options::parse();
            run(1, measure(options))
        }
    };
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(cause) => {
            eprintln!("load: {cause}");
            ExitCode::FAILURE
        }
    }
}

fn run(workers: usize, work: impl Future<Output = Outcome<()>>) -> Outcome<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(workers).enable_all().build()?;
    runtime.block_on(work)
}

async fn measure(options: Options) -> Outcome<()> {
    let mut report = Report::begin(&options);
    let mut stage = Stage::set(&options, "run").await?;
    if options.hold {
        stage.hold()?;
    }
    // Desks open what comes; the other rows send what only gateways take for messages.
    let mut desks =
        match options.rows().iter().any(|row| matches!(row, Row::Desk | Row::Document | Row::Service)) {
            true => Some(Stage::set(&options, "desks").await?),
            false => None,
        };
    for round in 1..=options.rounds() {
        eprintln!("round {round} of {}", options.rounds());
        for row in options.rows() {
            match row {
                Row::Append => bare::append(&stage, &options, &mut report)?,
                Row::Unary => bare::unary(&mut stage, &options, &mut report).await?,
                Row::Gateway => custody::rows(&mut stage, &options, &mut report).await?,
                Row::Stream => custody::stream(&mut stage, &options, &mut report).await?,
                Row::Desk => {
                    let stage = desks.as_mut().ok_or("no stage for desks")?;
                    desks::rows(stage, &options, &mut report).await?;
                }
                Row::Service => {
                    let stage = desks.as_ref().ok_or("no stage for desks")?;
                    service::rows(stage, &options, &mut report).await?;
                }
                // What is large is measured once.
                Row::Stored | Row::Register | Row::Document if round > 1 => {}
                Row::Document => {
                    let stage = desks.as_ref().ok_or("no stage for desks")?;
                    documents::row(stage, &options, &mut report)?;
                }
                Row::Stored => stored::rows(&options, &mut report).await?,
                Row::Register => registers::rows(&options, &mut report).await?,
                Row::All => {}
                Row::Idle => rest::idle(&mut stage, &mut report).await?,
            }
        }
    }
    for stage in std::iter::once(&mut stage).chain(&mut desks) {
        stage.stop()?;
    }
    report.print(&options)
}
