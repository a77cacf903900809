//! `log export`: the gateway's archive as plain files that anybody can check without Chancery.
//!
//! Pieces of the archive enter from the operator service, files leave: tiles and checkpoints as C2SP
//! tlog-tiles lays them out, messages one JSON object a line. `archive.json` is written last, so that a folder
//! without it is an export that was cut short. `docs/format.md` section 19 says what stands where.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use data_encoding::BASE64;
use serde_json::{Value, json};

use super::context::Context;
use super::error::{CliError, Kind};
use super::operator::{Archived, Operator};
use super::paths;
use super::report::{self, Done};
use super::shell_word;
use crate::digest::Digest;
use crate::tlog::merkle::{self, Tree};
use crate::tlog::tile::{EntryBundle, FULL_WIDTH, Tile};
use crate::trust::name::Ministry;

/// Write everything that others can check of the archive into a new directory
///
/// Logs, mirrors of peers' logs, cosigned checkpoints, signed headers, receipts and trust bundles, but no sealed
/// part, and the script that checks all of it without our code. The gateway goes on meanwhile.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    chancery --home /var/lib/chancery log export archive-2026-11\n  \
    python3 archive-2026-11/check_archive.py archive-2026-11")]
pub(super) struct Export {
    /// New directory for the archive
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

impl Export {
    /// Asks the gateway in this home and writes what it gives.
    pub(super) async fn run(self, context: &Context) -> Result<(), CliError> {
        report::require_vacant(&self.directory)?;
        let home = context.gateway_home();
        let (ministry, mut pieces) = context
            .within("the gateway's answer", async {
                let mut operator = Operator::connect(&home).await?;
                Ok((operator.status().await?.ministry, operator.archive().await?))
            })
            .await?;
        let mut writing = Writing::begin(&self.directory)?;
        // A large archive takes its time; only silence is bounded.
        while let Some(piece) = context.within("the next piece of the archive", pieces.next()).await? {
            writing.take(piece)?;
        }
        let (messages, entries) = (writing.messages, writing.entries);
        let report = writing.end(&ministry, context.clock.now().to_string())?;
        let line = format!("{messages} messages and {entries} log entries");
        let [script, archive] = [self.directory.join(CHECK), self.directory.clone()]
            .map(|path| shell_word(&path.to_string_lossy()));
        let check = format!("python3 {script} {archive}");
        Done::new(report).says(line).wrote(&self.directory).next(check).tell(context)
    }
}

/// The independent check, as it lies in the archive.
const CHECK: &str = "check_archive.py";
const CHECK_TEXT: &str = include_str!("../../docs/check_archive.py");

/// An archive that is being written.
struct Writing {
    directory: PathBuf,
    sent: BufWriter<File>,
    received: BufWriter<File>,
    messages: u64,
    entries: u64,
    logs: Vec<Value>,
    log: Option<Log>,
}

/// The log whose leaves are coming in.
struct Log {
    origin: String,
    mirror: bool,
    size: u64,
    directory: PathBuf,
    tree: Tree,
    /// Leaves that do not fill a bundle yet.
    leaves: Vec<Vec<u8>>,
    cosigned: BufWriter<File>,
}

impl Writing {
    fn begin(directory: &Path) -> Result<Self, CliError> {
        let messages = make(&directory.join("messages"))?;
        make(&directory.join("trust"))?;
        Ok(Self {
            directory: directory.to_owned(),
            sent: create(&messages.join("sent.jsonl"))?,
            received: create(&messages.join("received.jsonl"))?,
            messages: 0,
            entries: 0,
            logs: Vec::new(),
            log: None,
        })
    }

    fn take(&mut self, piece: Archived) -> Result<(), CliError> {
        match (piece, &mut self.log) {
            (Archived::Record { ministry, sequence, policy, record }, _) => {
                let ministry =
                    Ministry::parse(&ministry).map_err(|_| unexpected("the code of a ministry"))?;
                let kind = if policy { "policy" } else { "bundle" };
                let path = self.directory.join("trust").join(format!("{ministry}.{sequence}.{kind}"));
                write(&path, &record)
            }
            (Archived::Log { origin, mirror, size, checkpoint }, _) => {
                self.end_log()?;
                self.log = Some(Log::begin(&self.directory, origin, mirror, size, &checkpoint)?);
                Ok(())
            }
            (Archived::Leaves(leaves), Some(log)) => {
                self.entries = self.entries.saturating_add(leaves.len() as u64);
                log.take(leaves)
            }
            (Archived::Cosigned { size, checkpoint }, Some(log)) => {
                put(&mut log.cosigned, &json!({ "size": size, "checkpoint": checkpoint }))
            }
            (Archived::Message { sent, origin, index, header, signature, receipt }, _) => {
                let mut line = json!({
                    "id": Digest::of(&header).hex(),
                    "log": origin,
                    "index": index,
                    "header": BASE64.encode(&header),
                    "signature": BASE64.encode(&signature),
                });
                if let (false, Some(line)) = (receipt.is_empty(), line.as_object_mut()) {
                    line.insert("receipt".to_owned(), json!(BASE64.encode(&receipt)));
                }
                self.messages = self.messages.saturating_add(1);
                put(if sent { &mut self.sent } else { &mut self.received }, &line)
            }
            (_, None) => Err(unexpected("the order of its pieces")),
        }
    }

