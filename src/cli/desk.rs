//! `desk`: certify the keys of a desk or a gateway in the home of the ministry; serve the ministry's own systems.

mod clients;
mod serve;

use std::net::SocketAddr;
use std::path::PathBuf;

use serde_json::json;

use super::context::Context;
use super::desk_record;
use super::error::CliError;
use super::report::{self, Done};
use super::shell_word;
use crate::desk::administration::act;
use crate::keys::home::enrolment::{Enrolled, Enrolment, HomeKind};
use crate::keys::home::gateway::GatewayHome;
use crate::keys::ministry::MinistryHome;
use crate::message::administration::AdministrativeVerb as Verb;
use crate::telemetry::LogFormat;
use crate::trust::name::Label;
use crate::trust::role::Role;

/// Let a desk or a gateway act for its ministry, and the ministry's own systems call their desk
#[derive(Debug, clap::Args)]
pub struct Desk {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    Enrol(Enrol),
    Serve(Serve),
    Suspend(Suspend),
    Clients(Clients),
}

/// Certify every key of a home with the ministry's root; or, with --roles, one client of this desk
///
/// A client is a system of the ministry that calls `desk serve`. It is certified by an authority of this desk's own,
/// which is made when the first client is enrolled; nothing of it is published.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    chancery desk enrol /srv/desk --ministry-home /media/root\n  \
    chancery desk enrol casework --roles draft,read,observe -o casework\n  \
    chancery desk enrol legal --roles clear --office legal-01 --csr legal.csr -o legal")]
struct Enrol {
    /// Offline home of the ministry
    #[arg(long, value_name = "DIR", required_unless_present = "roles", conflicts_with = "roles")]
    ministry_home: Option<PathBuf>,

    /// Replace the certificates that are there by new ones for the same keys
    #[arg(long, conflicts_with = "roles")]
    renew: bool,

    /// What the client may ask for: audit, clear, draft, observe, read, register, release
    #[arg(long, value_name = "ROLE", value_delimiter = ',', value_parser = Role::parse)]
    roles: Vec<Role>,

    /// Offices as which the client may have the desk sign, by their labels, each able to do what a role is for
    /// [default: all that its roles fit]
    #[arg(long = "office", value_name = "LABEL", value_delimiter = ',', value_parser = Label::parse, requires = "roles")]
    offices: Vec<Label>,

    /// For how many days
    #[arg(long, value_name = "DAYS", default_value_t = clients::days_default(), requires = "roles")]
    days: u16,

    /// The client's own certificate request (PKCS#10, PEM), for its name chancery://XA/client/NAME; without one a key
    /// is made for it
    #[arg(long, value_name = "FILE", requires = "roles")]
    csr: Option<PathBuf>,

    /// End the earlier certificates of this client with that; otherwise they stay good beside the new one
    #[arg(long, requires = "roles")]
    replace: bool,

    /// Folder for key, certificate and root of the client [default: its name]
    #[arg(short, long, value_name = "DIR", requires = "roles")]
    output: Option<PathBuf>,

    /// Home of the desk or gateway; with --roles the name of the client, 1 to 32 of a-z, 0-9 and '-'
    #[arg(value_name = "HOME|NAME")]
    enrolled: PathBuf,
}

/// Serve the ministry's own systems: drafts, clearances, releases, messages and proofs over gRPC, until SIGTERM
///
/// On the inside network only: plain text crosses this listener. Clients show a certificate of `desk enrol NAME --roles`,
/// or are users of this machine that `service.toml` in the home names. Where nothing is configured, only this machine is
/// listened to. The service keeps up with the own gateway while it runs: it fetches, answers for the registry, and tells
/// watchers at once. On SIGTERM, calls under way are ended within 20 seconds, streams with the reason DRAINING; a client
/// goes on at the next start from its last cursor, and sends again under the same request id what was not answered.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    chancery desk serve --listen 10.0.0.5:7110 --passphrase-file /run/secrets/desk\n  \
    chancery desk serve --socket /run/chancery/desk.sock --log-format json\n\n\
    Roles of clients, and what each opens (proto/chancery/desk/v1/desk_service.proto):\n  \
    draft     validate, create, rebase and cancel drafts; upload documents\n  \
    clear     read drafts of others, and sign them as a clearing office\n  \
    release   release what others drafted and cleared; protective acts at once; withdraw notes\n  \
    read      what messages say; consultations, cases, search, documents; may somebody depart\n  \
    register  lists of messages, receipts\n  \
    audit     the same, and evidence files\n  \
    observe   events\n\n\
    A first call, once `desk enrol casework --roles draft,read,observe -o casework` was answered:\n  \
    grpcurl -cacert casework/root.pem -cert casework/client.pem -key casework/client.key \\\n    \
    -authority main.desk.mfa.xa.example -d '{}' 127.0.0.1:7110 chancery.desk.v1.DeskService/ListMessages\n\n\
    service.toml in the home of the desk:\n  \
    listen = \"10.0.0.5:7110\"\n  \
    socket = \"/run/chancery/desk.sock\"\n  \
    [[user]]\n  \
    uid = 1001\n  \
    name = \"casework\"\n  \
    roles = [\"draft\", \"read\"]")]
