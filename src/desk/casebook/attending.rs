//! Attending: what this desk owes for what came, done by the registry without being asked.
//!
//! A normative act that fails here is answered by a RuleRejection that names the rules; an urgent message that an
//! officer has read by a RegistryReceipt, which ends the alarm on the other side; and where an own urgent message was
//! not acknowledged in its time, a NonAcknowledgement is signed. Before all that, protective acts go to whoever is
//! still owed them, and are told, because nobody asked for them. Each is sent once, however often this is called. Where
//! the gateway is away, it is owed until another time. What one ministry cannot be sent is owed on, and keeps no answer
//! from another.

use std::collections::BTreeSet;

use super::Contents;
use super::folding::Folded;
use super::kept::Kept;
use super::shelf::{Place, Shelf};
use super::wax::Wax;
use crate::consultation::act::ActKind;
use crate::consultation::registered::Registered;
use crate::consultation::rules::Finding;
use crate::desk::Desk;
use crate::desk::accreditation::Trust;
use crate::desk::error::DeskError;
use crate::desk::keys::Keys;
use crate::desk::owed::Paid;
use crate::desk::reference::{Entry, register_number};
use crate::desk::register::SentEntry;
use crate::desk::unpaid::Unpaid;
use crate::message::terms::{ActClass, Precedence};
use crate::trust::name::Ministry;

/// What this desk owes for one act.
enum Debt {
    Rejection(Vec<Finding>),
    Acknowledgement,
}

/// What attending sent.
#[derive(Debug, Default)]
pub struct Attended {
    /// Copies of protective acts, to those who were owed them.
    pub paid: Vec<Paid>,
    /// Messages of the registry: rejections, receipts, non-acknowledgements.
    pub answers: Vec<Answered>,
}

/// A message that the registry of this desk sent without being asked, by references alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// What it is.
    pub kind: ActKind,
    /// Its register number.
    pub reference: String,
    /// To whom it went.
    pub to: Ministry,
    /// Register number of the message that it is about.
    pub about: String,
}

impl Answered {
    /// What became of an answer of this kind; none where no copy of it was sent.
    pub(in crate::desk) fn of(
        kind: ActKind,
        copies: &[SentEntry],
        own: &Ministry,
        about: String,
    ) -> Option<Self> {
        let copy = copies.first()?;
        let reference = register_number(own, &copy.recipient, copy.release_time, copy.sequence);
        Some(Self { kind, reference, to: copy.recipient.clone(), about })
    }
}

impl Desk {
    /// Answers what came since this was done last, and urgent messages that were read since; signs what was not
    /// answered. Returns how many messages were sent. Where something could not be, everything else was tried, and the
    /// failures are told at the end.
    pub async fn attend(&self, trust: &Trust, keys: &Keys) -> Result<usize, DeskError> {
        let mut attended = Attended::default();
        self.attend_telling(trust, keys, &mut attended).await?;
        Ok(attended.paid.len().saturating_add(attended.answers.len()))
    }

    /// The same, where what was sent stands in `sent`, whatever became of the rest.
    pub async fn attend_telling(
        &self,
        trust: &Trust,
        keys: &Keys,
        sent: &mut Attended,
    ) -> Result<(), DeskError> {
        let index = self.casebook(trust, keys)?;
        let place = self.memory.now().as_ref().map(|known| known.place.clone());
        let consultations: BTreeSet<String> = index.to_attend.union(&index.urgent).cloned().collect();
        let mut attended = index.to_attend.clone();
        let mut unpaid = Unpaid::default();
        if let Err(failure) = self.pay_owed_telling(trust, keys, &mut sent.paid).await {
            unpaid.note(failure)?;
        }
        for consultation in consultations {
            let folded = self.consultation_of(trust, keys, &consultation)?;
            let before = unpaid.count();
            let past = folded.book.everything();
            let settle = |act| self.settle_debt(trust, keys, &folded, act);
            unpaid.pay_each(past.acts(), &mut sent.answers, settle).await?;
            if unpaid.count() > before {
                attended.remove(&consultation);
            }
            if index.urgent.contains(&consultation) {
                self.declare_silence(trust, keys, &folded, (&mut unpaid, &mut sent.answers)).await?;
            }
        }
        self.note_attended(keys, place, &attended)?;
        unpaid.told()
    }

    async fn settle_debt(
        &self,
        trust: &Trust,
        keys: &Keys,
        folded: &Folded,
        act: &Registered,
    ) -> Result<Option<Answered>, DeskError> {
        let Some(kept) = folded.kept.get(&act.reference).filter(|kept| !kept.own) else { return Ok(None) };
        let Some(debt) = self.debt(folded, kept, act)? else { return Ok(None) };
        let Some(received) = self.register.received_message(&kept.id())? else { return Ok(None) };
        let opened = self.unseal_unjudged(trust, &keys.reading()?, &Entry::Received(received))?;
        let about = kept.register_number();
        let (kind, copies) = match debt {
            Debt::Rejection(findings) => {
                (ActKind::RuleRejection, self.reject(trust, keys, &opened, &findings).await?)
            }
            Debt::Acknowledgement => {
                (ActKind::RegistryReceipt, self.acknowledge(trust, keys, &opened, &about).await?)
            }
        };
        Ok(copies.and_then(|copies| Answered::of(kind, &copies, &self.config.ministry, about)))
    }

    /// What is owed for an act and was not sent yet.
    fn debt(&self, folded: &Folded, kept: &Kept, act: &Registered) -> Result<Option<Debt>, DeskError> {
        let (id, is_urgent) =
            (kept.id(), matches!(act.precedence, Precedence::Flash | Precedence::Immediate));
        // What is relayed and breaks no rule is hearsay; it is not rejected.
        if act.class == ActClass::Normative && !act.verdict.stands() {
            let findings = folded.findings.get(&act.reference).cloned().unwrap_or_default();
            let is_answered = self.register.answer_to(&id, "rule-rejection")?.is_some();
            return Ok((!is_answered).then_some(Debt::Rejection(findings)));
        }
        if !is_urgent || self.register.answer_to(&id, "registry-receipt")?.is_some() {
            return Ok(None);
        }
        let read = self.register.received_message(&id)?.is_some_and(|entry| entry.read_time.is_some());
        Ok(read.then_some(Debt::Acknowledgement))
    }

    /// Nothing more is owed for what came into these consultations until then.
    fn note_attended(
        &self,
        keys: &Keys,
        place: Option<Place>,
        attended: &BTreeSet<String>,
    ) -> Result<(), DeskError> {
        if attended.is_empty() {
            return Ok(());
        }
        let wax = Wax::of(keys.reading()?);
        let mut shelf = Shelf::open(&self.config.casebook())?;
        let open = shelf.take()?;
        let Some(mut contents) = Contents::of(&open, &wax)? else { return Ok(()) };
        if place.as_ref() != Some(&contents.place) {
            // Something came or went meanwhile: it is looked at again.
            return Ok(());
        }
        contents.index.to_attend.retain(|consultation| !attended.contains(consultation));
        contents.write_index(&open, &wax, self.entropy.as_ref())?;
        open.commit(&contents.place, &wax)?;
        self.memory.forget();
        Ok(())
    }
}
