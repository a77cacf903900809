//! Watches the room of the store: says when nothing new is taken any more, lays the ballast in again when there
//! is room, and sweeps sealed parts whose message never came.
//!
//! While nothing new could be taken of a peer it is told to send nothing: a window of zero costs both sides less
//! than messages that come and are refused, again and again.

use crate::digest::Digest;
use crate::gateway::Gateway;
use crate::gateway::error::Fault;
use crate::gateway::frame::Window;
use crate::gateway::relay::LinkState;
use crate::gateway::store::StoreFault;
use crate::gateway::store::record::{Alarm, PART_ROOM_ALARM, RaisedAlarm, SPACE_ALARM, SpaceUse};
use crate::limits;
use crate::time::Timestamp;
use crate::trust::name::Ministry;

/// How much is taken from peers, as far as the whole gateway is concerned.
#[derive(Debug, Clone, Copy)]
pub(super) struct Allowance {
    /// What each session takes while there is room.
    pub(super) window: Window,
    /// Whether anything new is taken.
    has_room: bool,
}

impl Default for Allowance {
    fn default() -> Self {
        Self { window: Window::FULL, has_room: true }
    }
}

/// What was seen last.
#[derive(Debug, Default)]
pub(super) struct SpaceWatch {
    said: Option<&'static str>,
    /// What the alarm tells; none before the first look, because an earlier run may have left one.
    alarmed: Option<Option<&'static str>>,
    swept: Option<Timestamp>,
}

impl Gateway {
    /// One look. An alarm is raised when the room becomes short and cleared when there is room again.
    pub(super) async fn watch_space(&self, watch: &mut SpaceWatch) -> Result<(), Fault> {
        let space = self.store.space().await?;
        let short = shortage(&space);
        self.has_room(short.is_none());
        // The desk may have come in the very moment in which a window was shut.
        self.reopen().await?;
        if short != watch.said {
            let (free_bytes, needed_bytes, floor_bytes) = (space.free, space.backlog, space.floor);
            match short {
                Some(detail) => tracing::error!(free_bytes, needed_bytes, floor_bytes, "{detail}"),
                None => tracing::info!(free_bytes, "the store has room again"),
            }
            watch.said = short;
        }
        if Some(short) != watch.alarmed {
            match self.note_shortage(short).await {
                // Not even for that; it is tried again with the next look.
                Err(Fault::Store(StoreFault::NoSpace)) => {}
                noted => {
                    noted?;
                    watch.alarmed = Some(short);
                }
            }
        }
        let now = self.clock.now();
        // A part that was withdrawn is not offered again, and nobody says so.
        self.clear_without_room(|alarm| is_not_offered_any_more(alarm.time, now)).await?;
        if watch.swept.is_none_or(|swept| now >= swept.after(limits::SWEEP_PAUSE) || now < swept) {
            watch.swept = Some(now);
            let removed = self.store.sweep_parts(now).await?;
            if removed > 0 {
                tracing::info!(removed, "sealed parts were swept whose messages never came");
            }
        }
        Ok(())
    }

    /// Notes whether anything new is taken from peers.
    pub(super) fn has_room(&self, has_room: bool) {
        self.intake.send_if_modified(|intake| std::mem::replace(&mut intake.has_room, has_room) != has_room);
    }

    /// What is taken from a peer now.
    pub(super) fn window_for(&self, link: &LinkState) -> Window {
        let Allowance { window, has_room } = *self.intake.borrow();
        if has_room && !link.takes_nothing() { window } else { Window::SHUT }
    }

    /// The desk has taken up what waited for it: peers that had reached their quota may send again.
    pub(super) async fn reopen(&self) -> Result<(), Fault> {
        let shut: Vec<Ministry> = self
            .links()
            .iter()
            .filter(|(_, link)| link.takes_nothing())
            .map(|(peer, _)| peer.clone())
            .collect();
        if shut.is_empty() {
            return Ok(());
        }
        let quota = self.config.store.mailbox;
        for share in self.store.holdings(shut).await? {
            if share.mailbox.admits(0, &quota) {
                self.link_of(&share.ministry).is_full(false);
            }
        }
        Ok(())
    }

    /// A part does not fit: whoever sent it is told so and tries again, and our people must know as well. Whatever
    /// fails here was said to the peer already.
    pub(super) async fn note_without_room(&self, owner: &Ministry, digest: &Digest, size: u64) {
        if *owner == self.config.ministry {
            // The desk is told itself, and its person sits before it.
            return;
        }
        let noted = async {
            let space = self.store.space().await?;
            let named = part_words(digest);
            let standing = self.store.alarms().await?.into_iter().find(|alarm| {
                alarm.code == PART_ROOM_ALARM && alarm.ministry == *owner && alarm.detail.starts_with(&named)
            });
            // The same part says the same, or an acknowledged alarm would be new with every byte that changes.
            let promised = self.store.promised(owner.clone(), *digest).await?;
            let words = || without_room(&named, size, &space, promised);
            let detail = standing.map_or_else(words, |alarm| alarm.detail);
            let (code, ministry, time) = (PART_ROOM_ALARM.to_owned(), owner.clone(), self.clock.now());
            self.store.raise_alarm(Alarm { code, ministry, detail, time }).await
        };
        if let Err(cause) = noted.await {
            tracing::error!(peer = %owner, %cause, "an alarm about a part without room could not be kept");
        }
    }

