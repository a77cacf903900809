//! Alarms: counted in one row, quiet when acknowledged, and new again when they must be.

use crate::gateway::store::Store;
use crate::gateway::store::fixture::{NOW, fresh, later, open, peer};
use crate::gateway::store::record::{Acknowledged, Alarm, RaisedAlarm};
use crate::limits::ALARM_SILENCE;
use crate::time::Timestamp;

fn alarm(code: &str, detail: &str, time: Timestamp) -> Alarm {
    Alarm { code: code.to_owned(), ministry: peer(), detail: detail.to_owned(), time }
}

async fn only(store: &Store) -> RaisedAlarm {
    let [one] = store.alarms().await.unwrap().try_into().unwrap();
    one
}

const BY: Acknowledged = Acknowledged { time: NOW, operator: 1000 };

#[tokio::test]
async fn whatever_happens_with_one_code_is_one_row_that_counts_it() {
    let (_directory, store) = fresh();
    assert!(store.raise_alarm(alarm("LOG_FORK", "first", NOW)).await.unwrap());
    for turn in 1..40 {
        let again = alarm("LOG_FORK", &format!("turn {turn}"), later(turn));
        assert!(!store.raise_alarm(again).await.unwrap(), "somebody was asked to look already");
    }
    let expected = RaisedAlarm {
        code: "LOG_FORK".to_owned(),
        ministry: peer(),
        first_detail: "first".to_owned(),
        detail: "turn 39".to_owned(),
        first_time: NOW,
        time: later(39),
        count: 40,
        acknowledged: None,
        cleared: None,
    };
    assert_eq!(only(&store).await, expected);
    assert!(store.raise_alarm(alarm("ROLLED_BACK", "other", later(40))).await.unwrap());
    let codes: Vec<String> = store.alarms().await.unwrap().into_iter().map(|one| one.code).collect();
    assert_eq!(codes, ["ROLLED_BACK", "LOG_FORK"], "the newest first");
}

#[tokio::test]
async fn an_acknowledged_alarm_stays_quiet_while_the_same_goes_on_and_over_a_restart() {
    let (directory, store) = fresh();
    store.raise_alarm(alarm("REFUSED_BY_PEER", "CHN_02", NOW)).await.unwrap();
    store.raise_alarm(alarm("LOG_FORK", "fork", NOW)).await.unwrap();
    let code = Some("REFUSED_BY_PEER".to_owned());
    let seen = store.acknowledge_alarms(code.clone(), Some(peer()), BY, |_| None).await.unwrap();
    assert_eq!(seen.iter().map(|one| one.code.as_str()).collect::<Vec<_>>(), ["REFUSED_BY_PEER"]);
    assert_eq!(store.acknowledge_alarms(code, None, BY, |_| None).await.unwrap(), [], "once is enough");
    drop(store);
    let store = open(directory.path());
    for minute in 1..10 {
        let again = alarm("REFUSED_BY_PEER", "CHN_02", later(minute * 60));
        assert!(!store.raise_alarm(again).await.unwrap());
    }
    let alarms = store.alarms().await.unwrap();
    assert_eq!(alarms[0].code, "LOG_FORK", "what nobody has seen stands first");
    assert_eq!((alarms[1].acknowledged, alarms[1].count), (Some(BY), 10));
}

#[tokio::test]
async fn an_acknowledged_alarm_is_new_with_another_detail_after_a_silence_and_after_it_was_cleared() {
    let (_directory, store) = fresh();
    let acknowledge = || store.acknowledge_alarms(None, None, BY, |_| None);
    assert!(store.raise_alarm(alarm("REFUSED_BY_PEER", "CHN_02", NOW)).await.unwrap());
    acknowledge().await.unwrap();
    assert!(store.raise_alarm(alarm("REFUSED_BY_PEER", "CHN_08", later(60))).await.unwrap());
    assert_eq!(only(&store).await.acknowledged, None);
    acknowledge().await.unwrap();
    let silent = ALARM_SILENCE.as_secs();
    assert!(!store.raise_alarm(alarm("REFUSED_BY_PEER", "CHN_08", later(60 + silent))).await.unwrap());
    assert!(store.raise_alarm(alarm("REFUSED_BY_PEER", "CHN_08", later(61 + 2 * silent))).await.unwrap());
    acknowledge().await.unwrap();
    assert!(store.clear_alarm("REFUSED_BY_PEER", peer(), later(7300)).await.unwrap());
    assert!(!store.clear_alarm("REFUSED_BY_PEER", peer(), later(7301)).await.unwrap());
    assert_eq!(store.alarms().await.unwrap(), []);
    let [kept] = store.all_alarms().await.unwrap().try_into().unwrap();
    assert_eq!((kept.count, kept.cleared), (4, Some(later(7300))));
    assert!(store.raise_alarm(alarm("REFUSED_BY_PEER", "CHN_08", later(7302))).await.unwrap());
    assert_eq!((only(&store).await.acknowledged, only(&store).await.cleared), (None, None));
}
