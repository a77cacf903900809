//! Dice: chance that falls the same way whenever the same seed is thrown, so that a rehearsal can be repeated.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::digest::Digest;
use crate::entropy::{Entropy, NoEntropy};

/// Bytes drawn from a seed. For rehearsals alone: whoever knows the seed knows them all.
pub(super) struct Dice {
    thrown: String,
    count: AtomicU64,
}

impl Dice {
    /// Dice for one purpose; those for another fall differently.
    pub(super) fn thrown(seed: u64, purpose: &str) -> Self {
        Self { thrown: format!("{seed}/{purpose}"), count: AtomicU64::new(0) }
    }

    /// A length of time between these two, in whole minutes.
    pub(super) fn between(&self, least: Duration, most: Duration) -> Duration {
        let minutes = most.saturating_sub(least).as_secs() / 60;
        let mut drawn = [0; 8];
        // Dice never fail to fall; a delay of nought extra would be as good as any.
        let _ = self.fill(&mut drawn);
        let extra = u64::from_be_bytes(drawn).checked_rem(minutes.saturating_add(1)).unwrap_or(0);
        least.saturating_add(Duration::from_secs(extra.saturating_mul(60)))
    }
}

impl Entropy for Dice {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoEntropy> {
        for chunk in bytes.chunks_mut(32) {
            let number = self.count.fetch_add(1, Ordering::Relaxed);
            let drawn = Digest::of(format!("{}/{number}", self.thrown).as_bytes());
            for (byte, value) in chunk.iter_mut().zip(drawn.as_bytes()) {
                *byte = *value;
            }
        }
        Ok(())
    }
}

impl std::fmt::Debug for Dice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Dice")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::random;

    #[test]
    fn the_same_seed_falls_the_same_way_and_another_one_does_not() {
        let throw = |seed, purpose| random::<40>(&Dice::thrown(seed, purpose)).unwrap();
        assert_eq!(throw(7, "salt"), throw(7, "salt"));
        assert_ne!(throw(7, "salt"), throw(8, "salt"));
        assert_ne!(throw(7, "salt"), throw(7, "delay"));
        let dice = Dice::thrown(1, "");
        assert_ne!(random::<8>(&dice), random::<8>(&dice));
    }

    #[test]
    fn a_delay_lies_between_its_bounds() {
        let (least, most) = (Duration::from_secs(60), Duration::from_secs(240));
        let dice = Dice::thrown(3, "delay");
        let drawn: std::collections::BTreeSet<u64> =
            (0..200).map(|_| dice.between(least, most).as_secs()).collect();
        assert_eq!(drawn.into_iter().collect::<Vec<_>>(), [60, 120, 180, 240]);
    }
}
