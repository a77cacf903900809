//! The bounds of freight: how many parts move at once, are shown, and are remembered.

use super::*;
use crate::limits::{FREIGHT_HAULS_MAX, FREIGHT_REMEMBERED_MAX, FREIGHT_SHOWN_MAX};

/// A message with so many parts beside it.
fn laden(channel: &str, count: usize) -> OutboxItem {
    let contents: Vec<String> = (0..count).map(|number| format!("{channel} {number}")).collect();
    item(channel, 1, &contents.iter().map(String::as_str).collect::<Vec<_>>())
}

#[tokio::test]
async fn so_many_parts_move_at_once_and_so_many_are_shown() {
    let mut scene = Scene::new(Vec::new());
    assert!(!scene.ready(&laden("ch-1", FREIGHT_SHOWN_MAX)));
    assert_eq!(scene.freight.transfers(&scene.peer).len(), FREIGHT_SHOWN_MAX);
    assert!(!scene.ready(&laden("ch-2", 1)));
    let shown = scene.freight.transfers(&scene.peer);
    assert_eq!(shown.len(), FREIGHT_SHOWN_MAX);
    assert_eq!(shown.iter().filter(|transfer| transfer.moving).count(), FREIGHT_HAULS_MAX);
    for _ in 0..FREIGHT_HAULS_MAX {
        scene.next_asked().await;
    }
    // The next is asked for when one has ended, and no sooner.
    assert!(scene.asked.try_recv().is_err());
    scene.link.may_end.add_permits(1);
    scene.next_asked().await;
    assert!(scene.asked.try_recv().is_err());
    scene.freight.stop().await;
}

#[tokio::test]
async fn so_many_confirmed_parts_are_remembered_and_beyond_them_the_peer_is_asked_again() {
    let scene = Scene::new(Vec::new());
    scene.link.may_end.add_permits(10);
    let remembered = || scene.freight.lanes().get(&scene.peer).map_or(0, |lane| lane.confirmed.len());
    let arrived = async |message: &OutboxItem, count: usize| {
        scene.ready(message);
        for _ in 0..1000 {
            if remembered() == count {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{} are remembered instead of {count}", remembered());
    };
    let earlier = (1..FREIGHT_REMEMBERED_MAX).map(|number| (part(&number.to_string()), 1));
    scene.freight.lanes().entry(scene.peer.clone()).or_default().confirmed.extend(earlier);
    let last = laden("ch-1", 1);
    arrived(&last, FREIGHT_REMEMBERED_MAX).await;
    assert!(scene.ready(&last));
    arrived(&laden("ch-2", 1), 1).await;
    assert!(!scene.ready(&last), "it is asked for again");
    scene.freight.stop().await;
}
