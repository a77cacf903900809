//! The case of a person as people read it and as scripts do: stage, facets, who must act next and what blocks it.
//!
//! A past, an instant and a charter enter; what the states of `consultation::state` say of it leaves. Nothing is
//! decided here, and no name is shown.

use serde_json::{Value, json};

use super::capitals::Capitals;
use super::registers::Registers;
use crate::consultation::act::Act;
use crate::consultation::acts::law::Destination;
use crate::consultation::acts::values::Origin;
use crate::consultation::charter::Charter;
use crate::consultation::history::Past;
use crate::consultation::reference::PersonRef;
use crate::consultation::registered::Registered;
use crate::consultation::state::countersignature::{self, Countersigning};
use crate::consultation::state::guard::Stop;
use crate::consultation::state::next_steps::{self, Step};
use crate::consultation::state::places::{Spoken, is_open};
use crate::consultation::state::reached::{Facet, Stage};
use crate::consultation::state::stage::{self, CaseStage};
use crate::consultation::state::will::Will;
use crate::consultation::state::{
    commitments, custody, exposure, holds, judicial, medical, protection, saying, will,
};
use crate::time::Timestamp;
use crate::trust::name::Ministry;

/// One person of a consultation.
#[derive(Debug, Clone, Copy)]
pub(super) struct CaseView<'a> {
    pub(super) past: &'a Past<'a>,
    pub(super) person: PersonRef,
    pub(super) at: Timestamp,
    pub(super) charter: &'a Charter,
    pub(super) registers: &'a Registers,
    pub(super) capitals: &'a Capitals,
}

