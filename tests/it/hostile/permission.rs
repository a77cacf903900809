//! Every call by every kind of caller at every door, over real connections: what the table says, and no more.

use std::path::Path;
use std::time::Duration;

use chancery::gateway::serve::permission::{Caller, Row, TABLE};
use chancery::keys::home::gateway::GatewayHome;
use chancery::transport::channel::{connect, connect_unix};
use chancery::transport::credentials::TlsIdentity;
use pkcs8::{EncryptedPrivateKeyInfo, SecretDocument};
use rustls::ClientConfig;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::AsyncReadExt;
use tonic::Code;
use tonic::transport::Channel;

use crate::support::anycall::say;
use crate::support::caller::{ShutOut, credentials, desk_identity, gateway_identity};
use crate::support::siege::Siege;
use crate::support::{PATIENCE, Stage, ministry, raw};

/// XA and XB are accredited to each other; XC has a bundle and is accredited nowhere.
async fn stage() -> Stage {
    let mut stage = Stage::apart(&["XA", "XB", "XC"], |_| {});
    for code in ["XA", "XB"] {
        stage.house_mut(code).start().await.unwrap();
    }
    stage.accredit("XA", "XB").await;
    stage.accredit("XB", "XA").await;
    stage
}

async fn channel(stage: &Stage, identity: TlsIdentity, address: &str) -> Channel {
    let credentials = credentials(stage, identity, &["XB"]);
    connect(address, &ministry("XB"), &credentials).await.unwrap()
}

