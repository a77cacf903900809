//! Writes SignedData of the profile for keys of ECDSA P-256.

use der::asn1::{GeneralizedTime, ObjectIdentifier, UtcTime};
use der::{Encode, Tag};
use ring::digest;

use crate::time::Timestamp;

use super::super::certificate::ECDSA_WITH_SHA_256;
use super::element::CONTEXT_0;
use super::{
    CONTENT_TYPE, DATA, MESSAGE_DIGEST, SHA_256, SIGNED_DATA, SIGNING_CERTIFICATE, SIGNING_TIME,
    YEAR_OF_GENERALIZED_TIME,
};

/// What is signed, for ECDSA P-256 with SHA-256: the attributes as a SET OF.
pub(in crate::trust) fn statement(
    content: &[u8],
    certificate: &[u8],
    claimed: Timestamp,
) -> Result<Vec<u8>, der::Error> {
    let hash = |bytes: &[u8]| element(Tag::OctetString, &[digest::digest(&digest::SHA256, bytes).as_ref()]);
    let identified = element(Tag::Sequence, &[&hash(certificate)]);
    let certificates = element(Tag::Sequence, &[&element(Tag::Sequence, &[&identified])]);
    Ok(set_of(
        Tag::Set,
        vec![
            attribute(CONTENT_TYPE, &DATA.to_der()?)?,
            attribute(MESSAGE_DIGEST, &hash(content))?,
            attribute(SIGNING_TIME, &time(claimed)?)?,
            attribute(SIGNING_CERTIFICATE, &certificates)?,
        ],
    ))
}

/// The whole SignedData around a statement and its signature. `issuer` and `serial` are content octets.
pub(in crate::trust) fn write(
    statement: &[u8],
    signature: &[u8],
    issuer: &[u8],
    serial: &[u8],
    certificates: Vec<Vec<u8>>,
) -> Result<Vec<u8>, der::Error> {
    let version = element(Tag::Integer, &[&[1]]);
    let digest_algorithm = element(Tag::Sequence, &[&SHA_256.to_der()?]);
    let mut attributes = statement.to_vec();
    if let Some(tag) = attributes.first_mut() {
        *tag = CONTEXT_0.into();
    }
    let signer = element(
        Tag::Sequence,
        &[
            &version,
            &element(Tag::Sequence, &[&element(Tag::Sequence, &[issuer]), &element(Tag::Integer, &[serial])]),
            &digest_algorithm,
            &attributes,
            &element(Tag::Sequence, &[&ECDSA_WITH_SHA_256.to_der()?]),
            &element(Tag::OctetString, &[signature]),
        ],
    );
    let signed_data = element(
        Tag::Sequence,
        &[
            &version,
            &element(Tag::Set, &[&digest_algorithm]),
            &element(Tag::Sequence, &[&DATA.to_der()?]),
            &set_of(CONTEXT_0, certificates),
            &element(Tag::Set, &[&signer]),
        ],
    );
    Ok(element(Tag::Sequence, &[&SIGNED_DATA.to_der()?, &element(CONTEXT_0, &[&signed_data])]))
}

fn attribute(identifier: ObjectIdentifier, value: &[u8]) -> Result<Vec<u8>, der::Error> {
    Ok(element(Tag::Sequence, &[&identifier.to_der()?, &element(Tag::Set, &[value])]))
}

fn time(at: Timestamp) -> Result<Vec<u8>, der::Error> {
    let seconds = u64::try_from(at.seconds()).map_err(|_| der::ErrorKind::DateTime)?;
    let since = std::time::Duration::from_secs(seconds);
    let general = GeneralizedTime::from_unix_duration(since)?;
    if general.to_date_time().year() < YEAR_OF_GENERALIZED_TIME {
        UtcTime::from_unix_duration(since)?.to_der()
    } else {
        general.to_der()
    }
}

fn set_of(tag: Tag, mut members: Vec<Vec<u8>>) -> Vec<u8> {
    members.sort_unstable();
    let members: Vec<&[u8]> = members.iter().map(Vec::as_slice).collect();
    element(tag, &members)
}

fn element(tag: Tag, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut whole = Vec::with_capacity(length + 6);
    whole.push(tag.into());
    let octets = length.to_be_bytes();
    let minimal: Vec<u8> = octets.iter().copied().skip_while(|octet| *octet == 0).collect();
    match u8::try_from(length) {
        Ok(short) if short < 0x80 => whole.push(short),
        _ => {
            whole.push(0x80 | u8::try_from(minimal.len()).unwrap_or(0x7f));
            whole.extend_from_slice(&minimal);
        }
    }
    for part in parts {
        whole.extend_from_slice(part);
    }
    whole
}
