//! Receipts at the desk: what the logs of both sides prove about a message, checked here and never taken from
//! the gateway's word.
//!
//! Receipts as bytes enter, from the register or from the gateway; proven ones leave. A receipt counts only if
//! its leaf is about this very message, stands in the log that the side concerned keeps about the other, and
//! that side's accredited log key signed the checkpoint.

use crate::desk::Desk;
use crate::desk::accreditation::Trust;
use crate::desk::believed::{Judges, Worth};
use crate::desk::casebook::Kept;
use crate::desk::error::DeskError;
use crate::desk::mailbox::Mailbox;
use crate::desk::reference::Entry;
use crate::desk::register::SentEntry;
use crate::message::envelope::Envelope;
use crate::message::leaf::{LeafKind, LeafMessage};
use crate::message::receipt::Receipt;
use crate::message::refusal::{Reason, Refusal};
use crate::time::Timestamp;
use crate::tlog::checkpoint::Checkpoint;
use crate::tlog::signed_note::Note;
use crate::tlog::verifier_key::{KeyName, VerifierKey};
use crate::trust::name::Ministry;

/// A receipt that holds.
#[derive(Debug, Clone)]
pub struct Proven {
    /// The receipt.
    pub receipt: Receipt,
    /// Whose log it is from.
    pub keeper: Ministry,
    /// The other side of the pair.
    pub other: Ministry,
    /// The checkpoint that it stands under.
    pub checkpoint: Checkpoint,
    /// When the other side cosigned that checkpoint; none where it has not.
    pub cosigned: Option<Timestamp>,
}

impl Proven {
    /// What the leaf says happened.
    pub fn kind(&self) -> LeafKind {
        self.receipt.leaf().kind
    }

    /// Number of the leaf in its log, from 0.
    pub fn index(&self) -> u64 {
        self.receipt.proof().index
    }

    /// When it happened, by the clock of the log's keeper.
    pub fn time(&self) -> Timestamp {
        self.receipt.leaf().time
    }

    /// Whether it is the recipient's answer to the message.
    pub fn is_answer(&self) -> bool {
        matches!(self.kind(), LeafKind::Received | LeafKind::Rejected)
    }
}

impl SentEntry {
    /// When the own gateway took it into custody, by that gateway's clock; none where it has not.
    pub fn taken(&self) -> Option<Timestamp> {
        Receipt::parse(&self.submission_receipt).ok().map(|receipt| receipt.leaf().time)
    }
}

impl Desk {
    /// When the own gateway had a message, sent or received; none of one that was not sent yet.
    pub fn custody_of(&self, kept: &Kept) -> Result<Option<Timestamp>, DeskError> {
        if !kept.own {
            return Ok(Some(kept.at));
        }
        Ok(self.register.sent_message(&kept.id())?.and_then(|copy| copy.taken()))
    }

    /// Checks a receipt about a message. The kind of its leaf says whose log it must be from.
    pub fn prove(&self, trust: &Trust, envelope: &Envelope, receipt: &[u8]) -> Result<Proven, DeskError> {
        let receipt = Receipt::parse(receipt)?;
        let header = envelope.header();
        let (sender, recipient) = (&header.address().sender, &header.position().recipient);
        let (keeper, other) = match receipt.leaf().kind {
            LeafKind::Sent | LeafKind::Expired | LeafKind::Withdrawn => (sender, recipient),
            LeafKind::Received | LeafKind::Rejected => (recipient, sender),
            _ => return Err(unproven("the receipt is about no message")),
        };
        let claimed = Checkpoint::parse(receipt.proof().checkpoint.text())
            .map_err(|cause| unproven(&cause.to_string()))?;
        if !trust.is_log_of_pair(keeper, other, &claimed.origin)? {
            return Err(unproven("the receipt is from another log"));
        }
        if receipt.leaf().message != Some(LeafMessage::of(envelope)) {
            return Err(unproven("the receipt is about another message"));
        }
        let judges = Judges { log: trust.log_keys(keeper)?, cosigners: trust.cosigner_keys(other)? };
        if *keeper == self.config.ministry {
            require_known(trust, &receipt.proof().checkpoint, &claimed.origin, &judges.log)?;
        }
        let Worth { checkpoint, cosigned } = self.worth(&receipt, &claimed.origin, judges)?;
        let (keeper, other) = (keeper.clone(), other.clone());
        Ok(Proven { receipt, keeper, other, checkpoint, cosigned })
    }

