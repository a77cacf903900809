//! Homes: the consultation that a person belongs to.
//!
//! A reference belongs to one consultation (PRV-02), and whoever learns it can use it in another. So that nobody moves
//! a person who is not his to move, nothing that one sender chooses by himself decides: no act that does not stand, no
//! consultation that the Powers did not open, no time that he states of his own act. What this desk minted stays where
//! it was minted for. Else the registration of the case counts, and of two that one which others took up: whose person
//! another ministry speaks of as well, or of which another ministry knew first, by the time of that ministry's own act.
//! All desks that hold the same acts decide alike, in whatever order these came.

use std::collections::{BTreeMap, BTreeSet};

use super::index::Index;
use crate::consultation::act::ActKind;
use crate::consultation::history::Past;
use crate::consultation::reference::{ConsultationId, PersonRef};
use crate::consultation::registered::Registered;
use crate::consultation::state::opening::{self, Opening};
use crate::desk::Desk;
use crate::desk::accreditation::Trust;
use crate::desk::error::DeskError;
use crate::desk::keys::Keys;
use crate::time::Timestamp;
use crate::trust::name::Ministry;

impl Desk {
    /// The consultation that a person belongs to; none for one of whom nobody has spoken here.
    pub fn home_of(
        &self,
        trust: &Trust,
        keys: &Keys,
        person: &PersonRef,
    ) -> Result<Option<ConsultationId>, DeskError> {
        let index = self.casebook(trust, keys)?;
        self.home_in(trust, keys, &index, person)
    }

    /// The same, by this index. Consultations are folded only where several speak of the person.
    pub(super) fn home_in(
        &self,
        trust: &Trust,
        keys: &Keys,
        index: &Index,
        person: &PersonRef,
    ) -> Result<Option<ConsultationId>, DeskError> {
        let places = index.spoken_of_in(person);
        let mut best: Option<(Claim, &str)> = None;
        for place in &places {
            // One alone is the home whatever it says.
            let claim = match places.len() {
                1 => Claim::NONE,
                _ => {
                    let folded = self.consultation_of(trust, keys, place)?;
                    Claim::on(&folded.book.everything(), person, self.clock.now())
                }
            };
            if best.is_none_or(|before| (claim, *place) < before) {
                best = Some((claim, place));
            }
        }
        let home = index.minted.get(person).map(String::as_str).or(best.map(|(_, place)| place));
        Ok(home.and_then(|home| ConsultationId::parse(home).ok()))
    }

    /// Those of these persons that belong to other consultations than this one (PRV-02).
    pub(super) fn persons_elsewhere(
        &self,
        trust: &Trust,
        keys: &Keys,
        index: &Index,
        (consultation, persons): (&str, &[PersonRef]),
    ) -> Result<BTreeSet<PersonRef>, DeskError> {
        let mut elsewhere = BTreeSet::new();
        for person in persons {
            let home = self.home_in(trust, keys, index, person)?;
            if home.is_some_and(|home| home.text() != consultation) {
                elsewhere.insert(*person);
            }
        }
        Ok(elsewhere)
    }
}

/// How good the claim of a consultation on a person is: the least is the best.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Claim {
    /// Whether nothing that counts speaks of the person, or only acts that register no case.
    grounds: Grounds,
    /// Whether nobody but those who registered the case speaks of the person.
    is_alone: bool,
    /// Whether no other ministry knew of it yet, and since when one does.
    known: (bool, Timestamp),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Grounds {
    Registered,
    Spoken,
    Nothing,
}

impl Claim {
    const NONE: Self =
        Self { grounds: Grounds::Nothing, is_alone: true, known: (true, Timestamp::from_seconds(0)) };

