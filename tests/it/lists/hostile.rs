//! A peer that announces what does not follow, or announces without end.

use chancery::limits;
use chancery::message::terms::Level;
use chancery::proto::gateway::v1 as wire;
use chancery::proto::gateway::v1::relay_frame::Frame;
use chancery::time::Clock;
use chancery::trust::bundle::{BundleContent, SignedBundle};
use prost::Message as _;
use tokio::time::timeout;
use tonic::Code;

use super::root;
use crate::support::bot::{Bot, Dialled};
use crate::support::{PATIENCE, Stage, caller, eventually, proofs};

/// A stream to XA that XB's true certificate opened, with the gateway of XB stopped and everything cosigned.
async fn as_xb(codes: &[&str]) -> (Stage, Dialled) {
    let mut stage = Stage::of(codes).await;
    proofs::logs_agree(&stage).await;
    stage.house_mut("XB").stop().await.unwrap();
    let client = caller::relay(&stage, caller::gateway_identity(&stage, "XB"), "XA").await;
    let dialled = Dialled::open(Bot::new(&stage, "XB", "XA"), client).await.unwrap();
    (stage, dialled)
}

fn announcement(bundle: Vec<u8>) -> Frame {
    Frame::Announcement(wire::Announcement { bundle })
}

/// The bundle of XB that is accredited.
fn accredited(stage: &Stage) -> SignedBundle {
    stage.world.bundle(&crate::support::ministry("XB")).unwrap().clone()
}

/// A bundle after that one, changed, and signed by the trust key of `signer`.
fn next(stage: &Stage, signer: &str, change: impl FnOnce(&mut BundleContent)) -> SignedBundle {
    let before = accredited(stage);
    let mut content = before.bundle().content().clone();
    content.sequence += 1;
    content.previous_digest = Some(before.digest());
    change(&mut content);
    let signer = root(stage, signer).trust_signer().unwrap();
    SignedBundle::issue(content, &signer, stage.clock.now()).unwrap()
}

/// The same with a bit of its first revocation list turned, under a signature that was made for it as it is.
fn with_damaged_list(stage: &Stage) -> Vec<u8> {
    use chancery::proto::trust::v1::{SignedRecord, TrustBundle};
    use chancery::trust::signature::sign;
    let good = next(stage, "XB", |_| {});
    let mut record = TrustBundle::decode(good.record()).unwrap();
    *record.revocation_lists[1].last_mut().unwrap() ^= 1;
    let record = record.encode_to_vec();
    let signer = root(stage, "XB").trust_signer().unwrap();
    let signature = sign(&record, &signer, stage.clock.now()).unwrap();
    SignedRecord { record, signature }.encode_to_vec()
}

