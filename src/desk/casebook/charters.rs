//! The charter of a consultation: what the parties of its channel had agreed on when it began, else safe defaults.
//!
//! It begins with the proposal that opened it, as every desk sees it alike: a letter between two of the parties moves
//! no beginning, nor does one to all that is dated before it. Where nobody proposed anything, what went to all first
//! begins it.
//!
//! A charter is concluded when every party has said the same terms, byte for byte, one by proposing and the others by
//! replying, in notes that stand. A consultation keeps the one it began under, so that no later note changes a verdict.

use std::collections::{BTreeMap, BTreeSet};

use super::folding::Folded;
use super::kept::Kept;
use super::knowledge::Knowledge;
use crate::consultation::act::{Act, ActKind};
use crate::consultation::casebook::beginning;
use crate::consultation::charter::Charter;
use crate::consultation::rules::judgement::ChannelFacts;
use crate::desk::Desk;
use crate::desk::accreditation::Trust;
use crate::desk::error::DeskError;
use crate::desk::keys::Keys;
use crate::message::terms::Level;
use crate::time::Timestamp;
use crate::trust::name::Ministry;

impl Desk {
    /// The charter that counts for a consultation that began then.
    pub(super) fn charter_of(
        &self,
        trust: &Trust,
        keys: &Keys,
        consultation: &str,
        channel: &ChannelFacts,
        begun: Option<Timestamp>,
    ) -> Result<Charter, DeskError> {
        if let Some(supposed) = &self.supposed {
            return Ok(supposed.clone());
        }
        let agreed = match begun {
            Some(begun) => self.agreed_by(trust, keys, consultation, channel, begun)?,
            None => None,
        };
        Ok(agreed.unwrap_or_else(|| without_agreement(channel)))
    }

    /// The charter that counts for what this desk is about to say: that of its consultation, and in one that begins the
    /// one in force on its channel. None where none was agreed, or the keys are locked.
    pub(in crate::desk) fn charter_for(
        &self,
        trust: &Trust,
        keys: &Keys,
        known: &Knowledge,
        consultation: &str,
        channel: &ChannelFacts,
    ) -> Result<Option<Charter>, DeskError> {
        if known.charter().is_some() || known.folded.is_none() {
            return Ok(known.charter());
        }
        if let Some(supposed) = &self.supposed {
            return Ok(Some(supposed.clone()));
        }
        self.agreed_by(trust, keys, consultation, channel, self.clock.now())
    }

    /// What the parties of a channel had agreed on when a consultation began, outside it.
    fn agreed_by(
        &self,
        trust: &Trust,
        keys: &Keys,
        consultation: &str,
        channel: &ChannelFacts,
        begun: Timestamp,
    ) -> Result<Option<Charter>, DeskError> {
        let Some(index) = self.memory.now().as_ref().map(|known| known.index.clone()) else {
            return Ok(None);
        };
        let mut concluded: Option<(Timestamp, Charter)> = None;
        // The consultation in which the charter itself is negotiated has none yet.
        for other in index.charters.iter().filter(|other| *other != consultation) {
            let folded = self.fold_by(trust, keys, other, without_agreement(channel))?;
            for (at, charter) in charters(&folded, channel) {
                let is_later = concluded.as_ref().is_none_or(|(before, _)| *before < at);
                if at <= begun && is_later {
                    concluded = Some((at, charter));
                }
            }
        }
        Ok(concluded.map(|(_, charter)| charter))
    }
}

/// When a consultation began of which this was kept; none where nothing in it went to all.
pub(super) fn begun<'k>(kept: impl Iterator<Item = &'k Kept> + Clone) -> Option<Timestamp> {
    let to_all = kept.filter(|kept| kept.header.position().act_number > 0);
    let opening = to_all.clone().filter(|kept| beginning::tells_of_it(&kept.dispatch.kind));
    let first = || to_all.map(|kept| kept.header.position().release_time).min();
    beginning::proposed(opening.map(Kept::incoming)).or_else(first)
}

/// What counts before a charter is concluded. No ceiling was agreed on then, and each ministry sets its own: what was
/// above it did not come here.
pub(super) fn without_agreement(channel: &ChannelFacts) -> Charter {
    Charter { ceiling: Level::TopSecret, ..Charter::default_for(channel.parties.iter().cloned()) }
}

/// The charters that were concluded in a consultation, each with the release of the note that concluded it.
fn charters(folded: &Folded, channel: &ChannelFacts) -> Vec<(Timestamp, Charter)> {
    let past = folded.book.everything();
    let mut said: BTreeMap<Vec<u8>, (BTreeMap<Ministry, Timestamp>, Charter)> = BTreeMap::new();
    for one in past.of_kind(ActKind::ChannelCharterNote).filter(|one| one.stands()) {
        let Some(Act::ChannelCharterNote(note)) = &one.act else { continue };
        let terms = &note.terms;
        let parties: BTreeSet<&Ministry> = terms.parties.iter().collect();
        let is_ours = terms.channel.as_str() == channel.channel.as_str();
        // What some parties have not got they cannot judge by.
        let has_it = |party: &Ministry| *party == one.sender || one.addressees.contains(party);
        let went_to_all = channel.parties.iter().all(has_it);
        if !is_ours || !went_to_all || parties != channel.parties.iter().collect() {
            continue;
        }
        let entry = said.entry(terms.bytes());
        let (sayers, _) = entry.or_insert_with(|| (BTreeMap::new(), Charter::of(terms)));
        sayers.entry(one.sender.clone()).or_insert(one.released);
    }
    let all = |sayers: &BTreeMap<Ministry, Timestamp>| {
        channel.parties.iter().all(|party| sayers.contains_key(party))
    };
    let concluded = said.into_values().filter(|(sayers, _)| all(sayers));
    concluded.filter_map(|(sayers, charter)| Some((sayers.into_values().max()?, charter))).collect()
}
