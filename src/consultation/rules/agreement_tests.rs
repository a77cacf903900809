//! The AGR rules, what passes and what fails each; the guards of a line stand in `passage_tests`.

use crate::consultation::rules::Rule;
use crate::consultation::rules::drafts::{Draft, text};
use crate::consultation::rules::passage::tests::Ready;
use crate::consultation::rules::said::{assessment, reply};
use crate::consultation::rules::scenes::Case;
use crate::consultation::state::samples::DAY;
use crate::message::terms::DocumentClass;

/// XB proposed; its note, and what XA would reply.
struct Proposed {
    ready: Ready,
    fields: String,
    note: String,
}

impl Proposed {
    fn new() -> Self {
        let mut ready = Ready::new();
        let fields = ready.fields("XA", "RELEASE_AND_SETTLEMENT");
        let note = ready.scene.say("XB", "agreement-note", &fields);
        Self { ready, fields, note }
    }

    fn reply(&self) -> String {
        reply(&self.note, &self.fields, &["uk", "ko", "en"])
    }

    fn replies(&self, fields: &str) -> Case {
        Case::new(&self.ready.scene, "XA", "agreement-reply", fields)
    }
}

#[test]
fn a_reply_in_identical_terms_concludes() {
    let proposed = Proposed::new();
    proposed.replies(&proposed.reply()).passes();
}

#[test]
fn agr_01_a_reply_concludes_what_stands() {
    let proposed = Proposed::new();
    let other = proposed.reply().replace(&proposed.note, &text("nothing").hex());
    proposed.replies(&other).fails("AGR_01");
    let mut withdrawn = Proposed::new();
    let fields = format!("withdraws = \"{}\"", withdrawn.note);
    withdrawn.ready.scene.say("XB", "note-withdrawal", &fields);
    withdrawn.replies(&withdrawn.reply()).fails("AGR_01");
    let mut refused = Proposed { ready: Ready::new(), ..Proposed::new() };
    refused.note = refused.ready.scene.against(Rule::Wil07).say("XB", "agreement-note", &refused.fields);
    refused.replies(&refused.reply()).fails("AGR_01");
    Case::new(&proposed.ready.scene, "XB", "agreement-reply", &proposed.reply()).fails("CON_03");
}

#[test]
fn agr_02_terms_are_repeated_byte_for_byte() {
    let proposed = Proposed::new();
    let fields = proposed.reply();
    let (start, rest) = fields.split_once("terms = \"").unwrap();
    let longer = format!("{start}terms = \"0a{rest}");
    proposed.replies(&longer).fails("AGR_02");
}

#[test]
fn agr_03_a_line_rests_on_the_records_it_names() {
    let ready = Ready::new();
    let fields = ready.fields("XA", "RELEASE_AND_SETTLEMENT");
    let pinned = |name: &str| {
        let (_, rest) = fields.split_once(&format!("{name} = \"")).unwrap();
        rest.split('"').next().unwrap().to_owned()
    };
    let (will, protection) = (pinned("will_act"), pinned("protection_act"));
    ready.changed(&will, &protection).fails("AGR_03");
    ready.changed(&protection, &will).fails("AGR_03");
    let medical = format!("protection_act = \"{protection}\"");
    ready.changed(&medical, &format!("{medical}, medical_act = \"{will}\"")).fails("AGR_03");
}

#[test]
fn agr_03_a_reply_knows_the_records_that_it_agrees_to() {
    let mut ready = Ready::new().stated_by("IC");
    let fields = ready.fields("XA", "RELEASE_AND_SETTLEMENT");
    let note = ready.scene.say("XB", "agreement-note", &fields);
    let proposed = Proposed { ready, fields, note };
    let reply = proposed.reply();
    proposed.replies(&reply).passes();
    // An older statement carries the line as well; it is not the one that the note names.
    let unaware = |draft: &mut Draft| draft.dispatch.basis.retain(|known| known.ministry.as_str() != "IC");
    proposed.replies(&reply).with(unaware).fails("AGR_03");
}

