//! `Registered`: one act as a desk registered it, and `Marks`: how far somebody knew the acts of each Power.
//!
//! What an act may rest on is what its sender declared to have known: `knew` compares two acts and asks nobody
//! else, so it answers the same at every desk. The order of arrival stands nowhere in here.

use std::fmt;

use crate::consultation::act::{Act, ActKind};
use crate::consultation::acts::values::ActRef;
use crate::consultation::opaque;
use crate::consultation::rules::table::Rule;
use crate::digest::Digest;
use crate::message::dispatch::Basis;
use crate::message::terms::{ActClass, Form, Level, Precedence};
use crate::time::Timestamp;
use crate::trust::name::{Ministry, Name};

/// One registered act.
#[derive(Clone, PartialEq, Eq)]
pub struct Registered {
    /// Digest of its dispatch, by which other acts name it.
    pub reference: ActRef,
    /// The ministry that sent it.
    pub sender: Ministry,
    /// Its number among the acts of its sender in this consultation; 0 where it did not go to all Powers.
    pub number: u64,
    /// What its sender declared to have known.
    pub basis: Marks,
    /// When it was released.
    pub released: Timestamp,
    /// Its class.
    pub class: ActClass,
    /// Its kind, as the dispatch states it.
    pub kind: String,
    /// The act; none where this release cannot read it.
    pub act: Option<Act>,
    /// How urgent it was.
    pub precedence: Precedence,
    /// Its level of protection.
    pub level: Level,
    /// Its diplomatic form.
    pub form: Form,
    /// The ministries it went to, ascending.
    pub addressees: Vec<Ministry>,
    /// Who signed it, as its dispatch lists them, each once.
    pub signed_by: Vec<Name>,
    /// SHA-256 of the public keys of the offices that signed it, as far as their certificates are known.
    pub hands: Vec<Digest>,
    /// Whether it conveys what a Power says that is not connected: hearsay, whatever it is (WIL-08).
    pub relayed: bool,
    /// What stands against it.
    pub verdict: Verdict,
    /// Where it bears no number: by which acts to all Powers, of whom and of which number, what it says was said again
    /// or answered by its own sender. Whoever knew one of them knew it.
    pub said_to_all: Vec<(Ministry, u64)>,
}

opaque!(Registered);

impl Registered {
    /// Its kind, where this release reads it.
    pub fn act_kind(&self) -> Option<ActKind> {
        self.act.as_ref().map(Act::act_kind)
    }

    /// Whether nothing stands against it and its sender says it himself. What permits something must stand; what stops
    /// need not.
    pub fn stands(&self) -> bool {
        self.verdict.stands() && !self.relayed
    }

    /// Whether its sender declared to have known `earlier` when it was sent. Nobody can declare an act without a
    /// number: it is known to its own sender, and to whoever knew an act to all Powers that says it again.
    pub fn knew(&self, earlier: &Self) -> bool {
        let is_own = self.sender == earlier.sender;
        match (earlier.number, self.number) {
            (0, _) if is_own && earlier.released < self.released => true,
            (0, _) => earlier.said_to_all.iter().any(|(sender, number)| self.heard(sender, *number)),
            _ => self.heard(&earlier.sender, earlier.number),
        }
    }

    /// Whether its sender knew the act of this number.
    fn heard(&self, sender: &Ministry, number: u64) -> bool {
        match self.number {
            own if own > 0 && self.sender == *sender => number < own,
            _ => self.basis.covers(sender, number),
        }
    }

    /// What its sender declared, its own earlier acts included.
    pub fn declared(&self) -> Marks {
        declared(&self.sender, self.number, &self.basis)
    }

    /// Where it stands among all acts: by release, sender and number, whatever the order of arrival.
    pub fn order(&self) -> Order<'_> {
        (self.released, &self.sender, self.number, self.reference)
    }
}

/// What acts are sorted by.
pub type Order<'a> = (Timestamp, &'a Ministry, u64, ActRef);

/// What an act with this sender, number and basis rests on: all earlier acts of its own ministry, and those of
/// the others that it names.
pub fn declared(sender: &Ministry, number: u64, basis: &Marks) -> Marks {
    let mut marks = basis.clone();
    if number > 0 {
        marks.set(sender, number.saturating_sub(1));
    }
    marks
}

/// The rules that stand against an act: errors only, ascending, each once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Verdict(Vec<Rule>);

impl Verdict {
    /// A verdict of these rules.
    pub fn new(mut rules: Vec<Rule>) -> Self {
        rules.sort_unstable();
        rules.dedup();
        Self(rules)
    }

    /// Whether nothing stands against the act.
    pub fn stands(&self) -> bool {
        self.0.is_empty()
    }

    /// The rules, ascending.
    pub fn rules(&self) -> &[Rule] {
        &self.0
    }
}

impl fmt::Display for Verdict {
    /// `ok`, or the codes with spaces between them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.stands() {
            return f.write_str("ok");
        }
        let words: Vec<&str> = self.0.iter().map(|rule| rule.word()).collect();
        f.write_str(&words.join(" "))
    }
}