impl<'a> CaseView<'a> {
    /// The stage of the case.
    pub(super) fn stage(&self) -> CaseStage<'a> {
        stage::stage(self.past, &self.person, self.at, self.charter)
    }

    /// What the case waits for.
    pub(super) fn steps(&self) -> Vec<Step> {
        next_steps::of_person(self.past, &self.person, self.at, self.charter)
    }

    /// The stage in words: what stops it, and what was wrong with a handover that took place.
    pub(super) fn stage_words(&self) -> String {
        let stage = self.stage();
        let mut words = stage.shown().to_string();
        if stage.shown() != stage.reached {
            words.push_str(&format!(" over {}", stage.reached));
        }
        if let Some(reported) = stage.reported.filter(|reported| *reported != stage.reached) {
            words.push_str(&format!(", reported {reported}"));
        }
        let list = |facets: &[Facet]| facets.iter().map(|facet| facet.word()).collect::<Vec<_>>().join(", ");
        if !stage.stops.is_empty() {
            words.push_str(&format!(", stopped by {}", list(&stage.stops)));
        }
        if !stage.irregular.is_empty() {
            words.push_str(&format!(", handed over against {}", list(&stage.irregular)));
        }
        words
    }

    /// Lines for people.
    pub(super) fn text(&self) -> String {
        let mut text = format!("{}  {}\n", self.person.text(), self.stage_words());
        let mut say = |label: &str, value: &str| text.push_str(&format!("  {label:<11} {value}\n"));
        for stop in self.untold_stops() {
            say("stopped", &stop_text(&stop));
        }
        say("custody", &self.custody_words());
        say("will", &self.will_words());
        for (destination, protection) in self.protections() {
            let until = self.until(protection.until);
            let rests = self.rests_on(protection.assessment);
            say(
                "protection",
                &format!("{}: {}{until}{rests}", destination_text(&destination), protection.standing),
            );
        }
        let fitness = medical::fitness(self.past, &self.person, self.at, self.charter);
        let (until, rests) = (self.until(fitness.until), self.rests_on(fitness.finding));
        say("medical", &format!("{}{until}{rests}", fitness.standing));
        let judicial = judicial::judicial(self.past, &self.person);
        say("judicial", &format!("{}{}", judicial.standing, self.rests_on(judicial.status)));
        for hold in holds::active(self.past, &self.person, self.at, self.charter) {
            let reason = hold.act.reason.map_or("no reason given", |reason| reason.word());
            let lapses =
                hold.lapses.map(|at| format!(", lapses {}", self.capitals.show(at))).unwrap_or_default();
            let Registered { sender, released, .. } = hold.registered;
            let since = self.capitals.show(*released);
            say(
                "hold",
                &format!("{sender} since {since}: {reason}{lapses}{}", self.rests_on(Some(hold.registered))),
            );
        }
        for incident in exposure::incidents(self.past, &self.person) {
            let state = if incident.open { "open" } else { "assessed" };
            let (id, pending) = (incident.act.incident_id.as_str(), incident.pending());
            let rests = self.rests_on(Some(incident.notice));
            say("incident", &format!("{id}: {state}, {pending} locators pending{rests}"));
        }
        for one in self.countersignings() {
            say("protective", &self.countersigning_words(&one));
        }
        for step in self.steps() {
            text.push_str(&step_text(&step, self.capitals, "  next        "));
        }
        text
    }

    /// What stops the case, each with its rule.
    fn stops(&self) -> Vec<Stop> {
        let stops = self.stage().stops.into_iter();
        stops.map(|facet| stage::stop_by(facet, self.past, &self.person, self.at, self.charter)).collect()
    }

    /// The same less what is told below a step that it blocks: before an agreement there is none.
    fn untold_stops(&self) -> Vec<Stop> {
        let steps = self.steps();
        let is_told =
            |stop: &Stop| steps.iter().flat_map(|step| &step.blocked).any(|told| told.rule == stop.rule);
        self.stops().into_iter().filter(|stop| !is_told(stop)).collect()
    }

    /// Protective acts about the person that one officer sent.
    fn countersignings(&self) -> Vec<Countersigning<'a>> {
        let acts = self.past.of_person(&self.person);
        acts.filter_map(|act| countersignature::of(self.past, act, self.charter)).collect()
    }

    fn countersigning_words(&self, one: &Countersigning<'_>) -> String {
        let Registered { sender, kind, .. } = one.act;
        let stands = match one.by {
            Some(by) => {
                let offices: Vec<String> = by.signed_by.iter().map(ToString::to_string).collect();
                let (offices, at) = (offices.join(", "), self.capitals.show(by.released));
                format!("countersigned by {offices} {at}{}", self.rests_on(Some(by)))
            }
            None if one.is_overdue(self.at) => {
                format!("countersignature overdue since {}; it counts", self.capitals.show(one.due))
            }
            None => format!("to be countersigned by {}", self.capitals.show(one.due)),
        };
        format!("{sender} {kind}{}: {stands}", self.rests_on(Some(one.act)))
    }

    /// The same for scripts.
    pub(super) fn report(&self) -> Value {
        let stage = self.stage();
        let will = will::will(self.past, &self.person, self.at, self.charter);
        let fitness = medical::fitness(self.past, &self.person, self.at, self.charter);
        let judicial = judicial::judicial(self.past, &self.person);
        let case = custody::case(self.past, &self.person);
        let words = |facets: &[Facet]| facets.iter().map(|facet| facet.word()).collect::<Vec<_>>();
        json!({
            "schema": "chancery.case/1",
            "person": self.person.text(),
            "stage": stage.shown().to_string(),
            "reached": stage.reached.to_string(),
            "stopped_by": words(&stage.stops),
            "stops": self.stops().iter().map(stop_report).collect::<Vec<_>>(),
            "reported": stage.reported.map(|reported| reported.to_string()),
            "handed_over_against": words(&stage.irregular),
            "detained_by": case.as_ref().filter(|_| !is_over(&stage)).map(|case| case.registered.sender.as_str()),
            "handed_over_to": self.handed_over_to(&stage),
            "status": case.as_ref().map(|case| case.act.status.word()),
            "power_of_origin": case.as_ref().map(|case| case.act.power_of_origin.text()),
            "agreement": stage.agreement.as_ref().map(|one| one.terms().agreement_id.as_str()),
            "arrangement": stage.arrangement.as_ref().map(|one| one.act.arrangement_id.as_str()),
            "will": self.will_report(&will),
            "protection": self.protections().iter().map(|(destination, one)| json!({
                "destination": destination_text(destination),
                "standing": one.standing.word(),
                "until": one.until.map(|at| at.to_string()),
                "rests_on": one.assessment.map(|act| self.registers.of(act)),
            })).collect::<Vec<_>>(),
            "medical": { "standing": fitness.standing.word(), "until": fitness.until.map(|at| at.to_string()) },
            "judicial": { "standing": judicial.standing.word() },
            "holds": holds::active(self.past, &self.person, self.at, self.charter).iter().map(|hold| json!({
                "by": hold.registered.sender.as_str(),
                "reason": hold.act.reason.map(|reason| reason.word()),
                "since": hold.registered.released.to_string(),
                "lapses": hold.lapses.map(|at| at.to_string()),
                "ref": self.registers.of(hold.registered),
            })).collect::<Vec<_>>(),
            "incidents": exposure::incidents(self.past, &self.person).iter().map(|incident| json!({
                "incident": incident.act.incident_id.as_str(),
                "open": incident.open,
                "locators_pending": incident.pending(),
                "answer_due": incident.act.reply_due_time.to_string(),
                "ref": self.registers.of(incident.notice),
            })).collect::<Vec<_>>(),
            "countersignatures": self.countersignings().iter()
                .map(|one| countersigning_report(one, self.at, self.registers)).collect::<Vec<_>>(),
            "next": self.steps().iter().map(step_report).collect::<Vec<_>>(),
        })
    }

    fn custody_words(&self) -> String {
        match custody::case(self.past, &self.person) {
            None => "no case is registered".to_owned(),
            Some(case) => {
                let origin = match &case.act.power_of_origin {
                    Origin::State(code) => format!("depends on {}", code.as_str()),
                    Origin::Undetermined => "Power of origin undetermined".to_owned(),
                };
                let rests = self.rests_on(Some(case.registered));
                let (status, sender) = (case.act.status, &case.registered.sender);
                let stage = self.stage();
                let held = match self.handed_over_to(&stage) {
                    Some(to) => format!("handed over by {sender} to {to}"),
                    None if is_over(&stage) => format!("not held by {sender} any more"),
                    None => format!("held by {sender}"),
                };
                format!("{status}, {held}, {origin}{rests}")
            }
        }
    }

    /// Where the person was handed over, as it was agreed; none where nobody reported that, or where it is not known.
    fn handed_over_to(&self, stage: &CaseStage<'_>) -> Option<String> {
        if !matches!(stage.reached, Stage::HandedOver | Stage::Irregular) {
            return None;
        }
        let Some(Act::HandoverReport(report)) = stage.reports.first()?.act.as_ref() else { return None };
        let arranged = commitments::arrangement(self.past, &report.arrangement_id)?;
        arranged.agreement.line(&self.person).map(|line| destination_text(&line.destination))
    }

    fn will_words(&self) -> String {
        let will = will::will(self.past, &self.person, self.at, self.charter);
        let mut words = format!("{}{}", will.standing, self.until(will.until));
        if let Some(statement) = &will.statement {
            let accepts: Vec<String> = statement.act.acceptable.iter().map(destination_text).collect();
            words.push_str(&format!(", accepts {}", accepts.join(", ")));
            let refuses: Vec<String> = statement.act.refused.iter().map(destination_text).collect();
            if !refuses.is_empty() {
                words.push_str(&format!("; refuses {}", refuses.join(", ")));
            }
            words.push_str(&self.rests_on(Some(statement.registered)));
        }
        for against in &will.against {
            words.push_str(&format!("; against it: {} of {}", against.kind, self.registers.of(against)));
        }
        words
    }

    fn will_report(&self, will: &Will<'_>) -> Value {
        let places = |places: &[Destination]| places.iter().map(destination_text).collect::<Vec<_>>();
        let statement = will.statement.as_ref();
        json!({
            "standing": will.standing.word(),
            "until": will.until.map(|at| at.to_string()),
            "rests_on": statement.map(|statement| self.registers.of(statement.registered)),
            "accepts": statement.map(|statement| places(statement.act.acceptable.as_slice())),
            "refuses": statement.map(|statement| places(statement.act.refused.as_slice())),
            "against": will.against.iter().map(|act| self.registers.of(act)).collect::<Vec<_>>(),
        })
    }

    /// Protection towards every destination that somebody assessed, wished for or agreed on, ascending.
    fn protections(&self) -> Vec<(Destination, protection::Protection<'a>)> {
        let past = self.past;
        let mut destinations: Vec<Destination> = saying!(past.of_person(&self.person), ProtectionAssessment)
            .map(|(_, act)| act.destination.clone())
            .collect();
        for (_, act) in saying!(past.of_person(&self.person), ExpressionOfWill) {
            let named = act.acceptable.iter().filter(|place| !is_open(place));
            destinations.extend(named.cloned());
        }
        destinations.sort_unstable();
        destinations.dedup();
        let each = destinations.into_iter().map(|destination| {
            let found =
                protection::protection(past, &self.person, Spoken::now(&destination), self.at, self.charter);
            (destination, found)
        });
        each.collect()
    }

    fn until(&self, until: Option<Timestamp>) -> String {
        until.map(|at| format!(" until {}", self.capitals.show(at))).unwrap_or_default()
    }

    fn rests_on(&self, act: Option<&Registered>) -> String {
        act.map(|act| format!(" [{}]", self.registers.of(act))).unwrap_or_default()
    }
}

