//! Keys in files: signers of records, of notes and openers of sealed parts, each read from a file that is
//! closed to others.
//!
//! Keys that a person uses are protected by a passphrase. Keys that a gateway needs at start (TLS, log)
//! are plain PKCS#8, guarded by the mode of the file alone.

use std::fmt;
use std::path::Path;

use der::Decode;
use ring::rand::SystemRandom;
use ring::signature::{EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use x509_cert::Certificate;

use super::branch::Serial;
use super::error::KeyError;
use super::passphrase::Passphrase;
use super::private_key::{PrivateKey, PrivateKeyRefusal};
use super::rotation::next_of;
use super::secret_file;
use crate::entropy::Entropy;
use crate::limits;
use crate::time::Timestamp;
use crate::tlog::signed_note::NoteSigner;
use crate::trust::signature::{Signer, SigningFault};

/// Signs records with a P-256 key from a file.
pub struct FileSigner {
    certificate: Vec<u8>,
    intermediates: Vec<Vec<u8>>,
    key: EcdsaKeyPair,
}

impl FileSigner {
    /// Opens a protected key and its certificate chain (PEM, leaf first; the root may be left out).
    pub fn open(key: &Path, chain: &Path, passphrase: &Passphrase) -> Result<Self, KeyError> {
        // The certificates come first, because deriving a key from a passphrase takes its time.
        let certificates = read_certificates(chain)?;
        let is_mismatch = |error: &KeyError| matches!(error, KeyError::CertificateMismatch { .. });
        with_next(key, is_mismatch, |key| {
            Self::join(key, &open_protected(key, passphrase)?, chain, certificates.clone())
        })
    }

    fn join(
        key_path: &Path,
        key: &PrivateKey,
        chain_path: &Path,
        certificates: Vec<CertificateDer<'static>>,
    ) -> Result<Self, KeyError> {
        let pair = key.ecdsa().map_err(|_| KeyError::malformed(key_path, "a P-256 private key"))?;
        check_certificate(key_path, key, chain_path, &certificates)?;
        let mut links = certificates.into_iter().map(|link| link.to_vec());
        let certificate = links.next().ok_or_else(|| KeyError::malformed(chain_path, CHAIN))?;
        let intermediates = links.filter(|link| !is_self_issued(link)).collect();
        Ok(Self { certificate, intermediates, key: pair })
    }
}

impl Signer for FileSigner {
    fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    fn intermediates(&self) -> &[Vec<u8>] {
        &self.intermediates
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SigningFault> {
        let signature = self.key.sign(&SystemRandom::new(), message);
        let signature =
            signature.map_err(|_| SigningFault("the operating system gave no random bytes".into()))?;
        Ok(signature.as_ref().to_vec())
    }
}

impl fmt::Debug for FileSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FileSigner")
    }
}

/// Signs checkpoints and cosignatures with an Ed25519 key from a file.
pub struct FileNoteSigner(Ed25519KeyPair);

impl FileNoteSigner {
    /// Opens an unprotected key: a gateway signs its log unattended.
    pub fn open(path: &Path) -> Result<Self, KeyError> {
        Self::of(path, &open_plain(path)?)
    }

    /// Opens a protected key.
    pub fn open_protected(path: &Path, passphrase: &Passphrase) -> Result<Self, KeyError> {
        Self::of(path, &open_protected(path, passphrase)?)
    }

    fn of(path: &Path, key: &PrivateKey) -> Result<Self, KeyError> {
        key.ed25519().map(Self).map_err(|_| KeyError::malformed(path, "an Ed25519 private key"))
    }
}

impl NoteSigner for FileNoteSigner {
    fn public_key(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        for (to, from) in bytes.iter_mut().zip(self.0.public_key().as_ref()) {
            *to = *from;
        }
        bytes
    }

    fn sign(&self, message: &[u8]) -> [u8; 64] {
        let mut bytes = [0; 64];
        for (to, from) in bytes.iter_mut().zip(self.0.sign(message).as_ref()) {
            *to = *from;
        }
        bytes
    }
}

impl fmt::Debug for FileNoteSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FileNoteSigner")
    }
}

/// Opens a key that is protected by a passphrase.
pub fn open_protected(path: &Path, passphrase: &Passphrase) -> Result<PrivateKey, KeyError> {
    let bytes = secret_file::read_secret(path)?;
    let pem = std::str::from_utf8(&bytes).map_err(|_| KeyError::malformed(path, PRIVATE_KEY))?;
    PrivateKey::from_protected_pem(pem, passphrase).map_err(|refusal| at(path, refusal))
}

/// Opens a key that is not protected.
pub fn open_plain(path: &Path) -> Result<PrivateKey, KeyError> {
    let bytes = secret_file::read_secret(path)?;
    let pem = std::str::from_utf8(&bytes).map_err(|_| KeyError::malformed(path, PRIVATE_KEY))?;
    PrivateKey::from_plain_pem(pem).map_err(|refusal| at(path, refusal))
}

