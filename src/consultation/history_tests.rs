//! Tests of the indexes, of declared pasts, and of the order that is not that of arrival.

use super::*;
use crate::consultation::state::samples::{Scene, ministry, person};
use crate::consultation::state::saying;

fn all(scene: &Scene) -> Vec<Registered> {
    scene.history().everything().acts().cloned().collect()
}

fn refiled(mut acts: Vec<Registered>, turn: usize) -> History {
    let middle = turn % acts.len();
    acts.rotate_left(middle);
    if turn % 2 == 1 {
        acts.reverse();
    }
    let mut history = History::default();
    for act in acts {
        assert!(history.register(act));
    }
    history
}

#[test]
fn every_index_gives_the_same_in_whatever_order_acts_were_filed() {
    let scene = Scene::cleared();
    let acts = all(&scene);
    assert!(acts.len() > 10 && acts.is_sorted_by_key(|act| (act.released, act.sender.clone(), act.number)));
    let references = |acts: &mut dyn Iterator<Item = &Registered>| -> Vec<ActRef> {
        acts.map(|act| act.reference).collect()
    };
    for turn in 0..acts.len() {
        let history = refiled(acts.clone(), turn);
        assert!(history == *scene.history());
        let (ours, theirs) = (history.everything(), scene.history().everything());
        assert!(references(&mut ours.of_person(&person(1))) == references(&mut theirs.of_person(&person(1))));
        let kind = ActKind::ProtectionAssessment;
        assert!(references(&mut ours.of_kind(kind)) == references(&mut theirs.of_kind(kind)));
        let thread = Thread::Arrangement(EntryId::parse("H-1").unwrap());
        let of_thread = references(&mut ours.of_thread(&thread));
        assert!(of_thread == references(&mut theirs.of_thread(&thread)) && of_thread.len() == 4);
    }
    let mut fewer = acts.clone();
    fewer.pop();
    assert!(refiled(fewer, 0) != *scene.history());
}

#[test]
fn an_act_is_filed_once_and_found_by_all_that_it_carries() {
    let scene = Scene::cleared();
    let mut history = scene.history().clone();
    let (acts, before) = (all(&scene), history.len());
    assert!(acts.iter().all(|act| !history.register(act.clone())) && history.len() == before);
    for act in &acts {
        let past = history.everything();
        assert!(past.find(act.reference).is_some_and(|found| found == act));
        let persons = act.act.as_ref().unwrap().persons();
        assert!(persons.iter().all(|person| past.of_person(person).any(|found| found == act)));
        assert!(history.numbered(&act.sender, act.number) == Some(act));
    }
    assert!(history.everything().persons().eq([person(1)]));
    assert_eq!(history.everything().of_person(&person(2)).count(), 0);
}

#[test]
fn a_declared_past_holds_what_was_declared_and_nothing_that_came_later() {
    let scene = Scene::cleared();
    for act in all(&scene) {
        let past = scene.history().declared(&act.sender, act.number, &act.basis);
        let known: Vec<&Registered> = past.acts().collect();
        let expected: Vec<Registered> = all(&scene).into_iter().filter(|other| act.knew(other)).collect();
        assert!(known.iter().copied().eq(expected.iter()));
        assert!(past.find(act.reference).is_none(), "nothing knows itself");
        assert!(past.of_person(&person(1)).all(|known| past.knew(known, &act)));
    }
}

#[test]
fn an_act_that_went_to_some_alone_is_seen_by_the_desk_and_declared_by_nobody() {
    let mut scene = Scene::ready();
    scene.say_unnumbered("IC", "will-withdrawal", "person = \"P1\"");
    let statement = scene.state("XB", "P1", &["XA"], &[]);
    let statement = ActRef::new(crate::digest::Digest::parse(&statement).unwrap());
    let history = scene.history();
    let found = history.everything().find(statement).unwrap();
    let withdrawals = |past: Past<'_>| saying!(past.of_person(&person(1)), WillWithdrawal).count();
    assert_eq!(withdrawals(history.everything()), 1);
    assert_eq!(withdrawals(history.declared(&found.sender, found.number, &found.basis)), 0);
    assert_eq!(history.heard(&ministry("XB"), &ministry("IC")), 0);
}

#[test]
fn what_was_said_again_to_all_is_joined_in_whatever_order_acts_were_filed() {
    let mut scene = Scene::cleared();
    let refuses = "person = \"P1\"\nsource = \"FAMILY\"\n\
                   refused = [{ kind = \"NAMED_STATE\", region_code = \"XA\" }]";
    scene.say_unnumbered("XA", "will-indication", refuses);
    scene.say("XA", "will-indication", refuses);
    scene.say("XB", "will-indication", refuses);
    let mut acts = all(&scene);
    let known = |acts: &[Registered]| acts.iter().map(|act| act.said_to_all.len()).collect::<Vec<_>>();
    let joined = known(&acts);
    assert_eq!(joined.iter().sum::<usize>(), 2);
    acts.iter_mut().for_each(|act| act.said_to_all.clear());
    for turn in 0..acts.len() {
        let history = refiled(acts.clone(), turn);
        let filed: Vec<Registered> = history.everything().acts().cloned().collect();
        assert_eq!(known(&filed), joined);
        assert!(history == *scene.history());
    }
}

#[test]
fn a_past_until_an_instant_holds_what_was_released_by_then_and_no_more_than_was_declared() {
    let mut scene = Scene::opened();
    let at = scene.at();
    scene.say("IC", "hold-notice", "persons = [\"P1\"]");
    let later = scene.at();
    scene.say("XA", "hold-notice", "persons = [\"P1\"]");
    let history = scene.history();
    let count = |past: Past<'_>| past.of_person(&person(1)).count();
    let all = history.everything();
    let before = at.before(std::time::Duration::from_secs(1));
    assert_eq!((count(all.until(later)), count(all.until(at)), count(all.until(before))), (2, 1, 0));
    assert_eq!((count(all.until(at).until(later)), count(all.until(later).until(at))), (1, 1));
    let known = Marks::new([(ministry("XA"), scene.last("XA"))]);
    let declared = history.declared(&ministry("XB"), scene.last("XB") + 1, &known);
    assert_eq!((count(declared.until(later)), count(declared.until(at))), (1, 0));
    let hold = all.of_sender(&ministry("XA")).next_back().unwrap();
    assert!(all.until(later).find(hold.reference).is_some() && all.until(at).find(hold.reference).is_none());
    assert_eq!(all.until(at).of_sender(&ministry("XA")).count(), 1, "its reply");
}
