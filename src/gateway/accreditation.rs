//! Accreditation: which peers this gateway believes, by which keys, on which channels.
//!
//! Trust flows from the inside out: the own registry signs a channel policy that names the digest of every
//! accredited bundle, and the gateway believes nothing that this signature does not cover. A peer is whatever
//! its accredited bundle says and nothing else. What is in force is one immutable value, replaced as a whole.

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwapOption;

use crate::digest::Digest;
use crate::gateway::Gateway;
use crate::gateway::archive::key_name;
use crate::gateway::config::Config;
use crate::gateway::credentials::{DeskList, Peers, credentials_source};
use crate::gateway::error::{Declined, Fault};
use crate::gateway::store::Store;
use crate::gateway::store::record::{Alarm, CREDENTIALS_ALARM, Record, RecordKind, RecordsKept};
use crate::message::administration::{Actor, AdministrativeAct, AdministrativeVerb};
use crate::message::refusal::{Reason, Refusal};
use crate::time::Timestamp;
use crate::tlog::verifier_key::VerifierKey;
use crate::transport::anchors::PeerAnchors;
use crate::transport::credentials::{CredentialStore, Source};
use crate::trust::anchor::Anchors;
use crate::trust::bundle::SignedBundle;
use crate::trust::name::Ministry;
use crate::trust::policy::{ChannelPolicy, SignedPolicy};
use crate::trust::revocation::RevocationList;

/// What is in force: the own bundle, the channel policy and the bundles it names.
#[derive(Debug, Clone)]
pub struct Accreditation {
    own: SignedBundle,
    policy: SignedPolicy,
    peers: BTreeMap<Ministry, SignedBundle>,
    /// Every log key that a ministry has announced here, those in force included: what they signed then
    /// stays proven.
    former: BTreeMap<Ministry, Vec<VerifierKey>>,
}

impl Accreditation {
    /// Verifies that the pieces belong together: the own bundle to the pinned root, the policy to the own
    /// registry, and each peer's bundle to the policy and to its own root.
    pub fn assemble(
        ministry: &Ministry,
        root: &Digest,
        own: &[u8],
        policy: &[u8],
        peers: &[Vec<u8>],
        at: Timestamp,
    ) -> Result<Self, Refusal> {
        let own = SignedBundle::parse(own).map_err(untrusted)?;
        own.verify(Some(root), at).map_err(untrusted)?;
        let policy = SignedPolicy::parse(policy).map_err(untrusted)?;
        policy.verify(own.bundle().signing_anchors(), at).map_err(untrusted)?;
        if own.bundle().ministry() != ministry || policy.policy().ministry() != ministry {
            return Err(untrusted("bundle or policy is of another ministry"));
        }
        let mut believed = BTreeMap::new();
        for bytes in peers {
            let bundle = SignedBundle::parse(bytes).map_err(untrusted)?;
            bundle.verify(None, at).map_err(untrusted)?;
            believed.insert(bundle.bundle().ministry().clone(), bundle);
        }
        let offered: BTreeMap<Ministry, Digest> =
            believed.iter().map(|(ministry, bundle)| (ministry.clone(), bundle.digest())).collect();
        if *policy.policy().peers() != offered {
            return Err(untrusted("the bundles are not exactly those that the policy names"));
        }
        // A domain begins the names of logs and gateways: two ministries under one could be taken for each other.
        let mut domains = BTreeMap::new();
        for bundle in believed.values().chain([&own]).map(SignedBundle::bundle) {
            if let Some(other) = domains.insert(bundle.domain().clone(), bundle.ministry()) {
                let (domain, ministry) = (bundle.domain(), bundle.ministry());
                return Err(untrusted(format!("{other} and {ministry} both announce the domain {domain}")));
            }
        }
        Ok(Self { own, policy, peers: believed, former: BTreeMap::new() })
    }

