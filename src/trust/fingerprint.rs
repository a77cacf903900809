//! `Fingerprint`: the digest of a root certificate in the two forms in which it is read aloud.
//!
//! Two people compare it over a way that is not this system: as hexadecimal groups or as twenty-four words of
//! the BIP 39 English list, which carry a checksum. Both forms parse back.

use std::fmt;

use bip39::{Language, Mnemonic};

use crate::digest::Digest;

/// The SHA-256 of a root certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(Digest);

/// A text that is neither form of a fingerprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidFingerprint {
    /// The words are in the list, but their checksum is wrong: one was misread or two were swapped.
    #[error("the words do not belong together: one was misread or two were swapped")]
    Checksum,
    /// Neither 64 hexadecimal digits nor 24 words.
    #[error("not a fingerprint: 64 hexadecimal digits or 24 words are expected")]
    Form,
    /// A word that is not in the list, counted from 1.
    #[error("word number {0} is not in the list")]
    Word(usize),
}

impl Fingerprint {
    /// The fingerprint of a root certificate, DER.
    pub fn of(root: &[u8]) -> Self {
        Self(Digest::of(root))
    }

    /// The digest itself.
    pub fn digest(&self) -> &Digest {
        &self.0
    }

    /// Sixteen groups of four hexadecimal digits.
    pub fn groups(&self) -> String {
        let hex = self.0.hex();
        let mut text = String::with_capacity(79);
        for (position, digit) in hex.chars().enumerate() {
            if position > 0 && position % 4 == 0 {
                text.push(' ');
            }
            text.push(digit);
        }
        text
    }

    /// Twenty-four words, the last of which carries a checksum.
    pub fn words(&self) -> Vec<&'static str> {
        // Thirty-two bytes are one of the lengths the word list is made for.
        Mnemonic::from_entropy(self.0.as_bytes()).map_or_else(|_| Vec::new(), |words| words.words().collect())
    }

    /// Parses either form, whatever its case and spacing; the groups may also be parted by `:` or `-`, the words by
    /// whatever is no letter: commas, full stops, their numbers.
    pub fn parse(text: &str) -> Result<Self, InvalidFingerprint> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(InvalidFingerprint::Form);
        }
        if let Ok(digits) = parse_groups(&text.to_lowercase()) {
            return Ok(digits);
        }
        let words = Self::words_in(text);
        if words.len() == WORDS { parse_words(&words) } else { Err(InvalidFingerprint::Form) }
    }

    /// The words of a text in small letters, without what stands between them.
    pub fn words_in(text: &str) -> Vec<String> {
        let lower = text.to_lowercase();
        let words = lower.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty());
        words.map(str::to_owned).collect()
    }

    /// Whether a word, in small letters, stands in the list.
    pub fn is_word(word: &str) -> bool {
        Language::English.find_word(word).is_some()
    }
}

impl From<Digest> for Fingerprint {
    fn from(digest: Digest) -> Self {
        Self(digest)
    }
}

impl fmt::Display for Fingerprint {
    /// The hexadecimal groups.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.groups())
    }
}

const WORDS: usize = 24;

/// Twenty-four words of eight letters with their numbers and generous spacing.
const TEXT_BYTES_MAX: usize = 1024;

fn parse_words(words: &[String]) -> Result<Fingerprint, InvalidFingerprint> {
    let words =
        Mnemonic::parse_in_normalized(Language::English, &words.join(" ")).map_err(|error| match error {
            bip39::Error::UnknownWord(position) => InvalidFingerprint::Word(position.saturating_add(1)),
            bip39::Error::InvalidChecksum => InvalidFingerprint::Checksum,
            _ => InvalidFingerprint::Form,
        })?;
    Digest::from_slice(&words.to_entropy()).map(Fingerprint).map_err(|_| InvalidFingerprint::Form)
}

fn parse_groups(text: &str) -> Result<Fingerprint, InvalidFingerprint> {
    let digits: String =
        text.chars().filter(|digit| !digit.is_whitespace() && !matches!(digit, ':' | '-')).collect();
    Digest::parse(&digits).map(Fingerprint).map_err(|_| InvalidFingerprint::Form)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_zero_fingerprint_reads_as_in_the_standard() {
        let zero = Fingerprint::from(Digest::from_bytes([0; 32]));
        let mut expected = vec!["abandon"; 23];
        expected.push("art");
        assert_eq!(zero.words(), expected);
        assert_eq!(zero.to_string().len(), 79);
    }

    #[test]
    fn a_misread_or_swapped_word_is_noticed() {
        let mut words = Fingerprint::of(b"root").words();
        words.swap(3, 4);
        let swapped = Fingerprint::parse(&words.join(" "));
        assert_eq!(swapped, Err(InvalidFingerprint::Checksum));
        words[7] = "chancery";
        assert_eq!(Fingerprint::parse(&words.join(" ")), Err(InvalidFingerprint::Word(8)));
    }

    #[test]
    fn other_texts_are_refused() {
        let short = Fingerprint::of(b"root").groups()[5..].to_owned();
        for text in ["", "abandon", short.as_str(), "ab".repeat(33).as_str(), " ".repeat(5000).as_str()] {
            assert_eq!(Fingerprint::parse(text), Err(InvalidFingerprint::Form));
        }
    }

    proptest! {
        #[test]
        fn both_forms_parse_back_in_any_case_and_spacing(bytes: [u8; 32]) {
            let fingerprint = Fingerprint::from(Digest::from_bytes(bytes));
            let spoken = fingerprint.words();
            let numbered = |after: &str| -> String {
                let one = |(number, word): (usize, &&str)| format!("{}{after}{word}\n", number + 1);
                spoken.iter().enumerate().map(one).collect()
            };
            let forms = [
                fingerprint.groups(),
                fingerprint.groups().replace(' ', ":").to_uppercase(),
                fingerprint.digest().hex(),
                spoken.join(" "),
                format!("\n {} \t", spoken.join("  \n").to_uppercase()),
                spoken.join(", "),
                numbered(" "),
                numbered(". "),
                numbered(":").to_uppercase(),
            ];
            for form in forms {
                prop_assert_eq!(Fingerprint::parse(&form), Ok(fingerprint));
            }
        }
    }
}
