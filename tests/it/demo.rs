//! The demonstration, as a newcomer runs it: it plays to its end, one person is handed over and one who withdrew is not,
//! its evidence is checked with other tools, and gateways killed in the middle of the exchange lose and double nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::tools;

/// A folder with a short name: Unix socket paths are limited to 107 bytes.
fn folder() -> tempfile::TempDir {
    tempfile::Builder::new().prefix("ch").tempdir_in("/tmp").unwrap()
}

fn chancery(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chancery"));
    command.current_dir(folder).stdin(Stdio::null()).env_remove("CHANCERY_HOME").env("NO_COLOR", "1");
    command
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn play(folder: &Path, arguments: &[&str]) -> Output {
    chancery(folder).arg("demo").args(arguments).output().unwrap()
}

#[test]
fn the_demonstration_plays_the_whole_road_and_gateways_killed_after_it_lose_and_double_nothing() {
    let (mut running, said) = Running::new();
    let shown = [
        "peer add",
        "send papers/position.toml",
        "draft sign papers/agreement-note.draft --office legal-01",
        "papers/go-xa.toml: act.synced_to was left out and is XA ",
        "evidence.zip",
        "(exit code 3)",
        "(exit code 4)",
    ];
    for shown in shown {
        assert!(said.contains(shown), "{shown} is missing in:\n{said}");
    }
    let demo = running.demo.clone();
    assert!(demo.join("evidence.zip").exists() && demo.join("trust/XA.bundle").exists());
    one_departs_and_one_who_withdrew_does_not(&demo, &said);
    nothing_stands_against_the_reports(&demo);
    whoever_withdraws_for_somebody_who_was_handed_over_is_told_so(&demo, &said);
    no_gateway_holds_a_name(&demo, &said);
    it_does_not_overwrite_itself(&running);
    without_chancery(&demo);
    killing_either_gateway_in_the_middle_of_the_exchange_loses_and_doubles_nothing(&mut running);
}

fn it_does_not_overwrite_itself(running: &Running) {
    let place = running.demo.parent().unwrap();
    let again = play(place, &[]);
    assert_eq!(again.status.code(), Some(7), "{}", text(&again));
    let stranger = place.join("other");
    fs::create_dir(&stranger).unwrap();
    fs::write(stranger.join("thesis.txt"), "mine").unwrap();
    let refused = play(place, &["--fresh", "--dir", "other"]);
    assert_eq!(refused.status.code(), Some(7), "{}", text(&refused));
    assert!(stranger.join("thesis.txt").exists(), "what no demonstration made is left alone");
}

/// What a desk of the demonstration says first, as JSON; its exit code is not asked.
fn asked(demo: &Path, side: &str, arguments: &[&str]) -> serde_json::Value {
    asked_all(demo, side, arguments).swap_remove(0)
}

/// The same of every line.
fn asked_all(demo: &Path, side: &str, arguments: &[&str]) -> Vec<serde_json::Value> {
    let mut command = chancery(demo);
    command.env("CHANCERY_HOME", demo.join(side).join("desk"));
    command.env("CREDENTIALS_DIRECTORY", demo.join(side));
    let output = command.args(arguments).arg("--json").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let parsed =
        |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {}", text(&output)));
    let lines: Vec<serde_json::Value> = said.lines().map(parsed).collect();
    assert!(!lines.is_empty(), "{}", text(&output));
    lines
}

/// What was reported from the gate is found good by whoever reads it, as the timeline says.
fn nothing_stands_against_the_reports(demo: &Path) {
    for side in ["xa", "xb"] {
        let listed = asked(demo, side, &["consultation", "list"]);
        let consultation = listed["consultation"].as_str().unwrap();
        let acts = asked_all(demo, side, &["consultation", "show", consultation, "--timeline"]);
        let reports: Vec<_> = acts.iter().filter(|act| act["kind"] == "handover-report").collect();
        assert_eq!(reports.len(), 2, "{side}");
        for report in reports {
            let read = asked(demo, side, &["read", report["ref"].as_str().unwrap()]).to_string();
            assert!(!read.contains("HND_06") && !read.contains("HND_08"), "{side}: {read}");
            let warned: Vec<&str> =
                report["warnings"].as_array().unwrap().iter().map(|rule| rule.as_str().unwrap()).collect();
            assert!(!warned.contains(&"HND_06") && !warned.contains(&"HND_08"), "{side}: {report}");
        }
    }
}

/// A withdrawal for whoever is gone from here is not held up, and says that he is; of whoever stayed nothing is said.
fn whoever_withdraws_for_somebody_who_was_handed_over_is_told_so(demo: &Path, said: &str) {
    let answers: Vec<&str> = said.lines().filter(|line| line.contains("clear to depart at")).collect();
    for (answer, is_told) in [(answers[2], true), (answers[3], false)] {
        let person = answer.split(':').next().unwrap();
        let mut command = chancery(demo);
        command.env("CHANCERY_HOME", demo.join("xb").join("desk"));
        command.env("CREDENTIALS_DIRECTORY", demo.join("xb"));
        let output = command.args(["withdraw", person, "--dry-run"]).output().unwrap();
        let said = text(&output);
        assert_eq!(output.status.code(), Some(0), "{said}");
        assert_eq!(said.contains("does not hold the person any more"), is_told, "{said}");
    }
}

fn one_departs_and_one_who_withdrew_does_not(demo: &Path, said: &str) {
    let answers: Vec<&str> = said.lines().filter(|line| line.contains("clear to depart at")).collect();
    let is_yes: Vec<bool> = answers.iter().map(|line| line.contains(": YES")).collect();
    assert_eq!(is_yes, [false, false, true, false], "{answers:#?}");
    let reference = |line: &str| line.split(':').next().unwrap().to_owned();
    let (first, second) = (reference(answers[2]), reference(answers[3]));
    for side in ["xa", "xb"] {
        let listed = asked(demo, side, &["consultation", "list"]);
        let shown = asked(demo, side, &["consultation", "show", listed["consultation"].as_str().unwrap()]);
        let case = |person: &str| {
            let cases = shown["cases"].as_array().unwrap();
            cases
                .iter()
                .find(|case| case["person"] == person)
                .unwrap_or_else(|| panic!("{side}: {shown}"))
                .clone()
        };
        assert_eq!(case(&first)["stage"], "HANDED_OVER", "{side}");
        assert_eq!(
            case(&first)["detained_by"],
            serde_json::Value::Null,
            "{side}: nobody holds him by it any more"
        );
        assert!(case(&first)["handed_over_to"].is_string(), "{side}: {}", case(&first));
        assert_eq!(case(&second)["detained_by"], "XB", "{side}");
        assert_eq!(case(&second)["stage"], "REMAINS(DECLINED_BY_PERSON)", "{side}");
        let departure = asked(demo, side, &["clear-to-depart", &second, "--arrangement", "H-1"]);
        assert_eq!(departure["clear"], false, "{side}");
        let rules: Vec<&str> = departure["stops"]
            .as_array()
            .unwrap()
            .iter()
            .map(|stop| stop["rule"].as_str().unwrap())
            .collect();
        assert!(rules.contains(&"WIL_07"), "{side}: {rules:?}");
    }
    // Not only the question is answered so: an act that would move him is refused.
    let refused = said.split("xa-desk$ chancery send papers/confirmation.toml --yes").nth(1).unwrap();
    let answer: String = refused.lines().take(12).collect::<Vec<_>>().join("\n");
    assert!(answer.contains("WIL_07") && answer.contains("(exit code 2)"), "{answer}");
    assert!(answer.contains("consultation show C-"), "the hint leads to what the rule rests on: {answer}");
}

/// The name that stands in the particulars is shown to the office that asks, and no file of a gateway holds it.
fn no_gateway_holds_a_name(demo: &Path, said: &str) {
    let form = fs::read_to_string(demo.join("papers/particulars.toml")).unwrap();
    let named =
        |field: &str| form.lines().find(|line| line.starts_with(field)).unwrap().split('"').nth(1).unwrap();
    for name in [named("family_name"), named("given_name")] {
        assert!(name.len() >= 6 && said.contains(name), "{name} is shown to the office that asks");
        let mut files = 0;
        for side in ["xa", "xb"] {
            let all = files_below(&demo.join(side).join("gateway"));
            // The ballast is written when the gateway is founded, and never again.
            for path in all.iter().filter(|path| !path.ends_with("data/ballast")) {
                let bytes = fs::read(path).unwrap();
                files += 1;
                let found = bytes.windows(name.len()).any(|window| window == name.as_bytes());
                assert!(!found, "a name stands in {}", path.display());
            }
        }
        assert!(files > 10, "the gateways hold files: {files}");
    }
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match fs::symlink_metadata(&path).unwrap() {
            about if about.is_dir() => files.extend(files_below(&path)),
            about if about.is_file() => files.push(path),
            _ => {}
        }
    }
    files
}

