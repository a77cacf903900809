//! A gateway that was restored from an older copy is killed while it takes back what it has lost, again and again:
//! it begins anew each time, and in the end nothing is missing and no number was signed twice.

use std::fs;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::chance::Chance;
use super::hosts::{Hosts, Readers, SIDES, Senders, blocking, join, lanes};
use super::process::{damages, dwindles, eventually, pause};
use super::traffic::{Lane, Traffic};
use super::{long, wish};
use crate::archive::copy;
use crate::support::Stage;

/// What the store of XA holds while its gateway runs: messages and leaves of its own log.
struct Store(Connection);

impl Store {
    fn of(hosts: &Hosts) -> Self {
        let path = hosts.home("XA").join("data/gateway.db");
        let store = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
        store.busy_timeout(Duration::from_secs(10)).unwrap();
        Self(store)
    }

    fn held(&self) -> u64 {
        // Each start writes into the log of the own administration, which nobody gives back.
        let sql = "SELECT (SELECT count(*) FROM message) + (SELECT sum(size) FROM log WHERE mirror = 0
                   AND origin NOT LIKE '%/administration/%')";
        let held: i64 = self.0.query_row(sql, [], |row| row.get(0)).unwrap();
        u64::try_from(held).unwrap()
    }
}

/// Starts the rolled-back gateway of XA and kills it so many times: while leaves and messages come back as soon as
/// something more has come, and after that at any moment, while parts come back and messages are settled anew. How
/// much it held each time.
fn killed_in_the_middle(hosts: &mut Hosts, chance: &mut Chance, kills: u64, kept: u64, all: u64) -> Vec<u64> {
    let (mut held, mut seen) = (kept, Vec::new());
    while (seen.len() as u64) < kills {
        hosts.restart("XA");
        if held < all {
            let store = Store::of(hosts);
            let wanted = held + chance.between(1, 2 + (all - held) / 4);
            eventually("more was taken back", || {
                held = store.held();
                held >= wanted
            });
        } else {
            pause(Duration::from_millis(chance.between(0, 300)));
        }
        hosts.kill("XA");
        seen.push(held);
    }
    seen
}

/// Lets the desks send until so many messages more are accepted, and waits until every one is answered.
async fn exchange(
    hosts: Hosts,
    lanes: Vec<Lane>,
    traffic: &std::sync::Arc<Traffic>,
    more: u64,
) -> (Hosts, Vec<Lane>) {
    let wanted = traffic.accepted.load(Ordering::Relaxed) + more;
    let senders = Senders::begin(lanes, traffic);
    // However many that are and however busy the processor is: they only have to become more.
    let accepted = || traffic.accepted.load(Ordering::Relaxed);
    while accepted() < wanted {
        let before = accepted();
        crate::support::eventually("the desks send on", || async { accepted() > before }).await;
    }
    let lanes = senders.end(traffic).await;
    let hosts = blocking(move || {
        hosts.drain();
        hosts
    });
    (hosts.await, lanes)
}

#[tokio::test(flavor = "multi_thread")]
async fn killing_a_rolled_back_gateway_while_it_catches_up_loses_and_doubles_nothing() {
    let kills = wish("CHANCERY_KILLS").unwrap_or(if long() { 40 } else { 4 });
    let lost = if long() { 2_000 } else { 400 };
    let mut chance = Chance::draw("kill -9 while catching up");
    let stage = Stage::today(&SIDES);
    let place = tempfile::tempdir().unwrap();
    let history = place.path().join("history.jsonl");
    let hosts = Hosts::start(&stage);
    let channels = join(&stage).await;
    let traffic = Traffic::new(stage, &history);

    let (mut hosts, sequences) = exchange(hosts, lanes(&channels, &mut chance), &traffic, 40).await;
    hosts.kill("XA");
    let (data, kept) = (hosts.home("XA").join("data"), place.path().join("kept"));
    copy(&data, &kept);
    hosts.restart("XA");
    let before = Store::of(&hosts).held();
    let (mut hosts, sequences) = exchange(hosts, sequences, &traffic, lost).await;
    let all = Store::of(&hosts).held();
    hosts.kill("XA");
    fs::remove_dir_all(&data).unwrap();
    copy(&kept, &data);
    fs::remove_file(hosts.home("XA").join("run/mark")).unwrap();

    let hosts = blocking(move || {
        let seen = killed_in_the_middle(&mut hosts, &mut chance, kills, before, all);
        eprintln!("from {before} leaves and messages to {all}: killed at {seen:?}");
        hosts.restart("XA");
        eventually("it has caught up", || hosts.standing("XA") == "sound");
        assert!(Store::of(&hosts).held() >= all);
        let missing = || damages(hosts.home("XA")).as_array().map_or(u64::MAX, |all| all.len() as u64);
        dwindles("parts that are not there again", missing);
        hosts
    });
    let (hosts, _) = exchange(hosts.await, sequences, &traffic, 40).await;
    Readers::begin(&traffic).end(&traffic).await;
    let accepted = traffic.accepted.load(Ordering::Relaxed);
    assert_eq!(traffic.fetched.load(Ordering::Relaxed), 2 * accepted);
    hosts.judge(place.path(), &history, accepted, &["ROLLED_BACK"]);
}
