//! Serves the page over HTTP, on a listener of its own: `GET /metrics`, and nothing else.
//!
//! Whoever reaches the listener reads the page, so it is bound to the loopback unless the operator says otherwise.
//! A scrape that does not come to its end in time is cut off, and no more than a few are answered at once: nothing
//! that happens here may be felt by messages.

use std::convert::Infallible;
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

use super::MEDIA_TYPE;
use crate::gateway::Gateway;
use crate::gateway::error::Fault;
use crate::limits;

/// A bound listener, not yet serving.
#[derive(Debug)]
pub struct MetricsListener {
    listener: TcpListener,
    address: SocketAddr,
}

impl MetricsListener {
    /// Over a bound socket.
    pub fn over(listener: TcpListener) -> Result<Self, Fault> {
        let address = listener.local_addr().map_err(|cause| Fault::Listener(cause.to_string()))?;
        Ok(Self { listener, address })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers scrapes until `stop` is cancelled.
    pub async fn serve(self, gateway: Arc<Gateway>, stop: CancellationToken) {
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
            let gateway = gateway.clone();
            tokio::spawn(async move {
                // What breaks here is the scraper's: it asks again.
                let _ended = timeout(limits::SCRAPE_DEADLINE, answer(stream, gateway)).await;
                drop(place);
            });
        }
    }
}

/// Answers one request of a connection.
async fn answer(stream: TcpStream, gateway: Arc<Gateway>) -> Result<(), hyper::Error> {
    let service = service_fn(|request: Request<Incoming>| {
        let gateway = gateway.clone();
        async move { Ok::<_, Infallible>(respond(&request, &gateway).await) }
    });
    let mut connection = http1::Builder::new();
    connection.keep_alive(false).max_buf_size(limits::SCRAPE_REQUEST_BYTES_MAX);
    connection.serve_connection(TokioIo::new(stream), service).await
}

async fn respond(request: &Request<Incoming>, gateway: &Gateway) -> Response<String> {
    if request.uri().path() != "/metrics" {
        return text(StatusCode::NOT_FOUND, "there is /metrics here, and nothing else\n".to_owned());
    }
    if request.method() != Method::GET {
        return text(StatusCode::METHOD_NOT_ALLOWED, "metrics are read with GET\n".to_owned());
    }
    match gateway.metrics().await {
        Ok(page) => {
            let mut response = Response::new(page);
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
            response
        }
        Err(fault) => {
            tracing::error!(%fault, "a page of metrics could not be written");
            text(StatusCode::SERVICE_UNAVAILABLE, "the gateway cannot tell now\n".to_owned())
        }
    }
}

fn text(status: StatusCode, words: String) -> Response<String> {
    let mut response = Response::new(words);
    *response.status_mut() = status;
    response
}
