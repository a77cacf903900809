//! What decides at the very second, and what one condition alone prevents: each of these was found by leaving that
//! condition out, and seeing that nothing else noticed.

use std::time::Duration;

use super::commitments;
use super::departure::clear_to_depart;
use super::guard::Stop;
use super::medical::{FitnessStanding, fitness};
use super::places::Spoken;
use super::protection::{ProtectionStanding, protection, was_barred};
use super::samples::{DAY, HOUR, Scene, act, destination, ministry, person};
use super::stage::stage;
use super::will::{WillStanding, towards, will};
use super::{acknowledgement, exposure, holds};
use crate::consultation::act::Act;
use crate::consultation::acts::law::Destination;
use crate::consultation::acts::values::{EntryId, RegionCode};
use crate::consultation::rules::table::Rule;
use crate::message::terms::Precedence;
use crate::time::Timestamp;

fn xa() -> Destination {
    Destination::NamedState(RegionCode::parse("XA").unwrap())
}

fn shown(scene: &Scene) -> String {
    scene.asks(|past, at, charter| stage(past, &person(1), at, charter).shown().to_string())
}

fn reached(scene: &Scene) -> String {
    scene.asks(|past, at, charter| stage(past, &person(1), at, charter).reached.to_string())
}

fn stops_at(scene: &Scene, at: Timestamp) -> Vec<Stop> {
    let id = EntryId::parse("H-1").unwrap();
    scene.asks(|past, _, charter| clear_to_depart(past, &person(1), &id, at, charter))
}

fn because(stops: Vec<Stop>) -> Vec<String> {
    stops.into_iter().map(|stop| stop.because).collect()
}

fn withdrawal(declared: Timestamp) -> String {
    format!("person = \"P1\"\ndeclaration_time = \"{declared}\"")
}

fn report(place: &str, outcome: &str, at: Timestamp) -> String {
    format!(
        "arrangement_id = \"H-1\"\nhandover_time = \"{at}\"\nplace_code = \"{place}\"\n\
         lines = [{{ person = \"P1\", outcome = \"{outcome}\", final_question_put = true }}]"
    )
}

fn hand_over(scene: &mut Scene, at: Timestamp) -> String {
    for sender in ["XB", "XA"] {
        scene.say(sender, "handover-report", &report("EAGLE", "HANDED_OVER", at));
    }
    shown(scene)
}

fn second() -> Duration {
    Duration::from_secs(1)
}

#[test]
fn a_statement_of_the_same_instant_as_the_withdrawal_overcomes_nothing() {
    let standing = |declared: fn(Timestamp) -> Timestamp| {
        let mut scene = Scene::ready();
        scene.wait(DAY);
        // Sent a minute before the statement, and declared as told.
        let stated = scene.at().after(Duration::from_secs(60));
        scene.say("IC", "will-withdrawal", &withdrawal(declared(stated.before(Duration::from_secs(60)))));
        scene.set_back(60);
        scene.state("XB", "P1", &["XA"], &[]);
        scene.asks(|past, at, charter| will(past, &person(1), at, charter).standing)
    };
    assert_eq!(standing(|at| at), WillStanding::Withdrawn);
    assert_eq!(standing(|at| at.before(second())), WillStanding::Current);
}

#[test]
fn of_two_statements_of_one_instant_the_one_that_was_overtaken_can_still_refuse() {
    let mut scene = Scene::opened();
    scene.say("XB", "case-registration", &super::samples::case("P1"));
    let before = scene.marks();
    scene.say("IC", "will-withdrawal", "person = \"P1\"");
    scene.wait(HOUR);
    scene.state("XB", "P1", &["XA"], &[]);
    scene.set_back(60);
    scene.knowing(&before).state("XA", "P1", &["XN"], &["XA"]);
    let standing =
        scene.asks(|past, at, charter| towards(past, &person(1), Spoken::now(&xa()), at, charter).standing);
    assert_eq!(standing, WillStanding::Withdrawn);
}

#[test]
fn a_withdrawal_counts_against_a_handover_of_the_same_instant_and_not_against_one_of_a_second_before() {
    let handed_over = |taken_place: fn(Timestamp) -> Timestamp| {
        let mut scene = Scene::cleared();
        scene.wait(600);
        let at = scene.at();
        scene.say("IC", "will-withdrawal", &withdrawal(at));
        hand_over(&mut scene, taken_place(at))
    };
    assert_eq!(handed_over(|at| at), "IRREGULAR");
    assert_eq!(handed_over(|at| at.before(second())), "HANDED_OVER");
}

