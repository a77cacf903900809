//! Taking parts: from whoever puts them here, and from peers whom we dialled and who may not be able to dial us.
//!
//! While a session that we opened lives, one call more than parts can come at once is held open to the peer, each
//! on a connection of its own, so that documents do not stand before messages. What comes is kept as if it had
//! been put: same offsets, quotas and bounds, whichever way it comes.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::pin::pin;

use futures_util::future::Either;
use futures_util::stream::{FuturesUnordered, unfold};
use tokio_stream::{Stream, StreamExt};

use super::calls::{Giver, Taken, say};
use crate::digest::Digest;
use crate::gateway::Gateway;
use crate::gateway::error::Fault;
use crate::gateway::store::StoreFault;
use crate::gateway::store::record::Announced;
use crate::limits;
use crate::trust::name::Ministry;

/// Pieces that are written together.
const PIECES_AT_ONCE: usize = 4;

/// What became of an offered part.
enum Came {
    /// It was taken.
    New,
    /// It was here already.
    Held(Digest),
}

/// How a call came to an offer, or an offered part to its end.
type Ended = Either<Result<(), Fault>, Result<Came, Fault>>;

/// A part that the peer is about to hand over.
struct Offer {
    giver: Giver,
    digest: Digest,
    size: u64,
}

impl Gateway {
    /// Takes the parts that `peer` has for us, as long as this is polled.
    pub(in crate::gateway) async fn take_parts(&self, peer: &Ministry) -> Infallible {
        let (mut failures, mut held) = (0_u32, BTreeSet::new());
        let mut taking = FuturesUnordered::new();
        let mut offered = Box::pin(self.offered(peer, failures));
        loop {
            let ended = tokio::select! {
                offer = &mut offered, if taking.len() <= limits::FREIGHT_HAULS_MAX => {
                    let ended = offer.map(|offer| taking.push(self.take(peer, offer)));
                    Either::Left(ended)
                }
                Some(ended) = taking.next() => Either::Right(ended),
            };
            if let Either::Left(Err(fault)) | Either::Right(Err(fault)) = &ended {
                tracing::debug!(peer = %peer, %fault, "a call for sealed parts ended");
            }
            failures = failures_after(failures, &ended, &mut held);
            if let Either::Left(_) = ended {
                // A peer that only offers and fails is asked ever later.
                offered = Box::pin(self.offered(peer, failures));
            }
        }
    }

    /// Opens a call and waits on it until the peer has a part for us.
    async fn offered(&self, peer: &Ministry, failures: u32) -> Result<Offer, Fault> {
        if failures > 0 {
            tokio::time::sleep(self.pause(failures)).await;
        }
        let mut giver = self.link.take_part(peer).await?;
        let (digest, size) = giver.offer().await?;
        Ok(Offer { giver, digest, size })
    }

    /// Takes one part that is offered, or says why not.
    async fn take(&self, peer: &Ministry, Offer { mut giver, digest, size }: Offer) -> Result<Came, Fault> {
        let taken = self.take_rest(peer, &mut giver, digest, size).await;
        let word = match &taken {
            Ok(_) => Taken::Held,
            Err(Fault::Store(cause)) => {
                Taken::Refused { reason: cause.reason().to_owned(), detail: cause.to_string() }
            }
            Err(Fault::Refused { reason, detail }) => {
                Taken::Refused { reason: reason.clone(), detail: detail.clone() }
            }
            // The call is not in order any more.
            Err(_) => return taken,
        };
        giver.conclude(word).await.and(taken)
    }

    async fn take_rest(
        &self,
        peer: &Ministry,
        giver: &mut Giver,
        digest: Digest,
        size: u64,
    ) -> Result<Came, Fault> {
        if size == 0 || size > limits::SEALED_PART_BYTES_MAX {
            let detail = "a part has at least one byte and at most its bound".to_owned();
            return Err(Fault::Refused { reason: "TOO_LARGE".to_owned(), detail });
        }
        let held = self.store.part_progress(peer, digest, size).await?;
        if held.complete {
            return Ok(Came::Held(digest));
        }
        say(&giver.outgoing, Taken::From(held.offset)).await?;
        let pieces = unfold((giver, held.offset, true), |(giver, reached, is_first)| async move {
            if reached >= size && !is_first {
                return None;
            }
            let piece = giver.piece().await.and_then(|piece| match piece.len() {
                0 if !is_first => Err(Fault::Link("the peer sent an empty piece".to_owned())),
                length if length > limits::PIECE_BYTES_MAX => {
                    Err(Fault::Link("the peer sent a piece over its bound".to_owned()))
                }
                _ => Ok(piece),
            });
            let reached = reached.saturating_add(piece.as_ref().map_or(0, |piece| piece.len() as u64));
            Some((piece, (giver, reached, false)))
        });
        keep(self, peer, (digest, size), held.offset, pin!(pieces), Fault::Store).await?;
        Ok(Came::New)
    }
}

