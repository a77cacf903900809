//! What becomes of sent messages.

use std::collections::BTreeMap;

use std::collections::BTreeSet;

use crate::digest::Digest;
use crate::gateway::store::fixture::{Line, NOW, ORIGIN, Settled, entry, fresh, later, peer, refused, taken};
use crate::gateway::store::record::{Answered, Expiry, PeerQueue, SentState, Settlement};

#[tokio::test]
async fn the_first_answer_of_the_peer_is_kept_and_stays() {
    let (_directory, store) = fresh();
    let mut line = Line::on("ch-1");
    let (first, second) = (line.next(), line.next());
    let place = taken(store.take_custody(first.clone()).await.unwrap());
    taken(store.take_custody(second.clone()).await.unwrap());
    store.note_attempt(vec![first.message_id], refused("CHN_02", later(5))).await.unwrap();

    let queue = |queued, last_receipt_time, last_failure: &str, next_attempt| {
        vec![PeerQueue {
            peer: peer(),
            queued,
            held: 0,
            oldest: Some(NOW),
            next_attempt: Some(next_attempt),
            last_receipt_time,
            last_failure: last_failure.to_owned(),
        }]
    };
    assert_eq!(store.queues().await.unwrap(), queue(2, None, "CHN_02", later(5)));
    let id = first.message_id;
    let done = store.settle(id, Settlement::Delivered, b"receipt".to_vec(), later(9)).await.unwrap();
    assert_eq!(done, Settled::Done);
    let again = Settlement::Rejected("CHN_06".to_owned());
    let already = store.settle(id, again, b"other".to_vec(), later(10)).await.unwrap();
    assert_eq!(already, Settled::Already(SentState::Delivered));
    assert_eq!(store.queues().await.unwrap(), queue(1, Some(later(9)), "", NOW));

    let rejected = Settlement::Rejected("CLS_01".to_owned());
    store.settle(second.message_id, rejected, b"no".to_vec(), later(11)).await.unwrap();
    let unknown = Digest::of(b"unknown");
    let nobody = store.settle(unknown, Settlement::Delivered, b"receipt".to_vec(), NOW).await.unwrap();
    assert_eq!(nobody, Settled::Unknown);

    let [one, none, two] =
        store.sent(vec![id, unknown, second.message_id]).await.unwrap().try_into().unwrap();
    let one = one.unwrap();
    assert_eq!((one.state, one.place, one.attempts), (SentState::Delivered, place, 1));
    assert_eq!((one.receipt, one.reason.as_str()), (Some(b"receipt".to_vec()), ""));
    assert_eq!(none, None);
    let two = two.unwrap();
    assert_eq!((two.state, two.reason.as_str()), (SentState::Rejected, "CLS_01"));
    assert_eq!(store.due(peer(), later(99), 10, BTreeMap::new()).await.unwrap(), []);
}

#[tokio::test]
async fn an_expired_message_has_its_leaf_and_is_carried_until_the_peer_answers_for_its_number() {
    let (_directory, store) = fresh();
    let mut line = Line::on("ch-1");
    let (first, second) = (line.next(), line.next());
    for message in [&first, &second] {
        taken(store.take_custody(message.clone()).await.unwrap());
    }
    assert_eq!(
        store.overdue(later(1000), 10, BTreeSet::new()).await.unwrap(),
        [],
        "valid up to and at its last second"
    );
    let overdue = store.overdue(later(1001), 1, BTreeSet::new()).await.unwrap();
    let named: Vec<_> = overdue.iter().map(|one| (one.message_id, one.peer.clone())).collect();
    assert_eq!(named, [(first.message_id, peer())]);
    assert_eq!(overdue[0].signed.header, first.header);

    let id = first.message_id;
    let reason = "CHN_06".to_owned();
    let expiry = store.expire(id, reason.clone(), entry("expired"), later(1001)).await.unwrap();
    let Expiry::Done(place) = expiry else { panic!("{expiry:?}") };
    assert_eq!((place.origin.as_str(), place.index), (ORIGIN, 2));
    let again = store.expire(id, reason.clone(), entry("expired again"), later(1001)).await.unwrap();
    assert_eq!(again, Expiry::Already(SentState::Expired));
    let unknown =
        store.expire(Digest::of(b"unknown"), reason.clone(), entry("unknown"), later(1001)).await.unwrap();
    assert_eq!(unknown, Expiry::Unknown);
    assert_eq!(store.log_head(ORIGIN.to_owned()).await.unwrap().unwrap().size, 3);
    let found = store.find_leaf(id).await.unwrap();
    assert_eq!(found.iter().map(|leaf| leaf.place.index).collect::<Vec<_>>(), [0, 2]);

    let due = store.due(peer(), later(1001), 10, BTreeMap::new()).await.unwrap();
    assert_eq!(
        due.iter().map(|item| (item.sequence, item.expired)).collect::<Vec<_>>(),
        [(1, true), (2, false)]
    );
    store.settle(id, Settlement::Rejected(reason), b"too late".to_vec(), later(1002)).await.unwrap();
    let sent = store.sent(vec![id]).await.unwrap().remove(0).unwrap();
    assert_eq!((sent.state, sent.expired_at), (SentState::Expired, Some(place)));
    assert_eq!(sent.receipt, Some(b"too late".to_vec()));

    // The peer may have taken a message just before our log called it expired: then it is delivered.
    store.expire(second.message_id, "CHN_06".to_owned(), entry("expired"), later(1001)).await.unwrap();
    store.settle(second.message_id, Settlement::Delivered, b"taken".to_vec(), later(1003)).await.unwrap();
    let sent = store.sent(vec![second.message_id]).await.unwrap().remove(0).unwrap();
    assert_eq!((sent.state, sent.expired_at.is_some()), (SentState::Delivered, true));
    let late =
        store.expire(second.message_id, "CHN_06".to_owned(), entry("late"), later(1001)).await.unwrap();
    assert_eq!(late, Expiry::Already(SentState::Delivered));
}

#[tokio::test]
async fn settling_tells_the_state_that_is_kept_whatever_was_known_when_the_message_left() {
    let (_directory, store) = fresh();
    let mut line = Line::on("ch-1");
    let (expired, refused) = (line.next(), line.next());
    for message in [&expired, &refused] {
        taken(store.take_custody(message.clone()).await.unwrap());
    }
    let (id, reason) = (expired.message_id, "CHN_06".to_owned());
    store.expire(id, reason, entry("expired"), later(1001)).await.unwrap();
    let unknown = Digest::of(b"unknown");
    let answer = |message_id| {
        let settlement = Settlement::Rejected("CHN_01".to_owned());
        Answered { message_id, settlement, receipt: b"receipt".to_vec() }
    };
    let answers = [expired.message_id, refused.message_id, unknown].map(answer).to_vec();
    let states = Some(vec![Some(SentState::Expired), Some(SentState::Rejected), None]);
    assert_eq!(store.settle_all(answers.clone(), Vec::new(), NOW).await.unwrap(), states);
    assert_eq!(store.settle_all(answers, Vec::new(), NOW).await.unwrap(), states, "and again");
}
