//! Drafts: judged, composed, based anew and cancelled, each by a client that may.
//!
//! What a client asks for enters; a draft that the service holds leaves, sealed, with the hand that composed it. Four
//! eyes are two clients here, besides two offices: whoever composed a draft does not clear it (`clearing`), and whoever
//! did either does not release it (`releasing`). Whose hands a draft went through stands in the register.

use std::path::PathBuf;
use std::sync::Arc;

use tonic::Code;

use super::draft_out::{COMPOSED, expected_steps, label};
use super::errands::Met;
use super::paths::Shape;
use super::refusals::Refused;
use super::visitors::Visitor;
use super::{Service, draft_in, vault};
use crate::consultation::rules;
use crate::desk::accreditation::Trust;
use crate::desk::casebook::HeldHere;
use crate::desk::draft::DraftFile;
use crate::desk::error::DeskError;
use crate::desk::form::draft::Draft;
use crate::desk::register::{Errand, Hand, Held, Holding, RegisterFault};
use crate::desk::signatories::Wishes;
use crate::limits;
use crate::message::terms::AuthenticationKind;
use crate::proto::desk::v1 as wire;

impl Service {
    /// Judges a draft and composes nothing.
    pub(super) fn validate_draft(
        &self,
        visitor: &Visitor,
        request: wire::ValidateDraftRequest,
    ) -> Result<wire::ValidateDraftResponse, Refused> {
        let content = request.content.ok_or_else(no_content)?;
        let folder = self.desk.config.uploads();
        let texts = content.texts.len();
        let trust = self.trust()?;
        let draft = self.drafted(&trust, content)?;
        let shape = Shape::of(texts, draft.act.kind().word());
        let wishes = wishes(visitor, Vec::new(), request.clear_by)?;
        let composed = self.desk.compose_with(&trust, &self.keys, &draft, &folder, &wishes)?;
        Ok(wire::ValidateDraftResponse {
            acceptable: !rules::forbids(&composed.findings),
            findings: shape.findings(&composed.findings),
            steps: expected_steps(&composed),
        })
    }

    /// Composes a draft.
    pub(super) async fn create_draft(
        self: Arc<Self>,
        visitor: Visitor,
        request: wire::CreateDraftRequest,
    ) -> Result<wire::Draft, Refused> {
        let errand = match self.meet(&visitor, "CreateDraft", &request.request_id, &request)? {
            Met::New(errand) => errand,
            Met::Done(subject) => return self.draft_of(&subject),
        };
        let content = request.content.clone().ok_or_else(no_content)?;
        let folder = self.desk.config.uploads();
        let texts = content.texts.len();
        let trust = self.trust()?;
        let draft = self.drafted(&trust, content)?;
        let shape = Shape::of(texts, draft.act.kind().word());
        let wishes = wishes(&visitor, request.sign_as.clone(), request.clear_by.clone())?;
        let asked = errand.clone();
        let holding = |draft: &DraftFile| self.holding(&visitor, draft, errand).map(Some);
        let (form, place) = ((&draft, folder.as_path()), self.held_place());
        let place = (place.as_path(), Some(&asked));
        let composed = self.desk.compose_draft_held(&trust, &self.keys, form, &wishes, place, holding).await;
        let (draft, composition) = match composed {
            Err(DeskError::Register(RegisterFault::DoneBefore)) => {
                // The same request, at the same time: the other one did it.
                return match self.meet(&visitor, "CreateDraft", &request.request_id, &request)? {
                    Met::Done(subject) => self.draft_of(&subject),
                    Met::New(_) => Err(RegisterFault::DoneBefore.into()),
                };
            }
            composed => composed.map_err(|cause| not_permitted(&visitor, cause).pointing(&shape))?,
        };
        self.tell();
        Ok(wire::Draft { findings: shape.findings(&composition.findings), ..self.shown(&draft)? })
    }

    /// What a client asks for, read.
    pub(super) fn drafted(&self, trust: &Trust, content: wire::DraftContent) -> Result<Draft, Refused> {
        let (folder, keys) = (self.desk.config.uploads(), || Some(&self.keys));
        let held = HeldHere::new(&self.desk, trust, &folder, &keys);
        let draft = draft_in::read(content, &self.desk, &held, &self.uploads);
        held.failure().map_or(draft, |failure| Err(failure.into()))
    }

    /// What is registered with a draft: its sealed text, and whose hand composed it.
    fn holding(&self, visitor: &Visitor, draft: &DraftFile, errand: Errand) -> Result<Holding, DeskError> {
        let mut hands = vec![hand(COMPOSED, "", visitor)];
        for expected in &draft.dispatch().authentications {
            if expected.kind == AuthenticationKind::Draft {
                let office = label(&expected.credential);
                if !visitor.may_sign_as(&office) {
                    return Err(DeskError::NotAuthorised { office, kind: expected.kind });
                }
                hands.push(hand(expected.kind.word(), &office, visitor));
            }
        }
        let sealed = vault::seal(self.keys.reading()?.as_ref(), &draft.text()?, self.desk.entropy.as_ref())?;
        let subject = draft.digest().as_bytes().to_vec();
        Ok(Holding { sealed, hands, errand: Errand { subject, ..errand } })
    }

