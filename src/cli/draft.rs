//! `draft compose|sign|release|rebase|cancel|list|show`: the road of an act between the offices of one ministry.

use std::path::{Path, PathBuf};

use super::context::Context;
use super::desk_session::{self, DeskSession};
use super::draft_report;
use super::drafting::{FormFile, FormRefusal};
use super::error::CliError;
use super::names::AskForNames;
use super::passphrase::PassphraseSource;
use super::send::Sending;
use super::table::Table;
use super::{confirm, files, shell_word};
use crate::consultation::withholding::Withheld;
use crate::desk::draft::{DraftFile, Standing};
use crate::desk::register::DraftState;
use crate::desk::signatories::Wishes;

mod elsewhere;
mod file;

use file::{extract, read, write};

/// Carry an act from office to office: composed, cleared, initialled, sealed, released
///
/// `send` goes this road in one command where one passphrase opens the keys of all offices. Where each office keeps its
/// own (`key passphrase`), the act travels as a file: every office reads it and adds its signature, and the registry
/// releases it when all of them have signed.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  chancery draft compose note.toml\n  \
    chancery draft sign note.draft --office legal-01\n  chancery draft release note.draft --wait\n  \
    chancery draft list")]
pub struct Draft {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    Compose(Compose),
    #[command(visible_alias = "clear")]
    Sign(Sign),
    Release(Release),
    Rebase(Rebase),
    Cancel(Cancel),
    List(List),
    Show(Show),
}

/// Compose a form for clearance, and sign it as the drafting office
///
/// Reserves the formal number. Which offices sign is fixed then: nobody drafts or clears what he himself releases.
#[derive(Debug, clap::Args)]
struct Compose {
    /// The form; - for stdin
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Add a file as an annex; its title is neutral
    #[arg(short, long, value_name = "FILE")]
    attach: Vec<PathBuf>,

    /// Offices to take where several may draft, clear or sign, by their labels
    #[arg(long, value_name = "LABEL", value_delimiter = ',')]
    sign_as: Vec<String>,

    /// Offices that are to clear it besides those that must; of one whose key lies elsewhere the certificate is enough
    #[arg(long, value_name = "LABEL", value_delimiter = ',')]
    clear_by: Vec<String>,

    /// Where to write the draft [default: the name of the form, ending in .draft]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Replace the file if it is there
    #[arg(long)]
    overwrite: bool,
}

/// Read a draft and sign it as an office whose turn it is
#[derive(Debug, clap::Args)]
struct Sign {
    /// The draft
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// The office, by its label
    #[arg(long, value_name = "LABEL")]
    office: String,

    /// Consent beforehand
    #[arg(short, long)]
    yes: bool,
}

/// Release a draft that all its offices have signed
///
/// Several copies of one draft that went to different offices are joined. Refused where a signature is missing or does
/// not hold any more, and as STALE_BASIS where a later act touched what it says: then `draft rebase` it.
#[derive(Debug, clap::Args)]
struct Release {
    /// The draft, or several copies of it
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,

    #[command(flatten)]
    sending: Sending,
}

/// Base a draft on what is known now; every office but the drafting one signs again
#[derive(Debug, clap::Args)]
struct Rebase {
    /// The draft
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// Cancel a draft; its formal number stays void
#[derive(Debug, clap::Args)]
struct Cancel {
    /// The draft
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Consent beforehand
    #[arg(short, long)]
    yes: bool,
}

/// List drafts, and for whom they wait
#[derive(Debug, clap::Args)]
struct List {
    /// Also those that were released, cancelled or superseded, the newest first
    #[arg(long)]
    all: bool,

    /// At most so many
    #[arg(short = 'n', long, value_name = "NUMBER", default_value_t = 50)]
    limit: usize,
}

/// Show what a draft says, who has signed it and who must next
#[derive(Debug, clap::Args)]
struct Show {
    /// The draft
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Write the exact bytes and every signature into a new folder, for other programs to verify; where they tell who a
    /// person is, an office asks for them (`--names --as OFFICE`)
    #[arg(long, value_name = "DIR")]
    extract: Option<PathBuf>,

