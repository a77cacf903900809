//! The greeting: what two gateways tell each other when a stream opens, and what follows from it.
//!
//! Checkpoints enter, each signed by whom it binds: the peer's own logs by the peer, and the peer's mirrors of
//! ours by ourselves, so that nobody can boast. What leaves is a verdict: whether the two may go on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;

use crate::digest::Digest;
use crate::gateway::Gateway;
use crate::gateway::error::Fault;
use crate::gateway::frame::{Hello, Road};
use crate::gateway::restored::Exchange;
use crate::gateway::standing::{Standing, hold};
use crate::gateway::store::record::{Alarm, LogHead};
use crate::limits;
use crate::tlog::checkpoint::Checkpoint;
use crate::tlog::merkle::TreeHead;
use crate::tlog::signed_note::Note;
use crate::tlog::verifier_key::{KeyName, VerifierKey};
use crate::trust::name::Ministry;

impl Gateway {
    /// What this gateway says when a stream opens.
    pub(super) async fn hello(&self, peer: &Ministry, _: &Exchange) -> Result<Hello, Fault> {
        if self.standing(peer) == Standing::Frozen {
            return Err(Fault::Frozen(peer.clone()));
        }
        let present = self.open_log(peer).await?;
        let (mut logs, mut mirrors) = (Vec::new(), Vec::new());
        for log in self.store.list_logs().await?.into_iter().filter(|log| log.peer == *peer && log.size > 0) {
            let cosigned = log.cosigned.as_ref().map_or(0, |cosigned| cosigned.size);
            if !log.mirror {
                if log.origin == present || cosigned < log.size {
                    logs.push(self.sign_checkpoint(&log.origin, log.size, log.root)?);
                }
            } else if let Some(signed) = log.checkpoint {
                let kept = log.cosigned.filter(|cosigned| cosigned.size >= signed.size);
                mirrors.push(kept.unwrap_or(signed).text);
            }
        }
        // Origins end with their year, so the newest stand last.
        let newest = |all: Vec<String>| {
            let older = all.len().saturating_sub(limits::HELLO_CHECKPOINTS_MAX);
            all.into_iter().skip(older).collect()
        };
        Ok(Hello {
            ministry: self.config.ministry.clone(),
            time: self.clock.now(),
            logs: newest(logs),
            mirrors: newest(mirrors),
            window: self.window_for(&self.link_of(peer)),
            frames: Hello::FRAMES,
        })
    }

    /// Compares what the peer's hello shows with what is held here, and decides the standing of the pair. A log
    /// that the peer does not keep about us is none of its business. A claim that we did not sign raises an
    /// alarm and counts for nothing.
    pub(super) async fn compare(&self, peer: &Ministry, _ours: &Hello, theirs: &Hello) -> Result<(), Fault> {
        let skew = theirs.time.seconds().saturating_sub(self.clock.now().seconds());
        self.note_link(peer, |link| link.clock_skew = skew);
        if self.standing(peer) == Standing::Frozen {
            return Err(Fault::Frozen(peer.clone()));
        }
        let (shown, lost) = self.weigh(peer, theirs, Road::Wire).await?;
        self.decide(peer, &shown, lost).await
    }

    /// What a hello tells that may be old, because it came on a stick: it makes no pair sound, but what it shows to be
    /// signed was signed, and two histories of a log are two whenever they are shown.
    pub(super) async fn learn_from_stick(&self, peer: &Ministry, theirs: &Hello) -> Result<(), Fault> {
        if self.standing(peer) == Standing::Frozen {
            return Err(Fault::Frozen(peer.clone()));
        }
        let (_, lost) = self.weigh(peer, theirs, Road::Stick).await?;
        if lost.is_empty() {
            return Ok(());
        }
        self.learn(peer, &lost).await?;
        let detail = missing(&lost);
        {
            let gate = self.gate(peer);
            let mut known = hold(&gate.lost);
            for (origin, head) in lost {
                if known.get(&origin).is_none_or(|before| before.size < head.size) {
                    known.insert(origin, head);
                }
            }
        }
        self.roll_back(peer, &detail).await
    }

