//! `chancery-gateway fsck`: reads everything that a stopped gateway keeps, or a copy of it, and names what is
//! damaged. It changes nothing, opens no listener and mends nothing: what to do stands beside each damage.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::digest::Digest;
use crate::gateway::accreditation::Accreditation;
use crate::gateway::archive::key_name;
use crate::gateway::config::Config;
use crate::gateway::error::Fault;
use crate::gateway::run::certificate;
use crate::gateway::scrub::Scrub;
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
    /// Whether a policy of the own registry told which peers' keys to believe.
    accredited: bool,
}

/// Examines the store in a home whose gateway does not run. `now` judges what was accredited.
pub async fn examine(home: &Path, now: Timestamp, progress: &dyn Progress) -> Result<Report, Fault> {
    let config = Config::load(home)?;
    let root = Digest::of(&certificate(&config.root())?);
    let report = |found, accredited| Report { home: home.display().to_string(), found, accredited };
    let store = match Store::inspect(&config.data(), config.store) {
        Ok(store) => store,
        Err(cause @ StoreFault::Database(_)) => {
            let mut found = Examination::default();
            found.add([Damage::new(Damaged::Structure, format!("the database cannot be opened: {cause}"))]);
            return Ok(report(found, false));
        }
        Err(fault) => return Err(fault.into()),
    };
    // A policy or bundle that cannot be believed any more is named by the scrub itself.
    let kept = Accreditation::kept(&store, &config.ministry, &root, now).await;
    let trust = kept.ok().flatten().and_then(Result::ok).map(Arc::new);
    let accredited = trust.is_some();
    let log_key = log_key(&config)?;
    let scrub = Scrub { store, ministry: config.ministry, root, log_key, trust };
    Ok(report(scrub.thorough(progress).await?, accredited))
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
            text.push_str(&format!("damaged {}: {damage}{}\n", damage.what, concerned(damage)));
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
        let damages: Vec<Value> = self.found.damages.iter().map(damage_json).collect();
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
}

fn damage_json(damage: &Damage) -> Value {
    json!({
        "kind": damage.what.word(),
        "detail": damage.detail,
        "log": damage.origin,
        "index": damage.index,
        "message": damage.message.map(|id| id.hex()),
        "part": damage.part.map(|digest| digest.hex()),
        "remedy": remedy(damage.what),
    })
}

/// Where it is, in brackets, as far as the words before have not said it.
fn concerned(damage: &Damage) -> String {
    let mut places = Vec::new();
    if let Some(origin) = damage.origin.as_ref().filter(|origin| !damage.detail.contains(origin.as_str())) {
        places.push(format!("log {origin}"));
        places.extend(damage.index.map(|index| format!("leaf {index}")));
    }
    let message = damage.message.map(|id| id.hex()).filter(|id| !damage.detail.contains(id));
    places.extend(message.map(|id| format!("message {id}")));
    if places.is_empty() { String::new() } else { format!(" ({})", places.join(", ")) }
}

fn remedy(what: Damaged) -> &'static str {
    match what {
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
        Report { home: "xa".to_owned(), found, accredited: true }
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
    fn a_clean_report_says_so() {
        let report = report(vec![]);
        assert!(report.is_clean() && report.text().ends_with("nothing is damaged\n"));
    }
}
