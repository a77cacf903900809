//! Proving: receipts and evidence files, for both sides and for strangers.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use chancery::trust::bundle::SignedBundle;
use chancery::trust::fingerprint::Fingerprint;
use tempfile::TempDir;

use super::{Said, chancery, ministries, text_of};
use crate::support::forms;

fn verify(file: &Path, options: &[&str]) -> Said {
    let nowhere = ["--home", "/nowhere", "verify", file.to_str().unwrap()];
    chancery([&nowhere[..], options].concat())
}

fn export(code: &str, what: &str, folder: &Path, options: &[&str]) -> PathBuf {
    let path = folder.join(format!("{code}{}.zip", options.concat()));
    let args = ["export", what, "-o", path.to_str().unwrap()];
    let said = ministries().types(code, [&args[..], options].concat());
    assert_eq!(said.code, 0, "{said:?}");
    path
}

#[test]
fn either_side_proves_a_message_and_nobody_can_alter_the_proof() {
    let both = ministries();
    let sent = both.delivers("XA", &forms::note("XB", "new"), &[]);
    let reference = text_of(&sent, "ref");
    assert_eq!(both.types("XB", ["read", reference]).code, 0);
    let folder = TempDir::new().unwrap();
    let trust = both.trust();
    let trusted = ["--trust", trust.to_str().unwrap()];
    for code in ["XA", "XB"] {
        let file = export(code, reference, folder.path(), &[]);
        let good = verify(&file, &trusted);
        assert_eq!(good.code, 0, "{good:?}");
        assert!(good.data.ends_with("verified\n") && good.data.contains(reference), "{}", good.data);

        let doubtful = verify(&file, &["--json"]);
        assert_eq!((doubtful.code, doubtful.error()["code"].as_str()), (4, Some("not-trusted")));
        assert_eq!(doubtful.json()["verdict"], "consistent-not-trusted");
        assert_eq!(doubtful.json()["ministries"].as_array().unwrap().len(), 2);
        let one = trust.join("XA.bundle");
        assert_eq!(verify(&file, &["--trust", one.to_str().unwrap()]).code, 4, "half of it is trusted");

        let mut bytes = fs::read(&file).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        let altered = folder.path().join("altered.zip");
        fs::write(&altered, bytes).unwrap();
        let bad = verify(&altered, &trusted);
        assert_eq!(bad.code, 3, "{bad:?}");
        assert!(bad.talk.starts_with("error[altered]: "), "{}", bad.talk);
    }
    fs::create_dir(folder.path().join("trust")).unwrap();
    let missing = verify(&folder.path().join("missing.zip"), &trusted);
    assert_eq!(missing.code, 7, "{missing:?}");
    let file = export("XA", reference, &folder.path().join("trust"), &[]);
    for place in ["nowhere", "trust"] {
        let place = folder.path().join(place);
        let untrusted = verify(&file, &["--trust", place.to_str().unwrap()]);
        assert_eq!(untrusted.code, 7, "{untrusted:?}");
        assert!(
            untrusted.talk.contains("*.bundle")
                && untrusted.talk.contains("hint: chancery verify --trust DIR")
        );
    }
}

#[test]
fn compared_fingerprints_are_trust_enough() {
    let both = ministries();
    let sent = both.delivers("XA", &forms::memorandum("XB", "new", "Proven."), &[]);
    let folder = TempDir::new().unwrap();
    let file = export("XA", text_of(&sent, "ref"), folder.path(), &[]);
    let fingerprint = |code: &str| -> Fingerprint {
        let bytes = fs::read(both.trust().join(format!("{code}.bundle"))).unwrap();
        SignedBundle::parse(&bytes).unwrap().bundle().fingerprint()
    };
    let (words, hex) = (fingerprint("XA").words().join(" "), fingerprint("XB").to_string());
    let said = verify(&file, &["--fingerprint", &words, "--fingerprint", &hex]);
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(verify(&file, &["--fingerprint", &words]).code, 4);
    assert_eq!(verify(&file, &["--fingerprint", "five words are not enough"]).code, 2);
    let at_home = both.types("XB", ["verify", file.to_str().unwrap()]);
    assert_eq!(at_home.code, 0, "a desk believes whom it has accredited: {at_home:?}");
}

