//! Serves a page of metrics over HTTP, on a listener of its own: `GET /metrics`, and nothing else.
//!
//! Whoever reaches the listener reads the page, so it is bound to the loopback unless the operator says otherwise.
//! A scrape that does not come to its end in time is cut off, and no more than a few are answered at once: nothing
//! that happens here may be felt by messages.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::limits;

/// The media type of a page.
pub const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What is measured.
pub trait Measured: Send + Sync + 'static {
    /// A page of everything, now, in the OpenMetrics text format; none where it cannot be told, which is logged.
    fn page(self: Arc<Self>) -> impl Future<Output = Option<String>> + Send;
}

/// A bound listener, not yet serving.
#[derive(Debug)]
pub struct MetricsListener {
    listener: TcpListener,
    address: SocketAddr,
}

impl MetricsListener {
    /// Over a bound socket.
    pub fn over(listener: TcpListener) -> io::Result<Self> {
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers scrapes until `stop` is cancelled.
    pub async fn serve(self, measured: Arc<impl Measured>, stop: CancellationToken) {
        let places = Arc::new(Semaphore::new(limits::SCRAPES_AT_ONCE_MAX));
        loop {
            let accepted = tokio::select! {
                () = stop.cancelled() => return,
                accepted = self.listener.accept() => accepted,
            };
            let Ok((stream, _)) = accepted else {
                sleep(limits::ACCEPT_PAUSE).await;
                continue;
            };
            // Who comes while all places are taken is hung up on: the next scrape comes by itself.
            let Ok(place) = places.clone().try_acquire_owned() else { continue };
            let measured = measured.clone();
            tokio::spawn(async move {
                // What breaks here is the scraper's: it asks again.
                let _ended = timeout(limits::SCRAPE_DEADLINE, answer(stream, measured)).await;
                drop(place);
            });
        }
    }
}

/// Answers one request of a connection.
async fn answer(stream: TcpStream, measured: Arc<impl Measured>) -> Result<(), hyper::Error> {
    let service = service_fn(|request: Request<Incoming>| {
        let measured = measured.clone();
        async move { Ok::<_, Infallible>(respond(&request, measured).await) }
    });
    let mut connection = http1::Builder::new();
    connection.keep_alive(false).max_buf_size(limits::SCRAPE_REQUEST_BYTES_MAX);
    connection.serve_connection(TokioIo::new(stream), service).await
}

async fn respond(request: &Request<Incoming>, measured: Arc<impl Measured>) -> Response<String> {
    if request.uri().path() != "/metrics" {
        return text(StatusCode::NOT_FOUND, "there is /metrics here, and nothing else\n".to_owned());
    }
    if request.method() != Method::GET {
        return text(StatusCode::METHOD_NOT_ALLOWED, "metrics are read with GET\n".to_owned());
    }
    let Some(page) = measured.page().await else {
        return text(StatusCode::SERVICE_UNAVAILABLE, "metrics cannot be told now\n".to_owned());
    };
    let mut response = Response::new(page);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    response
}

fn text(status: StatusCode, words: String) -> Response<String> {
    let mut response = Response::new(words);
    *response.status_mut() = status;
    response
}
