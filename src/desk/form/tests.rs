//! Forms, claim by claim.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::draft::{ConsultationChoice, DraftAct, IdsOnly, TextSource};
use super::parse::parse;
use super::render;
use super::template::{Prefill, example, template};
use super::*;
use crate::consultation::act::{Act, ActKind};
use crate::consultation::codec;
use crate::consultation::outline::{Field, Value};
use crate::consultation::reference::ConsultationId;
use crate::consultation::samples;
use crate::message::terms::{ActClass, AddresseeKind, Form, Level, Precedence};

#[test]
fn every_act_comes_back_from_its_form_its_bytes_and_its_outline() {
    for kind in ActKind::ALL {
        let mut runner = TestRunner::new(Config { cases: 16, ..Config::default() });
        let outcome = runner.run(&samples::act_of(*kind), |act| {
            prop_assert!(act.act_kind() == *kind);
            comes_back_from_its_form(&act)?;
            prop_assert!(codec::decode(kind.word(), &codec::encode(&act)).unwrap() == act);
            prop_assert!(Act::from_outline(*kind, &act.outline()).unwrap() == act);
            let (text, json) = (render::text(&act), render::json(&act).to_string());
            mentions(&act.outline(), &text, &json)
        });
        outcome.unwrap_or_else(|failure| panic!("{kind}: {failure}"));
    }
}

fn comes_back_from_its_form(act: &Act) -> Result<(), TestCaseError> {
    let usual = act.act_kind().specification();
    let (precedence, form) = (usual.precedences[0], usual.forms[0]);
    let head = format!(
        "to = [\"XB\"]\nconsultation = \"new\"\nprecedence = \"{precedence}\"\nlevel = \"RESTRICTED\"\nform = \"{form}\""
    );
    let text = format!("kind = \"{}\"\n{head}\n\n{}", act.kind(), render::form(act));
    let draft = parse(&text, &IdsOnly).unwrap_or_else(|errors| panic!("{errors:#?}\n{text}"));
    let consultation = match act {
        Act::ConsultationProposal(proposal) => proposal.consultation,
        _ => ConsultationId::parse("C-7QK4-M2XD-9WTV").unwrap(),
    };
    prop_assert!(draft.left_out.is_empty());
    prop_assert!(draft.act.complete(consultation) == *act);
    Ok(())
}

proptest! {
    #[test]
    fn no_form_makes_the_reader_fall_over(text in "[a-z =\\[\\]{}\"\n#0-9.]{0,200}") {
        if let Err(errors) = parse(&text, &IdsOnly) {
            prop_assert!(!errors.is_empty());
        }
    }
}

fn mentions(fields: &[Field], text: &str, json: &str) -> Result<(), TestCaseError> {
    for field in fields {
        let (line, key) = (format!("{}:", field.name), format!("\"{}\":", field.name));
        prop_assert!(text.contains(&line) && json.contains(&key));
        value_mentioned(&field.value, text, json)?;
    }
    Ok(())
}

fn value_mentioned(value: &Value, text: &str, json: &str) -> Result<(), TestCaseError> {
    match value {
        Value::Group(fields) => mentions(fields, text, json),
        Value::List(values) => values.iter().try_for_each(|value| value_mentioned(value, text, json)),
        Value::Text(written) => {
            for line in written.split('\n') {
                prop_assert!(text.contains(line));
            }
            prop_assert!(json.contains(&serde_json::Value::from(written.as_str()).to_string()));
            Ok(())
        }
        Value::Reference(shown) => both(shown, text, json),
        Value::Word(shown) => both(shown, text, json),
        Value::Time(time) => both(&time.to_string(), text, json),
        Value::Person(person) => both(&person.text(), text, json),
        Value::Number(number) => both(&number.to_string(), text, json),
        Value::Flag(_) => Ok(()),
    }
}

fn both(shown: &str, text: &str, json: &str) -> Result<(), TestCaseError> {
    prop_assert!(text.contains(shown));
    prop_assert!(json.contains(&serde_json::Value::from(shown).to_string()) || json.contains(shown));
    Ok(())
}

fn errors(text: &str) -> Vec<FormError> {
    parse(text, &IdsOnly).unwrap_err()
}

