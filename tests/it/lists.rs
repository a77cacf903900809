//! Bundles and revocation lists travel over the stream: who was revoked is cut off and let in no more, and whoever
//! announces what does not follow changes nothing.

mod desks;
mod hostile;
mod restored;

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use chancery::desk::keys::Keys;
use chancery::digest::Digest;
use chancery::entropy::SystemEntropy;
use chancery::gateway::ScrutinyAt;
use chancery::keys::generate;
use chancery::keys::home::desk::DeskHome;
use chancery::keys::ministry::MinistryHome;
use chancery::keys::revocation::RevocationReason;
use chancery::keys::save_reading_key;
use chancery::message::leaf::{Leaf, LeafKind};
use chancery::message::refusal::Reason;
use chancery::time::Clock;
use chancery::trust::bundle::SignedBundle;
use chancery::trust::name::Name;
use rusqlite::Connection;
use tokio::time::timeout;

use crate::support::bot::{Bot, Dialled};
use crate::support::caller::{self, ShutOut};
use crate::support::{PATIENCE, Stage, eventually, forms, ministry, passphrase, proofs};

/// The offline home of a ministry.
pub fn root(stage: &Stage, code: &str) -> MinistryHome {
    MinistryHome::open(&stage.house(code).homes().root, &passphrase()).unwrap()
}

/// Revokes every certificate of a name, by what follows the code of the ministry.
pub fn revoke(stage: &Stage, code: &str, path: &str) {
    let (home, name) = (root(stage, code), Name::parse(&format!("chancery://{code}/{path}")).unwrap());
    // What was signed and logged in the second of a revocation counts as signed after it.
    stage.clock.forward(Duration::from_secs(2));
    let mut revoked = 0;
    for one in home.issued().unwrap().iter().filter(|one| one.name == name && one.revocation.is_none()) {
        home.revoke(one.serial, RevocationReason::KeyCompromise, None, stage.clock_of(code).now()).unwrap();
        revoked += 1;
    }
    assert!(revoked > 0, "{name} was never certified");
}

/// Signs the next bundle of a ministry and hands it to its gateway, which announces it.
pub async fn publish(stage: &Stage, code: &str) -> SignedBundle {
    // Lists tell seconds only, and a later one must be later.
    stage.clock.forward(Duration::from_secs(2));
    let house = stage.house(code);
    let bundle = house.issue_bundle().unwrap();
    let desk = house.desk().unwrap();
    let mut mailbox = desk.mailbox(house.keys()).await.unwrap();
    let looked = desk.follow(house.keys(), &mut mailbox).await.unwrap();
    assert_eq!(looked.published, Some(bundle.bundle().content().sequence));
    bundle
}

/// Revokes the registry of a ministry, certifies it anew, because nobody else signs the policy that publishes that, and
/// publishes it.
async fn revoke_registry(stage: &Stage, code: &str) -> SignedBundle {
    revoke(stage, code, "registry");
    stage.clock.forward(Duration::from_secs(2));
    let house = stage.house(code);
    house.renew_certificates().unwrap();
    let (bundle, desk) = (house.issue_bundle().unwrap(), house.desk().unwrap());
    let anew = Keys::new(desk.config().clone(), passphrase());
    desk.follow(&anew, &mut desk.mailbox(&anew).await.unwrap()).await.unwrap();
    bundle
}

/// Waits until the gateway of `at` has this bundle of `of`.
pub async fn heard(stage: &Stage, at: &str, of: &str, bundle: &SignedBundle) {
    let sequence = bundle.bundle().content().sequence;
    eventually(&format!("{at} has heard of bundle {sequence} of {of}"), || async {
        let offers = stage.gateway(at).offers().await.unwrap();
        offers.offered.iter().any(|one| one.ministry == ministry(of) && one.bytes == bundle.to_bytes())
    })
    .await;
}

