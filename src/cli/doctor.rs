//! `doctor`: looks at everything that an operator can mend, and names for each fault the one command that comes next.
//!
//! A home enters; findings leave, each ok, warn or bad (`fail` in JSON). What a running gateway says of itself is asked
//! by its operator's socket; where none runs, the files are looked at. Nothing is changed, and no content is opened.

mod bundle;
mod desk;
mod door;
mod finding;
mod gateway;
mod home;

use std::path::PathBuf;

use serde_json::{Value, json};

use super::context::Context;
use super::desk_record::{self, Examined};
use super::error::{CliError, Kind};
use super::files;
use super::operator::Operator;
use super::output::Mark;
use super::typed_without;
use crate::desk::config::Config as DeskConfig;
use finding::{Finding, Level};

/// Look for what is wrong with a gateway or a desk: exit code 0 if nothing is, 1 where something failed
///
/// Every check ends with ok, warn or bad (in JSON `fail`), and each that is not ok names the next command. With
/// --passphrase-file a desk also knocks at its gateway: whether it is let in, and believes the gateway.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  chancery --home xa/gateway doctor
  chancery --home xa/gateway doctor --offline               do not connect to peers
  chancery --home xa/gateway doctor --bundle support.json   everything a supporter asks for, and nothing of any message")]
pub struct Doctor {
    /// Do not connect to peers
    #[arg(long)]
    offline: bool,

    /// Write what a supporter needs into one JSON file that can be read before it is given away: versions, configuration,
    /// state, metrics, modes of files; no key, no message, no name of a person
    #[arg(long, value_name = "FILE")]
    bundle: Option<PathBuf>,
}

impl Doctor {
    /// Looks, tells, and ends with the worst.
    pub async fn run(self, context: &Context) -> Result<(), CliError> {
        let named = context.named_home().filter(|home| home.join(DeskConfig::FILE).is_file());
        let is_desk = named.is_some();
        let home = named.unwrap_or_else(|| context.gateway_home());
        let now = context.clock.now();
        let again = format!("{} --home DIR", typed_without(&context.typed, "--home"));
        let mut findings = home::look(&home, is_desk, now, &again);
        let mut seen = None;
        if is_desk {
            findings.extend(desk::look(context, &home));
            findings.extend(record(context));
            findings.extend(door::look(context, &home).await);
        } else {
            let asked = Operator::ask(context, async |mut operator| {
                let status = operator.status().await?;
                let pings =
                    if self.offline { Vec::new() } else { gateway::ping_all(&mut operator, &status).await };
                Ok((status, pings, operator.metrics().await?))
            })
            .await;
            findings.extend(match &asked {
                Ok((status, pings, _)) => gateway::look(context, status, pings, now),
                // That there is no home was told just now.
                Err(error) if error.code() == "no-home" => Vec::new(),
                Err(error) => vec![gateway::away(&home, error)],
            });
            seen = asked.ok();
        }
        if let Some(file) = &self.bundle {
            let bundle =
                bundle::of(&home, is_desk, &findings, seen.as_ref().map(|(_, _, page)| page.as_str()), now)?;
            let text = serde_json::to_string_pretty(&bundle)
                .map_err(|error| CliError::failed("bundle", "the bundle was not written").because(&error))?;
            files::write(context, file, text.as_bytes(), false)?;
            context.output.note(&format!("wrote {}", file.display()));
        }
        tell(context, &findings)
    }
}

/// The administrative record of a desk.
fn record(context: &Context) -> Option<Finding> {
    let next = || context.command("log verify");
    match desk_record::examine(context) {
        Ok(Examined { entries, vouched, damages, .. }) if damages.is_empty() => {
            // The gateway is not asked here: what it proved of each entry is kept beside the record.
            let said =
                format!("{entries} entries; by the proofs kept here the gateway vouched for {vouched}");
            Some(Finding::ok("record", said))
        }
        Ok(Examined { damages, .. }) => {
            let said = format!("{} entries are not as the gateway was told", damages.len());
            Some(Finding::fail("record", said, next()))
        }
        Err(error) if error.kind() == Kind::Verification => {
            Some(Finding::fail("record", error.message(), next()))
        }
        Err(error) if error.code() == "own-bundle-old" => {
            Some(Finding::fail("record", error.message(), context.command("trust install FILE")))
        }
        // Whether there is a desk at all was looked at before.
        Err(_) => None,
    }
}

fn tell(context: &Context, findings: &[Finding]) -> Result<(), CliError> {
    if context.output.is_json() {
        let checks: Vec<Value> = findings.iter().map(Finding::report).collect();
        context.output.data(&json!({ "schema": "chancery.doctor/1", "checks": checks }), String::new)?;
    }
    for finding in findings {
        let mark = match finding.level {
            Level::Ok => Mark::Ok,
            Level::Warn => Mark::Warning,
            Level::Fail => Mark::Bad,
        };
        context.output.step(mark, &format!("{:<12} {}", finding.subject, finding.said));
        if let Some(command) = &finding.next {
            context.output.next(command);
        }
    }
    let failed = findings.iter().filter(|finding| finding.level == Level::Fail).count();
    let Some(first) = findings.iter().find(|finding| finding.level == Level::Fail) else { return Ok(()) };
    let message = if failed == 1 { "1 check failed".to_owned() } else { format!("{failed} checks failed") };
    let error = CliError::failed("unwell", message);
    Err(match &first.next {
        Some(command) => error.hint(command.clone()),
        None => error,
    })
}
