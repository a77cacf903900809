//! The guards of an agreement, where what was said is said again or taken back, or told in passing.

use std::time::Duration;

use super::tests::Ready;
use crate::consultation::act::ActKind;
use crate::consultation::acts::values::EntryId;
use crate::consultation::rules::Rule;
use crate::consultation::rules::said::case_of;
use crate::consultation::rules::scenes::Case;
use crate::consultation::state::departure::clear_to_depart;
use crate::consultation::state::samples::{DAY, HOUR, Scene, destination, ministry, person, stated};

#[test]
fn agr_03_a_death_told_in_passing_is_believed() {
    let bureau = |event: &str| {
        let fields = format!(
            "persons = [\"P1\"]\nevent = \"{event}\"\naddressed_to = \"OWN_BUREAU\"\ndisclosure_risk_flagged = false"
        );
        Ready::new().after("IC", "information-bureau-notice", &fields)
    };
    bureau("HOSPITAL").note_to("XA").passes();
    bureau("DEATH").note_to("XA").fails("AGR_03");
    let anew = case_of("P1", "PRISONER_OF_WAR", "XD");
    bureau("DEATH").after("XB", "case-registration", &anew).note_to("XA").passes();
}

#[test]
fn pro_04_and_pro_05_ask_for_the_last_word_of_whoever_receives_him() {
    let assures = |persons: &str, party: bool, given: &str| {
        format!("persons = [{persons}]\nparty_to_gc3 = {party}\nassurances = [{given}]")
    };
    let full = assures("", true, "\"WILLING_AND_ABLE_GC3\", \"NO_ONWARD_RETURN\"");
    let transfer = |ready: &Ready| {
        let fields = ready.fields("XA", "TRANSFER_TO_POWER").replace("[\"NO_ONWARD_RETURN\"]", "[]");
        Case::new(&ready.scene, "XB", "agreement-note", &fields)
    };
    let assured = || Ready::new().after("XA", "assurances", &full);
    transfer(&assured()).passes();
    transfer(&assured().after("XA", "assurances", &assures("", false, "\"MEDICAL_CARE\"")))
        .fails("PRO_04 PRO_05");
    let of_him = assures("\"P1\"", true, "\"NO_ONWARD_RETURN\"");
    transfer(&assured().after("XA", "assurances", &of_him)).fails("PRO_04");
    transfer(&assured().after("XA", "assurances", &of_him.replace("P1", "P2"))).passes();
    transfer(&assured().after("XC", "assurances", &of_him)).passes();
    transfer(&assured().after("XA", "assurances", &of_him).after("XA", "assurances", &full)).passes();
    let mut withdrawn = Ready::new();
    let given = withdrawn.scene.say("XA", "assurances", &full);
    let takes_back = format!("withdraws = \"{given}\"");
    withdrawn.scene.say("XC", "note-withdrawal", &takes_back);
    transfer(&withdrawn).passes();
    withdrawn.scene.say("XA", "note-withdrawal", &takes_back);
    transfer(&withdrawn).fails("PRO_04 PRO_05");
    transfer(&withdrawn.after("XA", "assurances", &full)).passes();
}

/// What stands against the departure of the first person.
fn departs(scene: &Scene) -> String {
    let id = EntryId::parse("H-1").unwrap();
    let stops = scene.asks(|past, at, charter| clear_to_depart(past, &person(1), &id, at, charter));
    stops.iter().map(|stop| stop.rule.word()).collect::<Vec<_>>().join(" ")
}

/// The references of all acts of this kind and sender.
fn all_of(scene: &Scene, sender: &str, kind: &str) -> Vec<String> {
    let kind = ActKind::from_word(kind).unwrap();
    scene.asks(|past, _, _| {
        let own = past.of_kind(kind).filter(|one| one.sender == ministry(sender));
        own.map(|one| one.reference.dispatch_digest().hex()).collect()
    })
}

#[test]
fn what_its_sender_takes_back_permits_nothing_until_it_is_said_again() {
    for (sender, kind, expected) in [
        ("XB", "expression-of-will", "WIL_07"),
        ("XB", "protection-assessment", "PRO_01"),
        ("XB", "medical-finding", "MED_01"),
        ("XA", "go-no-go", "HND_08"),
        ("XB", "handover-arrangement", "HND_01"),
        ("XA", "handover-confirmation", "HND_01"),
    ] {
        let mut scene = Scene::cleared();
        for act in all_of(&scene, sender, kind) {
            scene.say("IC", "note-withdrawal", &format!("withdraws = \"{act}\""));
        }
        assert_eq!(departs(&scene), "", "{kind}: nobody takes back what another one said");
        for act in all_of(&scene, sender, kind) {
            scene.say(sender, "note-withdrawal", &format!("withdraws = \"{act}\""));
        }
        assert_eq!(departs(&scene), expected, "{kind}");
        match kind {
            "expression-of-will" => scene.state("XB", "P1", &["XA"], &["XD"]),
            "protection-assessment" => scene.assess("P1", "XA", "NO_SUBSTANTIAL_GROUNDS"),
            "medical-finding" => scene.certify("P1", "FIT"),
            "go-no-go" => scene.go("XA", true),
            _ => continue,
        };
        assert_eq!(departs(&scene), "", "{kind}: it was said again");
    }
}

