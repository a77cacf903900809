//! What one ministry itself offered or consented to and what can still bind it, before it is agreed on (EXC-06).
//!
//! An agreement binds everybody; an offer only whoever made it, as long as others may still say yes. What was declined,
//! withdrawn or ran out binds nobody, and what an agreement settled is a matter of that agreement. Nobody offers one
//! man to two places, in one consultation as little as in two.

use crate::consultation::acts::agreement::AgreementTerms;
use crate::consultation::acts::law::Destination;
use crate::consultation::acts::values::EntryId;
use crate::consultation::history::{Past, Thread};
use crate::consultation::opaque;
use crate::consultation::reference::PersonRef;
use crate::consultation::registered::Registered;
use crate::consultation::state::exchange::{self, Round};
use crate::consultation::state::places::{Likeness, Places, Spoken};
use crate::consultation::state::{commitments, saying};
use crate::consultation::words::Reply;
use crate::digest::Digest;
use crate::time::Timestamp;
use crate::trust::name::Ministry;

/// What an offer belongs to: nothing stands against what takes its own place.
#[derive(Clone, Copy)]
pub enum Offer<'h> {
    /// A note, by its terms: to the same parties, the later under one id takes the place of the earlier.
    Agreement(&'h AgreementTerms),
    /// A round, by the id of its proposal.
    Exchange(&'h EntryId),
}

opaque!(Offer<'_>);

impl Offer<'_> {
    fn is_replaced_by(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Agreement(one), Self::Agreement(other)) => {
                one.agreement_id == other.agreement_id && one.required_parties == other.required_parties
            }
            (Self::Exchange(one), Self::Exchange(other)) => one == other,
            _ => false,
        }
    }
}

/// Where notes and rounds that a ministry made or accepted, and that are not concluded, would send a person: every
/// State that they may mean.
pub fn offered(past: &Past<'_>, person: &PersonRef, by: &Ministry, at: Timestamp) -> Vec<Destination> {
    let places = Places::of(past, person);
    let offers = offers(past, person, by, at).into_iter();
    offers.flat_map(|(_, act, destination)| places.all(Spoken::by(&destination, act))).collect()
}

/// Whether another offer of a ministry than this one would send a person elsewhere.
pub fn is_offered_elsewhere(
    past: &Past<'_>,
    person: &PersonRef,
    destination: Spoken<'_>,
    by: &Ministry,
    except: Offer<'_>,
    at: Timestamp,
) -> bool {
    let places = Places::of(past, person);
    let others = offers(past, person, by, at).into_iter();
    others
        .filter(|(offer, ..)| !offer.is_replaced_by(&except))
        .any(|(_, act, other)| places.compare(Spoken::by(&other, act), destination) != Likeness::Same)
}

fn offers<'h>(
    past: &Past<'h>,
    person: &PersonRef,
    by: &Ministry,
    at: Timestamp,
) -> Vec<(Offer<'h>, &'h Registered, Destination)> {
    let notes = saying!(past.of_person(person), AgreementNote);
    let live = notes.filter(|(note, act)| {
        commitments::is_awaited(past, note, act, at) && (note.sender == *by || consented(past, note, by))
    });
    let noted = live.filter_map(|(note, act)| {
        let line = act.terms.lines.find(person)?;
        Some((Offer::Agreement(&act.terms), note, line.destination.clone()))
    });
    let rounds = exchange::listing(past, person).into_iter().filter(|round| binds(past, round, by, at));
    let listed = rounds.filter_map(|round| {
        let destination = exchange::destination(&round.act.terms, person)?;
        Some((Offer::Exchange(&round.act.proposal_id), round.registered, destination))
    });
    noted.chain(listed).collect()
}

fn consented(past: &Past<'_>, note: &Registered, by: &Ministry) -> bool {
    let mut replies = saying!(past.of_thread(&Thread::Answer(note.reference)), AgreementReply);
    replies.any(|(one, _)| one.stands() && one.sender == *by)
}

