//! The clerk: looks now and then at what nobody asks about. Messages whose validity has ended get their leaf,
//! and the alarms of the queue are raised and cleared by what stands at the front of each sequence.
//!
//! Nothing is decided here about a message that the peer has not to be told in time: expired messages are
//! still carried, because the peer must answer for their number before it can take the next one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::future::join_all;
use tokio_util::sync::CancellationToken;

use crate::digest::Digest;
use crate::gateway::Gateway;
use crate::gateway::error::{Declined, Fault};
use crate::gateway::relay::commitments;
use crate::gateway::schedule::IMMEDIATE;
use crate::gateway::store::record::{
    Alarm, Attempt, Overdue, PART_DAMAGED_ALARM, PART_STUCK_ALARM, QueueFront, REFUSED_ALARM, RaisedAlarm,
    SentState, UNANSWERED, URGENT_HELD_UP_ALARM, WITHHOLDING_ALARM,
};
use crate::limits;
use crate::message::leaf::{Leaf, LeafKind};
use crate::message::refusal::Reason;
use crate::time::Timestamp;
use crate::trust::name::Ministry;

/// Alarms that are cleared when their cause is gone.
const OF_THE_QUEUE: [&str; 3] = [REFUSED_ALARM, URGENT_HELD_UP_ALARM, WITHHOLDING_ALARM];

/// Alarms that are cleared when nothing is on its way to the peer: whoever raised them may have forgotten it.
const OF_FREIGHT: [&str; 2] = [PART_DAMAGED_ALARM, PART_STUCK_ALARM];

