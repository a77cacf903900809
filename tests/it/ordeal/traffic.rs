//! Desks that send without a pause and fetch without a pause, whatever their gateways do, and write down what
//! they were told: the histories that the checker compares with the archives.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chancery::desk::error::DeskError;
use chancery::desk::mailbox::Mailbox;
use chancery::desk::register::Place;
use chancery::digest::Digest;
use chancery::message::envelope::Envelope;
use chancery::message::terms::Precedence;
use chancery::trust::policy::ChannelId;
use data_encoding::BASE64;
use serde_json::{Value, json};

use super::chance::Chance;
use crate::support::Stage;
use crate::support::craft::Craft;

/// A document of this size does not fit into an envelope.
const DOCUMENT_BYTES: usize = 300 * 1024;

/// One in so many turns is a row of messages over a stream for batches.
const BATCHES_ONE_IN: u64 = 12;

/// Messages of one such batch.
const BATCH: usize = 4;

/// One message in so many carries a document beside its envelope.
const DOCUMENTS_ONE_IN: u64 = 12;

/// What desks were told, one JSON object a line (docs/format.md section 19).
pub struct History(Mutex<BufWriter<File>>);

impl History {
    pub fn create(path: &Path) -> Self {
        Self(Mutex::new(BufWriter::new(File::create_new(path).unwrap())))
    }

    pub fn write(&self, event: &Value) {
        writeln!(self.0.lock().unwrap(), "{event}").unwrap();
    }

    pub fn end(&self) {
        self.0.lock().unwrap().flush().unwrap();
    }
}

/// What all desks of a run share.
pub struct Traffic {
    pub stage: Stage,
    pub history: History,
    /// No further message is begun.
    pub sending_ends: AtomicBool,
    /// A desk that has fetched everything stops.
    pub fetching_ends: AtomicBool,
    pub accepted: AtomicU64,
    pub fetched: AtomicU64,
    pub documents: AtomicU64,
    /// Messages that went over a stream for batches.
    pub batched: AtomicU64,
    /// Attempts that had no answer.
    pub unanswered: AtomicU64,
}

impl Traffic {
    pub fn new(stage: Stage, history: &Path) -> Arc<Self> {
        Arc::new(Self {
            stage,
            history: History::create(history),
            sending_ends: AtomicBool::new(false),
            fetching_ends: AtomicBool::new(false),
            accepted: AtomicU64::new(0),
            fetched: AtomicU64::new(0),
            documents: AtomicU64::new(0),
            batched: AtomicU64::new(0),
            unanswered: AtomicU64::new(0),
        })
    }

    async fn connect(&self, code: &str) -> Mailbox {
        let house = self.stage.house(code);
        loop {
            match house.desk().unwrap().mailbox(house.keys()).await {
                Ok(mailbox) => return mailbox,
                Err(failure) if failure.is_passing() => self.wait().await,
                Err(other) => panic!("{code}: {other:?}"),
            }
        }
    }

