//! Notes of a consultation as whole forms, a channel of three, and acts that a desk sends in spite of its own rules.

use std::fs;

use chancery::consultation::act::Act;
use chancery::consultation::rules;
use chancery::desk::form::draft::IdsOnly;
use chancery::desk::form::parse::parse;
use chancery::desk::register::SentEntry;
use chancery::digest::Digest;
use chancery::message::terms::Level;

use crate::support::{Stage, ministry};

/// Ministries as a list in a form.
pub fn list(codes: &[&str]) -> String {
    let quoted: Vec<String> = codes.iter().map(|code| format!("\"{code}\"")).collect();
    format!("[{}]", quoted.join(", "))
}

/// A note verbale with these lines in its heading, this act and these tables.
pub fn note(kind: &str, to: &[&str], consultation: &str, heading: &str, act: &str, tables: &str) -> String {
    format!(
        r#"kind = "{kind}"
to = {}
consultation = "{consultation}"
precedence = "ROUTINE"
level = "RESTRICTED"
form = "NOTE_VERBALE"
{heading}
[act]
{act}

[[text]]
id = "en"
language = "en"
standing = "OFFICIAL"
title = "Note verbale"
words = """
The Ministry presents its compliments to the Ministry and has the honour to write this note.
The Ministry avails itself of this opportunity to renew the assurances of its highest consideration.
"""
{tables}"#,
        list(to)
    )
}

/// A proposal to consult between these parties, each with its role.
pub fn proposal(to: &[&str], parties: &[(&str, &str)]) -> String {
    let each = |(code, role): &(&str, &str)| format!("{{ ministry = \"{code}\", roles = [\"{role}\"] }}");
    let parties: Vec<String> = parties.iter().map(each).collect();
    let act = format!(
        "subject = \"Prisoners of war: procedure\"\nopen_until_time = \"2026-12-20T10:00:00Z\"\nparties = [{}]",
        parties.join(", ")
    );
    note("consultation-proposal", to, "new", "", &act, "")
}

/// The acceptance of a proposal, of which the own copy is named.
pub fn acceptance(to: &[&str], consultation: &str, proposal: &str) -> String {
    let heading = format!("in_reply_to = \"{proposal}\"");
    note("consultation-reply", to, consultation, &heading, "reply = \"ACCEPT\"", "")
}

/// The registration of a case.
pub fn case(to: &[&str], consultation: &str, person: &str) -> String {
    let act = format!(
        "person = \"{person}\"\nstatus = \"PRISONER_OF_WAR\"\npower_of_origin = \"XD\"\n\
         information_bureau_notified = true\ncentral_agency_notified = true"
    );
    let caveats = "caveats = [\"PERSONAL_GC3_13\", \"HUMANITARIAN_PURPOSE_ONLY\"]";
    note("case-registration", to, consultation, caveats, &act, "")
}

/// A statement of will, made so many hours after the explanation; its documents are written into the folder.
pub fn statement(stage: &Stage, to: &[&str], consultation: &str, person: &str, hours: u32) -> String {
    statement_for("XA", stage, to, consultation, (person, hours))
}

