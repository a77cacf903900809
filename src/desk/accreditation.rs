//! Accreditation at the desk: whom this ministry believes. Accepting a peer is an act of the registry, made
//! after its root fingerprint was compared over another path; the gateway only follows.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use crate::desk::Desk;
use crate::desk::administration::act;
use crate::desk::error::DeskError;
use crate::desk::keys::Keys;
use crate::digest::Digest;
use crate::message::administration::AdministrativeVerb as Verb;
use crate::message::terms::Level;
use crate::time::Timestamp;
use crate::tlog::verifier_key::{KeyKind, KeyName, VerifierKey};
use crate::trust::anchor::Anchors;
use crate::trust::bundle::SignedBundle;
use crate::trust::name::Ministry;
use crate::trust::policy::{ChannelId, ChannelPolicy, ChannelRule, SignedPolicy};

/// How the names of peers' bundles end.
pub(super) const BUNDLE_ENDING: &str = "bundle";

/// Two changes of what is believed at once: the later one would forget what the earlier one added.
pub(super) const ACCREDITATION_LOCK: &str = "accreditation.lock";

/// What this desk believes: its own bundle, the peers' bundles and the channel policy.
#[derive(Debug, Clone)]
pub struct Trust {
    /// The own bundle.
    pub own: SignedBundle,
    /// The accredited peers.
    pub peers: BTreeMap<Ministry, SignedBundle>,
    /// The last bundle of each ministry that was believed and is no more.
    pub former: BTreeMap<Ministry, SignedBundle>,
    /// The policy in force; none before the first peer.
    pub policy: Option<ChannelPolicy>,
    /// Log and cosigner keys of every bundle that was ever believed here: what they signed stays proven.
    pub former_keys: BTreeMap<Ministry, Vec<VerifierKey>>,
}

impl Trust {
    /// The bundle of a peer or of the own ministry.
    pub fn bundle(&self, ministry: &Ministry) -> Result<&SignedBundle, DeskError> {
        if ministry == self.own.bundle().ministry() {
            return Ok(&self.own);
        }
        self.peers.get(ministry).ok_or_else(|| DeskError::NotAccredited(ministry.clone()))
    }

    /// The bundle of a ministry, if it is in force: only then is anything sealed to its keys.
    pub fn bundle_in_force(&self, ministry: &Ministry, at: Timestamp) -> Result<&SignedBundle, DeskError> {
        let bundle = self.bundle(ministry)?;
        let until = bundle.bundle().content().valid_until;
        if at <= until {
            return Ok(bundle);
        }
        Err(DeskError::Trust(format!(
            "the trust bundle of {ministry} ended at {until}; accredit its successor"
        )))
    }

    /// The bundle of a ministry, or the last one of a peer that is believed no more: what it said then was signed
    /// under it. Nothing is sent by it.
    pub fn remembered(&self, ministry: &Ministry) -> Result<&SignedBundle, DeskError> {
        self.bundle(ministry).or_else(|unknown| self.former.get(ministry).ok_or(unknown))
    }

    /// Anchors of the registry and offices of a ministry.
    pub fn signing_anchors(&self, ministry: &Ministry) -> Result<&Anchors, DeskError> {
        Ok(self.remembered(ministry)?.bundle().signing_anchors())
    }

    /// Verifier keys of a ministry's logs, those in force first, then those of former bundles.
    pub fn log_keys(&self, ministry: &Ministry) -> Result<Vec<VerifierKey>, DeskError> {
        let keys = verifier_keys(&self.remembered(ministry)?.bundle().content().log_keys)?;
        Ok(self.with_former(keys, ministry, KeyKind::Log))
    }

    /// Verifier keys with which a ministry cosigns, those in force first, then those of former bundles.
    pub fn cosigner_keys(&self, ministry: &Ministry) -> Result<Vec<VerifierKey>, DeskError> {
        let keys = verifier_keys(&self.remembered(ministry)?.bundle().content().cosigner_keys)?;
        Ok(self.with_former(keys, ministry, KeyKind::Cosigner))
    }

    fn with_former(
        &self,
        mut keys: Vec<VerifierKey>,
        ministry: &Ministry,
        kind: KeyKind,
    ) -> Vec<VerifierKey> {
        let former = self.former_keys.get(ministry).into_iter().flatten();
        for key in former.filter(|key| key.kind == kind) {
            if !keys.contains(key) {
                keys.push(key.clone());
            }
        }
        keys
    }

    /// Whether `origin` is a log that `keeper` keeps about `other`, of whatever year.
    pub fn is_log_of_pair(
        &self,
        keeper: &Ministry,
        other: &Ministry,
        origin: &KeyName,
    ) -> Result<bool, DeskError> {
        let prefix = format!("{}/{}/", self.remembered(keeper)?.bundle().domain().log_name(), other.lower());
        let year = origin.as_str().strip_prefix(&prefix);
        Ok(year.is_some_and(|year| year.len() == 4 && year.bytes().all(|digit| digit.is_ascii_digit())))
    }

