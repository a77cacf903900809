//! Free correspondence: the texts are documents of the dispatch (VCDR Art. 27; practice of notes).

use crate::consultation::acts::belongs;
use crate::consultation::codec::record::{Refined, record};
use crate::consultation::fault::Faults;
use crate::consultation::opaque;
use crate::consultation::text::{ShortText, Text};
use crate::time::Timestamp;

record! {
    /// Correspondence as it is written.
    pub struct CorrespondenceFields of Correspondence {
        subject: ShortText,
        opening_formula: Option<Text>,
        closing_formula: Option<Text>,
        demarche_time: Option<Timestamp>,
        delivered_by_office: Option<ShortText>,
        received_by_office: Option<ShortText>,
    }
}

/// A note, aide-memoire, memorandum, non-paper or record of a demarche.
#[derive(Clone, PartialEq, Eq)]
pub struct Correspondence {
    /// Subject, without the name of a person.
    pub subject: ShortText,
    /// Courtesy formula at the head of a note.
    pub opening_formula: Option<Text>,
    /// Courtesy formula at the foot of a note.
    pub closing_formula: Option<Text>,
    /// The demarche that was made, in its record.
    pub demarche: Option<Demarche>,
}

/// An oral demarche.
#[derive(Clone, PartialEq, Eq)]
pub struct Demarche {
    /// When it was made.
    pub time: Timestamp,
    /// Office that made it; never a person's name.
    pub delivered_by_office: ShortText,
    /// Office that received it; never a person's name.
    pub received_by_office: ShortText,
}

impl Refined for Correspondence {
    type Flat = CorrespondenceFields;

    fn refine(flat: CorrespondenceFields, faults: &mut Faults) -> Option<Self> {
        let (time, by, to) = (flat.demarche_time, flat.delivered_by_office, flat.received_by_office);
        let any = time.is_some() || by.is_some() || to.is_some();
        let message = "it belongs to the record of a demarche";
        let mut whole = belongs("demarche_time", time.is_some(), any, message, faults);
        whole &= belongs("delivered_by_office", by.is_some(), any, message, faults);
        whole &= belongs("received_by_office", to.is_some(), any, message, faults);
        let demarche = match (time, by, to) {
            (Some(time), Some(delivered_by_office), Some(received_by_office)) => {
                Some(Demarche { time, delivered_by_office, received_by_office })
            }
            _ => None,
        };
        whole.then_some(Self {
            subject: flat.subject,
            opening_formula: flat.opening_formula,
            closing_formula: flat.closing_formula,
            demarche,
        })
    }

    fn flat(&self) -> CorrespondenceFields {
        let demarche = self.demarche.as_ref();
        CorrespondenceFields {
            subject: self.subject.clone(),
            opening_formula: self.opening_formula.clone(),
            closing_formula: self.closing_formula.clone(),
            demarche_time: demarche.map(|demarche| demarche.time),
            delivered_by_office: demarche.map(|demarche| demarche.delivered_by_office.clone()),
            received_by_office: demarche.map(|demarche| demarche.received_by_office.clone()),
        }
    }
}

opaque!(Correspondence, Demarche);
