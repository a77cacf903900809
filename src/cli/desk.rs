//! `desk enrol`: certify the keys of a desk or a gateway in the home of the ministry.

use std::path::PathBuf;

use serde_json::json;

use super::context::Context;
use super::error::CliError;
use super::report::{self, Done};
use super::shell_word;
use crate::keys::home::enrolment::{Enrolled, Enrolment, HomeKind};
use crate::keys::ministry::MinistryHome;

/// Let a desk or a gateway act for its ministry
#[derive(Debug, clap::Args)]
pub struct Desk {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    Enrol(Enrol),
}

/// Certify every key of a home, and install the certificates and the ministry's root there
#[derive(Debug, clap::Args)]
struct Enrol {
    /// Offline home of the ministry
    #[arg(long, value_name = "DIR")]
    ministry_home: PathBuf,

    /// Replace the certificates that are there by new ones for the same keys
    #[arg(long)]
    renew: bool,

    /// Home of the desk or gateway
    #[arg(value_name = "HOME")]
    enrolled: PathBuf,
}

impl Desk {
    /// Enrols.
    pub async fn run(self, context: &Context) -> Result<(), CliError> {
        match self.what {
            What::Enrol(command) => command.run(context),
        }
    }
}

impl Enrol {
    fn run(self, context: &Context) -> Result<(), CliError> {
        let enrolment = Enrolment::read(&self.enrolled)?;
        let passphrase = context.passphrase.existing("the ministry")?.for_keys()?;
        let ministry = MinistryHome::open(&self.ministry_home, &passphrase)?;
        let (now, entropy) = (context.clock.now(), context.entropy.as_ref());
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
        let (root, home) = (word(&self.ministry_home), word(&self.enrolled));
        match (self.renew, kind) {
            (true, HomeKind::Gateway) => vec!["kill -HUP PID of the running gateway".to_owned()],
            (true, HomeKind::Desk) => Vec::new(),
            (false, HomeKind::Gateway) => vec![
                format!("chancery trust sign --ministry-home {root} --gateway {home} --desk DESK -o FILE"),
                format!("chancery-gateway run --home {home}"),
            ],
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
