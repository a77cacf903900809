//! One more authentication: an office signs a draft that it was shown.

use super::standing::label;
use super::{DraftFile, DraftRefusal, Standing};
use crate::desk::Desk;
use crate::desk::accreditation::Trust;
use crate::desk::error::DeskError;
use crate::desk::keys::{Keys, Office};
use crate::message::terms::AuthenticationKind;
use crate::trust::signature;

impl Desk {
    /// What an office is to sign of a draft now: everything that it is listed for and whose turn it is.
    pub fn asked_of(
        &self,
        trust: &Trust,
        draft: &DraftFile,
        office: &str,
    ) -> Result<(Standing, Vec<AuthenticationKind>), DeskError> {
        let standing = self.standing(trust, draft)?;
        let own = || standing.steps.iter().filter(|step| label(&step.expected.credential) == office);
        let due: Vec<AuthenticationKind> =
            own().filter(|step| step.is_due).map(|step| step.expected.kind).collect();
        if !due.is_empty() {
            return Ok((standing, due));
        }
        let refusal = match own().next() {
            None => DraftRefusal::NotListed(office.to_owned()),
            Some(_) if own().all(|step| step.signed.is_some()) => {
                DraftRefusal::AlreadySigned(office.to_owned())
            }
            Some(_) => {
                let first = standing
                    .due()
                    .map(|step| format!("{} by {}", step.expected.kind, label(&step.expected.credential)));
                DraftRefusal::NotYet("others", first.collect::<Vec<_>>().join(", "))
            }
        };
        Err(refusal.into())
    }

    /// Signs a draft as an office of this desk: everything it is asked for, one signature for each.
    pub fn sign_draft(
        &self,
        trust: &Trust,
        keys: &Keys,
        draft: &mut DraftFile,
        office: &str,
    ) -> Result<Vec<AuthenticationKind>, DeskError> {
        let (_, due) = self.asked_of(trust, draft, office)?;
        let offices = keys.offices()?;
        let found = offices.values().find(|one| one.label() == office);
        let office =
            found.ok_or_else(|| DeskError::NotAuthorised { office: office.to_owned(), kind: first(&due) })?;
        for kind in &due {
            self.authenticate_draft(keys, draft, office, *kind)?;
        }
        // What was just signed must hold as everybody will judge it: an office whose certificate ended signs nothing.
        self.standing(trust, draft)?;
        Ok(due)
    }

    /// Puts one signature of an office into its place.
    pub(super) fn authenticate_draft(
        &self,
        keys: &Keys,
        draft: &mut DraftFile,
        office: &Office,
        kind: AuthenticationKind,
    ) -> Result<(), DeskError> {
        if !office.authorities.contains(&kind.authority()) {
            return Err(DeskError::NotAuthorised { office: office.label(), kind });
        }
        let signer = keys.office(office)?;
        let p7s = signature::sign(draft.bytes(), signer.as_ref(), self.clock.now())
            .map_err(|cause| DeskError::Trust(cause.to_string()))?;
        let listed = draft.dispatch().authentications.iter();
        let place = listed.zip(draft.signatures()).position(|(expected, given)| {
            given.is_none() && expected.kind == kind && expected.credential == office.name
        });
        let place = place.and_then(|place| draft.signatures.get_mut(place));
        *place.ok_or_else(|| DraftRefusal::NotListed(office.label()))? = Some(p7s);
        Ok(())
    }
}

fn first(due: &[AuthenticationKind]) -> AuthenticationKind {
    due.first().copied().unwrap_or(AuthenticationKind::Clearance)
}
