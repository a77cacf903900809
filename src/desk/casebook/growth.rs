//! Growth: what the register has and the casebook has not, opened once and put into sealed volumes.
//!
//! A batch is opened, sealed and made durable together with the place up to which it goes. A command that is killed
//! leaves the casebook as it was after the last batch, and the next one goes on from there.

use std::collections::{BTreeMap, BTreeSet};

use super::index::Index;
use super::kept::{self, Kept};
use super::shelf::{Mark, Open, Place, Shelf, Spine, is_damage};
use super::wax::Wax;
use super::{Contents, INDEX_TOPIC, index_record};
use crate::desk::Desk;
use crate::desk::accreditation::Trust;
use crate::desk::error::DeskError;
use crate::desk::keys::Keys;
use crate::desk::reference::Entry;
use crate::limits;
use crate::message::envelope::Envelope;

/// What came into the casebook.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Growth {
    /// Messages that were opened and kept.
    pub opened: usize,
    /// Messages that did not open.
    pub unopened: usize,
    /// Consultations that they belong to.
    pub consultations: BTreeSet<String>,
    /// Whether everything was opened, because there was no casebook to go on from.
    pub anew: bool,
}

/// Messages of the register that are opened together.
struct Batch {
    entries: Vec<Entry>,
    place: Place,
}

impl Desk {
    /// Brings the casebook up to what the register holds.
    pub fn grow_casebook(&self, trust: &Trust, keys: &Keys) -> Result<Growth, DeskError> {
        self.grow(trust, keys, false)
    }

    /// Writes the casebook anew from the register.
    pub fn rebuild_casebook(&self, trust: &Trust, keys: &Keys) -> Result<Growth, DeskError> {
        self.grow(trust, keys, true)
    }

    fn grow(&self, trust: &Trust, keys: &Keys, anew: bool) -> Result<Growth, DeskError> {
        if anew {
            self.memory.forget();
        } else if self.nothing_is_new()? {
            return Ok(Growth::default());
        }
        match self.grow_from_the_shelf(trust, keys, anew) {
            Err(DeskError::Register(fault)) if is_damage(&fault) => {
                self.memory.forget();
                Shelf::discard(&self.config.casebook());
                self.grow_from_the_shelf(trust, keys, true)
            }
            grown => grown,
        }
    }

    fn grow_from_the_shelf(&self, trust: &Trust, keys: &Keys, anew: bool) -> Result<Growth, DeskError> {
        let wax = Wax::of(keys.reading()?);
        let mut shelf = Shelf::open(&self.config.casebook())?;
        let mut growth = Growth::default();
        let mut wanted_anew = anew;
        loop {
            let open = shelf.take()?;
            let mut contents = Contents::of(&open, &wax)?.unwrap_or_default();
            let begins = std::mem::take(&mut wanted_anew) || !self.goes_on_from(&contents)?;
            if begins {
                open.clear()?;
                growth = Growth { anew: true, ..Growth::default() };
                // What was minted here may stand in no message yet, and what this desk was told stands in none.
                let index = contents.index.own_knowledge();
                contents = Contents { index, ..Contents::default() };
            }
            let batch = self.next_batch(&contents.place)?;
            let is_last = batch.entries.is_empty();
            let from = contents.place.clone();
            let mut new = BTreeMap::new();
            if !is_last || begins {
                new = self.open_batch(trust, keys, &mut contents, batch, &mut growth)?;
                for (consultation, kept) in &new {
                    contents.shelve(&open, &wax, consultation, kept, self.entropy.as_ref())?;
                }
                contents.write_index(&open, &wax, self.entropy.as_ref())?;
                open.commit(&contents.place, &wax)?;
            }
            self.memory.grew(&from, &contents.place, &contents.index, &new);
            if is_last {
                return Ok(growth);
            }
        }
    }

