//! `countersign`: the morning after, another office stands behind a protective act that one officer sent alone.

use super::capitals::Capitals;
use super::context::Context;
use super::desk_session::{self, DeskSession, Directions};
use super::error::CliError;
use super::send::Sending;
use crate::consultation::act::Act;
use crate::consultation::rules;
use crate::consultation::state::countersignature;
use crate::desk::compose::Composition;
use crate::desk::error::DeskError;
use crate::desk::reference::Entry;

/// Stand behind a protective act that one officer of this desk sent alone
///
/// A duty officer may send a withdrawal, a hold, a notice of exposure or of death alone; within 24 hours another office
/// countersigns it. The act counts without that too: a countersignature that never comes is shown as overdue and takes
/// nothing back. `countersign REF` writes the message itself, to everybody who has the act, initialled by an office that may
/// release and did not send it. `chancery consultation deadlines` lists what waits for one.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  chancery countersign XA-XB-2026-0007\n  \
    chancery countersign XA-XB-2026-0007 --as releasing-02 --yes --wait\n  \
    chancery countersign XA-XB-2026-0007 --yes --json")]
pub struct Countersign {
    /// The protective act: its register number, or the beginning of its message id or of the digest of its dispatch
    #[arg(value_name = "REF")]
    reference: String,

    /// Office that countersigns, by its label, where several may
    #[arg(long = "as", value_name = "OFFICE")]
    sign_as: Option<String>,

    #[command(flatten)]
    sending: Sending,
}

impl Countersign {
    /// Sends it.
    pub async fn run(self, context: &Context) -> Result<(), CliError> {
        let mut session = DeskSession::open_locked(context)?;
        self.sending.require_consent_possible(context)?;
        session.unlock(context)?;
        let failed = |error| desk_session::failure(context, error);
        // What came meanwhile is known before anything rests on it. A gateway that is away is told of when it is sent.
        let _looked = session.update(context, Directions::Received).await?;
        // One that is owed to everybody goes first, if it can: a countersignature goes to those who have the act.
        let entry = session.find(context, &self.reference).await.map_err(|error| match error.code() {
            "owed" => error.cause("it is countersigned when it has gone, and counts without that too"),
            _ => error,
        })?;
        let DeskSession { desk, keys, .. } = &session;
        let trust = &session.trust();
        let composed = desk.countersignature(trust, keys, &entry, self.sign_as.as_deref());
        let (draft, composition) = composed.map_err(failed)?;
        if rules::forbids(&composition.findings) {
            let error = failed(DeskError::Forbidden(composition.findings));
            return Err(session.shows_why(context, &composition.address.consultation, error));
        }
        let stands_behind = stands_behind(context, &session, &entry, &composition)?;
        self.sending.go_shown(context, &session, &draft, composition, &[stands_behind]).await
    }
}

/// What is countersigned, for whoever is asked to consent.
fn stands_behind(
    context: &Context,
    session: &DeskSession,
    entry: &Entry,
    composition: &Composition,
) -> Result<String, CliError> {
    let failed = |error| desk_session::failure(context, error);
    let DeskSession { desk, keys, .. } = session;
    let trust = &session.trust();
    let folded = desk.consultation_of(trust, keys, &composition.address.consultation).map_err(failed)?;
    let reference = entry.reference(&desk.config().ministry);
    let past = folded.book.everything();
    let named = match &composition.act {
        Act::Countersignature(act) => past.find(act.countersigns),
        _ => None,
    };
    let sent = named.and_then(|act| countersignature::of(&past, act, folded.book.charter()));
    let words = sent.map(|sent| {
        let capitals = Capitals::of([&desk.config().ministry]);
        let offices: Vec<String> = sent.act.signed_by.iter().map(ToString::to_string).collect();
        let (offices, released, due) =
            (offices.join(", "), capitals.show(sent.act.released), capitals.show(sent.due));
        format!(", {} of {released}, sent by {offices}, due {due}", sent.act.kind)
    });
    Ok(format!("  {:<13} {reference}{}", "stands behind", words.unwrap_or_default()))
}
