//! What operators decide about sent messages: to hold, to release, to withdraw. Each decision is kept with its
//! instant and the number of the user who took it, never a name.
//!
//! A held message is not carried, nor is anything behind it in its channel. A withdrawn message keeps its place
//! until the peer has answered for its number, but its content is never given to the courier again.

use rusqlite::{Connection, params};

use super::columns::{self, Code, stored};
use super::job::Verdict;
use super::record::{
    Consignment, Custody, Decision, DecisionKind, Holding, KeptDecision, LogEntry, LogLeaf, Release,
    SentState, Surrender, Withdrawal,
};
use super::settlement::{self, Outgoing};
use super::{Store, StoreFault, custody, outbox, queue, tree};
use crate::digest::Digest;
use crate::gateway::schedule::FLASH;
use crate::limits::DECISIONS_KEPT;

impl Store {
    /// Stops carrying a message, and with it everything behind it in its channel. Where the message or one
    /// behind it is of the greatest urgency, only by `force`. Durable on return.
    pub async fn hold(
        &self,
        message_id: Digest,
        force: bool,
        decision: Decision,
    ) -> Result<Holding, StoreFault> {
        self.write(0, move |connection| hold(connection, &message_id, force, &decision)).await
    }

    /// Carries a held message again: it is due at the instant of the decision. Durable on return.
    pub async fn release(&self, message_id: Digest, decision: Decision) -> Result<Release, StoreFault> {
        self.write(0, move |connection| release(connection, &message_id, &decision)).await
    }

    /// Withdraws a message that the peer has not answered for, with the leaf that says so: its content is not
    /// sent from now on. It is carried without content until the peer answers for its number; an answer that
    /// the peer had taken it outweighs the withdrawal. Durable on return.
    pub async fn withdraw(
        &self,
        message_id: Digest,
        entry: LogEntry,
        decision: Decision,
    ) -> Result<Withdrawal, StoreFault> {
        let weight = entry.leaf.len();
        self.write(weight, move |connection| withdraw(connection, message_id, &entry, &decision)).await
    }

    /// Takes a message of our desk into custody that is withdrawn from the start, without any part of it: its
    /// number is used, and both leaves are in the log, in one commit. One that is in custody already is withdrawn.
    /// Callers pass only verified messages. Durable on return.
    pub async fn surrender(
        &self,
        message: Consignment,
        entry: LogEntry,
        decision: Decision,
    ) -> Result<Surrender, StoreFault> {
        let premises = self.premises();
        let weight = message.weight().saturating_add(entry.leaf.len());
        self.write(weight, move |connection| {
            let custody = match custody::admit(connection, &custody::Purpose::Send, &message, &premises)? {
                Verdict::Keep(custody @ (Custody::Taken(_) | Custody::AlreadyHeld { .. })) => custody,
                other => return Ok(other.map(Surrender::NotTaken)),
            };
            let withdrawn = withdraw(connection, message.message_id, &entry, &decision)?;
            Ok(match (custody, withdrawn.map(Surrender::Withdrawn)) {
                // It took up the leaves of one that was withdrawn before a rollback: that must stay.
                (Custody::Taken(_), Verdict::Undo(already)) => Verdict::Keep(already),
                (_, withdrawn) => withdrawn,
            })
        })
        .await
    }

