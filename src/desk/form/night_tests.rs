//! Protective forms at a desk: what the desk knows stands in the heading, whatever was written there.

use super::draft::{Circle, ConsultationChoice, Draft, DraftAct, IdsOnly, Referenced, References};
use super::parse::parse;
use super::template::{Prefill, template};
use super::{FORM_FILE, FORM_PERSON_UNKNOWN};
use crate::consultation::act::{Act, ActKind};
use crate::consultation::reference::{ConsultationId, PersonRef};
use crate::message::terms::{ActClass, Level};
use crate::time::Timestamp;
use crate::trust::name::Ministry;
use crate::trust::policy::ChannelId;

const PERSON: &str = "P-7QK4-M2XD-9WTV";
const HOME: &str = "C-7QK4-M2XD-9WTV";
const CHANNEL: &str = "ch-0123456789abcdef";

fn ministry(code: &str) -> Ministry {
    Ministry::parse(code).unwrap()
}

/// XB, which knows one person, in a consultation with XA and XN, up to UNCLASSIFIED.
struct Desk;

impl Desk {
    fn circle() -> Circle {
        let powers = vec![ministry("XA"), ministry("XN")];
        Circle { powers, channel: ChannelId::parse(CHANNEL).ok(), ceiling: Level::Unclassified }
    }
}

impl References for Desk {
    fn message(&self, reference: &str) -> Option<Referenced> {
        IdsOnly.message(reference)
    }

    fn home_of(&self, person: &PersonRef) -> Option<ConsultationId> {
        (person.text() == PERSON).then(|| ConsultationId::parse(HOME).unwrap())
    }

    fn own(&self) -> Option<Ministry> {
        Some(ministry("XB"))
    }

    fn now(&self) -> Option<Timestamp> {
        Timestamp::parse("2026-06-01T00:00:00Z")
    }

    fn is_accredited(&self, ministry: &Ministry) -> bool {
        ["XA", "XN"].contains(&ministry.as_str())
    }

    fn circle_of(&self, consultation: &ConsultationId) -> Option<Circle> {
        (consultation.text() == HOME).then(Self::circle)
    }

    fn persons(&self) -> Vec<PersonRef> {
        vec![PersonRef::parse(PERSON).unwrap()]
    }

    fn fault_of_file(&self, _: &str) -> Option<String> {
        Some("there is no such file".to_owned())
    }
}

fn form(heading: &str) -> String {
    format!("kind = \"will-withdrawal\"\n{heading}\n[act]\nperson = \"{PERSON}\"\n")
}

fn sent(text: &str) -> Draft {
    parse(text, &Desk).unwrap_or_else(|mistakes| panic!("{mistakes:#?}\n{text}"))
}

fn to(draft: &Draft) -> Vec<&str> {
    draft.addressees.iter().map(|one| one.ministry.as_str()).collect()
}

#[test]
fn the_address_of_a_protective_act_is_that_of_the_person_whatever_is_written_there() {
    for (heading, told) in [
        ("", 0),
        ("consultation = \"new\"", 1),
        ("consultation = \"C-somewhere\"", 1),
        ("consultation = \"C-4T9M-2XQ7-HD8K\"", 1),
        ("to = [\"xa\"]", 0),
        ("to = \"XA\"", 0),
        ("to = \"xa, xn\"", 0),
        ("to = 7", 1),
        ("to = [\"XB\"]", 1),
        ("to = [\"XA\", \"XD\"]", 1),
        ("to = [\"the ministry\"]", 2),
        ("channel = \"ch-ffffffffffffffff\"", 1),
        ("channel = \"the usual\"", 1),
        ("channel = \"ch-0123456789abcdef\"", 0),
        ("level = \"SECRET\"", 1),
        ("level = \"SECRTE\"", 1),
        ("releasable_to = [\"XB\"]", 1),
        ("releasable_to = [\"XA\", \"XB\", \"XN\"]", 0),
        ("valid_until = \"2026-05-31T00:00:00Z\"", 1),
        ("[[text]]\nlanguage = \"en\"\nstanding = \"OFFICIAL\"\ntitle = \"Note\"\nfile = \"gone.txt\"", 1),
        ("[[document]]\npath = \"gone.pdf\"\ntitle = \"A\"\nclass = \"EVIDENCE\"\nlanguage = \"en\"", 1),
    ] {
        let draft = sent(&form(heading));
        assert!(
            draft.consultation == ConsultationChoice::Known(ConsultationId::parse(HOME).unwrap()),
            "{heading}"
        );
        assert_eq!(to(&draft), ["XA", "XN"], "{heading}");
        assert_eq!((draft.channel.is_some(), draft.level), (false, Level::Unclassified), "{heading}");
        assert!(draft.releasable_to.as_ref().is_none_or(|all| all.len() == 3), "{heading}");
        assert!(draft.valid_until.is_none() && draft.texts.is_empty() && draft.documents.is_empty());
        assert_eq!(draft.left_out.len(), told, "{heading}: {:#?}", draft.left_out);
    }
}

