//! The keys that may have signed what is kept: those of every bundle that was ever in force here, as far as its
//! own root vouches for it and its root is the one that is believed.

use std::collections::BTreeMap;

use super::Scrub;
use crate::digest::Digest;
use crate::gateway::error::Fault;
use crate::gateway::store::record::{Damage, Damaged, Record, RecordKind};
use crate::tlog::verifier_key::VerifierKey;
use crate::trust::bundle::SignedBundle;
use crate::trust::name::Ministry;
use crate::trust::policy::SignedPolicy;

/// Keys of logs by ministry, and keys of cosigners.
#[derive(Debug)]
pub(super) struct Keyring {
    own: Ministry,
    logs: BTreeMap<Ministry, Vec<VerifierKey>>,
    cosigners: Vec<VerifierKey>,
}

impl Keyring {
    /// Collects the keys, and names the records that are not what was kept.
    pub(super) async fn of(scrub: &Scrub) -> Result<(Self, Vec<Damage>), Fault> {
        let mut keyring = Self { own: scrub.ministry.clone(), logs: BTreeMap::new(), cosigners: Vec::new() };
        keyring.logs.entry(scrub.ministry.clone()).or_default().extend(scrub.log_key.clone());
        let (mut damages, mut own) = (Vec::new(), Vec::new());
        let records = scrub.store.records().await?;
        for record in records.iter().filter(|record| record.kind == RecordKind::Bundle) {
            match read_bundle(record) {
                Some(bundle) if scrub.believes(&bundle) => {
                    keyring.add(&bundle);
                    own.extend((record.ministry == scrub.ministry).then_some(bundle));
                }
                Some(_) => {}
                None => damages.push(damaged(record)),
            }
        }
        for record in records.iter().filter(|record| record.kind == RecordKind::Policy) {
            if !is_whole_policy(record, &own) {
                damages.push(damaged(record));
            }
        }
        Ok((keyring, damages))
    }

    /// The ministry whose store it is.
    pub(super) fn own(&self) -> &Ministry {
        &self.own
    }

    /// Keys of the logs of a ministry; none where nobody vouches for any.
    pub(super) fn log_keys(&self, ministry: &Ministry) -> &[VerifierKey] {
        self.logs.get(ministry).map_or(&[], Vec::as_slice)
    }

    /// Keys of all cosigners.
    pub(super) fn cosigners(&self) -> &[VerifierKey] {
        &self.cosigners
    }

    fn add(&mut self, bundle: &SignedBundle) {
        let content = bundle.bundle().content();
        // A bundle with a key that is none would not have parsed.
        let keys = |texts: &[String]| texts.iter().filter_map(|text| VerifierKey::parse(text).ok()).collect();
        let (logs, cosigners): (Vec<_>, Vec<_>) = (keys(&content.log_keys), keys(&content.cosigner_keys));
        let known = self.logs.entry(content.ministry.clone()).or_default();
        known.extend(logs.into_iter().filter(|key| !known.contains(key)).collect::<Vec<_>>());
        let new = cosigners.into_iter().filter(|key| !self.cosigners.contains(key)).collect::<Vec<_>>();
        self.cosigners.extend(new);
    }
}

impl Scrub {
    /// Whether the root of a bundle is that of the ministry as it is believed: pinned for our own, accredited for a
    /// peer. Of a peer that is accredited no longer any bundle tells as much as there is to know.
    fn believes(&self, bundle: &SignedBundle) -> bool {
        let (ministry, root) = (bundle.bundle().ministry(), &bundle.bundle().content().root);
        if *ministry == self.ministry {
            return Digest::of(root) == self.root;
        }
        let accredited = self.trust.as_ref().and_then(|trust| trust.peers().get(ministry));
        accredited.is_none_or(|accredited| accredited.bundle().content().root == *root)
    }
}

/// The bundle in a record, where it is whole and the trust key under its own root signed it.
fn read_bundle(record: &Record) -> Option<SignedBundle> {
    let bundle = SignedBundle::parse(&record.bytes).ok()?;
    let content = bundle.bundle().content();
    let same = content.ministry == record.ministry && content.sequence == record.sequence;
    // Judged as on its first day: one that has ended since was good all the same.
    (same && bundle.verify(None, content.valid_from).is_ok()).then_some(bundle)
}

fn is_whole_policy(record: &Record, own: &[SignedBundle]) -> bool {
    let Ok(policy) = SignedPolicy::parse(&record.bytes) else { return false };
    let said = policy.policy();
    let same = *said.ministry() == record.ministry && said.sequence() == record.sequence;
    let issued = said.issue_time();
    same && own.iter().any(|bundle| policy.verify(bundle.bundle().signing_anchors(), issued).is_ok())
}

fn damaged(record: &Record) -> Damage {
    let what = match record.kind {
        RecordKind::Bundle => "bundle",
        RecordKind::Policy => "channel policy",
    };
    let detail = format!("{what} {} of {} is not what was accredited", record.sequence, record.ministry);
    Damage::new(Damaged::Record, detail)
}
