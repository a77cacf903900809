//! How a rehearsal is told: to people move by move, to scripts as one object.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::cli::table::Table;
use crate::rehearsal::play::account::{Account, Arrival, Deviation, Event, Looked, Said, Told, codes};
use crate::rehearsal::play::real::Deeds;
use crate::time::Timestamp;

/// One script, played.
pub(super) struct Played {
    /// Where it lies.
    pub(super) path: String,
    /// What came of it.
    pub(super) account: Account,
    /// What was really done; none where it was simulated.
    pub(super) deeds: Option<Deeds>,
}

/// What people read.
pub(super) fn text(played: &[Played], timeline: bool) -> String {
    let mut text = String::new();
    for Played { path, account, deeds } in played {
        let _ = writeln!(text, "{} ({path})", account.title);
        if !account.summary.is_empty() {
            let _ = writeln!(text, "{}", account.summary);
        }
        text.push('\n');
        for told in &account.told {
            one(&mut text, told, timeline);
        }
        for deviation in &account.outstanding {
            let _ = writeln!(text, "BAD               {}: {deviation}", deviation.label);
        }
        text.push('\n');
        text.push_str(&finals(account));
        let _ = writeln!(text, "{}", sum(account));
        if let Some(deeds) = deeds {
            let _ = writeln!(text, "{}", done(deeds));
        }
        text.push('\n');
    }
    text.truncate(text.trim_end().len());
    text
}

fn one(text: &mut String, told: &Told, timeline: bool) {
    if timeline {
        arrivals(text, &told.before);
    }
    let mark = if told.deviations.is_empty() { "ok " } else { "BAD" };
    let title = if told.title.is_empty() { String::new() } else { format!("  {}", told.title) };
    let what = match &told.event {
        Event::Said(said) => format!("{} {}{title}", said.sender, said.kind),
        Event::Delivered(copies) => format!("{copies} copies let go{title}"),
        Event::Waited => format!("time passes{title}"),
        Event::Checked(_) => format!("check{title}"),
    };
    let _ = writeln!(text, "{mark} {} {:>3}  {what}", clock(told.time), told.number);
    match &told.event {
        Event::Said(said) => said_more(text, said, told, timeline),
        Event::Checked(looked) => looked.iter().for_each(|one| looked_more(text, one, timeline)),
        Event::Delivered(_) | Event::Waited => {}
    }
    for deviation in &told.deviations {
        let _ = writeln!(text, "{INDENT}{deviation}  (line {})", deviation.line);
    }
    if timeline || told.after.iter().any(|arrival| arrival.is_remarkable()) {
        arrivals(text, &told.after);
    }
}

const INDENT: &str = "                            ";

fn said_more(text: &mut String, said: &Said, told: &Told, timeline: bool) {
    if !said.released && said.verdict.is_empty() {
        let _ = writeln!(text, "{INDENT}it could not be said");
    } else if !said.released {
        let expected = if told.deviations.is_empty() { ", as expected" } else { "" };
        let _ = writeln!(text, "{INDENT}refused by its own desk{expected}: {}", codes(&said.verdict));
    } else if said.forced {
        let _ = writeln!(text, "{INDENT}sent against its own desk: {}", codes(&said.verdict));
    }
    let telling = timeline || !told.deviations.is_empty();
    for (rule, message, cure) in said.findings.iter().filter(|_| telling) {
        let _ = writeln!(text, "{INDENT}{rule}: {message} ({cure})");
    }
}

fn looked_more(text: &mut String, looked: &Looked, timeline: bool) {
    if !timeline || !looked.holds {
        return;
    }
    let _ = match &looked.at {
        Some(at) => writeln!(text, "{INDENT}{at}: {} is {}", looked.what, looked.actual),
        None => writeln!(text, "{INDENT}{}: {}", looked.what, looked.actual),
    };
}

fn arrivals(text: &mut String, arrivals: &[Arrival]) {
    for arrival in arrivals {
        let _ = writeln!(text, "{INDENT}-> {} of {}: {}", arrival.at, arrival.label, arrival.outcome);
    }
}

/// `2026-03-02 08:10`; all times are UTC.
fn clock(time: Timestamp) -> String {
    let text = time.to_string();
    format!("{} {}", text.get(..10).unwrap_or_default(), text.get(11..16).unwrap_or_default())
}

fn finals(account: &Account) -> String {
    let mut table = Table::new(["DESK", "CASE", "AT THE END"]);
    for last in &account.finals {
        let states: Vec<String> = last.states.iter().map(|(name, state)| format!("{name} {state}")).collect();
        let case = last.person.as_deref().unwrap_or("consultation");
        table.row([last.at.as_str(), case, &states.join(", ")]);
    }
    table.render()
}

