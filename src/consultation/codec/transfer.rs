//! Records of requests for transfer and of the answers to them.

use super::field::{
    each, id_bytes, laws, laws_to_wire, list, message, optional_message, optional_short, optional_text,
    optional_time, or_empty, persons, term, text,
};
use crate::consultation::fault::{Fault, FormRefusal};
use crate::consultation::transfer::{
    Condition, Destination, EntryId, Refusal, RegionCode, TransferRequest, TransferResponse,
};
use crate::consultation::words::{ConditionKind, DestinationKind, Reply, Route};
use crate::proto::consultation::v1 as wire;
use crate::time::Timestamp;

impl TryFrom<wire::TransferRequest> for TransferRequest {
    type Error = FormRefusal;

    fn try_from(record: wire::TransferRequest) -> Result<Self, FormRefusal> {
        let destination = record.destination.ok_or_else(|| Fault::missing().at("destination"))?;
        let supporting = each(record.supporting_documents, "supporting_documents", |id| entry_id(&id, ""))?;
        Ok(Self {
            persons: persons(record.persons, "persons")?,
            route: term(record.route, Route::from_number, "route")?,
            destination: Destination::try_from(destination)
                .map_err(|refusal| refusal.within("destination"))?,
            legal_basis: laws(record.legal_basis)?,
            supporting_documents: list(supporting, "supporting_documents")?,
            assurances_message: message(&record.assurances_message, "assurances_message")?,
            requested_by: optional_time(record.requested_by_time, "requested_by_time")?,
        })
    }
}

impl From<&TransferRequest> for wire::TransferRequest {
    fn from(act: &TransferRequest) -> Self {
        Self {
            persons: act.persons.iter().map(|person| person.text()).collect(),
            route: act.route.number(),
            destination: Some(wire::Destination::from(&act.destination)),
            legal_basis: laws_to_wire(act.legal_basis.as_slice()),
            supporting_documents: act.supporting_documents.iter().map(|id| id.as_str().to_owned()).collect(),
            assurances_message: act.assurances_message.as_bytes().to_vec(),
            requested_by_time: act.requested_by.map_or(0, Timestamp::seconds),
        }
    }
}

impl TryFrom<wire::Destination> for Destination {
    type Error = FormRefusal;

    fn try_from(record: wire::Destination) -> Result<Self, FormRefusal> {
        let kind = term(record.kind, DestinationKind::from_number, "kind")?;
        let code = match record.region_code.as_str() {
            "" => None,
            code => Some(RegionCode::parse(code).map_err(|fault| fault.at("region_code"))?),
        };
        Self::new(kind, code)
    }
}

impl From<&Destination> for wire::Destination {
    fn from(destination: &Destination) -> Self {
        let code = destination.region_code();
        Self {
            kind: destination.kind().number(),
            region_code: code.map(|code| code.as_str().to_owned()).unwrap_or_default(),
        }
    }
}

impl TryFrom<wire::TransferResponse> for TransferResponse {
    type Error = FormRefusal;

    fn try_from(record: wire::TransferResponse) -> Result<Self, FormRefusal> {
        let request = message(&record.request, "request")?;
        let reply = term(record.reply, Reply::from_number, "reply")?;
        let conditions = each(record.conditions, "conditions", Condition::try_from)?;
        let reasons = each(record.reasons, "reasons", Refusal::try_from)?;
        Self::new(request, reply, conditions, reasons)
    }
}

impl From<&TransferResponse> for wire::TransferResponse {
    fn from(act: &TransferResponse) -> Self {
        Self {
            request: act.request().as_bytes().to_vec(),
            reply: act.reply().number(),
            conditions: act.conditions().iter().map(wire::Condition::from).collect(),
            reasons: act.reasons().iter().map(wire::Refusal::from).collect(),
        }
    }
}

impl TryFrom<wire::Condition> for Condition {
    type Error = FormRefusal;

    fn try_from(record: wire::Condition) -> Result<Self, FormRefusal> {
        Ok(Self {
            condition_id: entry_id(&record.condition_id, "condition_id")?,
            kind: term(record.kind, ConditionKind::from_number, "kind")?,
            text: text(record.text, "text")?,
            satisfied: record.satisfied,
            evidence_message: optional_message(&record.evidence_message, "evidence_message")?,
        })
    }
}

impl From<&Condition> for wire::Condition {
    fn from(condition: &Condition) -> Self {
        Self {
            condition_id: condition.condition_id.as_str().to_owned(),
            kind: condition.kind.number(),
            text: condition.text.as_str().to_owned(),
            satisfied: condition.satisfied,
            evidence_message: id_bytes(condition.evidence_message),
        }
    }
}

impl TryFrom<wire::Refusal> for Refusal {
    type Error = FormRefusal;

    fn try_from(record: wire::Refusal) -> Result<Self, FormRefusal> {
        Ok(Self {
            rule: optional_short(record.rule, "rule")?,
            message: text(record.message, "message")?,
            legal_basis: laws(record.legal_basis)?,
            subjects: persons(record.subjects, "subjects")?,
            remedy: optional_text(record.remedy, "remedy")?,
        })
    }
}

impl From<&Refusal> for wire::Refusal {
    fn from(refusal: &Refusal) -> Self {
        let rule = refusal.rule.as_ref();
        Self {
            rule: rule.map(|rule| rule.as_str().to_owned()).unwrap_or_default(),
            message: refusal.message.as_str().to_owned(),
            legal_basis: laws_to_wire(refusal.legal_basis.as_slice()),
            subjects: refusal.subjects.iter().map(|person| person.text()).collect(),
            remedy: or_empty(refusal.remedy.as_ref()),
        }
    }
}

fn entry_id(text: &str, field: &str) -> Result<EntryId, FormRefusal> {
    EntryId::parse(text).map_err(|fault| fault.at(field))
}
