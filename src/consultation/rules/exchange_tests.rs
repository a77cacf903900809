//! The EXC rules, what passes and what fails each. XB holds the first two persons; the third is held by XA.

use crate::consultation::rules::Rule;
use crate::consultation::rules::passage::tests::Ready;
use crate::consultation::rules::said::{
    Round, acceptance, case_of, reply, statement, terms_digest, verification,
};
use crate::consultation::rules::scenes::Case;
use crate::consultation::state::samples::{DAY, Scene};
use crate::digest::Digest;

/// P1 wants to go to XA, P2 wants to stay.
fn held() -> Scene {
    let mut scene = Scene::opened();
    for (person, place) in [("P1", "XA"), ("P2", "REMAIN_IN_DETAINING_STATE")] {
        scene.say("XB", "case-registration", &case_of(person, "PRISONER_OF_WAR", "XA"));
        scene.say("XB", "expression-of-will", &statement(scene.at(), person, &[place], &[]));
    }
    scene
}

const FIRST: Round<'_> = Round { number: 1, supersedes: None, other: "XA", out: &["P1"], back: &["P3"] };

fn proposes(scene: &Scene, sender: &str, round: &Round<'_>) -> Case {
    Case::new(scene, sender, "exchange-proposal", &round.fields(scene.at(), "X-1"))
}

/// The first round, registered; and the digest of its terms.
fn proposed() -> (Scene, Digest) {
    let mut scene = held();
    let fields = FIRST.fields(scene.at(), "X-1");
    scene.say("XB", "exchange-proposal", &fields);
    (scene, terms_digest(&fields))
}

fn verify(scene: &mut Scene, sender: &str, terms: Digest, findings: &[(&str, &str)]) {
    scene.say(sender, "list-verification", &verification(terms, findings));
}

fn accepts(scene: &Scene, terms: Digest) -> Case {
    Case::new(scene, "XA", "proposal-response", &acceptance("X-1", terms))
}

#[test]
fn exc_01_every_line_matches_before_it_is_accepted() {
    let (mut scene, terms) = proposed();
    accepts(&scene, terms).fails("EXC_01");
    verify(&mut scene, "XA", terms, &[("P1", "MATCHED"), ("P3", "NOT_HELD")]);
    accepts(&scene, terms).fails("EXC_01");
    verify(&mut scene, "XA", terms, &[("P3", "MATCHED_AFTER_CORRECTION")]);
    accepts(&scene, terms).passes();
    verify(&mut scene, "XB", terms, &[("P1", "UNFIT")]);
    accepts(&scene, terms).fails("EXC_01");
    let declined = acceptance("X-1", terms).replace("ACCEPT", "DEFER");
    Case::new(&scene, "XA", "proposal-response", &declined).passes();
}

#[test]
fn exc_01_only_the_two_parties_decide_each_for_whom_it_holds_or_answers() {
    let all = [("P1", "MATCHED"), ("P3", "MATCHED")];
    let (mut scene, terms) = proposed();
    verify(&mut scene, "XB", terms, &all);
    accepts(&scene, terms).fails("EXC_01");
    verify(&mut scene, "XC", terms, &all);
    accepts(&scene, terms).fails("EXC_01");
    // XB answers for him whom it holds, and XA for its own man.
    verify(&mut scene, "XA", terms, &[("P3", "MATCHED")]);
    accepts(&scene, terms).passes();
    verify(&mut scene, "XC", terms, &[("P1", "IDENTITY_MISMATCH"), ("P3", "IDENTITY_MISMATCH")]);
    accepts(&scene, terms).passes();
    verify(&mut scene, "XB", terms, &[("P3", "IDENTITY_MISMATCH")]);
    accepts(&scene, terms).fails("EXC_01");
}

#[test]
fn exc_02_numbers_are_those_of_the_lists() {
    let scene = held();
    proposes(&scene, "XB", &FIRST).passes();
    let fields = FIRST.fields(scene.at(), "X-1");
    for (right, wrong) in [("n = 1", "n = 2"), ("m = 1", "m = 0")] {
        Case::new(&scene, "XB", "exchange-proposal", &fields.replace(right, wrong)).fails("EXC_02");
    }
}

