//! A `World` for tests: `chancery::rehearsal` with homes founded once for the whole run, a clock that tests
//! move, and addresses that no other test has.

#![allow(dead_code)]

pub mod answers;
pub mod anycall;
pub mod bot;
pub mod caller;
pub mod clock;
pub mod craft;
pub mod der;
pub mod doorway;
pub mod ferry;
pub mod forms;
pub mod mould;
pub mod proofs;
pub mod raw;
pub mod search;
pub mod siege;
pub mod tap;

use std::collections::BTreeMap;
use std::future::Future;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use chancery::desk::register::SentEntry;
use chancery::entropy::SystemEntropy;
use chancery::gateway::Gateway;
use chancery::gateway::standing::Standing;
use chancery::keys::Passphrase;
use chancery::message::terms::Level;
use chancery::rehearsal::founding::Plan;
use chancery::rehearsal::house::House;
use chancery::rehearsal::world::World;
use chancery::time::{Clock, SystemClock, Timestamp};
use chancery::trust::name::Ministry;
use tempfile::TempDir;

pub use clock::Hand;

/// How long anything may take before a test calls it lost.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Ministries that believe each other, with everything of theirs in a folder that goes when they go.
pub struct Stage {
    pub world: World,
    /// The true time; every ministry has a clock of its own beside it.
    pub clock: Hand,
    clocks: BTreeMap<String, Hand>,
    // Dropped last: the gateways write there until they end.
    directory: TempDir,
}

impl Stage {
    /// The ministries with these codes, joined and running.
    pub async fn of(codes: &[&str]) -> Self {
        Self::changed(codes, |_| {}).await
    }

    /// The usual two: XA and XB.
    pub async fn pair() -> Self {
        Self::of(&["XA", "XB"]).await
    }

    /// Joined after `change` has seen the plans.
    pub async fn changed(codes: &[&str], change: impl FnOnce(&mut Vec<Plan>)) -> Self {
        let mut stage = Self::apart(codes, change);
        stage.join().await;
        stage
    }

    /// Ministries that have issued their bundles and nothing else.
    pub fn apart(codes: &[&str], change: impl FnOnce(&mut Vec<Plan>)) -> Self {
        Self::founded(codes, mould::founded(), mould::founded(), change)
    }

    /// The same in the present, for gateways that run as processes of their own.
    pub fn today(codes: &[&str]) -> Self {
        Self::today_changed(codes, |_| {})
    }

    /// The same after `change` has seen the plans.
    pub fn today_changed(codes: &[&str], change: impl FnOnce(&mut Vec<Plan>)) -> Self {
        Self::founded(codes, mould::today(), SystemClock.now(), change)
    }

    fn founded(
        codes: &[&str],
        founded: Timestamp,
        now: Timestamp,
        change: impl FnOnce(&mut Vec<Plan>),
    ) -> Self {
        let mut plans = plans(codes);
        change(&mut plans);
        let directory = tempfile::Builder::new().prefix("ch").tempdir().unwrap();
        let clock = Hand::at(now);
        let (mut houses, mut clocks) = (Vec::new(), BTreeMap::new());
        for plan in plans {
            let own = clock.another();
            clocks.insert(plan.founding.ministry.to_string(), own.clone());
            houses.push(house(directory.path(), founded, plan, own));
        }
        Self { world: World::assemble(houses).unwrap(), clock, clocks, directory }
    }

    /// Starts all gateways and accredits everybody everywhere.
    pub async fn join(&mut self) {
        self.world.join_all(Level::Confidential).await.unwrap();
        all_sound(&self.world).await;
    }

    /// Waits until a gateway has heard from a peer and may sign for it.
    pub async fn sound(&self, at: &str, peer: &str) {
        sound(self.house(at), &ministry(peer)).await;
    }

    /// Accredits a peer at the running gateway of a ministry.
    pub async fn accredit(&self, at: &str, peer: &str) {
        self.world.accredit(&ministry(at), &ministry(peer), Level::Confidential).await.unwrap();
    }

    /// The clock of one ministry.
    pub fn clock_of(&self, code: &str) -> &Hand {
        &self.clocks[code]
    }

    /// A folder for the files of a draft.
    pub fn folder(&self) -> &Path {
        self.directory.path()
    }

