//! C2SP tlog-cosignature, Ed25519 with a time (c2sp.org/tlog-cosignature, type 0x04).
//!
//! A cosigner states: at this time, this was the largest consistent tree of this log that I had seen; between
//! ministries it also states that the cosigner holds every leaf. A checkpoint that was verified enters, a
//! signature line leaves. The caller has proven consistency and stored the checkpoint durably before it
//! cosigns. Nothing here judges whether a time is plausible.

use crate::time::Timestamp;

use super::checkpoint::Checkpoint;
use super::signed_note::{MalformedNote, Note, NoteSigner, SignatureLine};
use super::verifier_key::{KeyKind, KeyName, VerifierKey, key_id};

/// Why a cosignature does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CosignatureRefused {
    /// The text is no signature line, or one of another key.
    #[error("the text is not a cosignature line by {0}")]
    Line(VerifierKey),
    /// The cosigner has no line in the note.
    #[error("the checkpoint carries no cosignature by {0}")]
    Missing(VerifierKey),
    /// The line is not that cosigner's over this checkpoint.
    #[error("the cosignature by {0} is wrong")]
    Wrong(VerifierKey),
    /// The key is not a cosigner's.
    #[error("{0} is a log's key, not a cosigner's")]
    NotACosignerKey(VerifierKey),
    /// The note takes no further line.
    #[error(transparent)]
    Full(#[from] MalformedNote),
}

impl CosignatureRefused {
    /// Stable code of the refusal.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Line(_) => "COSIGNATURE_LINE",
            Self::Missing(_) => "COSIGNATURE_MISSING",
            Self::Wrong(_) => "COSIGNATURE_INVALID",
            Self::NotACosignerKey(_) => "COSIGNATURE_KEY_KIND",
            Self::Full(note) => note.reason(),
        }
    }
}

/// Cosigns a checkpoint; the result is the signature line without its newline.
pub fn cosign(checkpoint: &Checkpoint, cosigner: &KeyName, signer: &dyn NoteSigner, at: Timestamp) -> String {
    // Records never hold an instant before 1970.
    let time = u64::try_from(at.seconds()).unwrap_or(0);
    let mut signature = time.to_be_bytes().to_vec();
    signature.extend_from_slice(&signer.sign(message(time, &checkpoint.body()).as_bytes()));
    let key_id = key_id(cosigner, KeyKind::Cosigner, &signer.public_key());
    SignatureLine { name: cosigner.clone(), key_id, signature }.to_string()
}

/// Checks that a cosigner cosigned the note, and says when.
pub fn verify(note: &Note, cosigner: &VerifierKey) -> Result<Timestamp, CosignatureRefused> {
    let line = note.line_of(cosigner).ok_or_else(|| CosignatureRefused::Missing(cosigner.clone()))?;
    verify_line(note, line, cosigner)
}

/// Adds a cosigner's line to a note after verifying it; all other lines stay. If the note carries a good
/// cosignature of this cosigner already, that one stays and the note is returned unchanged.
pub fn attach(note: &Note, line: &str, cosigner: &VerifierKey) -> Result<Note, CosignatureRefused> {
    let line = SignatureLine::parse(line)
        .filter(|line| line.name == cosigner.name && line.key_id == cosigner.id())
        .ok_or_else(|| CosignatureRefused::Line(cosigner.clone()))?;
    verify_line(note, &line, cosigner)?;
    if verify(note, cosigner).is_ok() {
        return Ok(note.clone());
    }
    Ok(note.with_line(line)?)
}

/// When a cosigner of this name says that it cosigned a note, the latest where it did so with several keys. Its lines
/// are not verified here: this is for notes of which they were before they were kept.
pub fn stated_time(note: &Note, cosigner: &str) -> Option<Timestamp> {
    let lines = note.signatures().iter().filter(|line| line.name.as_str() == cosigner);
    let times = lines.filter_map(|line| {
        let (time, _) = line.signature.split_first_chunk()?;
        i64::try_from(u64::from_be_bytes(*time)).ok().map(Timestamp::from_seconds)
    });
    times.max()
}

fn verify_line(
    note: &Note,
    line: &SignatureLine,
    cosigner: &VerifierKey,
) -> Result<Timestamp, CosignatureRefused> {
    if cosigner.kind != KeyKind::Cosigner {
        return Err(CosignatureRefused::NotACosignerKey(cosigner.clone()));
    }
    let verified = || {
        let (time, signature) = line.signature.split_first_chunk()?;
        let time = u64::from_be_bytes(*time);
        let seconds = i64::try_from(time).ok()?;
        let good = cosigner.verifies(message(time, note.text()).as_bytes(), signature);
        good.then_some(Timestamp::from_seconds(seconds))
    };
    verified().ok_or_else(|| CosignatureRefused::Wrong(cosigner.clone()))
}

