//! Reception: takes custody of messages from a peer and answers with receipts.
//!
//! A batch of envelopes enters; one outcome for each leaves, after everything that is answered with a receipt
//! is durable. A message whose position is in order but which may not pass is rejected by a signed leaf that
//! uses up its number; anything else that is wrong gets an unsigned refusal and changes nothing.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use super::lock;
use super::quarantine::{behind_a_wall, behind_a_wall_of, may_be_its_doing};
use super::session::{Judging, Session};
use super::waiting::Answers;
use crate::gateway::accreditation::Accreditation;
use crate::gateway::admission;
use crate::gateway::error::{Declined, Fault};
use crate::gateway::frame::{Answer, Delivery, Outcome};
use crate::gateway::store::Purpose;
use crate::gateway::store::record::{Consignment, Direction, LeafPlace, SignedHeader};
use crate::gateway::submission::custody_place;
use crate::gateway::{Gateway, Scrutiny, ScrutinyAt};
use crate::message::envelope::Envelope;
use crate::message::id::MessageId;
use crate::message::leaf::{Leaf, LeafKind, LeafMessage};
use crate::message::refusal::{Reason, Refusal};
use crate::time::Timestamp;
use crate::trust::name::Ministry;

/// What was found of one delivery: an envelope that may be taken or must be rejected for good, or why neither.
pub(super) struct Judged {
    id: Option<MessageId>,
    found: Result<Admissible, Stumble>,
}

/// Why a delivery was not judged admissible.
enum Stumble {
    Declined(Declined),
    /// Judging it panicked.
    Panicked(Box<Envelope>),
}

impl From<Declined> for Stumble {
    fn from(cause: Declined) -> Self {
        Self::Declined(cause)
    }
}

impl From<Refusal> for Stumble {
    fn from(cause: Refusal) -> Self {
        Self::Declined(cause.into())
    }
}

struct Admissible {
    envelope: Envelope,
    rejection: Option<Refusal>,
}

impl Session<'_> {
    /// Places and answers batch after batch, in the order in which they came.
    pub(super) async fn place_all(&self, mut judging: mpsc::UnboundedReceiver<Judging>) -> Result<(), Fault> {
        while let Some((batch, judged)) = judging.recv().await {
            let judged = judged.await.map_err(|cause| Fault::Link(cause.to_string()))??;
            let outcomes = self.gateway.place_all(self.peer, judged).await?;
            self.waiting.answers(Answers { outcomes, batch });
        }
        Ok(())
    }
}

impl Gateway {
    /// Takes a batch of a peer's deliveries into custody, in order. The outcomes share one checkpoint.
    pub async fn receive(
        self: &Arc<Self>,
        peer: &Ministry,
        deliveries: Vec<Delivery>,
    ) -> Result<Vec<Outcome>, Fault> {
        let judged = self.clone().judge_all(peer.clone(), deliveries).await?;
        self.place_all(peer, judged).await
    }

    /// Judges a batch: what needs the store first, then the signatures, off the threads that serve streams.
    pub(super) async fn judge_all(
        self: Arc<Self>,
        peer: Ministry,
        deliveries: Vec<Delivery>,
    ) -> Result<Vec<Judged>, Fault> {
        let accreditation = self.accreditation()?;
        let own = self.config.ministry.clone();
        let sender = peer.clone();
        let reading = move || -> Vec<Opened> {
            deliveries.iter().map(|delivery| open(&sender, &own, delivery)).collect()
        };
        let opened = aside(reading).await?;
        let ids = opened.iter().flatten().map(|(envelope, _)| envelope.id().digest()).collect();
        let mut held = self.store.held_all(Direction::In, ids).await?.into_iter();
        let (now, scrutiny) = (self.clock.now(), self.scrutiny());
        let judging = move || {
            let judge = |opened: Opened| match opened {
                Ok((envelope, withdrawn)) => {
                    let held = held.next().flatten();
                    judge_apart(&envelope, || {
                        scrutiny(&envelope.id(), ScrutinyAt::Judging);
                        judge(&peer, (envelope.clone(), withdrawn), held, &accreditation, now)
                    })
                }
                Err((id, refusal)) => Judged { id, found: Err(refusal.into()) },
            };
            opened.into_iter().map(judge).collect()
        };
        aside(judging).await
    }

