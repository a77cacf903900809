//! `send`: an act with legal effect leaves. What it is, is shown; consent is asked; then the offices sign,
//! everything is sealed, the register keeps it and the own gateway takes it into custody.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;

use super::context::{Context, parse_duration};
use super::desk_session::{self, DeskSession};
use super::drafting::{FormFile, IS_DRAFT};
use super::error::{CliError, Kind};
use super::examining::Question;
use super::output::Mark;
use super::{confirm, drafting, owed, paid, proofs, sent_report, shell_word, summary};
use crate::desk::compose::Composition;
use crate::desk::form::draft::Draft;
use crate::desk::owed::Outstanding;
use crate::desk::reference::{Entry, by_digest};
use crate::desk::register::{OwedEntry, SentEntry, SentState};
use crate::desk::send::Registered;
use crate::digest::Digest;
use crate::message::dispatch::Document;
use crate::message::refusal::Reason;
use crate::message::terms::ActClass;

/// How long `--wait` waits unless it or `--timeout` says otherwise.
const WAIT_DEFAULT: Duration = Duration::from_secs(60);

/// Sign, seal and hand over
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    chancery send note.toml --wait\n  \
    chancery send request.toml -a statement.pdf -a scan.pdf --dry-run\n  \
    chancery send answer.toml --yes --json")]
pub struct Send {
    /// The form; - for stdin
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Add a file as an annex; its title is neutral
    #[arg(short, long, value_name = "FILE")]
    attach: Vec<PathBuf>,

    /// Office that signs, by its label, where several may
    #[arg(long, value_name = "LABEL")]
    sign_as: Option<String>,

    #[command(flatten)]
    sending: Sending,
}

/// How what is composed is brought on its way.
#[derive(Debug, clap::Args)]
pub(super) struct Sending {
    /// Wait for the recipient's receipt: so long as --wait=5s says, or --timeout, or else one minute
    #[arg(long, value_name = "DURATION", num_args = 0..=1, require_equals = true, value_parser = parse_duration)]
    pub(super) wait: Option<Option<Duration>>,

    /// Do everything but sign and send
    #[arg(long)]
    pub(super) dry_run: bool,

    /// Consent beforehand
    #[arg(short, long)]
    pub(super) yes: bool,
}

impl Send {
    /// Sends it.
    pub async fn run(self, context: &Context) -> Result<(), CliError> {
        let form = FormFile::read(&self.file).map_err(|error| match error.reason_code() {
            // Its offices have signed it, or are to: it goes its own way.
            Some(IS_DRAFT) => {
                let draft = shell_word(&self.file.to_string_lossy());
                error.hint(context.command(&format!("draft release {draft}")))
            }
            _ => error,
        })?;
        let mut session = DeskSession::open_locked(context)?;
        self.sending.require_consent_possible(context)?;
        let question = Question {
            form: &form,
            attach: &self.attach,
            sign_as: self.sign_as.as_deref(),
            needs_keys: !self.sending.dry_run,
        };
        let examined = session.examine(context, &question)?;
        let sendable = session.sendable(context, &form, examined).map_err(|error| match error.code() {
            "form" => error.hint(context.command(&format!("check {}", form.word()))),
            _ => error,
        });
        let (draft, composition) = sendable?;
        let lines = summary::lines(&session.trust(), &draft, &composition);
        if self.sending.dry_run {
            let report = summary::report(&draft, &composition, form.finding_reports(&composition.findings));
            return context.output.data(&report, || lines.join("\n"));
        }
        lines.iter().for_each(|line| context.output.note(line));
        tell_of_same(context, &session, &composition);
        self.sending.go(context, &session, composition).await
    }
}

/// So many of the newest copies are looked at for one that says the same.
const SAME_AMONG: usize = 20;

