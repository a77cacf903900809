//! Claims about the bindings between the pieces of an evidence file: each is checked by itself.

use super::fixture::*;
use crate::digest::Digest;
use crate::message::evidence::{AnswerKind, Outcome, Verdict, verify};
use crate::message::id::MessageId;
use crate::message::leaf::LeafKind;
use crate::message::receipt::Receipt;
use crate::message::terms::ActClass;
use crate::time::Timestamp;
use crate::tlog::checkpoint::Checkpoint;
use crate::tlog::cosignature::{attach, cosign};
use crate::tlog::signed_note::Note;
use crate::tlog::verifier_key::KeyKind;
use crate::trust::name::Authority;
use crate::trust::signature::sign;
use crate::trust::testing::{NOW, days};

const FIRST: &str = "XA-XB-2026-0001";
const SECOND: &str = "XA-XB-2026-0002";

fn entry(reference: &str, name: &str) -> String {
    format!("messages/{reference}/{name}")
}

/// What fails in a file of three messages after some contents were replaced.
fn failures_after(world: &World, changes: &[(&str, Vec<u8>)]) -> Vec<String> {
    failures(&check(&replaced(&world.file(&[0, 1]), changes), &world.basis()))
}

/// What fails in a file of one message with a disclosed document.
fn failures_of(recipe: &Recipe) -> Vec<String> {
    let world = World::of_one(recipe);
    failures(&check(&world.file(&[0, 1]), &world.basis()))
}

fn first(checks: &[&str]) -> Vec<String> {
    checks.iter().map(|check| format!("{FIRST} {check}")).collect()
}

/// The receipts are good in themselves: only what ties them to a message tells that they were exchanged.
#[test]
fn receipts_swapped_between_two_messages_are_refused_for_being_about_another_message() {
    let world = World::of_three(&Recipe::default());
    let file = world.file(&[]);
    for stem in ["sent", "received"] {
        let names: Vec<[String; 2]> = [".leaf", ".tlog-proof"]
            .map(|ending| [FIRST, SECOND].map(|reference| entry(reference, &format!("{stem}{ending}"))))
            .to_vec();
        let mut changes = Vec::new();
        for [one, other] in &names {
            changes.push((one.as_str(), content(&file, other)));
            changes.push((other.as_str(), content(&file, one)));
        }
        let bindings = ["message-id", "envelope-digest", "parts-digest"];
        let expected: Vec<String> = [FIRST, SECOND]
            .iter()
            .flat_map(|reference| bindings.map(|binding| format!("{reference} {stem}-{binding}")))
            .collect();
        assert_eq!(failures(&check(&replaced(&file, &changes), &world.basis())), expected);
    }
}

#[test]
fn the_proof_of_another_leaf_is_refused() {
    let world = World::of_three(&Recipe::default());
    let other = content(&world.file(&[]), &entry(SECOND, "sent.tlog-proof"));
    let found = failures_after(&world, &[(&entry(FIRST, "sent.tlog-proof"), other)]);
    assert!(found.contains(&format!("{FIRST} sent-in-log")), "{found:?}");
    assert!(!found.contains(&format!("{FIRST} sent-message-id")), "{found:?}");
}

#[test]
fn the_senders_own_leaf_is_no_answer_of_the_recipient() {
    let world = World::of_three(&Recipe::default());
    let file = world.file(&[]);
    let name = |stem: &str, ending: &str| entry(FIRST, &format!("{stem}{ending}"));
    let (leaf, proof) = (name("received", ".leaf"), name("received", ".tlog-proof"));
    let changes = [
        (leaf.as_str(), content(&file, &name("sent", ".leaf"))),
        (proof.as_str(), content(&file, &name("sent", ".tlog-proof"))),
    ];
    let found = failures(&check(&replaced(&file, &changes), &world.basis()));
    for binding in ["received-leaf", "received-in-log", "received-cosigned"] {
        assert!(found.contains(&format!("{FIRST} {binding}")), "{found:?}");
    }
}

