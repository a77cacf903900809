//! What reaches a desk past two gateways that cannot look inside: a dispatch in a wrapping it was not signed
//! for, or without the signatures it needs, is refused, and nothing of it is shown.

use std::fs;
use std::path::Path;

use chancery::consultation::rules::authority::Validity;
use chancery::consultation::rules::{Rule, Severity};
use chancery::consultation::withholding::Withheld;
use chancery::desk::error::DeskError;
use chancery::desk::read::Opened;
use chancery::desk::reference::Entry;
use chancery::digest::Digest;
use chancery::entropy::SystemEntropy;
use chancery::gateway::frame::Delivery;
use chancery::keys::ministry::MinistryHome;
use chancery::keys::revocation::RevocationReason;
use chancery::message::dispatch::{Dispatch, ExpectedAuthentication};
use chancery::message::seal::{self, Recipient};
use chancery::message::terms::{AuthenticationKind, Level};
use chancery::proto::message::v1 as wire;
use chancery::rehearsal::RehearsalFault;
use chancery::time::Clock;
use chancery::trust::name::Name;
use chancery::trust::signature;
use prost::Message;

use crate::support::answers::{relay, signed};
use crate::support::craft::Craft;
use crate::support::{Stage, caller, forms, ministry, passphrase};

const SECRET: &str = "What nobody is to read.";

/// XA has sent XB a memorandum, which XB has opened.
async fn opened(codes: &[&str]) -> (Stage, Opened) {
    let stage = Stage::of(codes).await;
    let [sent] = stage.send("XA", &forms::memorandum("XB", "new", SECRET)).await.try_into().unwrap();
    stage.settled("XA", &sent).await;
    stage.house("XB").fetch().await.unwrap();
    let opened = stage.house("XB").read("@last").unwrap();
    (stage, opened)
}

/// The next message of XA to XB in the consultation of one that was opened, with the same number of parts.
fn next(stage: &Stage, opened: &Opened, dispatch: Vec<u8>) -> Craft {
    let mut craft = Craft::new(stage, "XA", "XB").after(&opened.envelope);
    craft.address = opened.envelope.header().address().clone();
    craft.parts = opened.envelope.parts().to_vec();
    craft.parts[0] = sealed(stage, &dispatch, &["XA", "XB"]);
    craft
}

/// Sealed to the desks of these ministries.
fn sealed(stage: &Stage, plain: &[u8], to: &[&str]) -> Vec<u8> {
    let key = |code: &&str| {
        let bundle = stage.world.bundle(&ministry(code)).unwrap().bundle().content().clone();
        Recipient::parse(&bundle.reading_keys[0]).unwrap()
    };
    seal::seal(plain, &to.iter().map(key).collect::<Vec<_>>(), &SystemEntropy).unwrap().bytes
}

/// Delivers what its gateway cannot see through, and reads it at the desk of `reader`; the reason it is
/// refused for.
async fn refusal(stage: &Stage, craft: &Craft, reader: &str) -> String {
    let from = craft.address.sender.clone();
    let envelope = craft.signed(stage);
    let outcomes = stage.gateway(reader).receive(&from, vec![Delivery::of(envelope.encode())]).await.unwrap();
    signed(&outcomes[0].answer);
    let house = stage.house(reader);
    house.fetch().await.unwrap();
    let refused = match house.read(&forms::reference(&envelope.id())) {
        Err(RehearsalFault::Desk(DeskError::Refused(refusal))) => refusal,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it was read"),
    };
    // It stays unread, and no word of it lies anywhere.
    let desk = house.desk().unwrap();
    let Entry::Received(entry) = desk.find(&forms::reference(&envelope.id())).unwrap() else {
        unreachable!()
    };
    assert_eq!(entry.read_time, None);
    assert!(!contains(house.homes().desk.directory(), SECRET.as_bytes()));
    assert!(!refused.to_string().contains(SECRET));
    format!("{}: {}", refused.reason().word(), refused.detail())
}

fn contains(place: &Path, needle: &[u8]) -> bool {
    if place.is_dir() {
        return fs::read_dir(place).unwrap().any(|entry| contains(&entry.unwrap().path(), needle));
    }
    let bytes = fs::read(place).unwrap_or_default();
    bytes.windows(needle.len()).any(|window| window == needle)
}

