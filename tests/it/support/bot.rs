//! A gateway made by hand, with the true keys of its ministry: it keeps a log, mirrors the other's, and tells
//! the truth or whatever its `Play` makes of it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chancery::keys::file::FileNoteSigner;
use chancery::limits;
use chancery::message::envelope::Envelope;
use chancery::message::leaf::{Leaf, LeafKind, LeafMessage};
use chancery::message::receipt::Receipt;
use chancery::proto::gateway::v1 as wire;
use chancery::proto::gateway::v1::relay_frame::Frame;
use chancery::proto::gateway::v1::relay_service_client::RelayServiceClient;
use chancery::proto::gateway::v1::relay_service_server::{RelayService, RelayServiceServer};
use chancery::time::Clock;
use chancery::tlog::checkpoint::Checkpoint;
use chancery::tlog::cosignature;
use chancery::tlog::merkle::{self, Tree};
use chancery::tlog::signed_note::Note;
use chancery::tlog::tlog_proof::TlogProof;
use chancery::tlog::verifier_key::KeyName;
use chancery::transport::channel::server_builder;
use chancery::transport::credentials::Door;
use chancery::transport::listener::Listener;
use chancery::trust::name::Ministry;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;
use tonic::{Request, Response, Status, Streaming};

use super::clock::Hand;
use super::{Stage, caller, ministry};

/// What a ministry's gateway knows and can sign.
pub struct Bot {
    pub own: Ministry,
    pub peer: Ministry,
    pub origin: KeyName,
    pub cosigner: KeyName,
    pub leaves: Vec<Vec<u8>>,
    /// How many leaves the other side has been sent on the present stream.
    pub told: usize,
    pub log_key: FileNoteSigner,
    pub cosigner_key: FileNoteSigner,
    pub places: BTreeMap<Vec<u8>, usize>,
    pub clock: Hand,
}

impl Bot {
    pub fn new(stage: &Stage, own: &str, peer: &str) -> Self {
        let home = &stage.house(own).homes().gateway;
        let domain = stage.house(own).plan().founding.domain.clone();
        let peer = ministry(peer);
        Self {
            own: ministry(own),
            origin: KeyName::parse(&domain.log_origin(&peer, 2026)).unwrap(),
            cosigner: KeyName::parse(&domain.cosigner_name()).unwrap(),
            peer,
            leaves: Vec::new(),
            told: 0,
            log_key: FileNoteSigner::open(&home.log_key()).unwrap(),
            cosigner_key: FileNoteSigner::open(&home.cosigner_key()).unwrap(),
            places: BTreeMap::new(),
            clock: stage.clock.another(),
        }
    }

    fn tree(&self) -> Tree {
        let mut tree = Tree::new();
        self.leaves.iter().for_each(|leaf| tree.push(merkle::leaf_hash(leaf)));
        tree
    }

    /// The checkpoint over the first `size` leaves, unsigned.
    pub fn head(&self, size: usize) -> Checkpoint {
        let root = merkle::root(size as u64, &self.tree()).unwrap();
        Checkpoint { origin: self.origin.clone(), size: size as u64, root }
    }

    /// Signed.
    pub fn checkpoint(&self, size: usize) -> String {
        self.head(size).sign(&self.log_key)
    }

    /// The leaves from `first` on, under a signed checkpoint.
    pub fn update(&self, first: usize) -> Frame {
        Frame::LogUpdate(wire::LogUpdate {
            first_index: first as u64,
            leaves: self.leaves[first..].to_vec(),
            checkpoint: self.checkpoint(self.leaves.len()),
        })
    }

    /// The leaves that were not sent yet; nothing where all were.
    pub fn news(&mut self) -> Vec<Frame> {
        let first = std::mem::replace(&mut self.told, self.leaves.len());
        if first < self.leaves.len() { vec![self.update(first)] } else { Vec::new() }
    }

    /// The checkpoint of the size that the other side mirrors.
    pub fn shown(&self) -> Vec<Frame> {
        let told = self.told.min(self.leaves.len());
        let checkpoint = self.checkpoint(told);
        let update = wire::LogUpdate { first_index: told as u64, leaves: Vec::new(), checkpoint };
        if told > 0 { vec![Frame::LogUpdate(update)] } else { Vec::new() }
    }

    /// The receipt of a leaf under the checkpoint of a size.
    pub fn receipt(&self, index: usize, size: usize) -> Receipt {
        self.receipt_under(index, &self.checkpoint(size))
    }

    pub fn receipt_under(&self, index: usize, checkpoint: &str) -> Receipt {
        let note = Note::parse(checkpoint).unwrap();
        let proof = TlogProof::prove(index as u64, note, &self.tree()).unwrap();
        Receipt::compose(self.leaves[index].clone(), proof).unwrap()
    }

