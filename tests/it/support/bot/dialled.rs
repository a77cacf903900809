//! A bot that dials: it has a relay stream open to a true gateway.

use chancery::proto::gateway::v1 as wire;
use chancery::proto::gateway::v1::relay_frame::Frame;
use chancery::proto::gateway::v1::relay_service_client::RelayServiceClient;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use tonic::{Status, Streaming};

use super::{Bot, Honest, Play, checkpoint_of, deliveries};

/// Its stream, and what it knows.
pub struct Dialled {
    pub bot: Bot,
    pub theirs: wire::Hello,
    outgoing: mpsc::Sender<wire::RelayFrame>,
    incoming: Streaming<wire::RelayFrame>,
    /// What came before it was waited for.
    early: Option<Frame>,
}

impl Dialled {
    /// Opens the stream, exchanges hellos and takes the other side's log up to what its hello said.
    pub async fn open(bot: Bot, client: RelayServiceClient<Channel>) -> Result<Self, Status> {
        let mut dialled = Self::greet(bot, client).await?;
        let size = dialled.theirs.logs.last().map_or(0, |log| checkpoint_of(log).size);
        let mut mirrored = 0;
        while mirrored < size {
            match dialled.incoming.message().await?.and_then(|frame| frame.frame) {
                Some(Frame::LogUpdate(update)) => {
                    mirrored = update.first_index + update.leaves.len() as u64;
                    dialled.send(dialled.bot.cosign(&update)).await;
                }
                // Leaves that another stream has had cosigned meanwhile do not come again.
                Some(deliveries @ Frame::Deliveries(_)) => {
                    dialled.early = Some(deliveries);
                    break;
                }
                other => panic!("no leaves but {other:?}"),
            }
        }
        Ok(dialled)
    }

    /// Opens the stream and exchanges hellos.
    pub async fn greet(bot: Bot, mut client: RelayServiceClient<Channel>) -> Result<Self, Status> {
        let (outgoing, frames) = mpsc::channel(64);
        let hello = Frame::Hello(bot.hello(&[]));
        outgoing.send(wire::RelayFrame { frame: Some(hello) }).await.unwrap();
        let mut incoming = client.relay(ReceiverStream::new(frames)).await?.into_inner();
        let first = incoming.message().await?.and_then(|frame| frame.frame);
        let Some(Frame::Hello(theirs)) = first else { panic!("no hello but {first:?}") };
        Ok(Self { bot, theirs, outgoing, incoming, early: None })
    }

    pub async fn send(&self, frame: Frame) {
        // The other side may have hung up already; that shows where its answer is read.
        let _gone = self.outgoing.send(wire::RelayFrame { frame: Some(frame) }).await;
    }

    /// The next frame that is no leaf and no hello; leaves are cosigned.
    pub async fn next(&mut self) -> Result<Option<Frame>, Status> {
        if let Some(early) = self.early.take() {
            return Ok(Some(early));
        }
        while let Some(frame) = self.incoming.message().await? {
            match frame.frame.unwrap() {
                Frame::Hello(_) => {}
                Frame::LogUpdate(update) => self.send(self.bot.cosign(&update)).await,
                other => return Ok(Some(other)),
            }
        }
        Ok(None)
    }

    /// Takes deliveries and answers them.
    pub async fn take(&mut self, deliveries: wire::Deliveries) {
        let envelopes = deliveries.deliveries.into_iter().map(|delivery| delivery.envelope).collect();
        for frame in Honest.deliveries(&mut self.bot, envelopes) {
            self.send(frame).await;
        }
    }

    /// Delivers envelopes; their outcomes.
    pub async fn deliver(&mut self, envelopes: Vec<Vec<u8>>) -> Result<Vec<wire::Outcome>, Status> {
        self.send(deliveries(envelopes)).await;
        match self.next().await? {
            Some(Frame::Outcomes(wire::Outcomes { outcomes })) => Ok(outcomes),
            other => panic!("no outcomes but {other:?}"),
        }
    }
}
