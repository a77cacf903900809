//! A form becomes a draft in clearance; a draft is based on a later past; a draft is cancelled.
//!
//! The formal number stands in the dispatch, so it is reserved when the draft is composed and kept by every later
//! version. A draft that is never released leaves its number void, as a message that was not sent does.

use std::path::Path;

use super::{DraftFile, DraftRefusal};
use crate::consultation::rules;
use crate::desk::Desk;
use crate::desk::accreditation::Trust;
use crate::desk::compose::{Composition, bears_number};
use crate::desk::error::DeskError;
use crate::desk::form::draft::Draft;
use crate::desk::keys::Keys;
use crate::desk::register::{DraftEntry, DraftState, Errand, Holding, RegisterFault};
use crate::desk::send::RELEASE_LOCK;
use crate::desk::signatories::Wishes;
use crate::entropy::random;
use crate::message::dispatch::Dispatch;
use crate::message::terms::{ActClass, AuthenticationKind};
use crate::time::Timestamp;
use crate::trust::policy::ChannelRule;

impl Desk {
    /// Composes a form for clearance, reserves its formal number, signs it as the drafting office, and registers it as
    /// open; `path` is where the caller writes its file. Also what was composed, to be shown.
    pub async fn compose_draft(
        &self,
        trust: &Trust,
        keys: &Keys,
        form: (&Draft, &Path),
        wishes: &Wishes,
        path: &Path,
    ) -> Result<(DraftFile, Composition), DeskError> {
        self.compose_draft_held(trust, keys, form, wishes, (path, None), |_| Ok(None)).await
    }

    /// The same of a draft that the desk service holds: what `holding` gives is registered with it, or nothing is.
    /// Where the errand was done meanwhile, no number is used up.
    pub(in crate::desk) async fn compose_draft_held(
        &self,
        trust: &Trust,
        keys: &Keys,
        form: (&Draft, &Path),
        wishes: &Wishes,
        (path, errand): (&Path, Option<&Errand>),
        holding: impl FnOnce(&DraftFile) -> Result<Option<Holding>, DeskError>,
    ) -> Result<(DraftFile, Composition), DeskError> {
        let (form, folder) = form;
        if form.act.kind().class() == ActClass::Protective {
            return Err(DraftRefusal::Protective.into());
        }
        // Formal numbers are given by one at a time.
        let _numbered_alone = self.hold(RELEASE_LOCK).await?;
        if let Some(errand) = errand
            && self.register.errand(&errand.client, &errand.request_id)?.is_some()
        {
            return Err(RegisterFault::DoneBefore.into());
        }
        // Before anything is judged: what comes meanwhile is later.
        let received_row = self.register.last_received_row()?;
        let mut composition = self.compose_with(trust, keys, form, folder, wishes)?;
        if rules::forbids(&composition.findings) {
            return Err(DeskError::Forbidden(composition.findings));
        }
        self.open_drafter(keys, &composition.dispatch)?;
        let now = self.clock.now();
        let number = match bears_number(form.form) && form.formal_number.is_none() {
            true => Some(self.register.reserve_formal_number(now.year())?),
            false => None,
        };
        if let Some(number) = number {
            composition.dispatch.formal_number = self.formal_number(now.year(), number);
        }
        let mut draft = DraftFile::unsigned(
            composition.address.clone(),
            composition.dispatch.clone(),
            composition.act.clone(),
            form.valid_until,
            composition.sources.clone(),
        );
        self.sign_as_drafter(keys, &mut draft)?;
        self.standing(trust, &draft)?;
        let entry = entry(&draft, (now, received_row), now.year(), number, path);
        let holding = holding(&draft)?;
        self.register.open_draft_held(&entry, None, holding.as_ref())?;
        Ok((draft, composition))
    }

    /// A later version of a draft, on the past that is known now: same number, same words, signed by the drafting
    /// office alone. The earlier version is void. One whose signatures hold and before which nothing came stands as it
    /// is.
    pub fn rebase(
        &self,
        trust: &Trust,
        keys: &Keys,
        draft: &DraftFile,
        path: &Path,
    ) -> Result<DraftFile, DeskError> {
        self.rebase_held(trust, keys, draft, path, |_| Ok(None))
    }

