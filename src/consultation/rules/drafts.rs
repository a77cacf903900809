//! Whole drafts for tests: an act, and around it everything that a careful ministry would put there.

use crate::consultation::act::Act;
use crate::consultation::catalogue::Texts;
use crate::consultation::clearance;
use crate::consultation::codec;
use crate::consultation::registered::Marks;
use crate::consultation::rules::authority::{AuthorityFacts, Clearance, ClearanceKind};
use crate::consultation::rules::judgement::ChannelFacts;
use crate::consultation::rules::samples::ministry;
use crate::digest::Digest;
use crate::message::dispatch::{Dispatch, Document, ExpectedAuthentication, Marking};
use crate::message::header::{Address, Addressee, Position};
use crate::message::terms::{
    AddresseeKind, AuthenticationKind, Caveat, DocumentClass, DocumentStanding, Form, Level,
};
use crate::time::Timestamp;
use crate::trust::name::Name;
use crate::trust::policy::ChannelId;

/// An act with all that goes with it.
pub(in crate::consultation) struct Draft {
    pub(in crate::consultation) address: Address,
    pub(in crate::consultation) position: Position,
    pub(in crate::consultation) dispatch: Dispatch,
    pub(in crate::consultation) act: Act,
    pub(in crate::consultation) authorities: AuthorityFacts,
}

/// Parties that observe in these tests; they are informed.
const OBSERVERS: [&str; 2] = ["IC", "XN"];

impl Draft {
    /// An act of `sender` to all other parties.
    pub(in crate::consultation) fn new(
        parties: &[&str],
        sender: &str,
        number: u64,
        basis: &Marks,
        at: Timestamp,
        act: Act,
    ) -> Self {
        let specification = act.act_kind().specification();
        let form = specification.forms[0];
        let documents = documents(&act);
        let caveats = caveats(&act, &documents);
        let address = address(parties, sender, &act);
        let authentications = authentications(sender, &act, form);
        let mut authorities = AuthorityFacts::granting(&authentications, Some(office(sender, "drafting")));
        authorities
            .clearances
            .push(Clearance { kind: ClearanceKind::Legal, office: office(sender, "legal") });
        let numbered = matches!(form, Form::NoteVerbale | Form::FirstPersonNote);
        let roles = if specification.names_persons { vec!["prisoners desk".to_owned()] } else { Vec::new() };
        let dispatch = Dispatch {
            address_digest: address.digest(),
            salt: [7; 32],
            form,
            formal_number: if numbered {
                format!("{sender}-{}-{number:04}", at.year())
            } else {
                String::new()
            },
            marking: Marking {
                level: Level::Restricted,
                national_label: "RESTRICTED".to_owned(),
                caveats,
                eyes_only_roles: roles,
            },
            basis: basis.basis(),
            documents,
            authentications,
            kind: act.kind().to_owned(),
            act_class: act.class(),
            act: codec::encode(&act),
            in_reply_to: matches!(act, Act::ConsultationReply(_))
                .then(|| crate::message::id::MessageId::from(Digest::of(b"proposal"))),
            reply_due: None,
            relayed_on_behalf_of: None,
            drafting_office: "Treaties Division".to_owned(),
        };
        let position = Position {
            recipient: address.addressees[0].ministry.clone(),
            sequence: number.max(1),
            previous: None,
            act_number: number,
            release_time: at,
            valid_until: at.after(crate::limits::VALIDITY_DEFAULT),
        };
        Self { address, position, dispatch, act, authorities }
    }
}

/// The channel of these tests.
pub(in crate::consultation) fn channel(parties: &[&str]) -> ChannelFacts {
    ChannelFacts {
        channel: channel_id(),
        parties: parties.iter().map(|party| ministry(party)).collect(),
        suspended: false,
        ceiling: Level::Restricted,
    }
}

/// An office.
pub(in crate::consultation) fn office(ministry: &str, label: &str) -> Name {
    Name::parse(&format!("chancery://{ministry}/office/{label}")).unwrap()
}

/// The digest of the text of an agreement in a language.
pub(in crate::consultation) fn text(language: &str) -> Digest {
    Digest::of(format!("text in {language}").as_bytes())
}

fn channel_id() -> ChannelId {
    ChannelId::parse("ch-0123456789abcdef").unwrap()
}