    /// What operators decided about a message, oldest first.
    pub async fn decisions(&self, message_id: Digest) -> Result<Vec<KeptDecision>, StoreFault> {
        self.read(move |connection| {
            let Some(message) = settlement::find(connection, &message_id)? else { return Ok(Vec::new()) };
            let sql = "SELECT what, time, operator, reason FROM decision WHERE message = ?1 ORDER BY number";
            let mut statement = connection.prepare_cached(sql)?;
            let rows = statement.query_map([message.message], |row| {
                let time = columns::instant(row, 1)?;
                let decision = Decision { time, operator: row.get(2)?, reason: row.get(3)?, act: None };
                Ok(KeptDecision { kind: DecisionKind::column(row, 0)?, decision })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }
}

fn hold(
    connection: &Connection,
    id: &Digest,
    force: bool,
    decision: &Decision,
) -> Result<Verdict<Holding>, StoreFault> {
    let Some(found) = settlement::find(connection, id)? else { return Ok(Verdict::Undo(Holding::Unknown)) };
    if !found.unanswered || found.state == SentState::Withdrawn {
        return Ok(Verdict::Undo(Holding::NotQueued(found.state)));
    }
    let behind = queue::behind(connection, &found)?;
    if found.held {
        // Whoever gives a reason for what is held already has it kept as well.
        let already = Holding::Already { behind };
        if decision.reason.is_empty() {
            return Ok(Verdict::Undo(already));
        }
        keep(connection, &found, DecisionKind::Held, decision)?;
        return Ok(Verdict::Keep(already));
    }
    let urgency = outbox::greatest_behind(connection, found.pair, found.message)?.max(found.precedence);
    if urgency >= FLASH && !force {
        return Ok(Verdict::Undo(Holding::Urgent(urgency)));
    }
    let sql = "UPDATE outgoing SET held = 1 WHERE message = ?1";
    connection.prepare_cached(sql)?.execute([found.message])?;
    keep(connection, &found, DecisionKind::Held, decision)?;
    Ok(Verdict::Keep(Holding::Done { behind }))
}

fn release(
    connection: &Connection,
    id: &Digest,
    decision: &Decision,
) -> Result<Verdict<Release>, StoreFault> {
    let Some(found) = settlement::find(connection, id)? else { return Ok(Verdict::Undo(Release::Unknown)) };
    if !found.held {
        return Ok(Verdict::Undo(Release::NotHeld(found.state)));
    }
    let sql = "UPDATE outgoing SET held = 0, next_attempt = ?2 WHERE message = ?1";
    connection.prepare_cached(sql)?.execute(params![found.message, decision.time.seconds()])?;
    keep(connection, &found, DecisionKind::Released, decision)?;
    Ok(Verdict::Keep(Release::Done))
}

fn withdraw(
    connection: &Connection,
    id: Digest,
    entry: &LogEntry,
    decision: &Decision,
) -> Result<Verdict<Withdrawal>, StoreFault> {
    let found = settlement::find(connection, &id)?;
    let Some(found) = found else { return Ok(Verdict::Undo(Withdrawal::Unknown)) };
    if !found.unanswered || found.state == SentState::Withdrawn {
        return Ok(Verdict::Undo(Withdrawal::Already(found.state)));
    }
    if found.peer != entry.peer {
        return Err(StoreFault::Misuse("a withdrawal in the log of another peer"));
    }
    let leaf = LogLeaf { bytes: entry.leaf.clone(), message_id: Some(id) };
    let (log, place) = tree::append_own(connection, &entry.origin, &entry.peer, &leaf)?;
    // What was held goes on, because the peer must answer for the number.
    let sql = "UPDATE outgoing SET state = ?2, held = 0, next_attempt = ?3, reason = ?4, withdrawal_log = ?5,
               withdrawal_index = ?6 WHERE message = ?1";
    connection.prepare_cached(sql)?.execute(params![
        found.message,
        SentState::Withdrawn.code(),
        decision.time.seconds(),
        decision.reason,
        log,
        stored(place.index),
    ])?;
    keep(connection, &found, DecisionKind::Withdrawn, decision)?;
    Ok(Verdict::Keep(Withdrawal::Done { place, unreceipted: found.unreceipted }))
}

/// Keeps a decision: the first ones and the last ones of a message.
pub(super) fn keep(
    connection: &Connection,
    message: &Outgoing,
    kind: DecisionKind,
    decision: &Decision,
) -> Result<(), StoreFault> {
    let sql = "INSERT INTO decision (message, number, time, operator, what, reason)
               VALUES (?1, (SELECT ifnull(max(number), 0) + 1 FROM decision WHERE message = ?1),
                       ?2, ?3, ?4, ?5) RETURNING number";
    let Decision { time, operator, reason, act } = decision;
    tree::append_act(connection, act.as_ref())?;
    let values = params![message.message, time.seconds(), operator, kind.code(), reason];
    let number: u32 = connection.prepare_cached(sql)?.query_row(values, |row| row.get(0))?;
    if number > DECISIONS_KEPT.saturating_mul(2) {
        let sql = "DELETE FROM decision WHERE message = ?1 AND number > ?2 AND number <= ?3";
        let last_kept = number.saturating_sub(DECISIONS_KEPT);
        connection.prepare_cached(sql)?.execute(params![message.message, DECISIONS_KEPT, last_kept])?;
    }
    Ok(())
}
