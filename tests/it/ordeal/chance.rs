//! Chance that can be repeated: a seed, and numbers that follow from it (SplitMix64).

use chancery::entropy::{SystemEntropy, random};

use super::wish;

/// A source of numbers.
#[derive(Debug, Clone)]
pub struct Chance(u64);

impl Chance {
    /// From `CHANCERY_SEED`, or from a new seed that is printed with what it is for.
    pub fn draw(what: &str) -> Self {
        let fresh = || u64::from(u32::from_le_bytes(random::<4>(&SystemEntropy).unwrap()));
        let seed = wish("CHANCERY_SEED").unwrap_or_else(fresh);
        eprintln!("{what}: CHANCERY_SEED={seed}");
        Self(seed)
    }

    /// Another source, for another purpose.
    pub fn fork(&mut self) -> Self {
        Self(self.number())
    }

    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from `low` up to, not including, `high`.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.number() % (high - low)
    }

    pub fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes: Vec<u8> = (0..length.div_ceil(8)).flat_map(|_| self.number().to_le_bytes()).collect();
        bytes.truncate(length);
        bytes
    }
}
