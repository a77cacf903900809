//! A good act with everything around it, to be changed in one place and judged.

use std::collections::{BTreeMap, BTreeSet};

use crate::consultation::act::Act;
use crate::consultation::acts::law::{Destination, LegalReference};
use crate::consultation::acts::opening::PositionStatement;
use crate::consultation::acts::transfer::TransferRequest;
use crate::consultation::acts::values::{ActRef, EntryId, RegionCode};
use crate::consultation::acts::will::WillWithdrawal;
use crate::consultation::charter::{Charter, NationalLabel};
use crate::consultation::list::List;
use crate::consultation::reference::PersonRef;
use crate::consultation::rules::authority::AuthorityFacts;
use crate::consultation::rules::judgement::{
    ChannelFacts, EarlierMessage, FormalNumbers, Judgement, OpenedDocument,
};
use crate::consultation::rules::names::NameIndex;
use crate::consultation::rules::{Finding, Rule, Severity, judge};
use crate::consultation::text::ShortText;
use crate::consultation::words::{PositionKind, Route};
use crate::digest::Digest;
use crate::message::dispatch::{Dispatch, Document, ExpectedAuthentication, Marking};
use crate::message::header::{Address, Addressee, Position};
use crate::message::id::MessageId;
use crate::message::terms::{
    AddresseeKind, AuthenticationKind, Caveat, DocumentClass, DocumentStanding, Form, Level, Precedence,
};
use crate::time::Timestamp;
use crate::trust::name::{Ministry, Name};
use crate::trust::policy::ChannelId;

/// XA writes to XB by note verbale, with a Korean official text and an English courtesy translation.
pub(super) struct Sample {
    pub(super) at: Timestamp,
    pub(super) address: Address,
    pub(super) position: Position,
    pub(super) dispatch: Dispatch,
    pub(super) act: Act,
    pub(super) verified: Option<Vec<ExpectedAuthentication>>,
    pub(super) authorities: AuthorityFacts,
    pub(super) channel: Option<ChannelFacts>,
    pub(super) formal_numbers: FormalNumbers,
    pub(super) earlier: Vec<EarlierMessage>,
    /// Id, digest, size and text of each document as read.
    pub(super) contents: Vec<(String, Digest, u64, Option<String>)>,
    pub(super) elsewhere: BTreeSet<PersonRef>,
}

const KOREAN: &str = "외교부는 경의를 표하며 입장을 전달하는 영광을 가진다. 최고의 경의를 새로이 표한다.";
const ENGLISH: &str = "The Ministry presents its compliments to the Ministry and states its position.";

impl Sample {
    /// A statement of position.
    pub(super) fn position() -> Self {
        let at = Timestamp::parse("2026-11-22T10:00:00Z").unwrap();
        let act = Act::PositionStatement(PositionStatement {
            category: ShortText::new("prisoners who request admission").unwrap(),
            kind: PositionKind::WillingToAdmit,
            legal_basis: List::new(vec![law()]).unwrap(),
            commitments: List::new(Vec::new()).unwrap(),
            supersedes: None,
            may_be_quoted_publicly: false,
        });
        let documents = vec![
            document("ko", DocumentStanding::Official, KOREAN, ""),
            document("en", DocumentStanding::CourtesyTranslation, ENGLISH, "ko"),
        ];
        let mut sample = Self {
            at,
            address: address(),
            position: position(at),
            dispatch: dispatch(&act, documents),
            act,
            verified: None,
            authorities: AuthorityFacts::default(),
            channel: Some(channel()),
            formal_numbers: FormalNumbers { last: Some(146), complete: true },
            earlier: Vec::new(),
            contents: Vec::new(),
            elsewhere: BTreeSet::new(),
        };
        sample.bears(&[AuthenticationKind::Initials, AuthenticationKind::Seal]);
        sample.read(&[KOREAN, ENGLISH]);
        sample
    }

    /// A request for the transfer of P-7QK4-M2XD-9WTV with an application for protection.
    pub(super) fn request() -> Self {
        let mut sample = Self::position();
        sample.dispatch.documents[1] = document("application", DocumentStanding::Annex, ENGLISH, "");
        sample.dispatch.documents[1].language = "en".to_owned();
        sample.dispatch.documents[1].class = DocumentClass::ProtectionApplication;
        sample.dispatch.marking.caveats = vec![Caveat::PersonalGc313];
        sample.read(&[KOREAN, ENGLISH]);
        sample.say(Act::TransferRequest(TransferRequest {
            persons: List::new(vec![PersonRef::parse("P-7QK4-M2XD-9WTV").unwrap()]).unwrap(),
            route: Route::ReleaseAndSettlement,
            destination: Destination::NamedState(RegionCode::parse("XA").unwrap()),
            legal_basis: List::new(vec![law()]).unwrap(),
            supporting_documents: List::new(vec![EntryId::parse("application").unwrap()]).unwrap(),
            assurances_message: ActRef::new(Digest::of(b"assurances")),
            requested_by_time: None,
        }));
        sample
    }

