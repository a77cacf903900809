//! OBS: what observers see, what they are asked, and who lets them in. Whoever is invited and is no party observes too.

use crate::consultation::act::{Act, ActKind};
use crate::consultation::history::Past;
use crate::consultation::rules::judgement::Judgement;
use crate::consultation::rules::{Findings, Rule};
use crate::consultation::state::{appointment, opening};
use crate::consultation::words::{ObserverScope, PartyRole};
use crate::message::terms::{AddresseeKind, Caveat};

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
            let interviewed = match judgement.act {
                Act::ExpressionOfWill(statement) => Some(&statement.person),
                _ => None,
            };
            let is_for = |person| {
                appointment::is_appointed(past, sender, ObserverScope::PrivateInterviews, person, at)
            };
            if !appointment::observes(past, sender, at) {
                let message = "not every Power has accepted the observer, or not for this time";
                findings.add(Rule::Obs04, "address.sender", message, hint);
            } else if interviewed.is_some_and(|person| !is_for(person)) {
                let message = "the observer was not invited to interviews of this person in private";
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

#[cfg(test)]
#[path = "observer_tests.rs"]
mod tests;
