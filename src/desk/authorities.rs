//! What the ROL rules are judged on: who drafted, cleared and signs a dispatch, and what their certificates say.
//!
//! The list of a dispatch enters with the certificates behind it; facts leave. The same facts follow from our own
//! offices before release and from the signatures of a peer at registration. Two names with one key are one hand: the
//! drafter is then told by the name of whoever releases, so that ROL-01 sees through it.

use std::collections::BTreeMap;

use crate::consultation::rules::authority::{
    AuthorityFacts, Clearance, ClearanceKind, OfficeFacts, Validity,
};
use crate::desk::keys::Offices;
use crate::desk::read::Opened;
use crate::digest::Digest;
use crate::message::dispatch::ExpectedAuthentication;
use crate::message::terms::AuthenticationKind;
use crate::trust::chain::ChainRefusal;
use crate::trust::name::{Authority, Name};
use crate::trust::signature::{Signature, SignatureRefusal};

/// The certificate of an office, as far as it matters here.
struct Credential {
    authorities: Vec<Authority>,
    key: Digest,
}

/// The facts of a draft that offices of this desk are to sign. Whether their certificates are good shows when they
/// sign.
pub(super) fn at_this_desk(offices: &Offices, listed: &[ExpectedAuthentication]) -> AuthorityFacts {
    let known = offices.iter().map(|(name, office)| {
        let authorities = office.authorities.iter().copied().collect();
        (name.clone(), Credential { authorities, key: office.key })
    });
    gather(listed, &known.collect())
}

/// The facts of a dispatch whose signatures held at its release.
pub(super) fn of_signed(listed: &[ExpectedAuthentication], signatures: &[Signature]) -> AuthorityFacts {
    let known = signatures.iter().map(|signed| {
        let authorities = signed.authorities().iter().copied().collect();
        (signed.name().clone(), Credential { authorities, key: signed.key() })
    });
    gather(listed, &known.collect())
}

/// The facts of an opened message. What is doubted of a protective act is said of the office it names.
pub(super) fn of_opened(opened: &Opened) -> AuthorityFacts {
    let mut facts = of_signed(&opened.dispatch.dispatch().authentications, &opened.signatures);
    for (expected, refusal) in &opened.doubts {
        let doubted = facts.offices.iter_mut().filter(|facts| facts.office == expected.credential);
        doubted.for_each(|facts| facts.validity = doubted_for(refusal));
    }
    facts
}

/// What a signature that does not hold says of the certificate behind it.
fn doubted_for(refusal: &SignatureRefusal) -> Validity {
    match refusal {
        SignatureRefusal::Chain(ChainRefusal::Revoked(_)) => Validity::Revoked,
        SignatureRefusal::Chain(ChainRefusal::Expired(_) | ChainRefusal::NotYetValid(_)) => {
            Validity::OutOfTime
        }
        _ => Validity::Unknown,
    }
}

fn gather(listed: &[ExpectedAuthentication], known: &BTreeMap<Name, Credential>) -> AuthorityFacts {
    let mut facts = AuthorityFacts::default();
    for ExpectedAuthentication { kind, credential } in listed {
        let kind = match kind {
            AuthenticationKind::LegalClearance => Some(ClearanceKind::Legal),
            AuthenticationKind::Clearance => Some(ClearanceKind::Regional),
            _ => None,
        };
        if let Some(kind) = kind {
            facts.clearances.push(Clearance { kind, office: credential.clone() });
        }
        if facts.office(credential).is_none() {
            facts.offices.push(of_office(credential, known));
        }
    }
    let drafting = listed.iter().find(|one| one.kind == AuthenticationKind::Draft);
    facts.drafter = drafting.map(|drafting| {
        let key = |name: &Name| known.get(name).map(|credential| credential.key);
        let same_hand = |one: &&ExpectedAuthentication| {
            one.kind.releases()
                && key(&one.credential).is_some()
                && key(&one.credential) == key(&drafting.credential)
        };
        listed.iter().find(same_hand).unwrap_or(drafting).credential.clone()
    });
    facts
}

