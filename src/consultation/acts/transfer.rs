//! Asking for the transfer of prisoners of war and answering (GC III Arts 12(2), 109 to 111, 118).

use crate::consultation::acts::law::{Destination, LegalReference, Refusal};
use crate::consultation::acts::values::{ActRef, EntryId};
use crate::consultation::codec::record::{checked, record};
use crate::consultation::fault::{Fault, Faults, Reason};
use crate::consultation::list::List;
use crate::consultation::reference::PersonRef;
use crate::consultation::text::Text;
use crate::consultation::words::{ConditionKind, Reply, Route};
use crate::time::Timestamp;

record! {
    /// Asks the Detaining Power to transfer persons.
    pub struct TransferRequest {
        persons: List<PersonRef, 1>,
        route: Route,
        destination: Destination,
        legal_basis: List<LegalReference, 1>,
        supporting_documents: List<EntryId, 1>,
        assurances_message: ActRef,
        requested_by_time: Option<Timestamp>,
    }
}

checked! {
    /// Answers a request for transfer.
    TransferResponse = TransferResponseFields {
        request: ActRef,
        reply: Reply,
        conditions: List<Condition, 0>,
        reasons: List<Refusal, 0>,
    } by says_what_its_reply_says
}

record! {
    /// Something that must be so before the transfer.
    pub struct Condition {
        condition_id: EntryId,
        kind: ConditionKind,
        text: Text,
        satisfied: bool,
        evidence_message: Option<ActRef>,
    }
}

fn says_what_its_reply_says(act: &TransferResponseFields, faults: &mut Faults) {
    let conflict = |message: &str| Fault::new(Reason::FieldConflict, message);
    let conditions = act.conditions.as_slice();
    match act.reply {
        Reply::AcceptConditionally if conditions.is_empty() => faults.add_at("conditions", Fault::missing()),
        Reply::Accept | Reply::Decline if !conditions.is_empty() => {
            faults.add_at("conditions", conflict("conditions belong to ACCEPT_CONDITIONALLY or DEFER"));
        }
        _ => {}
    }
    let ids = conditions.iter().map(|condition| &condition.condition_id);
    if ids.clone().enumerate().any(|(index, id)| ids.clone().take(index).any(|earlier| earlier == id)) {
        faults.add_at("conditions", Fault::new(Reason::EntryRepeated, "two conditions bear one id"));
    }
    reasons_stand_where_they_belong(act.reply, act.reasons.is_empty(), faults);
}

/// A refusal has a reason, an acceptance has none.
pub(super) fn reasons_stand_where_they_belong(reply: Reply, without: bool, faults: &mut Faults) {
    match reply {
        Reply::Decline if without => faults.add_at("reasons", Fault::missing()),
        Reply::Accept if !without => {
            let message = "what is accepted is not refused for a reason";
            faults.add_at("reasons", Fault::new(Reason::FieldConflict, message));
        }
        _ => {}
    }
}
