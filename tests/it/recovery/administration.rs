//! The log of the own administration after a rollback: nobody else has it, so the loss is told and nothing is signed
//! over it.

use chancery::gateway::administration::ActRange;
use chancery::gateway::fsck::examine;
use chancery::gateway::store::record::{Damaged, Unwatched};
use chancery::message::administration::{Actor, AdministrativeAct, AdministrativeLeaf, AdministrativeVerb};
use chancery::time::Clock;

use super::{alarms_named, forget, keep, put_back};
use crate::support::Stage;

async fn act(stage: &Stage, reason: &str) {
    let act = AdministrativeAct::new(AdministrativeVerb::Reloaded, Actor::Gateway).because(reason);
    stage.gateway("XA").record_act(act).await.unwrap();
}

async fn acts(stage: &Stage, origin: Option<&str>) -> (String, Vec<AdministrativeLeaf>) {
    let page = stage.gateway("XA").acts(origin.map(str::to_owned), ActRange::From(0)).await.unwrap();
    let leaves = page.leaves.iter().map(|leaf| AdministrativeLeaf::parse(leaf).unwrap()).collect();
    (page.origin, leaves)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_has_shrunk_is_told_by_fsck_and_by_an_alarm_and_the_next_one_stands_behind_it() {
    let mut stage = Stage::pair().await;
    act(&stage, "ONE").await;
    let kept = keep(&mut stage, "XA").await;
    act(&stage, "TWO").await;
    let (origin, before) = acts(&stage, None).await;
    put_back(&mut stage, "XA", &kept).await;

    let home = stage.house("XA").homes().gateway.directory().to_owned();
    let report = examine(&home, stage.clock.now(), &Unwatched).await.unwrap();
    let [damage] = &report.found().damages[..] else { panic!("{}", report.text()) };
    assert_eq!((damage.what, damage.origin.as_deref()), (Damaged::Leaf, Some(origin.as_str())));
    assert_eq!(damage.index, Some(before.len() as u64 - 1));

    stage.house_mut("XA").start().await.unwrap();
    let status = stage.gateway("XA").status().await.unwrap();
    assert_eq!(alarms_named(status.alarms, "ADMINISTRATION_ROLLED_BACK"), 1);
    act(&stage, "THREE").await;
    let (next, after) = acts(&stage, None).await;
    assert_eq!(next, format!("{origin}-002"));
    let told: Vec<_> = after.iter().map(|leaf| (leaf.act.verb, leaf.act.reason.as_str())).collect();
    assert_eq!(told, [(AdministrativeVerb::Opened, "ROLLED_BACK"), (AdministrativeVerb::Reloaded, "THREE")]);
    let (_, old) = acts(&stage, Some(&origin)).await;
    assert_eq!(old, before[..before.len() - 1], "nothing was signed in the place of what is lost");
    assert_eq!(stage.gateway("XA").verify().await.unwrap().damages, Vec::<String>::new());

    // It goes on there, and nothing is told twice.
    stage.house_mut("XA").stop().await.unwrap();
    let report = examine(&home, stage.clock.now(), &Unwatched).await.unwrap();
    assert!(report.is_clean(), "{}", report.text());
    stage.house_mut("XA").start().await.unwrap();
    act(&stage, "FOUR").await;
    assert_eq!(acts(&stage, None).await.0, next);
    let status = stage.gateway("XA").status().await.unwrap();
    let alarm = status.alarms.iter().find(|alarm| alarm.code == "ADMINISTRATION_ROLLED_BACK").unwrap();
    assert_eq!(alarm.count, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_year_begins_a_log_with_the_checkpoint_that_closes_the_old_one() {
    let stage = Stage::pair().await;
    act(&stage, "ONE").await;
    let (old, before) = acts(&stage, None).await;
    let eve = chancery::time::Timestamp::parse("2027-01-01T00:00:01Z").unwrap();
    let ahead = u64::try_from(eve.seconds() - stage.clock.now().seconds()).unwrap();
    stage.clock.forward(std::time::Duration::from_secs(ahead));
    act(&stage, "TWO").await;
    let (new, after) = acts(&stage, None).await;
    assert_eq!(
        (old.as_str(), new.as_str()),
        ("mfa.xa.example/chancery/administration/2026", "mfa.xa.example/chancery/administration/2027",)
    );
    assert_eq!((after[0].act.verb, after[0].act.reason.as_str()), (AdministrativeVerb::Opened, ""));
    let logs = stage.gateway("XA").all_logs().await.unwrap();
    let closed = logs.into_iter().find(|log| log.origin == old).unwrap();
    assert_eq!(closed.size, before.len() as u64);
    let closing = chancery::digest::Digest::of(closed.checkpoint.unwrap().text.as_bytes());
    assert_eq!(after[0].act.concerns, Some(closing));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_home_without_its_mark_such_as_a_restored_one_signs_nothing_behind_what_it_holds() {
    let mut stage = Stage::pair().await;
    act(&stage, "ONE").await;
    let kept = keep(&mut stage, "XA").await;
    act(&stage, "TWO").await;
    let (origin, before) = acts(&stage, None).await;
    put_back(&mut stage, "XA", &kept).await;
    forget(&stage, "XA");
    stage.house_mut("XA").start().await.unwrap();
    act(&stage, "THREE").await;
    let (next, after) = acts(&stage, None).await;
    assert_eq!(next, format!("{origin}-002"), "entry {} of {origin} was signed elsewhere", before.len() - 1);
    assert_eq!((after[0].act.verb, after[0].act.reason.as_str()), (AdministrativeVerb::Opened, "UNVOUCHED"));
    assert_eq!(acts(&stage, Some(&origin)).await.1.len(), before.len() - 1);
    assert_eq!(stage.gateway("XA").verify().await.unwrap().damages, Vec::<String>::new());
}