    /// The channel on which all of these ministries speak: of several, the one with the fewest others.
    pub fn channel_of(&self, ministries: &[Ministry]) -> Result<(&ChannelId, &ChannelRule), DeskError> {
        let rules = self.policy.iter().flat_map(|policy| policy.channels());
        let fitting = rules.filter(|(_, rule)| ministries.iter().all(|one| rule.parties.contains(one)));
        let missing = || DeskError::Trust("no channel joins these ministries; add the peer first".to_owned());
        fitting.min_by_key(|(_, rule)| rule.parties.len()).ok_or_else(missing)
    }
}

/// The channels in force among those who are believed, to be changed.
pub(super) fn channels(trust: &Trust) -> BTreeMap<ChannelId, ChannelRule> {
    let mut channels = trust.policy.as_ref().map(|policy| policy.channels().clone()).unwrap_or_default();
    channels.retain(|_, rule| rule.parties.iter().all(|party| trust.bundle(party).is_ok()));
    channels
}

fn verifier_keys(texts: &[String]) -> Result<Vec<VerifierKey>, DeskError> {
    let parse = |text: &String| VerifierKey::parse(text).map_err(|cause| DeskError::Trust(cause.to_string()));
    texts.iter().map(parse).collect()
}

impl Desk {
    /// Reads what this desk believes. Every bundle is verified again: the own against the pinned root, a
    /// peer's against its own root; that it is accredited is what the file's place says, and the gateway
    /// holds the registry's signature over it. One that has ended is judged at its end: what it vouched for
    /// stays readable, and its successor can be accredited.
    pub fn trust(&self) -> Result<Trust, DeskError> {
        let own = self.read_bundle(&self.config.own_bundle())?;
        own.verify(Some(&self.root()?), self.within(&own))
            .map_err(|cause| DeskError::Trust(cause.to_string()))?;
        let mut peers = BTreeMap::new();
        let folder = self.config.peer_bundles();
        for entry in fs::read_dir(&folder).map_err(DeskError::file(&folder))? {
            let path = entry.map_err(DeskError::file(&folder))?.path();
            // A crash may leave the beginning of a file behind, under a passing name.
            if path.extension().is_none_or(|ending| ending != BUNDLE_ENDING) {
                continue;
            }
            let bundle = self.read_bundle(&path)?;
            bundle.verify(None, self.within(&bundle)).map_err(|cause| DeskError::Trust(cause.to_string()))?;
            peers.insert(bundle.bundle().ministry().clone(), bundle);
        }
        let policy = match fs::read(self.config.policy()) {
            Ok(bytes) => Some(self.believe_policy(&own, &bytes)?),
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => None,
            Err(cause) => return Err(DeskError::file(&self.config.policy())(cause)),
        };
        let (former, former_keys) = (BTreeMap::new(), BTreeMap::new());
        let mut trust = Trust { own, peers, former, policy, former_keys };
        for bundle in self.known_bundles(&trust)? {
            let content = bundle.bundle().content();
            let keys = trust.former_keys.entry(bundle.bundle().ministry().clone()).or_default();
            keys.extend(verifier_keys(&content.log_keys)?);
            keys.extend(verifier_keys(&content.cosigner_keys)?);
            let ministry = bundle.bundle().ministry().clone();
            let newer = |known: &SignedBundle| known.bundle().content().sequence < content.sequence;
            if trust.bundle(&ministry).is_err() && trust.former.get(&ministry).is_none_or(newer) {
                trust.former.insert(ministry, bundle);
            }
        }
        Ok(trust)
    }

    /// Accredits a peer whose root fingerprint was compared: signs the next policy, puts it in force at the
    /// own gateway and only then keeps it here.
    pub async fn accredit(
        &self,
        keys: &Keys,
        bundle: SignedBundle,
        fingerprint: &Digest,
        ceiling: Level,
    ) -> Result<ChannelId, DeskError> {
        let now = self.clock.now();
        bundle.verify(Some(fingerprint), now).map_err(|cause| DeskError::Trust(cause.to_string()))?;
        let _accrediting_alone = self.hold(ACCREDITATION_LOCK).await?;
        let mut trust = self.trust()?;
        let peer = bundle.bundle().ministry().clone();
        if let Some(known) = trust.peers.get(&peer).filter(|known| known.digest() != bundle.digest()) {
            let succeeds = bundle.succeeds(known, now);
            succeeds.map_err(|cause| DeskError::Trust(format!("{peer} is accredited already: {cause}")))?;
        }
        let channel = ChannelId::between(&[
            *trust.own.bundle().fingerprint().digest(),
            *bundle.bundle().fingerprint().digest(),
        ]);
        self.note_act(act(Verb::PeerAccredited).about(&peer).concerning(bundle.digest()))?;
        trust.peers.insert(peer.clone(), bundle.clone());
        let mut channels = channels(&trust);
        let ceiling = u32::try_from(ceiling.number()).unwrap_or(1);
        let rule = channels.entry(channel.clone()).or_insert_with(|| ChannelRule {
            parties: BTreeSet::from([self.config.ministry.clone(), peer.clone()]),
            ceiling,
            suspended: false,
        });
        // Accrediting again is how a ceiling is changed; what is reported is what is in force.
        rule.ceiling = ceiling;
        let signed = self.put_in_force(keys, &trust, channels).await?;
        self.keep_peer(&bundle)?;
        self.keep(&self.config.policy(), &signed.to_bytes())?;
        Ok(channel)
    }

