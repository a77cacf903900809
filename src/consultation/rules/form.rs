//! FRM: signatures by form, formulas, formal numbers, documents, and whether act and dispatch agree.

use crate::consultation::act::{Act, ActKind};
use crate::consultation::rules::judgement::Judgement;
use crate::consultation::rules::{Findings, Rule};
use crate::message::terms::{ActClass, AuthenticationKind, DocumentStanding, Form};

pub(super) fn judge(judgement: &Judgement<'_>, findings: &mut Findings) {
    signatures(judgement, findings);
    formulas(judgement, findings);
    formal_number(judgement, findings);
    documents(judgement, findings);
    agreement(judgement, findings);
}

/// The signatures that an act of this kind needs in a form (FRM-01): those of the form, and of a countersignature the
/// initials alone, because the act that it completes bears the rest.
pub fn authentications_needed(kind: ActKind, form: Form) -> &'static [AuthenticationKind] {
    match kind {
        ActKind::Countersignature => &[AuthenticationKind::Initials],
        _ => required_authentications(form),
    }
}

/// The signatures that a form needs. A note verbale is initialled and sealed, not signed.
pub const fn required_authentications(form: Form) -> &'static [AuthenticationKind] {
    match form {
        Form::NoteVerbale => &[AuthenticationKind::Initials, AuthenticationKind::Seal],
        Form::FirstPersonNote => &[AuthenticationKind::Signature, AuthenticationKind::Seal],
        Form::AideMemoire | Form::Memorandum | Form::NonPaper | Form::DemarcheRecord => {
            &[AuthenticationKind::Seal]
        }
        Form::ServiceMessage => &[AuthenticationKind::Registry],
    }
}

fn signatures(judgement: &Judgement<'_>, findings: &mut Findings) {
    let dispatch = judgement.dispatch;
    // One officer sends a protective act in whatever form; who he was, and whether he might, is for ROL-05 to say.
    let protective = judgement.act.class() == ActClass::Protective;
    if protective && !dispatch.authentications.iter().any(|expected| expected.kind.releases()) {
        let hint = "have the duty officer sign";
        findings.add(Rule::Frm01, "dispatch.authentications", "a protective act needs DUTY_OFFICER", hint);
    }
    let needed =
        if protective { &[] } else { authentications_needed(judgement.act.act_kind(), dispatch.form) };
    for kind in needed {
        if !dispatch.authentications.iter().any(|expected| expected.kind == *kind) {
            let message = format!("a {} needs {kind}", dispatch.form);
            let hint = "have the office that holds this authority sign";
            findings.add(Rule::Frm01, "dispatch.authentications", message, hint);
        }
    }
    let Some(verified) = judgement.verified else { return };
    for (index, expected) in dispatch.authentications.iter().enumerate() {
        if !verified.contains(expected) {
            let field = format!("dispatch.authentications[{index}]");
            let message = format!("{} is listed and did not verify", expected.kind);
            findings.add(Rule::Frm01, field, message, "ask the sender for a dispatch that bears it");
        }
    }
}

/// Opening and closing formulas of notes by language, each in words that every variant contains.
const FORMULAS: &[(&str, &str, &str)] = &[
    ("en", "presents its compliments to", "assurances of its highest consideration"),
    ("uk", "засвідчує свою повагу", "високій повазі"),
    ("ko", "경의를 표하며", "최고의 경의를"),
];

fn formulas(judgement: &Judgement<'_>, findings: &mut Findings) {
    let form = judgement.dispatch.form;
    if !matches!(form, Form::NoteVerbale | Form::AideMemoire) {
        return;
    }
    for (field, language, text) in courteous_texts(judgement) {
        let primary = language.split('-').next().unwrap_or_default();
        let Some((_, opening, closing)) = FORMULAS.iter().find(|(code, _, _)| *code == primary) else {
            continue;
        };
        let folded = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let (opens, closes) = (folded.contains(opening), folded.contains(closing));
        if form == Form::NoteVerbale && !opens {
            let message = "the courtesy formula at the head of a note verbale was not found";
            findings.add(Rule::Frm02, field.clone(), message, "open with the formula");
        }
        if form == Form::NoteVerbale && !closes {
            let message = "the courtesy formula at the foot of a note verbale was not found";
            findings.add(Rule::Frm02, field.clone(), message, "close with the formula");
        }
        if form == Form::AideMemoire && (opens || closes) {
            let message = "an aide-memoire bears no courtesy formula";
            findings.add(Rule::Frm02, field, message, "leave the formula out, or send a note verbale");
        }
    }
}

