//! The dispatch: the signed inner record that carries one act.
//!
//! It is composed once, its exact bytes are signed by the offices it lists, and it leaves the desk only
//! inside a seal. Bound to the address of its header, it cannot be re-sealed to somebody else unnoticed.
//! `Debug` shows nothing of its content. New acts are new kinds, never new fields.

use std::fmt;

use crate::canonical;
use crate::digest::Digest;
use crate::limits;
use crate::message::fields::{
    bounded, digest, each, malformed, ministry, optional_id, optional_ministry, optional_time, short, term,
};
use crate::message::id::MessageId;
use crate::message::refusal::{Reason, Refusal};
use crate::message::terms::{
    ActClass, AuthenticationKind, Caveat, DocumentClass, DocumentStanding, Form, Level,
};
use crate::proto::message::v1 as wire;
use crate::time::Timestamp;
use crate::trust::name::{Ministry, Name};
use prost::Message as _;

const DISPATCH_CONTEXT: &str = "chancery/dispatch/v1";

/// Everything a dispatch says.
#[derive(Clone, PartialEq, Eq)]
pub struct Dispatch {
    /// SHA-256 of the address bytes of the header.
    pub address_digest: Digest,
    /// 32 random bytes that keep digests over the dispatch from confirming a guess.
    pub salt: [u8; 32],
    /// Diplomatic form.
    pub form: Form,
    /// Register number of the issuing ministry; empty for forms that bear none.
    pub formal_number: String,
    /// Marking.
    pub marking: Marking,
    /// The past this act rests on, ascending by ministry.
    pub basis: Vec<Basis>,
    /// Texts and annexes; entry n is sealed part n + 1.
    pub documents: Vec<Document>,
    /// The signatures it must bear, in order.
    pub authentications: Vec<ExpectedAuthentication>,
    /// Kind of the act.
    pub kind: String,
    /// Class of the act.
    pub act_class: ActClass,
    /// Exact bytes of the act's own record.
    pub act: Vec<u8>,
    /// The message this one answers.
    pub in_reply_to: Option<MessageId>,
    /// When a reply is asked for.
    pub reply_due: Option<Timestamp>,
    /// An unconnected Power whose act is conveyed.
    pub relayed_on_behalf_of: Option<Ministry>,
    /// Symbol of the drafting office; may be empty.
    pub drafting_office: String,
}

/// How the content is to be protected.
#[derive(Clone, PartialEq, Eq)]
pub struct Marking {
    /// Level.
    pub level: Level,
    /// The sender's own word for the level.
    pub national_label: String,
    /// Handling caveats, ascending.
    pub caveats: Vec<Caveat>,
    /// Roles that may read it; empty means by the receiver's own rules.
    pub eyes_only_roles: Vec<String>,
}

/// The past of one Power.
#[derive(Clone, PartialEq, Eq)]
pub struct Basis {
    /// The Power.
    pub ministry: Ministry,
    /// Its last known act number, 0 for none.
    pub act_number: u64,
}

/// One text or annex.
#[derive(Clone, PartialEq, Eq)]
pub struct Document {
    /// Unique in the dispatch.
    pub document_id: String,
    /// Neutral title.
    pub title: String,
    /// Legal standing.
    pub standing: DocumentStanding,
    /// What it is.
    pub class: DocumentClass,
    /// BCP 47 tag.
    pub language: String,
    /// Media type.
    pub media_type: String,
    /// Plain length in bytes.
    pub size: u64,
    /// SHA-256 of the plain document.
    pub digest: Digest,
    /// The document it translates; empty for originals.
    pub translation_of: String,
}

/// A signature that the dispatch must bear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedAuthentication {
    /// What it stands for.
    pub kind: AuthenticationKind,
    /// The office whose certificate must verify it.
    pub credential: Name,
}

/// A dispatch with its exact bytes and the signatures beside it.
#[derive(Clone, PartialEq, Eq)]
pub struct SignedDispatch {
    bytes: Vec<u8>,
    dispatch: Dispatch,
    authentications: Vec<Vec<u8>>,
}

