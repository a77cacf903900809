//! The queue for its operator: what waits and why, and what an operator may decide about it.
//!
//! Operators enter with the number of their user on this host; what they decide is durable before it is
//! answered, and told to the courier afterwards. A message is never dropped: its number must be used up, so one
//! that is withdrawn is carried on without its content until the peer has answered for it.

use crate::digest::Digest;
use crate::gateway::Gateway;
use crate::gateway::error::{Declined, Fault};
use crate::gateway::reasons::Waits;
use crate::gateway::relay::commitments;
use crate::gateway::schedule::{FLASH, IMMEDIATE, precedence_word};
use crate::gateway::store::StoreFault;
use crate::gateway::store::record::{
    Acknowledged, Attempt, Decision, Direction, FoundMessage, Holding, KeptDecision, LeafPlace, QueueFilter,
    QueuePage, QueuePlace, RaisedAlarm, Release, Retried, Retry, SentState, URGENT_WITHDRAWN_ALARM,
    Withdrawal,
};
use crate::limits;
use crate::message::administration::{Actor, AdministrativeAct, AdministrativeVerb};
use crate::message::header::Header;
use crate::message::leaf::{Leaf, LeafKind, WITHDRAWN_BY_OPERATOR};
use crate::message::refusal::Refusal;
use crate::time::Timestamp;
use crate::trust::name::Ministry;

/// Why the queue did not do what its operator asked; nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum QueueRefusal {
    /// Several ids begin so.
    #[error("several messages begin so: {}", list(.0))]
    Ambiguous(Vec<Digest>),
    /// Too few digits to mean a message.
    #[error("at least four hexadecimal digits of an id are needed")]
    TooShort,
    /// Nothing is known of the ministry.
    #[error("{0} is not accredited at this gateway")]
    NotAccredited(Ministry),
    /// The peer has answered for it.
    #[error("the peer has answered for it: it is {0}")]
    Answered(&'static str),
    /// A held message stands before it, or is it.
    #[error("message {0} is held, and what is behind it waits with it")]
    Held(Digest),
    /// It is not held.
    #[error("it is not held")]
    NotHeld,
    /// The peer is not paused.
    #[error("{0} is not paused")]
    NotPaused(Ministry),
    /// It came from a peer.
    #[error("it was received, not sent")]
    NotSent,
    /// No id begins so.
    #[error("no message begins so")]
    Unknown,
    /// It, or one behind it, is most urgent, and was to be held.
    #[error("it, or a message behind it, has precedence FLASH, which is held up only by force")]
    Urgent,
    /// One that waits for the peer is most urgent, and the peer was to be paused.
    #[error("a message of precedence FLASH waits for {0}, which a pause holds up only by force")]
    UrgentAwaits(Ministry),
    /// It is most urgent, and was to be withdrawn.
    #[error("it has precedence FLASH, which is withdrawn only by force")]
    UrgentItself,
    /// The own desk has withdrawn it, and this gateway cannot sign that yet.
    #[error("the own desk has withdrawn it, which is signed as soon as anything may be")]
    Withheld,
    /// It is withdrawn already.
    #[error("it is withdrawn already")]
    Withdrawn,
    /// Nothing may be signed for the peer at present.
    #[error(transparent)]
    NotNow(Refusal),
    /// Something failed here; a retry may succeed.
    #[error(transparent)]
    Failed(#[from] Fault),
}

impl From<Declined> for QueueRefusal {
    fn from(declined: Declined) -> Self {
        match declined {
            Declined::Refused(refusal) => Self::NotNow(refusal),
            Declined::Failed(fault) => Self::Failed(fault),
        }
    }
}

impl QueueRefusal {
    /// Stable reason code.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Ambiguous(_) => "AMBIGUOUS_ID",
            Self::TooShort => "MALFORMED",
            Self::NotAccredited(_) => "NOT_ACCREDITED",
            Self::Answered(_) => "ANSWERED",
            Self::Held(_) => "HELD",
            Self::NotHeld => "NOT_HELD",
            Self::NotPaused(_) => "NOT_PAUSED",
            Self::NotSent => "NOT_SENT",
            Self::Unknown => "NO_SUCH_MESSAGE",
            Self::Urgent | Self::UrgentAwaits(_) | Self::UrgentItself => "URGENT",
            Self::Withheld | Self::Withdrawn => "WITHDRAWN",
            Self::NotNow(refusal) => refusal.reason().word(),
            Self::Failed(_) => "TRY_LATER",
        }
    }
}

