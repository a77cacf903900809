//! `Act`: the closed set of what one ministry can say to another in this release.
//!
//! A new act is a new variant and a new kind; the record of an existing one never gains a field.

use crate::consultation::correspondence::Correspondence;
use crate::consultation::opaque;
use crate::consultation::position::PositionStatement;
use crate::consultation::proposal::{ConsultationProposal, ConsultationReply};
use crate::consultation::reference::PersonRef;
use crate::consultation::registry::RegistryReceipt;
use crate::consultation::transfer::{TransferRequest, TransferResponse};
use crate::message::terms::ActClass;
use crate::vocabulary;

vocabulary! {
    /// The kinds of act; the word stands in the dispatch and in forms, the number stands nowhere.
    pub enum ActKind {
        /// Free correspondence.
        Correspondence = 1 "correspondence",
        /// Proposes a consultation.
        ConsultationProposal = 2 "consultation-proposal",
        /// Answers such a proposal.
        ConsultationReply = 3 "consultation-reply",
        /// States a position.
        PositionStatement = 4 "position-statement",
        /// Asks for a transfer.
        TransferRequest = 5 "transfer-request",
        /// Answers such a request.
        TransferResponse = 6 "transfer-response",
        /// Confirms that a message was registered.
        RegistryReceipt = 7 "registry-receipt",
    }
}

impl ActKind {
    /// What a receiver may do with an act of this kind.
    pub const fn class(self) -> ActClass {
        match self {
            Self::Correspondence | Self::RegistryReceipt => ActClass::Correspondence,
            Self::ConsultationProposal
            | Self::ConsultationReply
            | Self::PositionStatement
            | Self::TransferRequest
            | Self::TransferResponse => ActClass::Normative,
        }
    }

    /// Its name for people.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Correspondence => "Correspondence",
            Self::ConsultationProposal => "Proposal of a consultation",
            Self::ConsultationReply => "Reply to a proposal of consultation",
            Self::PositionStatement => "Statement of position",
            Self::TransferRequest => "Request for transfer",
            Self::TransferResponse => "Response to a request for transfer",
            Self::RegistryReceipt => "Registry receipt",
        }
    }

    /// The kind of act that this one answers, where it answers a particular one.
    pub const fn answers(self) -> Option<Self> {
        match self {
            Self::ConsultationReply => Some(Self::ConsultationProposal),
            Self::TransferResponse => Some(Self::TransferRequest),
            _ => None,
        }
    }
}

/// One act.
#[derive(Clone, PartialEq, Eq)]
pub enum Act {
    /// Free correspondence.
    Correspondence(Correspondence),
    /// Proposes a consultation.
    ConsultationProposal(ConsultationProposal),
    /// Answers such a proposal.
    ConsultationReply(ConsultationReply),
    /// States a position.
    PositionStatement(PositionStatement),
    /// Asks for a transfer.
    TransferRequest(TransferRequest),
    /// Answers such a request.
    TransferResponse(TransferResponse),
    /// Confirms that a message was registered.
    RegistryReceipt(RegistryReceipt),
}

impl Act {
    /// Its kind as a term.
    pub fn act_kind(&self) -> ActKind {
        match self {
            Self::Correspondence(_) => ActKind::Correspondence,
            Self::ConsultationProposal(_) => ActKind::ConsultationProposal,
            Self::ConsultationReply(_) => ActKind::ConsultationReply,
            Self::PositionStatement(_) => ActKind::PositionStatement,
            Self::TransferRequest(_) => ActKind::TransferRequest,
            Self::TransferResponse(_) => ActKind::TransferResponse,
            Self::RegistryReceipt(_) => ActKind::RegistryReceipt,
        }
    }

    /// Its kind as it stands in the dispatch: `position-statement`.
    pub fn kind(&self) -> &'static str {
        self.act_kind().word()
    }

    /// What a receiver may do with it.
    pub fn class(&self) -> ActClass {
        self.act_kind().class()
    }

    /// The persons it concerns, each once, in the order in which it names them.
    pub fn persons(&self) -> Vec<PersonRef> {
        let mut persons = Vec::new();
        match self {
            Self::TransferRequest(request) => persons.extend(request.persons.iter().copied()),
            Self::TransferResponse(response) => {
                let subjects = response.reasons().iter().flat_map(|reason| reason.subjects.iter().copied());
                for subject in subjects {
                    if !persons.contains(&subject) {
                        persons.push(subject);
                    }
                }
            }
            Self::Correspondence(_)
            | Self::ConsultationProposal(_)
            | Self::ConsultationReply(_)
            | Self::PositionStatement(_)
            | Self::RegistryReceipt(_) => {}
        }
        persons
    }
}

opaque!(Act);
