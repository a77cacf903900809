//! `status`: the gateway on one screen, and in its exit code.

use serde_json::{Value, json};

use super::context::Context;
use super::error::{CliError, Kind};
use super::operator::{Alarm, GatewayStatus, Operator, PeerStatus};
use super::table::Table;
use crate::time::Timestamp;

/// Show the state of the gateway: exit code 0 if all is well, 1 on an alarm, 5 if messages wait for an absent peer
#[derive(Debug, clap::Args)]
pub struct Status {}

impl Status {
    /// Asks the gateway in this home.
    pub async fn run(self, context: &Context) -> Result<(), CliError> {
        let seen = Operator::ask(context, async |mut operator| operator.status().await).await?;
        context.output.data(&report(&seen), || screen(&seen, context.clock.now()))?;
        verdict(&seen)
    }
}

/// What the exit code tells.
fn verdict(seen: &GatewayStatus) -> Result<(), CliError> {
    if let Some(alarm) = seen.alarms.first() {
        let count = seen.alarms.len();
        let message = format!("{count} alarms need a person, the first about {}", alarm.ministry);
        return Err(CliError::failed("alarm", message).reason(alarm.code.clone()));
    }
    match seen.peers.iter().find(|peer| !peer.connected && peer.queued > 0) {
        None => Ok(()),
        Some(peer) => {
            let message = format!("{} messages wait for {}, which is away", peer.queued, peer.ministry);
            let error = CliError::new(Kind::TryLater, "peer-away", message).cause(&peer.last_failure);
            Err(error.hint(format!("chancery peer ping {}", peer.ministry)))
        }
    }
}

fn report(seen: &GatewayStatus) -> Value {
    json!({
        "schema": "chancery.status/1",
        "ministry": seen.ministry,
        "version": seen.version,
        "started": seen.started.to_string(),
        "relay": seen.relay,
        "mailbox": seen.mailbox,
        "policy": seen.policy,
        "mailbox_waiting": seen.mailbox_waiting,
        "certificate_until": seen.certificate_end.to_string(),
        "peers": seen.peers.iter().map(peer_report).collect::<Vec<_>>(),
        "alarms": seen.alarms.iter().map(alarm_report).collect::<Vec<_>>(),
    })
}

fn peer_report(peer: &PeerStatus) -> Value {
    json!({
        "ministry": peer.ministry,
        "display_name": peer.display_name,
        "connected": peer.connected,
        "queued": peer.queued,
        "last_receipt": peer.last_receipt.map(|at| at.to_string()),
        "last_failure": peer.last_failure,
        "clock_skew": peer.clock_skew,
    })
}

fn alarm_report(alarm: &Alarm) -> Value {
    json!({
        "code": alarm.code,
        "time": alarm.time.to_string(),
        "ministry": alarm.ministry,
        "detail": alarm.detail,
    })
}

fn screen(seen: &GatewayStatus, now: Timestamp) -> String {
    let days = seen.certificate_end.seconds().saturating_sub(now.seconds()).div_euclid(24 * 3600);
    let mut text = format!(
        "gateway of {}, chancery {}, running since {}\n\
         relay        {}\n\
         mailbox      {}, {} waiting for the desk\n\
         certificate  until {} ({days} days)\n\
         policy       {}\n",
        seen.ministry,
        seen.version,
        seen.started,
        seen.relay,
        seen.mailbox,
        seen.mailbox_waiting,
        seen.certificate_end,
        if seen.policy == 0 { "none yet".to_owned() } else { seen.policy.to_string() },
    );
    if seen.peers.is_empty() {
        text.push_str("no peers\n");
    } else {
        let mut table = Table::new(["PEER", "STATE", "QUEUED", "LAST RECEIPT", "CLOCK", "LAST FAILURE"]);
        for peer in &seen.peers {
            table.row([
                &peer.ministry,
                if peer.connected { "connected" } else { "away" },
                &peer.queued.to_string(),
                &peer.last_receipt.map_or_else(|| "-".to_owned(), |at| at.to_string()),
                &format!("{:+} s", peer.clock_skew),
                if peer.last_failure.is_empty() { "-" } else { &peer.last_failure },
            ]);
        }
        text.push_str(&table.render());
    }
    if seen.alarms.is_empty() {
        text.push_str("no alarms\n");
    } else {
        let mut table = Table::new(["ALARM", "SINCE", "PEER", "WHAT HAPPENED"]);
        for alarm in &seen.alarms {
            table.row([&alarm.code, &alarm.time.to_string(), &alarm.ministry, &alarm.detail]);
        }
        text.push_str(&table.render());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(connected: bool, queued: u64, alarm: bool) -> GatewayStatus {
        let at = Timestamp::from_seconds(1_795_000_000);
        let peer = PeerStatus {
            ministry: "XB".to_owned(),
            display_name: "Ministry of XB".to_owned(),
            connected,
            queued,
            last_receipt: None,
            last_failure: "connection refused".to_owned(),
            clock_skew: -2,
        };
        let raised = Alarm {
            code: "CHN_04_EQUIVOCATION".to_owned(),
            time: at,
            ministry: "XB".to_owned(),
            detail: "two messages with one number".to_owned(),
        };
        GatewayStatus {
            ministry: "XA".to_owned(),
            version: "0.1.0".to_owned(),
            started: at,
            policy: 1,
            peers: vec![peer],
            mailbox_waiting: 0,
            certificate_end: at,
            alarms: if alarm { vec![raised] } else { Vec::new() },
            relay: "127.0.0.1:1".to_owned(),
            mailbox: "127.0.0.1:2".to_owned(),
        }
    }

    #[test]
    fn the_exit_code_tells_the_state() {
        let kind =
            |connected, queued, alarm| verdict(&status(connected, queued, alarm)).err().map(|e| e.kind());
        assert_eq!(kind(true, 3, false), None);
        assert_eq!(kind(false, 0, false), None);
        assert_eq!(kind(false, 3, false), Some(Kind::TryLater));
        assert_eq!(kind(false, 3, true), Some(Kind::Failed));
    }

    #[test]
    fn the_screen_is_no_longer_than_a_screen() {
        let text = screen(&status(false, 3, true), Timestamp::from_seconds(1_795_000_000));
        assert!(text.lines().count() < 24 && text.contains("CHN_04_EQUIVOCATION"), "{text}");
    }
}
