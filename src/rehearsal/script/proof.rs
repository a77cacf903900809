//! Reads a script through before it is played: every act is said once with nobody listening, so that all its mistakes
//! are found at once and no rehearsal stops half way.

use std::collections::BTreeSet;
use std::time::Duration;

use toml_edit::TableLike;

use super::spoken::{Circumstances, Spoken, of_key, speak};
use super::{Move, SCRIPT_FOLLOWS, SCRIPT_NO_ROLE, SCRIPT_STRANGER, Say, Script, What};
use crate::consultation::acts::values::ActRef;
use crate::consultation::rules::Rule;
use crate::desk::form::reader::{Report, Wrong};
use crate::desk::form::tree;
use crate::digest::Digest;
use crate::message::id::MessageId;
use crate::message::terms::{DocumentStanding, Precedence};
use crate::time::Timestamp;
use crate::trust::name::Ministry;

/// Reports what is wrong in the acts; `tables` are those of the moves, each with its path.
pub(super) fn read_through(
    script: &Script,
    tables: &[(usize, &dyn TableLike, String)],
    report: &mut Report<'_>,
) {
    let mut now = script.start;
    let mut spoken: Vec<Spoken> = Vec::new();
    let mut faulty = script.faulty.clone();
    for (index, one) in script.moves.iter().enumerate() {
        now = time_of(script, one, now, index == 0);
        let What::Say(say) = &one.what else { continue };
        let Some((_, table, path)) = tables.iter().find(|(number, ..)| *number == index) else { continue };
        let place = Place { table: *table, path, report };
        said(script, one, say, now, (&mut spoken, &mut faulty), place);
    }
}

/// When a move happens, `before` being the instant of the move before it.
pub(in crate::rehearsal) fn time_of(
    script: &Script,
    one: &Move,
    before: Timestamp,
    first: bool,
) -> Timestamp {
    let usual = match one.what {
        What::Check(_) => Duration::ZERO,
        _ if first => Duration::ZERO,
        _ => script.pace,
    };
    before.after(one.after.unwrap_or(usual))
}

struct Place<'r, 't, 'x> {
    table: &'t dyn TableLike,
    path: &'t str,
    report: &'r mut Report<'x>,
}

impl Place<'_, '_, '_> {
    fn add(&mut self, field: &str, at_key: bool, wrong: Wrong) {
        let span = tree::span_of(self.table, field, at_key)
            .or_else(|| self.table.get("act").and_then(toml_edit::Item::span))
            .or_else(|| self.table.get("kind").and_then(toml_edit::Item::span));
        self.report.add(span, &format!("{}.{field}", self.path), wrong);
    }
}

fn said(
    script: &Script,
    one: &Move,
    say: &Say,
    now: Timestamp,
    (spoken, faulty): (&mut Vec<Spoken>, &mut Vec<String>),
    mut place: Place<'_, '_, '_>,
) {
    roles(script, say, &mut place);
    addressees(script, say, &mut place);
    let at = Circumstances { script, line: one.line, now, say, spoken, faulty, basis: &[], book: None };
    match speak(&at) {
        // What is expected to be refused leaves nothing behind that could be referred to.
        Ok(_) if !say.expect.is_empty() && !say.force => {}
        Ok((act, papers)) => {
            let texts = papers.iter().filter(|paper| paper.standing == DocumentStanding::Authentic);
            let texts =
                texts.map(|paper| (paper.language.clone(), Digest::of(paper.words.as_bytes()))).collect();
            let reference = Digest::of(one.label.as_bytes());
            let usual = say.kind.specification().precedences.first().copied();
            spoken.push(Spoken {
                label: one.label.clone(),
                sender: say.sender.clone(),
                time: now,
                precedence: say.marks.precedence.or(usual).unwrap_or(Precedence::Routine),
                act,
                reference: ActRef::new(reference),
                message_id: MessageId::from(reference),
                texts,
                stands: say.expect.is_empty(),
                known_at: script.parties.iter().map(|party| party.ministry.clone()).collect::<BTreeSet<_>>(),
            });
        }
        Err(misread) => {
            faulty.push(one.label.clone());
            for (field, wrong) in misread.into_iter().filter(|(_, wrong)| wrong.code() != SCRIPT_FOLLOWS) {
                let at_key = of_key(&wrong);
                place.add(&format!("act.{field}"), at_key, wrong);
            }
        }
    }
}

/// A party may only say what a role of its permits, unless the script expects the desk to say so. Facts are refused to
/// nobody for his role: they count for what they are worth.
fn roles(script: &Script, say: &Say, place: &mut Place<'_, '_, '_>) {
    let needed = say.kind.specification().senders;
    let Some(party) = script.parties.iter().find(|party| party.ministry == say.sender) else { return };
    let has = needed.is_empty() || needed.iter().any(|role| party.roles.contains(role));
    let is_refused = Rule::Con03.stands_against(say.kind.class());
    if has || !is_refused || !say.expect.is_empty() || say.kind.specification().observers {
        return;
    }
    let words: Vec<&str> = needed.iter().map(|role| role.word()).collect();
    let message = format!("{} has no role for this act", say.sender);
    let hint = format!("it needs {}; or expect = \"CON_03\"", words.join(" or "));
    place.add("kind", false, Wrong::new(SCRIPT_NO_ROLE, message, hint));
}

fn addressees(script: &Script, say: &Say, place: &mut Place<'_, '_, '_>) {
    let all = [("to", &say.marks.to), ("info", &say.marks.info)];
    for (name, ministries) in all {
        if ministries.as_ref().is_some_and(|all| all.contains(&say.sender)) {
            let wrong = Wrong::new(SCRIPT_STRANGER, "nobody writes to himself", "name other parties");
            place.add(name, false, wrong);
        }
    }
    let both = |one: &Ministry| say.marks.info.as_ref().is_some_and(|info| info.contains(one));
    if say.marks.to.as_ref().is_some_and(|to| to.iter().any(both)) {
        let message = "a ministry is addressed for action and for information";
        place.add("info", false, Wrong::new(super::SCRIPT_REPEATED, message, ""));
    }
    if script.parties.len() > 1
        && say.marks.to.as_ref().is_some_and(Vec::is_empty)
        && say.marks.info.is_none()
    {
        let wrong = Wrong::new(SCRIPT_STRANGER, "it is addressed to nobody", "name parties, or leave it out");
        place.add("to", false, wrong);
    }
}