    /// Whether this process has read everything that is in the register.
    fn nothing_is_new(&self) -> Result<bool, DeskError> {
        let place = match self.memory.now().as_ref() {
            Some(known) => known.place.clone(),
            None => return Ok(false),
        };
        Ok(self.register.received_in_row(place.received.number)? == place.received.id
            && self.register.sent_in_row(place.sent.number)? == place.sent.id
            && self.register.received_after(place.received.number, 1)?.is_empty()
            && self.register.sent_after(place.sent.number, 1)?.is_empty())
    }

    /// Whether the casebook holds something, and the register the messages up to which it goes: one that was restored
    /// from an older copy gives their rows to others.
    fn goes_on_from(&self, contents: &Contents) -> Result<bool, DeskError> {
        let place = &contents.place;
        if contents.spines.is_empty() || !contents.index.is_of_this_release() {
            return Ok(false);
        }
        let received = place.received.id.is_none()
            || self.register.received_in_row(place.received.number)? == place.received.id;
        let sent = place.sent.id.is_none() || self.register.sent_in_row(place.sent.number)? == place.sent.id;
        Ok(received && sent)
    }

    fn next_batch(&self, place: &Place) -> Result<Batch, DeskError> {
        let mut place = place.clone();
        let mut entries = Vec::new();
        for (number, entry) in
            self.register.received_after(place.received.number, limits::CASEBOOK_BATCH_MESSAGES_MAX)?
        {
            place.received = Mark { number, id: Some(entry.id) };
            entries.push(Entry::Received(entry));
        }
        for (number, entry) in
            self.register.sent_after(place.sent.number, limits::CASEBOOK_BATCH_MESSAGES_MAX)?
        {
            place.sent = Mark { number, id: Some(entry.id) };
            entries.push(Entry::Sent(entry));
        }
        Ok(Batch { entries, place })
    }

    /// Opens a batch and takes it up into the index; what it came to, by consultation.
    fn open_batch(
        &self,
        trust: &Trust,
        keys: &Keys,
        contents: &mut Contents,
        batch: Batch,
        growth: &mut Growth,
    ) -> Result<BTreeMap<String, Vec<Kept>>, DeskError> {
        let mut new: BTreeMap<String, Vec<Kept>> = BTreeMap::new();
        for entry in &batch.entries {
            let consultation = entry.consultation().to_owned();
            match self.kept_of(trust, keys, entry)? {
                Opening::Kept(kept) => {
                    growth.opened = growth.opened.saturating_add(1);
                    take_up(&mut contents.index, &kept);
                    new.entry(consultation.clone()).or_default().push(*kept);
                }
                Opening::Failed => {
                    growth.unopened = growth.unopened.saturating_add(1);
                    contents.index.note_unopened(&consultation);
                }
                Opening::Copy => continue,
            }
            growth.consultations.insert(consultation.clone());
            contents.index.to_attend.insert(consultation);
        }
        contents.place = batch.place;
        Ok(new)
    }

    /// What the casebook keeps of a registered message.
    fn kept_of(&self, trust: &Trust, keys: &Keys, entry: &Entry) -> Result<Opening, DeskError> {
        match self.unseal_unjudged(trust, &keys.reading()?, entry) {
            Ok(opened) => {
                let kept = Kept::of(&opened);
                // The other copies of a dispatch say the same; only their places differ.
                let is_copy = match entry {
                    Entry::Sent(copy) if kept.header.address().addressees.len() > 1 => {
                        self.register.first_copy(copy)? != Some(copy.id)
                    }
                    _ => false,
                };
                Ok(if is_copy { Opening::Copy } else { Opening::Kept(Box::new(kept)) })
            }
            // Its number alone was used up: there is nothing to open, and nobody has anything of it.
            Err(DeskError::Refused(_)) if is_bare(entry) => Ok(Opening::Copy),
            // Proven bad, or of a sender that is not believed any more: shown, and no part of any past.
            Err(DeskError::Refused(_) | DeskError::NotAccredited(_)) => Ok(Opening::Failed),
            Err(failure) => Err(failure),
        }
    }
}

