//! What was told to some Powers only, and whether it was said to all since: two acts are compared, and nobody is asked.
//!
//! An act without a number cannot be declared to be known, and a desk that lacks it cannot tell what it says. So no act
//! of another Power would ever answer it, and whom it stops it would stop for ever. What can be known is an act to all
//! Powers that says the same: of its sender, or of one who was told and passes it on. That act stops at every desk whom
//! the first one stopped at some; nobody is freed by it. And whoever knew it when he answered knew what the first one
//! said: who had the first one judges the answer as if it had borne a number, by who may answer it and by when the
//! person was asked, both taken from the first one itself. So a word that is passed on is not made weaker by who passes
//! it on: what only its sender may take back stays his.
//!
//! Each desk that has both acts comes to the same, whichever came first. A declared past has none without a number in
//! it, so no verdict rests on this: it says who may depart, and what a desk shows.

use crate::consultation::act::Act;
use crate::consultation::acts::handover::HandoverReport;
use crate::consultation::acts::law::Destination;
use crate::consultation::acts::will::WillIndication;
use crate::consultation::reference::PersonRef;
use crate::consultation::registered::Registered;
use crate::consultation::words::{HandoverOutcome, HoldReason};
use crate::time::Timestamp;

/// Whether an act to all Powers says, not before, what one to some of them said, by its sender or by one of those who
/// were told: whoever that one stops is stopped by this one as well, and for as long.
pub fn says_again(later: &Registered, earlier: &Registered) -> bool {
    let is_own = later.sender == earlier.sender;
    let is_to_all = later.number > 0 && earlier.number == 0;
    let (Some(says), Some(said)) = (&later.act, &earlier.act) else { return false };
    let not_before = told_of(later, says) >= told_of(earlier, said);
    is_to_all
        && (is_own || earlier.addressees.contains(&later.sender))
        && later.released >= earlier.released
        && not_before
        && (tells_his_will(says, said) || repeats(says, said, is_own))
}

/// Whether an act says of a person's will as much as another one, in its words or as hearsay.
fn tells_his_will(says: &Act, said: &Act) -> bool {
    let Some((person, places)) = refusal(said) else { return false };
    match (says, said) {
        (Act::WillIndication(one), _) => {
            let names = |place: &Destination| one.refused.iter().any(|refused| refused == place);
            person == one.person && places.iter().all(names) && tells_his_wish(one, said)
        }
        (Act::WillWithdrawal(one), _) if one.withdrawn_for.is_empty() => person == one.person,
        (Act::WillWithdrawal(one), Act::WillWithdrawal(other)) => {
            person == one.person && one.withdrawn_for == other.withdrawn_for
        }
        (Act::ExpressionOfWill(one), Act::ExpressionOfWill(other)) => one == other,
        _ => false,
    }
}

/// Whether hearsay tells where a person wishes to go as well, where the other act says that: whoever asks him by the
/// word of a refusal alone would not know of it. Of what names no wish, hearsay of a refusal tells as much.
fn tells_his_wish(one: &WillIndication, said: &Act) -> bool {
    match said {
        Act::WillIndication(other) => other.indicated.is_none() || one.indicated == other.indicated,
        // A statement may stop everywhere for what was found of it, and who passes a mere wish on tells nothing of
        // that.
        Act::ExpressionOfWill(other) => {
            let is_wished = |wish: &Destination| other.acceptable.iter().any(|place| place == wish);
            !one.refused.is_empty() && one.indicated.as_ref().is_some_and(is_wished)
        }
        _ => !one.refused.is_empty(),
    }
}

