//! Entries of the queue as people and scripts see them.

use serde_json::{Value, json};

use super::operator::queue::{QueueEntry, Shown, ShownLeaf};
use super::table::Table;
use crate::time::Timestamp;

/// Digits of an id that people are shown: enough to tell messages apart, few enough to type.
pub(super) const SHORT: usize = 12;

/// An entry for scripts.
pub(super) fn entry(entry: &QueueEntry) -> Value {
    json!({
        "schema": "chancery.queued/1",
        "message_id": entry.id,
        "to": entry.ministry,
        "channel": entry.channel,
        "sequence": entry.sequence,
        "precedence": entry.precedence,
        "state": entry.state,
        "attempts": entry.attempts,
        "unreceipted": entry.unreceipted,
        "next_attempt": entry.next_attempt.map(|at| at.to_string()),
        "reason": (!entry.reason.is_empty()).then_some(&entry.reason),
        "custody": entry.custody.to_string(),
        "valid_until": entry.valid_until.to_string(),
        "packed": entry.packed.map(|at| at.to_string()),
    })
}

/// Entries for people.
pub(super) fn table(entries: &[QueueEntry], now: Timestamp) -> Table {
    let mut table = Table::new([
        "MESSAGE",
        "TO",
        "CHANNEL",
        "NO",
        "PRECEDENCE",
        "STATE",
        "TRIES",
        "NEXT",
        "REASON",
        "AGE",
        "PACKED",
        "VALID UNTIL",
    ]);
    for one in entries {
        table.row([
            &one.id.chars().take(SHORT).collect::<String>(),
            &one.ministry,
            &one.channel,
            &one.sequence.to_string(),
            &one.precedence,
            one.state,
            &one.attempts.to_string(),
            &one.next_attempt.map_or_else(|| "-".to_owned(), |at| until(at, now)),
            if one.reason.is_empty() { "-" } else { &one.reason },
            &since(one.custody, now),
            &one.packed.map_or_else(|| "-".to_owned(), |at| at.to_string()),
            &one.valid_until.to_string(),
        ]);
    }
    table
}

/// One message for scripts.
pub(super) fn shown(seen: &Shown) -> Value {
    let mut report = entry(&seen.entry);
    let more = json!({
        "schema": "chancery.queue-show/1",
        "sent_state": seen.state,
        "released": seen.released.to_string(),
        "level": seen.level,
        "parts": seen.parts,
        "part_bytes": seen.part_bytes,
        "leaves": seen.leaves.iter().map(leaf).collect::<Vec<_>>(),
        "failed_attempts": seen.attempts.iter().map(|(number, time, outcome)| json!({
            "number": number, "time": time.to_string(), "outcome": outcome,
        })).collect::<Vec<_>>(),
        "decisions": seen.decisions.iter().map(|one| json!({
            "what": one.what, "time": one.time.to_string(), "operator_uid": one.operator,
            "reason": (!one.reason.is_empty()).then_some(&one.reason),
        })).collect::<Vec<_>>(),
    });
    if let (Some(report), Value::Object(more)) = (report.as_object_mut(), more) {
        report.extend(more);
    }
    report
}

fn leaf(leaf: &ShownLeaf) -> Value {
    json!({
        "log": leaf.origin,
        "index": leaf.index,
        "kept_by": if leaf.mirror { "peer" } else { "own" },
        "kind": leaf.kind,
        "time": leaf.time.to_string(),
        "reason": (!leaf.reason.is_empty()).then_some(&leaf.reason),
        "cosigned": leaf.cosigned,
    })
}

