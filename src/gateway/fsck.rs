//! `chancery-gateway fsck`: reads everything that a stopped gateway keeps, or a copy of it, and names what is
//! damaged. It changes nothing, opens no listener and mends nothing: what to do stands beside each damage.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::digest::Digest;
use crate::gateway::accreditation::Accreditation;
use crate::gateway::archive::key_name;
use crate::gateway::config::Config;
use crate::gateway::credentials::certificate;
use crate::gateway::error::Fault;
use crate::gateway::scrub::Scrub;
use crate::gateway::store::mark::Mark;
use crate::gateway::store::record::{Damage, Damaged, Examination, Progress};
use crate::gateway::store::{Store, StoreFault};
use crate::keys::file::FileNoteSigner;
use crate::time::Timestamp;
use crate::tlog::signed_note::NoteSigner;
use crate::tlog::verifier_key::{KeyKind, VerifierKey};

/// What an examination of a home found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    home: String,
    found: Examination,
    /// The messages that refer to damaged parts.
    needed_by: BTreeMap<Digest, Vec<Digest>>,
    /// Whether a policy of the own registry told which peers' keys to believe.
    accredited: bool,
}

/// Examines the store in a home whose gateway does not run. `now` judges what was accredited.
pub async fn examine(home: &Path, now: Timestamp, progress: &dyn Progress) -> Result<Report, Fault> {
    let config = Config::load(home)?;
    let root = Digest::of(&certificate(&config.root())?);
    let home = home.display().to_string();
    let report = |found, needed_by, accredited| Report { home, found, needed_by, accredited };
    let store = match Store::inspect(&config.data(), config.store) {
        Ok(store) => store,
        Err(StoreFault::TooNew { found: 0, .. }) => {
            let mut found = Examination::default();
            found.add([Damage::new(Damaged::Structure, "the database is empty: there is no table in it")]);
            return Ok(report(found, BTreeMap::new(), false));
        }
        Err(cause @ (StoreFault::Database(_) | StoreFault::Foreign(_) | StoreFault::Missing(_))) => {
            let mut found = Examination::default();
            found.add([Damage::new(Damaged::Structure, format!("the database cannot be opened: {cause}"))]);
            return Ok(report(found, BTreeMap::new(), false));
        }
        Err(fault) => return Err(fault.into()),
    };
    // A policy or bundle that cannot be believed any more is named by the scrub itself.
    let kept = Accreditation::kept(&store, &config.ministry, &root, now).await;
    let trust = kept.ok().flatten().and_then(Result::ok).map(Arc::new);
    let accredited = trust.is_some();
    let log_key = log_key(&config)?;
    let mut seen = Mark::remembered(&config.mark());
    seen.retain(|origin, _| config.domain.administration_year(origin).is_some());
    let scrub = Scrub { store, ministry: config.ministry, root, log_key, trust };
    let mut found = scrub.thorough(progress).await?;
    found.add(forgotten(&scrub, &seen).await);
    let mut needed_by = BTreeMap::new();
    for part in found.damages.iter().filter_map(|damage| damage.part) {
        // A database that is damaged itself may not tell.
        let messages = scrub.store.messages_with(part).await.unwrap_or_default();
        needed_by.insert(part, messages);
    }
    Ok(report(found, needed_by, accredited))
}

/// The administrative logs of which this host has `seen` more leaves than are held. Nobody mirrors them, so that no
/// peer can tell; where a log stands behind such a one already, the gateway has told of it.
async fn forgotten(scrub: &Scrub, seen: &BTreeMap<String, u64>) -> Vec<Damage> {
    // What cannot be read is named by the scrub.
    let held = scrub.store.own_logs(Some(scrub.ministry.clone())).await.unwrap_or_default();
    let size_of = |origin: &str| held.iter().find(|log| log.origin == origin).map_or(0, |log| log.size);
    let is_last = |origin: &str| held.iter().all(|log| log.origin.as_str() <= origin);
    let short = seen.iter().filter(|(origin, size)| **size > size_of(origin) && is_last(origin));
    short
        .map(|(origin, size)| {
            let (held, told) = (size_of(origin), "leaves are missing: this host has seen");
            let detail = format!("{told} {size} leaves of {origin} signed, and {held} are held");
            Damage::new(Damaged::Leaf, detail).in_log(origin).at(held)
        })
        .collect()
}

