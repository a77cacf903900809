//! X25519MLKEM768: the hybrid post-quantum key exchange of TLS 1.3 (draft-ietf-tls-ecdhe-mlkem).
//!
//! A recording made today stays closed unless both X25519 and ML-KEM-768 fall. Shares of the other side
//! enter, a joint secret leaves; what lies between is wiped. ML-KEM comes first in shares and secrets.

use ml_kem::kem::{Decapsulate, InvalidKey, KeyExport};
use ml_kem::ml_kem_768::{Ciphertext, DecapsulationKey, EncapsulationKey};
use ml_kem::{Key, Seed};
use rustls::crypto::ring::kx_group::X25519;
use rustls::crypto::{ActiveKeyExchange, CompletedKeyExchange, SharedSecret, SupportedKxGroup};
use rustls::ffdhe_groups::FfdheGroup;
use rustls::{Error, NamedGroup, PeerMisbehaved, ProtocolVersion};
use zeroize::{Zeroize, Zeroizing};

use crate::entropy::{SystemEntropy, random};

/// The group, as rustls takes it.
#[derive(Debug)]
pub(super) struct X25519MlKem768;

impl SupportedKxGroup for X25519MlKem768 {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        let classical = X25519.start()?;
        let mut seed = Seed::from(fresh::<64>()?);
        let post_quantum = Box::new(DecapsulationKey::from_seed(seed));
        seed.as_mut_slice().zeroize();
        let share = joined(&post_quantum.encapsulation_key().to_bytes(), classical.pub_key());
        Ok(Box::new(Offer { classical, post_quantum, share }))
    }

    fn start_and_complete(&self, peer_share: &[u8]) -> Result<CompletedKeyExchange, Error> {
        let (key, classical_share) = parted(peer_share, ENCAPSULATION_KEY_BYTES)?;
        let key = encapsulation_key(key).map_err(|_| INVALID_SHARE)?;
        let classical = X25519.start_and_complete(classical_share)?;
        // The method without a generator takes fresh bytes, so that a silent generator is an error here
        // and not a panic there.
        let message = Zeroizing::new(fresh::<32>()?);
        let (ciphertext, mut secret) = key.encapsulate_deterministic(&(*message).into());
        let joint = joint_secret(secret.as_slice(), &classical.secret);
        secret.as_mut_slice().zeroize();
        Ok(CompletedKeyExchange {
            group: self.name(),
            pub_key: joined(&ciphertext, &classical.pub_key),
            secret: joint,
        })
    }

    fn ffdhe_group(&self) -> Option<FfdheGroup<'static>> {
        None
    }

    fn name(&self) -> NamedGroup {
        NamedGroup::X25519MLKEM768
    }

    fn usable_for_version(&self, version: ProtocolVersion) -> bool {
        version == ProtocolVersion::TLSv1_3
    }
}

/// What the client keeps while it waits for the server's share.
struct Offer {
    classical: Box<dyn ActiveKeyExchange>,
    post_quantum: Box<DecapsulationKey>,
    share: Vec<u8>,
}

impl ActiveKeyExchange for Offer {
    fn complete(self: Box<Self>, peer_share: &[u8]) -> Result<SharedSecret, Error> {
        let (ciphertext, classical_share) = parted(peer_share, CIPHERTEXT_BYTES)?;
        let ciphertext = Ciphertext::try_from(ciphertext).map_err(|_| INVALID_SHARE)?;
        let Self { classical, post_quantum, .. } = *self;
        let classical = classical.complete(classical_share)?;
        let mut secret = post_quantum.decapsulate(&ciphertext);
        let joint = joint_secret(secret.as_slice(), &classical);
        secret.as_mut_slice().zeroize();
        Ok(joint)
    }

    /// The X25519 half serves a peer without ML-KEM, which saves it a retry.
    fn hybrid_component(&self) -> Option<(NamedGroup, &[u8])> {
        Some((self.classical.group(), self.classical.pub_key()))
    }

    fn complete_hybrid_component(self: Box<Self>, peer_share: &[u8]) -> Result<SharedSecret, Error> {
        self.classical.complete(peer_share)
    }

    fn pub_key(&self) -> &[u8] {
        &self.share
    }

    fn ffdhe_group(&self) -> Option<FfdheGroup<'static>> {
        None
    }

    fn group(&self) -> NamedGroup {
        NamedGroup::X25519MLKEM768
    }
}

