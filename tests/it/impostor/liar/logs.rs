//! Lies about logs: cosignatures, updates, claims and forks.

use chancery::desk::register::SentState;
use chancery::digest::Digest;
use chancery::gateway::store::record::LogHead;
use chancery::keys::file::FileNoteSigner;
use chancery::message::leaf::{Leaf, LeafKind};
use chancery::proto::gateway::v1 as wire;
use chancery::proto::gateway::v1::relay_frame::Frame;
use chancery::time::Clock;
use chancery::tlog::checkpoint::Checkpoint;
use chancery::tlog::verifier_key::KeyName;

use super::{believed_again, complained, facing, seen_through, unsettled};
use crate::support::bot::{Bot, Honest, Play, Playing};
use crate::support::{Stage, eventually, forms, ministry};

#[tokio::test(flavor = "multi_thread")]
async fn a_cosignature_that_is_not_the_peers_is_not_kept() {
    struct Forged;
    impl Play for Forged {
        fn log_update(&mut self, bot: &mut Bot, update: wire::LogUpdate) -> Vec<Frame> {
            let Frame::Cosignature(mut cosignature) = bot.cosign(&update) else { unreachable!() };
            let last = cosignature.line.len() - 4;
            let other = if cosignature.line.as_bytes()[last] == b'A' { "B" } else { "A" };
            cosignature.line.replace_range(last..=last, other);
            vec![Frame::Cosignature(cosignature)]
        }
    }
    let (stage, playing, sent) = facing(Forged).await;
    complained(&stage, "cosignature does not verify").await;
    let log = stage.gateway("XA").logs().await.unwrap().into_iter().find(|log| !log.mirror).unwrap();
    assert_eq!(log.cosigned, None);
    playing.play(Honest);
    assert_eq!(stage.settled("XA", &sent).await.state, SentState::Delivered);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cosignature_over_leaves_that_do_not_exist_is_the_peers_wrong() {
    struct Ahead;
    impl Play for Ahead {
        fn log_update(&mut self, bot: &mut Bot, update: wire::LogUpdate) -> Vec<Frame> {
            let Frame::Cosignature(cosignature) = bot.cosign(&update) else { unreachable!() };
            vec![Frame::Cosignature(wire::Cosignature { size: cosignature.size + 1000, ..cosignature })]
        }
    }
    // What it says of our log is a lie; whether a true receipt for the message came before that is another matter.
    let (stage, playing, sent) = facing(Ahead).await;
    complained(&stage, "beyond the log").await;
    believed_again(&stage, &playing, &sent).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_update_with_a_gap_is_not_mirrored() {
    struct Gap;
    impl Play for Gap {
        fn hello(&mut self, bot: &mut Bot, _: wire::Hello) -> Vec<Frame> {
            let leaf = bot.leaves.first().cloned();
            let envelope = leaf.unwrap_or_else(|| {
                Leaf::about_record(LeafKind::Bundle, Digest::of(b"bundle"), bot.clock.now()).bytes()
            });
            bot.leaves = vec![envelope.clone(), envelope];
            vec![Frame::Hello(bot.hello(&[])), bot.update(1)]
        }

        // Nor does it say anything true meanwhile, that would count as far as it came.
        fn deliveries(&mut self, _: &mut Bot, _: Vec<Vec<u8>>) -> Vec<Frame> {
            Vec::new()
        }
    }
    seen_through(Gap, "begins after leaf 0").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_hello_of_another_ministry_is_not_answered() {
    struct Masked;
    impl Play for Masked {
        fn hello(&mut self, bot: &mut Bot, _: wire::Hello) -> Vec<Frame> {
            vec![Frame::Hello(wire::Hello { ministry: "XC".to_owned(), ..bot.hello(&[]) })]
        }
    }
    seen_through(Masked, "begins with the hello of its ministry").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_claims_more_of_our_log_than_there_is_raises_an_alarm() {
    /// Claims leaves of XA's log under its own signature.
    struct Boast;
    impl Play for Boast {
        fn hello(&mut self, bot: &mut Bot, _: wire::Hello) -> Vec<Frame> {
            let origin = KeyName::parse("mfa.xa.example/chancery/xb/2026").unwrap();
            let claim = Checkpoint { origin, size: 1000, root: Digest::of(b"boast") }.sign(&bot.log_key);
            vec![Frame::Hello(bot.hello(&[claim]))]
        }
    }
    let (stage, _playing, sent) = facing(Boast).await;
    // The claim counts for nothing: what the peer holds is settled as if it had claimed nothing.
    assert_eq!(stage.settled("XA", &sent).await.state, SentState::Delivered);
    let alarms = stage.gateway("XA").status().await.unwrap().alarms;
    assert_eq!((alarms[0].code.as_str(), &alarms[0].ministry), ("FALSE_CLAIM", &ministry("XB")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_holds_more_of_our_log_than_we_do_raises_an_alarm() {
    /// Holds what XA's log key truly signed.
    struct Holder(String);
    impl Play for Holder {
        fn hello(&mut self, bot: &mut Bot, _: wire::Hello) -> Vec<Frame> {
            vec![Frame::Hello(bot.hello(std::slice::from_ref(&self.0)))]
        }
    }
    let mut stage = Stage::apart(&["XA", "XB"], |_| {});
    let key = FileNoteSigner::open(&stage.house("XA").homes().gateway.log_key()).unwrap();
    let origin = KeyName::parse("mfa.xa.example/chancery/xb/2026").unwrap();
    let held = Checkpoint { origin, size: 1000, root: Digest::of(b"lost") }.sign(&key);
    let _playing = Playing::begin(&stage, "XB", "XA", Holder(held)).await;
    stage.house_mut("XA").start().await.unwrap();
    stage.accredit("XA", "XB").await;
    let [sent] = stage.send("XA", &forms::memorandum("XB", "new", "One.")).await.try_into().unwrap();
    eventually("XA knows that it was rolled back", || async {
        !stage.gateway("XA").status().await.unwrap().alarms.is_empty()
    })
    .await;
    unsettled(&stage, &sent).await;
    let alarms = stage.gateway("XA").status().await.unwrap().alarms;
    assert_eq!((alarms[0].code.as_str(), &alarms[0].ministry), ("ROLLED_BACK", &ministry("XB")));
}

/// Two checkpoints of one log that cannot both be true: the second is kept with the alarm, as proof.
#[tokio::test(flavor = "multi_thread")]
async fn a_forked_log_raises_an_alarm_and_is_not_mirrored() {
    let (stage, playing, first) = facing(Honest).await;
    assert_eq!(stage.settled("XA", &first).await.state, SentState::Delivered);
    let mirror =
        |logs: Vec<LogHead>| logs.into_iter().find(|log| log.mirror).map(|log| (log.size, log.root)).unwrap();
    let before = mirror(stage.gateway("XA").logs().await.unwrap());
    // The first answer is denied: its leaf is replaced by another, and the log goes on from there.
    playing.with(|bot| {
        bot.clock.skew(3600);
        bot.places.clear();
        bot.leaves.clear();
        bot.take(&first.envelope, LeafKind::Received);
        bot.told = 0;
    });
    let [second] = stage.send("XA", &forms::memorandum("XB", "new", "Two.")).await.try_into().unwrap();
    complained(&stage, "a log has forked").await;
    unsettled(&stage, &second).await;
    assert_eq!(mirror(stage.gateway("XA").logs().await.unwrap()), before);
    let alarms = stage.gateway("XA").status().await.unwrap().alarms;
    let alarm = alarms.iter().find(|alarm| alarm.code == "LOG_FORK").unwrap();
    assert_eq!(alarm.ministry, ministry("XB"));
    assert!(alarm.detail.contains("mfa.xb.example/chancery/xa/2026"), "the offered checkpoint is kept");
}
