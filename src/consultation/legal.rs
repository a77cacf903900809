//! `LegalReference`: a provision that a Power invokes. Law is data here, because reservations and domestic
//! law differ from Power to Power and this system decides between no theories.

use crate::consultation::opaque;
use crate::consultation::text::{ShortText, Text};

/// A provision of an instrument, and what the Power draws from it.
#[derive(Clone, PartialEq, Eq)]
pub struct LegalReference {
    /// Short name of the instrument: `GC-III-1949`.
    pub instrument: ShortText,
    /// The provision: `Art. 12(2)`.
    pub provision: ShortText,
    /// What the Power draws from it.
    pub note: Option<Text>,
}

opaque!(LegalReference);
