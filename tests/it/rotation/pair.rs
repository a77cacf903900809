//! Two ministries of whom one rotates its keys by the commands that its people type, and the messages between them.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use chancery::desk::reference::Entry;
use chancery::desk::register::{SentEntry, SentState};
use chancery::entropy::SystemEntropy;
use chancery::message::leaf::LeafKind;
use chancery::rehearsal::founding::Plan;
use chancery::rehearsal::house::House;
use chancery::rehearsal::world::World;
use chancery::time::SystemClock;
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::ordeal::process::eventually;
use crate::support::{Net, PATIENCE, all_sound, forms, ministry, mould, passphrase};
use crate::tools;

/// Messages that must go through in each direction between two acts.
const FLOW: usize = 1;

/// Two ministries by the clock of this machine: the binary has no other.
pub struct Pair {
    world: World,
    folder: TempDir,
    pub sent: [Mutex<Vec<SentEntry>>; 2],
}

/// How a command ended.
#[derive(Debug)]
pub struct Said {
    code: i32,
    pub data: String,
    talk: String,
}

impl Said {
    fn report(&self) -> Value {
        assert_eq!(self.code, 0, "{self:?}");
        serde_json::from_str(&self.data).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub fn refusal(&self) -> (i32, String) {
        let error: Value = serde_json::from_str(self.talk.lines().last().unwrap_or_default())
            .unwrap_or_else(|error| panic!("{error}: {self:?}"));
        (self.code, error["reason"].as_str().unwrap_or_default().to_owned())
    }

    pub fn ended_well(&self) -> bool {
        self.code == 0
    }

    /// Whether the command that comes next ends so.
    pub fn leads_to(&self, words: &str) -> bool {
        let error: Value = serde_json::from_str(self.talk.lines().last().unwrap_or_default()).unwrap();
        error["hint"].as_str().is_some_and(|hint| hint.ends_with(words))
    }
}

impl Pair {
    pub fn found() -> Self {
        let folder = tempfile::Builder::new().prefix("ch").tempdir().unwrap();
        let net = Net::next();
        let plan = |(place, code): (usize, &&str)| {
            let host = net.host(place);
            Plan::new(mould::founding(code), &format!("{host}:7101"), &format!("{host}:7102")).unwrap()
        };
        let plans = ["XA", "XB"].iter().enumerate().map(plan).collect();
        let (clock, entropy) = (Arc::new(SystemClock), Arc::new(SystemEntropy));
        let world = wait(World::found(folder.path(), plans, &passphrase(), clock, entropy)).unwrap();
        wait(all_sound(&world));
        let words = folder.path().join("passphrase");
        fs::write(&words, "correct horse\n").unwrap();
        fs::set_permissions(&words, fs::Permissions::from_mode(0o600)).unwrap();
        fs::create_dir(folder.path().join("trust")).unwrap();
        for code in ["XA", "XB"] {
            let bundle = world.bundle(&ministry(code)).unwrap().to_bytes();
            fs::write(folder.path().join(format!("trust/{code}.bundle")), bundle).unwrap();
        }
        Self { world, folder, sent: Default::default() }
    }

    fn house(&self, code: &str) -> &House {
        self.world.house(&ministry(code)).unwrap()
    }

