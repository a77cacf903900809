//! Urgent acts and whether the other side has them: what nobody acknowledged in time is an alarm on both sides.
//!
//! Whoever answers an act, its registry receipt included, or declares in any act of its own to have known it, has
//! acknowledged it.

use crate::consultation::charter::Charter;
use crate::consultation::history::{History, Thread};
use crate::consultation::opaque;
use crate::consultation::registered::Registered;
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
}

/// Every urgent act that an addressee has not acknowledged, the first due first.
pub fn unacknowledged<'h>(history: &'h History, charter: &Charter) -> Vec<Unacknowledged<'h>> {
    let mut found = Vec::new();
    for act in history.urgent() {
        let Some(time) = charter.acknowledgement(act.precedence) else { continue };
        let due = act.released.after(time);
        let silent = act.addressees.iter().filter(|addressee| !has_acknowledged(history, act, addressee));
        found.extend(silent.map(|addressee| Unacknowledged { act, addressee, due }));
    }
    found.sort_by_key(|one| (one.due, one.act.order(), one.addressee));
    found
}

/// Whether an addressee acknowledged an act.
pub fn has_acknowledged(history: &History, act: &Registered, addressee: &Ministry) -> bool {
    let heard = act.number > 0 && history.heard(addressee, &act.sender) >= act.number;
    let mut answers = history.everything().of_thread(&Thread::Answer(act.reference));
    heard || answers.any(|answer| answer.sender == *addressee)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consultation::state::samples::{Scene, ministry};

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
        let receipt = format!(
            "message_id = \"{withdrawal}\"\ndispatch_digest = \"{withdrawal}\"\nregistry_number = \"R-1\"\n\
             register_time = \"2026-11-22T10:00:00Z\"\nopened = true"
        );
        scene.say_unnumbered("XA", "registry-receipt", &receipt);
        assert_eq!(alarms(&scene), ["will-withdrawal by IC"]);
        scene.say("IC", "hold-notice", "persons = [\"P1\"]");
        assert_eq!(alarms(&scene), Vec::<String>::new(), "an act that knew of it acknowledges it too");
        assert_eq!(scene.history().heard(&ministry("IC"), &ministry("XB")), scene.last("XB"));
    }
}
