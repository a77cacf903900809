//! Picking: which consultations and cases a list is to hold, and which of their fields.
//!
//! Filters of a request enter, read strictly; what is on the wire already is taken or left, and shown in part.

use super::pages::Mask;
use super::refusals::Refused;
use crate::consultation::reference::PersonRef;
use crate::consultation::state::opening::Opening;
use crate::limits;
use crate::proto::desk::v1 as wire;
use crate::trust::name::Ministry;

/// Fields of a consultation that a mask may name.
pub(super) const CONSULTATION_FIELDS: &[&str] =
    &["name", "state", "subject", "parties", "acts", "waiting", "not_understood", "unopened", "cases"];

/// Fields of a case that a mask may name.
pub(super) const CASE_FIELDS: &[&str] = &["name", "stage", "shown", "stops", "next_steps"];

/// What a list of consultations is to hold.
pub(super) struct Consultations {
    state: Option<String>,
    party: Option<String>,
    person: Option<String>,
    words: Vec<String>,
}

impl Consultations {
    pub(super) fn read(request: &wire::ListConsultationsRequest) -> Result<Self, Refused> {
        let state = said(&request.state);
        if state.as_ref().is_some_and(|word| Opening::from_word(word).is_none()) {
            return Err(invalid("state", "there is no such state"));
        }
        Ok(Self {
            state,
            party: ministry("party", &request.party)?,
            person: person(&request.person)?,
            words: words(&request.query)?,
        })
    }

    pub(super) fn takes(&self, one: &wire::Consultation) -> bool {
        let is_party = |code: &String| one.parties.iter().any(|party| party.ministry == *code);
        let has_case =
            |person: &String| one.cases.iter().any(|case| case.ends_with(&format!("/cases/{person}")));
        let text = format!("{} {}", one.name, one.subject).to_lowercase();
        self.state.as_ref().is_none_or(|wanted| one.state == *wanted)
            && self.party.as_ref().is_none_or(is_party)
            && self.person.as_ref().is_none_or(has_case)
            && self.words.iter().all(|word| text.contains(word.as_str()))
    }
}

/// What a list of cases is to hold.
pub(super) struct Cases {
    stage: Option<String>,
    person: Option<String>,
    awaits: Option<String>,
    stopped_only: bool,
}

impl Cases {
    pub(super) fn read(request: &wire::ListCasesRequest) -> Result<Self, Refused> {
        if request.stage.len() > limits::SEARCH_BYTES_MAX {
            return Err(invalid("stage", "there is no such stage"));
        }
        Ok(Self {
            stage: said(&request.stage),
            person: person(&request.person)?,
            awaits: ministry("awaits", &request.awaits)?,
            stopped_only: request.stopped_only,
        })
    }

    /// Whether the case of this person may be meant at all, before it is looked at.
    pub(super) fn concerns(&self, person: &str) -> bool {
        self.person.as_ref().is_none_or(|wanted| wanted == person)
    }

    pub(super) fn takes(&self, one: &wire::Case) -> bool {
        let acts_next = |code: &String| one.next_steps.iter().any(|step| step.ministries.contains(code));
        self.stage.as_ref().is_none_or(|wanted| one.shown == *wanted || one.stage == *wanted)
            && self.awaits.as_ref().is_none_or(acts_next)
            && (!self.stopped_only || !one.stops.is_empty())
    }
}

/// The fields of a consultation that are wanted.
pub(super) fn consultation(whole: wire::Consultation, mask: &Mask) -> wire::Consultation {
    let wire::Consultation { name, state, subject, parties, acts, waiting, not_understood, unopened, cases } =
        whole;
    wire::Consultation {
        name: kept(mask, "name", name),
        state: kept(mask, "state", state),
        subject: kept(mask, "subject", subject),
        parties: kept(mask, "parties", parties),
        acts: kept(mask, "acts", acts),
        waiting: kept(mask, "waiting", waiting),
        not_understood: kept(mask, "not_understood", not_understood),
        unopened: kept(mask, "unopened", unopened),
        cases: kept(mask, "cases", cases),
    }
}

/// The fields of a case that are wanted.
pub(super) fn case(whole: wire::Case, mask: &Mask) -> wire::Case {
    let wire::Case { name, stage, shown, stops, next_steps } = whole;
    wire::Case {
        name: kept(mask, "name", name),
        stage: kept(mask, "stage", stage),
        shown: kept(mask, "shown", shown),
        stops: kept(mask, "stops", stops),
        next_steps: kept(mask, "next_steps", next_steps),
    }
}

fn kept<T: Default>(mask: &Mask, field: &str, value: T) -> T {
    if mask.wants(field) { value } else { T::default() }
}

fn said(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn ministry(field: &str, code: &str) -> Result<Option<String>, Refused> {
    if code.is_empty() {
        return Ok(None);
    }
    let parsed = Ministry::parse(code).map_err(|_| invalid(field, "the code of a ministry is expected"))?;
    Ok(Some(parsed.to_string()))
}

fn person(text: &str) -> Result<Option<String>, Refused> {
    if text.is_empty() {
        return Ok(None);
    }
    let parsed = PersonRef::parse(text).map_err(|_| invalid("person", "P-... is expected"))?;
    Ok(Some(parsed.text()))
}

fn words(query: &str) -> Result<Vec<String>, Refused> {
    if query.is_empty() {
        return Ok(Vec::new());
    }
    let words: Vec<String> = query.split_whitespace().map(str::to_lowercase).collect();
    if !(2..=limits::SEARCH_BYTES_MAX).contains(&query.len()) || words.is_empty() {
        let most = limits::SEARCH_BYTES_MAX;
        return Err(invalid("query", &format!("2 to {most} bytes are expected")));
    }
    Ok(words)
}

fn invalid(field: &str, message: &str) -> Refused {
    Refused::field(field, "FIELD_INVALID", message)
}
