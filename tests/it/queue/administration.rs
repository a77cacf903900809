//! The administrative log: every act of an operator and of the registry is an entry that anybody can check with the
//! gateway's log key, and nothing else is.

use chancery::message::administration::AdministrativeLeaf;
use chancery::tlog::tlog_proof::TlogProof;
use chancery::tlog::verifier_key::KeyName;
use data_encoding::BASE64;
use serde_json::Value;

use super::{asks, short, submitted, types};
use crate::support::answers::relay;
use crate::support::craft::Craft;
use crate::support::proofs::log_key;
use crate::support::{Stage, ministry};

const TAIL: &str = "log tail --administration -n 256";

/// Who has done what, about which ministry and why.
fn told(entries: &[Value]) -> Vec<[String; 4]> {
    let word = |entry: &Value, key: &str| entry[key].as_str().unwrap_or_default().to_owned();
    entries.iter().map(|entry| ["who", "what", "ministry", "reason"].map(|key| word(entry, key))).collect()
}

fn own_uid() -> String {
    use std::os::unix::fs::MetadataExt;
    format!("uid:{}", tempfile::NamedTempFile::new().unwrap().as_file().metadata().unwrap().uid())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_act_of_operator_and_registry_is_an_entry_and_what_was_refused_is_none() {
    let mut stage = Stage::pair().await;
    stage.house_mut("XB").stop().await.unwrap();
    let before = asks(&stage, "XA", TAIL).await.reports();
    assert_eq!(told(&before)[0], ["registry", "POLICY", "", ""].map(str::to_owned));
    assert_eq!(told(&before)[1], ["registry", "PEER_ACCREDITED", "XB", ""].map(str::to_owned));

    let sent = submitted(&stage, &[b"one", b"two"]).await;
    let (one, two) = (short(&sent[0]), short(&sent[1]));
    for line in [
        format!("queue hold {two} --reason TICKET-7"),
        format!("queue release {two}"),
        "queue retry --all XB".to_owned(),
        format!("queue retry {one}"),
        format!("queue cancel {two} --yes"),
        "peer pause XB --reason TICKET-8".to_owned(),
        "peer resume XB".to_owned(),
    ] {
        asks(&stage, "XA", &line).await.report();
    }
    // None of these changes anything.
    for line in ["queue release 0123456789", "queue hold 12", "peer resume XB", "peer pause XC"] {
        assert_ne!(asks(&stage, "XA", line).await.code, 0, "{line}");
    }
    let nothing = asks(&stage, "XA", "alarm ack LOG_FORK").await;
    assert_eq!(nothing.code, 7, "{nothing:?}");
    let entries = asks(&stage, "XA", TAIL).await.reports();
    let uid = own_uid();
    let expected: Vec<[String; 4]> = [
        ["MESSAGE_HELD", "XB", "TICKET-7"],
        ["MESSAGE_RELEASED", "XB", ""],
        ["MESSAGE_RETRIED", "XB", ""],
        ["MESSAGE_RETRIED", "XB", ""],
        ["MESSAGE_WITHDRAWN", "XB", ""],
        ["PEER_PAUSED", "XB", "TICKET-8"],
        ["PEER_RESUMED", "XB", ""],
    ]
    .map(|[what, about, why]| [uid.as_str(), what, about, why].map(str::to_owned))
    .into();
    assert_eq!(told(&entries[before.len()..]), expected);
    let digests: Vec<&str> =
        entries[before.len()..].iter().map(|entry| entry["digest"].as_str().unwrap_or_default()).collect();
    let (one, two) = (sent[0].id().to_string(), sent[1].id().to_string());
    assert_eq!(digests, [&two, &two, "", &one, &two, "", ""]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_is_proven_to_whoever_has_the_bundle_and_the_log_is_shown_exported_and_read_again() {
    let stage = Stage::pair().await;
    let craft = Craft::new(&stage, "XA", "XB");
    relay(&stage, &[&craft.signed(&stage), &craft.saying(b"something else").signed(&stage)]).await;
    asks(&stage, "XB", "alarm ack CHN_04_EQUIVOCATION").await.reports();
    let entries = asks(&stage, "XB", TAIL).await.reports();
    let last = entries.last().unwrap();
    assert_eq!(
        (&last["what"], &last["reason"]),
        (&"ALARM_ACKNOWLEDGED".into(), &"CHN_04_EQUIVOCATION".into())
    );

    let origin = "mfa.xb.example/chancery/administration/2026";
    let heads = asks(&stage, "XB", "log head").await.reports();
    let head = heads.iter().find(|head| head["log"] == origin).expect("`log head` lists it");
    assert_eq!(heads.iter().filter(|head| head["administration"] == true).count(), 1, "{heads:?}");
    assert_eq!((head["size"].as_u64(), &head["mirror"]), (Some(entries.len() as u64), &false.into()));
    let name = KeyName::parse(origin).unwrap();
    let key = log_key(&stage, &ministry("XB"), &name);
    for index in 0..entries.len() {
        let proven = asks(&stage, "XB", &format!("log prove --administration {index}")).await.report();
        let leaf = BASE64.decode(proven["leaf"].as_str().unwrap().as_bytes()).unwrap();
        let proof = TlogProof::parse(proven["proof"].as_str().unwrap()).unwrap();
        assert_eq!(proof.verify(&leaf, &name, &key).unwrap().size, entries.len() as u64);
        let read = AdministrativeLeaf::parse(&leaf).unwrap();
        assert_eq!(read.act.verb.word(), proven["what"]);
        let mut other = leaf.clone();
        *other.last_mut().unwrap() ^= 1;
        assert!(proof.verify(&other, &name, &key).is_err());
    }
    let beyond = asks(&stage, "XB", "log prove --administration 999").await;
    assert_eq!(beyond.refusal(), (7, "NO_SUCH_ENTRY".to_owned()));

    let export = stage.folder().join("archive");
    let done = types(&stage, "XB", ["log", "export", export.to_str().unwrap()]).await;
    assert_eq!(done.code, 0, "{done:?}");
    assert!(export.join("logs").join(origin).join("checkpoint").is_file());
    let script = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/check_archive.py");
    let beside = std::fs::read(export.join("check_archive.py")).unwrap();
    assert_eq!(beside, std::fs::read(script).unwrap(), "what comes next is there");
    let read = asks(&stage, "XB", "log verify").await.report();
    assert_eq!(read["damages"], serde_json::json!([]));
    // It is of no pair: nobody mirrors it, and `status` does not list it among the logs of pairs.
    let status = asks(&stage, "XB", "status").await;
    assert!(!status.data.contains("administration"), "{status:?}");
    let theirs = asks(&stage, "XA", "log head").await.reports();
    assert!(theirs.iter().all(|head| head["log"] != origin), "{theirs:?}");
}
