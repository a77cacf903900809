//! `kill -9` of either gateway at random moments while desks on both sides send and fetch: every accepted message
//! arrives exactly once and in order, every receipt verifies, both logs agree.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use chancery::message::terms::Level;
use chancery::trust::policy::{ChannelId, ChannelRule};
use tempfile::TempDir;

use super::archive::{check, export};
use super::chance::Chance;
use super::process::{Process, eventually, operator, operator_list, pause, status};
use super::traffic::{Lane, Reader, Traffic};
use super::{long, wish};
use crate::support::{Stage, ministry};

/// Channels between the two: each is a sequence of its own each way, with its own desk.
const CHANNELS: u64 = 4;

const SIDES: [&str; 2] = ["XA", "XB"];

/// Both gateways, each running or down.
struct Hosts {
    homes: BTreeMap<&'static str, PathBuf>,
    running: BTreeMap<&'static str, Process>,
}

impl Hosts {
    fn start(stage: &Stage) -> Self {
        let home = |side| (side, stage.house(side).homes().gateway.directory().to_owned());
        let homes: BTreeMap<_, PathBuf> = SIDES.map(home).into();
        let running = homes.iter().map(|(side, home)| (*side, Process::start(home))).collect();
        Self { homes, running }
    }

    fn kill(&mut self, side: &'static str) {
        self.running.remove(side).expect("it runs").kill();
    }

    fn restart(&mut self, side: &'static str) {
        self.running.insert(side, Process::start(&self.homes[side]));
    }

    /// Kills one gateway, and now and then the other while the first is down, at moments that `chance` gives.
    fn ordeal(&mut self, chance: &mut Chance, kills: u64) {
        let mut killed = 0;
        while killed < kills {
            pause(Duration::from_millis(chance.between(100, 900)));
            let victim = SIDES[usize::try_from(chance.between(0, 2)).unwrap()];
            let other = SIDES[usize::from(victim == SIDES[0])];
            let both = chance.between(0, 5) == 0 && killed + 1 < kills;
            self.kill(victim);
            pause(Duration::from_millis(chance.between(0, 250)));
            if both {
                self.kill(other);
                pause(Duration::from_millis(chance.between(0, 250)));
            }
            self.restart(victim);
            if both {
                self.restart(other);
            }
            killed += 1 + u64::from(both);
        }
    }

    /// Waits until every message is answered and every log is mirrored and cosigned to its end.
    fn drain(&self) {
        eventually("every message is answered", || {
            self.homes.values().all(|home| {
                let status = status(home);
                let peers = status["peers"].as_array().unwrap();
                peers.len() == 1 && peers.iter().all(|peer| peer["queued"] == 0)
            })
        });
        eventually("both logs are mirrored and cosigned", || {
            let logs = self.homes.values().map(|home| operator_list(home, &["log", "head"]));
            let logs: Vec<Vec<serde_json::Value>> = logs.collect();
            let own = |logs: &[serde_json::Value], mirror: bool| {
                let found = logs.iter().find(|log| log["mirror"] == mirror);
                found.map(|log| (log["size"].clone(), log["cosigned_size"].clone()))
            };
            [(0, 1), (1, 0)].iter().all(|(keeper, holder)| {
                let (kept, mirrored) = (own(&logs[*keeper], false), own(&logs[*holder], true));
                kept.is_some_and(|(size, cosigned)| {
                    size == cosigned && mirrored.is_some_and(|(mirror, _)| mirror == size)
                })
            })
        });
    }
}

/// Accredits both at both and opens the further channels.
async fn join(stage: &Stage) -> Vec<ChannelId> {
    let [xa, xb] = SIDES.map(ministry);
    let mut channels = vec![stage.world.accredit(&xa, &xb, Level::Confidential).await.unwrap()];
    stage.world.accredit(&xb, &xa, Level::Confidential).await.unwrap();
    for number in 1..CHANNELS {
        let channel = ChannelId::parse(&format!("ch-{number:016x}")).unwrap();
        let ceiling = u32::try_from(Level::Confidential.number()).unwrap();
        let rule = ChannelRule { parties: SIDES.map(ministry).into(), ceiling, suspended: false };
        for side in SIDES {
            let house = stage.house(side);
            house.desk().unwrap().charter(house.keys(), channel.clone(), rule.clone()).await.unwrap();
        }
        channels.push(channel);
    }
    channels
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
    let mut senders = Vec::new();
    for channel in &channels {
        for [from, to] in [SIDES, [SIDES[1], SIDES[0]]] {
            let lane = Lane::new(from, to, channel, chance.fork());
            senders.push(tokio::spawn(lane.send(traffic.clone())));
        }
    }
    let readers = SIDES.iter().flat_map(|side| ["registry-1", "registry-2"].map(|desk| (side, desk)));
    let readers: Vec<_> =
        readers.map(|(side, desk)| tokio::spawn(Reader::new(side, desk).fetch(traffic.clone()))).collect();

    let hosts = blocking(move || {
        hosts.ordeal(&mut chance, kills);
        hosts
    });
    let hosts = hosts.await;
    traffic.sending_ends.store(true, Ordering::Relaxed);
    for sender in senders {
        sender.await.unwrap();
    }
    let sent_for = begin.elapsed();
    let hosts = blocking(move || {
        hosts.drain();
        hosts
    });
    let hosts = hosts.await;
    traffic.fetching_ends.store(true, Ordering::Relaxed);
    for reader in readers {
        reader.await.unwrap();
    }
    traffic.history.end();
    let drained_for = begin.elapsed() - sent_for;
    let accepted = traffic.accepted.load(Ordering::Relaxed);
    eprintln!(
        "{kills} kills in {sent_for:.1?}, drained in {drained_for:.1?}: {accepted} messages accepted, \
         {} of them with a document; fetched {} times by two desks each; {} attempts had no answer",
        traffic.documents.load(Ordering::Relaxed),
        traffic.fetched.load(Ordering::Relaxed),
        traffic.unanswered.load(Ordering::Relaxed),
    );
    // Without load there would be nothing to lose.
    assert!(accepted > 10 * kills, "{accepted} messages");
    assert_eq!(traffic.fetched.load(Ordering::Relaxed), 2 * accepted);
    judge(&hosts, &place, &history, accepted);
}

/// Exports both archives and has them judged.
fn judge(hosts: &Hosts, place: &TempDir, history: &Path, accepted: u64) {
    let archives = SIDES.map(|side| {
        let home = &hosts.homes[side];
        let scrub = operator(home, &["log", "verify"]);
        assert_eq!(scrub["damages"], serde_json::json!([]));
        let alarms = &status(home)["alarms"];
        assert_eq!(*alarms, serde_json::json!([]), "a gateway that was killed needs no person");
        export(home, &place.path().join(side))
    });
    let [xa, xb] = &archives;
    let Some(verdict) = check(&[xa, xb], &["--drained"], &[history]) else { return };
    assert!(verdict.good, "{verdict:?}");
    let counted = ["accepted", "sent", "received", "delivered"].map(|what| verdict.checked(what));
    assert_eq!(counted, [accepted; 4], "{verdict:?}");
    // Logs of more than 256 entries have tiles on two levels.
    assert!(accepted < 256 || verdict.checked("tiles") >= 4 * 3, "{verdict:?}");
    eprintln!("judged by another program: {}", verdict.summary());
}

/// Work that waits for processes, on a thread of its own.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}
