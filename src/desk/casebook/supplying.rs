//! Supplying: what a form may leave out because the casebook knows it (`form::supply`).
//!
//! A form asks by the port `References`; register and casebook answer. The keys are asked for when something that only
//! the casebook knows is left out, and not before. A failure on the way is kept for the caller: a form that could not
//! be completed must not look like one that has mistakes.

use std::cell::RefCell;
use std::path::Path;
use std::sync::Arc;

use super::folding::Folded;
use crate::consultation::act::{Act, ActKind};
use crate::consultation::acts::law::Destination;
use crate::consultation::acts::values::EntryId;
use crate::consultation::reference::{ConsultationId, PersonRef};
use crate::consultation::registered::{Marks, Registered};
use crate::consultation::state::places::Spoken;
use crate::consultation::state::{departure, protection, will};
use crate::desk::Desk;
use crate::desk::accreditation::Trust;
use crate::desk::documents::{self, Source};
use crate::desk::error::DeskError;
use crate::desk::form::draft::{Circle, Counting, Referenced, References};
use crate::desk::keys::Keys;
use crate::digest::Digest;
use crate::time::Timestamp;
use crate::trust::name::Ministry;

/// What this desk holds, for whoever reads a form.
pub struct HeldHere<'a> {
    desk: &'a Desk,
    trust: &'a Trust,
    folder: &'a Path,
    keys: &'a dyn Fn() -> Option<&'a Keys>,
    failure: RefCell<Option<DeskError>>,
}

impl<'a> HeldHere<'a> {
    /// Of this desk; files of the form begin in `folder`, `keys` gives unlocked keys, or none where they cannot be had.
    pub fn new(
        desk: &'a Desk,
        trust: &'a Trust,
        folder: &'a Path,
        keys: &'a dyn Fn() -> Option<&'a Keys>,
    ) -> Self {
        Self { desk, trust, folder, keys, failure: RefCell::new(None) }
    }

    /// Why something could not be looked up.
    pub fn failure(&self) -> Option<DeskError> {
        self.failure.borrow_mut().take()
    }

    /// The first failure is kept; what follows from it says nothing new.
    fn kept<T>(&self, result: Result<T, DeskError>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(failure) => {
                self.failure.borrow_mut().get_or_insert(failure);
                None
            }
        }
    }

    fn folded(&self, consultation: &ConsultationId) -> Option<Arc<Folded>> {
        let keys = (self.keys)()?;
        let id = consultation.text();
        if !self.kept(self.desk.register.knows(&id).map_err(DeskError::from))? {
            return None;
        }
        self.kept(self.desk.consultation_of(self.trust, keys, &id))
    }

    fn counting(folded: &Folded, registered: &Registered) -> Option<Counting> {
        let kept = folded.kept.get(&registered.reference)?;
        let dispatch_digest = registered.reference.dispatch_digest();
        Some(Counting { dispatch_digest, number: kept.register_number() })
    }
}

impl References for HeldHere<'_> {
    fn message(&self, reference: &str) -> Option<Referenced> {
        self.desk.message(reference)
    }

    fn home_of(&self, person: &PersonRef) -> Option<ConsultationId> {
        let keys = (self.keys)()?;
        self.kept(self.desk.home_of(self.trust, keys, person))?
    }

    fn act_of(&self, message: &Referenced) -> Option<Act> {
        let keys = (self.keys)()?;
        let entry = self.kept(self.desk.find(&message.message_id.to_string()))?;
        let key = self.kept(keys.reading())?;
        self.kept(self.desk.unseal_unjudged(self.trust, &key, &entry))?.act().cloned()
    }

    fn synced_to(&self, consultation: &ConsultationId) -> Option<Marks> {
        Some(self.folded(consultation)?.book.synced_to())
    }

    fn protective_acts(&self, consultation: &ConsultationId, arrangement: &EntryId) -> Vec<Counting> {
        let Some(folded) = self.folded(consultation) else { return Vec::new() };
        let (past, charter) = (folded.book.everything(), folded.book.charter());
        let known =
            departure::protective_acts(&past, arrangement, self.desk.clock.now(), charter).into_iter();
        known.filter_map(|one| Self::counting(&folded, past.find(one)?)).collect()
    }

    fn will_of(&self, id: &ConsultationId, person: &PersonRef, there: &Destination) -> Option<Counting> {
        let folded = self.folded(id)?;
        let (past, charter) = (folded.book.everything(), folded.book.charter());
        let will = will::towards(&past, person, Spoken::now(there), self.desk.clock.now(), charter);
        Self::counting(&folded, will.statement?.registered)
    }

    fn assessment_of(
        &self,
        id: &ConsultationId,
        person: &PersonRef,
        there: &Destination,
    ) -> Option<Counting> {
        let folded = self.folded(id)?;
        let (past, charter) = (folded.book.everything(), folded.book.charter());
        let found = protection::protection(&past, person, Spoken::now(there), self.desk.clock.now(), charter);
        Self::counting(&folded, found.assessment?)
    }

    fn assurances_for(&self, id: &ConsultationId, persons: &[PersonRef]) -> Option<Counting> {
        let folded = self.folded(id)?;
        let past = folded.book.everything();
        let own = |one: &&Registered| one.stands() && one.sender == self.desk.config.ministry;
        let covers = |one: &&Registered| match &one.act {
            Some(Act::Assurances(act)) => {
                act.persons.is_empty()
                    || persons.iter().all(|person| act.persons.iter().any(|one| one == person))
            }
            _ => false,
        };
        let given = past.of_kind(ActKind::Assurances).filter(own).filter(covers);
        Self::counting(&folded, given.max_by_key(|one| one.order())?)
    }

    fn own(&self) -> Option<Ministry> {
        Some(self.desk.config.ministry.clone())
    }

    fn now(&self) -> Option<Timestamp> {
        Some(self.desk.clock.now())
    }

    fn is_accredited(&self, ministry: &Ministry) -> bool {
        self.trust.bundle(ministry).is_ok()
    }

    fn circle_of(&self, consultation: &ConsultationId) -> Option<Circle> {
        self.kept(self.desk.circle_of(self.trust, (self.keys)(), consultation))?
    }

    fn circle_with(&self, powers: &[Ministry]) -> Option<Circle> {
        self.desk.circle_with(self.trust, powers)
    }

    fn persons(&self) -> Vec<PersonRef> {
        let known = (self.keys)().and_then(|keys| self.kept(self.desk.casebook(self.trust, keys)));
        known.map(|index| index.persons().into_iter().collect()).unwrap_or_default()
    }

    fn fault_of_file(&self, path: &str) -> Option<String> {
        documents::fault_of(&self.folder.join(path))
    }

    fn digest_of_file(&self, path: &str) -> Option<Digest> {
        // A file that cannot be read is told of when the form is composed.
        documents::measured(&Source::File(self.folder.join(path))).ok().map(|document| document.digest)
    }
}

crate::consultation::opaque!(HeldHere<'_>);
