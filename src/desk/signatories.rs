//! Who signs: which office of this desk gives which authentication that an act needs.
//!
//! An act, a form and the offices enter; the list that the dispatch will state leaves. Four eyes hold by construction
//! (ROL-01): whoever drafts gives nothing else, whoever clears does not release, and two names with one key count as
//! one hand. There is no setting for it. Only a protective act is one officer's (ROL-05).

use crate::consultation::act::ActKind;
use crate::consultation::clearance;
use crate::desk::Desk;
use crate::desk::compose::{Composition, Origin};
use crate::desk::error::DeskError;
use crate::desk::keys::{Keys, Office, Offices};
use crate::message::dispatch::ExpectedAuthentication;
use crate::message::terms::{ActClass, AuthenticationKind, Form};
use crate::trust::name::Name;

/// What whoever composes wishes of the offices.
#[derive(Debug, Clone, Default)]
pub struct Wishes {
    /// Labels of offices that are to be taken where several may, in order.
    pub prefer: Vec<String>,
    /// Labels of offices that are to clear it besides those that must.
    pub clear: Vec<String>,
}

/// Who signs, in the order of the dispatch; none for the registry itself.
pub(super) type Signatories = (Vec<ExpectedAuthentication>, Vec<Option<Office>>);

impl Desk {
    /// Which office gives which authentication of an act of this kind in this form.
    pub(super) fn signatories(
        &self,
        keys: &Keys,
        kind: ActKind,
        form: Form,
        wishes: &Wishes,
    ) -> Result<Signatories, DeskError> {
        let offices = keys.offices()?;
        let mut needed = clearance::authentications(kind, form).to_vec();
        if kind.class() == ActClass::Protective {
            needed = vec![alone(&offices)];
        }
        for _ in &wishes.clear {
            needed.push(AuthenticationKind::Clearance);
        }
        needed.sort_by_key(|kind| clearance::turn(*kind));
        let casting = Casting { offices: &offices, wishes };
        let cast = casting.cast(&needed)?;
        let mut expected = Vec::with_capacity(needed.len());
        for (kind, office) in needed.iter().zip(&cast) {
            let credential = match office {
                Some(office) => office.name.clone(),
                None => Name::Registry { ministry: self.config.ministry.clone() },
            };
            expected.push(ExpectedAuthentication { kind: *kind, credential });
        }
        Ok((expected, cast))
    }
}

impl Composition {
    /// The offices whose keys its release needs; those of a draft in clearance have signed.
    pub fn signers(&self) -> impl Iterator<Item = &Office> {
        let has_signed = matches!(self.origin, Origin::Draft(..) | Origin::Owed(..));
        self.offices.iter().flatten().filter(move |_| !has_signed)
    }
}

/// Who sends a protective act alone: the duty officer, or where a desk has none whoever else may release, because
/// nothing holds such an act up.
fn alone(offices: &Offices) -> AuthenticationKind {
    use AuthenticationKind::{DutyOfficer, Initials, Signature};
    let there = |kind: &AuthenticationKind| offices.values().any(|office| may(office, *kind));
    [DutyOfficer, Initials, Signature].into_iter().find(there).unwrap_or(DutyOfficer)
}

fn may(office: &Office, kind: AuthenticationKind) -> bool {
    office.authorities.contains(&kind.authority())
}

/// Gives every authentication to an office.
struct Casting<'a> {
    offices: &'a Offices,
    wishes: &'a Wishes,
}

impl Casting<'_> {
    /// The first assignment in which no hand does two things that two must do. Tried in the order of preference, so
    /// that a desk whose first drafter also releases finds its second one.
    fn cast(&self, needed: &[AuthenticationKind]) -> Result<Vec<Option<Office>>, DeskError> {
        let mut cast = Vec::with_capacity(needed.len());
        if self.fill(needed, &mut cast) {
            return Ok(cast);
        }
        let lacking =
            needed.iter().find(|kind| **kind != AuthenticationKind::Registry && !self.has_any(**kind));
        if let Some(kind) = lacking {
            return Err(DeskError::NoOffice(kind.word()));
        }
        if let Some(label) = self.wishes.clear.iter().find(|label| !self.may_clear(label)) {
            return Err(DeskError::NotAuthorised {
                office: label.clone(),
                kind: AuthenticationKind::Clearance,
            });
        }
        Err(DeskError::FourEyes)
    }

    fn fill(&self, needed: &[AuthenticationKind], cast: &mut Vec<Option<Office>>) -> bool {
        let Some(kind) = needed.get(cast.len()).copied() else { return true };
        if kind == AuthenticationKind::Registry {
            cast.push(None);
            let filled = self.fill(needed, cast);
            if !filled {
                cast.pop();
            }
            return filled;
        }
        let before: Vec<(AuthenticationKind, Office)> = needed
            .iter()
            .zip(cast.iter())
            .filter_map(|(kind, office)| office.clone().map(|office| (*kind, office)))
            .collect();
        for office in self.candidates(kind, &before) {
            if before.iter().any(|(other, theirs)| !may_share(kind, *other) && same_hand(&office, theirs)) {
                continue;
            }
            cast.push(Some(office));
            if self.fill(needed, cast) {
                return true;
            }
            cast.pop();
        }
        false
    }

    /// The offices that may give it, preferred ones first; of further clearances those that were asked for, in order.
    fn candidates(&self, kind: AuthenticationKind, before: &[(AuthenticationKind, Office)]) -> Vec<Office> {
        if kind == AuthenticationKind::Clearance {
            let given = before.iter().filter(|(kind, _)| *kind == AuthenticationKind::Clearance).count();
            let wanted = self.wishes.clear.get(given);
            let of_label = |office: &&Office| Some(&office.label()) == wanted && may(office, kind);
            return self.offices.values().filter(of_label).cloned().collect();
        }
        let mut able: Vec<Office> =
            self.offices.values().filter(|office| may(office, kind)).cloned().collect();
        let place = |office: &Office| {
            let label = office.label();
            self.wishes.prefer.iter().position(|wish| *wish == label).unwrap_or(usize::MAX)
        };
        able.sort_by_key(place);
        able
    }

    fn has_any(&self, kind: AuthenticationKind) -> bool {
        self.offices.values().any(|office| may(office, kind))
    }

    fn may_clear(&self, label: &str) -> bool {
        let of_label = |office: &&Office| office.label() == label;
        self.offices.values().filter(of_label).any(|office| may(office, AuthenticationKind::Clearance))
    }
}

