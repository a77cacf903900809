//! The conversation: what a gateway does with a relay stream that a peer has opened.
//!
//! Batches of envelopes, leaves and cosignatures enter; outcomes, leaves and cosignatures leave, in turn.
//! The stream is read to its end or to the first frame that is not in order.

use std::collections::BTreeMap;

use tokio::time::timeout;

use crate::gateway::Gateway;
use crate::gateway::error::Fault;
use crate::gateway::frame::{Frame, Hello, LogUpdate, Relay};
use crate::limits;
use crate::tlog::checkpoint::Checkpoint;
use crate::tlog::signed_note::Note;
use crate::trust::name::Ministry;

/// How far one stream has come in each of our logs of a pair: origin to the next leaf to send.
pub(super) type Sent = BTreeMap<String, u64>;

impl Gateway {
    /// Serves one relay stream of `peer`, the ministry that TLS has authenticated.
    pub async fn converse(&self, peer: &Ministry, mut relay: Relay) -> Result<(), Fault> {
        let first = timeout(limits::OUTCOME_DEADLINE, relay.receive()).await;
        let theirs = match first.map_err(|_| Fault::Link("the peer says nothing".to_owned()))?? {
            Frame::Hello(hello) if hello.ministry == *peer => hello,
            _ => return Err(Fault::Link("a relay stream begins with the hello of its ministry".to_owned())),
        };
        let ours = self.hello(peer).await?;
        relay.send(Frame::Hello(ours.clone())).await?;
        self.compare(peer, &ours, &theirs).await?;
        let mut sent = self.begin_updates(peer, &relay, &theirs).await?;
        self.synchronise(peer, &mut relay, [&ours, &theirs], &mut sent).await?;
        loop {
            self.send_updates(peer, &relay, &mut sent).await?;
            match relay.receive().await? {
                Frame::Deliveries(deliveries) => {
                    let bytes: usize = deliveries.iter().map(|delivery| delivery.envelope.len()).sum();
                    // A single envelope has its own bound.
                    let too_large = deliveries.len() > 1 && bytes > limits::BATCH_BYTES_MAX;
                    if deliveries.len() > limits::BATCH_ENVELOPES_MAX || too_large {
                        return Err(Fault::Link("a batch is over its bound".to_owned()));
                    }
                    let outcomes = self.receive(peer, deliveries).await?;
                    // The peer needs the new leaves before it can check the receipts.
                    self.send_updates(peer, &relay, &mut sent).await?;
                    relay.send(Frame::Outcomes(outcomes)).await?;
                }
                other => self.attend(peer, &relay, other).await?,
            }
        }
    }

    /// What both sides do with the frames that may come at any time.
    pub(super) async fn attend(&self, peer: &Ministry, relay: &Relay, frame: Frame) -> Result<(), Fault> {
        match frame {
            Frame::LogUpdate(update) => {
                let cosignature = self.mirror(peer, update).await?;
                relay.send(Frame::Cosignature(cosignature)).await
            }
            Frame::Cosignature(cosignature) => self.keep_cosignature(peer, cosignature).await,
            // The other side's window is as large as what one batch of ours takes.
            Frame::Window(_) => Ok(()),
            Frame::CopyRequest(request) => {
                let copied = self.copy_for(peer, request).await?;
                relay.send(Frame::Copy(copied)).await
            }
            Frame::Copy(copied) => match self.take_copy(peer, copied).await? {
                Some(request) => relay.send(Frame::CopyRequest(request)).await,
                None => Ok(()),
            },
            Frame::Deliveries(_) | Frame::Hello(_) | Frame::Outcomes(_) => {
                Err(Fault::Link("the peer sent a frame out of turn".to_owned()))
            }
        }
    }

    /// Where sending begins on a new stream: where the peer's mirror of each log ends, and at the beginning of
    /// those of which it holds nothing. What it holds is shown once more under our checkpoint of today.
    pub(super) async fn begin_updates(
        &self,
        peer: &Ministry,
        relay: &Relay,
        theirs: &Hello,
    ) -> Result<Sent, Fault> {
        let mirrored = self.mirrored_by(peer, theirs);
        let mut sent = Sent::from([(self.open_log(peer).await?, 0)]);
        for log in self.store.list_logs().await?.into_iter().filter(|log| !log.mirror && log.peer == *peer) {
            let cosigned = log.cosigned.map_or(0, |cosigned| cosigned.size);
            match mirrored.get(&log.origin) {
                Some(held) => {
                    let checkpoint = self.checkpoint_at(&log.origin, *held).await?;
                    let shown = LogUpdate { first_index: *held, leaves: Vec::new(), checkpoint };
                    relay.send(Frame::LogUpdate(shown)).await?;
                    sent.insert(log.origin, *held);
                }
                None if cosigned < log.size => {
                    sent.insert(log.origin, 0);
                }
                None => {}
            }
        }
        Ok(sent)
    }

