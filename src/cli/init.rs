//! `init ministry|gateway|desk`: found a ministry, a gateway or a desk.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::json;

use super::context::Context;
use super::desk_record;
use super::error::CliError;
use super::output::Mark;
use super::report::{self, Done};
use super::shell_word;
use crate::desk::administration::act;
use crate::keys::branch::Branch;
use crate::keys::home::desk::{DeskHome, DeskPlan};
use crate::keys::home::enrolment::Enrolment;
use crate::keys::home::gateway::{GatewayHome, GatewayPlan};
use crate::keys::ministry::{Founding, MinistryHome};
use crate::message::administration::AdministrativeVerb as Verb;
use crate::transport::operator_socket::require_length;
use crate::trust::endpoint::Endpoint;
use crate::trust::fingerprint::Fingerprint;
use crate::trust::name::{Authority, Domain, Label, Ministry};

/// Found a ministry, a gateway or a desk
#[derive(Debug, clap::Args)]
pub struct Init {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    Ministry(InitMinistry),
    Gateway(InitGateway),
    Desk(InitDesk),
}

/// Found a ministry: its root, its authorities and the key that signs its trust bundles, to be kept offline
#[derive(Debug, clap::Args)]
struct InitMinistry {
    /// Code of the ministry, such as XA
    #[arg(long, value_name = "CODE", value_parser = Ministry::parse)]
    ministry: Ministry,

    /// Its name for people
    #[arg(long, value_name = "NAME")]
    name: String,

    /// Its domain, which prefixes the names of its logs
    #[arg(long, value_name = "DOMAIN", value_parser = Domain::parse)]
    domain: Domain,

    /// Where its offline home is to be
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

/// Found a gateway: its configuration, its keys and the request for its certificate
#[derive(Debug, clap::Args)]
struct InitGateway {
    /// Code of the ministry, such as XA
    #[arg(long, value_name = "CODE", value_parser = Ministry::parse)]
    ministry: Ministry,

    /// Domain of the ministry
    #[arg(long, value_name = "DOMAIN", value_parser = Domain::parse)]
    domain: Domain,

    /// Where peers' gateways are to reach it
    #[arg(long, value_name = "HOST:PORT", value_parser = listening_address)]
    relay: String,

    /// Where the own desk is to reach it
    #[arg(long, value_name = "HOST:PORT", value_parser = listening_address)]
    mailbox: String,

    /// What the trust bundle tells peers to dial, if that is not --relay; may be repeated
    #[arg(long, value_name = "HOST:PORT", value_parser = Endpoint::parse)]
    advertise: Vec<Endpoint>,
}

/// Found a desk: its configuration, its keys under a passphrase and the requests for their certificates
#[derive(Debug, clap::Args)]
struct InitDesk {
    /// Code of the ministry, such as XA
    #[arg(long, value_name = "CODE", value_parser = Ministry::parse)]
    ministry: Ministry,

    /// Domain of the ministry
    #[arg(long, value_name = "DOMAIN", value_parser = Domain::parse)]
    domain: Domain,

    /// Mailbox listener of the own gateway
    #[arg(long, value_name = "HOST:PORT", value_parser = listening_address)]
    gateway: String,

    /// Name of this desk among the desks of the ministry
    #[arg(long, value_name = "LABEL", value_parser = Label::parse, default_value = "main")]
    label: Label,

