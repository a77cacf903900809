//! Offices with passphrases of their own: the road of a draft by the real binary, and a withdrawal at night.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use super::{Ministries, Said, chancery, text_of, write_secret};
use crate::support::forms;

/// What somebody of XA types who knows one passphrase.
fn types(both: &Ministries, passphrase: &str, args: &[&str]) -> Said {
    let (home, file) = (both.desk("XA"), both.directory.join(passphrase));
    let globals = ["--home", home.to_str().unwrap(), "--passphrase-file", file.to_str().unwrap()];
    chancery([&globals[..], args].concat())
}

fn good(said: Said) -> Said {
    assert_eq!(said.code, 0, "{said:?}");
    said
}

fn reason(said: &Said) -> (i32, String) {
    (said.code, text_of(&said.error(), "reason").to_owned())
}

/// The command that leads on, in the home of XA.
fn leads_to(said: &Said, words: &str) {
    let hint = said.error()["hint"].as_str().map(str::to_owned).unwrap_or_default();
    assert!(hint.starts_with("chancery --home ") && hint.ends_with(words), "{words}: {said:?}");
}

#[test]
fn an_act_is_cleared_by_offices_that_each_know_their_own_passphrase_only() {
    let both = Ministries::found("clearance");
    let folder = both.directory.join("papers");
    fs::create_dir(&folder).unwrap();
    let form = folder.join("note.toml");
    fs::write(&form, forms::note("XB", "new")).unwrap();
    let (form, draft): (&str, PathBuf) = (form.to_str().unwrap(), folder.join("note.draft"));
    let draft = draft.to_str().unwrap();
    write_secret(&both.directory.join("legal"), "tulip harbour\n");
    let new = both.directory.join("legal");
    let change = ["key", "passphrase", "offices/legal-01", "--new-passphrase-file", new.to_str().unwrap()];
    good(types(&both, "passphrase", &change));

    // One passphrase does not open all offices any more: who holds it cannot clear.
    let composed =
        good(types(&both, "passphrase", &["draft", "compose", form, "--clear-by", "legal-01", "--json"]));
    let composed = composed.json();
    assert_eq!(composed["complete"], false);
    let listed: Vec<&str> = composed["authentications"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["kind"].as_str().unwrap())
        .collect();
    assert_eq!(listed, ["DRAFT", "CLEARANCE", "INITIALS", "SEAL"]);
    let listed = good(types(&both, "passphrase", &["draft", "list", "--json"])).json();
    assert_eq!((text_of(&listed, "waits_for"), text_of(&listed, "state")), ("legal-01", "open"));
    let wrong =
        types(&both, "passphrase", &["draft", "clear", draft, "--office", "legal-01", "--yes", "--json"]);
    assert_eq!((wrong.code, text_of(&wrong.error(), "code")), (4, "wrong-passphrase"));
    let early =
        types(&both, "passphrase", &["draft", "sign", draft, "--office", "releasing-01", "--yes", "--json"]);
    assert_eq!(reason(&early), (4, "NOT_YET_CLEARED".to_owned()));
    leads_to(&early, &format!(" draft show {draft}"));
    let unsigned = types(&both, "passphrase", &["draft", "release", draft, "--yes", "--json"]);
    assert_eq!(reason(&unsigned), (4, "NOT_SIGNED".to_owned()));
    leads_to(&unsigned, &format!(" draft sign {draft} --office legal-01"));
    for (verb, next) in [("send", "release"), ("check", "show")] {
        let as_form = types(&both, "passphrase", &[verb, draft, "--json"]);
        assert_eq!(reason(&as_form), (2, "FORM_IS_DRAFT".to_owned()));
        assert!(text_of(&as_form.error(), "message").ends_with("note.draft is a draft, not a form"));
        leads_to(&as_form, &format!(" draft {next} {draft}"));
    }

    let cleared = good(types(&both, "legal", &["draft", "clear", draft, "--office", "legal-01", "--yes"]));
    assert!(
        cleared.talk.contains("외교부는 귀부에 경의를 표하며"),
        "the office is shown what it signs: {cleared:?}"
    );
    assert!(
        cleared.talk.contains("draft sign") && cleared.talk.contains("--office releasing-01"),
        "{cleared:?}"
    );
    for office in ["releasing-01", "seal"] {
        good(types(&both, "passphrase", &["draft", "sign", draft, "--office", office, "--yes"]));
    }
    let extracted = folder.join("extracted");
    let show = ["draft", "show", draft, "--extract", extracted.to_str().unwrap(), "--json"];
    assert_eq!(good(types(&both, "passphrase", &show)).json()["complete"], true);
    let files = fs::read_dir(&extracted).unwrap().count();
    assert_eq!(files, 5, "the bytes and four signatures");

    let sent =
        good(types(&both, "passphrase", &["draft", "release", draft, "--yes", "--wait=30s", "--json"]))
            .json();
    assert_eq!(text_of(&sent, "state"), "delivered");
    let again = types(&both, "passphrase", &["draft", "release", draft, "--yes", "--json"]);
    assert_eq!(reason(&again), (7, "ALREADY_RELEASED".to_owned()));
    leads_to(&again, " outbox");
    let malformed = types(&both, "passphrase", &["draft", "show", form, "--json"]);
    assert_eq!(reason(&malformed), (2, "DRAFT_MALFORMED".to_owned()));
    leads_to(&malformed, " draft list");
    let read = good(both.types("XB", ["read", text_of(&sent, "ref"), "--json"])).json();
    let signatures = read["verdict"]["signatures"].as_array().unwrap();
    let names: Vec<&str> = signatures.iter().map(|one| one["name"].as_str().unwrap()).collect();
    let offices = ["drafting-01", "legal-01", "releasing-01", "seal"];
    assert_eq!(names, offices.map(|label| format!("chancery://XA/office/{label}")));

    // Altered on its way, and cancelled.
    fs::remove_file(draft).unwrap();
    good(types(&both, "passphrase", &["draft", "compose", form, "--json"]));
    let text = fs::read_to_string(draft).unwrap();
    let at = text.find("dispatch = \"").unwrap() + 120;
    let other = if &text[at..=at] == "A" { "B" } else { "A" };
    fs::write(draft, format!("{}{other}{}", &text[..at], &text[at + 1..])).unwrap();
    let altered = types(&both, "passphrase", &["draft", "show", draft, "--json"]);
    assert_eq!(altered.code, 3, "{altered:?}");
    leads_to(&altered, " draft list");
    fs::write(draft, text).unwrap();
    good(types(&both, "passphrase", &["draft", "cancel", draft, "--yes"]));
    let cancelled = types(&both, "passphrase", &["draft", "rebase", draft, "--json"]);
    assert_eq!(reason(&cancelled), (6, "DRAFT_CANCELLED".to_owned()));
    leads_to(&cancelled, " draft compose FORM");
    let all = good(types(&both, "passphrase", &["draft", "list", "--all", "--json"]));
    let states: Vec<Value> = all.data.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(states.iter().map(|one| text_of(one, "state")).collect::<Vec<_>>(), ["cancelled", "released"]);
}

