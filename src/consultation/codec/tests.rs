//! What the codec takes and what it refuses, claim by claim.

use proptest::prelude::*;

use prost::Message as _;

use super::*;
use crate::consultation::describe::{self, Need};
use crate::consultation::samples;
use crate::proto::consultation::v1 as wire;

proptest! {
    #[test]
    fn every_act_comes_back_from_its_bytes(act in samples::act()) {
        let bytes = encode(&act);
        let back = decode(act.kind(), &bytes).unwrap();
        prop_assert!(back == act);
        prop_assert_eq!(encode(&back), bytes);
    }

    #[test]
    fn an_unknown_field_anywhere_at_the_top_is_refused(act in samples::act(), number in 64_u32..2000) {
        let mut bytes = encode(&act);
        prost::encoding::uint64::encode(number, &1, &mut bytes);
        prop_assert_eq!(reason(act.kind(), &bytes), "ACT_NOT_CANONICAL");
    }

    #[test]
    fn whatever_is_taken_is_the_one_encoding(act in samples::act(), place in any::<prop::sample::Index>(), to in any::<u8>()) {
        let mut bytes = encode(&act);
        let place = place.index(bytes.len());
        bytes[place] = to;
        if let Ok(taken) = decode(act.kind(), &bytes) {
            prop_assert_eq!(encode(&taken), bytes);
        }
    }

    #[test]
    fn stray_bytes_never_become_another_act(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        for kind in ActKind::ALL {
            if let Ok(taken) = decode(kind.word(), &bytes) {
                prop_assert_eq!(encode(&taken), bytes.clone());
            }
        }
    }
}

fn reason(kind: &str, bytes: &[u8]) -> &'static str {
    decode(kind, bytes).unwrap_err().reason()
}

fn refusal(kind: ActKind, record: &impl prost::Message) -> (String, &'static str) {
    let faults = decode(kind.word(), &record.encode_to_vec()).unwrap_err();
    let first = faults.iter().next().unwrap();
    (first.field().to_owned(), first.reason())
}

fn law() -> wire::LegalReference {
    wire::LegalReference {
        instrument: "GC-III-1949".to_owned(),
        provision: "Art. 118".to_owned(),
        note: String::new(),
    }
}

fn position() -> wire::PositionStatement {
    wire::PositionStatement {
        category: "prisoners who request admission".to_owned(),
        kind: 1,
        legal_basis: vec![law()],
        ..Default::default()
    }
}

fn proposal() -> wire::ConsultationProposal {
    let party = |code: &str| wire::ConsultationParty { ministry: code.to_owned(), roles: vec![1, 2] };
    wire::ConsultationProposal {
        consultation: "C-7QK4-M2XD-9WTV".to_owned(),
        subject: "Prisoners of war: procedure".to_owned(),
        parties: vec![party("XA"), party("XB")],
        legal_basis: Vec::new(),
        open_until_time: 1_800_000_000,
    }
}

fn request() -> wire::TransferRequest {
    wire::TransferRequest {
        persons: vec!["P-7QK4-M2XD-9WTV".to_owned()],
        route: 2,
        destination: Some(wire::Destination { kind: 2, region_code: "XA".to_owned() }),
        legal_basis: vec![law()],
        supporting_documents: vec!["application".to_owned()],
        assurances_message: vec![7; 32],
        requested_by_time: 0,
    }
}

fn response(reply: i32) -> wire::TransferResponse {
    wire::TransferResponse { request: vec![7; 32], reply, ..Default::default() }
}

fn condition(id: &str) -> wire::Condition {
    wire::Condition { condition_id: id.to_owned(), kind: 1, text: "t".to_owned(), ..Default::default() }
}

fn receipt() -> wire::RegistryReceipt {
    wire::RegistryReceipt {
        message_id: vec![1; 32],
        dispatch_digest: vec![2; 32],
        registry_number: "XB-2026-0412".to_owned(),
        register_time: 1_800_000_000,
        opened: true,
    }
}

/// Applies each change to a good record and expects the refusal beside it.
macro_rules! refused {
    ($kind:ident, $good:expr, $($change:expr => $field:literal $reason:literal,)+) => {
        let good = $good;
        assert!(decode(ActKind::$kind.word(), &good.encode_to_vec()).is_ok(), "the record itself is good");
        $({
            let mut record = good.clone();
            #[allow(clippy::redundant_closure_call)]
            ($change)(&mut record);
            let expected = ($field.to_owned(), $reason);
            assert_eq!(refusal(ActKind::$kind, &record), expected);
        })+
    };
}

