//! `receipt`: the proof that a message was received, and the files to check it without us.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::context::Context;
use super::desk_session::{self, DeskSession};
use super::error::{CliError, Kind};
use super::{files, owed, proofs, shell_word};
use crate::desk::receipts::Proven;
use crate::message::leaf::LeafKind;

/// Show the proof of delivery
///
/// The digits of the digest that name a protective act give the copy in which it goes on where an earlier one ended; by its
/// register number that one is shown, and which took its place. With -o FILE the proof goes to FILE, the exact log entry to FILE.leaf and the keys of log and cosigner to
/// FILE.policy: what `verify_proof.py` of every evidence file takes.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    chancery receipt XA-XB-2026-0007\n  \
    chancery receipt @last -o proof && python3 verify_proof.py proof proof.leaf proof.policy")]
pub struct Receipt {
    /// Register number, beginning of a message id or of the digest of an own dispatch, or @last
    #[arg(value_name = "REF")]
    reference: String,

    /// The sender's own proof that the message was sent, instead of the recipient's answer
    #[arg(long)]
    submission: bool,

    /// Write the proof here, the log entry and the keys beside it
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Replace files that are there
    #[arg(long, requires = "output")]
    overwrite: bool,
}

impl Receipt {
    /// Shows it.
    pub async fn run(self, context: &Context) -> Result<(), CliError> {
        let session = DeskSession::open(context)?;
        // What is asked for is most often the own message, and `@last` the newest received.
        let entry = session.find(context, &self.reference).await.map_err(|error| match error.code() {
            "no-message" => error.hint(context.command("outbox")),
            _ => error,
        })?;
        let reference = entry.reference(&session.desk.config().ministry);
        owed::tell_rest(context, &session, &entry)?;
        let receipts = proofs::newest(context, &session, &entry).await?;
        let own = |one: &&Proven| self.submission == (one.kind() == LeafKind::Sent);
        // What the peer says outweighs what the own log said of an expiry or a withdrawal.
        let answer = receipts.iter().find(|one| !self.submission && one.is_answer());
        let wanted = answer.or_else(|| receipts.iter().find(own));
        let proven = wanted.ok_or_else(|| {
            let message = format!("there is no receipt of {reference} yet");
            CliError::new(Kind::TryLater, "no-receipt-yet", message).hint(context.typed.clone())
        })?;
        if let Some(path) = &self.output {
            self.write(context, &session, path, proven)?;
        }
        let mut report = proofs::report(proven);
        if let Some(report) = report.as_object_mut() {
            report.insert("schema".to_owned(), json!("chancery.receipt/1"));
            report.insert("ref".to_owned(), json!(reference));
            report.insert("message_id".to_owned(), json!(entry.id().to_string()));
        }
        context.output.data(&report, || text(&reference, proven))
    }

    fn write(
        &self,
        context: &Context,
        session: &DeskSession,
        path: &Path,
        proven: &Proven,
    ) -> Result<(), CliError> {
        let shown = path.display();
        if path == Path::new("-") {
            return Err(CliError::usage("terminal", "three files are written: name one with -o"));
        }
        let pieces = [
            (path.to_owned(), proven.receipt.proof().to_string().into_bytes()),
            (PathBuf::from(format!("{shown}.leaf")), proven.receipt.leaf_bytes().to_vec()),
            (PathBuf::from(format!("{shown}.policy")), policy(context, session, proven)?.into_bytes()),
        ];
        for (path, _) in &pieces {
            files::require_vacant(context, path, self.overwrite)?;
        }
        for (path, bytes) in &pieces {
            files::write(context, path, bytes, self.overwrite)?;
        }
        let word = shell_word(&shown.to_string());
        context.output.note(&format!("wrote {shown}, {shown}.leaf, {shown}.policy"));
        context.output.next(&format!("python3 verify_proof.py {word} {word}.leaf {word}.policy"));
        Ok(())
    }
}

/// The keys under which the proof holds, as `verify_proof.py` reads them.
fn policy(context: &Context, session: &DeskSession, proven: &Proven) -> Result<String, CliError> {
    let failed = |error| desk_session::failure(context, error);
    let note = &proven.receipt.proof().checkpoint;
    let mut lines = String::new();
    for key in session.trust().log_keys(&proven.keeper).map_err(failed)? {
        let key = key.with_name(proven.checkpoint.origin.clone());
        if note.verify(&key).is_ok() {
            lines.push_str(&format!("log {key}\n"));
        }
    }
    if proven.cosigned.is_some() {
        for key in session.trust().cosigner_keys(&proven.other).map_err(failed)? {
            if note.line_of(&key).is_some() {
                lines.push_str(&format!("witness {key}\n"));
            }
        }
    }
    Ok(lines)
}

fn text(reference: &str, proven: &Proven) -> String {
    let leaf = proven.receipt.leaf();
    let cosigned = match proven.cosigned {
        Some(at) => format!("{} at {at}", proven.other),
        None => format!("not yet by {}", proven.other),
    };
    let reason = if leaf.reason.is_empty() { String::new() } else { format!(" ({})", leaf.reason) };
    let lines = [
        ("message", reference.to_owned()),
        ("receipt", format!("{}{reason}", proven.kind())),
        ("time", proven.time().to_string()),
        ("log", proven.checkpoint.origin.to_string()),
        ("entry", proven.index().to_string()),
        ("checkpoint", format!("size {}, root {}", proven.checkpoint.size, proven.checkpoint.root.hex())),
        ("cosigned", cosigned),
    ];
    lines.iter().map(|(label, value)| format!("{label:<11} {value}\n")).collect()
}
