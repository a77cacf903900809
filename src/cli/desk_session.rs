//! The desk as commands meet it: opened from the context with what it believes, its keys and its gateway.
//!
//! A context enters; an open desk leaves, or an error with its kind, a stable word and the command that comes
//! next (`desk_failure`). A passphrase is asked for only by commands that need a key.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::{ArcSwap, ArcSwapOption};

use super::context::Context;
use super::drafting::{FormFile, FormRefusal, Written};
use super::error::{CliError, Kind};
use super::output::Follower;
use super::{paid, registry_sent, shell_word};
use crate::desk::Desk;
use crate::desk::accreditation::Trust;
use crate::desk::casebook::{Attended, HeldHere};
use crate::desk::config::Config;
use crate::desk::error::DeskError;
use crate::desk::form::draft::Draft;
use crate::desk::keys::{Keys, Office};
use crate::desk::lock::Holder;
use crate::desk::mailbox::Mailbox;
use crate::desk::owed::Paid;
use crate::desk::progress::Step;
use crate::desk::reference::Entry;
use crate::desk::refill::{Asked, Lacking, Refilled};
use crate::keys::{KeyError, Passphrase};

pub(super) use super::desk_failure::failure;

/// An open desk.
#[derive(Debug)]
pub(super) struct DeskSession {
    /// The desk.
    pub(super) desk: Desk,
    /// What it believes; another value when a peer's new bundle was followed.
    believed: ArcSwap<Trust>,
    /// Its keys.
    pub(super) keys: Keys,
    /// What came of asking the gateway for everything; none where it was not asked, or away.
    asked: ArcSwapOption<Asked>,
    /// Numbers of the policy that this desk knows and of the later one in force at the gateway.
    overtaken: ArcSwapOption<(u64, u64)>,
    /// Whether the passphrase was asked for.
    is_unlocked: bool,
    /// Whether it was told that the gateway is away, since it was there last.
    is_told_away: AtomicBool,
    /// Shows how far long work has come.
    follower: Follower,
}

impl DeskSession {
    /// Opens the desk of this context with its keys; asks for the passphrase.
    pub(super) fn open(context: &Context) -> Result<Self, CliError> {
        let mut session = Self::open_locked(context)?;
        session.unlock(context)?;
        Ok(session)
    }

    /// Opens the desk of this context without its keys.
    pub(super) fn open_locked(context: &Context) -> Result<Self, CliError> {
        let follower = context.output.follower();
        let shown = follower.clone();
        let progress = move |step: Step| shown.step(step.stage.words(), step.done, step.whole);
        let notes = context.output.follower();
        let waits =
            move |holder: &Holder| notes.tell(&format!("waiting for another command of this desk: {holder}"));
        let desk = desk(context)?.watched_by(Arc::new(progress)).called(&context.typed, Arc::new(waits));
        let trust = desk.trust().map_err(|error| failure(context, error))?;
        let keys = Keys::locked(desk.config().clone());
        let believed = ArcSwap::from_pointee(trust);
        let (asked, overtaken) = (ArcSwapOption::empty(), ArcSwapOption::empty());
        let is_told_away = AtomicBool::new(false);
        Ok(Self { desk, believed, keys, asked, overtaken, is_unlocked: false, is_told_away, follower })
    }

    /// What the desk believes now.
    pub(super) fn trust(&self) -> Arc<Trust> {
        self.believed.load_full()
    }

    /// What came of asking the gateway for everything that is new, and for what the register lacks.
    pub(super) fn asked(&self) -> Option<Arc<Asked>> {
        self.asked.load_full()
    }

    /// Numbers of the policy that this desk knows and of the later one in force at the gateway, if there is one.
    pub(super) fn overtaken(&self) -> Option<(u64, u64)> {
        self.overtaken.load_full().map(|numbers| *numbers)
    }

    /// Asks for the passphrase, once. Whether it is the right one shows when the first key is opened.
    pub(super) fn unlock(&mut self, context: &Context) -> Result<(), CliError> {
        if !self.is_unlocked {
            self.keys = self.unlocked(context)?;
            self.is_unlocked = true;
        }
        Ok(())
    }

