//! What is done in a ministry on that day, each duty by the commands that its operators and officers type.

use std::fs;
use std::path::{Path, PathBuf};

use chancery::keys::ministry::MinistryHome;
use serde_json::Value;

use super::town::{Said, Town, Traffic, bare, peer_of};
use crate::archive::copy;
use crate::ordeal::process::eventually;
use crate::support::passphrase;

impl Town {
    /// The keys that peers believe by their certificates: transport, registry and one office.
    pub fn rotates_certified_keys(&self, side: &'static str) {
        let (gateway, desk) = (self.gateway(side), self.desk(side));
        for (home, key, holder, authorities) in [
            (&gateway, "transport", "gateway", &[][..]),
            (&desk, "registry", "registry", &["receipt", "register"]),
            (&desk, "offices/seal", "office/seal", &["seal"]),
        ] {
            good(self.types(home, ["key", "rotate", key, "--json"]));
            let chain = self.place(&format!("{}.pem", key.replace('/', "-")));
            let request = home.join(format!("keys/{key}.csr.next"));
            let name = format!("chancery://{side}/{holder}");
            let root = self.root(side);
            let mut certify =
                vec!["key", "certify", "--ministry-home", text(&root), "--name", &name, "-o", text(&chain)];
            certify.extend(authorities.iter().flat_map(|authority| ["--authority", authority]));
            certify.push(text(&request));
            assert_eq!(self.types(&root, certify).code, 0);
            assert_eq!(self.types(home, ["key", "install", key, text(&chain)]).code, 0, "{key}");
        }
    }

    /// The keys that the bundle names: announced beside the old ones, followed by the peer, switched over.
    pub fn rotates_announced_keys(&self, side: &'static str) {
        let (gateway, desk) = (self.gateway(side), self.desk(side));
        let announced = [(&gateway, "log"), (&gateway, "cosigner"), (&desk, "reading")];
        for (home, key) in announced {
            good(self.types(home, ["key", "rotate", key, "--json"]));
        }
        let early = self.types(&gateway, ["key", "rotate", "log", "--complete", "--json"]);
        assert_eq!(early.code, 5, "nobody believes the next key yet: {early:?}");
        self.publishes(side);
        for (home, key) in announced {
            // The log of the peer says that it follows, and is on its way here.
            eventually(&format!("{key} is switched over"), || {
                let said = self.types(home, ["key", "rotate", key, "--complete", "--json"]);
                assert!([0, 5].contains(&said.code), "{key}: {said:?}");
                said.code == 0
            });
        }
        self.publishes(side);
    }

    /// An office of a ministry is revoked in its offline home, and the peer knows.
    pub fn revokes_an_office(&self, side: &'static str) {
        let root = self.root(side);
        let revoked = self.types(
            &root,
            [
                "key",
                "revoke",
                "office/head",
                "--reason",
                "key-compromise",
                "--ministry-home",
                text(&root),
                "--yes",
            ],
        );
        assert_eq!(revoked.code, 0, "{revoked:?}");
        self.publishes(side);
    }

    /// Signs the next bundle and puts it in force; returns when the peer has accredited it.
    fn publishes(&self, side: &'static str) {
        let (root, gateway, desk) = (self.root(side), self.gateway(side), self.desk(side));
        let before = self.accredited(side);
        let bundle = self.place(&format!("{side}-after-{before}.bundle"));
        let homes = ["--ministry-home", text(&root), "--gateway", text(&gateway), "--desk", text(&desk)];
        let sign = [&["trust", "sign"][..], &homes, &["-o", text(&bundle), "--json"]].concat();
        let sequence = good(self.types(&desk, sign))["sequence"].as_u64().unwrap();
        let installed = self.types(&desk, ["trust", "install", text(&bundle)]);
        assert_eq!(installed.code, 0, "{installed:?}");
        eventually("the peer follows", || {
            self.officer(peer_of(side)).types(["inbox", "-n", "1"]);
            self.accredited(side) == sequence
        });
    }

    /// Which bundle of a ministry its peer has accredited.
    fn accredited(&self, side: &'static str) -> u64 {
        let shown = good(self.officer(peer_of(side)).types(["peer", "show", side, "--json"]));
        shown["sequence"].as_u64().unwrap_or_else(|| panic!("{shown}"))
    }

