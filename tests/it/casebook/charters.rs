//! What the parties of a channel agreed on is what their desks judge by afterwards, and only afterwards.

use std::time::Duration;

use chancery::consultation::acts::values::ActRef;

use super::papers::{acceptance, conveys, in_spite, note, opened, proposal, statement};
use super::{PERSON, everything, folded, papers, say_the_same};
use crate::support::{Stage, forms, ministry};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// The terms of the channel of XA and XB, with this time for reflection.
fn terms(stage: &Stage, cooling_off: &str) -> String {
    let parties = ["XA", "XB"].map(ministry);
    let channel = stage.world.channel(&parties).unwrap();
    let roots = parties.map(|party| {
        format!("\"{}\"", stage.world.bundle(&party).unwrap().bundle().fingerprint().digest().hex())
    });
    format!(
        r#"[act.terms]
channel = "{channel}"
parties = ["XA", "XB"]
ceiling = "RESTRICTED"
working_languages = ["ko", "uk", "en"]
prevailing_language = "en"
will_policy = {{ validity = "60d", reconfirm_before_handover = "48h", cooling_off = "{cooling_off}", min_witnesses = 2, min_neutral_witnesses = 1 }}
go_no_go_window = "45m"
root_key_fingerprints = [{}]
erasure_after_closure = "30d"
"#,
        roots.join(", ")
    )
}

fn charter_note(to: &str, consultation: &str, terms: &str, reply_to: Option<&str>) -> String {
    let act = match reply_to {
        None => format!("is_reply = false\n{terms}"),
        Some(digest) => format!(
            "is_reply = true\nproposal_terms_sha256 = \"{digest}\"\n\
             fingerprint_confirmation = \"bag 2026/11, seal 0042\"\n{terms}"
        ),
    };
    note("channel-charter-note", &[to], consultation, "", &act, "")
}

/// Concludes a charter; the consultation in which that was done.
async fn concluded(stage: &Stage, cooling_off: &str) -> String {
    use chancery::consultation::act::Act;
    let terms = terms(stage, cooling_off);
    let sent = conveys(stage, "XB", &charter_note("XA", "new", &terms, None)).await;
    let consultation = sent[0].consultation.clone();
    let read = stage.house("XA").read("@last").unwrap();
    let Some(Act::ChannelCharterNote(proposed)) = read.act() else { panic!("another act") };
    let digest = proposed.terms.digest().hex();
    conveys(stage, "XA", &charter_note("XB", &consultation, &terms, Some(&digest))).await;
    consultation
}

