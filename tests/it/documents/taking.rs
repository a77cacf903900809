//! Calls for parts by peers that do not keep to what they are for, from either side of the call.

use chancery::digest::Digest;
use chancery::limits;
use chancery::message::header::Part;
use chancery::proto::gateway::v1 as wire;
use chancery::proto::gateway::v1::relay_frame::Frame;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status, Streaming};

use super::{MIB, bearing, beside_of, document};
use crate::support::bot::{Bot, Dialled, Honest, Playing};
use crate::support::caller::{self, ShutOut, gateway_identity};
use crate::support::{PATIENCE, Stage, eventually, forms};

/// A call for a part at XB.
struct Call {
    say: mpsc::Sender<wire::TakePartRequest>,
    said: Streaming<wire::TakePartResponse>,
}

impl Call {
    async fn open(stage: &Stage, code: &str) -> Result<Self, Status> {
        let mut client = caller::relay(stage, gateway_identity(stage, code), "XB").await;
        let (say, words) = mpsc::channel(4);
        let said = client.take_part(ReceiverStream::new(words)).await?.into_inner();
        Ok(Self { say, said })
    }

    async fn next(&mut self) -> Result<Option<wire::TakePartResponse>, Status> {
        tokio::time::timeout(PATIENCE, self.said.message()).await.expect("nothing was said")
    }

    async fn offered(&mut self) -> (Vec<u8>, u64) {
        let offer = self.next().await.unwrap().unwrap();
        assert_eq!(offer.content, Vec::<u8>::new());
        (offer.digest, offer.size)
    }

    async fn answer(&self, answer: wire::TakePartRequest) {
        self.say.send(answer).await.unwrap();
    }
}

fn from(offset: u64) -> wire::TakePartRequest {
    wire::TakePartRequest { offset, ..Default::default() }
}