/// One message for people.
pub(super) fn text(seen: &Shown, now: Timestamp) -> String {
    let one = &seen.entry;
    let state = if one.state == "answered" { seen.state } else { one.state };
    let reason = if one.reason.is_empty() { String::new() } else { format!(" ({})", one.reason) };
    let mut lines = vec![
        ("message", one.id.clone()),
        ("to", format!("{}, number {} on {}", one.ministry, one.sequence, one.channel)),
        ("precedence", format!("{}, {}", one.precedence, seen.level)),
        ("state", format!("{state}{reason}")),
        ("released", seen.released.to_string()),
        ("custody", format!("{} ({})", one.custody, since(one.custody, now))),
        ("valid until", one.valid_until.to_string()),
        ("sealed", format!("{}, {} bytes", counted(seen.parts, "part"), seen.part_bytes)),
        (
            "attempts",
            format!("{} without receipt, {} of them without any answer", one.attempts, one.unreceipted),
        ),
    ];
    if let Some(at) = one.next_attempt {
        lines.push(("next", format!("{at} ({})", until(at, now))));
    }
    for leaf in &seen.leaves {
        let kept = if leaf.mirror { "peer's log" } else { "own log" };
        let reason = if leaf.reason.is_empty() { String::new() } else { format!(" ({})", leaf.reason) };
        let cosigned = if leaf.cosigned { "cosigned" } else { "not yet cosigned" };
        let place = format!("entry {} of {}", leaf.index, leaf.origin);
        lines.push((kept, format!("{}{reason} {}, {place}, {cosigned}", leaf.kind, leaf.time)));
    }
    for one in &seen.decisions {
        let reason = if one.reason.is_empty() { String::new() } else { format!(" ({})", one.reason) };
        lines.push(("decision", format!("{}{reason} {} by user {}", one.what, one.time, one.operator)));
    }
    for (number, time, outcome) in &seen.attempts {
        lines.push(("attempt", format!("{number}: {outcome} {time}")));
    }
    let line = |(label, value): &(&str, String)| format!("{label:<11} {}\n", super::untrusted::line(value));
    lines.iter().map(line).collect()
}

/// So many of something, in words.
pub(super) fn counted(count: u64, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}

/// How long ago an instant was.
pub(super) fn since(at: Timestamp, now: Timestamp) -> String {
    span(now.seconds().saturating_sub(at.seconds()))
}

/// How long until an instant.
pub(super) fn until(at: Timestamp, now: Timestamp) -> String {
    match at.seconds().saturating_sub(now.seconds()) {
        ..=0 => "now".to_owned(),
        seconds => format!("in {}", span(seconds)),
    }
}

/// A length of time in its greatest unit.
fn span(seconds: i64) -> String {
    match seconds {
        ..=0 => "0 s".to_owned(),
        1..=119 => format!("{seconds} s"),
        120..=7_199 => format!("{} min", seconds / 60),
        7_200..=172_799 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_of_time_is_told_in_its_greatest_unit() {
        let told: Vec<String> = [-5, 0, 119, 120, 7_200, 172_800].into_iter().map(span).collect();
        assert_eq!(told, ["0 s", "0 s", "119 s", "2 min", "2 h", "2 days"]);
    }

    #[test]
    fn one_is_not_many() {
        let told = [0, 1, 2].map(|count| counted(count, "message"));
        assert_eq!(told, ["0 messages", "1 message", "2 messages"]);
    }

    #[test]
    fn what_waits_for_something_else_has_no_next_attempt_and_foreign_words_move_nothing() {
        let at = Timestamp::from_seconds(1_795_000_000);
        let mut one = QueueEntry {
            id: "ab".repeat(32),
            ministry: "XB".to_owned(),
            channel: "ch-1".to_owned(),
            sequence: 7,
            precedence: "FLASH".to_owned(),
            state: "held",
            attempts: 1,
            unreceipted: 0,
            next_attempt: None,
            reason: "CHN_02\u{1b}[2J".to_owned(),
            custody: at,
            valid_until: at,
            packed: None,
        };
        assert_eq!(entry(&one)["next_attempt"], Value::Null);
        assert!(table(&[one.clone()], at).render().contains(" -  "), "none is shown");
        (one.state, one.next_attempt) = ("queued", Some(at));
        assert_eq!(entry(&one)["next_attempt"], "2026-11-18T11:06:40Z");
        let shown = table(&[one], at).render();
        assert!(shown.contains("abababababab  XB") && shown.contains("now"), "{shown}");
        assert!(!shown.contains('\u{1b}'), "{shown}");
    }
}