/// The texts of standing that were read: the field, the language, and the text with any formulas stated apart.
fn courteous_texts(judgement: &Judgement<'_>) -> Vec<(String, String, String)> {
    let mut texts = Vec::new();
    for (index, document) in judgement.dispatch.documents.iter().enumerate() {
        let standing = document.standing;
        if !matches!(standing, DocumentStanding::Official | DocumentStanding::Authentic) {
            continue;
        }
        let mut opened = judgement.documents.unwrap_or_default().iter();
        let read = opened.find(|opened| opened.document_id == document.document_id);
        let Some(text) = read.and_then(|opened| opened.text) else { continue };
        let apart = match judgement.act {
            Act::Correspondence(act) => [act.opening_formula.as_ref(), act.closing_formula.as_ref()],
            _ => [None, None],
        };
        let mut whole = text.to_owned();
        for formula in apart.into_iter().flatten() {
            whole.push('\n');
            whole.push_str(formula.as_str());
        }
        texts.push((format!("dispatch.documents[{index}]"), document.language.clone(), whole));
    }
    texts
}

fn formal_number(judgement: &Judgement<'_>, findings: &mut Findings) {
    let (field, rule) = ("dispatch.formal_number", Rule::Frm03);
    let number = judgement.dispatch.formal_number.as_str();
    let is_note = matches!(judgement.dispatch.form, Form::NoteVerbale | Form::FirstPersonNote);
    if !is_note {
        if !number.is_empty() {
            findings.add(rule, field, "only a note bears a formal number", "leave the number out");
        }
        return;
    }
    let Some((ministry, year, serial)) = split_number(number) else {
        let message = "a note bears a formal number such as XA-2026-0147";
        findings.add(rule, field, message, "let the registry number it");
        return;
    };
    if ministry != judgement.address.sender.as_str() {
        findings.add(
            rule,
            field,
            "the number is of another ministry",
            "number it in the sender's own register",
        );
    }
    if year != i32::from(judgement.release_time().year()) {
        findings.add(rule, field, "the number is of another year than the release", "number it in this year");
    }
    let known = judgement.formal_numbers;
    let used = known.last.unwrap_or(0);
    if serial <= used {
        findings.add(rule, field, "the number was used before", "take the next number of the register");
    } else if known.complete && serial != used.saturating_add(1) {
        let hint = "take the next number, or register those between as void";
        findings.add(rule, field, "the number leaves a gap in the register", hint);
    }
}

/// `XA-2026-0147` as ministry, year and serial number, in its one spelling: at least four digits, padded.
fn split_number(number: &str) -> Option<(&str, i32, u32)> {
    let mut parts = number.split('-');
    let (ministry, year, serial) = (parts.next()?, parts.next()?, parts.next()?);
    let value: u32 = serial.parse().ok()?;
    let year_value: i32 = year.parse().ok()?;
    let spelled = format!("{ministry}-{year_value:04}-{value:04}") == number;
    (parts.next().is_none() && spelled && value > 0).then_some((ministry, year_value, value))
}

fn documents(judgement: &Judgement<'_>, findings: &mut Findings) {
    let Some(opened) = judgement.documents else { return };
    let listed = &judgement.dispatch.documents;
    for (index, document) in listed.iter().enumerate() {
        let field = format!("dispatch.documents[{index}]");
        let found = opened.iter().find(|opened| opened.document_id == document.document_id);
        let Some(found) = found else {
            findings.add(Rule::Frm04, field, "the document is listed and not there", "attach it");
            continue;
        };
        if found.digest != document.digest || found.size != document.size {
            let message = "the document is not the one that is listed";
            findings.add(Rule::Frm04, field, message, "compose the dispatch from the present files");
        }
    }
    if opened.iter().any(|opened| !listed.iter().any(|listed| listed.document_id == opened.document_id)) {
        let hint = "list every document, or leave it out";
        findings.add(Rule::Frm04, "dispatch.documents", "a document is there and not listed", hint);
    }
}

