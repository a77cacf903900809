//! What a rollback took comes back byte for byte, and a number that was used stays used.

use crate::digest::Digest;
use crate::gateway::store::Store;
use crate::gateway::store::fixture::{Line, NOW, ORIGIN, beside, entry, fresh, later, peer, taken};
use crate::gateway::store::record::{
    Consignment, Custody, Decision, Direction, LostLeaf, LostMatter, LostPiece, Position, Restored,
    SentState, Shown, Surrender, Withdrawal,
};
use crate::tlog::merkle::TreeHead;

/// A store that has sent two messages, received one, rejected one and called the second sent one expired; and
/// the pieces in which another store gets all of it back.
async fn lived() -> (Store, tempfile::TempDir, Vec<LostLeaf>, [Consignment; 4]) {
    let (directory, store) = fresh();
    let (mut out, mut come) = (Line::on("ch-1"), Line::on("ch-2"));
    let messages = [out.next(), come.next(), out.next(), come.next()];
    let [first, received, second, rejected] = messages.clone();
    taken(store.take_custody(first.clone()).await.unwrap());
    taken(store.receive(received.clone()).await.unwrap());
    taken(store.take_custody(second.clone()).await.unwrap());
    store.expire(second.message_id, "CHN_06".to_owned(), entry("expiry"), NOW).await.unwrap();
    taken(store.reject(rejected.clone(), "CHN_01".to_owned()).await.unwrap());
    let ended =
        LostMatter::Ended { message_id: second.message_id, reason: "CHN_06".to_owned(), withdrawn: false };
    let leaves = vec![
        LostLeaf { bytes: first.leaf.clone(), about: LostMatter::Sent(Box::new(first)) },
        LostLeaf { bytes: received.leaf.clone(), about: LostMatter::Received(Box::new(received)) },
        LostLeaf { bytes: second.leaf.clone(), about: LostMatter::Sent(Box::new(second)) },
        LostLeaf { bytes: b"expiry".to_vec(), about: ended },
        LostLeaf {
            bytes: rejected.leaf.clone(),
            about: LostMatter::Rejected(Box::new(rejected), "CHN_01".to_owned()),
        },
    ];
    (store, directory, leaves, messages)
}

async fn piece(whole: &Store, leaves: &[LostLeaf], from: usize, to: usize) -> LostPiece {
    LostPiece {
        origin: ORIGIN.to_owned(),
        peer: peer(),
        first_index: from as u64,
        leaves: leaves[from..to].to_vec(),
        shown: Shown::Under {
            head: TreeHead {
                size: leaves.len() as u64,
                root: whole.root_at(ORIGIN.to_owned(), leaves.len() as u64).await.unwrap().unwrap(),
            },
            path: whole
                .consistency(ORIGIN.to_owned(), to as u64, leaves.len() as u64)
                .await
                .unwrap()
                .unwrap(),
        },
        cosigned: None,
    }
}

/// Every message is found in the log where it was, held or not.
async fn same_leaves(store: &Store, whole: &Store, leaves: &[LostLeaf]) {
    for id in leaves.iter().filter_map(|leaf| leaf.about.message_id()) {
        let found = store.find_leaf(id).await.unwrap();
        assert!(!found.is_empty());
        assert_eq!(found, whole.find_leaf(id).await.unwrap());
    }
}

async fn last(store: &Store, direction: Direction, channel: &str) -> Position {
    store.position(direction, channel.to_owned(), peer()).await.unwrap()
}

