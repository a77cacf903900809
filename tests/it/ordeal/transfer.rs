//! `kill -9` of either gateway in the middle of the transfer of a document, on its way in and on its way over.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::chance::Chance;
use super::hosts::{Hosts, Readers, SIDES, blocking, join};
use super::process::{pause, status};
use super::traffic::{Lane, Traffic};
use super::{long, wish};
use crate::support::Stage;

const DOCUMENT_BYTES: u64 = 48 * 1024 * 1024;

/// How much of a part has arrived at a gateway from a ministry, where it is on its way.
fn arrived(home: &Path, from: &str) -> Option<u64> {
    let folder: PathBuf = home.join("data/parts/arriving").join(from);
    let mut files = std::fs::read_dir(folder).ok()?.map_while(Result::ok);
    files.next()?.metadata().ok().map(|file| file.len())
}

/// Kills `victim` when the part that `holder` takes from `from` has come some way further; how far it was.
fn kill_at(hosts: &mut Hosts, holder: &str, from: &str, victim: &'static str, at: u64) -> Option<u64> {
    let home = hosts.home(holder).to_owned();
    // Every place is either still before us, or the part has gone by already.
    let begin = std::time::Instant::now();
    loop {
        match arrived(&home, from) {
            Some(bytes) if bytes >= at => {
                hosts.kill(victim);
                hosts.restart(victim);
                return (bytes < DOCUMENT_BYTES).then_some(bytes);
            }
            _ if begin.elapsed() > Duration::from_secs(60) => panic!("the transfer does not get to {at}"),
            _ => pause(Duration::from_millis(1)),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killing_either_gateway_in_the_middle_of_a_document_loses_nothing_of_it() {
    let rounds = wish("CHANCERY_KILLS").map_or(if long() { 10 } else { 1 }, |kills| kills.div_ceil(4));
    let mut chance = Chance::draw("kill -9 in the middle of a document");
    let stage = Stage::today(&SIDES);
    let place = tempfile::tempdir().unwrap();
    let history = place.path().join("history.jsonl");
    let mut hosts = Hosts::start(&stage);
    let channel = join(&stage).await.remove(0);
    let traffic = Traffic::new(stage, &history);
    let mut lane = Lane::new("XA", "XB", &channel, chance.fork());
    for round in 0..rounds {
        let content = chance.bytes(usize::try_from(DOCUMENT_BYTES).unwrap());
        let sending = {
            let traffic = traffic.clone();
            tokio::spawn(async move { lane.hand_over(&traffic, content).await })
        };
        let mut marks = [0; 4].map(|_| chance.between(DOCUMENT_BYTES / 10, DOCUMENT_BYTES / 4));
        // On its way in, and then twice on its way over: the sender goes, the recipient goes.
        marks[1] += marks[0];
        marks[3] += marks[2];
        hosts = blocking(move || {
            let middles = [
                kill_at(&mut hosts, "XA", "XA", "XA", marks[0]),
                kill_at(&mut hosts, "XA", "XA", "XA", marks[1]),
                kill_at(&mut hosts, "XB", "XA", "XA", marks[2]),
                kill_at(&mut hosts, "XB", "XA", "XB", marks[3]),
            ];
            eprintln!("round {round}: killed at {middles:?} of {DOCUMENT_BYTES} bytes");
            assert!(middles.iter().all(Option::is_some), "{middles:?}");
            hosts
        })
        .await;
        lane = sending.await.unwrap();
    }
    let hosts = blocking(move || {
        hosts.drain();
        hosts
    })
    .await;
    let left = status(hosts.home("XA"))["peers"][0]["transfers"].clone();
    assert_eq!(left, serde_json::json!([]));
    Readers::begin(&traffic).end(&traffic).await;
    assert_eq!(traffic.fetched.load(Ordering::Relaxed), 2 * rounds, "every document has its digest");
    hosts.judge(place.path(), &history, rounds, &[]);
}
