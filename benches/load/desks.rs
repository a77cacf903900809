//! From desk to desk: one process composes, signs, seals and hands over, another fetches, verifies, opens, judges and
//! keeps. The two gateways are between them, so four processes share the machine.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use chancery::desk::Desk;
use chancery::desk::accreditation::Trust;
use chancery::desk::form::draft::{Draft, IdsOnly};
use chancery::desk::form::parse::parse;
use chancery::desk::keys::Keys;
use chancery::desk::mailbox::Mailbox;
use chancery::desk::reference::Entry;
use chancery::desk::register::SentState;
use chancery::entropy::SystemEntropy;
use chancery::message::id::MessageId;
use chancery::time::SystemClock;
use chancery::trust::name::Ministry;

use crate::custody::Meter;
use crate::options::Options;
use crate::process::{Reading, forget_peak};
use crate::report::{Report, mib, micros_each, percentiles};
use crate::stage::{DESK_CHANNEL, Stage, passphrase};
use crate::{Outcome, envelopes};

/// First argument of the process that is a desk.
pub const DESK: &str = "desk";

/// Pause of a desk to which nothing came.
const EMPTY_PAUSE: Duration = Duration::from_millis(2);

/// Messages opened together.
const READ_TOGETHER: usize = 64;

/// Longest silence of a desk that is at work.
const PATIENCE: Duration = Duration::from_secs(120);

/// One message, 32 and 256 at a time, each time until their receipts are verified at the desk; then a run of many.
pub async fn rows(stage: &mut Stage, options: &Options, report: &mut Report) -> Outcome<()> {
    let mut sender = Worker::start(stage, &stage.sender)?;
    let mut recipient = Worker::start(stage, &stage.recipient)?;
    let (few, many) = options.desk_messages();
    for (row, at_once, count) in [
        ("desk to desk, 1 at a time", 1, few),
        ("desk to desk, 32 at once", 32, (few / 5).max(1) * 32),
        ("desk to desk, 256 at once", 256, (few / 12).max(1) * 256),
        ("desk to desk, streamed", many, many),
    ] {
        let meter = Meter::start(stage).await?;
        let before = [sender.reading()?, recipient.reading()?];
        let began = Instant::now();
        recipient.ask(&format!("read {count}"))?;
        sender.ask(&format!("send {count} {at_once}"))?;
        let accepted = sender.durations("accepted")?;
        // Each of those that went together says how long all of them took.
        let sent = accepted.iter().sum::<Duration>().div_f64(at_once as f64);
        let delivered = sender.durations("delivered")?;
        let settled = began.elapsed();
        recipient.durations("read")?;
        let whole = began.elapsed();
        let desks = [sender.reading()?, recipient.reading()?];
        let gateways = meter.spent(stage, count).await?;
        let spent = |at: usize| match (desks.get(at), before.get(at)) {
            (Some(now), Some(then)) => micros_each(now.cpu_since(then), count),
            _ => f64::NAN,
        };
        let rate = |took: Duration| count as f64 / took.as_secs_f64();
        let mut figures = vec![
            ("messages/s read and receipted", rate(whole.max(settled))),
            ("messages/s in custody", rate(sent)),
            ("CPU all four us", spent(0) + spent(1) + gateways.cpu_us),
            ("CPU sending desk us", spent(0)),
            ("CPU both gateways us", gateways.cpu_us),
            ("CPU receiving desk us", spent(1)),
            ("peak sending desk MiB", desks.first().map_or(f64::NAN, |desk| mib(desk.peak))),
            ("peak receiving desk MiB", desks.last().map_or(f64::NAN, |desk| mib(desk.peak))),
            ("peak sender MiB", gateways.peaks_mib[0]),
            ("peak recipient MiB", gateways.peaks_mib[1]),
        ];
        if at_once < count {
            let (accepted, delivered) = (percentiles(accepted), percentiles(delivered));
            figures.extend([("in custody p50 ms", accepted.0), ("in custody p99 ms", accepted.1)]);
            figures.extend([("receipted p50 ms", delivered.0), ("receipted p99 ms", delivered.1)]);
        }
        report.add(row, &figures);
    }
    Ok(())
}