#[test]
fn agr_04_an_answer_comes_in_time() {
    let mut proposed = Proposed::new();
    let fields = proposed.reply();
    // The note was open for thirty days from a minute ago.
    proposed.ready.scene.wait(30 * DAY - 60);
    proposed.replies(&fields).passes();
    proposed.ready.scene.wait(1);
    proposed.replies(&fields).fails("AGR_04");
    proposed.ready.scene.wait(100 * DAY);
    proposed.replies(&fields).fails("AGR_04 WIL_01");
    let mut ready = Ready::new();
    let fields = ready.fields("XA", "RELEASE_AND_SETTLEMENT");
    ready.scene.wait(30 * DAY);
    Case::new(&ready.scene, "XB", "agreement-note", &fields).passes();
    ready.scene.wait(1);
    Case::new(&ready.scene, "XB", "agreement-note", &fields).fails("AGR_04");
}

#[test]
fn agr_05_nobody_is_worse_off_than_under_the_convention() {
    let (good, bad) = ("than_convention = true", "than_convention = false");
    Ready::new().changed(good, bad).fails("AGR_05");
    Ready::new().changed(good, good).silent(Rule::Agr05);
}

#[test]
fn agr_06_the_parties_that_the_route_requires_take_part() {
    Ready::new().changed("[\"XA\", \"XB\"]", "[\"IC\", \"XB\"]").fails("AGR_06 PRO_05");
    Ready::new().changed("[\"XA\", \"XB\"]", "[\"IC\", \"XA\"]").fails("AGR_06");
    Ready::new().changed("RELEASE_AND_SETTLEMENT", "NEUTRAL_INTERNMENT").fails("AGR_06 AGR_09");
    Ready::new().note_to("XA").silent(Rule::Agr06);
}

/// XA is the neutral Power, and IC stands for the Power of origin.
fn neutral() -> Ready {
    beside("POWER_OF_ORIGIN")
}

/// XA is the neutral Power, and IC a Power in this role.
fn beside(role: &str) -> Ready {
    let proposal = r#"consultation = "C-4T9M-W2KX-7CQW"
        subject = "Accommodation in a neutral country"
        parties = [{ ministry = "IC", roles = ["POWER_OF_ORIGIN"] }, { ministry = "XA", roles = ["NEUTRAL_POWER"] },
            { ministry = "XB", roles = ["DETAINING_POWER"] }]
        open_until_time = "2026-12-02T10:00:00Z""#
        .replace("POWER_OF_ORIGIN", role);
    let accepts = "reply = \"ACCEPT\"";
    let proposed = Ready::new().after("XB", "consultation-proposal", &proposal);
    proposed.after("XA", "consultation-reply", accepts).after("IC", "consultation-reply", accepts)
}

#[test]
fn agr_06_two_powers_accommodate_in_a_neutral_country_and_three_intern_there() {
    let note = |ready: &Ready, route: &str, parties: &str| {
        let fields = ready.fields("XA", route).replace("[\"XA\", \"XB\"]", parties);
        Case::new(&ready.scene, "XB", "agreement-note", &fields)
    };
    let (two, three) = ("[\"XA\", \"XB\"]", "[\"IC\", \"XA\", \"XB\"]");
    let stands_against = |case: &Case| case.errors().contains("AGR_06");
    let ready = neutral();
    note(&ready, "NEUTRAL_ACCOMMODATION", two).silent(Rule::Agr06);
    note(&ready, "NEUTRAL_INTERNMENT", three).silent(Rule::Agr06);
    assert!(stands_against(&note(&ready, "NEUTRAL_INTERNMENT", two)), "GC III Art. 111 asks for three");
    assert!(stands_against(&note(&ready, "NEUTRAL_ACCOMMODATION", "[\"IC\", \"XB\"]")), "no neutral Power");
    // A receiving Power is no neutral one.
    assert!(stands_against(&note(&Ready::new(), "NEUTRAL_ACCOMMODATION", two)));
}

