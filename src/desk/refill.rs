//! Refilling: a register that was restored from an older backup gets back from the own gateway what this desk had sent
//! since.
//!
//! How far each sequence came enters, as the gateway says; what this register lacks of it leaves it no more: every
//! message was sealed to the own reading keys too, and the gateway keeps them all. Nothing is taken back but what the
//! registry of this ministry signed, each with the one before it, so that the gateway can neither invent a message nor
//! leave one out in the middle. What it does not give back stays noted as lost: no number is given that it may bear,
//! and nobody departs.
//!
//! What must never happen: that a number is given twice because a register forgot it, or that a withdrawal which others
//! have does not count here.

mod asked;
mod forgone;
mod mark;
mod rest;

use std::collections::BTreeMap;

pub use asked::{Asked, Lacking, Refilled};
pub use forgone::Forgone;
use forgone::is_sealed_to_others;
pub use mark::Compared;
use rest::Rest;

use crate::desk::Desk;
use crate::desk::accreditation::Trust;
use crate::desk::error::DeskError;
use crate::desk::keys::Keys;
use crate::desk::mailbox::{Mailbox, ReportedState, Returned, SentLine};
use crate::desk::register::{Lost, SentEntry, SentState, TakenBack};
use crate::desk::send::RELEASE_LOCK;
use crate::digest::Digest;
use crate::limits;
use crate::message::dispatch::{Dispatch, SignedDispatch};
use crate::message::envelope::Envelope;
use crate::message::id::MessageId;
use crate::message::leaf::LeafKind;
use crate::message::refusal::{Reason, Refusal};
use crate::message::seal;

/// Acts with which a desk answers a message by itself, once each.
const ANSWERS: [&str; 3] = ["rule-rejection", "registry-receipt", "non-acknowledgement"];

impl Desk {
    /// Asks the own gateway for everything that came, and for everything that this register lacks of what this desk
    /// sent.
    pub async fn ask(&self, trust: &Trust, keys: &Keys, mailbox: &mut Mailbox) -> Result<Asked, DeskError> {
        let refilled = self.catch_up(trust, keys, mailbox).await?;
        let fetched = self.fetch(trust, mailbox).await?;
        self.mark_register()?;
        Ok(Asked { refilled, fetched })
    }

    /// Takes back what this register lacks of what this desk sent. Nobody is waited for where it lacks nothing.
    pub async fn catch_up(
        &self,
        trust: &Trust,
        keys: &Keys,
        mailbox: &mut Mailbox,
    ) -> Result<Refilled, DeskError> {
        // The gateway is asked first: what is sent meanwhile is registered before it is submitted.
        if self.lines_behind(mailbox).await?.is_empty() {
            return Ok(Refilled::default());
        }
        let _released_alone = self.hold(RELEASE_LOCK).await?;
        self.refill(trust, keys, mailbox).await
    }

    /// The same for the holder of the release lock.
    pub(super) async fn refill(
        &self,
        trust: &Trust,
        keys: &Keys,
        mailbox: &mut Mailbox,
    ) -> Result<Refilled, DeskError> {
        self.refill_into(trust, keys, mailbox, &mut Rest::default()).await
    }

    async fn refill_into(
        &self,
        trust: &Trust,
        keys: &Keys,
        mailbox: &mut Mailbox,
        rest: &mut Rest,
    ) -> Result<Refilled, DeskError> {
        let behind = self.lines_behind(mailbox).await?;
        self.note_behind(&behind)?;
        let mut refilled = Refilled::default();
        for line in behind {
            match self.refill_line(trust, keys, mailbox, &line, rest).await {
                Ok(count) => refilled.returned = refilled.returned.saturating_add(count),
                Err(failure @ (DeskError::Register(_) | DeskError::Key(_) | DeskError::Locked)) => {
                    return Err(failure);
                }
                Err(failure) => {
                    let SentLine { channel, recipient, .. } = line;
                    let count = self.register.lost_to(&channel, &recipient)?;
                    let (why, opens_no_more) = (failure.to_string(), is_sealed_to_others(&failure));
                    refilled.lacking.push(Lacking { channel, recipient, count, why, opens_no_more });
                }
            }
        }
        for channel in self.register.channels_short()? {
            if self.register.lost_on(&channel)?.is_empty() {
                self.owe_the_rest(trust, keys, &channel, rest)?;
                self.register.forget_losses(&channel)?;
            }
        }
        if refilled.returned > 0 {
            tracing::warn!(count = refilled.returned, "messages that this register had lost came back");
        }
        Ok(refilled)
    }

