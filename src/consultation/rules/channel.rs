//! CHN: what the desk sees of the channel. Sequence, duplicates and the sender's TLS name are judged by the
//! gateways.

use std::time::Duration;

use crate::consultation::act::{Act, ActKind};
use crate::consultation::charter::beyond_bounds;
use crate::consultation::rules::judgement::Judgement;
use crate::consultation::rules::{Findings, Rule};
use crate::consultation::state::saying;
use crate::limits;
use crate::message::terms::ActClass;

/// In what steps releases are written.
const MINUTE: Duration = Duration::from_secs(60);

pub(super) fn judge(judgement: &Judgement<'_>, findings: &mut Findings) {
    known(judgement, findings);
    sender(judgement, findings);
    times(judgement, findings);
    order(judgement, findings);
    charter(judgement, findings);
    bounds(judgement, findings);
}

fn known(judgement: &Judgement<'_>, findings: &mut Findings) {
    let address = judgement.address;
    let Some(channel) = judgement.channel.filter(|channel| channel.channel == address.channel) else {
        let (message, hint) = match judgement.channel {
            None => ("no such channel is accredited", "accredit the peer first"),
            Some(_) => (
                "the consultation is held on another channel",
                "leave the channel out, or begin a consultation of its own",
            ),
        };
        findings.add(Rule::Chn01, "address.channel", message, hint);
        return;
    };
    if !channel.parties.contains(&address.sender) {
        findings.add(
            Rule::Chn01,
            "address.sender",
            "the sender is no party to the channel",
            "write as a party",
        );
    }
    for (index, addressee) in address.addressees.iter().enumerate() {
        if !channel.parties.contains(&addressee.ministry) {
            let field = format!("address.addressees[{index}]");
            let message = "the addressee is no party to the channel";
            findings.add(Rule::Chn01, field, message, "address parties of the channel only");
        }
    }
    if channel.suspended {
        let hint = "wait until the channel is resumed, or use another way";
        findings.add(Rule::Chn02, "address.channel", "the channel is suspended", hint);
    }
}

fn sender(judgement: &Judgement<'_>, findings: &mut Findings) {
    let sender = &judgement.address.sender;
    for (index, expected) in judgement.dispatch.authentications.iter().enumerate() {
        if expected.credential.ministry() != sender {
            let field = format!("dispatch.authentications[{index}].credential");
            let message = "an office of another ministry signs for the sender";
            findings.add(Rule::Chn03, field, message, "have an office of the sender sign");
        }
    }
}

fn times(judgement: &Judgement<'_>, findings: &mut Findings) {
    let Some(position) = judgement.position else { return };
    if position.valid_until < judgement.at {
        let hint = "release it again with a later end of validity";
        findings.add(Rule::Chn06, "position.valid_until_time", "the message was no longer valid", hint);
    }
    if position.release_time > judgement.at.after(limits::CLOCK_SKEW_MAX) {
        let hint = "correct the clock of the sending registry";
        findings.add(Rule::Chn08, "position.release_time", "the message is dated into the future", hint);
    }
}

/// CHN-09: whoever declares to have known an act speaks after it, whatever a clock says. Clocks may differ as far as
/// gateways admit, and releases are written in whole minutes. Letters change no state, and one may have taken the
/// number of an act that was given up long after the next was released.
fn order(judgement: &Judgement<'_>, findings: &mut Findings) {
    let Some(past) = judgement.past else { return };
    // A past is in the order of release.
    let Some(last) = past.acts().rfind(|one| one.class != ActClass::Correspondence) else { return };
    if judgement.release_time().after(limits::CLOCK_SKEW_MAX.saturating_add(MINUTE)) < last.released {
        let message = format!("it is dated before an act of {} that it declares to have known", last.sender);
        findings.add(Rule::Chn09, "position.release_time", message, Rule::Chn09.cure());
    }
}

