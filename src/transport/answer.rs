//! Answers on their way out: what is held until one has ended, and the reason of a refusal to which tonic gives none.
//!
//! The answer of a service enters with the place that its call takes; what leaves gives the place back when its last
//! byte is written, or when nobody reads it any more.

use std::pin::Pin;
use std::task::{Context, Poll};

use http::Response;
use http_body::{Frame, SizeHint};
use prost::bytes::Bytes;
use tonic::body::Body;
use tonic::{Code, Status};

use super::status::{reason_of, refusal};

/// The answer, which holds something until it has ended.
pub(crate) fn holding(answer: Response<Body>, held: impl Send + Unpin + 'static) -> Response<Body> {
    answer.map(|body| Body::new(Holding { body, _held: held }))
}

/// The refusal with a reason of a message that is longer than its service takes: tonic counts bytes before anything
/// of ours is asked, and gives none.
pub(crate) fn too_large<B>(answer: &Response<B>) -> Option<Status> {
    let status = Status::from_header_map(answer.headers())?;
    let unexplained = status.code() == Code::OutOfRange && reason_of(&status).is_none();
    unexplained.then(|| refusal(Code::InvalidArgument, "TOO_LARGE", "a gRPC message is over its bound"))
}

struct Holding<T> {
    body: Body,
    _held: T,
}

impl<T: Unpin> http_body::Body for Holding<T> {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
