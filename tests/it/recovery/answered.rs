//! A gateway that is lost after it answered: what it gave back to its desk, what it wrote for it and what it told of a
//! restored home, it says again when it is back. Power cuts of the store below are in `ordeal::power`.

use std::fs;

use chancery::digest::Digest;
use chancery::gateway::administration::ActRange;
use chancery::keys::home::backup::GATEWAY_RESTORED_NOTE;
use chancery::message::administration::{Actor, AdministrativeAct, AdministrativeLeaf, AdministrativeVerb};

use super::{delivered, memo};
use crate::support::Stage;

/// Loses the gateway of XA in the midst of everything and starts it again.
async fn lost(stage: &mut Stage) {
    stage.house_mut("XA").lose().await.unwrap();
    stage.house_mut("XA").start().await.unwrap();
}

/// All that a desk of XA is given back whose register was restored: sequences, messages, and the policy.
async fn given_back(stage: &Stage) -> Vec<Vec<u8>> {
    let house = stage.house("XA");
    let mut mailbox = house.desk().unwrap().mailbox(house.keys()).await.unwrap();
    let (policy, bundles) = mailbox.policy_in_force().await.unwrap();
    let mut given = [vec![policy], bundles].concat();
    for line in mailbox.sent_lines().await.unwrap() {
        given.push(format!("{line:?}").into_bytes());
        let page = mailbox.sent_after(&line.channel, &line.recipient, 0).await.unwrap();
        assert_eq!((page.messages.len() as u64, page.more), (line.sequence, false));
        for message in page.messages {
            given.extend([message.envelope, format!("{:?}", message.report.state).into_bytes()]);
        }
    }
    given
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_desk_was_given_back_is_given_again_by_a_gateway_that_was_lost() {
    let mut stage = Stage::pair().await;
    delivered(&stage, "XA", "XB", "One.").await;
    stage.house_mut("XB").stop().await.unwrap();
    let two = memo(&stage, "XA", "XB", "Two.").await;
    let before = given_back(&stage).await;
    assert!(before.contains(&two.envelope), "what was taken is given back, delivered or not");
    for _ in 0..2 {
        lost(&mut stage).await;
        assert!(given_back(&stage).await == before, "not what was given before");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_act_of_a_desk_that_was_answered_is_in_the_log_after_the_gateway_was_lost() {
    let mut stage = Stage::pair().await;
    let root = Digest::of(b"the record of a desk");
    let act = AdministrativeAct::new(AdministrativeVerb::OfficeAdded, Actor::Gateway);
    let (leaf, proof) = stage.gateway("XA").record_act_of_desk(act, root).await.unwrap();
    let origin = stage.gateway("XA").acts(None, ActRange::Newest(1)).await.unwrap().origin;
    lost(&mut stage).await;
    let page = stage.gateway("XA").acts(Some(origin), ActRange::From(proof.index)).await.unwrap();
    assert_eq!(page.leaves.first(), Some(&leaf));
    let told = AdministrativeLeaf::parse(&leaf).unwrap().act;
    assert_eq!((told.who, told.concerns), (Actor::Desk, Some(root)));
    assert_eq!(stage.gateway("XA").verify().await.unwrap().damages, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn that_a_home_was_restored_is_told_by_whichever_start_lives_long_enough_and_stays_told() {
    let mut stage = Stage::pair().await;
    let note = stage.house("XA").homes().gateway.directory().join(GATEWAY_RESTORED_NOTE);
    let told = async |stage: &Stage| {
        let alarms = stage.gateway("XA").list_alarms(true).await.unwrap();
        alarms.into_iter().find(|alarm| alarm.code == "RESTORED").map(|alarm| (alarm.detail, alarm.count))
    };
    assert_eq!(told(&stage).await, None);
    stage.house_mut("XA").stop().await.unwrap();
    fs::write(&note, "2026-11-20T08:00:00Z\nno-desk-revoked\n").unwrap();
    stage.house_mut("XA").start().await.unwrap();
    let (detail, count) = told(&stage).await.unwrap();
    assert!(count == 1 && detail.contains("2026-11-20T08:00:00Z"), "{detail}");
    assert!(!note.exists(), "it is told once");
    // The power went when it was told, and before the note was gone.
    stage.house_mut("XA").lose().await.unwrap();
    fs::write(&note, "2026-11-20T08:00:00Z\nno-desk-revoked\n").unwrap();
    stage.house_mut("XA").start().await.unwrap();
    assert_eq!(told(&stage).await, Some((detail.clone(), 2)));
    assert!(!note.exists());
    lost(&mut stage).await;
    assert_eq!(told(&stage).await, Some((detail, 2)), "it stays told, and is not told again");
}
