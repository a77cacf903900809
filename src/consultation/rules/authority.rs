//! `AuthorityFacts`: who drafted, cleared and signs a dispatch, and what their certificates permitted. The desk gathers
//! it from dispatch and certificates; the ROL rules read it.
//!
//! Before release certificates are judged as they stand then. At a receiver they are judged as they stood when its own
//! gateway took custody, because what a header says of its release is the sender's word and a revoked key could say
//! anything. So a copy that is on its way over the end or the revocation of a certificate may be good at one desk and
//! not at another: ROL_02 is no part of the verdict that all desks share.

use crate::digest::Digest;
use crate::message::dispatch::ExpectedAuthentication;
use crate::message::terms::AuthenticationKind;
use crate::trust::name::{Authority, Name};
use crate::vocabulary;

/// Who stands behind a dispatch: the dispatch says who, and certificates say what, as this desk may believe them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuthorityFacts {
    /// The office that drafted it; none where the dispatch names none.
    pub drafter: Option<Name>,
    /// The clearances it bears.
    pub clearances: Vec<Clearance>,
    /// Every office that signs it, with what its certificate says; each once.
    pub offices: Vec<OfficeFacts>,
}

/// An office that signs, as its certificate stood at release, or when our own gateway took custody of what came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfficeFacts {
    /// The office.
    pub office: Name,
    /// What its certificate lets it do.
    pub authorities: Vec<Authority>,
    /// Whether the certificate was good then.
    pub validity: Validity,
    /// SHA-256 of its public key: two names with one key are one hand. None where no certificate is known.
    pub key: Option<Digest>,
}

/// Whether a certificate was good at an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Validity {
    /// It was not yet or no longer valid.
    OutOfTime,
    /// It had been revoked.
    Revoked,
    /// There is none that we believe.
    Unknown,
    /// It was good.
    Valid,
}

vocabulary! {
    /// What an office cleared a draft for.
    pub enum ClearanceKind {
        /// Law: demanded of whatever concludes (ROL-03).
        Legal = 1 "LEGAL",
        /// The policy towards the Powers concerned.
        Regional = 2 "REGIONAL",
    }
}

/// A clearance given before release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clearance {
    /// What for.
    pub kind: ClearanceKind,
    /// The office that gave it.
    pub office: Name,
}

impl AuthorityFacts {
    /// What is known of an office that signs.
    pub fn office(&self, name: &Name) -> Option<&OfficeFacts> {
        self.offices.iter().find(|facts| facts.office == *name)
    }

    /// Whether two names are one hand: one name, or one key behind both.
    pub fn is_one_hand(&self, one: &Name, other: &Name) -> bool {
        let key = |name: &Name| self.office(name).and_then(|facts| facts.key);
        one == other || key(one).is_some_and(|known| key(other) == Some(known))
    }

    /// Facts of good offices that hold exactly what the listed signatures need, drafted by another office: for desks
    /// without certificates, such as rehearsals and tests.
    pub fn granting(authentications: &[ExpectedAuthentication], drafter: Option<Name>) -> Self {
        let mut facts = Self { drafter, ..Self::default() };
        for expected in authentications {
            let authority = expected.kind.authority();
            match facts.offices.iter_mut().find(|known| known.office == expected.credential) {
                Some(known) => known.authorities.push(authority),
                None => facts.offices.push(OfficeFacts {
                    office: expected.credential.clone(),
                    authorities: vec![authority],
                    validity: Validity::Valid,
                    key: None,
                }),
            }
        }
        facts
    }
}

/// The signatures by which a dispatch is released: initials, signature or the duty officer's; the seal where a form
/// bears nothing else; none where registries speak for themselves.
pub fn releasing(authentications: &[ExpectedAuthentication]) -> Vec<&ExpectedAuthentication> {
    use AuthenticationKind::{DutyOfficer, Initials, Seal, Signature};
    let of = |kinds: &[AuthenticationKind]| -> Vec<&ExpectedAuthentication> {
        authentications.iter().filter(|expected| kinds.contains(&expected.kind)).collect()
    };
    let release = of(&[Initials, Signature, DutyOfficer]);
    if release.is_empty() { of(&[Seal]) } else { release }
}