#[test]
fn exc_03_only_the_live_round_is_countered() {
    let (scene, terms) = proposed();
    let counter = |number, supersedes| Round { number, supersedes: Some(supersedes), back: &[], ..FIRST };
    proposes(&scene, "XA", &counter(2, terms)).passes();
    proposes(&scene, "XA", &counter(2, Digest::of(b"other"))).fails("EXC_03");
    proposes(&scene, "XA", &counter(3, terms)).fails("EXC_03");
    proposes(&scene, "XB", &FIRST).fails("EXC_03");
    proposes(&held(), "XB", &counter(2, terms)).fails("EXC_03");
}

#[test]
fn exc_03_only_the_live_round_is_accepted_and_settled() {
    let (mut scene, terms) = proposed();
    let second = Round { number: 2, supersedes: Some(terms), back: &[], ..FIRST };
    scene.say("XA", "exchange-proposal", &second.fields(scene.at(), "X-1"));
    accepts(&scene, terms).fails("EXC_03");
    let live = terms_digest(&second.fields(scene.at(), "X-1"));
    Case::new(&scene, "XA", "proposal-response", &acceptance("X-1", live)).fails("CON_03 EXC_01");
    let ready = Ready::new();
    let settling = ready.fields("XA", "EXCHANGE").replace(
        "required_parties",
        &format!("exchange_terms_sha256 = \"{}\"\nrequired_parties", terms.hex()),
    );
    Case::new(&ready.scene, "XB", "agreement-note", &settling).fails("EXC_03");
}

#[test]
fn exc_04_nobody_is_listed_for_where_he_does_not_want_to_go() {
    let scene = held();
    proposes(&scene, "XB", &Round { out: &["P1", "P2"], ..FIRST }).fails("EXC_04");
    // Of those the other side holds a Power cannot know.
    proposes(&scene, "XA", &Round { out: &["P2"], back: &["P3"], ..FIRST }).silent(Rule::Exc04);
}

#[test]
fn exc_04_nobody_accepts_a_round_for_an_own_person_who_refuses_it() {
    let mut scene = held();
    let round = Round { number: 1, supersedes: None, other: "XA", out: &["P2"], back: &["P3"] };
    let fields = round.fields(scene.at(), "X-1");
    scene.say("XA", "exchange-proposal", &fields);
    let terms = terms_digest(&fields);
    verify(&mut scene, "XB", terms, &[("P2", "MATCHED"), ("P3", "MATCHED")]);
    let accepts = |scene: &Scene| Case::new(scene, "XB", "proposal-response", &acceptance("X-1", terms));
    accepts(&scene).fails("EXC_04");
    let asked_again = statement(scene.at(), "P2", &["XA"], &[]);
    scene.say("XB", "expression-of-will", &asked_again);
    accepts(&scene).passes();
}

#[test]
fn exc_04_nobody_accepts_a_round_for_an_own_person_who_said_no_before_anybody_asked_him() {
    let round = Round { number: 1, supersedes: None, other: "XA", out: &["P1"], back: &["P3"] };
    let told = |said: Option<(&str, &str)>| {
        let mut scene = Scene::opened();
        scene.say("XB", "case-registration", &case_of("P1", "PRISONER_OF_WAR", "XA"));
        if let Some((kind, fields)) = said {
            scene.say("XB", kind, fields);
        }
        let fields = round.fields(scene.at(), "X-1");
        scene.say("XA", "exchange-proposal", &fields);
        let terms = terms_digest(&fields);
        verify(&mut scene, "XB", terms, &[("P1", "MATCHED"), ("P3", "MATCHED")]);
        (scene, terms)
    };
    let accepts = |(scene, terms): &(Scene, Digest)| {
        Case::new(scene, "XB", "proposal-response", &acceptance("X-1", *terms))
    };
    accepts(&told(None)).passes();
    let wants = |place: &str| {
        let region = format!("{{ kind = \"NAMED_STATE\", region_code = \"{place}\" }}");
        format!("person = \"P1\"\nsource = \"FAMILY\"\nindicated = {region}")
    };
    accepts(&told(Some(("will-indication", wants("XA").as_str())))).passes();
    for said in [("will-withdrawal", "person = \"P1\""), ("will-indication", wants("XC").as_str())] {
        let mut refused = told(Some(said));
        accepts(&refused).fails("EXC_04");
        refused.0.wait(DAY);
        let asked = statement(refused.0.at(), "P1", &["XA"], &[]);
        refused.0.say("XB", "expression-of-will", &asked);
        accepts(&refused).passes();
    }
}

