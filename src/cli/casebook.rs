//! `casebook`: the desk's own record of its consultations, made anew from the register.

use serde_json::json;

use super::context::Context;
use super::desk_session::{self, DeskSession};
use super::error::CliError;
use super::report::Done;

/// Look after the desk's own record of its consultations
#[derive(Debug, clap::Args)]
pub struct Casebook {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    Rebuild(Rebuild),
}

/// Open every message of the register again and write the record anew
///
/// The record is made from the register and says the same afterwards; it is rebuilt by itself where it is missing or
/// damaged. What did not open because its sender was not accredited then is opened now.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  chancery casebook rebuild\n  chancery casebook rebuild --json")]
struct Rebuild {}

impl Casebook {
    /// Does it.
    pub async fn run(self, context: &Context) -> Result<(), CliError> {
        let What::Rebuild(Rebuild {}) = self.what;
        let session = DeskSession::open(context)?;
        let DeskSession { desk, keys, .. } = &session;
        let trust = &session.trust();
        let grown = desk.rebuild_casebook(trust, keys);
        let grown = grown.map_err(|error| desk_session::failure(context, error))?;
        let report = json!({
            "schema": "chancery.casebook-rebuilt/1",
            "opened": grown.opened,
            "unopened": grown.unopened,
            "consultations": grown.consultations.len(),
        });
        let mut done = Done::new(report).says(format!(
            "opened {} messages of {} consultations",
            grown.opened,
            grown.consultations.len()
        ));
        if grown.unopened > 0 {
            done = done.says(format!("{} messages do not open; `read` says why", grown.unopened));
        }
        done.next(context.command("consultation list")).tell(context)
    }
}
