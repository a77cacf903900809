//! The ROL rules, what passes and what fails each.

use crate::consultation::rules::Rule;
use crate::consultation::rules::authority::{
    AuthorityFacts, Clearance, ClearanceKind, OfficeFacts, Validity,
};
use crate::consultation::rules::drafts::{Draft, office};
use crate::consultation::rules::said::statement;
use crate::consultation::rules::scenes::Case;
use crate::consultation::state::samples::{Scene, case};
use crate::message::dispatch::ExpectedAuthentication;
use crate::message::terms::{AuthenticationKind, Form};
use crate::trust::name::{Authority, Name};

fn position() -> Case {
    Case::new(&Scene::opened(), "XB", "position-statement", POSITION)
}

const POSITION: &str = r#"category = "prisoners who request admission"
    kind = "WILLING_TO_RELEASE"
    legal_basis = [{ instrument = "GC-III-1949", provision = "Art. 118" }]
    may_be_quoted_publicly = false"#;

fn withdrawal() -> Case {
    Case::new(&Scene::ready(), "XB", "will-withdrawal", "person = \"P1\"")
}

/// A termination of an agreement: it concludes, and rests on no person's will.
fn termination() -> Case {
    let fields = "agreement_id = \"A-1\"\neffective_time = \"2026-12-22T10:00:00Z\"";
    Case::new(&Scene::agreed(), "XB", "agreement-termination", fields)
}

/// Whoever released it is replaced.
fn signed_by(kind: AuthenticationKind, credential: Name) -> impl Fn(&mut Draft) {
    use AuthenticationKind::{DutyOfficer, Initials, Signature};
    move |draft| {
        let mut listed = draft.dispatch.authentications.iter_mut();
        let releasing = listed.find(|one| [DutyOfficer, Initials, Signature].contains(&one.kind)).unwrap();
        *releasing = ExpectedAuthentication { kind, credential: credential.clone() };
        regrant(draft);
    }
}

/// Gives every office that signs what its signature needs.
fn regrant(draft: &mut Draft) {
    let (drafter, clearances) = (draft.authorities.drafter.clone(), draft.authorities.clearances.clone());
    let facts = AuthorityFacts::granting(&draft.dispatch.authentications, drafter);
    draft.authorities = AuthorityFacts { clearances, ..facts };
}

fn facts<'d>(draft: &'d mut Draft, label: &str) -> &'d mut OfficeFacts {
    let name = office("XB", label);
    draft.authorities.offices.iter_mut().find(|facts| facts.office == name).unwrap()
}

#[test]
fn rol_01_who_drafts_neither_clears_nor_releases() {
    position().passes();
    position().with(|d| d.authorities.drafter = Some(office("XB", "initials"))).fails("ROL_01");
    position().with(|d| d.authorities.drafter = None).fails("ROL_01");
    position().with(|d| d.authorities.drafter = Some(office("XB", "legal"))).fails("ROL_01");
    position().with(|d| d.authorities.drafter = Some(office("XA", "initials"))).passes();
    let alone = |d: &mut Draft| d.authorities.drafter = Some(office("XB", "duty-officer"));
    withdrawal().with(alone).passes();
    withdrawal().with(alone).silent(Rule::Rol01);
}

#[test]
fn rol_01_a_seal_releases_what_bears_nothing_else() {
    let memorandum = |d: &mut Draft| {
        d.dispatch.form = Form::Memorandum;
        d.dispatch.formal_number.clear();
        d.dispatch.authentications.retain(|one| one.kind != AuthenticationKind::Initials);
    };
    position().with(memorandum).passes();
    let drafter = |d: &mut Draft| d.authorities.drafter = Some(office("XB", "seal"));
    position().with(memorandum).with(drafter).fails("ROL_01");
    position().with(drafter).passes();
}

#[test]
fn rol_02_credentials_are_valid_and_permit_it() {
    for validity in [Validity::OutOfTime, Validity::Revoked, Validity::Unknown] {
        position().verified().with(|d| facts(d, "seal").validity = validity).fails("ROL_02");
    }
    position().with(|d| facts(d, "initials").authorities = vec![Authority::Seal]).fails("ROL_02");
    position().verified().with(|d| drop(d.authorities.offices.remove(0))).fails("ROL_02");
    position().with(|d| drop(d.authorities.offices.remove(0))).passes();
    withdrawal().verified().with(|d| d.authorities.offices.clear()).warns(Rule::Rol02);
}

