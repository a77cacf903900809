//! PRV: what may be known about a person, where, what for, and until when.

use std::borrow::Cow;

use crate::consultation::reference::{ConsultationId, PersonRef};
use crate::consultation::rules::judgement::Judgement;
use crate::consultation::rules::{Findings, Rule};
use crate::consultation::state::opening;
use crate::message::dispatch::Document;
use crate::message::terms::{Caveat, DocumentClass};

pub(super) fn judge(judgement: &Judgement<'_>, findings: &mut Findings) {
    in_clear(judgement, findings);
    references(judgement, findings);
    names(judgement, findings);
    minimisation(judgement, findings);
    particulars(judgement, findings);
    erasure(judgement, findings);
}

fn in_clear(judgement: &Judgement<'_>, findings: &mut Findings) {
    let field = "address.consultation";
    let Ok(consultation) = ConsultationId::parse(&judgement.address.consultation) else {
        let message = "the id of the consultation is not a minted one; it could say something";
        findings.add(Rule::Prv01, field, message, "mint the id");
        return;
    };
    if judgement.act.persons().iter().any(|person| person.coincides_with(&consultation)) {
        let message = "the id of the consultation, which gateways read, shows the reference of a person";
        findings.add(Rule::Prv01, field, message, "mint both anew");
    }
}

fn references(judgement: &Judgement<'_>, findings: &mut Findings) {
    if judgement.act.persons().iter().any(|person| judgement.persons_elsewhere.contains(person)) {
        let message = "a reference of another consultation is used";
        findings.add(Rule::Prv02, "act", message, "let the Detaining Power mint one for this consultation");
    }
    for (field, text) in written(judgement) {
        if words(&text).any(|word| looks_like_reference(word) && PersonRef::parse(word).is_err()) {
            let message = "what looks like the reference of a person has a wrong check character or spelling";
            findings.add(Rule::Prv02, field, message, "copy the reference again");
        }
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-')
}

fn looks_like_reference(word: &str) -> bool {
    let groups: Vec<&str> = word.split('-').collect();
    matches!(groups.as_slice(), [letter, rest @ ..] if letter.eq_ignore_ascii_case("P")
        && rest.len() == 3
        && rest.iter().all(|group| group.len() == 4))
}

/// PRV-03: a whole name stands against a text, a part of one is to be looked at.
fn names(judgement: &Judgement<'_>, findings: &mut Findings) {
    for text in searched(judgement) {
        let Some(words) = text.words else {
            let message = "the text could not be read as UTF-8 and was not searched for names";
            findings.warn(Rule::Prv03, text.field, message, "store it as UTF-8");
            continue;
        };
        if judgement.names.occurs_in(&words) {
            findings.add(Rule::Prv03, text.field, text.named, Rule::Prv03.cure());
        } else if judgement.names.part_occurs_in(&words) {
            let part = "a part of the name of a person stands in it, or a word that is spelled so";
            let hint = "look whether a person is meant; if so, write his reference";
            findings.warn(Rule::Prv03, text.field, part, hint);
        }
    }
}

/// Whether a whole name of the judgement stands where no name may.
pub fn names_a_person(judgement: &Judgement<'_>) -> bool {
    let mut words = searched(judgement).into_iter().filter_map(|text| text.words);
    words.any(|words| judgement.names.occurs_in(&words))
}

/// A text in which no name may stand.
struct Searched<'j> {
    field: String,
    /// None where they could not be read.
    words: Option<Cow<'j, str>>,
    /// What is said where a name stands in it.
    named: &'static str,
}

fn searched<'j>(judgement: &Judgement<'j>) -> Vec<Searched<'j>> {
    let names_persons = judgement.act.act_kind().specification().names_persons;
    let written =
        written(judgement).into_iter().filter(|(field, _)| !(names_persons && field.starts_with("act.")));
    let named = "it contains the name of a person";
    let mut all: Vec<Searched<'j>> =
        written.map(|(field, text)| Searched { field, words: Some(text.into()), named }).collect();
    for (index, document) in judgement.dispatch.documents.iter().enumerate() {
        if identifies(document.class) || !is_text(document) {
            continue;
        }
        let mut opened = judgement.documents.unwrap_or_default().iter();
        let Some(read) = opened.find(|opened| opened.document_id == document.document_id) else { continue };
        all.push(Searched {
            field: format!("dispatch.documents[{index}]"),
            words: read.text.map(Cow::Borrowed),
            named: "the text contains the name of a person",
        });
    }
    all
}

