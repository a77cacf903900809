//! Offices with passphrases of their own that send alone: given by file, or typed at a terminal where the office is named.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use chancery::proto::consultation::v1::{HoldNotice, HoldReason};
use chancery::proto::desk::v1 as wire;
use chancery::proto::desk::v1::desk_service_client::DeskServiceClient;
use chancery::proto::message::v1 as terms;
use chancery::transport::channel::connect_unix;
use tempfile::TempDir;

use super::{Ministries, Said, chancery, chancery_with, ministries, text_of, write_secret};
use crate::support::forms;

fn good(said: Said) -> Said {
    assert_eq!(said.code, 0, "{said:?}");
    said
}

/// Types what is asked for at a terminal: pairs of a question and its answer, then the exit code that is expected.
const TYPIST: &str = r#"
import fcntl, os, pty, select, subprocess, sys, termios, time
code, pairs, command = int(sys.argv[1]), sys.argv[2].split("|"), sys.argv[3:]
master, slave = pty.openpty()
own = lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0)
process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, start_new_session=True, preexec_fn=own)
seen, deadline = b"", time.monotonic() + 120
def more(wait):
    global seen
    assert time.monotonic() < deadline, seen
    if select.select([master], [], [], wait)[0]:
        seen += os.read(master, 4096)
for question, answer in zip(pairs[::2], pairs[1::2]):
    while question.encode() not in seen:
        assert process.poll() is None, (question, seen)
        more(1)
    seen = seen.split(question.encode(), 1)[1]
    os.write(master, answer.encode() + b"\n")
while process.poll() is None:
    more(0.05)
assert process.returncode == code, (process.returncode, seen)
for answer in pairs[1::2]:
    assert answer.encode() not in seen, seen
print("as it should be")
"#;

