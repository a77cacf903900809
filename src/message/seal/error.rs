//! Why sealing or opening was refused, with stable reason codes.

use std::io;

use crate::entropy::NoEntropy;

/// Nothing was sealed.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// A file nobody could open.
    #[error("no recipients are given")]
    NoRecipients,
    /// More recipients than a header may hold.
    #[error("{0} recipients are given; a sealed part has at most {max}", max = crate::limits::RECIPIENTS_MAX)]
    TooManyRecipients(usize),
    /// One classical recipient would undo the post-quantum protection of all.
    #[error("classical and post-quantum recipients are mixed")]
    MixedRecipients,
    /// Sealed parts are read in fifteen years: only hybrid recipients protect them that long.
    #[error("a sealed part takes post-quantum recipients (age1pq1...) only")]
    ClassicalRecipient,
    /// The plaintext is longer than a document may be.
    #[error("the plaintext has {0} bytes; at most {max} are sealed", max = crate::limits::DOCUMENT_BYTES_MAX)]
    TooLarge(u64),
    /// The stream ended early or went on: the document changed while it was sealed.
    #[error("the plaintext does not have the {announced} bytes that were announced")]
    WrongLength {
        /// Bytes the caller announced.
        announced: u64,
    },
    /// The passphrase would protect too little or take too long to open.
    #[error("the passphrase work factor {0} is outside 1 to {max}", max = crate::limits::WORK_FACTOR_MAX)]
    WorkFactor(u8),
    /// No random bytes.
    #[error(transparent)]
    Entropy(#[from] NoEntropy),
    /// A cryptographic primitive refused its input; correct inputs never lead here.
    #[error("the cipher refused its input")]
    Cipher,
    /// Reading the plaintext or writing the sealed bytes failed.
    #[error("reading or writing failed: {0}")]
    Io(#[from] io::Error),
}

impl SealError {
    /// The stable reason code.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NoRecipients => "SEAL_NO_RECIPIENTS",
            Self::TooManyRecipients(_) => "SEAL_TOO_MANY_RECIPIENTS",
            Self::MixedRecipients => "SEAL_MIXED_RECIPIENTS",
            Self::ClassicalRecipient => "SEAL_CLASSICAL_RECIPIENT",
            Self::TooLarge(_) => "SEAL_TOO_LARGE",
            Self::WrongLength { .. } => "SEAL_WRONG_LENGTH",
            Self::WorkFactor(_) => "SEAL_WORK_FACTOR",
            Self::Entropy(_) => "SEAL_NO_ENTROPY",
            Self::Cipher => "SEAL_CIPHER",
            Self::Io(_) => "SEAL_IO",
        }
    }
}

/// Nothing was opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// No recipient stanza is for any of the openers.
    #[error("none of our reading keys opens this file")]
    NotForUs,
    /// The file key is right or was given, but the header is not the one sealed with it.
    #[error("the header was altered, or the file key belongs to another file")]
    HeaderAltered,
    /// A chunk is not the one that was sealed in this place, or chunks are missing or too many.
    #[error("the content was altered or cut short")]
    PayloadAltered,
    /// Not an age v1 file in its one strict form.
    #[error("not a well-formed sealed file: {0}")]
    Malformed(&'static str),
    /// A bound of `limits` is exceeded; nothing beyond it was read.
    #[error("the file is too large: {0}")]
    TooLarge(&'static str),
    /// Authentic, but padded otherwise than the format says.
    #[error("the padding is wrong: {0}")]
    Padding(&'static str),
    /// Reading the sealed bytes or writing the plaintext failed.
    #[error("reading or writing failed: {0}")]
    Io(#[from] io::Error),
}

impl OpenError {
    /// The stable reason code.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NotForUs => "SEAL_NOT_FOR_US",
            Self::HeaderAltered | Self::PayloadAltered => "SEAL_ALTERED",
            Self::Malformed(_) => "SEAL_MALFORMED",
            Self::TooLarge(_) => "SEAL_TOO_LARGE",
            Self::Padding(_) => "SEAL_PADDING",
            Self::Io(_) => "SEAL_IO",
        }
    }
}