/// Runs the commands the demonstration printed, in a folder where node finds `age-encryption`.
fn without_chancery(demo: &Path) {
    let modules = tools::node_modules();
    if !modules.join("age-encryption").is_dir() {
        eprintln!("SKIPPED checking the demonstration's evidence without Chancery: npm package not found");
        return;
    }
    symlink(modules, demo.join("node_modules")).unwrap();
    let script = fs::read_to_string(demo.join("without-chancery.sh")).unwrap();
    let of_message = |line: &str| {
        let words = line.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
        words
            .filter(|word| word.len() >= 15)
            .find(|word| ["XA-XB-20", "XB-XA-20"].iter().any(|start| word.starts_with(start)))
            .map(|word| word[..15].to_owned())
    };
    let messages: BTreeSet<String> = script.lines().filter_map(of_message).collect();
    assert!(messages.len() > 25, "every message can be checked: {messages:?}");
    // One message is checked like any other: one of each side and the last are.
    let some = ["XA-XB", "XB-XA"].map(|pair| messages.iter().find(|one| one.starts_with(pair)).unwrap());
    let is_wanted = |line: &&str| {
        of_message(line).is_none_or(|one| some.contains(&&one) || Some(&one) == messages.last())
    };
    let some: String = script.lines().filter(is_wanted).flat_map(|line| [line, "\n"]).collect();
    for tool in ["openssl cms -verify", "python3 verify_proof.py", "node open_part.mjs"] {
        assert!(some.contains(tool), "{tool} is missing in:\n{some}");
    }
    fs::write(demo.join("some.sh"), some).unwrap();
    let output = Command::new("sh").arg("some.sh").current_dir(demo).output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    assert!(!text(&output).contains("skipped"), "{}", text(&output));
    without_node(demo);
}

