//! Who opens a consultation, who is who in it, and what ends it.

use super::*;
use crate::consultation::rules::table::Rule;
use crate::consultation::state::samples::{DAY, Scene, ministry};

fn shown(scene: &Scene) -> Opening {
    scene.asks(|past, at, _| state(past, at))
}

fn reply(scene: &mut Scene, sender: &str, reply: &str) {
    scene.say(sender, "consultation-reply", &format!("reply = \"{reply}\""));
}

fn close(scene: &mut Scene, sender: &str, kind: &str) {
    scene.say(sender, "consultation-closure", &format!("kind = \"{kind}\""));
}

#[test]
fn every_power_accepts_in_time_and_observers_need_not() {
    let mut scene = Scene::proposed();
    assert_eq!(shown(&scene), Opening::Proposed);
    reply(&mut scene, "IC", "ACCEPT");
    reply(&mut scene, "XA", "ACCEPT_CONDITIONALLY");
    scene.against(Rule::Rol01);
    reply(&mut scene, "XA", "ACCEPT");
    assert_eq!(shown(&scene), Opening::Proposed, "nothing of that opens it");
    reply(&mut scene, "XA", "ACCEPT");
    assert_eq!(shown(&scene), Opening::Open);
    reply(&mut scene, "XA", "DECLINE");
    assert_eq!(shown(&scene), Opening::Open, "whoever thinks again closes it");
    let observer = scene.asks(|past, _, _| is_observer(past, &ministry("IC")));
    let power = scene.asks(|past, _, _| is_observer(past, &ministry("XA")));
    assert!(observer && !power);
}

#[test]
fn a_proposal_is_declined_or_lapses() {
    let mut scene = Scene::proposed();
    reply(&mut scene, "XA", "DECLINE");
    assert_eq!(shown(&scene), Opening::Declined);
    let mut scene = Scene::proposed();
    scene.wait(10 * DAY);
    assert_eq!(shown(&scene), Opening::Lapsed);
    reply(&mut scene, "XA", "ACCEPT");
    assert_eq!(shown(&scene), Opening::Lapsed, "too late");
}

#[test]
fn who_adjourned_resumes_and_all_conclude() {
    let mut scene = Scene::opened();
    close(&mut scene, "XA", "ADJOURNED");
    assert_eq!(shown(&scene), Opening::Adjourned);
    close(&mut scene, "XB", "RESUMED");
    assert_eq!(shown(&scene), Opening::Adjourned);
    close(&mut scene, "XA", "RESUMED");
    assert_eq!(shown(&scene), Opening::Open);
    close(&mut scene, "XA", "CONCLUDED");
    close(&mut scene, "IC", "CONCLUDED");
    assert_eq!(shown(&scene), Opening::Open, "one Power alone, and an observer");
    close(&mut scene, "XB", "WITHOUT_RESULT");
    assert_eq!(shown(&scene), Opening::Open, "they do not say the same");
    close(&mut scene, "XB", "CONCLUDED");
    assert_eq!(shown(&scene), Opening::Concluded);
}

#[test]
fn a_closure_that_crossed_an_agreement_ends_nothing() {
    let mut scene = Scene::ready();
    scene.note("A-1", "P1", "XA", "RELEASE_AND_SETTLEMENT");
    let before = scene.marks();
    scene.agree("A-2", "P1", "XA");
    close(&mut scene, "XA", "CONCLUDED");
    scene.knowing(&before);
    close(&mut scene, "XB", "CONCLUDED");
    assert_eq!(shown(&scene), Opening::Open, "XB did not know of the reply");
    close(&mut scene, "XB", "CONCLUDED");
    assert_eq!(shown(&scene), Opening::Concluded);
}

#[test]
fn what_is_open_stays_open_until_another_proposal_is_accepted_by_all() {
    let mut scene = Scene::opened();
    scene.say("XA", "consultation-proposal", ANOTHER);
    let roles_of = |scene: &Scene| scene.asks(|past, _, _| roles(past, &ministry("XA")));
    assert_eq!((shown(&scene), roles_of(&scene)), (Opening::Open, vec![PartyRole::ReceivingPower]));
    reply(&mut scene, "XB", "ACCEPT");
    assert_eq!((shown(&scene), roles_of(&scene)), (Opening::Open, vec![PartyRole::DetainingPower]));
}

#[test]
fn it_ended_by_the_closures_that_hold_now_and_not_by_those_before_it_was_opened_anew() {
    let ended = |scene: &Scene| scene.asks(|past, at, _| concluded(past, at));
    let concludes = |scene: &mut Scene, power: &str| {
        let at = scene.at();
        close(scene, power, "CONCLUDED");
        Some(at)
    };
    let mut scene = Scene::opened();
    concludes(&mut scene, "XA");
    assert_eq!(ended(&scene), None);
    let first = concludes(&mut scene, "XB");
    concludes(&mut scene, "XA");
    assert_eq!(ended(&scene), first, "whoever says it twice has said it first");
    scene.wait(5 * DAY);
    scene.say("XB", "consultation-proposal", ANOTHER);
    reply(&mut scene, "XA", "ACCEPT");
    assert_eq!((shown(&scene), ended(&scene)), (Opening::Open, None));
    concludes(&mut scene, "XB");
    // What a rule stands against, what crossed a reply and what says another end counts for nothing.
    scene.against(Rule::Rol01);
    concludes(&mut scene, "XA");
    scene.note("A-1", "P1", "XA", "RELEASE_AND_SETTLEMENT");
    let before = scene.marks();
    scene.agree("A-2", "P1", "XA");
    concludes(&mut scene, "XA");
    scene.knowing(&before);
    concludes(&mut scene, "XB");
    close(&mut scene, "XB", "WITHOUT_RESULT");
    assert_eq!(ended(&scene), None);
    let again = concludes(&mut scene, "XB");
    assert_eq!((shown(&scene), ended(&scene)), (Opening::Concluded, again));
    assert!(again > first);
}

