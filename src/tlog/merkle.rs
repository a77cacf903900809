//! The Merkle tree of RFC 6962: leaves enter, a root hash leaves.
//!
//! A tree of any size is a row of complete subtrees of falling height. Only the hashes of complete subtrees
//! ("nodes") are ever stored: they never change again, so a store of nodes is append-only. Node `index` on
//! `level` covers the `2^level` leaves that begin at leaf `index * 2^level`; level 0 holds the leaf hashes.

use crate::digest::Digest;

/// Hash of a leaf's exact bytes.
pub fn leaf_hash(leaf: &[u8]) -> Digest {
    Digest::of_parts(&[&[0x00], leaf])
}

/// Hash of the subtree that joins two others.
pub fn node_hash(left: &Digest, right: &Digest) -> Digest {
    Digest::of_parts(&[&[0x01], left.as_bytes(), right.as_bytes()])
}

/// Root of the tree without leaves.
pub fn empty_root() -> Digest {
    Digest::of(&[])
}

/// Size and root hash: everything that a checkpoint says about a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TreeHead {
    /// Number of leaves.
    pub size: u64,
    /// Root hash over them.
    pub root: Digest,
}

/// A complete subtree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Node {
    /// Height: the subtree has `2^level` leaves.
    pub level: u8,
    /// Number of subtrees of the same height to the left.
    pub index: u64,
    /// Its hash.
    pub hash: Digest,
}

/// Reads hashes of complete subtrees (port).
pub trait NodeReader {
    /// The hash of node `index` on `level`, or nothing if that subtree is incomplete or could not be read.
    fn node(&self, level: u8, index: u64) -> Option<Digest>;
}

/// The nodes that one more leaf completes, the leaf itself first. The caller stores them all before it
/// appends the next leaf. Nothing is returned if an earlier node is missing.
pub fn append(size: u64, leaf_hash: Digest, reader: &dyn NodeReader) -> Option<Vec<Node>> {
    size.checked_add(1)?;
    let mut node = Node { level: 0, index: size, hash: leaf_hash };
    let mut completed = vec![node];
    // An odd index is a right child: its parent is complete now.
    while node.index & 1 == 1 {
        let left = reader.node(node.level, node.index - 1)?;
        node = Node { level: node.level + 1, index: node.index >> 1, hash: node_hash(&left, &node.hash) };
        completed.push(node);
    }
    Some(completed)
}

/// Root hash of the first `size` leaves; nothing is returned if a node is missing.
pub fn root(size: u64, reader: &dyn NodeReader) -> Option<Digest> {
    if size == 0 { Some(empty_root()) } else { range_hash(0, size, reader) }
}

/// Hash of the leaves from `low` up to, not including, `high`, as RFC 6962 splits a tree: `low` is a
/// multiple of the smallest power of two that is not below the length, which must not be zero.
pub(super) fn range_hash(low: u64, high: u64, reader: &dyn NodeReader) -> Option<Digest> {
    let length = high.checked_sub(low)?;
    let mut hash: Option<Digest> = None;
    let mut rest = length;
    // Each bit of the length is a complete subtree; the lowest bit is the rightmost subtree.
    while rest != 0 {
        let level = rest.trailing_zeros();
        rest &= rest - 1;
        let left = reader.node(u8::try_from(level).ok()?, (low >> level) + (length >> level) - 1)?;
        hash = Some(hash.map_or(left, |right| node_hash(&left, &right)));
    }
    hash
}

/// A tree in memory, for those who check a log from its leaves: mirrors and readers of evidence.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    levels: Vec<Vec<Digest>>,
}

impl Tree {
    /// A tree without leaves.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the hash of the next leaf.
    pub fn push(&mut self, leaf_hash: Digest) {
        let mut hash = leaf_hash;
        for level in 0..=64 {
            if self.levels.len() == level {
                self.levels.push(Vec::new());
            }
            let Some(nodes) = self.levels.get_mut(level) else { return };
            nodes.push(hash);
            match nodes.as_slice() {
                [.., left, right] if nodes.len() % 2 == 0 => hash = node_hash(left, right),
                _ => return,
            }
        }
    }

