//! `desk enrol NAME --roles`, `desk suspend`, `desk clients`: the systems that may call the service of this desk.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;

use super::super::context::Context;
use super::super::desk_record::{self, client_place};
use super::super::desk_session;
use super::super::error::{CliError, Kind};
use super::super::files;
use super::super::paths;
use super::super::report::{Done, require_no_file};
use super::super::shell_word;
use super::super::table::Table;
use crate::desk::config::Config;
use crate::desk::error::DeskError;
use crate::desk::keys::Keys;
use crate::desk::serve;
use crate::desk::serve::binding::{Misfit, require_fit};
use crate::desk::serve::config::{ServiceConfig, User};
use crate::desk::serve::suspended::SuspendedUsers;
use crate::keys::authority::DESK_VALIDITY;
use crate::keys::home::clients::{Candidate, Client, ClientRefusal, Clients};
use crate::keys::secret_file;
use crate::limits;
use crate::message::administration::AdministrativeVerb as Verb;
use crate::trust::name::{Label, Name};
use crate::trust::role::Role;

/// Who is to be enrolled, as it was typed.
pub(super) struct Enrolling {
    pub(super) label: Label,
    pub(super) roles: Vec<Role>,
    pub(super) offices: Vec<Label>,
    pub(super) days: u16,
    pub(super) request: Option<PathBuf>,
    pub(super) replace: bool,
    pub(super) output: Option<PathBuf>,
}

impl Enrolling {
    /// Certifies the client, and writes what it needs into a folder of its own.
    pub(super) fn run(self, context: &Context) -> Result<(), CliError> {
        let folder = self.output.clone().unwrap_or_else(|| PathBuf::from(self.label.as_str()));
        let place = |name: &str| folder.join(name);
        let [key, chain, root] = ["client.key", "client.pem", "root.pem"].map(place);
        [&key, &chain, &root].into_iter().try_for_each(|path| require_no_file(path))?;
        let request = self.request.as_deref().map(read_request).transpose()?;
        let desk = desk_session::desk(context)?;
        let config = desk.config();
        self.require_offices_that_fit(context, config)?;
        let passphrase =
            context.passphrase.existing(&format!("the desk of {}", config.ministry))?.for_keys()?;
        let clients = serve::clients_of(&desk);
        let (now, entropy) = (context.clock.now(), context.entropy.as_ref());
        clients.found(&passphrase, now, entropy)?;
        let valid_for = Duration::from_secs(u64::from(self.days).saturating_mul(24 * 3600));
        let candidate = Candidate {
            label: self.label.clone(),
            roles: self.roles.iter().copied().collect(),
            offices: self.offices.iter().cloned().collect(),
            valid_for,
            request,
            replaces: self.replace,
        };
        let place = client_place(self.label.as_str());
        desk_record::note_at(context, &config.home, Verb::ClientEnrolled, &place)?;
        let enrolled = clients.enrol(&candidate, &passphrase, now, entropy);
        let enrolled = enrolled.map_err(|refusal| self.refused(config, refusal))?;
        fs::create_dir_all(&folder).map_err(|error| unwritable(&folder, &error))?;
        if let Some(made) = &enrolled.key {
            secret_file::create(&key, made.as_bytes())?;
        }
        secret_file::create(&chain, enrolled.chain.as_bytes())?;
        let pinned = fs::read(clients.root()).map_err(|error| unwritable(&clients.root(), &error))?;
        secret_file::create(&root, &pinned)?;
        let report = report(&enrolled.client, &clients);
        let Client { roles, offices, valid_until, .. } = &enrolled.client;
        let said =
            format!("enrolled {}, may {}{}, until {valid_until}", self.label, words(roles), bound(offices));
        let mut done = Done::new(report).says(said);
        if enrolled.key.is_some() {
            done = done.wrote(&key);
        }
        done = done.wrote(&chain).wrote(&root);
        let says = format!("it asks the service for the name {}", clients.service_dns_name());
        done.says(says).next(context.command("desk serve")).tell(context)
    }

