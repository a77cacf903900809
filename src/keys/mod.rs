//! Where keys live, and the ministry's own certificate authorities.
//!
//! Paths, passphrases and names enter; opened keys (`Signer`, `NoteSigner`, reading keys), certificates
//! and revocation lists leave. This room alone reads and writes private keys. It must never print a secret,
//! write one into a file that others may read, overwrite one, or issue a certificate for another name than
//! the one that was asked for. It reads no clock: the instant is an argument.

pub mod authority;
pub mod branch;
mod error;
pub mod expiry;
pub mod file;
pub mod generate;
pub mod home;
pub mod ministry;
mod passphrase;
mod private_key;
mod reading;
mod register;
pub mod request;
pub mod revocation;
pub mod rotation;
pub mod secret_file;
pub mod settings;
mod signing;

pub use error::KeyError;
pub use passphrase::{InvalidPassphrase, Passphrase};
pub use private_key::{KeyKind, PrivateKey, PrivateKeyRefusal};
pub use reading::{open_identity, open_reading_key, save_reading_key};
pub use register::{BundlePosition, IssuedRecord};

#[cfg(test)]
mod tests;
