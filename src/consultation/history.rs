//! `History`: the registered acts of one consultation, found by what is asked of them; `Past`: those of them that
//! somebody declared to have known, or all.
//!
//! Acts enter one by one, in any order; what leaves is sorted by release, sender and number, never by arrival. Each
//! act is filed under its person, kind, reference and threads, so registering and judging one more costs the same
//! however long the consultation is. Two histories of the same acts are equal. Nothing is ever taken out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::consultation::act::{Act, ActKind};
use crate::consultation::acts::values::{ActRef, EntryId};
use crate::consultation::opaque;
use crate::consultation::reference::PersonRef;
use crate::consultation::registered::{self, Marks, Missing, Registered};
use crate::consultation::retelling;
use crate::digest::Digest;
use crate::message::terms::Precedence;
use crate::time::Timestamp;
use crate::trust::name::Ministry;

/// What acts have in common that belong together without naming each other.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Thread {
    /// Acts about an agreement, by its id.
    Agreement(EntryId),
    /// Acts about an arrangement, by its id.
    Arrangement(EntryId),
    /// Acts that answer, release, correct, countersign or acknowledge this one, or say that nobody did.
    Answer(ActRef),
    /// Acts about an incident of publicity, by its id.
    Incident(EntryId),
    /// Acts about a proposal of exchange, by its id.
    Proposal(EntryId),
    /// Acts about terms of exchange, by their digest.
    Terms(Digest),
}

/// The registered acts of one consultation.
#[derive(Clone, Default)]
pub struct History {
    acts: Vec<Registered>,
    references: BTreeMap<ActRef, usize>,
    numbers: BTreeMap<Ministry, BTreeMap<u64, usize>>,
    order: Vec<usize>,
    persons: BTreeMap<PersonRef, Vec<usize>>,
    /// Of each person the acts without a number.
    unnumbered: BTreeMap<PersonRef, Vec<usize>>,
    kinds: BTreeMap<ActKind, Vec<usize>>,
    general: BTreeMap<ActKind, Vec<usize>>,
    threads: BTreeMap<Thread, Vec<usize>>,
    not_understood: Vec<usize>,
    urgent: Vec<usize>,
    heard: BTreeMap<Ministry, Marks>,
    missing: Vec<Missing>,
    equivocations: BTreeSet<(Ministry, u64)>,
}

opaque!(Thread, History);

impl History {
    /// Files an act. Tells whether it was new: the same reference is filed once.
    pub fn register(&mut self, act: Registered) -> bool {
        if self.references.contains_key(&act.reference) {
            return false;
        }
        let place = self.acts.len();
        self.references.insert(act.reference, place);
        if act.number > 0 {
            self.numbers.entry(act.sender.clone()).or_default().entry(act.number).or_insert(place);
        }
        if !speaks_by_itself(&act) {
            self.heard.entry(act.sender.clone()).or_default().raise_all(&act.basis);
        }
        let filed = filed_under(&act);
        let is_unnumbered = act.number == 0;
        self.acts.push(act);
        self.join(place, &filed.persons);
        file(&self.acts, &mut self.order, place);
        for person in filed.persons {
            file(&self.acts, self.persons.entry(person).or_default(), place);
            if is_unnumbered {
                file(&self.acts, self.unnumbered.entry(person).or_default(), place);
            }
        }
        for thread in filed.threads {
            file(&self.acts, self.threads.entry(thread).or_default(), place);
        }
        match filed.kind {
            Some(kind) => {
                file(&self.acts, self.kinds.entry(kind).or_default(), place);
                if filed.general {
                    file(&self.acts, self.general.entry(kind).or_default(), place);
                }
            }
            None => file(&self.acts, &mut self.not_understood, place),
        }
        if filed.urgent {
            file(&self.acts, &mut self.urgent, place);
        }
        true
    }