/// Whoever sends a form again because nothing seems to have happened is told that it went, and under which number. What
/// protects a person is held up by nothing.
fn tell_of_same(context: &Context, session: &DeskSession, composition: &Composition) {
    if composition.act.class() == ActClass::Protective {
        return;
    }
    let (desk, trust) = (&session.desk, session.trust());
    let sent = desk.register().newest_sent(None, SAME_AMONG);
    // Whatever stands in the way of looking stands in the way of nothing else.
    let (Ok(key), Ok(sent)) = (session.keys.reading(), sent) else { return };
    let digests = |documents: &[Document]| documents.iter().map(|one| one.digest).collect::<Vec<_>>();
    let says_the_same = |entry: &Entry| {
        desk.unseal_unjudged(&trust, &key, entry).is_ok_and(|opened| {
            opened.act() == Some(&composition.act)
                && opened.envelope.header().address().addressees == composition.address.addressees
                && digests(&opened.dispatch.dispatch().documents) == digests(&composition.dispatch.documents)
        })
    };
    let Some(same) = sent.into_iter().rev().map(Entry::Sent).find(says_the_same) else { return };
    let Ok(reference) = desk.spelling(&same) else { return };
    let released = same.judged_at().to_string();
    let said = format!("{reference} of {released} says the same already: this would be another one");
    context.output.step(Mark::Warning, &said);
    context.output.next(&context.command(&format!("receipt {reference}")));
    // Scripts are told as well; a reader that is gone is told of later.
    let _gone = context.output.event(&json!({
        "schema": "chancery.sent-before/1",
        "ref": reference,
        "released": released,
    }));
}

impl Sending {
    /// Shows what was composed without a form, with further lines, and sends it; or, without sending it, tells of it.
    pub(super) async fn go_shown(
        &self,
        context: &Context,
        session: &DeskSession,
        draft: &Draft,
        composition: Composition,
        further: &[String],
    ) -> Result<(), CliError> {
        let lines: Vec<String> = summary::lines(&session.trust(), draft, &composition).to_vec();
        let lines: Vec<&str> = lines.iter().chain(further).map(String::as_str).collect();
        if self.dry_run {
            let findings = drafting::finding_reports(&composition.findings, |_| None);
            let report = summary::report(draft, &composition, findings);
            return context.output.data(&report, || lines.join("\n"));
        }
        lines.iter().for_each(|line| context.output.note(line));
        self.go(context, session, composition).await
    }

    /// Asks for consent to what was shown, and sends it.
    pub(super) async fn go(
        &self,
        context: &Context,
        session: &DeskSession,
        composition: Composition,
    ) -> Result<(), CliError> {
        if self.dry_run {
            context.output.note("nothing stands against sending it");
            return Ok(());
        }
        session.unlock_signers(context, composition.signers())?;
        let alone = composition.act.class() == ActClass::Protective;
        let code = summary::codes(&composition);
        confirm::type_back(context, &format!("type {code} to sign and send:"), &code, self.yes)?;
        let (sent, dispatch) = hand_over(context, session, composition).await?;
        if !context.output.is_json() {
            sent.iter().try_for_each(|copy| tell_of_custody(context, session, copy))?;
        }
        let settled = match self.wait {
            Some(_) if sent.is_empty() => {
                context.output.note("it could not go to anybody yet: no receipt is waited for");
                sent
            }
            Some(patience) => {
                let patience = patience_for(patience, context.timeout_asked);
                context.output.note(&waited_for(&sent, patience));
                settle(context, session, sent, patience).await?
            }
            None => sent,
        };
        let failed = |error| desk_session::failure(context, error);
        let first = settled.first().filter(|_| alone).cloned().map(Entry::Sent);
        let named = first.map(|entry| session.desk.spelling(&entry)).transpose().map_err(failed)?;
        // What it is about must be known before it is left alone: a Power that has not got it acts as if nobody spoke.
        let outstanding = match dispatch.filter(|_| alone) {
            Some(dispatch) => session.desk.outstanding_of(&dispatch).map_err(failed)?,
            None => Vec::new(),
        };
        let concluded = self.conclude(context, session, settled, &outstanding);
        if alone {
            tell_of_countersigning(context, named.as_deref());
        }
        concluded
    }

    /// Whoever cannot be shown the summary must have consented on the command line.
    pub(super) fn require_consent_possible(&self, context: &Context) -> Result<(), CliError> {
        if self.yes || self.dry_run || (context.may_ask && !context.output.is_json()) {
            return Ok(());
        }
        let message =
            "sending is an act with legal effect, and nobody is here who could be asked for consent";
        Err(CliError::new(Kind::NotPermitted, "consent-needed", message)
            .hint(format!("{} --yes", context.typed)))
    }

