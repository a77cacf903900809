//! Evidence files: one message or a whole consultation, provable to people who have neither our software nor
//! a connection to anybody.
//!
//! Signed headers, sealed parts, receipts and trust bundles enter; one zip file leaves, and later a report on
//! it. `write` makes the file, `verify` judges it against what the caller trusts. What must never happen:
//! something in a file vouches for the file; a binding is taken for granted because another one holds; a name
//! from the file becomes a path; a byte of the file can change without the verdict changing.
//!
//! | file | holds |
//! |---|---|
//! | `container` | the zip: stored entries in one canonical layout, written and read |
//! | `paper`, `contents` | a message as it stands in a file, and which entries a file must have |
//! | `guide` | what is in the file for people: README, manifest, scripts, policies |
//! | `standing` | the ministries' bundles, and whether the caller trusts them |
//! | `log`, `disclosure` | what receipts and disclosed keys prove |
//! | `findings` | whether each entry holds what it must |
//! | `writer`, `reading`, `verifier`, `report` | the two directions |
//! | `release` | disclosed content, after a good verdict |

mod container;
mod contents;
mod disclosure;
mod findings;
mod guide;
mod log;
mod paper;
mod reading;
mod release;
mod report;
mod standing;
mod verifier;
mod writer;

pub use disclosure::PROTECTIVE_KINDS;
pub use paper::AnswerKind;
pub use release::{Piece, release};
pub use report::{Check, MessageReport, MinistryReport, Outcome, Report, Verdict};
pub use standing::{TrustBasis, first_proving};
pub use verifier::{readme, verify};
pub use writer::{Exhibit, PartSource, WriteError, write};

#[cfg(test)]
mod tests;
