//! Two ministries as processes of their own, a road between them that can be closed, and officers who send without a pause.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;

use serde_json::Value;
use tokio::runtime::Runtime;

use crate::ordeal::process::{Process, eventually, status};
use crate::support::ferry::Ferry;
use crate::support::{Stage, forms};

/// Who lives here.
pub const SIDES: [&str; 2] = ["XA", "XB"];

/// The other one.
pub fn peer_of(side: &str) -> &'static str {
    SIDES.into_iter().find(|other| *other != side).unwrap()
}

/// Both ministries.
pub struct Town {
    stage: Stage,
    gateways: BTreeMap<&'static str, Process>,
    roads: BTreeMap<&'static str, Ferry>,
    consultations: BTreeMap<&'static str, String>,
    withdrawn: BTreeSet<String>,
    runtime: Runtime,
}

/// How a command ended.
#[derive(Debug)]
pub struct Said {
    pub code: i32,
    pub data: String,
    pub talk: String,
}

impl Said {
    /// The one report of a command that must have ended well.
    pub fn good(self) -> Value {
        assert_eq!(self.code, 0, "{}\n{}", self.talk, self.data);
        serde_json::from_str(&self.data).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl Town {
    /// Founds both, starts their gateways and has each accredit the other; the first note opens a consultation each way.
    pub fn found() -> Self {
        let runtime = Runtime::new().unwrap();
        let mut beyond = BTreeMap::new();
        let stage = Stage::today_changed(&SIDES, |plans| {
            for (side, plan) in SIDES.iter().zip(plans) {
                plan.relay_seen = plan.relay.replace(":7101", ":7111");
                beyond.insert(*side, (plan.relay_seen.clone(), plan.relay.clone()));
            }
        });
        let roads = beyond
            .iter()
            .map(|(side, (seen, beyond))| (*side, runtime.block_on(Ferry::between(seen, beyond))));
        let roads = roads.collect();
        let mut town = Self {
            stage,
            gateways: BTreeMap::new(),
            roads,
            consultations: BTreeMap::new(),
            withdrawn: BTreeSet::new(),
            runtime,
        };
        write_secret(&town.passphrase(), "correct horse\n");
        for side in SIDES {
            town.starts(side);
        }
        for [at, peer] in [SIDES, [SIDES[1], SIDES[0]]] {
            town.runtime.block_on(town.stage.accredit(at, peer));
        }
        for side in SIDES {
            let first = town.officer(side).sends("new", "The first of the day.");
            let consultation = first.good()["consultation"].as_str().unwrap().to_owned();
            town.consultations.insert(side, consultation);
        }
        town
    }

    /// A file of the day.
    pub fn place(&self, name: &str) -> PathBuf {
        self.stage.folder().join(name)
    }

    fn passphrase(&self) -> PathBuf {
        self.place("passphrase")
    }

    /// The home of a gateway.
    pub fn gateway(&self, side: &str) -> PathBuf {
        self.stage.house(side).homes().gateway.directory().to_owned()
    }

    /// The offline home of a ministry.
    pub fn root(&self, side: &str) -> PathBuf {
        self.stage.house(side).homes().root.clone()
    }

    /// Whoever types at the desk of a ministry.
    pub fn officer(&self, side: &'static str) -> Officer {
        Officer {
            side,
            peer: peer_of(side),
            desk: self.desk(side),
            passphrase: self.passphrase(),
            folder: self.stage.folder().to_owned(),
        }
    }

    /// The home of a desk.
    pub fn desk(&self, side: &str) -> PathBuf {
        self.stage.house(side).homes().desk.directory().to_owned()
    }

    /// The consultation in which the officers of a ministry write.
    pub fn consultation(&self, side: &str) -> String {
        self.consultations[side].clone()
    }

    /// A command with the passphrase at hand.
    pub fn types<I: AsRef<OsStr>>(&self, home: &Path, args: impl IntoIterator<Item = I>) -> Said {
        let key = [OsStr::new("--passphrase-file").to_owned(), self.passphrase().into_os_string()];
        bare(home, key.into_iter().chain(args.into_iter().map(|arg| arg.as_ref().to_owned())))
    }

    /// A gateway on one screen, whatever it needs.
    pub fn status(&self, side: &str) -> Value {
        status(&self.gateway(side))
    }

    /// How a gateway stands to its peer.
    pub fn standing(&self, side: &str) -> String {
        self.status(side)["peers"][0]["standing"].as_str().unwrap_or_default().to_owned()
    }

    /// A message is not to arrive any more.
    pub fn withdraws(&mut self, message: &str) {
        self.withdrawn.insert(message.to_owned());
    }

    /// From now on nothing passes between the gateways.
    pub fn closes_the_road(&self) {
        self.roads.values().for_each(|road| {
            road.allow(0);
            road.sink();
        });
    }

    /// The road is open again.
    pub fn opens_the_road(&self) {
        self.roads.values().for_each(|road| {
            road.allow(u64::MAX);
            road.sink();
        });
    }

    /// A gateway dies.
    pub fn kills(&mut self, side: &'static str) {
        self.gateways.remove(side).unwrap().kill();
    }

    /// Starts the gateway of a ministry.
    pub fn starts(&mut self, side: &'static str) {
        let process = Process::start(&self.gateway(side));
        assert!(self.gateways.insert(side, process).is_none(), "one process for each home");
    }

    /// A gateway is asked to stop in the midst of traffic, does, and comes back.
    pub fn drains_and_returns(&mut self, side: &'static str) {
        self.gateways.remove(side).unwrap().stop();
        self.starts(side);
    }

    /// A gateway dies in the midst of traffic and comes back.
    pub fn is_killed_and_returns(&mut self, side: &'static str) {
        self.kills(side);
        self.starts(side);
    }

    /// Officers of both ministries begin to send, one note after the other.
    pub fn traffic(&self) -> Traffic {
        let stop = Arc::new(AtomicBool::new(false));
        let officers = SIDES.map(|side| {
            let (officer, consultation) = (self.officer(side), self.consultations[side].clone());
            let (stop, count) = (stop.clone(), Arc::new(AtomicU64::new(0)));
            let sent = count.clone();
            let thread = std::thread::spawn(move || officer.sends_until(&stop, &consultation, &sent));
            (side, count, thread)
        });
        Traffic { stop, officers }
    }

    /// The officers stop; everything they have sent arrives, once and in order, and every log is whole.
    pub fn ends(&self, traffic: Traffic) {
        let registered = traffic.ends();
        for side in SIDES {
            let (officer, peer) = (self.officer(side), peer_of(side));
            let (mut sent, mut kept_back) = (Vec::new(), Vec::new());
            eventually(&format!("everything of {side} is delivered, or withdrawn"), || {
                let is_withdrawn =
                    |copy: &Value| self.withdrawn.contains(copy["message_id"].as_str().unwrap_or_default());
                (kept_back, sent) = officer.lists("outbox").into_iter().partition(is_withdrawn);
                sent.iter().all(|copy| copy["state"] == "delivered")
                    && kept_back.iter().all(|copy| copy["state"] == "withdrawn")
            });
            let received = self.officer(peer).lists("inbox");
            let ids = |copies: &[Value]| -> Vec<String> {
                copies.iter().map(|copy| copy["message_id"].as_str().unwrap().to_owned()).collect()
            };
            let (went, came) = (ids(&sent), ids(&received));
            assert_eq!(came.iter().collect::<BTreeSet<_>>().len(), came.len(), "nothing came twice");
            assert_eq!(
                went.iter().collect::<BTreeSet<_>>(),
                came.iter().collect::<BTreeSet<_>>(),
                "what {side} sent came, and nothing else"
            );
            let known: BTreeSet<&String> = went.iter().collect();
            assert!(registered[side].iter().all(|id| known.contains(id)), "what was registered was sent");
            assert!(registered[side].len() > 3, "{side} was busy all day: {}", registered[side].len());
        }
        for side in SIDES {
            let verified = bare(&self.gateway(side), ["--json", "log", "verify"]).good();
            assert_eq!(verified["damages"], serde_json::json!([]), "{side}");
        }
    }
}

/// One of them: of which ministry, how many messages so far, and at the end the ids of all.
type Busy = (&'static str, Arc<AtomicU64>, JoinHandle<Vec<String>>);

/// Officers who send without a pause.
pub struct Traffic {
    stop: Arc<AtomicBool>,
    officers: [Busy; 2],
}

impl Traffic {
    /// Waits until every officer has sent so many more.
    pub fn flows(&self, more: u64) {
        for (side, count, _) in &self.officers {
            let before = count.load(Ordering::SeqCst);
            eventually(&format!("{side} goes on sending"), || count.load(Ordering::SeqCst) >= before + more);
        }
    }

    /// Ids of everything that a desk said it had registered, by ministry.
    fn ends(self) -> BTreeMap<&'static str, Vec<String>> {
        self.stop.store(true, Ordering::SeqCst);
        self.officers.into_iter().map(|(side, _, thread)| (side, thread.join().unwrap())).collect()
    }
}

/// Who types at a desk.
#[derive(Clone)]
pub struct Officer {
    side: &'static str,
    peer: &'static str,
    desk: PathBuf,
    passphrase: PathBuf,
    folder: PathBuf,
}

impl Officer {
    /// Types a command at the desk.
    pub fn types<I: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = I>) -> Said {
        let key = [OsStr::new("--passphrase-file"), self.passphrase.as_os_str()].map(OsStr::to_owned);
        let args = args.into_iter().map(|arg| arg.as_ref().to_owned());
        bare(&self.desk, key.into_iter().chain(args))
    }

    /// Sends a memorandum; what is told of its one copy.
    pub fn sends(&self, consultation: &str, words: &str) -> Said {
        // Two of them write at once: the one who sends all day, and whoever has something special to say.
        let path = self.folder.join(format!("{}-{:?}.toml", self.side, std::thread::current().id()));
        fs::write(&path, forms::memorandum(self.peer, consultation, words)).unwrap();
        self.types([OsStr::new("send"), path.as_os_str(), OsStr::new("--yes"), OsStr::new("--json")])
    }

    fn sends_until(&self, stop: &AtomicBool, consultation: &str, count: &AtomicU64) -> Vec<String> {
        let mut registered = Vec::new();
        let mut number = 0;
        while !stop.load(Ordering::SeqCst) {
            number += 1;
            let said = self.sends(consultation, &format!("Note {number} of {}.", self.side));
            assert!([0, 5].contains(&said.code), "a gateway may be away, and nothing else: {said:?}");
            let ids = said.data.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            registered.extend(ids.filter_map(|report| Some(report["message_id"].as_str()?.to_owned())));
            count.fetch_add(1, Ordering::SeqCst);
        }
        registered
    }

    /// Every message of a list.
    pub fn lists(&self, list: &str) -> Vec<Value> {
        let said = self.types([list, "-n", "100000", "--json"]);
        assert!([0, 5].contains(&said.code), "{said:?}");
        said.data.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// Runs the binary without a terminal and without anybody's variables.
pub fn bare<I: AsRef<OsStr>>(home: &Path, args: impl IntoIterator<Item = I>) -> Said {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chancery"));
    command.arg("--home").arg(home).args(args).env_clear().stdin(Stdio::null());
    let output = command.output().unwrap();
    Said {
        code: output.status.code().unwrap_or(-1),
        data: String::from_utf8(output.stdout).unwrap(),
        talk: String::from_utf8(output.stderr).unwrap(),
    }
}

fn write_secret(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}
