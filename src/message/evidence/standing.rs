//! Standing: what a ministry's bundles let it sign, cosign and log at an instant, and whether the caller trusts
//! those bundles.
//!
//! Bundles come with the evidence file and speak for themselves only. Trust comes from outside: a bundle is
//! trusted if its root is the root of a bundle that the caller has accredited for that ministry, or if the
//! caller has given the root's fingerprint. Revocations that only an accredited bundle knows of count as well.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use crate::limits::CLOCK_SKEW_MAX;
use crate::time::Timestamp;
use crate::tlog::checkpoint::Checkpoint;
use crate::tlog::cosignature::{self, CosignatureRefused};
use crate::tlog::signed_note::Note;
use crate::tlog::verifier_key::VerifierKey;
use crate::trust::anchor::Anchors;
use crate::trust::bundle::{Bundle, BundleRefusal, SignedBundle};
use crate::trust::chain::ChainRefusal;
use crate::trust::fingerprint::Fingerprint;
use crate::trust::name::Ministry;
use crate::trust::signature::{self, Signature, SignatureRefusal};

/// What the caller trusts, from outside the evidence file. Empty: nothing.
#[derive(Debug, Clone, Default)]
pub struct TrustBasis {
    /// Bundles the caller has accredited.
    pub bundles: Vec<SignedBundle>,
    /// Fingerprints of roots the caller has compared. A fingerprint vouches for the holder of the root, whatever
    /// ministry it says it is; it counts only for ministries of which no bundle is given.
    pub fingerprints: Vec<Fingerprint>,
}

/// Why something is not shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Doubt {
    /// It is wrong.
    Refused(String),
    /// It cannot be decided with what there is.
    Undecided(String),
}

impl Doubt {
    /// It is wrong, for this reason.
    pub(super) fn refused(why: impl Into<String>) -> Self {
        Self::Refused(why.into())
    }

    /// What a refused signature means: a list that should have been replaced says neither yes nor no.
    pub(super) fn of(refusal: SignatureRefusal) -> Self {
        match refusal {
            SignatureRefusal::Chain(ChainRefusal::StaleRevocationList(_)) => {
                Self::Undecided(refusal.to_string())
            }
            refusal => Self::Refused(refusal.to_string()),
        }
    }
}

/// All ministries of an evidence file.
#[derive(Debug)]
pub(super) struct Standings(BTreeMap<Ministry, Standing>);

/// One ministry of an evidence file.
#[derive(Debug, Default)]
pub(super) struct Standing {
    /// The bundles in the file, ascending by sequence; never empty.
    bundles: Vec<SignedBundle>,
    /// Accredited bundles with the same root: they may know of further revocations.
    accredited: Vec<SignedBundle>,
    /// Which bundle was in force at instants that were asked for, so that a file with many messages does not
    /// ask for the same signatures again and again.
    judged: RefCell<BTreeMap<Timestamp, Result<usize, Doubt>>>,
}

impl Standings {
    /// Sorts the bundles of a file by ministry. They must fit together, or nobody could say who is who.
    pub(super) fn new(bundles: Vec<SignedBundle>, basis: &TrustBasis) -> Result<Self, String> {
        let mut standings: BTreeMap<Ministry, Standing> = BTreeMap::new();
        for bundle in bundles {
            let ministry = bundle.bundle().ministry().clone();
            let standing = standings.entry(ministry).or_default();
            standing.bundles.push(bundle);
        }
        for standing in standings.values_mut() {
            standing.bundles.sort_by_key(|bundle| bundle.bundle().content().sequence);
            standing.check()?;
            let root = standing.root().to_vec();
            let same_root = |one: &&SignedBundle| one.bundle().content().root == root;
            standing.accredited = basis.bundles.iter().filter(same_root).cloned().collect();
        }
        let roots: BTreeSet<&[u8]> = standings.values().map(Standing::root).collect();
        let domains: BTreeSet<_> =
            standings.values().filter_map(|one| Some(one.bundles.first()?.bundle().domain())).collect();
        if roots.len() != standings.len() || domains.len() != standings.len() {
            return Err("two ministries have the same root or the same domain".to_owned());
        }
        Ok(Self(standings))
    }

    /// The standing of a ministry.
    pub(super) fn of(&self, ministry: &Ministry) -> Result<&Standing, Doubt> {
        self.0.get(ministry).ok_or_else(|| Doubt::refused(format!("the file holds no bundle of {ministry}")))
    }