    /// The same before something is sent that was composed by what this register holds: where anything comes back, it
    /// did not see what this desk had said before.
    pub(super) async fn require_whole(
        &self,
        trust: &Trust,
        keys: &Keys,
        mailbox: &mut Mailbox,
    ) -> Result<(), DeskError> {
        match self.refill(trust, keys, mailbox).await?.returned {
            0 => Ok(()),
            returned => Err(DeskError::RegisterRefilled(returned)),
        }
    }

    /// The same for a protective act, which waits for so long only: what is not back then comes back afterwards.
    pub(super) async fn refill_urgently(&self, trust: &Trust, keys: &Keys, mailbox: &mut Mailbox) {
        let refilling = self.refill(trust, keys, mailbox);
        match tokio::time::timeout(limits::URGENT_REFILL_PATIENCE, refilling).await {
            Ok(Ok(_)) => {}
            Ok(Err(cause)) => tracing::warn!(%cause, "what this register lacks could not be looked at"),
            Err(_) => tracing::warn!("what this register lacks did not come back in time"),
        }
    }

    /// The sequences of which the gateway holds more than this register, or of which something is known to be lost.
    async fn lines_behind(&self, mailbox: &mut Mailbox) -> Result<Vec<SentLine>, DeskError> {
        let mut behind = Vec::new();
        for line in mailbox.sent_lines().await? {
            let used = self.register.used_through(&line.channel, &line.recipient)?;
            if line.sequence > used || self.register.lost_to(&line.channel, &line.recipient)? > 0 {
                behind.push(line);
            }
        }
        Ok(behind)
    }

    /// Notes what is lost before anything of it is back. Every act to all Powers of a channel took a place towards
    /// each, so the longest of its losses counts them all.
    fn note_behind(&self, behind: &[SentLine]) -> Result<(), DeskError> {
        let noted = self.clock.now();
        let mut losses: Vec<Lost> = Vec::new();
        let mut counts: BTreeMap<&str, (usize, u64)> = BTreeMap::new();
        for line in behind {
            let used = self.register.used_through(&line.channel, &line.recipient)?;
            let Some(count) = line.sequence.checked_sub(used).filter(|count| *count > 0) else { continue };
            let (_, most) = counts.entry(&line.channel).or_insert((losses.len(), 0));
            *most = count.max(*most);
            let (channel, recipient) = (line.channel.clone(), line.recipient.clone());
            losses.push(Lost { channel, recipient, through: line.sequence, acts: 0, noted });
        }
        for (first, most) in counts.into_values() {
            if let Some(lost) = losses.get_mut(first) {
                lost.acts = most;
            }
        }
        Ok(self.register.note_losses(&losses)?)
    }

    /// Takes back what is lacking of one sequence, page by page. Returns how many messages came back.
    async fn refill_line(
        &self,
        trust: &Trust,
        keys: &Keys,
        mailbox: &mut Mailbox,
        line: &SentLine,
        rest: &mut Rest,
    ) -> Result<usize, DeskError> {
        let mut last = self.register.whole_through(&line.channel, &line.recipient)?;
        let mut count = 0_usize;
        while last.0 < line.sequence {
            let page = mailbox.sent_after(&line.channel, &line.recipient, last.0).await?;
            let mut returned = Vec::with_capacity(page.messages.len());
            for message in page.messages {
                let one = self.verify_returned(trust, keys, (line, last), message, rest)?;
                last = (one.copy.sequence, Some(one.copy.id));
                returned.push(one);
                // Opening takes the processor for long: connections must be served meanwhile.
                tokio::task::yield_now().await;
            }
            if returned.is_empty() {
                return Err(unfit("the gateway does not give back all that it says it holds"));
            }
            count = count.saturating_add(self.register.take_back(&returned)?);
        }
        Ok(count)
    }

