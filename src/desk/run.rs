//! Runs: many drafts sent one after the other, in batches, over one connection.
//!
//! Drafts enter; what became of each is told in their order. While the gateway takes one batch into custody, the next
//! is composed, signed and sealed. The order of `send` holds for every batch: numbers, signatures, seals, the register,
//! and only then the gateway. What is composed rests on the register as it is then, so two drafts of one consultation
//! never go in one batch.

use std::collections::{BTreeMap, BTreeSet};
use std::iter::Peekable;
use std::path::Path;

use crate::consultation::rules;
use crate::desk::Desk;
use crate::desk::accreditation::Trust;
use crate::desk::convoy::{Convoy, Fate};
use crate::desk::error::DeskError;
use crate::desk::form::draft::{ConsultationChoice, Draft};
use crate::desk::keys::Keys;
use crate::desk::mailbox::Mailbox;
use crate::desk::numbering::Numbering;
use crate::desk::register::SentEntry;
use crate::desk::release::Release;
use crate::desk::send::RELEASE_LOCK;
use crate::limits;
use crate::message::id::MessageId;

/// What became of one draft of a run: its registered copies, or why it was not released. A copy that the gateway has
/// not taken says so itself.
pub type Sent = Result<Vec<SentEntry>, DeskError>;

impl Desk {
    /// Sends drafts one after the other; `told` is given the number of each, from 0, and what became of it. Ends early
    /// where something is not taken that the rest may have to wait for: what was not told of was not released.
    pub async fn send_run(
        &self,
        trust: &Trust,
        keys: &Keys,
        mailbox: &mut Mailbox,
        drafts: impl IntoIterator<Item = Draft>,
        folder: &Path,
        mut told: impl FnMut(usize, Sent),
    ) -> Result<(), DeskError> {
        let mut released_alone = Some(self.hold(RELEASE_LOCK).await?);
        self.refill(trust, keys, mailbox).await?;
        self.hand_over(trust, mailbox).await?;
        self.pay_all(trust, keys, mailbox, &mut Vec::new()).await?;
        let mut convoy = Convoy::new(self, trust, mailbox);
        let (mut numbering, mut tally) = (Numbering::default(), Tally::default());
        let mut drafts = drafts.into_iter().enumerate().peekable();
        while !convoy.is_held_up() && drafts.peek().is_some() {
            if self.is_urgent() {
                // A protective act waits for no run: everything under way is concluded, and the numbers are its own.
                tally.tell(convoy.end().await?, &mut told);
                drop(released_alone.take());
                released_alone = Some(self.hold(RELEASE_LOCK).await?);
                self.hand_over(trust, convoy.mailbox()).await?;
                numbering = Numbering::default();
                continue;
            }
            let batch = next_batch(&mut drafts);
            let mut composed = Vec::with_capacity(batch.len());
            for (number, draft) in batch {
                match self.compose(trust, keys, &draft, folder, None) {
                    Ok(composition) if rules::forbids(&composition.findings) => {
                        told(number, Err(DeskError::Forbidden(composition.findings)));
                    }
                    Ok(composition) => composed.push((number, composition)),
                    Err(failure) => told(number, Err(failure)),
                }
                // Signing and sealing take the processor for long: connections must be served meanwhile.
                tokio::task::yield_now().await;
            }
            let mut release = Release::begin(self, trust, keys, composed.iter().map(|(_, one)| one))?;
            let mut numbers = Vec::with_capacity(composed.len());
            for (number, composition) in composed {
                match self.positions(trust, convoy.mailbox(), &composition, &mut numbering).await {
                    Ok(positions) => numbering.advance(release.sign_and_seal(composition, positions)?),
                    Err(failure) => {
                        told(number, Err(failure));
                        continue;
                    }
                }
                numbers.push(number);
                tokio::task::yield_now().await;
            }
            let released = release.register()?;
            tally.expect(numbers.into_iter().zip(&released));
            tally.tell(convoy.send(released.into_iter().flatten().collect()).await?, &mut told);
        }
        tally.tell(convoy.end().await?, &mut told);
        drop(released_alone);
        Ok(())
    }
}

/// The next drafts, as many as are released together. One of a consultation that is among them already waits: it rests
/// on what the register will hold then.
fn next_batch(drafts: &mut Peekable<impl Iterator<Item = (usize, Draft)>>) -> Vec<(usize, Draft)> {
    let (mut batch, mut consultations) = (Vec::new(), BTreeSet::new());
    while batch.len() < limits::SEND_BATCH_DRAFTS_MAX {
        let fits = |draft: &(usize, Draft)| match draft.1.consultation {
            ConsultationChoice::Known(id) => consultations.insert(id.text()),
            ConsultationChoice::New => true,
        };
        match drafts.next_if(fits) {
            Some(draft) => batch.push(draft),
            None => break,
        }
    }
    batch
}

/// Which draft each copy belongs to, and what is known of its copies.
#[derive(Default)]
struct Tally {
    drafts: BTreeMap<MessageId, usize>,
    /// Copies of a draft that nothing is known of, and those that something is known of.
    copies: BTreeMap<usize, (usize, Vec<SentEntry>)>,
}

impl Tally {
    fn expect<'a>(&mut self, released: impl Iterator<Item = (usize, &'a Vec<SentEntry>)>) {
        for (number, copies) in released {
            self.drafts.extend(copies.iter().map(|copy| (copy.id, number)));
            self.copies.insert(number, (copies.len(), Vec::new()));
        }
    }

    /// Tells of every draft whose copies are all known.
    fn tell(&mut self, known: Vec<Fate>, told: &mut impl FnMut(usize, Sent)) {
        for (copy, _) in known {
            let Some(number) = self.drafts.remove(&copy.id) else { continue };
            let Some((missing, copies)) = self.copies.get_mut(&number) else { continue };
            *missing = missing.saturating_sub(1);
            copies.push(copy);
            if *missing == 0
                && let Some((_, copies)) = self.copies.remove(&number)
            {
                told(number, Ok(copies));
            }
        }
    }
}
