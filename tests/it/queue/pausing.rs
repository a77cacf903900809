//! Pauses: nothing is exchanged while one lasts, nothing is lost by it, and no protective act waits for it.

use std::collections::BTreeSet;

use chancery::message::envelope::Envelope;
use chancery::message::terms::Precedence;

use super::{asks, submitted, types, waiting};
use crate::support::answers::mailbox;
use crate::support::craft::Craft;
use crate::support::{Stage, eventually, forms};

async fn alarms(stage: &Stage, code: &str) -> Vec<String> {
    let alarms = asks(stage, code, "alarm list").await.reports();
    alarms.iter().map(|alarm| alarm["code"].as_str().unwrap().to_owned()).collect()
}

/// Why the peer of this gateway is not reached, as its status tells.
async fn last_failure(stage: &Stage, code: &str) -> String {
    stage.gateway(code).status().await.unwrap().peers[0].last_failure.clone()
}

async fn connected(stage: &Stage, code: &str) -> bool {
    stage.gateway(code).status().await.unwrap().peers[0].connected
}

/// A message behind `before`, in custody at XA.
async fn next(stage: &Stage, before: Option<&Envelope>, sealed: &[u8], precedence: Precedence) -> Envelope {
    let mut craft = Craft::new(stage, "XA", "XB").saying(sealed);
    craft.address.precedence = precedence;
    if let Some(before) = before {
        craft = craft.after(before);
    }
    let envelope = craft.signed(stage);
    stage.gateway("XA").submit(&envelope.encode()).await.unwrap();
    envelope
}

