//! Sticks that are missing, doubled, damaged, full, or made to be read slowly.

use std::ffi::OsStr;
use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use chancery::message::courier::{Opening, Packing, Unpacking};
use chancery::time::Timestamp;

use super::{count, only, packs, sends, stick, text, types, unpacks};
use crate::support::{Stage, ministry, proofs};

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_a_doubled_and_a_damaged_stick_are_told_and_lose_nothing() {
    let mut stage = Stage::pair().await;
    proofs::logs_agree(&stage).await;
    only(&mut stage, "XA", "XB").await;
    for (number, words) in [(1, "One."), (2, "Two."), (3, "Three.")] {
        sends(&stage, "XA", "XB", words).await;
        let packed = packs(&stage, "XA", "XB", &format!("a{number}"), &["--new"]);
        assert_eq!(
            (packed["number"].as_u64(), packed["messages"].as_u64()),
            (Some(number), Some(1)),
            "{packed}"
        );
    }
    only(&mut stage, "XB", "XA").await;
    // The first has gone astray.
    let gap = unpacks(&stage, "XB", "a2");
    let told = gap.told();
    assert_eq!((gap.code, told["refusals"].as_u64()), (6, Some(1)), "{gap:?}");
    assert_eq!(told["missing_sticks"], serde_json::json!([1]), "{told}");
    assert_eq!(
        told["refused"][0]["what"].as_str().map(|what| what.starts_with("message number 2 on ")),
        Some(true)
    );
    assert_eq!(count(&stage, "XB").await, 0);
    // Damaged, truncated, of a later release, something else: refused whole.
    let bytes = text(&stick(&stage, "a1"));
    let refused = |name: &str, bytes: &[u8], code: i32, reason: &str| {
        fs::write(stick(&stage, name), bytes).unwrap();
        let said = unpacks(&stage, "XB", name);
        assert!(said.code == code && said.talk.contains(reason), "{name}: {said:?}");
        let next = if reason == "COURIER_LATER_RELEASE" { "chancery version" } else { "queue pack --peer" };
        assert!(said.hint().contains(next), "{name}: {said:?}");
    };
    let mut damaged = bytes.clone();
    damaged[bytes.len() / 2] ^= 1;
    refused("damaged", &damaged, 3, "COURIER_DAMAGED");
    refused("truncated", &bytes[..bytes.len() - 1], 3, "COURIER_TRUNCATED");
    refused("later", &[b"chancery-courier/2\n", &bytes[19..]].concat(), 2, "COURIER_LATER_RELEASE");
    refused("other", b"something else altogether", 2, "COURIER_NO_STICK");
    assert_eq!(count(&stage, "XB").await, 0);
    // It is found again, and what was refused goes on behind it.
    for name in ["a1", "a2", "a3"] {
        assert_eq!(unpacks(&stage, "XB", name).json()["taken"], 1, "{name}");
    }
    assert_eq!(unpacks(&stage, "XB", "a2").json()["already_taken"], true);
    assert_eq!(count(&stage, "XB").await, 3);

    // Nobody unpacks his own, or one for somebody else.
    packs(&stage, "XB", "XA", "b1", &[]);
    let own = unpacks(&stage, "XB", "b1");
    assert!(own.code == 6 && own.talk.contains("COURIER_OWN"), "{own:?}");
    assert!(own.talk.contains("is to be typed at the ministry that it is for"), "{own:?}");
    let pasted = own.hint().starts_with("chancery --home GATEWAY queue unpack ") && !own.hint().contains(',');
    assert!(pasted, "{own:?}");
    let nobody = types(&stage, "XB", &["pack", "--peer", "XC", "-o", "x.stick"].map(OsStr::new));
    assert!(nobody.code == 7 && nobody.talk.contains("NOT_ACCREDITED"), "{nobody:?}");
    assert_eq!(nobody.hint(), "chancery --home DESK peer add XC.bundle");
    let missing = unpacks(&stage, "XB", "no-such.stick");
    assert!(missing.code == 7 && missing.hint().starts_with("ls -la /"), "{missing:?}");
}

#[test]
fn a_stick_of_short_records_is_read_in_the_time_of_its_length() {
    let opening = Opening {
        from: ministry("XA"),
        to: ministry("XB"),
        number: 1,
        time: Timestamp::from_seconds(1_790_000_000),
    };
    let (mut packing, mut bytes) = Packing::begin(&opening);
    let count = 400_000;
    for _ in 0..count {
        bytes.extend(packing.frame(b""));
    }
    bytes.extend(packing.end());
    // All of it at once, as a piece of a call may bring it.
    let (begun, mut unpacking, mut read) = (Instant::now(), Unpacking::default(), 0);
    unpacking.add(&bytes);
    while unpacking.next_record().unwrap().is_some() {
        read += 1;
    }
    unpacking.finish().unwrap();
    assert_eq!(read, count + 1);
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stick_that_could_not_be_written_is_packed_again_as_new() {
    let mut stage = Stage::pair().await;
    proofs::logs_agree(&stage).await;
    only(&mut stage, "XA", "XB").await;
    sends(&stage, "XA", "XB", "One.").await;
    // The medium is full: no file may grow over one block.
    let home = stage.house("XA").homes().gateway.directory().to_owned();
    let file = stick(&stage, "full");
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -f 1 && exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_chancery"), "--home"]);
    command.arg(home).args(["queue", "pack", "--peer", "XB", "-o"]).arg(&file);
    let said = command.env_clear().stdin(Stdio::null()).output().unwrap();
    assert!(!said.status.success() && !file.exists(), "{said:?}");
    for (name, expected) in [("a1", 1), ("a2", 0)] {
        let packed = packs(&stage, "XA", "XB", name, &["--new"]);
        assert_eq!(packed["messages"].as_u64(), Some(expected), "{name}: {packed}");
    }
}
