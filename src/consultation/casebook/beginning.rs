//! Beginning: when a consultation began, which says by what charter it is judged.
//!
//! Its proposals and the answers to them enter, the release of the proposal that opened it leaves. That must be the
//! same at every desk, and at one desk today and after its casebook was written anew. So it rests on nothing but acts
//! that went to all, whatever stands against them: a verdict would rest on the charter in its turn. What all Powers
//! accepted counts, so that nobody moves the beginning by a proposal of his own, whatever time it bears.

use super::incoming::Incoming;
use crate::consultation::act::ActKind;
use crate::consultation::history::History;
use crate::consultation::receive::{Received, receive};
use crate::consultation::registered::Verdict;
use crate::consultation::state::opening;
use crate::time::Timestamp;

/// Whether acts of this kind say when a consultation began.
pub fn tells_of_it(kind: &str) -> bool {
    [ActKind::ConsultationProposal, ActKind::ConsultationReply].iter().any(|one| one.word() == kind)
}

/// The release of the proposal that opened a consultation; of the one that counts until then where it stands not open,
/// and none where there is none. Others among these acts say nothing of it.
pub fn proposed(acts: impl IntoIterator<Item = Incoming>) -> Option<Timestamp> {
    let mut history = History::default();
    for incoming in acts {
        let dispatch = &incoming.dispatch;
        if incoming.position.act_number == 0 || !tells_of_it(&dispatch.kind) {
            continue;
        }
        if let Received::Read(act) = receive(&dispatch.kind, dispatch.act_class, &dispatch.act) {
            history.register(incoming.registered(Some(*act), Verdict::default()));
        }
    }
    let past = history.everything();
    // Whether a proposal lapsed says nothing of when it was made.
    opening::consultation(&past, Timestamp::from_seconds(0)).map(|counting| counting.proposal.released)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consultation::registered::Marks;
    use crate::consultation::rules::drafts::Draft;
    use crate::consultation::state::samples::{act, ministry};
    use crate::digest::Digest;

    const PARTIES: [&str; 3] = ["XA", "XB", "XC"];

    fn proposal(parties: &[&str]) -> (&'static str, String) {
        let each = |code: &&str| format!("{{ ministry = \"{code}\", roles = [\"RECEIVING_POWER\"] }}");
        let parties: Vec<String> = parties.iter().map(each).collect();
        let fields = format!(
            "consultation = \"C-4T9M-W2KX-7CQW\"\nsubject = \"Prisoners of war: procedure\"\n\
             open_until_time = \"2026-12-02T10:00:00Z\"\nparties = [{}]",
            parties.join(", ")
        );
        ("consultation-proposal", fields)
    }

    fn accepts() -> (&'static str, String) {
        ("consultation-reply", "reply = \"ACCEPT\"".to_owned())
    }

    /// An act of this sender and number, released at this minute, that knew these.
    fn said(
        (sender, number): (&str, u64),
        minute: u32,
        knew: &[(&str, u64)],
        (kind, fields): (&str, String),
    ) -> Incoming {
        let knew = Marks::new(knew.iter().map(|(party, number)| (ministry(party), *number)));
        let at = at(minute);
        let draft = Draft::new(&PARTIES, sender, number, &knew, at, act(kind, &fields));
        let digest = Digest::of(&draft.dispatch.bytes());
        Incoming::new(draft.address, draft.position, draft.dispatch, digest, None)
    }

    fn at(minute: u32) -> Timestamp {
        Timestamp::parse(&format!("2026-11-22T10:{minute:02}:00Z")).unwrap()
    }

    #[test]
    fn a_consultation_begins_with_the_proposal_that_all_accepted_in_whatever_order_it_came() {
        let letter = ("correspondence", "subject = \"Prisoners of war: procedure\"".to_owned());
        let mut acts = vec![
            said(("XB", 1), 10, &[], letter.clone()),
            said(("XB", 2), 20, &[], proposal(&PARTIES)),
            said(("XA", 1), 30, &[("XB", 2)], accepts()),
            said(("XC", 1), 31, &[("XB", 2)], accepts()),
        ];
        assert!(proposed(acts[..1].to_vec()).is_none(), "a letter begins nothing");
        assert_eq!(proposed(acts[..2].to_vec()), Some(at(20)));
        assert_eq!(proposed(acts.clone()), Some(at(20)));
        // Dated back: letters, proposals of which somebody knew better, and proposals that nobody accepts.
        acts.push(said(("XA", 2), 1, &[], letter));
        acts.push(said(("XA", 3), 2, &[], proposal(&PARTIES)));
        acts.push(said(("XC", 2), 40, &[("XA", 3), ("XB", 2)], proposal(&PARTIES)));
        assert_eq!(proposed(acts.clone()), Some(at(20)));
        acts.reverse();
        assert_eq!(proposed(acts), Some(at(20)));
    }

    #[test]
    fn a_consultation_begins_with_nothing_that_went_to_some_powers_only() {
        let acts = vec![
            said(("XC", 0), 5, &[], proposal(&["XA", "XC"])),
            said(("XB", 1), 20, &[], proposal(&PARTIES)),
        ];
        assert_eq!(proposed(acts), Some(at(20)));
    }
}
