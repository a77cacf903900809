//! A gateway under siege: XB runs as a process of its own, whose memory and log can be looked at; XC, which it
//! has accredited, turns against it; XA sends it honest messages all the while.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chancery::desk::register::SentState;
use chancery::entropy::SystemEntropy;
use chancery::message::terms::Level;
use chancery::rehearsal::house::House;
use chancery::rehearsal::world::World;
use chancery::time::SystemClock;
use tempfile::TempDir;

use super::{PATIENCE, eventually, forms, ministry, mould, passphrase, plans};

/// What the besieged gateway may take more at its peak than before the siege.
const MEMORY_MAX: u64 = 96 * 1024 * 1024;

pub struct Siege {
    pub world: World,
    besieged: Child,
    directory: TempDir,
}

impl Siege {
    /// The three, accredited at XB and XA; one message has been delivered.
    pub async fn begin() -> Self {
        let directory = tempfile::Builder::new().prefix("chy").tempdir_in("/tmp").unwrap();
        let house = |plan: chancery::rehearsal::founding::Plan| {
            let place = directory.path().join(plan.founding.ministry.lower());
            let homes = mould::pour(plan.founding.ministry.as_str(), mould::today(), &place);
            House::open(homes, plan, passphrase(), Arc::new(SystemClock), Arc::new(SystemEntropy)).unwrap()
        };
        let houses = plans(&["XA", "XB", "XC"]).into_iter().map(house).collect();
        let mut world = World::assemble(houses).unwrap();
        let home = world.house(&ministry("XB")).unwrap().homes().gateway.directory().to_owned();
        let besieged = Command::new(env!("CARGO_BIN_EXE_chancery"))
            .args(["gateway-run", "--home"])
            .arg(&home)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(home.join("gateway.log")).unwrap())
            .spawn()
            .unwrap();
        world.house_mut(&ministry("XA")).unwrap().start().await.unwrap();
        eventually("the besieged gateway listens", async || home.join("run/endpoint").exists()).await;
        for (at, peer) in [("XA", "XB"), ("XB", "XA"), ("XB", "XC")] {
            world.accredit(&ministry(at), &ministry(peer), Level::Confidential).await.unwrap();
        }
        let siege = Self { world, besieged, directory };
        siege.deliver().await;
        assert_eq!(siege.house("XB").fetch().await.unwrap(), 1);
        siege
    }

    pub fn house(&self, code: &str) -> &House {
        self.world.house(&ministry(code)).unwrap()
    }

    /// Where the relay of the besieged gateway listens.
    pub fn relay(&self) -> String {
        self.house("XB").plan().relay.clone()
    }

    /// One honest message, from XA's desk to XB's gateway and the receipt back.
    async fn deliver(&self) {
        let form = forms::memorandum("XB", "new", "Honest.");
        let [sent] = self.house("XA").send(&form, self.directory.path()).await.unwrap().try_into().unwrap();
        let settled = self.house("XA").settled(&sent, PATIENCE).await.unwrap().expect("settled in time");
        assert_eq!(settled.state, SentState::Delivered);
    }

    /// Attacks while XA sends, on its open connection and, with every ping, on a new one. Every message arrives
    /// once and none fails, and the memory of the besieged gateway stays within its bound.
    pub async fn under<T>(&self, attack: impl Future<Output = T>) -> T {
        let (before, over) = (self.peak_memory(), AtomicBool::new(false));
        let attack = async {
            let outcome = attack.await;
            over.store(true, Ordering::SeqCst);
            outcome
        };
        let honest = async {
            let mut sent = 0;
            while sent < 2 || !over.load(Ordering::SeqCst) {
                self.house("XA").gateway().unwrap().ping(&ministry("XB")).await.unwrap();
                self.deliver().await;
                sent += 1;
            }
            sent
        };
        let (outcome, sent) = tokio::join!(attack, honest);
        assert_eq!(self.house("XB").fetch().await.unwrap(), sent, "what was delivered is what is fetched");
        let grown = self.peak_memory().saturating_sub(before);
        eprintln!("{sent} honest messages; the peak of memory grew by {} KiB", grown / 1024);
        assert!(grown < MEMORY_MAX, "{grown} bytes more than before");
        outcome
    }

    /// The most memory the besieged gateway ever held, bytes.
    pub fn peak_memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.besieged.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }

    /// The log of the besieged gateway.
    pub fn log(&self) -> String {
        let home: PathBuf = self.house("XB").homes().gateway.directory().to_owned();
        fs::read_to_string(home.join("gateway.log")).unwrap()
    }
}

impl Drop for Siege {
    fn drop(&mut self) {
        // One that has ended already is only collected.
        let _ = self.besieged.kill();
        let _ = self.besieged.wait();
    }
}

/// How many connections a siege of many takes; ten times as many where the long suite is asked for.
pub fn multitude() -> usize {
    let count = if std::env::var_os("CHANCERY_LONG").is_some() { 10_000 } else { 1_000 };
    eprintln!("{count} connections");
    count
}

impl Siege {
    /// The transport identity of a ministry's gateway, for raw connections.
    pub fn identity_of(&self, code: &str) -> rustls::ClientConfig {
        let home = &self.house(code).homes().gateway;
        super::raw::identity(&home.transport_chain(), &home.transport_key())
    }
}
