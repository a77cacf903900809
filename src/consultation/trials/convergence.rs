//! Whatever the order of arrival: the same acts, verdicts and states at every desk, live and rebuilt; and no rule reads
//! anything that came later.

use super::safety::Departures;
use super::world::{Dice, PARTIES, World, charter};
use crate::consultation::act::ActKind;
use crate::consultation::casebook::Casebook;
use crate::consultation::rules::drafts::channel;
use crate::consultation::state::samples::person;
use crate::consultation::state::stage;

/// Histories in a default run; `CHANCERY_LONG=1` plays a hundred times as many.
fn histories() -> u64 {
    if std::env::var_os("CHANCERY_LONG").is_some() { 3_000 } else { 30 }
}

fn empty() -> Casebook {
    Casebook::new(channel(&PARTIES), charter())
}

#[test]
fn all_desks_come_to_the_same_acts_verdicts_and_states() {
    let (mut refused, mut hidden) = (0, 0);
    for seed in 0..histories() {
        let world = World::play(seed, 60);
        let first = &world.desks["XB"];
        for (party, book) in &world.desks {
            assert_eq!(
                (book.waiting().count(), book.history().len()),
                (0, world.sent.len()),
                "{seed} {party}"
            );
            assert!(book.history() == first.history(), "seed {seed}: {party} differs from XB");
            for number in [1, 2] {
                let shown = |book: &Casebook| {
                    stage::stage(&book.everything(), &person(number), world.at(), book.charter()).shown()
                };
                assert_eq!(shown(book), shown(first), "{seed} {party}");
            }
        }
        hidden += world.hidden;
        refused += world.sent.iter().filter(|sent| !sent.verdict.stands()).count();
    }
    assert!(refused > 20, "only {refused} acts were sent in spite of a refusal");
    assert!(hidden > 20, "only {hidden} acts hid what their sender knew");
}

#[test]
#[allow(clippy::print_stdout, reason = "the counts say what the test proves")]
fn nobody_leaves_against_a_withdrawal_hold_or_exposure_and_many_may_leave() {
    let (mut free, mut again, mut withdrawn) = (0, 0, 0);
    let mut all = Departures::default();
    for seed in 0..3 * histories() {
        let world = World::play(10_000 + seed, 60);
        let counts = &world.departures;
        free += usize::from(counts.clear > 0);
        withdrawn +=
            usize::from(counts.clear + counts.stopped_by_will > 0 && world.has(ActKind::WillWithdrawal));
        again += usize::from(counts.withdrawn_before > 0);
        all.clear += counts.clear;
        all.stopped_by_will += counts.stopped_by_will;
        all.stopped_by_hold += counts.stopped_by_hold;
        all.stopped_by_mail += counts.stopped_by_mail;
    }
    let told = format!(
        "of {} histories somebody could leave in {free} ({} steps), in {withdrawn} that knew a withdrawal, in {again} \
         after one; {} steps were stopped by will alone, {} by a hold, {} by acts on their way",
        3 * histories(),
        all.clear,
        all.stopped_by_will,
        all.stopped_by_hold,
        all.stopped_by_mail
    );
    println!("{told}");
    assert!(free >= 30 && withdrawn >= 30 && again >= 15, "{told}");
    assert!(all.stopped_by_will >= 10 && all.stopped_by_hold >= 5 && all.stopped_by_mail >= 1, "{told}");
}

#[test]
fn a_casebook_is_rebuilt_equal_and_in_any_order_to_equal_acts() {
    for seed in 0..histories() / 3 {
        let mut world = World::play(seed, 50);
        let mut dice = Dice::new(seed);
        for (party, arrived) in &mut world.arrived {
            let mut again = empty();
            for incoming in arrived.iter() {
                again.offer(incoming.clone());
            }
            assert!(again == world.desks[party], "seed {seed}: {party} rebuilt");
            for turn in (1..arrived.len()).rev() {
                arrived.swap(turn, dice.below(turn as u64 + 1) as usize);
            }
            let mut shuffled = empty();
            for incoming in arrived.iter() {
                shuffled.offer(incoming.clone());
            }
            assert!(
                shuffled.history() == world.desks[party].history(),
                "seed {seed}: {party} in another order"
            );
        }
    }
}

#[test]
fn a_verdict_rests_on_the_declared_past_and_nothing_that_came_later() {
    for seed in 0..histories() / 3 {
        let world = World::play(seed, 50);
        let whole = &world.desks["XA"];
        for incoming in &world.arrived["XA"] {
            let found = whole.everything().find(incoming.reference).unwrap();
            let errors = whole.judge_draft(incoming);
            let errors =
                errors.iter().filter(|one| one.severity == crate::consultation::rules::Severity::Error);
            let mut rules: Vec<_> = errors.map(|one| one.rule).collect();
            rules.sort_unstable();
            rules.dedup();
            assert_eq!(rules, found.verdict.rules(), "seed {seed}: {}", found.kind);
        }
    }
}
