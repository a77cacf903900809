//! What surrounds a gateway is told how it is: the service manager, monitoring, and an operator who asks a doctor.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use serde_json::Value;

use super::process::{Ended, Gateway, Place};
use super::{fingerprint, found};

/// The next thing that a service manager is told.
fn told(manager: &UnixDatagram) -> String {
    let mut bytes = [0; 256];
    let length = manager.recv(&mut bytes).expect("the service manager was told nothing");
    String::from_utf8(bytes[..length].to_vec()).unwrap()
}

#[test]
fn a_service_manager_is_told_when_the_gateway_serves_reads_anew_and_stops() {
    let place = Place::new();
    found(&place, "XA");
    let socket = place.path("notify");
    let manager = UnixDatagram::bind(&socket).unwrap();
    manager.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let mut xa = Gateway::managed(&place, "xa/gateway", &socket);
    assert_eq!(told(&manager), "READY=1\n");
    assert_eq!(place.json(&["--home", "xa/gateway", "status"])["policy"], 0, "it serves when it says so");
    xa.hang_up();
    let reloading = told(&manager);
    assert!(reloading.starts_with("RELOADING=1\nMONOTONIC_USEC="), "{reloading}");
    assert_eq!(told(&manager), "READY=1\n");
    assert_eq!(xa.stop(), Some(0));
    assert_eq!(told(&manager), "STOPPING=1\n");
}

#[test]
fn a_list_of_desks_and_settings_that_cannot_be_used_are_told_before_anybody_rests_on_them() {
    let place = Place::new();
    found(&place, "XA");
    let check = ["check", "--home", "xa/gateway"];
    assert_eq!(place.daemon(&check).code, 0, "there is no list before the first desk was revoked");
    let list = place.path("xa/gateway/trust/desk-access.crl");
    fs::write(&list, "junk").unwrap();
    let told = place.daemon(&check);
    assert!(told.code == 2 && told.talk.contains("holds no revocation list"), "{}", told.talk);
    assert!(
        told.talk.contains("next: cp ROOT/desk-access.crl xa/gateway/trust/desk-access.crl"),
        "{}",
        told.talk
    );

    let mut xa = Gateway::daemon(&place, "xa/gateway");
    xa.wait_for("the list of revoked desks cannot be used");
    xa.wait_for("the gateway listens");
    xa.hang_up();
    xa.wait_for("the list of revoked desks cannot be used");
    xa.wait_for("were read again");
    fs::remove_file(&list).unwrap();
    let settings = place.path("xa/gateway/gateway.toml");
    let good = fs::read(&settings).unwrap();
    fs::write(&settings, "ministry = ").unwrap();
    xa.hang_up();
    xa.wait_for("the settings cannot be read: the next start will fail");
    xa.wait_for("were read again");
    fs::write(&settings, good).unwrap();
    assert_eq!(xa.stop(), Some(0));
    assert_eq!(place.daemon(&check).code, 0);
}

/// Level and subject of every check, and the exit code.
fn examined(place: &Place, args: &[&str]) -> (i32, Vec<(String, String)>) {
    let ended = place.run(&[&["--json"], args].concat());
    let report: Value = serde_json::from_str(&ended.data).unwrap();
    assert_eq!(report["schema"], "chancery.doctor/1");
    let word = |check: &Value, key: &str| check[key].as_str().unwrap().to_owned();
    let checks = report["checks"].as_array().unwrap();
    for check in checks {
        assert_eq!(
            check["level"] == "ok",
            check["next"].is_null(),
            "what is not ok has a next command: {check}"
        );
    }
    (ended.code, checks.iter().map(|check| (word(check, "level"), word(check, "subject"))).collect())
}

fn has(checks: &[(String, String)], level: &str, subject: &str) -> bool {
    checks.iter().any(|(found, of)| found == level && of == subject)
}

