//! `service.toml`: where the service listens, and which users of this machine are which client.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::binding::{Misfit, require_fit};
use crate::desk::config::{Config, ConfigError};
use crate::desk::keys::Offices;
use crate::keys::settings::{SERVICE, Settings};
use crate::limits;
use crate::telemetry;
use crate::trust::name::Label;
use crate::trust::role::Role;

/// What is configured for the service of a desk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceConfig {
    /// Address for clients with certificates, on the inside network; none where there is only the socket.
    pub listen: Option<SocketAddr>,
    /// Unix socket for processes of this machine; none where there is only the listener.
    pub socket: Option<PathBuf>,
    /// Where metrics are read, if anywhere.
    pub metrics: Option<SocketAddr>,
    /// The users of this machine who are clients.
    pub users: Vec<User>,
    /// Collector that gets spans, if any.
    pub otlp: Option<String>,
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
        let settings = SERVICE.read_or_say(text)?;
        let listen = settings.has("listen").then(|| settings.text("listen").parse());
        let metrics = settings.has("metrics.listen").then(|| settings.text("metrics.listen").parse());
        let users = (0..settings.count_of("user")).map(|place| user(&settings, place));
        Ok(Self {
            listen: listen.transpose().map_err(|_| "listen is no address".to_owned())?,
            socket: settings.has("socket").then(|| desk.home.join(settings.text("socket"))),
            metrics: metrics.transpose().map_err(|_| "metrics.listen is no address".to_owned())?,
            users: users.collect::<Result<_, _>>()?,
            otlp: telemetry::collector(settings.has("log.otlp").then(|| settings.text("log.otlp")))?,
            patience: limits::READER_PATIENCE,
        })
    }

    /// The users whose offices do not fit their roles, each by its key in the file, and why.
    pub fn misfits(&self, offices: &Offices) -> Vec<(String, Misfit)> {
        let misfit = |user: &User| require_fit(&user.roles, &user.offices, offices).err();
        let places = self.users.iter().enumerate();
        places.filter_map(|(place, user)| Some((format!("user[{place}].offices"), misfit(user)?))).collect()
    }

    /// Refuses to serve users whose offices do not fit their roles.
    pub(super) fn require_fit(&self, desk: &Config, offices: &Offices) -> Result<(), ConfigError> {
        match self.misfits(offices).into_iter().next() {
            Some((key, misfit)) => {
                Err(ConfigError::Invalid { path: desk.service(), detail: format!("{key}: {misfit}") })
            }
            None => Ok(()),
        }
    }
}

/// One of the users.
fn user(settings: &Settings<'_>, place: usize) -> Result<User, String> {
    let key = |name: &str| format!("user[{place}].{name}");
    let roles = settings.texts(&key("roles")).map(Role::parse).collect::<Result<_, _>>();
    let offices = settings.texts(&key("offices")).map(Label::parse).collect::<Result<_, _>>();
    Ok(User {
        uid: u32::try_from(settings.number(&key("uid"))).map_err(|cause| cause.to_string())?,
        label: Label::parse(settings.text(&key("name"))).map_err(|cause| cause.to_string())?,
        roles: roles.map_err(|cause| cause.to_string())?,
        offices: offices.map_err(|cause| cause.to_string())?,
    })
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
    fn metrics_are_read_nowhere_or_on_the_loopback_unless_the_operator_says_more() {
        let metrics =
            |table: &str| parse(&format!("listen = \"127.0.0.1:1\"\n{table}")).map(|config| config.metrics);
        assert_eq!(metrics(""), Ok(None));
        let loopback = metrics("[metrics]\nlisten = \"127.0.0.1:9465\"\n");
        assert_eq!(loopback, Ok(Some("127.0.0.1:9465".parse().unwrap())));
        let refused = metrics("[metrics]\nlisten = \"[::]:9465\"\n").unwrap_err();
        assert!(refused.contains("beyond_loopback = true"), "{refused}");
        let wide = metrics("[metrics]\nlisten = \"[::]:9465\"\nbeyond_loopback = true\n").unwrap();
        assert_eq!(wide, Some("[::]:9465".parse().unwrap()));
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

    #[test]
    fn one_user_is_one_client_and_one_name_is_that_of_one_user() {
        let users = |one: (u32, &str), other: (u32, &str)| {
            let user = |(uid, name)| format!("[[user]]\nuid = {uid}\nname = {name:?}\nroles = [\"draft\"]\n");
            parse(&format!("listen = \"127.0.0.1:1\"\n{}{}", user(one), user(other)))
        };
        assert!(users((1, "casework"), (2, "head")).is_ok());
        let twice = users((1, "casework"), (1, "head")).unwrap_err();
        assert!(twice.contains("user 1 is two clients"), "{twice}");
        let twice = users((1, "casework"), (2, "casework")).unwrap_err();
        assert!(twice.contains("the name casework is that of two users"), "{twice}");
    }
}
