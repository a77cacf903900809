//! What a client asks to be drafted, as a draft of the desk: every field read into its type, or every fault by its path.

use std::collections::BTreeSet;

use oxilangtag::LanguageTag;

use super::acts;
use super::refusals::{Refused, Violation};
use super::uploads::Uploads;
use crate::consultation::acts::values::EntryId;
use crate::consultation::codec;
use crate::consultation::fault::Reason;
use crate::consultation::reference::ConsultationId;
use crate::consultation::text::ShortText;
use crate::desk::Desk;
use crate::desk::deposit::Deposit;
use crate::desk::form::documents::MEDIA_TYPES;
use crate::desk::form::draft::{
    ConsultationChoice, Draft, DraftAct, DraftDocument, DraftText, Reference, References, TextSource,
};
use crate::digest::Digest;
use crate::limits;
use crate::message::header::Addressee;
use crate::message::terms::{
    AddresseeKind, Caveat, DocumentClass, DocumentStanding, Form, Level, Precedence,
};
use crate::proto::consultation::v1::ActMark;
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
    let wanted = reader.optional("consultation", &content.consultation, consultation);
    let addressees = reader.addressees(&content.to, &content.info);
    let texts = reader.texts(content.texts);
    let documents = reader.documents(content.documents);
    if texts.len().saturating_add(documents.len()) > limits::DOCUMENTS_MAX {
        let message = format!("more than {} texts and documents", limits::DOCUMENTS_MAX);
        reader.add("documents", Reason::ListTooLong.word(), message);
    }
    let minted = match wanted {
        Some(known) => known,
        None => ConsultationId::mint(desk.entropy.as_ref()).map_err(|cause| {
            Refused::new(tonic::Code::Unavailable, "NO_ENTROPY", cause.to_string()).later()
        })?,
    };
    let act = content.act.map(|act| filled_in(act, &minted, references));
    let act = reader.act(act, &minted);
    let releasable_to = reader.ministries("releasable_to", &content.releasable_to);
    let draft = Draft {
        addressees,
        channel: reader.optional("channel", &content.channel, |text| {
            ChannelId::parse(text).map_err(|cause| cause.to_string())
        }),
        consultation: ConsultationChoice::Known(minted),
        precedence: reader.term("precedence", content.precedence, Precedence::from_number)?,
        level: reader.term("level", content.level, Level::from_number)?,
        national_label: reader.optional("national_label", &content.national_label, short),
        caveats: reader.caveats(&content.caveats),
        releasable_to: Some(releasable_to).filter(|named| !named.is_empty()),
        eyes_only_roles: reader.each("eyes_only_roles", &content.eyes_only_roles, short),
        form: reader.term("form", content.form, Form::from_number)?,
        formal_number: None,
        reply_due: instant(content.reply_due_time),
        valid_until: instant(content.valid_until_time),
        in_reply_to: reader.optional("in_reply_to", &content.in_reply_to, |text| answered(desk, text)),
        relayed_on_behalf_of: reader.optional(
            "relayed_on_behalf_of",
            &content.relayed_on_behalf_of,
            ministry,
        ),
        drafting_office: reader.optional("drafting_office", &content.drafting_office, short),
        texts,
        documents,
        // Where there is none, a violation is there instead.
        act: act.ok_or_else(|| Refused::fields(std::mem::take(&mut reader.found)))?,
        left_out: Vec::new(),
        supplied: Vec::new(),
    };
    if reader.found.is_empty() { Ok(draft) } else { Err(Refused::fields(reader.found)) }
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

    /// A term that must be there. Nothing else can be put in its place, so what was found goes out at once.
    fn term<T>(&mut self, field: &str, number: i32, read: fn(i32) -> Option<T>) -> Result<T, Refused> {
        read(number).ok_or_else(|| {
            self.add(
                field,
                "FIELD_INVALID",
                "this field is mandatory, and takes the terms of its vocabulary",
            );
            Refused::fields(std::mem::take(&mut self.found))
        })
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
        let twice = |pair: &[Addressee]| matches!(pair, [one, other] if one.ministry == other.ministry);
        if addressees.windows(2).any(twice) {
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

    /// The id of a text or document, which no other has.
    fn id(&mut self, field: &str, text: &str) -> Option<EntryId> {
        let path = format!("{field}.document_id");
        if !self.ids.insert(text.to_owned()) {
            self.add(&path, "DOUBLED", "another text or document has this id");
        }
        EntryId::parse(text).map_err(|fault| self.add(&path, fault.reason().word(), fault.message())).ok()
    }

    /// A document that was uploaded whole.
    fn upload(&mut self, field: &str, digest: &[u8]) -> Option<Deposit> {
        let path = format!("{field}.upload_digest");
        let Ok(digest) = Digest::from_slice(digest) else {
            self.add(&path, "FIELD_INVALID", "the 32 bytes of a SHA-256 are expected");
            return None;
        };
        let found = self.uploads.whole(&digest);
        if found.is_none() {
            let message = "no document with this digest was uploaded whole: UploadDocument";
            self.add(&path, "UPLOAD_UNKNOWN", message);
        }
        found
    }

    fn texts(&mut self, texts: Vec<wire::DraftText>) -> Vec<DraftText> {
        let mut all = Vec::with_capacity(texts.len());
        for (index, text) in texts.into_iter().enumerate() {
            all.extend(self.text(&format!("texts[{index}]"), text));
        }
        all
    }

    fn text(&mut self, field: &str, text: wire::DraftText) -> Option<DraftText> {
        let document_id = self.id(field, &text.document_id);
        let language = self.language(field, &text.language);
        let standing = DocumentStanding::from_number(text.standing);
        if standing.is_none() {
            self.add(
                &format!("{field}.standing"),
                Reason::FieldMissing.word(),
                "a text has a legal standing",
            );
        }
        let title = self.title(field, &text.title);
        let translation_of = self.translated(field, &text.translation_of);
        let source = match (text.words.is_empty(), text.upload_digest.is_empty()) {
            (false, true) => Some(TextSource::Inline(text.words)),
            (true, false) => self.upload(field, &text.upload_digest).map(TextSource::Deposit),
            _ => {
                self.add(
                    &format!("{field}.words"),
                    "FIELD_INVALID",
                    "a text has words or an upload, one of both",
                );
                None
            }
        };
        Some(DraftText {
            document_id: document_id?,
            language: language?,
            standing: standing?,
            title: title?,
            source: source?,
            translation_of,
        })
    }

    fn documents(&mut self, documents: Vec<wire::DraftDocument>) -> Vec<DraftDocument> {
        let mut all = Vec::with_capacity(documents.len());
        for (index, document) in documents.into_iter().enumerate() {
            all.extend(self.document(&format!("documents[{index}]"), document));
        }
        all
    }

    fn document(&mut self, field: &str, document: wire::DraftDocument) -> Option<DraftDocument> {
        let document_id = self.id(field, &document.document_id);
        let deposit = self.upload(field, &document.upload_digest);
        let title = self.title(field, &document.title);
        let class = DocumentClass::from_number(document.document_class);
        if class.is_none() {
            self.add(
                &format!("{field}.document_class"),
                Reason::FieldMissing.word(),
                "a document is of a class",
            );
        }
        let language = match document.language.as_str() {
            "" => Some("und".to_owned()),
            tag => self.language(field, tag),
        };
        let media_type = match document.media_type.as_str() {
            "" => "application/octet-stream".to_owned(),
            named => named.to_owned(),
        };
        if !MEDIA_TYPES.iter().any(|(known, _)| *known == media_type) {
            let known: Vec<&str> = MEDIA_TYPES.iter().map(|(known, _)| *known).collect();
            self.add(
                &format!("{field}.media_type"),
                "FIELD_INVALID",
                format!("{} are taken", known.join(", ")),
            );
        }
        let translation_of = self.translated(field, &document.translation_of);
        let standing = match document.standing {
            0 => Some(DocumentStanding::Annex),
            number => DocumentStanding::from_number(number),
        };
        Some(DraftDocument {
            document_id: document_id?,
            path: String::new(),
            title: title?,
            class: class?,
            standing: standing?,
            language: language?,
            media_type,
            translation_of,
            deposit: Some(deposit?),
        })
    }

    fn language(&mut self, field: &str, tag: &str) -> Option<String> {
        if LanguageTag::parse(tag).is_ok() {
            return Some(tag.to_owned());
        }
        self.add(&format!("{field}.language"), "FIELD_INVALID", "a BCP 47 tag such as ko is expected");
        None
    }

    fn title(&mut self, field: &str, text: &str) -> Option<ShortText> {
        let wrong = |message| self.add(&format!("{field}.title"), "FIELD_INVALID", message);
        short(text).map_err(wrong).ok()
    }

    fn translated(&mut self, field: &str, id: &str) -> Option<EntryId> {
        self.optional(&format!("{field}.translation_of"), id, |id| {
            EntryId::parse(id).map_err(|fault| fault.message().to_owned())
        })
    }

    /// The act, whose own faults come with their paths.
    fn act(&mut self, act: Option<wire::Act>, consultation: &ConsultationId) -> Option<DraftAct> {
        let Some(act) = act.map(|act| proposing(act, consultation)) else {
            self.add("act", Reason::FieldMissing.word(), "a draft has an act");
            return None;
        };
        let Some((kind, record)) = acts::parts(&act) else {
            self.add("act", Reason::FieldMissing.word(), "a draft has an act");
            return None;
        };
        match codec::decode(kind, &record) {
            Ok(act) => Some(DraftAct::Complete(act)),
            Err(faults) => {
                let field = kind.replace('-', "_");
                for fault in faults.iter() {
                    let path = format!("act.{field}.{}", fault.field());
                    self.add(path.trim_end_matches('.'), fault.reason(), fault.message());
                }
                None
            }
        }
    }
}

/// A proposal that names no consultation proposes the one that is minted for it.
fn proposing(mut act: wire::Act, consultation: &ConsultationId) -> wire::Act {
    if let Some(wire::act::Act::ConsultationProposal(proposal)) = &mut act.act
        && proposal.consultation.is_empty()
    {
        proposal.consultation = consultation.text();
    }
    act
}

/// A GO that does not say what it knew says what is known here, as a form does.
fn filled_in(mut act: wire::Act, consultation: &ConsultationId, references: &dyn References) -> wire::Act {
    if let Some(wire::act::Act::GoNoGo(go)) = &mut act.act {
        if go.synced_to.is_empty()
            && let Some(marks) = references.synced_to(consultation)
        {
            let known = marks.iter().filter(|(_, number)| *number > 0);
            let mark = |(ministry, act_number): (&Ministry, u64)| ActMark {
                ministry: ministry.to_string(),
                act_number,
            };
            go.synced_to = known.map(mark).collect();
        }
        if go.protective_acts.is_empty()
            && let Ok(arrangement) = EntryId::parse(&go.arrangement_id)
        {
            let known = references.protective_acts(consultation, &arrangement).into_iter();
            go.protective_acts = known.map(|one| one.dispatch_digest.as_bytes().to_vec()).collect();
        }
    }
    act
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consultation::registered::Marks;
    use crate::desk::form::draft::{Counting, Referenced};
    use crate::entropy::SystemEntropy;
    use crate::proto::consultation::v1::GoNoGo;

    /// A desk that knows one withdrawal.
    struct Known;

    impl References for Known {
        fn message(&self, _: &str) -> Option<Referenced> {
            None
        }

        fn synced_to(&self, _: &ConsultationId) -> Option<Marks> {
            Some(Marks::new([(Ministry::parse("XA").unwrap(), 4), (Ministry::parse("XB").unwrap(), 0)]))
        }

        fn protective_acts(&self, _: &ConsultationId, arrangement: &EntryId) -> Vec<Counting> {
            let known = Counting { dispatch_digest: Digest::of(b"withdrawal"), number: String::new() };
            if arrangement.as_str() == "H-1" { vec![known] } else { Vec::new() }
        }
    }

    #[test]
    fn a_go_says_what_the_desk_knows_where_it_says_nothing() {
        let consultation = ConsultationId::mint(&SystemEntropy).unwrap();
        let go = |go: GoNoGo| {
            let act = wire::Act { act: Some(wire::act::Act::GoNoGo(go)) };
            match filled_in(act, &consultation, &Known).act {
                Some(wire::act::Act::GoNoGo(go)) => go,
                _ => panic!("another act"),
            }
        };
        let filled = go(GoNoGo { arrangement_id: "H-1".to_owned(), ..GoNoGo::default() });
        let mark = ActMark { ministry: "XA".to_owned(), act_number: 4 };
        assert_eq!((filled.synced_to.as_slice(), filled.protective_acts.len()), (&[mark.clone()][..], 1));
        let stated = ActMark { act_number: 9, ..mark };
        let own = GoNoGo {
            arrangement_id: "H-1".to_owned(),
            synced_to: vec![stated],
            protective_acts: vec![vec![7; 32]],
            ..GoNoGo::default()
        };
        assert_eq!(go(own.clone()), own, "what the client says stands");
    }
}
