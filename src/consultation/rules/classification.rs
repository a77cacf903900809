//! CLS: level, releasability and what binds the originator.

use crate::consultation::rules::judgement::Judgement;
use crate::consultation::rules::{Findings, Rule};
use crate::message::terms::{Caveat, Level};

/// What CLS-04 finds.
pub(super) const ONWARD: &str = "it would disclose onward what its originator controls";

/// What CLS-06 finds.
pub(super) const DOWNGRADED: &str = "a document of another originator would be downgraded";

pub(super) fn judge(judgement: &Judgement<'_>, findings: &mut Findings) {
    ceiling(judgement, findings);
    releasability(judgement, findings);
    marking(judgement, findings);
    originator_control(judgement, findings);
    quoted_level(judgement, findings);
}

fn ceiling(judgement: &Judgement<'_>, findings: &mut Findings) {
    // A desk without a policy for the channel has the charter.
    let ceiling = judgement.channel.map_or(judgement.charter.ceiling, |channel| channel.ceiling);
    // Both places are judged: a dispatch above the ceiling is no better for a header below it.
    let level = judgement.address.level.max(judgement.dispatch.marking.level);
    if level > ceiling {
        let message = format!("the level is above {ceiling}, the ceiling of the channel");
        let hint = "send it by a way accredited for that level, or leave out what needs the level";
        findings.add(Rule::Cls01, "address.level", message, hint);
    }
}

fn releasability(judgement: &Judgement<'_>, findings: &mut Findings) {
    let address = judgement.address;
    for (index, addressee) in address.addressees.iter().enumerate() {
        if !address.releasable_to.contains(&addressee.ministry) {
            let field = format!("address.addressees[{index}]");
            let hint = "add the ministry to releasable_to, or do not address it";
            findings.add(Rule::Cls02, field, "the addressee is not among those it may be released to", hint);
        }
    }
}

fn marking(judgement: &Judgement<'_>, findings: &mut Findings) {
    let (address, marking) = (judgement.address, &judgement.dispatch.marking);
    if address.level != marking.level {
        let hint = "state one level in header and marking";
        findings.add(
            Rule::Cls03,
            "dispatch.marking.level",
            "header and marking state different levels",
            hint,
        );
    }
    let field = "dispatch.marking.national_label";
    if marking.level > Level::Unclassified && marking.national_label.is_empty() {
        findings.add(Rule::Cls03, field, "the sender's own word for the level is missing", "state it");
    }
    let agreed = judgement.charter.label(&address.sender, marking.level);
    // The word of the level itself says the same to everybody: an office that cannot read the charter writes that.
    let said = [agreed.unwrap_or_default(), marking.level.word(), ""];
    if agreed.is_some() && !said.contains(&marking.national_label.as_str()) {
        let hint = "use the word that the charter lists for the level, or that of the level itself";
        findings.add(
            Rule::Cls03,
            field,
            "the word is not the one that the charter lists for the level",
            hint,
        );
    }
}

fn originator_control(judgement: &Judgement<'_>, findings: &mut Findings) {
    let address = judgement.address;
    for earlier in judgement.quoted() {
        if earlier.originator == address.sender || !earlier.caveats.contains(&Caveat::OriginatorControl) {
            continue;
        }
        if !earlier.was_told_to_all_of(address) {
            findings.add(Rule::Cls04, "address.releasable_to", ONWARD, Rule::Cls04.cure());
        }
    }
}

