//! Everything that stands against moving one person as an agreement says: the same questions when it is proposed,
//! concluded, arranged and confirmed, and at departure (domain 5.3).

use std::cmp::Ordering;
use std::collections::BTreeSet;

use crate::consultation::act::ActKind;
use crate::consultation::acts::agreement::{AgreementLine, AgreementTerms};
use crate::consultation::acts::law::Destination;
use crate::consultation::acts::protection::Assurances;
use crate::consultation::charter::Charter;
use crate::consultation::history::Past;
use crate::consultation::reference::PersonRef;
use crate::consultation::registered::Registered;
use crate::consultation::rules::table::Rule;
use crate::consultation::state::judicial::{JudicialStanding, judicial};
use crate::consultation::state::places::{Likeness, Places, Spoken};
use crate::consultation::state::protection::{ProtectionStanding, protection};
use crate::consultation::state::will::{self, WillStanding};
use crate::consultation::state::{commitments, custody, exchange, holds, medical, opening, saying};
use crate::consultation::words::{Assurance, MedicalDecision, PartyRole, Route};
use crate::time::Timestamp;
use crate::trust::name::Ministry;

/// One thing that stands in the way, with the rule and words without content.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stop {
    /// The rule.
    pub rule: Rule,
    /// What stands against it here.
    pub because: String,
}

impl Stop {
    /// A stop by this rule.
    pub fn new(rule: Rule, because: impl Into<String>) -> Self {
        Self { rule, because: because.into() }
    }

    /// The order in which stops are told: that the person says no (WIL_07), what else protects the person (WIL, PRO), the
    /// rest; each in the order of the rules.
    pub fn by_rank(one: &Self, other: &Self) -> Ordering {
        (one.rank(), one).cmp(&(other.rank(), other))
    }

    fn rank(&self) -> u8 {
        let group = self.rule.word().split_once('_').map_or("", |(group, _)| group);
        match (self.rule, group) {
            (Rule::Wil07, _) => 0,
            (_, "WIL" | "PRO") => 1,
            _ => 2,
        }
    }
}

/// That somebody died, with the way out of a notice that was a mistake: `custody` says who may refute it.
const DIED: &str = "a notice says that the person died: where that is a mistake, the Detaining Power registers the case \
                    anew, and the ICRC, a Protecting Power or whoever was invited for it states his will or has him \
                    examined, both after the notice and knowing it";

/// How a hold ends of a Power that registered the person too, without knowledge of his case.
const ANOTHER_REGISTERED_HIM: &str = ": it registered the person too; once the Detaining Power has registered his case \
                                      anew, knowing that, it lapses like the hold of any other Power";

/// What stands against moving the person of a line as these terms say, in the order of the rules; empty for nothing.
/// Where it leads is what the note meant that proposed it, and what is asked now where nobody has proposed it yet.
pub fn stops(
    past: &Past<'_>,
    terms: &AgreementTerms,
    line: &AgreementLine,
    note: Option<&Registered>,
    at: Timestamp,
    charter: &Charter,
) -> Vec<Stop> {
    let places = Places::of(past, &line.person);
    let plan = Plan { past, terms, line, note, places, at, charter };
    let mut stops = Vec::new();
    stops.extend(died(past, &line.person));
    plan.route(&mut stops);
    plan.list(&mut stops);
    plan.status(&mut stops);
    plan.holds(&mut stops);
    plan.will(&mut stops);
    plan.protection(&mut stops);
    plan.medical(&mut stops);
    plan.judicial(&mut stops);
    stops.sort_unstable();
    stops.dedup();
    stops
}

/// That somebody died, or is said to have died.
pub(super) fn died(past: &Past<'_>, person: &PersonRef) -> Option<Stop> {
    let because = "a report, a list or a notice to a Bureau tells that the person died: whoever said it corrects it, \
                   or the Detaining Power registers the case anew";
    match () {
        () if custody::is_dead(past, person) => Some(Stop::new(Rule::Agr03, DIED)),
        () if custody::is_said_to_be_dead(past, person) => Some(Stop::new(Rule::Agr03, because)),
        () => None,
    }
}

