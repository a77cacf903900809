//! Drafts: composed, shown, cleared and cancelled, each by a client that may.
//!
//! Four eyes are two clients here, besides two offices: whoever composed a draft does not clear it, and whoever did
//! either does not release it. Whose hands a draft went through stands in the register.

use std::path::PathBuf;
use std::sync::Arc;

use tonic::Code;

use super::draft_out::{COMPOSED, Shown, expected_steps, label, state};
use super::draft_reading::with_words;
use super::errands::Met;
use super::names::names_withheld;
use super::pages::{self, Mask, Pages};
use super::paths::Shape;
use super::refusals::Refused;
use super::visitors::Visitor;
use super::{Service, draft_in, vault};
use crate::consultation::rules;
use crate::consultation::withholding::Withheld;
use crate::desk::accreditation::Trust;
use crate::desk::casebook::HeldHere;
use crate::desk::draft::{DraftFile, DraftRefusal};
use crate::desk::error::DeskError;
use crate::desk::form::draft::Draft;
use crate::desk::register::{Errand, Hand, Held, Holding, RegisterFault};
use crate::desk::signatories::Wishes;
use crate::digest::Digest;
use crate::limits;
use crate::message::terms::AuthenticationKind;
use crate::proto::desk::v1 as wire;

/// Fields of a draft that a mask may name.
const FIELDS: &[&str] = &[
    "name",
    "state",
    "formal_number",
    "compose_time",
    "composed_by",
    "consultation",
    "channel",
    "addressees",
    "precedence",
    "level",
    "form",
    "act",
    "documents",
    "steps",
    "findings",
    "dispatch",
    "address",
];

