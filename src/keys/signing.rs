//! Lends a private key to the certificate builder, so that no second copy of the key is made that nobody
//! wipes.

use rcgen::{PKCS_ECDSA_P256_SHA256, PublicKeyData, SignatureAlgorithm, SigningKey};
use ring::rand::SystemRandom;
use ring::signature::{EcdsaKeyPair, KeyPair};

use super::private_key::{PrivateKey, PrivateKeyRefusal};

/// A P-256 key as the certificate builder wants it.
pub(super) struct CertificateKey(EcdsaKeyPair);

impl CertificateKey {
    pub(super) fn of(key: &PrivateKey) -> Result<Self, PrivateKeyRefusal> {
        key.ecdsa().map(Self)
    }
}

impl PublicKeyData for CertificateKey {
    fn der_bytes(&self) -> &[u8] {
        self.0.public_key().as_ref()
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ECDSA_P256_SHA256
    }
}

impl SigningKey for CertificateKey {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        let signature = self.0.sign(&SystemRandom::new(), message);
        Ok(signature.map_err(|_| rcgen::Error::RingUnspecified)?.as_ref().to_vec())
    }
}

/// The P-256 public key that a certificate is issued for.
pub(super) struct SubjectKey<'a>(pub(super) &'a [u8]);

impl PublicKeyData for SubjectKey<'_> {
    fn der_bytes(&self) -> &[u8] {
        self.0
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ECDSA_P256_SHA256
    }
}
