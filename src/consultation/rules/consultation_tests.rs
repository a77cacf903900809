//! The CON rules, what passes and what fails each.

use crate::consultation::act::ActKind;
use crate::consultation::acts::values::EntryId;
use crate::consultation::rules::said::{assessment, statement};
use crate::consultation::rules::scenes::Case;
use crate::consultation::rules::{Rule, drafts};
use crate::consultation::state::departure::clear_to_depart;
use crate::consultation::state::samples::{DAY, Scene, case, ministry, person};
use crate::message::dispatch::Basis;
use crate::message::terms::ActClass;

const POSITION: &str = r#"category = "prisoners who request admission"
    kind = "WILLING_TO_RELEASE"
    legal_basis = [{ instrument = "GC-III-1949", provision = "Art. 118" }]
    may_be_quoted_publicly = false"#;

const PROPOSAL: &str = r#"consultation = "C-4T9M-W2KX-7CQW"
    subject = "Prisoners of war: procedure"
    parties = [{ ministry = "IC", roles = ["ICRC"] }, { ministry = "XA", roles = ["RECEIVING_POWER"] },
        { ministry = "XB", roles = ["DETAINING_POWER"] }]
    open_until_time = "2026-12-02T10:00:00Z""#;

fn request(person: &str) -> String {
    let digest = drafts::text("none").hex();
    format!(
        r#"persons = ["{person}"]
        route = "RELEASE_AND_SETTLEMENT"
        destination = {{ kind = "NAMED_STATE", region_code = "XA" }}
        legal_basis = [{{ instrument = "GC-III-1949", provision = "Art. 118" }}]
        supporting_documents = ["application"]
        assurances_message = "{digest}""#
    )
}

#[test]
fn con_01_normative_acts_need_an_open_consultation() {
    Case::new(&Scene::opened(), "XB", "case-registration", &case("P1")).passes();
    Case::new(&Scene::proposed(), "XB", "case-registration", &case("P1")).fails("CON_01");
    let mut adjourned = Scene::opened();
    adjourned.say("XA", "consultation-closure", "kind = \"ADJOURNED\"");
    Case::new(&adjourned, "XB", "observer-invitation", INVITATION).fails("CON_01");
    Case::new(&adjourned, "XB", "position-statement", POSITION).passes();
    Case::new(&adjourned, "XB", "will-withdrawal", "person = \"P1\"").passes();
    Case::new(&adjourned, "XA", "consultation-closure", "kind = \"RESUMED\"").passes();
}

#[test]
fn con_01_consultations_are_proposed_answered_and_closed_in_their_time() {
    let reply = "reply = \"ACCEPT\"";
    Case::new(&Scene::proposed(), "XA", "consultation-reply", reply).passes();
    let mut late = Scene::proposed();
    late.wait(11 * DAY);
    Case::new(&late, "XA", "consultation-reply", reply).fails("CON_01");
    Case::new(&late, "XB", "consultation-proposal", PROPOSAL).passes();
    Case::new(&Scene::opened(), "IC", "consultation-reply", reply).fails("ROL_06");
    Case::new(&Scene::opened(), "XB", "consultation-proposal", PROPOSAL).fails("CON_01");
    Case::new(&Scene::opened(), "XB", "consultation-closure", "kind = \"RESUMED\"").fails("CON_01");
    Case::new(&Scene::opened(), "XB", "consultation-closure", "kind = \"CONCLUDED\"").passes();
    Case::new(&Scene::proposed(), "XB", "consultation-closure", "kind = \"CONCLUDED\"").fails("CON_01");
}

#[test]
fn con_01_one_power_alone_proposes_no_consultation() {
    let proposes = |fields: &str| Case::new(&Scene::unsaid(), "XB", "consultation-proposal", fields);
    proposes(PROPOSAL).passes();
    proposes(&PROPOSAL.replace("RECEIVING_POWER", "INTERMEDIARY")).fails("CON_01");
}