    /// A withdrawal of will by P-7QK4-M2XD-9WTV.
    pub(super) fn withdrawal() -> Self {
        let mut sample = Self::position();
        sample.say(Act::WillWithdrawal(WillWithdrawal {
            person: PersonRef::parse("P-7QK4-M2XD-9WTV").unwrap(),
            declaration_time: None,
            withdrawn_for: List::default(),
            received_by_office: None,
        }));
        sample.address.precedence = Precedence::Flash;
        sample
    }

    /// The same with one thing changed.
    pub(super) fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// Says another act.
    pub(super) fn say(&mut self, act: Act) {
        self.dispatch.kind = act.kind().to_owned();
        self.dispatch.act_class = act.class();
        self.act = act;
    }

    /// Gives the position another category.
    pub(super) fn categorise(&mut self, category: &str) {
        if let Act::PositionStatement(act) = &mut self.act {
            act.category = ShortText::new(category).unwrap();
        }
    }

    /// Lists these authentications.
    pub(super) fn bears(&mut self, kinds: &[AuthenticationKind]) {
        let expected = |kind: &AuthenticationKind| {
            let label = kind.word().to_ascii_lowercase().replace('_', "-");
            let credential = Name::parse(&format!("chancery://XA/office/{label}")).unwrap();
            ExpectedAuthentication { kind: *kind, credential }
        };
        self.dispatch.authentications = kinds.iter().map(expected).collect();
        let drafter = Name::parse("chancery://XA/office/drafting").unwrap();
        self.authorities = AuthorityFacts::granting(&self.dispatch.authentications, Some(drafter));
    }

    /// Writes another text into a document.
    pub(super) fn write(&mut self, index: usize, text: &str) {
        let document = &mut self.dispatch.documents[index];
        (document.digest, document.size) = (Digest::of(text.as_bytes()), text.len() as u64);
        self.contents[index] =
            (document.document_id.clone(), document.digest, document.size, Some(text.to_owned()));
    }

    fn read(&mut self, texts: &[&str]) {
        let documents = self.dispatch.documents.iter().zip(texts);
        let read = documents.map(|(document, text)| {
            (
                document.document_id.clone(),
                Digest::of(text.as_bytes()),
                text.len() as u64,
                Some((*text).to_owned()),
            )
        });
        self.contents = read.collect();
    }

    /// All findings.
    pub(super) fn judge(&self) -> Vec<Finding> {
        let documents: Vec<OpenedDocument<'_>> = self.contents.iter().map(opened).collect();
        let names = NameIndex::new(["김철수", "Kim Chol-su"]).with_parts(["철수", "Chol-su"]);
        judge(&Judgement {
            at: self.at,
            address: &self.address,
            position: Some(&self.position),
            dispatch: &self.dispatch,
            act: &self.act,
            verified: self.verified.as_deref(),
            past: None,
            charter: &charter(),
            authorities: Some(&self.authorities),
            channel: self.channel.as_ref(),
            formal_numbers: self.formal_numbers,
            earlier: &self.earlier,
            documents: Some(&documents),
            names: &names,
            persons_elsewhere: &self.elsewhere,
            promised_elsewhere: &BTreeMap::new(),
        })
    }

    /// No finding of this rule.
    #[track_caller]
    pub(super) fn passes(&self, rule: Rule) {
        let found: Vec<Finding> = self.judge().into_iter().filter(|finding| finding.rule == rule).collect();
        assert!(found.is_empty(), "{found:#?}");
    }

    /// A finding of this rule at this field that forbids nothing.
    #[track_caller]
    pub(super) fn warns(&self, rule: Rule, field: &str) {
        self.finds(rule, field);
        assert!(self.judge().iter().all(|one| one.rule != rule || one.severity == Severity::Warning));
    }

    /// A finding of this rule at this field.
    #[track_caller]
    pub(super) fn finds(&self, rule: Rule, field: &str) {
        let found = self.judge();
        let hit =
            |finding: &Finding| finding.rule == rule && finding.field == field && !finding.hint.is_empty();
        assert!(found.iter().any(hit), "{rule} at {field} not among {found:#?}");
    }
}

/// A ministry.
pub(super) fn ministry(code: &str) -> Ministry {
    Ministry::parse(code).unwrap()
}

