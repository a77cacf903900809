//! `key csr|certify|export` and the other commands about the keys of a home, one by one.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;

use super::confirm;
use super::context::Context;
use super::desk_record;
use super::desk_session;
use super::error::CliError;
use super::files;
use super::init;
use super::key_list::List;
use super::key_office::{ChangePassphrase, NewOffice, find};
use super::key_revoke::Revoke;
use super::key_rotate::{self, Install, Rotate};
use super::report::{self, Done};
use super::shell_word;
use crate::desk::administration::act;
use crate::desk::config::Config;
use crate::desk::error::DeskError;
use crate::desk::reading_keys::ReadingKeys;
use crate::keys::home::enrolment::{Enrolment, Requested};
use crate::keys::ministry::{Application, MinistryHome};
use crate::keys::secret_file;
use crate::message::administration::AdministrativeVerb;
use crate::trust::name::{Authority, Name};

/// List, certify, rotate and export keys
#[derive(Debug, clap::Args)]
pub struct Key {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    List(List),
    Csr(Csr),
    Certify(Certify),
    Export(Export),
    New(NewOffice),
    Rotate(Rotate),
    Install(Install),
    Passphrase(ChangePassphrase),
    Revoke(Revoke),
}

/// Write the certificate request of one key
#[derive(Debug, clap::Args)]
struct Csr {
    /// The key as `key list` names it, such as keys/registry
    #[arg(value_name = "KEY")]
    key: String,

    /// Where to write the request, or - for stdout
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    output: PathBuf,
}

/// Certify one request in the offline home of the ministry
#[derive(Debug, clap::Args)]
struct Certify {
    /// Offline home of the ministry
    #[arg(long, value_name = "DIR")]
    ministry_home: PathBuf,

    /// Whose key it is, such as chancery://XA/office/seal; the request must say the same
    #[arg(long, value_name = "NAME", value_parser = Name::parse)]
    name: Name,

    /// What they may do in the name of the ministry; may be repeated
    #[arg(long, value_name = "AUTHORITY", value_parser = init::authority)]
    authority: Vec<Authority>,

    /// For how many days
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=1800))]
    days: Option<u32>,

    /// Where to write the chain of certificates
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,

    /// The request
    #[arg(value_name = "REQUEST")]
    request: PathBuf,
}

