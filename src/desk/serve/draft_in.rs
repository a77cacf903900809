//! What a client asks to be drafted, as a draft of the desk: every field read into its type, or every fault by its
//! path.
//!
//! A draft of the wire enters, and what the desk knows; a draft of the desk leaves, or all violations at once. Here is
//! how it is addressed and handled; `papers` reads its texts and documents, `act` the act. Nothing is repaired: a field
//! that is not understood is never left out in silence.

mod act;
mod papers;

use std::collections::BTreeSet;

use super::refusals::{Refused, Violation};
use super::uploads::Uploads;
use crate::consultation::fault::Reason;
use crate::consultation::reference::ConsultationId;
use crate::consultation::text::ShortText;
use crate::desk::Desk;
use crate::desk::form::draft::{ConsultationChoice, Draft, Reference, References};
use crate::limits;
use crate::message::header::Addressee;
use crate::message::terms::{AddresseeKind, Caveat, Form, Level, Precedence};
use crate::proto::desk::v1 as wire;
use crate::time::Timestamp;
use crate::trust::name::Ministry;
use crate::trust::policy::ChannelId;

/// Reads a draft, with the documents that were uploaded for it, and what `references` know where it is left out.
pub(super) fn read(
    content: wire::DraftContent,
    desk: &Desk,
    references: &dyn References,
    uploads: &Uploads,
) -> Result<Draft, Refused> {
    let mut reader = Reader { found: Vec::new(), ids: BTreeSet::new(), uploads };
    let terms = reader.terms(&content);
    let wanted = reader.optional("consultation", &content.consultation, consultation);
    let addressees = reader.addressees(&content.to, &content.info);
    let texts = reader.texts(content.texts);
    let documents = reader.documents(content.documents);
    if texts.len().saturating_add(documents.len()) > limits::DOCUMENTS_MAX {
        let message = format!("more than {} texts and documents", limits::DOCUMENTS_MAX);
        reader.add("documents", Reason::ListTooLong.word(), message);
    }
    let minted = known_or_new(wanted, desk)?;
    let act = content.act.map(|act| act::filled_in(act, &minted, references));
    let act = reader.act(act, &minted);
    let releasable_to = reader.ministries("releasable_to", &content.releasable_to);
    let channel = reader.optional("channel", &content.channel, |text| {
        ChannelId::parse(text).map_err(|cause| cause.to_string())
    });
    let national_label = reader.optional("national_label", &content.national_label, short);
    let caveats = reader.caveats(&content.caveats);
    let eyes_only_roles = reader.each("eyes_only_roles", &content.eyes_only_roles, short);
    let in_reply_to = reader.optional("in_reply_to", &content.in_reply_to, |text| answered(desk, text));
    let relayed = &content.relayed_on_behalf_of;
    let relayed_on_behalf_of = reader.optional("relayed_on_behalf_of", relayed, ministry);
    let drafting_office = reader.optional("drafting_office", &content.drafting_office, short);
    // Where one of these is missing, a violation is there instead.
    let (Some(act), Some((precedence, level, form)), true) = (act, terms, reader.found.is_empty()) else {
        return Err(Refused::fields(reader.found));
    };
    Ok(Draft {
        addressees,
        channel,
        consultation: ConsultationChoice::Known(minted),
        precedence,
        level,
        national_label,
        caveats,
        releasable_to: Some(releasable_to).filter(|named| !named.is_empty()),
        eyes_only_roles,
        form,
        formal_number: None,
        reply_due: instant(content.reply_due_time),
        valid_until: instant(content.valid_until_time),
        in_reply_to,
        relayed_on_behalf_of,
        drafting_office,
        texts,
        documents,
        act,
        left_out: Vec::new(),
        supplied: Vec::new(),
    })
}

/// The consultation that is named, or one whose id nobody has had yet.
fn known_or_new(known: Option<ConsultationId>, desk: &Desk) -> Result<ConsultationId, Refused> {
    let minted = || ConsultationId::mint(desk.entropy.as_ref());
    known
        .map_or_else(minted, Ok)
        .map_err(|cause| Refused::new(tonic::Code::Unavailable, "NO_ENTROPY", cause.to_string()).later())
}

/// Collects what is wrong.
struct Reader<'a> {
    found: Vec<Violation>,
    /// Ids of texts and documents so far.
    ids: BTreeSet<String>,
    uploads: &'a Uploads,
}

