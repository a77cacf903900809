//! Departing: may this person leave now? Every reason why not, by everything that this desk holds.
//!
//! A person enters; an answer leaves, the same for officers and for the ministry's own systems. Nothing that was not
//! looked at counts as fine: what did not open, waits for other acts or cannot be read says no as well. So does an own
//! gateway that was not asked: only what came of asking it (`Asked`) shows that this register is whole, and has
//! everything that came. One that was restored from an older backup may lack a withdrawal that others have.

use std::collections::BTreeSet;

use super::folding::Folded;
use crate::consultation::acts::values::EntryId;
use crate::consultation::reference::{ConsultationId, PersonRef};
use crate::consultation::rules::Rule;
use crate::consultation::rules::judgement::Promises;
use crate::consultation::state::commitments;
use crate::consultation::state::departure;
use crate::consultation::state::guard::Stop;
use crate::consultation::state::places::{Likeness, Places, Spoken};
use crate::consultation::state::stage;
use crate::desk::Desk;
use crate::desk::accreditation::Trust;
use crate::desk::error::DeskError;
use crate::desk::keys::Keys;
use crate::desk::refill::{Asked, Lacking};
use crate::time::Timestamp;
use crate::trust::name::Ministry;

/// The answer of a desk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Departure {
    /// The consultation that the person belongs to.
    pub home: ConsultationId,
    /// The arrangement that it was asked of.
    pub arrangement: Option<EntryId>,
    /// When it was asked.
    pub asked: Timestamp,
    /// Every reason why not: that the person says no, what else protects the person, the rest; that nothing is arranged
    /// comes last.
    pub stops: Vec<Stop>,
    /// What could not be looked at.
    pub not_looked_at: Vec<String>,
}

impl Departure {
    /// Whether nothing stands against it.
    pub fn is_clear(&self) -> bool {
        self.stops.is_empty() && self.not_looked_at.is_empty()
    }
}

impl Desk {
    /// Whether a person may leave now, by this arrangement or by the last confirmed one that lists the person; with
    /// what came of asking the own gateway just now, if it was there. `PersonUnknown` where nobody has spoken of the
    /// person.
    pub fn departure(
        &self,
        trust: &Trust,
        keys: &Keys,
        person: &PersonRef,
        arrangement: Option<EntryId>,
        asked: Option<&Asked>,
    ) -> Result<Departure, DeskError> {
        let index = self.casebook(trust, keys)?;
        let home = self.home_of(trust, keys, person)?.ok_or(DeskError::PersonUnknown)?;
        let folded = self.consultation_of(trust, keys, &home.text())?;
        let now = self.clock.now();
        let (arrangement, mut stops) = ask(&folded, person, arrangement, now);
        let promised = self.promised_elsewhere(trust, keys, &home.text())?;
        stops.extend(promised_twice(&folded, person, arrangement.as_ref(), &promised));
        stops.sort_by(Stop::by_rank);
        if !is_listed(&folded, person, arrangement.as_ref()) {
            // What stands against the person comes before what nobody has arranged.
            stops.sort_by_key(|stop| matches!(stop.rule, Rule::Hnd01 | Rule::Hnd02));
        }
        let mut not_looked_at =
            blind_spots(&folded, &self.config().ministry, index.unopened_in(&home.text()));
        // One that has gone to nobody stands in no casebook yet.
        let outstanding = self.outstanding(trust, keys)?;
        let of_this = outstanding.iter().filter(|one| one.consultation == home.text());
        not_looked_at.extend(
            of_this.map(|one| format!("a protective act of this desk is owed to {}: {one}", one.recipient)),
        );
        not_looked_at.extend(self.lost_of(&folded, asked)?);
        Ok(Departure { home, arrangement, asked: now, stops, not_looked_at })
    }

