//! Tests of what a GO names of acts that went to some Powers only.

use super::*;
use crate::consultation::rules::Rule;
use crate::consultation::state::departure::protective_acts;
use crate::consultation::state::samples::{HOUR, Scene};

/// What a GO of the desk that holds all of it names, in the order of the digests.
pub(super) fn named(scene: &Scene) -> Vec<String> {
    let id = EntryId::parse("H-1").unwrap();
    let named = scene.asks(|past, at, charter| protective_acts(past, &id, at, charter));
    let mut named: Vec<String> = named.iter().map(|one| one.dispatch_digest().hex()).collect();
    named.sort();
    named
}

pub(super) fn hearsay(words: &str) -> String {
    format!("person = \"P1\"\nsource = \"CAMP_STAFF\"\n{words}")
}

pub(super) const XA: &str = "{ kind = \"NAMED_STATE\", region_code = \"XA\" }";
pub(super) const XN: &str = "{ kind = \"NAMED_STATE\", region_code = \"XN\" }";

pub(super) fn refuses() -> String {
    hearsay(&format!("refused = [{XA}]"))
}

pub(super) fn wishes(place: &str) -> String {
    hearsay(&format!("indicated = {place}"))
}

pub(super) fn assessment(scene: &Scene, place: &str, finding: &str) -> String {
    let (at, until) = (scene.at(), scene.at().after(std::time::Duration::from_secs(HOUR)));
    format!(
        "person = \"P1\"\ndestination = {place}\nfinding = \"{finding}\"\nassessment_time = \"{at}\"\n\
         valid_until_time = \"{until}\"\nonward_return_considered = true"
    )
}

pub(super) fn medical(scene: &Scene, decision: &str) -> String {
    format!(
        "person = \"P1\"\nkind = \"FITNESS_TO_TRAVEL\"\ndecision = \"{decision}\"\nexamination_time = \"{}\"\n\
         certificate_document = \"certificate\"",
        scene.at()
    )
}

pub(super) fn report(scene: &Scene, arrangement: &str, outcome: &str) -> String {
    format!(
        "arrangement_id = \"{arrangement}\"\nhandover_time = \"{}\"\nplace_code = \"EAGLE\"\n\
         lines = [{{ person = \"P1\", outcome = \"{outcome}\", final_question_put = true }}]",
        scene.at()
    )
}

fn no_go(scene: &Scene) -> String {
    format!("arrangement_id = \"H-1\"\ngo = false\ntime = \"{}\"", scene.at())
}

#[test]
fn another_word_of_the_same_sender_to_all_hides_nothing() {
    let mut scene = Scene::cleared();
    let refusal = scene.say_unnumbered("XA", "will-indication", &refuses());
    scene.say("XA", "will-indication", &wishes(XA));
    scene.say("XA", "will-indication", &hearsay(""));
    assert_eq!(named(&scene), [refusal.as_str()]);

    let mut scene = Scene::cleared();
    let declined = report(&scene, "H-1", "DECLINED_BY_PERSON");
    let declined = scene.say_unnumbered("IC", "handover-report", &declined);
    let other = report(&scene, "H-1", "NOT_PRESENTED");
    scene.say("IC", "handover-report", &other);
    assert_eq!(named(&scene), [declined.as_str()]);

    let mut scene = Scene::cleared();
    let bar = assessment(&scene, XA, "SUBSTANTIAL_GROUNDS");
    let bar = scene.say_unnumbered("XA", "protection-assessment", &bar);
    let other = assessment(&scene, XN, "NO_SUBSTANTIAL_GROUNDS");
    scene.say("XA", "protection-assessment", &other);
    let same = assessment(&scene, XA, "NO_SUBSTANTIAL_GROUNDS");
    scene.say("XA", "protection-assessment", &same);
    assert_eq!(named(&scene), [bar.as_str()], "only the Detaining Power lifts it");

    let mut scene = Scene::cleared();
    let unfit = medical(&scene, "UNFIT");
    let unfit = scene.say_unnumbered("IC", "medical-finding", &unfit);
    let commission = "person = \"P1\"\nkind = \"MANIFEST\"\ndecision = \"REPATRIATE\"\n\
                      examination_time = \"2026-11-22T10:00:00Z\"\ncertificate_document = \"certificate\"";
    scene.say("IC", "medical-finding", commission);
    let fit = medical(&scene, "FIT");
    scene.say("XA", "medical-finding", &fit);
    assert_eq!(named(&scene), [unfit.as_str()], "nobody who may answered it");

    let mut scene = Scene::cleared();
    let pending = scene.say_unnumbered("XA", "judicial-status", "person = \"P1\"\nstate = \"PENDING\"");
    scene.say("XB", "judicial-status", "person = \"P1\"\nstate = \"NONE\"");
    assert_eq!(named(&scene), [pending.as_str()]);
}

