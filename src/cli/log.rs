//! `log head|tail|prove|verify|export|fork`: the gateway's logs, for the operator.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use super::administration::{self, Tail};
use super::archive::Export;
use super::context::Context;
use super::desk_record;
use super::desk_session;
use super::error::{CliError, Kind};
use super::files;
use super::fork::Fork;
use super::operator::{LogHead, Operator};
use super::paths;
use super::report::{self, Done};
use super::table::Table;
use crate::desk::Desk;
use crate::message::id::MessageId;
use crate::message::receipt::Receipt;
use crate::tlog::checkpoint::Checkpoint;

/// How long everything that a gateway keeps may take to be read again, unless `--timeout` says otherwise.
const VERIFY_TIME: Duration = Duration::from_secs(24 * 60 * 60);

/// Show, prove, check and export the gateway's logs
#[derive(Debug, clap::Args)]
pub struct Log {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    Head(Head),
    Tail(Tail),
    Prove(Prove),
    Verify(Verify),
    Export(Export),
    Fork(Fork),
}

/// List the logs and the mirrors of peers' logs with their newest checkpoints
#[derive(Debug, clap::Args)]
struct Head {}

/// Prove that a message is in the logs of both sides, or that an act is in the administrative log
#[derive(Debug, clap::Args)]
struct Prove {
    /// Message id, or with --desk a register number or the beginning of an id
    #[arg(value_name = "REF", required_unless_present = "administration")]
    reference: Option<String>,

    /// Entry of the administrative log, as `log tail --administration` numbers it
    #[arg(long, value_name = "INDEX", conflicts_with_all = ["reference", "desk"])]
    administration: Option<u64>,

    /// Of this administrative log, as `log head` names it; otherwise the newest
    #[arg(long, value_name = "ORIGIN", requires = "administration")]
    log: Option<String>,

    /// Home of a desk whose register knows the reference
    #[arg(long, value_name = "DIR")]
    desk: Option<PathBuf>,

    /// New directory for the proofs and the log entries they prove
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
}

/// Read every log entry, sealed part and mirror again, and compare all hashes; a day is given to it, or --timeout
///
/// In the home of a desk: its administrative record, and what the gateway proved of each entry.
#[derive(Debug, clap::Args)]
struct Verify {}

impl Log {
    /// Asks the gateway in this home.
    pub async fn run(self, context: &Context) -> Result<(), CliError> {
        match self.what {
            What::Head(command) => command.run(context).await,
            What::Tail(command) => command.run(context).await,
            What::Prove(command) => command.run(context).await,
            What::Verify(command) => command.run(context).await,
            What::Export(command) => command.run(context).await,
            What::Fork(command) => command.run(context).await,
        }
    }
}

impl Head {
    async fn run(self, context: &Context) -> Result<(), CliError> {
        let logs = Operator::ask(context, async |mut operator| operator.logs().await).await?;
        let mut table = Table::new(["LOG", "KEPT", "ENTRIES", "COSIGNED", "ROOT"]);
        for log in &logs {
            let kept = if log.mirror { "mirror" } else { "own" };
            let root = root_of(&log.checkpoint).unwrap_or_else(|| "-".to_owned());
            table.row([&log.origin, kept, &log.size.to_string(), &log.cosigned_size.to_string(), &root]);
        }
        let reports: Vec<Value> = logs.iter().map(head_report).collect();
        context.output.list(&reports, &table, "no logs yet: the first opens with the first peer")
    }
}

impl Prove {
    async fn run(self, context: &Context) -> Result<(), CliError> {
        if let Some(directory) = &self.output {
            report::require_vacant(directory)?;
        }
        if let Some(index) = self.administration {
            return administration::prove(context, self.log.as_deref(), index, self.output.as_deref()).await;
        }
        let id = self.id(context)?;
        let (receipts, logs) = Operator::ask(context, async |mut operator| {
            Ok((operator.prove(&id).await?, operator.logs().await?))
        })
        .await?;
        if receipts.is_empty() {
            let message = format!("no log of this gateway holds the message {id}");
            return Err(CliError::new(Kind::NotFound, "no-message", message));
        }
        let proofs: Vec<Proof> = receipts.iter().map(|receipt| Proof::of(receipt, &logs)).collect();
        match &self.output {
            Some(directory) => write(context, directory, &id, &proofs),
            None => {
                let text = proofs.iter().map(|proof| proof.receipt.proof().to_string()).collect::<String>();
                let reports: Vec<Value> = proofs.iter().map(Proof::report).collect();
                let all = json!({ "schema": "chancery.proofs/1", "id": id.to_string(), "proofs": reports });
                context.output.data(&all, || text)
            }
        }
    }

