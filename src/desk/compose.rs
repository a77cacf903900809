//! Composing: a checked draft becomes a dispatch that only lacks its formal number and its signatures.
//!
//! A draft and the files it names enter; address, dispatch, documents and the findings of the rules leave.
//! Nothing is numbered, signed or written here.

use std::fmt;
use std::path::Path;

use crate::consultation::act::Act;
use crate::consultation::charter::Charter;
use crate::consultation::codec;
use crate::consultation::reference::ConsultationId;
use crate::consultation::rules::authority::AuthorityFacts;
use crate::consultation::rules::judgement::{ChannelFacts, EarlierMessage, FormalNumbers, Judgement};
use crate::consultation::rules::names::NameIndex;
use crate::consultation::rules::{self, Finding};
use crate::desk::Desk;
use crate::desk::accreditation::Trust;
use crate::desk::authorities;
use crate::desk::documents::{self, Source};
use crate::desk::draft::DraftFile;
use crate::desk::error::DeskError;
use crate::desk::form::draft::{ConsultationChoice, Draft};
use crate::desk::keys::{Keys, Office};
use crate::desk::signatories::Wishes;
use crate::entropy::random;
use crate::keys::KeyError;
use crate::limits;
use crate::message::dispatch::{Basis, Dispatch, Marking};
use crate::message::envelope::Envelope;
use crate::message::header::Address;
use crate::message::id::MessageId;
use crate::message::terms::{ActClass, Form, Level};
use crate::time::Timestamp;
use crate::trust::name::Ministry;
use crate::trust::policy::{ChannelId, ChannelRule};

/// A draft made ready for release.
pub struct Composition {
    /// The address, the same in every copy.
    pub address: Address,
    /// The dispatch; its formal number is the one expected, not reserved.
    pub dispatch: Dispatch,
    /// The act it carries.
    pub act: Act,
    /// Where the plain documents are, in the order of the dispatch.
    pub sources: Vec<Source>,
    /// The offices that are to sign, in order; none for the registry itself.
    pub offices: Vec<Option<Office>>,
    /// Whether the act is addressed to all Powers of the channel, and so numbered.
    pub numbered: bool,
    /// Not delivered after this.
    pub valid_until: Timestamp,
    /// What the rules found.
    pub findings: Vec<Finding>,
    /// Where it comes from.
    pub(super) origin: Origin,
}

/// Where a composition comes from, which decides what its release makes true besides.
#[derive(Debug)]
pub(super) enum Origin {
    /// A form; the offices sign at release.
    Form,
    /// A draft that all its offices have signed, with the formal number it bears.
    Draft(Box<DraftFile>, Option<(i16, u32)>),
    /// This desk answers a message by itself, once, with an act of this kind.
    Answer(MessageId, &'static str),
    /// A protective act that was signed before, for somebody to whom it could not go then.
    Owed(Box<DraftFile>, Ministry),
}

impl Desk {
    /// Composes a draft; `folder` is where the paths in it begin, `sign_as` an office to prefer.
    pub fn compose(
        &self,
        trust: &Trust,
        keys: &Keys,
        draft: &Draft,
        folder: &Path,
        sign_as: Option<&str>,
    ) -> Result<Composition, DeskError> {
        let wishes = Wishes { prefer: sign_as.map(str::to_owned).into_iter().collect(), clear: Vec::new() };
        self.compose_with(trust, keys, draft, folder, &wishes)
    }

    /// The same with everything that may be wished of the offices. A form that names a drafting office of this desk is
    /// drafted by it.
    pub(super) fn compose_with(
        &self,
        trust: &Trust,
        keys: &Keys,
        draft: &Draft,
        folder: &Path,
        wishes: &Wishes,
    ) -> Result<Composition, DeskError> {
        let now = self.clock.now();
        let (channel_id, channel) = self.channel(trust, draft)?;
        let consultation = self.consultation(draft)?;
        let address = self.address(draft, channel_id, &consultation);
        let (documents, mut sources) = documents::of_draft(draft, folder)?;
        let mut wishes = wishes.clone();
        wishes.prefer.extend(draft.drafting_office.as_ref().map(|text| text.as_str().to_owned()));
        let (authentications, offices) = self.signatories(keys, draft.act.kind(), draft.form, &wishes)?;
        let act = draft.act.clone().complete(consultation);
        let numbered = is_numbered(&address, channel);
        // Read once: another office may take a number meanwhile, and the one foreseen must follow the last one judged by.
        let last = self.register.last_formal_number(now.year())?;
        let mut dispatch = Dispatch {
            address_digest: address.digest(),
            salt: random(self.entropy.as_ref()).map_err(|cause| DeskError::Draft(cause.to_string()))?,
            form: draft.form,
            formal_number: self.expected_formal_number(draft, now, last),
            marking: self.marking(trust, keys, draft, (&address, channel))?,
            basis: self.basis(trust, keys, &address, channel)?,
            documents,
            authentications,
            kind: act.kind().to_owned(),
            act_class: act.class(),
            act: codec::encode(&act),
            in_reply_to: draft.in_reply_to.as_ref().map(|reference| reference.message.message_id),
            reply_due: draft.reply_due,
            relayed_on_behalf_of: draft.relayed_on_behalf_of.clone(),
            drafting_office: draft
                .drafting_office
                .as_ref()
                .map(|text| text.as_str().to_owned())
                .unwrap_or_default(),
        };
        let valid_until = draft.valid_until.unwrap_or_else(|| now.after(limits::VALIDITY_DEFAULT));
        let left_out = self.leave_out(trust, keys, &address, (&mut dispatch, &mut sources))?;
        let facts = authorities::at_this_desk(keys.offices()?.as_ref(), &dispatch.authentications);
        let what = (&address, &dispatch, &act);
        let mut findings = self.judge_own(trust, keys, what, &sources, &facts, last)?;
        findings.extend(left_out);
        findings.sort_by_key(|finding| finding.rule);
        Ok(Composition {
            address,
            dispatch,
            act,
            sources,
            offices,
            numbered,
            valid_until,
            findings,
            origin: Origin::Form,
        })
    }

