//! What anybody can check of logs and receipts with the bundles alone.

use chancery::gateway::store::record::LogHead;
use chancery::message::envelope::Envelope;
use chancery::message::leaf::{LeafKind, LeafMessage};
use chancery::message::receipt::Receipt;
use chancery::tlog::checkpoint::Checkpoint;
use chancery::tlog::cosignature;
use chancery::tlog::signed_note::Note;
use chancery::tlog::verifier_key::{KeyName, VerifierKey};
use chancery::trust::name::Ministry;

use super::{Stage, eventually, ministry};

/// The log key of a ministry, under the origin of one of its logs.
pub fn log_key(stage: &Stage, keeper: &Ministry, origin: &KeyName) -> VerifierKey {
    let bundle = stage.world.bundle(keeper).unwrap().bundle();
    VerifierKey::parse(&bundle.content().log_keys[0]).unwrap().with_name(origin.clone())
}

pub fn cosigner_key(stage: &Stage, of: &Ministry) -> VerifierKey {
    let bundle = stage.world.bundle(of).unwrap().bundle();
    VerifierKey::parse(&bundle.content().cosigner_keys[0]).unwrap()
}

/// Checks a receipt as an auditor would: the leaf is about this envelope, the log of `keeper` proves it, and
/// `witness` has cosigned the checkpoint.
pub fn check_receipt(
    stage: &Stage,
    receipt: &[u8],
    envelope: &[u8],
    kind: LeafKind,
    keeper: &str,
    witness: &str,
) {
    let (keeper, witness) = (ministry(keeper), ministry(witness));
    let receipt = Receipt::parse(receipt).unwrap();
    let envelope = Envelope::parse(envelope).unwrap();
    assert_eq!(receipt.leaf().kind, kind);
    let claimed = Checkpoint::parse(receipt.proof().checkpoint.text()).unwrap();
    let domain = stage.world.bundle(&keeper).unwrap().bundle().domain().clone();
    assert_eq!(claimed.origin.as_str(), domain.log_origin(&witness, 2026));
    let key = log_key(stage, &keeper, &claimed.origin);
    receipt.verify_about(&LeafMessage::of(&envelope), &claimed.origin, &key).unwrap();
    cosignature::verify(&receipt.proof().checkpoint, &cosigner_key(stage, &witness)).unwrap();
}

/// Waits until every log of every pair is mirrored and cosigned by the other side to its last leaf, and then
/// checks that mirror and log are the same and that nothing in any store is damaged.
pub async fn logs_agree(stage: &Stage) {
    for house in stage.world.houses() {
        let keeper = house.ministry();
        for log in own_logs(stage, keeper).await {
            let (peer, origin) = (log.peer.clone(), log.origin.clone());
            eventually(&format!("{peer} mirrors and cosigns {origin}"), || async {
                let own = one_log(stage, keeper, &origin).await;
                let cosigned = own.cosigned.as_ref().map_or(0, |cosigned| cosigned.size);
                cosigned == own.size && one_log(stage, &peer, &origin).await.size == own.size
            })
            .await;
            let (own, mirror) = (one_log(stage, keeper, &origin).await, one_log(stage, &peer, &origin).await);
            assert_eq!((own.root, own.mirror, mirror.mirror), (mirror.root, false, true));
            let note = Note::parse(&own.cosigned.unwrap().text).unwrap();
            let key = log_key(stage, keeper, &KeyName::parse(&origin).unwrap());
            let checkpoint = Checkpoint::of_note(&note, &key).unwrap();
            assert_eq!((checkpoint.size, checkpoint.root), (own.size, own.root));
            cosignature::verify(&note, &cosigner_key(stage, &peer)).unwrap();
        }
        assert_eq!(house.gateway().unwrap().verify().await.unwrap().damages, Vec::<String>::new());
    }
}

/// The logs that a ministry keeps itself.
pub async fn own_logs(stage: &Stage, keeper: &Ministry) -> Vec<LogHead> {
    let gateway = stage.gateway(keeper.as_str());
    gateway.logs().await.unwrap().into_iter().filter(|log| !log.mirror).collect()
}

async fn one_log(stage: &Stage, holder: &Ministry, origin: &str) -> LogHead {
    let logs = stage.gateway(holder.as_str()).logs().await.unwrap();
    let found = logs.into_iter().find(|log| log.origin == origin);
    found.unwrap_or_else(|| panic!("{holder} holds no log {origin}"))
}

/// Everything that would show that a gateway did something: its logs, its messages and parts, its queues, its
/// alarms. Mirrors are left out, because peers change them.
pub async fn trace(stage: &Stage, code: &str) -> String {
    let gateway = stage.gateway(code);
    let logs = own_logs(stage, &ministry(code)).await;
    let logs: Vec<_> = logs.into_iter().map(|log| (log.origin, log.size, log.root)).collect();
    let verification = gateway.verify().await.unwrap();
    let status = gateway.status().await.unwrap();
    let queued: Vec<u64> = status.peers.iter().map(|peer| peer.queued).collect();
    format!(
        "{logs:?} {} {} {:?} {queued:?} {} {:?}",
        verification.messages,
        verification.parts,
        verification.damages,
        status.mailbox_waiting,
        status.alarms
    )
}
