//! What the operator sees: identity, peers, queues, logs, alarms; and what the operator may ask for: a ping
//! of a peer, proofs of a leaf.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use tokio::time::timeout;

use crate::digest::Digest;
use crate::gateway::Gateway;
use crate::gateway::announcement::is_newer;
use crate::gateway::credentials::certificate;
use crate::gateway::error::Fault;
use crate::gateway::frame::Frame;
use crate::gateway::freight::Transfer;
use crate::gateway::standing::Standing;
use crate::gateway::store::WriterCounts;
use crate::gateway::store::record::{
    Amount, Checkpoint, Equivocation, FromBackup, LeafPlace, LogHead, Pause, Quota, RaisedAlarm, RecordKind,
    SpaceUse,
};
use crate::keys::expiry::Lifetime;
use crate::limits;
use crate::message::evidence;
use crate::message::id::MessageId;
use crate::message::receipt::Receipt;
use crate::time::Timestamp;
use crate::tlog::cosignature;
use crate::tlog::signed_note::Note;
use crate::trust::bundle::SignedBundle;
use crate::trust::chain::{self, Purpose};
use crate::trust::name::{Domain, Ministry, Name};

/// The gateway on one screen.
#[derive(Debug, Clone)]
pub struct Status {
    /// The ministry.
    pub ministry: Ministry,
    /// When it started.
    pub started: Timestamp,
    /// Sequence of the policy in force; 0 before the first.
    pub policy: u64,
    /// Accredited peers.
    pub peers: Vec<PeerStatus>,
    /// Messages the desk has not acknowledged.
    pub mailbox_waiting: u64,
    /// What ends by itself, the nearest end first.
    pub lifetimes: Vec<Lifetime>,
    /// What needs a person, and what somebody has acknowledged.
    pub alarms: Vec<RaisedAlarm>,
    /// What the store's writer has done since the start.
    pub writer: WriterCounts,
    /// Room on the disk.
    pub space: SpaceUse,
    /// What one peer may have waiting in the mailbox, and of parts that no message names.
    pub quotas: [Quota; 2],
    /// How far the newest logs of each pair have come, and how far the other side vouches for them.
    pub logs: Vec<LogSize>,
    /// Why the bundle of the own ministry does not vouch for the transport certificate in the home, a reason code
    /// first.
    pub certificate_flaw: Option<String>,
    /// Out of which backup it came, until nothing is awaited for that any more.
    pub from_backup: Option<FromBackup>,
}

/// How far a log has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSize {
    /// Origin.
    pub origin: String,
    /// The other ministry of the pair.
    pub peer: Ministry,
    /// True for the mirror of the peer's log, false for our own.
    pub mirror: bool,
    /// Number of leaves.
    pub size: u64,
    /// Root of the tree over them.
    pub root: Digest,
    /// Leaves under the newest checkpoint that the side which does not keep the log has cosigned.
    pub cosigned: u64,
    /// The side that has cosigned it; none before the first.
    pub cosigner: Option<Ministry>,
    /// When it says that it did.
    pub cosign_time: Option<Timestamp>,
}

impl LogSize {
    /// A head with who vouches for it: the peer for our log, we for its mirror. `name` is that of the cosigner's key.
    fn of(head: LogHead, own: &Ministry, name: Option<&str>) -> Self {
        let LogHead { origin, peer, mirror, size, root, cosigned, .. } = head;
        let note = cosigned.as_ref().and_then(|checkpoint| Note::parse(&checkpoint.text).ok());
        let cosign_time = note.zip(name).and_then(|(note, name)| cosignature::stated_time(&note, name));
        let cosigner = cosigned.as_ref().map(|_| if mirror { own.clone() } else { peer.clone() });
        let cosigned = cosigned.map_or(0, |checkpoint| checkpoint.size);
        Self { origin, peer, mirror, size, root, cosigned, cosigner, cosign_time }
    }
}

/// Of each pair the newest own log and the newest mirror: each year begins another, and its origin ends with it.
/// The log of the own administration is of no pair.
fn newest(logs: Vec<LogHead>, own: &Ministry) -> Vec<LogHead> {
    let mut newest = BTreeMap::new();
    for log in logs.into_iter().filter(|log| log.peer != *own) {
        let key = (log.peer.clone(), log.mirror);
        if newest.get(&key).is_none_or(|known: &LogHead| known.origin < log.origin) {
            newest.insert(key, log);
        }
    }
    newest.into_values().collect()
}

