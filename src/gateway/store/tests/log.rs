//! Logs and mirrors: sizes, roots and proofs agree with the leaves.

use crate::digest::Digest;
use crate::gateway::store::fixture::{Line, NOW, ORIGIN, PEER_ORIGIN, bounds, entry, fresh, peer, taken};
use crate::gateway::store::record::{
    Checkpoint, CheckpointKept, Extension, Footing, LeafPlace, LogLeaf, MirrorUpdate,
};
use crate::gateway::store::{Bounds, Store};
use crate::tlog::merkle::{TreeHead, empty_root, leaf_hash, node_hash};
use crate::tlog::proof;

fn leaf(text: &str) -> LogLeaf {
    LogLeaf { bytes: text.as_bytes().to_vec(), message_id: Some(Digest::of(text.as_bytes())) }
}

/// RFC 6962's own definition of the root, written as it stands there.
fn root(leaves: &[LogLeaf]) -> Digest {
    match leaves {
        [] => empty_root(),
        [one] => leaf_hash(&one.bytes),
        many => {
            let split = many.len().next_power_of_two() / 2;
            node_hash(&root(&many[..split]), &root(&many[split..]))
        }
    }
}

fn update(first_index: u64, leaves: &[LogLeaf], root: Digest) -> MirrorUpdate {
    let covered = first_index + leaves.len() as u64;
    let (origin, checkpoint) = (PEER_ORIGIN.to_owned(), format!("checkpoint {covered}"));
    let (leaves, footing) = (leaves.to_vec(), Footing::default());
    MirrorUpdate { origin, peer: peer(), first_index, leaves, root, checkpoint, cosigned: None, footing }
}

async fn state(store: &Store) -> String {
    format!("{:?}", store.list_logs().await.unwrap())
}

#[tokio::test]
async fn head_and_proofs_of_every_size_agree_with_the_leaves() {
    let (_directory, store) = fresh();
    let mut leaves = Vec::new();
    for index in 0..19_u64 {
        let text = format!("leaf {index}");
        let place = store.append_leaf(entry(&text)).await.unwrap();
        assert_eq!(place.index, index);
        leaves.push(LogLeaf { bytes: text.into_bytes(), message_id: None });
        let head = store.log_head(ORIGIN.to_owned()).await.unwrap().unwrap();
        assert_eq!((head.size, head.root), (index + 1, root(&leaves)));
    }
    for size in 1..=19_u64 {
        let head = TreeHead { size, root: root(&leaves[..size as usize]) };
        assert_eq!(store.root_at(ORIGIN.to_owned(), size).await.unwrap(), Some(head.root));
        for index in 0..size {
            let place = LeafPlace { origin: ORIGIN.to_owned(), index };
            let path = store.inclusion(place, size).await.unwrap().unwrap();
            let hash = leaf_hash(&leaves[index as usize].bytes);
            proof::verify_inclusion(&hash, index, &path, &head).unwrap();
        }
        let path = store.consistency(ORIGIN.to_owned(), size, 19).await.unwrap().unwrap();
        proof::verify_consistency(&head, &TreeHead { size: 19, root: root(&leaves) }, &path).unwrap();
    }
    assert_eq!(store.leaves(ORIGIN.to_owned(), 17, 10).await.unwrap(), leaves[17..]);
    assert_eq!(store.leaves(ORIGIN.to_owned(), 3, 2).await.unwrap(), leaves[3..5]);
}

#[tokio::test]
async fn nothing_is_proven_beyond_the_log_or_about_an_unknown_one() {
    let (_directory, store) = fresh();
    store.append_leaf(entry("only")).await.unwrap();
    let place = |origin: &str, index| LeafPlace { origin: origin.to_owned(), index };
    assert_eq!(store.inclusion(place(ORIGIN, 0), 2).await.unwrap(), None);
    assert_eq!(store.inclusion(place(ORIGIN, 1), 1).await.unwrap(), None);
    assert_eq!(store.inclusion(place("unknown", 0), 1).await.unwrap(), None);
    assert_eq!(store.consistency(ORIGIN.to_owned(), 1, 2).await.unwrap(), None);
    assert_eq!(store.consistency(ORIGIN.to_owned(), 1, 0).await.unwrap(), None);
    assert_eq!(store.root_at(ORIGIN.to_owned(), 2).await.unwrap(), None);
    assert_eq!(store.leaf(place(ORIGIN, 1)).await.unwrap(), None);
    assert_eq!(store.leaf(place("unknown", 0)).await.unwrap(), None);
    assert_eq!(store.log_head("unknown".to_owned()).await.unwrap(), None);
    assert_eq!(store.leaves("unknown".to_owned(), 0, 9).await.unwrap(), []);
}

