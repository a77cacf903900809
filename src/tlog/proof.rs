//! Inclusion and consistency proofs of RFC 6962: nodes enter, a short list of hashes leaves, and whoever
//! holds two tree heads checks it without the log.

use crate::digest::Digest;

use super::merkle::{NodeReader, TreeHead, empty_root, node_hash, range_hash};

/// Why a proof proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofRefused {
    /// The entry is not in a tree of that size.
    #[error("entry {index} lies beyond the log's {size} entries")]
    Beyond {
        /// Index of the entry.
        index: u64,
        /// Size of the tree.
        size: u64,
    },
    /// The later tree is the smaller one.
    #[error("the log shrank from {old} to {new} entries")]
    Shrunk {
        /// Size of the earlier tree.
        old: u64,
        /// Size of the later tree.
        new: u64,
    },
    /// Too many or too few hashes for the sizes.
    #[error("the proof has {hashes} hashes, which does not fit the size of the tree")]
    Length {
        /// Hashes it has.
        hashes: usize,
    },
    /// The hashes lead to another root than the tree head states.
    #[error("the proof leads to another root hash")]
    Root,
}

impl ProofRefused {
    /// Stable code of the refusal.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Beyond { .. } => "LOG_PROOF_BEYOND",
            Self::Shrunk { .. } => "LOG_SHRUNK",
            Self::Length { .. } => "LOG_PROOF_LENGTH",
            Self::Root => "LOG_PROOF_ROOT",
        }
    }
}

/// Proof that leaf `index` is in the tree of the first `size` leaves: its sibling first, the root's child
/// last. Nothing is returned if there is no such leaf or a node is missing.
pub fn prove_inclusion(index: u64, size: u64, reader: &dyn NodeReader) -> Option<Vec<Digest>> {
    if index >= size {
        return None;
    }
    let (mut low, mut high) = (0, size);
    let mut path = Vec::new();
    while high - low > 1 {
        let middle = low + left_length(high - low);
        if index < middle {
            path.push(range_hash(middle, high, reader)?);
            high = middle;
        } else {
            path.push(range_hash(low, middle, reader)?);
            low = middle;
        }
    }
    path.reverse();
    Some(path)
}

/// Proof that the tree of `old` leaves is the beginning of the tree of `new` leaves; empty if `old` is zero
/// or the same. Nothing is returned if the log shrank or a node is missing.
pub fn prove_consistency(old: u64, new: u64, reader: &dyn NodeReader) -> Option<Vec<Digest>> {
    if old > new {
        return None;
    }
    if old == 0 {
        return Some(Vec::new());
    }
    let (mut low, mut high) = (0, new);
    let mut path = Vec::new();
    while high != old {
        let middle = low + left_length(high - low);
        if old <= middle {
            path.push(range_hash(middle, high, reader)?);
            high = middle;
        } else {
            path.push(range_hash(low, middle, reader)?);
            low = middle;
        }
    }
    // If the old tree is one complete subtree, its root is known to the verifier and left out.
    if low > 0 {
        path.push(range_hash(low, high, reader)?);
    }
    path.reverse();
    Some(path)
}

/// Checks that the leaf with this hash is entry `index` of the tree `head`.
pub fn verify_inclusion(
    leaf_hash: &Digest,
    index: u64,
    path: &[Digest],
    head: &TreeHead,
) -> Result<(), ProofRefused> {
    if index >= head.size {
        return Err(ProofRefused::Beyond { index, size: head.size });
    }
    let mut climb = Climb { position: index, last: head.size - 1 };
    let mut hash = *leaf_hash;
    for sibling in path {
        hash = match climb.step().ok_or(ProofRefused::Length { hashes: path.len() })? {
            Side::Left => node_hash(sibling, &hash),
            Side::Right => node_hash(&hash, sibling),
        };
    }
    climb.finish(path)?;
    if hash == head.root { Ok(()) } else { Err(ProofRefused::Root) }
}

