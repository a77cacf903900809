//! Reception: takes custody of messages from a peer and answers with receipts.
//!
//! A batch of envelopes enters; one outcome for each leaves, after everything that is answered with a receipt
//! is durable. A message whose position is in order but which may not pass is rejected by a signed leaf that
//! uses up its number; anything else that is wrong gets an unsigned refusal and changes nothing. What is placed was
//! judged by what is in force then, whenever it was read.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use tracing::Instrument;

use super::intake::Received;
use super::lock;
use super::quarantine::{behind_a_wall, behind_a_wall_of, may_be_its_doing};
use super::session::{Judging, Session};
use super::waiting::Answers;
use crate::digest::Digest;
use crate::gateway::accreditation::Accreditation;
use crate::gateway::admission;
use crate::gateway::error::{Declined, Fault};
use crate::gateway::frame::{Answer, Delivery, Outcome};
use crate::gateway::standing::Permit;
use crate::gateway::store::record::{Consignment, Direction, Footing, LeafPlace, SignedHeader};
use crate::gateway::store::{Admitted, Purpose};
use crate::gateway::submission::{consignment, custody_place};
use crate::gateway::{Gateway, Scrutiny, ScrutinyAt};
use crate::limits;
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

struct Admissible {
    envelope: Envelope,
    rejection: Option<Refusal>,
    /// What was in force when it was judged.
    judged_by: Arc<Accreditation>,
}

impl Session<'_> {
    /// Places and answers batch after batch, in the order in which they came.
    pub(super) async fn place_all(&self, mut judging: mpsc::Receiver<Judging>) -> Result<(), Fault> {
        let mut waiting: VecDeque<Judging> = VecDeque::new();
        loop {
            if waiting.is_empty() {
                let Some(next) = judging.recv().await else { return Ok(()) };
                waiting.push_back(next);
            }
            // More than one commit takes waits where it is bounded.
            let room = limits::BATCH_ENVELOPES_MAX.saturating_sub(waiting.len());
            waiting.extend(std::iter::from_fn(|| judging.try_recv().ok()).take(room));
            let (batches, judged) = next_batches(&mut waiting).await?;
            let mut outcomes = self.gateway.place_all(self.peer, judged, &self.footing).await?;
            for batch in batches {
                let rest = outcomes.split_off(batch.envelopes.min(outcomes.len()));
                self.waiting.answers(Answers { outcomes, batch });
                outcomes = rest;
            }
        }
    }
}

/// The first batch that waits, and with it those behind it that are judged already: they are placed in one commit.
async fn next_batches(waiting: &mut VecDeque<Judging>) -> Result<(Vec<Received>, Vec<Judged>), Fault> {
    let (mut batches, mut judged) = (Vec::new(), Vec::new());
    while let Some((batch, judging)) = waiting.pop_front() {
        let fits = judged.len().saturating_add(batch.envelopes) <= limits::BATCH_ENVELOPES_MAX;
        let goes_along = batches.is_empty() || (judging.is_finished() && fits);
        if !goes_along {
            waiting.push_front((batch, judging));
            break;
        }
        match judging.await.map_err(|cause| Fault::Link(cause.to_string())).flatten() {
            Ok(more) => judged.extend(more),
            Err(fault) if batches.is_empty() => return Err(fault),
            Err(fault) => {
                // What was judged before it is placed before it is told.
                waiting.push_front((batch, tokio::spawn(async { Err(fault) })));
                break;
            }
        }
        batches.push(batch);
    }
    Ok((batches, judged))
}

impl Gateway {
    /// Takes a batch of a peer's deliveries into custody, in order. The outcomes share one checkpoint.
    pub async fn receive(
        self: &Arc<Self>,
        peer: &Ministry,
        deliveries: Vec<Delivery>,
    ) -> Result<Vec<Outcome>, Fault> {
        let judged = self.clone().judge_all(peer.clone(), deliveries).await?;
        self.place_all(peer, judged, &Footing::default()).await
    }

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