/// A desk at work in a process of its own.
struct Worker {
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Worker {
    fn start(stage: &Stage, ministry: &Ministry) -> Outcome<Self> {
        let channel = stage.channels.get(DESK_CHANNEL).ok_or("no channel for desks")?;
        let mut child = Command::new(std::env::current_exe()?)
            .arg(DESK)
            .arg(stage.house(ministry)?.homes().desk.directory())
            .arg(stage.recipient.as_str())
            .arg(channel.as_str())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let orders = child.stdin.take().ok_or("no input")?;
        let answers = BufReader::new(child.stdout.take().ok_or("no output")?);
        let mut worker = Self { child, orders, answers };
        worker.durations("ready")?;
        forget_peak(worker.child.id());
        Ok(worker)
    }

    fn reading(&self) -> Outcome<Reading> {
        Reading::of(self.child.id())
    }

    fn ask(&mut self, order: &str) -> Outcome<()> {
        Ok(writeln!(self.orders, "{order}")?)
    }

    /// The answer that begins with this word: how long each message took, where it says so.
    fn durations(&mut self, word: &str) -> Outcome<Vec<Duration>> {
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        let rest = line.strip_prefix(word).ok_or_else(|| format!("a desk ended instead of saying {word}"))?;
        let micros = rest.split_whitespace().map(|micros| Ok(Duration::from_micros(micros.parse()?)));
        micros.collect()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _ended = self.child.wait();
    }
}

/// What a desk needs to work.
struct Office {
    desk: Desk,
    trust: Trust,
    keys: Keys,
    mailbox: Mailbox,
    note: Draft,
}

/// The process of a desk: does what it is told, line by line, until nobody tells any more.
pub async fn serve(arguments: Vec<String>) -> Outcome<()> {
    let [_, _, home, recipient, channel] = arguments.as_slice() else { return Err("three arguments".into()) };
    let desk = Desk::open(Path::new(home), Arc::new(SystemClock), Arc::new(SystemEntropy))?;
    let trust = desk.trust()?;
    let keys = Keys::new(desk.config().clone(), passphrase()?);
    // Keys are opened once by whoever works at a desk; that is no part of what a message costs.
    keys.registry()?;
    keys.reading()?;
    for office in keys.offices()?.values() {
        keys.office(office)?;
    }
    let mailbox = desk.mailbox(&keys).await?;
    let note = envelopes::note(recipient, channel);
    let note = parse(&note, &IdsOnly).map_err(|mistakes| format!("the form has mistakes: {mistakes:?}"))?;
    let mut office = Office { desk, trust, keys, mailbox, note };
    println!("ready");
    for order in std::io::stdin().lock().lines() {
        let order = order?;
        match order.split(' ').collect::<Vec<_>>().as_slice() {
            ["send", count, "1"] => office.send_one_by_one(count.parse()?).await?,
            ["send", count, at_once] => office.send_together(count.parse()?, at_once.parse()?).await?,
            ["read", count] => office.read(count.parse()?).await?,
            _ => return Err(format!("no order {order}").into()),
        }
    }
    Ok(())
}

impl Office {
    async fn send_one_by_one(&mut self, count: usize) -> Outcome<()> {
        let mut told = self.mailbox.settlements().await?;
        let (mut accepted, mut delivered) = (Vec::new(), Vec::new());
        for _ in 0..count {
            let began = Instant::now();
            let id = self.send(1).await?.pop().ok_or("nothing was sent")?;
            accepted.push(began.elapsed());
            while told.next().await?.is_some_and(|settled| !settled.contains(&id)) {}
            self.settle(1).await?;
            delivered.push(began.elapsed());
        }
        tell("accepted", &accepted);
        tell("delivered", &delivered);
        Ok(())
    }

