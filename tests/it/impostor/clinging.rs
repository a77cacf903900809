//! A peer that never ends its half of a stream: the other half ends all the same, and the connection with it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chancery::proto::gateway::v1 as wire;
use chancery::proto::gateway::v1::relay_frame::Frame;
use chancery::proto::gateway::v1::relay_service_server::{RelayService, RelayServiceServer};
use chancery::transport::channel::server_builder;
use chancery::transport::credentials::Door;
use chancery::transport::listener::Listener;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming};

use crate::support::bot::Bot;
use crate::support::{PATIENCE, Stage, caller, eventually};

/// Answers every stream with a hello that ends the session, and keeps the stream.
#[derive(Clone)]
struct Clinging {
    hello: wire::Hello,
    opened: Arc<AtomicUsize>,
    ended: Arc<AtomicUsize>,
}

#[tonic::async_trait]
impl RelayService for Clinging {
    type RelayStream = ReceiverStream<Result<wire::RelayFrame, Status>>;
    type TakePartStream = ReceiverStream<Result<wire::TakePartResponse, Status>>;

    async fn relay(
        &self,
        request: Request<Streaming<wire::RelayFrame>>,
    ) -> Result<Response<Self::RelayStream>, Status> {
        let (sender, frames) = mpsc::channel(4);
        self.opened.fetch_add(1, Ordering::SeqCst);
        let (hello, ended) = (self.hello.clone(), self.ended.clone());
        tokio::spawn(async move {
            // Nothing of it is ever read, and nothing given up.
            let _unread = request.into_inner();
            sender.send(Ok(wire::RelayFrame { frame: Some(Frame::Hello(hello)) })).await.unwrap();
            sender.closed().await;
            ended.fetch_add(1, Ordering::SeqCst);
        });
        Ok(Response::new(ReceiverStream::new(frames)))
    }

    async fn find_part(
        &self,
        _: Request<wire::FindPartRequest>,
    ) -> Result<Response<wire::FindPartResponse>, Status> {
        Err(Status::unavailable("no parts"))
    }

    async fn put_part(
        &self,
        _: Request<Streaming<wire::PutPartRequest>>,
    ) -> Result<Response<wire::PutPartResponse>, Status> {
        Err(Status::unavailable("no parts"))
    }

    async fn take_part(
        &self,
        _: Request<Streaming<wire::TakePartRequest>>,
    ) -> Result<Response<Self::TakePartStream>, Status> {
        Err(Status::unavailable("no parts"))
    }
}

/// XA dials an impostor whose streams take so many bytes before they are read.
async fn dialled_streams_end(window: u32) {
    let mut stage = Stage::apart(&["XA", "XB"], |_| {});
    let hello = wire::Hello { ministry: "XC".to_owned(), ..Bot::new(&stage, "XB", "XA").hello(&[]) };
    let clinging = Clinging { hello, opened: Arc::default(), ended: Arc::default() };
    let credentials = caller::credentials(&stage, caller::gateway_identity(&stage, "XB"), &["XA"]);
    let address = stage.house("XB").plan().relay.parse().unwrap();
    let listener = Listener::bind(address, Door::Relay, credentials).await.unwrap();
    let (stop, service) = (CancellationToken::new(), RelayServiceServer::new(clinging.clone()));
    let (incoming, stopped) = (listener.incoming(stop.clone()), stop.clone().cancelled_owned());
    tokio::spawn(async move {
        let server = server_builder().initial_stream_window_size(window).add_service(service);
        server.serve_with_incoming_shutdown(incoming, stopped).await
    });
    stage.house_mut("XA").start().await.unwrap();
    stage.accredit("XA", "XB").await;
    eventually("XA has given up what it dialled", async || clinging.ended.load(Ordering::SeqCst) >= 2).await;
    assert!(clinging.opened.load(Ordering::SeqCst) >= 2);
    stop.cancel();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_we_dialled_ends_though_the_peer_never_ends_its_half() {
    dialled_streams_end(64 * 1024).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_we_dialled_ends_though_the_peer_takes_nothing_of_ours() {
    dialled_streams_end(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_a_peer_dialled_ends_though_it_never_ends_its_half() {
    let stage = Stage::pair().await;
    let mut client = caller::relay(&stage, caller::gateway_identity(&stage, "XA"), "XB").await;
    let hello = wire::Hello { ministry: "XC".to_owned(), ..Bot::new(&stage, "XA", "XB").hello(&[]) };
    let (outgoing, frames) = mpsc::channel(4);
    outgoing.send(wire::RelayFrame { frame: Some(Frame::Hello(hello)) }).await.unwrap();
    let refused = async {
        let mut incoming = client.relay(ReceiverStream::new(frames)).await?.into_inner();
        while incoming.message().await?.is_some() {}
        Ok::<_, Status>(())
    };
    let refused = tokio::time::timeout(PATIENCE, refused).await.unwrap();
    assert!(refused.is_err());
    // Ours is still open: that it closes is the other side's doing.
    let closed = tokio::time::timeout(PATIENCE.max(Duration::from_secs(5)), outgoing.closed()).await;
    assert!(closed.is_ok(), "the other side holds what it will never read");
}