#[test]
fn what_is_mandatory_in_a_position_is_demanded() {
    type Position = wire::PositionStatement;
    refused! { PositionStatement, position(),
        |act: &mut Position| act.category.clear() => "category" "ACT_FIELD_MISSING",
        |act: &mut Position| act.category = "a\nb".to_owned() => "category" "ACT_TEXT_INVALID",
        |act: &mut Position| act.category = "a".repeat(600) => "category" "ACT_TEXT_TOO_LONG",
        |act: &mut Position| act.kind = 0 => "kind" "ACT_FIELD_MISSING",
        |act: &mut Position| act.kind = 6 => "kind" "ACT_VALUE_UNKNOWN",
        |act: &mut Position| act.kind = -1 => "kind" "ACT_VALUE_UNKNOWN",
        |act: &mut Position| act.legal_basis.clear() => "legal_basis" "ACT_FIELD_MISSING",
        |act: &mut Position| act.legal_basis.push(law()) => "legal_basis" "ACT_ENTRY_REPEATED",
        |act: &mut Position| act.legal_basis[0].provision.clear() => "legal_basis[0].provision" "ACT_FIELD_MISSING",
        |act: &mut Position| act.supersedes = vec![1; 31] => "supersedes" "ACT_REFERENCE_INVALID",
        |act: &mut Position| act.commitments = vec![String::new()] => "commitments[0]" "ACT_FIELD_MISSING",
        |act: &mut Position| act.commitments = (0..300).map(|n| n.to_string()).collect() => "commitments" "ACT_LIST_TOO_LONG",
    }
}

#[test]
fn what_is_mandatory_in_a_proposal_is_demanded() {
    type Proposal = wire::ConsultationProposal;
    refused! { ConsultationProposal, proposal(),
        |act: &mut Proposal| act.consultation.clear() => "consultation" "ACT_FIELD_MISSING",
        |act: &mut Proposal| act.consultation = "C-7QK4-M2XD-9WTW".to_owned() => "consultation" "ACT_REFERENCE_INVALID",
        |act: &mut Proposal| act.subject.clear() => "subject" "ACT_FIELD_MISSING",
        |act: &mut Proposal| act.parties.truncate(1) => "parties" "ACT_FIELD_MISSING",
        |act: &mut Proposal| act.parties[1].ministry = "XA".to_owned() => "parties" "ACT_ENTRY_REPEATED",
        |act: &mut Proposal| act.parties.reverse() => "" "ACT_NOT_CANONICAL",
        |act: &mut Proposal| act.parties[0].roles.reverse() => "" "ACT_NOT_CANONICAL",
        |act: &mut Proposal| act.parties[1].roles.clear() => "parties[1].roles" "ACT_FIELD_MISSING",
        |act: &mut Proposal| act.parties[1].roles[0] = 9 => "parties[1].roles[0]" "ACT_VALUE_UNKNOWN",
        |act: &mut Proposal| act.parties[1].ministry = "xb".to_owned() => "parties[1].ministry" "ACT_REFERENCE_INVALID",
        |act: &mut Proposal| act.open_until_time = 0 => "open_until_time" "ACT_FIELD_MISSING",
        |act: &mut Proposal| act.open_until_time = -1 => "open_until_time" "ACT_TIME_INVALID",
    }
}

#[test]
fn what_is_mandatory_in_a_request_for_transfer_is_demanded() {
    type Request = wire::TransferRequest;
    let undecided = |kind, code: &str| Some(wire::Destination { kind, region_code: code.to_owned() });
    refused! { TransferRequest, request(),
        |act: &mut Request| act.persons.clear() => "persons" "ACT_FIELD_MISSING",
        |act: &mut Request| act.persons[0] = "P-7QK4-M2XD-9WVT".to_owned() => "persons[0]" "ACT_REFERENCE_INVALID",
        |act: &mut Request| act.persons.push(act.persons[0].clone()) => "persons" "ACT_ENTRY_REPEATED",
        |act: &mut Request| act.route = 0 => "route" "ACT_FIELD_MISSING",
        |act: &mut Request| act.route = 9 => "route" "ACT_VALUE_UNKNOWN",
        |act: &mut Request| act.destination = None => "destination" "ACT_FIELD_MISSING",
        |act: &mut Request| act.destination = undecided(2, "") => "destination.region_code" "ACT_FIELD_MISSING",
        |act: &mut Request| act.destination = undecided(2, "xa") => "destination.region_code" "ACT_REFERENCE_INVALID",
        |act: &mut Request| act.destination = undecided(3, "XA") => "destination.region_code" "ACT_FIELD_CONFLICT",
        |act: &mut Request| act.legal_basis.clear() => "legal_basis" "ACT_FIELD_MISSING",
        |act: &mut Request| act.supporting_documents.clear() => "supporting_documents" "ACT_FIELD_MISSING",
        |act: &mut Request| act.supporting_documents[0] = "a b".to_owned() => "supporting_documents[0]" "ACT_REFERENCE_INVALID",
        |act: &mut Request| act.assurances_message.clear() => "assurances_message" "ACT_FIELD_MISSING",
    }
}

