//! The quick road of a withdrawal: a person says no to somebody, and one duty officer sends that to every Power, at once.
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
use crate::desk::error::DeskError;
use crate::desk::form::draft::Draft;
use crate::desk::keys::Keys;
use crate::message::envelope::Envelope;
use crate::message::header::Addressee;
use crate::message::terms::{AddresseeKind, Precedence};
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
        Ok(Draft {
            channel: channel.filter(|_| to.is_empty()),
            precedence: Precedence::Flash,
            ..Draft::service_message(addressees, consultation, act)
        })
    }

    /// The channel on which a consultation is held, and its Powers but our own.
    fn powers_of(
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
        Ok((Some(address.channel.clone()), powers.into_iter().filter(|power| power != own).collect()))
    }
}
