//! Checkpoints of peers that were believed a moment ago.
//!
//! All receipts of a batch stand under one checkpoint: its signature is verified once, and cosigned once. What
//! is remembered holds for the very text, for the peer it came from and for the accreditation that was in force;
//! another text, peer or accreditation goes the long way.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::digest::Digest;
use crate::gateway::accreditation::Accreditation;
use crate::gateway::store::record::Ground;
use crate::limits::BELIEFS_MAX;
use crate::tlog::checkpoint::Checkpoint;
use crate::tlog::signed_note::Note;
use crate::trust::name::Ministry;

/// The last few checkpoints that were believed, and the last few of ours.
#[derive(Default)]
pub(super) struct Beliefs {
    believed: Mutex<VecDeque<Belief>>,
    signed: Mutex<VecDeque<Signed>>,
}

/// A checkpoint of an own log: Ed25519 is deterministic, so the same is not signed twice.
struct Signed {
    origin: String,
    size: u64,
    root: Digest,
    /// With which key: the next one signs anew.
    by: [u8; 32],
    text: String,
}

struct Belief {
    peer: Ministry,
    text: String,
    /// By whose keys.
    by: Arc<Accreditation>,
    checkpoint: Checkpoint,
    note: Note,
    /// With our cosignature, once leaves that lead to it are on their way into the mirror.
    countersigned: Option<Countersigned>,
}

/// A checkpoint with our cosignature, which counts as far as the mirror bears it out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Countersigned {
    /// With our line.
    pub(super) note: Note,
    /// What must be kept of it when something is settled on it.
    pub(super) ground: Ground,
}

impl Beliefs {
    /// What this text was when it was believed.
    pub(super) fn recall(
        &self,
        peer: &Ministry,
        text: &str,
        by: &Arc<Accreditation>,
    ) -> Option<(Checkpoint, Note)> {
        self.with(peer, text, by, |belief| (belief.checkpoint.clone(), belief.note.clone()))
    }

    /// This text with our cosignature, if it was cosigned.
    pub(super) fn countersigned(
        &self,
        peer: &Ministry,
        text: &str,
        by: &Arc<Accreditation>,
    ) -> Option<Countersigned> {
        self.with(peer, text, by, |belief| belief.countersigned.clone())?
    }

    /// A text was believed.
    pub(super) fn remember(
        &self,
        peer: &Ministry,
        text: &str,
        by: Arc<Accreditation>,
        (checkpoint, note): (Checkpoint, Note),
    ) {
        let mut beliefs = self.beliefs();
        if beliefs.len() >= BELIEFS_MAX {
            beliefs.pop_front();
        }
        let (peer, text) = (peer.clone(), text.to_owned());
        beliefs.push_back(Belief { peer, text, by, checkpoint, note, countersigned: None });
    }

    /// A text that was believed was cosigned.
    pub(super) fn note_countersigned(
        &self,
        peer: &Ministry,
        text: &str,
        by: &Arc<Accreditation>,
        countersigned: Countersigned,
    ) {
        self.with(peer, text, by, |belief| belief.countersigned = Some(countersigned));
    }

    fn with<T>(
        &self,
        peer: &Ministry,
        text: &str,
        by: &Arc<Accreditation>,
        look: impl FnOnce(&mut Belief) -> T,
    ) -> Option<T> {
        let mut beliefs = self.beliefs();
        let found = beliefs
            .iter_mut()
            .rev()
            .find(|belief| belief.text == text && belief.peer == *peer && Arc::ptr_eq(&belief.by, by));
        found.map(look)
    }

    fn beliefs(&self) -> MutexGuard<'_, VecDeque<Belief>> {
        self.believed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A checkpoint of an own log was signed.
    pub(super) fn note_signed(&self, origin: &str, size: u64, root: Digest, by: [u8; 32], text: &str) {
        let mut signed = self.own();
        if signed.len() >= BELIEFS_MAX {
            signed.pop_front();
        }
        signed.push_back(Signed { origin: origin.to_owned(), size, root, by, text: text.to_owned() });
    }

    /// The checkpoint of an own log that was signed at this size a moment ago.
    pub(super) fn signed(&self, origin: &str, size: u64) -> Option<String> {
        let signed = self.own();
        let found = signed.iter().rev().find(|signed| signed.size == size && signed.origin == origin);
        found.map(|signed| signed.text.clone())
    }