    /// What the checkpoint of a receipt is worth, and that the receipt's leaf stands under it.
    fn worth(&self, receipt: &Receipt, origin: &KeyName, judges: Judges) -> Result<Worth, DeskError> {
        let note = &receipt.proof().checkpoint;
        if let Some(worth) =
            self.believed.recall(note, &judges).filter(|one| one.checkpoint.origin == *origin)
        {
            receipt.verify_under(&worth.checkpoint)?;
            return Ok(worth);
        }
        let verified = judges.log.iter().find_map(|key| receipt.verify(origin, key).ok());
        let checkpoint = verified.ok_or_else(|| unproven("the receipt does not prove this message"))?;
        let cosigners = receipt.proof().cosigners(&judges.cosigners);
        let cosigners = cosigners.map_err(|cause| unproven(&cause.to_string()))?;
        let worth = Worth { checkpoint, cosigned: cosigners.iter().map(|cosigner| cosigner.at).min() };
        self.believed.remember(note, judges, worth.clone());
        Ok(worth)
    }

    /// Checks a receipt that must be of one of `kinds`.
    pub(super) fn prove_as(
        &self,
        trust: &Trust,
        envelope: &Envelope,
        receipt: &[u8],
        kinds: &[LeafKind],
    ) -> Result<Proven, DeskError> {
        let proven = self.prove(trust, envelope, receipt)?;
        if kinds.contains(&proven.kind()) {
            Ok(proven)
        } else {
            Err(unproven("the receipt is not of the kind that was expected"))
        }
    }

    /// The receipts that this desk keeps of a message, checked again; the own gateway's first.
    pub fn kept_receipts(&self, trust: &Trust, entry: &Entry) -> Result<Vec<Proven>, DeskError> {
        let envelope = Envelope::parse_held(entry.envelope())?;
        let kept = match entry {
            Entry::Received(received) => vec![&received.receipt],
            Entry::Sent(sent) => vec![&sent.submission_receipt, &sent.delivery_receipt],
        };
        let kept = kept.into_iter().filter(|receipt| !receipt.is_empty());
        kept.map(|receipt| self.prove(trust, &envelope, receipt)).collect()
    }

    /// What both logs prove of a message now, by the own gateway's log and its mirror of the peer's. Keeps the
    /// receipt of a received message when the sender has cosigned it.
    pub async fn receipts(
        &self,
        trust: &Trust,
        mailbox: &mut Mailbox,
        entry: &Entry,
    ) -> Result<Vec<Proven>, DeskError> {
        let envelope = Envelope::parse_held(entry.envelope())?;
        let mut proven = Vec::new();
        for receipt in mailbox.receipts(&entry.id()).await? {
            proven.push(self.prove(trust, &envelope, &receipt)?);
        }
        if let Entry::Received(received) = entry {
            let cosigned =
                proven.iter().find(|one| one.kind() == LeafKind::Received && one.cosigned.is_some());
            if let Some(cosigned) = cosigned {
                self.register.note_receipt(&received.id, &cosigned.receipt.encode())?;
            }
        }
        Ok(proven)
    }
}

/// Refuses a checkpoint of an own log that bears the signature of none of the keys by which it could be judged: that
/// proves nothing about the log, and needs another cure than a signature that is wrong.
pub(super) fn require_known(
    trust: &Trust,
    checkpoint: &Note,
    origin: &KeyName,
    keys: &[VerifierKey],
) -> Result<(), DeskError> {
    let has_line = |key: &VerifierKey| checkpoint.line_of(&key.with_name(origin.clone())).is_some();
    if keys.iter().any(has_line) {
        return Ok(());
    }
    Err(DeskError::OwnBundleOld { sequence: trust.own.bundle().content().sequence })
}

fn unproven(detail: &str) -> DeskError {
    DeskError::Refused(Refusal::new(Reason::ProofInvalid, detail))
}
