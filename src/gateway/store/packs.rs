//! Courier sticks: which were packed, and which were taken.
//!
//! Numbers count the sticks to a peer, so that a missing one can be named; the digest tells a doubled one. Nothing
//! depends on either: what a stick holds is judged for itself.

use rusqlite::params;

use super::columns::{self, Code as _, stored};
use super::job::Verdict;
use super::record::{Decision, DecisionKind, Direction};
use super::{Store, StoreFault, decisions, settlement};
use crate::digest::Digest;
use crate::limits::COURIER_MISSING_NAMED_MAX;
use crate::time::Timestamp;
use crate::trust::name::Ministry;

impl Store {
    /// The number of the next stick to `peer`, from 1. Durable on return.
    pub async fn next_pack(&self, peer: Ministry, now: Timestamp) -> Result<u64, StoreFault> {
        self.write(0, move |connection| {
            let sql = "SELECT ifnull(max(number), 0) + 1 FROM pack WHERE peer = ?1 AND direction = ?2";
            let values = params![peer.as_str(), Direction::Out.code()];
            let number = connection.prepare_cached(sql)?.query_row(values, |row| columns::count(row, 0))?;
            let sql = "INSERT INTO pack (peer, direction, number, digest, time) VALUES (?1, ?2, ?3, x'', ?4)";
            let values = params![peer.as_str(), Direction::Out.code(), stored(number), now.seconds()];
            connection.prepare_cached(sql)?.execute(values)?;
            Ok(Verdict::Keep(number))
        })
        .await
    }

    /// Notes that these messages are on a stick. Durable on return.
    pub async fn note_packed(&self, messages: Vec<Digest>, decision: Decision) -> Result<(), StoreFault> {
        self.write(messages.len().saturating_mul(64), move |connection| {
            for id in &messages {
                if let Some(found) = settlement::find(connection, id)? {
                    decisions::keep(connection, &found, DecisionKind::Packed, &decision)?;
                }
            }
            Ok(Verdict::Keep(()))
        })
        .await
    }

    /// Numbers of the sticks of `peer` before this one that were not taken here: the last ones.
    pub async fn missing_packs(&self, peer: Ministry, number: u64) -> Result<Vec<u64>, StoreFault> {
        let named = COURIER_MISSING_NAMED_MAX as u64;
        let from = number.saturating_sub(named).max(1);
        self.read(move |connection| {
            let sql =
                "SELECT number FROM pack WHERE peer = ?1 AND direction = ?2 AND number BETWEEN ?3 AND ?4";
            let mut statement = connection.prepare_cached(sql)?;
            let values = params![peer.as_str(), Direction::In.code(), stored(from), stored(number)];
            let taken = statement.query_map(values, |row| columns::count(row, 0))?;
            let taken: Vec<u64> = taken.collect::<Result<_, _>>()?;
            Ok((from..number).filter(|one| !taken.contains(one)).collect())
        })
        .await
    }

    /// Whether this very stick was taken, all of it.
    pub async fn is_taken(&self, peer: Ministry, digest: Digest) -> Result<bool, StoreFault> {
        self.read(move |connection| {
            let sql = "SELECT EXISTS (SELECT 1 FROM pack WHERE peer = ?1 AND direction = ?2 AND digest = ?3)";
            let values = params![peer.as_str(), Direction::In.code(), digest.as_bytes()];
            Ok(connection.prepare_cached(sql)?.query_row(values, |row| row.get(0))?)
        })
        .await
    }

    /// Notes a stick as taken. Durable on return.
    pub async fn note_taken_pack(
        &self,
        peer: Ministry,
        number: u64,
        digest: Digest,
        now: Timestamp,
    ) -> Result<(), StoreFault> {
        self.write(0, move |connection| {
            let sql = "INSERT INTO pack (peer, direction, number, digest, time) VALUES (?1, ?2, ?3, ?4, ?5)
                       ON CONFLICT DO NOTHING";
            let direction = Direction::In.code();
            let values = params![peer.as_str(), direction, stored(number), digest.as_bytes(), now.seconds()];
            connection.prepare_cached(sql)?.execute(values)?;
            Ok(Verdict::Keep(()))
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::store::fixture::{Line, NOW, fresh, later, peer};

    #[tokio::test]
    async fn sticks_are_counted_for_each_peer_and_a_missing_one_is_named() {
        let (_directory, store) = fresh();
        assert_eq!(store.next_pack(peer(), NOW).await.unwrap(), 1);
        assert_eq!(store.next_pack(peer(), NOW).await.unwrap(), 2);
        let other = Ministry::parse("XC").unwrap();
        assert_eq!(store.next_pack(other.clone(), NOW).await.unwrap(), 1);
        let digest = |number: u64| Digest::of(&number.to_be_bytes());
        assert_eq!(
            store.missing_packs(peer(), 4).await.unwrap(),
            [1, 2, 3],
            "what was packed here is no answer"
        );
        for number in [1, 3] {
            store.note_taken_pack(peer(), number, digest(number), NOW).await.unwrap();
            store.note_taken_pack(peer(), number, digest(number), NOW).await.unwrap();
        }
        assert_eq!(store.missing_packs(peer(), 4).await.unwrap(), [2]);
        assert!(store.is_taken(peer(), digest(3)).await.unwrap());
        assert!(!store.is_taken(peer(), digest(2)).await.unwrap());
        assert!(!store.is_taken(other, digest(3)).await.unwrap());
        let most = COURIER_MISSING_NAMED_MAX as u64;
        assert_eq!(store.missing_packs(peer(), 1_000).await.unwrap().len() as u64, most);
    }

    #[tokio::test]
    async fn what_was_packed_stays_queued_and_says_when() {
        let (_directory, store) = fresh();
        let message = Line::on("ch-1").next();
        let id = message.message_id;
        store.take_custody(message).await.unwrap();
        assert_eq!(store.queue_entry(id).await.unwrap().unwrap().packed, None);
        for seconds in [5, 9] {
            let decision = Decision { time: later(seconds), operator: 7, reason: String::new(), act: None };
            store.note_packed(vec![id, Digest::of(b"unknown")], decision).await.unwrap();
        }
        let entry = store.queue_entry(id).await.unwrap().unwrap();
        assert_eq!((entry.packed, entry.unanswered), (Some(later(9)), true));
        assert_eq!(
            store.due(peer(), NOW, 9, Default::default()).await.unwrap().len(),
            1,
            "the wire may carry it too"
        );
    }
}
