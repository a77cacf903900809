//! `Casebook`: one consultation as a desk holds it: acts enter in any order, registered acts with their verdicts and
//! what is missing leave.
//!
//! Normative and factual acts and correspondence wait until everything they rest on is held; protective acts never
//! wait. Each act is judged on the past it declares, at its release, by nothing that another desk could know
//! differently: so every desk that holds the same acts holds the same verdicts and states, whatever the order of
//! arrival, and offering the same acts to a new casebook gives an equal one.
//!
//! What a desk knows for itself (names of persons, documents, its own register, other consultations) it judges beside
//! this, before release and for its officers; no state ever rests on that.
//!
//! So that nobody fills a desk with acts that rest on what never comes, only so many of one ministry wait at once; one
//! that is turned away for that is offered again later.
//!
//! What must never happen: that an act gets lost for want of another, or that a protective act waits or is turned away.

use std::collections::{BTreeMap, BTreeSet};

use crate::consultation::act::Act;
use crate::consultation::acts::values::ActRef;
use crate::consultation::charter::Charter;
use crate::consultation::history::{History, Past};
use crate::consultation::opaque;
use crate::consultation::receive::{Received, receive, unreadable};
use crate::consultation::registered::{Marks, Verdict};
use crate::consultation::rules::judgement::{ChannelFacts, FormalNumbers, Judgement};
use crate::consultation::rules::names::NameIndex;
use crate::consultation::rules::{self, Finding, Severity};
use crate::digest::Digest;
use crate::limits;
use crate::message::terms::ActClass;
use crate::trust::name::Ministry;

pub mod beginning;
mod incoming;
mod spans;

use incoming::Key;
pub use incoming::{Incoming, Missing, Outcome};
use spans::Spans;

/// One consultation.
#[derive(Clone, PartialEq, Eq)]
pub struct Casebook {
    channel: ChannelFacts,
    charter: Charter,
    history: History,
    /// Per Power the last act up to which all are registered.
    seen: Marks,
    waiting: BTreeMap<Key, Incoming>,
    /// How many of each ministry wait; nothing for those of whom none does.
    queued: BTreeMap<Ministry, usize>,
    /// What all waiting acts rest on together; nothing where none waits.
    wanted: Marks,
    /// Who waits for which act of whom: the last that each needs of the first ministry of which it lacks any, so that
    /// none is looked at again before all of them are here.
    awaited: BTreeMap<Ministry, BTreeMap<u64, BTreeSet<Key>>>,
    equivocations: BTreeSet<Key>,
    /// Numbers under which nothing will come.
    passed_over: BTreeMap<Ministry, Spans>,
}

opaque!(Casebook);

impl Casebook {
    /// An empty casebook of a consultation on this channel.
    pub fn new(channel: ChannelFacts, charter: Charter) -> Self {
        // Whether a channel is suspended, and how high a ministry lets it go, change with time and place: custody has
        // judged that when an act comes here. What counts everywhere is the ceiling that was agreed on.
        let channel = ChannelFacts { suspended: false, ceiling: charter.ceiling, ..channel };
        Self {
            channel,
            charter,
            history: History::default(),
            seen: Marks::default(),
            waiting: BTreeMap::new(),
            queued: BTreeMap::new(),
            wanted: Marks::default(),
            awaited: BTreeMap::new(),
            equivocations: BTreeSet::new(),
            passed_over: BTreeMap::new(),
        }
    }

    /// Takes an act, and registers whatever can be registered then; the offered one is told of first.
    pub fn offer(&mut self, incoming: Incoming) -> Vec<Outcome> {
        let (reference, key) = (incoming.reference, incoming.key());
        if self.history.everything().find(reference).is_some() || self.waiting.contains_key(&key) {
            return vec![Outcome::Duplicate { reference }];
        }
        let mut outcomes = Vec::new();
        let protective = incoming.class() == ActClass::Protective;
        if let Some(known) = self.bearer(&key) {
            self.equivocations.insert(key.clone());
            self.history.note_equivocation(&key.0, key.1);
            outcomes.push(Outcome::Equivocation { reference, known });
            if !protective {
                return outcomes;
            }
        }
        let declared = incoming.declared();
        let missing = self.missing(&declared);
        match missing.first() {
            Some(_) if !protective && !self.has_room(&key.0) => {
                outcomes.push(Outcome::TurnedAway { reference });
            }
            Some(first) if !protective => {
                self.wait(&key, first);
                self.wanted.raise_all(&declared);
                let count = self.queued.entry(key.0.clone()).or_default();
                *count = count.saturating_add(1);
                self.came(&key);
                self.waiting.insert(key, incoming);
                self.history.note_missing(self.lacking());
                outcomes.push(Outcome::Buffered { reference, missing });
            }
            _ => {
                outcomes.push(self.register(incoming));
                self.drain(&key.0, &mut outcomes);
            }
        }
        outcomes
    }