#[test]
fn con_01_nothing_is_concluded_while_somebody_is_agreed_on_and_not_handed_over() {
    for kind in ["CONCLUDED", "WITHOUT_RESULT"] {
        let closure = format!("kind = \"{kind}\"");
        let closes = |scene: &Scene| Case::new(scene, "XA", "consultation-closure", &closure);
        closes(&Scene::ready()).passes();
        closes(&Scene::agreed()).fails("CON_01");
        closes(&Scene::arranged()).fails("CON_01");
        let mut held = Scene::cleared();
        closes(&held).fails("CON_01");
        held.say("XB", "hold-notice", "persons = [\"P1\"]\nreason = \"SECURITY\"");
        closes(&held).fails("CON_01");
        let mut over = Scene::cleared();
        over.report("XB", "P1", "HANDED_OVER");
        over.report("XA", "P1", "HANDED_OVER");
        closes(&over).passes();
    }
    let adjourned = "kind = \"ADJOURNED\"";
    Case::new(&Scene::agreed(), "XA", "consultation-closure", adjourned).passes();
}

#[test]
fn con_02_the_sender_is_a_party() {
    let stranger = |d: &mut drafts::Draft| {
        d.address.sender = crate::consultation::rules::samples::ministry("XC");
        d.dispatch.formal_number = "XC-2026-0001".to_owned();
        d.position.act_number = 1;
    };
    let case = Case::new(&Scene::opened(), "XB", "position-statement", POSITION).with(stranger);
    assert!(case.errors().contains("CON_02"), "{}", case.errors());
    let fact = "persons = []\nparty_to_gc3 = true\nassurances = [\"MEDICAL_CARE\"]";
    Case::new(&Scene::opened(), "XB", "assurances", fact).with(stranger).warns(Rule::Con02);
    Case::new(&Scene::opened(), "XB", "position-statement", POSITION).silent(Rule::Con02);
}

const INVITATION: &str = "party = \"XN\"\nrole = \"NEUTRAL_POWER\"\nscope = [\"HANDOVER\"]\npersons = []\n\
                          start_time = \"2026-11-22T00:00:00Z\"\nend_time = \"2027-11-22T00:00:00Z\"";

#[test]
fn con_01_a_pause_keeps_nobody_from_telling_of_a_person_or_ending_what_was_made() {
    let mut scene = Scene::arranged();
    scene.say("XA", "consultation-closure", "kind = \"ADJOURNED\"");
    let stated = statement(scene.at(), "P1", &["REMAIN_IN_DETAINING_STATE"], &["XA"]);
    let ends = format!("agreement_id = \"A-1\"\neffective_time = \"{}\"", scene.at());
    let digest =
        crate::consultation::acts::values::persons_digest(&[crate::consultation::state::samples::person(1)]);
    let past = scene.history().everything();
    let arranged = past.of_kind(ActKind::HandoverArrangement).next().unwrap().reference;
    let answers = |reply: &str| {
        format!(
            "arrangement_id = \"H-1\"\narrangement = \"{}\"\npersons_sha256 = \"{digest}\"\nreply = \"{reply}\"",
            arranged.dispatch_digest().hex()
        )
    };
    let fact = "person = \"P1\"\nsource = \"FAMILY\"";
    let said = [
        ("XB", "expression-of-will", stated),
        ("XB", "case-registration", case("P2")),
        ("XB", "agreement-termination", ends),
        ("XA", "handover-confirmation", answers("DECLINE")),
        ("XA", "will-indication", fact.to_owned()),
        ("XA", "will-withdrawal", "person = \"P1\"".to_owned()),
    ];
    for (sender, kind, fields) in &said {
        let case = Case::new(&scene, sender, kind, fields);
        assert!(!case.errors().contains("CON_01"), "{kind}: {}", case.errors());
    }
    for (sender, kind, fields) in [
        ("XA", "handover-confirmation", answers("ACCEPT")),
        ("XB", "agreement-note", scene.note_fields("A-2", "P1", "XA", "RELEASE_AND_SETTLEMENT")),
        ("XA", "transfer-request", request("P1")),
    ] {
        let case = Case::new(&scene, sender, kind, &fields);
        assert!(case.errors().contains("CON_01"), "{kind}: {}", case.errors());
    }
    // What is over is over.
    for power in ["XA", "XB"] {
        scene.say(power, "consultation-closure", "kind = \"WITHOUT_RESULT\"");
    }
    let (sender, kind, fields) = &said[0];
    let case = Case::new(&scene, sender, kind, fields);
    assert!(case.errors().contains("CON_01"), "{}", case.errors());
}

