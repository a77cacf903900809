//! Whether a consultation is open, who takes part in it and as what (domain 5.2).
//!
//! A proposal opens it once every Power among the parties accepted it in time; observers need not. One Power alone
//! opens nothing, and says of an open consultation neither who is who nor who is in it: another proposal takes the
//! place of one that is open only where it names every Power of that one, and each of them accepted it too. Whoever
//! adjourned it resumes it; until then nothing new is made in it, and everything that tells of a person or ends
//! something is said as before. It is concluded when every Power has said so, knowing all that was agreed in it.
//! Protective acts pass in every state.

use std::collections::BTreeMap;

use crate::consultation::act::ActKind;
use crate::consultation::acts::opening::{ConsultationProposal, ObserverInvitation};
use crate::consultation::history::Past;
use crate::consultation::opaque;
use crate::consultation::registered::Registered;
use crate::consultation::state::saying;
use crate::consultation::words::{ClosureKind, PartyRole, Reply};
use crate::time::Timestamp;
use crate::trust::name::Ministry;
use crate::vocabulary;

vocabulary! {
    /// The states of a consultation.
    pub enum Opening {
        /// Nobody proposed it.
        Unknown = 1 "UNKNOWN",
        /// It was proposed, and not every Power has answered.
        Proposed = 2 "PROPOSED",
        /// Every Power accepted it.
        Open = 3 "OPEN",
        /// A Power adjourned it and did not resume it.
        Adjourned = 4 "ADJOURNED",
        /// Every Power ended it.
        Concluded = 5 "CONCLUDED",
        /// A Power declined it.
        Declined = 6 "DECLINED",
        /// Not every Power answered in time.
        Lapsed = 7 "LAPSED",
    }
}

/// A consultation as it was proposed.
#[derive(Clone)]
pub struct Consultation<'h> {
    /// The proposal that counts: the last one that all Powers accepted, its own and those of the one before, or the
    /// last one of all.
    pub proposal: &'h Registered,
    /// What it says.
    pub act: &'h ConsultationProposal,
    /// What became of it.
    pub state: Opening,
    /// Powers that have still to answer it, ascending.
    pub awaited: Vec<&'h Ministry>,
}

opaque!(Consultation<'_>);

/// Roles of parties that watch and help; they decide nothing.
const OBSERVERS: &[PartyRole] =
    &[PartyRole::Intermediary, PartyRole::ProtectingPower, PartyRole::Icrc, PartyRole::Unhcr];

/// The state of the consultation at an instant.
pub fn state(past: &Past<'_>, at: Timestamp) -> Opening {
    consultation(past, at).map_or(Opening::Unknown, |consultation| consultation.state)
}

/// The consultation at an instant; none where no proposal of it stands.
pub fn consultation<'h>(past: &Past<'h>, at: Timestamp) -> Option<Consultation<'h>> {
    let mut counting: Option<Consultation<'h>> = None;
    for (proposal, act) in proposals(past) {
        let answers = answers(past, proposal, act);
        let awaited = awaited(proposal, act, &answers);
        let state = match () {
            () if awaited.is_empty() => course(past, proposal, act),
            () if answers.values().any(|(_, reply)| *reply == Reply::Decline) => Opening::Declined,
            () if at > act.open_until_time => Opening::Lapsed,
            () => Opening::Proposed,
        };
        let next = Consultation { proposal, act, state, awaited };
        counting = Some(match counting {
            Some(before) => counting_of(past, before, next),
            None => next,
        });
    }
    counting
}

/// Of two proposals, in their order, the one that counts: what all accepted stays, whoever proposes another one
/// meanwhile.
fn counting_of<'h>(past: &Past<'h>, before: Consultation<'h>, next: Consultation<'h>) -> Consultation<'h> {
    match (before.awaited.is_empty(), next.awaited.is_empty()) {
        (false, _) => next,
        (true, false) => before,
        (true, true) => {
            // Whoever dates his own before one that he knew is not before it.
            let is_dated_back = follows(past, before.proposal, next.proposal);
            let (first, then) = if is_dated_back { (next, before) } else { (before, next) };
            if replaces(past, &then, &first) { then } else { first }
        }
    }
}

/// Whether the sender of one proposal knew another one, by its basis or by an answer that it knew.
fn follows(past: &Past<'_>, one: &Registered, other: &Registered) -> bool {
    let mut replies = past.of_kind(ActKind::ConsultationReply);
    one.knew(other) || replies.any(|reply| one.knew(reply) && reply.knew(other))
}