    /// Joins what went to some Powers only with the acts to all that say it again, whichever of them came first.
    fn join(&mut self, place: usize, persons: &[PersonRef]) {
        let Some(act) = self.acts.get(place) else { return };
        let others = if act.number == 0 { &self.persons } else { &self.unnumbered };
        let mut joined: Vec<(usize, (Ministry, u64))> = Vec::new();
        for other in persons.iter().filter_map(|person| others.get(person)).flatten() {
            let Some(one) = self.acts.get(*other) else { continue };
            let (at, earlier, later) = if act.number == 0 { (place, act, one) } else { (*other, one, act) };
            if retelling::makes_known(later, earlier) {
                joined.push((at, (later.sender.clone(), later.number)));
            }
        }
        for (at, known) in joined {
            let Some(earlier) = self.acts.get_mut(at) else { continue };
            if let Err(gap) = earlier.said_to_all.binary_search(&known) {
                earlier.said_to_all.insert(gap, known);
            }
        }
    }

    /// Acts are known to exist that are not here: others wait for them.
    pub fn note_missing(&mut self, missing: Vec<Missing>) {
        self.missing = missing;
    }

    /// A ministry gave this number to another act too.
    pub fn note_equivocation(&mut self, sender: &Ministry, number: u64) {
        self.equivocations.insert((sender.clone(), number));
    }

    /// How many acts are registered.
    pub fn len(&self) -> usize {
        self.acts.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.acts.is_empty()
    }

    /// The act with this number of this ministry.
    pub fn numbered(&self, sender: &Ministry, number: u64) -> Option<&Registered> {
        self.numbers.get(sender)?.get(&number).and_then(|place| self.acts.get(*place))
    }

    /// The numbers of this ministry from one to another under which acts are here, ascending.
    pub fn numbers_between(&self, sender: &Ministry, first: u64, last: u64) -> impl Iterator<Item = u64> {
        let numbers = self.numbers.get(sender).filter(|_| first <= last);
        numbers.into_iter().flat_map(move |numbers| numbers.range(first..=last)).map(|(number, _)| *number)
    }

    /// Acts that call for acknowledgement in time, in their order.
    pub fn urgent(&self) -> impl DoubleEndedIterator<Item = &Registered> {
        self.urgent.iter().filter_map(|place| self.acts.get(*place))
    }

    /// The last act of `speaker` that `listener` declared to have known in any act of its officers.
    pub fn heard(&self, listener: &Ministry, speaker: &Ministry) -> u64 {
        self.heard.get(listener).map_or(0, |marks| marks.number(speaker))
    }

    /// The highest act of each Power that is here, whether or not all before it are.
    pub fn highest(&self) -> Marks {
        let last = |(sender, numbers): (&Ministry, &BTreeMap<u64, usize>)| {
            numbers.keys().next_back().map(|number| (sender.clone(), *number))
        };
        Marks::new(self.numbers.iter().filter_map(last))
    }

    /// Whether every act up to these marks is here.
    pub fn holds_all(&self, marks: &Marks) -> bool {
        marks.iter().all(|(sender, last)| {
            let here = self.numbers.get(sender).map_or(0, |numbers| numbers.range(1..=last).count());
            u64::try_from(here).is_ok_and(|here| here >= last)
        })
    }

    /// All of it: what a desk asks for itself.
    pub fn everything(&self) -> Past<'_> {
        Past { history: self, bounds: Bounds::default() }
    }

    /// The past that an act of this sender, number and basis declares: what it is judged on.
    pub fn declared(&self, sender: &Ministry, number: u64, basis: &Marks) -> Past<'_> {
        let declared = Some(Arc::new(registered::declared(sender, number, basis)));
        Past { history: self, bounds: Bounds { declared, until: None } }
    }
}

/// The order of arrival is no part of a history.
impl PartialEq for History {
    fn eq(&self, other: &Self) -> bool {
        self.everything().acts().eq(other.everything().acts())
    }
}

impl Eq for History {}

/// Acts of a consultation as somebody knew them. Every iterator gives them by release, sender and number.
#[derive(Clone)]
pub struct Past<'h> {
    history: &'h History,
    bounds: Bounds,
}

/// How far a past goes.
#[derive(Clone, Default)]
struct Bounds {
    /// What is declared, shared by all questions put to this past.
    declared: Option<Arc<Marks>>,
    /// The last instant whose releases are in it.
    until: Option<Timestamp>,
}

