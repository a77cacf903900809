//! Forks: two signed checkpoints of one log that cannot both be true.
//!
//! The proof is kept before anything else, the pair is frozen, and nothing is sent, taken, cosigned or signed for
//! it while the log key that signed both is believed. It thaws when the ministry that forked has announced
//! another log key and that bundle is accredited; the proof stays.

use std::collections::BTreeMap;

use crate::gateway::Gateway;
use crate::gateway::archive::key_name;
use crate::gateway::error::Fault;
use crate::gateway::standing::Standing;
use crate::gateway::store::record::{Alarm, ForkRecord, UNCONFIRMED_ALARM};
use crate::tlog::checkpoint::Checkpoint;
use crate::tlog::fork::ForkProof;
use crate::tlog::signed_note::Note;
use crate::tlog::verifier_key::VerifierKey;
use crate::trust::name::Ministry;

/// A kept proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptProof {
    /// The other ministry of the pair.
    pub peer: Ministry,
    /// True where the log is our own.
    pub own: bool,
    /// The proof as text.
    pub text: String,
}

impl Gateway {
    /// Freezes a pair because of a signed checkpoint that contradicts what is held of its log. Answers the
    /// fault that ends the stream.
    pub(super) async fn freeze(
        &self,
        peer: &Ministry,
        own: bool,
        claim: &Checkpoint,
        note: Note,
    ) -> Result<Fault, Fault> {
        let Some((proof, key)) = self.proof_against(peer, own, claim, note).await? else {
            return Ok(Fault::Link("the peer's checkpoint contradicts what is mirrored here".to_owned()));
        };
        let gate = self.gate(peer);
        // Whoever signs for the pair right now comes to an end first.
        let _alone = gate.lock.write().await;
        let (code, whose) = if own { ("OWN_LOG_FORK", "our") } else { ("LOG_FORK", "the peer's") };
        let alarm = Alarm {
            code: code.to_owned(),
            ministry: peer.clone(),
            detail: format!(
                "{whose} log contradicts what is held here: {} signed two roots at size {}; the proof is kept",
                claim.origin, claim.size
            ),
            time: self.clock.now(),
        };
        let (origin, proof) = (claim.origin.as_str().to_owned(), proof.to_string());
        self.store.keep_fork(ForkRecord { origin, key, peer: peer.clone(), own, proof, alarm }).await?;
        gate.set(Standing::Frozen);
        // No hello would end it any more; the fork is what needs a person now.
        self.store.clear_alarm(UNCONFIRMED_ALARM, peer.clone(), self.clock.now()).await?;
        tracing::error!(peer = %peer, code, "a log has forked: the pair is frozen");
        Ok(Fault::Frozen(peer.clone()))
    }

    /// Joins the claim to a signed checkpoint of what is held; with the key that signed the claim.
    async fn proof_against(
        &self,
        peer: &Ministry,
        own: bool,
        claim: &Checkpoint,
        note: Note,
    ) -> Result<Option<(ForkProof, [u8; 32])>, Fault> {
        let origin = claim.origin.as_str().to_owned();
        let Some(root) = self.store.root_at(origin.clone(), claim.size).await? else { return Ok(None) };
        let (held, size) = if own {
            (self.sign_checkpoint(&origin, claim.size, root)?, claim.size)
        } else {
            let head = self.store.log_head(origin.clone()).await?.and_then(|head| head.checkpoint);
            let Some(signed) = head else { return Ok(None) };
            (signed.text, signed.size)
        };
        let Some(path) = self.store.consistency(origin, claim.size, size).await? else { return Ok(None) };
        let held = Note::parse(&held).map_err(|cause| Fault::Damaged(cause.to_string()))?;
        let proof = ForkProof::new(note, held, root, path);
        let domain = match own {
            true => self.config.domain.clone(),
            false => self.accreditation()?.bundle(peer)?.bundle().domain().clone(),
        };
        let name = key_name(&domain.log_name())?;
        let keys = self.keys_that_bind(peer, own)?;
        let keys: Vec<VerifierKey> = keys.into_iter().map(|key| key.with_name(name.clone())).collect();
        Ok(proof.judge(&keys).ok().map(|fork| (proof, fork.key.public_key)))
    }

    /// The log keys by which a side of the pair is bound at present.
    fn keys_that_bind(&self, peer: &Ministry, own: bool) -> Result<Vec<VerifierKey>, Fault> {
        if !own {
            return self.accreditation()?.log_keys(peer);
        }
        let name = key_name(&self.config.domain.log_name())?;
        Ok(self.binding_log_keys(&name))
    }

    /// Freezes every pair of which a fork is proven under a key that is still believed, and lets the others
    /// wait for their hellos again.
    pub(super) async fn judge_forks(&self) -> Result<(), Fault> {
        let mut frozen = BTreeMap::new();
        for (peer, own, key, _) in self.store.forks().await? {
            // A peer that is not accredited has no relay anyway.
            let keys = self.keys_that_bind(&peer, own).unwrap_or_default();
            *frozen.entry(peer).or_insert(false) |= keys.iter().any(|bound| bound.public_key == key);
        }
        for (peer, frozen) in frozen {
            let gate = self.gate(&peer);
            let _alone = gate.lock.write().await;
            match (frozen, gate.standing()) {
                (true, _) => gate.set(Standing::Frozen),
                (false, Standing::Frozen) => gate.set(Standing::Unconfirmed),
                (false, _) => {}
            }
        }
        Ok(())
    }

    /// The kept proofs of forks, of one peer or of all.
    pub async fn fork_proofs(&self, peer: Option<&Ministry>) -> Result<Vec<KeptProof>, Fault> {
        let kept = self.store.forks().await?.into_iter();
        let kept = kept.filter(|(of, ..)| peer.is_none_or(|peer| peer == of));
        Ok(kept.map(|(peer, own, _, text)| KeptProof { peer, own, text }).collect())
    }
}