/// Acts of a ministry that are not here yet.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Missing {
    /// The ministry.
    pub ministry: Ministry,
    /// The first that is missing.
    pub first: u64,
    /// The last that is known to exist.
    pub last: u64,
}

impl fmt::Display for Missing {
    /// `act 3 of XC`, `acts 3 to 5 of XC`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { ministry, first, last } = self;
        match first == last {
            true => write!(f, "act {first} of {ministry}"),
            false => write!(f, "acts {first} to {last} of {ministry}"),
        }
    }
}

/// For each Power the last act number that was known, ascending by ministry; a Power that is not in it: none.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Marks(Vec<(Ministry, u64)>);

impl Marks {
    /// Marks of these Powers; of two for one Power the higher.
    pub fn new(entries: impl IntoIterator<Item = (Ministry, u64)>) -> Self {
        let mut marks = Self::default();
        for (ministry, number) in entries {
            marks.raise(&ministry, number);
        }
        marks
    }

    /// The marks that a dispatch declares.
    pub fn of(basis: &[Basis]) -> Self {
        Self::new(basis.iter().map(|basis| (basis.ministry.clone(), basis.act_number)))
    }

    /// As a dispatch declares them.
    pub fn basis(&self) -> Vec<Basis> {
        let entry =
            |(ministry, act_number): (&Ministry, u64)| Basis { ministry: ministry.clone(), act_number };
        self.iter().map(entry).collect()
    }

    /// The last act number known of this Power, 0 for none.
    pub fn number(&self, ministry: &Ministry) -> u64 {
        self.place(ministry).ok().and_then(|place| self.0.get(place)).map_or(0, |(_, number)| *number)
    }

    /// Whether the act of this number is known. An act without a number never is.
    pub fn covers(&self, sender: &Ministry, number: u64) -> bool {
        number >= 1 && number <= self.number(sender)
    }

    /// The mark of this Power is at least `number` from now on.
    pub fn raise(&mut self, ministry: &Ministry, number: u64) {
        if number > self.number(ministry) {
            self.set(ministry, number);
        }
    }

    /// Every mark is at least that of `others` from now on.
    pub fn raise_all(&mut self, others: &Self) {
        others.iter().for_each(|(ministry, number)| self.raise(ministry, number));
    }

    /// The mark of this Power is `number` from now on.
    pub fn set(&mut self, ministry: &Ministry, number: u64) {
        match (self.place(ministry), number) {
            (Ok(place), 0) => {
                self.0.remove(place);
            }
            (Ok(place), _) => {
                if let Some((_, mark)) = self.0.get_mut(place) {
                    *mark = number;
                }
            }
            (Err(_), 0) => {}
            (Err(place), _) => self.0.insert(place, (ministry.clone(), number)),
        }
    }

    /// Each Power of which an act is known, with the number of the last one, ascending.
    pub fn iter(&self) -> impl Iterator<Item = (&Ministry, u64)> {
        self.0.iter().map(|(ministry, number)| (ministry, *number))
    }

    fn place(&self, ministry: &Ministry) -> Result<usize, usize> {
        self.0.binary_search_by(|(other, _)| other.cmp(ministry))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ministry(code: &str) -> Ministry {
        Ministry::parse(code).unwrap()
    }

    #[test]
    fn marks_cover_numbered_acts_up_to_the_last_known() {
        let (one, other) = (ministry("XA"), ministry("XB"));
        let mut marks = Marks::new([(other.clone(), 2), (one.clone(), 0), (other.clone(), 1)]);
        assert!(marks.covers(&other, 2) && !marks.covers(&other, 3) && !marks.covers(&other, 0));
        assert!(!marks.covers(&one, 1) && marks == Marks::new([(other.clone(), 2)]));
        marks.raise(&one, 4);
        marks.raise(&one, 3);
        let basis = marks.basis();
        assert_eq!(marks.number(&one), 4);
        assert!(basis.is_sorted_by(|a, b| a.ministry < b.ministry) && Marks::of(&basis) == marks);
        marks.set(&one, 0);
        assert_eq!(marks.iter().count(), 1);
    }

    #[test]
    fn an_act_rests_on_all_its_sender_did_before_whatever_its_basis_says_of_it() {
        let sender = ministry("XA");
        let basis = Marks::new([(sender.clone(), 9), (ministry("XB"), 2)]);
        assert_eq!(declared(&sender, 5, &basis).number(&sender), 4);
        assert_eq!(declared(&sender, 1, &basis).number(&sender), 0);
        assert_eq!(declared(&sender, 0, &basis).number(&sender), 9, "an unnumbered act has only its basis");
    }

    #[test]
    fn a_verdict_lists_each_rule_once_in_order() {
        let verdict = Verdict::new(vec![Rule::Prv03, Rule::Cls01, Rule::Prv03]);
        assert_eq!((verdict.to_string(), verdict.stands()), ("CLS_01 PRV_03".to_owned(), false));
        assert_eq!(Verdict::default().to_string(), "ok");
    }
}
