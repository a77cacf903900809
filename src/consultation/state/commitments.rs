//! What was agreed and arranged, what entered into force, and what ended (AGR, HND; domain 5.5).
//!
//! An agreement is concluded when every party it requires has consented: whoever proposed it by his note, the others
//! by replies that stand. Of two under one id the later counts, so that it is amended as it was made. An arrangement
//! counts once another party to the agreement confirmed exactly that arrangement, and as long as it does; and until its
//! sender arranges anew under its id, whether or not that is confirmed.

use std::collections::BTreeMap;

use crate::consultation::act::{Act, ActKind};
use crate::consultation::acts::agreement::{
    AgreementLine, AgreementNote, AgreementTermination, AgreementTerms,
};
use crate::consultation::acts::handover::HandoverArrangement;
use crate::consultation::acts::values::{ActRef, EntryId};
use crate::consultation::history::{Past, Thread};
use crate::consultation::opaque;
use crate::consultation::reference::PersonRef;
use crate::consultation::registered::Registered;
use crate::consultation::state::places::Spoken;
use crate::consultation::state::saying;
use crate::consultation::words::{EntryIntoForce, Reply};
use crate::time::Timestamp;
use crate::trust::name::Ministry;

/// A concluded agreement.
#[derive(Clone)]
pub struct Agreement<'h> {
    /// The note that proposed it.
    pub note: &'h Registered,
    /// What the note says.
    pub act: &'h AgreementNote,
    /// The replies that concluded it, in the order of the acts.
    pub replies: Vec<&'h Registered>,
}

/// A confirmed arrangement.
#[derive(Clone)]
pub struct Arrangement<'h> {
    /// The arrangement.
    pub registered: &'h Registered,
    /// What it says.
    pub act: &'h HandoverArrangement,
    /// The confirmation.
    pub confirmation: &'h Registered,
    /// The agreement it carries out: the last under its id that it knew.
    pub agreement: Agreement<'h>,
}

opaque!(Agreement<'_>, Arrangement<'_>);

impl<'h> Agreement<'h> {
    /// Its terms.
    pub fn terms(&self) -> &'h AgreementTerms {
        &self.act.terms
    }

    /// The line of a person.
    pub fn line(&self, person: &PersonRef) -> Option<&'h AgreementLine> {
        self.terms().lines.find(person)
    }

    /// Where a line leads, as the note meant it.
    pub fn destination(&self, line: &'h AgreementLine) -> Spoken<'h> {
        Spoken::by(&line.destination, self.note)
    }

    /// When the last party consented.
    pub fn concluded(&self) -> Timestamp {
        self.replies.iter().map(|reply| reply.released).max().unwrap_or(self.note.released)
    }

    /// When it enters into force; none while that hangs on notifications, which this release does not know.
    pub fn enters_into_force(&self) -> Option<Timestamp> {
        match self.terms().entry_into_force {
            EntryIntoForce::OnReply => Some(self.concluded()),
            EntryIntoForce::FixedDate => self.terms().entry_time.map(|time| time.max(self.concluded())),
            EntryIntoForce::OnDomesticNotifications => None,
        }
    }

    /// When it ends for a person; none where nobody terminated it for him.
    pub fn ends(&self, past: &Past<'h>, person: &PersonRef) -> Option<Timestamp> {
        let terminations = self.terminations(past).into_iter();
        let about = terminations
            .filter(|(_, act)| act.persons.is_empty() || act.persons.iter().any(|listed| listed == person));
        about.map(|(one, act)| act.effective_time.max(one.released)).min()
    }

    /// Whether it binds for a person at an instant: in force, not ended.
    pub fn is_in_force(&self, past: &Past<'h>, person: &PersonRef, at: Timestamp) -> bool {
        self.enters_into_force().is_some_and(|entry| entry <= at) && !self.is_ended(past, person, at)
    }

    /// Whether it ended for a person.
    pub fn is_ended(&self, past: &Past<'h>, person: &PersonRef, at: Timestamp) -> bool {
        self.ends(past, person).is_some_and(|end| end <= at)
    }

    /// Whether this ministry consented to it.
    pub fn is_party(&self, ministry: &Ministry) -> bool {
        self.terms().required_parties.find(ministry).is_some()
    }

    /// Terminations by parties, of this agreement and not of one that an earlier note made under the same id.
    fn terminations(&self, past: &Past<'h>) -> Vec<(&'h Registered, &'h AgreementTermination)> {
        let thread = Thread::Agreement(self.terms().agreement_id.clone());
        let all = saying!(past.of_thread(&thread), AgreementTermination);
        all.filter(|(one, _)| one.stands() && self.is_party(&one.sender) && !self.note.knew(one)).collect()
    }
}

impl<'h> Arrangement<'h> {
    /// Whether the agreement was not made anew since: then it is to be arranged anew too.
    pub fn is_current(&self, past: &Past<'h>) -> bool {
        let last = agreement(past, &self.act.agreement_id);
        last.is_some_and(|last| last.note.reference == self.agreement.note.reference)
    }
}