impl Bounds {
    fn hold(&self, act: &Registered) -> bool {
        let is_declared = self.declared.as_ref().is_none_or(|marks| marks.covers(&act.sender, act.number));
        is_declared && self.until.is_none_or(|until| act.released <= until)
    }
}

impl<'h> Past<'h> {
    /// The same past as it was at an instant: acts released until then. What is asked of it, nothing changes that was
    /// said since.
    pub fn until(&self, at: Timestamp) -> Self {
        let until = self.bounds.until.map_or(at, |before| before.min(at));
        let declared = self.bounds.declared.clone();
        Self { history: self.history, bounds: Bounds { declared, until: Some(until) } }
    }

    /// Every act.
    pub fn acts(&self) -> impl DoubleEndedIterator<Item = &'h Registered> + use<'h> {
        self.those(&self.history.order)
    }

    /// The act that others name so.
    pub fn find(&self, reference: ActRef) -> Option<&'h Registered> {
        let place = self.history.references.get(&reference)?;
        self.history.acts.get(*place).filter(|act| self.holds(act))
    }

    /// Acts that carry this person in any field.
    pub fn of_person(&self, person: &PersonRef) -> impl DoubleEndedIterator<Item = &'h Registered> + use<'h> {
        self.those(filed(self.history.persons.get(person)))
    }

    /// Acts of this kind.
    pub fn of_kind(&self, kind: ActKind) -> impl DoubleEndedIterator<Item = &'h Registered> + use<'h> {
        self.those(filed(self.history.kinds.get(&kind)))
    }

    /// Acts of this kind that carry no person and so concern all.
    pub fn general(&self, kind: ActKind) -> impl DoubleEndedIterator<Item = &'h Registered> + use<'h> {
        self.those(filed(self.history.general.get(&kind)))
    }

    /// Acts of this thread.
    pub fn of_thread(&self, thread: &Thread) -> impl DoubleEndedIterator<Item = &'h Registered> + use<'h> {
        self.those(filed(self.history.threads.get(thread)))
    }

    /// Numbered acts of this ministry, by their numbers.
    pub fn of_sender(&self, sender: &Ministry) -> impl DoubleEndedIterator<Item = &'h Registered> + use<'h> {
        let (history, bounds) = (self.history, self.bounds.clone());
        let places = self.history.numbers.get(sender).into_iter().flat_map(BTreeMap::values);
        let acts = places.filter_map(|place| history.acts.get(*place));
        acts.filter(move |act| bounds.hold(act))
    }

    /// Acts that this release cannot read.
    pub fn not_understood(&self) -> impl DoubleEndedIterator<Item = &'h Registered> + use<'h> {
        self.those(&self.history.not_understood)
    }

    /// Every person that an act carries, ascending.
    pub fn persons(&self) -> impl Iterator<Item = PersonRef> {
        let persons = self.history.persons.keys().copied();
        persons.filter(|person| self.of_person(person).next().is_some())
    }

    /// Acts that others wait for and that are not here. In a declared past nothing is missing: whoever declares it
    /// held it.
    pub fn missing(&self) -> &'h [Missing] {
        if self.bounds.declared.is_some() { &[] } else { &self.history.missing }
    }

    /// Numbers that a ministry gave to more than one act, ascending. A declared past tells of none: which desk heard of
    /// them is chance, and no verdict hangs on it.
    pub fn equivocations(&self) -> impl Iterator<Item = (&'h Ministry, u64)> + use<'h> {
        let noticed = self.bounds.declared.is_none().then_some(&self.history.equivocations);
        noticed.into_iter().flatten().map(|(sender, number)| (sender, *number))
    }

    /// Whether every act up to these marks is registered here, declared or not.
    pub fn holds_all(&self, marks: &Marks) -> bool {
        self.history.holds_all(marks)
    }

    /// Whether `earlier` is in the past that `later` declared.
    pub fn knew(&self, earlier: &Registered, later: &Registered) -> bool {
        later.knew(earlier)
    }

    fn those(&self, places: &'h [usize]) -> impl DoubleEndedIterator<Item = &'h Registered> + use<'h> {
        let (history, bounds) = (self.history, self.bounds.clone());
        let acts = places.iter().filter_map(|place| history.acts.get(*place));
        acts.filter(move |act| bounds.hold(act))
    }

    fn holds(&self, act: &Registered) -> bool {
        self.bounds.hold(act)
    }
}

