//! Defects of our own: what one ends begins anew.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use chancery::entropy::{Entropy, NoEntropy, SystemEntropy};
use chancery::message::terms::Level;
use chancery::rehearsal::house::House;
use chancery::rehearsal::world::World;
use chancery::time::{Clock, SystemClock, Timestamp};
use tokio::net::TcpStream;

use crate::support::{eventually, ministry, mould, passphrase, plans};

/// Panics as often as it is told to; counts how often it is asked.
#[derive(Default)]
struct Faulty {
    panics: AtomicUsize,
    asked: AtomicUsize,
}

impl Entropy for Faulty {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoEntropy> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let less = |left: usize| left.checked_sub(1);
        assert!(self.panics.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less).is_err(), "a defect");
        SystemEntropy.fill(bytes)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_courier_that_a_defect_ended_dials_again() {
    let directory = tempfile::Builder::new().prefix("chy").tempdir().unwrap();
    let faulty = Arc::new(Faulty::default());
    let house = |plan: chancery::rehearsal::founding::Plan| {
        let code = plan.founding.ministry.clone();
        let homes = mould::pour(code.as_str(), mould::today(), &directory.path().join(code.lower()));
        let entropy: Arc<dyn Entropy> = faulty.clone();
        House::open(homes, plan, passphrase(), Arc::new(SystemClock), entropy).unwrap()
    };
    let houses = plans(&["XA", "XB"]).into_iter().map(house).collect();
    let mut world = World::assemble(houses).unwrap();
    let (xa, xb) = (ministry("XA"), ministry("XB"));
    world.house_mut(&xa).unwrap().start().await.unwrap();
    world.accredit(&xa, &xb, Level::Confidential).await.unwrap();
    let gateway = world.house(&xa).unwrap().gateway().unwrap().clone();
    // Nobody listens there: XA pauses and dials again, and how long it pauses is drawn.
    faulty.panics.store(1, Ordering::SeqCst);
    eventually("the courier met the defect", async || {
        faulty.panics.load(Ordering::SeqCst) == 0
            && gateway.status().await.unwrap().peers[0].last_failure.contains("defect")
    })
    .await;
    let before = faulty.asked.load(Ordering::SeqCst);
    eventually("it dials again", async || {
        let failure = gateway.status().await.unwrap().peers[0].last_failure.clone();
        faulty.asked.load(Ordering::SeqCst) > before && !failure.contains("defect")
    })
    .await;
}

/// Tells the time until it is told not to.
#[derive(Default)]
struct Broken(AtomicBool);

impl Clock for Broken {
    fn now(&self) -> Timestamp {
        assert!(!self.0.load(Ordering::SeqCst), "a defect");
        SystemClock.now()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_of_which_a_task_dies_ends_with_an_error() {
    let directory = tempfile::Builder::new().prefix("chy").tempdir().unwrap();
    let clock = Arc::new(Broken::default());
    let plan = plans(&["XA"]).remove(0);
    let homes = mould::pour("XA", mould::today(), &directory.path().join("xa"));
    let mut house = House::open(homes, plan, passphrase(), clock.clone(), Arc::new(SystemEntropy)).unwrap();
    house.start().await.unwrap();
    let mailbox = house.gateway().unwrap().addresses().mailbox;
    TcpStream::connect(&mailbox).await.unwrap();
    // Whoever looks at the clock next, while nobody calls, is one of the tasks beside the listeners.
    clock.0.store(true, Ordering::SeqCst);
    eventually("nobody listens any more", async || TcpStream::connect(&mailbox).await.is_err()).await;
    let ended = house.stop().await.unwrap_err().to_string();
    assert!(ended.contains("a task of the gateway ended"), "{ended}");
}
