//! The heading of a protective act: whom it goes to, on which channel and at which level is not for a tired officer to
//! know. The desk does, as soon as it knows whom the act is about.
//!
//! A heading as it was written enters; one that can be sent leaves, and every word of it that was not taken is told.
//! Only where nobody here has heard of the person is it asked where the act is to go. What must never happen: that an
//! act which is to stop a handover goes to a consultation in which there is none, because a form said so.

use std::ops::Range;

use toml_edit::Item;

use super::draft::{Circle, ConsultationChoice};
use super::parse::{Heading, optional_heading, stated_consultation};
use super::reader::{Fields, Report, Wrong, string, term};
use super::{FORM_PERSON_UNKNOWN, night, supply, tree};
use crate::consultation::act::ActKind;
use crate::consultation::fault::{Fault, Reason};
use crate::consultation::reference::{ConsultationId, PersonRef};
use crate::limits;
use crate::message::header::Addressee;
use crate::message::terms::{AddresseeKind, Form, Level, Precedence};
use crate::trust::name::Ministry;

/// The heading of an act of this protective kind.
pub(super) fn read(kind: ActKind, fields: &mut Fields<'_>, report: &mut Report<'_>) -> Option<Heading> {
    let mistakes = report.errors.len();
    let consultation = consultation(fields, report);
    let known = match consultation {
        Some(ConsultationChoice::Known(id)) => report.references.circle_of(&id),
        Some(ConsultationChoice::New) | None => None,
    };
    let addressees = addressees(fields, known.as_ref(), report);
    let circle = known.clone().or_else(|| {
        let powers: Vec<Ministry> = addressees.iter().map(|addressee| addressee.ministry.clone()).collect();
        report.references.circle_with(&powers)
    });
    let usual = kind.specification();
    let word = |words: &'static [Precedence]| move |item: &Item| term(string(item)?, words, Precedence::word);
    let precedence = fields.optional(report, "precedence", word(usual.precedences));
    let level = level(fields, circle.as_ref(), report);
    let form = fields.optional(report, "form", |item| term(string(item)?, usual.forms, Form::word));
    let mut rest = optional_heading(fields, report);
    on_its_channel(&mut rest, known.as_ref(), circle.as_ref(), fields, report);
    releasable_to_all(&mut rest, &addressees, fields, report);
    report.leave_out_from(mistakes);
    if addressees.is_empty() {
        let hint = "check the reference of the person, or name the Powers here: to = [\"XA\"]";
        report.add(fields.span_of("to"), "to", Wrong::from(Fault::missing().hint(hint)));
        return None;
    }
    Some(Heading {
        addressees,
        consultation: consultation.unwrap_or(ConsultationChoice::New),
        precedence: precedence.or(usual.precedences.first().copied()).unwrap_or(Precedence::Immediate),
        level,
        form: form.or(usual.forms.first().copied()).unwrap_or(Form::ServiceMessage),
        ..rest
    })
}

/// Where the act goes: to the consultation that the person belongs to, whatever the form says. Only for somebody of
/// whom nobody here has heard the form decides.
fn consultation(fields: &mut Fields<'_>, report: &mut Report<'_>) -> Option<ConsultationChoice> {
    let stated = fields.optional(report, "consultation", stated_consultation);
    let persons = persons(fields);
    let homes: Vec<(PersonRef, Option<ConsultationId>)> =
        persons.iter().map(|person| (*person, report.references.home_of(person))).collect();
    let named = match stated {
        Some(ConsultationChoice::Known(id)) if homes.iter().any(|(_, home)| *home == Some(id)) => Some(id),
        _ => None,
    };
    let Some(home) = named.or_else(|| homes.iter().find_map(|(_, home)| *home)) else {
        nobody_knows(&persons, fields, report);
        let answered = || supply::answered_consultation(fields.table(), report.references);
        return stated.or_else(|| answered().map(ConsultationChoice::Known));
    };
    let others = homes.iter().filter(|(_, theirs)| theirs.is_some_and(|theirs| theirs != home));
    for (person, theirs) in others {
        let theirs = theirs.map(|theirs| theirs.text()).unwrap_or_default();
        let message = format!("{} belongs to {theirs}, and this goes to {}", person.text(), home.text());
        let hint = "send another one about this person alone";
        report.add(span_of_persons(fields), "act.persons", Wrong::new(FORM_PERSON_UNKNOWN, message, hint));
    }
    if named.is_none() {
        if stated.is_some() {
            let message = "the person belongs to another consultation, and a protective act goes there";
            let wrong = Wrong::new(Reason::FieldConflict.word(), message, "");
            report.add(fields.span_of("consultation"), "consultation", wrong);
        }
        report.tell_supplied("consultation", format!("{}, that of the person", home.text()));
    }
    Some(ConsultationChoice::Known(home))
}

