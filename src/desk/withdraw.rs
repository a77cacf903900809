//! The quick road of a withdrawal: a person says no to somebody, and one duty officer sends that to every Power, at
//! once.
//!
//! A person enters, and nothing else is asked for; a draft leaves that `send` takes. The consultation in which the
//! person is spoken of and its Powers are looked up here. What was not said is left out: no reason, no time, no
//! destination.

use crate::consultation::act::Act;
use crate::consultation::acts::will::WillWithdrawal;
use crate::consultation::list::List;
use crate::consultation::reference::{ConsultationId, PersonRef};
use crate::desk::Desk;
use crate::desk::accreditation::Trust;
use crate::desk::compose::channel_facts;
use crate::desk::error::DeskError;
use crate::desk::form::draft::Draft;
use crate::desk::keys::Keys;
use crate::message::envelope::Envelope;
use crate::message::header::Addressee;
use crate::message::terms::{AddresseeKind, Level, Precedence};
use crate::trust::name::Ministry;
use crate::trust::policy::ChannelId;

impl Desk {
    /// The withdrawal of a person's statement of will, to every Power of the consultation that speaks of the person;
    /// `consultation` and `to` say what this desk cannot know of somebody it never heard of.
    pub fn withdrawal(
        &self,
        trust: &Trust,
        keys: &Keys,
        person: PersonRef,
        consultation: Option<ConsultationId>,
        to: &[Ministry],
    ) -> Result<Draft, DeskError> {
        let known = match consultation {
            Some(named) => Some(named),
            None => self.home_of(trust, keys, &person)?,
        };
        let Some(consultation) = known else { return Err(DeskError::PersonUnknown) };
        let (channel, mut powers) = self.powers_of(trust, &consultation)?;
        if !to.is_empty() {
            powers = to.to_vec();
        }
        if powers.is_empty() {
            return Err(DeskError::PersonUnknown);
        }
        powers.sort();
        powers.dedup();
        let addressee = |ministry: Ministry| Addressee { ministry, kind: AddresseeKind::Action };
        let addressees = powers.into_iter().map(addressee).collect();
        let act = Act::WillWithdrawal(WillWithdrawal {
            person,
            declaration_time: None,
            withdrawn_for: List::default(),
            received_by_office: None,
        });
        let draft = Draft {
            channel: channel.filter(|_| to.is_empty()),
            precedence: Precedence::Flash,
            ..Draft::service_message(addressees, consultation, act)
        };
        let level = self.level_for(trust, keys, &draft, &consultation)?;
        Ok(Draft { level, ..draft })
    }

    /// RESTRICTED, or the lowest ceiling by which anybody judges it: of the channel on which it goes, of the one on
    /// which the consultation is held, of the charter that was agreed on. It says nothing but that a person says no,
    /// and must not be stopped for its marking (CLS_01).
    fn level_for(
        &self,
        trust: &Trust,
        keys: &Keys,
        draft: &Draft,
        consultation: &ConsultationId,
    ) -> Result<Level, DeskError> {
        let held = self.channel_held(&consultation.text())?;
        let held =
            held.and_then(|held| trust.policy.as_ref()?.channel(&held).map(|rule| (held.clone(), rule)));
        let held = held.map(|(held, rule)| channel_facts(&held, rule).ceiling);
        // Where no channel joins them, composing says so.
        let chosen = self.channel(trust, draft).ok();
        let chosen = chosen.map(|(channel, rule)| channel_facts(channel, rule).ceiling);
        let agreed = self.knowledge(trust, keys, &consultation.text(), &[])?.charter();
        let agreed = agreed.map(|charter| charter.ceiling);
        let ceilings = [held, chosen, agreed].into_iter().flatten();
        Ok(ceilings.fold(Level::Restricted, Level::min))
    }

    /// The channel on which a consultation is held, and its Powers but our own.
    pub(super) fn powers_of(
        &self,
        trust: &Trust,
        consultation: &ConsultationId,
    ) -> Result<(Option<ChannelId>, Vec<Ministry>), DeskError> {
        let entries = self.entries_of(&consultation.text())?;
        // Not the last one: whoever wrote to one Power alone must not make the next withdrawal go to it alone.
        let Some(first) = entries.first() else { return Ok((None, Vec::new())) };
        let envelope = Envelope::parse(first.envelope())?;
        let address = envelope.header().address();
        let rule = trust.policy.as_ref().and_then(|policy| policy.channel(&address.channel));
        let powers: Vec<Ministry> = match rule {
            Some(rule) => rule.parties.iter().cloned().collect(),
            None => address
                .addressees
                .iter()
                .map(|addressee| &addressee.ministry)
                .chain([&address.sender])
                .cloned()
                .collect(),
        };
        let own = &self.config.ministry;
        // One that is not in force any more carries nothing: any that joins the Powers does.
        let channel = rule.map(|_| address.channel.clone());
        Ok((channel, powers.into_iter().filter(|power| power != own).collect()))
    }
}