/// Everything a desk wrote outside documents, with the path of its field.
fn written(judgement: &Judgement<'_>) -> Vec<(String, String)> {
    let dispatch = judgement.dispatch;
    let mut texts: Vec<(String, String)> =
        judgement.act.texts().into_iter().map(|(field, text)| (format!("act.{field}"), text)).collect();
    texts.push(("dispatch.drafting_office".to_owned(), dispatch.drafting_office.clone()));
    texts.push(("dispatch.marking.national_label".to_owned(), dispatch.marking.national_label.clone()));
    for (index, role) in dispatch.marking.eyes_only_roles.iter().enumerate() {
        texts.push((format!("dispatch.marking.eyes_only_roles[{index}]"), role.clone()));
    }
    for (index, document) in dispatch.documents.iter().enumerate() {
        texts.push((format!("dispatch.documents[{index}].title"), document.title.clone()));
        texts.push((format!("dispatch.documents[{index}].document_id"), document.document_id.clone()));
    }
    texts
}

fn is_text(document: &Document) -> bool {
    document.media_type.starts_with("text/")
}

/// Whether a document of this class identifies one person by its nature. Such a document may hold a name (PRV_03), and
/// so is withheld from whoever may not know it (`withholding`).
pub(in crate::consultation) fn identifies(class: DocumentClass) -> bool {
    match class {
        DocumentClass::IdentityCard
        | DocumentClass::CaptureCard
        | DocumentClass::IdPhoto
        | DocumentClass::WillStatement
        | DocumentClass::MedicalCertificate
        | DocumentClass::RepatriationCertificate
        | DocumentClass::TravelDocument
        | DocumentClass::ProtectionApplication
        | DocumentClass::CourtDecision
        | DocumentClass::AccountStatement
        | DocumentClass::EffectsInventory
        | DocumentClass::DeathCertificate => true,
        DocumentClass::DiplomaticText
        | DocumentClass::InterpreterCertificate
        | DocumentClass::LegalBasis
        | DocumentClass::AgreementText
        | DocumentClass::Evidence => false,
    }
}

fn minimisation(judgement: &Judgement<'_>, findings: &mut Findings) {
    let caveats = &judgement.dispatch.marking.caveats;
    let about_persons = judgement.act.act_kind().specification().concerns_persons;
    for (index, document) in judgement.dispatch.documents.iter().enumerate() {
        let field = format!("dispatch.documents[{index}].document_class");
        if identifies(document.class) && !about_persons {
            let message = "a document that identifies a person comes with an act that concerns none";
            findings.add(Rule::Prv04, field.clone(), message, "send it with the act that needs it");
        }
        if identifies(document.class) && !caveats.contains(&Caveat::PersonalGc313) {
            let message = "a document that identifies a person needs the caveat PERSONAL_GC3_13";
            findings.add(Rule::Prv04, field.clone(), message, "add the caveat");
        }
        if document.class == DocumentClass::MedicalCertificate && !caveats.contains(&Caveat::Medical) {
            let message = "a medical certificate needs the caveat MEDICAL";
            findings.add(Rule::Prv04, field, message, "add the caveat");
        }
    }
}

/// The one act that says who a person is: for certain eyes only, and for one purpose.
fn particulars(judgement: &Judgement<'_>, findings: &mut Findings) {
    if !judgement.act.act_kind().specification().names_persons {
        return;
    }
    let marking = &judgement.dispatch.marking;
    let field = "dispatch.marking.caveats";
    if !marking.caveats.contains(&Caveat::PersonalGc313) {
        let message = "what says who a person is needs the caveat PERSONAL_GC3_13";
        findings.add(Rule::Prv04, field, message, "add the caveat");
    }
    if marking.eyes_only_roles.is_empty() {
        let message = "what says who a person is names the roles that may read it";
        findings.add(Rule::Prv04, "dispatch.marking.eyes_only_roles", message, "name them");
    }
    if !marking.caveats.contains(&Caveat::HumanitarianPurposeOnly) {
        let message = "what says who a person is bears no caveat of purpose";
        findings.add(Rule::Prv05, field, message, Rule::Prv05.cure());
    }
}