#[test]
fn con_03_the_sender_has_the_role() {
    let scene = Scene::ready();
    Case::new(&scene, "XA", "case-registration", &case("P2")).fails("CON_03");
    Case::new(&scene, "XB", "case-registration", &case("P2")).passes();
    Case::new(&scene, "XB", "transfer-request", &request("P1")).fails("CON_03");
    Case::new(&scene, "XA", "transfer-request", &request("P1")).passes();
    Case::new(&scene, "XA", "expression-of-will", &statement(scene.at(), "P1", &["XA"], &[])).fails("CON_03");
    let assessment = r#"person = "P1"
        destination = { kind = "NAMED_STATE", region_code = "XA" }
        finding = "NO_SUBSTANTIAL_GROUNDS"
        assessment_time = "2026-11-22T10:00:00Z"
        valid_until_time = "2027-05-22T10:00:00Z"
        onward_return_considered = true"#;
    let foreign = Case::new(&scene, "XA", "protection-assessment", assessment);
    foreign.passes();
    foreign.warns(Rule::Con03);
}

/// XB detains, and so does XC.
fn of_two_that_detain() -> Scene {
    let mut scene = Scene::unsaid();
    let with_another =
        PROPOSAL.replace("parties = [", "parties = [{ ministry = \"XC\", roles = [\"DETAINING_POWER\"] }, ");
    scene.say("XB", "consultation-proposal", &with_another);
    scene.say("XA", "consultation-reply", "reply = \"ACCEPT\"");
    scene.say("XC", "consultation-reply", "reply = \"ACCEPT\"");
    scene
}

/// Whether a registration of the first person breaches CON_03.
fn is_kept_from_registering(scene: &Scene, sender: &str) -> bool {
    Case::new(scene, sender, "case-registration", &case("P1")).errors().contains("CON_03")
}

#[test]
fn con_03_who_holds_a_person_is_who_named_him_first() {
    let (opened, registers) = (of_two_that_detain, is_kept_from_registering);
    let hearsay = "person = \"P1\"\nsource = \"FAMILY\"";
    let told = &assessment(opened().at(), "P1", "XA", "NO_SUBSTANTIAL_GROUNDS");
    assert!(!registers(&opened(), "XC"));
    let mut scene = opened();
    scene.say("XB", "will-indication", hearsay);
    assert!(!registers(&scene, "XC") && !registers(&scene, "XB"), "hearsay is of anybody's prisoners");
    let mut scene = opened();
    let before = scene.marks();
    scene.say("XB", "protection-assessment", told);
    assert!(registers(&scene, "XC") && !registers(&scene, "XB"));
    // What XC says of him afterwards makes him no man of XC's, and takes him from nobody.
    scene.say("XC", "protection-assessment", told);
    assert!(registers(&scene, "XC") && !registers(&scene, "XB"));
    let mut scene = opened();
    scene.say("XB", "will-withdrawal", "person = \"P1\"");
    scene.say("XC", "protection-assessment", told);
    assert!(!registers(&scene, "XB"), "XB had named him");
    let mut scene = opened();
    scene.say("XB", "protection-assessment", told);
    scene.knowing(&before).say("XC", "protection-assessment", told);
    assert!(!registers(&scene, "XC") && !registers(&scene, "XB"), "neither knew of the other");
}