    /// What was in force last according to a store, or why it is not believed any more; none before the first
    /// policy.
    pub(super) async fn kept(
        store: &Store,
        ministry: &Ministry,
        root: &Digest,
        now: Timestamp,
    ) -> Result<Option<Result<Self, Refusal>>, Fault> {
        let own = store.latest_record(RecordKind::Bundle, ministry.clone()).await?;
        let policy = store.latest_record(RecordKind::Policy, ministry.clone()).await?;
        let (Some(own), Some(policy)) = (own, policy) else { return Ok(None) };
        let signed = SignedPolicy::parse(&policy.bytes).map_err(|cause| Fault::Damaged(cause.to_string()))?;
        let mut peers = Vec::new();
        for peer in signed.policy().peers().keys() {
            let bundle = store.latest_record(RecordKind::Bundle, peer.clone()).await?;
            peers.extend(bundle.map(|bundle| bundle.bytes));
        }
        // Judged as it was when it was accredited: a bundle that has ended since must not keep the gateway from
        // starting; its certificates end by themselves. The desk's clock may have been behind ours then.
        let then = signed.policy().issue_time();
        let assemble = |at| Self::assemble(ministry, root, &own.bytes, &policy.bytes, &peers, at);
        Ok(Some(assemble(then).or_else(|_| assemble(now))))
    }

    /// The channel policy.
    pub fn policy(&self) -> &ChannelPolicy {
        self.policy.policy()
    }

    /// The same as it was signed.
    pub fn signed_policy(&self) -> &SignedPolicy {
        &self.policy
    }

    /// The own bundle.
    pub fn own(&self) -> &SignedBundle {
        &self.own
    }

    /// The accredited peers, ascending.
    pub fn peers(&self) -> &BTreeMap<Ministry, SignedBundle> {
        &self.peers
    }

    /// Whether a ministry is an accredited peer.
    pub fn is_peer(&self, ministry: &Ministry) -> bool {
        self.peers.contains_key(ministry)
    }

    /// Anchors of the registry and offices of a peer or of the own ministry.
    pub fn signing_anchors(&self, ministry: &Ministry) -> Result<&Anchors, Fault> {
        let bundle =
            if ministry == self.own.bundle().ministry() { &self.own } else { self.bundle(ministry)? };
        Ok(bundle.bundle().signing_anchors())
    }

    /// Verifier keys of a peer's logs; their name is to be replaced by the origin.
    pub fn log_keys(&self, peer: &Ministry) -> Result<Vec<VerifierKey>, Fault> {
        verifier_keys(&self.bundle(peer)?.bundle().content().log_keys)
    }

    /// Log keys by which receipts of a peer are judged: those in force, and those it has announced before.
    pub fn receipt_keys(&self, peer: &Ministry) -> Result<Vec<VerifierKey>, Fault> {
        let mut keys = self.log_keys(peer)?;
        keys.extend(self.former.get(peer).into_iter().flatten().cloned());
        Ok(keys)
    }

    /// Every log key that the own ministry has announced here.
    pub fn own_log_keys(&self) -> Vec<VerifierKey> {
        self.former.get(self.own.bundle().ministry()).cloned().unwrap_or_default()
    }

    /// Verifier keys with which a peer cosigns.
    pub fn cosigner_keys(&self, peer: &Ministry) -> Result<Vec<VerifierKey>, Fault> {
        verifier_keys(&self.bundle(peer)?.bundle().content().cosigner_keys)
    }

    /// Whether `origin` is a log that `peer` keeps about the own ministry, of whatever year.
    pub fn is_log_of_pair(&self, peer: &Ministry, origin: &str) -> Result<bool, Fault> {
        let domain = self.bundle(peer)?.bundle().domain();
        let prefix = format!("{}/{}/", domain.log_name(), self.own.bundle().ministry().lower());
        let year = origin.strip_prefix(&prefix);
        Ok(year.is_some_and(|year| year.len() == 4 && year.bytes().all(|digit| digit.is_ascii_digit())))
    }

    /// Lets further revocation lists of a peer count, in its TLS certificates and in its signatures: those that say
    /// something new under the accredited bundle. Answers them.
    pub(super) fn stop(&mut self, peer: &Ministry, lists: &[Vec<u8>], at: Timestamp) -> Vec<RevocationList> {
        let Some(bundle) = self.peers.get_mut(peer) else { return Vec::new() };
        let newer = bundle.bundle().newer_lists(lists, at);
        if !newer.is_empty() {
            *bundle = bundle.with_lists(&newer);
        }
        newer
    }

