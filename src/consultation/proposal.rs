//! Opening a consultation (GC III Arts 6, 11) and answering the proposal. Frozen formats.

use crate::consultation::legal::LegalReference;
use crate::consultation::list::List;
use crate::consultation::opaque;
use crate::consultation::party::Parties;
use crate::consultation::reference::ConsultationId;
use crate::consultation::text::{ShortText, Text};
use crate::consultation::words::Reply;
use crate::time::Timestamp;

/// Proposes a consultation to other Powers.
#[derive(Clone, PartialEq, Eq)]
pub struct ConsultationProposal {
    /// The proposed consultation; equal to the one in the address.
    pub consultation: ConsultationId,
    /// Subject, without the name of a person.
    pub subject: ShortText,
    /// Who takes part, and as what.
    pub parties: Parties,
    /// Law that the proposing Power invokes.
    pub legal_basis: List<LegalReference, 0>,
    /// The proposal lapses when no answer came by then.
    pub open_until: Timestamp,
}

/// Answers a proposal of consultation.
#[derive(Clone, PartialEq, Eq)]
pub struct ConsultationReply {
    /// The answer.
    pub reply: Reply,
    /// Reason in words, without the name of a person.
    pub reason: Option<Text>,
}

opaque!(ConsultationProposal, ConsultationReply);
