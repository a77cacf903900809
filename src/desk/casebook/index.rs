//! What a desk must know across consultations: where a person is spoken of, under which names, and where something
//! urgent was said.
//!
//! Kept messages enter, in any order; the same index comes of them. Names stand here and in the particulars they came
//! from, nowhere else: whoever shows one asks for it by name (`Desk::names_of`), and every other way gives a
//! `NameIndex`, which finds names and tells none.

use std::collections::{BTreeMap, BTreeSet};

use crate::consultation::act::Act;
use crate::consultation::acts::custody::PersonName;
use crate::consultation::acts::values::ActRef;
use crate::consultation::reference::PersonRef;
use crate::consultation::rules::names::{NameIndex, has_letters};
use crate::message::terms::Precedence;

use super::kept::Kept;
use super::papers::Papers;

/// The index of a desk.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Index {
    /// Every consultation of which something is here.
    pub(super) consultations: BTreeSet<String>,
    /// Where a person is spoken of.
    pub(super) persons: BTreeMap<PersonRef, BTreeSet<String>>,
    /// Names by person, each with what it says of itself and the acts that tell it.
    pub(super) names: BTreeMap<PersonRef, BTreeMap<KnownName, BTreeSet<Source>>>,
    /// Consultations in which something urgent was sent or came.
    pub(super) urgent: BTreeSet<String>,
    /// Consultations in which a charter of a channel is spoken of.
    pub(super) charters: BTreeSet<String>,
    /// Messages that were there and did not open, by consultation.
    pub(super) unopened: BTreeMap<String, u64>,
    /// References minted here, with the consultation each is for.
    pub(super) minted: BTreeMap<PersonRef, String>,
    /// References of which this desk knows that they mean one man; each pair ascending.
    pub(super) alike: BTreeSet<(PersonRef, PersonRef)>,
    /// Consultations into which something came since this desk last looked what it owes there.
    pub(super) to_attend: BTreeSet<String>,
    /// Which messages carried which documents; none where the index of an earlier release did not say.
    pub(super) papers: Papers,
    /// Whether it says so.
    pub(super) knows_papers: bool,
}

/// A name of a person, as particulars state it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct KnownName {
    /// Whether it is the primary one.
    pub is_primary: bool,
    /// Script, ISO 15924.
    pub script: String,
    /// Family name.
    pub family: String,
    /// Given name; may be empty.
    pub given: String,
    /// How it was put into letters; may be empty.
    pub romanization: String,
}

/// The particulars that tell a name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Source {
    /// The consultation that they came in.
    pub(super) consultation: String,
    /// The act.
    pub(super) act: ActRef,
}

impl Index {
    /// Takes up one message.
    pub(super) fn note(&mut self, kept: &Kept, act: Option<&Act>) {
        let address = kept.header.address();
        self.papers.note(kept);
        self.consultations.insert(address.consultation.clone());
        if let Some(act) = act {
            for person in act.persons() {
                self.persons.entry(person).or_default().insert(address.consultation.clone());
            }
        }
        match act {
            Some(Act::PersonParticulars(particulars)) => {
                let names = self.names.entry(particulars.person).or_default();
                let source =
                    Source { consultation: address.consultation.clone(), act: ActRef::new(kept.digest) };
                for name in particulars.names.iter() {
                    names.entry(KnownName::of(name)).or_default().insert(source.clone());
                }
            }
            Some(Act::ChannelCharterNote(_)) => {
                self.charters.insert(address.consultation.clone());
            }
            _ => {}
        }
        if matches!(address.precedence, Precedence::Flash | Precedence::Immediate) {
            self.urgent.insert(address.consultation.clone());
        }
    }

    /// A message did not open.
    pub(super) fn note_unopened(&mut self, consultation: &str) {
        self.consultations.insert(consultation.to_owned());
        let count = self.unopened.entry(consultation.to_owned()).or_default();
        *count = count.saturating_add(1);
    }

