//! Every call by every kind of caller, against the table; what is under way is counted, silence ends.

use std::convert::Infallible;

use futures_util::stream::unfold;
use http_body::Body as _;
use tokio::sync::mpsc;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tower::ServiceExt;

use super::*;
use crate::digest::Digest;
use crate::transport::status::reason_of;

const RELAY: &str = "/chancery.gateway.v1.RelayService/Relay";
const PUT_PART: &str = "/chancery.gateway.v1.RelayService/PutPart";

fn guard(entrance: Entrance) -> Guard {
    let accredited = |ministry: &Ministry| ministry.as_str() == "XB";
    let own = Ministry::parse("XA").unwrap();
    Guard::new(own, Box::new(accredited), entrance, Tallies::default(), SILENCE_MAX)
}

/// Silence that these tests wait for.
const SILENCE_MAX: Duration = Duration::from_millis(40);

/// A service that answers only when its request has ended, with as many bytes as it was asked for.
async fn counting(request: Request<Body>) -> Result<Response<Body>, Infallible> {
    let mut bytes = 0;
    let mut body = request.into_body();
    while let Some(frame) = std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        match frame {
            Ok(frame) => bytes += frame.into_data().unwrap().len(),
            Err(status) => return Ok(status.into_http()),
        }
    }
    let mut answer = Response::new(Body::empty());
    answer.headers_mut().insert("bytes", bytes.into());
    Ok(answer)
}

/// A service whose answers do not end.
async fn lasting(_: Request<Body>) -> Result<Response<Body>, Infallible> {
    Ok(Response::new(Body::new(Pieces(Box::pin(tokio_stream::pending())))))
}

fn request(path: &str, name: Option<&str>, body: Body) -> Request<Body> {
    let mut request = Request::post(format!("http://gateway{path}")).body(body).unwrap();
    if let Some(name) = name {
        let peer = Peer::new(Name::parse(name).unwrap(), Digest::of(b""), "192.0.2.1:1".parse().unwrap());
        request.extensions_mut().insert(peer);
    }
    request
}

/// The refusal of a call; nothing where it reached its service.
async fn refused(guard: &Guard, path: &str, name: Option<&str>) -> Option<(Code, String)> {
    let service = guard.layer(tower::service_fn(counting));
    refusal_in(&service.oneshot(request(path, name, Body::empty())).await.unwrap())
}

fn refusal_in(answer: &Response<Body>) -> Option<(Code, String)> {
    let status = Status::from_header_map(answer.headers())?;
    Some((status.code(), reason_of(&status).unwrap_or_default()))
}

/// Someone of every kind, and through which opening he comes.
const SOMEBODY: [(Caller, Entrance, Option<&str>); 10] = [
    (Caller::AccreditedGateway, Entrance::Listener, Some("chancery://XB/gateway")),
    (Caller::ForeignDesk, Entrance::Listener, Some("chancery://XB/desk/main")),
    (Caller::Nobody, Entrance::Listener, None),
    (Caller::Operator, Entrance::Socket, None),
    (Caller::OwnDesk, Entrance::Listener, Some("chancery://XA/desk/main")),
    (Caller::OwnGateway, Entrance::Listener, Some("chancery://XA/gateway")),
    (Caller::Signer, Entrance::Listener, Some("chancery://XA/office/seal")),
    (Caller::Signer, Entrance::Listener, Some("chancery://XB/registry")),
    (Caller::Signer, Entrance::Listener, Some("chancery://XA/trust")),
    (Caller::UnaccreditedGateway, Entrance::Listener, Some("chancery://XC/gateway")),
];

#[tokio::test]
async fn every_call_is_open_to_those_of_its_row_and_to_nobody_else() {
    assert!(Caller::ALL.iter().all(|caller| SOMEBODY.iter().any(|(kind, ..)| kind == caller)));
    let mut open = 0;
    for row in TABLE {
        let path = format!("/{}/{}", row.service, row.method);
        for (caller, entrance, name) in SOMEBODY {
            let found = refused(&guard(entrance), &path, name).await;
            if row.callers.contains(&caller) {
                assert_eq!(found, None, "{path} by {caller:?}");
                open += 1;
            } else {
                let refused = (Code::PermissionDenied, row.reason.to_owned());
                assert_eq!(found, Some(refused), "{path} by {caller:?}");
            }
        }
    }
    assert!(open >= TABLE.len());
}

#[tokio::test]
async fn a_call_without_a_row_reaches_no_service_whoever_makes_it() {
    for path in ["/", "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", "/a.B/C"] {
        for (_, entrance, name) in SOMEBODY {
            let found = refused(&guard(entrance), path, name).await;
            assert_eq!(found, Some((Code::Unimplemented, "UNKNOWN_CALL".to_owned())));
        }
    }
}

