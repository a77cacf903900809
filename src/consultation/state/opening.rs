//! Whether a consultation is open, who takes part in it and as what (domain 5.2).
//!
//! A proposal opens it once every Power among the parties accepted it in time; observers need not. Whoever adjourned
//! it resumes it. It is concluded when every Power has said so, knowing all that was agreed in it. Protective acts pass in every state.

use std::collections::BTreeMap;

use crate::consultation::act::ActKind;
use crate::consultation::acts::opening::ConsultationProposal;
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
    /// The proposal that counts: the last one that all Powers accepted, or the last one of all.
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
    let mut last = None;
    for (proposal, act) in proposals(past) {
        let answers = answers(past, proposal, act);
        let mut consultation = Consultation {
            proposal,
            act,
            state: Opening::Proposed,
            awaited: awaited(proposal, act, &answers),
        };
        if consultation.awaited.is_empty() {
            consultation.state = course(past, proposal, act);
            last = Some(consultation);
            continue;
        }
        // What is open stays open, whoever proposes another one meanwhile.
        if last.as_ref().is_some_and(|before| before.awaited.is_empty()) {
            continue;
        }
        if answers.values().any(|(_, reply)| *reply == Reply::Decline) {
            consultation.state = Opening::Declined;
        } else if at > act.open_until_time {
            consultation.state = Opening::Lapsed;
        }
        last = Some(consultation);
    }
    last
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

/// Whether this party is an observer.
pub fn is_observer(past: &Past<'_>, ministry: &Ministry) -> bool {
    observes(&roles(past, ministry))
}

/// The Powers among the parties of a proposal, ascending.
pub fn powers(act: &ConsultationProposal) -> impl Iterator<Item = &Ministry> {
    let parties = act.parties.iter().filter(|party| !observes(party.roles.as_slice()));
    parties.map(|party| &party.ministry)
}

