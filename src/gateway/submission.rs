//! Submission: takes custody of messages from the own desk, one by one or in batches.
//!
//! Envelopes enter; receipts leave, and only after one durable commit of envelope, leaf, outbox row and
//! deduplication key. What is refused changes nothing. A batch is judged beside the commit of the one before
//! it and queued in its turn, so that the order of a stream is the order of its messages.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::{Stream, StreamExt};

use crate::digest::Digest;
use crate::gateway::Gateway;
use crate::gateway::admission;
use crate::gateway::error::{Declined, Fault};
use crate::gateway::schedule::IMMEDIATE;
use crate::gateway::standing::Permit;
use crate::gateway::store::record::{Consignment, Custody, Direction, Footing, LeafPlace};
use crate::gateway::store::{Admitted, Prepared, Purpose, StoreFault};
use crate::limits;
use crate::message::envelope::Envelope;
use crate::message::leaf::{Leaf, LeafKind, LeafMessage};
use crate::message::receipt::Receipt;
use crate::message::refusal::{Reason, Refusal};
use crate::time::Timestamp;
use crate::trust::name::Ministry;

mod consignment;
mod earlier;

pub(super) use consignment::consignment;
use consignment::of_pieces;

/// What became of each envelope of a batch, in order.
pub(super) type Submitted = Vec<Result<Receipt, Refusal>>;

/// An envelope that was read, and what stands against it unless it is held already.
struct Judged {
    envelope: Envelope,
    /// Its exact bytes.
    bytes: Vec<u8>,
    objection: Option<Objection>,
    /// The leaf of a message that we took before, with its place in the log.
    earlier: Option<(LeafPlace, Leaf)>,
}

/// What is held was verified and judged when it was taken. Its desk must get its receipt whatever has changed
/// since, or it would take the number for unused.
enum Objection {
    /// It may not pass now; a message that is held has passed.
    Inadmissible(Refusal),
    /// Its signature does not hold now; only the very signature that is held has held.
    Unverified(Declined),
}

/// A batch on its way to the writer.
struct Batch<Messages> {
    /// In the order of the batch: why it was refused, or none for the next of the messages.
    refusals: Vec<Option<Refusal>>,
    /// Leave to sign for every recipient, until the batch is durable.
    permits: BTreeMap<Ministry, Permit>,
    /// Of each of the messages its recipient and its exact bytes, to be carried in a moment.
    fresh: Vec<(Digest, Ministry, Vec<u8>)>,
    /// Messages that are not to wait for the end of any pause, with their channel and recipient.
    urgent: Vec<(Digest, (String, Ministry))>,
    messages: Messages,
}

impl Gateway {
    /// Takes one envelope of the own desk into custody. The same message again gets its receipt again.
    pub async fn submit(&self, bytes: &[u8]) -> Result<Receipt, Declined> {
        self.submit_again(bytes, &[]).await
    }

    /// The same for a message that was in custody before this gateway was restored from an older copy, as our own
    /// receipt of then shows; it may be empty. What we have signed once is not judged again, and its leaf goes
    /// back to where it stood, if nothing else stands there by now; if something does, a person is told.
    pub async fn submit_again(&self, bytes: &[u8], earlier: &[u8]) -> Result<Receipt, Declined> {
        let mut judged = self.judge_own(bytes.to_vec(), self.clock.now())?;
        judged.earlier = self.earlier_leaf(&judged.envelope, earlier).await?;
        let batch = self.make_ready(vec![Ok(judged)]).await?;
        let recipients: Vec<Ministry> = batch.permits.keys().cloned().collect();
        let answer = self.conclude(self.queue(batch)).await?.pop();
        for recipient in &recipients {
            self.sound_if_whole(recipient).await?;
        }
        match answer {
            Some(answer) => Ok(answer?),
            None => Err(Fault::Damaged("a batch of one has no answer".to_owned()).into()),
        }
    }

