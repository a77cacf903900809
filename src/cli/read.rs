//! `read`: verify, open and show a message. The verdict comes first and on stderr, the content after it and on
//! stdout; of a message that does not hold, nothing is shown.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::context::Context;
use super::desk_session::{self, DeskSession};
use super::error::{CliError, Kind};
use super::message_report::{Message, chosen};
use super::names::{self, AskForNames, WITHHELD};
use super::output::Mark;
use super::{files, owed, proofs};
use crate::consultation::withholding::Withheld;
use crate::desk::mailbox::Mailbox;
use crate::desk::parts::OpenedText;
use crate::desk::read::Opened;
use crate::message::terms::Precedence;

/// Verify, open and show a message
///
/// The verdict goes to stderr. What is shown on stdout has control characters spelled out; -o and --documents write
/// exact bytes. Of particulars the person's reference is shown, and documents that identify a person are not written,
/// until an office asks for them with --names.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    chancery read @last\n  \
    chancery read XA-XB-2026-0007 -o note.txt --documents annexes\n  \
    chancery read XA-XB-2026-0007 --names --as releasing-01       particulars: who the person is\n  \
    chancery read XA-XB-2026-0007 --json")]
pub struct Read {
    /// Register number, beginning of a message id or of the digest of an own dispatch, or @last
    #[arg(value_name = "REF")]
    reference: String,

    /// Write the exact official text here instead of showing the message; - for stdout
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Write the text in this language instead of the official one
    #[arg(long, value_name = "TAG", requires = "output")]
    lang: Option<String>,

    /// Write every text and document into this folder, byte for byte
    #[arg(long, value_name = "DIR")]
    documents: Option<PathBuf>,

    /// Replace the files of -o and --documents that are there
    #[arg(long)]
    overwrite: bool,

    #[command(flatten)]
    asks: AskForNames,
}

impl Read {
    /// Reads it.
    pub async fn run(self, context: &Context) -> Result<(), CliError> {
        if let Some(path) = &self.output {
            files::require_vacant(context, path, self.overwrite)?;
        }
        let session = DeskSession::open(context)?;
        let failed = |error| desk_session::failure(context, error);
        let DeskSession { desk, keys, .. } = &session;
        let entry = match session.find(context, &self.reference).await {
            Err(error) if error.code() == "owed" => return self.show_unsent(context, &session, error),
            found => found?,
        };
        let trust = &session.trust();
        let opened = desk.read(trust, keys, &entry).map_err(failed)?;
        if opened.envelope.header().address().precedence >= Precedence::Immediate {
            // Its sender is alarmed until an officer has seen it.
            session.attend(context).await;
        }
        let mut mailbox = None;
        // Texts are verified before the verdict, which is about them as well.
        let texts = desk.open_texts(keys, &opened, &mut mailbox).await.map_err(failed)?;
        let kept = proofs::kept(context, &session, &opened.entry)?;
        let receipts = match kept.iter().all(|proven| proven.cosigned.is_some()) {
            true => kept,
            false => proofs::newest(context, &session, &opened.entry).await?,
        };
        let own = &desk.config().ministry;
        let spelling = &desk.spelling(&entry).map_err(failed)?;
        let withheld = &self.withheld(context, &session, &opened)?;
        let message =
            Message { own, spelling, opened: &opened, receipts: &receipts, texts: &texts, withheld };
        message.tell_verdict(&context.output);
        owed::tell_rest(context, &session, &entry)?;
        self.require_something_to_write(context, &opened, withheld)?;
        let saved = self.save_documents(context, &session, &opened, (&mut mailbox, withheld)).await?;
        if context.output.is_json() {
            let mut report = message.report();
            if let Some(report) = report.as_object_mut() {
                report.insert("wrote".to_owned(), json!(saved));
            }
            context.output.data(&report, String::new)?;
        }
        match &self.output {
            Some(path) => self.write_text(context, path, &texts),
            None if context.output.is_json() => Ok(()),
            None => context.output.data(&json!({}), || message.text()),
        }
    }

    /// An act that is owed to everybody can be read; that nobody has it yet is how the command ends.
    fn show_unsent(&self, context: &Context, session: &DeskSession, error: CliError) -> Result<(), CliError> {
        let failed = |error| desk_session::failure(context, error);
        let DeskSession { desk, keys, .. } = session;
        let Some(unsent) = desk.unsent(keys, &self.reference).map_err(failed)? else { return Err(error) };
        let outstanding = desk.outstanding_of(&unsent.dispatch).map_err(failed)?;
        owed::show(context, &unsent, &outstanding)?;
        Err(error)
    }

    /// What stays withheld. Nobody signs for having asked what is not to be shown anyway: documents are not shown, only
    /// written.
    fn withheld(
        &self,
        context: &Context,
        session: &DeskSession,
        opened: &Opened,
    ) -> Result<Withheld, CliError> {
        let (act, documents) = (opened.act(), opened.dispatch.dispatch().documents.as_slice());
        let all = Withheld::of(act, documents);
        if !all.words() && (self.documents.is_none() || all.among(documents).is_empty()) {
            return Ok(all);
        }
        self.asks.withheld(context, session, (act, documents), &opened.envelope.id().to_string())
    }

    /// Refuses to write where all that is to be written is withheld.
    fn require_something_to_write(
        &self,
        context: &Context,
        opened: &Opened,
        withheld: &Withheld,
    ) -> Result<(), CliError> {
        let documents = &opened.dispatch.dispatch().documents;
        let count = withheld.among(documents).len();
        let is_all = withheld.words() || self.output.is_none() && count > 0 && count == documents.len();
        if !is_all || self.documents.is_none() && self.output.is_none() {
            return Ok(());
        }
        let message = "what is to be written tells who a person is";
        let error = CliError::new(Kind::NotPermitted, "names", message).cause(WITHHELD);
        Err(error.hint(names::asking(context, true)))
    }

    async fn save_documents(
        &self,
        context: &Context,
        session: &DeskSession,
        opened: &Opened,
        (mailbox, withheld): (&mut Option<Mailbox>, &Withheld),
    ) -> Result<Vec<PathBuf>, CliError> {
        let Some(folder) = &self.documents else { return Ok(Vec::new()) };
        let chosen = (folder.as_path(), withheld);
        let saved = session.desk.save_documents(&session.keys, opened, mailbox, chosen, self.overwrite).await;
        let saved = saved.map_err(|error| match desk_session::failure(context, error) {
            error if error.code() == "exists" => error.hint(format!("{} --overwrite", context.typed)),
            error => error,
        })?;
        saved.iter().for_each(|path| context.output.note(&format!("wrote {}", path.display())));
        let left = withheld.among(&opened.dispatch.dispatch().documents);
        left.iter().for_each(|one| context.output.step(Mark::Warning, &names::of_document(one)));
        if !left.is_empty() {
            context.output.next(&names::asking(context, self.overwrite));
        }
        Ok(saved)
    }

    fn write_text(&self, context: &Context, path: &Path, texts: &[OpenedText<'_>]) -> Result<(), CliError> {
        let text = chosen(texts, self.lang.as_deref()).ok_or_else(|| {
            let message = "the message has no such text; --documents writes everything it has";
            CliError::new(Kind::NotFound, "no-text", message)
        })?;
        if context.output.is_json() && path == Path::new("-") {
            // The report holds the text already; two things on one stream would be neither.
            return Ok(());
        }
        files::write(context, path, &text.bytes, self.overwrite)?;
        if path != Path::new("-") {
            context.output.note(&format!("wrote {}", path.display()));
        }
        Ok(())
    }
}
