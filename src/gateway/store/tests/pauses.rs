//! Pauses of peers, and acts that share the commit of their effect.

use crate::digest::Digest;
use crate::gateway::store::Store;
use crate::gateway::store::fixture::{Line, NOW, entry, fresh, open, peer, taken};
use crate::gateway::store::record::{
    Acknowledged, Alarm, Decision, Ends, Holding, LogEntry, Pause, Pausing, Release, Retried, Retry,
    SentState,
};
use crate::trust::name::Ministry;

const ACTS: &str = "mfa.xa.example/chancery/administration/2026";

fn act(what: &str) -> LogEntry {
    let own = Ministry::parse("XA").unwrap();
    LogEntry { origin: ACTS.to_owned(), peer: own, leaf: what.as_bytes().to_vec() }
}

/// What the administrative log holds.
async fn acts(store: &Store) -> Vec<String> {
    let leaves = store.leaves(ACTS.to_owned(), 0, 99).await.unwrap();
    leaves.into_iter().map(|leaf| String::from_utf8(leaf.bytes).unwrap()).collect()
}

async fn send(store: &Store, precedence: u8) -> Digest {
    let mut message = Line::on(&format!("ch-{precedence}")).next();
    message.precedence = precedence;
    let id = message.message_id;
    taken(store.take_custody(message).await.unwrap());
    id
}

fn pause(reason: &str, force: bool) -> Pause {
    Pause { peer: peer(), time: NOW, operator: 1000, reason: reason.to_owned(), force }
}

#[tokio::test]
async fn a_pause_outlives_the_process_and_ends_once() {
    let (directory, store) = fresh();
    assert_eq!(store.pause(pause("TICKET-1", false), act("paused")).await.unwrap(), Pausing::Done);
    drop(store);
    let store = open(directory.path());
    assert_eq!(store.pauses().await.unwrap(), [pause("TICKET-1", false)]);
    // Another reason, and still paused since then.
    store
        .pause(
            Pause { time: NOW.after(std::time::Duration::from_secs(9)), ..pause("T-2", true) },
            act("again"),
        )
        .await
        .unwrap();
    assert_eq!(store.pauses().await.unwrap(), [pause("T-2", true)]);
    // Only who may end any pause ends one by force: it may have become one a moment ago.
    assert!(!store.resume(peer(), Ends::Gentle, act("gave way")).await.unwrap());
    assert_eq!(store.pauses().await.unwrap(), [pause("T-2", true)]);
    assert!(store.resume(peer(), Ends::Any, act("resumed")).await.unwrap());
    assert!(!store.resume(peer(), Ends::Any, act("resumed twice")).await.unwrap());
    assert_eq!(store.pauses().await.unwrap(), []);
    assert_eq!(acts(&store).await, ["paused", "again", "resumed"]);
}

#[tokio::test]
async fn a_peer_for_whom_flash_waits_is_paused_by_force_only() {
    let (_directory, store) = fresh();
    send(&store, 3).await;
    assert!(!store.flash_waits(peer()).await.unwrap());
    send(&store, 4).await;
    assert!(store.flash_waits(peer()).await.unwrap());
    assert!(!store.flash_waits(Ministry::parse("XC").unwrap()).await.unwrap());
    assert_eq!(store.pause(pause("", false), act("paused")).await.unwrap(), Pausing::Urgent);
    assert_eq!((store.pauses().await.unwrap(), acts(&store).await), (vec![], vec![]), "nothing was changed");
    assert_eq!(store.pause(pause("", true), act("paused by force")).await.unwrap(), Pausing::Done);
    assert_eq!(acts(&store).await, ["paused by force"]);
}

#[tokio::test]
async fn flash_that_is_held_or_withdrawn_waits_for_no_pause() {
    let (_directory, store) = fresh();
    let by = |what: &str| Decision { time: NOW, operator: 1000, reason: String::new(), act: Some(act(what)) };
    let id = send(&store, 4).await;
    store.hold(id, true, by("held by force")).await.unwrap();
    assert!(!store.flash_waits(peer()).await.unwrap(), "it would not go if the pause ended");
    // Neither would one behind it.
    let mut line = Line::on("ch-5");
    let (first, mut behind) = (line.next(), line.next());
    behind.precedence = 4;
    let held = first.message_id;
    for message in [first, behind] {
        taken(store.take_custody(message).await.unwrap());
    }
    assert!(store.flash_waits(peer()).await.unwrap());
    store.hold(held, true, by("held by force")).await.unwrap();
    assert!(!store.flash_waits(peer()).await.unwrap());
    store.release(held, by("released")).await.unwrap();
    assert!(store.flash_waits(peer()).await.unwrap());
    store.hold(held, true, by("held by force")).await.unwrap();
    // What was held and is withdrawn is carried as a header only, and says nothing.
    store.withdraw(id, entry("withdrawn"), by("withdrawn")).await.unwrap();
    assert!(!store.flash_waits(peer()).await.unwrap());
    assert_eq!(store.pause(pause("", false), act("paused")).await.unwrap(), Pausing::Done);
}

#[tokio::test]
async fn an_act_is_in_the_log_with_its_effect_and_never_without() {
    let (_directory, store) = fresh();
    let id = send(&store, 4).await;
    let by = |what: &str| Decision { time: NOW, operator: 1000, reason: String::new(), act: Some(act(what)) };
    assert!(matches!(store.hold(id, false, by("held")).await.unwrap(), Holding::Urgent(_)));
    assert_eq!(store.release(id, by("released")).await.unwrap(), Release::NotHeld(SentState::Queued));
    assert!(matches!(store.hold(id, true, by("held by force")).await.unwrap(), Holding::Done { .. }));
    let retry = store.retry(Retry::Message(id), NOW, Some(act("retried"))).await.unwrap();
    assert_eq!(retry, Retried::Held(id));
    assert_eq!(acts(&store).await, ["held by force"]);
    store.release(id, by("released")).await.unwrap();
    store.retry(Retry::Peer(peer()), NOW, Some(act("retried"))).await.unwrap();
    let seen = Acknowledged { time: NOW, operator: 1000 };
    store.acknowledge_alarms(None, None, seen, |_| Some(act("acknowledged"))).await.unwrap();
    assert_eq!(acts(&store).await, ["held by force", "released", "retried"], "no alarm, no act");
    let alarm =
        |code: &str| Alarm { code: code.to_owned(), ministry: peer(), detail: String::new(), time: NOW };
    for code in ["ONE", "TWO"] {
        store.raise_alarm(alarm(code)).await.unwrap();
    }
    store.acknowledge_alarms(None, None, seen, |alarm| Some(act(&alarm.code))).await.unwrap();
    let mut last = acts(&store).await.split_off(3);
    last.sort();
    assert_eq!(last, ["ONE", "TWO"]);
    assert_eq!(store.verify().await.unwrap().damages, Vec::<String>::new());
}
