//! PRE: how urgently an act may and must go, and of what it is said that nobody acknowledged it. What must go faster is
//! only said, because nothing holds up an act that protects.

use std::time::Duration;

use crate::consultation::act::Act;
use crate::consultation::rules::judgement::Judgement;
use crate::consultation::rules::{Findings, Rule};
use crate::consultation::state::{acknowledgement, commitments};
use crate::consultation::words::Urgency;
use crate::message::terms::{ActClass, Precedence};

/// A window this near makes a withdrawal or a hold FLASH: nobody may read it after the convoy left.
const NEAR: Duration = Duration::from_secs(72 * 60 * 60);

pub(super) fn judge(judgement: &Judgement<'_>, findings: &mut Findings) {
    claimed(judgement, findings);
    if judgement.act.class() == ActClass::Protective {
        urgent(judgement, findings);
    }
    unacknowledged(judgement, findings);
}

/// FLASH passes a suspended channel, so nothing but what protects a person may claim it.
fn claimed(judgement: &Judgement<'_>, findings: &mut Findings) {
    let permitted = judgement.act.act_kind().specification().precedences;
    let claimed = judgement.address.precedence;
    if claimed == Precedence::Flash && !permitted.contains(&claimed) {
        let message = "FLASH is claimed for an act that is no withdrawal, hold or notice of death";
        findings.add(Rule::Pre01, "address.precedence", message, Rule::Pre01.cure());
    }
}

fn urgent(judgement: &Judgement<'_>, findings: &mut Findings) {
    let claimed = judgement.address.precedence;
    if claimed < Precedence::Immediate {
        let message = "a protective act is below IMMEDIATE";
        findings.add(Rule::Pre02, "address.precedence", message, Rule::Pre02.cure());
    } else if claimed < Precedence::Flash && stops(judgement.act) && handover_is_near(judgement) {
        let message = "a handover of the person is near, and the act is below FLASH";
        findings.add(Rule::Pre02, "address.precedence", message, Rule::Pre02.cure());
    }
}

const fn stops(act: &Act) -> bool {
    matches!(act, Act::WillWithdrawal(_) | Act::HoldNotice(_))
}

fn handover_is_near(judgement: &Judgement<'_>) -> bool {
    let (Some(past), at) = (judgement.past, judgement.release_time()) else { return false };
    judgement.act.persons().iter().any(|person| {
        commitments::arrangements_of(past, person).iter().any(|arranged| {
            at <= arranged.act.window_end_time && arranged.act.window_start_time <= at.after(NEAR)
        })
    })
}

/// PRE-03 and PRE-04: of a message that is not in the declared past, because it went to some Powers only, no more can
/// be told than that its time is over.
fn unacknowledged(judgement: &Judgement<'_>, findings: &mut Findings) {
    let Act::NonAcknowledgement(act) = judgement.act else { return };
    let hint = Rule::Pre03.cure();
    // A header states its release to the minute.
    if judgement.release_time().minute() <= act.due_time {
        findings.add(Rule::Pre03, "act.due_time", "its time to be acknowledged is not over", hint);
    }
    let Some(past) = judgement.past else { return };
    let Some(named) = past.find(act.act()) else {
        let message = "it names no message that its sender declares to have known";
        findings.warn(Rule::Pre03, "act.dispatch_digest", message, hint);
        return;
    };
    let wrong = [
        ("act.dispatch_digest", named.sender != judgement.address.sender, "the message is another sender's"),
        (
            "act.addressee",
            !named.addressees.contains(&act.addressee),
            "the message did not go to this ministry",
        ),
        ("act.precedence", named.precedence != borne(act.precedence), "the message bore another precedence"),
        (
            "act.due_time",
            // Later where its sender owed it before it went, which receipts prove and acts do not.
            acknowledgement::due(named, judgement.charter).is_none_or(|due| act.due_time < due),
            "the message was not due so early",
        ),
    ];
    for (field, _, message) in wrong.into_iter().filter(|(_, is_wrong, _)| *is_wrong) {
        findings.add(Rule::Pre03, field, message, hint);
    }
    if acknowledgement::is_known_acknowledged(past, named, &act.addressee) {
        let message = "the message was acknowledged";
        findings.add(Rule::Pre04, "act.dispatch_digest", message, Rule::Pre04.cure());
    }
}

