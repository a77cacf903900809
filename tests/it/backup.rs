//! Backups of gateways and desks by the real binary: made while messages flow, verified, restored into an empty place,
//! and then repaired by peers and desks, so that nothing is signed twice and every message arrives once.

mod restored;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use chancery::desk::register::{SentEntry, SentState};
use chancery::entropy::SystemEntropy;
use chancery::gateway::administration::ActRange;
use chancery::gateway::standing::Standing;
use chancery::keys::home::backup::read;
use chancery::keys::{KeyError, open_identity};
use chancery::message::administration::{AdministrativeLeaf, AdministrativeVerb};
use chancery::message::seal::ReadingKey;
use serde_json::Value;

use crate::support::{Stage, forms, ministry, proofs};

/// How a command ended.
#[derive(Debug)]
struct Said {
    code: i32,
    data: String,
    talk: String,
}

impl Said {
    fn json(&self) -> Value {
        assert_eq!(self.code, 0, "{self:?}");
        serde_json::from_str(&self.data).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

fn run(program: &str, args: &[&OsStr]) -> Said {
    let mut command = Command::new(program);
    let output = command.env_clear().args(args).stdin(Stdio::null()).output().unwrap();
    Said {
        code: output.status.code().unwrap_or(-1),
        data: String::from_utf8(output.stdout).unwrap(),
        talk: String::from_utf8(output.stderr).unwrap(),
    }
}

/// An operator with a recovery key in a safe.
struct Operator {
    folder: PathBuf,
    recipient: String,
}

impl Operator {
    fn of(stage: &Stage) -> Self {
        let key = ReadingKey::generate(&SystemEntropy).unwrap();
        let folder = stage.folder().to_owned();
        let text = format!("# kept in a safe\n{}\n", &*key.secret_text());
        fs::write(folder.join("recovery.key"), text).unwrap();
        fs::set_permissions(folder.join("recovery.key"), fs::Permissions::from_mode(0o600)).unwrap();
        Self { folder, recipient: key.recipient().to_string() }
    }

    fn again(&self) -> Self {
        Self { folder: self.folder.clone(), recipient: self.recipient.clone() }
    }

    fn identity(&self) -> PathBuf {
        self.folder.join("recovery.key")
    }

    /// What the operator types at a home.
    fn types(&self, home: &Path, args: &[&str]) -> Said {
        let mut all =
            vec![OsStr::new("--home"), home.as_os_str(), OsStr::new("--json"), OsStr::new("backup")];
        all.extend(args.iter().map(OsStr::new));
        run(env!("CARGO_BIN_EXE_chancery"), &all)
    }

    fn creates(&self, home: &Path, name: &str) -> PathBuf {
        let file = self.folder.join(name);
        let said = self.types(home, &["create", "-o", file.to_str().unwrap(), "--to", &self.recipient]);
        assert_eq!(said.json()["schema"], "chancery.backup-created/1");
        assert!(said.json()["next"].to_string().contains(" --identity FILE"), "{said:?}");
        file
    }

    /// Verifies by the recovery key, in a folder for it.
    fn verifies_in(&self, home: &Path, file: &Path, work: &Path) -> Said {
        let identity = self.identity();
        let [file, work, identity] = [file, work, identity.as_path()].map(|path| path.to_str().unwrap());
        self.types(home, &["verify", file, "--work", work, "--identity", identity])
    }

    /// Verifies or restores by the recovery key.
    fn opens(&self, home: &Path, verb: &str, file: &Path) -> Said {
        let identity = self.identity();
        let mut words = vec![verb, file.to_str().unwrap(), "--identity", identity.to_str().unwrap()];
        words.extend((verb == "restore").then_some("--no-desk-revoked"));
        self.types(home, &words)
    }
}

fn gateway_home(stage: &Stage, code: &str) -> PathBuf {
    stage.house(code).homes().gateway.directory().to_owned()
}

async fn delivered(stage: &Stage, from: &str, to: &str, words: &str) -> SentEntry {
    let [sent] = stage.send(from, &forms::memorandum(to, "new", words)).await.try_into().unwrap();
    let settled = stage.settled(from, &sent).await;
    assert_eq!(settled.state, SentState::Delivered, "{}", settled.reason);
    settled
}

/// A memorandum with a document that travels beside its envelope.
async fn with_document(stage: &Stage, from: &str, to: &str) {
    fs::write(stage.folder().join("scan.bin"), vec![3; 300 * 1024]).unwrap();
    let document = "\n[[document]]\nid = \"scan\"\npath = \"scan.bin\"\ntitle = \"Scan\"\nclass = \"EVIDENCE\"\nlanguage = \"und\"\n";
    let form = forms::memorandum(to, "new", "With a scan.") + document;
    let [sent] = stage.send(from, &form).await.try_into().unwrap();
    assert_eq!(stage.settled(from, &sent).await.state, SentState::Delivered);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_restored_from_a_backup_signs_no_number_twice_and_gets_everything_back() {
    let mut stage = Stage::pair().await;
    let operator = Operator::of(&stage);
    let home = gateway_home(&stage, "XA");
    delivered(&stage, "XA", "XB", "One.").await;
    with_document(&stage, "XB", "XA").await;
    // Messages flow while it is made.
    let (file, _) = tokio::join!(
        async {
            let (operator, home) = (operator.again(), home.clone());
            tokio::task::spawn_blocking(move || operator.creates(&home, "xa.backup")).await.unwrap()
        },
        async {
            for round in 0..4 {
                delivered(&stage, "XA", "XB", &format!("Meanwhile {round}.")).await;
                delivered(&stage, "XB", "XA", &format!("Heard {round}.")).await;
            }
        }
    );
    let work = stage.folder().join("work");
    let left = work.join(".chancery-verify-killed");
    fs::create_dir_all(&left).unwrap();
    fs::write(left.join("gateway.db"), "headers").unwrap();
    let report = operator.verifies_in(&home, &file, &work).json();
    assert_eq!(
        fs::read_dir(&work).unwrap().count(),
        0,
        "neither its own folder stays nor that of one who was killed"
    );
    assert_eq!((report["kind"].as_str(), report["ministry"].as_str()), (Some("gateway"), Some("XA")));
    assert_eq!(report["examined"]["clean"], true, "{report}");
    assert!(report["examined"]["parts"].as_u64().is_some_and(|parts| parts > 0), "{report}");

    delivered(&stage, "XA", "XB", "After the backup.").await;
    with_document(&stage, "XB", "XA").await;
    assert_eq!(stage.house("XA").fetch().await.unwrap(), 6);
    delivered(&stage, "XB", "XA", "Not fetched.").await;
    proofs::logs_agree(&stage).await;
    let logs = proofs::own_logs(&stage, &ministry("XA")).await;
    let before = logs.into_iter().find(|log| log.peer == ministry("XB")).unwrap();

    // The host burns; a new one is given the same place.
    stage.house_mut("XA").lose().await.unwrap();
    fs::remove_dir_all(&home).unwrap();
    assert_eq!(operator.opens(&home, "restore", &file).json()["schema"], "chancery.backup-restored/1");
    assert!(!home.join("run/mark").exists(), "nothing vouches for a restored store");
    assert_eq!(operator.opens(&home, "restore", &file).code, 7, "over a home nothing is restored");
    stage.house_mut("XB").stop().await.unwrap();
    stage.house_mut("XA").start().await.unwrap();
    assert_eq!(stage.gateway("XA").standing(&ministry("XB")), Standing::Unconfirmed);
    let page = stage.gateway("XA").acts(None, ActRange::Newest(2)).await.unwrap();
    let acts = page.leaves.iter().map(|leaf| AdministrativeLeaf::parse(leaf).unwrap().act.verb);
    assert_eq!(acts.collect::<Vec<_>>(), [AdministrativeVerb::Restored, AdministrativeVerb::PeerPaused]);
    let alarms = stage.gateway("XA").status().await.unwrap().alarms;
    let told = alarms.iter().find(|alarm| alarm.code == "RESTORED").unwrap();
    let made = report["time"].as_str().unwrap();
    assert!(told.ministry == ministry("XA") && told.detail.contains(&format!("of {made}")), "{told:?}");
    restored::desk_comes(&stage).await;
    restored::let_in(&stage, "XB").await;
    stage.house_mut("XB").start().await.unwrap();
    stage.sound("XA", "XB").await;
    let root = stage.gateway("XA").root_of(&before.origin, before.size).await.unwrap();
    assert_eq!(root, Some(before.root), "what was signed stands where it stood");
    let alarms = stage.gateway("XA").status().await.unwrap().alarms;
    assert!(alarms.iter().any(|alarm| alarm.code == "ROLLED_BACK"), "{alarms:?}");
    stage.house_mut("XA").stop().await.unwrap();
    stage.house_mut("XA").start().await.unwrap();
    stage.sound("XA", "XB").await;
    let alarms = stage.gateway("XA").status().await.unwrap().alarms;
    assert!(alarms.iter().all(|alarm| alarm.code != "RESTORED"), "over, and a restart brings nothing back");

    assert_eq!(delivered(&stage, "XA", "XB", "Traffic goes on.").await.sequence, 7);
    delivered(&stage, "XB", "XA", "Here too.").await;
    assert_eq!(stage.house("XA").fetch().await.unwrap(), 2, "what was not fetched, and what is new");
    assert_eq!(stage.gateway("XB").list_received(0, 64).await.unwrap().0.len(), 7);
    assert_eq!(stage.gateway("XA").list_received(0, 64).await.unwrap().0.len(), 8);
    crate::support::eventually("XA holds all its parts again", || async {
        stage.gateway("XA").verify().await.unwrap().damages.is_empty()
    })
    .await;
    proofs::logs_agree(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_desk_fetches_what_it_lost_and_gives_no_number_that_was_given() {
    let stage = Stage::pair().await;
    let operator = Operator::of(&stage);
    let home = stage.house("XA").homes().desk.directory().to_owned();
    delivered(&stage, "XA", "XB", "One.").await;
    delivered(&stage, "XB", "XA", "Heard one.").await;
    assert_eq!(stage.house("XA").fetch().await.unwrap(), 1);
    let file = operator.creates(&home, "desk.backup");
    assert_eq!(operator.opens(&home, "verify", &file).json()["kind"], "desk");
    let restored = |name: &str| {
        fs::remove_dir_all(&home).unwrap();
        assert_eq!(operator.opens(&home, "restore", &file).code, 0, "{name}");
    };

    // Nothing was released since then: what was received since then comes again, and the desk goes on.
    delivered(&stage, "XB", "XA", "Heard it again.").await;
    assert_eq!(stage.house("XA").fetch().await.unwrap(), 1);
    restored("nothing lost");
    assert_eq!(stage.house("XA").fetch().await.unwrap(), 1, "the one that came after the backup");
    assert_eq!(delivered(&stage, "XA", "XB", "Two.").await.sequence, 2);

    // What was released since then the gateway gives back, and nothing goes that was composed without it.
    restored("one lost");
    let register = || {
        let all = [OsStr::new("--home"), home.as_os_str(), OsStr::new("--json"), OsStr::new("doctor")];
        let doctor = run(env!("CARGO_BIN_EXE_chancery"), &all).json();
        let found = doctor["checks"].as_array().unwrap().iter().find(|one| one["subject"] == "register");
        let found = found.unwrap();
        (found["level"].as_str().unwrap().to_owned(), found["next"].to_string())
    };
    let (level, next) = register();
    assert!(level == "warn" && next.contains("status"), "nobody compared it on this host: {level} {next}");
    let form = forms::memorandum("XB", "new", "Three.");
    let refused = stage.house("XA").send(&form, stage.folder()).await.unwrap_err().to_string();
    assert!(refused.contains("1 messages that this desk had sent came back"), "{refused}");
    assert_eq!(stage.gateway("XB").list_received(0, 64).await.unwrap().0.len(), 2, "nothing was sent");
    let sent = delivered(&stage, "XA", "XB", "Three.").await;
    assert_eq!((sent.sequence, sent.act_number), (3, 1));
    let house = stage.house("XA");
    let desk = house.desk().unwrap();
    let mut mailbox = desk.mailbox(house.keys()).await.unwrap();
    desk.ask(&desk.trust().unwrap(), house.keys(), &mut mailbox).await.unwrap();
    assert_eq!(register().0, "ok");
    // An older copy that comes by another way than `backup restore` is told from it without asking anybody.
    let kept = rusqlite::Connection::open(home.join("register.db")).unwrap();
    kept.execute("DELETE FROM sent WHERE sequence = 3", []).unwrap();
    assert_eq!(register().0, "warn");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_backup_is_refused_by_name_and_leaves_nothing_behind() {
    let mut stage = Stage::pair().await;
    let operator = Operator::of(&stage);
    let home = gateway_home(&stage, "XA");
    delivered(&stage, "XA", "XB", "One.").await;
    let file = operator.creates(&home, "xa.backup");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let path = file.to_str().unwrap();
    let again = operator.types(&home, &["create", "-o", path, "--to", &operator.recipient]);
    assert_eq!(again.code, 7, "never overwritten: {again:?}");
    let bytes = fs::read(&file).unwrap();
    let place = stage.folder().join("elsewhere");
    let refused = |name: &str, bytes: &[u8]| {
        let bad = stage.folder().join(name);
        fs::write(&bad, bytes).unwrap();
        let codes = ["verify", "restore"].map(|verb| operator.opens(&place, verb, &bad).code);
        assert!(!place.exists(), "{name}");
        codes
    };
    let mut damaged = bytes.clone();
    damaged[bytes.len() / 2] ^= 1;
    assert_eq!(refused("damaged", &damaged), [3, 3]);
    assert_eq!(refused("truncated", &bytes[..bytes.len() - 1]), [3, 3]);
    assert_eq!(refused("half", &bytes[..bytes.len() / 2]), [3, 3]);
    assert_eq!(refused("no-backup", b"not a backup"), [3, 3]);
    let other = ReadingKey::generate(&SystemEntropy).unwrap();
    let wrong = stage.folder().join("wrong.key");
    fs::write(&wrong, format!("{}\n", &*other.secret_text())).unwrap();
    fs::set_permissions(&wrong, fs::Permissions::from_mode(0o600)).unwrap();
    let said = operator.types(&place, &["restore", path, "--identity", wrong.to_str().unwrap()]);
    assert_eq!(said.code, 4, "{said:?}");
    let identity = operator.identity();
    let said = operator
        .types(&place, &["restore", path, "--identity", identity.to_str().unwrap(), "--ministry", "XB"]);
    assert!(said.code == 4 && said.talk.contains("BACKUP_OTHER_MINISTRY"), "{said:?}");
    assert!(
        said.talk.contains(" backup list ") && !said.talk.contains("key list"),
        "no home is there: {said:?}"
    );
    assert!(!place.exists());
    let desk = stage.house("XA").homes().desk.directory().to_owned();
    let own = fs::read_to_string(desk.join("keys/reading.recipient")).unwrap();
    let said = operator.types(&desk, &["create", "-o", "d.backup", "--to", own.trim()]);
    assert!(said.code == 2 && said.talk.contains("BACKUP_OWN_KEY"), "{said:?}");
    // Without --to it is sealed under a passphrase, whatever age is installed.
    let nobody = operator.types(&desk, &["create", "-o", "own.backup", "--to", "no-such-recipient"]);
    assert!(nobody.code == 2 && nobody.talk.contains("age-keygen -pq"), "{nobody:?}");
    for (said, file) in [(said, "d.backup"), (nobody, "own.backup")] {
        assert!(said.talk.contains(&format!(" backup create -o {file}\"")), "{said:?}");
    }

    // Without a key what lies in a folder is told as anybody sees it; with one, what each is of, or why not.
    let folder = stage.folder().to_str().unwrap().to_owned();
    let listed = |args: &[&str]| -> (i32, Vec<Value>) {
        let said = operator.types(&place, args);
        (said.code, said.data.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
    };
    let named = |all: &[Value], name: &str| -> Value {
        let ends = |one: &&Value| one["file"].as_str().unwrap().ends_with(name);
        all.iter().find(ends).cloned().unwrap_or_default()
    };
    let (code, seen) = listed(&["list", &folder]);
    let one = named(&seen, "/xa.backup");
    assert_eq!((code, one["sealed"].as_str(), one["recipients"].as_u64()), (0, Some("recipients"), Some(1)));
    assert_eq!((one["bytes"].as_u64(), &one["backup"]), (Some(bytes.len() as u64), &Value::Null));
    assert_eq!(named(&seen, "/no-backup"), Value::Null, "what is sealed to nobody is none");
    let (code, seen) = listed(&["list", &folder, "--identity", identity.to_str().unwrap()]);
    let one = named(&seen, "/xa.backup");
    assert_eq!((code, one["backup"]["ministry"].as_str()), (3, Some("XA")), "others there are damaged");
    assert!(one["backup"]["logs"][0]["size"].as_u64().unwrap() > 0, "{one}");
    assert!(!named(&seen, "/damaged")["refused"]["reason"].as_str().unwrap().is_empty());
    let (code, seen) = listed(&["list", path, "--identity", wrong.to_str().unwrap()]);
    assert_eq!(
        (code, named(&seen, "/xa.backup")["refused"]["reason"].as_str()),
        (0, Some("SEAL_NOT_FOR_US"))
    );
    assert_eq!(listed(&["list", &format!("{folder}/no-backup")]).0, 3);

    // One that runs is not opened by the daemon's own command, and one that does not is backed up by that alone.
    let output = stage.folder().join("offline.backup");
    let offline = ["backup", "--home", home.to_str().unwrap(), "-o", output.to_str().unwrap(), "--to"];
    let offline: Vec<&OsStr> =
        offline.iter().map(OsStr::new).chain([OsStr::new(operator.recipient.as_str())]).collect();
    assert_eq!(run(env!("CARGO_BIN_EXE_chancery-gateway"), &offline).code, 1);
    assert!(!output.exists());
    stage.house_mut("XA").stop().await.unwrap();
    let away = operator.types(&home, &["create", "-o", "x.backup", "--to", &operator.recipient]);
    assert!(away.code == 5 && away.talk.contains("chancery-gateway backup"), "{away:?}");
    let said = run(env!("CARGO_BIN_EXE_chancery-gateway"), &offline);
    assert_eq!(said.code, 0, "{said:?}");
    let verified = operator.opens(&home, "verify", &output).json();
    assert_eq!(verified["examined"]["clean"], true);
    let next = verified["next"].to_string();
    assert!(next.contains(" --identity ") && next.contains("recovery.key"), "{next}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_has_the_store_before_the_keys_and_in_it_the_entry_that_it_was_made() {
    let stage = Stage::pair().await;
    let operator = Operator::of(&stage);
    let file = operator.creates(&gateway_home(&stage, "XA"), "ordered.backup");
    let key = open_identity::<KeyError>(&operator.identity(), || panic!("it has no passphrase")).unwrap();
    let mut places = Vec::new();
    let manifest = read(fs::File::open(&file).unwrap(), &[&key], &mut |path, _, bytes| {
        places.push(path.to_owned());
        std::io::copy(bytes, &mut std::io::sink()).unwrap();
        Ok(())
    });
    // A key that is rotated meanwhile is then never older than what stands under its successor.
    let last = places.iter().rposition(|path| path.starts_with("data/")).unwrap();
    assert!(places.iter().position(|path| path.starts_with("keys/")).unwrap() > last, "{places:?}");
    let copied = manifest.unwrap().about.logs;
    let copied = copied.iter().find(|log| log.origin.contains("/administration/")).unwrap();
    let now = stage.gateway("XA").all_logs().await.unwrap();
    let now = now.iter().find(|log| log.origin == copied.origin).unwrap();
    assert_eq!(copied.size, now.size, "it was written down before anything left");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_open_a_backup_is_told_by_what_would() {
    let stage = Stage::pair().await;
    let operator = Operator::of(&stage);
    let secret = |name: &str, words: &str| {
        let path = stage.folder().join(name);
        fs::write(&path, words).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (right, wrong) =
        (secret("right", "tulip harbour lantern\n"), secret("wrong", "another set of words\n"));
    let desk = stage.house("XA").homes().desk.directory().to_owned();
    let file = stage.folder().join("under-words.backup");
    let path = file.to_str().unwrap();
    let made = operator.types(&desk, &["create", "-o", path, "--passphrase-file", &right]);
    assert_eq!(made.code, 0, "{made:?}");
    let identity = operator.identity();
    let hint = |args: &[&str]| {
        let said = operator.types(&stage.folder().join("elsewhere"), args);
        let error: Value = serde_json::from_str(said.talk.lines().last().unwrap()).unwrap();
        assert_eq!((said.code, error["code"].as_str()), (4, Some("backup-locked")), "{said:?}");
        error["hint"].as_str().unwrap().to_owned()
    };
    for verb in ["verify", "restore"] {
        for by in [["--passphrase-file", &wrong], ["--identity", identity.to_str().unwrap()]] {
            let hinted = hint(&[verb, path, by[0], by[1]]);
            assert!(
                hinted.ends_with(" --passphrase-file FILE") && !hinted.contains("--identity"),
                "{hinted}"
            );
        }
    }
    let sealed = operator.creates(&desk, "to-a-key.backup");
    let hinted = hint(&["verify", sealed.to_str().unwrap(), "--passphrase-file", &wrong]);
    assert!(hinted.ends_with(" --identity FILE"), "{hinted}");
}
