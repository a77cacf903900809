//! What the Powers of a scene say, each in one call: statements, assessments, agreements, arrangements and reports,
//! with the fields that a test does not care about.

use std::time::Duration;

use super::texts::list_digest;
use super::{DAY, Scene, act, destination, stated};
use crate::consultation::act::Act;
use crate::digest::Digest;

impl Scene {
    /// A statement of will that was declared just now.
    pub(crate) fn state(&mut self, sender: &str, person: &str, accepts: &[&str], refuses: &[&str]) -> String {
        let fields = self.statement(person, accepts, refuses);
        self.say(sender, "expression-of-will", &fields)
    }

    /// The fields of a statement that was declared just now.
    pub(crate) fn statement(&self, person: &str, accepts: &[&str], refuses: &[&str]) -> String {
        stated(self.at, person, accepts, refuses)
    }

    /// An assessment of XB, made now.
    pub(crate) fn assess(&mut self, person: &str, place: &str, finding: &str) -> String {
        self.assess_by("XB", person, place, finding)
    }

    pub(crate) fn assess_by(&mut self, sender: &str, person: &str, place: &str, finding: &str) -> String {
        let fields = format!(
            r#"person = "{person}"
            destination = {}
            finding = "{finding}"
            assessment_time = "{}"
            valid_until_time = "{}"
            onward_return_considered = true"#,
            destination(place),
            self.at,
            self.at.after(Duration::from_secs(400 * DAY)),
        );
        self.say(sender, "protection-assessment", &fields)
    }

    /// A round by which XB would send the first person to XA for nobody, open for a week; the digest of its terms.
    pub(crate) fn propose_exchange(&mut self) -> String {
        let fields = format!(
            "proposal_id = \"X-1\"\nround = 1\nopen_until_time = \"{}\"\n[terms]\nformula = \"FIXED_N_FOR_M\"\n\
             proposing_party = \"XB\"\nreceiving_party = \"XA\"\n\
             to_receiving_party = [{{ person = \"P1\", category = \"GENERAL\" }}]\nto_proposing_party = []\nn = 1\nm = 0",
            self.at.after(Duration::from_secs(7 * DAY))
        );
        let Act::ExchangeProposal(proposal) = act("exchange-proposal", &fields) else { panic!() };
        self.say("XB", "exchange-proposal", &fields);
        proposal.terms.digest().hex()
    }

    /// An agreement by note of XB and reply of XA.
    pub(crate) fn agree(&mut self, id: &str, person: &str, place: &str) -> (String, String) {
        let note = self.note(id, person, place, "RELEASE_AND_SETTLEMENT");
        let reply = self.reply(&note);
        (note, reply)
    }

    /// A reply of XA that concludes what this note proposes.
    pub(crate) fn reply(&mut self, note: &str) -> String {
        let digest = Digest::of(b"text").hex();
        let fields =
            format!("proposing_message = \"{note}\"\nterms = \"0a\"\nauthentic_text_sha256 = [\"{digest}\"]");
        self.say("XA", "agreement-reply", &fields)
    }

    pub(crate) fn note(&mut self, id: &str, person: &str, place: &str, route: &str) -> String {
        let fields = self.note_fields(id, person, place, route);
        self.say("XB", "agreement-note", &fields)
    }

    pub(crate) fn note_fields(&self, id: &str, person: &str, place: &str, route: &str) -> String {
        let digest = Digest::of(b"text").hex();
        format!(
            r#"open_until_time = "{}"
            [terms]
            agreement_id = "{id}"
            kind = "NON_BINDING_ARRANGEMENT"
            route = "{route}"
            lines = [{{ person = "{person}", destination = {}, will_act = "{digest}", protection_act = "{digest}" }}]
            authentic_text_sha256 = ["{digest}"]
            prevailing_language = "en"
            entry_into_force = "ON_REPLY"
            assurances = ["NO_ONWARD_RETURN"]
            required_parties = ["XA", "XB"]
            no_less_favourable_than_convention = true"#,
            self.at.after(Duration::from_secs(30 * DAY)),
            destination(place),
        )
    }

    /// An arrangement of XB that XA confirmed.
    pub(crate) fn arrange(&mut self, id: &str, agreement: &str, person: &str) -> String {
        let fields = format!(
            r#"arrangement_id = "{id}"
            agreement_id = "{agreement}"
            window_start_time = "{}"
            window_end_time = "{}"
            place_code = "EAGLE"
            persons = ["{person}"]
            persons_sha256 = "{}"
            transport = "one bus"
            person_notice_time = "{}""#,
            self.at.after(Duration::from_secs(3 * DAY)),
            self.at.after(Duration::from_secs(4 * DAY)),
            list_digest(person),
            self.at.after(Duration::from_secs(DAY)),
        );
        let arrangement = self.say("XB", "handover-arrangement", &fields);
        self.confirm(id, &arrangement, person, "ACCEPT");
        arrangement
    }

    pub(crate) fn confirm(&mut self, id: &str, arrangement: &str, person: &str, reply: &str) -> String {
        let fields = format!(
            "arrangement_id = \"{id}\"\narrangement = \"{arrangement}\"\npersons_sha256 = \"{}\"\nreply = \"{reply}\"",
            list_digest(person)
        );
        self.say("XA", "handover-confirmation", &fields)
    }

    /// A certificate of fitness of XB, made now.
    pub(crate) fn certify(&mut self, person: &str, decision: &str) -> String {
        let fields = format!(
            r#"person = "{person}"
            kind = "FITNESS_TO_TRAVEL"
            examination_time = "{}"
            decision = "{decision}"
            certificate_document = "certificate""#,
            self.at
        );
        self.say("XB", "medical-finding", &fields)
    }

    pub(crate) fn go(&mut self, sender: &str, go: bool) -> String {
        let fields = format!("arrangement_id = \"H-1\"\ngo = {go}\ntime = \"{}\"", self.at);
        self.say(sender, "go-no-go", &fields)
    }

    /// A report of a handover under H-1 that took place now.
    pub(crate) fn report(&mut self, sender: &str, person: &str, outcome: &str) -> String {
        let fields = format!(
            r#"arrangement_id = "H-1"
            handover_time = "{}"
            place_code = "EAGLE"
            lines = [{{ person = "{person}", outcome = "{outcome}", final_question_put = true }}]"#,
            self.at
        );
        self.say(sender, "handover-report", &fields)
    }
}
