//! The mailbox: what the own desk can list, fetch and acknowledge, and what became of what it sent.

use crate::gateway::Gateway;
use crate::gateway::error::Fault;
use crate::gateway::store::record::{Direction, Position, Received, SentMessage, SentState};
use crate::limits;
use crate::message::envelope::Envelope;
use crate::message::header::Header;
use crate::message::id::MessageId;
use crate::message::receipt::Receipt;
use crate::time::Timestamp;
use crate::trust::name::Ministry;

/// A message received, as the desk fetches it.
#[derive(Debug, Clone)]
pub struct MailboxItem {
    /// Cursor of this message.
    pub cursor: u64,
    /// Exact envelope bytes.
    pub envelope: Vec<u8>,
    /// The own log's proof that it was received.
    pub receipt: Receipt,
    /// When it was taken into custody.
    pub receive_time: Timestamp,
}

/// What became of a message that the desk submitted.
#[derive(Debug, Clone)]
pub struct SentReport {
    /// Id.
    pub message_id: MessageId,
    /// Where it stands; none where it is not known here.
    pub state: Option<SentState>,
    /// The own log's proof that it was taken into custody.
    pub submission_receipt: Option<Receipt>,
    /// The peer's proof, or the own log's proof of expiry or withdrawal.
    pub delivery_receipt: Vec<u8>,
    /// Attempts so far.
    pub attempts: u32,
    /// Reason of the last failure; may be empty.
    pub reason: String,
}

impl Gateway {
    /// Messages received after a cursor, oldest first, and whether there are more.
    pub async fn list_received(&self, after: u64, page: usize) -> Result<(Vec<MailboxItem>, bool), Fault> {
        let page = if page == 0 { limits::PAGE_DEFAULT } else { page.min(limits::PAGE_MAX) };
        let found = self.store.received_after(after, page).await?;
        // A page is bounded in bytes too, so its length does not tell.
        let more = match found.last() {
            Some(last) => !self.store.received_after(last.cursor, 1).await?.is_empty(),
            None => false,
        };
        let mut items = Vec::with_capacity(found.len());
        for received in found {
            let receipt = self.receipt(&received.place).await?;
            items.push(MailboxItem {
                cursor: received.cursor,
                receive_time: received.custody_time,
                envelope: envelope_of(received)?,
                receipt,
            });
        }
        Ok((items, more))
    }

    /// Acknowledges that the desk holds everything up to a cursor.
    pub async fn acknowledge(&self, epoch: u64, cursor: u64) -> Result<(), Fault> {
        // A cursor of the mailbox as it was before a restoration acknowledges nothing.
        if epoch == self.store.epoch().await? {
            self.store.acknowledge(cursor).await?;
            self.reopen().await?;
        }
        Ok(())
    }

    /// The number of the mailbox and the cursor from which to list for a desk that has come as far as it says.
    /// Where its cursor does not lead to the message that it knows there, this store is another one than the
    /// desk has seen: the mailbox gets a new number, and the list begins at its start.
    pub async fn place_in_mailbox(
        &self,
        epoch: u64,
        after: u64,
        at: Option<MessageId>,
    ) -> Result<(u64, u64), Fault> {
        let present = self.store.epoch().await?;
        if epoch != present || after == 0 {
            return Ok((present, 0));
        }
        let held = self.store.message_at(after).await?;
        if held.is_some() && held == at.map(|id| id.digest()) {
            return Ok((present, after));
        }
        self.renew_epoch().await?;
        Ok((self.store.epoch().await?, 0))
    }

    /// The last position used towards a recipient.
    pub async fn last_position(&self, channel: &str, recipient: &Ministry) -> Result<Position, Fault> {
        Ok(self.store.position(Direction::Out, channel.to_owned(), recipient.clone()).await?)
    }

    /// What became of sent messages, in the order asked for.
    pub async fn sent_reports(&self, ids: Vec<MessageId>) -> Result<Vec<SentReport>, Fault> {
        let found = self.store.sent(ids.iter().map(MessageId::digest).collect()).await?;
        let mut reports = Vec::with_capacity(ids.len());
        for (message_id, sent) in ids.into_iter().zip(found) {
            reports.push(match sent {
                Some(sent) => self.sent_report(message_id, sent).await?,
                None => SentReport {
                    message_id,
                    state: None,
                    submission_receipt: None,
                    delivery_receipt: Vec::new(),
                    attempts: 0,
                    reason: String::new(),
                },
            });
        }
        Ok(reports)
    }

    pub(super) async fn sent_report(
        &self,
        message_id: MessageId,
        sent: SentMessage,
    ) -> Result<SentReport, Fault> {
        // What the log said last outweighs what it said before; an answer of the peer outweighs both.
        let own = sent.withdrawn_at.as_ref().or(sent.expired_at.as_ref());
        let delivery_receipt = match (sent.receipt, own) {
            (Some(receipt), _) => receipt,
            (None, Some(place)) => self.receipt(place).await?.encode(),
            (None, None) => Vec::new(),
        };
        Ok(SentReport {
            message_id,
            state: Some(sent.state),
            submission_receipt: Some(self.receipt(&sent.place).await?),
            delivery_receipt,
            attempts: sent.attempts,
            reason: sent.reason,
        })
    }
}

fn envelope_of(received: Received) -> Result<Vec<u8>, Fault> {
    let damaged = |cause: crate::message::refusal::Refusal| Fault::Damaged(cause.to_string());
    let header = Header::parse(&received.signed.header).map_err(damaged)?;
    let parts = received.parts.into_iter().map(|part| part.content.unwrap_or_default()).collect();
    Ok(Envelope::compose(header, received.signed.signature, parts).map_err(damaged)?.encode())
}
