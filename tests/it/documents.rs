//! Large documents: resumed wherever they are cut, at every hop, and beside them the messages go on.

mod beside;
mod given_up;
mod one_door;
mod refused;
mod taking;

use std::fs;
use std::path::{Path, PathBuf};

use chancery::consultation::withholding::Withheld;
use chancery::desk::register::{SentEntry, SentState};
use chancery::message::envelope::Envelope;
use chancery::message::header::Part;
use chancery::rehearsal::founding::Plan;

use crate::support::ferry::Ferry;
use crate::support::{Stage, eventually, forms};

const MIB: u64 = 1024 * 1024;

/// Bytes that look like nothing else, other ones for every `salt`, in a file of the stage.
fn document(stage: &Stage, name: &str, size: u64) -> PathBuf {
    let mut state = size | 1;
    let mut content = Vec::with_capacity(usize::try_from(size).unwrap());
    while (content.len() as u64) < size {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        content.extend_from_slice(&state.to_le_bytes());
    }
    content.truncate(usize::try_from(size).unwrap());
    let path = stage.folder().join(name);
    fs::write(&path, content).unwrap();
    path
}

/// A memorandum with these files as its documents.
fn bearing(to: &str, precedence: &str, names: &[&str]) -> String {
    let table = |name: &&str| {
        format!(
            "\n[[document]]\nid = \"{}\"\npath = \"{name}\"\ntitle = \"Scan\"\nclass = \"EVIDENCE\"\n\
             language = \"und\"\nmedia_type = \"application/octet-stream\"\n",
            name.replace('.', "-")
        )
    };
    let form = forms::memorandum(to, "new", "See the documents.").replace("ROUTINE", precedence);
    form + &names.iter().map(table).collect::<String>()
}

/// Where an address would be seen if a ferry stood there.
pub fn aside(address: &str) -> String {
    let (host, port) = address.rsplit_once(':').unwrap();
    let (net, last) = host.rsplit_once('.').unwrap();
    format!("{net}.{}:{port}", last.parse::<u8>().unwrap() + 100)
}

/// Ministries with a ferry before the relay and one before the mailbox of every gateway, in their order. The first of
/// them dials and cannot be dialled: nobody listens where it is said to be.
async fn ferried(codes: &[&str]) -> (Stage, Vec<(Ferry, Ferry)>) {
    let mut stage = Stage::apart(codes, |plans: &mut Vec<Plan>| {
        for plan in plans.iter_mut() {
            plan.relay_seen = aside(&plan.relay);
            plan.mailbox_seen = aside(&plan.mailbox);
        }
        plans[0].relay_seen = plans[0].relay.replace(":7101", ":7199");
    });
    let mut ferries = Vec::new();
    for code in codes {
        let plan = stage.house(code).plan().clone();
        let relay = Ferry::between(&aside(&plan.relay), &plan.relay).await;
        ferries.push((relay, Ferry::between(&plan.mailbox_seen, &plan.mailbox).await));
    }
    stage.join().await;
    (stage, ferries)
}

/// The parts of a copy that travel beside it.
fn beside_of(sent: &SentEntry) -> Vec<Part> {
    let envelope = Envelope::parse(&sent.envelope).unwrap();
    let parts = envelope.header().parts().iter().zip(envelope.parts());
    parts.filter(|(_, content)| content.is_empty()).map(|(part, _)| *part).collect()
}

/// Fetches the newest message of a house and saves its documents.
async fn saved(
    stage: &Stage,
    code: &str,
    into: &str,
) -> Result<Vec<PathBuf>, chancery::desk::error::DeskError> {
    let house = stage.house(code);
    house.fetch().await.unwrap();
    let opened = house.read("@last").unwrap();
    let desk = house.desk().unwrap();
    desk.save_documents(
        house.keys(),
        &opened,
        &mut None,
        (&stage.folder().join(into), &Withheld::nothing()),
        false,
    )
    .await
}

fn same(saved: &Path, plain: &Path) -> bool {
    fs::read(saved).unwrap() == fs::read(plain).unwrap()
}