    /// Bases a draft on what is known now; the clearances of the version before are void with it.
    pub(super) fn rebase_draft(
        &self,
        visitor: &Visitor,
        request: wire::RebaseDraftRequest,
    ) -> Result<wire::Draft, Refused> {
        let errand = match self.meet(visitor, "RebaseDraft", &request.request_id, &request)? {
            Met::New(errand) => errand,
            Met::Done(subject) => return self.draft_of(&subject),
        };
        let (held, draft) = self.held(&request.name)?;
        self.require_composer(&held, visitor)?;
        let unchanged = Errand { subject: held.dispatch.as_bytes().to_vec(), ..errand.clone() };
        let holding = |later: &DraftFile| self.holding(visitor, later, errand).map(Some);
        let (trust, place) = (self.trust()?, self.held_place());
        let later = self.desk.rebase_held(&trust, &self.keys, &draft, &place, holding);
        let later = later.map_err(|cause| not_permitted(visitor, cause))?;
        if later.digest() == held.dispatch {
            self.desk.register.note_errand(&unchanged)?;
        }
        self.tell();
        self.shown(&later)
    }

    /// Refuses whoever did not compose a draft.
    fn require_composer(&self, held: &Held, visitor: &Visitor) -> Result<(), Refused> {
        let hands = self.desk.register.hands(&held.dispatch)?;
        if hands.iter().any(|hand| hand.kind == COMPOSED && hand.client == visitor.name()) {
            return Ok(());
        }
        let message = "only the client that composed a draft changes or cancels it here";
        Err(Refused::new(Code::PermissionDenied, "NOT_THE_DRAFTER", message))
    }

    /// Cancels a draft.
    pub(super) fn cancel_draft(
        &self,
        visitor: &Visitor,
        request: wire::CancelDraftRequest,
    ) -> Result<wire::Draft, Refused> {
        let errand = match self.meet(visitor, "CancelDraft", &request.request_id, &request)? {
            Met::New(errand) => errand,
            Met::Done(subject) => return self.draft_of(&subject),
        };
        let (held, draft) = self.held(&request.name)?;
        self.require_composer(&held, visitor)?;
        let errand = Errand { subject: held.dispatch.as_bytes().to_vec(), ..errand };
        self.desk.cancel_draft_for(&draft, Some(&errand))?;
        self.tell();
        self.shown(&draft)
    }

    /// A draft that is open, for a client that had no hand in it; any other one is refused, and told what `rule` says.
    pub(super) fn untouched(
        &self,
        visitor: &Visitor,
        name: &str,
        rule: &str,
    ) -> Result<(Held, DraftFile), Refused> {
        let (held, draft) = self.held(name)?;
        self.desk.open_entry(&draft)?;
        if self.desk.register.hands(&held.dispatch)?.iter().any(|hand| hand.client == visitor.name()) {
            return Err(Refused::new(Code::PermissionDenied, "FOUR_EYES", rule));
        }
        Ok((held, draft))
    }

    /// What stands in the register in the place of a file: the service holds it.
    fn held_place(&self) -> PathBuf {
        self.desk.config.home.join("service")
    }
}

/// That a client had an office sign.
pub(super) fn hand(kind: &str, office: &str, visitor: &Visitor) -> Hand {
    Hand { kind: kind.to_owned(), office: office.to_owned(), client: visitor.name().to_owned() }
}

/// An office that may draft, and not through this client, is told apart from one that may not.
fn not_permitted(visitor: &Visitor, cause: DeskError) -> Refused {
    match &cause {
        DeskError::NotAuthorised { office, .. } if !visitor.may_sign_as(office) => {
            office_not_permitted(office)
        }
        _ => cause.into(),
    }
}

/// The refusal of a client that was not enrolled for an office.
pub(super) fn office_not_permitted(office: &str) -> Refused {
    let message = format!("this client may not have the desk sign as {office}");
    Refused::new(Code::PermissionDenied, "OFFICE_NOT_PERMITTED", message)
}

fn no_content() -> Refused {
    Refused::field("content", "FIELD_MISSING", "a draft is expected")
}

/// What the request and the enrolment of the client wish of the offices.
pub(super) fn wishes(visitor: &Visitor, sign_as: Vec<String>, clear: Vec<String>) -> Result<Wishes, Refused> {
    let most = limits::REQUEST_OFFICES_MAX;
    for (field, labels) in [("sign_as", &sign_as), ("clear_by", &clear)] {
        if labels.len() > most {
            return Err(Refused::field(field, "TOO_MANY", format!("more than {most} offices")));
        }
    }
    Ok(Wishes { prefer: visitor.offices().chain(sign_as).collect(), clear })
}