    /// The same where it has this root, under this key.
    pub(super) fn signed_with(&self, origin: &str, size: u64, root: &Digest, by: [u8; 32]) -> Option<String> {
        let signed = self.own();
        let same = |signed: &&Signed| {
            signed.size == size && signed.root == *root && signed.by == by && signed.origin == origin
        };
        signed.iter().rev().find(same).map(|signed| signed.text.clone())
    }

    fn own(&self) -> MutexGuard<'_, VecDeque<Signed>> {
        self.signed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Beliefs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Beliefs")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::digest::Digest;
    use crate::tlog::signed_note::NoteSigner;
    use crate::tlog::verifier_key::KeyName;
    use crate::trust::policy::{ChannelPolicy, SignedPolicy};
    use crate::trust::testing::{NOW, TestMinistry};

    fn accreditation(own: &TestMinistry) -> Arc<Accreditation> {
        let policy =
            ChannelPolicy::new(own.ministry.clone(), 1, NOW, BTreeMap::new(), BTreeMap::new()).unwrap();
        let policy = SignedPolicy::issue(policy, &own.registry(), NOW).unwrap().to_bytes();
        let (root, bundle) = (Digest::of(own.root.der()), own.bundle().to_bytes());
        Arc::new(Accreditation::assemble(&own.ministry, &root, &bundle, &policy, &[], NOW).unwrap())
    }

    /// Signs anything: what is remembered is not verified again.
    #[derive(Debug)]
    struct Scribble;

    impl NoteSigner for Scribble {
        fn public_key(&self) -> [u8; 32] {
            [1; 32]
        }

        fn sign(&self, _: &[u8]) -> [u8; 64] {
            [2; 64]
        }
    }

    fn checkpoint(size: u64) -> (String, (Checkpoint, Note)) {
        let origin = KeyName::parse("mfa.xb.example/chancery/xa/2026").unwrap();
        let checkpoint = Checkpoint { origin, size, root: Digest::of(b"root") };
        let text = checkpoint.sign(&Scribble);
        let note = Note::parse(&text).unwrap();
        (text, (checkpoint, note))
    }

    #[test]
    fn what_was_believed_counts_for_the_same_text_peer_and_accreditation_only() {
        let (xa, xb, xc) = (TestMinistry::new("XA"), TestMinistry::new("XB"), TestMinistry::new("XC"));
        let (now, later) = (accreditation(&xa), accreditation(&xa));
        let (text, believed) = checkpoint(7);
        let (other, _) = checkpoint(8);
        let beliefs = Beliefs::default();
        assert!(beliefs.recall(&xb.ministry, &text, &now).is_none());
        beliefs.remember(&xb.ministry, &text, now.clone(), believed.clone());
        assert_eq!(beliefs.recall(&xb.ministry, &text, &now), Some(believed.clone()));
        assert!(beliefs.recall(&xb.ministry, &other, &now).is_none());
        assert!(beliefs.recall(&xc.ministry, &text, &now).is_none());
        // The same policy accredited again is another accreditation: keys may have gone.
        assert!(beliefs.recall(&xb.ministry, &text, &later).is_none());
        assert!(beliefs.countersigned(&xb.ministry, &text, &now).is_none());
        let ground = Ground {
            origin: believed.0.origin.as_str().to_owned(),
            size: 7,
            root: believed.0.root,
            cosigned: text.clone(),
        };
        let countersigned = Countersigned { note: believed.1, ground };
        beliefs.note_countersigned(&xb.ministry, &text, &now, countersigned.clone());
        assert_eq!(beliefs.countersigned(&xb.ministry, &text, &now), Some(countersigned));
        assert!(beliefs.countersigned(&xb.ministry, &text, &later).is_none());
    }

    #[test]
    fn only_so_many_are_remembered_and_the_oldest_go_first() {
        let xa = TestMinistry::new("XA");
        let by = accreditation(&xa);
        let beliefs = Beliefs::default();
        let (text, believed) = checkpoint(1);
        for number in 0..=BELIEFS_MAX {
            beliefs.remember(&xa.ministry, &format!("{number} {text}"), by.clone(), believed.clone());
        }
        assert_eq!(beliefs.beliefs().len(), BELIEFS_MAX);
        assert!(beliefs.recall(&xa.ministry, &format!("0 {text}"), &by).is_none());
        assert!(beliefs.recall(&xa.ministry, &format!("{BELIEFS_MAX} {text}"), &by).is_some());
    }
}
