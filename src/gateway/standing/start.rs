//! What a pair's standing is when the gateway starts, and what follows when its store proves to be an older copy.
//!
//! The logs that are held and the mark of this run of the host enter; a standing for each pair leaves. What must
//! never happen: a pair is sound of which this host has seen more leaves than are held.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use super::Standing;
use crate::gateway::Gateway;
use crate::gateway::error::Fault;
use crate::gateway::store::mark::Mark;
use crate::gateway::store::record::{OwnLog, UNCONFIRMED_ALARM};
use crate::trust::name::Ministry;

/// Where the system tells which run of the host this is.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

impl Gateway {
    /// Takes up the standing of every pair after a start: what the mark of this run of the host vouches for is
    /// sound at once, what the mark knows more of than the store was rolled back, and all else waits for its
    /// peer.
    pub(in crate::gateway) async fn resume_standing(&self) -> Result<(), Fault> {
        let boot = std::fs::read_to_string(BOOT_ID).unwrap_or_default();
        if boot.is_empty() {
            tracing::warn!("{BOOT_ID} cannot be read: every start awaits the peers' hellos");
        }
        let path = self.config.mark();
        let vouched = Mark::read(&path, &boot).filter(|_| !boot.is_empty()).unwrap_or_default();
        let logs = self.store.own_logs(None).await?;
        let remembered = Mark::remembered(&path);
        let lost = lost(&logs, remembered.clone());
        match Mark::begin(&path, &boot, &vouched, &lost) {
            Ok(mark) => self.store.keep_mark(mark),
            Err(cause) => {
                tracing::warn!(%cause, "no mark can be kept: every start awaits the peers' hellos");
                Mark::discard(&path)?;
            }
        }
        if self.store.epoch().await? == 0 {
            self.renew_epoch().await?;
        }
        for peer in logs.iter().map(|log| &log.peer).filter(|peer| **peer != self.config.ministry) {
            let gate = self.gate(peer);
            gate.unseen.store(self.store.orphans(peer.clone()).await? > 0, Ordering::SeqCst);
            let mut own = logs.iter().filter(|log| log.peer == *peer);
            gate.vouched.store(own.all(|log| vouched.contains_key(&log.origin)), Ordering::SeqCst);
        }
        self.resume_administration(&lost, &remembered).await?;
        // Nobody mirrors the log of the own administration: it has no pair, and no standing.
        let logs: Vec<OwnLog> = logs.into_iter().filter(|log| log.peer != self.config.ministry).collect();
        self.judge_forks().await?;
        for (origin, size) in &lost {
            if let Some(peer) = self.peer_of(origin) {
                self.gate(&peer).learn(origin, *size);
            }
        }
        // A mark of an earlier run vouches for nothing, but what it knows more of than the store was signed.
        let seen = vouched.into_iter().chain(lost).collect();
        for (peer, standing) in at_start(&logs, &seen, |origin| self.peer_of(origin)) {
            self.begin_at(&peer, standing).await?;
        }
        Ok(())
    }

    /// Takes up one pair.
    async fn begin_at(&self, peer: &Ministry, standing: Standing) -> Result<(), Fault> {
        match standing {
            Standing::Sound => self.make_sound(peer).await,
            Standing::CatchingUp => {
                self.roll_back(peer, "this host has seen more leaves signed than the store holds").await
            }
            // Nobody waits for a hello of a ministry that is no peer any more.
            Standing::Unconfirmed
                if self.standing(peer) == Standing::Unconfirmed && self.accreditation()?.is_peer(peer) =>
            {
                let detail = "nothing on this host vouches since its start that the store is the newest copy: \
                              nothing is signed for the peer before its hello";
                // A gateway whose disk is full must start all the same.
                if let Err(cause) = self.alarm_about(peer, UNCONFIRMED_ALARM, detail.to_owned()).await {
                    tracing::error!(peer = %peer, %cause, "{detail}");
                }
                Ok(())
            }
            Standing::Unconfirmed | Standing::Frozen => Ok(()),
        }
    }

    /// The store is an older copy: nothing is signed until the peer has given back what it holds, and the
    /// desk lists its mailbox anew, because cursors may come to mean other messages.
    pub(in crate::gateway) async fn roll_back(&self, peer: &Ministry, detail: &str) -> Result<(), Fault> {
        let gate = self.gate(peer);
        if matches!(gate.standing(), Standing::CatchingUp | Standing::Frozen) {
            return Ok(());
        }
        {
            let _alone = gate.lock.write().await;
            gate.set(Standing::CatchingUp);
        }
        tracing::error!(peer = %peer, %detail, "this gateway was rolled back");
        self.renew_epoch().await?;
        self.alarm_about(peer, "ROLLED_BACK", detail.to_owned()).await
    }

    /// Gives the mailbox a new number.
    pub(in crate::gateway) async fn renew_epoch(&self) -> Result<(), Fault> {
        let random = crate::entropy::random::<8>(self.entropy.as_ref());
        let random = random.map_err(|cause| Fault::Credentials(cause.to_string()))?;
        self.store.renew_epoch(u64::from_be_bytes(random)).await?;
        Ok(())
    }

