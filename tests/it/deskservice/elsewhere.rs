//! What others bring: signatures given elsewhere, and the TLS of libraries that are not ours.

use std::fs;

use chancery::digest::Digest;
use chancery::proto::desk::v1 as wire;
use chancery::time::Clock;
use chancery::trust::role::Role;
use chancery::trust::signature;
use rustls::crypto::ring::kx_group;

use super::bureau::{Bureau, Client, clearance, creation, note, reason, release};
use super::pair;
use crate::support::Stage;

/// The signature of an office of XA over some bytes, by its own key.
fn signed(stage: &Stage, label: &str, bytes: &[u8]) -> Vec<u8> {
    let keys = stage.house("XA").keys();
    let offices = keys.offices().unwrap();
    let office = offices.values().find(|office| office.label() == label).unwrap();
    signature::sign(bytes, keys.office(office).unwrap().as_ref(), stage.clock_of("XA").now()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_office_that_signs_elsewhere_brings_its_signature_and_only_one_that_holds_is_kept() {
    let stage = pair().await;
    let xa = Bureau::open(&stage, "XA").await;
    let mut casework = xa.client("casework", &[Role::Draft, Role::Clear]).await;
    let mut legal = xa.client("legal", &[Role::Clear]).await;
    let mut head = xa.client("head", &[Role::Release]).await;
    let draft = casework.create_draft(creation("one", note("XB", ""))).await.unwrap().into_inner();
    assert!(draft.dispatch.is_empty(), "bytes come where they are asked for");
    let mask = Some(prost_types::FieldMask { paths: vec!["dispatch".to_owned(), "address".to_owned()] });
    let asked = wire::GetDraftRequest { name: draft.name.clone(), read_mask: mask, names_as: String::new() };
    let exact = legal_view(&mut legal, asked).await;
    assert_eq!(draft.name, format!("drafts/{}", Digest::of(&exact.dispatch).hex()));
    assert!(!exact.address.is_empty() && exact.act.is_none());
    // The key of the office is kept elsewhere.
    let key = xa.offices().join("legal-01.key");
    let good = signed(&stage, "legal-01", &exact.dispatch);
    let of_other_bytes = signed(&stage, "legal-01", b"other bytes");
    let of_another = signed(&stage, "drafting-01", &exact.dispatch);
    fs::rename(&key, xa.offices().join("elsewhere")).unwrap();
    assert_eq!(reason(legal.clear_draft(clearance("c", &draft.name)).await), "OFFICE_KEY_NOT_HERE");

    let kind = draft.steps.iter().find(|step| step.office == "legal-01").unwrap().kind;
    let add = |signature: &[u8], kind: i32| wire::AddSignatureRequest {
        request_id: "add".to_owned(),
        name: draft.name.clone(),
        office: "legal-01".to_owned(),
        kind,
        signature: signature.to_vec(),
    };
    for (wrong, refusal) in [
        (add(&of_other_bytes, kind), "AUTHENTICATION_INVALID"),
        (add(&of_another, kind), "AUTHENTICATION_INVALID"),
        (add(b"no signature", kind), "AUTHENTICATION_INVALID"),
        (add(b"", kind), "FIELD_INVALID"),
        (add(&good, 99), "FIELD_INVALID"),
        (wire::AddSignatureRequest { office: "nobody".to_owned(), ..add(&good, kind) }, "NOT_LISTED"),
    ] {
        assert_eq!(reason(legal.add_signature(wrong).await), refusal);
    }
    assert_eq!(reason(casework.add_signature(add(&good, kind)).await), "FOUR_EYES");
    assert_eq!(reason(head.add_signature(add(&good, kind)).await), "WRONG_ROLE");
    let shown = legal.add_signature(add(&good, kind)).await.unwrap().into_inner();
    let again = legal.add_signature(add(&good, kind)).await.unwrap().into_inner();
    assert_eq!(shown, again);
    let step = shown.steps.iter().find(|step| step.office == "legal-01").unwrap();
    assert!(step.signed && step.client == "legal");
    assert_eq!(head.release_draft(release("r", &draft.name)).await.unwrap().into_inner().messages.len(), 1);
    xa.close().await;
}

async fn legal_view(client: &mut Client, asked: wire::GetDraftRequest) -> wire::Draft {
    client.get_draft(asked).await.unwrap().into_inner()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_library_that_agrees_on_keys_over_p_256_alone_is_served() {
    let stage = pair().await;
    let xa = Bureau::open(&stage, "XA").await;
    let (chain, key) = xa.enrol("old", &[Role::Draft]);
    let channel = xa.dial_by(&chain, &key, vec![kx_group::SECP256R1]).await.unwrap();
    Client::new(channel).list_drafts(wire::ListDraftsRequest::default()).await.unwrap();
    assert!(xa.dial_by(&chain, &key, vec![kx_group::SECP384R1]).await.is_err(), "and over no other curve");
    xa.close().await;
}
