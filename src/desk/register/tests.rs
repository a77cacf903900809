//! A register of the first release becomes one of this, and no question takes longer because much was sent and
//! received.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rusqlite::params;

use super::*;

/// The tables of the first release.
const FIRST: &str = "
CREATE TABLE sent (
  message_id BLOB PRIMARY KEY, channel TEXT NOT NULL, recipient TEXT NOT NULL, consultation TEXT NOT NULL,
  sequence INTEGER NOT NULL, act_number INTEGER NOT NULL, release_time INTEGER NOT NULL,
  dispatch_digest BLOB NOT NULL, envelope BLOB NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL,
  submission_receipt BLOB NOT NULL, delivery_receipt BLOB NOT NULL,
  UNIQUE (channel, recipient, sequence)
) STRICT;
CREATE TABLE received (
  message_id BLOB PRIMARY KEY, cursor INTEGER NOT NULL, sender TEXT NOT NULL, channel TEXT NOT NULL,
  consultation TEXT NOT NULL, sequence INTEGER NOT NULL, act_number INTEGER NOT NULL,
  release_time INTEGER NOT NULL, receive_time INTEGER NOT NULL, envelope BLOB NOT NULL, receipt BLOB NOT NULL,
  dispatch_digest BLOB UNIQUE, read_time INTEGER, refusal TEXT NOT NULL
) STRICT;
CREATE TABLE formal_number (
  year INTEGER NOT NULL, number INTEGER NOT NULL, dispatch_digest BLOB, PRIMARY KEY (year, number)
) STRICT, WITHOUT ROWID;
CREATE TABLE place (
  one INTEGER PRIMARY KEY CHECK (one = 1), epoch INTEGER NOT NULL, cursor INTEGER NOT NULL,
  message_id BLOB NOT NULL
) STRICT;
PRAGMA user_version = 1;
";

const NOW: Timestamp = Timestamp::from_seconds(1_795_345_200);

fn power(code: &str) -> Ministry {
    Ministry::parse(code).unwrap()
}

fn consultation(number: u64) -> String {
    format!("C-{:04}", number / 4)
}

pub(super) fn sent(number: u64) -> SentEntry {
    let header = format!("header {number} to XB").into_bytes();
    SentEntry {
        id: MessageId::of_header(&header),
        channel: "ch-1".to_owned(),
        recipient: power("XB"),
        consultation: consultation(number),
        sequence: number,
        act_number: number % 4,
        release_time: NOW,
        dispatch_digest: Digest::of(&header),
        envelope: header,
        has_parts_beside: number.is_multiple_of(2),
        state: SentState::Delivered,
        reason: String::new(),
        submission_receipt: b"taken".to_vec(),
        delivery_receipt: b"delivered".to_vec(),
    }
}

fn received(number: u64) -> ReceivedEntry {
    let header = format!("header {number} from XB").into_bytes();
    ReceivedEntry {
        id: MessageId::of_header(&header),
        cursor: number,
        sender: power("XB"),
        channel: "ch-1".to_owned(),
        consultation: consultation(number),
        sequence: number,
        act_number: number % 4,
        release_time: NOW,
        receive_time: NOW,
        envelope: header,
        receipt: b"receipt".to_vec(),
        read_time: None,
        refusal: String::new(),
    }
}

/// A register in which so many messages went each way, all of them delivered and read but for the newest, which waits.
fn filled(folder: &Path, count: u64) -> Register {
    let register = Register::open(&folder.join(format!("{count}.db"))).unwrap();
    let mut copies: Vec<SentEntry> = (1..=count).map(sent).collect();
    copies.last_mut().unwrap().state = SentState::Released;
    register.release(&copies).unwrap();
    let entries: Vec<ReceivedEntry> = (1..=count).map(received).collect();
    let last = entries.last().unwrap();
    let place = Place { epoch: 1, cursor: count, message: Some(last.id) };
    assert_eq!(register.receive_page(&entries, &place).unwrap() as u64, count);
    assert_eq!(register.receive_page(&entries, &place).unwrap(), 0, "what is there is not registered again");
    assert_eq!(register.place().unwrap(), place);
    let opening = |entry: &ReceivedEntry| Opening {
        id: entry.id,
        dispatch: Digest::of(entry.id.as_bytes()),
        at: NOW,
        refusal: String::new(),
    };
    register.note_read(&entries.iter().map(opening).collect::<Vec<_>>()).unwrap();
    register
}

