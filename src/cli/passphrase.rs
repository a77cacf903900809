//! Where passphrases come from: a file, the service manager's credentials, or a person at the terminal.
//!
//! In this order: `--passphrase-file`, `$CREDENTIALS_DIRECTORY/passphrase`, a prompt. For an office with a passphrase of
//! its own: `--passphrase-for OFFICE=FILE`, `$CREDENTIALS_DIRECTORY/passphrase.OFFICE`, the one of the desk, a prompt that
//! names the office. Never a flag and never a variable, which other users of the machine can read. A file that others can
//! read is refused.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::error::{CliError, Kind};
use super::paths;
use crate::keys;

mod unechoed;

use unechoed::Unechoed;

/// Longest passphrase, bytes: long enough for a page of words, short enough to notice a wrong file.
const PASSPHRASE_BYTES_MAX: usize = 1024;

/// Shortest new passphrase, characters; the derivation slows guesses, it does not mend short words.
const NEW_PASSPHRASE_CHARS_MIN: usize = 8;

/// Opens our own keys; wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Passphrase(Zeroizing<String>);

impl Passphrase {
    /// The words themselves.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The same words for the room of keys.
    pub fn for_keys(&self) -> Result<keys::Passphrase, CliError> {
        keys::Passphrase::new(self.expose())
            .map_err(|wrong| CliError::usage("passphrase", "the passphrase cannot be used").because(&wrong))
    }
}

crate::consultation::opaque!(Passphrase);

/// Where to look for a passphrase, in order.
#[derive(Debug, Clone, Default)]
pub struct PassphraseSource {
    /// `--passphrase-file`.
    pub file: Option<PathBuf>,
    /// `--passphrase-for`, by the label of the office.
    pub own: BTreeMap<String, PathBuf>,
    /// `$CREDENTIALS_DIRECTORY`.
    pub credentials: Option<PathBuf>,
    /// Whether a person may be asked.
    pub may_ask: bool,
    /// The command as it was typed, for the hint.
    pub typed: String,
}

/// Where a passphrase comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The file of `--passphrase-file`.
    File,
    /// The service manager, which holds that of the home.
    Credentials,
    /// A person.
    Typed,
}

impl PassphraseSource {
    /// Where the next one comes from.
    pub fn origin(&self) -> Origin {
        match (&self.file, self.credential()) {
            (Some(_), _) => Origin::File,
            (None, Some(_)) => Origin::Credentials,
            (None, None) => Origin::Typed,
        }
    }

    /// The file of the service manager, where there is one.
    fn credential(&self) -> Option<PathBuf> {
        let file = self.credentials.as_ref().map(|folder| folder.join("passphrase"));
        file.filter(|file| file.exists())
    }

    /// The passphrase of an existing key; `of` names it for a person, such as "key signing.key".
    pub fn existing(&self, of: &str) -> Result<Passphrase, CliError> {
        match self.read_files()? {
            Some(passphrase) => Ok(passphrase),
            None => self.ask(&mut self.terminal()?, &format!("passphrase of {of}: ")),
        }
    }

    /// The passphrases that are given for single offices, by label.
    pub fn of_offices(&self) -> Result<BTreeMap<String, Passphrase>, CliError> {
        let mut found = BTreeMap::new();
        let credentials = self.credentials.as_ref().and_then(|folder| fs::read_dir(folder).ok());
        for entry in credentials.into_iter().flatten().flatten() {
            let name = entry.file_name();
            if let Some(office) = name.to_str().and_then(|name| name.strip_prefix("passphrase.")) {
                found.insert(office.to_owned(), read(&entry.path(), OTHERS)?);
            }
        }
        for (office, file) in &self.own {
            found.insert(office.clone(), read(file, OTHERS_AND_GROUP)?);
        }
        Ok(found)
    }

    /// The passphrase of one office, typed by a person; none where nobody may be asked.
    pub fn typed_for(&self, office: &str) -> Result<Option<Passphrase>, CliError> {
        if !self.may_ask {
            return Ok(None);
        }
        self.ask(&mut self.terminal()?, &format!("passphrase of the office {office}: ")).map(Some)
    }

    /// The same command with the passphrase of one office.
    pub fn with_file_for(&self, office: &str) -> String {
        format!("{} --passphrase-for {office}=FILE", self.typed)
    }

