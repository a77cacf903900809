//! Whoever reads: too slowly, nothing at all, after suspension or the end of a certificate, from the middle, or with
//! another desk's place in mind.

use std::time::Duration;

use chancery::limits::READER_PATIENCE;
use chancery::proto::desk::v1 as wire;
use chancery::transport::status::reason_of;
use chancery::trust::role::Role;

use super::bureau::{Bureau, Client, reason};
use super::{cleared, next, pair, watch};
use crate::support::eventually;

/// So many events happen at once, as far as watchers can see.
fn happen(bureau: &Bureau, count: u32) {
    let register = rusqlite::Connection::open(bureau.register_file()).unwrap();
    let insert = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
                  INSERT INTO event (kind, subject) SELECT 'draft open', randomblob(32) FROM n";
    register.execute(insert, [count]).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watcher_that_never_reads_loses_its_connection_and_finds_everything_on_the_next_one() {
    const MANY: u32 = 3_000;
    let stage = pair().await;
    let xa = Bureau::with_patience(&stage, "XA", READER_PATIENCE / 100).await;
    let (chain, key) = xa.enrol("archive", &[Role::Observe, Role::Draft]);
    // What a client takes of a stream that nobody reads is its own choice; this one takes little.
    let narrow = xa.dial_with(&chain, &key, |endpoint| endpoint.initial_stream_window_size(2048)).await;
    let (channel, dialled) = narrow.unwrap();
    let mut archive = Client::new(channel);
    let mut unread = watch(&mut archive, "").await;
    let begun = next(&mut unread, wire::EventKind::Opened).await;
    happen(&xa, MANY);
    cleared(&xa, "e").await;
    eventually("the connection is closed, and made anew for the next call", || {
        let mut archive = archive.clone();
        let dialled = dialled.clone();
        async move {
            let _tried = archive.list_drafts(wire::ListDraftsRequest::default()).await;
            dialled.load(std::sync::atomic::Ordering::Relaxed) >= 2
        }
    })
    .await;
    xa.close().await;
    // At the next start of the desk, which waits as long as usual.
    let xa = Bureau::open(&stage, "XA").await;
    let mut archive = Client::new(xa.dial(&chain, &key).await.unwrap());
    let mut resumed = watch(&mut archive, &begun.cursor).await;
    for _ in 0..MANY {
        next(&mut resumed, wire::EventKind::DraftComposed).await;
    }
    next(&mut resumed, wire::EventKind::DraftCleared).await;
    xa.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_of_another_past_is_refused_and_not_taken_for_an_own_one() {
    let stage = pair().await;
    let (xa, xb) = (Bureau::open(&stage, "XA").await, Bureau::open(&stage, "XB").await);
    let mut own = xa.client("archive", &[Role::Observe]).await;
    let mut other = xb.client("archive", &[Role::Observe]).await;
    happen(&xa, 2);
    happen(&xb, 2);
    let mut seen = watch(&mut own, "").await;
    let begun = next(&mut seen, wire::EventKind::Opened).await.cursor;
    let ask = |cursor: &str| wire::WatchEventsRequest { cursor: cursor.to_owned(), from_now: false };
    own.watch_events(ask(&begun)).await.unwrap();
    assert_eq!(reason(other.watch_events(ask(&begun)).await), "CURSOR_OF_ANOTHER_PAST", "the same number");
    happen(&xa, 5);
    let mut seen = watch(&mut own, "").await;
    let later = next(&mut seen, wire::EventKind::Opened).await.cursor;
    assert_eq!(reason(other.watch_events(ask(&later)).await), "CURSOR_OF_ANOTHER_PAST", "beyond its end");
    xa.close().await;
    xb.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_whose_certificate_ends_gets_no_further_on_the_connection_it_has() {
    let stage = pair().await;
    let xa = Bureau::open(&stage, "XA").await;
    let mut client = xa.client("casework", &[Role::Draft, Role::Observe]).await;
    let mut seen = watch(&mut client, "").await;
    next(&mut seen, wire::EventKind::Opened).await;
    stage.clock_of("XA").forward(Duration::from_secs(2 * 24 * 3600));
    // The desk looks at its watchers, and cuts what was connected with a certificate that has ended; either may be first.
    let told = tokio::time::timeout(crate::support::PATIENCE, seen.message()).await;
    let end = told.expect("an idle watch goes on").expect_err("it ended as if all were well");
    assert!(["CLIENT_EXPIRED", ""].contains(&reason_of(&end).unwrap_or_default().as_str()), "{end:?}");
    let refused = client.list_drafts(wire::ListDraftsRequest::default()).await.unwrap_err();
    assert!(
        ["CLIENT_EXPIRED", ""].contains(&reason_of(&refused).unwrap_or_default().as_str()),
        "{refused:?}"
    );
    xa.close().await;
}
