//! A bundle with its signature, as it travels and rests.

use crate::digest::Digest;
use crate::time::Timestamp;

use super::super::fingerprint::Fingerprint;
use super::super::record::SignedRecord;
use super::super::revocation::RevocationList;
use super::super::signature::{self, Signature, Signer};
use super::{Bundle, BundleContent, BundleFault, BundleRefusal, wire};

/// A bundle, the exact bytes it came in, and the signature over them. Until `verify` was asked nobody knows
/// whether to believe it.
#[derive(Debug, Clone)]
pub struct SignedBundle {
    signed: SignedRecord,
    bundle: Bundle,
}

impl SignedBundle {
    /// Issues a bundle with the ministry's trust key.
    pub fn issue(content: BundleContent, signer: &dyn Signer, at: Timestamp) -> Result<Self, BundleFault> {
        let record = wire::encode(&content)?;
        let bundle = Bundle::new(content)?;
        let issued = Self { signed: SignedRecord::sign(record, signer, at)?, bundle };
        // A wrong key or a certificate of the wrong kind must be noticed here and not by every peer.
        issued.verify_signature(at)?;
        Ok(issued)
    }

    /// Parses the bytes of a `SignedRecord`.
    pub fn parse(bytes: &[u8]) -> Result<Self, BundleRefusal> {
        let SignedRecord { record, signature } = SignedRecord::parse(bytes)?;
        Self::from_parts(record, signature)
    }

    /// Takes the record and its signature apart from each other.
    pub fn from_parts(record: Vec<u8>, signature: Vec<u8>) -> Result<Self, BundleRefusal> {
        let bundle = Bundle::new(wire::decode(&record)?)?;
        Ok(Self { signed: SignedRecord { record, signature }, bundle })
    }

    /// The bundle, believed or not.
    pub fn bundle(&self) -> &Bundle {
        &self.bundle
    }

    /// The digest that the next bundle and channel policies name it by.
    pub fn digest(&self) -> Digest {
        self.signed.digest()
    }

    /// The exact bytes of the record.
    pub fn record(&self) -> &[u8] {
        &self.signed.record
    }

    /// The exact bytes of the signature.
    pub fn signature(&self) -> &[u8] {
        &self.signed.signature
    }

    /// Record and signature as the bytes of a `SignedRecord`.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.signed.to_bytes()
    }

    /// Whether the bundle is in force at `at`, its root is the one with this fingerprint, and the ministry's
    /// trust key signed it. Without a fingerprint the bundle proves no more than that it is whole.
    pub fn verify(&self, root: Option<&Digest>, at: Timestamp) -> Result<Signature, BundleRefusal> {
        let found = self.bundle.fingerprint();
        if let Some(expected) = root.map(|digest| Fingerprint::from(*digest)).filter(|one| *one != found) {
            return Err(BundleRefusal::Fingerprint { found, expected });
        }
        let BundleContent { valid_from: from, valid_until: until, .. } = *self.bundle.content();
        if at < from || at > until {
            return Err(BundleRefusal::NotInForce { from, until });
        }
        self.verify_signature(at)
    }

    /// Whether this bundle comes directly after `previous`. It says nothing about signatures.
    pub fn follows(&self, previous: &Self) -> Result<(), BundleRefusal> {
        self.is_later_than(previous)?;
        let (this, before) = (self.bundle.content(), previous.bundle.content());
        if before.sequence.checked_add(1) == Some(this.sequence) {
            return Ok(());
        }
        Err(BundleRefusal::Succession("its sequence is not the next one"))
    }

    /// Whether this bundle may take the place of `accredited` at `at` without anybody comparing a fingerprint again:
    /// the same ministry under the same root, a later number, and a signature that holds by what is known of the
    /// ministry already, too. Bundles between the two may be missing: whoever was away saw none of them.
    pub fn succeeds(&self, accredited: &Self, at: Timestamp) -> Result<(), BundleRefusal> {
        self.is_later_than(accredited)?;
        self.verify(Some(accredited.bundle.fingerprint().digest()), at)?;
        // What was revoked before counts, whatever this bundle leaves out; a list that is stale does not, because the
        // next one comes with this very bundle.
        let known = accredited.bundle.trust_anchors().clone().tolerating_stale_lists();
        signature::verify(&self.signed.record, &self.signed.signature, &known, at)?;
        Ok(())
    }

    /// Whether it is of the same ministry, root and domain, with a later number; where that is the next one, it must
    /// name `previous` as the one before it.
    fn is_later_than(&self, previous: &Self) -> Result<(), BundleRefusal> {
        let (this, before) = (self.bundle.content(), previous.bundle.content());
        let is_next = before.sequence.checked_add(1) == Some(this.sequence);
        let broken = if this.ministry != before.ministry {
            Some("it is of another ministry")
        } else if this.root != before.root {
            Some("its root is another one")
        } else if this.domain != before.domain {
            Some("its domain is another one")
        } else if this.sequence <= before.sequence {
            Some("its sequence is not a later one")
        } else if is_next && this.previous_digest != Some(previous.digest()) {
            Some("it names another bundle as the one before it")
        } else {
            None
        };
        broken.map_or(Ok(()), |what| Err(BundleRefusal::Succession(what)))
    }

    /// The same bundle, exact bytes and all, with further revocation lists in what certificates are judged by.
    pub fn with_lists(&self, lists: &[RevocationList]) -> Self {
        Self { signed: self.signed.clone(), bundle: self.bundle.with_lists(lists) }
    }

    fn verify_signature(&self, at: Timestamp) -> Result<Signature, BundleRefusal> {
        let anchors = self.bundle.trust_anchors();
        let signature = signature::verify(&self.signed.record, &self.signed.signature, anchors, at)?;
        signature.require_name(&self.bundle.trust_name())?;
        Ok(signature)
    }
}
