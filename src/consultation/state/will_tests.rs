//! Tests of the will: what permits, what stops, and what overcomes a stop.

use super::*;
use crate::consultation::rules::table::Rule;
use crate::consultation::state::samples::{self, DAY, HOUR, Scene, act, case, person};

pub(super) fn standing(scene: &Scene) -> WillStanding {
    scene.asks(|past, at, charter| will(past, &person(1), at, charter).standing)
}

pub(super) fn standing_towards(scene: &Scene, place: &str) -> WillStanding {
    let place = place_of(place);
    scene.asks(|past, at, charter| towards(past, &person(1), Spoken::now(&place), at, charter).standing)
}

pub(super) fn place_of(place: &str) -> Destination {
    let fields = format!("person = \"P1\"\nsource = \"FAMILY\"\nindicated = {}", samples::destination(place));
    match act("will-indication", &fields) {
        Act::WillIndication(act) => act.indicated.unwrap(),
        _ => unreachable!(),
    }
}

pub(super) fn registered() -> Scene {
    let mut scene = Scene::opened();
    scene.say("XB", "case-registration", &case("P1"));
    scene
}

pub(super) fn withdraw(scene: &mut Scene, sender: &str, from: &[&str]) -> String {
    let from: Vec<String> = from.iter().map(|place| samples::destination(place)).collect();
    let fields = format!("person = \"P1\"\nwithdrawn_for = [{}]", from.join(", "));
    scene.say(sender, "will-withdrawal", &fields)
}

fn hearsay(scene: &mut Scene, more: &str) -> String {
    scene.say("XA", "will-indication", &format!("person = \"P1\"\nsource = \"FAMILY\"\n{more}"))
}

#[test]
fn a_qualifying_statement_counts_for_its_time_and_hearsay_never_does() {
    let mut scene = registered();
    assert_eq!(standing(&scene), WillStanding::None);
    hearsay(&mut scene, "");
    assert_eq!(standing(&scene), WillStanding::Indicated);
    scene.against(Rule::Wil02).state("XB", "P1", &["XA"], &[]);
    assert_eq!(standing(&scene), WillStanding::Indicated, "it does not qualify");
    scene.state("XB", "P1", &["XA"], &["XD"]);
    assert_eq!(standing(&scene), WillStanding::Current);
    scene.wait(90 * DAY - 60);
    assert_eq!(standing(&scene), WillStanding::Current, "to the second");
    scene.wait(1);
    assert_eq!(standing(&scene), WillStanding::Expired);
    assert!(
        scene.asks(|past, at, charter| will(past, &person(2), at, charter).standing) == WillStanding::None
    );
}

#[test]
fn a_withdrawal_is_overcome_only_by_a_later_statement_that_knew_of_it() {
    let mut scene = registered();
    scene.state("XB", "P1", &["XA"], &[]);
    let before = scene.marks();
    withdraw(&mut scene, "IC", &[]);
    assert_eq!(standing(&scene), WillStanding::Withdrawn);
    scene.wait(2 * DAY);
    scene.knowing(&before).state("XB", "P1", &["XA"], &[]);
    assert_eq!(standing(&scene), WillStanding::Withdrawn, "later, and unaware");
    scene.against(Rule::Wil05).state("XB", "P1", &["XA"], &[]);
    assert_eq!(standing(&scene), WillStanding::Withdrawn, "aware, and not qualifying");
    scene.state("XB", "P1", &["XA"], &[]);
    assert_eq!(standing(&scene), WillStanding::Current);
    let will = scene.asks(|past, at, charter| will(past, &person(1), at, charter).against.len());
    assert_eq!(will, 0);
}

#[test]
fn a_withdrawal_dated_into_the_future_can_be_overcome() {
    let mut scene = registered();
    scene.state("XB", "P1", &["XA"], &[]);
    let fields = "person = \"P1\"\ndeclaration_time = \"2062-11-22T10:00:00Z\"";
    scene.say("XB", "will-withdrawal", fields);
    assert_eq!(standing(&scene), WillStanding::Withdrawn);
    scene.wait(HOUR);
    scene.state("XB", "P1", &["XA"], &[]);
    assert_eq!(standing(&scene), WillStanding::Current);
}

