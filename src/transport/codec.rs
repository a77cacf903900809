//! `BoundedCodec`: the protobuf codec of every service, which counts before it decodes.
//!
//! Bytes of one message enter, and are decoded only when their shape is within its bounds: what a peer sends
//! takes no more memory than it took on the wire. `build.rs` names this codec for all services and clients.

use std::fmt;
use std::marker::PhantomData;

use prost::bytes::Buf;
use tonic::codec::{Codec, DecodeBuf, Decoder};
use tonic::{Code, Status};
use tonic_prost::ProstEncoder;

use super::status::refusal;
use crate::canonical::shape::Misshapen;
use crate::canonical::shapes;

/// Encodes `T` as ever and decodes `U` within its bounds.
pub struct BoundedCodec<T, U>(PhantomData<(T, U)>);

impl<T, U> Default for BoundedCodec<T, U> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T, U> fmt::Debug for BoundedCodec<T, U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BoundedCodec")
    }
}

impl<T, U> Codec for BoundedCodec<T, U>
where
    T: prost::Message + Send + 'static,
    U: prost::Message + prost::Name + Default + Send + 'static,
{
    type Encode = T;
    type Decode = U;
    type Encoder = ProstEncoder<T>;
    type Decoder = BoundedDecoder<U>;

    fn encoder(&mut self) -> Self::Encoder {
        ProstEncoder::default()
    }

    fn decoder(&mut self) -> Self::Decoder {
        BoundedDecoder(PhantomData)
    }
}

/// The decoding half.
pub struct BoundedDecoder<U>(PhantomData<U>);

impl<U> fmt::Debug for BoundedDecoder<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BoundedDecoder")
    }
}

impl<U> Decoder for BoundedDecoder<U>
where
    U: prost::Message + prost::Name + Default + Send + 'static,
{
    type Item = U;
    type Error = Status;

    fn decode(&mut self, buf: &mut DecodeBuf<'_>) -> Result<Option<U>, Status> {
        // tonic hands over one whole message in one piece.
        if buf.chunk().len() < buf.remaining() {
            return Err(malformed("the message is in pieces"));
        }
        shapes::of::<U>().check(buf.chunk()).map_err(misshapen)?;
        let length = buf.remaining();
        let decoded = U::decode(buf).map_err(|_| malformed("not a message of this kind"))?;
        // What a machine asks its desk to say in the name of a ministry is said whole or not at all: a field that this
        // release does not know would be left out in silence.
        if U::PACKAGE == WHOLE && decoded.encoded_len() != length {
            return Err(refusal(Code::InvalidArgument, "UNKNOWN_FIELD", UNKNOWN_FIELD));
        }
        Ok(Some(decoded))
    }
}

/// Package whose messages hold nothing but what this release knows.
const WHOLE: &str = "chancery.desk.v1";

const UNKNOWN_FIELD: &str =
    "the request holds a field that this release does not know, or one that stands twice";

fn misshapen(cause: Misshapen) -> Status {
    match cause {
        Misshapen::TooMany(_) => refusal(Code::InvalidArgument, "TOO_MANY", cause.to_string()),
        Misshapen::Doubled(_) | Misshapen::Malformed | Misshapen::TooDeep => malformed(&cause.to_string()),
    }
}

fn malformed(what: &str) -> Status {
    refusal(Code::InvalidArgument, "MALFORMED", what)
}
