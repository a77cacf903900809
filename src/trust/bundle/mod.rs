//! Trust bundles: what a ministry publishes about itself.
//!
//! Content or exact bytes enter; a bundle whose certificates, keys and addresses fit together leaves, or a
//! refusal. A bundle speaks for itself only: that its root is the right one is decided by comparing the
//! fingerprint out of band, or by the bundle that was accredited before it.

mod changes;
mod rules;
mod signed;
mod wire;

use crate::canonical::NotCanonical;
use crate::digest::Digest;
use crate::time::Timestamp;

use super::anchor::{AnchorRefusal, Anchors};
use super::endpoint::Endpoint;
use super::fingerprint::Fingerprint;
use super::name::{Domain, Ministry, Name};
use super::revocation::RevocationList;
use super::signature::{SignatureRefusal, SigningFault};

pub use changes::{Change, changes};
pub use signed::SignedBundle;

/// What stands in a bundle; certificates and lists as DER.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundleContent {
    /// Whose bundle it is.
    pub ministry: Ministry,
    /// The ministry's name for people.
    pub display_name: String,
    /// What prefixes its log origins.
    pub domain: Domain,
    /// From 1, rising by one with every bundle.
    pub sequence: u64,
    /// Digest of the bundle before it; none for the first.
    pub previous_digest: Option<Digest>,
    /// Not in force before.
    pub valid_from: Timestamp,
    /// Not in force after.
    pub valid_until: Timestamp,
    /// The root certificate.
    pub root: Vec<u8>,
    /// The authorities for gateways.
    pub transport_authorities: Vec<Vec<u8>>,
    /// The authorities for registry and offices.
    pub desk_authorities: Vec<Vec<u8>>,
    /// Verifier keys of its log, named as `Domain::log_name`.
    pub log_keys: Vec<String>,
    /// Verifier keys of its cosignatures, named as `Domain::cosigner_name`.
    pub cosigner_keys: Vec<String>,
    /// age recipients that its desk can open.
    pub reading_keys: Vec<String>,
    /// Where its gateway listens.
    pub endpoints: Vec<Endpoint>,
    /// Revocation lists of the root and the authorities.
    pub revocation_lists: Vec<Vec<u8>>,
}

/// A bundle whose content is consistent.
#[derive(Debug, Clone)]
pub struct Bundle {
    content: BundleContent,
    trust: Anchors,
    transport: Anchors,
    signing: Anchors,
}

impl Bundle {
    /// Checks `content` as a whole.
    pub fn new(content: BundleContent) -> Result<Self, BundleRefusal> {
        rules::check(&content)?;
        let all: Vec<Vec<u8>> =
            content.transport_authorities.iter().chain(&content.desk_authorities).cloned().collect();
        let all = Anchors::new(content.ministry.clone(), &content.root, &all, &content.revocation_lists)?;
        Ok(Self {
            trust: all.restricted_to(&[]),
            transport: all.restricted_to(&content.transport_authorities),
            signing: all.restricted_to(&content.desk_authorities),
            content,
        })
    }

    /// Those of `lists` (DER) that say something new under its root and authorities; see `Anchors::newer_lists`.
    pub fn newer_lists(&self, lists: &[Vec<u8>], at: Timestamp) -> Vec<RevocationList> {
        let mut newer: Vec<RevocationList> = Vec::new();
        for anchors in [&self.transport, &self.signing] {
            for list in anchors.newer_lists(lists, at) {
                if !newer.iter().any(|known| known.der() == list.der()) {
                    newer.push(list);
                }
            }
        }
        newer
    }

    /// The revocation lists by which its certificates are judged; one may come twice.
    pub fn lists(&self) -> impl Iterator<Item = &RevocationList> {
        [&self.trust, &self.transport, &self.signing].into_iter().flat_map(Anchors::revocation_lists)
    }

    /// The same bundle with further lists beside its own, in what certificates are judged by; what stands in it and its
    /// exact bytes stay as they are.
    pub fn with_lists(&self, lists: &[RevocationList]) -> Self {
        Self {
            content: self.content.clone(),
            trust: self.trust.with_lists(lists),
            transport: self.transport.with_lists(lists),
            signing: self.signing.with_lists(lists),
        }
    }

    /// Everything that stands in it.
    pub fn content(&self) -> &BundleContent {
        &self.content
    }

    /// Whose bundle it is.
    pub fn ministry(&self) -> &Ministry {
        &self.content.ministry
    }

    /// What prefixes the ministry's log origins.
    pub fn domain(&self) -> &Domain {
        &self.content.domain
    }

    /// The fingerprint that is read aloud before a ministry is accredited.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.content.root)
    }

    /// What signatures of the registry and the offices are judged by.
    pub fn signing_anchors(&self) -> &Anchors {
        &self.signing
    }

    /// What TLS certificates of the gateway are judged by.
    pub fn transport_anchors(&self) -> &Anchors {
        &self.transport
    }

    /// What signatures over bundles are judged by: the root alone.
    pub fn trust_anchors(&self) -> &Anchors {
        &self.trust
    }

    /// The name whose key signs bundles of this ministry.
    pub fn trust_name(&self) -> Name {
        Name::Trust { ministry: self.content.ministry.clone() }
    }
}

/// Why a bundle is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BundleRefusal {
    /// Its certificates or lists do not fit together.
    #[error(transparent)]
    Anchors(#[from] AnchorRefusal),
    /// Not the bytes of one record.
    #[error("the bundle is {0}")]
    Encoding(#[from] NotCanonical),
    /// A field with a content that is not allowed.
    #[error("the bundle's {field} is not accepted: {what}")]
    Field {
        /// Name of the field.
        field: &'static str,
        /// What is wrong with it.
        what: &'static str,
    },
    /// Another root than the expected one.
    #[error("the fingerprint of the root is {found}, and {expected} was expected")]
    Fingerprint {
        /// The fingerprint in the bundle.
        found: Fingerprint,
        /// The one that was read aloud or accredited.
        expected: Fingerprint,
    },
    /// Judged at an instant outside its validity.
    #[error("the bundle is in force from {from} until {until} only")]
    NotInForce {
        /// Its beginning.
        from: Timestamp,
        /// Its end.
        until: Timestamp,
    },
    /// The signature over it is not believed.
    #[error(transparent)]
    Signature(#[from] SignatureRefusal),
    /// It does not follow the bundle before it.
    #[error("the bundle does not follow the one before it: {0}")]
    Succession(&'static str),
}

impl BundleRefusal {
    /// The stable reason code.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Anchors(refusal) => refusal.reason(),
            Self::Encoding(_) => "RECORD_NOT_CANONICAL",
            Self::Field { .. } => "BUNDLE_FIELD",
            Self::Fingerprint { .. } => "ROOT_FINGERPRINT",
            Self::NotInForce { .. } => "BUNDLE_NOT_IN_FORCE",
            Self::Signature(refusal) => refusal.reason(),
            Self::Succession(_) => "BUNDLE_SUCCESSION",
        }
    }
}

/// Why a bundle could not be issued.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BundleFault {
    /// Nobody would believe it.
    #[error(transparent)]
    Content(#[from] BundleRefusal),
    /// The key did not sign.
    #[error(transparent)]
    Signing(#[from] SigningFault),
}

#[cfg(test)]
mod tests;