#[test]
fn a_doctor_finds_nothing_wrong_with_what_is_well_and_names_the_next_command_for_what_is_not() {
    let place = Place::new();
    found(&place, "XA");
    found(&place, "XB");
    let home = ["--home", "xa/gateway", "doctor"];
    let (code, checks) = examined(&place, &home);
    assert!(code == 1 && has(&checks, "fail", "gateway"), "nobody answers: {checks:?}");
    let mut xa = Gateway::daemon(&place, "xa/gateway");
    xa.wait_for("the gateway listens");
    let mut xb = Gateway::daemon(&place, "xb/gateway");
    xb.wait_for("the gateway listens");
    let (code, checks) = examined(&place, &home);
    assert!(code == 0 && has(&checks, "warn", "peers"), "{checks:?}");
    let (of_xa, of_xb) = (fingerprint(&place, "xa.bundle").0, fingerprint(&place, "xb.bundle").0);
    place.succeed(&["--home", "xa/desk", "peer", "add", "xb.bundle", "--fingerprint", &of_xb]);
    place.succeed(&["--home", "xb/desk", "peer", "add", "xa.bundle", "--fingerprint", &of_xa]);
    place.until(&["--home", "xa/gateway", "status"], |status| {
        status["peers"][0]["connected"] == true && status["peers"][0]["standing"] == "sound"
    });
    let (code, checks) = examined(&place, &home);
    assert!(code == 0 && checks.iter().all(|(level, _)| level == "ok"), "{checks:?}");
    assert!(has(&checks, "ok", "ping XB") && has(&checks, "ok", "certificate"), "{checks:?}");
    let said = place.succeed(&home).talk;
    assert!(said.contains("ok    store") && said.contains("ok    peer XB"), "{said}");

    let key = place.path("xa/gateway/keys/log.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    let ended = place.run(&home);
    assert!(ended.code == 1 && ended.talk.contains("hint: chmod 600 "), "{}", ended.talk);
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(xb.stop(), Some(0));
    let (code, checks) = examined(&place, &home);
    assert!(code == 1 && has(&checks, "fail", "ping XB"), "{checks:?}");
    let said = place.run(&home).talk;
    assert!(
        said.contains("next: chancery --home DESK peer show XB") && !said.contains("--verbose"),
        "{said}"
    );
    a_foreign_certificate_is_seen(&place, &home);
    let (_, checks) = examined(&place, &["--home", "xa/gateway", "doctor", "--offline"]);
    assert!(!checks.iter().any(|(_, subject)| subject.starts_with("ping")), "{checks:?}");
    let (code, checks) = examined(&place, &["--home", "xa/desk", "doctor"]);
    assert!(code == 0 && has(&checks, "ok", "keys"), "{checks:?}");
    clients_of_a_desk_are_looked_at(&place);
    a_foreign_certificate_of_an_office_is_seen(&place);
    assert_eq!(xa.stop(), Some(0));
    let desk = ["--home", "xa/desk", "doctor"];
    let (code, checks) = examined(&place, &desk);
    assert!(code == 1 && has(&checks, "fail", "gateway"), "its own gateway is away: {checks:?}");
    let said = place.run(&desk).talk;
    assert!(said.contains("bad   gateway") && said.contains("chancery --home GATEWAY doctor"), "{said}");
}

/// The key opens with a passphrase only, and nobody is asked for it.
fn a_foreign_certificate_of_an_office_is_seen(place: &Place) {
    let doctor = ["--home", "xa/desk", "doctor"];
    let offices = place.path("xa/desk/keys/offices");
    let mut chains: Vec<_> = fs::read_dir(&offices).unwrap().map(|entry| entry.unwrap().path()).collect();
    chains.retain(|path| path.extension().is_some_and(|extension| extension == "pem"));
    chains.sort();
    let [first, second, ..] = &chains[..] else { panic!("{chains:?}") };
    let own = fs::read(first).unwrap();
    fs::copy(second, first).unwrap();
    let ended = place.run(&doctor);
    let seen = format!("keys/offices/{} is not for the key beside it", first.file_name().unwrap().display());
    assert!(ended.code == 1 && ended.talk.contains(&seen), "{}", ended.talk);
    fs::write(first, own).unwrap();
    let ended = place.run(&doctor);
    assert!(!ended.talk.contains("is not for the key beside it"), "{}", ended.talk);
}

fn a_foreign_certificate_is_seen(place: &Place, doctor: &[&str]) {
    let chain = place.path("xa/gateway/keys/transport.pem");
    let own = fs::read(&chain).unwrap();
    fs::copy(place.path("xb/gateway/keys/transport.pem"), &chain).unwrap();
    let ended = place.run(doctor);
    assert!(ended.talk.contains("keys/transport.pem is not for the key beside it"), "{}", ended.talk);
    let unbelieved = "keys/transport.pem is not believed by anybody: CERTIFICATE_";
    assert!(ended.code == 1 && ended.talk.contains(unbelieved), "{}", ended.talk);
    fs::write(&chain, own).unwrap();
    let ended = place.run(doctor);
    assert!(!ended.talk.contains("keys/transport.pem is not"), "{}", ended.talk);
}

fn clients_of_a_desk_are_looked_at(place: &Place) {
    let doctor = ["--home", "xa/desk", "doctor"];
    let clients = place.path("xa/desk/clients");
    fs::create_dir_all(&clients).unwrap();
    let (key, chain) = (clients.join("service.key"), clients.join("service.pem"));
    fs::write(&key, "a key").unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).unwrap();
    let ended = place.run(&doctor);
    let open = format!("others may read {}", "xa/desk/clients/service.key");
    assert!(ended.code == 1 && ended.talk.contains(&open), "{}", ended.talk);
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    let (code, checks) = examined(place, &doctor);
    assert!(code == 0 && has(&checks, "ok", "keys"), "{checks:?}");
    fs::write(&chain, "no certificate\n").unwrap();
    let ended = place.run(&doctor);
    let unreadable = "xa/desk/clients/service.pem is no certificate";
    assert!(ended.code == 1 && ended.talk.contains(unreadable), "{}", ended.talk);
    assert!(ended.talk.contains("hint: ls -l ") || ended.talk.contains("ls -l "), "{}", ended.talk);
}

