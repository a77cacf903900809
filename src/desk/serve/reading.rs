//! Messages: listed as they are registered, opened for whoever may read them, their documents handed out.

use std::io::{BufReader, Read, Seek, SeekFrom};
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status};

use super::message_out::{self, FIELDS, masked, registered};
use super::pages::{self, Mask, Pages};
use super::refusals::Refused;
use super::visitors::Visitor;
use super::{Service, draft_out};
use crate::desk::error::DeskError;
use crate::desk::parts::open_document;
use crate::desk::reference::Entry;
use crate::limits;
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
}

impl Filter {
    fn takes(&self, entry: &Entry) -> bool {
        let (peer, is_unread) = match entry {
            Entry::Received(received) => (&received.sender, received.read_time.is_none()),
            Entry::Sent(sent) => (&sent.recipient, false),
        };
        self.consultation.as_ref().is_none_or(|wanted| entry.consultation() == wanted)
            && self.peer.as_ref().is_none_or(|wanted| peer == wanted)
            && (is_unread || !self.unread_only)
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
        for entry in entries {
            let shown = match opens {
                true => self.opened_message(&entry).await.unwrap_or_else(|_| registered(&self.desk, &entry)),
                false => registered(&self.desk, &entry),
            };
            messages.push(masked(shown, &mask));
        }
        Ok(wire::ListMessagesResponse { messages, next_page_token })
    }

    fn page(&self, request: &wire::ListMessagesRequest) -> Result<(Vec<Entry>, String), Refused> {
        let size = pages::size(request.page_size)?;
        let direction = wire::Direction::try_from(request.direction)
            .map_err(|_| Refused::field("direction", "FIELD_INVALID", "there is no such direction"))?;
        let peer = match request.peer.as_str() {
            "" => None,
            code => Some(
                Ministry::parse(code)
                    .map_err(|cause| Refused::field("peer", "FIELD_INVALID", cause.to_string()))?,
            ),
        };
        let consultation = Some(request.consultation.as_str()).filter(|name| !name.is_empty());
        let consultation =
            consultation.map(|name| name.strip_prefix("consultations/").unwrap_or(name).to_owned());
        let unread = if request.unread_only { "unread" } else { "" };
        let parts = [direction.as_str_name(), request.consultation.as_str(), request.peer.as_str(), unread];
        let pages = Pages::of("messages", &parts);
        let filter = Filter { direction, consultation, peer, unread_only: request.unread_only };
        let wrong = || Refused::field("page_token", "INVALID_PAGE_TOKEN", "it is not a token of this list");
        let mut place = match pages.place(&request.page_token)? {
            Some(place) => Place::parse(&place).ok_or_else(wrong)?,
            None if direction == wire::Direction::Sent => Place::Sent(0),
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
            (true, true) => self.opened_message(&entry).await?,
            (true, false) if mask.names("content") => return Err(not_a_reader()),
            _ => registered(&self.desk, &entry),
        };
        Ok(masked(shown, &mask))
    }

    /// A message, opened: verified, judged, and marked as read where it was received.
    async fn opened_message(self: &Arc<Self>, entry: &Entry) -> Result<wire::Message, Refused> {
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
        let content = Some(message_out::content(&opened, &texts));
        // What was noted by reading it is shown.
        let now = self.desk.find(&entry.id().to_string())?;
        Ok(wire::Message { content, ..registered(&self.desk, &now) })
    }

    /// The registered message of a name.
    pub(super) fn entry(&self, name: &str) -> Result<Entry, Refused> {
        let wrong = || Refused::field("name", "INVALID_NAME", "messages/ and a message id are expected");
        let reference =
            name.strip_prefix("messages/").filter(|rest| !rest.starts_with('@')).ok_or_else(wrong)?;
        Ok(self.desk.find(reference)?)
    }

    /// Hands out a document of a message, after all of it was verified.
    pub(super) async fn download_document(
        self: Arc<Self>,
        request: wire::DownloadDocumentRequest,
    ) -> Result<ReceiverStream<Result<wire::DownloadDocumentResponse, Status>>, Refused> {
        let entry = self.entry(&request.message)?;
        let opened = self
            .apart(move |service| {
                Ok(service.desk.unseal_unjudged(&*service.trust()?, service.keys.reading()?, &entry)?)
            })
            .await?;
        let documents = &opened.dispatch.dispatch().documents;
        let found = (1_usize..).zip(documents).find(|(_, one)| one.document_id == request.document_id);
        let (number, document) =
            found.map(|(number, document)| (number, document.clone())).ok_or_else(|| {
                Refused::new(Code::NotFound, "NO_SUCH_DOCUMENT", "the message has no document of this id")
            })?;
        if request.offset > document.size {
            return Err(Refused::field("offset", "OUT_OF_RANGE", "the document ends before"));
        }
        let mut mailbox = None;
        let sealed = self.desk.sealed_part(&self.keys, &opened.envelope, number, &mut mailbox).await?;
        let (sender, pieces) = mpsc::channel(PIECES_WAITING_MAX);
        let plain = self
            .apart(move |service| {
                let failed = |cause| Refused::from(DeskError::file(&service.desk.config.home)(cause));
                // Without a name: it goes when this call does, whatever dies.
                let mut file = tempfile::tempfile_in(&service.desk.config.home).map_err(failed)?;
                open_document(service.keys.reading()?, sealed.reader()?, &document, &mut file)
                    .map_err(DeskError::from)?;
                file.seek(SeekFrom::Start(request.offset)).map_err(failed)?;
                Ok((file, document))
            })
            .await?;
        let (file, document) = plain;
        let first = wire::DownloadDocumentResponse {
            document: Some(draft_out::document(&document)),
            content: Vec::new(),
        };
        let shaped = |content| wire::DownloadDocumentResponse { document: None, content };
        tokio::task::spawn_blocking(move || {
            if sender.blocking_send(Ok(first)).is_ok() {
                hand_out(file, &sender, shaped);
            }
        });
        Ok(ReceiverStream::new(pieces))
    }
}

/// Reads a file to its end and hands out its pieces, for as long as somebody takes them.
pub(super) fn hand_out<T>(
    file: std::fs::File,
    sender: &mpsc::Sender<Result<T, Status>>,
    shaped: impl Fn(Vec<u8>) -> T,
) {
    let mut reader = BufReader::with_capacity(limits::PIECE_BYTES_MAX, file);
    loop {
        let mut piece = Vec::new();
        let read = reader.by_ref().take(limits::PIECE_BYTES_MAX as u64).read_to_end(&mut piece);
        let sent = match read {
            Ok(0) => return,
            Ok(_) => sender.blocking_send(Ok(shaped(piece))),
            Err(cause) => {
                tracing::error!(%cause, "a file that was verified cannot be read");
                let fault = Refused::new(Code::Internal, "DESK_FAULT", "the file could not be read");
                sender.blocking_send(Err(fault.into()))
            }
        };
        if sent.is_err() {
            return;
        }
    }
}

fn not_a_reader() -> Refused {
    Refused::new(Code::PermissionDenied, "WRONG_ROLE", "what messages say is for the role read")
}

/// Pieces of a download that wait for their reader.
pub(super) const PIECES_WAITING_MAX: usize = 4;
