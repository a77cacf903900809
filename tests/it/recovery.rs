//! A gateway that was restored from an older copy, or that has lost everything: it signs no number twice, takes
//! back what its peers and its desk hold, and goes on.

mod administration;
mod answered;
mod forks;
mod liars;
mod start;
mod withdrawn;

use std::fs;
use std::path::PathBuf;

use chancery::desk::register::{SentEntry, SentState};
use chancery::gateway::standing::Standing;
use chancery::gateway::store::record::LogHead;
use chancery::message::receipt::Receipt;
use chancery::tlog::checkpoint::Checkpoint;

use crate::archive::{copy, data};
use crate::support::{Stage, eventually, forms, ministry, proofs};

/// Where the mark of a gateway lies.
fn mark(stage: &Stage, code: &str) -> PathBuf {
    stage.house(code).homes().gateway.directory().join("run/mark")
}

/// Stops a gateway, keeps a copy of its data and starts it again.
async fn keep(stage: &mut Stage, code: &str) -> PathBuf {
    stage.house_mut(code).stop().await.unwrap();
    let kept = stage.folder().join(format!("copy-{code}-{}", fs::read_dir(stage.folder()).unwrap().count()));
    copy(&data(stage, code), &kept);
    stage.house_mut(code).start().await.unwrap();
    kept
}

/// Stops a gateway and puts a copy of its data in the place of what it has.
async fn put_back(stage: &mut Stage, code: &str, kept: &std::path::Path) {
    stage.house_mut(code).stop().await.unwrap();
    fs::remove_dir_all(data(stage, code)).unwrap();
    copy(kept, &data(stage, code));
}

/// The host was started anew: nothing vouches for the store any more.
fn forget(stage: &Stage, code: &str) {
    fs::remove_file(mark(stage, code)).unwrap();
}

async fn memo(stage: &Stage, from: &str, to: &str, words: &str) -> SentEntry {
    let [sent] = stage.send(from, &forms::memorandum(to, "new", words)).await.try_into().unwrap();
    sent
}

async fn delivered(stage: &Stage, from: &str, to: &str, words: &str) -> SentEntry {
    let sent = memo(stage, from, to, words).await;
    let settled = stage.settled(from, &sent).await;
    assert_eq!(settled.state, SentState::Delivered, "{}", settled.reason);
    settled
}

async fn own_log(stage: &Stage, code: &str) -> LogHead {
    proofs::own_logs(stage, &ministry(code)).await.pop().unwrap()
}

/// Waits until nothing is damaged and both sides hold the same logs, cosigned.
async fn whole(stage: &Stage, codes: &[&str]) {
    for code in codes {
        eventually(&format!("{code} holds all its parts again"), || async {
            stage.gateway(code).verify().await.unwrap().damages.is_empty()
        })
        .await;
    }
    proofs::logs_agree(stage).await;
}

/// What was signed before still stands: the root of then is the root of the beginning of the log.
async fn continues(stage: &Stage, code: &str, before: &LogHead) {
    let now = own_log(stage, code).await;
    assert!(now.size >= before.size, "{} leaves of {}", now.size, before.size);
    let root = stage.gateway(code).root_of(&before.origin, before.size).await.unwrap();
    assert_eq!(root, Some(before.root));
}