/// Checks that the log only grew from `old` to `new`.
pub fn verify_consistency(old: &TreeHead, new: &TreeHead, path: &[Digest]) -> Result<(), ProofRefused> {
    if old.size > new.size {
        return Err(ProofRefused::Shrunk { old: old.size, new: new.size });
    }
    if old.size == 0 || old.size == new.size {
        // Nothing needs proof, but the roots must still be what they say.
        return match path {
            [_, ..] => Err(ProofRefused::Length { hashes: path.len() }),
            [] if old.size == new.size && old.root != new.root => Err(ProofRefused::Root),
            [] if old.size == 0 && old.root != empty_root() => Err(ProofRefused::Root),
            [] => Ok(()),
        };
    }
    let (seed, rest) = if old.size.is_power_of_two() {
        (old.root, path)
    } else {
        let (first, rest) = path.split_first().ok_or(ProofRefused::Length { hashes: 0 })?;
        (*first, rest)
    };
    // Begin at the last complete subtree of the old tree.
    let shift = (old.size - 1).trailing_ones();
    let mut climb = Climb { position: (old.size - 1) >> shift, last: (new.size - 1) >> shift };
    let (mut old_hash, mut new_hash) = (seed, seed);
    for sibling in rest {
        match climb.step().ok_or(ProofRefused::Length { hashes: path.len() })? {
            Side::Left => {
                old_hash = node_hash(sibling, &old_hash);
                new_hash = node_hash(sibling, &new_hash);
            }
            Side::Right => new_hash = node_hash(&new_hash, sibling),
        }
    }
    climb.finish(path)?;
    if old_hash == old.root && new_hash == new.root { Ok(()) } else { Err(ProofRefused::Root) }
}

/// Length of the left part of a tree of `length` leaves, at least two: the largest power of two below it.
fn left_length(length: u64) -> u64 {
    1 << (length - 1).ilog2()
}

/// The way from a node up to the root of a tree that need not be complete (RFC 9162 section 2.1.3.2).
struct Climb {
    position: u64,
    last: u64,
}

/// On which side of our node its sibling stands.
enum Side {
    Left,
    Right,
}

impl Climb {
    /// Takes the next sibling and goes one level up; nothing if the root is reached already.
    fn step(&mut self) -> Option<Side> {
        if self.last == 0 {
            return None;
        }
        let is_right_child = self.position & 1 == 1;
        let side = if is_right_child || self.position == self.last {
            // The last node of a row without a sibling rises unchanged until it is a right child.
            while self.position & 1 == 0 && self.position != 0 {
                self.up();
            }
            Side::Left
        } else {
            Side::Right
        };
        self.up();
        Some(side)
    }

    fn up(&mut self) {
        self.position >>= 1;
        self.last >>= 1;
    }