fn with_sent(world: &World, receipt: &Receipt) -> Vec<String> {
    let (leaf, proof) = (entry(FIRST, "sent.leaf"), entry(FIRST, "sent.tlog-proof"));
    let proof = (proof.as_str(), receipt.proof().to_string().into_bytes());
    failures_after(world, &[(leaf.as_str(), receipt.leaf_bytes().to_vec()), proof])
}

fn with_note(world: &World, note: Note) -> Vec<String> {
    let (sent, _) = world.receipts(0);
    let mut proof = sent.proof().clone();
    proof.checkpoint = note;
    with_sent(world, &Receipt::compose(sent.leaf_bytes().to_vec(), proof).unwrap())
}

#[test]
fn a_checkpoint_that_the_other_ministry_has_not_cosigned_is_refused() {
    let world = World::of_three(&Recipe::default());
    let note = world.receipts(0).0.proof().checkpoint.to_string();
    let lines: Vec<&str> = note.lines().filter(|line| !line.contains("/chancery/cosigner ")).collect();
    let found = with_note(&world, Note::parse(&format!("{}\n", lines.join("\n"))).unwrap());
    assert!(found.contains(&format!("{FIRST} sent-cosigned")), "{found:?}");
    assert!(!found.contains(&format!("{FIRST} sent-in-log")), "{found:?}");
}

#[test]
fn a_cosignature_of_the_logs_own_ministry_does_not_count() {
    let world = World::of_three(&Recipe::default());
    let note = world.receipts(0).0.proof().checkpoint.to_string();
    let checkpoint = Checkpoint::parse(Note::parse(&note).unwrap().text()).unwrap();
    let lines: Vec<&str> = note.lines().filter(|line| !line.contains("/chancery/cosigner ")).collect();
    let alone = Note::parse(&format!("{}\n", lines.join("\n"))).unwrap();
    let key = world.xa.cosigner.verifier(&world.xa.ministry.domain.cosigner_name(), KeyKind::Cosigner);
    let line = cosign(&checkpoint, &key.name, &world.xa.cosigner, logged_at());
    let found = with_note(&world, attach(&alone, &line, &key).unwrap());
    assert!(found.contains(&format!("{FIRST} sent-cosigned")), "{found:?}");
}

#[test]
fn a_line_that_nobody_can_check_is_refused() {
    let world = World::of_three(&Recipe::default());
    let note = world.receipts(0).0.proof().checkpoint.clone();
    let checkpoint = Checkpoint::parse(note.text()).unwrap();
    let stranger = NoteKey::new(77);
    let key = stranger.verifier("witness.example", KeyKind::Cosigner);
    let line = cosign(&checkpoint, &key.name, &stranger, logged_at());
    let found = with_note(&world, attach(&note, &line, &key).unwrap());
    assert_eq!(found, [format!("{FIRST} sent-complete")]);
}

#[test]
fn the_log_about_another_ministry_is_refused() {
    let world = World::of_three(&Recipe::default());
    for origin in [
        "mfa.xa.example/chancery/xc/2026",
        "mfa.xb.example/chancery/xb/2026",
        "mfa.xa.example/chancery/xb/2020",
    ] {
        let receipt = world.xa.receipt_of_log(world.messages[0].sent, &world.xb, origin, logged_at());
        let found = with_sent(&world, &receipt);
        assert!(found.contains(&format!("{FIRST} sent-in-log")), "{origin}: {found:?}");
        assert!(!found.contains(&format!("{FIRST} sent-cosigned")), "{origin}: {found:?}");
    }
}

#[test]
fn a_header_that_an_office_signed_is_refused() {
    let mut world = World::of_one(&Recipe::default());
    world.messages[0].signature = sign(world.messages[0].header.bytes(), &world.xa.office, NOW).unwrap();
    let found = failures(&check(&world.file(&[]), &world.basis()));
    let digests = ["header-signature", "sent-envelope-digest", "received-envelope-digest"];
    assert_eq!(found, first(&digests));
}

