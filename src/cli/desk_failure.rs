//! Failures of the desk as whoever typed a command meets them: about his home, and with what he types next.
//!
//! A failure and its context enter; the error of `failures` leaves, led on: to the same command where that may succeed
//! another time, to what stands in the way where something does. No hint is ever about another home than the one that the
//! command was about.

use std::path::Path;

use super::context::Context;
use super::error::{CliError, Kind};
use super::failures::LOST;
use super::{shell_word, typed_without};
use crate::desk::config::{Config, ConfigError};
use crate::desk::error::DeskError;
use crate::desk::owed::{BUNDLE_ENDED, DOCUMENT_GONE, NOT_ACCREDITED, Outstanding};
use crate::keys::KeyError;
use crate::keys::home::gateway::GatewayHome;

/// A failure of the desk; where the same command may succeed another time, that command is the hint. Any other hint is
/// about the same home.
pub(super) fn failure(context: &Context, error: DeskError) -> CliError {
    if let DeskError::Ambiguous { reference, candidates, .. } = &error
        && let Some(id) = candidates.first().and_then(|first| first.split(' ').next())
    {
        let again = context.typed.replace(reference.as_str(), id);
        return CliError::from(error).hint(again);
    }
    if let DeskError::NotSentYet { owed, .. } = &error
        && let Some(first) = owed.first()
    {
        let next = next_of(context, first);
        return CliError::from(error).hint(next);
    }
    if let DeskError::NoSuchMessage(reference) = &error
        && is_own(context, reference)
    {
        return CliError::from(error).hint(context.command("outbox"));
    }
    if let DeskError::Config(ConfigError::Unreadable { path, .. }) = &error
        && let Some(home) = path.parent().filter(|_| context.named_home().is_some())
    {
        let home = home.to_owned();
        return no_desk(context, &home, CliError::from(error));
    }
    if let DeskError::Key(KeyError::WrongPassphrase(key)) = &error
        && let Some(office) = office_of(key)
    {
        let hint = context.passphrase.with_file_for(&shell_word(&office));
        return CliError::from(error).hint(hint);
    }
    let error = CliError::from(error);
    if let Some(hint) = error.hint_command().map(str::to_owned) {
        let elsewhere = hint.strip_prefix("chancery ").filter(|words| !words.starts_with("--home"));
        return error.hint(elsewhere.map_or(hint.clone(), |words| context.command(words)));
    }
    match (error.kind(), error.code()) {
        (_, "passphrase-needed") => error.hint(format!("{} --passphrase-file FILE", context.typed)),
        (_, "disk") => match context.desk_home() {
            Ok(home) => error.hint(format!("df -h {}", shell_word(&home.to_string_lossy()))),
            Err(_) => error,
        },
        (Kind::TryLater, _) => error.hint(context.typed.clone()),
        _ => error,
    }
}

/// The one command that comes next where an act is owed: what stands in the way is mended, or it is tried again.
pub(super) fn next_of(context: &Context, one: &Outstanding) -> String {
    let (to, lower) = (shell_word(one.recipient.as_str()), one.recipient.lower());
    let words = match (&one.behind, one.reason.as_str()) {
        (_, DOCUMENT_GONE) => "outbox supply DOCUMENT".to_owned(),
        (_, BUNDLE_ENDED | NOT_ACCREDITED) => format!("peer add {lower}.bundle"),
        (Some(front), _) if LOST.contains(&front.reason.as_str()) => {
            format!("outbox void {}", front.reference)
        }
        _ => format!("outbox --with {to}"),
    };
    context.command_with_keys(&words)
}

/// A home was named, and it is none of a desk: whoever has one is never led to found another.
fn no_desk(context: &Context, home: &Path, error: CliError) -> CliError {
    let shown = home.display();
    let error = match GatewayHome::at(home).config().is_file() {
        true => CliError::new(error.kind(), "no-home", format!("{shown} is a gateway; give --home DESK")),
        false => error,
    };
    let typed = typed_without(&context.typed, "--home");
    error.hint(format!("{typed} --home DESK"))
}

/// Whether a register number is one that this ministry gives: such a message went out from here, if there is any.
fn is_own(context: &Context, reference: &str) -> bool {
    let config = context.desk_home().ok().and_then(|home| Config::load(&home).ok());
    config.is_some_and(|config| {
        let begins = reference.get(..config.ministry.as_str().len().saturating_add(1));
        begins.is_some_and(|begins| begins.eq_ignore_ascii_case(&format!("{}-", config.ministry)))
    })
}

/// The office whose key this is; none for the keys of the desk itself.
fn office_of(key: &Path) -> Option<String> {
    let is_office = key.parent()?.file_name()? == "offices";
    is_office.then(|| key.file_stem().map(|stem| stem.to_string_lossy().into_owned()))?
}
