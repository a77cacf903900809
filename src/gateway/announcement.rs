//! Announcements: what ministries say of themselves after they were accredited.
//!
//! The exact bytes of a bundle enter, from the gateway of the ministry itself; what leaves is a bundle that the own
//! desk is offered, and revocation lists that count from now on. The bundle in force is not touched by either: new keys
//! and addresses wait for the desk. A list needs nobody's consent, because it only takes belief away, and because the
//! authority that signed it was accredited. What must never happen: that an announcement makes anybody believed who was
//! not, or that the same thing is said twice in the log.

use std::sync::Arc;

use crate::digest::Digest;
use crate::gateway::Gateway;
use crate::gateway::accreditation::Accreditation;
use crate::gateway::error::Fault;
use crate::gateway::frame::Road;
use crate::gateway::store::record::{BUNDLE_REFUSED_ALARM, CREDENTIALS_ALARM, KeptList, Offered, RecordKind};
use crate::limits;
use crate::time::Timestamp;
use crate::trust::bundle::{BundleRefusal, SignedBundle};
use crate::trust::name::Ministry;

/// What an announced bundle is, beside the one in force and the one announced before it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Announced {
    /// One that is known already.
    Known,
    /// A later one.
    Newer,
    /// None that is believed, for this reason.
    Refused(BundleRefusal),
}

/// What of the accreditation is in force at this gateway, and what peers have announced since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offers {
    /// Bundles newer than those that are accredited, by ministry.
    pub offered: Vec<Offered>,
    /// Sequence of the own bundle; 0 before the first policy.
    pub own_sequence: u64,
    /// Sequence of the policy; 0 before the first.
    pub policy_sequence: u64,
}

impl Gateway {
    /// Takes a bundle that the gateway of `peer` announces; answers why not, where it is not believed. That changes
    /// nothing, and raises one alarm where the peer itself has said it. What is newer is kept for the desk, and its
    /// revocation lists count when this returns, here and on open connections: nothing is taken into custody any more
    /// that was judged without them, by whatever road it came and whenever it was read.
    pub(super) async fn take_announced(
        &self,
        peer: &Ministry,
        bytes: &[u8],
        road: Road,
    ) -> Result<Option<BundleRefusal>, Fault> {
        let digest = Digest::of(bytes);
        if self.link_of(peer).heard_before(digest) {
            return Ok(None);
        }
        let _accrediting = self.accrediting.lock().await;
        let in_force = self.accreditation()?;
        let (accredited, now) = (in_force.bundle(peer)?, self.clock.now());
        let announced = match SignedBundle::parse(bytes) {
            Ok(announced) => announced,
            Err(refusal) => return self.refuse_announced(peer, refusal, road).await,
        };
        let before = self.store.offered(peer.clone()).await?;
        match judge(&announced, accredited, before.as_ref(), now) {
            Announced::Known => {
                // A stream that ended while this was kept may have let none of it count.
                let mut next = Accreditation::clone(&in_force);
                let lists = &announced.bundle().content().revocation_lists;
                if !next.stop(peer, lists, now.after(limits::CLOCK_SKEW_MAX)).is_empty() {
                    self.stop_believing(peer, next).await?;
                }
                self.pay_owed(peer).await?;
                if road == Road::Wire {
                    self.link_of(peer).heard(digest);
                    // Whatever it announced before: this is what is believed of it.
                    self.store.clear_alarm(BUNDLE_REFUSED_ALARM, peer.clone(), now).await?;
                }
            }
            Announced::Newer => return self.take_newer(peer, &in_force, &announced, (bytes, road)).await,
            // An old stick, or a gateway whose desk has not brought it the newest bundle yet.
            Announced::Refused(_) if self.was_accredited(peer, &announced).await? => {}
            Announced::Refused(refusal) => return self.refuse_announced(peer, refusal, road).await,
        }
        Ok(None)
    }

    /// Whether this bundle of a peer was in force here once.
    async fn was_accredited(&self, peer: &Ministry, announced: &SignedBundle) -> Result<bool, Fault> {
        let kept = self.store.records_of(RecordKind::Bundle, peer.clone()).await?;
        let mut kept = kept.iter().filter_map(|bytes| SignedBundle::parse(bytes).ok());
        Ok(kept.any(|known| known.digest() == announced.digest()))
    }

    /// Keeps a bundle that was judged to be newer, and lets its revocation lists count.
    async fn take_newer(
        &self,
        peer: &Ministry,
        in_force: &Arc<Accreditation>,
        announced: &SignedBundle,
        (bytes, road): (&[u8], Road),
    ) -> Result<Option<BundleRefusal>, Fault> {
        let (content, now) = (announced.bundle().content(), self.clock.now());
        let mut next = Accreditation::clone(in_force);
        let stopped = next.stop(peer, &content.revocation_lists, now.after(limits::CLOCK_SKEW_MAX));
        let kept = stopped.iter().map(|list| KeptList {
            ministry: peer.clone(),
            issuer: list.issuer_digest(),
            bytes: list.der().to_vec(),
        });
        let (ministry, sequence) = (peer.clone(), content.sequence);
        let offered = Offered { ministry, sequence, bytes: bytes.to_vec(), time: now };
        if !self.store.take_offered(offered, kept.collect()).await? {
            let refusal = BundleRefusal::Succession("there were too many bundles of its ministry today");
            return self.refuse_announced(peer, refusal, road).await;
        }
        if !stopped.is_empty() {
            self.stop_believing(peer, next).await?;
            self.pay_owed(peer).await?;
        }
        // Not before: another stream of the peer passes over what was heard, and judges by what counts.
        self.link_of(peer).heard(Digest::of(bytes));
        self.store.clear_alarm(BUNDLE_REFUSED_ALARM, peer.clone(), now).await?;
        if let Some(unsaid) = self.link_of(peer).refusals.next() {
            let lists = stopped.len();
            tracing::info!(peer = %peer, sequence, lists, unsaid, "the peer announced a bundle; its lists count");
        }
        Ok(None)
    }

