//! The file of a draft on disk: read, written whole and closed to others, and laid out for other programs.

use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::cli::context::Context;
use crate::cli::error::{CliError, Kind};
use crate::cli::names::{WITHHELD, asking};
use crate::cli::{desk_session, files, paths};
use crate::consultation::withholding::Withheld;
use crate::desk::draft::DraftFile;
use crate::limits;

/// Reads the file of a draft.
pub(in crate::cli) fn read(context: &Context, path: &Path) -> Result<DraftFile, CliError> {
    let bytes = files::read(path, limits::DRAFT_FILE_BYTES_MAX)?;
    let text = String::from_utf8(bytes)
        .map_err(|_| CliError::usage("draft", format!("{} is not a draft", path.display())))?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    DraftFile::parse(&text, folder).map_err(|error| desk_session::failure(context, error))
}

/// Writes the file of a draft whole, closed to others: it holds plain text.
pub(in crate::cli) fn write(path: &Path, draft: &DraftFile, overwrite: bool) -> Result<(), CliError> {
    let cannot = |error: std::io::Error| paths::unwritable(path, &error);
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new()
        .permissions(Permissions::from_mode(0o600))
        .tempfile_in(folder)
        .map_err(cannot)?;
    let text = draft.text()?;
    file.write_all(text.as_bytes()).and_then(|()| file.as_file().sync_all()).map_err(cannot)?;
    let kept = if overwrite { file.persist(path) } else { file.persist_noclobber(path) };
    match kept {
        Ok(_) => Ok(()),
        Err(failed) if failed.error.kind() == std::io::ErrorKind::AlreadyExists => {
            Err(paths::in_the_way(path))
        }
        Err(failed) => Err(cannot(failed.error)),
    }
}

/// `dispatch.bin` and one `authentication-N.p7s` for each signature, as in an evidence file. The exact bytes hold the
/// act: where that tells who a person is, nothing is written before an office that may know has asked.
pub(in crate::cli) fn extract(
    context: &Context,
    draft: &DraftFile,
    folder: &Path,
    withheld: &Withheld,
) -> Result<(), CliError> {
    if withheld.dispatch() {
        let message = "the exact bytes of this draft tell who a person is";
        let error = CliError::new(Kind::NotPermitted, "names", message).reason("NAMES_WITHHELD");
        return Err(error.cause(WITHHELD).hint(asking(context, true)));
    }
    let cannot = |error: std::io::Error| {
        let message = format!("cannot make {}", folder.display());
        CliError::failed("unwritable", message).because(&error).hint(paths::look_around(folder))
    };
    fs::create_dir(folder).map_err(cannot)?;
    fs::set_permissions(folder, Permissions::from_mode(0o700)).map_err(cannot)?;
    files::write(context, &folder.join("dispatch.bin"), draft.bytes(), false)?;
    for (number, p7s) in (1..).zip(draft.signatures()) {
        if let Some(p7s) = p7s {
            files::write(context, &folder.join(format!("authentication-{number}.p7s")), p7s, false)?;
        }
    }
    context.output.note(&format!("wrote {}", folder.display()));
    Ok(())
}
