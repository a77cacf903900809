//! What stands before everything else that a desk shows of a consultation: what it could not open, read or follow.

use super::message_report::missing_words;
use super::registers::Registers;
use crate::consultation::acts::values::ActRef;
use crate::consultation::casebook::Missing;
use crate::consultation::registered::Registered;
use crate::desk::casebook::Folded;

/// What an officer must know before he believes the rest.
pub(super) fn warnings(folded: &Folded, unopened: u64) -> Vec<String> {
    let registers = Registers::of_consultation(folded);
    let mut all = Vec::new();
    if unopened > 0 {
        all.push(format!("{unopened} messages do not open; `chancery read` says why of each"));
    }
    for act in folded.book.everything().not_understood() {
        let (number, class) = (registers.of(act), act.class);
        all.push(format!("NOT UNDERSTOOD {class} act {} of {number}: this release cannot read it", act.kind));
    }
    for waiting in folded.book.waiting() {
        let number = registers.named(waiting.reference);
        all.push(format!("{} of {number} waits for acts that are not here yet", waiting.dispatch.kind));
    }
    for missing in folded.book.lacking() {
        all.push(format!("needed: {}", missing_words(&missing)));
    }
    for missing in folded.overdrawn() {
        let sender = &missing.ministry;
        all.push(format!(
            "{sender} LEFT OUT more than this desk passes over, {missing}: what rests on it waits, and only what \
             protects somebody counts; ask {sender} what it sent"
        ));
    }
    for missing in folded.book.passed_over() {
        all.push(passed_over(folded, &missing));
    }
    let count = folded.count_turned_away();
    if count > 0 {
        all.push(format!("{count} acts are not looked at yet: too many of their sender wait already"));
    }
    all.extend(rejections(folded, &registers));
    for (sender, number, reference) in folded.book.equivocations() {
        let other = registers.named(reference);
        all.push(format!("EQUIVOCATION: {sender} gave number {number} to another act too ({other})"));
    }
    all
}

/// What never came, and what is to be done about it.
fn passed_over(folded: &Folded, missing: &Missing) -> String {
    let (sender, first) = (&missing.ministry, missing.first);
    let own = folded.kept.values().any(|kept| kept.own && kept.header.address().sender == *sender);
    let fill = format!("chancery outbox fill {} {first}", folded.consultation);
    match own {
        // Others may well have them: only this desk does not.
        true if folded.is_short() => format!(
            "{missing}: this desk's register lost what bore these numbers, and others may have it; `chancery status` asks \
             the gateway for it again"
        ),
        true => format!("{missing} reached nobody, and others cannot know that: `{fill}`"),
        false => format!(
            "{missing} never came and is passed over: ask {sender} what it said; if it reached nobody, {sender} says so \
             under its number by `{fill}`"
        ),
    }
}

/// Acts that a Power rejected, until their sender says the same kind of thing once more and it stands.
fn rejections(folded: &Folded, registers: &Registers) -> Vec<String> {
    use crate::consultation::act::{Act, ActKind};
    let past = folded.book.everything();
    let mut all = Vec::new();
    for one in past.of_kind(ActKind::RuleRejection) {
        let Some(Act::RuleRejection(rejection)) = &one.act else { continue };
        let Some(act) = past.find(ActRef::new(rejection.dispatch_digest)) else { continue };
        let mended = |later: &Registered| {
            later.stands() && later.sender == act.sender && later.kind == act.kind && later.knew(one)
        };
        if past.acts().any(mended) {
            continue;
        }
        let rules = rejection.refusals.iter().filter_map(|refusal| refusal.rule.as_ref());
        let mut rules: Vec<&str> = rules.map(|rule| rule.as_str()).collect();
        rules.sort_unstable();
        rules.dedup();
        let (number, rules) = (registers.of(act), rules.join(" "));
        all.push(format!("{} REJECTED the {} of {number}: {rules}", one.sender, act.kind));
    }
    all
}