    /// Places what was judged, in order, and answers it.
    async fn place_all(
        &self,
        peer: &Ministry,
        judged: Vec<Judged>,
        footing: &Footing,
    ) -> Result<Vec<Outcome>, Fault> {
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
        let mut answers = self.place_together(peer, &admissible, footing).await?.into_iter();
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
        footing: &Footing,
    ) -> Result<Vec<Answer>, Fault> {
        let span = tracing::info_span!("relay.place", %peer, count = admissible.len());
        match behind_a_wall_of(self.place_batch(peer, admissible, footing)).instrument(span).await {
            None => {}
            Some(Err(fault)) if may_be_its_doing(&fault) => {}
            Some(placed) => return placed,
        }
        let mut answers = Vec::with_capacity(admissible.len());
        for one in admissible {
            answers.push(self.place_alone(peer, one, footing).await?);
        }
        Ok(answers)
    }

    async fn place_alone(
        &self,
        peer: &Ministry,
        admissible: &Admissible,
        footing: &Footing,
    ) -> Result<Answer, Fault> {
        let fault = match behind_a_wall_of(self.place_batch(peer, &[admissible], footing)).await {
            None => "a panic".to_owned(),
            Some(Err(fault)) if may_be_its_doing(&fault) => fault.to_string(),
            Some(placed) => return placed?.pop().ok_or_else(unanswered),
        };
        let rejected = match self.stumbled(peer, &admissible.envelope, &fault).await? {
            Err(refusal) => return Ok(unsigned(&refusal)),
            Ok(rejected) => rejected,
        };
        match behind_a_wall_of(self.place_batch(peer, &[&rejected], footing)).await {
            Some(Ok(mut answers)) => answers.pop().ok_or_else(unanswered),
            Some(Err(fault)) if !may_be_its_doing(&fault) => Err(fault),
            _ => Ok(unsigned(&quarantined())),
        }
    }

    /// Places messages in order, by one permit and in one commit; one answer for each. All receipts of a batch stand under one
    /// checkpoint of each log, which the peer is about to cosign.
    async fn place_batch(
        &self,
        peer: &Ministry,
        admissible: &[&Admissible],
        footing: &Footing,
    ) -> Result<Vec<Answer>, Fault> {
        // Where nothing is to be placed nothing is signed, not even the opening of a new year.
        if admissible.is_empty() {
            return Ok(Vec::new());
        }
        let permit = match self.permit(peer).await {
            Ok(permit) => permit,
            Err(Declined::Refused(refusal)) => return Ok(vec![unsigned(&refusal); admissible.len()]),
            Err(Declined::Failed(fault)) => return Err(fault),
        };
        // Under the permit: whoever makes a revocation count waits for those who hold one.
        let rulings = self.rule_again(peer, admissible).await?;
        let ruled = admissible.iter().zip(&rulings);
        let may_be_placed =
            ruled.filter_map(|(one, ruling)| Some((&one.envelope, ruling.as_ref().ok()?.as_ref())));
        let messages: Vec<(Purpose, Consignment)> = may_be_placed
            .map(|(envelope, rejection)| self.consign(peer, envelope, rejection, &permit))
            .collect();
        let (is_any, prepared) = (!messages.is_empty(), self.store.prepare(messages)?);
        let Admitted { custodies, proven } = match is_any {
            true => self.store.admit_all(prepared, footing.clone()).await?,
            false => Admitted::default(),
        };
        drop(permit);
        let mut custodies = custodies.into_iter();
        let place_of = |ruling: &Ruling| match ruling {
            Ok(_) => custodies.next().map(custody_place).ok_or_else(unanswered),
            Err(refusal) => Ok(Err(refusal.clone())),
        };
        let placed: Vec<Result<LeafPlace, Refusal>> =
            rulings.iter().map(place_of).collect::<Result<_, Fault>>()?;
        for refusal in placed.iter().filter_map(|placed| placed.as_ref().err()) {
            // It need not send what would be refused too.
            if refusal.reason() == Reason::Quota {
                self.link_of(peer).is_full(true);
            } else if refusal.reason() == Reason::NoSpace {
                self.has_room(false);
            }
        }
        let places: Vec<LeafPlace> = placed.iter().flatten().cloned().collect();
        if !places.is_empty() {
            self.tell_received();
        }
        let mut receipts = self.receipts_of(&places, proven)?.into_iter();
        for (ruling, _) in rulings.iter().zip(&placed).filter(|(_, placed)| placed.is_ok()) {
            self.tallies.received(peer, matches!(ruling, Ok(None)));
        }
        let answer = |placed: Result<LeafPlace, Refusal>| match placed {
            Ok(_) => Ok(Answer::Receipt(receipts.next().ok_or_else(unanswered)?.encode())),
            Err(refusal) => Ok(unsigned(&refusal)),
        };
        placed.into_iter().map(answer).collect()
    }

