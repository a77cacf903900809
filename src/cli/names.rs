//! Names of persons on the way to a screen or a file: withheld, until an office that may know them asks.
//!
//! An act and its documents enter; what is withheld of them leaves (`consultation::withholding` says what that is), or
//! that nothing is, where an office asks. It signs for that, and that is kept before anything is shown (`person lookups`
//! lists it).

use serde_json::{Value, json};

use super::context::Context;
use super::desk_session::{self, DeskSession};
use super::error::CliError;
use crate::consultation::act::Act;
use crate::consultation::withholding::Withheld;
use crate::desk::error::DeskError;
use crate::desk::form::render;
use crate::message::dispatch::Document;

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

    /// What of a message stays withheld: all that tells who a person is, or nothing where an office that may know has
    /// asked and signed for it. No act is one that cannot be read; `message` names it where it names nobody.
    pub(super) fn withheld(
        &self,
        context: &Context,
        session: &DeskSession,
        (act, documents): (Option<&Act>, &[Document]),
        message: &str,
    ) -> Result<Withheld, CliError> {
        let withheld = Withheld::of(act, documents);
        let office = self.office.as_ref().filter(|_| self.names && withheld.is_anything());
        let Some(office) = office else { return Ok(withheld) };
        let DeskSession { desk, keys, .. } = session;
        let failed = |error| desk_session::failure(context, error);
        let offices = keys.offices().map_err(failed)?;
        session.unlock_signers(context, offices.values().filter(|one| one.label() == *office))?;
        if !desk.may_know_names(keys, office) {
            return Err(failed(DeskError::NotForNames(office.clone())));
        }
        desk.ask_who(keys, (office, None), act, message).map_err(failed)?;
        Ok(Withheld::nothing())
    }
}

/// What is said of a document that stays withheld.
pub(super) fn of_document(document: &Document) -> String {
    format!("{} ({}) tells who a person is: {WITHHELD}", document.document_id, document.class)
}

/// The command as it was typed, with the question for what was withheld. What it has written is there by then.
pub(super) fn asking(context: &Context, overwrites: bool) -> String {
    let overwrite = if overwrites { "" } else { " --overwrite" };
    format!("{}{overwrite} --names --as OFFICE", context.typed)
}

/// What is said instead of who a person is.
pub(super) const WITHHELD: &str = "withheld; an office that works on cases is shown it: --names --as OFFICE";

/// The words of an act, but for those that are withheld.
pub(super) fn text(act: &Act, withheld: &Withheld) -> String {
    if !withheld.words() {
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
pub(super) fn report(act: &Act, withheld: &Withheld) -> Value {
    if !withheld.words() {
        return render::json(act);
    }
    let persons: Vec<String> = act.persons().iter().map(|person| person.text()).collect();
    json!({ "kind": act.kind(), "class": act.class().word(), "persons": persons, "withheld": true })
}