    fn finish(&self, path: &[Digest]) -> Result<(), ProofRefused> {
        if self.last == 0 { Ok(()) } else { Err(ProofRefused::Length { hashes: path.len() }) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::merkle::{Tree, leaf_hash, root};
    use super::*;

    const SIZE: u64 = 130;

    fn tree() -> Tree {
        let mut tree = Tree::new();
        (0..SIZE).for_each(|number| tree.push(leaf_hash(&number.to_be_bytes())));
        tree
    }

    fn head(size: u64, tree: &Tree) -> TreeHead {
        TreeHead { size, root: root(size, tree).unwrap() }
    }

    #[test]
    fn every_leaf_of_every_tree_is_proven_and_only_at_its_place() {
        let tree = tree();
        for size in 1..=SIZE {
            let head = head(size, &tree);
            for index in 0..size {
                let path = prove_inclusion(index, size, &tree).unwrap();
                let leaf = leaf_hash(&index.to_be_bytes());
                assert_eq!(verify_inclusion(&leaf, index, &path, &head), Ok(()));
                let other = leaf_hash(&SIZE.to_be_bytes());
                assert_eq!(verify_inclusion(&other, index, &path, &head), Err(ProofRefused::Root));
                // All places in small trees, the neighbours in large ones.
                let near = if size <= 40 { 0..size + 2 } else { index.saturating_sub(2)..index + 3 };
                for wrong in near.filter(|wrong| *wrong != index) {
                    assert!(
                        verify_inclusion(&leaf, wrong, &path, &head).is_err(),
                        "{index} as {wrong} of {size}"
                    );
                }
            }
        }
    }

    #[test]
    fn every_tree_is_proven_to_begin_every_larger_one() {
        let tree = tree();
        for new in 0..=SIZE {
            let after = head(new, &tree);
            for old in 0..=new {
                let before = head(old, &tree);
                let path = prove_consistency(old, new, &tree).unwrap();
                assert_eq!(verify_consistency(&before, &after, &path), Ok(()), "{old} to {new}");
                let forked = TreeHead { size: old, root: leaf_hash(b"fork") };
                assert_eq!(verify_consistency(&forked, &after, &path), Err(ProofRefused::Root));
                if old > 0 {
                    let forked = TreeHead { size: new, root: leaf_hash(b"fork") };
                    assert_eq!(verify_consistency(&before, &forked, &path), Err(ProofRefused::Root));
                }
            }
        }
    }

    #[test]
    fn a_changed_shortened_or_lengthened_proof_is_refused() {
        let tree = tree();
        let head_of = |size| head(size, &tree);
        for (index, size) in [(0, 1), (5, 7), (63, 64), (64, 65), (77, 130), (129, 130)] {
            let path = prove_inclusion(index, size, &tree).unwrap();
            let leaf = leaf_hash(&index.to_be_bytes());
            each_damage(&path, |damaged| {
                assert!(verify_inclusion(&leaf, index, damaged, &head_of(size)).is_err());
            });
        }
        for (old, new) in [(0, 9), (1, 2), (5, 7), (64, 64), (64, 65), (77, 130), (128, 130)] {
            let path = prove_consistency(old, new, &tree).unwrap();
            each_damage(&path, |damaged| {
                assert!(verify_consistency(&head_of(old), &head_of(new), damaged).is_err());
            });
        }
    }

    fn each_damage(path: &[Digest], check: impl Fn(&[Digest])) {
        for place in 0..path.len() {
            for bit in 0..256 {
                let mut damaged = path.to_vec();
                let mut bytes = *damaged[place].as_bytes();
                bytes[bit / 8] ^= 1 << (bit % 8);
                damaged[place] = Digest::from_bytes(bytes);
                check(&damaged);
            }
            check(&path[..place]);
            check(&path[place + 1..]);
        }
        let mut longer = path.to_vec();
        longer.push(leaf_hash(b""));
        check(&longer);
    }

    #[test]
    fn what_is_not_in_the_tree_cannot_be_proven() {
        let tree = tree();
        assert_eq!(prove_inclusion(5, 5, &tree), None);
        assert_eq!(prove_inclusion(0, SIZE + 1, &tree), None);
        assert_eq!(prove_consistency(6, 5, &tree), None);
        let (small, large) = (head(5, &tree), head(6, &tree));
        assert_eq!(
            verify_inclusion(&leaf_hash(b""), 5, &[], &small),
            Err(ProofRefused::Beyond { index: 5, size: 5 })
        );
        assert_eq!(verify_consistency(&large, &small, &[]), Err(ProofRefused::Shrunk { old: 6, new: 5 }));
    }

    #[test]
    fn the_largest_sizes_neither_overflow_nor_pass() {
        let head = TreeHead { size: u64::MAX, root: empty_root() };
        let path = [empty_root(); crate::limits::PATH_HASHES_MAX];
        assert_eq!(
            verify_inclusion(&empty_root(), u64::MAX - 1, &path, &head).unwrap_err().reason(),
            "LOG_PROOF_LENGTH"
        );
        let old = TreeHead { size: u64::MAX - 1, root: empty_root() };
        assert!(verify_consistency(&old, &head, &path).is_err());
    }
}
