//! What the own gateway gives back to a register that was restored from an older backup, not verified here; and what a
//! register gives back to a gateway that was.

use std::collections::BTreeMap;

use super::answer::failed;
use super::{Mailbox, PAGE, SentReport, report};
use crate::desk::error::DeskError;
use crate::message::id::MessageId;
use crate::proto::gateway::v1 as wire;
use crate::trust::name::Ministry;

/// How far a sequence of messages that this desk sent came, as the gateway says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentLine {
    /// Channel.
    pub channel: String,
    /// Recipient.
    pub recipient: Ministry,
    /// Last number in custody.
    pub sequence: u64,
    /// Id of the message that bears it.
    pub last: Option<MessageId>,
}

/// A message that this desk had submitted.
#[derive(Debug, Clone)]
pub struct Returned {
    /// Envelope bytes; without any part where only its number was used up.
    pub envelope: Vec<u8>,
    /// What became of it.
    pub report: SentReport,
}

/// Messages of one sequence.
#[derive(Debug, Clone)]
pub struct ReturnedPage {
    /// In their order.
    pub messages: Vec<Returned>,
    /// Whether there are more.
    pub more: bool,
}

/// What this desk knows of its gateway's logs and queue.
#[derive(Debug, Clone, Default)]
pub struct GivenBack {
    /// Checkpoints that the gateway signed.
    pub heads: Vec<String>,
    /// Messages that are not to be delivered any more.
    pub withdrawn: Vec<MessageId>,
    /// Leaves of the gateway's own logs.
    pub leaves: Vec<HeldLeaf>,
    /// Sequence of the policy that this desk knows.
    pub policy: u64,
    /// Whether that was all.
    pub complete: bool,
}

/// A leaf by its receipt.
#[derive(Debug, Clone)]
pub struct HeldLeaf {
    /// Receipt bytes.
    pub receipt: Vec<u8>,
    /// The message that it received; empty for other leaves.
    pub envelope: Vec<u8>,
}

impl Mailbox {
    /// How far every sequence of sent messages came.
    pub async fn sent_lines(&mut self) -> Result<Vec<SentLine>, DeskError> {
        let (mut lines, mut after) = (Vec::new(), 0);
        loop {
            let request = wire::ListPositionsRequest { after };
            let listed = self.client.list_positions(request).await.map_err(failed)?.into_inner();
            let before = after;
            for position in listed.positions {
                after = after.max(position.number);
                let recipient = Ministry::parse(&position.recipient)
                    .map_err(|_| DeskError::GatewayAway("it names a recipient that is none".to_owned()))?;
                let last = MessageId::from_slice(&position.message_id).ok();
                let (channel, sequence) = (position.channel, position.sequence);
                lines.push(SentLine { channel, recipient, sequence, last });
            }
            if !listed.more || after <= before {
                return Ok(lines);
            }
        }
    }

    /// Messages of one sequence after a number, as they were submitted.
    pub async fn sent_after(
        &mut self,
        channel: &str,
        recipient: &Ministry,
        after: u64,
    ) -> Result<ReturnedPage, DeskError> {
        let (channel, recipient) = (channel.to_owned(), recipient.to_string());
        let request = wire::ListSentRequest { channel, recipient, after, page_size: PAGE };
        let listed = self.client.list_sent(request).await.map_err(failed)?.into_inner();
        let messages = listed.messages.into_iter().map(|message| {
            let report = report(message.report.unwrap_or_default());
            Returned { envelope: message.envelope, report }
        });
        Ok(ReturnedPage { messages: messages.collect(), more: listed.more })
    }

    /// The policy in force at the gateway with the bundles that it names; empty before the first.
    pub async fn policy_in_force(&mut self) -> Result<(Vec<u8>, Vec<Vec<u8>>), DeskError> {
        let answer = self.client.get_policy(wire::GetPolicyRequest {}).await.map_err(failed)?.into_inner();
        Ok((answer.policy, answer.peer_bundles))
    }

    /// Tells a gateway that was restored from an older copy what this desk knows; the answer is how far it holds each
    /// of its own logs, by origin.
    pub async fn hand_back(&mut self, given: GivenBack) -> Result<BTreeMap<String, u64>, DeskError> {
        let GivenBack { heads, withdrawn, leaves, policy, complete } = given;
        let leaf = |HeldLeaf { receipt, envelope }| wire::HeldLeaf { receipt, envelope };
        let request = wire::HandBackRequest {
            heads,
            withdrawn: withdrawn.iter().map(|id| id.as_bytes().to_vec()).collect(),
            leaves: leaves.into_iter().map(leaf).collect(),
            policy_sequence: policy,
            complete,
        };
        let answer = self.client.hand_back(request).await.map_err(failed)?.into_inner();
        Ok(answer.logs.into_iter().map(|log| (log.origin, log.size)).collect())
    }
}