impl std::fmt::Debug for Past<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Past")
    }
}

fn filed(places: Option<&Vec<usize>>) -> &[usize] {
    places.map(Vec::as_slice).unwrap_or_default()
}

/// Puts a place where it belongs in the order of the acts; nearly always that is the end.
fn file(acts: &[Registered], places: &mut Vec<usize>, place: usize) {
    let order = |place: usize| acts.get(place).map(Registered::order);
    let at = places.partition_point(|other| order(*other) < order(place));
    places.insert(at, place);
}

/// Whether a registry sends it with no officer at work: what it declares to have known, no officer may have read.
pub(super) fn speaks_by_itself(act: &Registered) -> bool {
    use ActKind::{NonAcknowledgement, RegistryReceipt, RuleRejection};
    matches!(act.act_kind(), Some(NonAcknowledgement | RegistryReceipt | RuleRejection))
}

/// Under what an act is filed.
struct Filed {
    kind: Option<ActKind>,
    persons: Vec<PersonRef>,
    threads: Vec<Thread>,
    general: bool,
    urgent: bool,
}

fn filed_under(act: &Registered) -> Filed {
    let mut persons = act.act.as_ref().map(Act::persons).unwrap_or_default();
    persons.sort_unstable();
    persons.dedup();
    Filed {
        kind: act.act_kind(),
        general: persons.is_empty(),
        persons,
        threads: act.act.as_ref().map(threads).unwrap_or_default(),
        urgent: act.precedence >= Precedence::Priority,
    }
}

fn threads(act: &Act) -> Vec<Thread> {
    let mut threads: Vec<Thread> = act.answered().map(|(_, one)| Thread::Answer(one)).into_iter().collect();
    match act {
        Act::AgreementNote(act) => threads.push(Thread::Agreement(act.terms.agreement_id.clone())),
        Act::AgreementTermination(act) => threads.push(Thread::Agreement(act.agreement_id.clone())),
        Act::HandoverArrangement(act) => {
            threads.push(Thread::Agreement(act.agreement_id.clone()));
            threads.push(Thread::Arrangement(act.arrangement_id.clone()));
        }
        Act::HandoverConfirmation(act) => threads.push(Thread::Arrangement(act.arrangement_id.clone())),
        Act::GoNoGo(act) => threads.push(Thread::Arrangement(act.arrangement_id.clone())),
        Act::HandoverReport(act) => threads.push(Thread::Arrangement(act.arrangement_id.clone())),
        Act::PublicityNotice(act) => threads.push(Thread::Incident(act.incident_id.clone())),
        Act::TakedownConfirmation(act) => threads.push(Thread::Incident(act.incident_id.clone())),
        Act::ExchangeProposal(act) => {
            threads.push(Thread::Proposal(act.proposal_id.clone()));
            threads.push(Thread::Terms(act.terms.digest()));
        }
        Act::ListVerification(act) => threads.push(Thread::Terms(act.terms_sha256)),
        Act::ProposalResponse(act) => {
            threads.push(Thread::Proposal(act.proposal_id.clone()));
            threads.push(Thread::Terms(act.terms_sha256));
        }
        Act::PositionStatement(act) => threads.extend(act.supersedes.map(Thread::Answer)),
        Act::NoteWithdrawal(act) => threads.push(Thread::Answer(act.withdraws)),
        Act::Corrigendum(act) => threads.push(Thread::Answer(act.corrects)),
        Act::RegistryReceipt(act) => threads.push(Thread::Answer(ActRef::new(act.dispatch_digest))),
        Act::RuleRejection(act) => threads.push(Thread::Answer(ActRef::new(act.dispatch_digest))),
        Act::NonAcknowledgement(act) => threads.push(Thread::Answer(act.act())),
        Act::Countersignature(act) => threads.push(Thread::Answer(act.countersigns)),
        _ => {}
    }
    threads
}

#[cfg(test)]
#[path = "history_tests.rs"]
mod tests;
