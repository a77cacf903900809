//! Promises: where agreements of other consultations send the persons of this one, and what this ministry offered there
//! itself and may still have to keep (EXC-06).
//!
//! One man bears unrelated references in two consultations, and no two of them can be told to be his by looking at
//! them. Only the desk of the Power that holds him joins them, when an officer says so. What it was told stands in the
//! sealed index and in no message, and so nothing that came from others is judged by it: only what this desk is about
//! to say, and whether somebody may depart.

use super::shelf::Shelf;
use super::wax::Wax;
use super::{Contents, index::Index};
use crate::consultation::acts::law::Destination;
use crate::consultation::reference::PersonRef;
use crate::consultation::rules::judgement::Promises;
use crate::consultation::state::places::Places;
use crate::consultation::state::{commitments, offers, reports};
use crate::desk::Desk;
use crate::desk::accreditation::Trust;
use crate::desk::error::DeskError;
use crate::desk::keys::Keys;
use crate::time::Timestamp;
use crate::trust::name::Ministry;

use super::folding::Folded;

impl Desk {
    /// Notes that two references mean one man. Both belong to consultations that this desk knows, and not to the same.
    pub fn join_persons(
        &self,
        trust: &Trust,
        keys: &Keys,
        one: &PersonRef,
        other: &PersonRef,
    ) -> Result<(), DeskError> {
        let index = self.casebook(trust, keys)?;
        let home = |person| self.home_in(trust, keys, &index, person)?.ok_or(DeskError::PersonUnknown);
        if home(one)?.text() == home(other)?.text() {
            return Err(DeskError::SameConsultation);
        }
        let wax = Wax::of(keys.reading()?);
        let mut shelf = Shelf::open(&self.config.casebook())?;
        let open = shelf.take()?;
        let mut contents = Contents::of(&open, &wax)?.unwrap_or_default();
        contents.index.alike.insert((*one.min(other), *one.max(other)));
        contents.write_index(&open, &wax, self.entropy.as_ref())?;
        open.commit(&contents.place, &wax)?;
        self.memory.forget();
        Ok(())
    }

    /// Where other consultations promised the persons of this one to, now: by agreements, and by own offers that live.
    pub fn promised_elsewhere(
        &self,
        trust: &Trust,
        keys: &Keys,
        consultation: &str,
    ) -> Result<Promises, DeskError> {
        let index = self.casebook(trust, keys)?;
        let mut promises = Promises::new();
        for person in index.joined() {
            let home = self.home_in(trust, keys, &index, &person)?;
            if home.is_none_or(|home| home.text() != consultation) {
                continue;
            }
            let destinations = self.promises_to(trust, keys, &index, &person)?;
            if !destinations.is_empty() {
                promises.insert(person, destinations);
            }
        }
        Ok(promises)
    }

    fn promises_to(
        &self,
        trust: &Trust,
        keys: &Keys,
        index: &Index,
        person: &PersonRef,
    ) -> Result<Vec<Destination>, DeskError> {
        let mut destinations = Vec::new();
        for other in index.also_known_as(person) {
            let Some(home) = self.home_in(trust, keys, index, &other)? else { continue };
            let folded = self.consultation_of(trust, keys, &home.text())?;
            destinations.extend(promised(&folded, &other, &self.config.ministry, self.clock.now()));
        }
        Ok(destinations)
    }
}

/// Where agreements that still bind send a person, and what this ministry offered itself and can still be held to; by
/// the case of that consultation, whatever another one says of where he comes from.
fn promised(folded: &Folded, person: &PersonRef, own: &Ministry, at: Timestamp) -> Vec<Destination> {
    let (past, charter) = (folded.book.everything(), folded.book.charter());
    let binding = commitments::agreements_of(&past, person).into_iter().filter(|agreement| {
        !agreement.is_ended(&past, person, at) && !reports::is_spent(&past, person, agreement.note, charter)
    });
    let places = Places::of(&past, person);
    let agreed =
        binding.filter_map(|agreement| Some(places.all(agreement.destination(agreement.line(person)?))));
    let agreed = agreed.flatten();
    agreed.chain(offers::offered(&past, person, own, at)).collect()
}
