//! Sending and reading.

use std::fs;

use chancery::consultation::reference::{ConsultationId, PersonRef};
use chancery::entropy::SystemEntropy;
use serde_json::Value;
use tempfile::TempDir;

use super::{Ministries, ministries, text_of};
use crate::support::forms;

const KOREAN: &str = "외교부는 귀부에 경의를 표하며, 포로 문제에 관한 협의를 제안하는 바이다.\n\
                      외교부는 이 기회에 귀부에 최고의 경의를 표하는 바이다.\n";

#[test]
fn a_note_is_delivered_and_its_text_is_read_as_it_was_written() {
    let both = ministries();
    let sent = both.delivers("XA", &forms::note("XB", "new"), &[]);
    let reference = text_of(&sent, "ref");
    assert_eq!(sent["custody"]["kind"], "SENT");
    assert_eq!(sent["receipt"]["kind"], "RECEIVED");
    assert_eq!(sent["receipt"]["cosigned_by"], "XA");

    let inbox = both.types("XB", ["inbox", "--unread", "--with", "XA", "--json"]);
    let listed = inbox.data.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let listed = listed.into_iter().find(|one| one["ref"] == *reference).unwrap();
    assert_eq!((text_of(&listed, "kind"), &listed["read"]), ("correspondence", &Value::Null));

    let listed = both.types("XB", ["inbox", "--unread", "--with", "XA"]);
    assert!(listed.data.starts_with("REF") && listed.data.contains("PRECEDENCE"), "{}", listed.data);
    let row = listed.data.lines().find(|line| line.contains(reference)).unwrap();
    assert!(row.contains("ROUTINE") && row.ends_with("unread"), "{row}");

    let shown = both.types("XB", ["read", reference]);
    assert_eq!(shown.code, 0, "{shown:?}");
    assert!(shown.data.contains(KOREAN), "{}", shown.data);
    for step in
        ["chancery://XA/registry signed the header", "releasing-01 signed (INITIALS)", "received by XB"]
    {
        assert!(shown.talk.contains(step) && !shown.data.contains(step), "{step}: {shown:?}");
    }
    let folder = TempDir::new().unwrap();
    for (name, args) in [("ko.txt", &[][..]), ("en.txt", &["--lang", "en"])] {
        let path = folder.path().join(name);
        let path = path.to_str().unwrap();
        let args = [&["read", reference, "-o", path][..], args].concat();
        let written = both.types("XB", &args);
        assert_eq!((written.code, written.data.as_str()), (0, ""), "{written:?}");
        assert_eq!(fs::read_to_string(path).unwrap() == KOREAN, name == "ko.txt");
        assert_eq!(both.types("XB", &args).code, 7);
        // What is there is replaced by who asks for that, and is what it was otherwise.
        fs::write(path, "something else").unwrap();
        assert_eq!((both.types("XB", &args).code, fs::read(path).unwrap()), (7, b"something else".to_vec()));
        assert_eq!(both.types("XB", [&args[..], &["--overwrite"]].concat()).code, 0);
        assert_eq!(fs::read_to_string(path).unwrap() == KOREAN, name == "ko.txt");
    }
    let own = both.types("XA", ["read", reference, "--json"]).json();
    assert_eq!(own["texts"][0]["text"], KOREAN);
    let unread = both.types("XB", ["inbox", "--unread"]);
    assert!(!unread.data.contains(reference), "{unread:?}");
    let outbox = both.types("XA", ["outbox", "--with", "XB"]);
    let row = outbox.data.lines().find(|line| line.contains(reference)).unwrap();
    assert!(row.contains("Correspondence") && row.ends_with("delivered"), "{row}");
    // What cannot be given up is refused before anybody is warned of what giving it up means.
    let void = both.types("XA", ["outbox", "void", reference, "--yes"]);
    assert_eq!(void.code, 6, "{void:?}");
    assert!(void.talk.starts_with("error[not-stuck]") && void.talk.contains("hint: chancery"), "{void:?}");
    assert!(
        void.talk.contains(&format!(": {reference} is delivered")),
        "by the name that was typed: {void:?}"
    );
}

