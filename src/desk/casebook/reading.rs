//! Reading: what the casebook holds, of one consultation or across all.
//!
//! Only the volumes asked for are opened. What is damaged is not shown in part: the casebook is written anew then.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Contents;
use super::growth::read_volume;
use super::index::Index;
use super::kept::Kept;
use super::shelf::{Shelf, is_damage};
use super::wax::Wax;
use crate::desk::Desk;
use crate::desk::accreditation::Trust;
use crate::desk::error::DeskError;
use crate::desk::keys::Keys;

impl Desk {
    /// The index, up to date with the register.
    pub fn casebook(&self, trust: &Trust, keys: &Keys) -> Result<Arc<Index>, DeskError> {
        self.grow_casebook(trust, keys)?;
        if let Some(known) = self.memory.now().as_ref() {
            return Ok(known.index.clone());
        }
        let wax = Wax::of(keys.reading()?);
        let mut shelf = Shelf::open(&self.config.casebook())?;
        let open = shelf.take()?;
        let contents = Contents::of(&open, &wax)?.unwrap_or_default();
        Ok(self.memory.read(&contents.place, contents.index))
    }

    /// What was kept of a consultation, in the order in which it came, each dispatch once.
    pub fn kept_in(&self, trust: &Trust, keys: &Keys, consultation: &str) -> Result<Vec<Kept>, DeskError> {
        let kept = match self.try_kept_in(keys, consultation) {
            Ok(Some(kept)) => kept,
            Err(DeskError::Register(fault)) if !is_damage(&fault) => return Err(fault.into()),
            Err(failure) if !matches!(failure, DeskError::Register(_)) => return Err(failure),
            // It is no source: what cannot be read is written anew.
            Ok(None) | Err(_) => {
                self.rebuild_casebook(trust, keys)?;
                let damaged = || DeskError::Trust("the casebook cannot be read back".to_owned());
                self.try_kept_in(keys, consultation)?.ok_or_else(damaged)?
            }
        };
        let mut seen = BTreeSet::new();
        let mut kept = kept;
        kept.retain(|kept| seen.insert(kept.digest));
        Ok(kept)
    }

    fn try_kept_in(&self, keys: &Keys, consultation: &str) -> Result<Option<Vec<Kept>>, DeskError> {
        let wax = Wax::of(keys.reading()?);
        let mut shelf = Shelf::open(&self.config.casebook())?;
        let open = shelf.take()?;
        let Some(contents) = Contents::of(&open, &wax)? else { return Ok(None) };
        let mut all = Vec::new();
        for spine in contents.spines.iter().filter(|spine| spine.topic == consultation) {
            match read_volume(&open, &wax, spine)? {
                Some(kept) => all.extend(kept),
                None => return Ok(None),
            }
        }
        Ok(Some(all))
    }
}
