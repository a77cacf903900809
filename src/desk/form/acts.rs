//! The `[act]` table of a form, one reader per kind of act.

use super::draft::{DraftAct, DraftProposal};
use super::reader::{Fields, Report, flag, long, ministry, referenced, short, string, term, time};
use crate::consultation::act::{Act, ActKind};
use crate::consultation::correspondence::{Correspondence, Demarche};
use crate::consultation::legal::LegalReference;
use crate::consultation::list::List;
use crate::consultation::party::{ConsultationParty, Parties};
use crate::consultation::position::PositionStatement;
use crate::consultation::proposal::ConsultationReply;
use crate::consultation::reference::PersonRef;
use crate::consultation::registry::RegistryReceipt;
use crate::consultation::text::Text;
use crate::consultation::transfer::{
    Condition, Destination, EntryId, Refusal, RegionCode, TransferRequest, TransferResponse,
};
use crate::consultation::words::{ConditionKind, DestinationKind, PartyRole, PositionKind, Reply, Route};
use crate::digest::Digest;
use crate::message::id::MessageId;

/// Reads the act; none where a mistake was reported.
pub(super) fn read(kind: ActKind, mut fields: Fields<'_>, report: &mut Report<'_>) -> Option<DraftAct> {
    let act = match kind {
        ActKind::Correspondence => correspondence(&mut fields, report).map(Act::Correspondence),
        ActKind::ConsultationProposal => {
            let proposal = proposal(&mut fields, report);
            fields.finish(report);
            return proposal.map(DraftAct::Proposal);
        }
        ActKind::ConsultationReply => reply(&mut fields, report).map(Act::ConsultationReply),
        ActKind::PositionStatement => position(&mut fields, report).map(Act::PositionStatement),
        ActKind::TransferRequest => request(&mut fields, report).map(Act::TransferRequest),
        ActKind::TransferResponse => response(&mut fields, report).map(Act::TransferResponse),
        ActKind::RegistryReceipt => receipt(&mut fields, report).map(Act::RegistryReceipt),
    };
    fields.finish(report);
    act.map(DraftAct::Complete)
}

fn correspondence(fields: &mut Fields<'_>, report: &mut Report<'_>) -> Option<Correspondence> {
    let subject = fields.required(report, "subject", short);
    let opening_formula = fields.optional(report, "opening_formula", long);
    let closing_formula = fields.optional(report, "closing_formula", long);
    let names = ["demarche_time", "delivered_by_office", "received_by_office"];
    let demarche = if names.iter().any(|name| fields.has(name)) {
        let time = fields.required(report, "demarche_time", time);
        let delivered_by_office = fields.required(report, "delivered_by_office", short);
        let received_by_office = fields.required(report, "received_by_office", short);
        Some(Demarche {
            time: time?,
            delivered_by_office: delivered_by_office?,
            received_by_office: received_by_office?,
        })
    } else {
        fields.optional(report, "demarche_time", time);
        fields.optional(report, "delivered_by_office", short);
        fields.optional(report, "received_by_office", short);
        None
    };
    Some(Correspondence { subject: subject?, opening_formula, closing_formula, demarche })
}

fn proposal(fields: &mut Fields<'_>, report: &mut Report<'_>) -> Option<DraftProposal> {
    let subject = fields.required(report, "subject", short);
    let errors = report.errors.len();
    let mut parties = Vec::new();
    for mut party in fields.tables(report, "parties") {
        let code = party.required(report, "ministry", |item| ministry(string(item)?));
        let errors = report.errors.len();
        let roles = party.each(report, "roles", |text| term(text, PartyRole::ALL, PartyRole::word));
        if let Some(code) = code {
            let built = ConsultationParty::new(code, roles);
            parties.extend(party.bounded(report, "roles", errors, built));
        }
        party.finish(report);
    }
    let parties = fields.bounded(report, "parties", errors, Parties::new(parties));
    let legal_basis = laws(fields, report);
    let open_until = fields.required(report, "open_until_time", time);
    Some(DraftProposal {
        subject: subject?,
        parties: parties?,
        legal_basis: legal_basis?,
        open_until: open_until?,
    })
}

fn reply(fields: &mut Fields<'_>, report: &mut Report<'_>) -> Option<ConsultationReply> {
    let reply = fields.required(report, "reply", |item| term(string(item)?, Reply::ALL, Reply::word));
    let reason = fields.optional(report, "reason", long);
    Some(ConsultationReply { reply: reply?, reason })
}

fn position(fields: &mut Fields<'_>, report: &mut Report<'_>) -> Option<PositionStatement> {
    let category = fields.required(report, "category", short);
    let kind =
        fields.required(report, "kind", |item| term(string(item)?, PositionKind::ALL, PositionKind::word));
    let legal_basis = laws(fields, report);
    let commitments = fields.list(report, "commitments", |text| Ok(Text::new(text)?));
    let supersedes = message(fields, report, "supersedes", false);
    let may_be_quoted_publicly = fields.optional(report, "may_be_quoted_publicly", flag).unwrap_or(false);
    Some(PositionStatement {
        category: category?,
        kind: kind?,
        legal_basis: legal_basis?,
        commitments: commitments?,
        supersedes,
        may_be_quoted_publicly,
    })
}