/// Whether one hand may give both: initials and seal may be one office's, drafting and clearing are nobody else's.
fn may_share(one: AuthenticationKind, other: AuthenticationKind) -> bool {
    one.releases() && other.releases()
}

/// Whether two offices are one hand: one name, or one key behind two names.
fn same_hand(one: &Office, other: &Office) -> bool {
    one.name == other.name || one.key == other.key
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;
    use crate::trust::name::{Authority, Label, Ministry};

    fn office(label: &str, key: &str, authorities: &[Authority]) -> Office {
        let ministry = Ministry::parse("XA").unwrap();
        let name = Name::Office { ministry, label: Label::parse(label).unwrap() };
        Office::sample(name, authorities, Digest::of(key.as_bytes()))
    }

    fn cast(
        offices: &[Office],
        wishes: &Wishes,
        needed: &[AuthenticationKind],
    ) -> Result<Vec<String>, DeskError> {
        let offices = offices.iter().map(|office| (office.name.clone(), office.clone())).collect();
        let cast = Casting { offices: &offices, wishes }.cast(needed)?;
        Ok(cast.iter().map(|office| office.as_ref().map_or_else(String::new, Office::label)).collect())
    }

    const NOTE: [AuthenticationKind; 3] =
        [AuthenticationKind::Draft, AuthenticationKind::Initials, AuthenticationKind::Seal];

    #[test]
    fn one_office_never_drafts_and_releases() {
        let both = office("a", "a", &[Authority::Draft, Authority::Release, Authority::Seal]);
        let refused = cast(std::slice::from_ref(&both), &Wishes::default(), &NOTE);
        assert!(matches!(refused, Err(DeskError::FourEyes)));
        let drafter = office("b", "b", &[Authority::Draft]);
        let given = cast(&[both, drafter], &Wishes::default(), &NOTE).unwrap();
        assert_eq!(given, ["b", "a", "a"], "the second drafter is found, and one office initials and seals");
    }

    #[test]
    fn two_names_with_one_key_are_one_hand() {
        let drafter = office("a", "same", &[Authority::Draft]);
        let releaser = office("b", "same", &[Authority::Release, Authority::Seal]);
        let refused = cast(&[drafter, releaser], &Wishes::default(), &NOTE);
        assert!(matches!(refused, Err(DeskError::FourEyes)));
    }

    #[test]
    fn whoever_clears_does_not_release() {
        let needed = [AuthenticationKind::Draft, AuthenticationKind::Clearance, AuthenticationKind::Seal];
        let drafter = office("a", "a", &[Authority::Draft]);
        let sealer = office("b", "b", &[Authority::Clear, Authority::Seal]);
        let wishes = Wishes { clear: vec!["b".to_owned()], ..Wishes::default() };
        let refused = cast(&[drafter.clone(), sealer.clone()], &wishes, &needed);
        assert!(matches!(refused, Err(DeskError::FourEyes)));
        let other = office("c", "c", &[Authority::Seal]);
        assert_eq!(cast(&[drafter, sealer, other], &wishes, &needed).unwrap(), ["a", "b", "c"]);
    }

    #[test]
    fn who_is_preferred_signs_and_who_may_not_is_named() {
        let offices = [
            office("a", "a", &[Authority::Draft]),
            office("b", "b", &[Authority::Release, Authority::Seal]),
            office("c", "c", &[Authority::Release]),
        ];
        let wishes = Wishes { prefer: vec!["c".to_owned()], ..Wishes::default() };
        assert_eq!(cast(&offices, &wishes, &NOTE).unwrap(), ["a", "c", "b"]);
        let wishes = Wishes { clear: vec!["b".to_owned()], ..Wishes::default() };
        let needed = [AuthenticationKind::Draft, AuthenticationKind::Clearance];
        let refused = cast(&offices, &wishes, &needed);
        assert!(matches!(refused, Err(DeskError::NoOffice("CLEARANCE"))), "nobody here clears");
        let nobody = cast(&offices[..1], &Wishes::default(), &NOTE);
        assert!(matches!(nobody, Err(DeskError::NoOffice("INITIALS"))));
    }

    #[test]
    fn nothing_holds_up_a_protective_act_but_that_nobody_may_release() {
        let of = |office: Office| alone(&[(office.name.clone(), office)].into());
        assert_eq!(of(office("a", "a", &[Authority::ReleaseProtective])), AuthenticationKind::DutyOfficer);
        assert_eq!(of(office("a", "a", &[Authority::Release])), AuthenticationKind::Initials);
        assert_eq!(of(office("a", "a", &[Authority::Conclude])), AuthenticationKind::Signature);
    }
}
