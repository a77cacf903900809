//! `person`: references of persons, and their names for an office that may know them.

use serde_json::json;

use super::clear_to_depart::{parse_person, unknown};
use super::consultation::parse_consultation;
use super::context::Context;
use super::desk_session::{self, DeskSession};
use super::error::CliError;
use super::report::Done;
use super::table::Table;
use crate::consultation::reference::{ConsultationId, PersonRef};
use crate::desk::error::DeskError;

/// Mint references of persons, and show whom one means to an office that may know
#[derive(Debug, clap::Args)]
pub struct Person {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    Mint(Mint),
    Join(Join),
    Show(Show),
    Lookups(Lookups),
}

/// Mint a random reference for a person in one consultation
///
/// Only the desk of the Detaining Power does. The same person bears unrelated references in two consultations; the
/// desk remembers which belongs where, and refuses it elsewhere (PRV_02). `new case-registration` mints one by itself.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  chancery person mint --consultation C-4T9M-0VQ2-8RKD")]
struct Mint {
    /// The consultation it is for
    #[arg(long, value_name = "C-...", value_parser = parse_consultation)]
    consultation: ConsultationId,
}

/// Tell this desk that two references of different consultations mean one person
///
/// Nobody can see that from the references, and no message says it: it stays in the sealed index of this desk. From then
/// on the rules look at both consultations before the person is promised anywhere (EXC_06), and `clear-to-depart` does.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  chancery person join P-7QK4-M2XD-9WTV P-3HN8-ZC6V-5JF2")]
struct Join {
    /// The person in one consultation
    #[arg(value_name = "PERSON", value_parser = parse_person)]
    person: PersonRef,

    /// The same person in another one
    #[arg(value_name = "OTHER", value_parser = parse_person)]
    other: PersonRef,
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

/// List which office asked for whose names, and when; and through which client of the desk service, if through one
#[derive(Debug, clap::Args)]
struct Lookups {}

impl Person {
    /// Does it.
    pub async fn run(self, context: &Context) -> Result<(), CliError> {
        let session = DeskSession::open(context)?;
        match self.what {
            What::Mint(mint) => mint.run(context, &session),
            What::Join(join) => join.run(context, &session),
            What::Show(show) => show.run(context, &session),
            What::Lookups(Lookups {}) => lookups(context, &session),
        }
    }
}

/// A reference for a consultation of which something is here: an id with a slip in it is found out now, and not when
/// the case of the person is nowhere.
pub(super) fn mint(
    context: &Context,
    session: &DeskSession,
    consultation: &ConsultationId,
) -> Result<PersonRef, CliError> {
    let failed = |error: DeskError| desk_session::failure(context, error);
    let DeskSession { desk, keys, .. } = session;
    let trust = &session.trust();
    if !desk.register().knows(&consultation.text()).map_err(|fault| failed(fault.into()))? {
        return Err(super::consultation::unknown(context, consultation));
    }
    desk.mint_person(trust, keys, consultation).map_err(failed)
}

impl Mint {
    fn run(&self, context: &Context, session: &DeskSession) -> Result<(), CliError> {
        let person = mint(context, session, &self.consultation)?;
        let report = json!({
            "schema": "chancery.person-minted/1",
            "person": person.text(),
            "consultation": self.consultation.text(),
        });
        context.output.data(&report, || format!("{}\n", person.text()))?;
        let consultation = self.consultation.text();
        let words = format!("--consultation {consultation} --person {}", person.text());
        context.output.next(&context.command(&format!("new case-registration {words} -o case.toml")));
        Ok(())
    }
}

impl Join {
    fn run(self, context: &Context, session: &DeskSession) -> Result<(), CliError> {
        let failed = |error| desk_session::failure(context, error);
        let DeskSession { desk, keys, .. } = session;
        let trust = &session.trust();
        let index = desk.casebook(trust, keys).map_err(failed)?;
        for person in [&self.person, &self.other] {
            if !index.knows(person) {
                return Err(unknown(person));
            }
        }
        let (one, other) = (self.person.text(), self.other.text());
        let joined = desk.join_persons(trust, keys, &self.person, &self.other).map_err(failed);
        joined.map_err(|error| match error.code() {
            // It shows to which consultation the reference belongs.
            "same-consultation" => error.hint(context.command(&format!("person show {other}"))),
            _ => error,
        })?;
        let report = json!({ "schema": "chancery.persons-joined/1", "person": one, "other": other });
        Done::new(report).says(format!("{one} and {other} are one person, at this desk alone")).tell(context)
    }
}

impl Show {
    fn run(&self, context: &Context, session: &DeskSession) -> Result<(), CliError> {
        let failed = |error| desk_session::failure(context, error);
        let DeskSession { desk, keys, .. } = session;
        let trust = &session.trust();
        let index = desk.casebook(trust, keys).map_err(failed)?;
        let home = desk.home_of(trust, keys, &self.person).map_err(failed)?;
        let home = home.ok_or_else(|| unknown(&self.person))?;
        let also: Vec<String> = index.also_known_as(&self.person).iter().map(PersonRef::text).collect();
        let names = match self.office.as_ref().filter(|_| self.names) {
            Some(office) => {
                let offices = keys.offices().map_err(failed)?;
                let signs = offices.values().filter(|one| one.label() == *office);
                session.unlock_signers(context, signs)?;
                desk.names_of(trust, keys, &self.person, office).map_err(failed)?
            }
            None => Vec::new(),
        };
        let report = json!({
            "schema": "chancery.person/1",
            "person": self.person.text(),
            "consultation": home.text(),
            "also": also,
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
            also.iter().for_each(|other| text.push_str(&format!("also          {other}\n")));
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
    let DeskSession { desk, keys, .. } = session;
    let trust = &session.trust();
    let all = desk.lookups(trust, keys).map_err(|error| desk_session::failure(context, error))?;
    let mut table = Table::new(["TIME", "OFFICE", "CLIENT", "PERSON", "SIGNED"]);
    for one in &all {
        let signed = if one.signed { "yes" } else { "NO" };
        let client = one.client.as_deref().unwrap_or("-");
        table.row([&one.at.to_string(), &one.office, client, &one.person, signed]);
    }
    let report = |one: &crate::desk::casebook::Lookup| {
        json!({
            "schema": "chancery.lookup/1",
            "at": one.at.to_string(),
            "office": one.office,
            "client": one.client,
            "person": one.person,
            "signed": one.signed,
        })
    };
    context.output.list(&all.iter().map(report).collect::<Vec<_>>(), &table, "nobody asked for a name")
}
