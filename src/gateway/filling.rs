//! Fills stores as if many messages had been exchanged, for measurements over large stores and for tests of them.
//!
//! Headers, leaves, logs, mirrors, cosignatures and receipts are as the gateways themselves make them, so that a
//! filled store passes `fsck` and two filled gateways agree when they meet. Only the registry's signatures and what
//! is sealed are filler: a desk that fetched such a message would not believe it. Both gateways must have been
//! accredited to each other and must not run.

use std::path::Path;
use std::sync::Arc;

use crate::digest::Digest;
use crate::entropy::Entropy;
use crate::gateway::Gateway;
use crate::gateway::config::Config;
use crate::gateway::error::Fault;
use crate::gateway::frame::Road;
use crate::gateway::store::record::{
    Answered, Consignment, Custody, Direction, Footing, LeafPlace, Part as KeptPart, Progress, Quota,
    Settlement,
};
use crate::gateway::store::{Purpose, Store};
use crate::limits::BATCH_ENVELOPES_MAX;
use crate::message::envelope::Envelope;
use crate::message::header::{Address, Addressee, Header, Part, Position};
use crate::message::id::MessageId;
use crate::message::leaf::{Leaf, LeafKind, LeafMessage};
use crate::message::receipt::Receipt;
use crate::message::terms::{AddresseeKind, Level, Precedence};
use crate::time::Clock;
use crate::trust::name::Ministry;
use crate::trust::policy::ChannelId;
use crate::vocabulary;

vocabulary! {
    /// What became of the messages.
    pub enum Filled {
        /// They wait for the recipient: only the sender knows of them.
        Queued = 1 "queued",
        /// They were received and settled, and wait for the recipient's desk.
        Mailbox = 2 "mailbox",
        /// They were received, settled and fetched.
        Settled = 3 "settled",
    }
}

/// How much is filled in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Filling {
    /// Messages.
    pub messages: u64,
    /// What became of them.
    pub state: Filled,
    /// Sealed bytes of each, in the envelope.
    pub sealed_bytes: usize,
}

/// Fills the stores in two homes of gateways that do not run. Quotas do not count here.
pub async fn fill(
    [sender, recipient]: [&Path; 2],
    filling: Filling,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    progress: &dyn Progress,
) -> Result<(), Fault> {
    let sender = open(sender, &clock, &entropy).await?;
    let recipient = open(recipient, &clock, &entropy).await?;
    let mut line = Line::begin(&sender, &recipient).await?;
    let mut left = filling.messages;
    while left > 0 {
        let count = left.min(BATCH_ENVELOPES_MAX as u64);
        line.batch(count, &filling).await?;
        left -= count;
        progress.done("messages filled in", filling.messages - left);
    }
    Ok(())
}

async fn open(home: &Path, clock: &Arc<dyn Clock>, entropy: &Arc<dyn Entropy>) -> Result<Gateway, Fault> {
    let mut config = Config::load(home)?;
    config.store.mailbox = Quota { count: u64::MAX, bytes: u64::MAX };
    let store = Store::open(&config.data(), config.store, clock.now())?;
    let gateway = Gateway::open(store, config, clock.clone(), entropy.clone())?;
    gateway.resume_accreditation().await?;
    Ok(gateway)
}

/// The messages from one gateway to another, as far as they have come.
struct Line<'a> {
    sender: &'a Gateway,
    recipient: &'a Gateway,
    channel: ChannelId,
    last: Option<MessageId>,
    sequence: u64,
    /// How many leaves of the log of each the other has.
    mirrored: [u64; 2],
}

impl<'a> Line<'a> {
    async fn begin(sender: &'a Gateway, recipient: &'a Gateway) -> Result<Self, Fault> {
        let (from, to) = (&sender.config.ministry, &recipient.config.ministry);
        let accreditation = sender.accreditation()?;
        let both =
            |parties: &std::collections::BTreeSet<Ministry>| parties.contains(from) && parties.contains(to);
        let mut channels = accreditation.policy().channels().iter();
        let (channel, _) =
            channels.find(|(_, rule)| both(&rule.parties)).ok_or_else(|| Fault::NotAccredited(to.clone()))?;
        let last = sender.store.position(Direction::Out, channel.to_string(), to.clone()).await?;
        Ok(Self {
            sender,
            recipient,
            channel: channel.clone(),
            last: last.message_id.map(MessageId::from),
            sequence: last.sequence,
            mirrored: [0, 0],
        })
    }

    async fn batch(&mut self, count: u64, filling: &Filling) -> Result<(), Fault> {
        let (from, to) = (self.sender.config.ministry.clone(), self.recipient.config.ministry.clone());
        let mut envelopes = Vec::new();
        for _ in 0..count {
            envelopes.push(self.next(filling.sealed_bytes)?);
        }
        take(self.sender, &to, Purpose::Send, LeafKind::Sent, &envelopes).await?;
        if filling.state == Filled::Queued {
            return Ok(());
        }
        self.mirrored[0] = update([self.sender, self.recipient], self.mirrored[0]).await?;
        let places = take(self.recipient, &from, Purpose::Deliver, LeafKind::Received, &envelopes).await?;
        self.mirrored[1] = update([self.recipient, self.sender], self.mirrored[1]).await?;
        self.settle(&to, &envelopes, &places).await?;
        if filling.state == Filled::Settled {
            self.recipient.store.acknowledge(u64::MAX).await?;
        }
        Ok(())
    }

