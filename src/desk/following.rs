//! Following: bundles that succeed those which are accredited, under the same roots.
//!
//! The own gateway is asked what peers have announced; what it answers is believed no more than a file would be. A
//! bundle is accredited here when it succeeds the accredited one: the same ministry, root and domain, a later number, a
//! signature that holds. That needs no other consent, because the root was compared out of band, and it is the
//! ministry's own business which keys it uses under it. Another root is never followed. The own bundle goes the other
//! way by the same road: one that was installed here is handed to the gateway, which announces it. So does the policy:
//! a gateway with an older one than this desk signed last was restored from a backup, and would let in again whom this
//! desk removed.

use std::collections::BTreeMap;

use crate::desk::Desk;
use crate::desk::accreditation::{ACCREDITATION_LOCK, Trust, channels};
use crate::desk::administration::act;
use crate::desk::config::Follow;
use crate::desk::error::DeskError;
use crate::desk::keys::Keys;
use crate::desk::mailbox::{Mailbox, Offers};
use crate::message::administration::AdministrativeVerb as Verb;
use crate::trust::bundle::{Change, SignedBundle, changes};
use crate::trust::name::Ministry;
use crate::trust::policy::ChannelPolicy;

/// A bundle that took the place of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Followed {
    /// Whose it is.
    pub ministry: Ministry,
    /// Sequence of the one before it.
    pub before: u64,
    /// Its own.
    pub after: u64,
    /// What it says anew.
    pub changes: Vec<Change>,
}

impl Followed {
    fn of(before: &SignedBundle, after: &SignedBundle) -> Self {
        Self {
            ministry: after.bundle().ministry().clone(),
            before: before.bundle().content().sequence,
            after: after.bundle().content().sequence,
            changes: changes(before.bundle(), after.bundle()),
        }
    }
}

/// A bundle that a peer has announced and nobody has accredited here.
#[derive(Debug, Clone)]
pub struct Announced {
    /// The bundle.
    pub bundle: SignedBundle,
    /// What would become of it.
    pub followed: Followed,
    /// Why it could not take the place of the accredited one; none where it could.
    pub refused: Option<String>,
}

/// A bundle that was announced and not followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfollowed {
    /// Whose it is.
    pub ministry: Ministry,
    /// Its sequence.
    pub sequence: u64,
    /// Why it waits.
    pub why: String,
}

/// What came of looking at what peers announced.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Looked {
    /// What was accredited.
    pub followed: Vec<Followed>,
    /// What waits for somebody.
    pub waiting: Vec<Unfollowed>,
    /// Sequence of the own bundle, where it was handed to the gateway.
    pub published: Option<u64>,
    /// Sequence of the older policy that was found in force at the gateway, where this desk put its own in its place.
    pub overruled: Option<u64>,
    /// Numbers of the policy that this desk knows and of the later one in force at the gateway, which it does not know.
    pub overtaken: Option<(u64, u64)>,
    /// What was done for a gateway that was restored from an older copy and asked for what this desk knows.
    pub given_back: Option<String>,
}

impl Looked {
    /// Whether anything else is believed now than before.
    pub fn changed(&self) -> bool {
        !self.followed.is_empty() || self.published.is_some() || self.overruled.is_some()
    }

    /// What happened, a line each.
    pub fn lines(&self) -> Vec<String> {
        let followed = self.followed.iter().map(|one| {
            let Followed { ministry, before, after, .. } = one;
            format!("{ministry} published bundle {after}, which took the place of bundle {before}")
        });
        let waiting = self.waiting.iter().map(|one| {
            let Unfollowed { ministry, sequence, why } = one;
            format!("{ministry} announced bundle {sequence}, not accredited yet: {why}")
        });
        let published = self.published.iter();
        let published = published.map(|own| format!("the own bundle {own} was handed to the gateway"));
        let overruled = self.overruled.iter().map(|older| {
            format!(
                "the gateway had the older policy {older} in force, as after a restored backup; \
                 what this desk decided since is in force again"
            )
        });
        let overtaken = self.overtaken.iter().map(|(here, in_force)| {
            format!(
                "policy {in_force} is in force at the gateway, and this desk knows policy {here} only: it was restored from \
                 a backup, or another desk signed; it changes nothing of whom the ministry believes before it adopts that"
            )
        });
        let given_back = self.given_back.iter().cloned();
        followed.chain(waiting).chain(published).chain(overruled).chain(overtaken).chain(given_back).collect()
    }
}