#[test]
fn a_statement_of_the_instant_of_the_handover_still_overcomes() {
    let mut scene = Scene::cleared();
    scene.say("IC", "will-withdrawal", "person = \"P1\"");
    scene.wait(600);
    let at = scene.at();
    scene.state("XB", "P1", &["XA"], &["XD"]);
    assert_eq!(hand_over(&mut scene, at), "HANDED_OVER");
}

#[test]
fn a_report_that_its_own_sender_corrected_is_no_refusal_at_the_gate() {
    let handed_over = |corrects: &str| {
        let mut scene = Scene::cleared();
        scene.wait(600);
        let at = scene.at();
        let declined = report("EAGLE", "DECLINED_BY_PERSON", at.before(Duration::from_secs(300)));
        scene.say(corrects, "handover-report", &declined);
        hand_over(&mut scene, at)
    };
    assert_eq!(handed_over("XB"), "HANDED_OVER");
    assert_eq!(handed_over("IC"), "IRREGULAR", "what an observer reported stays");
}

#[test]
fn a_go_that_did_not_know_the_arrangement_is_none_for_it() {
    let mut scene = Scene::agreed();
    let before = scene.marks();
    scene.arrange("H-1", "A-1", "P1");
    scene.wait(3 * DAY);
    scene.state("XB", "P1", &["XA"], &["XD"]);
    scene.certify("P1", "FIT");
    scene.go("XB", true);
    scene.knowing(&before).go("XA", true);
    assert_eq!(because(stops_at(&scene, scene.at())), ["XA has not given its GO"]);
    scene.go("XA", true);
    assert!(stops_at(&scene, scene.at()).is_empty());
}

#[test]
fn the_window_of_an_arrangement_is_open_from_its_first_second_to_its_last() {
    let scene = Scene::arranged();
    let (start, end) = scene.asks(|past, _, _| {
        let id = EntryId::parse("H-1").unwrap();
        let arranged = commitments::arrangement(past, &id).unwrap();
        (arranged.act.window_start_time, arranged.act.window_end_time)
    });
    let outside = |at| because(stops_at(&scene, at)).iter().any(|why| why.starts_with("the window"));
    assert!(!outside(start) && !outside(end));
    assert!(outside(start.before(second())) && outside(end.after(second())));
}

#[test]
fn a_protective_act_that_nobody_can_read_here_stops_everybody() {
    let mut scene = Scene::cleared();
    scene.say_unreadable("IC", "will-indication-of-2030", crate::message::terms::ActClass::Factual);
    assert!(stops_at(&scene, scene.at()).is_empty());
    scene.say_unreadable("IC", "warning-of-2030", crate::message::terms::ActClass::Protective);
    let stops = stops_at(&scene, scene.at());
    assert_eq!(stops.iter().map(|stop| stop.rule).collect::<Vec<_>>(), [Rule::Hld01]);
}

#[test]
fn a_go_that_was_synchronised_to_what_is_not_here_counts_once_it_is() {
    let mut scene = Scene::cleared();
    let next = scene.last("IC") + 1;
    let at = scene.at();
    let go = format!(
        "arrangement_id = \"H-1\"\ngo = true\ntime = \"{at}\"\nsynced_to = [{{ ministry = \"IC\", act_number = {next} }}]"
    );
    scene.say("XA", "go-no-go", &go);
    assert_eq!(because(stops_at(&scene, at)), ["XA knew acts at its GO that are not here yet"]);
    scene.say("IC", "will-indication", "person = \"P2\"\nsource = \"FAMILY\"");
    assert!(stops_at(&scene, at).is_empty());
}

