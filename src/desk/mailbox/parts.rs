//! The mailbox for documents that are too large for their envelope: sealed parts go over in pieces, and go on where
//! they were broken off.

use std::io::{Read, Seek, SeekFrom};
use std::pin::pin;

use tokio_stream::wrappers::ReceiverStream;

use super::Mailbox;
use super::answer::failed;
use crate::desk::error::DeskError;
use crate::digest::Digest;
use crate::limits;
use crate::message::refusal::{Reason, Refusal};
use crate::proto::gateway::v1 as wire;

impl Mailbox {
    /// Hands over a sealed part that is too large for its envelope, from where the gateway holds it already.
    /// Where the way breaks after something went over, goes on by itself a few times.
    pub async fn put_part<Source>(
        &mut self,
        digest: Digest,
        size: u64,
        mut source: Source,
    ) -> Result<(), DeskError>
    where
        Source: Read + Seek + Send + 'static,
    {
        let (mut furthest, mut patience, mut began) = (0, limits::PART_ATTEMPTS_MAX, false);
        loop {
            let asked = wire::FindPartRequest { digest: digest.as_bytes().to_vec(), size };
            let failure = match self.client.find_part(asked).await.map_err(failed) {
                Ok(found) => {
                    let found = found.into_inner();
                    if found.complete {
                        return Ok(());
                    }
                    began = true;
                    if found.offset > furthest {
                        (furthest, patience) = (found.offset, limits::PART_ATTEMPTS_MAX);
                    }
                    let (put, rest) =
                        self.put_part_from(digest, size, found.offset.min(size), source).await?;
                    source = rest;
                    match put {
                        Ok(()) => return Ok(()),
                        Err(failure) => failure,
                    }
                }
                Err(failure) => failure,
            };
            patience = match &failure {
                // Whoever never got through asks the officer to try later instead.
                DeskError::GatewayAway(_) if began => patience.saturating_sub(1),
                DeskError::GatewayBusy { reason, .. } if AT_ONCE.contains(&reason.as_str()) => {
                    patience.saturating_sub(1)
                }
                _ => 0,
            };
            if patience == 0 {
                return Err(failure);
            }
            tokio::time::sleep(limits::PART_ATTEMPT_PAUSE).await;
        }
    }

    /// Whether the gateway holds a sealed part whole.
    pub async fn holds_part(&mut self, digest: &Digest, size: u64) -> Result<bool, DeskError> {
        let asked = wire::FindPartRequest { digest: digest.as_bytes().to_vec(), size };
        Ok(self.client.find_part(asked).await.map_err(failed)?.into_inner().complete)
    }

    /// One attempt; gives the source back where it could be read.
    async fn put_part_from<Source>(
        &mut self,
        digest: Digest,
        size: u64,
        offset: u64,
        mut source: Source,
    ) -> Result<(Result<(), DeskError>, Source), DeskError>
    where
        Source: Read + Seek + Send + 'static,
    {
        let (sender, pieces) = tokio::sync::mpsc::channel(PIECES_WAITING_MAX);
        // Kept until all was read: an end before would say that this was the whole part.
        let open = sender.clone();
        let mut putting = pin!(self.client.put_part(ReceiverStream::new(pieces)));
        let mut reading = tokio::task::spawn_blocking(move || {
            let read = read_pieces(&mut source, digest, size, offset, &sender);
            (read, source)
        });
        let (read, answer) = tokio::select! {
            answer = &mut putting => (reading.await, Some(answer)),
            read = &mut reading => (read, None),
        };
        let (read, source) = read.map_err(|cause| DeskError::GatewayAway(cause.to_string()))?;
        read.map_err(|cause| DeskError::PartUnreadable { digest, cause })?;
        drop(open);
        let answer = match answer {
            Some(answer) => answer,
            None => putting.await,
        };
        Ok((answer.map(|_| ()).map_err(failed), source))
    }

    /// Fetches a sealed part from `offset` on, at most `limit` bytes; `keep` is given its pieces, on a thread that
    /// may block. Its digest is for the caller to check.
    pub async fn get_part<Keep>(
        &mut self,
        digest: &Digest,
        offset: u64,
        limit: u64,
        mut keep: Keep,
    ) -> Result<(), DeskError>
    where
        Keep: FnMut(&[u8]) -> std::io::Result<()> + Send + 'static,
    {
        let request = wire::GetPartRequest { digest: digest.as_bytes().to_vec(), offset };
        let mut pieces = self.client.get_part(request).await.map_err(failed)?.into_inner();
        let (sender, mut waiting) = tokio::sync::mpsc::channel::<Vec<u8>>(PIECES_WAITING_MAX);
        let keeping = tokio::task::spawn_blocking(move || -> std::io::Result<()> {
            while let Some(piece) = waiting.blocking_recv() {
                keep(&piece)?;
            }
            Ok(())
        });
        let (mut left, mut received) = (limit, Ok(()));
        loop {
            let piece = match pieces.message().await {
                Ok(Some(piece)) => piece.content,
                Ok(None) => break,
                Err(status) => {
                    received = Err(failed(status));
                    break;
                }
            };
            match left.checked_sub(piece.len() as u64) {
                Some(rest) => left = rest,
                None => {
                    let detail = "the gateway hands over more than the part is long";
                    received = Err(Refusal::new(Reason::PartMismatch, detail).into());
                    break;
                }
            }
            if sender.send(piece).await.is_err() {
                break;
            }
        }
        drop(sender);
        let kept = keeping.await.map_err(|cause| DeskError::GatewayAway(cause.to_string()))?;
        kept.map_err(|cause| DeskError::Draft(format!("the sealed part could not be kept: {cause}")))?;
        received
    }
}

/// Pieces between the thread that reads or writes a file and the connection.
const PIECES_WAITING_MAX: usize = 4;

/// Refusals of a part after which the desk asks again by itself how much is held.
const AT_ONCE: [&str; 5] = ["PART_BUSY", "PART_MISMATCH", "PART_OFFSET", "STALLED", "STORE_BUSY"];

/// Reads a part from `offset` to its end into pieces. The first one is sent even where nothing is left.
fn read_pieces(
    source: &mut (impl Read + Seek),
    digest: Digest,
    size: u64,
    offset: u64,
    sender: &tokio::sync::mpsc::Sender<wire::PutPartRequest>,
) -> std::io::Result<()> {
    source.seek(SeekFrom::Start(offset))?;
    let mut next = offset;
    loop {
        let left = usize::try_from(size.saturating_sub(next)).unwrap_or(usize::MAX);
        let mut content = vec![0; left.min(limits::PIECE_BYTES_MAX)];
        source.read_exact(&mut content)?;
        let piece = wire::PutPartRequest { digest: digest.as_bytes().to_vec(), size, offset: next, content };
        next = next.saturating_add(piece.content.len() as u64);
        // Whoever takes no more has answered.
        if sender.blocking_send(piece).is_err() || next >= size {
            return Ok(());
        }
    }
}