    /// Consultations that speak of a person, ascending.
    pub(super) fn spoken_of_in(&self, person: &PersonRef) -> Vec<&str> {
        self.persons.get(person).into_iter().flatten().map(String::as_str).collect()
    }

    /// Every person that was spoken of, or for whom a reference was minted here.
    pub fn persons(&self) -> BTreeSet<PersonRef> {
        self.known_persons().copied().collect()
    }

    /// Everybody of whom somebody has spoken here, or for whom a reference was minted; some twice.
    pub(super) fn known_persons(&self) -> impl Iterator<Item = &PersonRef> {
        self.persons.keys().chain(self.minted.keys())
    }

    /// Whether somebody has spoken of this person here, or the reference was minted.
    pub fn knows(&self, person: &PersonRef) -> bool {
        self.persons.contains_key(person) || self.minted.contains_key(person)
    }

    /// All other references that mean the same man as this one, as far as this desk was told.
    pub fn also_known_as(&self, person: &PersonRef) -> BTreeSet<PersonRef> {
        let (mut known, mut open) = (BTreeSet::new(), vec![*person]);
        while let Some(one) = open.pop() {
            if !known.insert(one) {
                continue;
            }
            for (left, right) in &self.alike {
                open.extend((*left == one).then_some(*right));
                open.extend((*right == one).then_some(*left));
            }
        }
        known.remove(person);
        known
    }

    /// Persons who bear other references too, ascending.
    pub(super) fn joined(&self) -> BTreeSet<PersonRef> {
        self.alike.iter().flat_map(|(left, right)| [*left, *right]).collect()
    }

    /// Every consultation of which something is here, ascending.
    pub fn consultations(&self) -> &BTreeSet<String> {
        &self.consultations
    }

    /// Consultations in which something urgent was sent or came.
    pub fn urgent(&self) -> &BTreeSet<String> {
        &self.urgent
    }

    /// How many messages of a consultation did not open.
    pub fn unopened_in(&self, consultation: &str) -> u64 {
        self.unopened.get(consultation).copied().unwrap_or(0)
    }

    /// Whether two indexes say the same of what was registered; what this desk minted, was told and still has to do is
    /// its own.
    pub fn says_the_same(&self, other: &Self) -> bool {
        let own = Self::default;
        let registered = |index: &Self| {
            let Self { minted, alike, to_attend, .. } = own();
            Self { minted, alike, to_attend, ..index.clone() }
        };
        registered(self) == registered(other)
    }

    /// What no message says: it stays when everything else is written anew from the register.
    pub(super) fn own_knowledge(self) -> Self {
        Self { minted: self.minted, alike: self.alike, knows_papers: true, ..Self::default() }
    }

    /// What finds the names of all persons, and tells none.
    pub fn names(&self) -> NameIndex {
        self.names_but_for(&BTreeSet::new())
    }

    /// The same, where names that only these tell are no more than parts of names.
    pub(super) fn names_but_for(&self, doubted: &BTreeSet<Source>) -> NameIndex {
        let names = self.names.values().flatten();
        KnownName::finding(names.map(|(name, sources)| (name, !sources.is_subset(doubted))))
    }

    /// Whole names by the consultation that tells them, each with the acts that do.
    pub(super) fn told(&self) -> BTreeMap<&str, (Vec<String>, BTreeSet<&Source>)> {
        let mut told: BTreeMap<&str, (Vec<String>, BTreeSet<&Source>)> = BTreeMap::new();
        for (name, sources) in self.names.values().flatten() {
            for source in sources {
                let (spellings, acts) = told.entry(&source.consultation).or_default();
                spellings.extend(name.spellings());
                acts.insert(source);
            }
        }
        told
    }

    /// Whether it holds all that this release asks of it; the index of an earlier release does not say who told a name,
    /// nor who sent a document.
    pub(super) fn is_of_this_release(&self) -> bool {
        self.knows_papers && self.names.values().flatten().all(|(_, sources)| !sources.is_empty())
    }
}