    /// Weighs the checkpoints of a hello: which sizes of our logs it shows, and which of them are more than is held.
    /// Two histories of one log freeze the pair.
    async fn weigh(
        &self,
        peer: &Ministry,
        theirs: &Hello,
        road: Road,
    ) -> Result<(BTreeMap<String, u64>, BTreeMap<String, TreeHead>), Fault> {
        for log in &theirs.logs {
            let (claim, note) = self.open_checkpoint(peer, log)?;
            if self.judge_claim(&claim).await? == Finding::Contradicts {
                return Err(self.freeze(peer, false, &claim, note).await?);
            }
        }
        let (mut shown, mut lost) = (BTreeMap::new(), BTreeMap::new());
        for mirror in &theirs.mirrors {
            let Some((claim, note)) = self.own_checkpoint(peer, mirror) else {
                // On a stick anybody may have claimed it.
                if road == Road::Stick {
                    continue;
                }
                let detail =
                    "the peer claims to hold leaves of our log under a checkpoint that we did not sign";
                self.alarm_about(peer, "FALSE_CLAIM", detail.to_owned()).await?;
                continue;
            };
            match self.judge_claim(&claim).await? {
                Finding::Agrees => {}
                Finding::More => {
                    lost.insert(claim.origin.as_str().to_owned(), claim.head());
                }
                Finding::Contradicts => return Err(self.freeze(peer, true, &claim, note).await?),
            }
            shown.insert(claim.origin.as_str().to_owned(), claim.size);
        }
        Ok((shown, lost))
    }

    /// Decides the standing of a pair whose logs do not contradict each other.
    async fn decide(
        &self,
        peer: &Ministry,
        shown: &BTreeMap<String, u64>,
        lost: BTreeMap<String, TreeHead>,
    ) -> Result<(), Fault> {
        let gate = self.gate(peer);
        gate.heard.store(true, Ordering::SeqCst);
        let standing = gate.standing();
        let detail = (!lost.is_empty()).then(|| missing(&lost));
        // Whatever the peer shows next time: these leaves were signed.
        self.learn(peer, &lost).await?;
        *hold(&gate.lost) = lost;
        if let Some(detail) = detail {
            return self.roll_back(peer, &detail).await;
        }
        if standing == Standing::Sound {
            return Ok(());
        }
        let lacking = lacking(&self.store.list_logs().await?, peer, shown);
        if !lacking.is_empty() {
            *hold(&gate.lacking) = lacking;
            let detail = "the peer holds less of our log than it has cosigned: it was rolled back".to_owned();
            return self.alarm_about(peer, "PEER_ROLLED_BACK", detail).await;
        }
        self.make_sound(peer).await
    }

    /// What a signed checkpoint says about what is held of its log.
    pub(super) async fn judge_claim(&self, claim: &Checkpoint) -> Result<Finding, Fault> {
        let origin = claim.origin.as_str().to_owned();
        let size = self.store.log_head(origin.clone()).await?.map_or(0, |head| head.size);
        let root = if claim.size == 0 { None } else { self.store.root_at(origin, claim.size).await? };
        Ok(find(&claim.head(), size, root))
    }

    /// How many leaves of each of our logs the peer holds, as far as our own signature proves what it says.
    pub(super) fn mirrored_by(&self, peer: &Ministry, theirs: &Hello) -> BTreeMap<String, u64> {
        let claims = theirs.mirrors.iter().filter_map(|mirror| self.own_checkpoint(peer, mirror));
        claims.map(|(claim, _)| (claim.origin.as_str().to_owned(), claim.size)).collect()
    }

    /// Believes a checkpoint of a log that we keep about the peer, if our own log key signed it.
    pub(super) fn own_checkpoint(&self, peer: &Ministry, text: &str) -> Option<(Checkpoint, Note)> {
        let note = Note::parse(text).ok()?;
        let claimed = Checkpoint::parse(note.text()).ok()?;
        let own = format!("{}/{}/", self.config.domain.log_name(), peer.lower());
        if !claimed.origin.as_str().starts_with(&own) {
            return None;
        }
        let keys = self.own_keys(&claimed.origin);
        let believed = keys.iter().find_map(|key| Checkpoint::of_note(&note, key).ok())?;
        Some((believed, note))
    }

    /// The keys that may have signed a log of ours: the present one, and those that were announced before it.
    pub(super) fn own_keys(&self, origin: &KeyName) -> Vec<VerifierKey> {
        let former = self.trust.load_full().map(|in_force| in_force.own_log_keys()).unwrap_or_default();
        former
            .into_iter()
            .map(|key| key.with_name(origin.clone()))
            .chain([self.log_verifier(origin.clone())])
            .collect()
    }

