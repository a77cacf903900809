//! `Bundle` to and from the exact bytes of a `TrustBundle`.

use prost::Message;

use crate::canonical;
use crate::digest::Digest;
use crate::limits::SIGNED_RECORD_BYTES_MAX;
use crate::proto::trust::v1::TrustBundle;
use crate::time::Timestamp;

use super::super::endpoint::Endpoint;
use super::super::name::{Domain, Ministry};
use super::{BundleContent, BundleRefusal};

const CONTEXT: &str = "chancery/bundle/v1";

/// Encodes a bundle.
pub(super) fn encode(content: &BundleContent) -> Result<Vec<u8>, BundleRefusal> {
    let content = content.clone();
    let previous_digest = content.previous_digest.map(|digest| digest.as_bytes().to_vec());
    let record = TrustBundle {
        context: CONTEXT.to_owned(),
        ministry: content.ministry.to_string(),
        display_name: content.display_name,
        domain: content.domain.to_string(),
        sequence: content.sequence,
        previous_digest: previous_digest.unwrap_or_default(),
        valid_from_time: content.valid_from.seconds(),
        valid_until_time: content.valid_until.seconds(),
        root: content.root,
        transport_authorities: content.transport_authorities,
        desk_authorities: content.desk_authorities,
        log_keys: content.log_keys,
        cosigner_keys: content.cosigner_keys,
        reading_keys: content.reading_keys,
        endpoints: content.endpoints.iter().map(Endpoint::to_string).collect(),
        revocation_lists: content.revocation_lists,
    };
    let bytes = record.encode_to_vec();
    if bytes.len() > SIGNED_RECORD_BYTES_MAX {
        return Err(BundleRefusal::Field { field: "revocation_lists", what: "the bundle would be too long" });
    }
    Ok(bytes)
}

/// Decodes a bundle; its content is not checked as a whole yet.
pub(super) fn decode(bytes: &[u8]) -> Result<BundleContent, BundleRefusal> {
    let record: TrustBundle = canonical::decode(bytes, SIGNED_RECORD_BYTES_MAX)?;
    let refused = |field, what| BundleRefusal::Field { field, what };
    if record.context != CONTEXT {
        return Err(refused("context", "it is another kind of record"));
    }
    let previous_digest = match record.previous_digest.as_slice() {
        [] => None,
        bytes => {
            Some(Digest::from_slice(bytes).map_err(|_| refused("previous_digest", "it is not a digest"))?)
        }
    };
    let endpoints = record.endpoints.iter().map(|text| Endpoint::parse(text)).collect::<Result<_, _>>();
    Ok(BundleContent {
        ministry: Ministry::parse(&record.ministry).map_err(|_| refused("ministry", "it is not a code"))?,
        display_name: record.display_name,
        domain: Domain::parse(&record.domain).map_err(|_| refused("domain", "it is not a domain"))?,
        sequence: record.sequence,
        previous_digest,
        valid_from: Timestamp::from_seconds(record.valid_from_time),
        valid_until: Timestamp::from_seconds(record.valid_until_time),
        root: record.root,
        transport_authorities: record.transport_authorities,
        desk_authorities: record.desk_authorities,
        log_keys: record.log_keys,
        cosigner_keys: record.cosigner_keys,
        reading_keys: record.reading_keys,
        endpoints: endpoints.map_err(|_| refused("endpoints", "one of them is not host:port"))?,
        revocation_lists: record.revocation_lists,
    })
}
