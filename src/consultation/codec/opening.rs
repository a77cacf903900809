//! Records of correspondence, of opening a consultation, of positions and of the registry.

use super::field::{
    digest, each, id_bytes, laws, laws_to_wire, list, message, optional_message, optional_text, or_empty,
    short, term, text, time,
};
use crate::consultation::correspondence::{Correspondence, Demarche};
use crate::consultation::fault::{Fault, FormRefusal, Reason};
use crate::consultation::party::{ConsultationParty, Parties};
use crate::consultation::position::PositionStatement;
use crate::consultation::proposal::{ConsultationProposal, ConsultationReply};
use crate::consultation::reference::ConsultationId;
use crate::consultation::registry::RegistryReceipt;
use crate::consultation::words::{PartyRole, PositionKind, Reply};
use crate::proto::consultation::v1 as wire;
use crate::trust::name::Ministry;

impl TryFrom<wire::Correspondence> for Correspondence {
    type Error = FormRefusal;

    fn try_from(record: wire::Correspondence) -> Result<Self, FormRefusal> {
        let none = record.demarche_time == 0
            && record.delivered_by_office.is_empty()
            && record.received_by_office.is_empty();
        let demarche = if none {
            None
        } else {
            Some(Demarche {
                time: time(record.demarche_time, "demarche_time")?,
                delivered_by_office: short(record.delivered_by_office, "delivered_by_office")?,
                received_by_office: short(record.received_by_office, "received_by_office")?,
            })
        };
        Ok(Self {
            subject: short(record.subject, "subject")?,
            opening_formula: optional_text(record.opening_formula, "opening_formula")?,
            closing_formula: optional_text(record.closing_formula, "closing_formula")?,
            demarche,
        })
    }
}

impl From<&Correspondence> for wire::Correspondence {
    fn from(act: &Correspondence) -> Self {
        let demarche = act.demarche.as_ref();
        let office = |office: Option<&str>| office.map(str::to_owned).unwrap_or_default();
        Self {
            subject: act.subject.as_str().to_owned(),
            opening_formula: or_empty(act.opening_formula.as_ref()),
            closing_formula: or_empty(act.closing_formula.as_ref()),
            demarche_time: demarche.map_or(0, |demarche| demarche.time.seconds()),
            delivered_by_office: office(demarche.map(|demarche| demarche.delivered_by_office.as_str())),
            received_by_office: office(demarche.map(|demarche| demarche.received_by_office.as_str())),
        }
    }
}

impl TryFrom<wire::ConsultationProposal> for ConsultationProposal {
    type Error = FormRefusal;

    fn try_from(record: wire::ConsultationProposal) -> Result<Self, FormRefusal> {
        let parties = each(record.parties, "parties", ConsultationParty::try_from)?;
        Ok(Self {
            consultation: ConsultationId::parse(&record.consultation)
                .map_err(|fault| fault.at("consultation"))?,
            subject: short(record.subject, "subject")?,
            parties: Parties::new(parties).map_err(|fault| fault.at("parties"))?,
            legal_basis: laws(record.legal_basis)?,
            open_until: time(record.open_until_time, "open_until_time")?,
        })
    }
}

impl From<&ConsultationProposal> for wire::ConsultationProposal {
    fn from(act: &ConsultationProposal) -> Self {
        Self {
            consultation: act.consultation.text(),
            subject: act.subject.as_str().to_owned(),
            parties: act.parties.as_slice().iter().map(wire::ConsultationParty::from).collect(),
            legal_basis: laws_to_wire(act.legal_basis.as_slice()),
            open_until_time: act.open_until.seconds(),
        }
    }
}

impl TryFrom<wire::ConsultationParty> for ConsultationParty {
    type Error = FormRefusal;

    fn try_from(record: wire::ConsultationParty) -> Result<Self, FormRefusal> {
        if record.ministry.is_empty() {
            return Err(Fault::missing().at("ministry"));
        }
        let not_a_code =
            |_| Fault::new(Reason::ReferenceInvalid, "not the code of a ministry").at("ministry");
        let ministry = Ministry::parse(&record.ministry).map_err(not_a_code)?;
        let roles = each(record.roles, "roles", |number| term(number, PartyRole::from_number, ""))?;
        Self::new(ministry, roles).map_err(|fault| fault.at("roles"))
    }
}

impl From<&ConsultationParty> for wire::ConsultationParty {
    fn from(party: &ConsultationParty) -> Self {
        Self {
            ministry: party.ministry().to_string(),
            roles: party.roles().iter().map(|role| role.number()).collect(),
        }
    }
}

impl TryFrom<wire::ConsultationReply> for ConsultationReply {
    type Error = FormRefusal;

    fn try_from(record: wire::ConsultationReply) -> Result<Self, FormRefusal> {
        Ok(Self {
            reply: term(record.reply, Reply::from_number, "reply")?,
            reason: optional_text(record.reason, "reason")?,
        })
    }
}

impl From<&ConsultationReply> for wire::ConsultationReply {
    fn from(act: &ConsultationReply) -> Self {
        Self { reply: act.reply.number(), reason: or_empty(act.reason.as_ref()) }
    }
}

impl TryFrom<wire::PositionStatement> for PositionStatement {
    type Error = FormRefusal;

    fn try_from(record: wire::PositionStatement) -> Result<Self, FormRefusal> {
        let commitments = each(record.commitments, "commitments", |line| text(line, ""))?;
        Ok(Self {
            category: short(record.category, "category")?,
            kind: term(record.kind, PositionKind::from_number, "kind")?,
            legal_basis: laws(record.legal_basis)?,
            commitments: list(commitments, "commitments")?,
            supersedes: optional_message(&record.supersedes, "supersedes")?,
            may_be_quoted_publicly: record.may_be_quoted_publicly,
        })
    }
}

impl From<&PositionStatement> for wire::PositionStatement {
    fn from(act: &PositionStatement) -> Self {
        Self {
            category: act.category.as_str().to_owned(),
            kind: act.kind.number(),
            legal_basis: laws_to_wire(act.legal_basis.as_slice()),
            commitments: act.commitments.iter().map(|line| line.as_str().to_owned()).collect(),
            supersedes: id_bytes(act.supersedes),
            may_be_quoted_publicly: act.may_be_quoted_publicly,
        }
    }
}

impl TryFrom<wire::RegistryReceipt> for RegistryReceipt {
    type Error = FormRefusal;

    fn try_from(record: wire::RegistryReceipt) -> Result<Self, FormRefusal> {
        Ok(Self {
            message_id: message(&record.message_id, "message_id")?,
            dispatch_digest: digest(&record.dispatch_digest, "dispatch_digest")?,
            registry_number: short(record.registry_number, "registry_number")?,
            register_time: time(record.register_time, "register_time")?,
            opened: record.opened,
        })
    }
}

impl From<&RegistryReceipt> for wire::RegistryReceipt {
    fn from(act: &RegistryReceipt) -> Self {
        Self {
            message_id: act.message_id.as_bytes().to_vec(),
            dispatch_digest: act.dispatch_digest.as_bytes().to_vec(),
            registry_number: act.registry_number.as_str().to_owned(),
            register_time: act.register_time.seconds(),
            opened: act.opened,
        }
    }
}