    /// A backup of the gateway, made while it works; it is looked into before anybody relies on it.
    pub fn backs_up(&self, side: &str) -> PathBuf {
        let backup = self.place(&format!("{side}.backup"));
        let made = self.types(&self.gateway(side), ["backup", "create", "-o", text(&backup)]);
        assert_eq!(made.code, 0, "{made:?}");
        let verified = self.types(&self.gateway(side), ["backup", "verify", text(&backup)]);
        assert_eq!(verified.code, 0, "{verified:?}");
        backup
    }

    /// What is decided after the backup: a peer is paused, a message withdrawn that it has not got, a client of the desk
    /// service suspended, and the former access key of the desk revoked.
    pub fn decides_after_the_backup(&mut self, side: &'static str) -> Decided {
        let (gateway, desk, root, peer) =
            (self.gateway(side), self.desk(side), self.root(side), peer_of(side));
        assert_eq!(bare(&gateway, ["peer", "pause", peer, "--reason", "TICKET-8"]).code, 0);
        let note = good(self.officer(side).sends(&self.consultation(side), "Not to arrive."));
        let withdrawn = note["message_id"].as_str().unwrap().to_owned();
        assert_eq!(bare(&gateway, ["queue", "cancel", &withdrawn, "--yes"]).code, 0);
        eventually("the desk knows of the withdrawal", || {
            let sent = self.officer(side).lists("outbox");
            sent.iter().any(|copy| copy["message_id"] == withdrawn && copy["state"] == "withdrawn")
        });
        self.withdraws(&withdrawn);

        let client = self.place("casework");
        let enrol = ["desk", "enrol", "casework", "--roles", "read", "-o", text(&client)];
        assert_eq!(self.types(&desk, enrol).code, 0);
        assert_eq!(self.types(&desk, ["desk", "suspend", "casework"]).code, 0);

        let former = self.place("former-desk");
        copy(&desk, &former);
        let ministry = MinistryHome::open(&root, &passphrase()).unwrap();
        let name = format!("chancery://{side}/desk/main");
        let issued = ministry.issued().unwrap();
        let serial = issued.iter().find(|one| one.name.to_string() == name).unwrap().serial.to_string();
        good(self.types(&desk, ["key", "rotate", "access", "--json"]));
        let (chain, request) = (self.place("access.pem"), desk.join("keys/access.csr.next"));
        let certify = [
            "key",
            "certify",
            "--ministry-home",
            text(&root),
            "--name",
            &name,
            "-o",
            text(&chain),
            text(&request),
        ];
        assert_eq!(self.types(&root, certify).code, 0);
        assert_eq!(self.types(&desk, ["key", "install", "access", text(&chain)]).code, 0);
        let revoke = ["key", "revoke", "desk/main", "--serial", &serial, "--reason", "superseded"];
        let where_to = ["--ministry-home", text(&root), "--yes"];
        let revoked = self.types(&root, [&revoke[..], &where_to].concat());
        assert_eq!(revoked.code, 0, "{revoked:?}");
        let list = root.join("desk-access.crl");
        Decided { withdrawn, former, list }
    }

