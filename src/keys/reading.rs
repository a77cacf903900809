//! Reading keys in files: an age file that the passphrase opens and that holds the key as age writes it, so
//! that `age -d` shows it to whoever must read an archive without us.

use std::path::Path;

use zeroize::Zeroizing;

use super::error::KeyError;
use super::passphrase::Passphrase;
use super::secret_file;
use crate::entropy::Entropy;
use crate::message::seal::{self, OpenError, ReadingKey};

/// Opens a reading key.
pub fn open_reading_key(path: &Path, passphrase: &Passphrase) -> Result<ReadingKey, KeyError> {
    let protected = secret_file::read_secret(path)?;
    let plain = seal::unprotect(passphrase.expose(), &protected).map_err(|refusal| match refusal {
        OpenError::NotForUs => KeyError::WrongPassphrase(path.to_owned()),
        _ => KeyError::malformed(path, READING_KEY),
    })?;
    parsed(path, &plain)
}

/// Opens a key that may as well lie in its file as `age-keygen` writes it; one that is protected asks for its
/// passphrase.
pub fn open_identity<E: From<KeyError>>(
    path: &Path,
    passphrase: impl FnOnce() -> Result<Passphrase, E>,
) -> Result<ReadingKey, E> {
    let bytes = secret_file::read_secret(path)?;
    match bytes.starts_with(AGE_FILE) {
        true => Ok(open_reading_key(path, &passphrase()?)?),
        false => Ok(parsed(path, &bytes)?),
    }
}

fn parsed(path: &Path, plain: &[u8]) -> Result<ReadingKey, KeyError> {
    let text = std::str::from_utf8(plain).map_err(|_| KeyError::malformed(path, READING_KEY))?;
    let mut lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let key = match (lines.next(), lines.next()) {
        (Some(line), None) => ReadingKey::parse(line).ok(),
        _ => None,
    };
    key.ok_or_else(|| KeyError::malformed(path, READING_KEY))
}

/// Writes a reading key into a new file, protected by a passphrase.
pub fn save_reading_key(
    path: &Path,
    key: &ReadingKey,
    passphrase: &Passphrase,
    entropy: &dyn Entropy,
) -> Result<(), KeyError> {
    let secret = key.secret_text();
    let mut plain = Zeroizing::new(Vec::with_capacity(TEXT_BYTES_MAX));
    for part in ["# chancery reading key for ", &key.recipient().to_string(), "\n", &secret, "\n"] {
        plain.extend_from_slice(part.as_bytes());
    }
    let protected = seal::protect_with_work(passphrase.expose(), &plain, WORK_FACTOR, entropy)
        .map_err(|_| KeyError::malformed(path, READING_KEY))?;
    secret_file::create(path, &protected)
}

/// The cost of scrypt: N = 2^15, r = 8, p = 1, that is 32 MiB and 50 to 100 ms. A desk opens its reading key
/// with every command that reads, and the signing key beside it, under the same passphrase, costs a guesser
/// no more: a dearer lock here would protect nothing.
const WORK_FACTOR: u8 = 15;

/// How every age file begins.
const AGE_FILE: &[u8] = b"age-encryption.org/";

const READING_KEY: &str = "a reading key (age file under a passphrase)";

/// A hybrid recipient has about 2,000 characters, its key about 80; the room is taken at once, because a
/// vector that grows leaves copies of the key behind.
const TEXT_BYTES_MAX: usize = 8 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SystemEntropy;
    use crate::keys::generate;

    fn passphrase() -> Passphrase {
        Passphrase::new("correct horse").unwrap()
    }

    #[test]
    fn a_reading_key_comes_back_and_opens_what_was_sealed_to_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("read.key");
        let key = generate::reading_key(&SystemEntropy).unwrap();
        save_reading_key(&path, &key, &passphrase(), &SystemEntropy).unwrap();
        let back = open_reading_key(&path, &passphrase()).unwrap();
        assert_eq!(*back.secret_text(), *key.secret_text());
        let sealed = seal::seal(b"note", &[key.recipient()], &SystemEntropy).unwrap();
        assert_eq!(seal::open(&sealed.bytes, &[&back]).unwrap().as_slice(), b"note");
        assert!(!format!("{back:?}").contains("SECRET"));
    }

    #[test]
    fn a_reading_key_is_neither_overwritten_nor_opened_by_a_wrong_passphrase() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("read.key");
        let key = generate::reading_key(&SystemEntropy).unwrap();
        save_reading_key(&path, &key, &passphrase(), &SystemEntropy).unwrap();
        let wrong = Passphrase::new("wrong horse").unwrap();
        let refusal = open_reading_key(&path, &wrong).unwrap_err();
        assert!(matches!(refusal, KeyError::WrongPassphrase(at) if at == path));
        let again = save_reading_key(&path, &key, &passphrase(), &SystemEntropy).unwrap_err();
        assert_eq!(again.reason(), "KEY_ALREADY_EXISTS");
    }

    #[test]
    fn whatever_else_the_passphrase_opens_is_not_a_reading_key() {
        let directory = tempfile::tempdir().unwrap();
        let secret = generate::reading_key(&SystemEntropy).unwrap().secret_text();
        let twice = format!("{}\n{}\n", *secret, *secret);
        for (number, text) in ["", "# only a remark\n", "noise\n", &twice].into_iter().enumerate() {
            let path = directory.path().join(number.to_string());
            let protected =
                seal::protect_with_work("correct horse", text.as_bytes(), 1, &SystemEntropy).unwrap();
            secret_file::create(&path, &protected).unwrap();
            assert_eq!(open_reading_key(&path, &passphrase()).unwrap_err().reason(), "KEY_FILE_MALFORMED");
        }
        let path = directory.path().join("plain");
        secret_file::create(&path, secret.as_bytes()).unwrap();
        assert_eq!(open_reading_key(&path, &passphrase()).unwrap_err().reason(), "KEY_FILE_MALFORMED");
    }
}