/// Whether the Power that registered the case holds nobody by it any more.
fn is_over(stage: &CaseStage<'_>) -> bool {
    matches!(stage.reached, Stage::HandedOver | Stage::Irregular | Stage::Deceased)
}

/// Whether a protective act is countersigned, for scripts.
pub(super) fn countersigning_report(one: &Countersigning<'_>, at: Timestamp, registers: &Registers) -> Value {
    json!({
        "kind": one.act.kind,
        "from": one.act.sender.as_str(),
        "ref": registers.of(one.act),
        "due": one.due.to_string(),
        "overdue": one.is_overdue(at),
        "countersigned_by": one.by
            .map(|by| by.signed_by.iter().map(ToString::to_string).collect::<Vec<_>>()),
        "countersignature": one.by.map(|by| registers.of(by)),
    })
}

/// A destination in words.
pub(super) fn destination_text(destination: &Destination) -> String {
    match destination {
        Destination::PowerOfOrigin => "POWER_OF_ORIGIN".to_owned(),
        Destination::NamedState(code) => code.as_str().to_owned(),
        Destination::RemainInDetainingState => "REMAIN_IN_DETAINING_STATE".to_owned(),
        Destination::AnyStateExceptRefused => "ANY_STATE_EXCEPT_REFUSED".to_owned(),
        Destination::Undecided => "UNDECIDED".to_owned(),
    }
}

