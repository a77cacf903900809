//! A message against its header, its leaf, its parts, its state and its receipt.

use super::{Keyring, Scrub};
use crate::digest::Digest;
use crate::gateway::archive::key_name;
use crate::gateway::error::Fault;
use crate::gateway::store::record::{
    Damage, Damaged, Direction, KeptMessage, KeptOutgoing, LeafPlace, SentState,
};
use crate::message::envelope::{inline_parts, parts_digest, signed_header_digest};
use crate::message::header::Header;
use crate::message::leaf::{Leaf, LeafKind, LeafMessage};
use crate::message::receipt::Receipt;
use crate::tlog::checkpoint::Checkpoint;
use crate::trust::name::Ministry;

/// What is wrong with a message: its leaf must name this header under this signature with these parts, and its
/// header must say what is kept beside it.
pub(super) fn damages(kept: &KeptMessage) -> Vec<Damage> {
    let id = kept.id;
    let damage = |what, detail: String| {
        let (origin, index) = &kept.place;
        Damage::new(what, detail).of_message(id).in_log(origin).at(*index)
    };
    let Ok(header) = Header::parse(&kept.signed.header) else {
        return vec![damage(Damaged::Message, format!("the header of message {id} is not a header"))];
    };
    let about = commitments(kept, &header);
    let mut found = Vec::new();
    if !is_its_leaf(kept, &about) || about.envelope != kept.envelope_digest {
        let detail = format!("the leaf of message {id} does not name its header, signature and parts");
        found.push(damage(Damaged::Message, detail));
    }
    if !is_its_place(kept, &header) {
        let detail = format!("message {id} is not kept under the channel, peer and number of its header");
        found.push(damage(Damaged::Message, detail));
    }
    if kept.rejected.is_none() && !are_its_parts(kept, &header) {
        let detail = format!("the parts kept with message {id} are not those of its header");
        found.push(damage(Damaged::Part, detail));
    }
    if kept.outgoing.as_ref().is_some_and(|outgoing| !is_its_state(outgoing, &header, &about)) {
        let detail = format!("the state kept of message {id} is not that of its header and its leaves");
        found.push(damage(Damaged::Message, detail));
    }
    found
}

fn commitments(kept: &KeptMessage, header: &Header) -> LeafMessage {
    LeafMessage {
        id: header.id(),
        envelope: signed_header_digest(&kept.signed.header, &kept.signed.signature),
        parts: parts_digest(header.parts()),
    }
}

fn is_its_leaf(kept: &KeptMessage, about: &LeafMessage) -> bool {
    let Ok(leaf) = Leaf::parse(&kept.leaf) else { return false };
    let (kind, reason) = match (kept.direction, &kept.rejected) {
        (Direction::Out, _) => (LeafKind::Sent, ""),
        (Direction::In, None) => (LeafKind::Received, ""),
        (Direction::In, Some(reason)) => (LeafKind::Rejected, reason.as_str()),
    };
    leaf.message.as_ref() == Some(about)
        && (leaf.kind, leaf.reason.as_str(), leaf.time) == (kind, reason, kept.custody_time)
}

fn is_its_place(kept: &KeptMessage, header: &Header) -> bool {
    let (address, position) = (header.address(), header.position());
    let peer = match kept.direction {
        Direction::Out => &position.recipient,
        Direction::In => &address.sender,
    };
    kept.id == header.id().digest()
        && kept.peer == peer.as_str()
        && kept.channel == address.channel.to_string()
        && kept.sequence == position.sequence
        && kept.previous == position.previous.map(|id| id.digest())
}

fn are_its_parts(kept: &KeptMessage, header: &Header) -> bool {
    let inline = inline_parts(header.parts());
    let named = header.parts().iter().zip(inline).map(|(part, inline)| (part.digest, part.size, inline));
    // One that its desk gave up came without parts.
    let given_up =
        kept.parts.is_empty() && kept.outgoing.as_ref().is_some_and(|one| one.withdrawal.is_some());
    given_up || kept.parts.iter().copied().eq(named)
}

fn is_its_state(outgoing: &KeptOutgoing, header: &Header, about: &LeafMessage) -> bool {
    let shows = |leaf: &Option<Vec<u8>>, kind, needed: bool| match leaf {
        None => !needed,
        Some(bytes) => {
            Leaf::parse(bytes).is_ok_and(|leaf| leaf.kind == kind && leaf.message.as_ref() == Some(about))
        }
    };
    shows(&outgoing.expiry, LeafKind::Expired, outgoing.state == SentState::Expired)
        && shows(&outgoing.withdrawal, LeafKind::Withdrawn, outgoing.state == SentState::Withdrawn)
        && i32::from(outgoing.precedence) == header.address().precedence.number()
        && outgoing.valid_until == header.position().valid_until
}

impl Scrub {
    /// What is wrong with the receipt of a sent message, where it has one: it must prove, in the mirror of the
    /// peer's log, what its state says.
    pub(super) async fn receipt_damage(
        &self,
        kept: &KeptMessage,
        keyring: &Keyring,
    ) -> Result<Option<Damage>, Fault> {
        let Some(outgoing) = &kept.outgoing else { return Ok(None) };
        let Some(bytes) = &outgoing.receipt else { return Ok(None) };
        if self.is_good_receipt(kept, outgoing.state, bytes, keyring).await? {
            return Ok(None);
        }
        let detail = format!("the receipt of message {} does not prove what became of it", kept.id);
        Ok(Some(Damage::new(Damaged::Message, detail).of_message(kept.id)))
    }

    async fn is_good_receipt(
        &self,
        kept: &KeptMessage,
        state: SentState,
        bytes: &[u8],
        keyring: &Keyring,
    ) -> Result<bool, Fault> {
        let (Ok(header), Ok(receipt)) = (Header::parse(&kept.signed.header), Receipt::parse(bytes)) else {
            return Ok(false);
        };
        let (leaf, note) = (receipt.leaf(), &receipt.proof().checkpoint);
        let kind = if state == SentState::Delivered { LeafKind::Received } else { LeafKind::Rejected };
        let Ok(checkpoint) = Checkpoint::parse(note.text()) else { return Ok(false) };
        if leaf.message != Some(commitments(kept, &header)) || leaf.kind != kind || !keyring.cosigned(note) {
            return Ok(false);
        }
        let origin = checkpoint.origin.as_str().to_owned();
        let place = LeafPlace { origin: origin.clone(), index: receipt.proof().index };
        let mirrored = self.store.leaf(place).await?.is_some_and(|held| held.bytes == receipt.leaf_bytes());
        let rooted: Option<Digest> = self.store.root_at(origin.clone(), checkpoint.size).await?;
        let name = key_name(&origin)?;
        let peer = Ministry::parse(&kept.peer).map_err(|cause| Fault::Damaged(cause.to_string()))?;
        let keys = keyring.log_keys(&peer);
        let proven = keys.is_empty()
            || keys.iter().any(|key| receipt.verify(&name, &key.with_name(name.clone())).is_ok());
        Ok(mirrored && rooted == Some(checkpoint.root) && proven)
    }
}
