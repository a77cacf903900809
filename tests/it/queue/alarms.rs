//! Alarms: seen in `status`, acknowledged by the operator, gone with their cause.

use chancery::rehearsal::world::World;
use chancery::trust::policy::ChannelRule;

use super::{asks, submitted, types};
use crate::support::answers::relay;
use crate::support::craft::Craft;
use crate::support::{Stage, eventually, ministry};

#[tokio::test(flavor = "multi_thread")]
async fn an_alarm_fails_status_until_somebody_has_acknowledged_it_and_again_when_it_happens_anew() {
    let stage = Stage::pair().await;
    let craft = Craft::new(&stage, "XA", "XB");
    let (first, other) = (craft.signed(&stage), craft.saying(b"something else").signed(&stage));
    relay(&stage, &[&first, &other]).await;
    let status = asks(&stage, "XB", "status").await;
    assert_eq!(status.refusal(), (1, "CHN_04_EQUIVOCATION".to_owned()));
    let hint: serde_json::Value = serde_json::from_str(status.talk.lines().last().unwrap()).unwrap();
    assert_eq!(
        hint["hint"],
        format!(
            "chancery --home {} alarm ack CHN_04_EQUIVOCATION --ministry XA",
            stage.house("XB").homes().gateway.directory().display()
        )
    );

    let nothing = asks(&stage, "XB", "alarm ack CHN_04_EQUIVOCATION --ministry XC").await;
    assert_eq!(nothing.code, 7, "{nothing:?}");
    let [seen] =
        asks(&stage, "XB", "alarm ack CHN_04_EQUIVOCATION --ministry XA").await.reports().try_into().unwrap();
    let own = own_uid();
    assert_eq!((seen["count"].as_u64(), seen["acknowledged_by_uid"].as_u64()), (Some(1), Some(own)));
    assert_eq!(asks(&stage, "XB", "status").await.code, 0);
    let shown = types(&stage, "XB", ["status"]).await;
    assert!(shown.data.contains("CHN_04_EQUIVOCATION") && shown.data.contains("by user"), "{shown:?}");

    // Another number is another wrong.
    let second = craft.after(&first);
    relay(&stage, &[&second.signed(&stage), &second.saying(b"other again").signed(&stage)]).await;
    assert_eq!(asks(&stage, "XB", "status").await.refusal().0, 1);
    let [both] = asks(&stage, "XB", "alarm list").await.reports().try_into().unwrap();
    assert_eq!((both["count"].as_u64(), both["acknowledged"].is_null()), (Some(2), true));
}

/// The user this test runs as, as the system names the owner of a file of ours.
fn own_uid() -> u64 {
    use std::os::unix::fs::MetadataExt;
    u64::from(tempfile::NamedTempFile::new().unwrap().as_file().metadata().unwrap().uid())
}

async fn suspend(world: &World, at: &str, suspended: bool) {
    let parties = ["XA", "XB"].map(ministry);
    let channel = world.channel(&parties).unwrap();
    let rule = ChannelRule { parties: parties.iter().cloned().collect(), ceiling: 3, suspended };
    let house = world.house(&ministry(at)).unwrap();
    house.desk().unwrap().charter(house.keys(), channel, rule).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_alarm_of_a_refusal_clears_itself_when_the_peer_takes_the_message() {
    let stage = Stage::pair().await;
    suspend(&stage.world, "XB", true).await;
    submitted(&stage, &[b"one"]).await;
    let codes = || async {
        let alarms = asks(&stage, "XA", "alarm list").await.reports();
        alarms.iter().map(|alarm| alarm["code"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    eventually("the refusal raises an alarm", || async { codes().await == ["REFUSED_BY_PEER"] }).await;
    let [entry] = asks(&stage, "XA", "queue list").await.reports().try_into().unwrap();
    assert_eq!(entry["reason"], "CHN_02");
    suspend(&stage.world, "XB", false).await;
    eventually("the message is taken and the alarm is gone", || async {
        asks(&stage, "XA", "queue retry --all XB").await.report();
        asks(&stage, "XA", "queue list").await.reports().is_empty() && codes().await.is_empty()
    })
    .await;
    let [over] = asks(&stage, "XA", "alarm list --all").await.reports().try_into().unwrap();
    assert!(over["cleared"].is_string(), "{over}");
}
