//! Why a message in the queue waits, and until when: what the store keeps of it, together with what is known of
//! the peer now.
//!
//! A reason is a code that scripts may compare. It is looked up when somebody asks and is never kept: the next
//! moment may have another one.

use std::collections::BTreeMap;

use crate::digest::Digest;
use crate::gateway::Gateway;
use crate::gateway::error::Fault;
use crate::gateway::freight::Transfer;
use crate::gateway::relay::LinkState;
use crate::gateway::standing::Standing;
use crate::gateway::store::record::{
    DecisionKind, QueueEntry, QueueFilter, QueueFront, QueuePlace, QueueState, SentState,
};
use crate::limits;
use crate::time::Timestamp;
use crate::trust::name::Ministry;

/// Digits of an id that tell messages apart for people.
const ID_DIGITS_SHOWN: usize = 12;

/// No session with the peer lives; it is dialled again and again.
const PEER_AWAY: &str = "PEER_AWAY";
/// The operator here lets nothing be exchanged with the peer.
const PAUSED_HERE: &str = "PAUSED";
/// The peer's operator lets nothing be exchanged with us.
pub(super) const PAUSED_BY_PEER: &str = "PAUSED_BY_PEER";
/// The peer has said that it takes nothing at present.
const PEER_TAKES_NOTHING: &str = "PEER_TAKES_NOTHING";
/// The peer holds as much without an answer as it is trusted with.
const PEER_OWES_ANSWERS: &str = "PEER_OWES_ANSWERS";
/// Two histories of one log were seen: nothing is carried.
const CHANNEL_FROZEN: &str = "CHANNEL_FROZEN";
/// A document that travels beside the message is not yet with the peer.
const PART_ON_ITS_WAY: &str = "PART_ON_ITS_WAY";

/// A sent message, why it waits and when it is tried next.
#[derive(Debug, Clone)]
pub struct Waits {
    /// The message as the store knows it.
    pub entry: QueueEntry,
    /// Why it waits, or how it left the queue; may be empty.
    pub reason: String,
    /// When it is tried next; none where that is for somebody else to say.
    pub next: Option<Timestamp>,
}

/// What holds up the messages of all sequences.
struct Obstacles {
    /// The first held message of each sequence: its number and id.
    held: BTreeMap<(Ministry, String), (u64, Digest)>,
    /// The first message of each sequence.
    fronts: Vec<QueueFront>,
    now: Timestamp,
}

impl Gateway {
    /// Why these messages wait.
    pub(super) async fn explain(&self, entries: Vec<QueueEntry>) -> Result<Vec<Waits>, Fault> {
        let (held, fronts) = (self.first_held().await?, self.store.queue_fronts().await?);
        let obstacles = Obstacles { held, fronts, now: self.clock.now() };
        let mut explained = Vec::with_capacity(entries.len());
        for entry in entries {
            explained.push(self.waits(entry, &obstacles).await?);
        }
        Ok(explained)
    }

    async fn waits(&self, entry: QueueEntry, obstacles: &Obstacles) -> Result<Waits, Fault> {
        let kept = entry.reason.clone();
        if !entry.unanswered {
            return Ok(Waits { entry, reason: kept, next: None });
        }
        if entry.held {
            let decisions = self.store.decisions(entry.message_id).await?;
            let given = decisions.into_iter().rev().find(|one| one.kind == DecisionKind::Held);
            let reason = given.map(|one| one.decision.reason).filter(|reason| !reason.is_empty());
            return Ok(Waits { entry, reason: reason.unwrap_or(kept), next: None });
        }
        let obstacle = self.obstacle(&entry, obstacles);
        let next = obstacle.is_none().then_some(entry.next_attempt);
        // Of what expired or was withdrawn the reason says that; it still waits for the same.
        let reason = obstacle.filter(|_| entry.state == SentState::Queued).unwrap_or(kept);
        Ok(Waits { entry, reason, next })
    }

    /// What a message waits for other than its own next attempt.
    fn obstacle(&self, entry: &QueueEntry, obstacles: &Obstacles) -> Option<String> {
        let sequence = (entry.peer.clone(), entry.channel.clone());
        if let Some((number, id)) = obstacles.held.get(&sequence)
            && *number < entry.sequence
        {
            return Some(behind(id));
        }
        if let Some(reason) = of_peer(self.standing(&entry.peer), &self.link_of(&entry.peer)) {
            return Some(reason.to_owned());
        }
        let transfers = self.freight.transfers(&entry.peer);
        if let Some(reason) = of_parts(&entry.message_id, &transfers) {
            return Some(reason);
        }
        let is_front =
            |front: &&QueueFront| front.first.peer == entry.peer && front.first.channel == entry.channel;
        let first = &obstacles.fronts.iter().find(is_front)?.first;
        let waits = first.next_attempt > obstacles.now || of_parts(&first.message_id, &transfers).is_some();
        (first.sequence < entry.sequence && waits).then(|| behind(&first.message_id))
    }