/// What passed a ferry beyond the part itself is less than the part: what was there was not sent again.
fn assert_resumed(what: &str, ferry: &Ferry, before: u64, size: u64) {
    let (carried, breaks) = (ferry.carried() - before, ferry.breaks());
    eprintln!("{what}: {breaks} breaks, {carried} bytes carried for {size}");
    assert!(breaks > 0, "{what}: nothing was cut");
    assert!(carried >= size && carried < 2 * size, "{what}: {carried} bytes for {size}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_goes_on_where_it_was_cut_at_each_of_its_three_hops() {
    let (stage, ferries) = ferried(&["XA", "XB"]).await;
    let plain = document(&stage, "scan.bin", 24 * MIB + 321);
    let [(_, into_xa), (between, out_of_xb)] = &ferries[..] else { unreachable!() };

    // Desk to own gateway: the command goes on by itself.
    let before = into_xa.carried();
    let cutting = {
        let ferry = into_xa.clone();
        tokio::spawn(async move {
            for bytes in [5 * MIB, 7 * MIB + 12_345, 3 * MIB] {
                let breaks = ferry.breaks();
                ferry.sink_after(bytes);
                eventually("the connection broke", || async { ferry.breaks() > breaks }).await;
            }
        })
    };
    let relayed = between.carried();
    between.sink_after(9 * MIB);
    let [sent] = stage.send("XA", &bearing("XB", "ROUTINE", &["scan.bin"])).await.try_into().unwrap();
    cutting.await.unwrap();
    let [part] = beside_of(&sent).try_into().unwrap();
    assert_resumed("desk to gateway", into_xa, before, part.size);
    assert_eq!(sent.state, SentState::Queued);

    // Gateway to gateway: it goes on by itself.
    assert_eq!(stage.settled("XA", &sent).await.state, SentState::Delivered);
    assert_resumed("gateway to gateway", between, relayed, part.size);

    // Gateway to desk: by itself, too, and by the next command.
    let before = out_of_xb.carried();
    out_of_xb.sink_after(11 * MIB);
    let files = saved(&stage, "XB", "saved").await.unwrap();
    assert_resumed("gateway to desk", out_of_xb, before, part.size);
    assert!(same(&files[1], &plain));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_survives_the_loss_of_either_gateway_in_the_middle_of_it() {
    let (mut stage, ferries) = ferried(&["XA", "XB"]).await;
    let plain = document(&stage, "scan.bin", 24 * MIB);
    let [(_, into_xa), (between, out_of_xb)] = &ferries[..] else { unreachable!() };

    // The own gateway is lost in the middle of the hand-over: the command gives up, the next one goes on.
    into_xa.allow(10 * MIB);
    let before = into_xa.carried();
    let form = bearing("XB", "ROUTINE", &["scan.bin"]);
    let homes = stage.house("XA").homes().clone();
    let folder = stage.folder().to_owned();
    let sending = tokio::spawn({
        let (homes, clock) = (homes.clone(), stage.clock.clone());
        async move {
            let desk = chancery::desk::Desk::open(
                homes.desk.directory(),
                std::sync::Arc::new(clock),
                std::sync::Arc::new(chancery::entropy::SystemEntropy),
            )
            .unwrap();
            let keys = chancery::desk::keys::Keys::new(desk.config().clone(), crate::support::passphrase());
            let trust = desk.trust().unwrap();
            let draft =
                chancery::desk::form::parse::parse(&form, &chancery::desk::form::draft::IdsOnly).unwrap();
            let composition = desk.compose(&trust, &keys, &draft, &folder, None).unwrap();
            desk.send(&trust, &keys, composition).await
        }
    });
    eventually("a part of it is there", || async { into_xa.carried() - before >= 10 * MIB }).await;
    stage.house_mut("XA").lose().await.unwrap();
    let [sent] = sending.await.unwrap().unwrap().try_into().unwrap();
    assert_eq!(sent.state, SentState::Released, "signed and registered, and the gateway went away");
    into_xa.allow(u64::MAX);

    // Then the peer's gateway is lost in the middle of its transfer, then the own one in the middle of the rest.
    between.allow(9 * MIB);
    let relayed = between.carried();
    stage.house_mut("XA").start().await.unwrap();
    let again = into_xa.carried();
    {
        let house = stage.house("XA");
        let desk = house.desk().unwrap();
        let trust = desk.trust().unwrap();
        desk.resume(&trust, &mut desk.mailbox(house.keys()).await.unwrap()).await.unwrap();
        assert_eq!(desk.register().sent().unwrap()[0].state, SentState::Queued);
    }
    let [part] = beside_of(&sent).try_into().unwrap();
    let rest = into_xa.carried() - again;
    assert!(rest < part.size - 2 * MIB, "{rest} of {} bytes were handed over again", part.size);
    eventually("a part of it is with the peer", || async { between.carried() - relayed >= 9 * MIB }).await;
    stage.house_mut("XB").lose().await.unwrap();
    between.allow(6 * MIB);
    stage.house_mut("XB").start().await.unwrap();
    eventually("more of it is with the peer", || async { between.carried() - relayed >= 15 * MIB }).await;
    stage.house_mut("XA").lose().await.unwrap();
    between.allow(u64::MAX);
    stage.house_mut("XA").start().await.unwrap();
    assert_eq!(stage.settled("XA", &sent).await.state, SentState::Delivered);
    let carried = between.carried() - relayed;
    assert!(carried < 2 * part.size, "{carried} bytes for {}", part.size);

    // The receiving desk gives up in the middle, and its gateway is started again meanwhile.
    out_of_xb.allow(10 * MIB);
    let fetched = out_of_xb.carried();
    {
        let giving_up = saved(&stage, "XB", "given-up");
        tokio::select! {
            _ = giving_up => panic!("it was fetched whole"),
            () = eventually("a part is fetched", || async { out_of_xb.carried() - fetched >= 10 * MIB }) => {}
        }
    }
    stage.house_mut("XB").lose().await.unwrap();
    stage.house_mut("XB").start().await.unwrap();
    out_of_xb.allow(u64::MAX);
    let before = out_of_xb.carried();
    let files = saved(&stage, "XB", "saved").await.unwrap();
    let rest = out_of_xb.carried() - before;
    assert!(rest < part.size - 2 * MIB, "{rest} of {} bytes were fetched again", part.size);
    assert!(same(&files[1], &plain));
    crate::support::proofs::logs_agree(&stage).await;
}