async fn states(stage: &Stage, consultation: &str, hours: u32, is_good: bool) -> String {
    let form = statement(stage, &["XA"], consultation, PERSON, hours);
    let sent = match is_good {
        true => conveys(stage, "XB", &form).await,
        false => {
            let sent = in_spite(stage, "XB", &form).await;
            papers::arrives(stage, "XB", &sent).await;
            sent
        }
    };
    let reference = ActRef::new(sent[0].dispatch_digest);
    let verdict = |code| {
        let folded = folded(stage.house(code), consultation);
        folded.book.everything().find(reference).unwrap().verdict.to_string()
    };
    assert_eq!(verdict("XA"), verdict("XB"));
    verdict("XA")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_concluded_charter_changes_what_is_judged_in_consultations_that_begin_after_it() {
    let stage = Stage::pair().await;
    let before = opened(&stage, &["XA"]).await;
    conveys(&stage, "XB", &papers::case(&["XA"], &before, PERSON)).await;
    assert_eq!(states(&stage, &before, 13, false).await, "WIL_05", "24 hours by default");
    assert_eq!(states(&stage, &before, 25, true).await, "ok");

    // The desks that stay open see it too.
    let open: Vec<_> = ["XA", "XB"].iter().map(|code| stage.house(code).desk().unwrap()).collect();
    for (desk, code) in open.iter().zip(["XA", "XB"]) {
        desk.consultation_of(&desk.trust().unwrap(), stage.house(code).keys(), &before).unwrap();
    }
    stage.clock.forward(DAY);
    let founded = concluded(&stage, "12h").await;
    assert_eq!(folded(stage.house("XA"), &founded).book.charter().cooling_off, DAY, "not by itself");
    stage.clock.forward(DAY);
    let after = opened(&stage, &["XA"]).await;
    let other = "P-3HN8-ZC6V-5JF2";
    conveys(&stage, "XB", &papers::case(&["XA"], &after, other)).await;
    for code in ["XA", "XB"] {
        let charter = folded(stage.house(code), &after).book.charter().clone();
        assert_eq!(charter.cooling_off, DAY / 2, "{code}");
        assert_eq!(charter.go_window, Duration::from_secs(45 * 60));
        assert_eq!(charter.will_validity, 60 * DAY);
    }
    let form = |hours| statement(&stage, &["XA"], &after, other, hours);
    conveys(&stage, "XB", &form(13)).await;
    let short = in_spite(&stage, "XB", &form(11)).await;
    papers::arrives(&stage, "XB", &short).await;
    for (desk, code) in open.iter().zip(["XA", "XB"]) {
        let keys = stage.house(code).keys();
        let folded = desk.consultation_of(&desk.trust().unwrap(), keys, &after).unwrap();
        let past = folded.book.everything();
        let verdicts: Vec<String> = past
            .of_kind(chancery::consultation::act::ActKind::ExpressionOfWill)
            .map(|one| one.verdict.to_string())
            .collect();
        assert_eq!(verdicts, ["ok", "WIL_05"], "{code}");
        // What began before keeps what it began under.
        let old = desk.consultation_of(&desk.trust().unwrap(), keys, &before).unwrap();
        assert_eq!(old.book.charter().cooling_off, DAY);
    }
    for code in ["XA", "XB"] {
        let house = stage.house(code);
        let live = everything(house);
        let desk = house.desk().unwrap();
        desk.rebuild_casebook(&desk.trust().unwrap(), house.keys()).unwrap();
        say_the_same(&everything(house), &live);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consultation_is_judged_by_what_was_agreed_when_it_was_proposed_whatever_letters_came_before() {
    let stage = Stage::pair().await;
    let letter = conveys(&stage, "XB", &forms::memorandum("XA", "new", "A beginning.")).await;
    let consultation = letter[0].consultation.clone();
    // The desks that stay open see it too.
    let open: Vec<_> = ["XA", "XB"].iter().map(|code| stage.house(code).desk().unwrap()).collect();
    let cooling_off = |desk: &chancery::desk::Desk, code: &str| {
        let folded =
            desk.consultation_of(&desk.trust().unwrap(), stage.house(code).keys(), &consultation).unwrap();
        folded.book.charter().cooling_off
    };
    for (desk, code) in open.iter().zip(["XA", "XB"]) {
        assert_eq!(cooling_off(desk, code), DAY, "nothing was agreed on");
    }
    stage.clock.forward(DAY);
    concluded(&stage, "12h").await;
    stage.clock.forward(DAY);
    let parties = [("XA", "RECEIVING_POWER"), ("XB", "DETAINING_POWER")];
    let known = format!("consultation = \"{consultation}\"");
    let proposes = proposal(&["XA"], &parties).replacen("consultation = \"new\"", &known, 1);
    let proposed = conveys(&stage, "XB", &proposes).await;
    conveys(&stage, "XA", &acceptance(&["XB"], &consultation, &proposed[0].id.to_string())).await;
    for (desk, code) in open.iter().zip(["XA", "XB"]) {
        assert_eq!(cooling_off(desk, code), DAY / 2, "{code}");
        assert_eq!(folded(stage.house(code), &consultation).book.charter().cooling_off, DAY / 2);
    }
    for code in ["XA", "XB"] {
        let house = stage.house(code);
        let live = everything(house);
        let desk = house.desk().unwrap();
        desk.rebuild_casebook(&desk.trust().unwrap(), house.keys()).unwrap();
        say_the_same(&everything(house), &live);
    }
}