    /// The first held message of each sequence. Each was held by hand: there are few.
    async fn first_held(&self) -> Result<BTreeMap<(Ministry, String), (u64, Digest)>, Fault> {
        let filter = QueueFilter { peer: None, state: Some(QueueState::Held) };
        let (mut first, mut after) = (BTreeMap::new(), QueuePlace::default());
        loop {
            let page = self.store.queue_page(filter.clone(), after, limits::QUEUE_PAGE_MAX).await?;
            for entry in page.entries {
                first.entry((entry.peer, entry.channel)).or_insert((entry.sequence, entry.message_id));
            }
            match page.next {
                Some(next) => after = next,
                None => return Ok(first),
            }
        }
    }
}

fn behind(id: &Digest) -> String {
    format!("BEHIND {}", id.hex().chars().take(ID_DIGITS_SHOWN).collect::<String>())
}

/// Why nothing goes to a peer at all.
fn of_peer(standing: Standing, link: &LinkState) -> Option<&'static str> {
    match standing {
        Standing::Frozen => Some(CHANNEL_FROZEN),
        _ if link.pause().is_some() => Some(PAUSED_HERE),
        _ if !link.is_live() && link.paused_by_peer => Some(PAUSED_BY_PEER),
        _ if !link.is_live() => Some(PEER_AWAY),
        _ if link.shut_since().is_some() => Some(PEER_TAKES_NOTHING),
        _ if link.is_held_to_answers() => Some(PEER_OWES_ANSWERS),
        _ => None,
    }
}

/// Why the documents of a message are not with the peer: the code of its refusal where it gave one.
fn of_parts(message: &Digest, transfers: &[Transfer]) -> Option<String> {
    let own = || transfers.iter().filter(move |part| part.message == *message);
    let is_code = |reason: &str| {
        let fits = |symbol: char| symbol.is_ascii_uppercase() || symbol.is_ascii_digit() || symbol == '_';
        !reason.is_empty() && reason.chars().all(fits)
    };
    own().next()?;
    let refused = own().find(|part| part.failures > 0 && is_code(&part.reason));
    Some(refused.map_or_else(|| PART_ON_ITS_WAY.to_owned(), |part| part.reason.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::frame::Window;
    use crate::gateway::store::record::Pause;

    #[test]
    fn nothing_goes_to_a_peer_that_is_away_or_takes_nothing_or_whose_log_forked() {
        let (link, now) = (LinkState::default(), Timestamp::from_seconds(1_795_000_000));
        assert_eq!(of_peer(Standing::Sound, &link), Some(PEER_AWAY));
        let _live = link.enter();
        assert_eq!(of_peer(Standing::Sound, &link), None);
        link.note_window(Window::SHUT, now);
        link.note_window(Window::SHUT, Timestamp::from_seconds(1_795_000_009));
        assert_eq!(link.shut_since(), Some(now), "since it was shut first");
        assert_eq!(of_peer(Standing::Sound, &link), Some(PEER_TAKES_NOTHING));
        assert_eq!(of_peer(Standing::Frozen, &link), Some(CHANNEL_FROZEN));
        link.note_window(Window::FULL, now);
        assert_eq!((link.shut_since(), of_peer(Standing::Sound, &link)), (None, None));
        let peer = Ministry::parse("XB").unwrap();
        link.set_pause(Some(Pause { peer, time: now, operator: 7, reason: String::new(), force: false }));
        assert_eq!(of_peer(Standing::Sound, &link), Some(PAUSED_HERE));
        let mut away = LinkState::default();
        assert_eq!(of_peer(Standing::Sound, &away), Some(PEER_AWAY));
        away.paused_by_peer = true;
        assert_eq!(of_peer(Standing::Sound, &away), Some(PAUSED_BY_PEER));
    }

    #[test]
    fn a_message_waits_for_its_own_documents_and_says_what_the_peer_said_of_them() {
        let (own, other) = (Digest::of(b"own"), Digest::of(b"other"));
        let part = |message, failures, reason: &str| Transfer {
            digest: Digest::of(b"part"),
            message,
            size: 9,
            done: 0,
            moving: false,
            failures,
            reason: reason.to_owned(),
        };
        assert_eq!(of_parts(&own, &[part(other, 1, "NO_SPACE")]), None);
        assert_eq!(of_parts(&own, &[part(own, 0, "")]).as_deref(), Some(PART_ON_ITS_WAY));
        assert_eq!(of_parts(&own, &[part(own, 2, "the call broke")]).as_deref(), Some(PART_ON_ITS_WAY));
        let both = [part(own, 0, ""), part(own, 2, "NO_SPACE")];
        assert_eq!(of_parts(&own, &both).as_deref(), Some("NO_SPACE"));
    }
}