#[test]
fn agr_09_a_neutral_country_is_that_of_a_neutral_power_which_agrees_to_it() {
    let leads = |ready: &Ready, place: &str, parties: &str| {
        ["NEUTRAL_ACCOMMODATION", "NEUTRAL_INTERNMENT"].map(|route| {
            let fields = ready.fields(place, route).replace("[\"XA\", \"XB\"]", parties);
            !Case::new(&ready.scene, "XB", "agreement-note", &fields).errors().contains("AGR_09")
        })
    };
    let (two, three) = ("[\"XA\", \"XB\"]", "[\"IC\", \"XA\", \"XB\"]");
    let ready = neutral();
    assert_eq!(leads(&ready, "XA", two), [true; 2]);
    assert_eq!(leads(&ready, "XA", three), [true; 2]);
    assert_eq!(leads(&ready, "XA", "[\"IC\", \"XB\"]"), [false; 2], "it does not agree");
    for place in ["POWER_OF_ORIGIN", "XD", "XC", "REMAIN_IN_DETAINING_STATE", "ANY_STATE_EXCEPT_REFUSED"] {
        assert_eq!(leads(&ready, place, three), [false; 2], "{place}");
    }
    assert_eq!(leads(&Ready::new(), "XA", two), [false; 2], "a receiving Power is no neutral one");
}

#[test]
fn agr_06_nobody_is_sent_to_a_power_over_its_head() {
    let note = |parties: &str| {
        let ready = beside("RECEIVING_POWER");
        let fields = ready.fields("XA", "RELEASE_AND_SETTLEMENT").replace("[\"XA\", \"XB\"]", parties);
        Case::new(&ready.scene, "XB", "agreement-note", &fields)
    };
    note("[\"IC\", \"XB\"]").fails("AGR_06 PRO_05");
    note("[\"XA\", \"XB\"]").passes();
    let by_another = |sender: &str| {
        let given = "persons = []\nparty_to_gc3 = true\nassurances = [\"WILLING_AND_ABLE_GC3\"]";
        let ready = beside("RECEIVING_POWER").after(sender, "assurances", given);
        Case::new(&ready.scene, "XB", "agreement-note", &ready.fields("XA", "TRANSFER_TO_POWER"))
    };
    by_another("IC").fails("PRO_04");
    by_another("XA").passes();
}

#[test]
fn an_agreement_that_waits_for_notifications_is_told_how_it_enters_into_force() {
    let (on_reply, waiting) = ("ON_REPLY", "ON_DOMESTIC_NOTIFICATIONS");
    Ready::new().changed(on_reply, waiting).passes();
    Ready::new().changed(on_reply, waiting).warns(Rule::Hnd01);
    Ready::new().note_to("XA").silent(Rule::Hnd01);
}

#[test]
fn agr_06_an_internment_is_concluded_by_the_last_of_three() {
    use crate::consultation::acts::values::EntryId;
    use crate::consultation::state::commitments;
    let mut ready = neutral();
    let fields =
        ready.fields("XA", "NEUTRAL_INTERNMENT").replace("[\"XA\", \"XB\"]", "[\"IC\", \"XA\", \"XB\"]");
    let note = ready.scene.say("XB", "agreement-note", &fields);
    let concluded = |ready: &Ready| {
        let id = EntryId::parse("A-9").unwrap();
        ready.scene.asks(|past, _, _| commitments::agreement(past, &id).is_some())
    };
    for (sender, after) in [("XA", false), ("IC", true)] {
        ready.scene.say(sender, "agreement-reply", &reply(&note, &fields, &["uk", "ko", "en"]));
        assert_eq!(concluded(&ready), after, "{sender}");
    }
}

#[test]
fn agr_07_what_was_agreed_is_amended_as_it_was_made() {
    let mut proposed = Proposed::new();
    let fields = proposed.reply();
    let reply = proposed.ready.scene.say("XA", "agreement-reply", &fields);
    proposed.ready.note_to("XA").passes();
    proposed.ready.changed("[\"XA\", \"XB\"]", "[\"IC\", \"XA\", \"XB\"]").fails("AGR_06 AGR_07");
    let corrigendum = format!("corrects = \"{reply}\"\nfield_path = \"terms\"\nnew_text = \"otherwise\"");
    Case::new(&proposed.ready.scene, "XA", "corrigendum", &corrigendum).warns(Rule::Agr07);
}

#[test]
fn agr_07_a_reply_makes_nothing_anew_without_those_who_agreed_on_it() {
    let mut proposed = Proposed::new();
    let others = proposed.fields.replace("[\"XA\", \"XB\"]", "[\"IC\", \"XA\", \"XB\"]");
    let second = proposed.ready.scene.say("XB", "agreement-note", &others);
    let accepts = reply(&second, &others, &["uk", "ko", "en"]);
    proposed.replies(&accepts).passes();
    let fields = proposed.reply();
    proposed.ready.scene.say("XA", "agreement-reply", &fields);
    proposed.replies(&accepts).fails("AGR_07");
}

