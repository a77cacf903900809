//! A message as the store takes custody of it: its pieces, its place and its leaf.

use crate::digest::Digest;
use crate::gateway::store::record::{Consignment, Part};
use crate::message::envelope::Envelope;
use crate::message::header::{Header, Part as HeaderPart};
use crate::message::leaf::Leaf;
use crate::trust::name::Ministry;

/// What the store is to take custody of, with a leaf for the log of this origin.
pub(in crate::gateway) fn consignment(
    origin: &str,
    peer: &Ministry,
    envelope: &Envelope,
    leaf: &Leaf,
) -> Consignment {
    let pieces = (envelope.signature().to_vec(), envelope.parts().to_vec());
    consignment_of(origin, peer, (envelope.header(), envelope.digest()), pieces, leaf)
}

/// The same of an envelope that is needed no more, with its digest.
pub(super) fn of_pieces(
    origin: &str,
    peer: &Ministry,
    envelope: Envelope,
    digest: Digest,
    leaf: &Leaf,
) -> Consignment {
    let (header, signature, contents) = envelope.into_pieces();
    consignment_of(origin, peer, (&header, digest), (signature, contents), leaf)
}

fn consignment_of(
    origin: &str,
    peer: &Ministry,
    (header, envelope_digest): (&Header, Digest),
    (signature, contents): (Vec<u8>, Vec<Vec<u8>>),
    leaf: &Leaf,
) -> Consignment {
    let position = header.position();
    let part = |(part, content): (&HeaderPart, Vec<u8>)| Part {
        digest: part.digest,
        size: part.size,
        content: (!content.is_empty()).then_some(content),
    };
    Consignment {
        message_id: header.id().digest(),
        channel: header.address().channel.to_string(),
        peer: peer.clone(),
        sequence: position.sequence,
        previous: position.previous.map(|id| id.digest()),
        header: header.bytes().to_vec(),
        signature,
        envelope_digest,
        parts: header.parts().iter().zip(contents).map(part).collect(),
        precedence: u8::try_from(header.address().precedence.number()).unwrap_or(0),
        valid_until: position.valid_until,
        leaf: leaf.bytes(),
        origin: origin.to_owned(),
        now: leaf.time,
    }
}
