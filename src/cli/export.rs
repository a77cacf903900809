//! `export`: an evidence file that proves itself to people without our software.

use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::path::PathBuf;

use serde_json::json;

use super::context::Context;
use super::desk_session::{self, DeskSession};
use super::error::{CliError, Kind};
use super::names::{self, AskForNames, WITHHELD};
use super::output::Mark;
use super::{files, owed, shell_word};
use crate::consultation::reference::ConsultationId;
use crate::consultation::withholding::Withheld;
use crate::desk::error::DeskError;
use crate::desk::reference::{Entry, by_digest};
use crate::desk::register::OwedEntry;
use crate::message::evidence::{self, Exhibit, TrustBasis, Verdict, WriteError};
use crate::trust::bundle::SignedBundle;

/// Write an evidence file
///
/// It holds signed headers, sealed parts, the receipts of both sides and the trust bundles, with commands and scripts
/// to check them. With --disclose it also holds the keys of the sealed parts: whoever has the file can then read what
/// is in it, and nothing else. Messages and documents that tell who a person is stay sealed even then, unless an office
/// that may know asks with --names.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    chancery export XA-XB-2026-0007 -o evidence.zip\n  \
    chancery export C-7QK4-M2XD-9WTV -o dossier.zip --disclose\n  \
    chancery export C-7QK4-M2XD-9WTV -o dossier.zip --disclose --names --as releasing-01")]
pub struct Export {
    /// A message (register number, beginning of an id or of the digest of an own dispatch, @last) or a whole consultation
    /// (C-...)
    #[arg(value_name = "REF|CONSULTATION")]
    what: String,

    /// File to write
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,

    /// Let whoever has the file read the messages
    #[arg(long)]
    disclose: bool,

    /// Replace the file if it is there
    #[arg(long)]
    overwrite: bool,

    #[command(flatten)]
    asks: AskForNames,
}

/// What goes into the file.
struct Gathered {
    references: Vec<String>,
    exhibits: Vec<Exhibit<'static>>,
    /// What of it nobody gets to read, though it is to be disclosed.
    sealed: Vec<String>,
}

impl Export {
    /// Writes it.
    pub async fn run(self, context: &Context) -> Result<(), CliError> {
        if self.output.as_os_str() == "-" {
            return Err(CliError::usage(
                "terminal",
                "an evidence file is written into a file: name one with -o",
            ));
        }
        files::require_vacant(context, &self.output, self.overwrite)?;
        let session = DeskSession::open(context)?;
        let Gathered { references, exhibits, sealed } = self.exhibits(context, &session).await?;
        let bundles = session
            .desk
            .known_bundles(&session.trust())
            .map_err(|error| desk_session::failure(context, error))?;
        let count = exhibits.len();
        files::write_through(context, &self.output, self.overwrite, |file| {
            let written = write(&mut *file, exhibits, bundles.clone());
            written.map_err(|error| desk_session::failure(context, error.into()))?;
            check(context, file, bundles)
        })?;
        let shown = self.output.display().to_string();
        let report = json!({
            "schema": "chancery.exported/1",
            "file": shown,
            "messages": references,
            "disclosed": self.disclose,
            "withheld": sealed,
        });
        if context.output.is_json() {
            return context.output.data(&report, String::new);
        }
        let what = if self.disclose { "disclosed" } else { "sealed" };
        let messages = if count == 1 { "1 message".to_owned() } else { format!("{count} messages") };
        context.output.note(&format!("wrote {shown}: {messages}, {what}, verified"));
        if !sealed.is_empty() {
            context
                .output
                .note(&format!("with what was withheld: {}", names::asking(context, self.overwrite)));
        }
        context.output.next(&format!("chancery verify --trust DIR {}", shell_word(&shown)));
        Ok(())
    }