/// Whether every Power of an open consultation is named in another proposal and accepted that as well.
fn replaces(past: &Past<'_>, then: &Consultation<'_>, first: &Consultation<'_>) -> bool {
    let answers = answers(past, then.proposal, then.act);
    powers(first.act).all(|power| {
        let accepted = answers.get(power).is_some_and(|(_, reply)| *reply == Reply::Accept);
        then.act.parties.find(power).is_some() && (accepted || *power == then.proposal.sender)
    })
}

/// When the consultation was concluded as it is now: by the closure of the Power that said so last. None while it is
/// not. What closed it before it was opened anew does not count.
pub fn concluded(past: &Past<'_>, at: Timestamp) -> Option<Timestamp> {
    let consultation = consultation(past, at).filter(|one| one.state == Opening::Concluded)?;
    ended(past, consultation.proposal, consultation.act)
}

/// The Powers of the consultation, by the proposal that counts, ascending.
pub fn powers_of<'h>(past: &Past<'h>) -> Vec<&'h Ministry> {
    constitution(past).map(|act| powers(act).collect()).unwrap_or_default()
}

/// The proposal that says who is who. That does not change with time: whether a proposal lapsed says nothing of it.
fn constitution<'h>(past: &Past<'h>) -> Option<&'h ConsultationProposal> {
    consultation(past, Timestamp::from_seconds(0)).map(|consultation| consultation.act)
}

/// The roles of a party, by the proposal that counts; empty for those who are no party.
pub fn roles(past: &Past<'_>, ministry: &Ministry) -> Vec<PartyRole> {
    let party = constitution(past).and_then(|act| act.parties.find(ministry));
    party.map(|party| party.roles.iter().copied().collect()).unwrap_or_default()
}

/// Whether these roles make an observer: somebody who is there, and decides nothing.
pub fn observes(roles: &[PartyRole]) -> bool {
    !roles.is_empty() && roles.iter().all(|role| OBSERVERS.contains(role))
}

/// Whether this ministry observes: by the roles that it has, or because it has none and was invited.
pub fn is_observer(past: &Past<'_>, ministry: &Ministry) -> bool {
    let roles = roles(past, ministry);
    observes(&roles) || (roles.is_empty() && was_invited(past, ministry))
}

/// Whether this ministry was invited to observe.
pub fn was_invited(past: &Past<'_>, ministry: &Ministry) -> bool {
    invitations(past, ministry).next().is_some()
}

/// The invitations to observe that stand and that this ministry was sent.
pub fn invitations<'h>(
    past: &Past<'h>,
    ministry: &Ministry,
) -> impl Iterator<Item = (&'h Registered, &'h ObserverInvitation)> {
    let all = saying!(past.of_kind(ActKind::ObserverInvitation), ObserverInvitation);
    all.filter(move |(one, act)| one.stands() && act.party == *ministry)
}

/// The Powers among the parties of a proposal, ascending.
pub fn powers(act: &ConsultationProposal) -> impl Iterator<Item = &Ministry> {
    let parties = act.parties.iter().filter(|party| !observes(party.roles.as_slice()));
    parties.map(|party| &party.ministry)
}

/// Whether a proposal is between Powers: one alone consults nobody, whoever looks on.
pub fn is_between_powers(act: &ConsultationProposal) -> bool {
    powers(act).nth(1).is_some()
}

fn proposals<'h>(past: &Past<'h>) -> impl Iterator<Item = (&'h Registered, &'h ConsultationProposal)> {
    let proposals = saying!(past.of_kind(ActKind::ConsultationProposal), ConsultationProposal);
    let counts = |one: &Registered, act: &ConsultationProposal| {
        one.stands() && act.parties.find(&one.sender).is_some() && is_between_powers(act)
    };
    proposals.filter(move |(one, act)| counts(one, act))
}

