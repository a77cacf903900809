//! `Passphrase`: what a person knows and a key file needs. Typed or read from a file, never taken from a
//! flag or the environment, never printed, wiped when dropped.

use std::fmt;
use std::path::Path;

use zeroize::Zeroizing;

use super::error::KeyError;
use super::secret_file;

/// A passphrase: one line of text, not empty.
#[derive(Clone)]
pub struct Passphrase(Zeroizing<String>);

/// A text that cannot be a passphrase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a passphrase is one line of 1 to {BYTES_MAX} bytes")]
pub struct InvalidPassphrase;

impl Passphrase {
    /// Takes a text without its line end.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidPassphrase> {
        let text = Zeroizing::new(text.into());
        let valid = (1..=BYTES_MAX).contains(&text.len()) && !text.contains(['\n', '\r', '\0']);
        if valid { Ok(Self(text)) } else { Err(InvalidPassphrase) }
    }

    /// Reads a file that holds the passphrase and at most one line end after it. The file must be closed
    /// to others, like the keys it opens.
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        let bytes = secret_file::read_secret(path)?;
        let text = std::str::from_utf8(&bytes).ok();
        let line = text.map(|text| text.strip_suffix('\n').unwrap_or(text));
        let line = line.map(|line| line.strip_suffix('\r').unwrap_or(line));
        line.and_then(|line| Self::new(line).ok())
            .ok_or_else(|| KeyError::malformed(path, "a passphrase: one line of text, not empty"))
    }

    /// The text, for the derivation of keys and for nothing else.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase")
    }
}

/// openssl reads passphrases of at most this many bytes; what we protect it must be able to open.
const BYTES_MAX: usize = 1023;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_line_that_is_not_empty_is_a_passphrase() {
        assert_eq!(Passphrase::new("correct horse").unwrap().expose(), "correct horse");
        for text in ["", "two\nlines", "line end\n", "nul\0", &"x".repeat(1024)] {
            assert_eq!(Passphrase::new(text).err(), Some(InvalidPassphrase));
        }
    }

    #[test]
    fn a_passphrase_does_not_print() {
        let passphrase = Passphrase::new("correct horse").unwrap();
        assert_eq!(format!("{passphrase:?} {passphrase:#?}"), "Passphrase Passphrase");
    }

    #[test]
    fn one_line_end_after_a_passphrase_in_a_file_is_not_part_of_it() {
        let directory = tempfile::tempdir().unwrap();
        for (number, text) in ["горицвіт", "горицвіт\n", "горицвіт\r\n"].into_iter().enumerate()
        {
            let path = directory.path().join(number.to_string());
            secret_file::create(&path, text.as_bytes()).unwrap();
            assert_eq!(Passphrase::read(&path).unwrap().expose(), "горицвіт");
        }
        let path = directory.path().join("lines");
        secret_file::create(&path, b"one\ntwo\n").unwrap();
        assert_eq!(Passphrase::read(&path).unwrap_err().reason(), "KEY_FILE_MALFORMED");
    }
}
