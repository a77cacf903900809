//! What this gateway knows to have signed beyond what it holds, and how that ends.
//!
//! The mark of this host, and checkpoints of our own that a peer has shown, enter. While either tells of leaves
//! that are not here, nothing is signed for the pair, whatever the peer shows: it may not have seen them, and it
//! may lie. They come back from the peer, or from the desk with our receipts of then, byte for byte; or the
//! operator gives them up. What must never happen: a peer's word undoes what this host knows.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use super::{Gate, Permit, Standing, hold};
use crate::gateway::Gateway;
use crate::gateway::error::Fault;
use crate::gateway::store::record::LeafPlace;
use crate::tlog::merkle::TreeHead;
use crate::trust::name::Ministry;

impl Gate {
    /// Learns that a log of ours had so many leaves once.
    pub(super) fn learn(&self, origin: &str, size: u64) {
        let mut known = hold(&self.known);
        let noted = known.entry(origin.to_owned()).or_default();
        *noted = size.max(*noted);
    }
}

impl Gateway {
    /// Remembers what a peer has shown of our logs under our own signature, here and in the mark.
    pub(in crate::gateway) async fn learn(
        &self,
        peer: &Ministry,
        shown: &BTreeMap<String, TreeHead>,
    ) -> Result<(), Fault> {
        let gate = self.gate(peer);
        for (origin, head) in shown {
            gate.learn(origin, head.size);
            self.store.learn(origin.clone(), head.size).await?;
        }
        Ok(())
    }

    /// Which leaves are known to have been signed for a pair and are not held; none where nothing is missing.
    pub(in crate::gateway) async fn known_lost(&self, peer: &Ministry) -> Result<Option<String>, Fault> {
        let known = hold(&self.gate(peer).known).clone();
        let mut lost = Vec::new();
        for (origin, size) in known {
            let held = self.store.log_head(origin.clone()).await?.map_or(0, |head| head.size);
            if size > held {
                lost.push(format!("{held} of {size} leaves of {origin}"));
            }
        }
        Ok((!lost.is_empty()).then(|| lost.join(", ")))
    }

    /// Tells that leaves are known to be lost which the peer does not show, and what leads on.
    pub(super) async fn tell_of_lost(&self, peer: &Ministry, lost: &str) -> Result<(), Fault> {
        let detail = format!(
            "this store holds only {lost} that were signed here, and the peer shows no more: nothing is \
             signed for it until they are back. Let the desk hand over its messages (any command of it); \
             what does not come back so is given up by `peer confirm {peer}`"
        );
        self.alarm_about(peer, "LEAVES_LOST", detail).await
    }

    /// Gives up what is known to be lost, because the operator says so.
    pub(super) async fn give_up_lost(&self, peer: &Ministry) -> Result<(), Fault> {
        let known = std::mem::take(&mut *hold(&self.gate(peer).known));
        self.store.renounce(known.into_keys().collect()).await?;
        Ok(())
    }

    /// Leave to put a leaf of ours back to its place, byte for byte, while nothing new may be signed: it is known
    /// to be lost, and it is the next that the log lacks.
    pub(in crate::gateway) async fn permit_to_restore(
        &self,
        peer: &Ministry,
        place: &LeafPlace,
    ) -> Result<Option<Permit>, Fault> {
        let gate = self.gate(peer);
        let held = gate.lock.clone().read_owned().await;
        let known = hold(&gate.known).get(&place.origin).is_some_and(|size| place.index < *size);
        let awaited = gate.standing() == Standing::CatchingUp && gate.nothing_is_lost();
        if !known || !awaited || !self.ends_at(&place.origin, place).await? {
            return Ok(None);
        }
        Ok(Some(Permit { peer: peer.clone(), origin: place.origin.clone(), _held: held }))
    }

    /// Whether the next leaf of the log has this place.
    pub(in crate::gateway) async fn ends_at(&self, origin: &str, place: &LeafPlace) -> Result<bool, Fault> {
        let size = self.store.log_head(origin.to_owned()).await?.map_or(0, |head| head.size);
        Ok(origin == place.origin && size == place.index)
    }

    /// Lets signing go on where the desk has brought back the last leaf that was known to be lost: where the mark of
    /// this run tells how far the logs went, or the peer has told since the start and holds no less than it ever
    /// cosigned. A mark of an earlier run tells only how far they went at least.
    pub(in crate::gateway) async fn sound_if_whole(&self, peer: &Ministry) -> Result<(), Fault> {
        let gate = self.gate(peer);
        let awaited = gate.standing() == Standing::CatchingUp && !hold(&gate.known).is_empty();
        let heard = gate.heard.load(Ordering::SeqCst) && hold(&gate.lacking).is_empty();
        if !heard && !gate.vouched.load(Ordering::SeqCst) {
            return Ok(());
        }
        if awaited && gate.nothing_is_lost() && self.known_lost(peer).await?.is_none() {
            tracing::warn!(peer = %peer, "the desk has handed over what was lost of the logs; signing goes on");
            self.make_sound(peer).await?;
        }
        Ok(())
    }
}
