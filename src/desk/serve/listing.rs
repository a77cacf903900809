//! Lists of messages, as they are registered: received ones first, then sent ones, page by page.
//!
//! A question enters; the messages leave that it takes, with a token that goes on behind the last one that was looked
//! at. What they say leaves only where it is asked for by whoever may read, and never more of it than an answer bears.

use std::sync::Arc;

use super::Service;
use super::message_out::{self, FIELDS, masked, registered};
use super::pages::{self, Mask, Pages, Span};
use super::reading::not_a_reader;
use super::refusals::Refused;
use super::visitors::Visitor;
use crate::consultation::reference::ConsultationId;
use crate::desk::reference::Entry;
use crate::desk::register::SentState;
use crate::limits;
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
            ("r", row) => Some(Self::Received(pages::row_number(row)?)),
            ("s", row) => Some(Self::Sent(pages::row_number(row)?)),
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
            let (shown, unopened) = match opens {
                true => match self.opened_message(&visitor, &entry, "").await {
                    Ok(shown) => (shown, None),
                    Err(refused) => (registered(&self.desk, &entry), Some(refused)),
                },
                false => (registered(&self.desk, &entry), None),
            };
            let shown = masked(message_out::within(shown, &mut room), &mask);
            messages.push(match unopened {
                Some(refused) => message_out::saying_why(shown, &refused),
                None => shown,
            });
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
}