    /// Lets further revocation lists of a peer count that are kept, here and on open connections.
    async fn stop_believing(&self, peer: &Ministry, next: Accreditation) -> Result<(), Fault> {
        self.trust.store(Some(Arc::new(next)));
        if let Err(fault) = self.reload() {
            // Signatures are judged by the lists all the same, and the next reload tries again.
            let detail = format!("the revocation lists of {peer} are in force, not in TLS: {fault}");
            self.alarm_about(&self.config.ministry, CREDENTIALS_ALARM, detail).await?;
        }
        Ok(())
    }

    /// Raises the alarm where the peer itself has said it: what stands on a stick may be anybody's.
    async fn refuse_announced(
        &self,
        peer: &Ministry,
        refusal: BundleRefusal,
        road: Road,
    ) -> Result<Option<BundleRefusal>, Fault> {
        if road == Road::Wire {
            // Said again, what was in order before clears the alarm.
            self.link_of(peer).unheard();
            let detail = format!("{}: {refusal}", refusal.reason());
            self.alarm_about(peer, BUNDLE_REFUSED_ALARM, detail).await?;
        }
        Ok(Some(refusal))
    }

    /// What peers have announced that their accredited bundles do not say, for the own desk.
    pub async fn offers(&self) -> Result<Offers, Fault> {
        let Some(in_force) = self.trust.load_full() else {
            return Ok(Offers { offered: Vec::new(), own_sequence: 0, policy_sequence: 0 });
        };
        let mut offered = Vec::new();
        for (peer, accredited) in in_force.peers() {
            let kept = self.store.offered(peer.clone()).await?;
            offered.extend(kept.filter(|kept| is_newer(kept, accredited)));
        }
        Ok(Offers {
            offered,
            own_sequence: in_force.own().bundle().content().sequence,
            policy_sequence: in_force.policy().sequence(),
        })
    }
}

/// Whether what was announced once says more than what is accredited now. A ministry that was accredited anew under
/// another root begins anew.
pub(super) fn is_newer(kept: &Offered, accredited: &SignedBundle) -> bool {
    let content = accredited.bundle().content();
    let same_root = || {
        let announced = SignedBundle::parse(&kept.bytes);
        announced.is_ok_and(|announced| announced.bundle().content().root == content.root)
    };
    kept.sequence > content.sequence && same_root()
}

/// Judges an announced bundle. Pure: what is in force, what was announced before, and the time are arguments.
fn judge(
    announced: &SignedBundle,
    accredited: &SignedBundle,
    before: Option<&Offered>,
    now: Timestamp,
) -> Announced {
    if announced.digest() == accredited.digest() {
        return Announced::Known;
    }
    // Its clock may be a little ahead of ours; what it revokes must not wait for that.
    let begins = announced.bundle().content().valid_from;
    let at = now.max(begins.min(now.after(limits::CLOCK_SKEW_MAX)));
    if let Err(refusal) = announced.succeeds(accredited, at) {
        return Announced::Refused(refusal);
    }
    // Such a list could not count yet, and nobody would look at it again.
    if announced.bundle().lists().any(|list| list.this_update() > now.after(limits::CLOCK_SKEW_MAX)) {
        return Announced::Refused(BundleRefusal::Succession("a revocation list in it is still to come"));
    }
    let Some(before) = before.filter(|before| is_newer(before, accredited)) else { return Announced::Newer };
    let known = SignedBundle::parse(&before.bytes).ok().map(|known| known.digest());
    let sequence = announced.bundle().content().sequence;
    match sequence.cmp(&before.sequence) {
        std::cmp::Ordering::Greater => match followed(announced, before) {
            Ok(()) => Announced::Newer,
            Err(refusal) => Announced::Refused(refusal),
        },
        std::cmp::Ordering::Equal if known == Some(announced.digest()) => Announced::Known,
        std::cmp::Ordering::Equal => {
            Announced::Refused(BundleRefusal::Succession("it announced another one under this sequence"))
        }
        std::cmp::Ordering::Less => {
            Announced::Refused(BundleRefusal::Succession("it announced a later one before"))
        }
    }
}

/// Whether a later bundle names the one announced before it, where that is the one directly before.
fn followed(announced: &SignedBundle, before: &Offered) -> Result<(), BundleRefusal> {
    let content = announced.bundle().content();
    if before.sequence.checked_add(1) != Some(content.sequence) {
        return Ok(());
    }
    announced.follows(&SignedBundle::parse(&before.bytes)?)
}

#[cfg(test)]
mod tests;