/// Who must act, with what, by when, and below it what blocks that, each with its rule.
pub(super) fn step_text(step: &Step, capitals: &Capitals, label: &str) -> String {
    let by = step.by.map(|at| format!(" by {}", capitals.show(at))).unwrap_or_default();
    let mut text = format!("{label}{}: {}{by}\n", names(&step.who), step.act);
    let indent = " ".repeat(label.len());
    for stop in &step.blocked {
        text.push_str(&format!("{indent}blocked by {}\n", stop_text(stop)));
    }
    text
}

/// A stop with its rule, what stands against it, and what the rule says.
pub(super) fn stop_text(stop: &Stop) -> String {
    format!("{}: {} (rule: {})", stop.rule, stop.because, stop.rule.text())
}

/// A stop for scripts.
pub(super) fn stop_report(stop: &Stop) -> Value {
    json!({
        "rule": stop.rule.word(),
        "because": stop.because,
        "text": stop.rule.text(),
        "cure": stop.rule.cure(),
    })
}

/// A step for scripts.
pub(super) fn step_report(step: &Step) -> Value {
    json!({
        "who": step.who.iter().map(Ministry::as_str).collect::<Vec<_>>(),
        "act": step.act.word(),
        "person": step.person.map(|person| person.text()),
        "by": step.by.map(|at| at.to_string()),
        "blocked": step.blocked.iter().map(stop_report).collect::<Vec<_>>(),
    })
}

fn names(who: &[Ministry]) -> String {
    match who {
        [] => "somebody".to_owned(),
        _ => who.iter().map(Ministry::as_str).collect::<Vec<_>>().join(", "),
    }
}
