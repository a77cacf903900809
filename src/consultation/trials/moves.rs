//! What the parties of a random history do: each move says one act to the product and the same to the model.

use std::collections::BTreeSet;

use serde_json::json;

use super::world::{DAY, World, hex, name_of, person_of, places, time};
use crate::consultation::act::{Act, ActKind};
use crate::consultation::acts::law::Destination;
use crate::consultation::acts::values::{ActRef, RegionCode, persons_digest};
use crate::consultation::codec::containers::Terms;
use crate::consultation::rules::drafts::text;
use crate::consultation::state::places::Spoken;
use crate::consultation::state::samples::{act, destination, person};
use crate::consultation::state::{commitments, departure, holds, protection, will};
use crate::digest::Digest;
use crate::message::terms::ActClass;

impl World {
    pub(super) fn state(&mut self, name: &str) {
        let wishes: [(&[&str], &[&str]); 4] = [
            (&["XA", "REMAIN"], &[]),
            (&["XA"], &["XD"]),
            (&["XA", "REMAIN"], &["XD"]),
            (&["REMAIN"], &["XA", "XD"]),
        ];
        let chosen = if self.careful { self.dice.below(3) } else { self.dice.below(8) };
        let (accepts, refuses) = wishes[(chosen as usize).min(4) % 4];
        let declared = self.minute - 30 * self.dice.below(3).min(self.minute / 30);
        let informed = declared.saturating_sub(if self.slips(6) { 60 } else { 26 * 60 });
        let (neutral, media) = (!self.slips(6), self.slips(10));
        let (waiver, lacking) = (self.slips(15), self.slips(15));
        let mut attendees = vec![("WITNESS", neutral), ("WITNESS", false), ("INTERPRETER", !self.slips(10))];
        if media {
            attendees.push(("MEDIA", false));
        }
        let listed: Vec<String> = attendees
            .iter()
            .enumerate()
            .map(|(index, (function, neutral))| {
                format!("{{ function = \"{function}\", affiliation = \"A{index}\", neutral = {neutral}, co_signed = true }}")
            })
            .collect();
        let fields = format!(
            r#"person = "{name}"
            information_time = "{}"
            declaration_time = "{}"
            acceptable = {}
            refused = {}
            mode = "HANDWRITTEN"
            language_code = "ko-KP"
            question_as_put = "어디로 가기를 원하십니까?"
            answer_verbatim = "남쪽으로 가겠습니다."
            information_given = ["ALL_OPTIONS_INCLUDING_REMAINING", "RIGHT_TO_WITHDRAW_UNTIL_HANDOVER",
                "EFFECT_ON_POW_STATUS", "RECEIVING_STATE_PROCEDURE", "WHO_WILL_BE_TOLD", "ICRC_ACCESS", "NO_REWARD_OR_PENALTY"]
            attendees = [{}]
            freedom = "NO_INDICATION_OF_PRESSURE"
            capacity = "{}"
            copy_given_to_person = true
            no_waiver_of_rights = {}
            statement_document = "statement""#,
            time(informed),
            time(declared),
            places(accepts),
            places(refuses),
            listed.join(", "),
            if lacking { "LACKING" } else { "FULL" },
            !waiver,
        );
        let told = json!({"person": name, "acceptable": accepts, "refused": refuses, "informed": informed,
            "declared": declared, "attendees": attendees, "informed_all": true, "waiver": waiver,
            "capacity": if lacking { "LACKING" } else { "FULL" }, "freedom": "NO_PRESSURE"});
        let force = self.dice.one_in(3);
        self.send("XB", act("expression-of-will", &fields), told, force);
    }

    pub(super) fn assess(&mut self, name: &str) {
        let grounds = self.slips(8);
        let finding = if grounds { "SUBSTANTIAL_GROUNDS" } else { "NO_SUBSTANTIAL_GROUNDS" };
        let fields = format!(
            "person = \"{name}\"\ndestination = {}\nfinding = \"{finding}\"\nassessment_time = \"{}\"\n\
             valid_until_time = \"{}\"\nonward_return_considered = true",
            destination("XA"),
            self.at(),
            time(self.minute + 400 * DAY)
        );
        let told =
            json!({"person": name, "dest": "XA", "finding": if grounds { "SUBSTANTIAL" } else { "NO" }});
        self.send("XB", act("protection-assessment", &fields), told, true);
    }

