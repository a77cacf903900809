//! Names: who a person is leaves for a client only where an office that may know asks through it, and signs for that.
//! It is one for which the client was enrolled by name, and what it signs names the client as well.
//!
//! An act and its documents enter; what is withheld of them leaves (`consultation::withholding` says what that is). The
//! lookup is kept before anything is shown (`chancery person lookups` lists it), as on the command line.

use tonic::Code;

use super::refusals::Refused;
use super::visitors::Visitor;
use super::{Service, acts};
use crate::consultation::act::Act;
use crate::consultation::withholding::Withheld;
use crate::desk::error::DeskError;
use crate::message::dispatch::Document;
use crate::proto::consultation::v1::PersonParticulars;
use crate::proto::desk::v1 as wire;

impl Service {
    /// What of a message stays withheld: all that tells who a person is, or nothing where this office has asked. No act
    /// is one that cannot be read; `message` names it where it names nobody.
    pub(super) fn withheld(
        &self,
        visitor: &Visitor,
        (act, documents): (Option<&Act>, &[Document]),
        message: &str,
        names_as: &str,
    ) -> Result<Withheld, Refused> {
        let withheld = Withheld::of(act, documents);
        if names_as.is_empty() || !withheld.is_anything() {
            return Ok(withheld);
        }
        if !visitor.may_ask_as(names_as) {
            let message = format!(
                "this client does not ask for {names_as}: who a person is is shown to a client that was enrolled with \
                 --office {names_as}"
            );
            return Err(Refused::new(Code::PermissionDenied, "OFFICE_NOT_PERMITTED", message));
        }
        if !self.desk.may_know_names(&self.keys, names_as) {
            return Err(DeskError::NotForNames(names_as.to_owned()).into());
        }
        self.desk.ask_who(&self.keys, (names_as, Some(visitor.name())), act, message)?;
        Ok(Withheld::nothing())
    }
}

/// An act as it is shown; of one whose words are withheld the reference alone.
pub(super) fn shown(act: &Act, withheld: &Withheld) -> Option<wire::Act> {
    match act {
        Act::PersonParticulars(particulars) if withheld.words() => {
            let bare = PersonParticulars { person: particulars.person.text(), ..Default::default() };
            Some(wire::Act { act: Some(wire::act::Act::PersonParticulars(bare)) })
        }
        act => acts::shown(act),
    }
}

/// What is said of bytes that tell who a person is.
pub(super) fn names_withheld() -> Refused {
    let message = "it tells who a person is: an office that may know asks (names_as), and signs for it";
    Refused::new(Code::PermissionDenied, "NAMES_WITHHELD", message)
}
