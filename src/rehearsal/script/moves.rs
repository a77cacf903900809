//! The moves of a script: `[[step]]` and `[[check]]`, in the order in which they stand in the file.

use std::collections::BTreeMap;

use toml_edit::{Item, TableLike};

use super::checks::{self, expected_at, rules};
use super::heading::{flag, span};
use super::{
    Hands, Marks, Move, Party, SCRIPT_REPEATED, SCRIPT_STRANGER, SCRIPT_VALUE, Say, Script, Travel, What,
    papers,
};
use crate::consultation::act::ActKind;
use crate::consultation::fault::Reason;
use crate::consultation::suggest::nearest;
use crate::desk::form::reader::{Fields, Report, Wrong, string, term};
use crate::desk::form::tree;
use crate::message::terms::{Caveat, Form, Level, Precedence};
use crate::trust::name::{Label, Ministry};

/// Reads the moves into the script; returns the table of each, for mistakes that are found later.
pub(super) fn read<'t>(
    script: &mut Script,
    tables: Vec<(bool, Fields<'t>)>,
    report: &mut Report<'_>,
) -> Vec<(usize, &'t dyn TableLike, String)> {
    let mut read = Vec::new();
    for (number, (is_check, mut fields)) in (1_usize..).zip(tables) {
        let (table, path) = (fields.table(), fields.path(""));
        let label = label(&mut fields, number, &script.moves, report);
        let title = fields.optional(report, "title", |item| Ok(string(item)?.to_owned())).unwrap_or_default();
        let after = fields.optional(report, "after", span);
        let line = report.line_of(fields.span());
        let what = if is_check {
            Some(What::Check(Box::new(checks::read(script, &mut fields, report))))
        } else {
            step(script, &mut fields, report)
        };
        if what.is_none() {
            script.faulty.push(label.clone());
        }
        fields.finish(report);
        if let Some(what) = what {
            read.push((script.moves.len(), table, path.trim_end_matches('.').to_owned()));
            script.moves.push(Move { label, title, line, after, what });
        }
    }
    read
}

/// What the move of this number is called, from 1, where its author calls it nothing.
pub(super) fn usual_label(number: usize) -> String {
    format!("move-{number}")
}

fn label(fields: &mut Fields<'_>, number: usize, earlier: &[Move], report: &mut Report<'_>) -> String {
    let stated = fields.optional(report, "label", |item| {
        let text = string(item)?;
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        let begins = text.starts_with(|c: char| c.is_ascii_alphabetic());
        let taken = matches!(text, "now" | "start" | "all");
        if begins && !taken && text.len() <= 40 && text.chars().all(fits) {
            return Ok(text.to_owned());
        }
        let hint = "letters, digits, - and _, a letter first; not now, start or all";
        Err(Wrong::new(SCRIPT_VALUE, "not a label", hint))
    });
    let label = stated.unwrap_or_else(|| usual_label(number));
    if earlier.iter().any(|other| other.label == label) {
        let wrong = Wrong::new(SCRIPT_REPEATED, "an earlier move has this label", "state another label");
        report.add(fields.span_of("label"), &fields.path("label"), wrong);
    }
    label
}

fn step(script: &Script, fields: &mut Fields<'_>, report: &mut Report<'_>) -> Option<What> {
    let deliver = fields.has("deliver").then(|| deliver(script, fields, report));
    let wait = fields.optional(report, "wait", flag);
    if let Some(labels) = deliver {
        return Some(What::Deliver(labels));
    }
    fields.optional(report, "deliver", |_| Ok(()));
    if wait == Some(true) {
        return Some(What::Wait);
    }
    if !fields.has("kind") {
        let hint =
            "kind = \"...\" says something, deliver = \"all\" lets copies go, wait = true lets time pass";
        let wrong = Wrong::new(Reason::FieldMissing.word(), "it is not said what happens in this step", hint);
        report.add(fields.span(), &fields.path("kind"), wrong);
    }
    let say = say(script, fields, report)?;
    Some(What::Say(Box::new(say)))
}

