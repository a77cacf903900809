//! `Stanza`: one recipient's copy of the file key in an age header.

use super::{FileKey, OpenError, Opener, hybrid, passphrase, x25519};

/// One recipient stanza of an age header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stanza {
    /// Recipient type, such as `mlkem768x25519`.
    pub kind: String,
    /// Further arguments of the stanza line.
    pub arguments: Vec<String>,
    /// Decoded body.
    pub body: Vec<u8>,
}

impl Stanza {
    /// Refuses a stanza of a kind we know whose form is not the one the format prescribes.
    ///
    /// Kinds we do not know pass: the format tells readers to ignore them.
    pub(super) fn check_form(&self) -> Result<(), OpenError> {
        match self.kind.as_str() {
            hybrid::KIND => hybrid::encapsulated(self).map(drop),
            x25519::KIND => x25519::share(self).map(drop),
            passphrase::KIND => passphrase::lock(self).map(drop),
            _ => Ok(()),
        }
        .map_err(OpenError::Malformed)
    }

    /// Refuses a key share that would make the X25519 secret the same for everybody.
    fn check_share(&self) -> Result<(), OpenError> {
        let share = match self.kind.as_str() {
            hybrid::KIND => hybrid::encapsulated(self).map(|encapsulated| encapsulated.share()),
            x25519::KIND => x25519::share(self),
            _ => return Ok(()),
        }
        .map_err(OpenError::Malformed)?;
        if x25519::is_low_order(&share) {
            return Err(OpenError::Malformed("a key share has low order"));
        }
        Ok(())
    }
}

/// The file key in the first of `stanzas` that one of `openers` opens, or else one of the further ones of them.
pub(super) fn unwrap(stanzas: &[Stanza], openers: &[&dyn Opener]) -> Result<FileKey, OpenError> {
    match unwrap_with(stanzas, openers) {
        Err(OpenError::NotForUs) => {
            let further: Vec<&dyn Opener> = openers.iter().flat_map(|opener| opener.further()).collect();
            if further.is_empty() { Err(OpenError::NotForUs) } else { unwrap_with(stanzas, &further) }
        }
        outcome => outcome,
    }
}

fn unwrap_with(stanzas: &[Stanza], openers: &[&dyn Opener]) -> Result<FileKey, OpenError> {
    for stanza in stanzas {
        stanza.check_share()?;
        for opener in openers {
            if let Some(bytes) = opener.unwrap(stanza) {
                return Ok(FileKey::from_bytes(bytes));
            }
        }
    }
    Err(OpenError::NotForUs)
}

/// Decodes exactly `N` bytes of canonical base64 without padding.
pub(super) fn decode_exact<const N: usize>(text: &str) -> Option<[u8; N]> {
    data_encoding::BASE64_NOPAD.decode(text.as_bytes()).ok()?.try_into().ok()
}
