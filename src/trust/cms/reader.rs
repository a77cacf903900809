//! Reads SignedData of the profile, and nothing else.

use der::asn1::{GeneralizedTime, ObjectIdentifier, UtcTime};
use der::{Decode, Tag};
use ring::digest;

use crate::time::Timestamp;

use super::super::certificate::{ECDSA_WITH_SHA_256, ECDSA_WITH_SHA_384, ED25519};
use super::element::{CONTEXT_0, CONTEXT_1, CONTEXT_4, Element, Fields};
use super::{
    CONTENT_TYPE, DATA, MESSAGE_DIGEST, SHA_256, SHA_384, SHA_512, SIGNED_DATA, SIGNING_CERTIFICATE,
    SIGNING_TIME, TIME_STAMP_TOKEN, Violation, YEAR_OF_GENERALIZED_TIME,
};

/// The parts of a signature that mean something; everything else was compared with the profile.
pub(in crate::trust) struct SignedData<'a> {
    /// All certificates, DER, ascending.
    pub(in crate::trust) certificates: Vec<&'a [u8]>,
    /// Issuer of the signer's certificate, content octets of the name.
    pub(in crate::trust) issuer: &'a [u8],
    /// Serial number of the signer's certificate, content octets.
    pub(in crate::trust) serial: &'a [u8],
    /// Hash algorithm of the content.
    pub(in crate::trust) hash: &'static digest::Algorithm,
    /// The hash of the content as it was signed.
    pub(in crate::trust) content_hash: &'a [u8],
    /// Hash algorithm and hash of the signer's certificate.
    pub(in crate::trust) certificate_hash: (&'static digest::Algorithm, &'a [u8]),
    /// When the signer says it signed.
    pub(in crate::trust) claimed: Timestamp,
    /// The bytes that are signed: the attributes as a SET OF.
    pub(in crate::trust) statement: Vec<u8>,
    /// Identifier of the signature algorithm, one of three.
    pub(in crate::trust) algorithm: ObjectIdentifier,
    /// The signature.
    pub(in crate::trust) signature: &'a [u8],
}

impl<'a> SignedData<'a> {
    /// Reads the whole of `bytes`.
    pub(in crate::trust) fn read(bytes: &'a [u8]) -> Result<Self, Violation> {
        let mut fields = Fields::of_single(bytes, Tag::Sequence, "it is not one DER sequence")?;
        fields.identifier(SIGNED_DATA, "it is not SignedData")?;
        let content = fields.next(CONTEXT_0, "SignedData is missing")?;
        fields.end("something follows SignedData")?;

        let mut fields = Fields::of_single(content.value, Tag::Sequence, "SignedData is not one sequence")?;
        fields.version_1()?;
        let algorithms = fields.next(Tag::Set, "the digest algorithms are missing")?.members()?;
        let [digest_algorithm] = algorithms.as_slice() else {
            return Err("not exactly one digest algorithm");
        };
        let mut content = fields.next(Tag::Sequence, "the content information is missing")?.fields()?;
        content.identifier(DATA, "the content is not of type data")?;
        content.end("the content is attached")?;
        let certificates = read_certificates(fields.next(CONTEXT_0, "the certificates are missing")?)?;
        let signers =
            fields.next(Tag::Set, "something stands between certificates and signers")?.members()?;
        let [signer] = signers.as_slice() else { return Err("not exactly one signer") };
        fields.end("something follows the signer")?;
        read_signer(*signer, *digest_algorithm, certificates)
    }
}

fn read_certificates(set: Element<'_>) -> Result<Vec<&[u8]>, Violation> {
    let members = set.members()?;
    if members.is_empty() || members.len() > CERTIFICATES_MAX {
        return Err("too few or too many certificates");
    }
    let certificate = |member: Element<'_>| member.tag == Tag::Sequence;
    if !members.iter().copied().all(certificate) {
        return Err("another kind of certificate than X.509");
    }
    Ok(members.into_iter().map(|member| member.whole).collect())
}

