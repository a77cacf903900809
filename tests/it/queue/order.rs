//! Holding, releasing, trying again: numbers stay in order, and the urgent goes first only across channels.

use chancery::message::envelope::Envelope;
use chancery::message::terms::{Level, Precedence};
use futures_util::StreamExt;

use super::{asks, short, submitted, types, waiting};
use crate::support::answers::mailbox;
use crate::support::craft::Craft;
use crate::support::{Stage, eventually, forms, ministry};

#[tokio::test(flavor = "multi_thread")]
async fn a_held_message_waits_with_all_behind_it_until_it_is_released_and_then_all_arrive_in_order() {
    let mut stage = Stage::pair().await;
    stage.house_mut("XB").stop().await.unwrap();
    let sent = submitted(&stage, &[b"one", b"two", b"three"]).await;
    let held =
        asks(&stage, "XA", &format!("queue hold {} --reason TICKET-7", short(&sent[1]))).await.report();
    assert_eq!((held["state"].as_str(), held["behind"].as_u64()), (Some("held"), Some(1)));
    let states =
        [(1, "queued"), (2, "held"), (3, "queued")].map(|(number, state)| (number, state.to_owned()));
    assert_eq!(waiting(&stage).await, states);

    stage.house_mut("XB").start().await.unwrap();
    asks(&stage, "XA", "queue retry --all XB").await.report();
    eventually("what stands before the held one arrives", || async { waiting(&stage).await.len() == 2 })
        .await;
    // A message the other way and back again: there was time for the rest, and it did not come.
    let [answer] = stage.send("XB", &forms::note("XA", "new")).await.try_into().unwrap();
    stage.settled("XB", &answer).await;
    assert_eq!(mailbox(&stage).await, [(1, sent[0].id().to_string())]);
    assert_eq!(waiting(&stage).await, states[1..]);
    let status = stage.gateway("XA").status().await.unwrap();
    assert_eq!((status.peers[0].queued, status.peers[0].held, status.peers[0].next_attempt), (2, 1, None));

    asks(&stage, "XA", &format!("queue release {}", short(&sent[1]))).await.report();
    eventually("everything arrives", || async { waiting(&stage).await.is_empty() }).await;
    let ids: Vec<String> = mailbox(&stage).await.into_iter().map(|(_, id)| id).collect();
    assert_eq!(ids, sent.iter().map(|one| one.id().to_string()).collect::<Vec<_>>());
    let shown = asks(&stage, "XA", &format!("queue show {}", short(&sent[1]))).await.report();
    let decisions: Vec<&str> =
        shown["decisions"].as_array().unwrap().iter().map(|one| one["what"].as_str().unwrap()).collect();
    assert_eq!(decisions, ["HELD", "RELEASED"]);
    assert_eq!(
        (shown["sent_state"].as_str(), &shown["decisions"][0]["reason"]),
        (Some("delivered"), &"TICKET-7".into())
    );
    let kinds: Vec<&str> =
        shown["leaves"].as_array().unwrap().iter().map(|one| one["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["SENT", "RECEIVED"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_done_is_refused_with_a_reason_and_changes_nothing() {
    let mut stage = Stage::pair().await;
    stage.house_mut("XB").stop().await.unwrap();
    let mut craft = Craft::new(&stage, "XA", "XB");
    let routine = craft.signed(&stage);
    craft.address.precedence = Precedence::Flash;
    let flash = craft.after(&routine).signed(&stage);
    for envelope in [&routine, &flash] {
        stage.gateway("XA").submit(&envelope.encode()).await.unwrap();
    }
    let before = waiting(&stage).await;
    let refusal = async |line: String| asks(&stage, "XA", &line).await.refusal();
    for envelope in [&routine, &flash] {
        assert_eq!(refusal(format!("queue hold {}", short(envelope))).await, (6, "URGENT".to_owned()));
    }
    for verb in ["hold", "release", "retry", "show"] {
        assert_eq!(refusal(format!("queue {verb} 0123456789")).await, (7, "NO_SUCH_MESSAGE".to_owned()));
        assert_eq!(refusal(format!("queue {verb} 12")).await, (2, "MALFORMED".to_owned()));
    }
    assert_eq!(refusal(format!("queue release {}", short(&flash))).await, (6, "NOT_HELD".to_owned()));
    let named =
        types(&stage, "XA", ["queue", "hold", &short(&flash), "--reason", "about Mr Doe", "--json"]).await;
    assert_eq!(named.refusal(), (2, "MALFORMED".to_owned()));
    // Without a terminal a withdrawal needs consent beforehand.
    let asked = asks(&stage, "XA", &format!("queue cancel {}", short(&flash))).await;
    assert_eq!(asked.code, 4, "{asked:?}");
    assert_eq!(waiting(&stage).await, before);

    asks(&stage, "XA", &format!("queue hold {} --force", short(&routine))).await.report();
    assert_eq!(refusal(format!("queue retry {}", short(&routine))).await, (6, "HELD".to_owned()));
    assert_eq!(refusal(format!("queue retry {}", short(&flash))).await, (6, "HELD".to_owned()));
    for (line, hint) in [
        (format!("queue retry {}", short(&routine)), format!(" queue release {}", short(&routine))),
        ("queue show 0123456789".to_owned(), " queue list".to_owned()),
    ] {
        let told = asks(&stage, "XA", &line).await;
        let error: serde_json::Value = serde_json::from_str(told.talk.lines().last().unwrap()).unwrap();
        assert!(error["hint"].as_str().unwrap().ends_with(&hint), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_queue_says_why_each_message_waits_and_every_reason_of_a_hold_is_kept() {
    let mut stage = Stage::pair().await;
    stage.house_mut("XB").stop().await.unwrap();
    let sent = submitted(&stage, &[b"one", b"two", b"three"]).await;
    let listed = async || {
        let reports = asks(&stage, "XA", "queue list").await.reports();
        let reason = |report: &serde_json::Value| report["reason"].as_str().unwrap_or("-").to_owned();
        (reports.iter().map(reason).collect::<Vec<_>>(), reports)
    };
    eventually("XB is away", || async { listed().await.0 == ["PEER_AWAY"; 3] }).await;
    assert!(listed().await.1.iter().all(|report| report["next_attempt"].is_null()), "nobody knows when");
    let text = types(&stage, "XA", ["queue", "list"]).await;
    assert!(text.data.contains("PEER_AWAY") && !text.data.contains(" now "), "{text:?}");

    let second = short(&sent[1]);
    asks(&stage, "XA", &format!("queue hold {second}")).await.report();
    asks(&stage, "XA", &format!("queue hold {second} --reason TICKET-4711")).await.report();
    asks(&stage, "XA", &format!("queue hold {second}")).await.report();
    let behind = format!("BEHIND {}", &second[..12]);
    assert_eq!(listed().await.0, ["PEER_AWAY", "TICKET-4711", &behind]);
    let shown = asks(&stage, "XA", &format!("queue show {second}")).await.report();
    let reasons: Vec<_> = shown["decisions"].as_array().unwrap().iter().map(|one| &one["reason"]).collect();
    assert_eq!(reasons, [&serde_json::Value::Null, &"TICKET-4711".into()]);
    let unreached = asks(&stage, "XA", "peer ping XB").await;
    assert_eq!(unreached.refusal(), (5, "PEER_UNREACHABLE".to_owned()), "{unreached:?}");
    assert!(unreached.talk.contains("refused"), "{unreached:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_is_there_and_has_no_room_is_told_apart_from_one_that_is_away() {
    let mut stage = Stage::pair().await;
    let config = stage.house("XB").homes().gateway.config();
    let before = std::fs::read_to_string(&config).unwrap();
    let (rest, _) = before.rsplit_once("\n[store]\n").unwrap();
    stage.house_mut("XB").stop().await.unwrap();
    std::fs::write(&config, format!("{rest}\n[store]\nfloor_mib = 1000000000\n")).unwrap();
    stage.house_mut("XB").start().await.unwrap();
    submitted(&stage, &[b"one"]).await;
    eventually("the window is shut", || async {
        let reports = asks(&stage, "XA", "queue list").await.reports();
        reports[0]["reason"] == "PEER_TAKES_NOTHING" && reports[0]["next_attempt"].is_null()
    })
    .await;
    let status = asks(&stage, "XA", "status").await;
    let seen: serde_json::Value = serde_json::from_str(&status.data).unwrap();
    assert_eq!((status.code, &seen["peers"][0]["connected"]), (5, &true.into()), "{status:?}");
    assert!(seen["peers"][0]["takes_nothing_since"].is_string(), "{status:?}");

    stage.house_mut("XB").stop().await.unwrap();
    std::fs::write(&config, before).unwrap();
    stage.house_mut("XB").start().await.unwrap();
    asks(&stage, "XA", "queue retry --all XB").await.report();
    eventually("it is taken", || async { waiting(&stage).await.is_empty() }).await;
    assert_eq!(asks(&stage, "XA", "status").await.code, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_the_queue_and_filters_show_every_message_once() {
    let mut stage = Stage::pair().await;
    stage.house_mut("XB").stop().await.unwrap();
    submitted(&stage, &[b"1", b"2", b"3"]).await;
    let first = asks(&stage, "XA", "queue list -n 2").await.reports();
    let place = first.last().unwrap()["after"].as_str().unwrap().to_owned();
    let rest = asks(&stage, "XA", &format!("queue list -n 2 --after {place}")).await.reports();
    let numbers: Vec<_> =
        first[..2].iter().chain(&rest).map(|one| one["sequence"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [1, 2, 3]);
    for slip in ["queue list --ministry XC", "queue retry --all XC"] {
        assert_eq!(asks(&stage, "XA", slip).await.refusal(), (7, "NOT_ACCREDITED".to_owned()), "{slip}");
    }
    assert_eq!(asks(&stage, "XA", "queue list --state held").await.reports().len(), 0);
    assert_eq!(asks(&stage, "XA", "queue list --state queued").await.reports().len(), 3);
    let text = types(&stage, "XA", ["queue", "list"]).await;
    assert!(text.code == 0 && text.data.contains("PRECEDENCE") && text.data.lines().count() == 4, "{text:?}");
}

/// Two channels to XB: the one of the pair and the one of all three.
#[tokio::test(flavor = "multi_thread")]
async fn the_urgent_overtakes_across_channels_and_never_within_one() {
    let mut stage = Stage::of(&["XA", "XB", "XC"]).await;
    let parties = ["XA", "XB", "XC"].map(ministry);
    let wide = stage.world.charter(&parties, Level::Confidential, false).await.unwrap();
    stage.house_mut("XB").stop().await.unwrap();
    let narrow = Craft::new(&stage, "XA", "XB");
    let first = narrow.saying(b"routine 1").signed(&stage);
    let second = narrow.after(&first).saying(b"routine 2").signed(&stage);
    let mut broad = narrow.clone();
    broad.address.channel = wide;
    broad.address.precedence = Precedence::Priority;
    let third = broad.saying(b"priority").signed(&stage);
    let mut flash = broad.after(&third);
    flash.address.precedence = Precedence::Flash;
    let fourth = flash.saying(b"flash").signed(&stage);
    let all = [&first, &second, &third, &fourth];
    for envelope in all {
        stage.gateway("XA").submit(&envelope.encode()).await.unwrap();
    }
    stage.house_mut("XB").start().await.unwrap();
    asks(&stage, "XA", "queue retry --all XB").await.report();
    eventually("everything arrives", || async { mailbox(&stage).await.len() == 4 }).await;
    let arrived: Vec<String> = mailbox(&stage).await.into_iter().map(|(_, id)| id).collect();
    let expected = [&third, &fourth, &first, &second].map(|one: &Envelope| one.id().to_string());
    assert_eq!(arrived, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_of_urgent_messages_is_hastened_once_for_each_sequence() {
    let mut stage = Stage::pair().await;
    stage.house_mut("XB").stop().await.unwrap();
    let mut craft = Craft::new(&stage, "XA", "XB");
    craft.address.precedence = Precedence::Flash;
    let mut batch = Vec::new();
    for number in 0..16_u8 {
        let envelope = craft.saying(&[number]).signed(&stage);
        craft = craft.after(&envelope);
        batch.push(envelope.encode());
    }
    let gateway = stage.gateway("XA").clone();
    let before = gateway.status().await.unwrap().writer.commits;
    let answers = gateway.clone().submit_stream(futures_util::stream::iter([batch]));
    let answers: Vec<_> = answers.collect().await;
    let [Ok(submitted)] = answers.as_slice() else { panic!("one batch") };
    assert!(submitted.len() == 16 && submitted.iter().all(Result::is_ok));
    let commits = gateway.status().await.unwrap().writer.commits - before;
    // The batch and its haste; attempts that fail and the clerk may add a few.
    assert!(commits < 10, "{commits} commits for one batch");
}
