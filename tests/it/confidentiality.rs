//! Blindness: names and a face go from desk to desk, and no byte of them is found in anything a gateway wrote
//! or passed on. With the sealing left out, the same search finds them everywhere.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::sync::{Arc, Mutex, OnceLock};

use chancery::consultation::withholding::Withheld;
use chancery::desk::register::{Place, SentState};
use chancery::digest::Digest;
use chancery::message::envelope::Envelope;
use chancery::rehearsal::founding::Plan;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use unicode_normalization::UnicodeNormalization;

use crate::support::craft::Craft;
use crate::support::search::{Needle, forms_of, found, found_below};
use crate::support::tap::{Identity, Tap};
use crate::support::{Stage, forms, passphrase, proofs};

const LATIN: &str = "Oleksandr Canary-Kovalenko";
const KOREAN: &str = "홍길동카나리아";

/// A name in two scripts, the second composed and decomposed, and a face.
fn needles() -> Vec<Needle> {
    let (composed, decomposed): (String, String) = (KOREAN.nfc().collect(), KOREAN.nfd().collect());
    assert_ne!(composed, decomposed);
    [
        forms_of("the Latin name", LATIN.as_bytes()),
        forms_of("the Korean name, composed", composed.as_bytes()),
        forms_of("the Korean name, decomposed", decomposed.as_bytes()),
        forms_of("the face", &face()),
    ]
    .concat()
}

fn face() -> Vec<u8> {
    [Digest::of(b"a face"), Digest::of(b"the same face")].iter().flat_map(|half| *half.as_bytes()).collect()
}

/// What is written and drawn: everything that is looked for, in every form.
fn words() -> Vec<u8> {
    needles().iter().flat_map(|needle| [b" ", needle.bytes()].concat()).collect()
}

/// What stands between the corners: both mailboxes and both relays.
struct Taps(Vec<(&'static str, Tap)>);

impl Taps {
    async fn between_the_corners_of(stage: &Stage) -> Self {
        let gateway = |code: &str| {
            let home = &stage.house(code).homes().gateway;
            Identity {
                chain: fs::read(home.transport_chain()).unwrap(),
                key: fs::read(home.transport_key()).unwrap(),
            }
        };
        let desk = |code: &str| {
            let keys = stage.house(code).homes().desk.directory().join("keys");
            let key = chancery::keys::file::open_protected(&keys.join("access.key"), &passphrase()).unwrap();
            let key = key.to_plain_pem().unwrap().as_bytes().to_vec();
            Identity { chain: fs::read(keys.join("access.pem")).unwrap(), key }
        };
        let plan = |code: &str| stage.house(code).plan().clone();
        let mut taps = Vec::new();
        for (what, code, caller, at) in [
            ("desk and gateway of XA", "XA", desk("XA"), [plan("XA").mailbox_seen, plan("XA").mailbox]),
            ("desk and gateway of XB", "XB", desk("XB"), [plan("XB").mailbox_seen, plan("XB").mailbox]),
            ("gateway XA calling XB", "XB", gateway("XA"), [plan("XB").relay_seen, plan("XB").relay]),
            ("gateway XB calling XA", "XA", gateway("XB"), [plan("XA").relay_seen, plan("XA").relay]),
        ] {
            let [seen, beyond] = &at;
            taps.push((what, Tap::between(seen, beyond, &gateway(code), &caller).await));
        }
        Self(taps)
    }

    /// What is found in what passed, frame by frame and body by body.
    fn found(&self, needles: &[Needle]) -> BTreeSet<String> {
        let mut all = BTreeSet::new();
        for (what, tap) in &self.0 {
            for bytes in tap.streams().iter().chain(&tap.bodies()) {
                all.extend(
                    found(bytes, needles).into_iter().map(|needle| format!("{needle} between {what}")),
                );
            }
        }
        all
    }

    /// What passed on each way. Either gateway may have called the other, and both use what one has opened.
    fn ways(&self) -> BTreeMap<&'static str, Vec<Vec<u8>>> {
        let mut ways: BTreeMap<&'static str, Vec<Vec<u8>>> = BTreeMap::new();
        for (what, tap) in &self.0 {
            let way = if what.contains("calling") { "the gateways" } else { *what };
            ways.entry(way).or_default().extend(tap.bodies());
        }
        ways
    }

    /// Nothing could be missed: something passed everywhere, and nothing of it was compressed.
    fn have_seen_everything(&self) {
        for (what, bodies) in self.ways() {
            assert!(bodies.iter().map(Vec::len).sum::<usize>() > 1000, "nothing passed between {what}");
        }
        for (what, tap) in &self.0 {
            let bodies = tap.bodies();
            for mut body in bodies.iter().map(Vec::as_slice) {
                while let [compressed, a, b, c, d, rest @ ..] = body {
                    assert_eq!(*compressed, 0, "compressed between {what}");
                    let length = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
                    // The last message of a stream may still be on its way.
                    body = rest.get(length..).unwrap_or_default();
                }
            }
        }
    }
}

/// XA and XB with a tap on every way between desks and gateways.
async fn tapped() -> (Stage, Taps) {
    let elsewhere = |address: &str| {
        let (host, port) = address.rsplit_once(':').unwrap();
        let (net, last) = host.rsplit_once('.').unwrap();
        format!("{net}.{}:{port}", last.parse::<u8>().unwrap() + 100)
    };
    let mut stage = Stage::apart(&["XA", "XB"], |plans: &mut Vec<Plan>| {
        for plan in plans {
            plan.relay_seen = elsewhere(&plan.relay);
            plan.mailbox_seen = elsewhere(&plan.mailbox);
        }
    });
    let taps = Taps::between_the_corners_of(&stage).await;
    stage.join().await;
    (stage, taps)
}

/// Everything a gateway wrote: its home, and files that it holds open without a name.
fn written_by_gateways(stage: &Stage, needles: &[Needle]) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for code in ["XA", "XB"] {
        let home = stage.house(code).homes().gateway.directory();
        assert!(home.join("data/gateway.db").is_file());
        all.extend(found_below(home, needles));
    }
    for open in fs::read_dir("/proc/self/fd").into_iter().flatten() {
        let path = open.unwrap().path();
        // Other tests open and close files all the time.
        let Ok(target) = fs::read_link(&path) else { continue };
        if target.to_string_lossy().ends_with(" (deleted)")
            && target.is_absolute()
            && let Ok(bytes) = fs::read(&path)
        {
            all.extend(found(&bytes, needles).into_iter().map(|needle| format!("{needle} in {target:?}")));
        }
    }
    all
}

