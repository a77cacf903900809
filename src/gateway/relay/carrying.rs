//! Carrying: hands over what is due, batch after batch, as the peer's window admits.
//!
//! One session of a pair carries at a time. It ends when the peer owes an answer for too long or keeps its window
//! shut; another live session takes over then, or we dial.

use std::time::Duration;

use tokio::time::sleep_until;

use super::flight::Room;
use super::lock;
use super::session::Session;
use crate::digest::Digest;
use crate::gateway::Gateway;
use crate::gateway::error::Fault;
use crate::gateway::frame::Delivery;
use crate::gateway::schedule;
use crate::gateway::standing::Standing;
use crate::gateway::store::record::{AttemptEnd, Direction, FailedAttempt, OutboxItem};
use crate::limits;
use crate::message::envelope::Envelope;
use crate::message::header::Header;
use crate::message::refusal::Refusal;
use crate::time::Timestamp;

impl Session<'_> {
    /// Carries once it is this session's turn, until the session ends.
    pub(super) async fn carry(&self) -> Result<(), Fault> {
        let turn = self.link.carrier.clone().acquire_owned().await;
        *lock(&self.carrier) = Some(turn.map_err(|cause| Fault::Link(cause.to_string()))?);
        let mut news = self.link.news.subscribe();
        loop {
            news.borrow_and_update();
            self.gateway.hand_back_parts(self.peer, &self.parts_arrived).await?;
            self.gateway.settle_restored(self.peer).await?;
            if self.launch().await? {
                continue;
            }
            // Leaves that nothing speaks of go by themselves; the others go right before what speaks of them, so
            // that the peer makes both durable at once.
            self.waiting.updates();
            let stalled = async {
                match self.flight.deadline() {
                    Some(deadline) => sleep_until(deadline).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                changed = news.changed() => changed.map_err(|cause| Fault::Link(cause.to_string()))?,
                () = self.flight.changed.notified() => {}
                () = self.parts_arrived.notified() => {}
                () = tokio::time::sleep(self.until_due().await?) => {}
                () = stalled => return Err(self.give_up().await?),
            }
        }
    }

    /// Hands one batch over, if anything is due and fits.
    async fn launch(&self) -> Result<bool, Fault> {
        let room = self.flight.room();
        // What was lost of our log may say that something in the queue was withdrawn; whoever makes the pair sound
        // wakes us.
        if room.envelopes == 0 || self.gateway.standing(self.peer) != Standing::Sound {
            return Ok(false);
        }
        let limit = room.envelopes.min(limits::BATCH_ENVELOPES_MAX);
        let (freight, on_their_way) = (&self.gateway.freight, self.flight.last_numbers());
        // Parts travel by themselves; a message that waits for its own holds up its channel only.
        let due = freight.due(self.peer, limit, on_their_way, &self.parts_arrived).await?;
        if due.is_empty() && room.is_idle {
            // It has settled what there was.
            self.link.is_well();
        }
        let (due, withheld) = self.link.within_trust(due);
        if withheld && due.is_empty() && room.is_idle {
            // The clerk tells people, until it answers.
            if self.link.owes_all() {
                self.gateway.attention.notify_one();
            }
        }
        let (items, deliveries) = self.within_bounds(due, room).await?;
        if items.is_empty() {
            return Ok(false);
        }
        let _within =
            tracing::info_span!("relay.hand_over", peer = %self.peer, count = items.len()).entered();
        self.link.hand_over(&items);
        let bytes = deliveries.iter().map(|delivery| delivery.envelope.len() as u64).sum();
        self.flight.launch(items, bytes);
        self.waiting.deliveries(deliveries);
        Ok(true)
    }

    /// The longest prefix of the due messages that fits into one frame and into the room, with the envelopes. Contents
    /// go with these; what stays is what the answers are compared with.
    async fn within_bounds(
        &self,
        due: Vec<OutboxItem>,
        room: Room,
    ) -> Result<(Vec<OutboxItem>, Vec<Delivery>), Fault> {
        let (mut items, mut deliveries) = (Vec::new(), Vec::new());
        let most = room.bytes.min(limits::BATCH_BYTES_MAX as u64);
        let mut bytes = 0_u64;
        for mut item in due.into_iter().take(room.envelopes) {
            let envelope = self.envelope_of(&item).await?;
            bytes = bytes.saturating_add(envelope.len() as u64);
            let alone = room.is_idle && items.is_empty();
            if bytes > most && !alone {
                if !item.withdrawn {
                    self.gateway.store.keep_fresh(item.message_id, envelope);
                }
                break;
            }
            deliveries.push(Delivery { envelope, withdrawn: item.withdrawn });
            item.parts.iter_mut().filter_map(|part| part.content.as_mut()).for_each(|content| {
                *content = Vec::new();
            });
            items.push(item);
        }
        Ok((items, deliveries))
    }

    /// The exact envelope of a message, out of memory where it was just taken into custody.
    async fn envelope_of(&self, item: &OutboxItem) -> Result<Vec<u8>, Fault> {
        let store = &self.gateway.store;
        let fresh = store.take_fresh(&item.message_id).filter(|_| !item.withdrawn);
        if let Some(envelope) = fresh {
            return Ok(envelope);
        }
        if !item.lacks_contents() {
            return envelope_bytes(item);
        }
        // Somebody else has had it out of memory since it was found there.
        let whole = store.whole_message(Direction::Out, item.message_id).await?;
        let (signed, parts) = whole.ok_or_else(|| Fault::Damaged(format!("message {}", item.message_id)))?;
        envelope_bytes(&OutboxItem { signed, parts, ..item.clone() })
    }

    /// The peer owes answers, or a window, for too long. What it owes is noted as tried.
    async fn give_up(&self) -> Result<Fault, Fault> {
        let unanswered = self.flight.forsake();
        if unanswered.is_empty() {
            return Ok(Fault::Link("the peer keeps its window shut".to_owned()));
        }
        self.gateway.note_failed(&unanswered, &AttemptEnd::Unanswered).await?;
        Ok(Fault::Link("the peer did not answer a batch in time".to_owned()))
    }

    /// The stream has ended. What the peer took on it and left unanswered counts as handed over, or one that takes
    /// and hangs up would never be noticed; but only dialling pauses for it, because the network may have been cut.
    pub(super) async fn note_cut(&self) -> Result<(), Fault> {
        let now = self.gateway.clock.now();
        self.gateway.note_attempts(&self.flight.forsake(), &AttemptEnd::Unanswered, |_| now).await
    }

    /// Time until the next message to the peer is due; while some are on their way their answers tell.
    async fn until_due(&self) -> Result<Duration, Fault> {
        let most = limits::RETRY_PAUSE_MAX;
        if !self.flight.is_empty() || self.gateway.standing(self.peer) != Standing::Sound {
            return Ok(most);
        }
        let next = self.gateway.store.next_due_time(self.peer.clone()).await?;
        Ok(schedule::wait(next, self.gateway.clock.now()))
    }
}

