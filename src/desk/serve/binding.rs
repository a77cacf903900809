//! Whether the offices that a client is bound to fit its roles: the certificates of the desk say what each may do.
//!
//! Roles and labels enter, of a client that is to be enrolled or of a user of the socket; nothing leaves, or the first
//! thing that nobody could have meant. What must never happen: that a client is enrolled which every call then refuses,
//! because its offices may not do what its roles are for.

use std::collections::BTreeSet;
use std::fmt::Display;

use crate::desk::casebook::may_know;
use crate::desk::keys::{Office, Offices};
use crate::trust::name::{Authority, Label};
use crate::trust::role::Role;

/// Why roles and offices of a client do not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// The desk has no such office.
    #[error("{label} is no office of this desk: they are {known}")]
    Unknown {
        /// What was named.
        label: Label,
        /// Those that there are.
        known: String,
    },
    /// None of the offices may do what a role is for.
    #[error("the role {} needs an office that {}, and {bound}", role.word(), deed(*role))]
    Role {
        /// The role.
        role: Role,
        /// What the offices may do.
        bound: String,
    },
    /// No role has any use for an office.
    #[error("the roles {roles} have no use for {label}, which may {may}")]
    Office {
        /// The office.
        label: String,
        /// What it may do.
        may: String,
        /// The roles.
        roles: String,
    },
}

/// Refuses offices that do not fit the roles of a client. One that is bound to none has all that its roles fit.
pub fn require_fit(roles: &BTreeSet<Role>, bound: &BTreeSet<Label>, offices: &Offices) -> Result<(), Misfit> {
    let mut found: Vec<&Office> = Vec::new();
    for label in bound {
        let office = offices.values().find(|office| office.label() == label.as_str());
        found.push(office.ok_or_else(|| unknown(label, offices))?);
    }
    if found.is_empty() {
        return Ok(());
    }
    for role in roles.iter().copied() {
        let needed = authorities(role);
        if !needed.is_empty() && !found.iter().any(|office| has_any(office, needed)) {
            let bound = found.iter().map(|office| format!("{} may {}", office.label(), may(office)));
            return Err(Misfit::Role { role, bound: listed(bound) });
        }
    }
    // Whoever is shown messages or drafts may ask through it who a person is.
    let reads = roles.iter().any(|role| !matches!(role, Role::Observe | Role::Register));
    let is_of_use = |office: &Office| {
        roles.iter().any(|role| has_any(office, authorities(*role)))
            || (reads && may_know(&office.authorities))
    };
    match found.into_iter().find(|office| !is_of_use(office)) {
        Some(office) => Err(Misfit::Office {
            label: office.label(),
            may: may(office),
            roles: listed(roles.iter().map(|role| role.word())),
        }),
        None => Ok(()),
    }
}

/// What an office must be able to do, one of it, for a role that has the desk sign.
fn authorities(role: Role) -> &'static [Authority] {
    match role {
        Role::Clear => &[Authority::Clear, Authority::ClearLegal],
        Role::Draft => &[Authority::Draft],
        Role::Release => {
            &[Authority::Conclude, Authority::Release, Authority::ReleaseProtective, Authority::Seal]
        }
        Role::Audit | Role::Observe | Role::Read | Role::Register => &[],
    }
}

fn deed(role: Role) -> &'static str {
    match role {
        Role::Clear => "clears",
        Role::Draft => "drafts",
        _ => "releases, seals or concludes",
    }
}

fn has_any(office: &Office, needed: &[Authority]) -> bool {
    needed.iter().any(|authority| office.authorities.contains(authority))
}

fn may(office: &Office) -> String {
    listed(office.authorities.iter().map(|authority| authority.word()))
}

fn unknown(label: &Label, offices: &Offices) -> Misfit {
    Misfit::Unknown { label: label.clone(), known: listed(offices.values().map(Office::label)) }
}

fn listed(words: impl Iterator<Item = impl Display>) -> String {
    words.map(|word| word.to_string()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;
    use crate::trust::name::{Ministry, Name};

    fn offices() -> Offices {
        let office = |(label, authorities): (&str, &[Authority])| {
            let ministry = Ministry::parse("XA").unwrap();
            let name = Name::Office { ministry, label: Label::parse(label).unwrap() };
            (name.clone(), Office::sample(name, authorities, Digest::of(label.as_bytes())))
        };
        let all: [(&str, &[Authority]); 5] = [
            ("drafting-01", &[Authority::Draft]),
            ("duty-01", &[Authority::ReleaseProtective]),
            ("legal-01", &[Authority::Clear, Authority::ClearLegal]),
            ("releasing-01", &[Authority::Release]),
            ("seal", &[Authority::Seal]),
        ];
        all.into_iter().map(office).collect()
    }

    fn fit(roles: &[Role], bound: &[&str]) -> Result<(), String> {
        let bound = bound.iter().map(|label| Label::parse(label).unwrap()).collect();
        let fit = require_fit(&roles.iter().copied().collect(), &bound, &offices());
        fit.map_err(|misfit| misfit.to_string())
    }

    #[test]
    fn a_client_is_bound_to_offices_that_may_do_what_its_roles_are_for() {
        for (roles, bound) in [
            (&Role::ALL[..], &[""; 0][..]),
            (&[Role::Clear], &["legal-01"]),
            (&[Role::Draft, Role::Read], &["drafting-01"]),
            (&[Role::Release], &["releasing-01", "seal"]),
            (&[Role::Release], &["duty-01"]),
            // Who a person is may be asked through whoever reads.
            (&[Role::Read], &["legal-01"]),
            (&[Role::Clear], &["drafting-01", "legal-01"]),
        ] {
            assert_eq!(fit(roles, bound), Ok(()), "{roles:?} {bound:?}");
        }
    }

    #[test]
    fn what_nobody_could_have_meant_is_refused_with_what_the_offices_may() {
        for (roles, bound, why) in [
            (
                &[Role::Release][..],
                &["legal-01"][..],
                "the role release needs an office that releases, seals or concludes, and legal-01 may clear, clear-legal",
            ),
            (
                &[Role::Clear, Role::Draft],
                &["legal-01"],
                "the role draft needs an office that drafts, and legal-01 may clear, clear-legal",
            ),
            (&[Role::Clear], &["seal"], "the role clear needs an office that clears, and seal may seal"),
            (&[Role::Read], &["seal"], "the roles read have no use for seal, which may seal"),
            (
                &[Role::Observe],
                &["legal-01"],
                "the roles observe have no use for legal-01, which may clear, clear-legal",
            ),
            (&[Role::Clear], &["nosuch"], "nosuch is no office of this desk: they are drafting-01, duty-01,"),
        ] {
            let refused = fit(roles, bound).unwrap_err();
            assert!(refused.starts_with(why), "{refused}");
        }
    }
}
