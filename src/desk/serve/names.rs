//! Names: who a person is leaves for a client only where an office that may know asks through it, and signs for that.
//!
//! An act enters; it leaves whole, or with the reference of the person alone. An act that cannot be read may name somebody
//! too. The lookup is kept before anything is shown (`chancery person lookups` lists it), as on the command line.

use tonic::Code;

use super::refusals::Refused;
use super::visitors::Visitor;
use super::{Service, acts};
use crate::consultation::act::Act;
use crate::desk::error::DeskError;
use crate::proto::consultation::v1::PersonParticulars;
use crate::proto::desk::v1 as wire;

impl Service {
    /// Whether what an act says of a person may leave: it says nothing of the kind, or this office has asked for it.
    pub(super) fn may_show(
        &self,
        visitor: &Visitor,
        act: Option<&Act>,
        names_as: &str,
    ) -> Result<bool, Refused> {
        if act.is_some_and(|act| !act.names_persons()) {
            return Ok(true);
        }
        if names_as.is_empty() {
            return Ok(false);
        }
        if !visitor.may_sign_as(names_as) {
            let message = format!("this client does not ask for {names_as}");
            return Err(Refused::new(Code::PermissionDenied, "OFFICE_NOT_PERMITTED", message));
        }
        if !self.desk.may_know_names(&self.keys, names_as) {
            return Err(DeskError::NotForNames(names_as.to_owned()).into());
        }
        let trust = self.trust()?;
        for person in act.into_iter().flat_map(Act::persons) {
            self.desk.names_of(&trust, &self.keys, &person, names_as)?;
        }
        Ok(true)
    }
}

/// An act as it is shown; of one that tells who a person is, where nobody asked, the reference alone.
pub(super) fn shown(act: &Act, is_permitted: bool) -> Option<wire::Act> {
    match act {
        Act::PersonParticulars(particulars) if !is_permitted => {
            let bare = PersonParticulars { person: particulars.person.text(), ..Default::default() };
            Some(wire::Act { act: Some(wire::act::Act::PersonParticulars(bare)) })
        }
        act => acts::shown(act),
    }
}

/// What is said of bytes that tell who a person is.
pub(super) fn withheld() -> Refused {
    let message = "it tells who a person is: an office that may know asks (names_as), and signs for it";
    Refused::new(Code::PermissionDenied, "NAMES_WITHHELD", message)
}
