//! A scene for tests of states: three Powers' acts, said in a few words of TOML and registered at once.
//!
//! Every act knows all before it, unless a test says otherwise; nothing stands against it, unless a test says so.

use std::time::Duration;

use crate::consultation::act::Act;
use crate::consultation::acts::values::ActRef;
use crate::consultation::charter::Charter;
use crate::consultation::history::{History, Past};
use crate::consultation::registered::{Marks, Missing, Registered, Verdict};
use crate::consultation::rules::table::Rule;
use crate::digest::Digest;
use crate::message::terms::{ActClass, Form, Level, Precedence};
use crate::time::Timestamp;
use crate::trust::name::{Ministry, Name};

mod texts;

use texts::list_digest;
pub(crate) use texts::{INCIDENT, act, case, destination, ministry, person, stated};

pub(crate) const HOUR: u64 = 3_600;
pub(crate) const DAY: u64 = 24 * HOUR;

/// XB holds, XA receives, IC observes.
pub(crate) struct Scene {
    history: History,
    charter: Charter,
    at: Timestamp,
    marks: Marks,
    knowing: Option<Marks>,
    only: Option<Ministry>,
    against: Vec<Rule>,
    relayed: bool,
    precedence: Precedence,
    signed_by: Vec<&'static str>,
    keys: Option<Vec<Digest>>,
    count: u64,
}

impl Scene {
    /// A consultation that XB proposed and nobody accepted.
    pub(crate) fn proposed() -> Self {
        let mut scene = Self::unsaid();
        scene.say(
            "XB",
            "consultation-proposal",
            r#"
            consultation = "C-3HN8-ZC6V-5JF2"
            subject = "Prisoners of war: procedure"
            parties = [{ ministry = "IC", roles = ["ICRC"] }, { ministry = "XA", roles = ["RECEIVING_POWER"] },
                { ministry = "XB", roles = ["DETAINING_POWER"] }]
            open_until_time = "2026-12-02T10:00:00Z""#,
        );
        scene
    }

    /// Nothing said yet.
    pub(crate) fn unsaid() -> Self {
        Self {
            history: History::default(),
            charter: Charter::default_for(["IC", "XA", "XB"].map(ministry)),
            at: Timestamp::parse("2026-11-22T10:00:00Z").unwrap(),
            marks: Marks::default(),
            knowing: None,
            only: None,
            against: Vec::new(),
            relayed: false,
            precedence: Precedence::Routine,
            signed_by: Vec::new(),
            keys: None,
            count: 0,
        }
    }

    /// The same, accepted by XA.
    pub(crate) fn opened() -> Self {
        let mut scene = Self::proposed();
        scene.say("XA", "consultation-reply", "reply = \"ACCEPT\"");
        scene
    }

    /// The same with the case of the first person, a statement of his for XA, and its protection assessed.
    pub(crate) fn ready() -> Self {
        let mut scene = Self::opened();
        scene.say("XB", "case-registration", &case("P1"));
        scene.state("XB", "P1", &["XA"], &["XD"]);
        scene.assess("P1", "XA", "NO_SUBSTANTIAL_GROUNDS");
        scene.assess("P1", "XD", "SUBSTANTIAL_GROUNDS");
        scene
    }

    /// The same, agreed under A-1.
    pub(crate) fn agreed() -> Self {
        let mut scene = Self::ready();
        scene.agree("A-1", "P1", "XA");
        scene
    }

    /// The same, arranged under H-1 for three days from now.
    pub(crate) fn arranged() -> Self {
        let mut scene = Self::agreed();
        scene.arrange("H-1", "A-1", "P1");
        scene
    }

    /// The same on the day, with everything that departure asks for.
    pub(crate) fn cleared() -> Self {
        let mut scene = Self::arranged();
        scene.wait(3 * DAY);
        scene.state("XB", "P1", &["XA"], &["XD"]);
        scene.certify("P1", "FIT");
        scene.go("XB", true);
        scene.go("XA", true);
        scene
    }

    /// Says an act that knows everything, and gives its reference.
    pub(crate) fn say(&mut self, sender: &str, kind: &str, fields: &str) -> String {
        let number = self.marks.number(&ministry(sender)) + 1;
        self.register(sender, number, kind, fields)
    }

    /// Says an act that does not go to all Powers.
    pub(crate) fn say_unnumbered(&mut self, sender: &str, kind: &str, fields: &str) -> String {
        self.register(sender, 0, kind, fields)
    }

    /// The next act goes to this ministry alone.
    pub(crate) fn to(&mut self, ministry: &str) -> &mut Self {
        self.only = Some(self::ministry(ministry));
        self
    }