/// Calls one row with an empty message and compares with the table.
async fn try_row(channel: &Channel, caller: Caller, row: &Row) {
    let path = format!("/{}/{}", row.service, row.method);
    // A watch of the health service does not end by itself: that it is not refused soon is enough. For a refusal there
    // is time, however busy this machine is.
    let is_open = row.callers.contains(&caller);
    let patience = if is_open { Duration::from_secs(2) } else { PATIENCE };
    let found = tokio::time::timeout(patience, say(channel, &path, Vec::new())).await;
    let refused =
        matches!(&found, Ok(Err(ShutOut::Call(Code::PermissionDenied, reason))) if reason == row.reason);
    assert_eq!(refused, !is_open, "{path} by {caller:?}: {found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn at_every_door_every_call_is_answered_as_the_table_says() {
    let stage = stage().await;
    let plan = stage.house("XB").plan().clone();
    let home: &GatewayHome = &stage.house("XB").homes().gateway;
    let inside = [
        (Caller::AccreditedGateway, channel(&stage, gateway_identity(&stage, "XA"), &plan.relay).await),
        (Caller::OwnDesk, channel(&stage, desk_identity(&stage, "XB"), &plan.mailbox).await),
        (Caller::Operator, connect_unix(&home.operator_socket()).await.unwrap()),
    ];
    for (caller, channel) in &inside {
        for row in TABLE {
            try_row(channel, *caller, row).await;
        }
        // What has no row is no call, reflection above all.
        for path in [
            "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
            "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
            "/chancery.gateway.v1.RelayService/Shutdown",
        ] {
            let found = say(channel, path, Vec::new()).await;
            assert_eq!(
                found,
                Err(ShutOut::Call(Code::Unimplemented, "UNKNOWN_CALL".to_owned())),
                "{caller:?}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_other_caller_comes_as_far_as_a_call_at_either_listener() {
    let stage = stage().await;
    let plan = stage.house("XB").plan().clone();
    for (caller, who, config) in everybody(&stage) {
        for (door, address) in [("relay", &plan.relay), ("mailbox", &plan.mailbox)] {
            let lets_in =
                matches!((caller, door), (Caller::AccreditedGateway, "relay") | (Caller::OwnDesk, "mailbox"));
            assert_eq!(enters(config.clone(), address).await, lets_in, "{who} at the {door}");
        }
    }
}

/// Whether a connection is served: a stranger is sent away with an alert, perhaps after its own handshake ended.
async fn enters(config: ClientConfig, address: &str) -> bool {
    let Ok(mut stream) = raw::shake_hands(config, address).await else { return false };
    // A server of HTTP/2 speaks first as well.
    let mut first = [0];
    match tokio::time::timeout(PATIENCE, stream.read(&mut first)).await {
        Ok(read) => read.is_ok_and(|bytes| bytes > 0),
        Err(_) => false,
    }
}

/// Everybody who has a certificate, and somebody who has none.
fn everybody(stage: &Stage) -> Vec<(Caller, String, ClientConfig)> {
    let gateway = |code: &str| {
        let home = &stage.house(code).homes().gateway;
        raw::identity(&home.transport_chain(), &home.transport_key())
    };
    let desk = |code: &str, stem: &str| {
        let keys = stage.house(code).homes().desk.directory().join("keys");
        under_passphrase(&keys.join(format!("{stem}.pem")), &keys.join(format!("{stem}.key")))
    };
    let trust = {
        let root = &stage.house("XA").homes().root;
        under_passphrase(&root.join("trust.pem"), &root.join("trust.key"))
    };
    vec![
        (Caller::AccreditedGateway, "the gateway of XA".to_owned(), gateway("XA")),
        (Caller::OwnGateway, "its own gateway".to_owned(), gateway("XB")),
        (Caller::UnaccreditedGateway, "the gateway of XC".to_owned(), gateway("XC")),
        (Caller::OwnDesk, "its own desk".to_owned(), desk("XB", "access")),
        (Caller::ForeignDesk, "the desk of XA".to_owned(), desk("XA", "access")),
        (Caller::ForeignDesk, "the desk of XC".to_owned(), desk("XC", "access")),
        (Caller::Signer, "its own registry".to_owned(), desk("XB", "registry")),
        (Caller::Signer, "its own office".to_owned(), desk("XB", "offices/seal")),
        (Caller::Signer, "the registry of XA".to_owned(), desk("XA", "registry")),
        (Caller::Signer, "the trust key of XA".to_owned(), trust),
        (Caller::Nobody, "nobody".to_owned(), raw::presenting(None)),
    ]
}

/// An identity whose key is under the passphrase of every rehearsal.
fn under_passphrase(chain: &Path, key: &Path) -> ClientConfig {
    let chain = CertificateDer::pem_file_iter(chain).unwrap().map(Result::unwrap).collect();
    let pem = std::fs::read_to_string(key).unwrap();
    let (label, document) = SecretDocument::from_pem(&pem).unwrap();
    assert_eq!(label, "ENCRYPTED PRIVATE KEY");
    let sealed = EncryptedPrivateKeyInfo::try_from(document.as_bytes()).unwrap();
    let plain = sealed.decrypt("correct horse").unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(plain.as_bytes().to_vec()));
    raw::presenting(Some((chain, key)))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_is_refused_again_and_again_does_not_fill_the_disk() {
    let siege = Siege::begin().await;
    let attack = async {
        let channel = siege.at_relay("XC").await;
        for number in 0..2000 {
            let refused = say(&channel, "/chancery.gateway.v1.MailboxService/Submit", Vec::new()).await;
            assert!(
                matches!(refused, Err(ShutOut::Call(Code::PermissionDenied, _))),
                "{number}: {refused:?}"
            );
        }
        for number in 0..500 {
            // No hello: the stream ends.
            let ended = say(&channel, "/chancery.gateway.v1.RelayService/Relay", vec![0x1a, 0]).await;
            assert!(matches!(ended, Err(ShutOut::Call(..))), "{number}: {ended:?}");
        }
    };
    let begun = std::time::Instant::now();
    siege.under(attack).await;
    // A hundred at once, and one in each second.
    let most = 100 + usize::try_from(begun.elapsed().as_secs()).unwrap() + 1;
    for (what, whose) in [("call refused", ""), ("a relay stream of the peer ended", "peer=XC")] {
        let log = siege.log();
        let lines = log.lines().filter(|line| line.contains(what) && line.contains(whose)).count();
        assert!((1..=most).contains(&lines), "{lines} lines of {what}, at most {most}");
    }
}