fn proposals<'h>(past: &Past<'h>) -> impl Iterator<Item = (&'h Registered, &'h ConsultationProposal)> {
    let proposals = saying!(past.of_kind(ActKind::ConsultationProposal), ConsultationProposal);
    proposals.filter(|(one, act)| one.stands() && act.parties.find(&one.sender).is_some())
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
mod tests {
    use super::*;
    use crate::consultation::rules::table::Rule;
    use crate::consultation::state::samples::{DAY, Scene, ministry};

    fn shown(scene: &Scene) -> Opening {
        scene.asks(|past, at, _| state(past, at))
    }

    fn reply(scene: &mut Scene, sender: &str, reply: &str) {
        scene.say(sender, "consultation-reply", &format!("reply = \"{reply}\""));
    }

    fn close(scene: &mut Scene, sender: &str, kind: &str) {
        scene.say(sender, "consultation-closure", &format!("kind = \"{kind}\""));
    }

    #[test]
    fn every_power_accepts_in_time_and_observers_need_not() {
        let mut scene = Scene::proposed();
        assert_eq!(shown(&scene), Opening::Proposed);
        reply(&mut scene, "IC", "ACCEPT");
        reply(&mut scene, "XA", "ACCEPT_CONDITIONALLY");
        scene.against(Rule::Rol01);
        reply(&mut scene, "XA", "ACCEPT");
        assert_eq!(shown(&scene), Opening::Proposed, "nothing of that opens it");
        reply(&mut scene, "XA", "ACCEPT");
        assert_eq!(shown(&scene), Opening::Open);
        reply(&mut scene, "XA", "DECLINE");
        assert_eq!(shown(&scene), Opening::Open, "whoever thinks again closes it");
        let observer = scene.asks(|past, _, _| is_observer(past, &ministry("IC")));
        let power = scene.asks(|past, _, _| is_observer(past, &ministry("XA")));
        assert!(observer && !power);
    }

    #[test]
    fn a_proposal_is_declined_or_lapses() {
        let mut scene = Scene::proposed();
        reply(&mut scene, "XA", "DECLINE");
        assert_eq!(shown(&scene), Opening::Declined);
        let mut scene = Scene::proposed();
        scene.wait(10 * DAY);
        assert_eq!(shown(&scene), Opening::Lapsed);
        reply(&mut scene, "XA", "ACCEPT");
        assert_eq!(shown(&scene), Opening::Lapsed, "too late");
    }

    #[test]
    fn who_adjourned_resumes_and_all_conclude() {
        let mut scene = Scene::opened();
        close(&mut scene, "XA", "ADJOURNED");
        assert_eq!(shown(&scene), Opening::Adjourned);
        close(&mut scene, "XB", "RESUMED");
        assert_eq!(shown(&scene), Opening::Adjourned);
        close(&mut scene, "XA", "RESUMED");
        assert_eq!(shown(&scene), Opening::Open);
        close(&mut scene, "XA", "CONCLUDED");
        close(&mut scene, "IC", "CONCLUDED");
        assert_eq!(shown(&scene), Opening::Open, "one Power alone, and an observer");
        close(&mut scene, "XB", "WITHOUT_RESULT");
        assert_eq!(shown(&scene), Opening::Open, "they do not say the same");
        close(&mut scene, "XB", "CONCLUDED");
        assert_eq!(shown(&scene), Opening::Concluded);
    }

    #[test]
    fn a_closure_that_crossed_an_agreement_ends_nothing() {
        let mut scene = Scene::ready();
        scene.note("A-1", "P1", "XA", "RELEASE_AND_SETTLEMENT");
        let before = scene.marks();
        scene.agree("A-2", "P1", "XA");
        close(&mut scene, "XA", "CONCLUDED");
        scene.knowing(&before);
        close(&mut scene, "XB", "CONCLUDED");
        assert_eq!(shown(&scene), Opening::Open, "XB did not know of the reply");
        close(&mut scene, "XB", "CONCLUDED");
        assert_eq!(shown(&scene), Opening::Concluded);
    }

    #[test]
    fn what_is_open_stays_open_until_another_proposal_is_accepted_by_all() {
        let mut scene = Scene::opened();
        scene.say("XA", "consultation-proposal", ANOTHER);
        let roles_of = |scene: &Scene| scene.asks(|past, _, _| roles(past, &ministry("XA")));
        assert_eq!((shown(&scene), roles_of(&scene)), (Opening::Open, vec![PartyRole::ReceivingPower]));
        reply(&mut scene, "XB", "ACCEPT");
        assert_eq!((shown(&scene), roles_of(&scene)), (Opening::Open, vec![PartyRole::DetainingPower]));
    }

    #[test]
    fn it_ended_by_the_closures_that_hold_now_and_not_by_those_before_it_was_opened_anew() {
        let ended = |scene: &Scene| scene.asks(|past, at, _| concluded(past, at));
        let concludes = |scene: &mut Scene, power: &str| {
            let at = scene.at();
            close(scene, power, "CONCLUDED");
            Some(at)
        };
        let mut scene = Scene::opened();
        concludes(&mut scene, "XA");
        assert_eq!(ended(&scene), None);
        let first = concludes(&mut scene, "XB");
        concludes(&mut scene, "XA");
        assert_eq!(ended(&scene), first, "whoever says it twice has said it first");
        scene.wait(5 * DAY);
        scene.say("XB", "consultation-proposal", ANOTHER);
        reply(&mut scene, "XA", "ACCEPT");
        assert_eq!((shown(&scene), ended(&scene)), (Opening::Open, None));
        concludes(&mut scene, "XB");
        // What a rule stands against, what crossed a reply and what says another end counts for nothing.
        scene.against(Rule::Rol01);
        concludes(&mut scene, "XA");
        scene.note("A-1", "P1", "XA", "RELEASE_AND_SETTLEMENT");
        let before = scene.marks();
        scene.agree("A-2", "P1", "XA");
        concludes(&mut scene, "XA");
        scene.knowing(&before);
        concludes(&mut scene, "XB");
        close(&mut scene, "XB", "WITHOUT_RESULT");
        assert_eq!(ended(&scene), None);
        let again = concludes(&mut scene, "XB");
        assert_eq!((shown(&scene), ended(&scene)), (Opening::Concluded, again));
        assert!(again > first);
    }

    const ANOTHER: &str = r#"
        consultation = "C-3HN8-ZC6V-5JF2"
        subject = "Another one"
        parties = [{ ministry = "XA", roles = ["DETAINING_POWER"] }, { ministry = "XB", roles = ["RECEIVING_POWER"] }]
        open_until_time = "2026-12-02T10:00:00Z""#;
}
