//! The samples in `etc/` are what the programs write and read today.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use chancery::keys::home::desk::{self, DeskPlan};
use chancery::keys::home::gateway::{self, GatewayPlan};
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
fn the_service_is_hardened_by_the_judgement_of_systemd() {
    let unit = etc("chancery-gateway.service");
    let mut command = Command::new("systemd-analyze");
    // 15 is an exposure of 1.5 of 10.
    command.args(["security", "--offline=true", "--threshold=15", "--no-pager"]).arg(&unit);
    let Some(judged) = tools::run(&mut command, "hardening of the service") else { return };
    let said = String::from_utf8_lossy(&judged.stdout);
    assert!(judged.status.success(), "{said}{}", String::from_utf8_lossy(&judged.stderr));
    assert!(said.contains("Overall exposure level"), "{said}");
}

#[test]
fn the_service_runs_the_commands_that_the_daemon_has() {
    let unit = fs::read_to_string(etc("chancery-gateway.service")).unwrap();
    let started: Vec<&str> = unit.lines().filter(|line| line.starts_with("ExecStart")).collect();
    assert_eq!(started.len(), 2);
    for line in started {
        let (_, arguments) = line.split_once("/usr/bin/chancery-gateway ").unwrap();
        let mut words: Vec<&str> = arguments.split_whitespace().collect();
        words.push("--help");
        let help = Command::new(env!("CARGO_BIN_EXE_chancery-gateway")).args(&words).output().unwrap();
        assert!(help.status.success(), "{line}");
    }
}