/// Those of them that are shown of one draft alone.
const EXACT: [&str; 2] = ["dispatch", "address"];

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

    /// Shows one draft.
    pub(super) fn get_draft(
        &self,
        visitor: &Visitor,
        request: wire::GetDraftRequest,
    ) -> Result<wire::Draft, Refused> {
        let mask = Mask::parse(request.read_mask, FIELDS)?;
        let (_, draft) = self.held(&request.name)?;
        let documents = draft.dispatch().documents.as_slice();
        let mut withheld = Withheld::of(Some(draft.act()), documents);
        if withheld.words() {
            // Of documents that are no texts nothing is shown here but what they are.
            let what = (Some(draft.act()), documents);
            withheld = self.withheld(visitor, what, &draft.digest().hex(), &request.names_as)?;
        }
        let shown = with_words(self.shown_with(&draft, &withheld)?, &draft, &withheld);
        if mask.is_silent() {
            return Ok(shown);
        }
        if mask.names("dispatch") && withheld.dispatch() {
            return Err(names_withheld());
        }
        let exact = wire::Draft {
            dispatch: draft.bytes().to_vec(),
            address: draft.address().bytes().to_vec(),
            ..shown
        };
        Ok(masked(exact, &mask))
    }

    /// Lists drafts, newest first.
    pub(super) fn list_drafts(
        &self,
        request: wire::ListDraftsRequest,
    ) -> Result<wire::ListDraftsResponse, Refused> {
        let size = pages::size(request.page_size)?;
        let wanted = wire::DraftState::try_from(request.state)
            .map_err(|_| Refused::field("state", "FIELD_INVALID", "there is no such state"))?;
        let listed: Vec<&str> = FIELDS.iter().copied().filter(|field| !EXACT.contains(field)).collect();
        let mask = Mask::parse(request.read_mask, &listed)?;
        let pages = Pages::of("drafts", &[wanted.as_str_name()]);
        let mut before = pages.number(&request.page_token)?.unwrap_or(u64::MAX);
        let (mut drafts, mut unopened, mut looked) = (Vec::new(), Vec::new(), 0_usize);
        loop {
            let batch = self.desk.register.held_before(before, limits::PAGE_MAX)?;
            if batch.is_empty() {
                return Ok(wire::ListDraftsResponse { drafts, next_page_token: String::new(), unopened });
            }
            for held in batch {
                before = held.number;
                looked = looked.saturating_add(1);
                let entry = self.desk.register.draft(&held.dispatch)?;
                let is_wanted = wanted == wire::DraftState::Unspecified
                    || entry.is_some_and(|entry| state(entry.state) == wanted);
                if is_wanted {
                    match self.opened(&held) {
                        Ok(draft) => drafts.push(masked(self.shown(&draft)?, &mask)),
                        // The others are there all the same.
                        Err(_) => {
                            tracing::error!(draft = %held.dispatch, "a draft that is held does not open");
                            unopened.push(format!("drafts/{}", held.dispatch.hex()));
                        }
                    }
                }
                if drafts.len().saturating_add(unopened.len()) >= size || looked >= limits::PAGE_ROWS_MAX {
                    let next_page_token = pages.token(&before.to_string());
                    return Ok(wire::ListDraftsResponse { drafts, next_page_token, unopened });
                }
            }
        }
    }

    /// Has a draft signed by an office that clears it.
    pub(super) fn clear_draft(
        &self,
        visitor: &Visitor,
        request: wire::ClearDraftRequest,
    ) -> Result<wire::Draft, Refused> {
        let errand = match self.meet(visitor, "ClearDraft", &request.request_id, &request)? {
            Met::New(errand) => errand,
            Met::Done(subject) => return self.draft_of(&subject),
        };
        let (held, mut draft) = self.held(&request.name)?;
        self.desk.open_entry(&draft)?;
        if self.desk.register.hands(&held.dispatch)?.iter().any(|hand| hand.client == visitor.name()) {
            return Err(four_eyes("whoever had a hand in a draft does not clear it"));
        }
        let trust = self.trust()?;
        let office = match request.office.as_str() {
            "" => self.clearing_office(&trust, &draft)?,
            named => named.to_owned(),
        };
        if !visitor.may_sign_as(&office) {
            let message = format!("this client may not have the desk sign as {office}");
            return Err(Refused::new(Code::PermissionDenied, "OFFICE_NOT_PERMITTED", message));
        }
        let (_, due) = self.desk.asked_of(&trust, &draft, &office)?;
        if due.iter().any(|kind| kind.releases()) {
            let message = format!("{office} releases this draft: ReleaseDraft");
            return Err(Refused::new(Code::FailedPrecondition, "NOTHING_TO_CLEAR", message));
        }
        let signed = self.desk.sign_draft(&trust, &self.keys, &mut draft, &office)?;
        let hands: Vec<Hand> = signed.iter().map(|kind| hand(kind.word(), &office, visitor)).collect();
        let sealed = vault::seal(self.keys.reading()?.as_ref(), &draft.text()?, self.desk.entropy.as_ref())?;
        let errand = Errand { subject: held.dispatch.as_bytes().to_vec(), ..errand };
        self.desk.register.hold_signed(&held, &sealed, &hands, &errand)?;
        self.tell();
        self.shown(&draft)
    }

    /// The office whose turn it is to clear a draft.
    fn clearing_office(&self, trust: &Trust, draft: &DraftFile) -> Result<String, Refused> {
        let standing = self.desk.standing(trust, draft)?;
        let next = standing.due().find(|step| !step.expected.kind.releases());
        next.map(|step| label(&step.expected.credential)).ok_or_else(|| {
            Refused::new(
                Code::FailedPrecondition,
                "NOTHING_TO_CLEAR",
                "no clearance of this draft is missing",
            )
        })
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

    /// A draft that the service holds, by its name.
    pub(super) fn held(&self, name: &str) -> Result<(Held, DraftFile), Refused> {
        let wrong =
            || Refused::field("name", "INVALID_NAME", "drafts/ and 64 hexadecimal digits are expected");
        let digest = name.strip_prefix("drafts/").and_then(|digest| Digest::parse(digest).ok());
        let held = self.desk.register.held(&digest.ok_or_else(wrong)?)?;
        let held = held.ok_or_else(|| Refused::from(DeskError::from(DraftRefusal::Unknown)))?;
        let draft = self.opened(&held)?;
        Ok((held, draft))
    }

    fn opened(&self, held: &Held) -> Result<DraftFile, Refused> {
        let text = vault::open(self.keys.reading()?.as_ref(), &held.sealed)?;
        let draft = DraftFile::parse(&text, &self.desk.config.uploads())?;
        if draft.digest() == held.dispatch {
            return Ok(draft);
        }
        Err(DeskError::from(DraftRefusal::Altered("it is held under another name".to_owned())).into())
    }

    /// The draft that came of a request.
    pub(super) fn draft_of(&self, subject: &[u8]) -> Result<wire::Draft, Refused> {
        let digest =
            Digest::from_slice(subject).map_err(|_| Refused::from(RegisterFault::Damaged("an errand")))?;
        let (_, draft) = self.held(&format!("drafts/{}", digest.hex()))?;
        self.shown(&draft)
    }

    /// A draft as it stands now.
    pub(super) fn shown(&self, draft: &DraftFile) -> Result<wire::Draft, Refused> {
        self.shown_with(draft, &Withheld::of(Some(draft.act()), &draft.dispatch().documents))
    }

    fn shown_with(&self, draft: &DraftFile, withheld: &Withheld) -> Result<wire::Draft, Refused> {
        let digest = draft.digest();
        let entry = self.desk.register.draft(&digest)?;
        let hands = self.desk.register.hands(&digest)?;
        let standing = self.desk.standing(&*self.trust()?, draft).ok();
        Ok(Shown { draft, entry: entry.as_ref(), standing: standing.as_ref(), hands: &hands, withheld }
            .to_wire())
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
            let message = format!("this client may not have the desk sign as {office}");
            Refused::new(Code::PermissionDenied, "OFFICE_NOT_PERMITTED", message)
        }
        _ => cause.into(),
    }
}

pub(super) fn four_eyes(message: &str) -> Refused {
    Refused::new(Code::PermissionDenied, "FOUR_EYES", message)
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

fn masked(whole: wire::Draft, mask: &Mask) -> wire::Draft {
    if mask.is_silent() {
        return whole;
    }
    let mut kept = wire::Draft::default();
    macro_rules! keep {
        ($($field:ident),+) => {
            $(if mask.names(stringify!($field)) {
                kept.$field = whole.$field;
            })+
        };
    }
    keep!(
        name,
        state,
        formal_number,
        compose_time,
        composed_by,
        consultation,
        channel,
        addressees,
        precedence,
        level,
        form,
        act,
        documents,
        steps,
        findings,
        dispatch,
        address
    );
    kept
}
