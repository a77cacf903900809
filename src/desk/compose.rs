//! Composing: a checked draft becomes a dispatch that only lacks its formal number and its signatures.
//!
//! A draft and the files it names enter; address, dispatch, documents and the findings of the rules leave.
//! Nothing is numbered, signed or written here. `addressing` finds the channel and the address, `judging` what the act
//! rests on and what the rules find in it.

mod addressing;
mod judging;

use std::path::Path;

pub(super) use addressing::{channel_facts, is_numbered};

use crate::consultation::act::Act;
use crate::consultation::codec;
use crate::consultation::rules::{self, Finding};
use crate::desk::Desk;
use crate::desk::accreditation::Trust;

use crate::desk::documents::{self, Source};
use crate::desk::draft::DraftFile;
use crate::desk::error::DeskError;
use crate::desk::form::draft::Draft;
use crate::desk::keys::{Keys, Office};
use crate::desk::signatories::Wishes;
use crate::entropy::random;
use crate::limits;
use crate::message::dispatch::{Dispatch, Marking};
use crate::message::header::Address;
use crate::message::id::MessageId;
use crate::message::terms::{ActClass, Form, Level};
use crate::time::Timestamp;
use crate::trust::name::Ministry;
use crate::trust::policy::ChannelRule;

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

impl Composition {
    /// A draft that all its offices have signed, as it is: nobody signs it again.
    pub(super) fn of_signed(
        draft: DraftFile,
        numbered: bool,
        valid_until: Timestamp,
        findings: Vec<Finding>,
        origin: impl FnOnce(Box<DraftFile>) -> Origin,
    ) -> Self {
        Self {
            address: draft.address().clone(),
            dispatch: draft.dispatch().clone(),
            act: draft.act().clone(),
            sources: draft.sources().to_vec(),
            offices: vec![None; draft.dispatch().authentications.len()],
            numbered,
            valid_until,
            findings,
            origin: origin(Box::new(draft)),
        }
    }
}

crate::consultation::opaque!(Composition);

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
        // Read once: another office may take a number meanwhile, and the one foreseen must follow the last one judged
        // by.
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
        let facts = self.own_authorities(trust, keys, &dispatch)?;
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
}

/// Whether documents of this form bear a formal number (FRM-03).
pub(super) fn bears_number(form: Form) -> bool {
    matches!(form, Form::NoteVerbale | Form::FirstPersonNote)
}
