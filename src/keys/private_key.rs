//! `PrivateKey`: one signing key in memory, and its PEM forms.
//!
//! A protected key is PKCS#8 under PBES2 (scrypt, AES-256-CBC), which openssl opens as well:
//! `openssl pkey -in k.pem -passin file:passphrase`. An unprotected key is plain PKCS#8, for programs that
//! start unattended. Its bytes are wiped when dropped and never printed.

use std::fmt;

use pkcs8::der::pem::LineEnding;
use pkcs8::der::{Decode, SecretDocument};
use pkcs8::pkcs5::{pbes2, scrypt};
use pkcs8::{EncryptedPrivateKeyInfo, PrivateKeyInfo};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use zeroize::Zeroizing;

use super::passphrase::Passphrase;
use crate::entropy::{self, Entropy, NoEntropy};

/// A private key of one of the two kinds the system signs with.
pub struct PrivateKey {
    kind: KeyKind,
    pkcs8: Zeroizing<Vec<u8>>,
    public_key: Vec<u8>,
}

/// What a key is for; the algorithm follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// ECDSA P-256: signatures over records, and TLS.
    Signing,
    /// Ed25519: checkpoints and cosignatures of logs.
    Log,
}

/// A text that is not the private key that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PrivateKeyRefusal {
    /// No random bytes.
    #[error(transparent)]
    Entropy(#[from] NoEntropy),
    /// Not a private key that the system signs with.
    #[error("not a P-256 or Ed25519 private key in PKCS#8 form")]
    Malformed,
    /// A plain key where a protected one belongs.
    #[error("the key is not protected by a passphrase")]
    NotProtected,
    /// A protected key where a plain one belongs.
    #[error("the key is protected by a passphrase")]
    Protected,
    /// The passphrase does not open it.
    #[error("the passphrase does not open the key")]
    WrongPassphrase,
}