    /// So many together, until all of them have their receipts; then so many more.
    async fn send_together(&mut self, count: usize, at_once: usize) -> Outcome<()> {
        let (mut accepted, mut delivered) = (Vec::new(), Vec::new());
        while delivered.len() < count {
            let (began, now) = (Instant::now(), at_once.min(count - delivered.len()));
            self.send(now).await?;
            accepted.extend(std::iter::repeat_n(began.elapsed(), now));
            self.settle(now).await?;
            delivered.extend(std::iter::repeat_n(began.elapsed(), now));
        }
        tell("accepted", &accepted);
        tell("delivered", &delivered);
        Ok(())
    }

    /// Sends as many drafts in one run; all of them are in custody then.
    async fn send(&mut self, count: usize) -> Outcome<Vec<MessageId>> {
        let Self { desk, trust, keys, mailbox, note } = self;
        let drafts = std::iter::repeat_n(note.clone(), count);
        let (mut ids, mut wrong) = (Vec::with_capacity(count), None);
        let told = |_, sent: chancery::desk::run::Sent| match sent {
            Ok(copies) => {
                for copy in copies {
                    if copy.state != SentState::Queued {
                        wrong = Some(format!("{} {}", copy.state.word(), copy.reason));
                    }
                    ids.push(copy.id);
                }
            }
            Err(failure) => wrong = Some(format!("{failure}: {failure:?}")),
        };
        desk.send_run(trust, keys, mailbox, drafts, Path::new("."), told).await?;
        match wrong {
            Some(wrong) => Err(wrong.into()),
            None if ids.len() == count => Ok(ids),
            None => Err("some drafts were not sent".into()),
        }
    }

    /// Waits until nothing is under way any more; every receipt is verified then.
    async fn settle(&mut self, count: usize) -> Outcome<()> {
        let began = Instant::now();
        loop {
            self.desk.refresh_sent(&self.trust, &mut self.mailbox).await?;
            if self.desk.register().under_way(0, 1)?.is_empty() {
                let newest = self.desk.register().newest_sent(None, count.min(READ_TOGETHER))?;
                let delivered = newest.iter().all(|copy| copy.state == SentState::Delivered);
                return if delivered { Ok(()) } else { Err("a message was not delivered".into()) };
            }
            if began.elapsed() > PATIENCE {
                return Err("messages are not delivered".into());
            }
            tokio::time::sleep(EMPTY_PAUSE).await;
        }
    }

    /// Fetches and opens as many messages, as they come.
    async fn read(&mut self, count: usize) -> Outcome<()> {
        let (mut read, began) = (0, Instant::now());
        while read < count {
            let new = self.desk.fetch(&self.trust, &mut self.mailbox).await?;
            let mut left = new;
            while left > 0 {
                let unread = self.desk.register().newest_received(None, true, left.min(READ_TOGETHER))?;
                let entries: Vec<Entry> = unread.into_iter().map(Entry::Received).collect();
                for opened in self.desk.read_all(&self.trust, &self.keys, &entries)? {
                    let opened = opened?;
                    if opened.signatures.is_empty() || !opened.findings.is_empty() {
                        return Err(format!("not as it was sent: {:?}", opened.findings).into());
                    }
                }
                left -= entries.len();
            }
            read += new;
            if new == 0 {
                tokio::time::sleep(EMPTY_PAUSE).await;
            }
            if began.elapsed() > PATIENCE {
                return Err("messages do not come".into());
            }
        }
        tell("read", &[]);
        Ok(())
    }
}

fn tell(word: &str, each: &[Duration]) {
    let micros: Vec<String> = each.iter().map(|one| one.as_micros().to_string()).collect();
    println!("{word} {}", micros.join(" "));
}
