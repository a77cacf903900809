//! Names of persons on the way to a screen or a file: withheld, until an office that may know them asks.
//!
//! An act enters; its words leave, without what tells who a person is where nobody asked. The office that asks signs for
//! it, and that is kept before anything is shown (`person lookups` lists it). What cannot be read may name somebody too.

use serde_json::{Value, json};

use super::context::Context;
use super::desk_session::{self, DeskSession};
use super::error::CliError;
use crate::consultation::act::Act;
use crate::desk::error::DeskError;
use crate::desk::form::render;

/// Who asks for names, if anybody.
#[derive(Debug, Default, clap::Args)]
pub(super) struct AskForNames {
    /// Show who a person is as well, where the message is about that
    #[arg(long, requires = "office")]
    names: bool,

    /// The office that asks for names; it signs for having asked
    #[arg(long = "as", value_name = "OFFICE", requires = "names")]
    office: Option<String>,
}

impl AskForNames {
    /// Whether anybody asks.
    pub(super) fn is_made(&self) -> bool {
        self.names
    }

    /// Whether what an act says of a person may leave: it says nothing of the kind, or an office that may know has asked
    /// and signed for it. None is an act that cannot be read.
    pub(super) fn may_show(
        &self,
        context: &Context,
        session: &DeskSession,
        act: Option<&Act>,
    ) -> Result<bool, CliError> {
        if act.is_some_and(|act| !act.names_persons()) {
            return Ok(true);
        }
        let Some(office) = self.office.as_ref().filter(|_| self.names) else { return Ok(false) };
        let DeskSession { desk, trust, keys, .. } = session;
        let offices = keys.offices().map_err(|error| desk_session::failure(context, error))?;
        session.unlock_signers(context, offices.values().filter(|one| one.label() == *office))?;
        if !desk.may_know_names(keys, office) {
            let refused = DeskError::NotForNames(office.clone());
            return Err(desk_session::failure(context, refused));
        }
        for person in act.into_iter().flat_map(Act::persons) {
            desk.names_of(trust, keys, &person, office)
                .map_err(|error| desk_session::failure(context, error))?;
        }
        Ok(true)
    }
}

/// What is said instead of who a person is.
pub(super) const WITHHELD: &str = "withheld; an office that works on cases is shown it: --names --as OFFICE";

/// The words of an act; whose they are withheld where they tell who a person is and nobody asked.
pub(super) fn text(act: &Act, shows: bool) -> String {
    if shows || !act.names_persons() {
        return render::text(act);
    }
    let mut lines = format!("act: {} ({})\n", act.act_kind().title(), act.kind());
    for person in act.persons() {
        lines.push_str(&format!("person: {}\n", person.text()));
    }
    lines.push_str(&format!("names and particulars: {WITHHELD}\n"));
    lines
}

/// The same for scripts.
pub(super) fn report(act: &Act, shows: bool) -> Value {
    if shows || !act.names_persons() {
        return render::json(act);
    }
    let persons: Vec<String> = act.persons().iter().map(|person| person.text()).collect();
    json!({ "kind": act.kind(), "class": act.class().word(), "persons": persons, "withheld": true })
}