#[test]
fn a_disclosed_consultation_gives_its_content_after_a_good_verdict_only() {
    let both = ministries();
    let sent = both.delivers("XA", &forms::note("XB", "new"), &[]);
    let consultation = text_of(&sent, "consultation");
    assert_eq!(both.types("XB", ["read", text_of(&sent, "ref")]).code, 0);
    let large = vec![7_u8; 600 * 1024];
    let folder = TempDir::new().unwrap();
    let annex = folder.path().join("annex.bin");
    fs::write(&annex, &large).unwrap();
    let answer = both.delivers("XB", &forms::memorandum("XA", consultation, "Answered."), &[&annex]);
    // The sender of the first message learns of the second by asking.
    assert_eq!(both.types("XA", ["inbox"]).code, 0);
    let trust = both.trust();
    let trusted = ["--trust", trust.to_str().unwrap()];
    for code in ["XA", "XB"] {
        let file = export(code, consultation, folder.path(), &["--disclose"]);
        let content = folder.path().join(format!("content-{code}"));
        let into = ["-o", content.to_str().unwrap()];
        assert_eq!(verify(&file, &into).code, 4);
        assert!(!content.exists(), "content of a file that nobody vouches for");
        let good = verify(&file, &[&trusted[..], &into].concat());
        assert_eq!(good.code, 0, "{good:?}");
        let of = |message: &serde_json::Value, name: &str| {
            fs::read(content.join(text_of(message, "ref")).join(name)).unwrap()
        };
        assert_eq!(of(&answer, "documents/annex-1.bin"), large);
        assert_eq!(of(&answer, "documents/en.txt"), b"Answered.");
        assert!(String::from_utf8(of(&sent, "documents/ko.txt")).unwrap().starts_with("외교부는"));
        assert!(String::from_utf8(of(&sent, "act.txt")).unwrap().contains("correspondence"));
        assert_eq!(verify(&file, &[&trusted[..], &into].concat()).code, 7, "content is never overwritten");
    }
}

#[test]
fn an_unknown_consultation_is_not_found() {
    let unknown = ministries().types("XA", ["export", "C-7QK4-M2XD-9WTV", "-o", "/nowhere/x.zip", "--json"]);
    assert_eq!(unknown.code, 7, "{unknown:?}");
}

#[test]
fn a_receipt_is_checked_by_the_script_alone() {
    let both = ministries();
    let sent = both.delivers("XA", &forms::memorandum("XB", "new", "Receipted."), &[]);
    let reference = text_of(&sent, "ref");
    let folder = TempDir::new().unwrap();
    for (code, option) in [("XA", &[][..]), ("XA", &["--submission"]), ("XB", &[]), ("XB", &["--submission"])]
    {
        let path = folder.path().join(format!("{code}{}", option.len()));
        let path = path.to_str().unwrap();
        let said = both.types(code, [&["receipt", reference, "-o", path, "--json"][..], option].concat());
        assert_eq!(said.code, 0, "{said:?}");
        let kind = if option.is_empty() { "RECEIVED" } else { "SENT" };
        assert_eq!(said.json()["kind"], kind);
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/verify_proof.py");
        let files = [path.to_owned(), format!("{path}.leaf"), format!("{path}.policy")];
        let policy = fs::read_to_string(&files[2]).unwrap();
        assert!(policy.contains("log ") && policy.contains("witness "), "{policy}");
        match Command::new("python3").arg(script).args(&files).output() {
            Ok(checked) if checked.status.success() => {}
            Ok(checked) if String::from_utf8_lossy(&checked.stderr).contains("No module named") => {
                eprintln!("SKIPPED receipts by script: Python's cryptography not found");
            }
            Ok(checked) => panic!("{checked:?}"),
            Err(_) => eprintln!("SKIPPED receipts by script: python3 not found"),
        }
    }
}
