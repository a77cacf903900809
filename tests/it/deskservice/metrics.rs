//! What monitoring reads of a desk that serves, and what must never stand there.

use chancery::proto::desk::v1 as wire;
use chancery::trust::role::Role;

use super::bureau::{Bureau, reason};
use super::{cleared, next, pair, watch};
use crate::metrics::{page, value};
use crate::support::eventually;

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_counted_until_they_end_and_nothing_of_clients_or_messages_is_named() {
    let stage = pair().await;
    let xa = Bureau::open(&stage, "XA").await;
    let address = xa.metrics();
    let mut watcher = xa.client("canary-registry", &[Role::Observe]).await;
    let mut seen = watch(&mut watcher, "").await;
    next(&mut seen, wire::EventKind::Opened).await;
    let refused = watcher.list_drafts(wire::ListDraftsRequest::default()).await;
    let wrong_role = reason(refused);
    let draft = cleared(&xa, "m").await;
    let before = page(&address).await;
    let counted = |page: &str, sample: &str| value(page, &format!("chancery_desk_{sample}"));
    assert_eq!(counted(&before, "calls_under_way{call=\"WatchEvents\"}"), Some(1), "{before}");
    let refusals = format!("calls_refused_total{{call=\"ListDrafts\",reason=\"{wrong_role}\"}}");
    assert_eq!(counted(&before, &refusals), Some(1), "{before}");
    assert_eq!(counted(&before, "calls_answered_total{call=\"CreateDraft\",code=\"Ok\"}"), Some(1));
    assert_eq!(counted(&before, "owed_acts"), Some(0));
    assert!(counted(&before, "events_total") > Some(0), "{before}");
    for secret in ["canary-registry", draft.name.as_str(), draft.name.trim_start_matches("drafts/")] {
        assert!(!before.contains(secret), "{secret} stands in\n{before}");
    }
    drop(seen);
    eventually("the watcher is gone", || async {
        let page = page(&address).await;
        let reached = counted(&page, "gateway_reached_timestamp_seconds");
        reached.is_some() && counted(&page, "calls_under_way{call=\"WatchEvents\"}") == Some(0)
    })
    .await;
    xa.close().await;
}