/// CHN-07: the reply to a charter repeats what was proposed. That the fingerprints were confirmed it cannot leave out.
fn charter(judgement: &Judgement<'_>, findings: &mut Findings) {
    let Act::ChannelCharterNote(note) = judgement.act else { return };
    let Some(proposed) = note.proposal_terms_sha256 else { return };
    let mut add = |message: &str| {
        findings.add(Rule::Chn07, "act.proposal_terms_sha256", message, Rule::Chn07.cure());
    };
    if note.terms.digest() != proposed {
        add("the terms are not those that it says were proposed");
    } else if let Some(past) = judgement.past {
        let mut proposals = saying!(past.of_kind(ActKind::ChannelCharterNote), ChannelCharterNote);
        let is_it = |act: &crate::consultation::acts::channel::ChannelCharterNote| {
            !act.is_reply && act.terms.digest() == proposed
        };
        if !proposals.any(|(one, act)| one.sender != judgement.address.sender && is_it(act)) {
            add("nobody else proposed these terms");
        }
    }
}

/// CHN-10: what two Powers agree on, the prisoner has not agreed on.
fn bounds(judgement: &Judgement<'_>, findings: &mut Findings) {
    let Act::ChannelCharterNote(note) = judgement.act else { return };
    for (field, message) in beyond_bounds(&note.terms) {
        findings.add(Rule::Chn10, format!("act.terms.{field}"), message, Rule::Chn10.cure());
    }
}

#[cfg(test)]
mod tests {
    use crate::consultation::rules::Rule;
    use crate::consultation::rules::samples::{Sample, ministry};
    use crate::trust::name::Name;
    use std::time::Duration;

    #[test]
    fn chn_01_the_channel_is_known_and_both_ends_are_parties() {
        Sample::position().passes(Rule::Chn01);
        Sample::position().with(|s| s.channel = None).finds(Rule::Chn01, "address.channel");
        let other =
            |s: &mut Sample| s.channel.as_mut().unwrap().parties = vec![ministry("XA"), ministry("XN")];
        Sample::position().with(other).finds(Rule::Chn01, "address.addressees[0]");
        let foreign = |s: &mut Sample| s.address.sender = ministry("XC");
        Sample::position().with(foreign).finds(Rule::Chn01, "address.sender");
    }

    #[test]
    fn chn_02_a_suspended_channel_carries_nothing() {
        Sample::position().passes(Rule::Chn02);
        let suspend = |s: &mut Sample| s.channel.as_mut().unwrap().suspended = true;
        Sample::position().with(suspend).finds(Rule::Chn02, "address.channel");
    }

    #[test]
    fn chn_03_offices_of_other_ministries_do_not_sign() {
        Sample::position().passes(Rule::Chn03);
        let foreign = Name::parse("chancery://XC/office/seal").unwrap();
        let forge = |s: &mut Sample| s.dispatch.authentications[1].credential = foreign.clone();
        Sample::position().with(forge).finds(Rule::Chn03, "dispatch.authentications[1].credential");
    }

    #[test]
    fn chn_06_and_08_the_message_is_of_its_time() {
        Sample::position().passes(Rule::Chn06);
        Sample::position().passes(Rule::Chn08);
        let late = |s: &mut Sample| s.at = s.position.valid_until.after(Duration::from_secs(1));
        Sample::position().with(late).finds(Rule::Chn06, "position.valid_until_time");
        let early = |seconds| {
            move |s: &mut Sample| s.at = s.position.release_time.before(Duration::from_secs(seconds))
        };
        Sample::position().with(early(300)).passes(Rule::Chn08);
        Sample::position().with(early(301)).finds(Rule::Chn08, "position.release_time");
    }