/// Failures in a row once a call has come to an offer or an offered part has been taken, or neither: only a part that
/// was taken forgives what failed before. One that was here already is no failure when it is offered first: a peer that
/// began anew asks so about each. Whoever offers it again and again costs a connection each time.
fn failures_after(failures: u32, ended: &Ended, held: &mut BTreeSet<Digest>) -> u32 {
    match ended {
        Either::Right(Ok(Came::New)) => 0,
        Either::Left(Ok(())) => failures,
        Either::Right(Ok(Came::Held(part)))
            if held.len() < limits::FREIGHT_REMEMBERED_MAX && held.insert(*part) =>
        {
            failures
        }
        Either::Right(Ok(Came::Held(_)) | Err(_)) | Either::Left(Err(_)) => failures.saturating_add(1),
    }
}

/// Keeps one part that `owner` hands over from `offset` on, durable on return. What comes counts against the quota
/// of its side until a message refers to it, or it is swept.
pub(in crate::gateway) async fn keep<Ended>(
    gateway: &Gateway,
    owner: &Ministry,
    (digest, size): (Digest, u64),
    offset: u64,
    pieces: impl Stream<Item = Result<Vec<u8>, Ended>> + Unpin,
    fault: impl Fn(StoreFault) -> Ended,
) -> Result<(), Ended> {
    let announced = gateway.store.announce_part(owner.clone(), digest, size, gateway.clock.now());
    match announced.await.map_err(&fault)? {
        Announced::Welcome => {}
        // It came by another way meanwhile: nothing is read that nobody counts.
        Announced::Held => return Ok(()),
        Announced::NoSpace => {
            gateway.note_without_room(owner, &digest, size).await;
            return Err(fault(StoreFault::NoSpace));
        }
        Announced::QuotaReached => return Err(fault(StoreFault::Quota)),
    }
    let mut pieces = pieces.fuse();
    let mut upload = gateway.store.put_part(owner, digest, size, offset).await.map_err(&fault)?;
    let mut batch: Vec<Vec<u8>> = pieces.next().await.transpose()?.into_iter().collect();
    while !batch.is_empty() {
        // What was written is durable when the part is finished, or at the next sync; until then it may go on.
        let (written, read) = tokio::join!(upload.write(batch), some(&mut pieces));
        written.map_err(&fault)?;
        batch = read?;
    }
    upload.finish().await.map_err(&fault)?;
    gateway.store.settle_upload(owner.clone(), digest).await.map_err(&fault)?;
    gateway.freight.mended(&digest);
    gateway.note_taken(owner, &digest).await;
    Ok(())
}

/// The next pieces, a few; none at the end.
async fn some<Ended>(
    pieces: &mut (impl Stream<Item = Result<Vec<u8>, Ended>> + Unpin),
) -> Result<Vec<Vec<u8>>, Ended> {
    let mut batch = Vec::new();
    while batch.len() < PIECES_AT_ONCE {
        let Some(piece) = pieces.next().await else { break };
        batch.push(piece?);
    }
    Ok(batch)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed() -> Fault {
        Fault::Link("away".to_owned())
    }

    #[test]
    fn a_part_that_was_taken_forgives_what_failed_before_and_an_offer_does_not() {
        let after = |failures, ended| failures_after(failures, &ended, &mut BTreeSet::new());
        assert_eq!(after(0, Either::Left(Err(failed()))), 1);
        assert_eq!(after(1, Either::Right(Err(failed()))), 2);
        assert_eq!(after(2, Either::Left(Ok(()))), 2);
        assert_eq!(after(2, Either::Right(Ok(Came::New))), 0);
        assert_eq!(after(u32::MAX, Either::Left(Err(failed()))), u32::MAX);
    }

    #[test]
    fn a_part_that_is_here_already_may_be_offered_once_and_is_a_failure_from_then_on() {
        let mut held = BTreeSet::new();
        let mut after = |failures, number: usize| {
            let part = Digest::of(&number.to_be_bytes());
            failures_after(failures, &Either::Right(Ok(Came::Held(part))), &mut held)
        };
        // A peer that was restarted knows of none what became of it.
        assert!((0..limits::FREIGHT_REMEMBERED_MAX).all(|number| after(2, number) == 2));
        assert_eq!(after(2, 0), 3);
        assert_eq!(after(2, limits::FREIGHT_REMEMBERED_MAX), 3, "more than are remembered");
    }
}