#[test]
fn agr_08_the_authentic_texts_are_the_same() {
    let proposed = Proposed::new();
    let without = reply(&proposed.note, &proposed.fields, &["uk", "en"]);
    proposed.replies(&without).fails("AGR_08");
}

#[test]
fn exc_06_nobody_is_promised_twice() {
    let mut ready = Ready::new();
    let clear = assessment(ready.scene.at(), "P1", "XC", "NO_SUBSTANTIAL_GROUNDS");
    ready.scene.say("XB", "protection-assessment", &clear);
    ready.scene.agree("A-1", "P1", "XC");
    ready.note_to("XA").fails("EXC_06");
    let mut same = Ready::new();
    same.scene.agree("A-1", "P1", "XA");
    same.note_to("XA").passes();
}

#[test]
fn exc_06_nobody_is_promised_twice_over_two_consultations() {
    let ready = Ready::new();
    ready.note_to("XA").promised_to(&[]).passes();
    ready.note_to("XA").promised_to(&["XA"]).passes();
    ready.note_to("XA").promised_to(&["XA", "XC"]).fails("EXC_06");
    let proposed = Proposed::new();
    proposed.replies(&proposed.reply()).promised_to(&["XC"]).fails("EXC_06");
}

#[test]
fn exc_06_nobody_is_offered_to_two_places_by_one_power() {
    let offered = |id: &str| {
        let mut ready = Ready::new();
        let fields = ready.fields("XC", "RELEASE_AND_SETTLEMENT").replace("A-9", id);
        let note = ready.scene.say("XB", "agreement-note", &fields);
        (ready, note)
    };
    // To the same parties, the later note under one id takes the place of the earlier; to others it does not.
    let (ready, _) = offered("A-9");
    ready.note_to("XA").passes();
    ready.changed("[\"XA\", \"XB\"]", "[\"XA\", \"XB\", \"XC\"]").fails("AGR_06 EXC_06");
    let (mut ready, note) = offered("A-8");
    ready.note_to("XA").fails("EXC_06");
    let fields = ready.fields("XA", "RELEASE_AND_SETTLEMENT");
    let of_xa = ready.scene.say("XA", "agreement-note", &fields);
    let accepts = reply(&of_xa, &fields, &["uk", "ko", "en"]);
    Case::new(&ready.scene, "XB", "agreement-reply", &accepts).fails("EXC_06");
    ready.scene.say("XB", "note-withdrawal", &format!("withdraws = \"{note}\""));
    ready.note_to("XA").passes();
    Case::new(&ready.scene, "XB", "agreement-reply", &accepts).passes();
}

#[test]
fn a_termination_ends_what_was_concluded() {
    let fields = "agreement_id = \"A-9\"\neffective_time = \"2026-12-22T10:00:00Z\"";
    let mut proposed = Proposed::new();
    Case::new(&proposed.ready.scene, "XB", "agreement-termination", fields).fails("AGR_01");
    let reply = proposed.reply();
    proposed.ready.scene.say("XA", "agreement-reply", &reply);
    Case::new(&proposed.ready.scene, "XB", "agreement-termination", fields).passes();
}

fn without_korean(draft: &mut Draft) {
    let documents = &mut draft.dispatch.documents;
    documents.retain(|one| one.class != DocumentClass::AgreementText || one.language != "ko");
}

#[test]
fn lng_03_every_authentic_text_is_listed_and_attached() {
    Ready::new().note_to("XA").with(without_korean).fails("LNG_03");
    let proposed = Proposed::new();
    proposed.replies(&proposed.reply()).with(without_korean).fails("LNG_03");
}

#[test]
fn lng_04_the_prevailing_language_is_one_of_the_texts() {
    let (english, french) = ("prevailing_language = \"en\"", "prevailing_language = \"fr\"");
    Ready::new().changed(english, french).fails("LNG_04");
    Ready::new().changed(english, "prevailing_language = \"uk\"").passes();
}
