//! Scripts of rehearsals: who takes part, and move by move what is said, what passes, and what is to come of it.
//!
//! The text of a script enters; a `Script` leaves, or every mistake at once with its line. A script that leaves has
//! been read through to its end: every field is known, every act can be said, every reference means an earlier step.
//! What must never happen: a field that is silently ignored, or an expectation that nobody checks.
//!
//! | file | does |
//! |---|---|
//! | `heading` | reads what stands above the moves: parties, persons, charter, network |
//! | `moves` | reads the steps |
//! | `consequences` | leaves out mistakes that only follow from others |
//! | `checks` | reads the checks, and what steps and checks expect |
//! | `opening` | opens the consultation where a script does not |
//! | `papers` | reads the texts and documents of a step |
//! | `usual` | what a step says where its author leaves a field out |
//! | `meaning` | what times, labels, persons and digests in an act mean |
//! | `derived` | what follows from other acts: identical terms, pinned records, digests |
//! | `spoken` | the act of a step, from all of these |
//! | `proof` | reads a script through before it is played |

use std::collections::BTreeMap;
use std::time::Duration;

use crate::consultation::act::ActKind;
use crate::consultation::outline::Field;
use crate::consultation::reference::{ConsultationId, PersonRef};
use crate::consultation::rules::Rule;
use crate::consultation::state::opening::observes;
use crate::consultation::words::PartyRole;
use crate::message::terms::{Caveat, DocumentClass, DocumentStanding, Form, Level, Precedence};
use crate::time::Timestamp;
use crate::trust::name::{Authority, Label, Ministry};

mod checks;
mod consequences;
mod derived;
mod heading;
mod meaning;
mod moves;
pub(super) mod opening;
mod papers;
mod parse;
pub(super) mod proof;
pub(super) mod spoken;
mod usual;

#[cfg(test)]
mod tests;

#[cfg(test)]
pub(super) use heading::SPANS;
pub use parse::parse;
pub use usual::USUAL;

/// A reference to a step that is not there, or comes later.
pub const SCRIPT_STEP_UNKNOWN: &str = "SCRIPT_STEP_UNKNOWN";
/// A reference to a step that has a mistake itself: this follows from that, and is not told.
const SCRIPT_FOLLOWS: &str = "SCRIPT_FOLLOWS";
/// A party that has no role for what it is to say.
pub const SCRIPT_NO_ROLE: &str = "SCRIPT_NO_ROLE";
/// A party, office or person that the script does not introduce.
pub const SCRIPT_STRANGER: &str = "SCRIPT_STRANGER";
/// Something stands twice that may stand once.
pub const SCRIPT_REPEATED: &str = "SCRIPT_REPEATED";
/// A value that no rehearsal can work with.
pub const SCRIPT_VALUE: &str = "SCRIPT_VALUE";

/// A scripted consultation.
#[derive(Clone)]
pub struct Script {
    /// What it is called.
    pub title: String,
    /// What it is about; may be empty.
    pub summary: String,
    /// When it begins.
    pub start: Timestamp,
    /// How long after the move before a move happens that says nothing of it.
    pub pace: Duration,
    /// What chance in it is drawn from.
    pub seed: u64,
    /// The consultation.
    pub consultation: ConsultationId,
    /// Whether it is open when the first move is made.
    pub opened: bool,
    /// What the parties agreed on.
    pub charter: CharterPlan,
    /// Who takes part, ascending by ministry.
    pub parties: Vec<Party>,
    /// Persons by the names that the script gives them.
    pub persons: BTreeMap<String, PersonRef>,
    /// Names of persons that every desk knows and that must not be written.
    pub known_names: Vec<String>,
    /// How long a copy takes at least and at most where a step does not say; drawn for each copy.
    pub network: (Duration, Duration),
    /// What happens, in order.
    pub moves: Vec<Move>,
    /// Labels of steps that have mistakes: references to them are none. Empty in a script that can be played.
    pub(super) faulty: Vec<String>,
}

/// Parameters of the charter; none where the usual one holds.
#[derive(Debug, Clone, Default)]
pub struct CharterPlan {
    /// Highest level.
    pub ceiling: Option<Level>,
    /// Languages of the consultation, the prevailing one first; may be empty.
    pub languages: Vec<String>,
    /// The one that prevails.
    pub prevailing: Option<String>,
    /// Lengths of time, by the name of the parameter.
    pub spans: BTreeMap<&'static str, Duration>,
    /// Witnesses, and neutral ones among them.
    pub witnesses: (Option<u32>, Option<u32>),
}

impl CharterPlan {
    /// Whether it says anything.
    pub fn is_stated(&self) -> bool {
        let Self { ceiling, languages, prevailing, spans, witnesses } = self;
        let words = !languages.is_empty() || prevailing.is_some();
        ceiling.is_some() || words || !spans.is_empty() || *witnesses != (None, None)
    }
}

/// A party.
#[derive(Debug, Clone)]
pub struct Party {
    /// Its code.
    pub ministry: Ministry,
    /// What it is there for.
    pub roles: Vec<PartyRole>,
    /// The language it writes in.
    pub language: String,
    /// Its offices and what each may do.
    pub offices: BTreeMap<Label, Vec<Authority>>,
}

impl Party {
    /// Whether it takes part as a Power; observers receive copies.
    pub fn is_power(&self) -> bool {
        !observes(&self.roles)
    }
}