    /// The same of a draft that the desk service holds: what `holding` gives is registered with the later version. It
    /// is not asked where the draft stands as it is.
    pub(in crate::desk) fn rebase_held(
        &self,
        trust: &Trust,
        keys: &Keys,
        draft: &DraftFile,
        path: &Path,
        holding: impl FnOnce(&DraftFile) -> Result<Option<Holding>, DeskError>,
    ) -> Result<DraftFile, DeskError> {
        let entry_before = self.open_entry(draft)?;
        let rule = self.rule_of(trust, draft)?;
        let received_row = self.register.last_received_row()?;
        let basis = self.basis(trust, keys, draft.address(), rule)?;
        // What was cleared by an office that was revoked since, or whose key is another now, is signed anew.
        let holds = match self.standing(trust, draft) {
            Err(DeskError::DraftRefused(DraftRefusal::Signature { .. })) => false,
            standing => standing.map(|_| true)?,
        };
        let salt = match holds && self.unnumbered_since(trust, draft, &entry_before)?.is_empty() {
            true => draft.dispatch().salt,
            // No basis can name what came since: the offices sign other bytes, knowing it.
            false => random(self.entropy.as_ref()).map_err(|cause| DeskError::Draft(cause.to_string()))?,
        };
        let dispatch = Dispatch { basis, salt, ..draft.dispatch().clone() };
        let mut later = DraftFile::unsigned(
            draft.address().clone(),
            dispatch,
            draft.act().clone(),
            draft.valid_until(),
            draft.sources().to_vec(),
        );
        if later.bytes() == draft.bytes() {
            // Nothing was registered since: it stands as it is, with the signatures it has.
            return Ok(draft.clone());
        }
        self.sign_as_drafter(keys, &mut later)?;
        let now = self.clock.now();
        let entry = entry(&later, (now, received_row), entry_before.year, entry_before.formal_number, path);
        let holding = holding(&later)?;
        match self.register.open_draft_held(&entry, Some(&draft.digest()), holding.as_ref())? {
            true => Ok(later),
            false => Err(DraftRefusal::Superseded.into()),
        }
    }

    /// Cancels a draft: its number stays void, and no version of it is released.
    pub fn cancel_draft(&self, draft: &DraftFile) -> Result<DraftEntry, DeskError> {
        self.cancel_draft_for(draft, None)
    }

    /// The same on an errand of a client.
    pub(in crate::desk) fn cancel_draft_for(
        &self,
        draft: &DraftFile,
        errand: Option<&Errand>,
    ) -> Result<DraftEntry, DeskError> {
        let entry = self.open_entry(draft)?;
        match self.register.cancel_draft_for(&draft.digest(), errand)? {
            true => Ok(DraftEntry { state: DraftState::Cancelled, ..entry }),
            false => Err(DraftRefusal::AlreadyReleased.into()),
        }
    }

    /// What the register holds of a draft that is open; why not, of any other.
    pub(in crate::desk) fn open_entry(&self, draft: &DraftFile) -> Result<DraftEntry, DeskError> {
        let entry = self.register.draft(&draft.digest())?.ok_or(DraftRefusal::Unknown)?;
        let refusal = match entry.state {
            DraftState::Open => return Ok(entry),
            DraftState::Released => DraftRefusal::AlreadyReleased,
            DraftState::Cancelled => DraftRefusal::Cancelled,
            DraftState::Superseded => DraftRefusal::Superseded,
        };
        Err(refusal.into())
    }

    /// The channel of a draft as it is in force now.
    pub(super) fn rule_of<'a>(
        &self,
        trust: &'a Trust,
        draft: &DraftFile,
    ) -> Result<&'a ChannelRule, DeskError> {
        let channel = &draft.address().channel;
        let rule = trust.policy.as_ref().and_then(|policy| policy.channel(channel));
        rule.ok_or_else(|| DeskError::Trust(format!("no channel {channel} is in force")))
    }

    /// A wrong passphrase must not leave a void number behind.
    fn open_drafter(&self, keys: &Keys, dispatch: &Dispatch) -> Result<(), DeskError> {
        let drafting = dispatch.authentications.iter().find(|one| one.kind == AuthenticationKind::Draft);
        let Some(drafting) = drafting else { return Ok(()) };
        let offices = keys.offices()?;
        let office = offices.get(&drafting.credential).ok_or(DeskError::NoOffice(drafting.kind.word()))?;
        keys.office(office).map(|_| ())
    }

    fn sign_as_drafter(&self, keys: &Keys, draft: &mut DraftFile) -> Result<(), DeskError> {
        let drafting =
            draft.dispatch().authentications.iter().find(|one| one.kind == AuthenticationKind::Draft);
        let Some(drafting) = drafting.cloned() else { return Ok(()) };
        let offices = keys.offices()?;
        let office = offices.get(&drafting.credential).ok_or(DeskError::NoOffice(drafting.kind.word()))?;
        self.authenticate_draft(keys, draft, office, drafting.kind)
    }
}

/// What is registered of a draft that was composed now, when messages had been received up to this row.
fn entry(
    draft: &DraftFile,
    (now, received_row): (Timestamp, u64),
    year: i16,
    number: Option<u32>,
    path: &Path,
) -> DraftEntry {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    DraftEntry {
        dispatch: draft.digest(),
        year,
        formal_number: number,
        composed: now,
        state: DraftState::Open,
        path: path.to_string_lossy().into_owned(),
        received_row,
    }
}