#[test]
fn an_answer_to_a_request_carries_what_belongs_to_it_and_no_more() {
    type Response = wire::TransferResponse;
    let reason = || wire::Refusal { message: "m".to_owned(), ..Default::default() };
    refused! { TransferResponse, response(1),
        |act: &mut Response| act.request.clear() => "request" "ACT_FIELD_MISSING",
        |act: &mut Response| act.reply = 0 => "reply" "ACT_FIELD_MISSING",
        |act: &mut Response| act.reply = 2 => "conditions" "ACT_FIELD_MISSING",
        |act: &mut Response| act.reply = 3 => "reasons" "ACT_FIELD_MISSING",
        |act: &mut Response| act.conditions = vec![condition("a")] => "conditions" "ACT_FIELD_CONFLICT",
        |act: &mut Response| act.reasons = vec![reason()] => "reasons" "ACT_FIELD_CONFLICT",
        |act: &mut Response| act.conditions = vec![condition("")] => "conditions[0].condition_id" "ACT_FIELD_MISSING",
        |act: &mut Response| { act.reply = 2; act.conditions = vec![condition("a"), condition("a")] } => "conditions" "ACT_ENTRY_REPEATED",
        |act: &mut Response| act.reasons = vec![wire::Refusal::default()] => "reasons[0].message" "ACT_FIELD_MISSING",
    }
}

#[test]
fn what_is_mandatory_in_receipts_replies_and_correspondence_is_demanded() {
    type Receipt = wire::RegistryReceipt;
    refused! { RegistryReceipt, receipt(),
        |act: &mut Receipt| act.message_id.clear() => "message_id" "ACT_FIELD_MISSING",
        |act: &mut Receipt| act.dispatch_digest.clear() => "dispatch_digest" "ACT_FIELD_MISSING",
        |act: &mut Receipt| act.registry_number.clear() => "registry_number" "ACT_FIELD_MISSING",
        |act: &mut Receipt| act.register_time = 0 => "register_time" "ACT_FIELD_MISSING",
    }
    refused! { ConsultationReply, wire::ConsultationReply { reply: 1, reason: String::new() },
        |act: &mut wire::ConsultationReply| act.reply = 0 => "reply" "ACT_FIELD_MISSING",
        |act: &mut wire::ConsultationReply| act.reason = "\u{7}".to_owned() => "reason" "ACT_TEXT_INVALID",
    }
    type Letter = wire::Correspondence;
    refused! { Correspondence, Letter { subject: "s".to_owned(), ..Default::default() },
        |act: &mut Letter| act.subject.clear() => "subject" "ACT_FIELD_MISSING",
        |act: &mut Letter| act.demarche_time = 5 => "delivered_by_office" "ACT_FIELD_MISSING",
        |act: &mut Letter| act.received_by_office = "o".to_owned() => "demarche_time" "ACT_FIELD_MISSING",
    }
}

#[test]
fn other_spellings_of_a_good_act_are_refused() {
    let good = wire::ConsultationReply { reply: 1, reason: "r".to_owned() }.encode_to_vec();
    assert_eq!(good, [0x08, 0x01, 0x12, 0x01, b'r']);
    let spellings: [&[u8]; 6] = [
        &[0x08, 0x81, 0x00, 0x12, 0x01, b'r'], // number longer than needed
        &[0x08, 0x01, 0x12, 0x01, b'r', 0x12, 0x01, b'r'], // field twice
        &[0x08, 0x01, 0x08, 0x01, 0x12, 0x01, b'r'], // number twice
        &[0x12, 0x01, b'r', 0x08, 0x01],       // order
        &[0x08, 0x01, 0x12, 0x81, 0x00, b'r'], // length longer than needed
        &[0x08, 0x01, 0x12, 0x01, b'r', 0x1a, 0x00], // unknown field
    ];
    for bytes in spellings {
        assert_eq!(reason("consultation-reply", bytes), "ACT_NOT_CANONICAL", "{bytes:02x?}");
    }
    assert_eq!(reason("consultation-reply", &good[..4]), "ACT_MALFORMED");
    assert_eq!(reason("consultation-reply", &vec![0; 1 << 20]), "ACT_TOO_LARGE");
    assert_eq!(reason("act-of-2030", &good), "ACT_KIND_UNKNOWN");
}