/// Writes a key into a new file, protected by a passphrase.
pub fn save_protected(
    path: &Path,
    key: &PrivateKey,
    passphrase: &Passphrase,
    entropy: &dyn Entropy,
) -> Result<(), KeyError> {
    let pem = key.to_protected_pem(passphrase, entropy).map_err(|refusal| at(path, refusal))?;
    secret_file::create(path, pem.as_bytes())
}

/// Puts a key under another passphrase. The key and its certificate stay what they are.
pub fn change_passphrase(
    path: &Path,
    from: &Passphrase,
    to: &Passphrase,
    entropy: &dyn Entropy,
) -> Result<(), KeyError> {
    let key = open_protected(path, from)?;
    let pem = key.to_protected_pem(to, entropy).map_err(|refusal| at(path, refusal))?;
    secret_file::replace(path, pem.as_bytes())
}

/// Writes a key into a new file, guarded by the mode of the file alone.
pub fn save_plain(path: &Path, key: &PrivateKey) -> Result<(), KeyError> {
    let pem = key.to_plain_pem().map_err(|refusal| at(path, refusal))?;
    secret_file::create(path, pem.as_bytes())
}

/// Reads a chain of certificates, PEM, at least one.
pub fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, KeyError> {
    let pem = secret_file::read_public(path, limits::CHAIN_BYTES_MAX)?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    certificates.ok().filter(|chain| !chain.is_empty()).ok_or_else(|| KeyError::malformed(path, CHAIN))
}

/// The public key that a certificate, DER, is for, as private keys tell theirs.
pub fn certified_key(certificate: &[u8]) -> Option<Vec<u8>> {
    let certificate = Certificate::from_der(certificate).ok()?;
    let key = certificate.tbs_certificate.subject_public_key_info.subject_public_key;
    Some(key.raw_bytes().to_vec())
}

/// The serial number of a certificate, DER, that an authority of ours issued.
pub fn certificate_serial(certificate: &[u8]) -> Option<Serial> {
    let certificate = Certificate::from_der(certificate).ok()?;
    Serial::from_slice(certificate.tbs_certificate.serial_number.as_bytes())
}

/// Reads the files of a key that a certificate is for: those of the key itself, or where the certificate is not for
/// it those of the next key, which a rotation may have left beside it.
pub fn with_next<T, E>(
    key: &Path,
    is_mismatch: impl Fn(&E) -> bool,
    read: impl Fn(&Path) -> Result<T, E>,
) -> Result<T, E> {
    match read(key) {
        Err(mismatch) if is_mismatch(&mismatch) => read(&next_of(key)).map_err(|_| mismatch),
        outcome => outcome,
    }
}

/// When a certificate, DER, begins and ends.
pub fn certificate_validity(certificate: &[u8]) -> Option<(Timestamp, Timestamp)> {
    let validity = Certificate::from_der(certificate).ok()?.tbs_certificate.validity;
    let instant = |time: x509_cert::time::Time| {
        i64::try_from(time.to_unix_duration().as_secs()).ok().map(Timestamp::from_seconds)
    };
    Some((instant(validity.not_before)?, instant(validity.not_after)?))
}

pub(super) fn at(path: &Path, refusal: PrivateKeyRefusal) -> KeyError {
    match refusal {
        PrivateKeyRefusal::Entropy(missing) => KeyError::Entropy(missing),
        PrivateKeyRefusal::Malformed => KeyError::malformed(path, PRIVATE_KEY),
        PrivateKeyRefusal::NotProtected => KeyError::NotProtected(path.to_owned()),
        PrivateKeyRefusal::Protected => KeyError::Protected(path.to_owned()),
        PrivateKeyRefusal::WrongPassphrase => KeyError::WrongPassphrase(path.to_owned()),
    }
}

/// The first certificate of the chain must be the key's own.
fn check_certificate(
    key_path: &Path,
    key: &PrivateKey,
    chain_path: &Path,
    chain: &[CertificateDer<'static>],
) -> Result<(), KeyError> {
    let leaf = chain.first().and_then(|leaf| Certificate::from_der(leaf).ok());
    let leaf = leaf.ok_or_else(|| KeyError::malformed(chain_path, CHAIN))?;
    if leaf.tbs_certificate.subject_public_key_info.subject_public_key.raw_bytes() == key.public_key() {
        return Ok(());
    }
    Err(KeyError::CertificateMismatch { key: key_path.to_owned(), certificate: chain_path.to_owned() })
}

fn is_self_issued(certificate: &[u8]) -> bool {
    Certificate::from_der(certificate)
        .is_ok_and(|parsed| parsed.tbs_certificate.issuer == parsed.tbs_certificate.subject)
}

const PRIVATE_KEY: &str = "a P-256 or Ed25519 private key (PKCS#8, PEM)";
const CHAIN: &str = "a chain of certificates (PEM), leaf first";

#[cfg(test)]
mod tests;
