//! Clients in other languages: what integrators copy from `examples/clients` runs as it stands there, against the real
//! binary at two real gateways, and what it exports is verified.

mod csharp;
mod java;
mod reload;

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{OnceLock, mpsc};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use super::{Ministries, Said, text_of};
use crate::support::forms;
use crate::tools;

/// The desk of one ministry, serving three clients by certificate and the user of this test by a socket.
struct Served {
    code: &'static str,
    child: Child,
    address: String,
    socket: PathBuf,
    name: String,
    place: TempDir,
}

impl Served {
    fn of(both: &Ministries, code: &'static str) -> Self {
        // Names of sockets are short.
        let place = tempfile::Builder::new().prefix("ch").tempdir_in("/tmp").unwrap();
        let mut name = String::new();
        for (label, roles) in
            [("casework", "draft,read,observe"), ("legal", "clear"), ("head", "release,read,register,audit")]
        {
            let into = place.path().join("clients").join(label);
            let args = ["desk", "enrol", label, "--roles", roles, "-o", into.to_str().unwrap(), "--json"];
            name = text_of(&good(both.types(code, args)).json(), "service").to_owned();
        }
        let socket = place.path().join("desk.sock");
        let user = rustix::process::getuid().as_raw();
        let config = format!(
            "listen = \"127.0.0.1:0\"\nsocket = {socket:?}\n\n\
             [[user]]\nuid = {user}\nname = \"local\"\nroles = [\"draft\"]\n"
        );
        fs::write(both.desk(code).join("service.toml"), config).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_chancery"));
        command.env_clear().args(["--json", "--home"]).arg(both.desk(code)).arg("--passphrase-file");
        command.arg(both.directory.join("passphrase")).args(["desk", "serve"]);
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let address = address_of(&mut child);
        Self { code, child, address, socket, name, place }
    }

    /// Where a client keeps its cursor and what it fetches.
    fn state(&self) -> PathBuf {
        self.place.path().join("state")
    }

    fn python(&self, args: &[&str]) -> Command {
        let mut command = bounded("python3");
        command.arg(examples().join("python/ministry_system.py")).args(["--desk", &self.address]);
        command.args(["--server-name", &self.name, "--patience", "60", "--clients"]);
        command.arg(self.place.path().join("clients")).arg("--state").arg(self.state()).args(args);
        command
    }

    fn curl(&self, desk: &str, args: &[&str]) -> Command {
        let mut command = bounded("bash");
        command.arg(examples().join("curl/conversation.sh")).args(args);
        command.env("DESK", desk).env("SERVER_NAME", &self.name).env("STATE", self.state());
        command.env("CLIENTS", self.place.path().join("clients")).env("BUF", buf()).env("PATIENCE_S", "60");
        command
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ended = Command::new("kill").arg(self.child.id().to_string()).status();
        let _gone = self.child.wait();
    }
}

/// Where it says that it listens. Everything it says after that is read, so that it never waits for a reader.
pub(super) fn address_of(child: &mut Child) -> String {
    let data: Box<dyn Read + Send> = Box::new(child.stdout.take().unwrap());
    let talk: Box<dyn Read + Send> = Box::new(child.stderr.take().unwrap());
    let (sender, lines) = mpsc::channel();
    for source in [data, talk] {
        let sender = sender.clone();
        thread::spawn(move || {
            for line in BufReader::new(source).lines().map_while(Result::ok) {
                let _nobody_asks_any_more = sender.send(line);
            }
        });
    }
    drop(sender);
    let mut said = Vec::new();
    loop {
        let line = lines.recv_timeout(Duration::from_secs(30));
        let line = line.unwrap_or_else(|_| panic!("the desk does not serve: {said:?}"));
        let report: Value = serde_json::from_str(&line).unwrap_or_default();
        if report["schema"] == "chancery.desk-serving/1" {
            return text_of(&report, "listen").to_owned();
        }
        said.push(line);
    }
}

/// A program that ends, whatever happens.
fn bounded(program: &str) -> Command {
    let mut command = Command::new("timeout");
    command.args(["120", program]).stdin(Stdio::null());
    command
}

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/clients")
}

fn buf() -> PathBuf {
    tools::node_modules().join(".bin/buf")
}

fn good(said: Said) -> Said {
    assert_eq!(said.code, 0, "{said:?}");
    said
}

/// What a program printed that must have ended well.
fn told(output: Output) -> String {
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}\n{out}\n{err}", output.status);
    out.into_owned()
}

/// Whether a question to a program of this machine is answered with yes.
fn answers(program: &str, args: &[&str]) -> bool {
    let mut asked = Command::new(program);
    asked.args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    asked.status().is_ok_and(|status| status.success())
}