    /// A part has come: where an alarm tells that it does not fit, its cause is gone.
    pub(super) async fn note_taken(&self, owner: &Ministry, digest: &Digest) {
        let over =
            |alarm: &RaisedAlarm| alarm.ministry == *owner && alarm.detail.starts_with(&part_words(digest));
        if let Err(cause) = self.clear_without_room(over).await {
            tracing::error!(peer = %owner, %cause, "an alarm about a part without room could not be cleared");
        }
    }

    /// Clears the alarms about parts without room that `over` says are over.
    async fn clear_without_room(&self, over: impl Fn(&RaisedAlarm) -> bool) -> Result<(), StoreFault> {
        let standing = self.store.alarms().await?;
        for alarm in standing.into_iter().filter(|alarm| alarm.code == PART_ROOM_ALARM && over(alarm)) {
            self.store.clear_alarm(PART_ROOM_ALARM, alarm.ministry, self.clock.now()).await?;
        }
        Ok(())
    }

    async fn note_shortage(&self, short: Option<&str>) -> Result<(), Fault> {
        let (ministry, time) = (self.config.ministry.clone(), self.clock.now());
        match short {
            Some(detail) => {
                let (code, detail) = (SPACE_ALARM.to_owned(), detail.to_owned());
                self.store.raise_alarm(Alarm { code, ministry, detail, time }).await?;
            }
            None => {
                self.store.clear_alarm(SPACE_ALARM, ministry, time).await?;
            }
        }
        Ok(())
    }
}

/// The beginning of what is said of a part that does not fit.
fn part_words(digest: &Digest) -> String {
    format!("part {} ", digest.hex().chars().take(12).collect::<String>())
}

/// Whether a part that was refused last at `refused` would have been offered again by `now`, if it were wanted.
fn is_not_offered_any_more(refused: Timestamp, now: Timestamp) -> bool {
    now > refused.after(limits::PART_OFFERED_AGAIN_MAX)
}

/// What is needed and what there is, in words.
fn without_room(named: &str, size: u64, space: &SpaceUse, promised: u64) -> String {
    let mib = |bytes: u64| bytes / (1024 * 1024);
    let taken = space.backlog.saturating_add(promised);
    let missing = size.saturating_add(space.floor).saturating_sub(space.free.saturating_sub(taken));
    let awaited = match mib(promised) {
        0 => String::new(),
        promised => format!(" but for {promised} MiB that are on their way"),
    };
    format!(
        "{named}of {} MiB does not fit: {} MiB are free{awaited} and {} MiB stay free, so {} MiB more are needed",
        mib(size),
        mib(space.free),
        mib(space.floor),
        mib(missing).saturating_add(1)
    )
}

/// What a person must know about the room, if anything.
fn shortage(space: &SpaceUse) -> Option<&'static str> {
    match (space.admits, space.ballast < space.ballast_wanted) {
        (false, true) => Some("the disk is full: the ballast was given away and nothing new is taken"),
        (false, false) => Some("the disk has less free than the floor: nothing new is taken"),
        (true, _) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_not_offered_any_more_after_the_longest_time_between_two_offers() {
        let refused = Timestamp::from_seconds(1_795_000_000);
        let last = refused.after(limits::PART_OFFERED_AGAIN_MAX);
        assert!(!is_not_offered_any_more(refused, last));
        assert!(is_not_offered_any_more(refused, Timestamp::from_seconds(last.seconds() + 1)));
        assert!(limits::PART_OFFERED_AGAIN_MAX > 2 * limits::RETRY_PAUSE_MAX, "or it flickers");
    }

    #[test]
    fn what_does_not_fit_says_what_it_needs_and_what_there_is() {
        let mib = 1024 * 1024;
        let (free, floor) = (426 * mib, 256 * mib);
        let space = SpaceUse { free, backlog: 0, floor, ballast: 0, ballast_wanted: 0, admits: true };
        let said = without_room("part 0417560a99ac ", 204 * mib, &space, 0);
        let expected =
            "part 0417560a99ac of 204 MiB does not fit: 426 MiB are free and 256 MiB stay free, so 35 MiB";
        assert!(said.starts_with(expected), "{said}");
        let said = without_room("part 0417560a99ac ", 150 * mib, &space, 40 * mib);
        assert!(said.contains("426 MiB are free but for 40 MiB that are on their way"), "{said}");
        assert!(said.ends_with("so 21 MiB more are needed"), "{said}");
    }

    #[test]
    fn a_shortage_says_whether_the_ballast_is_gone() {
        let space =
            |admits, ballast| SpaceUse { free: 1, backlog: 0, floor: 2, ballast, ballast_wanted: 9, admits };
        assert_eq!(shortage(&space(true, 9)), None);
        assert_eq!(shortage(&space(true, 0)), None, "it is laid in again by itself");
        assert!(shortage(&space(false, 9)).is_some_and(|text| text.contains("floor")));
        assert!(shortage(&space(false, 0)).is_some_and(|text| text.contains("given away")));
    }
}
