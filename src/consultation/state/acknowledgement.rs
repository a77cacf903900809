//! Urgent acts and whether the other side has them: what nobody acknowledged in time is an alarm on both sides.
//!
//! FLASH and IMMEDIATE are acknowledged by an answer to that very act, its registry receipt included, which the registry
//! sends once an officer read it. That later acts of the addressee declare to have known it is no answer: a desk declares
//! whatever it fetched, read or unread. For less urgent acts, which call for no receipt, that is enough. What a registry
//! sends by itself speaks of the one message that it answers, and of no other. Once the time is over, the sender signs
//! that it was not acknowledged; a late acknowledgement ends the alarm, and leaves that.
//!
//! All desks count from the release, which all of them know: whoever has an old FLASH is alarmed at once. What is signed
//! about it, and whom its sender calls late, is counted from when it went (`due_from`), which only its sender can tell.

use crate::consultation::act::ActKind;
use crate::consultation::acts::registry::NonAcknowledgement;
use crate::consultation::charter::Charter;
use crate::consultation::history::{History, Past, Thread, speaks_by_itself};
use crate::consultation::opaque;
use crate::consultation::registered::Registered;
use crate::consultation::state::saying;
use crate::message::terms::Precedence;
use crate::time::Timestamp;
use crate::trust::name::Ministry;

/// An act that an addressee has not acknowledged.
#[derive(Clone, Copy)]
pub struct Unacknowledged<'h> {
    /// The act.
    pub act: &'h Registered,
    /// Who is to acknowledge it.
    pub addressee: &'h Ministry,
    /// By when.
    pub due: Timestamp,
    /// What its sender signed about that, once the time was over.
    pub signed: Option<&'h Registered>,
}

opaque!(Unacknowledged<'_>);

impl Unacknowledged<'_> {
    /// Whether its time has passed.
    pub fn is_overdue(&self, at: Timestamp) -> bool {
        at > self.due
    }

    /// Whether that calls for an alarm: FLASH and IMMEDIATE do, PRIORITY is shown.
    pub fn is_alarming(&self, at: Timestamp) -> bool {
        self.is_overdue(at) && self.act.precedence >= Precedence::Immediate
    }

    /// By when it is due of an addressee to whom it went at this instant: what its sender still owed after its release is
    /// nobody else's delay.
    pub fn due_from(&self, went: Timestamp, charter: &Charter) -> Timestamp {
        let from_there = charter.acknowledgement(self.act.precedence).map(|time| went.minute().after(time));
        from_there.map_or(self.due, |due| due.max(self.due))
    }
}

/// Every urgent act that an addressee has not acknowledged, the first due first.
pub fn unacknowledged<'h>(history: &'h History, charter: &Charter) -> Vec<Unacknowledged<'h>> {
    let mut found = Vec::new();
    for act in history.urgent() {
        let Some(due) = due(act, charter) else { continue };
        let silent = act.addressees.iter().filter(|addressee| !has_acknowledged(history, act, addressee));
        found.extend(silent.map(|addressee| {
            let signed = signed(history, act, addressee);
            Unacknowledged { act, addressee, due, signed }
        }));
    }
    found.sort_by_key(|one| (one.due, one.act.order(), one.addressee));
    found
}

/// When the time to acknowledge an act is over; none where it calls for no acknowledgement. What a registry sends by
/// itself calls for none, however urgent it claims to be: two registries would answer each other for ever.
pub fn due(act: &Registered, charter: &Charter) -> Option<Timestamp> {
    if speaks_by_itself(act) {
        return None;
    }
    charter.acknowledgement(act.precedence).map(|time| act.released.after(time))
}

/// What the sender of an act signed about its not being acknowledged by this addressee.
pub fn signed<'h>(history: &'h History, act: &Registered, addressee: &Ministry) -> Option<&'h Registered> {
    let past = history.everything();
    let mut said = saying!(past.of_thread(&Thread::Answer(act.reference)), NonAcknowledgement);
    said.find(|(one, said)| one.sender == act.sender && said.addressee == *addressee).map(|(one, _)| one)
}

/// Non-acknowledgements of messages that are not here, until their addressee answers them: it may never have had those.
pub fn of_absent(history: &History) -> Vec<(&Registered, &NonAcknowledgement)> {
    let past = history.everything();
    let said = saying!(past.of_kind(ActKind::NonAcknowledgement), NonAcknowledgement);
    let absent = said.filter(|(_, said)| past.find(said.act()).is_none());
    absent.filter(|(one, said)| !has_acknowledged(history, one, &said.addressee)).collect()
}

/// Whether a past shows that an addressee acknowledged an act.
pub fn is_known_acknowledged(past: &Past<'_>, act: &Registered, addressee: &Ministry) -> bool {
    let mut answers = past.of_thread(&Thread::Answer(act.reference));
    let mut heard = past.of_sender(addressee).rev().filter(|one| !speaks_by_itself(one));
    answers.any(|answer| answer.sender == *addressee)
        || (!wants_an_answer(act) && heard.any(|one| one.knew(act)))
}

/// Whether nothing but an answer acknowledges an act.
fn wants_an_answer(act: &Registered) -> bool {
    act.precedence >= Precedence::Immediate && !speaks_by_itself(act)
}

