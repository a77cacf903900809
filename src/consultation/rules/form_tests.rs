//! The FRM rules, one passing and one failing case each.

use super::*;
use crate::consultation::acts::correspondence::{Correspondence, Demarche};
use crate::consultation::acts::registry::RegistryReceipt;
use crate::consultation::acts::values::Stated;
use crate::consultation::rules::judgement::FormalNumbers;
use crate::consultation::rules::samples::{Sample, earlier};
use crate::consultation::text::ShortText;
use crate::digest::Digest;
use crate::message::terms::{ActClass, DocumentClass, Level};

#[test]
fn frm_01_every_form_needs_its_signatures() {
    use AuthenticationKind::{Initials, Registry, Seal, Signature};
    let table: [(Form, &[AuthenticationKind]); 7] = [
        (Form::NoteVerbale, &[Initials, Seal]),
        (Form::FirstPersonNote, &[Signature, Seal]),
        (Form::AideMemoire, &[Seal]),
        (Form::Memorandum, &[Seal]),
        (Form::NonPaper, &[Seal]),
        (Form::DemarcheRecord, &[Seal]),
        (Form::ServiceMessage, &[Registry]),
    ];
    for (form, kinds) in table {
        let bear = |kinds: Vec<AuthenticationKind>| {
            move |s: &mut Sample| {
                s.dispatch.form = form;
                s.bears(&kinds);
            }
        };
        Sample::position().with(bear(kinds.to_vec())).passes(Rule::Frm01);
        for missing in kinds {
            let others: Vec<_> =
                AuthenticationKind::ALL.iter().copied().filter(|kind| kind != missing).collect();
            Sample::position().with(bear(others)).finds(Rule::Frm01, "dispatch.authentications");
        }
    }
}

#[test]
fn frm_01_a_listed_signature_must_have_verified_from_that_office() {
    let none = |s: &mut Sample| s.verified = Some(Vec::new());
    Sample::position().with(none).finds(Rule::Frm01, "dispatch.authentications[0]");
    let all = |s: &mut Sample| s.verified = Some(s.dispatch.authentications.clone());
    Sample::position().with(all).passes(Rule::Frm01);
    let other = |s: &mut Sample| {
        let mut verified = s.dispatch.authentications.clone();
        verified[1].credential = verified[0].credential.clone();
        s.verified = Some(verified);
    };
    Sample::position().with(other).finds(Rule::Frm01, "dispatch.authentications[1]");
}

#[test]
fn frm_02_missing_formulas_are_a_warning_in_each_language() {
    let texts = [
        (
            "en",
            "The Ministry presents its compliments to the\nMinistry ... the assurances of its highest consideration.",
        ),
        ("uk", "Міністерство засвідчує свою повагу ... поновити запевнення у своїй високій повазі."),
        ("ko-KR", "외교부는 귀 부에 경의를 표하며 ... 최고의 경의를 새로이 표하는 바입니다."),
    ];
    for (language, text) in texts {
        let write = |s: &mut Sample| {
            s.dispatch.documents[0].language = language.to_owned();
            s.write(0, text);
        };
        Sample::position().with(write).passes(Rule::Frm02);
        let bare = |s: &mut Sample| s.write(0, "We write to say.");
        let sample = Sample::position().with(write).with(bare);
        sample.finds(Rule::Frm02, "dispatch.documents[0]");
        let found: Vec<_> =
            sample.judge().into_iter().filter(|finding| finding.rule == Rule::Frm02).collect();
        assert!(!crate::consultation::rules::forbids(&found), "a warning forbids nothing");
        let memoire = |s: &mut Sample| s.dispatch.form = Form::AideMemoire;
        Sample::position().with(write).with(memoire).finds(Rule::Frm02, "dispatch.documents[0]");
        Sample::position().with(bare).with(memoire).passes(Rule::Frm02);
    }
    let unknown = |s: &mut Sample| {
        s.dispatch.documents[0].language = "fr".to_owned();
        s.write(0, "Bonjour");
    };
    Sample::position().with(unknown).passes(Rule::Frm02);
}

#[test]
fn frm_03_formal_numbers_are_the_next_of_their_ministry_and_year() {
    let field = "dispatch.formal_number";
    let number = |text: &'static str| move |s: &mut Sample| s.dispatch.formal_number = text.to_owned();
    Sample::position().passes(Rule::Frm03);
    let wrong =
        ["", "XA-2026-147", "XA-2026-0146", "XA-2026-0148", "XA-2025-0147", "XB-2026-0147", "XA-2026-0147-1"];
    for text in wrong {
        Sample::position().with(number(text)).finds(Rule::Frm03, field);
    }
    let peer = |s: &mut Sample| s.formal_numbers = FormalNumbers { last: Some(146), complete: false };
    Sample::position().with(peer).with(number("XA-2026-0150")).passes(Rule::Frm03);
    Sample::position().with(peer).with(number("XA-2026-0146")).finds(Rule::Frm03, field);
    let memorandum = |s: &mut Sample| s.dispatch.form = Form::Memorandum;
    Sample::position().with(memorandum).finds(Rule::Frm03, field);
    Sample::position().with(memorandum).with(number("")).passes(Rule::Frm03);
}

