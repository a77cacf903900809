//! The timeline of a consultation: every act in order, who sent it, what stands against it, what this release cannot
//! read, and what waits.
//!
//! Releases bear whole minutes. Within one, whatever was known to another act comes before it; acts of which neither knew
//! the other stand as they passed the own gateway, so that two desks may show these in another order. What this desk owes
//! comes last.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::capitals::Capitals;
use super::case_report::countersigning_report;
use super::context::Context;
use super::desk_session;
use super::error::CliError;
use super::output::Mark;
use super::registers::Registers;
use super::table::Table;
use super::warnings::warnings;
use crate::consultation::act::Act;
use crate::consultation::acts::values::ActRef;
use crate::consultation::casebook::Incoming;
use crate::consultation::registered::{Marks, Registered};
use crate::consultation::rules::Severity;
use crate::consultation::state::countersignature;
use crate::desk::Desk;
use crate::desk::casebook::{Folded, Kept};
use crate::desk::error::DeskError;
use crate::message::terms::DocumentStanding;
use crate::time::Timestamp;
use crate::trust::name::Ministry;

/// Shows it.
pub(super) fn show(context: &Context, desk: &Desk, folded: &Folded) -> Result<(), CliError> {
    let lines = lines(desk, folded, context.clock.now());
    let lines = lines.map_err(|error| desk_session::failure(context, error))?;
    let capitals = Capitals::of(&folded.book.charter().parties);
    let mut table =
        Table::new(["RELEASED", "FROM", "NO", "ACT", "PRECEDENCE", "TEXTS", "PERSONS", "VERDICT", "REF"]);
    for line in &lines {
        table.row([
            &capitals.show(line.released),
            line.sender.as_str(),
            &if line.number == 0 { "-".to_owned() } else { line.number.to_string() },
            &line.act,
            line.precedence,
            &line.texts,
            &line.persons.join(" "),
            &line.verdict(),
            &line.reference,
        ]);
    }
    let reports: Vec<Value> = lines.iter().map(Line::report).collect();
    context.output.list(&reports, &table, "no acts")?;
    // After the table, where nobody overlooks it.
    for line in lines.iter().filter(|line| line.not_understood) {
        let text =
            format!("NOT UNDERSTOOD: {} of {} cannot be read by this release", line.act, line.reference);
        context.output.step(Mark::Bad, &text);
    }
    for warning in warnings(folded, 0).iter().filter(|one| !one.starts_with("NOT UNDERSTOOD")) {
        context.output.step(Mark::Warning, warning);
    }
    Ok(())
}

/// One act.
struct Line {
    released: Timestamp,
    /// When the own gateway had it, as far as that was asked.
    passed: Option<Timestamp>,
    sender: Ministry,
    number: u64,
    basis: Marks,
    act: String,
    class: &'static str,
    precedence: &'static str,
    form: &'static str,
    texts: String,
    persons: Vec<String>,
    rules: Vec<(&'static str, &'static str)>,
    warnings: Vec<&'static str>,
    not_understood: bool,
    waits: bool,
    /// Of a protective act that one officer sent: whether it is countersigned.
    countersignature: Option<Value>,
    reference: String,
    digest: String,
    /// By which others name it.
    act_ref: ActRef,
}

impl Line {
    /// Whether this act was sent by somebody who knew the other one.
    fn knew(&self, other: &Self) -> bool {
        if self.sender == other.sender {
            return other.number > 0 && self.number > other.number;
        }
        self.basis.covers(&other.sender, other.number)
    }

    fn verdict(&self) -> String {
        if self.waits {
            return "WAITS for acts that are not here".to_owned();
        }
        let mark = self.not_understood.then_some("NOT UNDERSTOOD");
        let said: Vec<&str> = mark.into_iter().chain(self.rules.iter().map(|(code, _)| *code)).collect();
        let verdict = match said.is_empty() {
            true if self.warnings.is_empty() => "ok".to_owned(),
            // What an officer is warned of when reading it, and nothing that stands against it.
            true => format!("ok, warned: {}", self.warnings.join(" ")),
            false => said.join(" "),
        };
        match self.countersignature.as_ref().map(|one| one["countersigned_by"].is_null()) {
            None => verdict,
            Some(true) => format!("{verdict}, not countersigned"),
            Some(false) => format!("{verdict}, countersigned"),
        }
    }