    /// Raises an alarm about a peer, now.
    pub(super) async fn alarm_about(&self, peer: &Ministry, code: &str, detail: String) -> Result<(), Fault> {
        let (code, ministry, time) = (code.to_owned(), peer.clone(), self.clock.now());
        self.store.raise_alarm(Alarm { code, ministry, detail, time }).await?;
        Ok(())
    }
}

/// What the peer has shown and the store lacks, for people.
fn missing(lost: &BTreeMap<String, TreeHead>) -> String {
    let leaves: Vec<String> =
        lost.iter().map(|(origin, head)| format!("{} leaves of {origin}", head.size)).collect();
    format!("the peer holds {}, more than the store", leaves.join(", "))
}

/// What a signed checkpoint says about what is held of its log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Finding {
    /// What is held begins with the leaves that it covers.
    Agrees,
    /// Both cannot be true.
    Contradicts,
    /// It covers more leaves than are held.
    More,
}

/// Compares a checkpoint with what is held: its size, and its root at the size of the checkpoint.
fn find(claim: &TreeHead, size: u64, root: Option<Digest>) -> Finding {
    if claim.size > size {
        Finding::More
    } else if claim.size == 0 || root == Some(claim.root) {
        Finding::Agrees
    } else {
        Finding::Contradicts
    }
}

/// Own logs of which the peer shows less than it has cosigned once: it cannot tell how far they went.
fn lacking(logs: &[LogHead], peer: &Ministry, shown: &BTreeMap<String, u64>) -> BTreeSet<String> {
    let short = |log: &&LogHead| {
        let cosigned = log.cosigned.as_ref().map_or(0, |cosigned| cosigned.size);
        cosigned > shown.get(&log.origin).copied().unwrap_or(0)
    };
    let own = logs.iter().filter(|log| !log.mirror && log.peer == *peer);
    own.filter(short).map(|log| log.origin.clone()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tlog::merkle::{self, NodeReader, Tree};

    fn tree(leaves: &[u8]) -> Tree {
        let mut tree = Tree::new();
        leaves.iter().for_each(|leaf| tree.push(merkle::leaf_hash(&[*leaf])));
        tree
    }

    fn root_at(size: usize, reader: &dyn NodeReader) -> Option<Digest> {
        merkle::root(size as u64, reader)
    }

    proptest! {
        /// Two sides of one log, each rolled back and gone on with as it likes, are judged as they are.
        #[test]
        fn a_checkpoint_agrees_shows_more_or_contradicts_just_as_the_leaves_do(
            common in proptest::collection::vec(any::<u8>(), 0..20),
            held in proptest::collection::vec(any::<u8>(), 0..6),
            claimed in proptest::collection::vec(any::<u8>(), 0..6),
        ) {
            let held = [common.clone(), held].concat();
            let claimed = [common, claimed].concat();
            let claim = tree(&claimed).head();
            let root = root_at(claimed.len(), &tree(&held)).filter(|_| claimed.len() <= held.len());
            let expected = if claimed.len() > held.len() {
                Finding::More
            } else if held.starts_with(&claimed) {
                Finding::Agrees
            } else {
                Finding::Contradicts
            };
            prop_assert_eq!(find(&claim, held.len() as u64, root), expected);
        }
    }

    #[test]
    fn a_peer_that_shows_less_than_it_has_cosigned_cannot_confirm() {
        use crate::gateway::store::record::Checkpoint as Kept;
        let peer = Ministry::parse("XB").unwrap();
        let log = |origin: &str, cosigned: u64, mirror: bool| LogHead {
            origin: origin.to_owned(),
            peer: peer.clone(),
            mirror,
            size: 9,
            root: Digest::of(b"root"),
            checkpoint: None,
            cosigned: Some(Kept { size: cosigned, text: String::new() }),
        };
        let logs = [log("old", 5, false), log("new", 3, false), log("theirs", 9, true)];
        let shown = |sizes: &[(&str, u64)]| {
            sizes.iter().map(|(origin, size)| ((*origin).to_owned(), *size)).collect::<BTreeMap<_, _>>()
        };
        assert!(lacking(&logs, &peer, &shown(&[("old", 5), ("new", 4)])).is_empty());
        assert_eq!(lacking(&logs, &peer, &shown(&[("old", 4), ("new", 3)])), ["old".to_owned()].into());
        assert_eq!(lacking(&logs, &peer, &shown(&[])).len(), 2);
        assert!(lacking(&logs, &Ministry::parse("XC").unwrap(), &shown(&[])).is_empty());
    }
}