/// Whether an act says in the same words what may stop somebody in another one.
fn repeats(says: &Act, said: &Act, is_own: bool) -> bool {
    match (says, said) {
        (Act::HandoverReport(one), Act::HandoverReport(other)) => {
            let repeated = |line| one.lines.iter().any(|same| same == line);
            one.arrangement_id == other.arrangement_id && other.lines.iter().all(repeated)
        }
        (Act::ProtectionAssessment(one), Act::ProtectionAssessment(other)) => {
            one.person == other.person && one.destination == other.destination && one.finding == other.finding
        }
        (Act::MedicalFinding(one), Act::MedicalFinding(other)) => {
            one.person == other.person
                && (one.kind, one.decision) == (other.kind, other.decision)
                && (&one.members, &one.votes_for) == (&other.members, &other.votes_for)
        }
        (Act::JudicialStatus(one), Act::JudicialStatus(other)) => {
            let same_consent = one.written_consent_to_exchange == other.written_consent_to_exchange;
            one.person == other.person && one.state == other.state && same_consent
        }
        (Act::PublicityNotice(one), Act::PublicityNotice(other)) => {
            let exposes = |person: &PersonRef| one.persons.iter().any(|other| other == person);
            one.incident_id == other.incident_id && other.persons.iter().all(exposes)
        }
        (Act::DeathNotice(one), Act::DeathNotice(other)) => one.person == other.person,
        (Act::HoldNotice(one), Act::HoldNotice(other)) => {
            let holds = |person: &PersonRef| one.persons.iter().any(|other| other == person);
            one.reason == other.reason && other.persons.iter().all(holds)
        }
        (Act::ListVerification(one), Act::ListVerification(other)) => {
            other.findings.iter().all(|line| one.findings.iter().any(|same| same == line))
        }
        (Act::InformationBureauNotice(one), Act::InformationBureauNotice(other)) => {
            let names = |person: &PersonRef| one.persons.iter().any(|other| other == person);
            one.event == other.event && other.persons.iter().all(names)
        }
        (Act::Corrigendum(one), Act::Corrigendum(other)) => {
            is_own && one.corrects == other.corrects && one.field_path == other.field_path
        }
        // Who said NO GO takes it back himself; nobody says it for him.
        (Act::GoNoGo(one), Act::GoNoGo(other)) => {
            is_own && one.arrangement_id == other.arrangement_id && !one.go.0 && !other.go.0
        }
        _ => false,
    }
}

/// Whether whoever knew the later act knew what the earlier one said to some Powers only: it says that again, or it is
/// a statement which the sender of both took from the person afterwards, and which stands.
pub fn makes_known(later: &Registered, earlier: &Registered) -> bool {
    says_again(later, earlier) || asks_again(later, earlier)
}

/// Whether the sender asked the person after what he had told of his will.
fn asks_again(later: &Registered, earlier: &Registered) -> bool {
    let (Some(Act::ExpressionOfWill(asked)), Some(said)) = (&later.act, &earlier.act) else { return false };
    let is_own = later.sender == earlier.sender && earlier.number == 0 && later.number > 0;
    is_own
        && later.stands()
        && earlier.released < later.released
        && refusal(said).is_some_and(|(person, _)| person == asked.person)
        && asked.declaration_time.min(later.released) > told_of(earlier, said)
}

/// When that was which an act tells of: as stated, but never after its release.
fn told_of(registered: &Registered, act: &Act) -> Timestamp {
    let stated = match act {
        Act::WillWithdrawal(act) => act.declaration_time,
        Act::ExpressionOfWill(act) => Some(act.declaration_time),
        Act::HandoverReport(act) => Some(act.handover_time),
        Act::MedicalFinding(act) => Some(act.examination_time),
        _ => None,
    };
    stated.map_or(registered.released, |stated| stated.min(registered.released))
}

/// The one person whose will an act speaks against or tells of, and the places it names as refused: a refusal of these
/// told of him as hearsay says as much of that, because hearsay of a refusal stops him everywhere. So does a hold by
/// reason of his will, which names none.
fn refusal(said: &Act) -> Option<(PersonRef, &[Destination])> {
    match said {
        Act::WillIndication(act) => Some((act.person, act.refused.as_slice())),
        Act::WillWithdrawal(act) => Some((act.person, act.withdrawn_for.as_slice())),
        Act::ExpressionOfWill(act) => Some((act.person, act.refused.as_slice())),
        Act::HoldNotice(act) if act.reason == Some(HoldReason::Will) => {
            let mut persons = act.persons.iter();
            let one = persons.next().filter(|_| persons.next().is_none())?;
            Some((*one, [].as_slice()))
        }
        Act::HandoverReport(act) => {
            let mut declined = declined(act);
            let one = declined.next().filter(|_| declined.next().is_none())?;
            // Retold as hearsay of one person, it would say nothing of what else stops somebody by it.
            let spares = |outcome: HandoverOutcome| {
                use HandoverOutcome::{Deceased, HeldByAuthority, Unfit};
                !matches!(outcome, Deceased | HeldByAuthority | Unfit)
            };
            act.lines.iter().all(|line| spares(line.outcome)).then_some((one, [].as_slice()))
        }
        _ => None,
    }
}

/// Those who declined at the gate, by a report.
fn declined(report: &HandoverReport) -> impl Iterator<Item = PersonRef> {
    let lines = report.lines.iter().filter(|line| line.outcome == HandoverOutcome::DeclinedByPerson);
    lines.map(|line| line.person)
}

#[cfg(test)]
#[path = "retelling_tests.rs"]
mod tests;
