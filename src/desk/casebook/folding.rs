//! Folding: what was kept of a consultation, offered to the pure casebook, with everything a desk knows beside it.
//!
//! A number that will never come must hold nobody up. Between two ministries every message has a number of its own
//! without a gap, so when a later act of a ministry is here, an earlier one that is not was given up, refused or late
//! on its way, or did not open: it is passed over, and told. Of the own acts those are passed over that nobody took,
//! but for protective ones: nobody un-says at home what a person said by what he does to a copy.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use super::charters::{begun, without_agreement};
use super::kept::Kept;
use crate::consultation::acts::values::ActRef;
use crate::consultation::casebook::{Casebook, Incoming, Missing, Outcome};
use crate::consultation::charter::Charter;
use crate::consultation::rules::Finding;
use crate::consultation::rules::judgement::ChannelFacts;
use crate::desk::Desk;
use crate::desk::accreditation::Trust;
use crate::desk::compose::channel_facts;
use crate::desk::error::DeskError;
use crate::desk::keys::Keys;
use crate::digest::Digest;
use crate::limits;
use crate::message::terms::{ActClass, Level};
use crate::time::Timestamp;
use crate::trust::name::Ministry;
use crate::trust::policy::ChannelId;

/// A consultation as this desk holds it.
#[derive(Clone)]
pub struct Folded {
    /// Its id.
    pub consultation: String,
    /// The acts, judged.
    pub book: Casebook,
    /// What was kept of each message, by act.
    pub kept: BTreeMap<ActRef, Kept>,
    /// What the rules found, by act.
    pub findings: BTreeMap<ActRef, Vec<Finding>>,
    /// The greatest number that came of each ministry.
    come: BTreeMap<Ministry, u64>,
    /// Ministries that left out more numbers than are passed over.
    overdrawn: BTreeSet<Ministry>,
    /// Acts that this desk turned away, because so many of their sender wait: taken when there is room. No ministry is
    /// in it without one.
    turned_away: BTreeMap<Ministry, BTreeSet<(u64, ActRef)>>,
    /// How often it was asked whether there is room for what was turned away.
    #[cfg(test)]
    asked: u64,
    /// Dispatches of this desk that nobody took: they are no part of it.
    lost: BTreeSet<Digest>,
    /// How many losses of the register it was folded after: the numbers that each leaves out are passed over.
    losses: u64,
    /// Whether this desk's register lacks messages that this desk sent on the channel: numbers of its own that are
    /// passed over may stand for acts that others have.
    short: bool,
    /// When it began, by which its charter was chosen.
    begun: Option<Timestamp>,
}

impl Desk {
    /// A consultation, folded from the casebook, which is brought up to date first.
    pub fn consultation_of(
        &self,
        trust: &Trust,
        keys: &Keys,
        consultation: &str,
    ) -> Result<Arc<Folded>, DeskError> {
        self.grow_casebook(trust, keys)?;
        let lost: BTreeSet<Digest> = self.register.never_arrived(consultation)?.into_iter().collect();
        let losses = self.register.losses()?;
        let is_whole = |known: &Arc<Folded>| (&known.lost, known.losses) == (&lost, losses);
        let folded = match self.memory.folded(consultation).filter(is_whole) {
            Some(known) => known,
            None => {
                let folded = Folded { losses, ..self.fold(trust, keys, consultation, lost)? };
                let folded = Arc::new(folded);
                self.memory.keep(&folded);
                folded
            }
        };
        self.with_owed(keys, folded)
    }

    /// The same with protective acts of this desk that are signed and of which no copy could be made yet: they count
    /// here from the minute in which they were signed, and not from that in which the first of them leaves.
    fn with_owed(&self, keys: &Keys, folded: Arc<Folded>) -> Result<Arc<Folded>, DeskError> {
        let mut owed = BTreeMap::new();
        for entry in self.register.owed_in(&folded.consultation)? {
            let reference = ActRef::new(entry.dispatch);
            if !folded.kept.contains_key(&reference) && !owed.contains_key(&reference) {
                owed.insert(reference, self.owed_as_incoming(keys, &entry)?);
            }
        }
        if owed.is_empty() {
            return Ok(folded);
        }
        let mut with = Folded::clone(&folded);
        let mut owed: Vec<Incoming> = owed.into_values().collect();
        owed.sort_by_key(|incoming| incoming.position.act_number);
        owed.into_iter().for_each(|incoming| with.take_owed(incoming));
        Ok(Arc::new(with))
    }