/// The key of the own logs; a copy of a home need not hold it, the own bundle names it as well.
fn log_key(config: &Config) -> Result<Option<VerifierKey>, Fault> {
    let Ok(signer) = FileNoteSigner::open(&config.log_key()) else { return Ok(None) };
    let name = key_name(&config.domain.log_name())?;
    Ok(Some(VerifierKey { name, kind: KeyKind::Log, public_key: signer.public_key() }))
}

impl Report {
    /// Whether everything is as it was kept.
    pub fn is_clean(&self) -> bool {
        self.found.is_clean()
    }

    /// What was found.
    pub fn found(&self) -> &Examination {
        &self.found
    }

    /// For people.
    pub fn text(&self) -> String {
        let Examination { leaves, messages, parts, damages, more } = &self.found;
        let mut text = format!(
            "{}: {leaves} log entries, {messages} messages and {parts} sealed parts were read\n",
            self.home
        );
        if !self.accredited {
            text.push_str(
                "no accreditation is in force: the logs of peers are judged by what is kept alone\n",
            );
        }
        for damage in damages {
            text.push_str(&format!("damaged {}: {damage}{}\n", damage.what, self.concerned(damage)));
        }
        if *more > 0 {
            text.push_str(&format!("and {more} more\n"));
        }
        let mut kinds: Vec<Damaged> = damages.iter().map(|damage| damage.what).collect();
        kinds.sort();
        kinds.dedup();
        for kind in kinds {
            text.push_str(&format!("what to do about {kind}: {}\n", remedy(kind)));
        }
        if self.is_clean() {
            text.push_str("nothing is damaged\n");
        }
        text
    }

    /// For scripts.
    pub fn json(&self) -> Value {
        let damages: Vec<Value> = self.found.damages.iter().map(|damage| self.damage_json(damage)).collect();
        json!({
            "schema": "chancery.fsck/1",
            "home": self.home,
            "clean": self.is_clean(),
            "accredited": self.accredited,
            "leaves": self.found.leaves,
            "messages": self.found.messages,
            "parts": self.found.parts,
            "damages": damages,
            "more": self.found.more,
        })
    }

    fn damage_json(&self, damage: &Damage) -> Value {
        let messages: Vec<String> = self.messages(damage).map(Digest::hex).collect();
        json!({
            "kind": damage.what.word(),
            "detail": damage.detail,
            "log": damage.origin,
            "index": damage.index,
            "message": messages.first(),
            "messages": messages,
            "part": damage.part.map(|digest| digest.hex()),
            "remedy": remedy(damage.what),
        })
    }

    /// The message that is damaged, or those that need a damaged part.
    fn messages<'a>(&'a self, damage: &'a Damage) -> impl Iterator<Item = &'a Digest> {
        let needed_by = damage.part.as_ref().and_then(|part| self.needed_by.get(part));
        let others = needed_by.into_iter().flatten().filter(move |id| damage.message.as_ref() != Some(*id));
        damage.message.iter().chain(others)
    }

    /// Where it is, in brackets, as far as the words before have not said it.
    fn concerned(&self, damage: &Damage) -> String {
        let mut places = Vec::new();
        if let Some(origin) = damage.origin.as_ref().filter(|origin| !damage.detail.contains(origin.as_str()))
        {
            places.push(format!("log {origin}"));
            places.extend(damage.index.map(|index| format!("leaf {index}")));
        }
        let messages = self.messages(damage).map(Digest::hex).filter(|id| !damage.detail.contains(id));
        places.extend(messages.map(|id| format!("message {id}")));
        if places.is_empty() { String::new() } else { format!(" ({})", places.join(", ")) }
    }
}