/// Somebody of whom nobody here has heard, though others are known here.
fn nobody_knows(persons: &[PersonRef], fields: &Fields<'_>, report: &mut Report<'_>) {
    let known = report.references.persons();
    if known.is_empty() {
        return;
    }
    for person in persons {
        let wrong = Wrong::new(
            FORM_PERSON_UNKNOWN,
            "no consultation of this desk speaks of this person: nobody is stopped but by the right reference",
            night::did_you_mean(&person.text(), &known),
        );
        report.add(span_of_persons(fields), "act.person", wrong);
    }
}

fn span_of_persons(fields: &Fields<'_>) -> Option<Range<usize>> {
    let act = fields.table().get("act")?;
    let of = |name: &str| act.as_table_like()?.get(name)?.span();
    of("person").or_else(|| of("persons")).or_else(|| act.span())
}

/// Whom the act is about, as far as the references can be read.
fn persons(fields: &Fields<'_>) -> Vec<PersonRef> {
    let Some(act) = fields.table().get("act").and_then(Item::as_table_like) else { return Vec::new() };
    let mut act = tree::of_table(act);
    night::straighten(&mut act);
    let mut found = Vec::new();
    for field in act.iter().filter(|field| field.name == "person" || field.name == "persons") {
        supply::every_person(&field.value, &mut found);
    }
    found
}

/// All Powers of the consultation; where it is not known here, those that the form names and to whom anything can go.
fn addressees(fields: &mut Fields<'_>, circle: Option<&Circle>, report: &mut Report<'_>) -> Vec<Addressee> {
    let own = report.references.own();
    let mut found: Vec<Addressee> = Vec::new();
    for (name, kind) in [("to", AddresseeKind::Action), ("info", AddresseeKind::Info)] {
        for (span, path, ministry) in codes(fields, name, report) {
            let wrong = match circle {
                _ if own.as_ref() == Some(&ministry) => Some("this ministry itself"),
                Some(circle) if !circle.powers.contains(&ministry) => Some("no Power of this consultation"),
                None if !report.references.is_accredited(&ministry) => Some("not accredited at this desk"),
                _ => None,
            };
            if let Some(message) = wrong {
                report.add(span, &path, Wrong::new(Reason::ReferenceInvalid.word(), message, ""));
            } else if !found.iter().any(|one| one.ministry == ministry) {
                found.push(Addressee { ministry, kind });
            }
        }
    }
    let lacking = |power: &&Ministry| !found.iter().any(|one| one.ministry == **power);
    let missing: Vec<Ministry> =
        circle.into_iter().flat_map(|circle| &circle.powers).filter(lacking).cloned().collect();
    if !missing.is_empty() {
        let codes: Vec<&str> = missing.iter().map(Ministry::as_str).collect();
        report.tell_supplied("to", format!("{}: every Power of the consultation", codes.join(", ")));
    }
    let kind = AddresseeKind::Action;
    found.extend(missing.into_iter().map(|ministry| Addressee { ministry, kind }));
    if !found.iter().any(|one| one.kind == AddresseeKind::Action) {
        found.iter_mut().for_each(|one| one.kind = AddresseeKind::Action);
    }
    found.sort();
    found.truncate(limits::ADDRESSEES_MAX);
    found
}

