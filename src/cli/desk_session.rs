//! The desk as commands meet it: opened from the context with what it believes, its keys and its gateway, and
//! its failures as people and scripts see them.
//!
//! A context enters; an open desk leaves, or an error with its kind, a stable word and the command that comes
//! next. A passphrase is asked for only by commands that need a key.

use super::context::Context;
use super::error::{CliError, Kind};
use crate::consultation::rules::{Finding, Severity};
use crate::desk::Desk;
use crate::desk::accreditation::Trust;
use crate::desk::config::ConfigError;
use crate::desk::error::DeskError;
use crate::desk::form::draft::{IdsOnly, References};
use crate::desk::keys::Keys;
use crate::desk::mailbox::Mailbox;
use crate::desk::reference::Entry;
use crate::desk::register::RegisterFault;
use crate::keys::{KeyError, Passphrase};
use crate::message::refusal::Reason;

/// An open desk.
#[derive(Debug)]
pub(super) struct DeskSession {
    /// The desk.
    pub(super) desk: Desk,
    /// What it believes.
    pub(super) trust: Trust,
    /// Its keys.
    pub(super) keys: Keys,
}

impl DeskSession {
    /// Opens the desk of this context with its keys; asks for the passphrase.
    pub(super) fn open(context: &Context) -> Result<Self, CliError> {
        let mut session = Self::open_locked(context)?;
        session.unlock(context)?;
        Ok(session)
    }

    /// Opens the desk of this context without its keys.
    pub(super) fn open_locked(context: &Context) -> Result<Self, CliError> {
        let desk = desk(context)?;
        let trust = desk.trust().map_err(|error| failure(context, error))?;
        let keys = Keys::locked(desk.config().clone());
        Ok(Self { desk, trust, keys })
    }

    /// Asks for the passphrase. Whether it is the right one shows when the first key is opened.
    pub(super) fn unlock(&mut self, context: &Context) -> Result<(), CliError> {
        let typed = context.passphrase.existing(&format!("the desk of {}", self.desk.config().ministry))?;
        let passphrase = Passphrase::new(typed.expose()).map_err(|cause| {
            CliError::usage("passphrase", "the passphrase cannot be used").because(&cause)
        })?;
        self.keys = Keys::new(self.desk.config().clone(), passphrase);
        Ok(())
    }

    /// Connects to the own gateway.
    pub(super) async fn mailbox(&self, context: &Context) -> Result<Mailbox, CliError> {
        let connecting =
            async { self.desk.mailbox(&self.keys).await.map_err(|error| failure(context, error)) };
        context.within("connecting to the own gateway", connecting).await
    }

    /// The message that a reference names. What is not in the register is looked for at the gateway, and `@last`
    /// means the newest that is there, if the gateway can be asked.
    pub(super) async fn find(&self, context: &Context, reference: &str) -> Result<Entry, CliError> {
        let found = self.desk.find(reference);
        if reference == "@last" || matches!(found, Err(DeskError::NoSuchMessage(_))) {
            self.update(context, Directions::Received).await?;
            return self.desk.find(reference).map_err(|error| failure(context, error));
        }
        found.map_err(|error| failure(context, error))
    }

    /// Brings the register up to date with the gateway. A gateway that is away is noted and no error: what the
    /// register holds can be shown without it.
    pub(super) async fn update(&self, context: &Context, directions: Directions) -> Result<(), CliError> {
        let updating = async {
            let mut mailbox = self.mailbox(context).await?;
            let updated = match directions {
                Directions::Received => self.desk.fetch(&self.trust, &mut mailbox).await.map(|_| ()),
                Directions::Sent => self.desk.refresh_sent(&self.trust, &mut mailbox).await,
            };
            updated.map_err(|error| failure(context, error))
        };
        match context.within("asking the own gateway", updating).await {
            Err(error) if error.kind() == Kind::TryLater => {
                context.output.note(&format!("the gateway is away; this is what the register holds ({})", {
                    error.causes().first().map_or(error.message(), String::as_str)
                }));
                Ok(())
            }
            updated => updated,
        }
    }
}

/// What of the register is brought up to date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Directions {
    /// What came in.
    Received,
    /// What went out.
    Sent,
}

/// The desk of this context, without trust and keys.
pub(super) fn desk(context: &Context) -> Result<Desk, CliError> {
    let home = context.desk_home()?;
    Desk::open(&home, context.clock.clone(), context.entropy.clone()).map_err(|error| failure(context, error))
}

/// Looks references of a form up in the register where there is a desk; elsewhere only whole ids mean something.
pub(super) fn references(context: &Context) -> Box<dyn References> {
    match desk(context) {
        Ok(desk) => Box::new(desk),
        Err(_) => Box::new(IdsOnly),
    }
}