#[test]
fn an_arrangement_is_confirmed_by_another_party_in_an_act_that_stands_and_by_its_last_word() {
    let mut scene = Scene::agreed();
    let arrangement = scene.arrange("H-1", "A-1", "P1");
    scene.confirm("H-1", &arrangement, "P1", "DECLINE");
    let reply = |reply: &str| {
        let digest = crate::consultation::acts::values::persons_digest(&[person(1)]);
        format!(
            "arrangement_id = \"H-1\"\narrangement = \"{arrangement}\"\npersons_sha256 = \"{digest}\"\n\
             reply = \"{reply}\""
        )
    };
    scene.say("XB", "handover-confirmation", &reply("ACCEPT"));
    assert_eq!(reached(&scene), "AGREED", "nobody confirms his own arrangement");
    scene.against(Rule::Hnd02).say("XA", "handover-confirmation", &reply("ACCEPT"));
    assert_eq!(reached(&scene), "AGREED", "a confirmation that does not stand");
    scene.say("XA", "handover-confirmation", &reply("ACCEPT"));
    assert_eq!(reached(&scene), "ARRANGED");
    // The later act of one ministry is that of the higher number, whatever its clock says.
    scene.set_back(HOUR);
    scene.say("XA", "handover-confirmation", &reply("DECLINE"));
    scene.wait(2 * HOUR);
    assert_eq!(reached(&scene), "AGREED");
}

#[test]
fn a_note_awaits_its_reply_to_the_last_second() {
    let mut scene = Scene::ready();
    scene.note("A-1", "P1", "XA", "RELEASE_AND_SETTLEMENT");
    let awaited = |later: Duration| {
        scene.asks(|past, _, _| {
            let note = past.of_kind(crate::consultation::act::ActKind::AgreementNote).next().unwrap();
            let Some(Act::AgreementNote(act)) = &note.act else { panic!("another act") };
            commitments::is_awaited(past, note, act, act.open_until_time.after(later))
        })
    };
    assert!(awaited(Duration::ZERO) && !awaited(second()));
}

#[test]
fn nobody_ends_an_agreement_for_the_time_before_he_said_so() {
    let mut scene = Scene::cleared();
    let at = scene.at();
    assert_eq!(hand_over(&mut scene, at), "HANDED_OVER");
    let end = at.before(Duration::from_secs(600));
    scene.say("XA", "agreement-termination", &format!("agreement_id = \"A-1\"\neffective_time = \"{end}\""));
    assert_eq!(shown(&scene), "HANDED_OVER");
}

#[test]
fn an_assessment_ends_with_the_time_that_it_gave_itself() {
    let mut scene = Scene::ready();
    scene.wait(HOUR);
    let until = scene.at().after(Duration::from_secs(10 * DAY));
    let fields = format!(
        "person = \"P1\"\ndestination = {}\nfinding = \"NO_SUBSTANTIAL_GROUNDS\"\nassessment_time = \"{}\"\n\
         valid_until_time = \"{until}\"\nonward_return_considered = true",
        destination("XA"),
        scene.at()
    );
    scene.say("XB", "protection-assessment", &fields);
    let standing = |at| {
        scene.asks(|past, _, charter| protection(past, &person(1), Spoken::now(&xa()), at, charter).standing)
    };
    assert_eq!(standing(until), ProtectionStanding::Clear);
    assert_eq!(standing(until.after(second())), ProtectionStanding::Stale);
}

#[test]
fn substantial_grounds_bar_from_the_second_in_which_they_were_sent() {
    let mut scene = Scene::cleared();
    let sent = scene.at();
    scene.assess_by("XA", "P1", "XA", "SUBSTANTIAL_GROUNDS");
    let barred = |at| scene.asks(|past, _, _| was_barred(past, &person(1), Spoken::now(&xa()), at));
    assert!(barred(sent) && !barred(sent.before(second())));
}

#[test]
fn a_release_that_does_not_stand_lifts_no_hold_and_one_that_does_lifts_it_at_once() {
    let mut scene = Scene::cleared();
    let hold = scene.say("IC", "hold-notice", "persons = [\"P1\"]\nreason = \"SECURITY\"");
    let release = format!("hold_message = \"{hold}\"\nreason = \"settled\"");
    let active =
        |scene: &Scene| scene.asks(|past, at, charter| holds::active(past, &person(1), at, charter).len());
    scene.against(Rule::Rol02).say("IC", "hold-release", &release);
    assert_eq!(active(&scene), 1);
    let lifted = scene.at();
    scene.say("IC", "hold-release", &release);
    assert_eq!(active(&scene), 0);
    let was_held = |at| {
        scene.asks(|past, _, charter| {
            holds::holds(past, &person(1), charter).iter().any(|hold| hold.was_active(at))
        })
    };
    assert!(!was_held(lifted) && was_held(lifted.before(second())));
}

