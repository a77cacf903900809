//! The outbox: order within a channel, urgency across channels.

use std::collections::BTreeMap;

use crate::gateway::store::fixture::{Line, NOW, fresh, inline, later, peer, refused, taken};
use crate::gateway::store::record::{OutboxItem, Settlement};
use crate::gateway::store::{LEFT_OUT, Store};
use crate::limits::BATCH_BYTES_MAX;

/// Sends one message per precedence on a channel.
async fn send(store: &Store, line: &mut Line, precedences: &[u8]) {
    for precedence in precedences {
        let mut message = line.next();
        message.precedence = *precedence;
        taken(store.take_custody(message).await.unwrap());
    }
}

async fn due(store: &Store, limit: usize) -> Vec<OutboxItem> {
    store.due(peer(), NOW, limit, BTreeMap::new()).await.unwrap()
}

fn places(items: &[OutboxItem]) -> Vec<(&str, u64)> {
    items.iter().map(|item| (item.channel.as_str(), item.sequence)).collect()
}

#[tokio::test]
async fn what_is_due_carries_the_exact_bytes_that_were_taken() {
    let (_directory, store) = fresh();
    let message = Line::on("ch-1").next();
    taken(store.take_custody(message.clone()).await.unwrap());
    let [item] = due(&store, 10).await.try_into().unwrap();
    assert_eq!(item.message_id, message.message_id);
    assert_eq!((item.signed.header, item.signed.signature), (message.header, message.signature));
    assert_eq!(item.parts, message.parts);
    assert_eq!((item.attempts, item.expired, item.valid_until), (0, false, message.valid_until));
}

#[tokio::test]
async fn the_urgent_goes_first_across_channels_and_lends_its_urgency_to_what_it_waits_behind() {
    let (_directory, store) = fresh();
    let (mut a, mut b, mut c) = (Line::on("ch-a"), Line::on("ch-b"), Line::on("ch-c"));
    send(&store, &mut a, &[1, 1]).await;
    send(&store, &mut b, &[1, 4, 1]).await;
    send(&store, &mut c, &[3]).await;
    let all = due(&store, 10).await;
    let expected = [("ch-b", 1), ("ch-b", 2), ("ch-c", 1), ("ch-a", 1), ("ch-a", 2), ("ch-b", 3)];
    assert_eq!(places(&all), expected);
    // A limit cuts the same order short, and an urgent message beyond it still lifts those before it.
    assert_eq!(places(&due(&store, 1).await), expected[..1]);
    assert_eq!(places(&due(&store, 3).await), expected[..3]);
}

#[tokio::test]
async fn a_channel_that_is_left_out_takes_no_place_in_a_batch() {
    let (_directory, store) = fresh();
    let (mut a, mut b) = (Line::on("ch-a"), Line::on("ch-b"));
    send(&store, &mut a, &[4, 4, 4]).await;
    send(&store, &mut b, &[1]).await;
    assert_eq!(places(&due(&store, 2).await), [("ch-a", 1), ("ch-a", 2)]);
    let without = BTreeMap::from([("ch-a".to_owned(), LEFT_OUT)]);
    assert_eq!(places(&store.due(peer(), NOW, 2, without).await.unwrap()), [("ch-b", 1)]);
}

#[tokio::test]
async fn a_deferred_message_holds_back_its_channel_and_no_other() {
    let (_directory, store) = fresh();
    let (mut a, mut b) = (Line::on("ch-a"), Line::on("ch-b"));
    send(&store, &mut a, &[4, 4]).await;
    send(&store, &mut b, &[1]).await;
    let head = due(&store, 1).await[0].message_id;
    store.note_attempt(vec![head], refused("CHN_02", later(30))).await.unwrap();
    assert_eq!(places(&due(&store, 10).await), [("ch-b", 1)]);
    assert_eq!(store.next_due_time(peer()).await.unwrap(), Some(NOW));
    let after = store.due(peer(), later(30), 10, BTreeMap::new()).await.unwrap();
    assert_eq!(places(&after), [("ch-a", 1), ("ch-a", 2), ("ch-b", 1)]);
    assert_eq!(after[0].attempts, 1);

    let b_head = after[2].message_id;
    store.settle(b_head, Settlement::Delivered, b"receipt".to_vec(), NOW).await.unwrap();
    assert_eq!(store.next_due_time(peer()).await.unwrap(), Some(later(30)));
    assert_eq!(places(&due(&store, 10).await), []);
}

#[tokio::test]
async fn what_is_in_flight_is_not_offered_again_and_what_follows_is() {
    let (_directory, store) = fresh();
    let (mut a, mut b) = (Line::on("ch-a"), Line::on("ch-b"));
    send(&store, &mut a, &[1, 1, 1]).await;
    send(&store, &mut b, &[1]).await;
    let in_flight = BTreeMap::from([("ch-a".to_owned(), 2)]);
    let items = store.due(peer(), NOW, 10, in_flight).await.unwrap();
    assert_eq!(places(&items), [("ch-a", 3), ("ch-b", 1)]);
}

#[tokio::test]
async fn a_batch_is_bounded_in_bytes_but_never_empty() {
    let (_directory, store) = fresh();
    let mut line = Line::on("ch-a");
    for index in 0..3 {
        let mut message = line.next();
        message.parts = vec![inline(&format!("{index}").repeat(BATCH_BYTES_MAX * 2 / 3))];
        taken(store.take_custody(message).await.unwrap());
    }
    assert_eq!(places(&due(&store, 10).await), [("ch-a", 1)]);
    assert_eq!(places(&due(&store, 0).await), []);
}

#[tokio::test]
async fn nothing_is_due_for_a_peer_that_nothing_was_sent_to() {
    let (_directory, store) = fresh();
    assert_eq!(due(&store, 10).await, []);
    assert_eq!(store.next_due_time(peer()).await.unwrap(), None);
    assert_eq!(store.queues().await.unwrap(), []);
}

#[tokio::test]
async fn a_clock_that_ran_ahead_does_not_hold_back_a_message_for_years() {
    let (_directory, store) = fresh();
    send(&store, &mut Line::on("ch-a"), &[1]).await;
    let head = due(&store, 1).await[0].message_id;
    store.note_attempt(vec![head], refused("CHN_04", later(3_600 * 24 * 365 * 20))).await.unwrap();
    assert_eq!(places(&due(&store, 10).await), [("ch-a", 1)]);
}
