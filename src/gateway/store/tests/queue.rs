//! The queue as operators see it, and what they decide.

use std::collections::BTreeMap;

use std::collections::BTreeSet;

use crate::digest::Digest;
use crate::gateway::store::Store;
use crate::gateway::store::fixture::{Line, NOW, ORIGIN, Settled, entry, fresh, later, peer, refused, taken};
use crate::gateway::store::record::{
    AttemptEnd, Decision, DecisionKind, FailedAttempt, FoundMessage, Holding, QueueFilter, QueuePlace,
    QueueState, Release, Retried, Retry, SentState, Settlement, Withdrawal,
};
use crate::limits::ATTEMPTS_KEPT;

/// Sends one message per precedence on a channel.
async fn send(store: &Store, channel: &str, precedences: &[u8]) -> Vec<Digest> {
    let mut line = Line::on(channel);
    let mut ids = Vec::new();
    for precedence in precedences {
        let mut message = line.next();
        message.precedence = *precedence;
        ids.push(message.message_id);
        taken(store.take_custody(message).await.unwrap());
    }
    ids
}

fn by(reason: &str) -> Decision {
    Decision { time: later(1), operator: 1000, reason: reason.to_owned(), act: None }
}

async fn due(store: &Store) -> Vec<(String, u64)> {
    let due = store.due(peer(), later(2), 100, BTreeMap::new()).await.unwrap();
    due.into_iter().map(|item| (item.channel, item.sequence)).collect()
}

async fn listed(store: &Store, state: Option<QueueState>) -> Vec<(String, u64)> {
    let filter = QueueFilter { peer: None, state };
    let page = store.queue_page(filter, QueuePlace::default(), 100).await.unwrap();
    assert_eq!(page.next, None);
    page.entries.into_iter().map(|entry| (entry.channel, entry.sequence)).collect()
}

fn places(places: &[(&str, u64)]) -> Vec<(String, u64)> {
    places.iter().map(|(channel, sequence)| ((*channel).to_owned(), *sequence)).collect()
}

#[tokio::test]
async fn a_held_message_and_all_behind_it_wait_and_other_channels_do_not() {
    let (_directory, store) = fresh();
    let a = send(&store, "ch-a", &[1, 1, 1]).await;
    send(&store, "ch-b", &[1]).await;
    assert_eq!(store.hold(a[1], false, by("TICKET-1")).await.unwrap(), Holding::Done { behind: 1 });
    assert_eq!(store.hold(a[1], false, by("")).await.unwrap(), Holding::Already { behind: 1 });
    assert_eq!(due(&store).await, places(&[("ch-a", 1), ("ch-b", 1)]));
    store.settle(a[0], Settlement::Delivered, b"receipt".to_vec(), NOW).await.unwrap();
    assert_eq!(due(&store).await, places(&[("ch-b", 1)]));
    assert_eq!(listed(&store, Some(QueueState::Held)).await, places(&[("ch-a", 2)]));
    assert_eq!(listed(&store, Some(QueueState::Queued)).await, places(&[("ch-a", 3), ("ch-b", 1)]));
    let [queue] = store.queues().await.unwrap().try_into().unwrap();
    assert_eq!((queue.queued, queue.held, queue.next_attempt), (3, 1, Some(NOW)));
    assert_eq!(store.retry(Retry::Message(a[2]), NOW, None).await.unwrap(), Retried::Held(a[1]));

    assert_eq!(store.release(a[1], by("")).await.unwrap(), Release::Done);
    assert_eq!(store.release(a[1], by("")).await.unwrap(), Release::NotHeld(SentState::Queued));
    assert_eq!(due(&store).await, places(&[("ch-a", 2), ("ch-a", 3), ("ch-b", 1)]));
    let kinds: Vec<_> = store.decisions(a[1]).await.unwrap().into_iter().map(|one| one.kind).collect();
    assert_eq!(kinds, [DecisionKind::Held, DecisionKind::Released]);
    assert_eq!(store.hold(Digest::of(b"unknown"), true, by("")).await.unwrap(), Holding::Unknown);
    assert_eq!(store.hold(a[0], true, by("")).await.unwrap(), Holding::NotQueued(SentState::Delivered));
}