fn read_signer<'a>(
    signer: Element<'a>,
    expected_digest: Element<'a>,
    certificates: Vec<&'a [u8]>,
) -> Result<SignedData<'a>, Violation> {
    let mut fields = signer.of_tag(Tag::Sequence, "the signer is not a sequence")?.fields()?;
    fields.version_1()?;
    let identifier = fields.next(Tag::Sequence, "the signer is not named by issuer and serial number")?;
    let mut names = identifier.fields()?;
    let issuer = names.next(Tag::Sequence, "the issuer is missing")?;
    let serial = names.next(Tag::Integer, "the serial number is missing")?;
    names.end("something follows the serial number")?;
    let digest_algorithm = fields.next(Tag::Sequence, "the digest algorithm is missing")?;
    if digest_algorithm.whole != expected_digest.whole {
        return Err("the digest algorithms differ");
    }
    let attributes = fields.next(CONTEXT_0, "the signed attributes are missing")?;
    let mut signing = fields.next(Tag::Sequence, "the signature algorithm is missing")?.fields()?;
    let algorithm = signing.any_identifier()?;
    signing.end("the signature algorithm has parameters")?;
    let signature = fields.next(Tag::OctetString, "the signature is missing")?.value;
    if !fields.is_finished() {
        check_unsigned_attributes(fields.next(CONTEXT_1, "something unknown follows the signature")?)?;
    }
    fields.end("something follows the signer's attributes")?;

    let (hash, hash_identifier) = read_hash(digest_algorithm)?;
    if !matches!(
        (hash_identifier, algorithm),
        (SHA_256, ECDSA_WITH_SHA_256) | (SHA_384, ECDSA_WITH_SHA_384) | (SHA_512, ED25519)
    ) {
        return Err("this pair of digest and signature algorithms is not accepted");
    }
    let signed = read_signed_attributes(attributes)?;
    let mut statement = attributes.whole.to_vec();
    if let Some(tag) = statement.first_mut() {
        *tag = Tag::Set.into();
    }
    Ok(SignedData {
        certificates,
        issuer: issuer.value,
        serial: serial.value,
        hash,
        content_hash: signed.content_hash,
        certificate_hash: read_signing_certificate(signed.certificate, issuer, serial)?,
        claimed: signed.claimed,
        statement,
        algorithm,
        signature,
    })
}

struct SignedAttributes<'a> {
    content_hash: &'a [u8],
    claimed: Timestamp,
    certificate: Element<'a>,
}