impl PrivateKey {
    /// A new P-256 key.
    ///
    /// ring makes P-256 keys from the operating system's generator alone, so there is no entropy to pass.
    pub(super) fn new_signing() -> Result<Self, PrivateKeyRefusal> {
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new());
        Self::from_pkcs8(Zeroizing::new(document.map_err(|_| NoEntropy)?.as_ref().to_vec()))
    }

    /// A new Ed25519 key.
    ///
    /// Written as PKCS#8 version 1: openssl 3.0 does not read the version 2 form that ring writes.
    pub(super) fn new_log(entropy: &dyn Entropy) -> Result<Self, PrivateKeyRefusal> {
        let seed = Zeroizing::new(entropy::random::<32>(entropy)?);
        let mut pkcs8 = Zeroizing::new(Vec::with_capacity(ED25519_PKCS8_PREFIX.len() + seed.len()));
        pkcs8.extend_from_slice(ED25519_PKCS8_PREFIX);
        pkcs8.extend_from_slice(seed.as_slice());
        Self::from_pkcs8(pkcs8)
    }

    /// Takes PKCS#8 DER of either kind; a public key inside must belong to the private one.
    pub fn from_pkcs8(pkcs8: Zeroizing<Vec<u8>>) -> Result<Self, PrivateKeyRefusal> {
        if let Ok(pair) = ecdsa(&pkcs8) {
            let public_key = pair.public_key().as_ref().to_vec();
            return Ok(Self { kind: KeyKind::Signing, pkcs8, public_key });
        }
        let pair = ed25519(&pkcs8)?;
        let public_key = pair.public_key().as_ref().to_vec();
        Ok(Self { kind: KeyKind::Log, pkcs8, public_key })
    }

    /// Reads a protected key.
    pub fn from_protected_pem(pem: &str, passphrase: &Passphrase) -> Result<Self, PrivateKeyRefusal> {
        let (label, document) = SecretDocument::from_pem(pem).map_err(|_| PrivateKeyRefusal::Malformed)?;
        match label {
            PROTECTED_LABEL => {}
            PLAIN_LABEL => return Err(PrivateKeyRefusal::NotProtected),
            _ => return Err(PrivateKeyRefusal::Malformed),
        }
        let protected = EncryptedPrivateKeyInfo::from_der(document.as_bytes())
            .map_err(|_| PrivateKeyRefusal::Malformed)?;
        if !is_affordable(&protected) {
            return Err(PrivateKeyRefusal::Malformed);
        }
        // The block mode has no integrity check of its own: whatever does not come out as a private key
        // was opened with a wrong passphrase.
        let plain = protected
            .decrypt(passphrase.expose())
            .ok()
            .filter(|plain| PrivateKeyInfo::from_der(plain.as_bytes()).is_ok())
            .ok_or(PrivateKeyRefusal::WrongPassphrase)?;
        Self::from_pkcs8(Zeroizing::new(plain.as_bytes().to_vec()))
    }

    /// Reads an unprotected key.
    pub fn from_plain_pem(pem: &str) -> Result<Self, PrivateKeyRefusal> {
        let (label, document) = SecretDocument::from_pem(pem).map_err(|_| PrivateKeyRefusal::Malformed)?;
        match label {
            PLAIN_LABEL => Self::from_pkcs8(Zeroizing::new(document.as_bytes().to_vec())),
            PROTECTED_LABEL => Err(PrivateKeyRefusal::Protected),
            _ => Err(PrivateKeyRefusal::Malformed),
        }
    }

    /// The protected PEM form.
    pub fn to_protected_pem(
        &self,
        passphrase: &Passphrase,
        entropy: &dyn Entropy,
    ) -> Result<Zeroizing<String>, PrivateKeyRefusal> {
        let salt = entropy::random::<16>(entropy)?;
        let vector = entropy::random::<16>(entropy)?;
        let protect = || -> Option<SecretDocument> {
            let cost = scrypt::Params::new(SCRYPT_LOG_N, SCRYPT_R, SCRYPT_P, scrypt::Params::RECOMMENDED_LEN);
            let scheme = pbes2::Parameters::scrypt_aes256cbc(cost.ok()?, &salt, &vector).ok()?;
            let ciphertext = scheme.encrypt(passphrase.expose(), &self.pkcs8).ok()?;
            let protected =
                EncryptedPrivateKeyInfo { encryption_algorithm: scheme.into(), encrypted_data: &ciphertext };
            SecretDocument::encode_msg(&protected).ok()
        };
        pem(protect().ok_or(PrivateKeyRefusal::Malformed)?, PROTECTED_LABEL)
    }

    /// The unprotected PEM form.
    pub fn to_plain_pem(&self) -> Result<Zeroizing<String>, PrivateKeyRefusal> {
        let document = SecretDocument::try_from(self.pkcs8.as_slice());
        pem(document.map_err(|_| PrivateKeyRefusal::Malformed)?, PLAIN_LABEL)
    }

    /// What the key is for.
    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The public key: 65 bytes of an uncompressed P-256 point, or the 32 bytes of Ed25519.
    pub fn public_key(&self) -> &[u8] {
        &self.public_key
    }

    /// PKCS#8 DER, for TLS configurations.
    pub fn pkcs8(&self) -> &[u8] {
        &self.pkcs8
    }

    /// The pair that signs records.
    pub(super) fn ecdsa(&self) -> Result<EcdsaKeyPair, PrivateKeyRefusal> {
        ecdsa(&self.pkcs8)
    }

    /// The pair that signs notes.
    pub(super) fn ed25519(&self) -> Result<Ed25519KeyPair, PrivateKeyRefusal> {
        ed25519(&self.pkcs8)
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey")
    }
}

fn ecdsa(pkcs8: &[u8]) -> Result<EcdsaKeyPair, PrivateKeyRefusal> {
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8, &SystemRandom::new())
        .map_err(|_| PrivateKeyRefusal::Malformed)
}

fn ed25519(pkcs8: &[u8]) -> Result<Ed25519KeyPair, PrivateKeyRefusal> {
    Ed25519KeyPair::from_pkcs8_maybe_unchecked(pkcs8).map_err(|_| PrivateKeyRefusal::Malformed)
}

fn pem(document: SecretDocument, label: &'static str) -> Result<Zeroizing<String>, PrivateKeyRefusal> {
    document.to_pem(label, LineEnding::LF).map_err(|_| PrivateKeyRefusal::Malformed)
}

/// Whether the file asks for no more memory and time than a key file may cost us. A cost of zero is refused
/// as well: its logarithm does not exist.
fn is_affordable(protected: &EncryptedPrivateKeyInfo<'_>) -> bool {
    let Some(scheme) = protected.encryption_algorithm.pbes2() else { return false };
    match &scheme.kdf {
        pbes2::Kdf::Scrypt(cost) => {
            let memory = cost.cost_parameter.saturating_mul(u64::from(cost.block_size));
            (2..=SCRYPT_N_TIMES_R_MAX).contains(&cost.cost_parameter)
                && memory <= SCRYPT_N_TIMES_R_MAX
                && cost.parallelization <= SCRYPT_P_MAX
        }
        pbes2::Kdf::Pbkdf2(cost) => cost.iteration_count <= PBKDF2_ITERATIONS_MAX,
        _ => false,
    }
}

const PROTECTED_LABEL: &str = "ENCRYPTED PRIVATE KEY";
const PLAIN_LABEL: &str = "PRIVATE KEY";

