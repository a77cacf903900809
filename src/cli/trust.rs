//! `trust sign|install`: issue the next trust bundle of the ministry, and put it in force.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;

use super::context::Context;
use super::desk_record;
use super::desk_session;
use super::error::{CliError, Kind};
use super::files;
use super::paths;
use super::peer_update;
use super::report::{self, Done};
use super::shell_word;
use crate::desk::administration::act;
use crate::desk::keys::Keys;
use crate::keys::home::desk::DeskHome;
use crate::keys::home::gateway::GatewayHome;
use crate::keys::home::publication::Publication;
use crate::keys::ministry::MinistryHome;
use crate::keys::rotation::holds_reading_key;
use crate::message::administration::AdministrativeVerb;

/// Publish what the ministry is known by
#[derive(Debug, clap::Args)]
pub struct Trust {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    Sign(Sign),
    Install(Install),
}

/// Put the next bundle of the own ministry in force at this desk and its gateway, which announces it to the peers
///
/// `trust sign` writes the bundle into the desks that it is given, and the next command of such a desk that fetches hands
/// it to the gateway. Where the ministry's home is kept elsewhere, bring the file to the desk and install it here.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  chancery --home DESK trust install XA-7.bundle")]
struct Install {
    /// The bundle that `trust sign` wrote
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Even if this desk, and every peer, would hang up on the own gateway under it
    #[arg(short, long)]
    yes: bool,
}

/// Sign the next trust bundle, install it at the desks and write it for the peers
#[derive(Debug, clap::Args)]
struct Sign {
    /// Offline home of the ministry
    #[arg(long, value_name = "DIR")]
    ministry_home: PathBuf,

    /// Home of the gateway whose log and addresses are announced; its public.toml is enough
    #[arg(long, value_name = "DIR")]
    gateway: PathBuf,

    /// Home of a desk that is to be able to read; may be repeated
    #[arg(long, value_name = "DIR", required = true)]
    desk: Vec<PathBuf>,

    /// For how many days the bundle is in force
    #[arg(long, value_name = "DAYS", default_value_t = 365, value_parser = clap::value_parser!(u32).range(1..=1800))]
    days: u32,

    /// Where to write the bundle
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,

    /// Even if it revokes the certificate that the gateway shows
    #[arg(short, long)]
    yes: bool,
}

impl Trust {
    /// Signs.
    pub async fn run(self, context: &Context) -> Result<(), CliError> {
        match self.what {
            What::Sign(command) => command.run(context),
            What::Install(command) => command.run(context).await,
        }
    }
}

impl Install {
    async fn run(self, context: &Context) -> Result<(), CliError> {
        let own = files::bundle(&self.file)?;
        let desk = desk_session::desk(context)?;
        let passphrase = context.passphrase.existing("the registry key")?.for_keys()?;
        let keys = Keys::new(desk.config().clone(), passphrase);
        if !self.yes {
            let judging = async {
                let judged = desk.disbelief(&keys, &own).await;
                judged.map_err(|error| desk_session::failure(context, error))
            };
            if let Some(why) = context.within("the gateway's answer", judging).await? {
                let message = "under this bundle this desk and every peer hang up on the own gateway: nothing was installed";
                return Err(cuts_off(message, "GATEWAY").cause(why));
            }
        }
        let named = &own.bundle().content().reading_keys;
        let opens = named.iter().any(|key| holds_reading_key(&desk.config().home, key));
        let installing = async {
            let installed = desk.install_own(&keys, own).await;
            installed.map_err(|error| desk_session::failure(context, error))
        };
        let (followed, handed_over) = context.within("the gateway's answer", installing).await?;
        let sequence = followed.after;
        let done = peer_update::told(&followed, "chancery.installed/1").wrote(&desk.config().own_bundle());
        let done = match opens {
            true => done,
            false => done
                .says("it names no reading key of this home: what is sealed by it does not open here")
                .next(context.command("key rotate reading")),
        };
        if handed_over {
            let says = format!("bundle {sequence} is in force, and the gateway announces it to the peers");
            return done.says(says).next(context.command("status")).tell(context);
        }
        done.says(format!("bundle {sequence} is in force here; the gateway gets it with the first peer"))
            .next(context.command("peer add PEER.bundle"))
            .tell(context)
    }
}

/// A bundle that nobody believes the own gateway under. Where the gateway shows another certificate first, it passes.
fn cuts_off(message: impl Into<String>, gateway: &str) -> CliError {
    CliError::new(Kind::Refused, "cuts-off", message)
        .cause("let the gateway show another certificate first; --yes does it all the same")
        .hint(format!("chancery --home {gateway} key rotate transport"))
}

/// The home of a gateway as commands name it; a folder that was carried to the root is none.
fn named(gateway: &GatewayHome) -> String {
    match gateway.config().is_file() {
        true => shell_word(&gateway.directory().to_string_lossy()),
        false => "GATEWAY".to_owned(),
    }
}

