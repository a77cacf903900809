//! The witness: mirrors peers' logs, cosigns their checkpoints and collects their cosignatures on ours.
//!
//! A cosignature says "I hold all leaves": a checkpoint is cosigned only when the mirrored leaves lead to its
//! root, and only after the mirror and the cosigned checkpoint are durable. Leaves that do not lead there are
//! proof of a fork: nothing is changed, an alarm is raised and nothing more is taken over this stream.

use crate::gateway::Gateway;
use crate::gateway::archive::key_name;
use crate::gateway::error::Fault;
use crate::gateway::frame::{CosignatureLine, LogUpdate};
use crate::gateway::store::record::{Alarm, Checkpoint as KeptCheckpoint, Extension, LogLeaf, MirrorUpdate};
use crate::limits;
use crate::message::leaf::Leaf;
use crate::message::receipt::Receipt;
use crate::tlog::checkpoint::Checkpoint;
use crate::tlog::cosignature;
use crate::tlog::signed_note::Note;
use crate::tlog::verifier_key::{KeyKind, VerifierKey};
use crate::trust::name::Ministry;

impl Gateway {
    /// Takes new leaves of a peer's log into its mirror and cosigns the checkpoint over them.
    pub(super) async fn mirror(&self, peer: &Ministry, update: LogUpdate) -> Result<CosignatureLine, Fault> {
        let (checkpoint, note) = self.open_checkpoint(peer, &update.checkpoint)?;
        let malformed = || Fault::Link("the peer's log update is malformed".to_owned());
        let LogUpdate { first_index, leaves, checkpoint: text } = update;
        let end = first_index.saturating_add(leaves.len() as u64);
        if leaves.len() > limits::LOG_UPDATE_LEAVES_MAX || checkpoint.size != end {
            return Err(malformed());
        }
        let leaves = leaves.into_iter().map(|bytes| {
            let leaf = Leaf::parse(&bytes).map_err(|_| malformed())?;
            Ok(LogLeaf { bytes, message_id: leaf.message.map(|message| message.id.digest()) })
        });
        let leaves = leaves.collect::<Result<Vec<_>, Fault>>()?;
        let origin = checkpoint.origin.as_str().to_owned();
        let mirrored = MirrorUpdate {
            origin: origin.clone(),
            peer: peer.clone(),
            first_index,
            leaves,
            root: checkpoint.root,
            checkpoint: text.clone(),
        };
        match self.store.extend_mirror(mirrored).await? {
            Extension::Extended { .. } | Extension::AlreadyHeld { .. } => {}
            Extension::Gap { have } => {
                return Err(Fault::Link(format!("the peer's log update begins after leaf {have}")));
            }
            Extension::RootMismatch => return Err(self.fork(peer, &text).await?),
        }
        let line = self.cosign(&checkpoint)?;
        let cosigned = self.attach_own(&note, &line)?;
        let kept = KeptCheckpoint { size: checkpoint.size, text: cosigned.to_string() };
        self.store.save_cosigned(origin.clone(), kept).await?;
        Ok(CosignatureLine { origin, size: checkpoint.size, line })
    }

    /// Keeps a peer's cosignature on a checkpoint of our log.
    pub(super) async fn keep_cosignature(
        &self,
        peer: &Ministry,
        cosignature: CosignatureLine,
    ) -> Result<(), Fault> {
        let CosignatureLine { origin, size, line } = cosignature;
        let own = format!("{}/{}/", self.config.domain.log_name(), peer.lower());
        if !origin.starts_with(&own) {
            return Err(Fault::Link("the peer cosigned a log that is not of this pair".to_owned()));
        }
        let have = self.store.log_head(origin.clone()).await?.map_or(0, |head| head.size);
        if size > have {
            return Err(Fault::Link(format!("the peer cosigned leaf {size} of {origin}, beyond the log")));
        }
        let note = Note::parse(&self.checkpoint_at(&origin, size).await?)
            .map_err(|cause| Fault::Damaged(cause.to_string()))?;
        for key in self.accreditation()?.cosigner_keys(peer)? {
            if let Ok(cosigned) = cosignature::attach(&note, &line, &key) {
                let kept = KeptCheckpoint { size, text: cosigned.to_string() };
                self.store.save_cosigned(origin, kept).await?;
                return Ok(());
            }
        }
        Err(Fault::Link("the peer's cosignature does not verify".to_owned()))
    }

