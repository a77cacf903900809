//! Every call by every role, by a client without any and by nobody, over real connections: what the table says, and no
//! more.

use std::collections::BTreeSet;
use std::fs;

use chancery::desk::serve::permission::{Row, TABLE, row_of};
use chancery::trust::role::Role;
use prost::Message as _;
use tonic::Code;
use tonic::transport::Channel;

use super::bureau::Bureau;
use super::pair;
use crate::support::anycall::begin;
use crate::support::caller::ShutOut;

/// Every call that the protos describe, and every other one that has a row; each with its row.
fn calls() -> Vec<(String, &'static Row)> {
    let set = prost_types::FileDescriptorSet::decode(chancery::proto::DESCRIPTORS).unwrap();
    let mut paths = BTreeSet::new();
    for file in set.file.iter().filter(|file| file.package() == "chancery.desk.v1") {
        for service in &file.service {
            let each = service.method.iter();
            paths.extend(each.map(|call| format!("/{}.{}/{}", file.package(), service.name(), call.name())));
        }
    }
    assert!(paths.len() >= 25, "{paths:?}");
    paths.extend(TABLE.iter().map(|row| format!("/{}/{}", row.service, row.method)));
    let with_row = |path: String| {
        let row = row_of(&path).unwrap_or_else(|| panic!("{path} has no row in desk/serve/permission.rs"));
        (path, row.1)
    };
    paths.into_iter().map(with_row).collect()
}

/// Makes every call with an empty message. Whoever has a role for it is answered, or told what is wrong with that.
async fn tries_all(channel: &Channel, who: &str, role: Option<Role>) {
    for (path, row) in calls() {
        let found = begin(channel, &path, Vec::new()).await;
        let opens = role.is_some_and(|role| row.roles.contains(&role));
        let is_as_it_should = match &found {
            Err(ShutOut::Call(Code::PermissionDenied, reason)) => !opens && reason == "WRONG_ROLE",
            Err(ShutOut::Door | ShutOut::Call(Code::Unauthenticated | Code::Unimplemented, _)) => false,
            _ => opens,
        };
        assert!(is_as_it_should, "{path} by {who}: {found:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_is_answered_to_the_roles_of_the_table_and_refused_to_every_other() {
    let stage = pair().await;
    let xa = Bureau::open(&stage, "XA").await;
    // Its certificate gives a role and the book of clients another: none holds. It is the only one in the book yet.
    let (chain, key) = xa.enrol("none", &[Role::Read]);
    let (path, text) = (xa.clients().book_file(), fs::read_to_string(xa.clients().book_file()).unwrap());
    let altered = text.replace("roles = [\"read\"]", "roles = [\"audit\"]");
    assert_ne!(altered, text);
    fs::write(&path, altered).unwrap();
    tries_all(&xa.dial(&chain, &key).await.unwrap(), "a client without a role", None).await;
    for role in Role::ALL {
        let channel = xa.channel(&format!("only-{}", role.word()), &[role]).await;
        tries_all(&channel, role.word(), Some(role)).await;
    }
    xa.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_makes_any_call_without_a_certificate_or_with_one_that_the_book_has_forgotten() {
    let stage = pair().await;
    let xa = Bureau::open(&stage, "XA").await;
    let book = fs::read(xa.clients().book_file()).unwrap();
    let (chain, key) = xa.enrol("forgotten", &Role::ALL);
    fs::write(xa.clients().book_file(), book).unwrap();
    let forgotten = xa.dial(&chain, &key).await.unwrap();
    for (path, _) in calls() {
        let found = begin(&forgotten, &path, Vec::new()).await;
        let refused = Err(ShutOut::Call(Code::Unauthenticated, "CLIENT_UNKNOWN".to_owned()));
        assert_eq!(found, refused, "{path} by a client that the book has forgotten");
        // The door is shut after the handshake, so each call has a connection of its own.
        let knocked = match xa.doorway().dial(None).await {
            Err(_) => Err(ShutOut::Door),
            Ok(channel) => begin(&channel, &path, Vec::new()).await,
        };
        assert_eq!(knocked, Err(ShutOut::Door), "{path} without a certificate");
    }
    xa.close().await;
}
