//! Vouching: whose word makes a name one that no text may contain (PRV-03).
//!
//! Any peer can send particulars, and names that refuse letters without appeal would let it silence a desk. A whole
//! name refuses where particulars tell it that stand, and that this desk sent itself or a Power that the opened
//! consultation lets say so. All other names only warn. Consultations are folded for this only where one of their names
//! is found.

use std::collections::BTreeSet;

use super::Knowledge;
use crate::consultation::act::ActKind;
use crate::consultation::acts::values::ActRef;
use crate::consultation::history::Past;
use crate::consultation::rules;
use crate::consultation::rules::judgement::Judgement;
use crate::consultation::rules::names::NameIndex;
use crate::consultation::state::opening::{self, Opening};
use crate::desk::Desk;
use crate::desk::accreditation::Trust;
use crate::desk::error::DeskError;
use crate::desk::keys::Keys;
use crate::time::Timestamp;
use crate::trust::name::Ministry;

impl Desk {
    /// The names that an act is judged by.
    pub(in crate::desk) fn names_for(
        &self,
        trust: &Trust,
        keys: &Keys,
        known: &Knowledge,
        judgement: &Judgement<'_>,
    ) -> Result<NameIndex, DeskError> {
        let all = known.index.names();
        if !rules::names_a_person(&Judgement { names: &all, ..*judgement }) {
            return Ok(all);
        }
        let mut doubted = BTreeSet::new();
        for (consultation, (spellings, sources)) in known.index.told() {
            let names = NameIndex::new(spellings.iter().map(String::as_str));
            if !rules::names_a_person(&Judgement { names: &names, ..*judgement }) {
                continue;
            }
            let folded = self.consultation_of(trust, keys, consultation)?;
            let (past, now) = (folded.book.everything(), self.clock.now());
            let vouched = |act| is_vouched_for(&past, act, &self.config.ministry, now);
            doubted.extend(sources.into_iter().filter(|source| !vouched(source.act)).cloned());
        }
        Ok(known.index.names_but_for(&doubted))
    }
}

/// Whether particulars stand, and are of a Power that may send them; what this desk sent itself no peer had it say.
pub fn is_vouched_for(past: &Past<'_>, act: ActRef, own: &Ministry, now: Timestamp) -> bool {
    let Some(told) = past.find(act).filter(|told| told.stands()) else { return false };
    // A proposal that this ministry did not accept makes nobody anything.
    let is_agreed =
        matches!(opening::state(past, now), Opening::Open | Opening::Adjourned | Opening::Concluded);
    let roles = opening::roles(past, &told.sender);
    let may_say = ActKind::PersonParticulars.specification().senders.iter().any(|role| roles.contains(role));
    told.sender == *own || (is_agreed && may_say)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consultation::rules::Rule;
    use crate::consultation::state::samples::Scene;

    const FIELDS: &str = "person = \"P1\"\nnames = [{ family_name = \"States\", given_name = \"May\", \
        script = \"Latn\", is_primary = true }]\nbasis = \"IDENTITY_CARD\"";

    /// Whether what `sender` tells in this scene counts at XA.
    fn counts(mut scene: Scene, sender: &str, against: Option<Rule>) -> bool {
        against.into_iter().for_each(|rule| {
            scene.against(rule);
        });
        scene.say_unnumbered(sender, "person-particulars", FIELDS);
        let own = Ministry::parse("XA").unwrap();
        scene.asks(|past, at, _| {
            let told = past.of_kind(ActKind::PersonParticulars).next().unwrap();
            is_vouched_for(past, told.reference, &own, at)
        })
    }

    #[test]
    fn names_count_that_the_detaining_power_of_an_agreed_consultation_tells() {
        assert!(counts(Scene::opened(), "XB", None));
        assert!(counts(Scene::opened(), "XA", None), "our own word");
        assert!(!counts(Scene::opened(), "IC", None), "no role for it");
        assert!(!counts(Scene::proposed(), "XB", None), "nobody agreed that it holds anybody");
        assert!(!counts(Scene::opened(), "XB", Some(Rule::Con03)), "what does not stand");
    }
}
