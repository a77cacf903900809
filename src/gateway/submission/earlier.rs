//! Messages that this gateway took before it lost them: their leaf goes back to where it stood.
//!
//! A receipt of then that contradicts the log of now proves that our key has signed two histories. It is kept, and a
//! person is told; traffic goes on, because nobody but the own desk holds the other history, as far as is known.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::atomic::Ordering;

use crate::gateway::Gateway;
use crate::gateway::error::Declined;
use crate::gateway::store::record::LeafPlace;
use crate::keys::secret_file;
use crate::message::envelope::Envelope;
use crate::message::leaf::{Leaf, LeafKind, LeafMessage};
use crate::message::receipt::Receipt;
use crate::tlog::checkpoint::Checkpoint;
use crate::trust::name::Ministry;

impl Gateway {
    /// The leaf of a message that we took before, with its place: as our receipt of then proves, or as the peer's
    /// copy of our log has brought it back.
    pub(super) async fn earlier_leaf(
        &self,
        envelope: &Envelope,
        receipt: &[u8],
    ) -> Result<Option<(LeafPlace, Leaf)>, Declined> {
        let about = LeafMessage::of(envelope);
        let sent = |leaf: &Leaf| leaf.kind == LeafKind::Sent && leaf.message == Some(about);
        let peer = &envelope.header().position().recipient;
        if let Ok(receipt) = Receipt::parse(receipt)
            && let Some((checkpoint, _)) = self.own_checkpoint(peer, &receipt.proof().checkpoint.to_string())
            && sent(receipt.leaf())
        {
            self.judge_earlier(peer, &checkpoint, &receipt).await?;
            let keys = self.own_keys(&checkpoint.origin);
            let proven = keys.iter().any(|key| receipt.verify(&checkpoint.origin, key).is_ok());
            let place = LeafPlace { origin: checkpoint.origin.to_string(), index: receipt.proof().index };
            return Ok(proven.then(|| (place, receipt.leaf().clone())));
        }
        if !self.gate(peer).unseen.load(Ordering::SeqCst) {
            return Ok(None);
        }
        for found in self.store.find_leaf(about.id.digest()).await?.into_iter().filter(|found| !found.mirror)
        {
            let kept = self.store.leaf(found.place.clone()).await?;
            let leaf = kept.and_then(|kept| Leaf::parse(&kept.bytes).ok());
            if let Some(leaf) = leaf.filter(sent) {
                return Ok(Some((found.place, leaf)));
            }
        }
        Ok(None)
    }

    /// Tells of a receipt of ours that cannot be true if our log is, and keeps it. What a former key signed is over.
    async fn judge_earlier(
        &self,
        peer: &Ministry,
        checkpoint: &Checkpoint,
        receipt: &Receipt,
    ) -> Result<(), Declined> {
        let origin = checkpoint.origin.to_string();
        if receipt.verify(&checkpoint.origin, &self.log_verifier(checkpoint.origin.clone())).is_err() {
            return Ok(());
        }
        let place = LeafPlace { origin: origin.clone(), index: receipt.proof().index };
        let other_leaf =
            self.store.leaf(place.clone()).await?.is_some_and(|held| held.bytes != receipt.leaf_bytes());
        let root = self.store.root_at(origin.clone(), checkpoint.size).await?;
        if !other_leaf && root.is_none_or(|root| root == checkpoint.root) {
            return Ok(());
        }
        // One for each log is proof enough, and bounds what is kept.
        let file = self.config.home.join("forks").join(format!("{}.receipt", origin.replace('/', "-")));
        if let Err(cause) = keep(&file, receipt) {
            tracing::warn!(%cause, "a receipt that proves a second history of our log could not be kept");
        }
        tracing::error!(peer = %peer, %origin, index = place.index, "our log key has signed two histories");
        let detail = format!(
            "our log key has signed two histories of {origin}: entry {} is another one in a receipt that the own desk \
             holds, or stands behind others; the receipt is kept as {}, and traffic goes on",
            place.index,
            file.display()
        );
        Ok(self.alarm_about(peer, "OWN_LOG_FORK", detail).await?)
    }
}

/// Keeps the first receipt that proves a second history of one log.
fn keep(file: &Path, receipt: &Receipt) -> io::Result<()> {
    if file.exists() {
        return Ok(());
    }
    if let Some(folder) = file.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    secret_file::create(file, &receipt.encode()).map_err(io::Error::other)
}
