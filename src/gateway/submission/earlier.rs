//! Messages that this gateway took before it lost them: their leaf goes back to where it stood.

use std::sync::atomic::Ordering;

use crate::gateway::Gateway;
use crate::gateway::error::Declined;
use crate::gateway::store::record::LeafPlace;
use crate::message::envelope::Envelope;
use crate::message::leaf::{Leaf, LeafKind, LeafMessage};
use crate::message::receipt::Receipt;

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
}