#[test]
fn documents_come_back_byte_for_byte_also_those_beside_the_envelope() {
    let both = ministries();
    let folder = TempDir::new().unwrap();
    let large: Vec<u8> = (0_u32..200_000).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    let small = b"%PDF-1.7 small\n".to_vec();
    let (large_path, small_path) = (folder.path().join("large.bin"), folder.path().join("small.pdf"));
    fs::write(&large_path, &large).unwrap();
    fs::write(&small_path, &small).unwrap();
    let form = forms::memorandum("XB", "new", "Two annexes.");
    let sent = both.delivers("XA", &form, &[&large_path, &small_path]);
    let into = folder.path().join("opened");
    let args = ["read", text_of(&sent, "ref"), "--documents", into.to_str().unwrap(), "--json"];
    let read = both.types("XB", args);
    assert_eq!(read.code, 0, "{read:?}");
    let (report, sizes) = (read.json(), [12, large.len(), small.len()]);
    let listed: Vec<_> =
        report["documents"].as_array().unwrap().iter().map(|one| one["size"].as_u64().unwrap()).collect();
    assert_eq!(listed, sizes.map(|size| size as u64));
    assert_eq!(report["documents"][1]["title"], "Annex 1", "a file name is not a neutral title");
    assert_eq!(fs::read(into.join("annex-1.bin")).unwrap(), large);
    assert_eq!(fs::read(into.join("annex-2.pdf")).unwrap(), small);
    assert_eq!(fs::read(into.join("en.txt")).unwrap(), b"Two annexes.");
    fs::write(into.join("annex-2.pdf"), "another").unwrap();
    let refused = both.types("XB", args);
    assert_eq!(refused.code, 7, "documents are not overwritten");
    assert!(text_of(&refused.error(), "hint").ends_with(" --overwrite"), "{refused:?}");
    assert_eq!(fs::read(into.join("annex-2.pdf")).unwrap(), b"another");
    let again = both.types("XB", [&args[..], &["--overwrite"]].concat());
    assert_eq!((again.code, fs::read(into.join("annex-2.pdf")).unwrap()), (0, small), "{again:?}");
}

#[test]
fn what_would_steer_a_terminal_is_shown_spelled_out_and_written_exactly() {
    let both = ministries();
    let hostile = "good\\u001b[2J\\u202efdp.exe\\u0007";
    let sent = both.delivers("XA", &forms::memorandum("XB", "new", hostile), &[]);
    let reference = text_of(&sent, "ref");
    let shown = both.types("XB", ["read", reference]);
    assert!(shown.data.contains("good\\u{1b}[2J\\u{202e}fdp.exe\\u{7}"), "{}", shown.data);
    assert!(!format!("{}{}", shown.data, shown.talk).contains(['\u{1b}', '\u{202e}', '\u{7}']));
    let json = both.types("XB", ["read", reference, "--json"]);
    assert!(!json.data.contains(['\u{1b}', '\u{202e}', '\u{7}']));
    let exact = "good\u{1b}[2J\u{202e}fdp.exe\u{7}";
    assert_eq!(json.json()["texts"][0]["text"], exact);
    let raw = both.types("XB", ["read", reference, "-o", "-"]);
    assert_eq!(raw.data, exact);
}

#[test]
fn a_reply_is_written_from_the_message_it_answers() {
    let both = ministries();
    let sent = both.delivers("XA", &forms::memorandum("XB", "new", "Please answer."), &[]);
    let reference = text_of(&sent, "ref");
    assert_eq!(both.types("XB", ["read", reference]).code, 0);
    let new = both.types("XB", ["new", "correspondence", "--reply-to", reference, "--lang", "en"]);
    assert_eq!(new.code, 0, "{new:?}");
    for line in [
        "to = [\"XA\"]".to_owned(),
        format!("consultation = \"{}\"", text_of(&sent, "consultation")),
        format!("in_reply_to = \"{reference}\""),
    ] {
        assert!(new.data.lines().any(|one| one == line), "{line} not in {}", new.data);
    }
    let answer = forms::memorandum("XA", text_of(&sent, "consultation"), "It is answered.");
    let answer = answer.replace("\n\n[act]", &format!("\nin_reply_to = \"{reference}\"\n\n[act]"));
    let answered = both.delivers("XB", &answer, &[]);
    let read = both.types("XA", ["read", text_of(&answered, "ref"), "--json"]).json();
    assert_eq!(read["in_reply_to"], sent["message_id"]);
    assert_eq!(read["verdict"]["findings"].as_array().unwrap().len(), 0);
}

