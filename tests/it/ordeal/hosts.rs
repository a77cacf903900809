//! Two gateways as processes of their own, and the desks on both sides that keep them busy: what most ordeals
//! have in common, from the first message to the verdict.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use chancery::message::terms::Level;
use chancery::trust::policy::{ChannelId, ChannelRule};
use serde_json::Value;
use tokio::task::JoinHandle;

use super::archive::{check, export};
use super::chance::Chance;
use super::process::{Process, dwindles, eventually, operator, operator_list, status};
use super::traffic::{Lane, Reader, Traffic};
use crate::support::{Stage, ministry};

/// Who plays.
pub const SIDES: [&str; 2] = ["XA", "XB"];

/// Channels between the two: each is a sequence of its own each way, with its own desk.
const CHANNELS: u64 = 4;

/// Both gateways, each running or down.
pub struct Hosts {
    homes: BTreeMap<&'static str, PathBuf>,
    running: BTreeMap<&'static str, Process>,
}

impl Hosts {
    pub fn start(stage: &Stage) -> Self {
        let mut hosts = Self::down(stage);
        SIDES.into_iter().for_each(|side| hosts.restart(side));
        hosts
    }

    /// Neither runs yet.
    pub fn down(stage: &Stage) -> Self {
        let home = |side| (side, stage.house(side).homes().gateway.directory().to_owned());
        Self { homes: SIDES.map(home).into(), running: BTreeMap::new() }
    }

    pub fn home(&self, side: &str) -> &Path {
        &self.homes[side]
    }

    pub fn process(&self, side: &str) -> &Process {
        &self.running[side]
    }

    pub fn kill(&mut self, side: &'static str) {
        self.running.remove(side).expect("it runs").kill();
    }

    pub fn restart(&mut self, side: &'static str) {
        let process = Process::start(&self.homes[side]);
        self.runs(side, process);
    }

    /// From now on this is the gateway of a side.
    pub fn runs(&mut self, side: &'static str, process: Process) {
        assert!(self.running.insert(side, process).is_none(), "one process for each home");
    }

    /// How a side stands to its only peer.
    pub fn standing(&self, side: &str) -> String {
        let status = status(&self.homes[side]);
        status["peers"][0]["standing"].as_str().unwrap_or_default().to_owned()
    }

    /// The alarms of a side.
    pub fn alarms(&self, side: &str) -> Value {
        status(&self.homes[side])["alarms"].clone()
    }

    /// Waits until every message is answered and every log is mirrored and cosigned to its end.
    pub fn drain(&self) {
        dwindles("messages without an answer", || {
            let queued = self.homes.values().map(|home| {
                let status = status(home);
                let peers = status["peers"].as_array().unwrap();
                assert_eq!(peers.len(), 1);
                peers[0]["queued"].as_u64().unwrap()
            });
            queued.sum()
        });
        eventually("both logs are mirrored and cosigned", || {
            let logs: Vec<_> =
                self.homes.values().map(|home| operator_list(home, &["log", "head"])).collect();
            let own = |logs: &[Value], mirror: bool| {
                let of_pair = |log: &&Value| log["administration"] == false && log["mirror"] == mirror;
                let found = logs.iter().find(of_pair);
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

    /// Exports both archives to `place` and has them judged beside what the desks were told: nothing is damaged,
    /// no alarm but `expected` is raised, and so many messages were accepted, sent, received and delivered.
    pub fn judge(&self, place: &Path, history: &Path, accepted: u64, expected: &[&str]) {
        let archives = SIDES.map(|side| {
            let home = &self.homes[side];
            assert_eq!(operator(home, &["log", "verify"])["damages"], serde_json::json!([]));
            let alarms = self.alarms(side);
            let unexpected = |alarm: &&Value| !expected.contains(&alarm["code"].as_str().unwrap_or_default());
            let alarms: Vec<&Value> = alarms.as_array().unwrap().iter().filter(unexpected).collect();
            assert!(alarms.is_empty(), "{side} needs no person: {alarms:?}");
            export(home, &place.join(side))
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
}

/// Accredits both at both and opens the further channels.
pub async fn join(stage: &Stage) -> Vec<ChannelId> {
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

/// The sequences of these channels, both ways, before their first message.
pub fn lanes(channels: &[ChannelId], chance: &mut Chance) -> Vec<Lane> {
    let ways = [SIDES, [SIDES[1], SIDES[0]]];
    let mut lanes = Vec::new();
    for channel in channels {
        lanes.extend(ways.map(|[from, to]| Lane::new(from, to, channel, chance.fork())));
    }
    lanes
}

/// Desks that send on every lane without a pause.
pub struct Senders(Vec<JoinHandle<Lane>>);

impl Senders {
    pub fn begin(lanes: Vec<Lane>, traffic: &Arc<Traffic>) -> Self {
        traffic.sending_ends.store(false, Ordering::Relaxed);
        Self(lanes.into_iter().map(|lane| tokio::spawn(lane.send(traffic.clone()))).collect())
    }

    /// Lets them end the messages that they have begun; the lanes as far as they have come.
    pub async fn end(self, traffic: &Traffic) -> Vec<Lane> {
        traffic.sending_ends.store(true, Ordering::Relaxed);
        let mut lanes = Vec::new();
        for sender in self.0 {
            lanes.push(sender.await.unwrap());
        }
        lanes
    }
}

/// Two desks on each side that fetch everything, each for itself.
pub struct Readers(Vec<JoinHandle<()>>);

impl Readers {
    pub fn begin(traffic: &Arc<Traffic>) -> Self {
        let desks = SIDES.iter().flat_map(|side| ["registry-1", "registry-2"].map(|desk| (side, desk)));
        let fetch =
            |(side, desk): (&&str, &str)| tokio::spawn(Reader::new(side, desk).fetch(traffic.clone()));
        Self(desks.map(fetch).collect())
    }

    /// Lets them fetch what is left.
    pub async fn end(self, traffic: &Traffic) {
        traffic.fetching_ends.store(true, Ordering::Relaxed);
        for reader in self.0 {
            reader.await.unwrap();
        }
        traffic.history.end();
    }
}

/// Work that waits for processes, on a thread of its own.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}