    /// The bundle of a peer.
    pub fn bundle(&self, peer: &Ministry) -> Result<&SignedBundle, Fault> {
        self.peers.get(peer).ok_or_else(|| Fault::NotAccredited(peer.clone()))
    }
}

impl Gateway {
    /// What is in force; a fault before the first policy.
    pub(super) fn accreditation(&self) -> Result<Arc<Accreditation>, Fault> {
        let in_force = self.trust.load_full();
        in_force.ok_or_else(|| Fault::NotAccredited(self.config.ministry.clone()))
    }

    /// Puts a policy and its bundles in force: durable first, with a leaf in the log of every peer, then in
    /// the TLS configurations, and then for the couriers. An older policy than the one in force is refused, and
    /// nothing is kept whose TLS configurations cannot be built. Where they cannot any more afterwards, an alarm
    /// is raised; the same call again tries the rest again.
    pub async fn accredit(&self, own: &[u8], policy: &[u8], peers: &[Vec<u8>]) -> Result<u64, Declined> {
        let _accrediting = self.accrediting.lock().await;
        let now = self.clock.now();
        let mut next = Accreditation::assemble(&self.config.ministry, &self.root, own, policy, peers, now)?;
        self.stop_revoked(&mut next).await?;
        let sequence = next.policy().sequence();
        self.check_succession(&next).await?;
        let trial = Arc::new(ArcSwapOption::new(Some(Arc::new(next.clone()))));
        CredentialStore::open(
            credentials_of(self.config.clone(), self.desk_list.clone(), trial),
            self.clock.clone(),
        )
        .map_err(|cause| Fault::Credentials(cause.to_string()))?;
        let mut records = vec![
            record(RecordKind::Bundle, &self.config.ministry, next.own.bundle().content().sequence, own),
            record(RecordKind::Policy, &self.config.ministry, sequence, policy),
        ];
        for ((ministry, bundle), bytes) in next.peers.iter().zip(peers_in_order(&next, peers)) {
            records.push(record(RecordKind::Bundle, ministry, bundle.bundle().content().sequence, bytes));
        }
        let owed = self.owed_leaves(&next);
        let permit = self.act_permit().await?;
        let acts = self.accrediting_acts(&next, &owed).into_iter().map(|act| permit.entry(act)).collect();
        if let RecordsKept::Conflict { ministry, sequence, .. } =
            self.store.save_records_owing(records, owed, acts).await?
        {
            let detail = format!("another record of {ministry} with sequence {sequence} is in force already");
            return Err(untrusted(detail).into());
        }
        drop(permit);
        let peers: Vec<Ministry> = next.peers.keys().cloned().collect();
        self.put_in_force(next).await?;
        self.close_to_new_peers().await?;
        self.end_if_over().await?;
        let reloaded = self.reload();
        self.judge_note_keys().await?;
        self.judge_forks().await?;
        for peer in &peers {
            self.pay_owed(peer).await?;
        }
        // What is kept is in force: couriers follow it whatever became of the TLS configurations.
        self.accredited.send_replace(sequence);
        match reloaded {
            Ok(()) => {
                let own = self.config.ministry.clone();
                self.store.clear_alarm(CREDENTIALS_ALARM, own, now).await?;
                Ok(sequence)
            }
            Err(fault) => {
                let detail =
                    format!("policy {sequence} is in force, the TLS configurations are not: {fault}");
                self.alarm_about(&self.config.ministry, CREDENTIALS_ALARM, detail).await?;
                Err(fault.into())
            }
        }
    }

    /// Takes up again what was in force when the gateway stopped. What is not believed any more stays out and
    /// raises an alarm; the gateway starts all the same, because the desk mends it through the gateway.
    pub(super) async fn resume_accreditation(&self) -> Result<(), Fault> {
        let (ministry, now) = (&self.config.ministry, self.clock.now());
        let Some(kept) = Accreditation::kept(&self.store, ministry, &self.root, now).await? else {
            return Ok(());
        };
        match kept {
            Ok(mut next) => {
                self.stop_revoked(&mut next).await?;
                self.accredited.send_replace(next.policy().sequence());
                self.put_in_force(next).await?;
                self.judge_note_keys().await?;
            }
            Err(cause) => {
                let detail = cause.to_string();
                tracing::error!(%detail, "what was accredited is not believed any more: no peer is served");
                let (code, ministry) = ("ACCREDITATION_ENDED".to_owned(), ministry.clone());
                self.store.raise_alarm(Alarm { code, ministry, detail, time: now }).await?;
            }
        }
        Ok(())
    }

