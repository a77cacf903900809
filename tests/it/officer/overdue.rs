//! What is due and what was let go by, at the real binary: a FLASH that nobody acknowledged ends `status` with 1 on both
//! sides until somebody has read it, and a watch tells of a time while it passes.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use chancery::time::{Clock, SystemClock};
use serde_json::{Value, json};

use super::{Ministries, Said, text_of, wait};
use crate::support::clock::Hand;
use crate::support::{PATIENCE, forms, ministry};

const HOUR: Duration = Duration::from_secs(3600);

const WITHDRAWAL: &str = "kind = \"will-withdrawal\"\nto = [\"XB\"]\nconsultation = \"new\"\n\
                          precedence = \"FLASH\"\n\n[act]\nperson = \"P-7QK4-M2XD-9WTV\"\n";

/// XA and XB, where XA sent a FLASH three hours ago that XB has and nobody has read.
fn unheard(name: &str) -> Ministries {
    let clock = Hand::at(SystemClock.now().before(3 * HOUR));
    let all = Ministries::found_by(name, &["XA", "XB"], clock.clone());
    let house = all.world.house(&ministry("XA")).unwrap();
    let [sent] = wait(house.send(WITHDRAWAL, &all.directory)).unwrap().try_into().unwrap();
    wait(house.settled(&sent, PATIENCE)).unwrap().expect("it never arrived");
    clock.forward(3 * HOUR);
    all
}

/// The one alarm in what `status --json` says, and the error with which it ends.
fn alarm(said: &Said) -> Value {
    assert_eq!(said.code, 1, "{said:?}");
    let (status, error) = (said.json(), said.error());
    assert_eq!((&status["schema"], &status["gateway"]), (&json!("chancery.desk-status/1"), &json!(true)));
    let [alarm] = status["alarms"].as_array().unwrap().as_slice() else { panic!("{status}") };
    assert_eq!((text_of(&error, "code"), text_of(&error, "reason")), ("unacknowledged", "UNACKNOWLEDGED"));
    assert!(text_of(&error, "message").contains(text_of(alarm, "ref")), "{error}");
    assert!(text_of(&error, "hint").contains(text_of(alarm, "consultation")), "{error}");
    alarm.clone()
}

/// What a command says that the registry sent of its own.
fn of_the_registry(said: &Said) -> Vec<Value> {
    let told = said.talk.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    told.filter(|one| one["schema"] == "chancery.registry-sent/1").collect()
}

#[test]
fn status_ends_with_1_and_names_a_flash_that_nobody_acknowledged_until_an_officer_has_read_it() {
    let all = unheard("overdue");
    let mut references = Vec::new();
    for code in ["XA", "XB"] {
        let said = all.types(code, ["status", "--json"]);
        let told = alarm(&said);
        if code == "XA" {
            let signed = of_the_registry(&said);
            let [one] = signed.as_slice() else { panic!("{signed:?}") };
            assert_eq!((text_of(one, "kind"), text_of(one, "to")), ("non-acknowledgement", "XB"));
            assert_eq!(text_of(one, "about"), text_of(&told, "ref"), "which message XB was silent about");
        }
        assert_eq!(
            (text_of(&told, "what"), &told["who"], &told["person"]),
            ("acknowledge FLASH will-withdrawal", &json!(["XB"]), &json!("P-7QK4-M2XD-9WTV")),
            "{code}"
        );
        assert_eq!(text_of(&told, "dispatch_sha256").len(), 64, "to be read out on the telephone");
        references.push(text_of(&told, "ref").to_owned());
        let shown = all.types(code, ["status"]);
        assert_eq!(shown.code, 1, "{shown:?}");
        let row = shown.data.lines().find(|line| line.starts_with("ALARM")).unwrap_or_default();
        assert!(row.contains("XB: acknowledge FLASH will-withdrawal"), "{shown:?}");
        assert!(row.contains(&references[0]), "{shown:?}");
        let reads = format!("next: {} read {}\n", all.typed_by("XB"), references[0]);
        assert_eq!(shown.talk.contains(&reads), code == "XB", "whoever is to acknowledge it: {shown:?}");
        let listed = all.types(code, ["consultation", "deadlines"]);
        assert_eq!(listed.talk.contains(&reads), code == "XB", "{listed:?}");
    }
    assert_eq!(references[0], references[1], "one message, one name");
    // An officer reads it, and its registry says so.
    let mut sent = Vec::new();
    for args in [&["read", references[0].as_str(), "--json"][..], &["outbox", "--json"]] {
        let said = all.types("XB", args);
        assert_eq!(said.code, 0, "{said:?}");
        sent.extend(of_the_registry(&said));
    }
    let [receipt] = sent.as_slice() else { panic!("one receipt, and told: {sent:?}") };
    assert_eq!((text_of(receipt, "kind"), text_of(receipt, "to")), ("registry-receipt", "XA"));
    assert_eq!(text_of(receipt, "about"), references[0]);
    let form = all.types("XB", ["new", "registry-receipt", "--reply-to", &references[0]]);
    for known in [format!("registry_number = \"{}\"", references[0]), "opened = true".to_owned()] {
        assert!(form.data.lines().any(|line| line == known), "{known}: {form:?}");
    }
    assert!(!form.data.contains("register_time = \"\""), "the desk knows when it came: {form:?}");
    for code in ["XB", "XA"] {
        let begun = Instant::now();
        loop {
            let said = all.types(code, ["status", "--json"]);
            if said.code == 0 {
                assert_eq!(said.json()["alarms"], json!([]), "{said:?}");
                break;
            }
            alarm(&said);
            assert!(begun.elapsed() < PATIENCE, "{code} was never told: {said:?}");
        }
    }
}

