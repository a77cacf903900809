//! Small records that several acts share: law invoked, destinations, reasons of a refusal.

use crate::consultation::acts::belongs;
use crate::consultation::acts::values::RegionCode;
use crate::consultation::codec::record::{Refined, record};
use crate::consultation::fault::Faults;
use crate::consultation::list::List;
use crate::consultation::opaque;
use crate::consultation::reference::PersonRef;
use crate::consultation::text::{ShortText, Text};
use crate::consultation::words::DestinationKind;

record! {
    /// A provision that a Power invokes, and what the Power draws from it. Law is data here, because reservations
    /// and domestic law differ from Power to Power and this system decides between no theories.
    pub struct LegalReference {
        instrument: ShortText,
        provision: ShortText,
        note: Option<Text>,
    }
}

record! {
    /// One reason why an act was not accepted.
    pub struct Refusal {
        rule: Option<ShortText>,
        message: Text,
        legal_basis: List<LegalReference, 0>,
        subjects: List<PersonRef, 0>,
        remedy: Option<Text>,
    }
}

record! {
    /// A destination as it is written.
    pub struct DestinationFields of Destination {
        kind: DestinationKind,
        region_code: Option<RegionCode>,
    }
}

/// Where a person is to go.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Destination {
    /// The Power on which the person depends.
    PowerOfOrigin,
    /// This State.
    NamedState(RegionCode),
    /// The territory of the Detaining Power.
    RemainInDetainingState,
    /// Any State but those the person refused.
    AnyStateExceptRefused,
    /// Not decided.
    Undecided,
}

impl Destination {
    /// The State that it names by its code.
    pub const fn named(&self) -> Option<&RegionCode> {
        match self {
            Self::NamedState(code) => Some(code),
            _ => None,
        }
    }
}

impl Refined for Destination {
    type Flat = DestinationFields;

    fn refine(flat: DestinationFields, faults: &mut Faults) -> Option<Self> {
        let named = flat.kind == DestinationKind::NamedState;
        let message = "a code belongs to the destination NAMED_STATE alone";
        if !belongs("region_code", flat.region_code.is_some(), named, message, faults) {
            return None;
        }
        Some(match (flat.kind, flat.region_code) {
            (_, Some(code)) => Self::NamedState(code),
            (DestinationKind::PowerOfOrigin, None) => Self::PowerOfOrigin,
            (DestinationKind::RemainInDetainingState, None) => Self::RemainInDetainingState,
            (DestinationKind::AnyStateExceptRefused, None) => Self::AnyStateExceptRefused,
            (DestinationKind::Undecided | DestinationKind::NamedState, None) => Self::Undecided,
        })
    }

    fn flat(&self) -> DestinationFields {
        let (kind, region_code) = match self {
            Self::PowerOfOrigin => (DestinationKind::PowerOfOrigin, None),
            Self::NamedState(code) => (DestinationKind::NamedState, Some(code.clone())),
            Self::RemainInDetainingState => (DestinationKind::RemainInDetainingState, None),
            Self::AnyStateExceptRefused => (DestinationKind::AnyStateExceptRefused, None),
            Self::Undecided => (DestinationKind::Undecided, None),
        };
        DestinationFields { kind, region_code }
    }
}

opaque!(Destination);
