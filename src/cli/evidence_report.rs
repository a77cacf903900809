//! What `verify` found, for people and for scripts. Sentences may hold texts of others: each stays on its line.

use serde_json::{Value, json};

use super::untrusted;
use crate::message::evidence::{Check, MessageReport, Outcome, Report, Verdict};
use crate::time::Timestamp;

/// Every check in a line, grouped by what it is about, and the verdict at the end.
pub(super) fn text(file: &str, report: &Report) -> String {
    let count = match report.messages.len() {
        1 => "1 message".to_owned(),
        count => format!("{count} messages"),
    };
    let mut lines = format!("{}: {count}\n", untrusted::line(file));
    report.checks.iter().for_each(|check| lines.push_str(&check_line(check)));
    for message in &report.messages {
        lines.push_str(&format!("{}\n", untrusted::line(&heading(message))));
        message.checks.iter().for_each(|check| lines.push_str(&check_line(check)));
    }
    for ministry in &report.ministries {
        let why = ministry.vouched_by.unwrap_or("nobody vouches for its root");
        let mark = if ministry.vouched_by.is_some() { "ok  " } else { "?   " };
        lines.push_str(&format!("  {mark}  {}: {why} ({})\n", ministry.ministry, ministry.fingerprint));
    }
    lines.push_str(match report.verdict() {
        Verdict::Verified => "verified\n",
        Verdict::ConsistentNotTrusted { .. } => "consistent, not trusted\n",
        Verdict::Altered { .. } => "altered\n",
        Verdict::Undecided { .. } => "undecided\n",
    });
    lines
}

/// The same as one object.
pub(super) fn json(file: &str, report: &Report, at: Timestamp) -> Value {
    let first = match report.verdict() {
        Verdict::Altered { first, reference } | Verdict::Undecided { first, reference } => {
            Some(json!({ "name": first.name, "sentence": first.sentence, "ref": reference }))
        }
        _ => None,
    };
    let ministries = report.ministries.iter().map(|ministry| {
        json!({
            "ministry": ministry.ministry.as_str(),
            "fingerprint": ministry.fingerprint.digest().hex(),
            "words": ministry.fingerprint.words().join(" "),
            "vouched_by": ministry.vouched_by,
        })
    });
    json!({
        "schema": "chancery.verified/1",
        "file": file,
        "at": at.to_string(),
        "verdict": verdict(report),
        "first": first,
        "checks": report.checks.iter().map(check).collect::<Vec<_>>(),
        "messages": report.messages.iter().map(message).collect::<Vec<_>>(),
        "ministries": ministries.collect::<Vec<_>>(),
    })
}

fn verdict(report: &Report) -> &'static str {
    match report.verdict() {
        Verdict::Verified => "verified",
        Verdict::ConsistentNotTrusted { .. } => "consistent-not-trusted",
        Verdict::Altered { .. } => "altered",
        Verdict::Undecided { .. } => "undecided",
    }
}

fn heading(message: &MessageReport) -> String {
    let disclosed = if message.is_disclosed { ", disclosed" } else { "" };
    let MessageReport { reference, sender, recipient, answer, .. } = message;
    format!("{reference}: {sender} to {recipient}, {}{disclosed}", answer.word())
}

fn message(message: &MessageReport) -> Value {
    json!({
        "ref": message.reference,
        "message_id": message.id.to_string(),
        "from": message.sender.as_str(),
        "to": message.recipient.as_str(),
        "answer": message.answer.word(),
        "judged_at": message.judged_at.map(|at| at.to_string()),
        "disclosed": message.is_disclosed,
        "checks": message.checks.iter().map(check).collect::<Vec<_>>(),
    })
}

fn check(check: &Check) -> Value {
    json!({ "name": check.name, "outcome": outcome(check.outcome), "sentence": check.sentence })
}

fn check_line(check: &Check) -> String {
    let mark = match check.outcome {
        Outcome::Ok => "ok  ",
        Outcome::Doubted => "warn",
        Outcome::Failed => "bad ",
        Outcome::Undecided => "?   ",
    };
    format!("  {mark}  {}: {}\n", untrusted::line(&check.name), untrusted::line(&check.sentence))
}

fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Ok => "ok",
        Outcome::Doubted => "doubted",
        Outcome::Failed => "failed",
        Outcome::Undecided => "undecided",
    }
}