#[tokio::test]
async fn an_empty_store_gets_leaves_messages_numbers_mailbox_and_queue_back() {
    let (whole, _whole, leaves, [first, received, second, rejected]) = lived().await;
    let (_directory, store) = fresh();
    for (from, to) in [(0, 2), (2, 3), (3, 5)] {
        let restored = store.restore(piece(&whole, &leaves, from, to).await).await.unwrap();
        assert_eq!(restored, Restored::Done { size: to as u64, unseen: 0 });
    }
    let head = |store: Store| async move { store.log_head(ORIGIN.to_owned()).await.unwrap().unwrap() };
    let (mine, theirs) = (head(store.clone()).await, head(whole.clone()).await);
    assert_eq!((mine.size, mine.root), (theirs.size, theirs.root));
    same_leaves(&store, &whole, &leaves).await;
    for (direction, channel) in [(Direction::Out, "ch-1"), (Direction::In, "ch-2")] {
        assert_eq!(last(&store, direction, channel).await, last(&whole, direction, channel).await);
    }
    let [one, two] = store.sent(vec![first.message_id, second.message_id]).await.unwrap().try_into().unwrap();
    assert_eq!((one.unwrap().state, two.unwrap().state), (SentState::Queued, SentState::Expired));
    let mailbox = store.received_after(0, 10).await.unwrap();
    assert_eq!(mailbox.len(), 1);
    assert_eq!((mailbox[0].message_id, mailbox[0].place.index), (received.message_id, 1));
    assert_eq!(mailbox[0].parts, received.parts);
    let again = store.reject(rejected, "CHN_01".to_owned()).await.unwrap();
    assert!(matches!(again, Custody::AlreadyHeld { rejected: Some(_), .. }), "{again:?}");
    assert_eq!(store.verify().await.unwrap().damages, Vec::<String>::new());
}

#[tokio::test]
async fn a_message_that_only_the_desk_has_takes_up_its_leaf_again_and_everything_else_waits_for_it() {
    let (whole, _whole, mut leaves, [first, _, second, _]) = lived().await;
    // The peer never got the first: the second, which it shows, does not follow anything that is held.
    leaves[0].about = LostMatter::SentUnseen {
        message_id: first.message_id,
        envelope_digest: first.envelope_digest,
        time: later(7),
    };
    let (_directory, store) = fresh();
    let restored = store.restore(piece(&whole, &leaves, 0, 5).await).await.unwrap();
    assert_eq!(restored, Restored::Done { size: 5, unseen: 2 });
    same_leaves(&store, &whole, &leaves).await;
    assert_eq!(store.verify().await.unwrap().damages, Vec::<String>::new());
    assert_eq!(last(&store, Direction::Out, "ch-1").await.sequence, 0);
    let other = Line::on("ch-1").peek("another with the first number");
    assert_eq!(store.take_custody(other).await.unwrap(), Custody::AwaitsEarlier);
    let mut resigned = first.clone();
    resigned.envelope_digest = Digest::of(b"another signature");
    assert_eq!(store.take_custody(resigned).await.unwrap(), Custody::AwaitsEarlier);
    assert_eq!(store.log_head(ORIGIN.to_owned()).await.unwrap().unwrap().size, 5);

    let mut handed = first.clone();
    handed.leaf = b"a leaf that must not be written".to_vec();
    assert_eq!(taken(store.take_custody(handed).await.unwrap()).index, 0);
    assert_eq!(taken(store.take_custody(second.clone()).await.unwrap()).index, 2);
    let head = store.log_head(ORIGIN.to_owned()).await.unwrap().unwrap();
    assert_eq!(Some(head.root), whole.root_at(ORIGIN.to_owned(), 5).await.unwrap());
    same_leaves(&store, &whole, &leaves).await;
    assert_eq!(store.verify().await.unwrap().damages, Vec::<String>::new());
    let [one, two] = store.sent(vec![first.message_id, second.message_id]).await.unwrap().try_into().unwrap();
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_eq!((one.state, two.state), (SentState::Queued, SentState::Expired));
    assert_eq!(two.expired_at.unwrap().index, 3);
    // The way is free again.
    let mut line = Line { channel: "ch-1".to_owned(), sequence: 2, last: Some(second.message_id) };
    assert_eq!(taken(store.take_custody(line.next()).await.unwrap()).index, 5);
}

