//! The gRPC edge of the gateway: thin translation between wire messages and the rooms behind. Nothing is
//! decided here but who may call what (`permission` is the table, `guard` enforces it), and no error says more
//! to a caller than a reason code and a sentence.

mod archive;
mod copy;
mod courier;
mod guard;
mod mailbox;
mod operator;
mod part_calls;
mod parts;
pub mod peer_link;
pub mod permission;
mod queue;
mod relay;
mod screen;
mod volume;
mod wire;

use std::convert::Infallible;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_stream::Stream;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::transport::server::Connected;
use tonic::{Code, Status};

use crate::gateway::Gateway;
use crate::gateway::error::{Declined, Fault};
use crate::gateway::pausing::PAUSED;
use crate::gateway::serve::guard::{Entrance, Guard};
use crate::limits;
use crate::proto::gateway::v1::mailbox_service_server::MailboxServiceServer;
use crate::proto::gateway::v1::operator_service_server::OperatorServiceServer;
use crate::proto::gateway::v1::relay_service_server::RelayServiceServer;
use crate::transport::channel::server_builder;
use crate::transport::listener::Listener;
use crate::transport::operator_socket::OperatorSocket;
use crate::transport::status;

/// Serves peers until `stop` is cancelled: the relay and health, nothing else.
pub async fn serve_relay(
    gateway: Arc<Gateway>,
    listener: Listener,
    stop: CancellationToken,
) -> Result<(), Fault> {
    let guard = Guard::of(&gateway, Entrance::Listener);
    let (health, health_service) = tonic_health::server::health_reporter();
    let health_service = health_service.max_decoding_message_size(limits::HEALTH_QUESTION_BYTES_MAX);
    health.set_serving::<RelayServiceServer<relay::RelayEdge>>().await;
    let service = RelayServiceServer::new(relay::RelayEdge::new(gateway, stop.clone()))
        .max_decoding_message_size(limits::FRAME_BYTES_MAX)
        .max_encoding_message_size(limits::FRAME_BYTES_MAX);
    let routes = Routes::new(service).add_service(health_service);
    serve(routes, guard, listener.incoming(stop.clone()), stop).await
}

/// Serves the own desk until `stop` is cancelled: the mailbox and health, nothing else.
pub async fn serve_mailbox(
    gateway: Arc<Gateway>,
    listener: Listener,
    stop: CancellationToken,
) -> Result<(), Fault> {
    let guard = Guard::of(&gateway, Entrance::Listener);
    let (health, health_service) = tonic_health::server::health_reporter();
    let health_service = health_service.max_decoding_message_size(limits::HEALTH_QUESTION_BYTES_MAX);
    health.set_serving::<MailboxServiceServer<mailbox::MailboxEdge>>().await;
    let service = MailboxServiceServer::new(mailbox::MailboxEdge::new(gateway, stop.clone()))
        .max_decoding_message_size(limits::FRAME_BYTES_MAX)
        .max_encoding_message_size(limits::MAILBOX_ANSWER_BYTES_MAX);
    let routes = Routes::new(service).add_service(health_service);
    serve(routes, guard, listener.incoming(stop.clone()), stop).await
}

/// Serves the operator on the gateway's own socket until `stop` is cancelled.
pub async fn serve_operator(
    gateway: Arc<Gateway>,
    socket: OperatorSocket,
    stop: CancellationToken,
) -> Result<(), Fault> {
    let guard = Guard::of(&gateway, Entrance::Socket);
    let service = OperatorServiceServer::new(operator::OperatorEdge::new(gateway));
    serve(Routes::new(service), guard, socket.incoming(stop.clone()), stop).await
}

/// Serves these services, and no others, over these connections, to whom the guard lets through.
async fn serve<Incoming, Io>(
    routes: Routes,
    guard: Guard,
    incoming: Incoming,
    stop: CancellationToken,
) -> Result<(), Fault>
where
    Incoming: Stream<Item = Result<Io, Infallible>>,
    Io: AsyncRead + AsyncWrite + Connected + Unpin + Send + 'static,
{
    let server = server_builder().layer(guard).add_routes(routes);
    let served = server.serve_with_incoming_shutdown(incoming, stop.cancelled());
    served.await.map_err(|cause| Fault::Listener(cause.to_string()))
}

/// What a caller sees of a declined request.
fn declined(cause: Declined) -> Status {
    match cause {
        Declined::Refused(refusal) => {
            let reason = refusal.reason().word();
            status::refusal(status::Group::of(reason).code(), reason, refusal.detail())
        }
        Declined::Failed(fault) => failed(&fault),
    }
}

/// What a caller sees of a fault: that it should try again, and nothing of the inside.
fn failed(fault: &Fault) -> Status {
    match fault {
        Fault::NotAccredited(ministry) => status::refusal(
            Code::FailedPrecondition,
            "NOT_ACCREDITED",
            format!("{ministry} is not accredited"),
        ),
        Fault::Frozen(_) => status::refusal(
            Code::FailedPrecondition,
            "CHANNEL_FROZEN",
            "two checkpoints of one log contradict each other",
        ),
        Fault::Paused(_) => paused(),
        Fault::Store(cause) => {
            tracing::error!(%fault, "the store failed");
            status::refusal(
                Code::Unavailable,
                cause.reason(),
                "the gateway cannot do this now; try again later",
            )
        }
        Fault::Misshapen { reason, detail } => {
            status::refusal(Code::InvalidArgument, reason, detail.as_str())
        }
        // A peer that hangs up is no fault of ours; whoever served the stream has said so already.
        Fault::Link(_) => {
            status::refusal(Code::Unavailable, "TRY_LATER", "the gateway cannot do this now; try again later")
        }
        _ => {
            tracing::error!(%fault, "a request failed");
            status::refusal(Code::Unavailable, "TRY_LATER", "the gateway cannot do this now; try again later")
        }
    }
}

/// What a peer is told with whom nothing is exchanged at present.
fn paused() -> Status {
    status::refusal(
        Code::FailedPrecondition,
        PAUSED,
        "the operator of this gateway has paused the exchange; what waits is kept",
    )
}

fn malformed(what: &str) -> Status {
    status::refusal(Code::InvalidArgument, "MALFORMED", format!("{what} is missing or malformed"))
}
