//! OBS: what observers see, what they are asked, and who lets them in. Whoever is invited and is no party observes too.

use crate::consultation::act::{Act, ActKind};
use crate::consultation::acts::opening::ObserverInvitation;
use crate::consultation::history::{Past, Thread};
use crate::consultation::registered::Registered;
use crate::consultation::rules::judgement::Judgement;
use crate::consultation::rules::{Findings, Rule};
use crate::consultation::state::{opening, saying};
use crate::consultation::words::{ObserverScope, PartyRole, Reply};
use crate::message::terms::{AddresseeKind, Caveat};
use crate::time::Timestamp;
use crate::trust::name::Ministry;

/// What OBS-03 finds.
pub(super) const PASSED_ON: &str = "it would pass on what an observer said in confidence";

pub(super) fn judge(judgement: &Judgement<'_>, findings: &mut Findings) {
    confidence(judgement, findings);
    let Some(past) = judgement.past else { return };
    asked(judgement, past, findings);
    appointment(judgement, past, findings);
}

/// OBS-01 and OBS-02. An invitation is put to the observer, and so is what opens a consultation.
fn asked(judgement: &Judgement<'_>, past: &Past<'_>, findings: &mut Findings) {
    let kind = judgement.act.act_kind();
    let put_to_it =
        matches!(kind, ActKind::ObserverInvitation | ActKind::ConsultationProposal | ActKind::Correspondence);
    for (index, addressee) in judgement.address.addressees.iter().enumerate() {
        let asked = addressee.kind == AddresseeKind::Action && !put_to_it;
        if asked && opening::is_observer(past, &addressee.ministry) {
            let rule = if kind.specification().concludes { Rule::Obs02 } else { Rule::Obs01 };
            let message = format!("{} observes and is asked to act", addressee.ministry);
            findings.add(rule, format!("address.addressees[{index}]"), message, rule.cure());
        }
    }
}

/// OBS-03: what an observer marked as its confidence goes to nobody it did not tell.
fn confidence(judgement: &Judgement<'_>, findings: &mut Findings) {
    let address = judgement.address;
    for earlier in
        judgement.quoted().filter(|earlier| earlier.caveats.contains(&Caveat::ObserverConfidential))
    {
        if earlier.originator != address.sender && !earlier.was_told_to_all_of(address) {
            findings.add(Rule::Obs03, "address.releasable_to", PASSED_ON, Rule::Obs03.cure());
        }
    }
}

/// OBS-04: who is invited is to observe, and who was invited acts once all consented.
fn appointment(judgement: &Judgement<'_>, past: &Past<'_>, findings: &mut Findings) {
    let hint = Rule::Obs04.cure();
    match judgement.act {
        Act::ObserverInvitation(invitation) if !may_observe(invitation.role) => {
            let message = format!("{} is no role of an observer", invitation.role);
            findings.add(Rule::Obs04, "act.role", message, "invite it as what it is to be");
        }
        Act::ObserverReply(_) | Act::RegistryReceipt(_) | Act::NonAcknowledgement(_) => {}
        _ => {
            let (sender, at) = (&judgement.address.sender, judgement.release_time());
            if !opening::roles(past, sender).is_empty() || !opening::was_invited(past, sender) {
                return;
            }
            let is_statement = matches!(judgement.act, Act::ExpressionOfWill(_));
            if !opening::invitations(past, sender).any(|(one, act)| is_accepted(past, one, act, at)) {
                let message = "not every Power has accepted the observer";
                findings.add(Rule::Obs04, "address.sender", message, hint);
            } else if is_statement && !is_appointed(past, sender, ObserverScope::PrivateInterviews, at) {
                let message = "the observer was not invited to interviews in private";
                findings.add(Rule::Obs04, "address.sender", message, hint);
            }
        }
    }
}

/// Whether somebody can be invited as this.
const fn may_observe(role: PartyRole) -> bool {
    matches!(
        role,
        PartyRole::NeutralPower
            | PartyRole::Intermediary
            | PartyRole::ProtectingPower
            | PartyRole::Icrc
            | PartyRole::Unhcr
    )
}

/// Whether this ministry was invited to see this, by consent of all who must consent, for this instant.
pub(super) fn is_appointed(
    past: &Past<'_>,
    ministry: &Ministry,
    scope: ObserverScope,
    at: Timestamp,
) -> bool {
    opening::invitations(past, ministry).any(|(one, act)| {
        act.scope.iter().any(|granted| *granted == scope) && is_accepted(past, one, act, at)
    })
}

/// Accepted by whoever was invited and by every detaining and receiving Power but the one that invites; so delegates
/// of the ICRC are never there without the Detaining Power (GC III Art. 126(4)).
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
    at <= act.end_time && accepted(&act.party) && asked.all(accepted)
}

#[cfg(test)]
#[path = "observer_tests.rs"]
mod tests;