/// A watch of XA's deadlines, which ends with the test at the latest.
struct Watch {
    child: Child,
    lines: Receiver<String>,
}

impl Watch {
    fn of(all: &Ministries) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chancery"));
        command.env_clear().args(["--json", "--home"]).arg(all.desk("XA")).arg("--passphrase-file");
        command.arg(all.directory.join("passphrase"));
        command.args(["consultation", "deadlines", "--watch", "--every", "200ms"]);
        let piped = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = piped.spawn().unwrap();
        let (sender, lines) = mpsc::channel();
        let told = BufReader::new(child.stdout.take().unwrap());
        thread::spawn(move || {
            for line in told.lines().map_while(Result::ok) {
                let _nobody_asks_any_more = sender.send(line);
            }
        });
        Self { child, lines }
    }

    /// The next line of which this holds.
    fn tells(&self, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let until = Instant::now() + PATIENCE;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let line = self.lines.recv_timeout(left).unwrap_or_else(|end| panic!("{what}: {end}"));
            let told: Value = serde_json::from_str(&line).unwrap();
            if holds(&told) {
                return told;
            }
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _has_ended = self.child.kill();
        let _gone = self.child.wait();
    }
}

#[test]
fn a_watch_of_deadlines_tells_of_what_is_due_and_again_when_its_time_passes() {
    let all = unheard("deadlines");
    let watch = Watch::of(&all);
    let flash = watch.tells("the FLASH", |told| told["alarming"] == true);
    assert_eq!((text_of(&flash, "state"), &flash["who"]), ("ALARM", &json!(["XB"])));
    // A machine that is too slow to look in time is given more of it.
    for seconds in [5, 20] {
        let due = SystemClock.now().after(Duration::from_secs(seconds));
        let form = forms::memorandum("XB", "new", "An answer is asked for.")
            .replace("form = ", &format!("reply_due = {due}\nform = "));
        let path = all.directory.join("asks.toml");
        fs::write(&path, form).unwrap();
        let said = all.types("XA", ["send", path.to_str().unwrap(), "--yes", "--json"]);
        assert_eq!(said.code, 0, "{said:?}");
        let consultation = text_of(&said.json(), "consultation").to_owned();
        let is_it = |told: &Value| told["consultation"] == consultation && told["at"] == due.to_string();
        let first = watch.tells("what is asked for", is_it);
        assert_eq!((text_of(&first, "what"), &first["who"]), ("answer correspondence", &json!(["XB"])));
        if first["state"] == "overdue" {
            continue;
        }
        assert_eq!(first["state"], "due");
        let then = watch.tells("that its time passes", is_it);
        assert_eq!((text_of(&then, "state"), &then["ref"]), ("overdue", &first["ref"]));
        assert!(SystemClock.now() >= due);
        return;
    }
    panic!("the watch looks too late");
}