fn quoted_level(judgement: &Judgement<'_>, findings: &mut Findings) {
    let level = judgement.dispatch.marking.level;
    for earlier in judgement.quoted().filter(|earlier| level < earlier.level) {
        let message = format!("it answers or annexes what is marked {}", earlier.level);
        findings.add(Rule::Cls05, "dispatch.marking.level", message, Rule::Cls05.cure());
        if judgement.annexes(earlier) {
            findings.add(Rule::Cls06, "dispatch.documents", DOWNGRADED, Rule::Cls06.cure());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consultation::rules::Severity;
    use crate::consultation::rules::samples::{Sample, earlier, ministry};
    use crate::message::header::Addressee;
    use crate::message::terms::AddresseeKind;

    #[test]
    fn cls_01_nothing_above_the_ceiling() {
        Sample::position().passes(Rule::Cls01);
        Sample::position().with(|s| s.address.level = Level::Secret).finds(Rule::Cls01, "address.level");
        Sample::position()
            .with(|s| s.dispatch.marking.level = Level::Secret)
            .finds(Rule::Cls01, "address.level");
    }

    #[test]
    fn cls_02_addressees_are_among_those_it_may_be_released_to() {
        Sample::position().passes(Rule::Cls02);
        let third = Addressee { ministry: ministry("XC"), kind: AddresseeKind::Info };
        let add = |s: &mut Sample| s.address.addressees.push(third.clone());
        Sample::position().with(add).finds(Rule::Cls02, "address.addressees[1]");
    }

    #[test]
    fn cls_03_header_and_marking_state_one_level_in_the_agreed_word() {
        Sample::position().passes(Rule::Cls03);
        let field = "dispatch.marking.national_label";
        Sample::position()
            .with(|s| s.address.level = Level::Unclassified)
            .finds(Rule::Cls03, "dispatch.marking.level");
        Sample::position().with(|s| s.dispatch.marking.national_label.clear()).finds(Rule::Cls03, field);
        let other = |s: &mut Sample| s.dispatch.marking.national_label = "SECRET".to_owned();
        Sample::position().with(other).finds(Rule::Cls03, field);
    }

    #[test]
    fn cls_03_the_word_of_the_level_itself_will_do_for_an_office_that_cannot_read_the_charter() {
        let plain = |s: &mut Sample| s.dispatch.marking.national_label = "RESTRICTED".to_owned();
        Sample::position().with(plain).passes(Rule::Cls03);
        let of_another = |s: &mut Sample| s.dispatch.marking.national_label = "CONFIDENTIAL".to_owned();
        Sample::position().with(of_another).finds(Rule::Cls03, "dispatch.marking.national_label");
    }

    #[test]
    fn cls_04_what_the_originator_controls_goes_no_further() {
        let mut controlled = earlier("XB", Level::Restricted);
        controlled.caveats.push(Caveat::OriginatorControl);
        let reply = |s: &mut Sample| {
            s.dispatch.in_reply_to = Some(controlled.message_id);
            s.earlier.push(controlled.clone());
        };
        Sample::position().with(reply).passes(Rule::Cls04);
        let onward = |s: &mut Sample| s.address.releasable_to.push(ministry("XN"));
        Sample::position().with(onward).passes(Rule::Cls04);
        Sample::position().with(reply).with(onward).finds(Rule::Cls04, "address.releasable_to");
        let released = |s: &mut Sample| s.earlier[0].releasable_to.push(ministry("XN"));
        Sample::position().with(reply).with(onward).with(released).passes(Rule::Cls04);
        let own = |s: &mut Sample| s.earlier[0].originator = ministry("XA");
        Sample::position().with(reply).with(onward).with(own).passes(Rule::Cls04);
    }

    #[test]
    fn cls_04_a_paper_goes_where_its_originator_last_released_it_whoever_else_sent_it() {
        let carried =
            |name: &'static str, originator: &'static str, releasable_to: &'static [&'static str]| {
                move |s: &mut Sample| {
                    let mut message = earlier(originator, Level::Restricted);
                    message.dispatch_digest = crate::digest::Digest::of(name.as_bytes());
                    message.caveats.push(Caveat::OriginatorControl);
                    message.releasable_to = releasable_to.iter().map(|code| ministry(code)).collect();
                    message.documents.push(s.dispatch.documents[0].digest);
                    s.earlier.push(message);
                }
            };
        let onward = |s: &mut Sample| s.address.releasable_to.push(ministry("XN"));
        let (narrow, wide) = (["XA", "XB"].as_slice(), ["XA", "XB", "XN"].as_slice());
        let paper = || Sample::position().with(carried("first", "XB", narrow)).with(onward);
        paper().finds(Rule::Cls04, "address.releasable_to");
        paper().with(carried("again", "XB", wide)).passes(Rule::Cls04);
        paper().with(carried("of another", "XN", wide)).finds(Rule::Cls04, "address.releasable_to");
        // What this ministry sent first is its own, though it was sent back under control.
        let own = Sample::position().with(carried("own", "XA", narrow)).with(onward);
        own.with(carried("back", "XB", narrow)).passes(Rule::Cls04);
    }

    #[test]
    fn cls_05_a_reply_is_not_below_what_it_answers() {
        let secret = earlier("XA", Level::Confidential);
        let know = |s: &mut Sample| s.earlier.push(secret.clone());
        Sample::position().with(know).passes(Rule::Cls05);
        let reply = |s: &mut Sample| s.dispatch.in_reply_to = Some(secret.message_id);
        Sample::position().with(know).with(reply).finds(Rule::Cls05, "dispatch.marking.level");
    }

    #[test]
    fn cls_06_only_the_originator_lowers_the_level_of_a_document() {
        let annex = |originator: &'static str| {
            move |s: &mut Sample| {
                let mut original = earlier(originator, Level::Confidential);
                original.documents.push(s.dispatch.documents[0].digest);
                s.earlier.push(original);
            }
        };
        Sample::position().with(annex("XA")).passes(Rule::Cls06);
        Sample::position().with(annex("XA")).passes(Rule::Cls05);
        Sample::position().with(annex("XB")).finds(Rule::Cls05, "dispatch.marking.level");
        Sample::position().with(annex("XB")).finds(Rule::Cls06, "dispatch.documents");
    }

    #[test]
    fn a_protective_act_is_told_what_it_answers_or_annexes_and_stopped_by_none_of_it() {
        let mut secret = earlier("XB", Level::Confidential);
        secret.caveats.push(Caveat::OriginatorControl);
        let quotes = |s: &mut Sample| {
            secret.documents.push(s.dispatch.documents[0].digest);
            s.dispatch.in_reply_to = Some(secret.message_id);
            s.address.releasable_to.push(ministry("XN"));
            s.earlier.push(secret);
        };
        let withdrawal = Sample::withdrawal().with(quotes);
        withdrawal.warns(Rule::Cls04, "address.releasable_to");
        withdrawal.warns(Rule::Cls05, "dispatch.marking.level");
        withdrawal.warns(Rule::Cls06, "dispatch.documents");
        // Its own level is its sender's to choose.
        let above = Sample::withdrawal().with(|s| s.address.level = Level::Secret).judge();
        assert!(above.iter().any(|one| one.rule == Rule::Cls01 && one.severity == Severity::Error));
    }
}
