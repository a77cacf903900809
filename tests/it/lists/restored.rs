//! A gateway that was restored from an older copy: what the desk has decided since counts again with its next look.

use std::fs;

use crate::archive::{copy, data};
use crate::support::{Stage, ministry};

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_was_removed_is_no_peer_again_once_the_desk_looks_at_a_restored_gateway() {
    let mut stage = Stage::pair().await;
    let older = stage.folder().join("older");
    stage.house_mut("XA").stop().await.unwrap();
    copy(&data(&stage, "XA"), &older);
    stage.house_mut("XA").start().await.unwrap();
    let (house, desk) = (stage.house("XA"), stage.house("XA").desk().unwrap());
    desk.dismiss(house.keys(), &ministry("XB")).await.unwrap();
    assert!(stage.gateway("XA").status().await.unwrap().peers.is_empty());

    stage.house_mut("XA").stop().await.unwrap();
    fs::remove_dir_all(data(&stage, "XA")).unwrap();
    copy(&older, &data(&stage, "XA"));
    stage.house_mut("XA").start().await.unwrap();
    assert_eq!(stage.gateway("XA").status().await.unwrap().peers.len(), 1, "the copy knows the peer");
    let (house, desk) = (stage.house("XA"), stage.house("XA").desk().unwrap());
    let mut mailbox = desk.mailbox(house.keys()).await.unwrap();
    let looked = desk.follow(house.keys(), &mut mailbox).await.unwrap();
    assert!(looked.changed() && looked.overruled.is_some(), "{looked:?}");
    assert!(looked.lines().iter().any(|line| line.contains("older policy")), "{looked:?}");
    assert!(stage.gateway("XA").status().await.unwrap().peers.is_empty());
    // Once is enough.
    assert_eq!(desk.follow(house.keys(), &mut mailbox).await.unwrap(), Default::default());
}