/// PRV-06. References may go on: they say nothing of who is meant, and what became of somebody must be told.
fn erasure(judgement: &Judgement<'_>, findings: &mut Findings) {
    let (Some(past), Some(erasure)) = (judgement.past, judgement.charter.erasure) else { return };
    let at = judgement.release_time();
    let says_who = judgement.act.act_kind().specification().names_persons
        || judgement.dispatch.documents.iter().any(|document| identifies(document.class));
    let is_over = || opening::concluded(past, at).is_some_and(|end| end.after(erasure) < at);
    if says_who && is_over() {
        let message = "the consultation ended, and the time in which it is erased has begun";
        findings.add(Rule::Prv06, "address.consultation", message, Rule::Prv06.cure());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consultation::rules::samples::Sample;
    use unicode_normalization::UnicodeNormalization;

    const NAME: &str = "김철수";

    fn forms() -> [String; 2] {
        [NAME.nfc().collect(), NAME.nfd().collect()]
    }

    #[test]
    fn prv_01_the_consultation_shows_nothing() {
        Sample::position().passes(Rule::Prv01);
        let field = "address.consultation";
        let word = |s: &mut Sample| s.address.consultation = "C-PEAC-EF0R-A11S".to_owned();
        Sample::position().with(word).finds(Rule::Prv01, field);
        let same = |s: &mut Sample| s.address.consultation = "C-7QK4-M2XD-9WTV".to_owned();
        Sample::position().with(same).passes(Rule::Prv01);
        Sample::request().with(same).finds(Rule::Prv01, field);
    }

    #[test]
    fn prv_02_references_belong_to_one_consultation_and_are_spelled_well() {
        Sample::request().passes(Rule::Prv02);
        let elsewhere = |s: &mut Sample| s.elsewhere.extend(s.act.persons());
        Sample::request().with(elsewhere).finds(Rule::Prv02, "act");
        let title =
            |text: &'static str| move |s: &mut Sample| s.dispatch.documents[0].title = text.to_owned();
        Sample::request().with(title("on P-7QK4-M2XD-9WTV.")).passes(Rule::Prv02);
        for wrong in ["on P-7QK4-M2XD-9WTX.", "p-7qk4-m2xd-9wtv"] {
            Sample::request().with(title(wrong)).finds(Rule::Prv02, "dispatch.documents[0].title");
        }
    }

    #[test]
    fn prv_03_no_name_stands_in_act_titles_or_offices() {
        Sample::position().passes(Rule::Prv03);
        for name in forms() {
            let title = |s: &mut Sample| s.dispatch.documents[0].title = format!("{name}의 입장");
            Sample::position().with(title).finds(Rule::Prv03, "dispatch.documents[0].title");
            let office = |s: &mut Sample| s.dispatch.drafting_office = name.clone();
            Sample::position().with(office).finds(Rule::Prv03, "dispatch.drafting_office");
            let category = |s: &mut Sample| s.categorise(&format!("포로 {name}"));
            Sample::position().with(category).finds(Rule::Prv03, "act.category");
        }
    }

    #[test]
    fn prv_03_texts_are_searched_unless_they_identify_a_person() {
        for name in forms() {
            let text = format!("외교부는 {name}에 관하여");
            let write = |s: &mut Sample| s.write(0, &text);
            Sample::request().with(write).finds(Rule::Prv03, "dispatch.documents[0]");
            let card = |s: &mut Sample| s.dispatch.documents[0].class = DocumentClass::IdentityCard;
            Sample::request().with(write).with(card).passes(Rule::Prv03);
        }
        let unread = |s: &mut Sample| s.contents[0].3 = None;
        Sample::request().with(unread).finds(Rule::Prv03, "dispatch.documents[0]");
    }

    #[test]
    fn prv_03_a_part_of_a_name_calls_for_a_second_look_and_forbids_nothing() {
        let field = "dispatch.documents[0].title";
        for text in ["철수에 관하여", "on Cholsu"] {
            let title = |s: &mut Sample| s.dispatch.documents[0].title = text.to_owned();
            Sample::position().with(title).warns(Rule::Prv03, field);
        }
    }

    #[test]
    fn prv_04_identifying_documents_come_with_the_act_that_needs_them_and_marked() {
        let field = "dispatch.documents[1].document_class";
        Sample::request().passes(Rule::Prv04);
        let bare = |s: &mut Sample| s.dispatch.marking.caveats.clear();
        Sample::request().with(bare).finds(Rule::Prv04, field);
        let medical = |s: &mut Sample| s.dispatch.documents[1].class = DocumentClass::MedicalCertificate;
        Sample::request().with(medical).finds(Rule::Prv04, field);
        let marked = |s: &mut Sample| s.dispatch.marking.caveats.push(Caveat::Medical);
        Sample::request().with(medical).with(marked).passes(Rule::Prv04);
        let photo = |s: &mut Sample| s.dispatch.documents[1].class = DocumentClass::IdPhoto;
        Sample::position().passes(Rule::Prv04);
        Sample::position().with(photo).finds(Rule::Prv04, field);
    }

    #[test]
    fn prv_04_and_prv_05_particulars_are_for_certain_eyes_and_one_purpose() {
        use crate::consultation::rules::scenes::Case;
        use crate::consultation::state::samples::Scene;
        let fields = "person = \"P1\"\nnames = [{ family_name = \"Hong\", script = \"Latn\", is_primary = true }]\n\
            basis = \"IDENTITY_CARD\"";
        let particulars = || Case::new(&Scene::ready(), "XB", "person-particulars", fields);
        particulars().passes();
        particulars().silent(Rule::Prv05);
        particulars().with(|d| d.dispatch.marking.eyes_only_roles.clear()).fails("PRV_04");
        particulars().with(|d| d.dispatch.marking.caveats.clear()).fails("PRV_04");
        let aimless = |c: &Caveat| *c != Caveat::HumanitarianPurposeOnly;
        particulars().with(|d| d.dispatch.marking.caveats.retain(aimless)).warns(Rule::Prv05);
    }

    #[test]
    fn prv_06_nothing_that_says_who_a_person_is_goes_into_a_consultation_to_be_erased() {
        use crate::consultation::rules::scenes::Case;
        use crate::consultation::state::samples::{DAY, Scene};
        let fields = "person = \"P1\"\nnames = [{ family_name = \"Hong\", script = \"Latn\", is_primary = true }]\n\
            basis = \"IDENTITY_CARD\"";
        let sends = |scene: &Scene, erasure: Option<u64>| {
            let mut case = Case::new(scene, "XB", "person-particulars", fields);
            case.charter.erasure = erasure.map(|days| std::time::Duration::from_secs(days * DAY));
            case
        };
        let mut scene = Scene::ready();
        for power in ["XA", "XB"] {
            scene.say(power, "consultation-closure", "kind = \"CONCLUDED\"");
        }
        scene.wait(30 * DAY - 3600);
        sends(&scene, Some(30)).passes();
        scene.wait(DAY);
        sends(&scene, Some(30)).fails("PRV_06");
        sends(&scene, Some(32)).passes();
        sends(&scene, None).passes();
        // What became of somebody is told by his reference, and a stop stops for ever.
        let told = "person = \"P1\"\ninquiry_opened = true";
        let mut notice = Case::new(&scene, "XB", "death-notice", told);
        notice.charter.erasure = Some(std::time::Duration::from_secs(DAY));
        notice.passes();
        // Opened anew and concluded again, it is erased so long after that.
        let anew = "consultation = \"C-3HN8-ZC6V-5JF2\"\nsubject = \"Once more\"\n\
            parties = [{ ministry = \"XA\", roles = [\"RECEIVING_POWER\"] }, \
            { ministry = \"XB\", roles = [\"DETAINING_POWER\"] }]\nopen_until_time = \"2027-12-02T10:00:00Z\"";
        scene.say("XB", "consultation-proposal", anew);
        scene.say("XA", "consultation-reply", "reply = \"ACCEPT\"");
        for power in ["XA", "XB"] {
            scene.say(power, "consultation-closure", "kind = \"CONCLUDED\"");
        }
        sends(&scene, Some(30)).silent(Rule::Prv06);
        scene.wait(31 * DAY);
        sends(&scene, Some(30)).fails("PRV_06");
        let mut open = Scene::ready();
        open.wait(90 * DAY);
        sends(&open, Some(30)).passes();
    }
}
