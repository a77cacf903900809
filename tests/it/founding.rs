//! Founding, as a person types it: the real executables take two ministries from nothing to two gateways that
//! reach each other, and refuse what they must refuse on the way.

mod config;
mod cutoff;
mod health;
mod process;
mod samples;

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use process::{Gateway, Place, tree};

/// A home of each kind for one ministry, enrolled and published, below `place/<code>`.
fn found(place: &Place, code: &str) -> [u16; 2] {
    let lower = code.to_lowercase();
    let ports = [free_port(), free_port()];
    let [relay, mailbox] = ports.map(|port| format!("127.0.0.1:{port}"));
    let (domain, name) = (format!("mfa.{lower}.example"), format!("Ministry of Foreign Affairs of {code}"));
    let [root, gateway, desk] = ["root", "gateway", "desk"].map(|kind| format!("{lower}/{kind}"));
    let who = ["--ministry", code, "--domain", &domain];
    place.succeed(&[&["init", "ministry", "--name", &name, &root], &who[..]].concat());
    let init = ["--home", &gateway, "init", "gateway", "--relay", &relay, "--mailbox", &mailbox];
    place.succeed(&[&init[..], &who].concat());
    place.succeed(&[&["--home", &desk, "init", "desk", "--gateway", &mailbox], &who[..]].concat());
    place.succeed(&["desk", "enrol", "--ministry-home", &root, &gateway]);
    place.succeed(&["desk", "enrol", "--ministry-home", &root, &desk]);
    let bundle = format!("{lower}.bundle");
    let homes = ["--ministry-home", &root, "--gateway", &gateway, "--desk", &desk, "-o", &bundle];
    place.succeed(&[&["trust", "sign"], &homes[..]].concat());
    ports
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn fingerprint(place: &Place, bundle: &str) -> (String, String) {
    let shown = place.json(&["peer", "inspect", bundle]);
    let words: Vec<&str> =
        shown["words"].as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
    (shown["fingerprint"].as_str().unwrap().to_owned(), words.join(" "))
}

/// With one word wrong they are words of no fingerprint; where it stands is told, and nothing is done.
fn misread_words_are_told(place: &Place, words: &str) {
    let mut misread: Vec<&str> = words.split(' ').collect();
    misread[6] = "chancery";
    let misread = misread.join(" ");
    let ended = place.run(&["--home", "xa/desk", "peer", "add", "xb.bundle", "--fingerprint", &misread]);
    let said = (ended.code, ended.error_code());
    assert_eq!((said.0, said.1.as_deref()), (4, Some("fingerprint-unread")), "{}", ended.talk);
    assert!(ended.talk.contains("these words differ at word 7"), "{}", ended.talk);
    assert!(
        ended.talk.contains("chancery --home xa/desk --passphrase-file words peer add"),
        "{}",
        ended.talk
    );
}

#[test]
fn two_ministries_are_founded_accredit_each_other_and_stay_in_touch() {
    let place = Place::new();
    let [relay, mailbox] = found(&place, "XA");
    found(&place, "XB");
    let mut xa = Gateway::daemon(&place, "xa/gateway");
    let listening = xa.wait_for("the gateway listens");
    assert!(
        listening.contains(&relay.to_string()) && listening.contains(&mailbox.to_string()),
        "{listening}"
    );
    let mut xb = Gateway::rehearsed(&place, "xb/gateway");
    xb.wait_for("the gateway listens");

    let (of_xa, _) = fingerprint(&place, "xa.bundle");
    let (_, of_xb) = fingerprint(&place, "xb.bundle");
    let before = tree(&place.path("xa/desk/trust"));
    let wrong = place.run(&["--home", "xa/desk", "peer", "add", "xb.bundle", "--fingerprint", &of_xa]);
    let said = (wrong.code, wrong.error_code());
    assert_eq!((said.0, said.1.as_deref()), (4, Some("fingerprint-differs")), "{}", wrong.talk);
    let digits = format!("{} {}", &of_xa[..4], &of_xa[4..8]);
    assert!(!wrong.talk.contains(&digits), "nobody compares digits on a screen: {}", wrong.talk);
    assert_eq!(tree(&place.path("xa/desk/trust")), before);
    assert_eq!(place.json(&["--home", "xa/gateway", "status"])["policy"], 0);
    let unasked = place.run(&["--home", "xa/desk", "peer", "add", "xb.bundle"]);
    assert_eq!(unasked.code, 4, "without a fingerprint and nobody to ask: {}", unasked.talk);

    misread_words_are_told(&place, &of_xb);
    assert_eq!(tree(&place.path("xa/desk/trust")), before);
    let numbered: String =
        of_xb.split(' ').zip(1..).map(|(word, number)| format!("{number} {word}\n")).collect();
    place.succeed(&["--home", "xa/desk", "peer", "add", "xb.bundle", "--fingerprint", &numbered]);
    place.succeed(&["--home", "xb/desk", "peer", "add", "xa.bundle", "--fingerprint", &of_xa]);
    assert_eq!(place.json(&["--home", "xa/desk", "peer", "show", "XB"])["ceiling"], "RESTRICTED");
    for (home, peer) in [("xa/gateway", "XB"), ("xb/gateway", "XA")] {
        let ping = place.json(&["--home", home, "peer", "ping", peer]);
        assert_eq!(ping["ministry"], peer);
        let connected = |status: &serde_json::Value| status["peers"][0]["connected"] == true;
        place.until(&["--home", home, "status"], connected);
        let screen = place.succeed(&["--home", home, "status"]).data;
        assert!(screen.contains("connected") && screen.contains("no alarms"), "{screen}");
        let heads = place.succeed(&["--home", home, "log", "head"]).data;
        assert_eq!(heads.lines().count(), 4, "an own log, a mirror and the administrative log: {heads}");
        assert_eq!(place.json(&["--home", home, "log", "verify"])["damages"], serde_json::json!([]));
    }
    let unknown = place.run(&["--home", "xa/gateway", "log", "prove", &"0".repeat(64)]);
    assert_eq!((unknown.code, unknown.error_code().as_deref()), (7, Some("no-message")), "{}", unknown.talk);
    let stranger = place.run(&["--home", "xa/gateway", "peer", "ping", "XC"]);
    assert_eq!(stranger.code, 7, "{}", stranger.talk);
    a_broken_certificate_keeps_the_old_one_serving(&place, &mut xa);
    assert_eq!(xb.stop(), Some(0));
    assert_eq!(xa.stop(), Some(0));
    what_the_process_did_is_in_the_administrative_log(&place);
    let away = place.run(&["--home", "xa/gateway", "status"]);
    assert_eq!((away.code, away.error_code().as_deref()), (5, Some("gateway-away")), "{}", away.talk);
    no_log_key_is_completed_while_nobody_can_say_who_knows_it(&place);
}

/// Only a running gateway knows which bundle is in force there, and what its peers have accredited.
fn no_log_key_is_completed_while_nobody_can_say_who_knows_it(place: &Place) {
    let rotate = ["--home", "xa/gateway", "key", "rotate", "log"];
    place.succeed(&rotate);
    let blind = place.run(&[&rotate[..], &["--complete", "--yes"]].concat());
    assert_eq!((blind.code, blind.error_code().as_deref()), (5, Some("gateway-away")), "{}", blind.talk);
    place.succeed(&[&rotate[..], &["--abandon"]].concat());
}

/// A reload that was refused changes nothing, and is none.
fn what_the_process_did_is_in_the_administrative_log(place: &Place) {
    let mut again = Gateway::daemon(place, "xa/gateway");
    again.wait_for("the gateway listens");
    let tail = place.succeed(&["--json", "--home", "xa/gateway", "log", "tail", "--administration"]).data;
    let entries = tail.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let told: Vec<String> =
        entries.map(|one| format!("{} {}", one["who"], one["what"]).replace('"', "")).collect();
    let expected = [
        "gateway STARTED",
        "registry POLICY",
        "registry PEER_ACCREDITED",
        "gateway RELOADED",
        "gateway STOPPED",
        "gateway STARTED",
    ];
    assert_eq!(told, expected);
    assert_eq!(again.stop(), Some(0));
}

fn a_broken_certificate_keeps_the_old_one_serving(place: &Place, xa: &mut Gateway) {
    let chain = place.path("xa/gateway/keys/transport.pem");
    let good = fs::read(&chain).unwrap();
    fs::write(&chain, "-----BEGIN CERTIFICATE-----\nbroken\n-----END CERTIFICATE-----\n").unwrap();
    xa.hang_up();
    xa.wait_for("the reload was refused");
    place.succeed(&["--home", "xb/gateway", "peer", "ping", "XA"]);
    fs::write(&chain, good).unwrap();
    place.succeed(&["desk", "enrol", "--renew", "--ministry-home", "xa/root", "xa/gateway"]);
    xa.hang_up();
    xa.wait_for("were read again");
    place.succeed(&["--home", "xb/gateway", "peer", "ping", "XA"]);
}

#[test]
fn what_stands_already_is_never_founded_again() {
    let place = Place::new();
    let desk = ["--home", "desk", "init", "desk", "--ministry", "XA", "--domain", "mfa.xa.example"];
    let desk = [&desk[..], &["--gateway", "127.0.0.1:1", "--office", "head:conclude,seal"]].concat();
    let said = place.json(&desk);
    assert_eq!(
        (&said["schema"], &said["requests"][2]["name"]),
        (&serde_json::json!("chancery.desk/1"), &serde_json::json!("chancery://XA/office/head"),)
    );
    let before = tree(&place.path("desk"));
    let again = place.run(&desk);
    assert_eq!((again.code, again.error_code().as_deref()), (7, Some("exists")), "{}", again.talk);
    assert_eq!(tree(&place.path("desk")), before);

    let ministry =
        ["init", "ministry", "--ministry", "XA", "--domain", "mfa.xa.example", "--name", "X", "desk"];
    assert_eq!(place.run(&ministry).code, 7);
    let gateway = ["init", "gateway", "--ministry", "XA", "--domain", "mfa.xa.example", "--home", "desk"];
    let gateway = [&gateway[..], &["--relay", "127.0.0.1:1", "--mailbox", "127.0.0.1:2"]].concat();
    assert_eq!(place.run(&gateway).code, 7);
    assert_eq!(tree(&place.path("desk")), before);
}

#[test]
fn a_gateway_does_not_settle_where_its_socket_has_no_room() {
    let place = Place::new();
    let long = "d".repeat(120);
    let init = ["--home", &long, "init", "gateway", "--ministry", "XA", "--domain", "mfa.xa.example"];
    let refused = place.run(&[&init[..], &["--relay", "127.0.0.1:1", "--mailbox", "127.0.0.1:2"]].concat());
    assert_eq!((refused.code, refused.error_code().as_deref()), (2, Some("home-path")), "{}", refused.talk);
    assert!(refused.talk.contains("shorter home"), "{}", refused.talk);
    assert!(!place.path(&long).exists());
    let refused = place
        .run(&[&init[2..], &["--relay", "0.0.0.0:1", "--mailbox", "127.0.0.1:2", "--home", "g"]].concat());
    assert_eq!((refused.code, refused.error_code().as_deref()), (2, Some("advertise")), "{}", refused.talk);
}

/// Its keys lie open to its own account: it starts with nobody there to type anything.
#[test]
fn a_gateway_is_founded_without_a_passphrase_and_says_so_to_whoever_gives_one() {
    let place = Place::new();
    let init = ["--home", "g", "init", "gateway", "--ministry", "XA", "--domain", "mfa.xa.example"];
    let init = [&init[..], &["--relay", "127.0.0.1:1", "--mailbox", "127.0.0.1:2"]].concat();
    let founded = place.succeed(&[&init[..], &["--passphrase-file", "words"]].concat());
    assert!(founded.talk.contains("the keys of a gateway have no passphrase"), "{}", founded.talk);
    let again = place.run(&init);
    assert_eq!((again.code, again.error_code().as_deref()), (7, Some("exists")), "{}", again.talk);
    assert!(again.talk.ends_with("hint: ls -la g\n"), "{}", again.talk);
}

/// The bundle after the first is put in force at the own desk; peers hear of it by themselves.
#[test]
fn a_bundle_is_signed_for_homes_that_are_there_and_the_next_one_is_installed() {
    let place = Place::new();
    found(&place, "XA");
    let sign = |gateway: &'static str, output: &'static str| {
        let homes = ["trust", "sign", "--ministry-home", "xa/root", "--desk", "xa/desk"];
        place.run(&[&homes[..], &["--gateway", gateway, "-o", output]].concat())
    };
    let nowhere = sign("no/gateway", "xa-2.bundle");
    assert_eq!(nowhere.code, 7, "{}", nowhere.talk);
    assert!(nowhere.talk.ends_with("hint: ls -la\n"), "nobody is led to found another: {}", nowhere.talk);
    std::fs::create_dir_all(place.path("no/gateway")).unwrap();
    let empty = sign("no/gateway", "xa-2.bundle");
    let founds = "hint: chancery --home no/gateway init gateway --help\n";
    assert!(empty.code == 7 && empty.talk.ends_with(founds), "{}", empty.talk);
    for (home, next) in [("elsewhere", "ls -ld elsewhere"), ("no/gateway", "init gateway --help")] {
        let ended = place.daemon(&["run", "--home", home]);
        let said = format!("{}{}", ended.data, ended.talk);
        assert!(ended.code == 2 && said.contains(next), "{said}");
    }
    let doctor = place.run(&["--home", "GATEWAY", "doctor"]);
    assert!(doctor.code == 1 && !doctor.talk.contains("init gateway --"), "{}", doctor.talk);
    assert!(
        doctor.talk.contains("GATEWAY stands for the folder of the gateway on its host"),
        "{}",
        doctor.talk
    );
    assert!(doctor.talk.ends_with(" doctor --home DIR\n"), "{}", doctor.talk);
    let taken = sign("xa/gateway", "xa.bundle");
    assert_eq!((taken.code, taken.error_code().as_deref()), (7, Some("exists")), "{}", taken.talk);
    assert!(taken.talk.ends_with("hint: mv xa.bundle xa.bundle.former\n"), "{}", taken.talk);
    let next = sign("xa/gateway", "xa-2.bundle");
    assert_eq!(next.code, 0, "{}", next.talk);
    assert!(next.talk.contains("chancery --home xa/desk trust install xa-2.bundle"), "{}", next.talk);
    assert!(!next.talk.contains("peer add"), "{}", next.talk);
}

#[test]
fn keys_are_certified_one_by_one_by_whoever_has_the_root() {
    let place = Place::new();
    let who = ["--ministry", "XA", "--domain", "mfa.xa.example"];
    place.succeed(&[&["init", "ministry", "--name", "X", "root"], &who[..]].concat());
    let office = ["--office", "seal:seal"];
    place.succeed(
        &[&["--home", "desk", "init", "desk", "--gateway", "127.0.0.1:1"], &who[..], &office].concat(),
    );
    place.succeed(&["--home", "desk", "key", "csr", "offices/seal", "-o", "seal.csr"]);
    let certify = |name: &'static str| {
        let args = ["key", "certify", "--ministry-home", "root", "--authority", "seal", "-o", "seal.pem"];
        [&args[..], &["--name", name, "seal.csr"]].concat()
    };
    let other = place.run(&certify("chancery://XA/office/head"));
    assert_eq!((other.code, other.error_code().as_deref()), (4, Some("other-name")), "{}", other.talk);
    let gateway = place.run(&certify("chancery://XA/gateway"));
    assert_ne!(gateway.code, 0, "a gateway holds no authority");
    assert!(!place.path("seal.pem").exists());
    place.succeed(&certify("chancery://XA/office/seal"));
    let twice = place.run(&certify("chancery://XA/office/seal"));
    assert_eq!(twice.code, 7, "the file is there already");
    assert!(twice.talk.ends_with("hint: mv seal.pem seal.pem.former\n"), "{}", twice.talk);
    // A key that comes next is installed, whatever else could be done with a chain.
    fs::copy(place.path("seal.csr"), place.path("seal.csr.next")).unwrap();
    let next = ["key", "certify", "--ministry-home", "root", "--authority", "seal", "-o", "next.pem"];
    let next = [&next[..], &["--name", "chancery://XA/office/seal", "seal.csr.next"]].concat();
    let told = place.succeed(&next).talk;
    assert!(told.contains("next: chancery --home DESK key install keys/offices/seal next.pem\n"), "{told}");
    assert!(!told.contains("next: cp "), "{told}");
    fs::write(place.path("seal.csr"), "something else").unwrap();
    let asked = place.run(&["--home", "desk", "key", "csr", "offices/seal", "-o", "seal.csr"]);
    assert_eq!((asked.code, asked.error_code().as_deref()), (7, Some("exists")), "{}", asked.talk);
    assert!(asked.talk.ends_with("hint: mv seal.csr seal.csr.former\n"), "{}", asked.talk);
    assert_eq!(fs::read_to_string(place.path("seal.csr")).unwrap(), "something else");
    fs::copy(place.path("seal.pem"), place.path("desk/keys/offices/seal.pem")).unwrap();
    let listed = place.succeed(&["--home", "desk", "key", "list"]).data;
    let state = |key: &str| listed.lines().find(|line| line.starts_with(key)).unwrap().contains("until");
    assert!(state("keys/offices/seal") && !state("keys/registry"), "{listed}");

    let words = place.path("wrong");
    fs::write(&words, "another passphrase\n").unwrap();
    fs::set_permissions(&words, fs::Permissions::from_mode(0o600)).unwrap();
    let enrol = ["desk", "enrol", "--ministry-home", "root", "desk", "--renew", "--passphrase-file", "wrong"];
    let refused = place.run(&enrol);
    assert_eq!(
        (refused.code, refused.error_code().as_deref()),
        (4, Some("wrong-passphrase")),
        "{}",
        refused.talk
    );
}