/// The same where node is not installed: it is said, all that can be checked is, and what does not hold ends it.
fn without_node(demo: &Path) {
    let script = fs::read_to_string(demo.join("without-chancery.sh")).unwrap();
    let only_first = |line: &&str| {
        let of_message = ["XA-XB-20", "XB-XA-20"].iter().any(|pair| line.contains(pair));
        !of_message || line.contains("XA-XB-") && line.contains("-0001")
    };
    let mut some: String = script.lines().filter(only_first).flat_map(|line| [line, "\n"]).collect();
    for (last, holds) in [("", true), ("grep -q nothing-of-this-kind README.txt\n", false)] {
        some.push_str(last);
        // As a shell finds a command that is not installed.
        let nodeless = format!("node() {{ return 127; }}\n{some}");
        fs::write(demo.join("nodeless.sh"), nodeless).unwrap();
        let output = Command::new("sh").arg("nodeless.sh").current_dir(demo).output().unwrap();
        assert_eq!(output.status.success(), holds, "{}", text(&output));
        assert!(text(&output).contains("skipped: node with age-encryption is not here"), "{}", text(&output));
    }
}

/// Two ministries left running by the demonstration.
struct Running {
    demo: PathBuf,
    gateways: BTreeMap<&'static str, u32>,
    children: Vec<Child>,
    _place: tempfile::TempDir,
}

impl Running {
    /// Plays the demonstration; also what it said.
    fn new() -> (Self, String) {
        let place = folder();
        let output = play(place.path(), &["--keep"]);
        let said = text(&output);
        assert!(output.status.success(), "{said}");
        let pids = said.lines().find_map(|line| line.split("To end: kill ").nth(1)).expect("process ids");
        let pids: Vec<u32> = pids.split_whitespace().map(|pid| pid.parse().unwrap()).collect();
        let gateways = BTreeMap::from([("xa", pids[0]), ("xb", pids[1])]);
        let demo = place.path().join("demo");
        (Self { demo, gateways, children: Vec::new(), _place: place }, said)
    }

    fn kill(&mut self, side: &'static str) {
        let pid = self.gateways.remove(side).expect("the gateway runs");
        let killed = Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap();
        assert!(killed.success());
        // Only when it is gone has it let go of its store.
        eventually("the killed gateway is gone", || {
            let state = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            state.rsplit(')').next().is_none_or(|rest| rest.is_empty() || rest.trim_start().starts_with('Z'))
        });
    }