/// Reveal the reading keys of the desk into a file, those of former years included, so that other age programs can
/// open what was sealed to them
#[derive(Debug, clap::Args)]
struct Export {
    /// Where to write it
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,

    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

impl Key {
    /// Does what was asked for.
    pub async fn run(self, context: &Context) -> Result<(), CliError> {
        match self.what {
            What::List(command) => command.run(context),
            What::Csr(command) => command.run(context),
            What::Certify(command) => command.run(context),
            What::Export(command) => command.run(context),
            What::New(command) => command.run(context),
            What::Rotate(command) => command.run(context).await,
            What::Install(command) => command.run(context).await,
            What::Passphrase(command) => command.run(context),
            What::Revoke(command) => command.run(context),
        }
    }
}

impl Csr {
    fn run(self, context: &Context) -> Result<(), CliError> {
        let home = context.desk_home()?;
        let requested = find(&Enrolment::read(&home)?, &self.key)?;
        let bytes = secret_file::read_public(&requested.place(&home, "csr"), REQUEST_BYTES_MAX)?;
        if self.output == Path::new("-") && !context.output.is_json() {
            return context.output.own_text(&String::from_utf8_lossy(&bytes));
        }
        files::write(context, &self.output, &bytes, false)?;
        let authorities: String =
            requested.authorities.iter().map(|one| format!(" --authority {}", one.word())).collect();
        Done::new(json!({ "schema": "chancery.request/1", "name": requested.name.to_string() }))
            .says(format!("request for {}", requested.name))
            .wrote(&self.output)
            .next(format!(
                "chancery key certify --ministry-home ROOT --name {}{authorities} -o CHAIN {}",
                requested.name,
                self.output.display()
            ))
            .tell(context)
    }
}

impl Certify {
    fn run(self, context: &Context) -> Result<(), CliError> {
        report::require_no_file(&self.output)?;
        let bytes = files::read(&self.request, u64::try_from(REQUEST_BYTES_MAX).unwrap_or(u64::MAX))?;
        let request = String::from_utf8(bytes)
            .map_err(|_| CliError::usage("request", "the request is not PEM text"))?;
        let requested = Requested {
            stem: String::new(),
            name: self.name.clone(),
            authorities: self.authority.into_iter().collect(),
        };
        let valid_for = match self.days {
            Some(days) => Duration::from_secs(u64::from(days) * 24 * 3600),
            None => requested.validity(),
        };
        let passphrase = context.passphrase.existing("the ministry")?.for_keys()?;
        let ministry = MinistryHome::open(&self.ministry_home, &passphrase)?;
        let authorities = requested.authorities;
        let application = Application { request, name: self.name.clone(), authorities, valid_for };
        let now = context.clock.now();
        let chain = ministry.certify(&application, now, context.entropy.as_ref())?;
        files::write(context, &self.output, chain.as_bytes(), false)?;
        let until = now.after(valid_for).to_string();
        let report = json!({
            "schema": "chancery.certificate/1",
            "name": self.name.to_string(),
            "authorities": application.authorities.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "valid_until": until,
        });
        let done =
            Done::new(report).says(format!("certified {}, until {until}", self.name)).wrote(&self.output);
        let chain = shell_word(&self.output.to_string_lossy());
        // A request of a key that comes next says so by its name; under another name it may be either.
        let is_next = self.request.extension().is_some_and(|extension| extension == "next");
        let (home, key) = key_rotate::place_of(&self.name).unwrap_or(("HOME", "KEY".to_owned()));
        let install = format!("chancery --home {home} key install {key} {chain}");
        let done = match is_next {
            true => done.next(install),
            false => done
                .next(format!("cp {chain} {home}/{key}.pem"))
                .next(format!("{install}, where that key is being rotated")),
        };
        done.tell(context)
    }
}

impl Export {
    fn run(self, context: &Context) -> Result<(), CliError> {
        if self.output == Path::new("-") {
            return Err(CliError::usage("secret", "a reading key is written into a file only"));
        }
        report::require_no_file(&self.output)?;
        let config = Config::load(&context.desk_home()?)
            .map_err(|error| desk_session::failure(context, DeskError::Config(error)))?;
        context.output.note("whoever has this file reads everything that was ever sealed to this desk");
        confirm::type_back(context, "type REVEAL to write it:", "REVEAL", self.yes)?;
        let passphrase = context.passphrase.existing("the reading key")?.for_keys()?;
        let keys = ReadingKeys::open(&config.home, &passphrase)
            .map_err(|error| desk_session::failure(context, error))?;
        let recipient = keys.newest().recipient().to_string();
        let room = keys.all().count().saturating_mul(8 * 1024);
        let mut text = zeroize::Zeroizing::new(String::with_capacity(room));
        for key in keys.all() {
            let (ministry, recipient) = (config.ministry.as_str(), key.recipient().to_string());
            for part in [
                "# reading key of ",
                ministry,
                "\n# public key: ",
                &recipient,
                "\n",
                &key.secret_text(),
                "\n",
            ] {
                text.push_str(part);
            }
        }
        desk_record::note(context, &config.home, act(AdministrativeVerb::KeyRevealed))?;
        secret_file::create(&self.output, text.as_bytes())?;
        Done::new(json!({ "schema": "chancery.reading-key/1", "recipient": recipient }))
            .says("opened the reading key; delete the file when it has served")
            .wrote(&self.output)
            .next(format!("age --decrypt -i {} PART.age", self.output.display()))
            .tell(context)
    }
}

/// A request carries one key and one name.
const REQUEST_BYTES_MAX: usize = 16 * 1024;
