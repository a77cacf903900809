//! C2SP tlog-checkpoint: origin, size and root hash of a log, signed by the log (c2sp.org/tlog-checkpoint).
//!
//! A checkpoint is believed only after `open`. Extension lines are refused: no auditor could check them.

use crate::digest::Digest;

use super::base64;
use super::merkle::TreeHead;
use super::signed_note::{MalformedNote, Note, NoteSigner, SignatureRefused};
use super::verifier_key::{KeyName, VerifierKey};

/// What a log says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Name of the log, also the name its key signs under.
    pub origin: KeyName,
    /// Number of leaves.
    pub size: u64,
    /// Root hash over them.
    pub root: Digest,
}

/// Why a checkpoint is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointRefused {
    /// Not a signed note.
    #[error(transparent)]
    Note(#[from] MalformedNote),
    /// Not signed by the log.
    #[error(transparent)]
    Signature(#[from] SignatureRefused),
    /// The signed text is not exactly an origin, a size and a root hash.
    #[error("the note's text is not an origin, a canonical size and a root hash on three lines")]
    Malformed,
    /// The log signed a checkpoint of another log under this name.
    #[error("the checkpoint is of the log {found}, signed under the name {expected}")]
    Origin {
        /// The name it is signed under.
        expected: KeyName,
        /// The origin it states.
        found: KeyName,
    },
}

impl CheckpointRefused {
    /// Stable code of the refusal.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Note(note) => note.reason(),
            Self::Signature(signature) => signature.reason(),
            Self::Malformed => "CHECKPOINT_MALFORMED",
            Self::Origin { .. } => "CHECKPOINT_ORIGIN",
        }
    }
}

impl Checkpoint {
    /// The text that is signed.
    pub fn body(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, base64::encode(self.root.as_bytes()))
    }

    /// Reads the text that is signed; this says nothing about who signed it.
    pub fn parse(body: &str) -> Result<Self, CheckpointRefused> {
        let checkpoint = || {
            let mut lines = body.split('\n');
            let origin = KeyName::parse(lines.next()?).ok()?;
            let size = lines.next()?.parse().ok()?;
            let root = base64::decode(lines.next()?)?;
            Some(Self { origin, size, root: Digest::from_slice(&root).ok()? })
        };
        // Printing it again shows extension lines, leading zeros and every other second spelling.
        checkpoint().filter(|read| read.body() == body).ok_or(CheckpointRefused::Malformed)
    }

    /// Signs as the log; the result is the whole note.
    pub fn sign(&self, signer: &dyn NoteSigner) -> String {
        Note::signed(self.body(), &self.origin, signer).to_string()
    }

    /// Reads a note and believes it if the log of the key's name signed it.
    pub fn open(note: &str, log: &VerifierKey) -> Result<Self, CheckpointRefused> {
        Self::of_note(&Note::parse(note)?, log)
    }

    /// Believes a parsed note if the log of the key's name signed it.
    pub fn of_note(note: &Note, log: &VerifierKey) -> Result<Self, CheckpointRefused> {
        note.verify(log)?;
        let checkpoint = Self::parse(note.text())?;
        if checkpoint.origin == log.name {
            Ok(checkpoint)
        } else {
            Err(CheckpointRefused::Origin { expected: log.name.clone(), found: checkpoint.origin })
        }
    }

    /// Size and root hash.
    pub const fn head(&self) -> TreeHead {
        TreeHead { size: self.size, root: self.root }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::fixture::{SeedSigner, each_flip_and_truncation, log_key, name};
    use super::super::verifier_key::KeyKind;
    use super::*;

    fn checkpoint() -> Checkpoint {
        Checkpoint { origin: name("mfa.xa.example/chancery/xb/2026"), size: 777, root: Digest::of(b"root") }
    }

    #[test]
    fn a_signed_checkpoint_opens_with_the_announced_key_under_its_origin() {
        let signer = SeedSigner::new(1);
        let announced = log_key(&signer, &name("mfa.xa.example/chancery"));
        let note = checkpoint().sign(&signer);
        assert_eq!(Checkpoint::open(&note, &announced.with_name(checkpoint().origin)), Ok(checkpoint()));
        let refused = Checkpoint::open(&note, &announced).unwrap_err();
        assert_eq!(refused.reason(), "NOTE_SIGNATURE_MISSING");
    }

    #[test]
    fn the_checkpoint_of_the_specification_reads() {
        let body = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
        let read = Checkpoint::parse(body).unwrap();
        assert_eq!((read.origin.as_str(), read.size), ("example.com/behind-the-sofa", 20_852_163));
        assert_eq!(read.body(), body);
    }

    #[test]
    fn every_bit_flip_and_truncation_of_a_checkpoint_is_refused() {
        let signer = SeedSigner::new(1);
        let key = log_key(&signer, &checkpoint().origin);
        each_flip_and_truncation(&checkpoint().sign(&signer), |damaged| {
            assert!(Checkpoint::open(damaged, &key).is_err(), "{damaged}");
        });
    }

    #[test]
    fn a_checkpoint_in_another_spelling_is_refused_even_if_signed() {
        let signer = SeedSigner::new(1);
        let (origin, good) = (checkpoint().origin, checkpoint().body());
        let root = base64::encode(checkpoint().root.as_bytes());
        for body in [
            good.replace("777", "0777"),
            good.replace("777", "+777"),
            good.replace("777", "-1"),
            good.replace("777", "18446744073709551616"),
            good.replace("777", ""),
            good.replace('=', ""),
            good.replace(&root, &base64::encode(&[1; 31])),
            format!("{good}an extension line\n"),
            format!("{good}\n"),
            format!("\n{good}"),
            "text\n".to_owned(),
        ] {
            assert_ne!(body, good);
            let note = Note::signed(body.clone(), &origin, &signer).to_string();
            let refused = Checkpoint::open(&note, &log_key(&signer, &origin)).unwrap_err();
            assert_eq!(refused, CheckpointRefused::Malformed, "{body}");
        }
    }

    #[test]
    fn a_checkpoint_signed_under_the_name_of_another_log_is_refused() {
        let (signer, other) = (SeedSigner::new(1), name("mfa.xa.example/chancery/xc/2026"));
        let note = Note::signed(checkpoint().body(), &other, &signer).to_string();
        let refused = Checkpoint::open(&note, &log_key(&signer, &other)).unwrap_err();
        assert_eq!(refused, CheckpointRefused::Origin { expected: other, found: checkpoint().origin });
    }

    #[test]
    fn a_cosigner_cannot_speak_for_the_log() {
        let signer = SeedSigner::new(1);
        let cosigner = VerifierKey { kind: KeyKind::Cosigner, ..log_key(&signer, &checkpoint().origin) };
        let refused = Checkpoint::open(&checkpoint().sign(&signer), &cosigner).unwrap_err();
        assert_eq!(refused.reason(), "NOTE_KEY_KIND");
    }

    proptest! {
        #[test]
        fn a_checkpoint_reads_back_as_it_was_printed(
            origin in "[!-*,-~가-힣]{1,40}",
            size: u64,
            root: [u8; 32],
        ) {
            let checkpoint = Checkpoint { origin: name(&origin), size, root: Digest::from_bytes(root) };
            prop_assert_eq!(Checkpoint::parse(&checkpoint.body()), Ok(checkpoint));
        }
    }
}