/// The same for another destination.
pub fn statement_for(
    place: &str,
    stage: &Stage,
    to: &[&str],
    consultation: &str,
    (person, hours): (&str, u32),
) -> String {
    for name in ["statement.txt", "interpreter.txt"] {
        fs::write(stage.folder().join(name), format!("{name} of {hours} hours")).unwrap();
    }
    let now = chancery::time::Clock::now(&stage.clock);
    let informed = now.before(std::time::Duration::from_secs(3600 * u64::from(hours)));
    let act = format!(
        r#"person = "{person}"
information_time = "{informed}"
declaration_time = "{now}"
acceptable = [{{ kind = "NAMED_STATE", region_code = "{place}" }}]
mode = "HANDWRITTEN"
language_code = "ko-KP"
question_as_put = "어디로 가기를 원하십니까?"
answer_verbatim = "남쪽으로 가겠습니다."
information_given = ["ALL_OPTIONS_INCLUDING_REMAINING", "RIGHT_TO_WITHDRAW_UNTIL_HANDOVER",
  "EFFECT_ON_POW_STATUS", "RECEIVING_STATE_PROCEDURE", "WHO_WILL_BE_TOLD", "ICRC_ACCESS", "NO_REWARD_OR_PENALTY"]
attendees = [
  {{ function = "WITNESS", affiliation = "IC", neutral = true, co_signed = true }},
  {{ function = "WITNESS", affiliation = "XB", neutral = false, co_signed = true }},
  {{ function = "INTERPRETER", affiliation = "court", neutral = true, co_signed = true }},
]
freedom = "NO_INDICATION_OF_PRESSURE"
capacity = "FULL"
copy_given_to_person = true
no_waiver_of_rights = true
statement_document = "statement""#
    );
    let document = |id: &str, class: &str, language: &str| {
        format!(
            "\n[[document]]\nid = \"{id}\"\npath = \"{id}.txt\"\ntitle = \"Annex\"\nclass = \"{class}\"\n\
             language = \"{language}\"\nmedia_type = \"text/plain\"\n"
        )
    };
    let tables = document("statement", "WILL_STATEMENT", "ko-KP")
        + &document("interpreter", "INTERPRETER_CERTIFICATE", "en");
    let caveats = "caveats = [\"PERSONAL_GC3_13\", \"HUMANITARIAN_PURPOSE_ONLY\"]";
    note("expression-of-will", to, consultation, caveats, &act, &tables)
}

/// An assessment that clears a destination.
pub fn assessment(stage: &Stage, to: &[&str], consultation: &str, person: &str, place: &str) -> String {
    let now = chancery::time::Clock::now(&stage.clock);
    let until = now.after(std::time::Duration::from_secs(90 * 24 * 3600));
    let act = format!(
        "person = \"{person}\"\ndestination = {{ kind = \"NAMED_STATE\", region_code = \"{place}\" }}\n\
         finding = \"NO_SUBSTANTIAL_GROUNDS\"\nassessment_time = \"{now}\"\nvalid_until_time = \"{until}\"\n\
         onward_return_considered = true"
    );
    note("protection-assessment", to, consultation, "", &act, "")
}

/// An agreement of XA and XB under this id that sends a person to a place, by the acts that carry it.
pub fn agreement(
    stage: &Stage,
    consultation: &str,
    (id, person, place): (&str, &str, &str),
    [will, protection]: [&SentEntry; 2],
) -> String {
    let until = chancery::time::Clock::now(&stage.clock).after(std::time::Duration::from_secs(9 * 24 * 3600));
    let (will, protection) = (will.dispatch_digest.hex(), protection.dispatch_digest.hex());
    let act = format!(
        r#"open_until_time = "{until}"
[act.terms]
agreement_id = "{id}"
kind = "NON_BINDING_ARRANGEMENT"
route = "RELEASE_AND_SETTLEMENT"
lines = [{{ person = "{person}", destination = {{ kind = "NAMED_STATE", region_code = "{place}" }}, will_act = "{will}", protection_act = "{protection}" }}]
authentic_text_sha256 = [{}]
prevailing_language = "en"
entry_into_force = "ON_REPLY"
assurances = ["NO_ONWARD_RETURN"]
required_parties = ["XA", "XB"]
no_less_favourable_than_convention = true
"#,
        authentic_texts(stage)
    );
    concluding("agreement-note", "XA", consultation, &act)
}

/// XA replies to the agreement that it read last, in identical terms.
pub fn agreement_reply(stage: &Stage, consultation: &str) -> String {
    let read = stage.house("XA").read("@last").unwrap();
    let Some(Act::AgreementNote(note)) = read.act() else { panic!("another act") };
    let terms: String = note.terms.bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    let act = format!(
        "proposing_message = \"{}\"\nterms = \"{terms}\"\nauthentic_text_sha256 = [{}]",
        read.dispatch.digest().hex(),
        authentic_texts(stage)
    );
    concluding("agreement-reply", "XB", consultation, &act)
}