#[test]
fn what_was_delivered_is_never_said_to_be_under_way_again() {
    let folder = tempfile::tempdir().unwrap();
    let register = Register::open(&folder.path().join("register.db")).unwrap();
    let copy = sent(1);
    register.release(std::slice::from_ref(&copy)).unwrap();
    for earlier in [SentState::Queued, SentState::Released] {
        register.note_sent(&copy.id, earlier, "", b"taken later", &[]).unwrap();
    }
    let kept = register.sent_message(&copy.id).unwrap().unwrap();
    assert_eq!((kept.state, kept.submission_receipt.as_slice()), (SentState::Delivered, &b"taken"[..]));
}

#[test]
fn a_register_of_the_first_release_is_read_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("register.db");
    let first = Connection::open(&path).unwrap();
    first.execute_batch(FIRST).unwrap();
    for number in 1..=3 {
        let copy = sent(number);
        let state = if number == 3 { "released" } else { "queued" };
        let id = copy.id.as_bytes().as_slice();
        let digest = copy.dispatch_digest.as_bytes().as_slice();
        first
            .execute(
                "INSERT INTO sent VALUES (?1, 'ch-1', 'XB', ?2, ?3, ?4, ?5, ?6, ?7, ?8, '', ?9, ?10)",
                params![
                    id,
                    copy.consultation,
                    number,
                    copy.act_number,
                    NOW.seconds(),
                    digest,
                    copy.envelope,
                    state,
                    copy.submission_receipt,
                    copy.delivery_receipt
                ],
            )
            .unwrap();
        let entry = received(number);
        first
            .execute(
                "INSERT INTO received VALUES (?1, ?2, 'XB', 'ch-1', ?3, ?2, ?4, ?5, ?5, ?6, ?7, ?8, ?9, '')",
                params![
                    entry.id.as_bytes().as_slice(),
                    number,
                    entry.consultation,
                    entry.act_number,
                    NOW.seconds(),
                    entry.envelope,
                    entry.receipt,
                    (number == 1).then_some(digest),
                    (number == 1).then_some(NOW.seconds()),
                ],
            )
            .unwrap();
    }
    first.execute("INSERT INTO formal_number VALUES (2026, 7, NULL)", []).unwrap();
    first.execute("INSERT INTO place VALUES (1, 5, 3, ?1)", [received(3).id.as_bytes().as_slice()]).unwrap();
    drop(first);
    for _ in 0..2 {
        let register = Register::open(&path).unwrap();
        let copies = register.sent().unwrap();
        assert_eq!(copies.len(), 3);
        for (number, copy) in (1..).zip(copies) {
            let state = if number == 3 { SentState::Released } else { SentState::Queued };
            let expected = SentEntry { state, has_parts_beside: true, ..sent(number) };
            assert_eq!(format!("{copy:?}"), format!("{expected:?}"));
        }
        let entries = register.received().unwrap();
        assert_eq!(entries.len(), 3);
        for (number, entry) in (1..).zip(entries) {
            let expected = ReceivedEntry { read_time: (number == 1).then_some(NOW), ..received(number) };
            assert_eq!(format!("{entry:?}"), format!("{expected:?}"));
        }
        assert_eq!(register.opened_dispatch(&received(1).id).unwrap(), Some(sent(1).dispatch_digest));
        assert_eq!(register.last_formal_number(2026).unwrap(), Some(7));
        assert_eq!(register.place().unwrap(), Place { epoch: 5, cursor: 3, message: Some(received(3).id) });
        assert_eq!(register.waiting(None, 9).unwrap().len(), 1);
        assert_eq!(register.newest_received(None, true, 9).unwrap().len(), 2);
    }
}

#[test]
fn a_register_of_a_later_release_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("register.db");
    let later = Connection::open(&path).unwrap();
    later.pragma_update(None, "user_version", 99).unwrap();
    drop(later);
    assert!(matches!(Register::open(&path), Err(RegisterFault::TooNew { found: 99, .. })));
    let untouched = Connection::open(&path).unwrap();
    let tables = untouched.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0));
    assert_eq!(tables.unwrap(), 0);
}