fn deliver(script: &Script, fields: &mut Fields<'_>, report: &mut Report<'_>) -> Vec<String> {
    if fields.table().get("deliver").is_some_and(|item| item.as_str() == Some("all")) {
        fields.optional(report, "deliver", |_| Ok(()));
        return Vec::new();
    }
    fields.each(report, "deliver", |text| checks::earlier_step(script, text))
}

fn say(script: &Script, fields: &mut Fields<'_>, report: &mut Report<'_>) -> Option<Say> {
    let kind = fields.optional(report, "kind", kind);
    let sender = fields.required(report, "who", |item| of_script(script, string(item)?));
    let written = fields.optional(report, "act", |item| {
        let table = item.as_table_like().ok_or_else(|| Wrong::of_type("a table"))?;
        Ok(tree::of_table(table))
    });
    let usual = fields.optional(report, "usual", flag).unwrap_or(true);
    let marks = marks(script, fields, report);
    let offices = hands(script, sender.as_ref(), fields, report);
    let languages = stated(fields, report, "languages", papers::language);
    let papers = papers::read(fields, report);
    let travel = travel(script, fields, report);
    let force = fields.optional(report, "force", flag).unwrap_or(false);
    let number_of = fields.optional(report, "number_of", |item| checks::earlier_step(script, string(item)?));
    let unaware_of = fields.each(report, "unaware_of", |text| checks::earlier_step(script, text));
    let expect = fields.optional(report, "expect", rules).unwrap_or_default();
    let expect_at = expected_at(script, fields, report);
    // Whoever speaks may be unknown; what he says is read all the same, so that nothing in it is told later.
    let anybody = || script.parties.first().map(|party| party.ministry.clone());
    Some(Say {
        sender: sender.or_else(anybody)?,
        kind: kind?,
        written: written.unwrap_or_default(),
        usual,
        marks,
        offices,
        languages,
        papers,
        travel,
        force,
        number_of,
        unaware_of,
        expect,
        expect_at,
    })
}

/// What stands on the outside of an act: to whom, how urgently, in what form, under what marking.
fn marks(script: &Script, fields: &mut Fields<'_>, report: &mut Report<'_>) -> Marks {
    let party = |text: &str| of_script(script, text);
    let precedence =
        fields.optional(report, "precedence", |item| term(string(item)?, Precedence::ALL, Precedence::word));
    let conveyed = |item: &Item| crate::desk::form::reader::ministry(string(item)?);
    let answered = |item: &Item| checks::earlier_step(script, string(item)?);
    Marks {
        precedence,
        level: fields.optional(report, "level", |item| term(string(item)?, Level::ALL, Level::word)),
        form: fields.optional(report, "form", |item| term(string(item)?, Form::ALL, Form::word)),
        to: stated(fields, report, "to", party).map(sorted),
        info: stated(fields, report, "info", party).map(sorted),
        releasable_to: stated(fields, report, "releasable_to", party).map(sorted),
        caveats: stated(fields, report, "caveats", |text| term(text, Caveat::ALL, Caveat::word)).map(sorted),
        eyes_only_roles: stated(fields, report, "eyes_only_roles", |text| Ok(text.to_owned())),
        in_reply_to: fields.optional(report, "in_reply_to", answered),
        relayed_on_behalf_of: fields.optional(report, "relayed_on_behalf_of", conveyed),
    }
}

/// The entries of a list, where one is stated; an empty one says something else than none.
fn stated<T>(
    fields: &mut Fields<'_>,
    report: &mut Report<'_>,
    name: &'static str,
    parse: impl Fn(&str) -> Result<T, Wrong>,
) -> Option<Vec<T>> {
    let there = fields.table().contains_key(name);
    let entries = fields.each(report, name, parse);
    there.then_some(entries)
}