#[test]
fn con_03_who_examines_or_lists_a_person_names_him_and_who_holds_him_all_the_same_is_told_the_way() {
    let (opened, registers) = (of_two_that_detain, is_kept_from_registering);
    let list = |(out, back): (&str, &str)| {
        let line = |person: &str| match person {
            "" => String::new(),
            _ => format!("{{ person = \"{person}\", category = \"GENERAL\" }}"),
        };
        format!(
            "proposal_id = \"X-1\"\nround = 1\nopen_until_time = \"2026-12-02T10:00:00Z\"\n[terms]\n\
             formula = \"FIXED_N_FOR_M\"\nproposing_party = \"XB\"\nreceiving_party = \"XC\"\n\
             to_receiving_party = [{}]\nto_proposing_party = [{}]\nn = 1\nm = 1",
            line(out),
            line(back)
        )
    };
    let examined = "person = \"P1\"\nkind = \"FITNESS_TO_TRAVEL\"\nexamination_time = \"2026-11-22T10:00:00Z\"\n\
                    decision = \"UNFIT\"\ncertificate_document = \"certificate\"";
    let (own, of_the_other) = (list(("P1", "")), list(("", "P1")));
    for (kind, fields, is_own) in [
        ("medical-finding", examined, true),
        ("exchange-proposal", own.as_str(), true),
        ("exchange-proposal", of_the_other.as_str(), false),
    ] {
        let mut scene = opened();
        scene.say("XB", kind, fields);
        assert_eq!(registers(&scene, "XC"), is_own, "{kind}");
        assert!(!registers(&scene, "XB"), "{kind}");
    }
    let mut scene = opened();
    scene.say("XB", "case-registration", &case("P1"));
    let taken = Case::new(&scene, "XC", "case-registration", &case("P1")).judge();
    let hint = taken.into_iter().find(|one| one.rule == Rule::Con03).unwrap().hint;
    assert!(hint.contains("chancery person mint"), "{hint}");
}

#[test]
fn con_04_what_is_answered_lies_in_the_declared_past() {
    let mut scene = Scene::ready();
    let request = scene.say("XA", "transfer-request", &request("P1"));
    let response = format!("request = \"{request}\"\nreply = \"ACCEPT\"");
    Case::new(&scene, "XB", "transfer-response", &response).passes();
    let older = |d: &mut drafts::Draft| d.dispatch.basis.retain(|mark| mark.ministry.as_str() != "XA");
    let case = Case::new(&scene, "XB", "transfer-response", &response).with(older);
    assert!(case.errors().contains("CON_04"), "{}", case.errors());
}

#[test]
fn con_04_what_somebody_said_who_takes_no_part_ends_no_consultation() {
    let fields = [
        ("correspondence", "subject = \"Prisoners of war: procedure\""),
        ("will-indication", "person = \"P1\"\nsource = \"FAMILY\""),
        ("will-withdrawal", "person = \"P1\""),
        ("hold-notice", "persons = [\"P1\"]\nreason = \"SECURITY\""),
    ];
    for (kind, fields) in fields {
        let mut scene = Scene::opened();
        scene.say("XN", kind, fields);
        Case::new(&scene, "XB", "position-statement", POSITION).passes();
        Case::new(&scene, "XB", "case-registration", &case("P1")).passes();
        let basis = scene.marks().basis();
        assert!(basis.contains(&Basis { ministry: ministry("XN"), act_number: 1 }), "{kind} is rested on");
    }
}

#[test]
fn con_04_whoever_declined_may_be_left_out_of_the_next_proposal() {
    let mut scene = Scene::unsaid();
    let with_another =
        PROPOSAL.replace("parties = [", "parties = [{ ministry = \"XN\", roles = [\"NEUTRAL_POWER\"] }, ");
    scene.say("XB", "consultation-proposal", &with_another);
    scene.say("XN", "consultation-reply", "reply = \"DECLINE\"");
    Case::new(&scene, "XB", "consultation-proposal", PROPOSAL).passes();
    scene.say("XB", "consultation-proposal", PROPOSAL);
    scene.say("XA", "consultation-reply", "reply = \"ACCEPT\"");
    Case::new(&scene, "XB", "case-registration", &case("P1")).passes();
}

#[test]
fn con_05_the_case_exists() {
    let scene = Scene::ready();
    Case::new(&scene, "XA", "transfer-request", &request("P2")).fails("CON_05");
    let of_other = statement(scene.at(), "P1", &["XA"], &[]).replace("P1", "P2");
    Case::new(&scene, "XB", "expression-of-will", &of_other).fails("CON_05");
}

#[test]
fn con_06_what_rules_judge_by_goes_to_all_powers() {
    let without = |d: &mut drafts::Draft| d.address.addressees.retain(|one| one.ministry.as_str() != "XA");
    let scene = Scene::opened();
    Case::new(&scene, "XB", "case-registration", &case("P1")).with(without).fails("CON_06");
    let fact = "persons = []\nparty_to_gc3 = true\nassurances = [\"MEDICAL_CARE\"]";
    Case::new(&scene, "XB", "assurances", fact).with(without).fails("CON_06");
    Case::new(&scene, "XB", "will-withdrawal", "person = \"P1\"").with(without).passes();
    Case::new(&scene, "XB", "will-withdrawal", "person = \"P1\"").with(without).warns(Rule::Con06);
    let letter = "subject = \"Prisoners of war: procedure\"";
    Case::new(&scene, "XB", "correspondence", letter).with(without).silent(Rule::Con06);
}

