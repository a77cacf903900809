//! `clear-to-depart`: may this person leave now? Yes, or every reason why not.
//!
//! The question of the desk of the Detaining Power before a convoy moves, asked of everything this desk holds
//! (`desk/casebook/departing`).

use serde_json::json;

use super::capitals::Capitals;
use super::case_report::{stop_report, stop_text};
use super::context::Context;
use super::desk_session::{self, DeskSession, Directions};
use super::error::{CliError, Kind};
use super::output::Mark;
use super::withdraw::{self, parse_hasty_person};
use crate::consultation::acts::values::EntryId;
use crate::consultation::reference::PersonRef;
use crate::desk::casebook::Departure;
use crate::desk::error::DeskError;

/// Ask whether a person may leave now: exit code 0 for yes, 6 with every reason for no
///
/// Asks the own gateway for what is new first; while it is away the answer is no, because a withdrawal may wait there. The
/// reasons come in a fixed order: that the person says no (WIL_07), what else protects the person (WIL, PRO), the rest; that no
/// handover is arranged for the person comes last.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    chancery clear-to-depart P-7QK4-M2XD-9WTV\n  \
    chancery clear-to-depart P-7QK4-M2XD-9WTV --arrangement EAGLE-1 --json")]
pub struct ClearToDepart {
    /// The person
    #[arg(value_name = "PERSON")]
    person: String,

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
        let person = parse_hasty_person(&self.person);
        let person = person.map_err(|wrong| withdraw::unknown(context, &session, &self.person, wrong))?;
        session.update(context, Directions::Received).await?;
        let failed = |error| desk_session::failure(context, error);
        let DeskSession { desk, keys, .. } = &session;
        let trust = &session.trust();
        let asked = session.asked();
        let answer = desk.departure(trust, keys, &person, self.arrangement.clone(), asked.as_deref());
        let answer = match answer {
            Err(DeskError::PersonUnknown) => {
                return Err(withdraw::near(context, &session, &self.person, unknown(&person)));
            }
            answer => answer.map_err(failed)?,
        };
        let is_clear = answer.is_clear();
        let Departure { home, arrangement, asked, stops, not_looked_at } = answer;
        let folded = desk.consultation_of(trust, keys, &home.text()).map_err(failed)?;
        let report = json!({
            "schema": "chancery.clear-to-depart/1",
            "person": person.text(),
            "consultation": home.text(),
            "arrangement": arrangement.as_ref().map(EntryId::as_str),
            "at": asked.to_string(),
            "clear": is_clear,
            "stops": stops.iter().map(stop_report).collect::<Vec<_>>(),
            "not_looked_at": not_looked_at,
        });
        let capitals = Capitals::of(&folded.book.charter().parties);
        let answer = if is_clear { "YES, clear to depart" } else { "NO, not clear to depart" };
        let heading = format!("{}: {answer} at {}\n", person.text(), capitals.show(asked));
        context.output.data(&report, || heading)?;
        stops.iter().for_each(|stop| context.output.step(Mark::Bad, &stop_text(stop)));
        not_looked_at.iter().for_each(|reason| context.output.step(Mark::Bad, reason));
        if is_clear {
            return Ok(());
        }
        let message = format!("{} may not depart now", person.text());
        let error = CliError::new(Kind::Refused, "not-clear", message);
        let error = match stops.first() {
            Some(stop) => error.reason(stop.rule.word()),
            None => error,
        };
        Err(error.hint(context.command_with_keys(&format!("consultation show {}", home.text()))))
    }
}

/// Nobody has spoken of this person here.
pub(super) fn unknown(person: &PersonRef) -> CliError {
    let message = format!("no consultation at this desk speaks of {}", person.text());
    CliError::new(Kind::NotFound, "no-person", message)
}
