//! LNG: which texts bind, and in which language a person speaks. That an interpreter's certificate stands beside a
//! statement of will is for FRM-05 to say.

use std::collections::BTreeSet;

use oxilangtag::LanguageTag;

use crate::consultation::act::Act;
use crate::consultation::acts::values::LanguageCode;
use crate::consultation::catalogue::Texts;
use crate::consultation::rules::judgement::Judgement;
use crate::consultation::rules::{Findings, Rule};
use crate::digest::Digest;
use crate::message::dispatch::Document;
use crate::message::terms::{DocumentClass, DocumentStanding};

pub(super) fn judge(judgement: &Judgement<'_>, findings: &mut Findings) {
    standing(judgement, findings);
    match judgement.act {
        Act::AgreementNote(note) => {
            let listed = note.terms.authentic_text_sha256.as_slice();
            agreed_texts(judgement, listed, "act.terms.authentic_text_sha256", findings);
            prevailing(judgement, &note.terms.prevailing_language, findings);
        }
        Act::AgreementReply(reply) => {
            let listed = reply.authentic_text_sha256.as_slice();
            agreed_texts(judgement, listed, "act.authentic_text_sha256", findings);
        }
        Act::ExpressionOfWill(act) => {
            own_language(judgement, act.statement_document.as_str(), &act.language_code, findings);
        }
        _ => {}
    }
    for (index, document) in judgement.dispatch.documents.iter().enumerate() {
        translation(judgement, index, document, findings);
        if LanguageTag::parse(document.language.as_str()).is_err() {
            let field = format!("dispatch.documents[{index}].language");
            findings.add(Rule::Lng01, field, "not a language tag", "state a BCP 47 tag such as ko, uk or en");
        }
    }
}

fn standing(judgement: &Judgement<'_>, findings: &mut Findings) {
    let documents = &judgement.dispatch.documents;
    let of = |standing| documents.iter().filter(move |document: &&Document| document.standing == standing);
    let official = of(DocumentStanding::Official).count();
    let authentic: Vec<&str> = of(DocumentStanding::Authentic).map(|text| text.language.as_str()).collect();
    let message = match (official, authentic.len()) {
        // Some acts say all they have to say in their fields.
        (0, 0) if judgement.act.act_kind().specification().texts == Texts::None => return,
        (1, 0) => return,
        (0, 0) => "no text is official",
        (0, 1) => "a single authentic text is an official text",
        (0, count) if count == authentic.iter().collect::<BTreeSet<_>>().len() => return,
        (0, _) => "two authentic texts are in one language",
        (_, 0) => "more than one text is official",
        (_, _) => "texts are official and authentic at once",
    };
    let hint = "mark one text OFFICIAL and translations as such, or all equally binding texts AUTHENTIC";
    findings.add(Rule::Lng01, "dispatch.documents", message, hint);
}

fn translation(judgement: &Judgement<'_>, index: usize, document: &Document, findings: &mut Findings) {
    let field = format!("dispatch.documents[{index}].translation_of");
    if !is_translation(document.standing) {
        if !document.translation_of.is_empty() {
            let hint = "mark it COURTESY_TRANSLATION or CERTIFIED_TRANSLATION, or drop translation_of";
            findings.add(Rule::Lng02, field, "a text of its own standing translates nothing", hint);
        }
        return;
    }
    let hint = "name the document_id of the text it translates";
    let mut others = judgement.dispatch.documents.iter();
    let Some(original) = others.find(|other| other.document_id == document.translation_of) else {
        findings.add(Rule::Lng02, field, "a translation names a text of the same message", hint);
        return;
    };
    if is_translation(original.standing) {
        findings.add(Rule::Lng02, field, "it translates another translation", hint);
    } else if original.language == document.language {
        findings.add(Rule::Lng02, field, "it is in the language of the text it translates", hint);
    }
}

/// The texts of an agreement that go with an act.
fn texts<'d>(judgement: &Judgement<'d>) -> impl Iterator<Item = &'d Document> {
    let documents = judgement.dispatch.documents.iter();
    documents.filter(|one| one.class == DocumentClass::AgreementText && !is_translation(one.standing))
}

