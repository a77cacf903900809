//! A random history: XB holds two persons, XA receives, IC observes. Each has a casebook; letters take their time.
//!
//! What is sent is also written down for the reference model, and only what both can say is said. Of two things that
//! the product judges more strictly on purpose, neither is played here: statements are taken by XB alone, and a
//! person is handed over once.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::equivocation::Twin;
use super::safety::{Departures, Probe};
use crate::consultation::act::{Act, ActKind};
use crate::consultation::acts::values::{ActRef, EntryId};
use crate::consultation::casebook::{Casebook, Incoming, Outcome};
use crate::consultation::charter::Charter;
use crate::consultation::reference::PersonRef;
use crate::consultation::registered::{Marks, Verdict};
use crate::consultation::rules::drafts::{Draft, channel};
use crate::consultation::rules::forbids;
use crate::consultation::state::samples::{act, case, destination, ministry, person};
use crate::digest::Digest;
use crate::time::Timestamp;
use crate::trust::name::Ministry;

pub(super) const PARTIES: [&str; 3] = ["IC", "XA", "XB"];
const START: i64 = 1_795_341_600;
pub(super) const DAY: u64 = 1_440;

/// The usual charter, under which no hold lapses within a history: the model knows no lapse.
pub(super) fn charter() -> Charter {
    let foreign_hold = std::time::Duration::from_secs(400 * DAY * 60);
    Charter { foreign_hold, ..Charter::default_for(PARTIES.map(ministry)) }
}

/// A letter on its way.
struct Letter {
    due: u64,
    to: &'static str,
    incoming: Incoming,
}

/// An act that was sent.
pub(super) struct Sent {
    pub(super) verdict: Verdict,
    pub(super) told: Value,
}

/// What a GO was given on: what its ministry had registered of protective acts then.
type Recorded = BTreeMap<(&'static str, String), BTreeSet<ActRef>>;

/// The three desks and what is between them.
pub(super) struct World {
    pub(super) desks: BTreeMap<&'static str, Casebook>,
    pub(super) arrived: BTreeMap<&'static str, Vec<Incoming>>,
    pub(super) sent: Vec<Sent>,
    pub(super) recorded: Recorded,
    pub(super) departures: Departures,
    pub(super) probes: Vec<Probe>,
    mail: Vec<Letter>,
    pub(super) minute: u64,
    pub(super) dice: Dice,
    pub(super) careful: bool,
    /// Throws for senders who hide what they know, in a sequence of its own; nothing while everybody is honest in that.
    hiding: Option<Dice>,
    pub(super) hidden: usize,
    /// Throws for senders who give one number to two acts; nothing while nobody does.
    pub(super) doubling: Option<Dice>,
    pub(super) twins: Vec<Twin>,
    pub(super) refs: BTreeMap<String, String>,
    pub(super) reported: bool,
}

/// Numbers that only look random.
pub(super) struct Dice(u64);

impl Dice {
    /// Seeds are mixed: of neighbours that are not, one would throw what the other threw a moment before.
    pub(super) fn new(seed: u64) -> Self {
        Self(mixed(seed))
    }

    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mixed(self.0) % bound
    }

    pub(super) fn one_in(&mut self, chances: u64) -> bool {
        self.below(chances) == 0
    }
}