#[test]
fn the_example_of_every_act_is_a_good_form() {
    for kind in ActKind::ALL {
        let text = example(*kind);
        let draft = parse(&text, &IdsOnly).unwrap_or_else(|errors| panic!("{kind}: {errors:#?}\n{text}"));
        assert_eq!(draft.act.kind(), *kind);
        assert_eq!(draft.precedence, kind.specification().precedences[0]);
        assert!(draft.left_out.is_empty(), "{kind}: {:?}", draft.left_out);
    }
}

#[test]
fn an_empty_form_lacks_exactly_what_it_says() {
    for kind in ActKind::ALL {
        let blank = template(*kind, &Prefill::default());
        let mut errors = errors(&blank.text);
        // What a desk fills in is nothing that the officer has to fill in; there is no desk here.
        let supplied =
            [supplied(&super::guide::act(*kind)), supplied(&super::guide::heading(*kind))].concat();
        errors.retain(|error| !supplied.contains(&error.field.rsplit('.').next().unwrap()));
        let missing = errors.iter().filter(|error| error.code == "ACT_FIELD_MISSING").count();
        // An empty destination lacks its kind; an empty text lacks its words as well as its language and title.
        assert_eq!(missing, errors.len(), "{kind}: {errors:#?}");
        assert_eq!(missing, blank.to_fill, "{kind}: {errors:#?}");
        for error in &errors {
            let line = blank.text.lines().nth(error.line - 1).unwrap();
            let name = error.field.rsplit('.').next().unwrap();
            assert!(
                line.starts_with(name) || line.starts_with('[') || line.starts_with("destination"),
                "{error}"
            );
        }
    }
}

/// Names of fields that may be left out because a desk knows them.
fn supplied(entries: &[super::guide::Entry]) -> Vec<&'static str> {
    let own = entries.iter().filter(|entry| entry.supplied).map(|entry| entry.name);
    own.chain(entries.iter().flat_map(|entry| supplied(&entry.inner))).collect()
}

#[test]
fn every_field_that_is_read_is_explained() {
    for kind in ActKind::ALL {
        let text = template(*kind, &Prefill::default()).text;
        // A field no form has makes the reader list all that it knows.
        for (heading, place) in [("", "zzzzzzzzzzzzzz = 1\n"), ("[act]\n", "[act]\nzzzzzzzzzzzzzz = 1\n")] {
            // The heading of a protective act goes without what it does not have.
            if heading.is_empty() && kind.class() == ActClass::Protective {
                continue;
            }
            let probe = match heading {
                "" => format!("{place}{text}"),
                _ => text.replace(heading, place),
            };
            let unknown = errors(&probe).into_iter().find(|error| error.code == FORM_FIELD_UNKNOWN).unwrap();
            let known = unknown.hint.strip_prefix("fields here: ").unwrap().to_owned();
            for name in known.split(", ") {
                let explained = [format!("{name} ="), format!("[{name}]"), format!(".{name}]")];
                assert!(explained.iter().any(|form| text.contains(form)), "{kind}: {name}");
            }
        }
    }
}

const GOOD: &str = r#"kind = "position-statement"
to = ["XB"]
info = ["XN"]
consultation = "C-7QK4-M2XD-9WTV"
precedence = "PRIORITY"
level = "RESTRICTED"
caveats = ["MEDICAL", "ORIGINATOR_CONTROL"]
releasable_to = ["XN", "XB", "XA"]
form = "NOTE_VERBALE"
formal_number = "auto"
reply_due = 2026-12-06T12:00:00Z

[act]
category = "prisoners who request admission"
kind = "WILLING_TO_ADMIT"
commitments = ["admission of all"]

[[act.legal_basis]]
instrument = "GC-III-1949"
provision = "Art. 118"

[[text]]
language = "ko"
standing = "OFFICIAL"
title = "구상서"
words = """
외교부는
"""

[[text]]
language = "en"
standing = "COURTESY_TRANSLATION"
title = "Note verbale"
file = "note.en.txt"

[[document]]
path = "annex.PDF"
title = "Annex"
class = "LEGAL_BASIS"
language = "en"
"#;

