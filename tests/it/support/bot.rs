//! A gateway made by hand, with the true keys of its ministry: it keeps a log, mirrors the other's, and tells
//! the truth or whatever its `Play` makes of it.

use std::collections::BTreeMap;

use chancery::keys::file::FileNoteSigner;
use chancery::limits;
use chancery::message::envelope::Envelope;
use chancery::message::leaf::{Leaf, LeafKind, LeafMessage};
use chancery::message::receipt::Receipt;
use chancery::proto::gateway::v1 as wire;
use chancery::proto::gateway::v1::relay_frame::Frame;
use chancery::time::Clock;
use chancery::tlog::checkpoint::Checkpoint;
use chancery::tlog::cosignature;
use chancery::tlog::merkle::{self, Tree};
use chancery::tlog::signed_note::Note;
use chancery::tlog::tlog_proof::TlogProof;
use chancery::tlog::verifier_key::KeyName;
use chancery::trust::name::Ministry;

use super::clock::Hand;
use super::{Stage, ministry};

mod dialled;
mod playing;

pub use dialled::Dialled;
pub use playing::Playing;

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
            // Bots are of the first release, unless a test says otherwise.
            frames: 0,
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
            Frame::Announcement(_) | Frame::Cosignature(_) | Frame::Outcomes(_) | Frame::Window(_) => {
                Vec::new()
            }
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