    /// Puts a channel in force, or another rule for one that is: a charter among several Powers, another
    /// ceiling, a suspension.
    pub async fn charter(&self, keys: &Keys, channel: ChannelId, rule: ChannelRule) -> Result<(), DeskError> {
        let _accrediting_alone = self.hold(ACCREDITATION_LOCK).await?;
        let trust = self.trust()?;
        for party in &rule.parties {
            trust.bundle(party)?;
        }
        let mut channels = channels(&trust);
        channels.insert(channel, rule);
        let signed = self.put_in_force(keys, &trust, channels).await?;
        self.keep(&self.config.policy(), &signed.to_bytes())
    }

    /// Keeps the bundle of a peer as the one that is accredited.
    pub(super) fn keep_peer(&self, bundle: &SignedBundle) -> Result<(), DeskError> {
        let peer = bundle.bundle().ministry();
        let path = self.config.peer_bundles().join(format!("{peer}.{BUNDLE_ENDING}"));
        self.keep(&path, &bundle.to_bytes())
    }

    /// Signs the next policy and hands it to the own gateway with the bundles it names.
    pub(super) async fn put_in_force(
        &self,
        keys: &Keys,
        trust: &Trust,
        channels: BTreeMap<ChannelId, ChannelRule>,
    ) -> Result<SignedPolicy, DeskError> {
        let unfit = |cause: String| DeskError::Trust(cause);
        let now = self.clock.now();
        let mut mailbox = self.mailbox(keys).await?;
        // A policy that this desk does not know may have removed a peer that this one would name again.
        let offers = mailbox.offers().await?;
        if let Some((here, in_force)) = self.overtaken(trust, &offers)? {
            return Err(DeskError::PolicyBehind { here, in_force });
        }
        let sequence = self.reserve_policy_number(trust)?;
        let peers =
            trust.peers.iter().map(|(ministry, bundle)| (ministry.clone(), bundle.digest())).collect();
        let policy = ChannelPolicy::new(self.config.ministry.clone(), sequence, now, channels, peers)
            .map_err(|cause| unfit(cause.to_string()))?;
        let signed = SignedPolicy::issue(policy, keys.registry()?.as_ref(), now)
            .map_err(|cause| unfit(cause.to_string()))?;
        let bundles = trust.peers.values().map(SignedBundle::to_bytes).collect();
        self.note_act(act(Verb::Policy).concerning(signed.digest()))?;
        mailbox.accredit(trust.own.to_bytes(), signed.to_bytes(), bundles).await?;
        Ok(signed)
    }

    /// Now, or the end of a bundle that has ended.
    pub(super) fn within(&self, bundle: &SignedBundle) -> Timestamp {
        self.clock.now().min(bundle.bundle().content().valid_until)
    }

    /// The next policy number, used up durably before anything is signed under it: a policy whose answer was
    /// lost may be in force at the gateway, which takes no other one under its number.
    fn reserve_policy_number(&self, trust: &Trust) -> Result<u64, DeskError> {
        let next = self.last_policy_number(trust)?.saturating_add(1);
        self.keep(&self.config.policy_number(), format!("{next}\n").as_bytes())?;
        Ok(next)
    }

    /// The greatest number that this desk has used for a policy, whether or not it came into force.
    pub(super) fn last_policy_number(&self, trust: &Trust) -> Result<u64, DeskError> {
        let path = self.config.policy_number();
        let used = match fs::read_to_string(&path) {
            Ok(text) => text
                .trim()
                .parse()
                .map_err(|_| DeskError::Trust(format!("{}: not the number of a policy", path.display())))?,
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => 0,
            Err(cause) => return Err(DeskError::file(&path)(cause)),
        };
        Ok(trust.policy.as_ref().map_or(0, ChannelPolicy::sequence).max(used))
    }

    /// The policy that this desk signed last. It is the desk's own note of what it decided, so it is judged at the
    /// instant at which it was signed, and without lists: a registry that was revoked since must be able to sign the
    /// next one.
    fn believe_policy(&self, own: &SignedBundle, bytes: &[u8]) -> Result<ChannelPolicy, DeskError> {
        let unusable = |cause: String| DeskError::Trust(format!("the channel policy: {cause}"));
        let signed = SignedPolicy::parse(bytes).map_err(|cause| unusable(cause.to_string()))?;
        let (anchors, then) = (own.bundle().signing_anchors().without_lists(), signed.policy().issue_time());
        signed.verify(&anchors, then).map_err(|cause| unusable(cause.to_string()))?;
        Ok(signed.policy().clone())
    }

    fn read_bundle(&self, path: &std::path::Path) -> Result<SignedBundle, DeskError> {
        let bytes = fs::read(path).map_err(DeskError::file(path))?;
        SignedBundle::parse(&bytes).map_err(|cause| DeskError::Trust(format!("{}: {cause}", path.display())))
    }
}