/// A message registered before.
pub(super) fn earlier(originator: &str, level: Level) -> EarlierMessage {
    EarlierMessage {
        message_id: MessageId::from(Digest::of(b"earlier")),
        dispatch_digest: Digest::of(b"its dispatch"),
        originator: ministry(originator),
        level,
        caveats: Vec::new(),
        releasable_to: vec![ministry("XA"), ministry("XB")],
        documents: Vec::new(),
    }
}

fn opened((id, digest, size, text): &(String, Digest, u64, Option<String>)) -> OpenedDocument<'_> {
    OpenedDocument { document_id: id, digest: *digest, size: *size, text: text.as_deref() }
}

fn law() -> LegalReference {
    LegalReference {
        instrument: ShortText::new("GC-III-1949").unwrap(),
        provision: ShortText::new("Art. 118").unwrap(),
        note: None,
    }
}

fn channel_id() -> ChannelId {
    ChannelId::parse("ch-0123456789abcdef").unwrap()
}

fn channel() -> ChannelFacts {
    ChannelFacts {
        channel: channel_id(),
        parties: vec![ministry("XA"), ministry("XB")],
        suspended: false,
        ceiling: Level::Restricted,
    }
}

fn charter() -> Charter {
    let label = |code: &str, label: &str| NationalLabel {
        ministry: ministry(code),
        level: Level::Restricted,
        label: label.to_owned(),
    };
    Charter {
        national_labels: vec![label("XA", "대외비"), label("XB", "Для службового користування")],
        ..Charter::default_for([ministry("XA"), ministry("XB")])
    }
}

fn address() -> Address {
    Address {
        channel: channel_id(),
        consultation: "C-3HN8-ZC6V-5JF2".to_owned(),
        sender: ministry("XA"),
        addressees: vec![Addressee { ministry: ministry("XB"), kind: AddresseeKind::Action }],
        precedence: Precedence::Routine,
        level: Level::Restricted,
        releasable_to: vec![ministry("XA"), ministry("XB")],
    }
}

fn position(at: Timestamp) -> Position {
    Position {
        recipient: ministry("XB"),
        sequence: 1,
        previous: None,
        act_number: 1,
        release_time: at,
        valid_until: at.after(crate::limits::VALIDITY_DEFAULT),
    }
}

fn dispatch(act: &Act, documents: Vec<Document>) -> Dispatch {
    let national_label = "대외비".to_owned();
    Dispatch {
        address_digest: address().digest(),
        salt: [7; 32],
        form: Form::NoteVerbale,
        formal_number: "XA-2026-0147".to_owned(),
        marking: Marking {
            level: Level::Restricted,
            national_label,
            caveats: Vec::new(),
            eyes_only_roles: Vec::new(),
        },
        basis: Vec::new(),
        documents,
        authentications: Vec::new(),
        kind: act.kind().to_owned(),
        act_class: act.class(),
        act: crate::consultation::codec::encode(act),
        in_reply_to: None,
        reply_due: None,
        relayed_on_behalf_of: None,
        drafting_office: "Treaties Division".to_owned(),
    }
}

fn document(id: &str, standing: DocumentStanding, text: &str, translation_of: &str) -> Document {
    Document {
        document_id: id.to_owned(),
        title: "Note verbale".to_owned(),
        standing,
        class: DocumentClass::DiplomaticText,
        language: id.chars().take(2).collect(),
        media_type: "text/plain".to_owned(),
        size: text.len() as u64,
        digest: Digest::of(text.as_bytes()),
        translation_of: translation_of.to_owned(),
    }
}

#[test]
fn the_samples_are_good() {
    assert_eq!(Sample::position().judge(), []);
    assert_eq!(Sample::request().judge(), []);
}

#[test]
fn all_findings_come_at_once_and_repeat_nothing() {
    let sample = Sample::position().with(|s| {
        s.address.level = Level::Secret;
        s.dispatch.documents[0].title = "김철수".to_owned();
        s.dispatch.formal_number = "CANARY".to_owned();
    });
    let found = sample.judge();
    let codes: Vec<&str> = found.iter().map(Finding::reason).collect();
    assert_eq!(codes, ["CLS_01", "CLS_03", "FRM_03", "PRV_03"]);
    let shown = format!("{found:?}");
    assert!(!shown.contains("CANARY") && !shown.contains("김철수"));
}

#[test]
fn every_rule_has_a_text() {
    for rule in Rule::ALL {
        assert!(rule.text().len() > 10 && rule.cure().len() > 10 && rule.word().len() == 6, "{rule}");
    }
}
