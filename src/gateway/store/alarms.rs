//! Alarms: raised by what happens, acknowledged by operators, cleared when their cause is gone.
//!
//! One row for each code and ministry counts everything that happened with it, so that nobody who can make it
//! happen fills the disk. An acknowledged alarm stays quiet while the same thing goes on; another detail, or
//! the same after a long silence or after it was cleared, is new.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::columns::{self, stored_len};
use super::job::Verdict;
use super::record::{Acknowledged, Alarm, LogEntry, RaisedAlarm};
use super::{Store, StoreFault, tree};
use crate::limits::{ALARM_SILENCE, STATUS_ALARMS_MAX};
use crate::time::Timestamp;
use crate::trust::name::Ministry;

/// The columns of an alarm, in the order in which `raised_alarm` reads them.
const COLUMNS: &str = "code, ministry, first_detail, detail, first_time, time, count, acknowledged_time,
                       acknowledged_by, cleared_time";

impl Store {
    /// Raises an alarm, or counts it where it stands already. Answers whether somebody must look who has not
    /// been asked to before, durable on return.
    pub async fn raise_alarm(&self, alarm: Alarm) -> Result<bool, StoreFault> {
        self.write(0, move |connection| raise(connection, &alarm).map(Verdict::Keep)).await
    }

    /// The alarms whose cause stands, those that nobody acknowledged first, then the newest first; at most
    /// `STATUS_ALARMS_MAX`.
    pub async fn alarms(&self) -> Result<Vec<RaisedAlarm>, StoreFault> {
        self.read(|connection| list(connection, false)).await
    }

    /// The same with those that were cleared.
    pub async fn all_alarms(&self) -> Result<Vec<RaisedAlarm>, StoreFault> {
        self.read(|connection| list(connection, true)).await
    }

    /// Notes that the cause of an alarm is gone. Answers whether it stood until now, durable on return.
    pub async fn clear_alarm(
        &self,
        code: &'static str,
        ministry: Ministry,
        now: Timestamp,
    ) -> Result<bool, StoreFault> {
        self.write(0, move |connection| clear(connection, code, &ministry, now).map(Verdict::Keep)).await
    }

    /// Notes that an operator has seen the standing alarms with this code, or all where none is named, about
    /// this ministry, or about all, with an act for each.
    /// Answers those that nobody had acknowledged, durable on return.
    pub async fn acknowledge_alarms(
        &self,
        code: Option<String>,
        ministry: Option<Ministry>,
        by: Acknowledged,
        act: impl Fn(&RaisedAlarm) -> Option<LogEntry> + Send + 'static,
    ) -> Result<Vec<RaisedAlarm>, StoreFault> {
        self.write(0, move |connection| {
            let sql = format!(
                "UPDATE alarm SET acknowledged_time = ?3, acknowledged_by = ?4
                 WHERE cleared_time IS NULL AND acknowledged_time IS NULL
                     AND (?1 IS NULL OR code = ?1) AND (?2 IS NULL OR ministry = ?2) RETURNING {COLUMNS}"
            );
            let ministry = ministry.as_ref().map(Ministry::as_str);
            let mut statement = connection.prepare_cached(&sql)?;
            let values = params![code, ministry, by.time.seconds(), by.operator];
            let rows = statement.query_map(values, raised_alarm)?;
            let seen: Vec<RaisedAlarm> = rows.collect::<Result<_, _>>()?;
            for alarm in &seen {
                tree::append_act(connection, act(alarm).as_ref())?;
            }
            Ok(Verdict::Keep(seen))
        })
        .await
    }
}

/// Raises an alarm within a transaction; answers whether somebody must look anew.
pub(super) fn raise(connection: &Connection, alarm: &Alarm) -> Result<bool, StoreFault> {
    let Alarm { code, ministry, detail, time } = alarm;
    let sql = format!("SELECT {COLUMNS} FROM alarm WHERE code = ?1 AND ministry = ?2");
    let mut statement = connection.prepare_cached(&sql)?;
    let held = statement.query_row(params![code, ministry.as_str()], raised_alarm).optional()?;
    let Some(held) = held else {
        let sql = "INSERT INTO alarm (code, ministry, first_detail, detail, first_time, time, count)
                   VALUES (?1, ?2, ?3, ?3, ?4, ?4, 1)";
        let values = params![code, ministry.as_str(), detail, time.seconds()];
        connection.prepare_cached(sql)?.execute(values)?;
        return Ok(true);
    };
    let anew = begins_anew(&held, alarm);
    let seen = held.acknowledged.filter(|_| !anew);
    let sql = "UPDATE alarm SET detail = ?3, time = ?4, count = count + 1, acknowledged_time = ?5,
               acknowledged_by = ?6, cleared_time = NULL WHERE code = ?1 AND ministry = ?2";
    connection.prepare_cached(sql)?.execute(params![
        code,
        ministry.as_str(),
        detail,
        time.seconds(),
        seen.map(|seen| seen.time.seconds()),
        seen.map(|seen| seen.operator),
    ])?;
    Ok(anew)
}

/// Notes within a transaction that the cause of an alarm is gone; answers whether it stood until now.
pub(super) fn clear(
    connection: &Connection,
    code: &str,
    ministry: &Ministry,
    now: Timestamp,
) -> Result<bool, StoreFault> {
    let sql = "UPDATE alarm SET cleared_time = ?3
               WHERE code = ?1 AND ministry = ?2 AND cleared_time IS NULL";
    let values = params![code, ministry.as_str(), now.seconds()];
    Ok(connection.prepare_cached(sql)?.execute(values)? == 1)
}

/// Whether what happens now is something that nobody was asked to look at yet.
fn begins_anew(held: &RaisedAlarm, now: &Alarm) -> bool {
    if held.cleared.is_some() {
        return true;
    }
    let silent = now.time > held.time.after(ALARM_SILENCE);
    held.acknowledged.is_some() && (silent || held.detail != now.detail)
}

fn list(connection: &Connection, cleared: bool) -> Result<Vec<RaisedAlarm>, StoreFault> {
    let sql = format!(
        "SELECT {COLUMNS} FROM alarm WHERE ?1 OR cleared_time IS NULL
         ORDER BY cleared_time IS NOT NULL, acknowledged_time IS NOT NULL, time DESC, code, ministry LIMIT ?2"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map(params![cleared, stored_len(STATUS_ALARMS_MAX)], raised_alarm)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn raised_alarm(row: &Row<'_>) -> rusqlite::Result<RaisedAlarm> {
    let acknowledged = match columns::instant_or_none(row, 7)? {
        Some(time) => Some(Acknowledged { time, operator: row.get(8)? }),
        None => None,
    };
    Ok(RaisedAlarm {
        code: row.get(0)?,
        ministry: columns::ministry(row, 1)?,
        first_detail: row.get(2)?,
        detail: row.get(3)?,
        first_time: columns::instant(row, 4)?,
        time: columns::instant(row, 5)?,
        count: columns::count(row, 6)?,
        acknowledged,
        cleared: columns::instant_or_none(row, 9)?,
    })
}