/// One move.
#[derive(Clone)]
pub struct Move {
    /// What other moves call it.
    pub label: String,
    /// What is to be seen, in words; may be empty.
    pub title: String,
    /// Line of the script, from 1.
    pub line: usize,
    /// How long after the move before; none for the pace of the script.
    pub after: Option<Duration>,
    /// What is done.
    pub what: What,
}

/// What a move is.
#[derive(Clone)]
pub enum What {
    /// A party says something.
    Say(Box<Say>),
    /// Copies that were held back arrive: of these steps, or of all.
    Deliver(Vec<String>),
    /// Nothing but time passes.
    Wait,
    /// Something is looked at.
    Check(Box<Check>),
}

/// An act that is to be said.
#[derive(Clone)]
pub struct Say {
    /// Who speaks.
    pub sender: Ministry,
    /// What kind of act it is.
    pub kind: ActKind,
    /// Its fields as they are written.
    pub written: Vec<Field>,
    /// Whether fields that are left out say the usual.
    pub usual: bool,
    /// What stands on its outside.
    pub marks: Marks,
    /// Who drafted, who released, who cleared it; none for the usual offices.
    pub offices: Hands,
    /// Languages of its texts; none for the usual ones.
    pub languages: Option<Vec<String>>,
    /// Texts and documents that are written out.
    pub papers: Vec<Paper>,
    /// How its copies travel, by addressee; the entry without one holds for all others.
    pub travel: BTreeMap<Option<Ministry>, Travel>,
    /// Whether it goes although the own desk refuses it.
    pub force: bool,
    /// An earlier step of the sender whose act number it bears as well: a hostile desk that tells two stories.
    pub number_of: Option<String>,
    /// Earlier steps that it declares not to have known: a hostile desk that looks away.
    pub unaware_of: Vec<String>,
    /// What the sender's desk is to find.
    pub expect: Vec<Rule>,
    /// What the receivers' desks are to find, by receiver; the entry without one holds for all others. None where it
    /// is the same that the sender is to find.
    pub expect_at: BTreeMap<Option<Ministry>, Expected>,
}

/// What stands on the outside of an act; what is none is as usual.
#[derive(Debug, Clone, Default)]
pub struct Marks {
    /// Urgency; none for the usual one of the act.
    pub precedence: Option<Precedence>,
    /// Level; none for RESTRICTED.
    pub level: Option<Level>,
    /// Form; none for the usual one of the act.
    pub form: Option<Form>,
    /// Who must act; none for every other Power.
    pub to: Option<Vec<Ministry>>,
    /// Who receives a copy; none for every observer.
    pub info: Option<Vec<Ministry>>,
    /// Whom it may be released to; none for every party.
    pub releasable_to: Option<Vec<Ministry>>,
    /// Caveats; none for those that its documents need.
    pub caveats: Option<Vec<Caveat>>,
    /// Roles that alone may read it; none for the usual ones.
    pub eyes_only_roles: Option<Vec<String>>,
    /// The step that it answers.
    pub in_reply_to: Option<String>,
    /// An unconnected Power whose act is conveyed.
    pub relayed_on_behalf_of: Option<Ministry>,
}

/// The offices through whose hands a draft goes.
#[derive(Debug, Clone, Default)]
pub struct Hands {
    /// Who drafted it.
    pub drafter: Option<Label>,
    /// Who released, signed or initialled it.
    pub releaser: Option<Label>,
    /// Who cleared it.
    pub cleared_by: Option<Vec<Label>>,
}

/// How a copy travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Travel {
    /// It takes so long.
    Takes(Duration),
    /// It is held back until a move lets it go.
    Held,
    /// It never arrives.
    Never,
}

/// A text or document that a step writes out.
#[derive(Debug, Clone)]
pub struct Paper {
    /// Its id.
    pub id: String,
    /// Its neutral title.
    pub title: String,
    /// What it is.
    pub class: DocumentClass,
    /// Its standing.
    pub standing: DocumentStanding,
    /// Its language.
    pub language: String,
    /// Its media type.
    pub media_type: String,
    /// What it translates; empty for originals.
    pub translation_of: String,
    /// What stands in it.
    pub words: String,
}

/// What is expected at a receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// These rules stand against it; none for one that stands.
    Rules(Vec<Rule>),
    /// It waits for acts that are not there yet.
    Waits,
    /// It does not arrive.
    Absent,
    /// Its number was given to another act before.
    Equivocation,
}

/// Something to be looked at.
#[derive(Debug, Clone)]
pub struct Check {
    /// At whose desks.
    pub at: Vec<Ministry>,
    /// Whose case; none where no case is looked at.
    pub person: Option<PersonRef>,
    /// Where to, for what depends on it.
    pub destination: Option<String>,
    /// The arrangement by which somebody is to depart.
    pub arrangement: Option<String>,
    /// What is expected of the case and the consultation, by the name of what is looked at.
    pub facets: BTreeMap<&'static str, String>,
    /// What stands against departure; none where it is not asked.
    pub depart: Option<Vec<Rule>>,
    /// What stands against departure among other things; empty where it is not asked.
    pub depart_with: Vec<Rule>,
    /// The verdict on an earlier step.
    pub verdict: Option<(String, Expected)>,
    /// Whether all these desks must see the same.
    pub agree: bool,
}

impl std::fmt::Display for Expected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Rules(rules) => f.write_str(&crate::rehearsal::play::account::codes(rules)),
            Self::Waits => f.write_str("waits"),
            Self::Absent => f.write_str("absent"),
            Self::Equivocation => f.write_str("equivocation"),
        }
    }
}

super::opaque!(Script, Move, What, Say);
