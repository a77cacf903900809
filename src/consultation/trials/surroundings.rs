//! No rule of a verdict reads anything but the declared past, the charter and the act: the same act among whatever else
//! a desk may hold, know or believe comes to the same verdict.

use super::world::{PARTIES, World, charter, ministries};
use crate::consultation::act::Act;
use crate::consultation::acts::law::Destination;
use crate::consultation::acts::values::{ActRef, RegionCode};
use crate::consultation::casebook::{Casebook, Incoming};
use crate::consultation::charter::Charter;
use crate::consultation::receive::{Received, receive};
use crate::consultation::registered::Marks;
use crate::consultation::rules::drafts::{Draft, channel};
use crate::consultation::rules::judgement::{ChannelFacts, FormalNumbers, Judgement, Promises};
use crate::consultation::rules::names::NameIndex;
use crate::consultation::rules::{Rule, Severity, judge};
use crate::consultation::state::samples::{act, ministry};
use crate::digest::Digest;
use crate::message::terms::Level;
use std::time::Duration;

fn histories() -> u64 {
    if std::env::var_os("CHANCERY_LONG").is_some() { 400 } else { 14 }
}

fn book(channel: ChannelFacts) -> Casebook {
    Casebook::new(channel, charter())
}

/// The rules that stand against an act at a desk that holds this.
fn errors(book: &Casebook, incoming: &Incoming) -> Vec<Rule> {
    let found = book.judge_draft(incoming);
    let errors = found.iter().filter(|one| one.severity == Severity::Error);
    let mut rules: Vec<Rule> = errors.map(|one| one.rule).collect();
    rules.sort_unstable();
    rules.dedup();
    rules
}

/// Nothing but what an act declares and what that rests on itself, at a desk that accredited the channel otherwise. Who
/// hides what he knew declares a past with holes; the acts in it were judged on what they declare, and count as they
/// are.
fn least(world: &World, marks: &Marks) -> Casebook {
    let facts = ChannelFacts { suspended: true, ceiling: Level::TopSecret, ..channel(&PARTIES) };
    let mut least = book(facts);
    let marks = &closed(world, marks.clone());
    for incoming in &world.arrived["XB"] {
        if marks.covers(&incoming.address.sender, incoming.position.act_number) {
            least.offer(incoming.clone());
        }
    }
    assert_eq!(least.waiting().count(), 0, "a declared past is whole");
    least
}

/// These marks, and those of every act that they cover.
fn closed(world: &World, mut marks: Marks) -> Marks {
    loop {
        let before = marks.clone();
        for incoming in &world.arrived["XB"] {
            if before.covers(&incoming.address.sender, incoming.position.act_number) {
                marks.raise_all(&incoming.declared());
            }
        }
        if marks == before {
            return marks;
        }
    }
}

/// Everything, and beyond it acts of everybody that speak against everything and that nobody declares.
fn most(world: &World) -> Casebook {
    let mut most = world.desks["XB"].clone();
    let strays = [
        ("hold-notice", "persons = [\"P1\", \"P2\"]\nreason = \"SECURITY\"".to_owned()),
        ("will-withdrawal", "person = \"P1\"".to_owned()),
        ("will-withdrawal", "person = \"P2\"".to_owned()),
        ("death-notice", "person = \"P1\"\ninquiry_opened = true".to_owned()),
        ("consultation-closure", "kind = \"ADJOURNED\"".to_owned()),
    ];
    for sender in PARTIES {
        for (kind, fields) in &strays {
            let (number, basis) = (most.next_number(&ministry(sender)), most.draft_basis());
            // Long before everything, and long after it.
            let at = world.at().before(Duration::from_secs(400 * 86_400 * (number % 2)));
            let draft = Draft::new(&PARTIES, sender, number, &basis, at, act(kind, fields));
            let reference = Digest::of(format!("{sender} {number} {kind}").as_bytes());
            let Draft { address, position, dispatch, authorities, .. } = draft;
            most.offer(Incoming::new(address, position, dispatch, reference, Some(authorities)));
        }
    }
    most
}

