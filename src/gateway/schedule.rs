//! When a message is tried again and what goes first, as pure functions of instants, counts and a random draw.
//! What they decide is kept in the store, so that it outlives the process.
//!
//! No instant is believed beyond the longest pause: a clock that ran ahead, or was turned back, delays a
//! message by one longest pause at most. Within a sequence the order of the numbers is never broken; across
//! sequences the more urgent goes first, and a message lends its urgency to those that it waits behind.

use std::cmp::Reverse;
use std::collections::VecDeque;
use std::time::Duration;

use crate::limits::{RETRY_PAUSE_MAX, RETRY_PAUSE_MIN};
use crate::message::terms::Precedence;
use crate::time::Timestamp;

/// The urgencies there are, greatest first (ACP 121: flash, immediate, priority, routine).
pub const PRECEDENCES: [u8; 4] = [FLASH, IMMEDIATE, Precedence::Priority as u8, Precedence::Routine as u8];
/// The greatest urgency: held by force only.
pub const FLASH: u8 = Precedence::Flash as u8;
/// From here on people are alarmed when a message expires or waits behind a held one.
pub const IMMEDIATE: u8 = Precedence::Immediate as u8;

/// A precedence as people say it.
pub fn precedence_word(precedence: u8) -> &'static str {
    Precedence::from_number(i32::from(precedence)).map_or("unknown here", Precedence::word)
}

/// Exponential pause with full jitter after so many failures in a row: between the shortest pause and its
/// double per failure, never longer than the longest. `draw` is random, uniform over all its values.
pub fn pause(failures: u32, draw: u32) -> Duration {
    let doubled = RETRY_PAUSE_MIN.saturating_mul(2_u32.saturating_pow(failures.min(16)));
    let most = doubled.min(RETRY_PAUSE_MAX);
    RETRY_PAUSE_MIN + most.saturating_sub(RETRY_PAUSE_MIN).mul_f64(f64::from(draw) / f64::from(u32::MAX))
}

/// Whether a message whose next attempt is set for `next` may be carried at `now`. No pause is longer than the
/// longest: an instant beyond it was written by a clock that ran ahead.
pub fn is_due(next: Timestamp, now: Timestamp) -> bool {
    next <= now || next > now.after(RETRY_PAUSE_MAX)
}

/// How long to sleep until `next`, at least the shortest and at most the longest pause; the longest where
/// nothing waits.
pub fn wait(next: Option<Timestamp>, now: Timestamp) -> Duration {
    let Some(next) = next.filter(|next| !is_due(*next, now)) else {
        return if next.is_some() { RETRY_PAUSE_MIN } else { RETRY_PAUSE_MAX };
    };
    let seconds = u64::try_from(next.seconds().saturating_sub(now.seconds())).unwrap_or(0);
    Duration::from_secs(seconds).clamp(RETRY_PAUSE_MIN, RETRY_PAUSE_MAX)
}

/// A message that may be carried now, and what it is ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// Number in the order of custody; rises along every sequence.
    pub message: i64,
    /// Urgency, its own or lent.
    pub urgency: u8,
}

/// Lends to each message of a sequence the greatest urgency of what stands behind it; `behind` is that of
/// everything behind the last one.
pub fn lend(line: &mut VecDeque<Candidate>, behind: u8) {
    let mut urgency = behind;
    for candidate in line.iter_mut().rev() {
        urgency = urgency.max(candidate.urgency);
        candidate.urgency = urgency;
    }
}

/// All candidates in the order in which they go: the most urgent first, among equals the one that came into
/// custody first. Urgency that was lent never rises along a sequence and numbers always do, so no sequence is
/// reordered.
pub fn order(lines: Vec<VecDeque<Candidate>>) -> Vec<i64> {
    let mut all: Vec<Candidate> = lines.into_iter().flatten().collect();
    all.sort_by_key(|candidate| (Reverse(candidate.urgency), candidate.message));
    all.into_iter().map(|candidate| candidate.message).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_pause_is_bounded_and_its_bound_doubles(failures in any::<u32>(), draw in any::<u32>()) {
            let pause = super::pause(failures, draw);
            prop_assert!((RETRY_PAUSE_MIN..=RETRY_PAUSE_MAX).contains(&pause), "{pause:?}");
            let most = super::pause(failures, u32::MAX);
            prop_assert!(pause <= most && super::pause(failures, 0) == RETRY_PAUSE_MIN);
            let next = super::pause(failures.saturating_add(1), u32::MAX);
            prop_assert!(next >= most && next <= most * 2);
        }

        #[test]
        fn no_clock_strands_a_message_for_longer_than_the_longest_pause(
            next in -4_000_000_000_i64..8_000_000_000, now in 0_i64..4_000_000_000,
        ) {
            let (next, now) = (Timestamp::from_seconds(next), Timestamp::from_seconds(now));
            let waited = wait(Some(next), now);
            prop_assert!((RETRY_PAUSE_MIN..=RETRY_PAUSE_MAX).contains(&waited));
            prop_assert!(is_due(next, now) || is_due(next, now.after(waited)));
            // A clock that is turned back afterwards does not strand it either.
            let back = now.before(Duration::from_secs(86_400 * 365));
            let longest = (0..=RETRY_PAUSE_MAX.as_secs()).map(|later| back.after(Duration::from_secs(later)));
            prop_assert!(longest.into_iter().any(|at| is_due(next, at)));
        }

        #[test]
        fn sequences_keep_their_order_and_the_urgent_goes_first(
            taken in prop::collection::vec((0..4_usize, 1..=4_u8), 0..40), behind in 0..=4_u8,
        ) {
            let mut lines: BTreeMap<usize, VecDeque<Candidate>> = BTreeMap::new();
            for (message, (line, urgency)) in (1_i64..).zip(&taken) {
                lines.entry(*line).or_default().push_back(Candidate { message, urgency: *urgency });
            }
            let own = lines.clone();
            lines.values_mut().for_each(|line| lend(line, behind));
            let ordered = order(lines.into_values().collect());
            prop_assert_eq!(ordered.len(), taken.len());
            let place = |message: i64| ordered.iter().position(|one| *one == message).unwrap();
            for line in own.values() {
                let places: Vec<usize> = line.iter().map(|one| place(one.message)).collect();
                prop_assert!(places.is_sorted(), "{:?}", places);
            }
            // What may go now and is most urgent goes before everything that holds up nothing so urgent.
            for (line, messages) in &own {
                for (at, urgent) in messages.iter().enumerate() {
                    let others = own.iter().filter(|(other, _)| *other != line).flat_map(|(_, other)| {
                        let lent = |from: usize| other.range(from..).map(|one| one.urgency).chain([behind]).max();
                        other.iter().enumerate().map(move |(index, one)| (one, lent(index).unwrap_or(0)))
                    });
                    for (other, lent) in others.filter(|(_, lent)| *lent < urgent.urgency) {
                        let first = messages[at].message;
                        prop_assert!(place(first) < place(other.message), "{} {}", other.message, lent);
                    }
                }
            }
        }
    }

    #[test]
    fn what_waits_for_nothing_sleeps_longest_and_what_is_due_shortest() {
        let now = Timestamp::from_seconds(1_000);
        assert_eq!(wait(None, now), RETRY_PAUSE_MAX);
        assert_eq!(wait(Some(now), now), RETRY_PAUSE_MIN);
        assert_eq!(wait(Some(Timestamp::from_seconds(1_007)), now), Duration::from_secs(7));
        assert_eq!(wait(Some(Timestamp::from_seconds(9_000)), now), RETRY_PAUSE_MIN);
    }
}