fn request(fields: &mut Fields<'_>, report: &mut Report<'_>) -> Option<TransferRequest> {
    let persons = fields.list(report, "persons", |text| Ok(PersonRef::parse(text)?));
    let route = fields.required(report, "route", |item| term(string(item)?, Route::ALL, Route::word));
    let destination = fields.table(report, "destination").and_then(|fields| destination(fields, report));
    let legal_basis = laws(fields, report);
    let supporting_documents = fields.list(report, "supporting_documents", |text| Ok(EntryId::parse(text)?));
    let assurances_message = message(fields, report, "assurances_message", true);
    let requested_by = fields.optional(report, "requested_by_time", time);
    Some(TransferRequest {
        persons: persons?,
        route: route?,
        destination: destination?,
        legal_basis: legal_basis?,
        supporting_documents: supporting_documents?,
        assurances_message: assurances_message?,
        requested_by,
    })
}

fn destination(mut fields: Fields<'_>, report: &mut Report<'_>) -> Option<Destination> {
    let errors = report.errors.len();
    let kind = fields
        .required(report, "kind", |item| term(string(item)?, DestinationKind::ALL, DestinationKind::word));
    let code = fields.optional(report, "region_code", |item| Ok(RegionCode::parse(string(item)?)?));
    let destination = match (kind, report.errors.len() == errors) {
        (Some(kind), true) => match Destination::new(kind, code) {
            Ok(destination) => Some(destination),
            Err(refusal) => {
                fields.refuse(report, &refusal);
                None
            }
        },
        _ => None,
    };
    fields.finish(report);
    destination
}

fn response(fields: &mut Fields<'_>, report: &mut Report<'_>) -> Option<TransferResponse> {
    let errors = report.errors.len();
    let request = message(fields, report, "request", true);
    let reply = fields.required(report, "reply", |item| term(string(item)?, Reply::ALL, Reply::word));
    let mut conditions = Vec::new();
    for table in fields.tables(report, "conditions") {
        conditions.extend(condition(table, report));
    }
    let mut reasons = Vec::new();
    for table in fields.tables(report, "reasons") {
        reasons.extend(refusal(table, report));
    }
    if report.errors.len() > errors {
        return None;
    }
    match TransferResponse::new(request?, reply?, conditions, reasons) {
        Ok(response) => Some(response),
        Err(refusal) => {
            fields.refuse(report, &refusal);
            None
        }
    }
}

fn condition(mut fields: Fields<'_>, report: &mut Report<'_>) -> Option<Condition> {
    let condition_id = fields.required(report, "condition_id", |item| Ok(EntryId::parse(string(item)?)?));
    let kind =
        fields.required(report, "kind", |item| term(string(item)?, ConditionKind::ALL, ConditionKind::word));
    let text = fields.required(report, "text", long);
    let satisfied = fields.optional(report, "satisfied", flag).unwrap_or(false);
    let evidence_message = message(&mut fields, report, "evidence_message", false);
    fields.finish(report);
    Some(Condition { condition_id: condition_id?, kind: kind?, text: text?, satisfied, evidence_message })
}

fn refusal(mut fields: Fields<'_>, report: &mut Report<'_>) -> Option<Refusal> {
    let rule = fields.optional(report, "rule", short);
    let message = fields.required(report, "message", long);
    let legal_basis = laws(&mut fields, report);
    let subjects = fields.list(report, "subjects", |text| Ok(PersonRef::parse(text)?));
    let remedy = fields.optional(report, "remedy", long);
    fields.finish(report);
    Some(Refusal { rule, message: message?, legal_basis: legal_basis?, subjects: subjects?, remedy })
}

fn receipt(fields: &mut Fields<'_>, report: &mut Report<'_>) -> Option<RegistryReceipt> {
    let references = report.references;
    let meant = fields.required(report, "message_id", |item| referenced(references, string(item)?));
    let stated = fields.optional(report, "dispatch_digest", |item| {
        let invalid = |_| super::reader::Wrong::new("ACT_REFERENCE_INVALID", "not a SHA-256 digest", "");
        Digest::parse(string(item)?).map_err(invalid)
    });
    let known = meant.and_then(|meant| meant.dispatch_digest);
    if meant.is_some() && stated.is_none() && known.is_none() && !fields.has("dispatch_digest") {
        fields.required(report, "dispatch_digest", |_| Ok(()));
    }
    let registry_number = fields.required(report, "registry_number", short);
    let register_time = fields.required(report, "register_time", time);
    let opened = fields.required(report, "opened", flag);
    Some(RegistryReceipt {
        message_id: meant?.message_id,
        dispatch_digest: stated.or(known)?,
        registry_number: registry_number?,
        register_time: register_time?,
        opened: opened?,
    })
}

fn laws<const MIN: usize>(
    fields: &mut Fields<'_>,
    report: &mut Report<'_>,
) -> Option<List<LegalReference, MIN>> {
    let errors = report.errors.len();
    let mut laws = Vec::new();
    for mut law in fields.tables(report, "legal_basis") {
        let instrument = law.required(report, "instrument", short);
        let provision = law.required(report, "provision", short);
        let note = law.optional(report, "note", long);
        if let (Some(instrument), Some(provision)) = (instrument, provision) {
            laws.push(LegalReference { instrument, provision, note });
        }
        law.finish(report);
    }
    fields.bounded(report, "legal_basis", errors, List::new(laws))
}

fn message(
    fields: &mut Fields<'_>,
    report: &mut Report<'_>,
    name: &'static str,
    mandatory: bool,
) -> Option<MessageId> {
    let references = report.references;
    let look_up = |item: &toml_edit::Item| referenced(references, string(item)?);
    let meant = if mandatory {
        fields.required(report, name, look_up)
    } else {
        fields.optional(report, name, look_up)
    };
    meant.map(|meant| meant.message_id)
}
