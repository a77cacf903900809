//! The service of desks: drafts composed, cleared and released by three clients, and how soon the other ministry's
//! watcher is told; and what watchers that rest take. Two desks and two gateways are processes of their own.

mod clients;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use chancery::proto::desk::v1 as wire;
use tokio::sync::Mutex;
use tokio::task::JoinSet;

use self::clients::{Client, Served};
use crate::Outcome;
use crate::custody::Meter;
use crate::options::Options;
use crate::report::{Report, mib, micros_each, percentiles};
use crate::stage::{DESK_CHANNEL, Stage};

/// Longest wait for what was released to be told of.
const PATIENCE: Duration = Duration::from_secs(120);

/// Watches of one client, below what it may have; and as many clients as that takes.
const WATCHES_EACH: usize = 30;

/// Long enough for what opening a watch leaves behind to end.
const REST: Duration = Duration::from_secs(3);

/// The three who make a note.
#[derive(Clone)]
struct Hands {
    casework: Client,
    legal: Client,
    head: Client,
    content: wire::DraftContent,
}

/// When the release of a message was asked for, by its name.
type Begun = Arc<Mutex<BTreeMap<String, Instant>>>;

/// Releases, and watchers at rest.
pub async fn rows(stage: &Stage, options: &Options, report: &mut Report) -> Outcome<()> {
    let sender = Served::start(stage, &stage.sender)?;
    let recipient = Served::start(stage, &stage.recipient)?;
    let channel = stage.channels.get(DESK_CHANNEL).ok_or("no channel for desks")?;
    let hands = Hands {
        casework: sender.client("casework", &["draft"]).await?,
        legal: sender.client("legal", &["clear"]).await?,
        head: sender.client("head", &["release"]).await?,
        content: clients::note(stage.recipient.as_str(), channel.as_str()),
    };
    let mut registry = recipient.client("registry", &["observe"]).await?;
    for (row, at_once, count) in [
        ("desk service, 1 draft at a time", 1, if options.quick { 3 } else { 60 }),
        ("desk service, 16 drafts at once", 16, if options.quick { 16 } else { 160 }),
    ] {
        let asked = wire::WatchEventsRequest { cursor: String::new(), from_now: true };
        let events = registry.watch_events(asked).await?.into_inner();
        let begun: Begun = Arc::default();
        let watching = tokio::spawn(told(events, count, begun.clone()));
        let meter = Meter::start(stage).await?;
        let before = (sender.reading()?, recipient.reading()?);
        let began = Instant::now();
        let released = release_all(&hands, count, at_once, &begun).await?;
        let whole = began.elapsed();
        let told = tokio::time::timeout(PATIENCE, watching).await???;
        let after = (sender.reading()?, recipient.reading()?);
        let gateways = meter.spent(stage, count).await?;
        let (release, event) = (percentiles(released), percentiles(told));
        report.add(
            row,
            &[
                ("drafts/s made and released", count as f64 / whole.as_secs_f64()),
                ("release call p50 ms", release.0),
                ("release call p99 ms", release.1),
                ("release to event p50 ms", event.0),
                ("release to event p99 ms", event.1),
                ("CPU sending desk us", micros_each(after.0.cpu_since(&before.0), count)),
                ("CPU both gateways us", gateways.cpu_us),
                ("CPU receiving desk us", micros_each(after.1.cpu_since(&before.1), count)),
            ],
        );
    }
    // In a process that has done nothing yet: one that has keeps memory in which watchers would be hidden.
    drop(recipient);
    at_rest(&Served::start(stage, &stage.recipient)?, options, report).await
}

