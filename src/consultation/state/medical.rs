//! Fitness to travel and eligibility on medical grounds (MED; GC III Arts 47, 109, 110, 112, Annex II).
//!
//! A finding that permits must stand; UNFIT need not. Of findings that knew nothing of each other the one that
//! stops counts. Who was found UNFIT is found fit again by the Detaining Power, or by whoever found it.
//!
//! The Detaining Power answers for it that nobody is moved whom that endangers (Art. 47), and he is in its hands: its
//! certificate permits, or that of an observer who saw him. A Power that is to receive him has not got him, and an
//! interest that he comes; its certificate alone permits nothing.

use crate::consultation::acts::medical::MedicalFinding;
use crate::consultation::charter::Charter;
use crate::consultation::history::Past;
use crate::consultation::opaque;
use crate::consultation::reference::PersonRef;
use crate::consultation::registered::Registered;
use crate::consultation::state::{custody, opening, saying, will};
use crate::consultation::words::{MedicalDecision, MedicalFindingKind};
use crate::time::Timestamp;
use crate::trust::name::Ministry;
use crate::vocabulary;

vocabulary! {
    /// How fitness to travel stands.
    pub enum FitnessStanding {
        /// Nobody certified it.
        None = 1 "NONE",
        /// He is fit.
        Fit = 2 "FIT",
        /// He was fit too long ago.
        Stale = 3 "STALE",
        /// He is not fit.
        Unfit = 4 "UNFIT",
    }
}

/// Fitness to travel, and what it rests on.
#[derive(Clone)]
pub struct Fitness<'h> {
    /// How it stands.
    pub standing: FitnessStanding,
    /// The finding it rests on.
    pub finding: Option<&'h Registered>,
    /// Until when it counts.
    pub until: Option<Timestamp>,
}

opaque!(Fitness<'_>);

/// Fitness of a person to travel at an instant.
pub fn fitness<'h>(past: &Past<'h>, person: &PersonRef, at: Timestamp, charter: &Charter) -> Fitness<'h> {
    let findings = findings(past, person, |kind| kind == MedicalFindingKind::FitnessToTravel);
    if let Some(unfit) = unfit(past, person, &findings) {
        return Fitness { standing: FitnessStanding::Unfit, finding: Some(unfit), until: None };
    }
    let fit = findings.iter().filter(|(one, act)| {
        one.stands() && act.decision != MedicalDecision::Unfit && certifies(past, person, &one.sender)
    });
    let Some((finding, act)) = fit.max_by_key(|(one, act)| (examined(one, act), one.order())) else {
        return Fitness { standing: FitnessStanding::None, finding: None, until: None };
    };
    let until = examined(finding, act).after(charter.fitness_validity);
    let standing = if at > until { FitnessStanding::Stale } else { FitnessStanding::Fit };
    Fitness { standing, finding: Some(finding), until: Some(until) }
}

/// Whether the certificate of this ministry permits a person to travel: it holds him, or decides nothing here.
fn certifies(past: &Past<'_>, person: &PersonRef, ministry: &Ministry) -> bool {
    custody::detains(past, person, ministry) || !opening::powers_of(past).contains(&ministry)
}

/// Whether a person was unfit at an instant, by what was released until then.
pub fn was_unfit(past: &Past<'_>, person: &PersonRef, at: Timestamp) -> bool {
    let mut before = findings(past, person, |kind| kind == MedicalFindingKind::FitnessToTravel);
    before.retain(|(one, _)| one.released <= at);
    unfit(past, person, &before).is_some()
}

fn unfit<'h>(past: &Past<'h>, person: &PersonRef, findings: &[Finding<'h>]) -> Option<&'h Registered> {
    let may_answer = |other: &Registered, one: &Registered| {
        other.sender == one.sender || custody::detains(past, person, &other.sender)
    };
    unanswered(findings, |act| act.decision == MedicalDecision::Unfit, may_answer)
}

/// Whether a commission or a manifest case made a person eligible for this, and nothing later took it back.
pub fn is_eligible(past: &Past<'_>, person: &PersonRef, decision: MedicalDecision) -> bool {
    let mut findings = findings(past, person, |kind| kind != MedicalFindingKind::FitnessToTravel);
    findings.retain(|(_, act)| is_well_composed(act));
    let permits = |act: &MedicalFinding| act.decision == decision;
    if unanswered(&findings, |act| !permits(act), |_, _| true).is_some() {
        return false;
    }
    findings.iter().any(|(one, act)| one.stands() && permits(act))
}

/// Whether whoever decided was composed as Annex II demands: three members, two of them neutral, one of those in the
/// chair, and a majority. A manifest case needs no commission (Art. 112(2)).
pub fn is_well_composed(act: &MedicalFinding) -> bool {
    if act.kind != MedicalFindingKind::MixedCommission {
        return true;
    }
    let neutral = act.members.iter().filter(|member| member.neutral.0).count();
    let mut chairs = act.members.iter().filter(|member| member.chair);
    let chaired = chairs.next().is_some_and(|chair| chair.neutral.0) && chairs.next().is_none();
    let majority = act.votes_for.is_some_and(|votes| votes.number() >= 2);
    act.members.len() == 3 && neutral == 2 && chaired && majority
}

type Finding<'h> = (&'h Registered, &'h MedicalFinding);

fn findings<'h>(
    past: &Past<'h>,
    person: &PersonRef,
    of: impl Fn(MedicalFindingKind) -> bool,
) -> Vec<Finding<'h>> {
    let findings = saying!(past.of_person(person), MedicalFinding);
    findings.filter(|(_, act)| of(act.kind)).collect()
}

/// A finding that stops, and that no finding which permits answered: later, made of a later examination, by somebody
/// who may and knew of it.
fn unanswered<'h>(
    findings: &[Finding<'h>],
    stops: impl Fn(&MedicalFinding) -> bool,
    may_answer: impl Fn(&Registered, &Registered) -> bool,
) -> Option<&'h Registered> {
    let answered = |(one, act): &Finding<'_>| {
        findings.iter().any(|(other, later)| {
            let permits = !stops(later) && other.stands() && may_answer(other, one);
            permits && other.knew(one) && examined(other, later) >= examined(one, act)
        })
    };
    findings.iter().find(|finding| stops(finding.1) && !answered(finding)).map(|(one, _)| *one)
}

fn examined(registered: &Registered, act: &MedicalFinding) -> Timestamp {
    will::said(registered, Some(act.examination_time))
}

#[cfg(test)]
#[path = "medical_tests.rs"]
mod tests;
