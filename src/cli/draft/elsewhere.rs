//! Offices whose keys lie at another desk of the ministry, or in a module of their own: a draft lists them by their
//! certificates, and they sign it where their keys lie.

use crate::cli::context::Context;
use crate::cli::desk_session::DeskSession;
use crate::cli::error::{CliError, Kind};
use crate::cli::{draft_report, shell_word};
use crate::desk::draft::Standing;

/// An office that is to clear, and of which nothing lies here: its certificate is all that is needed to list it.
pub(super) fn listed(session: &DeskSession, wished: &[String], error: CliError) -> CliError {
    let is_about_an_office = matches!(error.code(), "no-office" | "not-authorised");
    let Ok(known) = session.keys.offices() else { return error };
    let unknown = wished.iter().find(|label| known.values().all(|office| office.label() != **label));
    let Some(label) = unknown.filter(|_| is_about_an_office) else { return error };
    let certificate = shell_word(&format!("{label}.pem"));
    let folder = shell_word(&session.desk.config().offices().to_string_lossy());
    error
        .cause(format!("nothing of {label} lies at this desk; `chancery key list` shows the offices that do"))
        .cause("an office whose key lies elsewhere is listed by its certificate, and signs the draft there")
        .hint(format!("cp {certificate} {folder}"))
}

/// Refuses to ask an office for consent to what it cannot sign here.
pub(super) fn require_key(
    context: &Context,
    session: &DeskSession,
    office: &str,
    file: &str,
) -> Result<(), CliError> {
    if session.keys.holds_key_of(office) {
        return Ok(());
    }
    let error = CliError::new(Kind::NotFound, "no-key", draft_report::absent_words(office));
    Err(error.hint(draft_report::extracting(context, file)))
}

/// Says what comes next for whoever has the file.
pub(super) fn tell_next(context: &Context, session: &DeskSession, standing: &Standing, file: &str) {
    let next = draft_report::next(context, &session.keys, standing, file);
    if let Some(office) = &next.absent {
        context.output.note(&draft_report::absent_words(office));
    }
    context.output.next(&next.command);
}
