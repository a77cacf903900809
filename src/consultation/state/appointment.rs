//! Which observers were appointed, what for, for whom and for when (OBS-04, HND-09, MED-01).
//!
//! An invitation counts once whoever was invited has accepted it, and every detaining and receiving Power but the one
//! that invites; so delegates of the ICRC are never there without the Detaining Power (GC III Art. 126(4)). It is for
//! its time, its scope and its persons; where it names none, for all.

use crate::consultation::acts::opening::ObserverInvitation;
use crate::consultation::history::{Past, Thread};
use crate::consultation::reference::PersonRef;
use crate::consultation::registered::Registered;
use crate::consultation::state::{opening, saying};
use crate::consultation::words::{ObserverScope, PartyRole, Reply};
use crate::limits;
use crate::time::Timestamp;
use crate::trust::name::Ministry;

/// Whether this ministry was appointed for this instant, whatever for.
pub fn observes(past: &Past<'_>, ministry: &Ministry, at: Timestamp) -> bool {
    opening::invitations(past, ministry).any(|(one, act)| is_accepted(past, one, act, at))
}

/// Whether this ministry was appointed to see this of a person, at this instant.
pub fn is_appointed(
    past: &Past<'_>,
    ministry: &Ministry,
    scope: ObserverScope,
    person: &PersonRef,
    at: Timestamp,
) -> bool {
    opening::invitations(past, ministry).any(|(one, act)| {
        let is_his = act.persons.is_empty() || act.persons.iter().any(|listed| listed == person);
        let is_meant = is_his && act.scope.iter().any(|granted| *granted == scope);
        is_meant && is_accepted(past, one, act, at)
    })
}

fn is_accepted(past: &Past<'_>, invitation: &Registered, act: &ObserverInvitation, at: Timestamp) -> bool {
    let accepted = |ministry: &Ministry| {
        let replies = saying!(past.of_thread(&Thread::Answer(invitation.reference)), ObserverReply);
        let own = replies.filter(|(one, _)| one.sender == *ministry && one.stands());
        own.max_by_key(|(one, _)| one.number)
            .is_some_and(|(_, reply)| matches!(reply.reply, Reply::Accept | Reply::AcceptConditionally))
    };
    let Some(consultation) = opening::consultation(past, at) else { return false };
    let consents = |party: &&Ministry| {
        let roles = opening::roles(past, party);
        roles.contains(&PartyRole::DetainingPower) || roles.contains(&PartyRole::ReceivingPower)
    };
    let mut asked =
        opening::powers(consultation.act).filter(consents).filter(|party| **party != invitation.sender);
    // A release bears whole minutes, and no two clocks agree.
    let in_time = act.start_time <= at.after(limits::CLOCK_SKEW_MAX) && at <= act.end_time;
    in_time && accepted(&act.party) && asked.all(accepted)
}

#[cfg(test)]
#[path = "appointment_tests.rs"]
mod tests;