/// Whether an addressee acknowledged an act.
pub fn has_acknowledged(history: &History, act: &Registered, addressee: &Ministry) -> bool {
    let heard =
        !wants_an_answer(act) && act.number > 0 && history.heard(addressee, &act.sender) >= act.number;
    let mut answers = history.everything().of_thread(&Thread::Answer(act.reference));
    heard || answers.any(|answer| answer.sender == *addressee)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consultation::acts::values::ActRef;
    use crate::consultation::state::samples::{Scene, ministry};
    use crate::digest::Digest;

    const MINUTE: u64 = 60;

    fn alarms(scene: &Scene) -> Vec<String> {
        let all = unacknowledged(scene.history(), scene.charter());
        let alarming = all.iter().filter(|one| one.is_alarming(scene.at()));
        alarming.map(|one| format!("{} by {}", one.act.kind, one.addressee)).collect()
    }

    #[test]
    fn a_flash_that_nobody_acknowledged_in_time_is_an_alarm_for_each_addressee() {
        let mut scene = Scene::opened();
        scene.urge(Precedence::Flash);
        let withdrawal = scene.say("XB", "will-withdrawal", "person = \"P1\"");
        scene.wait(29 * MINUTE);
        assert_eq!(alarms(&scene), Vec::<String>::new(), "to the second");
        scene.wait(1);
        assert_eq!(alarms(&scene), ["will-withdrawal by IC", "will-withdrawal by XA"]);
        scene.say_unnumbered("XA", "registry-receipt", &receipt(&withdrawal));
        assert_eq!(alarms(&scene), ["will-withdrawal by IC"]);
        scene.urge(Precedence::Routine);
        scene.say("IC", "will-indication", "person = \"P1\"\nsource = \"FAMILY\"");
        assert_eq!(scene.history().heard(&ministry("IC"), &ministry("XB")), scene.last("XB"));
        assert_eq!(
            alarms(&scene),
            ["will-withdrawal by IC"],
            "a desk declares what it fetched, read or unread"
        );
        scene.say_unnumbered("IC", "registry-receipt", &receipt(&withdrawal));
        assert_eq!(alarms(&scene), Vec::<String>::new());
    }

    #[test]
    fn what_is_less_urgent_is_acknowledged_by_any_act_that_knew_of_it() {
        let mut scene = Scene::opened();
        scene.urge(Precedence::Priority);
        scene.say("XB", "will-indication", "person = \"P1\"\nsource = \"FAMILY\"");
        scene.urge(Precedence::Routine);
        let silent = |scene: &Scene| unacknowledged(scene.history(), scene.charter()).len();
        assert_eq!(silent(&scene), 2);
        scene.say("XA", "will-indication", "person = \"P1\"\nsource = \"FAMILY\"");
        assert_eq!(silent(&scene), 1);
    }

    fn receipt(of: &str) -> String {
        format!(
            "message_id = \"{of}\"\ndispatch_digest = \"{of}\"\nregistry_number = \"R-1\"\n\
             register_time = \"2026-11-22T10:00:00Z\"\nopened = true"
        )
    }

    fn silence(of: &str, addressee: &str) -> String {
        format!(
            "message_id = \"{of}\"\ndispatch_digest = \"{of}\"\nprecedence = \"FLASH\"\n\
             due_time = \"2026-11-22T10:30:00Z\"\naddressee = \"{addressee}\""
        )
    }

    #[test]
    fn a_late_acknowledgement_ends_the_alarm_and_leaves_what_was_signed() {
        let mut scene = Scene::opened();
        scene.urge(Precedence::Flash);
        let flash = scene.say("XB", "will-withdrawal", "person = \"P1\"");
        scene.urge(Precedence::Routine);
        scene.wait(60 * MINUTE);
        scene.say("XB", "non-acknowledgement", &silence(&flash, "XA"));
        let open = |scene: &Scene| -> Vec<(String, bool)> {
            let all = unacknowledged(scene.history(), scene.charter());
            all.iter().map(|one| (one.addressee.to_string(), one.signed.is_some())).collect()
        };
        assert_eq!(open(&scene), [("IC".to_owned(), false), ("XA".to_owned(), true)]);
        assert!(of_absent(scene.history()).is_empty(), "it is here, and nobody answered yet");
        scene.say("XN", "non-acknowledgement", &silence(&flash, "IC"));
        assert_eq!(
            open(&scene),
            [("IC".to_owned(), false), ("XA".to_owned(), true)],
            "no word of its sender"
        );
        scene.say("XA", "registry-receipt", &receipt(&flash));
        assert_eq!(open(&scene), [("IC".to_owned(), false)]);
        let said = scene.asks(|past, _, _| past.of_kind(ActKind::NonAcknowledgement).count());
        assert_eq!(said, 2, "it stays on record");
        scene.say("XA", "non-acknowledgement", &silence(&Digest::of(b"lost").hex(), "XB"));
        assert_eq!(of_absent(scene.history()).len(), 1);
        scene.say("XB", "hold-notice", "persons = [\"P1\"]");
        assert_eq!(of_absent(scene.history()).len(), 0, "whoever knows of it need not be woken");
    }

    #[test]
    fn what_a_registry_sends_by_itself_acknowledges_nothing_but_what_it_answers() {
        let mut scene = Scene::opened();
        scene.urge(Precedence::Flash);
        let first = scene.say("XB", "will-withdrawal", "person = \"P1\"");
        let second = scene.say("XB", "hold-notice", "persons = [\"P1\"]");
        scene.urge(Precedence::Routine);
        scene.say("XA", "registry-receipt", &receipt(&first));
        scene.say("XA", "non-acknowledgement", &silence(&Digest::of(b"own").hex(), "XB"));
        let by_xa = |act: &str| {
            let past = scene.history().everything();
            let act = past.find(ActRef::new(Digest::parse(act).unwrap())).unwrap();
            let known = is_known_acknowledged(&past, act, &ministry("XA"));
            assert_eq!(known, has_acknowledged(scene.history(), act, &ministry("XA")));
            known
        };
        assert!(by_xa(&first) && !by_xa(&second));
    }
}