/// Whoever hands in a request for another name is told how one is made for his.
#[test]
fn a_client_with_a_request_of_another_name_is_told_how_his_own_is_made() {
    let place = Place::new();
    found(&place, "XA");
    place.succeed(&["--home", "xa/desk", "key", "csr", "registry", "-o", "legal.csr"]);
    let enrol = ["--home", "xa/desk", "desk", "enrol", "legal", "--roles", "clear", "--csr", "legal.csr"];
    fs::write(place.path("other.csr"), "something else").unwrap();
    let other = [&enrol[..7], &["--csr", "other.csr"]].concat();
    for (args, code) in [(&enrol[..], "other-name"), (&other[..], "request")] {
        let refused = place.run(args);
        assert_eq!(refused.error_code().as_deref(), Some(code), "{}", refused.talk);
        assert!(
            refused.talk.contains(".csr is no request for chancery://XA/client/legal"),
            "{}",
            refused.talk
        );
        let made = "-keyout legal.key -subj /CN=legal -addext subjectAltName=URI:chancery://XA/client/legal -out legal.csr";
        assert!(
            refused.talk.contains("hint: openssl req -new ") && refused.talk.contains(made),
            "{}",
            refused.talk
        );
        assert!(!refused.talk.contains("chancery://XA/gateway"), "{}", refused.talk);
    }
}

