//! Judging: what each delivery of a batch is worth, found beside the threads that serve streams.
//!
//! Envelopes of a peer enter; for each leaves whether it may be placed, is to be rejected for good by a signed leaf,
//! or is to be refused unsigned. Nothing is written here, and what is held is asked for only where something stands
//! against an envelope. `placing` judges once more by `judge` where anything else has come into force since.
//!
//! What must never happen: that one envelope which makes us fail takes the rest of its batch with it.

use std::sync::Arc;

use tokio::task::spawn_blocking;

use super::lock;
use super::quarantine::behind_a_wall;
use crate::digest::Digest;
use crate::gateway::accreditation::Accreditation;
use crate::gateway::admission;
use crate::gateway::error::{Declined, Fault};
use crate::gateway::frame::Delivery;
use crate::gateway::store::record::{Direction, SignedHeader};
use crate::gateway::{Gateway, Scrutiny, ScrutinyAt};
use crate::message::envelope::Envelope;
use crate::message::id::MessageId;
use crate::message::refusal::{Reason, Refusal};
use crate::time::Timestamp;
use crate::trust::name::Ministry;

/// What was found of one delivery: an envelope that may be taken or must be rejected for good, or why neither.
pub(super) struct Judged {
    pub(super) id: Option<MessageId>,
    pub(super) found: Result<Admissible, Stumble>,
}

/// Why a delivery was not judged admissible.
pub(super) enum Stumble {
    Declined(Declined),
    /// Judging it panicked.
    Panicked(Box<Envelope>),
}

/// What may be placed: as taken, or as rejected for good.
pub(super) struct Admissible {
    pub(super) envelope: Envelope,
    pub(super) rejection: Option<Refusal>,
    /// What was in force when it was judged.
    pub(super) judged_by: Arc<Accreditation>,
}

impl Gateway {
    /// Judges a batch beside the threads that serve streams. What is held is looked up only where something stands
    /// against an envelope: it was verified and judged when it was taken.
    pub(super) async fn judge_all(
        self: Arc<Self>,
        peer: Ministry,
        deliveries: Vec<Delivery>,
    ) -> Result<Vec<Judged>, Fault> {
        let accreditation = self.accreditation()?;
        let (now, scrutiny, own) = (self.clock.now(), self.scrutiny(), self.config.ministry.clone());
        let (by, sender) = (accreditation.clone(), peer.clone());
        let judging = move || -> Vec<Sighted> {
            let sight = |delivery: &Delivery| {
                let (envelope, withdrawn) = open(&sender, &own, delivery)?;
                let verdict = behind_a_wall(|| {
                    scrutiny(&envelope.id(), ScrutinyAt::Judging);
                    judge(&sender, (&envelope, withdrawn), None, &by, now)
                });
                Ok((envelope, withdrawn, verdict))
            };
            deliveries.iter().map(sight).collect()
        };
        let mut sighted = aside(judging).await?;
        let doubtful: Vec<Digest> = sighted
            .iter()
            .flatten()
            .filter(is_doubtful)
            .map(|(envelope, ..)| envelope.id().digest())
            .collect();
        if !doubtful.is_empty() {
            let mut held = self.store.held_all(Direction::In, doubtful).await?.into_iter();
            for (envelope, withdrawn, verdict) in
                sighted.iter_mut().flatten().filter(|one| is_doubtful(&&**one))
            {
                if let Some(held) = held.next().flatten() {
                    let offered = (&*envelope, *withdrawn);
                    *verdict = behind_a_wall(|| judge(&peer, offered, Some(held), &accreditation, now));
                }
            }
        }
        Ok(sighted.into_iter().map(|one| decided(one, &accreditation)).collect())
    }

    /// What tests do about a message while it is judged and placed; nothing else does anything.
    pub(super) fn scrutiny(&self) -> Scrutiny {
        lock(&self.scrutiny).clone().unwrap_or_else(|| Arc::new(|_, _| {}))
    }
}

/// Does what takes the processor off the threads that serve streams.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Fault> {
    spawn_blocking(work).await.map_err(|cause| Fault::Link(cause.to_string()))
}

/// An envelope, and whether its sender withdrew it.
type Opened = Result<(Envelope, bool), (Option<MessageId>, Refusal)>;

/// The same with what it is worth as far as is known; no verdict where judging it panicked.
type Sighted = Result<(Envelope, bool, Option<Verdict>), (Option<MessageId>, Refusal)>;

/// Why a message is to be rejected for good, if it is; or why nothing is to be done.
type Verdict = Result<Option<Refusal>, Declined>;

/// Whether something stands against an envelope, which counts only where it is not held.
fn is_doubtful(sighted: &&(Envelope, bool, Option<Verdict>)) -> bool {
    matches!(&sighted.2, Some(Ok(Some(_)) | Err(_)))
}

fn decided(sighted: Sighted, by: &Arc<Accreditation>) -> Judged {
    let (envelope, verdict) = match sighted {
        Ok((envelope, _, verdict)) => (envelope, verdict),
        Err((id, refusal)) => return Judged { id, found: Err(Stumble::Declined(refusal.into())) },
    };
    let id = Some(envelope.id());
    let found = match verdict {
        Some(Ok(rejection)) => Ok(Admissible { envelope, rejection, judged_by: by.clone() }),
        Some(Err(declined)) => Err(Stumble::Declined(declined)),
        None => Err(Stumble::Panicked(Box::new(envelope))),
    };
    Judged { id, found }
}

/// Reads one envelope: it must be the peer's own, and for us.
fn open(peer: &Ministry, own: &Ministry, delivery: &Delivery) -> Opened {
    let Delivery { envelope: bytes, withdrawn } = delivery;
    let parsed = if *withdrawn { Envelope::parse_without_parts(bytes) } else { Envelope::parse(bytes) };
    let envelope = parsed.map_err(|refusal| (None, refusal))?;
    let refused = |reason, detail: &str| Err((Some(envelope.id()), Refusal::new(reason, detail)));
    if envelope.header().address().sender != *peer {
        return refused(Reason::NotTheSender, "the sender is not the ministry this connection names");
    }
    if envelope.header().position().recipient != *own {
        return refused(Reason::NotTheRecipient, "this copy is for another ministry");
    }
    Ok((envelope, *withdrawn))
}

/// Judges one envelope against what is held of it and what is in force: whether it may be taken, or why it is to be
/// rejected for good. What is held was verified and judged when it was taken, and gets its receipt whatever has
/// changed.
pub(super) fn judge(
    peer: &Ministry,
    (envelope, withdrawn): (&Envelope, bool),
    held: Option<SignedHeader>,
    accreditation: &Accreditation,
    now: Timestamp,
) -> Verdict {
    if held.as_ref().is_none_or(|held| held.signature != envelope.signature()) {
        let anchors = accreditation.signing_anchors(peer)?;
        if let Err(refusal) = envelope.verify(anchors, now) {
            if held.is_none() && envelope.is_signer_ended(anchors, now) {
                let ended = "the signer's certificate ended or was revoked before the message came";
                return Ok(Some(Refusal::new(Reason::SignerExpired, ended)));
            }
            return Err(refusal.into());
        }
    }
    let verdict = match held {
        Some(_) => Ok(()),
        // Nothing is admitted: its number is to be used up.
        None if withdrawn => Err(Refusal::new(Reason::Withdrawn, "the sender withdrew it")),
        None => admission::judge(envelope.header(), accreditation.policy(), now),
    };
    match verdict {
        Err(refusal) if !refusal.is_final() => Err(refusal.into()),
        verdict => Ok(verdict.err()),
    }
}