/// What each Power answered in time: that it accepted, or the last it said. Whoever accepted and thinks again
/// closes the consultation instead.
fn answers<'h>(
    past: &Past<'h>,
    proposal: &Registered,
    act: &ConsultationProposal,
) -> BTreeMap<&'h Ministry, (u64, Reply)> {
    let mut answers: BTreeMap<&Ministry, (u64, Reply)> = BTreeMap::new();
    for (one, reply) in saying!(past.of_kind(ActKind::ConsultationReply), ConsultationReply) {
        let in_time = one.released <= act.open_until_time && one.knew(proposal);
        let before = answers.get(&one.sender);
        let later = before.is_none_or(|(number, reply)| *reply != Reply::Accept && *number < one.number);
        if in_time && later && one.stands() {
            answers.insert(&one.sender, (one.number, reply.reply));
        }
    }
    answers
}

fn awaited<'h>(
    proposal: &Registered,
    act: &'h ConsultationProposal,
    answers: &BTreeMap<&Ministry, (u64, Reply)>,
) -> Vec<&'h Ministry> {
    let accepted = |power: &Ministry| answers.get(power).is_some_and(|(_, reply)| *reply == Reply::Accept);
    powers(act).filter(|power| **power != proposal.sender && !accepted(power)).collect()
}

/// What the Powers made of a consultation that they opened.
fn course(past: &Past<'_>, proposal: &Registered, act: &ConsultationProposal) -> Opening {
    if ended(past, proposal, act).is_some() {
        return Opening::Concluded;
    }
    let mut pauses: BTreeMap<&Ministry, (u64, ClosureKind)> = BTreeMap::new();
    for (one, kind) in closures(past, proposal).filter(|(_, kind)| is_pausing(*kind)) {
        if pauses.get(&one.sender).is_none_or(|(number, _)| *number < one.number) {
            pauses.insert(&one.sender, (one.number, kind));
        }
    }
    let adjourned = |power| pauses.get(power).is_some_and(|(_, kind)| *kind == ClosureKind::Adjourned);
    if powers(act).any(adjourned) { Opening::Adjourned } else { Opening::Open }
}

/// Whether the sender of an act adjourned the consultation after it. What stops need not stand.
pub fn adjourned_since(past: &Past<'_>, act: &Registered) -> bool {
    let mut closures = saying!(past.of_kind(ActKind::ConsultationClosure), ConsultationClosure);
    closures.any(|(one, closure)| {
        closure.kind == ClosureKind::Adjourned && one.sender == act.sender && one.knew(act)
    })
}

/// Since when every Power says the same end of a consultation that they opened; none while they do not.
fn ended(past: &Past<'_>, proposal: &Registered, act: &ConsultationProposal) -> Option<Timestamp> {
    let mut ends: BTreeMap<&Ministry, (u64, ClosureKind, Timestamp)> = BTreeMap::new();
    for (one, kind) in closures(past, proposal).filter(|(_, kind)| !is_pausing(*kind)) {
        let before = ends.get(&one.sender).copied();
        if before.is_some_and(|(number, ..)| number >= one.number) || !knew_what_was_agreed(past, one) {
            continue;
        }
        // Whoever says the same twice has said it first.
        let same = before.filter(|(_, before, _)| *before == kind);
        let since = same.map_or(one.released, |(.., since)| since);
        ends.insert(&one.sender, (one.number, kind, since));
    }
    let said: Option<Vec<_>> = powers(act).map(|power| ends.get(power)).collect();
    let said = said?;
    let (_, first, _) = said.first()?;
    let is_same = said.iter().all(|(_, kind, _)| kind == first);
    is_same.then(|| said.iter().map(|(.., since)| *since).max()).flatten()
}

/// The closures that speak of a proposal, in their order.
fn closures<'h>(
    past: &Past<'h>,
    proposal: &Registered,
) -> impl Iterator<Item = (&'h Registered, ClosureKind)> {
    let closures = saying!(past.of_kind(ActKind::ConsultationClosure), ConsultationClosure);
    let counting = closures.filter(|(one, _)| one.stands() && one.knew(proposal));
    counting.map(|(one, closure)| (one, closure.kind))
}

fn is_pausing(kind: ClosureKind) -> bool {
    matches!(kind, ClosureKind::Adjourned | ClosureKind::Resumed)
}

/// Whether whoever ended a consultation knew of every agreement in it: a closure that crossed the reply that concluded
/// one ends nothing.
fn knew_what_was_agreed(past: &Past<'_>, closure: &Registered) -> bool {
    let mut replies = saying!(past.of_kind(ActKind::AgreementReply), AgreementReply);
    replies.all(|(reply, _)| !reply.stands() || closure.knew(reply))
}

#[cfg(test)]
#[path = "opening_tests.rs"]
mod tests;