/// How often the own log of `at` about `about` says that this list came into force.
fn logged(stage: &Stage, at: &str, list: &[u8]) -> usize {
    let data = stage.house(at).homes().gateway.directory().join("data/gateway.db");
    let connection = Connection::open(data).unwrap();
    let sql = "SELECT leaf.bytes FROM leaf JOIN log ON log.key = leaf.log WHERE log.mirror = 0";
    let mut statement = connection.prepare(sql).unwrap();
    let leaves = statement.query_map([], |row| row.get::<_, Vec<u8>>(0)).unwrap();
    // Entries of the administrative log are of another kind.
    let leaves: Vec<Leaf> = leaves.filter_map(|bytes| Leaf::parse(&bytes.unwrap()).ok()).collect();
    let about = Some(Digest::of(list));
    leaves.iter().filter(|leaf| leaf.kind == LeafKind::Revocation && leaf.record == about).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_a_revoked_gateway_key_is_cut_off_and_let_in_no_more_and_the_ministry_goes_on_with_another() {
    let mut stage = Stage::pair().await;
    proofs::logs_agree(&stage).await;
    let stolen = caller::gateway_identity(&stage, "XB");
    let mut thief =
        Dialled::greet(Bot::new(&stage, "XB", "XA"), caller::relay(&stage, stolen.clone(), "XA").await)
            .await
            .unwrap();
    revoke(&stage, "XB", "gateway");
    stage.house("XB").renew_certificates().unwrap();
    stage.gateway("XB").reload().unwrap();
    let bundle = publish(&stage, "XB").await;
    heard(&stage, "XA", "XB", &bundle).await;
    let cut = async { while thief.next().await.is_ok_and(|frame| frame.is_some()) {} };
    timeout(PATIENCE, cut).await.expect("the open stream goes on");
    assert_eq!(caller::knock_at_relay(&stage, stolen.clone(), "XA").await, Err(ShutOut::Door));
    for list in &bundle.bundle().content().revocation_lists {
        eventually("a leaf says so", || async { logged(&stage, "XA", list) == 1 }).await;
    }
    // What counts is not forgotten with the process, although nobody has accredited that bundle.
    stage.house_mut("XA").stop().await.unwrap();
    stage.house_mut("XA").start().await.unwrap();
    assert_eq!(stage.gateway("XA").status().await.unwrap().peers[0].bundle, 1);
    assert_eq!(caller::knock_at_relay(&stage, stolen, "XA").await, Err(ShutOut::Door));
    // The ministry's own gateway shows another certificate under the bundle of before, and all goes on.
    stage.sound("XA", "XB").await;
    stage.sound("XB", "XA").await;
    let sent = stage.send("XA", &forms::note("XB", "C-7QK4-M2XD-9WTV")).await;
    stage.settled("XA", &sent[0]).await;
    for list in &bundle.bundle().content().revocation_lists {
        assert_eq!(logged(&stage, "XA", list), 1, "said again after the restart");
    }
}

/// As a copy of an older home brings it back: the gateway believes itself, and nobody else does.
#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_tells_that_the_certificate_in_its_home_is_revoked_or_of_somebody_else() {
    let stage = Stage::pair().await;
    let place = |code: &str| stage.house(code).homes().gateway.transport_chain();
    let flaw = || async { stage.gateway("XB").status().await.unwrap().certificate_flaw };
    let former = fs::read(place("XB")).unwrap();
    assert_eq!(flaw().await, None);
    revoke(&stage, "XB", "gateway");
    stage.house("XB").renew_certificates().unwrap();
    stage.gateway("XB").reload().unwrap();
    publish(&stage, "XB").await;
    assert_eq!(flaw().await, None);
    fs::write(place("XB"), former).unwrap();
    let said = flaw().await.unwrap();
    assert!(said.starts_with("CERTIFICATE_REVOKED: "), "{said}");
    fs::copy(place("XA"), place("XB")).unwrap();
    let said = flaw().await.unwrap();
    assert!(said.starts_with("CERTIFICATE_") && !said.starts_with("CERTIFICATE_REVOKED"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_revoked_registry_signed_is_refused_from_then_on_and_what_was_logged_before_stays() {
    let mut stage = Stage::pair().await;
    let before = stage.send("XB", &forms::note("XA", "C-7QK4-M2XD-9WTV")).await;
    stage.settled("XB", &before[0]).await;
    proofs::logs_agree(&stage).await;
    // Signed, and on its way, before anybody knew. It leaves when XA is there, on whichever stream, behind the list.
    stage.house_mut("XA").stop().await.unwrap();
    let late = stage.send("XB", &forms::note("XA", "C-7QK4-M2XD-9WTV")).await;
    let bundle = revoke_registry(&stage, "XB").await;
    stage.house_mut("XA").start().await.unwrap();
    heard(&stage, "XA", "XB", &bundle).await;
    let settled = stage.settled("XB", &late[0]).await;
    assert_eq!(settled.reason, Reason::SignerExpired.word());
    stage.house("XA").fetch().await.unwrap();
    let opened = stage.house("XA").read(&before[0].id.to_string()).unwrap();
    assert!(opened.findings.is_empty(), "{:?}", opened.findings);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_judged_before_a_revocation_came_is_judged_again_when_it_is_taken() {
    let stage = Stage::pair().await;
    let (begun, (go_on, told)) = (Arc::new(AtomicBool::new(false)), mpsc::channel::<()>());
    let (is_judged, told) = (begun.clone(), Mutex::new(told));
    stage.gateway("XA").scrutinise(Arc::new(move |_, at| {
        if at == ScrutinyAt::Judging {
            is_judged.store(true, Ordering::SeqCst);
            let _told = told.lock().unwrap().recv();
        }
    }));
    let late = stage.send("XB", &forms::note("XA", "C-7QK4-M2XD-9WTV")).await;
    eventually("XA judges it by what it knows", || async { begun.load(Ordering::SeqCst) }).await;
    let bundle = revoke_registry(&stage, "XB").await;
    for list in &bundle.bundle().content().revocation_lists {
        eventually("a leaf says so", || async { logged(&stage, "XA", list) == 1 }).await;
    }
    drop(go_on);
    let settled = stage.settled("XB", &late[0]).await;
    assert_eq!(settled.reason, Reason::SignerExpired.word());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_office_that_is_revoked_binds_its_ministry_no_more_once_the_desk_has_followed() {
    let mut stage = Stage::pair().await;
    let before = stage.send("XB", &forms::note("XA", "C-7QK4-M2XD-9WTV")).await;
    stage.settled("XB", &before[0]).await;
    proofs::logs_agree(&stage).await;
    stage.house_mut("XA").stop().await.unwrap();
    let late = stage.send("XB", &forms::note("XA", "C-7QK4-M2XD-9WTV")).await;
    revoke(&stage, "XB", "office/releasing-01");
    let bundle = publish(&stage, "XB").await;
    stage.house_mut("XA").start().await.unwrap();
    heard(&stage, "XA", "XB", &bundle).await;
    stage.settled("XB", &late[0]).await;
    let (house, desk) = (stage.house("XA"), stage.house("XA").desk().unwrap());
    let mut mailbox = desk.mailbox(house.keys()).await.unwrap();
    let looked = desk.follow(house.keys(), &mut mailbox).await.unwrap();
    assert_eq!(looked.followed.len(), 1, "{looked:?}");
    assert!(looked.followed[0].changes.iter().any(|one| one.what == "revoked certificate" && one.added));
    assert_eq!(house.fetch().await.unwrap(), 2);
    assert!(house.read(&before[0].id.to_string()).unwrap().findings.is_empty());
    let refused = house.read(&late[0].id.to_string());
    let said = format!("{refused:?}").to_lowercase();
    assert!(refused.is_err() && said.contains("revoked"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_desk_follows_a_successor_and_what_is_sealed_to_its_new_reading_key_arrives() {
    let stage = Stage::pair().await;
    let home: &DeskHome = &stage.house("XB").homes().desk;
    let old = std::fs::read_to_string(home.reading_recipient()).unwrap();
    std::fs::remove_file(home.reading_key()).unwrap();
    let key = generate::reading_key(&SystemEntropy).unwrap();
    save_reading_key(&home.reading_key(), &key, &passphrase(), &SystemEntropy).unwrap();
    std::fs::write(home.reading_recipient(), format!("{}\n", key.recipient())).unwrap();
    let bundle = publish(&stage, "XB").await;
    heard(&stage, "XA", "XB", &bundle).await;
    let status = stage.gateway("XA").status().await.unwrap();
    assert_eq!((status.peers[0].bundle, status.peers[0].announced), (1, Some(2)));
    let (house, desk) = (stage.house("XA"), stage.house("XA").desk().unwrap());
    let announced = desk.announced(house.keys(), &ministry("XB")).await.unwrap();
    assert_eq!((announced.len(), announced[0].refused.as_deref()), (1, None));
    assert_eq!(announced[0].bundle.digest(), bundle.digest());
    let mut mailbox = desk.mailbox(house.keys()).await.unwrap();
    let looked = desk.follow(house.keys(), &mut mailbox).await.unwrap();
    let followed = &looked.followed[0];
    assert_eq!(*followed, announced[0].followed, "it said beforehand what would change");
    assert!(desk.announced(house.keys(), &ministry("XB")).await.unwrap().is_empty());
    assert_eq!((followed.before, followed.after), (1, 2));
    let reading: Vec<bool> =
        followed.changes.iter().filter(|one| one.what == "reading key").map(|one| one.added).collect();
    assert_eq!(reading, [true, false]);
    // Once is enough, and the gateway believes the same.
    assert_eq!(desk.follow(house.keys(), &mut mailbox).await.unwrap(), Default::default());
    let status = stage.gateway("XA").status().await.unwrap();
    assert_eq!((status.peers[0].bundle, status.peers[0].announced), (2, None));
    let sent = stage.send("XA", &forms::note("XB", "C-7QK4-M2XD-9WTV")).await;
    stage.settled("XA", &sent[0]).await;
    stage.house("XB").fetch().await.unwrap();
    let desk = stage.house("XB").desk().unwrap();
    let anew = Keys::new(desk.config().clone(), passphrase());
    let entry = desk.find(&sent[0].id.to_string()).unwrap();
    assert!(desk.read(&desk.trust().unwrap(), &anew, &entry).unwrap().findings.is_empty());
    assert_ne!(old.trim_end(), key.recipient().to_string());
}