fn named(part: &Part) -> (Vec<u8>, u64) {
    (part.digest.as_bytes().to_vec(), part.size)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_is_handed_parts_of_its_own_messages_only_whatever_it_answers() {
    let mut stage = Stage::of(&["XA", "XB", "XC"]).await;
    for code in ["XA", "XC"] {
        stage.house_mut(code).stop().await.unwrap();
    }
    document(&stage, "a.bin", 2 * MIB);
    document(&stage, "c.bin", MIB + 64);
    let [to_xa] = stage.send("XB", &bearing("XA", "ROUTINE", &["a.bin"])).await.try_into().unwrap();
    let [to_xc] = stage.send("XB", &bearing("XC", "ROUTINE", &["c.bin"])).await.try_into().unwrap();
    let ([a], [c]) = (beside_of(&to_xa).try_into().unwrap(), beside_of(&to_xc).try_into().unwrap());
    let mut relays = Vec::new();
    for code in ["XA", "XC"] {
        let client = caller::relay(&stage, gateway_identity(&stage, code), "XB").await;
        relays.push(Dialled::open(Bot::new(&stage, code, "XB"), client).await.unwrap());
    }
    let mut of_xc = Call::open(&stage, "XC").await.unwrap();
    assert_eq!(of_xc.offered().await, named(&c));
    // From beyond its end, twice, and something that is no answer: the call ends, and the part is offered again.
    let refusal = wire::TakePartRequest { reason: "NO_SPACE".to_owned(), ..Default::default() };
    for answers in [vec![from(a.size + 1)], vec![from(0), from(0)], vec![refusal]] {
        let mut call = Call::open(&stage, "XA").await.unwrap();
        assert_eq!(call.offered().await, named(&a));
        for answer in answers {
            call.answer(answer).await;
        }
        while call.next().await.unwrap().is_some() {}
    }
    // XC asks again and is told of nothing but its own.
    drop(of_xc);
    let mut of_xc = Call::open(&stage, "XC").await.unwrap();
    assert_eq!(of_xc.offered().await, named(&c));
    // One that was cut is handed the rest, from the byte that it names.
    let mut call = Call::open(&stage, "XA").await.unwrap();
    assert_eq!(call.offered().await, named(&a));
    call.answer(from(a.size - 700_000)).await;
    let mut rest = Vec::new();
    while rest.len() < 700_000 {
        rest.extend(call.next().await.unwrap().unwrap().content);
    }
    call.answer(from(0)).await;
    assert!(call.next().await.unwrap().is_none());
    let mut call = Call::open(&stage, "XA").await.unwrap();
    assert_eq!(call.offered().await, named(&a));
    call.answer(from(0)).await;
    let mut whole = Vec::new();
    while (whole.len() as u64) < a.size {
        let piece = call.next().await.unwrap().unwrap();
        assert!(piece.content.len() <= limits::PIECE_BYTES_MAX && piece.digest.is_empty());
        whole.extend(piece.content);
    }
    assert!(Digest::of(&whole) == a.digest && whole.ends_with(&rest));
    let held = wire::TakePartRequest { complete: true, ..Default::default() };
    call.answer(held).await;
    // Its message follows.
    let delivered = tokio::time::timeout(PATIENCE, relays[0].next()).await.unwrap().unwrap();
    assert!(matches!(delivered, Some(Frame::Deliveries(_))), "{delivered:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_for_parts_are_few_and_make_room_when_they_go() {
    let mut stage = Stage::pair().await;
    stage.house_mut("XA").stop().await.unwrap();
    let mut calls = Vec::new();
    let refused = loop {
        match Call::open(&stage, "XA").await {
            Ok(call) => calls.push(call),
            Err(status) => break caller::shut_out(status),
        }
        assert!(calls.len() <= limits::TAKERS_PER_PEER_MAX, "calls without number");
    };
    assert_eq!(refused, ShutOut::Call(Code::ResourceExhausted, "TOO_MANY_CALLS".to_owned()));
    assert!(calls.len() > limits::FREIGHT_HAULS_MAX, "an honest peer needs more than move at once");
    calls.clear();
    eventually("a new call is taken", async || Call::open(&stage, "XA").await.is_ok()).await;
}

/// What the gateway of XA, which has dialled XB, answers to one that hands over these words.
async fn answered(playing: &Playing, words: Vec<wire::TakePartResponse>) -> Vec<wire::TakePartRequest> {
    let answers = playing.hand(words);
    tokio::time::timeout(2 * PATIENCE, answers).await.expect("the call was never taken up").unwrap()
}

fn offer(content: &[u8], size: u64) -> wire::TakePartResponse {
    wire::TakePartResponse { digest: Digest::of(content).as_bytes().to_vec(), size, content: Vec::new() }
}

fn piece(content: &[u8]) -> wire::TakePartResponse {
    wire::TakePartResponse { content: content.to_vec(), ..Default::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_lies_about_what_it_hands_over_is_refused_and_leaves_nothing() {
    let mut stage = Stage::apart(&["XA", "XB"], |_| {});
    let playing = Playing::begin(&stage, "XB", "XA", Honest).await;
    stage.house_mut("XA").start().await.unwrap();
    stage.accredit("XA", "XB").await;
    let content = vec![7_u8; 300_000];
    let size = content.len() as u64;
    let reasons = |answers: Vec<wire::TakePartRequest>| -> Vec<String> {
        answers.into_iter().map(|answer| answer.reason).filter(|reason| !reason.is_empty()).collect()
    };
    let mut told = 0_u8;
    let halves = || vec![piece(&content[..150_000]), piece(&content[150_000..])];
    for (lie, expected) in [
        // More than any part has; nothing at all.
        (vec![offer(&content, limits::SEALED_PART_BYTES_MAX + 1)], vec!["TOO_LARGE"]),
        (vec![offer(&content, 0)], vec!["TOO_LARGE"]),
        // More than was declared, and other bytes.
        ([vec![offer(&content, size - 10)], halves()].concat(), vec!["PART_MISMATCH"]),
        ([vec![offer(b"another", size)], halves()].concat(), vec!["PART_MISMATCH"]),
        // Out of turn, or over the bound of a piece: the call is dropped.
        (vec![piece(&content[..10])], vec![]),
        (vec![offer(&content, size), offer(&content, size)], vec![]),
        (vec![offer(&content, size), piece(&vec![7; limits::PIECE_BYTES_MAX + 1])], vec![]),
        (vec![offer(&content, size), piece(&content[..10]), piece(&[])], vec![]),
    ] {
        assert_eq!(reasons(answered(&playing, lie).await), expected);
        // One that tells the truth in between is not made to wait.
        told += 1;
        let honest = vec![told; 10];
        let answers = answered(&playing, vec![offer(&honest, 10), piece(&honest)]).await;
        assert!(answers.last().is_some_and(|answer| answer.complete), "{answers:?}");
    }
    let parts = stage.house("XA").homes().gateway.directory().join("data/parts");
    let shelved = |digest: Digest| parts.join(&digest.hex()[..2]).join(digest.hex()).exists();
    assert!(!shelved(Digest::of(&content)) && !shelved(Digest::of(b"another")));
    // The truth is taken, and said to be held.
    let truth = vec![0x77; 300_000];
    let words = vec![offer(&truth, size), piece(&truth[..150_000]), piece(&truth[150_000..])];
    let honest = answered(&playing, words).await;
    assert!(honest.last().is_some_and(|answer| answer.complete), "{honest:?}");
    assert!(shelved(Digest::of(&truth)));
    let again = answered(&playing, vec![offer(&truth, size)]).await;
    assert!(again.len() == 1 && again[0].complete, "{again:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_offers_part_after_part_and_hands_none_over_is_called_no_more() {
    let mut stage = Stage::apart(&["XA", "XB"], |_| {});
    let playing = Playing::begin(&stage, "XB", "XA", Honest).await;
    stage.house_mut("XA").start().await.unwrap();
    stage.accredit("XA", "XB").await;
    let offers = 4 * limits::FREIGHT_HAULS_MAX;
    let stalled: Vec<_> =
        (0..offers).map(|number| playing.hand(vec![offer(&number.to_be_bytes(), MIB)])).collect();
    // As many as may come at once, and one that waits for its turn.
    let untouched = offers - limits::FREIGHT_HAULS_MAX - 1;
    eventually("it is called", async || playing.untouched() <= untouched).await;
    // Time in which it would call again: a message goes there and is answered.
    let [sent] = stage.send("XA", &forms::note("XB", "new")).await.try_into().unwrap();
    stage.settled("XA", &sent).await;
    assert_eq!(playing.untouched(), untouched);
    drop(stalled);
}
