//! The homes of a gateway and of a desk: where everything lies in them, and how they are founded.
//!
//! ```text
//! gateway.toml or desk.toml      what is configured
//! enrolment.toml                 what the home asks its ministry to certify
//! public.toml                    gateway only: what the trust bundle announces of it
//! keys/*.key *.csr *.pem         private keys, requests, and the chains that answer them
//! trust/root.pem                 the root of the own ministry, by enrolment
//! ```
//! A home appears whole or not at all, closed to others, and is never overwritten. A gateway's keys are
//! plain, because it starts unattended; a desk's keys lie under a passphrase.

pub mod backup;
pub mod clients;
pub mod desk;
pub mod enrolment;
pub mod gateway;
pub mod passing;
pub mod publication;
#[cfg(test)]
mod tests;

use std::fs::{self, DirBuilder};
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use self::passing::Passing;
use super::error::KeyError;
use super::ministry::HomeError;
use super::secret_file;

/// Lets `lay_out` fill an empty directory, which then appears as `home`; `last` is the name that makes a home of it.
pub(super) fn found(
    home: &Path,
    last: &'static str,
    lay_out: impl FnOnce(&Path) -> Result<(), HomeError>,
) -> Result<(), HomeError> {
    found_as(home, |passing| lay_out(passing).map(|()| last))
}

/// The same where only what is laid out tells that name. A home that does not exist yet is filled beside its place
/// and moved there in one step; an empty directory that somebody prepared, such as a service manager, is filled from
/// within, that name last.
fn found_as<E: From<HomeError>>(
    home: &Path,
    lay_out: impl FnOnce(&Path) -> Result<&'static str, E>,
) -> Result<(), E> {
    let (passing, around) = prepare(home)?;
    let last = lay_out(passing.path())?;
    match around == home {
        true => move_into(passing.path(), home, last)?,
        false => move_to(passing.path(), home)?,
    }
    Ok(secret_file::sync_directory(around).map_err(HomeError::from)?)
}

/// How the folder of a home is called while it is filled.
pub const UNFINISHED_HOME: &str = ".unfinished-home-";

/// A closed directory to fill, and the one that it is in. What somebody who was killed had filled is removed first:
/// keys lie in it.
fn prepare(home: &Path) -> Result<(Passing, &Path), HomeError> {
    let prepared = match fs::symlink_metadata(home) {
        Err(error) if error.kind() == ErrorKind::NotFound => false,
        Err(error) => return Err(KeyError::io(home, error).into()),
        Ok(there) if !there.is_dir() => return Err(HomeError::AlreadyExists(home.to_owned())),
        Ok(_) => true,
    };
    let around = if prepared { home } else { secret_file::directory_of(home) };
    make_directory(around)?;
    for path in passing::sweep(around, UNFINISHED_HOME) {
        tracing::warn!(path = %path.display(), "an unfinished home was removed: whoever filled it was killed");
    }
    if prepared && !is_empty(home)? {
        return Err(HomeError::AlreadyExists(home.to_owned()));
    }
    let passing = Passing::make(around, UNFINISHED_HOME).map_err(|error| KeyError::io(around, error))?;
    Ok((passing, around))
}

/// Makes a directory that only its owner may enter, and those above it.
pub(super) fn make_directory(path: &Path) -> Result<(), KeyError> {
    let made = DirBuilder::new().recursive(true).mode(OWNER_ONLY).create(path);
    made.map_err(|error| KeyError::io(path, error))
}

fn move_to(passing: &Path, home: &Path) -> Result<(), HomeError> {
    fs::rename(passing, home).map_err(|error| match error.kind() {
        ErrorKind::DirectoryNotEmpty | ErrorKind::NotADirectory | ErrorKind::AlreadyExists => {
            HomeError::AlreadyExists(home.to_owned())
        }
        _ => KeyError::io(home, error).into(),
    })
}

fn move_into(passing: &Path, home: &Path, last: &str) -> Result<(), HomeError> {
    let mut names = Vec::new();
    for entry in fs::read_dir(passing).map_err(|error| KeyError::io(passing, error))? {
        names.push(entry.map_err(|error| KeyError::io(passing, error))?.file_name());
    }
    names.sort_by_key(|name| name == last);
    for name in names {
        let to = home.join(&name);
        fs::rename(passing.join(&name), &to).map_err(|error| KeyError::io(&to, error))?;
    }
    Ok(())
}

fn is_empty(directory: &Path) -> Result<bool, KeyError> {
    let mut entries = fs::read_dir(directory).map_err(|error| KeyError::io(directory, error))?;
    Ok(entries.next().is_none())
}

/// A string of TOML, quoted.
pub(super) fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

const OWNER_ONLY: u32 = 0o700;