    /// That of a consultation, by everything that is registered there.
    fn on(past: &Past<'_>, person: &PersonRef, now: Timestamp) -> Self {
        let is_agreed =
            matches!(opening::state(past, now), Opening::Open | Opening::Adjourned | Opening::Concluded);
        let naming: Vec<&Registered> = past.of_person(person).filter(|one| one.stands()).collect();
        if !is_agreed || naming.is_empty() {
            return Self::NONE;
        }
        let registers = |one: &&&Registered| {
            one.act_kind() == Some(ActKind::CaseRegistration) && may_register(past, &one.sender)
        };
        let cases: Vec<&Registered> = naming.iter().filter(registers).copied().collect();
        let (grounds, acts) = match cases.is_empty() {
            false => (Grounds::Registered, &cases),
            true => (Grounds::Spoken, &naming),
        };
        let is_alone = naming.iter().all(|one| acts.iter().any(|ground| ground.sender == one.sender));
        Self { grounds, is_alone, known: known(past, acts) }
    }
}

fn may_register(past: &Past<'_>, ministry: &Ministry) -> bool {
    let roles = opening::roles(past, ministry);
    ActKind::CaseRegistration.specification().senders.iter().any(|role| roles.contains(role))
}

/// When another ministry first showed that it knew one of these acts, by the times of its own.
fn known(past: &Past<'_>, acts: &[&Registered]) -> (bool, Timestamp) {
    let mut first: BTreeMap<&Ministry, &Registered> = BTreeMap::new();
    for act in acts.iter().filter(|act| act.number > 0) {
        let known = first.entry(&act.sender).or_insert(act);
        if act.number < known.number {
            *known = act;
        }
    }
    let knew = |one: &&Registered| first.values().any(|act| act.sender != one.sender && one.knew(act));
    // They come in the order of their release.
    let earliest = past.acts().find(knew);
    earliest.map_or(Claim::NONE.known, |one| (false, one.released))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consultation::rules::Rule;
    use crate::consultation::state::samples::{DAY, Scene, case, person};

    fn claim(scene: &Scene) -> Claim {
        scene.asks(|past, at, _| Claim::on(past, &person(1), at))
    }

    fn registers(scene: &mut Scene, sender: &str) {
        scene.say(sender, "case-registration", &case("P1"));
    }

    fn writes(scene: &mut Scene, sender: &str) {
        scene.say(sender, "correspondence", "subject = \"A subject\"");
    }

    /// Days after the other consultation: XB registers the case, and XA writes.
    fn home() -> Scene {
        let mut scene = Scene::opened();
        scene.wait(2 * DAY);
        registers(&mut scene, "XB");
        writes(&mut scene, "XA");
        scene
    }

    #[test]
    fn a_case_that_is_registered_elsewhere_with_an_earlier_time_does_not_move_the_person() {
        let home = claim(&home());
        // Whoever states a time states it of his own act; nobody else knew it then.
        let mut other = Scene::opened();
        registers(&mut other, "XB");
        assert!(home < claim(&other));
        other.wait(3 * DAY);
        writes(&mut other, "XA");
        assert!(home < claim(&other), "others knew of it later");
        // What counts is what others say, not how often the sender says it.
        registers(&mut other, "XB");
        assert!(home < claim(&other));
    }

    #[test]
    fn acts_that_do_not_count_do_not_move_the_person() {
        let home = claim(&home());
        let mut refused = Scene::opened();
        refused.against(Rule::Rol01);
        registers(&mut refused, "XB");
        writes(&mut refused, "XA");
        let mut observer = Scene::opened();
        registers(&mut observer, "IC");
        writes(&mut observer, "XA");
        let mut proposed = Scene::proposed();
        registers(&mut proposed, "XB");
        writes(&mut proposed, "XA");
        for other in [&refused, &observer, &proposed, &Scene::opened()] {
            assert!(home < claim(other) && claim(other).grounds != Grounds::Registered);
        }
        // They are better than nothing where nothing else is.
        assert!(claim(&observer) < claim(&Scene::opened()));
    }

    #[test]
    fn where_another_ministry_speaks_of_the_person_too_he_belongs() {
        let (mut slow, mut quick) = (home(), Scene::opened());
        registers(&mut quick, "XB");
        writes(&mut quick, "XA");
        assert!(claim(&quick) < claim(&slow));
        slow.say("IC", "will-withdrawal", "person = \"P1\"");
        assert!(claim(&slow) < claim(&quick));
    }
}
