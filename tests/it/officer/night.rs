//! Forms of protective acts as they are written at night, and `check` that says what `send` will say.

use std::fs;

use serde_json::Value;
use tempfile::TempDir;

use super::{Ministries, Said, chancery, ministries, text_of};
use crate::support::forms;

const PERSON: &str = "P-8MQ2-V5TC-0RJX";

fn good(said: Said) -> Said {
    assert_eq!(said.code, 0, "{said:?}");
    said
}

/// A person of whom both desks know, and the consultation.
fn known(both: &Ministries) -> (String, String) {
    let begun = both.delivers("XA", &forms::memorandum("XB", "new", "About somebody."), &[]);
    let consultation = text_of(&begun, "consultation").to_owned();
    good(both.types("XB", ["inbox"]));
    let minted = good(both.types("XB", ["person", "mint", "--consultation", &consultation, "--json"])).json();
    let person = text_of(&minted, "person").to_owned();
    both.delivers("XB", &forms::hold("XA", &consultation, &person), &[]);
    (consultation, person)
}

/// A reference of which two neighbouring letters that differ changed places: it was drawn at random, and any two may be
/// alike.
pub(super) fn mistyped(reference: &str) -> String {
    let mut letters: Vec<char> = reference.chars().collect();
    let differ = |pair: &[char]| pair[0] != pair[1] && !pair.contains(&'-');
    let first = letters.windows(2).position(differ).expect("letters that differ");
    letters.swap(first, first + 1);
    letters.into_iter().collect()
}