const ENCAPSULATION_KEY_BYTES: usize = 1184;
const CIPHERTEXT_BYTES: usize = 1088;
const CLASSICAL_SHARE_BYTES: usize = 32;
const INVALID_SHARE: Error = Error::PeerMisbehaved(PeerMisbehaved::InvalidKeyShare);

fn fresh<const N: usize>() -> Result<[u8; N], Error> {
    random(&SystemEntropy).map_err(|_| Error::FailedToGetRandomBytes)
}

/// Parts a share into its ML-KEM and its X25519 half; any other length is refused.
fn parted(share: &[u8], post_quantum_bytes: usize) -> Result<(&[u8], &[u8]), Error> {
    let halves = share.split_at_checked(post_quantum_bytes);
    halves.filter(|(_, classical)| classical.len() == CLASSICAL_SHARE_BYTES).ok_or(INVALID_SHARE)
}

/// Reads the peer's ML-KEM key; coefficients beyond the modulus are refused (FIPS 203, section 7.2).
fn encapsulation_key(bytes: &[u8]) -> Result<EncapsulationKey, InvalidKey> {
    EncapsulationKey::new(&Key::<EncapsulationKey>::try_from(bytes).map_err(|_| InvalidKey)?)
}

fn joined(post_quantum: &[u8], classical: &[u8]) -> Vec<u8> {
    [post_quantum, classical].concat()
}

/// The vector is allotted whole, so that no copy of a secret is left behind by growth; rustls wipes it.
fn joint_secret(post_quantum: &[u8], classical: &SharedSecret) -> SharedSecret {
    SharedSecret::from(joined(post_quantum, classical.secret_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(result: Result<CompletedKeyExchange, Error>) -> bool {
        matches!(result, Err(Error::PeerMisbehaved(PeerMisbehaved::InvalidKeyShare)))
    }

    #[test]
    fn both_sides_arrive_at_one_secret_of_64_bytes() {
        let offer = X25519MlKem768.start().unwrap();
        assert_eq!(offer.pub_key().len(), ENCAPSULATION_KEY_BYTES + CLASSICAL_SHARE_BYTES);
        let answer = X25519MlKem768.start_and_complete(offer.pub_key()).unwrap();
        assert_eq!(answer.pub_key.len(), CIPHERTEXT_BYTES + CLASSICAL_SHARE_BYTES);
        let secret = offer.complete(&answer.pub_key).unwrap();
        assert_eq!(secret.secret_bytes(), answer.secret.secret_bytes());
        assert_eq!(secret.secret_bytes().len(), 64);
    }

    #[test]
    fn the_classical_half_completes_alone() {
        let offer = X25519MlKem768.start().unwrap();
        let (group, share) = offer.hybrid_component().unwrap();
        assert_eq!(group, NamedGroup::X25519);
        assert!(offer.pub_key().ends_with(share));
        let answer = X25519.start_and_complete(share).unwrap();
        let secret = offer.complete_hybrid_component(&answer.pub_key).unwrap();
        assert_eq!(secret.secret_bytes(), answer.secret.secret_bytes());
    }

    #[test]
    fn a_share_of_another_length_is_refused() {
        let offer = X25519MlKem768.start().unwrap();
        let share = offer.pub_key().to_vec();
        for bytes in [&[][..], &share[1..], &share[..share.len() - 1], &[&share[..], &[0]].concat()] {
            assert!(refused(X25519MlKem768.start_and_complete(bytes)));
        }
        assert!(offer.complete(&share).is_err());
    }

    #[test]
    fn an_encapsulation_key_beyond_the_modulus_is_refused() {
        let mut share = X25519MlKem768.start().unwrap().pub_key().to_vec();
        share[..3].fill(0xff);
        assert!(refused(X25519MlKem768.start_and_complete(&share)));
    }

    #[test]
    fn a_classical_share_of_low_order_is_refused() {
        let mut share = X25519MlKem768.start().unwrap().pub_key().to_vec();
        share[ENCAPSULATION_KEY_BYTES..].fill(0);
        assert!(X25519MlKem768.start_and_complete(&share).is_err());
    }

    #[test]
    fn a_changed_answer_leads_to_another_secret() {
        let offer = X25519MlKem768.start().unwrap();
        let mut answer = X25519MlKem768.start_and_complete(offer.pub_key()).unwrap();
        answer.pub_key[7] ^= 1;
        let secret = offer.complete(&answer.pub_key).unwrap();
        assert_ne!(secret.secret_bytes(), answer.secret.secret_bytes());
    }
}