    /// A passphrase for a new key; a person types it twice.
    pub fn new_one(&self, of: &str) -> Result<Passphrase, CliError> {
        let passphrase = match self.read_files()? {
            Some(passphrase) => passphrase,
            None => {
                let mut terminal = self.terminal()?;
                let first = self.ask(&mut terminal, &format!("new passphrase for {of}: "))?;
                if self.ask(&mut terminal, "the same again: ")? != first {
                    let error = CliError::usage("passphrase-differs", "the two passphrases are not the same");
                    return Err(error.hint(&self.typed));
                }
                first
            }
        };
        if passphrase.expose().chars().count() < NEW_PASSPHRASE_CHARS_MIN {
            let message = format!("a new passphrase has at least {NEW_PASSPHRASE_CHARS_MIN} characters");
            return Err(CliError::usage("passphrase-short", message));
        }
        Ok(passphrase)
    }

    fn read_files(&self) -> Result<Option<Passphrase>, CliError> {
        if let Some(file) = &self.file {
            return read(file, OTHERS_AND_GROUP).map(Some);
        }
        self.credential().map(|file| read(&file, OTHERS)).transpose()
    }

    /// The terminal at which a person may be asked.
    fn terminal(&self) -> Result<Unechoed, CliError> {
        if !self.may_ask {
            let message = "the key needs a passphrase and nobody may be asked";
            let error = CliError::new(Kind::NotPermitted, "passphrase-needed", message);
            return Err(error.hint(self.with_file()));
        }
        Unechoed::begin().map_err(|error| self.untyped(&error))
    }

    fn ask(&self, terminal: &mut Unechoed, question: &str) -> Result<Passphrase, CliError> {
        let typed = terminal.ask(question).map_err(|error| self.untyped(&error))?;
        accept(typed, "the passphrase")
    }

    fn untyped(&self, error: &std::io::Error) -> CliError {
        CliError::new(Kind::NotPermitted, "passphrase-needed", "no passphrase could be typed")
            .because(error)
            .hint(self.with_file())
    }

    fn with_file(&self) -> String {
        format!("{} --passphrase-file FILE", self.typed)
    }
}

/// An office and the file with its passphrase, as `--passphrase-for` takes them.
pub fn of_one(text: &str) -> Result<(String, PathBuf), String> {
    let wrong =
        || "the label of an office and a file are expected, such as duty-01=duty.passphrase".to_owned();
    let (office, file) = text.split_once('=').ok_or_else(wrong)?;
    // Whoever types the name of the key means the office.
    let office = office.rsplit('/').next().unwrap_or(office);
    if office.is_empty() || file.is_empty() {
        return Err(wrong());
    }
    Ok((office.to_owned(), PathBuf::from(file)))
}

/// Bits of a mode that let others in. The service manager shows its own access list as group bits.
const OTHERS_AND_GROUP: u32 = 0o077;
const OTHERS: u32 = 0o007;

fn read(path: &Path, refused: u32) -> Result<Passphrase, CliError> {
    let shown = path.display();
    let cannot = |error: std::io::Error| {
        let said = CliError::usage("passphrase-file", format!("cannot read the passphrase file {shown}"));
        said.because(&error).hint(paths::look_around(path))
    };
    let file = File::open(path).map_err(cannot)?;
    let metadata = file.metadata().map_err(cannot)?;
    // A pipe handed over as `/dev/fd/3` has no mode of its own that would mean anything.
    if metadata.is_file() && metadata.permissions().mode() & refused != 0 {
        let message = format!("others can read the passphrase file {shown}");
        return Err(CliError::usage("passphrase-file-mode", message).hint(format!("chmod 600 {shown}")));
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(PASSPHRASE_BYTES_MAX + 1));
    let limit = u64::try_from(PASSPHRASE_BYTES_MAX).unwrap_or(u64::MAX).saturating_add(1);
    file.take(limit).read_to_end(&mut bytes).map_err(cannot)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| {
        CliError::usage("passphrase-file", format!("the passphrase file {shown} is not text"))
    })?;
    let words = text.strip_suffix('\n').unwrap_or(text);
    let words = words.strip_suffix('\r').unwrap_or(words);
    accept(Zeroizing::new(words.to_owned()), &format!("the passphrase file {shown}"))
}

