//! Peers that take and do not answer, that shut their window, or that go away in the middle: another stream goes on
//! with the same bytes, people are told, and when the peer answers everything ends well.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chancery::gateway::relay::Patience;
use chancery::gateway::store::record::{Retry, SentState};
use chancery::limits;
use chancery::message::envelope::Envelope;
use chancery::message::leaf::LeafKind;
use chancery::proto::gateway::v1 as wire;
use chancery::proto::gateway::v1::relay_frame::Frame;
use tokio_stream::StreamExt;

use super::row;
use crate::support::bot::{Bot, Dialled, Honest, Play, Playing};
use crate::support::craft::Craft;
use crate::support::{Stage, caller, eventually, ministry, proofs};

const WITHHOLDING: &str = "PEER_WITHHOLDS_RECEIPTS";

/// Takes what comes and never says a word about it, on a stream that stays or on one that ends.
#[derive(Clone, Default)]
struct Silent {
    taken: Arc<AtomicUsize>,
}

impl Play for Silent {
    fn deliveries(&mut self, _: &mut Bot, envelopes: Vec<Vec<u8>>) -> Vec<Frame> {
        self.taken.fetch_add(envelopes.len(), Ordering::SeqCst);
        Vec::new()
    }
}

/// Has its window shut from the beginning.
struct Shut;

impl Play for Shut {
    fn hello(&mut self, bot: &mut Bot, theirs: wire::Hello) -> Vec<Frame> {
        bot.told = bot.mirrored(&theirs);
        let shut = wire::Hello { window_envelopes: 0, window_bytes: 0, ..bot.hello(&[]) };
        [vec![Frame::Hello(shut)], bot.shown(), bot.news()].concat()
    }
}

/// Waits for little.
const IMPATIENT: Patience =
    Patience { answer: Duration::from_millis(300), window: Duration::from_millis(300) };

/// XA alone, with XB played by `play`.
async fn facing(play: impl Play + 'static, patience: Patience) -> (Stage, Playing) {
    let mut stage = Stage::apart(&["XA", "XB"], |_| {});
    let playing = Playing::begin(&stage, "XB", "XA", play).await;
    stage.house_mut("XA").start().await.unwrap();
    stage.gateway("XA").wait_for_peers(patience);
    stage.accredit("XA", "XB").await;
    stage.sound("XA", "XB").await;
    (stage, playing)
}

async fn submit_all(stage: &Stage, envelopes: &[Envelope]) {
    let batches: Vec<_> =
        envelopes.chunks(100).map(|some| some.iter().map(Envelope::encode).collect::<Vec<_>>()).collect();
    let mut answers = std::pin::pin!(stage.gateway("XA").clone().submit_stream(tokio_stream::iter(batches)));
    while let Some(answer) = answers.next().await {
        assert!(answer.unwrap().iter().all(Result::is_ok));
    }
}

async fn states(stage: &Stage, envelopes: &[Envelope]) -> Vec<SentState> {
    let ids = envelopes.iter().map(Envelope::id).collect();
    let reports = stage.gateway("XA").sent_reports(ids).await.unwrap();
    reports.iter().map(|report| report.state.unwrap()).collect()
}

async fn is_alarmed(stage: &Stage) -> bool {
    let alarms = stage.gateway("XA").status().await.unwrap().alarms;
    alarms.iter().any(|alarm| alarm.code == WITHHOLDING)
}

/// Has everything tried now: no test waits for pauses.
async fn retry(stage: &Stage) {
    stage.gateway("XA").retry_now(Retry::Peer(ministry("XB")), 0).await.unwrap();
}