#[test]
fn exc_05_civilians_are_on_no_list_of_prisoners() {
    let mut scene = held();
    scene.say("XB", "case-registration", &case_of("P1", "CIVILIAN", "XA"));
    proposes(&scene, "XB", &FIRST).fails("EXC_05");
}

#[test]
fn exc_06_nobody_is_listed_who_is_promised_elsewhere() {
    let mut scene = held();
    scene.agree("A-1", "P1", "XC");
    proposes(&scene, "XB", &FIRST).fails("EXC_06");
    let mut same = held();
    same.agree("A-1", "P1", "XA");
    proposes(&same, "XB", &FIRST).passes();
    proposes(&held(), "XB", &FIRST).promised_to(&["XA"]).passes();
    proposes(&held(), "XB", &FIRST).promised_to(&["XC"]).fails("EXC_06");
}

#[test]
fn exc_06_no_list_is_accepted_with_an_own_person_whom_another_consultation_promises_elsewhere() {
    let (mut scene, terms) = proposed();
    let second = Round { number: 2, supersedes: Some(terms), back: &[], ..FIRST };
    scene.say("XA", "exchange-proposal", &second.fields(scene.at(), "X-1"));
    let live = terms_digest(&second.fields(scene.at(), "X-1"));
    verify(&mut scene, "XB", live, &[("P1", "MATCHED")]);
    let accepts = || Case::new(&scene, "XB", "proposal-response", &acceptance("X-1", live));
    accepts().promised_to(&["XA"]).passes();
    accepts().promised_to(&["XC"]).fails("EXC_06");
    // Those on the list of the other side are his to answer for.
    Case::new(&scene, "XA", "proposal-response", &acceptance("X-1", live))
        .promised_to(&["XC"])
        .fails("CON_03");
}

#[test]
fn exc_07_a_round_is_accepted_while_it_is_open() {
    let (mut scene, terms) = proposed();
    verify(&mut scene, "XA", terms, &[("P1", "MATCHED"), ("P3", "MATCHED")]);
    scene.wait(6 * DAY);
    accepts(&scene, terms).passes();
    scene.wait(2 * DAY);
    accepts(&scene, terms).fails("EXC_07");
}

/// P1 may be moved to XA; XB proposed a round, this was found about P1, and this was answered.
struct Settled {
    ready: Ready,
    fields: String,
    terms: Digest,
}

impl Settled {
    fn new(round: &Round<'_>, found: Option<&str>, answer: Option<&str>) -> Self {
        let mut ready = Ready::new();
        let fields = round.fields(ready.scene.at(), "X-1");
        let terms = terms_digest(&fields);
        ready.scene.say("XB", "exchange-proposal", &fields);
        if let Some(result) = found {
            verify(&mut ready.scene, round.other, terms, &[("P1", result)]);
        }
        let settling = format!("exchange_terms_sha256 = \"{}\"\nrequired_parties", terms.hex());
        let fields = ready.fields("XA", "EXCHANGE").replace("required_parties", &settling);
        let mut settled = Self { ready, fields, terms };
        if let Some(reply) = answer {
            settled.answers(round.other, reply);
        }
        settled
    }

    fn answers(&mut self, sender: &str, reply: &str) {
        let reasons = if reply == "ACCEPT" { "" } else { "\nreasons = [{ message = \"A reason.\" }]" };
        let answer = acceptance("X-1", self.terms).replace("ACCEPT", reply);
        self.ready.scene.say(sender, "proposal-response", &format!("{answer}{reasons}"));
    }