#[test]
fn a_withdrawal_asks_for_nothing_but_the_person() {
    let both = super::ministries();
    let person = "P-7QK4-M2XD-9WTV";
    let unknown = both.types("XB", ["withdraw", "P-9RB2-T7GE-1KYT", "--yes", "--json"]);
    assert_eq!((unknown.code, text_of(&unknown.error(), "code")), (7, "no-person"));
    // Of somebody nobody has heard of, the duty officer says where.
    let begun = both.delivers("XA", &forms::memorandum("XB", "new", "About a person."), &[]);
    let consultation = text_of(&begun, "consultation");
    let first =
        good(both.types("XB", ["withdraw", person, "--consultation", consultation, "--yes", "--json"]));
    assert_eq!(text_of(&first.json(), "to"), "XA");
    let already = |said: &Said| said.talk.contains("chancery.withdrawn-before/1");
    assert!(!already(&first), "nothing was sent before: {first:?}");
    // From then on the person is enough, as a tired officer types it.
    let again = good(both.types("XB", ["withdraw", "p 7qk4 m2xd 9wtv", "--yes", "--wait=30s", "--json"]));
    // It is told, and asks for no more.
    assert!(already(&again) && again.talk.contains(text_of(&first.json(), "ref")), "{again:?}");
    let dry = both.types("XB", ["withdraw", person, "--dry-run"]);
    assert!(dry.code == 0 && dry.talk.contains("says already that P-7QK4-M2XD-9WTV withdraws"), "{dry:?}");
    let again = again.json();
    assert_eq!((text_of(&again, "consultation"), text_of(&again, "state")), (consultation, "delivered"));
    let read = good(both.types("XA", ["read", text_of(&again, "ref"), "--json"])).json();
    assert_eq!((text_of(&read, "kind"), text_of(&read, "precedence")), ("will-withdrawal", "FLASH"));
    let signatures = read["verdict"]["signatures"].as_array().unwrap();
    assert_eq!(signatures.len(), 1);
    assert_eq!(text_of(&signatures[0], "kind"), "DUTY_OFFICER");
}

