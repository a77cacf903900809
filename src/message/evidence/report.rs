//! What a verification found: every binding as a check of its own, and one verdict over all of them.

use crate::message::id::MessageId;
use crate::time::Timestamp;
use crate::trust::fingerprint::Fingerprint;
use crate::trust::name::Ministry;

use super::container::Fault;
use super::paper::AnswerKind;
use super::standing::Doubt;

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It holds.
    Ok,
    /// It does not hold, and the message counts without it: a signature on an act that protects somebody.
    Doubted,
    /// It does not hold.
    Failed,
    /// What is in the file does not suffice to tell.
    Undecided,
}

/// One binding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Stable name, such as `header-signature`.
    pub name: String,
    /// How it came out.
    pub outcome: Outcome,
    /// What holds, or why it does not; may contain texts of others.
    pub sentence: String,
}

/// What was found about one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageReport {
    /// Register number, `XA-XB-2026-0007`.
    pub reference: String,
    /// Message id.
    pub id: MessageId,
    /// Who sent it.
    pub sender: Ministry,
    /// For whom this copy is.
    pub recipient: Ministry,
    /// What the recipient's gateway answered.
    pub answer: AnswerKind,
    /// The instant at which the signatures were judged; none where no cosignature states one.
    pub judged_at: Option<Timestamp>,
    /// Whether parts are disclosed.
    pub is_disclosed: bool,
    /// Its bindings.
    pub checks: Vec<Check>,
}

/// What was found about one ministry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MinistryReport {
    /// The ministry.
    pub ministry: Ministry,
    /// Fingerprint of the root that everything of this ministry was judged by.
    pub fingerprint: Fingerprint,
    /// Why that root is trusted; none if nobody vouches for it.
    pub vouched_by: Option<&'static str>,
}

/// The end of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Every check holds, under trusted roots.
    Verified,
    /// Every check holds, but nobody vouches for these roots.
    ConsistentNotTrusted {
        /// Whose they are said to be, and their fingerprints.
        fingerprints: Vec<(Ministry, Fingerprint)>,
    },
    /// A check fails: this is no evidence.
    Altered {
        /// The first check that fails.
        first: Check,
        /// The message it concerns, if it concerns one.
        reference: Option<String>,
    },
    /// No check fails, but one could not be decided.
    Undecided {
        /// The first check that was not decided.
        first: Check,
        /// The message it concerns, if it concerns one.
        reference: Option<String>,
    },
}

/// All findings of a verification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// What concerns the file as a whole.
    pub checks: Vec<Check>,
    /// The messages, in the order of the file.
    pub messages: Vec<MessageReport>,
    /// The ministries.
    pub ministries: Vec<MinistryReport>,
}

impl Check {
    /// A check that takes nothing from the message where it is proven not to hold; it is told all the same.
    pub(super) fn dispensable(name: impl Into<String>, finding: Result<String, Doubt>) -> Self {
        let check = Self::new(name, finding);
        match check.outcome {
            Outcome::Failed => Self {
                outcome: Outcome::Doubted,
                sentence: format!(
                    "does not hold, and the protective act counts without it: {}",
                    check.sentence
                ),
                ..check
            },
            _ => check,
        }
    }

    /// A check with the sentence that holds if it does.
    pub(super) fn new(name: impl Into<String>, finding: Result<String, Doubt>) -> Self {
        let (outcome, sentence) = match finding {
            Ok(sentence) => (Outcome::Ok, sentence),
            Err(Doubt::Refused(why)) => (Outcome::Failed, why),
            Err(Doubt::Undecided(why)) => (Outcome::Undecided, why),
        };
        Self { name: name.into(), outcome, sentence }
    }
}

impl Report {
    /// A file that could not be read far enough to find anything in it.
    pub(super) fn of_fault(fault: Fault) -> Self {
        let (name, doubt) = match fault {
            Fault::Io(error) => {
                ("readable", Doubt::Undecided(format!("the file could not be read: {error}")))
            }
            Fault::Damaged(what) => ("container", Doubt::Refused(what)),
        };
        Self { checks: vec![Check::new(name, Err(doubt))], messages: Vec::new(), ministries: Vec::new() }
    }

    /// The verdict. What is proven bad outweighs what is unknown, and that outweighs what is not trusted.
    pub fn verdict(&self) -> Verdict {
        if let Some((first, reference)) = self.first(Outcome::Failed) {
            return Verdict::Altered { first, reference };
        }
        if let Some((first, reference)) = self.first(Outcome::Undecided) {
            return Verdict::Undecided { first, reference };
        }
        let unknown = self.ministries.iter().filter(|one| one.vouched_by.is_none());
        let fingerprints: Vec<_> = unknown.map(|one| (one.ministry.clone(), one.fingerprint)).collect();
        if fingerprints.is_empty() {
            Verdict::Verified
        } else {
            Verdict::ConsistentNotTrusted { fingerprints }
        }
    }

    /// All checks, those of the file first, with the reference of the message that each concerns.
    pub fn all_checks(&self) -> impl Iterator<Item = (Option<&str>, &Check)> {
        let of_messages = self
            .messages
            .iter()
            .flat_map(|message| message.checks.iter().map(|check| (Some(message.reference.as_str()), check)));
        self.checks.iter().map(|check| (None, check)).chain(of_messages)
    }

    fn first(&self, outcome: Outcome) -> Option<(Check, Option<String>)> {
        let mut found = self.all_checks().filter(|(_, check)| check.outcome == outcome);
        found.next().map(|(reference, check)| (check.clone(), reference.map(str::to_owned)))
    }
}
