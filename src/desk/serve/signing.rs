//! Signatures that an office gave elsewhere: of keys that this desk does not hold, or cannot open.
//!
//! A signature over the exact bytes of a draft enters; it stands in the draft as if the desk had given it, once it
//! holds as everybody will judge it. Nothing else of a draft can be changed this way, and four eyes are two clients
//! here too.

use tonic::Code;

use super::Service;
use super::draft_out::label;
use super::drafting::hand;
use super::errands::Met;
use super::refusals::Refused;
use super::visitors::Visitor;
use crate::limits;
use crate::message::terms::AuthenticationKind;
use crate::proto::desk::v1 as wire;

impl Service {
    /// Adds the signature of an office that clears.
    pub(super) fn add_signature(
        &self,
        visitor: &Visitor,
        request: wire::AddSignatureRequest,
    ) -> Result<wire::Draft, Refused> {
        let errand = match self.meet(visitor, "AddSignature", &request.request_id, &request)? {
            Met::New(errand) => errand,
            Met::Done(subject) => return self.draft_of(&subject),
        };
        let kind = AuthenticationKind::from_number(request.kind)
            .ok_or_else(|| Refused::field("kind", "FIELD_INVALID", "there is no such authentication"))?;
        let length = request.signature.len();
        if length == 0 || length > limits::SIGNATURE_BYTES_MAX {
            let message =
                format!("a CMS signature (DER) of 1 to {} bytes is expected", limits::SIGNATURE_BYTES_MAX);
            return Err(Refused::field("signature", "FIELD_INVALID", message));
        }
        let (held, mut draft) = self.to_clear(visitor, &request.name)?;
        if !visitor.may_sign_as(&request.office) {
            let message = format!("this client brings no signature of {}", request.office);
            return Err(Refused::new(Code::PermissionDenied, "OFFICE_NOT_PERMITTED", message));
        }
        let trust = self.trust()?;
        let (_, due) = self.desk.asked_of(&trust, &draft, &request.office)?;
        if kind.releases() || !due.contains(&kind) {
            let message = "no clearance of this kind is missing by this office";
            return Err(Refused::new(Code::FailedPrecondition, "NOTHING_TO_CLEAR", message));
        }
        draft.put_signature(kind, &request.signature, |credential| label(credential) == request.office);
        // It must hold as everybody will judge it.
        self.desk.standing(&trust, &draft)?;
        self.keep_cleared(&held, &draft, &[hand(kind.word(), &request.office, visitor)], errand)
    }
}
