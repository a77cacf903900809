//! The samples in `etc/` are what the programs write and read today.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use chancery::desk::serve::config::ServiceConfig;
use chancery::keys::home::desk::{self, DeskPlan};
use chancery::keys::home::gateway::{self, GatewayPlan};
use chancery::keys::settings::FORMS;
use chancery::trust::name::{Domain, Label, Ministry};

use crate::tools;

fn etc(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("etc").join(name)
}

#[test]
fn the_sample_configurations_are_those_that_init_writes_and_load() {
    let (ministry, domain) = (Ministry::parse("XA").unwrap(), Domain::parse("mfa.xa.example").unwrap());
    let plan = GatewayPlan {
        ministry: ministry.clone(),
        domain: domain.clone(),
        relay_listen: "[::]:7443".to_owned(),
        mailbox_listen: "192.0.2.10:7444".to_owned(),
        endpoints: Vec::new(),
    };
    let text = fs::read_to_string(etc("gateway.toml")).unwrap();
    assert_eq!(text, gateway::config_text(&plan));
    let home = Path::new("/var/lib/chancery");
    let config = chancery::gateway::config::Config::parse(home, &text).unwrap();
    assert_eq!((config.ministry, config.relay_listen.as_str()), (ministry.clone(), "[::]:7443"));

    let plan = DeskPlan {
        ministry: ministry.clone(),
        domain,
        label: Label::parse("main").unwrap(),
        gateway: "192.0.2.10:7444".to_owned(),
        offices: BTreeMap::new(),
    };
    let text = fs::read_to_string(etc("desk.toml")).unwrap();
    assert_eq!(text, desk::config_text(&plan));
    let config = chancery::desk::config::Config::parse(home, &text).unwrap();
    assert_eq!((config.ministry, config.gateway.as_str()), (ministry, "192.0.2.10:7444"));
}

#[test]
fn the_sample_of_the_service_loads_and_says_who_may_ask_for_what() {
    let home = Path::new("/var/lib/chancery-desk");
    let desk = fs::read_to_string(etc("desk.toml")).unwrap();
    let desk = chancery::desk::config::Config::parse(home, &desk).unwrap();
    let text = fs::read_to_string(etc("service.toml")).unwrap();
    let config = ServiceConfig::parse(&desk, &text).unwrap();
    assert_eq!(config.listen, Some("10.0.0.5:7110".parse().unwrap()));
    let socket = config.socket.unwrap();
    assert!(!socket.starts_with(home), "nobody else reaches what lies in the home");
    let unit = fs::read_to_string(etc("chancery-desk.service")).unwrap();
    let made = unit.lines().find_map(|line| line.strip_prefix("RuntimeDirectory=")).unwrap();
    assert_eq!(
        socket.parent(),
        Some(Path::new("/run").join(made).as_path()),
        "and the unit makes its folder"
    );
    assert!(unit.contains("RuntimeDirectoryMode=0755\n"), "open to others");
    let users: Vec<_> = config.users.iter().map(|user| (user.uid, user.label.as_str())).collect();
    assert_eq!(users, [(1001, "casework"), (1002, "clearing")]);
    assert!(config.users[0].offices.is_empty() && config.users[1].offices.len() == 1);
}

#[test]
fn every_key_of_the_samples_is_in_the_schema_and_every_setting_stands_in_a_sample() {
    for form in FORMS {
        let text = fs::read_to_string(etc(form.file)).unwrap();
        // What a sample only shows stands behind a number sign.
        let shown = |line: &&str| line.starts_with('[') || line.split(" = ").next().is_some_and(is_key);
        let lines = text.lines().map(|line| line.strip_prefix("# ").filter(shown).unwrap_or(line));
        let whole = lines.collect::<Vec<_>>().join("\n");
        let settings = form.read(&whole).unwrap_or_else(|mistakes| panic!("{}: {mistakes:?}", form.file));
        let schema = form.schema();
        for shown in settings.shown() {
            let names = shown.key.replace("[0]", "").replace("[1]", "");
            let at = names.split('.').fold(&schema, |at, name| {
                let at = if at["type"] == "array" { &at["items"] } else { at };
                &at["properties"][name]
            });
            assert_eq!(at["description"], shown.about, "{} of {}", shown.key, form.file);
            let optional = ["metrics.beyond_loopback", "user[0].offices"].contains(&shown.key.as_str());
            assert!(settings.has(&shown.key) || optional, "{} is in no sample", shown.key);
        }
    }
}

fn is_key(word: &str) -> bool {
    !word.is_empty() && word.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_')
}

#[test]
fn the_services_are_hardened_by_the_judgement_of_systemd() {
    for unit in ["chancery-gateway.service", "chancery-desk.service"] {
        let mut command = Command::new("systemd-analyze");
        // 15 is an exposure of 1.5 of 10.
        command.args(["security", "--offline=true", "--threshold=15", "--no-pager"]).arg(etc(unit));
        let Some(judged) = tools::run(&mut command, "hardening of the services") else { return };
        let said = String::from_utf8_lossy(&judged.stdout);
        assert!(judged.status.success(), "{unit}: {said}{}", String::from_utf8_lossy(&judged.stderr));
        assert!(said.contains("Overall exposure level"), "{unit}: {said}");
    }
}

#[test]
fn the_desk_service_runs_the_commands_that_the_command_line_has() {
    let unit = fs::read_to_string(etc("chancery-desk.service")).unwrap();
    let started: Vec<&str> = unit.lines().filter(|line| line.starts_with("ExecStart")).collect();
    assert_eq!(started.len(), 1, "by RestartPreventExitStatus= the main process alone is judged");
    for line in started {
        let (_, arguments) = line.split_once("/usr/bin/chancery ").unwrap();
        let mut words: Vec<&str> = arguments.split_whitespace().collect();
        words.push("--help");
        let help = Command::new(env!("CARGO_BIN_EXE_chancery")).args(&words).output().unwrap();
        assert!(help.status.success(), "{line}");
    }
}

#[test]
fn the_service_runs_the_commands_that_the_daemon_has() {
    let unit = fs::read_to_string(etc("chancery-gateway.service")).unwrap();
    let started: Vec<&str> = unit.lines().filter(|line| line.starts_with("ExecStart")).collect();
    assert_eq!(started.len(), 1, "by RestartPreventExitStatus= the main process alone is judged");
    for line in started {
        let (_, arguments) = line.split_once("/usr/bin/chancery-gateway ").unwrap();
        let mut words: Vec<&str> = arguments.split_whitespace().collect();
        words.push("--help");
        let help = Command::new(env!("CARGO_BIN_EXE_chancery-gateway")).args(&words).output().unwrap();
        assert!(help.status.success(), "{line}");
    }
}

/// Without it every restart would await the hello of each peer, and nothing would be signed for one that is away.
#[test]
fn the_unit_of_a_gateway_hides_no_sign_that_the_host_was_not_started_anew() {
    let unit = fs::read_to_string(etc("chancery-gateway.service")).unwrap();
    let settings: Vec<&str> = unit.lines().filter(|line| !line.starts_with('#')).collect();
    assert!(!settings.iter().any(|line| line.starts_with("ProcSubset=")), "{unit}");
    assert!(settings.contains(&"ProtectKernelTunables=yes"), "and it is read only");
}
