//! Opening and closing a consultation, stating positions in it, inviting observers (GC III Arts 6, 8 to 11, 126).

use crate::consultation::acts::belongs;
use crate::consultation::acts::law::LegalReference;
use crate::consultation::acts::values::{ActRef, EntryId};
use crate::consultation::codec::record::{checked, record};
use crate::consultation::fault::{Fault, Faults, Reason};
use crate::consultation::list::{Keyed, List, Set};
use crate::consultation::reference::{ConsultationId, PersonRef};
use crate::consultation::text::{ShortText, Text};
use crate::consultation::words::{ClosureKind, ObserverScope, PartyRole, PositionKind, Reply};
use crate::limits;
use crate::time::Timestamp;
use crate::trust::name::Ministry;

checked! {
    /// Proposes a consultation to other Powers.
    ConsultationProposal = ConsultationProposalFields {
        consultation: ConsultationId,
        subject: ShortText,
        parties: Set<ConsultationParty, 2>,
        legal_basis: List<LegalReference, 0>,
        open_until_time: Timestamp,
    } by addressable
}

impl ConsultationProposal {
    /// The same proposal of this consultation.
    pub fn in_consultation(mut self, consultation: ConsultationId) -> Self {
        self.0.consultation = consultation;
        self
    }
}

/// Every party but the proposing one is an addressee.
fn addressable(act: &ConsultationProposalFields, faults: &mut Faults) {
    if act.parties.len() > limits::ADDRESSEES_MAX.saturating_add(1) {
        let message = format!("{} parties are more than can be addressed", act.parties.len());
        faults.add_at("parties", Fault::new(Reason::ListTooLong, message));
    }
}

record! {
    /// A party of a consultation and what it is there for.
    pub struct ConsultationParty {
        ministry: Ministry,
        roles: Set<PartyRole, 1>,
    }
}

impl Keyed for ConsultationParty {
    type Key = Ministry;

    fn key(&self) -> Ministry {
        self.ministry.clone()
    }
}

record! {
    /// Answers a proposal of consultation; the dispatch names the proposal.
    pub struct ConsultationReply {
        reply: Reply,
        reason: Option<Text>,
    }
}

record! {
    /// States the general stance of a Power about a category of persons, never about one of them (PRV-03).
    pub struct PositionStatement {
        category: ShortText,
        kind: PositionKind,
        legal_basis: List<LegalReference, 1>,
        commitments: List<Text, 0>,
        supersedes: Option<ActRef>,
        may_be_quoted_publicly: bool,
    }
}

record! {
    /// Ends, suspends or resumes a consultation.
    pub struct ConsultationClosure {
        kind: ClosureKind,
        agreed_minute_document: Option<EntryId>,
    }
}

checked! {
    /// Invites a party to observe.
    ObserverInvitation = ObserverInvitationFields {
        party: Ministry,
        role: PartyRole,
        scope: Set<ObserverScope, 1>,
        persons: List<PersonRef, 0>,
        start_time: Timestamp,
        end_time: Timestamp,
    } by ends_after_it_starts
}

fn ends_after_it_starts(act: &ObserverInvitationFields, faults: &mut Faults) {
    if act.end_time <= act.start_time {
        faults.add_at("end_time", Fault::new(Reason::FieldConflict, "it ends before it starts"));
    }
}

checked! {
    /// Answers an invitation to observe.
    ObserverReply = ObserverReplyFields {
        invitation: ActRef,
        reply: Reply,
        conditions: Option<Text>,
    } by conditions_stand_where_they_belong
}

fn conditions_stand_where_they_belong(act: &ObserverReplyFields, faults: &mut Faults) {
    let conditional = act.reply == Reply::AcceptConditionally;
    let message = "conditions belong to ACCEPT_CONDITIONALLY";
    belongs("conditions", act.conditions.is_some(), conditional, message, faults);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_so_many_parties_as_can_be_addressed_and_the_one_that_proposes() {
        let reason = |count: u8| {
            let party = |number: u8| ConsultationParty {
                ministry: Ministry::parse(&format!("X{}", char::from(b'A' + number))).unwrap(),
                roles: Set::new(vec![PartyRole::ReceivingPower]).unwrap(),
            };
            let fields = ConsultationProposalFields {
                consultation: ConsultationId::parse("C-7QK4-M2XD-9WTV").unwrap(),
                subject: ShortText::new("A subject".to_owned()).unwrap(),
                parties: Set::new((0..count).map(party).collect()).unwrap(),
                legal_basis: List::default(),
                open_until_time: Timestamp::from_seconds(1_795_341_600),
            };
            let mut faults = Faults::default();
            addressable(&fields, &mut faults);
            faults.reason()
        };
        let most = u8::try_from(limits::ADDRESSEES_MAX).unwrap() + 1;
        assert_eq!(reason(most), "");
        assert_eq!(reason(most + 1), "ACT_LIST_TOO_LONG");
    }
}