/// What commands ask of a register, each with the newest message there is, and how many answers it must have.
fn questions(register: &Register, newest: u64) -> Vec<(&'static str, usize)> {
    let (xb, copy, entry) = (power("XB"), sent(newest), received(newest));
    let (copy_id, entry_id) = (copy.id.as_bytes().as_slice(), entry.id.as_bytes().as_slice());
    let waiting = register.waiting(None, 9).unwrap().len();
    let front = usize::from(register.first_waiting("ch-1", &xb).unwrap().is_some());
    register.note_sent(&copy.id, SentState::Queued, "", b"taken", &[]).unwrap();
    let under_way = register.under_way(0, 9).unwrap().len();
    let last = register.last_sent("ch-1", &xb).unwrap().unwrap().sequence;
    assert_eq!(last, newest);
    vec![
        ("waiting", waiting),
        ("first waiting", front),
        ("under way", under_way),
        ("newest sent", register.newest_sent(None, 5).unwrap().len() / 5),
        ("newest sent to", register.newest_sent(Some(&xb), 5).unwrap().len() / 5),
        ("newest received", register.newest_received(None, false, 5).unwrap().len() / 5),
        ("newest received from", register.newest_received(Some(&xb), false, 5).unwrap().len() / 5),
        ("unread", 1 + register.newest_received(None, true, 5).unwrap().len()),
        ("unread from", 1 + register.newest_received(Some(&xb), true, 5).unwrap().len()),
        ("sent by id", usize::from(register.sent_message(&copy.id).unwrap().is_some())),
        ("received by id", usize::from(register.received_message(&entry.id).unwrap().is_some())),
        ("sent by number", register.sent_numbered(&xb, newest).unwrap().len()),
        ("received by number", register.received_numbered(&xb, newest).unwrap().len()),
        ("sent by beginning", register.sent_between([copy_id, copy_id], 9).unwrap().len()),
        ("received by beginning", register.received_between([entry_id, entry_id], 9).unwrap().len()),
        ("sent in", register.sent_in("C-0001").unwrap().len() / 4),
        ("received in", register.received_in("C-0001").unwrap().len() / 4),
        ("channels", register.channels_to(&xb).unwrap().len()),
        ("taken after", register.taken_after("ch-1", &xb, newest - 1, 9).unwrap().len()),
        ("act", usize::from(register.last_act_number("C-0001").unwrap() == 3)),
        ("act signed", usize::from(register.last_act_number_signed("C-0001").unwrap() == 3)),
        ("act received", usize::from(register.last_act_received("C-0001", &xb).unwrap() == 3)),
        ("formal number", register.reserve_formal_numbers(2026, 1).unwrap().min(1) as usize),
    ]
}

#[test]
fn no_question_takes_longer_because_much_was_sent_and_received() {
    let folder = tempfile::tempdir().unwrap();
    let steps = |count: u64| {
        let register = filled(folder.path(), count);
        let taken = Arc::new(AtomicU64::new(0));
        let counting = taken.clone();
        let count_step = move || {
            counting.fetch_add(1, Ordering::Relaxed);
            false
        };
        register.connection().progress_handler(1, Some(count_step)).unwrap();
        for (question, answers) in questions(&register, count) {
            assert_eq!(answers, 1, "{question}");
        }
        taken.load(Ordering::Relaxed)
    };
    let (few, many) = (steps(100), steps(4_000));
    // One table that is scanned takes ten thousands of steps more.
    assert!(many < few + few / 5, "{few} steps with a hundred, {many} with four thousand");
}

#[test]
fn numbers_reserved_together_follow_each_other_and_are_never_given_again() {
    let folder = tempfile::tempdir().unwrap();
    let register = Register::open(&folder.path().join("register.db")).unwrap();
    assert_eq!(register.reserve_formal_numbers(2026, 3).unwrap(), 1);
    assert_eq!(register.reserve_formal_number(2026).unwrap(), 4);
    assert_eq!(register.reserve_formal_number(2027).unwrap(), 1);
    assert_eq!(register.last_formal_number(2026).unwrap(), Some(4));
    let (copy, bound) = (sent(1), [((2026, 2), sent(1).dispatch_digest)]);
    let marks = Marks { numbers: bound.to_vec(), ..Marks::default() };
    assert!(register.release_with(std::slice::from_ref(&copy), &marks).unwrap());
    let kept: Option<Vec<u8>> = register
        .connection()
        .query_row("SELECT dispatch_digest FROM formal_number WHERE year = 2026 AND number = 2", [], |row| {
            row.get(0)
        })
        .unwrap();
    assert_eq!(kept.as_deref(), Some(copy.dispatch_digest.as_bytes().as_slice()));

    // Another dispatch does not come to bear it too, and nothing of that is registered; the same one may again.
    let other = sent(2);
    let again = Marks { numbers: vec![((2026, 2), other.dispatch_digest)], ..Marks::default() };
    let refused = register.release_with(std::slice::from_ref(&other), &again);
    assert!(matches!(refused, Err(RegisterFault::Overtaken)), "{refused:?}");
    assert_eq!(register.sent().unwrap().len(), 1);
    assert!(register.is_formal_number_borne(2026, 2).unwrap());
    assert!(!register.is_formal_number_borne(2026, 3).unwrap(), "reserved alone");
    // One that the register lost is borne from then on.
    let unheard = Marks { numbers: vec![((2026, 9), other.dispatch_digest)], ..Marks::default() };
    assert!(register.release_with(std::slice::from_ref(&other), &unheard).unwrap());
    assert!(register.is_formal_number_borne(2026, 9).unwrap());
    assert_eq!(register.reserve_formal_number(2026).unwrap(), 10);
}
