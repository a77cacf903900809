//! The one table of acts: name, record, class, who may send it, how urgently, in what form, with what documents
//! and texts. Forms, help, rules and documentation read it.

use crate::consultation::act::acts;
use crate::consultation::acts::{
    agreement, channel, correspondence, custody, exchange, handover, medical, opening, protection, registry,
    transfer, will,
};
use crate::consultation::codec::record::{self, Record};
use crate::consultation::describe::{self, Description};
use crate::consultation::fault::Faults;
use crate::consultation::outline::Field;
use crate::consultation::words::PartyRole;
use crate::message::terms::{ActClass, DocumentClass, Form, Precedence};

/// What a kind of act is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Specification {
    /// What a receiver may do with it.
    pub class: ActClass,
    /// Heading under which it is listed.
    pub group: &'static str,
    /// Roles of which a sender must have one (CON-03); empty where every Power may send it.
    pub senders: &'static [PartyRole],
    /// Whether observers may send it too (ROL-06).
    pub observers: bool,
    /// Precedences it may bear, the usual one first (PRE-01).
    pub precedences: &'static [Precedence],
    /// Forms it may take, the usual one first (FRM-05).
    pub forms: &'static [Form],
    /// Classes that documents must have which the act names: field and class.
    pub documents: &'static [(&'static str, DocumentClass)],
    /// Classes of documents that must stand beside it, named or not.
    pub companions: &'static [DocumentClass],
    /// What texts it needs.
    pub texts: Texts,
    /// Whether it may carry documents that identify a person (PRV-04).
    pub concerns_persons: bool,
    /// Whether it may state the name of a person in its fields (PRV-03).
    pub names_persons: bool,
    /// Whether it needs the authority to conclude, and a legal clearance (ROL-03).
    pub concludes: bool,
    /// Whether it needs an open consultation (CON-01).
    pub needs_open: bool,
    /// Whether it must go to all Powers of the consultation, because rules judge by it (CON-06).
    pub to_all_powers: bool,
    /// The kind of act that it answers, where it answers a particular one.
    pub answers: Option<ActKind>,
}

/// What texts an act needs (LNG-01 to LNG-03).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Texts {
    /// None: it says all it has to say.
    None,
    /// One official text, with courtesy translations beside it.
    Official,
    /// Every authentic text, as the agreement lists them.
    Authentic,
}

/// A kind of act that the design knows and this release does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reserved {
    /// The word it will have.
    pub word: &'static str,
    /// Its name for people.
    pub title: &'static str,
}

/// Acts that are refused by name: "not in this release".
pub const RESERVED: &[Reserved] = &[
    Reserved { word: "channel-suspension", title: "Suspension of a channel" },
    Reserved { word: "erasure-notice", title: "Notice of erasure" },
    Reserved { word: "information-reply", title: "Reply to a request for information" },
    Reserved { word: "information-request", title: "Request for information" },
    Reserved { word: "marking-notice", title: "Notice of another marking" },
    Reserved { word: "translation-notice", title: "Notice of a translation" },
];

impl ActKind {
    /// What a receiver may do with an act of this kind.
    pub fn class(self) -> ActClass {
        self.specification().class
    }

    /// The kind of act that this one answers, where it answers a particular one.
    pub fn answers(self) -> Option<Self> {
        self.specification().answers
    }

    /// A kind that a later release will have, by its word.
    pub fn reserved(word: &str) -> Option<&'static Reserved> {
        RESERVED.iter().find(|reserved| reserved.word == word)
    }
}

use DocumentClass::{
    AgreementText, CourtDecision, DeathCertificate, DiplomaticText, InterpreterCertificate,
    MedicalCertificate, WillStatement,
};
use Form::{AideMemoire, DemarcheRecord, FirstPersonNote, Memorandum, NonPaper, NoteVerbale, ServiceMessage};
use PartyRole::{DetainingPower, NeutralPower, ReceivingPower};
use Precedence::{Flash, Immediate, Priority, Routine};

const CALM: &[Precedence] = &[Routine, Priority, Immediate];
const NOTES: &[Form] = &[NoteVerbale, FirstPersonNote];

/// Guarded by the rules; a note to all Powers of an open consultation.
const NORMATIVE: Specification = Specification {
    class: ActClass::Normative,
    group: "",
    senders: &[],
    observers: false,
    precedences: CALM,
    forms: NOTES,
    documents: &[],
    companions: &[],
    texts: Texts::Official,
    concerns_persons: true,
    names_persons: false,
    concludes: false,
    needs_open: true,
    to_all_powers: true,
    answers: None,
};

/// Never refused on substance.
const FACTUAL: Specification = Specification {
    class: ActClass::Factual,
    forms: &[NoteVerbale, FirstPersonNote, Memorandum],
    needs_open: false,
    ..NORMATIVE
};

