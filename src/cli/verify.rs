//! `verify`: check an evidence file or a proof that a log forked, offline and without a home, against trust from
//! outside the file.

use std::fs::{self, File};
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::context::Context;
use super::error::{CliError, Kind};
use super::evidence_report as report;
use super::{files, fork, paths, shell_word};
use crate::consultation::codec;
use crate::desk::config::Config;
use crate::desk::form::render;
use crate::limits;
use crate::message::dispatch::Dispatch;
use crate::message::evidence::{self, Piece, Report, TrustBasis, Verdict};
use crate::time::Timestamp;
use crate::trust::bundle::SignedBundle;
use crate::trust::fingerprint::Fingerprint;

/// How a ZIP file begins, and how its last record does.
const ZIP_BEGINS: [u8; 4] = *b"PK\x03\x04";
const ZIP_ENDS: [u8; 4] = *b"PK\x05\x06";

/// The last record of a ZIP file with the longest comment.
const ZIP_END_BYTES_MAX: u64 = 22 + 65_535;

/// Check an evidence file, or a proof that a log forked, offline
///
/// Trust comes from outside the file: --trust, --fingerprint, or the home of a desk. Without any, the file is only
/// checked against itself: the fingerprints of its roots are shown, and the exit code is 4.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exit codes: 0 verified, 2 no evidence file, 3 altered, 4 consistent but not trusted\n\nExamples:\n  \
    chancery verify --trust demo/trust evidence.zip\n  \
    chancery verify --fingerprint '5b0c ...' --fingerprint '77aa ...' evidence.zip -o content"
)]
pub struct Verify {
    /// The evidence file, or the proof that `log fork` has written
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// A trust bundle, or a folder of trust bundles (*.bundle)
    #[arg(long, value_name = "DIR|FILE")]
    trust: Vec<PathBuf>,

    /// Fingerprint of a root that was compared, as hexadecimal digits or as words
    #[arg(long, value_name = "FINGERPRINT", value_parser = parse_fingerprint)]
    fingerprint: Vec<Fingerprint>,

    /// Judge as of this instant instead of now, such as 2026-11-22T10:00:00Z
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    at: Option<Timestamp>,

    /// Write what the file discloses into this new folder, after a good verdict
    #[arg(short, long, value_name = "CONTENT-DIR")]
    output: Option<PathBuf>,
}

impl Verify {
    /// Checks it.
    pub async fn run(self, context: &Context) -> Result<(), CliError> {
        if let Some(folder) = self.output.as_ref().filter(|folder| folder.symlink_metadata().is_ok()) {
            return Err(paths::in_the_way(folder));
        }
        let basis = self.basis(context)?;
        if let Some(text) = self.fork_proof()? {
            return fork::judge(context, &self.file, &text, &basis.bundles);
        }
        self.require_evidence()?;
        let at = self.at.unwrap_or_else(|| context.clock.now());
        let file = self.open()?;
        let found = match &self.output {
            Some(folder) => release(file, &basis, at, folder)?,
            None => evidence::verify(file, &basis, at),
        };
        let shown = self.file.display().to_string();
        context.output.data(&report::json(&shown, &found, at), || report::text(&shown, &found))?;
        if let (Some(folder), Verdict::Verified) = (&self.output, found.verdict()) {
            context.output.note(&format!("wrote {}", folder.display()));
        }
        self.conclude(&found)
    }

    /// The bytes of the file where it is a proof that a log forked.
    fn fork_proof(&self) -> Result<Option<Vec<u8>>, CliError> {
        let mut text = Vec::new();
        let most = limits::FORK_PROOF_BYTES_MAX as u64 + 1;
        let read = self.open()?.take(most).read_to_end(&mut text);
        read.map_err(|error| paths::unreadable(&self.file, &error))?;
        Ok(fork::is_proof(&text).then_some(text))
    }

    fn open(&self) -> Result<BufReader<File>, CliError> {
        let opened = File::open(&self.file);
        let file = opened.map_err(|error| {
            let said = paths::unreadable(&self.file, &error);
            let is_missing = said.kind() == Kind::NotFound;
            if is_missing { said.hint("chancery export REF -o evidence.zip") } else { said }
        })?;
        Ok(BufReader::new(file))
    }

    /// A file that neither begins nor ends as an evidence file is another file, which is no proof of anything; one
    /// that was altered in one of these places still is one.
    fn require_evidence(&self) -> Result<(), CliError> {
        let cannot = |error: io::Error| paths::unreadable(&self.file, &error);
        let (mut file, mut head) = (self.open()?, [0; ZIP_BEGINS.len()]);
        let length = file.seek(SeekFrom::End(0)).map_err(cannot)?;
        file.rewind().map_err(cannot)?;
        let begins = file.read_exact(&mut head).is_ok() && head == ZIP_BEGINS;
        file.seek(SeekFrom::Start(length.saturating_sub(ZIP_END_BYTES_MAX))).map_err(cannot)?;
        let mut tail = Vec::new();
        file.take(ZIP_END_BYTES_MAX).read_to_end(&mut tail).map_err(cannot)?;
        if begins || tail.windows(ZIP_ENDS.len()).any(|window| window == ZIP_ENDS) {
            return Ok(());
        }
        let message = format!("{} is no evidence file and no proof that a log forked", self.file.display());
        Err(CliError::usage("not-evidence", message).hint("chancery export REF -o evidence.zip"))
    }