    /// The host of a gateway is lost, and another begins with an older copy: it awaits its desk, gets back what it lacks,
    /// and what was decided since the copy holds.
    pub fn loses_and_restores(&mut self, side: &'static str, backup: &Path, decided: &Decided) {
        let (home, peer) = (self.gateway(side), peer_of(side));
        self.kills(side);
        fs::rename(&home, self.place("lost")).unwrap();
        let unsaid = self.types(&home, ["backup", "restore", text(backup)]);
        assert_eq!(unsaid.code, 2, "somebody must say which desks were revoked: {unsaid:?}");
        let list = text(&decided.list);
        let restored = self.types(&home, ["backup", "restore", text(backup), "--desk-list", list]);
        assert_eq!(restored.code, 0, "{restored:?}");
        self.starts(side);
        let stands = || {
            let alarms = self.status(side)["alarms"].to_string();
            alarms.contains("RESTORED")
        };
        assert!(stands(), "it is told what is awaited");
        eventually("the peer comes and is turned away", || {
            let seen = self.status(peer)["peers"][0]["last_failure"].to_string();
            seen.contains("PAUSED")
        });
        self.officer(side).types(["outbox"]);
        eventually("the own desk has come", || self.status(side)["awaits_desk"] == false);
        assert_eq!(self.status(side)["peers"][0]["paused"]["reason"], "RESTORED", "nobody has let it in");
        let intruder = self.types(&decided.former, ["status"]);
        assert!(
            intruder.talk.contains("the gateway is away"),
            "the key that was revoked opens nothing: {intruder:?}"
        );
        assert_eq!(intruder.code, 1, "and an office is believed no more: {intruder:?}");
        let clients = self.types(&self.desk(side), ["desk", "clients", "--json"]);
        assert!(clients.data.contains(r#""suspended":true"#), "{clients:?}");

        let resumed = bare(&home, ["peer", "resume", peer]);
        assert_eq!(resumed.code, 0, "{resumed:?}");
        eventually("everything that was lost is back", || {
            self.officer(side).types(["outbox"]);
            self.standing(side) == "sound"
        });
        assert!(!stands(), "the state ends by itself");
        let alarms = self.status(side)["alarms"].to_string();
        assert!(alarms.contains("ROLLED_BACK"), "it was seen, and said: {alarms}");
        assert_eq!(bare(&self.gateway(side), ["alarm", "ack", "ROLLED_BACK"]).code, 0);
        let came = self.officer(peer).lists("inbox");
        let arrived = came.iter().any(|copy| copy["message_id"] == decided.withdrawn.as_str());
        assert!(!arrived, "what was withdrawn does not go out");
    }

    /// Nothing is carried to and from the peer for a while; the desks do not notice.
    pub fn pauses(&self, side: &'static str, traffic: &Traffic) {
        let (home, peer) = (self.gateway(side), peer_of(side));
        assert_eq!(bare(&home, ["peer", "pause", peer, "--reason", "TICKET-7"]).code, 0);
        traffic.flows(2);
        let queued = || self.status(side)["peers"][0]["queued"].as_u64().unwrap();
        assert!(queued() >= 1, "what was sent meanwhile waits");
        assert_eq!(bare(&home, ["peer", "resume", peer]).code, 0);
        eventually("what waited is carried", || queued() == 0);
    }

    /// The road is closed: a note and its receipt travel on data sticks.
    pub fn sends_by_courier(&self, from: &'static str, to: &'static str) {
        self.closes_the_road();
        let note = good(self.officer(from).sends(&self.consultation(from), "By courier."));
        let id = note["message_id"].as_str().unwrap();
        let [there, back] = ["there.stick", "back.stick"].map(|name| self.place(name));
        let packed = bare(&self.gateway(from), ["queue", "pack", "--peer", to, "-o", text(&there)]);
        assert_eq!(packed.code, 0, "{packed:?}");
        let taken = bare(&self.gateway(to), ["queue", "unpack", text(&there), "--answer", text(&back)]);
        assert_eq!(taken.code, 0, "{taken:?}");
        let settled = bare(&self.gateway(from), ["queue", "unpack", text(&back)]);
        assert_eq!(settled.code, 0, "{settled:?}");
        let sent = self.officer(from).lists("outbox");
        let state = sent.iter().find(|copy| copy["message_id"] == id).map(|copy| copy["state"].clone());
        assert_eq!(state, Some(Value::from("delivered")), "before the road is open again");
        self.opens_the_road();
    }

    /// What was done in a ministry on that day is in its administrative log.
    pub fn remembers(&self, side: &str, acts: &[&str]) {
        let said = bare(&self.gateway(side), ["log", "tail", "--administration", "-n", "256", "--json"]);
        assert_eq!(said.code, 0, "{said:?}");
        for act in acts {
            assert!(
                said.data.contains(act),
                "{act} is not in the administrative log of {side}: {}",
                said.data
            );
        }
    }

    /// Everything of the consultation, old keys and new ones, is proven to somebody who has the bundles alone.
    pub fn proves_it_all(&self, side: &'static str) {
        let trust = self.place("trust");
        fs::create_dir(&trust).unwrap();
        for other in [side, peer_of(side)] {
            let card = trust.join(format!("{other}.bundle"));
            assert_eq!(self.officer(other).types(["peer", "card", "-o", text(&card)]).code, 0);
        }
        let evidence = self.place("evidence.zip");
        let exported = self.officer(side).types(["export", &self.consultation(side), "-o", text(&evidence)]);
        assert_eq!(exported.code, 0, "{exported:?}");
        let verified = bare(&self.desk(side), ["verify", text(&evidence), "--trust", text(&trust)]);
        assert_eq!(verified.code, 0, "{verified:?}");
    }
}

/// What was decided after a backup.
pub struct Decided {
    withdrawn: String,
    /// A copy of the desk with the access key that was revoked since.
    former: PathBuf,
    /// The newest list of the root.
    list: PathBuf,
}

fn good(said: Said) -> Value {
    said.good()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
