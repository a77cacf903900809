//! Handing out: documents and files on their way to a client, each on a thread of its own and never too many at once.
//!
//! What was verified enters, with whoever takes it; a stream of answers leaves. A place is held from before anything is
//! opened until the last byte was handed out; where none is left, nothing is begun.

use tokio::runtime::Handle;
use tokio::sync::OwnedSemaphorePermit;
use tonic::Code;

use super::Service;
use super::outlet::{Answers, End, Outlet};
use super::refusals::Refused;
use super::visitors::Visitor;
use crate::limits;

impl Service {
    /// A place among those to whom something is handed out: each holds a thread.
    pub(super) fn place_to_hand_out(&self) -> Result<OwnedSemaphorePermit, Refused> {
        self.handing_out.clone().try_acquire_owned().map_err(|_| {
            let message = "too many downloads are under way at this desk";
            Refused::new(Code::ResourceExhausted, "TOO_MANY_DOWNLOADS", message).later()
        })
    }

    /// The stream of what `work` hands out, on a thread that may block, for as long as the client takes it.
    pub(super) fn hand_out<T, Work>(
        &self,
        visitor: Visitor,
        place: OwnedSemaphorePermit,
        work: Work,
    ) -> Answers<T>
    where
        T: Send + 'static,
        Work: FnOnce(&Outlet<T>, &Handle) -> Result<(), End> + Send + 'static,
    {
        let (waiting, stop) = (limits::PIECES_WAITING_MAX, self.stop.clone());
        let (outlet, answers) = Outlet::open(self.visitors.stay(visitor), waiting, self.patience, stop);
        let runtime = Handle::current();
        tokio::task::spawn_blocking(move || {
            let _place = place;
            let end = work(&outlet, &runtime);
            // Whoever reads nothing is waited for without this thread.
            runtime.spawn(outlet.end(end, READER_TOO_SLOW));
        });
        answers
    }
}

/// Reason of a download that is read too slowly.
const READER_TOO_SLOW: &str = "READER_TOO_SLOW";
