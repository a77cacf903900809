//! One act judged on a scene of earlier acts, with one thing changed: what the tables of the rule tests are made of.

use std::collections::BTreeSet;

use crate::consultation::act::Act;
use crate::consultation::acts::law::Destination;
use crate::consultation::acts::values::RegionCode;
use crate::consultation::charter::Charter;
use crate::consultation::history::History;
use crate::consultation::rules::drafts::{self, Draft};
use crate::consultation::rules::judgement::{EarlierMessage, FormalNumbers, Judgement, Promises};
use crate::consultation::rules::names::NameIndex;
use crate::consultation::rules::{Finding, Rule, Severity, judge};
use crate::consultation::state::samples::{Scene, act, person};

/// The parties of a scene.
pub(super) const PARTIES: [&str; 3] = ["IC", "XA", "XB"];

/// An act on the past of a scene.
pub(super) struct Case {
    pub(super) draft: Draft,
    pub(super) earlier: Vec<EarlierMessage>,
    pub(super) charter: Charter,
    pub(super) promised: Promises,
    verified: bool,
    history: History,
}

impl Case {
    /// What `sender` would say now, knowing everything.
    pub(super) fn new(scene: &Scene, sender: &str, kind: &str, fields: &str) -> Self {
        Self::of(scene, sender, act(kind, fields))
    }

    /// The same of an act.
    pub(super) fn of(scene: &Scene, sender: &str, act: Act) -> Self {
        let number = scene.last(sender) + 1;
        let draft = Draft::new(&PARTIES, sender, number, &scene.marks(), scene.at(), act);
        let (charter, history) = (scene.charter().clone(), scene.history().clone());
        Self { draft, earlier: Vec::new(), charter, promised: Promises::new(), verified: false, history }
    }

    /// The same with one thing changed.
    pub(super) fn with(mut self, change: impl FnOnce(&mut Draft)) -> Self {
        change(&mut self.draft);
        self
    }

    /// The same once its signatures were verified.
    pub(super) fn verified(mut self) -> Self {
        self.verified = true;
        self
    }

    /// The same where another consultation promised the first person to these places.
    pub(super) fn promised_to(mut self, places: &[&str]) -> Self {
        let place = |code: &&str| Destination::NamedState(RegionCode::parse(code).unwrap());
        self.promised.insert(person(1), places.iter().map(place).collect());
        self
    }

    /// All findings.
    pub(super) fn judge(&self) -> Vec<Finding> {
        let Draft { address, position, dispatch, act, authorities } = &self.draft;
        let marks = crate::consultation::registered::Marks::of(&dispatch.basis);
        let past = self.history.declared(&address.sender, position.act_number, &marks);
        judge(&Judgement {
            at: position.release_time,
            address,
            position: Some(position),
            dispatch,
            act,
            verified: self.verified.then_some(dispatch.authentications.as_slice()),
            past: Some(&past),
            charter: &self.charter,
            authorities: Some(authorities),
            channel: Some(&drafts::channel(&PARTIES)),
            formal_numbers: FormalNumbers { last: None, complete: false },
            earlier: &self.earlier,
            documents: None,
            names: &NameIndex::new([]),
            persons_elsewhere: &BTreeSet::new(),
            promised_elsewhere: &self.promised,
        })
    }

    /// The codes that stand against it, each once, in order.
    pub(super) fn errors(&self) -> String {
        codes(&self.judge(), Severity::Error)
    }

    /// Exactly these codes stand against it.
    #[track_caller]
    pub(super) fn fails(&self, expected: &str) {
        assert_eq!(self.errors(), expected, "{:#?}", self.judge());
    }

    /// Nothing stands against it.
    #[track_caller]
    pub(super) fn passes(&self) {
        self.fails("");
    }

    /// This rule warns, and does not stand against it.
    #[track_caller]
    pub(super) fn warns(&self, rule: Rule) {
        let found = self.judge();
        let hit = |one: &&Finding| one.rule == rule;
        assert!(found.iter().any(|one| one.rule == rule), "{rule} not among {found:#?}");
        assert!(found.iter().filter(hit).all(|one| one.severity == Severity::Warning), "{found:#?}");
    }

    /// This rule says nothing.
    #[track_caller]
    pub(super) fn silent(&self, rule: Rule) {
        let found = self.judge();
        assert!(found.iter().all(|one| one.rule != rule), "{found:#?}");
    }
}

/// The codes of findings of one severity, each once, in order.
pub(in crate::consultation) fn codes(findings: &[Finding], severity: Severity) -> String {
    let of_it = findings.iter().filter(|finding| finding.severity == severity);
    let rules: BTreeSet<Rule> = of_it.map(|finding| finding.rule).collect();
    rules.iter().map(|rule| rule.word()).collect::<Vec<_>>().join(" ")
}