#[test]
fn a_withdrawal_for_some_destinations_stops_those_alone() {
    let mut scene = registered();
    scene.state("XB", "P1", &["XA", "XN"], &[]);
    withdraw(&mut scene, "XB", &["XA"]);
    assert_eq!(standing_towards(&scene, "XA"), WillStanding::Withdrawn);
    assert_eq!(standing_towards(&scene, "XN"), WillStanding::Current);
    assert_eq!(standing(&scene), WillStanding::Current);
    withdraw(&mut scene, "XB", &["XN"]);
    assert_eq!(standing_towards(&scene, "XN"), WillStanding::Withdrawn);
    assert_eq!(standing(&scene), WillStanding::Withdrawn, "nothing he accepted is left");
    let mut scene = registered();
    scene.state("XB", "P1", &["XA", "XN"], &[]);
    withdraw(&mut scene, "XB", &["ANY_STATE_EXCEPT_REFUSED"]);
    assert_eq!(standing_towards(&scene, "XN"), WillStanding::Withdrawn);
}

#[test]
fn adverse_hearsay_and_adverse_statements_that_do_not_qualify_stop() {
    let cases: [(&str, WillStanding); 6] = [
        ("refused = [{ kind = \"NAMED_STATE\", region_code = \"XA\" }]", WillStanding::Withdrawn),
        ("refused = [{ kind = \"NAMED_STATE\", region_code = \"XN\" }]", WillStanding::Withdrawn),
        ("indicated = { kind = \"REMAIN_IN_DETAINING_STATE\" }", WillStanding::Withdrawn),
        ("indicated = { kind = \"UNDECIDED\" }", WillStanding::Withdrawn),
        ("indicated = { kind = \"NAMED_STATE\", region_code = \"XA\" }", WillStanding::Current),
        ("certainty_as_reported = \"about four fifths decided\"", WillStanding::Current),
    ];
    for (said, expected) in cases {
        let mut scene = registered();
        scene.state("XB", "P1", &["XA"], &[]);
        hearsay(&mut scene, said);
        assert_eq!(standing_towards(&scene, "XA"), expected, "{said}");
        scene.wait(HOUR);
        scene.state("XB", "P1", &["XA"], &[]);
        assert_eq!(standing_towards(&scene, "XA"), WillStanding::Current, "{said}");
    }
    let statements: [(&[&str], &[&str], WillStanding); 3] = [
        (&["REMAIN_IN_DETAINING_STATE"], &[], WillStanding::Withdrawn),
        (&["XA"], &["XD"], WillStanding::Withdrawn),
        (&["XA"], &[], WillStanding::Current),
    ];
    for (accepts, refuses, expected) in statements {
        let mut scene = registered();
        scene.state("XB", "P1", &["XA"], &[]);
        scene.wait(HOUR);
        scene.against(Rule::Wil02).state("XB", "P1", accepts, refuses);
        assert_eq!(standing_towards(&scene, "XA"), expected, "{accepts:?} {refuses:?}");
    }
}

#[test]
fn a_refusal_at_the_gate_is_a_withdrawal() {
    let mut scene = Scene::cleared();
    scene.report("XA", "P1", "DECLINED_BY_PERSON");
    assert_eq!(standing(&scene), WillStanding::Withdrawn);
    let mut scene = Scene::cleared();
    scene.report("XA", "P1", "UNFIT");
    assert_eq!(standing(&scene), WillStanding::Current);
}

#[test]
fn a_list_that_finds_no_compatible_will_stops_until_who_knew_it_asked_again() {
    let found = |person: &str, result: &str| {
        let terms = crate::digest::Digest::of(b"terms").hex();
        format!("terms_sha256 = \"{terms}\"\nfindings = [{{ person = \"{person}\", result = \"{result}\" }}]")
    };
    let mut scene = registered();
    scene.say("XA", "list-verification", &found("P1", "NO_COMPATIBLE_WILL"));
    assert_eq!(standing(&scene), WillStanding::Indicated, "nobody has asked him yet");
    let mut scene = registered();
    scene.state("XB", "P1", &["XA"], &[]);
    for (person, result) in [("P2", "NO_COMPATIBLE_WILL"), ("P1", "MATCHED")] {
        scene.say("XA", "list-verification", &found(person, result));
        assert_eq!(standing_towards(&scene, "XA"), WillStanding::Current, "{person} {result}");
    }
    for sender in ["XA", "XB"] {
        scene.wait(HOUR);
        scene.say(sender, "list-verification", &found("P1", "NO_COMPATIBLE_WILL"));
        assert_eq!(standing_towards(&scene, "XA"), WillStanding::Withdrawn, "{sender}");
        scene.say(sender, "list-verification", &found("P1", "MATCHED"));
        assert_eq!(standing_towards(&scene, "XA"), WillStanding::Withdrawn, "{sender}: nobody asked him");
        scene.wait(HOUR);
        scene.state("XB", "P1", &["XA"], &[]);
        assert_eq!(standing_towards(&scene, "XA"), WillStanding::Current, "{sender}");
    }
}

