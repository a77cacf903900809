//! ROL-07 to ROL-09: what is countersigned, by whom, and that once is enough.
//!
//! An act that did not go to all Powers stands in nobody's declared past: of its countersignature this desk says that
//! it cannot tell, and holds nothing against it. What that one is worth, the state says of both together.

use crate::consultation::act::Act;
use crate::consultation::registered::Registered;
use crate::consultation::rules::judgement::Judgement;
use crate::consultation::rules::{Findings, Rule};
use crate::consultation::state::countersignature;

const FIELD: &str = "act.countersigns";

pub(super) fn judge(judgement: &Judgement<'_>, findings: &mut Findings) {
    let (Act::Countersignature(act), Some(past)) = (judgement.act, judgement.past) else { return };
    let Some(named) = past.find(act.countersigns) else {
        let message = "it names no act that its sender declares to have known";
        findings.warn(Rule::Rol07, FIELD, message, Rule::Rol07.cure());
        return;
    };
    let own = named.sender == judgement.address.sender;
    let Some(sent) = countersignature::of(past, named, judgement.charter).filter(|_| own) else {
        let message = "it names no protective act that one office of its ministry sent";
        findings.add(Rule::Rol07, FIELD, message, Rule::Rol07.cure());
        return;
    };
    if is_by_the_same_hand(judgement, named) {
        let message = "the office that sent the act countersigns it";
        findings.add(Rule::Rol08, "dispatch.authentications", message, Rule::Rol08.cure());
    }
    if sent.by.is_some() {
        findings.add(Rule::Rol09, FIELD, "the act was countersigned before", Rule::Rol09.cure());
    }
}

/// Whether an office that sent the act signs this too, under its own name or another one with the same key.
fn is_by_the_same_hand(judgement: &Judgement<'_>, named: &Registered) -> bool {
    let mut names = judgement.dispatch.authentications.iter().map(|expected| &expected.credential);
    let offices = judgement.authorities.into_iter().flat_map(|facts| &facts.offices);
    let mut keys = offices.filter_map(|office| office.key);
    names.any(|name| named.signed_by.contains(name)) || keys.any(|key| named.hands.contains(&key))
}

#[cfg(test)]
mod tests {
    use crate::consultation::rules::Rule;
    use crate::consultation::rules::drafts::{Draft, office};
    use crate::consultation::rules::scenes::Case;
    use crate::consultation::state::samples::Scene;
    use crate::digest::Digest;
    use crate::message::terms::AuthenticationKind;

    fn names(act: &str) -> String {
        format!("countersigns = \"{act}\"")
    }

    /// A withdrawal of XB that the officer on duty sent, and its reference.
    fn withdrawn() -> (Scene, String) {
        let mut scene = Scene::ready();
        let withdrawal = scene.by("duty-01").say("XB", "will-withdrawal", "person = \"P1\"");
        (scene, withdrawal)
    }

    fn case(scene: &Scene, sender: &str, act: &str) -> Case {
        Case::new(scene, sender, "countersignature", &names(act))
    }

    #[test]
    fn rol_07_a_ministry_countersigns_its_own_protective_acts() {
        let (mut scene, withdrawal) = withdrawn();
        case(&scene, "XB", &withdrawal).passes();
        case(&scene, "XB", &withdrawal).silent(Rule::Rol07);
        case(&scene, "XA", &withdrawal).fails("ROL_07");
        let registered = scene.by("duty-01").say("XB", "case-registration", &registration("P2"));
        case(&scene, "XB", &registered).fails("ROL_07");
        let two = scene.by("duty-01").by("releasing-01").say("XB", "hold-notice", "persons = [\"P1\"]");
        case(&scene, "XB", &two).fails("ROL_07");
        case(&scene, "XB", &Digest::of(b"nothing").hex()).warns(Rule::Rol07);
    }

    #[test]
    fn rol_07_an_observer_countersigns_what_it_sent() {
        let mut scene = Scene::ready();
        let hold = scene.by("delegate").say("IC", "hold-notice", "persons = [\"P1\"]");
        case(&scene, "IC", &hold).passes();
    }

    #[test]
    fn rol_08_another_office_countersigns_than_the_one_that_sent_it() {
        let (scene, withdrawal) = withdrawn();
        let same = |d: &mut Draft| d.dispatch.authentications[0].credential = office("XB", "duty-01");
        case(&scene, "XB", &withdrawal).with(same).fails("ROL_08");
        let other_name = |d: &mut Draft| d.authorities.offices[0].key = Some(Digest::of(b"duty-01"));
        case(&scene, "XB", &withdrawal).with(other_name).fails("ROL_08");
        let other_hand = |d: &mut Draft| d.authorities.offices[0].key = Some(Digest::of(b"releasing-01"));
        case(&scene, "XB", &withdrawal).with(other_hand).silent(Rule::Rol08);
        case(&scene, "XB", &withdrawal).silent(Rule::Rol08);
    }

    #[test]
    fn rol_09_once_is_enough_and_what_did_not_stand_was_none() {
        let (mut scene, withdrawal) = withdrawn();
        scene.by("releasing-01").against(Rule::Rol02).say("XB", "countersignature", &names(&withdrawal));
        case(&scene, "XB", &withdrawal).passes();
        scene.by("releasing-01").say("XB", "countersignature", &names(&withdrawal));
        case(&scene, "XB", &withdrawal).fails("ROL_09");
    }

    #[test]
    fn a_countersignature_is_one_offices_initials_and_no_note_is() {
        let (scene, withdrawal) = withdrawn();
        let registry = |d: &mut Draft| d.dispatch.authentications[0].kind = AuthenticationKind::Registry;
        case(&scene, "XB", &withdrawal).with(registry).fails("FRM_01 ROL_02");
        let undrafted = |d: &mut Draft| d.authorities.drafter = None;
        case(&scene, "XB", &withdrawal).with(undrafted).passes();
    }

    fn registration(person: &str) -> String {
        crate::consultation::state::samples::case(person)
    }
}