#[test]
fn a_refusal_at_another_gate_is_named_too() {
    let mut scene = Scene::cleared();
    let declined = report(&scene, "H-9", "DECLINED_BY_PERSON");
    let declined = scene.say_unnumbered("IC", "handover-report", &declined);
    let other = report(&scene, "H-9", "NOT_PRESENTED");
    scene.say_unnumbered("XA", "handover-report", &other);
    assert_eq!(named(&scene), [declined.as_str()]);
    let of_this_one = report(&scene, "H-1", "NOT_PRESENTED");
    let of_this_one = scene.say_unnumbered("XA", "handover-report", &of_this_one);
    let mut both = [declined, of_this_one];
    both.sort();
    assert_eq!(named(&scene), both, "what became of him was reported by a Power");
}

#[test]
fn what_its_sender_said_again_to_all_is_counted_by_its_number() {
    let mut scene = Scene::cleared();
    scene.say_unnumbered("XA", "will-indication", &refuses());
    scene.say("XA", "will-indication", &refuses());
    assert!(named(&scene).is_empty());

    let mut scene = Scene::cleared();
    let first = scene.say_unnumbered("XA", "will-withdrawal", "person = \"P1\"");
    let partly = format!("person = \"P1\"\nwithdrawn_for = [{XN}]");
    let partly = scene.say("XA", "will-withdrawal", &partly);
    let mut both = [first, partly.clone()];
    both.sort();
    assert_eq!(named(&scene), both, "it says less");
    let again = scene.say("XA", "will-withdrawal", "person = \"P1\"");
    let mut both = [partly, again];
    both.sort();
    assert_eq!(named(&scene), both, "protective acts with a number are named whatever they say");
    // What was said of an earlier day can be answered by what was asked between.
    let mut scene = Scene::cleared();
    let today = scene.say_unnumbered("XA", "will-withdrawal", "person = \"P1\"");
    let earlier =
        scene.say("XA", "will-withdrawal", "person = \"P1\"\ndeclaration_time = \"2026-11-22T10:00:00Z\"");
    let mut both = [today, earlier];
    both.sort();
    assert_eq!(named(&scene), both);
}

#[test]
fn what_stops_him_no_more_at_the_desk_that_has_it_is_not_named() {
    let mut scene = Scene::cleared();
    scene.say_unnumbered("IC", "will-indication", &refuses());
    scene.state("IC", "P1", &["XA"], &["XD"]);
    assert!(named(&scene).is_empty(), "whoever said it asked him since");

    let mut scene = Scene::cleared();
    let fields = no_go(&scene);
    let refused = scene.say_unnumbered("XA", "go-no-go", &fields);
    assert_eq!(named(&scene), [refused]);
    scene.go("XA", true);
    assert!(named(&scene).is_empty(), "its sender says GO now");

    let mut scene = Scene::cleared();
    let hold = scene.say_unnumbered("XA", "hold-notice", "persons = [\"P1\"]\nreason = \"SECURITY\"");
    assert_eq!(named(&scene), [hold.as_str()]);
    scene.say("XA", "hold-release", &format!("hold_message = \"{hold}\"\nreason = \"settled\""));
    assert!(named(&scene).is_empty(), "it is lifted");

    let mut scene = Scene::cleared();
    scene.say_unnumbered("XB", "judicial-status", "person = \"P1\"\nstate = \"PENDING\"");
    scene.say("XB", "judicial-status", "person = \"P1\"\nstate = \"NONE\"");
    assert!(named(&scene).is_empty(), "the proceedings are over");

    let mut scene = Scene::cleared();
    let bar = assessment(&scene, XA, "SUBSTANTIAL_GROUNDS");
    scene.say_unnumbered("XB", "protection-assessment", &bar);
    scene.assess("P1", "XA", "NO_SUBSTANTIAL_GROUNDS");
    assert!(named(&scene).is_empty(), "it is lifted");
}