/// Whether whoever receives the person of a line had assured what this way needs, and took it back: by an act that takes
/// back, or by assurances that give it no more.
pub fn is_assurance_taken_back(
    past: &Past<'_>,
    terms: &AgreementTerms,
    line: &AgreementLine,
    note: &Registered,
    at: Timestamp,
    charter: &Charter,
) -> bool {
    let places = Places::of(past, &line.person);
    let plan = Plan { past, terms, line, note: Some(note), places, at, charter };
    let was_given = |needed: Assurance| {
        plan.assurances_from_there().iter().any(|(one, act)| one.stands() && gives(act, needed))
    };
    let needed = plan.assurances_needed();
    needed.into_iter().any(|needed| was_given(needed) && !plan.is_assured_from_there(needed))
}

/// Words for what stops somebody, with the first step of the cure where only some Powers were told of it: nothing answers it
/// before it is said to all.
pub fn untold<'r>(because: &str, acts: impl IntoIterator<Item = &'r Registered>) -> String {
    let only_some = acts.into_iter().filter(|one| one.number == 0 && one.said_to_all.is_empty());
    let senders: BTreeSet<&str> = only_some.map(|one| one.sender.as_str()).collect();
    let mut words = because.to_owned();
    for sender in senders {
        words += &format!(
            "; {sender} told it to some Powers only, and nothing answers it before {sender}, or who was told, says it again to all"
        );
    }
    words
}

/// What physicians must have found before somebody travels by this route; none where nothing.
pub fn finding_needed(route: Route) -> Option<MedicalDecision> {
    match route {
        Route::DirectMedicalRepatriation => Some(MedicalDecision::Repatriate),
        Route::NeutralAccommodation => Some(MedicalDecision::AccommodateInNeutral),
        _ => None,
    }
}

struct Plan<'p, 'h> {
    past: &'p Past<'h>,
    terms: &'p AgreementTerms,
    line: &'p AgreementLine,
    note: Option<&'p Registered>,
    places: Places<'h>,
    at: Timestamp,
    charter: &'p Charter,
}