    /// Lets the revocation lists count that peers announced since their bundles were accredited.
    async fn stop_revoked(&self, next: &mut Accreditation) -> Result<(), Fault> {
        let peers: Vec<Ministry> = next.peers.keys().cloned().collect();
        for peer in peers {
            let lists = self.store.kept_lists(peer.clone()).await?;
            // They were judged when they came, by the clock of then.
            next.stop(&peer, &lists, Timestamp::from_seconds(i64::MAX));
        }
        Ok(())
    }

    /// Nothing that was ever in force here is followed by anything older: an older bundle of our own would
    /// believe again whom a newer one has revoked.
    async fn check_succession(&self, next: &Accreditation) -> Result<(), Declined> {
        let ministry = &self.config.ministry;
        let kept = self.store.latest_record(RecordKind::Policy, ministry.clone()).await?;
        if let Some(kept) = kept {
            let (old, new) = (kept.sequence, next.policy().sequence());
            if new < old || (new == old && next.policy.to_bytes() != kept.bytes) {
                return Err(untrusted(format!("policy {old} is in force already")).into());
            }
        }
        for (ministry, bundle) in next.peers.iter().chain([(ministry, &next.own)]) {
            let kept = self.store.latest_record(RecordKind::Bundle, ministry.clone()).await?;
            let newer = kept.filter(|kept| kept.sequence > bundle.bundle().content().sequence);
            if let Some(kept) = newer {
                // Whatever its root: numbers go on where a ministry is founded anew.
                let number = kept.sequence;
                let detail = format!("a newer bundle of {ministry} is in force already: number {number}");
                return Err(untrusted(detail).into());
            }
        }
        Ok(())
    }

    /// Which peers' logs are to say that their bundle is accredited from now on.
    fn owed_leaves(&self, next: &Accreditation) -> Vec<(Ministry, Digest)> {
        let in_force = self.trust.load_full();
        let known = |peer: &Ministry| {
            in_force.as_ref().and_then(|old| old.peers().get(peer)).map(SignedBundle::digest)
        };
        let peers = next.peers().iter().map(|(peer, bundle)| (peer.clone(), bundle.digest()));
        peers.filter(|(peer, digest)| known(peer) != Some(*digest)).collect()
    }

    /// What the registry does by what is to be in force: its policy, new bundles of peers, and who is none any more.
    fn accrediting_acts(&self, next: &Accreditation, news: &[(Ministry, Digest)]) -> Vec<AdministrativeAct> {
        let act = |verb| AdministrativeAct::new(verb, Actor::Registry);
        let policy = Digest::of(&next.policy.to_bytes());
        let mut acts = vec![act(AdministrativeVerb::Policy).concerning(policy)];
        acts.extend(
            news.iter().map(|(peer, bundle)| {
                act(AdministrativeVerb::PeerAccredited).about(peer).concerning(*bundle)
            }),
        );
        let before = self.trust.load_full();
        // A next bundle of our own is how keys of this ministry are changed.
        let own = next.own.digest();
        if before.as_ref().is_some_and(|old| old.own.digest() != own) {
            let renewed = act(AdministrativeVerb::PeerAccredited).about(&self.config.ministry);
            acts.push(renewed.concerning(own));
        }
        let former = before.iter().flat_map(|old| old.peers().keys());
        let removed = former.filter(|peer| !next.is_peer(peer));
        acts.extend(removed.map(|peer| act(AdministrativeVerb::PeerRemoved).about(peer)));
        acts
    }

