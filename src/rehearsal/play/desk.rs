//! One simulated party: the casebook that a real desk would keep, and the little that a desk knows beside it.

use std::collections::{BTreeMap, BTreeSet};

use super::account::Arrived;
use super::dispatch::{Message, channel};
use crate::consultation::act::Act;
use crate::consultation::acts::values::{ActRef, LanguageCode};
use crate::consultation::casebook::{Casebook, Incoming, Outcome};
use crate::consultation::charter::Charter;
use crate::consultation::registered::Marks;
use crate::consultation::rules::judgement::{
    ChannelFacts, EarlierMessage, FormalNumbers, Judgement, OpenedDocument,
};
use crate::consultation::rules::names::{NameIndex, family_and_given};
use crate::consultation::rules::{self, Finding};
use crate::desk::casebook::{KnownName, is_vouched_for};
use crate::digest::Digest;
use crate::message::terms::Level;
use crate::rehearsal::script::{Party, Script};
use crate::time::Timestamp;
use crate::trust::name::Ministry;

/// A desk.
pub(super) struct Desk {
    ministry: Ministry,
    casebook: Casebook,
    channel: Option<ChannelFacts>,
    /// Names that this desk knows, each with the particulars that tell it; none for those of the script.
    names: Vec<(KnownName, Option<ActRef>)>,
    /// The last formal number of each year.
    serials: BTreeMap<i16, u32>,
    earlier: Vec<EarlierMessage>,
}

impl Desk {
    pub(super) fn new(script: &Script, party: &Party) -> Self {
        let charter = charter(script);
        let channel = channel().map(|channel| ChannelFacts {
            channel,
            parties: script.parties.iter().map(|party| party.ministry.clone()).collect(),
            suspended: false,
            ceiling: charter.ceiling,
        });
        let facts = channel.clone().unwrap_or_else(|| ChannelFacts {
            channel: crate::trust::policy::ChannelId::between(&[]),
            parties: Vec::new(),
            suspended: false,
            ceiling: Level::Unclassified,
        });
        Self {
            ministry: party.ministry.clone(),
            casebook: Casebook::new(facts, charter),
            channel,
            names: script.known_names.iter().map(|name| (known(name), None)).collect(),
            serials: BTreeMap::new(),
            earlier: Vec::new(),
        }
    }

    /// What it holds.
    pub(super) fn casebook(&self) -> &Casebook {
        &self.casebook
    }

    /// The number that its next act to all parties bears.
    pub(super) fn next_number(&self) -> u64 {
        self.casebook.next_number(&self.ministry)
    }

    /// The serial number that its next note bears.
    pub(super) fn next_serial(&self, now: Timestamp) -> u32 {
        self.last_serial(now).unwrap_or(0).saturating_add(1)
    }

    fn last_serial(&self, now: Timestamp) -> Option<u32> {
        self.serials.get(&now.year()).copied()
    }

    /// Leaves out of a protective act what may not go with it, as a real desk does; tells what was found in that.
    pub(super) fn leave_out(&self, message: &mut Message) -> Vec<Finding> {
        let kept_back = rules::kept_back(&message.address, &message.dispatch, &self.earlier);
        message.dispatch.documents = kept_back.rest(std::mem::take(&mut message.dispatch.documents));
        message.papers = kept_back.rest(std::mem::take(&mut message.papers));
        kept_back.findings
    }

    /// Everything that stands against releasing a message: what every desk would find, and what only this one can. It has
    /// no position yet, as at a real desk: a draft is told what a receiver would hold against it (CON_06).
    pub(super) fn judge(&self, message: &Message, now: Timestamp) -> Vec<Finding> {
        let Message { address, position, dispatch, act, papers, authorities } = message;
        let opened: Vec<OpenedDocument<'_>> = papers
            .iter()
            .map(|paper| OpenedDocument {
                document_id: &paper.id,
                digest: Digest::of(paper.words.as_bytes()),
                size: paper.words.len() as u64,
                text: paper.media_type.starts_with("text/").then_some(paper.words.as_str()),
            })
            .collect();
        let past = self.casebook.declared(&address.sender, position.act_number, &Marks::of(&dispatch.basis));
        rules::judge(&Judgement {
            at: now,
            address,
            position: None,
            dispatch,
            act,
            verified: Some(&dispatch.authentications),
            authorities: Some(authorities),
            past: Some(&past),
            charter: self.casebook.charter(),
            channel: self.channel.as_ref(),
            formal_numbers: FormalNumbers { last: self.last_serial(now), complete: true },
            earlier: &self.earlier,
            documents: Some(&opened),
            names: &self.names_at(now),
            persons_elsewhere: &BTreeSet::new(),
            promised_elsewhere: &BTreeMap::new(),
        })
    }