#[test]
fn what_speaks_of_other_places_in_so_many_words_is_not_named() {
    let mut scene = Scene::cleared();
    scene.say_unnumbered("IC", "will-indication", &wishes(XA));
    scene.say_unnumbered("IC", "will-indication", &hearsay(""));
    scene.say_unnumbered("IC", "will-withdrawal", &format!("person = \"P1\"\nwithdrawn_for = [{XN}]"));
    let elsewhere = assessment(&scene, XN, "SUBSTANTIAL_GROUNDS");
    scene.say_unnumbered("IC", "protection-assessment", &elsewhere);
    let unsure = assessment(&scene, XA, "NEEDS_MORE");
    scene.against(Rule::Con06).say_unnumbered("IC", "protection-assessment", &unsure);
    assert!(named(&scene).is_empty());
    // Where home is may be said anew at any time.
    let home = "person = \"P1\"\nwithdrawn_for = [{ kind = \"POWER_OF_ORIGIN\" }]";
    let home = scene.say_unnumbered("IC", "will-withdrawal", home);
    let there = assessment(&scene, "{ kind = \"POWER_OF_ORIGIN\" }", "SUBSTANTIAL_GROUNDS");
    let there = scene.say_unnumbered("IC", "protection-assessment", &there);
    let mut both = [home, there];
    both.sort();
    assert_eq!(named(&scene), both);
}

#[test]
fn what_is_said_again_by_a_word_that_means_another_place_by_now_is_named_still() {
    let registration = crate::consultation::state::samples::case("P1").replace("\"XD\"", "\"XN\"");
    for anew in [false, true] {
        let mut scene = Scene::cleared();
        let home = assessment(&scene, "{ kind = \"POWER_OF_ORIGIN\" }", "SUBSTANTIAL_GROUNDS");
        let alone = scene.say_unnumbered("IC", "protection-assessment", &home);
        assert_eq!(named(&scene), std::slice::from_ref(&alone));
        if anew {
            scene.say("XB", "case-registration", &registration);
        }
        scene.say("IC", "protection-assessment", &home);
        let still: Vec<String> = if anew { vec![alone] } else { Vec::new() };
        assert_eq!(named(&scene), still, "it barred XD");
    }
}

#[test]
fn a_list_that_finds_no_compatible_will_before_some_is_named_until_it_is_said_to_all() {
    let found = |result: &str| {
        let terms = crate::digest::Digest::of(b"terms").hex();
        format!("terms_sha256 = \"{terms}\"\nfindings = [{{ person = \"P1\", result = \"{result}\" }}]")
    };
    let mut scene = Scene::cleared();
    scene.say_unnumbered("XA", "list-verification", &found("MATCHED"));
    assert!(named(&scene).is_empty());
    let alone = scene.say_unnumbered("XA", "list-verification", &found("NO_COMPATIBLE_WILL"));
    assert_eq!(named(&scene), [alone]);
    scene.say("XA", "list-verification", &found("NO_COMPATIBLE_WILL"));
    assert!(named(&scene).is_empty());
}

#[test]
fn what_some_were_told_in_passing_is_named_until_it_is_answered_or_said_to_all() {
    let report = |scene: &Scene| {
        format!(
            "arrangement_id = \"H-0\"\nhandover_time = \"{}\"\nplace_code = \"EAGLE\"\n\
             lines = [{{ person = \"P1\", outcome = \"UNFIT\", final_question_put = true }}]",
            scene.at()
        )
    };
    let dead = "persons = [\"P1\"]\nevent = \"DEATH\"\naddressed_to = \"OWN_BUREAU\"\ndisclosure_risk_flagged = false";
    let mut scene = Scene::cleared();
    let fields = report(&scene);
    let told = scene.say_unnumbered("IC", "handover-report", &fields);
    assert_eq!(named(&scene), [told]);
    scene.say("IC", "handover-report", &fields);
    assert!(named(&scene).is_empty(), "its sender has said it to all");
    let mut scene = Scene::cleared();
    let harmless = dead.replace("DEATH", "HOSPITAL");
    scene.say_unnumbered("XA", "information-bureau-notice", &harmless);
    assert!(named(&scene).is_empty(), "what stops nobody holds nobody up");
    let told = scene.say_unnumbered("XA", "information-bureau-notice", dead);
    assert_eq!(named(&scene), [told]);
    scene.say("XA", "information-bureau-notice", dead);
    assert!(named(&scene).is_empty(), "its sender has said it to all");
}

