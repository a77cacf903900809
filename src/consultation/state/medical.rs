//! Fitness to travel and eligibility on medical grounds (MED; GC III Arts 47, 109, 110, 112, Annex II).
//!
//! A finding that permits must stand; UNFIT need not, and is believed also where the report of a handover or the check
//! of a list tells it. Of findings that knew nothing of each other the one that stops counts. Who was found UNFIT is
//! found fit again by the Detaining Power, examining him later, or by whoever found it.
//!
//! The Detaining Power answers for it that nobody is moved whom that endangers (Art. 47), and he is in its hands: its
//! certificate permits, or that of an observer who saw him: a party that observes, or somebody who was appointed to see
//! examinations. A Power that is to receive him has not got him, and an interest that he comes; its certificate alone
//! permits nothing, nor does that of somebody who has no part here. A manifest case is one that the physicians of the
//! Detaining Power see (Art. 112(2)); it answers no commission.

use crate::consultation::act::Act;
use crate::consultation::acts::medical::MedicalFinding;
use crate::consultation::charter::Charter;
use crate::consultation::history::Past;
use crate::consultation::opaque;
use crate::consultation::reference::PersonRef;
use crate::consultation::registered::Registered;
use crate::consultation::state::told::{Telling, Told, told, told_until};
use crate::consultation::state::{appointment, commitments, custody, opening, saying, will};
use crate::consultation::words::{MedicalDecision, MedicalFindingKind, ObserverScope};
use crate::time::Timestamp;
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
    if let Some(unfit) = unfit(past, person, &findings, &told(past, person, Told::Unfit)) {
        return Fitness { standing: FitnessStanding::Unfit, finding: Some(unfit), until: None };
    }
    let fit = findings.iter().filter(|(one, act)| {
        one.stands() && act.decision != MedicalDecision::Unfit && certifies(past, person, one)
    });
    let fit: Vec<&Finding<'h>> = fit.collect();
    let replaced =
        |one: &Registered| commitments::is_replaced(past, one, fit.iter().map(|(other, _)| *other));
    let last = fit.iter().max_by_key(|(one, act)| (!replaced(one), examined(one, act), one.order()));
    let Some((finding, act)) = last else {
        return Fitness { standing: FitnessStanding::None, finding: None, until: None };
    };
    let until = examined(finding, act).after(charter.fitness_validity);
    let standing = if at > until { FitnessStanding::Stale } else { FitnessStanding::Fit };
    Fitness { standing, finding: Some(finding), until: Some(until) }
}

/// Whether this certificate permits a person to travel: its sender holds him, observes as a party, or was appointed to
/// see examinations of him when he certified it. Who has no part in the consultation certifies nothing.
fn certifies(past: &Past<'_>, person: &PersonRef, certificate: &Registered) -> bool {
    let sender = &certificate.sender;
    let roles = opening::roles(past, sender);
    let is_appointed = || {
        let (scope, at) = (ObserverScope::Medical, certificate.released);
        roles.is_empty() && appointment::is_appointed(past, sender, scope, person, at)
    };
    custody::detains(past, person, sender) || opening::observes(&roles) || is_appointed()
}

/// Whether a person was unfit at an instant, by what was released until then.
pub fn was_unfit(past: &Past<'_>, person: &PersonRef, at: Timestamp) -> bool {
    let mut before = findings(past, person, |kind| kind == MedicalFindingKind::FitnessToTravel);
    before.retain(|(one, _)| one.released <= at);
    unfit(&past.until(at), person, &before, &told_until(past, person, Told::Unfit, at)).is_some()
}

fn unfit<'h>(
    past: &Past<'h>,
    person: &PersonRef,
    findings: &[Finding<'h>],
    told: &[Telling<'h>],
) -> Option<&'h Registered> {
    let may_answer = |other: &Registered, one: &Registered| {
        let is_his = other.sender == one.sender || custody::detains(past, person, &other.sender);
        is_his && commitments::permits(past, other)
    };
    let stops = |act: &MedicalFinding| act.decision == MedicalDecision::Unfit;
    if let Some(unfit) = unanswered(findings, stops, may_answer) {
        return Some(unfit);
    }
    let open = |one: &&Telling<'h>| !is_answered(findings, one.registered, one.said, stops, may_answer);
    told.iter().find(open).map(|one| one.registered)
}

/// Whether a commission or a manifest case made a person eligible for this, and nothing later took it back.
pub fn is_eligible(past: &Past<'_>, person: &PersonRef, decision: MedicalDecision) -> bool {
    let mut findings = findings(past, person, |kind| kind != MedicalFindingKind::FitnessToTravel);
    findings.retain(|(_, act)| is_well_composed(act));
    let permits = |act: &MedicalFinding| act.decision == decision;
    let decides = |one: &Registered| !is_manifest(one) || custody::detains(past, person, &one.sender);
    let may_answer = |other: &Registered, one: &Registered| {
        decides(other) && (is_manifest(one) || !is_manifest(other)) && commitments::permits(past, other)
    };
    if unanswered(&findings, |act| !permits(act), may_answer).is_some() {
        return false;
    }
    findings.iter().any(|(one, act)| permits(act) && decides(one) && commitments::permits(past, one))
}

/// Whether no commission found it, but physicians in a manifest case.
fn is_manifest(finding: &Registered) -> bool {
    matches!(&finding.act, Some(Act::MedicalFinding(act)) if act.kind == MedicalFindingKind::Manifest)
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

/// A finding that stops, and that no finding which permits answered.
fn unanswered<'h>(
    findings: &[Finding<'h>],
    stops: impl Fn(&MedicalFinding) -> bool + Copy,
    may_answer: impl Fn(&Registered, &Registered) -> bool + Copy,
) -> Option<&'h Registered> {
    let open = |(one, act): &&Finding<'h>| {
        stops(act) && !is_answered(findings, one, examined(one, act), stops, may_answer)
    };
    findings.iter().find(open).map(|(one, _)| *one)
}

/// Whether a finding that permits answered what stops: by somebody who may and knew of it, of a later examination.
/// Whoever said it himself may think again about the same one.
fn is_answered(
    findings: &[Finding<'_>],
    one: &Registered,
    said: Timestamp,
    stops: impl Fn(&MedicalFinding) -> bool,
    may_answer: impl Fn(&Registered, &Registered) -> bool,
) -> bool {
    findings.iter().any(|(other, act)| {
        let permits = !stops(act) && may_answer(other, one) && other.knew(one);
        let seen = examined(other, act);
        permits && (seen > said || (seen == said && other.sender == one.sender))
    })
}

fn examined(registered: &Registered, act: &MedicalFinding) -> Timestamp {
    will::said(registered, Some(act.examination_time))
}

#[cfg(test)]
#[path = "medical_tests.rs"]
mod tests;