/// Composes, clears and releases so many drafts; how long each call of a release took.
async fn release_all(hands: &Hands, count: usize, at_once: usize, begun: &Begun) -> Outcome<Vec<Duration>> {
    let (mut working, mut took) = (JoinSet::new(), Vec::with_capacity(count));
    // A request id that was used before would be answered with what came of it then.
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    let run = format!("bench-{}-{}", std::process::id(), RUNS.fetch_add(1, Ordering::Relaxed));
    for number in 0..count {
        if working.len() >= at_once {
            took.push(working.join_next().await.ok_or("nothing is under way")???);
        }
        let (hands, begun, id) = (hands.clone(), begun.clone(), format!("{run}-{number}"));
        working.spawn(async move { hands.make(&id, &begun).await });
    }
    while let Some(done) = working.join_next().await {
        took.push(done??);
    }
    Ok(took)
}

impl Hands {
    /// One draft, from its composition to its release; how long the release took.
    async fn make(mut self, id: &str, begun: &Begun) -> Outcome<Duration> {
        let create = wire::CreateDraftRequest {
            request_id: id.to_owned(),
            content: Some(self.content.clone()),
            sign_as: Vec::new(),
            clear_by: vec!["legal-01".to_owned()],
        };
        let name = self.casework.create_draft(create).await?.into_inner().name;
        let clear =
            wire::ClearDraftRequest { request_id: id.to_owned(), name: name.clone(), office: String::new() };
        self.legal.clear_draft(clear).await?;
        let began = Instant::now();
        let release = wire::ReleaseDraftRequest { request_id: id.to_owned(), name };
        let sent = self.head.release_draft(release).await?.into_inner();
        let took = began.elapsed();
        let message = sent.messages.first().ok_or("nothing was released")?;
        begun.lock().await.insert(message.name.clone(), began);
        Ok(took)
    }
}

/// Waits until so many messages were told of; how long each took from the beginning of its release.
async fn told(
    mut events: tonic::Streaming<wire::Event>,
    count: usize,
    begun: Begun,
) -> Outcome<Vec<Duration>> {
    let mut seen = BTreeMap::new();
    while seen.len() < count {
        let event = events.message().await?.ok_or("the watch has ended")?;
        if event.kind() == wire::EventKind::MessageReceived {
            seen.insert(event.subject, Instant::now());
        }
    }
    // The call of a release may end after the other side was told.
    let began = Instant::now();
    loop {
        let begun = begun.lock().await;
        if begun.len() >= count {
            let each = seen.iter().map(|(name, at)| begun.get(name).map(|then| at.duration_since(*then)));
            return each.collect::<Option<_>>().ok_or_else(|| "another message was told of".into());
        }
        drop(begun);
        if began.elapsed() > PATIENCE {
            return Err("releases do not end".into());
        }
        tokio::task::yield_now().await;
    }
}

/// Opens many watches and lets them rest.
async fn at_rest(served: &Served, options: &Options, report: &mut Report) -> Outcome<()> {
    let count: usize = if options.quick { 60 } else { 1_000 };
    let mut clients = Vec::new();
    for number in 0..count.div_ceil(WATCHES_EACH) {
        clients.push(served.client(&format!("watcher-{number}"), &["observe"]).await?);
    }
    let before = served.reading()?;
    let mut watches = Vec::with_capacity(count);
    for place in 0..count {
        let client = clients.get_mut(place / WATCHES_EACH).ok_or("too few clients")?;
        let asked = wire::WatchEventsRequest { cursor: String::new(), from_now: true };
        let mut events = client.watch_events(asked).await?.into_inner();
        events.message().await?.ok_or("the watch has ended")?;
        watches.push(events);
    }
    tokio::time::sleep(REST).await;
    let (opened, began) = (served.reading()?, Instant::now());
    tokio::time::sleep(REST).await;
    let after = served.reading()?;
    let busy = after.cpu_since(&opened).as_secs_f64() / began.elapsed().as_secs_f64();
    report.add(
        "desk service, 1,000 idle watchers",
        &[
            ("resident before MiB", mib(before.resident)),
            ("resident with them MiB", mib(after.resident)),
            ("KiB for each", after.resident.saturating_sub(before.resident) as f64 / 1024.0 / count as f64),
            ("CPU at rest %", busy * 100.0),
        ],
    );
    Ok(())
}