    /// What this register lacks of what this desk sent, by its own notes and by what the gateway said; the acts of a
    /// consultation may stand on any channel to its Powers.
    fn lost_of(&self, folded: &Folded, asked: Option<&Asked>) -> Result<Vec<String>, DeskError> {
        let Some(asked) = asked else {
            let away = "the own gateway is away: what waits there, and whether this register is whole, was not looked at";
            return Ok(vec![away.to_owned()]);
        };
        let channels: BTreeSet<String> =
            folded.kept.values().map(|kept| kept.header.address().channel.to_string()).collect();
        let mut lost: BTreeSet<(Ministry, u64)> = BTreeSet::new();
        for channel in &channels {
            lost.extend(self.register().lost_on(channel)?);
        }
        let parties = &folded.book.charter().parties;
        let concerns = |one: &&Lacking| channels.contains(&one.channel) || parties.contains(&one.recipient);
        let lacking = asked.refilled().lacking.iter().filter(concerns);
        lost.extend(lacking.map(|one| (one.recipient.clone(), one.count)));
        let told = |(recipient, lost)| {
            format!(
                "this desk's register lost {lost} of its own messages to {recipient}; they may hold a withdrawal"
            )
        };
        Ok(lost.into_iter().map(told).collect())
    }
}

/// EXC-06 across consultations: only this desk knows that the references of two mean one man.
fn promised_twice(
    folded: &Folded,
    person: &PersonRef,
    arrangement: Option<&EntryId>,
    promised: &Promises,
) -> Option<Stop> {
    let past = folded.book.everything();
    let arranged = commitments::arrangement(&past, arrangement?)?;
    let (line, places) = (arranged.agreement.line(person)?, Places::of(&past, person));
    let there = arranged.agreement.destination(line);
    let elsewhere = |other| places.compare(Spoken::now(other), there) != Likeness::Same;
    let because = "an agreement of another consultation sends the person elsewhere";
    promised.get(person)?.iter().any(elsewhere).then(|| Stop::new(Rule::Exc06, because))
}

fn ask(
    folded: &Folded,
    person: &PersonRef,
    arrangement: Option<EntryId>,
    now: Timestamp,
) -> (Option<EntryId>, Vec<Stop>) {
    let past = folded.book.everything();
    let last = || {
        let arranged = commitments::arrangements_of(&past, person);
        arranged.last().map(|arranged| arranged.act.arrangement_id.clone())
    };
    let (arrangement, charter) = (arrangement.or_else(last), folded.book.charter());
    let mut stops = match &arrangement {
        Some(id) => departure::clear_to_depart(&past, person, id, now, charter),
        None => vec![Stop::new(Rule::Hnd01, "no confirmed arrangement lists the person")],
    };
    if !is_listed(folded, person, arrangement.as_ref()) {
        stops.extend(stage::standing(&past, person, now, charter));
    }
    (arrangement, stops)
}

/// Whether the person is on the list of this arrangement, and of its agreement: then everything was asked of that.
fn is_listed(folded: &Folded, person: &PersonRef, arrangement: Option<&EntryId>) -> bool {
    let past = folded.book.everything();
    let arranged = arrangement.and_then(|id| commitments::arrangement(&past, id));
    arranged.is_some_and(|arranged| {
        arranged.act.persons.find(person).is_some() && arranged.agreement.line(person).is_some()
    })
}

/// What this desk could not look at and that might say no.
fn blind_spots(folded: &Folded, own: &Ministry, unopened: u64) -> Vec<String> {
    let mut spots = Vec::new();
    if unopened > 0 {
        spots.push(format!("{unopened} messages of the consultation do not open"));
    }
    let waiting = folded.book.waiting().count().saturating_add(folded.count_turned_away());
    if waiting > 0 {
        spots.push(format!("{waiting} acts wait for others that are not here yet"));
    }
    for missing in folded.book.passed_over().filter(|missing| missing.ministry != *own) {
        let (sender, first) = (&missing.ministry, missing.first);
        spots.push(format!(
            "{missing} never came here: ask {sender} what it said; if it reached nobody, {sender} says so under its number \
             by `chancery outbox fill {} {first}`",
            folded.consultation
        ));
    }
    for missing in folded.overdrawn() {
        let sender = &missing.ministry;
        spots.push(format!("{sender} left out {missing} and more before: ask it what it sent"));
    }
    spots
}
