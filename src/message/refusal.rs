//! `Refusal`: why a message is declined. A refusal is an answer that a retry of the same bytes will not
//! mend, safe to show to a peer: it names a stable reason and never repeats what was inside the message.

use std::fmt;

use crate::vocabulary;

vocabulary! {
    /// Stable reasons, the API of refusals (`google.rpc.ErrorInfo.reason`). Rule codes are those of the
    /// consultation rules; the others concern bytes and signatures.
    pub enum Reason {
        /// No such channel, or sender or recipient is not a party to it.
        UnknownChannel = 1 "CHN_01",
        /// The channel is suspended.
        ChannelSuspended = 2 "CHN_02",
        /// The sender is not the ministry that is authenticated.
        NotTheSender = 3 "CHN_03",
        /// The sequence has a gap, or does not continue from the message before.
        OutOfSequence = 4 "CHN_04",
        /// Another message bears this sequence number.
        Equivocation = 5 "CHN_04_EQUIVOCATION",
        /// The same message id with other bytes.
        OtherBytes = 6 "CHN_05",
        /// No longer valid.
        Expired = 7 "CHN_06",
        /// Released in the future.
        FutureDated = 8 "CHN_08",
        /// Level above the ceiling of the channel.
        AboveCeiling = 9 "CLS_01",
        /// An addressee is not among those it may be released to.
        NotReleasable = 10 "CLS_02",
        /// Not a record of this kind, or a bound is exceeded.
        Malformed = 20 "MALFORMED",
        /// Not the canonical encoding.
        NotCanonical = 21 "NOT_CANONICAL",
        /// Larger than the bound.
        TooLarge = 22 "TOO_LARGE",
        /// The signature over the header does not verify.
        SignatureInvalid = 23 "SIGNATURE_INVALID",
        /// The signer is not the registry of the sender.
        SignerNotRegistry = 24 "SIGNER_NOT_REGISTRY",
        /// A sealed part is not the one the header names.
        PartMismatch = 25 "PART_MISMATCH",
        /// A sealed part that travels beside the envelope is not there yet.
        PartMissing = 26 "PART_MISSING",
        /// This copy is for another ministry.
        NotTheRecipient = 27 "NOT_THE_RECIPIENT",
        /// The dispatch is bound to another address.
        OtherAddress = 28 "ADDRESS_MISMATCH",
        /// The dispatch stands in the archive already, in another wrapping.
        Rewrapped = 29 "REWRAPPED",
        /// The signatures of the offices are not those the dispatch lists.
        AuthenticationInvalid = 30 "AUTHENTICATION_INVALID",
        /// The seal does not open: not sealed to us, altered or cut.
        SealBroken = 31 "SEAL_BROKEN",
        /// A proof or checkpoint does not verify.
        ProofInvalid = 32 "PROOF_INVALID",
        /// The act is not one of this release.
        UnknownAct = 33 "UNKNOWN_ACT",
        /// The trust bundle or policy is not acceptable.
        TrustInvalid = 34 "TRUST_INVALID",
        /// The gateway has not yet compared its log with the peer's copy of it.
        AwaitingHello = 40 "AWAITING_HELLO",
        /// The gateway lost part of its log and is taking it back from the peer.
        CatchingUp = 41 "CATCHING_UP",
        /// Two checkpoints contradict each other: nothing passes until people have looked at them.
        ChannelFrozen = 42 "CHANNEL_FROZEN",
        /// The sender withdrew the message before it was delivered.
        Withdrawn = 43 "WITHDRAWN",
        /// The message made the gateway fail, again and again.
        Quarantined = 44 "QUARANTINED",
        /// The signer's certificate had ended when the message was first proven.
        SignerExpired = 45 "SIGNER_EXPIRED",
        /// The gateway's disk is too full to take anything into custody.
        NoSpace = 46 "NO_SPACE",
        /// The gateway holds as much of this ministry as it may.
        Quota = 47 "QUOTA",
        /// The gateway was restored from a backup, and its own desk has not come since.
        AwaitsDesk = 48 "AWAITS_DESK",
    }
}

/// A declined message: a stable reason and an explanation for people without personal data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    reason: Reason,
    detail: String,
}

impl Refusal {
    /// A refusal for `reason`; `detail` must not repeat sealed content.
    pub fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into() }
    }

    /// The stable reason.
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// The explanation.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// Whether the receiving gateway answers it with a signed rejection that uses up the sequence number:
    /// the position is in order, and no retry will mend what is wrong.
    pub fn is_final(&self) -> bool {
        use Reason::{
            AboveCeiling, Expired, NotReleasable, Quarantined, SignerExpired, UnknownChannel, Withdrawn,
        };
        matches!(
            self.reason,
            UnknownChannel | Expired | AboveCeiling | NotReleasable | Withdrawn | Quarantined | SignerExpired
        )
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reason, self.detail)
    }
}

impl std::error::Error for Refusal {}

impl From<crate::canonical::NotCanonical> for Refusal {
    fn from(cause: crate::canonical::NotCanonical) -> Self {
        use crate::canonical::NotCanonical::{Encoding, TooLong, TooMany, Undecodable};
        let reason = match cause {
            TooLong(_) | TooMany => Reason::TooLarge,
            Undecodable => Reason::Malformed,
            Encoding => Reason::NotCanonical,
        };
        Self::new(reason, cause.to_string())
    }
}
