//! Writing and checking forms.

use std::fs;

use serde_json::Value;
use tempfile::TempDir;

use super::{chancery, ministries};
use crate::support::forms;

#[test]
fn every_mistake_of_a_form_is_told_at_its_line() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("note.toml");
    let form = forms::note("XB", "new")
        .replace("ROUTINE", "SLOW")
        .replace("subject =", "subjekt =")
        .replace("\"OFFICIAL\"", "7");
    fs::write(&path, &form).unwrap();
    let path = path.to_str().unwrap();
    let line = |words: &str| form.lines().position(|line| line.contains(words)).unwrap() + 1;
    let said = chancery(["check", path]);
    assert_eq!((said.code, said.data.as_str()), (2, ""));
    for (words, column) in [("SLOW", 14), ("subjekt", 1), ("standing = 7", 12)] {
        let place = format!("  {path}:{}:{column}: ", line(words));
        assert!(said.talk.lines().any(|one| one.starts_with(&place)), "{place} not in {}", said.talk);
    }
    let said = chancery(["check", path, "--json"]);
    let report = said.json();
    assert_eq!((said.code, report["good"].as_bool()), (2, Some(false)));
    let lines: Vec<u64> =
        report["mistakes"].as_array().unwrap().iter().map(|one| one["line"].as_u64().unwrap()).collect();
    assert!(lines.len() >= 3 && lines.is_sorted(), "{lines:?}");
}

#[test]
fn a_good_form_is_judged_by_the_rules_where_there_is_a_desk() {
    let both = ministries();
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("note.toml");
    let desk = both.desk("XA");
    // No passphrase: the rules need none.
    let check = |form: &str, option: &[&str]| {
        fs::write(&path, form).unwrap();
        let args = ["--home", desk.to_str().unwrap(), "check", path.to_str().unwrap()];
        chancery([&args[..], option].concat())
    };
    let good = check(&forms::note("XB", "new"), &[]);
    assert_eq!(good.code, 0, "{good:?}");
    assert!(good.talk.contains("next: chancery --home ") && good.talk.contains(" send "), "{good:?}");

    let blunt = check(&forms::note("XB", "new").replace("경의를 표하며", "알리며"), &[]);
    assert_eq!(blunt.code, 0, "{blunt:?}");
    assert!(blunt.talk.contains("warn") && blunt.talk.contains("FRM_02"), "{blunt:?}");

    let secret = forms::note("XB", "new").replace("RESTRICTED", "SECRET");
    let line = secret.lines().position(|line| line.contains("SECRET")).unwrap() as u64 + 1;
    let above = check(&secret, &["--json"]);
    assert_eq!((above.code, above.error()["reason"].as_str()), (2, Some("CLS_01")), "{above:?}");
    let report = above.json();
    let finding = &report["findings"][0];
    assert_eq!(
        (finding["rule"].as_str(), finding["line"].as_u64()),
        (Some("CLS_01"), Some(line)),
        "{report}"
    );

    let stranger = check(&forms::note("XD", "new"), &["--json"]);
    assert_eq!((stranger.code, stranger.error()["code"].as_str()), (4, Some("not-accredited")));
}

#[test]
fn without_a_desk_the_form_alone_is_checked() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("note.toml");
    fs::write(&path, forms::note("XB", "new")).unwrap();
    let said = chancery(["--home", folder.path().to_str().unwrap(), "check", path.to_str().unwrap()]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.talk.contains("the rules were not asked"), "{said:?}");
}

#[test]
fn acts_are_listed_explained_and_written_as_forms() {
    let listed = chancery(["acts", "--json"]);
    let kinds: Vec<Value> = listed.data.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(kinds.len(), 43);
    for kind in &kinds {
        let kind = kind["kind"].as_str().unwrap();
        let explained = chancery(["acts", kind]);
        assert_eq!(explained.code, 0);
        assert!(explained.data.contains("[act]") && explained.data.contains("mandatory"), "{kind}");
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("form.toml");
        let args =
            ["new", kind, "--to", "XB", "--info", "XN", "--lang", "ko,en", "-o", path.to_str().unwrap()];
        let written = chancery(args);
        assert_eq!((written.code, written.data.as_str()), (0, ""), "{written:?}");
        let form = fs::read_to_string(&path).unwrap();
        assert!(form.contains("\nto = [\"XB\"]\n") && form.contains("\ninfo = [\"XN\"]\n"), "{form}");
        assert_eq!(chancery(args).code, 7, "a form is not overwritten unasked");
        let example = chancery(["acts", kind, "--example"]);
        fs::write(&path, &example.data).unwrap();
        for named in ["annex.pdf", "application.pdf"] {
            fs::write(folder.path().join(named), "as the example names it").unwrap();
        }
        let checked = chancery(["--home", "/nowhere", "check", path.to_str().unwrap()]);
        assert_eq!(checked.code, 0, "the example of {kind} is a good form: {checked:?}");
    }
    let later = chancery(["acts", "erasure-notice"]);
    assert!(
        later.code == 2 && later.talk.contains("erasure-notice (Notice of erasure) is not in this release")
    );
    let unknown = chancery(["acts", "surrender"]);
    assert!(unknown.code == 2 && unknown.talk.contains("transfer-request"), "{unknown:?}");
}
