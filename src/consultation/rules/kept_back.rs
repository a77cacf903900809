//! What of a protective act stays here: the act goes at once, whatever papers of others are annexed to it, and a paper
//! that may not go with it does not.
//!
//! An act on its way enters with the messages that carried its documents before; the documents to be left out leave,
//! with what stands against each. A Power that is told of a withdrawal an hour late acts as if nobody had spoken, and a
//! paper that went too far is not taken back: so neither waits for the other.

use std::collections::{BTreeMap, BTreeSet};

use crate::consultation::rules::classification::{DOWNGRADED, ONWARD};
use crate::consultation::rules::judgement::{EarlierMessage, is_of_another};
use crate::consultation::rules::observer::PASSED_ON;
use crate::consultation::rules::{Finding, Findings, Rule};
use crate::message::dispatch::Dispatch;
use crate::message::header::Address;
use crate::message::terms::{ActClass, Caveat, Level};

/// Documents that do not go with an act.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeptBack {
    places: BTreeSet<usize>,
    /// What stands against each of them: warnings, since the act goes.
    pub findings: Vec<Finding>,
}

impl KeptBack {
    /// Whether all documents go.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// What goes of a list with one entry for each document, in their order.
    pub fn rest<T>(&self, all: Vec<T>) -> Vec<T> {
        let places = all.into_iter().enumerate();
        places.filter(|(place, _)| !self.places.contains(place)).map(|(_, one)| one).collect()
    }
}

/// The documents of a protective act that may not go to all to whom it goes: papers of others that their originators
/// control, that an observer told in confidence, or that would be marked lower, and translations of these. Of other
/// acts none is left out: they wait until somebody has decided.
pub fn kept_back(address: &Address, dispatch: &Dispatch, earlier: &[EarlierMessage]) -> KeptBack {
    if dispatch.act_class != ActClass::Protective {
        return KeptBack::default();
    }
    let mut findings = Findings::against(dispatch.act_class);
    let mut against: BTreeMap<usize, BTreeMap<Rule, &str>> = BTreeMap::new();
    for (place, document) in dispatch.documents.iter().enumerate() {
        let sender = &address.sender;
        let of_others = earlier.iter().filter(|one| is_of_another(sender, earlier, one, &document.digest));
        let found: BTreeMap<Rule, &str> =
            of_others.flat_map(|one| bindings(address, dispatch.marking.level, one)).collect();
        if !found.is_empty() {
            against.insert(place, found);
        }
    }
    // Who may not read a paper may not read what it says in another language.
    for (place, document) in dispatch.documents.iter().enumerate() {
        let original = dispatch.documents.iter().position(|one| one.document_id == document.translation_of);
        let found = original.and_then(|original| against.get(&original)).cloned();
        if let (Some(found), false) = (found, against.contains_key(&place)) {
            against.insert(place, found);
        }
    }
    for (place, found) in &against {
        for (rule, why) in found {
            let message = format!("left out, and the act goes without it: {why}");
            findings.warn(*rule, format!("dispatch.documents[{place}]"), message, rule.cure());
        }
    }
    KeptBack { places: against.into_keys().collect(), findings: findings.sorted() }
}

