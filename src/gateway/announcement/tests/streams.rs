//! Streams of a peer that say the same at once, and streams that end in the midst of it.

use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use data_encoding::BASE64;
use tempfile::TempDir;

use super::next;
use crate::digest::Digest;
use crate::entropy::SystemEntropy;
use crate::gateway::Gateway;
use crate::gateway::config::Config;
use crate::gateway::frame::Road;
use crate::gateway::store::{Bounds, Store};
use crate::keys::home::gateway::{GatewayHome, GatewayPlan};
use crate::keys::secret_file;
use crate::time::FixedClock;
use crate::trust::bundle::SignedBundle;
use crate::trust::endpoint::Endpoint;
use crate::trust::policy::{ChannelPolicy, SignedPolicy};
use crate::trust::testing::{NOW, TestMinistry, days};

/// A gateway of XA that has accredited XB. It does not run.
struct Scene {
    gateway: Gateway,
    xb: TestMinistry,
    accredited: SignedBundle,
    _directory: TempDir,
}

impl Scene {
    async fn new() -> Self {
        let (xa, xb) = (TestMinistry::new("XA"), TestMinistry::new("XB"));
        let directory = tempfile::tempdir().unwrap();
        let home = home(&xa, &directory);
        let config = Config::load(home.directory()).unwrap();
        let bounds = Bounds { floor: 0, ballast: 0, ..Bounds::default() };
        let store = Store::open(&config.data(), bounds, NOW).unwrap();
        let clock = Arc::new(FixedClock::at(NOW));
        let gateway = Gateway::open(store, config, clock, Arc::new(SystemEntropy)).unwrap();
        let accredited = xb.bundle();
        let peers = BTreeMap::from([(xb.ministry.clone(), accredited.digest())]);
        let policy = ChannelPolicy::new(xa.ministry.clone(), 1, NOW, BTreeMap::new(), peers).unwrap();
        let policy = SignedPolicy::issue(policy, &xa.registry(), NOW).unwrap().to_bytes();
        let own = xa.bundle().to_bytes();
        gateway.accredit(&own, &policy, &[accredited.to_bytes()]).await.unwrap();
        Self { gateway, xb, accredited, _directory: directory }
    }

    /// The bundle of XB after `before`, with the newest list of its desk authority, and that list.
    fn next(&self, before: &SignedBundle) -> (SignedBundle, Vec<u8>) {
        let made = NOW.before(days(1)).after(Duration::from_secs(before.bundle().content().sequence));
        let list = self.xb.desk.revocation_list_at(&[], made, NOW.after(days(90)));
        let bundle = next(&self.xb, before, |content| content.revocation_lists = vec![list.clone()]);
        (bundle, list)
    }

    async fn take(&self, bundle: &SignedBundle) {
        let taken = self.gateway.take_announced(&self.xb.ministry, &bundle.to_bytes(), Road::Wire).await;
        assert_eq!(taken.unwrap(), None);
    }

    /// Whether signatures of XB are judged by this list.
    fn counts(&self, list: &[u8]) -> bool {
        let in_force = self.gateway.accreditation().unwrap();
        let bundle = in_force.bundle(&self.xb.ministry).unwrap();
        bundle.bundle().lists().any(|known| known.der() == list)
    }
}

/// The home of its gateway, with keys and certificates that were made in memory.
fn home(of: &TestMinistry, directory: &TempDir) -> GatewayHome {
    let home = GatewayHome::at(&directory.path().join("gateway"));
    let plan = GatewayPlan {
        ministry: of.ministry.clone(),
        domain: of.domain.clone(),
        relay_listen: "127.0.0.1:0".to_owned(),
        mailbox_listen: "127.0.0.1:0".to_owned(),
        endpoints: vec![Endpoint::parse("gateway.mfa.xa.example:7443").unwrap()],
    };
    home.found(&plan, &SystemEntropy).unwrap();
    let certified = of.gateway();
    let chain = [certified.certificate_der(), of.transport.der()].map(pem).concat();
    for (path, text) in [
        (home.transport_key(), certified.key_pem()),
        (home.transport_chain(), chain),
        (home.root(), pem(of.root.der())),
        (home.desk_access(), pem(of.desk.der())),
    ] {
        secret_file::replace(&path, text.as_bytes()).unwrap();
    }
    home
}

fn pem(certificate: &[u8]) -> String {
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", BASE64.encode(certificate))
}

/// Does `work` and looks whenever it waits, as another stream may.
async fn looking<T>(work: impl Future<Output = T>, mut look: impl FnMut()) -> T {
    let mut work = pin!(work);
    poll_fn(|context| {
        let polled = work.as_mut().poll(context);
        look();
        polled
    })
    .await
}

/// Does `work` until it waits once more than so often, and drops it then, as the end of a stream does.
async fn cut_short<T>(work: impl Future<Output = T>, waits: usize) -> Option<T> {
    let mut work = pin!(work);
    let mut left = waits;
    poll_fn(|context| match work.as_mut().poll(context) {
        Poll::Ready(done) => Poll::Ready(Some(done)),
        Poll::Pending if left == 0 => Poll::Ready(None),
        Poll::Pending => {
            left -= 1;
            Poll::Pending
        }
    })
    .await
}

#[tokio::test]
async fn a_stream_passes_over_what_another_has_heard_only_once_it_counts() {
    let scene = Scene::new().await;
    let (bundle, list) = scene.next(&scene.accredited);
    let link = scene.gateway.link_of(&scene.xb.ministry);
    let heard = || link.heard_before(Digest::of(&bundle.to_bytes()));
    looking(scene.take(&bundle), || assert!(!heard() || scene.counts(&list))).await;
    assert!(heard() && scene.counts(&list));
}

#[tokio::test]
async fn a_list_counts_once_it_is_said_again_wherever_the_stream_ended_that_said_it_first() {
    let scene = Scene::new().await;
    let mut before = scene.accredited.clone();
    for waits in 0.. {
        let (bundle, list) = scene.next(&before);
        let ended = cut_short(scene.take(&bundle), waits).await;
        scene.take(&bundle).await;
        assert!(scene.counts(&list), "cut short after {waits}");
        if ended.is_some() {
            return;
        }
        before = bundle;
    }
}

/// Whoever takes a message looks at what is in force under the lock of its pair.
#[tokio::test]
async fn a_list_is_taken_when_all_have_signed_who_looked_before_it_came() {
    let scene = Scene::new().await;
    let (bundle, list) = scene.next(&scene.accredited);
    let gate = scene.gateway.gate(&scene.xb.ministry);
    let signing = gate.lock.clone().read_owned().await;
    let mut taking = pin!(scene.take(&bundle));
    let waited_for = async {
        while !scene.counts(&list) || gate.lock.try_read().is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        biased;
        () = &mut taking => panic!("somebody may still take what was judged without the list"),
        () = waited_for => {}
    }
    drop(signing);
    taking.await;
}