    fn place(&self, code: &str, what: &str) -> PathBuf {
        self.folder.path().join(code.to_lowercase()).join(what)
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What somebody types in a home of a ministry, with `--json`.
    pub fn types(&self, code: &str, home: &str, line: &str, more: &[&OsStr]) -> Said {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chancery"));
        command.arg("--home").arg(self.place(code, home)).arg("--json");
        if home != "gateway" || line.starts_with("key certify") || line.starts_with("trust sign") {
            command.arg("--passphrase-file").arg(self.file("passphrase"));
        }
        command.args(line.split_whitespace()).args(more).env_clear().stdin(Stdio::null());
        let output = command.output().unwrap();
        Said {
            code: output.status.code().unwrap_or(-1),
            data: String::from_utf8(output.stdout).unwrap(),
            talk: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Sends on and on until it is told to stop, each message when the one before it was answered: there is always one
    /// on its way, and never a heap of them that only a test would make.
    pub fn send_on(&self, from: usize, stop: &AtomicBool) {
        let (code, other) = [("XA", "XB"), ("XB", "XA")][from];
        let runtime = Runtime::new().unwrap();
        while !stop.load(Ordering::SeqCst) {
            let number = self.sent[from].lock().unwrap().len();
            let form = forms::memorandum(other, "new", &format!("Message {number} of {code}."));
            let sent = runtime.block_on(self.house(code).send(&form, self.folder.path()));
            let [sent] =
                sent.unwrap_or_else(|fault| panic!("{code} {number}: {fault:?}")).try_into().unwrap();
            self.sent[from].lock().unwrap().push(sent.clone());
            let settled = runtime.block_on(self.house(code).settled(&sent, PATIENCE)).unwrap();
            assert!(settled.is_some(), "{code} {number} waits");
        }
    }

    fn count(&self) -> [usize; 2] {
        [0, 1].map(|from| self.sent[from].lock().unwrap().len())
    }

    /// Waits until messages that were sent from now on were delivered, in both directions, and fetched.
    pub fn flows(&self, after: &str) {
        let before = self.count();
        eventually(&format!("messages are sent after {after}"), || {
            let now = self.count();
            (0..2).all(|from| now[from] >= before[from] + FLOW)
        });
        for (from, (code, other)) in [("XA", "XB"), ("XB", "XA")].into_iter().enumerate() {
            let last = self.sent[from].lock().unwrap()[before[from] + FLOW - 1].clone();
            let settled = wait(self.house(code).settled(&last, PATIENCE)).unwrap();
            let settled = settled.unwrap_or_else(|| panic!("{code} waits after {after}"));
            assert_eq!(settled.state, SentState::Delivered, "{after}");
            wait(self.house(other).fetch()).unwrap();
            self.house(other).read(&last.id.to_string()).unwrap();
        }
    }

    /// Rotates a key that carries a certificate, by the commands that its people type.
    pub fn rotate_certified(&self, home: &str, key: &str, name: &str) {
        let begun = self.types("XA", home, &format!("key rotate {key}"), &[]).report();
        self.flows(&format!("a next {key} was made"));
        let request = begun["wrote"][0].as_str().unwrap().to_owned();
        let chain = self.file(&format!("{}.pem", key.replace('/', "-")));
        let next = begun["next"][0].as_str().unwrap();
        if next.contains(" --authority ") {
            self.refuses_less(home, key, next);
        }
        // Exactly what was said to come next, with the places filled in.
        let certify = begun["next"][0].as_str().unwrap().strip_prefix("chancery ").unwrap();
        let certify = certify.replace("ROOT", &self.place("XA", "root").to_string_lossy());
        let certify = certify.replace("CHAIN", &chain.to_string_lossy());
        assert!(certify.contains(name) && certify.ends_with(&request), "{certify}");
        self.types("XA", "root", &certify, &[]).report();
        self.types("XA", home, &format!("key install {key}"), &[chain.as_os_str()]).report();
        self.flows(&format!("the next {key} was installed"));
    }

    /// A certificate with fewer authorities is not installed, and the whole command that makes the right one is hinted.
    fn refuses_less(&self, home: &str, key: &str, next: &str) {
        let less = self.file(&format!("{}-less.pem", key.replace('/', "-")));
        let (mut words, mut line) = (next.split(' ').skip(1), Vec::new());
        while let Some(word) = words.next() {
            match word {
                "--authority" => drop(words.next()),
                "ROOT" => line.push(self.place("XA", "root").to_string_lossy().into_owned()),
                "CHAIN" => line.push(less.to_string_lossy().into_owned()),
                word => line.push(word.to_owned()),
            }
        }
        self.types("XA", "root", &line.join(" "), &[]).report();
        let refused = self.types("XA", home, &format!("key install {key}"), &[less.as_os_str()]);
        assert_eq!(refused.refusal(), (3, "ROTATION_OTHER_AUTHORITIES".to_owned()));
        assert!(refused.talk.contains(&format!("\"hint\":\"{next}\"")), "{refused:?}");
    }

    /// Keeps what the desk of XA believes now, as a backup would.
    pub fn keeps_trust(&self) {
        copied(&self.place("XA", "desk/trust"), &self.file("kept-trust"));
    }

    /// Puts that back in the place of what the desk of XA believes today.
    pub fn restores_trust(&self) {
        fs::remove_dir_all(self.place("XA", "desk/trust")).unwrap();
        copied(&self.file("kept-trust"), &self.place("XA", "desk/trust"));
    }

    /// One message of a ministry to the other, until it was delivered.
    pub fn sends_once(&self, code: &str) {
        let other = if code == "XA" { "XB" } else { "XA" };
        let form = forms::memorandum(other, "new", "One more.");
        let [sent] = wait(self.house(code).send(&form, self.folder.path())).unwrap().try_into().unwrap();
        let settled = wait(self.house(code).settled(&sent, PATIENCE)).unwrap();
        assert_eq!(settled.unwrap().state, SentState::Delivered);
    }

    /// What the officers of a restored desk type: the policy in force, then the newest bundle of their own ministry.
    pub fn adopts_and_installs(&self, bundle: &str) {
        self.types("XA", "desk", "peer adopt --yes", &[]).report();
        self.types("XA", "desk", "trust install", &[self.file(bundle).as_os_str()]).report();
    }

    /// Signs the next bundle of XA; its file.
    fn sign(&self, name: &str) -> PathBuf {
        let file = self.file(name);
        let (root, gateway, desk) =
            (self.place("XA", "root"), self.place("XA", "gateway"), self.place("XA", "desk"));
        let more =
            ["--ministry-home", "ROOT", "--gateway", "GATEWAY", "--desk", "DESK", "-o"].map(OsStr::new);
        let mut more = more.to_vec();
        (more[1], more[3], more[5]) = (root.as_os_str(), gateway.as_os_str(), desk.as_os_str());
        more.push(file.as_os_str());
        self.types("XA", "root", "trust sign", &more).report();
        file
    }

    /// A ministry believes a bundle from now on; its own newest one reaches its gateway with it.
    fn adds(&self, code: &str, bundle: &Path) {
        let shown = self.types(code, "desk", "peer inspect", &[bundle.as_os_str()]).report();
        let fingerprint = shown["fingerprint"].as_str().unwrap();
        let line = format!("peer add --ceiling CONFIDENTIAL --fingerprint {fingerprint}");
        self.types(code, "desk", &line, &[bundle.as_os_str()]).report();
    }

    /// The next bundle of XA, in force at its own gateway and believed by XB.
    fn announce(&self, name: &str) {
        let bundle = self.sign(name);
        self.adds("XA", &self.file("trust/XB.bundle"));
        self.flows(&format!("{name} was in force at home"));
        self.adds("XB", &bundle);
        self.flows(&format!("{name} was believed"));
    }

    /// Rotates a key of logs or cosignatures; completing it too early is refused each time.
    pub fn rotate_announced(&self, key: &str) {
        self.types("XA", "gateway", &format!("key rotate {key}"), &[]).report();
        let twice = self.types("XA", "gateway", &format!("key rotate {key}"), &[]).refusal();
        assert_eq!(twice, (7, "ROTATION_BEGUN".to_owned()));
        let complete = || self.types("XA", "gateway", &format!("key rotate {key} --complete"), &[]);
        assert_eq!(complete().refusal(), (5, "ROTATION_NOT_ANNOUNCED".to_owned()), "{key}");
        let bundle = self.sign(&format!("{key}-both.bundle"));
        assert_eq!(complete().refusal(), (5, "ROTATION_NOT_ANNOUNCED".to_owned()), "signed, not in force");
        self.adds("XA", &self.file("trust/XB.bundle"));
        self.flows(&format!("the next {key} was announced at home"));
        let early = complete();
        assert_eq!(early.refusal(), (5, "ROTATION_TOO_EARLY".to_owned()), "{key}");
        assert!(early.talk.contains("XB has not accredited"), "{early:?}");
        assert!(early.talk.contains("\"hint\":\"chancery ") && !early.talk.contains(" --yes\""), "{early:?}");
        self.adds("XB", &bundle);
        // The peer says so in its log, which is on its way here.
        eventually(&format!("{key} is completed"), || {
            let said = complete();
            said.code == 0 || {
                assert_eq!(said.refusal(), (5, "ROTATION_TOO_EARLY".to_owned()));
                false
            }
        });
        self.flows(&format!("the next {key} was in use"));
        self.announce(&format!("{key}-new.bundle"));
    }

    pub fn rotate_reading(&self) {
        let own = || {
            let shown = self.types(
                "XA",
                "desk",
                "peer inspect",
                &[self.place("XA", "desk/trust/own.bundle").as_os_str()],
            );
            shown.report()["reading_keys"].as_array().unwrap().clone()
        };
        let before = own();
        self.types("XA", "desk", "key rotate reading", &[]).report();
        let complete = || self.types("XA", "desk", "key rotate reading --complete", &[]);
        assert_eq!(complete().refusal(), (5, "ROTATION_NOT_ANNOUNCED".to_owned()));
        self.announce("reading-both.bundle");
        assert_eq!((own().len(), &own()[..1]), (2, &before[..]));
        complete().report();
        self.flows("the next reading key was in use");
        self.announce("reading-new.bundle");
        assert_eq!(own().len(), 1);
        assert_ne!(own(), before);
    }

    /// Writes the evidence of a message and verifies it away from every home.
    pub fn proves(&self, code: &str, message: &SentEntry, name: &str) {
        let file = self.file(name);
        let mut more: Vec<&OsStr> = vec![OsStr::new("-o"), file.as_os_str()];
        let id = message.id.to_string();
        more.insert(0, OsStr::new(&id));
        self.types(code, "desk", "export", &more).report();
        self.verifies(&file);
    }

    pub fn verifies(&self, file: &Path) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chancery"));
        command.args(["--home", "/nowhere", "verify", "--trust"]).arg(self.file("trust")).arg(file);
        let output = command.env_clear().stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success(), "{}: {output:?}", file.display());
    }

    /// Everything that was sent arrived once and is proven by both sides, and nothing of it had to be tried twice.
    pub fn arrived(&self) {
        for (from, (code, other)) in [("XA", "XB"), ("XB", "XA")].into_iter().enumerate() {
            let sent = self.sent[from].lock().unwrap().clone();
            wait(self.house(other).fetch()).unwrap();
            let (desk, reader) = (self.house(code).desk().unwrap(), self.house(other).desk().unwrap());
            // A few of them, from the first to the last; that all arrived is seen at the other side.
            let last = sent.last().into_iter();
            for copy in sent.iter().step_by(1 + sent.len() / 4).chain(last) {
                let settled = wait(self.house(code).settled(copy, PATIENCE)).unwrap();
                assert_eq!(settled.unwrap().state, SentState::Delivered);
                let inspected = wait(self.house(code).gateway().unwrap().inspect(copy.id.digest())).unwrap();
                assert_eq!(inspected.attempts.len(), 0, "{code}: {:?}", inspected.attempts);
                let trust = desk.trust().unwrap();
                let entry = desk.find(&copy.id.to_string()).unwrap();
                let proven = wait(async {
                    let mut mailbox = desk.mailbox(self.house(code).keys()).await.unwrap();
                    desk.receipts(&trust, &mut mailbox, &entry).await.unwrap()
                });
                for kind in [LeafKind::Sent, LeafKind::Received] {
                    let one = proven.iter().find(|one| one.kind() == kind);
                    assert!(one.is_some_and(|one| one.cosigned.is_some()), "{code}: {kind:?} of {}", copy.id);
                }
            }
            // Each once, in the order in which they were sent.
            let held = sent.iter().map(|copy| match reader.find(&copy.id.to_string()).unwrap() {
                Entry::Received(received) => (received.sequence, received.cursor),
                Entry::Sent(_) => panic!("{} was sent by {code}", copy.id),
            });
            let held: Vec<(u64, u64)> = held.collect();
            let numbers: Vec<u64> = held.iter().map(|(number, _)| *number).collect();
            assert_eq!(numbers, (1..=sent.len() as u64).collect::<Vec<_>>(), "{other}");
            assert!(held.is_sorted_by_key(|(_, cursor)| *cursor), "{other}: {held:?}");
            self.house(other).read(&sent[0].id.to_string()).unwrap();
        }
    }

    pub fn is_sound(&self) {
        for code in ["XA", "XB"] {
            let gateway = self.house(code).gateway().unwrap();
            assert_eq!(wait(gateway.status()).unwrap().alarms, [], "{code}");
            assert_eq!(wait(gateway.verify()).unwrap().damages, Vec::<String>::new(), "{code}");
        }
    }

    /// Both archives convince the independent check, once both sides have everything of each other.
    pub fn convinces_strangers(&self) {
        let folders = ["XA", "XB"].map(|code| {
            let folder = self.file(&format!("archive-{code}"));
            self.types(code, "gateway", "log export", &[folder.as_os_str()]).report();
            folder
        });
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/check_archive.py");
        let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/.venv/bin/python3");
        let mut check = Command::new(if own.exists() { own } else { "python3".into() });
        check.arg(script).arg("--drained").args(folders);
        let Some(output) = tools::run(&mut check, "checking archives after a rotation") else { return };
        let said = String::from_utf8_lossy(&output.stderr);
        if said.contains("No module named 'cryptography'") {
            eprintln!(
                "SKIPPED checking archives after a rotation: the Python package cryptography not found"
            );
            return;
        }
        assert!(output.status.success(), "{}{said}", String::from_utf8_lossy(&output.stdout));
    }
}

/// A folder with everything in it, at another place.
fn copied(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (place, name) = (entry.path(), entry.file_name());
        if place.is_dir() {
            copied(&place, &to.join(name));
        } else {
            fs::copy(&place, to.join(name)).unwrap();
        }
    }
}

fn wait<T>(work: impl Future<Output = T>) -> T {
    Runtime::new().unwrap().block_on(work)
}
