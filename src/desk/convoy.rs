//! Convoys: batches of registered copies on their way into the custody of the own gateway, over one stream.
//!
//! Copies enter in the order of their numbers; each leaves with where it stands now, and its receipt or the reason why
//! it was not taken is in the register by then. What must never happen: that a copy is given up because one before it
//! was not taken yet. So what follows such a one on its channel to its recipient stays as it is.

use std::collections::{BTreeSet, VecDeque};

use crate::desk::Desk;
use crate::desk::accreditation::Trust;
use crate::desk::error::DeskError;
use crate::desk::mailbox::{Mailbox, Submissions, batch_length};
use crate::desk::register::{News, SentEntry, SentState};
use crate::limits;
use crate::message::envelope::Envelope;
use crate::message::leaf::LeafKind;
use crate::trust::name::Ministry;

/// What became of a copy, and why it was not taken.
pub(super) type Fate = (SentEntry, Option<DeskError>);

/// Batches under way. Of use only while the release lock is held.
pub(super) struct Convoy<'a> {
    desk: &'a Desk,
    trust: &'a Trust,
    mailbox: &'a mut Mailbox,
    stream: Option<Submissions>,
    under_way: VecDeque<Vec<SentEntry>>,
    /// Channels and recipients towards which something was not taken.
    held_up: BTreeSet<(String, Ministry)>,
    /// Whether nobody answers.
    is_away: bool,
}

impl<'a> Convoy<'a> {
    pub(super) fn new(desk: &'a Desk, trust: &'a Trust, mailbox: &'a mut Mailbox) -> Self {
        let (under_way, held_up) = (VecDeque::new(), BTreeSet::new());
        Self { desk, trust, mailbox, stream: None, under_way, held_up, is_away: false }
    }

    /// The connection, while nothing is asked of it by this convoy.
    pub(super) fn mailbox(&mut self) -> &mut Mailbox {
        self.mailbox
    }

    /// Whether something was not taken: what is released now may have to wait behind it.
    pub(super) fn is_held_up(&self) -> bool {
        self.is_away || !self.held_up.is_empty()
    }

    /// Sends copies on their way, in batches; answers what became of some of those before.
    pub(super) async fn send(&mut self, mut copies: Vec<SentEntry>) -> Result<Vec<Fate>, DeskError> {
        let mut known = Vec::new();
        while !copies.is_empty() {
            let streamed = copies.iter().take_while(|copy| is_streamed(copy)).map(|copy| copy.envelope.len());
            let count = batch_length(streamed);
            if count == 0 {
                // What it may depend on comes first.
                known.extend(self.end().await?);
                let alone = copies.remove(0);
                known.push(self.submit_alone(alone).await?);
                continue;
            }
            let rest = copies.split_off(count);
            while self.under_way.len() >= limits::SEND_BATCHES_UNDER_WAY_MAX {
                known.extend(self.conclude().await?);
            }
            self.launch(std::mem::replace(&mut copies, rest)).await;
        }
        Ok(known)
    }

    /// Waits for everything that is under way.
    pub(super) async fn end(&mut self) -> Result<Vec<Fate>, DeskError> {
        let mut known = Vec::new();
        while !self.under_way.is_empty() {
            known.extend(self.conclude().await?);
        }
        Ok(known)
    }

    /// Where the stream does not take it, its answer will be missing, and then its copies go one by one.
    async fn launch(&mut self, batch: Vec<SentEntry>) {
        if self.stream.is_none() && self.under_way.is_empty() && !self.is_away {
            self.stream = self.mailbox.submissions().await.ok();
        }
        if let Some(stream) = &mut self.stream {
            let envelopes = batch.iter().map(|copy| copy.envelope.clone()).collect();
            if stream.submit(envelopes).await.is_err() {
                self.stream = None;
            }
        }
        self.under_way.push_back(batch);
    }

