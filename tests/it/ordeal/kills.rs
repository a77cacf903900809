//! `kill -9` of either gateway at random moments while desks on both sides send and fetch: every accepted message
//! arrives exactly once and in order, every receipt verifies, both logs agree.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::chance::Chance;
use super::hosts::{Hosts, Readers, SIDES, Senders, blocking, join, lanes};
use super::process::pause;
use super::traffic::Traffic;
use super::{long, wish};
use crate::support::Stage;

/// Kills one gateway, and now and then the other while the first is down, at moments that `chance` gives.
fn ordeal(hosts: &mut Hosts, chance: &mut Chance, kills: u64) {
    let mut killed = 0;
    while killed < kills {
        pause(Duration::from_millis(chance.between(100, 900)));
        let victim = SIDES[usize::try_from(chance.between(0, 2)).unwrap()];
        let other = SIDES[usize::from(victim == SIDES[0])];
        let both = chance.between(0, 5) == 0 && killed + 1 < kills;
        hosts.kill(victim);
        pause(Duration::from_millis(chance.between(0, 250)));
        if both {
            hosts.kill(other);
            pause(Duration::from_millis(chance.between(0, 250)));
        }
        hosts.restart(victim);
        if both {
            hosts.restart(other);
        }
        killed += 1 + u64::from(both);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killing_either_gateway_under_load_loses_doubles_and_reorders_nothing() {
    let kills = wish("CHANCERY_KILLS").unwrap_or(if long() { 100 } else { 10 });
    let mut chance = Chance::draw("kill -9 under load");
    let stage = Stage::today(&SIDES);
    let place = tempfile::tempdir().unwrap();
    let history = place.path().join("history.jsonl");
    let mut hosts = Hosts::start(&stage);
    let channels = join(&stage).await;

    let traffic = Traffic::new(stage, &history);
    let begin = Instant::now();
    let senders = Senders::begin(lanes(&channels, &mut chance), &traffic);
    let readers = Readers::begin(&traffic);
    let hosts = blocking(move || {
        ordeal(&mut hosts, &mut chance, kills);
        hosts
    });
    let hosts = hosts.await;
    senders.end(&traffic).await;
    let sent_for = begin.elapsed();
    let hosts = blocking(move || {
        hosts.drain();
        hosts
    });
    let hosts = hosts.await;
    readers.end(&traffic).await;
    let drained_for = begin.elapsed() - sent_for;
    let accepted = traffic.accepted.load(Ordering::Relaxed);
    eprintln!(
        "{kills} kills in {sent_for:.1?}, drained in {drained_for:.1?}: {accepted} messages accepted, \
         {} of them with a document; fetched {} times by two desks each; {} attempts had no answer",
        traffic.documents.load(Ordering::Relaxed),
        traffic.fetched.load(Ordering::Relaxed),
        traffic.unanswered.load(Ordering::Relaxed),
    );
    assert!(traffic.batched.load(Ordering::Relaxed) > 0, "nothing went in batches");
    // Without load there would be nothing to lose.
    assert!(accepted > 10 * kills, "{accepted} messages");
    assert_eq!(traffic.fetched.load(Ordering::Relaxed), 2 * accepted);
    hosts.judge(place.path(), &history, accepted, &[]);
}
