//! The witness: mirrors peers' logs, cosigns their checkpoints and collects their cosignatures on ours.
//!
//! A cosignature says "I hold all leaves": a checkpoint is cosigned only when the mirrored leaves lead to its
//! root, only after the mirror and the cosigned checkpoint are durable, and once for each size. A checkpoint that
//! contradicts what is mirrored freezes the pair (`fork`).

use std::pin::Pin;

use crate::gateway::Gateway;
use crate::gateway::archive::key_name;
use crate::gateway::beliefs::Countersigned;
use crate::gateway::error::Fault;
use crate::gateway::frame::{CosignatureLine, LogUpdate, Road};
use crate::gateway::greeting::Finding;
use crate::gateway::store::StoreFault;
use crate::gateway::store::record::{
    Checkpoint as KeptCheckpoint, Extension, Footing, Ground, LogLeaf, MIRROR_ALARM, MirrorUpdate, Mirrored,
};
use crate::limits;
use crate::message::leaf::Leaf;
use crate::tlog::checkpoint::Checkpoint;
use crate::tlog::cosignature;
use crate::tlog::signed_note::{Note, NoteSigner};
use crate::tlog::verifier_key::{KeyKind, VerifierKey};
use crate::trust::name::Ministry;

/// New leaves of a peer's log on their way into its mirror, with our cosignature on the checkpoint over them.
pub(super) struct Mirroring {
    checkpoint: Checkpoint,
    note: Note,
    /// Ours, to be given away once it is durable.
    line: String,
    durable: Pin<Box<dyn Future<Output = Result<Mirrored, StoreFault>> + Send>>,
}

impl Gateway {
    /// Takes new leaves of a peer's log towards its mirror. They are in the writer's queue when this returns, so
    /// whatever is queued later stands on them.
    pub(super) fn mirror(
        &self,
        peer: &Ministry,
        update: LogUpdate,
        footing: &Footing,
    ) -> Result<Mirroring, Fault> {
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
        let own_key = self.cosigner_key();
        let own = self.own_cosigner(own_key.as_ref())?;
        let line = cosignature::cosign(&checkpoint, &own.name, own_key.as_ref(), self.clock.now());
        let cosigned = attach(&note, &line, &own)?;
        let origin = checkpoint.origin.as_str().to_owned();
        let durable = self.store.extend_mirror(MirrorUpdate {
            origin: origin.clone(),
            peer: peer.clone(),
            first_index,
            leaves,
            root: checkpoint.root,
            checkpoint: text.clone(),
            cosigned: Some(cosigned.to_string()),
            footing: footing.clone(),
        });
        let text_cosigned = cosigned.to_string();
        let ground = Ground { origin, size: checkpoint.size, root: checkpoint.root, cosigned: text_cosigned };
        let countersigned = Countersigned { note: cosigned, ground };
        self.beliefs.note_countersigned(peer, &text, &self.accreditation()?, countersigned);
        Ok(Mirroring { checkpoint, note, line, durable: Box::pin(durable) })
    }

    /// Waits until leaves of a peer's log are mirrored; our cosignature, which may be given away now.
    pub(super) async fn mirrored(
        &self,
        peer: &Ministry,
        mirroring: Mirroring,
        road: Road,
    ) -> Result<CosignatureLine, Fault> {
        let Mirroring { checkpoint, note, line, durable } = mirroring;
        let Mirrored { extension, cosigned } = durable.await?;
        match extension {
            Extension::Extended { .. } | Extension::AlreadyHeld { .. } => {}
            Extension::Gap { have } => {
                return Err(Fault::Link(format!("the peer's log update begins after leaf {have}")));
            }
            Extension::OverQuota => {
                let detail = "the peer's log holds far more leaves than there are messages between us: its \
                              stream was ended"
                    .to_owned();
                self.alarm_about(peer, MIRROR_ALARM, detail.clone()).await?;
                return Err(Fault::Misshapen { reason: "QUOTA".to_owned(), detail });
            }
            Extension::RootMismatch => return Err(self.mismatch(peer, &checkpoint, note, road).await?),
        }
        let origin = checkpoint.origin.as_str().to_owned();
        let is_kept = cosigned.is_some_and(|kept| kept.contains(&line));
        let line = if is_kept { line } else { self.cosign_once(&checkpoint, &note).await?.0 };
        Ok(CosignatureLine { origin, size: checkpoint.size, line })
    }