/// The digests of the authentic texts, which are written into the folder.
fn authentic_texts(stage: &Stage) -> String {
    let mut digests = ["en", "ko"].map(|language| {
        let words = format!("The agreement in {language}.");
        fs::write(stage.folder().join(format!("agreement-{language}.txt")), &words).unwrap();
        format!("\"{}\"", Digest::of(words.as_bytes()).hex())
    });
    digests.sort();
    digests.join(", ")
}

/// A first-person note that binds, with its authentic texts.
fn concluding(kind: &str, to: &str, consultation: &str, act: &str) -> String {
    let text = |language: &str| {
        format!(
            "\n[[document]]\nid = \"{language}\"\npath = \"agreement-{language}.txt\"\ntitle = \"Agreement\"\n\
             class = \"AGREEMENT_TEXT\"\nstanding = \"AUTHENTIC\"\nlanguage = \"{language}\"\n\
             media_type = \"text/plain\"\n"
        )
    };
    format!(
        "kind = \"{kind}\"\nto = [\"{to}\"]\nconsultation = \"{consultation}\"\nprecedence = \"ROUTINE\"\n\
         level = \"RESTRICTED\"\nform = \"FIRST_PERSON_NOTE\"\n\n[act]\n{act}\n{}{}",
        text("en"),
        text("ko")
    )
}

/// Three ministries with one channel among all of them.
pub async fn three() -> Stage {
    let stage = Stage::of(&["XA", "XB", "XC"]).await;
    let parties = ["XA", "XB", "XC"].map(ministry);
    stage.world.charter(&parties, Level::Confidential, false).await.unwrap();
    stage
}

/// Sends a form, and waits until all copies are delivered and fetched.
pub async fn conveys(stage: &Stage, from: &str, form: &str) -> Vec<SentEntry> {
    let sent = stage.send(from, form).await;
    arrives(stage, from, &sent).await;
    sent
}

/// Waits until all copies are delivered and fetched.
pub async fn arrives(stage: &Stage, from: &str, sent: &[SentEntry]) {
    for copy in sent {
        let settled = stage.settled(from, copy).await;
        assert_eq!(settled.state, chancery::desk::register::SentState::Delivered, "{}", settled.reason);
        stage.house(copy.recipient.as_str()).fetch().await.unwrap();
    }
}

/// XB proposes to all others to consult about those it holds, and they accept. The consultation.
pub async fn opened(stage: &Stage, others: &[&str]) -> String {
    let mut parties = vec![("XB", "DETAINING_POWER")];
    parties.extend(others.iter().map(|code| (*code, "RECEIVING_POWER")));
    let sent = conveys(stage, "XB", &proposal(others, &parties)).await;
    let consultation = sent[0].consultation.clone();
    for copy in &sent {
        let accepting = copy.recipient.as_str();
        let to: Vec<&str> = others.iter().copied().chain(["XB"]).filter(|code| *code != accepting).collect();
        conveys(stage, accepting, &acceptance(&to, &consultation, &copy.id.to_string())).await;
    }
    consultation
}

/// Sends a form against which rules stand, as a desk does that overrides its own.
pub async fn in_spite(stage: &Stage, from: &str, form: &str) -> Vec<SentEntry> {
    let house = stage.house(from);
    let desk = house.desk().unwrap();
    let trust = desk.trust().unwrap();
    let draft = parse(form, &IdsOnly).unwrap_or_else(|mistakes| panic!("{mistakes:?}\n{form}"));
    let mut composition = desk.compose(&trust, house.keys(), &draft, stage.folder(), None).unwrap();
    assert!(rules::forbids(&composition.findings), "nothing stands against it: {:?}", composition.findings);
    composition.findings.clear();
    desk.send(&trust, house.keys(), composition).await.unwrap()
}

/// The rules that a rejection names.
pub fn rules_of(act: &Act) -> Vec<String> {
    let Act::RuleRejection(rejection) = act else { panic!("no rejection") };
    let rules = rejection.refusals.iter().map(|refusal| refusal.rule.as_ref().unwrap().as_str().to_owned());
    let mut rules: Vec<String> = rules.collect();
    rules.sort();
    rules.dedup();
    rules
}