const fn borne(urgency: Urgency) -> Precedence {
    match urgency {
        Urgency::Immediate => Precedence::Immediate,
        Urgency::Flash => Precedence::Flash,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::consultation::rules::Rule;
    use crate::consultation::rules::drafts::Draft;
    use crate::consultation::rules::samples::Sample;
    use crate::consultation::rules::scenes::Case;
    use crate::consultation::state::samples::{DAY, Scene};
    use crate::message::terms::Precedence;

    #[test]
    fn pre_01_flash_is_for_protective_acts() {
        Sample::position().passes(Rule::Pre01);
        let flash = |s: &mut Sample| s.address.precedence = Precedence::Flash;
        Sample::position().with(flash).finds(Rule::Pre01, "address.precedence");
        Sample::withdrawal().passes(Rule::Pre01);
    }

    #[test]
    fn pre_02_protective_acts_are_at_least_immediate_and_flash_near_a_handover() {
        let at = |precedence| move |draft: &mut Draft| draft.address.precedence = precedence;
        let withdrawal = |scene: &Scene| Case::new(scene, "XB", "will-withdrawal", "person = \"P1\"");
        withdrawal(&Scene::agreed()).with(at(Precedence::Immediate)).silent(Rule::Pre02);
        withdrawal(&Scene::agreed()).with(at(Precedence::Routine)).warns(Rule::Pre02);
        withdrawal(&Scene::arranged()).with(at(Precedence::Immediate)).warns(Rule::Pre02);
        withdrawal(&Scene::arranged()).with(at(Precedence::Immediate)).passes();
        withdrawal(&Scene::arranged()).with(at(Precedence::Flash)).silent(Rule::Pre02);
        let mut over = Scene::arranged();
        over.wait(9 * DAY);
        withdrawal(&over).with(at(Precedence::Immediate)).silent(Rule::Pre02);
    }

    const MINUTE: u64 = 60;

    fn silence(of: &str, precedence: &str, due: &str, addressee: &str) -> String {
        format!(
            "message_id = \"{of}\"\ndispatch_digest = \"{of}\"\nprecedence = \"{precedence}\"\ndue_time = \"{due}\"\n\
             addressee = \"{addressee}\""
        )
    }

    /// A FLASH of XB whose time is over, its reference and when it was due.
    fn unanswered() -> (Scene, String, String) {
        let mut scene = Scene::ready();
        scene.urge(Precedence::Flash);
        let due = scene.at().after(Duration::from_secs(30 * MINUTE)).to_string();
        let flash = scene.say("XB", "will-withdrawal", "person = \"P1\"");
        scene.urge(Precedence::Routine);
        scene.wait(30 * MINUTE);
        (scene, flash, due)
    }

    #[test]
    fn pre_03_a_non_acknowledgement_comes_after_the_time_is_over() {
        let (scene, flash, due) = unanswered();
        let case = |scene: &Scene| {
            Case::new(scene, "XB", "non-acknowledgement", &silence(&flash, "FLASH", &due, "XA"))
        };
        case(&scene).passes();
        case(&scene).silent(Rule::Pre03);
        let at = crate::time::Timestamp::parse(&due).unwrap();
        case(&scene).with(|draft| draft.position.release_time = at).fails("PRE_03");
        let seconds_after = at.after(Duration::from_secs(MINUTE - 1));
        case(&scene).with(|draft| draft.position.release_time = seconds_after).fails("PRE_03");
    }

    #[test]
    fn pre_03_it_names_an_urgent_message_of_its_sender_as_it_was() {
        let (mut scene, flash, due) = unanswered();
        let case = |scene: &Scene, sender: &str, fields: &str| {
            Case::new(scene, sender, "non-acknowledgement", fields)
        };
        case(&scene, "XA", &silence(&flash, "FLASH", &due, "IC")).fails("PRE_03");
        case(&scene, "XB", &silence(&flash, "IMMEDIATE", &due, "XA")).fails("PRE_03");
        case(&scene, "XB", &silence(&flash, "FLASH", &due, "XN")).fails("PRE_03");
        let earlier = "2026-11-22T10:00:00Z";
        case(&scene, "XB", &silence(&flash, "FLASH", earlier, "XA")).fails("PRE_03");
        // What went long after its release is due later, and nobody is called silent before that is over.
        let at = crate::time::Timestamp::parse(&due).unwrap().after(Duration::from_secs(20 * MINUTE));
        let later = silence(&flash, "FLASH", &at.to_string(), "XA");
        case(&scene, "XB", &later).fails("PRE_03");
        scene.wait(21 * MINUTE);
        case(&scene, "XB", &later).passes();
        let unknown = crate::digest::Digest::of(b"nothing").hex();
        case(&scene, "XB", &silence(&unknown, "FLASH", &due, "XA")).warns(Rule::Pre03);
        scene.urge(Precedence::Immediate);
        let due_again = scene.at().after(Duration::from_secs(120 * MINUTE)).to_string();
        let own = scene.say("XB", "non-acknowledgement", &silence(&flash, "FLASH", &due, "XA"));
        scene.wait(121 * MINUTE);
        case(&scene, "XB", &silence(&own, "IMMEDIATE", &due_again, "XA")).fails("PRE_03");
    }

    #[test]
    fn pre_04_what_is_known_to_be_acknowledged_is_not_called_unacknowledged() {
        let (mut scene, flash, due) = unanswered();
        let case = |scene: &Scene, addressee: &str| {
            Case::new(scene, "XB", "non-acknowledgement", &silence(&flash, "FLASH", &due, addressee))
        };
        let receipt = format!(
            "message_id = \"{flash}\"\ndispatch_digest = \"{flash}\"\nregistry_number = \"R-1\"\n\
             register_time = \"2026-11-22T10:00:00Z\"\nopened = true"
        );
        scene.say("XA", "registry-receipt", &receipt);
        case(&scene, "XA").fails("PRE_04");
        scene.say("IC", "hold-notice", "persons = [\"P1\"]");
        case(&scene, "IC").passes();
        scene.say("IC", "registry-receipt", &receipt);
        case(&scene, "IC").fails("PRE_04");
    }
}
