//! The texts and documents of a step: those its author wrote, and in their absence those that the act needs.

use super::{has, text};
use crate::consultation::act::ActKind;
use crate::consultation::catalogue::Texts;
use crate::consultation::describe::Need;
use crate::consultation::outline::{Field, Value};
use crate::message::terms::{DocumentClass, DocumentStanding, Form};
use crate::rehearsal::script::Paper;
use crate::rehearsal::script::spoken::{Circumstances, Spoken};
use crate::rehearsal::script::usual::named;

/// Languages in which an agreement is authentic where nothing else is said.
const AUTHENTIC: [&str; 3] = ["en", "ko", "uk"];

/// Writes them, and names in the fields those that the act must name.
pub(in crate::rehearsal::script) fn papers(fields: &mut Vec<Field>, at: &Circumstances<'_>) -> Vec<Paper> {
    let mut papers = texts(fields, at);
    papers.extend(at.say.papers.iter().cloned());
    if !at.say.usual {
        return papers;
    }
    let specification = at.say.kind.specification();
    for (field, class) in specification.documents {
        let mandatory =
            at.say.kind.fields().iter().any(|one| one.name == *field && one.need == Need::Mandatory);
        if !has(fields, field) && mandatory {
            let own = papers.iter().find(|paper| paper.class == *class).map(|paper| paper.id.clone());
            let id = own.unwrap_or_else(|| name_of(*class).to_owned());
            fields.retain(|one| one.name != *field);
            fields.push(Field { name: (*field).into(), value: Value::Text(id) });
        }
        if let Some(id) = text(fields, field) {
            add(&mut papers, &id, *class, at, fields);
        }
    }
    for class in specification.companions {
        if !papers.iter().any(|paper| paper.class == *class) && *class != DocumentClass::AgreementText {
            add(&mut papers, name_of(*class), *class, at, fields);
        }
    }
    if let Some(Value::List(ids)) = named(fields, "supporting_documents").cloned() {
        for id in ids.iter().filter_map(Value::as_text) {
            add(&mut papers, &id, class_of(&id), at, fields);
        }
    }
    if let Some(id) = text(fields, "agreed_minute_document") {
        add(&mut papers, &id, DocumentClass::DiplomaticText, at, fields);
    }
    papers
}

fn add(papers: &mut Vec<Paper>, id: &str, class: DocumentClass, at: &Circumstances<'_>, fields: &[Field]) {
    if papers.iter().any(|paper| paper.id == id) {
        return;
    }
    // What a person says stands in his own language.
    let spoken = text(fields, "language_code").filter(|_| class == DocumentClass::WillStatement);
    papers.push(Paper {
        id: id.to_owned(),
        title: "Document".to_owned(),
        class,
        standing: DocumentStanding::Annex,
        language: spoken.unwrap_or_else(|| at.language()),
        media_type: "text/plain".to_owned(),
        translation_of: String::new(),
        words: format!("A document of the class {class}, of {}.", at.now),
    });
}

/// The texts of the note itself.
fn texts(fields: &[Field], at: &Circumstances<'_>) -> Vec<Paper> {
    let written = at.say.papers.iter().any(|paper| {
        !matches!(paper.standing, DocumentStanding::Annex)
            && matches!(paper.class, DocumentClass::DiplomaticText | DocumentClass::AgreementText)
    });
    let needed = at.say.kind.specification().texts;
    let silent = !at.say.usual || (needed == Texts::None && at.say.marks.form != Some(Form::NoteVerbale));
    if written || (silent && at.say.languages.is_none()) {
        return Vec::new();
    }
    if needed == Texts::Authentic {
        return agreed(fields, at);
    }
    let languages = at.say.languages.clone().unwrap_or_else(|| vec![at.language()]);
    let original = languages.first().cloned().unwrap_or_default();
    let each = languages.iter().enumerate().map(|(index, language)| Paper {
        id: language.clone(),
        title: "Note".to_owned(),
        class: DocumentClass::DiplomaticText,
        standing: match index {
            0 => DocumentStanding::Official,
            _ => DocumentStanding::CourtesyTranslation,
        },
        language: language.clone(),
        media_type: "text/plain".to_owned(),
        translation_of: if index == 0 { String::new() } else { original.clone() },
        words: courteous(language, at.say.kind),
    });
    each.collect()
}

/// The authentic texts of an agreement: the same words whoever repeats them.
fn agreed(fields: &[Field], at: &Circumstances<'_>) -> Vec<Paper> {
    let proposed = text(fields, "proposing_message")
        .and_then(|meant| at.spoken.iter().find(|one| one.reference.dispatch_digest().hex() == meant))
        .or_else(|| latest_note(at).filter(|_| at.say.kind == ActKind::AgreementReply));
    let id = match (named(fields, "terms"), proposed) {
        (Some(Value::Group(terms)), _) => text(terms, "agreement_id"),
        (_, Some(spoken)) => super::said_text(&spoken.act, "agreement_id"),
        _ => None,
    };
    let id = id.unwrap_or_default();
    let usual = match proposed {
        Some(spoken) => spoken.texts.iter().map(|(language, _)| language.clone()).collect(),
        None if at.script.charter.languages.is_empty() => AUTHENTIC.map(str::to_owned).to_vec(),
        None => at.script.charter.languages.clone(),
    };
    let languages = at.say.languages.clone().unwrap_or(usual);
    let each = languages.into_iter().map(|language| Paper {
        id: language.clone(),
        title: "Agreement".to_owned(),
        class: DocumentClass::AgreementText,
        standing: DocumentStanding::Authentic,
        media_type: "text/plain".to_owned(),
        translation_of: String::new(),
        words: format!("The text of the agreement {id}, in the language {language}."),
        language,
    });
    each.collect()
}

fn latest_note<'a>(at: &Circumstances<'a>) -> Option<&'a Spoken> {
    at.spoken.iter().rev().find(|one| one.act.act_kind() == ActKind::AgreementNote && one.stands)
}

/// A note with the formulas of its language.
fn courteous(language: &str, kind: ActKind) -> String {
    let about = kind.title();
    match language.split('-').next().unwrap_or_default() {
        "ko" => format!(
            "외교부는 경의를 표하며 다음을 알리는 영광을 가진다: {about}. 최고의 경의를 새로이 표한다."
        ),
        "uk" => format!(
            "Міністерство засвідчує свою повагу і має честь повідомити: {about}. \
             Запевнення у своїй високій повазі."
        ),
        _ => format!(
            "The Ministry presents its compliments to the Ministry and has the honour to state: {about}. \
             It renews the assurances of its highest consideration."
        ),
    }
}

/// What a document of a class is called where nobody calls it anything.
fn name_of(class: DocumentClass) -> &'static str {
    match class {
        DocumentClass::WillStatement => "statement",
        DocumentClass::InterpreterCertificate => "interpreter",
        DocumentClass::MedicalCertificate => "certificate",
        DocumentClass::CourtDecision => "decision",
        DocumentClass::DeathCertificate => "death",
        _ => "annex",
    }
}

/// What a supporting document is, by what it is called.
fn class_of(id: &str) -> DocumentClass {
    match id {
        "application" => DocumentClass::ProtectionApplication,
        "travel" => DocumentClass::TravelDocument,
        "legal-basis" => DocumentClass::LegalBasis,
        _ => DocumentClass::Evidence,
    }
}