    #[test]
    fn chn_09_nothing_is_released_before_what_it_declares_to_have_known() {
        use crate::consultation::rules::drafts::Draft;
        use crate::consultation::rules::scenes::Case;
        use crate::consultation::state::samples::{DAY, Scene};
        let mut scene = Scene::ready();
        let hold = scene.say("XB", "hold-notice", "persons = [\"P1\"]\nreason = \"SECURITY\"");
        scene.wait(DAY);
        let fields = "persons = []\nparty_to_gc3 = true\nassurances = [\"MEDICAL_CARE\"]";
        scene.say("XA", "assurances", fields);
        let release = format!("hold_message = \"{hold}\"\nreason = \"settled\"");
        let says = |kind: &str, fields: &str, early: u64| {
            let back = move |draft: &mut Draft| {
                draft.position.release_time = draft.position.release_time.before(Duration::from_secs(early));
            };
            Case::new(&scene, "XB", kind, fields).with(back)
        };
        // A scene goes on by a minute with every act.
        says("hold-release", &release, 7 * 60).passes();
        says("hold-release", &release, 9 * 60).fails("CHN_09");
        let unaware = |draft: &mut Draft| draft.dispatch.basis.retain(|one| one.ministry == ministry("XB"));
        let (own, hidden) = (2 * DAY, says("hold-release", &release, DAY / 2).with(unaware));
        assert!(!hidden.errors().contains("CHN_09"), "{}", hidden.errors());
        let before_its_own = says("hold-release", &release, own).with(unaware);
        assert!(before_its_own.errors().contains("CHN_09"), "{}", before_its_own.errors());
        // What stands in for an act that was given up bears its number and a later time.
        let mut filled = Scene::ready();
        filled.wait(DAY);
        filled.say("XB", "correspondence", "subject = \"Number left out\"");
        filled.set_back(DAY);
        Case::new(&filled, "XB", "will-indication", "person = \"P1\"\nsource = \"FAMILY\"")
            .silent(Rule::Chn09);
        says("will-withdrawal", "person = \"P1\"", own).passes();
        says("will-withdrawal", "person = \"P1\"", own).warns(Rule::Chn09);
    }

    #[test]
    fn chn_07_a_charter_is_concluded_in_the_terms_that_were_proposed() {
        use crate::consultation::act::Act;
        use crate::consultation::rules::scenes::Case;
        use crate::consultation::state::samples::{Scene, act};
        let note = charter_note;
        let Act::ChannelCharterNote(proposed) = act("channel-charter-note", &note("false")) else { panic!() };
        let reply = |digest: String| {
            note(&format!(
                "true\nproposal_terms_sha256 = \"{digest}\"\nfingerprint_confirmation = \"bag 42\""
            ))
        };
        let mut scene = Scene::opened();
        scene.say("XA", "channel-charter-note", &note("false"));
        let answers =
            |scene: &Scene, digest: String| Case::new(scene, "XB", "channel-charter-note", &reply(digest));
        answers(&scene, proposed.terms.digest().hex()).passes();
        answers(&scene, crate::digest::Digest::of(b"other").hex()).fails("CHN_07");
        answers(&Scene::opened(), proposed.terms.digest().hex()).fails("CHN_07");
    }

    fn charter_note(reply: &str) -> String {
        format!(
            r#"is_reply = {reply}
            [terms]
            channel = "ch-0123456789abcdef"
            parties = ["XA", "XB"]
            ceiling = "RESTRICTED"
            working_languages = ["ko", "en"]
            prevailing_language = "en"
            go_no_go_window = "60m"
            root_key_fingerprints = ["{}", "{}"]
            erasure_after_closure = "730d"
            [terms.will_policy]
            validity = "90d"
            reconfirm_before_handover = "72h"
            cooling_off = "24h"
            min_witnesses = 2
            min_neutral_witnesses = 1"#,
            crate::digest::Digest::of(b"a").hex(),
            crate::digest::Digest::of(b"b").hex(),
        )
    }

    #[test]
    fn chn_10_no_charter_undoes_what_protects_a_person() {
        use crate::consultation::rules::scenes::Case;
        use crate::consultation::state::samples::Scene;
        let proposes = |fields: &str| Case::new(&Scene::opened(), "XA", "channel-charter-note", fields);
        let usual = charter_note("false");
        proposes(&usual).silent(Rule::Chn10);
        for (within, beyond) in [
            ("validity = \"180d\"", "validity = \"181d\""),
            ("reconfirm_before_handover = \"7d\"", "reconfirm_before_handover = \"8d\""),
            ("cooling_off = \"1h\"", "cooling_off = \"59m\""),
            ("min_witnesses = 2", "min_witnesses = 1"),
            ("go_no_go_window = \"6h\"", "go_no_go_window = \"7h\""),
        ] {
            let name = within.split(' ').next().unwrap();
            let with = |line: &str| -> String {
                let is_it = |old: &&str| old.trim().starts_with(&format!("{name} ="));
                let lines = usual.lines().map(|old| if is_it(&old) { line } else { old });
                lines.collect::<Vec<_>>().join("\n")
            };
            proposes(&with(within)).silent(Rule::Chn10);
            let errors = proposes(&with(beyond)).errors();
            assert!(errors.contains("CHN_10"), "{beyond}: {errors}");
        }
    }
}
