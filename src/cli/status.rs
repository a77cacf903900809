//! `status`: the gateway on one screen, in the forms that people, scripts and monitoring read, and in its exit code.

pub(super) mod form;
pub(super) mod monitoring;
mod report;
mod screen;
#[cfg(test)]
mod tests;

use self::form::Form;
use super::context::Context;
use super::error::{CliError, Kind};
use super::operator::Operator;
use super::operator::queue::Alarm;
use super::operator::status::{GatewayStatus, PeerStatus};
use super::{alarm, desk_status, shell_word};
use crate::keys::expiry::Nearness;

/// Show the state of the gateway: exit code 0 if all is well, 1 on an alarm that nobody has acknowledged or where its
/// certificate is not believed, 5 if messages wait for an absent peer
///
/// In the home of a desk: what needs a person there, after the own gateway was asked what came and what became of what went
/// out: a protective act whose copy was cancelled there goes anew. Exit code 1 while an urgent message (FLASH, IMMEDIATE) is
/// unacknowledged beyond its time, on the side that sent it and on the side that has it, or while the bundle in force does
/// not vouch for an office whose certificate lies here; 5 if the own gateway is away.
/// Every certificate of the desk stands there with the days that are left; within 30 days of its end, or in its last third
/// if that is less, it is marked.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  chancery status                       one screen
  chancery status --format nagios       one line with the exit code of a monitoring plugin: 0, 1, 2
  chancery status --format prometheus   the page that Prometheus reads; [metrics] in gateway.toml serves it
  chancery --home desk status --format nagios --passphrase-file FILE")]
pub struct Status {
    /// In which form
    #[arg(long, value_name = "FORM", value_enum, default_value_t, conflicts_with = "json")]
    format: Form,
}

impl Status {
    /// Asks the gateway in this home; in the home of a desk, the desk.
    pub async fn run(self, context: &Context) -> Result<(), CliError> {
        if self.format == Form::Nagios && context.output.is_json() {
            let error = CliError::usage("format", "--format nagios is one line for its plugins, and no JSON");
            return Err(error.hint(context.command("status --format nagios")));
        }
        let home = context.named_home();
        if home.is_some_and(|home| home.join(crate::desk::config::Config::FILE).is_file()) {
            return match (desk_status::run(context, self.format).await, self.format) {
                // What keeps a desk from telling its state is told in the words of whoever asks.
                (Err(error), Form::Nagios) if !error.is_told() => monitoring::tell(context, Err(error)),
                (ended, _) => ended,
            };
        }
        match self.format {
            Form::Prometheus => {
                let page = Operator::ask(context, async |mut operator| operator.metrics().await).await?;
                context.output.own_text(&page)
            }
            Form::Nagios => {
                let seen = Operator::ask(context, async |mut operator| operator.status().await).await;
                monitoring::tell(context, seen)
            }
            form => {
                let seen = Operator::ask(context, async |mut operator| operator.status().await).await?;
                tell(context, &seen, form)
            }
        }
    }
}

fn tell(context: &Context, seen: &GatewayStatus, form: Form) -> Result<(), CliError> {
    let now = context.clock.now();
    match form {
        Form::Json => context.output.object(&report::report(seen))?,
        _ => context.output.data(&report::report(seen), || screen::screen(seen, now))?,
    }
    let ends_soon = seen.transport().is_some_and(|life| life.nearness > Nearness::Far);
    if ends_soon && seen.certificate_flaw.is_none() {
        context.output.note("the certificate is to be renewed, or every connection ends with it");
        let home = shell_word(&context.gateway_home().to_string_lossy());
        context.output.next(&format!("chancery desk enrol --ministry-home ROOT --renew {home}"));
    }
    verdict(context, seen)
}

/// What gives this gateway a certificate that is believed.
pub(super) fn believed_again(context: &Context, flaw: &str) -> String {
    // A key that is revoked is not certified again.
    if flaw.starts_with("CERTIFICATE_REVOKED") {
        return context.command("key rotate transport");
    }
    let home = shell_word(&context.gateway_home().to_string_lossy());
    format!("chancery desk enrol --ministry-home ROOT --renew {home}")
}

/// What the exit code tells.
fn verdict(context: &Context, seen: &GatewayStatus) -> Result<(), CliError> {
    let unseen: Vec<&Alarm> = seen.alarms.iter().filter(|alarm| alarm.acknowledged.is_none()).collect();
    if let Some(first) = unseen.first() {
        let message = match unseen.len() {
            1 => format!("1 alarm needs a person, about {}", first.ministry),
            count => format!("{count} alarms need a person, the first about {}", first.ministry),
        };
        let error = CliError::failed("alarm", message).reason(first.code.clone());
        let seen = alarm::acknowledging(context, first);
        // Whoever acknowledges first has a green light and the same trouble.
        return Err(match alarm::remedy(context, first) {
            Some(remedy) => {
                error.cause(&first.detail).cause(format!("once that is done: {seen}")).hint(remedy)
            }
            None => error.cause(&first.detail).hint(seen),
        });
    }
    if let Some(flaw) = &seen.certificate_flaw {
        let reason = flaw.split_once(':').map_or(flaw.as_str(), |(reason, _)| reason);
        let message = "the certificate of this gateway is believed by nobody";
        let error = CliError::failed("certificate-not-believed", message).reason(reason.to_owned());
        return Err(error.cause(flaw).hint(believed_again(context, flaw)));
    }
    // Whoever has acknowledged the alarm has not ended what it tells of.
    if let Some(made) = seen.restored {
        let message = format!("restored from a backup of {made}, and not every peer is let in yet");
        return Err(CliError::failed("alarm", message).reason("RESTORED").hint(context.command("doctor")));
    }
    // A pause is somebody's decision, and no failure.
    let takes_none =
        |peer: &PeerStatus| peer.pause.is_none() && (!peer.connected || peer.takes_nothing_since.is_some());
    let waits = |peer: &&PeerStatus| takes_none(peer) && peer.queued > peer.held;
    let Some(peer) = seen.peers.iter().find(waits) else { return Ok(()) };
    let what = match peer.queued {
        1 => format!("1 message waits for {}", peer.ministry),
        count => format!("{count} messages wait for {}", peer.ministry),
    };
    let error = match peer.takes_nothing_since.filter(|_| peer.connected) {
        Some(since) => {
            let message = format!("{what}, which takes nothing since {since}");
            CliError::new(Kind::TryLater, "peer-takes-nothing", message)
                .cause(
                    "it has no room, or its desk has not fetched what waits there; its operator knows which",
                )
                .hint(context.command(&format!("queue list --ministry {}", peer.ministry)))
        }
        None => CliError::new(Kind::TryLater, "peer-away", format!("{what}, which is away"))
            .cause(&peer.last_failure)
            .hint(context.command(&format!("peer ping {}", peer.ministry))),
    };
    Err(error)
}
