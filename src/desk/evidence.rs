//! Evidence at the desk: what an evidence file needs of a registered message, gathered and checked.
//!
//! Registered messages enter; exhibits leave, each with its sealed parts and the receipts of both sides, whose
//! checkpoints the other side has cosigned. What is disclosed is disclosed by keys of single parts; the reading
//! key itself leaves nowhere.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Cursor, Read};

use crate::consultation::withholding::Withheld;
use crate::desk::Desk;
use crate::desk::accreditation::Trust;
use crate::desk::error::DeskError;
use crate::desk::keys::Keys;
use crate::desk::mailbox::Mailbox;
use crate::desk::parts::SealedSource;
use crate::desk::receipts::Proven;
use crate::desk::reference::Entry;
use crate::limits;
use crate::message::envelope::Envelope;
use crate::message::evidence::{Exhibit, PartSource};
use crate::message::leaf::LeafKind;
use crate::message::refusal::{Reason, Refusal};
use crate::message::seal::{self, FileKey};

impl Desk {
    /// A message as an evidence file shows it; with `disclosed`, together with the keys of all its parts that are not
    /// withheld.
    pub async fn exhibit(
        &self,
        trust: &Trust,
        keys: &Keys,
        mailbox: &mut Option<Mailbox>,
        entry: &Entry,
        disclosed: Option<&Withheld>,
    ) -> Result<Exhibit<'static>, DeskError> {
        let envelope = Envelope::parse(entry.envelope())?;
        let (sent, answer) = self.both_receipts(trust, keys, mailbox, entry).await?;
        let mut parts: Vec<Box<dyn PartSource>> = Vec::new();
        let mut keys_of_parts = BTreeMap::new();
        for number in 0..envelope.header().parts().len() {
            let sealed = self.sealed_part(keys, &envelope, number, mailbox).await?;
            if disclosed.is_some_and(|withheld| !withheld.part(number)) {
                keys_of_parts.insert(number, part_key(keys, &sealed)?);
            }
            parts.push(match sealed {
                SealedSource::Inline(bytes) => Box::new(Cursor::new(bytes)),
                SealedSource::File(path) => Box::new(File::open(&path).map_err(DeskError::file(&path))?),
            });
        }
        Ok(Exhibit {
            header: envelope.header().clone(),
            signature: envelope.signature().to_vec(),
            parts,
            sent: sent.receipt,
            answer: answer.receipt,
            disclosed: keys_of_parts,
        })
    }

    /// The sender's and the recipient's receipt, both cosigned: those kept here, or else those that the own
    /// gateway has by now.
    async fn both_receipts(
        &self,
        trust: &Trust,
        keys: &Keys,
        mailbox: &mut Option<Mailbox>,
        entry: &Entry,
    ) -> Result<(Proven, Proven), DeskError> {
        let kept = both(self.kept_receipts(trust, entry)?);
        if let (Some(sent), Some(answer)) = kept {
            return Ok((sent, answer));
        }
        if mailbox.is_none() {
            *mailbox = Some(self.mailbox(keys).await?);
        }
        let fetched = match mailbox {
            Some(mailbox) => both(self.receipts(trust, mailbox, entry).await?),
            None => (None, None),
        };
        let missing = |missing| {
            let reference = entry.reference(&self.config.ministry);
            DeskError::NotYetProven { reference, missing }
        };
        match fetched {
            (Some(sent), Some(answer)) => Ok((sent, answer)),
            (_, None) => {
                Err(missing("the recipient's gateway has not answered yet, or the answer is not cosigned"))
            }
            (None, _) => Err(missing("the recipient has not cosigned yet that it was sent")),
        }
    }
}

fn both(proven: Vec<Proven>) -> (Option<Proven>, Option<Proven>) {
    let cosigned: Vec<Proven> = proven.into_iter().filter(|one| one.cosigned.is_some()).collect();
    let sent = cosigned.iter().find(|one| one.kind() == LeafKind::Sent).cloned();
    let answer = cosigned.into_iter().find(Proven::is_answer);
    (sent, answer)
}

/// The key of one sealed part, read from its header alone.
fn part_key(keys: &Keys, sealed: &SealedSource) -> Result<FileKey, DeskError> {
    let most = limits::SEAL_HEADER_BYTES_MAX.saturating_add(limits::PIECE_BYTES_MAX);
    let mut beginning = Vec::new();
    let unreadable = |cause: std::io::Error| DeskError::Draft(format!("a sealed part: {cause}"));
    sealed.reader()?.take(most as u64).read_to_end(&mut beginning).map_err(unreadable)?;
    let broken = |cause: seal::OpenError| Refusal::new(Reason::SealBroken, cause.to_string());
    Ok(seal::file_key(&beginning, &[&keys.reading()?]).map_err(broken)?)
}