impl From<StoreFault> for QueueRefusal {
    fn from(fault: StoreFault) -> Self {
        Self::Failed(Fault::Store(fault))
    }
}

/// Everything that this gateway knows of a sent message.
#[derive(Debug, Clone)]
pub struct Inspection {
    /// The message in the queue, or as it left it.
    pub waits: Waits,
    /// When its registry released it.
    pub release_time: Timestamp,
    /// Level of protection on its outside.
    pub level: &'static str,
    /// Sealed parts, and their bytes in sum.
    pub parts: (u64, u64),
    /// Leaves about it, in our own log and in the mirror of the peer's.
    pub leaves: Vec<InspectedLeaf>,
    /// Attempts that brought no receipt, as far as they are kept.
    pub attempts: Vec<Attempt>,
    /// What operators decided about it, as far as it is kept.
    pub decisions: Vec<KeptDecision>,
}

/// A leaf about a message.
#[derive(Debug, Clone)]
pub struct InspectedLeaf {
    /// Where it stands.
    pub place: LeafPlace,
    /// True in the mirror of the peer's log.
    pub mirror: bool,
    /// What it says.
    pub leaf: Leaf,
    /// Whether the other side has cosigned a checkpoint that covers it.
    pub cosigned: bool,
}

impl Gateway {
    /// One page of what waits, with why and until when; and where it ended.
    pub async fn queue_page(
        &self,
        filter: QueueFilter,
        after: QueuePlace,
        limit: usize,
    ) -> Result<(Vec<Waits>, Option<QueuePlace>), QueueRefusal> {
        if let Some(peer) = &filter.peer {
            self.known(peer).await?;
        }
        let limit = if limit == 0 { limits::QUEUE_PAGE_MAX } else { limit };
        let QueuePage { entries, next } = self.store.queue_page(filter, after, limit).await?;
        Ok((self.explain(entries).await?, next))
    }

    /// Refuses a ministry that is neither accredited nor has anything in the queue: it is a slip of the hand.
    pub(super) async fn known(&self, peer: &Ministry) -> Result<(), QueueRefusal> {
        let accredited = self.trust.load().as_ref().is_some_and(|trust| trust.bundle(peer).is_ok());
        if accredited || self.store.queues().await?.iter().any(|queue| queue.peer == *peer) {
            return Ok(());
        }
        Err(QueueRefusal::NotAccredited(peer.clone()))
    }

    /// The sent message whose id begins so.
    pub async fn find_queued(&self, beginning: &str) -> Result<Digest, QueueRefusal> {
        if beginning.len() < limits::ID_PREFIX_DIGITS_MIN {
            return Err(QueueRefusal::TooShort);
        }
        match self.store.find_message(beginning.to_owned()).await? {
            FoundMessage::Ambiguous(some) => Err(QueueRefusal::Ambiguous(some)),
            FoundMessage::None => Err(QueueRefusal::Unknown),
            FoundMessage::One(_, Direction::In) => Err(QueueRefusal::NotSent),
            FoundMessage::One(id, Direction::Out) => Ok(id),
        }
    }

    /// Everything about one sent message.
    pub async fn inspect(&self, id: Digest) -> Result<Inspection, QueueRefusal> {
        let entry = self.store.queue_entry(id).await?.ok_or(QueueRefusal::Unknown)?;
        let waits = self.explain(vec![entry]).await?.pop().ok_or(QueueRefusal::Unknown)?;
        let signed = self.store.held(Direction::Out, id).await?.ok_or(QueueRefusal::Unknown)?;
        let header = Header::parse(&signed.header).map_err(|cause| Fault::Damaged(cause.to_string()))?;
        let mut leaves = Vec::new();
        // A peer writes into its log what it likes, also about our message.
        for found in self.store.find_leaf(id).await?.into_iter().take(limits::RECEIPTS_MAX) {
            let damaged = || Fault::Damaged(format!("leaf {} of {}", found.place.index, found.place.origin));
            let leaf = self.store.leaf(found.place.clone()).await?.ok_or_else(damaged)?;
            let leaf = Leaf::parse(&leaf.bytes).map_err(|_| damaged())?;
            let cosigned = self.store.earliest_cosigned(found.place.clone()).await?.is_some();
            leaves.push(InspectedLeaf { place: found.place, mirror: found.mirror, leaf, cosigned });
        }
        let sizes = header.parts().iter().map(|part| part.size);
        Ok(Inspection {
            release_time: header.position().release_time,
            level: header.address().level.word(),
            parts: (header.parts().len() as u64, sizes.fold(0, u64::saturating_add)),
            leaves,
            attempts: self.store.attempts(id).await?,
            decisions: self.store.decisions(id).await?,
            waits,
        })
    }

