//! What an act of our own rests on, and what the rules find in it before its release.
//!
//! Address, dispatch and act enter with what this desk knows of the consultation; the acts of all Powers that it rests
//! on leave, or findings. It is judged as every casebook will judge it, by the channel of the consultation and the
//! charter agreed there; nothing rests on what still waits to be judged.

use crate::consultation::act::Act;
use crate::consultation::charter::Charter;
use crate::consultation::rules::authority::{AuthorityFacts, Validity};
use crate::consultation::rules::judgement::{EarlierMessage, FormalNumbers, Judgement};
use crate::consultation::rules::names::NameIndex;
use crate::consultation::rules::{self, Finding};
use crate::desk::Desk;
use crate::desk::accreditation::Trust;
use crate::desk::authorities;
use crate::desk::compose::{channel_facts, is_numbered};
use crate::desk::documents::{self, Source};
use crate::desk::error::DeskError;
use crate::desk::keys::Keys;
use crate::desk::vouched;
use crate::keys::KeyError;
use crate::message::dispatch::{Basis, Dispatch};
use crate::message::header::Address;
use crate::message::terms::ActClass;
use crate::trust::name::Ministry;
use crate::trust::policy::ChannelRule;

impl Desk {
    /// What the offices that are to sign may sign. One that the own bundle does not vouch for signs nothing that
    /// counts: that is told before anybody works on it. A protective act waits for nobody's certificate.
    pub(super) fn own_authorities(
        &self,
        trust: &Trust,
        keys: &Keys,
        dispatch: &Dispatch,
    ) -> Result<AuthorityFacts, DeskError> {
        let (offices, now) = (keys.offices()?, self.clock.now());
        let mut facts = authorities::at_this_desk(offices.as_ref(), &dispatch.authentications);
        let refused = facts.offices.iter_mut().filter(|one| {
            let office = offices.get(&one.office);
            dispatch.act_class != ActClass::Protective
                && office.is_some_and(|office| vouched::is_refused(&trust.own, office.certificate(), now))
        });
        refused.for_each(|one| one.validity = Validity::Revoked);
        Ok(facts)
    }

    /// What the rules find in an act of our own before its release; `last` is the formal number before its own.
    pub(in crate::desk) fn judge_own(
        &self,
        trust: &Trust,
        keys: &Keys,
        (address, dispatch, act): (&Address, &Dispatch, &Act),
        sources: &[Source],
        authorities: &AuthorityFacts,
        last: Option<u32>,
    ) -> Result<Vec<Finding>, DeskError> {
        let words = documents::words(&dispatch.documents, sources)?;
        let opened = documents::opened(&dispatch.documents, &words);
        let earlier = self.earlier(trust, keys, dispatch)?;
        let rule = trust.policy.as_ref().and_then(|policy| policy.channel(&address.channel));
        // As the casebooks judge it: by the channel of the consultation, on whichever this act would go.
        let held = self.channel_held(&address.consultation)?;
        let held = held.and_then(|held| Some((trust.policy.as_ref()?.channel(&held)?, held)));
        let facts = match &held {
            Some((rule, held)) => Some(channel_facts(held, rule)),
            None => rule.map(|rule| channel_facts(&address.channel, rule)),
        };
        let known = self.knowledge(trust, keys, &address.consultation, &act.persons())?;
        let numbered = rule.is_some_and(|rule| is_numbered(address, rule));
        let number = match numbered {
            true => {
                let channel = address.channel.to_string();
                self.register.last_act_number_used(&channel, &address.consultation)?.saturating_add(1)
            }
            false => 0,
        };
        let past = known.past(&address.sender, number, &dispatch.basis);
        let parties = rule.into_iter().flat_map(|rule| rule.parties.iter().cloned());
        let agreed = match &facts {
            Some(facts) => self.charter_for(trust, keys, &known, &address.consultation, facts)?,
            None => known.charter(),
        };
        let charter = agreed.unwrap_or_else(|| Charter::default_for(parties));
        let judgement = Judgement {
            at: self.clock.now(),
            address,
            position: None,
            dispatch,
            act,
            verified: None,
            past: past.as_ref(),
            charter: &charter,
            authorities: Some(authorities),
            channel: facts.as_ref(),
            formal_numbers: FormalNumbers { last, complete: true },
            earlier: &earlier,
            documents: Some(&opened),
            names: &NameIndex::default(),
            persons_elsewhere: &known.elsewhere,
            promised_elsewhere: &known.promised,
        };
        let names = self.names_for(trust, keys, &known, &judgement)?;
        Ok(rules::judge(&Judgement { names: &names, ..judgement }))
    }

    /// The last act of every Power that this one rests on.
    pub(in crate::desk) fn basis(
        &self,
        trust: &Trust,
        keys: &Keys,
        address: &Address,
        channel: &ChannelRule,
    ) -> Result<Vec<Basis>, DeskError> {
        // What waits for other acts is not judged yet, and nothing may rest on it.
        if let Some(basis) = self.knowledge(trust, keys, &address.consultation, &[])?.basis(&channel.parties)
        {
            return Ok(basis);
        }
        let known = |ministry: &Ministry| {
            if *ministry == self.config.ministry {
                self.register.last_act_number(&address.consultation)
            } else {
                self.register.last_act_received(&address.consultation, ministry)
            }
        };
        let basis = channel
            .parties
            .iter()
            .map(|ministry| Ok(Basis { ministry: ministry.clone(), act_number: known(ministry)? }));
        basis.collect()
    }

    /// The messages that a dispatch annexes documents of, and the one it answers, as far as rules look at them.
    fn earlier(
        &self,
        trust: &Trust,
        keys: &Keys,
        dispatch: &Dispatch,
    ) -> Result<Vec<EarlierMessage>, DeskError> {
        let mut earlier = self.carriers_of(trust, keys, dispatch, self.clock.now())?;
        let Some(id) = dispatch.in_reply_to else { return Ok(earlier) };
        let entry = self.find(&id.to_string())?;
        let key = match keys.reading() {
            // An office with a passphrase of its own drafts without the registry's keys: it is judged again at release.
            Err(DeskError::Key(KeyError::WrongPassphrase(_))) => return Ok(Vec::new()),
            key => key?,
        };
        if !earlier.iter().any(|one| one.message_id == id) {
            earlier.push(self.unseal_unjudged(trust, &key, &entry)?.earlier());
        }
        Ok(earlier)
    }
}
