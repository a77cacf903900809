//! Placing: what was judged gets its places in the logs, and each place its receipt.
//!
//! Judged messages of one peer enter, in order; one answer for each leaves, after everything that is answered with a
//! receipt is durable. Under the permit that it signs by, what was judged by less than is in force now is judged once
//! more: whoever makes a revocation count waits for those who hold one.

use std::sync::Arc;

use super::judging::{Admissible, judge};
use crate::gateway::error::{Declined, Fault};
use crate::gateway::frame::Answer;
use crate::gateway::standing::Permit;
use crate::gateway::store::record::{Consignment, Direction, Footing, LeafPlace};
use crate::gateway::store::{Admitted, Purpose};
use crate::gateway::submission::{consignment, custody_place};
use crate::gateway::{Gateway, ScrutinyAt};
use crate::message::envelope::Envelope;
use crate::message::leaf::{Leaf, LeafKind, LeafMessage};
use crate::message::refusal::{Reason, Refusal};
use crate::trust::name::Ministry;

/// Why a message that is about to be placed is to be rejected for good, if it is; or why it is refused. An answer in
/// either case.
type Ruling = Result<Option<Refusal>, Refusal>;

impl Gateway {
    /// Places messages in order, by one permit and in one commit; one answer for each. All receipts of a batch stand
    /// under one checkpoint of each log, which the peer is about to cosign.
    pub(super) async fn place_batch(
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
}

pub(super) fn unsigned(refusal: &Refusal) -> Answer {
    Answer::Unsigned { reason: refusal.reason().word().to_owned(), detail: refusal.detail().to_owned() }
}

pub(super) fn unanswered() -> Fault {
    Fault::Link("a message of the batch has no answer".to_owned())
}