    /// Makes one message and what stands before it, or everything for a peer, due now. Answers how many
    /// messages waited for another attempt.
    pub async fn retry_now(&self, what: Retry, operator: u32) -> Result<u64, QueueRefusal> {
        let peer = match &what {
            Retry::Message(id) => self.store.queue_entry(*id).await?.ok_or(QueueRefusal::Unknown)?.peer,
            Retry::Peer(peer) => {
                self.known(peer).await?;
                peer.clone()
            }
        };
        let permit = self.act_permit().await?;
        let mut act = AdministrativeAct::new(AdministrativeVerb::MessageRetried, Actor::User(operator));
        act = act.about(&peer);
        if let Retry::Message(id) = &what {
            act = act.concerning(*id);
        }
        match self.store.retry(what, self.clock.now(), Some(permit.entry(act))).await? {
            Retried::Done(due) => {
                tracing::info!(%peer, due, operator, "an operator has what waits tried now");
                self.retry(&peer);
                Ok(due)
            }
            Retried::Held(id) => Err(QueueRefusal::Held(id)),
            Retried::NotQueued(state) => Err(answered(state)),
            Retried::Unknown => Err(QueueRefusal::Unknown),
        }
    }

    /// Has a message tried now, and what stands before it in its sequence: neither pauses between attempts nor
    /// between dials are for what is urgent. What an operator holds stays held.
    pub(super) async fn hasten(&self, id: Digest) -> Result<(), Fault> {
        let Some(entry) = self.store.queue_entry(id).await? else { return Ok(()) };
        self.store.retry(Retry::Message(id), self.clock.now(), None).await?;
        self.retry(&entry.peer);
        self.let_flash_pass().await
    }

    /// Stops carrying a message. Answers how many wait behind it.
    pub async fn hold(
        &self,
        id: Digest,
        force: bool,
        reason: String,
        operator: u32,
    ) -> Result<u64, QueueRefusal> {
        let permit = self.act_permit().await?;
        let act = self.act_about(AdministrativeVerb::MessageHeld, id, operator).await?.because(&reason);
        let act = Some(permit.entry(act));
        let decision = Decision { time: self.clock.now(), operator, reason, act };
        match self.store.hold(id, force, decision).await? {
            Holding::Already { behind } => Ok(behind),
            Holding::Done { behind } => {
                tracing::info!(message = %id, behind, operator, "an operator holds a message");
                Ok(behind)
            }
            Holding::NotQueued(state) => Err(answered(state)),
            Holding::Unknown => Err(QueueRefusal::Unknown),
            Holding::Urgent(_) => Err(QueueRefusal::Urgent),
        }
    }

    /// Carries a held message again.
    pub async fn release(&self, id: Digest, operator: u32) -> Result<(), QueueRefusal> {
        if self.is_withheld(id).await? {
            return Err(QueueRefusal::Withheld);
        }
        let permit = self.act_permit().await?;
        let act = self.act_about(AdministrativeVerb::MessageReleased, id, operator).await?;
        let act = Some(permit.entry(act));
        let decision = Decision { time: self.clock.now(), operator, reason: String::new(), act };
        match self.store.release(id, decision).await? {
            Release::Done => {
                tracing::info!(message = %id, operator, "an operator released a message");
                self.retry_peer_of(id).await
            }
            Release::NotHeld(SentState::Queued | SentState::Expired) => Err(QueueRefusal::NotHeld),
            Release::NotHeld(state) => Err(answered(state)),
            Release::Unknown => Err(QueueRefusal::Unknown),
        }
    }