    /// Waits no longer for acts from one number to another, as far as none bears them: a desk knows that nothing comes
    /// under them, because they were used up by what was given up before it arrived. What comes under one of them all
    /// the same is taken, and then it is passed over no more.
    pub fn pass_over(&mut self, sender: &Ministry, first: u64, last: u64) -> Vec<Outcome> {
        let mut free = self.passed_over.remove(sender).unwrap_or_default();
        let mut from = first.max(1);
        for borne in self.borne(sender, from, last) {
            if from < borne {
                free.insert(from, borne.saturating_sub(1));
            }
            from = borne.saturating_add(1);
        }
        if from <= last {
            free.insert(from, last);
        }
        if free.count() > 0 {
            self.passed_over.insert(sender.clone(), free);
        }
        let mut outcomes = Vec::new();
        self.drain(sender, &mut outcomes);
        outcomes
    }

    /// Acts that are passed over, by ministry and number.
    pub fn passed_over(&self) -> impl Iterator<Item = Missing> {
        self.passed_over.iter().flat_map(|(ministry, spans)| {
            spans.rows().map(|(first, last)| Missing { ministry: ministry.clone(), first, last })
        })
    }

    /// How many acts of this ministry are passed over.
    pub fn count_passed_over(&self, sender: &Ministry) -> u64 {
        self.passed_over.get(sender).map_or(0, Spans::count)
    }

    /// Whether one more act of this ministry may wait here.
    pub fn has_room(&self, sender: &Ministry) -> bool {
        self.queued.get(sender).is_none_or(|count| *count < limits::CASEBOOK_WAITING_ACTS_MAX)
    }

    /// What an act released now would declare: everything registered without a gap.
    pub fn draft_basis(&self) -> Marks {
        self.seen.clone()
    }

    /// What a GO given now is synchronised to: protective acts that came before what they rest on are in it, which no
    /// basis can declare. Nobody departs on that GO without them.
    pub fn synced_to(&self) -> Marks {
        self.history.highest()
    }

    /// The number that the next act of this ministry to all Powers bears.
    pub fn next_number(&self, sender: &Ministry) -> u64 {
        self.seen.number(sender).saturating_add(1)
    }

    /// What every desk will find about an act if it is released as it stands: judged as at registration.
    pub fn judge_draft(&self, draft: &Incoming) -> Vec<Finding> {
        match receive(&draft.dispatch.kind, draft.dispatch.act_class, &draft.dispatch.act) {
            Received::Read(act) => self.judge(draft, &act),
            Received::NotUnderstood(faults) | Received::Rejected(faults) => {
                unreadable(&faults, Severity::Error)
            }
        }
    }