    fn unlocked(&self, context: &Context) -> Result<Keys, CliError> {
        let typed = context.passphrase.existing(&format!("the desk of {}", self.desk.config().ministry))?;
        keys_of(context, self.desk.config(), typed.for_keys()?)
    }

    /// Opens the keys of the offices that are to sign, before anybody consents to anything. One that the passphrase of
    /// the desk does not open has its own: it is asked for by name.
    pub(super) fn unlock_signers<'o>(
        &self,
        context: &Context,
        offices: impl Iterator<Item = &'o Office>,
    ) -> Result<(), CliError> {
        for office in offices {
            let mut opened = self.keys.office(office).map(|_| ());
            for _ in 0..TYPED_AT_MOST {
                let Err(DeskError::Key(KeyError::WrongPassphrase(_))) = &opened else { break };
                let Some(typed) = context.passphrase.typed_for(&office.label())? else { break };
                opened = self.keys.open_office(office, &typed.for_keys()?);
            }
            opened.map_err(|error| failure(context, error))?;
        }
        Ok(())
    }

    /// The draft of a form, or its mistakes.
    pub(super) fn draft(
        &mut self,
        context: &Context,
        form: &FormFile,
        attached: &[PathBuf],
    ) -> Result<Draft, FormRefusal> {
        match self.written(context, form, attached)? {
            Written { draft: Some(draft), mistakes } if mistakes.is_empty() => Ok(draft),
            Written { mistakes, .. } => Err(FormRefusal::Mistakes(mistakes)),
        }
    }

    /// A form as it is read here. What it leaves out is looked up, and only for that the passphrase is asked for.
    pub(super) fn written(
        &mut self,
        context: &Context,
        form: &FormFile,
        attached: &[PathBuf],
    ) -> Result<Written, CliError> {
        let asked: OnceCell<Result<Keys, CliError>> = OnceCell::new();
        let keys = || match self.is_unlocked {
            true => Some(&self.keys),
            false => asked.get_or_init(|| self.unlocked(context)).as_ref().ok(),
        };
        let trust = self.trust();
        let held = HeldHere::new(&self.desk, &trust, form.folder(), &keys);
        let written = form.written(context, &held, attached);
        if let Some(error) = held.failure() {
            return Err(failure(context, error));
        }
        if let Some(keys) = asked.into_inner() {
            self.keys = keys?;
            self.is_unlocked = true;
        }
        written
    }

    /// Connects to the own gateway.
    pub(super) async fn mailbox(&self, context: &Context) -> Result<Mailbox, CliError> {
        let connecting =
            async { self.desk.mailbox(&self.keys).await.map_err(|error| failure(context, error)) };
        context.within("connecting to the own gateway", connecting).await
    }

    /// The message that a reference names. What is not in the register is looked for at the gateway, and `@last`
    /// means the newest that is there, if the gateway can be asked.
    pub(super) async fn find(&self, context: &Context, reference: &str) -> Result<Entry, CliError> {
        let entry = self.found(context, reference).await?;
        paid::tell_anew(context, &self.desk, reference, &entry)?;
        Ok(entry)
    }

    async fn found(&self, context: &Context, reference: &str) -> Result<Entry, CliError> {
        let found = self.desk.find(reference);
        if matches!(found, Err(DeskError::NotSentYet { .. })) {
            // It may go now. Whatever stands in the way of that, what it is and to whom it is owed can be told.
            if let Err(error) = self.update(context, Directions::Sent).await {
                context.output.note(&format!("what is owed could not be sent: {}", error.message()));
            }
            return self.desk.find(reference).map_err(|error| failure(context, error));
        }
        if reference == "@last" || matches!(found, Err(DeskError::NoSuchMessage(_))) {
            self.update(context, Directions::Received).await?;
            return self.desk.find(reference).map_err(|error| failure(context, error));
        }
        found.map_err(|error| failure(context, error))
    }

    /// Brings the register up to date with the gateway, and the casebook with the register. A gateway that is away is
    /// noted and no error: what the register holds can be shown without it. Tells whether it was there.
    pub(super) async fn update(&self, context: &Context, directions: Directions) -> Result<bool, CliError> {
        let mut paid = Vec::new();
        let updating = async {
            let mut mailbox = self.mailbox(context).await?;
            self.follow(context, &mut mailbox).await;
            self.tell_acts(context, &mut mailbox).await;
            self.look(context, directions, (&mut mailbox, &mut paid)).await
        };
        // Handing over a large document takes its time: only standing still is too long.
        let moving = || self.follower.steps();
        let updated = context.within_while("asking the own gateway", moving, updating).await;
        paid.iter().for_each(|one| paid::tell(context, &self.desk.config().ministry, one));
        let updated = match updated {
            // A command that asks for one thing after the other says it once.
            Err(error)
                if error.kind() == Kind::TryLater && self.is_told_away.swap(true, Ordering::Relaxed) =>
            {
                context.output.detail(&format!("the gateway is still away: {}", error.message()));
                Ok(false)
            }
            Err(error) if error.kind() == Kind::TryLater => {
                context.output.note(&format!("the gateway is away; this is what the register holds ({})", {
                    error.causes().first().map_or(error.message(), String::as_str)
                }));
                Ok(false)
            }
            updated => {
                self.is_told_away.store(false, Ordering::Relaxed);
                updated.map(|()| true)
            }
        };
        if let Some(asked) = self.asked() {
            self.tell_of(context, asked.refilled());
        }
        if directions != Directions::Sent {
            let grown = self.desk.grow_casebook(&self.trust(), &self.keys);
            grown.map_err(|error| failure(context, error))?;
            if matches!(updated, Ok(true)) && directions != Directions::Unattended {
                self.attend(context).await;
            }
        }
        updated
    }

    /// Asks the gateway for what is to be brought up to date. What was paid meanwhile stands in `paid`, whatever became of
    /// the rest.
    async fn look(
        &self,
        context: &Context,
        directions: Directions,
        (mailbox, paid): (&mut Mailbox, &mut Vec<Paid>),
    ) -> Result<(), CliError> {
        let failed = |error| failure(context, error);
        let (trust, keys) = (self.trust(), &self.keys);
        match directions {
            Directions::Received | Directions::Both => {
                let asked = self.desk.ask(&trust, keys, mailbox).await.map_err(failed)?;
                self.asked.store(Some(Arc::new(asked)));
                if directions == Directions::Both {
                    self.look_after_sent(context, mailbox).await?;
                }
                Ok(())
            }
            Directions::Unattended => self.desk.fetch(&trust, mailbox).await.map(|_| ()).map_err(failed),
            Directions::Sent => {
                let refilled = self.desk.catch_up(&trust, keys, mailbox).await.map_err(failed)?;
                self.tell_of(context, &refilled);
                // One command for each Power, however many channels there are to it.
                let lost = refilled.lacking.iter().filter(|one| one.opens_no_more);
                let powers: BTreeSet<&str> = lost.map(|one| one.recipient.as_str()).collect();
                for power in powers {
                    context.output.next(&context.command(&format!("outbox forgo {}", shell_word(power))));
                }
                let paying = self.desk.pay_owed_telling(&trust, keys, paid).await;
                self.desk.refresh_sent(&trust, mailbox).await.and(paying).map_err(failed)
            }
        }
    }

    /// What became of messages at the gateway: a protective act that was taken out of its queue is owed anew. What stands
    /// in the way of asking is said, and keeps nobody from seeing the rest.
    async fn look_after_sent(&self, context: &Context, mailbox: &mut Mailbox) -> Result<(), CliError> {
        match self.desk.look_after_sent(&self.trust(), mailbox).await {
            Err(fault @ DeskError::Register(_)) => Err(failure(context, fault)),
            Err(cause) => {
                context.output.note(&format!("what became of messages under way is not known: {cause}"));
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    /// Says what a register that was restored from an older backup got back, and what it lacks.
    fn tell_of(&self, context: &Context, refilled: &Refilled) {
        if refilled.returned > 0 {
            context.output.note(&format!(
                "this register was restored from an older backup: {} messages that this desk had sent came back from the \
                 gateway",
                refilled.returned
            ));
        }
        for Lacking { recipient, count, why, .. } in &refilled.lacking {
            context.output.note(&format!(
                "this register lacks {count} messages that it had sent to {recipient}: {why}"
            ));
        }
    }

    /// Accredits the successors of bundles that are accredited, as peers announced them, and says so. What could not be
    /// followed is said too, and keeps nobody from reading.
    async fn follow(&self, context: &Context, mailbox: &mut Mailbox) {
        match self.desk.follow(&self.keys, mailbox).await {
            Ok(looked) => {
                if looked.changed()
                    && let Ok(trust) = self.desk.trust()
                {
                    self.believed.store(Arc::new(trust));
                }
                looked.lines().iter().for_each(|line| context.output.note(line));
                if looked.overtaken.is_some() {
                    context.output.next(&context.command("peer adopt"));
                }
                self.overtaken.store(looked.overtaken.map(Arc::new));
                for peer in looked.waiting.iter().map(|waiting| &waiting.ministry) {
                    context.output.next(&context.command(&format!("peer update {peer}")));
                }
            }
            Err(error) => {
                context.output.detail(&format!("what peers announced could not be looked at: {error}"));
            }
        }
    }

    /// Tells the gateway of administrative acts that it does not know yet. What cannot be told is told another time; a
    /// record that was altered is said, and keeps nobody from reading.
    async fn tell_acts(&self, context: &Context, mailbox: &mut Mailbox) {
        let Err(error) = self.desk.tell_acts(&self.trust(), mailbox).await else { return };
        let error = failure(context, error);
        let message = format!("the gateway was not told of every administrative act: {}", error.message());
        match error.kind() {
            Kind::Verification => context.output.note(&message),
            _ => context.output.detail(&message),
        }
    }

    /// Sends what the registry owes: rejections, receipts of urgent messages that were read, and what it signs where its
    /// own were not acknowledged. What cannot be sent now is owed on, and keeps nobody from reading.
    pub(super) async fn attend(&self, context: &Context) {
        let mut sent = Attended::default();
        let attending = async {
            let attended = self.desk.attend_telling(&self.trust(), &self.keys, &mut sent).await;
            attended.map_err(|error| failure(context, error))
        };
        let attended = context.within("sending what the registry owes", attending).await;
        // Nobody asked for these: whoever was told that they had not gone is told that they went.
        sent.paid.iter().for_each(|one| paid::tell(context, &self.desk.config().ministry, one));
        sent.answers.iter().for_each(|one| registry_sent::tell(context, one));
        if let Err(error) = attended {
            let message = format!("what this desk owes was not answered yet: {}", error.message());
            context.output.detail(&message);
        }
    }
}

/// How often the passphrase of an office is asked for.
const TYPED_AT_MOST: usize = 3;

/// What of the register is brought up to date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Directions {
    /// What came in.
    Received,
    /// The same, and what became of what went out.
    Both,
    /// The same, and nothing is sent for it: that could wait for another command of this desk.
    Unattended,
    /// What went out.
    Sent,
}

/// The desk of this context, without trust and keys.
pub(super) fn desk(context: &Context) -> Result<Desk, CliError> {
    let home = context.desk_home()?;
    Desk::open(&home, context.clock.clone(), context.entropy.clone()).map_err(|error| failure(context, error))
}

/// The keys of a desk under this passphrase, and those of offices under their own where they are given beforehand.
pub(super) fn keys_of(context: &Context, config: &Config, passphrase: Passphrase) -> Result<Keys, CliError> {
    let mut keys = Keys::new(config.clone(), passphrase);
    for (office, own) in context.passphrase.of_offices()? {
        keys = keys.with_office(&office, own.for_keys()?);
    }
    Ok(keys)
}