fn address(parties: &[&str], sender: &str, act: &Act) -> Address {
    let kind = |party: &str| match OBSERVERS.contains(&party) {
        true => AddresseeKind::Info,
        false => AddresseeKind::Action,
    };
    let others = parties.iter().filter(|party| **party != sender);
    let mut addressees: Vec<Addressee> =
        others.map(|party| Addressee { ministry: ministry(party), kind: kind(party) }).collect();
    addressees.sort();
    let mut releasable_to: Vec<_> = parties.iter().map(|party| ministry(party)).collect();
    releasable_to.sort();
    Address {
        channel: channel_id(),
        consultation: "C-4T9M-W2KX-7CQW".to_owned(),
        sender: ministry(sender),
        addressees,
        precedence: act.act_kind().specification().precedences[0],
        level: Level::Restricted,
        releasable_to,
    }
}

fn authentications(sender: &str, act: &Act, form: Form) -> Vec<ExpectedAuthentication> {
    let credential = |kind: &AuthenticationKind| match kind {
        AuthenticationKind::Registry => Name::Registry { ministry: ministry(sender) },
        AuthenticationKind::Draft => office(sender, "drafting"),
        AuthenticationKind::LegalClearance => office(sender, "legal"),
        kind => office(sender, &kind.word().to_ascii_lowercase().replace('_', "-")),
    };
    let kinds = clearance::authentications(act.act_kind(), form).iter();
    kinds.map(|kind| ExpectedAuthentication { kind: *kind, credential: credential(kind) }).collect()
}

fn documents(act: &Act) -> Vec<Document> {
    use DocumentClass::{AgreementText, DiplomaticText, InterpreterCertificate, ProtectionApplication};
    use DocumentStanding::{Annex, Authentic, Official};
    let specification = act.act_kind().specification();
    let listed = match act {
        Act::AgreementNote(act) => act.terms.authentic_text_sha256.as_slice(),
        Act::AgreementReply(act) => act.authentic_text_sha256.as_slice(),
        _ => &[],
    };
    let agreed: Vec<&str> =
        ["ko", "uk", "en"].into_iter().filter(|one| listed.contains(&text(one))).collect();
    let standing = if agreed.len() > 1 { Authentic } else { Official };
    let mut documents: Vec<Document> = agreed
        .iter()
        .map(|language| Document {
            digest: text(language),
            ..document(language, standing, AgreementText, language)
        })
        .collect();
    if documents.is_empty() && specification.texts != Texts::None {
        documents.push(document("text", Official, DiplomaticText, "en"));
    }
    for (name, class) in specification.documents {
        let outline = act.outline();
        let named = outline.iter().find(|field| field.name == *name).and_then(|field| field.value.as_text());
        if let Some(id) = named {
            let language = match act {
                Act::ExpressionOfWill(act) => act.language_code.as_str(),
                _ => "en",
            };
            documents.push(document(&id, Annex, *class, language));
        }
    }
    if specification.companions.contains(&InterpreterCertificate) {
        documents.push(document("interpreter", Annex, InterpreterCertificate, "en"));
    }
    if let Act::TransferRequest(act) = act {
        let supporting = act.supporting_documents.iter();
        documents.extend(supporting.map(|id| document(id.as_str(), Annex, ProtectionApplication, "en")));
    }
    documents
}

/// A document of these tests.
pub(in crate::consultation) fn document(
    id: &str,
    standing: DocumentStanding,
    class: DocumentClass,
    language: &str,
) -> Document {
    Document {
        document_id: id.to_owned(),
        title: "Document".to_owned(),
        standing,
        class,
        language: language.to_owned(),
        media_type: "text/plain".to_owned(),
        size: 1,
        digest: Digest::of(id.as_bytes()),
        translation_of: String::new(),
    }
}

fn caveats(act: &Act, documents: &[Document]) -> Vec<Caveat> {
    let mut caveats = Vec::new();
    let personal = documents.iter().any(|one| super::privacy::identifies(one.class));
    let particulars = act.act_kind().specification().names_persons;
    if personal || particulars {
        caveats.push(Caveat::PersonalGc313);
    }
    if documents.iter().any(|one| one.class == DocumentClass::MedicalCertificate) {
        caveats.push(Caveat::Medical);
    }
    if particulars {
        caveats.push(Caveat::HumanitarianPurposeOnly);
    }
    caveats
}