#[test]
fn the_reading_key_is_revealed_into_a_closed_file_and_only_with_consent() {
    let place = Place::new();
    let who = ["--ministry", "XA", "--domain", "mfa.xa.example", "--office", "seal:seal"];
    place.succeed(&[&["--home", "desk", "init", "desk", "--gateway", "127.0.0.1:1"], &who[..]].concat());
    let export = ["--home", "desk", "key", "export", "-o", "reading.txt"];
    let unasked = place.run(&export);
    assert_eq!(
        (unasked.code, unasked.error_code().as_deref()),
        (4, Some("consent-needed")),
        "{}",
        unasked.talk
    );
    assert_eq!(place.run(&["--home", "desk", "key", "export", "--yes", "-o", "-"]).code, 2);
    assert!(!place.path("reading.txt").exists());
    let said = place.succeed(&[&export[..], &["--yes"]].concat());
    let text = fs::read_to_string(place.path("reading.txt")).unwrap();
    let secret = text.lines().last().unwrap();
    assert!(secret.starts_with("AGE-SECRET-KEY-PQ-1"), "the file is an age identity");
    assert!(!said.data.contains(secret) && !said.talk.contains(secret));
    let recipient = fs::read_to_string(place.path("desk/keys/reading.recipient")).unwrap();
    assert!(text.contains(recipient.trim_end()));
    let mode = fs::metadata(place.path("reading.txt")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(place.run(&[&export[..], &["--yes"]].concat()).code, 7);
}

#[test]
fn a_gateway_that_nobody_enrolled_does_not_start() {
    let place = Place::new();
    let init = ["--home", "gateway", "init", "gateway", "--ministry", "XA", "--domain", "mfa.xa.example"];
    place.succeed(&[&init[..], &["--relay", "127.0.0.1:1", "--mailbox", "127.0.0.1:2"]].concat());
    for command in ["check", "run"] {
        let ended = place.daemon(&[command, "--home", "gateway"]);
        assert_eq!(ended.code, 2, "{}", ended.talk);
        assert!(ended.talk.contains("next: chancery desk enrol"), "{}", ended.talk);
        assert!(
            ended.talk.contains("trust/root.pem") || ended.talk.contains("transport.pem"),
            "{}",
            ended.talk
        );
    }
    let config = place.path("gateway/gateway.toml");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, format!("{text}listen = \"x\"\n")).unwrap();
    let ended = place.daemon(&["check", "--home", "gateway", "--log-format", "json"]);
    assert_eq!(ended.code, 2);
    let line: serde_json::Value = serde_json::from_str(ended.talk.lines().last().unwrap()).unwrap();
    assert!(line["fault"].as_str().unwrap().contains("listen"), "{line}");
    assert_eq!(place.daemon(&["check", "--home", "nowhere"]).code, 2);
    assert_eq!(place.daemon(&["start"]).code, 2);
}