    /// All log keys that bundles of a ministry ever announced here, and those of the bundle before the newest.
    async fn former_log_keys(&self, ministry: &Ministry) -> Result<Vec<VerifierKey>, Fault> {
        let mut keys = Vec::new();
        for bytes in self.store.records_of(RecordKind::Bundle, ministry.clone()).await? {
            let bundle = SignedBundle::parse(&bytes).map_err(|cause| Fault::Damaged(cause.to_string()))?;
            keys.extend(verifier_keys(&bundle.bundle().content().log_keys)?);
        }
        keys.sort();
        keys.dedup();
        Ok(keys)
    }

    /// Puts in force what was verified and is durable.
    async fn put_in_force(&self, mut next: Accreditation) -> Result<(), Fault> {
        for ministry in next.peers.keys().chain([&self.config.ministry]) {
            next.former.insert(ministry.clone(), self.former_log_keys(ministry).await?);
        }
        self.trust.store(Some(Arc::new(next)));
        Ok(())
    }
}

/// What TLS configurations are built from under whatever is in force when they are.
pub(super) fn credentials_of(
    config: Config,
    desk_list: DeskList,
    trust: Arc<ArcSwapOption<Accreditation>>,
) -> Source {
    credentials_source(config, desk_list, move || peer_anchors(trust.load_full().as_deref()))
}

fn peer_anchors(in_force: Option<&Accreditation>) -> Peers {
    let mut peers = PeerAnchors::new();
    for signed in in_force.iter().flat_map(|in_force| in_force.peers().values()) {
        let bundle = signed.bundle();
        peers.insert(bundle.domain(), bundle.transport_anchors().clone())?;
    }
    Ok(peers)
}

fn peers_in_order<'a>(next: &Accreditation, peers: &'a [Vec<u8>]) -> Vec<&'a [u8]> {
    let find = |bundle: &SignedBundle| peers.iter().find(|bytes| **bytes == bundle.to_bytes());
    next.peers.values().filter_map(find).map(Vec::as_slice).collect()
}

fn record(kind: RecordKind, ministry: &Ministry, sequence: u64, bytes: &[u8]) -> Record {
    Record { kind, ministry: ministry.clone(), sequence, bytes: bytes.to_vec() }
}

fn verifier_keys(texts: &[String]) -> Result<Vec<VerifierKey>, Fault> {
    let parse = |text: &String| VerifierKey::parse(text).map_err(|cause| Fault::Damaged(cause.to_string()));
    let keys: Vec<VerifierKey> = texts.iter().map(parse).collect::<Result<_, _>>()?;
    for key in &keys {
        key_name(key.name.as_str())?;
    }
    Ok(keys)
}

fn untrusted(cause: impl ToString) -> Refusal {
    Refusal::new(Reason::TrustInvalid, cause.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trust::policy::ChannelPolicy;
    use crate::trust::testing::{NOW, TestMinistry};

    /// What comes of accrediting these ministries at XA.
    fn assembled(own: &TestMinistry, peers: &[&TestMinistry]) -> Result<Accreditation, Refusal> {
        let bundles: Vec<SignedBundle> = peers.iter().map(|peer| peer.bundle()).collect();
        let named = bundles.iter().map(|bundle| (bundle.bundle().ministry().clone(), bundle.digest()));
        let policy =
            ChannelPolicy::new(own.ministry.clone(), 1, NOW, BTreeMap::new(), named.collect()).unwrap();
        let policy = SignedPolicy::issue(policy, &own.registry(), NOW).unwrap().to_bytes();
        let bundles: Vec<Vec<u8>> = bundles.iter().map(SignedBundle::to_bytes).collect();
        let root = Digest::of(own.root.der());
        Accreditation::assemble(&own.ministry, &root, &own.bundle().to_bytes(), &policy, &bundles, NOW)
    }

    #[test]
    fn no_two_ministries_announce_one_domain() {
        let [xa, xb, mut xc] = ["XA", "XB", "XC"].map(TestMinistry::new);
        assert!(assembled(&xa, &[&xb, &xc]).is_ok());
        for taken in [&xb, &xa] {
            xc.domain = taken.domain.clone();
            let refusal = assembled(&xa, &[&xb, &xc]).unwrap_err();
            assert_eq!(refusal.reason(), Reason::TrustInvalid);
            assert!(refusal.detail().contains(taken.domain.as_str()), "{refusal}");
        }
    }
}
