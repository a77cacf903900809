//! Recipient type `scrypt`: files that a passphrase opens. It protects key files; never sealed parts.

use std::fmt;

use data_encoding::BASE64_NOPAD;
use zeroize::Zeroizing;

use super::stanza::decode_exact;
use super::x25519::{unwrap_with, wrap_with};
use super::{FileKey, OpenError, Opener, SealError, Stanza, file};
use crate::entropy::{Entropy, random};
use crate::limits::{WORK_FACTOR, WORK_FACTOR_MAX};

/// First argument of the stanza.
pub(super) const KIND: &str = "scrypt";
const SALT_LABEL: &[u8] = b"age-encryption.org/v1/scrypt";

/// Protects `plain` with a passphrase, as an age file that `age -d` opens too.
pub fn protect(passphrase: &str, plain: &[u8], entropy: &dyn Entropy) -> Result<Vec<u8>, SealError> {
    protect_with_work(passphrase, plain, WORK_FACTOR, entropy)
}

/// Protects `plain` with a passphrase whose trial costs 2^`work_factor` KiB of memory and as many steps.
pub fn protect_with_work(
    passphrase: &str,
    plain: &[u8],
    work_factor: u8,
    entropy: &dyn Entropy,
) -> Result<Vec<u8>, SealError> {
    let key = FileKey::generate(entropy)?;
    let stanza = wrap(&key, passphrase, work_factor, entropy)?;
    file::encrypt_to(&[stanza], &key, plain, entropy)
}

/// The stanza by which a passphrase opens the file of `key`.
pub(super) fn wrap(
    key: &FileKey,
    passphrase: &str,
    work_factor: u8,
    entropy: &dyn Entropy,
) -> Result<Stanza, SealError> {
    if !(1..=WORK_FACTOR_MAX).contains(&work_factor) {
        return Err(SealError::WorkFactor(work_factor));
    }
    let lock = Lock { salt: random(entropy)?, work_factor };
    let wrap_key = lock.wrap_key(passphrase).ok_or(SealError::Cipher)?;
    Ok(Stanza {
        kind: KIND.to_owned(),
        arguments: vec![BASE64_NOPAD.encode(&lock.salt), lock.work_factor.to_string()],
        body: wrap_with(&wrap_key, key).ok_or(SealError::Cipher)?,
    })
}

/// Opens what `protect` made; a wrong passphrase is `SEAL_NOT_FOR_US`.
pub fn unprotect(passphrase: &str, bytes: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    file::decrypt(bytes, &[&PassphraseKey::new(passphrase)])
}

/// A passphrase that opens files; wiped when dropped.
pub struct PassphraseKey(Zeroizing<String>);

impl PassphraseKey {
    /// Takes a copy of `passphrase`.
    pub fn new(passphrase: &str) -> Self {
        Self(Zeroizing::new(passphrase.to_owned()))
    }
}

impl fmt::Debug for PassphraseKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PassphraseKey")
    }
}

impl Opener for PassphraseKey {
    fn unwrap(&self, stanza: &Stanza) -> Option<Zeroizing<[u8; 16]>> {
        if stanza.kind != KIND {
            return None;
        }
        unwrap_with(&*lock(stanza).ok()?.wrap_key(&self.0)?, &stanza.body)
    }
}

/// What makes guessing one file's passphrase slow.
pub(super) struct Lock {
    salt: [u8; 16],
    work_factor: u8,
}

impl Lock {
    fn wrap_key(&self, passphrase: &str) -> Option<Zeroizing<[u8; 32]>> {
        let mut key = Zeroizing::new([0; 32]);
        let parameters = scrypt::Params::new(self.work_factor, 8, 1, 32).ok()?;
        let salt = [SALT_LABEL, &self.salt].concat();
        scrypt::scrypt(passphrase.as_bytes(), &salt, &parameters, key.as_mut_slice()).ok()?;
        Some(key)
    }
}

/// The lock of a scrypt stanza whose form is right. The bound comes before any work: an unknown file must
/// not be able to claim all memory.
pub(super) fn lock(stanza: &Stanza) -> Result<Lock, &'static str> {
    let [salt, work] = stanza.arguments.as_slice() else {
        return Err("a scrypt stanza has three arguments");
    };
    let salt = decode_exact(salt).ok_or("a scrypt salt has 16 bytes")?;
    if stanza.body.len() != 32 {
        return Err("a wrapped file key has 32 bytes");
    }
    let work_factor = work.parse::<u8>().map_err(|_| "the work factor is no number")?;
    if work_factor.to_string() != *work || !(1..=WORK_FACTOR_MAX).contains(&work_factor) {
        return Err("the passphrase work factor is out of bounds");
    }
    Ok(Lock { salt, work_factor })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SystemEntropy;

    #[test]
    fn the_right_passphrase_alone_opens() {
        let file = protect_with_work("tulip harbour", b"secret", 4, &SystemEntropy).unwrap();
        assert_eq!(unprotect("tulip harbour", &file).unwrap().as_slice(), b"secret");
        assert_eq!(unprotect("tulip harbor", &file).unwrap_err().reason(), "SEAL_NOT_FOR_US");
    }

    #[test]
    fn an_expensive_or_oddly_written_work_factor_is_refused_before_any_work() {
        let of_work = |work: String| {
            let salt = BASE64_NOPAD.encode(&[1; 16]);
            Stanza { kind: KIND.into(), arguments: vec![salt, work], body: vec![0; 32] }
        };
        assert!(lock(&of_work(WORK_FACTOR_MAX.to_string())).is_ok(), "the bound itself is still worked for");
        assert!(lock(&of_work((WORK_FACTOR_MAX + 1).to_string())).is_err());
        for work in ["22", "255", "256", "0", "-1", "+4", "04", "4 ", "0x4", "four", ""] {
            assert!(lock(&of_work(work.to_owned())).is_err(), "{work}");
        }
        for work in [0, WORK_FACTOR_MAX + 1, 64] {
            let refused = protect_with_work("tulip", b"", work, &SystemEntropy).unwrap_err();
            assert_eq!(refused.reason(), "SEAL_WORK_FACTOR");
        }
    }

    #[test]
    fn debug_tells_nothing() {
        assert_eq!(format!("{:?}", PassphraseKey::new("tulip")), "PassphraseKey");
    }
}
