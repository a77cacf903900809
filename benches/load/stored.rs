//! What a message costs where many are stored, against few: in logs, mailbox and queue of gateways that were filled
//! beforehand. A filling is kept between runs in the folder of the bench; it is made by the hidden command
//! `chancery-gateway fill`.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use chancery::proto::gateway::v1 as wire;
use chancery::proto::gateway::v1::operator_service_client::OperatorServiceClient;
use chancery::transport::channel::connect_unix;
use tokio_stream::wrappers::ReceiverStream;

use crate::Outcome;
use crate::client::Client;
use crate::custody::{Meter, batches, streamed};
use crate::envelopes::Mint;
use crate::options::Options;
use crate::process::Reading;
use crate::report::{Report, mib, micros_each, percentiles};
use crate::stage::Stage;

/// The mailbox may hold whatever it is filled with.
const BOUNDLESS: &str = "mailbox_messages = 4000000000\nmailbox_mib = 4000000000\n";

/// Sealed bytes of a message that is filled in: what is measured depends on rows, not on their length.
const SEALED_BYTES: &str = "64";

/// Pages of the mailbox and of the queue that are asked for.
const PAGES: usize = 50;

/// What a message cost where so many were stored.
#[derive(Debug, Clone, Copy)]
struct Cost {
    cpu_us: f64,
    page_ms: f64,
    start_ms: f64,
}

/// Few and many, in logs with a mailbox and in a queue.
pub async fn rows(options: &Options, report: &mut Report) -> Outcome<()> {
    for state in ["mailbox", "queued"] {
        let mut costs = Vec::new();
        for stored in options.stored() {
            let folder = options.dir.join(format!("{state}-{stored}"));
            fill(options, &folder, state, stored).await?;
            costs.push(match state {
                "mailbox" => in_mailbox(options, &folder, stored, report).await?,
                _ => in_queue(options, &folder, stored, report).await?,
            });
        }
        if let [few, many] = costs.as_slice() {
            let [least, most] = options.stored();
            report.add(
                &format!("{state}: {most} stored against {least}"),
                &[
                    ("CPU per message, ratio", many.cpu_us / few.cpu_us),
                    ("page, ratio", many.page_ms / few.page_ms),
                    ("start, ratio", many.start_ms / few.start_ms),
                ],
            );
        }
    }
    Ok(())
}

/// Fills the stores of a stage, unless an earlier run has.
async fn fill(options: &Options, folder: &Path, state: &str, stored: u64) -> Outcome<()> {
    if folder.join("whole").exists() {
        return Ok(());
    }
    let _half_done = fs::remove_dir_all(folder);
    let mut stage = Stage::raise(options, folder, "").await?;
    stage.stop()?;
    let home = |ministry| -> Outcome<_> { Ok(stage.house(ministry)?.homes().gateway.directory().to_owned()) };
    eprintln!("filling {stored} messages into {}", folder.display());
    let ended = Command::new(env!("CARGO_BIN_EXE_chancery-gateway"))
        .arg("fill")
        .arg("--home")
        .arg(home(&stage.sender)?)
        .arg("--peer-home")
        .arg(home(&stage.recipient)?)
        .args(["--messages", &stored.to_string(), "--state", state, "--sealed-bytes", SEALED_BYTES])
        .stderr(Stdio::null())
        .status()?;
    if !ended.success() {
        return Err(format!("the filling ended with {ended}").into());
    }
    fs::File::create(folder.join("whole"))?;
    Ok(())
}

/// Both logs and the recipient's mailbox are full; messages go through as ever.
async fn in_mailbox(options: &Options, folder: &Path, stored: u64, report: &mut Report) -> Outcome<Cost> {
    let mut stage = Stage::raise(options, folder, BOUNDLESS).await?;
    let start = restart(&mut stage, true)?;
    let resting = resident(&stage, true)?;
    let made = fresh(&mut stage, options.stored_messages()).await?;
    let client = Client::of(&stage, &stage.sender).await?;
    let meter = Meter::start(&stage).await?;
    let began = Instant::now();
    let (_, delivered) = streamed(client, made).await?;
    let (count, whole) = (delivered.len(), began.elapsed());
    let spent = meter.spent(&stage, count).await?;
    let (page, _) = percentiles(mailbox_pages(&stage).await?);
    report.add(
        &format!("mailbox and logs with {stored} stored"),
        &[
            ("messages/s", count as f64 / whole.as_secs_f64()),
            ("CPU both gateways us", spent.cpu_us),
            ("mailbox page p50 ms", page),
            ("start ms", start.as_secs_f64() * 1e3),
            ("resident at rest MiB", resting),
        ],
    );
    stage.stop()?;
    Ok(Cost { cpu_us: spent.cpu_us, page_ms: page, start_ms: start.as_secs_f64() * 1e3 })
}