/// Log lines of everything in this process, from the most talkative level on.
fn logs() -> &'static Captured {
    static CAPTURED: OnceLock<Captured> = OnceLock::new();
    CAPTURED.get_or_init(|| {
        let captured = Captured::default();
        tracing_subscriber::fmt()
            .with_env_filter(EnvFilter::new("info,chancery=trace,it=trace"))
            .with_writer(captured.clone())
            .with_ansi(false)
            .init();
        captured
    })
}

#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Captured {
    fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap().clone()
    }
}

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Captured {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// A note that says everything: in its subject, its titles, its texts, its documents and their file names.
fn telling_note(stage: &Stage) -> String {
    let (composed, decomposed): (String, String) = (KOREAN.nfc().collect(), KOREAN.nfd().collect());
    let small = [words(), b"%PDF".to_vec()].concat();
    let large: Vec<u8> = words().into_iter().cycle().take(400 * 1024).collect();
    let name = format!("{LATIN}.bin");
    fs::write(stage.folder().join("small.pdf"), small).unwrap();
    fs::write(stage.folder().join(&name), large).unwrap();
    let tables = format!(
        r#"
[[document]]
id = "annex"
path = "small.pdf"
title = "{LATIN} {composed} {decomposed}"
class = "EVIDENCE"
language = "ko"

[[document]]
id = "photograph"
path = "{name}"
title = "{decomposed}"
class = "EVIDENCE"
language = "und"
"#
    );
    let heading = format!("drafting_office = \"{LATIN}\"\ncaveats = [\"PERSONAL_GC3_13\"]");
    forms::note_with("XB", "new", &heading, &tables)
        .replace("Prisoners of war: procedure", &format!("{LATIN} {composed} {decomposed}"))
        .replace("포로 문제", &format!("포로 {composed} {decomposed} 문제"))
        .replace("prisoners of war", &format!("prisoners of war, {LATIN}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn gateways_and_wires_carry_no_byte_of_a_name_or_a_face() {
    let (logs, needles) = (logs(), needles());
    let (mut stage, taps) = tapped().await;
    let [sent] = stage.send("XA", &telling_note(&stage)).await.try_into().unwrap();
    assert_eq!(stage.settled("XA", &sent).await.state, SentState::Delivered);
    // It is read, its documents are taken out, and an answer that says it again goes home.
    let house = stage.house("XB");
    house.fetch().await.unwrap();
    let opened = house.read("@last").unwrap();
    let folder = stage.folder().join("saved");
    let saved = house
        .desk()
        .unwrap()
        .save_documents(house.keys(), &opened, &mut None, (&folder, &Withheld::nothing()), false)
        .await
        .unwrap();
    assert_eq!(saved.len(), 4);
    assert!(!found_below(&folder, &needles).is_empty(), "the reader has it");
    let receipt = forms::registry_receipt(&opened, LATIN);
    let [answer] = stage.send("XB", &receipt).await.try_into().unwrap();
    assert_eq!(stage.settled("XB", &answer).await.state, SentState::Delivered);
    stage.house("XA").fetch().await.unwrap();
    proofs::logs_agree(&stage).await;
    // Refused messages leave traces of their own.
    let again = stage.house("XA").desk().unwrap().register().sent().unwrap().remove(0);
    let mut spoiled = Envelope::parse(&again.envelope).unwrap().encode();
    let middle = spoiled.len() / 2;
    spoiled[middle] ^= 1;
    assert!(stage.gateway("XA").submit(&spoiled).await.is_err());

    let nothing = BTreeSet::new();
    taps.have_seen_everything();
    assert_eq!(taps.found(&needles), nothing);
    assert_eq!(written_by_gateways(&stage, &needles), nothing);
    for code in ["XA", "XB"] {
        // The desk keeps what it sent and received sealed as well.
        assert_eq!(found_below(stage.house(code).homes().desk.directory(), &needles), nothing);
        stage.house_mut(code).stop().await.unwrap();
    }
    assert_eq!(written_by_gateways(&stage, &needles), nothing);
    assert_eq!(found(&logs.bytes(), &needles), nothing);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_seals_the_same_search_finds_them_everywhere() {
    let needles = needles();
    let (mut stage, taps) = tapped().await;
    // What would be sealed goes as it is, once inside its envelope and once beside it.
    let mut craft = Craft::new(&stage, "XA", "XB");
    let large: Vec<u8> = words().into_iter().cycle().take(400 * 1024).collect();
    craft.parts = vec![words(), large.clone()];
    let envelope = craft.signed(&stage);
    let house = stage.house("XA");
    let mut link = house.desk().unwrap().mailbox(house.keys()).await.unwrap();
    let (digest, size, rest) = (Digest::of(&large), large.len() as u64, std::io::Cursor::new(large));
    link.put_part(digest, size, rest).await.unwrap();
    link.submit(envelope.encode()).await.unwrap();
    crate::support::eventually("it is delivered", || async {
        stage.gateway("XB").status().await.unwrap().mailbox_waiting == 1
    })
    .await;
    let house = stage.house("XB");
    let mut link = house.desk().unwrap().mailbox(house.keys()).await.unwrap();
    assert_eq!(link.list_received(&Place::default()).await.unwrap().messages.len(), 1);

    let everything: BTreeSet<String> = needles.iter().map(|needle| needle.name.clone()).collect();
    for (what, bodies) in taps.ways() {
        let passed: BTreeSet<String> = bodies.iter().flat_map(|body| found(body, &needles)).collect();
        assert_eq!(passed, everything, "between {what}");
    }
    for code in ["XA", "XB"] {
        let data = stage.house(code).homes().gateway.directory().join("data");
        let parts: BTreeSet<String> = found_below(&data.join("parts"), &needles);
        assert!(everything.iter().all(|needle| parts.iter().any(|found| found.starts_with(needle))));
        stage.house_mut(code).stop().await.unwrap();
        let database = fs::read(data.join("gateway.db")).unwrap();
        assert_eq!(found(&database, &needles), everything, "in the database of {code}");
    }
    // Log lines are searched as well; other words are put there, because the log is everybody's.
    let (logs, control) = (logs(), forms_of("the control", b"Canary of the control"));
    assert_eq!(found(&logs.bytes(), &control), BTreeSet::new());
    tracing::trace!(target: "chancery::gateway", "Canary of the control");
    assert_eq!(found(&logs.bytes(), &control).len(), 1);
}