    /// Takes batches of envelopes into custody, each in one commit, and answers each when it is durable, in
    /// order. A few are under way at once; no more are taken from `batches` while those are. After a fault
    /// nothing that follows counts.
    pub fn submit_stream(
        self: Arc<Self>,
        batches: impl Stream<Item = Vec<Vec<u8>>> + Send,
    ) -> impl Stream<Item = Result<Submitted, Fault>> + Send {
        let (judging, taking) = (self.clone(), self);
        batches
            .map(move |batch| judging.clone().judge_batch(batch))
            .buffered(limits::SUBMIT_BATCHES_JUDGED_MAX)
            .map(move |ready| {
                // Queued before the next batch is looked at: the batches reach the writer in their order.
                let (queued, gateway) = (ready.map(|batch| taking.queue(batch)), taking.clone());
                async move { gateway.conclude(queued?).await }
            })
            .buffered(limits::SUBMIT_BATCHES_UNDER_WAY_MAX)
    }

    async fn judge_batch(self: Arc<Self>, batch: Vec<Vec<u8>>) -> Result<Batch<Prepared>, Fault> {
        let (gateway, now) = (self.clone(), self.clock.now());
        // Hashing and verifying a batch takes milliseconds; connections must not wait for it.
        let judging = tokio::task::spawn_blocking(move || {
            let mut judged = Vec::with_capacity(batch.len());
            for bytes in batch {
                judged.push(match gateway.judge_own(bytes, now) {
                    Err(Declined::Failed(fault)) => return Err(fault),
                    Err(Declined::Refused(refusal)) => Err(refusal),
                    Ok(judged) => Ok(judged),
                });
            }
            Ok(judged)
        });
        let judged = judging.await.map_err(|cause| Fault::Link(cause.to_string()))??;
        self.make_ready(judged).await
    }

    /// Reads and judges one envelope. What may stand against it although it is held comes as an objection.
    fn judge_own(&self, bytes: Vec<u8>, now: Timestamp) -> Result<Judged, Declined> {
        let envelope = Envelope::parse(&bytes)?;
        let recipient = &envelope.header().position().recipient;
        if envelope.header().address().sender != self.config.ministry {
            return Err(refuse(Reason::NotTheSender, "the sender is not the ministry of this gateway").into());
        }
        let accreditation = match self.accreditation() {
            Ok(accreditation) => accreditation,
            Err(fault) => {
                let objection = Some(Objection::Unverified(fault.into()));
                return Ok(Judged { envelope, bytes, objection, earlier: None });
            }
        };
        let anchors = accreditation.signing_anchors(&self.config.ministry)?;
        let objection = if let Err(refusal) = envelope.verify(anchors, now) {
            Some(Objection::Unverified(refusal.into()))
        } else if !accreditation.is_peer(recipient) {
            let detail = "the recipient is not accredited at this gateway";
            Some(Objection::Inadmissible(refuse(Reason::UnknownChannel, detail)))
        } else {
            let admitted = admission::judge(envelope.header(), accreditation.policy(), now);
            admitted.err().map(Objection::Inadmissible)
        };
        Ok(Judged { envelope, bytes, objection, earlier: None })
    }

