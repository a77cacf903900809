//! What is new in our own logs since somebody was sent their leaves: one look for everything that one sending needs.

use rusqlite::{Connection, params};

use super::columns::{self, stored, stored_len};
use super::record::{LogNews, LogProgress, NewLeaves};
use super::standing::own_logs;
use super::tree::LogTree;
use super::{Store, StoreFault};
use crate::trust::name::Ministry;

impl Store {
    /// The newest own log about `peer`, and the next leaves of the logs that are named, at most `limit` of each.
    pub async fn log_news(
        &self,
        peer: Ministry,
        sent: Vec<LogProgress>,
        limit: usize,
    ) -> Result<LogNews, StoreFault> {
        self.read(move |connection| {
            let newest = own_logs(connection, Some(&peer))?.pop().map(|log| log.origin);
            let mut leaves = Vec::new();
            for progress in sent {
                leaves.extend(new_leaves(connection, progress, limit)?);
            }
            Ok(LogNews { newest, leaves })
        })
        .await
    }
}

fn new_leaves(
    connection: &Connection,
    progress: LogProgress,
    limit: usize,
) -> Result<Option<NewLeaves>, StoreFault> {
    let LogProgress { origin, next, cosigned_before } = progress;
    let Some(tree) = LogTree::find(connection, &origin)? else { return Ok(None) };
    let sql = "SELECT cosigned_size FROM log WHERE key = ?1";
    let cosigned = connection.prepare_cached(sql)?.query_row([tree.key], |row| columns::count(row, 0))?;
    // What was cosigned since then was sent by another session.
    let first_index = if cosigned > cosigned_before { next.max(cosigned) } else { next };
    if first_index >= tree.size {
        return Ok(None);
    }
    let sql = "SELECT bytes FROM leaf WHERE log = ?1 AND leaf_index >= ?2 ORDER BY leaf_index LIMIT ?3";
    let mut statement = connection.prepare_cached(sql)?;
    let rows =
        statement.query_map(params![tree.key, stored(first_index), stored_len(limit)], |row| row.get(0))?;
    let leaves: Vec<Vec<u8>> = rows.collect::<Result<_, _>>()?;
    if leaves.is_empty() {
        return Err(StoreFault::Damaged(format!("leaf {first_index} of {origin}")));
    }
    let root = tree.root(first_index.saturating_add(leaves.len() as u64))?;
    Ok(Some(NewLeaves { origin, first_index, leaves, root }))
}
