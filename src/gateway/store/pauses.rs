//! Pauses: peers with whom an operator lets nothing be exchanged for a time. A pause outlives the process; what waits
//! for the peer stays in its queue.

use rusqlite::{Connection, Row, params};

use super::columns;
use super::job::Verdict;
use super::record::{Direction, Ends, LogEntry, Pause, Pausing, SentState};
use super::{Store, StoreFault, columns::Code as _, tree};
use crate::gateway::schedule::FLASH;
use crate::trust::name::Ministry;

impl Store {
    /// Pauses a peer, or gives its pause another reason, with the act that says so. Where a message of the greatest
    /// urgency waits for it, only by force. Durable on return.
    pub async fn pause(&self, pause: Pause, act: LogEntry) -> Result<Pausing, StoreFault> {
        self.write(act.leaf.len(), move |connection| {
            let Pause { peer, time, operator, reason, force } = &pause;
            if !force && flash_waits(connection, peer)? {
                return Ok(Verdict::Undo(Pausing::Urgent));
            }
            let sql = "INSERT INTO pause (peer, time, operator, reason, force) VALUES (?1, ?2, ?3, ?4, ?5)
                       ON CONFLICT (peer) DO UPDATE SET operator = excluded.operator, reason = excluded.reason,
                           force = excluded.force";
            let values = params![peer.as_str(), time.seconds(), operator, reason, force];
            connection.prepare_cached(sql)?.execute(values)?;
            tree::append_act(connection, Some(&act))?;
            Ok(Verdict::Keep(Pausing::Done))
        })
        .await
    }

    /// Ends the pause of a peer, with the act that says so; false, and nothing done, where it is not paused, or is by
    /// force and only gentle ones may be ended. Durable on return.
    pub async fn resume(&self, peer: Ministry, ends: Ends, act: LogEntry) -> Result<bool, StoreFault> {
        self.write(act.leaf.len(), move |connection| {
            let sql = "DELETE FROM pause WHERE peer = ?1 AND (force = 0 OR ?2)";
            let values = params![peer.as_str(), ends == Ends::Any];
            if connection.prepare_cached(sql)?.execute(values)? == 0 {
                return Ok(Verdict::Undo(false));
            }
            tree::append_act(connection, Some(&act))?;
            Ok(Verdict::Keep(true))
        })
        .await
    }

    /// The paused peers, by code.
    pub async fn pauses(&self) -> Result<Vec<Pause>, StoreFault> {
        self.read(|connection| {
            let sql = "SELECT peer, time, operator, reason, force FROM pause ORDER BY peer";
            let mut statement = connection.prepare_cached(sql)?;
            let rows = statement.query_map([], pause)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Whether a message of the greatest urgency waits for a peer, and would go if nothing but a pause held it up.
    pub async fn flash_waits(&self, peer: Ministry) -> Result<bool, StoreFault> {
        self.read(move |connection| flash_waits(connection, &peer)).await
    }
}

/// One that is withdrawn says nothing any more. One that is held, itself or behind a held one, was held by force, and
/// goes no sooner where a pause ends.
fn flash_waits(connection: &Connection, peer: &Ministry) -> Result<bool, StoreFault> {
    let sql = "SELECT EXISTS (SELECT 1 FROM pair JOIN outgoing INDEXED BY outgoing_urgent
                   ON outgoing.pair = pair.key AND outgoing.precedence = ?3 AND outgoing.unanswered = 1
               WHERE pair.direction = ?1 AND pair.peer = ?2 AND outgoing.state <> ?4
                   AND NOT EXISTS (SELECT 1 FROM outgoing AS front INDEXED BY outgoing_held
                       WHERE front.pair = pair.key AND front.held = 1 AND front.message <= outgoing.message))";
    let values = params![Direction::Out.code(), peer.as_str(), FLASH, SentState::Withdrawn.code()];
    Ok(connection.prepare_cached(sql)?.query_row(values, |row| row.get(0))?)
}

fn pause(row: &Row<'_>) -> rusqlite::Result<Pause> {
    Ok(Pause {
        peer: columns::ministry(row, 0)?,
        time: columns::instant(row, 1)?,
        operator: row.get(2)?,
        reason: row.get(3)?,
        force: row.get(4)?,
    })
}