#[test]
fn a_filled_form_becomes_a_draft() {
    let draft = parse(GOOD, &IdsOnly).unwrap();
    let kinds: Vec<_> = draft.addressees.iter().map(|each| (each.ministry.as_str(), each.kind)).collect();
    assert_eq!(kinds, [("XB", AddresseeKind::Action), ("XN", AddresseeKind::Info)]);
    assert!(matches!(draft.consultation, ConsultationChoice::Known(id) if id.text() == "C-7QK4-M2XD-9WTV"));
    assert_eq!((draft.form, draft.level), (Form::NoteVerbale, Level::Restricted));
    assert!(draft.caveats.is_sorted() && draft.formal_number.is_none());
    assert_eq!(draft.releasable_to.as_ref().unwrap().len(), 3);
    assert_eq!(draft.reply_due.unwrap().to_string(), "2026-12-06T12:00:00Z");
    assert!(draft.texts[0].source == TextSource::Inline("외교부는\n".to_owned()));
    assert_eq!(draft.texts[1].translation_of.as_ref().unwrap().as_str(), "ko");
    assert_eq!(draft.documents[0].media_type, "application/pdf");
    assert_eq!(draft.documents[0].document_id.as_str(), "document-1");
    assert!(matches!(draft.act, DraftAct::Complete(Act::PositionStatement(_))));
    assert_eq!(format!("{draft:?}"), "Draft");
}

#[test]
fn all_mistakes_come_at_once_with_their_lines_and_what_was_meant() {
    let text = GOOD
        .replace("to = [\"XB\"]", "to = [\"XB\", \"xb\"]")
        .replace("\"PRIORITY\"", "\"PRIORTY\"")
        .replace("releasable_to", "releaseable_to")
        .replace("level = \"RESTRICTED\"", "level = 2")
        .replace("category = \"prisoners who request admission\"", "category = \"CANARY\\u0007\"")
        .replace("\"WILLING_TO_ADMIT\"", "\"WILLING\"")
        .replace("provision = \"Art. 118\"", "provision = \"\"")
        .replace("language = \"ko\"", "language = \"korean language\"")
        .replace("file = \"note.en.txt\"", "file = \"note.en.txt\"\nwords = \"CANARY\"")
        .replace("class = \"LEGAL_BASIS\"", "klass = \"LEGAL_BASIS\"");
    let found = errors(&text);
    let shown: Vec<(usize, &str, &str)> =
        found.iter().map(|error| (error.line, error.field.as_str(), error.code)).collect();
    assert_eq!(
        shown,
        [
            (2, "to[1]", "ACT_REFERENCE_INVALID"),
            (5, "precedence", "ACT_VALUE_UNKNOWN"),
            (6, "level", "FORM_TYPE"),
            (8, "releaseable_to", "FORM_FIELD_UNKNOWN"),
            (14, "act.category", "ACT_TEXT_INVALID"),
            (15, "act.kind", "ACT_VALUE_UNKNOWN"),
            (20, "act.legal_basis[0].provision", "ACT_FIELD_MISSING"),
            (23, "text[0].language", "ACT_REFERENCE_INVALID"),
            (34, "text[1].file", "ACT_FIELD_CONFLICT"),
            (37, "document[0].class", "ACT_FIELD_MISSING"),
            (40, "document[0].klass", "FORM_FIELD_UNKNOWN"),
        ]
    );
    let hint = |field: &str| found.iter().find(|error| error.field == field).unwrap().hint.as_str();
    assert_eq!(hint("precedence"), "did you mean PRIORITY?");
    assert_eq!(hint("releaseable_to"), "did you mean releasable_to?");
    assert_eq!(hint("document[0].klass"), "did you mean class?");
    assert!(hint("act.kind").starts_with("one of: WILLING_TO_ADMIT"));
    assert_eq!(found[0].column, 13, "the column of the entry, in characters");
    assert!(!format!("{found:?}").contains("CANARY"));
}

#[test]
fn a_text_that_is_no_form_is_refused_where_it_breaks() {
    let found = errors("kind = \"correspondence\"\nto = [\"XB\"\nlevel = \"RESTRICTED\"\n");
    assert_eq!((found.len(), found[0].code), (1, FORM_SYNTAX));
    assert!((2..=3).contains(&found[0].line), "{found:?}");
    let found = errors("kind = \"surrender\"\n[act]\nx = 1\n");
    let kind = found.iter().find(|error| error.field == "kind").unwrap();
    assert_eq!((kind.line, kind.column, kind.code), (1, 8, "ACT_VALUE_UNKNOWN"));
}

