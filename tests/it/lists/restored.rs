//! A gateway or a desk that was restored from an older copy: what was decided since counts again.

use std::fs;

use chancery::desk::error::DeskError;
use chancery::desk::register::{SentEntry, SentState};
use chancery::gateway::store::record::SentState as Kept;

use crate::archive::{copy, data};
use crate::support::{Stage, eventually, forms, ministry};

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_was_removed_is_no_peer_again_once_the_desk_looks_at_a_restored_gateway() {
    let mut stage = Stage::pair().await;
    let older = stage.folder().join("older");
    stage.house_mut("XA").stop().await.unwrap();
    copy(&data(&stage, "XA"), &older);
    stage.house_mut("XA").start().await.unwrap();
    let (house, desk) = (stage.house("XA"), stage.house("XA").desk().unwrap());
    desk.dismiss(house.keys(), &ministry("XB")).await.unwrap();
    assert!(stage.gateway("XA").status().await.unwrap().peers.is_empty());

    stage.house_mut("XA").stop().await.unwrap();
    fs::remove_dir_all(data(&stage, "XA")).unwrap();
    copy(&older, &data(&stage, "XA"));
    stage.house_mut("XA").start().await.unwrap();
    assert_eq!(stage.gateway("XA").status().await.unwrap().peers.len(), 1, "the copy knows the peer");
    let (house, desk) = (stage.house("XA"), stage.house("XA").desk().unwrap());
    let mut mailbox = desk.mailbox(house.keys()).await.unwrap();
    let looked = desk.follow(house.keys(), &mut mailbox).await.unwrap();
    assert!(looked.changed() && looked.overruled.is_some(), "{looked:?}");
    assert!(looked.lines().iter().any(|line| line.contains("older policy")), "{looked:?}");
    assert!(stage.gateway("XA").status().await.unwrap().peers.is_empty());
    // Once is enough.
    assert_eq!(desk.follow(house.keys(), &mut mailbox).await.unwrap(), Default::default());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_desk_brings_back_no_peer_that_was_removed_and_adopts_what_was_decided_since() {
    let stage = Stage::of(&["XA", "XB", "XC"]).await;
    let (house, older) = (stage.house("XA"), stage.folder().join("older"));
    let trust = house.homes().desk.directory().join("trust");
    copy(&trust, &older);
    house.desk().unwrap().dismiss(house.keys(), &ministry("XB")).await.unwrap();
    fs::remove_dir_all(&trust).unwrap();
    copy(&older, &trust);

    let desk = house.desk().unwrap();
    let believed = || house.desk().unwrap().trust().unwrap().peers.keys().cloned().collect::<Vec<_>>();
    assert_eq!(believed(), [ministry("XB"), ministry("XC")], "as it was then");
    for _ in 0..2 {
        let refused = desk.dismiss(house.keys(), &ministry("XC")).await;
        let Err(DeskError::PolicyBehind { here, in_force }) = refused else { panic!("{refused:?}") };
        assert_eq!(in_force, here + 1, "no number is counted up");
    }
    let mut mailbox = desk.mailbox(house.keys()).await.unwrap();
    let looked = desk.follow(house.keys(), &mut mailbox).await.unwrap();
    assert!(looked.overtaken.is_some() && looked.lines()[0].contains("adopts"), "{looked:?}");
    assert!(desk.policy_seen().unwrap().is_some());
    assert_eq!(stage.gateway("XA").status().await.unwrap().peers.len(), 1, "nothing came back");

    let unknown = desk.policy_unknown(&mut mailbox).await.unwrap().unwrap();
    assert_eq!((unknown.added.len(), unknown.removed.iter().next()), (0, Some(&ministry("XB"))));
    desk.adopt(&unknown).await.unwrap();
    assert_eq!(believed(), [ministry("XC")]);
    assert!(desk.policy_unknown(&mut mailbox).await.unwrap().is_none());
    assert_eq!(
        (desk.policy_seen().unwrap(), desk.follow(house.keys(), &mut mailbox).await.unwrap().overtaken),
        (None, None)
    );
    stage.accredit("XA", "XB").await;
    assert_eq!(believed(), [ministry("XB"), ministry("XC")], "by its fingerprint, anew");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_sent_to_a_peer_that_a_restored_desk_does_not_know_holds_up_no_other_message() {
    let stage = Stage::of(&["XA", "XB", "XC"]).await;
    let (house, desk) = (stage.house("XA"), stage.house("XA").desk().unwrap());
    let mut sent = stage.send("XA", &forms::memorandum("XC", "new", "To one.")).await;
    sent.extend(stage.send("XA", &forms::memorandum("XB", "new", "To another.")).await);
    let ids: Vec<_> = sent.iter().map(|copy| copy.id).collect();
    eventually("both are delivered", || async {
        let reports = stage.gateway("XA").sent_reports(ids.clone()).await.unwrap();
        reports.iter().all(|report| report.state == Some(Kept::Delivered))
    })
    .await;
    let found = |copy: &SentEntry| desk.register().sent_message(&copy.id).unwrap().unwrap();
    let mut unknowing = desk.trust().unwrap();
    unknowing.peers.remove(&ministry("XC"));
    let mut mailbox = desk.mailbox(house.keys()).await.unwrap();
    desk.refresh_sent(&unknowing, &mut mailbox).await.unwrap();
    assert_eq!(found(&sent[1]).state, SentState::Delivered);
    let waits = found(&sent[0]);
    assert_eq!((waits.state, waits.reason.as_str()), (SentState::Queued, "NOT_ACCREDITED"));
    desk.refresh_sent(&desk.trust().unwrap(), &mut mailbox).await.unwrap();
    assert_eq!((found(&sent[0]).state, found(&sent[0]).reason), (SentState::Delivered, String::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_of_a_peer_that_a_restored_desk_does_not_know_waits_until_it_adopts_the_policy() {
    let stage = Stage::of(&["XA", "XB", "XC"]).await;
    let (house, older) = (stage.house("XA"), stage.folder().join("older"));
    let [sent] = stage.send("XC", &forms::memorandum("XA", "new", "Good day.")).await.try_into().unwrap();
    assert_eq!(stage.settled("XC", &sent).await.state, SentState::Delivered);
    let trust = house.homes().desk.directory().join("trust");
    copy(&trust, &older);
    house.desk().unwrap().dismiss(house.keys(), &ministry("XB")).await.unwrap();
    fs::remove_dir_all(&trust).unwrap();
    copy(&older, &trust);

    let desk = house.desk().unwrap();
    let mut mailbox = desk.mailbox(house.keys()).await.unwrap();
    assert!(desk.follow(house.keys(), &mut mailbox).await.unwrap().overtaken.is_some());
    let mut unknowing = desk.trust().unwrap();
    unknowing.peers.remove(&ministry("XC"));
    let waits = desk.fetch(&unknowing, &mut mailbox).await;
    assert!(matches!(waits, Err(DeskError::PolicyBehind { .. })), "what mends it is `peer adopt`: {waits:?}");
    assert_eq!(desk.fetch(&desk.trust().unwrap(), &mut mailbox).await.unwrap(), 1);
}

/// What rotted here is told each time; everybody else's answer is taken all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_is_damaged_in_the_register_holds_up_no_other_message() {
    let stage = Stage::of(&["XA", "XB", "XC"]).await;
    let (house, desk) = (stage.house("XA"), stage.house("XA").desk().unwrap());
    let mut sent = stage.send("XA", &forms::memorandum("XC", "new", "To one.")).await;
    sent.extend(stage.send("XA", &forms::memorandum("XB", "new", "To another.")).await);
    let ids: Vec<_> = sent.iter().map(|copy| copy.id).collect();
    eventually("both are delivered", || async {
        let reports = stage.gateway("XA").sent_reports(ids.clone()).await.unwrap();
        reports.iter().all(|report| report.state == Some(Kept::Delivered))
    })
    .await;
    let register = house.homes().desk.directory().join("register.db");
    let connection = rusqlite::Connection::open(register).unwrap();
    connection.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
    let sql = "UPDATE sent_envelope SET envelope = X'00'
               WHERE number IN (SELECT number FROM sent WHERE recipient = 'XC')";
    assert_eq!(connection.execute(sql, []).unwrap(), 1);
    drop(connection);
    let mut mailbox = desk.mailbox(house.keys()).await.unwrap();
    let told = desk.refresh_sent(&desk.trust().unwrap(), &mut mailbox).await;
    assert!(matches!(told, Err(DeskError::Refused(_))), "{told:?}");
    let found = |copy: &SentEntry| desk.register().sent_message(&copy.id).unwrap().unwrap();
    assert_eq!((found(&sent[0]).state, found(&sent[1]).state), (SentState::Queued, SentState::Delivered));
}
