//! Where the words for a place lead: `POWER_OF_ORIGIN` and `REMAIN_IN_DETAINING_STATE` name no State, the case does.
//!
//! A case is registered anew where it was wrong, and what was said before keeps its meaning then: whoever speaks means
//! the place that the case named as he knew it, and his word counts for every place that a registration named since,
//! which he did not know. So a registration only ever adds places to a word. Where they differ, two words may be one
//! place and may be two (`Likeness::Either`), which is enough to stop and too little to permit: no registration frees
//! anybody whom a word stopped. What frees is said anew, by somebody who knew the case as it is.
//!
//! What was true of a handover is asked of the registrations that were released until then (`Places::until`).

use std::collections::BTreeSet;

use crate::consultation::acts::custody::CaseRegistration;
use crate::consultation::acts::law::Destination;
use crate::consultation::acts::values::{Origin, RegionCode};
use crate::consultation::history::Past;
use crate::consultation::opaque;
use crate::consultation::reference::PersonRef;
use crate::consultation::registered::{Order, Registered};
use crate::consultation::state::custody;
use crate::time::Timestamp;
use crate::trust::name::Ministry;

/// A destination as somebody spoke of it.
#[derive(Clone, Copy)]
pub struct Spoken<'a> {
    destination: &'a Destination,
    by: Option<&'a Registered>,
}

impl<'a> Spoken<'a> {
    /// As this act names it: by the case that its sender knew, and by every registration since.
    pub const fn by(destination: &'a Destination, act: &'a Registered) -> Self {
        Self { destination, by: Some(act) }
    }

    /// As it is asked now: by the case as it stands.
    pub const fn now(destination: &'a Destination) -> Self {
        Self { destination, by: None }
    }

    /// As a note names it, or as it is asked now where it was not proposed yet.
    pub fn in_note(destination: &'a Destination, note: Option<&'a Registered>) -> Self {
        Self { destination, by: note }
    }

    /// The State that it names by its code.
    pub const fn named(&self) -> Option<&'a RegionCode> {
        self.destination.named()
    }

    /// Whether it names no place.
    pub const fn is_open(&self) -> bool {
        is_open(self.destination)
    }
}

/// How two destinations compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Likeness {
    /// They are one place.
    Same,
    /// They are one place by one registration of the case, and two by another.
    Either,
    /// It cannot be told: one is named by what it is, and the case does not say where that lies.
    Unknown,
    /// They are two places.
    Other,
}

impl Likeness {
    /// Whether a registration makes one place of them: what counts for whatever stops.
    pub const fn is_same_by_a_case(self) -> bool {
        matches!(self, Self::Same | Self::Either)
    }
}

/// What the registrations of a person say of where he comes from and who holds him.
#[derive(Clone, Default)]
pub struct Places<'h> {
    accounts: Vec<Account<'h>>,
}

opaque!(Spoken<'_>, Places<'_>);

/// A State; none where the case does not say which.
type Where<'a> = Option<&'a RegionCode>;

impl<'h> Places<'h> {
    /// By every registration of a person that stands.
    pub fn of(past: &Past<'h>, person: &PersonRef) -> Self {
        Self::by(past, person, |_| true)
    }

    /// By those that were released until an instant.
    pub fn until(past: &Past<'h>, person: &PersonRef, at: Timestamp) -> Self {
        Self::by(past, person, |one| one.released <= at)
    }

    fn by(past: &Past<'h>, person: &PersonRef, counts: impl Fn(&Registered) -> bool) -> Self {
        let mut accounts: Vec<Account<'h>> = Vec::new();
        for (one, act) in custody::registrations(past, person).filter(|(one, _)| counts(one)) {
            match accounts.iter_mut().find(|account| *account.sender == one.sender) {
                Some(account) => account.claims.push(Claim::of(one, act)),
                None => accounts.push(Account::new(one, act)),
            }
        }
        accounts.iter_mut().for_each(Account::settle);
        Self { accounts }
    }

    /// How two destinations compare for this person.
    pub fn compare(&self, one: Spoken<'_>, other: Spoken<'_>) -> Likeness {
        let is_one_word = one.destination == other.destination;
        let are_named = one.named().is_some() && other.named().is_some();
        match are_named || one.is_open() || other.is_open() {
            true if is_one_word => Likeness::Same,
            true => Likeness::Other,
            false => liken(&self.meant(one), &self.meant(other), is_one_word),
        }
    }

    /// Whether two who spoke of these meant the same place, each by the case as he knew it.
    pub fn mean_the_same(&self, one: Spoken<'_>, other: Spoken<'_>) -> bool {
        let (ours, theirs) = (self.known(one), self.known(other));
        ours == theirs && (ours.is_some() || one.destination == other.destination)
    }

    /// Whether the case as it stands says where a destination lies.
    pub fn is_known(&self, destination: &Destination) -> bool {
        !self.meant(Spoken::now(destination)).contains(&None)
    }

    /// Every State that a destination may be; the word for it where it may be any.
    pub fn all(&self, spoken: Spoken<'_>) -> Vec<Destination> {
        let meant = self.meant(spoken).into_iter();
        let named =
            |code: Where<'_>| code.cloned().map_or(spoken.destination.clone(), Destination::NamedState);
        meant.map(named).collect()
    }

    /// Whether a destination is more than one place, because the case was registered anew since it was spoken of.
    pub fn is_unsettled(&self, spoken: Spoken<'_>) -> bool {
        self.meant(spoken).len() > 1
    }

