//! Messages: opened for whoever may read them, their documents handed out.
//!
//! The name of a message enters; what it says leaves, verified and judged, or one document of it. Nothing leaves before
//! all that covers it was verified, and nothing that tells who a person is until an office asks that may know.

use std::sync::Arc;

use tokio::runtime::Handle;
use tonic::Code;

use super::message_out::{self, FIELDS, masked, registered};
use super::names::names_withheld;
use super::outlet::{Answers, End, Outlet, Spout};
use super::pages::Mask;
use super::refusals::Refused;
use super::visitors::Visitor;
use super::{Service, draft_out};
use crate::consultation::withholding::Withheld;
use crate::desk::error::DeskError;
use crate::desk::parts::{SealedSource, open_document};
use crate::desk::reference::Entry;
use crate::message::dispatch::Document;
use crate::message::terms::Precedence;
use crate::proto::desk::v1 as wire;
use crate::trust::role::Role;

impl Service {
    /// Shows one message; whoever may read it is shown what it says, and it is read then.
    pub(super) async fn get_message(
        self: Arc<Self>,
        visitor: Visitor,
        request: wire::GetMessageRequest,
    ) -> Result<wire::Message, Refused> {
        let mask = Mask::parse(request.read_mask, FIELDS)?;
        let entry = self.entry(&request.name)?;
        let shown = match (mask.wants("content"), visitor.may(Role::Read)) {
            (true, true) => self.opened_message(&visitor, &entry, &request.names_as).await?,
            (true, false) if mask.names("content") => return Err(not_a_reader()),
            _ => registered(&self.desk, &entry),
        };
        Ok(masked(shown, &mask))
    }

    /// A message, opened: verified, judged, and marked as read where it was received.
    pub(super) async fn opened_message(
        self: &Arc<Self>,
        visitor: &Visitor,
        entry: &Entry,
        names_as: &str,
    ) -> Result<wire::Message, Refused> {
        let wanted = entry.clone();
        let opened = self
            .apart(move |service| Ok(service.desk.read(&*service.trust()?, &service.keys, &wanted)?))
            .await?;
        if opened.envelope.header().address().precedence >= Precedence::Immediate {
            // Its sender is alarmed until somebody has seen it: the registry answers.
            self.wake.notify_one();
        }
        self.tell();
        let mut mailbox = None;
        let texts = self.desk.open_texts(&self.keys, &opened, &mut mailbox).await?;
        let (act, documents) = (opened.act(), opened.dispatch.dispatch().documents.as_slice());
        let mut withheld = Withheld::of(act, documents);
        if withheld.words() {
            // Nobody signs for having asked what is not shown here anyway: documents are downloaded.
            withheld = self.withheld(visitor, (act, documents), &entry.id().to_string(), names_as)?;
        }
        let content = Some(message_out::content(&opened, &texts, &withheld));
        // What was noted by reading it is shown.
        let now = self.desk.find(&entry.id().to_string())?;
        Ok(wire::Message { content, ..registered(&self.desk, &now) })
    }

    /// The registered message of a name.
    pub(super) fn entry(&self, name: &str) -> Result<Entry, Refused> {
        self.entry_named(name, "name")
    }

    fn entry_named(&self, name: &str, field: &str) -> Result<Entry, Refused> {
        let wrong = || Refused::field(field, "INVALID_NAME", "messages/ and a message id are expected");
        let reference =
            name.strip_prefix("messages/").filter(|rest| !rest.starts_with('@')).ok_or_else(wrong)?;
        Ok(self.desk.find(reference)?)
    }

    /// Hands out a document of a message, after all of it was verified: it is opened twice, so that nothing of it ever
    /// stands on a disk in plain.
    pub(super) async fn download_document(
        self: Arc<Self>,
        visitor: Visitor,
        request: wire::DownloadDocumentRequest,
    ) -> Result<Answers<wire::DownloadDocumentResponse>, Refused> {
        if request.message.starts_with("drafts/") {
            return self.download_of_draft(visitor, request).await;
        }
        if request.message.starts_with("messages/") && !visitor.may(Role::Read) {
            return Err(not_a_reader());
        }
        let place = self.place_to_hand_out()?;
        let entry = self.entry_named(&request.message, "message")?;
        let opened = self
            .apart(move |service| {
                Ok(service.desk.unseal_unjudged(&*service.trust()?, &service.keys.reading()?, &entry)?)
            })
            .await?;
        let documents = &opened.dispatch.dispatch().documents;
        let found = (1_usize..).zip(documents).find(|(_, one)| one.document_id == request.document_id);
        let (number, document) =
            found.map(|(number, document)| (number, document.clone())).ok_or_else(|| {
                Refused::new(Code::NotFound, "NO_SUCH_DOCUMENT", "the message has no document of this id")
            })?;
        let what = (opened.act(), std::slice::from_ref(&document));
        let message = opened.envelope.id().to_string();
        // Nobody signs for having asked what is for every reader; who goes on at an offset is shown a name as well.
        let is_withheld = Withheld::of(what.0, what.1).document(0);
        if is_withheld && self.withheld(&visitor, what, &message, &request.names_as)?.document(0) {
            return Err(names_withheld());
        }
        if request.offset > document.size {
            return Err(Refused::field("offset", "OUT_OF_RANGE", "the document ends before"));
        }
        let mut mailbox = None;
        let sealed = self.desk.sealed_part(&self.keys, &opened.envelope, number, &mut mailbox).await?;
        let verified = self.apart(move |service| {
            open_document(&service.keys.reading()?, sealed.reader()?, &document, std::io::sink())
                .map_err(DeskError::from)?;
            Ok((sealed, document))
        });
        let (sealed, document) = verified.await?;
        let service = self.clone();
        Ok(self.hand_out(visitor, place, move |outlet, runtime| {
            service.hand_out_document(outlet, runtime, &sealed, &document, request.offset)
        }))
    }

    fn hand_out_document(
        &self,
        outlet: &Outlet<wire::DownloadDocumentResponse>,
        runtime: &Handle,
        sealed: &SealedSource,
        document: &Document,
        offset: u64,
    ) -> Result<(), End> {
        let described = Some(draft_out::document(document, false));
        let first = wire::DownloadDocumentResponse { document: described, content: Vec::new() };
        runtime.block_on(outlet.hand(first))?;
        let shape = |content| wire::DownloadDocumentResponse { document: None, content };
        let mut spout = Spout::new(outlet, runtime.clone(), offset, shape);
        let unreadable = |cause: DeskError| End::Told(cause.into());
        let key = self.keys.reading().map_err(unreadable)?;
        let handed_out = open_document(&key, sealed.reader().map_err(unreadable)?, document, &mut spout);
        // What was verified before is refused now: somebody changed it meanwhile.
        handed_out.map_err(|refusal| spout.end.take().unwrap_or_else(|| unreadable(refusal.into())))
    }
}

/// The refusal of whoever may not read what messages say.
pub(super) fn not_a_reader() -> Refused {
    Refused::new(Code::PermissionDenied, "WRONG_ROLE", "what messages say is for the role read")
}