    /// Leaves out of a protective act the papers of others that may not go with it, before anything is signed: all its
    /// addressees get one dispatch, and none of them waits until a paper is cleared. What was found in them is told.
    fn leave_out(
        &self,
        trust: &Trust,
        keys: &Keys,
        address: &Address,
        (dispatch, sources): (&mut Dispatch, &mut Vec<Source>),
    ) -> Result<Vec<Finding>, DeskError> {
        if dispatch.act_class != ActClass::Protective || dispatch.documents.is_empty() {
            return Ok(Vec::new());
        }
        let carriers = self.carriers_of(trust, keys, dispatch, self.clock.now())?;
        let kept_back = rules::kept_back(address, dispatch, &carriers);
        if !kept_back.is_empty() {
            dispatch.documents = kept_back.rest(std::mem::take(&mut dispatch.documents));
            *sources = kept_back.rest(std::mem::take(sources));
        }
        Ok(kept_back.findings)
    }

    /// What the rules find in an act of our own before its release; `last` is the formal number before its own.
    pub(super) fn judge_own(
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

    pub(super) fn channel<'a>(
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
    pub(super) fn channel_held(&self, consultation: &str) -> Result<Option<ChannelId>, DeskError> {
        let entries = self.entries_of(consultation)?;
        let Some(first) = entries.first() else { return Ok(None) };
        Ok(Some(Envelope::parse_held(first.envelope())?.header().address().channel.clone()))
    }

    fn consultation(&self, draft: &Draft) -> Result<ConsultationId, DeskError> {
        match draft.consultation {
            ConsultationChoice::Known(id) => Ok(id),
            ConsultationChoice::New => ConsultationId::mint(self.entropy.as_ref())
                .map_err(|cause| DeskError::Draft(cause.to_string())),
        }
    }

    fn address(&self, draft: &Draft, channel: &ChannelId, consultation: &ConsultationId) -> Address {
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

    fn marking(
        &self,
        trust: &Trust,
        keys: &Keys,
        draft: &Draft,
        (address, channel): (&Address, &ChannelRule),
    ) -> Result<Marking, DeskError> {
        // A word that is not the agreed one stops an act (CLS_03): a protective one bears what this desk knows.
        let is_protective = draft.act.kind().class() == ActClass::Protective;
        let national_label = match draft.national_label.as_ref().filter(|_| !is_protective) {
            Some(text) => text.as_str().to_owned(),
            None if draft.level == Level::Unclassified => String::new(),
            None => {
                let known = self.knowledge(trust, keys, &address.consultation, &[])?;
                let facts = channel_facts(&address.channel, channel);
                let charter = self.charter_for(trust, keys, &known, &address.consultation, &facts)?;
                let agreed = charter.as_ref().and_then(|one| one.label(&address.sender, draft.level));
                // Without a charter's table of words, the normalised level is the label.
                agreed.unwrap_or(draft.level.word()).to_owned()
            }
        };
        Ok(Marking {
            level: draft.level,
            national_label,
            caveats: draft.caveats.clone(),
            eyes_only_roles: draft.eyes_only_roles.iter().map(|role| role.as_str().to_owned()).collect(),
        })
    }

    /// The last act of every Power that this one rests on.
    pub(super) fn basis(
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

    fn expected_formal_number(&self, draft: &Draft, now: Timestamp, last: Option<u32>) -> String {
        match &draft.formal_number {
            Some(given) => given.as_str().to_owned(),
            None if bears_number(draft.form) => {
                self.formal_number(now.year(), last.unwrap_or(0).saturating_add(1))
            }
            None => String::new(),
        }
    }

    /// A formal number as it is written.
    pub(super) fn formal_number(&self, year: i16, number: u32) -> String {
        format!("{}-{year}-{number:04}", self.config.ministry)
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

/// Whether an act of this address is addressed to all Powers of the channel, and so numbered.
pub(super) fn is_numbered(address: &Address, channel: &ChannelRule) -> bool {
    channel
        .parties
        .iter()
        .all(|party| *party == address.sender || address.addressees.iter().any(|one| one.ministry == *party))
}

/// Whether documents of this form bear a formal number (FRM-03).
pub(super) fn bears_number(form: Form) -> bool {
    matches!(form, Form::NoteVerbale | Form::FirstPersonNote)
}

/// The channel as the rules see it.
pub(super) fn channel_facts(channel: &ChannelId, rule: &ChannelRule) -> ChannelFacts {
    ChannelFacts {
        channel: channel.clone(),
        parties: rule.parties.iter().cloned().collect(),
        suspended: rule.suspended,
        // A ceiling outside the vocabulary admits nothing classified.
        ceiling: i32::try_from(rule.ceiling).ok().and_then(Level::from_number).unwrap_or(Level::Unclassified),
    }
}

impl fmt::Debug for Composition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Composition")
    }
}