    /// Every ministry, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Ministry, &Standing)> {
        self.0.iter()
    }

    /// The same without the bundles that `keep` does not ask for, and without ministries that have none left.
    pub(super) fn retain(&mut self, keep: impl Fn(&Ministry, u64) -> bool) {
        for (ministry, standing) in &mut self.0 {
            standing.bundles.retain(|bundle| keep(ministry, bundle.bundle().content().sequence));
            standing.judged.borrow_mut().clear();
        }
        self.0.retain(|_, standing| !standing.bundles.is_empty());
    }
}

impl Standing {
    /// The bundles in the file, ascending by sequence.
    pub(super) fn bundles(&self) -> &[SignedBundle] {
        &self.bundles
    }

    /// The root certificate, DER.
    pub(super) fn root(&self) -> &[u8] {
        self.bundles.first().map(|bundle| bundle.bundle().content().root.as_slice()).unwrap_or_default()
    }

    /// The fingerprint of the root.
    pub(super) fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(self.root())
    }

    /// The newest bundle that was in force at `at` and that the ministry's own root vouches for.
    pub(super) fn in_force(&self, at: Timestamp) -> Result<&SignedBundle, Doubt> {
        let known = self.judged.borrow().get(&at).cloned();
        let place = known.unwrap_or_else(|| {
            let found = self.find_in_force(at);
            self.judged.borrow_mut().insert(at, found.clone());
            found
        })?;
        self.bundles.get(place).ok_or_else(|| Doubt::refused("the bundle is missing"))
    }

    /// Who of this ministry signed `content`, judged at `at`.
    pub(super) fn signed(&self, content: &[u8], p7s: &[u8], at: Timestamp) -> Result<Signature, Doubt> {
        let anchors = self.in_force(at)?.bundle().signing_anchors();
        let signed = signature::verify(content, p7s, anchors, at).map_err(Doubt::of)?;
        self.check_revocations(content, p7s, at, Bundle::signing_anchors)?;
        Ok(signed)
    }

    /// When this ministry cosigned a checkpoint first, and with which keys. A wrong line under one of its keys
    /// refuses the whole checkpoint.
    pub(super) fn cosigned(&self, note: &Note) -> Result<(Timestamp, Vec<VerifierKey>), Doubt> {
        let mut found: BTreeMap<VerifierKey, Timestamp> = BTreeMap::new();
        for bundle in &self.bundles {
            for key in keys(&bundle.bundle().content().cosigner_keys) {
                match cosignature::verify(note, &key) {
                    Ok(at) => drop(found.insert(key, at)),
                    Err(CosignatureRefused::Missing(_)) => {}
                    Err(refused) => return Err(Doubt::refused(refused.to_string())),
                }
            }
        }
        let Some(at) = found.values().min().copied() else {
            return Err(Doubt::refused("the other ministry has not cosigned the checkpoint"));
        };
        self.in_force(at)?;
        found.retain(|key, _| self.announced_at(key, at).is_some());
        if found.values().min() != Some(&at) {
            return Err(Doubt::refused("the cosigner's key was not announced at that time"));
        }
        Ok((at, found.into_keys().collect()))
    }

    /// The keys that may stand under this ministry's logs in what was cosigned at `at`: those announced then first.
    pub(super) fn log_keys(&self, at: Timestamp) -> Result<Vec<VerifierKey>, Doubt> {
        self.in_force(at)?;
        let mut found: Vec<VerifierKey> = Vec::new();
        for bundle in self.around(at).into_iter().filter_map(|instant| self.in_force(instant).ok()) {
            for key in keys(&bundle.bundle().content().log_keys) {
                if !found.contains(&key) {
                    found.push(key);
                }
            }
        }
        Ok(found)
    }

    /// When this ministry's bundle in force announced a key of its gateway: at `at`, or else so near to it that clocks
    /// may differ by as much. A log's key may stand under the name of the log.
    pub(super) fn announced_at(&self, key: &VerifierKey, at: Timestamp) -> Option<Timestamp> {
        let same = |one: VerifierKey| (one.kind, one.public_key) == (key.kind, key.public_key);
        let announces = |bundle: &SignedBundle| {
            let content = bundle.bundle().content();
            keys(&content.log_keys).chain(keys(&content.cosigner_keys)).any(same)
        };
        self.around(at).into_iter().find(|instant| self.in_force(*instant).is_ok_and(announces))
    }

    /// The instants that count for keys in what was cosigned at `at`: that one first, then whenever another bundle came
    /// into force about then. The root dates its bundles by another clock than that of the gateway which cosigns, and
    /// what was signed with the former key may be on its way when its successor comes into force. Not more than the
    /// clocks may differ: a key that was retired because somebody else has it must soon prove nothing more.
    fn around(&self, at: Timestamp) -> Vec<Timestamp> {
        let (first, last) = (at.before(CLOCK_SKEW_MAX), at.after(CLOCK_SKEW_MAX));
        let begun = self.bundles.iter().rev().map(|bundle| bundle.bundle().content().valid_from);
        let begun = begun.filter(|begin| first < *begin && *begin <= last);
        std::iter::once(at).chain(begun).chain([first]).collect()
    }

    /// Why the caller trusts this ministry's root, if it does.
    pub(super) fn vouched_by(&self, basis: &TrustBasis) -> Option<&'static str> {
        let ministry = self.bundles.first()?.bundle().ministry();
        let accredited: Vec<_> =
            basis.bundles.iter().filter(|given| given.bundle().ministry() == ministry).collect();
        let is_given =
            |given: &&SignedBundle| self.bundles.iter().all(|own| own.to_bytes() == given.to_bytes());
        if accredited.iter().any(is_given) {
            Some("its bundle is the accredited one")
        } else if accredited.iter().any(|given| given.bundle().content().root == self.root()) {
            Some("its root is that of the accredited bundle")
        } else if accredited.is_empty() && basis.fingerprints.contains(&self.fingerprint()) {
            Some("its root has a given fingerprint")
        } else {
            None
        }
    }

    fn find_in_force(&self, at: Timestamp) -> Result<usize, Doubt> {
        let mut doubt = Doubt::Undecided(format!("the file holds no bundle that was in force at {at}"));
        for (place, bundle) in self.bundles.iter().enumerate().rev() {
            match bundle.verify(None, at) {
                Ok(_) => {
                    self.check_revocations(bundle.record(), bundle.signature(), at, Bundle::trust_anchors)?;
                    return Ok(place);
                }
                Err(BundleRefusal::NotInForce { .. }) => {}
                Err(BundleRefusal::Signature(refusal)) => doubt = Doubt::of(refusal),
                Err(refusal) => doubt = Doubt::refused(refusal.to_string()),
            }
        }
        Err(doubt)
    }

    /// Whether an accredited or newer bundle knows that a signature was made with a revoked certificate.
    fn check_revocations(
        &self,
        content: &[u8],
        p7s: &[u8],
        at: Timestamp,
        anchors: impl Fn(&Bundle) -> &Anchors,
    ) -> Result<(), Doubt> {
        let has_lists = |one: &&SignedBundle| !one.bundle().content().revocation_lists.is_empty();
        for known in self.bundles.iter().chain(&self.accredited).filter(has_lists) {
            let judged = signature::verify(content, p7s, anchors(known.bundle()), at);
            if let Err(SignatureRefusal::Chain(revoked @ ChainRefusal::Revoked(_))) = judged {
                return Err(Doubt::refused(revoked.to_string()));
            }
        }
        Ok(())
    }

    fn check(&self) -> Result<(), String> {
        for (earlier, later) in self.bundles.iter().zip(self.bundles.iter().skip(1)) {
            let (earlier, later) = (earlier.bundle().content(), later.bundle().content());
            if earlier.root != later.root
                || earlier.domain != later.domain
                || earlier.sequence >= later.sequence
            {
                return Err(format!("the bundles of {} do not follow each other", earlier.ministry));
            }
        }
        Ok(())
    }
}