#[test]
fn a_corrigendum_of_what_a_go_says_takes_it_back() {
    let corrected = |field: &str| {
        let mut scene = Scene::cleared();
        let go = all_of(&scene, "XA", "go-no-go").remove(0);
        let fields = format!("corrects = \"{go}\"\nfield_path = \"{field}\"\nnew_text = \"false\"");
        Case::new(&scene, "XA", "corrigendum", &fields).warns(Rule::Hnd08);
        scene.say("XA", "corrigendum", &fields);
        departs(&scene)
    };
    assert_eq!(corrected("go"), "HND_08");
    assert_eq!(corrected("act.go"), "HND_08");
    assert_eq!(corrected("time"), "HND_08");
}

#[test]
fn a_corrigendum_of_what_permits_takes_it_back() {
    for (sender, kind, field, expected) in [
        ("XB", "expression-of-will", "act.refused[0].region_code", "WIL_07"),
        ("XB", "protection-assessment", "act.finding", "PRO_01"),
        ("XB", "medical-finding", "act.decision", "MED_01"),
        ("XA", "handover-confirmation", "act.reply", "HND_01"),
        ("XB", "expression-of-will", "capacity", "WIL_07"),
        ("XB", "expression-of-will", "act.attendees[0].function", "WIL_07"),
        ("XB", "expression-of-will", "act.declaration_time", "WIL_07"),
        ("XB", "expression-of-will", "information_given", "WIL_07"),
        ("XB", "protection-assessment", "act.onward_return_considered", "PRO_01"),
        ("XB", "medical-finding", "act.examination_time", "MED_01"),
        ("XB", "handover-arrangement", "act.window_start_time", "HND_01"),
        ("XB", "case-registration", "act.status", "CON_05"),
        ("XB", "protection-assessment", "act.legal_basis[0].provision", ""),
        ("XB", "handover-arrangement", "act.transport", ""),
    ] {
        let mut scene = Scene::cleared();
        for act in all_of(&scene, sender, kind) {
            let fields = format!("corrects = \"{act}\"\nfield_path = \"{field}\"\nnew_text = \"otherwise\"");
            let judged = Case::new(&scene, sender, "corrigendum", &fields);
            match expected {
                "" => judged.silent(Rule::Agr01),
                _ => judged.warns(Rule::Agr01),
            }
            scene.say(sender, "corrigendum", &fields);
        }
        assert_eq!(departs(&scene), expected, "{kind} {field}");
    }
}

#[test]
fn what_freed_somebody_frees_him_no_more_once_its_sender_took_it_back() {
    let judicial = |state: &str| format!("person = \"P1\"\nstate = \"{state}\"");
    type Say = fn(&mut Scene);
    let holds: Say = |scene| {
        let hold = scene.say("IC", "hold-notice", "persons = [\"P1\"]");
        scene.say("IC", "hold-release", &format!("hold_message = \"{hold}\"\nreason = \"settled\""));
    };
    let unfit: Say = |scene| {
        scene.certify("P1", "UNFIT");
        scene.wait(60);
        scene.certify("P1", "FIT");
    };
    let bars: Say = |scene| {
        scene.assess_by("IC", "P1", "XA", "SUBSTANTIAL_GROUNDS");
        scene.assess("P1", "XA", "NO_SUBSTANTIAL_GROUNDS");
    };
    for (sender, kind, stops, expected) in [
        ("IC", "hold-release", holds, "HLD_01"),
        ("XB", "medical-finding", unfit, "MED_01"),
        ("XB", "protection-assessment", bars, "PRO_02"),
    ] {
        let mut scene = Scene::cleared();
        stops(&mut scene);
        assert_eq!(departs(&scene), "", "{kind}");
        let last = all_of(&scene, sender, kind).pop().unwrap();
        scene.say(sender, "note-withdrawal", &format!("withdraws = \"{last}\""));
        assert_eq!(departs(&scene), expected, "{kind}");
    }
    let mut scene = Scene::cleared();
    scene.say("XB", "judicial-status", &judicial("PENDING"));
    let freed = scene.say("XB", "judicial-status", &judicial("NONE"));
    assert_eq!(departs(&scene), "");
    scene.say("XB", "note-withdrawal", &format!("withdraws = \"{freed}\""));
    assert_eq!(departs(&scene), "JUD_01");
    scene.say("XB", "judicial-status", &judicial("NONE"));
    assert_eq!(departs(&scene), "", "said again");
}

