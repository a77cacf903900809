//! Calls of any path with any bytes: what no generated client would send.

use std::sync::Arc;

use chancery::time::SystemClock;
use chancery::transport::anchors::PeerAnchors;
use chancery::transport::channel::connect;
use chancery::transport::credentials::{CredentialStore, Material, TlsIdentity};
use http::uri::PathAndQuery;
use prost::bytes::{Buf, BufMut};
use tokio_stream::Stream;
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::transport::Channel;
use tonic::{Request, Status};

use super::caller::{ShutOut, shut_out};
use super::siege::Siege;
use super::{PATIENCE, ministry};

/// Makes a call with these messages and reads what comes back to its end.
pub async fn call(
    channel: &Channel,
    path: &str,
    messages: impl Stream<Item = Vec<u8>> + Send + 'static,
) -> Result<Vec<Vec<u8>>, ShutOut> {
    let calling = async {
        let mut grpc = Grpc::new(channel.clone()).max_encoding_message_size(usize::MAX);
        grpc.ready().await.map_err(|_| ShutOut::Door)?;
        let path = PathAndQuery::try_from(path).unwrap();
        let answered = grpc.streaming(Request::new(messages), path, Bytes).await.map_err(shut_out)?;
        let (mut answers, mut found) = (answered.into_inner(), Vec::new());
        while let Some(answer) = answers.message().await.map_err(shut_out)? {
            found.push(answer);
        }
        Ok(found)
    };
    tokio::time::timeout(PATIENCE, calling).await.unwrap_or_else(|_| panic!("{path} was never answered"))
}

/// The same with one message.
pub async fn say(channel: &Channel, path: &str, message: Vec<u8>) -> Result<Vec<Vec<u8>>, ShutOut> {
    call(channel, path, tokio_stream::once(message)).await
}

/// Makes a call with one message and waits until its answer begins: what comes of one that does not end by itself.
pub async fn begin(channel: &Channel, path: &str, message: Vec<u8>) -> Result<(), ShutOut> {
    let calling = async {
        let mut grpc = Grpc::new(channel.clone());
        grpc.ready().await.map_err(|_| ShutOut::Door)?;
        let asked = Request::new(tokio_stream::once(message));
        let answered = grpc.streaming(asked, PathAndQuery::try_from(path).unwrap(), Bytes).await;
        answered.map(|_| ()).map_err(shut_out)
    };
    tokio::time::timeout(PATIENCE, calling).await.unwrap_or_else(|_| panic!("{path} was never answered"))
}

impl Siege {
    /// A connection to the relay of the besieged gateway, as the gateway of this ministry.
    pub async fn at_relay(&self, code: &str) -> Channel {
        let home = &self.house(code).homes().gateway;
        let identity = TlsIdentity::read(&home.transport_chain(), &home.transport_key()).unwrap();
        self.channel(identity, &self.relay()).await
    }

    /// A connection to the mailbox of the besieged gateway, as its own desk.
    pub async fn at_mailbox(&self) -> Channel {
        let house = self.house("XB");
        self.channel(house.keys().access().unwrap(), &house.plan().mailbox).await
    }

    async fn channel(&self, identity: TlsIdentity, address: &str) -> Channel {
        let bundle = self.world.bundle(&ministry("XB")).unwrap().bundle();
        let mut peers = PeerAnchors::new();
        peers.insert(bundle.domain(), bundle.transport_anchors().clone()).unwrap();
        let source =
            Box::new(move || Ok(Material { identity: identity.clone(), peers: peers.clone(), desks: None }));
        let (_, credentials) = CredentialStore::open(source, Arc::new(SystemClock)).unwrap();
        connect(address, &ministry("XB"), &credentials).await.unwrap()
    }
}

/// Messages as they are.
#[derive(Debug, Clone, Copy)]
pub struct Bytes;

impl Codec for Bytes {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for Bytes {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, buf: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buf.reserve(item.len());
        buf.put_slice(&item);
        Ok(())
    }
}

impl Decoder for Bytes {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, buf: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        Ok(Some(buf.copy_to_bytes(buf.remaining()).to_vec()))
    }
}
