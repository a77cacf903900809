//! What the own trust bundle says of the certificates in the home of a desk: a key whose certificate is revoked lies
//! there as before, and signs what nobody believes.

use std::path::Path;

use crate::keys::file::read_certificates;
use crate::time::Timestamp;
use crate::trust::bundle::SignedBundle;
use crate::trust::chain::{self, ChainRefusal, Purpose};

/// Why the bundle does not vouch for the certificate of a key that signs. How long that is good for is told elsewhere.
pub fn refusal(own: &SignedBundle, certificate: &Path, now: Timestamp) -> Option<ChainRefusal> {
    refused(own, read_certificates(certificate).ok()?.first()?, now)
}

/// Whether it does not vouch for this one, DER.
pub(super) fn is_refused(own: &SignedBundle, certificate: &[u8], now: Timestamp) -> bool {
    refused(own, certificate, now).is_some()
}

fn refused(own: &SignedBundle, certificate: &[u8], now: Timestamp) -> Option<ChainRefusal> {
    match chain::verify(certificate, own.bundle().signing_anchors(), Purpose::Signing, now).err()? {
        ChainRefusal::Expired(_)
        | ChainRefusal::NotYetValid(_)
        | ChainRefusal::StaleRevocationList(_)
        | ChainRefusal::Unreadable(_) => None,
        refusal => Some(refusal),
    }
}