#[tokio::test]
async fn checkpoints_never_move_to_a_smaller_size_or_beyond_the_log() {
    let (_directory, store) = fresh();
    for index in 0..3 {
        store.append_leaf(entry(&format!("leaf {index}"))).await.unwrap();
    }
    let checkpoint = |size, text: &str| Checkpoint { size, text: text.to_owned() };
    let save = async |checkpoint| store.save_checkpoint(ORIGIN.to_owned(), checkpoint).await.unwrap();
    assert_eq!(save(checkpoint(2, "two")).await, CheckpointKept::Kept);
    assert_eq!(save(checkpoint(1, "one")).await, CheckpointKept::Older { kept: 2 });
    assert_eq!(save(checkpoint(4, "four")).await, CheckpointKept::BeyondLog { size: 3 });
    assert_eq!(save(checkpoint(2, "two again")).await, CheckpointKept::Kept);
    let head = store.log_head(ORIGIN.to_owned()).await.unwrap().unwrap();
    assert_eq!(head.checkpoint, Some(checkpoint(2, "two again")));
    let unknown = store.save_checkpoint("unknown".to_owned(), checkpoint(0, "none")).await.unwrap();
    assert_eq!(unknown, CheckpointKept::UnknownLog);
}

#[tokio::test]
async fn every_size_keeps_the_first_cosignature_that_it_got_and_the_newest_moves_forward_only() {
    let (_directory, store) = fresh();
    let leaves: Vec<LogLeaf> = (0..3).map(|index| leaf(&format!("peer leaf {index}"))).collect();
    store.extend_mirror(update(0, &leaves, root(&leaves))).await.unwrap();
    let checkpoint = |size, text: &str| Checkpoint { size, text: text.to_owned() };
    let save = async |size, text: &str| {
        store.save_cosigned(PEER_ORIGIN.to_owned(), checkpoint(size, text)).await.unwrap()
    };
    for (size, text, kept) in [
        (2, "two\n", Some("two\n")),
        (1, "one\n", Some("one\n")),
        (1, "one at another time\n", Some("one\n")),
        (2, "two at another time\n", Some("two\n")),
        (1, "one\nand a line\n", Some("one\nand a line\n")),
        (4, "four\n", None),
    ] {
        assert_eq!(save(size, text).await.as_deref(), kept, "{text}");
    }
    let kept = store.cosigned_checkpoints(PEER_ORIGIN.to_owned()).await.unwrap();
    assert_eq!(kept, [checkpoint(1, "one\nand a line\n"), checkpoint(2, "two\n")]);
    let head = store.log_head(PEER_ORIGIN.to_owned()).await.unwrap().unwrap();
    assert_eq!(head.cosigned, Some(checkpoint(2, "two\n")));
    assert_eq!(store.save_cosigned("unknown".to_owned(), checkpoint(0, "none")).await.unwrap(), None);
}

#[tokio::test]
async fn a_mirror_grows_by_exactly_the_leaves_that_lead_to_the_stated_root() {
    let (_directory, store) = fresh();
    let leaves: Vec<LogLeaf> = (0..7).map(|index| leaf(&format!("peer leaf {index}"))).collect();
    let extend = async |first: usize, end: usize| {
        store
            .extend_mirror(update(first as u64, &leaves[first..end], root(&leaves[..end])))
            .await
            .unwrap()
            .extension
    };
    assert_eq!(extend(1, 2).await, Extension::Gap { have: 0 });
    assert_eq!(extend(0, 0).await, Extension::AlreadyHeld { size: 0 });
    assert_eq!(store.list_logs().await.unwrap(), [], "a refused update leaves no log behind");
    assert_eq!(extend(0, 3).await, Extension::Extended { size: 3 });
    assert_eq!(extend(0, 2).await, Extension::AlreadyHeld { size: 3 });
    assert_eq!(extend(4, 5).await, Extension::Gap { have: 3 });
    assert_eq!(extend(1, 7).await, Extension::Extended { size: 7 });
    let [head] = store.list_logs().await.unwrap().try_into().unwrap();
    assert_eq!((head.mirror, head.size, head.root), (true, 7, root(&leaves)));
    let checkpoint = Checkpoint { size: 7, text: "checkpoint 7".to_owned() };
    assert_eq!(head.checkpoint, Some(checkpoint));
}