    pub(super) fn withdraw(&mut self, sender: &'static str, name: &str) {
        let declared = self.minute - self.dice.below(60);
        let fields = format!("person = \"{name}\"\ndeclaration_time = \"{}\"", time(declared));
        self.send(
            sender,
            act("will-withdrawal", &fields),
            json!({"person": name, "declared": declared}),
            true,
        );
    }

    pub(super) fn hearsay(&mut self, sender: &'static str, name: &str) {
        let adverse = self.dice.one_in(2);
        let refused = if adverse { destination("XA") } else { String::new() };
        let fields = format!("person = \"{name}\"\nsource = \"FAMILY\"\nrefused = [{refused}]");
        self.send(sender, act("will-indication", &fields), json!({"person": name, "adverse": adverse}), true);
    }

    /// By reason of will, so that no hold lapses; the model knows no lapse.
    pub(super) fn hold(&mut self, sender: &'static str, name: &str) {
        let fields = format!("persons = [\"{name}\"]\nreason = \"WILL\"");
        self.send(sender, act("hold-notice", &fields), json!({"persons": [name]}), true);
    }

    /// A hold that nobody lifted; now and then lifted by somebody else than who set it.
    pub(super) fn release(&mut self, sender: &'static str) {
        let book = &self.desks[sender];
        let past = book.everything();
        let mut all =
            [1, 2].into_iter().flat_map(|number| holds::holds(&past, &person(number), book.charter()));
        let Some(hold) = all.rfind(|hold| hold.lifted_by.is_none()) else { return };
        let (hold, setter) = (hold.registered.reference, hold.registered.sender.clone());
        let own = super::world::PARTIES.into_iter().find(|party| *party == setter.as_str());
        let by = if self.slips(3) { sender } else { own.unwrap_or(sender) };
        let fields = format!("hold_message = \"{}\"\nreason = \"settled\"", hex(hold));
        let told = json!({"hold": self.refs[&hex(hold)]});
        self.send(by, act("hold-release", &fields), told, true);
    }

    pub(super) fn expose(&mut self, sender: &'static str, name: &str) {
        let fields = format!(
            "incident_id = \"I-{}\"\npersons = [\"{name}\"]\nexposures = [\"FACE\"]\npublisher = \"NEWS_MEDIUM\"\n\
             locators = [{{ locator_id = \"l1\", url = \"https://news.example/17\" }}]\nfirst_seen_time = \"{}\"\n\
             compelling_public_interest_claimed = false\nrequested = [\"OBSCURE\"]\nreply_due_time = \"{}\"",
            self.minute,
            self.at(),
            time(self.minute + DAY)
        );
        self.send(sender, act("publicity-notice", &fields), json!({"persons": [name]}), true);
    }

    pub(super) fn request(&mut self, name: &str) {
        if self.reported {
            return;
        }
        let fields = format!(
            "persons = [\"{name}\"]\nroute = \"RELEASE_AND_SETTLEMENT\"\ndestination = {}\n\
             legal_basis = [{{ instrument = \"GC-III-1949\", provision = \"Art. 118\" }}]\n\
             supporting_documents = [\"application\"]\nassurances_message = \"{}\"",
            destination("XA"),
            Digest::of(b"assurances")
        );
        let force = self.dice.one_in(10);
        self.send("XA", act("transfer-request", &fields), json!({"persons": [name]}), force);
    }

