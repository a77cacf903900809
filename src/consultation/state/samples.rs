//! A scene for tests of states: three Powers' acts, said in a few words of TOML and registered at once.
//!
//! Every act knows all before it, unless a test says otherwise; nothing stands against it, unless a test says so.
//! Here is the scene and how an act enters it; `said` has the acts themselves, `texts` their fields.

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

mod said;
mod texts;

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
