//! `person`: references of persons, and their names for an office that may know them.

use serde_json::json;

use super::clear_to_depart::{parse_person, unknown};
use super::consultation::parse_consultation;
use super::context::Context;
use super::desk_session::{self, DeskSession};
use super::error::CliError;
use super::table::Table;
use crate::consultation::reference::{ConsultationId, PersonRef};

/// Mint references of persons, and show whom one means to an office that may know
#[derive(Debug, clap::Args)]
pub struct Person {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    Mint(Mint),
    Show(Show),
    Lookups(Lookups),
}

/// Mint a random reference for a person in one consultation
///
/// Only the desk of the Detaining Power does. The same person bears unrelated references in two consultations; the
/// desk remembers which belongs where, and refuses it elsewhere (PRV_02).
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  chancery person mint --consultation C-4T9M-0VQ2-8RKD")]
struct Mint {
    /// The consultation it is for
    #[arg(long, value_name = "C-...", value_parser = parse_consultation)]
    consultation: ConsultationId,
}

/// Show where a person is spoken of, and with --names under which names
///
/// Names are shown to an office that drafts, clears or releases. It signs for having asked, and that is kept, sealed,
/// before a name is shown; `person lookups` lists it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    chancery person show P-7QK4-M2XD-9WTV\n  \
    chancery person show P-7QK4-M2XD-9WTV --names --as releasing")]
struct Show {
    /// The person
    #[arg(value_name = "PERSON", value_parser = parse_person)]
    person: PersonRef,

    /// Show the names as well
    #[arg(long, requires = "office")]
    names: bool,

    /// The office that asks
    #[arg(long = "as", value_name = "OFFICE")]
    office: Option<String>,
}

/// List which office asked for whose names, and when
#[derive(Debug, clap::Args)]
struct Lookups {}

impl Person {
    /// Does it.
    pub async fn run(self, context: &Context) -> Result<(), CliError> {
        let session = DeskSession::open(context)?;
        match self.what {
            What::Mint(mint) => mint.run(context, &session),
            What::Show(show) => show.run(context, &session),
            What::Lookups(Lookups {}) => lookups(context, &session),
        }
    }
}

impl Mint {
    fn run(&self, context: &Context, session: &DeskSession) -> Result<(), CliError> {
        let DeskSession { desk, trust, keys, .. } = session;
        let minted = desk.mint_person(trust, keys, &self.consultation);
        let person = minted.map_err(|error| desk_session::failure(context, error))?;
        let report = json!({
            "schema": "chancery.person-minted/1",
            "person": person.text(),
            "consultation": self.consultation.text(),
        });
        context.output.data(&report, || format!("{}\n", person.text()))?;
        let consultation = self.consultation.text();
        context
            .output
            .next(&format!("chancery new case-registration --consultation {consultation} -o case.toml"));
        Ok(())
    }
}

impl Show {
    fn run(&self, context: &Context, session: &DeskSession) -> Result<(), CliError> {
        let failed = |error| desk_session::failure(context, error);
        let DeskSession { desk, trust, keys, .. } = session;
        let index = desk.casebook(trust, keys).map_err(failed)?;
        let home = index.home_of(&self.person).ok_or_else(|| unknown(&self.person))?;
        let names = match self.office.as_ref().filter(|_| self.names) {
            Some(office) => desk.names_of(trust, keys, &self.person, office).map_err(failed)?,
            None => Vec::new(),
        };
        let report = json!({
            "schema": "chancery.person/1",
            "person": self.person.text(),
            "consultation": home.text(),
            "names": self.names.then(|| names.iter().map(|name| json!({
                "family_name": name.family,
                "given_name": name.given,
                "script": name.script,
                "romanization": name.romanization,
                "primary": name.is_primary,
            })).collect::<Vec<_>>()),
        });
        context.output.data(&report, || {
            let mut text = format!("person        {}\nconsultation  {}\n", self.person.text(), home.text());
            if self.names {
                let mut table = Table::new(["FAMILY NAME", "GIVEN NAME", "SCRIPT", "ROMANIZATION", ""]);
                for name in &names {
                    let primary = if name.is_primary { "primary" } else { "" };
                    table.row([&name.family, &name.given, &name.script, &name.romanization, primary]);
                }
                text.push_str(&if names.is_empty() {
                    "no names are known\n".to_owned()
                } else {
                    table.render()
                });
            }
            text
        })
    }
}

fn lookups(context: &Context, session: &DeskSession) -> Result<(), CliError> {
    let DeskSession { desk, trust, keys, .. } = session;
    let all = desk.lookups(trust, keys).map_err(|error| desk_session::failure(context, error))?;
    let mut table = Table::new(["TIME", "OFFICE", "PERSON", "SIGNED"]);
    for one in &all {
        let signed = if one.signed { "yes" } else { "NO" };
        table.row([&one.at.to_string(), &one.office, &one.person, signed]);
    }
    let report = |one: &crate::desk::casebook::Lookup| {
        json!({
            "schema": "chancery.lookup/1",
            "at": one.at.to_string(),
            "office": one.office,
            "person": one.person,
            "signed": one.signed,
        })
    };
    context.output.list(&all.iter().map(report).collect::<Vec<_>>(), &table, "nobody asked for a name")
}