/// Whether a live round binds this ministry: both parties once it is accepted, and until then whoever proposed it.
fn binds(past: &Past<'_>, round: &Round<'_>, by: &Ministry, at: Timestamp) -> bool {
    let terms = &round.act.terms;
    let is_bound = match round.answer(past) {
        Some((_, Reply::Accept)) => terms.proposing_party == *by || terms.receiving_party == *by,
        Some((_, Reply::Decline)) => false,
        _ => round.registered.sender == *by && round.is_open(at),
    };
    is_bound && !is_settled(past, round.digest())
}

/// Whether a concluded agreement settles these terms.
fn is_settled(past: &Past<'_>, terms: Digest) -> bool {
    let mut notes = saying!(past.of_kind(crate::consultation::act::ActKind::AgreementNote), AgreementNote);
    notes.any(|(note, act)| {
        act.terms.exchange_terms_sha256 == Some(terms)
            && commitments::agreement(past, &act.terms.agreement_id)
                .is_some_and(|agreed| agreed.note.reference == note.reference)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consultation::rules::Rule;
    use crate::consultation::state::samples::{DAY, Scene, ministry, person};

    fn places(scene: &Scene, by: &str) -> usize {
        scene.asks(|past, at, _| offered(past, &person(1), &ministry(by), at)).len()
    }

    #[test]
    fn a_note_binds_its_sender_until_it_is_concluded_withdrawn_or_runs_out() {
        let noted = || {
            let mut scene = Scene::opened();
            let note = scene.note("A-1", "P1", "XA", "RELEASE_AND_SETTLEMENT");
            (scene, note)
        };
        let (mut scene, note) = noted();
        assert_eq!((places(&scene, "XB"), places(&scene, "XA"), places(&scene, "IC")), (1, 0, 0));
        scene.say("XB", "note-withdrawal", &format!("withdraws = \"{note}\"\nreason = \"A reason.\""));
        assert_eq!(places(&scene, "XB"), 0, "withdrawn");
        let (mut scene, _) = noted();
        scene.wait(31 * DAY);
        assert_eq!(places(&scene, "XB"), 0, "nobody can accept it any more");
        let mut scene = Scene::opened();
        scene.agree("A-1", "P1", "XA");
        assert_eq!(places(&scene, "XB"), 0, "it is an agreement");
        let mut scene = Scene::opened();
        scene.against(Rule::Wil03);
        scene.note("A-1", "P1", "XA", "RELEASE_AND_SETTLEMENT");
        assert_eq!(places(&scene, "XB"), 0, "it never stood");
    }

    #[test]
    fn a_reply_binds_its_sender_while_others_have_still_to_consent() {
        let mut scene = Scene::opened();
        let before = Scene::opened();
        let digest = Digest::of(b"text").hex();
        let fields = before.note_fields("A-1", "P1", "XA", "RELEASE_AND_SETTLEMENT");
        let of_three = fields.replace("[\"XA\", \"XB\"]", "[\"XA\", \"XB\", \"XC\"]");
        let note = scene.say("XB", "agreement-note", &of_three);
        assert_eq!(places(&scene, "XA"), 0);
        let reply =
            format!("proposing_message = \"{note}\"\nterms = \"0a\"\nauthentic_text_sha256 = [\"{digest}\"]");
        scene.say("XA", "agreement-reply", &reply);
        assert_eq!((places(&scene, "XA"), places(&scene, "XB"), places(&scene, "XC")), (1, 1, 0));
    }

    #[test]
    fn a_round_binds_who_proposed_it_and_once_accepted_both() {
        let mut scene = Scene::opened();
        let terms = scene.propose_exchange();
        assert_eq!((places(&scene, "XB"), places(&scene, "XA")), (1, 0));
        let answer =
            |reply: &str| format!("proposal_id = \"X-1\"\nterms_sha256 = \"{terms}\"\nreply = \"{reply}\"");
        scene.say("XA", "proposal-response", &answer("ACCEPT"));
        assert_eq!((places(&scene, "XB"), places(&scene, "XA")), (1, 1));
        scene.wait(8 * DAY);
        assert_eq!(places(&scene, "XB"), 1, "what is accepted runs out no more");
        scene.say(
            "XA",
            "proposal-response",
            &format!("{}\nreasons = [{{ message = \"A reason.\" }}]", answer("DECLINE")),
        );
        assert_eq!((places(&scene, "XB"), places(&scene, "XA")), (0, 0));
    }
}