    /// Places what was judged, in order, and answers it.
    async fn place_all(&self, peer: &Ministry, judged: Vec<Judged>) -> Result<Vec<Outcome>, Fault> {
        let mut offered = Vec::with_capacity(judged.len());
        for Judged { id, found } in judged {
            let found = match found {
                Ok(admissible) => Ok(admissible),
                Err(Stumble::Declined(Declined::Refused(refusal))) => Err(refusal),
                Err(Stumble::Declined(Declined::Failed(fault))) => return Err(fault),
                Err(Stumble::Panicked(envelope)) => self.stumbled(peer, &envelope, "a panic").await?,
            };
            offered.push((id, found));
        }
        let admissible: Vec<&Admissible> =
            offered.iter().filter_map(|(_, found)| found.as_ref().ok()).collect();
        let mut answers = self.place_together(peer, &admissible).await?.into_iter();
        let mut outcomes = Vec::with_capacity(offered.len());
        for (message_id, found) in &offered {
            let answer = match found {
                Ok(_) => answers.next().ok_or_else(unanswered)?,
                Err(refusal) => unsigned(refusal),
            };
            if let (Some(id), Answer::Receipt(_)) = (message_id, &answer) {
                self.quarantine.forget(&id.digest());
            }
            outcomes.push(Outcome { message_id: *message_id, answer });
        }
        Ok(outcomes)
    }

    /// Places messages together; where one of them makes us fail, each by itself, so that it alone suffers.
    async fn place_together(
        &self,
        peer: &Ministry,
        admissible: &[&Admissible],
    ) -> Result<Vec<Answer>, Fault> {
        match behind_a_wall_of(self.place_batch(peer, admissible)).await {
            None => {}
            Some(Err(fault)) if may_be_its_doing(&fault) => {}
            Some(placed) => return placed,
        }
        let mut answers = Vec::with_capacity(admissible.len());
        for one in admissible {
            answers.push(self.place_alone(peer, one).await?);
        }
        Ok(answers)
    }

    async fn place_alone(&self, peer: &Ministry, admissible: &Admissible) -> Result<Answer, Fault> {
        let fault = match behind_a_wall_of(self.place_batch(peer, &[admissible])).await {
            None => "a panic".to_owned(),
            Some(Err(fault)) if may_be_its_doing(&fault) => fault.to_string(),
            Some(placed) => return placed?.pop().ok_or_else(unanswered),
        };
        let rejected = match self.stumbled(peer, &admissible.envelope, &fault).await? {
            Err(refusal) => return Ok(unsigned(&refusal)),
            Ok(rejected) => rejected,
        };
        match behind_a_wall_of(self.place_batch(peer, &[&rejected])).await {
            Some(Ok(mut answers)) => answers.pop().ok_or_else(unanswered),
            Some(Err(fault)) if !may_be_its_doing(&fault) => Err(fault),
            _ => Ok(unsigned(&quarantined())),
        }
    }

    /// Places messages in order and in one commit; one answer for each. All receipts of a batch stand under one
    /// checkpoint of each log, which the peer is about to cosign.
    async fn place_batch(&self, peer: &Ministry, admissible: &[&Admissible]) -> Result<Vec<Answer>, Fault> {
        let mut messages = Vec::with_capacity(admissible.len());
        for one in admissible {
            messages.push(self.consign(peer, one).await?);
        }
        let custodies = self.store.admit_all(self.store.prepare(messages).await?).await?;
        let placed: Vec<Result<LeafPlace, Refusal>> = custodies.into_iter().map(custody_place).collect();
        let places: Vec<LeafPlace> = placed.iter().flatten().cloned().collect();
        let mut receipts = self.receipts(&places).await?.into_iter();
        let answer = |placed: Result<LeafPlace, Refusal>| match placed {
            Ok(_) => Ok(Answer::Receipt(receipts.next().ok_or_else(unanswered)?.encode())),
            Err(refusal) => Ok(unsigned(&refusal)),
        };
        placed.into_iter().map(answer).collect()
    }