impl Reader<'_> {
    fn add(&mut self, field: &str, reason: &str, message: impl Into<String>) {
        self.found.push(Violation::new(format!("content.{field}"), reason, message));
    }

    /// A text that may be left out.
    fn optional<T>(
        &mut self,
        field: &str,
        text: &str,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        if text.is_empty() {
            return None;
        }
        read(text).map_err(|message| self.add(field, "FIELD_INVALID", message)).ok()
    }

    fn each<T>(&mut self, field: &str, texts: &[String], read: impl Fn(&str) -> Result<T, String>) -> Vec<T> {
        let mut all = Vec::with_capacity(texts.len());
        for (index, text) in texts.iter().enumerate() {
            match read(text) {
                Ok(one) => all.push(one),
                Err(message) => self.add(&format!("{field}[{index}]"), "FIELD_INVALID", message),
            }
        }
        all
    }

    /// The terms that must be there: all of them, or none and a violation for each that is not.
    fn terms(&mut self, content: &wire::DraftContent) -> Option<(Precedence, Level, Form)> {
        let precedence = self.term("precedence", content.precedence, Precedence::from_number);
        let level = self.term("level", content.level, Level::from_number);
        let form = self.term("form", content.form, Form::from_number);
        Some((precedence?, level?, form?))
    }

    fn term<T>(&mut self, field: &str, number: i32, read: fn(i32) -> Option<T>) -> Option<T> {
        let term = read(number);
        if term.is_none() {
            let message = "this field is mandatory, and takes the terms of its vocabulary";
            self.add(field, "FIELD_INVALID", message);
        }
        term
    }

    fn ministries(&mut self, field: &str, codes: &[String]) -> Vec<Ministry> {
        let mut all = self.each(field, codes, ministry);
        all.sort();
        if all.windows(2).any(|pair| matches!(pair, [one, other] if one == other)) {
            self.add(field, "DOUBLED", "a ministry stands there twice");
        }
        all
    }

    fn addressees(&mut self, to: &[String], info: &[String]) -> Vec<Addressee> {
        let mut addressees = Vec::new();
        for (field, codes, kind) in [("to", to, AddresseeKind::Action), ("info", info, AddresseeKind::Info)] {
            let named = self.ministries(field, codes);
            addressees.extend(named.into_iter().map(|ministry| Addressee { ministry, kind }));
        }
        addressees.sort();
        if to.is_empty() {
            self.add("to", Reason::FieldMissing.word(), "at least one ministry must act or answer");
        }
        if addressees.len() > limits::ADDRESSEES_MAX {
            let message = format!("more than {} addressees", limits::ADDRESSEES_MAX);
            self.add("to", Reason::ListTooLong.word(), message);
        }
        // Who stands twice in one list was told of there.
        let both = |pair: &[Addressee]| matches!(pair, [one, other] if one.ministry == other.ministry && one.kind != other.kind);
        if addressees.windows(2).any(both) {
            self.add("info", "DOUBLED", "a ministry both acts and is informed");
        }
        addressees
    }

    fn caveats(&mut self, numbers: &[i32]) -> Vec<Caveat> {
        let read: Option<BTreeSet<Caveat>> =
            numbers.iter().map(|number| Caveat::from_number(*number)).collect();
        match read {
            Some(caveats) if caveats.len() == numbers.len() => caveats.into_iter().collect(),
            _ => {
                self.add("caveats", "FIELD_INVALID", "each caveat once, by the terms of the vocabulary");
                Vec::new()
            }
        }
    }
}

fn consultation(name: &str) -> Result<ConsultationId, String> {
    let id = name.strip_prefix("consultations/").unwrap_or(name);
    ConsultationId::parse(id).map_err(|fault| fault.message().to_owned())
}

fn answered(desk: &Desk, name: &str) -> Result<Reference, String> {
    let reference = name.strip_prefix("messages/").unwrap_or(name);
    let message = desk.message(reference).ok_or_else(|| "no one message is named so".to_owned())?;
    Ok(Reference { text: reference.to_owned(), message })
}

fn ministry(code: &str) -> Result<Ministry, String> {
    Ministry::parse(code).map_err(|cause| cause.to_string())
}

fn short(text: &str) -> Result<ShortText, String> {
    ShortText::new(text).map_err(|fault| fault.message().to_owned())
}

fn instant(seconds: i64) -> Option<Timestamp> {
    (seconds != 0).then(|| Timestamp::from_seconds(seconds))
}