#[test]
fn con_06_a_fact_goes_to_all_whatever_past_it_hides_and_whatever_number_it_leaves_out() {
    let mut scene = Scene::ready();
    let hold = scene.say("IC", "hold-notice", "persons = [\"P1\"]\nreason = \"SECURITY\"");
    let release = format!("hold_message = \"{hold}\"\nreason = \"settled\"");
    let says = || Case::new(&scene, "IC", "hold-release", &release);
    says().passes();
    let to_one = |d: &mut drafts::Draft| d.address.addressees.retain(|one| one.ministry.as_str() == "XB");
    says().with(to_one).fails("CON_06");
    let hides = |d: &mut drafts::Draft| d.dispatch.basis.clear();
    let hidden = says().with(to_one).with(hides);
    assert!(hidden.errors().contains("CON_06"), "{}", hidden.errors());
    let uncounted = |d: &mut drafts::Draft| d.position.act_number = 0;
    let uncounted = says().with(uncounted);
    assert!(uncounted.errors().contains("CON_06"), "{}", uncounted.errors());
    // A countersignature goes to whoever has the act.
    let countersigns = format!("countersigns = \"{hold}\"");
    let case = Case::new(&scene, "IC", "countersignature", &countersigns).with(to_one);
    assert!(!case.errors().contains("CON_06"), "{}", case.errors());
    case.warns(Rule::Con06);
}

#[test]
fn con_06_who_sends_an_act_of_the_powers_without_a_number_is_told_that_nothing_rests_on_it() {
    let scene = Scene::opened();
    let says = || Case::new(&scene, "XB", "case-registration", &case("P1"));
    says().silent(Rule::Con06);
    says().with(|d: &mut drafts::Draft| d.position.act_number = 0).warns(Rule::Con06);
    let letter = "subject = \"Prisoners of war: procedure\"";
    let letter = Case::new(&scene, "XB", "correspondence", letter);
    letter.with(|d: &mut drafts::Draft| d.position.act_number = 0).silent(Rule::Con06);
}

#[test]
fn con_06_what_takes_an_act_back_goes_to_all_who_have_that_act() {
    let mut scene = Scene::cleared();
    let go = format!("arrangement_id = \"H-1\"\ngo = true\ntime = \"{}\"", scene.at());
    let go = scene.say("XA", "go-no-go", &go);
    let letter = scene.say("XA", "correspondence", "subject = \"Prisoners of war: procedure\"");
    let unread = scene.say_unreadable("XA", "a-later-act", ActClass::Factual);
    let takes_back = |act: &str| {
        [
            ("note-withdrawal", format!("withdraws = \"{act}\"")),
            ("corrigendum", format!("corrects = \"{act}\"\nfield_path = \"time\"\nnew_text = \"otherwise\"")),
        ]
    };
    let to_one = |d: &mut drafts::Draft| d.address.addressees.retain(|one| one.ministry.as_str() == "IC");
    for (kind, fields) in takes_back(&go).into_iter().chain(takes_back(&unread)) {
        let says = || Case::new(&scene, "XA", kind, &fields);
        says().silent(Rule::Con06);
        let errors = says().with(to_one).errors();
        assert!(errors.contains("CON_06"), "{kind}: {errors}");
    }
    for (kind, fields) in takes_back(&letter) {
        Case::new(&scene, "XA", kind, &fields).with(to_one).silent(Rule::Con06);
    }
    // Where it came, it takes back what it names, whatever stands against it.
    let fields = format!("withdraws = \"{go}\"");
    scene.to("IC").against(Rule::Con06).say_unnumbered("XA", "note-withdrawal", &fields);
    let id = EntryId::parse("H-1").unwrap();
    let stops = scene.asks(|past, at, charter| clear_to_depart(past, &person(1), &id, at, charter));
    assert!(stops.iter().any(|stop| stop.because == "XA took its GO back"), "{stops:?}");
}