    /// Writes a leaf about a message; the place of the one that is there already.
    pub fn take(&mut self, envelope: &[u8], kind: LeafKind) -> usize {
        let message = LeafMessage::of(&Envelope::parse(envelope).unwrap());
        let key = message.id.as_bytes().to_vec();
        let next = self.leaves.len();
        let place = *self.places.entry(key).or_insert(next);
        if place == next {
            self.leaves.push(Leaf::about(kind, message, "", self.clock.now()).bytes());
        }
        place
    }

    pub fn cosign(&self, update: &wire::LogUpdate) -> Frame {
        let note = Note::parse(&update.checkpoint).unwrap();
        let checkpoint = Checkpoint::parse(note.text()).unwrap();
        let line = cosignature::cosign(&checkpoint, &self.cosigner, &self.cosigner_key, self.clock.now());
        let (origin, size) = (checkpoint.origin.as_str().to_owned(), checkpoint.size);
        Frame::Cosignature(wire::Cosignature { origin, size, line })
    }

    /// A hello that claims these checkpoints of the other side's logs.
    pub fn hello(&self, mirrors: &[String]) -> wire::Hello {
        let logs = if self.leaves.is_empty() { vec![] } else { vec![self.checkpoint(self.leaves.len())] };
        wire::Hello {
            ministry: self.own.to_string(),
            time: self.clock.now().seconds(),
            logs,
            mirrors: mirrors.to_vec(),
            window_envelopes: limits::WINDOW_ENVELOPES,
            window_bytes: limits::WINDOW_BYTES,
        }
    }

    /// How many of this bot's leaves a hello says that the other side holds.
    pub fn mirrored(&self, theirs: &wire::Hello) -> usize {
        let sizes = theirs.mirrors.iter().map(|mirror| checkpoint_of(mirror));
        let own = sizes.filter(|checkpoint| checkpoint.origin == self.origin);
        own.map(|checkpoint| usize::try_from(checkpoint.size).unwrap()).max().unwrap_or(0)
    }
}

/// What a checkpoint says, whoever signed it.
pub fn checkpoint_of(text: &str) -> Checkpoint {
    Checkpoint::parse(Note::parse(text).unwrap().text()).unwrap()
}

/// The answer that a receipt is.
pub fn outcome(receipt: &Receipt) -> wire::Outcome {
    let message_id = receipt.leaf().message.map(|message| message.id.as_bytes().to_vec());
    wire::Outcome {
        message_id: message_id.unwrap_or_default(),
        receipt: receipt.encode(),
        reason: String::new(),
        detail: String::new(),
    }
}

/// Envelopes that are to be taken.
pub fn deliveries(envelopes: Vec<Vec<u8>>) -> Frame {
    let delivery = |envelope| wire::Delivery { envelope, withdrawn: false };
    Frame::Deliveries(wire::Deliveries { deliveries: envelopes.into_iter().map(delivery).collect() })
}

pub fn outcomes(outcomes: Vec<wire::Outcome>) -> Frame {
    Frame::Outcomes(wire::Outcomes { outcomes })
}

/// What a bot makes of the frames it gets; everything that is not written is true.
pub trait Play: Send {
    fn hello(&mut self, bot: &mut Bot, theirs: wire::Hello) -> Vec<Frame> {
        bot.told = bot.mirrored(&theirs);
        [vec![Frame::Hello(bot.hello(&[]))], bot.shown(), bot.news()].concat()
    }

    fn log_update(&mut self, bot: &mut Bot, update: wire::LogUpdate) -> Vec<Frame> {
        vec![bot.cosign(&update)]
    }

    fn deliveries(&mut self, bot: &mut Bot, envelopes: Vec<Vec<u8>>) -> Vec<Frame> {
        let places: Vec<usize> =
            envelopes.iter().map(|envelope| bot.take(envelope, LeafKind::Received)).collect();
        let size = bot.leaves.len();
        let receipts = places.iter().map(|place| outcome(&bot.receipt(*place, size))).collect();
        [bot.news(), vec![outcomes(receipts)]].concat()
    }

    fn respond(&mut self, bot: &mut Bot, frame: Frame) -> Vec<Frame> {
        match frame {
            Frame::Hello(hello) => self.hello(bot, hello),
            Frame::LogUpdate(update) => self.log_update(bot, update),
            Frame::Deliveries(deliveries) => {
                let envelopes = deliveries.deliveries.into_iter().map(|delivery| delivery.envelope);
                self.deliveries(bot, envelopes.collect())
            }
            Frame::Cosignature(_) | Frame::Outcomes(_) | Frame::Window(_) => Vec::new(),
            Frame::CopyRequest(request) => self.copy_request(bot, request),
            Frame::Copy(_) => Vec::new(),
        }
    }

    fn copy_request(&mut self, _: &mut Bot, _: wire::CopyRequest) -> Vec<Frame> {
        Vec::new()
    }
}

/// Tells the truth.
pub struct Honest;

impl Play for Honest {}

/// A bot that listens where its ministry's gateway would.
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

/// A bot that dials: it has a relay stream open to a true gateway.
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
