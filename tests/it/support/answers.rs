//! What gateways answer, taken apart.

use chancery::gateway::error::Declined;
use chancery::gateway::frame::{Answer, Delivery, Outcome};
use chancery::message::envelope::Envelope;
use chancery::message::leaf::LeafKind;
use chancery::message::receipt::Receipt;

use super::{Stage, ministry};

/// Hands bytes to the gateway of XB as the gateway of XA would; one answer for each.
pub async fn relay_bytes(stage: &Stage, envelopes: Vec<Vec<u8>>) -> Vec<Answer> {
    let deliveries = envelopes.into_iter().map(Delivery::of).collect();
    let outcomes = stage.gateway("XB").receive(&ministry("XA"), deliveries).await.unwrap();
    outcomes.into_iter().map(|Outcome { answer, .. }| answer).collect()
}

/// The same with envelopes.
pub async fn relay(stage: &Stage, envelopes: &[&Envelope]) -> Vec<Answer> {
    relay_bytes(stage, envelopes.iter().map(|envelope| envelope.encode()).collect()).await
}

/// The signed answer: its kind, its reason, its place and its leaf.
pub fn signed(answer: &Answer) -> (LeafKind, String, u64, Vec<u8>) {
    match answer {
        Answer::Receipt(bytes) => {
            let receipt = Receipt::parse(bytes).unwrap();
            let leaf = receipt.leaf();
            (leaf.kind, leaf.reason.clone(), receipt.proof().index, receipt.leaf_bytes().to_vec())
        }
        Answer::Unsigned { reason, detail } => panic!("unsigned: {reason}: {detail}"),
    }
}

/// The reason of an unsigned answer.
pub fn unsigned(answer: &Answer) -> &str {
    match answer {
        Answer::Unsigned { reason, .. } => reason,
        Answer::Receipt(_) => panic!("a receipt"),
    }
}

/// Why the own gateway of XA did not take a submission.
pub async fn refused(stage: &Stage, envelope: &[u8]) -> &'static str {
    match stage.gateway("XA").submit(envelope).await {
        Err(Declined::Refused(refusal)) => refusal.reason().word(),
        Err(Declined::Failed(fault)) => panic!("{fault}"),
        Ok(_) => panic!("a receipt"),
    }
}

/// Cursors and ids of everything in the mailbox of XB.
pub async fn mailbox(stage: &Stage) -> Vec<(u64, String)> {
    let (items, more) = stage.gateway("XB").list_received(0, 64).await.unwrap();
    assert!(!more);
    let id = |bytes: &[u8]| Envelope::parse(bytes).unwrap().id().to_string();
    items.into_iter().map(|item| (item.cursor, id(&item.envelope))).collect()
}