/// Why nothing could be examined.
#[derive(Debug)]
pub struct Failure {
    /// What failed.
    pub fault: Fault,
    /// The exit code.
    pub exit: u8,
    /// The command that mends it, where there is one.
    pub hint: Option<String>,
}

impl Failure {
    /// The stable reason code.
    fn reason(&self) -> &'static str {
        match &self.fault {
            Fault::Store(cause) => cause.reason(),
            Fault::Config(_) => "CONFIG",
            Fault::Credentials(_) => "CREDENTIALS",
            _ => "FAILED",
        }
    }

    fn code(&self) -> String {
        self.reason().to_ascii_lowercase().replace('_', "-")
    }

    /// For people.
    pub fn text(&self) -> String {
        let hint = self.hint.as_ref().map(|hint| format!("hint: {hint}\n"));
        format!("error[{}]: {}\n{}", self.code(), self.fault, hint.unwrap_or_default())
    }

    /// For scripts: the shape of every error of the command line.
    pub fn json(&self) -> Value {
        json!({
            "schema": "chancery.error/1",
            "kind": if self.exit == 2 { "usage" } else { "failed" },
            "exit": self.exit,
            "code": self.code(),
            "reason": self.reason(),
            "message": self.fault.to_string(),
            "causes": [],
            "hint": self.hint,
        })
    }
}

fn remedy(what: Damaged) -> &'static str {
    match what {
        Damaged::Structure => {
            "the gateway cannot rely on this database: keep the directory as it is, restore the newest backup of it and \
             start there, or start on an empty data directory with the old keys; the peers give back what came later. \
             Where the gateway has never run there is nothing to restore: run it. Then run fsck again"
        }
        Damaged::Part => {
            "the bytes of a sealed part are nowhere else on this host: restore the data directory from a backup, or \
             ask the sender for the document again"
        }
        Damaged::Checkpoint | Damaged::Record => {
            "either it or what it vouches for was changed: keep this directory as evidence, restore the data \
             directory from a backup, and compare `chancery log head` with the peer's"
        }
        _ => {
            "do not run the gateway on this directory: keep it as it is, restore the newest backup of it and start \
             there; the peers give back what came later. Then run fsck again"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(damages: Vec<Damage>) -> Report {
        let mut found = Examination { leaves: 3, ..Examination::default() };
        found.add(damages);
        Report { home: "xa".to_owned(), found, needed_by: BTreeMap::new(), accredited: true }
    }

    #[test]
    fn a_report_names_log_index_and_message_of_each_damage_and_says_what_to_do() {
        let id = Digest::of(b"message");
        let damage = Damage::new(Damaged::Leaf, "it does not match its hash");
        let damage = damage.in_log("mfa.xa.example/chancery/xb/2026").at(7).of_message(id);
        let report = report(vec![damage]);
        let text = report.text();
        let named = format!("(log mfa.xa.example/chancery/xb/2026, leaf 7, message {})", id.hex());
        assert!(text.contains(&named) && text.contains("what to do about LEAF: do not run"), "{text}");
        let json = report.json();
        assert_eq!(json["damages"][0]["index"], 7);
        assert_eq!(json["damages"][0]["message"], id.hex());
        assert_eq!((json["clean"].clone(), json["leaves"].clone()), (json!(false), json!(3)));
    }

    #[test]
    fn a_damaged_part_names_every_message_that_needs_it() {
        let (part, one, two) = (Digest::of(b"part"), Digest::of(b"one"), Digest::of(b"two"));
        let mut report = report(vec![Damage::new(Damaged::Part, "it is missing").of_part(part)]);
        report.needed_by.insert(part, vec![one, two]);
        let named = format!("(message {}, message {})", one.hex(), two.hex());
        assert!(report.text().contains(&named), "{}", report.text());
        let json = report.json();
        assert_eq!(json["damages"][0]["message"], one.hex());
        assert_eq!(json["damages"][0]["messages"], json!([one.hex(), two.hex()]));
    }

    #[test]
    fn a_clean_report_says_so() {
        let report = report(vec![]);
        assert!(report.is_clean() && report.text().ends_with("nothing is damaged\n"));
    }
}