#[tokio::test]
async fn when_everything_that_waits_is_held_no_attempt_is_due() {
    let (_directory, store) = fresh();
    let [one] = send(&store, "ch-a", &[1]).await.try_into().unwrap();
    store.hold(one, false, by("")).await.unwrap();
    assert_eq!(store.next_due_time(peer()).await.unwrap(), None);
    assert_eq!(store.queues().await.unwrap()[0].next_attempt, None);
}

#[tokio::test]
async fn flash_is_held_by_force_only_itself_or_behind_another() {
    let (_directory, store) = fresh();
    let ids = send(&store, "ch-a", &[1, 4, 3]).await;
    for id in &ids[..2] {
        assert_eq!(store.hold(*id, false, by("")).await.unwrap(), Holding::Urgent(4));
    }
    assert_eq!(due(&store).await.len(), 3, "nothing was changed");
    assert_eq!(store.hold(ids[2], false, by("")).await.unwrap(), Holding::Done { behind: 0 });
    assert_eq!(store.hold(ids[0], true, by("")).await.unwrap(), Holding::Done { behind: 2 });
    let [front] = store.queue_fronts().await.unwrap().try_into().unwrap();
    assert_eq!((front.first.message_id, front.urgency_held), (ids[0], 4));
}

#[tokio::test]
async fn a_withdrawn_message_keeps_its_number_and_loses_its_content() {
    let (_directory, store) = fresh();
    let ids = send(&store, "ch-a", &[1, 1]).await;
    store.hold(ids[0], false, by("")).await.unwrap();
    let done = store.withdraw(ids[0], entry("withdrawn"), by("WITHDRAWN_BY_OPERATOR")).await.unwrap();
    let Withdrawal::Done { place, unreceipted: 0 } = done else { panic!("{done:?}") };
    assert_eq!((place.origin.as_str(), place.index), (ORIGIN, 2));
    let again = store.withdraw(ids[0], entry("again"), by("")).await.unwrap();
    assert_eq!(again, Withdrawal::Already(SentState::Withdrawn));
    assert_eq!(store.hold(ids[0], true, by("")).await.unwrap(), Holding::NotQueued(SentState::Withdrawn));
    assert_eq!(store.log_head(ORIGIN.to_owned()).await.unwrap().unwrap().size, 3);

    let items = store.due(peer(), later(2), 10, BTreeMap::new()).await.unwrap();
    let seen: Vec<_> = items.iter().map(|item| (item.sequence, item.withdrawn, item.parts.len())).collect();
    assert_eq!(seen, [(1, true, 0), (2, false, 2)]);
    assert_eq!(
        store.overdue(later(5000), 10, BTreeSet::new()).await.unwrap().len(),
        1,
        "it does not expire any more"
    );
    assert_eq!(listed(&store, Some(QueueState::Withdrawn)).await, places(&[("ch-a", 1)]));

    let rejected = Settlement::Rejected("WITHDRAWN".to_owned());
    store.settle(ids[0], rejected, b"rejected".to_vec(), later(3)).await.unwrap();
    let sent = store.sent(vec![ids[0]]).await.unwrap().remove(0).unwrap();
    assert_eq!((sent.state, sent.withdrawn_at, sent.expired_at), (SentState::Withdrawn, Some(place), None));
    assert_eq!((sent.receipt, sent.reason.as_str()), (Some(b"rejected".to_vec()), "WITHDRAWN"));
    assert_eq!(listed(&store, None).await, places(&[("ch-a", 2)]));
}

