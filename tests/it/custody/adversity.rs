//! What a turning year, a lying peer, a lost answer or an ended bundle must not do.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use chancery::desk::register::SentState;
use chancery::digest::Digest;
use chancery::gateway::error::Declined;
use chancery::gateway::frame::{Frame, Hello, Relay, Window};
use chancery::keys::file::FileNoteSigner;
use chancery::message::header::{Header, Part};
use chancery::message::refusal::Reason;
use chancery::time::Clock;
use chancery::tlog::checkpoint::Checkpoint;
use chancery::tlog::verifier_key::KeyName;
use chancery::trust::policy::{ChannelPolicy, SignedPolicy};
use tokio::sync::mpsc;

use super::relay;
use crate::support::craft::Craft;
use crate::support::{Stage, forms, ministry, proofs};

const DAY: u64 = 24 * 3600;

/// Certifies everything again, as people do in time, and lets the gateway know.
fn renew(stage: &Stage, code: &str) {
    stage.house(code).renew_certificates().unwrap();
    stage.gateway(code).reload().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_leaves_of_a_year_are_mirrored_in_the_next_one() {
    let mut stage = Stage::pair().await;
    // Ten minutes before 2027.
    stage.clock.forward(Duration::from_secs(39 * DAY + 13 * 3600 + 50 * 60));
    renew(&stage, "XA");
    renew(&stage, "XB");
    for _ in 0..3 {
        let [sent] = stage.send("XA", &forms::memorandum("XB", "new", "before")).await.try_into().unwrap();
        assert_eq!(stage.settled("XA", &sent).await.state, SentState::Delivered);
    }
    stage.house_mut("XB").stop().await.unwrap();
    let [late] = stage.send("XA", &forms::memorandum("XB", "new", "late")).await.try_into().unwrap();
    stage.clock.forward(Duration::from_secs(20 * 60));
    stage.house_mut("XB").start().await.unwrap();
    assert_eq!(stage.settled("XA", &late).await.state, SentState::Delivered);
    let [next] = stage.send("XA", &forms::memorandum("XB", "new", "next")).await.try_into().unwrap();
    assert_eq!(stage.settled("XA", &next).await.state, SentState::Delivered);
    let origins: Vec<String> =
        proofs::own_logs(&stage, &ministry("XA")).await.into_iter().map(|log| log.origin).collect();
    assert_eq!(origins, ["mfa.xa.example/chancery/xb/2026", "mfa.xa.example/chancery/xb/2027"]);
    proofs::logs_agree(&stage).await;
    assert_eq!(stage.gateway("XA").status().await.unwrap().alarms, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_number_is_taken_that_a_register_cannot_keep() {
    let stage = Stage::pair().await;
    let mut craft = Craft::new(&stage, "XA", "XB");
    let part = Part { digest: Digest::of(b"sealed"), size: 6 };
    for (sequence, act_number) in [(1, u64::MAX), (1, 1 << 63), (u64::MAX, 0)] {
        craft.position.sequence = sequence;
        craft.position.act_number = act_number;
        craft.position.previous = (sequence > 1).then(|| Digest::of(b"before").into());
        let refusal = Header::compose(&craft.address, &craft.position, &[part]).unwrap_err();
        assert_eq!(refusal.reason(), Reason::Malformed);
    }
    // The greatest one that is left comes into the register, and so does what comes after it.
    let mut craft = Craft::new(&stage, "XA", "XB");
    craft.position.act_number = i64::MAX as u64;
    let first = craft.signed(&stage);
    relay(&stage, &[&first, &craft.after(&first).signed(&stage)]).await;
    assert_eq!(stage.house("XB").fetch().await.unwrap(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_is_full_of_bytes_says_that_there_is_more() {
    let stage = Stage::pair().await;
    let mut craft = Craft::new(&stage, "XA", "XB").saying(&vec![7; 250 * 1024]);
    for _ in 0..6 {
        let envelope = craft.signed(&stage);
        relay(&stage, &[&envelope]).await;
        craft = craft.after(&envelope);
    }
    let (page, more) = stage.gateway("XB").list_received(0, 64).await.unwrap();
    assert!(more && page.len() < 6, "{} {more}", page.len());
    assert_eq!(stage.house("XB").fetch().await.unwrap(), 6);
}

/// A checkpoint that the gateway of a ministry could have signed.
fn signed_by(stage: &Stage, code: &str, origin: &str, size: u64) -> String {
    let key = FileNoteSigner::open(&stage.house(code).homes().gateway.log_key()).unwrap();
    let origin = KeyName::parse(origin).unwrap();
    Checkpoint { origin, size, root: Digest::of(b"root") }.sign(&key)
}

/// How a stream ends that begins with these claims of XA.
async fn greeted(stage: &Stage, logs: Vec<String>, mirrors: Vec<String>) -> String {
    let ((outgoing, _sent), (frames, incoming)) = (mpsc::channel(8), mpsc::channel(8));
    let (ministry, time) = (ministry("XA"), stage.clock.now());
    let window = Window { envelopes: 1, bytes: 1 };
    let hello = Hello { ministry: ministry.clone(), time, logs, mirrors, window, frames: 0 };
    frames.send(Ok(Frame::Hello(hello))).await.unwrap();
    drop(frames);
    let ended = stage.gateway("XB").converse(&ministry, Relay { outgoing, incoming }).await;
    ended.unwrap_err().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_learns_nothing_about_logs_that_are_not_its_own() {
    let stage = Stage::pair().await;
    for origin in ["mfa.xb.example/chancery/xa/2026", "mfa.xb.example/chancery/xc/2026", "x"] {
        let ended = greeted(&stage, vec![signed_by(&stage, "XA", origin, 1)], vec![]).await;
        assert!(ended.contains("is not a log of this pair"), "{ended}");
    }
    let ended = greeted(&stage, vec![], vec![]).await;
    assert!(ended.contains("ended the stream"), "{ended}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_cannot_fill_the_disk_with_alarms() {
    let stage = Stage::pair().await;
    for size in 0..40 {
        let mirror = signed_by(&stage, "XB", "mfa.xb.example/chancery/xa/2026", 1_000 + size);
        greeted(&stage, vec![], vec![mirror]).await;
    }
    let [alarm] = stage.gateway("XB").status().await.unwrap().alarms.try_into().unwrap();
    // Until it has caught up, more of the same is no news.
    assert_eq!((alarm.code.as_str(), alarm.count), ("ROLLED_BACK", 1));
    assert!(alarm.detail.contains("1000"), "{alarm:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_bundle_of_the_own_ministry_is_never_in_force_again() {
    let stage = Stage::pair().await;
    let (house, peer) = (stage.house("XA"), stage.world.bundle(&ministry("XB")).unwrap());
    let older = stage.world.bundle(&ministry("XA")).unwrap().to_bytes();
    let newer = house.issue_bundle().unwrap().to_bytes();
    let trust = house.desk().unwrap().trust().unwrap();
    let in_force = trust.policy.clone().unwrap();
    let policy = |sequence| {
        let (channels, peers) = (in_force.channels().clone(), in_force.peers().clone());
        let policy =
            ChannelPolicy::new(ministry("XA"), sequence, stage.clock.now(), channels, peers).unwrap();
        let registry = house.keys().registry().unwrap();
        SignedPolicy::issue(policy, registry.as_ref(), stage.clock.now()).unwrap().to_bytes()
    };
    let peers = [peer.to_bytes()];
    let gateway = stage.gateway("XA");
    assert_eq!(gateway.accredit(&newer, &policy(50), &peers).await.unwrap(), 50);
    match gateway.accredit(&older, &policy(51), &peers).await {
        Err(Declined::Refused(refusal)) => assert!(refusal.detail().contains("newer"), "{refusal}"),
        other => panic!("{other:?}"),
    }
    match gateway.accredit(&newer, &policy(49), &peers).await {
        Err(Declined::Refused(refusal)) => assert!(refusal.detail().contains("50"), "{refusal}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_whose_answer_was_lost_does_not_stand_in_the_way_of_the_next() {
    let stage = Stage::pair().await;
    let house = stage.house("XA");
    let desk = house.desk().unwrap();
    let rule = desk.trust().unwrap().policy.unwrap().channels().clone();
    let (channel, rule) = rule.into_iter().next().unwrap();
    let before = fs::read(desk.config().policy()).unwrap();
    desk.charter(house.keys(), channel.clone(), rule.clone()).await.unwrap();
    // The desk stopped between the gateway's answer and keeping what was answered, and left a file behind.
    fs::write(desk.config().policy(), before).unwrap();
    fs::write(desk.config().peer_bundles().join(".tmpA1b2C3"), b"half a bun").unwrap();
    stage.clock.forward(Duration::from_secs(60));
    desk.charter(house.keys(), channel, rule).await.unwrap();
    let in_force = stage.gateway("XA").status().await.unwrap().policy;
    assert_eq!(desk.trust().unwrap().policy.unwrap().sequence(), in_force);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_starts_although_its_bundle_is_younger_than_its_policy() {
    let mut stage = Stage::pair().await;
    stage.clock.forward(Duration::from_secs(3600));
    let house = stage.house("XA");
    house.issue_bundle().unwrap();
    // The desk's clock is behind the one by which the bundle was issued.
    stage.clock.back(Duration::from_secs(60));
    let registry = house.keys().registry().unwrap();
    let in_force = house.desk().unwrap().config().policy();
    let in_force = SignedPolicy::parse(&fs::read(in_force).unwrap()).unwrap();
    let (channels, peers) = (in_force.policy().channels().clone(), in_force.policy().peers().clone());
    let policy = ChannelPolicy::new(ministry("XA"), 9, stage.clock.now(), channels, peers).unwrap();
    let policy = SignedPolicy::issue(policy, registry.as_ref(), stage.clock.now()).unwrap().to_bytes();
    stage.clock.forward(Duration::from_secs(120));
    let own = fs::read(house.desk().unwrap().config().own_bundle()).unwrap();
    let peers = [stage.world.bundle(&ministry("XB")).unwrap().to_bytes()];
    assert_eq!(stage.gateway("XA").accredit(&own, &policy, &peers).await.unwrap(), 9);
    stage.house_mut("XA").stop().await.unwrap();
    stage.house_mut("XA").start().await.unwrap();
    assert_eq!(stage.gateway("XA").status().await.unwrap().policy, 9);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transport_key_that_others_may_read_is_refused() {
    let stage = Stage::pair().await;
    let key = stage.house("XA").homes().gateway.transport_key();
    fs::set_permissions(&key, Permissions::from_mode(0o640)).unwrap();
    let refused = stage.gateway("XA").reload().unwrap_err().to_string();
    assert!(refused.contains("transport.key"), "{refused}");
}