/// One peer.
#[derive(Debug, Clone)]
pub struct PeerStatus {
    /// The ministry.
    pub ministry: Ministry,
    /// Its name for people.
    pub display_name: String,
    /// Whether a relay session with it lives, whoever opened it.
    pub connected: bool,
    /// Since when it takes nothing, though it is there.
    pub shut_since: Option<Timestamp>,
    /// Messages that it has not answered for.
    pub queued: u64,
    /// Messages that an operator holds.
    pub held: u64,
    /// When the one that has waited longest came into custody.
    pub oldest: Option<Timestamp>,
    /// When the next attempt is due.
    pub next_attempt: Option<Timestamp>,
    /// When its last receipt was settled.
    pub last_receipt: Option<Timestamp>,
    /// Reason of the last failure; may be empty.
    pub last_failure: String,
    /// Difference of its clock to ours in seconds.
    pub clock_skew: i64,
    /// Its messages that wait for the desk.
    pub mailbox: Amount,
    /// Its sealed parts that no message refers to yet.
    pub uploads: Amount,
    /// Whether anything may be signed for the pair.
    pub standing: Standing,
    /// Sequence of its bundle that is accredited.
    pub bundle: u64,
    /// Sequence of a newer one that it has announced.
    pub announced: Option<u64>,
    /// Since when and why an operator lets nothing be exchanged with it.
    pub pause: Option<Pause>,
    /// Large sealed parts on their way to it, the most urgent first.
    pub transfers: Vec<Transfer>,
}

/// What a ping found.
#[derive(Debug, Clone)]
pub struct Ping {
    /// Connection, handshake and hello.
    pub round_trip: Duration,
    /// Leaves of its newest log about us, by its own checkpoint.
    pub peer_log_size: u64,
    /// Leaves of our newest log that it holds, by our own checkpoint.
    pub mirrored_size: u64,
    /// Difference of its clock to ours in seconds.
    pub clock_skew: i64,
}

impl Gateway {
    /// The gateway on one screen.
    pub async fn status(&self) -> Result<Status, Fault> {
        let queues = self.store.queues().await?;
        let links = self.links().clone();
        let in_force = self.trust.load_full();
        let mut peers = Vec::new();
        let accredited = in_force.iter().flat_map(|in_force| in_force.peers());
        let holdings =
            self.store.holdings(accredited.clone().map(|(peer, _)| peer.clone()).collect()).await?;
        for ((ministry, bundle), holding) in accredited.zip(holdings) {
            let announced = self.store.offered(ministry.clone()).await?.filter(|one| is_newer(one, bundle));
            let queue = queues.iter().find(|queue| queue.peer == *ministry);
            let link = links.get(ministry).cloned().unwrap_or_default();
            let failure = queue.map(|queue| queue.last_failure.clone()).unwrap_or_default();
            peers.push(PeerStatus {
                ministry: ministry.clone(),
                display_name: bundle.bundle().content().display_name.clone(),
                connected: link.is_live(),
                shut_since: link.shut_since(),
                queued: queue.map_or(0, |queue| queue.queued),
                held: queue.map_or(0, |queue| queue.held),
                oldest: queue.and_then(|queue| queue.oldest),
                next_attempt: queue.and_then(|queue| queue.next_attempt),
                last_receipt: queue.and_then(|queue| queue.last_receipt_time),
                last_failure: if link.last_failure.is_empty() { failure } else { link.last_failure },
                clock_skew: link.clock_skew,
                mailbox: holding.mailbox,
                uploads: holding.uploads,
                standing: self.standing(ministry),
                bundle: bundle.bundle().content().sequence,
                announced: announced.map(|one| one.sequence),
                pause: self.pause_of(ministry),
                transfers: self.freight.transfers(ministry),
            });
        }
        Ok(Status {
            ministry: self.config.ministry.clone(),
            started: self.started,
            policy: in_force.map_or(0, |in_force| in_force.policy().sequence()),
            peers,
            mailbox_waiting: self.store.waiting().await?,
            lifetimes: self.lifetimes()?,
            alarms: self.store.alarms().await?,
            writer: self.store.counts(),
            space: self.store.space().await?,
            quotas: [self.config.store.mailbox, self.config.store.uploads],
            // No checkpoint is signed for somebody who only looks.
            logs: self.heads(self.store.list_logs().await?),
            certificate_flaw: self.certificate_flaw(),
            from_backup: self.restored_from(),
        })
    }

    /// The newest heads of each pair with who has cosigned them.
    fn heads(&self, logs: Vec<LogHead>) -> Vec<LogSize> {
        let (own, in_force) = (&self.config.ministry, self.trust.load_full());
        let head = |log: LogHead| {
            let peer = in_force.as_ref().and_then(|in_force| in_force.peers().get(&log.peer));
            let domain =
                if log.mirror { Some(&self.config.domain) } else { peer.map(|peer| peer.bundle().domain()) };
            let name = domain.map(Domain::cosigner_name);
            LogSize::of(log, own, name.as_deref())
        };
        newest(logs, own).into_iter().map(head).collect()
    }