#[test]
fn who_said_no_before_he_made_a_statement_is_shown_as_one_who_withdrew() {
    use crate::consultation::state::stage::stage;
    let shown = |scene: &Scene| {
        scene.asks(|past, at, charter| stage(past, &person(1), at, charter).shown()).to_string()
    };
    let mut scene = registered();
    withdraw(&mut scene, "XB", &[]);
    assert_eq!((standing(&scene), shown(&scene).as_str()), (WillStanding::Withdrawn, "HELD"));
    scene.wait(HOUR);
    scene.state("XB", "P1", &["XA"], &[]);
    assert_eq!((standing(&scene), shown(&scene).as_str()), (WillStanding::Current, "REGISTERED"));
    let mut scene = registered();
    withdraw(&mut scene, "XB", &["XN"]);
    assert_eq!(standing(&scene), WillStanding::Indicated, "he may want to go elsewhere");
    assert_eq!(standing_towards(&scene, "XN"), WillStanding::Withdrawn);
    assert_eq!(standing_towards(&scene, "XA"), WillStanding::Indicated);
    let mut scene = registered();
    scene.report("XA", "P1", "DECLINED_BY_PERSON");
    assert_eq!(standing(&scene), WillStanding::Withdrawn);
    let mut scene = registered();
    hearsay(&mut scene, "refused = [{ kind = \"NAMED_STATE\", region_code = \"XA\" }]");
    assert_eq!((standing(&scene), shown(&scene).as_str()), (WillStanding::Indicated, "REGISTERED"));
}

#[test]
fn a_destination_is_accepted_by_name_or_as_any_and_never_by_the_undecided() {
    let cases: [(&[&str], &[&str], &str, bool); 14] = [
        (&["XA"], &[], "XA", true),
        (&["XA"], &[], "XN", false),
        (&["XA"], &["XA"], "XA", false),
        (&["XA", "UNDECIDED"], &[], "XA", false),
        (&["ANY_STATE_EXCEPT_REFUSED"], &["XD"], "XA", true),
        (&["ANY_STATE_EXCEPT_REFUSED"], &["XD"], "XD", false),
        (&["ANY_STATE_EXCEPT_REFUSED"], &["POWER_OF_ORIGIN"], "XD", false),
        (&["POWER_OF_ORIGIN"], &[], "XD", true),
        (&["XD"], &[], "POWER_OF_ORIGIN", true),
        (&["XD"], &["POWER_OF_ORIGIN"], "XD", false),
        (&["REMAIN_IN_DETAINING_STATE"], &[], "XB", true),
        (&["XA"], &[], "UNDECIDED", false),
        (&["ANY_STATE_EXCEPT_REFUSED"], &[], "ANY_STATE_EXCEPT_REFUSED", false),
        (&["XA"], &["ANY_STATE_EXCEPT_REFUSED"], "XA", false),
    ];
    for (accepts, refuses, place, expected) in cases {
        let mut scene = registered();
        scene.state("XB", "P1", accepts, refuses);
        assert_eq!(admitted(&scene, place), expected, "{accepts:?} {refuses:?} {place}");
    }
}

#[test]
fn what_may_mean_the_place_refuses_it_where_the_case_does_not_say() {
    let mut scene = Scene::opened();
    scene.say("XB", "case-registration", &case("P1").replace("\"XD\"", "\"UNDETERMINED\""));
    scene.state("XB", "P1", &["ANY_STATE_EXCEPT_REFUSED"], &["POWER_OF_ORIGIN"]);
    assert!(!admitted(&scene, "XN"), "XN could be where he comes from");
    scene.wait(HOUR);
    scene.state("XB", "P1", &["XN"], &["POWER_OF_ORIGIN"]);
    assert!(admitted(&scene, "XN"), "he named it");
}