    async fn settle(&self, to: &Ministry, envelopes: &[Envelope], places: &[LeafPlace]) -> Result<(), Fault> {
        let receipts = self.recipient.receipts(places).await?;
        let Some(first) = receipts.first() else { return Ok(()) };
        // All of a batch stand under one checkpoint, so that one line of ours serves them all.
        let cosigned = self.sender.cosigned_in_mirror(to, &first.proof().checkpoint.to_string()).await?;
        let mut answers = Vec::new();
        for (envelope, receipt) in envelopes.iter().zip(receipts) {
            let mut proof = receipt.proof().clone();
            proof.checkpoint = cosigned.clone();
            let receipt = Receipt::compose(receipt.leaf_bytes().to_vec(), proof)
                .map_err(|cause| Fault::Damaged(cause.to_string()))?;
            let message_id = envelope.id().digest();
            let settlement = Settlement::Delivered;
            answers.push(Answered { message_id, settlement, receipt: receipt.encode() });
        }
        self.sender.store.settle_all(answers, Vec::new(), self.sender.clock.now()).await?;
        Ok(())
    }

    /// The next envelope, and the line moves on to it.
    fn next(&mut self, sealed_bytes: usize) -> Result<Envelope, Fault> {
        let (from, to) = (&self.sender.config.ministry, &self.recipient.config.ministry);
        let sequence = self.sequence.saturating_add(1);
        let release_time = self.sender.clock.now().minute();
        let mut releasable_to = vec![from.clone(), to.clone()];
        releasable_to.sort();
        let address = Address {
            channel: self.channel.clone(),
            consultation: "C-0000-0000-0000".to_owned(),
            sender: from.clone(),
            addressees: vec![Addressee { ministry: to.clone(), kind: AddresseeKind::Action }],
            precedence: Precedence::Routine,
            level: Level::Restricted,
            releasable_to,
        };
        let position = Position {
            recipient: to.clone(),
            sequence,
            previous: self.last,
            act_number: 0,
            release_time,
            valid_until: release_time.after(crate::limits::VALIDITY_DEFAULT),
        };
        let sealed = filler(&format!("sealed {from} {to} {sequence}"), sealed_bytes.max(1));
        let part = Part { digest: Digest::of(&sealed), size: sealed.len() as u64 };
        let malformed = |cause: crate::message::refusal::Refusal| Fault::Damaged(cause.to_string());
        let header = Header::compose(&address, &position, &[part]).map_err(malformed)?;
        let signature = filler(&format!("signature {from} {to} {sequence}"), SIGNATURE_BYTES);
        let envelope = Envelope::compose(header, signature, vec![sealed]).map_err(malformed)?;
        (self.sequence, self.last) = (sequence, Some(envelope.id()));
        Ok(envelope)
    }
}

/// Takes envelopes into custody at one gateway, in one commit.
async fn take(
    gateway: &Gateway,
    peer: &Ministry,
    purpose: Purpose,
    kind: LeafKind,
    envelopes: &[Envelope],
) -> Result<Vec<LeafPlace>, Fault> {
    let (now, origin) = (gateway.clock.now(), gateway.open_log(peer).await?);
    let consignment = |envelope: &Envelope| {
        let (header, position) = (envelope.header(), envelope.header().position());
        let parts = header.parts().iter().zip(envelope.parts());
        Consignment {
            message_id: envelope.id().digest(),
            channel: header.address().channel.to_string(),
            peer: peer.clone(),
            sequence: position.sequence,
            previous: position.previous.map(|id| id.digest()),
            header: header.bytes().to_vec(),
            signature: envelope.signature().to_vec(),
            envelope_digest: envelope.digest(),
            parts: parts
                .map(|(part, content)| KeptPart {
                    digest: part.digest,
                    size: part.size,
                    content: (!content.is_empty()).then(|| content.clone()),
                })
                .collect(),
            precedence: u8::try_from(header.address().precedence.number()).unwrap_or(0),
            valid_until: position.valid_until,
            leaf: Leaf::about(kind, LeafMessage::of(envelope), "", now).bytes(),
            origin: origin.clone(),
            now,
        }
    };
    let messages = envelopes.iter().map(|envelope| (purpose.clone(), consignment(envelope))).collect();
    let answers = gateway.store.admit_all(gateway.store.prepare(messages)?, Footing::default()).await?;
    let place = |answer| match answer {
        Custody::Taken(place) => Ok(place),
        other => Err(Fault::Damaged(format!("a message that is filled in was not taken: {other:?}"))),
    };
    answers.custodies.into_iter().map(place).collect()
}

/// Brings the mirror of one gateway's log at the other up to date and cosigned; answers its size.
async fn update([keeper, witness]: [&Gateway; 2], from: u64) -> Result<u64, Fault> {
    let (owner, peer) = (&keeper.config.ministry, &witness.config.ministry);
    let origin = keeper.open_log(peer).await?;
    let mut next = from;
    while let Some(update) = keeper.next_update(&origin, next).await? {
        next = update.first_index.saturating_add(update.leaves.len() as u64);
        let mirroring = witness.mirror(owner, update, &Footing::default())?;
        // Nobody else is here to end the patience of the writers.
        let (line, hurried) =
            tokio::join!(witness.mirrored(owner, mirroring, Road::Wire), witness.store.barrier());
        hurried?;
        let (kept, hurried) =
            tokio::join!(keeper.keep_cosignature(peer, line?, Road::Wire), keeper.store.barrier());
        hurried?;
        kept?;
    }
    Ok(next)
}

/// Bytes that look like nothing, the same for the same seed.
fn filler(seed: &str, length: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(length.saturating_add(32));
    let mut block = Digest::of(seed.as_bytes());
    while bytes.len() < length {
        bytes.extend_from_slice(block.as_bytes());
        block = Digest::of(block.as_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// About what a registry's signature with its chain takes.
const SIGNATURE_BYTES: usize = 1600;
