//! PRO of an assessment itself: whether it can clear anything later. It is registered all the same; what it carries is
//! judged with the guards of an agreement.

use crate::consultation::act::Act;
use crate::consultation::rules::judgement::Judgement;
use crate::consultation::rules::{Findings, Rule};
use crate::consultation::words::ProtectionFinding;

pub(super) fn judge(judgement: &Judgement<'_>, findings: &mut Findings) {
    let Act::ProtectionAssessment(act) = judgement.act else { return };
    if act.finding == ProtectionFinding::NoSubstantialGrounds && !act.onward_return_considered.0 {
        let message = "it clears nothing: nobody asked whether he would be sent on from there";
        let hint = "assess return by way of another State as well";
        findings.warn(Rule::Pro01, "act.onward_return_considered", message, hint);
    }
}
