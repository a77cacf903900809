//! The text form of age keys: Bech32 (BIP 173) without its length limit.

use bech32::{Bech32, Checksum, Hrp, primitives::decode::CheckedHrpstring};
use zeroize::Zeroizing;

/// A text that is not the key it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an age key: {0}")]
pub struct InvalidKey(pub(super) &'static str);

impl InvalidKey {
    /// The stable reason code.
    pub fn reason(&self) -> &'static str {
        "SEAL_KEY_INVALID"
    }
}

/// Bech32 as age uses it: the checksum of BIP 173, texts as long as a hybrid recipient (1,959 characters).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LongBech32 {}

impl Checksum for LongBech32 {
    type MidstateRepr = <Bech32 as Checksum>::MidstateRepr;
    const CHECKSUM_LENGTH: usize = Bech32::CHECKSUM_LENGTH;
    const CODE_LENGTH: usize = 4096;
    const GENERATOR_SH: [Self::MidstateRepr; 5] = Bech32::GENERATOR_SH;
    const TARGET_RESIDUE: Self::MidstateRepr = Bech32::TARGET_RESIDUE;
}

/// Lower-case text of `bytes` under `prefix`; `None` only for a prefix or length that no key has.
pub(super) fn encode(prefix: &str, bytes: &[u8]) -> Option<String> {
    bech32::encode::<LongBech32>(Hrp::parse(prefix).ok()?, bytes).ok()
}

/// Upper-case text of a secret.
pub(super) fn encode_secret(prefix: &str, bytes: &[u8]) -> Option<Zeroizing<String>> {
    bech32::encode_upper::<LongBech32>(Hrp::parse(prefix).ok()?, bytes).ok().map(Zeroizing::new)
}

/// The `N` bytes under `prefix`, which is compared in the case it is given in: age recipients are lower
/// case, age secrets upper case, and a key has one text form only.
pub(super) fn decode<const N: usize>(prefix: &str, text: &str) -> Result<Zeroizing<[u8; N]>, InvalidKey> {
    if !text.starts_with(prefix) {
        return Err(InvalidKey("the prefix is another one"));
    }
    let checked =
        CheckedHrpstring::new::<LongBech32>(text).map_err(|_| InvalidKey("the checksum is wrong"))?;
    if !checked.hrp().as_str().eq_ignore_ascii_case(prefix) {
        return Err(InvalidKey("the prefix is another one"));
    }
    let mut bytes = Zeroizing::new([0; N]);
    let mut decoded = checked.byte_iter();
    if decoded.len() != N {
        return Err(InvalidKey("the length is wrong"));
    }
    for (to, from) in bytes.iter_mut().zip(&mut decoded) {
        *to = from;
    }
    let again = Zeroizing::new(encode(&prefix.to_ascii_lowercase(), bytes.as_slice()).unwrap_or_default());
    if !again.eq_ignore_ascii_case(text) {
        return Err(InvalidKey("the text is not canonical"));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the age specification.
    const SECRET: &str = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX";

    #[test]
    fn the_secret_of_the_specification_is_read_and_written() {
        let bytes = decode::<32>("AGE-SECRET-KEY-", SECRET).unwrap();
        assert_eq!(*bytes, [0x42; 32]);
        assert_eq!(encode_secret("AGE-SECRET-KEY-", bytes.as_slice()).unwrap().as_str(), SECRET);
    }

    #[test]
    fn another_prefix_length_case_or_character_is_refused() {
        assert!(decode::<32>("AGE-SECRET-KEY-PQ-", SECRET).is_err());
        assert!(decode::<31>("AGE-SECRET-KEY-", SECRET).is_err());
        assert!(decode::<32>("AGE-SECRET-KEY-", &SECRET.to_lowercase()).is_err());
        for index in 0..SECRET.len() {
            let mut text = SECRET.to_owned();
            text.replace_range(index..=index, if &SECRET[index..=index] == "Q" { "P" } else { "Q" });
            assert!(decode::<32>("AGE-SECRET-KEY-", &text).is_err(), "{text}");
        }
    }
}
