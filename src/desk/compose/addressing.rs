//! Where an act goes: its channel, its consultation and its address.
//!
//! A draft and what is believed enter; the address leaves that all its copies have. A consultation stays on the channel
//! on which it is held, because its acts are judged by that. What protects somebody is never stopped here by an
//! addressee who is not believed.

use crate::consultation::reference::ConsultationId;
use crate::consultation::rules::judgement::ChannelFacts;
use crate::desk::Desk;
use crate::desk::accreditation::Trust;
use crate::desk::error::DeskError;
use crate::desk::form::draft::{ConsultationChoice, Draft};
use crate::message::envelope::Envelope;
use crate::message::header::Address;
use crate::message::terms::{ActClass, Level};
use crate::trust::name::Ministry;
use crate::trust::policy::{ChannelId, ChannelRule};

impl Desk {
    /// The channel that a draft names, or that of its consultation, or the one that joins its addressees.
    pub(in crate::desk) fn channel<'a>(
        &self,
        trust: &'a Trust,
        draft: &Draft,
    ) -> Result<(&'a ChannelId, &'a ChannelRule), DeskError> {
        let mut ministries: Vec<Ministry> =
            draft.addressees.iter().map(|addressee| addressee.ministry.clone()).collect();
        // What protects somebody goes to the others at once; whoever is not believed here is owed it.
        let is_protective = draft.act.kind().class() == ActClass::Protective;
        for ministry in ministries.iter().filter(|_| !is_protective) {
            trust.bundle(ministry)?;
        }
        ministries.push(self.config.ministry.clone());
        let mut rules = trust.policy.iter().flat_map(|policy| policy.channels());
        if let Some(wanted) = &draft.channel {
            let found = rules.find(|(channel, _)| *channel == wanted);
            return found.ok_or_else(|| DeskError::Trust(format!("no channel {wanted} is in force")));
        }
        // A word to some of its Powers stays on the channel of the consultation: it is judged there.
        let held = match draft.consultation {
            ConsultationChoice::Known(id) => self.channel_held(&id.text())?,
            ConsultationChoice::New => None,
        };
        let joins = |rule: &ChannelRule| ministries.iter().all(|one| rule.parties.contains(one));
        match rules.find(|(channel, rule)| held.as_ref() == Some(channel) && joins(rule)) {
            Some(found) => Ok(found),
            None => trust.channel_of(&ministries),
        }
    }

    /// The channel on which a consultation is held: that of its first message here, by which its casebook judges.
    pub(in crate::desk) fn channel_held(&self, consultation: &str) -> Result<Option<ChannelId>, DeskError> {
        let entries = self.entries_of(consultation)?;
        let Some(first) = entries.first() else { return Ok(None) };
        Ok(Some(Envelope::parse_held(first.envelope())?.header().address().channel.clone()))
    }

    /// The consultation that a draft names, or a new one.
    pub(super) fn consultation(&self, draft: &Draft) -> Result<ConsultationId, DeskError> {
        match draft.consultation {
            ConsultationChoice::Known(id) => Ok(id),
            ConsultationChoice::New => ConsultationId::mint(self.entropy.as_ref())
                .map_err(|cause| DeskError::Draft(cause.to_string())),
        }
    }

    /// The address of a draft: released to those who get it, unless it names others.
    pub(super) fn address(
        &self,
        draft: &Draft,
        channel: &ChannelId,
        consultation: &ConsultationId,
    ) -> Address {
        let releasable_to = draft.releasable_to.clone().unwrap_or_else(|| {
            let mut all: Vec<Ministry> =
                draft.addressees.iter().map(|addressee| addressee.ministry.clone()).collect();
            all.push(self.config.ministry.clone());
            all.sort();
            all.dedup();
            all
        });
        Address {
            channel: channel.clone(),
            consultation: consultation.text(),
            sender: self.config.ministry.clone(),
            addressees: draft.addressees.clone(),
            precedence: draft.precedence,
            level: draft.level,
            releasable_to,
        }
    }
}

/// Whether an act of this address is addressed to all Powers of the channel, and so numbered.
pub(in crate::desk) fn is_numbered(address: &Address, channel: &ChannelRule) -> bool {
    channel
        .parties
        .iter()
        .all(|party| *party == address.sender || address.addressees.iter().any(|one| one.ministry == *party))
}

/// The channel as the rules see it.
pub(in crate::desk) fn channel_facts(channel: &ChannelId, rule: &ChannelRule) -> ChannelFacts {
    ChannelFacts {
        channel: channel.clone(),
        parties: rule.parties.iter().cloned().collect(),
        suspended: rule.suspended,
        // A ceiling outside the vocabulary admits nothing classified.
        ceiling: i32::try_from(rule.ceiling).ok().and_then(Level::from_number).unwrap_or(Level::Unclassified),
    }
}