fn agreement(judgement: &Judgement<'_>, findings: &mut Findings) {
    let (dispatch, act) = (judgement.dispatch, judgement.act);
    let mut add = |field: &str, message: &str, hint: &str| findings.add(Rule::Frm05, field, message, hint);
    if dispatch.kind != act.kind() || dispatch.act_class != act.class() {
        add("dispatch.kind", "kind or class is not that of the act", "compose the dispatch anew");
    }
    if !act.act_kind().specification().forms.contains(&dispatch.form) {
        add("dispatch.form", "an act of this kind is not sent in this form", "choose another form");
    }
    let has_demarche = matches!(act, Act::Correspondence(act) if act.demarche.is_some());
    if has_demarche != (dispatch.form == Form::DemarcheRecord) {
        let message = "time and offices of a demarche stand in its record, and only there";
        add("act.demarche_time", message, "fill in or leave out demarche_time and both offices");
    }
    match act {
        Act::ConsultationProposal(proposal) => {
            if proposal.consultation.text() != judgement.address.consultation {
                let message = "another consultation than the address states";
                add("act.consultation", message, "propose one of them");
            }
            let sender = &judgement.address.sender;
            if proposal.parties.find(sender).is_none() {
                add("act.parties", "the proposing ministry is not among the parties", "add it");
            }
        }
        Act::TransferRequest(request) => {
            for id in &request.supporting_documents {
                if !dispatch.documents.iter().any(|document| document.document_id == id.as_str()) {
                    let message = "a supporting document is not among the documents";
                    add("act.supporting_documents", message, "attach it, or do not name it");
                }
            }
        }
        Act::ConsultationReply(_) if dispatch.in_reply_to.is_none() => {
            add("dispatch.in_reply_to", "a reply names the proposal it answers", "state in_reply_to");
        }
        _ => {}
    }
    answered(judgement, findings);
    named_documents(judgement, findings);
}

/// What an act answers is what its dispatch replies to; judged where that message is known.
fn answered(judgement: &Judgement<'_>, findings: &mut Findings) {
    let Some((field, answered)) = judgement.act.answered() else { return };
    let replied = judgement.dispatch.in_reply_to;
    let known = judgement.earlier.iter().find(|earlier| Some(earlier.message_id) == replied);
    if known.is_some_and(|earlier| earlier.dispatch_digest != answered.dispatch_digest()) {
        let message = "it answers another message than the one it replies to";
        findings.add(Rule::Frm05, format!("act.{field}"), message, "name one message");
    }
}

/// Documents that an act names are there, of the class that belongs in that place, with those that go with them.
fn named_documents(judgement: &Judgement<'_>, findings: &mut Findings) {
    let specification = judgement.act.act_kind().specification();
    let documents = &judgement.dispatch.documents;
    let outline = judgement.act.outline();
    for (name, class) in specification.documents {
        let field = outline.iter().find(|field| field.name == *name);
        let Some(id) = field.and_then(|field| field.value.as_text()) else { continue };
        let fits = documents.iter().any(|document| document.document_id == id && document.class == *class);
        if !fits {
            let message = format!("it names no {class} among the documents");
            let hint = "attach the document with this class, and name its id";
            findings.add(Rule::Frm05, format!("act.{name}"), message, hint);
        }
    }
    for class in specification.companions {
        if !documents.iter().any(|document| document.class == *class) {
            let message = format!("no {class} stands beside it");
            findings.add(Rule::Frm05, "dispatch.documents", message, "attach it");
        }
    }
}

#[cfg(test)]
#[path = "form_tests.rs"]
mod tests;