pub(super) fn admitted(scene: &Scene, place: &str) -> bool {
    let place = place_of(place);
    scene.asks(|past, at, charter| {
        let statement = will(past, &person(1), at, charter).statement.unwrap();
        admits(&statement, Spoken::now(&place), &Places::of(past, &person(1)))
    })
}

#[test]
fn an_interview_that_was_not_free_stops_whatever_place_it_names() {
    let changes = [
        ("NO_INDICATION_OF_PRESSURE", "DOUBT"),
        ("NO_INDICATION_OF_PRESSURE", "PRESSURE_FOUND"),
        ("\"FULL\"", "\"LACKING\""),
        ("\"FULL\"", "\"MINOR\""),
        ("\"WITNESS\"", "\"INTELLIGENCE_OR_SECURITY\""),
        ("\"WITNESS\"", "\"MEDIA\""),
    ];
    for (from, to) in changes {
        for accepted in ["XA", "ANY_STATE_EXCEPT_REFUSED"] {
            let mut scene = registered();
            scene.state("XB", "P1", &["XA"], &[]);
            scene.wait(HOUR);
            let unfree = scene.statement("P1", &[accepted], &[]).replace(from, to);
            scene.against(Rule::Wil05).say("IC", "expression-of-will", &unfree);
            assert_eq!(standing_towards(&scene, "XA"), WillStanding::Withdrawn, "{to} for {accepted}");
            scene.wait(HOUR);
            scene.state("XB", "P1", &["XA"], &[]);
            assert_eq!(standing_towards(&scene, "XA"), WillStanding::Current, "{to}: he was asked again");
        }
    }
    // What failed for another reason names his wish all the same.
    let mut scene = registered();
    scene.state("XB", "P1", &["XA"], &[]);
    scene.wait(HOUR);
    scene.against(Rule::Wil02).state("IC", "P1", &["XA"], &[]);
    assert_eq!(standing_towards(&scene, "XA"), WillStanding::Current);
}

#[test]
fn what_is_relayed_permits_nothing_and_stops_what_it_stops() {
    let mut scene = registered();
    scene.relaying().state("XB", "P1", &["XA"], &[]);
    assert_eq!(standing(&scene), WillStanding::Indicated, "hearsay of a Power that is not connected");
    scene.wait(HOUR);
    scene.state("XB", "P1", &["XA"], &[]);
    assert_eq!(standing_towards(&scene, "XA"), WillStanding::Current);
    scene.wait(HOUR);
    scene.relaying().state("XB", "P1", &["REMAIN_IN_DETAINING_STATE"], &[]);
    assert_eq!(standing_towards(&scene, "XA"), WillStanding::Withdrawn);
    let fit = |scene: &Scene| {
        use crate::consultation::state::medical::fitness;
        scene.asks(|past, at, charter| fitness(past, &person(1), at, charter).standing.to_string())
    };
    scene.relaying().certify("P1", "FIT");
    assert_eq!(fit(&scene), "NONE");
    scene.relaying().certify("P1", "UNFIT");
    assert_eq!(fit(&scene), "UNFIT");
    scene.relaying().certify("P1", "FIT");
    assert_eq!(fit(&scene), "UNFIT");
    scene.certify("P1", "FIT");
    assert_eq!(fit(&scene), "FIT");
}

#[test]
fn a_statement_before_somebody_of_the_power_of_origin_stops_whatever_it_accepts() {
    for (qualifies, accepts) in [(true, "XA"), (false, "XA"), (false, "ANY_STATE_EXCEPT_REFUSED")] {
        let mut scene = registered();
        scene.state("XB", "P1", &["XA"], &[]);
        scene.wait(HOUR);
        let watched = scene.statement("P1", &[accepts], &[]).replace("\"IC\"", "\"XD embassy\"");
        if !qualifies {
            scene.against(Rule::Wil05);
        }
        scene.say("XB", "expression-of-will", &watched);
        assert_eq!(standing_towards(&scene, "XA"), WillStanding::Withdrawn, "{qualifies} {accepts}");
        let against = scene.asks(|past, at, charter| will(past, &person(1), at, charter).against.len());
        assert_eq!(against, 1, "{qualifies} {accepts}: it is named once");
        scene.wait(HOUR);
        scene.state("XB", "P1", &["XA"], &[]);
        assert_eq!(standing_towards(&scene, "XA"), WillStanding::Current, "{qualifies} {accepts}");
    }
}