    /// Tells how it ended; what is not as it should be is an error.
    fn conclude(
        &self,
        context: &Context,
        session: &DeskSession,
        copies: Vec<SentEntry>,
        outstanding: &[Outstanding],
    ) -> Result<(), CliError> {
        let mut worst: Option<CliError> = None;
        for copy in copies {
            let reference = Entry::Sent(copy.clone()).reference(&session.desk.config().ministry);
            if context.output.is_json() {
                let report = sent_report::report(context, session, &copy, None)?;
                context.output.data(&report, String::new)?;
            }
            let is_owed =
                outstanding.iter().any(|one| one.copy.as_ref().is_some_and(|(id, _)| *id == copy.id));
            let error = if is_owed { None } else { self.shortfall(context, &copy, &reference) };
            worst = match (worst, error) {
                (Some(worst), Some(error)) if error.kind() != Kind::Refused => Some(worst),
                (worst, None) => worst,
                (_, error) => error,
            };
        }
        owed::tell(context, outstanding)?;
        worst.or_else(|| owed::error(context, outstanding)).map_or(Ok(()), Err)
    }

    /// What is not as it should be with a copy.
    fn shortfall(&self, context: &Context, copy: &SentEntry, reference: &str) -> Option<CliError> {
        let to = &copy.recipient;
        let look = context.command_with_keys(&format!("outbox --with {}", shell_word(to.as_str())));
        let error = match copy.state {
            SentState::Delivered => return None,
            SentState::Queued if self.wait.is_none() => return None,
            SentState::Queued => {
                let message = format!("{reference} is in custody, and {to} has not answered in time");
                CliError::new(Kind::TryLater, "no-receipt-yet", message)
                    .cause("it will be delivered; do not send the form again, or it becomes a second message")
            }
            SentState::Released => {
                let cause = match copy.reason.as_str() {
                    "" => "the gateway went away".to_owned(),
                    word if word == Reason::AwaitingHello.word() => {
                        format!("the gateway signs nothing for {to} before it has heard from {to}")
                    }
                    _ => "the gateway does not take it yet".to_owned(),
                };
                let message = format!("{reference} is signed and registered, and {cause}");
                let error = CliError::new(Kind::TryLater, "not-handed-over", message);
                let error = if copy.reason.is_empty() { error } else { error.reason(copy.reason.clone()) };
                error.cause("the next command hands it over; do not send the form again")
            }
            SentState::Rejected => {
                CliError::new(Kind::Refused, "rejected", format!("{to} rejected {reference}"))
                    .reason(copy.reason.clone())
            }
            SentState::Expired => {
                CliError::new(Kind::Refused, "expired", format!("{reference} was not delivered in time"))
                    .reason(copy.reason.clone())
            }
            SentState::Withdrawn => {
                let message = format!("{reference} was withdrawn");
                CliError::new(Kind::Refused, "withdrawn", message).reason(copy.reason.clone())
            }
            SentState::Void => {
                CliError::new(Kind::Refused, "void", format!("the own gateway refused {reference}"))
                    .reason(copy.reason.clone())
            }
        };
        Some(error.hint(look))
    }
}

/// One officer sent it; the morning will ask who stands behind it. What nobody has yet is countersigned when it has gone.
fn tell_of_countersigning(context: &Context, named: Option<&str>) {
    let Some(named) = named else {
        let said =
            "when it has gone, another office countersigns it within 24 hours; it counts without that too";
        return context.output.note(said);
    };
    context.output.note("another office countersigns it within 24 hours; it counts without that too");
    context.output.next(&context.command_with_keys(&format!("countersign {named}")));
}

/// Signs, seals, registers and submits. The copies, and the dispatch that all of them carry.
async fn hand_over(
    context: &Context,
    session: &DeskSession,
    composition: Composition,
) -> Result<(Vec<SentEntry>, Option<Digest>), CliError> {
    // A reader that is gone is told of later: what is registered is handed over all the same.
    let (mut told, mut dispatch) = (Ok(()), None);
    let registered = |registered: Registered<'_>| match registered {
        Registered::Copy(copy) => {
            dispatch = Some(copy.dispatch_digest);
            if let Err(error) = announce(context, session, copy) {
                told = Err(error);
            }
        }
        Registered::Owed(owed) => {
            dispatch = Some(owed.dispatch);
            if let Err(error) = announce_owed(context, owed) {
                told = Err(error);
            }
        }
        Registered::Paid(paid) => paid::tell(context, &session.desk.config().ministry, paid),
    };
    let sent = session.desk.send_telling(&session.trust(), &session.keys, composition, registered).await;
    let sent = sent.map_err(|error| match (desk_session::failure(context, error), dispatch) {
        (error, None) if error.code() == "gateway-away" => {
            error.cause("nothing was signed or registered: the same command may be typed again")
        }
        (error, _) => error,
    })?;
    told.map(|()| (sent, dispatch))
}

