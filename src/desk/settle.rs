//! Settlement: what became of the messages that are under way.
//!
//! Reports of the own gateway enter; what they prove is kept, with the receipts that prove it. One that proves nothing
//! is noted and holds up no other.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::desk::Desk;
use crate::desk::accreditation::Trust;
use crate::desk::error::DeskError;
use crate::desk::keys::Keys;
use crate::desk::mailbox::{Mailbox, ReportedState, SentReport, Settlements};
use crate::desk::owed::NOT_ACCREDITED;
use crate::desk::register::{News, SentEntry, SentState, UnderWay};
use crate::desk::send::RELEASE_LOCK;
use crate::limits;
use crate::message::envelope::Envelope;
use crate::message::id::MessageId;
use crate::message::leaf::LeafKind;

impl Desk {
    /// Hands over what waits here, then asks the gateway what became of everything that is under way, and keeps verified
    /// receipts.
    pub async fn refresh_sent(&self, trust: &Trust, mailbox: &mut Mailbox) -> Result<(), DeskError> {
        // What is wrong with one that waits here is told when all that is under way was asked about.
        let handed_over = match self.try_hold(RELEASE_LOCK)? {
            Some(_released_alone) => self.hand_over(trust, mailbox).await,
            None => Ok(()),
        };
        self.look_after_sent(trust, mailbox).await?;
        handed_over
    }

    /// The same where nothing that waits here is handed over: for whoever looks.
    pub async fn look_after_sent(&self, trust: &Trust, mailbox: &mut Mailbox) -> Result<(), DeskError> {
        let (mut last, mut wrong) = (0, Wrong::default());
        loop {
            let page = self.register.under_way(last, limits::PAGE_MAX)?;
            let Some(newest) = page.last() else { return wrong.told() };
            last = newest.number;
            wrong.note(self.ask_about(trust, mailbox, &page).await)?;
        }
    }

    /// Asks about some messages, and keeps together what is proven of them. What is wrong with one of them is told when all
    /// were looked at.
    async fn ask_about(
        &self,
        trust: &Trust,
        mailbox: &mut Mailbox,
        page: &[UnderWay],
    ) -> Result<(), DeskError> {
        let mut wrong = Wrong::default();
        for one in page.iter().filter(|one| one.state == SentState::Queued && one.has_parts_beside) {
            if let Some(entry) = self.register.sent_message(&one.id)? {
                wrong.note(self.mend(mailbox, &entry).await)?;
            }
        }
        let ids: Vec<_> = page.iter().map(|one| one.id).collect();
        let (mut news, mut lacking, mut ended) = (Vec::new(), BTreeSet::new(), Ok(()));
        for (id, report) in ids.iter().zip(mailbox.sent(&ids).await?) {
            let Some(entry) = self.register.sent_message(id)? else { continue };
            // A gateway that was restored since forgot the withdrawal, and would deliver the message after all.
            let forgotten = entry.state == SentState::Withdrawn && report.state == ReportedState::Queued;
            if report.state == ReportedState::Queued && !forgotten {
                continue;
            }
            let looked = if report.state == ReportedState::Unknown || forgotten {
                match self.submit_again(trust, mailbox, &entry).await {
                    // What became of the others is asked for all the same.
                    Err(failure) if failure.is_passing() => {
                        lacking.insert(entry.recipient.clone());
                        Ok(())
                    }
                    Err(DeskError::NotAccredited(_)) => Ok(()),
                    handed_over => handed_over,
                }
            } else {
                self.judge_report(trust, &entry, report).map(|word| news.push(word))
            };
            ended = wrong.note(looked);
            if ended.is_err() {
                break;
            }
        }
        self.register.note_all_sent(&news)?;
        ended?;
        // What arrived is asked about no more, and a restored gateway may lack it before what it is handed now.
        for recipient in &lacking {
            match self.hand_back(trust, mailbox, recipient).await {
                Err(failure) if failure.is_passing() => {}
                // Behind one that is damaged here nothing goes back to its recipient; to the others it does.
                handed_back => wrong.note(handed_back)?,
            }
        }
        wrong.told()
    }