impl KnownName {
    /// What finds these names, and tells none: whole ones where they are vouched for, else no more than parts of names.
    pub fn finding<'n>(names: impl IntoIterator<Item = (&'n Self, bool)>) -> NameIndex {
        let (mut whole, mut parts) = (Vec::new(), Vec::new());
        for (name, is_vouched_for) in names {
            if is_vouched_for { &mut whole } else { &mut parts }.extend(name.spellings());
            parts.extend([name.family.clone(), name.given.clone()]);
        }
        NameIndex::new(whole.iter().map(String::as_str)).with_parts(parts.iter().map(String::as_str))
    }

    /// A name of particulars.
    pub fn of(name: &PersonName) -> Self {
        let text = |text: &Option<crate::consultation::text::ShortText>| {
            text.as_ref().map(|text| text.as_str().to_owned()).unwrap_or_default()
        };
        Self {
            is_primary: name.is_primary,
            script: name.script.as_str().to_owned(),
            family: name.family_name.as_str().to_owned(),
            given: text(&name.given_name),
            romanization: text(&name.romanization),
        }
    }

    /// As somebody might write it: family name first and last. One name alone is borne by too many, or is an ordinary
    /// word: it is only looked for as a part.
    fn spellings(&self) -> Vec<String> {
        let Self { family, given, .. } = self;
        match has_letters(family) && has_letters(given) {
            false => Vec::new(),
            true => vec![format!("{family} {given}"), format!("{given} {family}")],
        }
    }
}

crate::consultation::opaque!(Index, Source, KnownName);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;

    fn told(names: &[(&str, &str)]) -> (Index, BTreeSet<Source>) {
        let act = ActRef::new(Digest::of(b"particulars"));
        let sources = BTreeSet::from([Source { consultation: "C-7QK4-M2XD-9WTV".to_owned(), act }]);
        let known = |(family, given): &(&str, &str)| KnownName {
            is_primary: true,
            script: "Latn".to_owned(),
            family: (*family).to_owned(),
            given: (*given).to_owned(),
            romanization: String::new(),
        };
        let person = PersonRef::parse("P-7QK4-M2XD-9WTV").unwrap();
        let names = names.iter().map(|name| (known(name), sources.clone())).collect();
        (Index { names: BTreeMap::from([(person, names)]), ..Index::default() }, sources)
    }

    #[test]
    fn only_a_name_of_family_and_given_name_is_a_whole_one() {
        let (index, _) = told(&[("the", ""), ("Hong", " - "), ("Ministry", ""), ("Kim", "Su")]);
        let names = index.names();
        for text in ["the Ministry", "Hong", "Su"] {
            assert!(!names.occurs_in(text), "{text}");
        }
        assert!(
            names.part_occurs_in("the Ministry")
                && names.part_occurs_in("Hong")
                && !names.part_occurs_in("the")
        );
        assert!(names.occurs_in("Kim Su") && names.occurs_in("Su KIM"));
    }

    #[test]
    fn a_name_that_only_doubted_particulars_tell_is_a_part_of_one() {
        let (mut index, sources) = told(&[("States", "May")]);
        assert!(index.names().occurs_in("States may join"));
        let doubted = index.names_but_for(&sources);
        assert!(!doubted.occurs_in("States may join") && doubted.part_occurs_in("States may join"));
        // Somebody else tells it too.
        let act = ActRef::new(Digest::of(b"other"));
        let other = Source { consultation: "C-4T9M-2XQ7-HD8K".to_owned(), act };
        index.names.values_mut().flat_map(BTreeMap::values_mut).for_each(|of| {
            of.insert(other.clone());
        });
        assert!(index.names_but_for(&sources).occurs_in("States may join"));
        assert!(!index.is_of_this_release(), "it does not know of documents");
        index.knows_papers = true;
        assert!(index.is_of_this_release());
        index.names.values_mut().flat_map(BTreeMap::values_mut).for_each(BTreeSet::clear);
        assert!(!index.is_of_this_release(), "as an earlier release wrote it");
    }
}