    /// Checks a receipt of the peer against the mirror of its log and adds our cosignature to it.
    pub(super) async fn countersign(&self, peer: &Ministry, receipt: Receipt) -> Result<Receipt, Fault> {
        let text = receipt.proof().checkpoint.to_string();
        let accreditation = self.accreditation()?;
        let cosigned = match self.beliefs.countersigned(peer, &text, &accreditation) {
            Some(cosigned) => cosigned,
            None => {
                let (checkpoint, note) = self.open_checkpoint(peer, &text)?;
                let origin = checkpoint.origin.as_str().to_owned();
                if self.store.root_at(origin, checkpoint.size).await? != Some(checkpoint.root) {
                    let detail = "the receipt's checkpoint is not one that is mirrored here";
                    return Err(Fault::Link(detail.to_owned()));
                }
                let cosigned = self.attach_own(&note, &self.cosign(&checkpoint)?)?;
                self.beliefs.note_countersigned(peer, &text, &accreditation, &cosigned);
                cosigned
            }
        };
        let mut proof = receipt.proof().clone();
        proof.checkpoint = cosigned;
        Receipt::compose(receipt.leaf_bytes().to_vec(), proof)
            .map_err(|cause| Fault::Damaged(cause.to_string()))
    }

    /// Believes a checkpoint that a peer's log key signed, of a log that the peer keeps about us.
    pub(super) fn open_checkpoint(&self, peer: &Ministry, text: &str) -> Result<(Checkpoint, Note), Fault> {
        let unbelieved = |cause: String| Fault::Link(format!("the peer's checkpoint: {cause}"));
        let accreditation = self.accreditation()?;
        if let Some(believed) = self.beliefs.recall(peer, text, &accreditation) {
            return Ok(believed);
        }
        let note = Note::parse(text).map_err(|cause| unbelieved(cause.to_string()))?;
        let claimed = Checkpoint::parse(note.text()).map_err(|cause| unbelieved(cause.to_string()))?;
        if !accreditation.is_log_of_pair(peer, claimed.origin.as_str())? {
            return Err(unbelieved(format!("{} is not a log of this pair", claimed.origin)));
        }
        let opened = accreditation
            .log_keys(peer)?
            .iter()
            .find_map(|key| Checkpoint::of_note(&note, &key.with_name(claimed.origin.clone())).ok());
        let checkpoint = opened.ok_or_else(|| unbelieved("no accredited log key signed it".to_owned()))?;
        self.beliefs.remember(peer, text, accreditation, (checkpoint.clone(), note.clone()));
        Ok((checkpoint, note))
    }

    fn cosign(&self, checkpoint: &Checkpoint) -> Result<String, Fault> {
        let name = key_name(&self.config.domain.cosigner_name())?;
        Ok(cosignature::cosign(checkpoint, &name, self.cosigner_key.as_ref(), self.clock.now()))
    }

    fn attach_own(&self, note: &Note, line: &str) -> Result<Note, Fault> {
        let name = key_name(&self.config.domain.cosigner_name())?;
        let own = VerifierKey { name, kind: KeyKind::Cosigner, public_key: self.cosigner_key.public_key() };
        cosignature::attach(note, line, &own).map_err(|cause| Fault::Damaged(cause.to_string()))
    }

    async fn fork(&self, peer: &Ministry, offered: &str) -> Result<Fault, Fault> {
        let alarm = Alarm {
            code: "LOG_FORK".to_owned(),
            ministry: peer.clone(),
            detail: format!(
                "the peer's log contradicts leaves mirrored here; offered checkpoint:\n{offered}"
            ),
            time: self.clock.now(),
        };
        self.store.raise_alarm(alarm).await?;
        Ok(Fault::Link("the peer's log contradicts what is mirrored here".to_owned()))
    }
}