#[test]
fn references_that_nobody_knows_are_mistakes() {
    let reply = GOOD.replace("form = ", "in_reply_to = \"XB-2026-0001\"\nform = ");
    let found = errors(&reply);
    assert_eq!((found[0].field.as_str(), found[0].code), ("in_reply_to", FORM_REFERENCE_UNKNOWN));
}

#[test]
fn a_form_for_a_reply_knows_what_it_answers() {
    let id = "9f".repeat(32);
    let prefill = Prefill {
        in_reply_to: Some(id.clone()),
        languages: vec!["uk".to_owned(), "en".to_owned()],
        ..Prefill::default()
    };
    let text = template(ActKind::TransferResponse, &prefill).text;
    assert_eq!(text.matches(&format!("request = \"{id}\"")).count(), 1);
    assert_eq!(text.matches("[[text]]").count(), 2);
    assert_eq!(text.matches("standing = \"COURTESY_TRANSLATION\"").count(), 1);
}

#[test]
fn no_text_passes_for_another_field() {
    let reply = crate::consultation::acts::opening::ConsultationReply {
        reply: crate::consultation::words::Reply::Decline,
        reason: Some(crate::consultation::text::Text::new("no\nreply: ACCEPT").unwrap()),
    };
    let shown = render::text(&Act::ConsultationReply(reply));
    assert_eq!(shown.lines().filter(|line| line.starts_with("reply:")).count(), 1);
    assert!(shown.contains("  | reply: ACCEPT"));
}

const WITHDRAWAL: &str = "kind = \"will-withdrawal\"\nto = [\"XB\"]\nconsultation = \"C-7QK4-M2XD-9WTV\"\n\n[act]\nperson = \"P-7QK4-M2XD-9WTV\"\n";

fn withdrawn(text: &str) -> (String, Vec<FormError>) {
    let draft = parse(text, &IdsOnly).unwrap_or_else(|errors| panic!("{errors:#?}\n{text}"));
    assert_eq!((draft.precedence, draft.form), (Precedence::Flash, Form::ServiceMessage));
    let DraftAct::Complete(Act::WillWithdrawal(act)) = draft.act else { panic!("another act") };
    (act.person.text(), draft.left_out)
}

#[test]
fn a_withdrawal_asks_for_nothing_but_the_person() {
    let (person, left_out) = withdrawn(WITHDRAWAL);
    assert_eq!((person.as_str(), left_out), ("P-7QK4-M2XD-9WTV", Vec::new()));
    let found = errors(&WITHDRAWAL.replace("P-7QK4-M2XD-9WTV\"\n", "\"\n"));
    assert_eq!((found.len(), found[0].field.as_str()), (1, "act.person"));
    let found = errors(&WITHDRAWAL.replace(
        "9WTV\"\n\n[act]\nperson = \"P-7QK4-M2XD-9WTV",
        "9WTV\"\n\n[act]\nperson = \"P-7QK4-M2XD-9WTW",
    ));
    assert_eq!(found[0].code, "ACT_REFERENCE_INVALID", "it is never guessed who is meant");
}

#[test]
fn no_mistake_made_at_night_holds_up_a_withdrawal() {
    let mistakes = [
        ("[act]", "precedence = \"FLSH\"\nlevel = 7\nform = \"NOTE\"\ncaveats = \"x\"\n[act]", 4),
        ("[act]\n", "[act]\ndeclaration_time = \"yesterday\"\nreason = \"tired\"\n", 2),
        ("[act]\n", "[act]\nwithdrawn_for = [{ kind = \"NAMED\" }]\n", 1),
        ("[act]", "hurry = true\n[act]", 1),
        ("\"P-7QK4-M2XD-9WTV\"\n", "p 7qk4 m2xd 9wtv\n", 1),
        ("\"P-7QK4-M2XD-9WTV\"\n", "\"P-7QK4-M2XD-9WTV\n", 1),
        ("\"P-7QK4-M2XD-9WTV\"\n", "[\"P-7QK4-M2XD-9WTV\"]\n", 0),
        ("\"P-7QK4-M2XD-9WTV\"\n", "\"P-7QK4-M2XD-9WTV\"\nhe said so at 3\n", 1),
        ("\"P-7QK4-M2XD-9WTV\"\n", "\"P-7QK4-M2XD-9WTV\"\n[[text]]\nlanguage = \"no language\"\n", 4),
    ];
    for (from, to, count) in mistakes {
        // The reference of the person is the last thing in the form that this may replace.
        let place = WITHDRAWAL.rfind(from).unwrap();
        let mut text = WITHDRAWAL.to_owned();
        text.replace_range(place..place + from.len(), to);
        let (person, left_out) = withdrawn(&text);
        assert_eq!(person, "P-7QK4-M2XD-9WTV", "{text}");
        assert_eq!(left_out.len(), count, "{text}\n{left_out:#?}");
    }
}