    /// What was given, or else what the desk of this home believes.
    fn basis(&self, context: &Context) -> Result<TrustBasis, CliError> {
        let mut bundles = Vec::new();
        for path in &self.trust {
            bundles.extend(bundles_at(path).map_err(|error| self.without_trust(error))?);
        }
        if self.trust.is_empty() && self.fingerprint.is_empty() {
            bundles.extend(bundles_of_home(context)?);
        }
        Ok(TrustBasis { bundles, fingerprints: self.fingerprint.clone() })
    }

    /// What was named holds no trust that could be used.
    fn without_trust(&self, error: CliError) -> CliError {
        let shown = shell_word(&self.file.display().to_string());
        error
            .cause("DIR holds the trust bundles (*.bundle) of those you believe, as `chancery peer card` writes them")
            .hint(format!("chancery verify --trust DIR {shown}"))
    }

    fn conclude(&self, found: &Report) -> Result<(), CliError> {
        let shown = shell_word(&self.file.display().to_string());
        match found.verdict() {
            Verdict::Verified => Ok(()),
            Verdict::Altered { first, reference } => {
                let what = reference.unwrap_or_else(|| "the evidence file".to_owned());
                let message = format!("{what} is not what was signed: {} does not hold", first.name);
                Err(CliError::new(Kind::Verification, "altered", message).cause(first.sentence))
            }
            Verdict::Undecided { first, reference } => {
                let what = reference.unwrap_or_else(|| "the evidence file".to_owned());
                let message = format!("{what}: {} could not be decided", first.name);
                Err(CliError::failed("undecided", message).cause(first.sentence))
            }
            Verdict::ConsistentNotTrusted { fingerprints } => {
                let message = "the evidence is consistent, but nobody vouches for its roots";
                let error = CliError::new(Kind::NotPermitted, "not-trusted", message);
                let error = fingerprints.iter().fold(error, |error, (ministry, fingerprint)| {
                    let words = fingerprint.words().join(" ");
                    error.cause(format!("{ministry}  {fingerprint}")).cause(format!("    {words}"))
                });
                Err(error.hint(format!("chancery verify --trust DIR {shown}")))
            }
        }
    }
}

/// The bundles in a file or a folder.
fn bundles_at(path: &Path) -> Result<Vec<SignedBundle>, CliError> {
    if !path.is_dir() {
        return Ok(vec![bundle(path)?]);
    }
    let unreadable = |error: io::Error| paths::unreadable(path, &error);
    let mut paths = Vec::new();
    for (number, entry) in (1..).zip(fs::read_dir(path).map_err(unreadable)?) {
        if number > limits::TRUST_FILES_MAX {
            // What is left out could be the very bundle that decides.
            let most = limits::TRUST_FILES_MAX;
            let message = format!("{} holds more than {most} files", path.display());
            return Err(CliError::usage("too-many", message)
                .cause("name a folder that holds the trust bundles and nothing else"));
        }
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|ending| ending == "bundle") {
            paths.push(path);
        }
    }
    paths.sort();
    if paths.is_empty() {
        let message = format!("{} holds no trust bundle (*.bundle)", path.display());
        return Err(CliError::new(Kind::NotFound, "no-bundle", message));
    }
    paths.iter().map(|path| bundle(path)).collect()
}

fn bundle(path: &Path) -> Result<SignedBundle, CliError> {
    let bytes = files::read(path, limits::SIGNED_FILE_BYTES_MAX as u64)?;
    SignedBundle::parse(&bytes).map_err(|refusal| {
        CliError::usage("bundle", format!("{} is not a trust bundle", path.display()))
            .reason(refusal.reason())
            .because(&refusal)
    })
}

/// What the desk of this home believes, read without opening the desk; nothing where there is no desk.
fn bundles_of_home(context: &Context) -> Result<Vec<SignedBundle>, CliError> {
    let config = context.desk_home().ok().and_then(|home| Config::load(&home).ok());
    let Some(config) = config else { return Ok(Vec::new()) };
    let mut bundles = vec![bundle(&config.own_bundle())?];
    if config.peer_bundles().is_dir() {
        bundles.extend(bundles_at(&config.peer_bundles()).or_else(|error| match error.code() {
            "no-bundle" => Ok(Vec::new()),
            _ => Err(error),
        })?);
    }
    Ok(bundles)
}

