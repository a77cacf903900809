//! Free correspondence: note verbale, first-person note, aide-memoire, memorandum, non-paper, record of a
//! demarche. The texts are documents of the dispatch; its form says which of these it is.
//!
//! Frozen: a further kind of correspondence is a new act, never a new field.

use crate::consultation::opaque;
use crate::consultation::text::{ShortText, Text};
use crate::time::Timestamp;

/// A piece of free correspondence.
#[derive(Clone, PartialEq, Eq)]
pub struct Correspondence {
    /// Subject, without the name of a person.
    pub subject: ShortText,
    /// Courtesy formula at the head of a note, as written there.
    pub opening_formula: Option<Text>,
    /// Courtesy formula at the foot of a note, as written there.
    pub closing_formula: Option<Text>,
    /// The demarche it records; exactly in the record of a demarche.
    pub demarche: Option<Demarche>,
}

/// An oral demarche.
#[derive(Clone, PartialEq, Eq)]
pub struct Demarche {
    /// When it was made.
    pub time: Timestamp,
    /// Office that made it, never a person's name.
    pub delivered_by_office: ShortText,
    /// Office that received it, never a person's name.
    pub received_by_office: ShortText,
}

opaque!(Correspondence, Demarche);