    /// One message that came back: signed by the own registry for this place, behind the one before it.
    fn verify_returned(
        &self,
        trust: &Trust,
        keys: &Keys,
        (line, (before, previous)): (&SentLine, (u64, Option<MessageId>)),
        Returned { envelope: bytes, report }: Returned,
        rest: &mut Rest,
    ) -> Result<TakenBack, DeskError> {
        let envelope = Envelope::parse_held(&bytes)?;
        let (address, position) = (envelope.header().address(), envelope.header().position());
        let is_of_line = address.sender == self.config.ministry
            && address.channel.to_string() == line.channel
            && position.recipient == line.recipient;
        if !is_of_line || position.sequence != before.saturating_add(1) || position.previous != previous {
            return Err(unfit("the gateway gave back another message than the next one"));
        }
        envelope.verify(trust.signing_anchors(&self.config.ministry)?, envelope.sealed_at())?;
        let is_bare = envelope.parts().is_empty();
        // Only its recipient can say that it never had the content: a gateway that keeps it back may keep back a
        // withdrawal.
        let is_rejected =
            || self.prove_as(trust, &envelope, &report.delivery_receipt, &[LeafKind::Rejected]).is_ok();
        if is_bare && !(report.state == ReportedState::Withdrawn && is_rejected()) {
            return Err(unfit("the gateway gave back a message without its content"));
        }
        // Of one whose number alone was used up nobody has the content: it stands for itself.
        let itself = Digest::of(envelope.header().bytes());
        let mut copy = SentEntry::of((&envelope, bytes), itself, SentState::Queued);
        let (mut answers, mut formal_number) = (None, None);
        let opened = match is_bare {
            true => None,
            false => match self.open_own(keys, &envelope) {
                Err(failure) if rest.forgoes(&envelope, &failure) => None,
                opened => Some(opened?),
            },
        };
        if let Some(signed) = opened {
            let dispatch = signed.dispatch();
            copy.dispatch_digest = signed.digest();
            let answered = dispatch.in_reply_to.filter(|_| ANSWERS.contains(&dispatch.kind.as_str()));
            answers = answered.map(|message| (message, dispatch.kind.clone()));
            formal_number = self.formal_number_of(dispatch);
            rest.note(&envelope, &signed);
        }
        let is_queued = report.state == ReportedState::Queued;
        if is_queued {
            // What cannot be proven now is asked for with everything that is under way.
            if self.prove_as(trust, &envelope, &report.submission_receipt, &[LeafKind::Sent]).is_ok() {
                copy.submission_receipt = report.submission_receipt;
            }
        } else if let Ok(news) = self.judge_report(trust, &copy, report) {
            copy.state = news.state;
            copy.reason = news.reason;
            copy.submission_receipt = news.submission_receipt;
            copy.delivery_receipt = news.delivery_receipt;
        }
        Ok(TakenBack { copy, answers, formal_number })
    }

    /// The dispatch of an own message: it was sealed to this desk too.
    pub(super) fn open_own(&self, keys: &Keys, envelope: &Envelope) -> Result<SignedDispatch, DeskError> {
        let sealed = envelope.parts().first().map(Vec::as_slice).unwrap_or_default();
        let plain = seal::open(sealed, &[&keys.reading()?])
            .map_err(|cause| Refusal::new(Reason::SealBroken, cause.reason()))?;
        let signed = SignedDispatch::parse(&plain)?;
        match signed.dispatch().address_digest == envelope.header().address_digest() {
            true => Ok(signed),
            false => Err(Refusal::new(Reason::OtherAddress, "an own dispatch for another address").into()),
        }
    }

    /// The formal number of this ministry that a dispatch bears.
    fn formal_number_of(&self, dispatch: &Dispatch) -> Option<(i16, u32)> {
        let rest = dispatch.formal_number.strip_prefix(self.config.ministry.as_str())?.strip_prefix('-')?;
        let (year, number) = rest.split_once('-')?;
        Some((year.parse().ok()?, number.parse().ok()?))
    }
}

fn unfit(detail: &str) -> DeskError {
    DeskError::Refused(Refusal::new(Reason::ProofInvalid, detail))
}
