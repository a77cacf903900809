//! The guard before every service: no call without a row, none by another client than its row allows, none beyond its
//! number at once.
//!
//! A request enters with the peer that the listener verified; it reaches its service with its `Visitor`, or a refusal
//! leaves.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use tonic::body::Body;
use tonic::{Code, Status};
use tower::{Layer, Service};
use tracing::Instrument;

use super::metrics::{Tallies, UnderWay};
use super::permission::{Row, TABLE, row_of};
use super::refusals::Refused;
use super::visitors::{Stranger, Visitor, Visitors};
use crate::transport::answer::{holding, too_large};
use crate::transport::peer::Peer;
use crate::transport::quota::{Quota, Slot};
use crate::transport::refusals::Refusals;
use crate::transport::status::{reason_of, refusal};

/// Through which opening calls come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entrance {
    /// The listener: by certificate.
    Listener,
    /// The local socket: by user.
    Socket,
}

/// Guards all services of one entrance.
#[derive(Clone)]
pub(super) struct Guard(Arc<Watch>);

struct Watch {
    visitors: Arc<Visitors>,
    entrance: Entrance,
    /// For each row of the table, which client has how many calls of it under way.
    under_way: Vec<Arc<Quota<String>>>,
    refusals: Refusals,
    tallies: Tallies,
}

/// The place of a call among those under way, until it has ended.
struct Place {
    call: &'static str,
    _slot: Slot<String>,
    _counted: UnderWay,
}

impl Guard {
    pub(super) fn new(visitors: Arc<Visitors>, entrance: Entrance, tallies: Tallies) -> Self {
        let under_way = TABLE.iter().map(|row| Quota::new(usize::MAX, row.at_once)).collect();
        Self(Arc::new(Watch { visitors, entrance, under_way, refusals: Refusals::new(), tallies }))
    }
}

impl Watch {
    /// Lets a call through: its client, and its place among those under way.
    fn admit<B>(&self, request: &Request<B>) -> Result<(Visitor, Place), Status> {
        let row = row_of(request.uri().path());
        let admitted = match row {
            Some((place, row)) => self.admit_to(place, row, request),
            None => Err(refusal(Code::Unimplemented, "UNKNOWN_CALL", "there is no such call here")),
        };
        admitted.inspect_err(|status| {
            let call = row.map_or("", |(_, row)| row.method);
            self.tallies.refused(call, reason_of(status).unwrap_or_default());
        })
    }

    fn admit_to<B>(
        &self,
        place: usize,
        row: &'static Row,
        request: &Request<B>,
    ) -> Result<(Visitor, Place), Status> {
        let peer = request.extensions().get::<Peer>();
        let visitor = match (peer, self.entrance) {
            (None, _) => Err(Stranger::Unknown),
            (Some(peer), Entrance::Listener) => self.visitors.by_certificate(peer),
            (Some(peer), Entrance::Socket) => self.visitors.by_user(peer),
        };
        let visitor = visitor.map_err(|stranger| self.turn_away(row, peer, stranger))?;
        if !row.roles.iter().any(|role| visitor.may(*role)) {
            if let Some(unsaid) = self.refusals.next() {
                tracing::info!(
                    client = visitor.name(),
                    call = row.method,
                    unsaid,
                    "call refused: no role for it"
                );
            }
            let words: Vec<&str> = row.roles.iter().map(|role| role.word()).collect();
            let message = format!("this call needs the role {}", words.join(" or "));
            return Err(refusal(Code::PermissionDenied, "WRONG_ROLE", message));
        }
        let slot = self.under_way.get(place).and_then(|quota| quota.admit(visitor.name().to_owned(), 0));
        let slot = slot.ok_or_else(|| {
            let message = "too many calls of this kind are under way";
            Status::from(Refused::new(Code::ResourceExhausted, "TOO_MANY_CALLS", message).later())
        })?;
        let counted = self.tallies.begun(row.method);
        Ok((visitor, Place { call: row.method, _slot: slot, _counted: counted }))
    }

