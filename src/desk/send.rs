//! Sending: signs, seals, registers and submits a composed draft.
//!
//! The order is the guarantee. Numbers are reserved, the offices sign, everything is sealed, the registry
//! signs one header for each addressee, and all of it is durable in the register before the first byte is
//! submitted. After a crash the same bytes go again; a number is never used for other bytes.

use crate::consultation::rules;
use crate::desk::Desk;
use crate::desk::accreditation::Trust;
use crate::desk::compose::Composition;
use crate::desk::error::DeskError;
use crate::desk::hand_over::GIVES_WAY;
use crate::desk::keys::Keys;
use crate::desk::lock::Held;
use crate::desk::mailbox::Mailbox;
use crate::desk::numbering::{ActNumber, Numbering};
use crate::desk::owed::Paid;
use crate::desk::register::{Marks, OwedEntry, SentEntry};
use crate::desk::release::Release;
use crate::message::terms::ActClass;

/// What a release made durable, told as soon as it is.
#[derive(Debug, Clone, Copy)]
pub enum Registered<'a> {
    /// A copy.
    Copy(&'a SentEntry),
    /// A copy of a protective act that somebody is owed, because it could not be made.
    Owed(&'a OwedEntry),
    /// A copy of another one, which somebody was owed from before.
    Paid(&'a Paid),
}

/// Two releases at once would reach for the same numbers.
pub(super) const RELEASE_LOCK: &str = "release.lock";

impl Desk {
    /// Sends a composed draft to all its addressees. Returns what is registered, one entry for each copy, each in
    /// the own gateway's custody; a copy stays `Released` where the gateway went away before it took it.
    pub async fn send(
        &self,
        trust: &Trust,
        keys: &Keys,
        composition: Composition,
    ) -> Result<Vec<SentEntry>, DeskError> {
        self.send_telling(trust, keys, composition, |_| {}).await
    }

    /// The same, telling of each copy as soon as it is registered: from then on it leaves with the next command,
    /// whatever becomes of this one, and minutes may pass until large documents are handed over.
    pub async fn send_telling(
        &self,
        trust: &Trust,
        keys: &Keys,
        composition: Composition,
        registered: impl FnMut(Registered<'_>),
    ) -> Result<Vec<SentEntry>, DeskError> {
        self.send_marked(trust, keys, composition, Marks::default(), registered).await
    }

    /// The same, with what else becomes true in the moment in which it is registered.
    pub(super) async fn send_marked(
        &self,
        trust: &Trust,
        keys: &Keys,
        composition: Composition,
        marks: Marks,
        registered: impl FnMut(Registered<'_>),
    ) -> Result<Vec<SentEntry>, DeskError> {
        if rules::forbids(&composition.findings) {
            return Err(DeskError::Forbidden(composition.findings));
        }
        self.release(trust, keys, (composition, ActNumber::Next, marks), registered).await
    }

    /// Releases what the rules were asked about, under this act number; with what else becomes true as it is
    /// registered.
    #[tracing::instrument(name = "desk.release", skip_all)]
    pub(super) async fn release(
        &self,
        trust: &Trust,
        keys: &Keys,
        (composition, act_number, marks): (Composition, ActNumber, Marks),
        mut registered: impl FnMut(Registered<'_>),
    ) -> Result<Vec<SentEntry>, DeskError> {
        if composition.act.class() == ActClass::Protective {
            // Nothing but a letter ever stands in for an act.
            let directed = match act_number {
                ActNumber::Directed(number) => Some(number),
                ActNumber::Next | ActNumber::InPlaceOf(_) => None,
            };
            return self.release_protective(trust, keys, (composition, directed, marks), registered).await;
        }
        // Held until everything is submitted: two releases at once must not reach for the same numbers.
        let released_alone = self.hold(RELEASE_LOCK).await?;
        let mut mailbox = self.mailbox(keys).await?;
        self.require_whole(trust, keys, &mut mailbox).await?;
        self.hand_over(trust, &mut mailbox).await?;
        self.pay_before(trust, keys, &mut mailbox, &mut registered).await?;
        let mut numbering = Numbering::default();
        let mut positions = self.positions(trust, &mut mailbox, &composition, &mut numbering).await?;
        let number = self.given_number(trust, &composition, act_number)?;
        for position in &mut positions {
            position.act_number = number.unwrap_or(position.act_number);
        }
        let mut release = Release::begin(self, trust, keys, std::iter::once(&composition))?;
        release.mark(marks);
        release.sign_and_seal(composition, positions)?;
        let released = release.register()?;
        released.iter().flatten().for_each(|copy| registered(Registered::Copy(copy)));
        let mut sent = Vec::new();
        let mut wrong = None;
        for entry in released.into_iter().flatten() {
            sent.push(match self.submit(trust, &mut mailbox, entry.clone()).await {
                Ok(taken) => taken,
                // Registered, so the next command hands over the same bytes; sending it anew would be a second one.
                Err(failure) if failure.is_passing() => {
                    // With the reason that was noted, for whoever asks why it waits.
                    self.register.sent_message(&entry.id)?.unwrap_or(entry)
                }
                Err(failure) => {
                    wrong = wrong.or(Some(failure));
                    entry
                }
            });
        }
        self.go_on(trust, &mut mailbox, &mut sent, released_alone).await?;
        // Only when copies to others had their turn.
        wrong.map_or(Ok(sent), Err)
    }

    /// A document that made way for a protective act goes on when that has gone; whatever came behind it goes too.
    async fn go_on(
        &self,
        trust: &Trust,
        mailbox: &mut Mailbox,
        sent: &mut [SentEntry],
        released_alone: Held,
    ) -> Result<(), DeskError> {
        let mut released_alone = Some(released_alone);
        while sent.iter().any(|copy| copy.reason == GIVES_WAY) {
            drop(released_alone.take());
            released_alone = Some(self.hold(RELEASE_LOCK).await?);
            self.hand_over(trust, mailbox).await?;
            for copy in sent.iter_mut() {
                if let Some(now) = self.register.sent_message(&copy.id)? {
                    *copy = now;
                }
            }
        }
        Ok(())
    }

    /// The number that is given to an act; none where it bears the next one. Nobody else releases now: what is certain
    /// here stays so.
    fn given_number(
        &self,
        trust: &Trust,
        composition: &Composition,
        act_number: ActNumber,
    ) -> Result<Option<u64>, DeskError> {
        match act_number {
            ActNumber::Next => Ok(None),
            ActNumber::InPlaceOf(number) => {
                self.require_given_up(trust, &composition.address.consultation, number)?;
                Ok(Some(number))
            }
            ActNumber::Directed(number) => Ok(Some(number)),
        }
    }

    /// Submits again what was registered but, for all this desk knows, never reached the gateway. What the
    /// gateway does not take yet waits, and does not hold up messages to others.
    pub async fn resume(&self, trust: &Trust, mailbox: &mut Mailbox) -> Result<(), DeskError> {
        let _released_alone = self.hold(RELEASE_LOCK).await?;
        self.hand_over(trust, mailbox).await
    }
}
