//! What a terminal may be shown, judged by a stranger: Python's table of Unicode categories, and a pseudoterminal of
//! Python's.

use std::path::Path;
use std::process::{Command, Stdio};

use chancery::cli::untrusted;

/// Prints every character of the categories control, format, line separator and paragraph separator.
const CATEGORIES: &str = "\
import unicodedata
for code in range(0x110000):
    if unicodedata.category(chr(code)) in ('Cc', 'Cf', 'Zl', 'Zp'):
        print(code)";

#[test]
fn every_control_and_format_character_of_unicode_is_spelled_out() {
    let python = Command::new("python3").args(["-c", CATEGORIES]).stdin(Stdio::null()).output();
    let Ok(python) = python else {
        eprintln!("SKIPPED categories of Unicode: python3 not found");
        return;
    };
    let listed = String::from_utf8(python.stdout).unwrap();
    let hidden: Vec<char> =
        listed.lines().map(|code| char::from_u32(code.parse().unwrap()).unwrap()).collect();
    assert!(hidden.len() > 150, "Python listed next to nothing");
    for c in hidden {
        assert!(untrusted::is_hidden(c), "{c:?} reaches the terminal");
        assert_eq!(untrusted::line(&c.to_string()), format!("\\u{{{:x}}}", u32::from(c)));
    }
}

/// Founds ministries at terminals of its own and types passphrases there; ends with the first thing that is wrong.
const TYPED: &str = r#"
import fcntl, os, pty, select, signal, subprocess, sys, termios, time

binary, folder = sys.argv[1], sys.argv[2]
WORDS = b"correct horse battery"

class Terminal:
    def __init__(self, home, early=b""):
        self.master, self.slave = pty.openpty()
        self.seen = b""
        if early:
            os.write(self.master, early)
        own = lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        init = [binary, "init", "ministry", "--ministry", "XA", "--name", "X", "--domain", "mfa.xa.example"]
        self.command = subprocess.Popen(
            init + [os.path.join(folder, home)], stdin=self.slave, stdout=self.slave, stderr=self.slave,
            start_new_session=True, preexec_fn=own)

    def echoes(self):
        return bool(termios.tcgetattr(self.slave)[3] & termios.ECHO)

    def until(self, words):
        deadline = time.monotonic() + 60
        while words not in self.seen:
            assert time.monotonic() < deadline, (words, self.seen)
            if select.select([self.master], [], [], 1)[0]:
                self.seen += os.read(self.master, 4096)

    def asked(self, words):
        self.until(words)
        assert not self.echoes(), "the question is there and the echo too"

    def types(self, what):
        os.write(self.master, what)

    def ends(self, code):
        deadline = time.monotonic() + 60
        while self.command.poll() is None:
            assert time.monotonic() < deadline, "it goes on"
            if select.select([self.master], [], [], 0.05)[0]:
                self.seen += os.read(self.master, 4096)
        assert self.command.returncode == code, (self.command.returncode, self.seen)
        assert self.echoes(), "the terminal stays silent"
        assert WORDS not in self.seen, self.seen

early = Terminal("early", b"typed too early\n")
early.asked(b"new passphrase")
early.types(WORDS + b"\n")
early.asked(b"the same again")
early.types(WORDS + b"\n")
early.ends(0)

for number, (act, code) in enumerate([
    (lambda one: one.types(b"\x03"), 130),
    (lambda one: one.command.send_signal(signal.SIGTERM), 143),
    (lambda one: one.command.send_signal(signal.SIGHUP), 129),
    (lambda one: one.types(b"\x04"), 4),
    (lambda one: one.types(b"\x1a\x1c" + WORDS + b"\nsomething else\n"), 2),
]):
    one = Terminal("ended-%d" % number)
    one.asked(b"new passphrase")
    one.types(b"half a wo") if code in (130, 143, 129) else None
    act(one)
    one.ends(code)
print("as it should be")
"#;

#[test]
fn a_passphrase_is_never_shown_and_the_terminal_is_as_before_however_it_ends() {
    let folder = tempfile::tempdir().unwrap();
    let binary = Path::new(env!("CARGO_BIN_EXE_chancery"));
    let mut python = Command::new("python3");
    python.args(["-c", TYPED]).arg(binary).arg(folder.path());
    let Ok(output) = python.stdin(Stdio::null()).output() else {
        eprintln!("SKIPPED typed passphrases: python3 not found");
        return;
    };
    let (said, wrong) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && said.contains("as it should be"), "{wrong}");
}
