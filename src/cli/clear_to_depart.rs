//! `clear-to-depart`: may this person leave now? Yes, or every reason why not.
//!
//! The question of the desk of the Detaining Power before a convoy moves, asked of everything this desk holds. Nothing
//! that was not looked at counts as fine: what did not open, waits for other acts or cannot be read says no as well.

use serde_json::json;

use super::capitals::Capitals;
use super::case_report::{stop_report, stop_text};
use super::context::Context;
use super::desk_session::{self, DeskSession, Directions};
use super::error::{CliError, Kind};
use super::output::Mark;
use crate::consultation::acts::values::EntryId;
use crate::consultation::reference::PersonRef;
use crate::consultation::rules::Rule;
use crate::consultation::rules::judgement::Promises;
use crate::consultation::state::commitments;
use crate::consultation::state::custody::{Likeness, Places};
use crate::consultation::state::departure;
use crate::consultation::state::guard::Stop;
use crate::desk::casebook::Folded;
use crate::time::Timestamp;
use crate::trust::name::Ministry;

/// Ask whether a person may leave now: exit code 0 for yes, 6 with every reason for no
///
/// Asks the own gateway for what is new first; while it is away the answer is no, because a withdrawal may wait there. The
/// reasons come in a fixed order: that the person says no (WIL_07), what else protects the person (WIL, PRO), the rest.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    chancery clear-to-depart P-7QK4-M2XD-9WTV\n  \
    chancery clear-to-depart P-7QK4-M2XD-9WTV --arrangement EAGLE-1 --json")]
pub struct ClearToDepart {
    /// The person
    #[arg(value_name = "PERSON", value_parser = parse_person)]
    person: PersonRef,

    /// The arrangement of the handover; the last confirmed one that lists the person if it is left out
    #[arg(long, value_name = "ID", value_parser = parse_arrangement)]
    arrangement: Option<EntryId>,
}

/// A reference of a person on the command line.
pub(super) fn parse_person(text: &str) -> Result<PersonRef, String> {
    PersonRef::parse(text).map_err(|fault| fault.message().to_owned())
}

fn parse_arrangement(text: &str) -> Result<EntryId, String> {
    EntryId::parse(text).map_err(|fault| fault.message().to_owned())
}

impl ClearToDepart {
    /// Asks.
    pub async fn run(self, context: &Context) -> Result<(), CliError> {
        let session = DeskSession::open(context)?;
        let is_up_to_date = session.update(context, Directions::Received).await?;
        let failed = |error| desk_session::failure(context, error);
        let DeskSession { desk, trust, keys, .. } = &session;
        let index = desk.casebook(trust, keys).map_err(failed)?;
        let home = desk.home_of(trust, keys, &self.person).map_err(failed)?;
        let home = home.ok_or_else(|| unknown(&self.person))?;
        let folded = desk.consultation_of(trust, keys, &home.text()).map_err(failed)?;
        let now = context.clock.now();
        let (arrangement, mut stops) = self.ask(&folded, now);
        let promised = desk.promised_elsewhere(trust, keys, &home.text()).map_err(failed)?;
        stops.extend(self.promised_twice(&folded, arrangement.as_ref(), &promised));
        stops.sort_by(Stop::by_rank);
        let mut other = blind_spots(&folded, &desk.config().ministry, index.unopened_in(&home.text()));
        // One that has gone to nobody stands in no casebook yet.
        let outstanding = desk.outstanding(trust, keys).map_err(failed)?;
        let of_this = outstanding.iter().filter(|one| one.consultation == home.text());
        other.extend(
            of_this.map(|one| format!("a protective act of this desk is owed to {}: {one}", one.recipient)),
        );
        if !is_up_to_date {
            other.push("the own gateway is away: what waits there was not looked at".to_owned());
        }
        let is_clear = stops.is_empty() && other.is_empty();
        let report = json!({
            "schema": "chancery.clear-to-depart/1",
            "person": self.person.text(),
            "consultation": home.text(),
            "arrangement": arrangement.as_ref().map(EntryId::as_str),
            "at": now.to_string(),
            "clear": is_clear,
            "stops": stops.iter().map(stop_report).collect::<Vec<_>>(),
            "not_looked_at": other,
        });
        let capitals = Capitals::of(&folded.book.charter().parties);
        let answer = if is_clear { "YES, clear to depart" } else { "NO, not clear to depart" };
        let heading = format!("{}: {answer} at {}\n", self.person.text(), capitals.show(now));
        context.output.data(&report, || heading)?;
        stops.iter().for_each(|stop| context.output.step(Mark::Bad, &stop_text(stop)));
        other.iter().for_each(|reason| context.output.step(Mark::Bad, reason));
        if is_clear {
            return Ok(());
        }
        let message = format!("{} may not depart now", self.person.text());
        let error = CliError::new(Kind::Refused, "not-clear", message);
        let error = match stops.first() {
            Some(stop) => error.reason(stop.rule.word()),
            None => error,
        };
        Err(error.hint(context.command(&format!("consultation show {}", home.text()))))
    }

    /// EXC-06 across consultations: only this desk knows that the references of two mean one man.
    fn promised_twice(
        &self,
        folded: &Folded,
        arrangement: Option<&EntryId>,
        promised: &Promises,
    ) -> Option<Stop> {
        let past = folded.book.everything();
        let arranged = commitments::arrangement(&past, arrangement?)?;
        let (line, places) = (arranged.agreement.line(&self.person)?, Places::of(&past, &self.person));
        let elsewhere = |other| places.compare(other, &line.destination) != Likeness::Same;
        let because = "an agreement of another consultation sends the person elsewhere";
        promised.get(&self.person)?.iter().any(elsewhere).then(|| Stop::new(Rule::Exc06, because))
    }

    fn ask(&self, folded: &Folded, now: Timestamp) -> (Option<EntryId>, Vec<Stop>) {
        let past = folded.book.everything();
        let last = || {
            let arranged = commitments::arrangements_of(&past, &self.person);
            arranged.last().map(|arranged| arranged.act.arrangement_id.clone())
        };
        match self.arrangement.clone().or_else(last) {
            Some(id) => {
                let charter = folded.book.charter();
                let stops = departure::clear_to_depart(&past, &self.person, &id, now, charter);
                (Some(id), stops)
            }
            None => (None, vec![Stop::new(Rule::Hnd01, "no confirmed arrangement lists the person")]),
        }
    }
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

/// Nobody has spoken of this person here.
pub(super) fn unknown(person: &PersonRef) -> CliError {
    let message = format!("no consultation at this desk speaks of {}", person.text());
    CliError::new(Kind::NotFound, "no-person", message)
}
