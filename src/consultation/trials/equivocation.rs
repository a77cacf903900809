//! Senders that give one number to two acts and send one here and the other there, or both. Whoever has both notices,
//! and lets nobody depart any more; a protective act is lost nowhere; and where a GO was given on a stop that the desk
//! of the Detaining Power does not have, though it has another act under that number, nobody departs either.
//!
//! What is not noticed: two desks that hold one each, as long as neither is shown the other. A basis counts numbers,
//! and the logs of two pairs are not compared. They may judge later acts differently then, and differ in nothing else.

use std::collections::BTreeSet;

use super::world::{PARTIES, World, hex};
use crate::consultation::acts::values::ActRef;
use crate::consultation::casebook::{Casebook, Incoming};
use crate::consultation::registered::Marks;
use crate::consultation::rules::Rule;
use crate::consultation::rules::drafts::Draft;
use crate::consultation::state::samples::{act, ministry};
use crate::consultation::state::{commitments, departure};
use crate::digest::Digest;
use crate::message::terms::ActClass;

/// Two acts of one number.
pub(super) struct Twin {
    sender: &'static str,
    number: u64,
    first: ActRef,
    second: ActRef,
}

impl Twin {
    pub(super) fn pair(&self) -> [ActRef; 2] {
        [self.first, self.second]
    }
}

impl World {
    /// Now and then another act under the number of this one: other words, or only other bytes.
    pub(super) fn twin(&mut self, sender: &'static str, original: &Incoming) -> Option<Incoming> {
        let dice = self.doubling.as_mut()?;
        if !dice.one_in(12) {
            return None;
        }
        let choice = dice.below(4);
        let number = original.position.act_number;
        let basis = Marks::of(&original.dispatch.basis);
        let mut twin = original.clone();
        let other = match choice {
            0 => Some(("will-withdrawal", "person = \"P1\"")),
            1 => Some(("hold-notice", "persons = [\"P1\"]\nreason = \"SECURITY\"")),
            2 => Some(("consultation-closure", "kind = \"ADJOURNED\"")),
            _ => None,
        };
        if let Some((kind, fields)) = other {
            let at = original.position.release_time;
            let draft = Draft::new(&PARTIES, sender, number, &basis, at, act(kind, fields));
            let Draft { address, position, dispatch, authorities, .. } = draft;
            twin = Incoming::new(address, position, dispatch, Digest::of(b"twin"), Some(authorities));
        }
        twin.dispatch.salt = *Digest::of(format!("another {sender} {number}").as_bytes()).as_bytes();
        twin.reference = ActRef::new(Digest::of(&twin.dispatch.bytes()));
        self.refs.insert(hex(twin.reference), format!("{sender}{number}b"));
        let (first, second) = (original.reference, twin.reference);
        self.twins.push(Twin { sender, number, first, second });
        Some(twin)
    }

    /// What one party is sent of two acts: mostly one of them.
    pub(super) fn dealt(&mut self, first: &Incoming, second: &Incoming) -> Vec<Incoming> {
        match self.doubling.as_mut().map_or(0, |dice| dice.below(5)) {
            0..=1 => vec![first.clone()],
            2..=3 => vec![second.clone()],
            _ => vec![first.clone(), second.clone()],
        }
    }

    /// The act that bore the number of this one at its sender.
    pub(super) fn first_of(&self, reference: ActRef) -> String {
        let twin = self.twins.iter().find(|twin| twin.second == reference);
        hex(twin.map_or(reference, |twin| twin.first))
    }

    fn came(&self, party: &str) -> BTreeSet<ActRef> {
        self.arrived[party].iter().map(|one| one.reference).collect()
    }
}

fn histories() -> u64 {
    if std::env::var_os("CHANCERY_LONG").is_some() { 3_000 } else { 60 }
}

#[test]
#[allow(clippy::print_stdout, reason = "the counts say what the test proves")]
fn nobody_leaves_where_one_number_was_given_to_two_acts_and_a_go_knew_the_other() {
    let (mut clear, mut noticed, mut listed) = (0, 0, 0);
    for seed in 0..3 * histories() {
        // Each step asks, and fails where somebody may leave against what a GO knew.
        let world = World::play_doubly(50_000 + seed, 60);
        if !world.twins.is_empty() {
            clear += usize::from(world.departures.clear > 0);
            noticed += world.departures.stopped_by_doubles;
            listed += world.departures.stopped_by_list;
        }
    }
    let told = format!(
        "somebody could leave in {clear} histories of double numbers; {noticed} steps were stopped by a number of two \
         acts alone, {listed} by a protective act that a GO named alone"
    );
    println!("{told}");
    assert!(clear >= 20 && noticed >= 3 && listed >= 20, "{told}");
}

#[test]
#[allow(clippy::print_stdout, reason = "the counts say what the test proves")]
fn whoever_has_both_acts_of_a_number_notices_and_lets_nobody_depart() {
    let (mut seen, mut stopped, mut protective, mut apart, mut alike) = (0, 0, 0, 0, 0);
    for seed in 0..histories() {
        let world = World::play_doubly(seed, 60);
        for (party, book) in &world.desks {
            let came = world.came(party);
            let both = world.twins.iter().filter(|twin| twin.pair().iter().all(|one| came.contains(one)));
            let both: BTreeSet<_> = both.map(|twin| (ministry(twin.sender), twin.number)).collect();
            let found: BTreeSet<_> =
                book.equivocations().map(|(sender, number, _)| (sender.clone(), number)).collect();
            assert_eq!(found, both, "{seed}: {party} notices what it has twice, and nothing else");
            seen += both.len();
            stopped += usize::from(stops(book, &world).is_some_and(|stops| {
                assert_eq!(stops.contains(&Rule::Chn04), !both.is_empty(), "{seed} {party}");
                !both.is_empty()
            }));
            for one in world.arrived[party].iter().filter(|one| one.class() == ActClass::Protective) {
                assert!(
                    book.everything().find(one.reference).is_some(),
                    "{seed}: {party} lost a protective act"
                );
                protective +=
                    usize::from(world.twins.iter().any(|twin| twin.pair().contains(&one.reference)));
            }
        }
        for (one, other) in [("IC", "XA"), ("IC", "XB"), ("XA", "XB")] {
            let (left, right) = (&world.desks[one], &world.desks[other]);
            if world.came(one) == world.came(other) && both_undivided(left, right) {
                assert!(left.history() == right.history(), "{seed}: {one} and {other} hold the same");
                alike += 1;
            } else {
                apart += 1;
            }
        }
    }
    let told = format!(
        "{seen} double numbers noticed, {stopped} times before an arranged departure; {protective} protective acts \
         among them; {apart} pairs of desks were sent different acts, {alike} the same"
    );
    println!("{told}");
    assert!(seen > 20 && stopped > 5 && protective > 20 && apart > 20 && alike > 10, "{told}");
}

/// Whether neither noticed anything: what stands in a declared past hangs on what came first where somebody did.
fn both_undivided(one: &Casebook, other: &Casebook) -> bool {
    one.equivocations().count() + other.equivocations().count() == 0
}

/// What stands against the departure of the first who is arranged for.
fn stops(book: &Casebook, world: &World) -> Option<Vec<Rule>> {
    let past = book.everything();
    let arranged = commitments::arrangement(&past, &World::arrangement())?;
    let person = arranged.act.persons.iter().next()?;
    let stops = departure::clear_to_depart(&past, person, &World::arrangement(), world.at(), book.charter());
    Some(stops.into_iter().map(|stop| stop.rule).collect())
}