#[test]
fn nothing_is_sent_without_consent_or_by_a_dry_run() {
    let both = ministries();
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("form.toml");
    let path = path.to_str().unwrap();
    // A consultation of this test alone: others send at the same time.
    let begun = both.delivers("XA", &forms::memorandum("XB", "new", "Go on."), &[]);
    let consultation = text_of(&begun, "consultation");
    let of_it = |code| {
        let listed = both.types(code, ["outbox", "--json", "-n", "100000"]);
        assert_eq!(listed.code, 0, "{listed:?}");
        let copies = listed.data.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        copies.filter(|copy| copy["consultation"] == consultation).count()
    };
    fs::write(path, forms::memorandum("XA", consultation, "Never sent.")).unwrap();
    let refused = both.types("XB", ["send", path, "--json"]);
    assert_eq!((refused.code, refused.error()["code"].as_str()), (4, Some("consent-needed")));
    assert!(text_of(&refused.error(), "hint").ends_with(" --yes"), "{refused:?}");
    let dry = both.types("XB", ["send", path, "--dry-run"]);
    assert_eq!((dry.code, dry.data.lines().count()), (0, 6), "{dry:?}");
    assert!(dry.data.contains("seal (SEAL)"), "{dry:?}");
    let dry = both.types("XB", ["send", path, "--dry-run", "--json"]).json();
    assert_eq!((text_of(&dry, "schema"), text_of(&dry, "form")), ("chancery.dry-run/1", "MEMORANDUM"));
    let nobody = both.types("XB", ["send", path, "--yes", "--sign-as", "gardener", "--json"]);
    assert_eq!((nobody.code, nobody.error()["code"].as_str()), (4, Some("no-office")));
    assert_eq!((of_it("XA"), of_it("XB")), (1, 0));
}

#[test]
fn a_client_is_bound_to_offices_of_the_desk_alone_and_has_roles_that_there_are() {
    let both = ministries();
    let into = both.directory.join("nobody");
    let into = into.to_str().unwrap();
    let enrol = ["desk", "enrol", "nobody", "-o", into, "--json", "--roles"];
    let unknown = both.types("XA", [&enrol[..], &["clear", "--office", "nosuch"]].concat());
    assert_eq!((unknown.code, unknown.error()["code"].as_str()), (7, Some("no-office")));
    assert!(text_of(&unknown.error(), "hint").ends_with(" key list"), "{unknown:?}");
    let wrong = both.types("XA", [&enrol[..], &["gardener"]].concat());
    assert_eq!(wrong.code, 2, "{wrong:?}");
    assert!(text_of(&wrong.error(), "hint").ends_with(" desk enrol --help"), "{wrong:?}");
    for (roles, office, why) in [
        (
            "release",
            "legal-01",
            "the role release needs an office that releases, seals or concludes, and legal-01 may ",
        ),
        ("clear,draft", "legal-01", "the role draft needs an office that drafts, and legal-01 may "),
        ("read", "seal", "the roles read have no use for seal, which may seal"),
    ] {
        let unfit = both.types("XA", [&enrol[..], &[roles, "--office", office]].concat());
        assert_eq!((unfit.code, text_of(&unfit.error(), "code")), (2, "office-unfit"), "{unfit:?}");
        assert!(text_of(&unfit.error(), "message").starts_with(why), "{unfit:?}");
        assert!(text_of(&unfit.error(), "hint").ends_with(" key list"), "{unfit:?}");
    }
    assert!(!std::path::Path::new(into).exists(), "nothing was written");
    let bound = ["desk", "enrol", "legal", "-o", into, "--roles", "clear", "--office", "legal-01"];
    let bound = both.types("XA", bound);
    assert!(bound.code == 0 && bound.talk.contains("may clear for the office legal-01, until "), "{bound:?}");
}

#[test]
fn a_user_of_the_socket_is_bound_to_offices_that_fit_and_the_service_does_not_begin_otherwise() {
    let both = Ministries::found("unfit");
    let service = both.desk("XA").join("service.toml");
    let user = |roles: &str, offices: &str| {
        let text = format!(
            "socket = \"run/service.sock\"\n[[user]]\nuid = 1\nname = \"casework\"\nroles = [{roles}]\noffices = [{offices}]\n"
        );
        fs::write(&service, text).unwrap();
    };
    for (roles, offices, why) in [
        ("\"release\"", "\"legal-01\"", "the role release needs an office that releases, seals or concludes"),
        ("\"draft\"", "\"nosuch\"", "nosuch is no office of this desk: they are drafting-01"),
    ] {
        user(roles, offices);
        let refused = both.types("XA", ["desk", "serve", "--json"]);
        let error = refused.error();
        assert_eq!((refused.code, text_of(&error, "code")), (2, "config"), "{refused:?}");
        let said = format!("user[0].offices: {why}");
        assert!(text_of(&error, "message").contains(&said), "{error}");
        assert!(text_of(&error, "hint").ends_with(" config check"), "{error}");
        let checked = both.types("XA", ["config", "check"]);
        assert!(checked.code == 2 && checked.data.contains(&said), "{checked:?}");
    }
    user("\"clear\", \"read\"", "\"legal-01\"");
    let checked = both.types("XA", ["config", "check"]);
    assert_eq!(checked.code, 0, "{checked:?}");
}