    /// Drops objections to what is held, and makes the rest ready for the writer.
    async fn make_ready(&self, judged: Vec<Result<Judged, Refusal>>) -> Result<Batch<Prepared>, Fault> {
        let mut refusals = Vec::with_capacity(judged.len());
        let mut permits = BTreeMap::new();
        let (mut messages, mut fresh) = (Vec::with_capacity(judged.len()), Vec::with_capacity(judged.len()));
        let mut urgent = Vec::new();
        let now = self.clock.now();
        for judged in judged {
            let passed = match judged {
                Ok(mut judged) => {
                    let bytes = std::mem::take(&mut judged.bytes);
                    self.make_consignment(judged, &mut permits, now).await.map(|made| (made, bytes))
                }
                Err(refusal) => Err(refusal.into()),
            };
            let (consignment, bytes) = match passed {
                Ok(passed) => passed,
                Err(Declined::Refused(refusal)) => {
                    refusals.push(Some(refusal));
                    continue;
                }
                Err(Declined::Failed(fault)) => return Err(fault),
            };
            if consignment.precedence >= IMMEDIATE {
                let sequence = (consignment.channel.clone(), consignment.peer.clone());
                urgent.push((consignment.message_id, sequence));
            }
            fresh.push((consignment.message_id, consignment.peer.clone(), bytes));
            messages.push((Purpose::Send, consignment));
            refusals.push(None);
        }
        let messages = self.store.prepare(messages)?;
        Ok(Batch { refusals, permits, fresh, urgent, messages })
    }

    /// What the store is to take custody of, if nothing stands against it and its leaf may be signed. A message
    /// that is held needs no leaf and no leave.
    async fn make_consignment(
        &self,
        judged: Judged,
        permits: &mut BTreeMap<Ministry, Permit>,
        now: Timestamp,
    ) -> Result<Consignment, Declined> {
        let earlier = judged.earlier.clone();
        let envelope = self.pass(judged).await?;
        let recipient = envelope.header().position().recipient.clone();
        let about = LeafMessage::of(&envelope);
        let fresh = Leaf::about(LeafKind::Sent, about, "", now);
        if let Some((place, _)) = &earlier
            && let Some(permit) = self.permit_to_restore(&recipient, place).await?
        {
            permits.insert(recipient.clone(), permit);
        }
        if !permits.contains_key(&recipient) {
            match self.permit_soon(&recipient).await {
                Ok(permit) => {
                    permits.insert(recipient.clone(), permit);
                }
                Err(Declined::Refused(refusal)) => {
                    let held = self.store.held(Direction::Out, envelope.id().digest()).await?;
                    held.ok_or(refusal)?;
                    return Ok(of_pieces("", &recipient, envelope, about.envelope, &fresh));
                }
                Err(failed) => return Err(failed),
            }
        }
        let origin = permits.get(&recipient).map(Permit::origin).unwrap_or_default();
        let leaf = match earlier {
            Some((place, leaf)) if self.ends_at(origin, &place).await? => leaf,
            _ => fresh,
        };
        Ok(of_pieces(origin, &recipient, envelope, about.envelope, &leaf))
    }

    /// The envelope, if nothing stands against it or it is held already.
    async fn pass(&self, judged: Judged) -> Result<Envelope, Declined> {
        let Judged { envelope, objection, earlier, .. } = judged;
        let Some(objection) = objection.filter(|_| earlier.is_none()) else { return Ok(envelope) };
        let held = self.store.held(Direction::Out, envelope.id().digest()).await?;
        match (objection, held) {
            (Objection::Inadmissible(_), Some(_)) => Ok(envelope),
            (Objection::Unverified(_), Some(held)) if held.signature == envelope.signature() => Ok(envelope),
            (Objection::Inadmissible(refusal), None) => Err(refusal.into()),
            (Objection::Unverified(declined), _) => Err(declined),
        }
    }

    /// Queues a batch for the writer, at once.
    fn queue(
        &self,
        batch: Batch<Prepared>,
    ) -> Batch<impl Future<Output = Result<Admitted, StoreFault>> + Send + use<>> {
        let Batch { refusals, permits, fresh, urgent, messages } = batch;
        Batch {
            refusals,
            permits,
            fresh,
            urgent,
            messages: self.store.admit_all(messages, Footing::default()),
        }
    }