    /// The peer about which an own log with this origin is.
    pub(in crate::gateway) fn peer_of(&self, origin: &str) -> Option<Ministry> {
        let rest = origin.strip_prefix(&format!("{}/", self.config.domain.log_name()))?;
        let (peer, _year) = rest.split_once('/')?;
        Ministry::parse(&peer.to_ascii_uppercase()).ok()
    }
}

/// The logs of which a mark, of whatever run of the host, knows more leaves than are held. Pure.
fn lost(held: &[OwnLog], remembered: BTreeMap<String, u64>) -> BTreeMap<String, u64> {
    let size_of = |origin: &str| held.iter().find(|log| log.origin == origin).map_or(0, |log| log.size);
    remembered.into_iter().filter(|(origin, size)| *size > size_of(origin)).collect()
}

/// The standing of every pair of which a log is held or was seen. Pure.
fn at_start(
    held: &[OwnLog],
    seen: &BTreeMap<String, u64>,
    peer_of: impl Fn(&str) -> Option<Ministry>,
) -> BTreeMap<Ministry, Standing> {
    let mut standings = BTreeMap::new();
    let mut note = |peer: Ministry, standing: Standing| {
        let worst = standings.entry(peer).or_insert(Standing::Sound);
        let rank = |standing| match standing {
            Standing::Sound => 0,
            Standing::Unconfirmed => 1,
            Standing::CatchingUp | Standing::Frozen => 2,
        };
        if rank(standing) > rank(*worst) {
            *worst = standing;
        }
    };
    for log in held {
        note(
            log.peer.clone(),
            match seen.get(&log.origin) {
                None => Standing::Unconfirmed,
                Some(size) if *size > log.size => Standing::CatchingUp,
                Some(_) => Standing::Sound,
            },
        );
    }
    let lost =
        seen.iter().filter(|(origin, size)| **size > 0 && held.iter().all(|log| log.origin != **origin));
    for peer in lost.filter_map(|(origin, _)| peer_of(origin)) {
        note(peer, Standing::CatchingUp);
    }
    standings
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn origin(peer: &str, year: u16) -> String {
        format!("mfa.xa.example/chancery/{peer}/{year}")
    }

    fn peer_of(origin: &str) -> Option<Ministry> {
        Ministry::parse(&origin.split('/').nth(2)?.to_ascii_uppercase()).ok()
    }

    fn log(peer: &str, year: u16, size: u64) -> OwnLog {
        let origin = origin(peer, year);
        OwnLog { peer: peer_of(&origin).unwrap(), origin, size }
    }

    fn standing(held: &[OwnLog], seen: &[(String, u64)]) -> Option<Standing> {
        let seen = seen.iter().cloned().collect();
        at_start(held, &seen, peer_of).get(&Ministry::parse("XB").unwrap()).copied()
    }

    #[test]
    fn only_what_this_host_has_seen_is_sound_after_a_start() {
        let seen = |year, size| (origin("xb", year), size);
        assert_eq!(standing(&[], &[]), None, "a gateway that knows nothing awaits every hello");
        assert_eq!(standing(&[log("xb", 2026, 5)], &[]), Some(Standing::Unconfirmed));
        assert_eq!(standing(&[log("xb", 2026, 5)], &[seen(2026, 5)]), Some(Standing::Sound));
        // A commit whose answer nobody got may be missing in the mark, never the other way round.
        assert_eq!(standing(&[log("xb", 2026, 6)], &[seen(2026, 5)]), Some(Standing::Sound));
        assert_eq!(standing(&[log("xb", 2026, 4)], &[seen(2026, 5)]), Some(Standing::CatchingUp));
        assert_eq!(standing(&[], &[seen(2026, 5)]), Some(Standing::CatchingUp));
        let both = [log("xb", 2026, 5), log("xb", 2027, 1)];
        assert_eq!(standing(&both, &[seen(2026, 5)]), Some(Standing::Unconfirmed));
        assert_eq!(standing(&both[..1], &[seen(2026, 5), seen(2027, 1)]), Some(Standing::CatchingUp));
        assert_eq!(standing(&[log("xc", 2026, 5)], &[(origin("xc", 2026), 9)]), None);
    }

    proptest! {
        #[test]
        fn a_pair_with_a_leaf_missing_is_never_sound(
            held in proptest::collection::btree_map(2020_u16..2024, 1_u64..9, 0..4),
            seen in proptest::collection::btree_map(2020_u16..2024, 1_u64..9, 0..4),
        ) {
            let logs: Vec<OwnLog> = held.iter().map(|(year, size)| log("xb", *year, *size)).collect();
            let marks: Vec<_> = seen.iter().map(|(year, size)| (origin("xb", *year), *size)).collect();
            let missing = seen.iter().any(|(year, size)| held.get(year).copied().unwrap_or(0) < *size);
            let unseen = held.keys().any(|year| !seen.contains_key(year));
            let expected = match (missing, unseen) {
                (true, _) => Some(Standing::CatchingUp),
                (false, true) => Some(Standing::Unconfirmed),
                (false, false) if held.is_empty() => None,
                (false, false) => Some(Standing::Sound),
            };
            prop_assert_eq!(standing(&logs, &marks), expected);
        }
    }
}
