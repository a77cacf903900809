//! Messages: listed as they are registered, opened for whoever may read them, their documents handed out.

use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::OwnedSemaphorePermit;
use tonic::Code;

use super::message_out::{self, FIELDS, masked, registered};
use super::names::names_withheld;
use super::outlet::{Answers, End, Outlet, Spout};
use super::pages::{self, Mask, Pages, Span};
use super::refusals::Refused;
use super::visitors::Visitor;
use super::{Service, draft_out};
use crate::consultation::reference::ConsultationId;
use crate::consultation::withholding::Withheld;
use crate::desk::error::DeskError;
use crate::desk::parts::{SealedSource, open_document};
use crate::desk::reference::Entry;
use crate::desk::register::SentState;
use crate::limits;
use crate::message::dispatch::Document;
use crate::message::terms::Precedence;
use crate::proto::desk::v1 as wire;
use crate::trust::name::Ministry;
use crate::trust::role::Role;

/// What a list of messages is to hold.
struct Filter {
    direction: wire::Direction,
    consultation: Option<String>,
    peer: Option<Ministry>,
    unread_only: bool,
    span: Span,
    state: Option<SentState>,
}

/// The state that is asked for; none for any.
pub(super) fn sent_state(number: i32) -> Result<Option<SentState>, Refused> {
    let wrong = |_| Refused::field("state", "FIELD_INVALID", "there is no such state");
    let wanted = wire::SentState::try_from(number).map_err(wrong)?;
    Ok(Some(match wanted {
        wire::SentState::Unspecified => return Ok(None),
        wire::SentState::Released => SentState::Released,
        wire::SentState::Queued => SentState::Queued,
        wire::SentState::Delivered => SentState::Delivered,
        wire::SentState::Rejected => SentState::Rejected,
        wire::SentState::Expired => SentState::Expired,
        wire::SentState::Withdrawn => SentState::Withdrawn,
        wire::SentState::Void => SentState::Void,
    }))
}

/// Whether a message is in the state that is wanted; only sent ones are in any.
pub(super) fn is_in(entry: &Entry, state: Option<SentState>) -> bool {
    state.is_none_or(|wanted| matches!(entry, Entry::Sent(sent) if sent.state == wanted))
}

impl Filter {
    fn read(request: &wire::ListMessagesRequest) -> Result<Self, Refused> {
        let direction = wire::Direction::try_from(request.direction)
            .map_err(|_| Refused::field("direction", "FIELD_INVALID", "there is no such direction"))?;
        let peer = match request.peer.as_str() {
            "" => None,
            code => Some(
                Ministry::parse(code)
                    .map_err(|cause| Refused::field("peer", "FIELD_INVALID", cause.to_string()))?,
            ),
        };
        let consultation = match request.consultation.as_str() {
            "" => None,
            name => {
                let wrong =
                    |_| Refused::field("consultation", "FIELD_INVALID", "consultations/C-... is expected");
                let id = name.strip_prefix("consultations/").unwrap_or(name);
                Some(ConsultationId::parse(id).map_err(wrong)?.text())
            }
        };
        let (span, state) = (Span::read(request.from_time, request.before_time)?, sent_state(request.state)?);
        Ok(Self { direction, consultation, peer, unread_only: request.unread_only, span, state })
    }

    fn takes(&self, entry: &Entry) -> bool {
        let (peer, is_unread, released) = match entry {
            Entry::Received(received) => {
                (&received.sender, received.read_time.is_none(), received.release_time)
            }
            Entry::Sent(sent) => (&sent.recipient, false, sent.release_time),
        };
        self.consultation.as_ref().is_none_or(|wanted| entry.consultation() == wanted)
            && self.peer.as_ref().is_none_or(|wanted| peer == wanted)
            && (is_unread || !self.unread_only)
            && self.span.contains(released)
            && is_in(entry, self.state)
    }
}

/// Where a list of messages has come to: received ones first, then sent ones, each by its row.
#[derive(Clone, Copy)]
enum Place {
    Received(u64),
    Sent(u64),
}

