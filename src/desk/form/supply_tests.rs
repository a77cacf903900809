//! What a form leaves out is filled in and told; what is written stays; what nobody knows is missing.

use crate::consultation::act::{Act, ActKind};
use crate::consultation::acts::law::Destination;
use crate::consultation::acts::values::EntryId;
use crate::consultation::reference::{ConsultationId, PersonRef};
use crate::consultation::registered::Marks;
use crate::desk::form::FormError;
use crate::desk::form::draft::{
    ConsultationChoice, Counting, Draft, DraftAct, IdsOnly, Referenced, References,
};
use crate::desk::form::parse::parse;
use crate::desk::form::template::example;
use crate::digest::Digest;
use crate::message::id::MessageId;
use crate::trust::name::Ministry;

const CONSULTATION: &str = "C-7QK4-M2XD-9WTV";
const HEAD: &str =
    "to = [\"XB\"]\nprecedence = \"PRIORITY\"\nlevel = \"RESTRICTED\"\nform = \"NOTE_VERBALE\"\n";
const TEXT: &str =
    "\n[[text]]\nlanguage = \"en\"\nstanding = \"OFFICIAL\"\ntitle = \"Note\"\nwords = \"It is so.\"\n";

/// A desk that knows one consultation, one message in it, and everything about everybody.
struct Desk {
    says: Option<Act>,
}

fn consultation() -> ConsultationId {
    ConsultationId::parse(CONSULTATION).unwrap()
}

impl References for Desk {
    fn message(&self, reference: &str) -> Option<Referenced> {
        (reference == "XB-XA-2026-0001").then(|| Referenced {
            message_id: MessageId::from(Digest::of(b"header")),
            dispatch_digest: Some(Digest::of(b"dispatch")),
            known: true,
            consultation: Some(consultation()),
        })
    }

    fn home_of(&self, _: &PersonRef) -> Option<ConsultationId> {
        Some(consultation())
    }

    fn act_of(&self, _: &Referenced) -> Option<Act> {
        self.says.clone()
    }

    fn synced_to(&self, id: &ConsultationId) -> Option<Marks> {
        let ministry = |code| Ministry::parse(code).unwrap();
        (*id == consultation()).then(|| Marks::new([(ministry("XA"), 4), (ministry("XB"), 7)]))
    }

    fn protective_acts(&self, _: &ConsultationId, arrangement: &EntryId) -> Vec<Counting> {
        let withdrawal =
            Counting { dispatch_digest: Digest::of(b"withdrawal"), number: "IC-XB-2026-0003".to_owned() };
        if arrangement.as_str() == "H-2" { vec![withdrawal] } else { Vec::new() }
    }

    fn will_of(&self, _: &ConsultationId, _: &PersonRef, there: &Destination) -> Option<Counting> {
        let named = matches!(there, Destination::NamedState(code) if code.as_str() == "XA");
        named.then(|| Counting { dispatch_digest: Digest::of(b"will"), number: "XB-XA-2026-0008".to_owned() })
    }

    fn assessment_of(&self, _: &ConsultationId, _: &PersonRef, _: &Destination) -> Option<Counting> {
        Some(Counting { dispatch_digest: Digest::of(b"assessed"), number: "XB-XA-2026-0009".to_owned() })
    }

    fn digest_of_file(&self, path: &str) -> Option<Digest> {
        Some(Digest::of(path.as_bytes()))
    }
}

fn read(form: &str) -> Result<Draft, Vec<FormError>> {
    parse(form, &Desk { says: None })
}

fn act(draft: &Draft) -> Act {
    draft.act.clone().complete(consultation())
}

fn told(draft: &Draft) -> Vec<(&str, &str)> {
    draft.supplied.iter().map(|one| (one.field.as_str(), one.said.as_str())).collect()
}

#[test]
fn a_go_says_how_much_the_desk_had_registered() {
    let form = |synced: &str| {
        format!(
            "kind = \"go-no-go\"\n{HEAD}consultation = \"{CONSULTATION}\"\n[act]\narrangement_id = \"H-1\"\n\
             go = true\n{synced}time = \"2026-12-06T12:00:00Z\"\n"
        )
    };
    let marks = |draft: &Draft| {
        let Act::GoNoGo(go) = act(draft) else { panic!("another act") };
        go.synced_to.iter().map(|mark| (mark.ministry.to_string(), mark.act_number)).collect::<Vec<_>>()
    };
    let both = [("XA".to_owned(), 4), ("XB".to_owned(), 7)];
    for left_out in ["", "synced_to = []\n"] {
        let draft = read(&form(left_out)).unwrap();
        assert_eq!(marks(&draft), both);
        assert_eq!(told(&draft), [("act.synced_to", "XA 4, XB 7")]);
    }
    let written = read(&form("synced_to = [{ ministry = \"XB\", act_number = 2 }]\n")).unwrap();
    assert_eq!(marks(&written), [("XB".to_owned(), 2)], "what is written is never replaced");
    assert!(written.supplied.is_empty());
    assert!(marks(&parse(&form(""), &IdsOnly).unwrap()).is_empty());
}

#[test]
fn a_go_names_the_protective_acts_that_the_desk_had_about_its_arrangement() {
    let form = |named: &str| {
        format!(
            "kind = \"go-no-go\"\n{HEAD}consultation = \"{CONSULTATION}\"\n[act]\narrangement_id = \"H-2\"\n\
             go = true\n{named}time = \"2026-12-06T12:00:00Z\"\n"
        )
    };
    let named = |draft: &Draft| {
        let Act::GoNoGo(go) = act(draft) else { panic!("another act") };
        go.protective_acts.iter().map(|one| one.dispatch_digest()).collect::<Vec<_>>()
    };
    let draft = read(&form("")).unwrap();
    assert_eq!(named(&draft), [Digest::of(b"withdrawal")]);
    assert!(told(&draft).contains(&("act.protective_acts", "IC-XB-2026-0003")));
    let draft = read(&form("protective_acts = [\"XB-XA-2026-0001\"]\n")).unwrap();
    assert_eq!(named(&draft), [Digest::of(b"dispatch")], "what is written is never replaced");
}

