//! `key new` and `key passphrase`: one more office at a desk, and a passphrase of its own for each.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde_json::json;

use super::context::Context;
use super::desk_record;
use super::error::{CliError, Kind};
use super::init;
use super::passphrase::PassphraseSource;
use super::report::{self, Done};
use crate::keys::file;
use crate::keys::home::desk::DeskHome;
use crate::keys::home::enrolment::{Enrolment, Requested};
use crate::message::administration::AdministrativeVerb as Verb;
use crate::trust::name::{Authority, Label};

/// Make the key of one more office of this desk, under the passphrase that is given for it
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  chancery key new legal-02:clear,clear-legal\n  \
    chancery key new duty-02:release-protective --passphrase-file duty.passphrase")]
pub(super) struct NewOffice {
    /// The office and its authorities
    #[arg(value_name = "LABEL:AUTHORITY,...", value_parser = init::office)]
    office: (Label, BTreeSet<Authority>),
}

impl NewOffice {
    pub(super) fn run(self, context: &Context) -> Result<(), CliError> {
        let (label, authorities) = self.office;
        let home = context.desk_home()?;
        Enrolment::read(&home)?;
        report::require_no_file(&home.join(format!("keys/offices/{label}.key")))?;
        let passphrase = context.passphrase.new_one(&format!("the office {label}"))?.for_keys()?;
        let desk = DeskHome::at(&home);
        desk_record::note_at(context, &home, Verb::OfficeAdded, &format!("keys/offices/{label}"))?;
        let requested = desk.add_office(&label, &authorities, &passphrase, context.entropy.as_ref())?;
        let may: String = authorities.iter().map(|one| format!(" --authority {}", one.word())).collect();
        let request = requested.place(&home, "csr");
        let mut told = report::requested(&requested, &home);
        if let Some(object) = told.as_object_mut() {
            object.insert("schema".to_owned(), json!("chancery.office/1"));
        }
        Done::new(told)
            .says(format!("made the key of {}", requested.name))
            .wrote(&request)
            .next(format!(
                "chancery key certify --ministry-home ROOT --name {}{may} -o {} {}",
                requested.name,
                requested.place(&home, "pem").display(),
                request.display()
            ))
            .tell(context)
    }
}

/// Put one key under another passphrase, so that only its office opens it
///
/// The present passphrase is asked for, or read from --passphrase-file; the new one is typed twice, or read from
/// --new-passphrase-file. Certificate and signatures stay what they are.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  chancery key passphrase offices/legal-01\n  \
    chancery key passphrase offices/legal-01 --passphrase-file desk.passphrase --new-passphrase-file legal.passphrase")]
pub(super) struct ChangePassphrase {
    /// The key as `key list` names it, such as keys/offices/legal-01
    #[arg(value_name = "KEY")]
    key: String,

    /// File with the new passphrase, mode 0600
    #[arg(long, value_name = "FILE")]
    new_passphrase_file: Option<PathBuf>,
}

impl ChangePassphrase {
    pub(super) fn run(self, context: &Context) -> Result<(), CliError> {
        let home = context.desk_home()?;
        let requested = find(&Enrolment::read(&home)?, &self.key)?;
        let path = requested.place(&home, "key");
        let from = context.passphrase.existing(&format!("the key {}", requested.stem))?.for_keys()?;
        // Opened first: nobody types a new passphrase for a key that he cannot open.
        file::open_protected(&path, &from)?;
        let source = PassphraseSource {
            file: self.new_passphrase_file,
            own: BTreeMap::new(),
            credentials: None,
            may_ask: context.passphrase.may_ask,
            typed: context.typed.clone(),
        };
        let to = source.new_one(&format!("the key {}", requested.stem))?.for_keys()?;
        desk_record::note_at(context, &home, Verb::PassphraseChanged, &requested.stem)?;
        file::change_passphrase(&path, &from, &to, context.entropy.as_ref())?;
        let report = json!({ "schema": "chancery.key-passphrase/1", "key": requested.stem });
        Done::new(report).says(format!("{} has a passphrase of its own", requested.stem)).tell(context)
    }
}

/// The key that a home names so.
pub(super) fn find(enrolment: &Enrolment, key: &str) -> Result<Requested, CliError> {
    let same = |stem: &str| stem == key || stem.strip_prefix("keys/") == Some(key);
    enrolment.requests.iter().find(|requested| same(&requested.stem)).cloned().ok_or_else(|| {
        let error = CliError::new(Kind::NotFound, "no-key", format!("no key {key:?} asks for a certificate"));
        error.hint("chancery key list")
    })
}
