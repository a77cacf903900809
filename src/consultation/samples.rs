//! Generated acts for tests: every act, with every field that can stand in it.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use crate::consultation::act::Act;
use crate::consultation::correspondence::{Correspondence, Demarche};
use crate::consultation::legal::LegalReference;
use crate::consultation::list::List;
use crate::consultation::party::{ConsultationParty, Parties};
use crate::consultation::position::PositionStatement;
use crate::consultation::proposal::{ConsultationProposal, ConsultationReply};
use crate::consultation::reference::{ConsultationId, PersonRef};
use crate::consultation::registry::RegistryReceipt;
use crate::consultation::text::{ShortText, Text};
use crate::consultation::transfer::{
    Condition, Destination, EntryId, Refusal, RegionCode, TransferRequest, TransferResponse,
};
use crate::consultation::words::{ConditionKind, DestinationKind, PartyRole, PositionKind, Reply, Route};
use crate::digest::Digest;
use crate::entropy::{Entropy, NoEntropy};
use crate::message::id::MessageId;
use crate::time::Timestamp;
use crate::trust::name::Ministry;

/// Any act of this release.
pub(crate) fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        correspondence().prop_map(Act::Correspondence),
        proposal().prop_map(Act::ConsultationProposal),
        reply().prop_map(Act::ConsultationReply),
        position().prop_map(Act::PositionStatement),
        request().prop_map(Act::TransferRequest),
        response().prop_map(Act::TransferResponse),
        receipt().prop_map(Act::RegistryReceipt),
    ]
}

/// Any consultation.
pub(crate) fn consultation() -> impl Strategy<Value = ConsultationId> {
    any::<[u8; 11]>().prop_map(|bytes| ConsultationId::mint(&Given(bytes)).unwrap())
}

/// Any person.
pub(crate) fn person() -> impl Strategy<Value = PersonRef> {
    any::<[u8; 11]>().prop_map(|bytes| PersonRef::mint(&Given(bytes)).unwrap())
}

fn correspondence() -> impl Strategy<Value = Correspondence> {
    let demarche = (time(), short(), short()).prop_map(|(time, delivered_by_office, received_by_office)| {
        Demarche { time, delivered_by_office, received_by_office }
    });
    (short(), option::of(text()), option::of(text()), option::of(demarche)).prop_map(
        |(subject, opening_formula, closing_formula, demarche)| Correspondence {
            subject,
            opening_formula,
            closing_formula,
            demarche,
        },
    )
}

fn proposal() -> impl Strategy<Value = ConsultationProposal> {
    (consultation(), short(), parties(), laws::<0>(), time()).prop_map(
        |(consultation, subject, parties, legal_basis, open_until)| ConsultationProposal {
            consultation,
            subject,
            parties,
            legal_basis,
            open_until,
        },
    )
}

fn parties() -> impl Strategy<Value = Parties> {
    let roles = proptest::sample::subsequence(PartyRole::ALL.to_vec(), 1..=PartyRole::ALL.len());
    proptest::collection::btree_map("[A-Z]{2,8}", roles, 2..5).prop_map(|parties| {
        let party = |(code, roles): (String, _)| {
            ConsultationParty::new(Ministry::parse(&code).unwrap(), roles).unwrap()
        };
        Parties::new(parties.into_iter().map(party).collect()).unwrap()
    })
}

fn reply() -> impl Strategy<Value = ConsultationReply> {
    (word(Reply::ALL), option::of(text())).prop_map(|(reply, reason)| ConsultationReply { reply, reason })
}

fn position() -> impl Strategy<Value = PositionStatement> {
    let commitments = distinct(text(), 0);
    (short(), word(PositionKind::ALL), laws::<1>(), commitments, option::of(message()), any::<bool>())
        .prop_map(|(category, kind, legal_basis, commitments, supersedes, may_be_quoted_publicly)| {
            PositionStatement {
                category,
                kind,
                legal_basis,
                commitments: List::new(commitments).unwrap(),
                supersedes,
                may_be_quoted_publicly,
            }
        })
}

fn request() -> impl Strategy<Value = TransferRequest> {
    let persons = distinct(person(), 1);
    let documents = distinct(entry_id(), 1);
    let time = option::of(time());
    (persons, word(Route::ALL), destination(), laws::<1>(), documents, message(), time).prop_map(
        |(persons, route, destination, legal_basis, documents, assurances_message, requested_by)| {
            TransferRequest {
                persons: List::new(persons).unwrap(),
                route,
                destination,
                legal_basis,
                supporting_documents: List::new(documents).unwrap(),
                assurances_message,
                requested_by,
            }
        },
    )
}