impl Desk {
    /// Looks at what peers have announced, accredits what succeeds their accredited bundles where the configuration
    /// says so, and hands over the own bundle and the own policy where the gateway has an older one.
    ///
    /// A gateway that was restored from an older copy gets with that what this desk knows of its logs and its queue: it
    /// exchanges nothing with anybody before.
    pub async fn follow(&self, keys: &Keys, mailbox: &mut Mailbox) -> Result<Looked, DeskError> {
        let offers = mailbox.offers().await?;
        let is_asked = offers.awaits_desk;
        let looked = self.look(keys, mailbox, offers).await;
        if !is_asked {
            return looked;
        }
        // Whatever keeps this desk from following: what it knows is awaited.
        let given_back = self.give_back(&self.trust()?, mailbox).await;
        // What keeps it may keep its policy from the gateway, which takes nothing for the last word without that.
        let looked = looked?;
        Ok(Looked { given_back: given_back?, ..looked })
    }

    async fn look(&self, keys: &Keys, mailbox: &mut Mailbox, offers: Offers) -> Result<Looked, DeskError> {
        let trust = self.trust()?;
        let candidates = self.candidates(&trust, &offers);
        let overtaken = self.overtaken(&trust, &offers)?;
        if let Some((_, in_force)) = overtaken {
            self.mark_policy(in_force);
        }
        if candidates.is_empty() && !is_behind(&trust, &offers) {
            return Ok(Looked { overtaken, ..Looked::default() });
        }
        let was_restored = has_older_policy(&trust, &offers);
        let by_hand = self.config.follow == Follow::ByHand && !candidates.is_empty();
        let wait = |why: &str| Looked { waiting: waiting(&candidates, why), overtaken, ..Looked::default() };
        if by_hand && !was_restored {
            return Ok(wait("this desk follows by hand"));
        }
        if !was_restored && !self.governs(&trust, &offers)? {
            return Ok(wait("the policy in force at the gateway is not of this desk"));
        }
        let _accrediting_alone = self.hold(ACCREDITATION_LOCK).await?;
        // Another command may have done the same in the meantime.
        let offers = mailbox.offers().await?;
        let trust = self.trust()?;
        let mut candidates = self.candidates(&trust, &offers);
        let mut looked = Looked::default();
        if by_hand {
            looked.waiting = waiting(&candidates, "this desk follows by hand");
            candidates.clear();
        }
        let behind = is_behind(&trust, &offers);
        if candidates.is_empty() && !behind {
            return Ok(looked);
        }
        let own = trust.own.bundle().content().sequence;
        looked.published = (offers.own_sequence < own && behind).then_some(own);
        looked.overruled = has_older_policy(&trust, &offers).then_some(offers.policy_sequence);
        looked.followed = self.replace(keys, trust, candidates).await?;
        Ok(looked)
    }

    /// The bundles of a peer that it has announced, that are newer than the accredited one and not accredited, as the
    /// own gateway hands them over; each judged here.
    pub async fn announced(&self, keys: &Keys, peer: &Ministry) -> Result<Vec<Announced>, DeskError> {
        let trust = self.trust()?;
        let accredited = known(&trust, peer)?;
        let (offers, now) = (self.mailbox(keys).await?.offers().await?, self.clock.now());
        let parsed = offers.bundles.iter().filter_map(|bytes| SignedBundle::parse(bytes).ok());
        let newer = parsed.filter(|bundle| {
            let sequence = bundle.bundle().content().sequence;
            bundle.bundle().ministry() == peer && sequence > accredited.bundle().content().sequence
        });
        let judged = newer.map(|bundle| Announced {
            followed: Followed::of(accredited, &bundle),
            refused: bundle.succeeds(accredited, now).err().map(|cause| cause.to_string()),
            bundle,
        });
        Ok(judged.collect())
    }

    /// Accredits a bundle of a peer that succeeds the accredited one: the one that is given, or the one that the peer
    /// has announced. None where there is nothing newer.
    pub async fn update_peer(
        &self,
        keys: &Keys,
        peer: &Ministry,
        given: Option<SignedBundle>,
    ) -> Result<Option<Followed>, DeskError> {
        let offers = match given {
            Some(bundle) => {
                let trust = self.trust()?;
                let known = known(&trust, peer)?;
                if known.digest() == bundle.digest() {
                    return Ok(None);
                }
                let succeeds = bundle.succeeds(known, self.clock.now());
                succeeds.map_err(|cause| DeskError::Trust(cause.to_string()))?;
                let bundles = vec![bundle.to_bytes()];
                Offers { bundles, own_sequence: 0, policy_sequence: 0, awaits_desk: false }
            }
            None => self.mailbox(keys).await?.offers().await?,
        };
        let _accrediting_alone = self.hold(ACCREDITATION_LOCK).await?;
        let trust = self.trust()?;
        known(&trust, peer)?;
        let mut candidates = self.candidates(&trust, &offers);
        candidates.retain(|ministry, _| ministry == peer);
        if candidates.is_empty() {
            return Ok(None);
        }
        Ok(self.replace(keys, trust, candidates).await?.pop())
    }