    fn id(&self, context: &Context) -> Result<MessageId, CliError> {
        let reference = self.reference.as_deref().unwrap_or_default();
        if let Some(home) = &self.desk {
            let desk = Desk::open(home, context.clock.clone(), context.entropy.clone());
            let found = desk.and_then(|desk| desk.find(reference));
            return Ok(found.map_err(|error| desk_session::failure(context, error))?.id());
        }
        MessageId::parse(reference).map_err(|_| {
            let message = "a gateway knows messages by their ids of 64 hexadecimal digits only";
            let error = CliError::usage("reference", message);
            match reference.parse::<u64>() {
                Ok(_) if desk_record::desk_named(context).is_some() => error
                    .cause("`log tail --administration` names the entry that vouches for one of this record")
                    .hint("chancery --home GATEWAY log prove --administration INDEX"),
                Ok(index) => error
                    .cause("an entry of the administrative log is asked for by --administration")
                    .hint(context.command(&format!("log prove --administration {index}"))),
                Err(_) => error.hint(format!("{} --desk DIR", context.typed)),
            }
        })
    }
}

impl Verify {
    async fn run(self, context: &Context) -> Result<(), CliError> {
        if desk_record::desk_named(context).is_some() {
            return desk_record::verify(context);
        }
        let found =
            Operator::ask_patiently(context, VERIFY_TIME, async |mut operator| operator.verify().await)
                .await?;
        let report = json!({
            "schema": "chancery.scrub/1",
            "leaves": found.leaves,
            "parts": found.parts,
            "damages": found.damages,
        });
        context.output.data(&report, || {
            let mut text =
                format!("{} log entries and {} sealed parts were read\n", found.leaves, found.parts);
            for damage in &found.damages {
                text.push_str(&format!("damaged: {damage}\n"));
            }
            text
        })?;
        if found.damages.is_empty() {
            context.output.note("nothing is damaged");
            return Ok(());
        }
        let message = format!("{} damages were found", found.damages.len());
        Err(CliError::new(Kind::Verification, "damaged", message).reason("ARCHIVE_DAMAGED"))
    }
}

/// A receipt with the log it is from.
struct Proof<'a> {
    receipt: &'a Receipt,
    origin: String,
    mirror: bool,
}

impl<'a> Proof<'a> {
    fn of(receipt: &'a Receipt, logs: &[LogHead]) -> Self {
        let origin = receipt.proof().checkpoint.text().lines().next().unwrap_or_default().to_owned();
        let mirror = logs.iter().any(|log| log.mirror && log.origin == origin);
        Self { receipt, origin, mirror }
    }

    fn side(&self) -> &'static str {
        if self.mirror { "peer" } else { "own" }
    }

    fn report(&self) -> Value {
        let leaf = self.receipt.leaf();
        json!({
            "log": self.origin,
            "kept_by": self.side(),
            "index": self.receipt.proof().index,
            "kind": leaf.kind.word(),
            "time": leaf.time.to_string(),
            "leaf": data_encoding::BASE64.encode(self.receipt.leaf_bytes()),
            "proof": self.receipt.proof().to_string(),
        })
    }
}

/// Writes each proof beside the exact bytes of the entry it proves.
fn write(context: &Context, directory: &Path, id: &MessageId, proofs: &[Proof<'_>]) -> Result<(), CliError> {
    std::fs::create_dir_all(directory).map_err(|error| {
        let message = format!("cannot make {}", directory.display());
        CliError::failed("unwritable", message).because(&error).hint(paths::look_around(directory))
    })?;
    let reports: Vec<Value> = proofs.iter().map(Proof::report).collect();
    let report = json!({ "schema": "chancery.proofs/1", "id": id.to_string(), "proofs": reports });
    let mut done = Done::new(report).says(format!("proofs about the message {id}"));
    for proof in proofs {
        let stem = format!("{}-{}", proof.side(), proof.receipt.proof().index);
        let text = proof.receipt.proof().to_string();
        let parts = [("proof", text.as_bytes()), ("leaf", proof.receipt.leaf_bytes())];
        for (ending, bytes) in parts {
            let path = directory.join(format!("{stem}.{ending}"));
            files::write(context, &path, bytes, false)?;
            done = done.wrote(&path);
        }
    }
    done.tell(context)
}

fn head_report(log: &LogHead) -> Value {
    json!({
        "schema": "chancery.log/1",
        "log": log.origin,
        "mirror": log.mirror,
        "administration": is_administration(log),
        "size": log.size,
        "cosigned_size": log.cosigned_size,
        "root": root_of(&log.checkpoint),
        "checkpoint": log.checkpoint,
    })
}

/// Whether a log is of no pair, but of what was done to the gateway: nobody mirrors it.
fn is_administration(log: &LogHead) -> bool {
    !log.mirror && log.origin.rsplit('/').nth(1) == Some("administration")
}

/// The root hash as the checkpoint states it; nobody's signature is judged here.
fn root_of(checkpoint: &str) -> Option<String> {
    let (body, _) = checkpoint.split_once("\n\n")?;
    Checkpoint::parse(&format!("{body}\n")).ok().map(|head| head.root.hex())
}
