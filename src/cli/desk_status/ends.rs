//! What ends by itself at a desk, for its screen: every certificate of its own with the days that are left, and of its
//! peers what is near its end.

use serde_json::{Value, json};

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::shell_word;
use crate::cli::table::Table;
use crate::desk::config::Config;
use crate::desk::expiry::Ending;
use crate::keys::expiry::{Expiring, Nearness, days_left};
use crate::time::Timestamp;
use crate::trust::chain::ChainRefusal;
use crate::trust::name::Ministry;

/// What it is, and which of several.
pub(super) fn name(one: &Ending) -> String {
    let what = one.lifetime.what.word();
    one.label.as_ref().map_or_else(|| what.to_owned(), |label| format!("{what} {label}"))
}

/// For scripts.
pub(super) fn report(one: &Ending, now: Timestamp) -> Value {
    json!({
        "what": one.lifetime.what.word(),
        "label": one.label,
        "ministry": one.lifetime.ministry.as_str(),
        "until": one.lifetime.ends.to_string(),
        "days": days_left(one.lifetime.ends, now),
        "nearness": one.lifetime.nearness(now).word(),
        "disbelieved": one.disbelieved.as_ref().map(ChainRefusal::reason),
    })
}

/// For people: what is to be renewed is marked.
pub(super) fn table(endings: &[Ending], own: &Ministry, now: Timestamp) -> String {
    let mut table = Table::new(["", "CERTIFICATE", "OF", "UNTIL", "DAYS"]);
    for one in endings {
        let (life, nearness) = (&one.lifetime, one.lifetime.nearness(now));
        if life.ministry != *own && nearness == Nearness::Far {
            continue;
        }
        let mark = match (&one.disbelieved, nearness) {
            (Some(ChainRefusal::Revoked(_)), _) => "REVOKED",
            (Some(_), _) => "NOT BELIEVED",
            (None, Nearness::Far) => "",
            (None, Nearness::Ended) => "ENDED",
            (None, _) => "RENEW",
        };
        let until = life.ends.to_string();
        let days = match one.disbelieved {
            Some(_) => "-".to_owned(),
            None => days_left(life.ends, now).to_string(),
        };
        table.row([mark, &name(one), life.ministry.as_str(), &until, &days]);
    }
    table.render()
}

/// Fails where a key signs here what nobody believes: its certificate is revoked, or not of the own bundle's authorities.
pub(super) fn require_believed(context: &Context, endings: &[Ending]) -> Result<(), CliError> {
    for one in endings {
        let Some(refusal) = &one.disbelieved else { continue };
        let stem = match &one.label {
            Some(label) => format!("keys/offices/{label}"),
            None => "keys/registry".to_owned(),
        };
        let message = format!("nobody believes what {} signs", name(one));
        let error = CliError::failed("certificate-not-believed", message).reason(refusal.reason());
        let hint = context.command(&format!("key rotate {}", shell_word(&stem)));
        return Err(error.cause(refusal.to_string()).hint(hint));
    }
    Ok(())
}

/// Says what comes next where something is near its end.
pub(super) fn advise(context: &Context, config: &Config, endings: &[Ending], now: Timestamp) {
    let near = |one: &&Ending| one.disbelieved.is_none() && one.lifetime.nearness(now) > Nearness::Far;
    let Some(first) = endings.iter().filter(near).find(|one| one.lifetime.ministry == config.ministry) else {
        return;
    };
    let days = days_left(first.lifetime.ends, now);
    context.output.note(&format!("{} is to be renewed: it ends in {days} days", name(first)));
    let home = shell_word(&config.home.to_string_lossy());
    match first.lifetime.what {
        Expiring::Access | Expiring::Registry | Expiring::Office => {
            context.output.next(&format!("chancery desk enrol --ministry-home ROOT --renew {home}"));
        }
        Expiring::Bundle => {
            let homes = format!("--ministry-home ROOT --gateway GATEWAY --desk {home}");
            context.output.next(&format!("chancery trust sign {homes} -o FILE"));
        }
        Expiring::Client => context.output.next(&context.command("desk clients")),
        // The service renews its own while it runs; roots and authorities end with what they were founded for.
        _ => {}
    }
}
