//! Protective acts, which nothing holds up: each goes at once to every Power to which it can, and is owed to the others.
//!
//! A composed protective act enters. For each addressee a copy leaves, or is registered behind one that the gateway has
//! not taken yet, or, where none can be made, the signed dispatch is kept for it: sealed to the own reading keys, in the
//! transaction that registers the copies for the others. A copy is made of what is kept as soon as that is possible, by
//! whatever command comes next. It bears the act number and the release of the others, because every desk judges by
//! these; only its place in the sequence, its seal and its end of validity are of its own day.
//!
//! Nothing is sealed to the keys of a bundle that has ended, and nothing is numbered by the register alone where the
//! gateway cannot be asked, or holds what the register does not: one that was restored from an older copy would use a
//! number twice. There the act is owed to all without a number, and gets one with the first copy, behind everything that
//! the gateway holds. What became of a copy says nothing of the act: one that was given up, withdrawn, late or refused is
//! owed anew (`anew`), and the act counts here all the while. What must never happen: that one Power keeps an act from
//! another, that an act that was signed is forgotten or leaves the own casebook, that two acts bear one number.

mod anew;
mod keeping;
mod naming;
mod outstanding;
mod paying;

use std::io::ErrorKind;
use std::path::Path;

pub(in crate::desk) use keeping::kept_name;

use crate::consultation::casebook::Incoming;
use crate::desk::Desk;
use crate::desk::accreditation::Trust;
use crate::desk::authorities;
use crate::desk::compose::{Composition, Origin};
use crate::desk::draft::{DraftFile, DraftRefusal};
use crate::desk::error::DeskError;
use crate::desk::keys::Keys;
use crate::desk::lock::Held;
use crate::desk::mailbox::Mailbox;
use crate::desk::numbering::Behind;
use crate::desk::register::{Marks, OwedEntry, SentEntry, SentState};
use crate::desk::release::Release;
use crate::desk::send::{RELEASE_LOCK, Registered};
use crate::limits;
use crate::message::header::Position;
use crate::message::id::MessageId;
use crate::message::refusal::{Reason, Refusal};
use crate::message::seal;
use crate::time::Timestamp;
use crate::trust::name::Ministry;

pub use naming::Unsent;
pub use outstanding::{Front, Outstanding};
pub use paying::Paid;

/// The trust bundle of the Power has ended.
pub const BUNDLE_ENDED: &str = "BUNDLE_ENDED";

/// No trust bundle of the Power is here.
pub const NOT_ACCREDITED: &str = "NOT_ACCREDITED";

/// A document of it is not in the keeping of this desk any more.
pub const DOCUMENT_GONE: &str = "DOCUMENT_GONE";

/// The own gateway did not answer.
pub const GATEWAY_AWAY: &str = "GATEWAY_AWAY";

/// The register of this desk lacks messages that the own gateway holds.
pub const REGISTER_BEHIND: &str = "REGISTER_BEHIND";

/// The copy for the Power was refused by it.
pub const COPY_REJECTED: &str = "COPY_REJECTED";

/// The copy for the Power was not delivered in time.
pub const COPY_EXPIRED: &str = "COPY_EXPIRED";

/// The copy for the Power was withdrawn at the own gateway.
pub const COPY_WITHDRAWN: &str = "COPY_WITHDRAWN";

/// The copy for the Power was given up here, or refused by the own gateway.
pub const COPY_VOID: &str = "COPY_VOID";

/// A Power for which no copy can be made now, and why: a stable code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shortfall {
    pub(super) recipient: Ministry,
    pub(super) reason: String,
}