    /// Our cosignature on a checkpoint that is mirrored here. There is one for each size: what was cosigned
    /// before is said again as it was, with the time of then. With the key that it is by.
    async fn cosign_once(
        &self,
        checkpoint: &Checkpoint,
        note: &Note,
    ) -> Result<(String, VerifierKey), Fault> {
        let origin = checkpoint.origin.as_str().to_owned();
        let own_key = self.cosigner_key();
        let own = self.own_cosigner(own_key.as_ref())?;
        // Under another key of ours the same checkpoint gets one more line.
        let mut standing = note.clone();
        if let Some(kept) = self.store.cosigned_at(origin.clone(), checkpoint.size).await? {
            let kept = Note::parse(&kept.text).map_err(|cause| Fault::Damaged(cause.to_string()))?;
            if kept.text() != note.text() {
                let detail =
                    format!("another checkpoint of {} leaves of {origin} is cosigned", checkpoint.size);
                return Err(Fault::Link(detail));
            }
            if let Some(line) = kept.line_of(&own) {
                let line = line.to_string();
                return Ok((line, own));
            }
            standing = kept;
        }
        let line = cosignature::cosign(checkpoint, &own.name, own_key.as_ref(), self.clock.now());
        let text = attach(&standing, &line, &own)?.to_string();
        let kept = self.store.save_cosigned(origin, KeptCheckpoint { size: checkpoint.size, text }).await?;
        // Somebody else may have been quicker: only what is kept is given away.
        let kept = kept.and_then(|kept| Note::parse(&kept).ok());
        let line = kept.and_then(|kept| kept.line_of(&own).map(|line| line.to_string()));
        let line =
            line.ok_or_else(|| Fault::Link("the cosigned checkpoint is not that of the mirror".to_owned()))?;
        Ok((line, own))
    }

    /// Keeps a peer's cosignature on a checkpoint of our log. On a stick it may be old: that the peer held so much then
    /// confirms nothing now.
    pub(super) async fn keep_cosignature(
        &self,
        peer: &Ministry,
        cosignature: CosignatureLine,
        road: Road,
    ) -> Result<(), Fault> {
        let CosignatureLine { origin, size, line } = cosignature;
        let own = format!("{}/{}/", self.config.domain.log_name(), peer.lower());
        if !origin.starts_with(&own) {
            return Err(Fault::Link("the peer cosigned a log that is not of this pair".to_owned()));
        }
        let signed = match self.beliefs.signed(&origin, size) {
            Some(signed) => signed,
            None => {
                let have = self.store.log_head(origin.clone()).await?.map_or(0, |head| head.size);
                if size > have {
                    let detail = format!("the peer cosigned leaf {size} of {origin}, beyond the log");
                    return Err(Fault::Link(detail));
                }
                self.checkpoint_at(&origin, size).await?
            }
        };
        let note = Note::parse(&signed).map_err(|cause| Fault::Damaged(cause.to_string()))?;
        for key in self.accreditation()?.cosigner_keys(peer)? {
            if let Ok(cosigned) = cosignature::attach(&note, &line, &key) {
                let kept = KeptCheckpoint { size, text: cosigned.to_string() };
                self.store.save_cosigned_soon(origin, kept).await?;
                if road == Road::Stick {
                    return Ok(());
                }
                let shown =
                    Checkpoint::parse(note.text()).map_err(|cause| Fault::Damaged(cause.to_string()))?;
                return self.shown_again(peer, &shown).await;
            }
        }
        Err(Fault::Link("the peer's cosignature does not verify".to_owned()))
    }