    /// The names as a real desk knows them: told from the moment something of them is here, and vouched for or not.
    fn names_at(&self, now: Timestamp) -> NameIndex {
        let past = self.casebook.everything();
        let counts = |told: &ActRef| is_vouched_for(&past, *told, &self.ministry, now);
        KnownName::finding(self.names.iter().map(|(name, told)| (name, told.as_ref().is_none_or(counts))))
    }

    /// Registers what this party releases.
    pub(super) fn register_own(&mut self, message: &Message, now: Timestamp) {
        if !message.dispatch.formal_number.is_empty() {
            let serial = self.next_serial(now);
            self.serials.insert(now.year(), serial);
        }
        self.offer(message);
    }

    /// Takes a message; tells what became of it, and of those that waited for it.
    pub(super) fn offer(&mut self, message: &Message) -> Vec<(Digest, Arrived)> {
        let (id, digest) = (message.id(), message.digest());
        self.earlier.push(EarlierMessage::of(id, digest, &message.address, &message.dispatch));
        if let Act::PersonParticulars(told) = &message.act {
            let told_by = Some(ActRef::new(message.digest()));
            self.names.extend(told.names.iter().map(|name| (KnownName::of(name), told_by)));
        }
        let Message { address, position, dispatch, authorities, .. } = message.clone();
        let incoming = Incoming::new(address, position, dispatch, message.digest(), Some(authorities));
        let outcomes = self.casebook.offer(incoming);
        outcomes.into_iter().map(told).collect()
    }
}

fn told(outcome: Outcome) -> (Digest, Arrived) {
    match outcome {
        Outcome::Registered { reference, verdict, .. } => {
            (reference.dispatch_digest(), Arrived::Registered(verdict.rules().to_vec()))
        }
        Outcome::Buffered { reference, missing } => {
            let missing = missing.into_iter().map(|missing| (missing.ministry, missing.first));
            (reference.dispatch_digest(), Arrived::Waits(missing.collect()))
        }
        // No script is so long that this happens; it waits for room.
        Outcome::TurnedAway { reference } => (reference.dispatch_digest(), Arrived::Waits(Vec::new())),
        Outcome::Duplicate { reference } => (reference.dispatch_digest(), Arrived::Duplicate),
        Outcome::Equivocation { reference, .. } => (reference.dispatch_digest(), Arrived::Equivocation),
    }
}

/// The charter that the script describes; what it leaves out is as everywhere.
pub(super) fn charter(script: &Script) -> Charter {
    let plan = &script.charter;
    let mut charter = Charter::default_for(script.parties.iter().map(|party| party.ministry.clone()));
    let language = |text: &String| LanguageCode::parse(text).ok();
    charter.ceiling = plan.ceiling.unwrap_or(charter.ceiling);
    charter.working_languages = plan.languages.iter().filter_map(language).collect();
    charter.prevailing_language = plan.prevailing.as_ref().and_then(language);
    charter.witnesses = plan.witnesses.0.unwrap_or(charter.witnesses);
    charter.neutral_witnesses = plan.witnesses.1.unwrap_or(charter.neutral_witnesses).max(1);
    for (name, length) in &plan.spans {
        let field = match *name {
            "will_validity" => &mut charter.will_validity,
            "reconfirm_before_handover" => &mut charter.reconfirm,
            "cooling_off" => &mut charter.cooling_off,
            "assessment_validity" => &mut charter.assessment_validity,
            "fitness_validity" => &mut charter.fitness_validity,
            "notice_before_handover" => &mut charter.notice,
            "go_no_go_window" => &mut charter.go_window,
            "report_tolerance" => &mut charter.report_tolerance,
            "foreign_hold_validity" => &mut charter.foreign_hold,
            "countersign_within" => &mut charter.countersignature,
            "erasure_after_closure" => charter.erasure.insert(*length),
            "flash_deadline" => &mut charter.flash,
            "immediate_deadline" => &mut charter.immediate,
            _ => &mut charter.priority,
        };
        *field = *length;
    }
    charter
}

/// A name that the script says desks know: family and given name as far as they can be told apart.
fn known(name: &str) -> KnownName {
    let (family, given) = family_and_given(name).unwrap_or((name, ""));
    KnownName {
        is_primary: true,
        script: "Zyyy".to_owned(),
        family: family.to_owned(),
        given: given.to_owned(),
        romanization: String::new(),
    }
}
