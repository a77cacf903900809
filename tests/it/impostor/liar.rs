//! A peer with true keys that lies: nothing it says settles a message, and what it signed against itself is
//! kept. When it tells the truth again, the message is delivered.

use chancery::desk::register::{SentEntry, SentState};
use chancery::digest::Digest;
use chancery::gateway::store::record::{Retry, SentState as Stored};
use chancery::message::leaf::{Leaf, LeafKind, LeafMessage};
use chancery::message::receipt::Receipt;
use chancery::proto::gateway::v1 as wire;
use chancery::proto::gateway::v1::relay_frame::Frame;
use chancery::time::Clock;
use chancery::tlog::tlog_proof::TlogProof;
use chancery::tlog::verifier_key::KeyName;

use crate::support::bot::{Bot, Honest, Play, Playing, outcome, outcomes};
use crate::support::{Stage, eventually, forms, ministry};

mod logs;

/// XA alone, with XB played by `play`, and a message of XA under way.
async fn facing(play: impl Play + 'static) -> (Stage, Playing, SentEntry) {
    let mut stage = Stage::apart(&["XA", "XB"], |_| {});
    let playing = Playing::begin(&stage, "XB", "XA", play).await;
    stage.house_mut("XA").start().await.unwrap();
    stage.accredit("XA", "XB").await;
    let [sent] = stage.send("XA", &forms::memorandum("XB", "new", "One.")).await.try_into().unwrap();
    (stage, playing, sent)
}

/// The lie is seen for what it is, settles nothing, and the truth that follows is taken.
async fn seen_through(play: impl Play + 'static, complaint: &str) {
    let (stage, playing, sent) = facing(play).await;
    complained(&stage, complaint).await;
    unsettled(&stage, &sent).await;
    believed_again(&stage, &playing, &sent).await;
}

/// The same of an answer to a message that was handed over: that it came to nothing is counted, so that one who takes
/// and never gives a true receipt is noticed.
async fn false_receipt_seen_through(play: impl Play + 'static, complaint: &str) {
    let (stage, playing, sent) = facing(play).await;
    complained(&stage, complaint).await;
    let told = stage.gateway("XA").inspect(sent.id.digest()).await.unwrap();
    assert!(told.waits.entry.unreceipted >= 1, "{:?}", told.waits.entry);
    assert_eq!(told.attempts.last().unwrap().outcome, "UNANSWERED");
    unsettled(&stage, &sent).await;
    believed_again(&stage, &playing, &sent).await;
}

/// The lie has done no harm: an honest answer settles the message, and all that is kept is whole.
async fn believed_again(stage: &Stage, playing: &Playing, sent: &SentEntry) {
    playing.play(Honest);
    assert_eq!(stage.settled("XA", sent).await.state, SentState::Delivered);
    assert_eq!(stage.gateway("XA").verify().await.unwrap().damages, Vec::<String>::new());
}

async fn complained(stage: &Stage, complaint: &str) {
    eventually(&format!("XA says: {complaint}"), || async {
        stage.gateway("XA").status().await.unwrap().peers[0].last_failure.contains(complaint)
    })
    .await;
}

async fn unsettled(stage: &Stage, sent: &SentEntry) {
    let [report] = stage.gateway("XA").sent_reports(vec![sent.id]).await.unwrap().try_into().unwrap();
    // A peer that has not spoken yet is not signed for: then the desk keeps the message.
    assert!(matches!(report.state, None | Some(Stored::Queued)), "{:?}", report.state);
    assert!(report.delivery_receipt.is_empty());
}

/// A true answer whose receipts are changed before they leave.
struct Altered<F>(F);