/// Which of these cosigned checkpoints, in their order, is the first that proves to others what a log holds: by the
/// bundles of both ministries the second has cosigned it, under a key that the first announced about then.
pub fn first_proving<'a>(
    checkpoints: impl Iterator<Item = &'a str>,
    [keeper, cosigner]: [&Ministry; 2],
    bundles: Vec<SignedBundle>,
) -> Option<usize> {
    let standings = Standings::new(bundles, &TrustBasis::default()).ok()?;
    let (keeper, cosigner) = (standings.of(keeper).ok()?, standings.of(cosigner).ok()?);
    let proves = |text: &str| {
        let note = Note::parse(text).ok()?;
        let origin = Checkpoint::parse(note.text()).ok()?.origin;
        let (at, _) = cosigner.cosigned(&note).ok()?;
        let keys = keeper.log_keys(at).ok()?;
        keys.into_iter().find(|key| Checkpoint::of_note(&note, &key.with_name(origin.clone())).is_ok())
    };
    checkpoints.map(proves).position(|key| key.is_some())
}

/// Keys of the kinds that are verified here; bundles may announce others beside them.
fn keys(texts: &[String]) -> impl Iterator<Item = VerifierKey> {
    texts.iter().filter_map(|text| VerifierKey::parse(text).ok())
}
