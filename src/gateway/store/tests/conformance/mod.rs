//! What any store must keep, whatever it is made of: claims over the verbs on which custody rests, with a crash
//! as one of them. Our store passes; stores that are broken on purpose are caught, and it is said by which claim.
//! Messages and answers go in batches of one to several, as the gateway's own do.
//!
//! A second store implements `Port` and is handed to `broken_claims`; the answer must be empty.

mod broken;
mod claims;
mod port;

use broken::{Broken, Flaw};
use port::{Port, Sqlite};

/// The claims that a store does not keep, by name with what was seen.
async fn broken_claims<P: Port>(fresh: impl Fn() -> P) -> Vec<(&'static str, String)> {
    let mut failed = Vec::new();
    let mut note = |name, result: Result<(), String>| failed.extend(result.err().map(|seen| (name, seen)));
    note("an answer survives a crash", claims::an_answer_survives_a_crash(fresh()).await);
    note("the same message gets its first leaf", claims::the_same_message_gets_its_first_leaf(fresh()).await);
    note("what was taken is carried until answered", claims::what_was_taken_is_carried(fresh()).await);
    note("a number is used once", claims::a_number_is_used_once(fresh()).await);
    note("the answered place holds the leaf", claims::the_answered_place_holds_the_leaf(fresh()).await);
    note("a channel is never reordered", claims::a_channel_is_never_reordered(fresh()).await);
    note("an expiry is no end and a receipt is", claims::an_expiry_is_no_end_and_a_receipt_is(fresh()).await);
    note("the mailbox has no gap and never moves back", claims::the_mailbox_has_no_gap(fresh()).await);
    note("a part is held before it is referred to", claims::a_part_is_held_first(fresh()).await);
    note("a batch is kept whole or not at all", claims::a_batch_is_kept_whole_or_not_at_all(fresh()).await);
    note(
        "nothing is placed behind lost footing",
        claims::nothing_is_placed_behind_lost_footing(fresh()).await,
    );
    note(
        "nothing is settled without its ground",
        claims::nothing_is_settled_without_its_ground(fresh()).await,
    );
    failed
}

#[tokio::test]
async fn our_store_keeps_every_claim() {
    assert_eq!(broken_claims(Sqlite::fresh).await, []);
}

#[tokio::test]
async fn every_broken_store_is_caught_by_the_claim_it_breaks() {
    for (flaw, claim) in [
        (Flaw::AnswersBeforeTheCommit, "an answer survives a crash"),
        (Flaw::ForgetsTheDeduplicationKey, "the same message gets its first leaf"),
        (Flaw::LosesTheOutboxRow, "what was taken is carried until answered"),
        (Flaw::ForgetsASettlement, "what was taken is carried until answered"),
        (Flaw::ReusesANumber, "a number is used once"),
        (Flaw::AnswersAnotherLeaf, "the answered place holds the leaf"),
        (Flaw::ReordersAChannel, "a channel is never reordered"),
        (Flaw::ForgetsAnExpiry, "an expiry is no end and a receipt is"),
        (Flaw::MovesTheCursorBack, "the mailbox has no gap and never moves back"),
        (Flaw::RefersToAMissingPart, "a part is held before it is referred to"),
        (Flaw::KeepsHalfABatch, "a batch is kept whole or not at all"),
        (Flaw::KeepsHalfOfTheAnswers, "nothing is settled without its ground"),
        (Flaw::UndoesItsNeighboursToo, "a batch is kept whole or not at all"),
        (Flaw::PlacesBehindLostFooting, "nothing is placed behind lost footing"),
        (Flaw::SettlesWithoutAGround, "nothing is settled without its ground"),
    ] {
        let caught = broken_claims(|| Broken::with(flaw)).await;
        assert!(caught.iter().any(|(name, _)| *name == claim), "{flaw:?} was not caught: {caught:?}");
    }
}