#[test]
fn what_takes_back_before_some_is_named_until_its_sender_says_so_to_all() {
    let back = |act: &str| {
        [
            ("note-withdrawal", format!("withdraws = \"{act}\"")),
            (
                "corrigendum",
                format!("corrects = \"{act}\"\nfield_path = \"act.decision\"\nnew_text = \"UNFIT\""),
            ),
        ]
    };
    for (kind, fields) in back("") {
        let says = |act: &str| fields.replace("\"\"", &format!("\"{act}\""));
        let mut scene = Scene::cleared();
        let certificate = scene.certify("P1", "FIT");
        let told = scene.say_unnumbered("XB", kind, &says(&certificate));
        assert_eq!(named(&scene), [told], "{kind}");
        scene.say("XA", kind, &says(&certificate));
        assert_eq!(named(&scene).len(), 1, "{kind}: another has said it to all");
        scene.say("XB", kind, &says(&certificate));
        assert!(named(&scene).is_empty(), "{kind}: its sender has said it to all");
        // What takes nothing back holds nobody up.
        let mut scene = Scene::cleared();
        let letter = scene.say("XB", "correspondence", "subject = \"Prisoners of war: procedure\"");
        scene.say_unnumbered("XB", kind, &says(&letter));
        let unnumbered =
            scene.say_unnumbered("XB", "correspondence", "subject = \"Prisoners of war: procedure\"");
        scene.say_unnumbered("XB", kind, &says(&unnumbered));
        let fit = medical(&scene, "FIT");
        let uncounted = scene.say_unnumbered("XB", "medical-finding", &fit);
        scene.say_unnumbered("XB", kind, &says(&uncounted));
        let of_another = scene.certify("P2", "FIT");
        scene.say_unnumbered("XB", kind, &says(&of_another));
        let certificate = scene.certify("P1", "FIT");
        scene.say_unnumbered("XA", kind, &says(&certificate));
        assert!(
            named(&scene).is_empty(),
            "{kind}: a letter, what no number counts, another man, the act of another Power"
        );
        let elsewhere = crate::digest::Digest::of(b"not here").hex();
        scene.say_unnumbered("XB", kind, &says(&elsewhere));
        assert!(named(&scene).is_empty(), "{kind}: what it had said to all is here");
        let mut ahead = scene.marks();
        let xb = crate::consultation::state::samples::ministry("XB");
        ahead.raise(&xb, scene.last("XB") + 1);
        let told = scene.knowing(&ahead).say_unnumbered("XB", kind, &says(&elsewhere));
        assert_eq!(named(&scene), [told], "{kind}: what is not here may permit");
    }
    let mut scene = Scene::cleared();
    let certificate = scene.certify("P1", "FIT");
    let (kind, fields) = back(&certificate)[1].clone();
    scene.say_unnumbered("XB", kind, &fields.replace("decision", "remarks"));
    assert!(named(&scene).is_empty(), "a slip of the pen");
}

#[test]
fn a_death_that_some_were_told_is_named_until_it_was_said_to_all_and_refuted_by_who_knew_of_it() {
    let notice = "person = \"P1\"\ninquiry_opened = true";
    let case = crate::consultation::state::samples::case("P1");
    for by in ["XA", "XB"] {
        let mut scene = Scene::cleared();
        let told = scene.to("XA").say_unnumbered("XB", "death-notice", notice);
        let refute = |scene: &mut Scene| {
            scene.say("XB", "case-registration", &case);
            scene.state("IC", "P1", &["XA"], &["XD"]);
        };
        if by == "XA" {
            refute(&mut scene);
            assert_eq!(named(&scene), std::slice::from_ref(&told), "who saw him had not heard of it");
        }
        let again = scene.say(by, "death-notice", notice);
        let stands: Vec<String> = if by == "XA" { vec![told] } else { Vec::new() };
        let named_too =
            |scene: &Scene| named(scene).into_iter().filter(|one| *one != again).collect::<Vec<String>>();
        assert_eq!(named_too(&scene), stands, "{by}");
        refute(&mut scene);
        assert_eq!(named_too(&scene), Vec::<String>::new(), "{by}: he lives");
    }
}
