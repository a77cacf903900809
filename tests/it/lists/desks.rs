//! Desks of the own ministry: a revoked one is shut out by its own gateway, by a list that lies in the gateway's home.

use std::fs;
use std::time::Duration;

use chancery::gateway::Gateway;
use chancery::keys::branch::Branch;
use chancery::keys::ministry::MinistryHome;
use chancery::keys::revocation::list_pem;
use chancery::limits;
use chancery::time::Clock;

use super::{revoke, root};
use crate::support::caller::{self, ShutOut};
use crate::support::{Stage, eventually, ministry, passphrase};

/// A year: longer than a test.
const LONG: Duration = Duration::from_secs(365 * 24 * 3600);

/// The list of the desk-access authority of XA as it is now, PEM.
fn list(stage: &Stage) -> String {
    stage.clock.forward(Duration::from_secs(2));
    let now = stage.clock_of("XA").now();
    list_pem(&root(stage, "XA").revocation_list(Branch::DeskAccess, now, LONG).unwrap())
}

async fn knock(stage: &Stage) -> Result<(), ShutOut> {
    let address = stage.house("XA").plan().mailbox.clone();
    caller::knock_at_mailbox(stage, caller::desk_identity(stage, "XA"), "XA", &address).await
}

/// What the desk is told that asks its gateway.
async fn told(stage: &Stage) -> String {
    let house = stage.house("XA");
    let asked = async {
        let mut mailbox = house.desk().unwrap().mailbox(house.keys()).await?;
        mailbox.position("ch-none", &ministry("XB")).await
    };
    asked.await.unwrap_err().to_string()
}

/// The alarm about the file, if it stands.
async fn alarm(gateway: &Gateway) -> Option<String> {
    let alarms = gateway.list_alarms(false).await.unwrap();
    alarms.into_iter().find(|alarm| alarm.code == "DESK_LIST_REFUSED").map(|alarm| alarm.detail)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_desk_is_cut_off_its_mailbox_and_neither_a_bad_list_nor_none_lets_it_in_again() {
    let mut stage = Stage::pair().await;
    let place = stage.house("XA").homes().gateway.desk_list();
    let mut open = caller::mailbox(&stage, caller::desk_identity(&stage, "XA"), "XA").await;
    let ask = chancery::proto::gateway::v1::ListOfferedRequest {};
    open.list_offered(ask).await.unwrap();
    let harmless = list(&stage);
    fs::write(&place, &harmless).unwrap();
    stage.gateway("XA").read_again().await.unwrap();
    open.list_offered(ask).await.unwrap();
    assert_eq!(knock(&stage).await, Ok(()));

    revoke(&stage, "XA", "desk/main");
    fs::write(&place, list(&stage)).unwrap();
    stage.gateway("XA").read_again().await.unwrap();
    eventually("the open connection is cut", || {
        let mut open = open.clone();
        async move { open.list_offered(ask).await.is_err() }
    })
    .await;
    assert_eq!(knock(&stage).await, Err(ShutOut::Door));
    assert_eq!(alarm(stage.gateway("XA")).await, None);
    let said = told(&stage).await;
    assert!(said.contains("trust/desk-access.crl") && !said.contains("operation was canceled"), "{said}");

    let foreign = root(&stage, "XB");
    let foreign = foreign.revocation_list(Branch::DeskAccess, stage.clock.now(), LONG).unwrap();
    for (bad, why) in [
        (harmless.clone(), "newer"),
        ("half a list".to_owned(), "no revocation list"),
        (list_pem(&foreign), "did not sign"),
        (harmless.repeat(limits::DESK_LIST_BYTES_MAX / harmless.len() + 1), "desk-access.crl"),
    ] {
        fs::write(&place, bad).unwrap();
        stage.gateway("XA").read_again().await.unwrap();
        assert_eq!(knock(&stage).await, Err(ShutOut::Door), "{why}");
        let detail = alarm(stage.gateway("XA")).await.unwrap();
        assert!(detail.contains(why), "{detail}");
    }
    fs::remove_file(&place).unwrap();
    stage.house_mut("XA").stop().await.unwrap();
    stage.house_mut("XA").start().await.unwrap();
    assert_eq!(knock(&stage).await, Err(ShutOut::Door));
    assert_eq!(alarm(stage.gateway("XA")).await, None, "a file that is gone is no damage");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_later_list_of_a_root_that_forgot_a_revocation_does_not_let_the_desk_in_again() {
    let stage = Stage::pair().await;
    let place = stage.house("XA").homes().gateway.desk_list();
    let forgetful = stage.folder().join("forgetful");
    crate::archive::copy(&stage.house("XA").homes().root, &forgetful);
    revoke(&stage, "XA", "desk/main");
    fs::write(&place, list(&stage)).unwrap();
    stage.gateway("XA").read_again().await.unwrap();
    assert_eq!(knock(&stage).await, Err(ShutOut::Door));

    stage.clock.forward(Duration::from_secs(2));
    let home = MinistryHome::open(&forgetful, &passphrase()).unwrap();
    let later = home.revocation_list(Branch::DeskAccess, stage.clock_of("XA").now(), LONG).unwrap();
    fs::write(&place, list_pem(&later)).unwrap();
    stage.gateway("XA").read_again().await.unwrap();
    let detail = alarm(stage.gateway("XA")).await.unwrap();
    assert!(detail.contains("lacks certificate"), "{detail}");
    assert_eq!(knock(&stage).await, Err(ShutOut::Door));
    fs::write(&place, list(&stage)).unwrap();
    stage.gateway("XA").read_again().await.unwrap();
    assert_eq!(alarm(stage.gateway("XA")).await, None, "one that names it is taken");
    assert_eq!(knock(&stage).await, Err(ShutOut::Door));
}
