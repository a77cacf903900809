//! C2SP signed-note: a text with signature lines (c2sp.org/signed-note).
//!
//! Text enters, a parsed note leaves; it prints as exactly the text it was parsed from. Lines of unknown
//! keys and kinds are kept untouched, so that post-quantum lines may stand beside ours. Nobody may read
//! `Note::text` for its meaning before a signature of a known key is verified.

use std::fmt;

use crate::limits::{NOTE_BYTES_MAX, NOTE_SIGNATURES_MAX};

use super::base64;
use super::verifier_key::{KeyId, KeyKind, KeyName, VerifierKey, key_id};

/// Signs with one Ed25519 key (port). The name it signs under is an argument of whoever signs: a log key
/// signs under the origin of each log.
pub trait NoteSigner: Send + Sync + fmt::Debug {
    /// The 32 bytes of the Ed25519 public key.
    fn public_key(&self) -> [u8; 32];
    /// Signs `message` with Ed25519; 64 bytes.
    fn sign(&self, message: &[u8]) -> [u8; 64];
}

/// Why a text is not a signed note.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MalformedNote {
    /// Longer than any note of ours.
    #[error("the signed note has {0} bytes, more than {NOTE_BYTES_MAX}")]
    TooLong(usize),
    /// More signatures than are read.
    #[error("the signed note has more than {NOTE_SIGNATURES_MAX} signatures")]
    TooManySignatures,
    /// A control character other than the end of a line.
    #[error("the signed note has a control character")]
    ControlCharacter,
    /// No blank line with signature lines after it, or an unfinished last line.
    #[error("the signed note does not end in a blank line and complete signature lines")]
    Signatures,
    /// A line that is no signature line.
    #[error("signature line {0} of the note is malformed")]
    Line(usize),
    /// Two lines of the same key.
    #[error("signature line {0} of the note repeats a key")]
    Repeated(usize),
}

impl MalformedNote {
    /// Stable code of the refusal.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::TooLong(_) | Self::TooManySignatures => "NOTE_TOO_LONG",
            _ => "NOTE_MALFORMED",
        }
    }
}

/// Why a note does not count as signed by a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureRefused {
    /// The key has no line in the note.
    #[error("the note carries no signature by {0}")]
    Missing(VerifierKey),
    /// The key's line is not its signature over the text.
    #[error("the signature by {0} in the note is wrong")]
    Wrong(VerifierKey),
    /// The key is not a log key.
    #[error("{0} is a cosigner's key, not a log's")]
    NotALogKey(VerifierKey),
}

impl SignatureRefused {
    /// Stable code of the refusal.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Missing(_) => "NOTE_SIGNATURE_MISSING",
            Self::Wrong(_) => "NOTE_SIGNATURE_INVALID",
            Self::NotALogKey(_) => "NOTE_KEY_KIND",
        }
    }
}

/// A text and its signature lines, well-formed but not verified. Prints as the whole note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<SignatureLine>,
}

impl Note {
    /// Parses a note strictly.
    pub fn parse(note: &str) -> Result<Self, MalformedNote> {
        if note.len() > NOTE_BYTES_MAX {
            return Err(MalformedNote::TooLong(note.len()));
        }
        if note.contains(|c: char| c < ' ' && c != '\n') {
            return Err(MalformedNote::ControlCharacter);
        }
        // The last blank line separates; the text may have blank lines of its own.
        let (text, lines) = note.rsplit_once("\n\n").ok_or(MalformedNote::Signatures)?;
        let lines = lines.strip_suffix('\n').ok_or(MalformedNote::Signatures)?;
        let mut signatures: Vec<SignatureLine> = Vec::new();
        for (number, line) in (1..).zip(lines.split('\n')) {
            if number > NOTE_SIGNATURES_MAX {
                return Err(MalformedNote::TooManySignatures);
            }
            let line = SignatureLine::parse(line).ok_or(MalformedNote::Line(number))?;
            if signatures.iter().any(|earlier| earlier.is_by_same_key(&line)) {
                return Err(MalformedNote::Repeated(number));
            }
            signatures.push(line);
        }
        Ok(Self { text: format!("{text}\n"), signatures })
    }

    /// Signs a text that ends in a newline. Not public: a log key signs checkpoints and nothing else.
    pub(super) fn signed(text: String, name: &KeyName, signer: &dyn NoteSigner) -> Self {
        let signature = signer.sign(text.as_bytes()).to_vec();
        let key_id = key_id(name, KeyKind::Log, &signer.public_key());
        Self { text, signatures: vec![SignatureLine { name: name.clone(), key_id, signature }] }
    }

    /// The signed text with its last newline. It means nothing until a signature is verified.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// All signature lines in order, those of unknown keys included.
    pub fn signatures(&self) -> &[SignatureLine] {
        &self.signatures
    }