fn accept(words: Zeroizing<String>, place: &str) -> Result<Passphrase, CliError> {
    let wrong = match words.as_str() {
        "" => "is empty",
        long if long.len() > PASSPHRASE_BYTES_MAX => "is too long",
        lines if lines.contains(['\n', '\r', '\0']) => "has more than one line",
        _ => return Ok(Passphrase(words)),
    };
    Err(CliError::usage("passphrase-file", format!("{place} {wrong}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(folder: &Path, mode: u32, bytes: &[u8]) -> PathBuf {
        let path = folder.join("passphrase");
        std::fs::write(&path, bytes).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    fn from_file(mode: u32, bytes: &[u8]) -> Result<Passphrase, CliError> {
        let folder = tempfile::tempdir().unwrap();
        let path = file(folder.path(), mode, bytes);
        PassphraseSource { file: Some(path), ..PassphraseSource::default() }.existing("key x")
    }

    #[test]
    fn one_newline_at_the_end_is_not_part_of_it() {
        assert_eq!(from_file(0o600, b"tulip harbour\n").unwrap().expose(), "tulip harbour");
        assert_eq!(from_file(0o400, b"tulip harbour\r\n").unwrap().expose(), "tulip harbour");
        assert_eq!(from_file(0o600, "문장 암호 ".as_bytes()).unwrap().expose(), "문장 암호 ");
    }

    #[test]
    fn a_file_that_others_can_read_is_refused_with_the_command_to_run() {
        for mode in [0o644, 0o640, 0o604, 0o660] {
            let error = from_file(mode, b"tulip harbour").unwrap_err();
            assert_eq!((error.code(), error.kind()), ("passphrase-file-mode", Kind::Usage));
            assert!(error.hint_command().unwrap().starts_with("chmod 600 /"));
        }
    }

    #[test]
    fn an_empty_long_or_many_lined_file_is_refused() {
        for bytes in [&b""[..], b"\n", b"a\nb\n", b"a\n\n", b"\xff\xfe", &[b'a'; PASSPHRASE_BYTES_MAX + 1]] {
            assert_eq!(from_file(0o600, bytes).unwrap_err().code(), "passphrase-file");
        }
        assert!(from_file(0o600, &[b'a'; PASSPHRASE_BYTES_MAX]).is_ok());
    }

    #[test]
    fn the_service_managers_credential_is_found_and_the_flag_comes_first() {
        let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        file(folder.path(), 0o440, b"from credentials");
        let credentials = Some(folder.path().to_owned());
        let mut source = PassphraseSource { credentials, ..PassphraseSource::default() };
        assert_eq!(source.existing("key x").unwrap().expose(), "from credentials");
        assert_eq!(source.origin(), Origin::Credentials);
        source.file = Some(file(other.path(), 0o600, b"from the flag"));
        assert_eq!(source.existing("key x").unwrap().expose(), "from the flag");
        assert_eq!(source.origin(), Origin::File);
        assert_eq!(PassphraseSource::default().origin(), Origin::Typed);
    }

    #[test]
    fn an_office_has_a_file_of_its_own_or_a_credential_of_its_own() {
        let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for (name, words) in
            [("passphrase", "the desk"), ("passphrase.duty-01", "duty"), ("passphrase.legal-01", "law")]
        {
            std::fs::rename(file(folder.path(), 0o440, words.as_bytes()), folder.path().join(name)).unwrap();
        }
        let option = file(other.path(), 0o600, b"typed at night");
        let source = PassphraseSource {
            credentials: Some(folder.path().to_owned()),
            own: [of_one(&format!("keys/offices/duty-01={}", option.display())).unwrap()].into(),
            ..PassphraseSource::default()
        };
        let found = source.of_offices().unwrap();
        let words: Vec<(&str, &str)> =
            found.iter().map(|(office, words)| (office.as_str(), words.expose())).collect();
        assert_eq!(words, [("duty-01", "typed at night"), ("legal-01", "law")]);
        assert!(source.typed_for("duty-01").unwrap().is_none(), "nobody is asked");
        for wrong in ["duty-01", "=file", "duty-01="] {
            assert!(of_one(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn nobody_is_asked_when_input_is_forbidden() {
        let source =
            PassphraseSource { typed: "chancery send a.toml".to_owned(), ..PassphraseSource::default() };
        let error = source.existing("key x").unwrap_err();
        assert_eq!((error.kind(), error.code()), (Kind::NotPermitted, "passphrase-needed"));
        assert_eq!(error.hint_command(), Some("chancery send a.toml --passphrase-file FILE"));
    }

    #[test]
    fn a_new_passphrase_is_not_short() {
        let folder = tempfile::tempdir().unwrap();
        let path = file(folder.path(), 0o600, b"short");
        let source = PassphraseSource { file: Some(path.clone()), ..PassphraseSource::default() };
        assert_eq!(source.new_one("key x").unwrap_err().code(), "passphrase-short");
        std::fs::write(path, b"long enough").unwrap();
        assert!(source.new_one("key x").is_ok());
    }

    #[test]
    fn its_words_are_not_shown_by_debug() {
        let passphrase = from_file(0o600, b"tulip harbour").unwrap();
        assert_eq!(format!("{passphrase:?}"), "Passphrase");
    }
}
