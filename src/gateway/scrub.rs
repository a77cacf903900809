//! The scrub: everything that is kept is compared with what signatures vouch for.
//!
//! The store hashes its own pieces again; here they are tied together: header and signature to the leaf that
//! names them, sealed parts to the header, and leaves to the checkpoints that logs and cosigners have signed.
//! Whoever changes anything and mends every hash behind it is still found, unless he has the keys.

use crate::digest::Digest;
use crate::gateway::Gateway;
use crate::gateway::archive::key_name;
use crate::gateway::error::Fault;
use crate::gateway::store::record::{Checkpoint as KeptCheckpoint, KeptMessage, LogHead, Verification};
use crate::message::envelope::{parts_digest, signed_header_digest};
use crate::message::header::Header;
use crate::message::leaf::{Leaf, LeafMessage};
use crate::tlog::checkpoint::Checkpoint;
use crate::tlog::signed_note::Note;
use crate::tlog::verifier_key::{KeyKind, VerifierKey};

impl Gateway {
    /// Compares everything that is kept and names what is damaged.
    pub async fn verify(&self) -> Result<Verification, Fault> {
        let mut found = self.store.verify().await?;
        for log in self.store.list_logs().await? {
            found.damages.extend(self.log_damage(&log).await?);
        }
        let mut after = 0;
        loop {
            let page = self.store.kept_after(after).await?;
            let Some(last) = page.last() else { return Ok(found) };
            after = last.key;
            found.damages.extend(page.iter().filter_map(damage));
        }
    }

    /// What is wrong with the checkpoints of a log.
    async fn log_damage(&self, log: &LogHead) -> Result<Vec<String>, Fault> {
        let keys = self.keys_of(log)?;
        let mut damages = Vec::new();
        for (what, kept) in [("checkpoint", &log.checkpoint), ("cosigned checkpoint", &log.cosigned)] {
            let Some(kept) = kept else { continue };
            let held = self.store.root_at(log.origin.clone(), kept.size).await?;
            if !vouches(kept, held, &keys) {
                damages.push(format!("the {what} of {} does not vouch for its leaves", log.origin));
            }
        }
        Ok(damages)
    }

    /// Keys that may have signed a log, under its origin; none for the mirror of a peer that is accredited no
    /// longer.
    fn keys_of(&self, log: &LogHead) -> Result<Vec<VerifierKey>, Fault> {
        let name = key_name(&log.origin)?;
        let keys = match log.mirror {
            false => {
                let public_key = self.log_key.public_key();
                vec![VerifierKey { name: name.clone(), kind: KeyKind::Log, public_key }]
            }
            true => match self.trust.load_full().filter(|in_force| in_force.is_peer(&log.peer)) {
                Some(in_force) => in_force.log_keys(&log.peer)?,
                None => Vec::new(),
            },
        };
        Ok(keys.into_iter().map(|key| key.with_name(name.clone())).collect())
    }
}

/// Whether a kept checkpoint says what is held, and one of the keys, where there are any, has signed it.
fn vouches(kept: &KeptCheckpoint, held: Option<Digest>, keys: &[VerifierKey]) -> bool {
    let Ok(note) = Note::parse(&kept.text) else { return false };
    let Ok(claimed) = Checkpoint::parse(note.text()) else { return false };
    let signed = keys.is_empty() || keys.iter().any(|key| Checkpoint::of_note(&note, key).is_ok());
    signed && claimed.size == kept.size && Some(claimed.root) == held
}

/// What is wrong with a message: its leaf must name this header under this signature with these parts.
fn damage(kept: &KeptMessage) -> Option<String> {
    let id = Digest::of(&kept.signed.header);
    let Ok(header) = Header::parse(&kept.signed.header) else {
        return Some(format!("the header of message {id} is not a header"));
    };
    let about = LeafMessage {
        id: header.id(),
        envelope: signed_header_digest(&kept.signed.header, &kept.signed.signature),
        parts: parts_digest(header.parts()),
    };
    if Leaf::parse(&kept.leaf).ok().and_then(|leaf| leaf.message) != Some(about) {
        return Some(format!("the leaf of message {id} does not name its header, signature and parts"));
    }
    let named: Vec<Digest> = header.parts().iter().map(|part| part.digest).collect();
    if !kept.rejected && kept.parts != named {
        return Some(format!("the parts kept with message {id} are not those of its header"));
    }
    None
}