    /// Judges the certificate in the home as peers do: by the bundle of the own ministry that is in force here. Neither
    /// a reload nor a start asks that, because a gateway believes itself.
    fn certificate_flaw(&self) -> Option<String> {
        let in_force = self.trust.load_full()?;
        let own = &self.config.ministry;
        let certificate = match certificate(&self.config.transport_chain()) {
            Ok(certificate) => certificate,
            Err(fault) => return Some(format!("CERTIFICATE_UNREADABLE: {fault}")),
        };
        let anchors = in_force.own().bundle().transport_anchors();
        match chain::verify(&certificate, anchors, Purpose::TlsServer, self.clock.now()) {
            Ok(judged) => match judged.into_subject().name() {
                Name::Gateway { ministry } if ministry == own => None,
                other => Some(format!("CERTIFICATE_NAME: it names {other}")),
            },
            Err(refusal) => Some(format!("{}: {refusal}", refusal.reason())),
        }
    }

    /// Connects to a peer, exchanges hellos and hangs up.
    #[allow(clippy::disallowed_methods, reason = "a round trip is measured, nothing is decided by it")]
    pub async fn ping(&self, peer: &Ministry) -> Result<Ping, Fault> {
        let begin = Instant::now();
        let exchange = async {
            let leave = self.exchange(peer)?;
            let mut relay = self.link.open(peer).await?;
            relay.send(Frame::Hello(self.hello(peer, &leave).await?)).await?;
            match relay.receive().await? {
                Frame::Hello(hello) if hello.ministry == *peer => Ok(hello),
                _ => Err(Fault::Link("the peer did not answer with its hello".to_owned())),
            }
        };
        let hello = timeout(limits::CONNECT_DEADLINE, exchange)
            .await
            .map_err(|_| Fault::Link("the peer did not answer in time".to_owned()))??;
        let clock_skew = hello.time.seconds().saturating_sub(self.clock.now().seconds());
        let round_trip = begin.elapsed();
        let newest = hello.logs.last().map(|log| self.open_checkpoint(peer, log)).transpose()?;
        let peer_log_size = newest.map_or(0, |(checkpoint, _)| checkpoint.size);
        let mirrored_size = self.mirrored_by(peer, &hello).into_values().next_back().unwrap_or(0);
        Ok(Ping { round_trip, peer_log_size, mirrored_size, clock_skew })
    }

    /// Own logs of pairs and mirrors with their newest checkpoints.
    pub async fn logs(&self) -> Result<Vec<LogHead>, Fault> {
        let logs = self.all_logs().await?;
        Ok(logs.into_iter().filter(|log| log.peer != self.config.ministry).collect())
    }

    /// The same with those of the own administration.
    pub async fn all_logs(&self) -> Result<Vec<LogHead>, Fault> {
        let mut logs = self.store.list_logs().await?;
        for log in logs.iter_mut().filter(|log| !log.mirror) {
            log.checkpoint = Some(self.checkpoint(&log.origin).await?);
        }
        Ok(logs)
    }

    /// Root of a log over its first `size` leaves; none where there are fewer.
    pub async fn root_of(&self, origin: &str, size: u64) -> Result<Option<Digest>, Fault> {
        Ok(self.store.root_at(origin.to_owned(), size).await?)
    }

    /// Receipts of every leaf about a message: of the own log first, then of the peer's mirror.
    pub async fn prove(&self, message: &MessageId) -> Result<Vec<Receipt>, Fault> {
        let mut receipts = Vec::new();
        // A peer writes into its log what it likes, also about our message: our own leaves stand first.
        for found in self.store.find_leaf(message.digest()).await?.into_iter().take(limits::RECEIPTS_MAX) {
            match self.proving(&found.place).await? {
                Some(checkpoint) => receipts.push(self.receipt_under(&found.place, &checkpoint).await?),
                None if !found.mirror => receipts.push(self.receipt(&found.place).await?),
                None => {}
            }
        }
        Ok(receipts)
    }

    /// The checkpoint by which a leaf is proven to others: the earliest that the other side has cosigned while the key
    /// under it was announced. A stick may be on its way for so long that its leaves are cosigned when their key has
    /// long been replaced; then a later checkpoint proves them as well. Where none does, the earliest.
    async fn proving(&self, place: &LeafPlace) -> Result<Option<Checkpoint>, Fault> {
        let most = limits::PROVING_CHECKPOINTS_MAX;
        let mut cosigned = self.store.cosigned_over(place.clone(), most).await?;
        let Some(log) = self.store.log_head(place.origin.clone()).await? else { return Ok(None) };
        let own = &self.config.ministry;
        let sides = if log.mirror { [&log.peer, own] } else { [own, &log.peer] };
        let mut bundles = Vec::new();
        for side in sides {
            for bytes in self.store.records_of(RecordKind::Bundle, side.clone()).await? {
                bundles.extend(SignedBundle::parse(&bytes).ok());
            }
        }
        let first = evidence::first_proving(cosigned.iter().map(|one| one.text.as_str()), sides, bundles);
        let place = first.unwrap_or(0);
        Ok((place < cosigned.len()).then(|| cosigned.swap_remove(place)))
    }

    /// The kept proofs that one ministry signed two messages for one number, oldest first.
    pub async fn equivocations(&self) -> Result<Vec<Equivocation>, Fault> {
        Ok(self.store.equivocations().await?)
    }
}