#[tokio::test]
async fn a_receipt_of_the_peer_outweighs_a_withdrawal() {
    let (_directory, store) = fresh();
    let ids = send(&store, "ch-a", &[1, 1]).await;
    let unanswered = FailedAttempt { time: NOW, next_attempt: later(5), end: AttemptEnd::Unanswered };
    store.note_attempt(vec![ids[0]], unanswered).await.unwrap();
    let done = store.withdraw(ids[0], entry("withdrawn"), by("")).await.unwrap();
    assert!(matches!(done, Withdrawal::Done { unreceipted: 1, .. }), "{done:?}");
    let settled = store.settle(ids[0], Settlement::Delivered, b"taken".to_vec(), NOW).await.unwrap();
    assert_eq!(settled, Settled::Done);
    let sent = store.sent(vec![ids[0]]).await.unwrap().remove(0).unwrap();
    assert_eq!((sent.state, sent.withdrawn_at.is_some()), (SentState::Delivered, true));
    let late = store.withdraw(ids[0], entry("late"), by("")).await.unwrap();
    assert_eq!(late, Withdrawal::Already(SentState::Delivered));
    // An expired message can be withdrawn too: its content goes out no more.
    store.expire(ids[1], "CHN_06".to_owned(), entry("expired"), NOW).await.unwrap();
    assert_eq!(listed(&store, Some(QueueState::Expired)).await, places(&[("ch-a", 2)]));
    store.withdraw(ids[1], entry("withdrawn"), by("")).await.unwrap();
    let sent = store.sent(vec![ids[1]]).await.unwrap().remove(0).unwrap();
    assert_eq!((sent.state, sent.expired_at.is_some()), (SentState::Withdrawn, true));
}

#[tokio::test]
async fn attempts_are_evidence_the_first_ones_and_the_last_ones() {
    let (_directory, store) = fresh();
    let [one] = send(&store, "ch-a", &[1]).await.try_into().unwrap();
    for turn in 0..100 {
        let end =
            if turn % 2 == 0 { AttemptEnd::Unanswered } else { AttemptEnd::Refused("CHN_02".to_owned()) };
        let attempt = FailedAttempt { time: later(turn), next_attempt: later(turn + 1), end };
        store.note_attempt(vec![one, Digest::of(b"unknown")], attempt).await.unwrap();
    }
    let kept = store.attempts(one).await.unwrap();
    let numbers: Vec<u32> = kept.iter().map(|attempt| attempt.number).collect();
    let expected: Vec<u32> = (1..=ATTEMPTS_KEPT).chain(101 - ATTEMPTS_KEPT..=100).collect();
    assert_eq!(numbers, expected);
    assert_eq!((kept[0].outcome.as_str(), kept[1].outcome.as_str()), ("UNANSWERED", "CHN_02"));
    let entry = store.queue_entry(one).await.unwrap().unwrap();
    assert_eq!((entry.attempts, entry.unreceipted, entry.next_attempt), (100, 50, later(100)));
    let [front] = store.queue_fronts().await.unwrap().try_into().unwrap();
    assert_eq!((front.unreceipted_since, front.last_outcome.as_deref()), (Some(NOW), Some("CHN_02")));
}

#[tokio::test]
async fn retry_makes_the_front_due_and_an_answered_message_is_left_alone() {
    let (_directory, store) = fresh();
    let a = send(&store, "ch-a", &[1, 1]).await;
    let b = send(&store, "ch-b", &[1]).await;
    let all = [a.clone(), b.clone()].concat();
    store.note_attempt(all.clone(), refused("CHN_02", later(50))).await.unwrap();
    assert_eq!(due(&store).await, places(&[]));
    assert_eq!(store.retry(Retry::Message(a[0]), later(2), None).await.unwrap(), Retried::Done(1));
    assert_eq!(due(&store).await, places(&[("ch-a", 1)]));
    assert_eq!(store.retry(Retry::Peer(peer()), later(2), None).await.unwrap(), Retried::Done(2));
    assert_eq!(due(&store).await, places(&[("ch-a", 1), ("ch-a", 2), ("ch-b", 1)]));
    store.settle(a[0], Settlement::Delivered, b"receipt".to_vec(), NOW).await.unwrap();
    let answered = store.retry(Retry::Message(a[0]), NOW, None).await.unwrap();
    assert_eq!(answered, Retried::NotQueued(SentState::Delivered));
}