#[tokio::test]
async fn leaves_that_do_not_lead_to_the_root_or_differ_from_held_ones_change_nothing() {
    let (_directory, store) = fresh();
    let leaves: Vec<LogLeaf> = (0..6).map(|index| leaf(&format!("peer leaf {index}"))).collect();
    store.extend_mirror(update(0, &leaves[..4], root(&leaves[..4]))).await.unwrap();
    let before = state(&store).await;

    let refused = [
        update(4, &leaves[4..], root(&leaves[..5])),
        update(4, &[leaf("forged"), leaf("forged")], root(&leaves)),
        update(3, &[leaf("rewritten"), leaves[4].clone()], root(&leaves[..5])),
        update(0, &[leaf("rewritten")], root(&leaves[..1])),
        update(2, &[], root(&leaves[..3])),
    ];
    for update in refused {
        assert_eq!(store.extend_mirror(update).await.unwrap().extension, Extension::RootMismatch);
        assert_eq!(state(&store).await, before);
    }
    assert_eq!(store.find_leaf(leaves[4].message_id.unwrap()).await.unwrap(), []);
    assert_eq!(store.verify().await.unwrap().leaves, 4);
    store.extend_mirror(update(4, &leaves[4..], root(&leaves))).await.unwrap();
    assert_eq!(store.verify().await.unwrap().damages, Vec::<String>::new());
}

#[tokio::test]
async fn a_message_is_found_in_our_log_first_and_then_in_the_mirror() {
    let (_directory, store) = fresh();
    let message = Line::on("ch-1").next();
    let mirrored = [LogLeaf { bytes: b"theirs".to_vec(), message_id: Some(message.message_id) }];
    store.extend_mirror(update(0, &mirrored, root(&mirrored))).await.unwrap();
    let place = taken(store.take_custody(message.clone()).await.unwrap());
    let found = store.find_leaf(message.message_id).await.unwrap();
    let places: Vec<_> = found.iter().map(|leaf| (leaf.place.origin.as_str(), leaf.mirror)).collect();
    assert_eq!(places, [(ORIGIN, false), (PEER_ORIGIN, true)]);
    assert_eq!(found[0].place, place);
    // Administrative leaves concern no message and are found by none.
    store.append_leaf(entry("administrative")).await.unwrap();
    assert_eq!(store.find_leaf(Digest::from_bytes([0; 32])).await.unwrap(), []);
    // A mirror never becomes a log of ours.
    let mut own = entry("own");
    own.origin = PEER_ORIGIN.to_owned();
    assert_eq!(store.append_leaf(own).await.unwrap_err().reason(), "STORE_MISUSE");
}

#[tokio::test]
async fn a_mirror_takes_so_many_leaves_beyond_those_of_messages_and_no_more() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path(), Bounds { mirror: 5, ..bounds() }, NOW).unwrap();
    let leaves: Vec<LogLeaf> = (0..20).map(|index| leaf(&format!("peer leaf {index}"))).collect();
    let extend = async |first: usize, end: usize| {
        let update = update(first as u64, &leaves[first..end], root(&leaves[..end]));
        store.extend_mirror(update).await.unwrap().extension
    };
    assert_eq!(extend(0, 6).await, Extension::OverQuota);
    assert_eq!(store.list_logs().await.unwrap(), [], "a refused update leaves no log behind");
    assert_eq!(extend(0, 5).await, Extension::Extended { size: 5 });
    let held = state(&store).await;
    assert_eq!(extend(5, 6).await, Extension::OverQuota);
    assert_eq!(extend(3, 6).await, Extension::OverQuota);
    assert_eq!(state(&store).await, held);
    assert_eq!(extend(0, 5).await, Extension::AlreadyHeld { size: 5 }, "what is held is shown again");
    // Another year's log is no way round it.
    let other =
        MirrorUpdate { origin: format!("{PEER_ORIGIN}9"), ..update(0, &leaves[..1], root(&leaves[..1])) };
    assert_eq!(store.extend_mirror(other).await.unwrap().extension, Extension::OverQuota);
    // Every message, whoever sent it, accounts for two.
    taken(store.receive(Line::on("ch-1").next()).await.unwrap());
    assert_eq!(extend(5, 7).await, Extension::Extended { size: 7 });
    assert_eq!(extend(7, 8).await, Extension::OverQuota);
    taken(store.take_custody(Line::on("ch-1").next()).await.unwrap());
    assert_eq!(extend(7, 9).await, Extension::Extended { size: 9 });
}