#[test]
fn rol_02_what_the_sender_said_of_a_credential_counts() {
    let notice = |action: &str, level: &str, until: &str| {
        format!(
            r#"credential = "chancery://XB/office/initials"
            office_title = "Director"
            authorities = ["RELEASE"]
            max_level = "{level}"
            public_key_sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
            valid_from_time = "2026-01-01T00:00:00Z"
            valid_until_time = "{until}"
            action = "{action}""#
        )
    };
    let after = |sender: &str, fields: &str| {
        let mut scene = Scene::opened();
        scene.say(sender, "credential-notice", fields);
        Case::new(&scene, "XB", "position-statement", POSITION)
    };
    let (good, future) = ("RESTRICTED", "2027-01-01T00:00:00Z");
    after("XB", &notice("ISSUE", good, future)).passes();
    after("XB", &notice("ISSUE", "UNCLASSIFIED", future)).fails("ROL_02");
    after("XB", &notice("ISSUE", good, "2026-02-01T00:00:00Z")).fails("ROL_02");
    after("XB", &notice("REVOKE", good, future)).fails("ROL_02");
    after("XB", &notice("REVOKE_COMPROMISED", good, future)).fails("ROL_02");
    after("XA", &notice("REVOKE", good, future)).passes();
    let sealing = notice("ISSUE", good, future).replace("[\"RELEASE\"]", "[\"SEAL\"]");
    after("XB", &sealing).fails("ROL_02");
    let key = |words: &'static [u8]| {
        let case = after("XB", &notice("ISSUE", good, future));
        case.with(move |d| facts(d, "initials").key = Some(crate::digest::Digest::of(words)))
    };
    key(b"test").passes();
    key(b"another key").fails("ROL_02");
}

#[test]
fn rol_03_what_concludes_needs_the_authority_and_a_lawyer() {
    termination().passes();
    termination()
        .with(|d| facts(d, "signature").authorities = vec![Authority::Release])
        .fails("ROL_02 ROL_03");
    let initials = signed_by(AuthenticationKind::Initials, office("XB", "initials"));
    let verbale = |d: &mut Draft| d.dispatch.form = Form::NoteVerbale;
    termination().with(verbale).with(initials).fails("ROL_03");
    termination().with(|d| d.authorities.clearances.clear()).fails("ROL_03");
    let by = |label: &'static str, kind| {
        move |d: &mut Draft| d.authorities.clearances = vec![Clearance { kind, office: office("XB", label) }]
    };
    termination().with(by("legal", ClearanceKind::Regional)).fails("ROL_03");
    termination().with(by("signature", ClearanceKind::Legal)).fails("ROL_03");
    termination().with(by("drafting", ClearanceKind::Legal)).fails("ROL_01 ROL_03");
    position().with(|d| d.authorities.clearances.clear()).passes();
}

#[test]
fn rol_04_registries_release_nothing() {
    let registry = Name::parse("chancery://XB/registry").unwrap();
    position().with(signed_by(AuthenticationKind::Initials, registry.clone())).fails("ROL_04");
    let alone = |d: &mut Draft| {
        d.dispatch.authentications.retain(|one| one.kind == AuthenticationKind::Registry);
    };
    let case = position().with(signed_by(AuthenticationKind::Registry, registry.clone())).with(alone);
    case.fails("FRM_01 ROL_04");
    withdrawal().with(signed_by(AuthenticationKind::Registry, registry)).warns(Rule::Rol04);
    let fields = r#"message_id = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
        dispatch_digest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
        registry_number = "XB-2026-0412"
        register_time = "2026-11-22T10:00:00Z"
        opened = true"#;
    Case::new(&Scene::opened(), "XB", "registry-receipt", fields).passes();
}

#[test]
fn rol_05_a_duty_officer_releases_protective_acts_alone() {
    withdrawal().passes();
    withdrawal().silent(Rule::Rol05);
    let duty = |d: &mut Draft| {
        let credential = office("XB", "duty-officer");
        d.dispatch
            .authentications
            .push(ExpectedAuthentication { kind: AuthenticationKind::DutyOfficer, credential });
        regrant(d);
    };
    position().with(duty).fails("ROL_05");
}

#[test]
fn rol_06_observers_send_what_observers_may_send() {
    let scene = Scene::ready();
    Case::new(&scene, "IC", "hold-notice", "persons = [\"P1\"]").passes();
    Case::new(&scene, "IC", "position-statement", POSITION).fails("ROL_06");
    Case::new(&scene, "IC", "case-registration", &case("P2")).fails("ROL_06");
    Case::new(&scene, "XA", "position-statement", POSITION).passes();
}

#[test]
fn rol_06_an_observer_sends_statements_that_it_witnessed() {
    let scene = Scene::ready();
    let statement = statement(scene.at(), "P1", &["XA"], &["XD"]);
    Case::new(&scene, "IC", "expression-of-will", &statement).passes();
    let elsewhere = statement.replace("affiliation = \"IC\"", "affiliation = \"XN\"");
    Case::new(&scene, "IC", "expression-of-will", &elsewhere).fails("ROL_06");
    Case::new(&scene, "XB", "expression-of-will", &elsewhere).passes();
}

/// One key stands behind all of these offices.
fn of_one_key(labels: &'static [&'static str]) -> impl FnOnce(&mut Draft) {
    move |draft| {
        for label in labels {
            facts(draft, label).key = Some(crate::digest::Digest::of(b"one hand"));
        }
    }
}

#[test]
fn rol_01_and_rol_03_see_one_hand_behind_two_names() {
    termination().passes();
    termination().with(of_one_key(&["drafting"])).passes();
    termination().with(of_one_key(&["drafting", "legal"])).fails("ROL_01 ROL_03");
    termination().with(of_one_key(&["legal", "signature"])).fails("ROL_03");
    termination().with(of_one_key(&["drafting", "signature"])).fails("ROL_01");
}