/// The recipient is away and the sender's queue is full; more are taken into custody.
async fn in_queue(options: &Options, folder: &Path, stored: u64, report: &mut Report) -> Outcome<Cost> {
    let mut stage = Stage::raise(options, folder, "").await?;
    let recipient = stage.recipient.clone();
    stage.end(&recipient)?;
    let start = restart(&mut stage, false)?;
    let resting = resident(&stage, false)?;
    let made = fresh(&mut stage, options.stored_messages()).await?;
    let count = made.len();
    let mut client = Client::at(&stage, &stage.sender, &stage.house(&stage.sender)?.plan().mailbox).await?;
    let before = Reading::of(stage.pid(&stage.sender)?)?;
    let began = Instant::now();
    let requests: Vec<_> = batches(made)
        .into_iter()
        .map(|batch| wire::SubmitStreamRequest {
            envelopes: batch.into_iter().map(|(_, bytes)| bytes).collect(),
        })
        .collect();
    let (sender, waiting) = tokio::sync::mpsc::channel(1);
    let feeding = tokio::spawn(async move {
        for request in requests {
            if sender.send(request).await.is_err() {
                break;
            }
        }
    });
    let mut answers = client.mailbox.submit_stream(ReceiverStream::new(waiting)).await?.into_inner();
    while let Some(answer) = answers.message().await? {
        if let Some(refused) = answer.submissions.iter().find(|submission| submission.receipt.is_empty()) {
            return Err(format!("refused: {}: {}", refused.reason, refused.detail).into());
        }
    }
    feeding.await?;
    let whole = began.elapsed();
    let cpu = micros_each(Reading::of(stage.pid(&stage.sender)?)?.cpu_since(&before), count);
    let (page, _) = percentiles(queue_pages(&stage).await?);
    report.add(
        &format!("queue with {stored} stored"),
        &[
            ("taken messages/s", count as f64 / whole.as_secs_f64()),
            ("CPU sender us", cpu),
            ("queue page p50 ms", page),
            ("start ms", start.as_secs_f64() * 1e3),
            ("resident at rest MiB", resting),
        ],
    );
    stage.stop()?;
    Ok(Cost { cpu_us: cpu, page_ms: page, start_ms: start.as_secs_f64() * 1e3 })
}

/// Starts the gateway that is full once more; how long that took.
fn restart(stage: &mut Stage, recipient: bool) -> Outcome<Duration> {
    let full = if recipient { stage.recipient.clone() } else { stage.sender.clone() };
    stage.end(&full)?;
    stage.start(&full)
}

fn resident(stage: &Stage, recipient: bool) -> Outcome<f64> {
    let full = if recipient { &stage.recipient } else { &stage.sender };
    Ok(mib(Reading::of(stage.pid(full)?)?.resident))
}

/// Envelopes that follow what the store holds already.
async fn fresh(stage: &mut Stage, count: usize) -> Outcome<Vec<crate::envelopes::Made>> {
    let address = stage.house(&stage.sender)?.plan().mailbox.clone();
    let mut client = Client::at(stage, &stage.sender, &address).await?;
    let channel = stage.channels.get(1).ok_or("no such channel")?.to_string();
    let recipient = stage.recipient.to_string();
    let last =
        client.mailbox.get_position(wire::GetPositionRequest { channel, recipient }).await?.into_inner();
    Mint::open(stage)?.follow(stage, 1, (last.sequence, &last.message_id), count)
}

/// How long each of some pages of the mailbox took, from its beginning on.
async fn mailbox_pages(stage: &Stage) -> Outcome<Vec<Duration>> {
    let address = stage.house(&stage.recipient)?.plan().mailbox.clone();
    let mut client = Client::at(stage, &stage.recipient, &address).await?;
    let (mut took, mut asked) = (Vec::new(), wire::ListReceivedRequest::default());
    while took.len() < PAGES {
        let began = Instant::now();
        let listed = client.mailbox.list_received(asked.clone()).await?.into_inner();
        took.push(began.elapsed());
        let Some(last) = listed.messages.last().filter(|_| listed.more) else { break };
        let id = chancery::message::envelope::Envelope::parse(&last.envelope)?.id();
        asked = wire::ListReceivedRequest {
            after: last.cursor,
            page_size: 0,
            epoch: listed.epoch,
            after_id: id.as_bytes().to_vec(),
        };
    }
    Ok(took)
}

/// The same of the queue, as its operator sees it.
async fn queue_pages(stage: &Stage) -> Outcome<Vec<Duration>> {
    let home = stage.house(&stage.sender)?.homes().gateway.directory().to_owned();
    let channel = connect_unix(&home.join("run/operator.sock")).await?;
    let mut operator = OperatorServiceClient::new(channel);
    let (mut took, mut token) = (Vec::new(), String::new());
    while took.len() < PAGES {
        let asked = wire::ListQueueRequest { page_size: 16, page_token: token, ..Default::default() };
        let began = Instant::now();
        token = operator.list_queue(asked).await?.into_inner().next_page_token;
        took.push(began.elapsed());
        if token.is_empty() {
            break;
        }
    }
    Ok(took)
}

/// Adds keys of the table `[store]`, which is the last of the file, to the configuration of a gateway.
pub fn widen(config: &Path, keys: &str) -> Outcome<()> {
    Ok(OpenOptions::new().append(true).open(config)?.write_all(keys.as_bytes())?)
}