    /// The line that names this key; it may still be wrong.
    pub fn line_of(&self, key: &VerifierKey) -> Option<&SignatureLine> {
        let id = key.id();
        self.signatures.iter().find(|line| line.name == key.name && line.key_id == id)
    }

    /// Checks that a log key signed the text.
    pub fn verify(&self, key: &VerifierKey) -> Result<(), SignatureRefused> {
        if key.kind != KeyKind::Log {
            return Err(SignatureRefused::NotALogKey(key.clone()));
        }
        let line = self.line_of(key).ok_or_else(|| SignatureRefused::Missing(key.clone()))?;
        if key.verifies(self.text.as_bytes(), &line.signature) {
            Ok(())
        } else {
            Err(SignatureRefused::Wrong(key.clone()))
        }
    }

    /// The note with one more line; a line of the same key is replaced in its place, all others stay as
    /// they are. Callers have verified `line`.
    pub(super) fn with_line(&self, line: SignatureLine) -> Result<Self, MalformedNote> {
        let mut note = self.clone();
        if let Some(earlier) = note.signatures.iter_mut().find(|earlier| earlier.is_by_same_key(&line)) {
            *earlier = line;
        } else if note.signatures.len() < NOTE_SIGNATURES_MAX {
            note.signatures.push(line);
        } else {
            return Err(MalformedNote::TooManySignatures);
        }
        let length = note.to_string().len();
        if length > NOTE_BYTES_MAX { Err(MalformedNote::TooLong(length)) } else { Ok(note) }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

/// One signature line. Prints without the newline that ends it in a note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureLine {
    /// Name of the key.
    pub name: KeyName,
    /// Id of the key.
    pub key_id: KeyId,
    /// Whatever a key of this kind writes.
    pub signature: Vec<u8>,
}

impl SignatureLine {
    /// Parses a line without its newline; nothing if it is malformed.
    pub fn parse(line: &str) -> Option<Self> {
        let (name, signature) = line.strip_prefix("\u{2014} ")?.split_once(' ')?;
        let bytes = base64::decode(signature)?;
        let (key_id, signature) = bytes.split_first_chunk()?;
        if signature.is_empty() {
            return None;
        }
        let name = KeyName::parse(name).ok()?;
        Some(Self { name, key_id: KeyId::from_bytes(*key_id), signature: signature.to_vec() })
    }

    fn is_by_same_key(&self, other: &Self) -> bool {
        self.name == other.name && self.key_id == other.key_id
    }
}

impl fmt::Display for SignatureLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [self.key_id.as_bytes().as_slice(), &self.signature].concat();
        write!(f, "\u{2014} {} {}", self.name, base64::encode(&bytes))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::fixture::{SeedSigner, each_flip_and_truncation, log_key, name};
    use super::*;

    /// From the signed-note specification.
    const EXAMPLE: &str = "This is an example message.\n\n\
        \u{2014} example.com/foo \
        Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";
    const EXAMPLE_KEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";

    #[test]
    fn the_note_of_the_specification_verifies() {
        let note = Note::parse(EXAMPLE).unwrap();
        assert_eq!(note.text(), "This is an example message.\n");
        assert_eq!(note.verify(&VerifierKey::parse(EXAMPLE_KEY).unwrap()), Ok(()));
        assert_eq!(note.to_string(), EXAMPLE);
    }

    #[test]
    fn every_bit_flip_and_truncation_of_a_note_is_refused() {
        let key = VerifierKey::parse(EXAMPLE_KEY).unwrap();
        each_flip_and_truncation(EXAMPLE, |damaged| {
            let accepted = Note::parse(damaged).is_ok_and(|note| note.verify(&key).is_ok());
            assert!(!accepted, "{damaged}");
        });
    }

    #[test]
    fn lines_of_unknown_keys_are_kept_and_do_not_count() {
        let (signer, origin) = (SeedSigner::new(1), name("a.example/log"));
        let stranger = SignatureLine {
            name: name("b.example/pq"),
            key_id: KeyId::from_bytes([6; 4]),
            signature: vec![7; 2428],
        };
        let note = Note::signed("text\n".into(), &origin, &signer).with_line(stranger.clone()).unwrap();
        let read = Note::parse(&note.to_string()).unwrap();
        assert_eq!(read.signatures().get(1), Some(&stranger));
        assert_eq!(read.verify(&log_key(&signer, &origin)), Ok(()));
        let other = log_key(&SeedSigner::new(2), &origin);
        assert_eq!(read.verify(&other), Err(SignatureRefused::Missing(other)));
    }

    #[test]
    fn a_known_key_with_a_foreign_signature_is_refused() {
        let (signer, origin) = (SeedSigner::new(1), name("a.example/log"));
        let key = log_key(&signer, &origin);
        let mut note = Note::signed("text\n".into(), &origin, &signer);
        note.text = "other\n".into();
        assert_eq!(note.verify(&key), Err(SignatureRefused::Wrong(key.clone())));
        let cosigner = VerifierKey { kind: KeyKind::Cosigner, ..key };
        assert_eq!(note.verify(&cosigner), Err(SignatureRefused::NotALogKey(cosigner)));
    }