/// What the alarm about XB says last, and how often it was raised.
async fn refused(stage: &Stage) -> Option<(String, u64)> {
    let alarms = stage.gateway("XA").list_alarms(false).await.unwrap();
    let mut about = alarms.into_iter().filter(|alarm| alarm.code == "BUNDLE_REFUSED");
    let found = about.next().map(|alarm| (alarm.detail, alarm.count));
    assert!(about.next().is_none(), "one row, however often");
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_that_does_not_follow_is_refused_with_its_reason_and_changes_nothing() {
    let (stage, dialled) = as_xb(&["XA", "XB", "XC"]).await;
    let own = stage.world.bundle(&crate::support::ministry("XC")).unwrap().to_bytes();
    let another_root = next(&stage, "XC", |content| {
        let other = stage.world.bundle(&crate::support::ministry("XC")).unwrap().bundle().content().clone();
        let (sequence, previous) = (content.sequence, content.previous_digest);
        *content = BundleContent { sequence, previous_digest: previous, ..other };
    });
    let broken = next(&stage, "XB", |content| content.previous_digest = Some(another_root.digest()));
    let future = next(&stage, "XB", |content| {
        content.valid_from = stage.clock.now().after(2 * limits::CLOCK_SKEW_MAX);
    });
    let mut forged = next(&stage, "XB", |_| {}).to_bytes();
    *forged.last_mut().unwrap() ^= 1;
    let before = stage.gateway("XA").status().await.unwrap();
    let list = [
        (own, "BUNDLE_SUCCESSION", "another ministry"),
        (another_root.to_bytes(), "BUNDLE_SUCCESSION", "another ministry"),
        (broken.to_bytes(), "BUNDLE_SUCCESSION", "names another bundle"),
        (future.to_bytes(), "BUNDLE_NOT_IN_FORCE", "in force"),
        (with_damaged_list(&stage), "REVOCATION_LIST_INVALID", "list"),
        (forged, "SIGNATURE", ""),
        (b"no bundle".to_vec(), "RECORD_NOT_CANONICAL", ""),
    ];
    for (count, (bundle, reason, words)) in (1..).zip(list) {
        dialled.send(announcement(bundle)).await;
        eventually(&format!("{reason} is told, {words}"), || async {
            refused(&stage).await.is_some_and(|(_, times)| times == count)
        })
        .await;
        let (detail, _) = refused(&stage).await.unwrap();
        assert!(detail.starts_with(reason) && detail.contains(words), "{reason}: {detail}");
    }
    assert!(stage.gateway("XA").offers().await.unwrap().offered.is_empty());
    let after = stage.gateway("XA").status().await.unwrap();
    let told = |status: &chancery::gateway::status::Status| -> Vec<(u64, Option<u64>)> {
        status.peers.iter().map(|peer| (peer.bundle, peer.announced)).collect()
    };
    assert_eq!((told(&after), after.policy), (told(&before), before.policy));
    // The stream goes on, and what follows is taken and ends the alarm.
    let good = next(&stage, "XB", |_| {});
    dialled.send(announcement(good.to_bytes())).await;
    super::heard(&stage, "XA", "XB", &good).await;
    eventually("the alarm is cleared", || async { refused(&stage).await.is_none() }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_announcements_fill_nothing() {
    let (stage, mut dialled) = as_xb(&["XA", "XB"]).await;
    let trace = proofs::trace(&stage, "XA").await;
    let known = announcement(accredited(&stage).to_bytes());
    for _ in 0..10_000_u32.max(limits::ANNOUNCEMENTS_PER_STREAM_MAX + 1) {
        dialled.send(known.clone()).await;
    }
    let end = async {
        loop {
            if let Err(status) = dialled.next().await {
                return status;
            }
        }
    };
    let end = timeout(PATIENCE, end).await.expect("the stream goes on");
    let expected = (Code::InvalidArgument, "there are too many announcements on one stream");
    assert_eq!((end.code(), end.message()), expected);
    assert_eq!(proofs::trace(&stage, "XA").await, trace);
    assert!(stage.gateway("XA").offers().await.unwrap().offered.is_empty());
    assert_eq!(refused(&stage).await, None, "what is known is no offence");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ministry_that_issues_one_bundle_after_the_other_is_heard_a_day_of_them() {
    let (stage, dialled) = as_xb(&["XA", "XB"]).await;
    let mut before = accredited(&stage);
    let most = limits::OFFERED_PER_DAY_MAX as u64;
    for _ in 0..=most {
        let mut content = before.bundle().content().clone();
        content.sequence += 1;
        content.previous_digest = Some(before.digest());
        let signer = root(&stage, "XB").trust_signer().unwrap();
        before = SignedBundle::issue(content, &signer, stage.clock.now()).unwrap();
        dialled.send(announcement(before.to_bytes())).await;
    }
    eventually("the last one is refused", || async {
        refused(&stage).await.is_some_and(|(detail, _)| detail.contains("too many bundles"))
    })
    .await;
    let offered = stage.gateway("XA").offers().await.unwrap().offered;
    assert_eq!(offered.iter().map(|one| one.sequence).collect::<Vec<_>>(), [1 + most]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_accredited_once_is_no_offence_and_the_accredited_bundle_ends_the_alarm() {
    let (stage, dialled) = as_xb(&["XA", "XB"]).await;
    let (first, second) = (accredited(&stage), next(&stage, "XB", |_| {}));
    let times = || async {
        let alarms = stage.gateway("XA").list_alarms(true).await.unwrap();
        alarms.iter().find(|alarm| alarm.code == "BUNDLE_REFUSED").map_or(0, |alarm| alarm.count)
    };
    dialled.send(announcement(first.to_bytes())).await;
    dialled.send(announcement(b"no bundle".to_vec())).await;
    eventually("nonsense is told", || async { refused(&stage).await.is_some() }).await;
    dialled.send(announcement(first.to_bytes())).await;
    eventually("it says again what is believed of it", || async { refused(&stage).await.is_none() }).await;

    let (desk, fingerprint) = (stage.house("XA"), *first.bundle().fingerprint().digest());
    desk.desk().unwrap().accredit(desk.keys(), second, &fingerprint, Level::Confidential).await.unwrap();
    dialled.send(announcement(first.to_bytes())).await;
    dialled.send(announcement(b"nonsense again".to_vec())).await;
    eventually("nonsense is told again", || async { times().await >= 2 }).await;
    assert_eq!(times().await, 2, "the former bundle is none");
    assert!(refused(&stage).await.is_some_and(|(detail, _)| detail.starts_with("RECORD_NOT_CANONICAL")));
}