    /// An office that signs here and its authorities; may be repeated
    /// [default: drafting-01:draft legal-01:clear,clear-legal releasing-01:release seal:seal head:conclude
    /// duty-01:release-protective]
    #[arg(long = "office", value_name = "LABEL:AUTHORITY,...", value_parser = office)]
    offices: Vec<(Label, BTreeSet<Authority>)>,
}

impl Init {
    /// Founds what was asked for, or changes nothing.
    pub async fn run(self, context: &Context) -> Result<(), CliError> {
        match self.what {
            What::Ministry(command) => command.run(context),
            What::Gateway(command) => command.run(context),
            What::Desk(command) => command.run(context),
        }
    }
}

impl InitMinistry {
    fn run(self, context: &Context) -> Result<(), CliError> {
        let directory = self.directory;
        report::require_vacant(&directory)?;
        let passphrase = context.passphrase.new_one("the keys of the ministry")?.for_keys()?;
        let founding =
            Founding { ministry: self.ministry.clone(), display_name: self.name, domain: self.domain };
        let (now, entropy) = (context.clock.now(), context.entropy.as_ref());
        let home = MinistryHome::found(&directory, founding, &passphrase, now, entropy)?;
        let fingerprint = Fingerprint::of(&home.certificate(Branch::Root)?);
        let report = json!({
            "schema": "chancery.ministry/1",
            "ministry": self.ministry.as_str(),
            "home": directory,
            "fingerprint": fingerprint.digest().hex(),
            "words": fingerprint.words(),
        });
        Done::new(report)
            .says(format!("founded the ministry {} in {}", self.ministry, directory.display()))
            .says("keep this directory offline: whoever has it and its passphrase is the ministry")
            .says(report::fingerprint(&fingerprint))
            .next("chancery --home GATEWAY init gateway --help")
            .next("chancery --home DESK init desk --help")
            .tell(context)
    }
}

impl InitGateway {
    fn run(self, context: &Context) -> Result<(), CliError> {
        let directory = context.gateway_home();
        report::require_vacant(&directory)?;
        let home = GatewayHome::at(&directory);
        std::path::absolute(home.operator_socket())
            .and_then(|socket| require_length(&socket))
            .map_err(|error| CliError::usage("home-path", "a gateway cannot live here").because(&error))?;
        let endpoints = match self.advertise.as_slice() {
            [] => vec![dialable(&self.relay, context)?],
            named => named.to_vec(),
        };
        let plan = GatewayPlan {
            ministry: self.ministry.clone(),
            domain: self.domain,
            relay_listen: self.relay,
            mailbox_listen: self.mailbox,
            endpoints,
        };
        home.found(&plan, context.entropy.as_ref())?;
        if context.passphrase.file.is_some() {
            let unused = "the keys of a gateway have no passphrase, because it starts with nobody there: the file with one \
                          was not read";
            context.output.step(Mark::Warning, unused);
        }
        let report = json!({
            "schema": "chancery.gateway/1",
            "ministry": self.ministry.as_str(),
            "home": directory,
            "relay": plan.relay_listen,
            "mailbox": plan.mailbox_listen,
            "endpoints": plan.endpoints.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "requests": requests(&directory)?,
        });
        Done::new(report)
            .says(format!("founded a gateway of {} in {}", self.ministry, directory.display()))
            .wrote(&home.config())
            .wrote(&home.transport_request())
            .wrote(&home.announcement_file())
            .next(enrol(&directory))
            .tell(context)
    }
}

impl InitDesk {
    fn run(self, context: &Context) -> Result<(), CliError> {
        let directory = context.desk_home()?;
        report::require_vacant(&directory)?;
        let mut offices: BTreeMap<Label, BTreeSet<Authority>> = BTreeMap::new();
        let asked = if self.offices.is_empty() { default_offices()? } else { self.offices };
        for (label, authorities) in asked {
            if offices.insert(label.clone(), authorities).is_some() {
                return Err(CliError::usage("office", format!("the office {label} is given twice")));
            }
        }
        let passphrase = context.passphrase.new_one("the keys of the desk")?.for_keys()?;
        let home = DeskHome::at(&directory);
        let plan = DeskPlan {
            ministry: self.ministry.clone(),
            domain: self.domain,
            label: self.label,
            gateway: self.gateway,
            offices,
        };
        home.found(&plan, &passphrase, context.entropy.as_ref())?;
        desk_record::note(context, &directory, act(Verb::Opened).because("FOUNDED"))?;
        let report = json!({
            "schema": "chancery.desk/1",
            "ministry": self.ministry.as_str(),
            "home": directory,
            "label": plan.label.as_str(),
            "gateway": plan.gateway,
            "requests": requests(&directory)?,
        });
        Done::new(report)
            .says(format!("founded the desk {} of {} in {}", plan.label, self.ministry, directory.display()))
            .wrote(&home.config())
            .wrote(&home.reading_recipient())
            .wrote(&directory.join(Enrolment::FILE))
            .next(enrol(&directory))
            .tell(context)
    }
}

/// The requests that a new home holds, as scripts see them.
fn requests(directory: &Path) -> Result<Vec<serde_json::Value>, CliError> {
    let enrolment = Enrolment::read(directory)?;
    Ok(enrolment.requests.iter().map(|requested| report::requested(requested, directory)).collect())
}

fn enrol(directory: &Path) -> String {
    format!("chancery desk enrol --ministry-home ROOT {}", shell_word(&directory.to_string_lossy()))
}

fn default_offices() -> Result<Vec<(Label, BTreeSet<Authority>)>, CliError> {
    let defaults = [
        "drafting-01:draft",
        "legal-01:clear,clear-legal",
        "releasing-01:release",
        "seal:seal",
        "head:conclude",
        "duty-01:release-protective",
    ];
    let offices = defaults.iter().map(|text| office(text)).collect::<Result<_, _>>();
    offices.map_err(|wrong| CliError::failed("office", wrong))
}

/// `LABEL:AUTHORITY,AUTHORITY`.
pub(super) fn office(text: &str) -> Result<(Label, BTreeSet<Authority>), String> {
    let (label, words) = text
        .split_once(':')
        .ok_or_else(|| format!("{text:?} is not an office such as head:conclude,release"))?;
    let label = Label::parse(label).map_err(|wrong| wrong.to_string())?;
    let authorities = words.split(',').map(authority).collect::<Result<BTreeSet<_>, _>>()?;
    let gives = |those: &[Authority]| those.iter().copied().find(|one| authorities.contains(one));
    let prepares = gives(&[Authority::Draft, Authority::Clear, Authority::ClearLegal]);
    if let (Some(prepares), Some(releases)) = (prepares, gives(&[Authority::Release, Authority::Conclude])) {
        return Err(format!(
            "{label} may not have both {prepares} and {releases}: nobody drafts or clears what he himself releases \
             (ROL_01); make two offices"
        ));
    }
    Ok((label, authorities))
}

/// An authority by its word; who errs is told all of them.
pub(super) fn authority(word: &str) -> Result<Authority, String> {
    Authority::parse(word).map_err(|_| {
        let words: Vec<&str> = Authority::ALL.iter().map(|one| one.word()).collect();
        format!("{word:?} is no authority; there are {}", words.join(", "))
    })
}

/// `HOST:PORT`; port 0 lets the system choose.
fn listening_address(text: &str) -> Result<String, String> {
    let parts = text.rsplit_once(':').filter(|(host, _)| !host.is_empty());
    match parts.map(|(_, port)| port.parse::<u16>()) {
        Some(Ok(_)) => Ok(text.to_owned()),
        _ => Err(format!("{text:?} is not an address such as 127.0.0.1:7101")),
    }
}

/// The listening address as peers may dial it, unless it is good for listening only.
fn dialable(relay: &str, context: &Context) -> Result<Endpoint, CliError> {
    let unspecified = ["0.0.0.0:", "[::]:"].iter().any(|any| relay.starts_with(any));
    Endpoint::parse(relay).ok().filter(|_| !unspecified).ok_or_else(|| {
        let message = format!("peers cannot dial {relay}");
        CliError::usage("advertise", message).hint(format!("{} --advertise HOST:PORT", context.typed))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_office_is_a_label_and_its_authorities() {
        let (label, authorities) = office("head:conclude,release").unwrap();
        assert_eq!(label.as_str(), "head");
        assert_eq!(authorities, [Authority::Conclude, Authority::Release].into());
        for wrong in ["head", "head:", "Head:seal", "head:rule", "head:seal,,release", ":seal"] {
            assert!(office(wrong).is_err(), "{wrong}");
        }
        assert_eq!(default_offices().unwrap().len(), 6);
        let unknown = office("head:rule").unwrap_err();
        assert!(Authority::ALL.iter().all(|one| unknown.contains(one.word())), "{unknown}");
    }

    #[test]
    fn no_office_prepares_and_releases() {
        for both in
            ["both:draft,release", "both:conclude,draft", "both:clear-legal,conclude", "both:clear,release"]
        {
            assert!(office(both).unwrap_err().contains("ROL_01"), "{both}");
        }
        for right in
            ["legal:clear,clear-legal,draft", "head:conclude,release,seal", "duty:draft,release-protective"]
        {
            assert!(office(right).is_ok(), "{right}");
        }
    }

    #[test]
    fn an_address_to_listen_on_has_a_host_and_a_port() {
        for right in ["127.0.0.1:0", "[::]:7101", "gateway.mfa.xa.example:7101"] {
            assert!(listening_address(right).is_ok(), "{right}");
        }
        for wrong in ["", "7101", ":7101", "host:", "host:70000", "host:-1"] {
            assert!(listening_address(wrong).is_err(), "{wrong}");
        }
    }
}
