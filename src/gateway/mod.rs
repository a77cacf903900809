//! The exposed host of a ministry: takes custody of messages, carries them, archives them.
//!
//! Envelopes enter from the own desk and from peers; envelopes, receipts and cosignatures leave. A gateway
//! sees headers and ciphertext only: this room never uses `consultation`, holds no reading key and no
//! registry key, and writes nothing about a person anywhere. Nothing is answered before it is durable.
//!
//! | file | does |
//! |---|---|
//! | `submission`, `withdrawal`, `mailbox` | serve the own desk |
//! | `returning` | gives a desk whose register was restored back what it had handed over |
//! | `frame`, `relay` | what two gateways say to each other; sessions with peers, deliveries, answers |
//! | `greeting`, `recovery` | what both sides say first; what is given back to who lost it |
//! | `freight` | carries large sealed parts to peers, beside the messages |
//! | `standing`, `fork` | whether anything may be signed for a pair; proofs that a log forked |
//! | `schedule` | when a message is tried again and what goes first: pure |
//! | `clerk` | expires what is overdue; raises and clears the alarms of the queue |
//! | `pausing` | peers with whom nothing is exchanged for a time, by their operator |
//! | `queue` | what operators see of the queue, and decide about it |
//! | `archive`, `witness` | own logs and receipts; mirrors and cosignatures |
//! | `administration` | the log of what operators, the registry and the gateway itself have done here |
//! | `note_keys` | the keys of both, their rotation, and who would believe the next ones |
//! | `beliefs` | checkpoints that need not be verified again |
//! | `export` | hands out what others can check |
//! | `scrub`, `fsck` | compare everything kept with what signatures vouch for, running and at rest |
//! | `accreditation`, `admission` | who is believed; what may pass |
//! | `announcement` | what peers' ministries say of themselves since they were accredited |
//! | `restored`, `handing_back` | what a home out of a backup awaits before it exchanges anything; what its desk gives back |
//! | `desk_list` | which of the own desks are let in no more |
//! | `credentials`, `expiry` | what TLS configurations are built from; what ends by itself, and who is told |
//! | `metrics` | what the ministry's monitoring reads |
//! | `store` | what is kept |
//! | `filling` | fills stores for measurements |
//! | `room` | watches the disk, sweeps what nobody refers to |
//! | `origins` | where peers are, for whom the relay listener keeps places |
//! | `serve` | the gRPC edge |
//! | `run`, `process` | listeners and couriers; options, signals, exit codes |

pub mod accreditation;
pub mod administration;
pub mod admission;
pub mod announcement;
mod archive;
pub mod backup;
mod beliefs;
mod clerk;
pub mod config;
mod courier;
mod credentials;
mod desk_list;
pub mod error;
pub mod expiry;
mod export;
pub mod filling;
pub mod fork;
pub mod frame;
pub mod freight;
pub mod fsck;
mod greeting;
mod handing_back;
mod mailbox;
pub mod metrics;
mod note_keys;
mod origins;
mod pausing;
pub mod process;
pub mod queue;
mod reasons;
mod recovery;
pub mod relay;
mod restored;
mod returning;
mod room;
pub mod run;
pub mod schedule;
mod scrub;
pub mod serve;
pub mod standing;
pub mod status;
pub mod store;
mod submission;
mod withdrawal;
mod witness;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::{ArcSwap, ArcSwapOption};
use tokio::sync::{Notify, broadcast, watch};

use crate::digest::Digest;
use crate::entropy::Entropy;
use crate::gateway::accreditation::Accreditation;
use crate::gateway::administration::Administration;
use crate::gateway::beliefs::Beliefs;
use crate::gateway::config::Config;
use crate::gateway::frame::Window;
use crate::gateway::freight::Freight;
use crate::gateway::metrics::Tallies;
use crate::gateway::note_keys::NoteKeys;
use crate::gateway::relay::dialling::PeerLink;
use crate::gateway::relay::{LinkState, Patience, Quarantine};
use crate::gateway::room::Allowance;
use crate::gateway::run::Addresses;
use crate::gateway::store::Store;
use crate::gateway::store::record::SentState;
use crate::message::id::MessageId;
use crate::time::{Clock, Timestamp};
use crate::transport::credentials::{CredentialStore, Credentials};
use crate::trust::name::Ministry;

