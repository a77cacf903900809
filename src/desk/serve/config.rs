//! `service.toml`: where the service listens, and which users of this machine are which client.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use crate::desk::config::{Config, ConfigError};
use crate::limits;
use crate::trust::name::Label;
use crate::trust::role::Role;

/// What is configured for the service of a desk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceConfig {
    /// Address for clients with certificates, on the inside network; none where there is only the socket.
    pub listen: Option<SocketAddr>,
    /// Unix socket for processes of this machine; none where there is only the listener.
    pub socket: Option<PathBuf>,
    /// The users of this machine who are clients.
    pub users: Vec<User>,
    /// How long a reader may leave unread what waits for it; no file changes it.
    pub patience: Duration,
}

/// A user of this machine who is a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Number of the user.
    pub uid: u32,
    /// Name of the client.
    pub label: Label,
    /// What it may ask for.
    pub roles: BTreeSet<Role>,
    /// The offices as which it may have the desk sign; empty for all that its roles fit.
    pub offices: BTreeSet<Label>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    listen: Option<String>,
    socket: Option<PathBuf>,
    #[serde(default)]
    user: Vec<StoredUser>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredUser {
    uid: u32,
    name: String,
    roles: Vec<String>,
    #[serde(default)]
    offices: Vec<String>,
}

impl ServiceConfig {
    /// Where the service listens without a configuration: this machine alone.
    pub const LISTEN: &'static str = "127.0.0.1:7110";

    /// Reads and validates `service.toml` of a desk; without the file, only this machine is listened to.
    pub fn load(desk: &Config) -> Result<Self, ConfigError> {
        let path = desk.service();
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(cause) if cause.kind() == ErrorKind::NotFound => format!("listen = {:?}", Self::LISTEN),
            Err(cause) => return Err(ConfigError::Unreadable { path, cause }),
        };
        Self::parse(desk, &text).map_err(|detail| ConfigError::Invalid { path, detail })
    }

    /// Validates the text of a `service.toml`.
    pub fn parse(desk: &Config, text: &str) -> Result<Self, String> {
        let file: File = toml::from_str(text).map_err(|cause| cause.to_string())?;
        let listen = file.listen.map(|address| {
            address.parse().map_err(|_| format!("listen: {address} is not an address such as 127.0.0.1:7110"))
        });
        let users = file.user.into_iter().map(StoredUser::read).collect::<Result<Vec<_>, _>>()?;
        let mut seen = BTreeSet::new();
        if let Some(twice) = users.iter().find(|user| !seen.insert(user.uid)) {
            // Four eyes are two clients.
            return Err(format!("user {} is two clients", twice.uid));
        }
        let mut named = BTreeSet::new();
        if let Some(twice) = users.iter().find(|user| !named.insert(user.label.clone())) {
            return Err(format!("the name {} is that of two users", twice.label));
        }
        let socket = file.socket.map(|path| desk.home.join(path));
        let config = Self { listen: listen.transpose()?, socket, users, patience: limits::READER_PATIENCE };
        match (config.listen, &config.socket) {
            (None, None) => Err("neither listen nor socket: nobody could call".to_owned()),
            _ => Ok(config),
        }
    }
}

impl StoredUser {
    fn read(self) -> Result<User, String> {
        let role = |word: &String| Role::parse(word).map_err(|cause| format!("user.roles: {cause}"));
        let office = |text: &String| Label::parse(text).map_err(|cause| format!("user.offices: {cause}"));
        Ok(User {
            uid: self.uid,
            label: Label::parse(&self.name).map_err(|cause| format!("user.name: {cause}"))?,
            roles: self.roles.iter().map(role).collect::<Result<_, _>>()?,
            offices: self.offices.iter().map(office).collect::<Result<_, _>>()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn parse(text: &str) -> Result<ServiceConfig, String> {
        let desk =
            "ministry = \"XA\"\ndomain = \"mfa.xa.example\"\nlabel = \"main\"\ngateway = \"127.0.0.1:1\"";
        ServiceConfig::parse(&Config::parse(Path::new("/home"), desk).unwrap(), text)
    }

    #[test]
    fn a_socket_lies_in_the_home_and_its_users_have_roles() {
        let read = parse(
            "socket = \"run/service.sock\"\n[[user]]\nuid = 1001\nname = \"casework\"\nroles = [\"draft\"]",
        );
        let read = read.unwrap();
        assert_eq!((read.listen, read.socket), (None, Some(PathBuf::from("/home/run/service.sock"))));
        assert_eq!(read.users[0].roles, BTreeSet::from([Role::Draft]));
    }

    #[test]
    fn what_nobody_meant_is_refused() {
        for wrong in [
            "",
            "listen = \"here\"",
            "listen = \"127.0.0.1:1\"\nport = 1",
            "listen = \"127.0.0.1:1\"\n[[user]]\nuid = 1\nname = \"a\"\nroles = [\"everything\"]",
            "listen = \"127.0.0.1:1\"\n[[user]]\nuid = 1\nname = \"a\"\nroles = []\n[[user]]\nuid = 1\nname = \"b\"\nroles = []",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