    /// Withdraws a message that the peer has not answered for, with a leaf in our log. Answers how many attempts
    /// the peer had answered with nothing: after one it may hold the message, and then its receipt wins. One of
    /// precedence FLASH is withdrawn only by force: somebody's will may stand in it, and its desk sends that anew.
    pub async fn withdraw(
        &self,
        id: Digest,
        force: bool,
        operator: u32,
    ) -> Result<(LeafPlace, u32), QueueRefusal> {
        let entry = self.store.queue_entry(id).await?.ok_or(QueueRefusal::Unknown)?;
        let waits = entry.unanswered && entry.state != SentState::Withdrawn;
        if waits && entry.precedence >= FLASH && !force {
            return Err(QueueRefusal::UrgentItself);
        }
        let signed = self.store.held(Direction::Out, id).await?.ok_or(QueueRefusal::Unknown)?;
        let now = self.clock.now();
        let about = commitments(&signed)?;
        let leaf = Leaf::about(LeafKind::Withdrawn, about, WITHDRAWN_BY_OPERATOR, now).bytes();
        let permit = self.permit_soon(&entry.peer).await?;
        let log_entry = permit.entry(leaf);
        let acts = self.act_permit().await?;
        let act = self.act_about(AdministrativeVerb::MessageWithdrawn, id, operator).await?;
        let act = Some(acts.entry(act));
        let decision = Decision { time: now, operator, reason: WITHDRAWN_BY_OPERATOR.to_owned(), act };
        match self.store.withdraw(id, log_entry, decision).await? {
            Withdrawal::Already(state) => Err(answered(state)),
            Withdrawal::Done { place, unreceipted } => {
                tracing::info!(message = %id, operator, "an operator withdrew a message");
                self.tell_settled(&entry.peer, id, SentState::Withdrawn);
                self.retry_peer_of(id).await?;
                if entry.precedence >= IMMEDIATE {
                    let precedence = precedence_word(entry.precedence);
                    let detail = format!("user {operator} withdrew message {id} of precedence {precedence}");
                    self.alarm_about(&entry.peer, URGENT_WITHDRAWN_ALARM, detail).await?;
                }
                Ok((place, unreceipted))
            }
            Withdrawal::Unknown => Err(QueueRefusal::Unknown),
        }
    }

    /// The alarms; with those that were cleared where `all` is asked for.
    pub async fn list_alarms(&self, all: bool) -> Result<Vec<RaisedAlarm>, Fault> {
        Ok(if all { self.store.all_alarms().await? } else { self.store.alarms().await? })
    }

    /// Notes that an operator has seen alarms. Answers those that nobody had acknowledged.
    pub async fn acknowledge_alarms(
        &self,
        code: Option<String>,
        ministry: Option<Ministry>,
        operator: u32,
    ) -> Result<Vec<RaisedAlarm>, Fault> {
        let by = Acknowledged { time: self.clock.now(), operator };
        let permit = self.act_permit().await?;
        let act = move |alarm: &RaisedAlarm| {
            let act = AdministrativeAct::new(AdministrativeVerb::AlarmAcknowledged, Actor::User(operator));
            Some(permit.entry(act.about(&alarm.ministry).because(&alarm.code)))
        };
        Ok(self.store.acknowledge_alarms(code, ministry, by, act).await?)
    }

    /// What an operator does about a sent message.
    async fn act_about(
        &self,
        verb: AdministrativeVerb,
        id: Digest,
        operator: u32,
    ) -> Result<AdministrativeAct, QueueRefusal> {
        let entry = self.store.queue_entry(id).await?.ok_or(QueueRefusal::Unknown)?;
        Ok(AdministrativeAct::new(verb, Actor::User(operator)).about(&entry.peer).concerning(id))
    }

    async fn retry_peer_of(&self, id: Digest) -> Result<(), QueueRefusal> {
        if let Some(entry) = self.store.queue_entry(id).await? {
            self.retry(&entry.peer);
        }
        Ok(())
    }
}

fn answered(state: SentState) -> QueueRefusal {
    match state {
        SentState::Delivered => QueueRefusal::Answered("delivered"),
        SentState::Expired => QueueRefusal::Answered("expired, and rejected as such"),
        SentState::Queued => QueueRefusal::Answered("queued"),
        SentState::Rejected => QueueRefusal::Answered("rejected"),
        SentState::Withdrawn => QueueRefusal::Withdrawn,
    }
}

fn list(ids: &[Digest]) -> String {
    ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