#[test]
fn a_bundle_that_was_changed_on_the_way_is_proven_bad() {
    let place = Place::new();
    found(&place, "XA");
    let mut bytes = fs::read(place.path("xa.bundle")).unwrap();
    let name = bytes.windows(11).position(|window| window == b"Ministry of").unwrap();
    bytes[name] = b'm';
    fs::write(place.path("changed.bundle"), bytes).unwrap();
    let refused = place.run(&["peer", "inspect", "changed.bundle"]);
    assert_eq!(refused.code, 3, "{}", refused.talk);
    assert!(refused.data.contains("refused"), "what it says is shown with the verdict: {}", refused.data);
    fs::write(place.path("noise.bundle"), b"noise").unwrap();
    assert_eq!(place.run(&["peer", "inspect", "noise.bundle"]).code, 3);
    assert_eq!(place.run(&["peer", "inspect", "nowhere.bundle"]).code, 7);
    let again =
        ["trust", "sign", "--ministry-home", "xa/root", "--gateway", "xa/gateway", "--desk", "xa/desk"];
    assert_eq!(place.run(&[&again[..], &["-o", "xa.bundle"]].concat()).code, 7, "not written over");
    place.succeed(&[&again[..], &["-o", "xa2.bundle"]].concat());
    assert_eq!(place.json(&["peer", "inspect", "xa2.bundle"])["sequence"], 2);
    place.succeed(&["--home", "xa/desk", "peer", "card", "-o", "card.bundle"]);
    let read = |name: &str| fs::read(place.path(name)).unwrap();
    assert_eq!(read("card.bundle"), read("xa2.bundle"));
    assert!(Path::new(&place.path("xa/desk/trust/own.bundle")).exists());
}