impl Plan<'_, '_> {
    /// Where the line leads.
    fn destination(&self) -> Spoken<'_> {
        Spoken::in_note(&self.line.destination, self.note)
    }

    /// AGR-09: whoever stays, stays; who is repatriated goes home; a neutral country is that of a neutral Power which agrees
    /// to it (GC III Arts 109(2), 111); and no other route of prisoners ends where it began.
    fn route(&self, stops: &mut Vec<Stop>) {
        use Destination::{PowerOfOrigin, RemainInDetainingState};
        let leads_there = match self.terms.route {
            Route::Remain => self.leads_to(&RemainInDetainingState),
            Route::DirectMedicalRepatriation | Route::EndOfHostilities => self.leads_to(&PowerOfOrigin),
            Route::NeutralAccommodation | Route::NeutralInternment => self.leads_to_a_neutral_power(),
            Route::Exchange | Route::TransferToPower => !self.leads_to(&RemainInDetainingState),
            Route::ReleaseAndSettlement => true,
        };
        if !leads_there {
            let because = format!("{} does not lead to this destination", self.terms.route);
            stops.push(Stop::new(Rule::Agr09, because));
        }
    }

    /// EXC-01: who was found since to be another, or elsewhere, goes by no list until who found it finds otherwise.
    fn list(&self, stops: &mut Vec<Stop>) {
        if exchange::is_listed_by_mistake(self.past, self.terms, &self.line.person) {
            let because =
                "a party to the exchange found that the line does not match: it verifies the list again";
            stops.push(Stop::new(Rule::Exc01, because));
        }
    }

    fn leads_to_a_neutral_power(&self) -> bool {
        let is_neutral =
            |party: &Ministry| opening::roles(self.past, party).contains(&PartyRole::NeutralPower);
        let mut parties = self.terms.required_parties.iter();
        self.goes_to_a_third_state() && parties.any(|party| is_neutral(party) && self.receives(party))
    }

    /// CON-05: what is known of him stands in a case that stands. EXC-05: who is no prisoner of war, or no more, travels by no route of prisoners of war. Staying is no route.
    fn status(&self, stops: &mut Vec<Stop>) {
        if self.terms.route != Route::Remain && custody::is_no_prisoner(self.past, &self.line.person) {
            stops.push(Stop::new(Rule::Exc05, "the person is no prisoner of war"));
        }
        if custody::is_case_taken_back(self.past, &self.line.person) {
            let because =
                "whoever registered the case took that back, or corrected it: the case is registered anew";
            stops.push(Stop::new(Rule::Con05, because));
        }
    }

    /// Whether the line sends the person to this very place. What cannot be told is not.
    fn leads_to(&self, place: &Destination) -> bool {
        self.places.compare(self.destination(), Spoken::in_note(place, self.note)) == Likeness::Same
    }

    /// Why nothing carries the line: that its word for the place is two places now, or this.
    fn or_unsettled(&self, because: &'static str) -> &'static str {
        match self.places.is_unsettled(self.destination()) {
            true => "the case was registered anew since, and the line may mean two places: agree anew",
            false => because,
        }
    }

    fn holds(&self, stops: &mut Vec<Stop>) {
        for hold in holds::active(self.past, &self.line.person, self.at, self.charter) {
            let (setter, person) = (&hold.registered.sender, &self.line.person);
            let doubled = custody::holder(self.past, person).is_some_and(|holder| holder != setter)
                && custody::says_it_detains_still(self.past, person, setter);
            let way = if doubled { ANOTHER_REGISTERED_HIM } else { "" };
            stops.push(Stop::new(Rule::Hld01, format!("a hold of {setter} is active{way}")));
        }
    }

    fn will(&self, stops: &mut Vec<Stop>) {
        let (person, destination) = (&self.line.person, self.destination());
        let will = will::towards(self.past, person, destination, self.at, self.charter);
        let mut stop = |rule, because: &str| stops.push(Stop::new(rule, because));
        let is_taken_back =
            |statement: will::Statement<'_>| commitments::is_taken_back(self.past, statement.registered);
        match will.standing {
            WillStanding::Current if will.statement.is_some_and(is_taken_back) => {
                stop(Rule::Wil07, "whoever took the statement took it back: he is asked again")
            }
            WillStanding::None => stop(Rule::Wil01, "no statement of will is known"),
            WillStanding::Indicated => stop(Rule::Wil08, "there is only hearsay, or what does not qualify"),
            WillStanding::Expired => stop(Rule::Wil01, "the last statement is too old"),
            WillStanding::Withdrawn => {
                let because = "a withdrawal, a refusal or an interview that was not free was not overcome";
                stop(Rule::Wil07, &untold(because, will.against.iter().copied()));
            }
            WillStanding::Challenged => {
                stop(Rule::Wil10, "two statements contradict each other, and neither knew the other")
            }
            WillStanding::Current => {
                let admits = |statement| will::admits(&statement, destination, &self.places);
                let admitted = will.statement.is_some_and(admits);
                match self.terms.route {
                    _ if admitted => {}
                    Route::DirectMedicalRepatriation => stop(Rule::Med03, "eligible, and unwilling"),
                    _ => {
                        stop(Rule::Wil03, self.or_unsettled("the statement does not accept this destination"))
                    }
                }
            }
        }
    }

    fn protection(&self, stops: &mut Vec<Stop>) {
        let (person, destination) = (&self.line.person, self.destination());
        let protection = protection(self.past, person, destination, self.at, self.charter);
        let mut stop = |rule, because: &str| stops.push(Stop::new(rule, because));
        let is_taken_back = |one: &Registered| commitments::is_taken_back(self.past, one);
        match protection.standing {
            ProtectionStanding::Clear if protection.assessment.is_some_and(is_taken_back) => {
                stop(Rule::Pro01, "whoever cleared this destination took the assessment back")
            }
            ProtectionStanding::None => {
                stop(Rule::Pro01, self.or_unsettled("no assessment clears this destination"))
            }
            ProtectionStanding::Bar => {
                let because = "substantial grounds bar this destination, or a place that may be it";
                stop(Rule::Pro02, &untold(because, protection.assessment));
            }
            ProtectionStanding::Stale => {
                stop(Rule::Pro03, "the assessment is too old, or precedes an exposure")
            }
            ProtectionStanding::Clear => {}
        }
        for lacking in self.assurances_needed().into_iter().filter(|one| !self.is_assured_from_there(*one)) {
            let (rule, because) = match lacking {
                Assurance::WillingAndAbleGc3 => (
                    Rule::Pro04,
                    "the last word of no party to the Convention that is to receive him is that it is willing and able",
                ),
                Assurance::NoOnwardReturn => (
                    Rule::Pro05,
                    "the State that is to receive him did not assure last that there is no onward return",
                ),
                _ => (
                    Rule::Med05,
                    "whoever receives him did not undertake that there is no active military service",
                ),
            };
            stops.push(Stop::new(rule, because));
        }
    }

    /// What whoever receives the person has to assure in an act of its own, because no terms bind it (PRO-04, PRO-05, MED-05).
    fn assurances_needed(&self) -> Vec<Assurance> {
        use Assurance::{NoActiveMilitaryService, NoOnwardReturn, WillingAndAbleGc3};
        let is_bound = || self.terms.required_parties.iter().any(|party| self.receives(party));
        let mut needed = Vec::new();
        if self.terms.route == Route::TransferToPower {
            needed.push(WillingAndAbleGc3);
        }
        if self.goes_to_a_third_state() && !(self.is_in_the_terms(NoOnwardReturn) && is_bound()) {
            needed.push(NoOnwardReturn);
        }
        if finding_needed(self.terms.route).is_some() && !self.is_in_the_terms(NoActiveMilitaryService) {
            needed.push(NoActiveMilitaryService);
        }
        needed
    }

    /// Neither home nor where he is held, whatever the route is called.
    fn goes_to_a_third_state(&self) -> bool {
        !self.leads_to(&Destination::PowerOfOrigin) && !self.leads_to(&Destination::RemainInDetainingState)
    }

    fn is_in_the_terms(&self, assurance: Assurance) -> bool {
        self.terms.assurances.iter().any(|given| *given == assurance)
    }

    /// Whether whoever receives the person gives this by its last word about him: an act that stands and that it did not
    /// take back, and after which it said nothing else.
    fn is_assured_from_there(&self, needed: Assurance) -> bool {
        let all = self.assurances_from_there();
        let is_taken_back = |one: &Registered| {
            let says_otherwise = |(later, act): &(&Registered, &Assurances)| {
                later.sender == one.sender && later.knew(one) && !gives(act, needed)
            };
            all.iter().any(says_otherwise) || commitments::is_taken_back(self.past, one)
        };
        all.iter().any(|(one, act)| one.stands() && gives(act, needed) && !is_taken_back(one))
    }

    /// Assurances for the person of whoever is to receive him, whether or not they stand.
    fn assurances_from_there(&self) -> Vec<(&Registered, &Assurances)> {
        let all = assurances(self.past, &self.line.person);
        all.filter(|(one, _)| self.receives(&one.sender)).collect()
    }

    /// Whether this is the Power that is to receive the person. A ministry whose code is not that of a State may be.
    fn receives(&self, ministry: &Ministry) -> bool {
        let roles = opening::roles(self.past, ministry);
        let is_power = !roles.is_empty() && !opening::observes(&roles);
        let is_there =
            || custody::region(ministry).is_none_or(|code| self.leads_to(&Destination::NamedState(code)));
        is_power && custody::holder(self.past, &self.line.person) != Some(ministry) && is_there()
    }

    fn medical(&self, stops: &mut Vec<Stop>) {
        let person = &self.line.person;
        let Some(needed) = finding_needed(self.terms.route) else { return };
        if !medical::is_eligible(self.past, person, needed) {
            stops.push(Stop::new(Rule::Med02, "no commission or manifest case made the person eligible"));
        }
    }

    fn judicial(&self, stops: &mut Vec<Stop>) {
        let judicial = judicial(self.past, &self.line.person);
        let because = match judicial.standing {
            JudicialStanding::Free => return,
            JudicialStanding::Pending => "proceedings are pending",
            JudicialStanding::Convicted => {
                "convicted, neither released for transfer nor consenting in writing"
            }
        };
        stops.push(Stop::new(Rule::Jud01, untold(because, judicial.status)));
    }
}

/// Whether an act gives this. Only a party to the Convention is able to apply it (GC III Art. 12(2)).
fn gives(act: &Assurances, assurance: Assurance) -> bool {
    let is_able = assurance != Assurance::WillingAndAbleGc3 || act.party_to_gc3.0;
    is_able && act.assurances.iter().any(|given| *given == assurance)
}

/// Assurances for a person, or for all, whether or not they stand.
fn assurances<'h>(
    past: &Past<'h>,
    person: &PersonRef,
) -> impl Iterator<Item = (&'h Registered, &'h Assurances)> {
    let about = past.of_person(person).chain(past.general(ActKind::Assurances));
    saying!(about, Assurances)
}

#[cfg(test)]
#[path = "guard_tests.rs"]
mod tests;
