//! What ministries said of a departure: GO or NO GO, and whose word is needed (HND-08, HND-09).
//!
//! To stop, anybody's word is enough, and it need not stand. A GO must stand, must come from somebody who knew the
//! arrangement, and is overcome by a later NO GO.

use std::collections::BTreeSet;

use crate::consultation::acts::handover::GoNoGo;
use crate::consultation::charter::Charter;
use crate::consultation::history::{Past, Thread};
use crate::consultation::registered::Registered;
use crate::consultation::rules::table::Rule;
use crate::consultation::state::commitments::{self, Arrangement};
use crate::consultation::state::{opening, saying, will};
use crate::time::Timestamp;
use crate::trust::name::Ministry;

/// Those whose GO a departure needs: every party to the agreement (HND-08), the agreed observers (HND-09), and
/// whoever else said NO GO and did not take it back. To stop, anybody's word is enough.
pub fn needed<'h>(past: &Past<'h>, arranged: &Arrangement<'h>) -> BTreeSet<(&'h Ministry, Rule)> {
    let parties = arranged.agreement.terms().required_parties.iter().chain([&arranged.registered.sender]);
    let parties: BTreeSet<&Ministry> = parties.chain([&arranged.confirmation.sender]).collect();
    let observers = arranged.act.observers.iter().filter(|observer| !parties.contains(observer));
    let observers: BTreeSet<&Ministry> = observers.collect();
    let refuses = |other: &&Ministry| last_word(past, arranged, other).is_some_and(|(_, act)| !act.go.0);
    let others = speakers(past, arranged).into_iter();
    let others = others.filter(|other| !parties.contains(other) && !observers.contains(other));
    let others: BTreeSet<&Ministry> = others.filter(refuses).collect();
    let needed = parties.union(&others).map(|party| (*party, Rule::Hnd08));
    needed.chain(observers.iter().map(|observer| (*observer, Rule::Hnd09))).collect()
}

/// Whoever said GO or NO GO about an arrangement, ascending.
pub fn speakers<'h>(past: &Past<'h>, arranged: &Arrangement<'_>) -> BTreeSet<&'h Ministry> {
    words(past, arranged).map(|(one, _)| &one.sender).collect()
}

fn words<'h>(
    past: &Past<'h>,
    arranged: &Arrangement<'_>,
) -> impl DoubleEndedIterator<Item = (&'h Registered, &'h GoNoGo)> + use<'h> {
    saying!(past.of_thread(&Thread::Arrangement(arranged.act.arrangement_id.clone())), GoNoGo)
}

/// Whether somebody had said NO GO at an instant and not taken it back, by what was released until then.
pub fn was_refused(past: &Past<'_>, arranged: &Arrangement<'_>, at: Timestamp) -> bool {
    let before = || words(past, arranged).filter(|(one, _)| one.released <= at);
    let taken_back = |refusal: &Registered| {
        before()
            .any(|(one, act)| act.go.0 && one.stands() && one.sender == refusal.sender && one.knew(refusal))
    };
    before().any(|(one, act)| !act.go.0 && !taken_back(one))
}

/// How a ministry undid its GO, by another act than a NO GO.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Undone {
    /// It took the act back.
    TakenBack,
    /// It adjourned the consultation since: it may have meant this departure (CON-01).
    Adjourned,
}

/// Those who undid their last GO, ascending, whether or not it was needed: whoever tells of a stop is heard.
pub fn undone<'h>(past: &Past<'h>, arranged: &Arrangement<'h>) -> Vec<(&'h Ministry, Undone)> {
    let mut undone = Vec::new();
    for ministry in speakers(past, arranged) {
        let word = last_word(past, arranged, ministry).filter(|(_, act)| act.go.0);
        let Some((go, _)) = word else { continue };
        if commitments::is_taken_back(past, go) {
            undone.push((ministry, Undone::TakenBack));
        }
        if opening::adjourned_since(past, go) {
            undone.push((ministry, Undone::Adjourned));
        }
    }
    undone
}

/// The last word of a ministry about an arrangement: a NO GO that no later GO of its own answered, or its last GO.
/// A GO must stand, and whoever gave it must have known the arrangement; a NO GO need neither.
pub fn last_word<'h>(
    past: &Past<'h>,
    arranged: &Arrangement<'h>,
    ministry: &Ministry,
) -> Option<(&'h Registered, &'h GoNoGo)> {
    let no_go =
        own(past, arranged, ministry).rfind(|(one, act)| !act.go.0 && !is_answered(past, arranged, one));
    let goes = || goes(past, arranged, ministry);
    no_go.or_else(|| goes().max_by_key(|(one, act)| (will::said(one, Some(act.time)), one.number)))
}

/// Whether whoever said NO GO gave its GO since, knowing of it.
pub fn is_answered(past: &Past<'_>, arranged: &Arrangement<'_>, refusal: &Registered) -> bool {
    goes(past, arranged, &refusal.sender).any(|(go, _)| go.knew(refusal))
}

fn own<'h>(
    past: &Past<'h>,
    arranged: &Arrangement<'_>,
    ministry: &Ministry,
) -> impl DoubleEndedIterator<Item = (&'h Registered, &'h GoNoGo)> {
    words(past, arranged).filter(move |(one, _)| one.sender == *ministry)
}

fn goes<'h>(
    past: &Past<'h>,
    arranged: &Arrangement<'_>,
    ministry: &Ministry,
) -> impl Iterator<Item = (&'h Registered, &'h GoNoGo)> {
    let arrangement = arranged.registered;
    own(past, arranged, ministry).filter(move |(one, act)| act.go.0 && one.stands() && one.knew(arrangement))
}

/// Whether this is a GO, and young enough to depart on.
pub fn is_in_window(one: &Registered, act: &GoNoGo, at: Timestamp, charter: &Charter) -> bool {
    act.go.0 && at <= will::said(one, Some(act.time)).after(charter.go_window)
}
