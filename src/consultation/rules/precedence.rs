//! PRE: how urgently an act may and must go. What must go faster is only said, because nothing holds up an act that
//! protects.

use std::time::Duration;

use crate::consultation::act::Act;
use crate::consultation::rules::judgement::Judgement;
use crate::consultation::rules::{Findings, Rule};
use crate::consultation::state::commitments;
use crate::message::terms::{ActClass, Precedence};

/// A window this near makes a withdrawal or a hold FLASH: nobody may read it after the convoy left.
const NEAR: Duration = Duration::from_secs(72 * 60 * 60);

pub(super) fn judge(judgement: &Judgement<'_>, findings: &mut Findings) {
    claimed(judgement, findings);
    if judgement.act.class() == ActClass::Protective {
        urgent(judgement, findings);
    }
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

#[cfg(test)]
mod tests {
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
}
