//! Who a person is leaves a desk when an office that may know asks, and no other way; by the real binary.

use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use super::{Ministries, Said, text_of};
use crate::support::forms;

fn good(said: Said) -> Said {
    assert_eq!(said.code, 0, "{said:?}");
    said
}

fn is_silent_about_the_name(said: &Said) -> bool {
    ["길동", "홍"].iter().all(|name| !said.data.contains(name) && !said.talk.contains(name))
}

/// How often somebody asked at a desk.
fn asked(both: &Ministries, code: &str) -> usize {
    good(both.types(code, ["person", "lookups", "--json"])).data.lines().count()
}

#[test]
fn particulars_are_read_and_exported_without_names_until_an_office_that_may_know_them_asks() {
    let both = Ministries::found("names");
    let begun = both.delivers("XB", &forms::memorandum("XA", "new", "A consultation begins."), &[]);
    let consultation = text_of(&begun, "consultation");
    let minted = good(both.types("XB", ["person", "mint", "--consultation", consultation, "--json"])).json();
    let person = text_of(&minted, "person");
    let form = forms::particulars("XA", consultation, person, &[("홍", "길동", "Hang")]);
    let sent = both.delivers("XB", &form, &[]);
    let reference = text_of(&sent, "ref");

    for code in ["XA", "XB"] {
        let text = good(both.types(code, ["read", reference]));
        assert!(is_silent_about_the_name(&text) && text.data.contains(person), "{text:?}");
        assert!(text.data.contains("--names --as OFFICE"), "{text:?}");
        let report = good(both.types(code, ["read", reference, "--json"]));
        assert!(is_silent_about_the_name(&report), "{report:?}");
        assert_eq!(report.json()["act"]["withheld"], true);
        // Their texts tell it as well, on the screen, in a report and in a file.
        let words = "The Ministry transmits";
        assert!(!text.data.contains(words) && !report.data.contains(words), "{report:?}");
        assert_eq!(report.json()["texts"][0]["text"], Value::Null);
        let folder = TempDir::new().unwrap();
        let note = folder.path().join("note.txt");
        let output = ["read", reference, "-o", note.to_str().unwrap()];
        let refused = both.types(code, output.iter().chain(&["--json"]));
        assert_eq!((refused.code, refused.error()["code"].as_str()), (4, Some("names")), "{refused:?}");
        assert!(!note.exists());
        let documents = folder.path().join("documents");
        let into = ["read", reference, "--documents", documents.to_str().unwrap(), "--json"];
        let refused = both.types(code, into);
        assert_eq!((refused.code, refused.error()["code"].as_str()), (4, Some("names")), "{refused:?}");
        assert!(!documents.exists());
        let seal = both.types(code, ["read", reference, "--names", "--as", "seal", "--json"]);
        assert_eq!((seal.code, seal.error()["code"].as_str()), (4, Some("not-for-names")));
        assert_eq!(asked(&both, code), 0, "nobody that may know has asked");

        let shown = good(both.types(code, ["read", reference, "--names", "--as", "drafting-01"]));
        assert!(shown.data.contains("길동") && shown.data.contains(words), "{shown:?}");
        assert_eq!(asked(&both, code), 1);
        let named = ["read", reference, "--names", "--as", "drafting-01", "--json"];
        assert!(text_of(&good(both.types(code, named)).json()["texts"][0], "text").contains(words));
        good(both.types(code, output.iter().chain(&["--names", "--as", "drafting-01"])));
        assert!(std::fs::read_to_string(&note).unwrap().contains(words));
        assert_eq!(asked(&both, code), 3);
        exports_stay_sealed_about_names(&both, code, consultation, folder.path());
        assert_eq!(asked(&both, code), 4, "a file with names is asked for as well");
    }
    let half = both.types("XA", ["read", reference, "--names"]);
    assert_eq!(half.code, 2, "names are asked for by somebody: {half:?}");
}

fn exports_stay_sealed_about_names(both: &Ministries, code: &str, consultation: &str, folder: &Path) {
    let trust = both.trust();
    let disclosed = |file: &str, more: &[&str]| -> (Said, String) {
        let path = folder.join(file);
        let path = path.to_str().unwrap();
        let export = [&["export", consultation, "--disclose", "-o", path], more].concat();
        let said = good(both.types(code, export));
        let content = folder.join(format!("{file}.content"));
        let verify = ["verify", path, "--trust", trust.to_str().unwrap(), "-o", content.to_str().unwrap()];
        good(both.types(code, verify));
        (said, everything(&content))
    };
    let (said, content) = disclosed("sealed.zip", &[]);
    assert!(said.talk.contains("stays sealed"), "{said:?}");
    assert!(content.contains("A consultation begins.") && !content.contains("길동"), "{content}");
    let (said, content) = disclosed("named.zip", &["--names", "--as", "releasing-01"]);
    assert!(!said.talk.contains("stays sealed") && content.contains("길동"), "{said:?} {content}");
}