    pub fn house(&self, code: &str) -> &House {
        self.world.house(&ministry(code)).unwrap()
    }

    pub fn house_mut(&mut self, code: &str) -> &mut House {
        self.world.house_mut(&ministry(code)).unwrap()
    }

    pub fn gateway(&self, code: &str) -> &Arc<Gateway> {
        self.house(code).gateway().unwrap()
    }

    /// Sends a form that must be good.
    pub async fn send(&self, from: &str, form: &str) -> Vec<SentEntry> {
        let sent = self.house(from).send(form, self.folder()).await;
        sent.unwrap_or_else(|fault| panic!("{fault:?}\n{form}"))
    }

    /// Waits until a copy is settled.
    pub async fn settled(&self, from: &str, copy: &SentEntry) -> SentEntry {
        let settled = self.house(from).settled(copy, PATIENCE).await.unwrap();
        settled.unwrap_or_else(|| panic!("{} was not settled in time", copy.id))
    }
}

/// Waits until every gateway has heard from every other: one that is stopped before that signs nothing after its
/// next start until the peer has spoken.
pub async fn all_sound(world: &World) {
    for house in world.houses() {
        for peer in world.houses().map(House::ministry).filter(|peer| *peer != house.ministry()) {
            sound(house, peer).await;
        }
    }
}

async fn sound(house: &House, peer: &Ministry) {
    eventually(&format!("{} has heard from {peer}", house.ministry()), || async {
        house.gateway().unwrap().standing(peer) == Standing::Sound
    })
    .await;
}

/// Plans with addresses of their own: the whole of 127.0.0.0/8 is loopback.
pub fn plans(codes: &[&str]) -> Vec<Plan> {
    let net = Net::next();
    let plan = |(place, code): (usize, &&str)| {
        let host = net.host(place);
        Plan::new(mould::founding(code), &format!("{host}:7101"), &format!("{host}:7102")).unwrap()
    };
    codes.iter().enumerate().map(plan).collect()
}

/// Addresses that nobody else has: no other test of this run, and no other run on this machine, which is held off
/// until this process ends.
pub struct Net {
    run: u8,
    number: usize,
}

impl Net {
    /// Hosts of one net.
    const HOSTS: usize = 15;

    pub fn next() -> Self {
        static RUN: OnceLock<(u8, TcpListener)> = OnceLock::new();
        static GIVEN: AtomicUsize = AtomicUsize::new(0);
        let held = |run: u8| Some((run, TcpListener::bind((Ipv4Addr::new(127, run, 255, 254), 7100)).ok()?));
        let (run, _) = RUN.get_or_init(|| {
            let first = u8::try_from(std::process::id() % 128).unwrap();
            (0..128).find_map(|further| held(64 + (first + further) % 128)).expect("128 runs at once")
        });
        Self { run: *run, number: GIVEN.fetch_add(1, Ordering::SeqCst) }
    }

    /// The address of the host at a place.
    pub fn host(&self, place: usize) -> String {
        // The last number of an address is that of the host, in the part of it that is this net's own.
        let last = 1 + place + Self::HOSTS * (self.number / 255);
        assert!(place < Self::HOSTS && last < 255, "more nets than addresses");
        format!("127.{}.{}.{last}", self.run, self.number % 255)
    }
}

fn house(directory: &Path, founded: Timestamp, plan: Plan, clock: Hand) -> House {
    let code = plan.founding.ministry.clone();
    let homes = mould::pour(code.as_str(), founded, &directory.join(code.lower()));
    House::open(homes, plan, passphrase(), Arc::new(clock), Arc::new(SystemEntropy)).unwrap()
}

pub fn ministry(code: &str) -> Ministry {
    Ministry::parse(code).unwrap()
}

pub fn passphrase() -> Passphrase {
    Passphrase::new("correct horse").unwrap()
}

/// Waits until `holds` is true; a test that waits in vain fails and says for what.
pub async fn eventually<Holds>(what: &str, mut holds: impl FnMut() -> Holds)
where
    Holds: Future<Output = bool>,
{
    let looking = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    if tokio::time::timeout(PATIENCE, looking).await.is_err() {
        panic!("waited in vain: {what}");
    }
}