fn hands(
    script: &Script,
    sender: Option<&Ministry>,
    fields: &mut Fields<'_>,
    report: &mut Report<'_>,
) -> Hands {
    let party = script.parties.iter().find(|party| Some(&party.ministry) == sender);
    let office = |text: &str| office_of(party, text);
    let drafter = fields.optional(report, "drafter", |item| office(string(item)?));
    let releaser = fields.optional(report, "releaser", |item| office(string(item)?));
    Hands { drafter, releaser, cleared_by: stated(fields, report, "cleared_by", office) }
}

fn office_of(party: Option<&Party>, text: &str) -> Result<Label, Wrong> {
    let wrong = |hint: String| Wrong::new(SCRIPT_STRANGER, "the party has no such office", hint);
    let Some(party) = party else { return Label::parse(text).map_err(|_| wrong(String::new())) };
    let found = party.offices.keys().find(|label| label.as_str() == text);
    found.cloned().ok_or_else(|| {
        let known: Vec<&str> = party.offices.keys().map(Label::as_str).collect();
        wrong(format!(
            "one of {}, or name it under offices of [parties.{}]",
            known.join(", "),
            party.ministry
        ))
    })
}

fn travel(
    script: &Script,
    fields: &mut Fields<'_>,
    report: &mut Report<'_>,
) -> BTreeMap<Option<Ministry>, Travel> {
    let mut travel = BTreeMap::new();
    let Some(item) = fields.table().get("delay") else {
        fields.optional(report, "delay", |_| Ok(()));
        return travel;
    };
    let Some(table) = item.as_table_like() else {
        if let Some(one) = fields.optional(report, "delay", way) {
            travel.insert(None, one);
        }
        return travel;
    };
    fields.optional(report, "delay", |_| Ok(()));
    for (code, item) in table.iter() {
        let path = format!("{}.{code}", fields.path("delay"));
        match of_script(script, code).and_then(|ministry| Ok((ministry, way(item)?))) {
            Ok((ministry, one)) => {
                travel.insert(Some(ministry), one);
            }
            Err(wrong) => report.add(item.span(), &path, wrong),
        }
    }
    travel
}

fn way(item: &Item) -> Result<Travel, Wrong> {
    match string(item)? {
        "held" => Ok(Travel::Held),
        "never" => Ok(Travel::Never),
        _ => span(item).map(Travel::Takes).map_err(|_| {
            let hint = "a length of time such as 2h, \"held\" until a step delivers it, or \"never\"";
            Wrong::new(SCRIPT_VALUE, "not a way to travel", hint)
        }),
    }
}

/// A party that the script introduces.
pub(super) fn of_script(script: &Script, text: &str) -> Result<Ministry, Wrong> {
    let found = script.parties.iter().find(|party| party.ministry.as_str() == text);
    found.map(|party| party.ministry.clone()).ok_or_else(|| {
        let known: Vec<&str> = script.parties.iter().map(|party| party.ministry.as_str()).collect();
        let hint = format!("parties here: {}; introduce others as [parties.XX]", known.join(", "));
        Wrong::new(SCRIPT_STRANGER, "the script introduces no such party", hint)
    })
}

fn kind(item: &Item) -> Result<ActKind, Wrong> {
    let text = string(item)?;
    if let Some(reserved) = ActKind::reserved(text) {
        let message = format!("{} is not in this release", reserved.title);
        return Err(Wrong::new(
            Reason::KindUnknown.word(),
            message,
            "`chancery acts` lists what can be said",
        ));
    }
    ActKind::from_word(text).ok_or_else(|| {
        let hint = match nearest(text, ActKind::ALL.iter().map(|kind| kind.word())) {
            Some(known) => format!("did you mean {known}?"),
            None => "`chancery acts` lists what can be said".to_owned(),
        };
        Wrong::new(Reason::KindUnknown.word(), "no such act", hint)
    })
}

fn sorted<T: Ord>(mut entries: Vec<T>) -> Vec<T> {
    entries.sort();
    entries.dedup();
    entries
}
