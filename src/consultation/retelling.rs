//! What was told to some Powers only, and whether it was said to all since: two acts are compared, and nobody is asked.
//!
//! An act without a number cannot be declared to be known, so no later act of another answers it. What can be known is
//! an act to all Powers that says what it said.

use crate::consultation::act::Act;
use crate::consultation::acts::handover::HandoverReport;
use crate::consultation::reference::PersonRef;
use crate::consultation::registered::Registered;
use crate::consultation::words::HandoverOutcome;
use crate::time::Timestamp;

/// Whether an act to all Powers says, not before, what one to some of them said, by its sender or by one of those who
/// were told: whoever that one stops is stopped by this one as well, and for as long.
pub fn says_again(later: &Registered, earlier: &Registered) -> bool {
    let was_told = later.sender == earlier.sender || earlier.addressees.contains(&later.sender);
    let is_to_all = later.number > 0 && earlier.number == 0;
    let (Some(says), Some(said)) = (&later.act, &earlier.act) else { return false };
    let not_before = |one: &Option<Timestamp>, other: &Option<Timestamp>| {
        one.unwrap_or(later.released).min(later.released)
            >= other.unwrap_or(earlier.released).min(earlier.released)
    };
    let same_words = || match (says, said) {
        (Act::WillIndication(one), _) if !one.refused.is_empty() => refusal(said) == Some(one.person),
        (Act::WillIndication(one), Act::WillIndication(other)) => {
            one.person == other.person && one.indicated == other.indicated && other.refused.is_empty()
        }
        (Act::WillWithdrawal(one), Act::WillWithdrawal(other)) => {
            let covers = one.withdrawn_for.is_empty() || one.withdrawn_for == other.withdrawn_for;
            one.person == other.person && covers && not_before(&one.declaration_time, &other.declaration_time)
        }
        (Act::ExpressionOfWill(one), Act::ExpressionOfWill(other)) => one == other,
        (Act::HandoverReport(one), Act::HandoverReport(other)) => {
            let repeats = other.lines.iter().all(|line| one.lines.iter().any(|same| same == line));
            one.arrangement_id == other.arrangement_id
                && repeats
                && not_before(&Some(one.handover_time), &Some(other.handover_time))
        }
        (Act::ProtectionAssessment(one), Act::ProtectionAssessment(other)) => {
            one.person == other.person && one.destination == other.destination && one.finding == other.finding
        }
        (Act::MedicalFinding(one), Act::MedicalFinding(other)) => {
            one.person == other.person
                && (one.kind, one.decision) == (other.kind, other.decision)
                && (&one.members, &one.votes_for) == (&other.members, &other.votes_for)
                && not_before(&Some(one.examination_time), &Some(other.examination_time))
        }
        (Act::JudicialStatus(one), Act::JudicialStatus(other)) => {
            let consents = (one.written_consent_to_exchange, other.written_consent_to_exchange);
            one.person == other.person && one.state == other.state && consents.0 == consents.1
        }
        (Act::PublicityNotice(one), Act::PublicityNotice(other)) => {
            let exposes = |person: &PersonRef| one.persons.iter().any(|other| other == person);
            one.incident_id == other.incident_id && other.persons.iter().all(exposes)
        }
        (Act::DeathNotice(one), Act::DeathNotice(other)) => one.person == other.person,
        // Who said NO GO takes it back himself; nobody says it for him.
        (Act::GoNoGo(one), Act::GoNoGo(other)) => {
            later.sender == earlier.sender
                && one.arrangement_id == other.arrangement_id
                && !one.go.0
                && !other.go.0
        }
        _ => false,
    };
    is_to_all && was_told && later.released >= earlier.released && same_words()
}

/// The one person whose will an act speaks against or tells of: a refusal told of him as hearsay says as much of it.
fn refusal(said: &Act) -> Option<PersonRef> {
    match said {
        Act::WillIndication(act) => Some(act.person),
        Act::WillWithdrawal(act) => Some(act.person),
        Act::ExpressionOfWill(act) => Some(act.person),
        Act::HandoverReport(act) => {
            let mut declined = declined(act);
            declined.next().filter(|_| declined.next().is_none())
        }
        _ => None,
    }
}

/// Those who declined at the gate, by a report.
fn declined(report: &HandoverReport) -> impl Iterator<Item = PersonRef> {
    let lines = report.lines.iter().filter(|line| line.outcome == HandoverOutcome::DeclinedByPerson);
    lines.map(|line| line.person)
}
