//! The text of a form into a `Draft`, or every mistake at once.

use toml_edit::{Document, Item};

use super::draft::{ConsultationChoice, Draft, DraftAct, DraftDocument, DraftText, Reference, References};
use super::reader::{Fields, Report, Wrong, ministry, referenced, short, string, term, time};
use super::{FORM_SYNTAX, FormError, acts, documents};
use crate::consultation::act::ActKind;
use crate::consultation::fault::Reason;
use crate::consultation::list::List;
use crate::consultation::reference::ConsultationId;
use crate::consultation::text::ShortText;
use crate::limits;
use crate::message::header::Addressee;
use crate::message::terms::{AddresseeKind, Caveat, Form, Level, Precedence};
use crate::time::Timestamp;
use crate::trust::name::Ministry;
use crate::trust::policy::ChannelId;

/// Reads a form. All mistakes come at once, in the order of their lines.
pub fn parse(text: &str, references: &dyn References) -> Result<Draft, Vec<FormError>> {
    let mut report = Report::new(text, references);
    let draft = match Document::parse(text) {
        Ok(document) => read(&document, &mut report),
        Err(error) => {
            let hint = "texts stand in quotes, lists in [ ], several lines between \"\"\" and \"\"\"";
            let wrong = Wrong::new(FORM_SYNTAX, error.message().replace('\n', ", "), hint);
            report.add(error.span(), "", wrong);
            None
        }
    };
    let mut errors = report.errors;
    match draft {
        Some(draft) if errors.is_empty() => Ok(draft),
        _ => {
            errors.sort_by_key(|error| (error.line, error.column));
            Err(errors)
        }
    }
}

fn read(document: &Document<&str>, report: &mut Report<'_>) -> Option<Draft> {
    let mut fields = Fields::new(document.as_table(), "", None);
    let kind = fields.required(report, "kind", |item| term(string(item)?, ActKind::ALL, ActKind::word));
    let heading = heading(&mut fields, report);
    let (texts, documents) = documents::read(&mut fields, report);
    let table = fields.table(report, "act");
    // Without its kind an act cannot be read; the mistake about the kind is reported already.
    let act = table.zip(kind).and_then(|(table, kind)| acts::read(kind, table, report));
    fields.finish(report);
    Some(heading?.into_draft(texts, documents, act?))
}

/// Everything of a draft but its texts, documents and act.
struct Heading {
    addressees: Vec<Addressee>,
    channel: Option<ChannelId>,
    consultation: ConsultationChoice,
    precedence: Precedence,
    level: Level,
    national_label: Option<ShortText>,
    caveats: Vec<Caveat>,
    releasable_to: Option<Vec<Ministry>>,
    eyes_only_roles: Vec<ShortText>,
    form: Form,
    formal_number: Option<ShortText>,
    reply_due: Option<Timestamp>,
    valid_until: Option<Timestamp>,
    in_reply_to: Option<Reference>,
    relayed_on_behalf_of: Option<Ministry>,
    drafting_office: Option<ShortText>,
}