    /// A client that is bound to offices which are none of this desk, or may not do what its roles are for, would seem to be
    /// enrolled, and could do nothing.
    fn require_offices_that_fit(&self, context: &Context, config: &Config) -> Result<(), CliError> {
        if self.offices.is_empty() {
            return Ok(());
        }
        let known = Keys::locked(config.clone()).offices();
        let known = known.map_err(|error| desk_session::failure(context, error))?;
        let (roles, offices) = (self.roles.iter().copied().collect(), self.offices.iter().cloned().collect());
        require_fit(&roles, &offices, &known).map_err(|misfit| match misfit {
            Misfit::Unknown { .. } => CliError::new(Kind::NotFound, "no-office", misfit.to_string()),
            Misfit::Role { .. } | Misfit::Office { .. } => {
                CliError::usage("office-unfit", misfit.to_string())
                    .cause("the service would refuse what it asks for: nothing was certified")
            }
        })
    }

    /// A request that is not this client's, with the command that makes one which is.
    fn refused(&self, config: &Config, refusal: ClientRefusal) -> CliError {
        let error = CliError::from(refusal);
        let Some(request) =
            self.request.as_ref().filter(|_| matches!(error.code(), "request" | "other-name"))
        else {
            return error;
        };
        let label = &self.label;
        let name = Name::Client { ministry: config.ministry.clone(), label: label.clone() };
        let message = format!("{} is no request for {name}", request.display());
        let told = CliError::new(error.kind(), error.code().to_owned(), message).cause(error.message());
        let told = match error.reason_code() {
            Some(reason) => told.reason(reason.to_owned()),
            None => told,
        };
        told.hint(format!(
            "openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout {label}.key \
             -subj /CN={label} -addext subjectAltName=URI:{name} -out {label}.csr"
        ))
    }
}

/// Suspends a client, or lets it act again: its certificates, and the user of this machine who bears its name.
pub(super) fn suspend(context: &Context, label: &Label, suspended: bool) -> Result<(), CliError> {
    let desk = desk_session::desk(context)?;
    let clients = serve::clients_of(&desk);
    let is_user = users(context, desk.config())?.iter().any(|user| user.label == *label);
    let verb = if suspended { Verb::ClientSuspended } else { Verb::ClientReadmitted };
    desk_record::note_at(context, &desk.config().home, verb, &client_place(label.as_str()))?;
    let entered = match clients.exists() {
        true => clients.suspend(label, suspended),
        false => Err(ClientRefusal::NoBook),
    };
    let count = match entered {
        Err(ClientRefusal::NoBook | ClientRefusal::Unknown(_)) if is_user => 0,
        entered => entered?,
    };
    if is_user || !suspended {
        SuspendedUsers::of(desk.config())
            .set(label, suspended)
            .map_err(|error| desk_session::failure(context, error))?;
    }
    let report = json!({
        "schema": "chancery.client-suspended/1",
        "client": label.as_str(),
        "suspended": suspended,
        "certificates": count,
        "user": is_user,
    });
    let said = match suspended {
        true => format!("{label} is suspended: the service takes no further call of it"),
        false => format!("{label} may call again"),
    };
    Done::new(report).says(said).tell(context)
}

fn users(context: &Context, config: &Config) -> Result<Vec<User>, CliError> {
    let read = ServiceConfig::load(config).map_err(DeskError::Config);
    read.map(|config| config.users).map_err(|error| desk_session::failure(context, error))
}