/// The rules of verdicts that stand against an act, asked by a desk that knows names, other consultations, documents
/// and numbers, and has a clock and a policy of its own.
fn at_a_desk_of_its_own(book: &Casebook, incoming: &Incoming) -> Vec<Rule> {
    let dispatch = &incoming.dispatch;
    let Received::Read(act) = receive(&dispatch.kind, dispatch.act_class, &dispatch.act) else {
        return Vec::new();
    };
    let act: &Act = &act;
    let names = NameIndex::new(["Treaties", "Prisoners of war"]).with_parts(["Division", "procedure"]);
    let past =
        book.declared(&incoming.address.sender, incoming.position.act_number, &Marks::of(&dispatch.basis));
    let found = judge(&Judgement {
        at: incoming.position.release_time.after(Duration::from_secs(3600 * 24 * 900)),
        address: &incoming.address,
        position: Some(&incoming.position),
        dispatch,
        act,
        verified: Some(&dispatch.authentications),
        past: Some(&past),
        charter: book.charter(),
        authorities: incoming.authorities.as_ref(),
        channel: Some(&ChannelFacts { suspended: true, ..channel(&["XA", "XB"]) }),
        formal_numbers: FormalNumbers { last: Some(900), complete: true },
        earlier: &[],
        documents: Some(&[]),
        names: &names,
        persons_elsewhere: &act.persons().into_iter().collect(),
        promised_elsewhere: &elsewhere(act),
    });
    let errors = found.iter().filter(|one| one.severity == Severity::Error && one.rule.is_common());
    let mut rules: Vec<Rule> = errors.map(|one| one.rule).collect();
    rules.sort_unstable();
    rules.dedup();
    rules
}

/// Everybody of whom an act speaks, promised to a State that nobody here names.
fn elsewhere(act: &Act) -> Promises {
    let there = Destination::NamedState(RegionCode::parse("XQ").unwrap());
    act.persons().into_iter().map(|person| (person, vec![there.clone()])).collect()
}

#[test]
fn no_rule_of_a_verdict_reads_anything_but_the_declared_past_the_charter_and_the_act() {
    let (mut judged, mut refused, mut by_past, mut by_charter) = (0, 0, 0, 0);
    for seed in 0..histories() {
        let world = World::play(30_000 + seed, 40);
        let most = most(&world);
        // Whole declared pasts are folded for each: some of the acts are enough.
        for incoming in world.arrived["XB"].iter().skip(seed as usize % 4).step_by(4) {
            let declared = incoming.declared();
            let expected = world.desks["XB"].everything().find(incoming.reference).unwrap().verdict.clone();
            let least = least(&world, &declared);
            assert_eq!(errors(&least, incoming), expected.rules(), "{seed}: the declared past alone");
            assert_eq!(
                errors(&most, incoming),
                expected.rules(),
                "{seed}: {} among strays",
                incoming.dispatch.kind
            );
            let common: Vec<Rule> =
                expected.rules().iter().copied().filter(|rule| rule.is_common()).collect();
            assert_eq!(at_a_desk_of_its_own(&least, incoming), common, "{seed}: {}", incoming.dispatch.kind);
            judged += 1;
            refused += usize::from(!expected.stands());
            // What may change it does: the past, and the charter.
            by_past += usize::from(errors(&book(channel(&PARTIES)), incoming) != expected.rules());
            let strict = Charter {
                cooling_off: Duration::from_secs(40 * 86_400),
                will_validity: Duration::from_secs(1),
                ..Charter::default_for(ministries())
            };
            let mut other = Casebook::new(channel(&PARTIES), strict);
            let all = world.arrived["XB"].iter();
            all.filter(|one| declared.covers(&one.address.sender, one.position.act_number))
                .for_each(|one| drop(other.offer(one.clone())));
            by_charter += usize::from(errors(&other, incoming) != expected.rules());
        }
        let strays = most.history().len() - world.desks["XB"].history().len();
        assert!(strays >= 15, "{strays} strays");
        assert!(most.everything().find(ActRef::new(Digest::of(b"none"))).is_none());
    }
    let told = format!(
        "{judged} judged, {refused} refused, {by_past} hang on the past, {by_charter} on the charter"
    );
    assert!(judged > 80 && refused > 5 && by_past > 25 && by_charter > 10, "{told}");
}
