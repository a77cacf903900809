//! The queue and the alarms of a gateway, as its operator asks for them.

use super::{Operator, failed};
use crate::cli::error::CliError;
use crate::proto::gateway::v1 as wire;
use crate::time::Timestamp;
use crate::trust::name::Ministry;

/// A sent message in the queue.
#[derive(Debug, Clone)]
pub(in crate::cli) struct QueueEntry {
    pub(in crate::cli) id: String,
    pub(in crate::cli) ministry: String,
    pub(in crate::cli) channel: String,
    pub(in crate::cli) sequence: u64,
    pub(in crate::cli) precedence: String,
    pub(in crate::cli) state: &'static str,
    pub(in crate::cli) attempts: u32,
    pub(in crate::cli) unreceipted: u32,
    pub(in crate::cli) next_attempt: Option<Timestamp>,
    pub(in crate::cli) reason: String,
    pub(in crate::cli) custody: Timestamp,
    pub(in crate::cli) valid_until: Timestamp,
    pub(in crate::cli) packed: Option<Timestamp>,
}

/// One page of the queue.
#[derive(Debug)]
pub(in crate::cli) struct QueuePage {
    pub(in crate::cli) entries: Vec<QueueEntry>,
    pub(in crate::cli) next: Option<String>,
}

/// Everything about one sent message.
#[derive(Debug)]
pub(in crate::cli) struct Shown {
    pub(in crate::cli) entry: QueueEntry,
    pub(in crate::cli) state: &'static str,
    pub(in crate::cli) released: Timestamp,
    pub(in crate::cli) level: String,
    pub(in crate::cli) parts: u64,
    pub(in crate::cli) part_bytes: u64,
    pub(in crate::cli) leaves: Vec<ShownLeaf>,
    pub(in crate::cli) attempts: Vec<(u32, Timestamp, String)>,
    pub(in crate::cli) decisions: Vec<ShownDecision>,
}

/// A leaf about a message.
#[derive(Debug)]
pub(in crate::cli) struct ShownLeaf {
    pub(in crate::cli) origin: String,
    pub(in crate::cli) index: u64,
    pub(in crate::cli) mirror: bool,
    pub(in crate::cli) kind: String,
    pub(in crate::cli) time: Timestamp,
    pub(in crate::cli) reason: String,
    pub(in crate::cli) cosigned: bool,
}

/// What an operator decided.
#[derive(Debug)]
pub(in crate::cli) struct ShownDecision {
    pub(in crate::cli) what: String,
    pub(in crate::cli) time: Timestamp,
    pub(in crate::cli) operator: u32,
    pub(in crate::cli) reason: String,
}

/// What was withdrawn.
#[derive(Debug)]
pub(in crate::cli) struct Withdrawn {
    pub(in crate::cli) entry: QueueEntry,
    pub(in crate::cli) origin: String,
    pub(in crate::cli) index: u64,
    pub(in crate::cli) unreceipted: u32,
}

/// Something a person must look at.
#[derive(Debug, Clone)]
pub(in crate::cli) struct Alarm {
    pub(in crate::cli) code: String,
    pub(in crate::cli) time: Timestamp,
    pub(in crate::cli) ministry: String,
    pub(in crate::cli) detail: String,
    pub(in crate::cli) first_time: Timestamp,
    pub(in crate::cli) first_detail: String,
    pub(in crate::cli) count: u64,
    pub(in crate::cli) acknowledged: Option<(Timestamp, u32)>,
    pub(in crate::cli) cleared: Option<Timestamp>,
}

/// States that may be asked for, by their words.
pub(in crate::cli) const STATES: [(&str, wire::QueueState); 5] = [
    ("queued", wire::QueueState::Queued),
    ("held", wire::QueueState::Held),
    ("expired", wire::QueueState::Expired),
    ("withdrawn", wire::QueueState::Withdrawn),
    ("answered", wire::QueueState::Answered),
];

impl Operator {
    /// One page of what waits, only for a ministry and in a state where those are named.
    pub(in crate::cli) async fn queue(
        &mut self,
        ministry: Option<&Ministry>,
        state: Option<&str>,
        page_size: u32,
        page_token: String,
    ) -> Result<QueuePage, CliError> {
        let named = STATES.iter().find(|(word, _)| Some(*word) == state);
        let request = wire::ListQueueRequest {
            ministry: ministry.map(ToString::to_string).unwrap_or_default(),
            state: named.map_or(wire::QueueState::Unspecified, |(_, state)| *state).into(),
            page_size,
            page_token,
        };
        let page = self.client.list_queue(request).await.map_err(failed)?.into_inner();
        let next = Some(page.next_page_token).filter(|token| !token.is_empty());
        Ok(QueuePage { entries: page.entries.into_iter().map(entry).collect(), next })
    }

    /// Everything about the sent message whose id begins so.
    pub(in crate::cli) async fn show_queued(&mut self, message: &str) -> Result<Shown, CliError> {
        let request = wire::ShowQueuedRequest { message: message.to_owned() };
        Ok(shown(self.client.show_queued(request).await.map_err(failed)?.into_inner()))
    }

    /// Has a message, or everything for a ministry, tried now. Answers how many waited for another attempt.
    pub(in crate::cli) async fn retry(
        &mut self,
        message: &str,
        ministry: Option<&Ministry>,
    ) -> Result<u64, CliError> {
        let ministry = ministry.map(ToString::to_string).unwrap_or_default();
        let request = wire::RetryQueuedRequest { message: message.to_owned(), ministry };
        Ok(self.client.retry_queued(request).await.map_err(failed)?.into_inner().due)
    }

