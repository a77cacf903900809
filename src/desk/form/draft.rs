//! `Draft`: what an officer wrote, checked field by field, before the registry gives it numbers and times.

use super::FormError;
use crate::consultation::act::{Act, ActKind};
use crate::consultation::acts::law::Destination;
use crate::consultation::acts::opening::ConsultationProposal;
use crate::consultation::acts::values::EntryId;
use crate::consultation::reference::{ConsultationId, PersonRef};
use crate::consultation::registered::Marks;
use crate::consultation::text::ShortText;
use crate::desk::deposit::Deposit;
use crate::digest::Digest;
use crate::message::header::Addressee;
use crate::message::id::MessageId;
use crate::message::terms::{Caveat, DocumentClass, DocumentStanding, Form, Level, Precedence};
use crate::time::Timestamp;
use crate::trust::name::Ministry;
use crate::trust::policy::ChannelId;

/// A filled-in form.
#[derive(Clone, PartialEq, Eq)]
pub struct Draft {
    /// Action and info addressees, ascending by ministry, each once.
    pub addressees: Vec<Addressee>,
    /// The channel; none where the one with the addressees is meant.
    pub channel: Option<ChannelId>,
    /// The consultation.
    pub consultation: ConsultationChoice,
    /// Urgency.
    pub precedence: Precedence,
    /// Level of protection.
    pub level: Level,
    /// The sender's own word for the level; none where the charter's is meant.
    pub national_label: Option<ShortText>,
    /// Handling caveats, ascending.
    pub caveats: Vec<Caveat>,
    /// Whom it may be released to, ascending; none where sender and addressees are meant.
    pub releasable_to: Option<Vec<Ministry>>,
    /// Roles that may read it.
    pub eyes_only_roles: Vec<ShortText>,
    /// Diplomatic form.
    pub form: Form,
    /// Formal number; none where the registry is to give the next one.
    pub formal_number: Option<ShortText>,
    /// Reply asked for by this time.
    pub reply_due: Option<Timestamp>,
    /// Not delivered after this; none for the usual validity.
    pub valid_until: Option<Timestamp>,
    /// The message it answers.
    pub in_reply_to: Option<Reference>,
    /// An unconnected Power whose act is conveyed.
    pub relayed_on_behalf_of: Option<Ministry>,
    /// Symbol of the drafting office.
    pub drafting_office: Option<ShortText>,
    /// The texts, in order; they stand before the documents.
    pub texts: Vec<DraftText>,
    /// Further documents, in order.
    pub documents: Vec<DraftDocument>,
    /// What it says.
    pub act: DraftAct,
    /// What a protective act goes without, because it was wrong.
    pub left_out: Vec<FormError>,
    /// What the form left out, and the desk filled in.
    pub supplied: Vec<Supplied>,
}

impl Draft {
    /// A service message that says this act and nothing beside it: RESTRICTED, ROUTINE, by the channel with the
    /// addressees.
    pub(in crate::desk) fn service_message(
        addressees: Vec<Addressee>,
        consultation: ConsultationId,
        act: Act,
    ) -> Self {
        Self {
            addressees,
            channel: None,
            consultation: ConsultationChoice::Known(consultation),
            precedence: Precedence::Routine,
            level: Level::Restricted,
            national_label: None,
            caveats: Vec::new(),
            releasable_to: None,
            eyes_only_roles: Vec::new(),
            form: Form::ServiceMessage,
            formal_number: None,
            reply_due: None,
            valid_until: None,
            in_reply_to: None,
            relayed_on_behalf_of: None,
            drafting_office: None,
            texts: Vec::new(),
            documents: Vec::new(),
            act: DraftAct::Complete(act),
            left_out: Vec::new(),
            supplied: Vec::new(),
        }
    }
}

/// Which consultation a draft belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum ConsultationChoice {
    /// A new one, to be minted.
    New,
    /// This one.
    Known(ConsultationId),
}

/// A reference as written, and the message it means.
#[derive(Clone, PartialEq, Eq)]
pub struct Reference {
    /// As written: a register number, the beginning of a message id, `@last`.
    pub text: String,
    /// What it means.
    pub message: Referenced,
}

/// A message that a form refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Referenced {
    /// Its id.
    pub message_id: MessageId,
    /// SHA-256 of its dispatch bytes, where it was opened here.
    pub dispatch_digest: Option<Digest>,
    /// Whether the message is here; otherwise only its id is known.
    pub known: bool,
    /// The consultation it belongs to, where the message is here.
    pub consultation: Option<ConsultationId>,
}

/// A field that a form left out, and what the desk put there, in words that show no content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Supplied {
    /// Its path: `act.synced_to`.
    pub field: String,
    /// What it is now: register numbers, act numbers, the id of a consultation.
    pub said: String,
}

/// The Powers among which a consultation is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Circle {
    /// All of them but this one, ascending.
    pub powers: Vec<Ministry>,
    /// Its channel, where that is in force.
    pub channel: Option<ChannelId>,
    /// The highest level that may go there.
    pub ceiling: Level,
}

/// An act that a form does not name, because the desk knows which one counts.
#[derive(Clone, PartialEq, Eq)]
pub struct Counting {
    /// SHA-256 of its dispatch bytes.
    pub dispatch_digest: Digest,
    /// Its register number.
    pub number: String,
}

