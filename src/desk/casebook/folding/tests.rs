//! What a hostile peer may put into a consultation: numbers that nobody can count through, and acts that wait for ever.

use super::*;
use crate::consultation::act::ActKind;
use crate::desk::casebook::kept::samples::{CONSULTATION, kept};

fn ministry(code: &str) -> Ministry {
    Ministry::parse(code).unwrap()
}

fn folded() -> Folded {
    let parties: Vec<Ministry> = ["XA", "XB", "XC"].map(ministry).to_vec();
    let facts = ChannelFacts {
        channel: ChannelId::parse("ch-0123456789abcdef").unwrap(),
        parties: parties.clone(),
        suspended: false,
        ceiling: Level::Restricted,
    };
    Folded::new(CONSULTATION, facts, Charter::default_for(parties))
}

const LETTER: ActKind = ActKind::Correspondence;

#[test]
fn a_number_that_never_came_is_passed_over_when_a_later_one_did() {
    let mut folded = folded();
    folded.take(kept(LETTER, "XB", 1, &[]));
    folded.take(kept(LETTER, "XB", 4, &[]));
    let missing = Missing { ministry: ministry("XB"), first: 2, last: 3 };
    assert_eq!(folded.book.passed_over().collect::<Vec<_>>(), [missing]);
    assert_eq!(folded.book.history().len(), 2);
}

#[test]
fn a_number_far_beyond_all_others_keeps_nobody_counting() {
    let mut folded = folded();
    folded.take(kept(LETTER, "XB", 1, &[]));
    folded.take(kept(LETTER, "XB", limits::NUMBER_MAX, &[]));
    assert_eq!(folded.book.passed_over().count(), 0);
    assert_eq!((folded.book.history().len(), folded.book.waiting().count()), (1, 1));
    let missing = folded.book.lacking();
    assert_eq!(folded.overdrawn(), missing, "and that is said");
    assert_eq!((missing[0].first, missing[0].last), (2, limits::NUMBER_MAX - 1));
    // Protective acts stop somebody whatever number they bear, and what follows in order goes on.
    folded.take(kept(ActKind::HoldNotice, "XB", limits::NUMBER_MAX - 1, &[]));
    folded.take(kept(LETTER, "XB", 2, &[]));
    assert_eq!((folded.book.history().len(), folded.book.waiting().count()), (3, 1));
    // As many as a bad link may lose are passed over.
    let mut folded = self::folded();
    folded.take(kept(LETTER, "XB", limits::CASEBOOK_GAP_ACTS_MAX + 1, &[]));
    assert_eq!(folded.book.count_passed_over(&ministry("XB")), limits::CASEBOOK_GAP_ACTS_MAX);
    assert_eq!(folded.book.history().len(), 1);
    let mut folded = self::folded();
    folded.take(kept(LETTER, "XB", limits::CASEBOOK_GAP_ACTS_MAX + 2, &[]));
    assert_eq!(folded.book.passed_over().count(), 0);
}

#[test]
fn whoever_leaves_out_numbers_again_and_again_is_followed_only_so_far_and_loses_no_protective_act() {
    let mut folded = folded();
    let (xb, leap) = (ministry("XB"), limits::CASEBOOK_GAP_ACTS_MAX + 1);
    let leaps = limits::CASEBOOK_PASSED_OVER_ACTS_MAX / limits::CASEBOOK_GAP_ACTS_MAX;
    for place in 1..=leaps {
        folded.take(kept(LETTER, "XB", place * leap, &[]));
        assert!(folded.overdrawn().is_empty());
    }
    assert_eq!(folded.book.count_passed_over(&xb), limits::CASEBOOK_PASSED_OVER_ACTS_MAX);
    assert_eq!(folded.book.passed_over().count() as u64, leaps, "one row for each gap");
    folded.take(kept(LETTER, "XB", leaps * leap + 2, &[]));
    folded.take(kept(ActKind::HoldNotice, "XB", leaps * leap + 5, &[]));
    assert_eq!(folded.book.count_passed_over(&xb), limits::CASEBOOK_PASSED_OVER_ACTS_MAX);
    assert_eq!((folded.book.history().len() as u64, folded.book.waiting().count()), (leaps + 1, 1));
    let missing =
        |first: u64| Missing { ministry: xb.clone(), first: leaps * leap + first, last: leaps * leap + 4 };
    assert_eq!(folded.overdrawn(), [missing(1)]);
    // Others are no worse off, and what was left out ends the wait.
    folded.take(kept(LETTER, "XC", 2, &[]));
    assert_eq!(folded.book.count_passed_over(&ministry("XC")), 1);
    folded.take(kept(LETTER, "XB", leaps * leap + 1, &[]));
    assert_eq!((folded.book.waiting().count(), folded.overdrawn()), (0, vec![missing(3)]));
}

#[test]
fn what_comes_late_is_passed_over_no_more() {
    let mut folded = folded();
    folded.take(kept(LETTER, "XB", 3, &[]));
    folded.take(kept(LETTER, "XB", 1, &[]));
    assert_eq!(
        folded.book.passed_over().collect::<Vec<_>>(),
        [Missing { ministry: ministry("XB"), first: 2, last: 2 }]
    );
}

#[test]
fn however_many_were_turned_away_each_message_asks_once_and_each_is_offered_once_more() {
    let mut folded = folded();
    let (most, more) = (u64::try_from(limits::CASEBOOK_WAITING_ACTS_MAX).unwrap(), 100);
    for number in 1..=most + more {
        folded.take(kept(LETTER, "XB", number, &[("XC", more + 1)]));
    }
    assert_eq!((folded.count_turned_away() as u64, folded.asked), (more, more));
    for number in 1..=more {
        folded.take(kept(LETTER, "XC", number, &[]));
    }
    assert_eq!(folded.asked, 2 * more);
    folded.take(kept(LETTER, "XC", more + 1, &[]));
    assert_eq!((folded.count_turned_away(), folded.asked), (0, 3 * more));
}

#[test]
fn what_was_turned_away_is_taken_as_soon_as_there_is_room() {
    let mut folded = folded();
    let most = u64::try_from(limits::CASEBOOK_WAITING_ACTS_MAX).unwrap();
    for number in 1..=most + 3 {
        folded.take(kept(LETTER, "XB", number, &[("XC", 1)]));
    }
    assert_eq!((folded.count_turned_away(), folded.book.waiting().count() as u64), (3, most));
    folded.take(kept(ActKind::HoldNotice, "XB", most + 4, &[("XC", 1)]));
    assert_eq!(folded.book.history().len(), 1, "a hold is never turned away");
    folded.take(kept(LETTER, "XC", 1, &[]));
    assert_eq!(folded.count_turned_away(), 0);
    assert_eq!(folded.book.history().len() as u64, most + 5);
    assert_eq!(folded.book.waiting().count(), 0);
}