/// XB proposes another one, to parties as written, and says that it knew of no act of XA.
fn behind_the_back_of_xa(parties: &str) -> Scene {
    let mut scene = Scene::proposed();
    let before = scene.marks();
    reply(&mut scene, "XA", "ACCEPT");
    let fields = ANOTHER.replace(PARTIES, parties);
    assert_ne!(fields, ANOTHER);
    scene.knowing(&before);
    scene.say("XB", "consultation-proposal", &fields);
    scene
}

fn is_who_it_was(scene: &Scene) -> bool {
    let roles_of = |code: &str| scene.asks(|past, _, _| roles(past, &ministry(code)));
    shown(scene) == Opening::Open
        && roles_of("XA") == [PartyRole::ReceivingPower]
        && roles_of("XB") == [PartyRole::DetainingPower]
        && roles_of("IC") == [PartyRole::Icrc]
}

#[test]
fn one_power_alone_opens_nothing_and_puts_nobody_out() {
    let alone = r#"[{ ministry = "IC", roles = ["ICRC"] },
        { ministry = "XB", roles = ["DETAINING_POWER", "RECEIVING_POWER"] }]"#;
    assert!(is_who_it_was(&behind_the_back_of_xa(alone)));
    let mut scene = Scene::unsaid();
    scene.say("XB", "consultation-proposal", &ANOTHER.replace(PARTIES, alone));
    assert_eq!(shown(&scene), Opening::Unknown);
    reply(&mut scene, "IC", "ACCEPT");
    assert_eq!(shown(&scene), Opening::Unknown);
}

#[test]
fn a_power_of_what_is_open_is_put_out_by_no_proposal_that_it_did_not_accept_or_that_leaves_it_out() {
    let without_xa = r#"[{ ministry = "IC", roles = ["RECEIVING_POWER"] },
        { ministry = "XB", roles = ["DETAINING_POWER"] }]"#;
    let mut scene = behind_the_back_of_xa(without_xa);
    reply(&mut scene, "IC", "ACCEPT");
    assert!(is_who_it_was(&scene), "those who are left out did not accept it");
    reply(&mut scene, "XA", "ACCEPT");
    assert!(is_who_it_was(&scene), "whom a proposal does not name it cannot be put to");
    // Named as one who looks on, XA is still asked.
    let looking_on = r#"[{ ministry = "IC", roles = ["RECEIVING_POWER"] },
        { ministry = "XA", roles = ["INTERMEDIARY"] }, { ministry = "XB", roles = ["DETAINING_POWER"] }]"#;
    let mut scene = behind_the_back_of_xa(looking_on);
    reply(&mut scene, "IC", "ACCEPT");
    assert!(is_who_it_was(&scene));
    reply(&mut scene, "XA", "ACCEPT");
    let observer = scene.asks(|past, _, _| is_observer(past, &ministry("XA")));
    assert!(observer && shown(&scene) == Opening::Open, "it accepted to look on");
}

#[test]
fn a_proposal_that_is_dated_before_what_its_sender_knew_does_not_come_before_it() {
    let without_xa = r#"[{ ministry = "IC", roles = ["RECEIVING_POWER"] },
        { ministry = "XB", roles = ["DETAINING_POWER"] }]"#;
    let mut scene = Scene::opened();
    scene.set_back(DAY);
    scene.knowing(&crate::consultation::registered::Marks::default());
    scene.say("XB", "consultation-proposal", &ANOTHER.replace(PARTIES, without_xa));
    reply(&mut scene, "IC", "ACCEPT");
    scene.wait(DAY);
    assert!(is_who_it_was(&scene));
}

#[test]
fn whoever_is_no_party_and_was_invited_observes() {
    let observes = |scene: &Scene, code: &str| scene.asks(|past, _, _| is_observer(past, &ministry(code)));
    let invitation = r#"party = "XN"
        role = "NEUTRAL_POWER"
        scope = ["HANDOVER"]
        persons = []
        start_time = "2026-11-22T00:00:00Z"
        end_time = "2027-11-22T00:00:00Z""#;
    let mut scene = Scene::opened();
    assert!(!observes(&scene, "XN"));
    scene.against(Rule::Obs04);
    scene.say("XB", "observer-invitation", invitation);
    assert!(!observes(&scene, "XN"), "an invitation that does not stand");
    scene.say("XB", "observer-invitation", invitation);
    assert!(observes(&scene, "XN"));
    // A party is what it is, whatever it is invited to.
    scene.say("XB", "observer-invitation", &invitation.replace("XN", "XA"));
    assert!(!observes(&scene, "XA"));
}

const PARTIES: &str =
    r#"[{ ministry = "XA", roles = ["DETAINING_POWER"] }, { ministry = "XB", roles = ["RECEIVING_POWER"] }]"#;

const ANOTHER: &str = r#"
    consultation = "C-3HN8-ZC6V-5JF2"
    subject = "Another one"
    parties = [{ ministry = "XA", roles = ["DETAINING_POWER"] }, { ministry = "XB", roles = ["RECEIVING_POWER"] }]
    open_until_time = "2026-12-02T10:00:00Z""#;