fn alarms_named(alarms: Vec<chancery::gateway::store::record::RaisedAlarm>, code: &str) -> usize {
    alarms.into_iter().filter(|alarm| alarm.code == code).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_a_rollback_took_comes_back_from_the_peer() {
    let mut stage = Stage::pair().await;
    delivered(&stage, "XA", "XB", "One.").await;
    delivered(&stage, "XB", "XA", "Heard one.").await;
    assert_eq!(stage.house("XA").fetch().await.unwrap(), 1);
    let kept = keep(&mut stage, "XA").await;
    for words in ["Two.", "Three.", "Four."] {
        delivered(&stage, "XA", "XB", words).await;
    }
    fs::write(stage.folder().join("scan.bin"), vec![3; 300 * 1024]).unwrap();
    let document = "\n[[document]]\nid = \"scan\"\npath = \"scan.bin\"\ntitle = \"Scan\"\nclass = \"EVIDENCE\"\nlanguage = \"und\"\n";
    for from in ["XA", "XB"] {
        let to = if from == "XA" { "XB" } else { "XA" };
        let form = forms::memorandum(to, "new", "With a scan.") + document;
        let [sent] = stage.send(from, &form).await.try_into().unwrap();
        assert_eq!(stage.settled(from, &sent).await.state, SentState::Delivered);
    }
    // One that the desk has fetched before the rollback, and one that it has not.
    assert_eq!(stage.house("XA").fetch().await.unwrap(), 1);
    delivered(&stage, "XB", "XA", "Not fetched.").await;
    proofs::logs_agree(&stage).await;
    let before = own_log(&stage, "XA").await;

    put_back(&mut stage, "XA", &kept).await;
    forget(&stage, "XA");
    stage.house_mut("XA").start().await.unwrap();
    stage.sound("XA", "XB").await;
    continues(&stage, "XA", &before).await;
    let next = delivered(&stage, "XA", "XB", "Six.").await;
    assert_eq!(next.sequence, 6);
    whole(&stage, &["XA", "XB"]).await;
    continues(&stage, "XA", &before).await;
    assert_eq!(stage.house("XA").fetch().await.unwrap(), 1, "only what the desk did not have is new");
    let received = stage.gateway("XA").list_received(0, 64).await.unwrap().0;
    assert_eq!(received.len(), 3);
    assert_eq!(stage.gateway("XB").list_received(0, 64).await.unwrap().0.len(), 6);
    assert_eq!(alarms_named(stage.gateway("XA").status().await.unwrap().alarms, "ROLLED_BACK"), 1);
    let reports = stage.gateway("XA").sent_reports(vec![next.id]).await.unwrap();
    assert_eq!(reports.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_peer_never_got_goes_back_to_its_place_from_the_desk() {
    let mut stage = Stage::pair().await;
    delivered(&stage, "XA", "XB", "One.").await;
    proofs::logs_agree(&stage).await;
    let kept = keep(&mut stage, "XA").await;
    stage.house_mut("XB").stop().await.unwrap();
    let queued = [memo(&stage, "XA", "XB", "Two.").await, memo(&stage, "XA", "XB", "Three.").await];
    assert!(queued.iter().all(|sent| sent.state == SentState::Queued));
    put_back(&mut stage, "XA", &kept).await;
    stage.house_mut("XA").start().await.unwrap();
    assert_eq!(stage.gateway("XA").standing(&ministry("XB")), Standing::CatchingUp, "the mark knows");
    stage.house_mut("XB").start().await.unwrap();
    eventually("XA has heard that the peer cannot give it back", || async {
        alarms_named(stage.gateway("XA").status().await.unwrap().alarms, "LEAVES_LOST") == 1
    })
    .await;
    assert_eq!(stage.gateway("XA").standing(&ministry("XB")), Standing::CatchingUp);
    let four = delivered(&stage, "XA", "XB", "Four.").await;
    assert_eq!(four.sequence, 4);
    assert_eq!(stage.gateway("XB").list_received(0, 64).await.unwrap().0.len(), 4);
    // The receipts that the desk got before the rollback are true of the log as it is now.
    for sent in &queued {
        let receipt = Receipt::parse(&sent.submission_receipt).unwrap();
        let then = Checkpoint::parse(receipt.proof().checkpoint.text()).unwrap();
        let now = stage.gateway("XA").root_of(then.origin.as_str(), then.size).await.unwrap();
        assert_eq!(now, Some(then.root));
    }
    whole(&stage, &["XA", "XB"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn both_sides_are_rolled_back_one_after_the_other() {
    let mut stage = Stage::pair().await;
    delivered(&stage, "XA", "XB", "One.").await;
    let kept = [keep(&mut stage, "XA").await, keep(&mut stage, "XB").await];
    for round in 0..2 {
        delivered(&stage, "XA", "XB", &format!("To XB {round}.")).await;
        delivered(&stage, "XB", "XA", &format!("To XA {round}.")).await;
    }
    proofs::logs_agree(&stage).await;
    for (code, kept) in ["XA", "XB"].iter().zip(&kept) {
        let before = own_log(&stage, code).await;
        put_back(&mut stage, code, kept).await;
        forget(&stage, code);
        stage.house_mut(code).start().await.unwrap();
        whole(&stage, &["XA", "XB"]).await;
        continues(&stage, code, &before).await;
    }
    assert_eq!(delivered(&stage, "XA", "XB", "On.").await.sequence, 4);
    assert_eq!(delivered(&stage, "XB", "XA", "On.").await.sequence, 3);
    assert_eq!(stage.house("XA").fetch().await.unwrap(), 3);
    assert_eq!(stage.house("XB").fetch().await.unwrap(), 4);
    whole(&stage, &["XA", "XB"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_that_lost_everything_but_its_keys_is_built_again_from_peer_and_desk() {
    let mut stage = Stage::pair().await;
    for words in ["One.", "Two."] {
        delivered(&stage, "XA", "XB", words).await;
        delivered(&stage, "XB", "XA", words).await;
    }
    assert_eq!(stage.house("XA").fetch().await.unwrap(), 2);
    proofs::logs_agree(&stage).await;
    let before = own_log(&stage, "XA").await;
    stage.house_mut("XA").stop().await.unwrap();
    fs::remove_dir_all(data(&stage, "XA")).unwrap();
    forget(&stage, "XA");
    stage.house_mut("XA").start().await.unwrap();
    assert_eq!(stage.gateway("XA").logs().await.unwrap(), []);
    // The desk knows whom the ministry believes.
    stage.accredit("XA", "XB").await;
    stage.sound("XA", "XB").await;
    continues(&stage, "XA", &before).await;
    whole(&stage, &["XA", "XB"]).await;
    assert_eq!(delivered(&stage, "XA", "XB", "Three.").await.sequence, 3);
    assert_eq!(delivered(&stage, "XB", "XA", "Three.").await.sequence, 3);
    assert_eq!(stage.house("XA").fetch().await.unwrap(), 1);
    assert_eq!(stage.house("XB").fetch().await.unwrap(), 3);
    whole(&stage, &["XA", "XB"]).await;
    continues(&stage, "XA", &before).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_desk_misses_nothing_of_a_gateway_whose_cursors_came_to_mean_other_messages() {
    let mut stage = Stage::of(&["XA", "XB", "XC"]).await;
    delivered(&stage, "XB", "XA", "One.").await;
    let kept = keep(&mut stage, "XA").await;
    delivered(&stage, "XB", "XA", "Two.").await;
    delivered(&stage, "XB", "XA", "Three.").await;
    assert_eq!(stage.house("XA").fetch().await.unwrap(), 3);
    // XB is away while the copy comes back, and XC takes the cursors that XB's messages had.
    stage.house_mut("XB").stop().await.unwrap();
    put_back(&mut stage, "XA", &kept).await;
    forget(&stage, "XA");
    stage.house_mut("XA").start().await.unwrap();
    stage.sound("XA", "XC").await;
    for words in ["From XC.", "And again.", "And again."] {
        delivered(&stage, "XC", "XA", words).await;
    }
    assert_eq!(stage.house("XA").fetch().await.unwrap(), 3);
    stage.house_mut("XB").start().await.unwrap();
    stage.sound("XA", "XB").await;
    delivered(&stage, "XB", "XA", "Four.").await;
    assert_eq!(stage.house("XA").fetch().await.unwrap(), 1);
    assert_eq!(stage.gateway("XA").list_received(0, 64).await.unwrap().0.len(), 7);
    assert_eq!(stage.gateway("XA").status().await.unwrap().mailbox_waiting, 0);
}
