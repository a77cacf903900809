//! What runs on the file system that loses its power: a writer that says what it was acknowledged, and an auditor
//! that says what is there. A line `ACK NAME NUMBER.` is written only after the answer came.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use chancery::desk::register::{ReceivedEntry, Register, SentEntry, SentState};
use chancery::digest::Digest;
use chancery::entropy::SystemEntropy;
use chancery::gateway::config::Config;
use chancery::gateway::run::Opened;
use chancery::gateway::store::Store;
use chancery::message::id::MessageId;
use chancery::time::{Clock, SystemClock, Timestamp};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use super::{What, lanes};
use crate::support::ministry;

/// Plays a part: `store write`, `register audit` and the like.
pub fn act(part: &str) {
    let place = PathBuf::from(std::env::var_os("CHANCERY_POWER_PLACE").unwrap());
    let (what, verb) = part.split_once(' ').unwrap();
    // The test harness has begun a line.
    println!();
    match (What::parse(what), verb) {
        (What::Register, "write") => write_register(&place),
        (What::Register, _) => audit_register(&place),
        (What::UnsafeGateway, _) => serve_unsafely(&place),
        (what, "write") => lanes::write(&place, what),
        (_, _) => lanes::audit(&place),
    }
}

/// Runs the gateway of a home as the daemon does, over a store that does not sync its commits.
fn serve_unsafely(home: &Path) {
    let config = Config::load(home).unwrap();
    let store = Store::open_unsafely(&config.data(), config.store, SystemClock.now()).unwrap();
    let ended = Runtime::new().unwrap().block_on(async {
        let (clock, entropy) = (Arc::new(SystemClock), Arc::new(SystemEntropy));
        let opened = Opened::over(store, config, clock, entropy).await.unwrap();
        opened.serve(CancellationToken::new()).await
    });
    panic!("the gateway ended: {ended:?}");
}

pub fn say(name: &str, number: u64) {
    println!("ACK {name} {number}.");
}

fn register_at(place: &Path) -> Register {
    let home = place.join("desk");
    std::fs::create_dir_all(&home).unwrap();
    Register::open(&home.join("register.db")).unwrap()
}

/// Releases and receives until the register fails.
fn write_register(place: &Path) {
    let register = register_at(place);
    let (mut sent, mut received) = (count(register.sent()), register.received().unwrap().len() as u64);
    loop {
        sent += 1;
        // Two copies of one message, released together or not at all.
        let copies = ["XB", "XC"].map(|to| sent_entry(sent, to));
        if register.release(&copies).is_err() {
            return;
        }
        say("released", sent);
        let Ok(number) = register.reserve_formal_number(2026) else { return };
        say("numbered", u64::from(number));
        received += 1;
        if register.receive(&received_entry(received)).is_err() {
            return;
        }
        say("received", received);
        let id = copies[0].id;
        if register.note_sent(&id, SentState::Queued, "", b"receipt", &[]).is_err() {
            return;
        }
        say("queued", sent);
    }
}

/// Messages that were released: each has two copies.
fn count<E: std::fmt::Debug>(entries: Result<Vec<SentEntry>, E>) -> u64 {
    entries.unwrap().len() as u64 / 2
}

fn audit_register(place: &Path) {
    let register = register_at(place);
    let sent = register.sent().unwrap();
    let mut last_queued = 0;
    for entry in &sent {
        let number = entry.sequence;
        assert_eq!(entry.envelope, sent_entry(number, entry.recipient.as_str()).envelope);
        let queued = entry.recipient.as_str() == "XB" && entry.state == SentState::Queued;
        if queued {
            assert_eq!(entry.submission_receipt, b"receipt");
            last_queued = last_queued.max(number);
        }
    }
    say("queued", last_queued);
    assert_eq!(sent.len() % 2, 0, "both copies or none");
    say("released", sent.len() as u64 / 2);
    say("numbered", u64::from(register.last_formal_number(2026).unwrap().unwrap_or(0)));
    let received = register.received().unwrap();
    say("received", received.len() as u64);
    assert!(received.iter().zip(1..).all(|(entry, number)| entry.cursor == number), "none is left out");
}

fn sent_entry(number: u64, to: &str) -> SentEntry {
    let header = format!("header {number} to {to}").into_bytes();
    SentEntry {
        id: MessageId::of_header(&header),
        channel: "ch-0000000000000001".to_owned(),
        recipient: ministry(to),
        consultation: "C-7QK4-M2XD-9WTV".to_owned(),
        sequence: number,
        act_number: number,
        release_time: Timestamp::from_seconds(1_795_345_200),
        dispatch_digest: Digest::of(&header),
        envelope: header.iter().copied().cycle().take(20_000).collect(),
        has_parts_beside: false,
        state: SentState::Released,
        reason: String::new(),
        submission_receipt: Vec::new(),
        delivery_receipt: Vec::new(),
    }
}

fn received_entry(cursor: u64) -> ReceivedEntry {
    let header = format!("header {cursor} from XB").into_bytes();
    ReceivedEntry {
        id: MessageId::of_header(&header),
        cursor,
        sender: ministry("XB"),
        channel: "ch-0000000000000001".to_owned(),
        consultation: "C-7QK4-M2XD-9WTV".to_owned(),
        sequence: cursor,
        act_number: cursor,
        release_time: Timestamp::from_seconds(1_795_345_200),
        receive_time: Timestamp::from_seconds(1_795_345_260),
        envelope: header.iter().copied().cycle().take(20_000).collect(),
        receipt: b"receipt".to_vec(),
        read_time: None,
        refusal: String::new(),
    }
}