/// Verifies, and writes what is disclosed below `folder`, which appears whole or not at all.
fn release(
    file: BufReader<File>,
    basis: &TrustBasis,
    at: Timestamp,
    folder: &Path,
) -> Result<Report, CliError> {
    let unwritable = |error: io::Error| paths::unwritable(folder, &error);
    let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let partial = tempfile::tempdir_in(parent).map_err(unwritable)?;
    let report = evidence::release(file, basis, at, &mut |reference, piece, content| {
        write_piece(&partial.path().join(harmless(reference)), piece, content)
    });
    let report = report.map_err(unwritable)?;
    if report.verdict() == Verdict::Verified {
        fs::rename(partial.keep(), folder).map_err(unwritable)?;
    }
    Ok(report)
}

/// The exact bytes, and of a dispatch also the act as text.
fn write_piece(folder: &Path, piece: Piece<'_>, content: &mut dyn Read) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let Piece::Document(name) = piece else {
        let mut bytes = Vec::new();
        content.take(limits::SIGNED_DISPATCH_BYTES_MAX as u64).read_to_end(&mut bytes)?;
        fs::write(folder.join("dispatch.bin"), &bytes)?;
        let dispatch = Dispatch::parse(&bytes).map_err(|refusal| io::Error::other(refusal.to_string()))?;
        return match codec::decode(&dispatch.kind, &dispatch.act) {
            Ok(act) => fs::write(folder.join("act.txt"), render::text(&act)),
            Err(faults) => {
                fs::write(folder.join("act.txt"), format!("act: {}, not readable: {faults}\n", dispatch.kind))
            }
        };
    };
    let documents = folder.join("documents");
    fs::create_dir_all(&documents)?;
    io::copy(content, &mut File::create_new(documents.join(harmless(name)))?)?;
    Ok(())
}

/// A name of the file as one component of a path that leads nowhere else.
fn harmless(name: &str) -> String {
    let keeps = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let name: String = name.chars().map(|c| if keeps(c) { c } else { '_' }).collect();
    if name.starts_with('.') || name.is_empty() { format!("_{name}") } else { name }
}

fn parse_fingerprint(text: &str) -> Result<Fingerprint, String> {
    Fingerprint::parse(text).map_err(|cause| cause.to_string())
}

fn parse_time(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text).ok_or_else(|| "an instant such as 2026-11-22T10:00:00Z is expected".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{SIGNED_FILE_BYTES_MAX, TRUST_FILES_MAX};

    #[test]
    fn a_folder_with_more_files_than_are_read_is_refused_as_a_whole() {
        let folder = tempfile::tempdir().unwrap();
        for number in 0..TRUST_FILES_MAX {
            fs::write(folder.path().join(format!("{number}.txt")), b"").unwrap();
        }
        assert_eq!(bundles_at(folder.path()).unwrap_err().code(), "no-bundle");
        fs::write(folder.path().join("XA.bundle"), b"").unwrap();
        let refused = bundles_at(folder.path()).unwrap_err();
        assert_eq!((refused.kind(), refused.code()), (Kind::Usage, "too-many"));
    }

    #[test]
    fn a_bundle_is_read_up_to_the_length_that_it_may_have() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("XA.bundle");
        for (length, code) in [(SIGNED_FILE_BYTES_MAX, "bundle"), (SIGNED_FILE_BYTES_MAX + 1, "too-large")] {
            fs::write(&path, vec![0; length]).unwrap();
            assert_eq!(bundle(&path).unwrap_err().code(), code);
        }
    }

    #[test]
    fn a_file_that_is_no_evidence_is_told_apart_from_evidence_that_was_altered() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let judged = |bytes: &[u8]| {
            fs::write(&path, bytes).unwrap();
            let verify =
                Verify { file: path.clone(), trust: vec![], fingerprint: vec![], at: None, output: None };
            verify.require_evidence().map_err(|error| (error.kind(), error.code().to_owned()))
        };
        let other = Err((Kind::Usage, "not-evidence".to_owned()));
        assert_eq!(judged(b"[act]\nkind = 1\n"), other);
        assert_eq!(judged(b""), other);
        assert_eq!(judged(b"PK\x03\x04 cut"), Ok(()));
        assert_eq!(judged(b"QK\x03\x04 altered PK\x05\x06 end"), Ok(()));
    }

    #[test]
    fn no_name_of_an_evidence_file_leads_out_of_the_folder() {
        assert_eq!(harmless("ko.txt"), "ko.txt");
        assert_eq!(harmless("../../etc/passwd"), "_.._.._etc_passwd");
        assert_eq!(harmless(".."), "_..");
        assert_eq!(harmless(""), "_");
        assert_eq!(harmless("a/b\\c\0"), "a_b_c_");
    }
}
