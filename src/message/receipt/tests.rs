//! The bounds of leaves and receipts: what is exactly at one is taken, what is one beyond it is refused.

use super::*;
use crate::digest::Digest;
use crate::limits::{LEAF_BYTES_MAX, LOG_PROOF_BYTES_MAX, RECEIPT_BYTES_MAX};
use crate::message::id::MessageId;
use crate::message::leaf::LeafKind;
use crate::time::Timestamp;
use crate::tlog::signed_note::Note;

/// A leaf whose reason makes it exactly this long.
fn leaf(length: usize) -> Vec<u8> {
    let message = LeafMessage {
        id: MessageId::of_header(b"header"),
        envelope: Digest::of(b"e"),
        parts: Digest::of(b"p"),
    };
    let of_reason = |count: usize| {
        Leaf::about(LeafKind::Rejected, message, &"X".repeat(count), Timestamp::from_seconds(1)).bytes()
    };
    let other = of_reason(500).len() - 500;
    of_reason(length - other)
}

/// A proof of exactly this many bytes: its extra data is long, and the name of the signer takes up what is left.
fn proof(length: usize) -> TlogProof {
    for letters in 1..9 {
        let note = format!("log\n1\nAAAA\n\n\u{2014} {} AAAAAAA=\n", "k".repeat(letters));
        let checkpoint = Note::parse(&note).unwrap();
        let of_extra = |bytes: usize| TlogProof {
            extra: vec![1; bytes],
            index: 0,
            path: vec![Digest::of(b"path"); 64],
            checkpoint: checkpoint.clone(),
        };
        let shortest = of_extra(3).to_string().len();
        let found = of_extra(3 + (length - shortest) / 4 * 3);
        if found.to_string().len() == length {
            return found;
        }
    }
    panic!("no proof has {length} bytes");
}

fn reason<T>(parsed: Result<T, Refusal>) -> Option<Reason> {
    parsed.err().map(|refusal| refusal.reason())
}

#[test]
fn a_leaf_has_at_most_so_many_bytes() {
    let (most, beyond) = (leaf(LEAF_BYTES_MAX), leaf(LEAF_BYTES_MAX + 1));
    assert_eq!((most.len(), reason(Leaf::parse(&most))), (LEAF_BYTES_MAX, None));
    assert_eq!((beyond.len(), reason(Leaf::parse(&beyond))), (LEAF_BYTES_MAX + 1, Some(Reason::TooLarge)));
}

#[test]
fn a_receipt_holds_the_longest_leaf_and_the_longest_proof_and_nothing_longer() {
    let record = |leaf: Vec<u8>, proof: String| wire::Receipt { leaf, proof }.encode_to_vec();
    let most = record(leaf(LEAF_BYTES_MAX), proof(LOG_PROOF_BYTES_MAX).to_string());
    assert!(most.len() <= RECEIPT_BYTES_MAX);
    let receipt = Receipt::parse(&most).unwrap();
    assert_eq!(receipt.encode(), most);
    let long_leaf = record(leaf(LEAF_BYTES_MAX + 1), proof(LOG_PROOF_BYTES_MAX).to_string());
    assert_eq!(reason(Receipt::parse(&long_leaf)), Some(Reason::TooLarge));
    let long_proof = record(leaf(LEAF_BYTES_MAX), proof(LOG_PROOF_BYTES_MAX + 1).to_string());
    assert_eq!(reason(Receipt::parse(&long_proof)), Some(Reason::ProofInvalid));
    // Bytes over the bound of a whole receipt are not decoded at all.
    assert_eq!(reason(Receipt::parse(&vec![0; RECEIPT_BYTES_MAX])), Some(Reason::Malformed));
    assert_eq!(reason(Receipt::parse(&vec![0; RECEIPT_BYTES_MAX + 1])), Some(Reason::TooLarge));
}