fn sum(account: &Account) -> String {
    let said = |went: bool| {
        let said = |told: &&Told| matches!(&told.event, Event::Said(said) if said.released == went);
        account.told.iter().filter(said).count()
    };
    let checks = account.told.iter().filter(|told| matches!(told.event, Event::Checked(_))).count();
    let rest = match account.unplayed {
        0 => String::new(),
        count => format!(", {count} moves not played"),
    };
    let many =
        |count: usize, what: &str| if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") };
    let outcome = match account.deviations().count() {
        0 => "all as expected".to_owned(),
        1 => "one thing came otherwise than expected".to_owned(),
        count => format!("{count} things came otherwise than expected"),
    };
    // Desks count them too.
    let opening = match account.opening {
        0 => String::new(),
        count => format!(" and the {count} that opened the consultation"),
    };
    let refused = match said(false) {
        0 => String::new(),
        count => format!(", {count} refused"),
    };
    format!("{}{opening}{refused}, {}{rest}: {outcome}", many(said(true), "act"), many(checks, "check"))
}

/// What was really done.
fn done(deeds: &Deeds) -> String {
    let Deeds { ministries, acts, copies, receipts, evidence } = deeds;
    format!(
        "really played: {ministries} ministries, {acts} acts signed and sealed, {copies} copies relayed, \
         {receipts} receipts proven, {evidence} messages verified as evidence"
    )
}

/// What scripts read.
pub(super) fn json(played: &[Played]) -> Value {
    let good = played.iter().all(|one| one.account.is_as_expected());
    let each: Vec<Value> = played.iter().map(account_json).collect();
    json!({ "schema": "chancery.rehearsal/1", "as_expected": good, "rehearsals": each })
}

fn account_json(Played { path, account, deeds }: &Played) -> Value {
    json!({
        "file": path,
        "title": account.title,
        "seed": account.seed,
        "as_expected": account.is_as_expected(),
        "moves": account.told.iter().map(told_json).collect::<Vec<_>>(),
        "opening_acts": account.opening,
        "not_played": account.unplayed,
        "real": deeds.as_ref().map(|deeds| json!({
            "ministries": deeds.ministries,
            "acts": deeds.acts,
            "copies": deeds.copies,
            "receipts": deeds.receipts,
            "evidence": deeds.evidence,
        })),
        "outstanding": account.outstanding.iter().map(deviation_json).collect::<Vec<_>>(),
        "final": account.finals.iter().map(|last| json!({
            "at": last.at.as_str(),
            "case": last.person,
            "states": last.states.iter().map(|(name, state)| ((*name).to_owned(), json!(state)))
                .collect::<serde_json::Map<String, Value>>(),
        })).collect::<Vec<_>>(),
    })
}

fn told_json(told: &Told) -> Value {
    let event = match &told.event {
        Event::Said(said) => json!({
            "is": "said",
            "who": said.sender.as_str(),
            "kind": said.kind.word(),
            "to": said.addressees.iter().map(|one| one.as_str()).collect::<Vec<_>>(),
            "precedence": said.precedence.word(),
            "act_number": said.number,
            "released": said.released,
            "forced": said.forced,
            "expected": said.expected.iter().map(|rule| rule.word()).collect::<Vec<_>>(),
            "verdict": said.verdict.iter().map(|rule| rule.word()).collect::<Vec<_>>(),
            "findings": said.findings.iter().map(|(rule, message, cure)| json!({
                "rule": rule.word(), "message": message, "hint": cure,
            })).collect::<Vec<_>>(),
        }),
        Event::Delivered(copies) => json!({ "is": "delivered", "copies": copies }),
        Event::Waited => json!({ "is": "waited" }),
        Event::Checked(looked) => json!({
            "is": "checked",
            "looked": looked.iter().map(|one| json!({
                "at": one.at.as_ref().map(|at| at.as_str()),
                "what": one.what,
                "expected": one.expected,
                "actual": one.actual,
                "holds": one.holds,
            })).collect::<Vec<_>>(),
        }),
    };
    json!({
        "number": told.number,
        "label": told.label,
        "title": told.title,
        "line": told.line,
        "time": told.time.to_string(),
        "as_expected": told.deviations.is_empty(),
        "event": event,
        "arrived_before": told.before.iter().map(arrival_json).collect::<Vec<_>>(),
        "arrived": told.after.iter().map(arrival_json).collect::<Vec<_>>(),
        "deviations": told.deviations.iter().map(deviation_json).collect::<Vec<_>>(),
    })
}

fn arrival_json(arrival: &Arrival) -> Value {
    json!({ "step": arrival.label, "at": arrival.at.as_str(), "outcome": arrival.outcome.to_string() })
}

fn deviation_json(deviation: &Deviation) -> Value {
    json!({
        "label": deviation.label,
        "line": deviation.line,
        "at": deviation.at.as_ref().map(|at| at.as_str()),
        "what": deviation.what,
        "expected": deviation.expected,
        "actual": deviation.actual,
    })
}
