//! The service of a desk that comes out of a backup: whom the ministry has shut out since, and what was told since,
//! nobody here knows.
//!
//! The home that is being restored enters, before it is one; who was suspended leaves. Every client is suspended until
//! somebody who knows better lifts it, and the desk has another past, so that no cursor of before is taken for one of
//! its own.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;

use super::config::ServiceConfig;
use super::suspended::SuspendedUsers;
use crate::desk::config::Config;
use crate::desk::error::DeskError;
use crate::entropy::{Entropy, random};
use crate::keys::home::clients::{ClientRefusal, Clients};
use crate::keys::secret_file;
use crate::trust::name::Label;

/// What became of the clients of a desk that is being restored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ShutOut {
    /// Who could act when the backup was made, and may do nothing until somebody lifts it.
    pub clients: BTreeSet<Label>,
    /// Why it is not known who would be let in, where the settings cannot be read: the service does not start so
    /// either.
    pub unknown: Option<String>,
}

/// Suspends every client and every user of the socket of the desk in this home, and gives it another past.
pub fn shut_out(home: &Path, entropy: &dyn Entropy) -> Result<ShutOut, DeskError> {
    begin_past(home, entropy)?;
    let config = match Config::load(home) {
        Ok(config) => config,
        Err(cause) => return Ok(ShutOut { unknown: Some(cause.to_string()), ..ShutOut::default() }),
    };
    let clients = Clients::at(home, &config.ministry, &config.domain, &config.label);
    let mut shut = ShutOut::default();
    let failed = |cause: ClientRefusal| DeskError::Trust(format!("clients: {cause}"));
    // A book or a list that cannot be read lets nobody in.
    if clients.all().is_ok() {
        shut.clients.extend(clients.suspend_all().map_err(failed)?);
    }
    let users = match ServiceConfig::load(&config) {
        Ok(service) => service.users,
        Err(cause) => return Ok(ShutOut { unknown: Some(cause.to_string()), ..shut }),
    };
    let suspended = SuspendedUsers::of(&config);
    for user in users {
        if !suspended.is_suspended(&user.label) {
            suspended.set(&user.label, true)?;
            shut.clients.insert(user.label);
        }
    }
    Ok(shut)
}

/// What tells the past of this desk from the one before it was restored; empty where it never was.
pub(super) fn past(home: &Path) -> Result<String, DeskError> {
    let path = past_file(home);
    match fs::read_to_string(&path) {
        Err(cause) if cause.kind() == ErrorKind::NotFound => Ok(String::new()),
        text => text.map_err(DeskError::file(&path)),
    }
}

fn begin_past(home: &Path, entropy: &dyn Entropy) -> Result<(), DeskError> {
    let path = past_file(home);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(DeskError::file(folder))?;
    }
    let drawn: [u8; 16] = random(entropy).map_err(|none| DeskError::file(&path)(io::Error::other(none)))?;
    Ok(secret_file::replace(&path, HEXLOWER.encode(&drawn).as_bytes())?)
}

fn past_file(home: &Path) -> PathBuf {
    home.join("service/past")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SystemEntropy;

    const DESK: &str =
        "ministry = \"XA\"\ndomain = \"mfa.xa.example\"\nlabel = \"main\"\ngateway = \"127.0.0.1:1\"";

    #[test]
    fn users_of_the_socket_are_suspended_and_each_restoring_begins_another_past() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path();
        fs::write(home.join("desk.toml"), DESK).unwrap();
        let service =
            "socket = \"run/service.sock\"\n[[user]]\nuid = 1001\nname = \"casework\"\nroles = [\"draft\"]";
        fs::write(home.join("service.toml"), service).unwrap();
        assert_eq!(past(home).unwrap(), "", "it was never restored");
        let shut = shut_out(home, &SystemEntropy).unwrap();
        let casework = Label::parse("casework").unwrap();
        assert_eq!((shut.clients, shut.unknown), (BTreeSet::from([casework.clone()]), None));
        assert!(SuspendedUsers::of(&Config::load(home).unwrap()).is_suspended(&casework));
        let first = past(home).unwrap();
        shut_out(home, &SystemEntropy).unwrap();
        assert!(!first.is_empty() && past(home).unwrap() != first);
    }

    #[test]
    fn a_home_whose_settings_cannot_be_read_is_restored_and_that_is_said() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("desk.toml"), "nothing that is read").unwrap();
        let shut = shut_out(folder.path(), &SystemEntropy).unwrap();
        assert!(shut.clients.is_empty() && shut.unknown.is_some());
        assert!(!past(folder.path()).unwrap().is_empty());
    }
}