    fn fold(
        &self,
        trust: &Trust,
        keys: &Keys,
        consultation: &str,
        lost: BTreeSet<Digest>,
    ) -> Result<Folded, DeskError> {
        let mut kept = self.kept_in(trust, keys, consultation)?;
        // What protects a person counts here whatever became of its copies: whoever has not got it is owed it anew.
        let counts =
            |kept: &Kept| kept.dispatch.act_class == ActClass::Protective || !lost.contains(&kept.digest);
        kept.retain(|kept| !kept.own || counts(kept));
        let channel = kept.first().map(|first| first.header.address().channel.clone());
        let facts = self.facts_of(trust, channel.as_ref(), &kept);
        let begun = begun(kept.iter());
        let charter = self.charter_of(trust, keys, consultation, &facts, begun)?;
        let short = match &channel {
            Some(channel) => !self.register.lost_on(&channel.to_string())?.is_empty(),
            None => false,
        };
        let mut folded = Folded { lost, short, begun, ..Folded::new(consultation, facts, charter) };
        kept.into_iter().for_each(|kept| folded.take(kept));
        // Own acts that nobody took leave holes that nothing will ever fill.
        let signed = self.register.last_act_number_signed(consultation)?;
        let mut first = 1;
        // What somebody is owed will come.
        for owed in self.register.owed_numbers(consultation)? {
            if first < owed {
                folded.pass_over(&self.config.ministry, first, owed.saturating_sub(1));
            }
            first = owed.saturating_add(1);
        }
        if first <= signed {
            folded.pass_over(&self.config.ministry, first, signed);
        }
        Ok(folded)
    }

    /// A consultation under this charter, whatever was agreed since; what nobody took of it counts.
    pub(super) fn fold_by(
        &self,
        trust: &Trust,
        keys: &Keys,
        consultation: &str,
        charter: Charter,
    ) -> Result<Folded, DeskError> {
        let kept = self.kept_in(trust, keys, consultation)?;
        let channel = kept.first().map(|first| first.header.address().channel.clone());
        let facts = self.facts_of(trust, channel.as_ref(), &kept);
        let mut folded = Folded::new(consultation, facts, charter);
        kept.into_iter().for_each(|kept| folded.take(kept));
        Ok(folded)
    }

    /// A consultation of which nothing is here yet.
    pub(super) fn empty(&self, trust: &Trust, consultation: &str) -> Folded {
        let facts = self.facts_of(trust, None, &[]);
        let charter = without_agreement(&facts);
        Folded::new(consultation, facts, charter)
    }

    /// The channel of a consultation; one that is not in force here any more as its messages show it.
    fn facts_of(&self, trust: &Trust, channel: Option<&ChannelId>, kept: &[Kept]) -> ChannelFacts {
        let rule = channel.and_then(|channel| {
            let rule = trust.policy.as_ref()?.channel(channel)?;
            Some(channel_facts(channel, rule))
        });
        if let Some(facts) = rule {
            return facts;
        }
        let mut parties = BTreeSet::from([self.config.ministry.clone()]);
        for one in kept {
            let address = one.header.address();
            parties.insert(address.sender.clone());
            parties.extend(address.addressees.iter().map(|addressee| addressee.ministry.clone()));
        }
        ChannelFacts {
            channel: channel.cloned().unwrap_or_else(|| ChannelId::between(&[])),
            parties: parties.into_iter().collect(),
            suspended: false,
            ceiling: Level::Restricted,
        }
    }
}

impl Folded {
    fn new(consultation: &str, channel: ChannelFacts, charter: Charter) -> Self {
        Self {
            consultation: consultation.to_owned(),
            book: Casebook::new(channel, charter),
            kept: BTreeMap::new(),
            findings: BTreeMap::new(),
            come: BTreeMap::new(),
            overdrawn: BTreeSet::new(),
            turned_away: BTreeMap::new(),
            #[cfg(test)]
            asked: 0,
            lost: BTreeSet::new(),
            losses: 0,
            short: false,
            begun: None,
        }
    }