/// Codes of ministries as they are typed in haste: small letters, and one that is no list.
fn codes(
    fields: &mut Fields<'_>,
    name: &'static str,
    report: &mut Report<'_>,
) -> Vec<(Option<Range<usize>>, String, Ministry)> {
    let path = fields.path(name);
    let typed = fields.optional(report, name, |item| {
        let several = |text: &str, span: Option<Range<usize>>| {
            let each = text.split([',', ' ', ';']).map(str::trim).filter(|code| !code.is_empty());
            each.map(|code| (code.to_uppercase(), span.clone())).collect::<Vec<_>>()
        };
        match (item.as_str(), item.as_array()) {
            (Some(text), _) => Ok(several(text, item.span())),
            (None, Some(entries)) => {
                let each = entries.iter();
                Ok(each.flat_map(|entry| several(entry.as_str().unwrap_or("?"), entry.span())).collect())
            }
            (None, None) => Err(Wrong::of_type("a list")),
        }
    });
    let mut found = Vec::new();
    for (index, (code, span)) in typed.unwrap_or_default().into_iter().enumerate() {
        let path = format!("{path}[{index}]");
        match Ministry::parse(&code) {
            Ok(ministry) => found.push((span, path, ministry)),
            Err(_) => {
                let wrong = Wrong::new(Reason::ReferenceInvalid.word(), "not the code of a ministry", "");
                report.add(span, &path, wrong);
            }
        }
    }
    found
}

/// The level that the form states, at most the ceiling: above it nothing would be taken (CLS_01).
fn level(fields: &mut Fields<'_>, circle: Option<&Circle>, report: &mut Report<'_>) -> Level {
    let stated = fields.optional(report, "level", |item| term(string(item)?, Level::ALL, Level::word));
    let wanted = stated.unwrap_or(Level::Restricted);
    let Some(ceiling) = circle.map(|circle| circle.ceiling).filter(|ceiling| wanted > *ceiling) else {
        return wanted;
    };
    if stated.is_some() {
        let wrong = Wrong::new(Reason::FieldConflict.word(), "this is above the ceiling of the channel", "");
        report.add(fields.span_of("level"), "level", wrong);
    }
    report.tell_supplied("level", format!("{}, the ceiling of the channel", ceiling.word()));
    ceiling
}

/// It goes on the channel of the consultation; another that is stated counts only where the consultation is not known.
fn on_its_channel(
    heading: &mut Heading,
    known: Option<&Circle>,
    circle: Option<&Circle>,
    fields: &Fields<'_>,
    report: &mut Report<'_>,
) {
    let Some(stated) = heading.channel.take() else { return };
    if circle.is_some_and(|circle| circle.channel.as_ref() == Some(&stated)) {
        return;
    }
    if known.is_none() && report.references.own().is_none() {
        // Nobody here knows any channel.
        heading.channel = Some(stated);
        return;
    }
    let message = "not the channel that joins these Powers";
    let wrong = Wrong::new(Reason::ReferenceInvalid.word(), message, "");
    report.add(fields.span_of("channel"), "channel", wrong);
}

/// Whoever is to act on it must be among those to whom it may be released (CLS_02).
fn releasable_to_all(
    heading: &mut Heading,
    addressees: &[Addressee],
    fields: &Fields<'_>,
    report: &mut Report<'_>,
) {
    let own = report.references.own();
    let Some(stated) = &heading.releasable_to else { return };
    let lacks = |ministry: &Ministry| !stated.contains(ministry);
    if !addressees.iter().map(|one| &one.ministry).chain(own.as_ref()).any(lacks) {
        return;
    }
    let message = "not everybody to whom it goes is among them";
    let wrong = Wrong::new(Reason::FieldConflict.word(), message, "");
    report.add(fields.span_of("releasable_to"), "releasable_to", wrong);
    heading.releasable_to = None;
}
