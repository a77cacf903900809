//! Asking for the transfer of prisoners of war and answering (GC III Art. 12(2), 109 to 111, 118). Frozen.

use crate::consultation::fault::{Fault, FormRefusal, Reason};
use crate::consultation::legal::LegalReference;
use crate::consultation::list::List;
use crate::consultation::opaque;
use crate::consultation::reference::PersonRef;
use crate::consultation::text::{ShortText, Text};
use crate::consultation::words::{ConditionKind, DestinationKind, Reply, Route};
use crate::message::id::MessageId;
use crate::time::Timestamp;

/// Asks the Detaining Power to transfer persons; sent by a receiving or neutral Power.
#[derive(Clone, PartialEq, Eq)]
pub struct TransferRequest {
    /// Whom it concerns.
    pub persons: List<PersonRef, 1>,
    /// Legal route.
    pub route: Route,
    /// Where they are to go.
    pub destination: Destination,
    /// Law that the requesting Power invokes.
    pub legal_basis: List<LegalReference, 1>,
    /// Documents of the same dispatch that support it.
    pub supporting_documents: List<EntryId, 1>,
    /// The message in which the requesting Power gave its assurances.
    pub assurances_message: MessageId,
    /// Transfer asked for by this time.
    pub requested_by: Option<Timestamp>,
}

/// Where a person is to go.
#[derive(Clone, PartialEq, Eq)]
pub enum Destination {
    /// The Power on which the person depends.
    PowerOfOrigin,
    /// This State.
    NamedState(RegionCode),
    /// The territory of the Detaining Power.
    RemainInDetainingState,
    /// Any State but those the person refused.
    AnyStateExceptRefused,
    /// Not decided.
    Undecided,
}

impl Destination {
    /// A destination of `kind`; the code belongs to a named State and to nothing else.
    pub fn new(kind: DestinationKind, region_code: Option<RegionCode>) -> Result<Self, FormRefusal> {
        match (kind, region_code) {
            (DestinationKind::NamedState, Some(code)) => Ok(Self::NamedState(code)),
            (DestinationKind::NamedState, None) => Err(Fault::missing().at("region_code")),
            (_, Some(_)) => {
                let message = "a code belongs to the destination NAMED_STATE alone";
                Err(Fault::new(Reason::FieldConflict, message).at("region_code"))
            }
            (DestinationKind::PowerOfOrigin, None) => Ok(Self::PowerOfOrigin),
            (DestinationKind::RemainInDetainingState, None) => Ok(Self::RemainInDetainingState),
            (DestinationKind::AnyStateExceptRefused, None) => Ok(Self::AnyStateExceptRefused),
            (DestinationKind::Undecided, None) => Ok(Self::Undecided),
        }
    }

    /// What kind of place it is.
    pub fn kind(&self) -> DestinationKind {
        match self {
            Self::PowerOfOrigin => DestinationKind::PowerOfOrigin,
            Self::NamedState(_) => DestinationKind::NamedState,
            Self::RemainInDetainingState => DestinationKind::RemainInDetainingState,
            Self::AnyStateExceptRefused => DestinationKind::AnyStateExceptRefused,
            Self::Undecided => DestinationKind::Undecided,
        }
    }

    /// The code of the named State.
    pub fn region_code(&self) -> Option<&RegionCode> {
        match self {
            Self::NamedState(code) => Some(code),
            _ => None,
        }
    }
}

/// ISO 3166-1 alpha-2 code of a State; user-assigned codes are permitted.
#[derive(Clone, PartialEq, Eq)]
pub struct RegionCode(String);

impl RegionCode {
    /// Parses two capital letters.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        if text.is_empty() {
            return Err(Fault::missing());
        }
        if text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return Ok(Self(text.to_owned()));
        }
        Err(Fault::new(Reason::ReferenceInvalid, "two capital letters (ISO 3166-1 alpha-2) are expected"))
    }

    /// The code.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Id of a document or of a condition inside one message: letters, digits, hyphen, 1 to 32.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct EntryId(String);

impl EntryId {
    /// Parses an id.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        if text.is_empty() {
            return Err(Fault::missing());
        }
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        if text.len() <= 32 && text.bytes().all(fits) {
            return Ok(Self(text.to_owned()));
        }
        Err(Fault::new(Reason::ReferenceInvalid, "1 to 32 letters, digits or hyphens are expected"))
    }

    /// The id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Answers a request for transfer; sent by the Detaining Power.
#[derive(Clone, PartialEq, Eq)]
pub struct TransferResponse {
    request: MessageId,
    reply: Reply,
    conditions: List<Condition, 0>,
    reasons: List<Refusal, 0>,
}

impl TransferResponse {
    /// A response. Conditions stand in ACCEPT_CONDITIONALLY, where they are required, and may stand in
    /// DEFER; reasons are required in DECLINE and may not stand in ACCEPT.
    pub fn new(
        request: MessageId,
        reply: Reply,
        conditions: Vec<Condition>,
        reasons: Vec<Refusal>,
    ) -> Result<Self, FormRefusal> {
        let same_id = |a: &Condition, b: &Condition| a.condition_id == b.condition_id;
        let conditions = List::distinct_by(conditions, same_id).map_err(|fault| fault.at("conditions"))?;
        let reasons = List::new(reasons).map_err(|fault| fault.at("reasons"))?;
        let conflict = |message: &str| Fault::new(Reason::FieldConflict, message);
        match reply {
            Reply::AcceptConditionally if conditions.is_empty() => Err(Fault::missing().at("conditions")),
            Reply::Accept | Reply::Decline if !conditions.is_empty() => {
                Err(conflict("conditions belong to ACCEPT_CONDITIONALLY or DEFER").at("conditions"))
            }
            Reply::Decline if reasons.is_empty() => Err(Fault::missing().at("reasons")),
            Reply::Accept if !reasons.is_empty() => {
                Err(conflict("a request that is accepted is not refused for a reason").at("reasons"))
            }
            _ => Ok(Self { request, reply, conditions, reasons }),
        }
    }

    /// The message that asked.
    pub fn request(&self) -> MessageId {
        self.request
    }

    /// The answer.
    pub fn reply(&self) -> Reply {
        self.reply
    }

    /// What must be so before the transfer.
    pub fn conditions(&self) -> &[Condition] {
        self.conditions.as_slice()
    }

    /// Why it was not accepted.
    pub fn reasons(&self) -> &[Refusal] {
        self.reasons.as_slice()
    }
}

/// Something that must be so before the transfer.
#[derive(Clone, PartialEq, Eq)]
pub struct Condition {
    /// Unique in the response.
    pub condition_id: EntryId,
    /// What it concerns.
    pub kind: ConditionKind,
    /// The condition in words.
    pub text: Text,
    /// Whether it is met already.
    pub satisfied: bool,
    /// The message that shows that it is met.
    pub evidence_message: Option<MessageId>,
}

/// One reason why an act was not accepted.
#[derive(Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Code of the rule that stands against it; none for a reason outside the rules.
    pub rule: Option<ShortText>,
    /// The reason in words, without the name of a person.
    pub message: Text,
    /// Law invoked.
    pub legal_basis: List<LegalReference, 0>,
    /// The persons concerned; empty where it concerns all of them.
    pub subjects: List<PersonRef, 0>,
    /// What would cure it.
    pub remedy: Option<Text>,
}

opaque!(TransferRequest, Destination, RegionCode, EntryId, TransferResponse, Condition, Refusal);
