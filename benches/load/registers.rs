//! What commands of a desk cost where much was sent and received, against little: the register of the sending desk is
//! filled beforehand with rows of other ministries.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use chancery::desk::form::draft::IdsOnly;
use chancery::desk::form::parse::parse;
use chancery::desk::reference::Entry;
use chancery::desk::register::{Opening, Place, ReceivedEntry, Register, SentEntry, SentState};
use chancery::digest::Digest;
use chancery::message::id::MessageId;
use chancery::time::{Clock, SystemClock};
use chancery::trust::name::Ministry;

use crate::options::Options;
use crate::report::{Report, percentiles};
use crate::stage::{DESK_CHANNEL, Stage};
use crate::{Outcome, envelopes};

/// Rows of one transaction of a filling.
const TOGETHER: u64 = 2_000;

/// Bytes of an envelope that is filled in: a row of its own table, which only its message needs.
const ENVELOPE_BYTES: usize = 256;

/// Messages listed, as `inbox` and `outbox` do.
const LISTED: usize = 50;

/// Few and many messages in the registers of both desks.
pub async fn rows(options: &Options, report: &mut Report) -> Outcome<()> {
    let mut costs: Vec<[f64; 4]> = Vec::new();
    for stored in options.stored() {
        let kept = options.dir.join(format!("register-{stored}.db"));
        if !kept.exists() {
            eprintln!("filling a register with {stored} messages each way");
            let half_done = kept.with_extension("part");
            let _half_done = fs::remove_file(&half_done);
            fill(&half_done, stored)?;
            fs::rename(&half_done, &kept)?;
        }
        let mut stage = Stage::raise(options, &options.dir.join("run-register"), "").await?;
        for ministry in [&stage.sender, &stage.recipient] {
            fs::copy(&kept, stage.house(ministry)?.desk()?.config().register())?;
        }
        let cost = commands(&stage, options).await?;
        report.add(
            &format!("registers with {stored} stored each way"),
            &[("send ms", cost[0]), ("fetch ms", cost[1]), ("inbox ms", cost[2]), ("outbox ms", cost[3])],
        );
        costs.push(cost);
        stage.stop()?;
        fs::remove_dir_all(&stage.folder)?;
    }
    if let [few, many] = costs.as_slice() {
        let [least, most] = options.stored();
        let names = ["send, ratio", "fetch, ratio", "inbox, ratio", "outbox, ratio"];
        let ratios =
            names.into_iter().zip(many.iter().zip(few)).map(|(name, (many, few))| (name, many / few));
        report.add(
            &format!("registers: {most} stored against {least}"),
            &ratios.collect::<Vec<(&'static str, f64)>>(),
        );
    }
    Ok(())
}

/// The median of each command in milliseconds, by the calls that the command makes when its keys are open.
async fn commands(stage: &Stage, options: &Options) -> Outcome<[f64; 4]> {
    let (sender, recipient) = (stage.house(&stage.sender)?, stage.house(&stage.recipient)?);
    let (from, to) = (sender.desk()?, recipient.desk()?);
    let (from_trust, to_trust) = (from.trust()?, to.trust()?);
    let mut out = from.mailbox(sender.keys()).await?;
    let mut into = to.mailbox(recipient.keys()).await?;
    let channel = stage.channels.get(DESK_CHANNEL).ok_or("no channel for desks")?;
    let form = envelopes::note(stage.recipient.as_str(), channel.as_str());
    let draft = parse(&form, &IdsOnly).map_err(|mistakes| format!("the form has mistakes: {mistakes:?}"))?;
    let mut took: [Vec<Duration>; 4] = Default::default();
    for _ in 0..options.register_messages() {
        let mut told = out.settlements().await?;
        let began = Instant::now();
        let mut sent = Err("nothing was sent".into());
        let keep = |_, copies: chancery::desk::run::Sent| sent = Outcome::Ok(copies.is_ok());
        from.send_run(&from_trust, sender.keys(), &mut out, [draft.clone()], Path::new("."), keep).await?;
        took[0].push(began.elapsed());
        if !sent? {
            return Err("a draft was not sent".into());
        }
        told.next().await?;
        let began = Instant::now();
        to.fetch(&to_trust, &mut into).await?;
        took[1].push(began.elapsed());
    }
    for _ in 0..options.register_messages() {
        let began = Instant::now();
        let key = recipient.keys().reading()?;
        for entry in to.register().newest_received(None, false, LISTED)? {
            // Most of what is listed was filled in and does not open.
            let _opened = to.unseal_unjudged(&to_trust, key.as_ref(), &Entry::Received(entry)).ok();
        }
        took[2].push(began.elapsed());
        let began = Instant::now();
        from.refresh_sent(&from_trust, &mut out).await?;
        let key = sender.keys().reading()?;
        for entry in from.register().newest_sent(None, LISTED)? {
            let _opened = from.unseal_unjudged(&from_trust, key.as_ref(), &Entry::Sent(entry)).ok();
        }
        took[3].push(began.elapsed());
    }
    Ok(took.map(|took| percentiles(took).0))
}

/// So many messages to and from a ministry that nobody knows, all of them delivered and read.
fn fill(path: &Path, stored: u64) -> Outcome<()> {
    let register = Register::open(path)?;
    let (other, now) = (Ministry::parse("XX")?, SystemClock.now());
    let mut next = 1;
    while next <= stored {
        let numbers = next..(next + TOGETHER).min(stored + 1);
        next = numbers.end;
        let named = |number: u64, way: &str| {
            let bytes = format!("{way} {number}").into_bytes();
            (MessageId::of_header(&bytes), Digest::of_parts(&[&bytes, b"dispatch"]))
        };
        let sent: Vec<SentEntry> = numbers
            .clone()
            .map(|number| {
                let (id, dispatch_digest) = named(number, "sent");
                SentEntry {
                    id,
                    channel: "filled".to_owned(),
                    recipient: other.clone(),
                    consultation: format!("C-{}", number / 8),
                    sequence: number,
                    act_number: number % 8,
                    release_time: now,
                    dispatch_digest,
                    envelope: vec![0x5a; ENVELOPE_BYTES],
                    has_parts_beside: false,
                    state: SentState::Delivered,
                    reason: String::new(),
                    submission_receipt: vec![1; ENVELOPE_BYTES],
                    delivery_receipt: vec![1; ENVELOPE_BYTES],
                }
            })
            .collect();
        register.release(&sent)?;
        let received: Vec<ReceivedEntry> = numbers
            .map(|number| ReceivedEntry {
                id: named(number, "received").0,
                cursor: number,
                sender: other.clone(),
                channel: "filled".to_owned(),
                consultation: format!("C-{}", number / 8),
                sequence: number,
                act_number: number % 8,
                release_time: now,
                receive_time: now,
                envelope: vec![0x5a; ENVELOPE_BYTES],
                receipt: vec![1; ENVELOPE_BYTES],
                read_time: None,
                refusal: String::new(),
            })
            .collect();
        // The place stays at the beginning of the mailbox.
        register.receive_page(&received, &Place::default())?;
        let openings = received.iter().zip(1..).map(|(entry, at)| Opening {
            id: entry.id,
            dispatch: Digest::of_parts(&[entry.id.as_bytes(), &u64::to_be_bytes(at)]),
            at: now,
            refusal: String::new(),
        });
        register.note_read(&openings.collect::<Vec<_>>())?;
    }
    Ok(())
}