/// A failure of the desk as a person and a script see it.
pub(super) fn failure(context: &Context, error: DeskError) -> CliError {
    let message = error.to_string();
    let plain = |kind, code: &'static str| CliError::new(kind, code, message.clone());
    match error {
        DeskError::Config(ConfigError::Unreadable { path, .. }) => {
            let home = path.parent().unwrap_or(&path).display().to_string();
            CliError::usage("no-desk", format!("there is no desk in {home}"))
                .hint(format!("chancery --home {} init desk --help", super::shell_word(&home)))
        }
        DeskError::Config(_) => plain(Kind::Usage, "config"),
        DeskError::Register(fault) => register_failure(&fault),
        DeskError::Key(error) => key_failure(error),
        DeskError::Locked => plain(Kind::NotPermitted, "passphrase-needed")
            .hint(format!("{} --passphrase-file FILE", context.typed)),
        DeskError::File { path, cause } => file_failure(&path, &cause),
        DeskError::GatewayRefused { reason, detail } => {
            let kind = if reason == "NOT_ACCREDITED" { Kind::NotPermitted } else { Kind::Refused };
            CliError::new(kind, "gateway-refused", format!("the own gateway refused: {detail}"))
                .reason(reason)
        }
        DeskError::GatewayAway(detail) => {
            CliError::new(Kind::TryLater, "gateway-away", "the own gateway did not answer")
                .cause(detail)
                .hint(context.typed.clone())
        }
        DeskError::Refused(refusal) => {
            let (kind, code) = match refusal.reason() {
                Reason::PartMissing => (Kind::TryLater, "part-missing"),
                _ => (Kind::Verification, "verification-failed"),
            };
            CliError::new(kind, code, refusal.detail()).reason(refusal.reason().word())
        }
        DeskError::NotAccredited(_) => plain(Kind::NotPermitted, "not-accredited").hint("chancery peer list"),
        DeskError::NoSuchMessage(_) => plain(Kind::NotFound, "no-such-message").hint("chancery inbox"),
        DeskError::Ambiguous { .. } => plain(Kind::Usage, "ambiguous").hint("chancery inbox"),
        DeskError::NoOffice(_) => plain(Kind::NotPermitted, "no-office"),
        DeskError::NotYetProven { .. } => plain(Kind::TryLater, "not-yet-proven").hint(context.typed.clone()),
        DeskError::Evidence(error) => plain(Kind::Failed, "evidence").reason(error.reason()),
        DeskError::GatewayRolledBack { .. } => plain(Kind::Failed, "gateway-rolled-back"),
        DeskError::Forbidden(findings) => forbidden(&findings),
        DeskError::Trust(_) => plain(Kind::NotPermitted, "trust"),
        DeskError::Draft(_) => plain(Kind::Usage, "draft"),
    }
}

/// The rules forbid an act: every finding is a cause, the first rule is the reason.
pub(super) fn forbidden(findings: &[Finding]) -> CliError {
    let grave = || findings.iter().filter(|finding| finding.severity == Severity::Error);
    let count = grave().count();
    let message = match count {
        1 => "a rule forbids this act".to_owned(),
        _ => format!("{count} rules forbid this act"),
    };
    let error = grave().fold(CliError::failed("rules", message), |error, one| error.cause(finding_line(one)));
    match grave().next() {
        Some(first) => error.reason(first.reason()),
        None => error,
    }
}

/// A finding in one line, with its cure.
pub(super) fn finding_line(finding: &Finding) -> String {
    let Finding { field, message, hint, .. } = finding;
    let cure = if hint.is_empty() { String::new() } else { format!(" ({hint})") };
    format!("{} {field}: {message}{cure}", finding.reason())
}

fn register_failure(fault: &RegisterFault) -> CliError {
    if fault.is_busy() {
        CliError::new(Kind::TryLater, "register-busy", "another command writes the register").because(fault)
    } else {
        CliError::failed("register", fault.to_string())
    }
}

fn key_failure(error: KeyError) -> CliError {
    let (kind, code) = match &error {
        KeyError::WrongPassphrase(_) => (Kind::NotPermitted, "wrong-passphrase"),
        KeyError::NotFound(_) => (Kind::NotFound, "key-missing"),
        KeyError::OpenToOthers { .. } => (Kind::Usage, "key-open-to-others"),
        _ => (Kind::Failed, "key"),
    };
    let said = CliError::new(kind, code, error.to_string()).reason(error.reason());
    match error {
        KeyError::OpenToOthers { command, .. } => said.hint(command),
        KeyError::NotFound(_) => said.hint("chancery desk enrol --help"),
        _ => said,
    }
}

fn file_failure(path: &std::path::Path, cause: &std::io::Error) -> CliError {
    use std::io::ErrorKind::{AlreadyExists, NotFound};
    let (kind, code, what) = match cause.kind() {
        NotFound => (Kind::NotFound, "unreadable", "is not there"),
        AlreadyExists => (Kind::NotFound, "exists", "is there already"),
        _ => (Kind::Failed, "file", "cannot be used"),
    };
    let error = CliError::new(kind, code, format!("{} {what}", path.display()));
    if kind == Kind::Failed { error.because(cause) } else { error }
}
