//! `key list`: the keys of a home, those that come next, those that are retired, and what was done with them.

use std::path::Path;

use serde_json::{Value, json};

use super::context::Context;
use super::error::CliError;
use super::files;
use super::key_rotate::refused;
use super::report;
use super::table::Table;
use crate::desk::vouched;
use crate::keys::file::{certificate_validity, read_certificates};
use crate::keys::home::desk::DeskHome;
use crate::keys::home::enrolment::Requested;
use crate::keys::rotation::history::{self, Deed, Entry};
use crate::keys::rotation::{Phase, Rotatable, Rotation, RotationRefusal};
use crate::time::Timestamp;
use crate::trust::bundle::SignedBundle;
use crate::trust::chain::ChainRefusal;
use crate::trust::name::Name;

/// List the keys of a desk or gateway, until when they are certified, and which come next
///
/// STATE says of each key whether its rotation is under way: the next key waits beside the one in use, or has taken its
/// place while the last trust bundle may still name the former one. CERTIFIED says so where the own bundle does not vouch
/// for the certificate of a registry or an office any more. With --history, one line for each step of every
/// rotation.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  chancery --home GATEWAY key list\n  chancery --home DESK key list --history"
)]
pub(super) struct List {
    /// What was done with the keys of this home, oldest first
    #[arg(long)]
    history: bool,
}

impl List {
    pub(super) fn run(self, context: &Context) -> Result<(), CliError> {
        let home = context.desk_home()?;
        let failed = |refusal: RotationRefusal| refused(context, refusal);
        let keys = Rotatable::all(&home).map_err(failed)?;
        let history = history::read(&home)?;
        if self.history {
            return told(context, &history);
        }
        let own = files::bundle(&DeskHome::at(&home).own_bundle()).ok();
        let mut table = Table::new(["KEY", "HOLDER", "MAY", "CERTIFIED", "STATE"]);
        let mut reports = Vec::with_capacity(keys.len());
        for key in &keys {
            let rotation = Rotation::of(&home, key.stem()).map_err(failed)?;
            let seen = Seen::of(&home, &rotation, &history).map_err(failed)?;
            let until = certified_until(key, &home)?;
            let disbelieved = own.as_ref().and_then(|own| disbelieved(own, key, &home, context.clock.now()));
            let (holder, may, certified) = match key {
                Rotatable::Certified(requested) => {
                    let state = state(until, disbelieved.as_ref(), context.clock.now());
                    (requested.name.to_string(), may(requested), state)
                }
                _ => ("-".to_owned(), "-".to_owned(), "-".to_owned()),
            };
            table.row([key.stem(), &holder, &may, &certified, &seen.words()]);
            let mut report = key_report(key, &home, until, &seen);
            if let Some(object) = report.as_object_mut() {
                object.insert("disbelieved".to_owned(), json!(disbelieved.map(|refusal| refusal.reason())));
            }
            reports.push(report);
        }
        context.output.list(&reports, &table, "no keys")
    }
}

fn told(context: &Context, history: &[Entry]) -> Result<(), CliError> {
    let mut table = Table::new(["TIME", "KEY", "ROTATION", "NEXT KEY"]);
    let mut reports = Vec::with_capacity(history.len());
    for Entry { time, key, deed, id } in history {
        table.row([&time.to_string(), key, deed.word(), id]);
        reports.push(json!({
            "schema": "chancery.key-history/1",
            "time": time.to_string(),
            "key": key,
            "done": deed.word(),
            "next_id": id,
        }));
    }
    context.output.list(&reports, &table, "no key of this home was rotated")
}

/// What is seen of the rotation of one key.
struct Seen {
    id: Option<String>,
    phase: Phase,
    /// When the phase began, or the key came in use, as far as the history knows.
    since: Option<Timestamp>,
    /// How many former keys are kept.
    retired: usize,
}