    #[command(flatten)]
    asks: AskForNames,
}

impl Draft {
    /// Does what was asked for.
    pub async fn run(self, context: &Context) -> Result<(), CliError> {
        match self.what {
            What::Compose(command) => command.run(context).await,
            What::Sign(command) => command.run(context),
            What::Release(command) => command.run(context).await,
            What::Rebase(command) => command.run(context),
            What::Cancel(command) => command.run(context),
            What::List(command) => command.run(context),
            What::Show(command) => command.run(context),
        }
    }
}

impl Compose {
    async fn run(self, context: &Context) -> Result<(), CliError> {
        let form = FormFile::read(&self.file)?;
        let output = match (&self.output, self.file.as_path() == Path::new("-")) {
            (Some(output), _) => output.clone(),
            (None, true) => {
                let message = "a form from stdin has no name: say where to write with -o";
                return Err(CliError::usage("usage", message).hint(format!("{} -o FILE", context.typed)));
            }
            (None, false) => self.file.with_extension("draft"),
        };
        files::require_vacant(context, &output, self.overwrite)?;
        let mut session = DeskSession::open_locked(context)?;
        let draft = match session.draft(context, &form, &self.attach) {
            Ok(draft) => draft,
            Err(FormRefusal::Mistakes(mistakes)) => return Err(form.mistakes(&mistakes)),
            Err(FormRefusal::Other(error)) => return Err(error),
        };
        session.unlock(context)?;
        let failed = |error| desk_session::failure(context, error);
        let wishes = Wishes { prefer: self.sign_as.clone(), clear: self.clear_by.clone() };
        let DeskSession { desk, keys, .. } = &session;
        let trust = &session.trust();
        let composed = desk.compose_draft(trust, keys, (&draft, form.folder()), &wishes, &output).await;
        let (draft, composition) = match composed {
            Err(crate::desk::error::DeskError::Forbidden(findings)) => {
                form.judge(context, &[], &findings).map_err(|error| error.hint(form.mending()))?;
                return Err(failed(crate::desk::error::DeskError::Forbidden(findings)));
            }
            other => {
                let composed = other.map_err(failed);
                composed.map_err(|error| elsewhere::listed(&session, &self.clear_by, error))?
            }
        };
        form.judge(context, &[], &composition.findings)?;
        write(&output, &draft, self.overwrite)?;
        tell(context, &session, &draft, &output, "composed")
    }
}

impl Sign {
    fn run(self, context: &Context) -> Result<(), CliError> {
        let draft = read(context, &self.file)?;
        let mut session = DeskSession::open_locked(context)?;
        let failed = |error| desk_session::failure(context, error);
        let asked = session.desk.asked_of(&session.trust(), &draft, &self.office);
        let (standing, due) = asked.map_err(failed).map_err(|error| leads_on(context, &self.file, error))?;
        elsewhere::require_key(context, &session, &self.office, &self.file.display().to_string())?;
        // What is signed is shown first, and goes where a person reads it, not where scripts do.
        // An office that works on cases is to know whose particulars it signs: its signature tells that it saw them.
        let withheld = match session.desk.may_know_names(&session.keys, &self.office) {
            true => Withheld::nothing(),
            false => unasked(&draft),
        };
        context.output.note(&draft_report::text(&draft, &withheld)?);
        draft_report::tell_standing(context, &standing);
        let kinds = due.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let question = format!("type {} to sign ({kinds}):", self.office);
        confirm::type_back(context, &question, &self.office, self.yes)?;
        session.unlock_office(context, &self.office)?;
        let mut signed = draft;
        session
            .desk
            .sign_draft(&session.trust(), &session.keys, &mut signed, &self.office)
            .map_err(failed)?;
        write(&self.file, &signed, true)?;
        tell(context, &session, &signed, &self.file, "signed")
    }
}

impl Release {
    async fn run(self, context: &Context) -> Result<(), CliError> {
        let (first, copies) = self.files.split_first().ok_or_else(|| CliError::usage("usage", "no draft"))?;
        let mut draft = read(context, first)?;
        for copy in copies {
            draft
                .join(&read(context, copy)?)
                .map_err(|refusal| CliError::from(crate::desk::error::DeskError::from(refusal)))?;
        }
        let mut session = DeskSession::open_locked(context)?;
        self.sending.require_consent_possible(context)?;
        session.unlock(context)?;
        let failed = |error| desk_session::failure(context, error);
        let (desk, trust, keys) = (&session.desk, &session.trust(), &session.keys);
        keys.registry().map_err(failed)?;
        let standing = desk.standing(trust, &draft).map_err(failed)?;
        draft_report::tell_standing(context, &standing);
        let shown = draft_report::text(&draft, &unasked(&draft))?;
        let on = |error: CliError| match error.reason_code() {
            Some("NOT_SIGNED") => {
                let next = draft_report::next(context, keys, &standing, &first.display().to_string());
                let absent = next.absent.iter().map(|office| draft_report::absent_words(office));
                absent.fold(error, CliError::cause).hint(next.command)
            }
            _ => leads_on(context, first, error),
        };
        let composition = desk.ready(trust, keys, draft).map_err(failed).map_err(on)?;
        context.output.note(&shown);
        self.sending.go(context, &session, composition).await
    }
}

impl Rebase {
    fn run(self, context: &Context) -> Result<(), CliError> {
        let draft = read(context, &self.file)?;
        let mut session = DeskSession::open_locked(context)?;
        session.unlock(context)?;
        let DeskSession { desk, keys, .. } = &session;
        let trust = &session.trust();
        let later = desk.rebase(trust, keys, &draft, &self.file);
        let later = later.map_err(|error| desk_session::failure(context, error));
        let later = later.map_err(|error| leads_on(context, &self.file, error))?;
        let told = if later.digest() == draft.digest() { "up to date" } else { "based anew" };
        write(&self.file, &later, true)?;
        tell(context, &session, &later, &self.file, told)
    }
}

impl Cancel {
    fn run(self, context: &Context) -> Result<(), CliError> {
        let draft = read(context, &self.file)?;
        let session = DeskSession::open_locked(context)?;
        let number = &draft.dispatch().formal_number;
        let word = if number.is_empty() { "CANCEL" } else { number.as_str() };
        context.output.note("it will never be released, and its number stays void");
        confirm::type_back(context, &format!("type {word} to cancel it:"), word, self.yes)?;
        let cancelled = session.desk.cancel_draft(&draft);
        cancelled.map_err(|error| desk_session::failure(context, error))?;
        tell(context, &session, &draft, &self.file, "cancelled")
    }
}

impl List {
    fn run(self, context: &Context) -> Result<(), CliError> {
        let session = DeskSession::open_locked(context)?;
        let entries = session.desk.register().drafts(self.all, self.limit);
        let entries = entries.map_err(|error| desk_session::failure(context, error.into()))?;
        let mut table = Table::new(["NUMBER", "ACT", "COMPOSED", "STATE", "WAITS FOR", "FILE"]);
        let mut reports = Vec::new();
        for entry in &entries {
            let found =
                read(context, Path::new(&entry.path)).ok().filter(|draft| draft.digest() == entry.dispatch);
            let found = found.and_then(|draft| {
                let standing = session.desk.standing(&session.trust(), &draft).ok()?;
                Some((draft, standing))
            });
            let held = session.desk.register().held(&entry.dispatch);
            let is_held = held.map_err(|error| desk_session::failure(context, error.into()))?.is_some();
            reports.push(draft_report::row(&mut table, entry, found.as_ref(), is_held));
        }
        context.output.list(&reports, &table, "no drafts")
    }
}

impl Show {
    fn run(self, context: &Context) -> Result<(), CliError> {
        let draft = read(context, &self.file)?;
        let session = match self.asks.is_made() {
            true => DeskSession::open(context)?,
            false => DeskSession::open_locked(context)?,
        };
        let failed = |error| desk_session::failure(context, error);
        let standing = session.desk.standing(&session.trust(), &draft).map_err(failed);
        let standing = standing.map_err(|error| leads_on(context, &self.file, error))?;
        let what = (Some(draft.act()), draft.dispatch().documents.as_slice());
        let withheld = self.asks.withheld(context, &session, what, &draft.digest().hex())?;
        if let Some(folder) = &self.extract {
            extract(context, &draft, folder, &withheld)?;
        }
        draft_report::tell_standing(context, &standing);
        let file = self.file.display().to_string();
        let entry = session.desk.register().draft(&draft.digest()).map_err(|error| failed(error.into()))?;
        let report = draft_report::report(&draft, &standing, entry.as_ref(), &file, &withheld);
        let text = draft_report::text(&draft, &withheld)?;
        context.output.data(&report, || text)?;
        if entry.is_some_and(|entry| entry.state == DraftState::Open) {
            elsewhere::tell_next(context, &session, &standing, &file);
        }
        Ok(())
    }
}

impl DeskSession {
    /// Asks for the passphrase of one office, which need not be that of the desk.
    fn unlock_office(&mut self, context: &Context, office: &str) -> Result<(), CliError> {
        let source: &PassphraseSource = &context.passphrase;
        let typed = match source.of_offices()?.remove(office) {
            Some(given) => given.for_keys()?,
            None => source.existing(&format!("the office {office}"))?.for_keys()?,
        };
        let keys = crate::desk::keys::Keys::locked(self.desk.config().clone());
        self.keys = keys.with_office(office, typed);
        Ok(())
    }
}

/// The command that leads on where a draft does not: about the file itself, where that is known.
fn leads_on(context: &Context, file: &Path, error: CliError) -> CliError {
    let about = |verb: &str| {
        let file = shell_word(&file.display().to_string());
        context.command(&format!("draft {verb} {file}"))
    };
    match error.reason_code() {
        Some("STALE_BASIS") => error.hint(about("rebase")),
        Some("NOT_YET_CLEARED" | "NOT_LISTED" | "ALREADY_SIGNED") => error.hint(about("show")),
        // Nobody mends a signature: it is composed anew.
        Some("AUTHENTICATION_INVALID") => error.hint(context.command("draft list")),
        _ => error,
    }
}

/// What is withheld of a draft where nobody asks.
fn unasked(draft: &DraftFile) -> Withheld {
    Withheld::of(Some(draft.act()), &draft.dispatch().documents)
}

/// What was done with a draft, and the command that comes next.
fn tell(
    context: &Context,
    session: &DeskSession,
    draft: &DraftFile,
    file: &Path,
    what: &str,
) -> Result<(), CliError> {
    let failed = |error| desk_session::failure(context, error);
    let standing: Standing = session.desk.standing(&session.trust(), draft).map_err(failed)?;
    let entry = session.desk.register().draft(&draft.digest()).map_err(|error| failed(error.into()))?;
    let shown = file.display().to_string();
    if context.output.is_json() {
        let report = draft_report::report(draft, &standing, entry.as_ref(), &shown, &unasked(draft));
        return context.output.data(&report, String::new);
    }
    let number = match draft.dispatch().formal_number.as_str() {
        "" => String::new(),
        number => format!(", number {number}"),
    };
    context.output.note(&format!("{what}: {shown}{number}"));
    draft_report::tell_standing(context, &standing);
    if entry.is_none_or(|entry| entry.state == DraftState::Open) {
        elsewhere::tell_next(context, session, &standing, &shown);
    }
    Ok(())
}
