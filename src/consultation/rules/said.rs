//! The fields of acts as TOML, for the tables of the rule tests and the scenarios.

use std::time::Duration;

use crate::consultation::act::Act;
use crate::consultation::acts::values::persons_digest;
use crate::consultation::reference::PersonRef;
use crate::consultation::rules::drafts::text;
use crate::consultation::state::samples::{DAY, HOUR, act, destination};
use crate::digest::Digest;
use crate::time::Timestamp;

/// Persons of the scenarios, after those that `act` knows by a short name.
pub(super) const OTHERS: [&str; 5] =
    ["P-1A2B-3C4D-5E6N", "P-2B3C-4D5E-6F7P", "P-3C4D-5E6F-7G8R", "P-4D5E-6F7G-8H9G", "P-5E6F-7G8H-9JAF"];

/// An instant so many hours later.
pub(super) fn in_hours(at: Timestamp, hours: u64) -> Timestamp {
    at.after(Duration::from_secs(hours * HOUR))
}

/// The case of a person.
pub(super) fn case_of(person: &str, status: &str, origin: &str) -> String {
    format!(
        r#"person = "{person}"
        status = "{status}"
        power_of_origin = "{origin}"
        information_bureau_notified = true
        central_agency_notified = true"#
    )
}

/// A statement that qualifies, made now.
pub(super) fn statement(at: Timestamp, person: &str, accepts: &[&str], refuses: &[&str]) -> String {
    let places = |all: &[&str]| all.iter().map(|place| destination(place)).collect::<Vec<_>>().join(", ");
    let informed = at.before(Duration::from_secs(26 * HOUR));
    format!(
        r#"person = "{person}"
        information_time = "{informed}"
        declaration_time = "{at}"
        acceptable = [{}]
        refused = [{}]
        mode = "HANDWRITTEN"
        language_code = "ko-KP"
        question_as_put = "어디로 가기를 원하십니까?"
        answer_verbatim = "남쪽으로 가겠습니다."
        information_given = ["ALL_OPTIONS_INCLUDING_REMAINING", "RIGHT_TO_WITHDRAW_UNTIL_HANDOVER",
            "EFFECT_ON_POW_STATUS", "RECEIVING_STATE_PROCEDURE", "WHO_WILL_BE_TOLD", "ICRC_ACCESS",
            "NO_REWARD_OR_PENALTY"]
        attendees = [
            {{ function = "WITNESS", affiliation = "IC", neutral = true, co_signed = true }},
            {{ function = "WITNESS", affiliation = "XB", neutral = false, co_signed = true }},
            {{ function = "INTERPRETER", affiliation = "court", neutral = true, co_signed = true }},
        ]
        freedom = "NO_INDICATION_OF_PRESSURE"
        capacity = "FULL"
        copy_given_to_person = true
        no_waiver_of_rights = true
        statement_document = "statement""#,
        places(accepts),
        places(refuses),
    )
}

/// An assessment made now.
pub(super) fn assessment(at: Timestamp, person: &str, place: &str, finding: &str) -> String {
    format!(
        r#"person = "{person}"
        destination = {}
        finding = "{finding}"
        assessment_time = "{at}"
        valid_until_time = "{}"
        onward_return_considered = true"#,
        destination(place),
        at.after(Duration::from_secs(400 * DAY)),
    )
}

/// A line of an agreement.
pub(super) struct Line<'a> {
    pub(super) person: &'a str,
    pub(super) place: &'a str,
    pub(super) will: &'a str,
    pub(super) protection: &'a str,
}