    /// What stands against messages now. One that nothing stood against is judged once more where anything else is in
    /// force than when it was read: its sender may have revoked the key that signed it.
    async fn rule_again(&self, peer: &Ministry, admissible: &[&Admissible]) -> Result<Vec<Ruling>, Fault> {
        let (in_force, now) = (self.accreditation()?, self.clock.now());
        let mut rulings = Vec::with_capacity(admissible.len());
        for Admissible { envelope, rejection, judged_by } in admissible {
            if rejection.is_some() || Arc::ptr_eq(judged_by, &in_force) {
                rulings.push(Ok(rejection.clone()));
                continue;
            }
            // That it is withdrawn would have stood against it, but for one that is held.
            let mut verdict = judge(peer, (envelope, false), None, &in_force, now);
            if !matches!(verdict, Ok(None)) {
                let held = self.store.held(Direction::In, envelope.id().digest()).await?;
                if held.is_some() {
                    verdict = judge(peer, (envelope, false), held, &in_force, now);
                }
            }
            rulings.push(match verdict {
                Ok(rejection) => Ok(rejection),
                Err(Declined::Refused(refusal)) => Err(refusal),
                Err(Declined::Failed(fault)) => return Err(fault),
            });
        }
        Ok(rulings)
    }

    /// What the store is to do with an envelope.
    fn consign(
        &self,
        peer: &Ministry,
        envelope: &Envelope,
        rejection: Option<&Refusal>,
        permit: &Permit,
    ) -> (Purpose, Consignment) {
        let (kind, reason) = match rejection {
            None => (LeafKind::Received, ""),
            Some(refusal) => (LeafKind::Rejected, refusal.reason().word()),
        };
        if rejection.is_none() {
            self.scrutiny()(&envelope.id(), ScrutinyAt::Placing);
        }
        let leaf = Leaf::about(kind, LeafMessage::of(envelope), reason, self.clock.now());
        let purpose = if rejection.is_none() { Purpose::Deliver } else { Purpose::Reject(reason.to_owned()) };
        (purpose, consignment(permit.origin(), peer, envelope, &leaf))
    }

    /// A message made us fail. It may come again; after some tries it is refused for good, where it is authentic.
    async fn stumbled(
        &self,
        peer: &Ministry,
        envelope: &Envelope,
        fault: &str,
    ) -> Result<Result<Admissible, Refusal>, Fault> {
        let id = envelope.id();
        if let Some(unsaid) = self.link_of(peer).refusals.next() {
            let said = "a message of the peer made this gateway fail";
            tracing::error!(peer = %peer, message = %id, %fault, unsaid, "{said}");
        }
        if !self.quarantine.count(id.digest()) {
            return Ok(Err(quarantined()));
        }
        let detail = format!("message {id} of the peer makes this gateway fail and is refused for good");
        self.alarm_about(peer, "QUARANTINED", detail).await?;
        let (accreditation, now) = (self.accreditation()?, self.clock.now());
        let anchors = accreditation.signing_anchors(peer)?;
        match behind_a_wall(|| envelope.verify(anchors, now).is_ok()) {
            Some(true) => {
                let (envelope, rejection) = (envelope.clone(), Some(quarantined()));
                Ok(Ok(Admissible { envelope, rejection, judged_by: accreditation.clone() }))
            }
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

/// The same with what it is worth as far as is known; no verdict where judging it panicked.
type Sighted = Result<(Envelope, bool, Option<Verdict>), (Option<MessageId>, Refusal)>;

/// Why a message is to be rejected for good, if it is; or why nothing is to be done.
type Verdict = Result<Option<Refusal>, Declined>;

/// The same of one that is about to be placed: an answer in either case.
type Ruling = Result<Option<Refusal>, Refusal>;

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
fn judge(
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
