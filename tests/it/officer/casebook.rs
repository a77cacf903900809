//! What an officer is shown of a consultation: cases, deadlines, departure, names; by the real binary.

use serde_json::Value;

use super::night::mistyped;
use super::{Ministries, Said};
use crate::support::forms;

fn good(said: Said) -> Said {
    assert_eq!(said.code, 0, "{said:?}");
    said
}

fn lines(said: &Said) -> Vec<Value> {
    said.data.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn a_minted_reference_goes_into_the_form_that_is_written_next(both: &Ministries, consultation: &str) {
    let minted = good(both.types("XB", ["person", "mint", "--consultation", consultation]));
    let person = minted.data.trim();
    let next = format!("new case-registration --consultation {consultation} --person {person} -o case.toml");
    assert!(minted.talk.contains(&next) && minted.talk.contains("chancery --home "), "{minted:?}");
    let new = ["new", "case-registration", "--consultation", consultation, "--person", person];
    let form = good(both.types("XB", new));
    assert!(form.data.contains(&format!("person = \"{person}\"")), "{form:?}");
    assert!(!form.talk.contains("minted"), "and none is minted again: {form:?}");
    let wrong = both.types("XB", ["new", "correspondence", "--to", "XA", "--person", person, "--json"]);
    assert_eq!((wrong.code, wrong.error()["code"].as_str()), (2, Some("no-person-field")));
}

/// The rules that `clear-to-depart` names, in its order.
fn rules(answer: &Value) -> Vec<&str> {
    answer["stops"].as_array().unwrap().iter().map(|stop| stop["rule"].as_str().unwrap()).collect()
}

#[test]
fn an_officer_sees_where_a_case_stands_and_whether_a_person_may_depart() {
    let both = Ministries::found("casebook");
    let begun = both.delivers("XB", &forms::memorandum("XA", "new", "A consultation begins."), &[]);
    let consultation = begun["consultation"].as_str().unwrap();
    let minted = good(both.types("XB", ["person", "mint", "--consultation", consultation, "--json"])).json();
    let person = minted["person"].as_str().unwrap();
    assert_eq!(minted["consultation"], consultation);
    a_minted_reference_goes_into_the_form_that_is_written_next(&both, consultation);
    let unknown = both.types("XB", ["read", "XB-XA-2026-9999", "--json"]);
    let outbox = format!("{} outbox", both.typed_by("XB"));
    assert_eq!(unknown.error()["hint"].as_str(), Some(&*outbox), "it works as it stands: {unknown:?}");
    both.delivers("XB", &forms::particulars("XA", consultation, person, &[("홍", "길동", "Hang")]), &[]);
    both.delivers("XB", &forms::hold("XA", consultation, person), &[]);

    for code in ["XA", "XB"] {
        let listed = lines(&good(both.types(code, ["consultation", "list", "--json"])));
        let one = listed.iter().find(|one| one["consultation"] == consultation).unwrap();
        assert_eq!((one["acts"].as_u64(), one["waiting"].as_u64()), (Some(3), Some(0)), "{code}: {one}");
        assert_eq!(one["persons"], serde_json::json!([person]));
        let shown = good(both.types(code, ["consultation", "show", consultation, "--json"])).json();
        assert_eq!(shown["cases"][0]["holds"][0]["by"], "XB", "{shown}");
        assert_eq!(shown["cases"][0]["holds"][0]["reason"], "IDENTITY");
        let text = good(both.types(code, ["consultation", "show", consultation]));
        assert!(text.data.contains(person) && text.data.contains("hold"), "{text:?}");
        // Nothing was agreed, so no step tells what the hold blocks.
        let rule = "stopped     HLD_01: a hold is active (rule: nobody on whom a hold lies is moved)";
        assert!(text.data.contains(rule), "{text:?}");
        assert_eq!(shown["cases"][0]["stops"][0]["rule"], "HLD_01", "{shown}");
        assert!(!text.data.contains("길동"), "no name is shown: {text:?}");
        let timeline =
            lines(&good(both.types(code, ["consultation", "show", consultation, "--timeline", "--json"])));
        let kinds: Vec<&str> = timeline.iter().map(|one| one["kind"].as_str().unwrap()).collect();
        assert_eq!(kinds.len(), 3, "{kinds:?}");
        assert!(kinds.contains(&"hold-notice") && kinds.contains(&"person-particulars"), "{kinds:?}");

        let departure = both.types(code, ["clear-to-depart", person, "--json"]);
        assert_eq!(departure.code, 6, "{departure:?}");
        let answer: Value = serde_json::from_str(departure.data.lines().next().unwrap()).unwrap();
        assert_eq!(answer["clear"].as_bool(), Some(false));
        assert_eq!(rules(&answer), ["HLD_01", "HND_01"], "the hold first, though nothing is arranged");
        let rebuilt = good(both.types(code, ["casebook", "rebuild", "--json"])).json();
        assert!(rebuilt["opened"].as_u64() >= Some(3) && rebuilt["unopened"] == 0, "{rebuilt}");
        let again = good(both.types(code, ["consultation", "show", consultation, "--json"])).json();
        assert_eq!(again["cases"], shown["cases"]);
    }
    let nobody = both.types("XA", ["clear-to-depart", "P-9RB2-T7GE-1KYT", "--json"]);
    assert_eq!((nobody.code, nobody.error()["code"].as_str()), (7, Some("no-person")));
    a_mistyped_reference_is_led_back_to_the_one_that_is_known(&both, person);
    urgent_messages_are_shown_as_due(&both, consultation);
    names_are_shown_on_request_to_an_office_that_may_know(&both, person);
    names_that_count_at_the_desk_are_kept_out_of_texts(&both, consultation, person);
    two_references_of_one_consultation_are_not_one_person(&both, consultation, person);
    what_he_said_is_told_before_what_nobody_arranged(&both, person);
}

fn what_he_said_is_told_before_what_nobody_arranged(both: &Ministries, person: &str) {
    let withdrawn = both.types("XB", ["withdraw", person, "--yes", "--wait=30s", "--json"]);
    assert_eq!(withdrawn.code, 0, "{withdrawn:?}");
    let departure = both.types("XB", ["clear-to-depart", person, "--json"]);
    assert_eq!((departure.code, departure.error()["reason"].as_str()), (6, Some("WIL_07")), "{departure:?}");
    let answer: Value = serde_json::from_str(departure.data.lines().next().unwrap()).unwrap();
    assert_eq!(rules(&answer), ["WIL_07", "HLD_01", "HND_01"], "what he said before any paper");
    let unknown = both.types("XB", ["clear-to-depart", person, "--arrangement", "H-9", "--json"]);
    let answer: Value = serde_json::from_str(unknown.data.lines().next().unwrap()).unwrap();
    assert_eq!(rules(&answer), ["WIL_07", "HLD_01", "HND_01"], "and under an id that nobody gave");
}

fn a_mistyped_reference_is_led_back_to_the_one_that_is_known(both: &Ministries, person: &str) {
    let slip = both.types("XB", ["clear-to-depart", &mistyped(person), "--json"]);
    assert_eq!((slip.code, slip.error()["code"].as_str()), (2, Some("person")), "{slip:?}");
    let meant = format!("{} clear-to-depart {person} --json", both.typed_by("XB"));
    assert_eq!(slip.error()["hint"].as_str(), Some(&*meant), "{slip:?}");
}

fn urgent_messages_are_shown_as_due(both: &Ministries, consultation: &str) {
    let due = lines(&good(both.types("XA", ["consultation", "deadlines", "--json"])));
    let flash = due.iter().find(|one| one["consultation"] == consultation && one["alarming"] == true);
    let flash = flash.unwrap_or_else(|| panic!("{due:?}"));
    assert_eq!(flash["who"], serde_json::json!(["XA"]));
    let status = good(both.types("XA", ["status", "--json"])).json();
    assert_eq!(
        (&status["schema"], &status["alarms"]),
        (&"chancery.desk-status/1".into(), &serde_json::json!([]))
    );
    assert!(status["due"].as_array().unwrap().iter().any(|one| one["alarming"] == true), "{status}");
    // Once an officer has read it, the registry says so, and nobody need be woken on either side.
    let reference = flash["ref"].as_str().unwrap();
    good(both.types("XA", ["read", reference, "--json"]));
    good(both.types("XA", ["outbox", "--json"]));
    for code in ["XA", "XB"] {
        let still = |said: &Said| {
            lines(said).iter().any(|one| one["consultation"] == consultation && one["alarming"] == true)
        };
        let mut looks = 0;
        while still(&good(both.types(code, ["consultation", "deadlines", "--json"]))) {
            looks += 1;
            assert!(looks < 60, "{code} was never told");
        }
    }
}

fn names_are_shown_on_request_to_an_office_that_may_know(both: &Ministries, person: &str) {
    let plain = good(both.types("XA", ["person", "show", person, "--json"]));
    assert!(!plain.data.contains("길동"), "{plain:?}");
    let registry = both.types("XA", ["person", "show", person, "--names", "--as", "seal", "--json"]);
    assert_eq!((registry.code, registry.error()["code"].as_str()), (4, Some("not-for-names")));
    let shown =
        good(both.types("XA", ["person", "show", person, "--names", "--as", "drafting-01", "--json"]));
    assert_eq!(shown.json()["names"][0]["given_name"], "길동");
    let lookups = lines(&good(both.types("XA", ["person", "lookups", "--json"])));
    assert_eq!(lookups.len(), 1);
    assert_eq!((&lookups[0]["person"], lookups[0]["signed"].as_bool()), (&person.into(), Some(true)));
}

fn names_that_count_at_the_desk_are_kept_out_of_texts(both: &Ministries, consultation: &str, person: &str) {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("note.toml");
    std::fs::write(&path, forms::memorandum("XB", consultation, "홍길동에 관하여")).unwrap();
    // XB told it in a consultation that nobody agreed to: no peer silences a desk so.
    good(both.types("XA", ["send", path.to_str().unwrap(), "--yes", "--json"]));
    both.delivers("XA", &forms::particulars("XB", consultation, person, &[("홍", "길동", "Hang")]), &[]);
    let told = both.types("XA", ["send", path.to_str().unwrap(), "--yes", "--json"]);
    assert_eq!((told.code, told.error()["reason"].as_str()), (2, Some("PRV_03")), "{told:?}");
    let shows = format!(" consultation show {consultation}");
    assert!(told.error()["hint"].as_str().unwrap().ends_with(&shows), "{told:?}");
}

fn two_references_of_one_consultation_are_not_one_person(
    both: &Ministries,
    consultation: &str,
    person: &str,
) {
    let minted = good(both.types("XB", ["person", "mint", "--consultation", consultation, "--json"])).json();
    let other = minted["person"].as_str().unwrap();
    both.delivers("XB", &forms::hold("XA", consultation, other), &[]);
    good(both.types("XB", ["consultation", "list"]));
    let refused = both.types("XB", ["person", "join", person, other, "--json"]);
    assert_eq!((refused.code, refused.error()["code"].as_str()), (6, Some("same-consultation")));
    let shows = format!(" person show {other}");
    assert!(refused.error()["hint"].as_str().unwrap().ends_with(&shows), "{refused:?}");
}