    /// Number of leaves.
    pub fn size(&self) -> u64 {
        self.levels.first().map_or(0, |leaves| leaves.len() as u64)
    }

    /// Root hash over all leaves.
    pub fn root(&self) -> Digest {
        // The last node of a level is no part of a higher one exactly if their number is odd.
        let rightmost =
            self.levels.iter().filter(|nodes| nodes.len() % 2 == 1).filter_map(|nodes| nodes.last());
        rightmost.copied().reduce(|right, left| node_hash(&left, &right)).unwrap_or_else(empty_root)
    }

    /// Size and root hash.
    pub fn head(&self) -> TreeHead {
        TreeHead { size: self.size(), root: self.root() }
    }
}

impl NodeReader for Tree {
    fn node(&self, level: u8, index: u64) -> Option<Digest> {
        self.levels.get(usize::from(level))?.get(usize::try_from(index).ok()?).copied()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// The eight leaves of the Certificate Transparency reference tests.
    const LEAVES: [&[u8]; 8] = [
        b"",
        b"\x00",
        b"\x10",
        b"\x20\x21",
        b"\x30\x31",
        b"\x40\x41\x42\x43",
        b"\x50\x51\x52\x53\x54\x55\x56\x57",
        b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
    ];

    /// Their roots for the sizes 0 to 8.
    const ROOTS: [&str; 9] = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];

    #[derive(Default)]
    struct Store(BTreeMap<(u8, u64), Digest>);

    impl NodeReader for Store {
        fn node(&self, level: u8, index: u64) -> Option<Digest> {
            self.0.get(&(level, index)).copied()
        }
    }

    /// The definition of RFC 6962 section 2.1, as it stands there.
    fn defined_root(leaves: &[Digest]) -> Digest {
        match leaves {
            [] => empty_root(),
            [leaf] => *leaf,
            _ => {
                let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
                node_hash(&defined_root(left), &defined_root(right))
            }
        }
    }

    #[test]
    fn the_roots_of_the_reference_leaves_are_the_published_ones() {
        let mut tree = Tree::new();
        assert_eq!(tree.root().hex(), ROOTS[0]);
        for (leaf, expected) in LEAVES.iter().zip(&ROOTS[1..]) {
            tree.push(leaf_hash(leaf));
            assert_eq!(tree.root().hex(), *expected);
        }
    }

    #[test]
    fn the_tree_and_an_append_only_store_follow_the_definition_at_every_size() {
        let (mut tree, mut store, mut leaves) = (Tree::new(), Store::default(), Vec::new());
        for size in 0..=300u64 {
            assert_eq!(tree.head(), TreeHead { size, root: defined_root(&leaves) });
            assert_eq!(root(size, &store), Some(tree.root()));
            let leaf = leaf_hash(&size.to_be_bytes());
            for node in append(size, leaf, &store).unwrap() {
                assert!(
                    store.0.insert((node.level, node.index), node.hash).is_none(),
                    "a node was rewritten"
                );
            }
            tree.push(leaf);
            leaves.push(leaf);
        }
        for ((level, index), hash) in &store.0 {
            assert_eq!(tree.node(*level, *index), Some(*hash));
        }
    }

    #[test]
    fn an_old_root_can_be_had_from_a_larger_tree() {
        let mut tree = Tree::new();
        let mut roots = vec![tree.root()];
        for number in 0..130u64 {
            tree.push(leaf_hash(&number.to_be_bytes()));
            roots.push(tree.root());
        }
        for (size, expected) in roots.iter().enumerate() {
            assert_eq!(root(size as u64, &tree), Some(*expected));
        }
    }

    #[test]
    fn a_missing_node_gives_nothing_rather_than_a_wrong_hash() {
        let mut tree = Tree::new();
        (0..6u64).for_each(|number| tree.push(leaf_hash(&number.to_be_bytes())));
        assert_eq!(root(7, &tree), None);
        assert_eq!(append(7, leaf_hash(b""), &tree), None);
        assert_eq!(append(u64::MAX, leaf_hash(b""), &tree), None);
    }
}