    /// What is to be kept of a report about a message that is settled.
    pub(super) fn judge_report(
        &self,
        trust: &Trust,
        entry: &SentEntry,
        report: SentReport,
    ) -> Result<News, DeskError> {
        // A message that our log calls expired may still have been rejected by the peer.
        let (state, kinds): (SentState, &[LeafKind]) = match report.state {
            ReportedState::Delivered => (SentState::Delivered, &[LeafKind::Received]),
            ReportedState::Rejected => (SentState::Rejected, &[LeafKind::Rejected]),
            ReportedState::Expired => (SentState::Expired, &[LeafKind::Expired, LeafKind::Rejected]),
            ReportedState::Withdrawn => (SentState::Withdrawn, &[LeafKind::Withdrawn, LeafKind::Rejected]),
            ReportedState::Queued | ReportedState::Unknown => (entry.state, &[]),
        };
        let SentReport { submission_receipt, delivery_receipt, reason, .. } = report;
        let envelope = Envelope::parse_held(&entry.envelope)?;
        let proven = self
            .prove_as(trust, &envelope, &delivery_receipt, kinds)
            .and_then(|_| self.prove_as(trust, &envelope, &submission_receipt, &[LeafKind::Sent]));
        match proven {
            Ok(_) => Ok(News { id: entry.id, state, reason, submission_receipt, delivery_receipt }),
            Err(failure) => {
                let reason = unproven(&failure).ok_or(failure)?;
                let (submission_receipt, delivery_receipt) = (Vec::new(), Vec::new());
                Ok(News { id: entry.id, state: entry.state, reason, submission_receipt, delivery_receipt })
            }
        }
    }

    /// Waits until a copy is delivered, rejected or expired, for at most `patience`.
    pub async fn wait(
        &self,
        trust: &Trust,
        keys: &Keys,
        id: &MessageId,
        patience: Duration,
    ) -> Result<Option<SentEntry>, DeskError> {
        let mut mailbox = self.mailbox(keys).await?;
        let settled = async {
            let mut told = None;
            loop {
                if told.is_none() {
                    // Before the gateway is asked: what is settled in between must not go by unheard.
                    told = mailbox.settlements().await.ok();
                }
                match self.refresh_sent(trust, &mut mailbox).await {
                    // It may come back within the time there is.
                    Err(failure) if !failure.is_passing() => return Err(failure),
                    _ => {}
                }
                match self.register.sent_message(id)? {
                    Some(entry) if !matches!(entry.state, SentState::Queued | SentState::Released) => {
                        return Ok(entry);
                    }
                    Some(_) => told = heard(told, id).await,
                    None => return Err(DeskError::NoSuchMessage(id.to_string())),
                }
            }
        };
        match tokio::time::timeout(patience, settled).await {
            Ok(entry) => entry.map(Some),
            Err(_) => Ok(None),
        }
    }
}

/// What is wrong with single messages: the first of it, told when the others were looked at.
#[derive(Debug, Default)]
struct Wrong(Option<DeskError>);

impl Wrong {
    /// Takes note of a failure that is of one message; every other one ends the look.
    fn note(&mut self, looked: Result<(), DeskError>) -> Result<(), DeskError> {
        match looked {
            Err(
                failure @ (DeskError::Refused(_)
                | DeskError::NotAccredited(_)
                | DeskError::OwnBundleOld { .. }),
            ) => {
                self.0.get_or_insert(failure);
                Ok(())
            }
            looked => looked,
        }
    }

    fn told(self) -> Result<(), DeskError> {
        self.0.map_or(Ok(()), Err)
    }
}

/// Why a report proves nothing here: it is noted, and its message stays under way and holds up no other. None where asking
/// itself failed.
fn unproven(failure: &DeskError) -> Option<String> {
    match failure {
        // A desk that was restored from a backup may know a peer no more to which it had sent.
        DeskError::NotAccredited(_) => Some(NOT_ACCREDITED.to_owned()),
        DeskError::Refused(_) | DeskError::OwnBundleOld { .. } => Some(failure.reason().to_owned()),
        _ => None,
    }
}

/// Waits until the gateway is to be asked again: when it tells of this message, or tells nothing for long. Gives back
/// what to listen to, if it still speaks.
async fn heard(told: Option<Settlements>, id: &MessageId) -> Option<Settlements> {
    let Some(mut told) = told else {
        tokio::time::sleep(limits::WAIT_PAUSE).await;
        return None;
    };
    let word = async {
        loop {
            match told.next().await {
                Ok(Some(settled)) if !settled.contains(id) => {}
                Ok(_) => return true,
                Err(_) => return false,
            }
        }
    };
    let heard = tokio::time::timeout(limits::WAIT_SILENCE, word).await;
    match heard {
        Ok(false) => {
            tokio::time::sleep(limits::WAIT_PAUSE).await;
            None
        }
        _ => Some(told),
    }
}
