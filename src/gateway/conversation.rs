//! The conversation: what a gateway does with a relay stream that a peer has opened.
//!
//! Batches of envelopes, leaves and cosignatures enter; outcomes, leaves and cosignatures leave, in turn.
//! The stream is read to its end or to the first frame that is not in order.

use std::collections::BTreeMap;

use tokio::time::timeout;

use crate::gateway::Gateway;
use crate::gateway::error::Fault;
use crate::gateway::frame::{Frame, Hello, Relay};
use crate::gateway::store::record::Alarm;
use crate::limits;
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
        self.note_hello(peer, &theirs).await?;
        let ours = self.hello(peer).await?;
        relay.send(Frame::Hello(ours.clone())).await?;
        let mut sent = self.begin_updates(peer, &ours, &theirs).await?;
        self.synchronise(peer, &mut relay, [&ours, &theirs], &mut sent).await?;
        loop {
            self.send_updates(peer, &relay, &mut sent).await?;
            match relay.receive().await? {
                Frame::Deliveries(envelopes) => {
                    let bytes: usize = envelopes.iter().map(Vec::len).sum();
                    // A single envelope has its own bound.
                    let too_large = envelopes.len() > 1 && bytes > limits::BATCH_BYTES_MAX;
                    if envelopes.len() > limits::BATCH_ENVELOPES_MAX || too_large {
                        return Err(Fault::Link("a batch is over its bound".to_owned()));
                    }
                    let outcomes = self.receive(peer, envelopes).await?;
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
            Frame::Deliveries(_) | Frame::Hello(_) | Frame::Outcomes(_) => {
                Err(Fault::Link("the peer sent a frame out of turn".to_owned()))
            }
        }
    }

    /// Where sending begins on a new stream: in this year's log where the peer's mirror ends, in logs of
    /// earlier years where its cosignatures end.
    pub(super) async fn begin_updates(
        &self,
        peer: &Ministry,
        ours: &Hello,
        theirs: &Hello,
    ) -> Result<Sent, Fault> {
        let mut sent = Sent::new();
        for log in self.store.list_logs().await? {
            let cosigned = log.cosigned.map_or(0, |cosigned| cosigned.size);
            if !log.mirror && log.peer == *peer && cosigned < log.size {
                sent.insert(log.origin, cosigned);
            }
        }
        sent.insert(ours.origin.clone(), 0);
        // It speaks of the log of the year that its own clock shows.
        sent.insert(self.config.domain.log_origin(peer, theirs.time.year()), theirs.mirrored_size);
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
        let next = sent.entry(ours.origin.clone()).or_insert(0);
        let mut mirrored = self.mirrored_size(&theirs.origin).await?;
        let mut awaited = false;
        loop {
            if !awaited
                && *next < ours.size
                && let Some(update) = self.next_update(&ours.origin, *next).await?
            {
                *next = update.first_index.saturating_add(update.leaves.len() as u64);
                relay.send(Frame::LogUpdate(update)).await?;
                awaited = true;
            }
            if !awaited && *next >= ours.size && mirrored >= theirs.size {
                return Ok(());
            }
            let frame = timeout(limits::OUTCOME_DEADLINE, relay.receive()).await;
            let frame =
                frame.map_err(|_| Fault::Link("the peer's log did not come in time".to_owned()))??;
            awaited = awaited && !matches!(frame, Frame::Cosignature(_));
            self.attend(peer, relay, frame).await?;
            mirrored = self.mirrored_size(&theirs.origin).await?;
        }
    }

    async fn mirrored_size(&self, origin: &str) -> Result<u64, Fault> {
        Ok(self.store.log_head(origin.to_owned()).await?.map_or(0, |head| head.size))
    }

    /// What this gateway says when a stream opens.
    pub(super) async fn hello(&self, peer: &Ministry) -> Result<Hello, Fault> {
        let origin = self.open_log(peer).await?;
        let size = self.store.log_head(origin.clone()).await?.map_or(0, |head| head.size);
        let time = self.clock.now();
        let accreditation = self.accreditation()?;
        let domain = accreditation.bundle(peer)?.bundle().domain();
        let theirs = domain.log_origin(&self.config.ministry, time.year());
        let mirrored = self.store.log_head(theirs).await?;
        Ok(Hello {
            ministry: self.config.ministry.clone(),
            origin,
            size,
            mirrored_size: mirrored.map_or(0, |head| head.size),
            time,
        })
    }

    /// Notes the peer's clock. A log that the peer does not keep about us is none of its business: what we hold
    /// of it must not show in how the stream goes on. Where the peer holds more leaves of our log than we do, this gateway was rolled
    /// back, and signing on would use numbers twice: an alarm is raised and the stream ends.
    pub(super) async fn note_hello(&self, peer: &Ministry, hello: &Hello) -> Result<(), Fault> {
        let skew = hello.time.seconds().saturating_sub(self.clock.now().seconds());
        self.note_link(peer, |link| link.clock_skew = skew);
        if !self.accreditation()?.is_log_of_pair(peer, &hello.origin)? {
            return Err(Fault::Link("the peer's hello names a log that is not of this pair".to_owned()));
        }
        // It speaks of the log of the year that its own clock shows.
        let origin = self.config.domain.log_origin(peer, hello.time.year());
        let own = self.store.log_head(origin).await?.map_or(0, |head| head.size);
        if hello.mirrored_size <= own {
            return Ok(());
        }
        let detail = format!("the peer holds {} leaves of our log, we hold {own}", hello.mirrored_size);
        let fault = Fault::Link(format!("this gateway was rolled back: {detail}"));
        let (code, ministry, time) = ("ROLLED_BACK".to_owned(), peer.clone(), self.clock.now());
        self.store.raise_alarm(Alarm { code, ministry, detail, time }).await?;
        Err(fault)
    }
}
