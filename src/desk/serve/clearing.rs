//! Clearances: a draft that one client composed is signed by an office through another.
//!
//! A draft that is open enters; it leaves held anew, with one signature more and the hand that had it given, in the
//! transaction that notes the request. Nobody who had a hand in a draft clears it, and no office that releases signs
//! here.

use tonic::Code;

use super::draft_out::label;
use super::drafting::{hand, office_not_permitted};
use super::errands::Met;
use super::refusals::Refused;
use super::visitors::Visitor;
use super::{Service, vault};
use crate::desk::accreditation::Trust;
use crate::desk::draft::DraftFile;
use crate::desk::register::{Errand, Hand, Held};
use crate::proto::desk::v1 as wire;

impl Service {
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
        let (held, mut draft) = self.to_clear(visitor, &request.name)?;
        let trust = self.trust()?;
        let office = match request.office.as_str() {
            "" => self.clearing_office(&trust, &draft)?,
            named => named.to_owned(),
        };
        if !visitor.may_sign_as(&office) {
            return Err(office_not_permitted(&office));
        }
        let (_, due) = self.desk.asked_of(&trust, &draft, &office)?;
        if due.iter().any(|kind| kind.releases()) {
            let message = format!("{office} releases this draft: ReleaseDraft");
            return Err(Refused::new(Code::FailedPrecondition, "NOTHING_TO_CLEAR", message));
        }
        let signed = self.desk.sign_draft(&trust, &self.keys, &mut draft, &office)?;
        let hands: Vec<Hand> = signed.iter().map(|kind| hand(kind.word(), &office, visitor)).collect();
        self.keep_cleared(&held, &draft, &hands, errand)
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

    /// A draft that this client may clear.
    pub(super) fn to_clear(&self, visitor: &Visitor, name: &str) -> Result<(Held, DraftFile), Refused> {
        self.untouched(visitor, name, "whoever had a hand in a draft does not clear it")
    }

    /// Holds a draft with the signatures that it has now, by whose hands they came, and the request as done.
    pub(super) fn keep_cleared(
        &self,
        held: &Held,
        draft: &DraftFile,
        hands: &[Hand],
        errand: Errand,
    ) -> Result<wire::Draft, Refused> {
        let sealed = vault::seal(self.keys.reading()?.as_ref(), &draft.text()?, self.desk.entropy.as_ref())?;
        let errand = Errand { subject: held.dispatch.as_bytes().to_vec(), ..errand };
        self.desk.register.hold_signed(held, &sealed, hands, &errand)?;
        self.tell();
        self.shown(draft)
    }
}