/// The dispatch with `change` made to it, signed by these offices of XA.
fn resigned(stage: &Stage, opened: &Opened, offices: &[&str], change: impl FnOnce(&mut Dispatch)) -> Vec<u8> {
    let mut dispatch = opened.dispatch.dispatch().clone();
    dispatch.salt = [9; 32];
    change(&mut dispatch);
    let bytes = dispatch.bytes();
    let authentications = offices.iter().map(|label| sign(stage, label, &bytes)).collect();
    wire::SignedDispatch { dispatch: bytes, authentications }.encode_to_vec()
}

/// The signature of an office, or of the registry, of XA.
fn sign(stage: &Stage, label: &str, bytes: &[u8]) -> Vec<u8> {
    let (keys, now) = (stage.house("XA").keys(), stage.clock.now());
    if label == "registry" {
        return signature::sign(bytes, keys.registry().unwrap().as_ref(), now).unwrap();
    }
    let offices = keys.offices().unwrap();
    let signer = keys.office(&offices[&office(label)]).unwrap();
    signature::sign(bytes, signer.as_ref(), now).unwrap()
}

fn office(label: &str) -> Name {
    Name::parse(&format!("chancery://XA/office/{label}")).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_true_is_read() {
    let (stage, opened) = opened(&["XA", "XB"]).await;
    let craft = next(&stage, &opened, resigned(&stage, &opened, &["drafting-01", "seal"], |_| {}));
    let envelope = craft.signed(&stage);
    relay(&stage, &[&envelope]).await;
    stage.house("XB").fetch().await.unwrap();
    stage.house("XB").read(&forms::reference(&envelope.id())).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dispatch_sealed_on_to_a_third_party_is_refused() {
    let (stage, opened) = opened(&["XA", "XB", "XC"]).await;
    // XB has opened what XA wrote to it, and seals the signed words to XC as if XA had written to XC too.
    let mut craft = Craft::new(&stage, "XB", "XC");
    craft.parts = opened.envelope.parts().to_vec();
    craft.parts[0] = sealed(&stage, &opened.dispatch.encode(), &["XC"]);
    let refused = refusal(&stage, &craft, "XC").await;
    assert!(refused.starts_with("ADDRESS_MISMATCH"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_dispatch_in_another_wrapping_is_refused() {
    let (stage, opened) = opened(&["XA", "XB"]).await;
    let craft = next(&stage, &opened, opened.dispatch.encode());
    let refused = refusal(&stage, &craft, "XB").await;
    assert!(refused.starts_with("REWRAPPED"), "{refused}");
    assert!(refused.contains(&opened.envelope.id().to_string()), "it names the first: {refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seal_for_others_is_refused() {
    let (stage, opened) = opened(&["XA", "XB"]).await;
    let mut craft = next(&stage, &opened, Vec::new());
    craft.parts[0] = sealed(&stage, &resigned(&stage, &opened, &["drafting-01", "seal"], |_| {}), &["XA"]);
    let refused = refusal(&stage, &craft, "XB").await;
    assert!(refused.starts_with("SEAL_BROKEN: SEAL_NOT_FOR_US"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_seal_is_refused() {
    let (stage, opened) = opened(&["XA", "XB"]).await;
    let whole = next(&stage, &opened, resigned(&stage, &opened, &["drafting-01", "seal"], |_| {}));
    let length = whole.parts[0].len();
    let mut craft = whole.clone();
    craft.parts[0][length - 1] ^= 1;
    let refused = refusal(&stage, &craft, "XB").await;
    assert!(refused.starts_with("SEAL_BROKEN"), "{refused}");
    let mut cut = whole.after(&craft.signed(&stage));
    cut.parts[0].truncate(length - 100);
    let refused = refusal(&stage, &cut, "XB").await;
    assert!(refused.starts_with("SEAL_BROKEN"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_signature_of_an_office_is_refused() {
    let (stage, opened) = opened(&["XA", "XB"]).await;
    let craft = next(&stage, &opened, resigned(&stage, &opened, &[], |_| {}));
    assert!(refusal(&stage, &craft, "XB").await.starts_with("AUTHENTICATION_INVALID"));
    // Three where two are listed.
    let two = resigned(&stage, &opened, &["drafting-01", "seal", "seal"], |_| {});
    let craft = next(&stage, &opened, two).after(&craft.signed(&stage));
    assert!(refusal(&stage, &craft, "XB").await.starts_with("AUTHENTICATION_INVALID"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_office_without_the_authority_is_refused() {
    let (stage, opened) = opened(&["XA", "XB"]).await;
    // It signs in its own name what it may not sign.
    let own_name = resigned(&stage, &opened, &["releasing-01"], |dispatch| {
        let credential = office("releasing-01");
        dispatch.authentications =
            vec![ExpectedAuthentication { kind: AuthenticationKind::Seal, credential }];
    });
    let craft = next(&stage, &opened, own_name);
    assert!(refusal(&stage, &craft, "XB").await.starts_with("AUTHENTICATION_INVALID"));
    // It signs in the name of the office that may.
    let other_name = resigned(&stage, &opened, &["drafting-01", "releasing-01"], |_| {});
    let craft = next(&stage, &opened, other_name).after(&craft.signed(&stage));
    assert!(refusal(&stage, &craft, "XB").await.starts_with("AUTHENTICATION_INVALID"));
    // The registry seals nothing either.
    let registry = resigned(&stage, &opened, &["drafting-01", "registry"], |_| {});
    let craft = next(&stage, &opened, registry).after(&craft.signed(&stage));
    assert!(refusal(&stage, &craft, "XB").await.starts_with("AUTHENTICATION_INVALID"));
}

/// What the rules say of who signed.
fn of_signatures(read: &Opened) -> Vec<&'static str> {
    let said = read.findings.iter().map(|finding| finding.reason());
    said.filter(|reason| ["FRM_01", "ROL_02"].contains(reason)).collect()
}

/// Whose signature a withdrawal of XA bears, in whose name, and what is said of it at XB, which registers it all the same.
async fn withdrawal_signed(signer: &str, named: &str) -> (Stage, Opened) {
    let stage = Stage::of(&["XA", "XB"]).await;
    let form = "kind = \"will-withdrawal\"\nto = [\"XB\"]\nconsultation = \"new\"\n\n[act]\nperson = \"P-7QK4-M2XD-9WTV\"\n";
    let [sent] = stage.send("XA", form).await.try_into().unwrap();
    stage.settled("XA", &sent).await;
    let house = stage.house("XB");
    house.fetch().await.unwrap();
    let opened = house.read("@last").unwrap();
    assert!(opened.findings.iter().all(|one| one.reason() != "ROL_02") && opened.doubts.is_empty());
    let dispatch = resigned(&stage, &opened, &[signer], |dispatch| {
        dispatch.authentications[0].credential = office(named);
    });
    let envelope = next(&stage, &opened, dispatch).signed(&stage);
    relay(&stage, &[&envelope]).await;
    house.fetch().await.unwrap();
    let read = house.read(&forms::reference(&envelope.id())).unwrap();
    let (desk, consultation) = (house.desk().unwrap(), &envelope.header().address().consultation);
    let folded = desk.consultation_of(&desk.trust().unwrap(), house.keys(), consultation).unwrap();
    assert_eq!(folded.book.history().len(), 2, "both withdrawals are registered");
    let of_offices = folded.findings.values().flatten().filter(|one| one.rule == Rule::Rol02);
    let severities: Vec<_> = of_offices.map(|one| one.severity).collect();
    assert_eq!(severities, [Severity::Warning], "at registration");
    assert!(folded.book.everything().acts().all(|act| act.stands()));
    (stage, read)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_protective_act_of_an_office_without_the_authority_is_registered_and_that_is_said() {
    let (_stage, read) = withdrawal_signed("drafting-01", "drafting-01").await;
    assert_eq!((read.signatures.len(), read.doubts.len()), (1, 0), "it is the office's own signature");
    assert_eq!(of_signatures(&read), ["ROL_02"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_protective_act_whose_signature_is_anothers_is_registered_and_that_is_said() {
    let (_stage, read) = withdrawal_signed("drafting-01", "duty-01").await;
    assert_eq!((read.signatures.len(), read.doubts.len()), (0, 1));
    assert_eq!(read.doubts[0].1.reason(), "SIGNER_NOT_ENTITLED");
    assert_eq!(of_signatures(&read), ["FRM_01", "ROL_02"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_protective_act_of_an_office_that_was_revoked_is_registered_and_that_is_said() {
    let stage = Stage::of(&["XA", "XB"]).await;
    let homes = stage.house("XA").homes();
    let root = MinistryHome::open(&homes.root, &passphrase()).unwrap();
    let issued = root.issued().unwrap().into_iter().find(|record| record.name == office("duty-01")).unwrap();
    let now = stage.clock_of("XA").now();
    root.revoke(issued.serial, RevocationReason::KeyCompromise, Some(now), now).unwrap();
    let bundle = stage.house("XA").issue_bundle().unwrap();
    let (desk, keys) = (stage.house("XB").desk().unwrap(), stage.house("XB").keys());
    let fingerprint = *bundle.bundle().fingerprint().digest();
    desk.accredit(keys, bundle, &fingerprint, Level::Restricted).await.unwrap();
    let form = "kind = \"will-withdrawal\"\nto = [\"XB\"]\nconsultation = \"new\"\n\n[act]\nperson = \"P-7QK4-M2XD-9WTV\"\n";
    let [sent] = stage.send("XA", form).await.try_into().unwrap();
    stage.settled("XA", &sent).await;
    stage.house("XB").fetch().await.unwrap();
    let read = stage.house("XB").read(&forms::reference(&sent.id)).unwrap();
    assert_eq!(read.doubts[0].1.reason(), "CERTIFICATE_REVOKED");
    let folded = desk.consultation_of(&desk.trust().unwrap(), keys, &sent.consultation).unwrap();
    let known = folded.kept.values().next().unwrap().authorities.offices[0].validity;
    assert_eq!((known, folded.book.history().len()), (Validity::Revoked, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn words_that_the_office_did_not_sign_are_refused() {
    let (stage, opened) = opened(&["XA", "XB"]).await;
    let mut dispatch = opened.dispatch.dispatch().clone();
    dispatch.salt = [8; 32];
    let authentications = opened.dispatch.authentications().to_vec();
    let changed = wire::SignedDispatch { dispatch: dispatch.bytes(), authentications }.encode_to_vec();
    let craft = next(&stage, &opened, changed);
    assert!(refusal(&stage, &craft, "XB").await.starts_with("AUTHENTICATION_INVALID"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dispatch_in_another_encoding_is_refused_although_its_office_signed_it() {
    let (stage, opened) = opened(&["XA", "XB"]).await;
    let mut bytes = opened.dispatch.bytes().to_vec();
    bytes.extend([0x98, 0x06, 0x01]);
    let authentications = vec![sign(&stage, "seal", &bytes)];
    let unknown_field = wire::SignedDispatch { dispatch: bytes, authentications }.encode_to_vec();
    let craft = next(&stage, &opened, unknown_field);
    assert!(refusal(&stage, &craft, "XB").await.starts_with("NOT_CANONICAL"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_that_is_not_the_one_that_was_signed_is_refused() {
    let (stage, opened) = opened(&["XA", "XB"]).await;
    let mut craft = next(&stage, &opened, resigned(&stage, &opened, &["drafting-01", "seal"], |_| {}));
    craft.parts[1] = sealed(&stage, b"Other words.", &["XA", "XB"]);
    let refused = refusal(&stage, &craft, "XB").await;
    assert!(refused.starts_with("PART_MISMATCH"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_document_that_is_not_the_one_that_was_signed_is_not_saved() {
    let (stage, opened) = opened(&["XA", "XB"]).await;
    let mut craft = next(&stage, &opened, resigned(&stage, &opened, &["drafting-01", "seal"], |_| {}));
    craft.parts[1] = sealed(&stage, &vec![1; 300 * 1024], &["XA", "XB"]);
    let part = (Digest::of(&craft.parts[1]), craft.parts[1].len() as u64);
    caller::put_part(&stage, "XA", "XB", part, &craft.parts[1]).await.unwrap();
    let envelope = craft.signed(&stage);
    relay(&stage, &[&envelope]).await;
    let house = stage.house("XB");
    house.fetch().await.unwrap();
    let opened = house.read(&forms::reference(&envelope.id())).unwrap();
    let folder = stage.folder().join("saved");
    let desk = house.desk().unwrap();
    let saved =
        desk.save_documents(house.keys(), &opened, &mut None, (&folder, &Withheld::nothing()), false).await;
    let Err(DeskError::Refused(refusal)) = saved else { panic!("saved") };
    assert_eq!(refusal.reason().word(), "PART_MISMATCH");
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
}
