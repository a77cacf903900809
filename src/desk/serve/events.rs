//! Events as they happen: each watcher reads the register from its cursor on, and waits there for more.
//!
//! What happened is in the register before it is told, so nothing is told that a crash undoes, and a watcher that comes
//! back with its cursor misses nothing. One that reads nothing is ended.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use data_encoding::HEXLOWER;
use futures_util::StreamExt;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status};

use super::refusals::Refused;
use super::visitors::Visitor;
use super::{Service, pages};
use crate::desk::register::{Event, EventKind};
use crate::limits;
use crate::proto::desk::v1 as wire;

/// What a watcher is given.
pub(super) type Watch = Pin<Box<dyn Stream<Item = Result<wire::Event, Status>> + Send>>;

impl Service {
    /// Opens a watch.
    pub(super) fn watch_events(
        self: &Arc<Self>,
        visitor: &Visitor,
        request: &wire::WatchEventsRequest,
    ) -> Result<Watch, Refused> {
        let last = self.desk.register.last_event()?;
        let begin = match (request.cursor.as_str(), request.from_now) {
            ("", true) => last,
            ("", false) => 0,
            (cursor, _) => pages::event_at(cursor)?,
        };
        if begin > last {
            return Err(pages::beyond_the_end());
        }
        let (sender, receiver) = mpsc::channel(limits::EVENTS_WAITING_MAX);
        let (ended, end) = oneshot::channel::<Status>();
        let (service, visitor) = (self.clone(), visitor.clone());
        let opened = (request.from_now && request.cursor.is_empty()).then(|| wire::Event {
            cursor: pages::cursor(begin),
            kind: wire::EventKind::Opened.into(),
            subject: String::new(),
        });
        tokio::spawn(async move {
            if let Err(end) = service.tell_all(&visitor, begin, opened, &sender).await {
                let status = Status::from(end);
                tracing::debug!(client = visitor.name(), reason = status.message(), "a watch ends");
                // Not through the queue, which may be full: whoever reads on finds why it ended behind what waits there.
                let _gone = ended.send(status);
            }
        });
        let why = futures_util::stream::once(end).filter_map(|end| std::future::ready(end.ok().map(Err)));
        Ok(Box::pin(ReceiverStream::new(receiver).chain(why)))
    }

    /// Tells of everything after a number, until the watcher is gone, reads nothing, or the service stops.
    async fn tell_all(
        &self,
        visitor: &Visitor,
        begin: u64,
        opened: Option<wire::Event>,
        sender: &mpsc::Sender<Result<wire::Event, Status>>,
    ) -> Result<(), Refused> {
        let mut told = self.told.subscribe();
        let mut last = begin;
        if let Some(opened) = opened {
            hand(opened, sender, limits::WATCHER_PATIENCE).await?;
        }
        loop {
            let page = self.desk.register.events_after(last, limits::PAGE_MAX)?;
            if !page.is_empty() && !self.visitors.is_still(visitor) {
                let message = "this client is suspended";
                return Err(Refused::new(Code::Unauthenticated, "CLIENT_SUSPENDED", message));
            }
            for event in &page {
                last = event.number;
                hand(shown(event), sender, limits::WATCHER_PATIENCE).await?;
            }
            if !page.is_empty() {
                continue;
            }
            tokio::select! {
                () = self.stop.cancelled() => {
                    let message = "the desk stops: go on elsewhere or later with the last cursor";
                    return Err(Refused::new(Code::Unavailable, "DRAINING", message).later());
                }
                () = sender.closed() => return Ok(()),
                changed = told.wait_for(|newest| *newest > last) => {
                    if changed.is_err() {
                        return Ok(());
                    }
                }
            }
        }
    }
}

/// Hands one event to its watcher.
async fn hand(
    event: wire::Event,
    sender: &mpsc::Sender<Result<wire::Event, Status>>,
    patience: Duration,
) -> Result<(), Refused> {
    match timeout(patience, sender.send(Ok(event))).await {
        // Gone or told: whoever is gone is noticed by the next look.
        Ok(_) => Ok(()),
        Err(_) => {
            let message = "events were not read for too long: go on with the last cursor that was seen";
            Err(Refused::new(Code::ResourceExhausted, "WATCHER_TOO_SLOW", message).later())
        }
    }
}

fn shown(event: &Event) -> wire::Event {
    let (kind, of) = match event.kind {
        EventKind::Received => (wire::EventKind::MessageReceived, "messages"),
        EventKind::Read => (wire::EventKind::MessageRead, "messages"),
        EventKind::Released => (wire::EventKind::MessageReleased, "messages"),
        EventKind::Queued => (wire::EventKind::MessageQueued, "messages"),
        EventKind::Delivered => (wire::EventKind::MessageDelivered, "messages"),
        EventKind::Rejected => (wire::EventKind::MessageRejected, "messages"),
        EventKind::Expired => (wire::EventKind::MessageExpired, "messages"),
        EventKind::Withdrawn => (wire::EventKind::MessageWithdrawn, "messages"),
        EventKind::Void => (wire::EventKind::MessageVoid, "messages"),
        EventKind::DraftComposed => (wire::EventKind::DraftComposed, "drafts"),
        EventKind::DraftCleared => (wire::EventKind::DraftCleared, "drafts"),
        EventKind::DraftReleased => (wire::EventKind::DraftReleased, "drafts"),
        EventKind::DraftCancelled => (wire::EventKind::DraftCancelled, "drafts"),
        EventKind::DraftSuperseded => (wire::EventKind::DraftSuperseded, "drafts"),
    };
    wire::Event {
        cursor: pages::cursor(event.number),
        kind: kind.into(),
        subject: format!("{of}/{}", HEXLOWER.encode(&event.subject)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::WATCHER_PATIENCE;
    use crate::transport::status::reason_of;

    #[tokio::test]
    async fn a_watcher_that_reads_nothing_is_ended() {
        let (sender, mut unread) = mpsc::channel(limits::EVENTS_WAITING_MAX);
        let patience = WATCHER_PATIENCE / 1000;
        for _ in 0..limits::EVENTS_WAITING_MAX {
            hand(wire::Event::default(), &sender, patience).await.unwrap();
        }
        let refused = Status::from(hand(wire::Event::default(), &sender, patience).await.unwrap_err());
        assert_eq!(reason_of(&refused).as_deref(), Some("WATCHER_TOO_SLOW"));
        unread.recv().await.unwrap().unwrap();
        hand(wire::Event::default(), &sender, patience).await.unwrap();
    }
}