/// What is wrong with a queue: code and ministry of the alarm, with what it says.
type Causes = BTreeMap<(&'static str, Ministry), String>;

impl Gateway {
    /// Looks again and again until `stop` is cancelled, whether or not any peer can be reached.
    pub(super) async fn clerk(self: Arc<Self>, stop: CancellationToken) {
        while !stop.is_cancelled() {
            if let Err(fault) = self.expire_overdue().await {
                tracing::error!(%fault, "expired messages could not be noted");
            }
            if let Err(fault) = self.let_flash_pass().await {
                tracing::error!(%fault, "whether an urgent message waits behind a pause could not be looked at");
            }
            if let Err(fault) = self.watch_queues().await {
                tracing::error!(%fault, "the queue could not be looked at");
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.attention.notified() => {}
                () = tokio::time::sleep(limits::EXPIRY_PAUSE) => {}
            }
        }
    }

    /// Writes evidence for everything that is overdue, thousands in one go: many share one commit.
    async fn expire_overdue(&self) -> Result<(), Fault> {
        loop {
            let now = self.clock.now();
            // Pairs for which nothing may be signed must not stand in the way of the others.
            let overdue = self.store.overdue(now, limits::BATCH_ENVELOPES_MAX, self.unsound()).await?;
            let whole = overdue.len() == limits::BATCH_ENVELOPES_MAX;
            let expired = join_all(overdue.into_iter().map(|one| self.expire(one, now))).await;
            expired.into_iter().collect::<Result<Vec<()>, Fault>>()?;
            if !whole {
                return Ok(());
            }
        }
    }

    async fn expire(&self, overdue: Overdue, now: Timestamp) -> Result<(), Fault> {
        let reason = Reason::Expired.word();
        let leaf = Leaf::about(LeafKind::Expired, commitments(&overdue.signed)?, reason, now).bytes();
        // A pair for which nothing may be signed has time: the leaf says when it was written.
        let permit = match self.permit(&overdue.peer).await {
            Ok(permit) => permit,
            Err(Declined::Refused(_)) => return Ok(()),
            Err(Declined::Failed(fault)) => return Err(fault),
        };
        self.store.expire(overdue.message_id, reason.to_owned(), permit.entry(leaf), now).await?;
        self.tell_settled(&overdue.peer, overdue.message_id, SentState::Expired);
        // The peer's mirror is to hold the leaf.
        self.wake(&overdue.peer);
        Ok(())
    }

    /// Raises the alarms whose cause stands at the front of a sequence, and clears those whose cause is gone.
    async fn watch_queues(&self) -> Result<(), Fault> {
        let now = self.clock.now();
        let fronts = self.store.queue_fronts().await?;
        let lasting = self.lasting(&fronts, now).await?;
        let mut causes = causes(&fronts, &lasting, now);
        // A peer that is paused here is not to blame for what it does not answer.
        causes.retain(|(code, peer), _| *code == URGENT_HELD_UP_ALARM || self.pause_of(peer).is_none());
        for (peer, _) in self.links().iter().filter(|(_, link)| link.is_held_to_answers()) {
            let detail = "it holds as many messages as it is trusted with: nothing new is handed over";
            causes.entry((WITHHOLDING_ALARM, peer.clone())).or_insert_with(|| detail.to_owned());
        }
        for (_, peer) in causes.keys().filter(|(code, _)| *code == WITHHOLDING_ALARM) {
            // Its first answer has this looked at again, and not the end of a pause.
            self.link_of(peer).suspect();
        }
        let standing = self.store.alarms().await?;
        for ((code, ministry), detail) in &causes {
            let known = standing
                .iter()
                .any(|alarm| alarm.code == *code && alarm.ministry == *ministry && alarm.detail == *detail);
            if !known {
                let alarm = Alarm {
                    code: (*code).to_owned(),
                    ministry: ministry.clone(),
                    detail: detail.clone(),
                    time: now,
                };
                self.store.raise_alarm(alarm).await?;
            }
        }
        for alarm in standing {
            let code = OF_THE_QUEUE.into_iter().find(|code| *code == alarm.code);
            if let Some(code) = code.filter(|code| !causes.contains_key(&(*code, alarm.ministry.clone()))) {
                self.store.clear_alarm(code, alarm.ministry, now).await?;
                continue;
            }
            let code = OF_FREIGHT.into_iter().find(|code| *code == alarm.code);
            if let Some(code) = code.filter(|_| is_over(&alarm, self.freight.has_hauls(&alarm.ministry), now))
            {
                self.store.clear_alarm(code, alarm.ministry, now).await?;
            }
        }
        Ok(())
    }
}

/// Whether a part that had not reached its peer is on its way no more: it arrived after a start that had forgotten
/// its failures, or its message was withdrawn. Right after a start it may not be on its way yet.
fn is_over(alarm: &RaisedAlarm, has_hauls: bool, now: Timestamp) -> bool {
    !has_hauls && alarm.time.after(limits::FREIGHT_ALARM_AFTER) <= now
}

impl Gateway {
    /// The messages at a front that are refused for a reason that should have passed, and has not for too long: a peer
    /// that takes everything and is never ready is noticed too.
    async fn lasting(&self, fronts: &[QueueFront], now: Timestamp) -> Result<BTreeSet<Digest>, Fault> {
        let mut lasting = BTreeSet::new();
        let is_passing = |front: &&QueueFront| front.last_outcome.as_deref().is_some_and(passing);
        for front in fronts.iter().filter(is_passing) {
            let message = front.first.message_id;
            // What has not been here for so long cannot have been refused for so long.
            if is_long(front.first.custody_time, now) && has_lasted(&self.store.attempts(message).await?, now)
            {
                lasting.insert(message);
            }
        }
        Ok(lasting)
    }
}

/// What the alarm of an unsigned refusal says.
pub(super) fn refused_detail(reason: &str) -> String {
    format!("the peer refuses messages and signs nothing: {reason}")
}

/// What is wrong, by what every sequence waits for. The words hold no counts: the same cause says the same.
fn causes(fronts: &[QueueFront], lasting: &BTreeSet<Digest>, now: Timestamp) -> Causes {
    let mut causes = Causes::new();
    for front in fronts {
        let (first, channel) = (&front.first, &front.first.channel);
        let mut note = |code, detail| {
            causes.entry((code, first.peer.clone())).or_insert(detail);
        };
        if front.urgency_held >= IMMEDIATE {
            note(URGENT_HELD_UP_ALARM, format!("an urgent message waits behind a held one on {channel}"));
        }
        match front.last_outcome.as_deref() {
            None => {}
            Some(UNANSWERED) if withholds(front, now) => {
                let detail =
                    format!("message {} on {channel} was handed over and not answered", first.message_id);
                note(WITHHOLDING_ALARM, detail);
            }
            Some(UNANSWERED) => {}
            // A peer that has just started or was restored mends that itself.
            Some(reason) if passing(reason) && !lasting.contains(&first.message_id) => {}
            Some(reason) => note(REFUSED_ALARM, refused_detail(reason)),
        }
    }
    causes
}

/// Whether an unsigned refusal only says that the peer is not ready yet.
pub(super) fn passing(reason: &str) -> bool {
    [Reason::AwaitingHello, Reason::CatchingUp].iter().any(|passing| passing.word() == reason)
}

/// Whether a passing reason was given first so long ago that it does not pass. Of many attempts only the first ones and
/// the last ones are kept: where those before it are missing, it was given as early as anybody can tell.
fn has_lasted(attempts: &[Attempt], now: Timestamp) -> bool {
    let Some(place) = attempts.iter().position(|attempt| passing(&attempt.outcome)) else { return false };
    let (before, from) = attempts.split_at(place);
    let numbers = (before.last().map(|last| last.number), from.first().map(|first| first.number));
    let is_missing = matches!(numbers, (Some(last), Some(first)) if first > last.saturating_add(1));
    is_missing || from.first().is_some_and(|first| is_long(first.time, now))
}

fn is_long(since: Timestamp, now: Timestamp) -> bool {
    now > since.after(limits::UNRECEIPTED_TIME_MAX)
}

/// Whether a peer was given the first message of a sequence often enough, or long enough ago, without any answer.
fn withholds(front: &QueueFront, now: Timestamp) -> bool {
    let long = front.unreceipted_since.is_some_and(|since| is_long(since, now));
    front.first.unreceipted >= limits::UNRECEIPTED_ATTEMPTS_MAX || long
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::store::record::{QueueEntry, SentState};

    const NOW: Timestamp = Timestamp::from_seconds(1_795_000_000);

    fn front(unreceipted: u32, since: u64, last: &str, urgency_held: u8) -> QueueFront {
        let first = QueueEntry {
            packed: None,
            message_id: Digest::of(b"header"),
            peer: Ministry::parse("XB").unwrap(),
            channel: "ch-1".to_owned(),
            sequence: 1,
            precedence: 1,
            state: SentState::Queued,
            unanswered: true,
            held: false,
            attempts: unreceipted,
            unreceipted,
            next_attempt: NOW,
            reason: last.to_owned(),
            custody_time: NOW,
            valid_until: NOW,
        };
        let since = (unreceipted > 0).then(|| NOW.before(std::time::Duration::from_secs(since)));
        let last = (!last.is_empty()).then(|| last.to_owned());
        QueueFront { first, urgency_held, unreceipted_since: since, last_outcome: last }
    }

    fn codes(fronts: &[QueueFront]) -> Vec<&'static str> {
        causes(fronts, &BTreeSet::new(), NOW).into_keys().map(|(code, _)| code).collect()
    }

    #[test]
    fn an_alarm_about_a_part_is_over_when_nothing_is_on_its_way_and_there_was_time_for_it() {
        let (code, ministry) = (PART_STUCK_ALARM.to_owned(), Ministry::parse("XB").unwrap());
        let (first_detail, detail) = (String::new(), String::new());
        let (first_time, time, count, acknowledged, cleared) = (NOW, NOW, 1, None, None);
        let alarm = RaisedAlarm {
            code,
            ministry,
            first_detail,
            detail,
            first_time,
            time,
            count,
            acknowledged,
            cleared,
        };
        let after = NOW.after(limits::FREIGHT_ALARM_AFTER);
        assert!(is_over(&alarm, false, after));
        assert!(!is_over(&alarm, true, after));
        assert!(!is_over(&alarm, false, after.before(std::time::Duration::from_secs(1))));
    }

    #[test]
    fn a_peer_withholds_after_some_attempts_or_after_some_time() {
        let (often, long) = (limits::UNRECEIPTED_ATTEMPTS_MAX, limits::UNRECEIPTED_TIME_MAX.as_secs());
        assert_eq!(codes(&[front(often - 1, 60, UNANSWERED, 0)]), [""; 0]);
        assert_eq!(codes(&[front(often, 60, UNANSWERED, 0)]), [WITHHOLDING_ALARM]);
        assert_eq!(codes(&[front(1, long, UNANSWERED, 0)]), [""; 0]);
        assert_eq!(codes(&[front(1, long + 1, UNANSWERED, 0)]), [WITHHOLDING_ALARM]);
    }

    #[test]
    fn a_refusal_and_an_urgent_message_behind_a_held_one_are_causes_and_nothing_else_is() {
        assert_eq!(codes(&[front(0, 0, "", 2)]), [""; 0]);
        assert_eq!(codes(&[front(5, 60, "CHN_02", 0)]), [REFUSED_ALARM]);
        let both = codes(&[front(0, 0, "", 3), front(0, 0, "CHN_02", 0)]);
        assert_eq!(both, [REFUSED_ALARM, URGENT_HELD_UP_ALARM]);
    }

    #[test]
    fn a_reason_that_should_pass_is_no_cause_until_it_has_lasted() {
        let waits = front(0, 0, "CATCHING_UP", 0);
        assert_eq!(codes(std::slice::from_ref(&waits)), [""; 0]);
        let lasting = BTreeSet::from([waits.first.message_id]);
        let causes = causes(&[waits], &lasting, NOW);
        let detail = causes.get(&(REFUSED_ALARM, Ministry::parse("XB").unwrap())).unwrap();
        assert!(detail.ends_with("CATCHING_UP"), "{detail}");
        // Other answers in between do not make it begin anew.
        let attempt = |number, outcome: &str, since| Attempt {
            number,
            time: NOW.before(std::time::Duration::from_secs(since)),
            outcome: outcome.to_owned(),
        };
        let young = [attempt(1, "CHN_02", 5000), attempt(2, "AWAITING_HELLO", 15 * 60)];
        assert!(!has_lasted(&young, NOW) && !has_lasted(&[], NOW));
        let old = [
            attempt(1, "AWAITING_HELLO", 15 * 60 + 1),
            attempt(2, UNANSWERED, 60),
            attempt(3, "CATCHING_UP", 1),
        ];
        assert!(has_lasted(&old, NOW));
    }

    #[test]
    fn a_reason_that_should_pass_has_lasted_where_what_came_before_it_is_not_kept_any_more() {
        let attempt = |number, outcome: &str| Attempt {
            number,
            time: NOW.before(std::time::Duration::from_secs(60)),
            outcome: outcome.to_owned(),
        };
        let of = |numbers: std::ops::RangeInclusive<u32>, outcome| {
            numbers.map(|number| attempt(number, outcome)).collect::<Vec<_>>()
        };
        let kept = limits::ATTEMPTS_KEPT;
        let silent = of(1..=kept, UNANSWERED);
        assert!(!has_lasted(&[silent.clone(), of(kept + 1..=2 * kept, "CATCHING_UP")].concat(), NOW));
        assert!(has_lasted(&[silent.clone(), of(kept + 2..=2 * kept + 1, "CATCHING_UP")].concat(), NOW));
        let last = of(2 * kept + 1..=2 * kept + 1, "CATCHING_UP");
        assert!(!has_lasted(&[silent, of(kept + 2..=2 * kept, UNANSWERED), last].concat(), NOW));
    }
}