    /// What became of the oldest batch under way.
    async fn conclude(&mut self) -> Result<Vec<Fate>, DeskError> {
        let Some(batch) = self.under_way.pop_front() else { return Ok(Vec::new()) };
        let answers = match &mut self.stream {
            Some(stream) => stream.answers().await.ok().filter(|answers| answers.len() == batch.len()),
            None => None,
        };
        let Some(answers) = answers else {
            // What was not answered may have been taken: submitting it again is harmless.
            self.stream = None;
            return self.submit_each(batch.into_iter().map(|copy| (copy, None))).await;
        };
        let mut news = Vec::new();
        let mut judged = Vec::with_capacity(batch.len());
        for (mut copy, answer) in batch.into_iter().zip(answers) {
            let proven = answer.and_then(|receipt| self.proven(&copy, receipt));
            judged.push(match proven {
                Ok(receipt) => {
                    let word = News {
                        id: copy.id,
                        state: SentState::Queued,
                        reason: String::new(),
                        submission_receipt: receipt.clone(),
                        delivery_receipt: Vec::new(),
                    };
                    news.push(word);
                    (copy.state, copy.submission_receipt) = (SentState::Queued, receipt);
                    copy.reason.clear();
                    (copy, None)
                }
                Err(failure) => (copy, Some(failure)),
            });
        }
        self.desk.register.note_all_sent(&news)?;
        self.submit_each(judged).await
    }

    fn proven(&self, copy: &SentEntry, receipt: Vec<u8>) -> Result<Vec<u8>, DeskError> {
        let envelope = Envelope::parse_held(&copy.envelope)?;
        self.desk.prove_as(self.trust, &envelope, &receipt, &[LeafKind::Sent])?;
        Ok(receipt)
    }

    /// Submits by themselves, in their order, those that were not taken and may be now.
    async fn submit_each(
        &mut self,
        copies: impl IntoIterator<Item = (SentEntry, Option<DeskError>)>,
    ) -> Result<Vec<Fate>, DeskError> {
        let mut known = Vec::new();
        for (copy, failure) in copies {
            let fate = match (copy.state, failure) {
                (SentState::Released, Some(failure))
                    if !matches!(failure, DeskError::GatewayRefused { .. }) =>
                {
                    self.note_failure(copy, failure)?
                }
                // Refused because of one before it, or for good: its turn has come now.
                (SentState::Released | SentState::Void, _) => self.submit_alone(copy).await?,
                _ => (copy, None),
            };
            known.push(fate);
        }
        Ok(known)
    }

    async fn submit_alone(&mut self, copy: SentEntry) -> Result<Fate, DeskError> {
        let line = (copy.channel.clone(), copy.recipient.clone());
        if self.is_away || self.held_up.contains(&line) {
            return Ok((copy, None));
        }
        let submitted = self.desk.submit(self.trust, self.mailbox, copy.clone()).await;
        let (state, failure) = match submitted {
            Ok(taken) => return Ok((taken, None)),
            Err(fault @ DeskError::Register(_)) => return Err(fault),
            Err(failure) => (self.desk.register.sent_message(&copy.id)?, failure),
        };
        // One that was refused for good is void by now, and withdrawn if that could be done at once.
        let copy = state.unwrap_or(copy);
        if matches!(copy.state, SentState::Released | SentState::Void) {
            self.held_up.insert(line);
        }
        self.is_away |= matches!(failure, DeskError::GatewayAway(_));
        Ok((copy, Some(failure)))
    }

    /// Keeps why a copy was not taken; what follows it on its way waits.
    fn note_failure(&mut self, mut copy: SentEntry, failure: DeskError) -> Result<Fate, DeskError> {
        let first = self.held_up.insert((copy.channel.clone(), copy.recipient.clone()));
        if first && !failure.reason().is_empty() {
            failure.reason().clone_into(&mut copy.reason);
            self.desk.register.note_sent(&copy.id, copy.state, &copy.reason, &[], &[])?;
        }
        Ok((copy, Some(failure)))
    }
}

/// Whether a copy goes in a batch: one with parts beside it is handed over with them, and a void one is given up.
fn is_streamed(copy: &SentEntry) -> bool {
    copy.state == SentState::Released && !copy.has_parts_beside
}
