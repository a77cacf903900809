//! Calls on which parts go: one part on each, whichever side opened it.
//!
//! Who has a part dials and puts it, or the other side has dialled and waits on a call to be handed one. On such
//! a call the side that has parts chooses which one goes: nobody can ask for a part, least of all for another
//! peer's. The side that takes says from where on it wants the part, and when it holds the whole durably.

use std::future::Future;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::timeout;

use super::Carried;
use crate::digest::Digest;
use crate::gateway::error::Fault;
use crate::gateway::store::{PartReader, Store};
use crate::limits;

/// What the side that has a part says on a call that the other one opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Handed {
    /// Which part comes: first, and once.
    Offer {
        /// Digest of the whole.
        digest: Digest,
        /// Its size.
        size: u64,
    },
    /// The next bytes.
    Piece(Vec<u8>),
}

/// What the side that takes a part says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// It wants the part from this byte on.
    From(u64),
    /// It holds the whole part durably.
    Held,
    /// It does not take the part, or takes no more of it.
    Refused {
        /// Its reason code.
        reason: String,
        /// Its words.
        detail: String,
    },
}

/// A call that a peer holds open to be handed a part; dropped, it ends.
#[derive(Debug)]
pub struct Taker {
    /// What is said to the peer.
    pub outgoing: mpsc::Sender<Handed>,
    /// What it says.
    pub incoming: mpsc::Receiver<Result<Taken, Fault>>,
}

/// A call that we hold open to be handed a part by a peer; dropped, it ends.
#[derive(Debug)]
pub struct Giver {
    /// What is said to the peer.
    pub outgoing: mpsc::Sender<Taken>,
    /// What it says.
    pub incoming: mpsc::Receiver<Result<Handed, Fault>>,
}

impl Taker {
    /// Whether the peer still waits.
    pub(super) fn is_open(&self) -> bool {
        !self.outgoing.is_closed()
    }

    /// Hands one part over, from where the peer says that it holds it. Returns when the peer holds the whole.
    pub(super) async fn hand(
        mut self,
        store: &Store,
        digest: Digest,
        size: u64,
        carried: &Carried,
    ) -> Result<(), Fault> {
        say(&self.outgoing, Handed::Offer { digest, size }).await?;
        let Some(offset) = position(self.hear(limits::OUTCOME_DEADLINE).await?, size)? else {
            carried.reach(size);
            return Ok(());
        };
        carried.reach(offset);
        let missing = || Fault::Damaged(format!("sealed part {digest}"));
        let reader = store.open_part(digest, offset).await?.ok_or_else(missing)?;
        let to_peer = self.outgoing.clone();
        let ended = tokio::select! {
            // Before the last piece only a refusal comes.
            said = self.hear(Duration::MAX) => said?,
            read = read_out(reader, digest, size, carried, |_, piece| say(&to_peer, Handed::Piece(piece))) => {
                // Where the peer has ended the call, what it said last tells why.
                if !to_peer.is_closed() {
                    read?;
                }
                self.hear(limits::PIECE_DEADLINE).await?
            }
        };
        match position(ended, size)? {
            None => carried.reach(size),
            Some(_) => return Err(out_of_turn()),
        }
        Ok(())
    }

    async fn hear(&mut self, patience: Duration) -> Result<Taken, Fault> {
        let silent = |_| Fault::Link("the peer does not say what it holds of the part".to_owned());
        let said = timeout(patience, self.incoming.recv()).await.map_err(silent)?;
        said.unwrap_or_else(|| Err(Fault::Link("the peer ended the call for the part".to_owned())))
    }
}

impl Giver {
    /// Waits for a part, as long as it takes.
    pub(super) async fn offer(&mut self) -> Result<(Digest, u64), Fault> {
        match self.incoming.recv().await {
            Some(Ok(Handed::Offer { digest, size })) => Ok((digest, size)),
            Some(Ok(Handed::Piece(_))) => Err(out_of_turn()),
            Some(Err(fault)) => Err(fault),
            None => Err(Fault::Link("the peer ended the call on which it was to hand parts over".to_owned())),
        }
    }

    /// The next bytes of the part; whoever says nothing for long is left, and goes on later.
    pub(super) async fn piece(&mut self) -> Result<Vec<u8>, Fault> {
        let silent = |_| Fault::Link("nothing came of the part for too long".to_owned());
        match timeout(limits::PIECE_DEADLINE, self.incoming.recv()).await.map_err(silent)? {
            Some(Ok(Handed::Piece(piece))) => Ok(piece),
            Some(Ok(Handed::Offer { .. })) => Err(out_of_turn()),
            Some(Err(fault)) => Err(fault),
            None => Err(Fault::Link("the peer handed over a part of the part".to_owned())),
        }
    }

    /// Says the last word, and waits until the peer has ended the call.
    pub(super) async fn conclude(mut self, word: Taken) -> Result<(), Fault> {
        say(&self.outgoing, word).await?;
        let silent = |_| Fault::Link("the peer does not end the call".to_owned());
        let ending = async { while self.incoming.recv().await.is_some_and(|said| said.is_ok()) {} };
        timeout(limits::OUTCOME_DEADLINE, ending).await.map_err(silent)
    }
}

/// Reads a part to its end, piece by piece. The first one is given even where nothing is left of the part.
pub(in crate::gateway) async fn read_out<Gone>(
    mut reader: PartReader,
    digest: Digest,
    size: u64,
    carried: &Carried,
    give: impl Fn(u64, Vec<u8>) -> Gone,
) -> Result<(), Fault>
where
    Gone: Future<Output = Result<(), Fault>>,
{
    let mut is_first = true;
    while is_first || reader.offset() < size {
        let offset = reader.offset();
        let content = if offset < size { reader.next().await? } else { Vec::new() };
        if content.is_empty() && offset < size {
            return Err(Fault::Damaged(format!("sealed part {digest}")));
        }
        give(offset, content).await?;
        carried.reach(reader.offset());
        is_first = false;
    }
    Ok(())
}

/// Says something to a peer that may take its time, and no more than that.
pub(in crate::gateway) async fn say<Word>(outgoing: &mpsc::Sender<Word>, word: Word) -> Result<(), Fault> {
    match timeout(limits::PIECE_DEADLINE, outgoing.send(word)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(Fault::Link("the peer has ended the call".to_owned())),
        Err(_) => Err(Fault::Link("the peer takes nothing any more".to_owned())),
    }
}

/// From where on the peer wants the part; none where it holds the whole.
fn position(said: Taken, size: u64) -> Result<Option<u64>, Fault> {
    match said {
        Taken::From(offset) if offset <= size => Ok(Some(offset)),
        Taken::From(_) => Err(Fault::Link("the peer wants the part from beyond its end".to_owned())),
        Taken::Held => Ok(None),
        Taken::Refused { reason, detail } => Err(Fault::Refused { reason, detail }),
    }
}

fn out_of_turn() -> Fault {
    Fault::Link("the peer spoke out of turn about a part".to_owned())
}
