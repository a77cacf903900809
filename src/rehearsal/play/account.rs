//! What came of a rehearsal: move by move what happened, what was expected of it, and how everything stood at the end.

use std::fmt;

use crate::consultation::act::ActKind;
use crate::consultation::rules::Rule;
use crate::message::terms::Precedence;
use crate::time::Timestamp;
use crate::trust::name::Ministry;

/// The whole of it.
#[derive(Debug, Clone, Default)]
pub struct Account {
    /// What the script is called.
    pub title: String,
    /// What it is about.
    pub summary: String,
    /// What chance was drawn from.
    pub seed: u64,
    /// How many acts opened the consultation before the first move.
    pub opening: usize,
    /// What happened, in order.
    pub told: Vec<Told>,
    /// Moves that were not made, because the rehearsal was to end before them.
    pub unplayed: usize,
    /// Where cases and consultation stood at the end, desk by desk.
    pub finals: Vec<Final>,
    /// What was expected and had not come by the end.
    pub outstanding: Vec<Deviation>,
}

/// One move, and what happened with it.
#[derive(Debug, Clone)]
pub struct Told {
    /// Its number, from 1.
    pub number: usize,
    /// Its label.
    pub label: String,
    /// What its author says of it.
    pub title: String,
    /// Line of the script.
    pub line: usize,
    /// When it was.
    pub time: Timestamp,
    /// What it was.
    pub event: Event,
    /// Copies that arrived since the move before.
    pub before: Vec<Arrival>,
    /// Copies that arrived at once.
    pub after: Vec<Arrival>,
    /// Where it differs from what was expected.
    pub deviations: Vec<Deviation>,
}

/// What a move was.
#[derive(Debug, Clone)]
pub enum Event {
    /// A party spoke, or its desk kept it from speaking.
    Said(Said),
    /// So many copies were let go.
    Delivered(usize),
    /// Time passed.
    Waited,
    /// Something was looked at.
    Checked(Vec<Looked>),
}

/// What a party said.
#[derive(Debug, Clone)]
pub struct Said {
    /// Who.
    pub sender: Ministry,
    /// What kind of act.
    pub kind: ActKind,
    /// To whom.
    pub addressees: Vec<Ministry>,
    /// How urgently.
    pub precedence: Precedence,
    /// Its number among the sender's acts; 0 where it did not go to all, or not at all.
    pub number: u64,
    /// Whether it went.
    pub released: bool,
    /// Whether it went against the own desk.
    pub forced: bool,
    /// What the own desk was to find.
    pub expected: Vec<Rule>,
    /// What stands against it there.
    pub verdict: Vec<Rule>,
    /// What its own desk said, each with its rule and what cures it.
    pub findings: Vec<(Rule, String, String)>,
}

/// A copy that arrived.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// The label of its step.
    pub label: String,
    /// Where.
    pub at: Ministry,
    /// What the desk there made of it.
    pub outcome: Arrived,
}

/// What a desk makes of a copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arrived {
    /// Registered, with what stands against it.
    Registered(Vec<Rule>),
    /// Buffered until these acts are there.
    Waits(Vec<(Ministry, u64)>),
    /// It was there already.
    Duplicate,
    /// Its sender gave this number to another act before.
    Equivocation,
}

/// What was looked at at one desk.
#[derive(Debug, Clone)]
pub struct Looked {
    /// Where; none for what concerns all desks together.
    pub at: Option<Ministry>,
    /// At what.
    pub what: String,
    /// What was expected.
    pub expected: String,
    /// What was there.
    pub actual: String,
    /// Whether that is as expected.
    pub holds: bool,
}

/// A difference between what was expected and what was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deviation {
    /// The label of the move.
    pub label: String,
    /// Line of the script.
    pub line: usize,
    /// At whose desk; none for what concerns all together.
    pub at: Option<Ministry>,
    /// What it is about.
    pub what: String,
    /// What was expected.
    pub expected: String,
    /// What was.
    pub actual: String,
}

/// How a case, or the consultation, stood at one desk.
#[derive(Debug, Clone)]
pub struct Final {
    /// At whose desk.
    pub at: Ministry,
    /// Whose case, as the script calls him; none for the consultation.
    pub person: Option<String>,
    /// What was looked at, and how it stood.
    pub states: Vec<(&'static str, String)>,
}

impl Said {
    /// An act that could not even be composed, because what it refers to never came to be.
    pub(super) fn nothing(sender: Ministry, kind: ActKind) -> Self {
        Self {
            sender,
            kind,
            addressees: Vec::new(),
            precedence: Precedence::Routine,
            number: 0,
            released: false,
            forced: false,
            expected: Vec::new(),
            verdict: Vec::new(),
            findings: Vec::new(),
        }
    }
}

impl Account {
    /// Every difference, in the order of the moves.
    pub fn deviations(&self) -> impl Iterator<Item = &Deviation> {
        self.told.iter().flat_map(|told| &told.deviations).chain(&self.outstanding)
    }

    /// Whether everything came as it was expected.
    pub fn is_as_expected(&self) -> bool {
        self.deviations().next().is_none()
    }
}

impl fmt::Display for Deviation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.at {
            Some(at) => write!(f, "{} at {at}: {} expected, {} found", self.what, self.expected, self.actual),
            None => write!(f, "{}: {}, where {} was expected", self.what, self.actual, self.expected),
        }
    }
}

/// Rules as they are written: `ok`, or their codes.
pub fn codes(rules: &[Rule]) -> String {
    match rules {
        [] => "ok".to_owned(),
        rules => rules.iter().map(|rule| rule.word()).collect::<Vec<_>>().join(" "),
    }
}

impl fmt::Display for Arrived {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Registered(rules) => f.write_str(&codes(rules)),
            Self::Waits(missing) => {
                let missing: Vec<String> =
                    missing.iter().map(|(who, number)| format!("{who} {number}")).collect();
                write!(f, "waits for {}", missing.join(", "))
            }
            Self::Duplicate => f.write_str("there already"),
            Self::Equivocation => f.write_str("another act under the same number"),
        }
    }
}

impl Arrival {
    /// Whether it is more than an act that arrived and stands.
    pub fn is_remarkable(&self) -> bool {
        self.outcome != Arrived::Registered(Vec::new())
    }
}