    fn turn_away(&self, row: &Row, peer: Option<&Peer>, stranger: Stranger) -> Status {
        let name = peer.map(|peer| peer.name().to_string()).unwrap_or_default();
        if let Some(unsaid) = self.refusals.next() {
            tracing::info!(%name, call = row.method, ?stranger, unsaid, "call refused: nobody this desk knows");
        }
        stranger.refused().into()
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

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let (visitor, place) = match self.watch.admit(&request) {
            Ok(admitted) => admitted,
            Err(status) => return Box::pin(async move { Ok(status.into_http()) }),
        };
        request.extensions_mut().insert(visitor);
        let method = place.call;
        let span = tracing::info_span!("call", otel.name = method, otel.kind = "server", method);
        let answered = self.inner.call(request);
        let tallies = self.watch.tallies.clone();
        let answering = async move {
            let answered = answered.await?;
            if let Some(too_large) = too_large(&answered) {
                tallies.answered(place.call, too_large.code());
                return Ok(too_large.into_http());
            }
            let code = Status::from_header_map(answered.headers()).map_or(Code::Ok, |status| status.code());
            tallies.answered(place.call, code);
            Ok(holding(answered, place))
        };
        Box::pin(answering.instrument(span))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::config::User;
    use super::super::suspended::SuspendedUsers;
    use super::super::visitors::Stranger;
    use super::*;
    use crate::desk::config::Config;
    use crate::digest::Digest;
    use crate::keys::home::clients::Clients;
    use crate::limits::{SERVICE_CALLS_PER_CLIENT_MAX, SERVICE_STREAMS_PER_CLIENT_MAX};
    use crate::time::SystemClock;
    use crate::transport::status::reason_of;
    use crate::trust::name::{Domain, Label, Ministry, Name};
    use crate::trust::role::Role;

    /// The guard of a socket with one client, who may draft and watch.
    fn watch(entrance: Entrance) -> Arc<Watch> {
        watch_in(Path::new("/nowhere"), entrance)
    }

    /// The same at the desk in this home.
    fn watch_in(home: &Path, entrance: Entrance) -> Arc<Watch> {
        let (ministry, domain) = (Ministry::parse("XA").unwrap(), Domain::parse("mfa.xa.example").unwrap());
        let label = Label::parse("casework").unwrap();
        let clients = Clients::at(home, &ministry, &domain, &label);
        let roles = [Role::Draft, Role::Observe].into();
        let user = User { uid: 7, label, roles, offices: Default::default() };
        let desk =
            "ministry = \"XA\"\ndomain = \"mfa.xa.example\"\nlabel = \"main\"\ngateway = \"127.0.0.1:1\"";
        let suspended = SuspendedUsers::of(&Config::parse(home, desk).unwrap());
        let visitors = Arc::new(Visitors::new(clients, (vec![user], suspended), Arc::new(SystemClock)));
        Guard::new(visitors, entrance, Tallies::default()).0
    }

    fn request(method: &str, name: Option<&str>) -> Request<()> {
        let path = format!("http://desk/chancery.desk.v1.DeskService/{method}");
        let mut request = Request::builder().uri(path).body(()).unwrap();
        if let Some(name) = name {
            let address = "192.0.2.1:1".parse().unwrap();
            let peer = Peer::new(Name::parse(name).unwrap(), Digest::of(b""), address);
            request.extensions_mut().insert(peer.as_user(7));
        }
        request
    }

    fn reason<T>(admitted: Result<T, Status>) -> String {
        admitted.err().and_then(|status| reason_of(&status)).unwrap_or_default()
    }

    const CASEWORK: Option<&str> = Some("chancery://XA/client/casework");

    #[test]
    fn a_client_has_its_roles_and_strangers_have_none() {
        let socket = watch(Entrance::Socket);
        let (visitor, _slot) = socket.admit(&request("CreateDraft", CASEWORK)).unwrap();
        assert_eq!(visitor.name(), "casework");
        assert_eq!(reason(socket.admit(&request("ClearDraft", CASEWORK))), "WRONG_ROLE");
        assert_eq!(reason(socket.admit(&request("DropDraft", CASEWORK))), "UNKNOWN_CALL");
        for name in [None, Some("chancery://XA/client/other"), Some("chancery://XA/desk/casework")] {
            assert_eq!(reason(socket.admit(&request("CreateDraft", name))), "CLIENT_UNKNOWN", "{name:?}");
        }
        // Who is known by his user is not known by a certificate that nobody enrolled.
        let listener = watch(Entrance::Listener);
        assert_eq!(reason(listener.admit(&request("CreateDraft", CASEWORK))), "CLIENT_UNKNOWN");
    }

    #[test]
    fn a_user_of_the_socket_who_is_suspended_gets_no_further_until_that_is_lifted() {
        let home = tempfile::tempdir().unwrap();
        let socket = watch_in(home.path(), Entrance::Socket);
        let (visitor, _slot) = socket.admit(&request("CreateDraft", CASEWORK)).unwrap();
        let desk =
            "ministry = \"XA\"\ndomain = \"mfa.xa.example\"\nlabel = \"main\"\ngateway = \"127.0.0.1:1\"";
        let suspended = SuspendedUsers::of(&Config::parse(home.path(), desk).unwrap());
        let casework = Label::parse("casework").unwrap();
        suspended.set(&casework, true).unwrap();
        assert_eq!(reason(socket.admit(&request("CreateDraft", CASEWORK))), "CLIENT_SUSPENDED");
        assert_eq!(socket.visitors.still(&visitor), Err(Stranger::Suspended), "nor do long calls go on");
        suspended.set(&casework, false).unwrap();
        assert!(socket.admit(&request("CreateDraft", CASEWORK)).is_ok());
        assert_eq!(socket.visitors.still(&visitor), Ok(()));
    }

    #[test]
    fn a_client_has_so_many_calls_of_a_kind_under_way() {
        let watch = watch(Entrance::Socket);
        let most =
            [("ListDrafts", SERVICE_CALLS_PER_CLIENT_MAX), ("WatchEvents", SERVICE_STREAMS_PER_CLIENT_MAX)];
        for (method, most) in most {
            let mut held: Vec<_> =
                (0..most).map(|_| watch.admit(&request(method, CASEWORK)).unwrap()).collect();
            assert_eq!(reason(watch.admit(&request(method, CASEWORK))), "TOO_MANY_CALLS", "{method}");
            held.pop();
            assert!(watch.admit(&request(method, CASEWORK)).is_ok());
        }
    }
}