    fn report(&self) -> Value {
        json!({
            "schema": "chancery.timeline/1",
            "released": self.released.to_string(),
            "from": self.sender.as_str(),
            "act_number": self.number,
            "kind": self.act,
            "class": self.class,
            "precedence": self.precedence,
            "form": self.form,
            "texts": self.texts,
            "persons": self.persons,
            "stands": !self.waits && self.rules.is_empty(),
            "rules": self.rules.iter().map(|(code, text)| json!({ "rule": code, "text": text })).collect::<Vec<_>>(),
            "warnings": self.warnings,
            "not_understood": self.not_understood,
            "waits": self.waits,
            "countersignature": self.countersignature,
            "ref": self.reference,
            "dispatch_sha256": self.digest,
        })
    }
}

fn lines(desk: &Desk, folded: &Folded, now: Timestamp) -> Result<Vec<Line>, DeskError> {
    let registers = Registers::of_consultation(folded);
    let registered = folded.book.everything();
    let each = registered.acts().map(|act| of_registered(folded, &registers, act, now));
    let mut lines: Vec<Line> = each.collect();
    lines.extend(folded.book.waiting().map(|incoming| of_waiting(folded, &registers, incoming)));
    let mixed = mixed_minutes(&lines);
    for line in lines.iter_mut().filter(|line| mixed.contains(&line.released)) {
        let kept = folded.kept.get(&line.act_ref);
        line.passed = kept.map(|kept| desk.custody_of(kept)).transpose()?.flatten();
    }
    Ok(in_order(lines))
}

/// Minutes in which more than one ministry released something.
fn mixed_minutes(lines: &[Line]) -> BTreeSet<Timestamp> {
    let mut senders: BTreeMap<Timestamp, BTreeSet<&Ministry>> = BTreeMap::new();
    for line in lines {
        senders.entry(line.released).or_default().insert(&line.sender);
    }
    senders.into_iter().filter(|(_, senders)| senders.len() > 1).map(|(minute, _)| minute).collect()
}

fn in_order(mut lines: Vec<Line>) -> Vec<Line> {
    // What has not passed the gateway comes after what has; last of its ministry what bears no number yet, being owed.
    lines.sort_by_cached_key(|line| {
        let passed = (line.passed.is_none(), line.passed);
        (line.released, passed, line.sender.clone(), line.number == 0, line.number)
    });
    in_causal_order(lines)
}

/// Within a minute, whatever was known to another act comes before it.
fn in_causal_order(lines: Vec<Line>) -> Vec<Line> {
    let mut ordered: Vec<Line> = Vec::with_capacity(lines.len());
    for line in lines {
        let from = ordered.partition_point(|other| other.released < line.released);
        let same = ordered.get(from..).unwrap_or_default();
        let before = same.iter().position(|other| other.knew(&line));
        ordered.insert(before.map_or(ordered.len(), |place| from.saturating_add(place)), line);
    }
    ordered
}

/// Whether a protective act that one officer sent is countersigned; nothing of other acts.
fn countersigning(folded: &Folded, registers: &Registers, act: &Registered, now: Timestamp) -> Option<Value> {
    let one = countersignature::of(&folded.book.everything(), act, folded.book.charter())?;
    Some(countersigning_report(&one, now, registers))
}

fn of_registered(folded: &Folded, registers: &Registers, act: &Registered, now: Timestamp) -> Line {
    let found = folded.findings.get(&act.reference).map(Vec::as_slice).unwrap_or_default();
    let warnings = found.iter().filter(|finding| finding.severity == Severity::Warning);
    Line {
        released: act.released,
        passed: None,
        sender: act.sender.clone(),
        number: act.number,
        basis: act.basis.clone(),
        act: act.kind.clone(),
        class: act.class.word(),
        precedence: act.precedence.word(),
        form: act.form.word(),
        texts: texts(folded, act.reference),
        persons: act.act.as_ref().map(persons).unwrap_or_default(),
        rules: act.verdict.rules().iter().map(|rule| (rule.word(), rule.text())).collect(),
        warnings: warnings.map(|finding| finding.rule.word()).collect(),
        not_understood: act.act.is_none(),
        waits: false,
        countersignature: countersigning(folded, registers, act, now),
        reference: registers.of(act),
        digest: act.reference.dispatch_digest().hex(),
        act_ref: act.reference,
    }
}

