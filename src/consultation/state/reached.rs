//! The words for where a case stands and for what stops it (domain 5.3).

use std::fmt;

use crate::consultation::words::HandoverOutcome;
use crate::vocabulary;

/// How far a case came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// No case exists.
    Unknown,
    /// The case is registered.
    Registered,
    /// A live proposal of exchange lists the person.
    Proposed,
    /// A transfer was requested, and not declined.
    Requested,
    /// An agreement covers the person.
    Agreed,
    /// The handover is arranged and confirmed.
    Arranged,
    /// He may leave now.
    Cleared,
    /// Something stops the case.
    Held,
    /// The handover was reported, and not by both sides yet.
    ReportedOnce,
    /// All reports agree that he was handed over.
    HandedOver,
    /// All reports agree that he was not, and how it came.
    Remains(HandoverOutcome),
    /// The reports differ.
    Disputed,
    /// He was handed over although something stopped it.
    Irregular,
    /// He died.
    Deceased,
}

impl fmt::Display for Stage {
    /// The term, and for those who remain the outcome: `REMAINS(SUBSTITUTED)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let term = match self {
            Self::Unknown => "UNKNOWN",
            Self::Registered => "REGISTERED",
            Self::Proposed => "PROPOSED",
            Self::Requested => "REQUESTED",
            Self::Agreed => "AGREED",
            Self::Arranged => "ARRANGED",
            Self::Cleared => "CLEARED",
            Self::Held => "HELD",
            Self::ReportedOnce => "REPORTED_ONCE",
            Self::HandedOver => "HANDED_OVER",
            Self::Remains(outcome) => return write!(f, "REMAINS({outcome})"),
            Self::Disputed => "DISPUTED",
            Self::Irregular => "IRREGULAR",
            Self::Deceased => "DECEASED",
        };
        f.write_str(term)
    }
}

vocabulary! {
    /// What stops a case, or stood against a handover that took place.
    pub enum Facet {
        /// A hold.
        Hold = 1 "HOLD",
        /// The person's will.
        Will = 2 "WILL",
        /// Substantial grounds for fear; at a handover also what had cleared the place or was assured of it, and was
        /// taken back.
        Protection = 3 "PROTECTION",
        /// No agreement in force and no arrangement covered it, it came before or long after the window, or something
        /// else was agreed since.
        Commitment = 4 "COMMITMENT",
        /// A physician found him unfit to travel.
        Medical = 5 "MEDICAL",
        /// Proceedings at law.
        Judicial = 6 "JUDICIAL",
        /// An exposure that the Detaining Power has not assessed.
        Incident = 7 "INCIDENT",
        /// Somebody said NO GO.
        NoGo = 8 "NO_GO",
        /// His case said that he is no prisoner of war, or no more.
        Status = 9 "STATUS",
        /// A Power had adjourned the consultation, or all had concluded it.
        Consultation = 10 "CONSULTATION",
        /// A notice said that he had died.
        Death = 11 "DEATH",
    }
}