/// A note that proposes an agreement between two parties, open for thirty days.
pub(super) fn note(at: Timestamp, id: &str, route: &str, parties: [&str; 2], lines: &[Line<'_>]) -> String {
    let lines: Vec<String> = lines
        .iter()
        .map(|line| {
            let (person, place) = (line.person, destination(line.place));
            let (will, protection) = (line.will, line.protection);
            format!(
                "{{ person = \"{person}\", destination = {place}, will_act = \"{will}\", protection_act = \"{protection}\" }}"
            )
        })
        .collect();
    format!(
        r#"open_until_time = "{}"
        [terms]
        agreement_id = "{id}"
        kind = "NON_BINDING_ARRANGEMENT"
        route = "{route}"
        lines = [{}]
        authentic_text_sha256 = [{}]
        prevailing_language = "en"
        entry_into_force = "ON_REPLY"
        assurances = ["NO_ONWARD_RETURN"]
        required_parties = ["{}", "{}"]
        no_less_favourable_than_convention = true"#,
        at.after(Duration::from_secs(30 * DAY)),
        lines.join(", "),
        texts(&["ko", "uk", "en"]),
        parties[0],
        parties[1],
    )
}

/// A reply that repeats the terms of a note.
pub(super) fn reply(reference: &str, note: &str, languages: &[&str]) -> String {
    let Act::AgreementNote(note) = act("agreement-note", note) else { panic!("no note") };
    let terms: String = note.terms.bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    let texts = texts(languages);
    format!("proposing_message = \"{reference}\"\nterms = \"{terms}\"\nauthentic_text_sha256 = [{texts}]")
}

fn texts(languages: &[&str]) -> String {
    languages.iter().map(|one| format!("\"{}\"", text(one).hex())).collect::<Vec<_>>().join(", ")
}

/// An arrangement whose persons are told a day before.
pub(super) fn arrangement(
    at: Timestamp,
    id: &str,
    agreement: &str,
    persons: &[&str],
    hours_until: u64,
) -> String {
    format!(
        r#"arrangement_id = "{id}"
        agreement_id = "{agreement}"
        window_start_time = "{}"
        window_end_time = "{}"
        place_code = "EAGLE"
        persons = [{}]
        persons_sha256 = "{}"
        transport = "one bus"
        person_notice_time = "{}"
        routine_documents = ["effects inventory"]"#,
        in_hours(at, hours_until),
        in_hours(at, hours_until + 24),
        persons.iter().map(|person| format!("\"{person}\"")).collect::<Vec<_>>().join(", "),
        list_digest(persons),
        in_hours(at, hours_until.saturating_sub(24)),
    )
}

/// A confirmation of an arrangement.
pub(super) fn confirmation(id: &str, arrangement: &str, persons: &[&str]) -> String {
    let digest = list_digest(persons);
    format!(
        "arrangement_id = \"{id}\"\narrangement = \"{arrangement}\"\npersons_sha256 = \"{digest}\"\nreply = \"ACCEPT\""
    )
}

/// The digest of a list of persons.
pub(super) fn list_digest(persons: &[&str]) -> String {
    let full = |person: &&str| {
        match *person {
            "P1" => "P-7QK4-M2XD-9WTV",
            "P2" => "P-3HN8-ZC6V-5JF2",
            "P3" => "P-9RB2-T7GE-1KYT",
            full => full,
        }
        .to_owned()
    };
    let mut refs: Vec<PersonRef> =
        persons.iter().map(|person| PersonRef::parse(&full(person)).unwrap()).collect();
    refs.sort();
    persons_digest(&refs).hex()
}

/// A certificate of fitness, made now.
pub(super) fn fitness(at: Timestamp, person: &str) -> String {
    format!(
        r#"person = "{person}"
        kind = "FITNESS_TO_TRAVEL"
        examination_time = "{at}"
        decision = "FIT"
        certificate_document = "certificate""#
    )
}

/// A GO.
pub(super) fn go(at: Timestamp, id: &str) -> String {
    format!("arrangement_id = \"{id}\"\ngo = true\ntime = \"{at}\"")
}

/// A report: each person with what became of him.
pub(super) fn report(handover: Timestamp, id: &str, lines: &[(&str, &str)]) -> String {
    let lines: Vec<String> = lines
        .iter()
        .map(|(person, outcome)| {
            format!("{{ person = \"{person}\", outcome = \"{outcome}\", final_question_put = true }}")
        })
        .collect();
    format!(
        r#"arrangement_id = "{id}"
        handover_time = "{handover}"
        place_code = "EAGLE"
        effects_inventory_sha256 = "{}"
        lines = [{}]"#,
        Digest::of(b"effects").hex(),
        lines.join(", "),
    )
}

/// A round of an exchange between XB, which proposed it, and the other party.
pub(super) struct Round<'a> {
    pub(super) number: u32,
    pub(super) supersedes: Option<Digest>,
    pub(super) other: &'a str,
    pub(super) out: &'a [&'a str],
    pub(super) back: &'a [&'a str],
}

