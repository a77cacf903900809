//! Circles: among which Powers a consultation is held, on which channel, and how high a level may go there.
//!
//! A consultation or ministries enter; what the register, the accredited channels and the charter say of them leaves. A
//! protective act is addressed by this, whatever its form says: a form is written at night, and this is not.

use crate::consultation::reference::ConsultationId;
use crate::desk::Desk;
use crate::desk::accreditation::Trust;
use crate::desk::compose::channel_facts;
use crate::desk::error::DeskError;
use crate::desk::form::draft::Circle;
use crate::desk::keys::Keys;
use crate::message::terms::Level;
use crate::trust::name::Ministry;
use crate::trust::policy::ChannelId;

impl Desk {
    /// The Powers among which a consultation is held; none where it is not known here, or where nobody else takes part.
    /// Without keys the charter is not asked.
    pub fn circle_of(
        &self,
        trust: &Trust,
        keys: Option<&Keys>,
        consultation: &ConsultationId,
    ) -> Result<Option<Circle>, DeskError> {
        let (channel, mut powers) = self.powers_of(trust, consultation)?;
        if powers.is_empty() {
            return Ok(None);
        }
        powers.sort();
        powers.dedup();
        let agreed = match keys {
            Some(keys) => self.knowledge(trust, keys, &consultation.text(), &[])?.charter(),
            None => None,
        };
        let joined = self.ceiling(trust, channel.as_ref(), &powers);
        let ceiling = agreed.map_or(joined, |charter| charter.ceiling.min(joined));
        Ok(Some(Circle { powers, channel, ceiling }))
    }

    /// The circle that these Powers and this one make on a channel of their own.
    pub fn circle_with(&self, trust: &Trust, powers: &[Ministry]) -> Option<Circle> {
        let all: Vec<Ministry> = powers.iter().chain([&self.config.ministry]).cloned().collect();
        let (channel, rule) = trust.channel_of(&all).ok()?;
        let ceiling = channel_facts(channel, rule).ceiling;
        Some(Circle { powers: powers.to_vec(), channel: Some(channel.clone()), ceiling })
    }

    /// The ceiling of a channel, or of the one that joins these Powers.
    fn ceiling(&self, trust: &Trust, channel: Option<&ChannelId>, powers: &[Ministry]) -> Level {
        let rule = channel.and_then(|channel| Some((channel, trust.policy.as_ref()?.channel(channel)?)));
        match rule {
            Some((channel, rule)) => channel_facts(channel, rule).ceiling,
            None => self.circle_with(trust, powers).map_or(Level::Restricted, |circle| circle.ceiling),
        }
    }
}
