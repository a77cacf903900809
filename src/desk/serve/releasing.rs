//! Releases: a cleared draft leaves, a protective act leaves at once, and a copy that nobody has answered for is
//! withdrawn.
//!
//! The name of a draft or an act enters; the copies that were made of it leave. Whoever composed or cleared a draft
//! never releases it, and one request never releases twice, whatever dies meanwhile.

use std::sync::Arc;

use tonic::Code;

use super::draft_out::label;
use super::drafting::{hand, office_not_permitted, wishes};
use super::errands::{Met, reused};
use super::paths::Shape;
use super::refusals::Refused;
use super::visitors::Visitor;
use super::{Service, message_out};
use crate::consultation::rules;
use crate::desk::accreditation::Trust;
use crate::desk::compose::Composition;
use crate::desk::draft::{DraftFile, DraftRefusal};
use crate::desk::error::DeskError;
use crate::desk::reference::Entry;
use crate::desk::register::{Errand, Hand, Marks, RegisterFault, SentState};
use crate::digest::Digest;
use crate::message::terms::ActClass;
use crate::proto::desk::v1 as wire;

impl Service {
    /// Releases a draft.
    pub(super) async fn release_draft(
        self: Arc<Self>,
        visitor: Visitor,
        request: wire::ReleaseDraftRequest,
    ) -> Result<wire::ReleaseDraftResponse, Refused> {
        let errand = match self.meet(&visitor, "ReleaseDraft", &request.request_id, &request)? {
            Met::New(errand) => errand,
            Met::Done(subject) => return self.copies(&subject),
        };
        let trust = self.trust()?;
        let (preparing, by, name) = (trust.clone(), visitor.clone(), request.name.clone());
        let (composition, hands) = self.apart(move |service| service.prepare(&preparing, &by, &name)).await?;
        self.send(&trust, composition, hands, errand).await
    }

    /// Has a draft signed by the offices that release it, and judges it again.
    fn prepare(
        &self,
        trust: &Trust,
        visitor: &Visitor,
        name: &str,
    ) -> Result<(Composition, Vec<(Digest, Hand)>), Refused> {
        let rule = "whoever composed or cleared a draft does not release it";
        let (held, mut draft) = self.untouched(visitor, name, rule)?;
        let mut hands = Vec::new();
        while let Some(office) = self.releasing_office(trust, &draft)? {
            if !visitor.may_sign_as(&office) {
                return Err(office_not_permitted(&office));
            }
            let signed = self.desk.sign_draft(trust, &self.keys, &mut draft, &office)?;
            hands.extend(signed.iter().map(|kind| (held.dispatch, hand(kind.word(), &office, visitor))));
        }
        Ok((self.desk.ready(trust, &self.keys, draft)?, hands))
    }

    /// The office that signs next at a release; none when all have signed. Refused while a clearance is missing.
    fn releasing_office(&self, trust: &Trust, draft: &DraftFile) -> Result<Option<String>, Refused> {
        let standing = self.desk.standing(trust, draft)?;
        if let Some(step) = standing.due().find(|step| !step.expected.kind.releases()) {
            let missing = format!("{} by {}", step.expected.kind, label(&step.expected.credential));
            return Err(DeskError::from(DraftRefusal::NotYet("clearances", missing)).into());
        }
        Ok(standing.due().next().map(|step| label(&step.expected.credential)))
    }

    /// Sends what was composed; what it was sent for is noted with it.
    async fn send(
        &self,
        trust: &Trust,
        composition: Composition,
        hands: Vec<(Digest, Hand)>,
        errand: Errand,
    ) -> Result<wire::ReleaseDraftResponse, Refused> {
        let (client, request_id) = (errand.client.clone(), errand.request_id.clone());
        let asked = errand.fingerprint.clone();
        let marks = Marks { errands: vec![errand], hands, ..Marks::default() };
        // One after the other, in the order in which they came, instead of all at the lock of the desk; what protects
        // somebody goes there at once.
        let _turn = match composition.act.class() {
            ActClass::Protective => None,
            _ => Some(self.releasing.lock().await),
        };
        let sent = self.desk.send_marked(trust, &self.keys, composition, marks, |_| {}).await;
        self.tell();
        self.wake.notify_one();
        let done = self.desk.register.errand(&client, &request_id)?;
        self.copies(&came_of(done, &asked, sent.map(|_| ()))?)
    }

    /// Sends a protective act.
    pub(super) async fn send_protective_act(
        self: Arc<Self>,
        visitor: Visitor,
        request: wire::SendProtectiveActRequest,
    ) -> Result<wire::ReleaseDraftResponse, Refused> {
        let errand = match self.meet(&visitor, "SendProtectiveAct", &request.request_id, &request)? {
            Met::New(errand) => errand,
            Met::Done(subject) => return self.copies(&subject),
        };
        let content = request.content.clone();
        let content =
            content.ok_or_else(|| Refused::field("content", "FIELD_MISSING", "an act is expected"))?;
        let texts = content.texts.len();
        let trust = self.trust()?;
        let (composing, by) = (trust.clone(), visitor.clone());
        let composed = self.apart(move |service| {
            let folder = service.desk.config.uploads();
            let draft = service.drafted(&composing, content)?;
            if draft.act.kind().class() != ActClass::Protective {
                let message = "only protective acts go at once; others are drafted, cleared and released";
                return Err(Refused::new(Code::FailedPrecondition, "NOT_PROTECTIVE", message));
            }
            let wishes = wishes(&by, Vec::new(), Vec::new())?;
            let shape = Shape::of(texts, draft.act.kind().word());
            let Service { desk, keys, .. } = service;
            let composed = desk.compose_with(&composing, keys, &draft, &folder, &wishes)?;
            if rules::forbids(&composed.findings) {
                return Err(Refused::from(DeskError::Forbidden(composed.findings)).pointing(&shape));
            }
            Ok(composed)
        });
        let composition = composed.await?;
        let offices = composition.offices.iter().flatten().map(|office| office.label());
        if let Some(office) = offices.into_iter().find(|office| !visitor.may_sign_as(office)) {
            let message = format!("this client may not have the desk sign as {office}");
            return Err(Refused::new(Code::PermissionDenied, "OFFICE_NOT_PERMITTED", message));
        }
        self.send(&trust, composition, Vec::new(), errand).await
    }