/// What stands before the 32 bytes of the seed in PKCS#8 version 1 (RFC 8410, section 7).
const ED25519_PKCS8_PREFIX: &[u8] =
    &[0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// The cost of scrypt: N = 2^14, r = 8, p = 2, that is 16 MiB and 50 to 100 ms. More memory would be better,
/// but from N = 2^15 on openssl refuses the file (it allows scrypt 32 MiB in all), and a key that only we
/// can open is worth less than a key that takes a guesser twice the memory; so time is doubled instead.
const SCRYPT_LOG_N: u8 = 14;
const SCRYPT_R: u32 = 8;
const SCRYPT_P: u32 = 2;

/// The most that a key file made elsewhere may ask for: 1 GiB of scrypt memory (128 bytes times N times r).
const SCRYPT_N_TIMES_R_MAX: u64 = 1 << 23;
const SCRYPT_P_MAX: u16 = 16;
const PBKDF2_ITERATIONS_MAX: u32 = 10_000_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SystemEntropy;

    fn passphrase() -> Passphrase {
        Passphrase::new("correct horse").unwrap()
    }

    fn keys() -> [PrivateKey; 2] {
        [PrivateKey::new_signing().unwrap(), PrivateKey::new_log(&SystemEntropy).unwrap()]
    }

    #[test]
    fn both_kinds_of_key_come_back_from_both_forms() {
        for key in keys() {
            let protected = key.to_protected_pem(&passphrase(), &SystemEntropy).unwrap();
            let plain = key.to_plain_pem().unwrap();
            for back in [
                PrivateKey::from_protected_pem(&protected, &passphrase()).unwrap(),
                PrivateKey::from_plain_pem(&plain).unwrap(),
            ] {
                assert_eq!((back.kind(), back.public_key()), (key.kind(), key.public_key()));
                assert_eq!(back.pkcs8(), key.pkcs8());
            }
        }
    }

    #[test]
    fn a_key_protected_twice_never_looks_the_same() {
        let [key, _] = keys();
        let one = key.to_protected_pem(&passphrase(), &SystemEntropy).unwrap();
        assert_ne!(one, key.to_protected_pem(&passphrase(), &SystemEntropy).unwrap());
    }

    #[test]
    fn a_wrong_passphrase_is_told_from_a_broken_file() {
        let [key, _] = keys();
        let protected = key.to_protected_pem(&passphrase(), &SystemEntropy).unwrap();
        let wrong = Passphrase::new("correct horsf").unwrap();
        for _ in 0..3 {
            assert_eq!(
                PrivateKey::from_protected_pem(&protected, &wrong).err(),
                Some(PrivateKeyRefusal::WrongPassphrase)
            );
        }
        let broken = protected.replace("-----END", "----END");
        assert_eq!(
            PrivateKey::from_protected_pem(&broken, &passphrase()).err(),
            Some(PrivateKeyRefusal::Malformed)
        );
    }

    #[test]
    fn protected_and_plain_keys_are_not_taken_for_each_other() {
        let [key, _] = keys();
        let protected = key.to_protected_pem(&passphrase(), &SystemEntropy).unwrap();
        let plain = key.to_plain_pem().unwrap();
        assert_eq!(PrivateKey::from_plain_pem(&protected).err(), Some(PrivateKeyRefusal::Protected));
        assert_eq!(
            PrivateKey::from_protected_pem(&plain, &passphrase()).err(),
            Some(PrivateKeyRefusal::NotProtected)
        );
    }

    #[test]
    fn a_file_that_asks_for_boundless_work_is_refused_before_the_work() {
        let salt = [0; 16];
        for (cost_parameter, block_size, parallelization) in
            [(1 << 40, 8, 1), (0, 8, 1), (1 << 20, 9, 1), (2, 1, 17)]
        {
            let kdf = pbes2::Kdf::Scrypt(pbes2::ScryptParams {
                salt: &salt,
                cost_parameter,
                block_size,
                parallelization,
                key_length: None,
            });
            let scheme =
                pbes2::Parameters { kdf, encryption: pbes2::EncryptionScheme::Aes256Cbc { iv: &salt } };
            let protected =
                EncryptedPrivateKeyInfo { encryption_algorithm: scheme.into(), encrypted_data: &[0; 32] };
            let pem = pem(SecretDocument::encode_msg(&protected).unwrap(), PROTECTED_LABEL).unwrap();
            assert_eq!(
                PrivateKey::from_protected_pem(&pem, &passphrase()).err(),
                Some(PrivateKeyRefusal::Malformed)
            );
        }
    }

    #[test]
    fn a_private_key_does_not_print() {
        for key in keys() {
            assert_eq!(format!("{key:?} {key:#?}"), "PrivateKey PrivateKey");
        }
    }
}
