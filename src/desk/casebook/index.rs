//! What a desk must know across consultations: where a person is spoken of, under which names, and where something
//! urgent was said.
//!
//! Kept messages enter, in any order; the same index comes of them. Names stand here and in the particulars they came
//! from, nowhere else: whoever shows one asks for it by name (`Desk::names_of`), and every other way gives a
//! `NameIndex`, which finds names and tells none.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::consultation::act::{Act, ActKind};
use crate::consultation::acts::custody::PersonName;
use crate::consultation::reference::{ConsultationId, PersonRef};
use crate::consultation::rules::names::NameIndex;
use crate::message::terms::Precedence;
use crate::time::Timestamp;

use super::kept::Kept;

/// The index of a desk.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Index {
    /// Every consultation of which something is here.
    pub(super) consultations: BTreeSet<String>,
    /// Where a person is spoken of.
    pub(super) persons: BTreeMap<PersonRef, BTreeMap<String, Mention>>,
    /// Names by person, each with what it says of itself.
    pub(super) names: BTreeMap<PersonRef, BTreeSet<KnownName>>,
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
}

/// How a person stands in a consultation: the earliest there comes first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Mention {
    /// Whether only other acts speak of the person, and no registration of the case.
    pub(super) is_by_the_way: bool,
    /// Release of the first act that does.
    pub(super) since: Timestamp,
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

impl Index {
    /// Takes up one message.
    pub(super) fn note(&mut self, kept: &Kept, act: Option<&Act>) {
        let address = kept.header.address();
        self.consultations.insert(address.consultation.clone());
        if let Some(act) = act {
            self.note_persons(act, &address.consultation, kept.header.position().release_time);
        }
        match act {
            Some(Act::PersonParticulars(particulars)) => {
                let names = self.names.entry(particulars.person).or_default();
                names.extend(particulars.names.iter().map(KnownName::of));
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

    fn note_persons(&mut self, act: &Act, consultation: &str, released: Timestamp) {
        let is_by_the_way = act.act_kind() != ActKind::CaseRegistration;
        let mention = Mention { is_by_the_way, since: released };
        for person in act.persons() {
            let known = self.persons.entry(person).or_default();
            let earliest = known.entry(consultation.to_owned()).or_insert(mention);
            *earliest = mention.min(*earliest);
        }
    }

    /// A message did not open.
    pub(super) fn note_unopened(&mut self, consultation: &str) {
        self.consultations.insert(consultation.to_owned());
        let count = self.unopened.entry(consultation.to_owned()).or_default();
        *count = count.saturating_add(1);
    }

    /// The consultation that a person belongs to: where the case was registered, else where somebody spoke of the
    /// person first. Nothing for one nobody has spoken of.
    pub fn home_of(&self, person: &PersonRef) -> Option<ConsultationId> {
        let mentions = self.persons.get(person).into_iter().flatten();
        let first = mentions.min_by_key(|(consultation, mention)| (**mention, *consultation));
        let home = first.map(|(consultation, _)| consultation).or_else(|| self.minted.get(person))?;
        ConsultationId::parse(home).ok()
    }

    /// Persons that belong to other consultations than this one (PRV-02).
    pub fn persons_elsewhere(&self, consultation: &str) -> BTreeSet<PersonRef> {
        let elsewhere =
            |person: &&PersonRef| self.home_of(person).is_some_and(|home| home.text() != consultation);
        self.persons.keys().chain(self.minted.keys()).filter(elsewhere).copied().collect()
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

    /// Persons of whom a consultation speaks and who bear other references too, ascending.
    pub(super) fn known_elsewhere(&self, consultation: &str) -> Vec<PersonRef> {
        let linked = self.alike.iter().flat_map(|(left, right)| [*left, *right]);
        let here =
            linked.filter(|person| self.home_of(person).is_some_and(|home| home.text() == consultation));
        let here: BTreeSet<PersonRef> = here.collect();
        here.into_iter().collect()
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
        Self { minted: self.minted, alike: self.alike, ..Self::default() }
    }

    /// What finds the names of all persons, and tells none.
    pub fn names(&self) -> NameIndex {
        let names = || self.names.values().flatten();
        let spellings: Vec<String> = names().flat_map(KnownName::spellings).collect();
        let parts = names().flat_map(|name| [name.family.as_str(), name.given.as_str()]);
        NameIndex::new(spellings.iter().map(String::as_str)).with_parts(parts)
    }
}

impl KnownName {
    fn of(name: &PersonName) -> Self {
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

    /// As somebody might write it: family name first and last. A family name alone is borne by too many, and is only
    /// looked for as a part.
    fn spellings(&self) -> Vec<String> {
        let Self { family, given, .. } = self;
        match given.trim() {
            "" => vec![family.clone()],
            _ => vec![format!("{family} {given}"), format!("{given} {family}")],
        }
    }
}

impl fmt::Debug for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Index")
    }
}

impl fmt::Debug for KnownName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KnownName")
    }
}
