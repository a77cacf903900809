//! Whoever reads: too slowly, nothing at all, after suspension or the end of a certificate, from the middle, or with
//! another desk's place in mind; and at a desk that was restored.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use chancery::entropy::SystemEntropy;
use chancery::limits::READER_PATIENCE;
use chancery::message::seal::ReadingKey;
use chancery::proto::desk::v1 as wire;
use chancery::transport::status::reason_of;
use chancery::trust::name::Label;
use chancery::trust::role::Role;
use serde_json::{Value, json};

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

/// What is typed at the home of a desk, and goes well.
fn types(home: &Path, args: &[&str]) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chancery"));
    command.env_clear().arg("--home").arg(home).arg("--json").args(args).stdin(Stdio::null());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{args:?}: {output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_desk_serves_nobody_before_that_is_lifted_and_takes_no_cursor_of_before() {
    let stage = pair().await;
    let xa = Bureau::open(&stage, "XA").await;
    let (chain, key) = xa.enrol("archive", &[Role::Observe]);
    xa.enrol("casework", &[Role::Draft]);
    xa.clients().suspend(&Label::parse("casework").unwrap(), true).unwrap();
    let mut archive = Client::new(xa.dial(&chain, &key).await.unwrap());
    happen(&xa, 3);
    let mut seen = watch(&mut archive, "").await;
    let begun = next(&mut seen, wire::EventKind::Opened).await.cursor;
    xa.close().await;

    let home = stage.house("XA").homes().desk.directory().to_owned();
    let recovery = ReadingKey::generate(&SystemEntropy).unwrap();
    let (identity, backup) = (stage.folder().join("recovery.key"), stage.folder().join("desk.backup"));
    fs::write(&identity, format!("{}\n", &*recovery.secret_text())).unwrap();
    fs::set_permissions(&identity, fs::Permissions::from_mode(0o600)).unwrap();
    let (identity, backup) = (identity.to_str().unwrap(), backup.to_str().unwrap());
    types(&home, &["backup", "create", "-o", backup, "--to", &recovery.recipient().to_string()]);
    // Suspended after the backup: the book that comes back knows nothing of it.
    fs::remove_dir_all(&home).unwrap();
    let told = types(&home, &["backup", "restore", backup, "--identity", identity]);
    assert_eq!(told["suspended"], json!(["archive"]), "who was suspended before is not named: {told}");
    let next_commands = told["next"].to_string();
    assert!(next_commands.contains("desk suspend --lift archive"), "{told}");
    assert!(!next_commands.contains("casework"), "{told}");

    let xa = Bureau::open(&stage, "XA").await;
    assert!(xa.clients().all().unwrap().iter().all(|client| client.suspended));
    if let Ok(channel) = xa.dial(&chain, &key).await {
        let refused = Client::new(channel).watch_events(wire::WatchEventsRequest::default()).await;
        assert!(refused.is_err(), "nobody is served");
    }
    types(&home, &["desk", "suspend", "--lift", "archive"]);
    let mut archive = Client::new(xa.dial(&chain, &key).await.unwrap());
    let asked = wire::WatchEventsRequest { cursor: begun, from_now: false };
    assert_eq!(
        reason(archive.watch_events(asked).await),
        "CURSOR_OF_ANOTHER_PAST",
        "the event is the same one"
    );
    let mut seen = watch(&mut archive, "").await;
    let again = next(&mut seen, wire::EventKind::Opened).await.cursor;
    let asked = wire::WatchEventsRequest { cursor: again, from_now: false };
    archive.watch_events(asked).await.unwrap();
    xa.close().await;
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