/// A hold that bears an identity card, which names a person, and a legal basis, which names nobody; and their files.
fn hold_with_a_card(folder: &Path, consultation: &str, person: &str) -> String {
    let hold = forms::hold("XA", consultation, person);
    let hold = hold.replace("[act]", "caveats = [\"PERSONAL_GC3_13\"]\n[act]");
    let card = document(folder, "card", "IDENTITY_CARD", "홍길동, 1901");
    format!("{hold}\n{card}{}", document(folder, "basis", "LEGAL_BASIS", "Article 118"))
}

fn document(folder: &Path, name: &str, class: &str, content: &str) -> String {
    let path = folder.join(format!("{name}.txt"));
    std::fs::write(&path, content).unwrap();
    format!(
        "[[document]]\npath = {path:?}\ntitle = \"Annex\"\nclass = \"{class}\"\nlanguage = \"und\"\nid = \"{name}\"\n"
    )
}

#[test]
fn a_document_that_identifies_a_person_is_withheld_in_any_act_and_holds_up_nothing_else() {
    let both = Ministries::found("cards");
    let begun = both.delivers("XB", &forms::memorandum("XA", "new", "A consultation begins."), &[]);
    let consultation = text_of(&begun, "consultation");
    let minted = good(both.types("XB", ["person", "mint", "--consultation", consultation, "--json"])).json();
    let (person, papers) = (text_of(&minted, "person"), TempDir::new().unwrap());
    a_draft_withholds_its_certificate(&both, papers.path(), consultation, person);
    let form = hold_with_a_card(papers.path(), consultation, person);
    let sent = both.delivers("XB", &form, &[]);
    let reference = text_of(&sent, "ref");

    for (code, before) in [("XA", 0), ("XB", 1)] {
        let folder = TempDir::new().unwrap();
        let into = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let report = good(both.types(code, ["read", reference, "--json"])).json();
        let marked = |id: &str| {
            let documents = report["documents"].as_array().unwrap();
            documents.iter().find(|one| one["id"] == id).unwrap()["withheld"] == true
        };
        assert!(marked("card") && !marked("basis"), "{report}");
        good(both.types(code, ["read", reference, "--names", "--as", "drafting-01"]));
        assert_eq!(asked(&both, code), before, "nobody signs for what is not shown");

        let documents = into("documents");
        let saved = good(both.types(code, ["read", reference, "--documents", &documents]));
        assert!(Path::new(&documents).join("basis.txt").exists() && is_silent_about_the_name(&saved));
        assert_eq!(everything(Path::new(&documents)), "Article 118");
        let next = format!("--documents {documents} --overwrite --names --as OFFICE");
        assert!(saved.talk.contains("card (IDENTITY_CARD) tells who a person is: withheld"), "{saved:?}");
        assert!(saved.talk.contains(&next), "{saved:?}");

        let again = ["read", reference, "--documents", &documents, "--overwrite", "--names", "--as"];
        let seal = both.types(code, again.iter().chain(&["seal", "--json"]));
        assert_eq!((seal.code, seal.error()["code"].as_str()), (4, Some("not-for-names")));
        assert_eq!(asked(&both, code), before);
        good(both.types(code, again.iter().chain(&["drafting-01"])));
        assert!(everything(Path::new(&documents)).contains("길동"));
        let lookups = good(both.types(code, ["person", "lookups", "--json"])).data;
        assert_eq!(lookups.lines().count(), before + 1);
        assert!(lookups.lines().last().unwrap().contains(person), "{lookups}");

        let disclosed = |file: &str, more: &[&str]| {
            let path = into(file);
            let export = [&["export", reference, "--disclose", "-o", &path], more].concat();
            let said = good(both.types(code, export));
            let content = into(&format!("{file}.content"));
            let trust = both.trust();
            good(both.types(code, ["verify", &path, "--trust", trust.to_str().unwrap(), "-o", &content]));
            (said, everything(Path::new(&content)))
        };
        let (said, content) = disclosed("sealed.zip", &[]);
        assert!(said.talk.contains("card (IDENTITY_CARD)"), "{said:?}");
        assert!(said.talk.contains("--overwrite --names --as OFFICE"), "{said:?}");
        assert!(content.contains("Article 118") && !content.contains("길동"), "{content}");
        let (_, content) = disclosed("named.zip", &["--names", "--as", "releasing-01"]);
        assert!(content.contains("길동"), "{content}");
        assert_eq!(asked(&both, code), before + 2);
    }
}