    async fn exhibits(&self, context: &Context, session: &DeskSession) -> Result<Gathered, CliError> {
        let is_consultation = ConsultationId::parse(&self.what).is_ok();
        let entries = match is_consultation {
            true => consultation(context, session, &self.what)?,
            false => {
                let entry = session.find(context, &self.what).await?;
                owed::tell_rest(context, session, &entry)?;
                vec![entry]
            }
        };
        let DeskSession { desk, keys, .. } = session;
        let trust = &session.trust();
        let mut mailbox = None;
        let (mut references, mut exhibits, mut sealed) = (Vec::new(), Vec::new(), Vec::new());
        for entry in entries {
            let disclosed = match self.disclose {
                true => Some(self.withheld(context, session, &entry, &mut sealed)?),
                false => None,
            };
            match desk.exhibit(trust, keys, &mut mailbox, &entry, disclosed.as_ref()).await {
                Ok(exhibit) => {
                    references.push(entry.reference(&desk.config().ministry));
                    exhibits.push(exhibit);
                }
                // The rest of a consultation is evidence all the same; that it is not all is said.
                Err(error @ DeskError::NotYetProven { .. }) if is_consultation => {
                    context.output.step(Mark::Warning, &format!("left out: {error}"));
                }
                Err(error) => return Err(desk_session::failure(context, error)),
            }
        }
        if exhibits.is_empty() {
            let message = format!("nothing of {} is proven by both sides yet", self.what);
            return Err(CliError::new(Kind::TryLater, "not-yet-proven", message).hint(context.typed.clone()));
        }
        Ok(Gathered { references, exhibits, sealed })
    }
}

impl Export {
    /// What whoever has the file does not get to read of a message: what tells who a person is stays sealed until asked
    /// for. Each such message and document is told of, and goes into `sealed`.
    fn withheld(
        &self,
        context: &Context,
        session: &DeskSession,
        entry: &Entry,
        sealed: &mut Vec<String>,
    ) -> Result<Withheld, CliError> {
        let DeskSession { desk, keys, .. } = session;
        let trust = &session.trust();
        let opened = desk.read(trust, keys, entry).map_err(|error| desk_session::failure(context, error))?;
        let documents = opened.dispatch.dispatch().documents.as_slice();
        let what = (opened.act(), documents);
        let withheld = self.asks.withheld(context, session, what, &entry.id().to_string())?;
        let reference = entry.reference(&desk.config().ministry);
        if withheld.dispatch() {
            context.output.step(Mark::Warning, &format!("{reference} stays sealed: names are {WITHHELD}"));
            sealed.push(reference);
            return Ok(withheld);
        }
        for document in withheld.among(documents) {
            let what = names::of_document(document);
            context.output.step(Mark::Warning, &format!("{reference}: a document stays sealed: {what}"));
            sealed.push(format!("{reference}/{}", document.document_id));
        }
        Ok(withheld)
    }
}

fn consultation(context: &Context, session: &DeskSession, id: &str) -> Result<Vec<Entry>, CliError> {
    let failed = |error| desk_session::failure(context, error);
    let entries = session.desk.entries_of(id).map_err(failed)?;
    // What nobody has been sent proves nothing yet; that it was signed is not kept from whoever asks for everything.
    let owed = session.desk.register().owed_in(id).map_err(|fault| failed(fault.into()))?;
    for OwedEntry { dispatch, recipient, release_time, .. } in &owed {
        let message = format!("left out: {} for {recipient}, owed since {release_time}", by_digest(dispatch));
        context.output.step(Mark::Warning, &message);
    }
    if entries.is_empty() && !owed.is_empty() {
        let message = format!("what is signed in {id} is owed, and nobody has been sent anything of it");
        return Err(CliError::new(Kind::TryLater, "owed", message).hint(context.command("outbox")));
    }
    if entries.is_empty() {
        let message = format!("no message of {id} is in the register of this desk");
        let error = CliError::new(Kind::NotFound, "no-such-consultation", message);
        return Err(error.hint(context.command("inbox")));
    }
    Ok(entries)
}

fn write(
    file: &mut std::fs::File,
    exhibits: Vec<Exhibit<'_>>,
    bundles: Vec<SignedBundle>,
) -> Result<(), WriteError> {
    evidence::write(BufWriter::new(file), exhibits, bundles)?.flush()?;
    Ok(())
}

/// What is handed out was verified as its reader will verify it.
fn check(context: &Context, file: &mut std::fs::File, bundles: Vec<SignedBundle>) -> Result<(), CliError> {
    let unreadable = |error: std::io::Error| {
        CliError::failed("evidence", "the file could not be read back").because(&error)
    };
    file.seek(SeekFrom::Start(0)).map_err(unreadable)?;
    let basis = TrustBasis { bundles, fingerprints: Vec::new() };
    match evidence::verify(file, &basis, context.clock.now()).verdict() {
        Verdict::Verified => Ok(()),
        Verdict::Altered { first, .. } | Verdict::Undecided { first, .. } => {
            let message = "the evidence does not verify, so it was not kept";
            Err(CliError::failed("evidence", message).cause(format!("{}: {}", first.name, first.sentence)))
        }
        Verdict::ConsistentNotTrusted { .. } => {
            Err(CliError::failed("evidence", "the evidence names a root that this desk does not believe"))
        }
    }
}