    /// Holds a message. Answers it and how many wait behind it.
    pub(in crate::cli) async fn hold(
        &mut self,
        message: &str,
        force: bool,
        reason: &str,
    ) -> Result<(QueueEntry, u64), CliError> {
        let request =
            wire::HoldQueuedRequest { message: message.to_owned(), force, reason: reason.to_owned() };
        let held = self.client.hold_queued(request).await.map_err(failed)?.into_inner();
        Ok((entry(held.entry.unwrap_or_default()), held.behind))
    }

    /// Releases a held message.
    pub(in crate::cli) async fn release(&mut self, message: &str) -> Result<QueueEntry, CliError> {
        let request = wire::ReleaseQueuedRequest { message: message.to_owned() };
        let released = self.client.release_queued(request).await.map_err(failed)?.into_inner();
        Ok(entry(released.entry.unwrap_or_default()))
    }

    /// Withdraws a message.
    pub(in crate::cli) async fn withdraw(
        &mut self,
        message: &str,
        force: bool,
    ) -> Result<Withdrawn, CliError> {
        let request = wire::WithdrawQueuedRequest { message: message.to_owned(), force };
        let done = self.client.withdraw_queued(request).await.map_err(failed)?.into_inner();
        let leaf = done.leaf.unwrap_or_default();
        Ok(Withdrawn {
            entry: entry(done.entry.unwrap_or_default()),
            origin: leaf.origin,
            index: leaf.index,
            unreceipted: done.unreceipted,
        })
    }

    /// The alarms; with those whose cause went away where `cleared` is asked for.
    pub(in crate::cli) async fn alarms(&mut self, cleared: bool) -> Result<Vec<Alarm>, CliError> {
        let request = wire::ListAlarmsRequest { cleared };
        let answer = self.client.list_alarms(request).await.map_err(failed)?.into_inner();
        Ok(answer.alarms.into_iter().map(alarm).collect())
    }

    /// Acknowledges alarms. Answers those that nobody had acknowledged.
    pub(in crate::cli) async fn acknowledge(
        &mut self,
        code: &str,
        ministry: Option<&Ministry>,
    ) -> Result<Vec<Alarm>, CliError> {
        let ministry = ministry.map(ToString::to_string).unwrap_or_default();
        let request = wire::AcknowledgeAlarmsRequest { code: code.to_owned(), ministry };
        let answer = self.client.acknowledge_alarms(request).await.map_err(failed)?.into_inner();
        Ok(answer.alarms.into_iter().map(alarm).collect())
    }
}

/// From the wire.
pub(super) fn alarm(seen: wire::Alarm) -> Alarm {
    let acknowledged = instant(seen.acknowledged_time).map(|time| (time, seen.acknowledged_by));
    Alarm {
        code: seen.code,
        time: Timestamp::from_seconds(seen.time),
        ministry: seen.ministry,
        detail: seen.detail,
        first_time: Timestamp::from_seconds(seen.first_time),
        first_detail: seen.first_detail,
        count: seen.count,
        acknowledged,
        cleared: instant(seen.cleared_time),
    }
}

/// From the wire, where 0 is none.
pub(super) fn instant(seconds: i64) -> Option<Timestamp> {
    (seconds != 0).then(|| Timestamp::from_seconds(seconds))
}

fn entry(seen: wire::QueueEntry) -> QueueEntry {
    let state = STATES.iter().find(|(_, state)| *state == seen.state());
    QueueEntry {
        state: state.map_or("unknown", |(word, _)| word),
        id: data_encoding::HEXLOWER.encode(&seen.message_id),
        ministry: seen.ministry,
        channel: seen.channel,
        sequence: seen.sequence,
        precedence: seen.precedence,
        attempts: seen.attempts,
        unreceipted: seen.unreceipted,
        next_attempt: instant(seen.next_attempt_time),
        reason: seen.reason,
        custody: Timestamp::from_seconds(seen.custody_time),
        valid_until: Timestamp::from_seconds(seen.valid_until),
        packed: instant(seen.packed_time),
    }
}

fn shown(seen: wire::ShowQueuedResponse) -> Shown {
    let state = match seen.state() {
        wire::SentState::Unspecified => "unknown",
        wire::SentState::Queued => "queued",
        wire::SentState::Delivered => "delivered",
        wire::SentState::Rejected => "rejected",
        wire::SentState::Expired => "expired",
        wire::SentState::Withdrawn => "withdrawn",
    };
    Shown {
        state,
        entry: entry(seen.entry.unwrap_or_default()),
        released: Timestamp::from_seconds(seen.release_time),
        level: seen.level,
        parts: seen.parts,
        part_bytes: seen.part_bytes,
        leaves: seen.leaves.into_iter().map(leaf).collect(),
        attempts: seen
            .attempts
            .into_iter()
            .map(|one| (one.number, Timestamp::from_seconds(one.time), one.outcome))
            .collect(),
        decisions: seen
            .decisions
            .into_iter()
            .map(|one| ShownDecision {
                what: one.what,
                time: Timestamp::from_seconds(one.time),
                operator: one.operator,
                reason: one.reason,
            })
            .collect(),
    }
}

fn leaf(seen: wire::QueuedLeaf) -> ShownLeaf {
    let place = seen.place.unwrap_or_default();
    ShownLeaf {
        origin: place.origin,
        index: place.index,
        mirror: seen.mirror,
        kind: seen.kind,
        time: Timestamp::from_seconds(seen.time),
        reason: seen.reason,
        cosigned: seen.cosigned,
    }
}