/// The stubs of the protos for Python, generated as the example generates them.
fn stubs() -> Option<&'static Path> {
    static STUBS: OnceLock<Option<PathBuf>> = OnceLock::new();
    let generated = STUBS.get_or_init(|| {
        let modern = "import grpc, grpc_tools, google.rpc.error_details_pb2 as _; \
                      assert [int(part) for part in grpc.__version__.split('.')[:2]] >= [1, 70]";
        if !answers("python3", &["-c", modern]) {
            eprintln!("SKIPPED the Python client: grpcio-tools 1.70 not found");
            return None;
        }
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("stubs");
        told(Command::new(examples().join("python/generate.sh")).arg(&folder).output().unwrap());
        Some(folder)
    });
    generated.as_deref()
}

/// A document of several pieces.
fn annex(folder: &Path) -> (PathBuf, Vec<u8>) {
    let mut bytes = b"%PDF-1.7\n".to_vec();
    bytes.extend((0_u32..200_000).flat_map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes()));
    let path = folder.join("annex.pdf");
    fs::write(&path, &bytes).unwrap();
    (path, bytes)
}

/// Question and answer are there once, the annex is what was sent, and the evidence convinces whoever trusts both.
fn came_of_it(both: &Ministries, asking: &Served, job: &str, document: &[u8]) {
    let state = asking.state();
    assert!(fs::read(state.join(format!("{job}-annex"))).unwrap() == document, "another annex");
    let evidence = state.join(format!("{job}-evidence.zip"));
    let trust = both.trust();
    let args = ["verify", "--trust", trust.to_str().unwrap(), evidence.to_str().unwrap(), "--json"];
    let verified = good(both.types(asking.code, args)).json();
    assert_eq!(verified["messages"].as_array().map(Vec::len), Some(2), "{verified}");
}

/// How many messages a desk has sent and received.
fn counted(both: &Ministries, code: &str) -> [usize; 2] {
    ["outbox", "inbox"].map(|list| good(both.types(code, [list, "--json"])).data.lines().count())
}

#[test]
fn a_python_system_asks_another_ministry_and_is_answered_with_a_document() {
    let Some(stubs) = stubs() else { return };
    let both = Ministries::found("python");
    let (xa, xb) = (Served::of(&both, "XA"), Served::of(&both, "XB"));
    let (path, document) = annex(xb.place.path());
    // A note about something else lies there unanswered: the system that answers leaves it to people.
    both.delivers("XA", &forms::note("XB", "new"), &[]);
    let mut answer = xb.python(&["answer", "--to", "XA", "--annex", path.to_str().unwrap()]);
    answer.env("PYTHONPATH", stubs).stdout(Stdio::piped()).stderr(Stdio::piped());
    let answering = answer.spawn().unwrap();
    let ask = || {
        let mut command = xa.python(&["ask", "--to", "XB", "--job", "J-2026-0815"]);
        told(command.env("PYTHONPATH", stubs).output().unwrap())
    };
    let asked = ask();
    told(answering.wait_with_output().unwrap());
    for shown in
        ["WRONG_ROLE", "content.texts[0].standing", "signed by legal-01 (legal)", "cut at byte 262144"]
    {
        assert!(asked.contains(shown), "{shown} is missing in:\n{asked}");
    }
    came_of_it(&both, &xa, "J-2026-0815", &document);
    // The whole of it again, as after a crash: every step finds what it did before.
    let before = counted(&both, "XA");
    let again = ask();
    let released =
        |said: &str| said.lines().find(|line| line.starts_with("released")).unwrap_or_default().to_owned();
    assert_eq!(released(&again), released(&asked));
    assert_eq!((counted(&both, "XA"), before), (before, [2, 1]));
}

#[test]
fn the_first_note_of_the_guide_is_released_as_the_guide_writes_it() {
    let Some(stubs) = stubs() else { return };
    let both = Ministries::found("guide");
    let xa = Served::of(&both, "XA");
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/integrate.md");
    let guide = fs::read_to_string(guide).unwrap();
    let blocks = guide.split("```python\n").skip(1).map(|rest| rest.split_once("```").unwrap().0);
    let mut script = blocks.collect::<String>();
    let clients = xa.place.path().join("clients/{name}");
    // What the guide names by its own folders and port stands elsewhere here.
    for (theirs, ours) in [
        ("examples/clients/python/generated", stubs.to_str().unwrap()),
        ("clients/{name}", clients.to_str().unwrap()),
        ("127.0.0.1:7110", xa.address.as_str()),
        ("main.desk.mfa.xa.example", xa.name.as_str()),
    ] {
        assert!(script.contains(theirs), "the guide says nothing of {theirs}");
        script = script.replace(theirs, ours);
    }
    let said = told(bounded("python3").args(["-c", &script]).output().unwrap());
    assert!(said.starts_with("XA-XB-"), "{said}");
    assert_eq!(counted(&both, "XA"), [1, 0]);
}

