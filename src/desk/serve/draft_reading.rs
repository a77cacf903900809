//! What whoever clears and releases is to see of a draft: its texts, and the documents that go with it.
//!
//! A draft that the service holds enters; words and bytes leave, as those of messages do: verified whole before the
//! first byte, and nothing that tells who a person is until an office asks that may know.

use std::io::Write;
use std::sync::Arc;

use tokio::runtime::Handle;
use tonic::Code;

use super::Service;
use super::draft_out;
use super::names::names_withheld;
use super::outlet::{Answers, End, Outlet, Spout};
use super::permission::OFFICE_WORK;
use super::refusals::Refused;
use super::visitors::Visitor;
use crate::consultation::withholding::Withheld;
use crate::desk::documents::{Source, measured};
use crate::desk::draft::{DraftFile, DraftRefusal};
use crate::desk::error::DeskError;
use crate::limits;
use crate::message::dispatch::Document;
use crate::message::terms::DocumentClass;
use crate::proto::desk::v1 as wire;

/// A draft as it is shown alone, with the words of its diplomatic texts. One whose text is gone is shown without.
pub(super) fn with_words(mut shown: wire::Draft, draft: &DraftFile, withheld: &Withheld) -> wire::Draft {
    let Ok(words) = draft.words() else { return shown };
    let listed = shown.documents.iter_mut().zip(&draft.dispatch().documents).zip(words).enumerate();
    for (place, ((info, document), words)) in listed {
        let is_text = document.class == DocumentClass::DiplomaticText && !withheld.document(place);
        let words = words.filter(|words| is_text && words.len() <= limits::SHOWN_TEXT_BYTES_MAX);
        info.words = words.unwrap_or_default();
    }
    shown
}

impl Service {
    /// Hands out a document of a draft, after all of it was verified.
    pub(super) async fn download_of_draft(
        self: Arc<Self>,
        visitor: Visitor,
        request: wire::DownloadDocumentRequest,
    ) -> Result<Answers<wire::DownloadDocumentResponse>, Refused> {
        if !OFFICE_WORK.iter().any(|role| visitor.may(*role)) {
            let message = "what drafts say is for the roles draft, clear and release";
            return Err(Refused::new(Code::PermissionDenied, "WRONG_ROLE", message));
        }
        let place = self.place_to_hand_out()?;
        let (_, draft) = self.held(&request.message)?;
        let mut listed = draft.dispatch().documents.iter().zip(draft.sources());
        let found = listed.find(|(document, _)| document.document_id == request.document_id);
        let (document, source) =
            found.map(|(document, source)| (document.clone(), source.clone())).ok_or_else(|| {
                Refused::new(Code::NotFound, "NO_SUCH_DOCUMENT", "the draft has no document of this id")
            })?;
        let what = (Some(draft.act()), std::slice::from_ref(&document));
        let named = draft.digest().hex();
        let is_withheld = Withheld::of(what.0, what.1).document(0);
        if is_withheld && self.withheld(&visitor, what, &named, &request.names_as)?.document(0) {
            return Err(names_withheld());
        }
        if request.offset > document.size {
            return Err(Refused::field("offset", "OUT_OF_RANGE", "the document ends before"));
        }
        let verified = self.apart(move |_| {
            let found = measured(&source)?;
            match (found.size, found.digest) == (document.size, document.digest) {
                true => Ok((source, document)),
                false => Err(altered().into()),
            }
        });
        let (source, document) = verified.await?;
        Ok(self.hand_out(visitor, place, move |outlet, runtime| {
            hand_out(outlet, runtime, (&source, &document), request.offset)
        }))
    }
}

fn hand_out(
    outlet: &Outlet<wire::DownloadDocumentResponse>,
    runtime: &Handle,
    (source, document): (&Source, &Document),
    offset: u64,
) -> Result<(), End> {
    let described = Some(draft_out::document(document, false));
    runtime
        .block_on(outlet.hand(wire::DownloadDocumentResponse { document: described, content: Vec::new() }))?;
    let shape = |content| wire::DownloadDocumentResponse { document: None, content };
    let mut spout = Spout::new(outlet, runtime.clone(), offset, shape);
    let mut plain = source.open().map_err(|cause| End::Told(cause.into()))?;
    let handed_out = std::io::copy(&mut plain, &mut spout).and_then(|_| spout.flush());
    // Its reader is gone, or what was verified before is not there any more.
    handed_out.map_err(|cause| spout.end.take().unwrap_or_else(|| End::Told(source.unreadable(cause).into())))
}

fn altered() -> DeskError {
    DraftRefusal::Altered("a document of it is not the one that it names".to_owned()).into()
}