    fn note(&self) -> Case {
        Case::new(&self.ready.scene, "XB", "agreement-note", &self.fields)
    }
}

/// P1 alone, for XA.
const ALONE: Round<'_> = Round { back: &[], ..FIRST };

#[test]
fn exc_01_and_exc_03_a_note_settles_what_was_accepted_and_matches() {
    let note = |found, answer| Settled::new(&ALONE, found, answer).note();
    note(Some("MATCHED"), Some("ACCEPT")).passes();
    note(Some("NOT_POW"), None).fails("EXC_01 EXC_03");
    note(Some("MATCHED"), None).fails("EXC_03");
    note(Some("MATCHED"), Some("DECLINE")).fails("EXC_03");
    note(None, Some("ACCEPT")).fails("EXC_01");
    note(Some("NOT_POW"), Some("ACCEPT")).fails("EXC_01");
    let mut refused = Settled::new(&ALONE, Some("MATCHED"), None);
    refused.ready.scene.against(Rule::Exc07);
    refused.answers("XA", "ACCEPT");
    refused.note().fails("EXC_03");
}

#[test]
fn exc_03_a_note_settles_a_round_with_its_persons_and_destinations() {
    let settled = |round: &Round<'_>| Settled::new(round, Some("MATCHED"), Some("ACCEPT"));
    settled(&Round { out: &["P2"], ..ALONE }).note().fails("EXC_03");
    // What XB offered by that round stands against the note as well.
    settled(&Round { other: "XC", ..ALONE }).note().fails("EXC_03 EXC_06");
    settled(&Round { out: &[], back: &["P1"], ..ALONE }).note().fails("EXC_03 EXC_06");
    // Who fell out since is left out, whatever becomes of his own line.
    settled(&Round { out: &["P1", "P2"], ..ALONE }).note().passes();
}

#[test]
fn exc_03_a_reply_is_asked_again_what_it_settles() {
    let mut settled = Settled::new(&ALONE, Some("MATCHED"), Some("ACCEPT"));
    let fields = settled.fields.clone();
    let note = settled.ready.scene.say("XB", "agreement-note", &fields);
    let replies = |settled: &Settled| {
        let fields = reply(&note, &fields, &["uk", "ko", "en"]);
        Case::new(&settled.ready.scene, "XA", "agreement-reply", &fields)
    };
    replies(&settled).passes();
    verify(&mut settled.ready.scene, "XA", settled.terms, &[("P1", "UNFIT")]);
    replies(&settled).fails("EXC_01");
    settled.answers("XA", "DECLINE");
    replies(&settled).fails("EXC_01 EXC_03");
}

#[test]
fn exc_06_nobody_is_listed_or_accepted_whom_the_sender_itself_offers_elsewhere() {
    let mut scene = held();
    scene.note("A-1", "P1", "XA", "RELEASE_AND_SETTLEMENT");
    proposes(&scene, "XB", &FIRST).passes();
    scene.note("A-2", "P1", "XC", "RELEASE_AND_SETTLEMENT");
    proposes(&scene, "XB", &FIRST).fails("EXC_06");
    scene.wait(31 * DAY);
    proposes(&scene, "XB", &FIRST).silent(Rule::Exc06);
    // Whoever countered him did not answer for him: whoever holds him does.
    let countered = |promised: fn(&mut Scene)| {
        let (mut scene, terms) = proposed();
        let second = Round { number: 2, supersedes: Some(terms), back: &[], ..FIRST };
        scene.say("XA", "exchange-proposal", &second.fields(scene.at(), "X-1"));
        let live = terms_digest(&second.fields(scene.at(), "X-1"));
        verify(&mut scene, "XB", live, &[("P1", "MATCHED")]);
        promised(&mut scene);
        Case::new(&scene, "XB", "proposal-response", &acceptance("X-1", live))
    };
    countered(|_| {}).passes();
    countered(|scene| drop(scene.note("A-1", "P1", "XC", "RELEASE_AND_SETTLEMENT"))).fails("EXC_06");
    countered(|scene| drop(scene.agree("A-1", "P1", "XC"))).fails("EXC_06");
}