#[test]
fn an_unknown_field_inside_a_nested_record_is_refused() {
    let mut destination = wire::Destination { kind: 1, region_code: String::new() }.encode_to_vec();
    destination.extend([0x18, 0x01]);
    let mut bytes = Vec::new();
    let request = wire::TransferRequest { destination: None, ..request() };
    prost::encoding::string::encode_repeated(1, &request.persons, &mut bytes);
    prost::encoding::int32::encode(2, &request.route, &mut bytes);
    prost::encoding::bytes::encode(3, &destination, &mut bytes);
    let rest = wire::TransferRequest { persons: Vec::new(), route: 0, ..request };
    bytes.extend(rest.encode_to_vec());
    assert_eq!(reason("transfer-request", &bytes), "ACT_NOT_CANONICAL");
}

#[test]
fn no_refusal_repeats_what_the_act_said() {
    let mut record = position();
    record.category = "CANARY\u{7}".to_owned();
    let refusal = decode("position-statement", &record.encode_to_vec()).unwrap_err();
    assert!(!format!("{refusal} {refusal:?}").contains("CANARY"));
}

#[test]
fn every_fault_of_an_act_is_named_at_once() {
    let mut record = request();
    record.persons = vec!["P-7QK4-M2XD-9WVT".to_owned(), String::new()];
    record.route = 99;
    record.destination = Some(wire::Destination { kind: 3, region_code: "XA".to_owned() });
    record.legal_basis[0].instrument.clear();
    let faults = decode("transfer-request", &record.encode_to_vec()).unwrap_err();
    let found: Vec<(&str, &str)> = faults.iter().map(|fault| (fault.field(), fault.reason())).collect();
    assert_eq!(
        found,
        [
            ("persons[0]", "ACT_REFERENCE_INVALID"),
            ("persons[1]", "ACT_FIELD_MISSING"),
            ("route", "ACT_VALUE_UNKNOWN"),
            ("destination.region_code", "ACT_FIELD_CONFLICT"),
            ("legal_basis[0].instrument", "ACT_FIELD_MISSING"),
        ]
    );
}

#[test]
fn comments_of_the_proto_files_and_types_of_the_fields_agree() {
    for kind in ActKind::ALL {
        assert!(!kind.meaning().is_empty() && !kind.specification().group.is_empty(), "{kind}");
        explained(kind.word(), &kind.fields());
    }
}

/// Every field has its number, a meaning, a source and an example, and is "Required" exactly where its type says so.
fn explained(place: &str, fields: &[describe::Description]) {
    for (index, field) in fields.iter().enumerate() {
        let place = format!("{place}.{}", field.name);
        assert_eq!(usize::try_from(field.number).unwrap(), index + 1, "{place}: order of the fields");
        assert!(field.meaning.ends_with('.') && field.meaning.len() > 3, "{place}: {}", field.meaning);
        assert!(!field.source.is_empty(), "{place}: no source");
        assert!(!field.example.is_empty(), "{place}: no example");
        assert_eq!(field.comment.starts_with("Required"), field.need == Need::Mandatory, "{place}");
        match &field.kind {
            describe::Kind::Group(inner) => explained(&place, inner),
            describe::Kind::List(entry) => {
                if let describe::Kind::Group(inner) = entry.as_ref() {
                    explained(&place, inner);
                }
            }
            _ => {}
        }
    }
}

#[test]
fn every_act_names_the_treaty_that_it_or_its_signature_rests_on() {
    for kind in ActKind::ALL {
        let fields = kind.fields();
        let mut said = fields.iter().map(|field| field.comment).chain([kind.meaning()]);
        let treaties = ["GC III", "VCDR", "VCLT"];
        assert!(said.any(|said| treaties.iter().any(|treaty| said.contains(treaty))), "{kind}: no treaty");
    }
}

#[test]
fn acts_and_vocabularies_have_one_number_each_in_the_format() {
    let words: std::collections::BTreeSet<&str> = ActKind::ALL.iter().map(|kind| kind.word()).collect();
    assert_eq!((words.len(), ActKind::ALL.len()), (43, 43));
    for word in words {
        assert_eq!(ActKind::from_word(word).map(ActKind::word), Some(word));
        assert!(ActKind::reserved(word).is_none());
    }
}
