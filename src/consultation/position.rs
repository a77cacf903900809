//! The general stance of a Power about a category of persons, never about one of them (PRV-03). Frozen.

use crate::consultation::legal::LegalReference;
use crate::consultation::list::List;
use crate::consultation::opaque;
use crate::consultation::text::{ShortText, Text};
use crate::consultation::words::PositionKind;
use crate::message::id::MessageId;

/// A statement of position (GC III Arts 12, 118 and the declarations made to them).
#[derive(Clone, PartialEq, Eq)]
pub struct PositionStatement {
    /// Whom it is about: "prisoners who request admission".
    pub category: ShortText,
    /// What the position comes to.
    pub kind: PositionKind,
    /// Law that the Power invokes.
    pub legal_basis: List<LegalReference, 1>,
    /// Index lines of what it undertakes; the texts of the documents are authoritative.
    pub commitments: List<Text, 0>,
    /// The message whose position this one replaces.
    pub supersedes: Option<MessageId>,
    /// Whether the addressees may quote it in public.
    pub may_be_quoted_publicly: bool,
}

opaque!(PositionStatement);