impl Desk {
    /// Releases a protective act to whomever it can go. Returns the copies that were made, as they stand then; what
    /// could not be made is told as owed.
    pub(super) async fn release_protective(
        &self,
        trust: &Trust,
        keys: &Keys,
        (composition, act_number, marks): (Composition, Option<u64>, Marks),
        mut registered: impl FnMut(Registered<'_>),
    ) -> Result<Vec<SentEntry>, DeskError> {
        let released_alone = self.hold_urgently(RELEASE_LOCK).await?;
        let mut mailbox = match self.mailbox(keys).await {
            Err(failure) if concerns_the_keys(&failure) => return Err(failure),
            connected => connected,
        };
        if let Ok(mailbox) = &mut mailbox {
            // What this register forgot has its numbers before everything else.
            self.refill_urgently(trust, keys, mailbox).await;
            // What is owed from before has its numbers first. What waits here otherwise is handed over afterwards:
            // among it may be a document that takes minutes, and this is numbered behind it all the same.
            only_faults(self.pay_before(trust, keys, mailbox, &mut registered).await)?;
        }
        let unsure = act_number.is_none() && self.may_lack_acts(&mut mailbox, &composition).await;
        let act_number = match act_number {
            Some(given) => given,
            // It gets one when the first copy of it is made.
            None if unsure => 0,
            None => self.next_act_number(&composition)?,
        };
        // One instant for all copies, owed ones too: desks judge by it, and must come to the same verdict.
        let told = (act_number, self.clock.now().minute());
        let (positions, shortfalls) = self.places(trust, &mut mailbox, &composition, (told, unsure)).await?;
        let mut release = Release::begin(self, trust, keys, std::iter::once(&composition))?;
        release.mark(marks);
        release.sign_and_seal_owing(composition, positions, (told, shortfalls))?;
        let owed = release.owed().to_vec();
        let released = release.register()?;
        let mut copies: Vec<SentEntry> = released.into_iter().flatten().collect();
        if let (true, Ok(mailbox), Some(first)) = (unsure, &mut mailbox, owed.first()) {
            // It is durable, and its number follows from what the gateway says now.
            let mut paid = Vec::new();
            let paying = self.pay_all(trust, keys, mailbox, &mut paid).await;
            let is_another = |one: &&Paid| one.copy.dispatch_digest != first.dispatch;
            paid.iter().filter(is_another).for_each(|one| registered(Registered::Paid(one)));
            only_faults(paying)?;
            copies = self.register.sent_in(&first.consultation)?;
            copies.retain(|copy| copy.dispatch_digest == first.dispatch);
        }
        copies.iter().for_each(|copy| registered(Registered::Copy(copy)));
        let is_owed = |owed: &&OwedEntry| copies.iter().all(|copy| copy.recipient != owed.recipient);
        owed.iter().filter(is_owed).for_each(|owed| registered(Registered::Owed(owed)));
        self.bring_on_its_way(trust, &mut mailbox, &copies, released_alone).await?;
        if !owed.is_empty() {
            self.keep_documents(trust, keys)?;
        }
        let now = |copy: SentEntry| Ok(self.register.sent_message(&copy.id)?.unwrap_or(copy));
        copies.into_iter().map(now).collect()
    }

    /// Submits the copies of a protective act; then, when nothing of it waits for this any more, what else waits here.
    async fn bring_on_its_way(
        &self,
        trust: &Trust,
        mailbox: &mut Result<Mailbox, DeskError>,
        copies: &[SentEntry],
        released_alone: Held,
    ) -> Result<(), DeskError> {
        if let Ok(mailbox) = mailbox {
            for copy in copies.iter().filter(|copy| copy.state == SentState::Released) {
                only_faults(self.submit_at_front(trust, mailbox, copy).await)?;
            }
        }
        // The others must not wait for those in front of them longer than they have to.
        drop(released_alone);
        if let Ok(mailbox) = mailbox
            && !self.register.waiting(None, 1)?.is_empty()
            && let Some(_released_alone) = self.try_hold(RELEASE_LOCK)?
        {
            only_faults(self.hand_over(trust, mailbox).await)?;
        }
        Ok(())
    }

    /// The position of each copy that can be made now, and for whom none can. Where the number of the act is unsure none
    /// is made for anybody: the first one gives it.
    async fn places(
        &self,
        trust: &Trust,
        mailbox: &mut Result<Mailbox, DeskError>,
        composition: &Composition,
        (told, unsure): ((u64, Timestamp), bool),
    ) -> Result<(Vec<Position>, Vec<Shortfall>), DeskError> {
        let (mut positions, mut shortfalls) = (Vec::new(), Vec::new());
        for addressee in &composition.address.addressees {
            let recipient = addressee.ministry.clone();
            let line = (composition.address.channel.to_string(), recipient.clone());
            match self.place(trust, mailbox, &line).await {
                Ok(_) if unsure => {
                    shortfalls.push(Shortfall { recipient, reason: REGISTER_BEHIND.to_owned() })
                }
                Ok(last) => positions.push(self.position_after(last, &recipient, composition, told)),
                Err(failure @ DeskError::Register(_)) => return Err(failure),
                Err(failure) => shortfalls.push(Shortfall { recipient, reason: reason_of(&failure) }),
            }
        }
        Ok((positions, shortfalls))
    }

    /// Whether this register may lack acts that bear the number which it would give: the gateway holds messages to one
    /// of the Powers that are not here, or cannot be asked.
    async fn may_lack_acts(
        &self,
        mailbox: &mut Result<Mailbox, DeskError>,
        composition: &Composition,
    ) -> bool {
        match mailbox {
            Ok(mailbox) if composition.numbered => {
                let lost = self.lost_towards(mailbox, &composition.address).await;
                lost.map_or(true, |lost| !lost.is_empty())
            }
            Ok(_) => false,
            Err(_) => composition.numbered,
        }
    }

    /// The place after which a copy to this recipient comes, where one can be made.
    async fn place(
        &self,
        trust: &Trust,
        mailbox: &mut Result<Mailbox, DeskError>,
        (channel, recipient): &(String, Ministry),
    ) -> Result<(u64, Option<MessageId>), DeskError> {
        trust.bundle_in_force(recipient, self.clock.now())?;
        match mailbox {
            Ok(mailbox) => self.last_position(trust, mailbox, (channel, recipient), Behind::Follow).await,
            Err(_) => Err(DeskError::GatewayAway(String::new())),
        }
    }

    /// Submits a copy, unless another one to the same recipient waits in front of it: the gateway would take it for a
    /// gap, and it goes with the one in front.
    async fn submit_at_front(
        &self,
        trust: &Trust,
        mailbox: &mut Mailbox,
        copy: &SentEntry,
    ) -> Result<(), DeskError> {
        let front = self.register.first_waiting(&copy.channel, &copy.recipient)?;
        if front.is_some_and(|front| front.id != copy.id) {
            return Ok(());
        }
        self.submit(trust, mailbox, copy.clone()).await.map(|_| ())
    }

    /// An act that is owed as the casebook of this desk takes it, though no copy of it was made.
    pub(super) fn owed_as_incoming(&self, keys: &Keys, owed: &OwedEntry) -> Result<Incoming, DeskError> {
        let Composition { address, dispatch, valid_until, .. } = self.composition_of(keys, owed)?;
        let facts = authorities::at_this_desk(keys.offices()?.as_ref(), &dispatch.authentications);
        let position = Position {
            recipient: owed.recipient.clone(),
            sequence: 0,
            previous: None,
            act_number: owed.act_number,
            release_time: owed.release_time,
            valid_until,
        };
        Ok(Incoming::new(address, position, dispatch, owed.dispatch, Some(facts)))
    }

    /// The signed draft that is kept of an act which is owed.
    fn draft_owed(&self, keys: &Keys, owed: &OwedEntry) -> Result<DraftFile, DeskError> {
        let plain = seal::open(&owed.sealed, &[&keys.reading()?])
            .map_err(|cause| Refusal::new(Reason::SealBroken, format!("what is owed: {cause}")))?;
        let text = std::str::from_utf8(&plain)
            .map_err(|_| DeskError::Draft("what is owed is no text".to_owned()))?;
        let mut draft = DraftFile::parse_kept(text, Path::new(&self.config.home))?;
        self.find_kept(keys, &mut draft)?;
        Ok(draft)
    }

    /// What is kept of an act that is owed, ready to be sealed to one more Power.
    fn composition_of(&self, keys: &Keys, owed: &OwedEntry) -> Result<Composition, DeskError> {
        let draft = self.draft_owed(keys, owed)?;
        // However late it is: it is still to be delivered.
        let least = self.clock.now().after(limits::VALIDITY_DEFAULT);
        let valid_until = draft.valid_until().map_or(least, |until| until.max(least));
        let numbered = owed.act_number > 0 || owed.awaits_number;
        let origin = |draft| Origin::Owed(draft, owed.recipient.clone());
        Ok(Composition::of_signed(draft, numbered, valid_until, Vec::new(), origin))
    }
}

/// The stable code of why no copy can be made.
fn reason_of(failure: &DeskError) -> String {
    let word = match failure {
        DeskError::NotAccredited(_) => NOT_ACCREDITED,
        DeskError::Trust(_) => BUNDLE_ENDED,
        DeskError::GatewayAway(_) => GATEWAY_AWAY,
        DeskError::DraftRefused(DraftRefusal::DocumentGone) => DOCUMENT_GONE,
        DeskError::File { cause, .. } if cause.kind() == ErrorKind::NotFound => DOCUMENT_GONE,
        DeskError::RegisterBehind { .. } => REGISTER_BEHIND,
        DeskError::GatewayRolledBack { .. } => "GATEWAY_ROLLED_BACK",
        other if other.reason().is_empty() => "NOT_MADE",
        other => other.reason(),
    };
    word.to_owned()
}

/// Whether no act could be signed or sealed, whoever it is for.
fn concerns_the_keys(failure: &DeskError) -> bool {
    matches!(failure, DeskError::Locked | DeskError::Key(_) | DeskError::Config(_) | DeskError::File { .. })
}

/// What went wrong with one copy is noted with it; a register that fails is another matter.
fn only_faults<T>(done: Result<T, DeskError>) -> Result<(), DeskError> {
    match done {
        Err(fault @ DeskError::Register(_)) => Err(fault),
        _ => Ok(()),
    }
}