#[test]
fn a_finding_of_the_same_examination_answers_an_earlier_one_and_must_stand_to_certify() {
    let mut scene = Scene::ready();
    let standing =
        |scene: &Scene| scene.asks(|past, at, charter| fitness(past, &person(1), at, charter).standing);
    scene.against(Rule::Rol02).certify("P1", "FIT");
    assert_eq!(standing(&scene), FitnessStanding::None);
    scene.certify("P1", "UNFIT");
    assert_eq!(standing(&scene), FitnessStanding::Unfit);
    scene.set_back(60);
    scene.certify("P1", "FIT");
    assert_eq!(standing(&scene), FitnessStanding::Fit, "of the same minute, by one who knew");
}

#[test]
fn two_reports_may_lie_as_far_apart_as_the_charter_says_and_no_second_more() {
    let reported = |apart: u64| {
        let mut scene = Scene::cleared();
        let at = scene.at();
        scene.wait(HOUR);
        scene.say("XB", "handover-report", &report("EAGLE", "HANDED_OVER", at));
        let other = at.after(Duration::from_secs(apart));
        scene.say("XA", "handover-report", &report("EAGLE", "HANDED_OVER", other));
        shown(&scene)
    };
    assert_eq!((reported(15 * 60).as_str(), reported(15 * 60 + 1).as_str()), ("HANDED_OVER", "DISPUTED"));
}

#[test]
fn a_window_may_open_as_long_after_a_handover_as_clocks_may_differ_and_no_second_longer() {
    let handed_over = |early: u64| {
        let mut scene = Scene::arranged();
        let id = EntryId::parse("H-1").unwrap();
        let opens =
            scene.asks(|past, _, _| commitments::arrangement(past, &id).unwrap().act.window_start_time);
        scene.wait(u64::try_from(opens.seconds() - scene.at().seconds()).unwrap());
        hand_over(&mut scene, opens.before(Duration::from_secs(early)))
    };
    assert_eq!(
        (handed_over(15 * 60).as_str(), handed_over(15 * 60 + 1).as_str()),
        ("HANDED_OVER", "IRREGULAR")
    );
}

#[test]
fn an_id_that_two_powers_gave_takes_nothing_from_who_was_arranged_under_it_first() {
    let mut scene = Scene::cleared();
    scene.agree("A-2", "P2", "XA");
    let (at, day) = (scene.at(), Duration::from_secs(DAY));
    let digest = crate::consultation::acts::values::persons_digest(&[person(2)]).hex();
    let fields = format!(
        "arrangement_id = \"H-1\"\nagreement_id = \"A-2\"\nwindow_start_time = \"{at}\"\nwindow_end_time = \"{}\"\n\
         place_code = \"EAGLE\"\npersons = [\"P2\"]\npersons_sha256 = \"{digest}\"\ntransport = \"one bus\"\n\
         person_notice_time = \"{}\"",
        at.after(day),
        at.before(day)
    );
    let arrangement = scene.say("XA", "handover-arrangement", &fields);
    let fields = format!(
        "arrangement_id = \"H-1\"\narrangement = \"{arrangement}\"\npersons_sha256 = \"{digest}\"\nreply = \"ACCEPT\""
    );
    scene.say("XB", "handover-confirmation", &fields);
    assert_eq!((reached(&scene).as_str(), stops_at(&scene, scene.at()).len()), ("ARRANGED", 1));
    let told = because(stops_at(&scene, scene.at()));
    assert!(told[0].contains("another Power gave this id"), "{told:?}");
    scene.wait(600);
    let at = scene.at();
    assert_eq!(hand_over(&mut scene, at), "HANDED_OVER");
    // Who arranges anew under his own id arranges no more what he had arranged.
    let mut scene = Scene::cleared();
    scene.arrange("H-1", "A-1", "P2");
    scene.wait(600);
    let at = scene.at();
    assert_eq!(hand_over(&mut scene, at), "IRREGULAR");
}

#[test]
fn an_agreement_made_without_knowing_every_report_is_spent_with_what_came_before() {
    let mut scene = Scene::cleared();
    scene.report("XB", "P1", "SUBSTITUTED");
    let after_one = scene.marks();
    scene.report("XA", "P1", "SUBSTITUTED");
    scene.knowing(&after_one).agree("A-2", "P1", "XA");
    assert_eq!(shown(&scene), "REMAINS(SUBSTITUTED)");
    scene.agree("A-3", "P1", "XA");
    assert_eq!(shown(&scene), "AGREED");
}

