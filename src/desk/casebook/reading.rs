//! Reading: what the casebook holds, of one consultation or across all.
//!
//! Only the volumes asked for are opened. What is damaged is not shown in part: the casebook is written anew then.

use std::collections::BTreeSet;

use super::growth::read_volume;
use super::index::Index;
use super::kept::Kept;
use super::shelf::Shelf;
use super::wax::Wax;
use super::{Contents, INDEX_TOPIC};
use crate::desk::Desk;
use crate::desk::accreditation::Trust;
use crate::desk::error::DeskError;
use crate::desk::keys::Keys;
use crate::digest::Digest;

/// The casebook as a command reads it: the index, and what it was asked for.
#[derive(Debug)]
pub struct Reading {
    /// The index across consultations.
    pub index: Index,
    /// Ids of all consultations in it, ascending.
    pub consultations: BTreeSet<String>,
}

impl Desk {
    /// The index, up to date with the register.
    pub fn casebook(&self, trust: &Trust, keys: &Keys) -> Result<Reading, DeskError> {
        self.grow_casebook(trust, keys)?;
        let wax = Wax::of(keys.reading()?);
        let mut shelf = Shelf::open(&self.config.casebook())?;
        let open = shelf.take()?;
        let contents = Contents::of(&open, &wax)?.unwrap_or_default();
        let topics = contents.spines.iter().map(|spine| spine.topic.clone());
        let unopened = contents.index.unopened.keys().cloned();
        let consultations = topics.filter(|topic| topic != INDEX_TOPIC).chain(unopened).collect();
        Ok(Reading { index: contents.index, consultations })
    }

    /// What was kept of a consultation, in the order in which it came, each dispatch once; without what this desk
    /// sent and nobody took.
    pub fn kept_in(&self, trust: &Trust, keys: &Keys, consultation: &str) -> Result<Vec<Kept>, DeskError> {
        let kept = match self.try_kept_in(keys, consultation)? {
            Some(kept) => kept,
            // It is no source: what cannot be read is written anew.
            None => {
                self.rebuild_casebook(trust, keys)?;
                let damaged = || DeskError::Trust("the casebook cannot be read back".to_owned());
                self.try_kept_in(keys, consultation)?.ok_or_else(damaged)?
            }
        };
        let lost: BTreeSet<Digest> = self.register.never_arrived(consultation)?.into_iter().collect();
        let mut seen = BTreeSet::new();
        let counts = |kept: &Kept| !(kept.own && lost.contains(&kept.digest)) && seen.insert(kept.digest);
        let mut kept = kept;
        kept.retain(counts);
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