/// The register number, which is what was asked for, at once: whoever interrupts the command after that must know
/// that the message exists. For scripts on stderr, since stdout tells how it ended.
fn announce(context: &Context, session: &DeskSession, copy: &SentEntry) -> Result<(), CliError> {
    let reference = Entry::Sent(copy.clone()).reference(&session.desk.config().ministry);
    if context.output.is_json() {
        return context.output.event(&json!({
            "schema": "chancery.registered/1",
            "ref": reference,
            "message_id": copy.id.to_string(),
            "to": copy.recipient.as_str(),
        }));
    }
    context.output.data(&json!({}), || format!("registered {reference}"))
}

/// The same of what has no number yet: by the beginning of the digest of its dispatch `read` and `countersign` find it.
fn announce_owed(context: &Context, owed: &OwedEntry) -> Result<(), CliError> {
    let (reference, to) = (by_digest(&owed.dispatch), &owed.recipient);
    if context.output.is_json() {
        return context.output.event(&json!({
            "schema": "chancery.registered/1",
            "ref": reference,
            "message_id": null,
            "to": to.as_str(),
        }));
    }
    let said = format!("registered {reference} for {to}: it has its number when it goes");
    context.output.data(&json!({}), || said)
}

/// What the own gateway proves.
fn tell_of_custody(context: &Context, session: &DeskSession, copy: &SentEntry) -> Result<(), CliError> {
    let entry = Entry::Sent(copy.clone());
    for proven in proofs::kept(context, session, &entry)? {
        context.output.note(&proofs::sentence(&proven));
    }
    Ok(())
}

/// How long the receipt is waited for: what `--wait` says counts before what `--timeout` says.
fn patience_for(waits: Option<Duration>, timeout: Option<Duration>) -> Duration {
    waits.or(timeout).unwrap_or(WAIT_DEFAULT)
}

/// What somebody who sees nothing move is told.
fn waited_for(sent: &[SentEntry], patience: Duration) -> String {
    let peers: Vec<&str> = sent.iter().map(|copy| copy.recipient.as_str()).collect();
    format!("waiting up to {} s for the receipt of {}", patience.as_secs_f32(), peers.join(", "))
}

/// Waits for the recipients' receipts, all within the same time.
async fn settle(
    context: &Context,
    session: &DeskSession,
    sent: Vec<SentEntry>,
    patience: Duration,
) -> Result<Vec<SentEntry>, CliError> {
    let DeskSession { desk, keys, .. } = session;
    let trust = &session.trust();
    let each = sent.into_iter().map(|copy| async move {
        let settled = desk.wait(trust, keys, &copy.id, patience).await;
        let settled = match settled.map_err(|error| desk_session::failure(context, error)) {
            Err(error) if error.kind() == Kind::TryLater => None,
            settled => settled?,
        };
        let Some(settled) = settled else { return Ok(copy) };
        for proven in proofs::kept(context, session, &Entry::Sent(settled.clone()))? {
            if proven.is_answer() {
                context.output.note(&proofs::sentence(&proven));
            }
        }
        Ok(settled)
    });
    futures_util::future::join_all(each).await.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_receipt_is_waited_for_as_long_as_wait_says_or_timeout_or_else_a_minute() {
        let seconds = |count| Some(Duration::from_secs(count));
        assert_eq!(patience_for(seconds(5), seconds(9)).as_secs(), 5);
        assert_eq!(patience_for(seconds(5), None).as_secs(), 5);
        assert_eq!(patience_for(None, seconds(9)).as_secs(), 9);
        assert_eq!(patience_for(None, None).as_secs(), 60);
    }
}
