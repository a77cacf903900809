//! What is to be measured, and how much of it.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

/// Measures what custody costs, beside bare calls and bare writes in the same rounds
#[derive(Debug, Parser)]
#[command(name = "load", after_help = EXAMPLES)]
pub struct Options {
    /// Rows to measure; all but `service`, `document`, `stored` and `register` where none is named, or `all`
    #[arg(long, value_delimiter = ',', value_enum)]
    rows: Vec<Row>,

    /// Rounds; every figure is the median of all, with the least and the greatest
    #[arg(long, value_name = "N")]
    rounds: Option<usize>,

    /// Tiny counts: whether everything runs, not how fast
    #[arg(long)]
    pub quick: bool,

    /// The figures as JSON instead of a table
    #[arg(long)]
    pub json: bool,

    /// Folder for ministries, envelopes and stores, on the disk that is to be measured
    #[arg(long, value_name = "DIR", default_value = concat!(env!("CARGO_TARGET_TMPDIR"), "/load"))]
    pub dir: PathBuf,

    /// Messages of one streamed round
    #[arg(long, value_name = "N")]
    stream_messages: Option<usize>,

    /// Size of the document of the row `document`, MiB
    #[arg(long, value_name = "MIB", default_value_t = 1024)]
    pub document: u64,

    /// Few and many messages of the rows `stored` and `register`; what is filled in is kept for later runs
    #[arg(long, value_name = "FEW,MANY", value_parser = few_and_many, default_value = "1000,1000000")]
    stored: [u64; 2],

    /// Writes the figures as JSON into this file as well
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Waits before the first round until Enter is pressed, and tells the processes: for a profiler
    #[arg(long)]
    pub hold: bool,

    /// What `cargo bench` passes to every bench
    #[arg(long = "bench", hide = true)]
    _bench: bool,
}

const EXAMPLES: &str = "Examples:
  cargo bench --bench load                                  the usual rows, 5 rounds
  cargo bench --bench load -- --rows unary,gateway,stream   the gateway path beside a bare call
  cargo bench --bench load -- --rows desk                   from desk to desk
  cargo bench --bench load -- --rows service                ministry systems at their desks
  cargo bench --bench load -- --rows document               what takes long
  cargo bench --bench load -- --rows all --rounds 3 --output figures.json
  cargo bench --bench load -- --quick --rounds 1            whether everything runs";

/// A group of figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Row {
    /// Every row
    All,
    /// Baseline: append to a file, fdatasync
    Append,
    /// Baseline: tonic unary over the same TLS, 1, 32 and 256 calls at once
    Unary,
    /// Gateway path, unary Submit, 1, 32 and 256 messages at once, each until delivered
    Gateway,
    /// Gateway path, streamed
    Stream,
    /// From desk to desk, composing and opening included: 1 at a time, and a run of many
    Desk,
    /// The service of desks: drafts made and released, release to event, watchers at rest
    Service,
    /// One large document from desk to desk
    Document,
    /// Gateways with few and with many messages in logs, mailbox and queue: cost of one more, start
    Stored,
    /// Desks with few and with many messages in their registers: send, fetch, inbox, outbox
    Register,
    /// Memory of gateways that rest, and how long a start takes
    Idle,
}

impl Options {
    pub fn rows(&self) -> Vec<Row> {
        if self.rows.is_empty() {
            return vec![Row::Idle, Row::Append, Row::Unary, Row::Gateway, Row::Stream, Row::Desk];
        }
        // In the order of measuring, whatever the order of asking.
        let asked =
            |row: &Row| *row != Row::All && (self.rows.contains(row) || self.rows.contains(&Row::All));
        Row::value_variants().iter().copied().filter(asked).collect()
    }

    pub fn rounds(&self) -> usize {
        self.rounds.unwrap_or(if self.quick { 1 } else { 5 })
    }

    /// How many calls or messages at once, and how many each of them makes in a round.
    pub fn concurrency(&self) -> [(usize, usize); 3] {
        if self.quick { [(1, 5), (4, 2), (8, 2)] } else { [(1, 200), (32, 30), (256, 8)] }
    }

    /// Messages from desk to desk: one at a time, and in a run.
    pub fn desk_messages(&self) -> (usize, usize) {
        if self.quick { (2, 70) } else { (100, 3_000) }
    }

    /// Few and many.
    pub fn stored(&self) -> [u64; 2] {
        if self.quick { [100, 2_000] } else { self.stored }
    }

    /// Messages that go through a store that was filled.
    pub fn stored_messages(&self) -> usize {
        if self.quick { 50 } else { 3_000 }
    }

    /// Calls of each command over a register that was filled.
    pub fn register_messages(&self) -> usize {
        if self.quick { 3 } else { 60 }
    }

    pub fn stream_messages(&self) -> usize {
        self.stream_messages.unwrap_or(if self.quick { 60 } else { 6_000 })
    }
}

fn few_and_many(text: &str) -> Result<[u64; 2], String> {
    let numbers = text.split(',').map(str::parse).collect::<Result<Vec<u64>, _>>();
    let two = numbers.ok().and_then(|numbers| <[u64; 2]>::try_from(numbers).ok());
    two.ok_or_else(|| "two numbers are expected, as in 1000,1000000".to_owned())
}
