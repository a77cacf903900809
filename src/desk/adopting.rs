//! Adopting: a desk that was restored from an older backup takes up what its ministry's registry has decided since.
//!
//! The policy in force at the own gateway enters with the bundles that it names; what is believed here is the same
//! afterwards. The gateway decides nothing: the own registry signed the policy, and the policy names each bundle by its
//! digest. What must never happen: that a restored desk puts its older policy in force again, under a number that is
//! free, and so brings back a peer that was removed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::ErrorKind;

use crate::desk::Desk;
use crate::desk::accreditation::{ACCREDITATION_LOCK, BUNDLE_ENDING, Trust};
use crate::desk::administration::act;
use crate::desk::error::DeskError;
use crate::desk::mailbox::{Mailbox, Offers};
use crate::message::administration::AdministrativeVerb as Verb;
use crate::trust::bundle::SignedBundle;
use crate::trust::name::Ministry;
use crate::trust::policy::{ChannelPolicy, SignedPolicy};

/// A policy that a registry of this ministry signed and this desk does not know.
#[derive(Debug, Clone)]
pub struct Unknown {
    policy: SignedPolicy,
    bundles: BTreeMap<Ministry, SignedBundle>,
    /// Number of the policy that is believed here.
    pub here: u64,
    /// Number of the one in force at the gateway.
    pub in_force: u64,
    /// Peers that it accredits and this desk does not.
    pub added: BTreeSet<Ministry>,
    /// Peers that this desk accredits and it does not.
    pub removed: BTreeSet<Ministry>,
}

impl Desk {
    /// The policy in force at the gateway, where it is one of this ministry that this desk does not know.
    pub async fn policy_unknown(&self, mailbox: &mut Mailbox) -> Result<Option<Unknown>, DeskError> {
        let trust = self.trust()?;
        let offers = mailbox.offers().await?;
        if self.overtaken(&trust, &offers)?.is_none() {
            return Ok(None);
        }
        let (bytes, bundles) = mailbox.policy_in_force().await?;
        self.unknown(&trust, &bytes, &bundles).map(Some)
    }

    /// Takes up a policy that this desk did not know, with its bundles.
    pub async fn adopt(&self, unknown: &Unknown) -> Result<(), DeskError> {
        let _accrediting_alone = self.hold(ACCREDITATION_LOCK).await?;
        let trust = self.trust()?;
        self.remember_bundles(&trust)?;
        self.note_act(act(Verb::Policy).concerning(unknown.policy.digest()))?;
        for peer in &unknown.removed {
            self.note_act(act(Verb::PeerRemoved).about(peer))?;
        }
        for (peer, bundle) in unknown.bundles.iter().filter(|(peer, _)| unknown.added.contains(peer)) {
            self.note_act(act(Verb::PeerAccredited).about(peer).concerning(bundle.digest()))?;
        }
        for peer in trust.peers.keys().filter(|peer| !unknown.bundles.contains_key(peer)) {
            self.forget_peer(peer)?;
        }
        for bundle in unknown.bundles.values() {
            self.keep_peer(bundle)?;
        }
        self.keep(&self.config.policy_number(), format!("{}\n", unknown.in_force).as_bytes())?;
        self.keep(&self.config.policy(), &unknown.policy.to_bytes())
    }

    /// The numbers of the policy that is believed here and of the one in force at the gateway, where this desk cannot
    /// have signed that one: it was restored from an older backup, or another desk of the ministry signed it.
    pub(super) fn overtaken(&self, trust: &Trust, offers: &Offers) -> Result<Option<(u64, u64)>, DeskError> {
        let last = self.last_policy_number(trust)?;
        let here = trust.policy.as_ref().map_or(0, ChannelPolicy::sequence);
        Ok((offers.policy_sequence > last).then_some((here, offers.policy_sequence)))
    }

    fn unknown(&self, trust: &Trust, bytes: &[u8], bundles: &[Vec<u8>]) -> Result<Unknown, DeskError> {
        let unusable =
            |cause: String| DeskError::Trust(format!("the policy in force at the gateway: {cause}"));
        let policy = SignedPolicy::parse(bytes).map_err(|cause| unusable(cause.to_string()))?;
        let content = policy.policy();
        let verified = policy.verify(trust.own.bundle().signing_anchors(), content.issue_time());
        verified.map_err(|cause| unusable(cause.to_string()))?;
        let here = trust.policy.as_ref().map_or(0, ChannelPolicy::sequence);
        if content.ministry() != &self.config.ministry || content.sequence() <= here {
            return Err(unusable("it is of another ministry, or older".to_owned()));
        }
        let mut named = BTreeMap::new();
        for bundle in bundles {
            let bundle = SignedBundle::parse(bundle).map_err(|cause| unusable(cause.to_string()))?;
            let ministry = bundle.bundle().ministry().clone();
            if content.peers().get(&ministry) == Some(&bundle.digest()) {
                let verified = bundle.verify(None, self.within(&bundle));
                verified.map_err(|cause| unusable(format!("{ministry}: {cause}")))?;
                named.insert(ministry, bundle);
            }
        }
        if !content.peers().keys().eq(named.keys()) {
            return Err(unusable("the bundles are not those that it names".to_owned()));
        }
        let (here_of, there_of) = (trust.peers.keys(), named.keys());
        let added = there_of.clone().filter(|peer| !trust.peers.contains_key(peer)).cloned().collect();
        let removed = here_of.filter(|peer| !named.contains_key(peer)).cloned().collect();
        let in_force = content.sequence();
        Ok(Unknown { policy, bundles: named, here, in_force, added, removed })
    }

    /// Removes the bundle of a peer from its place, which says that it is accredited.
    pub(super) fn forget_peer(&self, peer: &Ministry) -> Result<(), DeskError> {
        let folder = self.config.peer_bundles();
        let path = folder.join(format!("{peer}.{BUNDLE_ENDING}"));
        match fs::remove_file(&path) {
            Err(cause) if cause.kind() != ErrorKind::NotFound => return Err(DeskError::file(&path)(cause)),
            _ => {}
        }
        let synced = fs::File::open(&folder).and_then(|folder| folder.sync_all());
        synced.map_err(DeskError::file(&folder))
    }
}
