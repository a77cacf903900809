//! HLD: who lifts a hold. A release by another is registered and has no effect; that a hold stops is for the guards.

use crate::consultation::act::Act;
use crate::consultation::registered::Registered;
use crate::consultation::rules::judgement::Judgement;
use crate::consultation::rules::{Findings, Rule};
use crate::message::terms::ActClass;

pub(super) fn judge(judgement: &Judgement<'_>, findings: &mut Findings) {
    let (Act::HoldRelease(act), Some(past)) = (judgement.act, judgement.past) else { return };
    let hold = past.find(act.hold_message);
    // What this release cannot read may be a hold, and stops like one.
    let may_be_one = |one: &Registered| one.act.is_none() && one.class == ActClass::Protective;
    let is_hold = hold.is_some_and(|one| matches!(one.act, Some(Act::HoldNotice(_))) || may_be_one(one));
    let message = match hold.filter(|_| is_hold) {
        None => "it releases no hold that is known",
        Some(hold) if hold.sender != judgement.address.sender => "another party set the hold",
        Some(_) => return,
    };
    findings.add(Rule::Hld02, "act.hold_message", message, Rule::Hld02.cure());
}

#[cfg(test)]
#[path = "hold_tests.rs"]
mod tests;
