//! Dismissal: a peer that this ministry does not believe any more, by a policy that its registry signs.
//!
//! A peer and the registry key enter; the next policy is put in force at the own gateway and then kept. What was said
//! while the peer was believed stays readable and proven, by the bundles that this desk remembers. What must never
//! happen: that the peer is believed again by a later policy without its fingerprint being compared anew.

use crate::desk::Desk;
use crate::desk::accreditation::{ACCREDITATION_LOCK, channels};
use crate::desk::administration::act;
use crate::desk::error::DeskError;
use crate::desk::keys::Keys;
use crate::desk::register::SentState;
use crate::limits;
use crate::message::administration::AdministrativeVerb as Verb;
use crate::trust::name::Ministry;
use crate::trust::policy::ChannelId;

impl Desk {
    /// Messages to a peer that are not settled, as far as they are among the newest.
    pub fn unsettled_with(&self, peer: &Ministry) -> Result<usize, DeskError> {
        let newest = self.register.newest_sent(Some(peer), limits::UNSETTLED_LOOKED_AT)?;
        let waits = |state: SentState| matches!(state, SentState::Released | SentState::Queued);
        Ok(newest.iter().filter(|copy| waits(copy.state)).count())
    }

    /// Believes a peer no more: signs a policy without it and without its channels, puts that in force at the own
    /// gateway and only then keeps it here. Answers the channels that ended.
    pub async fn dismiss(&self, keys: &Keys, peer: &Ministry) -> Result<Vec<ChannelId>, DeskError> {
        let _accrediting_alone = self.hold(ACCREDITATION_LOCK).await?;
        let mut trust = self.trust()?;
        self.remember_bundles(&trust)?;
        trust.peers.remove(peer).ok_or_else(|| DeskError::NotAccredited(peer.clone()))?;
        self.note_act(act(Verb::PeerRemoved).about(peer))?;
        let before = trust.policy.iter().flat_map(|policy| policy.channels());
        let ended =
            before.filter(|(_, rule)| rule.parties.contains(peer)).map(|(id, _)| id.clone()).collect();
        let signed = self.put_in_force(keys, &trust, channels(&trust)).await?;
        // The bundle first: the place of its file says that it is accredited, and a later policy would name it again.
        self.forget_peer(peer)?;
        self.keep(&self.config.policy(), &signed.to_bytes())?;
        Ok(ended)
    }
}