#[test]
fn what_one_officer_sent_is_countersigned_by_its_number_alone() {
    let both = super::ministries();
    let person = "P-3HN8-ZC6V-5JF2";
    let begun = both.delivers("XA", &forms::memorandum("XB", "new", "About another person."), &[]);
    let consultation = text_of(&begun, "consultation");
    let withdraw = ["withdraw", person, "--consultation", consultation, "--yes", "--wait=30s", "--json"];
    let withdrawn = good(both.types("XB", withdraw)).json();
    let act = text_of(&withdrawn, "ref");
    let due = |code: &str| -> Vec<Value> {
        let said = good(both.types(code, ["consultation", "deadlines", "--json"]));
        let all = said.data.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        all.filter(|one| one["ref"] == act && one["what"] == "countersign will-withdrawal").collect()
    };
    let shown = |code: &str| {
        let shown = good(both.types(code, ["consultation", "show", consultation, "--json"])).json();
        shown["cases"][0]["countersignatures"][0].clone()
    };
    for code in ["XA", "XB"] {
        let [one] = due(code).try_into().unwrap();
        assert_eq!((&one["who"][0], &one["alarming"]), (&"XB".into(), &false.into()), "{one}");
        assert_eq!(
            (&shown(code)["countersigned_by"], &shown(code)["overdue"]),
            (&Value::Null, &false.into())
        );
    }
    let same = both.types("XB", ["countersign", act, "--as", "duty-01", "--yes", "--json"]);
    assert_eq!((same.code, text_of(&same.error(), "code")), (4, "not-authorised"));
    assert_eq!(reason(&both.types("XA", ["countersign", act, "--yes", "--json"])).1, "ROL_07");
    let signed = good(both.types("XB", ["countersign", act, "--yes", "--wait=30s", "--json"])).json();
    assert_eq!(text_of(&signed, "state"), "delivered");
    for code in ["XA", "XB"] {
        assert!(due(code).is_empty(), "{code}");
        let shown = shown(code);
        assert_eq!(shown["countersigned_by"], serde_json::json!(["chancery://XB/office/releasing-01"]));
        assert_eq!(shown["countersignature"], signed["ref"]);
        let timeline = good(both.types(code, ["consultation", "show", consultation, "--timeline"]));
        assert!(timeline.data.contains("ok, countersigned"), "{timeline:?}");
    }
    let twice = both.types("XB", ["countersign", act, "--yes", "--json"]);
    assert_eq!(reason(&twice).1, "ROL_09");
    leads_to(&twice, &format!(" consultation show {consultation}"));
    let nothing = both.types("XB", ["countersign", text_of(&begun, "ref"), "--yes", "--json"]);
    assert_eq!(reason(&nothing).1, "ROL_07", "no protective act, and not its own");
}

#[test]
fn an_office_whose_key_lies_elsewhere_is_listed_by_its_certificate_and_signs_there() {
    let both = Ministries::found("apart");
    let (form, draft) = (both.directory.join("note.toml"), both.directory.join("note.draft"));
    fs::write(&form, forms::note("XB", "new")).unwrap();
    let (form, draft) = (form.to_str().unwrap(), draft.to_str().unwrap());
    let (offices, apart) = (both.desk("XA").join("keys/offices"), both.directory.join("apart"));
    fs::create_dir(&apart).unwrap();
    let moves =
        |name: &str, from: &PathBuf, to: &PathBuf| fs::rename(from.join(name), to.join(name)).unwrap();
    let compose = ["draft", "compose", form, "--clear-by", "legal-01"];
    ["legal-01.key", "legal-01.pem"].iter().for_each(|name| moves(name, &offices, &apart));
    let unlisted = types(&both, "passphrase", &[&compose[..], &["--json"]].concat());
    let error = unlisted.error();
    assert_eq!((unlisted.code, text_of(&error, "code")), (4, "no-office"), "{unlisted:?}");
    assert_eq!(text_of(&error, "hint"), format!("cp legal-01.pem {}", offices.display()), "{error}");
    assert!(error["causes"].to_string().contains("whose key lies elsewhere is listed by its certificate"));

    moves("legal-01.pem", &apart, &offices);
    let composed = good(types(&both, "passphrase", &compose));
    assert!(composed.talk.contains(&format!(" draft show {draft} --extract DIR\n")), "{composed:?}");
    let absent = "the key of legal-01 does not lie at this desk: it signs where that lies";
    assert!(composed.talk.contains(absent), "{composed:?}");
    let signs = ["draft", "sign", draft, "--office", "legal-01", "--yes", "--json"];
    let refused = types(&both, "passphrase", &signs);
    assert_eq!((refused.code, text_of(&refused.error(), "code")), (7, "no-key"), "{refused:?}");
    assert!(text_of(&refused.error(), "message").starts_with(absent), "{refused:?}");
    leads_to(&refused, &format!(" draft show {draft} --extract DIR"));
    moves("legal-01.key", &apart, &offices);
    let signed = good(types(&both, "passphrase", &signs[..6]));
    assert!(signed.talk.contains(&format!(" draft sign {draft} --office releasing-01\n")), "{signed:?}");
}