/// Always registered, sent by one duty officer, needs no text.
const PROTECTIVE: Specification = Specification {
    class: ActClass::Protective,
    observers: true,
    precedences: &[Flash, Immediate],
    forms: &[ServiceMessage, NoteVerbale, FirstPersonNote],
    texts: Texts::None,
    needs_open: false,
    ..NORMATIVE
};

/// Opening and positions: about no person.
const OPENING: Specification =
    Specification { group: "Consultation", concerns_persons: false, needs_open: false, ..NORMATIVE };

/// An exchange of notes that binds.
const CONCLUDING: Specification = Specification {
    group: "Agreement",
    forms: &[FirstPersonNote, NoteVerbale],
    texts: Texts::Authentic,
    concludes: true,
    ..NORMATIVE
};

/// What registries say to each other.
const REGISTRY: Specification = Specification {
    class: ActClass::Correspondence,
    group: "Registry",
    observers: true,
    forms: &[ServiceMessage],
    texts: Texts::None,
    concerns_persons: false,
    needs_open: false,
    to_all_powers: false,
    ..NORMATIVE
};

acts! {
    ChannelCharterNote(channel::ChannelCharterNote) "channel-charter-note" "Charter of a channel" = Specification {
        group: "Channel", forms: &[FirstPersonNote, NoteVerbale], concerns_persons: false, concludes: true,
        needs_open: false, ..NORMATIVE
    };
    CredentialNotice(channel::CredentialNotice) "credential-notice" "Notice of a credential" = Specification {
        class: ActClass::Correspondence, group: "Channel", observers: true, concerns_persons: false,
        needs_open: false, to_all_powers: false, ..NORMATIVE
    };
    Correspondence(correspondence::Correspondence) "correspondence" "Correspondence" = Specification {
        class: ActClass::Correspondence, observers: true,
        forms: &[NoteVerbale, FirstPersonNote, AideMemoire, Memorandum, NonPaper, DemarcheRecord],
        to_all_powers: false, ..OPENING
    };
    ConsultationProposal(opening::ConsultationProposal) "consultation-proposal" "Proposal of a consultation" = OPENING;
    ConsultationReply(opening::ConsultationReply) "consultation-reply" "Reply to a proposal of consultation" =
        Specification { answers: Some(ActKind::ConsultationProposal), ..OPENING };
    PositionStatement(opening::PositionStatement) "position-statement" "Statement of position" = Specification {
        forms: &[NoteVerbale, FirstPersonNote, AideMemoire, Memorandum], ..OPENING
    };
    ObserverInvitation(opening::ObserverInvitation) "observer-invitation" "Invitation to observe" =
        Specification { needs_open: true, ..OPENING };
    ObserverReply(opening::ObserverReply) "observer-reply" "Reply to an invitation to observe" = Specification {
        observers: true, needs_open: true, answers: Some(ActKind::ObserverInvitation), ..OPENING
    };
    ConsultationClosure(opening::ConsultationClosure) "consultation-closure" "Closure of a consultation" =
        Specification { documents: &[("agreed_minute_document", DiplomaticText)], ..OPENING };
    CaseRegistration(custody::CaseRegistration) "case-registration" "Registration of a case" = Specification {
        group: "Person", senders: &[DetainingPower], ..NORMATIVE
    };
    PersonParticulars(custody::PersonParticulars) "person-particulars" "Particulars of a person" = Specification {
        group: "Person", senders: &[DetainingPower], names_persons: true, to_all_powers: false, ..FACTUAL
    };
    WillIndication(will::WillIndication) "will-indication" "Indication of will (hearsay)" =
        Specification { group: "Will", ..FACTUAL };
    ExpressionOfWill(will::ExpressionOfWill) "expression-of-will" "Expression of will" = Specification {
        group: "Will", senders: &[DetainingPower], observers: true,
        documents: &[("statement_document", WillStatement)], companions: &[InterpreterCertificate], ..NORMATIVE
    };
    WillWithdrawal(will::WillWithdrawal) "will-withdrawal" "Withdrawal of a statement of will" =
        Specification { group: "Will", ..PROTECTIVE };
    ProtectionAssessment(protection::ProtectionAssessment) "protection-assessment" "Protection assessment" =
        Specification { group: "Protection", senders: &[DetainingPower], ..FACTUAL };
    MedicalFinding(medical::MedicalFinding) "medical-finding" "Medical finding" = Specification {
        group: "Person", observers: true, documents: &[("certificate_document", MedicalCertificate)], ..FACTUAL
    };
    JudicialStatus(custody::JudicialStatus) "judicial-status" "Judicial status" = Specification {
        group: "Person", senders: &[DetainingPower], documents: &[("document", CourtDecision)], ..FACTUAL
    };
    Assurances(protection::Assurances) "assurances" "Assurances" = Specification { group: "Protection", ..FACTUAL };
    TransferRequest(transfer::TransferRequest) "transfer-request" "Request for transfer" =
        Specification { group: "Transfer", senders: &[ReceivingPower, NeutralPower], ..NORMATIVE };
    TransferResponse(transfer::TransferResponse) "transfer-response" "Response to a request for transfer" =
        Specification {
            group: "Transfer", senders: &[DetainingPower], answers: Some(ActKind::TransferRequest), ..NORMATIVE
        };
    ExchangeProposal(exchange::ExchangeProposal) "exchange-proposal" "Proposal of an exchange" =
        Specification { group: "Exchange", ..NORMATIVE };
    ListVerification(exchange::ListVerification) "list-verification" "Verification of a list" =
        Specification { group: "Exchange", ..NORMATIVE };
    ProposalResponse(exchange::ProposalResponse) "proposal-response" "Response to a proposal of exchange" =
        Specification { group: "Exchange", answers: Some(ActKind::ExchangeProposal), ..NORMATIVE };
    AgreementNote(agreement::AgreementNote) "agreement-note" "Note proposing an agreement" =
        Specification { companions: &[AgreementText], ..CONCLUDING };
    AgreementReply(agreement::AgreementReply) "agreement-reply" "Note concluding an agreement" = Specification {
        companions: &[AgreementText], answers: Some(ActKind::AgreementNote), ..CONCLUDING
    };
    AgreementTermination(agreement::AgreementTermination) "agreement-termination" "Termination of an agreement" =
        Specification { texts: Texts::Official, ..CONCLUDING };
    HandoverArrangement(handover::HandoverArrangement) "handover-arrangement" "Arrangement of a handover" =
        Specification { group: "Handover", senders: &[DetainingPower], ..NORMATIVE };
    HandoverConfirmation(handover::HandoverConfirmation) "handover-confirmation" "Confirmation of a handover" =
        Specification { group: "Handover", answers: Some(ActKind::HandoverArrangement), ..NORMATIVE };
    GoNoGo(handover::GoNoGo) "go-no-go" "Go or no go" =
        Specification { group: "Handover", observers: true, texts: Texts::None, ..FACTUAL };
    HandoverReport(handover::HandoverReport) "handover-report" "Report of a handover" =
        Specification { group: "Handover", observers: true, ..FACTUAL };
    InformationBureauNotice(handover::InformationBureauNotice) "information-bureau-notice"
        "Notice about an Information Bureau" = Specification { group: "Handover", ..FACTUAL };
    PostTransferNotice(handover::PostTransferNotice) "post-transfer-notice" "Notice after a transfer" =
        Specification { group: "Handover", ..FACTUAL };
    HoldNotice(protection::HoldNotice) "hold-notice" "Hold" = Specification { group: "Protection", ..PROTECTIVE };
    HoldRelease(protection::HoldRelease) "hold-release" "Release of a hold" = Specification {
        group: "Protection", observers: true, answers: Some(ActKind::HoldNotice), ..FACTUAL
    };
    PublicityNotice(protection::PublicityNotice) "publicity-notice" "Notice of public exposure" =
        Specification { group: "Protection", precedences: &[Immediate], ..PROTECTIVE };
    TakedownConfirmation(protection::TakedownConfirmation) "takedown-confirmation" "Confirmation of a takedown" =
        Specification { group: "Protection", answers: Some(ActKind::PublicityNotice), ..FACTUAL };
    Countersignature(protection::Countersignature) "countersignature" "Countersignature of a protective act" =
        Specification {
            group: "Protection", observers: true, forms: &[ServiceMessage], texts: Texts::None,
            concerns_persons: false, ..FACTUAL
        };
    DeathNotice(custody::DeathNotice) "death-notice" "Notice of death" = Specification {
        group: "Person", documents: &[("certificate_document", DeathCertificate)], ..PROTECTIVE
    };
    RegistryReceipt(registry::RegistryReceipt) "registry-receipt" "Registry receipt" = REGISTRY;
    RuleRejection(registry::RuleRejection) "rule-rejection" "Rejection by a rule" = REGISTRY;
    NonAcknowledgement(registry::NonAcknowledgement) "non-acknowledgement" "Non-acknowledgement of an urgent message" =
        REGISTRY;
    Corrigendum(registry::Corrigendum) "corrigendum" "Corrigendum" = Specification {
        forms: NOTES, texts: Texts::Official, to_all_powers: true, ..REGISTRY
    };
    NoteWithdrawal(registry::NoteWithdrawal) "note-withdrawal" "Withdrawal of a note" = Specification {
        forms: NOTES, texts: Texts::Official, to_all_powers: true, ..REGISTRY
    };
}
