//! `log fork`: the proofs that a log forked, for the operator; and what `verify` makes of such a proof.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::context::Context;
use super::error::{CliError, Kind};
use super::files;
use super::operator::{Fork as Kept, Operator};
use super::report::Done;
use super::shell_word;
use super::table::Table;
use crate::tlog::fork::{Fork as Proven, ForkProof, ForkRefused};
use crate::tlog::verifier_key::VerifierKey;
use crate::trust::bundle::SignedBundle;
use crate::trust::name::Ministry;

/// How the text of a proof begins.
const BEGINNING: &[u8] = b"chancery/fork-proof/";

/// List the proofs that a log forked, or write one to a file
///
/// A ministry that signs two checkpoints of one log which cannot both be true has two histories. The gateway keeps
/// both signatures and freezes the channel. The file proves it to anybody, offline, with the trust bundle alone.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    chancery --home GATEWAY log fork\n  \
    chancery --home GATEWAY log fork XB -o xb.fork\n  \
    chancery verify xb.fork --trust trust/")]
pub(super) struct Fork {
    /// Code of the other ministry of the pair
    #[arg(value_name = "CODE", value_parser = Ministry::parse)]
    ministry: Option<Ministry>,

    /// Where to write the proof; there must be exactly one
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Fork {
    pub(super) async fn run(self, context: &Context) -> Result<(), CliError> {
        let peer = self.ministry.as_ref();
        let kept = Operator::ask(context, async |mut operator| operator.forks(peer).await).await?;
        let Some(path) = &self.output else { return list(context, &kept) };
        let [proof] = kept.as_slice() else {
            let (kind, message) = match kept.is_empty() {
                true => (Kind::NotFound, "no log of this gateway and its peers is known to have forked"),
                false => (Kind::Usage, "there are several proofs: name the ministry"),
            };
            return Err(CliError::new(kind, "no-single-proof", message));
        };
        files::write(context, path, proof.text.as_bytes(), false)?;
        let command = format!("chancery verify {} --trust DIR", shell_word(&path.display().to_string()));
        Done::new(report(proof)).says(sentence(proof)).wrote(path).next(&command).tell(context)
    }
}

fn list(context: &Context, kept: &[Kept]) -> Result<(), CliError> {
    let mut table = Table::new(["MINISTRY", "LOG", "SIZE", "WHOSE"]);
    for proof in kept {
        let whose = if proof.own { "our own" } else { "the peer's" };
        let (log, size) = place(proof);
        table.row([proof.ministry.as_str(), &log, &size, whose]);
    }
    let reports: Vec<Value> = kept.iter().map(report).collect();
    context.output.list(&reports, &table, "no log is known to have forked")
}

/// Log and size, as the first checkpoint states them; nobody's signature is judged here.
fn place(proof: &Kept) -> (String, String) {
    let mut lines = proof.text.lines().skip_while(|line| *line != "checkpoint").skip(1);
    let mut next = || lines.next().unwrap_or_default().to_owned();
    (next(), next())
}

fn sentence(proof: &Kept) -> String {
    let (log, size) = place(proof);
    format!("two signed histories of {log}, which differ at size {size} or before")
}

fn report(proof: &Kept) -> Value {
    let (log, size) = place(proof);
    json!({
        "schema": "chancery.fork/1",
        "ministry": proof.ministry,
        "own": proof.own,
        "log": log,
        "size": size.parse::<u64>().ok(),
        "proof": proof.text,
    })
}

/// Whether a file is a proof of this kind and no evidence file.
pub(super) fn is_proof(beginning: &[u8]) -> bool {
    beginning.starts_with(BEGINNING)
}

/// Judges the text of a proof by bundles from outside.
pub(super) fn judge(
    context: &Context,
    path: &Path,
    text: &[u8],
    bundles: &[SignedBundle],
) -> Result<(), CliError> {
    let mut keys = Vec::new();
    for bundle in bundles {
        let content = bundle.bundle().content();
        // Whether it is in force now is beside the point: it says whose key it was.
        bundle.verify(None, content.valid_from).map_err(|refusal| {
            let message = format!("a trust bundle of {} does not verify", content.ministry);
            CliError::usage("bundle", message).because(&refusal)
        })?;
        keys.extend(content.log_keys.iter().filter_map(|key| VerifierKey::parse(key).ok()));
    }
    let text = std::str::from_utf8(text).map_err(|_| ForkRefused::Malformed);
    let judged = text.and_then(ForkProof::parse).and_then(|proof| proof.judge(&keys));
    let shown = path.display();
    match judged {
        Ok(fork) => context.output.data(&verdict(&fork), || {
            format!(
                "proven: the keeper of {} signed two histories\n\
                 at size {} one checkpoint says {}\n\
                 and another proves {}\n",
                fork.origin,
                fork.size,
                fork.signed.hex(),
                fork.contradicted.hex()
            )
        }),
        Err(refused @ ForkRefused::Untrusted(_)) => {
            let message = format!("{shown}: {refused}");
            let error = CliError::new(Kind::NotPermitted, "not-trusted", message).reason(refused.reason());
            Err(error.hint(format!("chancery verify {} --trust DIR", shell_word(&shown.to_string()))))
        }
        Err(refused) => {
            let message = format!("{shown} proves no fork: {refused}");
            Err(CliError::new(Kind::Verification, "not-proven", message).reason(refused.reason()))
        }
    }
}

fn verdict(fork: &Proven) -> Value {
    json!({
        "schema": "chancery.fork-verdict/1",
        "log": fork.origin.as_str(),
        "size": fork.size,
        "signed_root": fork.signed.hex(),
        "contradicted_root": fork.contradicted.hex(),
        "key": fork.key.to_string(),
    })
}