struct Serve {
    /// Address to listen at, instead of what service.toml says [default: 127.0.0.1:7110]
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,

    /// Unix socket to serve at, instead of what service.toml says
    #[arg(long, value_name = "FILE")]
    socket: Option<PathBuf>,

    /// How log lines look
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    log_format: LogFormat,
}

/// Take no further call of a client, on open connections too, nor of the user of this machine who bears its name
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  chancery desk suspend casework\n  chancery desk suspend casework --lift"
)]
struct Suspend {
    /// Let it call again
    #[arg(long)]
    lift: bool,

    /// Name of the client
    #[arg(value_name = "NAME", value_parser = Label::parse)]
    client: Label,
}

/// List the clients of this desk
#[derive(Debug, clap::Args)]
struct Clients {}

impl Desk {
    /// Enrols.
    pub async fn run(self, context: &Context) -> Result<(), CliError> {
        match self.what {
            What::Enrol(command) if !command.roles.is_empty() => command.client(context),
            What::Enrol(command) => command.run(context),
            What::Serve(Serve { listen, socket, log_format }) => {
                serve::Serving { listen, socket, log_format }.run(context).await
            }
            What::Suspend(command) => clients::suspend(context, &command.client, !command.lift),
            What::Clients(Clients {}) => clients::list(context),
        }
    }
}

impl Enrol {
    fn client(self, context: &Context) -> Result<(), CliError> {
        let name = self.enrolled.to_string_lossy();
        let label = Label::parse(&name).map_err(|cause| CliError::usage("name", cause.to_string()))?;
        let Self { roles, offices, days, csr: request, replace, output, .. } = self;
        clients::Enrolling { label, roles, offices, days, request, replace, output }.run(context)
    }

    fn run(self, context: &Context) -> Result<(), CliError> {
        let ministry_home = self.ministry_home.clone().unwrap_or_default();
        let enrolment = Enrolment::read(&self.enrolled)?;
        let passphrase = context.passphrase.existing("the ministry")?.for_keys()?;
        let ministry = MinistryHome::open(&ministry_home, &passphrase)?;
        let (now, entropy) = (context.clock.now(), context.entropy.as_ref());
        desk_record::note(context, &self.enrolled, act(Verb::KeysCertified))?;
        let enrolled = enrolment
            .enrol(&self.enrolled, &ministry, self.renew, now, entropy)
            .map_err(|error| already(error.into(), context))?;
        let report = json!({
            "schema": "chancery.enrolment/1",
            "ministry": enrolment.ministry.as_str(),
            "home": self.enrolled,
            "certificates": enrolled.iter().map(|one| certificate(one, &self)).collect::<Vec<_>>(),
        });
        let mut done = Done::new(report);
        for one in &enrolled {
            done = done.says(sentence(one)).wrote(&one.chain);
        }
        for command in self.what_comes_next(enrolment.kind) {
            done = done.next(command);
        }
        done.tell(context)
    }

    fn what_comes_next(&self, kind: HomeKind) -> Vec<String> {
        let word = |path: &PathBuf| shell_word(&path.to_string_lossy());
        let (root, home) = (word(&self.ministry_home.clone().unwrap_or_default()), word(&self.enrolled));
        match (self.renew, kind) {
            (true, HomeKind::Gateway) => vec!["kill -HUP PID of the running gateway".to_owned()],
            (true, HomeKind::Desk) => Vec::new(),
            (false, HomeKind::Gateway) => {
                let sign = format!(
                    "chancery trust sign --ministry-home {root} --gateway {home} --desk DESK -o FILE"
                );
                // A folder that was carried to the root is no home: the gateway runs elsewhere.
                let is_home = GatewayHome::at(&self.enrolled).config().is_file();
                let run = is_home.then(|| format!("chancery-gateway run --home {home}"));
                [Some(sign), run].into_iter().flatten().collect()
            }
            (false, HomeKind::Desk) => {
                vec![format!(
                    "chancery trust sign --ministry-home {root} --gateway GATEWAY --desk {home} -o FILE"
                )]
            }
        }
    }
}

fn already(error: CliError, context: &Context) -> CliError {
    if error.code() == "exists" { error.hint(format!("{} --renew", context.typed)) } else { error }
}

fn certificate(enrolled: &Enrolled, command: &Enrol) -> serde_json::Value {
    let mut value = report::requested(&enrolled.requested, &command.enrolled);
    if let Some(object) = value.as_object_mut() {
        object.insert("chain".to_owned(), json!(enrolled.chain));
        object.insert("valid_until".to_owned(), json!(enrolled.not_after.to_string()));
    }
    value
}

fn sentence(enrolled: &Enrolled) -> String {
    let words: Vec<&str> = enrolled.requested.authorities.iter().map(|one| one.word()).collect();
    let may = if words.is_empty() { String::new() } else { format!(", may {}", words.join(", ")) };
    format!("certified {}{may}, until {}", enrolled.requested.name, enrolled.not_after)
}
