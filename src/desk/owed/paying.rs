//! Paying: copies are made of what is owed, as soon as that is possible, by whatever command comes next.
//!
//! What is owed enters as the register keeps it; copies leave, and each is told, because nobody asked for them: an officer
//! who was told in the night that an act had not gone must see that it went, to whom and under which number.

use super::{only_faults, reason_of};
use crate::consultation::act::ActKind;
use crate::desk::Desk;
use crate::desk::accreditation::Trust;
use crate::desk::error::DeskError;
use crate::desk::keys::Keys;
use crate::desk::mailbox::Mailbox;
use crate::desk::numbering::Behind;
use crate::desk::register::{Marks, OwedEntry, SentEntry};
use crate::desk::release::Release;
use crate::desk::send::{RELEASE_LOCK, Registered};

/// A copy of a protective act that was owed to a Power, made since.
#[derive(Debug, Clone)]
pub struct Paid {
    /// The copy, as it stands now.
    pub copy: SentEntry,
    /// What kind of act it is of.
    pub act: ActKind,
    /// Why it was owed, as was known last: a stable code; may be empty.
    pub reason: String,
}

impl Desk {
    /// Makes copies of what is owed, as far as that is possible now. Returns how many.
    pub async fn pay_owed(&self, trust: &Trust, keys: &Keys) -> Result<usize, DeskError> {
        let mut paid = Vec::new();
        self.pay_owed_telling(trust, keys, &mut paid).await.map(|()| paid.len())
    }

    /// The same, where each copy that was made stands in `paid`, whatever became of the rest.
    pub async fn pay_owed_telling(
        &self,
        trust: &Trust,
        keys: &Keys,
        paid: &mut Vec<Paid>,
    ) -> Result<(), DeskError> {
        // What ended since the last look is owed from now on.
        self.owe_anew(trust, keys)?;
        if self.register.owed()?.is_empty() && !self.config.owed().exists() {
            return Ok(());
        }
        // Whoever releases right now pays them, or the next command does: nobody waits for that.
        let Some(released_alone) = self.try_hold(RELEASE_LOCK)? else { return Ok(()) };
        if self.register.owed()?.is_empty() {
            // A crash came between the last copy and this.
            return self.forget_paid();
        }
        let mut mailbox = self.mailbox(keys).await?;
        // A register that was restored from an older copy may owe what was paid since: then that comes back.
        self.refill(trust, keys, &mut mailbox).await?;
        self.pay_all(trust, keys, &mut mailbox, paid).await?;
        drop(released_alone);
        // Where that was cut short before, or there was no room.
        self.keep_documents(trust, keys)
    }

    /// The same for the holder of the release lock. Why one cannot be paid is noted with it, and is no failure.
    pub(in crate::desk) async fn pay_all(
        &self,
        trust: &Trust,
        keys: &Keys,
        mailbox: &mut Mailbox,
        paid: &mut Vec<Paid>,
    ) -> Result<(), DeskError> {
        let before = paid.len();
        self.owe_anew(trust, keys)?;
        let now = self.clock.now();
        for owed in self.register.owed()?.into_iter().filter(|owed| owed.not_before <= now) {
            let owed = match owed.awaits_number {
                // The copy for another Power may have given it its number just now.
                true => self.register.owed_of(&owed.dispatch, &owed.recipient)?.unwrap_or(owed),
                false => owed,
            };
            match self.pay_one(trust, keys, mailbox, &owed, paid).await {
                Ok(()) => {}
                Err(failure @ (DeskError::Register(_) | DeskError::Key(_) | DeskError::Locked)) => {
                    return Err(failure);
                }
                Err(failure) => {
                    self.register.note_owed(&owed.dispatch, &owed.recipient, &reason_of(&failure))?;
                }
            }
        }
        if paid.len() > before {
            self.forget_paid()?;
        }
        Ok(())
    }

    /// The same before something else is released, telling of each copy that was made, whatever became of the rest.
    pub(in crate::desk) async fn pay_before(
        &self,
        trust: &Trust,
        keys: &Keys,
        mailbox: &mut Mailbox,
        registered: &mut impl FnMut(Registered<'_>),
    ) -> Result<(), DeskError> {
        let mut paid = Vec::new();
        let paying = self.pay_all(trust, keys, mailbox, &mut paid).await;
        paid.iter().for_each(|one| registered(Registered::Paid(one)));
        paying
    }

    async fn pay_one(
        &self,
        trust: &Trust,
        keys: &Keys,
        mailbox: &mut Mailbox,
        owed: &OwedEntry,
        paid: &mut Vec<Paid>,
    ) -> Result<(), DeskError> {
        trust.bundle_in_force(&owed.recipient, self.clock.now())?;
        let composition = self.composition_of(keys, owed)?;
        let act = composition.act.act_kind();
        let lost = self.lost_towards(mailbox, &composition.address).await?;
        let line = (owed.channel.as_str(), &owed.recipient);
        let last = match self.last_position(trust, mailbox, line, Behind::Follow).await {
            // Whatever it was that the register lost, this comes behind it.
            Err(DeskError::RegisterBehind { .. }) => mailbox.position(line.0, line.1).await?,
            last => last?,
        };
        let mut marks = Marks::default();
        let mut told = (owed.act_number, owed.release_time);
        if owed.awaits_number {
            let may_be_used = lost.iter().fold(0, |sum: u64, one| sum.saturating_add(one.acts));
            told.0 = self.next_act_number(&composition)?.saturating_add(may_be_used);
            marks.numbered = Some((owed.dispatch, told.0));
        }
        marks.lost = lost;
        let position = self.position_after(last, &owed.recipient, &composition, told);
        let mut release = Release::begin(self, trust, keys, std::iter::once(&composition))?;
        release.mark(marks);
        release.sign_and_seal(composition, vec![position])?;
        for copy in release.register()?.into_iter().flatten() {
            let submitted = self.submit_at_front(trust, mailbox, &copy).await;
            let copy = self.register.sent_message(&copy.id)?.unwrap_or(copy);
            paid.push(Paid { copy, act, reason: owed.reason.clone() });
            only_faults(submitted)?;
        }
        Ok(())
    }
}
