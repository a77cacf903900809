//! The act of a step: what its author wrote, what is usual, what follows from earlier acts, and the papers with it.

use std::collections::BTreeSet;

use super::{Paper, Say, Script, derived, meaning, usual};
use crate::consultation::act::Act;
use crate::consultation::acts::values::ActRef;
use crate::consultation::casebook::Casebook;
use crate::consultation::fault::Reason;
use crate::desk::form::reader::Wrong;
use crate::digest::Digest;
use crate::message::id::MessageId;
use crate::message::terms::Precedence;
use crate::time::Timestamp;
use crate::trust::name::Ministry;

/// What was misread, by the path of its field in the act.
pub(super) type Misread = Vec<(String, Wrong)>;

/// Everything that the meaning of a step may depend on.
pub(in crate::rehearsal) struct Circumstances<'a> {
    /// The script.
    pub script: &'a Script,
    /// The line of the step.
    pub line: usize,
    /// The instant of the step.
    pub now: Timestamp,
    /// What is said.
    pub say: &'a Say,
    /// The acts before it, in order.
    pub spoken: &'a [Spoken],
    /// Labels of earlier steps that have mistakes of their own.
    pub faulty: &'a [String],
    /// The last act of each Power that the sender knows.
    pub basis: &'a [(Ministry, u64)],
    /// The consultation as the desk of the sender holds it; none while nothing is played.
    pub book: Option<&'a Casebook>,
}

/// An act that was said.
pub(in crate::rehearsal) struct Spoken {
    /// The label of its step.
    pub label: String,
    /// Who said it.
    pub sender: Ministry,
    /// When.
    pub time: Timestamp,
    /// How urgent it was.
    pub precedence: Precedence,
    /// The act.
    pub act: Act,
    /// The digest of its dispatch.
    pub reference: ActRef,
    /// The id of its message.
    pub message_id: MessageId,
    /// Digest and language of each of its authentic texts.
    pub texts: Vec<(String, Digest)>,
    /// Whether nothing stands against it.
    pub stands: bool,
    /// Where it is known.
    pub known_at: BTreeSet<Ministry>,
}

impl Circumstances<'_> {
    /// The earlier act of this label.
    pub(super) fn earlier(&self, label: &str) -> Option<&Spoken> {
        self.spoken.iter().find(|spoken| spoken.label == label.trim())
    }

    /// Who must act: as the step says, or every other Power.
    pub(in crate::rehearsal) fn to(&self) -> Vec<Ministry> {
        let others = self.script.parties.iter().filter(|party| party.ministry != self.say.sender);
        let powers = || others.filter(|party| party.is_power()).map(|party| party.ministry.clone()).collect();
        self.say.marks.to.clone().unwrap_or_else(powers)
    }

    /// The text with `{sender}`, `{to}` and `{language}` in it replaced.
    pub(super) fn placed(&self, text: &str) -> String {
        match text {
            "{sender}" => self.say.sender.to_string(),
            "{to}" => self.to().first().map(Ministry::to_string).unwrap_or_default(),
            "{language}" => self.language(),
            text => text.to_owned(),
        }
    }

    /// The language that the sender writes in.
    pub(super) fn language(&self) -> String {
        let party = self.script.parties.iter().find(|party| party.ministry == self.say.sender);
        party.map_or_else(|| "en".to_owned(), |party| party.language.clone())
    }
}

/// The act and its papers, or everything that is wrong with it.
pub(in crate::rehearsal) fn speak(at: &Circumstances<'_>) -> Result<(Act, Vec<Paper>), Misread> {
    let (kind, mut misread) = (at.say.kind, Misread::new());
    let mut fields = at.say.written.clone();
    let usual = if at.say.usual { usual::of(kind) } else { &[] };
    meaning::resolve(&mut fields, &kind.fields(), usual, "", at, &mut misread);
    let papers = derived::papers(&mut fields, at);
    derived::complete(&mut fields, &papers, at);
    match Act::from_outline(kind, &fields) {
        Ok(act) if misread.is_empty() => Ok((act, papers)),
        Ok(_) => Err(misread),
        Err(faults) => {
            for refusal in faults.iter() {
                // What is misread already is wrong in one way only, and what would follow from it is not missing.
                let told = misread.iter().any(|(path, _)| path == refusal.field());
                let follows = !misread.is_empty() && refusal.term() == Reason::FieldMissing;
                if !told && !follows {
                    let wrong = Wrong::new(refusal.reason(), refusal.message(), refusal.hint());
                    misread.push((refusal.field().to_owned(), wrong));
                }
            }
            Err(misread)
        }
    }
}

/// Whether a mistake stands at the name of a field instead of its value.
pub(super) fn of_key(wrong: &Wrong) -> bool {
    wrong.code() == Reason::FieldUnknown.word()
}
