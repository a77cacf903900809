//! The bounds of a dispatch: what is exactly at one is taken, what is one beyond it is refused.

use super::*;
use crate::limits::{
    ADDRESSEES_MAX, AUTHENTICATIONS_MAX, DOCUMENT_BYTES_MAX, DOCUMENTS_MAX, SHORT_TEXT_BYTES_MAX,
    SIGNED_DISPATCH_BYTES_MAX,
};

fn sample() -> Dispatch {
    Dispatch {
        address_digest: Digest::of(b"address"),
        salt: [7; 32],
        form: Form::NoteVerbale,
        formal_number: "1/2026".to_owned(),
        marking: Marking {
            level: Level::Restricted,
            national_label: "RESTRICTED".to_owned(),
            caveats: Vec::new(),
            eyes_only_roles: Vec::new(),
        },
        basis: Vec::new(),
        documents: Vec::new(),
        authentications: vec![authentication()],
        kind: "note".to_owned(),
        act_class: ActClass::Correspondence,
        act: Vec::new(),
        in_reply_to: None,
        reply_due: None,
        relayed_on_behalf_of: None,
        drafting_office: String::new(),
    }
}

fn authentication() -> ExpectedAuthentication {
    let credential = Name::parse("chancery://XA/office/first").unwrap();
    ExpectedAuthentication { kind: AuthenticationKind::ALL[0], credential }
}

fn document(number: usize) -> Document {
    Document {
        document_id: format!("annex-{number}"),
        title: String::new(),
        standing: DocumentStanding::Annex,
        class: DocumentClass::DiplomaticText,
        language: "en".to_owned(),
        media_type: "text/plain".to_owned(),
        size: 1,
        digest: Digest::of(b"document"),
        translation_of: String::new(),
    }
}

/// Ascending, each Power once.
fn basis(count: usize) -> Vec<Basis> {
    let code = |number: usize| format!("X{}", char::from(b'A' + u8::try_from(number).unwrap()));
    let each = (0..count).map(|number| Ministry::parse(&code(number)).unwrap());
    each.map(|ministry| Basis { ministry, act_number: 1 }).collect()
}

fn refusal(dispatch: &Dispatch) -> Option<Reason> {
    Dispatch::parse(&dispatch.bytes()).err().map(|refusal| refusal.reason())
}

#[test]
fn each_list_of_a_dispatch_has_its_bound() {
    type Fill = fn(&mut Dispatch, usize);
    let lists: [(&str, usize, Fill); 4] = [
        ("basis", ADDRESSEES_MAX, |dispatch, count| dispatch.basis = basis(count)),
        ("documents", DOCUMENTS_MAX, |dispatch, count| {
            dispatch.documents = (0..count).map(document).collect();
        }),
        ("authentications", AUTHENTICATIONS_MAX, |dispatch, count| {
            dispatch.authentications = vec![authentication(); count];
        }),
        ("roles", ADDRESSEES_MAX, |dispatch, count| {
            dispatch.marking.eyes_only_roles = vec!["legal adviser".to_owned(); count];
        }),
    ];
    for (name, most, fill) in lists {
        for (count, expected) in [(most, None), (most + 1, Some(Reason::Malformed))] {
            let mut dispatch = sample();
            fill(&mut dispatch, count);
            assert_eq!(refusal(&dispatch), expected, "{count} {name}");
        }
    }
}

#[test]
fn caveats_stand_once_each_so_that_there_are_no_more_than_there_are_kinds() {
    let mut dispatch = sample();
    dispatch.marking.caveats = Caveat::ALL.to_vec();
    assert_eq!(refusal(&dispatch), None);
    dispatch.marking.caveats.push(Caveat::ALL[Caveat::ALL.len() - 1]);
    assert_eq!(refusal(&dispatch), Some(Reason::Malformed));
}

#[test]
fn each_short_text_of_a_dispatch_has_its_bound() {
    type Place = fn(&mut Dispatch) -> &mut String;
    let texts: [(&str, Place); 9] = [
        ("formal number", |dispatch| &mut dispatch.formal_number),
        ("national label", |dispatch| &mut dispatch.marking.national_label),
        ("role", |dispatch| &mut dispatch.marking.eyes_only_roles[0]),
        ("kind", |dispatch| &mut dispatch.kind),
        ("drafting office", |dispatch| &mut dispatch.drafting_office),
        ("title", |dispatch| &mut dispatch.documents[0].title),
        ("language", |dispatch| &mut dispatch.documents[0].language),
        ("media type", |dispatch| &mut dispatch.documents[0].media_type),
        ("translation of", |dispatch| &mut dispatch.documents[0].translation_of),
    ];
    for (name, place) in texts {
        for (length, expected) in
            [(SHORT_TEXT_BYTES_MAX, None), (SHORT_TEXT_BYTES_MAX + 1, Some(Reason::Malformed))]
        {
            let mut dispatch = sample();
            dispatch.marking.eyes_only_roles.push(String::new());
            dispatch.documents.push(document(1));
            *place(&mut dispatch) = "x".repeat(length);
            assert_eq!(refusal(&dispatch), expected, "{name} of {length} bytes");
        }
    }
}

#[test]
fn a_document_has_at_most_so_many_bytes() {
    for (size, expected) in [(DOCUMENT_BYTES_MAX, None), (DOCUMENT_BYTES_MAX + 1, Some(Reason::TooLarge))] {
        let mut dispatch = sample();
        dispatch.documents = vec![Document { size, ..document(1) }];
        assert_eq!(refusal(&dispatch), expected, "{size}");
    }
}

/// A dispatch whose act makes it exactly this long.
fn of_length(length: usize) -> Vec<u8> {
    let mut dispatch = sample();
    dispatch.act = vec![1; length / 2];
    dispatch.act.resize(length / 2 + length - dispatch.bytes().len(), 1);
    assert_eq!(dispatch.bytes().len(), length);
    dispatch.bytes()
}

#[test]
fn a_dispatch_has_at_most_so_many_bytes_alone_and_with_its_signatures() {
    let reason = |bytes: &[u8]| Dispatch::parse(bytes).err().map(|refusal| refusal.reason());
    assert_eq!(reason(&of_length(SIGNED_DISPATCH_BYTES_MAX)), None);
    assert_eq!(reason(&of_length(SIGNED_DISPATCH_BYTES_MAX + 1)), Some(Reason::TooLarge));
    let signed = |signature: usize| {
        let bytes = of_length(SIGNED_DISPATCH_BYTES_MAX - 1000);
        SignedDispatch::compose(bytes, vec![vec![1; signature]]).unwrap().encode()
    };
    let most = 1000 - (signed(500).len() - (SIGNED_DISPATCH_BYTES_MAX - 1000) - 500);
    for (length, expected) in [(most, None), (most + 1, Some(Reason::TooLarge))] {
        let bytes = signed(length);
        assert_eq!(bytes.len(), SIGNED_DISPATCH_BYTES_MAX + length - most);
        assert_eq!(SignedDispatch::parse(&bytes).err().map(|refusal| refusal.reason()), expected);
    }
}