    /// What the store is to do with an envelope.
    async fn consign(
        &self,
        peer: &Ministry,
        admissible: &Admissible,
    ) -> Result<(Purpose, Consignment), Fault> {
        let Admissible { envelope, rejection } = admissible;
        let (kind, reason) = match rejection {
            None => (LeafKind::Received, ""),
            Some(refusal) => (LeafKind::Rejected, refusal.reason().word()),
        };
        if rejection.is_none() {
            self.scrutiny()(&envelope.id(), ScrutinyAt::Placing);
        }
        let leaf = Leaf::about(kind, LeafMessage::of(envelope), reason, self.clock.now());
        let purpose = if rejection.is_none() { Purpose::Deliver } else { Purpose::Reject(reason.to_owned()) };
        Ok((purpose, self.consignment(envelope, peer, &leaf).await?))
    }

    /// A message made us fail. It may come again; after some tries it is refused for good, where it is authentic.
    async fn stumbled(
        &self,
        peer: &Ministry,
        envelope: &Envelope,
        fault: &str,
    ) -> Result<Result<Admissible, Refusal>, Fault> {
        let id = envelope.id();
        tracing::error!(peer = %peer, message = %id, %fault, "a message of the peer made this gateway fail");
        if !self.quarantine.count(id.digest()) {
            return Ok(Err(quarantined()));
        }
        let detail = format!("message {id} of the peer makes this gateway fail and is refused for good");
        self.alarm_about(peer, "QUARANTINED", detail).await?;
        let (accreditation, now) = (self.accreditation()?, self.clock.now());
        let anchors = accreditation.signing_anchors(peer)?;
        match behind_a_wall(|| envelope.verify(anchors, now).is_ok()) {
            Some(true) => Ok(Ok(Admissible { envelope: envelope.clone(), rejection: Some(quarantined()) })),
            _ => Ok(Err(quarantined())),
        }
    }

    fn scrutiny(&self) -> Scrutiny {
        lock(&self.scrutiny).clone().unwrap_or_else(|| Arc::new(|_, _| {}))
    }
}

fn quarantined() -> Refusal {
    Refusal::new(Reason::Quarantined, "the message makes the gateway fail")
}

fn unsigned(refusal: &Refusal) -> Answer {
    Answer::Unsigned { reason: refusal.reason().word().to_owned(), detail: refusal.detail().to_owned() }
}

fn unanswered() -> Fault {
    Fault::Link("a message of the batch has no answer".to_owned())
}

/// Does what takes the processor off the threads that serve streams.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Fault> {
    spawn_blocking(work).await.map_err(|cause| Fault::Link(cause.to_string()))
}

/// An envelope, and whether its sender withdrew it.
type Opened = Result<(Envelope, bool), (Option<MessageId>, Refusal)>;

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

/// Judges one envelope so that a panic harms it alone.
fn judge_apart(envelope: &Envelope, judge: impl FnOnce() -> Judged) -> Judged {
    let panicked =
        || Judged { id: Some(envelope.id()), found: Err(Stumble::Panicked(Box::new(envelope.clone()))) };
    behind_a_wall(judge).unwrap_or_else(panicked)
}

/// Judges one envelope against what is held of it and what is in force. What is held was verified and judged
/// when it was taken, and gets its receipt whatever has changed.
fn judge(
    peer: &Ministry,
    (envelope, withdrawn): (Envelope, bool),
    held: Option<SignedHeader>,
    accreditation: &Accreditation,
    now: Timestamp,
) -> Judged {
    let id = Some(envelope.id());
    let declined = |declined: Declined| Judged { id, found: Err(declined.into()) };
    if held.as_ref().is_none_or(|held| held.signature != envelope.signature()) {
        let anchors = match accreditation.signing_anchors(peer) {
            Ok(anchors) => anchors,
            Err(fault) => return declined(fault.into()),
        };
        if let Err(refusal) = envelope.verify(anchors, now) {
            if held.is_none() && envelope.is_signer_ended(anchors, now) {
                let ended = "the signer's certificate ended or was revoked before the message came";
                let rejection = Some(Refusal::new(Reason::SignerExpired, ended));
                return Judged { id, found: Ok(Admissible { envelope, rejection }) };
            }
            return declined(refusal.into());
        }
    }
    let verdict = match held {
        Some(_) => Ok(()),
        // Nothing is admitted: its number is to be used up.
        None if withdrawn => Err(Refusal::new(Reason::Withdrawn, "the sender withdrew it")),
        None => admission::judge(envelope.header(), accreditation.policy(), now),
    };
    match verdict {
        Err(refusal) if !refusal.is_final() => declined(refusal.into()),
        verdict => Judged { id, found: Ok(Admissible { envelope, rejection: verdict.err() }) },
    }
}
