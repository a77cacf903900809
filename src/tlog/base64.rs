//! Base64 with one spelling for each byte string (RFC 4648 section 4).
//!
//! The decoder of `data_encoding` also accepts several padded texts in a row; what is signed or compared as
//! text must not.

use data_encoding::BASE64;

/// The text of `bytes`.
pub(super) fn encode(bytes: &[u8]) -> String {
    BASE64.encode(bytes)
}

/// The bytes of a text; nothing if it is not exactly what `encode` writes.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    BASE64.decode(text.as_bytes()).ok().filter(|bytes| encode(bytes) == text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn padding_inside_left_out_or_with_stray_bits_is_refused() {
        assert_eq!(decode("AAQ="), Some(vec![0, 4]));
        for text in ["AAQ=AgAg", "AA==AA==", "AAQ", "AAR=", "AAQ=\n", " AAQ=", "AA_-", "====", "="] {
            assert_eq!(decode(text), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn bytes_read_back_and_texts_have_one_spelling(bytes: Vec<u8>, text in "[AQg+/=]{0,12}") {
            prop_assert_eq!(decode(&encode(&bytes)), Some(bytes));
            if let Some(decoded) = decode(&text) {
                prop_assert_eq!(encode(&decoded), text);
            }
        }
    }
}