#[test]
fn the_consultation_is_that_of_the_answered_message_or_of_the_person() {
    let about = |person: &str, answers: &str| {
        format!(
            "kind = \"assurances\"\n{HEAD}{answers}[act]\npersons = [{person}]\nparty_to_gc3 = true\n\
             assurances = [\"NO_ONWARD_RETURN\"]\n{TEXT}"
        )
    };
    let person = "\"P-7QK4-M2XD-9WTV\"";
    for (form, said) in [
        (about(person, ""), "C-7QK4-M2XD-9WTV, that of the person"),
        (
            about("", "in_reply_to = \"XB-XA-2026-0001\"\n"),
            "C-7QK4-M2XD-9WTV, that of the message it answers",
        ),
    ] {
        let draft = read(&form).unwrap();
        assert!(draft.consultation == ConsultationChoice::Known(consultation()));
        assert_eq!(told(&draft), [("consultation", said)]);
    }
    for (form, references) in
        [(about("", ""), &Desk { says: None } as &dyn References), (about(person, ""), &IdsOnly)]
    {
        let mistakes = parse(&form, references).unwrap_err();
        assert_eq!(mistakes.iter().map(|one| one.field.as_str()).collect::<Vec<_>>(), ["consultation"]);
    }
}

#[test]
fn a_withdrawal_needs_nothing_but_the_person() {
    let form = "kind = \"will-withdrawal\"\nto = [\"XB\"]\n[act]\nperson = p 7qk4 m2xd 9wtv\n";
    let draft = read(form).unwrap();
    assert!(draft.consultation == ConsultationChoice::Known(consultation()));
}

#[test]
fn a_line_of_an_agreement_rests_on_what_counts_and_the_terms_on_the_texts_beside_them() {
    let form = |line: &str| {
        format!(
            "kind = \"agreement-note\"\n{HEAD}consultation = \"{CONSULTATION}\"\n\
             [act]\nopen_until_time = \"2026-12-06T12:00:00Z\"\n\
             [act.terms]\nagreement_id = \"A-1\"\nkind = \"INTERNATIONAL_AGREEMENT\"\n\
             route = \"RELEASE_AND_SETTLEMENT\"\nprevailing_language = \"en\"\nentry_into_force = \"ON_REPLY\"\n\
             required_parties = [\"XA\", \"XB\"]\nno_less_favourable_than_convention = true\n\
             [[act.terms.lines]]\nperson = \"P-7QK4-M2XD-9WTV\"\n{line}\n\
             [[document]]\npath = \"a.en.txt\"\ntitle = \"Agreement\"\nclass = \"AGREEMENT_TEXT\"\n\
             standing = \"AUTHENTIC\"\nlanguage = \"en\"\n\
             [[document]]\npath = \"scan.pdf\"\ntitle = \"Annex\"\nclass = \"EVIDENCE\"\nlanguage = \"en\"\n"
        )
    };
    let there = "destination = { kind = \"NAMED_STATE\", region_code = \"XA\" }";
    let draft = read(&form(there)).unwrap();
    let Act::AgreementNote(note) = act(&draft) else { panic!("another act") };
    let line = note.terms.lines.iter().next().unwrap();
    assert!(line.will_act.dispatch_digest() == Digest::of(b"will"));
    assert!(line.protection_act.dispatch_digest() == Digest::of(b"assessed"));
    assert!(note.terms.authentic_text_sha256.as_slice() == [Digest::of(b"a.en.txt")]);
    assert_eq!(
        told(&draft),
        [
            ("act.terms.lines[0].will_act", "XB-XA-2026-0008"),
            ("act.terms.lines[0].protection_act", "XB-XA-2026-0009"),
            ("act.terms.authentic_text_sha256", "those of a.en.txt"),
        ]
    );
    let elsewhere =
        read(&form("destination = { kind = \"NAMED_STATE\", region_code = \"XN\" }")).unwrap_err();
    assert_eq!(elsewhere[0].field, "act.terms.lines[0].will_act", "nothing counts for that destination");
}

#[test]
fn an_answer_repeats_what_the_answered_act_decides() {
    let arrangement = match parse(&example(ActKind::HandoverArrangement), &IdsOnly).unwrap().act {
        DraftAct::Complete(act) => act,
        DraftAct::Proposal(_) => panic!("another act"),
    };
    let Act::HandoverArrangement(arranged) = &arrangement else { panic!("another act") };
    let form = format!(
        "kind = \"handover-confirmation\"\n{HEAD}in_reply_to = \"XB-XA-2026-0001\"\n[act]\nreply = \"ACCEPT\"\n{TEXT}"
    );
    let draft = parse(&form, &Desk { says: Some(arrangement.clone()) }).unwrap();
    let Act::HandoverConfirmation(confirmed) = act(&draft) else { panic!("another act") };
    assert!(confirmed.arrangement.dispatch_digest() == Digest::of(b"dispatch"));
    assert!(confirmed.persons_sha256 == arranged.persons_sha256);
    assert!(confirmed.arrangement_id == arranged.arrangement_id);
    let unopened = read(&form).unwrap_err();
    let missing: Vec<&str> = unopened.iter().map(|one| one.field.as_str()).collect();
    assert_eq!(missing, ["act.arrangement_id", "act.persons_sha256"]);
}