    fn tells(&self, ministry: &Ministry) -> bool {
        self.only.as_ref().is_none_or(|only| only == ministry)
    }

    /// The next act knows only these acts of others.
    pub(crate) fn knowing(&mut self, marks: &Marks) -> &mut Self {
        self.knowing = Some(marks.clone());
        self
    }

    /// This rule stands against the next act.
    pub(crate) fn against(&mut self, rule: Rule) -> &mut Self {
        self.against.push(rule);
        self
    }

    /// The next act conveys what a Power says that is not connected.
    pub(crate) fn relaying(&mut self) -> &mut Self {
        self.relayed = true;
        self
    }

    /// This office signs the next act, besides those named before.
    pub(crate) fn by(&mut self, office: &'static str) -> &mut Self {
        self.signed_by.push(office);
        self
    }

    /// These keys signed the next act, whatever it lists; otherwise each office has its own.
    pub(crate) fn with_keys(&mut self, keys: &[&str]) -> &mut Self {
        self.keys = Some(keys.iter().map(|key| Digest::of(key.as_bytes())).collect());
        self
    }

    /// From now on acts bear this precedence.
    pub(crate) fn urge(&mut self, precedence: Precedence) {
        self.precedence = precedence;
    }

    /// Moves the clock by seconds.
    pub(crate) fn wait(&mut self, seconds: u64) {
        self.at = self.at.after(Duration::from_secs(seconds));
    }

    /// Whoever speaks next has a clock that is behind by seconds.
    pub(crate) fn set_back(&mut self, seconds: u64) {
        self.at = self.at.before(Duration::from_secs(seconds));
    }

    pub(crate) fn at(&self) -> Timestamp {
        self.at
    }

    pub(crate) fn marks(&self) -> Marks {
        self.marks.clone()
    }

    pub(crate) fn last(&self, sender: &str) -> u64 {
        self.marks.number(&ministry(sender))
    }

    /// Acts of this ministry are known to exist and are not here.
    pub(crate) fn lacks(&mut self, sender: &str, first: u64, last: u64) {
        self.history.note_missing(vec![Missing { ministry: ministry(sender), first, last }]);
    }

    /// This ministry gave the number to another act too.
    pub(crate) fn doubled(&mut self, sender: &str, number: u64) {
        self.history.note_equivocation(&ministry(sender), number);
    }

    pub(crate) fn history(&self) -> &History {
        &self.history
    }

    pub(crate) fn charter(&self) -> &Charter {
        &self.charter
    }

    /// Asks everything that was said.
    pub(crate) fn asks<'s, T>(&'s self, question: impl Fn(&Past<'s>, Timestamp, &Charter) -> T) -> T {
        question(&self.history.everything(), self.at, &self.charter)
    }

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

    /// An act of a kind that this release does not know.
    pub(crate) fn say_unreadable(&mut self, sender: &str, kind: &str, class: ActClass) -> String {
        let number = self.marks.number(&ministry(sender)) + 1;
        self.file(sender, number, (kind, class), None)
    }

    fn register(&mut self, sender: &str, number: u64, kind: &str, fields: &str) -> String {
        let act = act(kind, fields);
        self.file(sender, number, (act.kind(), act.class()), Some(act))
    }

    fn file(
        &mut self,
        sender: &str,
        number: u64,
        (kind, class): (&str, ActClass),
        act: Option<Act>,
    ) -> String {
        let sender = ministry(sender);
        self.count += 1;
        let own_keys = self.signed_by.iter().map(|label| Digest::of(label.as_bytes()));
        let hands = self.keys.take().unwrap_or_else(|| own_keys.collect());
        let reference = ActRef::new(Digest::of(format!("act {}", self.count).as_bytes()));
        let all = ["IC", "XA", "XB"].map(ministry);
        let filed = self.history.register(Registered {
            reference,
            number,
            basis: self.knowing.take().unwrap_or_else(|| self.marks.clone()),
            released: self.at,
            class,
            kind: kind.to_owned(),
            act,
            precedence: self.precedence,
            level: Level::Restricted,
            form: Form::NoteVerbale,
            addressees: all.into_iter().filter(|other| *other != sender && self.tells(other)).collect(),
            hands,
            signed_by: std::mem::take(&mut self.signed_by)
                .into_iter()
                .map(|label| Name::parse(&format!("chancery://{sender}/office/{label}")).unwrap())
                .collect(),
            relayed: std::mem::take(&mut self.relayed),
            verdict: Verdict::new(std::mem::take(&mut self.against)),
            said_to_all: Vec::new(),
            sender: sender.clone(),
        });
        self.only = None;
        assert!(filed);
        self.marks.raise(&sender, number);
        self.wait(60);
        reference.dispatch_digest().hex()
    }
}