#[tokio::test]
async fn what_does_not_fit_changes_nothing() {
    let (whole, _whole, leaves, _) = lived().await;
    let (_directory, store) = fresh();
    let misplaced = store.restore(piece(&whole, &leaves, 1, 3).await).await.unwrap();
    assert_eq!(misplaced, Restored::Misplaced { have: 0 });
    let mut forged = piece(&whole, &leaves, 0, 2).await;
    forged.leaves[1].bytes = b"forged".to_vec();
    assert_eq!(store.restore(forged).await.unwrap(), Restored::RootMismatch);
    let mut withheld = piece(&whole, &leaves, 0, 5).await;
    withheld.leaves[1].about = LostMatter::Record;
    assert!(matches!(store.restore(withheld).await.unwrap(), Restored::Gap(_)));
    assert_eq!(store.log_head(ORIGIN.to_owned()).await.unwrap(), None);
    assert_eq!(store.received_after(0, 10).await.unwrap(), Vec::new());
    assert_eq!(last(&store, Direction::In, "ch-2").await.sequence, 0);
}

#[tokio::test]
async fn a_large_part_of_a_restored_message_is_missing_until_it_comes() {
    let (whole, _whole, mut leaves, _) = lived().await;
    let content = vec![7; 300];
    if let LostMatter::Received(message) = &mut leaves[1].about {
        message.parts.push(beside(&content));
    }
    let (_directory, store) = fresh();
    store.restore(piece(&whole, &leaves, 0, 2).await).await.unwrap();
    let digest = Digest::of(&content);
    assert_eq!(store.read_part(digest, 0, 1000).await.unwrap(), None);
    let mut upload = store.put_part(&peer(), digest, 300, 0).await.unwrap();
    upload.write(vec![content.clone()]).await.unwrap();
    upload.finish().await.unwrap();
    assert_eq!(store.read_part(digest, 0, 1000).await.unwrap(), Some(content));
}

#[tokio::test]
async fn a_message_that_was_withdrawn_in_the_lost_tail_is_taken_up_as_withdrawn_and_holds_up_nothing() {
    let (whole, _whole, mut leaves, [_, _, second, _]) = lived().await;
    let (message_id, envelope_digest) = (second.message_id, second.envelope_digest);
    leaves[2].about = LostMatter::SentUnseen { message_id, envelope_digest, time: NOW };
    let reason = "WITHDRAWN_BY_OPERATOR".to_owned();
    leaves[3].about = LostMatter::Ended { message_id, reason: reason.clone(), withdrawn: true };
    let (_directory, store) = fresh();
    let restored = store.restore(piece(&whole, &leaves, 0, 5).await).await.unwrap();
    assert_eq!(restored, Restored::Done { size: 5, unseen: 1 });

    let decision = Decision { time: later(9), operator: 0, reason, act: None };
    let bare = Consignment { parts: Vec::new(), ..second };
    let given_up = store.surrender(bare, entry("withdrawn again"), decision).await.unwrap();
    assert_eq!(given_up, Surrender::Withdrawn(Withdrawal::Already(SentState::Withdrawn)));
    assert_eq!(store.orphans(peer()).await.unwrap(), 0);
    let sent = store.sent(vec![message_id]).await.unwrap().remove(0).unwrap();
    assert_eq!(
        (sent.state, sent.place.index, sent.withdrawn_at.unwrap().index),
        (SentState::Withdrawn, 2, 3)
    );
    assert_eq!(store.log_head(ORIGIN.to_owned()).await.unwrap().unwrap().size, 5, "nothing was signed again");
    let mut line = Line { channel: "ch-1".to_owned(), sequence: 2, last: Some(message_id) };
    assert_eq!(taken(store.take_custody(line.next()).await.unwrap()).index, 5);
    assert_eq!(store.verify().await.unwrap().damages, Vec::<String>::new());
}