fn of_waiting(folded: &Folded, registers: &Registers, incoming: &Incoming) -> Line {
    let kept = folded.kept.get(&incoming.reference);
    let act = kept.and_then(|kept| match kept.received() {
        crate::consultation::receive::Received::Read(act) => Some(*act),
        _ => None,
    });
    Line {
        released: incoming.position.release_time,
        passed: None,
        sender: incoming.address.sender.clone(),
        number: incoming.position.act_number,
        basis: Marks::of(&incoming.dispatch.basis),
        act: incoming.dispatch.kind.clone(),
        class: incoming.class().word(),
        precedence: incoming.address.precedence.word(),
        form: incoming.dispatch.form.word(),
        texts: texts(folded, incoming.reference),
        persons: act.as_ref().map(persons).unwrap_or_default(),
        rules: Vec::new(),
        warnings: Vec::new(),
        not_understood: act.is_none(),
        waits: true,
        countersignature: None,
        reference: registers.named(incoming.reference),
        digest: incoming.reference.dispatch_digest().hex(),
        act_ref: incoming.reference,
    }
}

fn persons(act: &Act) -> Vec<String> {
    act.persons().iter().map(|person| person.text()).collect()
}

/// The texts of an act by language tag and standing: `ko OFFICIAL, en COURTESY_TRANSLATION`.
fn texts(folded: &Folded, reference: ActRef) -> String {
    let documents = folded.kept.get(&reference).map(|kept: &Kept| kept.dispatch.documents.as_slice());
    let is_text = |standing| {
        matches!(
            standing,
            DocumentStanding::Official | DocumentStanding::Authentic | DocumentStanding::CourtesyTranslation
        )
    };
    let texts = documents.unwrap_or_default().iter().filter(|document| is_text(document.standing));
    let words: Vec<String> =
        texts.map(|document| format!("{} {}", document.language, document.standing)).collect();
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(sender: &str, number: u64, basis: &[(&str, u64)], minute: i64) -> Line {
        let ministry = |code: &str| Ministry::parse(code).unwrap();
        Line {
            released: crate::time::Timestamp::from_seconds(60 * minute),
            passed: None,
            sender: ministry(sender),
            number,
            basis: Marks::new(basis.iter().map(|(code, number)| (ministry(code), *number))),
            act: format!("{sender}{number}"),
            class: "",
            precedence: "",
            form: "",
            texts: String::new(),
            persons: Vec::new(),
            rules: Vec::new(),
            warnings: Vec::new(),
            not_understood: false,
            waits: false,
            countersignature: None,
            reference: String::new(),
            digest: String::new(),
            act_ref: ActRef::new(crate::digest::Digest::of(sender.as_bytes())),
        }
    }

    #[test]
    fn within_a_minute_what_was_known_comes_first() {
        // Sorted by sender, the answers of XA would stand before what they answer.
        let lines = vec![
            line("XA", 1, &[("XB", 1)], 5),
            line("XA", 2, &[("XB", 2)], 5),
            line("XB", 1, &[], 5),
            line("XB", 2, &[("XA", 1)], 5),
            line("XA", 3, &[("XB", 2)], 6),
        ];
        let acts: Vec<String> = in_causal_order(lines).into_iter().map(|line| line.act).collect();
        assert_eq!(acts, ["XB1", "XA1", "XB2", "XA2", "XA3"]);
    }

    #[test]
    fn what_knew_nothing_of_each_other_stands_as_it_passed_the_gateway_and_what_is_owed_stands_last() {
        let passed =
            |second: i64, line: Line| Line { passed: Some(Timestamp::from_seconds(300 + second)), ..line };
        let lines = vec![
            passed(40, line("XA", 8, &[], 5)),
            passed(50, line("XA", 9, &[], 5)),
            line("XB", 0, &[], 5),
            // It passed first by a clock that was set since.
            passed(45, line("XB", 19, &[], 5)),
            passed(46, line("XB", 18, &[], 5)),
            passed(70, line("XA", 10, &[], 6)),
        ];
        assert_eq!(mixed_minutes(&lines), BTreeSet::from([Timestamp::from_seconds(300)]));
        let acts: Vec<String> = in_order(lines).into_iter().map(|line| line.act).collect();
        assert_eq!(acts, ["XA8", "XB18", "XB19", "XA9", "XB0", "XA10"]);
        // Of one ministry alone nobody asks when it passed.
        let alone = vec![line("XB", 0, &[], 5), line("XB", 22, &[], 5), line("XB", 21, &[], 5)];
        let acts: Vec<String> = in_order(alone).into_iter().map(|line| line.act).collect();
        assert_eq!(acts, ["XB21", "XB22", "XB0"]);
    }
}
