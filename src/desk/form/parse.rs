//! The text of a form into a `Draft`, or every mistake at once.

use toml_edit::{Document, Item};

use super::draft::{ConsultationChoice, Draft, DraftAct, DraftDocument, DraftText, Reference, References};
use super::reader::{Fields, Report, Wrong, ministry, referenced, short, string, term, time};
use super::supply::{self, Beside};
use super::{FORM_SYNTAX, FormError, acts, documents, night, night_heading};
use crate::consultation::act::ActKind;
use crate::consultation::codec;
use crate::consultation::fault::Reason;
use crate::consultation::list::List;
use crate::consultation::reference::ConsultationId;
use crate::consultation::text::ShortText;
use crate::limits;
use crate::message::header::Addressee;
use crate::message::terms::{ActClass, AddresseeKind, Caveat, Form, Level, Precedence};
use crate::time::Timestamp;
use crate::trust::name::Ministry;
use crate::trust::policy::ChannelId;

/// A form as it was read.
#[derive(Debug)]
pub struct Parsed {
    /// What it says; with mistakes, what it would say without them, as far as that can be told.
    pub draft: Option<Draft>,
    /// Every mistake, in the order of their lines.
    pub mistakes: Vec<FormError>,
}

/// Reads a form. All mistakes come at once, in the order of their lines.
///
/// A protective act goes all the same, without what is wrong: see `night`.
pub fn parse(text: &str, references: &dyn References) -> Result<Draft, Vec<FormError>> {
    let Parsed { draft, mistakes } = parse_all(text, references);
    match draft {
        Some(draft) if mistakes.is_empty() => Ok(draft),
        _ => Err(mistakes),
    }
}

/// The same, with a draft beside the mistakes: it is never sent, and shows what else stands against it.
pub fn parse_all(text: &str, references: &dyn References) -> Parsed {
    let parsed = Document::parse(text);
    let mended = parsed.is_err().then(|| night::mend(text)).flatten();
    let mut report = Report::new(mended.as_ref().map_or(text, |(mended, _)| mended), references);
    let draft = match (parsed, &mended) {
        (Ok(document), _) => read(&document, &mut report),
        (Err(_), Some((mended, lines))) => {
            lines.iter().for_each(|line| report.leave_out_line(*line, "this line was mended, or left out"));
            Document::parse(mended.as_str()).ok().and_then(|document| read(&document, &mut report))
        }
        (Err(error), None) => {
            let hint = "texts stand in quotes, lists in [ ], several lines between \"\"\" and \"\"\"";
            let wrong = Wrong::new(FORM_SYNTAX, error.message().replace('\n', ", "), hint);
            report.add(error.span(), "", wrong);
            None
        }
    };
    let Report { errors: mut mistakes, left_out, supplied, .. } = report;
    mistakes.sort_by_key(|error| (error.line, error.column));
    Parsed { draft: draft.map(|draft| Draft { left_out, supplied, ..draft }), mistakes }
}

fn read(document: &Document<&str>, report: &mut Report<'_>) -> Option<Draft> {
    let mut fields = Fields::new(document.as_table(), "", None);
    let kind = fields.required(report, "kind", kind);
    let nothing_holds_it_up = kind.is_some_and(|kind| kind.class() == ActClass::Protective);
    let heading = match kind.filter(|_| nothing_holds_it_up) {
        Some(kind) => night_heading::read(kind, &mut fields, report),
        None => heading(kind, &mut fields, report),
    };
    let errors = report.errors.len();
    let (mut texts, mut documents) = documents::read(&mut fields, report);
    if nothing_holds_it_up {
        report.leave_out_from(errors);
        documents::drop_unreadable(&mut texts, &mut documents);
    }
    let table = fields.inner(report, "act");
    // Without its kind an act cannot be read; the mistake about the kind is reported already.
    let beside = Beside {
        consultation: heading.as_ref().and_then(|heading| match heading.consultation {
            ConsultationChoice::Known(id) => Some(id),
            ConsultationChoice::New => None,
        }),
        answered: heading.as_ref().and_then(|heading| heading.in_reply_to.clone()),
        documents: &documents,
    };
    if let Some(kind) = kind.filter(|kind| !supply::unread(*kind, &beside).is_empty())
        && let Some(answered) = &beside.answered
        && kind.class() != ActClass::Protective
    {
        report.add(fields.span_of("in_reply_to"), "in_reply_to", supply::read_first(&answered.text));
    }
    let act = table.zip(kind).and_then(|(table, kind)| acts::read(kind, &table, &beside, report));
    let errors = report.errors.len();
    fields.finish(report);
    if nothing_holds_it_up {
        report.leave_out_from(errors);
    }
    Some(heading?.into_draft(texts, documents, act?))
}

/// Everything of a draft but its texts, documents and act.
pub(super) struct Heading {
    pub(super) addressees: Vec<Addressee>,
    pub(super) channel: Option<ChannelId>,
    pub(super) consultation: ConsultationChoice,
    pub(super) precedence: Precedence,
    pub(super) level: Level,
    pub(super) national_label: Option<ShortText>,
    pub(super) caveats: Vec<Caveat>,
    pub(super) releasable_to: Option<Vec<Ministry>>,
    pub(super) eyes_only_roles: Vec<ShortText>,
    pub(super) form: Form,
    pub(super) formal_number: Option<ShortText>,
    pub(super) reply_due: Option<Timestamp>,
    pub(super) valid_until: Option<Timestamp>,
    pub(super) in_reply_to: Option<Reference>,
    pub(super) relayed_on_behalf_of: Option<Ministry>,
    pub(super) drafting_office: Option<ShortText>,
}

