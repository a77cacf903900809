//! Whose keys are believed, for what, and when. Pure: certificates, signatures, bundles and an instant
//! enter; names and verdicts leave. Nothing here reads a clock, a file or the network, and nothing here
//! trusts a root that was not accredited.

pub mod anchor;
pub mod bundle;
pub mod chain;
pub mod endpoint;
pub mod fingerprint;
pub mod name;
pub mod policy;
pub mod revocation;
pub mod role;
pub mod signature;
pub mod subject;

mod certificate;
mod cms;
mod record;

#[cfg(test)]
pub(crate) mod testing;