impl<F: FnMut(&mut Bot, usize) -> Receipt + Send> Play for Altered<F> {
    fn deliveries(&mut self, bot: &mut Bot, envelopes: Vec<Vec<u8>>) -> Vec<Frame> {
        let mut frames = Vec::new();
        let mut answers = Vec::new();
        for envelope in envelopes {
            let place = bot.take(&envelope, LeafKind::Received);
            answers.push(outcome(&(self.0)(bot, place)));
        }
        frames.extend(bot.news());
        frames.push(outcomes(answers));
        frames
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_honest_peer_is_believed() {
    let (stage, playing, sent) = facing(Honest).await;
    assert_eq!(stage.settled("XA", &sent).await.state, SentState::Delivered);
    assert_eq!(playing.with(|bot| bot.leaves.len()), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_for_another_message_settles_nothing() {
    let lie = Altered(|bot: &mut Bot, _: usize| {
        // A true leaf of a true log, about another message.
        let other = LeafMessage {
            id: Digest::of(b"another").into(),
            envelope: Digest::of(b"another"),
            parts: Digest::of(b"another"),
        };
        let leaf = Leaf::about(LeafKind::Received, other, "", bot.clock.now());
        bot.leaves.push(leaf.bytes());
        bot.receipt(bot.leaves.len() - 1, bot.leaves.len())
    });
    false_receipt_seen_through(lie, "the peer's receipt proves nothing").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leaf_that_is_no_answer_settles_nothing() {
    struct Sent;
    impl Play for Sent {
        fn deliveries(&mut self, bot: &mut Bot, envelopes: Vec<Vec<u8>>) -> Vec<Frame> {
            let place = bot.take(&envelopes[0], LeafKind::Sent);
            // Forgotten again, so that the truth can be told later.
            bot.places.clear();
            let receipt = bot.receipt(place, bot.leaves.len());
            [bot.news(), vec![outcomes(vec![outcome(&receipt)])]].concat()
        }
    }
    false_receipt_seen_through(Sent, "no answer to a delivery").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_for_the_wrong_place_settles_nothing() {
    let lie = Altered(|bot: &mut Bot, place: usize| {
        let receipt = bot.receipt(place, bot.leaves.len());
        let proof = TlogProof { index: 1, ..receipt.proof().clone() };
        Receipt::compose(receipt.leaf_bytes().to_vec(), proof).unwrap()
    });
    false_receipt_seen_through(lie, "the peer's receipt proves nothing").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_altered_leaf_settles_nothing() {
    let lie = Altered(|bot: &mut Bot, place: usize| {
        let receipt = bot.receipt(place, bot.leaves.len());
        let mut leaf = receipt.leaf().clone();
        leaf.time = leaf.time.after(std::time::Duration::from_secs(60));
        Receipt::compose(leaf.bytes(), receipt.proof().clone()).unwrap()
    });
    false_receipt_seen_through(lie, "the peer's receipt proves nothing").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_under_a_checkpoint_nobody_mirrors_settles_nothing() {
    struct Silent;
    impl Play for Silent {
        fn deliveries(&mut self, bot: &mut Bot, envelopes: Vec<Vec<u8>>) -> Vec<Frame> {
            let place = bot.take(&envelopes[0], LeafKind::Received);
            vec![outcomes(vec![outcome(&bot.receipt(place, bot.leaves.len()))])]
        }

        // It never shows its log.
        fn hello(&mut self, bot: &mut Bot, _: wire::Hello) -> Vec<Frame> {
            vec![Frame::Hello(wire::Hello { logs: vec![], ..bot.hello(&[]) })]
        }
    }
    false_receipt_seen_through(Silent, "not one that is mirrored here").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_that_no_accredited_key_signed_is_not_believed() {
    struct Stranger;
    impl Play for Stranger {
        fn deliveries(&mut self, bot: &mut Bot, envelopes: Vec<Vec<u8>>) -> Vec<Frame> {
            let place = bot.take(&envelopes[0], LeafKind::Received);
            // The cosigner's key in place of the log's.
            let checkpoint = bot.head(bot.leaves.len()).sign(&bot.cosigner_key);
            vec![outcomes(vec![outcome(&bot.receipt_under(place, &checkpoint))])]
        }
    }
    false_receipt_seen_through(Stranger, "no accredited log key signed it").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_of_another_pairs_log_is_not_believed() {
    struct Elsewhere;
    impl Play for Elsewhere {
        fn deliveries(&mut self, bot: &mut Bot, envelopes: Vec<Vec<u8>>) -> Vec<Frame> {
            let place = bot.take(&envelopes[0], LeafKind::Received);
            let mut head = bot.head(bot.leaves.len());
            head.origin = KeyName::parse("mfa.xb.example/chancery/xc/2026").unwrap();
            let checkpoint = head.sign(&bot.log_key);
            vec![outcomes(vec![outcome(&bot.receipt_under(place, &checkpoint))])]
        }
    }
    false_receipt_seen_through(Elsewhere, "is not a log of this pair").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_no_receipt_settle_nothing() {
    struct Noise;
    impl Play for Noise {
        fn deliveries(&mut self, bot: &mut Bot, envelopes: Vec<Vec<u8>>) -> Vec<Frame> {
            let place = bot.take(&envelopes[0], LeafKind::Received);
            let mut answer = outcome(&bot.receipt(place, bot.leaves.len()));
            answer.receipt.push(0);
            [bot.news(), vec![outcomes(vec![answer])]].concat()
        }
    }
    false_receipt_seen_through(Noise, "MALFORMED").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn too_few_or_too_many_answers_settle_nothing() {
    struct Count(usize);
    impl Play for Count {
        fn deliveries(&mut self, bot: &mut Bot, envelopes: Vec<Vec<u8>>) -> Vec<Frame> {
            let place = bot.take(&envelopes[0], LeafKind::Received);
            let answer = outcome(&bot.receipt(place, bot.leaves.len()));
            [bot.news(), vec![outcomes(vec![answer; self.0])]].concat()
        }
    }
    for count in [0, 2] {
        false_receipt_seen_through(Count(count), "did not answer every envelope").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unsigned_refusal_changes_nothing_but_the_next_attempt() {
    struct Unsigned;
    impl Play for Unsigned {
        fn deliveries(&mut self, _: &mut Bot, envelopes: Vec<Vec<u8>>) -> Vec<Frame> {
            let answer = wire::Outcome { reason: "CHN_01".to_owned(), ..wire::Outcome::default() };
            vec![outcomes(vec![answer; envelopes.len()])]
        }
    }
    let (stage, playing, sent) = facing(Unsigned).await;
    eventually("the refusal is noted", || async {
        let [report] = stage.gateway("XA").sent_reports(vec![sent.id]).await.unwrap().try_into().unwrap();
        report.reason == "CHN_01" && report.attempts > 1
    })
    .await;
    unsettled(&stage, &sent).await;
    playing.play(Honest);
    assert_eq!(stage.settled("XA", &sent).await.state, SentState::Delivered);
}

/// Refuses everything, for this reason.
struct Refusing(&'static str);

impl Play for Refusing {
    fn deliveries(&mut self, _: &mut Bot, envelopes: Vec<Vec<u8>>) -> Vec<Frame> {
        let reason = self.0.to_owned();
        let answer = wire::Outcome { reason, detail: "its own words".to_owned(), ..wire::Outcome::default() };
        vec![outcomes(vec![answer; envelopes.len()])]
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_is_never_ready_is_noticed_in_the_end() {
    let (stage, playing, sent) = facing(Refusing("CATCHING_UP")).await;
    let attempts =
        || async { stage.gateway("XA").inspect(sent.id.digest()).await.unwrap().waits.entry.attempts };
    eventually("it was tried again", || async { attempts().await > 1 }).await;
    assert_eq!(stage.gateway("XA").status().await.unwrap().alarms.len(), 0, "that passes");
    stage.clock_of("XA").skew(16 * 60);
    eventually("it has not passed", || async {
        let alarms = stage.gateway("XA").status().await.unwrap().alarms;
        alarms.iter().any(|alarm| alarm.code == "REFUSED_BY_PEER" && alarm.detail.ends_with("CATCHING_UP"))
    })
    .await;
    stage.clock_of("XA").skew(0);
    playing.play(Honest);
    stage.gateway("XA").retry_now(Retry::Peer(ministry("XB")), 0).await.unwrap();
    assert_eq!(stage.settled("XA", &sent).await.state, SentState::Delivered);
}

/// Words that are no reason code are no answer: least of all the one under which silence is noted.
#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_for_a_reason_that_is_none_settles_nothing_and_counts_as_no_answer() {
    for words in ["UNANSWERED", "you shall not", "", "X_OF_ENDLESS_LENGTH_X_OF_ENDLESS_LENGTH"] {
        false_receipt_seen_through(Refusing(words), "no reason code").await;
    }
}