/// A second valid signature over the same header is not the one that was logged.
#[test]
fn another_signature_of_the_registry_is_refused() {
    let mut world = World::of_one(&Recipe::default());
    world.messages[0].signature = sign(world.messages[0].header.bytes(), &world.xa.registry, NOW).unwrap();
    let found = failures(&check(&world.file(&[]), &world.basis()));
    assert_eq!(found, first(&["sent-envelope-digest", "received-envelope-digest"]));
}

#[test]
fn sealed_parts_swapped_between_messages_are_refused() {
    let world = World::of_three(&Recipe::default());
    let file = world.file(&[]);
    let [one, other] = [FIRST, SECOND].map(|reference| entry(reference, "parts/0.age"));
    let changes = [(one.as_str(), content(&file, &other)), (other.as_str(), content(&file, &one))];
    let found = failures(&check(&replaced(&file, &changes), &world.basis()));
    assert_eq!(found, [format!("{FIRST} part-0"), format!("{SECOND} part-0")]);
}

#[test]
fn a_message_that_names_another_one_before_it_is_refused() {
    let elsewhere = Some(MessageId::from(Digest::of(b"elsewhere")));
    let world = World::of_three(&Recipe { previous: elsewhere, ..Recipe::default() });
    let found = failures(&check(&world.file(&[0]), &world.basis()));
    assert_eq!(found, [format!("{SECOND} sequence")]);
}

#[test]
fn a_dispatch_made_for_another_address_is_refused() {
    let other = Some(Digest::of(b"another address"));
    assert_eq!(
        failures_of(&Recipe { address_digest: other, ..Recipe::default() }),
        first(&["dispatch-address"])
    );
}

#[test]
fn a_part_that_the_dispatch_does_not_name_is_refused() {
    assert_eq!(
        failures_of(&Recipe { documents_named: Some(1), ..Recipe::default() }),
        first(&["dispatch-address"])
    );
}

#[test]
fn an_office_without_the_authority_does_not_authenticate() {
    let recipe = |authorities| Recipe { authorities, ..Recipe::default() };
    let found = failures_of(&recipe(vec![Authority::Release]));
    assert_eq!(found, first(&["authentication-2"]));
    let found = failures_of(&recipe(vec![Authority::Seal, Authority::Conclude]));
    assert_eq!(found, first(&["authentication-1"]));
}

#[test]
fn a_doubted_protective_act_verifies_and_the_doubt_is_told() {
    let recipe = |act| Recipe { authorities: vec![Authority::Seal], act, ..Recipe::default() };
    let of = |act| {
        let world = World::of_one(&recipe(act));
        check(&world.file(&[0, 1]), &world.basis())
    };
    let report = of(("will-withdrawal", ActClass::Protective));
    assert_eq!(report.verdict(), Verdict::Verified, "{report:#?}");
    let doubted: Vec<&str> = report
        .all_checks()
        .filter(|(_, check)| check.outcome == Outcome::Doubted)
        .map(|(_, check)| check.name.as_str())
        .collect();
    assert_eq!(doubted, ["authentication-1"]);
    // Only acts that are protective, whatever they call themselves.
    for act in [("will-withdrawal", ActClass::Normative), ("agreement-note", ActClass::Protective)] {
        assert_eq!(failures(&of(act)), first(&["authentication-1"]), "{act:?}");
    }
}

#[test]
fn only_the_listed_office_authenticates() {
    for credential in ["chancery://XA/office/second", "chancery://XA/registry", "chancery://XB/office/first"]
    {
        let found = failures_of(&Recipe { credential, ..Recipe::default() });
        assert_eq!(found, first(&["authentication-1", "authentication-2"]), "{credential}");
    }
}