    /// Starts a gateway again and waits until it has written where it listens.
    fn start(&mut self, side: &'static str) {
        let home = self.demo.join(side).join("gateway");
        let endpoint = home.join("run/endpoint");
        fs::remove_file(&endpoint).unwrap();
        let log = fs::OpenOptions::new().append(true).create(true).open(home.join("gateway.log")).unwrap();
        let mut command = chancery(&self.demo);
        command.args(["gateway-run", "--home"]).arg(&home).stdout(Stdio::null()).stderr(log);
        let child = command.spawn().unwrap();
        self.gateways.insert(side, child.id());
        self.children.push(child);
        eventually("the gateway listens", || endpoint.exists());
    }

    fn desk(&self, side: &str, arguments: &[&str]) -> Output {
        let mut command = chancery(&self.demo);
        command.env("CHANCERY_HOME", self.demo.join(side).join("desk"));
        command.env("CREDENTIALS_DIRECTORY", self.demo.join(side));
        command.args(arguments).output().unwrap()
    }

    /// The register numbers in a desk's list, in its order.
    fn references(&self, side: &str, list: &str) -> Vec<(String, String)> {
        let output = self.desk(side, &[list, "--json"]);
        assert!(output.status.success(), "{}", text(&output));
        let lines = String::from_utf8(output.stdout).unwrap();
        let field =
            |value: &serde_json::Value, name: &str| value[name].as_str().unwrap_or_default().to_owned();
        let rows = lines.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        rows.map(|row| (field(&row, "ref"), field(&row, "state"))).collect()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        for pid in self.gateways.values() {
            let _ = Command::new("kill").arg(pid.to_string()).status();
        }
        for child in &mut self.children {
            let _ = child.wait();
        }
    }
}

/// Waits for something that another process is about to do, looking again and again for a minute at most.
fn eventually(what: &str, mut happened: impl FnMut() -> bool) {
    let begin = Instant::now();
    let (_never, pause) = mpsc::channel::<()>();
    while !happened() {
        assert!(begin.elapsed() < Duration::from_secs(60), "it did not happen in time: {what}");
        let _ = pause.recv_timeout(Duration::from_millis(20));
    }
}

fn killing_either_gateway_in_the_middle_of_the_exchange_loses_and_doubles_nothing(running: &mut Running) {
    let form = fs::read_to_string(running.demo.join("papers/position.toml")).unwrap();
    let send = |running: &Running| {
        let output = running.desk("xa", &["send", "papers/position.toml", "--yes"]);
        assert!(output.status.success(), "{}", text(&output));
    };
    assert!(form.contains("position-statement"));
    let before = running.references("xb", "inbox").len();

    running.kill("xb");
    send(running);
    running.kill("xa");
    running.start("xa");
    send(running);
    running.start("xb");
    send(running);
    running.kill("xb");
    running.start("xb");
    running.kill("xa");
    running.start("xa");
    send(running);

    let delivered = |running: &Running| {
        let sent = running.references("xa", "outbox");
        sent.iter().all(|(_, state)| state == "delivered").then_some(sent)
    };
    eventually("everything is delivered", || delivered(running).is_some());
    let mut sent: Vec<String> = running.references("xa", "outbox").into_iter().map(|(one, _)| one).collect();
    let mut received: Vec<String> =
        running.references("xb", "inbox").into_iter().map(|(one, _)| one).collect();
    sent.sort();
    received.sort();
    assert_eq!(received, sent, "every message arrived once, and nothing else did");
    assert_eq!(received.len(), before + 4);
    for side in ["xa", "xb"] {
        let mut command = chancery(&running.demo);
        command.env("CHANCERY_HOME", running.demo.join(side).join("gateway"));
        let output = command.args(["log", "verify"]).output().unwrap();
        assert!(output.status.success(), "{}", text(&output));
    }
}

/// Processes of this machine that run a gateway below a folder.
fn gateways_below(folder: &Path) -> Vec<u32> {
    let below = folder.to_string_lossy().into_owned();
    let processes =
        fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let runs = |pid: &u32| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).into_owned();
        line.contains("gateway-run") && line.contains(&below)
    };
    processes.filter(runs).collect()
}

#[test]
fn a_demonstration_that_is_told_to_end_leaves_no_gateway_running() {
    let place = folder();
    let mut child =
        chancery(place.path()).arg("demo").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let demo = place.path().join("demo");
    let listening = |side: &str| demo.join(side).join("gateway/run/endpoint").exists();
    eventually("both gateways listen", || listening("xa") && listening("xb"));
    assert_eq!(gateways_below(place.path()).len(), 2, "the search finds what is there");
    let told = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(told.success());
    assert_eq!(child.wait().unwrap().code(), Some(1));
    eventually("no gateway is left", || gateways_below(place.path()).is_empty());
}