fn read_signed_attributes(set: Element<'_>) -> Result<SignedAttributes<'_>, Violation> {
    let (mut content_type, mut content_hash, mut time, mut certificate) = (None, None, None, None);
    for attribute in set.members()? {
        let (identifier, value) = read_attribute(attribute)?;
        let place = match identifier {
            CONTENT_TYPE => &mut content_type,
            MESSAGE_DIGEST => &mut content_hash,
            SIGNING_TIME => &mut time,
            SIGNING_CERTIFICATE => &mut certificate,
            _ => return Err("a signed attribute outside the profile"),
        };
        if place.replace(value).is_some() {
            return Err("a signed attribute stands twice");
        }
    }
    let missing = "a signed attribute of the profile is missing";
    let content_type = content_type.ok_or(missing)?.of_tag(Tag::ObjectIdentifier, "a wrong content type")?;
    if content_type.value != DATA.as_bytes() {
        return Err("the signed content type is not data");
    }
    let content_hash = content_hash.ok_or(missing)?.of_tag(Tag::OctetString, "a wrong message digest")?;
    let claimed = read_time(time.ok_or(missing)?)?;
    Ok(SignedAttributes {
        content_hash: content_hash.value,
        claimed,
        certificate: certificate.ok_or(missing)?,
    })
}

fn read_attribute(attribute: Element<'_>) -> Result<(ObjectIdentifier, Element<'_>), Violation> {
    let mut fields = attribute.of_tag(Tag::Sequence, "an attribute is not a sequence")?.fields()?;
    let identifier = fields.any_identifier()?;
    let values = fields.next(Tag::Set, "an attribute has no values")?.members()?;
    fields.end("something follows the values of an attribute")?;
    match values.as_slice() {
        [value] => Ok((identifier, *value)),
        _ => Err("an attribute has not exactly one value"),
    }
}

/// A time stamp may be added to a signature later; its content is judged by whoever relies on it.
fn check_unsigned_attributes(set: Element<'_>) -> Result<(), Violation> {
    let members = set.members()?;
    let [attribute] = members.as_slice() else { return Err("not exactly one unsigned attribute") };
    match read_attribute(*attribute)? {
        (TIME_STAMP_TOKEN, value) if value.tag == Tag::Sequence => Ok(()),
        _ => Err("an unsigned attribute other than a time stamp"),
    }
}

fn read_time(value: Element<'_>) -> Result<Timestamp, Violation> {
    let wrong = "a wrong signing time";
    let duration = match value.tag {
        Tag::UtcTime => UtcTime::from_der(value.whole).map_err(|_| wrong)?.to_unix_duration(),
        Tag::GeneralizedTime => {
            let time = GeneralizedTime::from_der(value.whole).map_err(|_| wrong)?;
            if time.to_date_time().year() < YEAR_OF_GENERALIZED_TIME {
                return Err("a signing time before 2050 is not a UTCTime");
            }
            time.to_unix_duration()
        }
        _ => return Err(wrong),
    };
    i64::try_from(duration.as_secs()).map(Timestamp::from_seconds).map_err(|_| wrong)
}

fn read_signing_certificate<'a>(
    value: Element<'a>,
    issuer: Element<'_>,
    serial: Element<'_>,
) -> Result<(&'static digest::Algorithm, &'a [u8]), Violation> {
    let mut outer = value.of_tag(Tag::Sequence, "a wrong signing certificate attribute")?.fields()?;
    let mut list = outer.next(Tag::Sequence, "the signing certificate is missing")?.fields()?;
    outer.end("the signing certificate attribute has policies")?;
    let mut fields = list.next(Tag::Sequence, "the signing certificate is missing")?.fields()?;
    list.end("more than one signing certificate")?;

    let mut algorithm = &digest::SHA256;
    if fields.peek() == Some(Tag::Sequence) {
        (algorithm, _) = read_hash(fields.next(Tag::Sequence, "a wrong hash algorithm")?)?;
    }
    let hash = fields.next(Tag::OctetString, "the hash of the signing certificate is missing")?;
    if !fields.is_finished() {
        check_issuer_serial(fields.next(Tag::Sequence, "a wrong issuer and serial number")?, issuer, serial)?;
    }
    fields.end("something follows the signing certificate")?;
    Ok((algorithm, hash.value))
}

fn check_issuer_serial(
    value: Element<'_>,
    issuer: Element<'_>,
    serial: Element<'_>,
) -> Result<(), Violation> {
    let differs = "the signing certificate attribute names another certificate";
    let mut fields = value.fields()?;
    let mut names = fields.next(Tag::Sequence, differs)?.fields()?;
    let named = names.next(CONTEXT_4, differs)?;
    names.end(differs)?;
    let number = fields.next(Tag::Integer, differs)?;
    fields.end(differs)?;
    if named.value == issuer.whole && number.whole == serial.whole { Ok(()) } else { Err(differs) }
}

/// RFC 5754: the parameters of a digest algorithm are absent, and NULL must be accepted.
fn read_hash(algorithm: Element<'_>) -> Result<(&'static digest::Algorithm, ObjectIdentifier), Violation> {
    let mut fields = algorithm.of_tag(Tag::Sequence, "a wrong digest algorithm")?.fields()?;
    let identifier = fields.any_identifier()?;
    if !fields.is_finished()
        && !fields.next(Tag::Null, "a digest algorithm with parameters")?.value.is_empty()
    {
        return Err("a digest algorithm with parameters");
    }
    fields.end("a digest algorithm with parameters")?;
    match identifier {
        SHA_256 => Ok((&digest::SHA256, identifier)),
        SHA_384 => Ok((&digest::SHA384, identifier)),
        SHA_512 => Ok((&digest::SHA512, identifier)),
        _ => Err("a digest algorithm that is not accepted"),
    }
}

/// Certificates in one signature: the signer's and one authority's are needed, a little room costs nothing.
const CERTIFICATES_MAX: usize = 4;