/// The registry of this ministry and offices that sign elsewhere have no certificate among our own: what they may do is
/// what their place says, and their signature will show it.
fn of_office(name: &Name, known: &BTreeMap<Name, Credential>) -> OfficeFacts {
    match known.get(name) {
        Some(credential) => OfficeFacts {
            office: name.clone(),
            authorities: credential.authorities.clone(),
            validity: Validity::Valid,
            key: Some(credential.key),
        },
        None => {
            let registry = matches!(name, Name::Registry { .. });
            let authorities = if registry { vec![Authority::Register] } else { Vec::new() };
            let validity = if registry { Validity::Valid } else { Validity::Unknown };
            OfficeFacts { office: name.clone(), authorities, validity, key: None }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desk::keys::Office;
    use crate::trust::name::{Label, Ministry};

    fn name(label: &str) -> Name {
        Name::Office { ministry: Ministry::parse("XA").unwrap(), label: Label::parse(label).unwrap() }
    }

    fn offices(of: &[(&str, &str, Authority)]) -> Offices {
        let office = |(label, key, authority): &(&str, &str, Authority)| {
            let office = Office::sample(name(label), &[*authority], Digest::of(key.as_bytes()));
            (office.name.clone(), office)
        };
        of.iter().map(office).collect()
    }

    fn listed(of: &[(AuthenticationKind, &str)]) -> Vec<ExpectedAuthentication> {
        of.iter()
            .map(|(kind, label)| ExpectedAuthentication { kind: *kind, credential: name(label) })
            .collect()
    }

    #[test]
    fn drafter_clearances_and_offices_are_told_as_the_dispatch_lists_them() {
        let offices = offices(&[
            ("a", "1", Authority::Draft),
            ("b", "2", Authority::ClearLegal),
            ("c", "3", Authority::Conclude),
        ]);
        let listed = listed(&[
            (AuthenticationKind::Draft, "a"),
            (AuthenticationKind::LegalClearance, "b"),
            (AuthenticationKind::Signature, "c"),
            (AuthenticationKind::Seal, "d"),
        ]);
        let facts = at_this_desk(&offices, &listed);
        assert_eq!(facts.drafter, Some(name("a")));
        assert_eq!(facts.clearances, [Clearance { kind: ClearanceKind::Legal, office: name("b") }]);
        assert_eq!(facts.offices.len(), 4);
        assert_eq!(facts.office(&name("c")).unwrap().authorities, [Authority::Conclude]);
        assert_eq!(facts.office(&name("c")).unwrap().key, Some(Digest::of(b"3")));
        assert_eq!(facts.office(&name("d")).unwrap().validity, Validity::Unknown);
    }

    #[test]
    fn one_key_behind_two_names_is_one_hand() {
        let two = [(AuthenticationKind::Draft, "a"), (AuthenticationKind::Initials, "b")];
        let same = offices(&[("a", "1", Authority::Draft), ("b", "1", Authority::Release)]);
        assert_eq!(at_this_desk(&same, &listed(&two)).drafter, Some(name("b")));
        let apart = offices(&[("a", "1", Authority::Draft), ("b", "2", Authority::Release)]);
        assert_eq!(at_this_desk(&apart, &listed(&two)).drafter, Some(name("a")));
    }

    #[test]
    fn a_doubt_says_whether_the_certificate_was_revoked_or_out_of_time() {
        let at = crate::time::Timestamp::from_seconds(1);
        let chain = SignatureRefusal::Chain;
        assert_eq!(doubted_for(&chain(ChainRefusal::Revoked(at))), Validity::Revoked);
        assert_eq!(doubted_for(&chain(ChainRefusal::Expired(at))), Validity::OutOfTime);
        assert_eq!(doubted_for(&chain(ChainRefusal::NotYetValid(at))), Validity::OutOfTime);
        assert_eq!(doubted_for(&SignatureRefusal::Invalid), Validity::Unknown);
    }
}