#[test]
fn frm_04_documents_are_those_that_are_listed() {
    Sample::position().passes(Rule::Frm04);
    let other = |s: &mut Sample| s.contents[0].1 = Digest::of(b"other");
    Sample::position().with(other).finds(Rule::Frm04, "dispatch.documents[0]");
    let longer = |s: &mut Sample| s.dispatch.documents[1].size += 1;
    Sample::position().with(longer).finds(Rule::Frm04, "dispatch.documents[1]");
    let gone = |s: &mut Sample| drop(s.contents.pop());
    Sample::position().with(gone).finds(Rule::Frm04, "dispatch.documents[1]");
    let more = |s: &mut Sample| drop(s.dispatch.documents.pop());
    Sample::position().with(more).finds(Rule::Frm04, "dispatch.documents");
}

#[test]
fn frm_05_kind_class_and_form_are_those_of_the_act() {
    Sample::position().passes(Rule::Frm05);
    let protective = |s: &mut Sample| s.dispatch.act_class = ActClass::Protective;
    Sample::position().with(protective).finds(Rule::Frm05, "dispatch.kind");
    let service = |s: &mut Sample| s.dispatch.form = Form::ServiceMessage;
    Sample::position().with(service).finds(Rule::Frm05, "dispatch.form");
    let receipt = |s: &mut Sample| {
        s.say(Act::RegistryReceipt(RegistryReceipt {
            message_id: earlier("XB", Level::Restricted).message_id,
            dispatch_digest: Digest::of(b""),
            registry_number: ShortText::new("XA-2026-0412").unwrap(),
            register_time: s.at,
            opened: Stated(true),
        }));
    };
    Sample::position().with(receipt).finds(Rule::Frm05, "dispatch.form");
    Sample::position().with(receipt).with(service).passes(Rule::Frm05);
}

#[test]
fn frm_05_a_demarche_stands_in_its_record_alone() {
    let letter = |recorded: bool| {
        move |s: &mut Sample| {
            let office = || ShortText::new("Treaties Division").unwrap();
            let demarche =
                Demarche { time: s.at, delivered_by_office: office(), received_by_office: office() };
            s.say(Act::Correspondence(Correspondence {
                subject: ShortText::new("Prisoners of war").unwrap(),
                opening_formula: None,
                closing_formula: None,
                demarche: recorded.then_some(demarche),
            }));
        }
    };
    let record = |s: &mut Sample| s.dispatch.form = Form::DemarcheRecord;
    Sample::position().with(letter(false)).passes(Rule::Frm05);
    Sample::position().with(letter(true)).finds(Rule::Frm05, "act.demarche_time");
    Sample::position().with(letter(true)).with(record).passes(Rule::Frm05);
    Sample::position().with(letter(false)).with(record).finds(Rule::Frm05, "act.demarche_time");
}

#[test]
fn frm_05_a_request_names_documents_that_are_there() {
    Sample::request().passes(Rule::Frm05);
    let gone = |s: &mut Sample| drop(s.dispatch.documents.pop());
    Sample::request().with(gone).finds(Rule::Frm05, "act.supporting_documents");
}

#[test]
fn frm_05_a_reply_names_what_it_answers() {
    let reply = |s: &mut Sample| {
        let reply = crate::consultation::words::Reply::Accept;
        s.say(Act::ConsultationReply(crate::consultation::acts::opening::ConsultationReply {
            reply,
            reason: None,
        }));
    };
    Sample::position().with(reply).finds(Rule::Frm05, "dispatch.in_reply_to");
    let answer = |s: &mut Sample| s.dispatch.in_reply_to = Some(earlier("XB", Level::Restricted).message_id);
    Sample::position().with(reply).with(answer).passes(Rule::Frm05);
}

#[test]
fn frm_05_an_act_names_documents_of_the_class_that_belongs_there() {
    use crate::consultation::acts::custody::{JudicialStatus, JudicialStatusFields};
    use crate::consultation::acts::values::EntryId;
    use crate::consultation::reference::PersonRef;
    use crate::consultation::words::JudicialState;
    let status = |s: &mut Sample| {
        let fields = JudicialStatusFields {
            person: PersonRef::parse("P-7QK4-M2XD-9WTV").unwrap(),
            state: JudicialState::ReleasedForTransfer,
            document: Some(EntryId::parse("application").unwrap()),
            written_consent_to_exchange: true,
        };
        s.say(Act::JudicialStatus(JudicialStatus::new(fields).unwrap()));
    };
    Sample::request().with(status).finds(Rule::Frm05, "act.document");
    let decision = |s: &mut Sample| s.dispatch.documents[1].class = DocumentClass::CourtDecision;
    Sample::request().with(status).with(decision).passes(Rule::Frm05);
}

#[test]
fn frm_05_an_answer_answers_what_it_replies_to() {
    use crate::consultation::acts::transfer::{TransferResponse, TransferResponseFields};
    use crate::consultation::acts::values::ActRef;
    use crate::consultation::list::List;
    let answers = |digest: Digest| {
        move |s: &mut Sample| {
            let earlier = earlier("XB", Level::Restricted);
            s.dispatch.in_reply_to = Some(earlier.message_id);
            s.earlier = vec![earlier];
            let fields = TransferResponseFields {
                request: ActRef::new(digest),
                reply: crate::consultation::words::Reply::Accept,
                conditions: List::default(),
                reasons: List::default(),
            };
            s.say(Act::TransferResponse(TransferResponse::new(fields).unwrap()));
        }
    };
    Sample::position().with(answers(Digest::of(b"its dispatch"))).passes(Rule::Frm05);
    Sample::position().with(answers(Digest::of(b"another"))).finds(Rule::Frm05, "act.request");
}
