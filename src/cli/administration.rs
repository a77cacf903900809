//! `log tail --administration`: what was done to a gateway, by whom and why; and the proof of one such entry.

use std::path::Path;

use data_encoding::BASE64;
use serde_json::{Value, json};

use super::context::Context;
use super::desk_record;
use super::error::CliError;
use super::files;
use super::operator::Operator;
use super::operator::administration::{ActEntry, Wanted};
use super::paths;
use super::report::Done;
use super::table::Table;

/// Show the newest entries of the administrative log of a gateway, or of the record of a desk
///
/// Every act of an operator, of the own registry and of the gateway about itself is an entry: what was done, about
/// whom, by which user number, and the code that was given as reason. The log is signed by the gateway's log key and
/// only grows; `log prove --administration INDEX` proves an entry to others, `log head` shows its checkpoint: whoever
/// keeps one can tell later whether entries were taken out.
///
/// In the home of a desk: what was done to the desk, written before it was done. The gateway is told of each entry, and
/// GATEWAY is the entry of its log that vouches for it, with the name of a log that was begun later; `log verify` in
/// that home checks all of it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    chancery --home GATEWAY log tail --administration\n  \
    chancery --home GATEWAY log tail --administration -n 100 --json\n  \
    chancery --home DESK log tail --administration\n  \
    chancery --home GATEWAY log tail --administration --from 0 --log mfa.xa.example/chancery/administration/2026")]
pub(super) struct Tail {
    /// Of the administrative log
    #[arg(long, required = true)]
    administration: bool,

    /// So many entries
    #[arg(short = 'n', long, value_name = "NUMBER", default_value_t = 20,
          value_parser = clap::value_parser!(u32).range(1..=256))]
    limit: u32,

    /// From this entry on, instead of the newest
    #[arg(long, value_name = "INDEX")]
    from: Option<u64>,

    /// Of this log, as `log head` names it; otherwise the newest
    #[arg(long, value_name = "ORIGIN")]
    log: Option<String>,
}

impl Tail {
    pub(super) async fn run(self, context: &Context) -> Result<(), CliError> {
        if let Some(home) = desk_record::desk_named(context) {
            if self.log.is_some() {
                let error = CliError::usage("log", "a desk keeps one record, which has no name");
                return Err(error.hint(super::typed_without(&context.typed, "--log")));
            }
            return desk_record::tail(context, &home, self.from, self.limit);
        }
        let page = Operator::ask(context, async |mut operator| {
            let wanted = Wanted { log: self.log.as_deref(), from: self.from, count: self.limit };
            operator.acts(wanted).await
        })
        .await?;
        let mut table = Table::new(["ENTRY", "TIME", "WHO", "WHAT", "ABOUT", "REASON"]);
        for entry in &page.entries {
            let act = &entry.leaf.act;
            let concerned = act.concerns.map(|digest| digest.hex().chars().take(SHORT).collect::<String>());
            let about = act.ministry.iter().map(ToString::to_string).chain(concerned);
            let about = about.collect::<Vec<_>>().join(" ");
            table.row([
                &entry.index.to_string(),
                &entry.leaf.time.to_string(),
                &act.who.to_string(),
                act.verb.word(),
                if about.is_empty() { "-" } else { &about },
                if act.reason.is_empty() { "-" } else { &act.reason },
            ]);
        }
        let reports: Vec<Value> = page.entries.iter().map(|entry| report(&page.origin, entry)).collect();
        context.output.list(&reports, &table, "nothing was done to this gateway yet")?;
        let end = page.entries.last().map_or(page.size, |last| last.index.saturating_add(1));
        if end < page.size && !context.output.is_json() {
            let typed = super::typed_without(&context.typed, "--from");
            context.output.next(&format!("{typed} --from {end}"));
        }
        Ok(())
    }
}

/// Proves one entry, or writes the proof and the entry into a new directory.
pub(super) async fn prove(
    context: &Context,
    log: Option<&str>,
    index: u64,
    output: Option<&Path>,
) -> Result<(), CliError> {
    let (entry, proof) =
        Operator::ask(context, async |mut operator| operator.prove_act(log, index).await).await?;
    let mut report = report(proof_log(&proof), &entry);
    if let Some(object) = report.as_object_mut() {
        object.insert("proof".to_owned(), json!(proof));
    }
    let Some(directory) = output else { return context.output.data(&report, || proof.clone()) };
    std::fs::create_dir_all(directory).map_err(|error| {
        let message = format!("cannot make {}", directory.display());
        CliError::failed("unwritable", message).because(&error).hint(paths::look_around(directory))
    })?;
    let mut done = Done::new(report).says(format!("proof of entry {index} of the administrative log"));
    for (ending, bytes) in [("proof", proof.as_bytes()), ("leaf", entry.bytes.as_slice())] {
        let path = directory.join(format!("administration-{index}.{ending}"));
        files::write(context, &path, bytes, false)?;
        done = done.wrote(&path);
    }
    done.tell(context)
}

/// Origin of the log that a proof is of: the first line of the checkpoint, behind the empty line.
fn proof_log(proof: &str) -> &str {
    proof.split_once("\n\n").and_then(|(_, checkpoint)| checkpoint.lines().next()).unwrap_or_default()
}

fn report(log: &str, entry: &ActEntry) -> Value {
    let act = &entry.leaf.act;
    json!({
        "schema": "chancery.administrative-entry/1",
        "log": log,
        "index": entry.index,
        "time": entry.leaf.time.to_string(),
        "who": act.who.to_string(),
        "what": act.verb.word(),
        "ministry": act.ministry.as_ref().map(ToString::to_string),
        "digest": act.concerns.map(|digest| digest.hex()),
        "reason": (!act.reason.is_empty()).then_some(&act.reason),
        "leaf": BASE64.encode(&entry.bytes),
    })
}

/// Digits of a digest that are shown to people.
const SHORT: usize = 12;