    /// Puts the next bundle of the own ministry in force, here and at the own gateway, which announces it. The same
    /// bundle again is handed over again. Tells whether the gateway has it: before the first peer there is nothing to
    /// hand over.
    pub async fn install_own(&self, keys: &Keys, own: SignedBundle) -> Result<(Followed, bool), DeskError> {
        let _accrediting_alone = self.hold(ACCREDITATION_LOCK).await?;
        let mut trust = self.trust()?;
        if own.digest() != trust.own.digest() {
            let succeeds = own.succeeds(&trust.own, self.clock.now());
            succeeds.map_err(|cause| DeskError::Trust(cause.to_string()))?;
        }
        let followed = Followed::of(&trust.own, &own);
        self.note_act(act(Verb::BundleInstalled).about(&self.config.ministry).concerning(own.digest()))?;
        trust.own = own;
        let policy = match trust.policy {
            Some(_) => Some(self.put_in_force(keys, &trust, channels(&trust)).await?),
            None => None,
        };
        self.keep(&self.config.own_bundle(), &trust.own.to_bytes())?;
        if let Some(policy) = &policy {
            self.keep(&self.config.policy(), &policy.to_bytes())?;
        }
        Ok((followed, policy.is_some()))
    }

    /// Puts bundles in force in the place of those before them, at the gateway first.
    async fn replace(
        &self,
        keys: &Keys,
        mut trust: Trust,
        candidates: BTreeMap<Ministry, SignedBundle>,
    ) -> Result<Vec<Followed>, DeskError> {
        let mut followed = Vec::with_capacity(candidates.len());
        for (peer, bundle) in &candidates {
            self.note_act(act(Verb::PeerUpdated).about(peer).concerning(bundle.digest()))?;
            followed.push(Followed::of(known(&trust, peer)?, bundle));
            trust.peers.insert(peer.clone(), bundle.clone());
        }
        let policy = self.put_in_force(keys, &trust, channels(&trust)).await?;
        for bundle in candidates.values() {
            self.keep_peer(bundle)?;
        }
        self.keep(&self.config.policy(), &policy.to_bytes())?;
        Ok(followed)
    }

    /// Those of the offered bundles that succeed an accredited one. What does not is passed over: the gateway, which
    /// may be in other hands, offers what it likes.
    fn candidates(&self, trust: &Trust, offers: &Offers) -> BTreeMap<Ministry, SignedBundle> {
        let now = self.clock.now();
        let mut candidates = BTreeMap::new();
        for bundle in offers.bundles.iter().filter_map(|bytes| SignedBundle::parse(bytes).ok()) {
            let peer = bundle.bundle().ministry();
            if trust.peers.get(peer).is_some_and(|known| bundle.succeeds(known, now).is_ok()) {
                candidates.insert(peer.clone(), bundle);
            }
        }
        candidates
    }

    /// Whether the policy in force at the gateway is one of this desk. Where another desk of the ministry signs
    /// policies, its peers must not be lost because this one follows a bundle.
    fn governs(&self, trust: &Trust, offers: &Offers) -> Result<bool, DeskError> {
        let own = trust.policy.as_ref().map_or(0, ChannelPolicy::sequence);
        Ok((own..=self.last_policy_number(trust)?).contains(&offers.policy_sequence))
    }
}

/// Whether the gateway has an older bundle of the own ministry, or an older policy, in force than this desk.
fn is_behind(trust: &Trust, offers: &Offers) -> bool {
    let has_older_bundle = offers.own_sequence < trust.own.bundle().content().sequence;
    trust.policy.is_some() && offers.own_sequence > 0 && (has_older_bundle || has_older_policy(trust, offers))
}

/// Whether the policy in force at the gateway is older than the one that this desk signed last. A gateway takes none
/// with a smaller number, so its store is an older copy. Without any policy it lets nobody in, and is left as it is.
fn has_older_policy(trust: &Trust, offers: &Offers) -> bool {
    let signed = trust.policy.as_ref().map_or(0, ChannelPolicy::sequence);
    (1..signed).contains(&offers.policy_sequence)
}

fn known<'t>(trust: &'t Trust, peer: &Ministry) -> Result<&'t SignedBundle, DeskError> {
    trust.peers.get(peer).ok_or_else(|| DeskError::NotAccredited(peer.clone()))
}

fn waiting(candidates: &BTreeMap<Ministry, SignedBundle>, why: &str) -> Vec<Unfollowed> {
    let one = |(ministry, bundle): (&Ministry, &SignedBundle)| Unfollowed {
        ministry: ministry.clone(),
        sequence: bundle.bundle().content().sequence,
        why: why.to_owned(),
    };
    candidates.iter().map(one).collect()
}
