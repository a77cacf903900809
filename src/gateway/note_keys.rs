//! The keys with which a gateway signs its logs and cosigns those of peers, how they change while it runs, and who
//! would believe the next ones.
//!
//! Files enter; the keys in use leave, both together. The gateway signs with a key only while the own bundle in force
//! names it: whoever accredits by an older bundle could believe nothing that it signed. What must never happen: that
//! a key which peers do not know yet takes the place of one that they know.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use crate::digest::Digest;
use crate::gateway::Gateway;
use crate::gateway::accreditation::Accreditation;
use crate::gateway::archive::key_name;
use crate::gateway::config::Config;
use crate::gateway::error::Fault;
use crate::gateway::store::record::{KEY_ALARM, RecordKind};
use crate::keys::KeyError;
use crate::keys::file::FileNoteSigner;
use crate::limits;
use crate::message::leaf::{Leaf, LeafKind};
use crate::tlog::signed_note::NoteSigner;
use crate::tlog::verifier_key::{KeyKind, KeyName, VerifierKey};
use crate::trust::bundle::SignedBundle;
use crate::trust::name::Ministry;

/// The keys in use.
pub(super) struct NoteKeys {
    pub(super) log: Arc<dyn NoteSigner>,
    pub(super) cosigner: Arc<dyn NoteSigner>,
}

/// Who would believe what a key of ours signs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyReview {
    /// Whether the own bundle in force names it.
    pub announced: bool,
    /// Accredited peers whose logs do not say that they have accredited a bundle which names it.
    pub waiting_for: Vec<Ministry>,
}

impl NoteKeys {
    /// Reads both keys.
    pub(super) fn open(config: &Config) -> Result<Self, KeyError> {
        Ok(Self {
            log: Arc::new(FileNoteSigner::open(&config.log_key())?),
            cosigner: Arc::new(FileNoteSigner::open(&config.cosigner_key())?),
        })
    }
}

impl fmt::Debug for NoteKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NoteKeys")
    }
}

impl Gateway {
    /// The key of the own logs.
    pub(super) fn log_key(&self) -> Arc<dyn NoteSigner> {
        self.note_keys.load().log.clone()
    }

    /// The key of cosignatures.
    pub(super) fn cosigner_key(&self) -> Arc<dyn NoteSigner> {
        self.note_keys.load().cosigner.clone()
    }

    /// The verifier key of the own logs, under the name of one of them.
    pub(super) fn log_verifier(&self, name: KeyName) -> VerifierKey {
        VerifierKey { name, kind: KeyKind::Log, public_key: self.log_key().public_key() }
    }

