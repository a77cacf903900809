//! MED: whether a finding can carry anything later. It is registered all the same; what it carries is judged with the
//! guards of an agreement.

use crate::consultation::act::Act;
use crate::consultation::rules::judgement::Judgement;
use crate::consultation::rules::{Findings, Rule};
use crate::consultation::state::medical::is_well_composed;
use crate::limits;

pub(super) fn judge(judgement: &Judgement<'_>, findings: &mut Findings) {
    let Act::MedicalFinding(finding) = judgement.act else { return };
    if finding.examination_time > judgement.release_time().after(limits::CLOCK_SKEW_MAX) {
        let message = "it tells of an examination that had not taken place: it counts from its release";
        findings.warn(Rule::Med01, "act.examination_time", message, "state when the person was examined");
    }
    if !is_well_composed(finding) {
        let message = "the commission was not composed or did not vote as Annex II demands";
        findings.add(
            Rule::Med02,
            "act.members",
            message,
            "convene three members, two neutral, one of those in the chair",
        );
    }
}