/// The agreement under this id.
pub fn agreement<'h>(past: &Past<'h>, id: &EntryId) -> Option<Agreement<'h>> {
    last_agreement(past, id, |_| true)
}

fn last_agreement<'h>(
    past: &Past<'h>,
    id: &EntryId,
    of: impl Fn(&Registered) -> bool,
) -> Option<Agreement<'h>> {
    let notes = saying!(past.of_thread(&Thread::Agreement(id.clone())), AgreementNote);
    let concluded = notes.filter(|(note, _)| of(note)).filter_map(|(note, act)| conclude(past, note, act));
    concluded.max_by_key(|agreement| (agreement.concluded(), agreement.note.order()))
}

/// Every agreement that has a line for a person, ended ones too, in the order of their notes.
pub fn agreements_of<'h>(past: &Past<'h>, person: &PersonRef) -> Vec<Agreement<'h>> {
    let notes = saying!(past.of_person(person), AgreementNote);
    let mut ids: Vec<&EntryId> = Vec::new();
    for (_, act) in notes {
        if !ids.contains(&&act.terms.agreement_id) {
            ids.push(&act.terms.agreement_id);
        }
    }
    let agreements = ids.into_iter().filter_map(|id| agreement(past, id));
    agreements.filter(|agreement| agreement.line(person).is_some()).collect()
}

/// A note that awaits its replies: it stands, its proposer did not withdraw it, and it is not concluded.
pub fn is_awaited(past: &Past<'_>, note: &Registered, act: &AgreementNote, at: Timestamp) -> bool {
    let withdrawn = is_withdrawn(past, note.reference, &note.sender);
    note.stands() && !withdrawn && at <= act.open_until_time && conclude(past, note, act).is_none()
}

/// Whether the ministry that sent a note withdrew it.
pub fn is_withdrawn(past: &Past<'_>, note: ActRef, sender: &Ministry) -> bool {
    let mut withdrawals = saying!(past.of_thread(&Thread::Answer(note)), NoteWithdrawal);
    withdrawals.any(|(one, _)| one.sender == *sender)
}

/// Whether an act permits something still: it stands, and its sender did not take it back. Whatever frees somebody is
/// asked this; what stops is not.
pub fn permits(past: &Past<'_>, one: &Registered) -> bool {
    one.stands() && !is_taken_back(past, one)
}

/// Whether the ministry that sent an act took it back: by a note-withdrawal, which is the way for a note that awaits
/// its answer and for assurances, or by a corrigendum of anything but its prose. Either permits nothing any more then,
/// though another act says so better.
pub fn is_taken_back(past: &Past<'_>, one: &Registered) -> bool {
    let takes_back = |by: &Registered| by.act.as_ref().and_then(undone) == Some(one.reference);
    past.of_thread(&Thread::Answer(one.reference)).any(|by| by.sender == one.sender && takes_back(by))
}

/// Whether whoever took an act back said it anew since, as one of these: that one counts then, whatever time it tells
/// of.
pub fn is_replaced<'a>(
    past: &Past<'_>,
    one: &Registered,
    anew: impl IntoIterator<Item = &'a Registered>,
) -> bool {
    let takes_back =
        |by: &&Registered| by.sender == one.sender && by.act.as_ref().and_then(undone) == Some(one.reference);
    let back: Vec<&Registered> = past.of_thread(&Thread::Answer(one.reference)).filter(takes_back).collect();
    anew.into_iter()
        .any(|new| new.sender == one.sender && back.iter().any(|by| new.knew(by)) && permits(past, new))
}

/// The act that another one takes back, where their senders are one.
pub fn undone(act: &Act) -> Option<ActRef> {
    match act {
        Act::NoteWithdrawal(act) => Some(act.withdraws),
        Act::Corrigendum(act) => (!is_prose(act.field_path.as_str())).then_some(act.corrects),
        _ => None,
    }
}

/// Whether a field, by its path in an act, is prose that decides nothing. What a corrigendum would make of any other
/// nobody judged: an act that says otherwise is judged like the first one.
fn is_prose(path: &str) -> bool {
    let field = field(path);
    let prose = [
        "legal_basis",
        "monitoring_arrangement",
        "reason",
        "remark",
        "remarks",
        "routine_documents",
        "text",
        "transport",
    ];
    prose.contains(&field)
}

/// The name of a field by its path in an act.
pub fn field(path: &str) -> &str {
    let path = path.strip_prefix("act.").unwrap_or(path);
    path.split(['[', '.']).next().unwrap_or(path)
}

/// Whether acts of this kind may free somebody, so that taking one back stops him.
pub const fn frees(kind: ActKind) -> bool {
    matches!(
        kind,
        ActKind::Assurances
            | ActKind::CaseRegistration
            | ActKind::ExpressionOfWill
            | ActKind::GoNoGo
            | ActKind::HandoverArrangement
            | ActKind::HandoverConfirmation
            | ActKind::HoldRelease
            | ActKind::JudicialStatus
            | ActKind::MedicalFinding
            | ActKind::ProtectionAssessment
    )
}

