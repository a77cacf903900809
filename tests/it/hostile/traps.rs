//! Two traps of the library: many small calls at once must not end a connection, and a stream of tiny messages
//! that is read slowly is slowed, or ended in a way that costs nothing.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chancery::limits;
use chancery::proto::gateway::v1 as wire;
use chancery::proto::gateway::v1::relay_frame::Frame;
use chancery::proto::gateway::v1::relay_service_client::RelayServiceClient;
use chancery::proto::gateway::v1::relay_service_server::{RelayService, RelayServiceServer};
use chancery::transport::channel::{connect, server_builder};
use chancery::transport::credentials::Door;
use chancery::transport::listener::Listener;
use prost::Message;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;
use tonic::{Code, Request, Response, Status, Streaming};

use crate::support::caller::{ShutOut, credentials, desk_identity, gateway_identity, mailbox, shut_out};
use crate::support::raw::{self, DATA, END_HEADERS, END_STREAM, HEADERS, Raw, call, frame, message};
use crate::support::{PATIENCE, Stage, ministry};

const RELAY: &str = "/chancery.gateway.v1.RelayService/Relay";

// With adaptive windows 256 calls at once are said to end a connection; that is not shown here, because it
// depends on the machine. That nobody uses them is.
#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_calls_at_once_on_one_connection_are_all_answered() {
    let stage = Stage::pair().await;
    let client = mailbox(&stage, desk_identity(&stage, "XB"), "XB").await;
    for at_once in [256, 1024] {
        let mut calls = JoinSet::new();
        for _ in 0..at_once {
            let mut client = client.clone();
            calls.spawn(async move {
                let request = wire::SubmitRequest { envelope: vec![0xff; 2048], earlier_receipt: Vec::new() };
                client.submit(request).await.map(|_| ()).map_err(shut_out)
            });
        }
        let answered = Err(ShutOut::Call(Code::InvalidArgument, "MALFORMED".to_owned()));
        while let Some(answer) = calls.join_next().await {
            assert_eq!(answer.unwrap(), answered, "of {at_once}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_whose_gateway_said_goodbye_dials_again_and_asks_the_same_again() {
    let mut stage = Stage::pair().await;
    let client = mailbox(&stage, desk_identity(&stage, "XB"), "XB").await;
    let envelope = crate::support::craft::Craft::new(&stage, "XB", "XA").signed(&stage).encode();
    let mut receipts = Vec::new();
    for _ in 0..3 {
        // A connection that is being left fails a call now and then; the same call is made again.
        let receipt = async {
            loop {
                let request = wire::SubmitRequest { envelope: envelope.clone(), earlier_receipt: Vec::new() };
                match client.clone().submit(request).await.map_err(shut_out) {
                    Ok(answer) => return answer.into_inner().receipt,
                    Err(ShutOut::Call(code, reason)) if code != Code::Unavailable => {
                        panic!("{code}: {reason}")
                    }
                    Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
                }
            }
        };
        receipts.push(tokio::time::timeout(PATIENCE, receipt).await.expect("the channel works again"));
        stage.house_mut("XB").stop().await.unwrap();
        stage.house_mut("XB").start().await.unwrap();
    }
    let leaf = |receipt: &Vec<u8>| {
        let receipt = chancery::message::receipt::Receipt::parse(receipt).unwrap();
        (receipt.proof().index, receipt.leaf_bytes().to_vec())
    };
    assert!(receipts.iter().all(|receipt| leaf(receipt) == leaf(&receipts[0])), "one message, one leaf");
}

#[test]
fn nobody_uses_adaptive_windows_or_compression() {
    fn look(place: &Path, read: &mut usize) {
        for entry in fs::read_dir(place).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                look(&path, read);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                for word in ["adaptive_window(", "send_compressed(", "accept_compressed("] {
                    assert!(!text.contains(word), "{}: {word}", path.display());
                }
                *read += 1;
            }
        }
    }
    let mut read = 0;
    look(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut read);
    assert!(read > 100);
}

/// A relay that reads its streams only when the test lets it.
#[derive(Clone)]
struct Slow {
    may_read: Arc<Semaphore>,
    counted: mpsc::UnboundedSender<Result<usize, String>>,
}

#[tonic::async_trait]
impl RelayService for Slow {
    type RelayStream = ReceiverStream<Result<wire::RelayFrame, Status>>;

    async fn relay(
        &self,
        request: Request<Streaming<wire::RelayFrame>>,
    ) -> Result<Response<Self::RelayStream>, Status> {
        let (slow, mut frames) = (self.clone(), request.into_inner());
        let (answers, stream) = mpsc::channel(1);
        tokio::spawn(async move {
            let _open = answers;
            let _turn = slow.may_read.acquire().await;
            let mut count = 0;
            let ended = loop {
                match frames.message().await {
                    Ok(Some(_)) => count += 1,
                    Ok(None) => break Ok(count),
                    Err(status) => break Err(status.to_string()),
                }
            };
            // The test may have ended.
            let _ = slow.counted.send(ended);
        });
        Ok(Response::new(ReceiverStream::new(stream)))
    }

