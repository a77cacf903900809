//! What an officer does, by the real binary at two real gateways: write, check, send, read, prove.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, OnceLock};

use chancery::entropy::SystemEntropy;
use chancery::rehearsal::founding::Plan;
use chancery::rehearsal::world::World;
use chancery::time::{Clock, SystemClock};
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::support::{Net, all_sound, ministry, mould, passphrase};

mod anew;
mod away;
mod casebook;
mod clearance;
mod clients;
mod dismissal;
mod evidence;
mod exchange;
mod forms;
mod killed;
mod lost;
mod names;
mod night;
mod overdue;
mod passphrases;
mod record;
mod restored;
mod service;
#[cfg(feature = "opentelemetry")]
mod spans;
mod three;

/// XA and XB with running gateways, by the clock of this machine: the binary has no other.
struct Ministries {
    world: World,
    directory: PathBuf,
}

/// The ministries that most tests share; they look only at messages of their own.
fn ministries() -> &'static Ministries {
    static SHARED: OnceLock<Ministries> = OnceLock::new();
    SHARED.get_or_init(|| Ministries::found("shared"))
}

impl Ministries {
    /// Founds them in a folder of this run. What earlier runs have left is removed.
    fn found(name: &str) -> Self {
        Self::found_all(name, &["XA", "XB"])
    }

    /// The same of these ministries.
    fn found_all(name: &str, codes: &[&str]) -> Self {
        Self::found_by(name, codes, SystemClock)
    }

    /// The same by another clock: the homes and gateways are its, the binary goes by that of this machine.
    fn found_by(name: &str, codes: &[&str], clock: impl Clock + 'static) -> Self {
        let below = Path::new(env!("CARGO_TARGET_TMPDIR")).join("officer");
        let directory = below.join(name);
        let _nothing_left = fs::remove_dir_all(&directory);
        fs::create_dir_all(&directory).unwrap();
        let net = Net::next();
        let plan = |(place, code): (usize, &&str)| {
            let host = net.host(place);
            Plan::new(mould::founding(code), &format!("{host}:7101"), &format!("{host}:7102")).unwrap()
        };
        let plans = codes.iter().enumerate().map(plan).collect();
        let (clock, entropy) = (Arc::new(clock), Arc::new(SystemEntropy));
        let world = wait(World::found(&directory, plans, &passphrase(), clock, entropy)).unwrap();
        wait(all_sound(&world));
        write_secret(&directory.join("passphrase"), "correct horse\n");
        write_secret(&directory.join("wrong"), "battery staple\n");
        for code in codes {
            let bundle = world.bundle(&ministry(code)).unwrap().to_bytes();
            fs::create_dir_all(directory.join("trust")).unwrap();
            fs::write(directory.join(format!("trust/{code}.bundle")), bundle).unwrap();
        }
        Self { world, directory }
    }

    fn desk(&self, code: &str) -> PathBuf {
        self.directory.join(code.to_lowercase()).join("desk")
    }

    fn trust(&self) -> PathBuf {
        self.directory.join("trust")
    }

    /// What an officer of `code` types.
    fn types<I: AsRef<OsStr>>(&self, code: &str, args: impl IntoIterator<Item = I>) -> Said {
        let passphrase = self.directory.join("passphrase");
        let home = [OsStr::new("--home"), self.desk(code).as_os_str()].map(OsStr::to_owned);
        let key = [OsStr::new("--passphrase-file"), passphrase.as_os_str()].map(OsStr::to_owned);
        let args = args.into_iter().map(|arg| arg.as_ref().to_owned());
        chancery(home.into_iter().chain(key).chain(args))
    }

    /// How a command begins that an officer of `code` types.
    fn typed_by(&self, code: &str) -> String {
        let passphrase = self.directory.join("passphrase");
        format!("chancery --home {} --passphrase-file {}", self.desk(code).display(), passphrase.display())
    }

    /// Sends a form and waits for the receipt; what `--json` says of the one copy.
    fn delivers(&self, code: &str, form: &str, attached: &[&Path]) -> Value {
        let desk = TempDir::new().unwrap();
        let path = desk.path().join("form.toml");
        fs::write(&path, form).unwrap();
        let mut args = vec!["send".into(), path.into_os_string()];
        for path in attached {
            args.extend(["-a".into(), path.as_os_str().to_owned()]);
        }
        args.extend(["--wait=30s", "--yes", "--json"].map(Into::into));
        let said = self.types(code, args);
        assert_eq!(said.code, 0, "{said:?}");
        let sent = said.json();
        assert_eq!(sent["state"], "delivered", "{sent}");
        sent
    }
}

/// How a command ended.
#[derive(Debug)]
struct Said {
    code: i32,
    data: String,
    talk: String,
}

impl Said {
    fn json(&self) -> Value {
        serde_json::from_str(&self.data).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    fn error(&self) -> Value {
        let last = self.talk.lines().last().unwrap_or_default();
        serde_json::from_str(last).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// Runs the binary without a terminal and without anybody's variables.
fn chancery<I: AsRef<OsStr>>(args: impl IntoIterator<Item = I>) -> Said {
    chancery_with([], args)
}

/// The same with these variables.
fn chancery_with<'a, I: AsRef<OsStr>>(
    variables: impl IntoIterator<Item = (&'a str, &'a OsStr)>,
    args: impl IntoIterator<Item = I>,
) -> Said {
    let output: Output = Command::new(env!("CARGO_BIN_EXE_chancery"))
        .args(args)
        .env_clear()
        .envs(variables)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    Said {
        code: output.status.code().unwrap_or(-1),
        data: String::from_utf8(output.stdout).unwrap(),
        talk: String::from_utf8(output.stderr).unwrap(),
    }
}

fn wait<T>(work: impl Future<Output = T>) -> T {
    Runtime::new().unwrap().block_on(work)
}

fn write_secret(path: &Path, words: &str) {
    use std::os::unix::fs::PermissionsExt;
    fs::write(path, words).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

fn text_of<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_else(|| panic!("no text {field} in {value}"))
}