#[test]
fn an_agreement_that_is_made_anew_is_to_be_arranged_anew() {
    let mut scene = Scene::arranged();
    scene.agree("A-1", "P1", "XA");
    assert_eq!(shown(&scene), "AGREED");
}

#[test]
fn a_refusal_of_a_request_must_stand() {
    let mut scene = Scene::ready();
    let fields = format!(
        "persons = [\"P1\"]\nroute = \"RELEASE_AND_SETTLEMENT\"\ndestination = {}\n\
         legal_basis = [{{ instrument = \"GC-III-1949\", provision = \"Art. 118\" }}]\n\
         supporting_documents = [\"application\"]\nassurances_message = \"{}\"",
        destination("XA"),
        crate::digest::Digest::of(b"assurances")
    );
    let request = scene.say("XA", "transfer-request", &fields);
    let decline = format!("request = \"{request}\"\nreply = \"DECLINE\"\nreasons = [{{ message = \"no\" }}]");
    scene.against(Rule::Con03).say("XB", "transfer-response", &decline);
    assert_eq!(shown(&scene), "REQUESTED");
    scene.say("XB", "transfer-response", &decline);
    assert_eq!(shown(&scene), "REGISTERED");
}

#[test]
fn an_assessment_that_does_not_stand_cures_no_exposure() {
    let mut scene = Scene::ready();
    let fields = format!(
        "incident_id = \"I-1\"\npersons = [\"P1\"]\nexposures = [\"FACE\"]\npublisher = \"NEWS_MEDIUM\"\n\
         locators = [{{ locator_id = \"l1\", url = \"https://news.example/17\" }}]\nfirst_seen_time = \"{0}\"\n\
         compelling_public_interest_claimed = false\nrequested = [\"OBSCURE\"]\nreply_due_time = \"{0}\"",
        scene.at()
    );
    scene.say("XA", "publicity-notice", &fields);
    let open = |scene: &Scene| scene.asks(|past, _, _| exposure::open(past, &person(1)).len());
    scene.against(Rule::Rol02).assess("P1", "XA", "NO_SUBSTANTIAL_GROUNDS");
    assert_eq!(open(&scene), 1);
    scene.assess("P1", "XA", "NO_SUBSTANTIAL_GROUNDS");
    assert_eq!(open(&scene), 0);
}

#[test]
fn an_immediate_message_that_nobody_acknowledged_is_an_alarm_and_a_priority_one_is_shown() {
    for (precedence, expected) in [(Precedence::Immediate, true), (Precedence::Priority, false)] {
        let mut scene = Scene::opened();
        scene.urge(precedence);
        scene.say("XB", "hold-notice", "persons = [\"P1\"]");
        let all = acknowledgement::unacknowledged(scene.history(), scene.charter());
        let late = scene.at().after(Duration::from_secs(DAY));
        assert_eq!(all.len(), 2, "one for each addressee");
        assert!(all.iter().all(|one| one.is_overdue(late) && one.is_alarming(late) == expected));
    }
}

#[test]
fn what_an_invited_observer_reports_disputes_nothing() {
    let mut scene = Scene::cleared();
    for party in ["XB", "XA"] {
        scene.report(party, "P1", "HANDED_OVER");
    }
    let mut invited = Scene::cleared();
    invited.say(
        "XB",
        "observer-invitation",
        "party = \"XN\"\nrole = \"NEUTRAL_POWER\"\nscope = [\"HANDOVER\"]\npersons = []\n\
         start_time = \"2026-11-22T00:00:00Z\"\nend_time = \"2027-11-22T00:00:00Z\"",
    );
    for party in ["XB", "XA", "XN"] {
        let outcome = if party == "XN" { "NOT_PRESENTED" } else { "HANDED_OVER" };
        invited.report(party, "P1", outcome);
    }
    assert_eq!((shown(&scene).as_str(), shown(&invited).as_str()), ("HANDED_OVER", "HANDED_OVER"));
}

#[test]
fn samples_speak_of_the_same_person_and_place() {
    let fields = format!("person = \"P1\"\nsource = \"FAMILY\"\nindicated = {}", destination("XA"));
    let Act::WillIndication(act) = act("will-indication", &fields) else { panic!("another act") };
    assert!(act.person == person(1) && act.indicated == Some(xa()) && ministry("XA").as_str() == "XA");
}
