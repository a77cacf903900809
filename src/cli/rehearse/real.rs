//! `rehearse --real`: where the homes of a real play lie, and how far it has come on the terminal.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::cli::context::Context;
use crate::cli::error::{CliError, Kind};
use crate::rehearsal::play::real::{Performance, Progress, play_real};
use crate::rehearsal::play::{Unfit, Wishes};
use crate::rehearsal::script::Script;

/// Where the homes of one play lie.
pub(super) enum Folder {
    /// In a folder that stays.
    Kept(PathBuf),
    /// In one that goes with the play.
    Passing(TempDir),
}

impl Folder {
    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Kept(path) => path,
            Self::Passing(folder) => folder.path(),
        }
    }
}

/// The folder of one of `scripts` scripts: each of several has its own within the one that is kept.
pub(super) fn folder(keep: Option<&Path>, script: &Path, scripts: usize) -> Result<Folder, CliError> {
    let unmade = |path: &Path, cause: &std::io::Error| {
        CliError::failed("folder", format!("{} could not be made", path.display())).because(cause)
    };
    let Some(keep) = keep else {
        // Sockets lie in it, and their paths are short.
        let passing = tempfile::Builder::new().prefix("ch").tempdir();
        return passing.map(Folder::Passing).map_err(|cause| unmade(Path::new("a passing folder"), &cause));
    };
    let path = match (scripts, script.file_stem()) {
        (2.., Some(name)) => keep.join(name),
        _ => keep.to_owned(),
    };
    let is_free = fs::read_dir(&path).map_or(!path.exists(), |mut within| within.next().is_none());
    if !is_free {
        let message = format!("{} is there already, and not empty", path.display());
        return Err(CliError::new(Kind::NotFound, "folder-exists", message)
            .hint("chancery rehearse SCRIPT --real --keep another-folder"));
    }
    fs::create_dir_all(&path).map_err(|cause| unmade(&path, &cause))?;
    let path = fs::canonicalize(&path).map_err(|cause| unmade(&path, &cause))?;
    Ok(Folder::Kept(path))
}

/// Plays one script over real gateways, and shows how far it has come.
pub(super) async fn play(
    context: &Context,
    script: &Script,
    wishes: &Wishes,
    folder: &Path,
) -> Result<Result<Performance, Unfit>, CliError> {
    let parties = script.parties.len();
    let moves = script.moves.len().saturating_add(parties).saturating_add(1);
    let bar = context.output.counting(&script.title, u64::try_from(moves).unwrap_or(u64::MAX));
    let (script, wishes, folder) = (script.clone(), wishes.clone(), folder.to_owned());
    // On a thread of its own: it waits for gateways, and this one may be needed meanwhile.
    let playing = tokio::task::spawn_blocking(move || {
        let mut watch = |_: Progress<'_>| bar.advance(1);
        play_real(&script, &wishes, &folder, &mut watch)
    });
    playing.await.map_err(|cause| CliError::failed("rehearsal", "the play was cut short").because(&cause))
}