/// The same error with the command that founds the home where only its folder is there. A folder that is not there is on
/// another host, or named otherwise.
fn missing_home(publication: &Publication, error: CliError) -> CliError {
    let found = |home: &Path, kind: &str| match home.is_dir() {
        true => format!("chancery --home {} init {kind} --help", shell_word(&home.to_string_lossy())),
        false => paths::look_around(home),
    };
    if !publication.gateway.announcement_file().is_file() {
        return error.hint(found(publication.gateway.directory(), "gateway"));
    }
    match publication.desks.iter().find(|desk| !desk.config().is_file()) {
        Some(desk) => error.hint(found(desk.directory(), "desk")),
        None => error,
    }
}

impl Sign {
    /// The certificate that the gateway shows is revoked. Beside the root lies only what was carried there, which may be
    /// an older one than the gateway shows by now.
    fn shows_a_revoked_one(gateway: &GatewayHome, message: String) -> CliError {
        let error = cuts_off(message, &named(gateway));
        let chain = gateway.transport_chain();
        if gateway.config().is_file() || !chain.is_file() {
            return error;
        }
        let shown = shell_word(&chain.to_string_lossy());
        error
            .cause(format!(
                "{shown} was carried here: where the gateway shows another by now, put that in its place"
            ))
            .hint(format!("cp CHAIN {shown}"))
    }

    fn run(self, context: &Context) -> Result<(), CliError> {
        report::require_no_file(&self.output)?;
        let passphrase = context.passphrase.existing("the ministry")?.for_keys()?;
        let ministry = MinistryHome::open(&self.ministry_home, &passphrase)?;
        let publication = Publication {
            gateway: GatewayHome::at(&self.gateway),
            desks: self.desk.iter().map(|desk| DeskHome::at(desk)).collect(),
            valid_for: Duration::from_secs(u64::from(self.days) * 24 * 3600),
        };
        let revoked = publication.revoked_gateway(&ministry);
        let revoked = revoked.map_err(|error| missing_home(&publication, error.into()))?;
        if let Some(serial) = revoked.filter(|_| !self.yes) {
            let message = format!(
                "the certificate {serial} that the gateway shows is revoked, and every peer hangs up under a bundle that says so: \
                 nothing was signed"
            );
            return Err(Self::shows_a_revoked_one(&publication.gateway, message));
        }
        for desk in &self.desk {
            desk_record::note(context, desk, act(AdministrativeVerb::BundleSigned))?;
        }
        let signed = publication.sign(&ministry, context.clock.now());
        let signed = signed.map_err(|error| missing_home(&publication, error.into()))?;
        // The bundle counts from here on; whatever happens to the file, a desk has it.
        let first = self.desk.first().map(|desk| shell_word(&desk.to_string_lossy())).unwrap_or_default();
        let again = format!("chancery --home {first} peer card -o FILE");
        files::write(context, &self.output, &signed.to_bytes(), false)
            .map_err(|error| error.hint(again.clone()))?;
        let (bundle, content) = (signed.bundle(), signed.bundle().content());
        let fingerprint = bundle.fingerprint();
        let report = json!({
            "schema": "chancery.bundle/1",
            "ministry": bundle.ministry().as_str(),
            "sequence": content.sequence,
            "valid_from": content.valid_from.to_string(),
            "valid_until": content.valid_until.to_string(),
            "digest": signed.digest().hex(),
            "fingerprint": fingerprint.digest().hex(),
            "words": fingerprint.words(),
        });
        let mut done = Done::new(report)
            .says(format!(
                "signed bundle {} of {}, in force until {}",
                content.sequence,
                bundle.ministry(),
                content.valid_until
            ))
            .says(report::fingerprint(&fingerprint));
        for desk in &publication.desks {
            done = done.wrote(&desk.own_bundle());
        }
        let done = done.wrote(&self.output);
        let next = self.what_comes_next(&publication, content.sequence, &first);
        next.into_iter().fold(done, |done, command| done.next(command)).tell(context)
    }

    /// A folder that was carried to the root is no home: the commands are typed at the desk and the gateway.
    fn what_comes_next(&self, publication: &Publication, sequence: u64, first: &str) -> Vec<String> {
        let is_home = publication.desks.first().is_some_and(|desk| desk.config().is_file());
        let desk = if is_home { first } else { "DESK" };
        if sequence > 1 {
            let output = shell_word(&self.output.to_string_lossy());
            return vec![format!("chancery --home {desk} trust install {output}")];
        }
        let peer = "chancery --home DESK peer add PEER.bundle, once the peer has read its fingerprint to you";
        vec![format!("chancery-gateway run --home {}", named(&publication.gateway)), peer.to_owned()]
    }
}