/// A form that `new` wrote, with the person filled in and nothing else.
fn written(both: &Ministries, folder: &TempDir, kind: &str, person: &str) -> String {
    let path = folder.path().join(format!("{kind}.toml"));
    good(both.types("XB", ["new", kind, "-o", path.to_str().unwrap()]));
    let form = fs::read_to_string(&path).unwrap();
    let filled = form
        .replace("\nperson = \"\"", &format!("\nperson = \"{person}\""))
        .replace("\npersons = []", &format!("\npersons = [\"{person}\"]"));
    assert!(filled.contains(person), "{form}");
    fs::write(&path, filled).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_protective_form_with_nothing_but_the_person_goes_where_the_case_is() {
    let both = ministries();
    let (consultation, person) = known(both);
    let folder = TempDir::new().unwrap();
    for kind in ["hold-notice", "will-withdrawal", "death-notice"] {
        let path = written(both, &folder, kind, &person);
        let form = fs::read_to_string(&path).unwrap();
        // As it was written before, and as it is typed in a hurry.
        for (from, to) in [
            ("", ""),
            ("\n#consultation = ", "\nconsultation = \"new\"\n#consultation = "),
            ("\n#to = ", "\nto = [\"xa\", \"XD\"]\n#to = "),
        ] {
            let typed = if from.is_empty() { form.clone() } else { form.replacen(from, to, 1) };
            fs::write(&path, typed).unwrap();
            good(both.types("XB", ["check", &path]));
            let sent = good(both.types("XB", ["send", &path, "--yes", "--wait=30s", "--json"])).json();
            assert_eq!(
                (text_of(&sent, "consultation"), text_of(&sent, "to"), text_of(&sent, "state")),
                (consultation.as_str(), "XA", "delivered"),
                "{kind} {to:?}"
            );
        }
    }
    let shown = good(both.types("XA", ["consultation", "show", &consultation, "--json"])).json();
    let case = &shown["cases"][0];
    assert_eq!((text_of(case, "person"), text_of(case, "stage")), (person.as_str(), "DECEASED"), "{shown}");
    assert!(!case["holds"].as_array().unwrap().is_empty(), "{shown}");
}

#[test]
fn no_address_that_is_typed_at_night_holds_up_a_withdrawal() {
    let both = ministries();
    let (consultation, person) = known(both);
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("withdrawal.toml");
    let path = path.to_str().unwrap();
    let heading = "to = [\"xb\", \"XB\", \"XD\"]\ninfo = [\"XN\"]\nconsultation = \"C-7Q\"\nchannel = \"ch-1\"\n\
                   level = \"SECRET\"\nreleasable_to = [\"XB\"]\nvalid_until = \"2020-01-01T00:00:00Z\"\n";
    let papers = "[[text]]\nlanguage = \"en\"\nstanding = \"OFFICIAL\"\ntitle = \"Note\"\nfile = \"gone.txt\"\n\
                  [[document]]\npath = \"gone.pdf\"\ntitle = \"A\"\nclass = \"EVIDENCE\"\nlanguage = \"en\"\n";
    let form =
        |person: &str| format!("kind = \"will-withdrawal\"\n{heading}[act]\nperson = \"{person}\"\n{papers}");
    fs::write(path, form(&person)).unwrap();
    let checked = both.types("XB", ["check", path, "--json"]);
    assert_eq!((checked.code, checked.json()["good"].as_bool()), (0, Some(true)), "{checked:?}");
    let fields: Vec<String> = checked.json()["left_out"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| text_of(one, "field").to_owned())
        .collect();
    for field in [
        "to[0]",
        "info[0]",
        "consultation",
        "channel",
        "level",
        "releasable_to",
        "valid_until",
        "text[0].file",
    ] {
        assert!(fields.iter().any(|one| one == field), "{field} was not told: {fields:?}");
    }
    let told = both.types("XB", ["check", path]);
    assert!(told.talk.contains("warn") && told.talk.contains("above the ceiling"), "{told:?}");
    let sent = good(both.types("XB", ["send", path, "--yes", "--wait=30s", "--json"])).json();
    assert_eq!((text_of(&sent, "consultation"), text_of(&sent, "to")), (consultation.as_str(), "XA"));

    // Two letters in the wrong order: it is told who may be meant, and never guessed.
    let typo = mistyped(&person);
    fs::write(path, form(&typo)).unwrap();
    let refused = both.types("XB", ["send", path, "--yes", "--json"]);
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(
        refused.error()["causes"].to_string().contains(&format!("did you mean {person}?")),
        "{refused:?}"
    );
    let refused = both.types("XB", ["withdraw", &typo, "--yes", "--json"]);
    assert_eq!((refused.code, text_of(&refused.error(), "code")), (2, "person"), "{refused:?}");
    assert!(refused.error()["causes"].to_string().contains(&person), "{refused:?}");
    let stranger = both.types("XB", ["withdraw", PERSON, "--yes", "--json"]);
    assert!([2, 7].contains(&stranger.code), "{stranger:?}");
}

#[test]
fn check_says_what_send_says_and_everything_at_once() {
    let both = ministries();
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("finding.toml");
    let path = path.to_str().unwrap();
    let form = "kind = \"medical-finding\"\nto = [\"XB\"]\nconsultation = \"new\"\nprecedence = \"ROUTINE\"\n\
                level = \"SECRET\"\nform = \"NOTE_VERBALE\"\n\
                [act]\nperson = \"P-7QK4-M2XD-9WTV\"\nkind = \"FITNESS_TO_TRAVEL\"\nexamination_time = \"yesterday\"\n\
                decision = \"FIT\"\nnotified_time = \"2026-01-01T00:00:00Z\"\ncertificate_document = \"certificate\"\n\
                [[text]]\nlanguage = \"ko\"\nstanding = \"OFFICIAL\"\ntitle = \"Note verbale\"\nfile = \"gone.txt\"\n";
    fs::write(path, form).unwrap();
    let line = |words: &str| form.lines().position(|line| line.contains(words)).unwrap() as u64 + 1;
    let said = |command: &str| both.types("XA", [command, path, "--json"]);
    let checked = said("check");
    let report = checked.json();
    let mistakes: Vec<(u64, &str)> = report["mistakes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["line"].as_u64().unwrap(), text_of(one, "field")))
        .collect();
    assert_eq!(
        mistakes,
        [
            (line("yesterday"), "act.examination_time"),
            (line("notified_time"), "act.notified_time"),
            (line("gone.txt"), "text[0].file"),
        ],
        "fields, fields that do not fit together, files: {report}"
    );
    let rules: Vec<&Value> = report["findings"].as_array().unwrap().iter().collect();
    let above = rules.iter().find(|one| one["rule"] == "CLS_01").unwrap_or_else(|| panic!("{report}"));
    assert_eq!(above["line"].as_u64(), Some(line("SECRET")));
    assert!(
        rules.iter().all(|one| one["line"].is_u64() || one["field"] == "dispatch.authentications"),
        "{report}"
    );
    let mend = format!("${{EDITOR:-vi}} {path}");
    assert_eq!((checked.code, text_of(&checked.error(), "hint")), (2, mend.as_str()), "all of it was told");
    let sent = both.types("XA", ["send", path, "--yes", "--json"]);
    assert_eq!((sent.code, &sent.error()["causes"]), (2, &checked.error()["causes"]));

    // What no rule says, and the envelope would refuse.
    for (heading, field) in [("", "to"), ("valid_until = \"2020-01-01T00:00:00Z\"", "valid_until")] {
        let form = forms::note_with(if field == "to" { "XA" } else { "XB" }, "new", heading, "");
        fs::write(path, form).unwrap();
        let checked = both.types("XA", ["check", path, "--json"]);
        assert_eq!(
            (checked.code, text_of(&checked.json()["mistakes"][0], "field")),
            (2, field),
            "{checked:?}"
        );
        let sent = both.types("XA", ["send", path, "--yes", "--json"]);
        assert_eq!((sent.code, &sent.error()["causes"]), (2, &checked.error()["causes"]));
    }
}

#[test]
fn findings_about_all_texts_or_a_field_left_out_have_a_line() {
    let both = ministries();
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("note.toml");
    let path = path.to_str().unwrap();
    let two = forms::note("XB", "new").replace("COURTESY_TRANSLATION", "OFFICIAL");
    let narrow = forms::note_with("XB", "new", "releasable_to = [\"XA\"]", "");
    for (form, rule) in [(two, "LNG_01"), (narrow, "CLS_02")] {
        fs::write(path, form).unwrap();
        let report = both.types("XA", ["check", path, "--json"]).json();
        let findings = report["findings"].as_array().unwrap();
        let found = findings.iter().find(|one| one["rule"] == rule).unwrap_or_else(|| panic!("{report}"));
        assert!(found["line"].is_u64(), "{found}");
    }
}

#[test]
fn an_answer_to_a_message_that_nobody_read_is_told_to_read_it_first() {
    let both = ministries();
    let sent = both.delivers("XA", &forms::note("XB", "new"), &[]);
    let reference = text_of(&sent, "ref");
    good(both.types("XB", ["inbox"]));
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("reply.toml");
    let path = path.to_str().unwrap();
    let form = format!(
        "kind = \"agreement-reply\"\nto = [\"XA\"]\nprecedence = \"ROUTINE\"\nlevel = \"RESTRICTED\"\n\
         form = \"FIRST_PERSON_NOTE\"\nin_reply_to = \"{reference}\"\n[act]\n"
    );
    fs::write(path, form).unwrap();
    let report = both.types("XB", ["check", path, "--json"]).json();
    let mistakes = report["mistakes"].as_array().unwrap();
    let first = &mistakes[0];
    assert_eq!((text_of(first, "field"), first["line"].as_u64()), ("in_reply_to", Some(6)), "{report}");
    assert_eq!(text_of(first, "hint"), format!("chancery read {reference}"));
    let fields: Vec<&str> = mistakes.iter().map(|one| text_of(one, "field")).collect();
    assert!(!fields.iter().any(|field| field.contains("terms") || field.contains("proposing")), "{report}");
}

#[test]
fn a_form_knows_whom_a_consultation_is_with_and_that_the_texts_of_an_agreement_bind_alike() {
    let both = ministries();
    let (consultation, _) = known(both);
    let form = |kind: &str| {
        let args = ["new", kind, "--consultation", &consultation, "--lang", "en,ko", "--json"];
        text_of(&good(both.types("XB", args)).json(), "form").to_owned()
    };
    for kind in ["will-withdrawal", "position-statement"] {
        assert!(form(kind).contains("\nto = [\"XA\"]\n"), "{}", form(kind));
    }
    for kind in ["agreement-note", "agreement-reply"] {
        let form = form(kind);
        assert_eq!(form.matches("\nstanding = \"AUTHENTIC\"\n").count(), 2, "{form}");
        assert!(!form.contains("\nstanding = \"OFFICIAL\"\n"), "{form}");
    }
}

#[test]
fn a_dry_run_and_help_speak_json() {
    let both = ministries();
    let (_, person) = known(both);
    let dry = good(both.types("XB", ["withdraw", &person, "--dry-run", "--json"])).json();
    assert_eq!((text_of(&dry, "schema"), text_of(&dry, "kind")), ("chancery.dry-run/1", "will-withdrawal"));
    let sent = good(both.types("XB", ["withdraw", &person, "--yes", "--json"])).json();
    let dry = good(both.types("XB", ["countersign", text_of(&sent, "ref"), "--dry-run", "--json"])).json();
    assert_eq!((text_of(&dry, "schema"), text_of(&dry, "kind")), ("chancery.dry-run/1", "countersignature"));
    let help = good(chancery(["help", "environment", "--json"])).json();
    assert_eq!((text_of(&help, "schema"), text_of(&help, "topic")), ("chancery.help/1", "environment"));
}

#[test]
fn what_is_due_names_the_person_and_what_is_not_shown_is_counted() {
    let both = ministries();
    let (consultation, person) = known(both);
    let mut last = String::new();
    for _ in 0..6 {
        let sent = good(both.types("XB", ["withdraw", &person, "--yes", "--wait=30s", "--json"])).json();
        last = text_of(&sent, "ref").to_owned();
    }
    let due = good(both.types("XB", ["consultation", "deadlines", "--json"]));
    let due: Vec<Value> = due.data.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of_last: Vec<&Value> = due.iter().filter(|one| one["ref"] == last.as_str()).collect();
    assert_eq!(of_last.len(), 2, "an acknowledgement and a countersignature: {due:?}");
    assert!(of_last.iter().all(|one| one["person"] == person.as_str()), "{of_last:?}");
    assert!(due.iter().filter(|one| one["consultation"] == consultation.as_str()).count() > 10);
    let status = both.types("XB", ["status"]);
    assert!(status.data.contains(" more: chancery --home "), "{status:?}");
}

#[test]
fn a_withdrawal_goes_without_a_paper_that_it_would_mark_lower_and_the_officer_is_told() {
    let both = ministries();
    let (consultation, person) = known(both);
    let folder = TempDir::new().unwrap();
    let (theirs, own) = (folder.path().join("theirs.txt"), folder.path().join("own.txt"));
    fs::write(&theirs, "What XA told about itself, marked higher.").unwrap();
    fs::write(&own, "What the guard wrote down.").unwrap();
    let above = forms::memorandum("XB", &consultation, "With a paper.").replace("RESTRICTED", "CONFIDENTIAL");
    both.delivers("XA", &above, &[&theirs]);
    good(both.types("XB", ["inbox"]));
    let path = written(both, &folder, "will-withdrawal", &person);
    let annexes = ["-a", theirs.to_str().unwrap(), "-a", own.to_str().unwrap()];
    let send = ["send", path.as_str()].into_iter().chain(annexes);
    let shown = good(both.types("XB", send.clone().chain(["--dry-run"])));
    let told = "CLS_06 dispatch.documents[0]: left out, and the act goes without it";
    assert!(shown.talk.contains(told), "{shown:?}");
    let sent = good(both.types("XB", send.chain(["--yes", "--wait=30s", "--json"]))).json();
    good(both.types("XA", ["inbox"]));
    let read = good(both.types("XA", ["read", text_of(&sent, "ref"), "--json"])).json();
    let documents = read["documents"].as_array().unwrap();
    assert_eq!(documents.len(), 1, "his own paper goes, and that of XA does not: {read}");
    assert_eq!(documents[0]["id"], "annex-2", "{read}");
}

#[test]
fn what_comes_next_of_a_withdrawal_keeps_everything_that_was_typed() {
    let both = ministries();
    let (consultation, person) = known(both);
    let (typo, begins) = (mistyped(&person), both.typed_by("XB"));
    let rest = ["--consultation", &consultation, "--to", "XA", "--yes", "--wait=30s", "--json"];
    let refused = both.types("XB", ["withdraw", &typo].into_iter().chain(rest));
    let error = refused.error();
    assert_eq!((refused.code, text_of(&error, "code")), (2, "person"), "{refused:?}");
    assert_eq!(text_of(&error, "hint"), format!("{begins} withdraw {person} {}", rest.join(" ")));
    let stranger =
        both.types("XB", ["withdraw", &person, "--consultation", "C-7QK4-M2XD-9WTV", "--json", "--yes"]);
    assert_eq!((stranger.code, text_of(&stranger.error(), "code")), (7, "no-person"), "{stranger:?}");
    assert!(text_of(&stranger.error(), "hint").ends_with(" --json --yes --to CODE"), "{stranger:?}");
    let sent = good(both.types("XB", ["withdraw", &person, "--yes"]));
    assert!(sent.talk.contains(&format!("next: {begins} countersign XB-XA-")), "{sent:?}");
    let again = good(both.types("XB", ["withdraw", &person, "--dry-run"]));
    assert!(again.talk.contains(&format!("next: {begins} receipt XB-XA-")), "{again:?}");
}