fn heading(fields: &mut Fields<'_>, report: &mut Report<'_>) -> Option<Heading> {
    let addressees = addressees(fields, report);
    let channel = fields.optional(report, "channel", channel);
    let consultation = fields.required(report, "consultation", consultation);
    let precedence =
        fields.required(report, "precedence", |item| term(string(item)?, Precedence::ALL, Precedence::word));
    let level = fields.required(report, "level", |item| term(string(item)?, Level::ALL, Level::word));
    let national_label = fields.optional(report, "national_label", short);
    let caveats = fields.list::<_, 0>(report, "caveats", |text| term(text, Caveat::ALL, Caveat::word));
    let names_releasability = fields.has("releasable_to");
    let releasable_to = fields.list::<_, 0>(report, "releasable_to", ministry);
    let roles = fields.list::<_, 0>(report, "eyes_only_roles", |text| Ok(ShortText::new(text)?));
    let form = fields.required(report, "form", |item| term(string(item)?, Form::ALL, Form::word));
    let formal_number = fields.optional(report, "formal_number", short);
    let reply_due = fields.optional(report, "reply_due", time);
    let valid_until = fields.optional(report, "valid_until", time);
    let references = report.references;
    let in_reply_to = fields.optional(report, "in_reply_to", |item| {
        let text = string(item)?;
        Ok(Reference { text: text.to_owned(), message: referenced(references, text)? })
    });
    let relayed = fields.optional(report, "relayed_on_behalf_of", |item| ministry(string(item)?));
    let drafting_office = fields.optional(report, "drafting_office", short);
    Some(Heading {
        addressees: addressees?,
        channel,
        consultation: consultation?,
        precedence: precedence?,
        level: level?,
        national_label,
        caveats: sorted(&caveats?),
        releasable_to: names_releasability.then_some(sorted(&releasable_to?)),
        eyes_only_roles: roles?.as_slice().to_vec(),
        form: form?,
        formal_number: formal_number.filter(|number| number.as_str() != "auto"),
        reply_due,
        valid_until,
        in_reply_to,
        relayed_on_behalf_of: relayed,
        drafting_office,
    })
}

fn addressees(fields: &mut Fields<'_>, report: &mut Report<'_>) -> Option<Vec<Addressee>> {
    let errors = report.errors.len();
    let action = fields.list::<_, 1>(report, "to", ministry);
    let info = fields.list::<_, 0>(report, "info", ministry);
    let (action, info) = (action?, info?);
    let mut addressees: Vec<Addressee> = Vec::new();
    let kinds = [(action.as_slice(), AddresseeKind::Action), (info.as_slice(), AddresseeKind::Info)];
    for (ministries, kind) in kinds {
        addressees.extend(ministries.iter().map(|ministry| Addressee { ministry: ministry.clone(), kind }));
    }
    addressees.sort();
    if addressees.len() > limits::ADDRESSEES_MAX {
        let message = format!("more than {} addressees", limits::ADDRESSEES_MAX);
        report.add(fields.span_of("to"), "to", Wrong::new(Reason::ListTooLong.word(), message, ""));
    }
    if !addressees.is_sorted_by(|a, b| a.ministry < b.ministry) {
        let message = "a ministry is addressed for action and for information";
        report.add(fields.span_of("info"), "info", Wrong::new(Reason::EntryRepeated.word(), message, ""));
    }
    (report.errors.len() == errors).then_some(addressees)
}

fn sorted<T: Clone + Ord>(entries: &List<T, 0>) -> Vec<T> {
    let mut entries = entries.as_slice().to_vec();
    entries.sort_unstable();
    entries
}

fn channel(item: &Item) -> Result<ChannelId, Wrong> {
    let hint = "leave it out for the channel with the addressees";
    let invalid = |_| Wrong::new(Reason::ReferenceInvalid.word(), "not the id of a channel", hint);
    ChannelId::parse(string(item)?).map_err(invalid)
}

fn consultation(item: &Item) -> Result<ConsultationChoice, Wrong> {
    match string(item)? {
        "new" => Ok(ConsultationChoice::New),
        text => Ok(ConsultationChoice::Known(ConsultationId::parse(text)?)),
    }
}

impl Heading {
    fn into_draft(self, texts: Vec<DraftText>, documents: Vec<DraftDocument>, act: DraftAct) -> Draft {
        Draft {
            addressees: self.addressees,
            channel: self.channel,
            consultation: self.consultation,
            precedence: self.precedence,
            level: self.level,
            national_label: self.national_label,
            caveats: self.caveats,
            releasable_to: self.releasable_to,
            eyes_only_roles: self.eyes_only_roles,
            form: self.form,
            formal_number: self.formal_number,
            reply_due: self.reply_due,
            valid_until: self.valid_until,
            in_reply_to: self.in_reply_to,
            relayed_on_behalf_of: self.relayed_on_behalf_of,
            drafting_office: self.drafting_office,
            texts,
            documents,
            act,
        }
    }
}