/// The confirmed arrangement under this id: where two Powers gave one id, the later one.
pub fn arrangement<'h>(past: &Past<'h>, id: &EntryId) -> Option<Arrangement<'h>> {
    confirmed(past, id).into_iter().next_back()
}

/// The confirmed arrangement of a person under this id: the last one that lists him. Two Powers may give one id to two
/// handovers while neither knows of the other; that takes from nobody what was arranged for him.
pub fn arrangement_of<'h>(past: &Past<'h>, id: &EntryId, person: &PersonRef) -> Option<Arrangement<'h>> {
    confirmed(past, id).into_iter().rfind(|one| one.act.persons.find(person).is_some())
}

/// Every confirmed arrangement under this id, in the order of the acts: of each Power its last one that stands, and
/// none of a Power whose last one nobody confirmed. Whoever arranges anew has taken back what he arranged before.
fn confirmed<'h>(past: &Past<'h>, id: &EntryId) -> Vec<Arrangement<'h>> {
    let last = last_arrangements(past, id).into_values();
    let confirmed = last.filter_map(|(registered, act)| {
        let agreement = last_agreement(past, &act.agreement_id, |note| registered.knew(note))?;
        let confirmation = confirmation(past, registered, act, &agreement)?;
        Some(Arrangement { registered, act, confirmation, agreement })
    });
    let mut confirmed: Vec<Arrangement<'h>> = confirmed.collect();
    confirmed.sort_by_key(|one| one.registered.order());
    confirmed
}

/// Whether somebody arranged a handover under this id, and nobody confirmed what he arranged last.
pub fn awaits_confirmation(past: &Past<'_>, id: &EntryId) -> bool {
    confirmed(past, id).is_empty() && !last_arrangements(past, id).is_empty()
}

/// Of each Power the last arrangement under this id that stands.
fn last_arrangements<'h>(
    past: &Past<'h>,
    id: &EntryId,
) -> BTreeMap<&'h Ministry, (&'h Registered, &'h HandoverArrangement)> {
    let mut last: BTreeMap<&Ministry, (&Registered, &HandoverArrangement)> = BTreeMap::new();
    let thread = Thread::Arrangement(id.clone());
    for (one, act) in saying!(past.of_thread(&thread), HandoverArrangement).filter(|(one, _)| one.stands()) {
        if last.get(&one.sender).is_none_or(|(before, _)| !before.knew(one)) {
            last.insert(&one.sender, (one, act));
        }
    }
    last
}

/// The confirmed arrangements that list a person, in the order of the acts.
pub fn arrangements_of<'h>(past: &Past<'h>, person: &PersonRef) -> Vec<Arrangement<'h>> {
    let all = saying!(past.of_person(person), HandoverArrangement);
    let mut ids: Vec<&EntryId> = Vec::new();
    for (_, act) in all {
        if !ids.contains(&&act.arrangement_id) {
            ids.push(&act.arrangement_id);
        }
    }
    ids.into_iter().filter_map(|id| arrangement_of(past, id, person)).collect()
}

/// A note with all the replies it needs; of two replies of one party the first concludes.
fn conclude<'h>(past: &Past<'h>, note: &'h Registered, act: &'h AgreementNote) -> Option<Agreement<'h>> {
    if !note.stands() {
        return None;
    }
    let mut consents: BTreeMap<&Ministry, &Registered> = BTreeMap::new();
    for (one, _) in saying!(past.of_thread(&Thread::Answer(note.reference)), AgreementReply) {
        if one.stands() && one.sender != note.sender {
            consents.entry(&one.sender).or_insert(one);
        }
    }
    let needed = act.terms.required_parties.iter().filter(|party| **party != note.sender);
    let replies: Option<Vec<&Registered>> = needed.map(|party| consents.get(party).copied()).collect();
    let mut replies = replies.filter(|replies| !replies.is_empty())?;
    replies.sort_by_key(|reply| reply.order());
    Some(Agreement { note, act, replies })
}

/// The confirmation of exactly this arrangement, unless the Power that gave it took it back, or another party declines
/// it.
fn confirmation<'h>(
    past: &Past<'h>,
    registered: &Registered,
    act: &HandoverArrangement,
    agreement: &Agreement<'h>,
) -> Option<&'h Registered> {
    let mut last: BTreeMap<&Ministry, (&Registered, bool)> = BTreeMap::new();
    for (one, answer) in saying!(past.of_thread(&Thread::Answer(registered.reference)), HandoverConfirmation)
    {
        let of_it =
            answer.persons_sha256 == act.persons_sha256 && answer.arrangement_id == act.arrangement_id;
        let later = last.get(&one.sender).is_none_or(|(before, _)| before.number < one.number);
        if one.stands() && of_it && later && one.sender != registered.sender {
            last.insert(&one.sender, (one, answer.reply == Reply::Accept));
        }
    }
    let party = |ministry: &Ministry| agreement.is_party(ministry);
    if last.iter().any(|(sender, (_, accepted))| !*accepted && party(sender)) {
        return None;
    }
    last.into_iter().find(|(sender, (_, accepted))| *accepted && party(sender)).map(|(_, (one, _))| one)
}

#[cfg(test)]
#[path = "commitments_tests.rs"]
mod tests;
