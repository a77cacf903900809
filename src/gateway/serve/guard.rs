//! The guard before every service: no call without a row, none by another caller than its row allows, none
//! beyond its number at once, and none that stays silent.
//!
//! A request enters with the name that the listener verified; it reaches its service, or a refusal leaves.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::{Request, Response};
use http_body::{Frame, SizeHint};
use prost::bytes::Bytes;
use tokio::time::{Sleep, sleep};
use tonic::body::Body;
use tonic::{Code, Status};
use tower::{Layer, Service};
use tracing::Instrument;

use crate::gateway::Gateway;
use crate::gateway::metrics::Tallies;
use crate::gateway::serve::permission::{Caller, Pace, Row, TABLE, row_of};
use crate::limits;
use crate::transport::answer::{holding, too_large};
use crate::transport::peer::Peer;
use crate::transport::quota::{Quota, Slot};
use crate::transport::refusals::Refusals;
use crate::transport::status::refusal;
use crate::trust::name::{Ministry, Name};

/// Through which opening calls come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entrance {
    /// A listener that names every caller.
    Listener,
    /// The operator's socket.
    Socket,
}

/// Whether a ministry is accredited now.
type Accredited = dyn Fn(&Ministry) -> bool + Send + Sync;

/// Guards all services of one listener.
#[derive(Clone)]
pub(super) struct Guard(Arc<Watch>);

struct Watch {
    own: Ministry,
    accredited: Box<Accredited>,
    entrance: Entrance,
    /// For each row of the table, who has how many calls of it under way.
    under_way: Vec<Arc<Quota<Option<Name>>>>,
    silence_max: Duration,
    refusals: Refusals,
    tallies: Tallies,
}

impl Guard {
    pub(super) fn of(gateway: &Arc<Gateway>, entrance: Entrance) -> Self {
        let (own, tallies) = (gateway.config.ministry.clone(), gateway.tallies.clone());
        let gateway = gateway.clone();
        let accredited = move |ministry: &Ministry| {
            gateway.accreditation().is_ok_and(|in_force| in_force.is_peer(ministry))
        };
        Self::new(own, Box::new(accredited), entrance, tallies, limits::CALL_SILENCE_MAX)
    }

    fn new(
        own: Ministry,
        accredited: Box<Accredited>,
        entrance: Entrance,
        tallies: Tallies,
        silence_max: Duration,
    ) -> Self {
        let under_way = TABLE.iter().map(|row| Quota::new(usize::MAX, row.at_once)).collect();
        let refusals = Refusals::new();
        Self(Arc::new(Watch { own, accredited, entrance, under_way, silence_max, refusals, tallies }))
    }
}

impl Watch {
    /// What the caller of a request is.
    fn caller(&self, peer: Option<&Peer>) -> Caller {
        let Some(peer) = peer else {
            return if self.entrance == Entrance::Socket { Caller::Operator } else { Caller::Nobody };
        };
        match peer.name() {
            Name::Gateway { ministry } if *ministry == self.own => Caller::OwnGateway,
            Name::Gateway { ministry } if (self.accredited)(ministry) => Caller::AccreditedGateway,
            Name::Gateway { .. } => Caller::UnaccreditedGateway,
            Name::Desk { ministry, .. } if *ministry == self.own => Caller::OwnDesk,
            Name::Desk { .. } => Caller::ForeignDesk,
            // Known at the door of a desk service, and nowhere else.
            Name::Client { .. } | Name::Service { .. } => Caller::Nobody,
            Name::Office { .. } | Name::Registry { .. } | Name::Trust { .. } => Caller::Signer,
        }
    }

    /// Lets a call through, with its place among those under way.
    fn admit<B>(&self, request: &Request<B>) -> Result<(&'static Row, Slot<Option<Name>>), Status> {
        let path = request.uri().path();
        let Some((place, row)) = row_of(path) else {
            self.tallies.call_refused("", "UNKNOWN_CALL");
            return Err(refusal(Code::Unimplemented, "UNKNOWN_CALL", "there is no such call here"));
        };
        let peer = request.extensions().get::<Peer>();
        let caller = self.caller(peer);
        if !row.callers.contains(&caller) {
            let name = peer.map(|peer| peer.name().to_string()).unwrap_or_default();
            if let Some(unsaid) = self.refusals.next() {
                tracing::info!(%name, ?caller, call = row.method, unsaid, "call refused: not permitted");
            }
            self.tallies.call_refused(row.method, row.reason);
            return Err(refusal(Code::PermissionDenied, row.reason, "this caller may not make this call"));
        }
        let key = peer.map(|peer| peer.name().clone());
        let slot = self.under_way.get(place).and_then(|quota| quota.admit(key, 0));
        slot.map(|slot| (row, slot)).ok_or_else(|| {
            self.tallies.call_refused(row.method, "TOO_MANY_CALLS");
            refusal(Code::ResourceExhausted, "TOO_MANY_CALLS", "too many calls of this kind are under way")
        })
    }
}

impl<S> Layer<S> for Guard {
    type Service = Guarded<S>;

    fn layer(&self, inner: S) -> Guarded<S> {
        Guarded { inner, watch: self.0.clone() }
    }
}

/// A service behind the guard.
#[derive(Clone)]
pub(super) struct Guarded<S> {
    inner: S,
    watch: Arc<Watch>,
}

impl<S> Service<Request<Body>> for Guarded<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let (row, slot) = match self.watch.admit(&request) {
            Ok(admitted) => admitted,
            Err(status) => return Box::pin(async move { Ok(status.into_http()) }),
        };
        let request = match row.pace {
            Pace::Prompt => {
                let silence_max = self.watch.silence_max;
                request.map(|body| Body::new(Prompt { body, silence_max, silent: None }))
            }
            Pace::Lasting => request,
        };
        let span =
            tracing::info_span!("call", otel.name = row.method, otel.kind = "server", method = row.method);
        let answered = self.inner.call(request);
        let answering = async move {
            let answered = answered.await?;
            if let Some(too_large) = too_large(&answered) {
                return Ok(too_large.into_http());
            }
            Ok(holding(answered, slot))
        };
        Box::pin(answering.instrument(span))
    }
}

/// The body of a request that must go on: silence ends the call.
struct Prompt {
    body: Body,
    silence_max: Duration,
    /// Runs while bytes are awaited, not while the handler is busy.
    silent: Option<Pin<Box<Sleep>>>,
}

impl http_body::Body for Prompt {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        if let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(cx) {
            this.silent = None;
            return Poll::Ready(frame);
        }
        let silence_max = this.silence_max;
        ready!(this.silent.get_or_insert_with(|| Box::pin(sleep(silence_max))).as_mut().poll(cx));
        let stalled = refusal(Code::DeadlineExceeded, "STALLED", "nothing came for too long");
        Poll::Ready(Some(Err(stalled)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests;