/// One running gateway. Its parts are in the files of this room.
pub struct Gateway {
    config: Config,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    store: Store,
    note_keys: ArcSwap<NoteKeys>,
    /// SHA-256 of the own ministry's root certificate, pinned by the operator.
    root: Digest,
    /// What is in force, shared with the source of the TLS configurations.
    trust: Arc<ArcSwapOption<Accreditation>>,
    /// The revocation list of the own desk-access authority, shared with the source of the TLS configurations.
    desk_list: credentials::DeskList,
    credentials_store: CredentialStore,
    credentials: Credentials,
    link: Arc<dyn PeerLink>,
    /// Sealed parts on their way to peers.
    freight: Arc<Freight>,
    /// Checkpoints of peers that were believed a moment ago.
    beliefs: Beliefs,
    /// Sequence of the policy in force; those who dial follow it.
    accredited: watch::Sender<u64>,
    /// The log of what is done to this gateway.
    administration: Administration,
    /// One change of what is in force at a time.
    accrediting: tokio::sync::Mutex<()>,
    /// Out of which backup this home came, until nothing is awaited for that any more.
    from_backup: Mutex<Option<store::record::FromBackup>>,
    /// The standing of every pair: whether anything may be signed for it.
    gates: Mutex<BTreeMap<Ministry, Arc<standing::Gate>>>,
    links: Mutex<BTreeMap<Ministry, LinkState>>,
    /// How often messages of peers made this gateway fail.
    quarantine: Quarantine,
    /// Called for each message of a peer before it is judged and before it is placed.
    scrutiny: Mutex<Option<Scrutiny>>,
    /// How much each session takes from its peer; sessions follow it.
    intake: watch::Sender<Allowance>,
    addresses: Mutex<Addresses>,
    /// How long sessions that begin wait for their peer.
    patience: Mutex<Patience>,
    /// Asks the clerk to look now.
    attention: Notify,
    /// Tells whoever listens which messages were settled.
    settled: broadcast::Sender<JustSettled>,
    /// Counts for the ministry's monitoring.
    tallies: Tallies,
    /// Tells whoever listens that something of a peer was taken into custody.
    received: watch::Sender<()>,
    started: Timestamp,
}

/// Looks at a message of a peer that is about to be judged, and once more when it is about to be placed.
pub type Scrutiny = Arc<dyn Fn(&MessageId, ScrutinyAt) + Send + Sync>;

/// When a message is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScrutinyAt {
    /// Before its signature and the policy.
    Judging,
    /// Before custody.
    Placing,
}

/// A sent message that was settled, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JustSettled {
    /// The message.
    pub message_id: MessageId,
    /// Where it stands now.
    pub state: SentState,
}

impl Gateway {
    /// Tells every session with a peer that there may be something to carry.
    fn wake(&self, peer: &Ministry) {
        self.link_of(peer).tell_news();
    }

    /// Counts that a message was settled, and tells who listens.
    fn tell_settled(&self, recipient: &Ministry, message: Digest, state: SentState) {
        self.tallies.settled(recipient, state);
        // Nobody listens, mostly.
        let _unheard = self.settled.send(JustSettled { message_id: MessageId::from(message), state });
    }

    /// Tells who listens that something of a peer was taken into custody.
    fn tell_received(&self) {
        self.received.send_replace(());
    }

    /// Hears whenever something of a peer is taken into custody from now on.
    pub fn listen_received(&self) -> watch::Receiver<()> {
        self.received.subscribe()
    }

    /// Hears of every message that is settled from now on.
    pub fn listen_settled(&self) -> broadcast::Receiver<JustSettled> {
        self.settled.subscribe()
    }

    /// What is known of a peer; a clone that shares it.
    fn link_of(&self, peer: &Ministry) -> LinkState {
        self.links().entry(peer.clone()).or_default().clone()
    }

    /// Lets whoever dials the peer try at once, even where it pauses after failures.
    fn retry(&self, peer: &Ministry) {
        self.freight.hurry(peer);
        self.link_of(peer).retry_now();
    }

    fn note_link(&self, peer: &Ministry, note: impl FnOnce(&mut LinkState)) {
        note(self.links().entry(peer.clone()).or_default());
    }

    fn links(&self) -> std::sync::MutexGuard<'_, BTreeMap<Ministry, LinkState>> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on `scrutiny` is called for each message of a peer. It may panic, as a defect of ours would:
    /// tests show with it that the message alone suffers.
    pub fn scrutinise(&self, scrutiny: Scrutiny) {
        *self.scrutiny.lock().unwrap_or_else(PoisonError::into_inner) = Some(scrutiny);
    }

    /// From now on sessions that begin wait so long for their peer.
    pub fn wait_for_peers(&self, patience: Patience) {
        *self.patience.lock().unwrap_or_else(PoisonError::into_inner) = patience;
    }

    /// From now on peers may have at most these many deliveries unanswered on each session; zero is a pause.
    pub fn take_at_most(&self, window: Window) {
        self.intake.send_modify(|intake| intake.window = window);
    }
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Gateway({})", self.config.ministry)
    }
}