/// Looks up what a reference means, and what a form may leave out (port); the desk's register and casebook, or
/// `IdsOnly`. Whoever has no casebook knows the first alone.
pub trait References {
    /// The message meant; none where no message or more than one is.
    fn message(&self, reference: &str) -> Option<Referenced>;

    /// The consultation that a person belongs to.
    fn home_of(&self, _person: &PersonRef) -> Option<ConsultationId> {
        None
    }

    /// What a message says that was opened here.
    fn act_of(&self, _message: &Referenced) -> Option<Act> {
        None
    }

    /// Per Power the last act registered here, protective acts that came early included.
    fn synced_to(&self, _consultation: &ConsultationId) -> Option<Marks> {
        None
    }

    /// The protective acts registered here that a GO about an arrangement names.
    fn protective_acts(&self, _consultation: &ConsultationId, _arrangement: &EntryId) -> Vec<Counting> {
        Vec::new()
    }

    /// The statement of will that counts for a person and a destination now.
    fn will_of(&self, _: &ConsultationId, _: &PersonRef, _: &Destination) -> Option<Counting> {
        None
    }

    /// The assessment that counts for a person and a destination now.
    fn assessment_of(&self, _: &ConsultationId, _: &PersonRef, _: &Destination) -> Option<Counting> {
        None
    }

    /// The last assurances that this ministry gave and that stand, of all these persons.
    fn assurances_for(&self, _: &ConsultationId, _: &[PersonRef]) -> Option<Counting> {
        None
    }

    /// SHA-256 of a file that the form names.
    fn digest_of_file(&self, _path: &str) -> Option<Digest> {
        None
    }

    /// Why a file that the form names cannot be sent; none where it can, or where nobody looks.
    fn fault_of_file(&self, _path: &str) -> Option<String> {
        None
    }

    /// This ministry.
    fn own(&self) -> Option<Ministry> {
        None
    }

    /// The present.
    fn now(&self) -> Option<Timestamp> {
        None
    }

    /// Whether anything can be sealed to a ministry.
    fn is_accredited(&self, _: &Ministry) -> bool {
        true
    }

    /// Among whom a consultation is held; none where it is not known here.
    fn circle_of(&self, _: &ConsultationId) -> Option<Circle> {
        None
    }

    /// The circle that these Powers and this one make on a channel of their own.
    fn circle_with(&self, _: &[Ministry]) -> Option<Circle> {
        None
    }

    /// Every person that is known here.
    fn persons(&self) -> Vec<PersonRef> {
        Vec::new()
    }
}

/// Knows no register: only whole message ids mean something.
#[derive(Debug, Clone, Copy, Default)]
pub struct IdsOnly;

impl References for IdsOnly {
    fn message(&self, reference: &str) -> Option<Referenced> {
        let message_id = MessageId::parse(reference).ok()?;
        Some(Referenced { message_id, dispatch_digest: None, known: false, consultation: None })
    }
}

/// A language version of what is said.
#[derive(Clone, PartialEq, Eq)]
pub struct DraftText {
    /// Id in the message.
    pub document_id: EntryId,
    /// BCP 47 tag.
    pub language: String,
    /// Legal standing.
    pub standing: DocumentStanding,
    /// Neutral title.
    pub title: ShortText,
    /// Where the words are.
    pub source: TextSource,
    /// The text it translates.
    pub translation_of: Option<EntryId>,
}

/// Where the words of a text are.
#[derive(Clone, PartialEq, Eq)]
pub enum TextSource {
    /// In the form.
    Inline(String),
    /// In a file, by its path relative to the form.
    File(String),
    /// In a document that a client uploaded.
    Deposit(Deposit),
}

/// A further document.
#[derive(Clone, PartialEq, Eq)]
pub struct DraftDocument {
    /// Id in the message.
    pub document_id: EntryId,
    /// Path relative to the form.
    pub path: String,
    /// Neutral title.
    pub title: ShortText,
    /// What it is.
    pub class: DocumentClass,
    /// Legal standing.
    pub standing: DocumentStanding,
    /// BCP 47 tag.
    pub language: String,
    /// Media type.
    pub media_type: String,
    /// The document it translates.
    pub translation_of: Option<EntryId>,
    /// Where it is, if a client uploaded it; its path says nothing then.
    pub deposit: Option<Deposit>,
}

/// An act that may still lack the consultation it proposes.
#[derive(Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "a draft has one, and drafts are few")]
pub enum DraftAct {
    /// Lacks nothing.
    Complete(Act),
    /// A proposal of the consultation that the heading will state.
    Proposal(ConsultationProposal),
}

impl DraftAct {
    /// The kind of the act.
    pub fn kind(&self) -> ActKind {
        match self {
            Self::Complete(act) => act.act_kind(),
            Self::Proposal(_) => ActKind::ConsultationProposal,
        }
    }

    /// The act in this consultation.
    pub fn complete(self, consultation: ConsultationId) -> Act {
        match self {
            Self::Complete(act) => act,
            Self::Proposal(proposal) => Act::ConsultationProposal(proposal.in_consultation(consultation)),
        }
    }
}

crate::consultation::opaque!(
    Draft,
    ConsultationChoice,
    Counting,
    Reference,
    DraftText,
    TextSource,
    DraftDocument,
    DraftAct
);