    #[test]
    fn malformed_notes_are_refused_with_their_reason() {
        let line = EXAMPLE.rsplit("\n\n").next().unwrap();
        let repeated = format!("{EXAMPLE}{line}");
        assert_eq!(Note::parse(&repeated), Err(MalformedNote::Repeated(2)));
        assert_eq!(Note::parse(&"x".repeat(NOTE_BYTES_MAX + 1)).unwrap_err().reason(), "NOTE_TOO_LONG");
        assert_eq!(Note::parse(&EXAMPLE.replace('\n', "\r\n")), Err(MalformedNote::ControlCharacter));
        for unsigned in ["", "text\n", "text\n\n", "text\n\n\n"] {
            assert_eq!(Note::parse(unsigned), Err(MalformedNote::Signatures), "{unsigned:?}");
        }
        for line in [
            "- k AAAAAAA=",
            "\u{2014} k  AAAAAAA=",
            "\u{2014} k AAAAAA==",
            "\u{2014} k AAAAAAA",
            "\u{2014} k AAAAAAB=",
            "\u{2014} k AAAAAAA= ",
        ] {
            assert_eq!(Note::parse(&format!("text\n\n{line}\n")), Err(MalformedNote::Line(1)), "{line:?}");
        }
    }

    #[test]
    fn a_note_has_at_most_so_many_bytes_and_signature_lines() {
        let lines = |count: usize| -> String {
            (0..count).map(|number| format!("\u{2014} k{number} AAAAAAA=\n")).collect()
        };
        let most = Note::parse(&format!("text\n\n{}", lines(NOTE_SIGNATURES_MAX))).unwrap();
        assert_eq!(most.signatures().len(), NOTE_SIGNATURES_MAX);
        let beyond = format!("text\n\n{}", lines(NOTE_SIGNATURES_MAX + 1));
        assert_eq!(Note::parse(&beyond), Err(MalformedNote::TooManySignatures));
        let of_length =
            |length: usize| format!("{}\n\n{}", "x".repeat(length - 2 - lines(1).len()), lines(1));
        assert_eq!(Note::parse(&of_length(NOTE_BYTES_MAX)).unwrap().to_string().len(), NOTE_BYTES_MAX);
        let refused = Err(MalformedNote::TooLong(NOTE_BYTES_MAX + 1));
        assert_eq!(Note::parse(&of_length(NOTE_BYTES_MAX + 1)), refused);
    }

    #[test]
    fn a_full_note_takes_no_further_line() {
        let line = |number: usize, bytes: usize| SignatureLine {
            name: name(&format!("k{number}")),
            key_id: KeyId::from_bytes([0; 4]),
            signature: vec![0; bytes],
        };
        let lines = (0..NOTE_SIGNATURES_MAX).map(|number| line(number, 64));
        let mut note = Note { text: "text\n".into(), signatures: lines.collect() };
        assert_eq!(note.with_line(line(3, 65)).unwrap().signatures().len(), NOTE_SIGNATURES_MAX);
        assert_eq!(note.with_line(line(NOTE_SIGNATURES_MAX, 64)), Err(MalformedNote::TooManySignatures));
        note.signatures.truncate(1);
        assert_eq!(note.with_line(line(1, NOTE_BYTES_MAX)).unwrap_err().reason(), "NOTE_TOO_LONG");
    }

    fn notes() -> impl Strategy<Value = Note> {
        let line = ("[!-*,-~À-ž]{1,20}", any::<[u8; 4]>(), prop::collection::vec(any::<u8>(), 1..90));
        let line = line.prop_map(|(text, id, signature)| SignatureLine {
            name: name(&text),
            key_id: KeyId::from_bytes(id),
            signature,
        });
        ("([ -~가-힣]{0,20}\n){1,5}", prop::collection::vec(line, 1..5))
            .prop_map(|(text, signatures)| Note { text, signatures })
    }

    proptest! {
        #[test]
        fn a_note_reads_back_as_it_was_printed(note in notes()) {
            let repeats = note.signatures.iter().enumerate()
                .any(|(n, line)| note.signatures.iter().take(n).any(|earlier| earlier.is_by_same_key(line)));
            prop_assume!(!repeats);
            prop_assert_eq!(Note::parse(&note.to_string()), Ok(note));
        }

        #[test]
        fn no_note_has_two_spellings(text in "[a-c\n]{0,6}\n\n(\u{2014} ?[ab] ?[A-C=]{0,12}\n?){0,2}") {
            if let Ok(note) = Note::parse(&text) {
                prop_assert_eq!(note.to_string(), text);
            }
        }
    }
}