/// What forbids that a paper of this message goes to this address at this level.
fn bindings(address: &Address, level: Level, earlier: &EarlierMessage) -> Vec<(Rule, &'static str)> {
    let mut found = Vec::new();
    if !earlier.was_told_to_all_of(address) {
        let bears = |caveat: Caveat| earlier.caveats.contains(&caveat);
        found.extend(bears(Caveat::OriginatorControl).then_some((Rule::Cls04, ONWARD)));
        found.extend(bears(Caveat::ObserverConfidential).then_some((Rule::Obs03, PASSED_ON)));
    }
    found.extend((level < earlier.level).then_some((Rule::Cls06, DOWNGRADED)));
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consultation::rules::samples::{Sample, earlier, ministry};
    use crate::consultation::rules::{Severity, forbids};
    use crate::digest::Digest;

    /// A message of this ministry with the first document of the sample.
    fn carrying(sample: &Sample, originator: &str, level: Level, caveats: &[Caveat]) -> EarlierMessage {
        let mut one = earlier(originator, level);
        one.caveats = caveats.to_vec();
        one.documents = vec![sample.dispatch.documents[0].digest];
        one
    }

    fn kept(sample: &Sample) -> KeptBack {
        kept_back(&sample.address, &sample.dispatch, &sample.earlier)
    }

    fn rules(kept: &KeptBack) -> Vec<(Rule, &str)> {
        kept.findings.iter().map(|one| (one.rule, one.field.as_str())).collect()
    }

    /// A withdrawal to XB and for XN too, which annexes a paper of XB that only XA and XB were told.
    fn onward(level: Level, caveats: &[Caveat]) -> Sample {
        Sample::withdrawal().with(|s| {
            s.address.releasable_to.push(ministry("XN"));
            let paper = carrying(s, "XB", level, caveats);
            s.earlier.push(paper);
        })
    }

    #[test]
    fn a_paper_that_may_not_go_with_a_protective_act_is_left_out_with_its_translation_and_the_act_goes() {
        let (first, second) = ("dispatch.documents[0]", "dispatch.documents[1]");
        let controlled = onward(Level::Restricted, &[Caveat::OriginatorControl]);
        let found = kept(&controlled);
        assert_eq!(rules(&found), [(Rule::Cls04, first), (Rule::Cls04, second)]);
        assert!(found.findings.iter().all(|one| one.severity == Severity::Warning), "{found:?}");
        assert_eq!(found.rest(vec!["ko", "en"]), Vec::<&str>::new());
        let confided = kept(&onward(Level::Restricted, &[Caveat::ObserverConfidential]));
        assert_eq!(rules(&confided), [(Rule::Obs03, first), (Rule::Obs03, second)]);
        let above = kept(&onward(Level::Secret, &[]));
        assert_eq!(rules(&above), [(Rule::Cls06, first), (Rule::Cls06, second)]);
        let left = controlled.with(|s| s.dispatch.documents.clear());
        assert!(!forbids(&left.judge()) && left.judge().iter().all(|one| one.rule != Rule::Cls04));
    }

    #[test]
    fn what_everybody_may_read_goes_and_so_does_what_is_the_senders_own() {
        assert!(kept(&onward(Level::Restricted, &[])).is_empty());
        let told = onward(Level::Restricted, &[Caveat::OriginatorControl]);
        assert!(kept(&told.with(|s| s.earlier[0].releasable_to.push(ministry("XN")))).is_empty());
        let own = onward(Level::Secret, &[Caveat::OriginatorControl]);
        assert!(kept(&own.with(|s| s.earlier[0].originator = ministry("XA"))).is_empty());
        let another = onward(Level::Secret, &[Caveat::OriginatorControl]);
        let another = kept(&another.with(|s| s.earlier[0].documents = vec![Digest::of(b"another")]));
        assert_eq!((another.is_empty(), another.rest(vec![1, 2])), (true, vec![1, 2]));
    }

    #[test]
    fn the_translation_alone_is_left_out_where_it_alone_is_of_another() {
        let translated = Sample::withdrawal().with(|s| {
            let mut paper = carrying(s, "XB", Level::Secret, &[]);
            paper.documents = vec![s.dispatch.documents[1].digest];
            s.earlier.push(paper);
        });
        let found = kept(&translated);
        assert_eq!(rules(&found), [(Rule::Cls06, "dispatch.documents[1]")]);
        assert_eq!(found.rest(vec!["ko", "en"]), ["ko"]);
    }

    #[test]
    fn an_act_that_protects_nobody_keeps_its_papers_and_waits() {
        let mut normative = onward(Level::Restricted, &[Caveat::OriginatorControl]);
        normative.dispatch.act_class = ActClass::Normative;
        assert!(kept(&normative).is_empty());
    }
}