async fn all_are(stage: &Stage, envelopes: &[Envelope], state: SentState) {
    eventually(&format!("all are {state:?}"), || async {
        retry(stage).await;
        states(stage, envelopes).await.iter().all(|found| *found == state)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_takes_and_never_answers_is_noticed_and_when_it_answers_late_all_ends_well() {
    let silent = Silent::default();
    let (stage, playing) = facing(silent.clone(), IMPATIENT).await;
    let out = row(&stage, "XA", "XB", 3);
    submit_all(&stage, &out).await;
    eventually("it was handed them five times", || async {
        retry(&stage).await;
        let report = stage.gateway("XA").sent_reports(vec![out[0].id()]).await.unwrap().remove(0);
        report.attempts >= limits::UNRECEIPTED_ATTEMPTS_MAX
    })
    .await;
    eventually("somebody is told", || is_alarmed(&stage)).await;
    assert_eq!(states(&stage, &out).await, [SentState::Queued; 3]);
    assert!(silent.taken.load(Ordering::SeqCst) >= 3 * limits::UNRECEIPTED_ATTEMPTS_MAX as usize);
    // Their time ends, with evidence.
    stage.clock.forward(Duration::from_secs(25 * 3600));
    all_are(&stage, &out, SentState::Expired).await;
    for (envelope, report) in out
        .iter()
        .zip(stage.gateway("XA").sent_reports(out.iter().map(Envelope::id).collect()).await.unwrap())
    {
        let leaf = chancery::message::receipt::Receipt::parse(&report.delivery_receipt).unwrap();
        assert_eq!(leaf.leaf().kind, LeafKind::Expired);
        assert_eq!(leaf.leaf().message.unwrap().id, envelope.id());
    }
    // It had them all along: its answer outweighs what was written meanwhile, and the alarm goes with it.
    playing.play(Honest);
    all_are(&stage, &out, SentState::Delivered).await;
    eventually("nobody is told any more", || async { !is_alarmed(&stage).await }).await;
    assert_eq!(playing.with(|bot| bot.leaves.len()), 3, "each was taken once");
    assert_eq!(stage.gateway("XA").verify().await.unwrap().damages, Vec::<String>::new());
}

/// Takes a window of messages on each stream, and hangs up.
#[derive(Default)]
struct HangsUp(usize);

impl Play for HangsUp {
    fn deliveries(&mut self, bot: &mut Bot, envelopes: Vec<Vec<u8>>) -> Vec<Frame> {
        self.0 += envelopes.len();
        if self.0 < limits::WINDOW_ENVELOPES as usize {
            return Vec::new();
        }
        self.0 = 0;
        // A second hello ends the stream at the other side.
        vec![Frame::Hello(bot.hello(&[]))]
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_is_trusted_with_a_window_of_messages_whatever_it_does_with_its_streams() {
    let (stage, playing) = facing(HangsUp::default(), Patience::default()).await;
    let most = limits::WINDOW_ENVELOPES as usize;
    let mut out = vec![Craft::new(&stage, "XA", "XB").signed(&stage)];
    while out.len() < most + 60 {
        let sealed = out.len().to_string();
        let craft = Craft::new(&stage, "XA", "XB").after(out.last().unwrap()).saying(sealed.as_bytes());
        out.push(craft.signed(&stage));
    }
    submit_all(&stage, &out).await;
    let attempts = async |envelope: &Envelope| {
        stage.gateway("XA").sent_reports(vec![envelope.id()]).await.unwrap().remove(0).attempts
    };
    eventually("somebody is told", || async {
        let before = attempts(&out[0]).await;
        retry(&stage).await;
        eventually("it was handed them once more", || async {
            attempts(&out[0]).await > before || is_alarmed(&stage).await
        })
        .await;
        is_alarmed(&stage).await
    })
    .await;
    assert_eq!(stage.gateway("XA").status().await.unwrap().alarms.len(), 1, "one thing, one alarm");
    assert!(attempts(&out[most - 1]).await >= limits::UNRECEIPTED_ATTEMPTS_MAX);
    for beyond in &out[most..] {
        assert_eq!(attempts(beyond).await, 0, "handed over beyond the bound");
    }
    playing.play(Honest);
    retry(&stage).await;
    eventually("all are delivered", || async {
        stage.gateway("XA").status().await.unwrap().peers[0].queued == 0
    })
    .await;
    eventually("nobody is told any more", || async { !is_alarmed(&stage).await }).await;
    assert_eq!(playing.with(|bot| bot.leaves.len()), out.len(), "each was taken once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_that_stays_shut_ends_the_stream_and_nothing_counts_as_handed_over() {
    let (stage, playing) = facing(Shut, IMPATIENT).await;
    let out = row(&stage, "XA", "XB", 2);
    submit_all(&stage, &out).await;
    eventually("the stream was ended", || async {
        let status = stage.gateway("XA").status().await.unwrap();
        status.peers[0].last_failure.contains("keeps its window shut")
    })
    .await;
    let report = stage.gateway("XA").sent_reports(vec![out[0].id()]).await.unwrap().remove(0);
    assert_eq!((report.attempts, report.state), (0, Some(SentState::Queued)));
    playing.play(Honest);
    all_are(&stage, &out, SentState::Delivered).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_stream_leaves_unanswered_too_long_another_carries() {
    let silent = Silent::default();
    let (stage, _playing) = facing(silent.clone(), IMPATIENT).await;
    let out = row(&stage, "XA", "XB", 5);
    submit_all(&stage, &out).await;
    eventually("the first stream carries", || async { silent.taken.load(Ordering::SeqCst) >= 5 }).await;
    // The peer has opened one of its own, and there it answers.
    let client = caller::relay(&stage, caller::gateway_identity(&stage, "XB"), "XA").await;
    let mut dialled = Dialled::open(Bot::new(&stage, "XB", "XA"), client).await.unwrap();
    let answering = async {
        loop {
            let Ok(Some(frame)) = dialled.next().await else { return };
            let Frame::Deliveries(deliveries) = frame else { continue };
            dialled.take(deliveries).await;
        }
    };
    tokio::select! {
        () = answering => panic!("the stream that answers was ended"),
        () = all_are(&stage, &out, SentState::Delivered) => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_goes_away_in_the_middle_of_a_batch_has_the_same_bytes_delivered_once() {
    /// Takes everything and answers only what it had taken before.
    struct Forgetful(Silent);
    impl Play for Forgetful {
        fn deliveries(&mut self, bot: &mut Bot, envelopes: Vec<Vec<u8>>) -> Vec<Frame> {
            self.0.taken.fetch_add(envelopes.len(), Ordering::SeqCst);
            for envelope in &envelopes {
                bot.take(envelope, LeafKind::Received);
            }
            // Its leaves are on their way, its answers are not.
            bot.news()
        }
    }
    let silent = Silent::default();
    let (stage, mut playing) = facing(Forgetful(silent.clone()), Patience::default()).await;
    let out = row(&stage, "XA", "XB", 20);
    submit_all(&stage, &out).await;
    eventually("all are taken", || async { silent.taken.load(Ordering::SeqCst) >= 20 }).await;
    playing.play(Honest);
    playing.go_away(&stage).await;
    all_are(&stage, &out, SentState::Delivered).await;
    assert_eq!(playing.with(|bot| bot.leaves.len()), 20, "each was taken once");
    let reports = stage.gateway("XA").sent_reports(out.iter().map(Envelope::id).collect()).await.unwrap();
    for (envelope, report) in out.iter().zip(reports) {
        proofs::check_receipt(
            &stage,
            &report.delivery_receipt,
            &envelope.encode(),
            LeafKind::Received,
            "XB",
            "XA",
        );
    }
}