    /// Every key by which a log of ours is bound at present: the one in use, and those that the own bundle in force
    /// announces beside it.
    pub(super) fn binding_log_keys(&self, name: &KeyName) -> Vec<VerifierKey> {
        let mut keys = vec![self.log_verifier(name.clone())];
        let announced =
            self.trust.load_full().map(|in_force| in_force.announced_log_keys()).unwrap_or_default();
        for key in announced.into_iter().map(|key| key.with_name(name.clone())) {
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        keys
    }

    /// Reads the keys again. One that the own bundle in force does not name is refused, and both stay what they were.
    pub(super) fn reload_note_keys(&self) -> Result<(), Fault> {
        let (next, changed) = self.read_note_keys()?;
        for key in changed {
            tracing::info!(key = %key, "from now on this key signs");
        }
        self.note_keys.store(Arc::new(next));
        Ok(())
    }

    /// The keys that would sign after a reload and do not sign now.
    pub(super) fn next_note_keys(&self) -> Result<Vec<VerifierKey>, Fault> {
        self.read_note_keys().map(|(_, changed)| changed)
    }

    fn read_note_keys(&self) -> Result<(NoteKeys, Vec<VerifierKey>), Fault> {
        let next = NoteKeys::open(&self.config).map_err(|cause| Fault::Credentials(cause.to_string()))?;
        let (present, in_force) = (self.note_keys.load_full(), self.trust.load_full());
        let mut changed = Vec::new();
        for (kind, name, from, to) in [
            (KeyKind::Log, self.config.domain.log_name(), &present.log, &next.log),
            (KeyKind::Cosigner, self.config.domain.cosigner_name(), &present.cosigner, &next.cosigner),
        ] {
            if from.public_key() == to.public_key() {
                continue;
            }
            let key = VerifierKey { name: key_name(&name)?, kind, public_key: to.public_key() };
            if in_force.as_ref().is_some_and(|in_force| !names(in_force.own(), &key)) {
                let detail =
                    format!("the own bundle in force does not name {key}: peers could not believe it");
                return Err(Fault::Credentials(detail));
            }
            changed.push(key);
        }
        Ok((next, changed))
    }

    /// Tells people where a key signs that the own bundle in force does not name. No reload takes such a one; but files
    /// may be exchanged while no gateway runs, and a restored store may be older than the keys.
    pub(super) async fn judge_note_keys(&self) -> Result<(), Fault> {
        let Some(in_force) = self.trust.load_full() else { return Ok(()) };
        let log = self.log_verifier(key_name(&self.config.domain.log_name())?);
        let keys = [log, self.own_cosigner(self.cosigner_key().as_ref())?];
        let own = &self.config.ministry;
        if let Some(key) = keys.iter().find(|key| !names(in_force.own(), key)) {
            let detail = format!("the own bundle in force does not name {key}: peers believe nothing of it");
            return self.alarm_about(own, KEY_ALARM, detail).await;
        }
        self.store.clear_alarm(KEY_ALARM, own.clone(), self.clock.now()).await?;
        Ok(())
    }

    /// Who would believe what a key of ours signs, as far as the mirrored logs of the peers say.
    pub async fn review_key(&self, key: &VerifierKey) -> Result<KeyReview, Fault> {
        let Some(in_force) = self.trust.load_full() else {
            // Nobody is accredited, so nobody could be lost.
            return Ok(KeyReview { announced: true, waiting_for: Vec::new() });
        };
        let mut naming = BTreeSet::new();
        for bytes in self.store.records_of(RecordKind::Bundle, self.config.ministry.clone()).await? {
            let bundle = SignedBundle::parse(&bytes).map_err(|cause| Fault::Damaged(cause.to_string()))?;
            if names(&bundle, key) {
                naming.insert(bundle.digest());
            }
        }
        let mut waiting_for = Vec::new();
        for peer in in_force.peers().keys() {
            if !self.has_accredited(peer, &naming).await? {
                waiting_for.push(peer.clone());
            }
        }
        Ok(KeyReview { announced: names(in_force.own(), key), waiting_for })
    }

    /// Whether the last bundle of ours that a peer's log says is accredited there is one of these. Its logs are read
    /// from their ends, because what is asked for is near.
    async fn has_accredited(&self, peer: &Ministry, naming: &BTreeSet<Digest>) -> Result<bool, Fault> {
        let logs = self.store.list_logs().await?;
        let mut mirrors: Vec<_> = logs.into_iter().filter(|log| log.mirror && log.peer == *peer).collect();
        // Origins end with their year.
        mirrors.sort_by(|one, other| other.origin.cmp(&one.origin));
        let page = u64::try_from(limits::LOG_UPDATE_LEAVES_MAX).unwrap_or(u64::MAX);
        for mirror in mirrors {
            let mut end = mirror.size;
            while end > 0 {
                let from = end.saturating_sub(page);
                let count = usize::try_from(end.saturating_sub(from)).unwrap_or(usize::MAX);
                let leaves = self.store.leaves(mirror.origin.clone(), from, count).await?;
                let leaves = leaves.iter().filter_map(|leaf| Leaf::parse(&leaf.bytes).ok());
                if let Some(accredited) = last_accredited(leaves) {
                    return Ok(naming.contains(&accredited));
                }
                end = from;
            }
        }
        Ok(false)
    }
}

impl Accreditation {
    /// The log keys that the own bundle in force announces.
    fn announced_log_keys(&self) -> Vec<VerifierKey> {
        let texts = &self.own().bundle().content().log_keys;
        texts.iter().filter_map(|text| VerifierKey::parse(text).ok()).collect()
    }
}

/// The bundle that some leaves of a peer's log say was accredited last.
fn last_accredited(leaves: impl Iterator<Item = Leaf>) -> Option<Digest> {
    leaves.filter(|leaf| leaf.kind == LeafKind::Bundle).filter_map(|leaf| leaf.record).last()
}

/// Whether a bundle announces a key.
fn names(bundle: &SignedBundle, key: &VerifierKey) -> bool {
    let content = bundle.bundle().content();
    let announced = match key.kind {
        KeyKind::Log => &content.log_keys,
        KeyKind::Cosigner => &content.cosigner_keys,
    };
    announced.contains(&key.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::envelope::parts_digest;
    use crate::message::leaf::LeafMessage;
    use crate::time::Timestamp;

    fn leaf(kind: LeafKind, what: &[u8]) -> Leaf {
        let (digest, time) = (Digest::of(what), Timestamp::from_seconds(1));
        match kind {
            LeafKind::Sent | LeafKind::Received => {
                let message = LeafMessage { id: digest.into(), envelope: digest, parts: parts_digest(&[]) };
                Leaf::about(kind, message, "", time)
            }
            _ => Leaf::about_record(kind, digest, time),
        }
    }

    #[test]
    fn the_last_bundle_that_a_log_names_is_the_accredited_one_and_other_leaves_say_nothing() {
        let last = |leaves: Vec<Leaf>| last_accredited(leaves.into_iter());
        assert_eq!(last(vec![]), None);
        let others =
            || vec![leaf(LeafKind::Opened, b"a"), leaf(LeafKind::Policy, b"b"), leaf(LeafKind::Sent, b"c")];
        assert_eq!(last(others()), None);
        let mut leaves = others();
        leaves.extend([leaf(LeafKind::Bundle, b"one"), leaf(LeafKind::Received, b"d")]);
        assert_eq!(last(leaves.clone()), Some(Digest::of(b"one")));
        leaves.extend([leaf(LeafKind::Bundle, b"two"), leaf(LeafKind::Policy, b"e")]);
        assert_eq!(last(leaves), Some(Digest::of(b"two")));
    }
}