    /// Waits until a batch is durable; what became of its envelopes, with the receipts of those that were taken
    /// under one checkpoint of each log.
    async fn conclude(
        &self,
        batch: Batch<impl Future<Output = Result<Admitted, StoreFault>>>,
    ) -> Result<Submitted, Fault> {
        let Batch { refusals, permits, fresh, urgent, messages } = batch;
        let Admitted { custodies, proven } = messages.await?;
        let mut held = BTreeSet::new();
        for (custody, (message_id, recipient, bytes)) in custodies.iter().zip(fresh) {
            match custody {
                Custody::Taken(_) => {
                    self.store.keep_fresh(message_id, bytes);
                    self.tallies.taken(&recipient);
                }
                Custody::AlreadyHeld { .. } => {}
                _ => continue,
            }
            held.insert(message_id);
        }
        let mut custodies = custodies.into_iter();
        permits.keys().for_each(|recipient| self.wake(recipient));
        self.hasten_last(urgent.into_iter().filter(|(id, _)| held.contains(id))).await;
        drop(permits);
        let (mut answers, mut taken) = (Vec::with_capacity(refusals.len()), Vec::new());
        for refusal in refusals {
            answers.push(match refusal {
                Some(refusal) => Answer::Refused(refusal),
                None => match custodies.next() {
                    Some(Custody::Taken(place)) => {
                        taken.push(place);
                        Answer::Taken
                    }
                    Some(custody) => custody_place(custody).map_or_else(Answer::Refused, Answer::Held),
                    None => return Err(Fault::Damaged("a message has no answer".to_owned())),
                },
            });
        }
        let mut receipts = self.receipts_of(&taken, proven)?.into_iter();
        let mut submitted = Vec::with_capacity(answers.len());
        for answer in answers {
            submitted.push(match answer {
                Answer::Refused(refusal) => Err(refusal),
                Answer::Held(place) => Ok(self.receipt(&place).await?),
                Answer::Taken => Ok(receipts
                    .next()
                    .ok_or_else(|| Fault::Damaged("a leaf that was just written".to_owned()))?),
            });
        }
        Ok(submitted)
    }

    /// Hastens the last of these messages in each sequence, which hastens what stands before it. The messages are
    /// durable: what fails here makes them late, and must not make the desk believe that they were refused.
    async fn hasten_last(&self, urgent: impl Iterator<Item = (Digest, (String, Ministry))>) {
        let last: BTreeMap<_, _> = urgent.map(|(id, sequence)| (sequence, id)).collect();
        for id in last.into_values() {
            if let Err(fault) = self.hasten(id).await {
                tracing::warn!(message = %id, %fault, "an urgent message waits for the end of a pause");
            }
        }
    }
}

/// What becomes of one envelope of a batch.
enum Answer {
    Refused(Refusal),
    Held(LeafPlace),
    Taken,
}

/// The leaf of a message that is now, or was already, in custody.
pub(super) fn custody_place(custody: Custody) -> Result<LeafPlace, Refusal> {
    match custody {
        Custody::Taken(place) | Custody::AlreadyHeld { place, .. } => Ok(place),
        Custody::AwaitsEarlier => Err(refuse(
            Reason::CatchingUp,
            "earlier messages to this peer were lost here: the desk must hand them over again first",
        )),
        Custody::Equivocation { held } => Err(refuse(
            Reason::Equivocation,
            format!("the sequence number is used by message {held}; both are kept as proof"),
        )),
        Custody::OutOfSequence { last_sequence, .. } => Err(refuse(
            Reason::OutOfSequence,
            format!("the last sequence number here is {last_sequence}; the message does not follow it"),
        )),
        Custody::NoSpace => Err(Refusal::new(
            Reason::NoSpace,
            "the disk of the gateway has no room for anything new; try again later",
        )),
        Custody::QuotaReached => Err(Refusal::new(
            Reason::Quota,
            "what waits for the recipient's desk has reached the quota of its sender; try again later",
        )),
        Custody::PartMissing(digest) => {
            Err(refuse(Reason::PartMissing, format!("sealed part {digest} was not handed over before")))
        }
    }
}

fn refuse(reason: Reason, detail: impl Into<String>) -> Refusal {
    Refusal::new(reason, detail)
}