#[test]
fn a_port_that_is_taken_is_told_as_that_and_may_be_tried_again() {
    let both = ministries();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let refused = both.types("XA", ["desk", "serve", "--listen", address.as_str(), "--json"]);
    let error = refused.error();
    assert_eq!((refused.code, text_of(&error, "code")), (1, "listen"), "{refused:?}");
    assert!(text_of(&error, "message").contains(&address), "{error}");
    assert_eq!(text_of(&error, "hint"), "ss -ltnp");
}

#[test]
fn a_wrong_passphrase_and_an_unknown_reference_have_their_exit_codes() {
    let both = ministries();
    let (desk, wrong) = (both.desk("XA"), both.directory.join("wrong"));
    let args = ["--home", desk.to_str().unwrap(), "--passphrase-file", wrong.to_str().unwrap(), "inbox"];
    let locked = super::chancery(args);
    assert_eq!(locked.code, 4, "{locked:?}");
    assert!(locked.talk.starts_with("error[wrong-passphrase]"), "{locked:?}");
    assert!(locked.talk.ends_with(" inbox --passphrase-file FILE\n"), "{locked:?}");
    let asked = super::chancery([&args[..2], &["inbox", "--json"]].concat());
    assert_eq!((asked.code, asked.error()["code"].as_str()), (4, Some("passphrase-needed")));
    for verb in ["read", "receipt"] {
        let unknown = both.types("XA", [verb, "XA-XB-2026-9999", "--json"]);
        assert_eq!((unknown.code, unknown.error()["code"].as_str()), (7, Some("no-message")), "{unknown:?}");
    }
    let nowhere = super::chancery(["--home", "/nowhere", "inbox", "--json"]);
    assert_eq!((nowhere.code, nowhere.error()["code"].as_str()), (7, Some("no-home")), "{nowhere:?}");
    assert_eq!(
        text_of(&nowhere.error(), "hint"),
        "chancery inbox --json --home DESK",
        "nobody is led to found another"
    );
    let gateway = both.directory.join("xa/gateway");
    for typed in [&["inbox", "--json"][..], &["withdraw", "P-7QK4-M2XD-9WTV", "--yes", "--json"]] {
        let mistaken = super::chancery_with([("CHANCERY_HOME", gateway.as_os_str())], typed);
        assert_eq!((mistaken.code, text_of(&mistaken.error(), "code")), (7, "no-home"), "{mistaken:?}");
        let said = format!("{} is a gateway; give --home DESK", gateway.display());
        assert_eq!(text_of(&mistaken.error(), "message"), said);
        let again = format!("chancery {} --home DESK", typed.join(" "));
        assert_eq!(text_of(&mistaken.error(), "hint"), again);
    }
    let stranger = PersonRef::mint(&SystemEntropy).unwrap().text();
    let nobody = both.types("XA", ["person", "show", &stranger, "--json"]);
    assert_eq!((nobody.code, nobody.error()["code"].as_str()), (7, Some("no-person")), "{nobody:?}");
    assert!(text_of(&nobody.error(), "hint").ends_with(" consultation list"), "{nobody:?}");
}

#[test]
fn a_form_that_is_sent_again_and_a_consultation_that_nobody_knows_are_told_and_hold_nothing_up() {
    let both = ministries();
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("form.toml");
    let path = path.to_str().unwrap();
    let form = forms::memorandum("XB", "new", "Said only once, and then once more.");
    let first = both.delivers("XA", &form, &[]);
    fs::write(path, &form).unwrap();
    let again = both.types("XA", ["send", path, "--yes"]);
    assert_eq!(again.code, 0, "{again:?}");
    let said = format!("{} of ", text_of(&first, "ref"));
    assert!(again.talk.contains(&said) && again.talk.contains("says the same already"), "{again:?}");
    fs::write(path, forms::memorandum("XB", "new", "What nobody has said here yet.")).unwrap();
    let other = both.types("XA", ["send", path, "--yes"]);
    assert!(other.code == 0 && !other.talk.contains("says the same"), "{other:?}");

    let nowhere = ConsultationId::mint(&SystemEntropy).unwrap().text();
    fs::write(path, forms::memorandum("XB", &nowhere, "About what?")).unwrap();
    let checked = both.types("XA", ["check", path]);
    let said = format!("no message of {nowhere} is at this desk");
    assert!(checked.talk.contains(&said) && checked.talk.contains(" consultation list\n"), "{checked:?}");
    let known = text_of(&first, "consultation");
    fs::write(path, forms::memorandum("XB", known, "About that.")).unwrap();
    let checked = both.types("XA", ["check", path]);
    assert!(!checked.talk.contains("is at this desk"), "{checked:?}");
}
