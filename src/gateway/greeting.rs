//! The greeting: what two gateways tell each other when a stream opens, and what follows from it.
//!
//! Checkpoints enter, each signed by whom it binds: the peer's own logs by the peer, and the peer's mirrors of
//! ours by ourselves, so that nobody can boast. What leaves is a verdict: whether the two may go on.

use std::collections::BTreeMap;

use crate::gateway::Gateway;
use crate::gateway::archive::key_name;
use crate::gateway::error::Fault;
use crate::gateway::frame::Hello;
use crate::gateway::store::record::Alarm;
use crate::limits;
use crate::tlog::checkpoint::Checkpoint;
use crate::tlog::signed_note::Note;
use crate::tlog::verifier_key::{KeyKind, VerifierKey};
use crate::trust::name::Ministry;

impl Gateway {
    /// What this gateway says when a stream opens.
    pub(super) async fn hello(&self, peer: &Ministry) -> Result<Hello, Fault> {
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
            window: *self.window.borrow(),
        })
    }

    /// Compares what both sides have said: `ours` and `theirs`. A log that the peer does not keep about us is
    /// none of its business. A claim that we did not sign raises an alarm and counts for nothing. Where the
    /// peer holds more leaves of our log than we do, this gateway was rolled back: an alarm, and the end.
    pub(super) async fn compare(&self, peer: &Ministry, _ours: &Hello, theirs: &Hello) -> Result<(), Fault> {
        let skew = theirs.time.seconds().saturating_sub(self.clock.now().seconds());
        self.note_link(peer, |link| link.clock_skew = skew);
        for log in &theirs.logs {
            self.open_checkpoint(peer, log)?;
        }
        let claims: Vec<Option<Checkpoint>> =
            theirs.mirrors.iter().map(|mirror| self.own_checkpoint(peer, mirror)).collect();
        if claims.iter().any(Option::is_none) {
            let detail = "the peer claims to hold leaves of our log under a checkpoint that we did not sign";
            self.alarm_about(peer, "FALSE_CLAIM", detail.to_owned()).await?;
        }
        for claim in claims.into_iter().flatten() {
            let own =
                self.store.log_head(claim.origin.as_str().to_owned()).await?.map_or(0, |head| head.size);
            if claim.size > own {
                let detail = format!("the peer holds {} leaves of our log, we hold {own}", claim.size);
                let fault = Fault::Link(format!("this gateway was rolled back: {detail}"));
                self.alarm_about(peer, "ROLLED_BACK", detail).await?;
                return Err(fault);
            }
        }
        Ok(())
    }

    /// How many leaves of each of our logs the peer holds, as far as our own signature proves what it says.
    pub(super) fn mirrored_by(&self, peer: &Ministry, theirs: &Hello) -> BTreeMap<String, u64> {
        let claims = theirs.mirrors.iter().filter_map(|mirror| self.own_checkpoint(peer, mirror));
        claims.map(|claim| (claim.origin.as_str().to_owned(), claim.size)).collect()
    }

    /// Believes a checkpoint of a log that we keep about the peer, if our own log key signed it.
    fn own_checkpoint(&self, peer: &Ministry, text: &str) -> Option<Checkpoint> {
        let note = Note::parse(text).ok()?;
        let claimed = Checkpoint::parse(note.text()).ok()?;
        let own = format!("{}/{}/", self.config.domain.log_name(), peer.lower());
        if !claimed.origin.as_str().starts_with(&own) {
            return None;
        }
        let name = key_name(claimed.origin.as_str()).ok()?;
        let key = VerifierKey { name, kind: KeyKind::Log, public_key: self.log_key.public_key() };
        Checkpoint::of_note(&note, &key).ok()
    }

    /// Raises an alarm about a peer, now.
    pub(super) async fn alarm_about(&self, peer: &Ministry, code: &str, detail: String) -> Result<(), Fault> {
        let (code, ministry, time) = (code.to_owned(), peer.clone(), self.clock.now());
        self.store.raise_alarm(Alarm { code, ministry, detail, time }).await?;
        Ok(())
    }
}