    pub(super) fn propose(&mut self, name: &str) {
        if self.reported {
            return;
        }
        let id = format!("A-{}", self.sent.len());
        let (late, worse) = (self.slips(4), self.slips(20));
        let book = &self.desks["XB"];
        let (past, person) = (book.everything(), person_of(name));
        let place = Destination::NamedState(RegionCode::parse("XA").unwrap());
        let relied = will::towards(&past, &person, Spoken::now(&place), self.at(), book.charter()).statement;
        let relied = relied.map_or(ActRef::new(Digest::of(b"none")), |one| one.registered.reference);
        let assessed =
            protection::protection(&past, &person, Spoken::now(&place), self.at(), book.charter()).assessment;
        let assessed = assessed.map_or(ActRef::new(Digest::of(b"none")), |one| one.reference);
        let until = self.minute + if late { 60 } else { 30 * DAY };
        let fields = format!(
            r#"open_until_time = "{}"
            [terms]
            agreement_id = "{id}"
            kind = "NON_BINDING_ARRANGEMENT"
            route = "RELEASE_AND_SETTLEMENT"
            lines = [{{ person = "{name}", destination = {}, will_act = "{}", protection_act = "{}" }}]
            authentic_text_sha256 = ["{}", "{}"]
            prevailing_language = "en"
            entry_into_force = "ON_REPLY"
            assurances = ["NO_ONWARD_RETURN"]
            required_parties = ["XA", "XB"]
            no_less_favourable_than_convention = {}"#,
            time(until),
            destination("XA"),
            hex(relied),
            hex(assessed),
            text("ko"),
            text("en"),
            !worse,
        );
        let act = act("agreement-note", &fields);
        let Act::AgreementNote(note) = &act else { return };
        let terms = json!({"id": id, "lines": [[name, "XA"]], "route": "RELEASE_AND_SETTLEMENT",
            "art6": note.terms.no_less_favourable_than_convention.0});
        let told = json!({"terms": terms, "terms_bytes": note.terms.digest().hex(), "texts": ["ko", "en"],
            "until": until, "conclude": true});
        let force = self.dice.one_in(10);
        self.send("XB", act, told, force);
    }

    pub(super) fn reply(&mut self) {
        let notes = self.known("XA", ActKind::AgreementNote);
        let Some(reference) = notes.last().copied() else { return };
        let past = self.desks["XA"].everything();
        let Some(Act::AgreementNote(note)) = past.find(reference).and_then(|one| one.act.clone()) else {
            return;
        };
        let mut bytes = Terms::bytes(&note.terms);
        let mut texts = vec!["ko", "en"];
        if self.slips(8) {
            bytes.push(0);
        }
        if self.slips(8) {
            texts.pop();
        }
        let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let listed: Vec<String> = texts.iter().map(|one| format!("\"{}\"", text(one))).collect();
        let fields = format!(
            "proposing_message = \"{}\"\nterms = \"{digits}\"\nauthentic_text_sha256 = [{}]",
            hex(reference),
            listed.join(", ")
        );
        let told = json!({"to": self.refs[&hex(reference)], "terms_bytes": Digest::of(&bytes).hex(),
            "texts": texts, "conclude": true});
        let force = self.dice.one_in(10);
        self.send("XA", act("agreement-reply", &fields), told, force);
    }

    pub(super) fn arrange(&mut self) {
        let book = &self.desks["XB"];
        let past = book.everything();
        let taken = past.of_kind(ActKind::HandoverArrangement).next().is_some();
        let mut agreed =
            [1, 2].into_iter().flat_map(|number| commitments::agreements_of(&past, &person(number)));
        let Some(agreed) = agreed.next_back() else { return };
        if taken || self.reported {
            return;
        }
        let (agreement, line) =
            (agreed.terms().agreement_id.as_str().to_owned(), agreed.terms().lines.iter().next());
        let Some(name) = line.map(|line| name_of(&line.person)) else { return };
        let other = self.slips(8);
        let name = match (other, name) {
            (true, "P1") => "P2",
            (true, _) => "P1",
            (false, name) => name,
        };
        // The window opens before the day of the departure comes, and stays open for long.
        let start = self.minute + DAY / 2;
        let told_at = start - if self.slips(6) { DAY / 2 } else { DAY };
        let digest = persons_digest(&[person_of(name)]);
        let fields = format!(
            "arrangement_id = \"H-1\"\nagreement_id = \"{agreement}\"\nwindow_start_time = \"{}\"\n\
             window_end_time = \"{}\"\nplace_code = \"EAGLE\"\npersons = [\"{name}\"]\npersons_sha256 = \"{digest}\"\n\
             transport = \"one bus\"\nperson_notice_time = \"{}\"\nroutine_documents = [\"inventory\"]",
            time(start),
            time(start + 6 * DAY),
            time(told_at)
        );
        let told =
            json!({"arr": "H-1", "agr": agreement, "persons": [name], "window": start, "notice": told_at});
        self.send("XB", act("handover-arrangement", &fields), told, false);
    }

