//! The one shape of CMS SignedData that is written and read here (RFC 5652, RFC 5035, CAdES-B-B): detached, one
//! signer, four signed attributes, DER.
//!
//! What the reader accepts, writing it again would give the same bytes: lengths and tags are minimal, every
//! SET OF stands in order, and every element is either compared with fixed bytes or kept whole. Nothing here
//! verifies a signature; `trust::signature` does.

mod element;
mod reader;
mod writer;

use der::asn1::ObjectIdentifier;

pub(super) use reader::SignedData;
pub(super) use writer::{statement, write};

/// What of the shape is not kept.
pub(super) type Violation = &'static str;

const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
const DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.1");
const CONTENT_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.3");
const MESSAGE_DIGEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.4");
const SIGNING_TIME: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.5");
const TIME_STAMP_TOKEN: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.14");
const SIGNING_CERTIFICATE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.47");
const SHA_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
const SHA_384: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2");
const SHA_512: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3");

/// RFC 5652: signing times through 2049 are UTCTime, later ones GeneralizedTime.
const YEAR_OF_GENERALIZED_TIME: u16 = 2050;