#[test]
fn the_same_conversation_needs_nothing_but_reflection_and_a_shell() {
    if !buf().exists() {
        eprintln!("SKIPPED the conversation by buf curl: buf not found");
        return;
    }
    if !answers("jq", &["--version"]) {
        eprintln!("SKIPPED the conversation by buf curl: jq not found");
        return;
    }
    let both = Ministries::found("curl");
    let (xa, xb) = (Served::of(&both, "XA"), Served::of(&both, "XB"));
    let (path, document) = annex(xb.place.path());
    let mut answer = xb.curl(&xb.address, &["answer", "XA", path.to_str().unwrap()]);
    let answering = answer.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let asked = told(xa.curl(&xa.address, &["ask", "XB", "J-2026-0816"]).output().unwrap());
    told(answering.wait_with_output().unwrap());
    assert!(asked.contains("cut at byte 262144"), "{asked}");
    came_of_it(&both, &xa, "J-2026-0816", &document);
    let socket = format!("unix:{}", xa.socket.display());
    let drafted = told(xa.curl(&socket, &["draft", "XB", "J-2026-0817"]).output().unwrap());
    assert!(drafted.contains("DRAFT_STATE_CANCELLED"), "{drafted}");
}

/// An office of XA whose key is with whoever made it, and nowhere at the desk.
fn treaty_office(both: &Ministries, folder: &Path) -> Option<[PathBuf; 2]> {
    let place = |name: &str| folder.join(name);
    let mut command = Command::new("openssl");
    command.args(["req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj"]);
    command.args(["/CN=treaty-01", "-addext", "subjectAltName=URI:chancery://XA/office/treaty-01"]);
    command.arg("-keyout").arg(place("treaty-01.key")).arg("-out").arg(place("treaty-01.csr"));
    tools::succeed(&mut command, "signatures of one's own")?;
    let root = both.directory.join("xa/root");
    let chain = both.desk("XA").join("keys/offices/treaty-01.pem");
    let [root, chain_file, request] =
        [&root, &chain, &place("treaty-01.csr")].map(|path| path.to_str().unwrap().to_owned());
    let args = ["key", "certify", "--ministry-home", &root, "--name", "chancery://XA/office/treaty-01"];
    good(both.types("XA", [&args[..], &["--authority", "clear", "-o", &chain_file, &request]].concat()));
    Some([chain, place("treaty-01.key")])
}

#[test]
fn an_office_that_keeps_its_key_to_itself_signs_by_other_programs_and_both_ministries_believe_it() {
    let both = Ministries::found("sign");
    let papers = TempDir::new().unwrap();
    let Some([chain, key]) = treaty_office(&both, papers.path()) else { return };
    let form = papers.path().join("note.toml");
    fs::write(&form, forms::note("XB", "new")).unwrap();
    let python = answers("python3", &["-c", "import asn1crypto, cryptography"]);
    if !python {
        eprintln!("SKIPPED signing by Python: asn1crypto not found");
    }
    let ways = [("sh", "with_openssl.sh", true), ("python3", "with_python.py", python)];
    for (program, script, _) in ways.into_iter().filter(|(.., runs)| *runs) {
        let draft = papers.path().join(format!("{script}.draft"));
        let file = draft.to_str().unwrap();
        let compose = ["draft", "compose", form.to_str().unwrap(), "--clear-by", "treaty-01", "-o", file];
        good(both.types("XA", compose));
        let mut sign = bounded(program);
        sign.arg(examples().join("sign").join(script)).arg(&draft);
        sign.args(["CLEARANCE", "chancery://XA/office/treaty-01"]).args([&chain, &key]);
        told(sign.output().unwrap());

        // One changed byte of it is noticed at once.
        let signed = fs::read_to_string(&draft).unwrap();
        let (before, last) = signed.rsplit_once("p7s = \"MII").unwrap();
        let altered = format!("{before}p7s = \"MIJ{last}");
        fs::write(&draft, altered).unwrap();
        assert_ne!(both.types("XA", ["draft", "show", file]).code, 0);
        fs::write(&draft, &signed).unwrap();

        for office in ["releasing-01", "seal"] {
            good(both.types("XA", ["draft", "sign", file, "--office", office, "--yes"]));
        }
        let sent = good(both.types("XA", ["draft", "release", file, "--wait=30s", "--yes", "--json"])).json();
        let read = good(both.types("XB", ["read", text_of(&sent, "ref")]));
        assert!(read.talk.contains("chancery://XA/office/treaty-01 signed (CLEARANCE)"), "{read:?}");
    }
}