impl Dispatch {
    /// The exact bytes to be signed.
    pub fn bytes(&self) -> Vec<u8> {
        wire::Dispatch {
            context: DISPATCH_CONTEXT.to_owned(),
            address_digest: self.address_digest.as_bytes().to_vec(),
            salt: self.salt.to_vec(),
            form: self.form.number(),
            formal_number: self.formal_number.clone(),
            marking: Some(self.marking.to_wire()),
            basis: self.basis.iter().map(Basis::to_wire).collect(),
            documents: self.documents.iter().map(Document::to_wire).collect(),
            authentications: self.authentications.iter().map(ExpectedAuthentication::to_wire).collect(),
            kind: self.kind.clone(),
            act_class: self.act_class.number(),
            act: self.act.clone(),
            in_reply_to: self.in_reply_to.map(|id| id.as_bytes().to_vec()).unwrap_or_default(),
            reply_due_time: self.reply_due.map_or(0, Timestamp::seconds),
            relayed_on_behalf_of: self
                .relayed_on_behalf_of
                .as_ref()
                .map(Ministry::to_string)
                .unwrap_or_default(),
            drafting_office: self.drafting_office.clone(),
        }
        .encode_to_vec()
    }

    /// Parses exact dispatch bytes: canonical, complete, within bounds, or refused.
    pub fn parse(bytes: &[u8]) -> Result<Self, Refusal> {
        let record: wire::Dispatch = canonical::decode(bytes, limits::SIGNED_DISPATCH_BYTES_MAX)?;
        if record.context != DISPATCH_CONTEXT {
            return Err(malformed("not a dispatch of format version 1"));
        }
        bounded("basis", record.basis.len(), limits::ADDRESSEES_MAX)?;
        bounded("documents", record.documents.len(), limits::DOCUMENTS_MAX)?;
        bounded("authentications", record.authentications.len(), limits::AUTHENTICATIONS_MAX)?;
        let dispatch = Self {
            address_digest: digest(&record.address_digest)?,
            salt: record.salt.as_slice().try_into().map_err(|_| malformed("the salt is not 32 bytes"))?,
            form: term(Form::from_number(record.form), "form")?,
            formal_number: short(record.formal_number)?,
            marking: Marking::parse(record.marking.ok_or_else(|| malformed("no marking"))?)?,
            basis: each(record.basis, Basis::parse)?,
            documents: each(record.documents, Document::parse)?,
            authentications: each(record.authentications, ExpectedAuthentication::parse)?,
            kind: short(record.kind)?,
            act_class: term(ActClass::from_number(record.act_class), "class of act")?,
            act: record.act,
            in_reply_to: optional_id(&record.in_reply_to)?,
            reply_due: optional_time(record.reply_due_time)?,
            relayed_on_behalf_of: optional_ministry(&record.relayed_on_behalf_of)?,
            drafting_office: short(record.drafting_office)?,
        };
        dispatch.check()?;
        Ok(dispatch)
    }

    fn check(&self) -> Result<(), Refusal> {
        let ids_differ = (1..).zip(&self.documents).all(|(next, document)| {
            self.documents.iter().skip(next).all(|other| other.document_id != document.document_id)
        });
        if self.kind.is_empty() || self.authentications.is_empty() {
            return Err(malformed("a dispatch has a kind of act and at least one authentication"));
        }
        if !self.basis.is_sorted_by(|a, b| a.ministry < b.ministry) {
            return Err(malformed("the basis must stand in ascending order, each Power once"));
        }
        if !self.marking.caveats.is_sorted_by(|a, b| a < b) || !ids_differ {
            return Err(malformed("caveats must ascend and document ids must differ"));
        }
        Ok(())
    }
}

impl SignedDispatch {
    /// Joins a dispatch's exact bytes with its signatures, one for each authentication it lists.
    pub fn compose(bytes: Vec<u8>, authentications: Vec<Vec<u8>>) -> Result<Self, Refusal> {
        let dispatch = Dispatch::parse(&bytes)?;
        if authentications.len() != dispatch.authentications.len() {
            return Err(Refusal::new(
                Reason::AuthenticationInvalid,
                "the dispatch does not bear exactly the signatures it lists",
            ));
        }
        Ok(Self { bytes, dispatch, authentications })
    }

