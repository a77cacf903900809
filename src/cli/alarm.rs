//! `alarm list|ack`: what needs a person at the gateway, and that somebody has seen it.

use serde_json::{Value, json};

use super::context::Context;
use super::error::{CliError, Kind};
use super::operator::Operator;
use super::operator::queue::Alarm as Raised;
use super::shell_word;
use super::table::Table;
use crate::trust::name::Ministry;

/// List the gateway's alarms, and acknowledge them
///
/// An alarm stands until its cause is gone. Acknowledged, it stays quiet while the same thing goes on, and is new
/// when something else happens, or the same after a silence. SECURITY.md says what each code asks for.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    chancery --home GATEWAY alarm list\n  \
    chancery --home GATEWAY alarm ack REFUSED_BY_PEER --ministry XB\n  \
    chancery --home GATEWAY alarm ack --all")]
pub struct Alarm {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    List(List),
    Ack(Ack),
}

/// List alarms, those that nobody has acknowledged first
#[derive(Debug, clap::Args)]
struct List {
    /// Also those whose cause is gone
    #[arg(long)]
    all: bool,
}

/// Say that you have seen alarms; the number of your user on this host is kept with them
#[derive(Debug, clap::Args)]
struct Ack {
    /// Code of the alarm
    #[arg(value_name = "CODE", required_unless_present = "all")]
    code: Option<String>,

    /// Only about this ministry
    #[arg(long, value_name = "CODE", value_parser = Ministry::parse)]
    ministry: Option<Ministry>,

    /// Whatever their code
    #[arg(long, conflicts_with = "code")]
    all: bool,
}

impl Alarm {
    /// Asks the gateway in this home.
    pub async fn run(self, context: &Context) -> Result<(), CliError> {
        match self.what {
            What::List(command) => command.run(context).await,
            What::Ack(command) => command.run(context).await,
        }
    }
}

impl List {
    async fn run(self, context: &Context) -> Result<(), CliError> {
        let alarms = Operator::ask(context, async |mut operator| operator.alarms(self.all).await).await?;
        tell(context, &alarms, "no alarms")
    }
}

impl Ack {
    async fn run(self, context: &Context) -> Result<(), CliError> {
        let Self { code, ministry, .. } = self;
        let code = code.unwrap_or_default();
        let seen =
            Operator::ask(context, async |mut operator| operator.acknowledge(&code, ministry.as_ref()).await)
                .await?;
        if seen.is_empty() && !code.is_empty() {
            let message = format!("no alarm {code} waits for somebody");
            return Err(
                CliError::new(Kind::NotFound, "no-alarm", message).hint(context.command("alarm list --all"))
            );
        }
        tell(context, &seen, "no alarm waits for somebody")
    }
}

fn tell(context: &Context, alarms: &[Raised], nothing: &str) -> Result<(), CliError> {
    let reports: Vec<Value> = alarms.iter().map(report).collect();
    context.output.list(&reports, &table(alarms), nothing)
}

/// The command against the cause of an alarm, as docs/operations.md tells it at length; none where people must speak to
/// each other, or have nothing to do. To acknowledge it comes last.
pub(super) fn remedy(context: &Context, alarm: &Raised) -> Option<String> {
    let peer = &alarm.ministry;
    let here = |words: &str| Some(context.command(words));
    match alarm.code.as_str() {
        "ACCREDITATION_ENDED" | "KEY_NOT_ANNOUNCED" => Some(
            "chancery trust sign --ministry-home ROOT --gateway GATEWAY --desk DESK -o NEXT.bundle"
                .to_owned(),
        ),
        "ADMINISTRATION_ROLLED_BACK" | "CONFIRMED_BY_OPERATOR" => here("log tail --administration"),
        "BUNDLE_REFUSED" => Some("chancery --home DESK peer inspect PEER.bundle".to_owned()),
        "CREDENTIALS_REFUSED" => here("doctor"),
        "DESK_LIST_REFUSED" => Some("cp ROOT/desk-access.crl GATEWAY/trust/desk-access.crl".to_owned()),
        // Whether its desk is awaited, or which peer is to be let in.
        "RESTORED" => here("doctor"),
        "LEAVES_LOST" | "PART_DAMAGED" => Some("chancery --home DESK outbox".to_owned()),
        // Only a receipt of the own desk shows it: there is no proof that a peer could be shown.
        "OWN_LOG_FORK" if alarm.detail.contains("/forks/") => {
            Some(format!("ls -la {}", shell_word(&context.gateway_home().join("forks").to_string_lossy())))
        }
        "LOG_FORK" | "OWN_LOG_FORK" => here(&format!("log fork {peer} -o {}.fork", peer.to_lowercase())),
        "FALSE_CLAIM" | "FALSE_COPY" | "LOG_MISMATCH" | "PART_STUCK" | "ROLLED_BACK" | "UNCONFIRMED" => {
            here(&format!("peer ping {peer}"))
        }
        "MIRROR_QUOTA" => here("config show"),
        "PART_WITHOUT_ROOM" | "STORE_SPACE" => {
            Some(format!("df -h {}", shell_word(&context.gateway_home().to_string_lossy())))
        }
        "PEER_WITHHOLDS_RECEIPTS" | "REFUSED_BY_PEER" => here(&format!("queue list --ministry {peer}")),
        "QUARANTINED" => here("doctor --bundle support.json"),
        "URGENT_EXPIRED" => here("queue list --state expired"),
        "URGENT_HELD_UP" => here("queue list --state held"),
        "URGENT_WITHDRAWN" => Some("chancery --home DESK outbox".to_owned()),
        _ => None,
    }
}

/// The command that says that somebody has seen an alarm.
pub(super) fn acknowledging(context: &Context, alarm: &Raised) -> String {
    context.command(&format!("alarm ack {} --ministry {}", alarm.code, alarm.ministry))
}

/// Alarms for people.
pub(super) fn table(alarms: &[Raised]) -> Table {
    let mut table = Table::new(["ALARM", "ABOUT", "TIMES", "SINCE", "LAST", "SEEN", "WHAT HAPPENED"]);
    for alarm in alarms {
        let seen = match (alarm.cleared, alarm.acknowledged) {
            (Some(_), _) => "over".to_owned(),
            (None, Some((_, operator))) => format!("by user {operator}"),
            (None, None) => "no".to_owned(),
        };
        table.row([
            &alarm.code,
            &alarm.ministry,
            &alarm.count.to_string(),
            &alarm.first_time.to_string(),
            &alarm.time.to_string(),
            &seen,
            &alarm.detail,
        ]);
    }
    table
}

/// An alarm for scripts.
pub(super) fn report(alarm: &Raised) -> Value {
    json!({
        "schema": "chancery.alarm/1",
        "code": alarm.code,
        "ministry": alarm.ministry,
        "time": alarm.time.to_string(),
        "detail": alarm.detail,
        "first_time": alarm.first_time.to_string(),
        "first_detail": alarm.first_detail,
        "count": alarm.count,
        "acknowledged": alarm.acknowledged.map(|(time, _)| time.to_string()),
        "acknowledged_by_uid": alarm.acknowledged.map(|(_, operator)| operator),
        "cleared": alarm.cleared.map(|at| at.to_string()),
    })
}