fn a_draft_withholds_its_certificate(both: &Ministries, folder: &Path, consultation: &str, person: &str) {
    let finding = forms::memorandum("XA", consultation, "The person is fit to travel.");
    let act = format!(
        "person = \"{person}\"\nkind = \"FITNESS_TO_TRAVEL\"\nexamination_time = \"2026-01-02T10:00:00Z\"\n\
         decision = \"FIT\"\ncertificate_document = \"finding\""
    );
    let finding = finding.replace("\"correspondence\"", "\"medical-finding\"");
    let finding = finding.replace("[act]", "caveats = [\"PERSONAL_GC3_13\", \"MEDICAL\"]\n[act]");
    let finding = finding.replace("subject = \"Prisoners of war: procedure\"", &act);
    let (path, draft) = (folder.join("finding.toml"), folder.join("finding.draft"));
    let certificate = document(folder, "finding", "MEDICAL_CERTIFICATE", "홍길동, 1901");
    std::fs::write(&path, format!("{finding}\n{certificate}")).unwrap();
    let draft = draft.to_str().unwrap();
    good(both.types("XB", ["draft", "compose", path.to_str().unwrap(), "-o", draft]));
    for words in [&["draft", "show", draft][..], &["draft", "show", draft, "--json"]] {
        let shown = good(both.types("XB", words));
        assert!(is_silent_about_the_name(&shown), "{shown:?}");
    }
    assert_eq!(asked(both, "XB"), 0);
    let named = good(both.types("XB", ["draft", "show", draft, "--names", "--as", "drafting-01"]));
    assert!(named.data.contains("길동"), "{named:?}");
    assert_eq!(asked(both, "XB"), 1);
    good(both.types("XB", ["draft", "cancel", draft, "--yes"]));
}

/// All files below a folder, as one text.
fn everything(folder: &Path) -> String {
    let mut text = String::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        text.push_str(&if path.is_dir() {
            everything(&path)
        } else {
            String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned()
        });
    }
    text
}

#[test]
fn a_draft_of_particulars_is_shown_with_names_to_an_office_that_asks_and_to_one_that_signs_it() {
    let both = Ministries::found("draftnames");
    let begun = both.delivers("XB", &forms::memorandum("XA", "new", "A consultation begins."), &[]);
    let consultation = text_of(&begun, "consultation");
    let minted = good(both.types("XB", ["person", "mint", "--consultation", consultation, "--json"])).json();
    let folder = TempDir::new().unwrap();
    let (form, draft) = (folder.path().join("particulars.toml"), folder.path().join("particulars.draft"));
    let text = forms::particulars("XA", consultation, text_of(&minted, "person"), &[("홍", "길동", "Hang")]);
    std::fs::write(&form, text).unwrap();
    let draft = draft.to_str().unwrap();
    let composed =
        good(both.types("XB", ["draft", "compose", form.to_str().unwrap(), "-o", draft, "--json"]));
    assert!(is_silent_about_the_name(&composed), "{composed:?}");
    for words in [&["draft", "show", draft][..], &["draft", "show", draft, "--json"]] {
        let shown = good(both.types("XB", words));
        assert!(is_silent_about_the_name(&shown), "{shown:?}");
    }
    assert_eq!(asked(&both, "XB"), 0);
    let named = good(both.types("XB", ["draft", "show", draft, "--names", "--as", "drafting-01"]));
    assert!(named.data.contains("길동"), "{named:?}");
    assert_eq!(asked(&both, "XB"), 1);
    a_draft_is_extracted_for_an_office_that_asks(&both, folder.path(), draft);
    let composed: Value = composed.json();
    let waiting = composed["authentications"].as_array().unwrap().iter().find(|one| one["signed"] == false);
    assert!(waiting.is_some(), "somebody is still to sign: {composed}");
}

/// The exact bytes of a draft tell the names that the screen withholds.
fn a_draft_is_extracted_for_an_office_that_asks(both: &Ministries, folder: &Path, draft: &str) {
    let (extracted, before) = (folder.join("extracted"), asked(both, "XB"));
    let show = ["draft", "show", draft, "--extract", extracted.to_str().unwrap(), "--json"];
    let refused = both.types("XB", show);
    let error = refused.error();
    assert_eq!((refused.code, error["reason"].as_str()), (4, Some("NAMES_WITHHELD")), "{refused:?}");
    assert!(text_of(&error, "hint").ends_with("--names --as OFFICE"), "{error}");
    assert!(!extracted.exists() && is_silent_about_the_name(&refused), "{refused:?}");
    assert_eq!(asked(both, "XB"), before, "nobody that may know has asked");
    good(both.types("XB", show.iter().chain(&["--names", "--as", "drafting-01"])));
    let bytes = std::fs::read(extracted.join("dispatch.bin")).unwrap();
    assert!(String::from_utf8_lossy(&bytes).contains("길동"));
    assert_eq!(asked(both, "XB"), before + 1);
}