/// Has the desk of XB served at a local socket, and asks it for a hold.
fn held_by_service(both: &Ministries, consultation: &str, id: &str, more: &[&str]) -> Result<usize, String> {
    // Names of sockets are short.
    let place = tempfile::Builder::new().prefix("ch").tempdir_in("/tmp").unwrap();
    let (socket, user) = (place.path().join("desk.sock"), rustix::process::getuid().as_raw());
    let config =
        format!("socket = {socket:?}\n\n[[user]]\nuid = {user}\nname = \"duty\"\nroles = [\"release\"]\n");
    std::fs::write(both.desk("XB").join("service.toml"), config).unwrap();
    let passphrase = both.directory.join("passphrase");
    let mut child = Command::new(env!("CARGO_BIN_EXE_chancery"))
        .env_clear()
        .args(["--json", "--home"])
        .arg(both.desk("XB"))
        .arg("--passphrase-file")
        .arg(passphrase)
        .args(more)
        .args(["desk", "serve"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut said = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut said).unwrap();
    assert!(said.contains("chancery.desk-serving/1"), "{said}");
    let act = HoldNotice {
        persons: vec!["P-7QK4-M2XD-9WTV".to_owned()],
        reason: HoldReason::Identity.into(),
        ..HoldNotice::default()
    };
    let content = wire::DraftContent {
        to: vec!["XA".to_owned()],
        consultation: format!("consultations/{consultation}"),
        precedence: terms::Precedence::Flash.into(),
        level: terms::Level::Restricted.into(),
        form: terms::Form::ServiceMessage.into(),
        act: Some(wire::Act { act: Some(wire::act::Act::HoldNotice(act)) }),
        ..wire::DraftContent::default()
    };
    let asked = wire::SendProtectiveActRequest { request_id: id.to_owned(), content: Some(content) };
    let answer = super::wait(async {
        let mut client = DeskServiceClient::new(connect_unix(&socket).await.unwrap());
        client.send_protective_act(asked).await
    });
    let _ended = Command::new("kill").arg(child.id().to_string()).status();
    let _gone = child.wait();
    answer.map(|sent| sent.into_inner().messages.len()).map_err(|refused| refused.message().to_owned())
}

fn a_service_signs_as_the_offices_whose_passphrases_it_is_given(
    both: &Ministries,
    consultation: &str,
    duty: &str,
) {
    let refused = held_by_service(both, consultation, "without", &[]).unwrap_err();
    assert!(!refused.is_empty());
    assert_eq!(held_by_service(both, consultation, "with", &["--passphrase-for", duty]), Ok(1));
}

#[test]
fn an_office_with_a_passphrase_of_its_own_sends_and_countersigns_alone() {
    let both = Ministries::found("passphrases");
    let begun = both.delivers("XA", &forms::memorandum("XB", "new", "About somebody."), &[]);
    let consultation = text_of(&begun, "consultation");
    for (office, words) in [("duty-01", "night owl song\n"), ("releasing-01", "morning dew song\n")] {
        let new = both.directory.join(office);
        write_secret(&new, words);
        let (key, new) = (format!("offices/{office}"), new.to_str().unwrap().to_owned());
        good(both.types("XB", ["key", "passphrase", &key, "--new-passphrase-file", &new]));
    }
    let file = |office: &str| format!("{office}={}", both.directory.join(office).display());
    let person = "P-7QK4-M2XD-9WTV";
    let withdraw = ["withdraw", person, "--consultation", consultation, "--yes", "--wait=30s", "--json"];

    // The error names the key, and the option that is missing.
    let refused = both.types("XB", withdraw);
    assert_eq!((refused.code, text_of(&refused.error(), "code")), (4, "wrong-passphrase"));
    assert!(text_of(&refused.error(), "message").contains("offices/duty-01"), "{refused:?}");
    assert!(text_of(&refused.error(), "hint").ends_with(" --passphrase-for duty-01=FILE"), "{refused:?}");
    let outbox = good(both.types("XB", ["outbox", "--json"]));
    assert_eq!(outbox.data, "", "nothing was registered");

    let (duty, releasing) = (file("duty-01"), file("releasing-01"));
    let given = [&withdraw[..], &["--passphrase-for", &duty]].concat();
    let sent = good(both.types("XB", given)).json();
    assert_eq!(text_of(&sent, "state"), "delivered");
    let refused = both.types("XB", ["countersign", text_of(&sent, "ref"), "--yes", "--json"]);
    assert!(
        text_of(&refused.error(), "hint").ends_with(" --passphrase-for releasing-01=FILE"),
        "{refused:?}"
    );
    let given = ["countersign", text_of(&sent, "ref"), "--yes", "--passphrase-for", &releasing, "--json"];
    good(both.types("XB", given));

    a_service_signs_as_the_offices_whose_passphrases_it_is_given(&both, consultation, &duty);

    // By the credentials of a service manager.
    let credentials = both.directory.join("credentials");
    std::fs::create_dir(&credentials).unwrap();
    write_secret(&credentials.join("passphrase"), "correct horse\n");
    write_secret(&credentials.join("passphrase.duty-01"), "night owl song\n");
    let home = both.desk("XB");
    let output = Command::new(env!("CARGO_BIN_EXE_chancery"))
        .args(["--home", home.to_str().unwrap(), "withdraw", person, "--yes"])
        .env_clear()
        .env("CREDENTIALS_DIRECTORY", &credentials)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    typed(&home, person);
    let help = good(chancery(["help", "environment"]));
    assert!(
        help.data.contains("--passphrase-for") && help.data.contains("passphrase.OFFICE"),
        "{}",
        help.data
    );
}

/// At a terminal the office is asked for by name, and again after a slip.
fn typed(home: &Path, person: &str) {
    let pairs = "passphrase of the desk of XB: |correct horse|passphrase of the office duty-01: |battery staple|\
                 passphrase of the office duty-01: |night owl song";
    let mut python = Command::new("python3");
    python.args(["-c", TYPIST, "0", pairs, env!("CARGO_BIN_EXE_chancery"), "--home"]).arg(home);
    let Ok(output) = python.args(["withdraw", person, "--yes"]).stdin(Stdio::null()).output() else {
        eprintln!("SKIPPED typed passphrases: python3 not found");
        return;
    };
    let (said, wrong) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && said.contains("as it should be"), "{wrong}");
}

#[test]
fn a_backup_says_with_what_it_is_sealed_and_warns_where_that_is_the_passphrase_of_its_home() {
    let both = ministries();
    let folder = TempDir::new().unwrap();
    let backup = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let given = good(both.types("XA", ["backup", "create", "-o", &backup("given.backup"), "--json"])).json();
    assert_eq!(text_of(&given, "sealed_with"), "passphrase-file");

    write_secret(&folder.path().join("passphrase"), "correct horse\n");
    let (home, own) = (both.desk("XA"), backup("own.backup"));
    let typed = ["--home", home.to_str().unwrap(), "backup", "create", "-o", &own];
    let said = good(chancery_with([("CREDENTIALS_DIRECTORY", folder.path().as_os_str())], typed));
    assert!(said.talk.contains("under the passphrase of this home from $CREDENTIALS_DIRECTORY"), "{said:?}");
    let all = format!("{}{}", said.talk, said.data);
    assert!(all.contains("sealed under the passphrase of $CREDENTIALS_DIRECTORY"), "{said:?}");
}