#[test]
fn a_support_bundle_holds_state_and_no_key() {
    let place = Place::new();
    found(&place, "XA");
    let mut xa = Gateway::daemon(&place, "xa/gateway");
    xa.wait_for("the gateway listens");
    place.succeed(&["--home", "xa/gateway", "doctor", "--bundle", "support.json"]);
    let text = fs::read_to_string(place.path("support.json")).unwrap();
    let bundle: Value = serde_json::from_str(&text).unwrap();
    assert!(bundle["metrics"].as_str().unwrap().ends_with("# EOF\n"));
    assert!(bundle["configuration"].as_str().unwrap().contains("relay_listen"));
    let files = bundle["files"].as_array().unwrap();
    assert!(files.iter().any(|file| file["name"] == "keys/log.key" && file["mode"] == "600"), "{files:?}");
    assert!(!text.contains("PRIVATE KEY"));
    for key in ["log.key", "cosigner.key", "transport.key"] {
        let secret = fs::read_to_string(place.path("xa/gateway/keys").join(key)).unwrap();
        let secret = secret.lines().nth(1).unwrap();
        assert!(secret.len() > 20 && !text.contains(secret), "{key}");
    }
    let again = place.run(&["--home", "xa/gateway", "doctor", "--bundle", "support.json"]);
    assert_eq!(again.code, 7, "nothing is overwritten: {}", again.talk);
    assert_eq!(xa.stop(), Some(0));
}