impl Seen {
    fn of(home: &Path, rotation: &Rotation, history: &[Entry]) -> Result<Self, RotationRefusal> {
        let phase = rotation.phase()?;
        let wanted = if phase == Phase::Steady { Deed::Completed } else { Deed::Begun };
        let stem = rotation.key().stem();
        let last = history.iter().rfind(|entry| entry.key == stem && entry.deed == wanted);
        let retired = match rotation.key() {
            Rotatable::Reading => retired(&DeskHome::at(home).retired_keys()),
            _ => 0,
        };
        Ok(Self { id: rotation.id()?, phase, since: last.map(|entry| entry.time), retired })
    }

    fn words(&self) -> String {
        let since = self.since.map(|time| format!(" since {time}")).unwrap_or_default();
        let mut words = match &self.phase {
            Phase::Steady if self.id.is_none() => "no certificate".to_owned(),
            Phase::Steady => format!("in use{since}"),
            Phase::Unfinished => "in use; making the next was cut short".to_owned(),
            Phase::Begun(id) => format!("in use; next {id}{since}"),
            Phase::Switching => "switching was cut short".to_owned(),
        };
        if self.retired > 0 {
            words.push_str(&format!("; {} retired, to read", self.retired));
        }
        words
    }

    fn state(&self) -> &'static str {
        match self.phase {
            Phase::Steady => "in-use",
            Phase::Unfinished => "unfinished",
            Phase::Begun(_) => "next-waits",
            Phase::Switching => "switching",
        }
    }
}

fn retired(folder: &Path) -> usize {
    std::fs::read_dir(folder).map_or(0, |entries| entries.flatten().count())
}

fn certified_until(key: &Rotatable, home: &Path) -> Result<Option<Timestamp>, CliError> {
    let Rotatable::Certified(requested) = key else { return Ok(None) };
    let chain = requested.place(home, "pem");
    if !chain.exists() {
        return Ok(None);
    }
    let certificates = read_certificates(&chain)?;
    Ok(certificates.first().and_then(|leaf| certificate_validity(leaf)).map(|(_, ends)| ends))
}

fn may(requested: &Requested) -> String {
    let may: Vec<&str> = requested.authorities.iter().map(|one| one.word()).collect();
    if may.is_empty() { "-".to_owned() } else { may.join(", ") }
}

/// Why the own bundle does not vouch for what a key signs in the name of the ministry.
fn disbelieved(own: &SignedBundle, key: &Rotatable, home: &Path, now: Timestamp) -> Option<ChainRefusal> {
    match key {
        Rotatable::Certified(requested)
            if matches!(requested.name, Name::Registry { .. } | Name::Office { .. }) =>
        {
            vouched::refusal(own, &requested.place(home, "pem"), now)
        }
        _ => None,
    }
}

fn state(until: Option<Timestamp>, disbelieved: Option<&ChainRefusal>, now: Timestamp) -> String {
    match disbelieved {
        Some(ChainRefusal::Revoked(since)) => return format!("revoked from {since} on"),
        Some(refusal) => return refusal.reason().to_owned(),
        None => {}
    }
    match until {
        None => "not yet".to_owned(),
        Some(until) if until < now => format!("ended {until}"),
        Some(until) => format!("until {until}"),
    }
}

fn key_report(key: &Rotatable, home: &Path, until: Option<Timestamp>, seen: &Seen) -> Value {
    let mut report = match key {
        Rotatable::Certified(requested) => report::requested(requested, home),
        _ => json!({ "key": key.stem(), "name": null, "authorities": [], "request": null }),
    };
    if let Some(object) = report.as_object_mut() {
        let next = match &seen.phase {
            Phase::Begun(id) => Some(id),
            _ => None,
        };
        object.insert("schema".to_owned(), json!("chancery.key/1"));
        object.insert("valid_until".to_owned(), json!(until.map(|until| until.to_string())));
        object.insert("id".to_owned(), json!(seen.id));
        object.insert("state".to_owned(), json!(seen.state()));
        object.insert("next_id".to_owned(), json!(next));
        object.insert("since".to_owned(), json!(seen.since.map(|time| time.to_string())));
        object.insert("retired".to_owned(), json!(seen.retired));
    }
    report
}