/// LNG-03.
fn agreed_texts(judgement: &Judgement<'_>, listed: &[Digest], field: &str, findings: &mut Findings) {
    let attached: BTreeSet<Digest> = texts(judgement).map(|text| text.digest).collect();
    if attached != listed.iter().copied().collect() {
        let message = "the texts listed are not the texts of the agreement that are attached";
        findings.add(Rule::Lng03, field, message, Rule::Lng03.cure());
    }
}

/// LNG-04.
fn prevailing(judgement: &Judgement<'_>, language: &LanguageCode, findings: &mut Findings) {
    if !texts(judgement).any(|text| same_language(&text.language, language.as_str())) {
        let message = "no text of the agreement is in the prevailing language";
        findings.add(Rule::Lng04, "act.terms.prevailing_language", message, Rule::Lng04.cure());
    }
}

/// LNG-05.
fn own_language(
    judgement: &Judgement<'_>,
    statement: &str,
    language: &LanguageCode,
    findings: &mut Findings,
) {
    let found = judgement.dispatch.documents.iter().find(|document| document.document_id == statement);
    if found.is_some_and(|document| !same_language(&document.language, language.as_str())) {
        let message = "the statement is not in the language in which he made it";
        findings.add(Rule::Lng05, "act.statement_document", message, Rule::Lng05.cure());
    }
}

/// Whether two tags name one language, whatever region or script they add.
fn same_language(one: &str, other: &str) -> bool {
    let primary = |tag: &str| tag.split('-').next().unwrap_or_default().to_ascii_lowercase();
    primary(one) == primary(other)
}

fn is_translation(standing: DocumentStanding) -> bool {
    matches!(standing, DocumentStanding::CourtesyTranslation | DocumentStanding::CertifiedTranslation)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consultation::rules::samples::Sample;

    fn standings(standings: &'static [DocumentStanding]) -> impl Fn(&mut Sample) {
        move |s| {
            for (document, standing) in s.dispatch.documents.iter_mut().zip(standings) {
                document.standing = *standing;
            }
        }
    }

    #[test]
    fn lng_01_one_text_is_official_or_all_are_authentic() {
        use DocumentStanding::{Annex, Authentic, CourtesyTranslation, Official};
        let field = "dispatch.documents";
        Sample::position().passes(Rule::Lng01);
        Sample::position().with(standings(&[Authentic, Authentic])).passes(Rule::Lng01);
        let wrong: [&[DocumentStanding]; 4] = [
            &[Official, Official],
            &[Annex, CourtesyTranslation],
            &[Official, Authentic],
            &[Authentic, Annex],
        ];
        for standing in wrong {
            Sample::position().with(standings(standing)).finds(Rule::Lng01, field);
        }
        let same = |s: &mut Sample| s.dispatch.documents[1].language = "ko".to_owned();
        Sample::position().with(standings(&[Authentic, Authentic])).with(same).finds(Rule::Lng01, field);
        let tag = |s: &mut Sample| s.dispatch.documents[0].language = "korean language".to_owned();
        Sample::position().with(tag).finds(Rule::Lng01, "dispatch.documents[0].language");
        let silent = |s: &mut Sample| s.dispatch.documents.clear();
        Sample::position().with(silent).finds(Rule::Lng01, field);
        Sample::withdrawal().with(silent).passes(Rule::Lng01);
    }

    #[test]
    fn lng_02_a_translation_names_what_it_translates() {
        let field = "dispatch.documents[1].translation_of";
        Sample::position().passes(Rule::Lng02);
        for named in ["", "elsewhere", "en"] {
            let name = |s: &mut Sample| s.dispatch.documents[1].translation_of = named.to_owned();
            Sample::position().with(name).finds(Rule::Lng02, field);
        }
        let same = |s: &mut Sample| s.dispatch.documents[1].language = "ko".to_owned();
        Sample::position().with(same).finds(Rule::Lng02, field);
        let official = standings(&[DocumentStanding::CourtesyTranslation, DocumentStanding::Official]);
        Sample::position().with(official).finds(Rule::Lng02, field);
    }
}
