//! A bot that listens where its ministry's gateway would.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chancery::proto::gateway::v1 as wire;
use chancery::proto::gateway::v1::relay_service_server::{RelayService, RelayServiceServer};
use chancery::transport::channel::server_builder;
use chancery::transport::credentials::Door;
use chancery::transport::listener::Listener;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming};

use super::{Bot, Play};
use crate::support::{Stage, caller};

/// One, with what it makes of what it hears; it goes away with this.
pub struct Playing {
    stage: Arc<Mutex<(Bot, Box<dyn Play>)>>,
    gifts: Arc<Gifts>,
    stop: CancellationToken,
}

impl Playing {
    pub async fn begin(stage: &Stage, own: &str, peer: &str, play: impl Play + 'static) -> Self {
        let play: Box<dyn Play> = Box::new(play);
        let playing = Self {
            stage: Arc::new(Mutex::new((Bot::new(stage, own, peer), play))),
            gifts: Arc::default(),
            stop: CancellationToken::new(),
        };
        playing.listen(stage).await;
        playing
    }

    async fn listen(&self, stage: &Stage) {
        let (own, peer) = self.with(|bot| (bot.own.to_string(), bot.peer.to_string()));
        let identity = caller::gateway_identity(stage, &own);
        let credentials = caller::credentials(stage, identity, &[&peer]);
        let address = stage.house(&own).plan().relay.parse().unwrap();
        let listener = loop {
            // One that has just gone away may still be ending.
            match Listener::bind(address, Door::Relay, credentials.clone()).await {
                Ok(listener) => break listener,
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        };
        let stop = self.stop.clone();
        let edge = Edge { stage: self.stage.clone(), gifts: self.gifts.clone(), stop: stop.clone() };
        tokio::spawn(async move {
            let incoming = listener.incoming(stop.clone());
            let server = server_builder().add_service(RelayServiceServer::new(edge));
            server.serve_with_incoming_shutdown(incoming, stop.cancelled_owned()).await
        });
    }

    /// Ends its streams and connections, and listens anew; what it knows stays.
    pub async fn go_away(&mut self, stage: &Stage) {
        std::mem::take(&mut self.stop).cancel();
        self.listen(stage).await;
    }

    /// Says these words on the next call for a part; what was answered when the call has ended.
    pub fn hand(&self, words: Vec<wire::TakePartResponse>) -> oneshot::Receiver<Vec<wire::TakePartRequest>> {
        let (answers, answered) = oneshot::channel();
        self.gifts.waiting.lock().unwrap().push_back(Gift { words, answers });
        self.gifts.more.notify_one();
        answered
    }

    /// How many have not been called for yet.
    pub fn untouched(&self) -> usize {
        self.gifts.waiting.lock().unwrap().len()
    }

    /// Goes on in another way.
    pub fn play(&self, play: impl Play + 'static) {
        self.stage.lock().unwrap().1 = Box::new(play);
    }

    /// Looks at the bot.
    pub fn with<T>(&self, look: impl FnOnce(&mut Bot) -> T) -> T {
        look(&mut self.stage.lock().unwrap().0)
    }
}

impl Drop for Playing {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

struct Edge {
    stage: Arc<Mutex<(Bot, Box<dyn Play>)>>,
    gifts: Arc<Gifts>,
    stop: CancellationToken,
}

/// What is said on calls for a part, one after the other.
#[derive(Default)]
struct Gifts {
    waiting: Mutex<VecDeque<Gift>>,
    more: Notify,
}

struct Gift {
    words: Vec<wire::TakePartResponse>,
    answers: oneshot::Sender<Vec<wire::TakePartRequest>>,
}

impl Gifts {
    async fn next(&self) -> Gift {
        loop {
            if let Some(gift) = self.waiting.lock().unwrap().pop_front() {
                return gift;
            }
            self.more.notified().await;
        }
    }
}

#[tonic::async_trait]
impl RelayService for Edge {
    type RelayStream = ReceiverStream<Result<wire::RelayFrame, Status>>;

    async fn relay(
        &self,
        request: Request<Streaming<wire::RelayFrame>>,
    ) -> Result<Response<Self::RelayStream>, Status> {
        let (sender, frames) = mpsc::channel(64);
        let (playing, stop, mut incoming) = (self.stage.clone(), self.stop.clone(), request.into_inner());
        tokio::spawn(async move {
            loop {
                let next = tokio::select! {
                    next = incoming.message() => next,
                    () = stop.cancelled() => return,
                };
                let Ok(Some(wire::RelayFrame { frame: Some(frame) })) = next else { return };
                let answers = {
                    let (bot, play) = &mut *playing.lock().unwrap();
                    play.respond(bot, frame)
                };
                for frame in answers {
                    if sender.send(Ok(wire::RelayFrame { frame: Some(frame) })).await.is_err() {
                        return;
                    }
                }
            }
        });
        Ok(Response::new(ReceiverStream::new(frames)))
    }

    async fn find_part(
        &self,
        _: Request<wire::FindPartRequest>,
    ) -> Result<Response<wire::FindPartResponse>, Status> {
        Ok(Response::new(wire::FindPartResponse { offset: 0, complete: false }))
    }

    async fn put_part(
        &self,
        request: Request<Streaming<wire::PutPartRequest>>,
    ) -> Result<Response<wire::PutPartResponse>, Status> {
        let (mut pieces, mut size) = (request.into_inner(), 0);
        while let Some(piece) = pieces.message().await? {
            size = piece.size;
        }
        Ok(Response::new(wire::PutPartResponse { size }))
    }

    type TakePartStream = ReceiverStream<Result<wire::TakePartResponse, Status>>;

    async fn take_part(
        &self,
        request: Request<Streaming<wire::TakePartRequest>>,
    ) -> Result<Response<Self::TakePartStream>, Status> {
        let (sender, words) = mpsc::channel(1);
        let (gifts, stop, mut incoming) = (self.gifts.clone(), self.stop.clone(), request.into_inner());
        tokio::spawn(async move {
            let gift = tokio::select! {
                gift = gifts.next() => gift,
                () = sender.closed() => return,
                () = stop.cancelled() => return,
            };
            for word in gift.words {
                // What was said before it tells why the other side has gone.
                let _gone = sender.send(Ok(word)).await;
            }
            let mut answers = Vec::new();
            while let Ok(Some(answer)) = incoming.message().await {
                let is_last = answer.complete || !answer.reason.is_empty();
                answers.push(answer);
                if is_last {
                    break;
                }
            }
            let _unheard = gift.answers.send(answers);
        });
        Ok(Response::new(ReceiverStream::new(words)))
    }
}