    /// The registered copies that came of a release: digest of the dispatch, then the consultation.
    fn copies(&self, subject: &[u8]) -> Result<wire::ReleaseDraftResponse, Refused> {
        let damaged = || Refused::from(RegisterFault::Damaged("an errand"));
        let (digest, consultation) = subject.split_at_checked(DIGEST_BYTES).ok_or_else(damaged)?;
        let consultation = std::str::from_utf8(consultation).map_err(|_| damaged())?;
        let mut copies = self.desk.register.sent_in(consultation)?;
        copies.retain(|copy| copy.dispatch_digest.as_bytes().as_slice() == digest);
        copies.sort_by(|one, other| one.recipient.cmp(&other.recipient));
        let shown = copies.into_iter().map(|copy| message_out::registered(&self.desk, &Entry::Sent(copy)));
        let owed = self.desk.register.owed()?.into_iter();
        let owed = owed.filter(|one| one.dispatch.as_bytes().as_slice() == digest);
        let owed = owed.map(|one| one.recipient.to_string()).collect();
        Ok(wire::ReleaseDraftResponse { messages: shown.collect(), owed })
    }

    /// Withdraws a copy that its recipient has not answered for.
    pub(super) async fn withdraw_note(
        self: Arc<Self>,
        visitor: Visitor,
        request: wire::WithdrawNoteRequest,
    ) -> Result<wire::Message, Refused> {
        let met = self.meet(&visitor, "WithdrawNote", &request.request_id, &request)?;
        let entry = self.entry(&request.name)?;
        let Entry::Sent(copy) = &entry else {
            let message = "it was received: only what this desk sent is withdrawn here";
            return Err(Refused::new(Code::FailedPrecondition, "NOT_SENT_HERE", message));
        };
        let Met::New(errand) = met else { return Ok(message_out::registered(&self.desk, &entry)) };
        let given_up = match copy.state {
            // Done by somebody else, or by this very request before a crash.
            SentState::Withdrawn => copy.clone(),
            _ => {
                let trust = self.trust()?;
                let mut mailbox = self.desk.mailbox(&self.keys).await?;
                self.desk
                    .withdraw_copy((trust.as_ref(), &self.keys), &mut mailbox, &copy.id)
                    .await
                    .map_err(too_late)?
            }
        };
        let subject = given_up.id.as_bytes().to_vec();
        self.desk.register.note_errand(&Errand { subject, ..errand })?;
        self.tell();
        Ok(message_out::registered(&self.desk, &Entry::Sent(given_up)))
    }
}

/// What came of a request, as it stands in the register under its id.
fn came_of(done: Option<Errand>, asked: &[u8], sent: Result<(), DeskError>) -> Result<Vec<u8>, Refused> {
    match (done, sent) {
        // Registered, whatever the gateway said since: that stands with each copy.
        (Some(done), _) if done.fingerprint == asked => Ok(done.subject),
        // Another request of this client was faster under the same id: what it did was not asked for here.
        (Some(_), _) => Err(reused()),
        (None, Err(cause)) => Err(cause.into()),
        (None, Ok(())) => Err(RegisterFault::Overtaken.into()),
    }
}

/// What is settled cannot be withdrawn here; what can be done instead is said.
fn too_late(cause: DeskError) -> Refused {
    let DeskError::NotStuck { state, .. } = cause else { return cause.into() };
    let message = match state {
        SentState::Delivered => {
            "its recipient has it, and nothing un-sends a note: take back what it says by the act note-withdrawal, or a \
             person's will by will-withdrawal"
        }
        _ => "its recipient refused it, or it expired: there is nothing to withdraw",
    };
    Refused::new(Code::FailedPrecondition, "ALREADY_SETTLED", message)
}

/// Bytes of a digest.
const DIGEST_BYTES: usize = 32;

#[cfg(test)]
mod tests {
    use tonic::Status;

    use super::*;
    use crate::time::Timestamp;
    use crate::transport::status::reason_of;

    fn done(fingerprint: &[u8]) -> Option<Errand> {
        Some(Errand {
            client: "head".to_owned(),
            request_id: "r-1".to_owned(),
            fingerprint: fingerprint.to_vec(),
            subject: b"what it did".to_vec(),
            time: Timestamp::from_seconds(0),
        })
    }

    fn reason(came: Result<Vec<u8>, Refused>) -> String {
        reason_of(&Status::from(came.unwrap_err())).unwrap()
    }

    #[test]
    fn what_another_request_did_under_the_same_id_is_not_the_answer_to_this_one() {
        let away = || Err(DeskError::GatewayAway("it is away".to_owned()));
        for sent in [Ok(()), away()] {
            assert_eq!(came_of(done(b"this"), b"this", sent).unwrap(), b"what it did");
        }
        for sent in [Ok(()), away(), Err(RegisterFault::DoneBefore.into())] {
            assert_eq!(reason(came_of(done(b"another"), b"this", sent)), "REQUEST_ID_REUSED");
        }
        assert_ne!(reason(came_of(None, b"this", away())), "REQUEST_ID_REUSED");
        assert!(came_of(None, b"this", Ok(())).is_err(), "nothing was noted for it");
    }
}