fn destination() -> impl Strategy<Value = Destination> {
    (word(DestinationKind::ALL), "[A-Z]{2}").prop_map(|(kind, code)| {
        let named = kind == DestinationKind::NamedState;
        Destination::new(kind, named.then(|| RegionCode::parse(&code).unwrap())).unwrap()
    })
}

fn response() -> impl Strategy<Value = TransferResponse> {
    let conditions = proptest::collection::btree_map("[A-Za-z0-9-]{1,32}", condition(), 1..4);
    (message(), word(Reply::ALL), conditions, distinct(refusal(), 1)).prop_map(
        |(request, reply, conditions, reasons)| {
            let conditions: Vec<Condition> = conditions
                .into_iter()
                .map(|(id, condition)| Condition { condition_id: EntryId::parse(&id).unwrap(), ..condition })
                .collect();
            let (conditions, reasons) = match reply {
                Reply::Accept => (Vec::new(), Vec::new()),
                Reply::Decline => (Vec::new(), reasons),
                Reply::AcceptConditionally | Reply::Defer => (conditions, reasons),
            };
            TransferResponse::new(request, reply, conditions, reasons).unwrap()
        },
    )
}

fn condition() -> impl Strategy<Value = Condition> {
    (entry_id(), word(ConditionKind::ALL), text(), any::<bool>(), option::of(message())).prop_map(
        |(condition_id, kind, text, satisfied, evidence_message)| Condition {
            condition_id,
            kind,
            text,
            satisfied,
            evidence_message,
        },
    )
}

fn refusal() -> impl Strategy<Value = Refusal> {
    let subjects = distinct(person(), 0);
    (option::of(short()), text(), laws::<0>(), subjects, option::of(text())).prop_map(
        |(rule, message, legal_basis, subjects, remedy)| Refusal {
            rule,
            message,
            legal_basis,
            subjects: List::new(subjects).unwrap(),
            remedy,
        },
    )
}

fn receipt() -> impl Strategy<Value = RegistryReceipt> {
    (message(), any::<[u8; 32]>(), short(), time(), any::<bool>()).prop_map(
        |(message_id, digest, registry_number, register_time, opened)| RegistryReceipt {
            message_id,
            dispatch_digest: Digest::from_bytes(digest),
            registry_number,
            register_time,
            opened,
        },
    )
}

fn laws<const MIN: usize>() -> impl Strategy<Value = List<LegalReference, MIN>> {
    let law = (short(), short(), option::of(text()));
    let law = law.prop_map(|(instrument, provision, note)| LegalReference { instrument, provision, note });
    distinct(law, MIN).prop_map(|laws| List::new(laws).unwrap())
}

/// Lines in the scripts of the exchange, quotes and backslashes included.
fn short() -> impl Strategy<Value = ShortText> {
    "[ -~가-힣а-яієї\u{1100}-\u{1112}\u{1161}-\u{1175}]{0,20}[!-~]"
        .prop_map(|text| ShortText::new(text).unwrap())
}

fn text() -> impl Strategy<Value = Text> {
    "([ -~가-힣а-яієї\n\t]{0,20}[!-~]){1,2}\n?".prop_map(|text| Text::new(text).unwrap())
}

fn entry_id() -> impl Strategy<Value = EntryId> {
    "[A-Za-z0-9-]{1,32}".prop_map(|text| EntryId::parse(&text).unwrap())
}

fn time() -> impl Strategy<Value = Timestamp> {
    (1..4_102_444_800_i64).prop_map(Timestamp::from_seconds)
}

fn message() -> impl Strategy<Value = MessageId> {
    any::<[u8; 32]>().prop_map(|bytes| MessageId::from(Digest::from_bytes(bytes)))
}

fn word<T: Copy + std::fmt::Debug + 'static>(all: &'static [T]) -> impl Strategy<Value = T> {
    proptest::sample::select(all)
}

fn distinct<T: Clone + PartialEq + std::fmt::Debug>(
    one: impl Strategy<Value = T>,
    least: usize,
) -> impl Strategy<Value = Vec<T>> {
    vec(one, least..4).prop_map(|entries| {
        let mut kept = Vec::new();
        for entry in entries {
            if !kept.contains(&entry) {
                kept.push(entry);
            }
        }
        kept
    })
}

/// Entropy that gives the bytes it was given.
struct Given([u8; 11]);

impl Entropy for Given {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoEntropy> {
        bytes.copy_from_slice(&self.0);
        Ok(())
    }
}