    async fn find_part(
        &self,
        _: Request<wire::FindPartRequest>,
    ) -> Result<Response<wire::FindPartResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn put_part(
        &self,
        _: Request<Streaming<wire::PutPartRequest>>,
    ) -> Result<Response<wire::PutPartResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    type TakePartStream = tokio_stream::Pending<Result<wire::TakePartResponse, Status>>;

    async fn take_part(
        &self,
        _: Request<Streaming<wire::TakePartRequest>>,
    ) -> Result<Response<Self::TakePartStream>, Status> {
        Err(Status::unimplemented(""))
    }
}

/// XB's door with a slow relay behind it, and XA's connection to it.
async fn slow_relay(stage: &Stage) -> (Slow, mpsc::UnboundedReceiver<Result<usize, String>>, Channel) {
    let (counted, counts) = mpsc::unbounded_channel();
    let slow = Slow { may_read: Arc::new(Semaphore::new(0)), counted };
    let of_xb = credentials(stage, gateway_identity(stage, "XB"), &["XA"]);
    let address = stage.house("XB").plan().relay.parse().unwrap();
    let listener = Listener::bind(address, Door::Relay, of_xb).await.unwrap();
    let service = RelayServiceServer::new(slow.clone());
    let incoming = listener.incoming(CancellationToken::new());
    tokio::spawn(server_builder().add_service(service).serve_with_incoming(incoming));
    let of_xa = credentials(stage, gateway_identity(stage, "XA"), &["XB"]);
    let channel = connect(&address.to_string(), &ministry("XB"), &of_xa).await.unwrap();
    (slow, counts, channel)
}

/// A message of sixteen bytes, about.
fn tiny() -> wire::RelayFrame {
    let window = wire::Window { envelopes: 1000, bytes: 1 << 40 };
    wire::RelayFrame { frame: Some(Frame::Window(window)) }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_reader_of_tiny_messages_gets_them_all() {
    let stage = Stage::apart(&["XA", "XB"], |_| {});
    let (slow, mut counts, _channel) = slow_relay(&stage).await;
    let home = &stage.house("XA").homes().gateway;
    let config = raw::identity(&home.transport_chain(), &home.transport_key());
    let mut by_hand = Raw::open(config, &stage.house("XB").plan().relay).await;
    by_hand.acknowledge().await;
    by_hand.send(&frame(HEADERS, END_HEADERS, 1, &call(RELAY))).await;
    // Each in a frame of its own, a hundred times more than any stream of ours lets wait: its reader drains it
    // into a bounded queue, and a window bounds what is under way.
    let count = 100 * limits::BATCH_ENVELOPES_MAX;
    let one = frame(DATA, 0, 1, &message(&tiny().encode_to_vec()));
    by_hand.flood((0..count).map(|_| one.clone())).await;
    assert!(!by_hand.seen().ended(), "{:?}", by_hand.seen());
    slow.may_read.add_permits(1);
    by_hand.send(&frame(DATA, END_STREAM, 1, &[])).await;
    let counted = tokio::time::timeout(PATIENCE, counts.recv()).await.unwrap();
    assert_eq!(counted, Some(Ok(count)), "{:?}", by_hand.seen());
}

/// A stream on which tiny messages are sent one by one, and what keeps it open.
type Open = (mpsc::Sender<wire::RelayFrame>, Response<Streaming<wire::RelayFrame>>);

async fn open(channel: &Channel) -> Result<Open, Status> {
    let (sender, frames) = mpsc::channel(1);
    let answers = RelayServiceClient::new(channel.clone()).relay(ReceiverStream::new(frames)).await?;
    Ok((sender, answers))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_ended_for_too_many_tiny_messages_is_dialled_again_by_the_same_channel() {
    const STREAMS: usize = 512;
    let stage = Stage::apart(&["XA", "XB"], |_| {});
    let (slow, mut counts, channel) = slow_relay(&stage).await;
    let mut streams = Vec::new();
    for _ in 0..STREAMS {
        streams.push(open(&channel).await.unwrap());
    }
    // Far more unread frames than h2 tolerates: what is sent on different streams is never joined.
    let (mut sent, mut refused) = (0, 0);
    for _ in 0..100 {
        for (sender, _) in &streams {
            match sender.try_send(tiny()) {
                Ok(()) => sent += 1,
                Err(TrySendError::Closed(_)) => refused += 1,
                Err(TrySendError::Full(_)) => {}
            }
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    eprintln!("{sent} tiny messages were taken unread, {refused} came too late: the connection was ended");
    slow.may_read.add_permits(STREAMS);
    drop(streams);
    // Whatever became of that connection, the channel goes on.
    let again = async {
        loop {
            match open(&channel).await {
                Ok(open) => return open,
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    };
    let (sender, _answers) = tokio::time::timeout(PATIENCE, again).await.expect("the channel works again");
    for _ in 0..10 {
        sender.send(tiny()).await.unwrap();
    }
    drop(sender);
    let counted = async {
        while let Some(count) = counts.recv().await {
            if count == Ok(10) {
                return true;
            }
        }
        false
    };
    assert!(tokio::time::timeout(PATIENCE, counted).await.unwrap());
}