proptest! {
    /// Whatever is scribbled between the lines, and however the reference is typed: it goes, about this person.
    #[test]
    fn no_scribbling_holds_up_a_withdrawal(
        scribbles in proptest::collection::vec(("[a-z가-힣][a-z가-힣0-9 ,.!?:=+-]{0,40}", 0_usize..6), 0..6),
        hasty in 0_u8..4,
    ) {
        let typed = match hasty {
            0 => "\"P-7QK4-M2XD-9WTV\"",
            1 => "P-7QK4-M2XD-9WTV",
            2 => "p 7qk4 m2xd 9wtv",
            _ => "\"p7qk4m2xd9wtv",
        };
        let form = WITHDRAWAL.replace("person = \"P-7QK4-M2XD-9WTV\"", &format!("person = {typed}"));
        let mut lines: Vec<String> = form.lines().map(str::to_owned).collect();
        for (words, place) in &scribbles {
            lines.insert((*place).min(lines.len()), words.clone());
        }
        // What bears the name of a field that counts is no scribbling.
        let counts = ["kind", "to", "consultation", "person", "info"];
        let is_field = |words: &String| counts.contains(&words.split('=').next().unwrap_or_default().trim());
        prop_assume!(!scribbles.iter().any(|(words, _)| is_field(words)));
        let (person, _) = withdrawn(&lines.join("\n"));
        prop_assert_eq!(person, "P-7QK4-M2XD-9WTV");
    }
}

#[test]
fn nothing_is_left_out_of_an_act_that_binds() {
    let text = GOOD.replace("formal_number = \"auto\"", "hurry = true");
    assert_eq!(errors(&text)[0].code, FORM_FIELD_UNKNOWN);
    assert_eq!(errors(&GOOD.replace("\"PRIORITY\"", "PRIORITY")).len(), 1);
}

#[test]
fn references_to_acts_are_digests_of_their_dispatches() {
    struct Known;
    impl super::draft::References for Known {
        fn message(&self, reference: &str) -> Option<super::draft::Referenced> {
            let digest = crate::digest::Digest::of(b"dispatch");
            let message_id = crate::message::id::MessageId::from(crate::digest::Digest::of(b"header"));
            match reference {
                "opened" | "closed" => Some(super::draft::Referenced {
                    message_id,
                    dispatch_digest: (reference == "opened").then_some(digest),
                    known: true,
                    consultation: None,
                }),
                _ => None,
            }
        }
    }
    let form = |reference: &str| {
        GOOD.replace("commitments = ", &format!("supersedes = \"{reference}\"\ncommitments = "))
    };
    let draft = parse(&form("opened"), &Known).unwrap();
    let DraftAct::Complete(Act::PositionStatement(act)) = draft.act else { panic!("another act") };
    assert_eq!(act.supersedes.unwrap().dispatch_digest(), crate::digest::Digest::of(b"dispatch"));
    for reference in ["closed", "unheard-of"] {
        let found = parse(&form(reference), &Known).unwrap_err();
        assert_eq!((found[0].field.as_str(), found[0].code), ("act.supersedes", FORM_REFERENCE_UNKNOWN));
        assert_eq!(found.len(), 1);
    }
}

#[test]
fn what_a_later_release_will_have_is_refused_by_its_name() {
    let found = errors(&GOOD.replace("position-statement", "information-request"));
    let kind = found.iter().find(|error| error.field == "kind").unwrap();
    assert!(kind.message.contains("information-request (Request for information) is not in this release"));
}