/// The signed message: two lines of its own, then the checkpoint's text.
fn message(time: u64, text: &str) -> String {
    format!("cosignature/v1\ntime {time}\n{text}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::fixture::{SeedSigner, cosigner_key, each_flip_and_truncation, log_key, name};
    use super::*;
    use crate::digest::Digest;

    const NOON: Timestamp = Timestamp::from_seconds(1_795_000_000);

    fn checkpoint() -> Checkpoint {
        Checkpoint { origin: name("mfa.xa.example/chancery/xb/2026"), size: 5, root: Digest::of(b"root") }
    }

    fn note() -> Note {
        Note::parse(&checkpoint().sign(&SeedSigner::new(1))).unwrap()
    }

    fn peer() -> (SeedSigner, KeyName, VerifierKey) {
        let (signer, peer) = (SeedSigner::new(2), name("mfa.xb.example/chancery/cosigner"));
        let key = cosigner_key(&signer, &peer);
        (signer, peer, key)
    }

    #[test]
    fn a_cosigned_checkpoint_names_the_time_and_still_opens() {
        let (signer, cosigner, key) = peer();
        let cosigned = attach(&note(), &cosign(&checkpoint(), &cosigner, &signer, NOON), &key).unwrap();
        let read = Note::parse(&cosigned.to_string()).unwrap();
        assert_eq!(verify(&read, &key), Ok(NOON));
        assert_eq!(stated_time(&read, cosigner.as_str()), Some(NOON));
        assert_eq!(
            (stated_time(&note(), cosigner.as_str()), stated_time(&read, "witness.example")),
            (None, None)
        );
        let log = log_key(&SeedSigner::new(1), &checkpoint().origin);
        assert_eq!(Checkpoint::of_note(&read, &log), Ok(checkpoint()));
        assert_eq!(verify(&note(), &key), Err(CosignatureRefused::Missing(key)));
    }

    #[test]
    fn the_cosignature_of_the_specification_has_its_published_message() {
        let body = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
        assert_eq!(
            message(1_679_315_147, body),
            "cosignature/v1\ntime 1679315147\n\
             example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
        );
    }

    #[test]
    fn attaching_again_changes_nothing_and_loses_nobody() {
        let (signer, cosigner, key) = peer();
        let (other_signer, other) = (SeedSigner::new(3), name("witness.example"));
        let other_key = cosigner_key(&other_signer, &other);
        let first = attach(&note(), &cosign(&checkpoint(), &cosigner, &signer, NOON), &key).unwrap();
        let both = attach(&first, &cosign(&checkpoint(), &other, &other_signer, NOON), &other_key).unwrap();
        let later = Timestamp::from_seconds(NOON.seconds() + 60);
        let again = attach(&both, &cosign(&checkpoint(), &cosigner, &signer, later), &key).unwrap();
        assert_eq!(again, both);
        assert_eq!((verify(&again, &key), verify(&again, &other_key)), (Ok(NOON), Ok(NOON)));
    }

    #[test]
    fn a_forged_line_under_the_cosigners_key_gives_way_to_the_real_one() {
        let (signer, cosigner, key) = peer();
        let line = cosign(&checkpoint(), &cosigner, &signer, NOON);
        let mut forged = SignatureLine::parse(&line).unwrap();
        forged.signature = vec![1; 72];
        let forged = note().with_line(forged).unwrap();
        assert_eq!(verify(&forged, &key), Err(CosignatureRefused::Wrong(key.clone())));
        assert_eq!(verify(&attach(&forged, &line, &key).unwrap(), &key), Ok(NOON));
    }

    #[test]
    fn every_bit_flip_and_truncation_of_a_line_is_refused() {
        let (signer, cosigner, key) = peer();
        let note = note();
        each_flip_and_truncation(&cosign(&checkpoint(), &cosigner, &signer, NOON), |damaged| {
            assert!(attach(&note, damaged, &key).is_err(), "{damaged}");
        });
    }

    #[test]
    fn a_line_for_another_checkpoint_name_or_kind_is_refused() {
        let (signer, cosigner, key) = peer();
        let larger = Checkpoint { size: 6, ..checkpoint() };
        let refused = attach(&note(), &cosign(&larger, &cosigner, &signer, NOON), &key).unwrap_err();
        assert_eq!(refused.reason(), "COSIGNATURE_INVALID");
        let renamed = cosign(&checkpoint(), &name("elsewhere.example"), &signer, NOON);
        assert_eq!(attach(&note(), &renamed, &key).unwrap_err().reason(), "COSIGNATURE_LINE");
        let log = log_key(&SeedSigner::new(1), &checkpoint().origin);
        assert_eq!(verify(&note(), &log).unwrap_err().reason(), "COSIGNATURE_KEY_KIND");
    }

    #[test]
    fn a_time_beyond_the_specification_is_refused() {
        let (signer, cosigner, key) = peer();
        let time = 1u64 << 63;
        let mut line = SignatureLine::parse(&cosign(&checkpoint(), &cosigner, &signer, NOON)).unwrap();
        line.signature = time.to_be_bytes().to_vec();
        line.signature.extend_from_slice(&signer.sign(message(time, &checkpoint().body()).as_bytes()));
        assert_eq!(attach(&note(), &line.to_string(), &key).unwrap_err().reason(), "COSIGNATURE_INVALID");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_time_since_1970_is_read_back(seconds in 0i64..) {
            let (signer, cosigner, key) = peer();
            let at = Timestamp::from_seconds(seconds);
            let cosigned = attach(&note(), &cosign(&checkpoint(), &cosigner, &signer, at), &key).unwrap();
            prop_assert_eq!(verify(&cosigned, &key), Ok(at));
        }
    }
}
