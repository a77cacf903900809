//! Files and `-`: bounded reading of what a person names, and writing that never leaves half a file behind.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::path::Path;

use super::advice;
use super::context::Context;
use super::error::CliError;
use super::paths::{in_the_way, shown, unreadable, unwritable};
use crate::limits;
use crate::trust::bundle::SignedBundle;

/// The bytes of a file, or of stdin for `-`; more than `limit` bytes are refused.
pub fn read(path: &Path, limit: u64) -> Result<Vec<u8>, CliError> {
    let cannot = |error: std::io::Error| unreadable(path, &error);
    let source: Box<dyn Read> = if path == Path::new("-") {
        Box::new(std::io::stdin())
    } else {
        Box::new(File::open(path).map_err(cannot)?)
    };
    let mut bytes = Vec::new();
    source.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(cannot)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > limit) {
        let error = CliError::usage("too-large", format!("{} is larger than {limit} bytes", path.display()));
        return Err(error.hint(format!("ls -l {}", shown(path))));
    }
    Ok(bytes)
}

/// A trust bundle in its file, or from stdin for `-`.
pub fn bundle(path: &Path) -> Result<SignedBundle, CliError> {
    Ok(SignedBundle::parse(&read(path, limits::SIGNED_FILE_BYTES_MAX as u64)?)?)
}

/// Writes a file that appears whole or not at all, or to stdout for `-`. An existing file stays, unless
/// `overwrite` was asked for.
pub fn write(context: &Context, path: &Path, bytes: &[u8], overwrite: bool) -> Result<(), CliError> {
    if path == Path::new("-") {
        return context.output.raw(bytes);
    }
    write_through(context, path, overwrite, |file| {
        file.write_all(bytes).map_err(|error| unwritable(path, &error))
    })
}

/// Writes a file of any length that appears whole, after `fill` has succeeded, or not at all. An existing file
/// stays, unless `overwrite` was asked for.
pub fn write_through(
    context: &Context,
    path: &Path,
    overwrite: bool,
    fill: impl FnOnce(&mut File) -> Result<(), CliError>,
) -> Result<(), CliError> {
    require_vacant(context, path, overwrite)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let cannot = |error: std::io::Error| unwritable(path, &error);
    let mut file =
        tempfile::Builder::new().permissions(ordinary_mode()).tempfile_in(folder).map_err(cannot)?;
    fill(file.as_file_mut())?;
    file.as_file().sync_all().map_err(cannot)?;
    let persisted = if overwrite { file.persist(path) } else { file.persist_noclobber(path) };
    match persisted {
        Ok(_) => Ok(()),
        Err(error) if !overwrite && error.error.kind() == ErrorKind::AlreadyExists => {
            Err(exists(context, path))
        }
        Err(error) => Err(cannot(error.error)),
    }
}

/// Refuses a path that is taken, before work is done for it.
pub fn require_vacant(context: &Context, path: &Path, overwrite: bool) -> Result<(), CliError> {
    if path == Path::new("-") || overwrite || path.symlink_metadata().is_err() {
        return Ok(());
    }
    Err(exists(context, path))
}

/// A file of this name is there. Commands that never write over one say how it is put aside.
fn exists(context: &Context, path: &Path) -> CliError {
    match advice::takes(&context.typed, "overwrite") {
        true => in_the_way(path).hint(format!("{} --overwrite", context.typed)),
        false => in_the_way(path),
    }
}

/// The mode an ordinary new file has, before the umask; keys are written by the `keys` room, not here.
fn ordinary_mode() -> std::fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(0o666)
}

#[cfg(test)]
mod tests {
    use super::super::context::GlobalOptions;
    use super::super::environment::Environment;
    use super::super::error::Kind;
    use super::super::output::tests::kept_streams;
    use super::*;

    fn context() -> Context {
        let typed = "chancery export 7 -o a.zip".to_owned();
        Context::new(GlobalOptions::default(), Environment::default(), kept_streams().0, typed)
    }

    #[test]
    fn a_file_is_not_overwritten_unasked() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.zip");
        write(&context(), &path, b"one", false).unwrap();
        let error = write(&context(), &path, b"two", false).unwrap_err();
        assert_eq!((error.kind(), error.code()), (Kind::NotFound, "exists"));
        assert_eq!(error.hint_command(), Some("chancery export 7 -o a.zip --overwrite"));
        assert_eq!(read(&path, 3).unwrap(), b"one");
        write(&context(), &path, b"two", true).unwrap();
        assert_eq!(read(&path, 3).unwrap(), b"two");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_command_that_never_overwrites_says_how_the_file_is_put_aside() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csr");
        std::fs::write(&path, b"one").unwrap();
        let typed = "chancery key csr keys/registry -o a.csr".to_owned();
        let context = Context::new(GlobalOptions::default(), Environment::default(), kept_streams().0, typed);
        let error = write(&context, &path, b"two", false).unwrap_err();
        let (from, to) = (path.display().to_string(), format!("{}.former", path.display()));
        assert_eq!(error.hint_command(), Some(format!("mv {from} {to}").as_str()));
        assert_eq!(std::fs::read(&path).unwrap(), b"one");
    }

    #[test]
    fn a_dangling_link_counts_as_existing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("link");
        std::os::unix::fs::symlink(folder.path().join("elsewhere"), &path).unwrap();
        assert_eq!(write(&context(), &path, b"one", false).unwrap_err().code(), "exists");
    }

    #[test]
    fn reading_is_bounded_and_says_what_is_missing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("form.toml");
        let missing = read(&path, 3).unwrap_err();
        assert_eq!(missing.kind(), Kind::NotFound);
        assert_eq!(missing.hint_command(), Some(format!("ls -la {}", folder.path().display()).as_str()));
        assert_eq!(read(Path::new("no-such.toml"), 3).unwrap_err().hint_command(), Some("ls -la"));
        std::fs::write(&path, b"four").unwrap();
        assert_eq!(read(&path, 3).unwrap_err().code(), "too-large");
        assert_eq!(read(&path, 4).unwrap(), b"four");
    }

    #[test]
    fn a_place_that_cannot_be_written_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("missing/a.zip");
        assert_eq!(write(&context(), &path, b"one", false).unwrap_err().code(), "unwritable");
    }
}