    async fn wait(&self) {
        self.unanswered.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// One sequence of messages: a channel in one direction, with its desk.
pub struct Lane {
    pub from: String,
    pub to: String,
    pub channel: ChannelId,
    pub chance: Chance,
    pub last: Option<Envelope>,
}

impl Lane {
    pub fn new(from: &str, to: &str, channel: &ChannelId, chance: Chance) -> Self {
        Self { from: from.to_owned(), to: to.to_owned(), channel: channel.clone(), chance, last: None }
    }

    /// Signs the next message; beside it the document that does not fit into it.
    pub fn compose(&mut self, stage: &Stage) -> (Envelope, Option<Vec<u8>>) {
        let mut craft = self.next(stage);
        let with_document = self.chance.between(0, DOCUMENTS_ONE_IN) == 0;
        if with_document {
            craft.parts.push(self.chance.bytes(DOCUMENT_BYTES));
        }
        let envelope = self.sign(stage, &craft);
        (envelope, with_document.then(|| craft.parts.remove(1)))
    }

    /// The next message, not signed yet.
    fn next(&mut self, stage: &Stage) -> Craft {
        let mut craft = Craft::new(stage, &self.from, &self.to);
        craft.address.channel = self.channel.clone();
        craft.address.precedence = match self.chance.between(0, 4) {
            0 => Precedence::Priority,
            1 => Precedence::Immediate,
            _ => Precedence::Routine,
        };
        craft.position.valid_until = craft.position.release_time.after(Duration::from_secs(30 * 24 * 3600));
        craft.parts = vec![self.chance.bytes(512)];
        if let Some(last) = &self.last { craft.after(last) } else { craft }
    }

    fn sign(&mut self, stage: &Stage, craft: &Craft) -> Envelope {
        let envelope = craft.signed(stage);
        self.last = Some(envelope.clone());
        envelope
    }

    /// What its desk was told of a message.
    pub fn accepted(&self, envelope: &Envelope, receipt: &[u8]) -> Value {
        json!({
            "event": "accepted", "ministry": self.from, "desk": self.channel.as_str(),
            "id": envelope.id().to_string(), "receipt": BASE64.encode(receipt),
        })
    }

    /// Sends until the traffic ends, and can go on after that.
    pub async fn send(mut self, traffic: Arc<Traffic>) -> Self {
        let mut mailbox = traffic.connect(&self.from).await;
        while !traffic.sending_ends.load(Ordering::Relaxed) {
            if self.chance.between(0, BATCHES_ONE_IN) == 0 {
                self.send_batches(&traffic, &mut mailbox).await;
                continue;
            }
            let (envelope, document) = self.compose(&traffic.stage);
            self.insist(&traffic, &mut mailbox, &envelope, document.as_deref()).await;
        }
        self
    }

    /// Sends some messages over a stream for batches. Where the stream breaks, all of them go again, the same bytes.
    async fn send_batches(&mut self, traffic: &Traffic, mailbox: &mut Mailbox) {
        let mut envelopes = Vec::new();
        for _ in 0..2 * BATCH {
            let craft = self.next(&traffic.stage);
            envelopes.push(self.sign(&traffic.stage, &craft));
        }
        let receipts = loop {
            match submit_all(mailbox, &envelopes).await {
                Ok(receipts) => break receipts,
                Err(failure) if failure.is_passing() => {
                    traffic.wait().await;
                    *mailbox = traffic.connect(&self.from).await;
                }
                Err(other) => panic!("{} refused its own desk: {other:?}", self.from),
            }
        };
        assert_eq!(receipts.len(), envelopes.len());
        for (envelope, receipt) in envelopes.iter().zip(&receipts) {
            traffic.accepted.fetch_add(1, Ordering::Relaxed);
            traffic.batched.fetch_add(1, Ordering::Relaxed);
            traffic.history.write(&self.accepted(envelope, receipt));
        }
    }

    /// Sends one message with a document.
    pub async fn hand_over(mut self, traffic: &Traffic, document: Vec<u8>) -> Self {
        let mut mailbox = traffic.connect(&self.from).await;
        let mut craft = self.next(&traffic.stage);
        craft.parts.push(document);
        let envelope = self.sign(&traffic.stage, &craft);
        self.insist(traffic, &mut mailbox, &envelope, craft.parts.pop().as_deref()).await;
        self
    }

    /// A message without an answer is sent again, the same bytes, until there is one.
    async fn insist(
        &self,
        traffic: &Traffic,
        mailbox: &mut Mailbox,
        envelope: &Envelope,
        document: Option<&[u8]>,
    ) {
        let receipt = loop {
            match submit(mailbox, envelope, document).await {
                Ok(receipt) => break receipt,
                Err(failure) if failure.is_passing() => {
                    traffic.wait().await;
                    *mailbox = traffic.connect(&self.from).await;
                }
                Err(other) => panic!("{} refused its own desk: {other:?}", self.from),
            }
        };
        traffic.accepted.fetch_add(1, Ordering::Relaxed);
        traffic.documents.fetch_add(u64::from(document.is_some()), Ordering::Relaxed);
        traffic.history.write(&self.accepted(envelope, &receipt));
    }
}

/// Hands over envelopes over one stream, two batches under way at once; the receipts of all, or the first failure.
async fn submit_all(mailbox: &mut Mailbox, envelopes: &[Envelope]) -> Result<Vec<Vec<u8>>, DeskError> {
    let mut stream = mailbox.submissions().await?;
    let batches = envelopes.chunks(BATCH);
    for batch in batches.clone() {
        stream.submit(batch.iter().map(Envelope::encode).collect()).await?;
    }
    let mut receipts = Vec::new();
    for _ in batches {
        for answer in stream.answers().await? {
            receipts.push(answer?);
        }
    }
    Ok(receipts)
}

/// Hands over the document, where there is one, and then the envelope.
pub async fn submit(
    mailbox: &mut Mailbox,
    envelope: &Envelope,
    document: Option<&[u8]>,
) -> Result<Vec<u8>, DeskError> {
    if let Some(document) = document {
        let content = std::io::Cursor::new(document.to_vec());
        mailbox.put_part(Digest::of(document), document.len() as u64, content).await?;
    }
    mailbox.submit(envelope.encode()).await
}

/// A desk that fetches all there is, from the first message on, with the documents.
pub struct Reader {
    pub ministry: String,
    pub desk: String,
    pub place: Place,
}

impl Reader {
    pub fn new(ministry: &str, desk: &str) -> Self {
        Self { ministry: ministry.to_owned(), desk: desk.to_owned(), place: Place::default() }
    }

    /// Fetches until the traffic has ended and nothing is left.
    pub async fn fetch(mut self, traffic: Arc<Traffic>) {
        let mut mailbox = traffic.connect(&self.ministry).await;
        loop {
            // Asked before the page: what comes in after this is fetched in another round.
            let last_round = traffic.fetching_ends.load(Ordering::Relaxed);
            match self.page(&mut mailbox, &traffic).await {
                Ok(0) if last_round => return,
                Ok(0) => tokio::time::sleep(Duration::from_millis(50)).await,
                Ok(_) => {}
                Err(failure) if failure.is_passing() => {
                    traffic.wait().await;
                    mailbox = traffic.connect(&self.ministry).await;
                }
                Err(other) => panic!("{}: {other:?}", self.ministry),
            }
        }
    }

    async fn page(&mut self, mailbox: &mut Mailbox, traffic: &Traffic) -> Result<usize, DeskError> {
        let listed = mailbox.list_received(&self.place).await?;
        for message in &listed.messages {
            let envelope = Envelope::parse(&message.envelope).unwrap();
            for (part, content) in envelope.header().parts().iter().zip(envelope.parts()) {
                if content.is_empty() {
                    let document: Arc<Mutex<Vec<u8>>> = Arc::default();
                    let kept = document.clone();
                    let keep = move |piece: &[u8]| {
                        kept.lock().unwrap().extend_from_slice(piece);
                        Ok(())
                    };
                    mailbox.get_part(&part.digest, 0, part.size, keep).await?;
                    let found = Digest::of(&document.lock().unwrap());
                    assert_eq!(found, part.digest, "the document of {}", envelope.id());
                }
            }
            self.place = Place { epoch: listed.epoch, cursor: message.cursor, message: Some(envelope.id()) };
            traffic.fetched.fetch_add(1, Ordering::Relaxed);
            traffic.history.write(&json!({
                "event": "fetched", "ministry": self.ministry, "desk": self.desk,
                "cursor": message.cursor, "id": envelope.id().to_string(),
            }));
        }
        if let Some(last) = listed.messages.last() {
            mailbox.acknowledge(listed.epoch, last.cursor).await?;
        }
        Ok(listed.messages.len())
    }
}