#[tokio::test]
async fn pages_hold_every_message_once_by_channel_and_number() {
    let (_directory, store) = fresh();
    send(&store, "ch-a", &[1, 2, 3]).await;
    send(&store, "ch-b", &[4, 1]).await;
    let (mut after, mut seen) = (QueuePlace::default(), Vec::new());
    for size in [2, 1, 2, 5] {
        let page = store.queue_page(QueueFilter::default(), after, size).await.unwrap();
        assert!(page.entries.len() <= size);
        seen.extend(page.entries.into_iter().map(|entry| (entry.channel, entry.sequence)));
        match page.next {
            Some(next) => after = next,
            None => break,
        }
    }
    assert_eq!(seen, places(&[("ch-a", 1), ("ch-a", 2), ("ch-a", 3), ("ch-b", 1), ("ch-b", 2)]));
    let stranger = crate::trust::name::Ministry::parse("XC").unwrap();
    let filter = QueueFilter { peer: Some(stranger), state: None };
    let page = store.queue_page(filter, QueuePlace::default(), 5).await.unwrap();
    assert_eq!((page.entries.len(), page.next), (0, None));
}

#[tokio::test]
async fn the_beginning_of_an_id_means_one_message_or_none() {
    let (_directory, store) = fresh();
    let ids = send(&store, "ch-a", &[1; 40]).await;
    for id in &ids {
        for digits in [12, 16, 17, 64] {
            let found = store.find_message(id.hex()[..digits].to_owned()).await.unwrap();
            assert!(matches!(found, FoundMessage::One(one, _) if one == *id), "{found:?}");
        }
    }
    let other = format!("{}0", &ids[0].hex()[..63]);
    for nothing in ["", "abc", "ABCDEF", "zzzz", other.as_str()] {
        let found = store.find_message(nothing.to_owned()).await.unwrap();
        assert!(nothing == ids[0].hex() || found == FoundMessage::None, "{nothing}: {found:?}");
    }
}

#[tokio::test]
async fn an_urgent_message_that_expires_raises_an_alarm_and_another_does_not() {
    let (_directory, store) = fresh();
    let ids = send(&store, "ch-a", &[2, 3]).await;
    store.expire(ids[0], "CHN_06".to_owned(), entry("expired"), later(9)).await.unwrap();
    assert_eq!(store.alarms().await.unwrap(), []);
    store.expire(ids[1], "CHN_06".to_owned(), entry("expired"), later(9)).await.unwrap();
    let [alarm] = store.alarms().await.unwrap().try_into().unwrap();
    assert_eq!((alarm.code.as_str(), alarm.time), ("URGENT_EXPIRED", later(9)));
    assert!(alarm.detail.contains("of precedence IMMEDIATE was not delivered"), "{}", alarm.detail);
}

#[tokio::test]
async fn the_alarm_of_what_expired_ends_with_the_receipt_of_the_last_that_was_delivered_after_all() {
    let (_directory, store) = fresh();
    let ids = send(&store, "ch-a", &[3, 4, 2]).await;
    for id in &ids {
        store.expire(*id, "CHN_06".to_owned(), entry("expired"), later(9)).await.unwrap();
    }
    let stands = async || store.alarms().await.unwrap().iter().any(|one| one.code == "URGENT_EXPIRED");
    assert!(stands().await);
    store.settle(ids[0], Settlement::Delivered, b"taken".to_vec(), later(10)).await.unwrap();
    assert!(stands().await, "another one is still missing");
    store.settle(ids[1], Settlement::Delivered, b"taken".to_vec(), later(11)).await.unwrap();
    assert!(!stands().await, "what is not urgent raised nothing");

    let more = send(&store, "ch-b", &[3, 3]).await;
    for id in &more {
        store.expire(*id, "CHN_06".to_owned(), entry("expired"), later(12)).await.unwrap();
    }
    let late = Settlement::Rejected("CHN_06".to_owned());
    store.settle(more[0], late, b"too late".to_vec(), later(13)).await.unwrap();
    store.settle(more[1], Settlement::Delivered, b"taken".to_vec(), later(14)).await.unwrap();
    assert!(stands().await, "what was refused as too late was not delivered");
}