#[test]
fn somebody_of_whom_nobody_has_heard_is_told_of_with_the_nearest_reference() {
    let stranger = form("to = [\"XA\"]").replace(PERSON, "P-9RB2-T7GE-1KYT");
    let draft = sent(&stranger);
    assert!(draft.consultation == ConsultationChoice::New, "it goes where the form says");
    assert_eq!((to(&draft), draft.left_out[0].code), (vec!["XA"], FORM_PERSON_UNKNOWN));
    let nowhere = parse(&stranger.replace("to = [\"XA\"]", ""), &Desk).unwrap_err();
    assert_eq!(nowhere.iter().map(|one| one.field.as_str()).collect::<Vec<_>>(), ["to"]);
    let typo = parse(&form("").replace("P-7QK4-M2XD-9WTV", "p 7qk4 m2dx 9wtv"), &Desk).unwrap_err();
    let person = typo.iter().find(|one| one.field == "act.person").unwrap();
    assert_eq!(person.hint, format!("did you mean {PERSON}?"), "it is never guessed who is meant");
}

#[test]
fn the_form_of_a_protective_act_leaves_to_the_desk_what_the_desk_knows() {
    for kind in ActKind::ALL.iter().filter(|kind| kind.class() == ActClass::Protective) {
        let text = template(*kind, &Prefill::default()).text;
        assert!(text.contains("\n#consultation = ") && text.contains("\n#to = "), "{text}");
        assert!(!text.contains("\nconsultation = ") && !text.contains("\nlevel = "), "{text}");
        let known = Prefill { to: vec![ministry("XA")], ..Prefill::default() };
        assert!(template(*kind, &known).text.contains("\nto = [\"XA\"]\n"));
    }
    let text = template(ActKind::WillWithdrawal, &Prefill::default()).text;
    let filled = text.replace("person = \"\"", &format!("person = \"{PERSON}\""));
    let draft = sent(&filled);
    assert!(draft.consultation == ConsultationChoice::Known(ConsultationId::parse(HOME).unwrap()));
    assert!(draft.left_out.is_empty(), "{:#?}", draft.left_out);
}

#[test]
fn every_other_form_is_told_at_once_of_itself_its_file_and_its_time() {
    let text = super::template::example(ActKind::PositionStatement)
        .replace("to = [\"XB\"]", "to = [\"XB\"]\nvalid_until = \"2026-05-31T00:00:00Z\"")
        .replace("words = ", "file = \"gone.txt\"\n#words = ");
    let found = parse(&text, &Desk).unwrap_err();
    let told: Vec<(&str, &str)> = found.iter().map(|one| (one.field.as_str(), one.code)).collect();
    assert_eq!(
        told,
        [("to", "ACT_REFERENCE_INVALID"), ("valid_until", "ACT_TIME_INVALID"), ("text[0].file", FORM_FILE)]
    );
    let asked = |text: &str| super::parse::parse_all(text, &Desk).draft.map(|draft| draft.act);
    assert!(asked(&text).is_none(), "nobody knows to whom it goes");
    let addressed = text.replace("to = [\"XB\"]", "to = [\"XA\"]");
    assert!(
        matches!(asked(&addressed), Some(DraftAct::Complete(Act::PositionStatement(_)))),
        "the rules can be asked all the same"
    );
}
