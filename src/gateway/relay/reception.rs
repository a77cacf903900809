//! Reception: takes custody of messages from a peer and answers with receipts.
//!
//! A batch of envelopes enters; one outcome for each leaves, after everything that is answered with a receipt
//! is durable. A message whose position is in order but which may not pass is rejected by a signed leaf that
//! uses up its number; anything else that is wrong gets an unsigned refusal and changes nothing. What is placed was
//! judged by what is in force then, whenever it was read.
//!
//! `judging` says what each envelope is worth, `placing` makes that durable; here is their order, and what becomes of
//! a message that makes either of them fail.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::mpsc;
use tracing::Instrument;

use super::intake::Received;
use super::judging::{Admissible, Judged, Stumble};
use super::placing::{unanswered, unsigned};
use super::quarantine::{behind_a_wall, behind_a_wall_of, may_be_its_doing};
use super::session::{Judging, Session};
use super::waiting::Answers;
use crate::gateway::Gateway;
use crate::gateway::error::{Declined, Fault};
use crate::gateway::frame::{Answer, Delivery, Outcome};
use crate::gateway::store::record::Footing;
use crate::limits;
use crate::message::envelope::Envelope;
use crate::message::refusal::{Reason, Refusal};
use crate::trust::name::Ministry;

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
}

fn quarantined() -> Refusal {
    Refusal::new(Reason::Quarantined, "the message makes the gateway fail")
}