impl Place {
    fn text(self) -> String {
        match self {
            Self::Received(row) => format!("r{row}"),
            Self::Sent(row) => format!("s{row}"),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        match text.split_at_checked(1)? {
            ("r", row) => Some(Self::Received(row.parse().ok()?)),
            ("s", row) => Some(Self::Sent(row.parse().ok()?)),
            _ => None,
        }
    }
}

impl Service {
    /// Lists messages.
    pub(super) async fn list_messages(
        self: Arc<Self>,
        visitor: Visitor,
        request: wire::ListMessagesRequest,
    ) -> Result<wire::ListMessagesResponse, Refused> {
        let mask = Mask::parse(request.read_mask.clone(), FIELDS)?;
        let opens = mask.names("content");
        if opens && !visitor.may(Role::Read) {
            return Err(not_a_reader());
        }
        let (entries, next_page_token) = self.apart(move |service| service.page(&request)).await?;
        let mut messages = Vec::with_capacity(entries.len());
        let mut room = limits::LISTED_WORDS_BYTES_MAX;
        for entry in entries {
            let shown = match opens {
                true => self
                    .opened_message(&visitor, &entry, "")
                    .await
                    .unwrap_or_else(|_| registered(&self.desk, &entry)),
                false => registered(&self.desk, &entry),
            };
            messages.push(masked(message_out::within(shown, &mut room), &mask));
        }
        Ok(wire::ListMessagesResponse { messages, next_page_token })
    }

    fn page(&self, request: &wire::ListMessagesRequest) -> Result<(Vec<Entry>, String), Refused> {
        let size = pages::size(request.page_size)?;
        let filter = Filter::read(request)?;
        let bare = wire::ListMessagesRequest {
            page_token: String::new(),
            page_size: 0,
            read_mask: None,
            ..request.clone()
        };
        let pages = Pages::of_message("messages", &bare);
        let wrong = || Refused::field("page_token", "INVALID_PAGE_TOKEN", "it is not a token of this list");
        let mut place = match pages.place(&request.page_token)? {
            Some(place) => Place::parse(&place).ok_or_else(wrong)?,
            None if filter.direction == wire::Direction::Sent => Place::Sent(0),
            None => Place::Received(0),
        };
        let (mut found, mut looked) = (Vec::new(), 0_usize);
        loop {
            let batch = self.after(place)?;
            if batch.is_empty() {
                match place {
                    Place::Received(_) if filter.direction == wire::Direction::Unspecified => {
                        place = Place::Sent(0);
                        continue;
                    }
                    _ => return Ok((found, String::new())),
                }
            }
            for (at, entry) in batch {
                place = at;
                looked = looked.saturating_add(1);
                found.extend(Some(entry).filter(|entry| filter.takes(entry)));
                if found.len() >= size || looked >= limits::PAGE_ROWS_MAX {
                    return Ok((found, pages.token(&place.text())));
                }
            }
        }
    }

    fn after(&self, place: Place) -> Result<Vec<(Place, Entry)>, Refused> {
        let register = &self.desk.register;
        Ok(match place {
            Place::Received(row) => {
                let rows = register.received_after(row, limits::PAGE_MAX)?.into_iter();
                rows.map(|(row, entry)| (Place::Received(row), Entry::Received(entry))).collect()
            }
            Place::Sent(row) => {
                let rows = register.sent_after(row, limits::PAGE_MAX)?.into_iter();
                rows.map(|(row, entry)| (Place::Sent(row), Entry::Sent(entry))).collect()
            }
        })
    }

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
    async fn opened_message(
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
        let (outlet, answers) =
            Outlet::open(visitor, limits::PIECES_WAITING_MAX, self.patience, self.stop.clone());
        let (service, runtime) = (self.clone(), Handle::current());
        tokio::task::spawn_blocking(move || {
            let _place = place;
            let end = service.hand_out_document(&outlet, &runtime, &sealed, &document, request.offset);
            // Whoever reads nothing is waited for without this thread.
            runtime.spawn(outlet.end(end, READER_TOO_SLOW));
        });
        Ok(answers)
    }

    fn hand_out_document(
        &self,
        outlet: &Outlet<wire::DownloadDocumentResponse>,
        runtime: &Handle,
        sealed: &SealedSource,
        document: &Document,
        offset: u64,
    ) -> Result<(), End> {
        let described = Some(draft_out::document(document));
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

    /// A place among those to whom something is handed out: each holds a thread.
    pub(super) fn place_to_hand_out(&self) -> Result<OwnedSemaphorePermit, Refused> {
        self.handing_out.clone().try_acquire_owned().map_err(|_| {
            let message = "too many downloads are under way at this desk";
            Refused::new(Code::ResourceExhausted, "TOO_MANY_DOWNLOADS", message).later()
        })
    }
}

/// Reason of a download that is read too slowly.
pub(super) const READER_TOO_SLOW: &str = "READER_TOO_SLOW";

pub(super) fn not_a_reader() -> Refused {
    Refused::new(Code::PermissionDenied, "WRONG_ROLE", "what messages say is for the role read")
}