    /// The checkpoint of a receipt, compared with the mirror, with our cosignature.
    pub(super) async fn cosigned_in_mirror(&self, peer: &Ministry, text: &str) -> Result<Note, Fault> {
        let (checkpoint, note) = self.open_receipt_checkpoint(peer, text)?;
        match self.store.root_at(checkpoint.origin.as_str().to_owned(), checkpoint.size).await? {
            Some(root) if root == checkpoint.root => {}
            Some(_) => return Err(self.freeze(peer, false, &checkpoint, note).await?),
            None => {
                let detail = "the receipt's checkpoint is not one that is mirrored here";
                return Err(Fault::Link(detail.to_owned()));
            }
        }
        let (line, own) = self.cosign_once(&checkpoint, &note).await?;
        attach(&note, &line, &own)
    }

    /// Believes a checkpoint that a peer's log key in force signed, of a log that the peer keeps about us.
    pub(super) fn open_checkpoint(&self, peer: &Ministry, text: &str) -> Result<(Checkpoint, Note), Fault> {
        let accreditation = self.accreditation()?;
        if let Some(believed) = self.beliefs.recall(peer, text, &accreditation) {
            return Ok(believed);
        }
        let opened = self.open_checkpoint_by(peer, text, &accreditation.log_keys(peer)?)?;
        self.beliefs.remember(peer, text, accreditation, opened.clone());
        Ok(opened)
    }

    /// The same for the checkpoint of a receipt, which may stand under a key that was in force when the leaf was
    /// written. What is believed for that reason only is not remembered: it opens nothing else.
    pub(super) fn open_receipt_checkpoint(
        &self,
        peer: &Ministry,
        text: &str,
    ) -> Result<(Checkpoint, Note), Fault> {
        let accreditation = self.accreditation()?;
        match self.beliefs.recall(peer, text, &accreditation) {
            Some(believed) => Ok(believed),
            None => self.open_checkpoint_by(peer, text, &accreditation.receipt_keys(peer)?),
        }
    }

    /// The same by one of these keys.
    fn open_checkpoint_by(
        &self,
        peer: &Ministry,
        text: &str,
        keys: &[VerifierKey],
    ) -> Result<(Checkpoint, Note), Fault> {
        let unbelieved = |cause: String| Fault::Link(format!("the peer's checkpoint: {cause}"));
        let note = Note::parse(text).map_err(|cause| unbelieved(cause.to_string()))?;
        let claimed = Checkpoint::parse(note.text()).map_err(|cause| unbelieved(cause.to_string()))?;
        if !self.accreditation()?.is_log_of_pair(peer, claimed.origin.as_str())? {
            return Err(unbelieved(format!("{} is not a log of this pair", claimed.origin)));
        }
        let mut named = keys.iter().map(|key| key.with_name(claimed.origin.clone()));
        let opened = named.find_map(|key| Checkpoint::of_note(&note, &key).ok());
        let checkpoint = opened.ok_or_else(|| unbelieved("no accredited log key signed it".to_owned()))?;
        Ok((checkpoint, note))
    }

    /// Our key for cosignatures, as peers know it.
    pub(super) fn own_cosigner(&self, key: &dyn NoteSigner) -> Result<VerifierKey, Fault> {
        let name = key_name(&self.config.domain.cosigner_name())?;
        Ok(VerifierKey { name, kind: KeyKind::Cosigner, public_key: key.public_key() })
    }

    /// Leaves do not lead to the root that the peer has signed. At a size that is mirrored here that is a fork;
    /// beyond it the leaves may merely be wrong, and a checkpoint at a mirrored size will tell. Nobody signed the
    /// leaves alone, so on a stick they are anybody's.
    async fn mismatch(
        &self,
        peer: &Ministry,
        checkpoint: &Checkpoint,
        note: Note,
        road: Road,
    ) -> Result<Fault, Fault> {
        if self.judge_claim(checkpoint).await? == Finding::Contradicts {
            return self.freeze(peer, false, checkpoint, note).await;
        }
        if road == Road::Wire {
            let detail =
                format!("the peer's leaves do not lead to its own checkpoint of {}", checkpoint.origin);
            self.alarm_about(peer, "LOG_MISMATCH", detail).await?;
        }
        Ok(Fault::Link("the peer's leaves do not lead to its checkpoint".to_owned()))
    }
}

fn attach(note: &Note, line: &str, own: &VerifierKey) -> Result<Note, Fault> {
    let attached = cosignature::attach(note, line, own);
    attached.map_err(|cause| Fault::Damaged(cause.to_string()))
}
