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
        national_labels: Vec::new(),
    };
    Folded::new(CONSULTATION, facts, Charter::default_for(parties))
}

const LETTER: ActKind = ActKind::Correspondence;

#[test]
fn a_number_that_never_came_is_passed_over_when_a_later_one_did() {
    let mut folded = folded();
    folded.take(kept(LETTER, "XB", 1, &[]));
    folded.take(kept(LETTER, "XB", 4, &[]));
    assert_eq!(folded.passed_over, [(ministry("XB"), 2), (ministry("XB"), 3)].into());
    assert_eq!(folded.book.history().len(), 2);
}

#[test]
fn a_number_far_beyond_all_others_keeps_nobody_counting() {
    let mut folded = folded();
    folded.take(kept(LETTER, "XB", 1, &[]));
    folded.take(kept(LETTER, "XB", limits::NUMBER_MAX, &[]));
    assert!(folded.passed_over.is_empty());
    assert_eq!((folded.book.history().len(), folded.book.waiting().count()), (1, 1));
    let missing = folded.book.lacking();
    assert_eq!((missing[0].first, missing[0].last), (2, limits::NUMBER_MAX - 1));
    // Protective acts stop somebody whatever number they bear, and what follows in order goes on.
    folded.take(kept(ActKind::HoldNotice, "XB", limits::NUMBER_MAX - 1, &[]));
    folded.take(kept(LETTER, "XB", 2, &[]));
    assert_eq!((folded.book.history().len(), folded.book.waiting().count()), (3, 1));
    // As many as a bad link may lose are passed over.
    let mut folded = self::folded();
    folded.take(kept(LETTER, "XB", limits::CASEBOOK_GAP_ACTS_MAX + 1, &[]));
    assert_eq!(folded.passed_over.len() as u64, limits::CASEBOOK_GAP_ACTS_MAX);
    assert_eq!(folded.book.history().len(), 1);
    let mut folded = self::folded();
    folded.take(kept(LETTER, "XB", limits::CASEBOOK_GAP_ACTS_MAX + 2, &[]));
    assert!(folded.passed_over.is_empty());
}

#[test]
fn what_was_turned_away_is_taken_as_soon_as_there_is_room() {
    let mut folded = folded();
    let most = u64::try_from(limits::CASEBOOK_WAITING_ACTS_MAX).unwrap();
    for number in 1..=most + 3 {
        folded.take(kept(LETTER, "XB", number, &[("XC", 1)]));
    }
    assert_eq!((folded.turned_away.len(), folded.book.waiting().count() as u64), (3, most));
    folded.take(kept(ActKind::HoldNotice, "XB", most + 4, &[("XC", 1)]));
    assert_eq!(folded.book.history().len(), 1, "a hold is never turned away");
    folded.take(kept(LETTER, "XC", 1, &[]));
    assert!(folded.turned_away.is_empty());
    assert_eq!(folded.book.history().len() as u64, most + 5);
    assert_eq!(folded.book.waiting().count(), 0);
}
