//! Drafts as clients see them: one by its name, or pages of them, newest first.
//!
//! A name or a page enters; drafts leave, opened out of what the service holds, with where they stand and whose hands
//! they went through. What identifies a person leaves only for an office that may know, and exact bytes of one draft
//! alone. A draft that does not open is named and hides no other.

use super::Service;
use super::draft_out::{Shown, state};
use super::draft_reading::with_words;
use super::names::names_withheld;
use super::pages::{self, Mask, Pages, maskable};
use super::refusals::Refused;
use super::vault;
use super::visitors::Visitor;
use crate::consultation::withholding::Withheld;
use crate::desk::draft::{DraftFile, DraftRefusal};
use crate::desk::error::DeskError;
use crate::desk::register::{Held, RegisterFault};
use crate::digest::Digest;
use crate::limits;
use crate::proto::desk::v1 as wire;

maskable! {
    wire::Draft:
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
    address,
}

/// Those of them that are shown of one draft alone.
const EXACT: [&str; 2] = ["dispatch", "address"];

impl Service {
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
}