impl Gateway {
    /// Notes a failed attempt for each of these messages; each is tried again later, by its own attempts.
    pub(super) async fn note_failed(
        &self,
        messages: &[(Digest, u32)],
        end: &AttemptEnd,
    ) -> Result<(), Fault> {
        let now = self.clock.now();
        self.note_attempts(messages, end, |attempts| now.after(self.pause(attempts.saturating_add(1)))).await
    }

    async fn note_attempts(
        &self,
        messages: &[(Digest, u32)],
        end: &AttemptEnd,
        next: impl Fn(u32) -> Timestamp,
    ) -> Result<(), Fault> {
        let time = self.clock.now();
        let noting = messages.iter().map(|(message, attempts)| {
            let next_attempt = next(*attempts);
            self.store.note_attempt(vec![*message], FailedAttempt { time, next_attempt, end: end.clone() })
        });
        futures_util::future::try_join_all(noting).await?;
        Ok(())
    }
}

/// The exact envelope that was taken into custody; of a withdrawn message its header and signature.
pub(in crate::gateway) fn envelope_bytes(item: &OutboxItem) -> Result<Vec<u8>, Fault> {
    let damaged = |cause: Refusal| Fault::Damaged(cause.to_string());
    let header = Header::parse(&item.signed.header).map_err(damaged)?;
    if item.withdrawn {
        let bare = Envelope::without_parts(header, item.signed.signature.clone()).map_err(damaged)?;
        return Ok(bare.encode());
    }
    let parts = item.parts.iter().map(|part| part.content.clone().unwrap_or_default()).collect();
    Ok(Envelope::compose(header, item.signed.signature.clone(), parts).map_err(damaged)?.encode())
}
