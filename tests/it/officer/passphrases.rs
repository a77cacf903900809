//! Offices with passphrases of their own that send alone: given by file, or typed at a terminal where the office is named.

use std::path::Path;
use std::process::{Command, Stdio};

use super::{Ministries, Said, chancery, text_of, write_secret};
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
