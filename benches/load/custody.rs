//! The gateway path: envelopes made beforehand go from the load to one gateway, to the other, and count as
//! delivered when the peer's receipt is checked, cosigned and durable.

use std::time::{Duration, Instant};

use chancery::limits;
use chancery::proto::gateway::v1 as wire;
use tokio::sync::{Semaphore, mpsc};
use tokio_stream::wrappers::ReceiverStream;

use crate::Outcome;
use crate::client::Client;
use crate::envelopes::Made;
use crate::options::Options;
use crate::process::{Reading, forget_peak};
use crate::report::{Report, mib, micros_each, percentiles};
use crate::stage::{Account, Stage};

/// Bytes of an envelope of the usual act, about; for the baselines.
pub const ENVELOPE_BYTES: usize = 21 * 1024;

/// Envelopes of one batch of a stream: what fits into a frame.
pub const BATCH: usize = 48;

/// Messages of a stream that are not delivered yet; more are not sent.
const STREAM_WINDOW: usize = 1_024;

/// Unary Submit: so many messages at once, each on a channel of its own and each until it is delivered.
pub async fn rows(stage: &mut Stage, options: &Options, report: &mut Report) -> Outcome<()> {
    let mut mint = stage.mint()?;
    let client = Client::of(stage, &stage.sender).await?;
    for (at_once, each) in options.concurrency() {
        let mut work: Vec<Vec<Made>> = Vec::new();
        for slot in 0..at_once {
            work.push(mint.take(stage, slot, each)?);
        }
        let meter = Meter::start(stage).await?;
        let mut senders = Vec::new();
        for made in work {
            senders.push(tokio::spawn(one_by_one(client.clone(), made)));
        }
        let (mut accepted, mut delivered) = (Vec::new(), Vec::new());
        for sender in senders {
            let (one, other) = sender.await??;
            accepted.extend(one);
            delivered.extend(other);
        }
        let row = format!("gateway path, {at_once} at once");
        let beside = report.newest(&format!("bare tonic unary, {at_once} at once"), "messages/s");
        let figures = meter.stop(stage, &accepted, &delivered, beside).await?;
        report.add(&row, &figures);
    }
    stage.keep(mint);
    Ok(())
}

async fn one_by_one(mut client: Client, made: Vec<Made>) -> Outcome<(Vec<Duration>, Vec<Duration>)> {
    let (mut accepted, mut delivered) = (Vec::new(), Vec::new());
    for (id, envelope) in made {
        let settled = client.settled(&id);
        let began = Instant::now();
        client.submit(envelope).await?;
        accepted.push(began.elapsed());
        delivered.push(settled.await?.saturating_duration_since(began));
    }
    Ok((accepted, delivered))
}

/// One stream of batches on one channel, with a bounded number of messages under way.
pub async fn stream(stage: &mut Stage, options: &Options, report: &mut Report) -> Outcome<()> {
    let mut mint = stage.mint()?;
    let made = mint.take(stage, 0, options.stream_messages())?;
    stage.keep(mint);
    let client = Client::of(stage, &stage.sender).await?;
    let meter = Meter::start(stage).await?;
    let (accepted, delivered) = streamed(client, made).await?;
    let beside = report.newest("bare tonic unary, 256 at once", "messages/s");
    let mut figures = meter.stop(stage, &accepted, &delivered, beside).await?;
    if let (Some(bare), Some(rate)) =
        (report.newest("bare append, 48 envelopes", "messages/s"), figures.first())
    {
        figures.push(("of bare append", rate.1 / bare));
    }
    report.add("gateway path, streamed", &figures);
    Ok(())
}

/// Streams messages; how long each took until it was accepted and until it was delivered.
pub async fn streamed(mut client: Client, made: Vec<Made>) -> Outcome<(Vec<Duration>, Vec<Duration>)> {
    let window = std::sync::Arc::new(Semaphore::new(STREAM_WINDOW));
    let (sender, requests) = mpsc::channel::<wire::SubmitStreamRequest>(1);
    let (began_sender, mut began) = mpsc::unbounded_channel();
    let (waits, mut waiting) = mpsc::unbounded_channel();
    let (room, listener) = (window.clone(), client.clone());
    let feeding = tokio::spawn(async move {
        for batch in batches(made) {
            room.acquire_many(u32::try_from(batch.len())?).await?.forget();
            let settled: Vec<_> = batch.iter().map(|(id, _)| listener.settled(id)).collect();
            let now = Instant::now();
            began_sender.send((now, batch.len()))?;
            for settled in settled {
                waits.send((now, settled))?;
            }
            let envelopes = batch.into_iter().map(|(_, bytes)| bytes).collect();
            sender.send(wire::SubmitStreamRequest { envelopes }).await?;
        }
        Outcome::Ok(())
    });
    let settling = tokio::spawn(async move {
        let mut delivered = Vec::new();
        while let Some((began, settled)) = waiting.recv().await {
            delivered.push(settled.await?.saturating_duration_since(began));
            window.add_permits(1);
        }
        Outcome::Ok(delivered)
    });
    let mut answers = client.mailbox.submit_stream(ReceiverStream::new(requests)).await?.into_inner();
    let mut accepted = Vec::new();
    while let Some(answer) = answers.message().await? {
        let (began, count) = began.recv().await.ok_or("an answer to no batch")?;
        if let Some(refused) = answer.submissions.iter().find(|submission| submission.receipt.is_empty()) {
            return Err(format!("refused: {}: {}", refused.reason, refused.detail).into());
        }
        accepted.extend(std::iter::repeat_n(began.elapsed(), count));
    }
    feeding.await??;
    Ok((accepted, settling.await??))
}