/// Lists the clients: those with certificates, then users of this machine.
pub(super) fn list(context: &Context) -> Result<(), CliError> {
    let desk = desk_session::desk(context)?;
    let clients = serve::clients_of(&desk);
    let all = if clients.exists() { clients.all()? } else { Vec::new() };
    let mut table = Table::new(["CLIENT", "ROLES", "OFFICES", "UNTIL", "STATE"]);
    let mut row = |label: &Label, what: (&BTreeSet<Role>, &BTreeSet<Label>), until: &str, suspended: bool| {
        let offices: Vec<&str> = what.1.iter().map(Label::as_str).collect();
        let offices = if offices.is_empty() { "any".to_owned() } else { offices.join(", ") };
        let state = if suspended { "suspended" } else { "active" };
        table.row([label.as_str(), &words(what.0), &offices, until, state]);
    };
    let mut reports = Vec::new();
    for client in &all {
        let until = client.valid_until.to_string();
        row(&client.label, (&client.roles, &client.offices), &until, client.suspended);
        reports.push(report(client, &clients));
    }
    let suspended = SuspendedUsers::of(desk.config());
    for user in users(context, desk.config())? {
        let is_suspended = suspended.is_suspended(&user.label);
        row(&user.label, (&user.roles, &user.offices), &format!("user {}", user.uid), is_suspended);
        reports.push(json!({
            "schema": "chancery.client/1",
            "client": user.label.as_str(),
            "roles": user.roles.iter().map(|role| role.word()).collect::<Vec<_>>(),
            "offices": user.offices.iter().map(Label::as_str).collect::<Vec<_>>(),
            "uid": user.uid,
            "suspended": is_suspended,
        }));
    }
    context.output.list(&reports, &table, "no clients")
}

fn report(client: &Client, clients: &Clients) -> serde_json::Value {
    json!({
        "schema": "chancery.client/1",
        "client": client.label.as_str(),
        "roles": client.roles.iter().map(|role| role.word()).collect::<Vec<_>>(),
        "offices": client.offices.iter().map(Label::as_str).collect::<Vec<_>>(),
        "certificate": client.certificate.hex(),
        "valid_until": client.valid_until.to_string(),
        "suspended": client.suspended,
        "service": clients.service_dns_name(),
    })
}

/// The offices that a client is bound to; nothing where it is bound to none.
fn bound(offices: &BTreeSet<Label>) -> String {
    let labels: Vec<&str> = offices.iter().map(Label::as_str).collect();
    match labels.as_slice() {
        [] => String::new(),
        [one] => format!(" for the office {one}"),
        several => format!(" for the offices {}", several.join(", ")),
    }
}

fn words(roles: &BTreeSet<Role>) -> String {
    roles.iter().map(|role| role.word()).collect::<Vec<_>>().join(", ")
}

fn read_request(path: &Path) -> Result<String, CliError> {
    let bytes = files::read(path, limits::CHAIN_BYTES_MAX as u64)?;
    String::from_utf8(bytes)
        .map_err(|_| CliError::usage("request", format!("{} is no request (PEM)", path.display())))
}

fn unwritable(path: &Path, error: &std::io::Error) -> CliError {
    CliError::failed("unwritable", format!("cannot use {}", shell_word(&path.to_string_lossy())))
        .because(error)
        .hint(paths::look_around(path))
}

/// For how long a client is certified unless somebody says otherwise, in days.
pub(super) fn days_default() -> u16 {
    u16::try_from(DESK_VALIDITY.as_secs() / (24 * 3600)).unwrap_or(u16::MAX)
}

impl From<ClientRefusal> for CliError {
    fn from(refusal: ClientRefusal) -> Self {
        match refusal {
            ClientRefusal::Home(error) => error.into(),
            ClientRefusal::NoBook | ClientRefusal::Unknown(_) => {
                Self::new(Kind::NotFound, "no-client", refusal.to_string()).hint("chancery desk clients")
            }
            ClientRefusal::SameKey(_) => {
                Self::new(Kind::NotPermitted, "same-key", refusal.to_string()).reason("KEY_OF_ANOTHER_CLIENT")
            }
            ClientRefusal::NoRole => Self::usage("no-role", refusal.to_string()),
        }
    }
}