#[test]
fn monitoring_is_answered_in_its_own_words_and_codes() {
    let place = Place::new();
    found(&place, "XA");
    let ask = || place.run(&["--home", "xa/gateway", "status", "--format", "nagios"]);
    let Ended { code, data, .. } = ask();
    assert!(code == 2 && data.starts_with("CHANCERY CRITICAL - no gateway answers in "), "{code} {data}");
    let both = place.run(&["--json", "--home", "xa/gateway", "status", "--format", "nagios"]);
    assert!(both.code == 2 && both.talk.contains("\"format\""), "{}", both.talk);
    assert!(both.talk.contains(" status --format nagios"), "{}", both.talk);
    let prove = place.run(&["--home", "xa/gateway", "log", "prove", "3"]);
    assert!(prove.code == 2 && prove.talk.contains("log prove --administration 3"), "{}", prove.talk);
    let mut xa = Gateway::daemon(&place, "xa/gateway");
    xa.wait_for("the gateway listens");
    let Ended { code, data, talk } = ask();
    assert!(code == 0 && data.starts_with("CHANCERY OK - all is well | peers=0 "), "{code} {data}");
    assert_eq!((data.lines().count(), talk.as_str()), (1, ""));
    assert_eq!(xa.stop(), Some(0));
}

#[test]
fn a_desk_tells_officers_monitoring_and_its_log_what_ends_soon_and_the_log_of_whom_it_is_not() {
    let place = Place::new();
    found(&place, "XA");
    let mut xa = Gateway::daemon(&place, "xa/gateway");
    xa.wait_for("the gateway listens");
    let status = ["--home", "xa/desk", "status"];
    let in_form = |form| place.run(&[&status[..], &["--format", form]].concat());
    let seen = place.json(&status);
    let certificates = seen["certificates"].as_array().unwrap();
    for what in ["access", "bundle", "office", "registry", "root"] {
        let far = |one: &Value| one["nearness"] == "far" && one["days"].as_i64() > Some(300);
        assert!(certificates.iter().any(|one| one["what"] == what && far(one)), "{what}: {seen}");
    }
    let Ended { code, data, .. } = in_form("nagios");
    assert!(code == 0 && data.starts_with("CHANCERY OK - all is well | unread=0 "), "{code} {data}");

    let enrol = ["--home", "xa/desk", "desk", "enrol", "casework", "--roles", "read", "--days", "5"];
    place.succeed(&enrol);
    let Ended { code, data, .. } = in_form("nagios");
    assert!(code == 0, "what lives for five days is not near its end from the first: {data}");
    assert!(!place.run(&status).data.contains("RENEW"));
    // As it stands in the book of an older release: only its days are known.
    let book = place.path("xa/desk/clients/book.toml");
    let text = fs::read_to_string(&book).unwrap();
    let older: String =
        text.lines().filter(|line| !line.starts_with("valid_from")).map(|line| format!("{line}\n")).collect();
    assert_ne!(older, text);
    fs::write(&book, older).unwrap();
    let Ended { code, data, .. } = in_form("nagios");
    assert!(
        code == 1 && data.starts_with("CHANCERY WARNING - client casework of XA ends in "),
        "{code} {data}"
    );
    let Ended { code, data, .. } = in_form("prometheus");
    let sample = "chancery_desk_end_timestamp_seconds{what=\"client\",ministry=\"XA\"} ";
    assert!(code == 0 && data.contains(sample) && !data.contains("casework"), "{code} {data}");
    let Ended { code, data, talk } = place.run(&status);
    assert!(code == 0 && data.contains("\nRENEW  client casework"), "{code} {data}");
    assert!(talk.contains("next: chancery --home xa/desk desk clients"), "{talk}");

    let mut desk = Gateway::of_desk(&place, "xa/desk");
    let line = desk.wait_for("it ends within a week");
    assert!(line.contains("WARN") && line.contains("client") && !line.contains("casework"), "{line}");
    drop(desk);
    assert_eq!(xa.stop(), Some(0));
}
