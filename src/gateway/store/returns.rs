//! What the own desk had handed over, for one whose register was restored from an older backup: how far each sequence
//! came, and the messages themselves.

use rusqlite::{Connection, params};

use super::columns::{self, Code, stored, stored_len};
use super::record::{Direction, SentLine, Submitted};
use super::{Store, StoreFault, message, settlement};
use crate::limits::BATCH_BYTES_MAX;
use crate::trust::name::Ministry;

impl Store {
    /// How far each sequence of sent messages came, ascending by its key and after one, at most `limit`.
    pub async fn lines_sent(&self, after: u64, limit: usize) -> Result<Vec<SentLine>, StoreFault> {
        self.read(move |connection| {
            // The key alone orders them: a few sequences for each peer.
            let sql = "SELECT key, channel, peer, sequence, message_id FROM pair
                       WHERE key > ?1 AND +direction = ?2 ORDER BY key LIMIT ?3";
            let mut statement = connection.prepare_cached(sql)?;
            let values = params![stored(after), Direction::Out.code(), stored_len(limit)];
            let rows = statement.query_map(values, |row| {
                Ok(SentLine {
                    key: columns::count(row, 0)?,
                    channel: row.get(1)?,
                    peer: columns::ministry(row, 2)?,
                    sequence: columns::count(row, 3)?,
                    message_id: columns::digest_or_none(row, 4)?,
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Messages of one sequence after a number, in their order: at most `limit` of them and about `BATCH_BYTES_MAX`
    /// bytes, but always one where there is one.
    pub async fn submitted_after(
        &self,
        channel: String,
        peer: Ministry,
        sequence: u64,
        limit: usize,
    ) -> Result<Vec<Submitted>, StoreFault> {
        self.read(move |connection| {
            let pair = message::pair(connection, Direction::Out, &channel, peer.as_str())?;
            pair.key.map_or(Ok(Vec::new()), |pair| submitted(connection, pair, sequence, limit))
        })
        .await
    }
}

fn submitted(
    connection: &Connection,
    pair: i64,
    after: u64,
    limit: usize,
) -> Result<Vec<Submitted>, StoreFault> {
    let sql =
        "SELECT key, sequence FROM message WHERE pair = ?1 AND sequence > ?2 ORDER BY sequence LIMIT ?3";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params![pair, stored(after), stored_len(limit)])?;
    let (mut found, mut weight) = (Vec::new(), 0_usize);
    while let Some(row) = rows.next()? {
        let (key, sequence) = (row.get(0)?, columns::count(row, 1)?);
        let (message_id, signed) = message::signed(connection, key)?;
        let parts = message::parts(connection, key)?;
        weight = weight.saturating_add(message::envelope_weight(&signed, &parts));
        if weight > BATCH_BYTES_MAX && !found.is_empty() {
            break;
        }
        let Some(sent) = settlement::sent(connection, &message_id)? else { continue };
        found.push(Submitted { sequence, signed, parts, sent });
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use crate::gateway::store::fixture::{Line, fresh, peer, taken};
    use crate::trust::name::Ministry;

    #[tokio::test]
    async fn everything_that_was_submitted_is_listed_in_its_order_with_its_exact_bytes() {
        let (_directory, store) = fresh();
        let (mut one, mut other) = (Line::on("ch-1"), Line::on("ch-2"));
        let messages = [one.next(), one.next(), one.next(), other.next()];
        for message in &messages {
            taken(store.take_custody(message.clone()).await.unwrap());
        }
        let lines = store.lines_sent(0, 10).await.unwrap();
        let seen: Vec<(&str, u64)> =
            lines.iter().map(|line| (line.channel.as_str(), line.sequence)).collect();
        assert_eq!(seen, [("ch-1", 3), ("ch-2", 1)]);
        assert_eq!(lines[0].message_id, Some(messages[2].message_id));
        assert_eq!(store.lines_sent(lines[0].key, 10).await.unwrap(), lines[1..]);
        assert_eq!(store.lines_sent(0, 1).await.unwrap(), lines[..1]);

        let listed = async |after, limit| {
            store.submitted_after("ch-1".to_owned(), peer(), after, limit).await.unwrap()
        };
        let after_first = listed(1, 10).await;
        assert_eq!(after_first.iter().map(|one| one.sequence).collect::<Vec<_>>(), [2, 3]);
        assert_eq!(after_first[0].signed.header, messages[1].header);
        assert_eq!(after_first[0].parts, messages[1].parts);
        assert_eq!(listed(0, 2).await.len(), 2);
        assert!(listed(3, 10).await.is_empty());
        let unknown = Ministry::parse("XZ").unwrap();
        assert!(store.submitted_after("ch-1".to_owned(), unknown, 0, 10).await.unwrap().is_empty());
    }
}