    /// Whether whoever sent this act knew every registration.
    pub fn are_known_to(&self, act: &Registered) -> bool {
        self.accounts.iter().all(|account| account.ends_before(known_to(act, account.sender)))
    }

    /// The State that a destination is by the case as whoever spoke of it knew it.
    fn known<'a>(&'a self, spoken: Spoken<'a>) -> Where<'a> {
        if let Some(code) = spoken.named() {
            return Some(code);
        }
        let upto = |account: &Account<'_>| spoken.by.map(|act| known_to(act, account.sender));
        let claims = self.accounts.iter().filter_map(|account| Some((account, account.last(upto(account))?)));
        let case = claims.min_by(|(_, one), (_, next)| one.first.cmp(&next.first));
        case.and_then(|(account, claim)| account.read(claim, spoken.destination))
    }

    /// The States that a destination may be: that one, and those that registrations named which he did not know.
    fn meant<'a>(&'a self, spoken: Spoken<'a>) -> BTreeSet<Where<'a>> {
        let mut meant = BTreeSet::from([self.known(spoken)]);
        let (Some(act), None) = (spoken.by, spoken.named()) else { return meant };
        for account in &self.accounts {
            let since = account.since(known_to(act, account.sender));
            meant.extend(since.map(|claim| account.read(claim, spoken.destination)));
        }
        meant
    }
}

/// What one Power registered, by the numbers of its acts. Registrations that repeat the one before say nothing new.
#[derive(Clone)]
struct Account<'h> {
    sender: &'h Ministry,
    state: Option<RegionCode>,
    claims: Vec<Claim<'h>>,
    /// For every origin that it ever named the last claim that does, by their numbers.
    last: Vec<Claim<'h>>,
    /// The number of its last registration that said something new.
    end: u64,
}

/// One registration.
#[derive(Clone, Copy)]
struct Claim<'h> {
    number: u64,
    origin: Where<'h>,
    /// The first that its Power had released when it said so.
    first: Order<'h>,
}

impl<'h> Claim<'h> {
    fn of(registered: &'h Registered, act: &'h CaseRegistration) -> Self {
        let origin = match &act.power_of_origin {
            Origin::State(code) => Some(code),
            Origin::Undetermined => None,
        };
        Self { number: registered.number, origin, first: registered.order() }
    }
}

impl<'h> Account<'h> {
    fn new(registered: &'h Registered, act: &'h CaseRegistration) -> Self {
        Self {
            sender: &registered.sender,
            state: custody::region(&registered.sender),
            claims: vec![Claim::of(registered, act)],
            last: Vec::new(),
            end: 0,
        }
    }

    fn settle(&mut self) {
        self.claims.sort_by_key(|claim| claim.number);
        let mut first: Option<Order<'h>> = None;
        for claim in &mut self.claims {
            let earliest = first.map_or(claim.first, |first| first.min(claim.first));
            (claim.first, first) = (earliest, Some(earliest));
        }
        let mut before = None;
        for claim in &self.claims {
            if before.replace(claim.origin) != Some(claim.origin) {
                self.end = claim.number;
            }
        }
        let mut named = BTreeSet::new();
        self.last = self.claims.iter().rev().filter(|claim| named.insert(claim.origin)).copied().collect();
        self.last.reverse();
    }

    /// The last claim up to a number, or of all.
    fn last(&self, upto: Option<u64>) -> Option<&Claim<'h>> {
        let count =
            upto.map_or(self.claims.len(), |upto| self.claims.partition_point(|one| one.number <= upto));
        self.claims.get(count.checked_sub(1)?)
    }

    /// Where a claim says that the place lies which a word is for.
    fn read<'a>(&'a self, claim: &Claim<'a>, word: &Destination) -> Where<'a> {
        match word {
            Destination::PowerOfOrigin => claim.origin,
            Destination::RemainInDetainingState => self.state.as_ref(),
            _ => None,
        }
    }

    /// What it named after this number, each origin once.
    fn since(&self, number: u64) -> impl Iterator<Item = &Claim<'h>> {
        let from = self.last.partition_point(|claim| claim.number <= number);
        self.last.iter().skip(from)
    }

    fn ends_before(&self, number: u64) -> bool {
        self.end <= number
    }
}

/// The last act of a ministry that the sender of this one knew; its own acts by their numbers.
fn known_to(act: &Registered, ministry: &Ministry) -> u64 {
    match act.number.checked_sub(1) {
        Some(before) if act.sender == *ministry => before,
        _ => act.basis.number(ministry),
    }
}

fn liken(one: &BTreeSet<Where<'_>>, other: &BTreeSet<Where<'_>>, is_one_word: bool) -> Likeness {
    let shared = one.intersection(other).any(|place| place.is_some() || is_one_word);
    match () {
        () if shared && one.len() == 1 && other.len() == 1 => Likeness::Same,
        () if shared => Likeness::Either,
        () if one.contains(&None) || other.contains(&None) => Likeness::Unknown,
        () => Likeness::Other,
    }
}

/// Whether a destination names no place.
pub const fn is_open(destination: &Destination) -> bool {
    matches!(destination, Destination::AnyStateExceptRefused | Destination::Undecided)
}

#[cfg(test)]
#[path = "places_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "places_moving_tests.rs"]
mod moving_tests;
