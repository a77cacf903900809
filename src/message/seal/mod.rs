//! Sealing: age v1 files (c2sp.org/age) to the post-quantum hybrid recipient `mlkem768x25519`, padded.
//!
//! Plaintext, recipients and randomness enter; sealed parts leave. Sealed bytes and openers enter; plaintext
//! leaves. What must never happen: plaintext of a part leaves before its last chunk was verified; a part is
//! sealed to a recipient that a quantum computer opens; a length is visible outside the seal.
//!
//! | file | holds |
//! |---|---|
//! | `part` | sealed parts: padded, hybrid recipients only; `seal`, `open` and their streams |
//! | `file` | plain age files without padding: the layer below, key files and test vectors |
//! | `stream` | the same for files whose length is known at their end only: backups |
//! | `header`, `payload`, `padding` | the three layers of a sealed part |
//! | `hybrid`, `x25519`, `passphrase` | the kinds of recipients and their keys |

mod error;
mod file;
mod file_key;
mod header;
mod hybrid;
mod padding;
mod part;
mod passphrase;
mod payload;
mod recipient;
mod stanza;
mod stream;
mod text;
mod x25519;

use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

pub use error::{OpenError, SealError};
pub use file::{SealedFor, decrypt, decrypt_stream, encrypt, sealed_for};
pub use file_key::{FileKey, InvalidFileKey};
pub use hybrid::ReadingKey;
pub use padding::padded_size;
pub use part::{
    Opened, Sealed, SealedStream, Unlock, file_key, open, open_stream, open_with_file_key, seal, seal_stream,
    sealed_size,
};
pub use passphrase::{PassphraseKey, protect, protect_with_work, unprotect};
pub use recipient::Recipient;
pub use stanza::Stanza;
pub use stream::{Opening, Sealing};
pub use text::InvalidKey;
pub use x25519::X25519Key;

/// Opens file keys with a long-lived reading key (port): keys in files, later keys in hardware.
pub trait Opener: Send + Sync + fmt::Debug {
    /// Tries to unwrap the file key from one recipient stanza; `None` where the stanza is not for this key.
    ///
    /// Whoever calls it has already refused stanzas of malformed form and key shares of low order, as all
    /// functions of this room do.
    fn unwrap(&self, stanza: &Stanza) -> Option<Zeroizing<[u8; 16]>>;

    /// Others of the same holder, such as keys of former years. They are asked only where nobody else opens a file,
    /// because getting at them may take long.
    fn further(&self) -> Vec<&dyn Opener> {
        Vec::new()
    }
}

impl<Shared: Opener + ?Sized> Opener for Arc<Shared> {
    fn unwrap(&self, stanza: &Stanza) -> Option<Zeroizing<[u8; 16]>> {
        self.as_ref().unwrap(stanza)
    }

    fn further(&self) -> Vec<&dyn Opener> {
        self.as_ref().further()
    }
}
