//! Accreditation is one outcome: what cannot be served is not kept, and what is kept is in force.

use std::fs;

use chancery::gateway::error::Declined;
use chancery::time::Clock;
use chancery::trust::policy::{ChannelPolicy, SignedPolicy};

use crate::support::{Stage, ministry, proofs};

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_kept_whose_tls_configurations_cannot_be_built() {
    let stage = Stage::pair().await;
    let house = stage.house("XA");
    let trust = house.desk().unwrap().trust().unwrap();
    let in_force = trust.policy.clone().unwrap();
    let (channels, peers) = (in_force.channels().clone(), in_force.peers().clone());
    let policy = ChannelPolicy::new(ministry("XA"), 50, stage.clock.now(), channels, peers).unwrap();
    let registry = house.keys().registry().unwrap();
    let policy = SignedPolicy::issue(policy, registry.as_ref(), stage.clock.now()).unwrap().to_bytes();
    let own = house.issue_bundle().unwrap().to_bytes();
    let bundles = [stage.world.bundle(&ministry("XB")).unwrap().to_bytes()];
    let gateway = stage.gateway("XA");

    let chain = house.homes().gateway.transport_chain();
    let good = fs::read(&chain).unwrap();
    let before = (proofs::trace(&stage, "XA").await, gateway.status().await.unwrap().policy);
    fs::write(&chain, b"half a certificate").unwrap();
    match gateway.accredit(&own, &policy, &bundles).await {
        Err(Declined::Failed(fault)) => assert!(fault.to_string().contains("transport"), "{fault}"),
        other => panic!("{other:?}"),
    }
    assert_eq!((proofs::trace(&stage, "XA").await, gateway.status().await.unwrap().policy), before);
    // The same call succeeds when the file is mended.
    fs::write(&chain, good).unwrap();
    assert_eq!(gateway.accredit(&own, &policy, &bundles).await.unwrap(), 50);
    assert_eq!(gateway.status().await.unwrap().policy, 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_bundle_that_a_command_has_left_behind_keeps_no_desk_from_its_work() {
    let stage = Stage::pair().await;
    let desk = stage.house("XA").desk().unwrap();
    let known = desk.known_bundles(&desk.trust().unwrap()).unwrap().len();
    let bundle = stage.world.bundle(&ministry("XB")).unwrap().to_bytes();
    let folder = stage.house("XA").homes().desk.directory().join("trust/believed");
    fs::write(folder.join(".tmpZxYjo3"), &bundle[..bundle.len() / 2]).unwrap();
    assert_eq!(desk.known_bundles(&desk.trust().unwrap()).unwrap().len(), known);
}