    pub(super) fn confirm(&mut self) {
        let all = self.known("XA", ActKind::HandoverArrangement);
        let Some(reference) = all.last().copied() else { return };
        let past = self.desks["XA"].everything();
        let Some(Act::HandoverArrangement(arranged)) = past.find(reference).and_then(|one| one.act.clone())
        else {
            return;
        };
        let fields = format!(
            "arrangement_id = \"H-1\"\narrangement = \"{}\"\npersons_sha256 = \"{}\"\nreply = \"ACCEPT\"",
            hex(reference),
            arranged.persons_sha256
        );
        let persons: Vec<&str> = arranged.persons.iter().map(name_of).collect();
        let told = json!({"arr": "H-1", "reply": "ACCEPT", "persons": persons});
        let force = self.dice.one_in(10);
        self.send("XA", act("handover-confirmation", &fields), told, force);
    }

    pub(super) fn certify(&mut self, name: &str) {
        let decision = if self.slips(4) { "UNFIT" } else { "FIT" };
        let fields = format!(
            "person = \"{name}\"\nkind = \"FITNESS_TO_TRAVEL\"\nexamination_time = \"{}\"\ndecision = \"{decision}\"\n\
             certificate_document = \"certificate\"",
            self.at()
        );
        let told = json!({"person": name, "med_kind": "FITNESS", "decision": decision});
        self.send("XB", act("medical-finding", &fields), told, true);
    }

    /// What a court says of a person.
    pub(super) fn court(&mut self, name: &str) {
        let consent = self.dice.one_in(2);
        let state = ["PENDING", "CONVICTED", "NONE"][self.dice.below(3) as usize];
        let state = if self.careful { "NONE" } else { state };
        let fields =
            format!("person = \"{name}\"\nstate = \"{state}\"\nwritten_consent_to_exchange = {consent}");
        let told = json!({"person": name, "state": state, "consent": consent});
        self.send("XB", act("judicial-status", &fields), told, true);
    }

    pub(super) fn no_go(&mut self, sender: &'static str) {
        let fields = format!("arrangement_id = \"H-1\"\ngo = false\ntime = \"{}\"", self.at());
        self.send(sender, act("go-no-go", &fields), json!({"arr": "H-1", "go": false}), true);
    }

    pub(super) fn go(&mut self, sender: &'static str) {
        let book = &self.desks[sender];
        if commitments::arrangement(&book.everything(), &Self::arrangement()).is_none() {
            return;
        }
        let marks: Vec<String> = book
            .synced_to()
            .iter()
            .map(|(ministry, number)| format!("{{ ministry = \"{ministry}\", act_number = {number} }}"))
            .collect();
        let protective = book.everything().acts().filter(|one| one.class == ActClass::Protective);
        let protective: BTreeSet<ActRef> = protective.map(|one| one.reference).collect();
        let named =
            departure::protective_acts(&book.everything(), &Self::arrangement(), self.at(), book.charter());
        let named: Vec<String> = named.iter().map(|one| format!("\"{}\"", hex(*one))).collect();
        let fields = format!(
            "arrangement_id = \"H-1\"\ngo = true\nsynced_to = [{}]\ntime = \"{}\"\nprotective_acts = [{}]",
            marks.join(", "),
            self.at(),
            named.join(", ")
        );
        let sent = self.send(sender, act("go-no-go", &fields), json!({"arr": "H-1", "go": true}), true);
        if let Some(reference) = sent {
            self.recorded.insert((sender, hex(reference)), protective);
        }
    }

    pub(super) fn report(&mut self, sender: &'static str) {
        let book = &self.desks[sender];
        let past = book.everything();
        let Some(arranged) = commitments::arrangement(&past, &Self::arrangement()) else { return };
        let Some(name) = arranged.act.persons.iter().next().map(name_of) else { return };
        let outcomes = ["HANDED_OVER", "HANDED_OVER", "SUBSTITUTED", "DECLINED_BY_PERSON"];
        let outcome = outcomes[self.dice.below(4) as usize];
        let fields = format!(
            "arrangement_id = \"H-1\"\nhandover_time = \"{}\"\nplace_code = \"EAGLE\"\n\
             lines = [{{ person = \"{name}\", outcome = \"{outcome}\", final_question_put = true }}]",
            self.at()
        );
        let told = json!({"arr": "H-1", "lines": [[name, outcome]], "hand_time": self.minute, "place": "EAGLE",
            "effects": "e1", "observer": sender == "IC"});
        self.reported = true;
        self.send(sender, act("handover-report", &fields), told, true);
    }
}
