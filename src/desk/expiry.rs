//! What ends by itself at a desk: its certificates, those of its service and clients, its bundle and its peers'.
//!
//! Files of the home and what the desk believes enter; what ends and when leaves, for the officer's screen and for the
//! log of the service. A file that cannot be read is left out: `doctor` names it.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use crate::desk::Desk;
use crate::desk::accreditation::Trust;
use crate::desk::serve::clients_of;
use crate::desk::vouched;
use crate::keys::expiry::{Expiring, Lifetime};
use crate::keys::file::read_certificates;
use crate::time::Timestamp;
use crate::trust::chain::ChainRefusal;
use crate::trust::name::Label;

/// Something of a desk that ends, and which of several it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// What ends, and when.
    pub lifetime: Lifetime,
    /// Label of the office or client; none where there is one only.
    pub label: Option<String>,
    /// Why the own bundle does not vouch for it before its end, of keys that sign in the name of the ministry.
    pub disbelieved: Option<ChainRefusal>,
}

impl Desk {
    /// Everything of this desk and of its peers that ends by itself, the nearest end first.
    pub fn endings(&self, trust: &Trust) -> Vec<Ending> {
        let mut found = self.certificates_that_end(trust);
        found.extend(self.clients_that_end());
        for bundle in trust.peers.values().chain([&trust.own]) {
            let content = bundle.bundle().content();
            let root = Lifetime::of_certificate(Expiring::Root, &content.ministry, &content.root);
            let lifetimes = [Some(Lifetime::of_bundle(content)), root].into_iter().flatten();
            found.extend(lifetimes.map(|lifetime| Ending { lifetime, label: None, disbelieved: None }));
        }
        found.sort_by_key(|one| (one.lifetime.ends, one.lifetime.what.word()));
        found
    }

    /// The certificates in the home: of the desk itself, of its service, of its offices.
    fn certificates_that_end(&self, trust: &Trust) -> Vec<Ending> {
        let config = &self.config;
        let mut files = vec![
            (Expiring::Access, None, config.chain("access")),
            (Expiring::Registry, None, config.chain("registry")),
        ];
        let clients = clients_of(self);
        if clients.exists() {
            files.push((Expiring::Service, None, clients.service().1));
            files.push((Expiring::ClientAuthority, None, clients.authority()));
            files.push((Expiring::ClientRoot, None, clients.root()));
        }
        for path in self.office_chains() {
            let label = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
            files.push((Expiring::Office, label, path));
        }
        let now = self.clock.now();
        let read = files.into_iter().filter_map(|(what, label, path)| {
            let chain = read_certificates(&path).ok()?;
            let lifetime = Lifetime::of_certificate(what, &config.ministry, chain.first()?)?;
            let signs = matches!(what, Expiring::Office | Expiring::Registry);
            let refusal = || vouched::refusal(&trust.own, &path, now);
            let disbelieved = if signs { refusal() } else { None };
            Some(Ending { lifetime, label, disbelieved })
        });
        read.collect()
    }

    /// Chains of the offices whose keys are here.
    fn office_chains(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.config.offices()).into_iter().flatten().flatten();
        let paths = entries.map(|entry| entry.path());
        let mut chains: Vec<PathBuf> =
            paths.filter(|path| path.extension().is_some_and(|extension| extension == "pem")).collect();
        chains.sort();
        chains
    }

    /// Of each client that may call the certificate that lasts longest. Where the book does not tell when it began, its
    /// end is judged by the days alone.
    fn clients_that_end(&self) -> Vec<Ending> {
        let clients = clients_of(self);
        let all = if clients.exists() { clients.all().unwrap_or_default() } else { Vec::new() };
        let mut latest: BTreeMap<Label, (Timestamp, Timestamp)> = BTreeMap::new();
        for client in all.into_iter().filter(|client| !client.suspended) {
            let begins = client.valid_from.unwrap_or(Timestamp::from_seconds(0));
            let kept = latest.entry(client.label).or_insert((client.valid_until, begins));
            *kept = (*kept).max((client.valid_until, begins));
        }
        let ministry = &self.config.ministry;
        let ending = |(label, (ends, begins)): (Label, (Timestamp, Timestamp))| {
            let lifetime = Lifetime { what: Expiring::Client, ministry: ministry.clone(), begins, ends };
            Ending { lifetime, label: Some(label.to_string()), disbelieved: None }
        };
        latest.into_iter().map(ending).collect()
    }
}
