//! CRC-32 as zip files use it (polynomial 0xEDB88320, reflected). It finds accidents; attackers are found by
//! digests and signatures.

use std::array;
use std::sync::LazyLock;

static TABLE: LazyLock<[u32; 256]> = LazyLock::new(|| array::from_fn(|byte| remainder(byte as u32)));

/// A checksum in the making.
#[derive(Debug, Clone, Copy)]
pub(super) struct Crc(u32);

impl Crc {
    /// Of no bytes yet.
    pub(super) const fn new() -> Self {
        Self(u32::MAX)
    }

    /// Adds the next bytes.
    pub(super) fn update(&mut self, bytes: &[u8]) {
        let table = &*TABLE;
        self.0 = bytes.iter().fold(self.0, |crc, byte| {
            let [low, ..] = crc.to_le_bytes();
            table.get(usize::from(low ^ byte)).copied().unwrap_or_default() ^ (crc >> 8)
        });
    }

    /// The checksum of everything added.
    pub(super) const fn finish(self) -> u32 {
        !self.0
    }
}

fn remainder(byte: u32) -> u32 {
    (0..8).fold(byte, |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_of_the_check_string_is_the_published_one() {
        let mut crc = Crc::new();
        crc.update(b"1234");
        crc.update(b"56789");
        assert_eq!(crc.finish(), 0xCBF4_3926);
        assert_eq!(Crc::new().finish(), 0);
    }
}