#[tokio::test]
async fn calls_under_way_are_counted_for_each_caller_until_their_answers_have_ended() {
    let guard = guard(Entrance::Listener);
    let peer = Some("chancery://XB/gateway");
    let mut service = guard.layer(tower::service_fn(lasting));
    let mut answers = Vec::new();
    for _ in 0..limits::RELAY_STREAMS_PER_PEER_MAX {
        let answer = service.call(request(RELAY, peer, Body::empty())).await.unwrap();
        assert_eq!(refusal_in(&answer), None);
        answers.push(answer);
    }
    let beyond = Some((Code::ResourceExhausted, "TOO_MANY_CALLS".to_owned()));
    assert_eq!(refused(&guard, RELAY, peer).await, beyond);
    assert_eq!(refused(&guard, PUT_PART, peer).await, None);
    answers.pop();
    assert_eq!(refused(&guard, RELAY, peer).await, None);
}

#[tokio::test]
async fn every_call_has_its_bound_of_calls_at_once_and_one_beyond_it_is_refused() {
    let beyond = Some((Code::ResourceExhausted, "TOO_MANY_CALLS".to_owned()));
    for row in TABLE {
        let most = match (row.service.rsplit('.').next().unwrap(), row.method) {
            ("RelayService", "Relay") => limits::RELAY_STREAMS_PER_PEER_MAX,
            ("RelayService", "TakePart") => limits::TAKERS_PER_PEER_MAX,
            ("RelayService", _) => limits::UPLOADS_PER_PEER_MAX,
            ("MailboxService", "SubmitStream" | "WatchSent") => limits::STREAMS_PER_DESK_MAX,
            ("MailboxService" | "OperatorService", _) => limits::CALLS_PER_DESK_MAX,
            ("Health", _) => limits::HEALTH_CALLS_MAX,
            other => panic!("{other:?} has no bound"),
        };
        let caller = SOMEBODY.iter().find(|(kind, ..)| row.callers.contains(kind));
        let (_, entrance, name) = *caller.unwrap();
        let (guard, path) = (guard(entrance), format!("/{}/{}", row.service, row.method));
        let mut service = guard.layer(tower::service_fn(lasting));
        let mut under_way = Vec::new();
        for _ in 0..most {
            under_way.push(service.call(request(&path, name, Body::empty())).await.unwrap());
        }
        assert!(under_way.iter().all(|answer| refusal_in(answer).is_none()), "{path}");
        assert_eq!(refused(&guard, &path, name).await, beyond, "{path}");
        under_way.pop();
        assert_eq!(refused(&guard, &path, name).await, None, "{path}");
    }
}

/// A request whose bytes come when the test sends them.
fn slow(path: &str) -> (mpsc::UnboundedSender<Vec<u8>>, Request<Body>) {
    let (sender, pieces) = mpsc::unbounded_channel();
    let pieces =
        UnboundedReceiverStream::new(pieces).map(|piece: Vec<u8>| Ok::<_, Status>(Frame::data(piece.into())));
    (sender, request(path, Some("chancery://XB/gateway"), Body::new(Pieces(Box::pin(pieces)))))
}

/// A request whose bytes come one by one, each after a pause. The pauses pass in the task that listens: however late
/// a busy machine wakes it, a byte is there before its silence is over.
fn steady(path: &str, bytes: usize, pause: Duration) -> Request<Body> {
    let pieces = unfold(0, move |sent| async move {
        sleep(pause).await;
        (sent < bytes).then(|| (Ok::<_, Status>(Frame::data(Bytes::from_static(&[1]))), sent + 1))
    });
    request(path, Some("chancery://XB/gateway"), Body::new(Pieces(Box::pin(pieces))))
}

struct Pieces(Pin<Box<dyn tokio_stream::Stream<Item = Result<Frame<Bytes>, Status>> + Send>>);

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        self.0.as_mut().poll_next(cx)
    }
}

#[tokio::test]
async fn a_call_that_stays_silent_is_ended_and_one_that_goes_on_is_not() {
    let guard = guard(Entrance::Listener);
    let mut service = guard.layer(tower::service_fn(counting));
    let (sender, stalled) = slow(PUT_PART);
    sender.send(vec![1]).unwrap();
    let answer = service.call(stalled).await.unwrap();
    assert_eq!(refusal_in(&answer), Some((Code::DeadlineExceeded, "STALLED".to_owned())));

    let answer = service.call(steady(PUT_PART, 20, SILENCE_MAX / 2)).await.unwrap();
    assert_eq!(answer.headers()["bytes"], "20");
}

#[tokio::test]
async fn the_stream_between_gateways_may_be_silent() {
    let guard = guard(Entrance::Listener);
    let mut service = guard.layer(tower::service_fn(counting));
    let (sender, lasting) = slow(RELAY);
    let answer = service.call(lasting);
    assert!(tokio::time::timeout(2 * SILENCE_MAX, answer).await.is_err());
    drop(sender);
}