impl Round<'_> {
    /// The fields of its act.
    pub(super) fn fields(&self, at: Timestamp, id: &str) -> String {
        let lines = |persons: &[&str]| {
            let line = |person: &&str| format!("{{ person = \"{person}\", category = \"GENERAL\" }}");
            persons.iter().map(line).collect::<Vec<_>>().join(", ")
        };
        let supersedes = self
            .supersedes
            .map(|one| format!("supersedes_terms_sha256 = \"{}\"\n", one.hex()))
            .unwrap_or_default();
        format!(
            r#"proposal_id = "{id}"
            round = {}
            {supersedes}open_until_time = "{}"
            [terms]
            formula = "FIXED_N_FOR_M"
            proposing_party = "XB"
            receiving_party = "{}"
            to_receiving_party = [{}]
            to_proposing_party = [{}]
            n = {}
            m = {}"#,
            self.number,
            at.after(Duration::from_secs(7 * DAY)),
            self.other,
            lines(self.out),
            lines(self.back),
            self.out.len(),
            self.back.len(),
        )
    }
}

/// The digest of the terms of an exchange proposal.
pub(super) fn terms_digest(fields: &str) -> Digest {
    match act("exchange-proposal", fields) {
        Act::ExchangeProposal(act) => act.terms.digest(),
        _ => panic!("no proposal"),
    }
}

/// A verification of each line.
pub(super) fn verification(terms: Digest, findings: &[(&str, &str)]) -> String {
    let lines: Vec<String> = findings
        .iter()
        .map(|(person, result)| format!("{{ person = \"{person}\", result = \"{result}\" }}"))
        .collect();
    format!("terms_sha256 = \"{}\"\nfindings = [{}]", terms.hex(), lines.join(", "))
}

/// An acceptance of terms.
pub(super) fn acceptance(id: &str, terms: Digest) -> String {
    format!("proposal_id = \"{id}\"\nterms_sha256 = \"{}\"\nreply = \"ACCEPT\"", terms.hex())
}

/// A notice of publicity about a person.
pub(super) fn publicity(at: Timestamp, person: &str) -> String {
    format!(
        r#"incident_id = "I-1"
        persons = ["{person}"]
        exposures = ["FACE", "FAMILY"]
        publisher = "NEWS_MEDIUM"
        locators = [{{ locator_id = "L1", url = "https://news.example/1", content_sha256 = "{}" }},
            {{ locator_id = "L2", url = "https://news.example/2" }}]
        first_seen_time = "{at}"
        compelling_public_interest_claimed = false
        requested = ["OBSCURE", "HOLD_FURTHER_PUBLICATION"]
        reply_due_time = "{}""#,
        Digest::of(b"picture").hex(),
        in_hours(at, 24),
    )
}

/// What came of the locators of such a notice.
pub(super) fn takedown(at: Timestamp, results: &[(&str, &str)]) -> String {
    let results: Vec<String> = results
        .iter()
        .map(|(id, result)| {
            format!("{{ locator_id = \"{id}\", result = \"{result}\", check_time = \"{at}\" }}")
        })
        .collect();
    format!("incident_id = \"I-1\"\nresults = [{}]", results.join(", "))
}