#[test]
fn what_an_interviewer_finds_afterwards_stops_whoever_asked_him_since() {
    let statement = |scene: &Scene| all_of(scene, "IC", "expression-of-will").remove(0);
    let corrected = |field: &str| {
        let mut scene = Scene::arranged();
        scene.wait(3 * DAY - 120);
        scene.state("IC", "P1", &["XA"], &["XD"]);
        scene.wait(60);
        scene.state("XB", "P1", &["XA"], &["XD"]);
        scene.wait(60);
        scene.certify("P1", "FIT");
        scene.go("XB", true);
        scene.go("XA", true);
        assert_eq!(departs(&scene), "");
        let fields = format!(
            "corrects = \"{}\"\nfield_path = \"{field}\"\nnew_text = \"otherwise\"",
            statement(&scene)
        );
        scene.say("IC", "corrigendum", &fields);
        let found = departs(&scene);
        scene.wait(60);
        scene.state("XB", "P1", &["XA"], &["XD"]);
        assert_eq!(departs(&scene), "", "{field}: he was asked again by who knew it");
        found
    };
    assert_eq!(corrected("freedom"), "WIL_07");
    assert_eq!(corrected("act.attendees[1].function"), "WIL_07");
    assert_eq!(corrected("question_as_put"), "", "it makes that statement none, and another one counts");
}

#[test]
fn what_was_corrected_and_said_anew_counts_though_it_tells_of_an_earlier_time() {
    let earlier = |scene: &Scene, seconds: u64| scene.at().before(Duration::from_secs(seconds));
    for (kind, field) in [
        ("medical-finding", "examination_time"),
        ("protection-assessment", "assessment_time"),
        ("expression-of-will", "declaration_time"),
    ] {
        let mut scene = Scene::cleared();
        let anew = match kind {
            "medical-finding" => format!(
                "person = \"P1\"\nkind = \"FITNESS_TO_TRAVEL\"\nexamination_time = \"{}\"\ndecision = \"FIT\"\n\
                 certificate_document = \"certificate\"",
                earlier(&scene, HOUR)
            ),
            "protection-assessment" => format!(
                "person = \"P1\"\ndestination = {}\nfinding = \"NO_SUBSTANTIAL_GROUNDS\"\nassessment_time = \"{}\"\n\
                 valid_until_time = \"2027-11-22T09:00:00Z\"\nonward_return_considered = true",
                destination("XA"),
                earlier(&scene, 4 * DAY)
            ),
            _ => stated(earlier(&scene, HOUR), "P1", &["XA"], &["XD"]),
        };
        for act in all_of(&scene, "XB", kind) {
            let fields = format!("corrects = \"{act}\"\nfield_path = \"{field}\"\nnew_text = \"earlier\"");
            scene.say("XB", "corrigendum", &fields);
        }
        assert_ne!(departs(&scene), "", "{kind}");
        scene.say("XB", kind, &anew);
        assert_eq!(departs(&scene), "", "{kind}");
    }
}

#[test]
fn agr_01_who_takes_back_what_awaits_no_answer_is_told_which_act_says_so() {
    let scene = Scene::cleared();
    let takes_back = |sender: &str, act: &str| {
        Case::new(&scene, sender, "note-withdrawal", &format!("withdraws = \"{act}\""))
    };
    for (sender, kind, hint) in [
        ("XA", "go-no-go", "go = false"),
        ("XB", "expression-of-will", "will-withdrawal"),
        ("XB", "medical-finding", "UNFIT"),
        ("XB", "agreement-note", "agreement-termination"),
    ] {
        let case = takes_back(sender, &all_of(&scene, sender, kind)[0]);
        case.warns(Rule::Agr01);
        let found = case.judge();
        assert!(
            found.iter().any(|one| one.rule == Rule::Agr01 && one.hint.contains(hint)),
            "{kind}: {found:#?}"
        );
    }
    let mut scene = Scene::ready();
    let note = scene.note("A-1", "P1", "XA", "RELEASE_AND_SETTLEMENT");
    let takes_back =
        |sender: &str| Case::new(&scene, sender, "note-withdrawal", &format!("withdraws = \"{note}\""));
    takes_back("XB").silent(Rule::Agr01);
    takes_back("XA").warns(Rule::Agr01);
}
