//! `Act` <-> exact bytes: canonical and complete, or refused.
//!
//! An act is decoded, its record is encoded again and compared, every field is checked into its type, and
//! the act itself is encoded once more: whatever spelling of the same act is not the one we would write is
//! refused. Values outside a vocabulary are refused, never carried along.

use prost::Message as _;

use crate::canonical::{self, NotCanonical};
use crate::consultation::act::{Act, ActKind};
use crate::consultation::fault::{Fault, FormRefusal, Reason};
use crate::limits;
use crate::proto::consultation::v1 as wire;

mod field;
mod opening;
mod transfer;

#[cfg(test)]
mod tests;

/// The exact bytes of an act's own record.
pub fn encode(act: &Act) -> Vec<u8> {
    match act {
        Act::Correspondence(act) => wire::Correspondence::from(act).encode_to_vec(),
        Act::ConsultationProposal(act) => wire::ConsultationProposal::from(act).encode_to_vec(),
        Act::ConsultationReply(act) => wire::ConsultationReply::from(act).encode_to_vec(),
        Act::PositionStatement(act) => wire::PositionStatement::from(act).encode_to_vec(),
        Act::TransferRequest(act) => wire::TransferRequest::from(act).encode_to_vec(),
        Act::TransferResponse(act) => wire::TransferResponse::from(act).encode_to_vec(),
        Act::RegistryReceipt(act) => wire::RegistryReceipt::from(act).encode_to_vec(),
    }
}

/// Decodes the act of a dispatch from its kind and its exact bytes.
pub fn decode(kind: &str, bytes: &[u8]) -> Result<Act, FormRefusal> {
    let Some(kind) = ActKind::from_word(kind) else {
        return Err(Fault::new(Reason::KindUnknown, "this release knows no act of this kind").at("kind"));
    };
    let act = match kind {
        ActKind::Correspondence => Act::Correspondence(record::<wire::Correspondence>(bytes)?.try_into()?),
        ActKind::ConsultationProposal => {
            Act::ConsultationProposal(record::<wire::ConsultationProposal>(bytes)?.try_into()?)
        }
        ActKind::ConsultationReply => {
            Act::ConsultationReply(record::<wire::ConsultationReply>(bytes)?.try_into()?)
        }
        ActKind::PositionStatement => {
            Act::PositionStatement(record::<wire::PositionStatement>(bytes)?.try_into()?)
        }
        ActKind::TransferRequest => Act::TransferRequest(record::<wire::TransferRequest>(bytes)?.try_into()?),
        ActKind::TransferResponse => {
            Act::TransferResponse(record::<wire::TransferResponse>(bytes)?.try_into()?)
        }
        ActKind::RegistryReceipt => Act::RegistryReceipt(record::<wire::RegistryReceipt>(bytes)?.try_into()?),
    };
    // The record compared equal to its bytes, but the act may still be one that we would write otherwise:
    // parties out of order, for example.
    if encode(&act) == bytes { Ok(act) } else { Err(refusal(NotCanonical::Encoding)) }
}

fn record<Record: prost::Message + prost::Name + Default>(bytes: &[u8]) -> Result<Record, FormRefusal> {
    canonical::decode(bytes, limits::SIGNED_DISPATCH_BYTES_MAX).map_err(refusal)
}

fn refusal(cause: NotCanonical) -> FormRefusal {
    let reason = match cause {
        NotCanonical::TooLong(_) | NotCanonical::TooMany => Reason::TooLarge,
        NotCanonical::Undecodable => Reason::Malformed,
        NotCanonical::Encoding => Reason::NotCanonical,
    };
    Fault::new(reason, cause.to_string()).at("")
}
