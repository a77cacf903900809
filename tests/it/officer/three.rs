//! Three ministries on one channel, each by its own officers at the real binary: what they open, send and are shown.

use std::fs;

use chancery::desk::form::draft::IdsOnly;
use chancery::desk::form::parse::parse;
use serde_json::{Value, json};

use super::{Ministries, Said, text_of};
use crate::support::{forms, ministry};

fn good(said: Said) -> Said {
    assert_eq!(said.code, 0, "{said:?}");
    said
}

fn lines(said: &Said) -> Vec<Value> {
    said.data.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Sends a form to two addressees and waits for both receipts; what `--json` says of each copy.
fn sends(all: &Ministries, code: &str, form: &str) -> Vec<Value> {
    let path = all.directory.join(format!("{}.toml", code.to_lowercase()));
    fs::write(&path, form).unwrap();
    let said = good(all.types(code, ["send", path.to_str().unwrap(), "--wait=30s", "--yes", "--json"]));
    let copies = lines(&said);
    assert!(copies.iter().all(|copy| copy["state"] == "delivered"), "{copies:?}");
    copies
}

fn proposal() -> String {
    forms::note_with("XA\", \"XC", "new", "", "")
        .replace("\"correspondence\"", "\"consultation-proposal\"")
        .replace(
            "subject = \"Prisoners of war: procedure\"",
            "subject = \"Prisoners of war: procedure\"\nopen_until_time = \"2099-01-01T00:00:00Z\"\nparties = [\
             { ministry = \"XA\", roles = [\"RECEIVING_POWER\"] }, { ministry = \"XB\", roles = [\"DETAINING_POWER\"] }, \
             { ministry = \"XC\", roles = [\"NEUTRAL_POWER\"] }]",
        )
}

fn acceptance(to: &str, consultation: &str, proposal: &str) -> String {
    forms::note_with(to, consultation, &format!("in_reply_to = \"{proposal}\""), "")
        .replace("\"correspondence\"", "\"consultation-reply\"")
        .replace("subject = \"Prisoners of war: procedure\"", "reply = \"ACCEPT\"")
}

/// The timeline of a consultation as a desk holds it, without what is its own: register numbers.
fn timeline(all: &Ministries, code: &str, consultation: &str) -> Vec<Value> {
    let shown = good(all.types(code, ["consultation", "show", consultation, "--timeline", "--json"]));
    let mut acts = lines(&shown);
    for own in ["ref", "countersignature"] {
        acts.iter_mut().for_each(|act| act[own] = Value::Null);
    }
    acts
}

fn opens_the_channel(all: &Ministries) -> String {
    let others = [("XA", ["XB", "XC"]), ("XB", ["XA", "XC"]), ("XC", ["XA", "XB"])];
    let opened: Vec<Value> = others
        .iter()
        .map(|(code, [one, other])| {
            good(all.types(code, ["channel", "open", one, other, "--ceiling", "RESTRICTED", "--json"])).json()
        })
        .collect();
    let channel = text_of(&opened[0], "channel").to_owned();
    for (report, (code, _)) in opened.iter().zip(&others) {
        assert_eq!((text_of(report, "channel"), &report["parties"]), (&*channel, &json!(["XA", "XB", "XC"])));
        let listed = lines(&good(all.types(code, ["channel", "list", "--json"])));
        assert!(listed.len() == 3 && listed.iter().any(|one| one["channel"] == *channel), "{listed:?}");
    }
    channel
}

#[test]
fn three_ministries_consult_on_one_channel_and_their_casebooks_agree() {
    let all = Ministries::found_all("three", &["XA", "XB", "XC"]);
    let stranger = all.types("XA", ["channel", "open", "XD", "--json"]);
    assert_eq!((stranger.code, text_of(&stranger.error(), "code")), (4, "not-accredited"));
    let channel = opens_the_channel(&all);

    let proposed = sends(&all, "XB", &proposal());
    assert_eq!(proposed.len(), 2, "a copy for each addressee");
    let consultation = text_of(&proposed[0], "consultation").to_owned();
    for (code, to) in [("XA", "XB\", \"XC"), ("XC", "XA\", \"XB")] {
        let listed = lines(&good(all.types(code, ["inbox", "--json"])));
        let proposal = listed.iter().find(|one| one["kind"] == "consultation-proposal").unwrap();
        sends(&all, code, &acceptance(to, &consultation, text_of(proposal, "ref")));
    }
    // The reference of the person is minted with the form, by whoever holds him.
    let form = all.directory.join("case.toml");
    let new =
        ["new", "case-registration", "--consultation", &consultation, "--to", "XA,XC", "--lang", "en", "-o"];
    let written = good(all.types("XB", new.iter().copied().chain([form.to_str().unwrap()])));
    assert!(written.talk.contains("minted P-"), "{written:?}");
    let text = fs::read_to_string(&form).unwrap();
    let person = text.lines().find_map(|line| line.strip_prefix("person = ")).unwrap().trim_matches('"');
    let filled = text
        .replace("status = \"\"", "status = \"PRISONER_OF_WAR\"")
        .replace("power_of_origin = \"\"", "power_of_origin = \"XD\"")
        .replace("information_bureau_notified = \"\"", "information_bureau_notified = true")
        .replace("central_agency_notified = \"\"", "central_agency_notified = true")
        .replace("title = \"\"", "title = \"Note verbale\"")
        .replace("#words = ", "words = ");
    fs::write(&form, &filled).unwrap();
    // Before it fetched, XB does not know that it was accepted, and is told what to do.
    let early = all.types("XB", ["check", form.to_str().unwrap(), "--json"]);
    assert_eq!((early.code, text_of(&early.error(), "reason")), (2, "CON_01"), "{early:?}");
    assert!(early.talk.contains("fetch first"), "{early:?}");
    good(all.types("XB", ["inbox", "--json"]));
    let checked = good(all.types("XB", ["check", form.to_str().unwrap(), "--json"]));
    assert_eq!(checked.json()["casebook_asked"], true);
    sends(&all, "XB", &filled);
    let hold = format!(
        "kind = \"hold-notice\"\nto = [\"XA\", \"XB\"]\nconsultation = \"{consultation}\"\n\
         [act]\npersons = [\"{person}\"]\nreason = \"OBSERVER_CONCERN\"\n"
    );
    sends(&all, "XC", &hold);

    let shown: Vec<Vec<Value>> =
        ["XA", "XB", "XC"].iter().map(|code| timeline(&all, code, &consultation)).collect();
    assert!(shown[0].len() >= 5, "{:?}", shown[0]);
    let acts = |timeline: &[Value]| -> Vec<Value> {
        // What a registry says to one ministry alone is no act of the consultation.
        let mut acts: Vec<Value> = timeline.iter().filter(|act| act["act_number"] != 0).cloned().collect();
        // Within a minute they stand as they passed the gateway of each.
        acts.sort_by_key(|act| (act["from"].to_string(), act["act_number"].as_u64()));
        acts
    };
    assert_eq!(acts(&shown[0]), acts(&shown[1]));
    assert_eq!(acts(&shown[1]), acts(&shown[2]));
    assert!(acts(&shown[0]).iter().all(|act| act["stands"] == true), "{:?}", shown[0]);
    for code in ["XA", "XB", "XC"] {
        let shown = good(all.types(code, ["consultation", "show", &consultation, "--json"])).json();
        assert_eq!((&shown["state"], &shown["persons"]), (&json!("OPEN"), &json!([person])), "{code}");
        assert_eq!(shown["cases"][0]["holds"][0]["by"], "XC", "{code}");
        let departure = all.types(code, ["clear-to-depart", person, "--json"]);
        assert_eq!(departure.code, 6, "{departure:?}");
    }
    what_the_casebook_knows_is_asked(&all, &consultation, person);
    a_rejected_act_is_told_at_every_desk_that_is_concerned(&all, &consultation);
    a_word_to_one_of_them_leaves_nobody_out_afterwards(&all, &channel, &consultation, person);
    a_number_that_two_channels_share_names_both_and_hints_name_one(&all, person);
    a_suspended_channel_is_told(&all, &channel, &consultation);
}

fn a_number_that_two_channels_share_names_both_and_hints_name_one(all: &Ministries, person: &str) {
    let sequence = |copy: &Value| copy["sequence"].as_u64().unwrap();
    let withdrawn = || {
        let listed = lines(&good(all.types("XB", ["outbox", "--with", "XA", "--json"])));
        listed.into_iter().rfind(|copy| copy["kind"] == "will-withdrawal").unwrap()
    };
    // Letters on the channel of the two, as many as went to XA on that of the three, and one more.
    let next = sequence(&withdrawn()) + 1;
    while sequence(&sends(all, "XB", &forms::memorandum("XA", "new", "A letter."))[0]) < next {}
    let said = good(all.types("XB", ["withdraw", person, "--yes", "--wait=30s"]));
    let copy = withdrawn();
    assert_eq!(sequence(&copy), next);
    let (number, id) = (text_of(&copy, "ref"), text_of(&copy, "message_id")[..12].to_owned());
    assert!(said.talk.contains(&format!("countersign {id}")), "{said:?}");

    for (verb, consent) in [("read", None), ("countersign", Some("--yes")), ("receipt", None)] {
        let told = all.types("XB", [verb, number, "--json"].into_iter().chain(consent));
        let error = told.error();
        assert_eq!((told.code, text_of(&error, "code")), (2, "ambiguous"), "{told:?}");
        assert!(text_of(&error, "message").contains(&id), "{told:?}");
        assert!(text_of(&error, "message").starts_with(&format!("{number} names 2 messages: ")), "{told:?}");
        assert!(text_of(&error, "hint").contains(&format!(" {verb} ")), "{told:?}");
        assert!(!text_of(&error, "hint").contains(number), "{told:?}");
    }
    let due = lines(&good(all.types("XB", ["consultation", "deadlines", "--json"])));
    assert!(
        due.iter().any(|one| one["ref"] == id && one["what"] == "countersign will-withdrawal"),
        "{due:?}"
    );
    assert_eq!(text_of(&good(all.types("XB", ["read", &id, "--json"])).json(), "ref"), number);
}

fn what_the_casebook_knows_is_asked(all: &Ministries, consultation: &str, person: &str) {
    // XA holds nobody: `check` says so before anything is sent, and a slip in an id mints nothing.
    let form = all.directory.join("wrong.toml");
    let case = fs::read_to_string(all.directory.join("case.toml")).unwrap();
    let case = case.replace("to = [\"XA\", \"XC\"]", "to = [\"XB\", \"XC\"]");
    fs::write(&form, case).unwrap();
    let told = all.types("XA", ["check", form.to_str().unwrap(), "--json"]);
    assert_eq!((told.code, text_of(&told.error(), "reason")), (2, "CON_03"), "{told:?}");
    let desk = all.desk("XA");
    let locked = super::chancery(["--home", desk.to_str().unwrap(), "check", form.to_str().unwrap()]);
    assert!(locked.code == 0 && locked.talk.contains("the casebook was not asked"), "{locked:?}");
    for args in [&["person", "mint"][..], &["new", "case-registration"]] {
        let args = args.iter().copied().chain(["--consultation", "C-9RB2-T7GE-1KYT", "--json"]);
        let unknown = all.types("XB", args);
        assert_eq!((unknown.code, text_of(&unknown.error(), "code")), (7, "no-consultation"), "{unknown:?}");
    }
    assert!(consultation.starts_with("C-") && person.starts_with("P-"));
}

fn a_rejected_act_is_told_at_every_desk_that_is_concerned(all: &Ministries, consultation: &str) {
    // XA registers a case all the same, as a desk does that overrides its own rules.
    let house = all.world.house(&ministry("XA")).unwrap();
    let (desk, form) = (house.desk().unwrap(), fs::read_to_string(all.directory.join("wrong.toml")).unwrap());
    let trust = desk.trust().unwrap();
    let draft = parse(&form, &IdsOnly).unwrap_or_else(|mistakes| panic!("{mistakes:?}"));
    let mut composition = desk.compose(&trust, house.keys(), &draft, &all.directory, None).unwrap();
    assert!(composition.findings.iter().any(|finding| finding.reason() == "CON_03"));
    composition.findings.clear();
    super::wait(desk.send(&trust, house.keys(), composition)).unwrap();
    for code in ["XB", "XC", "XA"] {
        let told = || {
            let shown = good(all.types(code, ["consultation", "show", consultation, "--json"])).json();
            let attention = shown["attention"].as_array().unwrap().clone();
            attention.iter().any(|one| {
                let words = one.as_str().unwrap();
                words.contains("REJECTED the case-registration") && words.ends_with(": CON_03")
            })
        };
        let mut looks = 0;
        while !told() {
            looks += 1;
            assert!(looks < 60, "{code} was never told");
        }
        let acts = timeline(all, code, consultation);
        let wrong =
            acts.iter().find(|act| act["from"] == "XA" && act["kind"] == "case-registration").unwrap();
        assert_eq!(
            (&wrong["stands"], &wrong["rules"][0]["rule"]),
            (&json!(false), &json!("CON_03")),
            "{code}"
        );
    }
}

fn a_word_to_one_of_them_leaves_nobody_out_afterwards(
    all: &Ministries,
    channel: &str,
    consultation: &str,
    person: &str,
) {
    // XA and XB have a channel of their own; what belongs to this consultation does not go there by itself.
    let letter = sends(all, "XB", &forms::memorandum("XA", consultation, "A word to XA alone."));
    assert_eq!(letter.len(), 1);
    let listed = timeline(all, "XA", consultation);
    let alone = listed.iter().rfind(|act| act["kind"] == "correspondence").unwrap();
    assert_eq!((&alone["act_number"], &alone["stands"]), (&json!(0), &json!(true)), "{alone}");
    // Nor by hand: its number would be missing to the third.
    let pair = lines(&good(all.types("XB", ["channel", "list", "--json"])));
    let pair = pair.iter().find(|one| one["parties"] == json!(["XA", "XB"])).unwrap();
    let aside = forms::memorandum("XA", consultation, "Aside.")
        .replace("precedence =", &format!("channel = \"{}\"\nprecedence =", text_of(pair, "channel")));
    let path = all.directory.join("aside.toml");
    fs::write(&path, aside).unwrap();
    let aside = all.types("XB", ["send", path.to_str().unwrap(), "--yes", "--json"]);
    assert_ne!(text_of(pair, "channel"), channel);
    assert_eq!((aside.code, text_of(&aside.error(), "reason")), (2, "CHN_01"), "{aside:?}");
    let args = ["withdraw", person, "--yes", "--wait=30s", "--json"];
    let mut to: Vec<String> = lines(&good(all.types("XB", args)))
        .iter()
        .map(|copy| {
            assert_eq!(copy["state"], "delivered", "{copy}");
            text_of(copy, "to").to_owned()
        })
        .collect();
    to.sort();
    assert_eq!(to, ["XA", "XC"]);
}

fn a_suspended_channel_is_told(all: &Ministries, channel: &str, consultation: &str) {
    good(all.types("XB", ["channel", "suspend", channel]));
    let form = all.directory.join("late.toml");
    fs::write(&form, forms::memorandum("XA\", \"XC", consultation, "A word.")).unwrap();
    let told = all.types("XB", ["send", form.to_str().unwrap(), "--yes", "--json"]);
    assert_eq!(text_of(&told.error(), "reason"), "CHN_02", "{told:?}");
    good(all.types("XB", ["channel", "resume", channel]));
    sends(all, "XB", &fs::read_to_string(&form).unwrap());
    let unknown = all.types("XB", ["channel", "suspend", "ch-0000000000000000", "--json"]);
    assert_eq!((unknown.code, text_of(&unknown.error(), "code")), (7, "no-channel"));
}