#[test]
fn nothing_else_can_be_shown_as_the_disclosed_content() {
    let world = World::of_one(&Recipe::default());
    let file = world.file(&[0, 1]);
    let shown = |name: &str, other: Vec<u8>| {
        let name = entry(FIRST, &format!("disclosed/{name}"));
        failures(&check(&replaced(&file, &[(name.as_str(), other)]), &world.basis()))
    };
    assert_eq!(content(&file, &entry(FIRST, "disclosed/documents/text-0.pdf")), b"%PDF one");
    assert_eq!(shown("documents/text-0.pdf", b"%PDF two".to_vec()), first(&["document-1"]));
    assert_eq!(shown("documents/text-0.pdf", b"%PDF longer".to_vec()), first(&["document-1"]));
    let dispatch = content(&file, &entry(FIRST, "disclosed/dispatch.bin"));
    assert_eq!(shown("dispatch.bin", [&dispatch[..], b"x"].concat()), first(&["dispatch-shown"]));
    let header = content(&file, &entry(FIRST, "header.p7s"));
    assert_eq!(shown("authentication-1.p7s", header), first(&["dispatch-shown"]));
    let other_key = format!("{}\n", *world.messages[0].keys[2].hex()).into_bytes();
    assert_eq!(shown("1.key", other_key.clone()), first(&["document-1"]));
    assert!(shown("0.key", other_key).contains(&format!("{FIRST} dispatch-opens")));
}

#[test]
fn a_rejection_is_evidence_too() {
    let world = World::of_one(&Recipe { answer: LeafKind::Rejected, ..Recipe::default() });
    let report = check(&world.file(&[]), &world.basis());
    assert_eq!(report.verdict(), Verdict::Verified);
    assert_eq!(report.messages[0].answer, AnswerKind::Rejected);
}

#[test]
fn every_entry_is_needed_and_none_may_be_added() {
    let world = World::of_three(&Recipe::default());
    let all = entries(&world.file(&[0, 1]));
    for place in 0..all.len() {
        let mut fewer = all.clone();
        let (name, _) = fewer.remove(place);
        assert!(is_altered(&check(&zip(&fewer), &world.basis())), "without {name}");
    }
    for name in [
        "extra.txt",
        "messages/XA-XB-2026-0001/parts/3.age",
        "trust/XC.bundle",
        "../README.txt",
        "/etc/passwd",
    ] {
        let mut more = all.clone();
        more.push((name.to_owned(), b"extra".to_vec()));
        assert!(is_altered(&check(&zip(&more), &world.basis())), "with {name}");
    }
    let mut reordered = all.clone();
    reordered.swap(0, 1);
    assert_eq!(failures(&check(&zip(&reordered), &world.basis())), ["entries"]);
}

#[test]
fn guides_say_what_the_file_says() {
    let world = World::of_one(&Recipe::default());
    let file = world.file(&[]);
    for name in ["README.txt", "manifest.json", "verify_proof.py", "open_part.mjs", "trust/XA.root.pem"] {
        let other = [&content(&file, name)[..], b"\n"].concat();
        assert_eq!(failures(&check(&replaced(&file, &[(name, other)]), &world.basis())), ["guide"], "{name}");
    }
    let policy = entry(FIRST, "sent.policy");
    let other = content(&file, &entry(FIRST, "received.policy"));
    let found = failures(&check(&replaced(&file, &[(policy.as_str(), other)]), &world.basis()));
    assert_eq!(found, first(&["policies"]));
}

#[test]
fn an_instant_before_the_cosignature_decides_nothing() {
    let world = World::of_one(&Recipe::default());
    let early: Timestamp = NOW.before(days(1) / 2);
    let report = verify(std::io::Cursor::new(world.file(&[])), &world.basis(), early);
    assert!(matches!(report.verdict(), Verdict::Undecided { .. }), "{report:#?}");
}