#[tokio::test(flavor = "multi_thread")]
async fn paused_while_traffic_flows_over_a_restart_and_resumed_every_message_comes_once_in_order() {
    let mut stage = Stage::pair().await;
    let mut sent = submitted(&stage, &[b"one", b"two", b"three"]).await;
    // Whatever of them is on its way: the pause comes in between.
    let paused = asks(&stage, "XA", "peer pause XB --reason TICKET-7").await.report();
    assert_eq!((&paused["paused"], &paused["reason"]), (&true.into(), &"TICKET-7".into()));
    eventually("the sessions end", || async { !connected(&stage, "XA").await }).await;
    for sealed in [b"four".as_slice(), b"five"] {
        sent.push(next(&stage, sent.last(), sealed, Precedence::Routine).await);
    }
    eventually("the peer's operator is told", || async {
        last_failure(&stage, "XB").await == "the peer refused: PAUSED"
    })
    .await;
    let [entry, ..] = &asks(&stage, "XA", "queue list").await.reports()[..] else { panic!("nothing waits") };
    assert_eq!(entry["reason"], "PAUSED");
    let came = mailbox(&stage).await.len();
    assert!(came <= 3, "what was sent afterwards did not come");

    stage.house_mut("XA").stop().await.unwrap();
    stage.house_mut("XA").start().await.unwrap();
    sent.push(next(&stage, sent.last(), b"six", Precedence::Routine).await);
    let shown = types(&stage, "XA", ["status"]).await;
    assert!(shown.code == 0 && shown.data.contains("paused ("), "{shown:?}");
    let doctor = asks(&stage, "XA", "doctor --offline").await;
    assert!(doctor.data.is_empty() || !doctor.data.contains("PEER_AWAY"), "{doctor:?}");
    assert_eq!(alarms(&stage, "XA").await, Vec::<String>::new());
    // The peer tries again and again, and what it has waits as well.
    let [theirs] = stage.send("XB", &forms::note("XA", "new")).await.try_into().unwrap();
    eventually("the peer's message says what it waits for", || async {
        asks(&stage, "XB", "queue retry --all XA").await.report();
        let entries = asks(&stage, "XB", "queue list").await.reports();
        entries.first().is_some_and(|entry| entry["reason"] == "PAUSED_BY_PEER")
    })
    .await;
    assert_eq!(mailbox(&stage).await.len(), came, "nothing came while it lasted");
    assert!(!connected(&stage, "XA").await && stage.house("XA").fetch().await.unwrap() == 0);

    let resumed = asks(&stage, "XA", "peer resume XB").await.report();
    // Beside those that did not come there may be some whose receipt was cut off.
    let queued = resumed["queued"].as_u64().unwrap();
    assert!((sent.len() - came..=sent.len()).contains(&usize::try_from(queued).unwrap()), "{resumed}");
    eventually("everything arrives", || async { waiting(&stage).await.is_empty() }).await;
    let ids: Vec<String> = mailbox(&stage).await.into_iter().map(|(_, id)| id).collect();
    assert_eq!(ids, sent.iter().map(|one| one.id().to_string()).collect::<Vec<_>>());
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), 6);
    stage.settled("XB", &theirs).await;
    assert_eq!(asks(&stage, "XA", "peer resume XB").await.refusal(), (6, "NOT_PAUSED".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_protective_act_ends_a_pause_unless_it_is_by_force_and_the_operator_is_told() {
    let stage = Stage::pair().await;
    asks(&stage, "XA", "peer pause XB --reason TICKET-7").await.report();
    let one = next(&stage, None, b"one", Precedence::Routine).await;
    let two = next(&stage, Some(&one), b"two", Precedence::Flash).await;
    eventually("both come", || async { mailbox(&stage).await.len() == 2 }).await;
    assert_eq!(alarms(&stage, "XA").await, ["PAUSE_ENDED"]);
    let tail = asks(&stage, "XA", "log tail --administration -n 1").await.reports();
    assert_eq!(
        ["who", "what", "reason"].map(|key| tail[0][key].as_str().unwrap()),
        ["gateway", "PEER_RESUMED", "FLASH"]
    );

    // By force even that waits, and one that waits keeps an operator from pausing by the way.
    asks(&stage, "XA", "peer pause XB --force").await.report();
    eventually("the sessions end", || async { !connected(&stage, "XA").await }).await;
    assert_eq!(alarms(&stage, "XA").await, Vec::<String>::new(), "whoever pauses anew has seen it");
    next(&stage, Some(&two), b"three", Precedence::Flash).await;
    let refused = asks(&stage, "XA", "peer pause XB").await;
    assert_eq!(refused.refusal(), (6, "URGENT".to_owned()));
    let said = "a message of precedence FLASH waits for XB, which a pause holds up only by force";
    assert!(refused.talk.contains(said), "{}", refused.talk);
    // There was time for another attempt of either side, and it was refused.
    let pinged = asks(&stage, "XB", "peer ping XA").await;
    assert_eq!(pinged.refusal(), (5, "PAUSED_BY_PEER".to_owned()));
    let doctor = asks(&stage, "XB", "doctor").await;
    for said in [pinged.talk, doctor.data + &doctor.talk] {
        assert!(said.contains("XA's operator has paused us; call XA"), "{said}");
        assert!(!said.contains("the operator of this gateway"), "{said}");
    }
    assert_eq!(mailbox(&stage).await.len(), 2);
    assert!(stage.gateway("XA").status().await.unwrap().peers[0].pause.as_ref().is_some_and(|one| one.force));
    asks(&stage, "XA", "peer resume XB").await.report();
    eventually("it comes", || async { mailbox(&stage).await.len() == 3 }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_protective_act_of_the_peer_ends_our_pause_as_well_and_nothing_else_of_it_does() {
    let stage = Stage::pair().await;
    // XB pauses XA, who sends.
    asks(&stage, "XB", "peer pause XA").await.report();
    eventually("the sessions end", || async { !connected(&stage, "XB").await }).await;
    let one = next(&stage, None, b"one", Precedence::Immediate).await;
    eventually("an urgent message that is not FLASH is refused", || async {
        last_failure(&stage, "XA").await == "the peer refused: PAUSED"
    })
    .await;
    assert_eq!(mailbox(&stage).await.len(), 0);
    next(&stage, Some(&one), b"two", Precedence::Flash).await;
    eventually("both come", || async { mailbox(&stage).await.len() == 2 }).await;
    assert_eq!(alarms(&stage, "XB").await, ["PAUSE_ENDED"]);
    let tail = asks(&stage, "XB", "log tail --administration -n 1").await.reports();
    assert_eq!(tail[0]["reason"], "FLASH_OF_PEER");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_confirms_a_peer_that_is_paused_is_told_that_it_cannot_speak() {
    let stage = Stage::pair().await;
    assert_eq!(asks(&stage, "XA", "peer confirm XB --yes").await.report()["paused"], false);
    asks(&stage, "XA", "peer pause XB --reason TICKET-7").await.report();
    let unasked = types(&stage, "XA", ["peer", "confirm", "XB"]).await;
    assert_eq!(unasked.code, 4, "{unasked:?}");
    let confirmed = types(&stage, "XA", ["peer", "confirm", "XB", "--yes"]).await;
    assert_eq!(confirmed.code, 0, "{confirmed:?}");
    for said in [&unasked.talk, &confirmed.talk] {
        assert!(said.contains("XB is paused here since ") && said.contains(" peer resume XB\n"), "{said}");
    }
    let report = asks(&stage, "XA", "peer confirm XB --yes").await.report();
    assert_eq!(report["paused"], true, "{report}");
    assert!(report["warning"].as_str().unwrap().contains("cannot speak"), "{report}");
    assert!(report["next"][0].as_str().unwrap().ends_with(" peer resume XB"), "{report}");
}