    fn end_log(&mut self) -> Result<(), CliError> {
        if let Some(log) = self.log.take() {
            self.logs.push(log.end()?);
        }
        Ok(())
    }

    /// Ends every file and writes `archive.json`, which is the report too.
    fn end(mut self, ministry: &str, time: String) -> Result<Value, CliError> {
        self.end_log()?;
        for file in [&mut self.sent, &mut self.received] {
            finish(file)?;
        }
        let report = json!({
            "schema": "chancery.archive/1",
            "ministry": ministry,
            "time": time,
            "version": env!("CARGO_PKG_VERSION"),
            "messages": self.messages,
            "entries": self.entries,
            "logs": self.logs,
        });
        write(&self.directory.join(CHECK), CHECK_TEXT.as_bytes())?;
        write(&self.directory.join("archive.json"), format!("{report:#}\n").as_bytes())?;
        Ok(report)
    }
}

impl Log {
    fn begin(
        archive: &Path,
        origin: String,
        mirror: bool,
        size: u64,
        checkpoint: &str,
    ) -> Result<Self, CliError> {
        // The origin becomes a path: it may lead nowhere else.
        let plain = |part: &str| {
            !part.is_empty()
                && !part.starts_with('.')
                && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte))
        };
        if !origin.split('/').all(plain) {
            return Err(unexpected("the origin of a log"));
        }
        let kept = if mirror { "mirrors" } else { "logs" };
        let directory = make(&archive.join(kept).join(&origin))?;
        write(&directory.join("checkpoint"), checkpoint.as_bytes())?;
        let cosigned = create(&directory.join("cosigned.jsonl"))?;
        Ok(Self { origin, mirror, size, directory, tree: Tree::new(), leaves: Vec::new(), cosigned })
    }

    fn take(&mut self, leaves: Vec<Vec<u8>>) -> Result<(), CliError> {
        for leaf in leaves {
            self.tree.push(merkle::leaf_hash(&leaf));
            self.leaves.push(leaf);
            if self.leaves.len() == usize::from(FULL_WIDTH) {
                self.write_bundle()?;
            }
        }
        Ok(())
    }

    /// Writes the leaves that wait, a full bundle or the last one.
    fn write_bundle(&mut self) -> Result<(), CliError> {
        let leaves = std::mem::take(&mut self.leaves);
        let Some(last) = self.tree.size().checked_sub(1).filter(|_| !leaves.is_empty()) else {
            return Ok(());
        };
        let width = u16::try_from(leaves.len()).unwrap_or(FULL_WIDTH);
        let bundle = EntryBundle::new(last / u64::from(FULL_WIDTH), width);
        let bundle = bundle.ok_or_else(|| unexpected("the number of its log entries"))?;
        let bytes = bundle.encode(&leaves).map_err(|_| unexpected("the length of a log entry"))?;
        write_below(&self.directory, &bundle.path(), &bytes)
    }

    /// Writes the last bundle and all tiles; says what the log is.
    fn end(mut self) -> Result<Value, CliError> {
        self.write_bundle()?;
        if self.tree.size() != self.size {
            return Err(unexpected("the size of a log"));
        }
        for tile in Tile::grown(0, self.size) {
            let bytes = tile.bytes(&self.tree).ok_or_else(|| unexpected("the size of a log"))?;
            write_below(&self.directory, &tile.path(), &bytes)?;
        }
        finish(&mut self.cosigned)?;
        Ok(json!({ "origin": self.origin, "mirror": self.mirror, "size": self.size }))
    }
}

fn unexpected(what: &str) -> CliError {
    CliError::new(Kind::Verification, "archive", format!("the gateway's archive is not in order: {what}"))
}

fn unwritable(path: &Path, error: &std::io::Error) -> CliError {
    paths::unwritable(path, error)
}

fn make(directory: &Path) -> Result<PathBuf, CliError> {
    fs::create_dir_all(directory).map_err(|error| unwritable(directory, &error))?;
    Ok(directory.to_owned())
}

fn create(path: &Path) -> Result<BufWriter<File>, CliError> {
    File::create_new(path).map(BufWriter::new).map_err(|error| unwritable(path, &error))
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), CliError> {
    let written = File::create_new(path).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    written.map_err(|error| unwritable(path, &error))
}

fn write_below(directory: &Path, path: &str, bytes: &[u8]) -> Result<(), CliError> {
    let path = directory.join(path);
    if let Some(parent) = path.parent() {
        make(parent)?;
    }
    write(&path, bytes)
}

/// One JSON object on a line of its own.
fn put(file: &mut BufWriter<File>, line: &Value) -> Result<(), CliError> {
    writeln!(file, "{line}")
        .map_err(|error| CliError::failed("unwritable", "cannot write the archive").because(&error))
}

fn finish(file: &mut BufWriter<File>) -> Result<(), CliError> {
    let ended = file.flush().and_then(|()| file.get_ref().sync_all());
    ended.map_err(|error| CliError::failed("unwritable", "cannot write the archive").because(&error))
}