    /// Takes the next message, in the order in which they came.
    pub(super) fn take(&mut self, kept: Kept) {
        let incoming = kept.incoming();
        let (sender, number) = (incoming.address.sender.clone(), incoming.position.act_number);
        if !kept.own {
            self.leap(&sender, number);
        }
        let come = self.come.entry(sender).or_default();
        *come = number.max(*come);
        self.kept.insert(incoming.reference, kept);
        self.offer(incoming);
        self.offer_again();
    }

    /// Whether it began at another time than that by which its charter was chosen, as what came since says: then it is
    /// to be folded anew.
    pub(super) fn began_otherwise(&self) -> bool {
        begun(self.kept.values()) != self.begun
    }

    /// Takes an own act of which no copy was made.
    fn take_owed(&mut self, incoming: Incoming) {
        let (sender, number) = (incoming.address.sender.clone(), incoming.position.act_number);
        let come = self.come.entry(sender).or_default();
        *come = number.max(*come);
        self.offer(incoming);
    }

    /// What is missing of ministries that left out more than is passed over, from the first act that is not here to the
    /// last before the last that is.
    pub fn overdrawn(&self) -> Vec<Missing> {
        let open = |ministry: &Ministry| {
            let (first, come) = (self.book.next_number(ministry), self.come.get(ministry)?);
            let last = come.saturating_sub(1);
            (first <= last).then(|| Missing { ministry: ministry.clone(), first, last })
        };
        self.overdrawn.iter().filter_map(open).collect()
    }

    /// Whether this desk's register lacks messages that it sent on the channel.
    pub fn is_short(&self) -> bool {
        self.short
    }

    /// How many acts are not looked at yet.
    pub fn count_turned_away(&self) -> usize {
        self.turned_away.values().map(BTreeSet::len).sum()
    }

    /// Passes over what a ministry left out before this number.
    fn leap(&mut self, sender: &Ministry, number: u64) {
        let from = self.come.get(sender).copied().unwrap_or(0).saturating_add(1);
        let gap = number.saturating_sub(from);
        let sum = self.book.count_passed_over(sender).saturating_add(gap);
        // So many are never given up: whoever skips them means to keep others counting, or to hide something.
        let is_bounded = gap <= limits::CASEBOOK_GAP_ACTS_MAX && sum <= limits::CASEBOOK_PASSED_OVER_ACTS_MAX;
        match (gap, is_bounded) {
            (0, _) => {}
            (_, true) => self.pass_over(sender, from, number.saturating_sub(1)),
            (_, false) => drop(self.overdrawn.insert(sender.clone())),
        }
    }

    fn offer(&mut self, incoming: Incoming) {
        let (sender, number) = (incoming.address.sender.clone(), incoming.position.act_number);
        let act = (number, incoming.reference);
        let outcomes = self.book.offer(incoming);
        if outcomes.iter().any(|outcome| matches!(outcome, Outcome::TurnedAway { .. })) {
            self.turned_away.entry(sender).or_default().insert(act);
        }
        self.note(outcomes);
    }

    /// What was turned away comes again as soon as there is room for its sender, each act once.
    fn offer_again(&mut self) {
        while let Some(sender) = self.with_room() {
            let Some(acts) = self.turned_away.get_mut(&sender) else { return };
            let first = acts.pop_first();
            if acts.is_empty() {
                self.turned_away.remove(&sender);
            }
            if let Some(kept) = first.and_then(|(_, act)| self.kept.get(&act)) {
                self.offer(kept.incoming());
            }
        }
    }

    /// A ministry of which acts were turned away and more may wait. Each is asked for once, however many there are.
    fn with_room(&mut self) -> Option<Ministry> {
        #[cfg(test)]
        {
            self.asked = self.asked.saturating_add(self.turned_away.len() as u64);
        }
        self.turned_away.keys().find(|sender| self.book.has_room(sender)).cloned()
    }

    /// Passes over these numbers of a ministry, as far as nothing came under them.
    fn pass_over(&mut self, sender: &Ministry, first: u64, last: u64) {
        let outcomes = self.book.pass_over(sender, first, last);
        self.note(outcomes);
    }

    fn note(&mut self, outcomes: Vec<Outcome>) {
        for outcome in outcomes {
            if let Outcome::Registered { reference, findings, .. } = outcome {
                self.findings.insert(reference, findings);
            }
        }
    }
}

impl fmt::Debug for Folded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Folded({})", self.consultation)
    }
}

#[cfg(test)]
mod tests;