fn mixed(number: u64) -> u64 {
    let mut z = number ^ 0x5851_F42D_4C95_7F2D;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

impl World {
    /// A whole history of so many steps, every letter delivered at the end. Some senders hide what they know.
    pub(super) fn play(seed: u64, steps: usize) -> Self {
        Self::played(seed, steps, Some(Dice::new(seed ^ 0xA5A5)), None)
    }

    /// The same where everybody declares all he knows, as the reference model takes for granted.
    pub(super) fn play_frankly(seed: u64, steps: usize) -> Self {
        Self::played(seed, steps, None, None)
    }

    /// The same where, beside that, somebody gives one number to two acts and sends them to different parties.
    pub(super) fn play_doubly(seed: u64, steps: usize) -> Self {
        let (hiding, doubling) = (Dice::new(seed ^ 0xA5A5), Dice::new(seed ^ 0x5A5A));
        Self::played(seed, steps, Some(hiding), Some(doubling))
    }

    fn played(seed: u64, steps: usize, hiding: Option<Dice>, doubling: Option<Dice>) -> Self {
        let desks = PARTIES.map(|party| (party, Casebook::new(channel(&PARTIES), charter())));
        let mut world = Self {
            desks: desks.into_iter().collect(),
            arrived: BTreeMap::new(),
            sent: Vec::new(),
            recorded: BTreeMap::new(),
            departures: Departures::default(),
            probes: Vec::new(),
            mail: Vec::new(),
            minute: 0,
            dice: Dice::new(seed),
            careful: false,
            hiding: None,
            hidden: 0,
            doubling: None,
            twins: Vec::new(),
            refs: BTreeMap::new(),
            reported: false,
        };
        world.open();
        // One history in four is wild from the beginning, one is prepared badly, and in two a day of departure comes.
        if !seed.is_multiple_of(4) {
            world.prepare(seed % 4 > 1);
        }
        world.doubling = doubling;
        let by_day = if seed % 4 > 1 { steps * 7 / 10 } else { 0 };
        world.day(by_day);
        world.careful = false;
        world.hiding = hiding;
        for _ in by_day..steps {
            let pause = match world.dice.below(12) {
                0 => world.dice.below(2 * DAY),
                1..=4 => world.dice.below(100),
                _ => world.dice.below(8),
            };
            world.minute += 1 + pause;
            world.deliver();
            world.step();
            world.watch();
        }
        // Everything arrives within hours; in some histories so late that statements expired.
        world.minute += if seed.is_multiple_of(3) { 100 * DAY } else { DAY / 3 };
        world.deliver();
        world
    }

    pub(super) fn at(&self) -> Timestamp {
        time(self.minute)
    }

    /// Where an arrangement may carry this person, its id.
    pub(super) fn arrangement() -> EntryId {
        EntryId::parse("H-1").unwrap()
    }

    fn open(&mut self) {
        let proposal = r#"consultation = "C-4T9M-W2KX-7CQW"
            subject = "Prisoners of war: procedure"
            parties = [{ ministry = "IC", roles = ["ICRC"] }, { ministry = "XA", roles = ["RECEIVING_POWER"] },
                { ministry = "XB", roles = ["DETAINING_POWER"] }]
            open_until_time = "2027-12-02T10:00:00Z""#;
        let parties = json!({"XB": ["DETAINING"], "XA": ["RECEIVING"], "IC": ["ICRC"]});
        self.send("XB", act("consultation-proposal", proposal), json!({ "parties": parties }), true);
        self.minute += 3 * DAY;
        self.deliver();
        self.send("XA", act("consultation-reply", "reply = \"ACCEPT\""), json!({"reply": "ACCEPT"}), true);
        self.minute += 3 * DAY;
        self.deliver();
        for name in ["P1", "P2"] {
            self.send(
                "XB",
                act("case-registration", &case(name)),
                json!({"person": name, "status": "POW"}),
                true,
            );
        }
    }

    /// Whether whoever acts makes this mistake now.
    pub(super) fn slips(&mut self, chances: u64) -> bool {
        self.dice.one_in(chances) && !self.careful
    }

    /// Sends an act that the own desk takes, or in spite of it; tells its reference when it went.
    pub(super) fn send(
        &mut self,
        sender: &'static str,
        act: Act,
        mut told: Value,
        force: bool,
    ) -> Option<ActRef> {
        let book = self.desks.get(sender)?;
        let (party, kind) = (ministry(sender), act.act_kind());
        let (number, known) = (book.next_number(&party), book.draft_basis());
        let basis = self.declared(&party, known);
        let book = self.desks.get(sender)?;
        let mut draft = Draft::new(&PARTIES, sender, number, &basis, time(self.minute), act);
        // The same words on the same basis are another act.
        draft.dispatch.salt = *Digest::of(format!("{sender} {number}").as_bytes()).as_bytes();
        let reference = Digest::of(&draft.dispatch.bytes());
        let incoming =
            Incoming::new(draft.address, draft.position, draft.dispatch, reference, Some(draft.authorities));
        if !force && forbids(&book.judge_draft(&incoming)) {
            return None;
        }
        let id = format!("{sender}{number}");
        self.refs.insert(reference.hex(), id.clone());
        let known: BTreeMap<&str, u64> =
            PARTIES.iter().map(|one| (*one, basis.number(&ministry(one)))).collect();
        let common = json!({"kind": model_kind(kind), "at": self.minute, "sender": sender, "seq": number,
            "basis": known, "id": id});
        let (Value::Object(told), Value::Object(common)) = (&mut told, common) else { return None };
        told.extend(common);
        self.offer(sender, incoming.clone());
        let verdict = self.desks[sender].everything().find(ActRef::new(reference))?.verdict.clone();
        self.sent.push(Sent { verdict, told: Value::Object(told.clone()) });
        self.post(sender, &incoming);
        Some(ActRef::new(reference))
    }

    fn post(&mut self, sender: &'static str, incoming: &Incoming) {
        let twin = self.twin(sender, incoming);
        for to in PARTIES.into_iter().filter(|to| *to != sender) {
            let letters = match &twin {
                Some(twin) => self.dealt(incoming, twin),
                None => vec![incoming.clone()],
            };
            for incoming in letters {
                let slowest = [10, 10, 60, 400][self.dice.below(4) as usize];
                let due = self.minute + 1 + self.dice.below(slowest);
                self.mail.push(Letter { due, to, incoming });
            }
        }
    }

    /// What a sender declares of what it knows. Now and then it hides what others said last, so that an act is judged
    /// without a withdrawal, say: it comes to the same everywhere, and nobody leaves on it.
    fn declared(&mut self, own: &Ministry, known: Marks) -> Marks {
        let Some(dice) = self.hiding.as_mut() else { return known };
        if !dice.one_in(12) {
            return known;
        }
        self.hidden += 1;
        let mut declared = known.clone();
        for (party, number) in known.iter().filter(|(party, _)| *party != own) {
            declared.set(party, number - dice.below(4).min(number));
        }
        declared
    }

    pub(super) fn deliver(&mut self) {
        let minute = self.minute;
        let mut due: Vec<Letter> = self.mail.extract_if(.., |letter| letter.due <= minute).collect();
        due.sort_by_key(|letter| letter.due);
        for letter in due {
            self.offer(letter.to, letter.incoming);
        }
    }

    fn offer(&mut self, desk: &'static str, incoming: Incoming) {
        self.arrived.entry(desk).or_default().push(incoming.clone());
        let outcomes = self.desks.get_mut(desk).unwrap().offer(incoming);
        let is_twin = |one: &ActRef| self.twins.iter().any(|twin| twin.pair().contains(one));
        let strange = outcomes.iter().any(|one| match one {
            Outcome::Duplicate { .. } => true,
            Outcome::Equivocation { reference, .. } => !is_twin(reference),
            _ => false,
        });
        assert!(!strange);
    }

    pub(super) fn known(&self, desk: &str, kind: ActKind) -> Vec<ActRef> {
        self.desks[desk].everything().of_kind(kind).map(|one| one.reference).collect()
    }
}

impl World {
    /// Whether an act of this kind was sent.
    pub(super) fn has(&self, kind: ActKind) -> bool {
        PARTIES.into_iter().any(|desk| !self.known(desk, kind).is_empty())
    }
}

pub(super) fn person_of(name: &str) -> PersonRef {
    person(if name == "P1" { 1 } else { 2 })
}

pub(super) fn name_of(person_ref: &PersonRef) -> &'static str {
    if *person_ref == person(1) { "P1" } else { "P2" }
}

pub(super) fn hex(reference: ActRef) -> String {
    reference.dispatch_digest().hex()
}

pub(super) fn time(minute: u64) -> Timestamp {
    Timestamp::from_seconds(START + 60 * i64::try_from(minute).unwrap())
}

pub(super) fn places(all: &[&str]) -> String {
    let long =
        |place: &&str| destination(if *place == "REMAIN" { "REMAIN_IN_DETAINING_STATE" } else { place });
    format!("[{}]", all.iter().map(long).collect::<Vec<_>>().join(", "))
}

/// `will-withdrawal` is `WillWithdrawal` there.
fn model_kind(kind: ActKind) -> String {
    let capital = |word: &str| word[..1].to_uppercase() + &word[1..];
    kind.word().split('-').map(capital).collect()
}

/// The parties as ministries, for those who compare desks.
pub(super) fn ministries() -> [Ministry; 3] {
    PARTIES.map(ministry)
}
