//! Windows of gateways that could take nothing new: shut while that is so, and never a refusal in a loop.

use std::fs;

use chancery::gateway::store::record::SentState;
use chancery::message::envelope::Envelope;
use chancery::proto::gateway::v1 as wire;
use chancery::proto::gateway::v1::relay_frame::Frame;

use super::{arrived, row, submit};
use crate::disk::site::{leave_free, small_disk_at};
use crate::support::bot::{Bot, Dialled, deliveries};
use crate::support::{PATIENCE, Stage, caller, eventually, proofs};

const MIB: u64 = 1024 * 1024;

/// Appends to what `gateway.toml` of a ministry says of the store.
pub(super) fn configure(stage: &Stage, code: &str, store: &str) {
    let path = stage.house(code).homes().gateway.directory().join("gateway.toml");
    let text = fs::read_to_string(&path).unwrap();
    let (rest, _) = text.rsplit_once("\n[store]\n").unwrap();
    fs::write(&path, format!("{rest}\n[store]\n{store}")).unwrap();
}

async fn as_xa(stage: &mut Stage) -> Dialled {
    stage.house_mut("XA").stop().await.unwrap();
    let client = caller::relay(stage, caller::gateway_identity(stage, "XA"), "XB").await;
    Dialled::open(Bot::new(stage, "XA", "XB"), client).await.unwrap()
}

async fn next(dialled: &mut Dialled) -> Frame {
    tokio::time::timeout(PATIENCE, dialled.next()).await.expect("nothing came").unwrap().unwrap()
}

/// The desk has taken up everything that waits.
async fn acknowledged(stage: &Stage) {
    let gateway = stage.gateway("XB");
    let (items, _) = gateway.list_received(0, 64).await.unwrap();
    let (epoch, _) = gateway.place_in_mailbox(0, 0, None).await.unwrap();
    gateway.acknowledge(epoch, items.last().unwrap().cursor).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_whose_share_of_the_mailbox_is_taken_up_is_told_to_send_nothing_until_the_desk_has_come() {
    let mut stage = Stage::apart(&["XA", "XB"], |_| {});
    configure(&stage, "XB", "mailbox_messages = 3\n");
    stage.join().await;
    let out = row(&stage, "XA", "XB", 5);
    let mut dialled = as_xa(&mut stage).await;
    dialled.send(deliveries(out[..4].iter().map(Envelope::encode).collect())).await;
    // The window may go before the answers.
    let mut said = [next(&mut dialled).await, next(&mut dialled).await];
    said.sort_by_key(|frame| matches!(frame, Frame::Window(_)));
    let [Frame::Outcomes(wire::Outcomes { outcomes }), window] = &said else { panic!("{said:?}") };
    let reasons: Vec<&str> = outcomes.iter().map(|outcome| outcome.reason.as_str()).collect();
    assert_eq!(reasons, ["", "", "", "QUOTA"]);
    assert_eq!(*window, Frame::Window(wire::Window { envelopes: 0, bytes: 0 }));
    // Another stream begins with it.
    let client = caller::relay(&stage, caller::gateway_identity(&stage, "XA"), "XB").await;
    let hello = Dialled::greet(Bot::new(&stage, "XA", "XB"), client).await.unwrap().theirs;
    assert_eq!((hello.window_envelopes, hello.window_bytes), (0, 0));
    acknowledged(&stage).await;
    let full = chancery::gateway::frame::Window::FULL;
    let open = Frame::Window(wire::Window { envelopes: full.envelopes, bytes: full.bytes });
    assert_eq!(next(&mut dialled).await, open);
    let answers = dialled.deliver(vec![out[3].encode()]).await.unwrap();
    assert_eq!(answers[0].reason, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_a_desk_that_is_away_is_refused_once_and_arrives_when_it_has_come() {
    let mut stage = Stage::apart(&["XA", "XB"], |_| {});
    configure(&stage, "XB", "mailbox_messages = 3\n");
    stage.join().await;
    let out = row(&stage, "XA", "XB", 9);
    submit(&stage, "XA", &out).await;
    let reports = || async {
        let ids = out.iter().map(Envelope::id).collect();
        stage.gateway("XA").sent_reports(ids).await.unwrap()
    };
    for round in 1..=3 {
        eventually("as many as there is room for have arrived", || async {
            let found = reports().await.into_iter().map(|report| report.state);
            found.filter(|state| *state == Some(SentState::Delivered)).count() == 3 * round
        })
        .await;
        // Leaves still go both ways.
        proofs::logs_agree(&stage).await;
        acknowledged(&stage).await;
    }
    let most = reports().await.iter().map(|report| report.attempts).max().unwrap();
    assert!(most <= 2, "a message was refused {most} times");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_disk_is_short_peers_are_told_to_send_nothing_and_nothing_is_refused() {
    let mut stage = Stage::apart(&["XA", "XB"], |_| {});
    configure(&stage, "XB", "ballast_mib = 0\nfloor_mib = 8\n");
    let data = stage.house("XB").homes().gateway.directory().join("data");
    fs::create_dir_all(&data).unwrap();
    let Some(disk) = small_disk_at(&data, &stage.folder().join("aside")) else { return };
    stage.join().await;
    stage.house_mut("XA").stop().await.unwrap();
    let filler = disk.path().join("filler");
    leave_free(disk.path(), &filler, 5 * MIB);
    eventually("the gateway knows", || async {
        stage.gateway("XB").status().await.unwrap().alarms.iter().any(|alarm| alarm.code == "STORE_SPACE")
    })
    .await;
    stage.house_mut("XA").start().await.unwrap();
    let out = row(&stage, "XA", "XB", 3);
    submit(&stage, "XA", &out).await;
    proofs::logs_agree(&stage).await;
    for report in stage.gateway("XA").sent_reports(out.iter().map(Envelope::id).collect()).await.unwrap() {
        assert_eq!((report.state, report.attempts, report.reason.as_str()), (Some(SentState::Queued), 0, ""));
    }
    fs::remove_file(&filler).unwrap();
    arrived(&stage, "XA", "XB", &out).await;
    let reports = stage.gateway("XA").sent_reports(out.iter().map(Envelope::id).collect()).await.unwrap();
    assert!(reports.iter().all(|report| report.attempts <= 1), "{reports:?}");
    // The disk goes after the gateway that writes there.
    stage.house_mut("XB").stop().await.unwrap();
}