fn heading(kind: Option<ActKind>, fields: &mut Fields<'_>, report: &mut Report<'_>) -> Option<Heading> {
    let addressees = addressees(fields, report);
    let consultation = consultation(fields, report);
    let precedence =
        fields.required(report, "precedence", |item| term(string(item)?, Precedence::ALL, Precedence::word));
    let level = fields.required(report, "level", |item| term(string(item)?, Level::ALL, Level::word));
    let form = fields.required(report, "form", |item| term(string(item)?, Form::ALL, Form::word));
    let rest = optional_heading(fields, report);
    // What is wrong is reported; what is usual stands there for whatever else is wrong.
    let usual = kind.map(ActKind::specification);
    let usual_precedence = usual.and_then(|usual| usual.precedences.first().copied());
    let usual_form = usual.and_then(|usual| usual.forms.first().copied());
    Some(Heading {
        addressees: addressees?,
        consultation: consultation?,
        precedence: precedence.or(usual_precedence).unwrap_or(Precedence::Routine),
        level: level.unwrap_or(Level::Restricted),
        form: form.or(usual_form).unwrap_or(Form::ServiceMessage),
        ..rest
    })
}

/// What may be left out of a heading, with anything in the places of what may not.
pub(super) fn optional_heading(fields: &mut Fields<'_>, report: &mut Report<'_>) -> Heading {
    let references = report.references;
    let names_releasability = fields.has("releasable_to");
    let caveats = fields.list::<_, 0>(report, "caveats", |text| term(text, Caveat::ALL, Caveat::word));
    let releasable_to = fields.list::<_, 0>(report, "releasable_to", ministry);
    let roles = fields.list::<_, 0>(report, "eyes_only_roles", |text| Ok(ShortText::new(text)?));
    let formal_number = fields.optional(report, "formal_number", short);
    Heading {
        addressees: Vec::new(),
        channel: fields.optional(report, "channel", channel),
        consultation: ConsultationChoice::New,
        precedence: Precedence::Routine,
        level: Level::Restricted,
        national_label: fields.optional(report, "national_label", short),
        caveats: sorted(&caveats.unwrap_or_default()),
        releasable_to: releasable_to.filter(|_| names_releasability).map(|ministries| sorted(&ministries)),
        eyes_only_roles: roles.unwrap_or_default().as_slice().to_vec(),
        form: Form::ServiceMessage,
        formal_number: formal_number.filter(|number| number.as_str() != "auto"),
        reply_due: fields.optional(report, "reply_due", time),
        valid_until: fields.optional(report, "valid_until", |item| valid_until(references, item)),
        in_reply_to: fields.optional(report, "in_reply_to", |item| {
            let text = string(item)?;
            Ok(Reference { text: text.to_owned(), message: referenced(references, text)? })
        }),
        relayed_on_behalf_of: fields.optional(report, "relayed_on_behalf_of", |item| ministry(string(item)?)),
        drafting_office: fields.optional(report, "drafting_office", short),
    }
}

/// An instant that has not passed.
fn valid_until(references: &dyn References, item: &Item) -> Result<Timestamp, Wrong> {
    let until = time(item)?;
    match references.now() {
        Some(now) if until <= now => {
            let hint = "leave it out for thirty days after release";
            Err(Wrong::new(
                Reason::TimeInvalid.word(),
                "this time has passed: nothing would be delivered",
                hint,
            ))
        }
        _ => Ok(until),
    }
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
    if let Some(own) = report.references.own()
        && addressees.iter().any(|addressee| addressee.ministry == own)
    {
        let name = if action.iter().any(|ministry| *ministry == own) { "to" } else { "info" };
        let wrong =
            Wrong::new(Reason::ReferenceInvalid.word(), "this ministry itself", "name the others alone");
        report.add(fields.span_of(name), name, wrong);
    }
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

fn kind(item: &Item) -> Result<ActKind, Wrong> {
    let text = string(item)?;
    if ActKind::reserved(text).is_some() {
        return Err(codec::unknown(text).hint("`chancery acts` lists what can be said").into());
    }
    term(text, ActKind::ALL, ActKind::word)
}

fn channel(item: &Item) -> Result<ChannelId, Wrong> {
    let hint = "leave it out for the channel with the addressees";
    let invalid = |_| Wrong::new(Reason::ReferenceInvalid.word(), "not the id of a channel", hint);
    ChannelId::parse(string(item)?).map_err(invalid)
}

/// The consultation that the form states; left out, that of the message it answers, or of the person it is about.
fn consultation(fields: &mut Fields<'_>, report: &mut Report<'_>) -> Option<ConsultationChoice> {
    if fields.has("consultation") {
        return fields.required(report, "consultation", stated_consultation);
    }
    let Some((id, because)) = supply::consultation(fields.table(), report.references) else {
        // It is missing, and nothing here tells which one is meant.
        return fields.required(report, "consultation", stated_consultation);
    };
    let _left_out = fields.optional(report, "consultation", stated_consultation);
    report.tell_supplied("consultation", format!("{}, {because}", id.text()));
    Some(ConsultationChoice::Known(id))
}

pub(super) fn stated_consultation(item: &Item) -> Result<ConsultationChoice, Wrong> {
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
            left_out: Vec::new(),
            supplied: Vec::new(),
        }
    }
}
