//! Nobody leaves against a stop: asked after every step of a history, of what was said and not of the states that
//! the product makes of it, so that a rule that is missing there is missed here.

use super::world::{PARTIES, World, hex, name_of};
use crate::consultation::act::Act;
use crate::consultation::acts::law::Destination;
use crate::consultation::acts::values::{ActRef, RegionCode};
use crate::consultation::acts::will::ExpressionOfWill;
use crate::consultation::history::Past;
use crate::consultation::reference::PersonRef;
use crate::consultation::registered::Registered;
use crate::consultation::rules::Rule;
use crate::consultation::state::{commitments, departure, go};
use crate::message::terms::ActClass;
use crate::time::Timestamp;

/// How often somebody could leave in a history, and what that proves.
#[derive(Default)]
pub(super) struct Departures {
    /// Steps after which somebody could leave.
    pub(super) clear: usize,
    /// Those of them whose person had withdrawn before, and stated his will anew.
    pub(super) withdrawn_before: usize,
    /// Steps after which nothing but a withdrawal or refusal stopped somebody.
    pub(super) stopped_by_will: usize,
    /// Steps after which nothing but a hold stopped somebody.
    pub(super) stopped_by_hold: usize,
    /// Steps after which nothing but one number of two acts stopped somebody.
    pub(super) stopped_by_doubles: usize,
    /// Steps after which nothing but a protective act that a GO named stopped somebody.
    pub(super) stopped_by_list: usize,
    /// Steps after which nothing but acts that are on their way stopped somebody.
    pub(super) stopped_by_mail: usize,
}

/// The question of departure as it was put at one moment, for the reference model.
pub(super) struct Probe {
    pub(super) minute: u64,
    pub(super) name: &'static str,
    /// The acts that the desk of the Detaining Power held.
    pub(super) held: Vec<String>,
    pub(super) stops: Vec<Rule>,
}

impl World {
    /// Asks the desk of the Detaining Power who could leave now, and whether he may.
    pub(super) fn watch(&mut self) {
        let book = &self.desks["XB"];
        let past = book.everything();
        let Some(arranged) = commitments::arrangement(&past, &Self::arrangement()) else { return };
        let Some(person) = arranged.act.persons.iter().next() else { return };
        let at = self.at();
        let stops = departure::clear_to_depart(&past, person, &Self::arrangement(), at, book.charter());
        let mut rules: Vec<Rule> = stops.iter().map(|stop| stop.rule).collect();
        rules.dedup();
        let counts = &mut self.departures;
        match rules.as_slice() {
            [] => {
                counts.clear += 1;
                let stops = past.of_person(person).filter(|one| is_withdrawal(one));
                counts.withdrawn_before += usize::from(stops.count() > 0);
                assert_eq!(unheeded(&past, person, at), Vec::<String>::new());
                for (party, _) in go::needed(&past, &arranged) {
                    let (go, _) = go::last_word(&past, &arranged, party).unwrap();
                    let desk = PARTIES.into_iter().find(|one| *one == party.as_str()).unwrap();
                    let known = &self.recorded[&(desk, self.first_of(go.reference))];
                    let there = self.desks[desk].everything();
                    let concerns = |protective: &&ActRef| {
                        let act = there.find(**protective).and_then(|one| one.act.as_ref());
                        act.is_none_or(|act| act.persons().is_empty() || act.persons().contains(person))
                    };
                    assert!(
                        known.iter().filter(concerns).all(|protective| past.find(*protective).is_some()),
                        "{desk} said GO and knew of a stop that is not here"
                    );
                }
            }
            [Rule::Wil07] => counts.stopped_by_will += 1,
            [Rule::Hld01] => counts.stopped_by_hold += 1,
            [Rule::Con04] => counts.stopped_by_mail += 1,
            [Rule::Chn04] => counts.stopped_by_doubles += 1,
            [Rule::Hnd08]
                if stops.iter().all(|stop| stop.because.contains("knew an act at its GO that may stop")) =>
            {
                counts.stopped_by_list += 1;
            }
            [Rule::Hnd08] | [Rule::Con04, Rule::Hnd08]
                if stops
                    .iter()
                    .all(|stop| stop.because.contains("not here yet") || stop.rule == Rule::Con04) =>
            {
                counts.stopped_by_mail += 1;
            }
            _ => {}
        }
        let held = past.acts().map(|one| self.refs[&hex(one.reference)].clone()).collect();
        let probe = Probe { minute: self.minute, name: name_of(person), held, stops: rules };
        self.probes.push(probe);
    }
}

fn is_withdrawal(one: &Registered) -> bool {
    matches!(one.act, Some(Act::WillWithdrawal(_)))
}

/// Protective acts about a person that nothing undid, and statements for other places that nobody overtook who knew of
/// them, in words for whoever reads the failure.
fn unheeded(past: &Past<'_>, person: &PersonRef, at: Timestamp) -> Vec<String> {
    let about: Vec<&Registered> = past.of_person(person).collect();
    let protective = about.iter().filter(|one| one.class == ActClass::Protective || refuses(one));
    let open = protective.filter(|one| match &one.act {
        Some(Act::WillWithdrawal(act)) => {
            let said = act.declaration_time.unwrap_or(one.released);
            !about.iter().any(|later| states_anew(later, one, said, at))
        }
        Some(Act::ExpressionOfWill(act)) => {
            !about.iter().any(|later| states_anew(later, one, act.declaration_time, at))
        }
        Some(Act::HoldNotice(_)) => !past.acts().any(|later| {
            let lifts = |act: &Act| matches!(act, Act::HoldRelease(act) if act.hold_message == one.reference);
            later.sender == one.sender && later.act.as_ref().is_some_and(lifts)
        }),
        Some(Act::PublicityNotice(_)) => !about
            .iter()
            .any(|later| matches!(later.act, Some(Act::ProtectionAssessment(_))) && follows(later, one)),
        _ => true,
    });
    open.map(|one| format!("{} {} of {}", one.kind, one.number, one.sender)).collect()
}

/// Whether this is a statement for the destination that qualified, knew of the withdrawal, and was made after it.
fn states_anew(later: &Registered, withdrawal: &Registered, said: Timestamp, at: Timestamp) -> bool {
    let Some(Act::ExpressionOfWill(act)) = &later.act else { return false };
    later.stands()
        && follows(later, withdrawal)
        && accepts(act)
        && said < act.declaration_time
        && act.declaration_time <= at
}

/// Whether this is a qualifying statement that does not accept the destination.
fn refuses(one: &Registered) -> bool {
    matches!(&one.act, Some(Act::ExpressionOfWill(act)) if one.stands() && !accepts(act))
}

fn accepts(act: &ExpressionOfWill) -> bool {
    let place = Destination::NamedState(RegionCode::parse("XA").unwrap());
    act.acceptable.iter().any(|one| *one == place) && !act.refused.iter().any(|one| *one == place)
}

/// Whether the sender of `later` had registered `earlier`.
fn follows(later: &Registered, earlier: &Registered) -> bool {
    let own = later.sender == earlier.sender && later.number > earlier.number;
    own || later.basis.covers(&earlier.sender, earlier.number)
}