    /// The past that an act of this sender, number and basis is judged on.
    pub fn declared(&self, sender: &Ministry, number: u64, basis: &Marks) -> Past<'_> {
        self.history.declared(sender, number, basis)
    }

    /// Everything registered: what a desk asks for itself.
    pub fn everything(&self) -> Past<'_> {
        self.history.everything()
    }

    /// The registered acts.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// The parameters by which it is judged.
    pub fn charter(&self) -> &Charter {
        &self.charter
    }

    /// Acts that wait for what they rest on, by sender and number.
    pub fn waiting(&self) -> impl Iterator<Item = &Incoming> {
        self.waiting.values()
    }

    /// What all waiting acts lack together, ascending by ministry.
    pub fn lacking(&self) -> Vec<Missing> {
        self.missing(&self.wanted)
    }

    /// Numbers that a sender gave to more than one act: the later ones, by sender and number.
    pub fn equivocations(&self) -> impl Iterator<Item = (&Ministry, u64, ActRef)> {
        self.equivocations.iter().map(|(sender, number, reference)| (sender, *number, *reference))
    }

    /// Another act that bears the number already, registered or waiting.
    fn bearer(&self, (sender, number, _): &Key) -> Option<ActRef> {
        if *number == 0 {
            return None;
        }
        if let Some(known) = self.history.numbered(sender, *number) {
            return Some(known.reference);
        }
        let from = (sender.clone(), *number, ActRef::new(Digest::from_bytes([0; 32])));
        let next = self.waiting.range(from..).next();
        next.filter(|((other, same, _), _)| other == sender && same == number)
            .map(|((_, _, known), _)| *known)
    }

    /// The numbers from one to another that acts bear, registered or waiting, ascending.
    fn borne(&self, sender: &Ministry, first: u64, last: u64) -> BTreeSet<u64> {
        let key =
            |number: u64, byte: u8| (sender.clone(), number, ActRef::new(Digest::from_bytes([byte; 32])));
        if first > last {
            return BTreeSet::new();
        }
        let waiting =
            self.waiting.range(key(first, 0)..=key(last, u8::MAX)).map(|((_, number, _), _)| *number);
        self.history.numbers_between(sender, first, last).chain(waiting).collect()
    }

    /// An act is here: its number is passed over no more.
    fn came(&mut self, (sender, number, _): &Key) {
        if let Some(spans) = self.passed_over.get_mut(sender) {
            spans.remove(*number);
            if spans.count() == 0 {
                self.passed_over.remove(sender);
            }
        }
    }

    fn missing(&self, declared: &Marks) -> Vec<Missing> {
        let lacks = |(ministry, last): (&Ministry, u64)| {
            let first = self.seen.number(ministry).saturating_add(1);
            (first <= last).then(|| Missing { ministry: ministry.clone(), first, last })
        };
        declared.iter().filter_map(lacks).collect()
    }

    fn wait(&mut self, key: &Key, missing: &Missing) {
        let of = self.awaited.entry(missing.ministry.clone()).or_default();
        of.entry(missing.last).or_default().insert(key.clone());
    }

    fn register(&mut self, incoming: Incoming) -> Outcome {
        let dispatch = &incoming.dispatch;
        let (act, findings) = match receive(&dispatch.kind, dispatch.act_class, &dispatch.act) {
            Received::Read(act) => {
                let findings = self.judge(&incoming, &act);
                (Some(*act), findings)
            }
            Received::NotUnderstood(faults) => (None, unreadable(&faults, Severity::Warning)),
            Received::Rejected(faults) => (None, unreadable(&faults, Severity::Error)),
        };
        let errors = findings.iter().filter(|finding| finding.severity == Severity::Error);
        let verdict = Verdict::new(errors.map(|finding| finding.rule).collect());
        let outcome =
            Outcome::Registered { reference: incoming.reference, verdict: verdict.clone(), findings };
        self.came(&incoming.key());
        self.history.register(incoming.registered(act, verdict));
        outcome
    }

    /// Counts on from what was registered, and registers what waited for it.
    fn drain(&mut self, sender: &Ministry, outcomes: &mut Vec<Outcome>) {
        self.count_on(sender, outcomes);
        if self.waiting.is_empty() {
            self.wanted = Marks::default();
        }
        self.history.note_missing(self.lacking());
    }

    fn count_on(&mut self, sender: &Ministry, outcomes: &mut Vec<Outcome>) {
        let mut grown = vec![sender.clone()];
        while let Some(ministry) = grown.pop() {
            let last = self.advance(&ministry);
            for key in self.woken(&ministry, last) {
                let Some(incoming) = self.waiting.get(&key) else { continue };
                if let Some(first) = self.missing(&incoming.declared()).first() {
                    self.wait(&key, first);
                } else if let Some(incoming) = self.unqueue(&key) {
                    outcomes.push(self.register(incoming));
                    // At once: the next one of the same ministry, which comes next here, waits for it no more.
                    self.advance(&key.0);
                    grown.push(key.0);
                }
            }
        }
    }

    /// Takes an act out of those that wait.
    fn unqueue(&mut self, key: &Key) -> Option<Incoming> {
        let incoming = self.waiting.remove(key)?;
        if let Some(count) = self.queued.get_mut(&key.0) {
            *count = count.saturating_sub(1);
        }
        self.queued.retain(|_, count| *count > 0);
        Some(incoming)
    }

    /// Counts on what is registered of a ministry without a gap; the last of it.
    fn advance(&mut self, ministry: &Ministry) -> u64 {
        let mut last = self.seen.number(ministry);
        while let Some(settled) = self.settled(ministry, last.saturating_add(1)) {
            last = settled;
        }
        self.seen.raise(ministry, last);
        last
    }

    /// Up to where acts are registered or will never come from this number on; nothing where that of the number is
    /// waited for.
    fn settled(&self, ministry: &Ministry, number: u64) -> Option<u64> {
        match self.history.numbered(ministry, number) {
            Some(_) => Some(number),
            None => self.passed_over.get(ministry)?.end_of_row(number),
        }
    }

    /// Those who waited for acts of this ministry up to this number.
    fn woken(&mut self, ministry: &Ministry, last: u64) -> Vec<Key> {
        let Some(numbers) = self.awaited.get_mut(ministry) else { return Vec::new() };
        let later = numbers.split_off(&last.saturating_add(1));
        let woken = std::mem::replace(numbers, later);
        if numbers.is_empty() {
            self.awaited.remove(ministry);
        }
        woken.into_values().flatten().collect()
    }

    /// The findings that every desk reaches alike.
    fn judge(&self, incoming: &Incoming, act: &Act) -> Vec<Finding> {
        let dispatch = &incoming.dispatch;
        let (sender, number) = (&incoming.address.sender, incoming.position.act_number);
        let past = self.history.declared(sender, number, &Marks::of(&dispatch.basis));
        rules::judge(&Judgement {
            at: incoming.position.release_time,
            address: &incoming.address,
            position: Some(&incoming.position),
            dispatch,
            act,
            verified: Some(&dispatch.authentications),
            past: Some(&past),
            charter: &self.charter,
            authorities: incoming.authorities.as_ref(),
            channel: Some(&self.channel),
            formal_numbers: FormalNumbers { last: None, complete: false },
            earlier: &[],
            documents: None,
            names: &NameIndex::default(),
            persons_elsewhere: &BTreeSet::new(),
            promised_elsewhere: &BTreeMap::new(),
        })
    }
}

#[cfg(test)]
#[path = "casebook_tests.rs"]
mod tests;