/// What became of a message that was to be opened.
enum Opening {
    Kept(Box<Kept>),
    Copy,
    Failed,
}

/// Whether it is an own message of which nothing but header and signature came back.
fn is_bare(entry: &Entry) -> bool {
    matches!(entry, Entry::Sent(copy) if Envelope::parse_without_parts(&copy.envelope).is_ok())
}

fn take_up(index: &mut Index, kept: &Kept) {
    use crate::consultation::receive::Received;
    match kept.received() {
        Received::Read(act) => index.note(kept, Some(&act)),
        Received::NotUnderstood(_) | Received::Rejected(_) => index.note(kept, None),
    }
}

impl Contents {
    /// What stands on the shelf, if it is whole and ours.
    pub(super) fn of(open: &Open<'_>, wax: &Wax) -> Result<Option<Self>, DeskError> {
        let Some((place, spines)) = open.contents(wax)? else { return Ok(None) };
        let mut contents = Self { place, spines, index: Index::default() };
        if let Some(spine) = contents.spines.iter().find(|spine| spine.topic == INDEX_TOPIC) {
            let sealed = open.sealed(spine)?;
            let index =
                sealed.and_then(|sealed| wax.open(&sealed)).and_then(|plain| index_record::decode(&plain));
            let Some(index) = index else { return Ok(None) };
            contents.index = index;
        } else if !contents.spines.is_empty() {
            return Ok(None);
        }
        Ok(Some(contents))
    }

    /// Puts what is new of a consultation behind what was there; volumes grow by being joined, so that there are few
    /// of them and each record is written again only a few times.
    fn shelve(
        &mut self,
        open: &Open<'_>,
        wax: &Wax,
        topic: &str,
        new: &[Kept],
        entropy: &dyn crate::entropy::Entropy,
    ) -> Result<(), DeskError> {
        let mut kept = new.to_vec();
        let mut before: Vec<Spine> =
            self.spines.iter().filter(|spine| spine.topic == topic).cloned().collect();
        while let Some(last) = before.last() {
            let is_small = last.records <= (kept.len() as u64).saturating_mul(2);
            if !is_small || kept.len() as u64 >= limits::CASEBOOK_VOLUME_RECORDS_MAX {
                break;
            }
            let damaged =
                || DeskError::Trust("a volume of the casebook changed while it was open".to_owned());
            let mut earlier = read_volume(open, wax, last)?.ok_or_else(damaged)?;
            earlier.append(&mut kept);
            kept = earlier;
            open.remove(last)?;
            self.spines.retain(|spine| spine != last);
            before.pop();
        }
        for piece in kept.chunks(limits::CASEBOOK_VOLUME_RECORDS_MAX as usize) {
            let sealed = wax.seal(&kept::encode(piece), entropy)?;
            self.spines.push(open.add(topic, piece.len() as u64, &sealed)?);
        }
        Ok(())
    }

    pub(super) fn write_index(
        &mut self,
        open: &Open<'_>,
        wax: &Wax,
        entropy: &dyn crate::entropy::Entropy,
    ) -> Result<(), DeskError> {
        for spine in self.spines.extract_if(.., |spine| spine.topic == INDEX_TOPIC) {
            open.remove(&spine)?;
        }
        let sealed = wax.seal(&index_record::encode(&self.index), entropy)?;
        self.spines.push(open.add(INDEX_TOPIC, 1, &sealed)?);
        Ok(())
    }
}

/// What a volume holds; nothing where it is not whole.
pub(super) fn read_volume(open: &Open<'_>, wax: &Wax, spine: &Spine) -> Result<Option<Vec<Kept>>, DeskError> {
    let Some(sealed) = open.sealed(spine)? else { return Ok(None) };
    Ok(wax.open(&sealed).and_then(|plain| kept::decode(&plain)))
}
