//! Returning: a desk whose register was restored from an older backup learns how far its sequences came, and gets back
//! the messages it had submitted and the policy it had signed, byte for byte as it handed them over.
//!
//! Nothing leaves here that the own desk had not brought; it verifies its own signatures, and believes nothing else.

use crate::gateway::Gateway;
use crate::gateway::error::Fault;
use crate::gateway::mailbox::SentReport;
use crate::gateway::store::record::{Part, SentLine, Submitted};
use crate::limits;
use crate::message::envelope::Envelope;
use crate::message::header::Header;
use crate::message::id::MessageId;
use crate::message::refusal::Refusal;
use crate::trust::bundle::SignedBundle;
use crate::trust::name::Ministry;

/// A message as its desk had submitted it, with what became of it.
#[derive(Debug, Clone)]
pub struct SentCopy {
    /// Exact envelope bytes; without any part where only its number was used up.
    pub envelope: Vec<u8>,
    /// What became of it.
    pub report: SentReport,
}

impl Gateway {
    /// How far each sequence of sent messages came, after one of them, and whether there are more.
    pub async fn sent_positions(&self, after: u64) -> Result<(Vec<SentLine>, bool), Fault> {
        let mut lines = self.store.lines_sent(after, limits::PAGE_MAX.saturating_add(1)).await?;
        let more = lines.len() > limits::PAGE_MAX;
        lines.truncate(limits::PAGE_MAX);
        Ok((lines, more))
    }

    /// Messages of one sequence after a number, in their order, and whether there are more.
    pub async fn list_sent(
        &self,
        channel: &str,
        recipient: &Ministry,
        after: u64,
        page: usize,
    ) -> Result<(Vec<SentCopy>, bool), Fault> {
        let page = if page == 0 { limits::PAGE_DEFAULT } else { page.min(limits::PAGE_MAX) };
        let listed =
            |after, count| self.store.submitted_after(channel.to_owned(), recipient.clone(), after, count);
        let found = listed(after, page).await?;
        // A page is bounded in bytes too, so its length does not tell.
        let more = match found.last() {
            Some(last) => !listed(last.sequence, 1).await?.is_empty(),
            None => false,
        };
        let mut copies = Vec::with_capacity(found.len());
        for Submitted { signed, parts, sent, .. } in found {
            let damaged = |cause: Refusal| Fault::Damaged(cause.to_string());
            let header = Header::parse(&signed.header).map_err(damaged)?;
            let envelope = match parts.is_empty() {
                true => Envelope::without_parts(header, signed.signature),
                false => Envelope::compose(header, signed.signature, contents(parts)),
            };
            let id = MessageId::from(sent.message_id);
            let report = self.sent_report(id, sent).await?;
            copies.push(SentCopy { envelope: envelope.map_err(damaged)?.encode(), report });
        }
        Ok((copies, more))
    }

    /// The policy in force with the bundles that it names; none before the first.
    pub fn policy_in_force(&self) -> Option<(Vec<u8>, Vec<Vec<u8>>)> {
        let in_force = self.trust.load_full()?;
        let bundles = in_force.peers().values().map(SignedBundle::to_bytes).collect();
        Some((in_force.signed_policy().to_bytes(), bundles))
    }
}

fn contents(parts: Vec<Part>) -> Vec<Vec<u8>> {
    parts.into_iter().map(|part| part.content.unwrap_or_default()).collect()
}
