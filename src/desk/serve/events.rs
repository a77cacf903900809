//! Events as they happen: each watcher reads the register from its cursor on, and waits there for more.
//!
//! What happened is in the register before it is told, so nothing is told that a crash undoes, and a watcher that comes
//! back with its cursor misses nothing. One that reads nothing is ended.

use std::sync::Arc;
use std::time::Duration;

use data_encoding::HEXLOWER;
use tokio::time::sleep;
use tonic::Code;

use super::outlet::{Answers, End, Outlet, draining};
use super::refusals::Refused;
use super::visitors::Visitor;
use super::{Service, pages};
use crate::desk::register::{Event, EventKind};
use crate::digest::Digest;
use crate::limits;
use crate::proto::desk::v1 as wire;

impl Service {
    /// Opens a watch.
    pub(super) fn watch_events(
        self: &Arc<Self>,
        visitor: Visitor,
        request: &wire::WatchEventsRequest,
    ) -> Result<Answers<wire::Event>, Refused> {
        let begin = match (request.cursor.as_str(), request.from_now) {
            ("", true) => self.desk.register.last_event()?,
            ("", false) => 0,
            (cursor, _) => self.known_event(cursor)?,
        };
        let opened = match request.from_now && request.cursor.is_empty() {
            true => Some(self.opening(begin)?),
            false => None,
        };
        let (waiting, stop) = (limits::EVENTS_WAITING_MAX, self.stop.clone());
        let (outlet, answers) = Outlet::open(self.visitors.stay(visitor), waiting, self.patience, stop);
        let service = self.clone();
        tokio::spawn(async move {
            let end = service.tell_all(begin, opened, &outlet).await;
            outlet.end(end, "WATCHER_TOO_SLOW").await;
        });
        Ok(answers)
    }

    /// The number of the event that a cursor names. A register that was restored, or another desk's, has another event
    /// there or none: whoever went on after it would miss what happened here.
    fn known_event(&self, cursor: &str) -> Result<u64, Refused> {
        let (number, mark) = pages::event_at(cursor)?;
        let before = self.desk.register.events_after(number.saturating_sub(1), 1)?;
        let mark_here = match (number, before.first()) {
            (0, _) => String::new(),
            (_, Some(event)) if event.number == number => self.mark_of(event),
            _ => return Err(of_another_past()),
        };
        if mark == mark_here { Ok(number) } else { Err(of_another_past()) }
    }

    /// The first event of a watch from now on.
    fn opening(&self, begin: u64) -> Result<wire::Event, Refused> {
        let last = self.desk.register.events_after(begin.saturating_sub(1), 1)?;
        let mark = last.first().filter(|event| event.number == begin);
        let mark = mark.map(|event| self.mark_of(event)).unwrap_or_default();
        let (cursor, kind) = (pages::cursor(begin, &mark), wire::EventKind::Opened.into());
        Ok(wire::Event { cursor, kind, subject: String::new() })
    }

    /// What tells an event from another one of the same number, and from the same one in the past of this desk before
    /// it was restored: what came after that one then did not happen here.
    fn mark_of(&self, event: &Event) -> String {
        let kind = shown_kind(event.kind).0.as_str_name();
        let digest = match self.past.as_str() {
            "" => Digest::of_parts(&[kind.as_bytes(), &event.subject]),
            past => Digest::of_parts(&[kind.as_bytes(), &event.subject, past.as_bytes()]),
        };
        digest.hex().get(..16).unwrap_or_default().to_owned()
    }

    fn shown_event(&self, event: &Event) -> wire::Event {
        let (kind, of) = shown_kind(event.kind);
        wire::Event {
            cursor: pages::cursor(event.number, &self.mark_of(event)),
            kind: kind.into(),
            subject: format!("{of}/{}", HEXLOWER.encode(&event.subject)),
        }
    }

    /// Tells of everything after a number, until the watcher is gone, reads nothing, may not go on, or the service
    /// stops.
    async fn tell_all(
        &self,
        begin: u64,
        opened: Option<wire::Event>,
        outlet: &Outlet<wire::Event>,
    ) -> Result<(), End> {
        let mut told = self.told.subscribe();
        let mut last = begin;
        if let Some(opened) = opened {
            outlet.hand(opened).await?;
        }
        loop {
            outlet.may_go_on()?;
            let page = self.desk.register.events_after(last, limits::PAGE_MAX);
            let page = page.map_err(|fault| End::Told(fault.into()))?;
            for event in &page {
                last = event.number;
                outlet.hand(self.shown_event(event)).await?;
            }
            if !page.is_empty() {
                continue;
            }
            tokio::select! {
                () = self.stop.cancelled() => return Err(End::Told(draining())),
                () = outlet.closed() => return Err(End::Gone),
                // Whether the client may still go on is asked although nothing happens.
                () = sleep(VISITOR_LOOK_PAUSE) => {}
                changed = told.wait_for(|newest| *newest > last) => {
                    if changed.is_err() {
                        return Err(End::Gone);
                    }
                }
            }
        }
    }
}

/// Pause between looks at whether a watcher may go on: a suspension is felt before long.
const VISITOR_LOOK_PAUSE: Duration = Duration::from_secs(5);

fn of_another_past() -> Refused {
    let message = "this is no event of this desk: it is another one's, or the desk was restored; begin again, with what \
                   the lists say";
    Refused::new(Code::OutOfRange, "CURSOR_OF_ANOTHER_PAST", message)
}

/// A kind on the wire, and what it happened to.
fn shown_kind(kind: EventKind) -> (wire::EventKind, &'static str) {
    match kind {
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
    }
}