/// As many envelopes at a time as one batch may hold.
pub fn batches(made: Vec<Made>) -> Vec<Vec<Made>> {
    let (mut batches, mut batch, mut bytes) = (Vec::new(), Vec::new(), 0);
    for one in made {
        if batch.len() == BATCH || bytes + one.1.len() > limits::BATCH_BYTES_MAX {
            batches.push(std::mem::take(&mut batch));
            bytes = 0;
        }
        bytes += one.1.len();
        batch.push(one);
    }
    batches.push(batch);
    batches
}

/// What both gateways have spent: time on the processors for each message, most memory.
#[derive(Debug, Clone, Copy)]
pub struct Spent {
    pub cpu_us: f64,
    pub peaks_mib: [f64; 2],
}

/// What all processes have done while something was measured.
pub struct Meter {
    began: Instant,
    sender: Account,
    recipient: Account,
    load: Reading,
}

impl Meter {
    pub async fn start(stage: &Stage) -> Outcome<Self> {
        for ministry in [&stage.sender, &stage.recipient] {
            forget_peak(stage.pid(ministry)?);
        }
        Ok(Self {
            sender: stage.account(&stage.sender).await?,
            recipient: stage.account(&stage.recipient).await?,
            load: Reading::of(std::process::id())?,
            began: Instant::now(),
        })
    }

    /// What both gateways have spent on so many messages.
    pub async fn spent(&self, stage: &Stage, count: usize) -> Outcome<Spent> {
        let (sender, recipient) =
            (stage.account(&stage.sender).await?, stage.account(&stage.recipient).await?);
        let cpu = sender.process.cpu_since(&self.sender.process)
            + recipient.process.cpu_since(&self.recipient.process);
        let peaks_mib = [mib(sender.process.peak), mib(recipient.process.peak)];
        Ok(Spent { cpu_us: micros_each(cpu, count), peaks_mib })
    }

    /// The figures of messages that were accepted and delivered meanwhile; `beside` is the rate of bare calls.
    pub async fn stop(
        self,
        stage: &Stage,
        accepted: &[Duration],
        delivered: &[Duration],
        beside: Option<f64>,
    ) -> Outcome<Vec<(&'static str, f64)>> {
        let (whole, count) = (self.began.elapsed(), delivered.len());
        let load = Reading::of(std::process::id())?;
        let sender = stage.account(&stage.sender).await?;
        let recipient = stage.account(&stage.recipient).await?;
        let (accepted_p50, accepted_p99) = percentiles(accepted.to_vec());
        let (delivered_p50, delivered_p99) = percentiles(delivered.to_vec());
        let spent = |now: &Account, then: &Account| {
            let (commits, moved) =
                (now.writer.commits - then.writer.commits, now.writer.checkpoints - then.writer.checkpoints);
            let written = (now.process.written - then.process.written) as f64 / 1024.0 / count as f64;
            let each = |number: u64| number as f64 / count as f64;
            (
                micros_each(now.process.cpu_since(&then.process), count),
                each(commits),
                // A checkpoint of the write-ahead log syncs the log and the database.
                each(commits + 2 * moved),
                written,
            )
        };
        let (sender_cpu, sender_commits, sender_syncs, sender_written) = spent(&sender, &self.sender);
        let (recipient_cpu, recipient_commits, recipient_syncs, recipient_written) =
            spent(&recipient, &self.recipient);
        let rate = count as f64 / whole.as_secs_f64();
        let mut figures = vec![
            ("messages/s", rate),
            ("accepted p50 ms", accepted_p50),
            ("accepted p99 ms", accepted_p99),
            ("delivered p50 ms", delivered_p50),
            ("delivered p99 ms", delivered_p99),
            ("CPU both gateways us", sender_cpu + recipient_cpu),
            ("CPU sender us", sender_cpu),
            ("CPU recipient us", recipient_cpu),
            ("CPU load us", micros_each(load.cpu_since(&self.load), count)),
            ("commits sender", sender_commits),
            ("commits recipient", recipient_commits),
            ("syncs sender", sender_syncs),
            ("syncs recipient", recipient_syncs),
            ("written sender KiB", sender_written),
            ("written recipient KiB", recipient_written),
            ("peak sender MiB", mib(sender.process.peak)),
            ("peak recipient MiB", mib(recipient.process.peak)),
        ];
        figures.extend(beside.map(|bare| ("of bare unary", rate / bare)));
        Ok(figures)
    }
}