    /// Parses the content of the first sealed part.
    pub fn parse(bytes: &[u8]) -> Result<Self, Refusal> {
        let record: wire::SignedDispatch = canonical::decode(bytes, limits::SIGNED_DISPATCH_BYTES_MAX)?;
        Self::compose(record.dispatch, record.authentications)
    }

    /// The exact bytes to be sealed.
    pub fn encode(&self) -> Vec<u8> {
        wire::SignedDispatch { dispatch: self.bytes.clone(), authentications: self.authentications.clone() }
            .encode_to_vec()
    }

    /// The exact bytes of the dispatch, over which the authentications are.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// SHA-256 of the dispatch bytes; salted, but still only for desks.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.bytes)
    }

    /// What the dispatch says. Believe it only after its authentications are verified.
    pub fn dispatch(&self) -> &Dispatch {
        &self.dispatch
    }

    /// The signatures, in the order the dispatch lists them.
    pub fn authentications(&self) -> &[Vec<u8>] {
        &self.authentications
    }
}

impl Marking {
    fn to_wire(&self) -> wire::Marking {
        wire::Marking {
            level: self.level.number(),
            national_label: self.national_label.clone(),
            caveats: self.caveats.iter().map(|caveat| caveat.number()).collect(),
            eyes_only_roles: self.eyes_only_roles.clone(),
        }
    }

    fn parse(record: wire::Marking) -> Result<Self, Refusal> {
        bounded("roles", record.eyes_only_roles.len(), limits::ADDRESSEES_MAX)?;
        Ok(Self {
            level: term(Level::from_number(record.level), "level")?,
            national_label: short(record.national_label)?,
            caveats: each(record.caveats, |number| term(Caveat::from_number(number), "caveat"))?,
            eyes_only_roles: each(record.eyes_only_roles, short)?,
        })
    }
}

impl Basis {
    fn to_wire(&self) -> wire::Basis {
        wire::Basis { ministry: self.ministry.to_string(), act_number: self.act_number }
    }

    fn parse(record: wire::Basis) -> Result<Self, Refusal> {
        Ok(Self { ministry: ministry(&record.ministry)?, act_number: record.act_number })
    }
}

impl Document {
    fn to_wire(&self) -> wire::Document {
        wire::Document {
            document_id: self.document_id.clone(),
            title: self.title.clone(),
            standing: self.standing.number(),
            document_class: self.class.number(),
            language: self.language.clone(),
            media_type: self.media_type.clone(),
            size: self.size,
            digest: self.digest.as_bytes().to_vec(),
            translation_of: self.translation_of.clone(),
        }
    }

    fn parse(record: wire::Document) -> Result<Self, Refusal> {
        let id_fits = |c: char| c.is_ascii_alphanumeric() || c == '-';
        if !(1..=32).contains(&record.document_id.len()) || !record.document_id.chars().all(id_fits) {
            return Err(malformed("a document id has 1 to 32 letters, digits or hyphens"));
        }
        if record.size > limits::DOCUMENT_BYTES_MAX {
            return Err(Refusal::new(Reason::TooLarge, "a document is over its bound"));
        }
        Ok(Self {
            document_id: record.document_id,
            title: short(record.title)?,
            standing: term(DocumentStanding::from_number(record.standing), "standing")?,
            class: term(DocumentClass::from_number(record.document_class), "class of document")?,
            language: short(record.language)?,
            media_type: short(record.media_type)?,
            size: record.size,
            digest: digest(&record.digest)?,
            translation_of: short(record.translation_of)?,
        })
    }
}

impl ExpectedAuthentication {
    fn to_wire(&self) -> wire::ExpectedAuthentication {
        wire::ExpectedAuthentication { kind: self.kind.number(), credential: self.credential.to_string() }
    }

    fn parse(record: wire::ExpectedAuthentication) -> Result<Self, Refusal> {
        Ok(Self {
            kind: term(AuthenticationKind::from_number(record.kind), "authentication")?,
            credential: Name::parse(&record.credential)
                .map_err(|_| malformed("not the name of an office"))?,
        })
    }
}

/// Shows only that something is there: what ministries say never reaches a log by accident.
macro_rules! opaque {
    ($($name:ident),+) => {
        $(impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(stringify!($name))
            }
        })+
    };
}
opaque!(Dispatch, Marking, Basis, Document, SignedDispatch);

#[cfg(test)]
mod tests;