    /// Sends the leaves of our logs of the pair that this stream has not carried yet.
    pub(super) async fn send_updates(
        &self,
        peer: &Ministry,
        relay: &Relay,
        sent: &mut Sent,
    ) -> Result<(), Fault> {
        // A new year's log is opened by the first leaf that needs it.
        sent.entry(self.open_log(peer).await?).or_insert(0);
        for (origin, next) in sent.iter_mut() {
            // Another stream may have carried leaves in the meantime.
            let head = self.store.log_head(origin.clone()).await?;
            let cosigned = head.and_then(|head| head.cosigned).map_or(0, |cosigned| cosigned.size);
            *next = (*next).max(cosigned);
            while let Some(update) = self.next_update(origin, *next).await? {
                *next = update.first_index.saturating_add(update.leaves.len() as u64);
                relay.send(Frame::LogUpdate(update)).await?;
            }
        }
        Ok(())
    }

    /// Brings both mirrors up to what the hellos (ours, theirs) said, one piece at a time each way: neither
    /// side sends on before its last piece is cosigned, so that two long backlogs cannot block each other.
    /// Leaves that came after our hello wait, because the peer may begin with its deliveries before them.
    pub(super) async fn synchronise(
        &self,
        peer: &Ministry,
        relay: &mut Relay,
        [ours, theirs]: [&Hello; 2],
        sent: &mut Sent,
    ) -> Result<(), Fault> {
        let (own, others) = (sizes(&ours.logs)?, sizes(&theirs.logs)?);
        let mut awaited = false;
        loop {
            if !awaited && let Some(update) = self.next_missing(&own, sent).await? {
                let next = update.first_index.saturating_add(update.leaves.len() as u64);
                sent.insert(origin_of(&update.checkpoint)?, next);
                relay.send(Frame::LogUpdate(update)).await?;
                awaited = true;
            }
            if !awaited && self.mirrors_all(&others).await? {
                return Ok(());
            }
            let frame = timeout(limits::OUTCOME_DEADLINE, relay.receive()).await;
            let frame =
                frame.map_err(|_| Fault::Link("the peer's log did not come in time".to_owned()))??;
            awaited = awaited && !matches!(frame, Frame::Cosignature(_));
            self.attend(peer, relay, frame).await?;
        }
    }

    async fn next_missing(
        &self,
        own: &BTreeMap<String, u64>,
        sent: &Sent,
    ) -> Result<Option<LogUpdate>, Fault> {
        for (origin, size) in own {
            let next = sent.get(origin).copied().unwrap_or(0);
            if next < *size
                && let Some(update) = self.next_update(origin, next).await?
            {
                return Ok(Some(update));
            }
        }
        Ok(None)
    }

    async fn mirrors_all(&self, others: &BTreeMap<String, u64>) -> Result<bool, Fault> {
        for (origin, size) in others {
            if self.mirrored_size(origin).await? < *size {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn mirrored_size(&self, origin: &str) -> Result<u64, Fault> {
        Ok(self.store.log_head(origin.to_owned()).await?.map_or(0, |head| head.size))
    }
}

fn sizes(checkpoints: &[String]) -> Result<BTreeMap<String, u64>, Fault> {
    let size = |text: &String| Ok((origin_of(text)?, open(text)?.size));
    checkpoints.iter().map(size).collect()
}

fn origin_of(checkpoint: &str) -> Result<String, Fault> {
    Ok(open(checkpoint)?.origin.as_str().to_owned())
}

/// What a checkpoint says that was believed before.
fn open(text: &str) -> Result<Checkpoint, Fault> {
    let malformed = |_| Fault::Link("the peer sent a malformed checkpoint".to_owned());
    let note = Note::parse(text).map_err(|_| Fault::Link("the peer sent a malformed note".to_owned()))?;
    Checkpoint::parse(note.text()).map_err(malformed)
}
