//! Drafts in clearance: a composed dispatch on its way between the offices of one ministry, as a file.
//!
//! ```text
//! form --compose--> draft --sign--> cleared --sign--> initialled, sealed --release--> registered, on its way
//!                     |                                     |
//!                     +------ cancel: its number is void    +-- a later act touched it: rebase, and clear again
//! ```
//!
//! A form enters; a file leaves that holds the exact bytes of address and dispatch, the documents, and the signatures
//! given so far, each a detached CMS signature over the same dispatch bytes. Which offices sign was listed in the
//! dispatch when it was composed. The register knows every draft by its digest and state, so that a formal number is
//! given once, and no draft is released twice.
//!
//! What must never happen: a draft that is released without every signature it lists, or on a past that is not known
//! any more; an office that signs what it was not shown; a protective act that comes here. The file holds plain text
//! and lies where the officer says, closed to others.
//!
//! | file | does |
//! |---|---|
//! | `file` | the draft, and the text of its file: read strictly, written |
//! | `standing` | who has signed, and who must next |
//! | `compose` | composed, based on a later past, cancelled |
//! | `sign` | one more authentication |
//! | `release` | judged again, and released; or why not |

mod compose;
mod file;
mod release;
mod sign;
mod standing;

pub use file::DraftFile;
pub use standing::{Standing, Step};

use crate::message::terms::AuthenticationKind;
use crate::time::Timestamp;
use crate::trust::name::Name;

/// Why a draft cannot go this step.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DraftRefusal {
    /// The text is not one of a draft in clearance.
    #[error("this is not a draft in clearance: {0}")]
    Malformed(String),
    /// What it holds does not fit together: proven to be another thing than what was signed.
    #[error("the draft was altered: {0}")]
    Altered(String),
    /// A signature on it is not believed now: altered, or its office was revoked or its certificate ended.
    #[error("the {kind} by {credential} does not hold: {cause}")]
    Signature {
        /// What it stands for.
        kind: AuthenticationKind,
        /// Whose it is to be.
        credential: Name,
        /// Why it is not believed.
        cause: String,
    },
    /// It is not of this ministry.
    #[error("the draft is one of {0}")]
    OtherMinistry(String),
    /// The office is not among those that sign it.
    #[error("{0} is not among the offices that sign this draft")]
    NotListed(String),
    /// The office has signed it.
    #[error("{0} has signed this draft")]
    AlreadySigned(String),
    /// Others sign before.
    #[error("{0} come first: {1}")]
    NotYet(&'static str, String),
    /// Signatures are missing.
    #[error("not signed yet: {0}")]
    Unsigned(String),
    /// A later act touches what it is about.
    #[error(
        "since it was composed, {0} came about what it says: it rests on a past that is not the present one"
    )]
    StaleBasis(String),
    /// It was released.
    #[error("the draft was released before")]
    AlreadyReleased,
    /// It was cancelled, and its number is void.
    #[error("the draft was cancelled, and its number is void")]
    Cancelled,
    /// A later version of it was composed.
    #[error("a later version of this draft was composed; this one is void")]
    Superseded,
    /// The register does not know it.
    #[error("the register of this desk does not know this draft")]
    Unknown,
    /// A document that was uploaded for it is not here any more.
    #[error("a document that was uploaded for this draft is not kept any more: upload it and draft anew")]
    DocumentGone,
    /// Its formal number is of another year.
    #[error("its formal number is of the year {0}, which is over")]
    YearOver(i16),
    /// Its formal number is that of another message: this register was restored, and that one came back.
    #[error("its formal number {1} of {0} is that of a message which this register had lost and has back")]
    NumberTaken(i16, u32),
    /// It ends before it could be delivered.
    #[error("it was valid until {0}")]
    Expired(Timestamp),
    /// A protective act goes at once.
    #[error("a protective act waits for nobody: send it")]
    Protective,
}

impl DraftRefusal {
    /// The stable reason code.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "DRAFT_MALFORMED",
            Self::Altered(_) => "DRAFT_ALTERED",
            Self::Signature { .. } => "AUTHENTICATION_INVALID",
            Self::OtherMinistry(_) => "OTHER_MINISTRY",
            Self::NotListed(_) => "NOT_LISTED",
            Self::AlreadySigned(_) => "ALREADY_SIGNED",
            Self::NotYet(..) => "NOT_YET_CLEARED",
            Self::Unsigned(_) => "NOT_SIGNED",
            Self::StaleBasis(_) => "STALE_BASIS",
            Self::AlreadyReleased => "ALREADY_RELEASED",
            Self::Cancelled => "DRAFT_CANCELLED",
            Self::Superseded => "DRAFT_SUPERSEDED",
            Self::Unknown => "DRAFT_UNKNOWN",
            Self::DocumentGone => "DOCUMENT_GONE",
            Self::YearOver(_) => "NUMBER_OF_ANOTHER_YEAR",
            Self::NumberTaken(..) => "NUMBER_TAKEN",
            Self::Expired(_) => "DRAFT_EXPIRED",
            Self::Protective => "PROTECTIVE_ACT",
        }
    }
}
